"""Downhill search: one term in or out at a time, as long as the criterion falls. For lists too many to enumerate."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.extended import EXACT, Shape, fit_extended
from mse.kernels.newton import CONVERGED

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# a move must lower the criterion by this much: rounding must not make it walk in circles
_GAIN = 1e-9


class Descent(NamedTuple):
    """Where a search ended.

    Attributes
    ----------
    inside : (c,) bool
        The candidates in the model.
    criterion : float
        −2ℓ + penalty · p; infinite when no model on the way had a unique estimate.
    log_unseen, variance : float
        η_0 and its variance.
    moves, fits : int
        Terms that were added or dropped, and models that were fitted.
    """

    inside: Flags
    criterion: float
    log_unseen: float
    variance: float
    moves: int
    fits: int


@compiled
def may_enter(candidates: Integers, inside: Flags, i: int) -> bool:
    """Tell whether all terms within candidate `i` are in."""
    for j in range(candidates.shape[0]):
        if j != i and candidates[j] & candidates[i] == candidates[j] and not inside[j]:
            return False
    return True


@compiled
def may_leave(candidates: Integers, inside: Flags, i: int) -> bool:
    """Tell whether no term that is in holds candidate `i`."""
    for j in range(candidates.shape[0]):
        if j != i and inside[j] and candidates[j] & candidates[i] == candidates[i]:
            return False
    return True


@compiled
def descend(shape: Shape, candidates: Integers, lists: int, penalty: float, start: Flags) -> Descent:
    """Move to the best model that is one term away, until none is better.

    Parameters
    ----------
    shape : Shape
        The table.
    candidates : (c,) int64
        Terms that models may have: with a term all those of two and more lists inside it.
    lists : int
        K.
    penalty : float
        Cost of a parameter.
    start : (c,) bool
        A hierarchical model. When it has no estimate, terms are dropped, the last first, until one has.
    """
    size = candidates.shape[0]
    inside = start.copy()
    terms = np.empty(size, np.int64)
    best = Descent(inside, np.inf, np.nan, np.nan, 0, 0)
    fits = 0
    moves = 0
    while True:
        value, log_unseen, variance = _value(shape, candidates, inside, lists, penalty, terms)
        fits += 1
        if np.isfinite(value):
            break
        drop = size - 1
        while drop >= 0 and not inside[drop]:
            drop -= 1
        if drop < 0:
            return Descent(inside, np.inf, np.nan, np.nan, moves, fits)
        inside[drop] = False
        moves += 1
    best = Descent(inside, value, log_unseen, variance, moves, fits)
    while True:
        turn = -1
        here = best.criterion
        for i in range(size):
            if not (may_leave(candidates, inside, i) if inside[i] else may_enter(candidates, inside, i)):
                continue
            inside[i] = not inside[i]
            value, log_unseen, variance = _value(shape, candidates, inside, lists, penalty, terms)
            fits += 1
            inside[i] = not inside[i]
            if value < here - _GAIN:
                here = value
                turn = i
                best = Descent(inside, value, log_unseen, variance, moves + 1, fits)
        if turn < 0:
            return Descent(inside, best.criterion, best.log_unseen, best.variance, moves, fits)
        inside[turn] = not inside[turn]
        moves += 1


@compiled
def _value(
    shape: Shape, candidates: Integers, inside: Flags, lists: int, penalty: float, terms: Integers
) -> tuple[float, float, float]:
    """Return criterion, η_0 and its variance of a model; infinite when no unique estimate exists."""
    count = 0
    for i in range(candidates.shape[0]):
        if inside[i]:
            terms[count] = candidates[i]
            count += 1
    fit = fit_extended(shape, terms[:count], EXACT, 100)
    if fit.status != CONVERGED:
        return np.inf, np.nan, np.nan
    return -2.0 * fit.log_likelihood + penalty * (1 + lists + count), fit.log_unseen, fit.var_log_unseen


@compiled
def random_model(candidates: Integers, draws: Array) -> Flags:
    """Return a random hierarchical model to start from, (c,) bool: candidate i enters with probability draws[c].

    Parameters
    ----------
    candidates : (c,) int64
        As in `descend`, terms after those inside them.
    draws : (c + 1,) float64
        Uniform numbers; the last is the share of terms that are tried.
    """
    inside = np.zeros(candidates.shape[0], np.bool_)
    for i in range(candidates.shape[0]):
        inside[i] = draws[i] < draws[-1] and may_enter(candidates, inside, i)
    return inside
