"""The multinomial profile likelihood of N under one log-linear model (Cormack 1992), compiled.

With n_0 unseen the table is complete, and ``ℓ(N) = ln N! − ln n_0! + Σ n_ω ln p̂_ω + n_0 ln p̂_0`` (− Σ ln n_ω!, a
constant), p̂ fitted to the complete table. Since p̂ is at its maximum, ``ℓ'(N) = ψ(N+1) − ψ(n_0+1) + ln p̂_0``.
The never-seen cell is to be fitted here, but `fit_loglinear` leaves cell 0 out: the complete table stands in the
upper half of a table with one list more, whose lower half cannot be observed.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.newton import CONVERGED, fit_loglinear

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_TOLERANCE = 1e-13


@compiled
def digamma(x: float) -> float:
    """Return ψ(x) for x > 0: recurrence up to 10, then the asymptotic series (error below 1e-13)."""
    value = 0.0
    while x < 10.0:
        value -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r * (1.0 / 132 - r * 691.0 / 32760)))))
    return value + math.log(x) - 0.5 / x - series


@compiled
def profile(counts: Array, cells: Array, terms: Integers, start: Array, unseen: Array) -> tuple[Array, Array, int]:
    """Return ℓ and ℓ' of the profile likelihood at several numbers of unseen.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`; cells of terms at −∞ are already taken out.
    terms : (p,) int64
        Terms that are estimated, the intercept first.
    start : (p,) float64
        Coefficients near those at the first n_0, for example of the incomplete table.
    unseen : (g,) float64
        Numbers n_0 > 0, each near the one before.

    Returns
    -------
    value : (g,) float64
        ℓ(n + n_0) without −Σ ln n_ω!; NaN where the fit failed.
    slope : (g,) float64
        ℓ'(n + n_0).
    failures : int
        Fits that did not converge.
    """
    size = counts.shape[0]
    complete = np.zeros(2 * size)
    active = np.zeros(2 * size)
    active[size] = 1.0
    observed = 0.0
    for cell in range(1, size):
        if cells[cell] > 0.0:
            complete[size + cell] = counts[cell]
            active[size + cell] = 1.0
            observed += counts[cell]
    value = np.empty(unseen.shape[0])
    slope = np.empty(unseen.shape[0])
    beta = start.copy()
    failures = 0
    for g in range(unseen.shape[0]):
        n_0 = unseen[g]
        complete[size] = n_0
        fit = fit_loglinear(complete, active, terms, 0.0, beta, 100, _TOLERANCE)
        if fit.status != CONVERGED:
            failures += 1
            value[g] = np.nan
            slope[g] = np.nan
            continue
        beta[:] = fit.beta
        total = observed + n_0
        log_total = math.log(total)
        likelihood = math.lgamma(total + 1.0) - math.lgamma(n_0 + 1.0)
        for cell in range(size, 2 * size):
            if active[cell] > 0.0 and complete[cell] > 0.0:
                likelihood += complete[cell] * (math.log(fit.mu[cell]) - log_total)
        value[g] = likelihood
        slope[g] = digamma(total + 1.0) - digamma(n_0 + 1.0) + fit.log_unseen - log_total
    return value, slope, failures
