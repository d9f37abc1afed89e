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

POSITIVE, SIZE_MEAN, SIZE, SIZE_REST, LIST_MEAN, LIST, LIST_REST, BREAKS, PAIR_MEAN, PAIR, PAIR_REST, END = range(12)
"""Where the blocks of the parameter vector begin, as places in `Multilevel.starts`.

POSITIVE holds what positive parameters are made of (`positive_values`): the scales; the visibility of persons, whose
square is the dependence that all pairs have in common; then the horseshoe's global scale and its local ones.
"""

FARTHEST = 35.0
"""Of a positive parameter's coordinate, in standard deviations of the prior: beyond it is impossible."""


class Multilevel(NamedTuple):
    """Data and priors; S strata, C = 2**K cells in each, cell 0 never seen; E breaks by list; Q = K(K−1)/2 pairs.

    Attributes
    ----------
    starts : (12,) int64
        Where each block of the parameters begins; the last is their number.
    n_scales : int
        Number of scales.
    possible, open : (S, C) float64
        1 where a cell can hold persons, and where it takes part in the likelihood (bounded cells included).
    counts : (S, C) float64
        Persons known to be in a cell.
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
    spreads : (n_scales + 2 + Q,) float64
        Spread of the half-normal prior of every scale; largest visibility, whose prior is uniform; then scale of the
        half-Cauchy prior of the horseshoe's global scale, and of its local ones, which is 1.
    size_prior, list_prior : (2,) float64
        Mean and standard deviation of the average log size, and of the average log-odds of every list.
    break_prior, slab : float
        Standard deviation of a break; width of the horseshoe's slab.
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
    """Return the positive parameters: scales, the visibility, the horseshoe's global and local scales."""
    out = np.empty(model.spreads.shape[0])
    for i in range(out.shape[0]):
        if i < model.n_scales:
            out[i] = model.spreads[i] * half_normal(x[i])
        elif i == model.n_scales:
            out[i] = model.spreads[i] * normal_tail(x[i])
        else:
            out[i] = model.spreads[i] * half_cauchy(x[i])
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
    """Write e_h of one stratum into `out`, (2**K,); `terms` holds list effects, then pairs (1,0), (2,0), (2,1), …."""
    out[0] = 1.0
    at = k
    for j in range(k):
        half = 1 << j
        out[half] = math.exp(terms[j])
        # multipliers of adding list j to the lists before it, then of the histories themselves
        for i in range(j):
            factor = math.exp(terms[at])
            at += 1
            for h in range(1 << i):
                out[half + (1 << i) + h] = out[half + h] * factor
        for h in range(1, half):
            out[half + h] *= out[h]


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
        level = common + horseshoe(model, positive, p) * x[at[PAIR_MEAN] + p]
        for s in range(n_strata):
            pairs[s, p] = level + rest * x[at[PAIR_REST] + s]
    add_effects(model.pairs, model.pair_scale, scales, x[at[PAIR] : at[PAIR_REST]], pairs)


@compiled
def stratum_weights(
    model: Multilevel, terms: NDArray[np.float64], weights: NDArray[np.float64], sums: NDArray[np.float64]
) -> None:
    """Write e of every possible cell, (S, C), and their sums over possible and over open cells, (S, 2)."""
    k = model.rotation.shape[0]
    for s in range(terms.shape[0]):
        cell_weights(terms[s], k, weights[s])
        sums[s] = 0.0
        for h in range(weights.shape[1]):
            weights[s, h] *= model.possible[s, h]
            sums[s, 0] += weights[s, h]
            sums[s, 1] += weights[s, h] * model.open[s, h]


@compiled
def size_parameters(model: Multilevel, x: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard normal parameters of the mean and the effects of size, (1 + P,): after the share seen."""
    out = x[model.starts[SIZE_MEAN] : model.starts[SIZE_REST]].copy()
    for s in range(sums.shape[0]):
        if sums[s, 1] > 0.0:
            out -= model.follow[:, s] * math.log(sums[s, 1] / sums[s, 0])
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
    sums = np.empty((model.possible.shape[0], 2))
    for d in range(draws.shape[0]):
        positive = positive_values(model, draws[d])
        stratum_terms(model, draws[d], positive, terms[d])
        stratum_weights(model, terms[d], means[d], sums)
        z = size_parameters(model, draws[d], sums)
        log_size[d] = log_sizes(model, draws[d], positive, z)[:, 0]
        for s in range(sums.shape[0]):
            means[d, s] *= math.exp(log_size[d, s]) / sums[s, 0]
