"""What every figure is drawn with: an empty drawing, an axis of numbers, the verdict's stamp, and SVG for a page.

Texts stay text (searchable, and drawn in the font of the page); nothing depends on the clock, so that the same results
give the same bytes.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape

from mse.publish.drawings.canvas import Axes as Axes
from mse.publish.drawings.canvas import Figure as Figure
from mse.publish.drawings.strokes import ACCENT as ACCENT
from mse.publish.drawings.strokes import FAINT as FAINT
from mse.publish.drawings.strokes import GREY as GREY
from mse.publish.drawings.strokes import INK as INK
from mse.publish.drawings.strokes import RULE as RULE
from mse.publish.drawings.strokes import SOFT as SOFT
from mse.publish.drawings.strokes import WHITE as WHITE
from mse.publish.drawings.strokes import fraction as fraction
from mse.publish.drawings.strokes import n
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

WIDE, NARROW = 8.0, 3.6
"""Inches. Every figure is drawn twice, for a sheet of paper or a screen and for a phone; the page shows one of them, at
its own width."""

CHARACTER = 0.62
"""Width of an average digit of the font in which room is measured, as a share of its size."""

LINE = 1.2 / 72
"""Inches from one line of text to the next, for each point of its size."""

LOG_FROM = 5.0
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""


def number_axis(axes: Axes, low: float, high: float, log: bool, say: Catalogue) -> None:
    """Prepare the horizontal axis for numbers of persons, with as many round ones named as there is room for."""
    if log:
        axes.set_scale("x")
    axes.set_xlim(low, high)
    room = 72 * axes.inches
    ticks = axis_ticks(low, high, log, most=max(2, int(room / (CHARACTER * 8.5 * (len(say.number(high)) + 2)))))
    # A number at the end of the axis would grow out of the figure.
    half = {tick: CHARACTER * 8.5 * len(say.number(tick)) / 2 / room for tick in ticks}
    ticks = [x for x in ticks if half[x] <= fraction(x, low, high, log) + 0.01 <= 1.02 - half[x]] or ticks[:1]
    axes.name_ticks("x", ticks, [say.number(tick) for tick in ticks])


def axis_ticks(low: float, high: float, log: bool, most: int = 9) -> list[float]:
    """Return round numbers between two ends: 1-2-5 or decades on a wide log axis, else equal steps.

    Parameters
    ----------
    low, high : float
        Ends of the axis, `low` positive on a log axis.
    log : bool
        Whether it is logarithmic.
    most : int
        Labels of equal width that fit beside each other.
    """
    if log and high > LOG_FROM * low:
        for steps in ((1, 2, 5), (1, 3), (1,)):
            powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            ticks = [10.0**power * step for power in powers for step in steps]
            ticks = [tick for tick in ticks if low <= tick <= high]
            closest = min((math.log(b / a) for a, b in zip(ticks, ticks[1:], strict=False)), default=math.inf)
            if closest * most >= math.log(high / low):
                return ticks
        return ticks[:: math.ceil(len(ticks) / most)]
    rough = max(high - low, 1e-9) / min(most, 6)
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(1.0, next(power * k for k in (1, 2, 5, 10) if power * k >= rough))
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def wrapped(text: str, room: float, size: float) -> list[str]:
    """Return a text in lines that fit in so many inches when written in so many points."""
    return textwrap.wrap(text, max(8, int(72 * room / (CHARACTER * size) + 1e-9))) or [""]


def stamp_lines(said: Headline, say: Catalogue, width: float) -> list[str]:
    """Return the verdict in the lines that it takes in a figure of so many inches."""
    strong = said.judgement in ("refuse", "unjudged")
    words = say("verdict.stamp", verdict=said.verdict) + (f" – {say('key.not_cited')}" if strong else "")
    return wrapped(words, 0.96 * width, 9.5)


def stamp(figure: Figure, said: Headline, say: Catalogue) -> None:
    """Print the verdict in the figure: a picture that is copied takes it along."""
    strong = said.judgement in ("refuse", "unjudged")
    words = "\n".join(stamp_lines(said, say, figure.width))
    figure.text(0.98, 1 - 0.04 / figure.height, words, fontsize=8.5, ha="right", va="top", linespacing=1.1,
                color="#9b1c1c" if strong else FAINT, fontweight="bold")  # fmt: skip


_PICTURES: ContextVar[dict[str, bytes] | None] = ContextVar("pictures", default=None)


@contextmanager
def also_png() -> Iterator[dict[str, bytes]]:
    """Collect every figure that is drawn inside as PNG too, by its SVG."""
    pictures: dict[str, bytes] = {}
    token = _PICTURES.set(pictures)
    try:
        yield pictures
    finally:
        _PICTURES.reset(token)


def as_svg(figure: Figure, name: str, finding: str) -> str:
    """Return the figure as an SVG element for a page: ids of its own, a title, no style that leaks."""
    shape = "narrow" if figure.width == NARROW else "wide"
    view = f'viewBox="0 0 {n(72 * figure.width)} {n(72 * figure.height)}"'
    opening = f'<svg class="drawing {shape}" role="img" aria-label="{escape(finding)}" {view}>'
    svg = f"{opening}\n<title>{escape(finding)}</title>\n{figure.svg(f'{name}-{shape}')}\n</svg>"
    if (pictures := _PICTURES.get()) is not None:
        from mse.publish.drawings.painted import png

        pictures[svg] = png(figure)
    return svg
