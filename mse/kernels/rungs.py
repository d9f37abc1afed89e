"""Importance sampling around the nodes of `shrinking`: what Laplace's formula misses at each of them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.exponential import both_ways
from mse.kernels.importance import tail_shape
from mse.kernels.lanes import LANES, Lanes, load, spread, store
from mse.kernels.rowwise import solve_back_lanes, solve_rows
from mse.kernels.shrinking import Counted, Shrinkage, derivatives, objective, shifted_log_means
from mse.kernels.walsh import transform_lanes

Array = NDArray[np.float64]

HEAVY = 7.0
"""Log of how much less dense than the densest a node may be whose weights are judged."""


class Corrections(NamedTuple):
    """What importance sampling says of one law.

    Attributes
    ----------
    log_ratio : (1 + B, m) float64
        Log of what the density at each node is to be multiplied by: by all draws, and by each of B parts of them.
    pareto_k, worth : float
        Shape of the tail of what the draws weigh at all heavy nodes together, and their effective share.
    failed : bool
        Whether H of a node was not positive definite.
    """

    log_ratio: Array
    pareto_k: float
    worth: float
    failed: bool


@compiled
def sample_law(
    seen: Counted, terms: NDArray[np.int64], prior: Shrinkage, modes: Array, density: Array, depth: float,
    normals: Array, batches: int,
) -> Corrections:  # fmt: skip
    """Draw around every node of a law that is not too far below its highest; the others go with their neighbours.

    Parameters
    ----------
    seen, terms, prior
        As in `shrinking.fit_shrunk`.
    modes, density : (m, p), (m,) float64
        β at the nodes, and their log densities.
    depth : float
        Nodes so far below the highest are not drawn around.
    normals : (S, p) float64
        Standard normal numbers, the same for all nodes.
    batches : int
        B.
    """
    m = density.shape[0]
    s = normals.shape[0]
    ratio = np.zeros((batches + 1, m))
    weights = np.empty((m, 2 * s))
    low = -1
    high = -1
    highest = density.max()
    for i in range(m):
        if density[i] < highest - max(depth, HEAVY):
            continue
        found, failed = sample_rung(seen, terms, prior, modes[i], normals)
        copy_to(weights[i], found)
        if failed:
            return Corrections(ratio, math.nan, math.nan, True)
        low = i if low < 0 else low
        high = i
        ratio[0, i] = _log_mean(weights[i], 0, 1)
        for b in range(batches):
            ratio[b + 1, i] = _log_mean(weights[i], b, batches)
    for i in range(m):
        if i < low:
            for b in range(batches + 1):
                ratio[b, i] = ratio[b, low]
        elif i > high:
            for b in range(batches + 1):
                ratio[b, i] = ratio[b, high]
    top = -math.inf
    for i in range(m):
        top = max(top, density[i] + ratio[0, i])
    # All nodes have the same draws: what each draw weighs is a sum over them, and a large one counts once.
    heavy = np.zeros(2 * s)
    for i in range(low, high + 1):
        if density[i] + ratio[0, i] > top - HEAVY:
            for d in range(2 * s):
                heavy[d] += math.exp(density[i] + weights[i, d] - top)
    total = 0.0
    squares = 0.0
    for d in range(2 * s):
        total += heavy[d]
        squares += heavy[d] * heavy[d]
        heavy[d] = math.log(heavy[d])
    return Corrections(ratio, tail_shape(heavy), total * total / (2 * s * squares), False)


@compiled
def _log_mean(log_weight: Array, first: int, step: int) -> float:
    """Return the log of the mean of every `step`-th weight."""
    top = -math.inf
    for i in range(first, log_weight.shape[0], step):
        top = max(top, log_weight[i])
    total = 0.0
    n = 0
    for i in range(first, log_weight.shape[0], step):
        total += math.exp(log_weight[i] - top)
        n += 1
    return top + math.log(total / n)


@compiled
def sample_rung(
    seen: Counted, terms: NDArray[np.int64], prior: Shrinkage, mode: Array, normals: Array
) -> tuple[Array, bool]:
    """Draw coefficients with 1ᵀβ = x around β_x from the normal of Laplace's formula, each draw and its mirror image.

    With H = UᵀU and a = U⁻ᵀ1, z is a standard normal vector without its part along a, and β = β_x ± U⁻¹z; the density
    of the proposal is that of z. The mean of exp(log weight) estimates p(x, n) over Laplace's approximation of it.

    Parameters
    ----------
    seen, terms, prior
        As in `shrinking.fit_shrunk`.
    mode : (p,) float64
        β_x.
    normals : (S, p) float64
        Standard normal numbers.

    Returns
    -------
    log_weight, failed : (2 S,) float64, bool
    """
    s, p = normals.shape
    size = seen.counts.shape[0]
    out = np.zeros(2 * s)
    h = np.empty((p, p))
    eta = np.empty(size)
    slope = np.empty(p)
    shifted_log_means(seen, terms, mode, eta)
    lowest = objective(seen, eta, mode, prior)
    if derivatives(seen, terms, prior, mode, eta, slope, h, np.empty((2, size))) != 0:
        return out, True
    along = np.ones(p)
    solve_rows(h, p, along)
    along /= math.sqrt((along * along).sum())
    z = np.empty(LANES * p)
    change = np.zeros(LANES * size)
    square = np.empty(LANES)
    plus = np.empty(LANES)
    minus = np.empty(LANES)
    inverse = np.empty(p)
    for i in range(p):
        inverse[i] = 1.0 / h[i, i]
    means = np.empty(size)
    for cell in range(size):
        means[cell] = math.exp(min(eta[cell], 700.0))
    for first in range(0, s, LANES):
        for lane in range(LANES):
            # the last draw stands in the lanes that are left over
            normal = normals[min(first + lane, s - 1)]
            for i in range(p):
                z[LANES * i + lane] = normal[i]
        part = spread(0.0)
        for i in range(p):
            part = part + spread(along[i]) * load(z, i)
        length = spread(0.0)
        for i in range(p):
            x = load(z, i) - part * spread(along[i])
            store(z, i, x)
            length = length + x * x
        store(square, 0, length)
        solve_back_lanes(h, inverse, p, z)
        change[:] = 0.0
        for i in range(p):
            store(change, terms[i], load(z, i))
        transform_lanes(change, size)
        _objectives(seen, eta, means, change, prior, mode, z, plus, minus)
        for lane in range(min(LANES, s - first)):
            out[first + lane] = lowest - plus[lane] + 0.5 * square[lane]
            out[s + first + lane] = lowest - minus[lane] + 0.5 * square[lane]
    return out, False


@compiled
def _bounded(bound: float, x: Lanes, scratch: Array) -> Lanes:
    """Return log P(Y ≤ bound) at four log means."""
    store(scratch, 0, x)
    for lane in range(LANES):
        scratch[lane] = bounded(bound, scratch[lane])[0]
    return load(scratch, 0)


@compiled
def _objectives(
    seen: Counted, eta: Array, means: Array, change: Array, prior: Shrinkage, mode: Array, z: Array, plus: Array,
    minus: Array,
) -> None:  # fmt: skip
    """Write F at the mode plus and minus four steps z; `means` are those at the mode, `change` the steps' log means."""
    up = spread(0.0)
    down = spread(0.0)
    still = 0.0
    along = spread(0.0)
    for cell in range(1, eta.shape[0]):
        if seen.cells[cell] > 0.0:
            here = load(change, cell)
            if seen.bounds[cell] >= 0.0:
                up = up - _bounded(seen.bounds[cell], spread(eta[cell]) + here, plus)
                down = down - _bounded(seen.bounds[cell], spread(eta[cell]) - here, plus)
            else:
                more, less = both_ways(here)
                up = up + spread(means[cell]) * more
                down = down + spread(means[cell]) * less
                still -= seen.counts[cell] * eta[cell]
                along = along - spread(seen.counts[cell]) * here
    square = spread(0.0)
    together = spread(0.0)
    sum_here = 0.0
    for i in range(mode.shape[0]):
        x = load(z, i)
        weight = prior.precision[i] * mode[i]
        still += 0.5 * weight * mode[i]
        along = along + spread(weight) * x
        square = square + spread(prior.precision[i]) * x * x
        if prior.first <= i < prior.last:
            together = together + x
            sum_here += mode[i]
    still -= 0.5 * prior.common * sum_here * sum_here
    along = along - spread(prior.common * sum_here) * together
    square = square - spread(prior.common) * together * together
    even = spread(still) + spread(0.5) * square
    store(plus, 0, up + even + along)
    store(minus, 0, down + even - along)
