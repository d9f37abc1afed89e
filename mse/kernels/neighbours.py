"""Models one term away from given ones, fitted eight at a time from the coefficients that they share.

A model and its neighbours have all terms but one in common, so that Newton's method starts close to its end, and eight
neighbours fit side by side in the lanes of ``octets``.
"""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.batch import fit_model, terms_of
from mse.kernels.compiled import compiled
from mse.kernels.lanes import WIDE
from mse.kernels.newton import cold_start, fit_loglinear
from mse.kernels.octets import fit_octet
from mse.kernels.workspaces import Octet, Target, new_octet, new_target

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# half the squared Newton decrement at which a fit is accepted: log evidences are good to a few times its root
_TOLERANCE = 1e-10
# factorisations after which eight models are given up and fitted singly, with damped steps
_MOST_FACTORS = 12


def fit_neighbours(
    counts: Array, cells: Array, candidates: Integers, precision: float, models: Integers, changes: Integers
) -> Array:
    """Fit neighbours of several models.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in ``fit_loglinear``.
    candidates : (c,) int64
        Terms that the bits of a mask stand for.
    precision : float
        1/σ² of the prior; positive.
    models : (m,) int64
        Hierarchical models.
    changes : (m,) int64
        For each of them, the candidates that are to be added or dropped, one at a time, as a mask; every
        neighbour must be hierarchical.

    Returns
    -------
    (n, 3) float64
        Laplace log evidence, mode of η_0 and its variance of every neighbour: model by model, and in the order
        of the changed candidates.
    """
    fits = np.empty((int(np.bitwise_count(changes).sum()), 3))
    work = new_octet(counts.shape[0])
    _fit_all(fits, work, new_target(counts, cells, precision), candidates, models, changes)
    return fits


@compiled
def _fit_all(
    fits: Array, work: Octet, target: Target, candidates: Integers, models: Integers, changes: Integers
) -> None:
    """Fit all neighbours; arguments as in `fit_neighbours`."""
    counts, cells, precision = target.counts, target.cells, target.precision
    c = candidates.shape[0]
    lists = 0
    while 1 << lists < counts.shape[0]:
        lists += 1
    chosen = np.empty(c, np.int64)
    rows = np.empty(c, np.int64)
    first = 0
    for m in range(models.shape[0]):
        terms = terms_of(models[m], candidates, lists)
        start = cold_start(counts, cells, terms, precision)
        beta = fit_loglinear(counts, cells, terms, precision, start, 100, 1e-6).beta
        for adding in range(2):
            found = 0
            row = first
            for i in range(c):
                if (changes[m] >> i) & 1:
                    if (models[m] >> i) & 1 == 1 - adding:
                        chosen[found] = i
                        rows[found] = row
                        found += 1
                    row += 1
            for at in range(0, found, WIDE):
                lanes = min(WIDE, found - at)
                _fit_eight(fits, work, target, candidates, models[m], terms, beta, chosen[at : at + lanes],
                          rows[at : at + lanes], adding == 1)  # fmt: skip
        for i in range(c):
            first += (changes[m] >> i) & 1


@compiled
def _fit_eight(
    fits: Array,
    work: Octet,
    target: Target,
    candidates: Integers,
    model: int,
    terms: Integers,
    beta: Array,
    chosen: Integers,
    rows: Integers,
    adding: bool,
) -> None:
    """Fit the neighbours that add, or drop, each of up to eight candidates, and write them to their rows."""
    places = work.places
    start = work.beta
    start[:] = 0.0
    for k in range(terms.shape[0]):
        for lane in range(WIDE):
            start[terms[k], lane] = beta[k]
    order = 0
    for k in range(terms.shape[0]):
        shared = True
        for lane in range(chosen.shape[0]):
            shared = shared and (adding or candidates[chosen[lane]] != terms[k])
        if shared:
            for lane in range(WIDE):
                places[order, lane] = WIDE * terms[k] + lane
            order += 1
    common = order
    size = terms.shape[0] + 1 if adding else terms.shape[0] - 1
    for lane in range(WIDE):
        own = candidates[chosen[min(lane, chosen.shape[0] - 1)]]
        if adding:
            places[common, lane] = WIDE * own + lane
            continue
        start[own, lane] = 0.0
        row = common
        for k in range(chosen.shape[0]):
            other = candidates[chosen[k]]
            if other != own:
                places[row, lane] = WIDE * other + lane
                row += 1
    fit_octet(work, target, size, size, common, _TOLERANCE, _MOST_FACTORS)
    for lane in range(chosen.shape[0]):
        # written so that a NaN has not arrived
        if work.half_square[0, lane] <= _TOLERANCE:
            fits[rows[lane], 0] = work.log_evidence[0, lane]
            fits[rows[lane], 1] = work.log_unseen[0, lane]
            fits[rows[lane], 2] = work.variance[0, lane]
        else:
            mask = model ^ (np.int64(1) << chosen[lane])
            fit_model(target.counts, target.cells, candidates, mask, target.precision, fits[rows[lane]])
