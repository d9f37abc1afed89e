"""Whole populations from questions about knowing: the survey as a list beside a register, and network scale-up.

Killworth et al. (1998), Evaluation Review 22:289-308; Feehan & Salganik (2016), Sociological Methodology 46:153-186.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mse.answers.estimates import Level
from mse.assess.rules import SurveyLimits
from mse.errors import InputError, Problem
from mse.evidence.surveyanswer import ListLine, SurveyAnswer
from mse.evidence.surveydesign import Respondents
from mse.evidence.surveylaw import survey_law
from mse.evidence.surveyverdict import judge_survey, worse
from mse.kernels.arrays import Array
from mse.words.said import Said, said

CAUTION: Level = "publish with caution"


def survey_line(found: SurveyAnswer) -> ListLine:
    """Return the total of a survey as a line beside others."""
    whole = found.figures[-1]
    return ListLine(said("surveyline.survey"), whole.persons, whole.persons_low, whole.persons_high, whole.level,
                    whole.reasons, said("surveyassumed.survey"))  # fmt: skip


def list_line(data: Respondents, registered: int, prob: float, limits: SurveyLimits) -> ListLine:
    """Return the population that a register is a part of, from the share who say that they were known to it.

    Parameters
    ----------
    data : Respondents
        With `known`.
    registered : int
        Persons in the register.
    prob : float
        Probability of the interval.
    limits : SurveyLimits
        Of the verdict.

    Raises
    ------
    InputError
        When nobody was known, or was asked.

    Notes
    -----
    N = n / p with p the weighted share known among those with the outcome (Lincoln and Petersen with a weighted list);
    the variance of log N is that of p by the design of the whole sample over p², plus (1 − p)/n of the register.
    """
    from scipy.special import stdtrit

    assert data.known is not None
    asked = np.where(data.outcome == 1, data.known, math.nan)
    law = survey_law(replace(data, outcome=asked, groups={}))
    n, share = int(law.n[-1]), float(law.rate[-1])
    if n < 2 or not share > 0:
        raise InputError(
            Problem(said("found.nobody_known"), said("allowed.known_some"), said("do.way_give"), value="known")
        )
    point = registered / share
    spread = math.sqrt(float(law.cov[-1, -1]) / share**2 + (1 - share) / registered)
    factor = math.exp(float(stdtrit(int(law.df[-1]), 0.5 + prob / 2)) * spread)
    ends = (max(point / factor, float(registered)), point * factor)
    judged = judge_survey(*ends, limits, n=n, cases=int(law.cases[-1]), df=int(law.df[-1]))
    return ListLine(said("surveyline.list"), point, *ends, worse(judged.level, CAUTION),
                    (*judged.reasons, said("surveyreason.one_assumption")), said("surveyassumed.list"))  # fmt: skip


def scale_up_line(
    data: Respondents, acquaintances: str, acquainted: str, population: float, prob: float, limits: SurveyLimits
) -> ListLine:
    """Return a population by network scale-up: N = population × Σwy / Σwd over acquaintances d, of whom y have it.

    Parameters
    ----------
    data : Respondents
        With both columns among its others.
    acquaintances, acquainted : str
        Columns of d and y.
    population : float
        Persons.
    prob : float
        Probability of the interval.
    limits : SurveyLimits
        Of the verdict.

    Raises
    ------
    InputError
        With what is no number of acquaintances.
    """
    from scipy.special import stdtrit

    known, hidden = (_contacts(data, name) for name in (acquaintances, acquainted))
    if (hidden > known).any():
        raise InputError(
            Problem(said("found.contacts_more"), said("allowed.n0_more"), said("do.correct"), column=acquainted)
        )
    base = float(data.weight @ known)
    ratio = float(data.weight @ hidden) / base if base > 0 else 0.0
    if not ratio > 0:
        raise InputError(
            Problem(said("found.not_contacts"), said("allowed.number_above_0"), said("do.correct"), column=acquainted)
        )
    if data.replicates is not None and data.factors is not None:
        each = (hidden @ data.replicates) / (known @ data.replicates)
        variance = float(data.factors @ (each - ratio) ** 2)
        df = max(data.replicates.shape[1] - 1, 1)
    else:
        variance, df = _variance(data, data.weight * (hidden - ratio * known) / base)
    factor = math.exp(float(stdtrit(df, 0.5 + prob / 2)) * math.sqrt(variance) / ratio)
    point = population * ratio
    judged = judge_survey(point / factor, point * factor, limits, n=known.size, cases=int((hidden > 0).sum()), df=df)
    reasons: tuple[Said, ...] = (*judged.reasons, said("surveyreason.one_assumption"))
    return ListLine(said("surveyline.scale_up"), point, point / factor, point * factor, worse(judged.level, CAUTION),
                    reasons, said("surveyassumed.scale_up"))  # fmt: skip


def _variance(data: Respondents, z: Array) -> tuple[float, int]:
    """Return the variance of a sum between units within strata, and its degrees of freedom."""
    stratum_of = data.strata_of_units()
    n = np.bincount(stratum_of).astype(float)
    totals = np.bincount(data.psu, weights=z)
    centred = totals - (np.bincount(stratum_of, weights=totals) / n)[stratum_of]
    drawn = np.zeros(n.size) if data.drawn is None else data.drawn
    factor = ((1 - drawn) * n / np.maximum(n - 1, 1))[stratum_of]
    return float(factor @ centred**2), max(int(n.sum()) - n.size, 1)


def _contacts(data: Respondents, name: str) -> Array:
    texts = data.others[name]
    if not all(text.isdecimal() and len(text) < 10 for text in texts):
        raise InputError(Problem(said("found.not_contacts"), said("allowed.n0_more"), said("do.correct"), column=name))
    return np.array([float(text) for text in texts])
