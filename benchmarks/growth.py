"""How the time of an answer grows with lists, strata, persons, replicates and rows: exponents, and a figure.

    python -m benchmarks.growth [--write]

CPU seconds of one process, the least of a few runs, after everything is compiled. The exponent b of time ~ size^b is
the slope of the upper half of each curve in logarithms; for lists, each of which doubles the cells, it is the factor
per list.
``--write`` draws docs/figures/growth.svg and fills the table of docs/speed.md.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mse
from benchmarks.__main__ import ONE, on_of, simulated, strata, timed
from benchmarks.pages import FIGURES
from benchmarks.speedpage import put
from mse.tables.captures import CaptureTable


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve.

    Parameters
    ----------
    name, unit : str
        What is done, and what grows.
    sizes : tuple of float
        Along the axis.
    work : callable
        Makes the piece of work of a size.
    """

    name: str
    unit: str
    sizes: tuple[float, ...]
    work: Callable[[float], Callable[[], object]]


def of_lists(size: float) -> Callable[[], object]:
    table = simulated(int(size), 1)[0]
    return partial(mse.estimate, table, seed=1, compute=ONE)


def of_strata(size: float) -> Callable[[], object]:
    return partial(mse.estimate, strata(int(size)), by=["part"], seed=1, compute=ONE)


def of_persons(size: float) -> Callable[[], object]:
    on = on_of(4)
    counts = np.rint(size * np.where(on, 0.2, 0.8).prod(axis=1)).astype(np.int64)
    return partial(mse.estimate, CaptureTable.from_arrays("ABCD", counts), seed=1, compute=ONE)


def of_replicates(size: float) -> Callable[[], object]:
    return partial(mse.estimate, simulated(4, 1)[0], "bootstrap", replicates=int(size), seed=1, compute=ONE)


def of_rows(size: float) -> Callable[[], object]:
    rng = np.random.default_rng(1)
    seen = rng.random((int(size), 4)) < 0.3
    seen[~seen.any(axis=1), 0] = True
    path = Path(tempfile.mkdtemp()) / "persons.csv"
    np.savetxt(path, seen.astype(int), fmt="%d", delimiter=",", header="A,B,C,D", comments="")
    return partial(CaptureTable.from_csv, path, persons=True)


CURVES = (
    Curve("the usual answer", "lists", (3, 4, 5, 6), of_lists),
    Curve("the usual answer by strata, K = 4", "strata", (10, 30, 100), of_strata),
    Curve("the usual answer, K = 4", "persons", (1e3, 1e5, 1e8), of_persons),
    Curve("bootstrap, K = 4", "replicates", (50, 100, 200), of_replicates),
    Curve("a file with a row for each person", "rows", (1e4, 3e4, 1e5), of_rows),
)


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the exponent of the upper half of a curve."""
    upper = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[upper - 1 :]), np.log(seconds[upper - 1 :]), 1)[0])


def told(curve: Curve, seconds: Sequence[float]) -> str:
    """Return how a curve grows, for the table."""
    if curve.unit == "lists":
        return f"×{(seconds[-1] / seconds[0]) ** (1.0 / (len(seconds) - 1)):.1f} a list"
    return f"size^{slope(curve.sizes, seconds):.2f}"


def draw(found: Sequence[tuple[Curve, list[float]]]) -> None:
    """Write the figure: one panel a curve."""
    from mse.publish.drawings.axes import ACCENT, FAINT, INK, Figure, as_svg, axis_ticks

    figure = Figure(9.0, 2.6)
    for i, (curve, seconds) in enumerate(found):
        axes = figure.add_axes((0.055 + 0.195 * i, 0.24, 0.145, 0.6))
        across = curve.unit != "lists"
        if across:
            axes.set_scale("x")
        axes.set_scale("y")
        edge = (curve.sizes[-1] / curve.sizes[0]) ** 0.05
        axes.set_xlim(*((curve.sizes[0] / edge, curve.sizes[-1] * edge) if across else (2.8, curve.sizes[-1] + 0.2)))
        low, high = min(0.005, *seconds) * 0.8, max(1.0, *seconds) * 1.5
        axes.set_ylim(low, high)
        ticks = axis_ticks(low, high, True, most=5)
        axes.name_ticks("y", ticks, [f"{x:g}" for x in ticks], size=6.5, marks=False)
        axes.grid("y")
        named = [*curve.sizes[:: max(1, len(curve.sizes) - 1)]] if across else curve.sizes
        axes.name_ticks("x", named, [f"{x:,.0f}" if x < 1e6 else f"10{superscript(x)}" for x in named], size=6.5)
        axes.plot(curve.sizes, seconds, "-o", color=ACCENT, ms=3.5, lw=1.6)
        look: dict[str, Any] = {"where": "axes", "fontsize": 7.5, "ha": "center"}
        axes.text(0.5, 1.05, curve.name.split(",")[0], color=INK, va="bottom", **look)
        axes.text(0.5, -0.17, curve.unit, color=FAINT, va="top", **look)
    svg = as_svg(figure, "growth", "CPU seconds against size, five curves in logarithms")
    opened = svg.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" ', 1
    )
    FIGURES.mkdir(exist_ok=True)
    (FIGURES / "growth.svg").write_text(opened + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found, lines = [], ["| what | sizes | CPU s | grows as |", "|---|---|---|---|"]
    for curve in CURVES:
        seconds = []
        for size in curve.sizes:
            work = curve.work(size)
            if size == curve.sizes[0]:
                work()
            first = timed(work)
            seconds.append(min([first, *(timed(work) for _ in range(2 if first < 0.3 else 0))]))
            print(curve.name, size, f"{seconds[-1]:.4f}", flush=True)
        found.append((curve, seconds))
        sizes = ", ".join(f"{x:,.0f}" if x < 1e6 else f"10{superscript(x)}" for x in curve.sizes)
        lines.append(f"| {curve.name} | {curve.unit}: {sizes} | {', '.join(f'{x:.2g}' for x in seconds)} | "
                     f"{told(curve, seconds)} |")  # fmt: skip
    print("\n".join(lines))
    if given.write:
        draw(found)
        put("growth", "\n".join(lines))


def superscript(size: float) -> str:
    """Return the exponent of a power of ten, raised."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(c)] for c in str(round(math.log10(size))))


if __name__ == "__main__":
    main()
