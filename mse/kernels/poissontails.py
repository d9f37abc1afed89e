"""Pairs added one at a time by the Poisson tail of their margin (Chan, Silverman & Vincent 2021), compiled."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.extended import EXACT, Shape, fit_extended, independence, persons, shape_of, superset_sums
from mse.kernels.newton import CONVERGED

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Steps(NamedTuple):
    """What a stepwise search did.

    Attributes
    ----------
    pairs : (s,) int64
        Pairs in the order in which they were added.
    log_tails : (s,) float64
        Log p-value of each when it was added.
    refused : (r,) int64
        Pairs that were passed over because no unique estimate exists with them, in order; one may stand here
        more than once.
    log_unseen, variance : float
        η_0 of the last model and its variance; ±inf and NaN for the limit of the model of main effects when
        that has no estimate.
    """

    pairs: Integers
    log_tails: Array
    refused: Integers
    log_unseen: float
    variance: float


@compiled
def log_tail(count: float, mean: float) -> float:
    """Return the log of the smaller Poisson tail, P(X ≤ count) or P(X ≥ count), the count itself in both.

    Parameters
    ----------
    count : float
        Whole number, ≥ 0.
    mean : float
        Mean of X, ≥ 0.

    Notes
    -----
    In logarithms, since tails of 1e-400 are met on large tables and must still be told apart.
    """
    if mean <= 0.0:
        return 0.0 if count == 0.0 else -np.inf
    term = 1.0
    total = 1.0
    k = count
    if count >= mean:
        while term > 1e-17 * total:
            k += 1.0
            term *= mean / k
            total += term
    else:
        while k > 0.0 and term > 1e-17 * total:
            term *= k / mean
            k -= 1.0
            total += term
    log_mass = count * math.log(mean) - mean - math.lgamma(count + 1.0)
    near = log_mass + math.log(total)
    # near the mean the other tail may be the smaller one: the two overlap in the count itself
    if near > -1.0:
        other = 1.0 - math.exp(near) + math.exp(log_mass)
        return min(near, math.log(max(other, 1e-300)))
    return near


@compiled
def fitted_margins(shape: Shape, terms: Integers, means: Array) -> Array:
    """Return Σ_{ω⊇θ} μ_ω over the cells that were fitted, for every θ: shape (2^K,)."""
    sums = np.empty(means.shape[0])
    sums[0] = 0.0
    for cell in range(1, means.shape[0]):
        sums[cell] = means[cell] if shape.cells[cell] > 0.0 else 0.0
    for i in range(terms.shape[0]):
        if shape.totals[terms[i]] == 0.0:
            for cell in range(means.shape[0]):
                if cell & terms[i] == terms[i]:
                    sums[cell] = 0.0
    superset_sums(sums)
    return sums


@compiled
def add_pairs(shape: Shape, pairs: Integers, log_threshold: float) -> Steps:
    """Start from main effects and add, again and again, the pair with the smallest tail that can be fitted.

    Parameters
    ----------
    shape : Shape
        The table.
    pairs : (c,) int64
        Pairs that some observable cell contains, as bitmasks.
    log_threshold : float
        Log of the p-value below which a pair is added.
    """
    count = pairs.shape[0]
    added = np.empty(count, np.int64)
    log_tails = np.empty(count)
    refused = np.empty(count * count + 1, np.int64)
    tails = np.empty(count)
    barred = np.zeros(count, np.bool_)
    inside = np.zeros(count, np.bool_)
    n_added = 0
    n_refused = 0
    log_unseen, variance = independence(shape, persons(shape))
    if not math.isfinite(log_unseen):
        return Steps(added[:0], log_tails[:0], refused[:0], log_unseen, variance)
    fit = fit_extended(shape, added[:0], EXACT, 200)
    while True:
        sums = fitted_margins(shape, added[:n_added], fit.mu)
        for i in range(count):
            tails[i] = 1.0 if inside[i] or barred[i] else log_tail(shape.totals[pairs[i]], sums[pairs[i]])
        found = False
        while not found:
            best = int(np.argmin(tails)) if count > 0 else 0
            if count == 0 or tails[best] >= log_threshold:
                break
            added[n_added] = pairs[best]
            trial = fit_extended(shape, added[: n_added + 1], EXACT, 100)
            if trial.status == CONVERGED:
                fit = trial
                log_tails[n_added] = tails[best]
                inside[best] = True
                n_added += 1
                found = True
                # a pair that was refused stays so, unless cells are taken away (existence.check_models, rule 2)
                if shape.totals[pairs[best]] == 0.0:
                    barred[:] = False
            else:
                refused[n_refused] = pairs[best]
                n_refused += 1
                barred[best] = True
                tails[best] = 1.0
        if not found:
            break
    return Steps(
        added[:n_added].copy(),
        log_tails[:n_added].copy(),
        refused[:n_refused].copy(),
        fit.log_unseen,
        fit.var_log_unseen,
    )


@compiled
def replicate_stepwise(tables: Array, cells: Array, pairs: Integers, log_threshold: float) -> tuple[Array, Integers]:
    """Select and fit on every table.

    Parameters
    ----------
    tables : (r, 2^K) float64
        Counts by history.
    cells : (2^K,) float64
        As in `fit_loglinear`.
    pairs, log_threshold
        As in `add_pairs`; c ≤ 63.

    Returns
    -------
    log_unseens : (r,) float64
        η_0; ±inf where the model of main effects was all that could be tried and has no estimate.
    masks : (r,) int64
        Bit i set when ``pairs[i]`` was added.
    """
    log_unseens = np.empty(tables.shape[0])
    masks = np.zeros(tables.shape[0], np.int64)
    for row in range(tables.shape[0]):
        steps = add_pairs(shape_of(tables[row], cells), pairs, log_threshold)
        log_unseens[row] = steps.log_unseen
        for i in range(pairs.shape[0]):
            for s in range(steps.pairs.shape[0]):
                if steps.pairs[s] == pairs[i]:
                    masks[row] |= np.int64(1) << i
    return log_unseens, masks
