"""A chain as a flow: a box for every state, an arrow for every move, as wide as its share of all who began."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mse.publish.drawings.axes import ACCENT, FAINT, INK, NARROW, SOFT, as_svg, drawing, wrapped

WIDEST = 0.62
"""Inches of an arrow that everybody goes."""
HIGH, GAP, ROOM = 0.74, 0.26, 0.42
"""Inches of a box, between two of one column, and for the arrows between two rows."""


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
    """Return states by their distance from the beginning, from left to right or, on a phone, downward.

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
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    column = _columns(states, moves)
    rows: dict[int, list[str]] = {}
    for state in states:
        rows.setdefault(column[state], []).append(state)
    # Those who go on stand above those who leave: a state that others follow comes first in its column.
    leads = {move.origin for move in moves}
    for inside in rows.values():
        inside.sort(key=lambda x: x not in leads)
    lanes, down = max(map(len, rows.values())), width == NARROW
    pitch = width / lanes if down else width / len(rows)
    box = min(1.55, pitch - (0.14 if down else 0.34))
    step = HIGH + (ROOM if down else GAP)
    height = (len(rows) if down else lanes) * step + 0.1
    corner = {
        x: (i * pitch + 0.06, 0.08 + c * step) if down else (c * pitch + 0.06, 0.08 + i * step)
        for c, inside in rows.items() for i, x in enumerate(inside)
    }  # fmt: skip
    with drawing(width, height) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        small: dict[str, Any] = {"fontsize": 7.5, "color": FAINT, "zorder": 3}
        used: dict[str, float] = {}
        came: dict[str, float] = {}
        for move in sorted(moves, key=lambda m: corner[m.target] if down else corner[m.target][::-1]):
            thick = max(WIDEST * move.share, 0.015)
            start, end = used.get(move.origin, 0.0) + 0.04, came.get(move.target, 0.0) + 0.04
            used[move.origin], came[move.target] = start + thick - 0.04, end + thick - 0.04
            (x0, y0), (x1, y1) = corner[move.origin], corner[move.target]
            if down:
                band = _band(y0 + HIGH, x0 + start, y1, x1 + end, thick)
                band = [(x, y) for y, x in band]
                axes.text(x1 + end + thick / 2, y1 - 0.05, move.text, ha="center", va="bottom", **small)
            else:
                band = _band(x0 + box, y0 + start, x1, y1 + end, thick)
                axes.text(x1 - 0.03, y1 + end + thick / 2, move.text, ha="right", va="center", **small)
            codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
            axes.add_patch(PathPatch(Path(band, codes), fc=SOFT, ec="none", zorder=1))
        for state, (x, y) in corner.items():
            patch = FancyBboxPatch((x, y), box, HIGH, boxstyle="round,pad=0.0,rounding_size=0.05", ec=ACCENT,
                                   fc="#eef4f9", lw=1, zorder=2)  # fmt: skip
            axes.add_patch(patch)
            name = "\n".join(wrapped(names[state], box - 0.12, 7.4)[:3])
            axes.text(x + 0.07, y + 0.1, name, fontsize=7.4, color=INK, va="top", ha="left", zorder=3)
            axes.text(x + box - 0.07, y + HIGH - 0.07, told[state], fontsize=8.6, color=INK, va="bottom", ha="right",
                      fontweight="bold", zorder=3)  # fmt: skip
        return as_svg(figure, "chain", finding)


def _band(x0: float, y0: float, x1: float, y1: float, thick: float) -> list[tuple[float, float]]:
    """Return the corners of an arrow from (x0, y0) to (x1, y1), which are its upper ends."""
    middle = (x0 + x1) / 2
    upper = [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
    return [*upper, *((x, y + thick) for x, y in reversed(upper)), (x0, y0)]


def _columns(states: Sequence[str], moves: Sequence[FlowMove]) -> dict[str, int]:
    """Return the column of every state: one more than that of the furthest state before it, in the order given."""
    column = dict.fromkeys(states, 0)
    for state in states:
        before = [column[m.origin] for m in moves if m.target == state and states.index(m.origin) < states.index(state)]
        column[state] = max(before, default=-1 if state == states[0] else 0) + 1
    return column


def share_width(share: float) -> float:
    """Return a share as an arrow may show it: nothing where it is not told."""
    return share if math.isfinite(share) else 0.0
