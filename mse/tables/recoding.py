"""Lists that are not written as 0 and 1: marks beside blanks, 1 and 2, a given word; each read by a said rule."""

from __future__ import annotations

from collections.abc import Sequence

from mse.tables.checks import Faults
from mse.tables.codings import called_otherwise, coding_of, count_place
from mse.tables.grids import Grid
from mse.tables.readspec import Reading
from mse.words.said import said

GONE = frozenset(("", "na", "nan", "n/a", "<na>", "null", "none", ".", "#n/a"))
"""What stands in a cell that is empty, in small letters."""
_MARKS = frozenset("x 1 1.0 yes y ja j true t waar v + ✓ ✔ * ● • on".split())


def recoded(grid: Grid, faults: Faults, reading: Reading) -> Grid:
    """Return the grid with such lists as 0 and 1.

    A mark beside blanks is read where every list is written so, and 1 and 2 where no list is written as 0 and 1: 1 is
    yes unless the counts say otherwise, because nobody in a table is on no list. Where they do not say, `faults`
    receives the question.
    """
    count = count_place(grid.header, grid.columns, reading.count)
    aside = {name for name in reading.covariates or ()}
    free = [
        i for i, name in enumerate(grid.header)
        if i != count and name not in aside and (reading.lists is None or name in reading.lists)
    ]  # fmt: skip
    if reading.yes is not None:
        return _by_word(grid, free, faults, reading)
    if reading.blank_is_no:
        filled = [i for i in free if _marked(grid.columns[i]) or _coded_with_blanks(grid.columns[i])]
        return _filled(grid, filled)
    written = [i for i in free if coding_of(grid.columns[i]) is not None and {*grid.columns[i]} != {"1"}]
    marked = [i for i in free if _marked(grid.columns[i])]
    if len(marked) > 1 and not written and any({*map(str.casefold, grid.columns[i])} & GONE for i in marked):
        return _filled(grid, marked).with_told(said("read.marks", mark=_mark(grid.columns[marked[0]])))
    return grid if written else _one_two(grid, free, count, faults)


def _mark(cells: Sequence[str]) -> str:
    return next(cell for cell in cells if cell.casefold() not in GONE)


def _marked(cells: Sequence[str]) -> bool:
    """Return whether one mark, or nothing, stands in every cell."""
    marks = {cell.casefold() for cell in cells} - GONE
    return len(marks) == 1 and marks <= _MARKS


def _coded_with_blanks(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.casefold() not in GONE]
    return len(filled) < len(cells) and coding_of(filled) is not None


def _filled(grid: Grid, places: Sequence[int]) -> Grid:
    """Return the grid with 0, or the word for it, in the blank cells of some columns and 1 at a lone mark."""
    columns = list(grid.columns)
    for i in places:
        if _marked(columns[i]):
            columns[i] = ["0" if cell.casefold() in GONE else "1" for cell in columns[i]]
            continue
        words = {cell.casefold() for cell in columns[i]} - GONE
        no = next(x for x in ("0", "0.0", "false", "f", "no", "n", "nee", "onwaar") if x in words)
        columns[i] = [no if cell.casefold() in GONE else cell for cell in columns[i]]
    return grid._replace(columns=columns)


def _by_word(grid: Grid, free: Sequence[int], faults: Faults, reading: Reading) -> Grid:
    """Return the grid with 1 where a word stands that is given, in columns with that word and one other at most."""
    word = str(reading.yes).casefold()
    places = [i for i in free if _says(grid.columns[i], word) or grid.header[i] in (reading.lists or ())]
    if not any(word in map(str.casefold, grid.columns[i]) for i in places):
        faults.add(said("ask.no_yes"), said("ask.no_yes_allowed"), said("ask.correct_yes"), value=reading.yes)
        return grid
    columns = list(grid.columns)
    for i in places:
        blank = "0" if reading.blank_is_no or len({*columns[i]}) < 3 and _marked(columns[i]) else ""
        columns[i] = ["1" if x.casefold() == word else blank if x.casefold() in GONE else "0" for x in columns[i]]
    return grid._replace(columns=columns).with_told(said("read.yes", value=str(reading.yes)))


def _says(cells: Sequence[str], word: str) -> bool:
    words = {cell.casefold() for cell in cells}
    return word in words and len(words - GONE) <= 2


def _one_two(grid: Grid, free: Sequence[int], count: int | None, faults: Faults) -> Grid:
    """Return the grid with lists of 1 and 2 as 1 and 0, or as 0 and 1 where only that leaves nobody on no list."""
    places = [
        i for i in free
        if {x.removesuffix(".0") for x in grid.columns[i]} == {"1", "2"} and not called_otherwise(grid.header[i])
    ]  # fmt: skip
    if len(places) < 2:
        return grid
    cells = {i: [x.removesuffix(".0") for x in grid.columns[i]] for i in places}
    numbers = ["1"] * len(grid.rows) if count is None else grid.columns[count]
    rows = [row for n, *row in zip(numbers, *cells.values(), strict=True) if n.casefold() not in ("0", "0.0", *GONE)]
    ones, twos = any({*row} == {"1"} for row in rows), any({*row} == {"2"} for row in rows)
    persons = [int(n) if n.isdigit() else 1 for n in numbers if n.casefold() not in ("0", "0.0", *GONE)]
    on = sum(n * row.count("1") for n, row in zip(persons, rows, strict=True))
    fewer = 2 * on < sum(persons) * len(places)
    if ones == twos and not (fewer and not ones):
        faults.add(said("ask.one_two", names=[grid.header[i] for i in places]), said("ask.one_two_allowed"),
                   said("ask.name_yes"))  # fmt: skip
        faults.raise_if_any()
    yes, no = ("2", "1") if twos and not ones else ("1", "2")
    columns = list(grid.columns)
    for i, texts in cells.items():
        columns[i] = ["1" if x == yes else "0" for x in texts]
    return grid._replace(columns=columns).with_told(said("read.one_two", yes=yes, no=no))
