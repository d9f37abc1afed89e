"""How good a law of N is when the size is known: coverage, bias, width, and proper scores of log N."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import Distribution

Array = npt.NDArray[np.float64]

PROBS = (0.5, 0.8, 0.95)
"""Probabilities of the equal-tailed intervals that are scored."""

LEVELS = 1000
"""Quantiles, at the middles of equal shares of the probability, from which a law is scored."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one law of N is worth beside the true size.

    Parameters
    ----------
    true : int
        The size, persons.
    point : float
        The number that is reported, persons.
    low, high : float
        Ends of the 95 % interval, persons.
    covered : tuple of bool
        Whether the interval of each of `PROBS` holds the size.
    log_bias : float
        log(point / true).
    log_width : float
        log(high / low).
    crps : float
        Continuous ranked probability score of log N (Gneiting & Raftery 2007); in the unit of log N, smaller is better.
    interval_score : float
        Of log N at 95 %: the width, and 40 times the distance by which the interval misses.
    """

    true: int
    point: float
    low: float
    high: float
    covered: tuple[bool, ...]
    log_bias: float
    log_width: float
    crps: float
    interval_score: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Scores of one method over many problems.

    Parameters
    ----------
    problems : int
        How many.
    coverage : tuple of float
        Share of the problems whose size is in the interval, for each of `PROBS`.
    median_bias, rms : float
        Median and root mean square of log(point / true).
    median_width, mean_width : float
        Of log(high / low), 95 %.
    crps, interval_score : float
        Means.
    """

    problems: int
    coverage: tuple[float, ...]
    median_bias: float
    rms: float
    median_width: float
    mean_width: float
    crps: float
    interval_score: float


def score(law: Distribution, point: float, true: int) -> Score:
    """Hold a law of N against the true size.

    Parameters
    ----------
    law : Distribution
        Of N, persons.
    point : float
        The number that is reported, persons.
    true : int
        The size, persons.
    """
    ends = [law.quantile([(1 - p) / 2, (1 + p) / 2]) for p in PROBS]
    low, high = (float(x) for x in ends[-1])
    width, log_true = math.log(high / low), math.log(true)
    missed = max(0.0, math.log(low) - log_true, log_true - math.log(high))
    return Score(
        true=true,
        point=point,
        low=low,
        high=high,
        covered=tuple(bool(a <= true <= b) for a, b in ends),
        log_bias=math.log(point / true),
        log_width=width,
        crps=crps(np.log(law.quantile((np.arange(LEVELS) + 0.5) / LEVELS)), log_true),
        interval_score=width + 2 / (1 - PROBS[-1]) * missed,
    )


def crps(quantiles: Array, truth: float) -> float:
    """Return the continuous ranked probability score, E|X − truth| − E|X − X'|/2.

    Parameters
    ----------
    quantiles : float64 array, shape (L,)
        Increasing, at the middles of L equal shares of the probability; they stand for the law.
    truth : float
        What came true, in the unit of the quantiles.

    References
    ----------
    Gneiting & Raftery (2007) Strictly proper scoring rules, prediction, and estimation. JASA 102:359-378.
    """
    count = len(quantiles)
    ranks = 2.0 * np.arange(1, count + 1) - count - 1.0
    return float(np.abs(quantiles - truth).mean() - ranks @ quantiles / count**2)


def summarise(scores: Sequence[Score]) -> Summary:
    """Return coverage, bias, width and mean scores over problems."""
    bias = np.array([s.log_bias for s in scores])
    width = np.array([s.log_width for s in scores])
    return Summary(
        problems=len(scores),
        coverage=tuple(np.mean([s.covered for s in scores], axis=0).tolist()),
        median_bias=float(np.median(bias)),
        rms=float(np.sqrt(np.mean(bias**2))),
        median_width=float(np.median(width)),
        mean_width=float(width.mean()),
        crps=float(np.mean([s.crps for s in scores])),
        interval_score=float(np.mean([s.interval_score for s in scores])),
    )
