"""Cholesky factor of a symmetric matrix by rows, four pivots a pass: the inner loops run along rows and use vectors."""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled, inlined
from mse.kernels.lanes import LANES, load, spread, store

# rows whose pivots are taken together; a multiple of four
_PANEL = 32


@inlined
def _take_four(a: NDArray[np.float64], k: int, i: int, size: int) -> None:
    """Take what rows k to k + 3 of the factor explain off row i."""
    r = a[k]
    s = a[k + 1]
    t = a[k + 2]
    u = a[k + 3]
    row = a[i]
    b = spread(r[i])
    c = spread(s[i])
    d = spread(t[i])
    e = spread(u[i])
    # whole vectors: up to three numbers left of the diagonal are written as well, and not read
    for v in range(i // LANES, size // LANES):
        store(row, v, load(row, v) - b * load(r, v) - c * load(s, v) - d * load(t, v) - e * load(u, v))
    for j in range(max(i, size - size % LANES), size):
        row[j] -= r[i] * r[j] + s[i] * s[j] + t[i] * t[j] + u[i] * u[j]


@inlined
def _take_four_off_two(a: NDArray[np.float64], k: int, i: int, size: int) -> None:
    """Take what rows k to k + 3 of the factor explain off rows i and i + 1, so that each number loaded serves twice."""
    r = a[k]
    s = a[k + 1]
    t = a[k + 2]
    u = a[k + 3]
    row = a[i]
    below = a[i + 1]
    b = spread(r[i])
    c = spread(s[i])
    d = spread(t[i])
    e = spread(u[i])
    f = spread(r[i + 1])
    g = spread(s[i + 1])
    h = spread(t[i + 1])
    m = spread(u[i + 1])
    for v in range(i // LANES, size // LANES):
        w = load(r, v)
        x = load(s, v)
        y = load(t, v)
        z = load(u, v)
        store(row, v, load(row, v) - b * w - c * x - d * y - e * z)
        store(below, v, load(below, v) - f * w - g * x - h * y - m * z)
    for j in range(max(i, size - size % LANES), size):
        row[j] -= r[i] * r[j] + s[i] * s[j] + t[i] * t[j] + u[i] * u[j]
        below[j] -= r[i + 1] * r[j] + s[i + 1] * s[j] + t[i + 1] * t[j] + u[i + 1] * u[j]


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
    start = 0
    while start < size:
        end = min(start + _PANEL, size)
        k = start
        while k < end:
            width = min(4, end - k)
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
                for i in range(k + 4, end):
                    _take_four(a, k, i, size)
            k += 4
        # the rows below meet the whole panel at once, so that each is fetched once
        i = end
        while i + 2 <= size:
            for k in range(start, end, 4):
                _take_four_off_two(a, k, i, size)
            i += 2
        if i < size:
            for k in range(start, end, 4):
                _take_four(a, k, i, size)
        start = end
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


@compiled
def solve_back_lanes(u: NDArray[np.float64], inverse: NDArray[np.float64], size: int, b: NDArray[np.float64]) -> None:
    """Replace four vectors, (size · 4,), by U⁻¹b; `inverse` is one over the diagonal."""
    for i in range(size - 1, -1, -1):
        row = u[i]
        # four sums, none of which waits for another
        s = load(b, i)
        t = spread(0.0)
        v = spread(0.0)
        w = spread(0.0)
        j = i + 1
        while j + 3 < size:
            s = s - spread(row[j]) * load(b, j)
            t = t - spread(row[j + 1]) * load(b, j + 1)
            v = v - spread(row[j + 2]) * load(b, j + 2)
            w = w - spread(row[j + 3]) * load(b, j + 3)
            j += 4
        while j < size:
            s = s - spread(row[j]) * load(b, j)
            j += 1
        store(b, i, ((s + t) + (v + w)) * spread(inverse[i]))
