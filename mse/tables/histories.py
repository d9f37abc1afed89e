"""Who was seen on which of many lists: only the histories that somebody has, for up to 62 lists.

A `CaptureTable` has a column for every possible history, which ends at 16 lists. Of 29 lists there are half a billion
histories, and a few hundred that anybody has.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mse.kernels.arrays import Integers
from mse.tables.captures import CaptureTable
from mse.tables.checks import MOST_LISTS, Faults, add_name_faults, add_structure_faults, whole_counts
from mse.tables.readspec import Reading
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.tables.cells import OverlapCells


@dataclass(frozen=True, slots=True, eq=False)
class HistoryTable:
    """Counts of the histories that somebody has; without strata.

    Parameters
    ----------
    lists : tuple of str, length K
        Names of the lists, in bit order.
    histories : int64 array, shape (H,)
        Lists of each history as the sum of 2**j; ascending, never 0.
    counts : int64 array, shape (H,)
        Persons with that history.
    name : str
        Short name of the table.
    read_as : Said or None
        What was understood when it was read, in one line.

    Raises
    ------
    InputError
        With every problem at once: fewer than 2 or more than 62 lists, repeated names, negative counts, histories out
        of range or given twice, a list nobody is on, lists that never overlap.
    """

    lists: tuple[str, ...]
    histories: Integers
    counts: Integers
    name: str = "table"
    read_as: Said | None = None

    def __post_init__(self) -> None:
        """Copy the arrays in, freeze them, and check everything."""
        lists = tuple(map(str, self.lists))
        faults = Faults(said("what.table", name=self.name))
        add_name_faults(faults, lists, {}, most=MOST_LISTS)
        faults.raise_if_any()
        histories, counts = np.array(self.histories, dtype=np.int64), whole_counts(self.counts, faults.source)
        order = np.argsort(histories, kind="stable")
        histories = histories[order]
        if histories.shape != counts.shape or histories.ndim != 1:
            faults.add(said("found.histories_counts", shape=str(histories.shape), shape_2=str(counts.shape)),
                       said("allowed.one_count_each_history"),
                       said("do.give_two_sequences_equal"))  # fmt: skip
            faults.raise_if_any()
        counts = counts[order]
        if len(histories) and (histories[0] < 1 or histories[-1] >= 1 << len(lists)):
            faults.add(said("found.history_out_range"), said("allowed.n1_2_1", lists=len(lists)),
                       said("do.leave_out_those_who"))  # fmt: skip
        if (np.diff(histories) == 0).any():
            faults.add(
                said("found.history_given_twice"), said("allowed.each_history_once"), said("do.add_up_its_counts")
            )
        faults.raise_if_any()
        held = counts > 0
        histories, counts = histories[held], counts[held]
        on = histories[:, None] >> np.arange(len(lists)) & 1
        overlap = bool((on.sum(axis=1) > 1).any())
        add_structure_faults(faults, lists, on.any(axis=0).tolist(), overlap, most=MOST_LISTS)
        faults.raise_if_any()
        for name, array in (("histories", histories), ("counts", counts)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "lists", lists)
        object.__setattr__(self, "name", str(self.name))

    def __repr__(self) -> str:
        """One line without any counts of histories."""
        return f"<HistoryTable {self.name!r}: {len(self.lists)} lists, {self.observed:,} observed>"

    @classmethod
    def read(cls, source: Any, reading: Reading | None = None, *, name: str | None = None, **said_of_it: Any) -> Self:
        """Read an overlap table as `CaptureTable.read` does, of up to 62 lists; covariates are summed over.

        Raises
        ------
        InputError
            With every problem of the file at once.
        """
        from mse.tables.reading import read_overlap, stem

        cells = read_overlap(source, replace(reading or Reading(**said_of_it), most=MOST_LISTS))
        return cls.from_cells(cells, stem(source) if name is None else name)

    @classmethod
    def from_cells(cls, cells: OverlapCells, name: str) -> Self:
        """Return the table of cells that were read; covariates are summed over."""
        found: dict[int, int] = {}
        for (history, *_), n in cells.counts.items():
            found[history] = found.get(history, 0) + n
        return cls(cells.lists, np.array(list(found), dtype=np.int64), np.array(list(found.values()), dtype=np.int64),
                   name, cells.told)  # fmt: skip

    @classmethod
    def from_csv(cls, path: str | Path, *, name: str | None = None, **said_of_it: Any) -> Self:
        """Read an overlap table from a file; `read` under the name that people look for."""
        return cls.read(path, name=name, **said_of_it)

    @classmethod
    def from_table(cls, table: CaptureTable) -> HistoryTable:
        """Return a table of few lists in this form; covariates are summed over."""
        counts = table.counts.sum(axis=0)
        held = np.flatnonzero(counts)
        return cls(table.lists, held + 1, counts[held], table.name)

    @property
    def observed(self) -> int:
        """Persons on at least one list."""
        return int(self.counts.sum())

    @property
    def n_lists(self) -> int:
        """Number of lists, K."""
        return len(self.lists)

    def overlaps(self) -> Integers:
        """Return the persons on both of two lists: shape (K, K), totals on the diagonal."""
        on = self.histories[:, None] >> np.arange(self.n_lists) & 1
        return np.asarray(on.T @ (self.counts[:, None] * on))

    def list_totals(self) -> Integers:
        """Return the persons on each list: shape (K,)."""
        return np.diagonal(self.overlaps()).copy()

    def alone(self) -> Integers:
        """Return the persons on each list and no other: shape (K,)."""
        return np.array([self.counts[self.histories == 1 << j].sum() for j in range(self.n_lists)], dtype=np.int64)

    def history_counts(self) -> Integers:
        """Return the persons on exactly 1, 2, ..., K lists: shape (K,)."""
        size = (self.histories[:, None] >> np.arange(self.n_lists) & 1).sum(axis=1)
        out = np.zeros(self.n_lists + 1, dtype=np.int64)
        np.add.at(out, size, self.counts)
        return out[1:]

    @property
    def digest(self) -> str:
        """SHA-256 of lists, histories and counts; the name is not part of it."""
        sha = hashlib.sha256(json.dumps({"format": "mse-history-table/1", "lists": self.lists}).encode())
        for part in (self.histories, self.counts):
            sha.update(b"\n" + part.astype("<i8").tobytes())
        return sha.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Tables are equal when their digests are."""
        return self.digest == other.digest if isinstance(other, HistoryTable) else NotImplemented

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)
