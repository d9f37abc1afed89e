"""One register with repeat registrations: how many persons were registered once, twice, and so on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Integers
from mse.tables.checks import Faults, whole_counts
from mse.tables.codings import COUNT_NAMES, REGISTRATION_NAMES, count_place, registrations_place
from mse.tables.countcolumns import rough_counts, whole_numbers, with_plain_thousands, without_total
from mse.tables.covariates import Column, Columns, columns_digest, freeze_columns, read_columns
from mse.tables.grids import Grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.tables.reading import called, source_grid, stem
from mse.tables.roles import ROWS_ARE_PERSONS, count_column
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


MAX_REGISTRATIONS = 10_000
_WHOLE = said("allowed.whole_number_1_2", max_registrations=MAX_REGISTRATIONS)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RepeatCounts:
    """Persons in one register by how often they were registered.

    Persons who were never registered have no row: their number is what is to be estimated.

    Parameters
    ----------
    registrations : int64 array, shape (R,)
        How often the persons of a row were registered, 1 or more.
    counts : int64 array, shape (R,)
        How many persons the row stands for, 1 or more: rows given with a count of 0 are left out.
    covariates : mapping of str to array, shape (R,)
        What is known about them: numbers (float64) or levels (text).
    name : str
        Short name of the table, used in messages.
    unread : tuple of str
        Columns of the file or frame that were not read; no part of what tables are compared by.

    Raises
    ------
    InputError
        With every problem at once: no rows, registrations below 1, negative counts, covariates with gaps, or
        nobody registered more than once.

    Notes
    -----
    Arrays are copied in and made read-only; tables are equal when their digests are.
    """

    registrations: Integers
    counts: Integers
    covariates: Columns
    name: str
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Copy the arrays in, freeze them, and check everything."""
        faults = Faults(said("what.table", name=self.name))
        counts = whole_counts(self.counts, faults.source)
        times = whole_counts(self.registrations, faults.source)
        if counts.ndim != 1 or counts.shape != times.shape:
            faults.add(
                said("found.registrations_have_shape_counts", shape=str(times.shape), shape_2=str(counts.shape)),
                said("allowed.one_number_each_per"),
                said("do.give_two_arrays_same"),
            )  # fmt: skip
            faults.raise_if_any()
        columns = freeze_columns(self.covariates, len(counts), faults)
        bad = (counts > 0) & ((times < 1) | (times > MAX_REGISTRATIONS))
        for value in times[bad]:
            faults.add(*(_NEVER if value < 1 else _OFTEN), value=str(value))
        faults.raise_if_any()
        keep = counts > 0
        counts, times = counts[keep], times[keep]
        if not counts.size or times.max() < 2:
            faults.add(
                said("found.nobody_registered_more_than") if counts.size else said("found.nobody_table"),
                said("allowed.least_one_person_two_2"),
                said("do.check_how_persons_were"),
            )  # fmt: skip
        faults.raise_if_any()
        for array in (times, counts):
            array.flags.writeable = False
        put = partial(object.__setattr__, self)  # the only way into a frozen dataclass
        put("registrations", times)
        put("counts", counts)
        put("covariates", freeze_columns({k: v[keep] for k, v in columns.items()}, len(counts), faults))
        put("name", str(self.name))

    # ---- building -----------------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls,
        registrations: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
        *,
        covariates: Mapping[str, npt.ArrayLike] | None = None,
        name: str = "register",
    ) -> RepeatCounts:
        """Build a table from arrays.

        Parameters
        ----------
        registrations : array, shape (R,)
            How often.
        counts : array, shape (R,), optional
            How many persons; one per row when not given.
        covariates : mapping of str to array, shape (R,), optional
            Numbers or levels.
        name : str
            Name of the table.
        """
        times: Any = np.asarray(registrations)
        how_many: Any = np.ones(times.shape, dtype=np.int64) if counts is None else np.asarray(counts)
        columns: Any = dict(covariates or {})
        return cls(times, how_many, columns, name)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        *,
        registrations: str = "registrations",
        count: str = "count",
        covariates: Sequence[str] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
        persons: bool = False,
        sum_duplicates: bool = False,
        name: str | None = None,
    ) -> RepeatCounts:
        """Read a file of any kind with a column of registrations, one of counts, and covariates.

        Parameters
        ----------
        path : str or Path
            A file as `CaptureTable.read` takes it.
        registrations, count : str
            Names of those two columns; where they are not there, the names that are usual are taken too (``nbcap``;
            ``n``, ``freq``).
        covariates : sequence of str, optional
            Covariates to keep; all other columns are left out (`unread`), whatever stands in them, and their rows added
            up. Every column that is neither registrations nor count when not given.
        levels : mapping of str to sequence of str, optional
            Levels that are allowed, by covariate.
        persons : bool
            Each row is one person, and there is no column of counts.
        sum_duplicates : bool
            Add up rows with the same registrations and covariates, which are a fault otherwise.
        name : str, optional
            Name of the table; that of the file when not given.

        Raises
        ------
        InputError
            With every problem of the file at once, by row and column.
        """
        faults = Faults(called(path), private=persons)
        grid = source_grid(path, faults, count)
        said = stem(path, "register") if name is None else name
        return _from_grid(grid, faults, registrations, count, covariates, levels, persons, sum_duplicates, said)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        registrations: str = "registrations",
        count: str | None = "count",
        covariates: Sequence[str] | None = None,
        sum_duplicates: bool = False,
        name: str = "register",
    ) -> RepeatCounts:
        """Build a table from a data frame; ``count=None`` when each row is one person, else as in `from_csv`."""
        faults = Faults(said("what.frame"), private=count is None)
        grid = source_grid(frame, faults, count or "count")
        return _from_grid(
            grid, faults, registrations, count or "count", covariates, grid.levels, count is None, sum_duplicates, name
        )

    # ---- reading ------------------------------------------------------------------------------------

    @property
    def observed(self) -> int:
        """Persons in the register."""
        return int(self.counts.sum())

    @property
    def total(self) -> int:
        """Registrations in the register."""
        return int(self.counts @ self.registrations)

    @property
    def digest(self) -> str:
        """SHA-256 of rows and covariates, in hexadecimal; the name does not take part."""
        digest = hashlib.sha256(b"repeat-counts")
        for array in (self.registrations, self.counts):
            digest.update(array.astype("<i8").tobytes())
        digest.update(columns_digest(self.covariates).encode())
        return digest.hexdigest()

    def frequencies(self) -> Integers:
        """Return f_1, f_2, …: persons registered exactly once, twice, …, shape (largest number,)."""
        return np.bincount(self.registrations, weights=self.counts)[1:].astype(np.int64)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per row of the table: ``registrations``, ``count``, and the covariates."""
        import pandas as pd

        return pd.DataFrame({"registrations": self.registrations, "count": self.counts, **self.covariates})

    def __eq__(self, other: object) -> bool:
        """Tables are equal when their digests are."""
        return self.digest == other.digest if isinstance(other, RepeatCounts) else NotImplemented

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor, so that a copy in another process is read-only too."""
        return (RepeatCounts, (self.registrations, self.counts, dict(self.covariates), self.name, self.unread))

    def __repr__(self) -> str:
        """One line without any counts of cells."""
        with_what = f"; covariates {', '.join(self.covariates)}" if self.covariates else ""
        return f"<RepeatCounts {self.name!r}: {self.observed:,} persons, {self.total:,} registrations{with_what}>"


_NEVER = (
    said("found.less_than_one"), _WHOLE,
    said("do.remove_never_registered"),
)  # fmt: skip
_OFTEN = (said("found.too_many_registrations"), _WHOLE, said("do.check_unit_column"))


def _from_grid(
    grid: Grid, faults: Faults, registrations: str, count: str, covariates: Sequence[str] | None,
    levels: Mapping[str, Sequence[str]] | None, persons: bool, sum_duplicates: bool, name: str,
) -> RepeatCounts:  # fmt: skip
    """Decide what the columns are, check every cell, and add up."""
    for i, title in enumerate(grid.header):
        if title and title in grid.header[:i]:
            faults.add(
                said("found.column_name_used_twice"),
                said("allowed.every_column_its_own"),
                said("do.rename_one"),
                column=title,
            )
    grid = grid if persons else without_total(with_plain_thousands(grid, count), faults, count)
    times_at = registrations_place(grid.header, registrations)
    others = [x if i != times_at else "" for i, x in enumerate(grid.header)]
    number_at = count_column(others, count) if persons else count_place(others, grid.columns, count)
    if times_at is None:
        near = get_close_matches(registrations, grid.header, n=1, cutoff=0.5)
        remedy = (
            said("do.rename_column", near=repr(near[0])) if near else said("do.name_column_registrations_registrations")
        )
        usual = ", ".join(REGISTRATION_NAMES[1:])
        allowed = said("allowed.column_how_often_person", registrations=repr(registrations), usual=usual)
        faults.add(said("found.no_column_registrations"), allowed, remedy)
    if persons and number_at is not None:
        faults.add(
            said("found.count_column_although_each"), said("allowed.one_other"),
            said("do.leave_out_persons_true"), column=grid.header[number_at],
        )  # fmt: skip
    elif not persons and number_at is None:
        faults.private = True  # this may well be a file of persons
        near_count = next((x for x in others if x.casefold() in COUNT_NAMES), None)
        first = said("do.add_a_column", count=repr(count))
        if near_count:
            first = said("do.rename_to", near=repr(near_count), count=repr(count))
        faults.add(
            said("found.no_count_column"),
            said("allowed.column_number_persons", count=repr(count)),
            said("do.or", first=first, rows_are_persons=ROWS_ARE_PERSONS),
        )
    if times_at is None:
        faults.raise_if_any()
    unknown = [x for x in covariates or () if x not in grid.header or grid.header.index(x) in (times_at, number_at)]
    for title in unknown:
        near = get_close_matches(title, grid.header, n=1)
        remedy = said("do.did_you_mean_4", near=repr(near[0])) if near else said("do.correct_name")
        faults.add(said("found.no_such_covariate"), said("allowed.one_2", header=(*grid.header,)), remedy, column=title)
    faults.raise_if_any()
    places = [i for i in range(len(grid.header)) if i not in (times_at, number_at)]
    add_identifying_faults(grid, faults, places, rough_counts(grid, number_at), levels)
    if covariates is not None:
        places = [grid.header.index(x) for x in covariates]
    numbers = whole_numbers(grid, number_at, faults) if number_at is not None else [1] * len(grid.rows)
    times = _times(grid, times_at or 0, numbers, faults)
    columns = read_columns(grid, places, faults, levels)
    added_up = persons or sum_duplicates or covariates is not None
    rows = _rows(grid, times, numbers, columns, faults, added_up)
    faults.raise_if_any()
    chosen = np.array(list(rows.values()), dtype=np.int64)
    kept = {title: column[chosen[:, 0]] for title, column in columns.items()} if len(chosen) else {}
    times_kept = np.array([times[k] for k in chosen[:, 0]]) if len(chosen) else np.zeros(0, dtype=np.int64)
    counts = chosen[:, 1] if len(chosen) else np.zeros(0, dtype=np.int64)
    table = RepeatCounts.from_arrays(times_kept, counts, covariates=kept, name=name)
    left = (title for i, title in enumerate(grid.header) if title and i not in (times_at, number_at, *places))
    return replace(table, unread=tuple(left))


def columns_named(path: str | Path, said: str, count: str) -> list[str]:
    """Return the columns of a file whose names stand in a text, such as a formula."""
    header = source_grid(path, Faults(called(path)), count).header
    return [name for name in header if name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said)]


def _times(grid: Grid, i: int, numbers: Sequence[int | None], faults: Faults) -> list[int | None]:
    """Return the registrations, None where there is a fault or nobody."""
    out: list[int | None] = []
    for row, cell, number in zip(grid.rows, grid.columns[i], numbers, strict=True):
        text = re.sub(r"\.0+$", "", cell)
        value = int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None
        good = value is not None and (1 <= value <= MAX_REGISTRATIONS or (value == 0 and number == 0))
        out.append(value if good and value else None)
        if good:
            continue
        column = grid.header[i]
        if value is not None:
            faults.add(*(_NEVER if value < 1 else _OFTEN), row=row, column=column, value=cell)
        elif re.fullmatch(r"[0-9]+ *(\+|-[0-9]+)|(>=?|≥) *[0-9]+|[0-9]+ (or|of|and|en) (more|meer)", cell.casefold()):
            remedy = said("do.ask_numbers_one_one")
            faults.add(said("found.registrations_stand_classes"), _WHOLE, remedy, row=row, column=column, value=cell)
        else:
            kind = (
                said("found.number_registrations_missing") if not cell else said("found.registrations_not_whole_number")
            )
            faults.add(kind, _WHOLE, said("do.write_how_often_person"), row=row, column=column,
                       value=cell or None)  # fmt: skip
    return out


def _rows(
    grid: Grid, times: Sequence[int | None], numbers: Sequence[int | None], columns: Mapping[str, Column],
    faults: Faults, added_up: bool,
) -> dict[tuple[object, ...], tuple[int, int]]:  # fmt: skip
    """Return place of the first row and persons, by registrations and covariates."""
    rows: dict[tuple[object, ...], tuple[int, int]] = {}
    for k, (time, number) in enumerate(zip(times, numbers, strict=True)):
        if time is None or number is None:
            continue
        key = (time, *(column[k].item() for column in columns.values()))
        if key in rows and not added_up:
            faults.add(
                said("found.same_registrations_covariates_stand"), said("allowed.one_row_each"),
                said("do.remove_one_add_them"),
                detail=said("found.first_in_row", row=str(grid.rows[rows[key][0]])), row=grid.rows[k],
            )  # fmt: skip
        first, so_far = rows.get(key, (k, 0))
        rows[key] = (first, so_far + number)
    return rows
