"""The hierarchical models of one sub-tree, level by level: equally many terms in each.

Level by level, since models of one size can be fitted side by side, and since every model is then preceded
by those that lack one, two or three of its terms: they tell where its coefficients will be.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.lanes import WIDE

# terms beside the newest whose joint effect is extrapolated: the cube of 2^(1 + 3) models less the new one
_CORNERS = 3


class Subtree(NamedTuple):
    """All models of a sub-tree by level; within a level in the order of the walk.

    Attributes
    ----------
    masks : (m,) int64
        Models over candidate indices.
    lasts : (m,) int64
        The candidate that was added last.
    needed : (m,) int64
        Candidates that others in the model need: all but its maximal terms.
    betas : (m, 2^K) float32
        Fitted coefficients by subset, to start other models from.
    table : (≥ 4 m,) int32
        A hash table from mask to row + 1 for each level, one behind the other; 0 where empty.
    levels : (c + 2, 3) int64
        By level: first row, first slot of its table, slots (a power of two).
    """

    masks: NDArray[np.int64]
    lasts: NDArray[np.int64]
    needed: NDArray[np.int64]
    betas: NDArray[np.float32]
    table: NDArray[np.int32]
    levels: NDArray[np.int64]


@compiled
def _slot(mask: int, slots: int) -> int:
    """Return where to look for a mask first: the middle bits of a product with the golden ratio."""
    return (int(mask) * -7046029254386353131 >> 32) & int(slots - 1)


def list_levels(facets: NDArray[np.int64], by_size: NDArray[np.int64], mask: int, following: int, size: int) -> Subtree:
    """Return all models of a sub-tree by level, their betas still to be fitted.

    Parameters
    ----------
    facets : (c,) int64
        From `facet_masks`.
    by_size : (c + 1,) int64
        From `count_models`.
    mask, following : int
        The sub-tree, as in `count_models`.
    size : int
        2^K.

    Returns
    -------
    Subtree
        See there; the last row of its levels marks the end.
    """
    present = mask.bit_count()
    levels = np.zeros((facets.shape[0] + 2, 3), np.int64)
    models = 0
    room = 0
    depth = 0
    for count in by_size[present:]:
        if count == 0:
            break
        slots = 1 << int(2 * count - 1).bit_length()
        levels[depth] = models, room, slots
        models += int(count)
        room += slots
        depth += 1
    levels[depth, 0] = models
    subtree = Subtree(
        np.empty(models, np.int64),
        np.empty(models, np.int64),
        np.empty(models, np.int64),
        np.empty((models, size), np.float32),
        np.zeros(room, np.int32),
        levels,
    )
    _list_models(subtree, facets, mask, following)
    return subtree


@compiled
def _list_models(subtree: Subtree, facets: NDArray[np.int64], mask: int, following: int) -> None:
    """Write the models of a sub-tree level by level, and enter them into the hash tables."""
    masks = subtree.masks
    lasts = subtree.lasts
    needed = subtree.needed
    table = subtree.table
    levels = subtree.levels
    candidates = facets.shape[0]
    masks[0] = mask
    lasts[0] = following - 1
    needed[0] = 0
    child = 1
    level = 0
    while levels[level, 2] > 0:
        origin = levels[level, 1]
        slots = levels[level, 2]
        for row in range(levels[level, 0], levels[level + 1, 0]):
            here = masks[row]
            slot = _slot(here, slots)
            while table[origin + slot] != 0:
                slot = (slot + 1) & (slots - 1)
            table[origin + slot] = row + 1
            for t in range(lasts[row] + 1, candidates):
                if facets[t] & ~here == 0:
                    masks[child] = here | (1 << t)
                    lasts[child] = t
                    needed[child] = needed[row] | facets[t]
                    child += 1
        level += 1


@compiled
def predict(
    subtree: Subtree, row: int, level: int, own: int, rows: NDArray[np.int64], expected: NDArray[np.float32]
) -> None:
    """Write where the coefficients of a model are expected.

    Let t be its newest term and R up to three more of its maximal terms. As if the joint effect of t and R
    on the fit were nil, ``β(M) = Σ_S (−1)^(|S|+1) β(M − S)`` over the non-empty subsets S of R + t. Half the
    squared decrement at the start is then about 2e-5 on six lists, against 1e-1 at the coefficients of M − t.

    Parameters
    ----------
    subtree : Subtree
        With the betas of all earlier levels.
    row, level : int
        The model.
    own : int
        Candidates that can be taken away without leaving the sub-tree.
    rows : (16,) int64
        Scratch.
    expected : (2^K,) float32
        Overwritten.
    """
    masks = subtree.masks
    table = subtree.table
    levels = subtree.levels
    betas = subtree.betas
    size = expected.shape[0]
    if level == 0:
        # the root: what is there already
        for i in range(size):
            expected[i] = betas[row, i]
        return
    mask = masks[row]
    t = subtree.lasts[row]
    spare = mask & own & ~subtree.needed[row] & ~(1 << t)
    # rows[S] first holds M − S, S a subset of the chosen terms as a bitmask, then the row of that model
    rows[0] = mask
    rows[1] = mask ^ (1 << t)
    corners = 2
    for _ in range(_CORNERS):
        if spare == 0:
            break
        t -= 1
        while (spare >> t) & 1 == 0:
            t -= 1
        spare ^= 1 << t
        for subset in range(corners):
            rows[corners + subset] = rows[subset] ^ (1 << t)
        corners *= 2
    for i in range(size):
        expected[i] = 0.0
    for subset in range(1, corners):
        removed = (subset & 1) + (subset >> 1 & 1) + (subset >> 2 & 1) + (subset >> 3)
        origin = levels[level - removed, 1]
        slots = levels[level - removed, 2]
        wanted = rows[subset]
        slot = _slot(wanted, slots)
        source = table[origin + slot] - 1
        while masks[source] != wanted:
            slot = (slot + 1) & (slots - 1)
            source = table[origin + slot] - 1
        if removed & 1:
            for i in range(size):
                expected[i] += betas[source, i]
        else:
            for i in range(size):
                expected[i] -= betas[source, i]


@compiled
def list_terms(
    places: NDArray[np.int64],
    masks: NDArray[np.int64],
    candidates: NDArray[np.int64],
    always: NDArray[np.int64],
    dual: bool,
) -> tuple[int, int]:
    """Write the terms of eight models into lanes, those that all of them share first.

    Parameters
    ----------
    places : (2^K, 8) int64
        As in `Octet`; written.
    masks : (8,) int64
        Models with equally many terms.
    candidates : (c,) int64
        As in `facet_masks`.
    always : (a,) int64
        Subsets to begin with: the intercept and the lists; in the dual those that no model has.
    dual : bool
        Write the candidates that are not in the models instead.

    Returns
    -------
    order, common : int
        Rows written, and rows that are the same in all lanes.
    """
    size = candidates.shape[0]
    flip = -1 if dual else 0
    every = masks[0] ^ flip
    for lane in range(1, WIDE):
        every &= masks[lane] ^ flip
    common = always.shape[0]
    for row in range(common):
        for lane in range(WIDE):
            places[row, lane] = WIDE * always[row] + lane
    for i in range(size):
        if (every >> i) & 1:
            for lane in range(WIDE):
                places[common, lane] = WIDE * candidates[i] + lane
            common += 1
    order = common
    for lane in range(WIDE):
        rest = (masks[lane] ^ flip) & ~every
        order = common
        for i in range(size):
            if (rest >> i) & 1:
                places[order, lane] = WIDE * candidates[i] + lane
                order += 1
    return order, common
