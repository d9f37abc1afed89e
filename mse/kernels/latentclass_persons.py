"""The misfit of the latent class model from persons, not from histories: for tables of many lists and few persons.

With both tables of n persons, Σ (√count − √expected)² over all histories is 2 n − 2 Σ √(count · expected), to which
histories that hold nobody add nothing: those that the persons of a table are in are all that has to be looked at.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.latentclass_density import Array, LatentDensity, LatentTable, LatentWork
from mse.kernels.latentclass_strata import StrataWork

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@compiled
def misfit_by_persons(
    spare: np.random.Generator, table: LatentTable, parts: StrataWork | None, now: LatentDensity, work: LatentWork
) -> tuple[float, float]:
    """Return the misfit of the observed counts and that of n persons drawn from the model, given the parameters.

    Parameters
    ----------
    spare : Generator
        Advanced.
    table, parts, now, work
        As in `predictive_misfit`.
    """
    persons = int(table.total)
    if parts is None:
        silent = np.zeros(1, dtype=np.int64)
        operates = np.ones((1, table.on.shape[1]), dtype=np.bool_)
        share = np.ones((1, table.classes))
        held = _observed_places(table, persons)
    else:
        silent, share = parts.places.silent, parts.share
        operates = parts.places.operates[: parts.visible.shape[0]]
        held = _completed_places(spare, table, parts, persons, work)
    seen = math.exp(now.log_seen)
    drawn = _drawn_places(spare, persons, silent, operates, share, work)
    return (
        _distance(held, seen, silent, operates, share, work),
        _distance(drawn, seen, silent, operates, share, work),
    )


@compiled
def _observed_places(table: LatentTable, persons: int) -> Integers:
    """Return the history of every person, (n,), as a sum of powers of two."""
    places = np.empty(persons, dtype=np.int64)
    i = 0
    for c in range(table.on.shape[0]):
        history = 0
        for j in range(table.on.shape[1]):
            history |= int(table.on[c, j]) << j
        for _ in range(int(table.counts[c])):
            places[i] = history
            i += 1
    return places


@compiled
def _completed_places(
    spare: np.random.Generator, table: LatentTable, parts: StrataWork, persons: int, work: LatentWork
) -> Integers:
    """Return 2^J x stratum + history of every person, (n,), with lists that operate but are not known drawn."""
    strata = parts.places
    lists = table.on.shape[1]
    reach = np.empty(table.classes)
    places = np.empty(persons, dtype=np.int64)
    i = 0
    for p in range(strata.row.shape[0]):
        r, s = strata.row[p], strata.stratum[p]
        operates = strata.operates[strata.silent[s]]
        history = 0
        for j in range(lists):
            history |= int(table.on[r, j]) << j
        total = 0.0
        for k in range(table.classes):
            total += parts.product[r, k] * parts.share[s, k]
            reach[k] = total
        for _ in range(parts.filled[p]):
            whole = history
            k = -1
            for j in range(lists):
                if operates[j] and not strata.operates[r, j]:
                    if k < 0:
                        k = _choose(spare, reach)
                    if spare.random() < work.caught[j, k]:
                        whole |= 1 << j
            places[i] = (s << lists) | whole
            i += 1
    return places


@compiled
def _drawn_places(
    spare: np.random.Generator, persons: int, silent: Integers, operates: Flags, share: Array, work: LatentWork
) -> Integers:
    """Return 2^J x stratum + history of persons drawn from the model given that they are seen, (n,).

    Class and stratum by the chance of being seen, then the first list by its chance to be it, then the later ones:
    nobody is drawn in vain.
    """
    lists, classes = work.caught.shape
    visible = np.zeros((operates.shape[0], classes))
    for o in range(operates.shape[0]):
        for k in range(classes):
            through = 1.0
            for j in range(lists):
                if operates[o, j]:
                    visible[o, k] += through * work.caught[j, k]
                    through *= work.missed[j, k]
    reach = np.empty(silent.shape[0] * classes)
    total = 0.0
    for s in range(silent.shape[0]):
        for k in range(classes):
            total += work.weight[k] * share[s, k] * visible[silent[s], k]
            reach[s * classes + k] = total
    places = np.empty(persons, dtype=np.int64)
    for i in range(persons):
        at = _choose(spare, reach)
        s, k = at // classes, at % classes
        o = silent[s]
        rest = spare.random() * visible[o, k]
        through = 1.0
        history, last = 0, 0
        for j in range(lists):
            if operates[o, j]:
                if history == 0:
                    rest -= through * work.caught[j, k]
                    through *= work.missed[j, k]
                    last = j
                    if rest < 0.0:
                        history = 1 << j
                elif spare.random() < work.caught[j, k]:
                    history |= 1 << j
        if history == 0:  # rounding left a rest above all chances
            history = 1 << last
        places[i] = (s << lists) | history
    return places


@compiled
def _choose(spare: np.random.Generator, reach: Array) -> int:
    """Return an index by its part of the rising sums `reach`."""
    at: int = min(np.searchsorted(reach, spare.random() * reach[-1], side="right"), reach.shape[0] - 1)
    return at


@compiled
def _distance(
    places: Integers, seen: float, silent: Integers, operates: Flags, share: Array, work: LatentWork
) -> float:
    """Return 2 n − 2 Σ √(count · expected) over the places that hold somebody; 0 or more."""
    places.sort()
    persons = places.shape[0]
    lists, classes = work.caught.shape
    total = 0.0
    begin = 0
    while begin < persons:
        end = begin + 1
        while end < persons and places[end] == places[begin]:
            end += 1
        s = places[begin] >> lists
        chance: float = 0.0
        for k in range(classes):
            term: float = work.weight[k] * share[s, k]
            for j in range(lists):
                if operates[silent[s], j]:
                    term *= work.caught[j, k] if places[begin] >> j & 1 else work.missed[j, k]
            chance += term
        total += math.sqrt((end - begin) * persons * chance / seen)
        begin = end
    distance: float = max(2.0 * persons - 2.0 * total, 0.0)
    return distance
