"""Earlier releases in the attack: what they published of the same persons, beside what is to be published now.

Two tables over the same persons are one system. Its base cells run through every level that either of them has, and
through the spans of time that one covers and the other does not; a count of either is a sum of them. So last year's
release, and one with or without a stratum, are held against the new one: what either left out has to stay in doubt, and
so do the few persons by whom one count differs from another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.earlierreleases import OldTable
from mse.computing.linearsolver import LinearProgramme
from mse.errors import ModelError, Problem
from mse.kernels.arrays import Flags, Integers
from mse.publish.disclosure.attack import SLACK, Beside, Bounds, attack
from mse.publish.disclosure.counts import KNOWN, LABEL, CountTable, Place, PublishedCells
from mse.words.said import said

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from mse.publish.disclosure.control import Disclosure
    from mse.publish.disclosure.protecting import Protected

SPAN = "span of time"
MOST_BASE = 50_000


def protect_beside(
    table: CountTable, rule: Disclosure, old: Sequence[OldTable], time: str | None, years: tuple[str, ...], *,
    told: Mapping[Place, tuple[float, float]], known: Sequence[Place], pinned: Mapping[Place, int],
    stood: Mapping[Place, int] | None = None,
) -> Protected:  # fmt: skip
    """Return a table protected together with what was published before (`mse.publish.disclosure.protecting`).

    Parameters
    ----------
    table, rule, told, known, pinned, stood
        As there.
    old : sequence of OldTable
        What was published before.
    time, years : str or None, tuple of str
        The dimension of `table` that is time, and the years that it is about.

    Raises
    ------
    ModelError
        When a count, of either, cannot be kept in doubt.
    """
    from mse.publish.disclosure.protecting import protect_told

    beside, same = _beside(table, rule, old, time, years)
    fixed = dict(pinned)
    if rule.method != "suppress":
        values = dict(zip(table.published().places, table.published().values(table).tolist(), strict=True))
        fixed |= {p: v for p, v in same.items() if v % rule.base == 0 and abs(v - values[p]) < rule.base}
    found = protect_told(table, rule, told=told, known=known, pinned=fixed, stood=stood, beside=beside)
    if rule.method != "suppress":
        _withstood(table, found, rule, beside)
    return found


def _withstood(table: CountTable, found: Protected, rule: Disclosure, beside: Beside) -> None:
    """Raise ModelError when rounded counts, with earlier releases, leave a count in less doubt than promised."""
    least = {place: min(rule.base - 1.0, high - low) for place, low, high in
             zip(beside.cells.places, beside.low, beside.high, strict=True)}  # fmt: skip
    least |= {
        place: min(float(rule.threshold), most - few)
        for place, few, most, high in zip(beside.cells.places, beside.least, beside.most, beside.high, strict=True)
        if math.isinf(high)
    }
    after = attack(table, found.table, whole=table.counts.size <= 64, beside=beside)
    for place, low, high in zip(after.places, after.low, after.high, strict=True):
        if high - low < least.get(place, rule.base - 1.0) - SLACK:
            raise ModelError(
                Problem(said("found.rounded_counts_would_tell"), said("allowed.counts_stay_doubt"),
                        said("do.use_method_disclosure_control"),
                        value=_said(place))
            )  # fmt: skip


def _said(place: Place) -> str:
    return ", ".join(str(x) for x in place if x is not None) or "the total"


# ---- one system of all tables ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    """A table in the joint system: levels by dimension that it knows, and the spans of time that it covers.

    `open` are dimensions with levels that it does not name; `groups` levels that stand together, by their name.
    """

    dims: Mapping[str, tuple[str, ...]]
    time: str | None
    spans: tuple[str, ...]
    open: frozenset[str] = frozenset()
    groups: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def _beside(
    table: CountTable, rule: Disclosure, old: Sequence[OldTable], time: str | None, years: tuple[str, ...]
) -> tuple[Beside, dict[Place, int]]:
    """Return the earlier releases as a part of the system, and the rounded counts of cells that are the same."""
    new, *sides = _sides([(dict(table.dimensions), time, years), *((dict(x.dimensions), x.time, x.years) for x in old)])
    new = replace(new, groups={(dim, x): parts for dim, found in table.groups.items() for x, parts in found.items()})
    sides = [
        replace(side, open=frozenset(x.open), groups={(dim, name): inside for dim, name, inside in x.groups})
        for side, x in zip(sides, old, strict=True)
    ]
    levels: dict[str, tuple[str, ...]] = {}
    for side in (new, *sides):
        for dim, names in side.dims.items():
            levels[dim] = tuple(dict.fromkeys([*levels.get(dim, ()), *names]))
    spans = tuple(dict.fromkeys(span for side in (new, *sides) for span in side.spans))
    levels[SPAN] = spans
    shape = tuple(map(len, levels.values()))
    size = math.prod(shape)
    if size > MOST_BASE:
        raise ModelError(
            Problem(said("found.base_cells_too_many", size=size), said("allowed.most_2", most_base=MOST_BASE),
                    said("do.publish_fewer_dimensions_hold"))
        )  # fmt: skip
    index = np.arange(size).reshape(shape)

    def cells_of(side: _Side, place: Mapping[str, str]) -> frozenset[int]:
        where = []
        for dim, names in levels.items():
            own: Sequence[str]
            if dim == SPAN:
                own = [place[side.time]] if side.time is not None and side.time in place else side.spans
            else:
                if dim in place:
                    own = side.groups.get((dim, place[dim]), (place[dim],))
                else:
                    own = names if dim in side.open else side.dims.get(dim, names)
                if dim == LABEL and dim not in side.dims and place:
                    own = [KNOWN]  # counts by stratum leave out whoever belongs to none
            where.append([names.index(x) for x in own])
        return frozenset(index[np.ix_(*where)].ravel().tolist())

    base = [cells_of(new, dict(zip(table.names, at, strict=True))) for at in product(*table.dimensions.values())]
    split = matrix_of(base, size)
    possible = np.ones(size, dtype=bool)
    for can, inside in zip(table.possible, base, strict=True):
        possible[list(inside)] = can
    rows: list[tuple[Place, frozenset[int], float, float]] = []
    same: dict[Place, int] = {}
    published = table.published()
    ours = {
        cells_of(new, {d: x for d, x in zip(table.names, place, strict=True) if x is not None}): place
        for place in published.places
    }
    for number, (side, before) in enumerate(zip(sides, old, strict=True)):
        called = [name for name, _ in before.dimensions]
        for cell in before.cells:
            inside = cells_of(side, {d: x for d, x in zip(called, cell.place, strict=True) if x is not None})
            rows.append(((f"earlier release {number + 1}", *cell.place), inside, cell.low, cell.high))
            if cell.rounded is not None and inside in ours:
                same[ours[inside]] = cell.rounded
    rows, counts = _agreeing(rows, base, table.counts, possible, size)
    covered = frozenset().union(*base)
    taken = {*ours, *(inside for _, inside, _, _ in rows)}
    published_rows = len(rows)
    rows += _differences(list(ours), [cells_of(side, {}) for side in sides], taken)
    rows += _differences([inside for _, inside, _, _ in rows], [covered], taken)
    sums = PublishedCells(tuple(row[0] for row in rows), matrix_of([row[1] for row in rows], size))
    low, high = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
    programme = Bounds(possible, sums, low, high, whole=False)
    least, most = low.copy(), high.copy()
    for c in np.flatnonzero(low < high):
        least[c], most[c] = programme.range(int(c))
    difference = np.arange(len(rows)) >= published_rows
    return Beside(sums, low, high, split, counts, possible, least, most, difference), same


def _sides(given: Sequence[tuple[dict[str, tuple[str, ...]], str | None, tuple[str, ...]]]) -> list[_Side]:
    """Return the tables with the spans of time that tell them apart: levels of time, else years that go together."""
    named = {x for dims, time, _ in given if time in dims for x in dims[str(time)]}
    known = [set(dims[time]) if time in dims else set(years) for dims, time, years in given]
    everything = set().union(*known) | named or {""}
    covers = [years or set(everything) for years in known]
    spans: dict[tuple[bool, ...], str] = {}
    for year in sorted(everything - named):
        spans.setdefault(tuple(year in x for x in covers), f"with {year}")
    sides = []
    for i, ((dims, time, _), years) in enumerate(zip(given, covers, strict=True)):
        own = tuple(x for x in sorted(named) if x in years)
        rest = tuple(name for pattern, name in spans.items() if pattern[i])
        others = {dim: levels for dim, levels in dims.items() if dim != time}
        sides.append(_Side(others, time if time in dims else None, (*own, *rest)))
    return sides


def _differences(
    sums: Sequence[frozenset[int]], others: Sequence[frozenset[int]], taken: set[frozenset[int]]
) -> list[tuple[Place, frozenset[int], float, float]]:
    """Return what is left of sums beyond what another table covers: by so many persons do two counts differ."""
    found: list[tuple[Place, frozenset[int], float, float]] = []
    for inside in sums:
        for other in others:
            for rest in (inside - other, inside & other):
                if rest and rest != inside and rest not in taken:
                    taken.add(rest)
                    found.append(((f"difference {len(taken)}",), rest, 0.0, math.inf))
    return found


def _agreeing(
    rows: list[tuple[Place, frozenset[int], float, float]], base: Sequence[frozenset[int]], counts: Integers,
    possible: Flags, size: int,
) -> tuple[list[tuple[Place, frozenset[int], float, float]], Integers]:  # fmt: skip
    """Return the sums that agree with the table, and counts of all base cells that agree with all of them.

    Counts that were revised in the meantime are other counts: nothing follows from them.
    """
    at = np.full(size, -1, dtype=np.int64)
    for number, inside in enumerate(base):
        if len(inside) == 1:
            at[next(iter(inside))] = number
    kept = []
    for row in rows:
        where = at[list(row[1])]
        if (where < 0).any() or row[2] <= counts[where].sum() <= row[3]:
            kept.append(row)
    found = _completed(kept, base, counts, possible)
    if found is None:
        kept = [row for row in kept if (at[list(row[1])] >= 0).all()]
        found = _completed(kept, base, counts, possible)
    assert found is not None
    return kept, found


def _completed(
    rows: Sequence[tuple[Place, frozenset[int], float, float]], base: Sequence[frozenset[int]], counts: Integers,
    possible: Flags,
) -> Integers | None:  # fmt: skip
    """Return whole counts of all base cells that give the table and agree with the sums; None where there are none."""
    programme = LinearProgramme(np.zeros(possible.size), np.where(possible, np.inf, 0.0), whole=True, presolve=True)
    for inside, count in zip(base, counts, strict=True):
        programme.add_row(count, count, sorted(inside))
    for _, inside, low, high in rows:
        programme.add_row(low, high, sorted(inside))
    found = programme.optimum()
    return None if found is None else np.rint(found.at).astype(np.int64)


def matrix_of(rows: Sequence[frozenset[int]], size: int) -> csr_array:
    """Return sums over base cells as a matrix with a row each."""
    from scipy.sparse import csr_array

    columns = np.array([j for row in rows for j in sorted(row)], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return csr_array((np.ones(columns.size, dtype=np.int64), columns, ends), shape=(len(rows), size))
