"""Quantiles of one law by the thousand: each begins where a table of equal steps of the probability says."""

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
