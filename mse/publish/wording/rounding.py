"""Rounding of what may be printed; unrounded values stay in the audit record."""

from __future__ import annotations

import math
from typing import NamedTuple

from mse.words.numerals import round_point as round_point

COARSER = 10.0
"""How much coarser: to at most the whole width and the whole point."""


class Rounded(NamedTuple):
    """A point and its interval as they may be printed, and the unit that they were rounded to."""

    point: float
    low: float
    high: float
    unit: float


def rounding_unit(width: float) -> float:
    """Return the largest of 1, 5, 10, 50, ... that is at most a tenth of `width`; 1 below ten persons."""
    tenth = width / 10.0
    if not (math.isfinite(tenth) and tenth > 1.0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(tenth) + 1e-12)
    return max(power * step for step in (1.0, 5.0) if power * step <= tenth * (1.0 + 1e-12))


def round_interval(
    point: float, low: float, high: float, *, observed: int | None = None, coarse: bool = False
) -> Rounded:  # fmt: skip
    """Round an interval outward, and its point to the same unit.

    Parameters
    ----------
    point, low, high : float
        Persons, unrounded. An infinite `high` stays; the distance from `low` to `point` then gives the unit.
    observed : int or None
        Persons on at least one list. No total is smaller, so that rounding stops there.
    coarse : bool
        To `COARSER` times the unit: where the digits would tell counts that are left out.

    Returns
    -------
    Rounded
        Its unit is 1, 2 or 5 times a power of ten, at most a tenth of the width
        and of the point, at least one person.
    """
    # A unit of more than a tenth of the point would leave nothing of a point under a very long upper tail.
    width = min((high if math.isfinite(high) else point) - low, point)
    unit = rounding_unit(width * (COARSER if coarse else 1.0))
    # A hair of tolerance: 9,000.0000001 is a product of floating point, not a reason to print 10,000.
    slack = 1e-9
    ends = (
        math.floor(low / unit + slack) * unit,
        math.ceil(high / unit - slack) * unit if math.isfinite(high) else high,
    )
    middle = math.floor(point / unit + 0.5) * unit
    floor = -math.inf if observed is None else float(observed)
    return Rounded(max(middle, floor), max(ends[0], floor), max(ends[1], floor), unit)


def rounded_values(
    point: float, low: float, high: float, unit: str, observed: int | None = None, coarse: bool = False
) -> Rounded:  # fmt: skip
    """Return point and interval by the one rule of rounding, outward to at most a tenth of the width.

    Shares, ratios and rates are counted in millionths for it, where the rule stops at whole units.
    """
    if not math.isfinite(point):
        return Rounded(math.nan, math.nan, math.nan, 1.0)
    scale = 1.0 if unit == "persons" else 1e6
    if not (math.isfinite(low) and math.isfinite(high)):
        return Rounded(round_point(point * scale) / scale, math.nan, math.nan, 1.0)
    # A change may be negative, or near 0: moved up by a multiple of every unit, the width alone sets the unit.
    # No larger than it has to be: far from 0 small numbers lose their digits.
    offset = 10.0 ** (1 + math.ceil(math.log10(scale * max(-low, high, 1.0)))) if low < 0 else 0.0
    made = round_interval(*(x * scale + offset for x in (point, low, high)), observed=observed, coarse=coarse)
    middle, first, last = (_tidy((x - offset) / scale) for x in made[:3])
    return Rounded(middle, first, last, made.unit / scale)


def _tidy(value: float) -> float:
    return round(value, 9) + 0.0
