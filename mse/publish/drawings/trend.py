"""N over time as a figure: estimates with intervals, bars of the registered, breaks in the registration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mse.publish.drawings.axes import (
    ACCENT,
    CHARACTER,
    FAINT,
    GREY,
    INK,
    LINE,
    NARROW,
    WHITE,
    Axes,
    Figure,
    as_svg,
    axis_ticks,
    stamp,
    stamp_lines,
    wrapped,
)
from mse.publish.drawings.canvas import Key
from mse.publish.facts.entries import Break
from mse.publish.indicators.partnumbers import Part
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

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
    narrow = width == NARROW
    written = _break_words(years, breaks, width)
    keys = 0.2 * (5 if narrow else 1)
    lines = max((len(words) for _, _, words in written), default=0)
    head = LINE * 8.5 * len(stamp_lines(said, say, width)) + 0.12 + keys + LINE * 8 * lines
    height = head + 2.7 + 0.3
    figure = Figure(width, height)
    axes = figure.add_axes((LEFT / width, 0.3 / height, 1 - (LEFT + 0.1) / width, 2.7 / height))
    _panel(axes, years, parts, truth, breaks, say, large=True)
    handles = [
        Key(say("trend.estimated"), "-o", style=(("color", ACCENT), ("lw", 2.5), ("mec", WHITE))),
        Key(say("trend.registered"), patch=True, style=(("color", GREY), ("alpha", 0.55))),
    ]
    if any(part.doubtful for part in parts):
        handles.append(Key(say("strata.caution"), "o", style=(("color", WHITE), ("mec", ACCENT), ("mew", 1.8))))
    if not all(part.stated for part in parts):
        handles.append(Key(say("trend.unstated"), "x", style=(("color", FAINT),)))
    if truth:
        handles.append(Key(say("trend.truth"), "D", style=(("color", TRUE), ("ms", 5))))
    over = 1 + (LINE * 8 * lines + 0.08) / 2.7
    axes.legend(handles, (0.16 - LEFT) / (width - LEFT), over + 0.06 / 2.7, columns=1 if narrow else 5)
    for share, left, words in written:
        axes.text(share + (0.006 if left else -0.006), 1.01, "\n".join(words), where="axes", fontsize=8,
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
    figure = Figure(width, height)
    for i, (lines, parts) in enumerate(zip(names, groups.values(), strict=True)):
        row, column = divmod(i, columns)
        bottom = 1 - (head + pitch * (row + 1) - 0.4) / height
        axes = figure.add_axes(((LEFT + each * column) / width, bottom, (each - LEFT - 0.1) / width, 1.38 / height))
        _panel(axes, years, parts, None, breaks, say, large=False)
        axes.set_title("\n".join(lines))
    stamp(figure, said, say)
    return as_svg(figure, name, finding)


def _panel(
    axes: Axes, years: Sequence[str], parts: Sequence[Part], truth: Sequence[float] | None,
    breaks: Sequence[Break], say: Catalogue, *, large: bool,
) -> None:  # fmt: skip
    """Draw bars of the registered, and points with intervals of the estimates, over the years."""
    at = _places(years)
    stated = [(x, part) for x, part in zip(at, parts, strict=True) if part.stated]
    # Drawn from what is printed: a height in full would give the number behind it.
    highs = [part.size.high for _, part in stated] + [float(part.observed or 0) for part in parts]
    top = 1.06 * max([*highs, *(truth or ()), 1.0])
    axes.set_xlim(at[0] - 0.6, at[-1] + 0.6)
    axes.set_ylim(0, top)
    for x, part in zip(at, parts, strict=True):
        if part.observed is not None:
            axes.rectangle(x - 0.31, 0, 0.62, part.observed, color=GREY, alpha=0.55)
    for x, part in stated:
        ends = [part.size.low, part.size.high]
        axes.plot([x, x], ends, color=ACCENT, lw=3 if large else 2.2, butt=True)
        size = 7 if large else 5
        if part.doubtful:
            axes.plot([x], [part.size.point], "o", color=WHITE, ms=size - 1, mec=ACCENT, mew=1.8)
        else:
            axes.plot([x], [part.size.point], "o", color=ACCENT, ms=size, mec=WHITE, mew=1)
    for x, part in zip(at, parts, strict=True):
        if not part.stated:
            axes.text(x, 0.03 * top, "×", ha="center", va="bottom", fontsize=9, color=FAINT)
    if truth:
        axes.plot([x + 0.22 for x in at], truth, "D", color=TRUE, ms=5, mec=WHITE, mew=0.8)
    for found in breaks:
        if at[0] - 0.6 < found.at < at[-1] + 0.6:
            axes.axvline(found.at, color=INK, lw=1.1, ls=(0, (4, 3)))
    ticks = axis_ticks(0, top, False, most=6 if large else 4)
    axes.name_ticks("y", ticks, [say.number(tick) for tick in ticks], size=8, marks=False)
    label = (CHARACTER * 8.5 * max(map(len, years)) + 6) / 72
    step = max(1, math.ceil(len(years) * label / axes.inches))
    shown = [(x, year) for i, (x, year) in enumerate(zip(at, years, strict=True)) if (len(years) - 1 - i) % step == 0]
    axes.name_ticks("x", [x for x, _ in shown], [year for _, year in shown])
    axes.grid("y")


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
