"""Cholesky factor and solves of small symmetric matrices, by hand: LAPACK's call costs more than the work."""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled


@compiled
def factorise(a: NDArray[np.float64], size: int, relative: float) -> int:
    """Overwrite the lower triangle of `a` by L with A = L Lᵀ.

    Parameters
    ----------
    a : (≥size, ≥size) float64
        Symmetric; only the lower triangle of the first `size` rows is read and written.
    size : int
        Order of the matrix.
    relative : float
        A pivot below this share of its original diagonal entry counts as zero.

    Returns
    -------
    int
        0 when the matrix is positive definite; otherwise 1 + the row whose pivot failed.
    """
    for i in range(size):
        floor = relative * a[i, i]
        for j in range(i):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            a[i, j] = s / a[j, j]
        s = a[i, i]
        for k in range(i):
            s -= a[i, k] * a[i, k]
        if not s > floor:
            return i + 1
        a[i, i] = np.sqrt(s)
    return 0


@compiled
def solve_lower(l: NDArray[np.float64], size: int, b: NDArray[np.float64]) -> None:  # noqa: E741
    """Replace `b` by L⁻¹b.

    Parameters
    ----------
    l : (≥size, ≥size) float64
        Lower triangular factor.
    size : int
        Order of the factor.
    b : (≥size,) float64
        Right-hand side; overwritten.
    """
    for i in range(size):
        s = b[i]
        for k in range(i):
            s -= l[i, k] * b[k]
        b[i] = s / l[i, i]


@compiled
def solve_upper(l: NDArray[np.float64], size: int, b: NDArray[np.float64]) -> None:  # noqa: E741
    """Replace `b` by L⁻ᵀb.

    Parameters
    ----------
    l : (≥size, ≥size) float64
        Lower triangular factor.
    size : int
        Order of the factor.
    b : (≥size,) float64
        Right-hand side; overwritten.
    """
    for i in range(size - 1, -1, -1):
        s = b[i] / l[i, i]
        b[i] = s
        for k in range(i):
            b[k] -= l[i, k] * s
