"""Log posterior density of the multilevel log-linear model, with its gradient; one call serves any table."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.multilevel_model import (
    AREA,
    BREAKS,
    END,
    FARTHEST,
    LIST,
    LIST_MEAN,
    LIST_REST,
    NARROWEST,
    PAIR,
    PAIR_MEAN,
    PAIR_REST,
    SIZE,
    SIZE_MEAN,
    SIZE_REST,
    Multilevel,
    area_spreads,
    centring,
    common_dependence,
    effect_scales,
    horseshoe,
    is_uniform,
    log_sizes,
    normal_tail,
    positive_values,
    size_parameters,
    stratum_terms,
    stratum_weights,
)
from mse.kernels.stratumcells import Rows

LARGEST = 700.0
"""Log sizes beyond this are impossible: their exponentials overflow."""
SMALLEST = 1e-300
"""Means below this count as this."""


@compiled
def log_density(model: Multilevel, x: NDArray[np.float64], grad: NDArray[np.float64]) -> float:
    """Return the log posterior density at `x`, up to a constant, and write its gradient."""
    at = model.starts
    n_scales = model.n_scales
    n_strata, n_cells = model.possible.shape
    k, q = at[LIST] - at[LIST_MEAN], at[PAIR] - at[PAIR_MEAN]
    if np.abs(x[: at[SIZE_MEAN]]).max() > FARTHEST:
        return -np.inf
    positive = positive_values(model, x)
    terms = np.empty((n_strata, k + q))
    weights = np.empty((n_cells, n_strata))
    sums = np.empty((2, n_strata))
    stratum_terms(model, x, positive, terms)
    stratum_weights(model, terms, weights, sums)
    if not sums.max() < np.inf:
        return -np.inf
    z = size_parameters(model, x, sums)
    log_size = log_sizes(model, x, positive, z)
    if not log_size.max() < LARGEST:
        return -np.inf
    grad[:] = 0.0
    total = _normal_prior(model, x, z, grad)
    slope = np.empty((n_cells, n_strata))
    total += _likelihood(model, weights, log_size[:, 0] - np.log(sums[0]), slope)
    # from the log means of the cells to the sizes
    along = np.zeros(n_strata)
    for h in range(n_cells):
        for s in range(n_strata):
            along[s] += slope[h, s]
    slope_size = along.reshape((n_strata, 1))
    scales = effect_scales(model, positive)
    rest = model.rest_scale[0]
    for s in range(n_strata):
        step = scales[rest] * slope_size[s, 0]
        grad[at[SIZE_REST] + s] += step
        grad[rest] += x[at[SIZE_REST] + s] * step
        grad[at[SIZE_MEAN]] += model.size_prior[1] * slope_size[s, 0]
    _gradient_of_effects(model.size, model.size_scale, scales, z[1:], slope_size,
                         grad[at[SIZE] : at[SIZE_REST]], grad[:n_scales])  # fmt: skip
    if model.area_variances.shape[0] > 0:
        _gradient_of_areas(model, x, positive, slope_size, grad)
    # and to the terms: through the cells, through all possible ones, and through the share seen
    slope_terms = np.empty((n_strata, k + q))
    back, through = np.empty(n_strata), np.zeros(n_strata)
    for s in range(n_strata):
        if sums[1, s] > 0.0:
            for i in range(z.shape[0]):
                through[s] -= model.follow[i, s] * grad[at[SIZE_MEAN] + i]
        back[s] = (along[s] + through[s]) / sums[0, s]
        through[s] /= max(sums[1, s], SMALLEST)
    is_open = model.open.T
    for h in range(n_cells):
        for s in range(n_strata):
            slope[h, s] += (through[s] * is_open[h, s] - back[s]) * weights[h, s]
    _gather(slope, k, slope_terms)
    total += _gradient_of_terms(model, x, positive, scales, slope_terms, grad)
    return total + _positive_prior(model, x, positive, grad)


@compiled
def _normal_prior(
    model: Multilevel, x: NDArray[np.float64], z: NDArray[np.float64], grad: NDArray[np.float64]
) -> float:
    """Return the log prior density of all parameters but the positive ones, and add its gradient."""
    at = model.starts
    total = 0.0
    for i in range(z.shape[0]):
        total -= 0.5 * z[i] * z[i]
        grad[at[SIZE_MEAN] + i] -= z[i]
    for i in range(at[SIZE_REST], at[END]):
        total -= 0.5 * x[i] * x[i]
        grad[i] -= x[i]
    return total


@compiled
def _positive_prior(
    model: Multilevel, x: NDArray[np.float64], positive: NDArray[np.float64], grad: NDArray[np.float64]
) -> float:
    """Return the log prior density of the positive parameters' coordinates; turn their slopes and add its gradient.

    On entry `grad` holds slopes in the logs of the positive parameters.
    """
    total = 0.0
    for i in range(positive.shape[0]):
        u = x[i]
        density = math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
        value = positive[i] / model.spreads[i]
        if i < model.n_scales:
            below = normal_tail(u)
            grad[i] = grad[i] * below / value + density / below - value * below
            total += math.log(below) - 0.5 * value * value
        elif is_uniform(model, i):
            grad[i] = grad[i] * density / value - u
            total -= 0.5 * u * u
        else:
            grad[i] = grad[i] * 0.5 * math.pi * density * (value + 1.0 / value) - u
            total -= 0.5 * u * u
    return total


@compiled
def _likelihood(
    model: Multilevel, weights: NDArray[np.float64], log_unseen: NDArray[np.float64], slope: NDArray[np.float64]
) -> float:
    """Return the log likelihood, up to a constant, and write its slope in the log mean of every cell, (C, S)."""
    n_cells, n_strata = weights.shape
    unseen, expected = np.exp(log_unseen), np.zeros(n_strata)
    is_open, counts = model.open.T, model.counts.T
    for h in range(n_cells):
        for s in range(n_strata):
            mean = unseen[s] * weights[h, s] * is_open[h, s]
            expected[s] += mean
            slope[h, s] = counts[h, s] - mean
    total = -expected.sum()
    for i in range(model.filled.shape[0]):
        s, h = divmod(model.filled[i], n_cells)
        total += counts[h, s] * (log_unseen[s] + math.log(max(weights[h, s], SMALLEST)))
    for i in range(model.limited.shape[0]):
        s, h = divmod(model.limited[i], n_cells)
        log_mean = log_unseen[s] + math.log(max(weights[h, s], SMALLEST))
        value, residual, _, _ = bounded(model.bounds[i], log_mean)
        total += value + math.exp(log_mean)
        slope[h, s] = residual
    for c in range(model.pool_counts.shape[0]):
        first, last = model.pool_starts[c], model.pool_starts[c + 1]
        if model.pool_counts[c] > 0.0:
            mean = 0.0
            for m in range(first, last):
                s, h = divmod(model.pool_cells[m], n_cells)
                mean += unseen[s] * weights[h, s]
            total += model.pool_counts[c] * math.log(max(mean, SMALLEST))
            for m in range(first, last):
                s, h = divmod(model.pool_cells[m], n_cells)
                share = unseen[s] * weights[h, s] / max(mean, SMALLEST)
                slope[h, s] += model.pool_counts[c] * share
    return total


@compiled
def _gather(slope: NDArray[np.float64], k: int, out: NDArray[np.float64]) -> None:
    """Write sums of `slope`, (C, S), over histories with list j, then with both of (1,0), (2,0), …; overwrite it."""
    n_strata = slope.shape[1]
    # superset sums: afterwards slope[g] is the sum over all histories that contain g
    for j in range(k):
        step = 1 << j
        for low in range(0, slope.shape[0], 2 * step):
            for h in range(low, low + step):
                for s in range(n_strata):
                    slope[h, s] += slope[h + step, s]
    at = k
    for j in range(k):
        for s in range(n_strata):
            out[s, j] = slope[1 << j, s]
        for i in range(j):
            for s in range(n_strata):
                out[s, at] = slope[(1 << j) + (1 << i), s]
            at += 1


@compiled
def _gradient_of_terms(
    model: Multilevel,
    x: NDArray[np.float64],
    positive: NDArray[np.float64],
    scales: NDArray[np.float64],
    slope: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> float:
    """Add what the slopes of list effects and pair interactions, (S, K + Q), say of all parameters behind them.

    Returns what the log prior density of what pairs have of their own is beyond that of standard normal coordinates.
    """
    at = model.starts
    n_strata = slope.shape[0]
    n_scales = model.n_scales
    k, q = at[LIST] - at[LIST_MEAN], at[PAIR] - at[PAIR_MEAN]
    turned, pairs = np.zeros((n_strata, k)), slope[:, k:]
    rest = model.rest_scale[1]
    for s in range(n_strata):
        for e in range(model.break_list.shape[0]):
            grad[at[BREAKS] + e] += model.breaks[s, e] * model.break_prior * slope[s, model.break_list[e]]
        for i in range(k):
            for j in range(k):
                turned[s, i] += model.rotation[j, i] * slope[s, j]
            z = at[LIST_REST] + s * k + i
            grad[z] += scales[rest] * turned[s, i]
            grad[rest] += scales[rest] * x[z] * turned[s, i]
            grad[at[LIST_MEAN] + i] += model.list_prior[1] * turned[s, i]
    _gradient_of_effects(model.lists, model.list_scale, scales, x[at[LIST] : at[LIST_REST]], turned,
                         grad[at[LIST] : at[LIST_REST]], grad[:n_scales])  # fmt: skip
    rest = model.rest_scale[2]
    total = 0.0
    common = common_dependence(model, positive)
    for s in range(n_strata):
        whole = 0.0
        for p in range(q):
            whole += pairs[s, p]
        z = at[PAIR_REST] + s
        grad[z] += scales[rest] * whole
        grad[rest] += scales[rest] * x[z] * whole
    for p in range(q):
        whole = 0.0
        for s in range(n_strata):
            whole += pairs[s, p]
        grad[n_scales] += 2.0 * common * whole
        width = horseshoe(model, positive, p)
        a, z = centring(width), x[at[PAIR_MEAN] + p]
        # the prior of a z in place of that of z
        total += math.log(a) + 0.5 * (1.0 - a * a) * z * z
        grad[at[PAIR_MEAN] + p] += width * a * whole + (1.0 - a * a) * z
        # d log width / d log reach = c² / (c² + r²) = 1 − (width / c)²
        # d log a / d log width = a² − 1
        own = width * a**3 * z * whole + (1.0 - a * a) * (a * a * z * z - 1.0)
        through = (1.0 - (width / model.slab) ** 2) * own
        grad[n_scales + 1] += through
        grad[n_scales + 2 + p] += through
    _gradient_of_effects(model.pairs, model.pair_scale, scales, x[at[PAIR] : at[PAIR_REST]], pairs,
                         grad[at[PAIR] : at[PAIR_REST]], grad[:n_scales])  # fmt: skip
    return total


@compiled
def _gradient_of_areas(
    model: Multilevel,
    x: NDArray[np.float64],
    positive: NDArray[np.float64],
    slope: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> None:
    """Add what the slopes of log sizes, (S, 1), say of the effects of areas, of log σ and of log ρ."""
    start, last = model.starts[AREA], positive.shape[0] - 1
    by_area = np.zeros(model.area_variances.shape[0])
    for s in range(slope.shape[0]):
        by_area[model.area[s]] += slope[s, 0]
    spreads = area_spreads(model, positive)
    for c in range(by_area.shape[0]):
        found = 0.0
        for a in range(by_area.shape[0]):
            found += model.area_basis[c, a] * by_area[a]
        step = spreads[c] * found
        grad[start + c] += step
        grad[model.area_scale] += x[start + c] * step
        # d log spread / d log ρ = ρ (d − 1) / 2 (1 − ρ + ρ d)
        further = positive[last] * (model.area_variances[c] - 1.0)
        grad[last] += x[start + c] * step * 0.5 * further / max(1.0 + further, NARROWEST)


@compiled
def _gradient_of_effects(
    rows: Rows,
    place: NDArray[np.int64],
    scales: NDArray[np.float64],
    z: NDArray[np.float64],
    slope: NDArray[np.float64],
    grad_z: NDArray[np.float64],
    grad_log_scales: NDArray[np.float64],
) -> None:
    """Add to the gradients of z and of the log scales what `slope`, (S, W), says of X(σ z)."""
    width = slope.shape[1]
    found = np.zeros((place.shape[0], width))
    for s in range(slope.shape[0]):
        for e in range(rows.starts[s], rows.starts[s + 1]):
            c = rows.columns[e]
            for t in range(width):
                found[c, t] += rows.values[e] * slope[s, t]
    for c in range(place.shape[0]):
        along = 0.0
        for t in range(width):
            step = scales[place[c]] * found[c, t]
            grad_z[c * width + t] += step
            along += z[c * width + t] * step
        if place[c] < grad_log_scales.shape[0]:
            grad_log_scales[place[c]] += along
