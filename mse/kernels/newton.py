"""One log-linear model, fitted to one table by damped Newton steps.

Sum-to-zero (Walsh) coding: ``η_ω = Σ_θ β_θ (−1)^|θ∩ω|``. With m = WHT(μ) the score of term θ is
``WHT(n)[θ] − m[θ]`` and the Hessian entry (θ, φ) is ``m[θ xor φ]``: a look-up. The cell of the unseen
(history 0) and the structural zeros are left out of the likelihood by setting their μ to zero before the
transform.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.cholesky import factorise, solve_lower, solve_upper
from mse.kernels.compiled import compiled
from mse.kernels.walsh import transform

CONVERGED = 0
NO_MAXIMUM = 1
SINGULAR = 2

# share of its diagonal below which a pivot counts as zero
_RANK = 1e-12
# log mean below which a cell that keeps falling is taken to have no finite maximum
_VANISHING = -60.0
# a converged maximum-likelihood fit may still move a log mean by this much; a diverging one moves it by 1
_SETTLED = 1e-3


class Fit(NamedTuple):
    """A fitted model; all fields refer to the point at which the Hessian was factorised.

    Attributes
    ----------
    beta : (p,) float64
        Coefficients, in the order of `terms`.
    mu : (2^K,) float64
        ``exp(η)`` for every history, also for the unseen (index 0) and for structural zeros.
    log_unseen : float
        η_0 = Σβ, the log of the expected number of unseen.
    var_log_unseen : float
        1ᵀH⁻¹1, the variance of η_0.
    log_likelihood : float
        Poisson log likelihood over the active cells, with −ln n!.
    log_determinant : float
        ln|H|, H the Hessian of the (penalised) minus log likelihood.
    log_evidence : float
        Laplace approximation with the flat density 1 on the intercept; NaN when `precision` is 0.
    decrement : float
        Newton decrement √(gᵀH⁻¹g); half its square is what the objective still misses.
    steps : int
        Newton steps taken.
    status : int
        `CONVERGED`; `NO_MAXIMUM` when the likelihood keeps rising as coefficients go to infinity, or the
        steps ran out; `SINGULAR` when the terms are linearly dependent on the active cells.
    """

    beta: NDArray[np.float64]
    mu: NDArray[np.float64]
    log_unseen: float
    var_log_unseen: float
    log_likelihood: float
    log_determinant: float
    log_evidence: float
    decrement: float
    steps: int
    status: int


@compiled
def log_factorials(counts: NDArray[np.float64], cells: NDArray[np.float64]) -> float:
    """Return Σ ln n_ω! over the active cells: ``counts`` and ``cells`` are (2^K,)."""
    total = 0.0
    for cell in range(1, counts.shape[0]):
        if cells[cell] > 0.0:
            total += math.lgamma(counts[cell] + 1.0)
    return total


@compiled
def _fill_hessian(
    h: NDArray[np.float64], moments: NDArray[np.float64], terms: NDArray[np.int64], precision: float
) -> None:
    """Write the lower triangle of H: ``moments[θ xor φ]``, plus `precision` on the diagonal but the first."""
    for i in range(terms.shape[0]):
        for j in range(i + 1):
            h[i, j] = moments[terms[i] ^ terms[j]]
        if i > 0:
            h[i, i] += precision


@compiled
def _objective(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    eta: NDArray[np.float64],
    beta: NDArray[np.float64],
    precision: float,
) -> float:
    """Return Σ(nη − e^η) over active cells minus half the penalty."""
    value = 0.0
    for cell in range(1, counts.shape[0]):
        if cells[cell] > 0.0:
            value += counts[cell] * eta[cell] - math.exp(eta[cell])
    for i in range(1, beta.shape[0]):
        value -= 0.5 * precision * beta[i] * beta[i]
    return value


@compiled
def cold_start(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    terms: NDArray[np.int64],
    precision: float,
) -> NDArray[np.float64]:
    """Return coefficients to start from: weighted least squares of ln(n+½) with weights n+½.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`.
    terms : (p,) int64
        As in `fit_loglinear`.
    precision : float
        As in `fit_loglinear`.

    Returns
    -------
    (p,) float64
        The log of the mean count on the intercept alone when the terms are linearly dependent.
    """
    size = counts.shape[0]
    p = terms.shape[0]
    weights = np.zeros(size)
    response = np.zeros(size)
    total = 0.0
    active = 0
    for cell in range(1, size):
        if cells[cell] > 0.0:
            weights[cell] = counts[cell] + 0.5
            response[cell] = weights[cell] * math.log(weights[cell])
            total += counts[cell]
            active += 1
    beta = np.zeros(p)
    transform(weights)
    transform(response)
    h = np.empty((p, p))
    _fill_hessian(h, weights, terms, precision)
    if factorise(h, p, _RANK) != 0:
        beta[0] = math.log((total + 0.5) / max(active, 1))
        return beta
    for i in range(p):
        beta[i] = response[terms[i]]
    solve_lower(h, p, beta)
    solve_upper(h, p, beta)
    return beta


@compiled
def fit_loglinear(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    terms: NDArray[np.int64],
    precision: float,
    start: NDArray[np.float64],
    max_steps: int,
    tolerance: float,
) -> Fit:
    """Fit one log-linear model by maximum likelihood or with a normal prior on its coefficients.

    n_ω ~ Poisson(exp η_ω), β_θ ~ N(0, 1/precision) for θ ≠ ∅, flat β_∅ (Overstall & King 2014). The log
    evidence is Laplace's: ``ℓ − Σβ²/2σ² − (p−1) ln σ + ½ ln 2π − ½ ln|H|``.

    Parameters
    ----------
    counts : (2^K,) float64
        Persons by history; entry 0 and entries of structural zeros are ignored.
    cells : (2^K,) float64
        1 where the history can be observed, 0 where it is structurally zero or deleted; entry 0 is ignored.
    terms : (p,) int64
        Subsets as bitmasks, ``terms[0] == 0`` the intercept.
    precision : float
        1/σ² of the prior; 0 for maximum likelihood.
    start : (p,) float64
        Coefficients to start from, such as `cold_start` gives.
    max_steps : int
        Newton steps at most; 100 is ample.
    tolerance : float
        Accept the point where half the squared Newton decrement is at most this (what the objective still
        misses, to second order); 1e-12 is sensible.

    Returns
    -------
    Fit
        See there; check `status` before use.
    """
    size = counts.shape[0]
    p = terms.shape[0]
    observed = np.zeros(size)
    for cell in range(1, size):
        if cells[cell] > 0.0:
            observed[cell] = counts[cell]
    transform(observed)

    beta = start.copy()
    trial = np.empty(p)
    eta = np.empty(size)
    change = np.empty(size)
    moments = np.empty(size)
    h = np.empty((p, p))
    step = np.empty(p)

    for cell in range(size):
        eta[cell] = 0.0
    for i in range(p):
        eta[terms[i]] = beta[i]
    transform(eta)
    value = _objective(counts, cells, eta, beta, precision)

    status = NO_MAXIMUM
    half_square = np.inf
    log_determinant = np.nan
    steps = 0
    while True:
        moments[0] = 0.0
        for cell in range(1, size):
            moments[cell] = math.exp(eta[cell]) if cells[cell] > 0.0 else 0.0
        transform(moments)
        _fill_hessian(h, moments, terms, precision)
        if factorise(h, p, _RANK) != 0:
            # means that vanished on the way make H singular as well: only a failure at once is rank
            status = SINGULAR if steps == 0 else NO_MAXIMUM
            log_determinant = np.nan
            break
        log_determinant = 0.0
        for i in range(p):
            log_determinant += 2.0 * math.log(h[i, i])
            step[i] = observed[terms[i]] - moments[terms[i]]
            if i > 0:
                step[i] -= precision * beta[i]
        solve_lower(h, p, step)
        half_square = 0.0
        for i in range(p):
            half_square += 0.5 * step[i] * step[i]
        solve_upper(h, p, step)

        for cell in range(size):
            change[cell] = 0.0
        for i in range(p):
            change[terms[i]] = step[i]
        transform(change)
        largest = 0.0
        lowest = 0.0
        for cell in range(1, size):
            if cells[cell] > 0.0:
                largest = max(largest, abs(change[cell]))
                lowest = min(lowest, eta[cell])
        if half_square <= tolerance and (precision > 0.0 or largest < _SETTLED):
            status = CONVERGED
            break
        if steps >= max_steps or (precision == 0.0 and lowest < _VANISHING):
            break

        # a step may move a log mean by 8 at most; halve until the objective gains a part of what it should
        share = 1.0 if largest <= 8.0 else 8.0 / largest
        accepted = False
        for _ in range(40):
            for cell in range(size):
                eta[cell] += share * change[cell]
            for i in range(p):
                trial[i] = beta[i] + share * step[i]
            reached = _objective(counts, cells, eta, trial, precision)
            gain = 2.0 * half_square * share
            if reached >= value + 1e-4 * gain - 1e-12 * abs(value):
                accepted = True
                break
            for cell in range(size):
                eta[cell] -= share * change[cell]
            share *= 0.5
        if not accepted:
            break
        steps += 1
        value = reached
        for i in range(p):
            beta[i] = trial[i]
        # rebuilt, not accumulated: η must not drift from β
        for cell in range(size):
            eta[cell] = 0.0
        for i in range(p):
            eta[terms[i]] = beta[i]
        transform(eta)

    log_unseen = 0.0
    penalty = 0.0
    for i in range(p):
        log_unseen += beta[i]
        step[i] = 1.0
        if i > 0:
            penalty += 0.5 * precision * beta[i] * beta[i]
    variance = np.nan
    if not math.isnan(log_determinant):
        solve_lower(h, p, step)
        variance = 0.0
        for i in range(p):
            variance += step[i] * step[i]
    log_likelihood = value + penalty - log_factorials(counts, cells)
    log_evidence = np.nan
    if precision > 0.0:
        log_evidence = (
            value
            - log_factorials(counts, cells)
            + 0.5 * (p - 1) * math.log(precision)
            + 0.5 * math.log(2.0 * math.pi)
            - 0.5 * log_determinant
        )
    return Fit(
        beta,
        np.exp(eta),
        log_unseen,
        variance,
        log_likelihood,
        log_determinant,
        log_evidence,
        math.sqrt(2.0 * half_square),
        steps,
        status,
    )
