"""Counts by period with what was expected of them, and what the trend before a measure would have had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mse.publish.drawings.axes import ACCENT, FAINT, GREY, NARROW, RULE, Figure, as_svg, axis_ticks
from mse.publish.drawings.canvas import Key

if TYPE_CHECKING:
    from mse.words.catalogues import Catalogue


def interrupted_figure(
    places: Sequence[float], counts: Sequence[int], expected: Sequence[int], without: Sequence[int], date: float,
    words: tuple[str, str, str], say: Catalogue, finding: str, width: float,
) -> str:  # fmt: skip
    """Return the figure as SVG.

    Parameters
    ----------
    places : sequence of float
        Middles of the periods, in years.
    counts, expected, without : sequence of int
        Of each period, as printed; the last two are empty where no effect is stated.
    date : float
        Of the measure, in years.
    words : (str, str, str)
        What counts, expected counts and counts of the trend before are called.
    say : Catalogue
        Language.
    finding : str
        What the figure shows, in words.
    width : float
        Inches.
    """
    figure = Figure(width, 3.2 if width > NARROW else 2.8)
    axes = figure.add_axes((0.11, 0.12, 0.86, 0.74) if width > NARROW else (0.17, 0.12, 0.8, 0.66))
    trend = [(x, y) for x, y in zip(places, without, strict=False) if x >= date]
    top = 1.15 * max(*counts, *expected, *(y for _, y in trend), 1)
    keys: list[Key] = []
    if expected:
        after = [x for x, _ in trend], [y for _, y in trend]
        axes.plot(places, expected, color=ACCENT, lw=1.6)
        axes.plot(*after, color=FAINT, lw=1.4, ls=(0, (4, 3)))
        keys.append(Key(words[1], style=(("color", ACCENT), ("lw", 1.6))))
        keys.append(Key(words[2], style=(("color", FAINT), ("lw", 1.4), ("ls", (0, (4, 3))))))
    axes.plot(places, counts, "o", color=GREY, ms=4 if len(places) < 40 else 2.5)
    keys.append(Key(words[0], "o", style=(("color", GREY), ("ms", 4))))
    axes.axvline(date, color=RULE, lw=1.2)
    edge = 0.04 * max(max(places) - min(places), 0.5)
    axes.set_xlim(min(places) - edge, max(places) + edge)
    axes.set_ylim(0.0, top)
    ticks = axis_ticks(0.0, top, False, most=5)
    axes.name_ticks("y", ticks, [say.number(x) for x in ticks], marks=False)
    years = sorted({int(x) for x in places})
    step = max(1, len(years) // (10 if width > NARROW else 4))
    axes.name_ticks("x", [x + 0.5 for x in years[::step]], [str(x) for x in years[::step]], marks=False)
    axes.grid("y")
    axes.legend(keys, 0.01, 1.03, columns=3 if width > NARROW else 1, size=8.5 if width > NARROW else 7.0)
    return as_svg(figure, "series", finding)
