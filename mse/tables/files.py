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
from mse.words.said import said, verbatim

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
MAGIC = (
    (b"PK\x03\x04", said("file.zip")),
    (b"\xd0\xcf\x11\xe0", said("file.old_excel")),
    (b"PAR1", said("file.parquet")),
    (b"\x1f\x8b", said("file.gzip")),
    (b"%PDF", said("file.pdf")),
    (b"\x89HDF", said("file.hdf5")),
)

_CSV = said("allowed.text_file_utf_8")


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
        faults.add(said("found.folder"), said("allowed.csv_file_2"), said("do.name_file_holds_table"))
        faults.raise_if_any()
    try:
        data = read_input(path)
    except NotReadable as error:
        faults.add(verbatim(str(error.strerror)), said("allowed.path_csv_file"), said("do.check_path"))
    except FileNotFoundError:
        near = get_close_matches(path.name, [x.name for x in path.parent.glob("*.csv")], n=1)
        remedy = said("do.check_path_did_you", near=near[0]) if near else said("do.check_path")
        faults.add(said("found.no_such_file"), said("allowed.csv_file_2"), remedy)
    except OSError as error:
        faults.add(
            said("found.not_opened", why=error.strerror or type(error).__name__),
            said("allowed.readable_csv_file"),
            said("do.check_permissions_close_program"),
        )
    faults.raise_if_any()
    export = said("do.export_sheet_page_csv")
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:100].lower()
    kind = next((said("found.magic", what=what) for magic, what in MAGIC if data.startswith(magic)), None)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[1:20:2].count(0) > 5 or data[:20:2].count(0) > 5:
        kind = kind or said("found.text_utf_16")
        export = said("do.save_file_csv_encoding")
    elif start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        kind = said("found.web_page_xml")
    elif start.startswith((b"{", b"[")):
        kind = said("found.json")
    elif not start:
        kind, export = said("found.file_empty"), said("do.check_step_made")
    elif not kind and (control := re.search(rb"[\x00-\x08\x0e-\x1f]", data)):
        kind = said("found.not_text_control_character", hex=control[0].hex())
    if kind is not None:
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
                    said("found.byte_not_utf_8"), said("allowed.text_utf_8"), said("do.save_file_csv_encoding"),
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
            said("found.quotation_mark_not_closed_2"), said("allowed.pairs_quotation_marks"),
            said("do.remove_quotation_mark_double"), row=start,
        )  # fmt: skip
    del lines[: 1 if declared else 0]
    if len(lines) < 2 and not all_rows:
        faults.raise_if_any()
    if len(lines) < 2:
        kind = said("found.header_but_no_rows") if lines else said("found.file_has_no_rows")
        faults.add(kind, said("allowed.header_row_one_row"), said("do.check_step_made_file"))
        faults.raise_if_any()
    (top, header), body = lines[0], lines[1:]
    numbers = [bool(re.fullmatch(r"-?[\d.,]+", name)) for name in header]
    if count not in header and (all(numbers) or {"0", "1"} & set(header)):
        faults.add(
            said("found.first_row_holds_numbers"), said("allowed.header_row_names_columns"),
            said("do.put_header_above_data", count=repr(count)), row=top,
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
            said("found.too_many_cells") if len(cells) > width else said("found.too_few_cells"),
            said("allowed.cells_header", width=width),
            said("do.remove_extra_separators_write")
            if len(cells) > width
            else said("do.fill_cells_missing"),
            detail=f": {len(cells)}",
            row=line,
        )  # fmt: skip
    columns = [[cells[i] for cells in kept] for i in range(width)]
    named = [i for i in range(width) if header[i] or any(columns[i])]
    for i in named:
        if not header[i]:
            all_columns = False
            detail = f": column {i + 1}"
            allowed = said("allowed.name_above_every_column")
            faults.add(said("found.column_has_no_name"), allowed, said("do.name_remove"), detail=detail, row=top)
    return Grid([header[i] for i in named], [columns[i] for i in named], rows, all_rows, all_columns)


def _add_long_cell(faults: Faults, row: int) -> None:
    most = said("allowed.cells_up_characters", field_size_limit=csv.field_size_limit())
    faults.add(said("found.cell_too_long_read_2"), most, said("do.check_step_made_file"), row=row)


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
        kind = said("found.header_has_several_kinds") if found else said("found.no_separator_found_header")
        allowed = said("allowed.one_separator", names=tuple(SEPARATORS.values()))
        faults.add(kind, allowed, said("do.write_file_one_separator"), row=row)
        faults.raise_if_any()
    return ","
