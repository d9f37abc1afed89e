"""Counts by period with what was expected of them, and what the trend before a measure would have had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mse.publish.drawings.axes import ACCENT, FAINT, GREY, NARROW, RULE, as_svg, axis_ticks, drawing

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
    with drawing(width, 3.2 if width > NARROW else 2.8) as figure:
        axes = figure.add_axes((0.11 if width > NARROW else 0.17, 0.12, 0.86 if width > NARROW else 0.8, 0.74))
        trend = [(x, y) for x, y in zip(places, without, strict=False) if x >= date]
        top = 1.15 * max(*counts, *expected, *(y for _, y in trend), 1)
        if expected:
            axes.plot(places, expected, color=ACCENT, lw=1.6, label=words[1])
            axes.plot(*zip(*trend, strict=True), color=FAINT, lw=1.4, ls=(0, (4, 3)), label=words[2])
        axes.plot(places, counts, "o", color=GREY, ms=4 if len(places) < 40 else 2.5, label=words[0])
        axes.axvline(date, color=RULE, lw=1.2)
        axes.set_ylim(0.0, top)
        ticks = axis_ticks(0.0, top, False, most=5)
        axes.set_yticks(ticks, [say.number(x) for x in ticks], fontsize=8.5, color=FAINT)
        years = sorted({int(x) for x in places})
        step = max(1, len(years) // (10 if width > NARROW else 4))
        axes.set_xticks([x + 0.5 for x in years[::step]], [str(x) for x in years[::step]])
        axes.tick_params(length=0)
        axes.grid(axis="y", color=RULE, lw=0.6)
        axes.set_axisbelow(True)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3 if width > NARROW else 1, frameon=False,
                    fontsize=8.5 if width > NARROW else 7.0, borderaxespad=0.1)  # fmt: skip
        return as_svg(figure, "series", finding)
