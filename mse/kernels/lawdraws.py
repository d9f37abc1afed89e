"""One law on its grid: the grid itself, and its quantiles by the thousand."""

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
