"""The way of the registrations from the files to the persons that are counted, as a diagram."""

from __future__ import annotations

from collections.abc import Sequence

from mse.publish.drawings.axes import ACCENT, FAINT, INK, LINE, NARROW, Figure, as_svg, wrapped


def flow_figure(steps: Sequence[tuple[str, str, str]], finding: str, width: float) -> str:
    """Return one box per step, from top to bottom.

    Parameters
    ----------
    steps : sequence of (str, str, str)
        What the step is, how many are left after it, and what was taken off on the way to it.
    finding : str
        What the figure shows, for those who cannot see it.
    width : float
        Inches.
    """
    wide = width if width == NARROW else 0.6 * width
    left = (width - wide) / 2
    names = [wrapped(name, wide - 0.3 - 0.09 * max(len(count) for _, count, _ in steps), 9) for name, _, _ in steps]
    lost = [wrapped(words, width / 2 - 0.2, 8) for _, _, words in steps]
    boxes = [0.14 + LINE * 10 * len(lines) for lines in names]
    gaps = [0.0, *(max(0.28, 0.06 + LINE * 8.5 * len(lines)) for lines in lost[1:])]
    height = 0.12 + sum(boxes) + sum(gaps)
    figure = Figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.off()
    top = 0.06
    for i, ((_, count, _), lines, words, tall, gap) in enumerate(zip(steps, names, lost, boxes, gaps, strict=True)):
        if i:
            axes.arrow((width / 2, top), (width / 2, top + gap), color=FAINT)
            axes.text(width / 2 + 0.12, top + gap / 2, "\n".join(words), fontsize=8, color=FAINT, va="center",
                      ha="left", linespacing=1.1)  # fmt: skip
        top += gap
        axes.rectangle(left + 0.03, top, wide - 0.06, tall, color="#eef4f9", edge=ACCENT, lw=1, radius=0.06)
        axes.text(left + 0.12, top + tall / 2, "\n".join(lines), fontsize=9, color=INK, va="center", ha="left",
                  linespacing=1.1)  # fmt: skip
        axes.text(left + wide - 0.12, top + tall / 2, count, fontsize=9.5, color=INK, va="center", ha="right",
                  fontweight="bold")  # fmt: skip
        top += tall
    return as_svg(figure, "flow", finding)
