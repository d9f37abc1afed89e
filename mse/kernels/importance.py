"""Importance sampling of one model's posterior, to measure and remove the error of Laplace's approximation.

The proposal is Geweke's (1989, Econometrica 57:1317) split Student t: around the mode, along whitened axes the
first of which is the direction in which log n_0 varies, with a scale of its own for each side of each axis. Sparse
tables make the posterior skew; a symmetric proposal then wastes nearly every draw. The largest weights are
smoothed by a generalised Pareto fit (Vehtari, Simpson, Gelman, Yao & Gabry 2024, JMLR 25:72), whose shape is the
diagnostic.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.cholesky import factorise, solve_lower, solve_upper
from mse.kernels.compiled import compiled
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, load, spread, store
from mse.kernels.walsh import transform, transform_lanes

Array = NDArray[np.float64]

_GROUP = 4

FREEDOM = 40.0
"""Degrees of freedom of the proposal: in forty dimensions a heavier tail wastes the draws."""


@compiled
def log_targets(counts: Array, cells: Array, terms: NDArray[np.int64], precision: float, betas: Array) -> Array:
    """Return Σ(nη − e^η) over active cells minus half the penalty, of many coefficients.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in ``fit_loglinear``.
    terms : (p,) int64
        Terms of the model, the intercept first.
    precision : float
        1/σ² of the prior; positive.
    betas : (S, p) float64
        Coefficients.

    Returns
    -------
    (S,) float64
    """
    size = counts.shape[0]
    draws, p = betas.shape
    out = np.empty(draws)
    beta = np.empty(LANES * p)
    eta = np.empty(LANES * size)
    four = np.empty(LANES)
    for first in range(0, draws, LANES):
        take_rows(betas, first, beta)
        eta[:] = 0.0
        square = spread(0.0)
        for i in range(p):
            here = load(beta, i)
            store(eta, terms[i], here)
            if i > 0:
                square = square + here * here
        transform_lanes(eta, size)
        value = spread(-0.5 * precision) * square
        for cell in range(1, size):
            if cells[cell] > 0.0:
                here = load(eta, cell)
                value = value + (spread(counts[cell]) * here - exponential(here))
        store(four, 0, value)
        for lane in range(min(LANES, draws - first)):
            out[first + lane] = four[lane]
    return out


@compiled
def take_rows(rows: Array, first: int, out: Array) -> None:
    """Write four rows of (S, p) side by side to `out`, (4 p,); the last one stands for those that there are not."""
    for lane in range(LANES):
        row = rows[min(first + lane, rows.shape[0] - 1)]
        for i in range(row.shape[0]):
            out[LANES * i + lane] = row[i]


@compiled
def information_factor(cells: Array, terms: NDArray[np.int64], precision: float, beta: Array) -> Array:
    """Return L with L Lᵀ the Hessian of minus the target at `beta`, (p, p); arguments as in `log_targets`.

    NaN when it is not positive definite.
    """
    p = terms.shape[0]
    eta = np.zeros(cells.shape[0])
    for i in range(p):
        eta[terms[i]] = beta[i]
    transform(eta)
    for cell in range(cells.shape[0]):
        eta[cell] = math.exp(eta[cell]) if cell > 0 and cells[cell] > 0.0 else 0.0
    transform(eta)
    factor = np.zeros((p, p))
    for i in range(p):
        for j in range(i + 1):
            factor[i, j] = eta[terms[i] ^ terms[j]]
        if i > 0:
            factor[i, i] += precision
    if factorise(factor, p, 1e-13) != 0:
        factor[:] = np.nan
    return factor


@compiled
def first_axis(factor: Array, direction: Array) -> Array:
    """Return the Householder vector r, of length 0 or 1, so that I − 2rrᵀ maps the first axis to L⁻¹d / |L⁻¹d|.

    Parameters
    ----------
    factor : (p, p) float64
        Lower triangular L.
    direction : (p,) float64
        Gradient d of what is to be sampled well, such as log n_0.
    """
    reflector = direction.copy()
    solve_lower(factor, reflector.shape[0], reflector)
    reflector /= -math.sqrt((reflector * reflector).sum())
    reflector[0] += 1.0
    length = math.sqrt((reflector * reflector).sum())
    if length > 1e-12:
        reflector /= length
    else:
        reflector[:] = 0.0
    return reflector


@compiled
def _to_step(factor: Array, reflector: Array, position: Array, step: Array) -> None:
    """Write L⁻ᵀQs to `step`; Q is the Householder reflection I − 2rrᵀ (r of length 0 or 1)."""
    p = position.shape[0]
    along = 0.0
    for i in range(p):
        along += reflector[i] * position[i]
    for i in range(p):
        step[i] = position[i] - 2.0 * along * reflector[i]
    solve_upper(factor, p, step)


@compiled
def pareto_shape(exceedances: Array) -> tuple[float, float]:
    """Fit a generalised Pareto law to sorted positive exceedances (Zhang & Stephens 2009, Technometrics 51:316).

    Parameters
    ----------
    exceedances : (m,) float64
        Ascending.

    Returns
    -------
    tuple of float
        Shape k (with the weak prior towards 0.5 of Vehtari et al. 2024) and scale.
    """
    m = exceedances.shape[0]
    grid = 30 + int(math.sqrt(m))
    quartile = exceedances[max(int(m / 4 + 0.5) - 1, 0)]
    thetas = np.empty(grid)
    profile = np.empty(grid)
    for j in range(grid):
        theta = 1.0 / exceedances[m - 1] + (1.0 - math.sqrt(grid / (j + 0.5))) / (3.0 * quartile)
        k = _mean_log(theta, exceedances)
        thetas[j] = theta
        profile[j] = m * (math.log(-theta / k) - k - 1.0)
    best = 0.0
    for j in range(grid):
        share = 0.0
        for i in range(grid):
            share += math.exp(profile[i] - profile[j])
        best += thetas[j] / share
    k = _mean_log(best, exceedances)
    return (k * m + 5.0) / (m + 10.0), -k / best


@compiled
def _mean_log(theta: float, exceedances: Array) -> float:
    """Return the mean of log(1 − θx): of products of a few, which takes fewer logarithms."""
    m = exceedances.shape[0]
    total = 0.0
    for first in range(0, m, _GROUP):
        product = 1.0
        for i in range(first, min(first + _GROUP, m)):
            product *= 1.0 - theta * exceedances[i]
        total += math.log(product)
    return float(total / m)


@compiled
def _sink(heap: NDArray[np.int64], size: int, at: int, values: Array) -> None:
    """Let an entry of a heap of indices, the least value on top, go down to where it belongs."""
    here = heap[at]
    child = 2 * at + 1
    while child < size:
        if child + 1 < size and values[heap[child + 1]] < values[heap[child]]:
            child += 1
        if values[here] <= values[heap[child]]:
            break
        heap[at] = heap[child]
        at = child
        child = 2 * at + 1
    heap[at] = here


@compiled
def largest_of(values: Array, number: int) -> NDArray[np.int64]:
    """Return where the largest values are, so many of them, the least of them first: by a heap, not by sorting all."""
    heap = np.empty(number, np.int64)
    for i in range(number):
        heap[i] = i
    for at in range(number // 2 - 1, -1, -1):
        _sink(heap, number, at, values)
    for i in range(number, values.shape[0]):
        if values[i] > values[heap[0]]:
            heap[0] = i
            _sink(heap, number, 0, values)
    for last in range(number - 1, 0, -1):
        least = heap[0]
        heap[0] = heap[last]
        heap[last] = least
        _sink(heap, last, 0, values)
    out = np.empty(number, np.int64)
    for i in range(number):
        out[i] = heap[number - 1 - i]
    return out


@compiled
def _upper_tail(log_weight: Array) -> tuple[NDArray[np.int64], Array, float]:
    """Return where the largest weights are, what each exceeds the largest of the others by, and that one.

    Relative to the largest of all; nothing is exceeded where fewer than five weights differ.
    """
    s = log_weight.shape[0]
    tail = int(3.0 * math.sqrt(s)) if s > 225 else s // 5
    order = largest_of(log_weight, tail + 1)
    top = log_weight.max()
    cut = math.exp(log_weight[order[0]] - top)
    exceedances = np.empty(tail)
    for i in range(tail):
        exceedances[i] = math.exp(log_weight[order[1 + i]] - top) - cut
    if tail < 5 or not exceedances[0] > 0.0 or exceedances[tail - 1] <= exceedances[0] * (1.0 + 1e-10):
        exceedances = np.empty(0)
    return order[1:], exceedances, cut


@compiled
def tail_shape(log_weight: Array) -> float:
    """Return the shape that `smooth_weights` finds, and leave the weights as they are."""
    _order, exceedances, _cut = _upper_tail(log_weight)
    return float(pareto_shape(exceedances)[0]) if exceedances.shape[0] > 0 else math.inf


@compiled
def smooth_weights(log_weight: Array) -> float:
    """Replace the largest log weights by the quantiles of their Pareto fit, in place, and return the shape.

    Parameters
    ----------
    log_weight : (S,) float64
        Unnormalised; shifted so that the largest raw one is 0.

    Returns
    -------
    float
        The shape k, infinite when fewer than five weights differ.
    """
    log_weight -= log_weight.max()
    order, exceedances, cut = _upper_tail(log_weight)
    tail = exceedances.shape[0]
    if tail == 0:
        return math.inf
    k, scale = pareto_shape(exceedances)
    for i in range(tail):
        q = (i + 0.5) / tail
        excess = -scale * math.log1p(-q) if abs(k) < 1e-12 else scale * math.expm1(-k * math.log1p(-q)) / k
        log_weight[order[i]] = min(math.log(excess + cut), 0.0)
    return k


@compiled
def probe_points(mode: Array, factor: Array, reflector: Array) -> Array:
    """Return the points 1, 2 and 4 whitened units from the mode on either side of every axis, (6p, p)."""
    p = mode.shape[0]
    out = np.empty((6 * p, p))
    position = np.zeros(p)
    step = np.empty(p)
    row = 0
    for i in range(p):
        position[i] = 1.0
        _to_step(factor, reflector, position, step)
        position[i] = 0.0
        for side in range(2):
            for reach in (1.0, 2.0, 4.0):
                length = reach if side == 1 else -reach
                for j in range(p):
                    out[row, j] = mode[j] + length * step[j]
                row += 1
    return out


@compiled
def side_scales(drops: Array) -> Array:
    """Return the scale of each side of each axis, (p, 2), from what the target loses at the `probe_points`, (6p,)."""
    out = np.empty((drops.shape[0] // 6, 2))
    for row in range(drops.shape[0] // 3):
        widest = 0.0
        for k in range(3):
            widest = max(widest, 2.0**k / math.sqrt(2.0 * max(drops[3 * row + k], 1e-3)))
        out[row // 2, row % 2] = min(max(widest, 0.2), 8.0)
    return out


@compiled
def propose(
    mode: Array, factor: Array, reflector: Array, scale: Array, normals: Array, sides: Array, stretch: Array
) -> Array:
    """Turn random numbers into draws of the proposal, and return their log density.

    Parameters
    ----------
    mode : (p,) float64
        Where the target is largest.
    factor : (p, p) float64
        Lower triangular L with L Lᵀ the Hessian of minus the log target there.
    reflector : (p,) float64
        From `first_axis`.
    scale : (p, 2) float64
        From `side_scales`.
    normals : (S, p) float64
        Standard normal numbers; overwritten by the coefficients that are drawn.
    sides : (S, p) float64
        Uniform numbers, which choose the side of each axis.
    stretch : (S,) float64
        Numbers √(ν/χ²_ν) with ν = `FREEDOM`.

    Returns
    -------
    (S,) float64
        Of the draws in whitened coordinates: without ½ log|L Lᵀ|.
    """
    s, p = normals.shape
    log_constant = math.lgamma(0.5 * (FREEDOM + p)) - math.lgamma(0.5 * FREEDOM) - 0.5 * p * math.log(FREEDOM * math.pi)
    for i in range(p):
        log_constant += math.log(2.0 / (scale[i, 0] + scale[i, 1]))
    inverse = np.empty(p)
    for i in range(p):
        inverse[i] = 1.0 / factor[i, i]
    out = np.empty(s)
    position = np.empty(LANES * p)
    for first in range(0, s, LANES):
        here = min(LANES, s - first)
        for lane in range(LANES):
            d = min(first + lane, s - 1)
            square = 0.0
            for i in range(p):
                z = abs(normals[d, i]) * stretch[d]
                square += z * z
                if sides[d, i] * (scale[i, 0] + scale[i, 1]) < scale[i, 0]:
                    position[LANES * i + lane] = -z * scale[i, 0]
                else:
                    position[LANES * i + lane] = z * scale[i, 1]
            out[d] = log_constant - 0.5 * (FREEDOM + p) * math.log1p(square / FREEDOM)
        along = spread(0.0)
        for i in range(p):
            along = along + spread(reflector[i]) * load(position, i)
        for i in range(p):
            store(position, i, load(position, i) - spread(2.0 * reflector[i]) * along)
        # L⁻ᵀ: each row is taken from those before it
        for i in range(p - 1, -1, -1):
            x = load(position, i) * spread(inverse[i])
            store(position, i, x)
            for k in range(i):
                store(position, k, load(position, k) - spread(factor[i, k]) * x)
        for lane in range(here):
            for i in range(p):
                normals[first + lane, i] = mode[i] + position[LANES * i + lane]
    return out
