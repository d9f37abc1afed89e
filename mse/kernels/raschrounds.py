"""The offsets of Rasch models with the list totals of a table: covers and offsets, each from the other."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.shrinking import Counted, Shrinkage, fit_shrunk
from mse.kernels.visibility import rasch_offset

Array = NDArray[np.float64]

ROUNDS = 4
"""Of covers and offsets, each from the other."""

LARGEST_COVER, MOST_UNSEEN, MAIN_ONLY_SD, WIDEST = 0.97, 50.0, 30.0, 40.0
"""Bounds of those rounds: of a cover, of unseen persons to an observed one, of main effects, and of log n_0."""


@compiled
def rasch_offsets(seen: Counted, taus: Array) -> Array:
    """Return the offsets of the Rasch model of every spread of visibility, with the list totals of the table: (T, 2^K).

    What the lists cover follows from N of the main effects with these offsets, and the offsets from the covers: a few
    rounds of both.

    Parameters
    ----------
    seen : Counted
        The table; its own offset is not read.
    taus : (T,) float64
        Standard deviations of visibility, log odds; none where 0.
    """
    size = seen.counts.shape[0]
    lists = 0
    while 2**lists < size:
        lists += 1
    totals = np.full(lists, 0.5)
    observed = 1.0
    for cell in range(size):
        if seen.cells[cell] > 0.0:
            held = max(seen.counts[cell], seen.bounds[cell])
            observed += held
            for j in range(lists):
                if (cell >> j) & 1:
                    totals[j] += held
    terms = np.zeros(1 + lists, np.int64)
    precision = np.zeros(1 + lists)
    for j in range(lists):
        terms[1 + j] = 1 << j
        precision[1 + j] = MAIN_ONLY_SD**-2.0
    wide = Shrinkage(precision, 0.0, 1 + lists, 1 + lists, 0.0)
    covers = np.empty(lists)
    out = np.zeros((taus.shape[0], size))
    for t in range(taus.shape[0]):
        if taus[t] == 0.0:
            continue
        beta = np.zeros(1 + lists)
        beta[0] = math.log(observed / size)
        whole = 2.0 * observed
        for _ in range(ROUNDS):
            for j in range(lists):
                covers[j] = min(totals[j] / whole, LARGEST_COVER)
            copy_to(out[t], rasch_offset(taus[t], covers))
            shifted = Counted(seen.counts, seen.cells, seen.bounds, out[t])
            beta, log_unseen, _variance, _evidence, failed = fit_shrunk(shifted, terms, wide, beta, 1e-4)
            if failed:
                break
            whole = observed + min(math.exp(min(log_unseen, WIDEST)), MOST_UNSEEN * observed)
    return out
