"""A Poisson count that is known only by an upper bound."""

import math

from mse.kernels.compiled import compiled

# a tail sum beyond this leaves a ratio that is zero in double precision
_LARGEST = 1e300


@compiled
def bounded(bound: float, log_mean: float) -> tuple[float, float, float, float]:
    """Return what the log likelihood ln P(Y ≤ c), Y ~ Poisson(μ), says about η = ln μ.

    With r = P(Y = c) / P(Y ≤ c): the slope in η is −μr = E(Y | Y ≤ c) − μ, and minus the second derivative is
    μr(1 + c − μ + μr) = μ − Var(Y | Y ≤ c), which is never negative. 1/r = Σ_k c!/(c−k)! μ^−k is summed from the top,
    so that nothing cancels where μ is far above c.

    Parameters
    ----------
    bound : float
        c, a whole number ≥ 0.
    log_mean : float
        η.

    Returns
    -------
    value, residual, weight, variance : float
        ln P(Y ≤ c); E(Y | Y ≤ c) − μ; μ − Var(Y | Y ≤ c); Var(Y | Y ≤ c).
    """
    mean = math.exp(log_mean)
    term = 1.0
    total = 1.0
    below = bound
    while below > 0.0:
        term *= below / mean
        total += term
        below -= 1.0
        if total > _LARGEST:
            return 0.0, 0.0, 0.0, mean
        if term < 1e-17 * total and below < mean:
            break
    r = 1.0 / total
    value = min(bound * log_mean - mean - math.lgamma(bound + 1.0) + math.log(total), 0.0)
    residual = -mean * r
    weight = max(mean * r * (1.0 + bound - mean + mean * r), 0.0)
    return value, residual, min(weight, mean), max(mean - weight, 0.0)
