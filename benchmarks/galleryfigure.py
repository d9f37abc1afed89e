"""The figure of the gallery: what was published and ours side by side, drawn from the stored table of truth.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.pages import FIGURES

NUMBER = re.compile(r"\d[\d,]*")


@dataclass(frozen=True, slots=True)
class Pair:
    """A study in the figure.

    Parameters
    ----------
    title : str
        Who is counted.
    published, ours : tuple of float
        Point, low, high; low and high, where there is no point; or one number.
    known : bool
        Whether the published number is the truth.
    refused : bool
        Whether ours must not be published.
    """

    title: str
    published: tuple[float, ...]
    ours: tuple[float, ...]
    known: bool
    refused: bool


def pair_of(cells: Sequence[str]) -> Pair:
    """Return a row of the table of studies as numbers."""
    return Pair(
        cells[0], _numbers(cells[2]), _numbers(cells[4]), cells[3].startswith("the truth"), cells[6] == "do not publish"
    )


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(found.replace(",", "")) for found in NUMBER.findall(text))


def draw(pairs: Sequence[Pair]) -> None:
    """Write the figure."""
    from mse.publish.drawings.axes import ACCENT, FAINT, INK, WHITE, Figure, as_svg, axis_ticks

    figure = Figure(8.0, 0.55 * len(pairs) + 0.7)
    axes = figure.add_axes((0.36, 0.09, 0.6, 0.89))
    every = [x for pair in pairs for x in (*pair.published, *pair.ours)]
    low, high = min(every) / 1.3, max(every) * 1.3
    axes.set_scale("x")
    axes.set_xlim(low, high)
    axes.set_ylim(0.4, len(pairs) + 0.6)
    ticks = axis_ticks(low, high, True, most=7)
    axes.name_ticks("x", ticks, [f"{x:,.0f}" for x in ticks])
    axes.grid("x")
    places = list(range(len(pairs), 0, -1))
    axes.name_ticks("y", places, [pair.title for pair in pairs], color=INK, marks=False)
    for at, pair in enumerate(pairs):
        for shift, colour, values in ((0.16, FAINT, pair.published), (-0.16, ACCENT, pair.ours)):
            y = len(pairs) - at + shift
            mine = colour == ACCENT
            if len(values) > 1:
                axes.plot(values[-2:], [y, y], color=colour, lw=2.2, butt=True)
            if len(values) != 2:
                mark = "x" if pair.known and not mine else "o"
                hollow = mine and pair.refused
                axes.plot([values[0]], [y], mark, color=WHITE if hollow else colour, mec=colour, ms=6, mew=1.6)
    axes.set_xlabel("persons, logarithmic")
    svg = as_svg(figure, "gallery", "What was published and ours, study by study")
    opened = svg.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" ', 1
    )
    FIGURES.mkdir(exist_ok=True)
    (FIGURES / "gallery.svg").write_text(opened + "\n", encoding="utf-8", newline="\n")
