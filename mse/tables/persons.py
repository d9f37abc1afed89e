"""Persons one by one: on which lists each was, and covariates that may be numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Array, Flags
from mse.tables.checks import Faults, add_name_faults, add_structure_faults
from mse.tables.covariates import Columns, columns_digest, freeze_columns, read_columns
from mse.tables.grids import Grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.tables.listcolumns import list_bits
from mse.tables.reading import called, source_grid, stem
from mse.words.said import said


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PersonTable:
    """One row per observed person: lists and covariates.

    A `CaptureTable` counts persons by covariates with few levels; this holds covariates that may differ between
    any two persons, for estimators that learn from them. It is never printed and no message quotes a cell.

    Parameters
    ----------
    lists : tuple of str, length K
        Names of the lists.
    on : bool array, shape (R, K)
        Who is on which list; everybody is on one.
    covariates : mapping of str to array, shape (R,)
        Numbers (float64) or levels (text).
    name : str
        Short name of the table, used in messages.

    Raises
    ------
    InputError
        With every problem at once: fewer than two lists, a person on none, a list nobody is on, lists that never
        overlap, covariates with gaps.

    Notes
    -----
    Arrays are copied in and made read-only; tables are equal when their digests are.
    """

    lists: tuple[str, ...]
    on: Flags
    covariates: Columns
    name: str

    def __post_init__(self) -> None:
        """Copy the arrays in, freeze them, and check everything."""
        faults = Faults(said("what.table", name=self.name), private=True)
        lists = tuple(str(x) for x in self.lists)
        on = np.array(self.on)
        if on.ndim != 2 or on.shape[1] != len(lists) or not np.isin(on, (0, 1)).all():
            faults.add(
                said("found.has_shape_2",
                     shape=str(on.shape)) if on.ndim != 2 or on.shape[1] != len(lists) else said("found.not_0_1"),
                said("allowed.n0_1_each_person", lists=len(lists)), said("do.give_one_row_per"),
            )  # fmt: skip
        faults.raise_if_any()
        on = on.astype(bool)
        add_name_faults(faults, lists, {str(x): ("", " ") for x in self.covariates})
        columns = freeze_columns(self.covariates, len(on), faults)
        if nowhere := int((~on.any(axis=1)).sum()):
            faults.add(
                said("found.persons_none_lists"), said("allowed.persons_least_one_list"),
                said("do.remove_them_how_many"), value=said("what.persons", count=nowhere),
            )  # fmt: skip
        add_structure_faults(faults, lists, on.any(axis=0).tolist(), bool((on.sum(axis=1) > 1).any()))
        faults.raise_if_any()
        on.flags.writeable = False
        put = partial(object.__setattr__, self)  # the only way into a frozen dataclass
        put("lists", lists)
        put("on", on)
        put("covariates", columns)
        put("name", str(self.name))

    @classmethod
    def from_arrays(
        cls,
        lists: Sequence[str],
        on: npt.ArrayLike,
        *,
        covariates: Mapping[str, npt.ArrayLike] | None = None,
        name: str = "persons",
    ) -> PersonTable:
        """Build a table from a matrix of 0/1, shape (R, K), and covariates, shape (R,)."""
        matrix: Any = np.asarray(on)
        columns: Any = dict(covariates or {})
        return cls(tuple(lists), matrix, columns, name)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        *,
        lists: Sequence[str],
        covariates: Sequence[str] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
        name: str | None = None,
    ) -> PersonTable:
        """Read a file of any kind with one row per person.

        Parameters
        ----------
        path : str or Path
            A file as `CaptureTable.read` takes it.
        lists : sequence of str
            Columns that hold 0 or 1.
        covariates : sequence of str, optional
            Columns to keep; every other column when not given.
        levels : mapping of str to sequence of str, optional
            Levels that are allowed, by covariate; such a covariate is never a number.
        name : str, optional
            Name of the table; that of the file when not given.

        Raises
        ------
        InputError
            With every problem of the file at once, by row and column and without the values.
        """
        faults = Faults(called(path), private=True)
        grid = source_grid(path, faults)
        return _from_grid(grid, faults, lists, covariates, levels, stem(path, "persons") if name is None else name)

    @classmethod
    def from_frame(
        cls, frame: Any, *, lists: Sequence[str], covariates: Sequence[str] | None = None,
        name: str = "persons",
    ) -> PersonTable:  # fmt: skip
        """Build a table from a data frame with one row per person; as `from_csv`."""
        faults = Faults(said("what.frame"), private=True)
        grid = source_grid(frame, faults)
        return _from_grid(grid, faults, lists, covariates, grid.levels, name)

    @property
    def observed(self) -> int:
        """Persons in the table."""
        return len(self.on)

    @property
    def digest(self) -> str:
        """SHA-256 of lists, rows and covariates, in hexadecimal; the name does not take part."""
        digest = hashlib.sha256(repr(("persons", self.lists)).encode() + np.packbits(self.on).tobytes())
        digest.update(columns_digest(self.covariates).encode())
        return digest.hexdigest()

    def features(self) -> tuple[tuple[str, ...], Array]:
        """Return the covariates as numbers, shape (R, F): levels as 0/1 columns but the first of each."""
        names: list[str] = []
        columns: list[Array] = []
        for name, column in self.covariates.items():
            if column.dtype.kind == "f":
                names.append(name)
                columns.append(column.astype(np.float64))
                continue
            for level in np.unique(column)[1:]:
                names.append(f"{name} = {level}")
                columns.append((column == level).astype(np.float64))
        return tuple(names), np.column_stack(columns) if columns else np.zeros((self.observed, 0))

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs of lists, as places, the one with the largest overlap first."""
        both = {(j, k): int((self.on[:, j] & self.on[:, k]).sum()) for j, k in combinations(range(len(self.lists)), 2)}
        return sorted(both, key=lambda pair: (-both[pair], pair))

    def __eq__(self, other: object) -> bool:
        """Tables are equal when their digests are."""
        return self.digest == other.digest if isinstance(other, PersonTable) else NotImplemented

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor, so that a copy in another process is read-only too."""
        return (PersonTable, (self.lists, self.on, dict(self.covariates), self.name))

    def __repr__(self) -> str:
        """One line without any cell."""
        with_what = f"; covariates {', '.join(self.covariates)}" if self.covariates else ""
        return f"<PersonTable {self.name!r}: {self.observed:,} persons, lists {', '.join(self.lists)}{with_what}>"


def _from_grid(
    grid: Grid, faults: Faults, lists: Sequence[str], covariates: Sequence[str] | None,
    levels: Mapping[str, Sequence[str]] | None, name: str,
) -> PersonTable:  # fmt: skip
    """Check every cell; what is not a list is a covariate."""
    for i, title in enumerate(grid.header):
        if title and title in grid.header[:i]:
            faults.add(
                said("found.column_name_used_twice"),
                said("allowed.every_column_its_own"),
                said("do.rename_one"),
                column=title,
            )
    for role, named in ((said("what.list"), lists), (said("what.covariate"), covariates or ())):
        for title in named:
            if title not in grid.header:
                allowed = said("allowed.one_2", header=(*grid.header,))
                near = get_close_matches(title, grid.header, n=1)
                remedy = said("do.did_you_mean_4", near=repr(near[0])) if near else said("do.correct_name")
                faults.add(said("found.no_column_3", role=role), allowed, remedy, column=title)
            elif role.code == "what.covariate" and title in lists:
                faults.add(
                    said("found.named_both_list_covariate"), said("allowed.one_other"), said("do.choose"), column=title
                )
    faults.raise_if_any()
    on = np.zeros((len(grid.rows), len(lists)), dtype=bool)
    for j, title in enumerate(lists):
        cells = grid.columns[grid.header.index(title)]
        for k, (cell, bit) in enumerate(zip(cells, list_bits(cells), strict=True)):
            on[k, j] = bit == 1
            if bit is None:
                faults.add(
                    said("found.list_column_must_0"), said("allowed.n1_list_0_not"), said("do.write_1_0"),
                    detail="" if cell else said("found.and_empty"), row=grid.rows[k], column=title, value=cell,
                )  # fmt: skip
    if not len(faults):
        for k in np.flatnonzero(~on.any(axis=1)).tolist():
            faults.add(
                said("found.person_none_lists"), said("allowed.persons_least_one_list"),
                said("do.remove_row_how_many"), row=grid.rows[k],
            )  # fmt: skip
    others = [title for title in grid.header if title not in lists]
    add_identifying_faults(grid, faults, map(grid.header.index, others), levels=levels)
    places = [grid.header.index(title) for title in (others if covariates is None else covariates)]
    columns = read_columns(grid, places, faults, levels)
    faults.raise_if_any()
    return PersonTable.from_arrays(lists, on, covariates=columns, name=name)
