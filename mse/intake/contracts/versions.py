"""The section of a contract that says how files were written from one day to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from mse.intake.contracts.clauses import Codes, Place, Texts
from mse.settings.specchecks import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout(Checked):
    """How files were written for registrations from one day to another; what is not said is as in the contract.

    Parameters
    ----------
    first : date
        First day of the registrations (``from`` in the file).
    until : date or None
        Last day, included; without it, it still holds.
    path : texts or None
        Files that have this layout; found by their columns and the days of their registrations when not given.
    columns : mapping of str to str
        Name of a column in the contract to its name in these files; "" where they do not have it.
    codes : mapping of str to mapping
        By column: code to level, where they differ from the contract or are not in it.
    formats : mapping of str to str
        By column: how dates are written.
    places : mapping of str to (int, int)
        By column: first character and number of characters, in files of fixed width.
    delimiter, encoding, sheet : str or None
        As in the contract.
    header : bool or None
        As in the contract.
    missingValues : tuple of str or None
        As in the contract.
    """

    first: date = field(metadata={"spelled": "from"})
    until: date | None = None
    path: Texts | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Codes] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header: bool | None = None
    missingValues: tuple[str, ...] | None = None
