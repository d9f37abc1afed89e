"""The estimate as figures: the methods side by side, and the law of N."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mse.publish.drawings.axes import (
    ACCENT,
    CHARACTER,
    FAINT,
    INK,
    LINE,
    SOFT,
    WHITE,
    Axes,
    Figure,
    as_svg,
    fraction,
    number_axis,
    stamp,
    stamp_lines,
    wrapped,
)
from mse.publish.drawings.intervalrows import Mark, Scale, rows_figure
from mse.publish.facts.statements import Facts
from mse.publish.wording.captions import hump_words, interval_name, number_words, to_unit
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

if TYPE_CHECKING:
    import numpy.typing as npt

    from mse.answers.distribution import Distribution

    Array = npt.NDArray[np.float64]

KNOTS, STEPS = 25, 20
"""Points through which the law of a table that is not public is drawn, and steps of their heights."""


def interval_figure(facts: Facts, said: Headline, finding: str, say: Catalogue, width: float) -> str | None:
    """Return point and interval of every method that gave one, the headline on top; None when none did.

    Parameters
    ----------
    facts, said
        What the results hold, and the headline whose verdict is printed in the figure.
    finding : str
        What the figure shows, for those who cannot see it.
    say : Catalogue
        Language.
    width : float
        Inches.
    """
    marks = []
    for row in facts.methods:
        if row.point is not None:
            point, span = number_words(row, say)
            words = f"{point} ({span})" if span else point
            marks.append(Mark(row.label.text, words, row.point, row.low, row.high, row.headline))
    if not marks:
        return None
    observed = facts.observed
    words = "" if observed is None else say("intervals.observed", observed=say.number(observed))
    return rows_figure("intervals", marks, Scale(say("intervals.axis"), observed, words), said, finding, say, width)


def posterior_figure(
    law: Distribution, facts: Facts, said: Headline, finding: str, say: Catalogue, width: float
) -> str | None:
    """Return the density of log N with its humps, the interval shaded; None for a single value."""
    drawn = _law(law, facts, said)
    if drawn is None:
        return None
    sizes, density = drawn
    observed, rounded = facts.observed, said.rounded
    ends = [rounded.low, min(rounded.high, float(sizes[-1]))]
    low, high = min(float(sizes[0]), *([] if observed is None else [float(observed)])), float(sizes[-1])
    if len(facts.humps) > 1:  # room for the words at the right of the last hump
        high = max(high, low * (to_unit(facts.humps[-1].peak, rounded.unit) / low) ** 1.35)
    span = say.range(rounded.low, rounded.high)
    words = f"{say('intervals.axis')} ({say('intervals.log')}); {interval_name(facts, say)} {span}"
    title = wrapped(words, 0.95 * width, 8.5)
    head, foot = LINE * 8.5 * len(stamp_lines(said, say, width)) + 0.26, 0.36 + LINE * 8.5 * len(title)
    height = head + 2.6 + foot
    figure = Figure(width, height)
    axes = figure.add_axes((0.03, foot / height, 0.95, 2.6 / height))
    number_axis(axes, low, high, True, say)
    axes.grid("x")
    top = 1.0
    axes.set_ylim(-0.13 * top, 1.28 * top)
    along, heights = sizes.tolist(), density.tolist()
    axes.fill_between(along, [0.0] * len(along), heights, color="#e9edf1")
    inside = [ends[0] <= x <= ends[1] for x in along]
    axes.fill_between(along, [0.0] * len(along), heights, where=inside, color=SOFT)
    axes.plot(along, heights, color=ACCENT, lw=1.6)
    axes.plot(ends, [-0.065 * top] * 2, color=ACCENT, lw=3, butt=True)
    axes.plot([rounded.point], [-0.065 * top], "o", color=ACCENT, ms=6, mec=WHITE, mew=1)
    if observed is not None:
        axes.axvline(observed, color=FAINT, lw=1, ls=(0, (3, 3)))
    humps = facts.humps
    tops = [max(to_unit(hump.peak, rounded.unit), low) for hump in humps]
    peaks = [float(np.interp(math.log(size), np.log(sizes), density)) for size in tops]
    several = len(humps) > 1
    marks = hump_words(humps, said.rounded, say, "posterior.mark" if several else "posterior.peak")
    for hump, size, peak, words in zip(humps, tops, peaks, marks, strict=True):
        if several and hump is not humps[-1]:
            axes.plot([to_unit(hump.high, rounded.unit)] * 2, [0, top], color=FAINT, lw=0.8, ls=":")
        axes.plot([size], [peak], "o", color=INK, ms=4)
        share = fraction(size, low, high, True)
        # Outer humps carry their words on the outer side, where no curve runs.
        side = "right" if several and hump is humps[0] else "left" if several and hump is humps[-1] else "center"
        room = CHARACTER * 9.5 * len(words) / 72 / (0.95 * width)
        least = {"left": 0.0, "right": room, "center": room / 2}[side]
        place = min(max(share, least), 1 - room + least)
        axes.text(place, (peak + 0.06 + 0.13) / 1.41, words, where="axes", fontsize=9, color=INK,
                  ha=side, va="bottom", fontweight="bold")  # fmt: skip
    _observed_label(axes, facts, low, high, True, say)
    axes.set_xlabel("\n".join(title))
    stamp(figure, said, say)
    return as_svg(figure, "posterior", finding)


def _law(law: Distribution, facts: Facts, said: Headline) -> tuple[Array, Array] | None:
    """Return sizes and density as they may be drawn, the highest 1; None for a single value.

    Of a table that is not public the curve runs through few points at places that the printed interval gives, with
    heights in twentieths: the exact curve would be a digest of the counts behind it.
    """
    sizes, density = law.density()
    if len(sizes) < 2:
        return None
    if facts.public:
        return sizes, density / density.max()
    from scipy.interpolate import PchipInterpolator

    low, high = said.rounded.low, said.rounded.high
    high = high if math.isfinite(high) else 4.0 * said.rounded.point
    spread = math.sqrt(max(high / max(low, 1.0), 1.1))
    first, last = max(low / spread, 1.0), high * spread
    # Where the curve begins would tell how many were registered, whatever is published of that.
    begin = first if facts.floor is None else max(first, float(facts.floor))
    at = np.log(np.geomspace(min(begin, 0.99 * last), last, KNOTS))
    heights = np.interp(at, np.log(sizes), density, left=0.0, right=0.0)
    heights = np.rint(STEPS * heights / max(float(heights.max()), 1e-300)) / STEPS
    fine = np.linspace(at[0], at[-1], 10 * KNOTS)
    return np.exp(fine), np.clip(PchipInterpolator(at, heights)(fine), 0.0, 1.0)


def _observed_label(axes: Axes, facts: Facts, low: float, high: float, log: bool, say: Catalogue) -> None:
    observed = facts.observed
    if observed is None:
        return
    share = fraction(observed, low, high, log)
    side = "left" if share < 0.5 else "right"
    offset = (4 if side == "left" else -4, 1)
    axes.text(observed, 1.0, say("intervals.observed", observed=say.number(observed)), where="down", shift=offset,
              fontsize=8, color=FAINT, ha=side, va="bottom")  # fmt: skip
