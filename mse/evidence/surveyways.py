"""The ways in which a survey is answered: by design, by a model of small areas, beside lists; one call for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from mse.assess.rules import SurveyLimits
from mse.errors import InputError, Problem
from mse.evidence.chain import check_prob
from mse.evidence.respondentfile import read_respondents
from mse.evidence.surveyanswer import SurveyAnswer, answer_of, answer_of_rates, read_people
from mse.evidence.surveydesign import SurveyDesign
from mse.evidence.weighting import read_totals, variables_of
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between, Seed, count
from mse.words.said import Said, said


@dataclass(frozen=True, slots=True)
class SurveyModel:
    """How rates of groups are made.

    Parameters
    ----------
    method : {"direct", "fay-herriot", "mrp"}
        From the answers of each group alone; from direct estimates of areas, drawn to a regression; or by a multilevel
        model of the crossed groups, poststratified (extra bayes).
    draws : int
        Draws of each of four chains, of ``"mrp"``.
    seed : int
        Of the draws.
    """

    method: Literal["direct", "fay-herriot", "mrp"] = "direct"
    draws: Annotated[int, count(100, 20_000)] = 1000
    seed: Seed = 1

    def __post_init__(self) -> None:
        """Check every setting."""
        check_spec(self, InputError)


@dataclass(frozen=True, slots=True)
class SurveyLists:
    """What stands beside a survey: a list that it asks about, what respondents know of others, an estimate from lists.

    Parameters
    ----------
    registered : int or None
        Persons on the list that `known` asks about. With it the survey is a list.
    acquaintances : str or None
        Column with how many persons a respondent knows, of network scale-up.
    acquainted : str or None
        Column with how many of these have the outcome.
    results : Path or None
        Results folder of an estimate from registers, which is shown beside.
    """

    registered: Annotated[int, Between(1)] | None = None
    acquaintances: str | None = None
    acquainted: str | None = None
    results: Path | None = None

    def __post_init__(self) -> None:
        """Check every setting."""
        check_spec(self, InputError)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if (self.acquaintances is None) != (self.acquainted is None):
            name, other = "acquaintances", "acquainted"
            yield (name,), Problem(said("found.setting_needs_other", name=name, other=other),
                                   said("allowed.both_or_neither"), said("do.give_other", other=other))  # fmt: skip


def survey(
    path: str | Path,
    design: SurveyDesign | None = None,
    population: str | Path | None = None,
    prob: float = 0.95,
    model: SurveyModel | None = None,
    lists: SurveyLists | None = None,
    limits: SurveyLimits | None = None,
) -> SurveyAnswer:
    """Return what a survey says, by the way that is asked for, with a verdict on every rate and total.

    Parameters
    ----------
    path : str or Path
        Microdata; without a design published rates, or direct estimates of areas.
    design : SurveyDesign, optional
        Columns of the microdata, and how weights are used.
    population : str or Path, optional
        CSV: the grouping columns and ``population``.
    prob : float
        Probability of the intervals.
    model : SurveyModel, optional
        Direct when not given.
    lists : SurveyLists, optional
        What stands beside.
    limits : SurveyLimits, optional
        Thresholds of the verdict.

    Raises
    ------
    MseError
        With every problem of the files, and of what was asked for.
    """
    how, beside, held = model or SurveyModel(), lists or SurveyLists(), limits or SurveyLimits()
    check_prob(prob)
    _check_way(how, beside, design, population)
    if how.method == "fay-herriot":
        from mse.evidence.smallareas import answer_of_areas

        return answer_of_areas(Path(path), prob, held)
    if design is None:
        return answer_of_rates(Path(path), prob, held)
    totals = None if design.totals is None else read_totals(design.totals)
    people = read_people(population, design.by)
    more = [x for x in (beside.acquaintances, beside.acquainted) if x is not None]
    data = read_respondents(Path(path), design, [*(() if totals is None else variables_of(totals)), *more])
    files = (Path(path).name, None if people is None else people.source, design.totals and design.totals.name)
    source = "; ".join(x for x in files if x)
    if how.method == "mrp":
        from mse.evidence.poststratified import answer_of_pooled

        found = answer_of_pooled(data, design, totals, people, prob, held, source, how.draws, how.seed)
    else:
        found = answer_of(data, design, totals, people, prob, held, source)
    if people is None or not (beside.registered or beside.acquaintances or beside.results):
        return found
    from mse.evidence.surveylists import list_line, scale_up_line, survey_line

    lines = [survey_line(found)]
    if beside.registered is not None:
        lines.append(list_line(data, beside.registered, prob, held))
    if beside.acquaintances is not None and beside.acquainted is not None:
        lines.append(scale_up_line(data, beside.acquaintances, beside.acquainted, people.size(), prob, held))
    return replace(found, lines=tuple(lines))


def _check_way(
    how: SurveyModel, beside: SurveyLists, design: SurveyDesign | None, population: str | Path | None
) -> None:  # fmt: skip
    """Raise InputError with what a way of estimating lacks, or has too much."""
    problems = []

    def lacks(allowed: Said, value: str) -> None:
        problems.append(Problem(said("found.survey_way_needs"), allowed, said("do.way_give"), value=value))

    if how.method == "fay-herriot" and design is not None:
        lacks(said("allowed.fay_herriot_file"), "fay-herriot")
    if how.method == "mrp" and (design is None or not design.by or population is None):
        lacks(said("allowed.mrp_needs"), "mrp")
    asked = design is not None and design.known is not None
    if (beside.registered is not None) != asked:
        lacks(said("allowed.known_needs"), "known" if asked else "registered")
    if population is None and (beside.registered or beside.acquaintances or beside.results):
        lacks(said("allowed.known_needs"), "population")
    if problems:
        raise InputError(problems)
