"""The sections of a data contract: columns, codes, rules for several codes, what a list cannot see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from mse.settings.specchecks import Checked
from mse.settings.specfields import Between, Check, Longest, OneOrMore
from mse.words.said import said

FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime", "year"]
Role = Literal["record", "key", "hash", "coarse", "date", "entered", "stratum", "referred_from", "population",
               "ignored"]  # fmt: skip
PSEUDONYM = "[0-9a-f]{16,128}"
"""What a keyed hash looks like, unless a contract gives a pattern of its own."""

Texts = Annotated[tuple[str, ...], OneOrMore()]
Length = Annotated[int, Between(0, 1_000_000)]
Finite = Annotated[float, Check(said("range.finite"), lambda value: not math.isfinite(value))]
Codes = Annotated[Mapping[str, str], Longest(100_000)]
Where = Mapping[str, Texts]

Place = tuple[Annotated[int, Between(1)], Annotated[int, Between(1)]]
"""First character, from 1, and number of characters of a column in a file of fixed width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Checked):
    """Days from one to another.

    Parameters
    ----------
    first, last : date
        The first and the last of the days, both included.
    """

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints(Checked):
    """What a value must satisfy, in the words of Frictionless Table Schema.

    Parameters
    ----------
    required : bool or None
        Whether an empty cell is a fault; where nothing is said, for record, date and population.
    unique : bool
        Whether a value stands once in the files.
    enum : tuple of str
        The values that there are.
    pattern : str or None
        Regular expression of the whole value.
    minLength, maxLength : int or None
        Characters of a value.
    minimum, maximum : float or None
        Ends of a number, included.
    """

    required: bool | None = None
    unique: bool = False
    enum: Annotated[tuple[str, ...], Longest(100_000)] = ()
    pattern: str | None = None
    minLength: Length | None = None
    maxLength: Length | None = None
    minimum: Finite | None = None
    maximum: Finite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberClass(Checked):
    """A class of a number: ``{ level = "minor", maximum = 17 }``.

    Parameters
    ----------
    level : str
        Its name.
    minimum, maximum : float or None
        Its ends, included.
    """

    level: str
    minimum: Finite | None = None
    maximum: Finite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractField(Checked):
    """One column of the files.

    Parameters
    ----------
    name : str
        Its name there.
    role : str
        What the engine does with it: ``record`` number in the register; ``key`` pseudonym of the whole identity;
        ``hash`` of one part of it; ``coarse`` readable part, such as the year of birth; ``date`` of the registration;
        ``entered`` in the register on; ``stratum`` label; ``referred_from`` list that sent the person; ``population``
        that the row counts, where a file holds several; ``ignored``.
    type : str
        Of its values, as in Frictionless Table Schema.
    format : str
        Of its dates, as ``strptime`` writes it.
    title, description : str or None
        What it is, in words.
    into : str
        Column of the registrations, or dimension of the table, that it fills; its own name when not given.
    constraints : Constraints
        What a value must satisfy.
    missingValues : tuple of str or None
        Texts that mean "not known", in place of those of the contract.
    codes : mapping of str to str
        Code in the file to level (list for ``referred_from``, population for ``population``) of the engine; "" means
        missing.
    other : str or None
        Level of every code that is not listed; without it such a code is a fault of the row.
    classes : tuple of NumberClass
        Levels of a number, instead of codes.
    separator : str or None
        Between the codes of a cell that may hold several.
    """

    name: str
    role: Role
    type: FieldType = "string"
    format: str = "default"
    title: str | None = None
    description: str | None = None
    into: str = ""
    constraints: Constraints = field(default_factory=Constraints)
    missingValues: tuple[str, ...] | None = None
    codes: Codes = field(default_factory=dict)
    other: str | None = None
    classes: tuple[NumberClass, ...] = ()
    separator: str | None = None

    @property
    def target(self) -> str:
        """Column of the registrations that it fills."""
        fixed = {"key": "key", "date": "date", "entered": "entered", "referred_from": "referred_from"}
        return fixed.get(self.role, self.into or self.name)

    @property
    def required(self) -> bool:
        """Whether an empty cell is a fault of the row; where nothing is said, for record, date and population."""
        said = self.constraints.required
        return self.role in ("record", "date", "population") if said is None else said

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension(Checked):
    """What is done with a registration that has several labels in one dimension, and whether a person can have several.

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
    constant : bool or None
        Whether a person has one level all life: registrations of one pseudonym that differ in it are then of different
        persons. Where no contract says it, true of a dimension called sex, gender, geslacht or sekse.
    """

    several: Literal["first", "priority", "both", "level"] | None = None
    order: tuple[str, ...] = ()
    level: str | None = None
    own_codes: bool = False
    constant: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind(Checked):
    """Strata that the list cannot see: where every dimension named has one of the levels named.

    Parameters
    ----------
    where : mapping of str to tuple of str
        Levels by dimension.
    reason : str
        Why.
    """

    where: Where
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Interval):
    """Days on which the list did not operate or did not deliver, everywhere or in some strata only.

    Parameters
    ----------
    reason : str
        Why.
    where : mapping of str to tuple of str
        Levels by dimension; everywhere when not given.
    """

    reason: str
    where: Where = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Checked):
    """Columns with the identity in the supplier's own file; they are turned into pseudonyms and never delivered.

    Parameters
    ----------
    surname, given, birth_date : str
        Names of the columns.
    birth_format : tuple of str
        How dates of birth are written (``strptime``), tried in this order.
    age : str or None
        Column to make from the date of birth and the date of registration: ``minor`` or ``adult``.
    """

    surname: str
    given: str
    birth_date: str
    birth_format: Texts = ("%Y-%m-%d",)
    age: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Checked):
    """Where the data come from, as in Frictionless.

    Parameters
    ----------
    title : str
        What they are called.
    path : str or None
        Where they stand.
    """

    title: str
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class License(Checked):
    """Under which terms, as in Frictionless.

    Parameters
    ----------
    name : str
        Of the licence.
    title : str or None
        In words.
    path : str or None
        Where it stands.
    """

    name: str
    title: str | None = None
    path: str | None = None
