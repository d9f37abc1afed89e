"""What a notebook shows of a value: a small table with its words, as self-contained HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

TONES = {"publish": "#2e7d4f", "publish with caution": "#b7791f", "do not publish": "#9b1c1c"}
"""Colours of the verdicts."""


def card(
    heading: str,
    rows: Sequence[tuple[str, str]],
    verdict: str = "",
    notes: Sequence[str] = (),
    picture: str = "",
) -> str:
    """Return a value as a small table in HTML.

    Parameters
    ----------
    heading : str
        What it is.
    rows : sequence of (str, str)
        Names and values.
    verdict : str
        Level of the verdict, which colours the edge; empty for none.
    notes : sequence of str
        Sentences below.
    picture : str
        SVG above the notes.
    """
    edge = TONES.get(verdict, "#1f5a8c")
    cells = "".join(
        f'<tr><td style="text-align:left;padding:1px 12px 1px 0;opacity:.7">{escape(name)}</td>'
        f'<td style="text-align:left;padding:1px 0">{escape(value)}</td></tr>'
        for name, value in rows
    )
    said = "".join(f'<li style="margin:0">{escape(note)}</li>' for note in notes)
    below = f'<ul style="margin:4px 0 0;padding-left:18px;max-width:46em">{said}</ul>' if said else ""
    return (
        f'<div style="border-left:4px solid {edge};padding:2px 0 4px 12px;margin:4px 0">'
        f"<strong>{escape(heading)}</strong>"
        f'<table style="border:0;margin:2px 0;background:none">{cells}</table>{picture}{below}</div>'
    )
