"""The overlap of the lists as a figure; only ever for a table that is public."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mse.publish.drawings.axes import (
    ACCENT,
    CHARACTER,
    FAINT,
    GREY,
    INK,
    LINE,
    NARROW,
    RULE,
    Axes,
    Figure,
    as_svg,
    wrapped,
)
from mse.publish.facts.statements import Facts, History, ListRow
from mse.publish.wording.messages import Catalogue

MOST_HISTORIES, MOST_ROWS = 25, 12
"""Histories that are drawn on a sheet, and on a phone."""

NAMES = 2.15
"""Inches for the names of the lists beside the matrix."""


def overlap_figure(facts: Facts, finding: str, say: Catalogue, width: float) -> str | None:
    """Return the most frequent histories with their counts; None where the table is not public.

    On a sheet they are bars over a matrix of lists, with the total of each list; on a phone rows of names and bars.
    """
    if not facts.histories:
        return None
    return _rows(facts, finding, say, width) if width == NARROW else _matrix(facts, finding, say, width)


def _rows(facts: Facts, finding: str, say: Catalogue, width: float) -> str:
    """Return one row per history: the names of its lists, and a bar with its count."""
    shown, rest = facts.histories[:MOST_ROWS], facts.histories[MOST_ROWS:]
    names = [wrapped(" × ".join(_label(facts.lists[j]) for j in history.lists), 0.96 * width, 9) for history in shown]
    tall = [LINE * 9 * len(lines) + 0.26 for lines in names]
    words = wrapped(_others(rest, say), 0.96 * width, 8.5) if rest else []
    height = 0.06 + sum(tall) + LINE * 8.5 * len(words) + 0.06
    largest = max(history.count for history in shown)
    number = CHARACTER * 8 * len(say.number(largest)) / 72 + 0.15
    figure = Figure(width, height)
    axes = figure.add_axes((0.02, 0, 0.96, 1))
    axes.set_xlim(0, 0.96 * width)
    axes.set_ylim(height, 0)
    axes.off()
    top = 0.06
    for history, lines, step in zip(shown, names, tall, strict=True):
        axes.text(0, top, "\n".join(lines), fontsize=8.5, va="top", color=INK, linespacing=1.1)
        at = top + LINE * 9 * len(lines) + 0.08
        length = history.count / largest * (0.96 * width - number)
        axes.rectangle(0, at - 0.065, length, 0.13, color=ACCENT if len(history.lists) > 1 else GREY)
        axes.text(length + 0.06, at, say.number(history.count), fontsize=8, va="center", color=INK)
        top += step
    axes.text(0, top, "\n".join(words), fontsize=8, va="top", color=FAINT, linespacing=1.1)
    return as_svg(figure, "overlap", finding)


def _label(found: ListRow) -> str:
    return found.title or found.name


def _others(rest: Sequence[History], say: Catalogue) -> str:
    """Return how many histories are not drawn, and how many persons are in them."""
    return say("overlap.others", count=say.number(len(rest)), persons=say.number(sum(x.count for x in rest)))


def _matrix(facts: Facts, finding: str, say: Catalogue, width: float) -> str:
    shown, rest = facts.histories[:MOST_HISTORIES], facts.histories[MOST_HISTORIES:]
    counts, n_lists = [history.count for history in shown], len(facts.lists)
    largest, columns = max(counts), len(counts)
    names = [wrapped(_label(found), NAMES, 8) for found in facts.lists]
    row = max(0.27, 0.03 + LINE * 8 * max(map(len, names)))
    matrix, bars, bottom = row * n_lists + 0.1, 2.1, 0.26 if rest else 0.06
    height = bottom + matrix + bars + 0.12
    figure = Figure(width, height)
    left, limits = 0.44, (-0.6, max(columns, 12) - 0.4)
    over = figure.add_axes((left, (bottom + matrix) / height, 0.98 - left, bars / height))
    under = figure.add_axes((left, bottom / height, 0.98 - left, matrix / height))
    totals = figure.add_axes((0.285, bottom / height, 0.125, matrix / height))
    colours = [ACCENT if len(history.lists) > 1 else GREY for history in shown]
    for at, count in enumerate(counts):
        over.rectangle(at - 0.33, 0, 0.66, count, color=colours[at])
    # Numbers stand upright where they are wider than their columns.
    column = 72 * width * (0.98 - left) / (limits[1] - limits[0])
    upright = CHARACTER * 7 * len(say.number(largest)) > column
    number: dict[str, Any] = {
        "fontsize": 7,
        "ha": "center",
        "va": "bottom",
        "upright": upright,
    }
    for at, count in enumerate(counts):
        over.text(at, count + 0.015 * largest, say.number(count), **number)
    over.set_xlim(*limits)
    over.set_ylim(0, (1.2 if upright else 1.1) * largest)
    title: dict[str, Any] = {"where": "axes", "ha": "right", "va": "top", "color": FAINT}
    over.text(-0.01, 1.0, say("overlap.persons"), **title)
    for axes in (under, totals):
        axes.set_ylim(n_lists - 0.4, -0.75)
        axes.off()
    under.set_xlim(*limits)
    for j in range(0, n_lists, 2):
        under.rectangle(limits[0], j - 0.5, columns + 0.1, 1.0, color="#f2f4f6")
    every = [(at, j) for at in range(columns) for j in range(n_lists)]
    under.plot([at for at, _ in every], [j for _, j in every], "o", color=RULE, ms=4.5)
    for at, history in enumerate(shown):
        under.plot([at] * len(history.lists), history.lists, "-o", color=colours[at], ms=5.5, lw=1.6)
    if rest:
        figure.text(0.98, 0.04 / height, _others(rest, say), fontsize=8, ha="right", va="bottom", color=FAINT)
    _list_totals(totals, facts, names, say)
    return as_svg(figure, "overlap", finding)


def _list_totals(axes: Axes, facts: Facts, names: Sequence[Sequence[str]], say: Catalogue) -> None:
    """Draw the name of each list and a bar with its total, in the rows of the matrix."""
    sums = [row.total or 0 for row in facts.lists]
    axes.set_xlim(0, 1.75 * max(sums))
    for j, total in enumerate(sums):
        axes.rectangle(0, j - 0.275, total, 0.55, color=GREY)
    axes.text(0, -0.68, say("overlap.totals"), fontsize=7.5, color=FAINT, va="center")
    for j, (lines, total) in enumerate(zip(names, sums, strict=True)):
        axes.text(total + 0.05 * max(sums), j, say.number(total), fontsize=7.5, va="center", color=INK)
        axes.text(-0.06, j, "\n".join(lines), where="across", fontsize=8,
                  ha="right", va="center", color=INK, linespacing=1.0)  # fmt: skip
