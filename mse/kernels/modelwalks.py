"""A Metropolis walk over hierarchical models (MC³; Madigan & York 1995, International Statistical Review 63:215).

A model is a mask over candidate terms, as in ``enumeration``. Half of the proposals add or drop one term, half put one
term in the place of another; both are symmetric, and a proposal that is not hierarchical is refused. Weights are those
of Laplace, so that the walk has exactly the law over models that an enumeration would give. No model is fitted twice:
known ones are looked up, others are kept in a hash table of the walk's own.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.batch import terms_of
from mse.kernels.compiled import compiled
from mse.kernels.newton import cold_start, fit_loglinear

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Walk(NamedTuple):
    """What one walk saw.

    Attributes
    ----------
    values : (steps,) float64
        Log prior + log evidence of the model after each step.
    places : (steps,) int64
        Which model that was: a row of the known ones, or ``-1 - i`` for the i-th of the models below.
    masks : (m,) int64
        Models that were fitted on the way because they were not among the known ones.
    fits : (m, 3) float64
        Their log evidence, mode of η_0 and its variance.
    """

    values: Array
    places: Integers
    masks: Integers
    fits: Array


@compiled
def hierarchical(mask: int, facets: Integers) -> bool:
    """Tell whether the model holds, with a term, all candidates inside it."""
    for i in range(facets.shape[0]):
        if (mask >> i) & 1 and facets[i] & ~mask != 0:
            return False
    return True


@compiled
def fit_model(counts: Array, cells: Array, candidates: Integers, mask: int, precision: float, out: Array) -> None:
    """Write log evidence, mode of η_0 and its variance; a model without a maximum gets the evidence −∞."""
    lists = 0
    while 1 << lists < counts.shape[0]:
        lists += 1
    terms = terms_of(mask, candidates, lists)
    fit = fit_loglinear(counts, cells, terms, precision, cold_start(counts, cells, terms, precision), 100, 1e-10)
    out[0] = fit.log_evidence if not math.isnan(fit.log_evidence) else -np.inf
    out[1] = fit.log_unseen
    out[2] = fit.var_log_unseen


@compiled
def _slot(keys: Integers, mask: int) -> int:
    """Return where `mask` is in an open hash table, or the free slot for it."""
    size = keys.shape[0]
    at: int = (((mask ^ (mask >> 29)) * 7046029254386353131) ^ (mask >> 7)) & (size - 1)
    while keys[at] != -1 and keys[at] != mask:
        at = (at + 1) & (size - 1)
    return at


@compiled
def walk_models(
    counts: Array,
    cells: Array,
    candidates: Integers,
    facets: Integers,
    log_prior_by_size: Array,
    precision: float,
    known: Integers,
    known_values: Array,
    start: int,
    numbers: Array,
) -> Walk:
    """Walk over models from `start`.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in ``fit_loglinear``.
    candidates, facets : (c,) int64
        Terms, and what must be in a model before each: see ``enumeration.facet_masks``.
    log_prior_by_size : (c + 1,) float64
        Log prior of a model with 0, 1, … c candidate terms.
    precision : float
        1/σ² of the prior on coefficients; positive.
    known : (v,) int64
        Models whose weight is known, ascending.
    known_values : (v,) float64
        Their log prior + log evidence.
    start : int
        A hierarchical model.
    numbers : (steps, 4) float64
        Uniform random numbers.

    Returns
    -------
    Walk
        See there.
    """
    steps, c = numbers.shape[0], candidates.shape[0]
    size = 16
    while size < 2 * (steps + 2):
        size *= 2
    keys = np.full(size, -1, np.int64)
    rows = np.zeros(size, np.int64)
    masks = np.empty(steps + 1, np.int64)
    fits = np.empty((steps + 1, 3))
    own = np.empty(steps + 1)
    found = 0
    values = np.empty(steps)
    places = np.empty(steps, np.int64)
    here, value, place = start, -np.inf, 0
    for step in range(-1, steps):
        mask = here
        if step >= 0 and c > 0:
            i = int(numbers[step, 1] * c)
            mask = here ^ (1 << i)
            if numbers[step, 0] < 0.5:
                j = int(numbers[step, 2] * c)
                # one of the two must be in and the other out
                mask = here if ((here >> i) ^ (here >> j)) & 1 == 0 else mask ^ (1 << j)
        if (mask != here or step < 0) and hierarchical(mask, facets):
            at = int(np.searchsorted(known, mask))
            if at < known.shape[0] and known[at] == mask:
                proposed, proposed_place = float(known_values[at]), at
            else:
                slot = _slot(keys, mask)
                if keys[slot] == -1:
                    keys[slot] = mask
                    rows[slot] = found
                    masks[found] = mask
                    fit_model(counts, cells, candidates, mask, precision, fits[found])
                    terms = 0
                    for i in range(c):
                        terms += (mask >> i) & 1
                    own[found] = fits[found, 0] + log_prior_by_size[terms]
                    found += 1
                proposed, proposed_place = float(own[rows[slot]]), -1 - int(rows[slot])
            if step < 0 or math.log(numbers[step, 3]) < proposed - value:
                here, value, place = mask, proposed, proposed_place
        if step >= 0:
            values[step] = value
            places[step] = place
    return Walk(values, places, masks[:found].copy(), fits[:found].copy())
