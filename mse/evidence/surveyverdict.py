"""What may be said of a figure of a survey: publish, publish with caution, do not publish, and why."""

from __future__ import annotations

import math
from typing import NamedTuple

from mse.answers.estimates import LEVELS, Level
from mse.assess.rules import SurveyLimits
from mse.words.said import Said, said

COUNTED = ("surveyreason.answers", "surveyreason.cases")
"""Reasons that tell of counts of respondents."""


class Judged(NamedTuple):
    """A verdict and its reasons, the gravest first."""

    level: Level
    reasons: tuple[Said, ...]


def judge_survey(
    low: float, high: float, limits: SurveyLimits, *, n: int | None = None, cases: int | None = None,
    df: int | None = None,
) -> Judged:  # fmt: skip
    """Return the verdict on a rate or total with this interval.

    Parameters
    ----------
    low, high : float
        Ends of the interval; not a number where there is none.
    limits : SurveyLimits
        Thresholds.
    n, cases, df : int or None
        Answers, those that are yes, and degrees of freedom, where they are known.

    Notes
    -----
    A reason that counts are too few stands alone, and no reason has a number of the interval in it: with the answers
    that are published, how wide the interval is would tell how many said yes.
    """
    found: list[tuple[int, Said]] = []

    def below(value: int, pair: tuple[int, int], reason: Said) -> None:
        if value < pair[0]:
            found.append((2 if value < pair[1] else 1, reason))

    if n is not None:
        below(n, limits.answers, said("surveyreason.answers", least=limits.answers[0 if n >= limits.answers[1] else 1]))
    if n is not None and cases is not None and n >= limits.answers[1]:
        fewest = min(x for x in (cases, n - cases) if x > 0)
        at = limits.cases[0 if fewest >= limits.cases[1] else 1]
        below(fewest, limits.cases, said("surveyreason.cases", least=at))
    if df is not None:
        below(df, limits.degrees, said("surveyreason.degrees", df=df, least=limits.degrees[0]))
    if math.isnan(low) or math.isnan(high):
        if n is None or n >= limits.answers[1]:
            found.append((1, said("surveyreason.no_interval")))
    elif low <= 0:
        found.append((1 if cases == 0 else 2, said("surveyreason.from_nothing")))
    else:
        factor = high / low
        if factor > limits.width[0]:
            wide = factor > limits.width[1]
            found.append((2 if wide else 1, said("surveyreason.width", factor=limits.width[wide])))
    alone = [reason for x, reason in found if x == 2 and reason.code in COUNTED]
    if alone:
        return Judged(LEVELS[2], tuple(alone))
    worst = max((x for x, _ in found), default=0)
    return Judged(LEVELS[worst], tuple(reason for _, reason in sorted(found, key=lambda x: -x[0])))


def worse(first: Level, second: Level) -> Level:
    """Return the graver of two verdicts."""
    return max(first, second, key=LEVELS.index)
