"""A series of releases as one system: what whoever has them all may work out, by linear programmes.

A base cell has persons in the first release, and each later one differs from that before it by some; the last is what
is to be published now. What releases published are sums over these, between ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.computing.linearsolver import LinearProgramme
from mse.kernels.arrays import Flags, Integers
from mse.publish.disclosure.attack import SLACK, members
from mse.publish.disclosure.counts import KNOWN, LABEL, CountTable, Place, PublishedCells

if TYPE_CHECKING:
    from mse.answers.earlierreleases import OldCell, OldTable
    from mse.publish.disclosure.control import Disclosure


@dataclass(frozen=True, slots=True)
class Compared:
    """A published cell with what an earlier release published of the same persons: the number there, if any."""

    old: OldCell
    anchor: int | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier release: its sums over base cells with their ends, and the published cells that it had."""

    rows: list[tuple[Integers, float, float]]
    compared: Mapping[int, Compared]


@dataclass(frozen=True, slots=True)
class Told:
    """How every published cell is told: raw counts, which are left out, steps, where these start, and what is fixed."""

    values: Integers
    hidden: Flags
    steps: Integers
    anchors: Integers
    fixed: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Target:
    """A sum of variables that must stay in doubt.

    Parameters
    ----------
    at : int32 array
        The variables.
    least : float
        How wide the range must be.
    truth : (float, float)
        Ends between which it is. A range without it comes from a wrong belief, and tells nothing.
    place : Place
        Where it stands.
    """

    at: npt.NDArray[np.int32]
    least: float
    truth: tuple[float, float]
    place: Place

    def narrow(self, low: float, high: float) -> bool:
        """Return whether a range tells too much."""
        possible = low - SLACK <= self.truth[1] and high + SLACK >= self.truth[0]
        return possible and high - low < self.least - SLACK


def is_small(difference: int, rule: Disclosure) -> bool:
    """Return whether a difference must not be told."""
    return 0 < abs(difference) < rule.threshold or (difference == 0 and rule.zeros == "suppress")


def stepped(value: int, anchor: int, step: int) -> int:
    """Return a count as it stood, moved towards what it is in whole steps."""
    if step == 1:
        return value
    difference = value - anchor
    return anchor + int(math.copysign(abs(difference) // step, difference)) * step


def claims(value: int, anchor: int, step: int) -> tuple[int, int]:
    """Return the fewest and most that a count may be, for whoever knows how it was stepped."""
    if step == 1:
        return value, value
    told = stepped(value, anchor, step)
    ends = (told - (step - 1 if told <= anchor else 0), told + (step - 1 if told >= anchor else 0))
    return max(ends[0], 0), ends[1]


# ---- what is the same in all of them ----------------------------------------------------------------------


def alike(table: CountTable, old: OldTable) -> bool:
    """Return whether an earlier table has no dimension, and no level but of time, that this one has not."""
    return all(
        dim in table.dimensions and (dim == old.time or set(levels) <= set(table.dimensions[dim]))
        for dim, levels in old.dimensions
    )


def series_of(
    table: CountTable, cells: PublishedCells, before: Sequence[OldTable], time: str | None, years: tuple[str, ...], *,
    steps: bool,
) -> tuple[Earlier, ...]:  # fmt: skip
    """Return the earlier releases over the base cells of the table; `steps`: rounded counts were told in steps.

    Whoever knows how that is done knows that such a count lies beyond where the one before stood.
    """
    found: list[Earlier] = []
    stood: dict[frozenset[int], float] = {}
    for old in before:
        rows = []
        for inside, low, high, number in _rows(table, old, time, years):
            key = frozenset(inside.tolist())
            if steps and number is not None and key in stood:
                low, high = (number if number > stood[key] else low), (number if number < stood[key] else high)
            if low == high or number is not None:
                stood[key] = low if number is None else number
            rows.append((inside, low, high))
        found.append(Earlier(rows, _compared(table, cells, old, time, years)))
    return tuple(found)


def _compared(
    table: CountTable, cells: PublishedCells, old: OldTable, time: str | None, years: tuple[str, ...]
) -> dict[int, Compared]:
    """Return the published cells of which the predecessor published the same sum, by number."""
    named = [dim for dim, _ in old.dimensions]
    before = {_key(dict(zip(named, cell.place, strict=True))): cell for cell in old.cells}
    alike = _same_years(table, old, time, years)
    found = {}
    for c, place in enumerate(cells.places):
        levels = {d: x for d, x in zip(table.names, place, strict=True) if d != LABEL}
        cell = before.get(_key(levels))
        if cell is None or not (alike or (time is not None and levels.get(time) is not None)):
            continue
        anchor = cell.rounded if cell.rounded is not None else int(cell.low) if cell.low == cell.high else None
        found[c] = Compared(cell, anchor)
    return found


def _key(levels: Mapping[str, str | None]) -> frozenset[tuple[str, str]]:
    return frozenset((dim, x) for dim, x in levels.items() if x is not None)


def _same_years(table: CountTable, old: OldTable, time: str | None, years: tuple[str, ...]) -> bool:
    now = set(table.dimensions[time]) if time is not None and time in table.dimensions else set(years)
    return now == set(old.years) or not now or not old.years


def _rows(
    table: CountTable, old: OldTable, time: str | None, years: tuple[str, ...]
) -> Iterator[tuple[Integers, float, float, int | None]]:
    """Yield the sums of an earlier release over the base cells of the table, with their ends, and rounded numbers."""
    shape = [len(x) for x in table.dimensions.values()]
    index = np.arange(table.counts.size).reshape(shape)
    named = [dim for dim, _ in old.dimensions]
    for cell in old.cells:
        levels = {d: x for d, x in zip(named, cell.place, strict=True) if x is not None}
        if any(d not in table.dimensions or x not in table.dimensions[d] for d, x in levels.items()):
            continue
        where = []
        for dim, names in table.dimensions.items():
            kept = [names.index(levels[dim])] if dim in levels else list(range(len(names)))
            if dim == time and dim not in levels:
                kept = [names.index(x) for x in names if x in old.years]
            if dim == LABEL and levels:
                kept = [names.index(KNOWN)]
            where.append(kept)
        yield index[np.ix_(*where)].ravel(), cell.low, cell.high, cell.rounded


class Series:
    """All releases as one system: persons of a base cell in the first, and by how many each later one differs.

    The last is what is to be published now.
    """

    def __init__(self, table: CountTable, cells: PublishedCells, series: tuple[Earlier, ...], rule: Disclosure) -> None:
        self.table, self.cells, self.series, self.rule = table, cells, series, rule
        self._before: dict[bool, list[Target]] = {}

    def _upto(self, base: npt.ArrayLike, release: int, first: int = 0) -> npt.NDArray[np.int32]:
        """Return the variables that add up to base cells in a release, or, from `first` on, how they differ."""
        size = self.table.counts.size
        return np.concatenate([np.asarray(base, dtype=np.int32) + k * size for k in range(first, release + 1)])

    def programme(self, added: bool, state: Told | None) -> LinearProgramme:
        """Return everything that is published; `added`: for whoever takes it that persons were only added.

        Without a state: what was published before.
        """
        size, last = self.table.counts.size, len(self.series)
        most = np.where(self.table.possible, np.inf, 0.0)
        low = np.concatenate([np.zeros(size), np.full(last * size, 0.0 if added else -np.inf)])
        programme = LinearProgramme(low, np.tile(most, last + 1))
        for k, old in enumerate(self.series):
            for summed, few, many in old.rows:
                programme.add_row(few, many, self._upto(summed, k))
        for c in range(0 if state is None else state.values.size):
            assert state is not None
            few, many = claims(int(state.values[c]), int(state.anchors[c]), int(state.steps[c]))
            if c in state.fixed:
                told, off = state.fixed[c]
                few, many = max(told - off, 0), told + off
            if not state.hidden[c]:
                programme.add_row(few, many, self._upto(members(self.cells, c), last))
        for k in range(1, 1 if added else last + 1):
            for s in np.flatnonzero(self.table.possible).tolist():
                programme.add_row(0.0, math.inf, self._upto([s], k))
        return programme

    def targets(self, added: bool, state: Told) -> Iterator[Target]:
        """Yield what must stay in doubt: small differences and counts now, and what was in doubt before."""
        last, wide = len(self.series), self.rule.threshold - 1.0
        for c, value in enumerate(state.values.tolist()):
            at, place = members(self.cells, c), self.cells.places[c]
            if state.hidden[c] and 0 < value < self.rule.threshold:
                yield Target(self._upto(at, last), wide, (value, value), place)
            for k, old in enumerate(() if state.hidden[c] else self.series):
                found = old.compared.get(c)
                if found is not None and found.anchor is not None:
                    ends = value - found.old.high, value - found.old.low
                    if any(is_small(x, self.rule) for x in range(int(ends[0]), int(ends[1]) + 1)):
                        yield Target(self._upto(at, last, k + 1), wide, ends, place)
        if added not in self._before:
            self._before[added] = list(self._doubts(added))
        yield from self._before[added]

    def _doubts(self, added: bool) -> Iterator[Target]:
        """Yield what the releases before left in doubt: counts that were left out, and how they differ."""
        programme, wide = self.programme(added, None), self.rule.threshold - 1.0
        if programme.optimum() is None:
            return
        asked: list[tuple[npt.NDArray[np.int32], Place]]
        asked = [(self._upto(x, k), ()) for k, old in enumerate(self.series) for x, low, high in old.rows if low < high]
        for j, k in combinations(range(len(self.series)), 2):
            both = [c for c in self.series[j].compared if c in self.series[k].compared]
            asked += [(self._upto(members(self.cells, c), k, j + 1), self.cells.places[c]) for c in both]
        for at, place in asked:
            low, high = self.range(programme, Target(at, 0.0, (-math.inf, math.inf), place))
            if high - low > SLACK and high > 0.0 and low < self.rule.threshold:
                yield Target(at, min(wide, high - low), (low, high), place)

    def range(self, programme: LinearProgramme, target: Target) -> tuple[float, float]:
        """Return the least and most of a target."""
        costs = np.zeros(programme.size)
        costs[target.at] = 1.0
        programme.set_costs(0, costs)
        least, most = programme.optimum(), programme.optimum(largest=True)
        return (math.nan if least is None else least.value, math.nan if most is None else most.value)
