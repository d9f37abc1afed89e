"""Where a rising function is zero: regula falsi between two ends, one that stays being pulled in (Illinois)."""

from typing import NamedTuple

from mse.kernels.compiled import compiled


class Bracket(NamedTuple):
    """Two ends with the root between them.

    Attributes
    ----------
    low, high : float
        The ends.
    below, above : float
        The function there; that of an end that stays is halved, which pulls the next place towards it.
    side : int
        The end that moved last: −1 the lower, 1 the upper, 0 neither yet.
    """

    low: float
    high: float
    below: float
    above: float
    side: int


@compiled
def within(bracket: Bracket) -> float:
    """Return the place at which to look next."""
    here = (bracket.low * bracket.above - bracket.high * bracket.below) / (bracket.above - bracket.below)
    return here if bracket.low < here < bracket.high else 0.5 * (bracket.low + bracket.high)


@compiled
def narrowed(bracket: Bracket, here: float, found: float) -> Bracket:
    """Return the bracket with one end at a place where the function was found to be so much."""
    if found < 0.0:
        return Bracket(here, bracket.high, found, bracket.above if bracket.side >= 0 else 0.5 * bracket.above, -1)
    return Bracket(bracket.low, here, bracket.below if bracket.side <= 0 else 0.5 * bracket.below, found, 1)
