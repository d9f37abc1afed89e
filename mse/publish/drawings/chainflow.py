"""A chain as a flow: a box for every state, an arrow for every move, as wide as its share of all who began."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mse.publish.drawings.axes import ACCENT, CHARACTER, FAINT, INK, LINE, NARROW, SOFT, Figure, as_svg, wrapped

WIDEST = 0.62
"""Inches of an arrow that everybody goes."""
NUMBER, GAP = 0.4, 0.26
"""Inches for the number in a box, and between two boxes of one column."""


@dataclass(frozen=True, slots=True)
class FlowMove:
    """An arrow: from, to, the share of all who began (0 to 1), and how it is written."""

    origin: str
    target: str
    share: float
    text: str


def chain_figure(
    states: Sequence[str], names: Mapping[str, str], told: Mapping[str, str], moves: Sequence[FlowMove], finding: str,
    width: float,
) -> str:  # fmt: skip
    """Return states in columns by their distance from the beginning, with the moves between them.

    On a phone they stand below each other, each with the moves that lead to it.

    Parameters
    ----------
    states : sequence of str
        In order; the first is where everybody begins.
    names, told : mapping of str to str
        What a state is called, and the number in its box.
    moves : sequence of FlowMove
        Moves that may be told.
    finding : str
        What the figure shows, for those who cannot see it.
    width : float
        Inches.
    """
    if width == NARROW:
        return _rows(states, names, told, moves, finding)
    column = _columns(states, moves)
    rows: dict[int, list[str]] = {}
    for state in states:
        rows.setdefault(column[state], []).append(state)
    # Those who go on stand above those who leave: a state that others follow comes first in its column.
    leads = {move.origin for move in moves}
    for inside in rows.values():
        inside.sort(key=lambda x: x not in leads)
    tallest = max(map(len, rows.values()))
    wide = width / len(rows)
    box = min(1.55, wide - 0.34)
    longest = max(len(word) for name in names.values() for word in name.split())
    size = min(7.8, 72 * (box - 0.12) / (CHARACTER * longest))  # no word is broken
    lines = {state: wrapped(names[state], box - 0.12, size) for state in states}
    high = max(NUMBER + LINE * size * max(map(len, lines.values())), WIDEST + 0.08)  # all that goes on leaves it
    height = tallest * (high + GAP) + 0.1
    corner = {x: (c * wide + 0.06, 0.08 + i * (high + GAP)) for c, inside in rows.items() for i, x in enumerate(inside)}
    figure = Figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.off()
    used: dict[str, float] = {}
    came: dict[str, float] = {}
    for move in sorted(moves, key=lambda m: (corner[m.target][1], corner[m.target][0])):
        thick = max(WIDEST * move.share, 0.015)
        x0, y0 = (
            corner[move.origin][0] + box,
            corner[move.origin][1] + 0.04 + used.get(move.origin, 0.0) + thick / 2,
        )
        x1, y1 = corner[move.target][0], corner[move.target][1] + 0.04 + came.get(move.target, 0.0) + thick / 2
        used[move.origin] = used.get(move.origin, 0.0) + thick
        came[move.target] = came.get(move.target, 0.0) + thick
        middle = (x0 + x1) / 2
        over = [(x, y - thick / 2) for x, y in ((x0, y0), (middle, y0), (middle, y1), (x1, y1))]
        axes.ribbon(over, thick, color=SOFT)
        axes.text(x1 - 0.03, y1, move.text, fontsize=7.5, color=FAINT, va="center", ha="right")
    for state, (x, y) in corner.items():
        axes.rectangle(x, y, box, high, color="#eef4f9", edge=ACCENT, lw=1, radius=0.05, z=2)
        axes.text(x + 0.07, y + 0.08, "\n".join(lines[state]), fontsize=size, color=INK, va="top", ha="left")
        axes.text(x + box - 0.07, y + high - 0.07, told[state], fontsize=8.6, color=INK, va="bottom", ha="right",
                  fontweight="bold")  # fmt: skip
    return as_svg(figure, "chain", finding)


def _columns(states: Sequence[str], moves: Sequence[FlowMove]) -> dict[str, int]:
    """Return the column of every state: one more than that of the furthest state before it, in the order given."""
    column = dict.fromkeys(states, 0)
    for state in states:
        before = [column[m.origin] for m in moves if m.target == state and states.index(m.origin) < states.index(state)]
        column[state] = max(before, default=-1 if state == states[0] else 0) + 1
    return column


def _rows(
    states: Sequence[str], names: Mapping[str, str], told: Mapping[str, str], moves: Sequence[FlowMove], finding: str
) -> str:
    """Return one row per state: its name and number, and below it a bar for every move that leads to it."""
    room = 0.94 * NARROW
    into = {state: [move for move in moves if move.target == state] for state in states}
    lines = {state: wrapped(names[state], room - 0.7, 9.5) for state in states}
    words = {(m.origin, m.target): wrapped(f"{names[m.origin]} → {names[m.target]}", room - 0.7, 8) for m in moves}
    tall = {s: LINE * 9.5 * len(lines[s]) + 0.12 + sum(_move(words[m.origin, s]) for m in into[s]) for s in states}
    height = 0.1 + sum(tall.values())
    figure = Figure(NARROW, height)
    axes = figure.add_axes((0.03, 0, 0.94, 1))
    axes.set_xlim(0, room)
    axes.set_ylim(height, 0)
    axes.off()
    top = 0.06
    for state in states:
        axes.text(0, top, "\n".join(lines[state]), fontsize=9, color=INK, va="top", fontweight="bold", linespacing=1.1)
        axes.text(room, top, told[state], fontsize=9, color=INK, va="top", ha="right", fontweight="bold")
        at = top + LINE * 9.5 * len(lines[state]) + 0.02
        for move in into[state]:
            said = words[move.origin, state]
            axes.text(0.1, at, "\n".join(said), fontsize=7.8, color=FAINT, va="top", linespacing=1.1)
            axes.text(room, at, move.text, fontsize=7.8, color=FAINT, va="top", ha="right")
            bar = at + _move(said) - 0.08
            axes.rectangle(0.1, bar - 0.04, (room - 0.1) * move.share, 0.08, color=ACCENT)
            at += _move(said)
        top += tall[state]
    return as_svg(figure, "chain", finding)


def _move(lines: Sequence[str]) -> float:
    """Return the inches that a move takes in the row of the state that it leads to."""
    return LINE * 8 * len(lines) + 0.16


def share_width(share: float) -> float:
    """Return a share as an arrow may show it: nothing where it is not told."""
    return share if math.isfinite(share) else 0.0
