"""How many were registered once, twice and so on, as counted and as expected, beside those never registered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mse.publish.drawings.axes import ACCENT, FAINT, GREY, INK, NARROW, SOFT, Figure, as_svg
from mse.words.numerals import round_point

if TYPE_CHECKING:
    from mse.words.catalogues import Catalogue

_HIGHEST = 5.0
"""The interval is drawn up to so many times the highest bar; beyond it, its end is written."""


class Bar(NamedTuple):
    """A class of registrations: its name, persons counted, persons expected if that is told."""

    name: str
    seen: float
    expected: float | None


def register_bars(
    bars: Sequence[Bar], unseen: Sequence[float], say: Catalogue, finding: str, width: float
) -> str:  # fmt: skip
    """Return the figure as SVG.

    Parameters
    ----------
    bars : sequence of Bar
        Classes, the fewest registrations first.
    unseen : (float, float, float)
        Never registered: the number, and the ends of its interval.
    say : Catalogue
        Language.
    finding : str
        What the figure shows, in words.
    width : float
        Inches.
    """
    figure = Figure(width, 3.0 if width > NARROW else 2.6)
    axes = figure.add_axes((0.02, 0.16, 0.96, 0.74))
    top = max(max(unseen[0], 1.0), *(b.seen for b in bars))
    shown = min(unseen[2], _HIGHEST * top)
    places = range(1, len(bars) + 1)
    axes.set_xlim(-0.4, len(bars) + 0.4)
    axes.rectangle(-0.35, 0, 0.7, unseen[0], color=SOFT, edge=ACCENT, lw=0.8, ls=(0, (3, 2)))
    axes.plot([0, 0], [unseen[1], shown], color=ACCENT, lw=1.4)
    for place, bar in zip(places, bars, strict=True):
        axes.rectangle(place - 0.35, 0, 0.7, bar.seen, color=GREY)
    fitted = [(place, b.expected) for place, b in zip(places, bars, strict=True) if b.expected is not None]
    axes.plot([place for place, _ in fitted], [x for _, x in fitted], "o", color=ACCENT, ms=4)
    limit = max(1.18 * top, 1.12 * shown)
    size = 8.5 if width > NARROW else 7.0
    axes.text(
        0.05, unseen[0] + 0.02 * limit, say.number(round_point(unseen[0], 2)), ha="left", fontsize=size, color=INK
    )
    if shown < unseen[2]:
        axes.text(0, shown + 0.02 * limit, f"↑ {say.number(round_point(unseen[2], 2))}", ha="center", fontsize=size,
                  color=ACCENT)  # fmt: skip
    for place, bar in zip(places, bars, strict=True):
        height = max(bar.seen, bar.expected or 0.0) + 0.03 * limit
        axes.text(place, height, say.number(bar.seen), ha="center", fontsize=size, color=FAINT)
    axes.set_ylim(0.0, limit)
    axes.name_ticks("x", range(len(bars) + 1), [say("registerpage.never"), *(b.name for b in bars)], size=size)
    axes.set_xlabel(say("registerpage.times"))
    return as_svg(figure, "register", finding)
