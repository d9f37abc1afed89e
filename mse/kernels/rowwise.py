"""Cholesky factor of a symmetric matrix by rows, four pivots a pass: the inner loops run along rows and use vectors."""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled


@compiled
def factorise_rows(a: NDArray[np.float64], size: int) -> int:
    """Overwrite the upper triangle of `a` by U with A = UᵀU.

    Parameters
    ----------
    a : (≥size, ≥size) float64
        Symmetric; only the upper triangle of the first `size` rows is read and written.
    size : int
        Order of the matrix.

    Returns
    -------
    int
        0 when the matrix is positive definite; otherwise 1 + the row whose pivot failed.
    """
    k = 0
    while k < size:
        width = min(4, size - k)
        for i in range(k, k + width):
            row = a[i]
            for q in range(k, i):
                above = a[q]
                m = above[i]
                for j in range(i, size):
                    row[j] -= m * above[j]
            if not row[i] > 0.0:
                return i + 1
            d = 1.0 / np.sqrt(row[i])
            for j in range(i, size):
                row[j] *= d
        if width == 4:
            r = a[k]
            s = a[k + 1]
            t = a[k + 2]
            u = a[k + 3]
            for i in range(k + 4, size):
                row = a[i]
                b = r[i]
                c = s[i]
                d = t[i]
                e = u[i]
                for j in range(i, size):
                    row[j] -= b * r[j] + c * s[j] + d * t[j] + e * u[j]
        k += 4
    return 0


@compiled
def solve_rows(u: NDArray[np.float64], size: int, b: NDArray[np.float64]) -> None:
    """Replace `b`, (≥size,), by U⁻ᵀb."""
    for i in range(size):
        row = u[i]
        x = b[i] / row[i]
        b[i] = x
        for j in range(i + 1, size):
            b[j] -= row[j] * x


@compiled
def solve_rows_back(u: NDArray[np.float64], size: int, b: NDArray[np.float64]) -> None:
    """Replace `b`, (≥size,), by U⁻¹b."""
    for i in range(size - 1, -1, -1):
        row = u[i]
        s = b[i]
        for j in range(i + 1, size):
            s -= row[j] * b[j]
        b[i] = s / row[i]
