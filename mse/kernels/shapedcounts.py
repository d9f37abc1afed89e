"""Truncated negative binomial counts of a given shape: the log likelihood by the linear predictor, row by row."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]


@compiled
def shaped_likelihood(
    times: Array, persons: Array, matrix: Array, beta: Array, alpha: float, low: int
) -> tuple[float, Array, Array]:
    """Return the log likelihood, its score and its information (minus the second derivative) at `beta`.

    With λ = exp(xᵀβ), s = log(1 + αλ)/α and u = λ/(1 + αλ), P(0) = exp(−s), P(1) = u P(0), and
    log P(y) = yη − (αy + 1)s + a constant; the count is given to be more than `low`.

    Parameters
    ----------
    times, persons : float64 array, shape (R,)
        Registrations, more than `low`, and how many persons have them.
    matrix : float64 array, shape (R, P)
        Design of η.
    beta : float64 array, shape (P,)
        Where.
    alpha : float
        Squared coefficient of variation of the rates; 0 for a Poisson.
    low : int
        0: truncated at zero; 1: at zero and one.
    """
    rows, width = matrix.shape
    total = 0.0
    score = np.zeros(width)
    information = np.zeros((width, width))
    rising = np.zeros(int(times.max()) + 1)
    for k in range(2, rising.size):
        rising[k] = rising[k - 1] + math.log1p(alpha * (k - 1))
    for r in range(rows):
        eta = 0.0
        for j in range(width):
            eta += matrix[r, j] * beta[j]
        eta = min(max(eta, -30.0), 30.0)
        rate = math.exp(eta)
        y = times[r]
        u = rate / (1.0 + alpha * rate)
        s = math.log1p(alpha * rate) / alpha if alpha > 0.0 else rate
        v = u * (1.0 - alpha * u)
        none = math.exp(-s)
        if low == 0:
            seen = -math.expm1(-s)
            first = u * none
            second = (v - u * u) * none
        else:
            # 1 − P(0) − P(1), by its series where the difference would cancel
            if s < 1e-4:
                seen = 0.5 * rate * rate * (1.0 + alpha) * (1.0 - rate * (2.0 / 3.0 + 4.0 * alpha / 3.0))
            else:
                seen = -math.expm1(-s) - u * none
            first = (u - v + u * u) * none
            second = (v - u * u - v * (1.0 - 2.0 * alpha * u) + 3.0 * u * v - u * u * u) * none
        value = y * eta - (alpha * y + 1.0) * s + rising[int(y)] - math.log(seen)
        slope = y - (alpha * y + 1.0) * u - first / seen
        curve = (alpha * y + 1.0) * v + second / seen - (first / seen) ** 2
        w = persons[r]
        total += w * value
        for j in range(width):
            score[j] += w * slope * matrix[r, j]
            for k in range(j + 1):
                information[j, k] += w * curve * matrix[r, j] * matrix[r, k]
    for j in range(width):
        for k in range(j):
            information[k, j] = information[j, k]
    return total, score, information
