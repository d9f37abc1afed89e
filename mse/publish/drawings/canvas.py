"""A figure as SVG: axes, lines, bars, words. What is drawn is remembered too, so that it can be painted as PNG.

Lengths of a drawing are points, 72 an inch; y grows downwards. Places are given in the numbers of the axes unless it is
said otherwise. Names and looks are those of matplotlib, which paints the same calls (`mse.publish.drawings.painted`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mse.publish.drawings.strokes import (
    ASCENT,
    DESCENT,
    FAINT,
    LETTER,
    RULE,
    Dashes,
    fraction,
    lines_through,
    marker,
    n,
    stroke,
    words_at,
)

type Where = Literal["data", "axes", "across", "down"]
"""What a place is given in: numbers of the axes; shares of their sides; a share across and a number down, or the other
way round."""

TICK, AWAY = 3.5, 3.5
"""Length of a mark of an axis, and from there to its words."""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: its words, and how its line, mark or patch is drawn (`Axes.plot`, `Axes.bar`)."""

    words: str
    mark: str = ""
    patch: bool = False
    style: tuple[tuple[str, Any], ...] = ()


class Call(NamedTuple):
    """What was drawn: on which axes (−1 is the figure), by which method, with what."""

    axes: int
    method: str
    args: tuple[Any, ...]
    options: dict[str, Any]


class Figure:
    """An empty figure of so many inches."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.calls: list[Call] = []
        self.every: list[Axes] = []
        self._words: list[str] = []

    def add_axes(self, box: tuple[float, float, float, float]) -> Axes:
        """Return axes whose left, bottom, width and height are these shares of the figure."""
        self.calls.append(Call(-1, "add_axes", (box,), {}))
        self.every.append(Axes(self, len(self.every), box))
        return self.every[-1]

    def text(self, x: float, y: float, words: str, **look: Any) -> None:
        """Write at shares of the figure from its lower left; options as those of `Axes.text`."""
        self.calls.append(Call(-1, "text", (x, y, words), look))
        self._words.append(words_at(72 * self.width * x, 72 * self.height * (1 - y), words, **look))

    def line(self, x: Sequence[float], y: float, *, color: str, lw: float, ls: Dashes = "-") -> None:
        """Draw a level line at shares of the figure."""
        self.calls.append(Call(-1, "line", (x, y), {"color": color, "lw": lw, "ls": ls}))
        level = 72 * self.height * (1 - y)
        points = [(72 * self.width * at, level) for at in x]
        self._words.append(f'<path d="{lines_through(points)}" style="{stroke(color, lw, ls)}"/>')

    def svg(self, clip: str) -> str:
        """Return all that was drawn, without the element around it; `clip` begins the ids of what cuts off."""
        drawn = [axes.svg(f"{clip}-{axes.number}") for axes in self.every]
        return "\n".join([*(x for x in drawn if x), *self._words])


class Axes:
    """A part of a figure with numbers along its sides."""

    def __init__(self, figure: Figure, number: int, box: tuple[float, float, float, float]) -> None:
        self.figure, self.number, self.inches = figure, number, box[2] * figure.width
        self.left, self.right = 72 * figure.width * box[0], 72 * figure.width * (box[0] + box[2])
        self.bottom, self.top = 72 * figure.height * (1 - box[1]), 72 * figure.height * (1 - box[1] - box[3])
        self.xlim, self.ylim, self.log = (0.0, 1.0), (0.0, 1.0), {"x": False, "y": False}
        self.ticks: dict[str, list[float]] = {"x": [], "y": []}
        self._items: list[tuple[float, Callable[[], str]]] = []
        self._line, self._clipped, self._below = True, False, 0.0

    # ---- places ---------------------------------------------------------------------------------------

    def x(self, value: float) -> float:
        """Return where a number lies across the drawing, points."""
        return self.left + (self.right - self.left) * fraction(value, *self.xlim, self.log["x"])

    def y(self, value: float) -> float:
        """Return where a number lies down the drawing, points."""
        return self.bottom - (self.bottom - self.top) * fraction(value, *self.ylim, self.log["y"])

    def _place(self, x: float, y: float, where: Where) -> tuple[float, float]:
        across = self.x(x) if where in ("data", "down") else self.left + (self.right - self.left) * x
        down = self.y(y) if where in ("data", "across") else self.bottom - (self.bottom - self.top) * y
        return across, down

    def _did(self, method: str, *args: Any, **options: Any) -> None:
        self.figure.calls.append(Call(self.number, method, args, options))

    # ---- sides ----------------------------------------------------------------------------------------

    def set_scale(self, side: Literal["x", "y"]) -> None:
        """Make a side logarithmic."""
        self._did("set_scale", side)
        self.log[side] = True

    def set_xlim(self, low: float, high: float) -> None:
        """Say from which number to which the axes go."""
        self._did("set_xlim", low, high)
        self.xlim = low, high

    def set_ylim(self, low: float, high: float) -> None:
        """Say from which number, below, to which, above."""
        self._did("set_ylim", low, high)
        self.ylim = low, high

    def name_ticks(
        self, side: Literal["x", "y"], places: Sequence[float], words: Sequence[str], *, size: float = 8.5,
        color: str = FAINT, marks: bool = True,
    ) -> None:  # fmt: skip
        """Write words at places along a side, below or at the left, with or without marks."""
        self._did("name_ticks", side, places, words, size=size, color=color, marks=marks)
        self.ticks[side] = list(places)
        away = AWAY + (TICK if marks else 0.0)
        if side == "x" and places:
            self._below = away + size * (ASCENT + DESCENT)

        def draw() -> Iterator[str]:
            for place, told in zip(places, words, strict=True):
                if side == "x":
                    at = self.x(place)
                    if marks:
                        ends = [(at, self.bottom), (at, self.bottom + TICK)]
                        yield f'<path d="{lines_through(ends)}" style="{stroke(FAINT, 0.8)}"/>'
                    yield words_at(at, self.bottom + away, told, fontsize=size, color=color, ha="center", va="top")
                else:
                    yield words_at(
                        self.left - away, self.y(place), told, fontsize=size, color=color, ha="right", va="center"
                    )

        self._items.append((2.6, lambda: "\n".join(draw())))

    def grid(self, side: Literal["x", "y"]) -> None:
        """Draw faint lines at the named places of a side, below everything."""
        self._did("grid", side)

        def draw() -> str:
            across = [(self.left, self.right)] if side == "y" else [(self.top, self.bottom)]
            places = [self.y(t) if side == "y" else self.x(t) for t in self.ticks[side]]
            ends = [(((a, p), (b, p)) if side == "y" else ((p, a), (p, b))) for p in places for a, b in across]
            return "\n".join(f'<path d="{lines_through(pair)}" style="{stroke(RULE, 0.6)}"/>' for pair in ends)

        self._items.append((0.5, draw))

    def off(self) -> None:
        """Draw no line along the side below."""
        self._did("off")
        self._line = False

    def set_xlabel(self, words: str) -> None:
        """Write below the axes what they are of."""
        self._did("set_xlabel", words)
        look: dict[str, Any] = {"fontsize": 8.5, "color": FAINT, "ha": "center", "va": "top"}

        def draw() -> str:
            return words_at(0.5 * (self.left + self.right), self.bottom + self._below + 4.0, words, **look)

        self._items.append((3.0, draw))

    def set_title(self, words: str) -> None:
        """Write above the axes, from their left, what they show."""
        self._did("set_title", words)
        self._items.append(
            (3.0, lambda: words_at(self.left, self.top - 6.0, words, fontsize=9.5, fontweight="bold")))  # fmt: skip

    # ---- what is drawn --------------------------------------------------------------------------------

    def plot(
        self, x: Sequence[float], y: Sequence[float], mark: str = "", *, color: str, lw: float = 1.5, ls: Dashes = "-",
        ms: float = 6.0, mec: str | None = None, mew: float = 1.0, butt: bool = False, clip: bool = True,
    ) -> None:  # fmt: skip
        """Draw a line (none where there is a mark without a "-"), and a mark at each place: o, D, > or x."""
        self._did("plot", x, y, mark, color=color, lw=lw, ls=ls, ms=ms, mec=mec, mew=mew, butt=butt, clip=clip)
        shape = mark.replace("-", "")

        def draw() -> Iterator[str]:
            points = [(self.x(a), self.y(b)) for a, b in zip(x, y, strict=True)]
            if lw and (not shape or "-" in mark):
                cut = self._cut(points, lw / 2) if clip else ""
                yield f'<path d="{lines_through(points)}"{cut} style="{stroke(color, lw, ls, butt)}"/>'
            if shape:
                for point in points:
                    cut = self._cut([point], (ms + mew) / 2) if clip else ""
                    yield marker(shape, *point, ms, color, mec or color, mew, cut)

        self._items.append((2.0, lambda: "\n".join(draw())))

    def fill_between(
        self, x: Sequence[float], low: Sequence[float], high: Sequence[float], *, color: str,
        where: Sequence[bool] | None = None,
    ) -> None:  # fmt: skip
        """Fill the room between two curves, where that is asked."""
        self._did("fill_between", x, low, high, color=color, where=where)

        def draw() -> Iterator[str]:
            run: list[int] = []
            for i, inside in enumerate([*(where or [True] * len(x)), False]):
                if inside:
                    run.append(i)
                elif run:
                    over = [(self.x(x[j]), self.y(high[j])) for j in run]
                    points = over + [(self.x(x[j]), self.y(low[j])) for j in reversed(run)]
                    yield f'<path d="{lines_through(points)} z"{self._cut(points, 0.0)} style="fill: {color}"/>'
                    run = []

        self._items.append((1.0, lambda: "\n".join(draw())))

    def vlines(
        self, x: Sequence[float], low: float, high: float, *, color: str, lw: float, ls: Dashes = "-", z: float = 2.0
    ) -> None:
        """Draw upright lines between two numbers."""
        self._did("vlines", x, low, high, color=color, lw=lw, ls=ls, z=z)

        def draw() -> Iterator[str]:
            for at in x:
                ends = [(self.x(at), self.y(low)), (self.x(at), self.y(high))]
                yield f'<path d="{lines_through(ends)}"{self._cut(ends, 0.0)} style="{stroke(color, lw, ls, True)}"/>'

        self._items.append((z, lambda: "\n".join(draw())))

    def axvline(self, x: float, *, color: str, lw: float, ls: Dashes = "-") -> None:
        """Draw an upright line from the bottom of the axes to their top."""
        self._did("axvline", x, color=color, lw=lw, ls=ls)

        def draw() -> str:
            ends = [(self.x(x), self.bottom), (self.x(x), self.top)]
            return f'<path d="{lines_through(ends)}"{self._cut(ends, 0.0)} style="{stroke(color, lw, ls)}"/>'

        self._items.append((2.0, draw))

    def rectangle(
        self, x: float, y: float, width: float, height: float, *, color: str, alpha: float = 1.0, edge: str = "",
        lw: float = 0.0, ls: Dashes = "-", radius: float = 0.0, z: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a rectangle between two corners, its own corners rounded by so much across."""
        self._did("rectangle", x, y, width, height, color=color, alpha=alpha, edge=edge, lw=lw, ls=ls, radius=radius,
                  z=z)  # fmt: skip

        def draw() -> str:
            points = [(self.x(x), self.y(y)), (self.x(x + width), self.y(y + height))]
            (a, b), (c, d) = points
            style = f"fill: {color}" + (f"; fill-opacity: {alpha:g}" if alpha < 1.0 else "")
            style += f"; {stroke(edge, lw, ls, True).removeprefix('fill: none; ')}" if edge else ""
            round_ = f' rx="{n(abs(self.x(radius) - self.x(0.0)))}"' if radius else ""
            sides = f'x="{n(min(a, c))}" y="{n(min(b, d))}" width="{n(abs(c - a))}" height="{n(abs(d - b))}"'
            return f'<rect {sides}{round_}{self._cut(points, lw / 2)} style="{style}"/>'

        self._items.append((z, draw))

    def ribbon(self, upper: Sequence[tuple[float, float]], thick: float, *, color: str) -> None:
        """Draw a band of so much down below a curve through four points, of which the inner two bend it."""
        self._did("ribbon", upper, thick, color=color)

        def draw() -> str:
            over = [(self.x(a), self.y(b)) for a, b in upper]
            under = [(self.x(a), self.y(b + thick)) for a, b in reversed(upper)]
            (a, *b), (c, *d) = ([f"{n(p)} {n(q)}" for p, q in side] for side in (over, under))
            return f'<path d="M {a} C {" ".join(b)} L {c} C {" ".join(d)} z" style="fill: {color}"/>'

        self._items.append((1.0, draw))

    def arrow(self, start: tuple[float, float], end: tuple[float, float], *, color: str) -> None:
        """Draw an arrow downwards."""
        self._did("arrow", start, end, color=color)

        def draw() -> str:
            x, tip = self.x(end[0]), self.y(end[1])
            shaft = lines_through([(self.x(start[0]), self.y(start[1])), (x, tip - 3.0)])
            head = lines_through([(x, tip), (x - 2.0, tip - 4.0), (x + 2.0, tip - 4.0)])
            return f'<path d="{shaft}" style="{stroke(color, 1.0)}"/>\n<path d="{head} z" style="fill: {color}"/>'

        self._items.append((2.0, draw))

    def text(
        self, x: float, y: float, words: str, *, where: Where = "data", shift: tuple[float, float] = (0.0, 0.0),
        **look: Any,
    ) -> None:  # fmt: skip
        """Write at a place, shifted by so many points across and up.

        Parameters
        ----------
        x, y, words, where, shift
            What is written, and where.
        **look
            ``fontsize``, ``color``, ``fontweight``, ``linespacing``; ``ha`` (left, center, right) and ``va`` (baseline,
            top, center, bottom): which of its sides is there; ``upright``: turned, its middle and lower end there.
        """
        self._did("text", x, y, words, where=where, shift=shift, **look)

        def draw() -> str:
            across, down = self._place(x, y, where)
            return words_at(across + shift[0], down - shift[1], words, **look)

        self._items.append((3.0, draw))

    def legend(self, keys: Sequence[Key], x: float, y: float, *, columns: int, size: float = 8.5) -> None:
        """Say what lines, marks and patches are, below or beside each other; its lower left at shares of the axes."""
        self._did("legend", keys, x, y, columns=columns, size=size)

        def draw() -> Iterator[str]:
            left, foot = self._place(x, y, "axes")
            for i, key in enumerate(keys):
                down = foot - (0 if columns > 1 else 1.5 * size * (len(keys) - 1 - i)) - 0.5 * size
                style = dict(key.style)
                if key.patch:
                    style |= {"width": 1.6 * size, "height": 0.7 * size}
                    shape = " ".join(f'{name}="{n(style[name])}"' for name in ("width", "height"))
                    look = f"fill: {style['color']}; fill-opacity: {style.get('alpha', 1.0):g}"
                    yield f'<rect x="{n(left)}" y="{n(down - 0.35 * size)}" {shape} style="{look}"/>'
                else:
                    shape = key.mark.replace("-", "")
                    if not shape or "-" in key.mark:
                        ends = [(left, down), (left + 1.6 * size, down)]
                        look = stroke(style["color"], style.get("lw", 1.5), style.get("ls", "-"))
                        yield f'<path d="{lines_through(ends)}" style="{look}"/>'
                    if shape:
                        edge = style.get("mec") or style["color"]
                        yield marker(
                            shape, left + 0.8 * size, down, style.get("ms", 6.0), style["color"], edge,
                            style.get("mew", 1.0), "",
                        )  # fmt: skip
                yield words_at(left + 2.4 * size, down, key.words, fontsize=size, va="center")
                left += (3.4 * size + LETTER * size * len(key.words)) if columns > 1 else 0.0

        self._items.append((5.0, lambda: "\n".join(draw())))

    def svg(self, clip: str) -> str:
        """Return what was drawn, what lies below first; see `Figure.svg`."""
        self._clip, self._clipped = clip, False
        drawn = [x for _, draw in sorted(self._items, key=lambda item: item[0]) if (x := draw())]
        if self._line:
            ends = [(self.left, self.bottom), (self.right, self.bottom)]
            drawn.append(f'<path d="{lines_through(ends)}" style="{stroke(FAINT, 0.8)}"/>')
        if self._clipped:
            sides = f'x="{n(self.left)}" y="{n(self.top)}" width="{n(self.right - self.left)}"'
            room = f'<rect {sides} height="{n(self.bottom - self.top)}"/>'
            drawn.insert(0, f'<clipPath id="{clip}">{room}</clipPath>')
        return "\n".join(drawn)

    def _cut(self, points: Sequence[tuple[float, float]], reach: float) -> str:
        """Return the attribute that cuts off what leaves the axes; nothing where nothing does."""
        inside = all(
            self.left - 0.01 <= x - reach and x + reach <= self.right + 0.01
            and self.top - 0.01 <= y - reach and y + reach <= self.bottom + 0.01 for x, y in points
        )  # fmt: skip
        self._clipped = self._clipped or not inside
        return "" if inside else f' clip-path="url(#{self._clip})"'
