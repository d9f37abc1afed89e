"""The exponential of several numbers at once: libm's takes one at a time."""

from mse.kernels.compiled import compiled
from mse.kernels.lanes import ROUND, Lanes, clip, two_to

_LOG2E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10


@compiled
def exponential(x: Lanes) -> Lanes:
    """Return e^x.

    x = k ln 2 + r with |r| ≤ ½ ln 2, a Taylor polynomial of degree 13 for e^r, and 2^k put together from its
    bits. The relative error is below 1e-15 for |x| ≤ 700, beyond which x is cut off.
    """
    y = clip(x, -700.0, 700.0)
    whole = y * _LOG2E + ROUND
    k = whole - ROUND
    r = y - k * _LN2_HIGH - k * _LN2_LOW
    p = r * (1.0 / 479001600.0) + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    return (p * r + 1.0) * two_to(whole)


@compiled
def both_ways(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return e^x and e^−x, with one reduction and the even and odd part of one polynomial; see `exponential`."""
    y = clip(x, -700.0, 700.0)
    whole = y * _LOG2E + ROUND
    k = whole - ROUND
    r = y - k * _LN2_HIGH - k * _LN2_LOW
    square = r * r
    even = square * (1.0 / 479001600.0) + 1.0 / 3628800.0
    even = even * square + 1.0 / 40320.0
    even = even * square + 1.0 / 720.0
    even = even * square + 1.0 / 24.0
    even = even * square + 0.5
    even = even * square + 1.0
    odd = square * (1.0 / 6227020800.0) + 1.0 / 39916800.0
    odd = odd * square + 1.0 / 362880.0
    odd = odd * square + 1.0 / 5040.0
    odd = odd * square + 1.0 / 120.0
    odd = odd * square + 1.0 / 6.0
    odd = (odd * square + 1.0) * r
    return (even + odd) * two_to(whole), (even - odd) * two_to(ROUND - k)
