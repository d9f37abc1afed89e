"""Walks over models on lists alone: what a walk comes to next is fitted eight models at a time, before it is asked for.

While a walk stays where it is, its random numbers say which models it proposes next; up to eight of these with as many
terms as the one that is needed are fitted side by side, from coefficients of a model close by.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.batch import fit_model
from mse.kernels.compiled import compiled
from mse.kernels.lanes import WIDE
from mse.kernels.modelstore import hierarchical, row_of
from mse.kernels.modelwalks import Walk, propose, put, walk_on
from mse.kernels.octets import fit_octet
from mse.kernels.treelevels import list_terms
from mse.kernels.workspaces import Octet, Target, new_octet, new_target

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

AHEAD = 12
"""Steps that are looked ahead at most."""

# half the squared Newton decrement at which a fit is accepted: log evidences are good to a few times its root
_TOLERANCE = 1e-10
# factorisations after which eight models are given up and fitted singly, with damped steps
_MOST_FACTORS = 12


def walk_over_lists(walk: Walk, row: int, counts: Array, cells: Array, candidates: Integers, precision: float) -> int:
    """Walk over models on lists alone to the end.

    Parameters
    ----------
    walk : Walk
        From its first step; room for eight models a step among its own.
    row : int
        Models that are among its own.
    counts, cells, candidates, precision
        As in ``batch.fit_models``; at most 62 candidates.

    Returns
    -------
    int
        Models that are among its own at the end, those fitted ahead with them.
    """
    lists = len(counts).bit_length() - 1
    always = np.array([0, *(1 << j for j in range(lists))], np.int64)
    return _finish(walk, row, new_target(counts, cells, precision), new_octet(len(counts)), candidates, always)


@compiled
def _finish(walk: Walk, row: int, target: Target, work: Octet, candidates: Integers, always: Integers) -> int:
    """Walk to the end; arguments as in `walk_over_lists`."""
    fits = np.empty((WIDE, 3))
    near = np.zeros(target.counts.shape[0])
    fitted = np.zeros(WIDE, np.int64)
    wanted = np.empty(WIDE, np.int64)
    mask = np.empty(1, np.int64)
    step = 0
    beside = np.int64(0)
    while True:
        step, missing = walk_on(walk, step)
        if step == walk.numbers.shape[0]:
            return row
        place = walk.places[step]
        here = walk.known.masks[place] if place >= 0 else walk.own.masks[-1 - place]
        number = _look_ahead(walk, step, here, missing, wanted)
        # coefficients of the model closest to where the walk is: one fitted last, or that which was close before
        closest = -1
        for lane in range(WIDE):
            if _terms(fitted[lane] ^ here[0]) < _terms(beside ^ here[0]):
                closest, beside = lane, fitted[lane]
        if closest >= 0:
            for i in range(near.shape[0]):
                near[i] = work.beta[i, closest]
        _fit(fits, work, target, candidates, always, wanted, number, near)
        fitted[:] = wanted
        for lane in range(number):
            mask[0] = wanted[lane]
            put(walk, row, mask, fits[lane])
            row += 1


@compiled
def _terms(mask: int) -> int:
    """Return the bits of a mask."""
    bits = 0
    while mask != 0:
        mask &= mask - 1
        bits += 1
    return bits


@compiled
def _look_ahead(walk: Walk, step: int, here: Integers, missing: Integers, wanted: Integers) -> int:
    """Write the model that is missing and up to seven that will be, if the walk stays; return how many there are.

    All have equally many terms; the lanes that are left over repeat the last of them.
    """
    wanted[0] = missing[0]
    number, terms = 1, _terms(missing[0])
    proposed = here.copy()
    for ahead in range(step + 1, min(step + AHEAD, walk.numbers.shape[0])):
        if number == WIDE:
            break
        if not propose(here, walk.facets.shape[0], walk.numbers[ahead], proposed) or _terms(proposed[0]) != terms:
            continue
        new = hierarchical(proposed, walk.facets)
        for i in range(number):
            new = new and wanted[i] != proposed[0]
        if new and row_of(walk.known, proposed) < 0 and row_of(walk.own, proposed) < 0:
            wanted[number] = proposed[0]
            number += 1
    for lane in range(number, WIDE):
        wanted[lane] = wanted[number - 1]
    return number


@compiled
def _fit(
    fits: Array, work: Octet, target: Target, candidates: Integers, always: Integers, wanted: Integers, number: int,
    near: Array,
) -> None:  # fmt: skip
    """Write the fits of the models, (8, 3), begun from coefficients by subset where a model has the term."""
    start = work.beta
    start[:] = 0.0
    for lane in range(WIDE):
        for row in range(always.shape[0]):
            start[always[row], lane] = near[always[row]]
        for i in range(candidates.shape[0]):
            if (wanted[lane] >> i) & 1:
                start[candidates[i], lane] = near[candidates[i]]
    order, common = list_terms(work.places, wanted, candidates, always, False)
    fit_octet(work, target, order, order, common, _TOLERANCE, _MOST_FACTORS)
    for lane in range(number):
        # written so that a NaN has not arrived
        if work.half_square[0, lane] <= _TOLERANCE:
            fits[lane, 0] = work.log_evidence[0, lane]
            fits[lane, 1] = work.log_unseen[0, lane]
            fits[lane, 2] = work.variance[0, lane]
        else:
            fit_model(target.counts, target.cells, candidates, wanted[lane], target.precision, fits[lane])
    for lane in range(WIDE):
        # the sum of a lane's coefficients
        if not math.isfinite(work.log_unseen[0, lane]):
            start[:, lane] = 0.0
