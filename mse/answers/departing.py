"""What a departure from an assumption does to the law of N: a Student t is added to the log of the unseen."""

from __future__ import annotations

import math

import numpy as np

from mse.answers.distribution import LOG_STEP, Distribution
from mse.kernels.arrays import Array

POINTS = 400
"""Quantiles that stand for the law of log n_0."""

PER_SCALE = 12.0
"""Knots for every scale of departures at which the law is computed; between them it is a cubic, to 1e-5."""

_TAIL = 40.0
"""In scales: beyond lies less than 2 in a million of a t_4."""


def log_unseen(law: Distribution, observed: int) -> Array:
    """Return log(n_0 + ½) at the middles of `POINTS` equal shares of the probability, shape (POINTS,)."""
    values = law.quantile((np.arange(POINTS) + 0.5) / POINTS)
    return np.log(np.maximum(values - observed, 0.0) + 0.5)


def departed(unseen: Array, observed: int, middle: float, scale: float, upper: float) -> Distribution:
    """Return the law of N when δ is `middle` + τ t_4 instead of 0, τ being `scale` below the middle and `upper` above.

    Parameters
    ----------
    unseen : float64 array, shape (POINTS,)
        log(n_0 + ½), equally likely, under the identifying assumption.
    observed : int
        Persons on at least one list.
    middle, scale, upper : float
        Of δ; both scales positive.

    Notes
    -----
    n_0 + ½ is multiplied by exp(δ) and rounded to whole persons: P(n_0' <= k) = P(log(n_0 + ½) + δ <= log(k + 1)), so
    that the estimate "nobody unseen" can be wrong too.
    """
    from mse.kernels.lawdraws import whole_counts
    from mse.kernels.studentmixture import departed_cdf

    largest = float(unseen.max()) + middle + _TAIL * upper
    end = math.exp(min(largest, math.log(1e15)))
    grid = whole_counts(0.0, math.ceil(end), 4 * LOG_STEP)
    cdf = departed_cdf(np.log(grid + 1.0) - middle, np.sort(unseen), scale, upper, PER_SCALE)
    return Distribution(observed + grid, cdf)
