"""Eight log-linear models of one size, fitted side by side with a normal prior.

The equations are those of `mse.kernels.newton`, one model to a lane. Models with more than about half of
all possible terms are solved in the *dual*: with a ridge λ on all 2^K coefficients the full Hessian is
``Wᵀ(D + λ/2^K)W``, W the Walsh matrix, D the means; its inverse F is again a look-up,
``F_θφ = WHT(1/(μ + λ/2^K))[θ xor φ] / 4^K``. For a model M with complement C (by the block inverse)

    ``(H_MM)⁻¹ g = F g − F_·C (F_CC)⁻¹ (F g)_C``  and  ``ln|H_MM| = ln|H| + ln|F_CC|``,

so the system to eliminate has the order of C. The flat intercept takes its λ away again, a rank-one change:
F becomes ``F + c f fᵀ`` with f the first column and ``c = λ / (1 − λ F_∅∅)``.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.elimination import STRIDE, eliminate, substitute
from mse.kernels.exponential import exponential
from mse.kernels.lanes import WIDE, load, pick, pick_both, put, spread_wide, store
from mse.kernels.walsh import transform_between, transform_lanes
from mse.kernels.workspaces import Octet, Target

# share of the objective by which it may fall: rounding is no reason to halve a step
_ROUNDING = 1e-9
# pivots to multiply before a logarithm is taken: none overflows while pivots lie within 1e±19
_GROUP = 16


@compiled
def _log_product(
    x: NDArray[np.float64],
    size: int,
    factor: float,
    result: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Add `factor` times the log of the product of the first `size` lanes of `x` to `result`."""
    for first in range(0, size, _GROUP):
        running = load(x, first)
        for i in range(first + 1, min(first + _GROUP, size)):
            running = running * load(x, i)
        store(scratch, 0, running)
        for lane in range(WIDE):
            result[0, lane] += factor * math.log(scratch[0, lane])


@compiled
def _fill(work: Octet, order: int, common: int) -> None:
    """Write the upper triangle of the eight systems: ``moments[θ xor φ]``."""
    places = work.places
    system = work.system
    moments = work.moments
    for i in range(order):
        row = i * STRIDE
        first = i
        if i < common:
            for j in range(i, common):
                store(system, row + j, load(moments, (places[i, 0] ^ places[j, 0]) >> 3))
            first = common
        for j in range(first, order):
            store(system, row + j, pick_both(moments, places, i, j))


@compiled
def _means(work: Octet, target: Target) -> None:
    """From β: the means of the active cells, WHT(μ), the penalised score of every subset, and the value.

    Leaves the penalised log likelihood (without ln n!) in `log_evidence` and η_0 in `log_unseen`.
    """
    beta = work.beta
    vector = work.vector
    mu = work.mu
    score = work.score
    moments = work.moments
    counts = target.counts
    cells = target.cells
    spectrum = target.spectrum
    size = counts.shape[0]
    transform_between(beta, vector, size)
    total = spread_wide(0.0)
    for i in range(size):
        eta = load(vector, i)
        count = counts[i]
        mean = exponential(eta) * cells[i]
        store(mu, i, mean)
        store(score, i, count - mean)
        total = total + count * eta - mean
    store(work.log_unseen, 0, load(vector, 0))
    transform_lanes(score, size)
    ridge = target.precision
    square = spread_wide(0.0)
    for i in range(size):
        raw = load(score, i)
        store(moments, i, spectrum[i] - raw)
        if i > 0:
            b = load(beta, i)
            square = square + b * b
            store(score, i, raw - ridge * b)
    store(work.log_evidence, 0, total - 0.5 * ridge * square)


@compiled
def _primal(work: Octet, order: int, common: int, precision: float) -> None:
    """Factorise the Hessians of the models' own terms; leave decrement, variance, and what η_0 still moves."""
    places = work.places
    system = work.system
    score = work.score
    inverses = work.inverses
    _fill(work, order, common)
    for i in range(order):
        row = i * STRIDE
        if places[i, 0] > 0:
            store(system, row + i, load(system, row + i) + precision)
        store(system, row + order, pick(score, places, i))
        store(system, row + order + 1, spread_wide(1.0))
    eliminate(system, inverses, order, order + 2)
    square = spread_wide(0.0)
    cross = spread_wide(0.0)
    variance = spread_wide(0.0)
    for i in range(order):
        inverse = load(inverses, i)
        y = load(system, i * STRIDE + order)
        z = load(system, i * STRIDE + order + 1)
        square = square + y * y * inverse
        cross = cross + y * z * inverse
        variance = variance + z * z * inverse
    store(work.half_square, 0, 0.5 * square)
    store(work.log_unseen, 0, load(work.log_unseen, 0) + cross)
    store(work.variance, 0, variance)


@compiled
def _primal_step(work: Octet, order: int) -> None:
    """Write the Newton step from the factor that `_primal` left."""
    substitute(work.system, work.inverses, order, order)
    for i in range(order):
        store(work.step, i, load(work.system, i * STRIDE + order))


@compiled
def _dual(work: Octet, size: int, order: int, common: int, precision: float) -> None:
    """Do what `_primal` does from the complement of the models; `work.places` holds the complement."""
    places = work.places
    system = work.system
    mu = work.mu
    score = work.score
    moments = work.moments
    vector = work.vector
    inverses = work.inverses
    floor = precision / size
    zero = spread_wide(0.0)
    scale = 1.0 / (size * size)
    fraction = spread_wide(0.0)
    # f: the first column of the inverse of the full Hessian with the ridge
    for i in range(size):
        mean = load(mu, i)
        weight = 1.0 / (mean + floor)
        fraction = fraction + mean * weight
        store(mu, i, weight)
        store(moments, i, weight * scale)
    transform_lanes(moments, size)
    # 1 − λ F_∅∅, without the subtraction
    fraction = fraction * (1.0 / size)
    c = precision / fraction

    # scores outside the models are not wanted; then v = (F + c f fᵀ) g
    for i in range(order):
        put(score, places, i, zero)
    along = spread_wide(0.0)
    for i in range(size):
        g = load(score, i)
        along = along + load(moments, i) * g
        store(vector, i, g)
    transform_lanes(vector, size)
    for i in range(size):
        store(vector, i, load(vector, i) * load(mu, i) * scale)
    transform_lanes(vector, size)
    along = along * c
    square = spread_wide(0.0)
    cross = spread_wide(0.0)
    for i in range(size):
        v = load(vector, i) + along * load(moments, i)
        store(vector, i, v)
        square = square + v * load(score, i)
        cross = cross + v
    # the same for a vector of ones, in closed form: only the cell of the unseen contributes
    ones = 1.0 / precision
    variance = size / precision + c * ones * ones

    _fill(work, order, common)
    # `inverses` serves for f of the complement until the elimination writes it
    for i in range(order):
        row = i * STRIDE
        store(system, row + order, pick(vector, places, i))
        store(inverses, i, pick(moments, places, i))
    for i in range(order):
        row = i * STRIDE
        f = c * load(inverses, i)
        for j in range(i, order):
            store(system, row + j, load(system, row + j) + f * load(inverses, j))
        store(system, row + order + 1, ones + f * ones)
    eliminate(system, inverses, order, order + 2)
    for i in range(order):
        inverse = load(inverses, i)
        y = load(system, i * STRIDE + order)
        z = load(system, i * STRIDE + order + 1)
        square = square - y * y * inverse
        cross = cross - y * z * inverse
        variance = variance - z * z * inverse
    store(work.half_square, 0, 0.5 * square)
    store(work.log_unseen, 0, load(work.log_unseen, 0) + cross)
    store(work.variance, 0, variance)
    store(inverses, order, c)


@compiled
def _dual_step(work: Octet, size: int, order: int) -> None:
    """Write the Newton step from the factor that `_dual` left."""
    places = work.places
    system = work.system
    mu = work.mu
    score = work.score
    moments = work.moments
    vector = work.vector
    c = load(work.inverses, order)
    zero = spread_wide(0.0)
    scale = 1.0 / (size * size)
    substitute(system, work.inverses, order, order)
    for i in range(order):
        u = load(system, i * STRIDE + order)
        put(score, places, i, zero - u)
    along = spread_wide(0.0)
    for i in range(size):
        r = load(score, i)
        along = along + load(moments, i) * r
        store(vector, i, r)
    transform_lanes(vector, size)
    for i in range(size):
        store(vector, i, load(vector, i) * load(mu, i) * scale)
    transform_lanes(vector, size)
    along = along * c
    for i in range(size):
        store(work.step, i, load(vector, i) + along * load(moments, i))
    for i in range(order):
        put(work.step, places, i, zero)


@compiled
def _move(work: Octet, order: int, dual: bool, size: int) -> None:
    """Move the coefficients by a share of the step, which may be negative."""
    share = load(work.share, 0)
    step = work.step
    beta = work.beta
    if dual:
        for i in range(size):
            store(beta, i, load(beta, i) + share * load(step, i))
    else:
        for i in range(order):
            put(beta, work.places, i, pick(beta, work.places, i) + share * load(step, i))


@compiled
def _climb(work: Octet, target: Target, order: int, dual: bool, most: int) -> int:
    """Evaluate where the last step leads; halve it, up to so many times, where the objective fell; return how often."""
    value = work.log_evidence
    reached = work.reached
    share = work.share
    taken = work.taken
    back = 0
    while True:
        _means(work, target)
        fell = False
        for lane in range(WIDE):
            share[0, lane] = 0.0
            # written so that an objective of infinite means has fallen; where a step was not a number nothing helps
            least = reached[0, lane] - _ROUNDING * abs(reached[0, lane])
            if not value[0, lane] >= least and math.isfinite(work.log_unseen[0, lane]):
                taken[0, lane] *= 0.5
                share[0, lane] = -taken[0, lane]
                fell = True
        if not fell or back == most:
            break
        _move(work, order, dual, target.counts.shape[0])
        back += 1
    for lane in range(WIDE):
        reached[0, lane] = value[0, lane]
    return back


@compiled
def _subtract_log_determinants(work: Octet, size: int, order: int, dual: bool, precision: float) -> None:
    """Take ½ ln|H| from the log evidences, H as `_primal` or `_dual` factorised it."""
    log_evidence = work.log_evidence
    _log_product(work.inverses, order, 0.5, log_evidence, work.vector)
    if not dual:
        return
    # of the full Hessian: the weights 1/(μ + λ/2^K), |W|² = (2^K)^(2^K), and 1 − λ F_∅∅ = λ / c
    _log_product(work.mu, size, 0.5, log_evidence, work.vector)
    c = load(work.inverses, order)
    store(work.vector, 0, c)
    _log_product(work.vector, 1, 0.5, log_evidence, work.vector)
    volume = 0.5 * (math.log(precision) + size * math.log(size))
    for lane in range(WIDE):
        log_evidence[0, lane] -= volume


@compiled
def fit_octet(
    work: Octet,
    target: Target,
    terms: int,
    order: int,
    common: int,
    tolerance: float,
    max_factors: int,
) -> int:
    """Fit eight models by Newton steps from the coefficients in `work.beta`.

    Parameters
    ----------
    work : Octet
        With `beta` and `places` set; receives the results.
    target : Target
        The table and the prior.
    terms : int
        Terms of each model, with intercept and lists.
    order, common : int
        Rows of `work.places`, and how many of them are the same in all lanes. An order other than `terms`
        says that the rows are the complement.
    tolerance : float
        A fit is accepted where half its squared decrement is at most this. There the evidence is corrected
        for what the likelihood still misses, and log unseen for the step that is left; ln|H| is not, and is
        off by a few decrements: 1e-6 at a tolerance of 1e-12.
    max_factors : int
        Points that are evaluated at most: every step is taken whole, and halved where the objective fell.

    Returns
    -------
    int
        Factorisations made; `work.half_square` tells whether each lane arrived.
    """
    size = target.counts.shape[0]
    half_squares = work.half_square
    log_evidences = work.log_evidence
    dual = order != terms
    store(work.reached, 0, spread_wide(-math.inf))
    factors = 0
    tries = 0
    while True:
        tries += 1 + _climb(work, target, order, dual, max_factors - tries)
        if dual:
            _dual(work, size, order, common, target.precision)
        else:
            _primal(work, order, common, target.precision)
        factors += 1
        arrived = True
        for lane in range(WIDE):
            # written so that a NaN has not arrived
            arrived = arrived and half_squares[0, lane] <= tolerance
        if arrived or tries >= max_factors:
            break
        if dual:
            _dual_step(work, size, order)
        else:
            _primal_step(work, order)
        store(work.taken, 0, spread_wide(1.0))
        store(work.share, 0, spread_wide(1.0))
        _move(work, order, dual, size)
    _subtract_log_determinants(work, size, order, dual, target.precision)
    constant = target.base + 0.5 * (terms - 1) * math.log(target.precision)
    for lane in range(WIDE):
        log_evidences[0, lane] += constant + half_squares[0, lane]
    return factors
