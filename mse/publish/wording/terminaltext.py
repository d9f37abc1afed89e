"""Text for a terminal: as wide as it is, and no two labels that look alike when they are not."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence

NARROWEST = 40
"""Characters of a line below which nothing is wrapped further."""


def terminal_width(*, error: bool = False) -> int | None:
    """Return the characters of a line: ``COLUMNS`` if it is set, else those of the terminal; None for a file or pipe.

    Parameters
    ----------
    error : bool
        Of standard error, not of standard output.
    """
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        return max(int(said), NARROWEST)
    stream = sys.stderr if error else sys.stdout
    try:
        return max(os.get_terminal_size(stream.fileno()).columns or NARROWEST, NARROWEST) if stream.isatty() else None
    except (OSError, ValueError, AttributeError):
        return None


def wrap_lines(text: str, width: int | None, indent: str = "  ") -> str:
    """Return a text of which no line with a blank to break it is longer than `width`; None changes nothing."""
    if width is None:
        return text
    lines: list[str] = []
    for line in text.splitlines():
        start = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line, width, subsequent_indent=start + indent, break_on_hyphens=False, break_long_words=False
        ) or [line]  # fmt: skip
    return "\n".join(lines)


def cut_apart(labels: Sequence[str], length: int, ellipsis: str = "…") -> list[str]:
    """Return labels cut to a length, but for those that would look like another one."""
    cut = [x if len(x) <= length else x[: length - len(ellipsis)].rstrip() + ellipsis for x in labels]
    alike = {short for short, n in Counter(dict(zip(labels, cut, strict=True)).values()).items() if n > 1}
    return [full if short in alike else short for full, short in zip(labels, cut, strict=True)]


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[bool], width: int | None) -> str:
    """Return an aligned table.

    Parameters
    ----------
    heads : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Cells.
    words : sequence of bool
        Which columns hold words: they stand to the left, and are broken over several lines where the table would be
        wider than `width`. The others are numbers, and stand to the right.
    width : int or None
        Characters of a line. A table whose numbers alone are wider is written one row below the other.
    """
    sizes = [max([len(head), *(len(row[j]) for row in rows)]) for j, head in enumerate(heads)]
    if width is not None and sum(sizes) + 2 * (len(sizes) - 1) > width:
        fewest = [
            max([len(head), *(len(part) for row in rows for part in row[j].split())]) if words[j] else sizes[j]
            for j, head in enumerate(heads)
        ]
        spare = width - sum(fewest) - 2 * (len(sizes) - 1)
        if spare < 0:
            return _below(heads, rows, width)
        for j in sorted(range(len(heads)), key=lambda j: sizes[j] - fewest[j]):
            given = min(sizes[j] - fewest[j], spare)
            sizes[j], spare = fewest[j] + given, spare - given
    lines = []
    for row in (heads, *rows):
        cells = [
            textwrap.wrap(cell, sizes[j], break_on_hyphens=False) or [""] if words[j] else [cell]
            for j, cell in enumerate(row)
        ]
        for i in range(max(map(len, cells), default=0)):
            parts = [cell[i] if i < len(cell) else "" for cell in cells]
            lines.append("  ".join(
                f"{x:<{n}}" if word else f"{x:>{n}}" for x, n, word in zip(parts, sizes, words, strict=True)
            ).rstrip())  # fmt: skip
    return "\n".join(lines)


def _below(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """Return one line for every cell, an empty one between rows."""
    blocks = ("\n".join(f"{head}: {cell}" for head, cell in zip(heads, row, strict=True)) for row in rows)
    return wrap_lines("\n\n".join(blocks), width)
