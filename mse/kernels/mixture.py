"""Mixtures on an equally spaced grid: normal components and weighted points."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]

REACH = 8.5
"""Standard deviations of a component that are put on the grid; the rest is below double precision."""


# cells so fine, in standard deviations, that the series of the mass of one is good to 1e-12; and when φ is taken anew
_FINE, _ANEW = 0.05, 32
_PEAK = 1.0 / math.sqrt(2.0 * math.pi)


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
        if width <= _FINE and low >= 0 and high < cells:
            # φ from the middle of one cell to the next, and what it is on average over a cell
            shrink = math.exp(-width * width)
            density = 0.0
            ratio = 0.0
            for g in range(int(low), int(high) + 1):
                z = (start + g * step - mean[m]) / sd[m]
                if (g - int(low)) % _ANEW == 0:
                    density = weight[m] * width * _PEAK * math.exp(-0.5 * z * z)
                    ratio = math.exp(-width * (z + 0.5 * width))
                square = z * z
                bend = 1.0 + width * width * (
                    (square - 1.0) / 24.0 + width * width * ((square - 6.0) * square + 3.0) / 1920.0
                )  # fmt: skip
                mass[g] += density * bend
                density *= ratio
                ratio *= shrink
            continue
        below = 0.0
        for g in range(int(min(max(low, 0), cells - 1)), int(min(max(high, 0), cells - 1)) + 1):
            edge = (start + (g + 0.5) * step - mean[m]) / sd[m]
            upto = 0.5 * math.erfc(-edge / math.sqrt(2.0)) if g < min(high, cells - 1) else 1.0
            mass[g] += weight[m] * (upto - below)
            below = upto


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
