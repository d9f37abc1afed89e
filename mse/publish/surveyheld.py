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
from mse.computing.linearsolver import LinearProgramme, Optimum
from mse.evidence.survey import ALL
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure
from mse.kernels.arrays import Array, Integers
from mse.publish.disclosure.against import matrix_of
from mse.publish.wording.rounding import Rounded

MOST_BACK = 60
"""Groups held back above which none of them is tried again."""
GUESSES = 12
"""Solutions in directions drawn by lot with which a search begins: each shows what many groups may be."""

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
    joint = _Joint(found, told, sizes)

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
            if whole not in given or len(missing) != 1 or not beside or missing[0] not in forbidden:
                continue  # what follows of one that was held back is in the system of all sums
            least = max(told[whole].low - sum(told[i].high for i in beside), 0.0)
            most = told[whole].high - sum(told[i].low for i in beside)
            if too_much(missing[0], least, most):
                return missing[0], beside
        joint.know(given, forbidden)
        alone = next((i for i in sorted(forbidden) if joint.knows(i, too_much)), None)
        return None if alone is None else (alone, _beside(alone, lines, given, joint))

    kept: list[int] = []
    while (tells := telling(given)) is not None:
        kept.append(min(tells[1], key=lambda i: (sizes[i], i)))
        given.discard(kept[-1])
    for i in sorted(kept, key=lambda i: (-sizes[i], i)) if len(kept) <= MOST_BACK else ():
        if telling(given | {i}) is None:
            given.add(i)
    return frozenset(i for i in kept if i not in given)


def _beside(
    alone: int, lines: Sequence[tuple[int, Sequence[int]]], given: set[int], joint: _Joint
) -> list[int]:  # fmt: skip
    """Return the groups of which the smallest is held back: in the shortest sum with it, else those that tell of it.

    Of these first what overlaps, then other sums of groups; everybody is the last to go.
    """
    for whole, parts in sorted(lines, key=lambda x: len(x[1])):
        if alone in parts and whole in given and len(joint.cells[whole]) < joint.whole:
            found = [i for i in parts if i in given]
            if found:
                return found
    telling = sorted(joint.telling & given)
    groups = [i for i in telling if len(joint.cells[i]) < joint.whole]
    overlap = [i for i in groups if joint.cells[i] & joint.cells[alone]]
    return overlap or [i for i in groups if len(joint.cells[i]) > 1] or telling or sorted(given)


class _TooMuch(Protocol):
    """Whether ends tell more of a group than its verdict allows."""

    def __call__(self, alone: int, least: float, most: float) -> bool:
        """Return it for a place and its ends."""


class _Joint:
    """All that is given as one system over the crossed groups, each between nobody and everybody in it.

    Every solution is a way that the counts may be: a group that may be few in one and many in another is not known.
    A group that is given itself is no row of the programme but ends of its variable, so that rows are the few sums. A
    solution stays one when less is given; `seen` keeps them all. `telling` are the figures that bound the last group of
    which too much is known.
    """

    def __init__(self, found: SurveyAnswer, told: Sequence[_Told], sizes: Sequence[float]) -> None:
        crossed = [i for i, x in enumerate(found.figures) if x.levels and ALL not in x.levels]
        crossed = crossed or [i for i, x in enumerate(found.figures) if x.levels]
        at = {i: c for c, i in enumerate(crossed)}
        self.cells = [frozenset([at[i]]) if i in at else _inside(x, found, crossed)
                      for i, x in enumerate(found.figures)]  # fmt: skip
        self.same = _same_sums(found, crossed)
        self.whole = max(map(len, self.cells))
        self.sums = matrix_of(self.cells, len(crossed)).astype(np.float64)
        self.some = np.diff(self.sums.indptr) > 0
        self.largest = np.array([sizes[i] if sizes[i] > 0 else math.inf for i in crossed])
        self.low, self.high = (np.array([getattr(x, name) for x in told]) for name in ("low", "high"))
        self.size = len(crossed)
        self.telling: set[int] = set()
        self.seen: list[Array] = []
        self.slacks: list[float] = []

    def know(self, given: set[int], forbidden: set[int]) -> None:
        """Take these as what is given; sums that are none to the digit may be off by as little as there must be."""
        rows = np.array(sorted(i for i in given if self.some[i]), dtype=np.int64)
        self.told = bool(rows.size)
        seen = np.array(self.seen).reshape(-1, self.low.size)
        agree = np.zeros(len(seen), dtype=bool)
        for slack in _SLACKS if self.told else ():
            low, high = self.low[rows] - slack * self.high[rows], self.high[rows] * (1 + slack)
            near = 1e-9 * (1 + high)
            agree = ((seen[:, rows] >= low - near) & (seen[:, rows] <= high + near)).all(axis=1)
            agree &= np.array(self.slacks) <= slack
            self.slack = slack
            self.programme = self._programme(rows, low, high, slack * float(self.high[rows].max()))
            if agree.any() or self.programme.optimum() is not None:
                break
        self.least = seen[agree].min(axis=0, initial=math.inf)
        self.most = seen[agree].max(axis=0, initial=-math.inf)
        if self.told and not agree.any():
            rng, inside = np.random.default_rng(len(given)), sorted(forbidden)
            for _ in range(GUESSES):
                costs = np.asarray(self.sums[inside].T @ rng.normal(size=len(inside)))
                self._solved(costs, largest=True)

    def _programme(self, rows: Integers, low: Array, high: Array, off: float) -> LinearProgramme:
        alone = np.diff(self.sums.indptr)[rows] == 1
        at = self.sums.indices[self.sums.indptr[rows[alone]]]
        least, most = np.zeros(self.size), self.largest.copy()
        np.maximum.at(least, at, low[alone])
        np.minimum.at(most, at, high[alone])
        self.rows, self.ends = rows[~alone].tolist(), dict(zip(at.tolist(), rows[alone].tolist(), strict=True))
        empty = least > most  # more than there are persons: the solver is to find that nothing fits
        programme = LinearProgramme(np.where(empty, 0.0, least), most)
        for i, a, b in zip(rows[~alone].tolist(), low[~alone].tolist(), high[~alone].tolist(), strict=True):
            programme.add_row(a, b, sorted(self.cells[i]))
        for c in np.flatnonzero(empty).tolist():
            programme.add_row(float(least[c]), math.inf, [c])
        for one, other in self.same:
            programme.add_row(-off, off, [*one, *other], np.repeat([1.0, -1.0], [len(one), len(other)]))
        return programme

    def _solved(self, costs: Array, *, largest: bool) -> Optimum | None:
        """Return the optimum, and note what all sums are there."""
        self.programme.set_costs(0, costs)
        best = self.programme.optimum(largest=largest)
        if best is not None and best.at.size:
            sums = np.asarray(self.sums @ best.at)
            self.least, self.most = np.minimum(self.least, sums), np.maximum(self.most, sums)
            self.seen.append(sums)
            self.slacks.append(self.slack)
        return best

    def knows(self, alone: int, too_much: _TooMuch) -> bool:
        """Return whether the system tells too much of a group; never where what is given are no sums of each other."""
        if not (self.some[alone] and self.told):
            return False
        if not too_much(alone, max(float(self.least[alone]), 0.0), float(self.most[alone])):
            return False
        costs = np.zeros(self.size)
        costs[sorted(self.cells[alone])] = 1.0
        self.telling = set()
        for largest in (True, False):
            best = self._solved(costs, largest=largest)
            if best is None:
                return False
            if not best.at.size:
                self.most[alone] = math.inf
                continue
            rows, columns = self.programme.binding()
            self.telling |= {self.rows[i] for i in rows.tolist() if i < len(self.rows)}
            self.telling |= {self.ends[c] for c in columns.tolist() if c in self.ends}
        return too_much(alone, max(float(self.least[alone]), 0.0), float(self.most[alone]))


def _inside(x: SurveyFigure, found: SurveyAnswer, parts: Sequence[int]) -> frozenset[int]:
    """Return which of the parts a figure is the sum of; everybody is that of one column where no groups are crossed."""
    levels = [found.figures[i].levels for i in parts]
    if not x.levels and levels and ALL in levels[0]:
        return frozenset(c for c, y in enumerate(levels) if y[0] != ALL)
    fixed = [(d, y) for d, y in enumerate(x.levels) if y != ALL]
    return frozenset(c for c, y in enumerate(levels) if all(y[d] == z for d, z in fixed))


def _same_sums(found: SurveyAnswer, parts: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return the levels of two columns that are everybody alike, where no groups are crossed."""
    levels = [found.figures[i].levels for i in parts]
    if not levels or ALL not in levels[0]:
        return []
    each = [[c for c, y in enumerate(levels) if y[d] != ALL] for d in range(len(found.dims))]
    return [(one, each[0]) for one in each[1:] if one and each[0]]


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
