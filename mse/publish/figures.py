"""Figures as inline SVG: the methods side by side, the law of N, and the overlap of the lists.

Texts stay text (searchable, and drawn in the font of the page); nothing depends on the clock or on settings
of matplotlib elsewhere, so that the same results give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.publish.facts import Facts, MethodRow
from mse.publish.messages import Catalogue
from mse.publish.wording import Headline, hump_words, interval_name, method_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mse.distribution import Distribution

ACCENT, SOFT, INK, FAINT, RULE = "#1f5a8c", "#c5d9ea", "#1c2430", "#5b6675", "#d5dae0"
WIDTH = 8.0
"""Inches; the page scales a figure to its own width."""

CHARACTER = 0.62
"""Width of an average digit of the font in which room is measured, as a share of its size."""

LABEL = 38
"""Characters of a method's name on one line."""

MOST_HISTORIES = 25
LOG_FROM = 5.0
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""

FARTHEST = 8.0
"""An interval that ends this many times beyond every estimate is cut off, with an arrow and its number."""


def interval_figure(facts: Facts, said: Headline, finding: str, say: Catalogue) -> str | None:
    """Return point and interval of every method that gave one, the headline on top; None when none did.

    Parameters
    ----------
    facts, said
        What the results hold, and the headline whose verdict is printed in the figure.
    finding : str
        What the figure shows, for those who cannot see it.
    say : Catalogue
        Language.
    """
    rows = [row for row in facts.methods if row.point is not None]
    if not rows:
        return None
    observed = facts.estimate.observed
    low, high, log = _span(rows, observed)
    pitch = 0.6 if any(len(row.label) > LABEL for row in rows) else 0.5
    height = 0.95 + pitch * len(rows)
    with _drawing(height) as figure:
        left, bottom = 0.37, 0.55 / height
        axes = figure.add_axes((left, bottom, 0.98 - left, 1 - bottom - 0.38 / height))
        _number_axis(axes, low, high, log, say)
        axes.set_ylim(len(rows) - 0.45, -0.6)
        axes.set_yticks([])
        axes.axvline(observed, color=FAINT, lw=1, ls=(0, (3, 3)))
        for at, row in enumerate(rows):
            _method(axes, at, row, high, log)
            colour = ACCENT if row.headline else INK
            weight = "bold" if row.headline else "normal"
            figure_x = axes.get_yaxis_transform()
            label: dict[str, Any] = {"transform": figure_x, "va": "center", "ha": "left"}
            outside = -left / (0.98 - left)
            lines = _two_lines(row.label, LABEL, say)
            rise = (0.07 + 0.065 * (len(lines) - 1)) / pitch if row.kind else 0
            axes.text(outside, at - rise, "\n".join(lines), fontsize=9, color=colour, fontweight=weight,
                      linespacing=1.1, **label)  # fmt: skip
            drop = (0.1 + 0.04 * (len(lines) - 1)) / pitch
            axes.text(outside, at + drop, say.shortened(row.kind, 54), fontsize=7, color=FAINT, **label)
            point, span = method_numbers(row, facts, say)
            middle = _place(row, low, high, log)
            words = f"{point} ({span})" if span else point
            axes.text(min(max(middle, 0.0), 1.0), at - 0.3, words, fontsize=8, color=colour,
                      fontweight=weight, transform=figure_x, va="center",
                      ha="left" if middle < 0.3 else "right" if middle > 0.7 else "center")  # fmt: skip
        _observed_label(axes, facts, low, high, log, say)
        suffix = f" ({say('intervals.log')})" if log else ""
        axes.set_xlabel(say("intervals.axis") + suffix)
        _stamp(figure, said, say)
        return _svg(figure, "intervals", finding)


def posterior_figure(law: Distribution, facts: Facts, said: Headline, finding: str, say: Catalogue) -> str | None:
    """Return the density of log N with its humps, the interval shaded; None for a single value."""
    sizes, density = law.density()
    if len(sizes) < 2:
        return None
    observed, estimate = facts.estimate.observed, facts.estimate
    low, high = min(float(observed), float(sizes[0])), float(sizes[-1])
    if len(facts.humps) > 1:  # room for the words at the right of the last hump
        high = max(high, low * (facts.humps[-1].peak / low) ** 1.35)
    with _drawing(3.5) as figure:
        axes = figure.add_axes((0.03, 0.155, 0.95, 0.74))
        _number_axis(axes, low, high, True, say)
        top = float(density.max())
        axes.set_ylim(-0.13 * top, 1.28 * top)
        axes.set_yticks([])
        axes.fill_between(sizes, density, color="#e9edf1", lw=0)
        inside = (sizes >= estimate.low) & (sizes <= estimate.high)
        axes.fill_between(sizes, density, where=inside.tolist(), color=SOFT, lw=0)
        axes.plot(sizes, density, color=ACCENT, lw=1.6)
        axes.plot([estimate.low, estimate.high], [-0.065 * top] * 2, color=ACCENT, lw=3, solid_capstyle="butt")
        axes.plot([estimate.point], [-0.065 * top], "o", color=ACCENT, ms=6, mec="white", mew=1)
        axes.axvline(observed, color=FAINT, lw=1, ls=(0, (3, 3)))
        humps = facts.humps
        peaks = [float(np.interp(math.log(hump.peak), np.log(sizes), density)) for hump in humps]
        several = len(humps) > 1
        marks = hump_words(humps, said.rounded, say, "posterior.mark" if several else "posterior.peak")
        for hump, peak, words in zip(humps, peaks, marks, strict=True):
            if several and hump is not humps[-1]:
                axes.plot([hump.high] * 2, [0, top], color=FAINT, lw=0.8, ls=":")
            axes.plot([hump.peak], [peak], "o", color=INK, ms=4)
            share = _fraction(hump.peak, low, high, True)
            # Outer humps carry their words on the outer side, where no curve runs.
            side = "right" if several and hump is humps[0] else "left" if several and hump is humps[-1] else "center"
            side = "left" if share < 0.22 else "right" if share > 0.78 else side
            offset = {"left": 4, "right": -4, "center": 0}[side]
            axes.annotate(words, (hump.peak, peak), (offset, 6), textcoords="offset points", fontsize=9,
                          color=INK, ha=side, va="bottom", fontweight="bold")  # fmt: skip
        _observed_label(axes, facts, low, high, True, say)
        span = say.range(said.rounded.low, said.rounded.high)
        axes.set_xlabel(f"{say('intervals.axis')} ({say('intervals.log')}); {interval_name(facts, say)} {span}")
        _stamp(figure, said, say)
        return _svg(figure, "posterior", finding)


def overlap_figure(facts: Facts, finding: str, say: Catalogue) -> str | None:
    """Return bars of the most frequent histories over a matrix of lists, with the total of each list."""
    if not facts.histories:
        return None
    shown, rest = facts.histories[:MOST_HISTORIES], facts.histories[MOST_HISTORIES:]
    counts, n_lists = [history.count for history in shown], len(facts.lists)
    largest, columns = max(counts), len(counts)
    matrix, bars, bottom = 0.27 * n_lists + 0.1, 2.1, 0.26 if rest else 0.06
    height = bottom + matrix + bars + 0.12
    with _drawing(height) as figure:
        left, limits = 0.44, (-0.6, max(columns, 12) - 0.4)
        over = figure.add_axes((left, (bottom + matrix) / height, 0.98 - left, bars / height))
        under = figure.add_axes((left, bottom / height, 0.98 - left, matrix / height))
        totals = figure.add_axes((0.285, bottom / height, 0.125, matrix / height))
        colours = [ACCENT if len(history.lists) > 1 else "#8c97a3" for history in shown]
        over.bar(np.arange(columns), counts, width=0.66, color=colours)
        # Numbers stand upright where they are wider than their columns.
        column = 72 * WIDTH * (0.98 - left) / (limits[1] - limits[0])
        upright = CHARACTER * 7 * len(say.number(largest)) > column
        number: dict[str, Any] = {
            "fontsize": 7,
            "ha": "center",
            "va": "bottom",
            "rotation": 90 if upright else 0,
        }
        for at, count in enumerate(counts):
            over.text(at, count + 0.015 * largest, say.number(count), **number)
        over.set(xlim=limits, ylim=(0, (1.2 if upright else 1.1) * largest), xticks=[], yticks=[])
        title: dict[str, Any] = {"transform": over.transAxes, "ha": "right", "va": "top", "color": FAINT}
        over.text(-0.01, 1.0, say("overlap.persons"), **title)
        for axes in (under, totals):
            axes.set(ylim=(n_lists - 0.4, -0.75), xticks=[], yticks=[])
            axes.axis("off")
        under.set_xlim(limits)
        end = (columns + 0.1) / (limits[1] - limits[0])
        for j in range(0, n_lists, 2):
            under.axhspan(j - 0.5, j + 0.5, xmax=end, color="#f2f4f6", lw=0)
        every = np.array([[at, j] for at in range(columns) for j in range(n_lists)], dtype=np.float64)
        under.plot(every[:, 0], every[:, 1], "o", color=RULE, ms=4.5, lw=0)
        for at, history in enumerate(shown):
            under.plot([at] * len(history.lists), history.lists, "-o", color=colours[at], ms=5.5, lw=1.6)
        if rest:
            persons = say.number(sum(history.count for history in rest))
            words = say("overlap.others", count=say.number(len(rest)), persons=persons)
            figure.text(0.98, 0.04 / height, words, fontsize=8, ha="right", va="bottom", color=FAINT)
        _list_totals(totals, facts, say)
        return _svg(figure, "overlap", finding)


def _list_totals(axes: Axes, facts: Facts, say: Catalogue) -> None:
    """Draw the name of each list and a bar with its total, in the rows of the matrix."""
    sums = [row.total or 0 for row in facts.lists]
    axes.set_xlim(0, 1.75 * max(sums))
    axes.barh(range(len(sums)), sums, height=0.55, color="#8c97a3")
    axes.text(0, -0.68, say("overlap.totals"), fontsize=7.5, color=FAINT, va="center")
    for j, (row, total) in enumerate(zip(facts.lists, sums, strict=True)):
        label = f"{row.name} · {row.title}" if row.title and len(row.name) <= 12 else row.name
        axes.text(total + 0.05 * max(sums), j, say.number(total), fontsize=7.5, va="center", color=INK)
        axes.text(-0.06, j, say.shortened(label, 31), transform=axes.get_yaxis_transform(), fontsize=8,
                  ha="right", va="center", color=INK)  # fmt: skip


def _two_lines(text: str, width: int, say: Catalogue) -> list[str]:
    """Return a label broken into at most two lines."""
    lines = textwrap.wrap(text, width)
    return lines if len(lines) < 3 else [lines[0], say.shortened(" ".join(lines[1:]), width)]


# ---- parts ------------------------------------------------------------------------------------------


def _span(rows: Sequence[MethodRow], observed: int) -> tuple[float, float, bool]:
    """Return the ends of the axis for these methods, and whether it is logarithmic."""
    points = [row.point for row in rows if row.point is not None]
    lows = [row.low for row in rows if row.low is not None] or points
    farthest = FARTHEST * max(points)
    highs = [min(row.high, farthest) for row in rows if row.high is not None] or points
    low, high = max(1.0, min(observed, *lows, *points)), max(observed, *highs, *points)
    log = high > LOG_FROM * low
    edge = (high / low) ** 0.03 if log else 0.04 * max(high - low, 1.0)
    return (low / edge, high * edge, log) if log else (max(0.0, low - edge), high + edge, log)


def _fraction(value: float, low: float, high: float, log: bool) -> float:
    """Return where a number lies between the ends of an axis, 0 to 1 inside it."""
    if not log:
        return (value - low) / (high - low)
    return math.log(max(value, 1e-9) / low) / math.log(high / low) if high > low else 0.5


def _place(row: MethodRow, low: float, high: float, log: bool) -> float:
    """Return the middle of the drawn interval as a fraction of the axis."""
    point = row.point or low
    ends = (row.low if row.low is not None else point, min(row.high if row.high is not None else point, high))
    return sum(_fraction(end, low, high, log) for end in ends) / 2


def _method(axes: Axes, at: int, row: MethodRow, end: float, log: bool) -> None:
    """Draw one point and interval; an interval that leaves the axis ends in an arrow."""
    colour = ACCENT if row.headline else "#6b7683"
    if row.low is not None and row.high is not None:
        beyond = row.high > end
        axes.plot([row.low, min(row.high, end)], [at, at], color=colour, lw=4 if row.headline else 2.5,
                  solid_capstyle="butt")  # fmt: skip
        if beyond:
            axes.plot([end], [at], ">", color=colour, ms=7, clip_on=False)
    if row.point is not None:
        axes.plot([row.point], [at], "D" if row.headline else "o", color=colour, ms=7, mec="white", mew=1.2)


def _observed_label(axes: Axes, facts: Facts, low: float, high: float, log: bool, say: Catalogue) -> None:
    observed = facts.estimate.observed
    share = _fraction(observed, low, high, log)
    side = "left" if share < 0.5 else "right"
    offset = (4 if side == "left" else -4, 1)
    axes.annotate(say("intervals.observed", observed=say.number(observed)), (observed, 1.0), offset,
                  xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8, color=FAINT,
                  ha=side, va="bottom")  # fmt: skip


def _number_axis(axes: Axes, low: float, high: float, log: bool, say: Catalogue) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    if log:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    room = 72 * WIDTH * axes.get_position().width
    ticks = axis_ticks(low, high, log, most=max(2, int(room / (CHARACTER * 8.5 * (len(say.number(high)) + 2)))))
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


def _stamp(figure: Figure, said: Headline, say: Catalogue) -> None:
    """Print the verdict in the figure: a picture that is copied takes it along."""
    strong = said.judgement in ("refuse", "unjudged")
    words = say("verdict.stamp", verdict=said.verdict) + (f" – {say('key.not_cited')}" if strong else "")
    figure.text(0.98, 1 - 0.04 / figure.get_figheight(), words, fontsize=8.5, ha="right", va="top",
                color="#9b1c1c" if strong else FAINT, fontweight="bold")  # fmt: skip


@contextmanager
def _drawing(height: float) -> Iterator[Figure]:
    """Give an empty figure under settings that are ours alone; those outside are back afterwards."""
    import matplotlib.style
    from matplotlib.figure import Figure

    settings = {
        "svg.fonttype": "none", "svg.hashsalt": "mse", "text.parse_math": False, "font.size": 9,
        "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
        "axes.edgecolor": FAINT, "axes.labelcolor": FAINT, "axes.labelsize": 8.5, "text.color": INK,
        "xtick.color": FAINT, "xtick.labelsize": 8.5,
    }  # fmt: skip
    with matplotlib.style.context(["default", settings]):
        yield Figure(figsize=(WIDTH, height))


def _svg(figure: Figure, name: str, finding: str) -> str:
    """Return the figure as an SVG element for a page: ids of its own, a title, no style that leaks."""
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
    used = set(re.findall(r"(?:xlink:href=\"|url\()#([^\")]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body).replace("url(#", f"url(#{name}-")
    view = re.search(r'viewBox="[^"]*"', body)
    opening = f'<svg class="drawing" role="img" aria-label="{escape(finding)}" {view[0] if view else ""}>'
    inner = re.sub(r"\n\s*\n+", "\n", body[body.index(">") + 1 :]).strip()
    return f"{opening}\n<title>{escape(finding)}</title>\n{inner}"


def _font(found: re.Match[str]) -> str:
    style = found[1].split()
    weight = next((word for word in style if word in ("bold", "700")), "normal")
    return f"font-size: {found[2]}px; font-weight: {weight}"
