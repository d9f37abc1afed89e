"""Sheets of Excel and OpenDocument workbooks as rows of cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mse.tables.checks import Faults
from mse.tables.grids import Grid, as_text
from mse.tables.headers import Row, grid_of
from mse.words.said import said

if TYPE_CHECKING:
    import python_calamine


def workbook_grid(data: bytes, faults: Faults, count: str, sheet: str | None) -> Grid:
    """Return the cells of the one sheet that holds a table, or of the sheet that is asked for.

    Raises
    ------
    InputError
        When it is no workbook, or has several sheets with tables and it is not said which is meant.
    """
    sheets = book_rows(data, faults)
    names = [name for name, rows in sheets if rows]
    tables = [name for name, rows in sheets if len(rows) > 1 and max(len(row.cells) for row in rows) > 1]
    if sheet is not None and sheet not in names:
        near = get_close_matches(sheet, names, n=1)
        remedy = said("ask.did_you_mean", name=near[0]) if near else said("ask.correct_name")
        faults.add(said("ask.no_sheet"), said("ask.one_of", names=names), remedy, value=sheet)
    elif sheet is None and len(tables) > 1:
        faults.add(said("ask.sheets", names=tables), said("ask.one_sheet"), said("ask.name_sheet"))
    elif not names:
        faults.add(said("found.file_has_no_rows"), said("allowed.header_row_one_row"), said("do.check_step_made_file"))
    faults.raise_if_any()
    chosen = sheet if sheet is not None else (tables or names)[0]
    grid = grid_of(dict(sheets)[chosen], faults, count)
    return grid.with_told(said("read.sheet", name=chosen)) if len(names) > 1 else grid


def book_rows(data: bytes, faults: Faults) -> list[tuple[str, list[Row]]]:
    """Return the rows of every sheet of a workbook that are not blank, with their numbers.

    Raises
    ------
    InputError
        When it is no workbook that can be read.
    """
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        found = [(name, _values(book.get_sheet_by_name(name))) for name in book.sheet_names]
    except (python_calamine.CalamineError, OSError, ValueError, TypeError):
        faults.add(said("file.no_workbook"), said("file.allowed"), said("file.export"))
        faults.raise_if_any()
    return [(name, _rows(rows)) for name, rows in found]


def _values(sheet: python_calamine.CalamineSheet) -> list[list[object]]:
    """Return the cells of a sheet; what stands in cells that are one, below each other, stands in every row of them."""
    rows: list[list[object]] = [list(row) for row in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        for i in range(top + 1, min(bottom + 1, len(rows))):
            if left < len(rows[i]):
                rows[i][left] = rows[top][left]
    return rows


def _rows(rows: Sequence[Sequence[object]]) -> list[Row]:
    out = []
    for i, row in enumerate(rows, 1):
        cells = [_cell(value) for value in row]
        if any(cells):
            out.append(Row(i, cells))
    # A sheet is as wide as its widest row: columns in which nothing stands are none.
    width = max((max(j for j, cell in enumerate(row.cells, 1) if cell) for row in out), default=0)
    return [Row(row.line, row.cells[:width]) for row in out]


def _cell(value: object) -> str:
    return ("TRUE" if value else "FALSE") if isinstance(value, bool) else as_text(value)
