"""What four fits side by side read and write: the table with its prior, and the workspace."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.elimination import STRIDE
from mse.kernels.lanes import LANES
from mse.kernels.walsh import transform


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


class Quartet(NamedTuple):
    """Workspace and result of four fits; `x[4·i + lane]` is entry i of a lane.

    Attributes
    ----------
    beta : (2^K · 4,) float64
        Coefficients by subset, zero outside the model: the start on entry, where H was factorised on return.
    places : (2^K · 4,) int64
        The terms of the models, or in the dual those not in them, as 4·subset + lane: where an array by
        subset has the term. The first `common` rows are the same in all four lanes.
    mu, score, moments, vector : (2^K · 4,) float64
        Means of active cells (in the dual: the weights 1/(μ + λ/2^K)), score, WHT(μ) or f, and scratch.
    system, inverses : float64
        For `eliminate`.
    log_evidence, log_unseen, variance, half_square : (4,) float64
        Results; half the squared Newton decrement tells how far the fit is from its maximum.
    share : (4,) float64
        Part of the Newton step that is taken.
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
    share: NDArray[np.float64]


def new_target(counts: NDArray[np.float64], cells: NDArray[np.float64], precision: float) -> Target:
    """Return the target of a table; arguments as in `fit_loglinear`."""
    active = np.where(cells > 0.0, 1.0, 0.0)
    active[0] = 0.0
    observed = counts * active
    spectrum = observed.copy()
    transform(spectrum)
    base = 0.5 * math.log(2.0 * math.pi) - sum(math.lgamma(count + 1.0) for count in observed)
    return Target(observed, active, spectrum, precision, base)


def new_quartet(size: int) -> Quartet:
    """Return a workspace for tables of `size` = 2^K cells."""
    n = size * LANES
    return Quartet(
        np.zeros(n),
        np.zeros(n, np.int64),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(STRIDE * STRIDE * LANES),
        np.zeros(STRIDE * LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
    )
