"""One log-linear model with all its terms shrunk, and the law of the log unseen under it.

Sum-to-zero (Walsh) coding, η_ω = o_ω + Σ_θ β_θ χ_θ(ω), over the cells that can be observed; the offsets o are 0 but
where coefficients are shrunk towards another model than independence, and o_0 = 0 always. The prior has its own
precision λ_θ for each term (0 for the intercept) and a common part m ~ N(0, s²) in all pairs, β_jk ~ N(m, 1/λ). With m
summed out, the precision matrix of the P pairs is ``λI − κ11ᵀ``, ``κ = λ² s² / (1 + P λ s²)``, so that

    F(β) = −Σ_ω (n_ω η_ω − e^η_ω) + ½ Σ_θ λ_θ β_θ² − ½ κ (Σ_pairs β)²

and the Hessian is the look-up of `loglinear` plus the precision matrix. A cell with an upper bound c counts
−ln P(Y ≤ c) instead of its Poisson term.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.rowwise import factorise_rows, solve_rows, solve_rows_back
from mse.kernels.walsh import transform

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_STEPS = 60
_LONGEST = 6.0
"""How much one step may move a log mean."""


class Counted(NamedTuple):
    """What is known of each cell of a table without strata; index = history, and entry 0 is ignored.

    Attributes
    ----------
    counts : (2^K,) float64
        Persons.
    cells : (2^K,) float64
        1 where the history can be observed, else 0.
    bounds : (2^K,) float64
        Largest possible count of a cell that holds at most so many persons; −1 for all others.
    offset : (2^K,) float64
        Added to the log mean of each cell; 0 in the unseen one.
    """

    counts: Array
    cells: Array
    bounds: Array
    offset: Array


class Shrinkage(NamedTuple):
    """The prior of the coefficients.

    Attributes
    ----------
    precision : (p,) float64
        λ by term; 0 for the intercept.
    common : float
        κ, the precision that pairs lose together.
    first, last : int
        Pairs are the terms from `first` up to `last`, the latter excluded.
    log_normaliser : float
        Minus the log of the prior's density at 0, flat intercept left out.
    """

    precision: Array
    common: float
    first: int
    last: int
    log_normaliser: float


@compiled
def objective(seen: Counted, eta: Array, beta: Array, prior: Shrinkage) -> float:
    """Return F at β, `eta` being its log means, (2^K,)."""
    value = 0.0
    for cell in range(1, eta.shape[0]):
        if seen.cells[cell] > 0.0:
            if seen.bounds[cell] >= 0.0:
                value -= bounded(seen.bounds[cell], eta[cell])[0]
            else:
                value -= seen.counts[cell] * eta[cell] - math.exp(min(eta[cell], 700.0))
    together = 0.0
    for i in range(prior.first, prior.last):
        together += beta[i]
    for i in range(beta.shape[0]):
        value += 0.5 * prior.precision[i] * beta[i] * beta[i]
    return value - 0.5 * prior.common * together * together


@compiled
def log_means(terms: Integers, beta: Array, eta: Array) -> None:
    """Write η without offsets to `eta`, (2^K,)."""
    eta[:] = 0.0
    for i in range(terms.shape[0]):
        eta[terms[i]] = beta[i]
    transform(eta)


@compiled
def shifted_log_means(seen: Counted, terms: Integers, beta: Array, eta: Array) -> None:
    """Write η with the offsets of the table to `eta`, (2^K,)."""
    log_means(terms, beta, eta)
    for cell in range(eta.shape[0]):
        eta[cell] += seen.offset[cell]


@compiled
def derivatives(
    seen: Counted, terms: Integers, prior: Shrinkage, beta: Array, eta: Array, slope: Array, h: Array, work: Array
) -> int:
    """Write −∇F to `slope` and the factor of H to `h`; return 0, or the row at which it failed. `work` is (2, 2^K)."""
    p = terms.shape[0]
    work[0, 0] = 0.0
    work[1, 0] = 0.0
    for cell in range(1, eta.shape[0]):
        if seen.cells[cell] == 0.0:
            work[0, cell] = 0.0
            work[1, cell] = 0.0
        elif seen.bounds[cell] >= 0.0:
            _, residual, weight, _ = bounded(seen.bounds[cell], eta[cell])
            work[0, cell] = residual
            work[1, cell] = weight
        else:
            mean = math.exp(min(eta[cell], 700.0))
            work[0, cell] = seen.counts[cell] - mean
            work[1, cell] = mean
    transform(work[0])
    transform(work[1])
    together = 0.0
    for i in range(prior.first, prior.last):
        together += beta[i]
    for i in range(p):
        row = h[i]
        here = terms[i]
        for j in range(i, p):
            row[j] = work[1, here ^ terms[j]]
        row[i] += prior.precision[i]
        slope[i] = work[0, here] - prior.precision[i] * beta[i]
    if prior.common > 0.0:
        for i in range(prior.first, prior.last):
            slope[i] += prior.common * together
            for j in range(i, prior.last):
                h[i, j] -= prior.common
    return int(factorise_rows(h, p))


@compiled
def descend(
    seen: Counted,
    terms: Integers,
    prior: Shrinkage,
    beta: Array,
    held: bool,
    tolerance: float,
    h: Array,
    tangent: Array,
    work: Array,
) -> tuple[float, float, float, float, bool]:
    """Move `beta` to the minimum of F, over all β or, when `held`, over those with the same 1ᵀβ.

    Leaves the factor of H in `h`, and H⁻¹1 in `tangent`; `work` is (4, 2^K).

    Returns
    -------
    value, log_determinant, variance, along, failed : float, float, float, float, bool
        F at the minimum, what the last step would still gain included; log|H| and 1ᵀH⁻¹1 where H was last taken; what
        of that gain was to be had by another 1ᵀβ.
    """
    p = terms.shape[0]
    size = seen.counts.shape[0]
    eta = work[2]
    change = work[3]
    slope = np.empty(p)
    step = np.empty(p)
    trial = np.empty(p)
    shifted_log_means(seen, terms, beta, eta)
    value = objective(seen, eta, beta, prior)
    for _ in range(_MOST_STEPS):
        if derivatives(seen, terms, prior, beta, eta, slope, h, work[:2]) != 0:
            return value, math.nan, math.nan, 0.0, True
        for i in range(p):
            step[i] = slope[i]
            tangent[i] = 1.0
        solve_rows(h, p, step)
        solve_rows_back(h, p, step)
        solve_rows(h, p, tangent)
        variance = 0.0
        log_determinant = 0.0
        for i in range(p):
            variance += tangent[i] * tangent[i]
            log_determinant += 2.0 * math.log(h[i, i])
        solve_rows_back(h, p, tangent)
        along = 0.0
        for i in range(p):
            along += step[i]
        if held:
            along /= variance
            for i in range(p):
                step[i] -= along * tangent[i]
            along = 0.0
        gain = 0.0
        for i in range(p):
            gain += slope[i] * step[i]
        if 0.5 * gain <= tolerance:
            missed = 0.5 * along * along / variance
            return value - 0.5 * max(gain, 0.0), log_determinant, variance, missed, False
        log_means(terms, step, change)
        largest = 0.0
        for cell in range(1, size):
            if seen.cells[cell] > 0.0:
                largest = max(largest, abs(change[cell]))
        share = 1.0 if largest <= _LONGEST else _LONGEST / largest
        accepted = False
        for _ in range(40):
            for cell in range(size):
                eta[cell] += share * change[cell]
            for i in range(p):
                trial[i] = beta[i] + share * step[i]
            reached = objective(seen, eta, trial, prior)
            if reached <= value - 1e-4 * gain * share + 1e-12 * abs(value):
                accepted = True
                break
            for cell in range(size):
                eta[cell] -= share * change[cell]
            share *= 0.5
        if not accepted:
            return value, log_determinant, variance, 0.0, gain > 1e-6
        value = reached
        for i in range(p):
            beta[i] = trial[i]
        # rebuilt, not accumulated: η must not drift from β
        shifted_log_means(seen, terms, beta, eta)
    return value, log_determinant, variance, 0.0, True


@compiled
def fit_shrunk(
    seen: Counted, terms: Integers, prior: Shrinkage, start: Array, tolerance: float
) -> tuple[Array, float, float, float, bool]:
    """Find the mode of all coefficients.

    Parameters
    ----------
    seen : Counted
        The table.
    terms : (p,) int64
        Subsets as bitmasks, ``terms[0] == 0`` the intercept, the pairs side by side.
    prior : Shrinkage
        The prior.
    start : (p,) float64
        Coefficients to start from.
    tolerance : float
        Accept the point where half the squared Newton decrement is at most this.

    Returns
    -------
    beta, log_unseen, variance, log_evidence, failed
        The mode (p,); η_0 there and its variance 1ᵀH⁻¹1; Laplace's log evidence without −Σ ln n_ω!.
    """
    p = terms.shape[0]
    beta = start.copy()
    h = np.empty((p, p))
    tangent = np.empty(p)
    work = np.empty((4, seen.counts.shape[0]))
    value, log_determinant, variance, _along, failed = descend(
        seen, terms, prior, beta, False, tolerance, h, tangent, work
    )  # fmt: skip
    evidence = -value - 0.5 * log_determinant - prior.log_normaliser + 0.5 * p * math.log(2.0 * math.pi)
    return beta, beta.sum(), variance, evidence, failed
