"""The assessment as figures: the estimate along an assumption, and after small changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mse.publish.drawings.axes import (
    ACCENT,
    FAINT,
    GREY,
    INK,
    LOG_FROM,
    RULE,
    SOFT,
    as_svg,
    axis_ticks,
    drawing,
    fraction,
    number_axis,
    stamp,
)
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Line:
    """A number along an axis: its name, where, how many persons, and the ends of the intervals where there are any."""

    name: str
    at: Sequence[float]
    point: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of intervals: its name, the number with the ends of its interval, and what is written beside it."""

    name: str
    point: float
    low: float
    high: float
    words: str
    main: bool = False


def curve_figure(
    name: str, main: Line, others: Sequence[Line], ticks: Sequence[tuple[float, str]], axis: str, one: float | None,
    said: Headline, finding: str, say: Catalogue,
) -> str:  # fmt: skip
    """Return N along something that no data show: the main curve with its band, others as thin lines with names.

    Parameters
    ----------
    name : str
        Of the figure inside the page.
    main, others : Line
        Persons by place on the axis, which is logarithmic.
    ticks : sequence of (float, str)
        Places of the axis that are named.
    axis : str
        What the axis is.
    one : float or None
        Where the assumption itself stands.
    said, finding, say
        Verdict to print, what the figure shows, and language.
    """
    with drawing(3.7) as figure:
        axes = figure.add_axes((0.1, 0.15, 0.74 if others else 0.87, 0.75))
        axes.set_xscale("log")
        axes.set_xlim(main.at[0], main.at[-1])
        values = [*main.low, *main.high, *(x for line in others for x in line.point)]
        low, high = min(values), max(values)
        log = high > LOG_FROM * low
        if log:
            axes.set_yscale("log")
        axes.set_ylim(
            (low / 1.1, high * 1.1) if log else (max(0.0, low - 0.08 * (high - low)), high + 0.08 * (high - low))
        )
        axes.fill_between(main.at, main.low, main.high, color=SOFT, lw=0)
        for line in others:
            axes.plot(line.at, line.point, color=GREY, lw=1)
        axes.plot(main.at, main.point, color=ACCENT, lw=2.4)
        if one is not None:
            axes.axvline(one, color=INK, lw=1, ls=(0, (4, 3)))
        _value_axis(axes, log, say)
        _named_axis(axes, ticks)
        axes.set_xlabel(axis)
        if others:
            _end_names(axes, [main, *others])
        stamp(figure, said, say)
        return as_svg(figure, name, finding)


def marks_figure(
    name: str, marks: Sequence[Mark], line: float, axis: str, said: Headline, finding: str, say: Catalogue,
    write: Callable[[float], str] | None = None,
) -> str:  # fmt: skip
    """Return one row per mark with its interval, against a line that all are compared with.

    Parameters
    ----------
    name : str
        Of the figure inside the page.
    marks : sequence of Mark
        From top to bottom.
    line : float
        What they are compared with.
    axis : str
        What the axis is.
    said, finding, say
        Verdict to print, what the figure shows, and language.
    write : callable, optional
        Writes the numbers of the axis; in whole persons when not given.
    """
    height = 0.95 + 0.34 * len(marks)
    low = min([line, *(mark.low for mark in marks)])
    farthest = 4 * max([line, *(mark.point for mark in marks)])
    high = max([line, *(min(mark.high, farthest) for mark in marks)])
    log = low > 0 and high > 2.5 * low
    edge = (high / low) ** 0.04 if log else 0.05 * max(high - low, 1e-9)
    low, high = (low / edge, high * edge) if log else (max(0.0, low - edge), high + edge)
    with drawing(height) as figure:
        left, right, bottom = 0.3, 0.77, 0.55 / height
        axes = figure.add_axes((left, bottom, right - left, 1 - bottom - 0.3 / height))
        if write is None:
            number_axis(axes, low, high, log, say)
        else:
            _free_axis(axes, low, high, log, write)
        axes.set_ylim(len(marks) - 0.4, -0.6)
        axes.set_yticks([])
        axes.axvline(line, color=INK, lw=1, ls=(0, (4, 3)))
        for at, mark in enumerate(marks):
            colour = ACCENT if mark.main else "#6b7683"
            axes.plot([mark.low, min(mark.high, high)], [at, at], color=colour, lw=3, solid_capstyle="butt")
            if mark.high > high:
                axes.plot([high], [at], ">", color=colour, ms=6, clip_on=False)
            axes.plot([mark.point], [at], "D" if mark.main else "o", color=colour, ms=6, mec="white", mew=1)
            axes.text(-0.02, at, say.shortened(mark.name, 40), transform=axes.get_yaxis_transform(), fontsize=8,
                      ha="right", va="center", color=INK)  # fmt: skip
            axes.text(1.02, at, mark.words, transform=axes.get_yaxis_transform(), fontsize=7.5, ha="left", va="center",
                      color=FAINT)  # fmt: skip
        axes.set_xlabel(axis)
        stamp(figure, said, say)
        return as_svg(figure, name, finding)


def _free_axis(axes: Axes, low: float, high: float, log: bool, write: Callable[[float], str]) -> None:
    """Prepare an axis of numbers that are not persons."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    if log:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    places = [x for x in (0.1, 0.2, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0) if low <= x <= high]
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter([write(x) for x in places]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.set_axisbelow(True)


def _value_axis(axes: Axes, log: bool, say: Catalogue) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    low, high = axes.get_ylim()
    ticks = axis_ticks(low, high, log, most=6)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([say.number(tick) for tick in ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", length=0, labelcolor=FAINT, labelsize=8.5)
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)


def _named_axis(axes: Axes, ticks: Sequence[tuple[float, str]]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axes.xaxis.set_major_locator(FixedLocator([at for at, _ in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([words for _, words in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())


def _end_names(axes: Axes, lines: Sequence[Line]) -> None:
    """Write the name of every line at its right end, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    log = axes.get_yscale() == "log"
    order = sorted(lines, key=lambda line: line.point[-1])
    places = [fraction(line.point[-1], low, high, log) for line in order]
    gap = 0.052
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    over = places[-1] - 1.0
    places = [place - max(over, 0.0) * (i + 1) / len(places) for i, place in enumerate(places)]
    for line, place in zip(order, places, strict=True):
        main = line is lines[0]
        axes.text(1.01, place, line.name, transform=axes.transAxes, fontsize=7.5, va="center", ha="left",
                  color=ACCENT if main else FAINT, fontweight="bold" if main else "normal")  # fmt: skip


def log_ticks(at: Sequence[float], say: Catalogue) -> list[tuple[float, str]]:
    """Return odds ratios as they are written on an axis: 1/4, 1/2, 1, 2, 4."""
    named = [(1 / 8, "1/8"), (1 / 4, "1/4"), (1 / 2, "1/2"), (1.0, "1"), (2.0, "2"), (4.0, "4"), (8.0, "8")]
    low, high = float(np.min(at)), float(np.max(at))
    return [(x, words) for x, words in named if low * 0.999 <= x <= high * 1.001 and math.isfinite(x)]
