"""The best of all hierarchical models by −2ℓ + penalty · p, found without fitting all of them.

Branch and bound. A node is a pair of sets: terms that are in, and terms still open. The model with all of them
has the largest likelihood below the node, and no model below it has fewer parameters than the terms that are
in: ``−2ℓ(in ∪ open) + penalty · |in|`` is a bound. Terms are decided pairs first, those with the strongest
evidence in front, so that leaving one out either closes its branch at once or shortens the work below.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.descent import descend
from mse.kernels.extended import EXACT, ROUGH, Shape, fit_extended, independence, persons, shape_of
from mse.kernels.newton import CONVERGED, Fit
from mse.kernels.poissontails import fitted_margins, log_tail

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# criteria closer than this are a tie, which goes to the fewer terms and then to the smaller mask
_TIE = 1e-9
# Newton steps for a bound: along a direction of no maximum each takes two thirds of what is left
_BOUND_STEPS = 25


class Choice(NamedTuple):
    """The best model that has a unique estimate.

    Attributes
    ----------
    mask : int
        The model over candidate indices; −1 when no model has an estimate.
    criterion : float
        −2ℓ + penalty · p without the constant 2 Σ ln n!; terms at −∞ count in p.
    log_unseen, variance : float
        η_0 and its variance.
    fits : int
        Models that were fitted.
    complete : bool
        Whether the search ran to its end, so that no other model can be better.
    """

    mask: int
    criterion: float
    log_unseen: float
    variance: float
    fits: int
    complete: bool


@compiled
def list_chosen(mask: int, candidates: Integers, out: Integers) -> int:
    """Write the candidates in `mask` to `out`; return how many there are."""
    count = 0
    for i in range(candidates.shape[0]):
        if (mask >> i) & 1:
            out[count] = candidates[i]
            count += 1
    return count


@compiled
def supersets(candidates: Integers) -> Integers:
    """Return for each candidate the mask of itself and those that contain it, shape (c,) int64."""
    masks = np.zeros(candidates.shape[0], np.int64)
    for i in range(candidates.shape[0]):
        for j in range(candidates.shape[0]):
            if candidates[j] & candidates[i] == candidates[i]:
                masks[i] |= np.int64(1) << j
    return masks


@compiled
def deciding_order(shape: Shape, candidates: Integers) -> Integers:
    """Return the candidate indices in the order in which they are decided: pairs by their tail, then the rest."""
    count = candidates.shape[0]
    keys = np.empty(count)
    fit = fit_extended(shape, candidates[:0], ROUGH, _BOUND_STEPS)
    sums = fitted_margins(shape, candidates[:0], fit.mu)
    for i in range(count):
        rest = candidates[i] & (candidates[i] - 1)
        keys[i] = float(i)
        if rest & (rest - 1) == 0:
            keys[i] = log_tail(shape.totals[candidates[i]], sums[candidates[i]]) - 1.0
    return np.argsort(keys)


@compiled
def _bound(fit: Fit, saturated: float) -> float:
    """Return what the log likelihood cannot exceed: its value and, to be safe, four times what a fit still misses.

    Terms that are dependent on a table whose cells can all be observed fit it perfectly (``existence``).
    """
    if np.isnan(fit.log_determinant) or not np.isfinite(fit.decrement):
        return saturated
    return min(saturated, fit.log_likelihood + 2.0 * fit.decrement * fit.decrement + 1e-9)


@compiled
def saturated_value(shape: Shape) -> float:
    """Return the log likelihood of the table that is fitted perfectly."""
    total = 0.0
    for cell in range(1, shape.counts.shape[0]):
        n = shape.counts[cell]
        if shape.cells[cell] > 0.0 and n > 0.0:
            total += n * np.log(n) - n - math.lgamma(n + 1.0)
    return total


@compiled
def choose(
    shape: Shape, candidates: Integers, lists: int, penalty: float, incumbents: Integers, most_fits: int
) -> Choice:
    """Return the model with the smallest criterion among all hierarchical ones that have a unique estimate.

    Parameters
    ----------
    shape : Shape
        The table.
    candidates : (c,) int64
        Terms that models may have, facets before what they are facets of; c ≤ 62.
    lists : int
        K; main effects that are at −∞ count as parameters too.
    penalty : float
        Cost of a parameter.
    incumbents : (m,) int64
        Models that are likely to do well: the better they are, the less there is to search. Any will do.
    most_fits : int
        Give up after so many fits; the best model so far is then returned as not complete.
    """
    size = candidates.shape[0]
    above = supersets(candidates)
    order = deciding_order(shape, candidates)
    saturated = saturated_value(shape)
    chosen = np.empty(size, np.int64)
    best = Choice(-1, np.inf, np.nan, np.nan, 0, True)
    fits = 0
    for mask in incumbents:
        best = _consider(shape, candidates, lists, penalty, mask, best, chosen)
        fits += 1
    best, more = _improve(shape, candidates, lists, penalty, best, chosen)
    fits += more

    ins = np.empty(2 * size + 2, np.int64)
    opens = np.empty(2 * size + 2, np.int64)
    highest = np.empty(2 * size + 2)
    ins[0] = 0
    opens[0] = (np.int64(1) << size) - 1
    highest[0] = saturated
    top = 1
    while top > 0 and fits < most_fits:
        top -= 1
        mask = ins[top]
        free = opens[top]
        high = highest[top]
        present = 0
        for i in range(size):
            present += (mask >> i) & 1
        if -2.0 * high + penalty * (1 + lists + present) > best.criterion + _TIE:
            continue
        if free == 0:
            best = _consider(shape, candidates, lists, penalty, mask, best, chosen)
            fits += 1
            continue
        pick = 0
        for i in order:
            if (free >> i) & 1:
                pick = i
                break
        bit = np.int64(1) << pick
        left = free & ~above[pick]
        terms = chosen[: list_chosen(mask | left, candidates, chosen)]
        without = _bound(fit_extended(shape, terms, ROUGH, _BOUND_STEPS), saturated)
        fits += 1
        ins[top] = mask
        opens[top] = left
        highest[top] = min(high, without)
        top += 1
        ins[top] = mask | bit
        opens[top] = free & ~bit
        highest[top] = high
        top += 1
    return Choice(best.mask, best.criterion, best.log_unseen, best.variance, fits, top == 0)


@compiled
def choose_among(shape: Shape, candidates: Integers, lists: int, penalty: float, models: Integers) -> Choice:
    """Return the best of the models in `models`, (m,) int64; other arguments as in `choose`."""
    best = Choice(-1, np.inf, np.nan, np.nan, 0, True)
    chosen = np.empty(candidates.shape[0], np.int64)
    for mask in models:
        best = _consider(shape, candidates, lists, penalty, mask, best, chosen)
    return best


@compiled
def replicate_choice(
    tables: Array,
    cells: Array,
    candidates: Integers,
    lists: int,
    penalty: float,
    models: Integers,
    most_fits: int,
) -> tuple[Array, Integers, int]:
    """Select and fit on every table.

    Parameters
    ----------
    tables : (r, 2^K) float64
        Counts by history.
    cells : (2^K,) float64
        As in `fit_loglinear`.
    candidates, lists, penalty
        As in `choose`.
    models : (m,) int64
        With `most_fits` 0 the models to choose from; otherwise the incumbents of a search over all.
    most_fits : int
        As in `choose`.

    Returns
    -------
    log_unseens : (r,) float64
        η_0; NaN where none of the models has an estimate, and ±inf where moreover the model of main effects
        sends the unseen there.
    masks : (r,) int64
        The models; −1 where there is none.
    incomplete : int
        Searches that gave up.
    """
    log_unseens = np.empty(tables.shape[0])
    masks = np.empty(tables.shape[0], np.int64)
    incomplete = 0
    for row in range(tables.shape[0]):
        shape = shape_of(tables[row], cells)
        if most_fits > 0:
            found = choose(shape, candidates, lists, penalty, models, most_fits)
        else:
            found = choose_among(shape, candidates, lists, penalty, models)
        incomplete += not found.complete
        log_unseens[row] = found.log_unseen
        masks[row] = found.mask
        if found.mask < 0:
            limit, _ = independence(shape, persons(shape))
            log_unseens[row] = limit if np.isinf(limit) else np.nan
    return log_unseens, masks, incomplete


@compiled
def _improve(
    shape: Shape, candidates: Integers, lists: int, penalty: float, best: Choice, chosen: Integers
) -> tuple[Choice, int]:
    """Go downhill from the best model so far; return what is found and how many models that took."""
    size = candidates.shape[0]
    inside = np.zeros(size, np.bool_)
    for i in range(size):
        inside[i] = best.mask >= 0 and (best.mask >> i) & 1 == 1
    found = descend(shape, candidates, lists, penalty, inside)
    mask = 0
    for i in range(size):
        if found.inside[i]:
            mask |= 1 << i
    return _consider(shape, candidates, lists, penalty, mask, best, chosen), found.fits


@compiled
def _consider(
    shape: Shape, candidates: Integers, lists: int, penalty: float, mask: int, best: Choice, chosen: Integers
) -> Choice:
    """Return the better of `best` and the model `mask`, which counts only when it has a unique estimate."""
    count = list_chosen(mask, candidates, chosen)
    if penalty * (1 + lists + count) - 2.0 * saturated_value(shape) > best.criterion + _TIE:
        return best
    fit = fit_extended(shape, chosen[:count], EXACT, 100)
    if fit.status != CONVERGED:
        return best
    criterion = -2.0 * fit.log_likelihood + penalty * (1 + lists + count)
    if criterion < best.criterion - _TIE:
        return Choice(mask, criterion, fit.log_unseen, fit.var_log_unseen, 0, True)
    if criterion < best.criterion + _TIE:
        held = 0
        for i in range(candidates.shape[0]):
            held += (best.mask >> i) & 1
        if count < held or (count == held and mask < best.mask):
            return Choice(mask, criterion, fit.log_unseen, fit.var_log_unseen, 0, True)
    return best
