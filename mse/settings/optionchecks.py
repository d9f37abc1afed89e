"""The checks that options of estimators have in common: declared types first, then single values.

A frozen dataclass of options declares a type for each; `check_types` holds the values against them before anything
else is done with them. `bool` is not a number here, and a whole number may stand where any number may.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeAliasType, TypeGuard, Union, get_args, get_origin, get_type_hints

from mse.errors import ModelError, Problem
from mse.settings.formulatext import ALLOWED, FormulaFault, read_formula

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Criterion = Literal["aic", "bic", "bic_cells"]

FEWEST_DRAWS = 4
LONGEST_TEXT = 100_000
"""Characters of an option that is a text."""

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    NoneType: "nothing (None)",
}


def check_types(spec: DataclassInstance) -> None:
    """Check that every option has the type that its class declares.

    Parameters
    ----------
    spec : dataclass
        The options. Types that are checked: int, float, bool, str, None, the type of a Literal's words, tuples,
        mappings of numbers, and unions of these; an option that declares any other type passes, as it has a check of
        its own. A list may stand for a tuple.

    Raises
    ------
    ModelError
        With every option of a wrong type, its value, and what is allowed.
    """
    declared = get_type_hints(type(spec))
    raise_if_any(_wrong_types(spec, declared) or _out_of_bounds(spec))


MOST: Mapping[str, int] = {
    "draws": 1_000_000, "replicates": 100_000, "imputations": 1_000, "splits": 1_000, "folds": 100, "starts": 10_000,
    "models": 10_000_000, "effective": 1_000_000, "longest": 10_000_000, "chains": 64, "classes": 100, "top": 100_000,
    "limit": 10**12, "max_order": 16,
}  # fmt: skip
"""The most that an option may ask for, so that a slip of the pen ends in a sentence and not in a machine that hangs."""

LONGEST_LIST = 1_000
"""Entries of an option that is a list or a mapping, such as a grid of prior standard deviations."""


def _wrong_types(spec: DataclassInstance, declared: Mapping[str, Any]) -> list[Problem]:
    return [
            Problem(f"the option {field.name} has a wrong type, {type(value).__name__}",
                    _in_words(declared[field.name]), "leave it out, or give one of these", value=str(value))
            for field in fields(spec)
            if not _fits(value := getattr(spec, field.name), declared[field.name])
        ]  # fmt: skip


def _out_of_bounds(spec: DataclassInstance) -> list[Problem]:
    """Return the options that ask for more than `MOST`, hold too much, or are not a number."""
    problems = []
    for field in fields(spec):
        name, value = field.name, getattr(spec, field.name)
        found, allowed = "", ""
        if is_whole(value):
            most = MOST.get(name, 2**53)
            found, allowed = ("is too large", f"at most {most:,}") if value > most else ("", "")
        elif isinstance(value, Real):
            found, allowed = ("is not a number", "a number") if math.isnan(value) else ("", "")
        elif isinstance(value, tuple | list | Mapping | str):
            most = LONGEST_TEXT if isinstance(value, str) else LONGEST_LIST
            found, allowed = ("is too long", f"at most {most:,}") if len(value) > most else ("", "")
        if found:
            shown = str(value) if isinstance(value, Real) else None
            problems.append(Problem(f"the option {name} {found}", allowed, "give less", value=shown))
    return problems


def raise_if_any(problems: list[Problem]) -> None:
    """Raise all the problems as one ModelError, if there are any."""
    if problems:
        raise ModelError(problems)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether this is a whole number, of Python or numpy; true and false are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_seed(seed: object) -> None:
    """Check the seed of everything random.

    Raises
    ------
    ModelError
        When it is not a whole number from 0 on.
    """
    if not (is_whole(seed) and seed >= 0):
        said, allowed = "the seed is not one", "a whole number from 0 on"
        raise ModelError(Problem(said, allowed, "give for example seed=1", value=repr(seed)))


def check_criterion(criterion: object) -> list[Problem]:
    """Return the problem with the name of a criterion, if there is one."""
    if criterion in get_args(Criterion):
        return []
    allowed = "'bic' (penalty log of the persons), 'bic_cells' (log of the observable cells) or 'aic'"
    return [Problem("the criterion is unknown", allowed, "choose one of the three", value=str(criterion))]


def check_order(max_order: object) -> list[Problem]:
    """Return the problem with the largest order of terms, if there is one."""
    if max_order is None or (is_whole(max_order) and max_order >= 1):
        return []
    allowed = "1 (main effects only), 2 (pairs), … or None for all"
    return [Problem("max_order is out of range", allowed, "give max_order=2 for pairs", value=repr(max_order))]


def check_formula(text: object) -> list[Problem]:
    """Return the problem with a formula as text, if there is one; its names are held against a table later."""
    if not isinstance(text, str):
        return []
    try:
        read_formula(text)
    except FormulaFault as fault:
        return [Problem(f"this is no formula: {fault}", ALLOWED, "correct the formula", value=text)]
    return []


def check_draws(draws: object) -> list[Problem]:
    """Return the problem with the number of draws to store, if there is one."""
    return check_least("draws", draws, FEWEST_DRAWS, "leave it at 10000")


def check_least(name: str, value: object, least: int, remedy: str) -> list[Problem]:
    """Return the problem with a number of things that must be `least` or more, if there is one."""
    if is_whole(value) and value >= least:
        return []
    return [Problem(f"too few {name}", f"{least} or more", remedy, value=repr(value))]


def _fits(value: object, kind: Any) -> bool:
    """Return whether a value has a declared type."""
    if isinstance(kind, TypeAliasType):
        return _fits(value, kind.__value__)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        # An unknown word is not a wrong type: the options themselves say what the words mean.
        return any(_fits(value, type(word)) for word in parts)
    if origin is tuple:
        if not isinstance(value, tuple | list):
            return False
        each = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        return len(each) == len(value) and all(map(_fits, value, each))
    if origin is Mapping and parts[0] is float:
        return isinstance(value, Mapping) and all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    if kind is int:
        return is_whole(value)
    if kind is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind in (bool, str, NoneType):
        return isinstance(value, kind)
    return True


def _in_words(kind: Any) -> str:
    """Return what a declared type allows."""
    if isinstance(kind, TypeAliasType):
        return _in_words(kind.__value__)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, parts))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is tuple:
        return "(" + ", ".join("…" if part is Ellipsis else _in_words(part) for part in parts) + ")"
    if origin is Mapping:
        return f"a mapping of {_in_words(parts[0])} to {_in_words(parts[1])}"
    return _WORDS.get(kind, "what the manual says")
