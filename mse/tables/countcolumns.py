"""Counts of persons as they stand in a table, and what is wrong with those that are none."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mse.tables.checks import MAX_COUNT, Faults
from mse.tables.codings import BIT, count_like, count_place
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.tables.grids import Grid

_MISSING = ("", "na", "nan", "n/a", "null", "none", ".", "-", "<na>", "#n/a", "?")
_A_TOTAL = re.compile(r"(?:grand )?tota(?:l|al)s?\b.*|sum|som", re.IGNORECASE)
_TOTALS = frozenset(("", "total", "totaal", "sum", "som", "totals", "all", "alle", "allen", "n", "all lists"))
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:[.,' \u00a0\u202f][0-9]{3})+")
_WHOLE = said("allowed.whole_number_0", max_count=MAX_COUNT)


def whole_numbers(grid: Grid, i: int, faults: Faults, nobody: Collection[int] = frozenset()) -> list[int | None]:
    """Return the counts, None where there is a fault; the rows `nobody` (on no list) may be without one."""
    out: list[int | None] = []
    total = 0
    for k, cell in enumerate(grid.columns[i]):
        # What pandas writes for 12, or a spreadsheet with a decimal comma.
        text = re.split("[.,]", cell)[0] if re.fullmatch(r"[0-9]+(?:\.0+|,0{1,2})", cell) else cell
        if k in nobody and text.casefold() in _MISSING:
            out.append(0)
            continue
        fault = _count_fault(text)
        if fault is not None:
            out.append(None)
            faults.add(fault[0], _WHOLE, fault[1], row=grid.rows[k], column=grid.header[i], value=cell or None)
            continue
        out.append(int(text))
        total += int(text)
    if total > MAX_COUNT:
        faults.add(
            said("found.counts_add_up_too"), said("allowed.total_up", max_count=MAX_COUNT),
            said("do.check_unit_counts"), column=grid.header[i], value=f"{total:,}",
        )  # fmt: skip
    return out


def _count_fault(text: str) -> tuple[Said, Said] | None:
    """Return what is wrong with a count and what to do about it, or None."""
    if re.fullmatch(r"[0-9]+", text):
        too_large = len(text.lstrip("0")) > 10 or int(text) > MAX_COUNT
        return (said("found.count_too_large"), said("do.check_unit_counts")) if too_large else None
    if text.casefold() in _MISSING:
        return said("found.count_missing"), said("do.write_0")
    if re.fullmatch(r"[-−][0-9.,]+", text):
        return said("found.count_negative"), said("do.nobody_negative")
    if _THOUSANDS.fullmatch(text):
        plain = re.sub(r"\D", "", text)
        return said("found.count_thousands"), said("do.write_plain", plain=plain)
    if re.fullmatch(r"[0-9]*[.,][0-9]*", text):
        return said("found.count_fraction"), said("do.whole_persons")
    if re.fullmatch(
        r"[<≤] *[0-9]+|[0-9]+ *(?:[-–]|to|tot|t/m) *[0-9]+|(?:under|below|onder|minder dan) [0-9]+|\*+", text.casefold()
    ):
        return said("found.count_suppressed"), said("do.ask_number_itself")
    if re.fullmatch(r"[+-]?(inf|infinity)", text.casefold()):
        return said("found.count_infinite"), said("do.check_step_made_file")
    return said("found.count_not_number"), said("do.plain_digits")


def with_periods_in_rows(grid: Grid, count: str, named: Collection[str]) -> Grid:
    """Return the grid with a row for each history and year where it has a column of counts for each year.

    No history stands in two rows of such a table; rows of persons do, and numbers by year beside them count no persons.
    """
    years = [i for i, name in enumerate(grid.header) if re.fullmatch("(?:19|20)[0-9]{2}", name) and name not in named]
    cells = [cell for i in years for cell in grid.columns[i]]
    whole = all(re.fullmatch(r"[0-9]{1,9}", cell) or cell.casefold() in _MISSING for cell in cells)
    beyond = len(years) > 1 and all({*grid.columns[i]} - BIT.keys() - {*_MISSING} for i in years)
    if not (whole and beyond) or count in grid.header or count_like(grid.header, grid.columns) or "year" in grid.header:
        return grid
    others = [i for i in range(len(grid.header)) if i not in years]
    histories = [*zip(*(grid.columns[i] for i in others), strict=True)]
    if len({*histories}) < len(histories):
        return grid
    repeated = [[cell for cell in grid.columns[i] for _ in years] for i in others]
    names = [grid.header[i] for i in years]
    periods = [name for _ in grid.rows for name in names]
    counts = [grid.columns[i][k] for k in range(len(grid.rows)) for i in years]
    header = [*(grid.header[i] for i in others), "year", count]
    rows = [row for row in grid.rows for _ in years]
    grid = grid._replace(header=header, columns=[*repeated, periods, counts], rows=rows)
    return grid.with_told(said("read.periods", names=names))


def with_plain_thousands(grid: Grid, count: str) -> Grid:
    """Return the grid with 1234 where its counts are written 1.234, 1,234 or 1 234 as soon as they reach a thousand.

    Only where that can be nothing else: one separator throughout, in every count beyond 999 and in no other, and some
    counts below. Rounded weights, 1.234 beside 12.500, have it everywhere.
    """
    place = count_place(grid.header, grid.columns, count)
    if place is None:
        return grid
    cells = grid.columns[place]
    grouped = [cell for cell in cells if _THOUSANDS.fullmatch(cell)]
    small = [cell for cell in cells if re.fullmatch(r"[0-9]{1,3}", cell)]
    marks = {mark for cell in grouped for mark in re.findall(r"\D", cell)}
    missing = sum(cell.casefold() in _MISSING for cell in cells)
    if not grouped or not small or len(marks) > 1 or len(grouped) + len(small) + missing < len(cells):
        return grid
    columns = list(grid.columns)
    columns[place] = [re.sub(r"\D", "", cell) if _THOUSANDS.fullmatch(cell) else cell for cell in cells]
    told = said("read.thousands", value=grouped[0], plain=re.sub(r"\D", "", grouped[0]))
    return grid._replace(columns=columns).with_told(told)


def without_shares(grid: Grid, count: str) -> Grid:
    """Return the grid without a column that gives the counts once more, as shares of their sum or in percent."""
    place = count_place(grid.header, grid.columns, count)
    numbers = rough_counts(grid, place)
    if numbers is None or not sum(numbers):
        return grid
    shown = [k for k, n in enumerate(numbers) if n]
    shares = [
        i
        for i, cells in enumerate(grid.columns)
        if i != place and _as_shares([cells[k] for k in shown], [numbers[k] for k in shown])
    ]
    return (
        grid.without(shares).with_told(said("read.unread", names=[grid.header[i] for i in shares])) if shares else grid
    )


def _as_shares(cells: Sequence[str], numbers: Sequence[int]) -> bool:
    plain = [cell.strip("% ").replace(",", ".") for cell in cells]
    if (
        len(cells) < 3
        or not all(re.fullmatch(r"[0-9]{0,3}(?:\.[0-9]+)?", x) and x for x in plain)
        or not any("." in x for x in plain)
    ):
        return False
    for whole in (1, 100):  # to within half of the last digit
        near = (
            abs(float(x) - whole * n / sum(numbers)) <= 0.51 * 10 ** -len(x.partition(".")[2])
            for x, n in zip(plain, numbers, strict=True)
        )
        if all(near):
            return True
    return False


def without_total(grid: Grid, faults: Faults, count: str) -> Grid:
    """Return the grid without a last row that adds up the others: a sum as its count, and no list in it.

    Beside the sum may stand the total of each list. A row that is called a total may have no sum at all; another sum
    than that of the rows is a fault, unless some of them cannot be read, which is a fault of its own.
    """
    place = count_place(grid.header, grid.columns, count)
    numbers = rough_counts(grid, place)
    if place is None or numbers is None or len(numbers) < 3:
        return grid
    last = {i: cells[-1].casefold() for i, cells in enumerate(grid.columns) if i != place}
    named = {i for i, cell in last.items() if cell in _TOTALS or _A_TOTAL.fullmatch(cell)}
    totals = [i for i in last if i not in named and not _whole_share(grid.columns[i])]
    called = any(_A_TOTAL.fullmatch(cell) for cell in last.values())
    summed = numbers[-1] == sum(numbers[:-1]) and numbers[-1] > 1
    open_to = called and (not grid.columns[place][-1] or not all(map(str.isdigit, grid.columns[place])))
    if called and not totals and not (summed or open_to):
        faults.add(
            said("found.total_differs"), said("allowed.sum_of_rows", total=sum(numbers[:-1])), said("do.correct_total"),
            row=grid.rows[-1], column=grid.header[place], value=grid.columns[place][-1],
        )  # fmt: skip
    elif not (summed or open_to) or not all(_adds_up(grid.columns[i], numbers) for i in totals):
        return grid
    columns = [cells[:-1] for cells in grid.columns]
    return grid._replace(columns=columns, rows=grid.rows[:-1]).with_told(said("read.total"))


def _whole_share(cells: Sequence[str]) -> bool:
    """Return whether the last cell of a column is 100 percent, or 1, and the others are shares."""
    whole = re.fullmatch(r"100(?:[.,]0+)? *%?|1[.,]0+", cells[-1])
    return (
        whole is not None
        and all(re.fullmatch(r"[0-9]*(?:[.,][0-9]+)? *%?", cell) for cell in cells)
        and not ({*cells[:-1]} <= BIT.keys())
    )


def _adds_up(cells: Sequence[str], numbers: Sequence[int]) -> bool:
    """Return whether the last cell of a list is how many persons are on it."""
    on = sum(n for cell, n in zip(cells[:-1], numbers, strict=False) if cell in ("1", "1.0"))
    return {*cells[:-1]} <= BIT.keys() and re.sub(r"[.,]0+$", "", cells[-1]) == str(on) and on > 1


def rough_counts(grid: Grid, i: int | None) -> list[int] | None:
    """Return the counts, 0 where there is a fault, before anything is said of them; None without a column of counts."""
    if i is None:
        return None
    whole = [re.fullmatch(r"([0-9]{1,12})(?:[.,]0+)?", cell) for cell in grid.columns[i]]
    return [int(found[1]) if found else 0 for found in whole]
