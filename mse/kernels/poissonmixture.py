"""Mixtures of Poisson laws by recursion: thousands of means at a few instructions for each count."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]


@compiled
def mixed_poisson(means: Array, mass: Array) -> Array:
    """Return P(N = k), k = 0, 1, …, of N ~ Poisson(means[i]) with probability mass[i]; all that is not negligible.

    Parameters
    ----------
    means, mass : (M,) float64
        Means, one or more, and their weights.

    Notes
    -----
    Every law is carried from its mode to both sides until it is below 1e-18 of the height there, and made to add up
    to one: there is no logarithm of a factorial, whose rounding would show.
    """
    most = means.max()
    size = int(most + 12.0 * math.sqrt(most) + 60.0)
    out = np.zeros(size)
    work = np.empty(size)
    for i in range(means.shape[0]):
        mean = means[i]
        if not mass[i] > 0.0:
            continue
        mode = int(mean)
        total = 1.0
        work[mode] = 1.0
        term = 1.0
        low = mode
        while low > 0 and term > 1e-18:
            term *= low / mean
            low -= 1
            work[low] = term
            total += term
        term = 1.0
        high = mode
        while high + 1 < size and term > 1e-18:
            high += 1
            term *= mean / high
            work[high] = term
            total += term
        share = mass[i] / total
        for k in range(low, high + 1):
            out[k] += share * work[k]
    return out
