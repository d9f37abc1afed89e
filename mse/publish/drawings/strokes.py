"""Pieces of a drawing as SVG: numbers, lines, marks and words, in points, y downwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Literal

ACCENT, SOFT, INK, FAINT, RULE, GREY = "#1f5a8c", "#c5d9ea", "#1c2430", "#5b6675", "#d5dae0", "#8c97a3"
WHITE = "#ffffff"

type Dashes = Literal["-", ":"] | tuple[int, tuple[float, float]]

ASCENT, DESCENT = 0.76, 0.24
"""Of a line of text above and below its foot, in sizes of its font."""

LETTER = 0.56
"""Width of an average letter, in sizes of its font."""


def fraction(value: float, low: float, high: float, log: bool) -> float:
    """Return where a number lies between the ends of an axis, 0 to 1 inside it."""
    if not log:
        return (value - low) / (high - low) if high != low else 0.5
    return math.log(max(value, 1e-9) / low) / math.log(high / low) if high != low else 0.5


def n(value: float) -> str:
    """Return a number to a hundredth of a point, which is all that can be seen."""
    return "0" if abs(value) < 0.005 else f"{value:.2f}".rstrip("0").rstrip(".")


def lines_through(points: Sequence[tuple[float, float]]) -> str:
    """Return the path from point to point."""
    return "M " + " L ".join(f"{n(x)} {n(y)}" for x, y in points)


def stroke(color: str, lw: float, ls: Dashes = "-", butt: bool = False) -> str:
    """Return the style of a line: colour, width, dashes in widths, ends that reach no further than its own."""
    style = f"fill: none; stroke: {color}; stroke-width: {lw:g}"
    if ls == "-":
        return style if butt else f"{style}; stroke-linecap: square; stroke-linejoin: round"
    on, away = (1.0, 1.65) if ls == ":" else ls[1]
    return f"{style}; stroke-dasharray: {n(on * lw)},{n(away * lw)}"


def marker(shape: str, x: float, y: float, size: float, color: str, edge: str, width: float, cut: str) -> str:
    """Return a mark of so many points, with an edge and what cuts it off."""
    style = f"fill: {color}; stroke: {edge}; stroke-width: {width:g}"
    r = 0.5 * size
    if shape == "o":
        return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(r)}"{cut} style="{style}"/>'
    if shape == "x":
        path = f"{lines_through([(x - r, y - r), (x + r, y + r)])} {lines_through([(x - r, y + r), (x + r, y - r)])}"
        return f'<path d="{path}"{cut} style="{style}"/>'
    wide = r * math.sqrt(2.0)
    corners = {"D": [(x, y - wide), (x + wide, y), (x, y + wide), (x - wide, y)],
               ">": [(x + r, y), (x - r, y - r), (x - r, y + r)]}[shape]  # fmt: skip
    return f'<path d="{lines_through(corners)} z"{cut} style="{style}; stroke-linejoin: miter"/>'


def words_at(
    x: float, y: float, words: str, *, fontsize: float = 9.0, color: str = INK, ha: str = "left", va: str = "baseline",
    fontweight: str = "normal", linespacing: float = 1.2, upright: bool = False,
) -> str:  # fmt: skip
    """Return lines of words; options as in `Axes.text`."""
    lines = words.split("\n")
    over, under = ASCENT * fontsize, DESCENT * fontsize
    pitch = over * linespacing + under
    rest = pitch * (len(lines) - 1)
    foot = {"top": y + over, "bottom": y - under - rest, "center": y + (over - under - rest) / 2, "baseline": y - rest}
    anchor = {"left": "", "center": "; text-anchor: middle", "right": "; text-anchor: end"}[ha]
    style = f"font-size: {fontsize:g}px; font-weight: {fontweight}; fill: {color}"
    if upright:
        at = x + (over - under) / 2
        turned = f'transform="translate({n(at)} {n(y)}) rotate(-90)"'
        return f'<text {turned} style="{style}">{escape(words, quote=False)}</text>'
    return "\n".join(
        f'<text x="{n(x)}" y="{n(foot[va] + pitch * i)}" style="{style}{anchor}">{escape(line, quote=False)}</text>'
        for i, line in enumerate(lines) if line
    )  # fmt: skip
