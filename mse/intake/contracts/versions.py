"""The section of a contract that says how files were written from one day to another."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool, StrictStr

from mse.intake.contracts.clauses import Day, Place, Section, Texts


class Layout(Section):
    """How files were written for registrations from one day to another; what is not said is as in the contract.

    Parameters
    ----------
    first, until : date
        Days of the registrations, both included (``from`` in the file); without `until` it still holds.
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
    delimiter, encoding, sheet, header, missingValues
        As in the contract.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: Annotated[Day, Field(alias="from")]
    until: Day | None = None
    path: Texts | None = None
    columns: dict[str, StrictStr] = Field(default_factory=dict)
    codes: dict[str, dict[str, StrictStr]] = Field(default_factory=dict)
    formats: dict[str, StrictStr] = Field(default_factory=dict)
    places: dict[str, Place] = Field(default_factory=dict)
    delimiter: StrictStr | None = None
    encoding: StrictStr | None = None
    sheet: StrictStr | None = None
    header: StrictBool | None = None
    missingValues: tuple[StrictStr, ...] | None = None
