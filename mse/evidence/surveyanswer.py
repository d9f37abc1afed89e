"""The answer of a survey: rates and persons by group with a verdict on each, and groups compared; unrounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.estimates import Level
from mse.assess.rules import SurveyLimits
from mse.errors import InputError, ModelError, Problem, names_of
from mse.evidence.survey import ALL, read_rates, survey_persons
from mse.evidence.surveydesign import Respondents, SurveyDesign
from mse.evidence.surveylaw import Comparison, SurveyLaw, comparisons, logit_interval, rate_lines, survey_law
from mse.evidence.surveyverdict import judge_survey, worse
from mse.evidence.weighting import Calibrated, Totals
from mse.words.cards import card
from mse.words.catalogues import catalogue
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

    from mse.tables.population import Population

DIGITS = 3
"""A rate that was published with no more digits than this gives a point of as many, and one of at least two."""


@dataclass(frozen=True, slots=True)
class SurveyFigure:
    """The rate of a group, and persons where its population is known; not a number for what there is none of.

    Parameters
    ----------
    levels : tuple of str
        The group; empty for everybody.
    rate, low, high : float
        With its interval.
    n, cases : int or None
        Answers, and those that are yes; None where nobody says.
    deff : float
        Design effect.
    population, persons, persons_low, persons_high : float
        Persons in the group, and those of them with the outcome.
    level : str
        Verdict.
    reasons : tuple of Said
        Why.
    unit : float or None
        What persons are a multiple of by the precision of the source; None where that says nothing.
    """

    levels: tuple[str, ...]
    rate: float
    low: float
    high: float
    n: int | None
    cases: int | None
    deff: float
    population: float
    persons: float
    persons_low: float
    persons_high: float
    level: Level
    reasons: tuple[Said, ...]
    unit: float | None = None


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """Two groups compared, with the graver of their verdicts."""

    found: Comparison
    level: Level


@dataclass(frozen=True, slots=True)
class ListLine:
    """An estimate of a whole population from a question about knowing, or from registers, with its assumption."""

    kind: Said
    point: float
    low: float
    high: float
    level: Level
    reasons: tuple[Said, ...]
    assumed: Said


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurveyAnswer:
    """What a survey says.

    Parameters
    ----------
    dims : tuple of str
        Grouping columns.
    figures : tuple of SurveyFigure
        By group; everybody last where there are several groups.
    prob : float
        Probability of the intervals.
    source : str
        Files or publications.
    notes : tuple of Said
        How it was made, and what is assumed.
    compared : str or None
        The column whose levels are compared.
    comparisons : tuple of ComparedFigure
        Two levels each.
    calibrated : Calibrated or None
        What calibration did.
    lines : tuple of ListLine
        Whole populations from questions about knowing, and from registers.
    published : bool
        Whether the rates of all groups are public already.
    limits : SurveyLimits
        What the figures were judged by.
    """

    dims: tuple[str, ...]
    figures: tuple[SurveyFigure, ...]
    prob: float
    source: str = ""
    notes: tuple[Said, ...] = ()
    compared: str | None = None
    comparisons: tuple[ComparedFigure, ...] = ()
    calibrated: Calibrated | None = None
    lines: tuple[ListLine, ...] = ()
    published: bool = False
    limits: SurveyLimits = SurveyLimits()

    def __repr__(self) -> str:
        """One line: groups, and the last of them, which is everybody where there are several."""
        by = f" by {', '.join(self.dims)}" if self.dims else ""
        last = self.figures[-1]
        return f"<SurveyAnswer: {len(self.figures)} rates{by}; {', '.join(last.levels) or ALL} {self._rate(last)}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: every group with its interval and its verdict."""
        say = catalogue()
        rows = [(", ".join(x.levels) or say("surveypage.all"), self._rate(x)) for x in self.figures]
        return card(say("surveypage.title"), rows, self.figures[-1].level, [say.said(note) for note in self.notes])

    def _rate(self, x: SurveyFigure) -> str:
        return f"{x.rate:.2%} ({self.prob:.0%}: {x.low:.2%} to {x.high:.2%}), {x.level}"

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per group, unrounded."""
        import pandas as pd

        names = ["rate", "low", "high", "n", "cases", "deff", "population", "persons", "persons_low", "persons_high"]
        rows = [
            [*_padded(x.levels, self.dims), *(getattr(x, name) for name in names), self.prob, x.level,
             "; ".join(r.code for r in x.reasons)] for x in self.figures
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=[*self.dims, *names, "prob", "verdict", "reasons"])
        return frame.astype({"n": "Int64", "cases": "Int64"})

    def differences(self) -> pd.DataFrame:
        """Return one row per two groups that are compared, unrounded."""
        import pandas as pd

        others = [x for x in self.dims if x != self.compared]
        rows = [[*x.found.others, *x.found[1:9], self.prob, x.level] for x in self.comparisons]
        names = ["level", "against", "difference", "low", "high", "ratio", "ratio_low", "ratio_high", "prob", "verdict"]
        return pd.DataFrame(rows, columns=[*others, *names])


def _padded(levels: tuple[str, ...], dims: tuple[str, ...]) -> tuple[str, ...]:
    return levels if len(levels) == len(dims) else (ALL,) * len(dims)


def read_people(path: str | Path | None, by: tuple[str, ...]) -> Population | None:
    """Return the population of a file that has every grouping column."""
    from mse.tables.population import Population

    if path is None:
        return None
    people = Population.from_csv(path)
    problems = [
        Problem(said("found.population_does_not_know"), names_of(people.dimensions, said("allowed.no_dimension")),
                said("do.add_column", group=group), file=str(path), value=group)
        for group in by if group not in people.dimensions
    ]  # fmt: skip
    if problems:
        raise ModelError(problems)
    return people


_REPLICATIONS = {
    "brr": said("surveyreplication.brr"), "fay": said("surveyreplication.fay"), "jk1": said("surveyreplication.jk1"),
    "jkn": said("surveyreplication.jkn"), "bootstrap": said("surveyreplication.bootstrap"),
}  # fmt: skip
_CALIBRATIONS = {"raking": said("surveycalibration.raking"), "greg": said("surveycalibration.greg")}


def answer_of(
    data: Respondents, design: SurveyDesign, totals: Totals | None, people: Population | None, prob: float,
    limits: SurveyLimits, source: str = "",
) -> SurveyAnswer:  # fmt: skip
    """Return the answer of microdata that were read.

    Raises
    ------
    MseError
        When a group has no population, or totals cannot be met.
    """
    notes: list[Said] = []
    if data.replicates is not None and design.replication is not None:
        notes.append(said("surveynote.replicates", method=_REPLICATIONS[design.replication],
                          size=data.replicates.shape[1]))  # fmt: skip
    elif design.mode is None:
        notes.append(said("surveynote.linearised"))
    if design.mode is not None:
        from mse.evidence.modeeffect import mode_law

        law, effect = mode_law(data, design, totals)
        notes.append(effect)
    else:
        law = survey_law(data, totals, design.calibration, design.bounds)
    if data.drawn is not None and data.replicates is None:
        notes.append(said("surveynote.fpc"))
    if law.calibrated is not None:
        c = law.calibrated
        notes.append(said("surveynote.calibrated", method=_CALIBRATIONS[design.calibration],
                          names=list(totals or ()), low=c.low, high=c.high, steps=c.steps, before=c.deff_before,
                          after=c.deff_after))  # fmt: skip
    figures = _figures(law, people, prob, limits)
    verdicts = {x.levels: x.level for x in figures}
    compared = tuple(
        ComparedFigure(x, worse(*(verdicts[law.groups[i]] for i in x.places)))
        for x in (comparisons(law, design.compare, prob) if design.compare else ())
    )
    return SurveyAnswer(law.dims, figures, prob, source, (*notes, limits_note(limits)), design.compare, compared,
                        law.calibrated, limits=limits)  # fmt: skip


def _figures(
    law: SurveyLaw, people: Population | None, prob: float, limits: SurveyLimits
) -> tuple[SurveyFigure, ...]:  # fmt: skip
    sizes = population_sizes(law, people)
    found = []
    for g, line in enumerate(rate_lines(law, prob)):
        levels = law.groups[g]
        rate, low, high = line.rate, line.low, line.high
        if not levels and law.dims and people is not None and not np.isnan(law.rate[:-1]).any():
            # The population says how large the groups are better than the weights do.
            shares = sizes[:-1] / sizes[-1]
            rate, variance = float(shares @ law.rate[:-1]), float(shares @ law.cov[:-1, :-1] @ shares)
            if 0 < rate < 1 and variance > 0:
                from scipy.special import stdtrit

                low, high = logit_interval(rate, variance, float(stdtrit(line.df, 0.5 + prob / 2)))
        judged = judge_survey(low, high, limits, n=line.n, cases=int(law.cases[g]), df=int(law.df[g]))
        size = float(sizes[g])
        found.append(SurveyFigure(levels, rate, low, high, line.n, int(law.cases[g]), line.deff, size, rate * size,
                                  low * size, high * size, *judged))  # fmt: skip
    return tuple(found[-1:] if len(found) == 1 or not law.dims else found)


def population_sizes(law: SurveyLaw, people: Population | None) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return persons by group, everybody last; not a number where nothing is known."""
    if people is None:
        return np.full(len(law.groups), math.nan)
    missing = [
        (dim, level)
        for i, dim in enumerate(law.dims)
        for level in sorted({g[i] for g in law.groups[:-1]})
        if level not in people.dimensions[dim]
    ]
    if missing:
        raise ModelError(
            [Problem(said("found.population_has_no_figure"), names_of(people.dimensions[dim]),
                     said("do.add_population_file"), column=dim, value=level) for dim, level in missing]
        )  # fmt: skip
    each = [people.size(dict(zip(law.dims, g, strict=True))) for g in law.groups[:-1]]
    whole = math.fsum(each) if law.dims else people.size()
    if not min([*each, whole]) > 0:
        raise InputError(
            Problem(said("found.population_out_range"), said("allowed.number_above_0"), said("do.correct"))
        )  # fmt: skip
    return np.array([*each, whole])


def answer_of_rates(path: Path, prob: float, limits: SurveyLimits) -> SurveyAnswer:
    """Return the answer of published rates.

    Raises
    ------
    MseError
        With every problem of the file.
    """
    rates = read_rates(path)
    frame = survey_persons(rates, prob)
    units = [source_unit(x.rate, x.rate * x.population) for x in rates]
    known = [x for x in units if x is not None]
    units.append(min(known) if len(known) == len(rates) else None)
    found = []
    for i, row in enumerate(frame.to_dict("records")):
        n = None if i >= len(rates) or rates[i].n is None else round(float(rates[i].n or 0))
        judged = judge_survey(row["rate_low"], row["rate_high"], limits, n=n)
        levels = () if row["group"] == ALL else (str(row["group"]),)
        deff = float(rates[i].deff or math.nan) if i < len(rates) else math.nan
        found.append(SurveyFigure(levels, row["rate"], row["rate_low"], row["rate_high"], n, None, deff,
                                  row["population"], row["persons"], row["low"], row["high"], *judged,
                                  units[i]))  # fmt: skip
    sources = dict.fromkeys(x.source for x in rates if x.source)
    return SurveyAnswer(("group",), tuple(found), prob, "; ".join(sources) or path.name,
                        (said("surveynote.published"), limits_note(limits)), published=True, limits=limits)  # fmt: skip


def limits_note(limits: SurveyLimits) -> Said:
    """Return what is said of figures that are not given."""
    return said("surveynote.limits", answers=limits.answers[1], cases=limits.cases[1], width=limits.width[1])


def source_unit(rate: float, persons: float) -> float | None:
    """Return what persons are a multiple of when the rate was published with few digits: 1.5% of 520,000 is 7,800."""
    digits = len(f"{rate:.12g}".partition("e")[0].replace(".", "").lstrip("0"))
    if not (persons >= 1 and 0 < digits <= DIGITS):
        return None
    return 10.0 ** max(math.floor(math.log10(persons)) - max(digits, 2) + 1, 0)
