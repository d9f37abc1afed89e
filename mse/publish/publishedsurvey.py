"""A survey as it may be published: rounded, without small counts, nothing against its verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from mse.answers.estimates import Level
from mse.evidence.survey import ALL
from mse.evidence.surveyanswer import ComparedFigure, ListLine, SurveyAnswer, SurveyFigure
from mse.evidence.surveyverdict import worse
from mse.publish.disclosure.control import Disclosure
from mse.publish.disclosure.counts import CountTable
from mse.publish.disclosure.protecting import protect
from mse.publish.surveyheld import groups_held_back
from mse.publish.wording.rounding import Rounded, rounded_values
from mse.words.said import Said, from_record, said

FORMAT = "mse-survey/1"
NONE = Rounded(math.nan, math.nan, math.nan, 1.0)


@dataclass(frozen=True, slots=True)
class SurveyAbout:
    """What a survey is about, and who publishes it; empty where nobody says.

    Parameters
    ----------
    title : str
        Of the page.
    publisher : str
        Who publishes it.
    period : str
        When it was held.
    definition : str
        What the outcome is, in words.
    """

    title: str = ""
    publisher: str = ""
    period: str = ""
    definition: str = ""


@dataclass(frozen=True, slots=True)
class ShownRate:
    """A rate and its persons as they may be published; not a number where nothing may be.

    Parameters
    ----------
    levels : tuple of str
        The group; empty for everybody.
    rate, persons : Rounded
        With their intervals.
    population : float
        Persons in the group.
    n : int or None
        Answers, where they may be told.
    deff : float
        Design effect, where the answers may be told.
    level : str
        Verdict.
    reasons : tuple of Said
        Why.
    """

    levels: tuple[str, ...]
    rate: Rounded
    persons: Rounded
    population: float
    n: int | None
    deff: float
    level: Level
    reasons: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class ShownComparison:
    """Two groups compared, as it may be published."""

    others: tuple[str, ...]
    level: str
    against: str
    difference: Rounded
    ratio: Rounded
    verdict: Level


@dataclass(frozen=True, slots=True)
class ShownMargin:
    """A margin of calibration: its total, and what the weights made of it before; not a number where it is withheld."""

    variable: str
    level: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class ShownLine:
    """An estimate of a whole population, as it may be published."""

    kind: Said
    size: Rounded
    level: Level
    reasons: tuple[Said, ...]
    assumed: Said


@dataclass(frozen=True, slots=True)
class PublishedSurvey:
    """A survey, all of which may leave the house.

    Parameters
    ----------
    about : SurveyAbout
        Title and source.
    dims : tuple of str
        Grouping columns.
    rates : tuple of ShownRate
        By group.
    prob : float
        Probability of the intervals.
    source : str
        Files or publications.
    notes : tuple of Said
        How it was made.
    compared : str or None
        Column whose levels are compared.
    comparisons : tuple of ShownComparison
        Two levels each.
    margins : tuple of ShownMargin
        Of calibration.
    lines : tuple of ShownLine
        Whole populations.
    """

    about: SurveyAbout
    dims: tuple[str, ...]
    rates: tuple[ShownRate, ...]
    prob: float
    source: str
    notes: tuple[Said, ...]
    compared: str | None = None
    comparisons: tuple[ShownComparison, ...] = ()
    margins: tuple[ShownMargin, ...] = ()
    lines: tuple[ShownLine, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """Return what ``survey.json`` holds."""
        return {
            "format": FORMAT, "title": self.about.title, "publisher": self.about.publisher,
            "period": self.about.period, "definition": self.about.definition, "dimensions": list(self.dims),
            "prob": self.prob, "source": self.source, "compared": self.compared,
            "rates": [
                {"levels": list(x.levels), "rate": _plain(x.rate), "persons": _plain(x.persons),
                 "population": _number(x.population), "n": x.n, "deff": _number(x.deff), "verdict": x.level,
                 "reasons": [r.as_record() for r in x.reasons]} for x in self.rates
            ],
            "comparisons": [
                {"others": list(x.others), "level": x.level, "against": x.against, "difference": _plain(x.difference),
                 "ratio": _plain(x.ratio), "verdict": x.verdict} for x in self.comparisons
            ],
            "margins": [{"variable": x.variable, "level": x.level, "before": _number(x.before),
                         "after": _number(x.after)} for x in self.margins],
            "lines": [
                {"kind": x.kind.as_record(), "size": _plain(x.size), "verdict": x.level,
                 "reasons": [r.as_record() for r in x.reasons], "assumed": x.assumed.as_record()} for x in self.lines
            ],
            "notes": [x.as_record() for x in self.notes],
        }  # fmt: skip


def survey_of_record(record: Mapping[str, Any]) -> PublishedSurvey:
    """Return what `PublishedSurvey.as_record` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        When it is no such record.
    """
    if record["format"] != FORMAT:
        raise ValueError(record["format"])

    def told(records: Sequence[object]) -> tuple[Said, ...]:
        return tuple(map(from_record, records))

    return PublishedSurvey(
        SurveyAbout(*(str(record[x]) for x in ("title", "publisher", "period", "definition"))),
        tuple(record["dimensions"]),
        tuple(
            ShownRate(tuple(x["levels"]), _read(x["rate"]), _read(x["persons"]), _float(x["population"]), x["n"],
                      _float(x["deff"]), cast(Level, x["verdict"]), told(x["reasons"])) for x in record["rates"]
        ),
        float(record["prob"]), str(record["source"]), told(record["notes"]), record["compared"],
        tuple(
            ShownComparison(tuple(x["others"]), x["level"], x["against"], _read(x["difference"]), _read(x["ratio"]),
                            cast(Level, x["verdict"])) for x in record["comparisons"]
        ),
        tuple(ShownMargin(x["variable"], x["level"], _float(x["before"]), _float(x["after"]))
              for x in record["margins"]),
        tuple(ShownLine(from_record(x["kind"]), _read(x["size"]), cast(Level, x["verdict"]), told(x["reasons"]),
                        from_record(x["assumed"])) for x in record["lines"]),
    )  # fmt: skip


def publish_survey(found: SurveyAnswer, about: SurveyAbout, rule: Disclosure | None = None) -> PublishedSurvey:
    """Return a survey as it may be published.

    Parameters
    ----------
    found : SurveyAnswer
        Unrounded.
    about : SurveyAbout
        Title and source.
    rule : Disclosure, optional
        Control of counts of respondents; the usual one when not given.
    """
    held = rule or Disclosure()
    counts = _counts(found, held)
    rates = _rates(found, counts, held)
    levels = {x.levels: x.level for x in rates}
    compared = tuple(_compared(x, found, levels) for x in found.comparisons)
    margins: list[ShownMargin] = []
    if found.calibrated is not None:
        frame = found.calibrated.margins
        stated = _stated_margins(list(zip(frame["variable"].astype(str), frame["n"].tolist(), strict=True)), held)
        for (name, level, _, before, after, _), told in zip(frame.itertuples(index=False), stated, strict=True):
            margins.append(ShownMargin(str(name), str(level), round(before) if told else math.nan, round(after)))
    return PublishedSurvey(about, found.dims, rates, found.prob, found.source, found.notes, found.compared, compared,
                           tuple(margins), tuple(map(_line, found.lines)))  # fmt: skip


def _counts(found: SurveyAnswer, rule: Disclosure) -> dict[tuple[str, ...], int | None]:
    """Return answers by group, small ones left out, and others so that these cannot be worked out."""
    told = {x.levels: x.n if (x.n or 0) >= rule.threshold else None for x in found.figures}
    groups = [x for x in found.figures if x.levels and x.n is not None and ALL not in x.levels]
    if not groups or any(x.cases is None for x in groups):  # published by whoever held the survey
        return told
    dims = {d: tuple(dict.fromkeys(x.levels[i] for x in groups)) for i, d in enumerate(found.dims)}
    shape = [len(x) for x in dims.values()]
    counts = np.zeros(shape, dtype=np.int64)
    for x in groups:
        counts[tuple(list(dims[d]).index(level) for d, level in zip(found.dims, x.levels, strict=True))] = x.n or 0
    flat = counts.reshape(-1)
    table = CountTable(dims, flat, np.ones(flat.size, dtype=bool), margins=((), found.dims))
    safe = protect(table, rule)
    return {tuple(y for y in cell.place if y is not None): cell.count for cell in safe.cells}


def _stated_margins(rows: Sequence[tuple[str, int]], rule: Disclosure) -> list[bool]:
    """Return of which levels the sum of the weights is told: it tells how many answered, where weights are alike."""
    found: list[bool] = []
    for name in dict.fromkeys(name for name, _ in rows):
        counts = np.array([n for other, n in rows if other == name], dtype=np.int64)
        dims = {name: tuple(map(str, range(counts.size)))}
        if ":" in name:  # crossed: rows and columns are told elsewhere, so it is all of it or nothing
            found += [bool((counts >= rule.threshold).all())] * counts.size
            continue
        table = CountTable(dims, counts, np.ones(counts.size, dtype=bool), margins=((), (name,)))
        safe = protect(table, rule)
        found += [safe.at(**{name: level}).count is not None for level in dims[name]]
    return found


def _rates(
    found: SurveyAnswer, counts: Mapping[tuple[str, ...], int | None], rule: Disclosure
) -> tuple[ShownRate, ...]:  # fmt: skip
    """Return the figures, without those from which one that is not given could be worked out."""
    rates = [_shown(x, counts.get(x.levels, x.n)) for x in found.figures]
    if found.published:
        return tuple(rates)
    for i in groups_held_back(found, [(x.rate, x.persons) for x in rates], rule.threshold):
        rates[i] = replace(rates[i], rate=NONE, persons=NONE, deff=math.nan, level="do not publish",
                           reasons=(said("surveyreason.beside"),))  # fmt: skip
    return tuple(rates)


def _compared(
    x: ComparedFigure, found: SurveyAnswer, levels: Mapping[tuple[str, ...], Level]
) -> ShownComparison:  # fmt: skip
    at = [dim for dim in found.dims if dim != found.compared]
    verdict = x.level
    for level in (x.found.level, x.found.against):
        group = dict(zip(at, x.found.others, strict=True)) | {str(found.compared): level}
        verdict = worse(verdict, levels.get(tuple(group[dim] for dim in found.dims), verdict))
    return ShownComparison(
        x.found.others, x.found.level, x.found.against,
        _rounded(x.found.difference, x.found.low, x.found.high, "share", verdict),
        _rounded(x.found.ratio, x.found.ratio_low, x.found.ratio_high, "ratio", verdict), verdict,
    )  # fmt: skip


def _shown(x: SurveyFigure, n: int | None) -> ShownRate:
    rate = _rounded(x.rate, x.low, x.high, "share", x.level)
    persons = _rounded(x.persons, x.persons_low, x.persons_high, "persons", x.level)
    if x.unit is not None and math.isfinite(persons.point) and x.unit <= max(persons.unit, 1.0) * 1.0001:
        persons = persons._replace(point=round(x.persons / x.unit) * x.unit)
    if x.unit is not None and x.levels and math.isfinite(rate.point):
        rate = rate._replace(point=round(x.rate, 9))
    told = n is not None and math.isfinite(rate.point) and math.isfinite(x.deff)
    return ShownRate(x.levels, rate, persons, x.population, n, round(x.deff, 1) if told else math.nan, x.level,
                     x.reasons)  # fmt: skip


def _rounded(point: float, low: float, high: float, unit: str, level: Level) -> Rounded:
    if level == "do not publish" or not math.isfinite(point):
        return NONE
    return rounded_values(point, low, high, unit)


def _line(x: ListLine) -> ShownLine:
    return ShownLine(x.kind, _rounded(x.point, x.low, x.high, "persons", x.level), x.level, x.reasons, x.assumed)


def _plain(value: Rounded) -> dict[str, float | None]:
    return {name: _number(getattr(value, name)) for name in ("point", "low", "high")}


def _read(value: Mapping[str, float | None]) -> Rounded:
    point, low, high = (_float(value[x]) for x in ("point", "low", "high"))
    return Rounded(point, low, high, 1.0)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)
