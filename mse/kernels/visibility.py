"""The Rasch model as an offset: what differences between persons do to the cells of a table.

A person with visibility θ ~ N(0, τ²) is on list j with log odds b_j + θ, independently of the other lists. Then

    log P(ω) = Σ_{j∈ω} b_j + g(|ω|),   g(s) = log ∫ e^{sθ} / Π_j (1 + e^{b_j + θ}) N(θ; 0, τ²) dθ

(Darroch et al. 1993): main effects, and a function of the number of lists that is known when τ and b are.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]

NODES = 41
"""Equally spaced visibilities, within `_WIDEST` standard deviations, that stand for the normal law."""

_WIDEST = 4.5
_FARTHEST = 40.0
_MOST_STEPS = 60


@compiled
def rasch_offset(tau: float, covers: Array) -> Array:
    """Return g(|ω|) − g(0) of every cell, (2^K,).

    Parameters
    ----------
    tau : float
        Standard deviation of visibility, log odds.
    covers : (K,) float64
        Share of the population that each list covers, from which b follows; above 0 and below 1.
    """
    lists = covers.shape[0]
    theta = np.empty(NODES)
    weight = np.empty(NODES)
    for i in range(NODES):
        z = _WIDEST * (2.0 * i / (NODES - 1) - 1.0)
        theta[i] = tau * z
        weight[i] = math.exp(-0.5 * z * z)
    weight /= weight.sum()
    odds = np.exp(theta)
    log_none = np.zeros(NODES)
    for j in range(lists):
        # the log odds at which the list covers so many: Newton's method, within what it has shown
        low, high = -_FARTHEST, _FARTHEST
        here = math.log(covers[j] / (1.0 - covers[j]))
        for _ in range(_MOST_STEPS):
            common = math.exp(here)
            gap = -covers[j]
            slope = 0.0
            for i in range(NODES):
                both = common * odds[i]
                share = both / (1.0 + both)
                gap += weight[i] * share
                slope += weight[i] * share / (1.0 + both)
            if gap < 0.0:
                low = here
            else:
                high = here
            before = here
            here -= gap / slope
            if not low < here < high:
                here = 0.5 * (low + high)
            if abs(here - before) <= 1e-13 * (1.0 + abs(here)):
                break
        for i in range(NODES):
            log_none[i] -= math.log1p(math.exp(here) * odds[i])
    by_number = np.zeros(lists + 1)
    for i in range(NODES):
        share = weight[i] * math.exp(log_none[i])
        for s in range(lists + 1):
            by_number[s] += share
            share *= odds[i]
    by_number = np.log(by_number / by_number[0])
    out = np.empty(2**lists)
    for cell in range(out.shape[0]):
        number, rest = 0, cell
        while rest:
            number += rest & 1
            rest >>= 1
        out[cell] = by_number[number]
    return out
