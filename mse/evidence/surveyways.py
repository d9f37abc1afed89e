"""The ways in which a survey is answered: by design, by a model of small areas, beside lists; one call for all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from mse.assess.rules import SurveyLimits
from mse.errors import InputError, Problem
from mse.evidence.surveyanswer import SurveyAnswer, survey
from mse.evidence.surveydesign import SurveyDesign
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between, Seed, count
from mse.words.said import said


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
    draws: Annotated[int, count(100, 20_000)] = 500
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


def survey_answer(
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
    return survey(path, design, population, prob, limits)
