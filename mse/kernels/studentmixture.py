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


@compiled
def departed_cdf(logs: Array, places: Array, scale: float, upper: float, per_scale: float) -> Array:
    """Return `mixed_student_cdf`, at most 1, by cubics between knots: as many as it needs, where these are fewer.

    Parameters
    ----------
    logs, places, scale, upper
        As in `mixed_student_cdf`.
    per_scale : float
        Knots in the smaller scale among the places; their distance grows with that from the places.
    """
    half = 0.5 * (places[places.shape[0] - 1] - places[0])
    centre = places[0] + half
    around = 1.5 * half + 4.0 * max(scale, upper)
    space = min(scale, upper) / (per_scale * around)
    first = int(math.floor(math.asinh((logs[0] - centre) / around) / space)) - 1
    last = int(math.ceil(math.asinh((logs[logs.shape[0] - 1] - centre) / around) / space)) + 1
    if last - first + 1 >= logs.shape[0]:
        return np.minimum(mixed_student_cdf(logs, places, scale, upper), 1.0)
    knots = np.empty(last - first + 1)
    for k in range(knots.shape[0]):
        knots[k] = centre + around * math.sinh(space * (first + k))
    values = mixed_student_cdf(knots, places, scale, upper)
    out = np.empty(logs.shape[0])
    at = 0
    a, b, c, d = knots[0], knots[1], knots[2], knots[3]
    slope, bend, twist = 0.0, 0.0, 0.0
    for g in range(logs.shape[0]):
        if at == 0 or (logs[g] >= knots[at + 1] and at < knots.shape[0] - 3):
            at = max(at, 1)
            while logs[g] >= knots[at + 1] and at < knots.shape[0] - 3:
                at += 1
            # Newton's divided differences of the two knots on either side
            a, b, c, d = knots[at - 1], knots[at], knots[at + 1], knots[at + 2]
            slope = (values[at] - values[at - 1]) / (b - a)
            middle = (values[at + 1] - values[at]) / (c - b)
            bend = (middle - slope) / (c - a)
            beyond = ((values[at + 2] - values[at + 1]) / (d - c) - middle) / (d - b)
            twist = (beyond - bend) / (d - a)
        x = logs[g]
        here = values[at - 1] + (x - a) * (slope + (x - b) * (bend + (x - c) * twist))
        out[g] = min(here if g == 0 else max(here, out[g - 1]), 1.0)
    return out
