"""Groups of a survey that are held back, so that no number that is not given can be worked out from the others.

A total less all groups but one is that one. What follows for a group without a number, from points as they are rounded,
must be no better than what the verdict forbids: its ends as far apart, and enough respondents in between. Else the
smallest of the groups beside it is held back too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mse.answers.estimates import LEVELS
from mse.evidence.survey import ALL
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure
from mse.publish.wording.rounding import Rounded


class _Told(NamedTuple):
    """Persons of a group as its published numbers tell them; not a number where it has none."""

    low: float
    high: float


def groups_held_back(found: SurveyAnswer, shown: Sequence[tuple[Rounded, Rounded]], threshold: int) -> frozenset[int]:
    """Return the places of figures that would tell of one without a number.

    Parameters
    ----------
    found : SurveyAnswer
        The figures, with what is not given.
    shown : sequence of (Rounded, Rounded)
        Rate and persons of every figure, as they would be published.
    threshold : int
        Respondents, from none to as many, who must be possible.
    """
    width = found.limits.width[1]
    sizes = [float(x.n or 0) if math.isnan(x.population) else x.population for x in found.figures]
    told = [_persons(x, *both, size) for x, both, size in zip(found.figures, shown, sizes, strict=True)]
    given = {i for i, x in enumerate(told) if math.isfinite(x.low)}
    lines = list(_lines(found))
    kept: set[int] = set()
    while True:
        before = len(kept)
        for whole, parts in lines:
            missing = [i for i in parts if i not in given]
            beside = [i for i in parts if i in given]
            if whole not in given or len(missing) != 1 or not beside:
                continue
            alone = missing[0]
            least = max(told[whole].low - sum(told[i].high for i in beside), 0.0)
            most = told[whole].high - sum(told[i].low for i in beside)
            answers = found.figures[alone].n
            possible = math.inf if answers is None or not sizes[alone] else most / sizes[alone] * answers
            if most > width * least and possible >= min(threshold, answers or threshold):
                continue
            smallest = min(beside, key=lambda i: (sizes[i], i))
            given.discard(smallest)
            kept.add(smallest)
        if len(kept) == before:
            return frozenset(kept)


def _persons(x: SurveyFigure, rate: Rounded, persons: Rounded, size: float) -> _Told:
    if x.level == LEVELS[-1] or not math.isfinite(rate.point):
        return _Told(math.nan, math.nan)
    point, unit = (persons.point, persons.unit) if math.isfinite(persons.point) else (
        rate.point * size, rate.unit * size
    )  # fmt: skip
    return _Told(point - unit / 2, point + unit / 2)


def _lines(found: SurveyAnswer) -> list[tuple[int, list[int]]]:
    """Return figures that are sums, each with what it is a sum of: everybody, and the levels of one column."""
    at = {x.levels: i for i, x in enumerate(found.figures)}
    crossed = [x for x in at if x and ALL not in x]
    margins = [x for x in at if ALL in x]
    lines = []
    if () in at:
        lines.append((at[()], [at[x] for x in crossed]))
        for d in range(len(found.dims)):
            lines.append((at[()], [at[x] for x in margins if x[d] != ALL]))
    for margin in margins:
        inside = [x for x in crossed if all(y in (ALL, z) for y, z in zip(margin, x, strict=True))]
        lines.append((at[margin], [at[x] for x in inside]))
    return [(whole, parts) for whole, parts in lines if parts]
