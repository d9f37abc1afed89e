"""The fast Walsh–Hadamard transform: means of cells to Hessian entries, coefficients to log means."""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.lanes import load, store

# entries whose lanes are 16 KiB at most: all stages among them are done while they are in the nearest cache
_NEAR = 256


@compiled
def transform(x: NDArray[np.float64]) -> None:
    """Replace `x` by its Walsh–Hadamard transform, in place.

    After the call ``x[θ] = Σ_ω (−1)^|θ∩ω| x_before[ω]`` with subsets as bitmasks. The transform is symmetric
    and its square is 2^K times the identity, so it is its own inverse up to that factor.

    Parameters
    ----------
    x : (2^K,) float64, contiguous
        Any K from 0 to 16; overwritten.
    """
    size = x.shape[0]
    if size >= 4:
        # two stages at once: half the loads and stores of the plain butterfly
        for i in range(0, size, 4):
            a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
            s, t, u, v = a + b, a - b, c + d, c - d
            x[i] = s + u
            x[i + 1] = t + v
            x[i + 2] = s - u
            x[i + 3] = t - v
        half = 4
    else:
        half = 1
    while half < size:
        for block in range(0, size, 2 * half):
            for i in range(block, block + half):
                a = x[i]
                b = x[i + half]
                x[i] = a + b
                x[i + half] = a - b
        half *= 2


@compiled
def transform_lanes(x: NDArray[np.float64], size: int) -> None:
    """Replace four or eight vectors by their transforms, in place.

    Parameters
    ----------
    x : (≥ size · 4,) or (≥ size, 8) float64
        Entry ω of the vectors is lanes ω; overwritten.
    size : int
        2^K.
    """
    transform_between(x, x, size)


@compiled
def transform_between(source: NDArray[np.float64], x: NDArray[np.float64], size: int) -> None:
    """Write the transforms of four or eight vectors to `x`; arguments as in `transform_lanes`."""
    block = min(size, _NEAR)
    for first in range(0, size, block):
        half = 1
        if block >= 4:
            for i in range(first, first + block, 4):
                _cross(source, x, i, 1)
            half = 4
        else:
            for i in range(first, first + block):
                store(x, i, load(source, i))
        _finish(x, first, block, half)
    _finish(x, 0, size, block)


@compiled
def _cross(source: NDArray[np.float64], x: NDArray[np.float64], i: int, half: int) -> None:
    """Take the sums and differences of four entries, two stages at once."""
    a = load(source, i)
    b = load(source, i + half)
    c = load(source, i + 2 * half)
    d = load(source, i + 3 * half)
    s = a + b
    t = a - b
    u = c + d
    v = c - d
    store(x, i, s + u)
    store(x, i + half, t + v)
    store(x, i + 2 * half, s - u)
    store(x, i + 3 * half, t - v)


@compiled
def _finish(x: NDArray[np.float64], first: int, size: int, half: int) -> None:
    """Do the stages from `half` on of so many entries."""
    while 4 * half <= size:
        for block in range(first, first + size, 4 * half):
            for i in range(block, block + half):
                _cross(x, x, i, half)
        half *= 4
    if 2 * half <= size:
        for i in range(first, first + half):
            a = load(x, i)
            b = load(x, i + half)
            store(x, i, a + b)
            store(x, i + half, a - b)
