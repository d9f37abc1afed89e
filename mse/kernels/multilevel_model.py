"""The multilevel log-linear model: data, priors, and what its parameters stand for.

In stratum s the expected persons in cell h are μ_sh = exp(ν_s) e_sh / Σ_possible e_s, with ν the log expected size
and e_sh = exp(Σ_j λ_sj h_j + Σ_jk θ_sjk h_j h_k). Three changes of variables take away what would make the posterior
stiff and leave the model as it is. An effect is its scale times a standard normal parameter where tables hardly know
it, and moves by itself where they do (`narrowings`). List effects are rotated, so that the first coordinate moves all
lists together, which the data hardly know, and the others set lists against each other. And the mean and the main
effects of size move with the share seen: where lists see less, the size is larger by as much.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.lanes import LANES, load, spread, store
from mse.kernels.stratumcells import Rows

POSITIVE, SIZE_MEAN, SIZE, SIZE_REST, LIST_MEAN, LIST, LIST_REST, BREAKS = range(8)
PAIR_MEAN, PAIR, PAIR_REST, AREA, END = range(8, 13)
"""Where the blocks of the parameter vector begin, as places in `Multilevel.starts`.

POSITIVE holds what positive parameters are made of (`positive_values`): the scales; the visibility of persons, whose
square is the dependence that all pairs have in common; then the horseshoe's global scale and its local ones; and last,
where areas have neighbours, the share ρ of their variance that neighbours have in common.
"""

NARROWEST = 1e-16
"""Variances along the coordinates of areas below this, as a part of σ², count as this."""
FARTHEST = 35.0
"""Of a positive parameter's coordinate, in standard deviations of the prior: beyond it is impossible."""


class Effects(NamedTuple):
    """A design, its S strata four by four, so that four are reckoned side by side (`mse.kernels.lanes`).

    Attributes
    ----------
    broad : (B,) int64
        Columns that have values in many strata.
    values : (B * 4 * ceil(S / 4),) float64
        Those: four strata of the first of these columns, of the second, …; then the next four strata.
    narrow : Rows
        Entries of all other columns, a row for every stratum.
    """

    broad: NDArray[np.int64]
    values: NDArray[np.float64]
    narrow: Rows


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
        Persons known to be in a cell.
    possible_fours, open_fours : (4 C ceil(S / 4),) float64
        The first two four strata at a time: of cell 0, of cell 1, …. Strata that are none have one possible cell.
    known_fours : (4 (1 + K + Q) ceil(S / 4),) float64
        Persons of `counts` as far as the model looks at them: all, those on list j, those on both of a pair.
    limited, bounds : int64, float64
        Bounded cells, s C + h, and the largest possible count of each.
    pool_starts, pool_cells, pool_counts : int64, int64, float64
        Persons known to be in one of several cells, s C + h; as in `mse.kernels.stratumcells.Seen`.
    rotation : (K, K) float64
        Orthonormal; list effects are this matrix times their coordinates.
    follow : (1 + P, S) float64
        How the parameters of the mean and the effects of size follow the log shares seen; rows of zeros for others.
    size, lists, pairs : Effects
        Designs of the effects.
    size_scale, list_scale, pair_scale : int64
        Place among the scales of that of every column; their number where the spread is fixed.
    rest_scale : (3,) int64
        Those of the rest of sizes, lists and pairs.
    runs : (R, 3) int64
        Standard normal parameters that share a scale: first, one past the last, and its place among the scales. All
        are in one run but what pairs have of their own and what areas have.
    information : float64, as long as the parameters
        About what tables say of every effect, as the inverse of a variance; 0 where the coordinate is plain.
    scores : float64, as long as the parameters
        About the slope of the log likelihood in every effect of a stratum where all of them are nought; 0 for others.
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
    possible_fours: NDArray[np.float64]
    open_fours: NDArray[np.float64]
    known_fours: NDArray[np.float64]
    limited: NDArray[np.int64]
    bounds: NDArray[np.float64]
    pool_starts: NDArray[np.int64]
    pool_cells: NDArray[np.int64]
    pool_counts: NDArray[np.float64]
    rotation: NDArray[np.float64]
    follow: NDArray[np.float64]
    size: Effects
    lists: Effects
    pairs: Effects
    size_scale: NDArray[np.int64]
    list_scale: NDArray[np.int64]
    pair_scale: NDArray[np.int64]
    rest_scale: NDArray[np.int64]
    runs: NDArray[np.int64]
    information: NDArray[np.float64]
    scores: NDArray[np.float64]
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
def area_effects(model: Multilevel, spreads: NDArray[np.float64], units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the effects of areas on log size, (A,): `units` are standard normal, `spreads` by `area_spreads`."""
    out = np.zeros(spreads.shape[0])
    for c in range(spreads.shape[0]):
        value = spreads[c] * units[c]
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
def common_dependence(model: Multilevel, positive: NDArray[np.float64]) -> float:
    """Return the log odds ratio τ² that a visibility of spread τ, normal among the unseen, gives all pairs of lists."""
    return float(positive[model.n_scales] ** 2)


@compiled
def horseshoe(model: Multilevel, positive: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the regularised scales of what pairs have of their own, (Q,): c r / √(c² + r²), r = τ λ_p."""
    first = model.n_scales
    out = np.empty(model.starts[PAIR] - model.starts[PAIR_MEAN])
    for p in range(out.shape[0]):
        reach = positive[first + 1] * positive[first + 2 + p]
        out[p] = model.slab * reach / math.sqrt(model.slab**2 + reach**2)
    return out


@compiled
def narrowings(scales: NDArray[np.float64], information: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a = 1 / √(1 + σ² I): an effect of scale σ is σ a x, and x has the density of a x, standard normal.

    With I what the data say of the effect, the inverse of a variance, the variance of x is 1 under the posterior
    whatever σ is (Papaspiliopoulos, Roberts & Sköld 2007): where σ² I is small x is the standard normal coordinate, and
    where it is large the effect itself over its error, which the data know. A poor I costs speed and nothing else.
    """
    out = np.empty(scales.shape[0])
    for i in range(out.shape[0]):
        out[i] = 1.0 / math.sqrt(1.0 + scales[i] * scales[i] * information[i])
    return out


@compiled
def unfold(
    model: Multilevel,
    first: int,
    last: int,
    scales: NDArray[np.float64],
    z: NDArray[np.float64],
    factors: NDArray[np.float64],
    units: NDArray[np.float64],
    effects: NDArray[np.float64],
) -> None:
    """Write what parameters from `first` to before `last` that stand in runs are: `narrowings`, units and effects.

    The unit v, standard normal under the prior, is a x + σ a² u, u the score: x is what is left after about what the
    data make of v. Without that, a scale of many strata could move only with all that belongs to it.
    """
    for r in range(model.runs.shape[0]):
        start, end = model.runs[r, 0], model.runs[r, 1]
        if start < first or start >= last:
            continue
        scale = scales[model.runs[r, 2]]
        for i in range(start, end):
            a = 1.0 / math.sqrt(1.0 + scale * scale * model.information[i])
            factors[i] = a
            units[i] = a * z[i] + scale * a * a * model.scores[i]
            effects[i] = scale * units[i]


@compiled
def size_parameters(
    model: Multilevel, x: NDArray[np.float64], log_seen: NDArray[np.float64], z: NDArray[np.float64]
) -> None:
    """Write the parameters of mean and fixed effects of size into `z`: what is left after the log share seen, (S,)."""
    first = model.starts[SIZE_MEAN]
    for i in range(model.follow.shape[0]):
        if i == 0 or model.size_scale[i - 1] == model.n_scales:
            z[first + i] = x[first + i] - dot(model.follow[i], log_seen)


@compiled
def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the sum of the products, four at a time."""
    fours = a.shape[0] // LANES
    ends = np.empty(LANES)
    total = spread(0.0)
    for g in range(fours):
        total = total + load(a, g) * load(b, g)
    store(ends, 0, total)
    out = ends.sum()
    for i in range(LANES * fours, a.shape[0]):
        out += a[i] * b[i]
    return float(out)


@compiled
def summed(x: NDArray[np.float64]) -> float:
    """Return the sum, four at a time."""
    fours = x.shape[0] // LANES
    ends = np.empty(LANES)
    total = spread(0.0)
    for g in range(fours):
        total = total + load(x, g)
    store(ends, 0, total)
    out = ends.sum()
    for i in range(LANES * fours, x.shape[0]):
        out += x[i]
    return float(out)


@compiled
def parameters_of(model: Multilevel, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the parameters whose positive ones are in `x`, and beyond them the standard normal units of all others."""
    at = model.starts
    positive = positive_values(model, x)
    scales, out = effect_scales(model, positive), x.copy()
    for r in range(model.runs.shape[0]):
        scale = scales[model.runs[r, 2]]
        for i in range(model.runs[r, 0], model.runs[r, 1]):
            a = 1.0 / math.sqrt(1.0 + scale * scale * model.information[i])
            out[i] = x[i] / a - scale * a * model.scores[i]
    out[at[PAIR_MEAN] : at[PAIR]] /= narrowings(horseshoe(model, positive), model.information[at[PAIR_MEAN] : at[PAIR]])
    out[at[AREA] :] /= narrowings(area_spreads(model, positive), model.information[at[AREA] :])
    return out
