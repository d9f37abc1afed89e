"""One law on its grid: the grid itself, its quantiles by the thousand, and its density."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]


@compiled
def many_quantiles(values: Array, cdf: Array, wanted: Array, whole: bool) -> Array:
    """Return the sizes below which shares `wanted` of the probability lie, (Q,): `Distribution.quantile` of many.

    Parameters
    ----------
    values, cdf : (G,) float64
        Ascending sizes, and the probability up to each.
    wanted : (Q,) float64
        Shares, from 0 to 1.
    whole : bool
        Whether the next whole number is wanted.
    """
    size = cdf.shape[0]
    begin = np.empty(size, np.int64)
    at = 0
    for step in range(size):
        while at < size and cdf[at] < step / size:
            at += 1
        begin[step] = at
    out = np.empty(wanted.shape[0])
    for q in range(wanted.shape[0]):
        share = wanted[q]
        at = begin[min(int(share * size), size - 1)]
        while at > 0 and cdf[at - 1] >= share:
            at -= 1
        while at < size - 1 and cdf[at] < share:
            at += 1
        at = min(at, size - 1)
        before = max(at - 1, 0)
        gap = cdf[at] - cdf[before]
        part = min(max((share - cdf[before]) / gap, 0.0), 1.0) if gap > 0.0 else 1.0
        here = values[before] + part * (values[at] - values[before])
        out[q] = math.ceil(here - 1e-9) if whole else here
    return out


@compiled
def whole_counts(start: float, end: float, step: float) -> Array:
    """Return whole numbers from one to another: every one up to 1,000, then `step` apart on the scale of logs."""
    last = min(end, max(start, 1000.0))
    fine = int(last - start) + 1
    above = max(last, 1.0)
    steps = int(math.ceil(math.log(max(end / above, 1.0)) / step))
    out = np.empty(fine + steps)
    for i in range(fine):
        out[i] = start + i
    size = fine
    for i in range(1, steps + 1):
        here = np.rint(above * math.exp(math.log(end / above) * i / steps))
        if here > out[size - 1]:
            out[size] = here
            size += 1
    return out[:size]


@compiled
def smooth_density(values: Array, cdf: Array, low: float, high: float, points: int, sd: float) -> tuple[Array, Array]:
    """Return sizes between two ends, equally spaced in their logs, and the density of the log there, smoothed.

    Parameters
    ----------
    values, cdf : (G,) float64
        As in `many_quantiles`; the probability is linear between two sizes.
    low, high : float
        Ends.
    points : int
        Sizes, P.
    sd : float
        Standard deviation, in points, of the normal law that smooths; beyond the ends the density is its mirror image.
    """
    width = math.log(high / low) / points
    mass = np.empty(points)
    sizes = np.empty(points)
    before = 0.0
    at = 0
    for i in range(points + 1):
        edge = high if i == points else low * math.exp(width * i)
        while at < values.shape[0] and values[at] < edge:
            at += 1
        if at == 0:
            upto = cdf[0]
        elif at == values.shape[0]:
            upto = cdf[at - 1]
        else:
            share = (edge - values[at - 1]) / (values[at] - values[at - 1])
            upto = cdf[at - 1] + share * (cdf[at] - cdf[at - 1])
        if i > 0:
            mass[i - 1] = upto - before
            sizes[i - 1] = low * math.exp(width * (i - 0.5))
        before = upto
    reach = int(4 * sd)
    window = np.empty(2 * reach + 1)
    for k in range(2 * reach + 1):
        window[k] = math.exp(-0.5 * ((k - reach) / sd) ** 2)
    total = window.sum()
    out = np.zeros(points)
    for i in range(points):
        for k in range(2 * reach + 1):
            j = i + k - reach
            j = -1 - j if j < 0 else (2 * points - 1 - j if j >= points else j)
            out[i] += window[k] * mass[j]
        out[i] /= total * width
    return sizes, out
