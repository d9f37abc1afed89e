"""The estimate as a curve along an assumption, or along the share of persons that was used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mse.publish.drawings.axes import (
    ACCENT,
    CHARACTER,
    FAINT,
    INK,
    LINE,
    LOG_FROM,
    NARROW,
    SOFT,
    Axes,
    Figure,
    as_svg,
    axis_ticks,
    stamp,
    stamp_lines,
    wrapped,
)
from mse.publish.drawings.strokes import Dashes
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

STYLES: tuple[tuple[str, Dashes], ...] = (
    ("#9b4a1c", "-"), ("#17633a", "-"), ("#6a3d9a", "-"),
    ("#9b4a1c", (0, (4, 2))), ("#17633a", (0, (4, 2))), ("#6a3d9a", (0, (4, 2))),
)  # fmt: skip
"""Colour and dashes of the lines beside the main one: told apart on paper and by those who see few colours."""


@dataclass(frozen=True, slots=True)
class Line:
    """A number along an axis: its name, where, how many persons, and the ends of the intervals where there are any."""

    name: str
    at: Sequence[float]
    point: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def curve_figure(
    name: str, main: Line, others: Sequence[Line], ticks: Sequence[tuple[float, str]], axis: str, one: float | None,
    said: Headline, finding: str, say: Catalogue, width: float,
) -> str:  # fmt: skip
    """Return N along something that no data show: the main curve with its band, others as lines with names.

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
    width : float
        Inches.
    """
    values = [*main.low, *main.high, *(x for line in others for x in line.point)]
    low, high = min(values), max(values)
    log = high > LOG_FROM * low
    low, high = (low / 1.1, high * 1.1) if log else (max(0.0, low - 0.08 * (high - low)), high + 0.08 * (high - low))
    values_at = axis_ticks(low, high, log, most=6)
    left = (CHARACTER * 8.5 * max(len(say.number(tick)) for tick in values_at) + 10) / 72
    title = wrapped(axis, width - 0.3, 8.5)
    names = _legend([main, *others] if others else [], width)
    head = LINE * 8.5 * len(stamp_lines(said, say, width)) + 0.34
    foot = 0.36 + LINE * 8.5 * len(title)
    keys = sum(LINE * 8.5 * max(map(len, row)) + 0.05 for row in names)
    height = head + 2.5 + foot + keys
    figure = Figure(width, height)
    axes = figure.add_axes((left / width, (foot + keys) / height, 1 - (left + 0.15) / width, 2.5 / height))
    axes.set_scale("x")
    axes.set_xlim(main.at[0], main.at[-1])
    if log:
        axes.set_scale("y")
    axes.set_ylim(low, high)
    axes.fill_between(main.at, main.low, main.high, color=SOFT)
    for line, style in zip(others, STYLES, strict=False):
        axes.plot(line.at, line.point, color=style[0], lw=1.4, ls=style[1])
    axes.plot(main.at, main.point, color=ACCENT, lw=2.4)
    if one is not None:
        axes.axvline(one, color=INK, lw=1, ls=(0, (4, 3)))
    _value_axis(axes, values_at, say)
    _named_axis(axes, ticks)
    axes.set_xlabel("\n".join(title))
    figure.text(0.02, 1 - (head - 0.08) / height, say("intervals.axis"), fontsize=8.5, color=FAINT, va="bottom")
    _write_legend(figure, names, keys)
    stamp(figure, said, say)
    return as_svg(figure, name, finding)


def _value_axis(axes: Axes, ticks: Sequence[float], say: Catalogue) -> None:
    axes.name_ticks("y", ticks, [say.number(tick) for tick in ticks], marks=False)
    axes.grid("y")


def _named_axis(axes: Axes, ticks: Sequence[tuple[float, str]]) -> None:
    axes.name_ticks("x", [at for at, _ in ticks], [words for _, words in ticks])


def _legend(lines: Sequence[Line], width: float) -> list[list[list[str]]]:
    """Return the names of the lines, wrapped, in rows of as many columns as the figure has."""
    columns = 1 if width == NARROW else 2
    names = [wrapped(line.name, width / columns - 0.6, 8.5) for line in lines]
    return [names[i : i + columns] for i in range(0, len(names), columns)]


def _write_legend(figure: Figure, names: Sequence[Sequence[Sequence[str]]], height: float) -> None:
    """Write the names of the lines under the axis, each beside a piece of its line."""
    width, whole = figure.width, figure.height
    styles = iter([(ACCENT, "-"), *STYLES])
    top = height
    for row in names:
        for i, lines in enumerate(row):
            colour, dashes = next(styles)
            x, y = 0.15 + i * width / len(names[0]), top - LINE * 8.5 / 2
            thick = 2.4 if colour == ACCENT else 1.4
            figure.line([x / width, (x + 0.35) / width], y / whole, color=colour, ls=dashes, lw=thick)
            figure.text((x + 0.43) / width, top / whole, "\n".join(lines), fontsize=8, va="top", color=INK,
                        linespacing=1.1, fontweight="bold" if colour == ACCENT else "normal")  # fmt: skip
        top -= LINE * 8.5 * max(map(len, row)) + 0.05


def log_ticks(at: Sequence[float], say: Catalogue) -> list[tuple[float, str]]:
    """Return odds ratios as they are written on an axis: 1/4, 1/2, 1, 2, 4."""
    named = [(1 / 8, "1/8"), (1 / 4, "1/4"), (1 / 2, "1/2"), (1.0, "1"), (2.0, "2"), (4.0, "4"), (8.0, "8")]
    low, high = float(np.min(at)), float(np.max(at))
    return [(x, words) for x, words in named if low * 0.999 <= x <= high * 1.001 and math.isfinite(x)]
