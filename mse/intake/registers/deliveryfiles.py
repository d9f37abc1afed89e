"""Files of suppliers before they are read: that they are there, of the kind and with the columns of their contract."""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mse.computing.inputfiles import check_input
from mse.computing.provenance import file_digest
from mse.errors import InputError, Problem, reason_of
from mse.intake.registers.rowsources import Form, head_of, names_in, open_rows
from mse.tables.unpacking import UNREAD
from mse.words.said import said

if TYPE_CHECKING:
    from mse.intake.contracts.contract import Contract

_LOOKED_AT = 50
"""Rows in which the names of the columns are looked for where they are not in the first one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What tells whether a file is still the same.

    Parameters
    ----------
    size, modified, inode : int
        Of the file.
    """

    size: int
    modified: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Snapshot:
        """Return that of a file."""
        found = os.stat(path)
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


@contextmanager
def unchanged(path: Path) -> Iterator[str]:
    """Give the SHA-256 of a file, and refuse it when it was changed before the block ended.

    Raises
    ------
    InputError
        When it cannot be read, or is not what it was.
    """
    try:
        check_input(path)
        before, digest = Snapshot.of(path), file_digest(path)
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(path, error)) from None
    yield digest
    try:
        same = Snapshot.of(path) == before and file_digest(path) == digest
    except OSError:
        same = False
    if not same:
        raise InputError(
            Problem(said("found.file_changed_while_read"), said("allowed.file_nobody_writes"),
                    said("do.wait_until_delivery_complete"), file=str(path))
        )  # fmt: skip


def check_kind(path: Path, *, parquet: bool, encoding: str = "utf-8") -> None:
    """Refuse a file that is not there, is empty, or is something else than its contract says.

    Raises
    ------
    InputError
        With what it is.
    """
    try:
        check_input(path)
        start = head_of(path)
        with path.open("rb") as file:
            file.seek(-4, os.SEEK_END) if len(start) >= 4 else None
            end = file.read(4)
    except (EOFError, zlib.error):
        start = end = b""
        raise InputError(Problem(said("found.packed_file_damaged"), said("allowed.file_packed_gzip_bz2"),
                                 said("do.ask_supplier_file_again"), file=str(path))) from None  # fmt: skip
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(path, error)) from None
    wanted = said("allowed.parquet_file") if parquet else said("allowed.csv_file_workbook_parquet", encoding=encoding)
    if parquet:
        kind = None if start[:4] == end == b"PAR1" else said("found.no_parquet_file_only")
    else:
        kind = next((said("file.known", what=what) for magic, what in UNREAD[:2] if start.startswith(magic)), None)
    if (
        not kind
        and not parquet
        and start.startswith((b"\xff\xfe", b"\xfe\xff"))
        and not encoding.lower().startswith(("utf-16", "utf-32", "utf16"))
    ):
        kind = said("found.text_utf_16")
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        kind = said("found.file_empty")
    if kind is not None:
        raise InputError(Problem(kind, wanted, said("do.ask_supplier_file_again"), file=str(path)))


def form_of(contract: Contract) -> Form:
    """Return how the files of a contract are written; with an identity, fixed width is that of the supplier's own."""
    places = own_form(contract).places if contract.identity is None else ()
    return Form(contract.delimiter, contract.encoding, contract.sheet, places, contract.header)


def own_form(contract: Contract) -> Form:
    """Return how a supplier's own file is written, before it went through ``mse pseudonymise``."""
    places = tuple((name, first, width) for name, (first, width) in contract.places.items())
    return Form(contract.delimiter, contract.encoding, contract.sheet, places, contract.header)


def header_of(path: Path, form: Form) -> list[str]:
    """Return the names of the columns of a file; none where there are none."""
    try:
        with open_rows(path, form) as rows:
            return list(names_in(rows))
    except (csv.Error, UnicodeError, LookupError):
        return []


def title_above(path: Path, form: Form, needed: Sequence[str]) -> Problem | None:
    """Return the problem that all columns that are needed are named in a later row than the first one, if one does."""
    try:
        with open_rows(path, form) as rows:
            first = {*names_in(rows)}
            for row in islice(rows, _LOOKED_AT):
                if {*needed} <= {*map(str.strip, row)} and not {*needed} <= first:
                    return Problem(said("found.title_above_header", row=rows.line_num),
                                   said("allowed.first_row_names_columns"), said("do.delete_rows_above_header"),
                                   file=str(path), row=1)  # fmt: skip
    except (csv.Error, UnicodeError, LookupError, EOFError, OSError, zlib.error):
        pass
    return None


def has_columns(header: Sequence[str], contract: Contract) -> bool:
    """Return whether a file has the columns that a contract reads, and no others."""
    return all(f.name in header for f in contract.fields if f.role != "ignored" and f.name) and (
        {*header} <= {f.name for f in contract.fields}
    )


def check_header(header: Sequence[str], path: Path, contract: Contract) -> None:
    """Refuse a file whose columns are not those of the contract.

    What stands in the first row is quoted only when it holds all the names of the contract: else it may be a person.

    Raises
    ------
    InputError
        With every column that is missing, there twice, or not in the contract. One that is ignored may be missing.
    """
    names = [f.name for f in contract.fields if f.name]
    places = {name: [i for i, x in enumerate(header, 1) if x == name] for name in names}
    needed = [field.name for field in contract.fields if field.role != "ignored" and field.name]
    absent = [name for name in needed if not places[name]]
    found: list[Problem] = []
    if absent and path.suffix != ".parquet" and (title := title_above(path, form_of(contract), needed)):
        raise InputError(title)
    if absent:
        cells = {"cells": len(header), "separator": repr(contract.delimiter)}
        other = not contract.path[0].endswith(".parquet") and len(header) < 2
        detail = said("found.cells_of_first_row_other", **cells) if other else said("found.cells_of_first_row", **cells)
        found.append(Problem(
            said("found.columns_contract_not_file", absent=(*absent,), detail=detail),
            said("allowed.first_row_their_names"),
            said("do.correct_contract_ask_supplier"), file=str(path), row=1,
        ))  # fmt: skip
    for name in (name for name in names if len(places[name]) > 1):
        found.append(Problem(
            said("found.column_times", places=len(places[name])), said("allowed.each_column_once"),
            said("do.ask_supplier_file_again"),
            file=str(path), row=1, column=name,
        ))  # fmt: skip
    more = [(i, name) for i, name in enumerate(header, 1) if name not in names]
    if more and not absent:
        found.append(Problem(
            said("found.unnamed_columns", columns=[name or said("found.column_number", number=str(i)) for i,
                                                   name in more]),
            said("allowed.columns_contract"), said("do.ask_supplier_leave_them"), file=str(path), row=1,
        ))  # fmt: skip
    if found:
        raise InputError(found)


def _unreadable(path: Path, error: Exception) -> Problem:
    reason = reason_of(error) if isinstance(error, OSError) else said("found.no_path")
    found = (
        said("found.no_such_file")
        if isinstance(error, FileNotFoundError)
        else said("found.file_cannot_read", reason=reason)
    )
    return Problem(found, said("allowed.file_can_read"), said("do.check_path_contract"), file=str(path))
