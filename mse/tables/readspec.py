"""How a table is to be read where it does not speak for itself: what callers, job files and commands may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mse.tables.checks import MAX_LISTS


@dataclass(frozen=True, slots=True)
class Reading:
    """What is said about a table; what is not said is understood from it, and told.

    Parameters
    ----------
    lists, covariates : sequence of str, optional
        Columns by role; their order is kept.
    count : str
        Name of the count column; where there is no ``count``, the names that are usual are taken too.
    ignore : sequence of str
        Columns to leave out, whatever stands in them.
    persons : bool
        Each row is one person and there is no count column.
    sum_duplicates : bool
        Add up rows with the same history and covariates.
    id_column, list_column : str, optional
        In a file with one row for each registration: the columns that say who and on which list.
    yes : str, optional
        What stands in the cells of lists for persons who are on them.
    blank_is_no : bool
        An empty cell of a list means not on it.
    sheet : str, optional
        Of a workbook.
    levels : mapping of str to sequence of str
        Order of the levels of covariates.
    merge, drop : mapping of str to sequence of str, sequence of str
        Lists to put together, and to leave out, before anything is checked.
    most : int
        Lists that there may be.
    """

    lists: Sequence[str] | None = None
    covariates: Sequence[str] | None = None
    count: str = "count"
    ignore: Sequence[str] = ()
    persons: bool = False
    sum_duplicates: bool = False
    id_column: str | None = None
    list_column: str | None = None
    yes: str | None = None
    blank_is_no: bool = False
    sheet: str | None = None
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    merge: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drop: Sequence[str] = ()
    most: int = MAX_LISTS

    @property
    def named(self) -> frozenset[str]:
        """Columns that have a role by name."""
        return frozenset((*(self.lists or ()), *(self.covariates or ())))
