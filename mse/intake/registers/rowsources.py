"""Files of suppliers as rows of cells, in one pass: separated text, fixed width, workbooks, Parquet, packed or not."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from mse.errors import InputError, Problem, names_of
from mse.tables.checks import Faults
from mse.tables.grids import as_text
from mse.tables.unpacking import kind_of
from mse.words.said import said

if TYPE_CHECKING:
    from mse.tables.headers import Row

_PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "lzma"))
_BATCH = 10_000


class Rows(Protocol):
    """Rows one by one, and the line on which the last one ended."""

    @property
    def line_num(self) -> int: ...  # noqa: D102
    def __iter__(self) -> Iterator[list[str]]: ...  # noqa: D105
    def __next__(self) -> list[str]: ...  # noqa: D105


@dataclass(frozen=True, slots=True)
class Form:
    """How the cells of a file are written.

    Parameters
    ----------
    delimiter, encoding : str
        Of text.
    sheet : str or None
        Of a workbook; its only one with rows when not given.
    places : tuple of (str, int, int)
        Name, first character (from 1) and number of characters of every column of a file of fixed width.
    header : bool
        Whether a file of fixed width has a line of names.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    sheet: str | None = None
    places: tuple[tuple[str, int, int], ...] = ()
    header: bool = True


class Separated:
    """Rows of separated text, of which the next lines can be taken as they are."""

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self.delimiter = delimiter
        self._lines, self._back, self._taken = lines, deque[str](), 0
        self._reader = csv.reader(iter(self._next_line, None), delimiter=delimiter, strict=True)

    def _next_line(self) -> str | None:
        return self._back.popleft() if self._back else next(self._lines, None)

    @property
    def line_num(self) -> int:
        """The line on which the last row ended."""
        return self._taken + self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:  # noqa: D105
        return self._reader

    def __next__(self) -> list[str]:  # noqa: D105
        return next(self._reader)

    def plain_lines(self, most: int) -> list[str]:
        """Return the next lines when they hold no quotation marks, which then are no rows any more; none otherwise."""
        lines = [self._back.popleft() for _ in range(min(most, len(self._back)))]
        lines += islice(self._lines, most - len(lines))
        if '"' in "".join(lines) or max(map(len, lines), default=0) > csv.field_size_limit():
            self._back.extendleft(reversed(lines))
            return []
        self._taken += len(lines)
        return lines


class _Listed:
    """Rows that lie in memory or come from elsewhere; a blank one has no cells."""

    def __init__(self, rows: Iterator[list[str]], start: int = 0) -> None:
        self._rows, self.line_num = rows, start

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        row = next(self._rows)
        self.line_num += 1
        return row if any(row) else []


class _Set:
    """Rows of a text of fixed width, of which the names come first."""

    def __init__(self, lines: Iterator[str], form: Form) -> None:
        self._lines, self._form, self.line_num = lines, form, 0
        self._named = False

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        if not self._named:
            self._named = True
            if self._form.header:
                next(self._lines)
                self.line_num += 1
            return [name for name, _, _ in self._form.places]
        line = next(self._lines).rstrip("\r\n")
        self.line_num += 1
        return [line[first - 1 : first - 1 + width].strip() for _, first, width in self._form.places] if line else []


def head_of(path: Path, most: int = 4096) -> bytes:
    """Return the first bytes of a file, unpacked where it is packed.

    Raises
    ------
    OSError, EOFError
        When it cannot be read.
    """
    with _unpacked(path) as file:
        return file.read(most)


def is_packed(path: Path) -> bool:
    """Return whether a file is packed."""
    with path.open("rb") as file:
        start = file.read(8)
    return any(start.startswith(magic) for magic, _ in _PACKED)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        start = file.read(8)
    module = next((name for magic, name in _PACKED if start.startswith(magic)), None)
    opened: IO[bytes] = path.open("rb") if module is None else import_module(module).open(path, "rb")
    with opened:
        yield opened


@contextmanager
def open_rows(path: Path, form: Form, errors: str = "surrogateescape") -> Iterator[Rows]:
    """Give the rows of a file, the names of its columns first; `errors` is what becomes of bytes that are no text.

    Raises
    ------
    InputError
        When it is damaged, or is a workbook without the sheet.
    """
    import lzma
    import zlib

    with ExitStack() as stack:
        try:
            kind = kind_of(head_of(path))
            if kind == "workbook":
                yield _Listed(iter(_sheet(path, form.sheet)))
                return
            if kind == "parquet":
                yield _Listed(_parquet(path, stack))
                return
            name = form.encoding.lower().replace("_", "-")
            encoding = "utf-8-sig" if name in ("utf-8", "utf8") else form.encoding
            binary = stack.enter_context(_unpacked(path))
            text = stack.enter_context(
                io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline="" if not form.places else None)
            )
            yield _Set(text, form) if form.places else Separated(text, form.delimiter)
        except (EOFError, zlib.error, lzma.LZMAError):
            raise InputError(_damaged(path)) from None


def _damaged(path: Path) -> Problem:
    return Problem(said("found.packed_file_damaged"), said("allowed.file_packed_gzip_bz2"),
                   said("do.ask_supplier_file_again"), file=str(path))  # fmt: skip


def sheets_of(path: Path) -> dict[str, list[Row]]:
    """Return the sheets of a workbook that have rows."""
    from mse.tables.workbooks import book_rows

    with _unpacked(path) as file:
        return {name: rows for name, rows in book_rows(file.read(), Faults(str(path), private=True)) if rows}


def _sheet(path: Path, sheet: str | None) -> list[list[str]]:
    """Return the rows of the sheet that is meant, from the first of the sheet on."""
    filled = sheets_of(path)
    if (sheet is not None and sheet not in filled) or (sheet is None and len(filled) != 1):
        found = said("found.workbook_has_sheets_rows", filled=names_of([*filled]))
        raise InputError(Problem(found, said("allowed.one_sheet"), said("do.say_which_contract_sheet"), file=str(path)))
    rows = filled[sheet or next(iter(filled))]
    last = rows[-1].line
    by_line = {row.line: row.cells for row in rows}
    return [by_line.get(i, []) for i in range(1, last + 1)]


def _parquet(path: Path, stack: ExitStack) -> Iterator[list[str]]:
    """Yield the rows of a Parquet file, the names first."""
    import duckdb

    connection = stack.enter_context(duckdb.connect(":memory:"))
    try:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        yield [str(name) for name, *_ in found.description or ()]
        while rows := found.fetchmany(_BATCH):
            for row in rows:
                yield [as_text(value) for value in row]
    except duckdb.Error:
        raise InputError(Problem(said("found.no_parquet_file_can_2"), said("allowed.parquet_file"),
                                 said("do.ask_supplier_file_again"), file=str(path))) from None  # fmt: skip


def names_in(rows: Rows) -> Sequence[str]:
    """Return the first row that is not blank and does not declare a separator, stripped."""
    header: list[str] = next((row for row in rows if any(map(str.strip, row))), [])
    if header and header[0].lower().startswith("sep=") and not any(header[1:]):
        header = next((row for row in rows if any(map(str.strip, row))), [])
    return [name.strip() for name in header]
