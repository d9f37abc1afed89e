"""Hierarchical models by the thousand: masks of any number of candidate terms, found again through a hash table.

A mask is a row of words with 62 candidates each: bit b of word w stands for candidate 62 w + b. With up to 62
candidates that is one word, the same as in ``enumeration``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.enumeration import BITS

Integers = NDArray[np.int64]


class Store(NamedTuple):
    """Distinct models and where they are.

    Attributes
    ----------
    slots : (s,) int64
        Open hash table: rows of `masks`, −1 where it is free; s is a power of two of at least twice the models.
    masks : (n, W) int64
        The models; rows that are in no slot are not in the store.
    """

    slots: Integers
    masks: Integers


@compiled
def holds(mask: Integers, i: int) -> bool:
    """Tell whether candidate `i` is in the model."""
    return bool((mask[i // BITS] >> (i % BITS)) & 1)


@compiled
def flip(mask: Integers, i: int) -> None:
    """Put candidate `i` into the mask, or take it out."""
    mask[i // BITS] ^= np.int64(1) << (i % BITS)


@compiled
def covers(mask: Integers, wanted: Integers) -> bool:
    """Tell whether everything in `wanted` is in the model."""
    for w in range(mask.shape[0]):
        if wanted[w] & ~mask[w] != 0:
            return False
    return True


@compiled
def hierarchical(mask: Integers, facets: Integers) -> bool:
    """Tell whether the model holds, with a term, all candidates inside it: ``enumeration.facet_words``."""
    for i in range(facets.shape[0]):
        if holds(mask, i) and not covers(mask, facets[i]):
            return False
    return True


@compiled
def _slot(store: Store, mask: Integers) -> int:
    """Return the slot of a model, or the free one for it."""
    slots, masks = store
    mixed = 0
    for w in range(mask.shape[0]):
        mixed = (mixed ^ int(mask[w])) * 7046029254386353131
        mixed ^= mixed >> 29
    at: int = mixed & (slots.shape[0] - 1)
    while slots[at] >= 0:
        same = True
        for w in range(mask.shape[0]):
            same = same and masks[slots[at], w] == mask[w]
        if same:
            break
        at = (at + 1) & (slots.shape[0] - 1)
    return at


@compiled
def row_of(store: Store, mask: Integers) -> int:
    """Return the row of a model, −1 when it is not in the store."""
    return int(store.slots[_slot(store, mask)])


@compiled
def insert(store: Store, row: int) -> bool:
    """Put the model in this row of the masks into the table; return whether it was not there before."""
    at = _slot(store, store.masks[row])
    if store.slots[at] >= 0:
        return False
    store.slots[at] = row
    return True


@compiled
def new_store(masks: Integers) -> Store:
    """Return an empty table with room for all of these rows."""
    size = 16
    while size < 2 * masks.shape[0]:
        size *= 2
    return Store(np.full(size, -1, np.int64), masks)


@compiled
def index_models(slots: Integers, masks: Integers, first: int) -> Store:
    """Return a store of all rows, of which those before `first` are in the table `slots`; the rest has to be distinct.

    The table that is given is not changed.
    """
    if 2 * masks.shape[0] <= slots.shape[0]:
        store = Store(slots.copy(), masks)
    else:
        store, first = new_store(masks), 0
    for row in range(first, masks.shape[0]):
        insert(store, row)
    return store


@compiled
def rows_of(store: Store, masks: Integers) -> Integers:
    """Return the row of each model, (m,); −1 for those that are not in the store."""
    out = np.empty(masks.shape[0], np.int64)
    for m in range(masks.shape[0]):
        out[m] = row_of(store, masks[m])
    return out


@compiled
def changes(facets: Integers, mask: Integers) -> Integers:
    """Return which candidates may come or go, one at a time, so that the model stays hierarchical: (W,), as a mask."""
    out, needed = np.zeros_like(mask), np.zeros_like(mask)
    for i in range(facets.shape[0]):
        if holds(mask, i):
            for w in range(mask.shape[0]):
                needed[w] |= facets[i, w]
    for i in range(facets.shape[0]):
        if holds(mask, i):
            if not holds(needed, i):
                flip(out, i)
        elif covers(mask, facets[i]):
            flip(out, i)
    return out


@compiled
def fresh_neighbours(facets: Integers, store: Store, parents: Integers) -> tuple[Integers, Integers]:
    """Return the neighbours of these models that are not in the store, each once.

    Parameters
    ----------
    facets : (c, W) int64
        As `enumeration.facet_words` gives them.
    store : Store
        Models that are known.
    parents : (m, W) int64
        Hierarchical models.

    Returns
    -------
    flips : (m, W) int64
        The candidates to change in each parent, one at a time; a neighbour of several is given to the first of them.
    children : (n, W) int64
        The neighbours, parent by parent and in the order of the candidates.
    """
    flips = np.zeros_like(parents)
    room = 0
    for m in range(parents.shape[0]):
        flips[m] = changes(facets, parents[m])
        for i in range(facets.shape[0]):
            room += holds(flips[m], i)
    children = np.empty((room, parents.shape[1]), np.int64)
    fresh = new_store(children)
    found = 0
    for m in range(parents.shape[0]):
        for i in range(facets.shape[0]):
            if holds(flips[m], i):
                children[found] = parents[m]
                flip(children[found], i)
                if row_of(store, children[found]) < 0 and insert(fresh, found):
                    found += 1
                else:
                    flip(flips[m], i)
    return flips, children[:found].copy()
