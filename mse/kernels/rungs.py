"""Importance sampling around the nodes of `shrinking`: what Laplace's formula misses at each of them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.exponential import both_ways, exponential
from mse.kernels.importance import tail_shape, take_rows
from mse.kernels.lanes import LANES, Lanes, load, spread, store
from mse.kernels.rowwise import solve_back_lanes, solve_rows
from mse.kernels.shrinking import Counted, Shrinkage, derivatives, objective, shifted_log_means
from mse.kernels.walsh import transform_lanes

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

HEAVY = 7.0
"""Log of how much less dense than the densest a node may be whose weights are judged."""


class Corrections(NamedTuple):
    """What importance sampling says of C laws with T nodes in all.

    Attributes
    ----------
    log_ratio : (1 + B, T) float64
        Log of what the density at each node is to be multiplied by: by all draws, and by each of B parts of them.
    pareto_k, worth : (C,) float64
        Shape of the tail of what the draws weigh at all heavy nodes together, and their effective share; not a number
        where a law failed.
    failed : (C,) bool
        Whether H of a node was not positive definite.
    """

    log_ratio: Array
    pareto_k: Array
    worth: Array
    failed: NDArray[np.bool_]


@compiled
def sample_laws(
    seen: Counted, offsets: Array, which: Integers, terms: Integers, first: int, last: int, precision: Array,
    common: Array, modes: Array, density: Array, ends: Integers, depth: Array, weight: Array, normals: Array,
    tries: Integers, settled: float, batches: int, reliable: float, least: float,
) -> Corrections:  # fmt: skip
    """Draw around every node that is not too far below the highest of its law; the others go with their neighbours.

    Parameters
    ----------
    seen, offsets, which, terms, first, last, precision, common
        As in `shrunklaw.laws_on_grid`, of the C points whose laws these are.
    modes, density : (T, p), (T,) float64
        β at the nodes, one law after the other, and their log densities.
    ends : (C,) int64
        Where each law ends.
    depth : (C,) float64
        Nodes so far below the highest are not drawn around.
    weight : (C,) float64
        Posterior probability of each point.
    normals : (S, p) float64
        Standard normal numbers, the same for all nodes.
    tries : (A,) int64
        How many of them are used at first, and how many where that does not settle the laws; ascending.
    settled : float
        Standard error of the log density with which so many draws do, see `_noise`.
    batches : int
        B.
    reliable, least : float
        All of `normals` are used where the tail has a larger shape than the one, and draws are worth less than the
        other.
    """
    points = ends.shape[0]
    most = tries[tries.shape[0] - 1]
    ratio = np.zeros((batches + 1, density.shape[0]))
    shape = np.full(points, math.nan)
    worth = np.full(points, math.nan)
    failed = np.zeros(points, np.bool_)
    weights = np.empty((density.shape[0], 2, most))
    done = np.zeros(points, np.int64)
    for draws in tries:
        noise = 0.0
        for c in range(points):
            start = ends[c - 1] if c > 0 else 0
            end = ends[c]
            law = density[start:end]
            heavy = law.max() - max(depth[c], HEAVY)
            prior = Shrinkage(precision[c], common[c], first, last, 0.0)
            shifted = Counted(seen.counts, seen.cells, seen.bounds, offsets[which[c]])
            for i in range(start, end):
                if density[i] >= heavy and not failed[c]:
                    failed[c] = sample_rung(shifted, terms, prior, modes[i], normals, done[c], draws, weights[i])
            done[c] = draws
            if failed[c]:
                noise = math.inf
                continue
            shape[c], worth[c] = _correct(law, heavy, weights[start:end], draws, batches, ratio, start)
            if shape[c] > reliable and worth[c] < least and draws < normals.shape[0]:
                more = np.empty((end - start, 2, normals.shape[0]))
                for i in range(start, end):
                    if density[i] >= heavy:
                        for side in range(2):
                            copy_to(more[i - start, side], weights[i, side, :draws])
                        sample_rung(shifted, terms, prior, modes[i], normals, draws, normals.shape[0], more[i - start])
                shape[c], worth[c] = _correct(law, heavy, more, normals.shape[0], batches, ratio, start)
        if noise == 0.0 and draws < most:
            noise = _noise(ratio, density, ends, weight)
        if noise < settled:
            break
    return Corrections(ratio, shape, worth, failed)


@compiled
def _correct(
    density: Array, heavy: float, log_weight: Array, draws: int, batches: int, ratio: Array, start: int
) -> tuple[float, float]:
    """Write what one law is to be multiplied by to `ratio` from node `start` on, and judge its draws.

    Parameters
    ----------
    density : (m,) float64
        Log density at the nodes.
    heavy : float
        Nodes below it were not drawn around.
    log_weight : (m, 2, S) float64
        What the draws and their mirror images weigh, of which the first `draws` are there.

    Returns
    -------
    shape, share : float, float
        As in `Corrections`.
    """
    m = density.shape[0]
    n = 2 * draws
    room = (n + LANES - 1) // LANES
    share = np.full((m, LANES * room), -math.inf)
    top = np.empty(m)
    low = -1
    high = -1
    for i in range(m):
        if density[i] < heavy:
            continue
        low = i if low < 0 else low
        high = i
        top[i] = -math.inf
        for side in range(2):
            for d in range(draws):
                top[i] = max(top[i], log_weight[i, side, d])
        for side in range(2):
            for d in range(draws):
                share[i, side * draws + d] = log_weight[i, side, d] - top[i]
        for block in range(room):
            store(share[i], block, exponential(load(share[i], block)))
        whole = 0.0
        for b in range(batches):
            total = 0.0
            for d in range(b, n, batches):
                total += share[i, d]
            whole += total
            ratio[b + 1, start + i] = top[i] + math.log(total / ((n - b + batches - 1) // batches))
        ratio[0, start + i] = top[i] + math.log(whole / n)
    for b in range(batches + 1):
        for i in range(low):
            ratio[b, start + i] = ratio[b, start + low]
        for i in range(high + 1, m):
            ratio[b, start + i] = ratio[b, start + high]
    highest = -math.inf
    for i in range(m):
        highest = max(highest, density[i] + ratio[0, start + i])
    # All nodes have the same draws: what each draw weighs is a sum over them, and a large one counts once.
    together = np.zeros(n)
    for i in range(m):
        if density[i] >= heavy and density[i] + ratio[0, start + i] > highest - HEAVY:
            factor = math.exp(density[i] + top[i] - highest)
            for d in range(n):
                together[d] += factor * share[i, d]
    total = 0.0
    squares = 0.0
    for d in range(n):
        total += together[d]
        squares += together[d] * together[d]
        together[d] = math.log(together[d])
    return tail_shape(together), total * total / (n * squares)


@compiled
def _noise(ratio: Array, density: Array, ends: Integers, weight: Array) -> float:
    """Return the standard error of the log density, the mean over the laws, at the node of each where it is largest.

    What the parts of the draws say of all laws alike is taken off first: the mixture is divided by it.
    """
    batches = ratio.shape[0] - 1
    alike = np.zeros(batches)
    start = 0
    for c in range(ends.shape[0]):
        densest = start + int(density[start : ends[c]].argmax())
        for b in range(batches):
            alike[b] += weight[c] * ratio[b + 1, densest] / weight.sum()
        start = ends[c]
    noise = 0.0
    start = 0
    for c in range(ends.shape[0]):
        heavy = density[start : ends[c]].max() - HEAVY
        largest = 0.0
        for i in range(start, ends[c]):
            if density[i] < heavy:
                continue
            mean = 0.0
            for b in range(batches):
                mean += (ratio[b + 1, i] - alike[b]) / batches
            square = 0.0
            for b in range(batches):
                square += (ratio[b + 1, i] - alike[b] - mean) ** 2 / batches
            largest = max(largest, square)
        noise += weight[c] * math.sqrt(largest / batches)
        start = ends[c]
    return noise


@compiled
def sample_rung(
    seen: Counted, terms: Integers, prior: Shrinkage, mode: Array, normals: Array, done: int, draws: int, out: Array
) -> bool:
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
    done, draws : int
        Draws that are there already, a multiple of four, and that are to be there.
    out : (2, S) float64
        Written: log weights of the draws and of their mirror images.

    Returns
    -------
    bool
        Whether H was not positive definite.
    """
    p = normals.shape[1]
    size = seen.counts.shape[0]
    h = np.empty((p, p))
    eta = np.empty(size)
    slope = np.empty(p)
    shifted_log_means(seen, terms, mode, eta)
    lowest = objective(seen, eta, mode, prior)
    if derivatives(seen, terms, prior, mode, eta, slope, h, np.empty((2, size))) != 0:
        return True
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
    for first in range(done, draws, LANES):
        take_rows(normals[:draws], first, z)
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
        for lane in range(min(LANES, draws - first)):
            out[0, first + lane] = lowest - plus[lane] + 0.5 * square[lane]
            out[1, first + lane] = lowest - minus[lane] + 0.5 * square[lane]
    return False


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
