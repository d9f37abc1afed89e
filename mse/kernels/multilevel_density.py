"""Log posterior density of the multilevel log-linear model, with its gradient; one call serves any table."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, load, spread, store
from mse.kernels.multilevel_cells import (
    collect_effects,
    log_shares_seen,
    log_sizes,
    slopes_of_terms,
    stratum_terms,
    stratum_weights,
)
from mse.kernels.multilevel_model import (
    AREA,
    BREAKS,
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
    area_effects,
    area_spreads,
    common_dependence,
    dot,
    effect_scales,
    horseshoe,
    is_uniform,
    narrowings,
    normal_tail,
    positive_values,
    size_parameters,
    summed,
    unfold,
)

LARGEST = 700.0
"""Log sizes beyond this are impossible: their exponentials overflow."""
SMALLEST = 1e-300
"""Means below this count as this."""
TOGETHER = 8
"""Factors of which one logarithm is taken: their product cannot vanish."""


@compiled
def log_density(model: Multilevel, x: NDArray[np.float64], grad: NDArray[np.float64]) -> float:
    """Return the log posterior density at `x`, up to a constant, and write its gradient."""
    at = model.starts
    n_strata, n_cells = model.possible.shape
    k, q = model.rotation.shape[0], at[PAIR] - at[PAIR_MEAN]
    fours = -(-n_strata // LANES)
    if np.abs(x[: at[SIZE_MEAN]]).max() > FARTHEST:
        return -np.inf
    positive = positive_values(model, x)
    scales = effect_scales(model, positive)
    z, factors, units = x.copy(), np.ones(x.shape[0]), x.copy()
    effects = np.zeros(x.shape[0] + LANES * (k + 1))
    unfold(model, at[LIST_MEAN], at[AREA], scales, z, factors, units, effects)
    common, widths = common_dependence(model, positive), horseshoe(model, positive)
    own = narrowings(widths, model.information[at[PAIR_MEAN] : at[PAIR]])
    pairs = common + widths * own * x[at[PAIR_MEAN] : at[PAIR]]
    weights, terms = np.empty(LANES * fours * n_cells), np.empty(LANES * fours * (k + q))
    every, seen = np.empty(LANES * fours), np.empty(LANES * fours)
    stratum_terms(model, effects, pairs, terms)
    stratum_weights(model, terms, weights, every, seen)
    if not (every.max() < np.inf):
        return -np.inf
    size_parameters(model, x, log_shares_seen(n_strata, every, seen), z)
    unfold(model, at[SIZE_MEAN], at[LIST_MEAN], scales, z, factors, units, effects)
    spreads = area_spreads(model, positive)
    free = narrowings(spreads, model.information[at[AREA] :])
    log_size = log_sizes(model, effects, area_effects(model, spreads, free * x[at[AREA] :]))
    if not log_size.max() < LARGEST:
        return -np.inf
    grad[:] = 0.0
    # the likelihood: of open cells all at once, then of bounded cells and pools one by one
    unseen, along = np.empty(LANES * fours), np.empty(LANES * fours)
    total = _open_cells(model.known_fours, terms, log_size, every, seen, unseen, along, 1 + k + q)
    partial = model.limited.shape[0] + model.pool_cells.shape[0] > 0
    slope = np.zeros(weights.shape[0] if partial else 0)
    if partial:
        total += _partly_known(model, weights, unseen, along, slope)
    # to the sizes
    total += _to_sizes(model, along, scales, z, factors, units, effects, grad)
    total += _to_areas(model, x, positive, spreads, free, along, grad)
    # and to the terms: through the cells, through all possible ones, and through the share seen
    gain, back = np.zeros(LANES * fours), np.zeros(LANES * fours)
    for i in range(model.follow.shape[0]):
        if i == 0 or model.size_scale[i - 1] == model.n_scales:
            for s in range(n_strata):
                gain[s] -= model.follow[i, s] * grad[at[SIZE_MEAN] + i]
    for s in range(n_strata):
        if not seen[s] > 0.0:
            gain[s] = 0.0
        back[s] = (along[s] + gain[s]) / every[s]
        gain[s] = gain[s] / max(seen[s], SMALLEST) - unseen[s]
    total += _to_terms(model, weights, slope, gain, back, common, widths, own, x, grad)
    total += _fold(model, at[LIST_MEAN], at[AREA], scales, z, factors, units, effects, grad)
    return total + _positive_prior(model, x, positive, grad)


@compiled
def _open_cells(
    known: NDArray[np.float64],
    terms: NDArray[np.float64],
    log_size: NDArray[np.float64],
    every: NDArray[np.float64],
    seen: NDArray[np.float64],
    unseen: NDArray[np.float64],
    along: NDArray[np.float64],
    columns: int,
) -> float:
    """Return the log likelihood of open cells, up to a constant; write the expected unseen, and slopes in log sizes."""
    fit = spread(0.0)
    total = 0.0
    n = columns - 1
    for g in range(every.shape[0] // LANES):
        for t in range(n):
            fit = fit + load(known, g * columns + 1 + t) * load(terms, g * n + t)
        persons, hidden = load(known, g * columns), exponential(load(log_size, g)) / load(every, g)
        expected = hidden * load(seen, g)
        fit = fit + persons * load(log_size, g) - expected
        store(unseen, g, hidden)
        store(along, g, persons - expected)
        for lane in range(LANES):
            total -= known[LANES * g * columns + lane] * math.log(every[LANES * g + lane])
    ends = np.empty(LANES)
    store(ends, 0, fit)
    return float(total + ends.sum())


@compiled
def _partly_known(
    model: Multilevel,
    weights: NDArray[np.float64],
    unseen: NDArray[np.float64],
    along: NDArray[np.float64],
    slope: NDArray[np.float64],
) -> float:
    """Return what bounded cells and pools add to the log likelihood; add slopes in log means, by stratum and cell."""
    n_cells = model.possible.shape[1]
    total = 0.0
    for i in range(model.limited.shape[0]):
        s, h = divmod(model.limited[i], n_cells)
        place = LANES * (s // LANES * n_cells + h) + s % LANES
        mean = max(unseen[s] * weights[place], SMALLEST)
        value, residual, _, _ = bounded(model.bounds[i], math.log(mean))
        total += value + mean
        slope[place] += residual + mean
        along[s] += residual + mean
    for c in range(model.pool_counts.shape[0]):
        if model.pool_counts[c] > 0.0:
            mean = 0.0
            for m in range(model.pool_starts[c], model.pool_starts[c + 1]):
                s, h = divmod(model.pool_cells[m], n_cells)
                mean += unseen[s] * weights[LANES * (s // LANES * n_cells + h) + s % LANES]
            mean = max(mean, SMALLEST)
            total += model.pool_counts[c] * math.log(mean)
            for m in range(model.pool_starts[c], model.pool_starts[c + 1]):
                s, h = divmod(model.pool_cells[m], n_cells)
                place = LANES * (s // LANES * n_cells + h) + s % LANES
                step = model.pool_counts[c] * unseen[s] * weights[place] / mean
                slope[place] += step
                along[s] += step
    return total


@compiled
def _to_sizes(
    model: Multilevel,
    along: NDArray[np.float64],
    scales: NDArray[np.float64],
    z: NDArray[np.float64],
    factors: NDArray[np.float64],
    units: NDArray[np.float64],
    effects: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> float:
    """Add what the slopes of log sizes say of all parameters behind them but areas; return their log prior density."""
    at = model.starts
    n_strata = model.possible.shape[0]
    collect_effects(model.size, along, 1, 0, 1, grad[at[SIZE] : at[SIZE_REST]])
    grad[at[SIZE_MEAN]] += model.size_prior[1] * summed(along[:n_strata])
    for s in range(n_strata):
        grad[at[SIZE_REST] + s] += along[s]
    return _fold(model, at[SIZE_MEAN], at[LIST_MEAN], scales, z, factors, units, effects, grad)


@compiled
def _to_areas(
    model: Multilevel,
    x: NDArray[np.float64],
    positive: NDArray[np.float64],
    spreads: NDArray[np.float64],
    free: NDArray[np.float64],
    along: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> float:
    """Add what the slopes of log sizes say of the effects of areas, of log σ and of log ρ; return the log prior."""
    start, last = model.starts[AREA], positive.shape[0] - 1
    by_area = np.zeros(spreads.shape[0])
    for s in range(model.possible.shape[0] if spreads.shape[0] > 0 else 0):
        by_area[model.area[s]] += along[s]
    total = 0.0
    for c in range(spreads.shape[0]):
        step = spreads[c] * free[c] * dot(model.area_basis[c], by_area)
        through = _fold_one(x[start + c], free[c], step)
        grad[start + c] = step - free[c] * free[c] * x[start + c]
        total += math.log(free[c]) - 0.5 * (free[c] * x[start + c]) ** 2
        grad[model.area_scale] += through
        # d log spread / d log ρ = ρ (d − 1) / 2 (1 − ρ + ρ d)
        further = positive[last] * (model.area_variances[c] - 1.0)
        grad[last] += through * 0.5 * further / max(1.0 + further, NARROWEST)
    return total


@compiled
def _fold_one(x: float, a: float, step: float) -> float:
    """Return the slope in the log scale, d log (σ a) / d log σ being a² and d log a / d log σ being a² − 1.

    `step` is the slope of the likelihood in the coordinate `x`.
    """
    return a * a * x * step + (a * a - 1.0) * (1.0 - a * a * x * x)


@compiled
def _to_terms(
    model: Multilevel,
    weights: NDArray[np.float64],
    slope: NDArray[np.float64],
    gain: NDArray[np.float64],
    back: NDArray[np.float64],
    common: float,
    widths: NDArray[np.float64],
    own: NDArray[np.float64],
    x: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> float:
    """Add what the cells say of list effects and pairs; return the log prior of what pairs have of their own.

    `slope` holds slopes in the log means of cells of four strata, empty without any; `gain` and `back` are what open
    and what possible cells have in common.
    """
    at, rotation, breaks = model.starts, model.rotation, model.breaks
    n_strata, k, q = breaks.shape[0], rotation.shape[0], widths.shape[0]
    fours, n = gain.shape[0] // LANES, k + q
    found, turned = np.empty(LANES * n * fours), np.empty(LANES * k * fours)
    means, levels, rest = np.zeros(LANES * k), np.zeros(LANES * q), np.empty(LANES * fours)
    slopes_of_terms(model, weights, slope, gain, back, found)
    for g in range(fours):
        for i in range(k):
            value = spread(0.0)
            for j in range(k):
                value = value + spread(rotation[j, i]) * load(found, g * n + j)
            store(turned, g * k + i, value)
            store(means, i, load(means, i) + value)
        whole = spread(0.0)
        for p in range(q):
            value = load(found, g * n + k + p)
            whole = whole + value
            store(levels, p, load(levels, p) + value)
        store(rest, g, whole)
    first = at[LIST_REST]
    for s in range(n_strata):
        grad[at[PAIR_REST] + s] += rest[s]
        for i in range(k):
            grad[first + s * k + i] += turned[LANES * (s // LANES * k + i) + s % LANES]
    for e in range(breaks.shape[1]):
        along, first = 0.0, LANES * model.break_list[e]
        for s in range(n_strata):
            along += breaks[s, e] * found[LANES * (s // LANES) * n + first + s % LANES]
        grad[at[BREAKS] + e] += model.break_prior * along
    collect_effects(model.lists, turned, k, 0, k, grad[at[LIST] : at[LIST_REST]])
    collect_effects(model.pairs, found, q, k, n, grad[at[PAIR] : at[PAIR_REST]])
    for i in range(k):
        grad[at[LIST_MEAN] + i] += model.list_prior[1] * means[LANES * i : LANES * (i + 1)].sum()
    return _to_pairs(model, levels, common, widths, own, x, grad)


@compiled
def _to_pairs(
    model: Multilevel,
    levels: NDArray[np.float64],
    common: float,
    widths: NDArray[np.float64],
    own: NDArray[np.float64],
    x: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> float:
    """Add what slopes of pairs, four for each, say of visibility and horseshoe; return the log prior of their own."""
    start, first = model.starts[PAIR_MEAN], model.n_scales
    total = 0.0
    for p in range(widths.shape[0]):
        a, z, whole = own[p], x[start + p], levels[LANES * p : LANES * (p + 1)].sum()
        grad[first] += 2.0 * common * whole
        step = widths[p] * a * whole
        grad[start + p] += step - a * a * z
        total += math.log(a) - 0.5 * (a * z) ** 2
        # d log width / d log reach = c² / (c² + r²) = 1 − (width / c)²
        through = (1.0 - (widths[p] / model.slab) ** 2) * _fold_one(z, a, step)
        grad[first + 1] += through
        grad[first + 2 + p] += through
    return total


@compiled
def _fold(
    model: Multilevel,
    first: int,
    last: int,
    scales: NDArray[np.float64],
    z: NDArray[np.float64],
    factors: NDArray[np.float64],
    units: NDArray[np.float64],
    effects: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> float:
    """Turn slopes in effects into those in parameters, of those from `first` to before `last` that stand in runs.

    Adds the slope of their log prior density, which is returned, and what they say of the log scales.
    """
    total = 0.0
    for r in range(model.runs.shape[0]):
        start, end, place = model.runs[r, 0], model.runs[r, 1], model.runs[r, 2]
        if start < first or start >= last:
            continue
        n, scale = end - start, scales[place]
        through, prior = np.empty(n), np.empty(n)
        for i in range(n):
            at = start + i
            a, v, slope = factors[at], units[at], grad[at]
            moved = scale * a * a * model.scores[at]
            # d log a / d log σ is a² − 1
            along = (a * a - 1.0) * v + a * a * moved
            through[i] = slope * (effects[at] + scale * along) - v * along + a * a - 1.0
            prior[i] = v * v
            grad[at] = a * (scale * slope - v)
        total -= 0.5 * summed(prior)
        if place < model.n_scales:
            grad[place] += summed(through)
            for i in range(start, end, TOGETHER):
                product = 1.0
                for other in range(i, min(i + TOGETHER, end)):
                    product *= factors[other]
                total += math.log(product)
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
