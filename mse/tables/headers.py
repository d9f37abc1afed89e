"""Rows of cells to columns with names: what stands above the header, names of rows, rows that are too short or long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mse.tables.checks import Faults
from mse.tables.codings import bits_of, coding_of
from mse.tables.grids import Grid
from mse.words.said import said

UNNAMED = frozenset(("", "unnamed: 0", "...1", "rownames", "row.names", "row_names", "rowname", "_n"))
"""What programs call a column of names of rows that they write."""

ROW_NAMES = UNNAMED | frozenset(
    "x row rownr rn index level_0 v1 nr no nr. no. # rij regel volgnummer volgnr seq".split()
)
"""What a column that numbers the rows of a table is called."""


class Row(NamedTuple):
    """The cells of one row, stripped, and its line in the file."""

    line: int
    cells: list[str]


def grid_of(rows: Sequence[Row], faults: Faults, count: str, whole: bool = True, *, titles: int = 0) -> Grid:
    """Return the columns of rows of which the first has the names.

    A line or two above the header that fill one cell only, and a note under the rows, are left out and said, and so are
    names of rows as R and spreadsheets write them.

    Parameters
    ----------
    rows : sequence of Row
        Those that are not blank.
    faults : Faults
        Receives what is wrong with the rows.
    count : str
        Name of the count column.
    whole : bool
        Whether these are all the rows of the file.
    titles : int
        Lines that were left out before the first row.

    Raises
    ------
    InputError
        When there are no rows, or the first holds no names.
    """
    above = _titles_of(rows)
    below = _notes_of(rows[above:])
    body = _one_header(rows[above : len(rows) - below])
    if len(body) < 2:
        if not whole:
            faults.raise_if_any()
        kind = said("found.header_but_no_rows") if body else said("found.file_has_no_rows")
        faults.add(kind, said("allowed.header_row_one_row"), said("do.check_step_made_file"))
        faults.raise_if_any()
    beside = titles + above + below
    told = [said("read.beside_one") if beside == 1 else said("read.beside", count=beside)] if beside else []
    crossed = _crossed(body, count)
    if crossed:
        body = crossed
        told.append(said("read.crossed"))
    top, header = body[0]
    if count not in header and (all(_number(name) for name in header) or {"0", "1"} & set(header)):
        if not _bare(body):
            faults.add(
                said("found.first_row_holds_numbers"), said("allowed.header_row_names_columns"),
                said("do.put_header_above_data", count=repr(count)), row=top,
            )  # fmt: skip
            faults.raise_if_any()
        header = [*(f"list_{j + 1}" for j in range(len(header) - 1)), count]
        body = [Row(0, header), *body]
        told.append(said("read.no_header"))
    if _one_more(body):
        header = ["", *header]
    lines, kept, all_rows = _squared(body[1:], len(header), faults)
    columns = [[cells[i] for cells in kept] for i in range(len(header))]
    numbers = all(_number(x) or not x for cells in columns[1:] for x in cells)
    if header[1:] == columns[0] and len(header) > 2 and numbers:
        faults.add(said("found.pairs_matrix"), said("allowed.histories_of_all"), said("do.ask_histories"))
        faults.raise_if_any()
    return _named(Grid(header, columns, lines, whole and all_rows, True, tuple(told)), top, faults)


def _number(name: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.,]+", name))


def _filled(row: Row) -> int:
    return sum(map(bool, row.cells))


def _titles_of(rows: Sequence[Row]) -> int:
    """Return how many rows at the top fill one cell only, where the rows under them fill three or more.

    Two are enough where the rows at the top are words without any separator.
    """
    usual = Counter(len(row.cells) for row in rows[:60]).most_common(1)[0][0] if rows else 0
    head = next((i for i, row in enumerate(rows[:12]) if len(row.cells) >= usual - 1 and _filled(row) > 1), 0)
    text = all(len(row.cells) == 1 and " " in row.cells[0] for row in rows[:head])
    full = (
        text
        or all(_filled(row) > 2 for row in rows[head : head + 2])
        or len(_one_header(rows[head:])) < len(rows) - head
    )
    return head if head and full and len(rows) > head + 1 else 0


def _one_header(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with a header of two rows, names under one that they share, as one: the lower if there is any.

    Only where the first row has gaps, the second holds words alone, and there are numbers below: then it is no data.
    """
    if len(rows) < 3 or len({len(row.cells) for row in rows[:3]}) > 1:
        return list(rows)
    upper, lower, data = (row.cells for row in rows[:3])
    both = [low or up for up, low in zip(upper, lower, strict=True)]
    words = not any(re.search(r"^[-+]?[\d.,]+$", cell) for cell in lower) and any(map(_number, data))
    shared = any(low and not up for up, low in zip(upper, lower, strict=True)) and any(upper)
    if not (words and shared and all(both) and len({*both}) == len(both)):
        return list(rows)
    return [Row(rows[1].line, both), *rows[2:]]


def _notes_of(rows: Sequence[Row]) -> int:
    """Return how many rows at the end are a note: the first cell alone, in words, under a header of three or more."""
    count = 0
    while rows and count < len(rows) - 2:
        cells = rows[-1 - count].cells
        if _filled(rows[0]) < 3 and len(cells) >= len(rows[0].cells):
            break
        short = len(cells) < len(rows[0].cells) and not any(re.search(r"^[\d.,]+$", cell) for cell in cells)
        if not (short or _filled(rows[-1 - count]) == 1) or not re.search(r"[^\W\d]{2}.*[\s:]", cells[0]):
            break
        count += 1
    return count


def _bare(rows: Sequence[Row]) -> bool:
    """Return whether rows without a header can only be lists and a count: 0 and 1, then whole numbers beyond 1."""
    width = len(rows[0].cells)
    good = all(
        len(row.cells) == width and {*row.cells[:-1]} <= {"0", "1"} and re.fullmatch(r"\d{1,10}", row.cells[-1])
        for row in rows
    )
    return width > 2 and len(rows) > 2 and good and any(row.cells[-1] not in ("0", "1") for row in rows)


def _crossed(rows: Sequence[Row], count: str) -> list[Row]:
    """Return the histories of two lists that are crossed, no and yes by no and yes, as R writes `table(A, B)`."""
    if len(rows) != 3 or any(len(row.cells) != 3 for row in rows):
        return []
    across, down = rows[0].cells[1:], [row.cells[0] for row in rows[1:]]
    if across != down or len({*across}) < 2 or coding_of(across) is None:
        return []
    bits = [bits_of(names) or [] for names in (down, across)]
    cells = [
        Row(row.line, [str(bits[0][i]), str(bits[1][j]), row.cells[j + 1]])
        for i, row in enumerate(rows[1:]) for j in (0, 1)
    ]  # fmt: skip
    return [Row(rows[0].line, ["list_1", "list_2", count]), *cells]


def _one_more(rows: Sequence[Row]) -> bool:
    """Return whether every row has a name in front of its cells, as R writes it with a header of one name less."""
    width = len(rows[0].cells) + 1
    if len(rows) < 3 or any(len(row.cells) != width for row in rows[1:]):
        return False
    return _names_rows("", [row.cells[0] for row in rows[1:]])


def _names_rows(name: str, cells: Sequence[str]) -> bool:
    """Return whether a column holds names of rows: none twice, numbers that rise beyond 1, or words without a name."""
    if len(set(cells)) < len(cells) or "" in cells or len(cells) < 2:
        return False
    if all(re.fullmatch(r"\d{1,9}", x) for x in cells):
        numbers = [int(x) for x in cells]
        running = numbers in (list(range(len(cells))), list(range(1, len(cells) + 1)))
        rising = numbers == sorted(numbers)
        histories = all(re.fullmatch("[01]+", x) for x in cells) and len(cells) > 2
        return numbers[-1] > 1 and (running or (rising and not name and not histories))
    return not name and any(re.search(r"[^\W\d]", x) for x in cells)


def without_row_numbers(grid: Grid) -> Grid:
    """Return a table without a column in front that only numbers its rows."""
    if len(grid.header) > 2 and grid.header[0].casefold() in ROW_NAMES and _names_rows(grid.header[0], grid.columns[0]):
        return grid.without([0]).with_told(said("read.row_names"))
    return grid


def _squared(rows: Sequence[Row], width: int, faults: Faults) -> tuple[list[int], list[list[str]], bool]:
    """Return the lines and cells of the rows that have as many cells as the header, and whether all have."""
    lines, kept, all_rows = [], [], True
    for line, cells in rows:
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) == width:
            lines.append(line)
            kept.append(cells)
            continue
        all_rows = False
        faults.add(
            said("found.row_too_long") if len(cells) > width else said("found.row_too_short"),
            said("allowed.cells_header", width=width),
            said("do.remove_extra_separators_write")
            if len(cells) > width
            else said("do.fill_cells_missing"),
            detail=f": {len(cells)}",
            row=line,
        )  # fmt: skip
    return lines, kept, all_rows


def _named(grid: Grid, top: int, faults: Faults) -> Grid:
    """Return the columns that have a name or a cell, without those that only number or name the rows."""
    columns = grid.columns
    kept = [i for i in range(len(grid.header)) if grid.header[i] or any(columns[i])]
    told, all_columns = list(grid.told), True
    if len(kept) > 2 and grid.header[kept[0]].casefold() in UNNAMED:
        i = kept[0]
        if _names_rows(grid.header[i], columns[i]):
            told.append(said("read.row_names"))
            kept = kept[1:]
    elif len(kept) == 2 and not grid.header[kept[0]] and len(set(columns[kept[0]])) == len(grid.rows):
        grid.header[kept[0]] = "history"  # names of rows are all that says which lists the counts are of
    for i in kept:
        if not grid.header[i]:
            all_columns = False
            detail = said("found.of_column", number=str(i + 1))
            allowed = said("allowed.name_above_every_column")
            faults.add(said("found.column_has_no_name"), allowed, said("do.name_remove"), detail=detail, row=top)
    return grid._replace(
        header=[grid.header[i] for i in kept], columns=[columns[i] for i in kept], told=tuple(told),
        all_columns=all_columns,
    )  # fmt: skip
