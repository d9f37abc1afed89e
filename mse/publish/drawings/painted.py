"""A drawing painted by matplotlib, as PNG: what the canvas remembers is drawn once more, by the same names."""

from __future__ import annotations

import io
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mse.publish.drawings.strokes import FAINT, INK, RULE, Dashes

if TYPE_CHECKING:
    from matplotlib import figure
    from matplotlib.axes import Axes

    from mse.publish.drawings.canvas import Figure, Key, Where


@contextmanager
def settings() -> Iterator[None]:
    """Let matplotlib draw under settings that are ours alone; those outside are back afterwards."""
    import matplotlib

    ours = {
        "svg.fonttype": "none", "svg.hashsalt": "mse", "text.parse_math": False, "font.size": 9,
        "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
        "axes.edgecolor": FAINT, "axes.labelcolor": FAINT, "axes.labelsize": 8.5, "text.color": INK,
        "xtick.color": FAINT, "xtick.labelsize": 8.5,
    }  # fmt: skip
    # The style "default" by hand: matplotlib.style reads all the styles there are.
    now: MutableMapping[str, Any] = matplotlib.rcParams  # type: ignore[assignment]
    usual = ((name, x) for name, x in matplotlib.rcParamsDefault.items() if not name.startswith("backend"))
    with matplotlib.rc_context():
        now.update({name: x for name, x in usual if x != now[name]} | ours)
        yield


def png(drawn: Figure) -> bytes:
    """Return a drawing as PNG on white, 200 points an inch."""
    from matplotlib.figure import Figure as Sheet

    with settings():
        sheet = Sheet(figsize=(drawn.width, drawn.height))
        painted: list[_Painted] = []
        for at, method, args, options in drawn.calls:
            if method == "add_axes":
                painted.append(_Painted(sheet.add_axes(*args)))
            elif at < 0:
                getattr(_Sheet(sheet), method)(*args, **options)
            else:
                getattr(painted[at], method)(*args, **options)
        raster = io.BytesIO()
        sheet.savefig(raster, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return raster.getvalue()


class _Sheet:
    """Methods of `canvas.Figure` but `add_axes`."""

    def __init__(self, sheet: figure.Figure) -> None:
        self.sheet = sheet

    def text(self, x: float, y: float, words: str, **look: Any) -> None:
        self.sheet.text(x, y, words, **look)

    def line(self, x: Sequence[float], y: float, *, color: str, lw: float, ls: Dashes) -> None:
        from matplotlib.lines import Line2D

        self.sheet.add_artist(Line2D(list(x), [y, y], color=color, lw=lw, ls=ls))


class _Painted:
    """Methods of `canvas.Axes`."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        axes.set_xticks([])
        axes.set_yticks([])

    def set_scale(self, side: str) -> None:
        from matplotlib.ticker import NullLocator

        getattr(self.axes, f"set_{side}scale")("log")
        (self.axes.xaxis if side == "x" else self.axes.yaxis).set_minor_locator(NullLocator())
        (self.axes.set_xticks if side == "x" else self.axes.set_yticks)([])

    def set_xlim(self, low: float, high: float) -> None:
        self.axes.set_xlim(low, high)

    def set_ylim(self, low: float, high: float) -> None:
        self.axes.set_ylim(low, high)

    def name_ticks(
        self, side: str, places: Sequence[float], words: Sequence[str], *, size: float, color: str, marks: bool
    ) -> None:
        from matplotlib.ticker import FixedFormatter, FixedLocator

        axis = self.axes.xaxis if side == "x" else self.axes.yaxis
        axis.set_major_locator(FixedLocator(list(places)))
        axis.set_major_formatter(FixedFormatter(list(words)))
        more = {} if marks else {"length": 0}
        self.axes.tick_params(axis=side, labelsize=size, labelcolor=color, **more)  # type: ignore[arg-type]

    def grid(self, side: str) -> None:
        self.axes.grid(axis=side, color=RULE, lw=0.6)  # type: ignore[arg-type]
        self.axes.set_axisbelow(True)

    def off(self) -> None:
        self.axes.axis("off")

    def set_xlabel(self, words: str) -> None:
        self.axes.set_xlabel(words)

    def set_title(self, words: str) -> None:
        self.axes.set_title(words, fontsize=9.5, color=INK, loc="left", fontweight="bold", pad=6)

    def plot(self, x: Sequence[float], y: Sequence[float], mark: str, *, butt: bool, clip: bool, **look: Any) -> None:
        if butt:
            look["solid_capstyle"] = "butt"
        look["mec"] = look["mec"] or look["color"]
        if mark and "-" not in mark:
            look["lw"] = 0
        self.axes.plot(x, y, marker=mark.replace("-", "") or None, clip_on=clip, **look)

    def fill_between(
        self, x: Sequence[float], low: Sequence[float], high: Sequence[float], *, color: str,
        where: Sequence[bool] | None,
    ) -> None:  # fmt: skip
        self.axes.fill_between(x, low, high, where=where, color=color, lw=0)

    def vlines(
        self, x: Sequence[float], low: float, high: float, *, color: str, lw: float, ls: Dashes, z: float
    ) -> None:
        self.axes.vlines(x, low, high, color=color, lw=lw, ls=ls, zorder=z)

    def axvline(self, x: float, **look: Any) -> None:
        self.axes.axvline(x, **look)

    def rectangle(
        self, x: float, y: float, width: float, height: float, *, color: str, alpha: float, edge: str, lw: float,
        ls: Dashes, radius: float, z: float,
    ) -> None:  # fmt: skip
        from matplotlib.patches import FancyBboxPatch, Rectangle

        look = {"fc": color, "alpha": alpha, "ec": edge or "none", "lw": lw, "ls": ls, "zorder": z}
        if radius:
            style = f"round,pad=0.0,rounding_size={radius}"
            self.axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, **look))  # type: ignore[arg-type]
        else:
            self.axes.add_patch(Rectangle((x, y), width, height, **look))  # type: ignore[arg-type]

    def ribbon(self, upper: Sequence[tuple[float, float]], thick: float, *, color: str) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        under = [(x, y + thick) for x, y in reversed(upper)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        self.axes.add_patch(PathPatch(Path([*upper, *under, upper[0]], codes), fc=color, ec="none", zorder=1))

    def arrow(self, start: tuple[float, float], end: tuple[float, float], *, color: str) -> None:
        look = {"arrowstyle": "-|>", "color": color, "lw": 1, "shrinkA": 0, "shrinkB": 0}
        self.axes.annotate("", end, start, arrowprops=look)

    def text(
        self, x: float, y: float, words: str, *, where: Where, shift: tuple[float, float], upright: bool = False,
        **look: Any,
    ) -> None:  # fmt: skip
        from matplotlib.transforms import ScaledTranslation

        axes = self.axes
        places = {"data": axes.transData, "axes": axes.transAxes, "across": axes.get_yaxis_transform(),
                  "down": axes.get_xaxis_transform()}  # fmt: skip
        sheet = axes.get_figure(root=True)
        assert sheet is not None
        moved = ScaledTranslation(shift[0] / 72, shift[1] / 72, sheet.dpi_scale_trans)
        axes.text(x, y, words, transform=places[where] + moved, rotation=90 if upright else 0, **look)

    def legend(self, keys: Sequence[Key], x: float, y: float, *, columns: int, size: float) -> None:
        from matplotlib.patches import Patch

        handles: list[Any] = []
        for key in keys:
            style = dict(key.style)
            if key.patch:
                handles.append(Patch(lw=0, label=key.words, **style))
            else:
                style |= {} if not key.mark or "-" in key.mark else {"lw": 0}
                handles += self.axes.plot([], [], marker=key.mark.replace("-", "") or None, label=key.words, **style)
        self.axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(x, y), ncols=columns, frameon=False, fontsize=size,
            handlelength=1.6, borderpad=0, borderaxespad=0, columnspacing=1.0,
        )  # fmt: skip
