"""A sample of a supplier's file as columns, and how its cells are written."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mse.errors import InputError, Problem
from mse.intake.contracts.soundness import DELIMITERS
from mse.intake.registers.deliveryfiles import check_kind
from mse.intake.registers.rowsources import Form, head_of, open_rows, sheets_of
from mse.tables.unpacking import kind_of
from mse.words.said import said

ROWS = 10_000
"""Rows of the sample that are looked at."""
_HEAD = 2**22


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
    check_kind(path, parquet=path.suffix == ".parquet")
    form, layout = _form(path)
    try:
        with open_rows(path, form, "replace") as found:
            rows = [row for row in islice(found, ROWS + 1) if any(map(str.strip, row))]
    except csv.Error:
        rows = []
    if len(rows) < 2 or len(rows[0]) < 2:
        raise InputError(
            Problem(said("found.no_table_found_sample"), said("allowed.header_rows_two_columns"),
                    said("do.give_part_file_its"), file=str(path))
        )  # fmt: skip
    header, width = [name.strip() for name in rows[0]], len(rows[0])
    if not all(header) or len(set(header)) < width or any(re.search(r"\d{3}|@", name) for name in header):
        raise InputError(
            Problem(said("found.first_row_sample_no"),
                    said("allowed.first_row_names_columns"), said("do.add"), file=str(path), row=1)
        )  # fmt: skip
    body = [row for row in rows[1:] if len(row) == width]
    return [SampleColumn(x, tuple(v for row in body if (v := row[i].strip()))) for i, x in enumerate(header)], layout


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
    first = next((line for line in text if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    written = f'encoding = "{encoding}"'
    if delimiter not in first and (places := _places(text)):
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
