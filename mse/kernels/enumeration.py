"""Every hierarchical model as a bitmask over candidate terms: counted, listed, and split into sub-trees.

Candidates are subsets of the lists with at least two members, in an order in which every subset comes after
its own subsets (by size, then value). A model is an int64 whose bit i says that candidate i is in it; the
intercept and the single lists are always in. The walk grows a model by one *later* candidate at a time, so
it meets every hierarchical model once.
"""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

# a facet that is not among the candidates: the sign bit, which no model has
_MISSING = np.iinfo(np.int64).min


@compiled
def facet_masks(candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for every candidate, the mask of the candidates that must be in the model before it.

    Parameters
    ----------
    candidates : (c,) int64
        Subsets as bitmasks, each with at least two members, facets before what they are facets of; c ≤ 63.

    Returns
    -------
    (c,) int64
        Mask over candidate indices of the facets with two members or more. The sign bit is set when a facet
        is not a candidate: such a term is in no hierarchical model.
    """
    size = candidates.shape[0]
    facets = np.zeros(size, np.int64)
    for i in range(size):
        rest = candidates[i]
        while rest != 0:
            member = rest & -rest
            rest ^= member
            facet = candidates[i] ^ member
            if facet & (facet - 1) == 0:
                continue
            found = False
            for j in range(i):
                if candidates[j] == facet:
                    facets[i] |= np.int64(1) << j
                    found = True
            if not found:
                facets[i] |= _MISSING
    return facets


@compiled
def count_models(facets: NDArray[np.int64], mask: int, following: int) -> NDArray[np.int64]:
    """Count the models of one sub-tree by their number of candidate terms.

    Parameters
    ----------
    facets : (c,) int64
        From `facet_masks`.
    mask, following : int
        The sub-tree: `mask` itself and every model that adds candidates from index `following` on to it.
        ``(0, 0)`` is the whole tree.

    Returns
    -------
    (c + 1,) int64
        Number of models with 0, 1, … c candidate terms.
    """
    size = facets.shape[0]
    counts = np.zeros(size + 1, np.int64)
    masks = np.empty(size + 1, np.int64)
    nexts = np.empty(size + 1, np.int64)
    present = 0
    for i in range(size):
        present += (mask >> i) & 1
    depth = 0
    masks[0] = mask
    nexts[0] = following
    counts[present] += 1
    while depth >= 0:
        here = masks[depth]
        i = nexts[depth]
        while i < size and facets[i] & ~here != 0:
            i += 1
        if i >= size:
            depth -= 1
            continue
        nexts[depth] = i + 1
        depth += 1
        masks[depth] = here | (np.int64(1) << i)
        nexts[depth] = i + 1
        counts[present + depth] += 1
    return counts


@compiled
def list_models(facets: NDArray[np.int64], mask: int, following: int) -> NDArray[np.int64]:
    """Return the models of one sub-tree in the order of the walk.

    Parameters
    ----------
    facets, mask, following
        As in `count_models`.

    Returns
    -------
    (m,) int64
        Models as masks over candidates.
    """
    size = facets.shape[0]
    models = np.empty(count_models(facets, mask, following).sum(), np.int64)
    masks = np.empty(size + 1, np.int64)
    nexts = np.empty(size + 1, np.int64)
    depth = 0
    masks[0] = mask
    nexts[0] = following
    models[0] = mask
    found = 1
    while depth >= 0:
        here = masks[depth]
        i = nexts[depth]
        while i < size and facets[i] & ~here != 0:
            i += 1
        if i >= size:
            depth -= 1
            continue
        nexts[depth] = i + 1
        depth += 1
        masks[depth] = here | (np.int64(1) << i)
        nexts[depth] = i + 1
        models[found] = masks[depth]
        found += 1
    return models


@compiled
def split_walk(facets: NDArray[np.int64], largest: int) -> NDArray[np.int64]:
    """Split the tree of all models into sub-trees of at most `largest` models each.

    A sub-tree (mask, following) is cut in two: the models without candidate `following` and those with it.
    The result depends on the arguments alone, so that answers do not depend on the number of workers.

    Parameters
    ----------
    facets : (c,) int64
        From `facet_masks`.
    largest : int
        Models in a sub-tree at most.

    Returns
    -------
    (r, 2) int64
        Rows ``mask, following``; every model lies in exactly one sub-tree.
    """
    size = facets.shape[0]
    waiting = np.empty((size + 2, 3), np.int64)
    waiting[0, 0] = 0
    waiting[0, 1] = 0
    waiting[0, 2] = count_models(facets, 0, 0).sum()
    pending = 1
    room = 64
    done = np.empty((room, 2), np.int64)
    found = 0
    while pending > 0:
        pending -= 1
        mask = int(waiting[pending, 0])
        following = int(waiting[pending, 1])
        models = int(waiting[pending, 2])
        if following >= size or models <= largest:
            if found == room:
                room *= 2
                longer = np.empty((room, 2), np.int64)
                longer[:found] = done
                done = longer
            done[found, 0] = mask
            done[found, 1] = following
            found += 1
            continue
        # the half without the term is the smaller one: count that, and subtract
        without = models
        if facets[following] & ~mask == 0:
            without = int(count_models(facets, mask, following + 1).sum())
            waiting[pending, 0] = mask | (1 << following)
            waiting[pending, 1] = following + 1
            waiting[pending, 2] = models - without
            pending += 1
        waiting[pending, 0] = mask
        waiting[pending, 1] = following + 1
        waiting[pending, 2] = without
        pending += 1
    return done[:found].copy()
