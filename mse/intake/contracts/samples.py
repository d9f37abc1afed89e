"""A sample of a supplier's file as columns, and how its cells are written."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from mse.errors import InputError, Problem
from mse.intake.contracts.soundness import DELIMITERS
from mse.intake.registers.deliveryfiles import check_kind
from mse.intake.registers.rowsources import Form, head_of, open_rows, sheets_of
from mse.tables.unpacking import kind_of
from mse.words.said import said

ROWS = 10_000
"""Rows of the sample that are looked at."""
_HEAD = 2**22
_LOOKED_AT = 50
"""Rows from which it is told where the table begins and what stands between its cells."""
_COLUMNS = 4
"""Columns from which a row with fewer than half of them is no row of names."""


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """A column of the sample: its name, and its values without empty ones."""

    name: str
    values: tuple[str, ...]

    @property
    def word(self) -> str:
        """The name in small letters with underscores."""
        split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name)
        return re.sub(r"[\W_]+", "_", split).strip("_").casefold()


def read_sample(path: Path) -> tuple[list[SampleColumn], list[str]]:
    """Return the columns of a sample, and the lines of a contract that say how its cells are written.

    Raises
    ------
    InputError
        When no table is found in it.
    """
    check_kind(path, parquet=path.suffix == ".parquet", encoding="utf-16, utf-8")
    form, layout = _form(path)
    lines: list[int] = []
    try:
        with open_rows(path, form, "replace") as found:
            rows = []
            for row in islice(found, ROWS + 1):
                if any(map(str.strip, row)):
                    rows.append(row)
                    lines.append(found.line_num)
    except csv.Error:
        rows = []
    if (under := _titles(rows)) > 0:
        raise InputError(
            Problem(said("found.title_above_header", row=lines[under]), said("allowed.first_row_names_columns"),
                    said("do.delete_rows_above_header"), file=str(path), row=lines[0])
        )  # fmt: skip
    rows = _without_blank_columns(rows)
    if len(rows) < 2 or len(rows[0]) < 2:
        raise InputError(
            Problem(said("found.no_table_found_sample"), said("allowed.header_rows_two_columns"),
                    said("do.give_part_file_its"), file=str(path))
        )  # fmt: skip
    header, width = [name.strip() for name in rows[0]], len(rows[0])
    twice = {name: places for name in header if len(places := [i for i, x in enumerate(header, 1) if x == name]) > 1}
    if name := next((name for name in twice if name), None):
        raise InputError(
            Problem(said("found.sample_columns_one_name", columns=", ".join(map(str, twice[name]))),
                    said("allowed.each_column_once"), said("do.rename_columns_in_file"), file=str(path), row=lines[0])
        )  # fmt: skip
    if not all(header) or len(set(header)) < width or any(re.search(r"\d{3}|@", name) for name in header):
        raise InputError(
            Problem(said("found.first_row_sample_no"),
                    said("allowed.first_row_names_columns"), said("do.add"), file=str(path), row=1)
        )  # fmt: skip
    body = [row for row in rows[1:] if len(row) == width]
    return [SampleColumn(x, tuple(v for row in body if (v := row[i].strip()))) for i, x in enumerate(header)], layout


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows with text stand above the names of the columns: rows that are too short to be names."""
    filled = [sum(map(bool, map(str.strip, row))) for row in rows]
    usual = Counter(filled[:_LOOKED_AT]).most_common(1)[0][0] if filled else 0
    if usual < _COLUMNS or 2 * filled[0] > usual:
        return 0
    return next(i for i, count in enumerate(filled) if 2 * count > usual)


def _without_blank_columns(rows: list[list[str]]) -> list[list[str]]:
    """Return rows without the columns that have neither a name nor anything in them."""
    if not rows:
        return rows
    kept = [
        i for i in range(len(rows[0])) if rows[0][i].strip() or any(len(row) > i and row[i].strip() for row in rows)
    ]
    if len(kept) == len(rows[0]):
        return rows
    return [[row[i] for i in kept] if len(row) == len(rows[0]) else row for row in rows]


def _form(path: Path) -> tuple[Form, list[str]]:
    """Return how a sample is written, as it shows itself, and the same as lines of a contract."""
    data = head_of(path, _HEAD)
    if (kind := kind_of(data)) in ("workbook", "parquet"):
        return _sheet_form(path) if kind == "workbook" else (Form(), [])
    try:
        data.rsplit(b"\n", 1)[0].decode("utf-8-sig")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "cp1252"
    text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace").splitlines()
    some = [line for line in text if line.strip()][:_LOOKED_AT]
    first = some[0] if some else ""
    # a title above the table has none
    delimiter = max(DELIMITERS, key=lambda mark: (median([x.count(mark) for x in some] or [0]), first.count(mark)))
    written = f'encoding = "{encoding}"'
    if not any(delimiter in line for line in some) and (places := _places(text)):
        named = ", ".join(f'"{name}" = [{start}, {width}]' for name, start, width in places)
        return Form(encoding=encoding, places=tuple(places)), [written, f"places = {{ {named} }}  # first, length"]
    mark = delimiter.replace("\t", "\\t")
    return Form(delimiter, encoding), [f'delimiter = "{mark}"  # {DELIMITERS[delimiter]}', written]


def _sheet_form(path: Path) -> tuple[Form, list[str]]:
    """Return the sheet of a workbook that holds the registrations: where several have rows, the longest table."""
    filled = sheets_of(path)
    tables = {name: len(rows) for name, rows in filled.items() if sum(len(row.cells) > 1 for row in rows) > 1}
    if len(filled) < 2 or not tables:
        return Form(), []
    chosen = max(tables, key=lambda name: tables[name])
    note = "  # the longest table of several sheets; CHECK" if len(tables) > 1 else ""
    return Form(sheet=chosen), [f"sheet = {json.dumps(chosen, ensure_ascii=False)}{note}"]


def _places(lines: list[str]) -> list[tuple[str, int, int]]:
    """Return the columns of a text of fixed width with a line of names: each begins where a name does."""
    some = [line for line in lines if line.strip()][:ROWS]
    if len(some) < 2:
        return []
    starts = [found.start() for found in re.finditer(r"(?:(?<=\s)|^)\S", some[0])]
    whole = all(line[start - 1 : start].isspace() for line in some[1:] for start in starts[1:] if start <= len(line))
    if len(starts) < 2 or not whole:
        return []
    longest = max(map(len, some))
    ends = [*starts[1:], longest]
    return [(some[0][a:b].strip(), a + 1, b - a) for a, b in zip(starts, ends, strict=True)]
