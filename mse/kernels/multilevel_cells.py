"""From the effects of the multilevel model to the cells of its strata and back, four strata side by side."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, gather, load, spread, store
from mse.kernels.multilevel_model import (
    AREA,
    BREAKS,
    LIST,
    LIST_MEAN,
    LIST_REST,
    PAIR,
    PAIR_MEAN,
    PAIR_REST,
    SIZE,
    SIZE_MEAN,
    SIZE_REST,
    Effects,
    Multilevel,
    area_effects,
    area_spreads,
    common_dependence,
    effect_scales,
    horseshoe,
    narrowings,
    positive_values,
    size_parameters,
    unfold,
)


@compiled
def add_effects(
    design: Effects,
    g: int,
    n_strata: int,
    effects: NDArray[np.float64],
    width: int,
    first: int,
    out: NDArray[np.float64],
) -> None:
    """Add the effects of four strata to entries `first` to `first + width` of `out`; `effects` has `width` a column."""
    broad = design.broad.shape[0]
    for t in range(width):
        value = load(out, first + t)
        for b in range(broad):
            value = value + load(design.values, g * broad + b) * spread(effects[design.broad[b] * width + t])
        store(out, first + t, value)
    rows = design.narrow
    for s in range(LANES * g, min(LANES * g + LANES, n_strata)):
        for e in range(rows.starts[s], rows.starts[s + 1]):
            for t in range(width):
                out[LANES * (first + t) + s - LANES * g] += rows.values[e] * effects[rows.columns[e] * width + t]


@compiled
def collect_effects(
    design: Effects,
    g: int,
    n_strata: int,
    slope: NDArray[np.float64],
    width: int,
    first: int,
    along: NDArray[np.float64],
    grad: NDArray[np.float64],
) -> None:
    """Add slopes in entries `first` to `first + width` of four strata to those of the effects of broad columns.

    These are in `along`, four for each effect; those of narrow columns are added to `grad`.
    """
    broad = design.broad.shape[0]
    for b in range(broad):
        value = load(design.values, g * broad + b)
        for t in range(width):
            at = b * width + t
            store(along, at, load(along, at) + value * load(slope, first + t))
    rows = design.narrow
    for s in range(LANES * g, min(LANES * g + LANES, n_strata)):
        for e in range(rows.starts[s], rows.starts[s + 1]):
            for t in range(width):
                grad[rows.columns[e] * width + t] += rows.values[e] * slope[LANES * (first + t) + s - LANES * g]


@compiled
def four_terms(
    model: Multilevel,
    g: int,
    effects: NDArray[np.float64],
    pairs: NDArray[np.float64],
    turned: NDArray[np.float64],
    terms: NDArray[np.float64],
) -> None:
    """Write list effects, then pair interactions of four strata, (4 (K + Q),).

    `effects` as `unfold` gives them, zeros beyond the last; `pairs` are the averages of the pairs, (Q,); `turned` is
    room for (4 K,).
    """
    at = model.starts
    n_strata, k, q = model.possible.shape[0], model.rotation.shape[0], pairs.shape[0]
    for j in range(k):
        a = at[LIST_REST] + LANES * g * k + j
        mean = spread(model.list_prior[1] * effects[at[LIST_MEAN] + j])
        store(turned, j, mean + gather(effects, a, a + k, a + 2 * k, a + 3 * k))
    add_effects(model.lists, g, n_strata, effects[at[LIST] : at[LIST_REST]], k, 0, turned)
    for j in range(k):
        value = spread(model.list_prior[0])
        for i in range(k):
            value = value + spread(model.rotation[j, i]) * load(turned, i)
        store(terms, j, value)
    for s in range(LANES * g, min(LANES * g + LANES, n_strata)):
        for e in range(model.break_list.shape[0]):
            step = model.breaks[s, e] * model.break_prior * effects[at[BREAKS] + e]
            terms[LANES * model.break_list[e] + s - LANES * g] += step
    a = at[PAIR_REST] + LANES * g
    rest = gather(effects, a, a + 1, a + 2, a + 3)
    for p in range(q):
        store(terms, k + p, spread(pairs[p]) + rest)
    add_effects(model.pairs, g, n_strata, effects[at[PAIR] : at[PAIR_REST]], q, k, terms)


@compiled
def four_weights(
    model: Multilevel,
    g: int,
    terms: NDArray[np.float64],
    weights: NDArray[np.float64],
    every: NDArray[np.float64],
    seen: NDArray[np.float64],
) -> None:
    """Write e_h of every possible cell of four strata, and their sums over possible and over open cells."""
    k, n_cells = model.rotation.shape[0], model.possible.shape[1]
    first, at = g * n_cells, k
    store(weights, first, spread(1.0))
    for j in range(k):
        half = first + (1 << j)
        store(weights, half, exponential(load(terms, j)))
        # multipliers of adding list j to the lists before it, then of the histories themselves
        for i in range(j):
            factor = exponential(load(terms, at))
            at += 1
            for h in range(1 << i):
                store(weights, half + (1 << i) + h, load(weights, half + h) * factor)
        for h in range(1, 1 << j):
            store(weights, half + h, load(weights, half + h) * load(weights, first + h))
    total, opened = spread(0.0), spread(0.0)
    for h in range(first, first + n_cells):
        value = load(weights, h) * load(model.possible_fours, h)
        store(weights, h, value)
        total = total + value
        opened = opened + value * load(model.open_fours, h)
    store(every, g, total)
    store(seen, g, opened)


@compiled
def gather_terms(slope: NDArray[np.float64], k: int, out: NDArray[np.float64]) -> None:
    """Add sums of the slopes of four strata, (4 C,), over histories with list j, then with both of (1,0), (2,0), ….

    `slope` is overwritten.
    """
    # superset sums: afterwards slope[g] is the sum over all histories that contain g
    for j in range(k):
        step = 1 << j
        for low in range(0, 1 << k, 2 * step):
            for h in range(low, low + step):
                store(slope, h, load(slope, h) + load(slope, h + step))
    at = k
    for j in range(k):
        store(out, j, load(out, j) + load(slope, 1 << j))
        for i in range(j):
            store(out, at, load(out, at) + load(slope, (1 << j) + (1 << i)))
            at += 1


@compiled
def log_shares_seen(n_strata: int, every: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log share of each stratum that is seen, (S,); 0 where no list works."""
    out = np.zeros(n_strata)
    for s in range(n_strata):
        if seen[s] > 0.0:
            out[s] = math.log(seen[s] / every[s])
    return out


@compiled
def log_sizes(model: Multilevel, effects: NDArray[np.float64], by_area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ν, (4 ceil(S / 4),), from effects as `unfold` gives them and those of areas; beyond S it is 0."""
    at = model.starts
    n_strata = model.possible.shape[0]
    fours = -(-n_strata // LANES)
    out = np.zeros(LANES * fours)
    for g in range(fours):
        add_effects(model.size, g, n_strata, effects[at[SIZE] : at[SIZE_REST]], 1, g, out)
    mean = model.size_prior[0] + model.size_prior[1] * effects[at[SIZE_MEAN]]
    for s in range(n_strata):
        out[s] += mean + effects[at[SIZE_REST] + s]
    if by_area.shape[0] > 0:
        for s in range(n_strata):
            out[s] += by_area[model.area[s]]
    return out


@compiled
def cell_means(
    model: Multilevel,
    draws: NDArray[np.float64],
    log_size: NDArray[np.float64],
    means: NDArray[np.float64],
    terms: NDArray[np.float64],
) -> None:
    """Write for every draw of the parameters, (D, P), ν (D, S), expected cells (D, S, C) and terms (D, S, K + Q)."""
    at = model.starts
    n_strata, n_cells = model.possible.shape
    fours, k = -(-n_strata // LANES), model.rotation.shape[0]
    weights = np.empty(LANES * fours * n_cells)
    every, seen = np.empty(LANES * fours), np.empty(LANES * fours)
    turned, four = np.empty(LANES * k), np.empty(LANES * terms.shape[2])
    for d in range(draws.shape[0]):
        x = draws[d]
        positive = positive_values(model, x)
        scales = effect_scales(model, positive)
        z, factors, effects = x.copy(), np.ones(x.shape[0]), np.zeros(x.shape[0] + LANES * (k + 1))
        unfold(model, at[LIST_MEAN], at[AREA], scales, z, factors, effects)
        widths = horseshoe(model, positive)
        own = narrowings(widths, model.information[at[PAIR_MEAN] : at[PAIR]])
        pairs = common_dependence(model, positive) + widths * own * x[at[PAIR_MEAN] : at[PAIR]]
        for g in range(fours):
            four_terms(model, g, effects, pairs, turned, four)
            four_weights(model, g, four, weights, every, seen)
            for s in range(LANES * g, min(LANES * g + LANES, n_strata)):
                for t in range(terms.shape[2]):
                    terms[d, s, t] = four[LANES * t + s - LANES * g]
        size_parameters(model, x, log_shares_seen(n_strata, every, seen), z)
        unfold(model, at[SIZE_MEAN], at[LIST_MEAN], scales, z, factors, effects)
        spreads = area_spreads(model, positive)
        by_area = area_effects(model, x, spreads, narrowings(spreads, model.information[at[AREA] :]))
        log_size[d] = log_sizes(model, effects, by_area)[:n_strata]
        for s in range(n_strata):
            unseen = math.exp(log_size[d, s]) / every[s]
            first = LANES * (s // LANES) * n_cells + s % LANES
            for h in range(n_cells):
                means[d, s, h] = unseen * weights[first + LANES * h]
