"""A file or a frame as text cells by column: what everything that reads a table begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.tables.checks import Faults


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
    """

    header: list[str]
    columns: list[list[str]]
    rows: list[int]
    all_rows: bool
    all_columns: bool


def frame_grid(frame: pd.DataFrame, faults: Faults) -> tuple[Grid, dict[str, list[str]]]:
    """Return the cells of a frame as text, rows named by position, and the order of levels where it has one."""
    header = [str(x).strip() for x in frame.columns]
    columns, levels = [], {}
    for i, name in enumerate(header):
        series = frame.iloc[:, i]
        columns.append([as_text(x, bool(gone)) for x, gone in zip(series, series.isna(), strict=True)])
        order = getattr(series.dtype, "categories", None)
        if order is not None:
            levels[name] = [as_text(x, False) for x in order]
    if not columns or not columns[0]:
        faults.add(said("found.no_rows"), said("allowed.one_row_per_history"), said("do.check_step_made_frame"))
        faults.raise_if_any()
    return Grid(header, columns, list(range(len(frame))), True, True), levels


def as_text(value: object, missing: bool) -> str:
    """Return a cell of a frame as it would stand in a file; empty when missing."""
    if missing:
        return ""
    if type(value).__name__ in ("bool", "bool_"):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
