"""Four Newton descents side by side, one model with all its terms shrunk in each lane.

The equations are those of `mse.kernels.shrinking`; lanes differ in prior, offset and coefficients, not in counts and
terms. A lane that went too far is taken back half way while the others wait, and its minimum is told from the decrement
before the step is solved for, so that one elimination serves the step, log|H| and 1ᵀH⁻¹1.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled
from mse.kernels.elimination import STRIDE, eliminate, substitute
from mse.kernels.exponential import exponential
from mse.kernels.lanes import LANES, load, spread, store
from mse.kernels.shrinking import Counted
from mse.kernels.walsh import transform, transform_lanes

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# pivots to multiply before a logarithm is taken: none overflows while pivots lie within 1e±38
_GROUP = 8
_HALVINGS = 40
# how much one step may move a log mean; squared decrement up to which none moves that much; least gain of a step
_LONGEST = 6.0
_NEAR = 1.0
_DESCENT = 1e-4
# a share of a step after that many, and the squared decrement that rounding may leave there
_STALLED = 1e-9
_ROUNDING = 1e-6


class Scene(NamedTuple):
    """What four descents have in common.

    Attributes
    ----------
    seen : Counted
        The table; its own offset is not read.
    terms : (p,) int64
        As in `fit_shrunk`.
    first, last : int
        As in `Shrinkage`.
    spectrum : (2^K,) float64
        Transform of the counts that can be observed.
    censored : bool
        Whether a cell has a bound.
    """

    seen: Counted
    terms: Integers
    first: int
    last: int
    spectrum: Array
    censored: bool


class Bench(NamedTuple):
    """Workspace of four descents; ``x[4·i + lane]`` is entry i of a lane.

    Attributes
    ----------
    beta, origin, step : (p · 4,) float64
        Where the lanes are, where their last step began, and the step.
    ridge, common : (p · 4,), (4,) float64
        λ and κ.
    offset, eta, score, moments : (2^K · 4,) float64
        Offsets, log means, residuals and transforms.
    system, inverses : float64
        For `eliminate`.
    value, allowed : (4,) float64
        F where the lanes are, and the most that it may be.
    gain, slope, variance, held : (4,) float64
        Squared decrement, what of 1ᵀβ the full step would move, 1ᵀH⁻¹1, and 1 for lanes whose 1ᵀβ is held.
    share : (4,) float64
        Part of the step that was taken.
    """

    beta: Array
    origin: Array
    step: Array
    ridge: Array
    common: Array
    offset: Array
    eta: Array
    score: Array
    moments: Array
    system: Array
    inverses: Array
    value: Array
    allowed: Array
    gain: Array
    slope: Array
    variance: Array
    held: Array
    share: Array


@compiled
def make_scene(seen: Counted, terms: Integers, first: int, last: int) -> Scene:
    """Return what descents on a table have in common; arguments as in `laws_on_grid`."""
    spectrum = seen.counts * seen.cells
    spectrum[0] = 0.0
    censored = False
    for cell in range(1, spectrum.shape[0]):
        censored = censored or (seen.cells[cell] > 0.0 and seen.bounds[cell] >= 0.0)
    transform(spectrum)
    return Scene(seen, terms, first, last, spectrum, censored)


@compiled
def make_bench(p: int, size: int) -> Bench:
    """Return a workspace for p terms and 2^K cells."""
    n = p * LANES
    m = size * LANES
    return Bench(
        np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n), np.zeros(LANES), np.zeros(m), np.zeros(m), np.zeros(m),
        np.zeros(m), np.zeros(p * STRIDE * LANES), np.zeros(p * LANES), np.zeros(LANES), np.zeros(LANES),
        np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.ones(LANES),
    )  # fmt: skip


@compiled
def _evaluate(scene: Scene, bench: Bench) -> None:
    """Write log means, means (to `moments`), residuals and F of the four lanes."""
    seen, terms = scene.seen, scene.terms
    beta, eta, score, moments, offset = bench.beta, bench.eta, bench.score, bench.moments, bench.offset
    size = seen.counts.shape[0]
    p = terms.shape[0]
    zero = spread(0.0)
    for cell in range(size):
        store(eta, cell, zero)
    for i in range(p):
        store(eta, terms[i], load(beta, i))
    transform_lanes(eta, size)
    store(score, 0, zero)
    store(moments, 0, zero)
    total = spread(0.0)
    for cell in range(1, size):
        if seen.cells[cell] == 0.0:
            store(score, cell, zero)
            store(moments, cell, zero)
            continue
        here = load(eta, cell) + load(offset, cell)
        if seen.bounds[cell] >= 0.0:
            store(eta, cell, here)
            for lane in range(LANES):
                at = LANES * cell + lane
                log_share, residual, weight, _ = bounded(seen.bounds[cell], eta[at])
                eta[at] = log_share
                score[at] = residual
                moments[at] = weight
            total = total - load(eta, cell)
        else:
            count = spread(seen.counts[cell])
            mean = exponential(here)
            total = total + (mean - count * here)
            store(score, cell, count - mean)
            store(moments, cell, mean)
    square = spread(0.0)
    for i in range(p):
        b = load(beta, i)
        square = square + load(bench.ridge, i) * b * b
    together = spread(0.0)
    for i in range(scene.first, scene.last):
        together = together + load(beta, i)
    square = square - load(bench.common, 0) * together * together
    store(bench.value, 0, total + spread(0.5) * square)


@compiled
def settle(scene: Scene, bench: Bench) -> None:
    """Evaluate the four lanes, and take those back half way that went too far."""
    p = scene.terms.shape[0]
    value, allowed, share = bench.value, bench.allowed, bench.share
    for attempt in range(_HALVINGS + 1):
        _evaluate(scene, bench)
        back = False
        for lane in range(LANES):
            # written so that what is not a number went too far
            if attempt < _HALVINGS and not value[lane] <= allowed[lane]:
                back = True
                share[lane] *= 0.5
                allowed[lane] += _DESCENT * bench.gain[lane] * share[lane]
                for i in range(lane, LANES * p, LANES):
                    bench.beta[i] = bench.origin[i] + share[lane] * bench.step[i]
        if not back:
            break


@compiled
def solve(scene: Scene, bench: Bench) -> None:
    """Eliminate H of the four lanes, and write gain, slope and variance; `settle` comes before."""
    terms = scene.terms
    beta, score, moments, system = bench.beta, bench.score, bench.moments, bench.system
    size = scene.seen.counts.shape[0]
    p = terms.shape[0]
    transform_lanes(score, size)
    if scene.censored:
        transform_lanes(moments, size)
    else:
        for cell in range(size):
            store(moments, cell, spread(scene.spectrum[cell]) - load(score, cell))
    kappa = load(bench.common, 0)
    together = spread(0.0)
    for i in range(scene.first, scene.last):
        together = together + load(beta, i)
    one = spread(1.0)
    for i in range(p):
        row = i * STRIDE
        here = terms[i]
        for j in range(i, p):
            store(system, row + j, load(moments, here ^ terms[j]))
        ridge = load(bench.ridge, i)
        store(system, row + i, load(system, row + i) + ridge)
        slope = load(score, here) - ridge * load(beta, i)
        if scene.first <= i < scene.last:
            slope = slope + kappa * together
            for j in range(i, scene.last):
                store(system, row + j, load(system, row + j) - kappa)
        store(system, row + p, slope)
        store(system, row + p + 1, one)
    eliminate(system, bench.inverses, p, p + 2)
    square = spread(0.0)
    cross = spread(0.0)
    variance = spread(0.0)
    for i in range(p):
        inverse = load(bench.inverses, i)
        y = load(system, i * STRIDE + p)
        z = load(system, i * STRIDE + p + 1)
        square = square + y * y * inverse
        cross = cross + y * z * inverse
        variance = variance + z * z * inverse
    store(bench.slope, 0, cross)
    store(bench.variance, 0, variance)
    store(bench.gain, 0, square - load(bench.held, 0) * cross * cross / variance)


@compiled
def fails(bench: Bench, p: int, lane: int) -> bool:
    """Return whether H of a lane is not positive definite."""
    for i in range(p):
        if not bench.inverses[LANES * i + lane] > 0.0:
            return True
    return not bench.gain[lane] < math.inf


@compiled
def put(bench: Bench, lane: int, precision: Array, common: float, offset: Array, start: Array, held: float) -> None:
    """Put a lane where a descent begins: prior, offset, coefficients, and whether 1ᵀβ is held (1 or 0)."""
    for i in range(precision.shape[0]):
        bench.ridge[LANES * i + lane] = precision[i]
        bench.beta[LANES * i + lane] = start[i]
    bench.common[lane] = common
    bench.held[lane] = held
    bench.allowed[lane] = math.inf
    bench.share[lane] = 1.0
    for cell in range(offset.shape[0]):
        bench.offset[LANES * cell + lane] = offset[cell]


@compiled
def rest(bench: Bench, lane: int) -> None:
    """Leave a lane idle, where it does no harm to the others."""
    for i in range(lane, bench.beta.shape[0], LANES):
        bench.beta[i] = 0.0
        bench.ridge[i] = 1.0
    bench.common[lane] = 0.0
    bench.allowed[lane] = math.inf


@compiled
def arrives(bench: Bench, lane: int, tolerance: float) -> bool:
    """Return whether a lane is as near to its minimum as asked for, or as rounding allows."""
    stalled = bench.share[lane] < _STALLED and bench.gain[lane] <= _ROUNDING
    return bool(0.5 * bench.gain[lane] <= tolerance or stalled)


@compiled
def log_determinant(bench: Bench, p: int, lane: int) -> float:
    """Return log|H| of a lane."""
    total = 0.0
    for first in range(0, p, _GROUP):
        product = 1.0
        for i in range(first, min(first + _GROUP, p)):
            product *= bench.inverses[LANES * i + lane]
        total -= math.log(product)
    return total


@compiled
def advance(scene: Scene, bench: Bench, arrived: NDArray[np.bool_]) -> None:
    """Take a Newton step in each lane, or where it has `arrived` write H⁻¹1 to its `step` and stay."""
    p = scene.terms.shape[0]
    system, step, beta = bench.system, bench.step, bench.beta
    y_part = np.empty(LANES)
    z_part = np.empty(LANES)
    far = False
    for lane in range(LANES):
        y_part[lane] = 0.0 if arrived[lane] else 1.0
        z_part[lane] = 1.0 if arrived[lane] else -bench.held[lane] * bench.slope[lane] / bench.variance[lane]
        far = far or (not arrived[lane] and bench.gain[lane] > _NEAR)
    a = load(y_part, 0)
    b = load(z_part, 0)
    for i in range(p):
        row = i * STRIDE
        store(system, row + p, a * load(system, row + p) + b * load(system, row + p + 1))
    substitute(system, bench.inverses, p, p)
    for i in range(p):
        store(step, i, load(system, i * STRIDE + p))
    bench.share[:] = 1.0
    if far:
        _shorten(scene, bench)
    for lane in range(LANES):
        most = bench.value[lane] - _DESCENT * bench.gain[lane] * bench.share[lane] + 1e-12 * abs(bench.value[lane])
        bench.allowed[lane] = math.inf if arrived[lane] else most
        y_part[lane] *= bench.share[lane]
    part = load(y_part, 0)
    for i in range(p):
        here = load(beta, i)
        store(bench.origin, i, here)
        store(beta, i, here + part * load(step, i))


@compiled
def _shorten(scene: Scene, bench: Bench) -> None:
    """Set the share of each step so that no log mean moves by more than `_LONGEST`."""
    change = bench.eta
    size = scene.seen.counts.shape[0]
    zero = spread(0.0)
    for cell in range(size):
        store(change, cell, zero)
    for i in range(scene.terms.shape[0]):
        store(change, scene.terms[i], load(bench.step, i))
    transform_lanes(change, size)
    for lane in range(LANES):
        largest = 0.0
        for cell in range(1, size):
            if scene.seen.cells[cell] > 0.0:
                largest = max(largest, abs(change[LANES * cell + lane]))
        bench.share[lane] = 1.0 if largest <= _LONGEST else _LONGEST / largest
