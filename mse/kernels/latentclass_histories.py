"""The histories that hold somebody, each by the few lists it is on: what the latent class density costs most for.

With the odds o_jk = λ_jk / (1 − λ_jk) and the share b_k = π_k Π_j (1 − λ_jk) of class k that is on no list,
π_k P(ω | k) = b_k Π_{j in ω} o_jk: as many factors as the history has lists, not as many as there are lists.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]

FARTHEST = 300.0
"""Sum of the positive logits of a class up to which products of its odds neither overflow nor lose digits."""


class HistoryLists(NamedTuple):
    """The lists of every history, one history after the other.

    Attributes
    ----------
    starts : (m + 1,) int64
        Where each history begins in `lists`.
    lists : (E,) int64
        The lists that it is on, rising.
    """

    starts: NDArray[np.int64]
    lists: NDArray[np.int64]


def lists_of_histories(on: NDArray[np.bool_]) -> HistoryLists:
    """Return the lists of every history, (m, J)."""
    return HistoryLists(np.append(0, np.cumsum(on.sum(axis=1))).astype(np.int64), np.nonzero(on)[1].astype(np.int64))


@compiled
def odds_of_lists(x: Array, weight: Array, caught: Array, missed: Array, odds: Array, nowhere: Array) -> bool:
    """Write the odds of every list and the share of each class that is on none.

    Parameters
    ----------
    x : (D,) float64
        Logits, those of λ first.
    weight : (K*,) float64
        π.
    caught, missed : (J, K*) float64
        λ and 1 − λ.
    odds, nowhere : (J, K*) and (K*,) float64
        Overwritten.

    Returns
    -------
    bool
        Whether products of odds can be relied on; false where some class has logits in the hundreds.
    """
    lists, classes = caught.shape
    nowhere[:] = weight
    for j in range(lists):
        for k in range(classes):
            odds[j, k] = caught[j, k] / missed[j, k]
            nowhere[k] *= missed[j, k]
    for k in range(classes):
        far = 0.0
        for j in range(lists):
            far += max(x[j * classes + k], 0.0)
        if far >= FARTHEST:
            return False
    return True


@compiled
def add_histories(
    histories: HistoryLists, counts: Array, nowhere: Array, odds: Array, share: Array, seen: Array, on_list: Array
) -> float:
    """Add the expected persons of every class over all histories; return Σ n_ω log p_ω.

    Parameters
    ----------
    histories : HistoryLists
        m histories, each on one list at least.
    counts : (m,) float64
        Their persons.
    nowhere, odds : (K*,) and (J, K*) float64
        As `odds_of_lists` writes them.
    share : (K*,) float64
        Workspace.
    seen, on_list : (K*,) and (J, K*) float64
        Persons of each class, and those of them that are on a list: what the histories hold is added.
    """
    starts, lists = histories.starts, histories.lists
    classes = nowhere.shape[0]
    log_likelihood = 0.0
    for c in range(counts.shape[0]):
        # The first two lists of a history share their loops with what has to be done anyway.
        first, last = starts[c], starts[c + 1]
        one = odds[lists[first]]
        if last - first == 1:
            for k in range(classes):
                share[k] = nowhere[k] * one[k]
        else:
            two = odds[lists[first + 1]]
            for k in range(classes):
                share[k] = nowhere[k] * one[k] * two[k]
            for e in range(first + 2, last):
                row = odds[lists[e]]
                for k in range(classes):
                    share[k] *= row[k]
        total = 0.0
        for k in range(classes):
            total += share[k]
        log_likelihood += counts[c] * math.log(total)
        factor = counts[c] / total
        on_one = on_list[lists[first]]
        if last - first == 1:
            for k in range(classes):
                held = factor * share[k]
                seen[k] += held
                on_one[k] += held
        else:
            on_two = on_list[lists[first + 1]]
            for k in range(classes):
                held = factor * share[k]
                share[k] = held
                seen[k] += held
                on_one[k] += held
                on_two[k] += held
            for e in range(first + 2, last):
                row = on_list[lists[e]]
                for k in range(classes):
                    row[k] += share[k]
    return log_likelihood


@compiled
def add_far_histories(
    on: NDArray[np.bool_],
    counts: Array,
    weight: Array,
    caught: Array,
    missed: Array,
    share: Array,
    seen: Array,
    on_list: Array,
) -> float:
    """Do what `add_histories` does by all factors λ and 1 − λ, where odds would overflow."""
    log_likelihood = 0.0
    for c in range(counts.shape[0]):
        share[:] = weight
        for j in range(on.shape[1]):
            row = caught[j] if on[c, j] else missed[j]
            for k in range(weight.shape[0]):
                share[k] *= row[k]
        total = share.sum()
        log_likelihood += counts[c] * math.log(total)
        for k in range(weight.shape[0]):
            held = counts[c] / total * share[k]
            seen[k] += held
            for j in range(on.shape[1]):
                if on[c, j]:
                    on_list[j, k] += held
    return log_likelihood
