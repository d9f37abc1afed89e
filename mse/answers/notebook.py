"""What a notebook shows of a value: a small table with its words, and the curve of a law; self-contained HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mse.computing.savefiles import write_file
from mse.errors import InputError, Problem
from mse.words.said import said

Array = npt.NDArray[np.float64]

WIDTH, HEIGHT = 320.0, 64.0
"""Of the curve, points."""

TONES = {"publish": "#2e7d4f", "publish with caution": "#b7791f", "do not publish": "#9b1c1c"}
"""Colours of the verdicts."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: a notebook shows it, `save` writes it.

    Parameters
    ----------
    svg : str
        As SVG.
    png : bytes
        The same as PNG, 200 dots an inch.
    finding : str
        What it shows, in words.
    """

    svg: str
    png: bytes
    finding: str

    def __repr__(self) -> str:
        """One line: what it shows."""
        return f"<Picture: {self.finding}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return f'<div style="max-width:800px;background:#fff">{self.svg}</div>'

    def save(self, path: str | Path) -> Path:
        """Write it, as SVG or PNG by the ending of the path, and return where it is.

        Raises
        ------
        InputError
            When the ending is another one, or the machine cannot write it.
        """
        place = Path(path)
        content = {".svg": self.svg.encode(), ".png": self.png}.get(place.suffix.lower())
        if content is None:
            raise InputError(
                Problem(said("found.figure_cannot_written_ending"), said("allowed.path_ends_svg_png"),
                        said("do.give_path_another_ending"), value=place.suffix)
            )  # fmt: skip
        write_file(place, content)
        return place


def drawn(what: object, kind: str, language: str) -> Picture:
    """Return a figure of the report of an answer: what draws it lies above, and is looked up only when it is called."""
    figure: Picture = import_module("mse.publish.plotting").plot(what, kind, language=language)
    return figure


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


def curve(sizes: Array, density: Array, low: float, high: float) -> str:
    """Return the density of log N as a small picture, the interval in a darker colour.

    Parameters
    ----------
    sizes, density : float64 array, shape (G,)
        Persons, increasing, and the density of log N there.
    low, high : float
        Ends of the interval, persons.
    """
    if len(sizes) < 3 or not density.max() > 0 or not sizes[-1] > sizes[0] > 0:
        return ""
    x = WIDTH * np.log(sizes / sizes[0]) / math.log(sizes[-1] / sizes[0])
    y = HEIGHT * (1 - 0.96 * density / density.max())
    inside = (sizes >= low) & (sizes <= high)
    whole, part = _area(x, y), _area(x[inside], y[inside]) if inside.sum() > 1 else ""
    return (
        f'<svg width="{WIDTH:.0f}" height="{HEIGHT:.0f}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img">'
        f'<path d="{whole}" fill="#8c97a3" fill-opacity=".25"/>'
        f'<path d="{part}" fill="#1f5a8c" fill-opacity=".55"/></svg>'
    )


def _area(x: Array, y: Array) -> str:
    line = " L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{x[0]:.1f} {HEIGHT:.0f} L{line} L{x[-1]:.1f} {HEIGHT:.0f} Z"
