"""The waist of the house: who was seen on which lists, per stratum, and which cells could be seen at all."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from mse.errors import ModelError, Problem
from mse.kernels.arrays import Array, Flags, Integers
from mse.tables import reshaping
from mse.tables.checks import MAX_LISTS as MAX_LISTS
from mse.tables.checks import Faults, add_content_faults, add_name_faults, membership, whole_counts
from mse.tables.reading import read_overlap, stem
from mse.tables.readspec import Reading
from mse.words.cards import card
from mse.words.catalogues import catalogue
from mse.words.said import Said, said

if TYPE_CHECKING:
    import xarray as xr

    from mse.tables.cells import OverlapCells


class DenseCells(NamedTuple):
    """Kernel arrays of a table without strata; index = history, and index 0 is empty.

    Parameters
    ----------
    counts : float64 array, shape (2**K,)
        Persons; ``counts[0]`` is 0.
    cells : float64 array, shape (2**K,)
        1 where a cell is observable, else 0; ``cells[0]`` is 0.
    """

    counts: Array
    cells: Array


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CaptureTable:
    """Counts per stratum and non-empty history.

    A history is the set of lists that a person is on, written as an integer with bit j for list j.
    The never-seen history 0 has no column, so that the unknown cannot be mistaken for a zero.

    Parameters
    ----------
    lists : tuple of str, length K
        Names of the lists, in bit order.
    counts : int64 array, shape (S, 2**K - 1)
        Persons per stratum; column h - 1 holds history h.
    strata : mapping of str to tuple of str
        Named dimensions and their levels; the S rows run through their product in C order.
        Empty for a table without covariates, which has S = 1.
    observable : bool array, shape (S, 2**K - 1)
        False where a cell cannot hold anybody (structural zero, for example a list blind to the stratum).
    absent : bool array, shape (S, K)
        True where a list did not operate or did not deliver, which is not the same as being blind:
        the histories of that stratum are then only known up to that list.
    name : str
        Short name of the table, used in messages and file names.
    unread : tuple of str
        Columns of the file or frame that were not read; no part of what tables are compared by.
    read_as : Said or None
        What was understood when it was read, in one line; no part of what tables are compared by.

    Raises
    ------
    InputError
        With every problem at once: fewer than 2 or more than 16 lists, repeated names, negative counts,
        persons in an unobservable cell or on an absent list, a list nobody is on, lists that never overlap.

    Notes
    -----
    Arrays are copied in and made read-only; tables are equal when their digests are.
    """

    lists: tuple[str, ...]
    counts: Integers
    strata: Mapping[str, tuple[str, ...]]
    observable: Flags
    absent: Flags
    name: str
    unread: tuple[str, ...] = ()
    read_as: Said | None = None

    def __post_init__(self) -> None:
        """Copy the arrays in, freeze them, and check everything."""
        lists = tuple(str(x) for x in self.lists)
        strata = {str(dim): tuple(str(x) for x in levels) for dim, levels in self.strata.items()}
        faults = Faults(said("what.table", name=self.name))
        add_name_faults(faults, lists, strata)
        faults.raise_if_any()
        n_cells, n_strata = 2 ** len(lists) - 1, math.prod(len(levels) for levels in strata.values())
        counts = whole_counts(self.counts, faults.source)
        observable, absent = np.array(self.observable, dtype=bool), np.array(self.absent, dtype=bool)
        for what, array, shape in (
            ("counts", counts, (n_strata, n_cells)),
            ("observable", observable, (n_strata, n_cells)),
            ("absent", absent, (n_strata, len(lists))),
        ):
            if array.shape != shape:
                kind = said("found.has_shape", what=what, shape=str(array.shape))
                allowed = said("allowed.lists_strata", shape=str(shape), lists=len(lists), n_strata=n_strata)
                remedy = said("do.name_strata_if_any")
                faults.add(kind, allowed, remedy)
        faults.raise_if_any()
        add_content_faults(faults, lists, counts, observable, absent)
        faults.raise_if_any()
        for array in (counts, observable, absent):
            array.flags.writeable = False
        put = partial(object.__setattr__, self)  # the only way into a frozen dataclass
        put("lists", lists)
        put("counts", counts)
        put("strata", MappingProxyType(strata))
        put("observable", observable)
        put("absent", absent)
        put("name", str(self.name))

    # ---- building -----------------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls,
        lists: Sequence[str],
        counts: npt.ArrayLike,
        *,
        strata: Mapping[str, Sequence[str]] | None = None,
        observable: npt.ArrayLike | None = None,
        absent: npt.ArrayLike | None = None,
        name: str = "table",
    ) -> Self:
        """Build a table from counts in history order.

        Parameters
        ----------
        lists : sequence of str, length K
            Names in bit order: list j is bit j of the history.
        counts : array_like, shape (2**K - 1,), (S, 2**K - 1) or (levels of each dimension ..., 2**K - 1)
            Whole numbers; entry h - 1 of the last axis is history h.
        strata : mapping of str to sequence of str, optional
            Dimensions and levels; their product in C order gives the S rows.
        observable : array_like of bool, shape as `counts`, optional
            All True when not given.
        absent : array_like of bool, shape (K,) or (S, K), optional
            All False when not given.
        name : str
            Short name.

        Raises
        ------
        InputError
            See the class.
        """
        levels = {dim: tuple(values) for dim, values in (strata or {}).items()}
        n_strata = math.prod(len(x) for x in levels.values())
        whole = whole_counts(counts, said("what.table", name=name))
        shaped = _rows(whole, n_strata)
        seen = np.ones(shaped.shape, dtype=bool) if observable is None else np.array(observable, dtype=bool)
        none = np.zeros((n_strata, len(lists)), dtype=bool) if absent is None else np.array(absent, dtype=bool)
        return cls(tuple(lists), shaped, levels, _rows(seen, n_strata), _rows(none, n_strata), name)

    @classmethod
    def read(cls, source: Any, reading: Reading | None = None, *, name: str | None = None, **said_of_it: Any) -> Self:
        """Read an overlap table from a file of any kind, or from what lies in memory.

        Parameters
        ----------
        source : str, Path or object
            A file (CSV, TSV, Excel, OpenDocument, Parquet, JSON, SPSS, Stata, SAS, MARK; packed or not); a data frame
            of pandas, polars or Arrow; a series, an array, a mapping (`mse.tables.objectgrids.object_grid`).
        reading : Reading, optional
            What is said about it. What is not said is understood from it by the rules at the top of
            `mse.tables.cells`, and told in `read_as`.
        name : str, optional
            Name of the table; that of the file when not given.
        **said_of_it
            Fields of `Reading`, instead of one: ``lists``, ``covariates``, ``count``, ``ignore``, ``persons``, ….

        Raises
        ------
        InputError
            With every problem at once, and every question with the option that answers it.
        ModelError
            When a list that is to be merged or dropped is not there.
        """
        cells = read_overlap(source, reading or Reading(**said_of_it))
        return cls.from_cells(cells, stem(source) if name is None else name)

    @classmethod
    def from_cells(cls, cells: OverlapCells, name: str) -> Self:
        """Return the table of cells that were read."""
        shape = [len(levels) for levels in cells.strata.values()]
        counts = np.zeros((math.prod(shape), 2 ** len(cells.lists) - 1), dtype=np.int64)
        for (history, *stratum), n in cells.counts.items():
            row = 0
            for size, level in zip(shape, stratum, strict=True):
                row = row * size + level
            counts[row, history - 1] += n
        seen, absent = np.ones(counts.shape, dtype=bool), np.zeros((len(counts), len(cells.lists)), dtype=bool)
        return cls(cells.lists, counts, cells.strata, seen, absent, name, cells.unread, cells.told)

    @classmethod
    def from_csv(cls, path: str | Path, *, name: str | None = None, **said_of_it: Any) -> Self:
        """Read an overlap table from a file; `read` under the name that people look for."""
        return cls.read(path, name=name, **said_of_it)

    @classmethod
    def from_frame(cls, frame: Any, *, name: str = "table", count: str | None = "count", **said_of_it: Any) -> Self:
        """Build a table from a data frame, as `read`; ``count=None`` says that each row is one person."""
        return cls.read(frame, name=name, count=count or "count", persons=count is None, **said_of_it)

    # ---- reading ------------------------------------------------------------------------------------

    @property
    def observed(self) -> int:
        """Persons on at least one list."""
        return int(self.counts.sum())

    @property
    def n_lists(self) -> int:
        """Number of lists, K."""
        return len(self.lists)

    @property
    def n_strata(self) -> int:
        """Number of strata, S; 1 for a table without covariates."""
        return int(self.counts.shape[0])

    @property
    def digest(self) -> str:
        """SHA-256 of lists, strata, counts, observable and absent; the name is not part of it."""
        arrays = (self.counts.astype("<i8"), self.observable.astype("u1"), self.absent.astype("u1"))
        return _digest(self.lists, tuple(self.strata.items()), *(x.tobytes() for x in arrays))

    def membership(self) -> Flags:
        """Return who is on what: bool array of shape (2**K - 1, K), row h - 1 for history h."""
        return membership(self.n_lists)

    def list_totals(self) -> Integers:
        """Return the persons on each list, over all strata: shape (K,)."""
        return np.diagonal(_overlaps(self.n_lists, self.counts.sum(axis=0).tobytes())).copy()

    def overlaps(self) -> Integers:
        """Return the persons on both of two lists, over all strata: shape (K, K), totals on the diagonal."""
        return _overlaps(self.n_lists, self.counts.sum(axis=0).tobytes()).copy()

    def alone(self) -> Integers:
        """Return the persons on each list and no other, over all strata: shape (K,)."""
        return np.asarray(self.counts.sum(axis=0)[(1 << np.arange(self.n_lists)) - 1])

    def history_counts(self) -> Integers:
        """Return the persons on exactly 1, 2, ..., K lists, over all strata: shape (K,)."""
        out = np.zeros(self.n_lists + 1, dtype=np.int64)
        np.add.at(out, self.membership().sum(axis=1), self.counts.sum(axis=0))
        return out[1:]

    def notation(self, history: int) -> str:
        """Return a history in words, ``"A & C"``.

        Raises
        ------
        ModelError
            When `history` is not one of 1 ... 2**K - 1.
        """
        if not 1 <= history < 2**self.n_lists:
            raise ModelError(
                Problem(
                    said("found.no_such_history"), said("allowed.whole_number_1", what=2 ** self.n_lists - 1),
                    said("do.write_history_sum_2"),
                    file=said("what.table", name=self.name), value=str(history),
                )
            )  # fmt: skip
        return " & ".join(x for j, x in enumerate(self.lists) if history >> j & 1)

    def dense(self) -> DenseCells:
        """Return counts and observable cells as kernels take them, index = history.

        Raises
        ------
        ModelError
            When the table has strata.
        """
        if self.strata:
            raise ModelError(
                Problem(
                    said("fault.strata", names=list(self.strata)),
                    said("allowed.table_without_covariates"),
                    said("do.sum_over_them_collapse"),
                    file=said("what.table", name=self.name),
                )
            )
        counts, cells = np.zeros(2**self.n_lists), np.zeros(2**self.n_lists)
        counts[1:], cells[1:] = self.counts[0], self.observable[0]
        return DenseCells(counts, cells)

    @classmethod
    def from_xarray(cls, dataset: xr.Dataset) -> CaptureTable:
        """Build the table that `to_xarray` wrote."""
        lists = [str(x) for x in dataset["list"].values]
        dims = [str(d) for d in dataset["count"].dims if d != "history"]
        return cls.from_arrays(
            lists,
            dataset["count"].values,
            strata={d: [str(x) for x in dataset[d].values] for d in dims},
            observable=dataset["observable"].values,
            absent=dataset["absent"].values,
            name=str(dataset.attrs["name"]),
        )

    # ---- other forms: methods that are written in reshaping.py ----------------------------------------

    rename = reshaping.rename
    select = reshaping.select
    leave_out = reshaping.leave_out
    merge_lists = reshaping.merge_lists
    collapse = reshaping.collapse
    part = reshaping.part
    blind = reshaping.blind
    without = reshaping.without
    drop, merge, at = reshaping.drop, reshaping.merge, reshaping.at  # names until the next release
    to_pandas, to_xarray = reshaping.to_pandas, reshaping.to_xarray

    # ---- the value ----------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Tables are equal when their digests are."""
        return self.digest == other.digest if isinstance(other, CaptureTable) else NotImplemented

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor, so that a copy in another process is checked and read-only too."""
        parts = (
            self.lists,
            self.counts,
            dict(self.strata),
            self.observable,
            self.absent,
            self.name,
            self.unread,
            self.read_as,
        )
        return CaptureTable, parts

    def __repr__(self) -> str:
        """One line without any counts of cells."""
        strata = " x ".join(f"{dim} ({len(levels)})" for dim, levels in self.strata.items())
        seen = f"{self.observed:,} observed{'; strata ' + strata if strata else ''}"
        return f"<CaptureTable {self.name!r}: {self.n_lists} lists {', '.join(self.lists)}; {seen}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what the table is of, without any counts of cells."""
        say = catalogue()
        rows = [(say("card.lists"), ", ".join(self.lists)), (say("key.observed"), say.number(self.observed))]
        rows += [(dim, ", ".join(levels)) for dim, levels in self.strata.items()]
        if self.absent.any():
            rows.append((say("card.absent"), ", ".join(np.array(self.lists)[self.absent.any(axis=0)])))
        return card(self.name, rows, notes=() if self.read_as is None else (str(self.read_as),))


@lru_cache(maxsize=8)
def _digest(lists: tuple[str, ...], strata: tuple[tuple[str, tuple[str, ...]], ...], *arrays: bytes) -> str:
    """Return the digest of the content of a table, kept: an answer asks for it again and again."""
    head = {"format": "mse-capture-table/1", "lists": lists, "strata": strata}
    sha = hashlib.sha256(json.dumps(head, ensure_ascii=True).encode())
    for part in arrays:
        sha.update(b"\n" + part)
    return sha.hexdigest()


@lru_cache(maxsize=8)
def _overlaps(n_lists: int, counts: bytes) -> Integers:
    """Return the persons on both of two lists from those in every history, kept likewise."""
    on = membership(n_lists).astype(np.int64)
    return on.T @ (np.frombuffer(counts, dtype=np.int64)[:, None] * on)


def _rows[T: np.generic](array: npt.NDArray[T], n_strata: int) -> npt.NDArray[T]:
    """Return one row per stratum where that is possible; the class refuses the rest."""
    cells = array.shape[-1] if array.ndim else 1
    return array.reshape(n_strata, cells) if array.size == n_strata * cells else np.atleast_2d(array)
