"""Rows of a name with a point and its interval below it, on one axis: methods, small changes, known sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mse.publish.drawings.axes import (
    ACCENT,
    CHARACTER,
    FAINT,
    INK,
    LINE,
    RULE,
    WHITE,
    Axes,
    Figure,
    as_svg,
    axis_ticks,
    fraction,
    number_axis,
    stamp,
    stamp_lines,
    wrapped,
)
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

OTHER = "#6b7683"
MARGIN = 0.02
"""Room beside the axis, as a share of the width."""

ABOVE, BAR, BELOW = 0.25, 0.16, 0.1
"""Inches for the numbers over a bar, for the bar, and down to the next name."""

FARTHEST = 8.0
"""An interval that ends this many times beyond every estimate is cut off, with an arrow and its number."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: its name, the number with the ends of its interval, and how they are written.

    Parameters
    ----------
    name, words : str
        What it is, and the numbers as they are printed.
    point : float
        The number.
    low, high : float or None
        Ends of the interval; None where there is none.
    main : bool
        Whether it is the one that the others are compared with.
    """

    name: str
    words: str
    point: float
    low: float | None
    high: float | None
    main: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis: its name, the place that all are compared with and what that is, and what writes its numbers."""

    title: str
    against: float | None
    against_words: str = ""
    write: Callable[[float], str] | None = None


def rows_figure(
    name: str, marks: Sequence[Mark], scale: Scale, said: Headline, finding: str, say: Catalogue, width: float
) -> str:
    """Return one row per mark, from top to bottom, against a line that all are compared with.

    Parameters
    ----------
    name : str
        Of the figure inside the page.
    marks : sequence of Mark
        From top to bottom.
    scale : Scale
        The axis; in whole persons where nothing else writes its numbers.
    said, finding, say
        Verdict to print, what the figure shows, and language.
    width : float
        Inches.
    """
    low, high, log = _span(marks, scale.against)
    room = width * (1 - 2 * MARGIN)
    names = [wrapped(mark.name, room, 9.5) for mark in marks]
    tall = [LINE * 9 * len(lines) + ABOVE + BAR + BELOW for lines in names]
    title = wrapped(scale.title + (f" ({say('intervals.log')})" if log and scale.write is None else ""), room, 8.5)
    head = LINE * 8.5 * len(stamp_lines(said, say, width)) + 0.08 + (0.2 if scale.against_words else 0.0)
    foot = 0.32 + LINE * 8.5 * len(title)
    height = head + sum(tall) + foot
    figure = Figure(width, height)
    axes = figure.add_axes((MARGIN, foot / height, 1 - 2 * MARGIN, sum(tall) / height))
    number_axis(axes, low, high, log, say) if scale.write is None else _free_axis(axes, low, high, log, scale.write)
    axes.set_ylim(sum(tall), 0)
    top = 0.0
    for mark, lines, high_row in zip(marks, names, tall, strict=True):
        bar = top + LINE * 9 * len(lines) + ABOVE + BAR / 2
        axes.vlines(axes.ticks["x"], bar - BAR, bar + BAR / 2, color=RULE, lw=0.6, z=0)
        if scale.against is not None:
            axes.vlines([scale.against], bar - BAR, bar + BAR / 2, color=FAINT, lw=1, ls=(0, (3, 2)), z=1)
        colour = ACCENT if mark.main else INK
        weight = "bold" if mark.main else "normal"
        axes.text(0, top, "\n".join(lines), where="across", fontsize=9, va="top", ha="left",
                  color=colour, fontweight=weight, linespacing=1.1)  # fmt: skip
        share = CHARACTER * 8 * len(mark.words) / 72 / room / 2
        middle = min(max(_middle(mark, low, high, log), share), 1 - share)
        axes.text(middle, bar - BAR, mark.words, where="across", fontsize=8, va="bottom",
                  ha="center", color=colour, fontweight=weight)  # fmt: skip
        _bar(axes, bar, mark, high)
        top += high_row
    if scale.against is not None and scale.against_words:
        share = CHARACTER * 8 * len(scale.against_words) / 72 / room / 2
        at = min(max(fraction(scale.against, low, high, log), share), 1 - share)
        axes.text(at, 1 + 0.04 / sum(tall), scale.against_words, where="axes", fontsize=8,
                  color=FAINT, ha="center", va="bottom")  # fmt: skip
    axes.set_xlabel("\n".join(title))
    stamp(figure, said, say)
    return as_svg(figure, name, finding)


def _span(marks: Sequence[Mark], against: float | None) -> tuple[float, float, bool]:
    """Return the ends of the axis for these rows, and whether it is logarithmic."""
    points = [mark.point for mark in marks] + ([] if against is None else [against])
    farthest = FARTHEST * max(points)
    low = min([*points, *(mark.low for mark in marks if mark.low is not None)])
    high = max([*points, *(min(mark.high, farthest) for mark in marks if mark.high is not None)])
    log = low > 0 and high > 3 * low
    edge = (high / low) ** 0.03 if log else 0.04 * max(high - low, 1e-9)
    return (low / edge, high * edge, log) if log else (max(0.0, low - edge), high + edge, log)


def _middle(mark: Mark, low: float, high: float, log: bool) -> float:
    """Return the middle of the drawn interval as a fraction of the axis."""
    ends = (
        mark.point if mark.low is None else mark.low,
        mark.point if mark.high is None else min(mark.high, high),
    )
    return sum(fraction(end, low, high, log) for end in ends) / 2


def _bar(axes: Axes, at: float, mark: Mark, end: float) -> None:
    """Draw one point and interval; an interval that leaves the axis ends in an arrow."""
    colour = ACCENT if mark.main else OTHER
    if mark.low is not None and mark.high is not None:
        axes.plot([mark.low, min(mark.high, end)], [at, at], color=colour, lw=4 if mark.main else 2.5,
                  butt=True)  # fmt: skip
        if mark.high > end:
            axes.plot([end], [at], ">", color=colour, ms=7, clip=False)
    axes.plot([mark.point], [at], "D" if mark.main else "o", color=colour, ms=7, mec=WHITE, mew=1.2)


def small_ticks(low: float, high: float, log: bool) -> list[float]:
    """Return round numbers between two ends that may lie far below 1, as shares do."""
    power = 10.0 ** math.floor(math.log10(max(high - low, 1e-12) / 2))
    return [power * x for x in axis_ticks(low / power, high / power, log, most=6)]


def _free_axis(axes: Axes, low: float, high: float, log: bool, write: Callable[[float], str]) -> None:
    """Prepare an axis of numbers that are not persons."""
    if log:
        axes.set_scale("x")
    axes.set_xlim(low, high)
    named = [x for x in (0.1, 0.2, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0) if low <= x <= high]
    places: list[float] = []
    for x in sorted(named if len(named) > 1 else small_ticks(low, high, log), key=lambda x: (x != 1.0, abs(x - 1.0))):
        share = fraction(x, low, high, log)
        if all(abs(share - fraction(y, low, high, log)) > 0.07 for y in places):
            places.append(x)
    places.sort()
    axes.name_ticks("x", places, [write(x) for x in places])
