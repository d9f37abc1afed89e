"""Drawings as SVG elements for a page: texts stay text, and the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

ACCENT, SOFT, INK, FAINT, RULE, AGAINST = "#1f5a8c", "#c5d9ea", "#1c2430", "#5b6675", "#d5dae0", "#9b4a1c"


def drawing(width: float, height: float, finding: str, parts: Sequence[str]) -> str:
    """Return an SVG element with a title that says in words what it shows, for those who cannot see it."""
    said = escape(finding)
    head = (
        f'<svg class="drawing" role="img" aria-label="{said}" viewBox="0 0 {width:g} {height:g}" '
        'xmlns="http://www.w3.org/2000/svg" font-family="inherit">'
    )
    return "\n".join([head, f"<title>{said}</title>", *parts, "</svg>"])


def words(
    x: float, y: float, text: str, *, size: float = 12, colour: str = INK, at: str = "start", bold: bool = False
) -> str:
    """Return a text; `at` is where x lies in it: start, middle or end."""
    weight = ' font-weight="bold"' if bold else ""
    style = f'font-size="{size:g}" fill="{colour}" text-anchor="{at}"{weight}'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(text)}</text>'


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:.2f}" y="{y:g}" width="{width:.2f}" height="{height:g}" fill="{colour}"/>'


def line(x: float, y: float, to_x: float, to_y: float, colour: str = RULE) -> str:
    """Return a straight line."""
    return f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" stroke="{colour}"/>'
