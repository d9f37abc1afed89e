"""From a grid of text to an overlap table: shapes and codings made plain, roles decided, every cell checked.

What a file may look like, and what is understood of it, in this order:

1. Columns that are to be ignored go, and so do names of rows.
2. A column of histories, ``0110`` or ``A & B``, becomes one column for each list (`mse.tables.listcolumns`).
3. One row for each registration (who, on which list) becomes one for each person (`mse.tables.longtables`).
4. Marks beside blanks, or 1 and 2, become 0 and 1 (`mse.tables.recoding`).
5. What each column is follows from its name and values (`mse.tables.roles`).
6. A list on which nobody is goes too, where lists are not named.
7. What looks like a list but may be a covariate coded 0 and 1 is asked about: it is called like one (``sex``), or
   everybody, the same persons as on another, or nobody alone is on it. Naming lists or covariates answers.

What was understood is told (`OverlapCells.told`); what cannot be decided is an error that names the option that
decides it. Empty rows and empty columns without a name are skipped, as spreadsheets write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from mse.errors import names_of
from mse.tables.checks import Faults, add_name_faults, add_structure_faults
from mse.tables.codings import questions
from mse.tables.countcolumns import (
    rough_counts,
    whole_numbers,
    with_periods_in_rows,
    with_plain_thousands,
    without_shares,
    without_total,
)
from mse.tables.grids import Grid
from mse.tables.headers import without_row_numbers
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.tables.listcolumns import list_bits, with_histories, with_other_lists
from mse.tables.longtables import called_id, with_persons
from mse.tables.readspec import Reading
from mse.tables.recoding import recoded
from mse.tables.roles import NAME_IT, NAME_LISTS, roles_of
from mse.tables.totallevels import without_total_levels
from mse.tables.wordedhistories import with_combinations
from mse.words.said import Said, said


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
    told : Said
        What was understood, in one line.
    """

    lists: tuple[str, ...]
    strata: dict[str, tuple[str, ...]]
    counts: dict[tuple[int, ...], int]
    unread: tuple[str, ...]
    told: Said


def table_from_grid(grid: Grid, faults: Faults, reading: Reading) -> OverlapCells:
    """Decide what the columns are, check every cell, and add up.

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
    levels = {**grid.levels, **reading.levels}
    grid = _without_ignored(grid, faults, reading)
    named = bool(grid.header) and (grid.header[0] in (*reading.named, reading.count, reading.id_column))
    grid = grid if named else without_row_numbers(grid)
    grid = grid if reading.persons else with_periods_in_rows(grid, reading.count, reading.named)
    grid = with_plain_thousands(grid, reading.count)
    grid = without_shares(without_total(grid, faults, reading.count), reading.count)
    grid = _with_whole(grid if named else without_row_numbers(grid))  # a total may have had no number
    grid = with_histories(grid, faults, reading)
    grid, one_each = with_persons(grid, faults, reading)
    grid = recoded(with_combinations(grid, faults, reading), faults, reading)
    roles = roles_of(grid, faults, reading, reading.persons or one_each)
    persons, lists = roles.persons, reading.lists
    if persons and not one_each:
        for i in (i for i in roles.unread if called_id(grid.header[i]) and len({*grid.columns[i]}) < len(grid.rows)):
            faults.add(said("ask.twice"), said("ask.twice_allowed"), said("ask.twice_remedy"), column=grid.header[i])
    if not persons:
        grid = without_total_levels(grid, faults, roles.lists, roles.covariates, roles.number)
    looked_at = [i for i in range(len(grid.header)) if i != roles.number and i not in roles.lists]
    add_identifying_faults(grid, faults, looked_at, rough_counts(grid, roles.number), levels)
    # While it is open what a column is, rows that look alike need not be, and a list may be missing.
    settled = grid.all_columns and len(faults) == before
    names = tuple(grid.header[i] for i in roles.lists)
    strata = {grid.header[i]: _levels(grid.columns[i], levels.get(grid.header[i])) for i in roles.covariates}
    add_name_faults(faults, names, strata, most=reading.most)
    read = [list_bits(grid.columns[i]) for i in roles.lists]
    for i, column in zip(roles.lists, read, strict=True):
        for k in (k for k, bit in enumerate(column) if bit is None):
            text, name = grid.columns[i][k], grid.header[i]
            faults.add(
                said("found.list_column_must_0"), said("allowed.n1_list_0_not"),
                said("do.write_1_0_if_2", name_it=NAME_IT),
                detail="" if text else said("found.and_empty"),
                row=grid.rows[k], column=name, value=text or None,
            )  # fmt: skip
    names, bits = with_other_lists(names, read, reading.merge, reading.drop, faults.source)
    codes = [_codes(grid, i, strata[grid.header[i]], faults) for i in roles.covariates]
    numbers: list[int | None] = [1] * len(grid.rows)
    if roles.number is not None:
        # That nobody's number is not known is what is to be estimated, and no fault of the table.
        nobody = {k for k, row in enumerate(zip(*bits, strict=True)) if not any(row) and None not in row}
        numbers = whole_numbers(grid, roles.number, faults, nobody)
    vacant: tuple[str, ...] = ()
    if settled and grid.all_rows and lists is None and len(faults) == before:
        names, bits, vacant = _without_vacant(names, bits, numbers)
    summed = reading.sum_duplicates or bool(roles.unread or vacant)
    counts = _sums(grid, faults, bits, codes, numbers, persons, summed, settled, bool(reading.drop))
    if settled and grid.all_rows:
        # A cell that cannot be read gets the benefit of the doubt: no second fault follows from it.
        maybe = [[bit != 0 and n != 0 for bit, n in zip(column, numbers, strict=True)] for column in bits]
        overlap = any(sum(row) > 1 for row in zip(*maybe, strict=True))
        aside = said("found.so_covariates", names=tuple(strata)) if strata else None
        add_structure_faults(faults, names, [any(column) for column in maybe], overlap, aside=aside, most=reading.most)
        if len(faults) == before and lists is None and reading.covariates is None:
            _add_questions(faults, names, bits, numbers, grid.sure)
    faults.raise_if_any()
    unread = tuple(grid.header[i] for i in roles.unread)
    number = None if roles.number is None else grid.header[roles.number]
    told = _told(grid, names, tuple(strata), counts, number, unread, vacant, reading)
    return OverlapCells(names, strata, counts, unread, told)


def _without_ignored(grid: Grid, faults: Faults, reading: Reading) -> Grid:
    """Return the grid without the columns that are to be left out."""
    for name in dict.fromkeys(reading.ignore):
        if name not in grid.header:
            near = get_close_matches(name, grid.header, n=1)
            remedy = said("ask.did_you_mean", name=near[0]) if near else said("ask.correct_name")
            faults.add(said("ask.no_column"), said("ask.one_of", names=grid.header), remedy, column=name)
        elif name in reading.named:
            faults.add(said("ask.ignored_too"), said("ask.one_role"), said("ask.choose"), column=name)
    return grid.without([i for i, name in enumerate(grid.header) if name in reading.ignore])


def _with_whole(grid: Grid) -> Grid:
    """Return the grid with 12 where a column of whole numbers is written as 12.0 or 12,00 throughout."""
    columns = list(grid.columns)
    for i, cells in enumerate(columns):
        if all(re.fullmatch(r"\d+[.,]0{1,2}|", cell) for cell in cells):
            columns[i] = [re.split("[.,]", cell)[0] for cell in cells]
    return grid._replace(columns=columns)


def _without_vacant(
    names: tuple[str, ...], bits: Sequence[Sequence[int | None]], numbers: Sequence[int | None]
) -> tuple[tuple[str, ...], list[Sequence[int | None]], tuple[str, ...]]:
    """Return lists and their columns without those on which nobody is, and which these are; all where two are not left.

    Nothing about the unseen follows from them. Whoever names the lists is told instead.
    """
    some = [any(bit and n for bit, n in zip(column, numbers, strict=True)) for column in bits]
    if sum(some) < 2:
        return names, list(bits), ()
    kept = [i for i, one in enumerate(some) if one]
    vacant = tuple(name for name, one in zip(names, some, strict=True) if not one)
    return tuple(names[i] for i in kept), [bits[i] for i in kept], vacant


def _told(
    grid: Grid, lists: Sequence[str], strata: Sequence[str], counts: Mapping[tuple[int, ...], int], number: str | None,
    unread: Sequence[str], vacant: Sequence[str], reading: Reading,
) -> Said:  # fmt: skip
    """Return what was understood, in one line: lists, histories, count, covariates, and how it was read."""
    histories = len({key[0] for key, n in counts.items() if n})
    parts = [said("read.lists", count=len(lists), names=lists), said("read.histories", count=histories)]
    if number is not None:
        parts.append(said("read.count", name=number))
    elif not any(what.code == "read.long" for what in grid.told):  # it was one row per registration
        parts.append(said("read.persons"))
    parts += [said("read.covariates", names=strata)] if strata else []
    parts += [said("read.unread", names=unread)] if unread else []
    parts += [said("read.vacant", names=vacant)] if vacant else []
    parts += [said("read.ignored", names=list(reading.ignore))] if reading.ignore else []
    return said("read.line", parts=[*parts, *grid.told])


def _add_questions(
    faults: Faults, names: Sequence[str], bits: Sequence[Sequence[int | None]], numbers: Sequence[int | None],
    sure: frozenset[str],
) -> None:  # fmt: skip
    """Ask about lists that may be covariates coded 0 and 1: beside histories that name the lists, about all others."""
    asked = [(name, why) for name, why in questions(names, bits, numbers) if name not in sure]
    beside = [(name, said("doubt.beside_histories")) for name in names if sure and name not in sure]
    for name, why in beside or asked:
        faults.add(
            said("found.not_clear_whether_column", why=why), said("allowed.lists_persons_covariates_named"),
            said("do.if_covariate_if_list", name_it=NAME_IT, name_lists=NAME_LISTS), column=name,
        )  # fmt: skip


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
                detail=said("found.first_in_row", row=str(first[tuple(key)])), row=row,
            )  # fmt: skip
        first.setdefault(tuple(key), row)
        counts[tuple(key)] = counts.get(tuple(key), 0) + (n or 0)
    return counts


def with_summed(told: Said, summed: Sequence[str]) -> Said:
    """Return what was understood, with the covariates over which a method adds up said to be."""
    (parts,) = (value for name, value in told.values if name == "parts")
    assert isinstance(parts, tuple)
    out: list[object] = []
    for part in parts:
        names = dict(part.values).get("names") if isinstance(part, Said) and part.code == "read.covariates" else None
        if not isinstance(names, tuple):
            out.append(part)
            continue
        kept = [name for name in names if name not in summed]
        out += [said("read.covariates", names=kept)] if kept else []
        out += [said("read.summed", names=list(summed))] if summed else []
    return said("read.line", parts=out)
