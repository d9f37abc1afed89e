"""The canvas: where things lie, what is cut off, and that matplotlib paints whatever can be drawn."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mse.answers.results import write_results
from mse.publish.drawings import painted
from mse.publish.drawings.canvas import Axes, Figure, Key
from mse.publish.drawings.strokes import ACCENT, INK, n, words_at
from tests.examples.results import uk


def axes_of(figure: Figure) -> Axes:
    """Axes of 72 by 72 points whose upper left corner is at (72, 72) of 216 by 216."""
    axes = figure.add_axes((1 / 3, 1 / 3, 1 / 3, 1 / 3))
    axes.set_xlim(0.0, 10.0)
    axes.set_ylim(0.0, 1.0)
    return axes


def test_places_are_shares_of_the_sides() -> None:
    axes = axes_of(Figure(3.0, 3.0))
    assert (axes.x(0.0), axes.x(5.0), axes.y(0.0), axes.y(1.0)) == pytest.approx((72.0, 108.0, 144.0, 72.0))
    axes.set_ylim(4.0, 0.0)
    assert axes.y(1.0) == pytest.approx(90.0)
    axes.set_scale("x")
    axes.set_xlim(1.0, 100.0)
    assert axes.x(10.0) == pytest.approx(108.0)


def test_what_leaves_the_axes_is_cut_off_and_nothing_else() -> None:
    figure = Figure(3.0, 3.0)
    axes_of(figure).plot([1.0, 9.0], [0.2, 0.8], "-o", color=ACCENT)
    assert "clip" not in figure.svg("law-wide")
    figure.every[0].plot([1.0, 12.0], [0.2, 0.8], color=ACCENT)
    drawn = figure.svg("law-wide")
    assert drawn.count('clip-path="url(#law-wide-0)"') == 1 and drawn.count('<clipPath id="law-wide-0">') == 1
    assert figure.svg("law-wide") == drawn


def test_lines_of_words_stand_above_on_or_below_their_place() -> None:
    feet = {va: [float(y) for y in re.findall(r' y="([\d.]+)"', words_at(0, 100, "a\nb", fontsize=10, va=va))]
            for va in ("top", "center", "bottom", "baseline")}  # fmt: skip
    step = 10 * (0.76 * 1.2 + 0.24)
    assert feet["top"] == pytest.approx([107.6, 107.6 + step], abs=0.01)
    assert feet["bottom"] == pytest.approx([97.6 - step, 97.6], abs=0.01)
    assert feet["baseline"] == pytest.approx([100 - step, 100], abs=0.01)
    assert sum(feet["center"]) / 2 == pytest.approx(102.6, abs=0.01)
    assert "&lt;b&gt; &amp; c" in words_at(0, 0, "<b> & c")


def test_numbers_are_short() -> None:
    assert [n(x) for x in (1.0, 2.504, -0.001, -3.456, 10.0)] == ["1", "2.5", "0", "-3.46", "10"]


def test_legend_beside_each_other_and_below() -> None:
    keys = [Key("one", "-o", style=(("color", ACCENT),)), Key("two", patch=True, style=(("color", INK),))]
    for columns in (1, 2):
        figure = Figure(3.0, 3.0)
        axes_of(figure).legend(keys, 0.0, 1.0, columns=columns)
        places = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', figure.svg("x"))
        assert (places[0][0] == places[1][0], places[0][1] == places[1][1]) == (columns == 1, columns == 2)


def test_matplotlib_paints_every_method() -> None:
    """Each by its name, with its options: PNG is what the page shows."""
    drawn = {name for name, _ in inspect.getmembers(Axes, inspect.isfunction) if not name.startswith("_")}
    ours = {name for name, _ in inspect.getmembers(painted._Painted, inspect.isfunction) if not name.startswith("_")}
    assert drawn - {"x", "y", "svg"} == ours
    figure = Figure(3.0, 3.0)
    axes = axes_of(figure)
    axes.name_ticks("x", [0.0, 10.0], ["0", "10"])
    axes.grid("x")
    axes.plot([1.0, 2.0], [0.1, 0.2], "-D", color=ACCENT, butt=True)
    axes.fill_between([1.0, 2.0, 3.0], [0.0] * 3, [0.5] * 3, color=INK, where=[True, True, False])
    axes.rectangle(1.0, 0.1, 2.0, 0.2, color=INK, edge=ACCENT, lw=1.0, radius=0.1)
    axes.ribbon([(1.0, 0.1), (2.0, 0.1), (2.0, 0.4), (3.0, 0.4)], 0.1, color=ACCENT)
    axes.arrow((5.0, 0.9), (5.0, 0.4), color=INK)
    axes.text(1.0, 0.5, "12", ha="center", va="bottom", upright=True, shift=(2.0, 3.0), where="down")
    axes.legend([Key("one", "o", style=(("color", ACCENT),))], 0.0, 1.0, columns=1)
    figure.text(0.1, 0.9, "told", fontsize=8.0)
    figure.line([0.1, 0.2], 0.8, color=INK, lw=1.0)
    assert painted.png(figure).startswith(b"\x89PNG") and "told" in figure.svg("x")


def test_a_page_is_drawn_without_matplotlib_or_numba(tmp_path: Path) -> None:
    write_results(tmp_path / "run", uk(), lambda results: "")
    code = ("import sys; from pathlib import Path; from mse.publish.report.html import write_pages; "
            "write_pages(Path(sys.argv[1])); print(sorted({'matplotlib', 'numba'} & set(sys.modules)))")  # fmt: skip
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == ["[]"]
