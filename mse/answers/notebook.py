"""What a notebook shows of an answer: a figure that can be taken away, and the curve of a law; self-contained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from mse.computing.savefiles import write_file
from mse.errors import InputError, Problem
from mse.kernels.arrays import Array
from mse.words.said import said

WIDTH, HEIGHT = 320.0, 64.0
"""Of the curve, points."""


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


def drawn(what: object, kind: str | None, language: str) -> Picture:
    """Return a figure of the report of an answer: what draws it lies above, and is looked up only when it is called."""
    figure: Picture = import_module("mse.publish.plotting").plot(what, kind, language=language)
    return figure


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
