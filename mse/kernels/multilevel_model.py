"""The multilevel log-linear model: data, priors, and what its parameters say of every stratum and cell.

In stratum s the expected persons in cell h are μ_sh = exp(ν_s) e_sh / Σ_possible e_s, with ν the log expected size
and e_sh = exp(Σ_j λ_sj h_j + Σ_jk θ_sjk h_j h_k). All e_s come from products, without an exponential for each
cell. Effects are non-centred: a standard normal parameter times a scale. Two changes of variables, of Jacobian one,
take away what would make the posterior stiff and leave the model as it is. List effects are rotated, so that the first
coordinate moves all lists together, which the data hardly know, and the others set lists against each other. And the
mean and the main effects of size move with the share seen: where lists see less, the size is larger by as much.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.stratumcells import Rows

POSITIVE, SIZE_MEAN, SIZE, SIZE_REST, LIST_MEAN, LIST, LIST_REST, BREAKS = range(8)
PAIR_MEAN, PAIR, PAIR_REST, AREA, END = range(8, 13)
"""Where the blocks of the parameter vector begin, as places in `Multilevel.starts`.

POSITIVE holds what positive parameters are made of (`positive_values`): the scales; the visibility of persons, whose
square is the dependence that all pairs have in common; then the horseshoe's global scale and its local ones; and last,
where areas have neighbours, the share ρ of their variance that neighbours have in common.
"""

OWN_KNOWN = 0.2
"""About how well tables know what a pair has of its own, as a log odds ratio: s of `centring`."""
NARROWEST = 1e-16
"""Variances along the coordinates of areas below this, as a part of σ², count as this."""
FARTHEST = 35.0
"""Of a positive parameter's coordinate, in standard deviations of the prior: beyond it is impossible."""


class Multilevel(NamedTuple):
    """Data and priors; S strata, C = 2**K cells in each, cell 0 never seen; E breaks by list; Q = K(K−1)/2 pairs.

    With A areas that have neighbours their effects on log size are B'v, B orthonormal, v_c of variance
    σ² (1 − ρ + ρ d_c): the law of σ (√(1 − ρ) independent + √ρ smooth), along the axes of the smooth part.

    Attributes
    ----------
    starts : (13,) int64
        Where each block of the parameters begins; the last is their number.
    n_scales : int
        Number of scales.
    possible, open : (S, C) float64
        1 where a cell can hold persons, and where it takes part in the likelihood (bounded cells included).
    counts : (S, C) float64
        Persons known to be in a cell. These three lie cell by cell in memory (Fortran order): loops run along strata.
    filled : int64
        Cells with such persons, s C + h.
    limited, bounds : int64, float64
        Bounded cells, s C + h, and the largest possible count of each.
    pool_starts, pool_cells, pool_counts : int64, int64, float64
        Persons known to be in one of several cells, s C + h; as in `mse.kernels.stratumcells.Seen`.
    rotation : (K, K) float64
        Orthonormal; list effects are this matrix times their coordinates.
    follow : (1 + P, S) float64
        How the parameters of the mean and the effects of size follow the log shares seen; rows of zeros for others.
    size, lists, pairs : Rows
        Designs of the effects, one row a stratum.
    size_scale, list_scale, pair_scale : int64
        Place among the scales of that of every column; their number where the spread is fixed.
    rest_scale : (3,) int64
        Those of the rest of sizes, lists and pairs.
    breaks : (S, E) float64
        How far the stratum lies behind each break, 0 to 1.
    break_list : (E,) int64
        List that it changes.
    spreads : (n_scales + 2 + Q + (A > 0),) float64
        Spread of the half-normal prior of every scale; largest visibility, whose prior is uniform; then scale of the
        half-Cauchy prior of the horseshoe's global scale, and of its local ones, which is 1; largest ρ, which is 1.
    size_prior, list_prior : (2,) float64
        Mean and standard deviation of the average log size, and of the average log-odds of every list.
    break_prior, slab : float
        Standard deviation of a break; width of the horseshoe's slab.
    area : (S,) int64
        Area of each stratum; all 0 where areas have no neighbours.
    area_basis : (A, A) float64
        B, a row for every coordinate; A is 0 where areas have no neighbours.
    area_variances : (A,) float64
        d, variances of the smooth part along the rows of B: 0 for what a component has in common, 1 for an island.
    area_scale : int
        Place of σ among the scales.
    """

    starts: NDArray[np.int64]
    n_scales: int
    possible: NDArray[np.float64]
    open: NDArray[np.float64]
    counts: NDArray[np.float64]
    filled: NDArray[np.int64]
    limited: NDArray[np.int64]
    bounds: NDArray[np.float64]
    pool_starts: NDArray[np.int64]
    pool_cells: NDArray[np.int64]
    pool_counts: NDArray[np.float64]
    rotation: NDArray[np.float64]
    follow: NDArray[np.float64]
    size: Rows
    lists: Rows
    pairs: Rows
    size_scale: NDArray[np.int64]
    list_scale: NDArray[np.int64]
    pair_scale: NDArray[np.int64]
    rest_scale: NDArray[np.int64]
    breaks: NDArray[np.float64]
    break_list: NDArray[np.int64]
    spreads: NDArray[np.float64]
    size_prior: NDArray[np.float64]
    list_prior: NDArray[np.float64]
    break_prior: float
    slab: float
    area: NDArray[np.int64]
    area_basis: NDArray[np.float64]
    area_variances: NDArray[np.float64]
    area_scale: int


@compiled
def normal_tail(u: float) -> float:
    """Return Φ(u), to full precision in the lower tail."""
    return 0.5 * math.erfc(-u * math.sqrt(0.5))


@compiled
def half_normal(u: float) -> float:
    """Return u Φ(u) + φ(u): a positive number that is u where u is large, and whose slope is Φ(u).

    With density Φ(u) exp(−value²/2) of u, the value is half-normal, and both tails of u are those of a normal law. The
    logarithm of a scale, which is more usual, has an exponential tail towards nought, in which chains lose their way.
    """
    return u * normal_tail(u) + math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)


@compiled
def half_cauchy(u: float) -> float:
    """Return tan(Φ(u) π/2), which is half-Cauchy where u is standard normal."""
    if u > 0.0:
        return 1.0 / math.tan(0.5 * math.pi * normal_tail(-u))
    return math.tan(0.5 * math.pi * normal_tail(u))


@compiled
def positive_values(model: Multilevel, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the positive parameters: scales, the visibility, the horseshoe's global and local scales, ρ of areas."""
    out = np.empty(model.spreads.shape[0])
    for i in range(out.shape[0]):
        if i < model.n_scales:
            out[i] = model.spreads[i] * half_normal(x[i])
        elif is_uniform(model, i):
            out[i] = model.spreads[i] * normal_tail(x[i])
        else:
            out[i] = model.spreads[i] * half_cauchy(x[i])
    return out


@compiled
def is_uniform(model: Multilevel, i: int) -> bool:
    """Return whether the prior of a positive parameter that is no scale is uniform: the visibility, and ρ of areas."""
    shared = model.area_variances.shape[0] > 0 and i == model.spreads.shape[0] - 1
    return i == model.n_scales or shared


@compiled
def area_spreads(model: Multilevel, positive: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviations of the coordinates of areas, σ √(1 − ρ + ρ d), (A,)."""
    shared = positive[positive.shape[0] - 1]
    out = np.empty(model.area_variances.shape[0])
    for c in range(out.shape[0]):
        variance = 1.0 - shared + shared * model.area_variances[c]
        out[c] = positive[model.area_scale] * math.sqrt(max(variance, NARROWEST))
    return out


@compiled
def area_effects(model: Multilevel, x: NDArray[np.float64], positive: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the effects of areas on log size, (A,)."""
    spreads = area_spreads(model, positive)
    out = np.zeros(spreads.shape[0])
    for c in range(spreads.shape[0]):
        value = spreads[c] * x[model.starts[AREA] + c]
        for a in range(out.shape[0]):
            out[a] += value * model.area_basis[c, a]
    return out


@compiled
def effect_scales(model: Multilevel, positive: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scales, and after them the 1 of effects whose spread is fixed: their columns bear it."""
    out = np.ones(model.n_scales + 1)
    out[: model.n_scales] = positive[: model.n_scales]
    return out


@compiled
def add_effects(
    rows: Rows,
    place: NDArray[np.int64],
    scales: NDArray[np.float64],
    z: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Add X(σ z) to `out`, (S, W); z has W numbers for every column of X."""
    width = out.shape[1]
    effects = z.reshape((place.shape[0], width))
    for s in range(out.shape[0]):
        for e in range(rows.starts[s], rows.starts[s + 1]):
            c = rows.columns[e]
            factor = rows.values[e] * scales[place[c]]
            for t in range(width):
                out[s, t] += factor * effects[c, t]


@compiled
def cell_weights(terms: NDArray[np.float64], k: int, out: NDArray[np.float64]) -> None:
    """Write e_h into `out`, (2**K, S); `terms`, (S, K + Q), holds list effects, then pairs (1,0), (2,0), (2,1), …."""
    out[0] = 1.0
    factor = np.empty(out.shape[1])
    at = k
    for j in range(k):
        half = 1 << j
        for s in range(factor.shape[0]):
            out[half, s] = math.exp(terms[s, j])
        # multipliers of adding list j to the lists before it, then of the histories themselves
        for i in range(j):
            for s in range(factor.shape[0]):
                factor[s] = math.exp(terms[s, at])
            at += 1
            for h in range(1 << i):
                for s in range(factor.shape[0]):
                    out[half + (1 << i) + h, s] = out[half + h, s] * factor[s]
        for h in range(1, half):
            for s in range(factor.shape[0]):
                out[half + h, s] *= out[h, s]


@compiled
def common_dependence(model: Multilevel, positive: NDArray[np.float64]) -> float:
    """Return the log odds ratio τ² that a visibility of spread τ, normal among the unseen, gives all pairs of lists."""
    return float(positive[model.n_scales] ** 2)


@compiled
def horseshoe(model: Multilevel, positive: NDArray[np.float64], p: int) -> float:
    """Return the regularised scale of one pair: c r / √(c² + r²), r = τ λ_p."""
    first = model.n_scales
    reach = float(positive[first + 1] * positive[first + 2 + p])
    return model.slab * reach / math.sqrt(model.slab**2 + reach**2)


@compiled
def centring(width: float) -> float:
    """Return a = 1 / √(1 + width²/s²): what a pair has of its own is width a x, and x has the density of a x, normal.

    Where the width is far below s the coordinate is the standard normal one; far above it is the effect itself over s,
    which the data know: there chains are not driven into the narrow end of all pairs at once.
    """
    return 1.0 / math.sqrt(1.0 + (width / OWN_KNOWN) ** 2)


@compiled
def stratum_terms(
    model: Multilevel, x: NDArray[np.float64], positive: NDArray[np.float64], terms: NDArray[np.float64]
) -> None:
    """Write list effects and pair interactions, (S, K + Q); `positive` as `positive_values` gives it."""
    at = model.starts
    n_strata = terms.shape[0]
    scales = effect_scales(model, positive)
    k, q = at[LIST] - at[LIST_MEAN], at[PAIR] - at[PAIR_MEAN]
    rest = scales[model.rest_scale[1]]
    turned = np.empty((n_strata, k))
    for s in range(n_strata):
        for j in range(k):
            turned[s, j] = model.list_prior[1] * x[at[LIST_MEAN] + j] + rest * x[at[LIST_REST] + s * k + j]
    add_effects(model.lists, model.list_scale, scales, x[at[LIST] : at[LIST_REST]], turned)
    for s in range(n_strata):
        for j in range(k):
            terms[s, j] = model.list_prior[0]
            for i in range(k):
                terms[s, j] += model.rotation[j, i] * turned[s, i]
        for e in range(model.break_list.shape[0]):
            terms[s, model.break_list[e]] += model.breaks[s, e] * model.break_prior * x[at[BREAKS] + e]
    common = common_dependence(model, positive)
    rest = scales[model.rest_scale[2]]
    pairs = terms[:, k:]
    for p in range(q):
        width = horseshoe(model, positive, p)
        level = common + width * centring(width) * x[at[PAIR_MEAN] + p]
        for s in range(n_strata):
            pairs[s, p] = level + rest * x[at[PAIR_REST] + s]
    add_effects(model.pairs, model.pair_scale, scales, x[at[PAIR] : at[PAIR_REST]], pairs)


@compiled
def stratum_weights(
    model: Multilevel, terms: NDArray[np.float64], weights: NDArray[np.float64], sums: NDArray[np.float64]
) -> None:
    """Write e of every possible cell, (C, S), and their sums over possible and over open cells, (2, S)."""
    cell_weights(terms, model.rotation.shape[0], weights)
    possible, is_open = model.possible.T, model.open.T
    sums[:] = 0.0
    for h in range(weights.shape[0]):
        for s in range(weights.shape[1]):
            weights[h, s] *= possible[h, s]
            sums[0, s] += weights[h, s]
            sums[1, s] += weights[h, s] * is_open[h, s]


@compiled
def size_parameters(model: Multilevel, x: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard normal parameters of the mean and the effects of size, (1 + P,): after the share seen."""
    out = x[model.starts[SIZE_MEAN] : model.starts[SIZE_REST]].copy()
    for s in range(sums.shape[1]):
        if sums[1, s] > 0.0:
            log_seen = math.log(sums[1, s] / sums[0, s])
            for i in range(out.shape[0]):
                out[i] -= model.follow[i, s] * log_seen
    return out


@compiled
def log_sizes(
    model: Multilevel, x: NDArray[np.float64], positive: NDArray[np.float64], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ν, (S, 1); `positive` and `z` as `positive_values` and `size_parameters` give them."""
    at = model.starts
    scales = effect_scales(model, positive)
    out = np.empty((model.possible.shape[0], 1))
    out[:, 0] = model.size_prior[0] + model.size_prior[1] * z[0]
    out[:, 0] += scales[model.rest_scale[0]] * x[at[SIZE_REST] : at[LIST_MEAN]]
    add_effects(model.size, model.size_scale, scales, z[1:], out)
    if model.area_variances.shape[0] > 0:
        effects = area_effects(model, x, positive)
        for s in range(out.shape[0]):
            out[s, 0] += effects[model.area[s]]
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
    n_strata, n_cells = model.possible.shape
    weights, sums = np.empty((n_cells, n_strata)), np.empty((2, n_strata))
    for d in range(draws.shape[0]):
        positive = positive_values(model, draws[d])
        stratum_terms(model, draws[d], positive, terms[d])
        stratum_weights(model, terms[d], weights, sums)
        z = size_parameters(model, draws[d], sums)
        log_size[d] = log_sizes(model, draws[d], positive, z)[:, 0]
        for s in range(n_strata):
            unseen = math.exp(log_size[d, s]) / sums[0, s]
            for h in range(n_cells):
                means[d, s, h] = unseen * weights[h, s]
