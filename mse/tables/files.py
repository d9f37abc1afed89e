"""A file of any kind as cells: the one way in which a table is opened, with every fault collected first."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from mse.computing.inputfiles import NotReadable, read_input
from mse.errors import reason_of
from mse.tables.checks import Faults
from mse.tables.decoding import decoded
from mse.tables.grids import Grid
from mse.tables.textgrids import SEPARATORS as SEPARATORS
from mse.tables.textgrids import text_grid
from mse.tables.unpacking import UNREAD, NotUnpacked, kind_of, unpacked
from mse.words.said import said

ENDS = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".parquet", ".json", ".dta", ".sav", ".inp", ".gz")
"""Ends of the names of files that are looked among for one that is not there."""


def read_grid(path: str | Path, faults: Faults, count: str, sheet: str | None = None) -> Grid:
    """Return the text cells of a file; `faults` receives what is wrong with it, and is raised at its end.

    Parameters
    ----------
    path : str or Path
        Text (separated by commas, semicolons, tabs, bars or spaces; histories for program MARK), a workbook of Excel or
        OpenDocument, Parquet, JSON, a file of SPSS, Stata or SAS; each of these packed with gzip, bz2, xz or zip.
    faults : Faults
        Receives what is wrong.
    count : str
        Name of the count column.
    sheet : str, optional
        Of a workbook; the one with a table when not given.

    Raises
    ------
    InputError
        When nothing can be read.
    """
    data = _bytes(Path(path), faults)
    try:
        data = unpacked(data)
    except NotUnpacked as error:
        faults.add(error.why, said("file.allowed"), said("file.ask_again"))
        faults.raise_if_any()
    if known := next((what for magic, what in UNREAD if data.startswith(magic)), None):
        faults.add(said("file.known", what=known), said("file.allowed"), said("file.export"))
        faults.raise_if_any()
    kind = kind_of(data)
    if sheet is not None and kind != "workbook":
        faults.add(said("ask.sheet_of_none"), said("ask.sheet_allowed"), said("ask.leave_out_sheet"), value=sheet)
        faults.raise_if_any()
    if kind == "workbook":
        from mse.tables.workbooks import workbook_grid

        return workbook_grid(data, faults, count, sheet)
    if kind == "parquet":
        from mse.tables.statfiles import parquet_grid

        return parquet_grid(data, faults)
    if kind in ("sav", "dta", "sas7bdat", "xport"):
        from mse.tables.statfiles import stat_grid

        return stat_grid(data, kind, faults)
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        faults.add(said("found.file_empty"), said("file.allowed"), said("do.check_step_made"))
    elif kind == "markup":
        faults.add(said("found.web_page_xml"), said("file.allowed"), said("file.export"))
    faults.raise_if_any()
    text, told = decoded(data, faults)
    if kind == "json":
        from mse.tables.jsongrids import bare_rows, grid_of_values, json_values
        from mse.tables.objectgrids import object_grid

        found = json_values(text, faults)
        return object_grid(found, faults, count) if bare_rows(found) else grid_of_values(found, faults)
    return text_grid(text, faults, count).with_told(*told)


def _bytes(path: Path, faults: Faults) -> bytes:
    """Return the content of a file; whatever is no file that can be read is the end of it."""
    data = b""
    if os.path.isdir(path):  # unlike Path.is_dir, False for a path that no file can have
        faults.add(said("found.folder"), said("file.allowed"), said("do.name_file_holds_table"))
        faults.raise_if_any()
    try:
        data = read_input(path)
    except NotReadable as error:
        faults.add(error.said, said("file.allowed"), said("do.check_path"))
    except FileNotFoundError:
        near = get_close_matches(path.name, _neighbours(path), n=1)
        remedy = said("do.check_path_did_you", near=near[0]) if near else said("do.check_path")
        faults.add(said("found.no_such_file"), said("file.allowed"), remedy)
    except OSError as error:
        faults.add(
            said("found.not_opened", why=reason_of(error)),
            said("file.allowed"),
            said("do.check_permissions_close_program"),
        )
    faults.raise_if_any()
    return data


def _neighbours(path: Path) -> list[str]:
    try:
        return [x.name for x in path.parent.iterdir() if x.suffix.lower() in ENDS]
    except OSError:
        return []
