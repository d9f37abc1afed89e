"""From a grid of text to an overlap table: what each column is, and what is wrong with each cell.

What a column is, where the caller does not say so:

1. ``count`` (in any case of letters) is the count; where there is none, the one column that is called as counts
   usually are (``n``, ``freq``, ``frequency``, ``aantal``, ``weight``, …).
2. A column of strings such as ``0110`` that is called ``ch`` or ``history``, or is the only one in a file without
   lists, is the history: one list for each place.
3. Only 0 and 1, or TRUE and FALSE: a list. Words such as yes and no, ja and nee are lists where all lists are written
   in words; beside 0 and 1 they are asked about.
4. 0 and 1 in more than half of the rows, with a 0 somewhere: a list with bad cells, each an error.
5. What looks like a list but may be a covariate coded 0 and 1 is asked about: it is called like one (``sex``), or
   everybody, the same persons as on another, or nobody alone is on it. Naming lists or covariates answers.
6. Anything that might be a list in another coding (0, or 1 beside text; x and blank), or an identifier or measurement
   (every row different, from 4 rows on): an error that asks for a decision.
7. The rest: a covariate. Its levels are sorted, as numbers when all of them are.

Where covariates are named there are no others: every column that is left is a list, or the count. Where only
lists are named, a column that is left is a covariate by rule 7, an error if it holds 0 and 1 only, and not read if it
has gaps or is doubtful. Where both are named, or rows are persons, no column that is not named is read beyond the
lists; `OverlapCells.unread` tells which those were.
Empty rows and empty columns without a name are skipped, as spreadsheets write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mse.errors import names_of
from mse.tables.checks import MAX_LISTS, Faults, add_name_faults, add_structure_faults
from mse.tables.codings import (
    BIT,
    COUNT_NAMES,
    count_place,
    questions,
    read_as_lists,
)
from mse.tables.countcolumns import rough_counts, whole_numbers
from mse.tables.grids import Grid, frame_grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.tables.listcolumns import list_bits, with_histories, with_other_lists
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

SAYS_YES_OR_NO = frozenset("yes no y n ja nee j true false t f x - + on off v".split())

ROWS_ARE_PERSONS = said("do.rows_are_persons")
_NAME_IT = said("do.name_it_covariate")
_NAME_LISTS = said("do.name_all_lists")


class OverlapCells(NamedTuple):
    """A checked overlap table.

    Parameters
    ----------
    lists : tuple of str
        Names of the lists in bit order.
    strata : dict of str to tuple of str
        Covariates and their levels.
    counts : dict of tuple of int to int
        Persons by (history, place of the level of each covariate).
    unread : tuple of str
        Columns that were not read.
    """

    lists: tuple[str, ...]
    strata: dict[str, tuple[str, ...]]
    counts: dict[tuple[int, ...], int]
    unread: tuple[str, ...] = ()


class Roles(NamedTuple):
    """Places of the columns in the grid by what they are.

    Parameters
    ----------
    lists, covariates : list of int
        Places.
    number : int or None
        Place of the count; None when there is none.
    unread : list of int
        Places of the columns that are not read.
    """

    lists: list[int]
    covariates: list[int]
    number: int | None
    unread: list[int]


def read_frame(
    frame: pd.DataFrame,
    *,
    lists: Sequence[str] | None = None,
    covariates: Sequence[str] | None = None,
    count: str | None = "count",
    sum_duplicates: bool = False,
) -> OverlapCells:
    """Read an overlap table from a data frame; parameters as in `CaptureTable.from_frame`.

    Raises
    ------
    InputError
        With every problem of the frame at once; rows are positions from 0.
    """
    faults = Faults("data frame", private=count is None)
    grid, levels = frame_grid(frame, faults)
    return table_from_grid(
        grid, faults, lists, covariates, count or "count", count is None, sum_duplicates, levels
    )  # fmt: skip


def table_from_grid(
    grid: Grid, faults: Faults, lists: Sequence[str] | None, covariates: Sequence[str] | None, count: str,
    persons: bool, sum_duplicates: bool, levels: Mapping[str, Sequence[str]],
    merge: Mapping[str, Sequence[str]] | None = None, drop: Sequence[str] = (), most: int = MAX_LISTS,
) -> OverlapCells:  # fmt: skip
    """Decide what the columns are, check every cell, and add up; parameters as in `read_table`.

    Raises
    ------
    InputError
        With everything that `faults` held already and all that is found here.
    ModelError
        When a list that is to be merged or dropped is not there.
    """
    before = len(faults)
    for i, name in enumerate(grid.header):
        if name and name in grid.header[:i]:
            remedy = said("do.rename_remove_one")
            faults.add(said("found.column_name_used_twice"), said("allowed.every_column_its_own"), remedy, column=name)
    grid = with_histories(grid, faults, lists, covariates)
    roles = _roles(grid, faults, lists, covariates, count, persons, levels)
    looked_at = [i for i in range(len(grid.header)) if i != roles.number and i not in roles.lists]
    add_identifying_faults(grid, faults, looked_at, rough_counts(grid, roles.number), levels)
    # While it is open what a column is, rows that look alike need not be, and a list may be missing.
    settled = grid.all_columns and len(faults) == before
    names = tuple(grid.header[i] for i in roles.lists)
    strata = {grid.header[i]: _levels(grid.columns[i], levels.get(grid.header[i])) for i in roles.covariates}
    add_name_faults(faults, names, strata, most=most)
    read = [list_bits(grid.columns[i]) for i in roles.lists]
    for i, column in zip(roles.lists, read, strict=True):
        for k in (k for k, bit in enumerate(column) if bit is None):
            text, name = grid.columns[i][k], grid.header[i]
            faults.add(
                said("found.list_column_must_0"), said("allowed.n1_list_0_not"),
                said("do.write_1_0_if", name_it=_NAME_IT),
                detail="" if text else ", and this cell is empty",
                row=grid.rows[k], column=name, value=text or None,
            )  # fmt: skip
    names, bits = with_other_lists(names, read, merge or {}, drop, faults.source)
    codes = [_codes(grid, i, strata[grid.header[i]], faults) for i in roles.covariates]
    numbers: list[int | None] = [1] * len(grid.rows)
    if roles.number is not None:
        numbers = whole_numbers(grid, roles.number, faults)
    summed = sum_duplicates or bool(roles.unread)
    counts = _sums(grid, faults, bits, codes, numbers, persons, summed, settled, bool(drop))
    if settled and grid.all_rows:
        # A cell that cannot be read gets the benefit of the doubt: no second fault follows from it.
        maybe = [[bit != 0 and n != 0 for bit, n in zip(column, numbers, strict=True)] for column in bits]
        overlap = any(sum(row) > 1 for row in zip(*maybe, strict=True))
        aside = said("found.so_covariates", names=tuple(strata)) if strata else None
        add_structure_faults(faults, names, [any(column) for column in maybe], overlap, aside=aside, most=most)
        if len(faults) == before and lists is None and covariates is None:
            _add_questions(faults, names, bits, numbers)
    faults.raise_if_any()
    return OverlapCells(names, strata, counts, tuple(grid.header[i] for i in roles.unread))


def _add_questions(
    faults: Faults, names: Sequence[str], bits: Sequence[Sequence[int | None]], numbers: Sequence[int | None]
) -> None:
    """Ask about lists that may be covariates coded 0 and 1."""
    for name, why in questions(names, bits, numbers):
        faults.add(
            said("found.not_clear_whether_column", why=why), said("allowed.lists_persons_covariates_named"),
            said("do.if_covariate_if_list", name_it=_NAME_IT, name_lists=_NAME_LISTS), column=name,
        )  # fmt: skip


def _roles(
    grid: Grid, faults: Faults, lists: Sequence[str] | None, covariates: Sequence[str] | None, count: str,
    persons: bool, levels: Mapping[str, Sequence[str]],
) -> Roles:  # fmt: skip
    """Decide what each column is, by name where the caller says so and by the module's rules otherwise."""
    place = _count_role(grid, faults, {*(lists or ()), *(covariates or ())}, count, persons)
    for role, named in (("list", lists or ()), ("covariate", covariates or ())):
        for name in named:
            if name not in grid.header or grid.header.index(name) == place:
                kind = said("found.no_list_column") if role == "list" else said("found.no_covariate_column")
                faults.add(kind, said("allowed.one_2", header=(*grid.header,)), said("do.correct_name"), column=name)
            elif role == "covariate" and name in (lists or ()):
                faults.add(
                    said("found.named_both_list_covariate"), said("allowed.one_other"), said("do.choose"), column=name
                )
    found = Roles([], [], place, [])
    open_to_all = [i for i, name in enumerate(grid.header) if i != place and name not in (covariates or ())]
    worded = {open_to_all[k] for k in read_as_lists([grid.columns[i] for i in open_to_all])}
    for i, (name, cells) in enumerate(zip(grid.header, grid.columns, strict=True)):
        if i == place or not name or name in grid.header[:i]:
            continue
        binary = set(cells) <= BIT.keys()
        if name in (covariates or ()):
            found.covariates.append(i)
        elif name in (lists or ()) or (lists is None and (_like_a_list(cells) or i in worded)):
            found.lists.append(i)
        elif place is None and not persons:
            continue  # one missing count column explains enough
        elif lists is not None and covariates is not None and not binary:
            found.unread.append(i)
        elif persons and not binary and not _another_coding(cells):
            found.unread.append(i)
        elif lists is not None and not binary and name not in levels and ("" in cells or _doubt(cells)):
            found.unread.append(i)
        elif covariates is not None or binary:
            faults.add(
                said("found.column_neither_list_0"),
                said("allowed.lists_covariates_count"),
                said("do.remove", name_it=_NAME_IT), column=name,
            )  # fmt: skip
        elif doubt := _doubt(cells):
            faults.add(
                said("found.not_clear_what_column", doubt=doubt), said("allowed.n0_1_list_levels"),
                said("do.write_0_1_if", name_it=_NAME_IT, name_lists=_NAME_LISTS),
                column=name,
            )  # fmt: skip
        else:
            found.covariates.append(i)
    wanted = [*(lists or ()), *(covariates or ())]  # the order that the caller gave
    for places in (found.lists, found.covariates):
        places.sort(key=lambda i: wanted.index(grid.header[i]) if grid.header[i] in wanted else len(wanted))
    return found


def _count_role(grid: Grid, faults: Faults, named: set[str], count: str, persons: bool) -> int | None:
    """Return the place of the count, and say what is wrong with it."""
    if persons:
        place = count_column(grid.header, count)
        if place is not None:
            faults.add(
                said("found.count_column_although_each"), said("allowed.one_other"),
                said("do.leave_out_persons_true"), column=grid.header[place],
            )  # fmt: skip
        return place
    free = ["" if name in named and name != count else name for name in grid.header]
    place = count_place(free, grid.columns, count)
    if place is None:
        faults.private = True  # this may well be a file of persons
        near = next((x for x in free if x.casefold() in COUNT_NAMES), None)
        first = (
            said("do.rename_to", near=repr(near), count=repr(count))
            if near
            else said("do.add_a_column", count=repr(count))
        )
        allowed = said("allowed.column_number_persons", count=repr(count))
        faults.add(
            said("found.no_count_column"), allowed, said("do.or", first=first, rows_are_persons=ROWS_ARE_PERSONS)
        )
    return place


def count_column(header: Sequence[str], count: str) -> int | None:
    """Return the place of the count, whatever the case of its letters; None when there is none."""
    if count in header:
        return header.index(count)
    alike = [i for i, name in enumerate(header) if name.casefold() == count.casefold()]
    return alike[0] if len(alike) == 1 else None


def _like_a_list(cells: Sequence[str]) -> bool:
    """Only 0 and 1, or mostly so with a 0 somewhere: then the other values are mistakes."""
    good = sum(cell in BIT for cell in cells)
    return good == len(cells) or ("0" in cells and 2 * good > len(cells))


def _doubt(cells: Sequence[str]) -> Said | None:
    """Return why a column with other values than 0 and 1 may not be a covariate; None when it may."""
    values = set(cells)
    if values == {""}:
        return said("doubt.empty")
    if "0" in values or ("1" in values and not all(_is_whole(x) for x in values)):
        return said("doubt.mixed")
    if {x.casefold() for x in values} <= SAYS_YES_OR_NO | {""} or ("" in values and len(values) <= 2):
        return said("doubt.coding")
    if len(values) == len(cells) >= 4:
        return said("doubt.own_values")
    return None


def _another_coding(cells: Sequence[str]) -> bool:
    """Return whether a column without 0 and 1 throughout may be a list all the same."""
    values = {cell.casefold() for cell in cells}
    return "0" in values or values <= SAYS_YES_OR_NO | {""} and bool(values - {""}) or values <= {"1", ""} | BIT.keys()


def _is_whole(text: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9]+", text))


def _levels(cells: Iterable[str], order: Sequence[str] | None) -> tuple[str, ...]:
    values = {cell for cell in cells if cell}
    if order is not None:
        return tuple(order)
    return tuple(sorted(values, key=int)) if all(map(_is_whole, values)) else tuple(sorted(values))


def _codes(grid: Grid, i: int, levels: Sequence[str], faults: Faults) -> list[int | None]:
    codes = {level: k for k, level in enumerate(levels)}
    for k, cell in enumerate(grid.columns[i]):
        if cell not in codes:
            faults.add(
                said("found.covariate_has_level_not") if cell else said("found.covariate_empty"),
                said("allowed.one_levels",
                     levels=len(levels)) if faults.private or len(levels) > 20 else names_of(levels),
                said("do.correct_write_level_its"),
                row=grid.rows[k], column=grid.header[i], value=cell or None,
            )  # fmt: skip
    return [codes.get(cell) for cell in grid.columns[i]]


def _sums(
    grid: Grid, faults: Faults, bits: Sequence[Sequence[int | None]], codes: Sequence[Sequence[int | None]],
    numbers: Sequence[int | None], persons: bool, sum_duplicates: bool, settled: bool, dropped: bool,
) -> dict[tuple[int, ...], int]:  # fmt: skip
    """Return persons by history and levels, over the rows that can be read."""
    counts: dict[tuple[int, ...], int] = {}
    first: dict[tuple[int, ...], int] = {}
    for k, row in enumerate(grid.rows):
        on, n = [column[k] for column in bits], numbers[k]
        key = [sum(bit << j for j, bit in enumerate(on) if bit)]
        key += [level for column in codes if (level := column[k]) is not None]
        if None in on or len(key) <= len(codes) or not on:
            continue
        if key[0] == 0:
            if n and settled and not dropped:
                faults.add(
                    said("found.person_none_lists")
                    if persons else said("found.row_persons_no_list"),
                    said("allowed.persons_least_one_list"),
                    said("do.remove_row_how_many"),
                    row=row, value=None if persons else str(n),
                )  # fmt: skip
            continue
        if tuple(key) in first and settled and not (persons or sum_duplicates):
            faults.add(
                said("found.same_history_covariates_stand"), said("allowed.one_row_each"),
                said("do.remove_one_add_them"),
                detail=f", first in row {first[tuple(key)]}", row=row,
            )  # fmt: skip
        first.setdefault(tuple(key), row)
        counts[tuple(key)] = counts.get(tuple(key), 0) + (n or 0)
    return counts
