"""The sections of a data contract: columns, codes, rules for several codes, what a list cannot see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr

FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime", "year"]
Role = Literal["record", "key", "hash", "coarse", "date", "entered", "stratum", "referred_from", "ignored"]
PSEUDONYM = "[0-9a-f]{16,128}"
"""What a keyed hash looks like, unless a contract gives a pattern of its own."""


def _day(value: Any) -> Any:
    """Return a date from TOML or from text."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(f"{str(value)!r} is not a day; allowed: a date such as 2025-12-31")


def _texts(value: Any) -> Any:
    """Return one text as a list of one."""
    return (value,) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day)]
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(_texts)]
Length = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Where = dict[str, Texts]


Place = tuple[Annotated[StrictInt, Field(ge=1)], Annotated[StrictInt, Field(ge=1)]]
"""First character, from 1, and number of characters of a column in a file of fixed width."""


class Section(BaseModel):
    """A part of a contract: unknown keys are refused, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(Section):
    """First and last day, both included."""

    first: Day
    last: Day


class Constraints(Section):
    """What a value must satisfy, in the words of Frictionless Table Schema."""

    required: StrictBool | None = None
    unique: StrictBool = False
    enum: tuple[StrictStr, ...] = ()
    pattern: StrictStr | None = None
    minLength: Length | None = None
    maxLength: Length | None = None
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None


class NumberClass(Section):
    """A class of a number, ends included: ``{ level = "minor", maximum = 17 }``."""

    level: StrictStr
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None


class ContractField(Section):
    """One column of the files.

    Parameters
    ----------
    name, type, format, title, description, constraints, missingValues
        As in Frictionless Table Schema; a date format is one of ``strptime``.
    role : str
        What the engine does with it: ``record`` number in the register; ``key`` pseudonym of the whole identity;
        ``hash`` of one part of it; ``coarse`` readable part, such as the year of birth; ``date`` of the registration;
        ``entered`` in the register on; ``stratum`` label; ``referred_from`` list that sent the person; ``ignored``.
    into : str
        Column of the registrations, or dimension of the table, that it fills; its own name when not given.
    codes : mapping of str to str
        Code in the file to level (or list, for ``referred_from``) of the engine; "" means missing.
    other : str or None
        Level of every code that is not listed; without it such a code is a fault of the row.
    classes : tuple of NumberClass
        Levels of a number, instead of codes.
    separator : str or None
        Between the codes of a cell that may hold several.
    """

    name: StrictStr
    role: Role
    type: FieldType = "string"
    format: StrictStr = "default"
    title: StrictStr | None = None
    description: StrictStr | None = None
    into: StrictStr = ""
    constraints: Constraints = Constraints()
    missingValues: tuple[StrictStr, ...] | None = None
    codes: dict[str, StrictStr] = Field(default_factory=dict)
    other: StrictStr | None = None
    classes: tuple[NumberClass, ...] = ()
    separator: StrictStr | None = None

    @property
    def target(self) -> str:
        """Column of the registrations that it fills."""
        fixed = {"key": "key", "date": "date", "entered": "entered", "referred_from": "referred_from"}
        return fixed.get(self.role, self.into or self.name)

    @property
    def required(self) -> bool:
        """Whether an empty cell is a fault of the row; where nothing is said, for record and date."""
        said = self.constraints.required
        return self.role in ("record", "date") if said is None else said

    @property
    def pattern(self) -> str | None:
        """Regular expression of the whole value, if there is one."""
        return self.constraints.pattern or (PSEUDONYM if self.role in ("key", "hash") else None)

    @property
    def mapping(self) -> Mapping[str, str]:
        """Code to level."""
        return self.codes or {code: code for code in self.constraints.enum}

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels that its codes or classes lead to, in their order, without missing."""
        named = [*self.mapping.values(), *(c.level for c in self.classes), self.other or ""]
        return tuple(dict.fromkeys(level for level in named if level))


class Dimension(Section):
    """What is done with a registration that has several labels in one dimension.

    Parameters
    ----------
    several : str or None
        ``first`` as written, ``priority`` the first in `order`, ``both`` one registration per label, ``level`` the
        label `level` of its own. Needed where a registration can have several.
    order : tuple of str
        All levels, the most important first.
    level : str or None
        Name of the level of several labels.
    own_codes : bool
        The supplier has a code list of its own: a code may mean something else than it does to other suppliers.
    """

    several: Literal["first", "priority", "both", "level"] | None = None
    order: tuple[StrictStr, ...] = ()
    level: StrictStr | None = None
    own_codes: StrictBool = False


class Blind(Section):
    """Strata that the list cannot see: where every dimension named has one of the levels named."""

    where: Where
    reason: StrictStr


class Closed(Interval):
    """Days on which the list did not operate or did not deliver, everywhere or in some strata only."""

    reason: StrictStr
    where: Where = Field(default_factory=dict)


class Identity(Section):
    """Columns with the identity in the supplier's own file; they are turned into pseudonyms and never delivered.

    Parameters
    ----------
    surname, given, birth_date : str
        Their names.
    birth_format : tuple of str
        How dates of birth are written (``strptime``), tried in this order.
    age : str or None
        Column to make from the date of birth and the date of registration: ``minor`` or ``adult``.
    """

    surname: StrictStr
    given: StrictStr
    birth_date: StrictStr
    birth_format: Texts = ("%Y-%m-%d",)
    age: StrictStr | None = None


class Source(Section):
    """Where the data come from, as in Frictionless."""

    title: StrictStr
    path: StrictStr | None = None


class License(Section):
    """Under which terms, as in Frictionless."""

    name: StrictStr
    title: StrictStr | None = None
    path: StrictStr | None = None
