"""Whether the settings of a spec may be what they are: one check for all, that says everything that is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from datetime import date, datetime
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, Union, get_args, get_origin

from mse.errors import InputError, ModelError, MseError, Problem
from mse.settings.specfields import (
    LARGEST,
    LONGEST_LIST,
    LONGEST_TEXT,
    Between,
    Check,
    Longest,
    Setting,
    in_words,
    members,
    plain_kind,
    settings_of,
    words_in_words,
)
from mse.words.said import Said, said

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Place = tuple[str, ...]
type Placed = Iterator[tuple[Place, Problem]]
"""Problems, each with the names on the way to the setting."""


class Checked:
    """A section of a file that is checked when it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check every setting."""
        check_spec(self, InputError)  # type: ignore[arg-type]


def check_spec(spec: DataclassInstance, error: type[MseError] = ModelError) -> None:
    """Check every setting of a spec, and make lists the tuples that they are declared to be.

    Parameters
    ----------
    spec : dataclass
        The settings. It may have a method ``together()`` that yields what does not fit together, each problem with the
        place of the setting; it is asked when every type is right.
    error : type
        What is raised.

    Raises
    ------
    MseError
        With every setting that is wrong, its value, and what is allowed.
    """
    found = [replace(x, column=".".join(place)) if len(place) > 1 else x for place, x in spec_problems(spec)]
    if found:
        raise error(found)
    for name, setting in settings_of(type(spec)).items():
        value = getattr(spec, name)
        if isinstance(value, list) and any(get_origin(plain_kind(part)[0]) is tuple for part in members(setting.kind)):
            object.__setattr__(spec, name, tuple(value))


def check_value(name: str, value: object, kind: Any, error: type[MseError] = ModelError) -> None:
    """Check one value that stands without a spec, such as a seed.

    Raises
    ------
    MseError
        When it is not what the type allows.
    """
    if found := setting_faults(Setting(name, kind, None, True, ""), value):
        raise error(found)


def setting_faults(setting: Setting, value: object) -> list[Problem]:
    """Return what is wrong with one value of a setting."""
    if not fits(value, setting.kind):
        return [wrong_type(setting, value)]
    return [problem for _, problem in _value_faults(value, setting, setting.kind, (setting.name,))]


def spec_problems(spec: DataclassInstance) -> Placed:
    """Yield every problem with the settings of a spec, and of the specs in it."""
    known, sound = settings_of(type(spec)), sound_defaults(type(spec))
    asked = {x: y for x, y in known.items() if not (x in sound and getattr(spec, x) is y.default)}
    wrong = [
        ((name,), wrong_type(setting, value))
        for name, setting in asked.items()
        if not fits(value := getattr(spec, name), setting.kind)
    ]
    yield from wrong
    unfit = [name for (name,), _ in wrong]
    yield from value_problems(spec, [name for name in asked if name not in unfit])
    if not wrong:
        yield from misfits(spec)


@cache
def sound_defaults(spec: Any) -> frozenset[str]:
    """Return the settings of a spec, a class, whose default is right: left at it, they need not be looked at again."""
    return frozenset(
        name for name, x in settings_of(spec).items() if not x.required and not setting_faults(x, x.default)
    )


def value_problems(spec: DataclassInstance, names: Iterable[str], inside: bool = True) -> Placed:
    """Yield the settings of the right type that are out of range; `inside` the specs that are settings, too."""
    known = settings_of(type(spec))
    for name in names:
        if known[name].key:
            yield from _value_faults(getattr(spec, name), known[name], known[name].kind, (name,), inside)


def misfits(spec: DataclassInstance) -> Placed:
    """Yield what does not fit together in a spec whose types are right."""
    together = getattr(spec, "together", None)
    if together is not None:
        yield from together()


def wrong_type(setting: Setting, value: object) -> Problem:
    """Return the problem of a setting that has another type than it is declared to have."""
    found = said("setting.type", name=setting.name, kind=type(value).__name__)
    return setting_problem(setting, found, in_words(setting.kind), value)


def setting_problem(setting: Setting, found: Said, allowed: Said, value: object) -> Problem:
    """Return a problem with a setting; the remedy is its default where it has one."""
    if setting.required:
        remedy = said("do.correct")
    elif setting.default in (None, (), {}, ""):
        remedy = said("do.correct_leave_out")
    else:
        remedy = said("do.correct_leave", default=str(setting.default))
    return Problem(found, allowed, remedy, value=str(value))


def fits(value: object, kind: Any) -> bool:
    """Return whether a value has a declared type; `bool` is no number, and a list may stand for a tuple."""
    if kind is str:  # most of what code lists hold
        return isinstance(value, str)
    plain, _ = plain_kind(kind)
    origin, parts = get_origin(plain), get_args(plain)
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:  # an unknown word is of the right type
        return any(fits(value, type(word)) for word in parts)
    if origin is tuple:
        if not isinstance(value, tuple | list):
            return False
        each = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        return len(each) == len(value) and all(map(fits, value, each))
    if origin is Sequence:
        return isinstance(value, tuple | list) and all(fits(x, parts[0]) for x in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(fits(k, parts[0]) and fits(v, parts[1]) for k, v in value.items())
    if plain is int:
        return is_whole(value)
    if plain is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if plain is date:
        return isinstance(value, date) and not isinstance(value, datetime)
    if isinstance(plain, type) and (plain in (bool, str, NoneType) or is_dataclass(plain) or plain.__name__ == "Path"):
        return isinstance(value, plain)
    return True


def unfit(value: object, kind: Any, place: Place) -> Iterator[tuple[Place, Any, object]]:
    """Yield the innermost parts of a value that have another type than is declared, each with its place and type."""
    plain, _ = plain_kind(kind)
    origin, parts = get_origin(plain), get_args(plain)
    inside: list[tuple[str, Any, object]] = []
    if origin is Mapping and isinstance(value, Mapping) and all(fits(key, parts[0]) for key in value):
        inside = [(str(key), parts[1], x) for key, x in value.items()]
    elif (
        origin in (tuple, Sequence)
        and isinstance(value, tuple | list)
        and (parts[-1] is Ellipsis or origin is Sequence)
    ):
        inside = [(str(i), parts[0], x) for i, x in enumerate(value)]
    elif origin in (Union, UnionType):
        able = [part for part in members(kind) if plain_kind(part)[0] is not NoneType]
        if len(able) == 1:
            yield from unfit(value, able[0], place)
            return
    wrong = [(name, part, x) for name, part, x in inside if not fits(x, part)]
    for name, part, x in wrong:
        yield from unfit(x, part, (*place, name))
    if not wrong:
        yield place, kind, value


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether this is a whole number, of Python or numpy; true and false are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _value_faults(value: Any, setting: Setting, kind: Any, place: Place, inside: bool = True) -> Placed:
    """Yield what is wrong with a value of the right type, or with a part of it."""
    if kind is str and len(value) <= LONGEST_TEXT:
        return
    if value is None and any(plain_kind(part)[0] is NoneType for part in members(kind)):
        return
    fitting = [part for part in members(kind) if fits(value, part)]
    words = [part for part in fitting if get_origin(plain_kind(part)[0]) is Literal]
    kind = next((part for part in words if value in get_args(plain_kind(part)[0])), fitting[0] if fitting else Any)
    plain, rules = plain_kind(kind)
    name, parts = setting.name, get_args(plain)
    if is_dataclass(plain):
        for inner, problem in spec_problems(value) if inside else ():
            yield (*place, *inner), problem
        return
    if get_origin(plain) is Literal and value not in parts:
        found = said("setting.unknown", name=name) if len(place) == 1 else said("setting.word", name=name)
        named = [word for part in words for word in get_args(plain_kind(part)[0])]
        yield place, setting_problem(setting, found, words_in_words(named), value)
        return
    if isinstance(value, Real) and math.isnan(value):
        yield place, setting_problem(setting, said("setting.nan", name=name), in_words(kind), value)
        return
    if isinstance(value, tuple | list | Mapping | str):
        longest = next((rule.entries for rule in rules if isinstance(rule, Longest)), LONGEST_LIST)
        most = LONGEST_TEXT if isinstance(value, str) else longest
        if len(value) > most:
            found, allowed = said("setting.long", name=name), said("allowed.most_7", most=most)
            yield place, setting_problem(setting, found, allowed, f"{str(value)[:40]}…")
            return
    if is_whole(value) and not any(isinstance(rule, Between) for rule in rules):
        rules = (*rules, Between(-LARGEST, LARGEST))
    for rule in rules:
        if isinstance(rule, Between) and not rule.holds(value):
            few = rule.counts and value < rule.low
            found = said("setting.few", name=name) if few else said("setting.range", name=name)
            yield place, setting_problem(setting, found, rule.in_words(), value)
        elif isinstance(rule, Check) and (fault := rule.fault(value)):
            found = said("setting.form", name=name) if fault is True else fault
            yield place, setting_problem(setting, found, rule.allowed, value)
    if isinstance(value, Mapping) and get_origin(plain) is Mapping:
        for key, x in value.items():
            yield from _value_faults(key, setting, parts[0], (*place, str(key)), inside)
            yield from _value_faults(x, setting, parts[1], (*place, str(key)), inside)
    elif isinstance(value, tuple | list) and get_origin(plain) in (tuple, Sequence):
        each = parts if parts[-1] is not Ellipsis and get_origin(plain) is tuple else [parts[0]] * len(value)
        for number, (x, part) in enumerate(zip(value, each, strict=True)):
            yield from _value_faults(x, setting, part, (*place, str(number)), inside)
