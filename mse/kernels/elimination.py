"""Gaussian elimination of four or eight symmetric systems at once, right-hand sides along with them."""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.lanes import load, store

# entries in a row of the workspace: a row must not be a multiple of 4 KiB long, or rows evict each other
STRIDE = 90
# largest order of a system; two columns beside it hold right-hand sides
LARGEST = STRIDE - 2


@compiled
def eliminate(a: NDArray[np.float64], inverses: NDArray[np.float64], size: int, columns: int) -> None:
    """Reduce A to U with A = Uᵀ D⁻¹ U, D the diagonal of U, and the further columns to y = D U⁻ᵀ b.

    Two pivots and two rows a pass, so that each loaded number serves twice. With y as left here,
    ``b₁ᵀ A⁻¹ b₂ = Σ y₁ y₂ / d`` and ``|A| = Π d``.

    Parameters
    ----------
    a : (≥ size · STRIDE · 4,) or (≥ size · STRIDE, 8) float64
        Entry (i, j) of the matrices is lanes ``i · STRIDE + j``; only j ≥ i is read. Columns from `size`
        to `columns` are right-hand sides. Overwritten.
    inverses : (≥ size · 4,) or (≥ size, 8) float64
        Receives 1/d.
    size, columns : int
        Order of the matrices, and that plus the number of right-hand sides.
    """
    k = 0
    while k + 1 < size:
        p = k * STRIDE
        q = p + STRIDE
        d = 1.0 / load(a, p + k)
        store(inverses, k, d)
        m = load(a, p + k + 1) * d
        for j in range(k + 1, columns):
            store(a, q + j, load(a, q + j) - m * load(a, p + j))
        e = 1.0 / load(a, q + k + 1)
        store(inverses, k + 1, e)
        i = k + 2
        while i + 1 < size:
            r = i * STRIDE
            s = r + STRIDE
            m = load(a, p + i) * d
            n = load(a, q + i) * e
            m_next = load(a, p + i + 1) * d
            n_next = load(a, q + i + 1) * e
            store(a, r + i, load(a, r + i) - m * load(a, p + i) - n * load(a, q + i))
            for j in range(i + 1, columns):
                u = load(a, p + j)
                v = load(a, q + j)
                store(a, r + j, load(a, r + j) - m * u - n * v)
                store(a, s + j, load(a, s + j) - m_next * u - n_next * v)
            i += 2
        if i < size:
            r = i * STRIDE
            m = load(a, p + i) * d
            n = load(a, q + i) * e
            for j in range(i, columns):
                store(a, r + j, load(a, r + j) - m * load(a, p + j) - n * load(a, q + j))
        k += 2
    if k < size:
        store(inverses, k, 1.0 / load(a, k * STRIDE + k))


@compiled
def substitute(a: NDArray[np.float64], inverses: NDArray[np.float64], size: int, column: int) -> None:
    """Replace a reduced right-hand side y by the solution of A x = b.

    Parameters
    ----------
    a, inverses
        As `eliminate` leaves them.
    size : int
        Order of the matrices.
    column : int
        Where the right-hand side is; overwritten by x.
    """
    # column by column: the updates of a column do not wait for one another, as the terms of a sum would
    for i in range(size - 1, -1, -1):
        x = load(a, i * STRIDE + column) * load(inverses, i)
        store(a, i * STRIDE + column, x)
        for j in range(i):
            r = j * STRIDE
            store(a, r + column, load(a, r + column) - load(a, r + i) * x)
