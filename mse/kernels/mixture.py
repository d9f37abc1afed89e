"""Mixtures on an equally spaced grid: normal components and weighted points."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.bracketing import Bracket, narrowed, within
from mse.kernels.compiled import compiled
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, load, spread, store

Array = NDArray[np.float64]

REACH = 8.5
"""Standard deviations of a component that are put on the grid; the rest is below double precision."""


# cells so fine, in standard deviations, that the series of the mass of one is good to 1e-12; and after how many fours φ
# is taken anew
_FINE, _ANEW = 0.05, 8
_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
_MOST_STEPS = 200


@compiled
def add_normals(mass: Array, start: float, step: float, weight: Array, mean: Array, sd: Array) -> None:
    """Add normal components to the grid, in place.

    Parameters
    ----------
    mass : (G,) float64
        Mass of the grid cells; cell g covers start + (g ± ½) step. What falls outside goes to the end cells.
    start, step : float
        First point and spacing.
    weight, mean, sd : (M,) float64
        The components; one with sd 0 is a point.
    """
    cells = mass.shape[0]
    for m in range(weight.shape[0]):
        if not weight[m] > 0.0:
            continue
        low = math.floor((mean[m] - REACH * sd[m] - start) / step + 0.5)
        high = math.floor((mean[m] + REACH * sd[m] - start) / step + 0.5)
        if high == low:
            mass[min(max(int(low), 0), cells - 1)] += weight[m]
            continue
        width = step / sd[m]
        if width <= _FINE and low < cells - 1 and high > 0:
            first, last = int(max(low, 0)), int(min(high, cells - 1))
            if low < 0:
                mass[0] += weight[m] * _share_below((start + 0.5 * step - mean[m]) / sd[m])
                first = 1
            if high >= cells:
                mass[last] += weight[m] * _share_below((mean[m] - start - (last - 0.5) * step) / sd[m])
                last -= 1
            _add_fine(mass[first : last + 1], start + first * step, step, weight[m], mean[m], sd[m])
            continue
        below = 0.0
        for g in range(int(min(max(low, 0), cells - 1)), int(min(max(high, 0), cells - 1)) + 1):
            edge = (start + (g + 0.5) * step - mean[m]) / sd[m]
            upto = _share_below(edge) if g < min(high, cells - 1) else 1.0
            mass[g] += weight[m] * (upto - below)
            below = upto


@compiled
def _share_below(z: float) -> float:
    """Return the normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@compiled
def _add_fine(mass: Array, start: float, step: float, weight: float, mean: float, sd: float) -> None:
    """Add a normal to all of some cells, φ from the middle of one to the next, and what it is on average over a cell.

    Four cells side by side, and from each to the one four further on.
    """
    width = step / sd
    square_width = spread(width * width)
    peak = weight * width * _PEAK
    shrink = spread(math.exp(-16.0 * width * width))
    places = np.empty(LANES)
    density = spread(0.0)
    ratio = spread(0.0)
    z = spread(0.0)
    blocks = mass.shape[0] // LANES
    for block in range(blocks):
        if block % _ANEW == 0:
            for lane in range(LANES):
                places[lane] = (start + (LANES * block + lane) * step - mean) / sd
            z = load(places, 0)
            density = spread(peak) * exponential(spread(-0.5) * z * z)
            ratio = exponential(spread(-4.0 * width) * (z + spread(2.0 * width)))
        square = z * z
        fourth = (square - spread(6.0)) * square + spread(3.0)
        bend = (square - spread(1.0)) * spread(1.0 / 24.0) + square_width * fourth * spread(1.0 / 1920.0)
        store(mass, block, load(mass, block) + density * (spread(1.0) + square_width * bend))
        density = density * ratio
        ratio = ratio * shrink
        z = z + spread(4.0 * width)
    for g in range(LANES * blocks, mass.shape[0]):
        at = (start + g * step - mean) / sd
        bent = (at * at - 1.0) / 24.0 + width * width * ((at * at - 6.0) * at * at + 3.0) / 1920.0
        mass[g] += peak * math.exp(-0.5 * at * at) * (1.0 + width * width * bent)


@compiled
def add_points(mass: Array, start: float, step: float, weight: Array, position: Array) -> None:
    """Add weighted points to the grid, each shared between its two neighbours, in place.

    Parameters
    ----------
    mass : (G,) float64
        As in `add_normals`.
    start, step : float
        First point and spacing.
    weight, position : (S,) float64
        The points; sharing keeps their mean.
    """
    last = mass.shape[0] - 1
    for s in range(weight.shape[0]):
        at = min(max((position[s] - start) / step, 0.0), float(last))
        g = min(int(at), last - 1)
        mass[g] += weight[s] * (g + 1 - at)
        mass[g + 1] += weight[s] * (at - g)


@compiled
def normal_quantiles(weight: Array, mean: Array, sd: Array, wanted: Array, precision: float) -> Array:
    """Return quantiles of a mixture of normals: the upper end of what bisection leaves open at this precision, (Q,).

    Where the root lies is found by regula falsi, an end that stays being pulled in (Illinois); bisection then needs no
    distribution functions.

    Parameters
    ----------
    weight, mean, sd : (M,) float64
        The components.
    wanted : (Q,) float64
        Weight below each.
    """
    first = np.inf
    last = -np.inf
    for m in range(mean.shape[0]):
        first = min(first, mean[m] - 9.0 * sd[m])
        last = max(last, mean[m] + 9.0 * sd[m])
    out = np.empty(wanted.shape[0])
    for q in range(wanted.shape[0]):
        bracket = Bracket(first, last, -wanted[q], weight.sum() - wanted[q], 0)
        for _ in range(_MOST_STEPS):
            if bracket.high - bracket.low <= 1e-6 * precision:
                break
            here = within(bracket)
            bracket = narrowed(bracket, here, _weight_below(weight, mean, sd, here) - wanted[q])
        root = bracket.high
        low, high = first, last
        while high - low > precision:
            middle = 0.5 * (low + high)
            if middle < root:
                low = middle
            else:
                high = middle
        out[q] = high
    return out


@compiled
def _weight_below(weight: Array, mean: Array, sd: Array, place: float) -> float:
    """Return the weight of a mixture of normals below a place."""
    total = 0.0
    for m in range(weight.shape[0]):
        z = (place - mean[m]) / sd[m]
        if z > REACH:
            total += weight[m]
        elif z > -REACH:
            total += weight[m] * _share_below(z)
    return total
