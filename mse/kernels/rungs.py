"""Importance sampling around the nodes of `shrinking`: what Laplace's formula misses at each of them."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.rowwise import solve_rows, solve_rows_back
from mse.kernels.shrinking import Counted, Shrinkage, derivatives, objective, shifted_log_means

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
    z = np.empty(p)
    beta = np.empty(p)
    for d in range(s):
        part = 0.0
        for i in range(p):
            part += along[i] * normals[d, i]
        square = 0.0
        for i in range(p):
            z[i] = normals[d, i] - part * along[i]
            square += z[i] * z[i]
        solve_rows_back(h, p, z)
        for side in range(2):
            for i in range(p):
                beta[i] = mode[i] + z[i] if side == 0 else mode[i] - z[i]
            shifted_log_means(seen, terms, beta, eta)
            out[side * s + d] = lowest - objective(seen, eta, beta, prior) + 0.5 * square
    return out, False
