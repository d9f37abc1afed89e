"""What a page may state, read from the results of a run; whatever the provenance lacks is None or empty."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.assess.verdict import Thresholds
from mse.distribution import Hump
from mse.errors import ModelError
from mse.estimates import Estimate
from mse.terms import Model

if TYPE_CHECKING:
    from mse.results import Results

USUAL_PROB = 0.95
"""Probability of an interval where the results state none; every page and summary prints what was used."""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method of the comparison.

    Parameters
    ----------
    label, kind, contains : str
        The method; what its numbers are; the sources of uncertainty in its interval.
    point, low, high : float or None
        Persons; None where the method gave none.
    prob : float
        Probability that the interval claims.
    failure : str or None
        Why there is no number; None when there is one.
    headline : bool
        Whether this is the answer that was judged.
    """

    label: str
    kind: str
    contains: str
    point: float | None
    low: float | None
    high: float | None
    prob: float
    failure: str | None
    headline: bool


@dataclass(frozen=True, slots=True)
class ListRow:
    """One list: its name, what it is, the persons on it, and how many of them are on another list too."""

    name: str
    title: str | None
    total: int | None
    shared: int | None


@dataclass(frozen=True, slots=True)
class History:
    """Persons who are on exactly these lists, given by position."""

    lists: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model of an average: its generators by list names, its weight, and N under it."""

    generators: tuple[tuple[str, ...], ...]
    weight: float
    size: float


@dataclass(frozen=True, slots=True)
class Source:
    """A publication: its title, and an address where there is one."""

    title: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that sentences, figures and the page are made of.

    Parameters
    ----------
    title : str
        Of the page.
    name, population, territory, publisher : str or None
        The table's name, whom it counts, where, and who published it.
    noun : str or None
        The persons as a sentence calls them ("potential victims of modern slavery").
    period : tuple of str
        First and last year, one entry when they are the same, none when unknown.
    date, language : str or None
        Of the report, when the job gives them.
    public : bool
        Whether the raw overlap counts may be shown to anybody; False where nothing says so.
    lists, histories : tuple
        The lists in order; who is on what, the most frequent first.
    estimate : Estimate
        The headline.
    credible : bool
        Whether the interval is a Bayesian one.
    humps : tuple of Hump
        Modes of the headline's law that the verdict counts.
    small_humps : tuple of Hump
        Modes with too little of the probability for the verdict, but enough to be said.
    methods : tuple of MethodRow
        The comparison, the headline first.
    models, effective, averaged : tuple of ModelRow, float or None
        The heaviest models, their effective number, and how many were averaged over.
    notes : tuple of str
        Of the table.
    sources : tuple of Source
        Of the table.
    """

    title: str
    name: str | None
    population: str | None
    territory: str | None
    publisher: str | None
    noun: str | None
    period: tuple[str, ...]
    date: str | None
    language: str | None
    public: bool
    lists: tuple[ListRow, ...]
    histories: tuple[History, ...]
    estimate: Estimate
    credible: bool
    humps: tuple[Hump, ...]
    small_humps: tuple[Hump, ...]
    methods: tuple[MethodRow, ...]
    models: tuple[ModelRow, ...]
    effective: float | None
    averaged: float | None
    notes: tuple[str, ...]
    sources: tuple[Source, ...]


SMALL = 0.02
"""Least probability of a hump that is mentioned."""


def read_facts(results: Results) -> Facts:
    """Return what the results of a run hold, with None or nothing for what they do not."""
    headline, provenance = results.headline, results.provenance
    table, report = _mapping(provenance.get("table")), _mapping(provenance.get("report"))
    estimate = headline.summary(_prob(results))
    lists, histories = _overlap(results, _mapping(provenance.get("overlap")), table)
    name = _text(table.get("name")) or headline.table
    return Facts(
        title=_text(provenance.get("title")) or _text(table.get("title")) or name,
        name=name,
        population=_text(table.get("population")),
        territory=_text(report.get("territory")) or _text(table.get("territory")),
        publisher=_text(table.get("publisher")) or _text(table.get("source")),
        noun=_text(report.get("population")),
        period=_period(report.get("period") or table.get("period")),
        date=_text(report.get("date")),
        language=_text(report.get("language")),
        public=table.get("public") is True,
        lists=lists,
        histories=histories,
        estimate=estimate,
        credible=headline.kind == "posterior",
        humps=headline.humps(_hump_weight(provenance)),
        small_humps=tuple(h for h in headline.humps(SMALL) if h.weight < _hump_weight(provenance)),
        methods=_methods(results, estimate),
        models=_models(results),
        effective=_number(headline.diagnostics.get("effective_models")),
        averaged=_number(headline.diagnostics.get("models")),
        notes=tuple(filter(None, (_text(note) for note in _items(table.get("notes"))))),
        sources=tuple(_sources(_items(table.get("sources")) or _items(table.get("source")))),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _text(value: object) -> str | None:
    """Return non-empty text, else None; a number that stands for a text (a year) is one."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value).strip() or None
    return None


def _number(value: object) -> float | None:
    """Return a number, None for what is missing."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not math.isnan(value):
        return float(value)
    return None


def _prob(results: Results) -> float:
    """Return the probability of the interval: of the run, else of the comparison, else the usual one."""
    stated = _number(results.provenance.get("prob"))
    if stated is None and "prob" in results.comparison.columns and len(results.comparison):
        stated = _number(results.comparison["prob"].iloc[0])
    return USUAL_PROB if stated is None else stated


def _hump_weight(provenance: Mapping[str, Any]) -> float:
    """Return the weight from which the verdict counted a hump, so that the page counts the same ones."""
    stated = _number(_mapping(_mapping(provenance.get("job")).get("verdict")).get("hump_weight"))
    return Thresholds().hump_weight if stated is None else stated


def _period(value: object) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        ends = [_text(value.get("start")), _text(value.get("end"))]
        return tuple(dict.fromkeys(end for end in ends if end))
    text = _text(value)
    years = re.fullmatch(r"(\d{4})\s*[-–/]\s*(\d{4})", text or "")
    return tuple(dict.fromkeys(years.groups())) if years else (text,) if text else ()


def _sources(items: Iterable[object]) -> Iterable[Source]:
    for item in items:
        title = _text(item) or _text(_mapping(item).get("title"))
        address = _text(_mapping(item).get("path"))
        # Only addresses of the web become links: nothing that a browser would run.
        if title:
            yield Source(title, address if address and address.startswith(("https://", "http://")) else None)


def _overlap(
    results: Results, overlap: Mapping[str, Any], table: Mapping[str, Any]
) -> tuple[tuple[ListRow, ...], tuple[History, ...]]:
    described = [item for item in _items(table.get("lists")) if isinstance(item, Mapping)]
    titles = {_text(item.get("name")): _text(item.get("title")) for item in described}
    names = [str(name) for name in _items(overlap.get("lists"))] or list(results.headline.lists)
    place = {name: j for j, name in enumerate(names)}
    histories = []
    for key, count in _mapping(overlap.get("counts")).items():
        members = [part.strip() for part in str(key).split("+")]
        number = _number(count)
        if number and all(member in place for member in members):
            histories.append(History(tuple(sorted(place[m] for m in members)), int(number)))
    histories.sort(key=lambda history: (-history.count, len(history.lists), history.lists))
    rows = []
    for j, name in enumerate(names):
        on = [history for history in histories if j in history.lists]
        total = sum(history.count for history in on) if histories else None
        shared = sum(history.count for history in on if len(history.lists) > 1) if histories else None
        title = titles.get(name)
        rows.append(ListRow(name, None if title == name else title, total, shared))
    return tuple(rows), tuple(histories)


def _methods(results: Results, estimate: Estimate) -> tuple[MethodRow, ...]:
    rows = [_method(dict(row), estimate.prob) for row in results.comparison.to_dict("records")]
    if not any(row.headline for row in rows):
        inside = ", ".join(estimate.inside)
        ends = (estimate.point, estimate.low, estimate.high)
        rows.append(MethodRow(estimate.method, estimate.kind, inside, *ends, estimate.prob, None, True))
    return tuple(sorted(rows, key=lambda row: not row.headline))


def _method(row: Mapping[Any, Any], prob: float) -> MethodRow:
    point, low, high = (_number(row.get(name)) for name in ("point", "low", "high"))
    status = _text(row.get("status"))
    failed = point is None or not math.isfinite(point) or status not in (None, "ok")
    method = _text(row.get("label")) or _text(row.get("method")) or "?"
    return MethodRow(
        label=method[:1].upper() + method[1:],
        kind=_text(row.get("kind")) or "",
        contains=_text(row.get("interval_contains")) or "",
        point=None if failed else point,
        low=None if failed or high is None else low,
        high=None if failed or low is None else high,
        prob=_number(row.get("prob")) or prob,
        failure=("" if status in (None, "ok") else status) if failed else None,
        headline=str(row.get("headline")) == "True",
    )


def _models(results: Results) -> tuple[ModelRow, ...]:
    models = results.headline.models
    if models is None or not len(models.notation):
        return ()
    return tuple(
        ModelRow(_generators(notation, results.headline.lists), float(weight), float(size))
        for notation, weight, size in zip(models.notation, models.weight, models.size, strict=True)
    )


def _generators(notation: str, lists: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the generators by list names; a notation that is not a log-linear one stays as it is."""
    try:
        named = Model.parse(notation, lists)
    except ModelError:
        return ((notation,),)
    return tuple(tuple(lists[j] for j in range(len(lists)) if g >> j & 1) for g in named.generators)
