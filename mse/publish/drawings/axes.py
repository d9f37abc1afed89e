"""What every figure is drawn with: an empty drawing, an axis of numbers, the verdict's stamp, and SVG for a page.

Texts stay text (searchable, and drawn in the font of the page); nothing depends on the clock or on settings
of matplotlib elsewhere, so that the same results give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from typing import TYPE_CHECKING, Any

from mse.publish.wording.messages import Catalogue
from mse.publish.wording.sentences import Headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCENT, SOFT, INK, FAINT, RULE, GREY = "#1f5a8c", "#c5d9ea", "#1c2430", "#5b6675", "#d5dae0", "#8c97a3"
WIDE, NARROW = 8.0, 3.6
"""Inches. Every figure is drawn twice, for a sheet of paper or a screen and for a phone; the page shows one of them, at
its own width."""

CHARACTER = 0.62
"""Width of an average digit of the font in which room is measured, as a share of its size."""

LINE = 1.2 / 72
"""Inches from one line of text to the next, for each point of its size."""

LOG_FROM = 5.0
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""


def fraction(value: float, low: float, high: float, log: bool) -> float:
    """Return where a number lies between the ends of an axis, 0 to 1 inside it."""
    if not log:
        return (value - low) / (high - low)
    return math.log(max(value, 1e-9) / low) / math.log(high / low) if high > low else 0.5


def number_axis(axes: Axes, low: float, high: float, log: bool, say: Catalogue) -> None:
    """Prepare the horizontal axis for numbers of persons, with as many round ones named as there is room for."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    if log:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    room = 72 * inches_wide(axes)
    ticks = axis_ticks(low, high, log, most=max(2, int(room / (CHARACTER * 8.5 * (len(say.number(high)) + 2)))))
    # A number at the end of the axis would grow out of the figure.
    half = {tick: CHARACTER * 8.5 * len(say.number(tick)) / 2 / room for tick in ticks}
    ticks = [x for x in ticks if half[x] <= fraction(x, low, high, log) + 0.01 <= 1.02 - half[x]] or ticks[:1]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter([say.number(tick) for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.set_axisbelow(True)


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


def inches_wide(axes: Axes) -> float:
    """Return the width of the axes in inches."""
    figure = axes.get_figure(root=True)
    return axes.get_position().width * (figure.get_figwidth() if figure else WIDE)


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
    words = "\n".join(stamp_lines(said, say, figure.get_figwidth()))
    figure.text(0.98, 1 - 0.04 / figure.get_figheight(), words, fontsize=8.5, ha="right", va="top", linespacing=1.1,
                color="#9b1c1c" if strong else FAINT, fontweight="bold")  # fmt: skip


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure of so many inches under settings that are ours alone; those outside are back afterwards."""
    import matplotlib
    from matplotlib.figure import Figure

    settings = {
        "svg.fonttype": "none", "svg.hashsalt": "mse", "text.parse_math": False, "font.size": 9,
        "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
        "axes.edgecolor": FAINT, "axes.labelcolor": FAINT, "axes.labelsize": 8.5, "text.color": INK,
        "xtick.color": FAINT, "xtick.labelsize": 8.5,
    }  # fmt: skip
    # The style "default" by hand: matplotlib.style reads all the styles there are.
    now: MutableMapping[str, Any] = matplotlib.rcParams  # type: ignore[assignment]
    usual = ((name, x) for name, x in matplotlib.rcParamsDefault.items() if not name.startswith("backend"))
    with matplotlib.rc_context():
        now.update({name: x for name, x in usual if x != now[name]} | settings)
        yield Figure(figsize=(width, height))


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
    shape = "narrow" if figure.get_figwidth() == NARROW else "wide"
    stream = io.StringIO()
    figure.savefig(
        stream,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    drawn = stream.getvalue()
    body = drawn[drawn.index("<svg") :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    # The page's font: narrower than the one that the room was measured with, so that nothing grows out of it.
    body = re.sub(r"font: ((?:\w+ )*)([\d.]+)px [^;\"]*", _font, body)
    # Numbers for ids: those of matplotlib are digests of what is drawn.
    found = dict.fromkeys(re.findall(r"(?:xlink:href=\"|url\()#([^\")]+)", body))
    used = {x: f"{name}-{shape}-{i}" for i, x in enumerate(found)}
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{used[m[1]]}"' if m[1] in used else "", body)
    body = re.sub(r'xlink:href="#([^"]+)"', lambda m: f'href="#{used[m[1]]}"', body)
    body = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{used[m[1]]})", body)
    body = re.sub(r' (?:d|x|y|transform)="[^"]*"', _to_hundredths, body)
    view = re.search(r'viewBox="[^"]*"', body)
    opening = f'<svg class="drawing {shape}" role="img" aria-label="{escape(finding)}" {view[0] if view else ""}>'
    inner = re.sub(r"\n\s*\n+", "\n", body[body.index(">") + 1 :]).strip()
    svg = f"{opening}\n<title>{escape(finding)}</title>\n{inner}"
    if (pictures := _PICTURES.get()) is not None:
        raster = io.BytesIO()
        figure.savefig(raster, format="png", dpi=200, facecolor="white", metadata={"Software": None})
        pictures[svg] = raster.getvalue()
    return svg


def _to_hundredths(found: re.Match[str]) -> str:
    """Return an attribute with its coordinates to a hundredth of a point, which is all that can be seen."""
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), found[0])


def _font(found: re.Match[str]) -> str:
    style = found[1].split()
    weight = next((word for word in style if word in ("bold", "700")), "normal")
    return f"font-size: {found[2]}px; font-weight: {weight}"
