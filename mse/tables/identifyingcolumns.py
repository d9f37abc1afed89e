"""Columns of a table that say who somebody is are not let in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mse.identifying.table_columns import table_kind
from mse.tables.checks import Faults
from mse.words.said import said

if TYPE_CHECKING:
    from mse.tables.grids import Grid


def add_identifying_faults(
    grid: Grid, faults: Faults, places: Iterable[int], persons: Sequence[int] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> None:  # fmt: skip
    """Look at columns, whether they are used or not; no message of a table with one that is refused quotes a cell.

    Parameters
    ----------
    grid : Grid
        Text cells.
    faults : Faults
        Receives every column that says who somebody is.
    places : iterable of int
        Columns to look at: those that are no list, no count and no number of registrations.
    persons : sequence of int, optional
        Persons of each row; one each when not given.
    levels : mapping of str to sequence of str, optional
        Levels that were declared, by column.
    """
    for i in places:
        name = grid.header[i]
        kind = table_kind(name, grid.columns[i], persons, (levels or {}).get(name, ()))
        if kind is not None:
            faults.private = True
            faults.add(said("guard.table", kind=kind), said("guard.table_allowed"), said("guard.table_remedy"),
                       column=name)  # fmt: skip
