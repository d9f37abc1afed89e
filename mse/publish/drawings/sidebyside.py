"""The estimate as figures: the methods side by side, and the law of N."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.publish.drawings.axes import (
    ACCENT,
    FAINT,
    INK,
    LOG_FROM,
    SOFT,
    as_svg,
    drawing,
    fraction,
    number_axis,
    stamp,
)
from mse.publish.facts.statements import Facts, MethodRow
from mse.publish.wording.captions import hump_words, interval_name, number_words, to_unit
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from mse.answers.distribution import Distribution

    Array = npt.NDArray[np.float64]

LABEL = 38
"""Characters of a method's name on one line."""

KNOTS, STEPS = 25, 20
"""Points through which the law of a table that is not public is drawn, and steps of their heights."""

FARTHEST = 8.0
"""An interval that ends this many times beyond every estimate is cut off, with an arrow and its number."""


def interval_figure(facts: Facts, said: Headline, finding: str, say: Catalogue) -> str | None:
    """Return point and interval of every method that gave one, the headline on top; None when none did.

    Parameters
    ----------
    facts, said
        What the results hold, and the headline whose verdict is printed in the figure.
    finding : str
        What the figure shows, for those who cannot see it.
    say : Catalogue
        Language.
    """
    rows = [row for row in facts.methods if row.point is not None]
    if not rows:
        return None
    observed = facts.observed
    low, high, log = _span(rows, observed)
    pitch = 0.6 if any(len(row.label.text) > LABEL for row in rows) else 0.5
    height = 0.95 + pitch * len(rows)
    with drawing(height) as figure:
        left, bottom = 0.37, 0.55 / height
        axes = figure.add_axes((left, bottom, 0.98 - left, 1 - bottom - 0.38 / height))
        number_axis(axes, low, high, log, say)
        axes.set_ylim(len(rows) - 0.45, -0.6)
        axes.set_yticks([])
        if observed is not None:
            axes.axvline(observed, color=FAINT, lw=1, ls=(0, (3, 3)))
        for at, row in enumerate(rows):
            _method(axes, at, row, high, log)
            colour = ACCENT if row.headline else INK
            weight = "bold" if row.headline else "normal"
            figure_x = axes.get_yaxis_transform()
            label: dict[str, Any] = {"transform": figure_x, "va": "center", "ha": "left"}
            outside = -left / (0.98 - left)
            lines = _two_lines(row.label.text, LABEL, say)
            rise = (0.07 + 0.065 * (len(lines) - 1)) / pitch if row.kind.text else 0
            axes.text(outside, at - rise, "\n".join(lines), fontsize=9, color=colour, fontweight=weight,
                      linespacing=1.1, **label)  # fmt: skip
            drop = (0.1 + 0.04 * (len(lines) - 1)) / pitch
            axes.text(outside, at + drop, say.shortened(row.kind.text, 54), fontsize=7, color=FAINT, **label)
            point, span = number_words(row, say)
            middle = _place(row, low, high, log)
            words = f"{point} ({span})" if span else point
            axes.text(min(max(middle, 0.0), 1.0), at - 0.3, words, fontsize=8, color=colour,
                      fontweight=weight, transform=figure_x, va="center",
                      ha="left" if middle < 0.3 else "right" if middle > 0.7 else "center")  # fmt: skip
        _observed_label(axes, facts, low, high, log, say)
        suffix = f" ({say('intervals.log')})" if log else ""
        axes.set_xlabel(say("intervals.axis") + suffix)
        stamp(figure, said, say)
        return as_svg(figure, "intervals", finding)


def posterior_figure(law: Distribution, facts: Facts, said: Headline, finding: str, say: Catalogue) -> str | None:
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
    with drawing(3.5) as figure:
        axes = figure.add_axes((0.03, 0.155, 0.95, 0.74))
        number_axis(axes, low, high, True, say)
        top = 1.0
        axes.set_ylim(-0.13 * top, 1.28 * top)
        axes.set_yticks([])
        axes.fill_between(sizes, density, color="#e9edf1", lw=0)
        inside = (sizes >= ends[0]) & (sizes <= ends[1])
        axes.fill_between(sizes, density, where=inside.tolist(), color=SOFT, lw=0)
        axes.plot(sizes, density, color=ACCENT, lw=1.6)
        axes.plot(ends, [-0.065 * top] * 2, color=ACCENT, lw=3, solid_capstyle="butt")
        axes.plot([rounded.point], [-0.065 * top], "o", color=ACCENT, ms=6, mec="white", mew=1)
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
            side = "left" if share < 0.22 else "right" if share > 0.78 else side
            offset = {"left": 4, "right": -4, "center": 0}[side]
            axes.annotate(words, (size, peak), (offset, 6), textcoords="offset points", fontsize=9,
                          color=INK, ha=side, va="bottom", fontweight="bold")  # fmt: skip
        _observed_label(axes, facts, low, high, True, say)
        span = say.range(said.rounded.low, said.rounded.high)
        axes.set_xlabel(f"{say('intervals.axis')} ({say('intervals.log')}); {interval_name(facts, say)} {span}")
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


def _two_lines(text: str, width: int, say: Catalogue) -> list[str]:
    """Return a label broken into at most two lines."""
    lines = textwrap.wrap(text, width)
    return lines if len(lines) < 3 else [lines[0], say.shortened(" ".join(lines[1:]), width)]


# ---- parts ------------------------------------------------------------------------------------------


def _span(rows: Sequence[MethodRow], observed: int | None) -> tuple[float, float, bool]:
    """Return the ends of the axis for these methods, and whether it is logarithmic."""
    points = [row.point for row in rows if row.point is not None]
    lows = [row.low for row in rows if row.low is not None] or points
    farthest = FARTHEST * max(points)
    highs = [min(row.high, farthest) for row in rows if row.high is not None] or points
    seen = [] if observed is None else [float(observed)]
    low, high = max(1.0, min(*seen, *lows, *points)), max(*seen, *highs, *points)
    log = high > LOG_FROM * low
    edge = (high / low) ** 0.03 if log else 0.04 * max(high - low, 1.0)
    return (low / edge, high * edge, log) if log else (max(0.0, low - edge), high + edge, log)


def _place(row: MethodRow, low: float, high: float, log: bool) -> float:
    """Return the middle of the drawn interval as a fraction of the axis."""
    point = row.point or low
    ends = (row.low if row.low is not None else point, min(row.high if row.high is not None else point, high))
    return sum(fraction(end, low, high, log) for end in ends) / 2


def _method(axes: Axes, at: int, row: MethodRow, end: float, log: bool) -> None:
    """Draw one point and interval; an interval that leaves the axis ends in an arrow."""
    colour = ACCENT if row.headline else "#6b7683"
    if row.low is not None and row.high is not None:
        beyond = row.high > end
        axes.plot([row.low, min(row.high, end)], [at, at], color=colour, lw=4 if row.headline else 2.5,
                  solid_capstyle="butt")  # fmt: skip
        if beyond:
            axes.plot([end], [at], ">", color=colour, ms=7, clip_on=False)
    if row.point is not None:
        axes.plot([row.point], [at], "D" if row.headline else "o", color=colour, ms=7, mec="white", mew=1.2)


def _observed_label(axes: Axes, facts: Facts, low: float, high: float, log: bool, say: Catalogue) -> None:
    observed = facts.observed
    if observed is None:
        return
    share = fraction(observed, low, high, log)
    side = "left" if share < 0.5 else "right"
    offset = (4 if side == "left" else -4, 1)
    axes.annotate(say("intervals.observed", observed=say.number(observed)), (observed, 1.0), offset,
                  xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8, color=FAINT,
                  ha=side, va="bottom")  # fmt: skip
