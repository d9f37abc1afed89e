"""Figures of what has no verdict of its own: the strata of an answer, and methods side by side without an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mse.answers.notebook import Picture
from mse.answers.strata import StrataDraws, time_dimension
from mse.errors import ModelError, Problem, names_of
from mse.publish.drawings.axes import WIDE, also_png
from mse.publish.drawings.intervalrows import Mark, Scale, rows_figure
from mse.publish.drawings.trend import trend_figure
from mse.publish.indicators.partnumbers import Part, part_of
from mse.publish.registered import stated_values
from mse.publish.report.partsections import named_level, trend_finding
from mse.publish.takeaway import standalone
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.publish.wording.rounding import Rounded
from mse.publish.wording.sentences import Headline
from mse.words.numerals import capital
from mse.words.said import from_json, said

PROB = 0.95
"""Of the intervals of strata."""

COMPARED = frozenset({"method", "label", "point", "low", "high", "prob", "observed", "status", "said"})
"""Columns by which a frame is known as what `mse.compare` gave."""


def drawn_alone(what: object, kind: str | None, language: str) -> Picture | None:
    """Return the figure of strata, or of methods side by side; None of anything else."""
    if isinstance(what, StrataDraws):
        return _of_strata(what, kind, read_catalogue(language))
    if COMPARED <= set(map(str, getattr(what, "columns", ()))):
        return _of_methods(what, kind, read_catalogue(language))
    return None


def _of_strata(strata: StrataDraws, kind: str | None, say: Catalogue) -> Picture:
    """Return the total over the years, or every stratum with its interval."""
    time = time_dimension(strata.dimensions, None)
    kinds = ("trend", "strata") if time else ("strata",)
    _check(kind, kinds)
    unjudged = _unjudged(say)
    if time and kind in (None, "trend"):
        parts = _parts(strata.margin(time))
        years = strata.dimensions[time]
        finding = f"{trend_finding(years, parts, {}, say)} {say('plotted.level', level=say.level(PROB))}"
        return _picture(lambda: trend_figure(years, parts, None, (), unjudged, finding, say, WIDE), finding)
    parts = _parts(strata)
    marks = [
        _mark(", ".join(named_level(x, {}, say) for x in part.levels.values()) or say("strata.total"), part.size, say)
        for part in parts
    ]
    return _rows("strata", marks, "plotted.strata", None, PROB, say)


def _parts(strata: StrataDraws) -> list[Part]:
    """Return every stratum, rounded as a report rounds."""
    frame = strata.to_pandas(*strata.dimensions, prob=PROB)
    found = []
    for row in frame.to_dict("records"):
        size = stated_values(None, row["point"], row["low"], row["high"], row["observed"])
        levels = {dim: str(row[dim]) for dim in strata.dimensions}
        found.append(part_of(levels, row["observed"], size, None, status="ok", verdict="", published=True))
    return found


def _of_methods(frame: Any, kind: str | None, say: Catalogue) -> Picture:
    """Return point and interval of every method that gave one."""
    _check(kind, ("intervals",))
    rows = [row for row in frame.to_dict("records") if row["status"] == "ok"]
    if not rows:
        raise ModelError(
            Problem(said("found.answer_has_no_such_2"), said("allowed.nothing_answer_has_no"),
                    said("do.give_comparison_with_number"), value=say("intervals.finding_none"))
        )  # fmt: skip
    marks = []
    for row in rows:
        size = stated_values(None, row["point"], row["low"], row["high"], row["observed"])
        marks.append(_mark(_label(row, say), size, say))
    return _rows("intervals", marks, "plotted.methods", float(rows[0]["observed"]), float(rows[0]["prob"]), say)


def _label(row: Mapping[str, Any], say: Catalogue) -> str:
    """Return what a method is called in a language."""
    return capital(next(iter(map(say.said, from_json(row["said"]).get("label", ()))), str(row["label"])))


def _mark(name: str, size: Rounded, say: Catalogue) -> Mark:
    """Return a row of a figure, with its numbers in words."""
    if math.isnan(size.low):
        return Mark(name, say.number(size.point), size.point, None, None)
    return Mark(name, f"{say.number(size.point)} ({say.range(size.low, size.high)})", size.point, size.low, size.high)


def _rows(
    name: str, marks: Sequence[Mark], key: str, observed: float | None, prob: float, say: Catalogue
) -> Picture:  # fmt: skip
    """Return a figure with a row for every mark, and what it shows in words."""
    least, most = min(marks, key=lambda x: x.point), max(marks, key=lambda x: x.point)
    finding = say(key, count=say.number(len(marks)), least=say.number(least.point), least_name=least.name,
                  most=say.number(most.point), most_name=most.name, level=say.level(prob))  # fmt: skip
    words = "" if observed is None else say("intervals.observed", observed=say.number(observed))
    scale = Scale(say("intervals.axis"), observed, words)
    return _picture(lambda: rows_figure(name, marks, scale, _unjudged(say), finding, say, WIDE), finding)


def _picture(draw: Callable[[], str], finding: str) -> Picture:
    with also_png() as pictures:
        svg = draw()
    return Picture(standalone(svg), pictures[svg], finding)


def _unjudged(say: Catalogue) -> Headline:
    """Return the headline of what nobody has judged: its verdict is printed in the figure."""
    name, meaning = say("verdict.unjudged.name"), say("verdict.unjudged.meaning")
    nothing = Rounded(math.nan, math.nan, math.nan, 1.0)
    return Headline("unjudged", name, meaning, meaning, None, None, None, None, (), (), (), (), nothing)


def _check(kind: str | None, kinds: Sequence[str]) -> None:
    if kind is not None and kind not in kinds:
        raise ModelError(
            Problem(said("found.answer_has_no_such_2"), names_of(kinds), said("do.ask_one_these"), column="kind",
                    value=kind)
        )  # fmt: skip
