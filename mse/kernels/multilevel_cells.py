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
    design: Effects, effects: NDArray[np.float64], width: int, first: int, out: NDArray[np.float64], columns: int
) -> None:
    """Add effects, `width` of each column of a design, to `out`, strata four by four with so many columns.

    Those of the design are columns `first` to `first + width`.
    """
    broad, values, rows = design.broad, design.values, design.narrow
    starts, places, entries = rows.starts, rows.columns, rows.values
    n = broad.shape[0]
    for g in range(out.shape[0] // (LANES * columns)):
        for t in range(width):
            at = g * columns + first + t
            value = load(out, at)
            for b in range(n):
                value = value + load(values, g * n + b) * spread(effects[broad[b] * width + t])
            store(out, at, value)
    for s in range(starts.shape[0] - 1 if entries.shape[0] > 0 else 0):
        at = LANES * (s // LANES * columns + first) + s % LANES
        for e in range(starts[s], starts[s + 1]):
            for t in range(width):
                out[at + LANES * t] += entries[e] * effects[places[e] * width + t]


@compiled
def collect_effects(
    design: Effects, slope: NDArray[np.float64], width: int, first: int, columns: int, grad: NDArray[np.float64]
) -> None:
    """Add to `grad` what slopes in what `add_effects` adds to say of the effects."""
    broad, values, rows = design.broad, design.values, design.narrow
    starts, places, entries = rows.starts, rows.columns, rows.values
    n = broad.shape[0]
    fours = slope.shape[0] // (LANES * columns)
    along = np.zeros(LANES * n * width)
    for g in range(fours):
        for b in range(n):
            value = load(values, g * n + b)
            for t in range(width):
                at = b * width + t
                store(along, at, load(along, at) + value * load(slope, g * columns + first + t))
    for b in range(n):
        for t in range(width):
            at = LANES * (b * width + t)
            grad[broad[b] * width + t] += along[at] + along[at + 1] + along[at + 2] + along[at + 3]
    for s in range(starts.shape[0] - 1 if entries.shape[0] > 0 else 0):
        at = LANES * (s // LANES * columns + first) + s % LANES
        for e in range(starts[s], starts[s + 1]):
            for t in range(width):
                grad[places[e] * width + t] += entries[e] * slope[at + LANES * t]


@compiled
def stratum_terms(
    model: Multilevel, effects: NDArray[np.float64], pairs: NDArray[np.float64], terms: NDArray[np.float64]
) -> None:
    """Write list effects, then pair interactions, strata four by four, (4 (K + Q) ceil(S / 4),).

    `effects` as `unfold` gives them, zeros beyond the last; `pairs` are the averages of the pairs, (Q,).
    """
    at, rotation, breaks = model.starts, model.rotation, model.breaks
    n_strata, k, q = breaks.shape[0], rotation.shape[0], pairs.shape[0]
    fours, n = -(-n_strata // LANES), k + q
    turned = np.empty(LANES * k * fours)
    means, rest = model.list_prior[1] * effects[at[LIST_MEAN] : at[LIST]], effects[at[LIST_REST] :]
    for g in range(fours):
        for j in range(k):
            a = LANES * g * k + j
            store(turned, g * k + j, spread(means[j]) + gather(rest, a, a + k, a + 2 * k, a + 3 * k))
    add_effects(model.lists, effects[at[LIST] : at[LIST_REST]], k, 0, turned, k)
    centre, rest = model.list_prior[0], effects[at[PAIR_REST] :]
    for g in range(fours):
        for j in range(k):
            value = spread(centre)
            for i in range(k):
                value = value + spread(rotation[j, i]) * load(turned, g * k + i)
            store(terms, g * n + j, value)
        own = load(rest, g)
        for p in range(q):
            store(terms, g * n + k + p, spread(pairs[p]) + own)
    for e in range(breaks.shape[1]):
        step, first = model.break_prior * effects[at[BREAKS] + e], LANES * model.break_list[e]
        for s in range(n_strata):
            terms[LANES * (s // LANES) * n + first + s % LANES] += step * breaks[s, e]
    add_effects(model.pairs, effects[at[PAIR] : at[PAIR_REST]], q, k, terms, n)


@compiled
def stratum_weights(
    model: Multilevel,
    terms: NDArray[np.float64],
    weights: NDArray[np.float64],
    every: NDArray[np.float64],
    seen: NDArray[np.float64],
) -> None:
    """Write e_h of every possible cell, strata four by four, and their sums over possible and over open cells."""
    k, n_cells = model.rotation.shape[0], model.possible.shape[1]
    possible, is_open = model.possible_fours, model.open_fours
    n = k + k * (k - 1) // 2
    cells = np.empty(LANES * n_cells)
    for g in range(every.shape[0] // LANES):
        at = g * n + k
        store(cells, 0, spread(1.0))
        for j in range(k):
            half = 1 << j
            store(cells, half, exponential(load(terms, g * n + j)))
            # multipliers of adding list j to the lists before it, then of the histories themselves
            for i in range(j):
                factor = exponential(load(terms, at))
                at += 1
                for h in range(1 << i):
                    store(cells, half + (1 << i) + h, load(cells, half + h) * factor)
            for h in range(1, half):
                store(cells, half + h, load(cells, half + h) * load(cells, h))
        total, opened = spread(0.0), spread(0.0)
        for h in range(n_cells):
            value = load(cells, h) * load(possible, g * n_cells + h)
            store(weights, g * n_cells + h, value)
            total = total + value
            opened = opened + value * load(is_open, g * n_cells + h)
        store(every, g, total)
        store(seen, g, opened)


@compiled
def slopes_of_terms(
    model: Multilevel,
    weights: NDArray[np.float64],
    slope: NDArray[np.float64],
    gain: NDArray[np.float64],
    back: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write what the cells say of list effects and pairs, strata four by four, (4 (K + Q) ceil(S / 4),).

    `slope` holds slopes in the log means of single cells, empty without any; `gain` and `back` are those that open and
    that possible cells of a stratum have in common.
    """
    k, n_cells = model.rotation.shape[0], model.possible.shape[1]
    is_open, known = model.open_fours, model.known_fours
    n = k + k * (k - 1) // 2
    cells = np.empty(LANES * n_cells)
    for g in range(gain.shape[0] // LANES):
        ahead, behind = load(gain, g), load(back, g)
        for h in range(n_cells):
            at = g * n_cells + h
            store(cells, h, load(weights, at) * (load(is_open, at) * ahead - behind))
        if slope.shape[0] > 0:
            for h in range(n_cells):
                store(cells, h, load(cells, h) + load(slope, g * n_cells + h))
        # superset sums: afterwards cell h has the sum over all histories that contain h
        for j in range(k):
            step = 1 << j
            for low in range(0, n_cells, 2 * step):
                for h in range(low, low + step):
                    store(cells, h, load(cells, h) + load(cells, h + step))
        at = k
        for j in range(k):
            store(out, g * n + j, load(known, g * (n + 1) + 1 + j) + load(cells, 1 << j))
            for i in range(j):
                store(out, g * n + at, load(known, g * (n + 1) + 1 + at) + load(cells, (1 << j) + (1 << i)))
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
    add_effects(model.size, effects[at[SIZE] : at[SIZE_REST]], 1, 0, out, 1)
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
    four = np.empty(LANES * fours * terms.shape[2])
    for d in range(draws.shape[0]):
        x = draws[d]
        positive = positive_values(model, x)
        scales = effect_scales(model, positive)
        z, factors, units = x.copy(), np.ones(x.shape[0]), x.copy()
        effects = np.zeros(x.shape[0] + LANES * (k + 1))
        unfold(model, at[LIST_MEAN], at[AREA], scales, z, factors, units, effects)
        widths = horseshoe(model, positive)
        own = narrowings(widths, model.information[at[PAIR_MEAN] : at[PAIR]])
        pairs = common_dependence(model, positive) + widths * own * x[at[PAIR_MEAN] : at[PAIR]]
        stratum_terms(model, effects, pairs, four)
        stratum_weights(model, four, weights, every, seen)
        for s in range(n_strata):
            for t in range(terms.shape[2]):
                terms[d, s, t] = four[LANES * (s // LANES * terms.shape[2] + t) + s % LANES]
        size_parameters(model, x, log_shares_seen(n_strata, every, seen), z)
        unfold(model, at[SIZE_MEAN], at[LIST_MEAN], scales, z, factors, units, effects)
        spreads = area_spreads(model, positive)
        by_area = area_effects(model, spreads, narrowings(spreads, model.information[at[AREA] :]) * x[at[AREA] :])
        log_size[d] = log_sizes(model, effects, by_area)[:n_strata]
        for s in range(n_strata):
            unseen = math.exp(log_size[d, s]) / every[s]
            first = LANES * (s // LANES) * n_cells + s % LANES
            for h in range(n_cells):
                means[d, s, h] = unseen * weights[first + LANES * h]
