"""Reading an overlap table from a text file, with every fault collected before anything is said."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from mse.computing.inputfiles import NotReadable, read_input
from mse.tables.cells import OverlapCells, table_from_grid
from mse.tables.checks import MAX_LISTS, Faults
from mse.tables.grids import Grid

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
MAGIC = (
    (b"PK\x03\x04", "a zip file, probably an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF"),
    (b"\x89HDF", "an HDF5 or netCDF file"),
)

_CSV = "a text file in UTF-8 with a header row and columns separated by comma, semicolon or tab"


def read_table(
    path: str | Path,
    *,
    lists: Sequence[str] | None = None,
    covariates: Sequence[str] | None = None,
    count: str = "count",
    persons: bool = False,
    sum_duplicates: bool = False,
    levels: Mapping[str, Sequence[str]] | None = None,
    merge: Mapping[str, Sequence[str]] | None = None,
    drop: Sequence[str] = (),
    most: int = MAX_LISTS,
) -> OverlapCells:
    """Read an overlap table from a CSV file; parameters as in `CaptureTable.from_csv`, and the lists there may be.

    Raises
    ------
    InputError
        With every problem of the file at once.
    """
    # Where rows are persons no cell is ever quoted in a message.
    faults = Faults(str(path), private=persons)
    grid = read_grid(path, faults, count)
    return table_from_grid(
        grid, faults, lists, covariates, count, persons, sum_duplicates, levels or {}, merge, drop, most
    )  # fmt: skip


def read_grid(path: str | Path, faults: Faults, count: str) -> Grid:
    """Return the text cells of a CSV file; `faults` receives what is wrong with the file, and is raised at its end."""
    return _grid(_text(Path(path), faults), faults, count)


def _text(path: Path, faults: Faults) -> str:
    """Return the text of a file; whatever cannot be read as text is the end of it."""
    if os.path.isdir(path):  # unlike Path.is_dir, False for a path that no file can have
        faults.add("this is a folder", "a CSV file", "name the file in it that holds the table")
        faults.raise_if_any()
    try:
        data = read_input(path)
    except NotReadable as error:
        faults.add(str(error.strerror), "the path of a CSV file", "check the path")
    except FileNotFoundError:
        near = get_close_matches(path.name, [x.name for x in path.parent.glob("*.csv")], n=1)
        remedy = f"check the path; did you mean {near[0]}" if near else "check the path"
        faults.add("there is no such file", "a CSV file", remedy)
    except OSError as error:
        kind = "the file cannot be opened: " + (error.strerror or type(error).__name__)
        faults.add(kind, "a readable CSV file", "check the permissions, or close the program that holds it")
    faults.raise_if_any()
    export = "export the sheet or page as CSV (UTF-8) and read that file"
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:100].lower()
    kind = next((f"this is {what}" for magic, what in MAGIC if data.startswith(magic)), "")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[1:20:2].count(0) > 5 or data[:20:2].count(0) > 5:
        kind = kind or "this is text in UTF-16"
        export = "save the file as CSV with the encoding UTF-8"
    elif start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        kind = "this is a web page or XML"
    elif start.startswith((b"{", b"[")):
        kind = "this is JSON"
    elif not start:
        kind, export = "the file is empty", "check the step that made it"
    elif not kind and (control := re.search(rb"[\x00-\x08\x0e-\x1f]", data)):
        kind = f"this is not text: control character 0x{control[0].hex()}"
    if kind:
        faults.add(kind, _CSV, export)
    faults.raise_if_any()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        lines, unreadable = [], set()
        for row, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            try:
                lines.append(line.decode())
            except UnicodeDecodeError as error:
                lines.append(line.decode("cp1252", "replace"))
                unreadable.add(row)
                byte = line[error.start : error.start + 1]
                guess = byte.decode("cp1252", "replace")
                faults.add(
                    "a byte is not UTF-8", "text in UTF-8", "save the file as CSV with the encoding UTF-8",
                    detail=f": 0x{byte.hex()} at position {error.start + 1} ({guess!r} in Windows text)",
                    row=row,
                )  # fmt: skip
        faults.unreadable = unreadable
        # Read on, to name the other faults too.
        return "\n".join(lines)


def _grid(text: str, faults: Faults, count: str) -> Grid:
    """Return the cells of the text, stripped, with the line on which each row starts."""
    numbered = enumerate(text.splitlines(), 1)
    row, first = next(((i, line) for i, line in numbered if line.strip()), (1, ""))
    declared = re.fullmatch(r"sep=(.)\s*", first, re.IGNORECASE)
    separator = declared[1] if declared else _separator(first, row, faults, count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[tuple[int, list[str]]] = []
    start, all_rows, all_columns = 1, True, True
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((start, [cell.strip() for cell in cells]))
            start = reader.line_num + 1
    except csv.Error as error:
        all_rows = False
        if "field larger" in str(error):
            _add_long_cell(faults, start)
            faults.raise_if_any()
        faults.add(
            "a quotation mark is not closed, or text follows a closing one", "pairs of quotation marks",
            "remove the quotation mark, or double it inside a quoted text", row=start,
        )  # fmt: skip
    del lines[: 1 if declared else 0]
    if len(lines) < 2 and not all_rows:
        faults.raise_if_any()
    if len(lines) < 2:
        kind = "there is a header but no rows" if lines else "the file has no rows"
        faults.add(kind, "a header row and one row per history", "check the step that made the file")
        faults.raise_if_any()
    (top, header), body = lines[0], lines[1:]
    numbers = [bool(re.fullmatch(r"-?[\d.,]+", name)) for name in header]
    if count not in header and (all(numbers) or {"0", "1"} & set(header)):
        faults.add(
            "the first row holds numbers, not names", "a header row with the names of the columns",
            f"put a header above the data: a name for every column, and {count!r}", row=top,
        )  # fmt: skip
        faults.raise_if_any()
    rows, kept, width = [], [], len(header)
    for line, cells in body:
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) == width:
            rows.append(line)
            kept.append(cells)
            continue
        all_rows = False
        faults.add(
            f"the row has too {'many' if len(cells) > width else 'few'} cells",
            f"{width} cells, as in the header",
            "remove the extra separators, or write numbers without a separator for thousands"
            if len(cells) > width
            else "fill in the cells that are missing",
            detail=f": {len(cells)}",
            row=line,
        )  # fmt: skip
    columns = [[cells[i] for cells in kept] for i in range(width)]
    named = [i for i in range(width) if header[i] or any(columns[i])]
    for i in named:
        if not header[i]:
            all_columns = False
            detail = f": column {i + 1}"
            allowed = "a name above every column"
            faults.add("a column has no name", allowed, "name it or remove it", detail=detail, row=top)
    return Grid([header[i] for i in named], [columns[i] for i in named], rows, all_rows, all_columns)


def _add_long_cell(faults: Faults, row: int) -> None:
    most = f"cells of up to {csv.field_size_limit():,} characters"
    faults.add("a cell is too long to be read", most, "check the step that made the file", row=row)


def _separator(first: str, row: int, faults: Faults, count: str) -> str:
    try:
        split = {mark: [x.strip().casefold() for x in next(csv.reader([first], delimiter=mark))] for mark in SEPARATORS}
    except csv.Error:  # read leniently, so that nothing but a length can be wrong
        _add_long_cell(faults, row)
        faults.raise_if_any()
    found = [mark for mark, names in split.items() if len(names) > 1]
    if len(found) > 1:  # the one that leaves the count standing alone, if only one does
        found = [mark for mark in found if count.casefold() in split[mark]] or found
    if len(found) == 1:
        return found[0]
    if found or re.search(r"[|\s:]", first.strip()):
        kind = "the header has several kinds of separator" if found else "no separator is found in the header"
        allowed = ", ".join(SEPARATORS.values()) + ": one of them throughout"
        faults.add(kind, allowed, "write the file with one separator", row=row)
        faults.raise_if_any()
    return ","
