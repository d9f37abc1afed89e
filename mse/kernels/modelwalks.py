"""A Metropolis walk over hierarchical models (MC³; Madigan & York 1995, International Statistical Review 63:215).

Half of the proposals add or drop one term, half put one term in the place of another; both are symmetric, and a
proposal that is not hierarchical is refused. Weights are those of Laplace, so that the walk has exactly the law over
models that an enumeration would give. The walk fits nothing: it goes on until it comes to a model without a value, and
is taken up again when that has one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.modelstore import Store, flip, hierarchical, holds, row_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@compiled
def place_of(known: Store, own: Store, mask: Integers) -> tuple[bool, int]:
    """Return whether the model has a value, and where: a row of the known ones, or ``-1 - i`` for row i of its own."""
    row = row_of(known, mask)
    if row >= 0:
        return True, row
    row = row_of(own, mask)
    return row >= 0, -1 - row


@compiled
def walk_on(
    facets: Integers,
    known: Store,
    known_values: Array,
    own: Store,
    own_values: Array,
    places: Integers,
    numbers: Array,
    step: int,
) -> tuple[int, Integers]:
    """Walk on from a step.

    Parameters
    ----------
    facets : (c, W) int64
        What must be in a model before each candidate: see ``enumeration.facet_words``.
    known, own : Store
        Models that were known before, and those that were fitted on the way.
    known_values, own_values : float64
        Their log prior + log evidence, by row.
    places : (steps + 1,) int64
        Where the walk is before each step, as `place_of` tells it; entry `step` is given, later ones are written.
    numbers : (steps, 4) float64
        Uniform random numbers.
    step : int
        Steps that are done.

    Returns
    -------
    tuple of int and (W,) int64
        Steps that are done, and the model that has to be fitted before the next one unless all are.
    """
    c = facets.shape[0]
    place = places[step]
    here = known.masks[place].copy() if place >= 0 else own.masks[-1 - place].copy()
    value = known_values[place] if place >= 0 else own_values[-1 - place]
    proposed = here.copy()
    while step < numbers.shape[0]:
        changed = False
        proposed[:] = here
        if c > 0:
            i = int(numbers[step, 1] * c)
            flip(proposed, i)
            changed = True
            if numbers[step, 0] < 0.5:
                j = int(numbers[step, 2] * c)
                # one of the two must be in and the other out
                changed = holds(here, i) != holds(here, j)
                flip(proposed, j)
        if changed and hierarchical(proposed, facets):
            found, at = place_of(known, own, proposed)
            if not found:
                return step, proposed
            reached = known_values[at] if at >= 0 else own_values[-1 - at]
            if math.log(numbers[step, 3]) < reached - value:
                here[:] = proposed
                value, place = reached, at
        step += 1
        places[step] = place
    return step, here
