"""The way of the registrations from the files to the persons that are counted, as a diagram."""

from __future__ import annotations

from collections.abc import Sequence

from mse.publish.drawings.axes import ACCENT, FAINT, INK, as_svg, drawing

PITCH = 0.72
"""Inches from one box to the next."""


def flow_figure(steps: Sequence[tuple[str, str, str]], finding: str) -> str:
    """Return one box per step, from top to bottom.

    Parameters
    ----------
    steps : sequence of (str, str, str)
        What the step is, how many are left after it, and what was taken off on the way to it.
    finding : str
        What the figure shows, for those who cannot see it.
    """
    from matplotlib.patches import FancyBboxPatch

    height = PITCH * len(steps) - 0.12
    with drawing(height) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 8), ylim=(height, 0))
        axes.axis("off")
        for i, (name, count, lost) in enumerate(steps):
            top = 0.06 + PITCH * i
            box = FancyBboxPatch((1.6, top), 4.8, 0.42, boxstyle="round,pad=0.0,rounding_size=0.06", ec=ACCENT,
                                 fc="#eef4f9", lw=1)  # fmt: skip
            axes.add_patch(box)
            axes.text(1.75, top + 0.21, name, fontsize=9, color=INK, va="center", ha="left")
            axes.text(6.25, top + 0.21, count, fontsize=9.5, color=INK, va="center", ha="right", fontweight="bold")
            if i:
                arrow = {"arrowstyle": "-|>", "color": FAINT, "lw": 1, "shrinkA": 0, "shrinkB": 0}
                axes.annotate("", (4, top), (4, top - PITCH + 0.42), arrowprops=arrow)
                axes.text(4.12, top - (PITCH - 0.42) / 2, lost, fontsize=8, color=FAINT, va="center", ha="left")
        return as_svg(figure, "flow", finding)
