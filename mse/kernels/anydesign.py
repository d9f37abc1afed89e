"""One Poisson log-linear model on any design, for tables of lists by covariates.

η = Xβ over *cells*, μ = exp η. X is stored by its non-zero entries, row by row, so that the Hessian Xᵀ diag(w) X
costs half the square of the entries of a row, not of all columns. A cell is open (its count is known), bounded (its
count is at most c: over-coverage), or hidden (never seen). Beside them stand *pools*: persons known to be in one of
several cells, because a list did not operate or a label is missing. The log likelihood is

    Σ_open (n_g η_g − μ_g) + Σ_bounded ln P(Y ≤ c_g | μ_g) + Σ_pools n_c ln Σ_{g∈c} μ_g

and its derivatives need only the expected counts y_g = n_g + Σ_c n_c μ_g / Σ_{h∈c} μ_h (Thompson & Baker 1981; the
E step of Dempster, Laird & Rubin 1977): score Xᵀ(y − μ), observed information Xᵀ diag(μ − shared) X + Σ_c n_c x̄_c x̄_cᵀ.
Where that is not positive definite, which only pools can cause, the complete-data information Xᵀ diag(μ) X takes its
place for a step (the EM gradient algorithm; Lange 1995).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.cholesky import factorise, solve_lower, solve_upper
from mse.kernels.compiled import compiled
from mse.kernels.newton import CONVERGED as CONVERGED
from mse.kernels.newton import NO_MAXIMUM as NO_MAXIMUM
from mse.kernels.newton import SINGULAR as SINGULAR
from mse.kernels.stratumcells import Rows, Seen, log_means

# share of its diagonal below which a pivot counts as zero
_RANK = 1e-11
# log mean below which a cell that keeps falling is taken to have no finite maximum
_VANISHING = -40.0
# a converged maximum-likelihood fit may still move a log mean by this much; a diverging one moves it by 1
_SETTLED = 1e-3


class DesignFit(NamedTuple):
    """A fitted model; all fields refer to the point at which the information was factorised.

    Attributes
    ----------
    beta : (p,) float64
        Coefficients.
    eta : (R,) float64
        Log means of all cells, hidden ones included.
    factor : (p, p) float64
        Lower triangular L with L Lᵀ the observed information plus the prior precision.
    log_likelihood : float
        With −ln n! of open cells and of pools.
    log_determinant : float
        ln det(L Lᵀ).
    decrement : float
        Newton decrement √(gᵀH⁻¹g); half its square is what the objective still misses.
    steps : int
        Newton steps taken.
    status : int
        `CONVERGED`; `NO_MAXIMUM` when log means fall without end or the steps ran out; `SINGULAR` when columns are
        linearly dependent on the open cells.
    """

    beta: NDArray[np.float64]
    eta: NDArray[np.float64]
    factor: NDArray[np.float64]
    log_likelihood: float
    log_determinant: float
    decrement: float
    steps: int
    status: int


@compiled
def _objective(
    seen: Seen, eta: NDArray[np.float64], beta: NDArray[np.float64], precision: NDArray[np.float64]
) -> float:
    """Return the log likelihood without ln n!, minus half the penalty."""
    value = 0.0
    for g in range(eta.shape[0]):
        if seen.open[g] > 0.0:
            if seen.bounds[g] >= 0.0:
                value += bounded(seen.bounds[g], eta[g])[0]
            else:
                value += seen.counts[g] * eta[g] - math.exp(eta[g])
    for c in range(seen.pool_counts.shape[0]):
        total = 0.0
        for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
            total += math.exp(eta[seen.pool_cells[m]])
        value += seen.pool_counts[c] * math.log(total)
    for i in range(beta.shape[0]):
        value -= 0.5 * precision[i] * beta[i] * beta[i]
    return value


@compiled
def _add_pools(
    h: NDArray[np.float64], rows: Rows, seen: Seen, mu: NDArray[np.float64], mean: NDArray[np.float64]
) -> None:
    """Add Σ_c n_c x̄_c x̄_cᵀ to the lower triangle of `h`; `mean` (p,) is scratch."""
    p = mean.shape[0]
    for c in range(seen.pool_counts.shape[0]):
        total = 0.0
        for i in range(p):
            mean[i] = 0.0
        for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
            total += mu[seen.pool_cells[m]]
        for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
            g = seen.pool_cells[m]
            for e in range(rows.starts[g], rows.starts[g + 1]):
                mean[rows.columns[e]] += rows.values[e] * mu[g] / total
        for i in range(p):
            if mean[i] != 0.0:
                share = seen.pool_counts[c] * mean[i]
                for j in range(i + 1):
                    h[i, j] += share * mean[j]


@compiled
def _fill_information(
    h: NDArray[np.float64], rows: Rows, weights: NDArray[np.float64], precision: NDArray[np.float64]
) -> None:
    """Write Xᵀ diag(weights) X + diag(precision) into the lower triangle of `h`."""
    p = h.shape[0]
    for i in range(p):
        for j in range(i):
            h[i, j] = 0.0
        h[i, i] = precision[i]
    # flat and unsigned: no test for negative indices in the innermost loop, which is then twice as fast
    flat, width = h.reshape(-1), np.uint64(p)
    for g in range(weights.shape[0]):
        if weights[g] != 0.0:
            first, last = np.uint64(rows.starts[g]), np.uint64(rows.starts[g + 1])
            for a in range(first, last):
                base = np.uint64(rows.columns[a]) * width
                share = weights[g] * rows.values[a]
                for b in range(first, a + np.uint64(1)):
                    flat[base + np.uint64(rows.columns[b])] += share * rows.values[b]


@compiled
def start_design(rows: Rows, seen: Seen, precision: NDArray[np.float64], offset: float) -> NDArray[np.float64]:
    """Return coefficients to start from: weighted least squares of ln(n + offset) with weights n + offset.

    Parameters
    ----------
    rows, seen, precision
        As in `fit_design`.
    offset : float
        Added to every count, in persons; small for tables of many empty cells, 0.1 as in R's glm.

    Returns
    -------
    (p,) float64
        The log of the mean count on the first column alone when the columns are linearly dependent.
    """
    p = precision.shape[0]
    weights = np.zeros(seen.counts.shape[0])
    for g in range(weights.shape[0]):
        if seen.open[g] > 0.0:
            weights[g] = offset + (seen.bounds[g] if seen.bounds[g] >= 0.0 else seen.counts[g])
    for c in range(seen.pool_counts.shape[0]):
        members = seen.pool_starts[c + 1] - seen.pool_starts[c]
        for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
            weights[seen.pool_cells[m]] += seen.pool_counts[c] / members
    beta = np.zeros(p)
    h = np.empty((p, p))
    _fill_information(h, rows, weights, precision)
    if factorise(h, p, _RANK) != 0:
        beta[0] = math.log(max(weights.sum(), 0.5) / max(seen.open.sum(), 1.0))
        return beta
    for g in range(weights.shape[0]):
        if weights[g] > 0.0:
            response = weights[g] * math.log(weights[g])
            for e in range(rows.starts[g], rows.starts[g + 1]):
                beta[rows.columns[e]] += rows.values[e] * response
    solve_lower(h, p, beta)
    solve_upper(h, p, beta)
    return beta


@compiled
def fit_design(
    rows: Rows,
    seen: Seen,
    precision: NDArray[np.float64],
    start: NDArray[np.float64],
    max_steps: int,
    tolerance: float,
) -> DesignFit:
    """Fit one log-linear model by maximum likelihood, or with independent normal priors on its coefficients.

    Parameters
    ----------
    rows : Rows
        The design, R cells by p columns.
    seen : Seen
        What is known of the cells.
    precision : (p,) float64
        1/σ² of each coefficient's prior around 0; 0 for none.
    start : (p,) float64
        Coefficients to start from, such as `start_design` gives.
    max_steps : int
        Newton steps at most; 100 is ample.
    tolerance : float
        Accept the point where half the squared Newton decrement is at most this; 1e-10 is sensible.

    Returns
    -------
    DesignFit
        See there; check `status` before use.
    """
    size, p = seen.counts.shape[0], start.shape[0]
    beta, trial = start.copy(), np.empty(p)
    eta, change = np.empty(size), np.empty(size)
    mu, weights = np.zeros(size), np.zeros(size)
    h, step, scratch = np.empty((p, p)), np.empty(p), np.empty(p)
    pools = seen.pool_counts.shape[0]
    free = True
    for i in range(p):
        free = free and precision[i] == 0.0

    log_means(rows, beta, eta)
    value = _objective(seen, eta, beta, precision)
    status = NO_MAXIMUM
    half_square, log_determinant = np.inf, np.nan
    steps = 0
    while True:
        for i in range(p):
            step[i] = -precision[i] * beta[i]
        # `change` holds y − μ here, and what a step does to η further down
        for g in range(size):
            mu[g] = weights[g] = change[g] = 0.0
            if seen.open[g] > 0.0:
                mu[g] = math.exp(eta[g])
                if seen.bounds[g] >= 0.0:
                    _, change[g], weights[g], _ = bounded(seen.bounds[g], eta[g])
                else:
                    change[g], weights[g] = seen.counts[g] - mu[g], mu[g]
        for c in range(pools):
            total = 0.0
            for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
                total += mu[seen.pool_cells[m]]
            for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
                g = seen.pool_cells[m]
                shared = seen.pool_counts[c] * mu[g] / total
                change[g] += shared
                weights[g] -= shared
        for g in range(size):
            if change[g] != 0.0:
                for e in range(rows.starts[g], rows.starts[g + 1]):
                    step[rows.columns[e]] += rows.values[e] * change[g]
        _fill_information(h, rows, weights, precision)
        if pools > 0:
            _add_pools(h, rows, seen, mu, scratch)
        exact = factorise(h, p, _RANK) == 0
        if not exact:
            _fill_information(h, rows, mu, precision)
            if factorise(h, p, _RANK) != 0:
                # means that vanished on the way make it singular as well: only a failure at once is rank
                status = SINGULAR if steps == 0 else NO_MAXIMUM
                break
        solve_lower(h, p, step)
        half_square = 0.0
        log_determinant = 0.0
        for i in range(p):
            half_square += 0.5 * step[i] * step[i]
            log_determinant += 2.0 * math.log(h[i, i])
        solve_upper(h, p, step)
        log_means(rows, step, change)
        largest = lowest = 0.0
        for g in range(size):
            if seen.open[g] > 0.0:
                largest = max(largest, abs(change[g]))
                lowest = min(lowest, eta[g])
        if half_square <= tolerance and (not free or largest < _SETTLED):
            # a stationary point with an indefinite information is a saddle between two maxima, or a flat ridge
            status = CONVERGED if exact else SINGULAR
            break
        if steps >= max_steps or (free and lowest < _VANISHING):
            break

        # a step may move a log mean by 8 at most; halve until the objective gains a part of what it should
        share = 1.0 if largest <= 8.0 else 8.0 / largest
        accepted = False
        reached = value
        for _ in range(40):
            for g in range(size):
                eta[g] += share * change[g]
            for i in range(p):
                trial[i] = beta[i] + share * step[i]
            reached = _objective(seen, eta, trial, precision)
            if reached >= value + 2e-4 * half_square * share - 1e-12 * abs(value):
                accepted = True
                break
            for g in range(size):
                eta[g] -= share * change[g]
            share *= 0.5
        if not accepted:
            break
        steps += 1
        value = reached
        for i in range(p):
            beta[i] = trial[i]
        # rebuilt, not accumulated: η must not drift from β
        log_means(rows, beta, eta)

    for i in range(p):
        value += 0.5 * precision[i] * beta[i] * beta[i]
    for g in range(size):
        if seen.open[g] > 0.0 and seen.bounds[g] < 0.0:
            value -= math.lgamma(seen.counts[g] + 1.0)
    for c in range(pools):
        value -= math.lgamma(seen.pool_counts[c] + 1.0)
    return DesignFit(beta, eta, h, value, log_determinant, math.sqrt(2.0 * half_square), steps, status)


@compiled
def functional_covariance(factor: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return D (L Lᵀ)⁻¹ Dᵀ, the covariance of linear functionals of the coefficients.

    Parameters
    ----------
    factor : (p, p) float64
        As in `DesignFit`.
    directions : (S, p) float64
        D: one functional a row, for example the design row of a hidden cell for its log mean.

    Returns
    -------
    (S, S) float64
    """
    count, p = directions.shape
    half = directions.copy()
    for s in range(count):
        solve_lower(factor, p, half[s])
    out = np.empty((count, count))
    for s in range(count):
        for t in range(s + 1):
            total = 0.0
            for i in range(p):
                total += half[s, i] * half[t, i]
            out[s, t] = out[t, s] = total
    return out


@compiled
def objectives(
    rows: Rows, seen: Seen, precision: NDArray[np.float64], betas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log likelihood without ln n!, minus half the penalty, of many coefficients (T, p): shape (T,)."""
    out = np.empty(betas.shape[0])
    eta = np.empty(seen.counts.shape[0])
    for t in range(betas.shape[0]):
        log_means(rows, betas[t], eta)
        out[t] = _objective(seen, eta, betas[t], precision)
    return out
