"""A file or a frame as text cells by column: what everything that reads a table begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mse.words.said import Said


class Grid(NamedTuple):
    """Text cells as they stand, by column.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    columns : list of list of str
        Cells, stripped.
    rows : list of int
        What each row is called in a message: the line of the file, or the position in the frame.
    all_rows, all_columns : bool
        False when some had to be left out, so that less may be said about the rest.
    told : tuple of Said
        What was understood on the way to these cells and is not to be taken for granted.
    levels : mapping of str to sequence of str
        Order of the levels of columns that have one.
    sure : frozenset of str
        Columns that can only be lists, because a history or a register named them.
    """

    header: list[str]
    columns: list[list[str]]
    rows: list[int]
    all_rows: bool
    all_columns: bool
    told: tuple[Said, ...] = ()
    levels: Mapping[str, Sequence[str]] = {}
    sure: frozenset[str] = frozenset()

    def without(self, places: Sequence[int]) -> Grid:
        """Return the grid without some columns."""
        kept = [i for i in range(len(self.header)) if i not in places]
        return self._replace(header=[self.header[i] for i in kept], columns=[self.columns[i] for i in kept])

    def with_told(self, *what: Said) -> Grid:
        """Return the grid with more that was understood."""
        return self._replace(told=(*self.told, *what))


def as_text(value: object, missing: bool = False) -> str:
    """Return a cell of a frame or a workbook as it would stand in a file; empty when missing."""
    if missing or value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if type(value).__name__ in ("bool", "bool_"):
        return "1" if value else "0"
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).removesuffix("T00:00:00")
    return str(value).strip()
