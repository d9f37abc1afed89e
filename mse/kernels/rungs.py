"""Importance sampling around the nodes of `shrinking`: what Laplace's formula misses at each of them."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, load, spread, store
from mse.kernels.rowwise import solve_rows
from mse.kernels.shrinking import Counted, Shrinkage, derivatives, objective, shifted_log_means
from mse.kernels.walsh import transform_lanes

Array = NDArray[np.float64]


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
    value = np.empty(LANES)
    for first in range(0, s, LANES):
        for lane in range(LANES):
            # the last draw stands in the lanes that are left over
            normal = normals[min(first + lane, s - 1)]
            part = 0.0
            for i in range(p):
                part += along[i] * normal[i]
            square[lane] = 0.0
            for i in range(p):
                x = normal[i] - part * along[i]
                z[LANES * i + lane] = x
                square[lane] += x * x
        _solve_back(h, p, z)
        change[:] = 0.0
        for i in range(p):
            store(change, terms[i], load(z, i))
        transform_lanes(change, size)
        for side in range(2):
            _objectives(seen, eta, change, prior, mode, z, 1.0 - 2.0 * side, value)
            for lane in range(min(LANES, s - first)):
                out[side * s + first + lane] = lowest - value[lane] + 0.5 * square[lane]
    return out, False


@compiled
def _solve_back(u: Array, size: int, b: Array) -> None:
    """Replace four vectors, (size · 4,), by U⁻¹b."""
    for i in range(size - 1, -1, -1):
        row = u[i]
        s = load(b, i)
        for j in range(i + 1, size):
            s = s - spread(row[j]) * load(b, j)
        store(b, i, s / spread(row[i]))


@compiled
def _objectives(
    seen: Counted, eta: Array, change: Array, prior: Shrinkage, mode: Array, z: Array, sign: float, value: Array
) -> None:
    """Write F at the mode plus or minus four steps z to `value`; `change` are the log means of the steps."""
    way = spread(sign)
    total = spread(0.0)
    for cell in range(1, eta.shape[0]):
        if seen.cells[cell] > 0.0:
            here = spread(eta[cell]) + way * load(change, cell)
            if seen.bounds[cell] >= 0.0:
                store(value, 0, here)
                for lane in range(LANES):
                    value[lane] = bounded(seen.bounds[cell], value[lane])[0]
                total = total - load(value, 0)
            else:
                total = total - (spread(seen.counts[cell]) * here - exponential(here))
    together = spread(0.0)
    for i in range(mode.shape[0]):
        beta = spread(mode[i]) + way * load(z, i)
        total = total + spread(0.5 * prior.precision[i]) * beta * beta
        if prior.first <= i < prior.last:
            together = together + beta
    store(value, 0, total - spread(0.5 * prior.common) * together * together)
