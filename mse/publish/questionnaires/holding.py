"""Counts of one questionnaire from several folders, held together: no two of them may tell of few persons.

Every folder is protected by itself. Counts of the same persons from several are one system over all levels that any of
them has; whoever has the questionnaire, and the release, may solve it. A count from a later folder that would bring a
number of few persons to light is left out, with its reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from mse.kernels.arrays import Array
from mse.publish.disclosure.attack import SLACK, Bounds
from mse.publish.disclosure.control import Disclosure
from mse.publish.disclosure.counts import PublishedCells
from mse.publish.indicators.basis import spanned
from mse.publish.questionnaires.filling import FilledFigure, Gap, is_of, own_names
from mse.publish.questionnaires.publishedcells import LIST, PublishedCell, PublishedFolder, PublishedTable
from mse.publish.questionnaires.questionnairespec import AskedPersons, QuestionnaireSpec
from mse.words.said import said

MOST_BASE = 2_000
"""Base cells above which nothing from a second folder is taken."""
_OTHERS = "\0others"
"""Whoever has none of the levels that are named."""
TOGETHER = Gap(0, "together", said("gap.together"), said("gapfill.together"))


@dataclass(frozen=True, slots=True)
class _Row:
    """A published count, or one that was left out: of whom, of which years (none where nothing says so), its ends."""

    levels: frozenset[tuple[str, str]]
    years: tuple[str, ...]
    low: float
    high: float
    deviation: int = 0


def hold_together(
    spec: QuestionnaireSpec, figures: Sequence[FilledFigure], folders: Sequence[PublishedFolder]
) -> tuple[FilledFigure, ...]:  # fmt: skip
    """Return the figures without those counts that would, with the others and the release, tell of few persons.

    Parameters
    ----------
    spec : QuestionnaireSpec
        What is asked.
    figures : sequence of FilledFigure
        Each protected by itself.
    folders : sequence of PublishedFolder
        What they are from, the release first: all that it counts is known, of others what the questionnaire takes.
    """
    found = list(figures)
    by_list = {x.name for x in spec.dimension if LIST in (x.name.casefold(), *map(str.casefold, x.called))}
    for who in spec.persons:
        mine = [i for i, x in enumerate(found) if x.cell is not None and x.asked.persons == who.name
                and x.asked.what == "count" and not by_list & set(x.levels)]  # fmt: skip
        known = [row for table in folders[0].tables for row in _released(table, spec, who)]
        for number in range(1, len(folders)):
            later = [(i, _filled(found[i])) for i in mine if found[i].folder == number]
            kept = known + [_filled(found[i]) for i in mine if 0 < found[i].folder < number and found[i].gap is None]
            for i in _telling(kept, later):
                found[i] = replace(found[i], cell=None, source="", gap=TOGETHER)
    return tuple(found)


def _released(table: PublishedTable, spec: QuestionnaireSpec, who: AskedPersons) -> Iterable[_Row]:
    """Yield all counts of some persons in a release, by the names that the questionnaire has for their levels."""
    if table.what != "count" or LIST in table.dims or not is_of(table, who):
        return
    names: dict[str, str] = {}
    levels: dict[tuple[str, str], str] = {}
    for asked in spec.dimension:
        for dim in own_names(asked, table.dims)[:1]:
            names[dim] = asked.name
            for level in asked.level:
                there = own_names(level, table.dims[dim])
                levels |= {(dim, x): level.name for x in there if len(there) == 1}
    for (where, when), cell in table.cells.items():
        at = frozenset((names.get(dim, dim), levels.get((dim, x), x)) for dim, x in where)
        yield _row(at, (when,) if when in table.periods else _years(table.whole), cell)


def _filled(figure: FilledFigure) -> _Row:
    assert figure.cell is not None
    return _row(frozenset(figure.levels.items()), _years(figure.cell.period), figure.cell)


def _row(at: frozenset[tuple[str, str]], years: tuple[str, ...], cell: PublishedCell) -> _Row:
    if cell.value is None:
        return _Row(at, years, 0.0, math.inf)
    off = cell.deviation
    return _Row(at, years, max(cell.value - off, 0.0), cell.value + off, off)


def _years(period: str) -> tuple[str, ...]:
    return tuple(spanned(re.findall(r"\d{4}", period)))


def _telling(known: Sequence[_Row], later: Sequence[tuple[int, _Row]]) -> list[int]:
    """Return which of the later counts would tell of few persons: none, or, tried one by one, those that do."""
    if not known or not later:
        return []
    rows = [row for _, row in later]
    if _quiet(known, rows):
        return []
    kept, telling = list(known), []
    for i, row in later:
        if _quiet(kept, [row]):
            kept.append(row)
        else:
            telling.append(i)
    return telling


def _quiet(known: Sequence[_Row], more: Sequence[_Row]) -> bool:
    """Return whether two sets of counts together tell of no few persons of whom neither tells alone."""
    levels, years = _axes([*known, *more])
    size = math.prod(map(len, levels.values())) * len(years)
    if size > MOST_BASE:
        return False
    index = np.arange(size).reshape([*map(len, levels.values()), len(years)])
    base = [tuple(x) for x in product(*levels.values(), years)]

    def inside(row: _Row) -> frozenset[int]:
        chosen = dict(row.levels)
        where = [[names.index(chosen[dim])] if dim in chosen else range(len(names)) for dim, names in levels.items()]
        at = [years.index(x) for x in row.years] if row.years else range(len(years))
        return frozenset(index[np.ix_(*where, at)].ravel().tolist())

    old, new = [inside(x) for x in known], [inside(x) for x in more]
    stated = {at for at, row in zip([*old, *new], [*known, *more], strict=True) if row.low == row.high}
    targets = dict.fromkeys(frozenset({i}) for i in range(len(base)))
    targets |= dict.fromkeys(at for at, row in zip([*old, *new], [*known, *more], strict=True) if row.low < row.high)
    for one, other in product(new, old):
        targets |= dict.fromkeys(x for x in (one - other, other - one, one & other) if x)
    wanted = [x for x in targets if x not in stated]
    hidden = {at for at, row in zip([*old, *new], [*known, *more], strict=True) if math.isinf(row.high)}
    widths = [_widths(old, known, wanted, size), _widths(new, more, wanted, size)]
    both = _widths([*old, *new], [*known, *more], wanted, size)
    if both is None:
        return True  # counts of other persons, or revised ones: nothing follows
    few = Disclosure().threshold
    off = max(row.deviation for row in (*known, *more))
    for i, at in enumerate(wanted):
        alone = min(x[i, 1] - x[i, 0] for x in widths if x is not None)
        low, high = both[i]
        narrow = high - low < min(off or few, alone) - SLACK
        if narrow and (at in hidden or 0 < high < few):
            return False
    return True


def _axes(rows: Sequence[_Row]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the levels of every dimension, with whoever has none of them, and the years."""
    levels: dict[str, list[str]] = {}
    for row in rows:
        for dim, level in sorted(row.levels):
            names = levels.setdefault(dim, [_OTHERS])
            if level not in names:
                names.append(level)
    return levels, sorted({x for row in rows for x in row.years}) or [""]


def _widths(
    inside: Sequence[frozenset[int]], rows: Sequence[_Row], wanted: Sequence[frozenset[int]], size: int
) -> Array | None:  # fmt: skip
    """Return the fewest and most of every sum that agree with the rows, shape (T, 2); None where nothing agrees."""
    from mse.publish.disclosure.against import matrix_of

    sums = matrix_of([*inside, *wanted], size)
    low = np.array([*(x.low for x in rows), *(0.0 for _ in wanted)])
    high = np.array([*(x.high for x in rows), *(math.inf for _ in wanted)])
    places = tuple((str(i),) for i in range(low.size))
    programme = Bounds(np.ones(size, dtype=bool), PublishedCells(places, sums), low, high, whole=size <= 64)
    if programme.programme.optimum() is None:
        return None
    return np.array([programme.range(len(rows) + i) for i in range(len(wanted))]).reshape(-1, 2)
