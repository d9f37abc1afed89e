"""The method when none is named: ``auto`` chooses by the kind of table and the number of its lists.

The rule is `mse.estimators.registry.CHOICES`. An option that is not its own chooses too: the first method of the
registry that has all that are given. What was chosen and why stands in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any, Protocol

from mse.errors import ModelError, Problem
from mse.estimators.registry import CHOICES, METHODS, Choice, Method
from mse.estimators.stratified.declared import Blind, Missing
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Draws
from mse.words.said import Said, said


class Named(Protocol):
    """A table of any kind."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...


@dataclass(frozen=True, slots=True)
class AutoSpec:
    """Options that go to whatever is chosen.

    Parameters
    ----------
    draws : int
        Draws of N to store.
    strata : bool
        Estimate every stratum, with coefficients of its own and scales that all share.
    blind, missing
        See `mse.estimators.stratified.declared`; each of them asks for strata.
    """

    draws: Draws = 10_000
    strata: bool = False
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every option, and say all that is wrong at once."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for a table.

    Parameters
    ----------
    method : str
        Never ``"auto"``.
    options : mapping
        Of that method.
    why : Said
        The line of the rule.
    """

    method: str
    options: Mapping[str, Any]
    why: Said


def choose(table: Named, options: Mapping[str, Any]) -> Chosen:
    """Return the method for a table by the rule of the registry.

    Parameters
    ----------
    table : CaptureTable, HistoryTable, RepeatCounts or PersonTable
        What is to be estimated from.
    options : mapping
        Those that are given; they go to the method that is chosen.

    Raises
    ------
    ModelError
        When no line is for such a table.
    """
    if (named := by_options(options)) is not None:
        foreign = sorted(set(options) - _OWN)
        return Chosen(named, options, said("chosen.by_options", method=said(f"method.{named}"), names=foreign))
    kind, lists = type(table).__name__, len(getattr(table, "lists", ()))
    for line in CHOICES:
        if kind in line.reads and line.lists[0] <= lists <= line.lists[1]:
            return Chosen(line.method, {**line.options, **options}, _why(line, lists))
    raise ModelError(
        Problem(said("found.no_method_chosen_lists", kind=kind, lists=lists), said("allowed.table_two_lists_more"),
                said("do.name_method"))
    )  # fmt: skip


def by_options(options: Mapping[str, Any]) -> str | None:
    """Return the first method for lists that has all of these options; None where the rule has them, or no method."""
    foreign = set(options) - _OWN
    rows = METHODS.items() if foreign else ()
    return next((name for name, row in rows if row.reads == "CaptureTable" and foreign <= options_of(row)), None)


def options_of(row: Method) -> set[str]:
    """Return the names of the options of a method."""
    return {x.name for x in fields(getattr(import_module(f"mse.estimators.{row.module}"), row.spec))}


def every_option() -> list[str]:
    """Return the options of all methods for lists."""
    rows = (row for row in METHODS.values() if row.reads == "CaptureTable")
    return sorted(_OWN.union(*(options_of(row) for row in rows)))


_OWN = {"draws", "strata", "blind", "missing", "by", "departures"}
"""Options that choose nothing."""


def _why(line: Choice, lists: int) -> Said:
    """Return what a line of the rule says."""
    method = said(f"method.{line.method}")
    words = {
        "two_lists": said("chosen.two_lists", method=method),
        "all_orders": said("chosen.all_orders", method=method, lists=lists),
        "pairs": said("chosen.pairs", method=method, lists=lists),
        "one_register": said("chosen.one_register", method=method),
        "persons": said("chosen.persons", method=method),
    }
    return words[line.code]
