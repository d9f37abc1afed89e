"""Text to rows of cells: separators, quotation marks, columns set out with spaces, and the format of program MARK."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from mse.tables.checks import Faults
from mse.tables.grids import Grid
from mse.tables.headers import Row, grid_of
from mse.words.said import said

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_MARKS = (*SEPARATORS, "|")
_MARK_LINE = re.compile(r"([01.]{2,})((?:\s+[-+.\d]+)+)\s*;?")
_LOOKED_AT = 30
"""Lines that are looked at for the separator."""


def text_grid(text: str, faults: Faults, count: str) -> Grid:
    """Return the cells of a text, stripped, with the line on which each row starts.

    Raises
    ------
    InputError
        When no rows can be made of it.
    """
    found = _mark_file(text, faults)
    if found is not None:
        return found
    lines = text.splitlines()
    top = _top(lines)
    first = lines[top] if top < len(lines) else ""
    declared = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)
    separator = declared[1] if declared else _separator(lines[top:], top + 1, faults, count)
    rows, whole = _set_out(lines[top:], top) if separator == " " else _split(text, separator, faults)
    rows = [row for row in rows if row.line > top]
    return grid_of(rows[1:] if declared else rows, faults, count, whole, titles=_titles(lines[:top]))


def _top(lines: Sequence[str]) -> int:
    """Return the place of the first line that may be a header: neither blank nor a remark."""
    return next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(("# ", "##", "% ",
                "//"))), 0)  # fmt: skip


def _titles(lines: Sequence[str]) -> int:
    return sum(bool(line.strip()) for line in lines)


def _split(text: str, separator: str, faults: Faults) -> tuple[list[Row], bool]:
    """Return the rows of a text with a separator, and whether these are all of them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    start = 1
    try:
        for cells in reader:
            drawn = separator == "|" and all(re.fullmatch(" *(?::?-+:?)? *", cell) for cell in cells)
            if any(cell.strip() for cell in cells) and not drawn:  # the line that Markdown draws under a header
                rows.append(Row(start, [_plain(cell) for cell in cells]))
            start = reader.line_num + 1
    except csv.Error as error:
        if "field larger" in str(error):
            _add_long_cell(faults, start)
            faults.raise_if_any()
        faults.add(
            said("found.quotation_mark_not_closed_2"), said("allowed.pairs_quotation_marks"),
            said("do.remove_quotation_mark_double"), row=start,
        )  # fmt: skip
        return rows, False
    return rows, True


def _plain(cell: str) -> str:
    """Return a cell without what keeps a spreadsheet from taking it for a number: ``="0110"``, ``'0110``."""
    text = cell.strip()
    formula = re.fullmatch(r'="([^"]*)"|\'([01]+)', text) if text[:1] in ("=", "'") else None
    return formula[1] or formula[2] or "" if formula else text


def _set_out(lines: Sequence[str], before: int) -> tuple[list[Row], bool]:
    """Return the rows of columns that spaces set apart."""
    found = [(i, _words(line)) for i, line in enumerate(lines, before + 1) if line.strip()]
    return [Row(i, cells) for i, cells in found], True


def _words(line: str) -> list[str]:
    return [a or b or c for a, b, c in re.findall(r'"([^"]*)"|\'([^\']*)\'|(\S+)', line)]


def _add_long_cell(faults: Faults, row: int) -> None:
    most = said("allowed.cells_up_characters", field_size_limit=csv.field_size_limit())
    faults.add(said("found.cell_too_long_read_2"), most, said("do.check_step_made_file"), row=row)


def _separator(lines: Sequence[str], row: int, faults: Faults, count: str) -> str:
    """Return what stands between the cells of a text, judged by its header and its rows."""
    first = lines[0] if lines else ""
    try:
        split = {mark: [x.strip().casefold() for x in next(csv.reader([first], delimiter=mark))] for mark in _MARKS}
    except (csv.Error, StopIteration):  # read leniently, so that nothing but a length can be wrong
        if not first:
            return ","
        _add_long_cell(faults, row)
        faults.raise_if_any()
    found = [mark for mark, names in split.items() if len(names) > 1]
    below = _widths(lines[1:])
    if not any(below.get(mark, 2) > 1 for mark in found):  # a title above the header, with or without such marks
        found = [mark for mark, width in below.items() if width > 1]
    if len(found) > 1:  # the one that leaves the count standing alone, if only one does
        found = [mark for mark in found if count.casefold() in split[mark]] or found
    if len(found) > 1 and below:
        found = [mark for mark in found if below[mark] == len(split[mark])] or found
    if len(found) == 1:
        return found[0]
    if not found and _spaced(lines):
        return " "
    if found or re.search(r"[|\s:]", first.strip()):
        kind = said("found.header_has_several_kinds") if found else said("found.no_separator_found_header")
        allowed = said("allowed.one_separator", names=tuple(SEPARATORS.values()))
        faults.add(kind, allowed, said("do.write_file_one_separator"), row=row)
        faults.raise_if_any()
    return ","


def _widths(lines: Sequence[str]) -> dict[str, int]:
    """Return how many cells each separator makes of rows, 0 where more than a few differ; nothing without rows."""
    some = [line for line in lines if line.strip()][:_LOOKED_AT]
    if not some:
        return {}
    try:
        widths = {mark: Counter(len(row) for row in csv.reader(some, delimiter=mark)) for mark in _MARKS}
    except csv.Error:
        return {}
    usual = {mark: found.most_common(1)[0] for mark, found in widths.items()}
    return {mark: width if 4 * times >= 3 * widths[mark].total() else 0 for mark, (width, times) in usual.items()}


def _spaced(lines: Sequence[str]) -> bool:
    """Return whether spaces set out columns: every row has as many words as the header, or one more, its name."""
    rows = [len(_words(line)) for line in lines if line.strip()]
    return len(rows) > 1 and max(rows[1:]) == min(rows[1:]) > 1 and rows[1] - rows[0] in (0, 1)


def _mark_file(text: str, faults: Faults) -> Grid | None:
    """Return the histories of a file for program MARK, ``0110 12 5;``: persons by group; None of any other text."""
    if ";" not in text:
        return None
    plain = re.sub(r"/\*.*?\*/", lambda x: "\n" * x[0].count("\n"), text, flags=re.S)
    lines = [line.strip() for line in plain.split("\n")]
    some = [line for line in lines if line]
    if not some or not all(_MARK_LINE.fullmatch(line) and line.endswith(";") for line in some):
        return None
    rows: list[tuple[int, str, list[str]]] = []
    for i, line in enumerate(lines, 1):
        if found := _MARK_LINE.fullmatch(line):
            rows.append((i, found[1], found[2].split()))
    width = {len(numbers) for _, _, numbers in rows}
    whole = all(re.fullmatch(r"\d+", x) for _, _, numbers in rows for x in numbers)
    single = width != {1} and all(numbers[0] == "1" for _, _, numbers in rows)
    if len(width) > 1 or (width != {1} and (not whole or single)):
        faults.add(said("ask.mark"), said("ask.mark_allowed"), said("ask.mark_remedy"))
        faults.raise_if_any()
    (groups,) = width
    cells = [(i, h, str(g + 1), n) for i, h, numbers in rows for g, n in enumerate(numbers) if groups == 1 or n != "0"]
    told = [said("read.mark")]
    if whole and len({(h, g) for _, h, g, _ in cells}) < len(cells):  # as many do with one row for each animal
        starts: dict[tuple[str, str], int] = {}
        sums: dict[tuple[str, str], int] = {}
        for i, h, g, n in cells:
            starts.setdefault((h, g), i)
            sums[h, g] = sums.get((h, g), 0) + int(n)
        cells = [(line, *key, str(sums[key])) for key, line in starts.items()]
        told.append(said("read.mark_summed"))
    columns = [[h for _, h, _, _ in cells], [n for *_, n in cells]]
    header = ["history", "count"]
    if groups > 1:
        header.insert(1, "group")
        columns.insert(1, [g for _, _, g, _ in cells])
    return Grid(header, columns, [i for i, *_ in cells], True, True, tuple(told))
