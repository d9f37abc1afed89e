"""From a grid of text to an overlap table: what each column is, and what is wrong with each cell.

What a column is, where the caller does not say so:

1. ``count`` (in any case of letters) is the count.
2. Only 0 and 1: a list. A covariate with the values 0 and 1 must therefore be named as one.
3. 0 and 1 in more than half of the rows, with a 0 somewhere: a list with bad cells, each an error.
4. Anything that might be a list in another coding (0, or 1 beside text; yes/no, x and blank), or an
   identifier or measurement (every row different, from 4 rows on): an error that asks for a decision.
5. The rest: a covariate. Its levels are sorted, as numbers when all of them are.

Where covariates are named there are no others: every column that is left is a list, or the count. Where only
lists are named, a column that is left is a covariate by rules 4 and 5, and an error if it holds 0 and 1 only.
Empty rows and empty columns without a name are skipped, as spreadsheets write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mse.tables.checks import MAX_COUNT, MAX_LISTS, Faults, add_name_faults, add_structure_faults

if TYPE_CHECKING:
    import pandas as pd

SAYS_YES_OR_NO = frozenset("yes no y n ja nee j true false t f x - + on off v".split())
COUNT_BY_ANOTHER_NAME = frozenset("n freq frequency aantal number counts persons total obs".split())
BIT = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}

_WHOLE = f"a whole number from 0 to {MAX_COUNT:,}"
_PERSONS = "when each row is one person, read it with persons=True (command line: --persons; frame: count=None)"
_NAME_IT = "name it as one: covariates=[…] (command line: --covariate)"


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
    """

    lists: tuple[str, ...]
    strata: dict[str, tuple[str, ...]]
    counts: dict[tuple[int, ...], int]


class Grid(NamedTuple):
    """Text cells as they stand, by column.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    columns : list of list of str
        Cells, stripped.
    rows : list of int
        What each row is called in a message: the line of the file, or the position in the frame.
    all_rows, all_columns : bool
        False when some had to be left out, so that less may be said about the rest.
    """

    header: list[str]
    columns: list[list[str]]
    rows: list[int]
    all_rows: bool
    all_columns: bool


class Roles(NamedTuple):
    """Places of the columns in the grid by what they are.

    Parameters
    ----------
    lists, covariates : list of int
        Places.
    number : int or None
        Place of the count; None when there is none.
    """

    lists: list[int]
    covariates: list[int]
    number: int | None


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


def frame_grid(frame: pd.DataFrame, faults: Faults) -> tuple[Grid, dict[str, list[str]]]:
    """Return the cells of a frame as text, rows named by position, and the order of levels where it has one."""
    header = [str(x).strip() for x in frame.columns]
    columns, levels = [], {}
    for i, name in enumerate(header):
        series = frame.iloc[:, i]
        columns.append([as_text(x, bool(gone)) for x, gone in zip(series, series.isna(), strict=True)])
        order = getattr(series.dtype, "categories", None)
        if order is not None:
            levels[name] = [as_text(x, False) for x in order]
    if not columns or not columns[0]:
        faults.add("there are no rows", "one row per history", "check the step that made the frame")
        faults.raise_if_any()
    return Grid(header, columns, list(range(len(frame))), True, True), levels


def as_text(value: object, missing: bool) -> str:
    """Return a cell of a frame as it would stand in a file; empty when missing."""
    if missing:
        return ""
    if type(value).__name__ in ("bool", "bool_"):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def table_from_grid(
    grid: Grid, faults: Faults, lists: Sequence[str] | None, covariates: Sequence[str] | None, count: str,
    persons: bool, sum_duplicates: bool, levels: Mapping[str, Sequence[str]], most: int = MAX_LISTS,
) -> OverlapCells:  # fmt: skip
    """Decide what the columns are, check every cell, and add up; parameters as in `read_table`.

    Raises
    ------
    InputError
        With everything that `faults` held already and all that is found here.
    """
    before = len(faults)
    for i, name in enumerate(grid.header):
        if name and name in grid.header[:i]:
            remedy = "rename or remove one"
            faults.add("a column name is used twice", "every column its own name", remedy, column=name)
    roles = _roles(grid, faults, lists, covariates, count, persons)
    # While it is open what a column is, rows that look alike need not be, and a list may be missing.
    settled = grid.all_columns and len(faults) == before
    names = tuple(grid.header[i] for i in roles.lists)
    strata = {grid.header[i]: _levels(grid.columns[i], levels.get(grid.header[i])) for i in roles.covariates}
    add_name_faults(faults, names, strata, most=most)
    bits = [[BIT.get(cell) for cell in grid.columns[i]] for i in roles.lists]
    for i, column in zip(roles.lists, bits, strict=True):
        for k in (k for k, bit in enumerate(column) if bit is None):
            text, name = grid.columns[i][k], grid.header[i]
            faults.add(
                "a list column must be 0/1", "1 for on the list, 0 for not on it",
                f"write 1 or 0; if the column is a covariate, {_NAME_IT}",
                detail="" if text else ", and this cell is empty",
                row=grid.rows[k], column=name, value=text or None,
            )  # fmt: skip
    codes = [_codes(grid, i, strata[grid.header[i]], faults) for i in roles.covariates]
    numbers: list[int | None] = [1] * len(grid.rows)
    if roles.number is not None:
        numbers = whole_numbers(grid, roles.number, faults)
    counts = _sums(grid, faults, bits, codes, numbers, persons, sum_duplicates, settled)
    if settled and grid.all_rows:
        # A cell that cannot be read gets the benefit of the doubt: no second fault follows from it.
        maybe = [[bit != 0 and n != 0 for bit, n in zip(column, numbers, strict=True)] for column in bits]
        overlap = any(sum(row) > 1 for row in zip(*maybe, strict=True))
        aside = f" (with other values than 0 and 1, so covariates: {', '.join(strata)})" if strata else ""
        add_structure_faults(faults, names, [any(column) for column in maybe], overlap, aside=aside, most=most)
    faults.raise_if_any()
    return OverlapCells(names, strata, counts)


def _roles(
    grid: Grid, faults: Faults, lists: Sequence[str] | None, covariates: Sequence[str] | None, count: str,
    persons: bool,
) -> Roles:  # fmt: skip
    """Decide what each column is, by name where the caller says so and by the module's rules otherwise."""
    place = count_column(grid.header, count)
    if place is not None and persons:
        faults.add(
            "there is a count column although each row is said to be one person", "one or the other",
            "leave out persons=True (command line: --persons), or remove the column",
            column=grid.header[place],
        )  # fmt: skip
    if place is None and not persons:
        faults.private = True  # this may well be a file of persons
        near = next((x for x in grid.header if x.casefold() in COUNT_BY_ANOTHER_NAME), None)
        first = f"rename the column {near!r} to {count!r}" if near else f"add a column {count!r}"
        allowed = f"a column {count!r} with the number of persons"
        faults.add("there is no count column", allowed, f"{first}; or, {_PERSONS}")
    for role, named in (("list", lists or ()), ("covariate", covariates or ())):
        for name in named:
            if name not in grid.header or grid.header.index(name) == place:
                kind = f"there is no column for this {role}"
                faults.add(kind, f"one of {', '.join(grid.header)}", "correct the name", column=name)
            elif role == "covariate" and name in (lists or ()):
                faults.add("named both as list and covariate", "one or the other", "choose", column=name)
    found = Roles([], [], place)
    for i, (name, cells) in enumerate(zip(grid.header, grid.columns, strict=True)):
        if i == place or not name or name in grid.header[:i]:
            continue
        if name in (covariates or ()):
            found.covariates.append(i)
        elif name in (lists or ()) or (lists is None and _like_a_list(cells)):
            found.lists.append(i)
        elif place is None and not persons:
            continue  # one missing count column explains enough
        elif persons or covariates is not None or set(cells) <= BIT.keys():
            faults.add(
                "the column is neither a list (0/1) nor named as a covariate",
                "lists, covariates and the count",
                f"remove it, or {_NAME_IT}", column=name,
            )  # fmt: skip
        elif doubt := _doubt(cells):
            faults.add(
                f"it is not clear what this column is: {doubt}", "0 and 1 in a list; levels in a covariate",
                f"write 0 and 1 if it is a list; if it is a covariate, {_NAME_IT}; else remove it",
                column=name,
            )  # fmt: skip
        else:
            found.covariates.append(i)
    wanted = [*(lists or ()), *(covariates or ())]  # the order that the caller gave
    for places in (found.lists, found.covariates):
        places.sort(key=lambda i: wanted.index(grid.header[i]) if grid.header[i] in wanted else len(wanted))
    return found


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


def _doubt(cells: Sequence[str]) -> str:
    """Return why a column with other values than 0 and 1 may not be a covariate; empty when it may."""
    values = set(cells)
    if values == {""}:
        return "every cell is empty"
    if "0" in values or ("1" in values and not all(_is_whole(x) for x in values)):
        return "0 or 1 stands next to other values"
    if {x.casefold() for x in values} <= SAYS_YES_OR_NO | {""} or ("" in values and len(values) <= 2):
        return "it looks like a list with another coding than 0 and 1"
    if len(values) == len(cells) >= 4:
        return "every row has a value of its own, as in an identifier or a measurement"
    return ""


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
                "a covariate has a level that was not declared" if cell else "a covariate is empty",
                f"one of {len(levels)} levels" if faults.private or len(levels) > 20 else ", ".join(levels),
                "correct it, or write a level of its own such as 'unknown'",
                row=grid.rows[k], column=grid.header[i], value=cell or None,
            )  # fmt: skip
    return [codes.get(cell) for cell in grid.columns[i]]


def whole_numbers(grid: Grid, i: int, faults: Faults) -> list[int | None]:
    """Return the counts, None where there is a fault."""
    out: list[int | None] = []
    total = 0
    for k, cell in enumerate(grid.columns[i]):
        text = cell[:-2] if re.fullmatch(r"[0-9]+\.0", cell) else cell  # what pandas writes for 12
        fault = _count_fault(text)
        if fault is not None:
            out.append(None)
            faults.add(fault[0], _WHOLE, fault[1], row=grid.rows[k], column=grid.header[i], value=cell or None)
            continue
        out.append(int(text))
        total += int(text)
    if total > MAX_COUNT:
        faults.add(
            "the counts add up to too many persons", f"a total up to {MAX_COUNT:,}",
            "check the unit of the counts", column=grid.header[i], value=f"{total:,}",
        )  # fmt: skip
    return out


def _count_fault(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a count and what to do about it, or None."""
    if re.fullmatch(r"[0-9]+", text):
        too_large = len(text.lstrip("0")) > 10 or int(text) > MAX_COUNT
        return ("a count is too large", "check the unit of the counts") if too_large else None
    if text.casefold() in ("", "na", "nan", "n/a", "null", "none", ".", "-", "<na>", "#n/a"):
        return "a count is missing", "write 0 where nobody was seen, or remove the row"
    if re.fullmatch(r"[-−][0-9.,]+", text):
        return "a count is negative", "correct it: nobody is seen a negative number of times"
    if re.fullmatch(r"[0-9]{1,3}(?:[.,' \u00a0\u202f][0-9]{3})+", text):
        plain = re.sub(r"\D", "", text)
        return "a count has a fraction or a separator for thousands", f"write {plain} if thousands are meant"
    if re.fullmatch(r"[0-9]*[.,][0-9]*", text):
        return "a count has a fraction", "give whole persons; a weighted or rescaled table cannot be used"
    if re.fullmatch(r"[<≤] *[0-9]+|\*+", text):
        return (
            "a count is suppressed",
            "ask the supplier for the number itself: nothing is estimated from masks",
        )
    if re.fullmatch(r"[+-]?(inf|infinity)", text.casefold()):
        return "a count is infinite", "check the step that made the file"
    return "a count is not a number", "write the number of persons in plain digits"


def _sums(
    grid: Grid, faults: Faults, bits: Sequence[Sequence[int | None]], codes: Sequence[Sequence[int | None]],
    numbers: Sequence[int | None], persons: bool, sum_duplicates: bool, settled: bool,
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
            if n and settled:
                faults.add(
                    "a person is on none of the lists"
                    if persons else "the row for persons on no list has a count",
                    "persons on at least one list",
                    "remove the row: how many were seen by nobody is what is to be estimated",
                    row=row, value=None if persons else str(n),
                )  # fmt: skip
            continue
        if tuple(key) in first and settled and not (persons or sum_duplicates):
            faults.add(
                "the same history and covariates stand in two rows", "one row for each",
                "remove one, or add them up with sum_duplicates=True (command line: --sum-duplicates)",
                detail=f", first in row {first[tuple(key)]}", row=row,
            )  # fmt: skip
        first.setdefault(tuple(key), row)
        counts[tuple(key)] = counts.get(tuple(key), 0) + (n or 0)
    return counts
