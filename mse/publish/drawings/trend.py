"""N over time as a figure: estimates with intervals, bars of the registered, breaks in the registration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mse.publish.drawings.axes import (
    ACCENT,
    CHARACTER,
    FAINT,
    GREY,
    INK,
    LINE,
    NARROW,
    RULE,
    as_svg,
    axis_ticks,
    drawing,
    inches_wide,
    stamp,
    stamp_lines,
    wrapped,
)
from mse.publish.facts.entries import Break
from mse.publish.indicators.partnumbers import Part
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRUE = "#9a4f00"
MOST_PANELS = 8
LEFT = 0.62
"""Inches for the numbers of the upright axis."""


def trend_figure(
    years: Sequence[str], parts: Sequence[Part], truth: Sequence[float] | None, breaks: Sequence[Break], said: Headline,
    finding: str, say: Catalogue, width: float,
) -> str:  # fmt: skip
    """Return the trend of the total.

    Parameters
    ----------
    years : sequence of str
        Levels of the dimension that is time.
    parts : sequence of Part
        One a year.
    truth : sequence of float or None
        True numbers of a simulated population.
    breaks : sequence of Break
        In the registration.
    said : Headline
        Its verdict is printed in the figure.
    finding : str
        What the figure shows, for those who cannot see it.
    say : Catalogue
        Language.
    width : float
        Inches.
    """
    from matplotlib.patches import Patch

    narrow = width == NARROW
    written = _break_words(years, breaks, width)
    keys = 0.2 * (5 if narrow else 1)
    lines = max((len(words) for _, _, words in written), default=0)
    head = LINE * 8.5 * len(stamp_lines(said, say, width)) + 0.12 + keys + LINE * 8 * lines
    height = head + 2.7 + 0.3
    with drawing(width, height) as figure:
        axes = figure.add_axes((LEFT / width, 0.3 / height, 1 - (LEFT + 0.1) / width, 2.7 / height))
        _panel(axes, years, parts, truth, breaks, say, large=True)
        handles = [
            *axes.plot([], [], "-o", color=ACCENT, lw=2.5, ms=6, mec="white", label=say("trend.estimated")),
            Patch(color=GREY, alpha=0.55, lw=0, label=say("trend.registered")),
        ]
        if any(part.doubtful for part in parts):
            handles += axes.plot([], [], "o", color="white", ms=6, mec=ACCENT, mew=1.8, label=say("strata.caution"))
        if not all(part.stated for part in parts):
            handles += axes.plot([], [], "x", color=FAINT, ms=6, label=say("trend.unstated"))
        if truth:
            handles += axes.plot([], [], "D", color=TRUE, ms=5, label=say("trend.truth"))
        over = 1 + (LINE * 8 * lines + 0.08) / 2.7
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=((0.1 - LEFT) / (width - LEFT), over),
                    ncols=1 if narrow else 5, frameon=False, fontsize=8.5, handlelength=1.6, borderpad=0,
                    columnspacing=1.0)  # fmt: skip
        for share, left, words in written:
            axes.text(share + (0.006 if left else -0.006), 1.01, "\n".join(words), transform=axes.transAxes, fontsize=8,
                      ha="left" if left else "right", va="bottom", color=INK, linespacing=1.1)  # fmt: skip
        stamp(figure, said, say)
        return as_svg(figure, "trend", finding)


def trend_panels(
    years: Sequence[str], groups: Mapping[str, Sequence[Part]], breaks: Sequence[Break], said: Headline, finding: str,
    name: str, say: Catalogue, width: float,
) -> str:  # fmt: skip
    """Return the trend of every group in a panel of its own, each on its own scale."""
    columns = 1 if width == NARROW else 2
    rows = -(-len(groups) // columns)
    each = width / columns
    names = [wrapped(label, each - LEFT - 0.1, 9.5) for label in groups]
    pitch = 1.9 + LINE * 9.5 * max(map(len, names))
    head = 0.3 + LINE * 8.5 * len(stamp_lines(said, say, width))
    height = head + pitch * rows
    with drawing(width, height) as figure:
        for i, (lines, parts) in enumerate(zip(names, groups.values(), strict=True)):
            row, column = divmod(i, columns)
            bottom = 1 - (head + pitch * (row + 1) - 0.4) / height
            axes = figure.add_axes(((LEFT + each * column) / width, bottom, (each - LEFT - 0.1) / width, 1.38 / height))
            _panel(axes, years, parts, None, breaks, say, large=False)
            axes.set_title("\n".join(lines), fontsize=9.5, color=INK, loc="left", fontweight="bold", pad=6)
        stamp(figure, said, say)
        return as_svg(figure, name, finding)


def _panel(
    axes: Axes, years: Sequence[str], parts: Sequence[Part], truth: Sequence[float] | None,
    breaks: Sequence[Break], say: Catalogue, *, large: bool,
) -> None:  # fmt: skip
    """Draw bars of the registered, and points with intervals of the estimates, over the years."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    at = _places(years)
    stated = [(x, part) for x, part in zip(at, parts, strict=True) if part.stated]
    # Drawn from what is printed: a height in full would give the number behind it.
    highs = [part.size.high for _, part in stated] + [float(part.observed or 0) for part in parts]
    top = 1.06 * max([*highs, *(truth or ()), 1.0])
    axes.set(xlim=(at[0] - 0.6, at[-1] + 0.6), ylim=(0, top))
    bars = [(x, part.observed) for x, part in zip(at, parts, strict=True) if part.observed is not None]
    axes.bar([x for x, _ in bars], [n for _, n in bars], width=0.62, color=GREY, alpha=0.55)
    for x, part in stated:
        ends = [part.size.low, part.size.high]
        axes.plot([x, x], ends, color=ACCENT, lw=3 if large else 2.2, solid_capstyle="butt")
        size = 7 if large else 5
        if part.doubtful:
            axes.plot([x], [part.size.point], "o", color="white", ms=size - 1, mec=ACCENT, mew=1.8)
        else:
            axes.plot([x], [part.size.point], "o", color=ACCENT, ms=size, mec="white", mew=1)
    for x, part in zip(at, parts, strict=True):
        if not part.stated:
            axes.text(x, 0.03 * top, "×", ha="center", va="bottom", fontsize=9, color=FAINT)
    if truth:
        axes.plot([x + 0.22 for x in at], truth, "D", color=TRUE, ms=5, mec="white", mew=0.8)
    for found in breaks:
        if at[0] - 0.6 < found.at < at[-1] + 0.6:
            axes.axvline(found.at, color=INK, lw=1.1, ls=(0, (4, 3)))
    ticks = axis_ticks(0, top, False, most=6 if large else 4)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([say.number(tick) for tick in ticks]))
    axes.tick_params(axis="y", length=0, labelcolor=FAINT, labelsize=8)
    label = (CHARACTER * 8.5 * max(map(len, years)) + 6) / 72
    step = max(1, math.ceil(len(years) * label / inches_wide(axes)))
    shown = [(x, year) for i, (x, year) in enumerate(zip(at, years, strict=True)) if (len(years) - 1 - i) % step == 0]
    axes.xaxis.set_major_locator(FixedLocator([x for x, _ in shown]))
    axes.xaxis.set_major_formatter(FixedFormatter([year for _, year in shown]))
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)


def _break_words(years: Sequence[str], breaks: Sequence[Break], width: float) -> list[tuple[float, bool, list[str]]]:
    """Return what each break was, where on the axis it stands, and whether its words stand at its right."""
    at = _places(years)
    found = []
    for one in breaks:
        if at[0] - 0.6 < one.at < at[-1] + 0.6:
            share = (one.at - at[0] + 0.6) / (at[-1] - at[0] + 1.2)
            left = share < 0.55
            room = (width - LEFT - 0.1) * (1 - share if left else share)
            found.append((share, left, wrapped(f"{one.label}: {one.text}" if one.text else one.label, room, 8)))
    return found


def _places(years: Sequence[str]) -> list[float]:
    """Return where each level stands: at its own number when all of them are years, else one after the other."""
    if all(year.isdigit() for year in years):
        return [float(year) for year in years]
    return [float(i) for i in range(len(years))]
