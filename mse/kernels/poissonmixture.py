"""Mixtures of Poisson laws by recursion: thousands of means at a few instructions for each count."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.lanes import LANES, load, spread, store

Array = NDArray[np.float64]

# a law is carried within so many standard deviations and persons of its mean; beyond lies less than 1e-18 of its height
_REACH = 9.2
_MORE = 30.0
# count from which Stirling's series is good to the last digit
_SERIES = 16


@compiled
def poisson_probability(count: int, mean: float) -> float:
    """Return P(Poisson(mean) = count), without the difference of large logarithms (Loader 2000)."""
    if count < _SERIES:
        return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1.0))
    n = float(count)
    square = 1.0 / (n * n)
    missed = (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / n
    apart = (n - mean) / (n + mean)
    if abs(apart) < 0.1:
        # n log(n / mean) + mean − n as a series in (n − mean) / (n + mean)
        deviance = (n - mean) * apart
        term = 2.0 * n * apart
        power = apart * apart
        for k in range(1, 30):
            term *= power
            before = deviance
            deviance += term / (2.0 * k + 1.0)
            if deviance == before:
                break
    else:
        deviance = n * math.log(n / mean) + mean - n
    return math.exp(-missed - deviance) / math.sqrt(2.0 * math.pi * n)


@compiled
def mixed_poisson(means: Array, mass: Array) -> Array:
    """Return P(N = k), k = 0, 1, …, of N ~ Poisson(means[i]) with probability mass[i]; all that is not negligible.

    Parameters
    ----------
    means, mass : (M,) float64
        Means, one or more, ascending, and their weights.

    Notes
    -----
    Count by count: all laws that reach a count are carried on to the next one, four side by side.
    """
    m = means.shape[0]
    blocks = (m + LANES - 1) // LANES
    mean = np.zeros(blocks * LANES)
    weight = np.zeros(blocks * LANES)
    here = np.zeros(blocks * LANES)
    copy_to(mean, means)
    copy_to(weight, mass)
    most = means[m - 1]
    out = np.zeros(int(most + 12.0 * math.sqrt(most) + 60.0))
    four = np.empty(LANES)
    first = 0
    following = 0
    count = max(int(means[0] - _REACH * math.sqrt(means[0]) - _MORE), 0)
    while count < out.shape[0]:
        while following < m and means[following] - _REACH * math.sqrt(means[following]) - _MORE <= count:
            here[following] = poisson_probability(count, means[following])
            following += 1
        while first < following and means[first] + _REACH * math.sqrt(means[first]) + _MORE < count:
            here[first] = 0.0
            first += 1
        if first == m:
            break
        # two sums, so that one need not wait for the other
        even = spread(0.0)
        odd = spread(0.0)
        onwards = spread(1.0 / (count + 1.0))
        block = first // LANES
        end = (following + LANES - 1) // LANES
        while block + 1 < end:
            x = load(here, block)
            y = load(here, block + 1)
            even = even + load(weight, block) * x
            odd = odd + load(weight, block + 1) * y
            store(here, block, x * (load(mean, block) * onwards))
            store(here, block + 1, y * (load(mean, block + 1) * onwards))
            block += 2
        if block < end:
            x = load(here, block)
            even = even + load(weight, block) * x
            store(here, block, x * (load(mean, block) * onwards))
        store(four, 0, even + odd)
        out[count] = (four[0] + four[1]) + (four[2] + four[3])
        count += 1
    return out


@compiled
def large_poisson_cdf(count: float, mean: float) -> float:
    """Return P(Poisson(mean) <= count) of a count of some ten thousands and a mean about as large.

    Temme's uniform expansion of the incomplete gamma function, a = count + 1 (Temme 1979; DLMF 8.12): what is left out
    is below 1e-14 where |mean/a − 1| < 0.1 and a > 10,000.
    """
    a = count + 1.0
    away = (mean - a) / a
    # ½η² = λ − 1 − log λ as a series in (λ − 1) / (λ + 1), which loses no digits near λ = 1
    apart = away / (2.0 + away)
    power = apart * apart
    half_square = away * apart
    term = 2.0 * apart
    for k in range(1, 20):
        term *= power
        before = half_square
        half_square -= term / (2.0 * k + 1.0)
        if half_square == before:
            break
    eta = math.copysign(math.sqrt(2.0 * max(half_square, 0.0)), away)
    zeroth = -1.0 / 3.0 + eta * (1.0 / 12.0 + eta * (-2.0 / 135.0 + eta * (1.0 / 864.0 + eta * (1.0 / 2835.0 - eta * (
        139.0 / 777600.0)))))  # fmt: skip
    first = -1.0 / 540.0 + eta * (-1.0 / 288.0 + eta * (25.0 / 12096.0 - eta * (223.0 / 1088640.0)))
    rest = math.exp(-a * half_square) / math.sqrt(2.0 * math.pi * a) * (zeroth + first / a)
    return 0.5 * math.erfc(eta * math.sqrt(0.5 * a)) + rest


@compiled
def mixed_cdf(counts: Array, means: Array, mass: Array) -> Array:
    """Return P(N <= k) times the total mass at the `counts` k of N ~ Poisson(means[i]) with weight mass[i].

    Parameters
    ----------
    counts : (C,) float64
        Ascending.
    means, mass : (M,) float64
        Means from some ten thousands on, ascending, and their weights.
    """
    out = np.zeros(counts.shape[0])
    low = 0
    high = 0
    below = 0.0
    m = means.shape[0]
    for c in range(counts.shape[0]):
        # 1 or 0 to double precision outside a band of means around the count
        half = 9.0 * math.sqrt(counts[c] + 1.0) + 40.0
        while low < m and means[low] < counts[c] - half:
            below += mass[low]
            low += 1
        while high < m and means[high] < counts[c] + half:
            high += 1
        out[c] = below
        for i in range(low, high):
            out[c] += mass[i] * large_poisson_cdf(counts[c], means[i])
    return out
