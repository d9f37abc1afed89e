"""The overlap of the lists as a figure; only ever for a table that is public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mse.publish.drawings.axes import ACCENT, CHARACTER, FAINT, GREY, INK, RULE, WIDTH, as_svg, drawing
from mse.publish.facts.statements import Facts
from mse.publish.wording.messages import Catalogue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_HISTORIES = 25


def overlap_figure(facts: Facts, finding: str, say: Catalogue) -> str | None:
    """Return bars of the most frequent histories over a matrix of lists, with the total of each list."""
    if not facts.histories:
        return None
    shown, rest = facts.histories[:MOST_HISTORIES], facts.histories[MOST_HISTORIES:]
    counts, n_lists = [history.count for history in shown], len(facts.lists)
    largest, columns = max(counts), len(counts)
    matrix, bars, bottom = 0.27 * n_lists + 0.1, 2.1, 0.26 if rest else 0.06
    height = bottom + matrix + bars + 0.12
    with drawing(height) as figure:
        left, limits = 0.44, (-0.6, max(columns, 12) - 0.4)
        over = figure.add_axes((left, (bottom + matrix) / height, 0.98 - left, bars / height))
        under = figure.add_axes((left, bottom / height, 0.98 - left, matrix / height))
        totals = figure.add_axes((0.285, bottom / height, 0.125, matrix / height))
        colours = [ACCENT if len(history.lists) > 1 else GREY for history in shown]
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
        return as_svg(figure, "overlap", finding)


def _list_totals(axes: Axes, facts: Facts, say: Catalogue) -> None:
    """Draw the name of each list and a bar with its total, in the rows of the matrix."""
    sums = [row.total or 0 for row in facts.lists]
    axes.set_xlim(0, 1.75 * max(sums))
    axes.barh(range(len(sums)), sums, height=0.55, color=GREY)
    axes.text(0, -0.68, say("overlap.totals"), fontsize=7.5, color=FAINT, va="center")
    for j, (row, total) in enumerate(zip(facts.lists, sums, strict=True)):
        label = f"{row.name} · {row.title}" if row.title and len(row.name) <= 12 else row.name
        axes.text(total + 0.05 * max(sums), j, say.number(total), fontsize=7.5, va="center", color=INK)
        axes.text(-0.06, j, say.shortened(label, 31), transform=axes.get_yaxis_transform(), fontsize=8,
                  ha="right", va="center", color=INK)  # fmt: skip
