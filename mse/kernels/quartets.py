"""Four log-linear models of one size, fitted side by side with a normal prior.

The equations are those of `mse.kernels.loglinear`, one model to a lane. Models with more than about half of
all possible terms are solved in the *dual*: with a ridge λ on all 2^K coefficients the full Hessian is
``Wᵀ(D + λ/2^K)W``, W the Walsh matrix, D the means; its inverse F is again a look-up,
``F_θφ = WHT(1/(μ + λ/2^K))[θ xor φ] / 4^K``. For a model M with complement C (by the block inverse)

    ``(H_MM)⁻¹ g = F g − F_·C (F_CC)⁻¹ (F g)_C``  and  ``ln|H_MM| = ln|H| + ln|F_CC|``,

so the system to eliminate has the order of C. The flat intercept takes its λ away again, a rank-one change:
F becomes ``F + c f fᵀ`` with f the first column and ``c = λ / (1 − λ F_∅∅)``.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.elimination import STRIDE, eliminate, substitute
from mse.kernels.lanes import LANES, ROUND, clip, load, spread, store, two_to
from mse.kernels.walsh import transform_lanes

_LOG2E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
# pivots to multiply before a logarithm is taken: none overflows while pivots lie within 1e±19
_GROUP = 16


class Quartet(NamedTuple):
    """Workspace and result of four fits; `x[4·i + lane]` is entry i of a lane.

    Attributes
    ----------
    beta : (2^K · 4,) float64
        Coefficients by subset, zero outside the model: the start on entry, where H was factorised on return.
    terms : (2^K · 4,) int64
        Subsets times 4: the terms of the model, intercept first, or in the dual those not in the model.
    eta, mu, score, moments, vector : (2^K · 4,) float64
        Log means, means of active cells, score, WHT(μ) or f, and scratch.
    system, inverses : float64
        For `eliminate`.
    log_evidence, log_unseen, variance, half_square : (4,) float64
        Results; half the squared Newton decrement tells how far the fit is from its maximum.
    """

    beta: NDArray[np.float64]
    terms: NDArray[np.int64]
    eta: NDArray[np.float64]
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


@compiled
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
        np.zeros(n),
        np.zeros(STRIDE * STRIDE * LANES),
        np.zeros(STRIDE * LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
    )


@compiled
def exponentials(x: NDArray[np.float64], result: NDArray[np.float64], size: int) -> None:
    """Write ``exp(x)`` into `result`; both hold `size` lanes.

    x = k ln 2 + r with |r| ≤ ½ ln 2, a Taylor polynomial of degree 12 for e^r, and 2^k put together from its
    bits. The relative error is below 1e-15 for |x| ≤ 700, beyond which x is cut off.
    """
    lowest = spread(-700.0)
    highest = spread(700.0)
    log2e = spread(_LOG2E)
    magic = spread(ROUND)
    high = spread(_LN2_HIGH)
    low = spread(_LN2_LOW)
    one = spread(1.0)
    for i in range(size):
        y = clip(load(x, i), lowest, highest)
        whole = y * log2e + magic
        k = whole - magic
        r = y - k * high - k * low
        p = spread(1.0 / 479001600.0)
        p = p * r + spread(1.0 / 39916800.0)
        p = p * r + spread(1.0 / 3628800.0)
        p = p * r + spread(1.0 / 362880.0)
        p = p * r + spread(1.0 / 40320.0)
        p = p * r + spread(1.0 / 5040.0)
        p = p * r + spread(1.0 / 720.0)
        p = p * r + spread(1.0 / 120.0)
        p = p * r + spread(1.0 / 24.0)
        p = p * r + spread(1.0 / 6.0)
        p = p * r + spread(0.5)
        p = p * r + one
        p = p * r + one
        store(result, i, p * two_to(whole))


@compiled
def _log_product(x: NDArray[np.float64], size: int, sign: float, result: NDArray[np.float64]) -> None:
    """Add `sign` times the log of the product of the first `size` lanes of `x` to `result`."""
    product = np.empty(LANES)
    for first in range(0, size, _GROUP):
        running = load(x, first)
        for i in range(first + 1, min(first + _GROUP, size)):
            running = running * load(x, i)
        store(product, 0, running)
        for lane in range(LANES):
            result[lane] += sign * math.log(product[lane])


@compiled
def _means(work: Quartet, counts: NDArray[np.float64], cells: NDArray[np.float64], precision: float) -> None:
    """From β: η, the means of the active cells, and the score of the penalised likelihood for every subset."""
    size = counts.shape[0]
    for i in range(size):
        store(work.eta, i, load(work.beta, i))
    transform_lanes(work.eta, size)
    exponentials(work.eta, work.mu, size)
    for i in range(size):
        mean = load(work.mu, i) * spread(cells[i])
        store(work.mu, i, mean)
        store(work.moments, i, mean)
        store(work.score, i, spread(counts[i]) - mean)
    transform_lanes(work.score, size)
    ridge = spread(precision)
    for i in range(1, size):
        store(work.score, i, load(work.score, i) - ridge * load(work.beta, i))


@compiled
def _fill(work: Quartet, order: int) -> None:
    """Write the upper triangle of the four systems: ``moments[θ xor φ]``."""
    terms = work.terms
    system = work.system
    moments = work.moments
    for i in range(order):
        for j in range(i, order):
            entry = LANES * (i * STRIDE + j)
            for lane in range(LANES):
                look = terms[LANES * i + lane] ^ terms[LANES * j + lane]
                system[entry + lane] = moments[look + lane]


@compiled
def _primal(work: Quartet, size: int, order: int, precision: float) -> None:
    """Factorise the Hessians of the models' own terms; leave decrement, variance and ln|H| of the four."""
    transform_lanes(work.moments, size)
    _fill(work, order)
    ridge = spread(precision)
    one = spread(1.0)
    for i in range(order):
        row = i * STRIDE
        if i > 0:
            store(work.system, row + i, load(work.system, row + i) + ridge)
        for lane in range(LANES):
            work.system[LANES * (row + order) + lane] = work.score[work.terms[LANES * i + lane] + lane]
        store(work.system, row + order + 1, one)
    eliminate(work.system, work.inverses, order, order + 2)
    square = spread(0.0)
    cross = spread(0.0)
    variance = spread(0.0)
    for i in range(order):
        inverse = load(work.inverses, i)
        y = load(work.system, i * STRIDE + order)
        ones = load(work.system, i * STRIDE + order + 1)
        square = square + y * y * inverse
        cross = cross + y * ones * inverse
        variance = variance + ones * ones * inverse
    store(work.half_square, 0, spread(0.5) * square)
    store(work.log_unseen, 0, load(work.eta, 0) + cross)
    store(work.variance, 0, variance)
    for lane in range(LANES):
        work.log_evidence[lane] = 0.0
    _log_product(work.inverses, order, 0.5, work.log_evidence)


@compiled
def _primal_step(work: Quartet, order: int, share: NDArray[np.float64]) -> None:
    """Take the Newton step, or a share of it, from the factor that `_primal` left."""
    substitute(work.system, work.inverses, order, order)
    for i in range(order):
        for lane in range(LANES):
            step = work.system[LANES * (i * STRIDE + order) + lane]
            work.beta[work.terms[LANES * i + lane] + lane] += share[lane] * step


@compiled
def _dual(work: Quartet, size: int, order: int, precision: float) -> None:
    """Do what `_primal` does from the complement of the models; `work.terms` holds the complement."""
    floor = spread(precision / size)
    one = spread(1.0)
    scale = spread(1.0 / (size * size))
    fraction = spread(0.0)
    # f: the first column of the inverse of the full Hessian with the ridge
    for i in range(size):
        mean = load(work.mu, i)
        store(work.vector, i, mean + floor)
        weight = one / (mean + floor)
        fraction = fraction + mean * weight
        store(work.mu, i, weight)
        store(work.moments, i, weight * scale)
    for lane in range(LANES):
        work.log_evidence[lane] = -0.5 * size * math.log(size)
    _log_product(work.vector, size, -0.5, work.log_evidence)
    transform_lanes(work.moments, size)
    c = spread(precision * size) / fraction
    store(work.inverses, 0, fraction)
    for lane in range(LANES):
        work.log_evidence[lane] -= 0.5 * math.log(work.inverses[lane] / size)

    # scores outside the models are not wanted; then v = (F + c f fᵀ) g
    for i in range(order):
        for lane in range(LANES):
            work.score[work.terms[LANES * i + lane] + lane] = 0.0
    along = spread(0.0)
    for i in range(size):
        g = load(work.score, i)
        along = along + load(work.moments, i) * g
        store(work.vector, i, g)
    transform_lanes(work.vector, size)
    for i in range(size):
        store(work.vector, i, load(work.vector, i) * load(work.mu, i) * scale)
    transform_lanes(work.vector, size)
    square = spread(0.0)
    cross = spread(0.0)
    for i in range(size):
        v = load(work.vector, i) + c * along * load(work.moments, i)
        store(work.vector, i, v)
        square = square + v * load(work.score, i)
        cross = cross + v
    # the same for a vector of ones, in closed form: only the cell of the unseen contributes
    ones = spread(1.0 / precision)
    variance = spread(float(size) / precision) + c * ones * ones

    _fill(work, order)
    for i in range(order):
        row = i * STRIDE
        for lane in range(LANES):
            look = work.terms[LANES * i + lane] + lane
            work.eta[LANES * i + lane] = work.moments[look]
            work.system[LANES * (row + order) + lane] = work.vector[look]
    for i in range(order):
        row = i * STRIDE
        f = c * load(work.eta, i)
        for j in range(i, order):
            store(work.system, row + j, load(work.system, row + j) + f * load(work.eta, j))
        store(work.system, row + order + 1, ones + f * ones)
    eliminate(work.system, work.inverses, order, order + 2)
    for i in range(order):
        inverse = load(work.inverses, i)
        y = load(work.system, i * STRIDE + order)
        z = load(work.system, i * STRIDE + order + 1)
        square = square - y * y * inverse
        cross = cross - y * z * inverse
        variance = variance - z * z * inverse
    store(work.half_square, 0, spread(0.5) * square)
    total = spread(0.0)
    for i in range(size):
        total = total + load(work.beta, i)
    store(work.log_unseen, 0, total + cross)
    store(work.variance, 0, variance)
    _log_product(work.inverses, order, 0.5, work.log_evidence)
    store(work.inverses, order, c)


@compiled
def _dual_step(work: Quartet, size: int, order: int, share: NDArray[np.float64]) -> None:
    """Take the Newton step, or a share of it, from the factor that `_dual` left."""
    c = load(work.inverses, order)
    scale = spread(1.0 / (size * size))
    substitute(work.system, work.inverses, order, order)
    for i in range(order):
        for lane in range(LANES):
            u = work.system[LANES * (i * STRIDE + order) + lane]
            work.score[work.terms[LANES * i + lane] + lane] = -u
    along = spread(0.0)
    for i in range(size):
        r = load(work.score, i)
        along = along + load(work.moments, i) * r
        store(work.vector, i, r)
    transform_lanes(work.vector, size)
    for i in range(size):
        store(work.vector, i, load(work.vector, i) * load(work.mu, i) * scale)
    transform_lanes(work.vector, size)
    portion = load(share, 0)
    for i in range(size):
        step = load(work.vector, i) + c * along * load(work.moments, i)
        store(work.beta, i, load(work.beta, i) + portion * step)
    for i in range(order):
        for lane in range(LANES):
            work.beta[work.terms[LANES * i + lane] + lane] = 0.0


@compiled
def _value(
    work: Quartet, counts: NDArray[np.float64], cells: NDArray[np.float64], precision: float
) -> None:
    """Add the penalised log likelihood (without ln n!) at β to the log evidences."""
    size = counts.shape[0]
    for i in range(size):
        store(work.eta, i, load(work.beta, i))
    transform_lanes(work.eta, size)
    exponentials(work.eta, work.mu, size)
    total = spread(0.0)
    ridge = spread(0.5 * precision)
    for i in range(size):
        active = spread(cells[i])
        total = total + active * (spread(counts[i]) * load(work.eta, i) - load(work.mu, i))
        if i > 0:
            b = load(work.beta, i)
            total = total - ridge * b * b
    store(work.log_evidence, 0, load(work.log_evidence, 0) + total)


@compiled
def fit_quartet(
    work: Quartet,
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    order: int,
    dual: bool,
    precision: float,
    constant: float,
    tolerance: float,
    max_factors: int,
) -> int:
    """Fit four models by Newton steps from the coefficients in `work.beta`.

    Parameters
    ----------
    work : Quartet
        With `beta` and `terms` set; receives the results.
    counts, cells : (2^K,) float64
        As in `fit_loglinear`, but zero at entry 0 and counts zero where cells are.
    order : int
        Rows of `work.terms`: terms of each model, or of its complement in the dual.
    dual : bool
        Whether `work.terms` is the complement.
    precision : float
        1/σ² > 0.
    constant : float
        What the log evidences have in common: ``−Σ ln n! − (p−1) ln σ + ½ ln 2π``.
    tolerance : float
        Half the squared decrement at which H is exact enough. The evidence is corrected for what the
        likelihood still misses there, and log unseen for the step that is left; ln|H| is not.
    max_factors : int
        Factorisations at most.

    Returns
    -------
    int
        Factorisations made; `work.half_square` tells whether each of the four arrived.
    """
    size = counts.shape[0]
    share = np.empty(LANES)
    factors = 0
    while True:
        _means(work, counts, cells, precision)
        if dual:
            _dual(work, size, order, precision)
        else:
            _primal(work, size, order, precision)
        factors += 1
        worst = 0.0
        for lane in range(LANES):
            half_square = work.half_square[lane]
            # NaN counts as far away
            worst = max(worst, half_square if half_square < np.inf else np.inf)
            share[lane] = 1.0 if half_square < 0.5 else 1.0 / (1.0 + math.sqrt(2.0 * half_square))
        if worst <= tolerance or factors >= max_factors or worst == np.inf:
            break
        if dual:
            _dual_step(work, size, order, share)
        else:
            _primal_step(work, order, share)
    _value(work, counts, cells, precision)
    for lane in range(LANES):
        work.log_evidence[lane] += constant + work.half_square[lane]
    return factors
