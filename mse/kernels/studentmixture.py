"""The distribution function of a location mixture of Student's t with four degrees of freedom and two scales."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]

_TWELFTH = 1.0 / 12.0


@compiled
def mixed_student_cdf(logs: Array, places: Array, scale: float, upper: float) -> Array:
    """Return the mean over `places` of P(T ≤ (log − place) / scale), `upper` being the scale above the place.

    Parameters
    ----------
    logs : (G,) float64
        Where the function is asked for, ascending.
    places : (P,) float64
        Equally likely places, ascending.
    scale, upper : float
        Scales below and above; both positive.
    """
    out = np.zeros(logs.shape[0])
    below = 1.0 / scale
    above = 1.0 / upper
    first = 0
    for p in range(places.shape[0]):
        place = places[p]
        while first < logs.shape[0] and logs[first] < place:
            first += 1
        # two loops without a branch, which the compiler turns into vectors
        for g in range(first):
            x = (logs[g] - place) * below
            share = 1.0 / (1.0 + 0.25 * x * x)
            out[g] += 0.5 + 0.375 * x * math.sqrt(share) * (1.0 - x * x * share * _TWELFTH)
        for g in range(first, logs.shape[0]):
            x = (logs[g] - place) * above
            share = 1.0 / (1.0 + 0.25 * x * x)
            out[g] += 0.5 + 0.375 * x * math.sqrt(share) * (1.0 - x * x * share * _TWELFTH)
    for g in range(logs.shape[0]):
        out[g] /= places.shape[0]
    return out
