"""Rows of suppliers as plain text that DuckDB can take: with their line, unquoted, and every row that cannot be one."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mse.errors import InputError, Problem, names_of
from mse.intake.registers.deliveryfiles import check_header, form_of
from mse.intake.registers.rowsources import Rows, Separated, names_in, open_rows
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


@dataclass(slots=True)
class Cells:
    """What was found in a file: the samples of its columns and the number of its rows.

    Parameters
    ----------
    header : list of str
        Names of all columns.
    places : tuple of int
        Which of the fields that the contract reads every column of the plain text is.
    samples : list of rows
        Some rows, spread over the file, with all cells.
    delivered : int
        Rows with anything in them, readable or not.
    """

    header: list[str]
    places: tuple[int, ...] = ()
    samples: list[Sequence[str]] = field(default_factory=list)
    delivered: int = 0

    def sample[T](self, rows: Sequence[T]) -> Sequence[T]:
        """Return those of some rows that are looked at."""
        wanted = 0 if len(self.samples) >= _SAMPLE_ALL else _SAMPLE_LATER if self.samples else _SAMPLE_FIRST
        return rows[:: max(1, len(rows) // wanted)] if wanted else ()

    def keep(self, samples: Sequence[Sequence[str]], delivered: int) -> None:
        """Keep the samples of some rows."""
        self.samples += samples
        self.delivered += delivered


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
            if sorted(names) == sorted(cells.header):  # the whole rows as they come
                cells.places = tuple(map(names.index, cells.header))
            else:
                cells.places, writer.pick = tuple(range(len(names))), _picking(cells.header, names)
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


def _header(reader: Rows, path: Path, contract: Contract) -> list[str]:
    try:
        header = list(names_in(reader))
    except csv.Error as error:
        if "field larger" in str(error):
            raise
        header = []
    check_header(header, path, contract)
    return header


class _Writer:
    """Writes rows in batches, and sorts out those with cells that no column can hold."""

    def __init__(self, clean: IO[bytes], broken: IO[bytes]) -> None:
        self.clean, self.broken = clean, broken
        self.pick: Callable[[Sequence[str]], Sequence[str]] | None = None

    def rows(self, numbers: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        """Write a batch."""
        if not rows:
            return
        cells = rows if self.pick is None else list(map(self.pick, rows))
        lines = [f"{n}{SEPARATOR}{text}\n" for n, text in zip(numbers, map(SEPARATOR.join, cells), strict=True)]
        if not self._written("".join(lines), len(rows), len(cells[0]), max(map(len, lines))):
            for number, row in zip(numbers, cells, strict=True):
                self._one(number, row)

    def lines(self, start: int, lines: Sequence[str], delimiter: str, width: int) -> bool:
        """Write lines that are rows as they stand, of which the first is line `start`; return whether they all are."""
        if self.pick is not None or any(SEPARATOR in line for line in lines):
            return False
        numbered = [f"{n}{SEPARATOR}{line}" for n, line in enumerate(lines, start)]
        text = "".join(numbered).replace("\r\n", "\n").replace(delimiter, SEPARATOR)
        return self._written(text if text.endswith("\n") else text + "\n", len(lines), width, max(map(len, numbered)))

    def _written(self, text: str, rows: int, width: int, longest: int) -> bool:
        """Write rows of a number and `width` cells each, and return whether they are no more and no less than that."""
        if longest > LONGEST:
            return False
        if any(blank in text and any(edge in text for edge in edges) for blank, edges in _EDGES):
            text = _AROUND.sub(r"\1", text)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return False
        # What is left of the text without its letters is one line break a row, and a separator before every cell.
        if data.translate(None, _LETTERS) != (b"\x1f" * width + b"\n") * rows:
            return False
        self.clean.write(data)
        return True

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
        if isinstance(reader, Separated) and (lines := reader.plain_lines(_BATCH)):
            more = len(lines) == _BATCH
            start = _lines(lines, start, reader.delimiter, cells, writer)
            continue
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


def _lines(lines: Sequence[str], start: int, delimiter: str, cells: Cells, writer: _Writer) -> int:
    """Write lines without quotation marks, as they are where that will do; return the line after them."""
    if not writer.lines(start, lines, delimiter, len(cells.header)):
        return _batch([line.rstrip("\r\n").split(delimiter) for line in lines], start, True, cells, writer)
    cells.keep([line.rstrip("\r\n").split(delimiter) for line in cells.sample(lines)], len(lines))
    return start + len(lines)


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
    cells.keep(cells.sample(rows), len(rows))
    writer.rows(numbers, rows)
    return after


def _lost(first: int, last: int, code: str, cells: Cells, writer: _Writer) -> int:
    """Write every line of what is no row, and return where the next one starts."""
    for line in range(first, last + 1):
        writer.fault(line, code)
    cells.delivered += last + 1 - first
    return last + 1
