"""What eight fits side by side read and write: the table with its prior, and the workspace."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.elimination import STRIDE
from mse.kernels.lanes import WIDE
from mse.kernels.walsh import transform

# bytes of a cache line
_LINE = 64


class Target(NamedTuple):
    """What all models are fitted to.

    Attributes
    ----------
    counts, cells : (2^K,) float64
        Persons by history and 1 for active cells; both zero for the unseen and structural zeros.
    spectrum : (2^K,) float64
        WHT of `counts`.
    precision : float
        1/σ² > 0 of the prior.
    base : float
        What all log evidences have in common: ``½ ln 2π − Σ ln n!``.
    """

    counts: NDArray[np.float64]
    cells: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    precision: float
    base: float


class Octet(NamedTuple):
    """Workspace and result of eight fits; ``x[i, lane]`` is entry i of a lane, and rows begin where registers like it.

    Attributes
    ----------
    beta : (2^K, 8) float64
        Coefficients by subset, zero outside the model: the start on entry, where H was factorised on return.
    places : (2^K, 8) int64
        The terms of the models, or in the dual those not in them, as 8·subset + lane: where an array by
        subset, laid flat, has the term. The first `common` rows are the same in all eight lanes.
    mu, score, moments, vector : (2^K, 8) float64
        Means of active cells (in the dual: the weights 1/(μ + λ/2^K)), score, WHT(μ) or f, and scratch.
    system, inverses : float64
        For `eliminate`.
    log_evidence, log_unseen, variance, half_square : (1, 8) float64
        Results; half the squared Newton decrement tells how far the fit is from its maximum.
    step : (2^K, 8) float64
        Newton step by row of `places`, in the dual by subset.
    share, taken, reached : (1, 8) float64
        Part of the step by which to move, the part that is taken, and the objective before it.
    """

    beta: NDArray[np.float64]
    places: NDArray[np.int64]
    mu: NDArray[np.float64]
    score: NDArray[np.float64]
    moments: NDArray[np.float64]
    vector: NDArray[np.float64]
    system: NDArray[np.float64]
    inverses: NDArray[np.float64]
    log_evidence: NDArray[np.float64]
    log_unseen: NDArray[np.float64]
    variance: NDArray[np.float64]
    half_square: NDArray[np.float64]
    step: NDArray[np.float64]
    share: NDArray[np.float64]
    taken: NDArray[np.float64]
    reached: NDArray[np.float64]


def new_target(counts: NDArray[np.float64], cells: NDArray[np.float64], precision: float) -> Target:
    """Return the target of a table; arguments as in `fit_loglinear`."""
    active = np.where(cells > 0.0, 1.0, 0.0)
    active[0] = 0.0
    observed = counts * active
    spectrum = observed.copy()
    transform(spectrum)
    base = 0.5 * math.log(2.0 * math.pi) - sum(math.lgamma(count + 1.0) for count in observed)
    return Target(observed, active, spectrum, precision, base)


def new_octet(size: int) -> Octet:
    """Return a workspace for tables of `size` = 2^K cells."""
    beta, mu, score, moments, vector, step = (_aligned(size) for _ in range(6))
    log_evidence, log_unseen, variance, half_square, share, taken, reached = (_aligned(1) for _ in range(7))
    places = np.zeros((size, WIDE), np.int64)
    return Octet(
        beta, places, mu, score, moments, vector, _aligned(STRIDE * STRIDE), _aligned(STRIDE), log_evidence,
        log_unseen, variance, half_square, step, share, taken, reached,
    )  # fmt: skip


def _aligned(rows: int) -> NDArray[np.float64]:
    """Return zeros, (rows, 8), from the beginning of a cache line: a row that lies in two of them is read twice."""
    room = np.zeros(WIDE * rows + _LINE // 8)
    first = -room.ctypes.data % _LINE // 8
    return room[first : first + WIDE * rows].reshape(rows, WIDE)
