"""Densities that are known at equally spaced nodes of their own, put on one grid: cubic splines of their logs."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.bracketing import Bracket, narrowed, within
from mse.kernels.compiled import compiled
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, load, spread, store

Array = NDArray[np.float64]

FEWEST_NODES = 4
"""Nodes that a law must have."""

_CERTAIN = 6.0
"""Argument from which the complementary error function is 0, or 2 on the other side, to double precision."""


@compiled
def curvatures(values: Array, work: Array, out: Array) -> None:
    """Write h² times the second derivative at equally spaced nodes of a cubic spline to `out`, all (m,), m ≥ 4.

    The second derivative of the first and last stretch is constant, as that of a normal law's log density is.
    """
    m = values.shape[0]
    # M_{i−1} + 4 M_i + M_{i+1} = 6 (f_{i−1} − 2 f_i + f_{i+1}) with M_0 = M_1 and M_{m−1} = M_{m−2}
    for i in range(1, m - 1):
        out[i] = 6.0 * (values[i - 1] - 2.0 * values[i] + values[i + 1])
    work[1] = 1.0 / 5.0
    out[1] *= work[1]
    for i in range(2, m - 1):
        diagonal = 5.0 if i == m - 2 else 4.0
        work[i] = 1.0 / (diagonal - work[i - 1])
        out[i] = (out[i] - out[i - 1]) * work[i]
    for i in range(m - 3, 0, -1):
        out[i] -= work[i] * out[i + 1]
    out[0] = out[1]
    out[m - 1] = out[m - 2]


@compiled
def add_law(mass: Array, start: float, step: float, nodes: Array, log_density: Array, log_weight: float) -> None:
    """Add exp(log weight + spline of the log density) to the points of a grid between the first and last node.

    Parameters
    ----------
    mass : (X,) float64
        Density at start + step · i; added to.
    start, step : float
        The grid.
    nodes, log_density : (m,) float64
        Equally spaced nodes, m ≥ 4, and the log density there.
    log_weight : float
        Added to it.
    """
    m = nodes.shape[0]
    bend = np.empty(m)
    curvatures(log_density, np.empty(m), bend)
    space = (nodes[m - 1] - nodes[0]) / (m - 1)
    first = max(int(math.ceil((nodes[0] - start) / step - 1e-9)), 0)
    last = min(int(math.floor((nodes[m - 1] - start) / step + 1e-9)), mass.shape[0] - 1)
    places = np.empty(LANES)
    four = np.empty(LANES)
    begin = first
    for k in range(m - 1):
        # the points up to the next node, and the cubic there in powers of the share of the way to it
        reach = last if k == m - 2 else int(math.ceil((nodes[0] + (k + 1) * space - start) / step)) - 1
        end = min(reach, last) + 1
        if end <= begin:
            continue
        slope = log_density[k + 1] - log_density[k] - bend[k] / 3.0 - bend[k + 1] / 6.0
        constant, linear = spread(log_density[k] + log_weight), spread(slope)
        square, cube = spread(0.5 * bend[k]), spread((bend[k + 1] - bend[k]) / 6.0)
        here = mass[begin:end]
        on = spread(LANES * step / space)
        for lane in range(LANES):
            places[lane] = (start + step * (begin + lane) - nodes[0]) / space - k
        t = load(places, 0)
        for block in range((end - begin + LANES - 1) // LANES):
            value = exponential(constant + t * (linear + t * (square + t * cube)))
            t = t + on
            if LANES * (block + 1) <= end - begin:
                store(here, block, load(here, block) + value)
            else:
                store(four, 0, value)
                for i in range(LANES * block, end - begin):
                    here[i] += four[i - LANES * block]
        begin = end


@compiled
def log_integral(nodes: Array, log_density: Array) -> float:
    """Return the log of the integral of exp(spline of the log density) from the first to the last node."""
    m = nodes.shape[0]
    points = 12 * (m - 1) + 1
    step = (nodes[m - 1] - nodes[0]) / (points - 1)
    mass = np.zeros(points)
    top = log_density.max()
    add_law(mass, nodes[0], step, nodes, log_density, -top)
    return top + math.log(mass.sum() * step)


@compiled
def noisy_share(size: float, roots: Array, mass: Array, upto: Array) -> float:
    """Return the share of a mixture of Poisson laws below a size, by Wilson & Hilferty's normal law of a cube root.

    P(Poisson(μ) ≤ n) = P(Gamma(n + 1) > μ), and the cube root of a gamma variate is nearly normal. Roots of the means
    ascend; `upto` are the sums of the masses, from 0 on.
    """
    shape = max(size, 0.0) + 1.0
    root = shape ** (1.0 / 3.0)
    middle = 1.0 - 1.0 / (9.0 * shape)
    scale = 3.0 * math.sqrt(shape) * math.sqrt(0.5)
    low = 0
    high = roots.shape[0]
    while low < high:
        at = (low + high) // 2
        if scale * (roots[at] / root - middle) < -_CERTAIN:
            low = at + 1
        else:
            high = at
    total = float(upto[low])
    for i in range(low, mass.shape[0]):
        away = scale * (roots[i] / root - middle)
        if away > _CERTAIN:
            break
        total += mass[i] * 0.5 * math.erfc(away)
    return total


@compiled
def noisy_quantiles(wanted: Array, means: Array, mass: Array) -> Array:
    """Return sizes below which shares `wanted` of a mixture of Poisson laws lie, to a billionth; see `noisy_share`.

    Parameters
    ----------
    wanted : (Q,) float64
        Shares.
    means, mass : (M,) float64
        Means, ascending, and their weights, which add up to one.
    """
    roots = means ** (1.0 / 3.0)
    upto = np.zeros(mass.shape[0] + 1)
    for i in range(mass.shape[0]):
        upto[i + 1] = upto[i] + mass[i]
    out = np.empty(wanted.shape[0])
    for q in range(wanted.shape[0]):
        low = -1.0
        high = float(means.max()) + 10.0 * math.sqrt(means.max()) + 20.0
        below = noisy_share(low, roots, mass, upto) - wanted[q]
        above = noisy_share(high, roots, mass, upto) - wanted[q]
        if below >= 0.0:
            high = low
        bracket = Bracket(low, high, below, above, 0)
        for _ in range(200):
            if bracket.high - bracket.low <= 1e-9 * (bracket.high + 1.0):
                break
            # on the scale of roots the share is nearly normal
            here = within(bracket)
            found = noisy_share(here, roots, mass, upto) - wanted[q]
            bracket = narrowed(bracket, here, found)
            if abs(found) < 1e-13:
                bracket = Bracket(here, here, 0.0, 0.0, 0)
        out[q] = bracket.high
    return out


@compiled
def quantiles_of_sizes(observed: float, log_means: Array, mass: Array, wanted: Array) -> Array:
    """Return `noisy_quantiles` of the observed and the unseen together, from logs of the means of the unseen.

    Parameters
    ----------
    observed : float
        Persons.
    log_means, mass : (M,) float64
        Logs of means, ascending, and their weights; those below a billionth of the largest are left out.
    wanted : (Q,) float64
        Shares.
    """
    least = 1e-9 * mass.max()
    means = np.empty(mass.shape[0])
    share = np.empty(mass.shape[0])
    size = 0
    total = 0.0
    for i in range(mass.shape[0]):
        if mass[i] > least:
            means[size] = math.exp(log_means[i])
            share[size] = mass[i]
            total += mass[i]
            size += 1
    for i in range(size):
        share[i] /= total
    out = noisy_quantiles(wanted, means[:size], share[:size])
    for q in range(out.shape[0]):
        out[q] = observed + max(out[q], 0.0)
    return out
