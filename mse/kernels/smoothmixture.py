"""Poisson laws mixed over a smooth density of their log mean: as many means as the sum needs, and no more.

At x = log μ a Poisson law is a bell of standard deviation 1/√μ, so that the product with a density of width s is one of
width w, 1/w² = 1/s² + μ. A sum over points H apart misses exp(−2π² w²/H²) of such an integral: half of w is enough for
the last digit. Beyond counts that are added up one by one the noise is taken as a law of the mean: P(Poisson(μ) ≤ k) is
P(G > μ), G ~ Gamma(k + 1), so that P(N ≤ k) is the mean of the mixture's own cdf at G.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.poissonmixture import mixed_poisson

Array = NDArray[np.float64]

MOST_SUMMED = 50_000.0
"""Counts up to which probabilities are added up one by one, at most."""

_SHARE = 0.5
"""Distance of the means, in widths w."""

_SAMPLED = 2000.0
"""Counts that are added up one by one where the density is rough."""

_FEWEST, _QUIET = 500.0, 8.0
"""Counts that are added up at least, and up to where the noise is this many times narrower than the density."""


@compiled
def summed_up_to(width: float) -> float:
    """Return up to which count probabilities are added up one by one for a density of this width."""
    return max(_FEWEST, (_QUIET / width) ** 2)


@compiled
def width_of(mass: Array) -> float:
    """Return s of a density at equally spaced points, in steps: (f/|f″|)^½ of its highest f and its largest |f″|.

    That of a normal law is its standard deviation, that of a mixture no more than theirs about where it is high.
    """
    bend = 0.0
    for i in range(1, mass.shape[0] - 1):
        bend = max(bend, abs(mass[i - 1] - 2.0 * mass[i] + mass[i + 1]))
    return math.sqrt(mass.max() / bend) if bend > 0.0 else 0.0


@compiled
def _between(values: Array, at: float) -> float:
    """Return the cubic through the four values nearest to place `at`, in steps from the first."""
    i = min(max(int(math.floor(at)), 1), values.shape[0] - 3)
    t = at - i
    return float(
        -t * (t - 1.0) * (t - 2.0) * values[i - 1] / 6.0
        + (t + 1.0) * (t - 1.0) * (t - 2.0) * values[i] / 2.0
        - (t + 1.0) * t * (t - 2.0) * values[i + 1] / 2.0
        + (t + 1.0) * t * (t - 1.0) * values[i + 2] / 6.0
    )


@compiled
def _spacing(x: float, flat: float) -> float:
    return _SHARE / math.sqrt(flat + math.exp(x))


@compiled
def _means(start: float, step: float, mass: Array, width: float, end: float) -> tuple[Array, Array]:
    """Return means from e^start to `end`, which is passed, and what each weighs, all means together 1."""
    flat = 1.0 / (width * width)
    last = start + step * (mass.shape[0] - 1)
    room = int((last - start) * math.sqrt(flat) / _SHARE + 2.0 * math.exp(0.5 * min(last, math.log(end))) / _SHARE) + 9
    means = np.empty(room)
    weights = np.empty(room)
    x = start
    n = 0
    while x <= last and n < room:
        here = _spacing(x, flat)
        means[n] = math.exp(x)
        weights[n] = max(_between(mass, (x - start) / step), 0.0) * here / step
        n += 1
        if means[n - 1] > end:
            break
        # dx/du is the spacing: Runge and Kutta's step of 1 in u
        second = _spacing(x + 0.5 * here, flat)
        third = _spacing(x + 0.5 * second, flat)
        fourth = _spacing(x + third, flat)
        x += (here + 2.0 * second + 2.0 * third + fourth) / 6.0
    return means[:n], weights[:n]


@compiled
def smooth_poisson_cdf(counts: Array, start: float, step: float, mass: Array, width: float) -> Array:
    """Return P(N ≤ k) at the `counts` k of N ~ Poisson(e^x), x having a smooth density.

    Parameters
    ----------
    counts : (C,) float64
        Whole numbers, ascending.
    start, step : float
        Of the equally spaced x.
    mass : (X,) float64
        Density there times the step, X ≥ 4; it adds up to 1 and is next to nothing at both ends.
    width : float
        s of the density, several steps.
    """
    out = np.empty(counts.shape[0])
    summed = summed_up_to(width)
    c = 0
    reached = 0.0
    if math.exp(start) <= summed:
        means, weights = _means(start, step, mass, width, summed + 9.2 * math.sqrt(summed) + 30.0)
        each = mixed_poisson(means, weights)
        k = 0
        while c < counts.shape[0] and counts[c] <= summed:
            while k < each.shape[0] and k <= counts[c]:
                reached += each[k]
                k += 1
            out[c] = reached
            c += 1
    size = mass.shape[0]
    upto = np.empty(size - 1)
    total = 0.0
    for i in range(size - 1):
        # half a step on: what the rule of midpoints misses there is a 24th of the slope
        total += mass[i]
        upto[i] = total + (mass[i + 1] - mass[i]) / 24.0
    while c < counts.shape[0]:
        # log G by the three points of Gauss & Hermite, its skewness by Cornish & Fisher
        shape = counts[c] + 0.5
        middle = math.log(shape) + 1.0 / (24.0 * shape * shape)
        noise = 1.0 / math.sqrt(shape)
        value = 0.0
        for node in range(-1, 2):
            z = node * math.sqrt(3.0)
            x = middle + noise * (z - noise * (z * z - 1.0) / 6.0)
            at = (x - start) / step - 0.5
            below = 0.0 if at <= 0.0 else (1.0 if at >= size - 2 else _between(upto, at))
            value += (2.0 / 3.0 if node == 0 else 1.0 / 6.0) * below
        out[c] = value
        c += 1
    for c in range(1, out.shape[0]):
        out[c] = min(max(out[c], out[c - 1]), 1.0)
    return out


@compiled
def sampled_poisson_cdf(counts: Array, start: float, step: float, mass: Array) -> Array:
    """Return P(N ≤ k) at the `counts` k of N ~ Poisson(e^x), x having a density that random draws have made rough.

    Every point is a mean where counts are small. Beyond, the cdf of the points is averaged over nine places of log G
    (see the module), which are closer to each other than its noise.

    Parameters
    ----------
    counts, start, step, mass
        As in `smooth_poisson_cdf`, but that the density may be rough.
    """
    out = np.empty(counts.shape[0])
    size = mass.shape[0]
    end = _SAMPLED + 9.2 * math.sqrt(_SAMPLED) + 30.0
    near = min(max(int((math.log(end) - start) / step) + 1, 0), size)
    c = 0
    if near > 0:
        each = mixed_poisson(np.exp(start + step * np.arange(near)), mass[:near])
        reached = 0.0
        k = 0
        while c < counts.shape[0] and (counts[c] <= _SAMPLED or near == size):
            while k < each.shape[0] and k <= counts[c]:
                reached += each[k]
                k += 1
            out[c] = reached
            c += 1
    upto = np.empty(size + 1)
    upto[0] = 0.0
    for i in range(size):
        upto[i + 1] = upto[i] + mass[i]
    weights = np.exp(-0.5 * (0.625 * np.arange(-4, 5)) ** 2)
    weights /= weights.sum()
    while c < counts.shape[0]:
        shape = counts[c] + 0.5
        noise = 1.0 / math.sqrt(shape)
        value = 0.0
        for node in range(9):
            z = 0.625 * (node - 4)
            at = (math.log(shape) + noise * (z - noise * (z * z - 1.0) / 6.0) - start) / step + 0.5
            i = min(max(int(at), 0), size - 1)
            value += weights[node] * (upto[i] + min(max(at - i, 0.0), 1.0) * mass[i])
        out[c] = value
        c += 1
    for c in range(1, out.shape[0]):
        out[c] = min(max(out[c], out[c - 1]), 1.0)
    return out
