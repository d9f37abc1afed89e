"""What a setting is: a field of one frozen spec, with its type, what it may be, its default and its meaning.

A spec is a frozen dataclass. What a field may be stands in its annotation, ``Annotated[int, Between(2, 50)]``, which
may have a name that several specs share; what it means stands in the docstring of the class, or as a text in the
annotation. Job files, command options, messages and the manual are all made from this.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from functools import cache, reduce
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

from mse.errors import names_of
from mse.settings.formulatext import ALLOWED, FormulaFault, read_formula
from mse.words.said import Said, said

LONGEST_TEXT = 100_000
"""Characters of a setting that is a text."""
LONGEST_LIST = 1_000
"""Entries of a setting that is a list or a mapping, such as a grid of prior standard deviations."""
LARGEST = 2**53
"""The most that any whole number may be."""


@dataclass(frozen=True, slots=True)
class Between:
    """The numbers that a setting may be.

    Parameters
    ----------
    low, high : float
        The ends.
    above, below : bool
        Whether the low end, and the high end, are themselves excluded.
    counts : bool
        Whether it is a number of things, of which there can be too few.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    counts: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a number is among them."""
        return (self.low < value if self.above else self.low <= value) and (
            value < self.high if self.below else value <= self.high
        )

    def in_words(self) -> Said:
        """Return them as words that a catalogue has."""
        low, high = (x if x >= 10_000 and x.is_integer() else f"{x:.15g}" for x in (float(self.low), float(self.high)))
        under = said("range.below", high=high) if self.below else said("range.at_most", high=high)
        if math.isinf(self.low):
            return under
        if math.isinf(self.high):
            return said("range.above", low=low) if self.above else said("range.or_more", low=low)
        if self.above:
            return said("range.above_and", low=low, under=under)
        return said("range.to_below", low=low, high=high) if self.below else said("range.to", low=low, high=high)

    def __str__(self) -> str:
        """Return them in English."""
        return str(self.in_words())


def count(least: int, most: int = LARGEST) -> Between:
    """Return what a number of things may be."""
    return Between(least, most, counts=True)


@dataclass(frozen=True, slots=True)
class Longest:
    """How many entries a list or mapping may have, where that is more than is usual."""

    entries: int


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """Of a list of texts: one text may stand for a list of one."""


@dataclass(frozen=True, slots=True)
class Example:
    """What a setting may be, said by an example because its type alone says too little."""

    allowed: Said


@dataclass(frozen=True, slots=True)
class Check:
    """What a value must be beyond its type and range.

    Parameters
    ----------
    allowed : Said
        In words.
    fault : callable
        Returns what is wrong with a value in words, true where that is its form, and nothing where it is good.
    """

    allowed: Said
    fault: Callable[[Any], Said | bool | None]


def _formula_fault(text: str) -> Said | None:
    try:
        read_formula(text)
    except FormulaFault as fault:
        return said("setting.formula", fault=fault.said)
    return None


def _pair_fault(pair: Sequence[str]) -> Said | None:
    return said("setting.pair") if len(set(pair)) != 2 else None


SHARE = Between(0, 1)
WITHIN = Between(0, 1, above=True, below=True)
"""A share that is neither nothing nor all."""

Seed = Annotated[int, Between(0)]
Prob = Annotated[float, WITHIN]
Draws = Annotated[int, count(4, 1_000_000), "Draws of N to store."]
Resamples = Annotated[int, count(20, 100_000)]
Order = Annotated[int, Between(1, 16)]
Criterion = Literal["aic", "bic", "bic_cells"]
Formula = Annotated[str, Check(ALLOWED, _formula_fault)]
Pair = Annotated[tuple[str, str], Check(said("allowed.two_different_lists"), _pair_fault)]


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a spec.

    Parameters
    ----------
    name : str
        The key.
    kind : type
        As declared, with what it may be.
    default : object
        What it is when it is not given; None too where that is a function of other things.
    required : bool
        Whether it must be given.
    meaning : str
        In words.
    key : bool
        Whether files and commands have it; otherwise it is for Python alone.
    spelled : str
        What files call it; the key itself, but for words that Python keeps to itself.
    """

    name: str
    kind: Any
    default: object
    required: bool
    meaning: str
    key: bool = True
    spelled: str = ""


def keys_of(spec: object) -> Mapping[str, Setting]:
    """Return the settings of a spec that files and commands have."""
    return {name: setting for name, setting in settings_of(spec).items() if setting.key}


def settings_of(spec: object) -> Mapping[str, Setting]:
    """Return the settings of a spec, a class, by name in their order."""
    return _settings_of(spec)


@cache
def _settings_of(spec: Any) -> Mapping[str, Setting]:
    hints = get_type_hints(spec, include_extras=True)
    told = _meanings(spec)
    found = {}
    for field in fields(spec):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        kind = hints[field.name]
        required, key = default is MISSING, field.metadata.get("key", True)
        meaning = _texts(kind) or told.get(field.name, "")
        spelled = field.metadata.get("spelled", field.name)
        found[field.name] = Setting(field.name, kind, None if required else default, required, meaning, key, spelled)
    return found


def plain_kind(kind: Any) -> tuple[Any, tuple[object, ...]]:
    """Return a declared type without the names and rules around it, and these rules."""
    rules: tuple[object, ...] = ()
    while True:
        if isinstance(kind, TypeAliasType):
            kind = kind.__value__
        elif get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            rules = (*more, *rules)
        else:
            return kind, rules


def members(kind: Any) -> tuple[Any, ...]:
    """Return the types that a declared type is a union of; itself when it is none."""
    plain, rules = plain_kind(kind)
    if get_origin(plain) not in (Union, UnionType):
        return (kind,)
    parts = tuple(x for part in get_args(plain) for x in members(part))
    return tuple(Annotated[part, *rules] for part in parts) if rules else parts


_WORDS: Mapping[Any, tuple[Said, Said]] = {
    int: (said("type.whole_number"), said("type.whole_numbers")), float: (said("type.number"), said("type.numbers")),
    bool: (said("type.flag"), said("type.flag")), str: (said("type.text"), said("type.texts")),
    NoneType: (said("type.left_out"), said("type.nothing")), Path: (said("type.path"), said("type.paths")),
    date: (said("type.date"), said("type.dates")),
}  # fmt: skip


def in_words(kind: Any, several: bool = False) -> Said:
    """Return what a declared type allows; of the entries of a list or mapping as `several`."""
    plain, rules = plain_kind(kind)
    found = next((rule.allowed for rule in rules if isinstance(rule, Example)), None)
    if found is None:
        found = _plain_words(plain, several)
        for rule in rules:
            if isinstance(rule, Between):
                found = said("type.within", what=found, range=rule.in_words())
    for rule in rules:
        if isinstance(rule, OneOrMore):
            found = said("type.either", one=said("type.text"), other=found)
        if isinstance(rule, Check):
            found = said("type.also", what=found, more=rule.allowed)
    return found


def words_in_words(parts: Sequence[object]) -> Said:
    """Return the words that a setting may be."""
    *words, last = [repr(part) if isinstance(part, str) else str(part) for part in parts]
    return said("type.words", words=words, last=last) if words else names_of([last])


def _plain_words(plain: Any, several: bool) -> Said:
    parts, origin = get_args(plain), get_origin(plain)
    if origin in (Union, UnionType):
        either = [in_words(part, several) for part in parts]
        return reduce(lambda one, other: said("type.either", one=one, other=other), either)
    if origin is Literal:
        return words_in_words(parts)
    if origin is tuple and parts[-1] is not Ellipsis:
        return said("type.list_of", count=len(parts), what=in_words(parts[0], True))
    if origin in (tuple, Sequence):
        return said("type.list", what=in_words(parts[0], True))
    if origin is Mapping:
        return said("type.mapping", keys=in_words(parts[0], True), values=in_words(parts[1], True))
    if is_dataclass(plain):
        keys = tuple(keys_of(plain))
        return said("type.sections", keys=keys) if several else said("type.section", keys=keys)
    return _WORDS[plain][several] if plain in _WORDS else said("type.manual")


def _texts(kind: Any) -> str:
    """Return the meaning that an annotation holds, of a union that of its parts."""
    plain, rules = plain_kind(kind)
    own = [rule for rule in rules if isinstance(rule, str)]
    if own or get_origin(plain) not in (Union, UnionType):
        return " ".join(own)
    return " ".join(text for part in get_args(plain) if (text := _texts(part)))


def _meanings(spec: type) -> Mapping[str, str]:
    """Return what a docstring in numpy style says of every parameter, on one line."""
    told: dict[str, str] = {}
    for base in reversed(spec.__mro__):
        text = cleandoc(base.__doc__ or "")
        section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\S[^\n]*\n-{3,}\n|\Z)", text, re.M | re.S)
        names: list[str] = []
        for line in (section[1] if section else "").splitlines():
            if line and not line.startswith(" "):
                names = [name.strip() for name in line.partition(" : ")[0].split(",")]
            elif same := re.match(r"\s*As in `(\w+)`", line):
                other = _settings_of(getattr(sys.modules[base.__module__], same[1]))
                told |= {name: other[name].meaning for name in names}
            elif line.strip():
                told |= {name: f"{told.get(name, '')} {line.strip()}".strip() for name in names}
    return told


def plain_text(text: str) -> str:
    """Return a text of a docstring without its marks."""
    return re.sub(r"`+", "", text)
