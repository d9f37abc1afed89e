"""Every published figure by name, with its interval, unit, period, definition and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mse.answers.strata import ALL
from mse.publish.facts.entries import number
from mse.publish.publishedparts import published_verdict
from mse.publish.release.outgoing import ASSESSMENTS, published_tables
from mse.publish.release.vintagerows import VINTAGES
from mse.publish.standing import NOT_APPLICABLE, NOT_JUDGED

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure.

    Parameters
    ----------
    name : str
        Table, quantity and place: ``"indicators: estimated, year 2019, sex f"``.
    value, low, high : float or None
        As published; None where there is none.
    prob : float or None
        Probability of the interval.
    unit, period, definition : str
        What it is.
    verdict : str
        Of the estimate that it comes from, or of the part of it; ``"not judged"`` or ``"not applicable"``.
    status : str
        ``"ok"``, or why there is no value.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    prob: float | None
    unit: str
    period: str
    definition: str
    verdict: str
    status: str


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A column of a table that holds figures; `low` and `high` name the columns of its interval, `said` is what it is.

    The columns ``unit`` and ``definition`` of a table go before `unit` and `said`. `judged`: an estimate behind lists.
    """

    column: str
    unit: str = "persons"
    said: str = ""
    low: str = ""
    high: str = ""
    judged: bool = False


_SEEN = "persons on at least one list"
_ESTIMATES = (_Quantity("point", low="low", high="high", judged=True),)
_TABLES: Mapping[str, tuple[_Quantity, ...]] = {
    "counts": (_Quantity("count", said=_SEEN),),
    "lists": (_Quantity("count", said="persons on the lists that are on, and not on those that are off"),),
    "sdg": (
        _Quantity("detected", said=_SEEN),
        _Quantity("undetected", "persons", "estimated less detected", "low", "high", True),
        _Quantity("total", said="estimated, detected or not", judged=True),
        _Quantity("per_100k", "per 100,000", "estimated, of the population", "per_100k_low", "per_100k_high", True),
        _Quantity("detected_per_100k", "per 100,000", "detected, of the population"),
    ),
    "chain": (
        _Quantity("count", said="persons who came to this step"),
        _Quantity("rate", "share", "of the step that it is held against", "low", "high"),
    ),
    "survey": (
        _Quantity("persons", "persons", "rate of a survey times the population", "low", "high"),
        _Quantity("rate", "share", "of the persons of the group", "rate_low", "rate_high"),
    ),
}
_NO_PLACE = {
    "prob", "unit", "definition", "status", "verdict", "kind", "note", "interval", "source", "base", "headline",
    "method", "population", "of", "period",
}  # fmt: skip
_NAMED = {"indicator", "label", "group", "step"}
"""Columns whose entries speak for themselves in the name of a figure."""


def published_figures(results: Results, tables: Mapping[str, pd.DataFrame] | None = None) -> tuple[Figure, ...]:
    """Return every published figure of a result, in the order of its published tables.

    Parameters
    ----------
    results : Results
        The audit record.
    tables : mapping of str to DataFrame, optional
        What `published_tables` gave, where it is at hand.
    """
    verdict = published_verdict(results)
    level = NOT_JUDGED if verdict is None else str(verdict.level)
    found: list[Figure] = []
    for name, frame in (published_tables(results) if tables is None else tables).items():
        if name == VINTAGES:  # figures of this release that stand elsewhere, and those of others
            continue
        quantities = _TABLES.get(name, _ESTIMATES)
        columns = {x for q in quantities for x in (q.column, q.low, q.high)} | _NO_PLACE
        for row in frame.to_dict("records"):
            place = [
                str(row[c]) if c in _NAMED else f"{c} {row[c]}" for c in frame if c not in columns and _told(row[c])
            ]
            found += [_figure(name, quantity, row, place, level) for quantity in quantities]
    return tuple(found)


def _told(value: object) -> bool:
    """Return whether an entry says where a row stands."""
    return str(value) not in (ALL, "nan", "None", "")


def _figure(table: str, quantity: _Quantity, row: Mapping[Any, Any], place: list[str], level: str) -> Figure:
    what = [quantity.column] if len(_TABLES.get(table, ())) > 1 else []
    level = str(row.get("verdict", level if quantity.judged else NOT_APPLICABLE))
    value, status = number(row[quantity.column]), str(row.get("status", "ok"))
    if value is not None and status not in ("rounded", "structural zero"):
        status = "ok"  # a count that may be published in a row whose estimate may not
    elif value is None and status in ("ok", "published"):
        status = "none"
    return Figure(
        name=f"{table}: {', '.join([*what, *place]) or 'all'}",
        value=value,
        low=number(row[quantity.low]) if quantity.low else None,
        high=number(row[quantity.high]) if quantity.high else None,
        prob=number(row.get("prob")) if quantity.low else None,
        unit=str(row.get("unit") or quantity.unit),
        period=next((str(row[c]) for c in ("period", "year") if _told(row.get(c))), ""),
        definition=_definition(table, quantity, row),
        verdict=level if quantity.judged else NOT_APPLICABLE,
        status=status,
    )


def _definition(table: str, quantity: _Quantity, row: Mapping[Any, Any]) -> str:
    if table == "methods":
        return f"{row['label']}; {row['kind']}; {'the headline' if row['headline'] else 'for comparison, not judged'}"
    if table in ASSESSMENTS:
        return f"the estimate once more, for the assessment ({table})"
    said = [str(row.get("definition") or quantity.said), *(str(row[c]) for c in ("of", "kind", "source") if c in row)]
    return "; ".join(x for x in said if _told(x))
