"""The options of a method, by its name: their spec, read and checked, and what every method takes beside its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from types import NoneType
from typing import Annotated, Any

from mse.errors import ModelError, Problem, names_of
from mse.estimators.automatic import by_options, every_option
from mse.estimators.registry import METHODS
from mse.settings.places import JobFile, Place
from mse.settings.specfields import Check, Setting, keys_of
from mse.words.said import Said, said

Covariates = Annotated[tuple[str, ...], Check(said("example.covariates"), lambda names: not names)]


@dataclass(frozen=True, slots=True)
class AnywhereSpec:
    """Options that are no method's own.

    Parameters
    ----------
    by : tuple of str
        Covariates whose levels get an estimate each, with their sum.
    departures : bool
        Put learned departures from the identifying assumption inside the interval.
    """

    by: Covariates | None = None
    departures: bool = False


def make_spec(method: str, options: Mapping[str, Any]) -> object:
    """Return the checked options of a method; `by`, which methods without covariates of their own have, is checked too.

    Raises
    ------
    ModelError
        When the method is unknown, or with every option that is unknown, of a wrong type or out of range.
    """
    key = tuple((name, type(x), x) for name, x in options.items() if isinstance(x, _PLAIN))
    return _made(method, key) if len(key) == len(options) else _read(method, options)


_PLAIN = (str, bool, int, float, NoneType)
"""Kinds of values that cannot change: specs of such options are made once."""


@lru_cache(maxsize=256)
def _made(method: str, options: tuple[tuple[str, type, Any], ...]) -> object:
    return _read(method, {name: value for name, _, value in options})


def _read(method: str, options: Mapping[str, Any]) -> object:
    spec, problems = read_options(method, options)
    if problems:
        raise ModelError(problems)
    return spec


def read_options(
    method: str, options: Mapping[str, Any], place: Place = (), file: JobFile | None = None
) -> tuple[object, list[Problem]]:
    """Return the options of a method, or what is wrong with them; place and file are where they stand, for messages."""
    from mse.settings.specreading import read_spec

    if unknown := unknown_method(method):
        where, file = (*place, "method"), file or JobFile()
        return None, [file.put(replace(x, column=".".join(where) if place else None), where) for x in unknown]
    method = (by_options(options) or method) if method == "auto" else method
    anywhere = also_taken(method)
    near: Callable[[], Sequence[str]] = every_option if method == "auto" else tuple
    apart = {name: value for name, value in options.items() if name in anywhere}
    own = {name: value for name, value in options.items() if name not in anywhere}
    spec, problems = read_spec(spec_of(method), own, place, file, also=anywhere, near=near)
    problems += read_spec(AnywhereSpec, apart, place, file)[1]
    if "by" in apart and by_stratum(method, options):
        problems.append(Problem(said("found.strata_method_both_asked"), said("allowed.one_two"),
                                said("do.leave_out_estimate_all")))  # fmt: skip
    return spec, problems


def named(method: object, options: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return name and options of a method that is given by its name, or by its spec.

    Raises
    ------
    ModelError
        When it is neither.
    """
    if isinstance(method, str):
        return method, options
    for name, row in METHODS.items():
        if type(method).__name__ == row.spec and type(method) is spec_of(name):
            settings = keys_of(type(method)).values()
            given = {x.name: value for x in settings if (value := getattr(method, x.name)) != x.default}
            return name, {**given, **options}
    raise ModelError(Problem(said("found.no_method"), said("allowed.spec_method", methods=(*METHODS,)),
                             said("do.choose_one_these"), value=type(method).__name__))  # fmt: skip


def spec_of(method: str) -> type:
    """Return the class of the options of a method."""
    found: type = getattr(import_module(f"mse.estimators.{METHODS[method].module}"), METHODS[method].spec)
    return found


def also_taken(method: str) -> Mapping[str, Setting]:
    """Return the options that a method takes beside its own: those that are nobody's own, where they can be had."""
    row = METHODS[method]
    sums = row.reads == "CaptureTable" and not row.strata
    fits = {"by": sums, "departures": sums and row.identified is not None}
    return {name: setting for name, setting in keys_of(AnywhereSpec).items() if fits[name]}


def by_stratum(method: str, options: Mapping[str, Any]) -> bool:
    """Return whether a method with these options estimates the strata of a table; for others they are summed over."""
    asking = ("strata", "blind", "missing", "unknown")
    return METHODS[method].strata or (METHODS[method].asked and any(options.get(name) for name in asking))


def unknown_method(method: str) -> list[Problem]:
    """Return the problem of a method that there is not, if it is none."""
    if method in METHODS:
        return []
    return [
        Problem(said("found.method_unknown"), names_of(METHODS), _did_you_mean(str(method), METHODS), value=str(method))
    ]


def _did_you_mean(name: str, known: Iterable[str]) -> Said:
    near = get_close_matches(name, list(known), n=1)
    return said("do.did_you_mean", near=repr(near[0])) if near else said("do.choose_one_these")
