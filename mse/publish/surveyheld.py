"""Groups of a survey that are held back, so that no number that is not given can be worked out from the others.

Everybody, the levels of every column and the crossed groups are sums of the crossed groups: all that is printed is one
system of linear equations. What follows from it for a group without a number, from points as they are rounded, must be
no better than what the verdict forbids: its ends as far apart, and enough respondents in between. Else the smallest of
the groups beside it is held back too; at last those without which nothing is told are given again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mse.answers.estimates import LEVELS
from mse.computing.linearsolver import LinearProgramme
from mse.evidence.survey import ALL
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure
from mse.publish.wording.rounding import Rounded

MOST_JOINT = 2_000
"""Crossed groups above which sums are looked at one at a time, and not together."""
MOST_BACK = 60
"""Groups held back above which none of them is tried again."""

_SLACKS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
"""By how much sums may be off where they are no sums to the digit: populations that weights were not made for."""


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
    sizes = [float(x.n or 0) if math.isnan(x.population) else x.population for x in found.figures]
    told = [_persons(x, *both, size) for x, both, size in zip(found.figures, shown, sizes, strict=True)]
    given = {i for i, x in enumerate(told) if math.isfinite(x.low)}
    lines = _lines(found)
    forbidden = set(range(len(told))) - given
    joined = sum(bool(x.levels) and ALL not in x.levels for x in found.figures) <= MOST_JOINT

    def too_much(alone: int, least: float, most: float) -> bool:
        """Return whether these ends tell more of a group than its verdict allows."""
        answers = found.figures[alone].n
        possible = math.inf if answers is None or not sizes[alone] else most / sizes[alone] * answers
        return most <= found.limits.width[1] * least or possible < min(threshold, answers or threshold)

    def telling(given: set[int]) -> tuple[int, list[int]] | None:
        """Return a group of which too much is told, and those beside it of which one may be held back."""
        for whole, parts in lines:
            missing = [i for i in parts if i not in given]
            beside = [i for i in parts if i in given]
            if whole not in given or len(missing) != 1 or not beside or (joined and missing[0] not in forbidden):
                continue  # what follows of one that was held back is in the system of all sums
            least = max(told[whole].low - sum(told[i].high for i in beside), 0.0)
            most = told[whole].high - sum(told[i].low for i in beside)
            if too_much(missing[0], least, most):
                return missing[0], beside
        if not joined:
            return None
        joint = _Joint(found, told, sizes, given)
        alone = next((i for i in sorted(forbidden) if joint.knows(i, too_much)), None)
        return None if alone is None else (alone, _beside(alone, lines, given, joint.cells))

    kept: list[int] = []
    while (tells := telling(given)) is not None:
        kept.append(min(tells[1], key=lambda i: (sizes[i], i)))
        given.discard(kept[-1])
    for i in sorted(kept, key=lambda i: (-sizes[i], i)) if len(kept) <= MOST_BACK else ():
        if telling(given | {i}) is None:
            given.add(i)
    return frozenset(i for i in kept if i not in given)


def _beside(
    alone: int, lines: Sequence[tuple[int, Sequence[int]]], given: set[int], cells: Sequence[frozenset[int]]
) -> list[int]:  # fmt: skip
    """Return the groups of which the smallest is held back: in the shortest sum with it, else all that overlap."""
    for _, parts in sorted(lines, key=lambda x: len(x[1])):
        if alone in parts and (found := [i for i in parts if i in given]):
            return found
    return [i for i in given if cells[i] & cells[alone]] or sorted(given)


class _TooMuch(Protocol):
    """Whether ends tell more of a group than its verdict allows."""

    def __call__(self, alone: int, least: float, most: float) -> bool:
        """Return it for a place and its ends."""


class _Joint:
    """All that is given as one system over the crossed groups, each between nobody and everybody in it.

    Every solution is a way that the counts may be: a group that may be few in one and many in another is not known.
    """

    def __init__(
        self, found: SurveyAnswer, told: Sequence[_Told], sizes: Sequence[float], given: set[int]
    ) -> None:  # fmt: skip
        crossed = [i for i, x in enumerate(found.figures) if x.levels and ALL not in x.levels]
        levels = [found.figures[i].levels for i in crossed]
        self.cells: list[frozenset[int]] = [
            frozenset(c for c, at in enumerate(levels)
                      if all(y in (ALL, z) for y, z in zip(x.levels, at, strict=bool(x.levels))))
            for x in found.figures
        ]  # fmt: skip
        self.least = np.full(len(told), math.inf)
        self.most = np.full(len(told), -math.inf)
        most = np.array([sizes[i] if sizes[i] > 0 else math.inf for i in crossed])
        self.size = len(crossed)
        self.told = any(self.cells[i] for i in given)
        for slack in _SLACKS if self.told else ():
            self.programme = LinearProgramme(np.zeros(self.size), most)
            for i in sorted(given):
                if self.cells[i]:
                    off = slack * told[i].high
                    self.programme.add_row(told[i].low - off, told[i].high + off, sorted(self.cells[i]))
            if self.programme.optimum() is not None:
                break

    def knows(self, alone: int, too_much: _TooMuch) -> bool:
        """Return whether the system tells too much of a group; never where what is given are no sums of each other."""
        inside = sorted(self.cells[alone])
        if not (inside and self.told) or not too_much(alone, max(self.least[alone], 0.0), self.most[alone]):
            return False
        costs = np.zeros(self.size)
        costs[inside] = 1.0
        self.programme.set_costs(0, costs)
        for largest in (True, False):
            best = self.programme.optimum(largest=largest)
            if best is None:
                return False
            if not best.at.size:
                self.most[alone] = math.inf
                continue
            sums = np.array([best.at[sorted(x)].sum() if x else math.nan for x in self.cells])
            self.least, self.most = np.fmin(self.least, sums), np.fmax(self.most, sums)
        return too_much(alone, max(float(self.least[alone]), 0.0), float(self.most[alone]))


def _persons(x: SurveyFigure, rate: Rounded, persons: Rounded, size: float) -> _Told:
    """Return the ends that all points of a group agree with."""
    if x.level == LEVELS[-1] or not math.isfinite(rate.point):
        return _Told(math.nan, math.nan)
    ends = [(rate.point * size, rate.unit * size)]
    if math.isfinite(persons.point):
        ends.append((persons.point, persons.unit))
    low, high = max(x - unit / 2 for x, unit in ends), min(x + unit / 2 for x, unit in ends)
    return _Told(low, high) if low <= high else _Told(*(ends[-1][0] + s * ends[-1][1] / 2 for s in (-1, 1)))


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
