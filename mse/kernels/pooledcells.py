"""Log density of a multilevel logistic regression on cells, with its gradient."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled


@compiled
def pooled_log_density(
    x: NDArray[np.float64],
    yes: NDArray[np.float64],
    both: NDArray[np.float64],
    places: NDArray[np.int64],
    middle: float,
    gradient: NDArray[np.float64],
) -> float:
    """Return the log density at x and write its gradient.

    Parameters
    ----------
    x : (P,) float64
        The constant, K log scales, then the standardised effects.
    yes, both : (C,) float64
        Numbers of answers that are yes, and of all; need not be whole.
    places : (C, K) int64
        Where in x the effect of every cell stands, by batch.
    middle : float
        Mean of the constant's prior, N(middle, 2.5²); scales are half-normal, effects standard normal.
    gradient : (P,) float64
        Is written.
    """
    cells, batches = places.shape
    scale = np.empty(batches)
    off = x[0] - middle
    value = -off * off / 12.5
    gradient[0] = -off / 6.25
    for k in range(batches):
        scale[k] = math.exp(min(x[1 + k], 5.0))
        value += x[1 + k] - scale[k] * scale[k] / 2.0
        gradient[1 + k] = 1.0 - scale[k] * scale[k]
    for j in range(1 + batches, x.size):
        value -= x[j] * x[j] / 2.0
        gradient[j] = -x[j]
    for c in range(cells):
        eta = x[0]
        for k in range(batches):
            eta += scale[k] * x[places[c, k]]
        small = math.exp(-abs(eta))
        value += yes[c] * eta - both[c] * (max(eta, 0.0) + math.log1p(small))
        p = 1.0 / (1.0 + small) if eta >= 0 else small / (1.0 + small)
        gap = yes[c] - both[c] * p
        gradient[0] += gap
        for k in range(batches):
            gradient[1 + k] += gap * scale[k] * x[places[c, k]]
            gradient[places[c, k]] += gap * scale[k]
    return float(value)
