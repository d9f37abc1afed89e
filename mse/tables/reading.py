"""One way in which tables are read, whatever they stand in: a file of any kind, or an object in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mse.tables.cells import OverlapCells, table_from_grid
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.tables.grids import Grid
from mse.tables.readspec import Reading


def read_overlap(source: Any, reading: Reading) -> OverlapCells:
    """Read an overlap table.

    Parameters
    ----------
    source : str, Path or object
        A file, or what `mse.tables.objectgrids.object_grid` takes.
    reading : Reading
        What is said about it.

    Raises
    ------
    InputError
        With every problem at once, and every question with the option that answers it.
    ModelError
        When a list that is to be merged or dropped is not there.
    """
    # Where rows are persons no cell is ever quoted in a message.
    faults = Faults(called(source), private=reading.persons)
    return table_from_grid(source_grid(source, faults, reading.count, reading.sheet), faults, reading)


def source_grid(source: Any, faults: Faults, count: str = "count", sheet: str | None = None) -> Grid:
    """Return the cells of a file or an object.

    Raises
    ------
    InputError
        When there are none.
    """
    if isinstance(source, str | Path):
        return read_grid(source, faults, count, sheet)
    from mse.tables.objectgrids import object_grid

    return object_grid(source, faults, count)


def called(source: Any) -> str:
    """Return what messages call a source."""
    return str(source) if isinstance(source, str | Path) else "data frame"


def stem(source: Any, other: str = "table") -> str:
    """Return the name of a table that is read from a source: that of the file without what it ends on."""
    if not isinstance(source, str | Path):
        return other
    path = Path(source)
    while path.suffix.lower() in (".gz", ".bz2", ".xz", ".zip") and Path(path.stem).suffix:
        path = path.with_suffix("")
    return path.stem
