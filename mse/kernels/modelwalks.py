"""A Metropolis walk over hierarchical models (MC³; Madigan & York 1995, International Statistical Review 63:215).

Half of the proposals add or drop one term, half put one term in the place of another; both are symmetric, and a
proposal that is not hierarchical is refused. Weights are those of Laplace, so that the walk has exactly the law over
models that an enumeration would give. No model is fitted twice: known ones are looked up, others are kept in a table of
the walk's own. How models are fitted the walk does not know: it goes on until it comes to one without a value, and is
taken up again when that has one.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.modelstore import Store, flip, hierarchical, holds, insert, row_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Walk(NamedTuple):
    """One walk, and what it looks up.

    Attributes
    ----------
    facets : (c, W) int64
        What must be in a model before each candidate: see ``enumeration.facet_words``.
    log_prior : (c + 1,) float64
        Log prior of a model with 0, 1, … c candidate terms.
    known, own : Store
        Models that were fitted before, and on the way.
    known_values, own_values : float64
        Their log prior + log evidence, by row.
    own_fits : (n, 3) float64
        Log evidence, mode of log n_0 and its variance of those that were fitted on the way.
    places : (steps + 1,) int64
        Where the walk is before each step: a row of the known models, or −1 − i for row i of its own. The first entry
        is given.
    numbers : (steps, 4) float64
        Uniform random numbers.
    """

    facets: Integers
    log_prior: Array
    known: Store
    own: Store
    known_values: Array
    own_values: Array
    own_fits: Array
    places: Integers
    numbers: Array


@compiled
def put(walk: Walk, row: int, mask: Integers, fit: Array) -> None:
    """Write a model that was fitted on the way, and its fit (3,), to the next row of the walk's own."""
    terms = 0
    for i in range(walk.facets.shape[0]):
        terms += holds(mask, i)
    walk.own.masks[row] = mask
    walk.own_fits[row] = fit
    value = fit[0] + walk.log_prior[terms]
    walk.own_values[row] = value if not math.isnan(value) else -np.inf
    insert(walk.own, row)


@compiled
def propose(here: Integers, candidates: int, numbers: Array, proposed: Integers) -> bool:
    """Write what the random numbers of one step, (4,), propose from a model; return whether it is another one."""
    proposed[:] = here
    if candidates == 0:
        return False
    i = int(numbers[1] * candidates)
    flip(proposed, i)
    if numbers[0] >= 0.5:
        return True
    j = int(numbers[2] * candidates)
    flip(proposed, j)
    # one of the two must be in and the other out
    return holds(here, i) != holds(here, j)


@compiled
def walk_on(walk: Walk, step: int) -> tuple[int, Integers]:
    """Walk on after so many steps; return how many are done, and the model to be fitted before the next if any is."""
    known, own, numbers = walk.known, walk.own, walk.numbers
    c = walk.facets.shape[0]
    place = walk.places[step]
    here = known.masks[place].copy() if place >= 0 else own.masks[-1 - place].copy()
    value = walk.known_values[place] if place >= 0 else walk.own_values[-1 - place]
    proposed = here.copy()
    while step < numbers.shape[0]:
        if propose(here, c, numbers[step], proposed) and hierarchical(proposed, walk.facets):
            at = row_of(known, proposed)
            if at >= 0:
                reached = walk.known_values[at]
            else:
                row = row_of(own, proposed)
                if row < 0:
                    return step, proposed
                at, reached = -1 - row, walk.own_values[row]
            if math.log(numbers[step, 3]) < reached - value:
                here[:] = proposed
                value, place = reached, at
        step += 1
        walk.places[step] = place
    return step, here
