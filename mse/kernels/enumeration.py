"""Every hierarchical model as a bitmask over candidate terms: counted, listed, and split into sub-trees.

Candidates are subsets of the lists with at least two members, in an order in which every subset comes after
its own subsets (by size, then value). A model is an int64 whose bit i says that candidate i is in it; the
intercept and the single lists are always in. The walk grows a model by one *later* candidate at a time, so
it meets every hierarchical model once.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

BITS = 62
"""Candidates in one word of a mask: what a signed 64-bit integer holds with a bit to spare."""


def facet_words(candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for every candidate, the mask of the candidates that must be in the model before it.

    Parameters
    ----------
    candidates : (c,) int64
        Subsets as bitmasks, each with at least two members, facets before what they are facets of.

    Returns
    -------
    (c, W) int64
        Masks as in ``modelstore`` of the facets with two members or more. The sign bit of the first word is set when a
        facet is not a candidate: such a term is in no hierarchical model.
    """
    return _facet_words(tuple(candidates.tolist())).copy()


@lru_cache(maxsize=64)
def _facet_words(candidates: tuple[int, ...]) -> NDArray[np.int64]:
    index = {subset: i for i, subset in enumerate(candidates)}
    facets = np.zeros((len(index), max(1, -(-len(index) // BITS))), np.int64)
    for subset, i in index.items():
        for member in range(subset.bit_length()):
            facet = subset & ~(1 << member)
            if facet == subset or facet.bit_count() < 2:
                continue
            if facet in index:
                facets[i, index[facet] // BITS] |= 1 << index[facet] % BITS
            else:
                # a facet that is not among the candidates: the sign bit, which no model has
                facets[i, 0] |= -(1 << 63)
    return facets


def facet_masks(candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `facet_words` of at most 62 candidates as plain masks, (c,)."""
    return facet_words(candidates)[:, 0]


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
    waiting = [(0, 0, int(count_models(facets, 0, 0).sum()))]
    done = []
    while waiting:
        mask, following, models = waiting.pop()
        if following >= size or models <= largest:
            done.append((mask, following))
            continue
        # the half without the term is the smaller one: count that, and subtract
        without = models
        if int(facets[following]) & ~mask == 0:
            without = int(count_models(facets, mask, following + 1).sum())
            waiting.append((mask | (1 << following), following + 1, models - without))
        waiting.append((mask, following + 1, without))
    return np.array(done, np.int64)
