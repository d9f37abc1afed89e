"""Files of suppliers as DuckDB can take them: rows with their line, text cells, and every row that cannot be one."""

from __future__ import annotations

import csv
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mse.computing.inputfiles import check_input
from mse.computing.provenance import file_digest
from mse.errors import InputError, Problem, names_of, reason_of
from mse.intake.registers.rowsources import Form, Rows, head_of, names_in, open_rows
from mse.tables.unpacking import UNREAD
from mse.words.said import said

if TYPE_CHECKING:
    from mse.intake.contracts.contract import Contract

SEPARATOR = "\x1f"
LONGEST = 1000
"""Characters of a cell that is read."""

_BATCH = 10_000
_SAMPLE_FIRST, _SAMPLE_LATER, _SAMPLE_ALL = 500, 20, 5_000
_BLANKS = " \t\u00a0"
_EDGES = tuple((x, (SEPARATOR + x, x + SEPARATOR, x + "\n")) for x in _BLANKS)
_AROUND = re.compile(f"[{_BLANKS}]*({SEPARATOR}|\n)[{_BLANKS}]*")
_BREAK = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LETTERS = bytes(x for x in range(256) if x == 9 or x > 31 and x != 127)


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


@dataclass(slots=True)
class Cells:
    """What was found in a file: the samples of its columns and the number of its rows.

    Parameters
    ----------
    header : list of str
        Names of all columns.
    samples : list of rows
        Some rows, spread over the file, with all cells.
    delivered : int
        Rows with anything in them, readable or not.
    """

    header: list[str]
    samples: list[Sequence[str]] = field(default_factory=list)
    delivered: int = 0


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


def clean_csv(path: Path, contract: Contract, clean: Path, broken: Path) -> Cells:
    """Write the columns of a CSV file that the contract reads as plain text, and the lines that are no rows apart.

    Parameters
    ----------
    path : Path
        The delivered file.
    contract : Contract
        Says which columns are read.
    clean : Path
        Receives one line per row: its line in the file, then the cells, apart by `SEPARATOR`, without any quoting.
    broken : Path
        Receives the line and the reason (a code of `mse.intake.registers.rowchecks.REASONS`) of every line that is no
        row.

    Raises
    ------
    InputError
        When the file has no header with the columns of the contract, or ends within a cell.
    """
    with ExitStack() as stack:
        writer = _Writer(stack.enter_context(open(clean, "wb")), stack.enter_context(open(broken, "wb")))
        reader = stack.enter_context(open_rows(path, form_of(contract)))
        try:
            cells = Cells(_header(reader, path, contract))
            names = [f.name for f in contract.fields if f.role != "ignored"]
            writer.pick = _picking(cells.header, names)
            _rows(reader, cells, writer)
        except UnicodeError:
            raise InputError(
                Problem(said("found.file_not_text_encoding"), names_of([contract.encoding]),
                        said("do.correct_contract"),
                        file=str(path))
            ) from None  # fmt: skip
        except csv.Error:  # only a cell beyond the limit gets here
            raise InputError(
                Problem(said("found.cell_too_long_read"),
                        said("allowed.cells_up_characters", field_size_limit=csv.field_size_limit()),
                        said("do.correct_file_row"),
                        file=str(path), row=reader.line_num)
            ) from None  # fmt: skip
    return cells


def _picking(header: Sequence[str], names: Sequence[str]) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return what takes the cells of some columns from a row; that of a column that a layout does not have is empty."""
    if "" not in names:
        return itemgetter(*map(header.index, names))  # two or more: a date and a pseudonym
    places = [header.index(name) if name else None for name in names]
    return lambda row: ["" if place is None else row[place] for place in places]


class _Writer:
    """Writes rows in batches, and sorts out those with cells that no column can hold."""

    def __init__(self, clean: IO[bytes], broken: IO[bytes]) -> None:
        self.clean, self.broken = clean, broken
        self.pick: Callable[[Sequence[str]], Sequence[str]] = tuple

    def rows(self, numbers: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        """Write a batch."""
        if not rows:
            return
        cells = list(map(self.pick, rows))
        lines = [f"{n}{SEPARATOR}{text}\n" for n, text in zip(numbers, map(SEPARATOR.join, cells), strict=True)]
        text = "".join(lines)
        if any(blank in text and any(edge in text for edge in edges) for blank, edges in _EDGES):
            text = _AROUND.sub(r"\1", text)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = b"\0"
        # What is left of the text without its letters is one line break a row, and a separator before every cell.
        marks = data.translate(None, _LETTERS)
        if marks == (b"\x1f" * len(cells[0]) + b"\n") * len(cells) and max(map(len, lines)) <= LONGEST:
            self.clean.write(data)
        else:
            for number, row in zip(numbers, cells, strict=True):
                self._one(number, row)

    def _one(self, number: int, row: Sequence[str]) -> None:
        cells = [cell.strip(_BLANKS) for cell in row]
        text = "".join(cells)
        if _CONTROL.search(text):
            self.fault(number, "control")
        elif max(map(len, cells)) > LONGEST:
            self.fault(number, "too_long")
        else:
            try:
                self.clean.write(f"{number}{SEPARATOR}{SEPARATOR.join(cells)}\n".encode())
            except UnicodeEncodeError:
                self.fault(number, "encoding")

    def fault(self, number: int, code: str) -> None:
        """Write a line that is no row."""
        self.broken.write(f"{number}{SEPARATOR}{code}\n".encode())


def _rows(reader: Rows, cells: Cells, writer: _Writer) -> None:
    """Write all rows, in batches: a row begins on the line after the last one of the row before it."""
    start, more = reader.line_num + 1, True
    while more:
        batch: list[Sequence[str]] = []
        error = None
        try:
            batch.extend(islice(reader, _BATCH))  # keeps what it has when it fails
            more = len(batch) == _BATCH
        except csv.Error as fault:
            if "field larger" in str(fault):
                raise
            error = fault
        plain = error is None and reader.line_num == start + len(batch) - 1
        start = _batch(batch, start, plain, cells, writer)
        if error is not None:
            # All the lines that the open quotation mark took in are lost, and are said to be.
            start = _lost(start, reader.line_num, "quotation", cells, writer)


def _batch(batch: Sequence[Sequence[str]], start: int, plain: bool, cells: Cells, writer: _Writer) -> int:
    """Write a batch of rows of which the first begins on line `start`; return the line after the batch."""
    width, after = len(cells.header), start + len(batch)
    rows, numbers = batch, list(range(start, after))
    if not plain or set(map(len, batch)) != {width}:
        rows, numbers = [], []
        for row in batch:
            after = start + 1 + sum(len(_BREAK.findall(cell)) for cell in row)
            if len(row) == width or (len(row) > width and not any(row[width:])):
                rows.append(row[:width])
                numbers.append(start)
            elif any(map(str.strip, row)):
                _lost(start, after - 1, "cells", cells, writer)
            start = after
    if rows and len(cells.samples) < _SAMPLE_ALL:
        wanted = _SAMPLE_LATER if cells.samples else _SAMPLE_FIRST
        cells.samples += rows[:: max(1, len(rows) // wanted)]
    cells.delivered += len(rows)
    writer.rows(numbers, rows)
    return after


def _lost(first: int, last: int, code: str, cells: Cells, writer: _Writer) -> int:
    """Write every line of what is no row, and return where the next one starts."""
    for line in range(first, last + 1):
        writer.fault(line, code)
    cells.delivered += last + 1 - first
    return last + 1


def _header(reader: Rows, path: Path, contract: Contract) -> list[str]:
    try:
        header = list(names_in(reader))
    except csv.Error as error:
        if "field larger" in str(error):
            raise
        header = []
    check_header(header, path, contract)
    return header


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
