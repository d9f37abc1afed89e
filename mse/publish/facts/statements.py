"""What a page may state, read from the results of a run; whatever its record lacks is None or empty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mse.answers.distribution import Hump
from mse.answers.estimates import Estimate
from mse.answers.record import ReportTexts, TableRecord, TableWords
from mse.answers.strata import time_dimension
from mse.assess.rules import Thresholds
from mse.errors import ModelError
from mse.estimators.registry import row_of
from mse.publish.facts.account import account, unsettled
from mse.publish.facts.entries import (
    Break,
    breaks,
    names,
    number,
    sources,
    text,
)
from mse.publish.wording.messages import SOURCE, Catalogue, Words, words_of
from mse.publish.wording.rounding import Rounded
from mse.terms import Model
from mse.words.numerals import capital
from mse.words.said import from_json, to_json, verbatim

if TYPE_CHECKING:
    from mse.answers.posterior import Posterior
    from mse.answers.results import Results
    from mse.publish.publishedparts import PublishedMethod, PublishedParts


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method of the comparison.

    Parameters
    ----------
    label, kind : Words
        The method; what its numbers are.
    contains : tuple of Words
        The sources of uncertainty in its interval.
    point, low, high : float or None
        Persons, as they are published; None where the method gave none.
    prob : float
        Probability that the interval claims.
    failure : Words or None
        Why there is no number; None when there is one.
    headline : bool
        Whether this is the answer that was judged.
    """

    label: Words
    kind: Words
    contains: tuple[Words, ...]
    point: float | None
    low: float | None
    high: float | None
    prob: float
    failure: Words | None
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
class Facts:
    """Everything that sentences, figures and the page are made of, in one language where the record has several.

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
    date : str or None
        Of the report, when the job gives it.
    unit : str or None
        What is counted: ``"persons"``, or ``"person-year"`` where a person counts once in every year.
    public : bool
        Whether the raw overlap counts may be shown to anybody; False where nothing says so.
    observed : int or None
        Persons registered, as they may be published; None where that is left out, and every number with it.
    floor : int or None
        No published number of persons is lower: `observed`, and where that is rounded what it may be at most.
    coarse : bool
        No estimate but the headline is stated, and that is rounded coarsely (`one_number_only`).
    lists : tuple of ListRow
        The lists in order; their totals only where the table is public.
    histories : tuple of History
        Who is on what, the most frequent first; nothing where the table is not public.
    published : PublishedParts
        The whole and its parts with their numbers, as everything that is published has them.
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
    notes : tuple of Words
        Of the table.
    sources : tuple of Words
        Of the table.
    names : mapping of str to str
        Words for lists, dimensions and levels.
    time : str or None
        The dimension of the strata that is time.
    breaks : tuple of Break
        In the registration.
    texts : mapping of str to str
        What a job tells for the checklist: ``funding``, ``contact``, ``inclusion``, ``evidence``.
    extracted : str or None
        The day on which the registers were drawn.
    thresholds : Thresholds
        Of the verdict, as the job has them.
    account : tuple of str
        What was tried and what to change, where the computation did not settle.
    unsettled : bool
        Whether nothing but the computation forbids the answer.
    bound : str or None
        Where the answer is no estimate but a lower bound, on which condition: lists that are ``"alike"``, of ``"any"``
        size, or ``"many"``.
    """

    title: str
    name: str | None
    population: str | None
    territory: str | None
    publisher: str | None
    noun: str | None
    period: tuple[str, ...]
    date: str | None
    unit: str | None
    public: bool
    observed: int | None
    floor: int | None
    coarse: bool
    lists: tuple[ListRow, ...]
    histories: tuple[History, ...]
    published: PublishedParts
    estimate: Estimate
    credible: bool
    humps: tuple[Hump, ...]
    small_humps: tuple[Hump, ...]
    methods: tuple[MethodRow, ...]
    models: tuple[ModelRow, ...]
    effective: float | None
    averaged: float | None
    notes: tuple[Words, ...]
    sources: tuple[Words, ...]
    names: Mapping[str, str]
    time: str | None
    breaks: tuple[Break, ...]
    texts: Mapping[str, str]
    extracted: str | None
    thresholds: Thresholds
    account: tuple[str, ...]
    unsettled: bool
    bound: str | None = None


BOUNDS = {"finite": "alike", "by list": "any", "classical": "many"}
"""Forms of Chao's bound, and the condition under which each is one."""

SMALL = 0.02
"""Least probability of a hump that is mentioned."""

TEXTS = ("funding", "contact", "inclusion", "evidence")


def languages(results: Results) -> tuple[str, ...]:
    """Return the languages that the job asks for, the first of which is that of the terminal."""
    return tuple(dict.fromkeys(results.record.report.languages)) or (SOURCE,)


def _bound(headline: Posterior) -> str | None:
    """Return on which condition the number of an answer is a lower bound; None where it is an estimate."""
    row = row_of(headline.method)
    return BOUNDS[str(headline.spec.get("form", "classical"))] if row is not None and row.bound else None


def read_facts(results: Results, say: Catalogue) -> Facts:
    """Return what the results of a run hold, with None or nothing for what they do not.

    Parameters
    ----------
    results : Results
        Of the run.
    say : Catalogue
        Language: texts that the job or the table has in several are taken in this one.
    """
    from mse.publish.publishedparts import published_parts, published_verdict
    from mse.publish.registered import one_number_only, registered, verdict_limits

    headline, record = results.headline, results.record
    table, report, given = record.table, record.report, record.report.texts
    own, about = report.words.get(say.language, ReportTexts()), table.words.get(say.language, TableWords())
    estimate = replace(headline.summary(record.prob), verdict=published_verdict(results))
    public = table.public
    counts, published = None if public else registered(results), published_parts(results)
    observed = published.whole.observed
    called = names(given.names, about.lists, own.names)
    limits: Thresholds = verdict_limits(results)
    lists, histories = _overlap(results, called)
    name = table.name or headline.table

    def territory() -> str | None:
        """Return where the persons are: the table's words of this language, unless the job names another place."""
        named, usual = given.territory, table.territory
        return own.territory or (None if named == usual else named) or about.territory or named or usual

    title = record.title.strip()
    local_title = about.title if title == (table.title or "") else None
    alone = one_number_only(results)
    return Facts(
        title=local_title or own.title or given.title or title or table.title or name,
        name=name,
        population=about.population or table.population,
        territory=territory(),
        publisher=own.publisher or given.publisher or table.publisher,
        noun=own.population or given.population,
        period=report.period or table.period,
        date=report.date,
        unit=table.unit,
        public=public,
        observed=observed,
        coarse=alone,
        floor=None if observed is None else observed + (0 if counts is None else counts.table.deviation),
        lists=lists,
        histories=histories,
        published=published,
        estimate=estimate,
        credible=headline.kind == "posterior",
        humps=headline.humps(limits.hump_weight),
        small_humps=tuple(h for h in headline.humps(SMALL) if h.weight < limits.hump_weight),
        methods=_methods(results, estimate, published.whole.size, say, alone),
        models=() if alone else _models(results),
        effective=number(headline.diagnostics.get("effective_models")),
        averaged=number(headline.diagnostics.get("models")),
        notes=_notes(table, about, say),
        sources=tuple(sources(table.sources)),
        names=names({row.name: row.title or "" for row in lists}, called),
        time=time_dimension(headline.strata.dimensions if headline.strata else {}, report.time),
        breaks=breaks(report.breaks, own.breaks, say),
        texts={key: said for key in TEXTS if (said := getattr(own, key) or getattr(given, key))},
        extracted=report.extracted,
        thresholds=limits,
        account=account(headline, say),
        unsettled=unsettled(headline),
        bound=_bound(headline),
    )


def _notes(table: TableRecord, about: TableWords, say: Catalogue) -> tuple[Words, ...]:
    """Return the notes on a table in the language of the page where there are any, else as they are."""
    if table.registers is not None and table.counted is None:
        return ()  # a record of earlier: its notes hold counts that nobody looked at
    if about.notes:
        return tuple(Words(note) for note in about.notes)
    return tuple(words_of(note, say) for note in table.notes)


def _overlap(results: Results, called: Mapping[str, str]) -> tuple[tuple[ListRow, ...], tuple[History, ...]]:
    table, overlap = results.record.table, results.record.overlap
    titles = {**table.titles, **called}
    listed = overlap.lists or results.headline.lists
    histories = []
    # Who is on which lists may be seen by everybody only where the table is public.
    if table.public:
        histories = [
            History(tuple(j for j in range(len(listed)) if history >> j & 1), count)
            for history, count in zip(overlap.histories, overlap.counts, strict=True)
        ]
    histories.sort(key=lambda history: (-history.count, len(history.lists), history.lists))
    rows = []
    for j, name in enumerate(listed):
        on = [history for history in histories if j in history.lists]
        total = sum(history.count for history in on) if histories else None
        shared = sum(history.count for history in on if len(history.lists) > 1) if histories else None
        title = titles.get(name)
        rows.append(ListRow(name, None if title == name else title, total, shared))
    return tuple(rows), tuple(histories)


def _methods(
    results: Results, estimate: Estimate, size: Rounded, say: Catalogue, alone: bool
) -> tuple[MethodRow, ...]:  # fmt: skip
    from mse.publish.publishedparts import PublishedMethod, published_methods

    told = zip(results.method_rows, published_methods(results), strict=True)
    rows = [_method(dict(row), made, say) for row, made in told if made.headline or not alone]
    if not any(row.headline for row in rows):
        codes = to_json([("kind", estimate.kind), ("interval_contains", estimate.inside)])
        whole = PublishedMethod(estimate.method, estimate.method, "", True, size, estimate.prob, "ok")
        rows.append(_method({"label": estimate.method, "said": codes}, whole, say))
    return tuple(sorted(rows, key=lambda row: not row.headline))


def _method(row: Mapping[Any, Any], made: PublishedMethod, say: Catalogue) -> MethodRow:
    status, size = text(row.get("status")), made.size
    said = from_json(row.get("said"))

    def words(key: str, *stored: object) -> tuple[Words, ...]:
        """Return what the row says under a key; the texts of a row that was saved before there were codes."""
        told = said.get(key) or tuple(verbatim(x) for x in map(text, stored) if x)
        return tuple(words_of(x, say) for x in told)

    label = words("label", text(row.get("label")) or text(row.get("method")) or "?")[0]
    contains = (text(row.get("interval_contains")) or "").split("; ")
    failed = () if status == "ok" else (status,)
    ends = (None, None) if size is None or math.isnan(size.low) else (size.low, size.high)
    return MethodRow(
        label=Words(capital(label.text), label.language),
        kind=next(iter(words("kind", row.get("kind"))), Words("")),
        contains=words("interval_contains", *contains),
        point=None if size is None else size.point,
        low=ends[0],
        high=ends[1],
        prob=made.prob,
        failure=None if size is not None else next(iter(words("status", *failed)), Words("")),
        headline=made.headline,
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
