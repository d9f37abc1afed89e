"""Two vintages of one table of counts: what a count was before, and is now, must not tell of a few persons.

Whoever has two releases may subtract them. Between them registrations came late, were corrected, or were put together
in another way; the difference of two counts is a count of such persons, and is protected like any other. A count that
differs by fewer than the threshold from what the predecessor published stands as it stood; others that would tell such
a difference in sums are told in whole steps of the threshold from there; what was left out stays left out. Everything
together, old and new, is attacked by linear programmes: an attacker who takes it that persons are only ever added (late
registrations), and one who does not, are left with at least as many possible values as the threshold has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.linearsolver import LinearProgramme
from mse.errors import ModelError, Problem
from mse.kernels.arrays import Flags, Integers
from mse.publish.disclosure.attack import SLACK, members
from mse.publish.disclosure.counts import KNOWN, LABEL, CountTable, Place, PublishedCells
from mse.words.said import said

if TYPE_CHECKING:
    from mse.answers.earlierreleases import OldCell, OldTable
    from mse.publish.disclosure.control import Disclosure, SafeTable


MOST_STEPS = 16
"""Thresholds that a step may have before it is given up."""
TRIED = 40
"""Counts of which is tried what larger steps would leave in doubt."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """A published cell with what the predecessor published of the same persons: the number that stood there, if any."""

    old: OldCell
    anchor: int | None


def hold_over(
    table: CountTable, safe: SafeTable, old: OldTable, rule: Disclosure, time: str | None, years: tuple[str, ...],
    shown: Mapping[Place, tuple[int, int]] | None = None,
) -> SafeTable:  # fmt: skip
    """Return a protected table of which no difference from its predecessor tells of fewer persons than the threshold.

    Parameters
    ----------
    table : CountTable
        Raw counts as they are now.
    safe : SafeTable
        What of them may be published, were there no predecessor.
    old : OldTable
        The same table as the predecessor published it.
    rule : Disclosure
        Thresholds; only for counts that are left out. Rounded ones are off by as much as they are anyway.
    time, years : str or None, tuple of str
        The dimension of `table` that is time, and the years that it is about.
    shown : mapping of place to (int, int), optional
        Counts that another table publishes already, as they are to stand here, too, and the most that each may be off.

    Raises
    ------
    ModelError
        When a difference cannot be kept in doubt.
    """
    if rule.method != "suppress":
        return safe
    cells = table.published()
    values = cells.values(table)
    compared = _compared(table, cells, old, time, years)
    steps = np.ones(values.size, dtype=np.int64)
    hidden = np.array([cell.status == "suppressed" for cell in safe.cells])
    fixed = dict(shown or {})
    for c, place in enumerate(cells.places):
        found = compared.get(c)
        if found is None:
            continue
        if found.anchor is None:
            hidden[c] |= any(place) and found.old.high > found.old.low  # the total is never left out for what it was
        elif not hidden[c] and _small(int(values[c]) - found.anchor, rule):
            steps[c] = rule.threshold
    at_fixed = {cells.places.index(place): ends for place, ends in fixed.items()}
    for c, (_, off) in at_fixed.items():
        steps[c], hidden[c] = off + 1, False
    anchors = np.array([compared[c].anchor or 0 if c in compared else 0 for c in range(values.size)], dtype=np.int64)
    joint = _Joint(table, cells, old, _rows(table, cells, old, time, years), compared, time, years)
    state = _State(values, hidden, steps, anchors, at_fixed)
    while (narrow := joint.narrow(state, rule)) is not None:
        _widen(joint, narrow, state, rule)
    told = [_stepped(int(v), int(a), int(s)) for v, a, s in zip(values, anchors, steps, strict=True)]
    made = tuple(
        cell if cell.status == "structural zero"
        else replace(cell, count=None, status="suppressed") if out
        else replace(cell, count=fixed.get(cell.place, (number, 0))[0], status="rounded" if step > 1 else "published")
        for cell, out, step, number in zip(safe.cells, hidden, steps, told, strict=True)
    )  # fmt: skip
    widest = int(steps[~hidden].max(initial=1))
    words = said("disclosure.vintages", rule=safe.rule, threshold=rule.threshold, most=rule.threshold - 1)
    return replace(safe, cells=made, rule=words, deviation=widest - 1)


def _small(difference: int, rule: Disclosure) -> bool:
    """Return whether a difference must not be told."""
    return 0 < abs(difference) < rule.threshold or (difference == 0 and rule.zeros == "suppress")


def _stepped(value: int, anchor: int, step: int) -> int:
    """Return a count as it stood, moved towards what it is in whole steps."""
    if step == 1:
        return value
    difference = value - anchor
    return anchor + int(math.copysign(abs(difference) // step, difference)) * step


def _claims(value: int, anchor: int, step: int) -> tuple[int, int]:
    """Return the fewest and most that a count may be, for whoever knows how it was stepped."""
    if step == 1:
        return value, value
    told = _stepped(value, anchor, step)
    ends = (told - (step - 1 if told <= anchor else 0), told + (step - 1 if told >= anchor else 0))
    return max(ends[0], 0), ends[1]


@dataclass(frozen=True, slots=True)
class _State:
    """How every published cell is told: raw counts, which are left out, steps, where these start, and what is fixed."""

    values: Integers
    hidden: Flags
    steps: Integers
    anchors: Integers
    fixed: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Narrow:
    """What an attacker knows too well: a cell, of how it differs or of itself, if persons are `added` only or not."""

    cell: int
    difference: bool
    added: bool
    width: float


def _widen(joint: _Joint, narrow: _Narrow, state: _State, rule: Disclosure) -> None:
    """Tell one more count in larger steps: the one that leaves most in doubt, of these the smallest.

    Raises
    ------
    ModelError
        When all counts are told in the largest steps already.
    """
    free = [
        c for c in range(state.values.size)
        if not state.hidden[c] and c not in state.fixed and state.steps[c] < MOST_STEPS * rule.threshold
    ]  # fmt: skip
    if not free:
        place = ", ".join(str(x) for x in joint.cells.places[narrow.cell] if x is not None)
        raise ModelError(
            Problem(said("release.difference"), said("release.difference_allowed"), said("release.difference_remedy"),
                    value=place)
        )  # fmt: skip
    order = sorted(free, key=lambda c: (int(state.steps[c]), int(state.values[c]), c))[:TRIED]
    best, widest = order[0], narrow.width
    for c in order:
        before = int(state.steps[c])
        state.steps[c] = _larger(before, rule)
        low, high = joint.range(joint.programme(narrow.added, state), narrow.cell, narrow.difference)
        state.steps[c] = before
        if high - low > widest + SLACK:
            best, widest = c, high - low
        if widest >= rule.threshold - 1 - SLACK:
            break
    state.steps[best] = _larger(int(state.steps[best]), rule)


def _larger(step: int, rule: Disclosure) -> int:
    return rule.threshold if step == 1 else 2 * step


# ---- what is the same in both ----------------------------------------------------------------------------


def _compared(
    table: CountTable, cells: PublishedCells, old: OldTable, time: str | None, years: tuple[str, ...]
) -> dict[int, _Compared]:
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
        found[c] = _Compared(cell, anchor)
    return found


def _key(levels: Mapping[str, str | None]) -> frozenset[tuple[str, str]]:
    return frozenset((dim, x) for dim, x in levels.items() if x is not None)


def _same_years(table: CountTable, old: OldTable, time: str | None, years: tuple[str, ...]) -> bool:
    now = set(table.dimensions[time]) if time is not None and time in table.dimensions else set(years)
    return now == set(old.years) or not now or not old.years


def _rows(
    table: CountTable, cells: PublishedCells, old: OldTable, time: str | None, years: tuple[str, ...]
) -> list[tuple[Integers, float, float]]:
    """Return the sums of the predecessor over the base cells of the table, with their ends."""
    shape = [len(x) for x in table.dimensions.values()]
    index = np.arange(table.counts.size).reshape(shape)
    named = [dim for dim, _ in old.dimensions]
    found = []
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
        found.append((index[np.ix_(*where)].ravel(), cell.low, cell.high))
    return found


@dataclass(frozen=True, slots=True)
class _Joint:
    """Old and new as one system: a base cell has persons who were there (o) and by how many it differs now (a)."""

    table: CountTable
    cells: PublishedCells
    old: OldTable
    rows: list[tuple[Integers, float, float]]
    compared: Mapping[int, _Compared]
    time: str | None
    years: tuple[str, ...]

    def narrow(self, state: _State, rule: Disclosure) -> _Narrow | None:
        """Return a difference, or a small count, that is not in doubt; None where all are."""
        for added in (True, False):
            programme = self.programme(added, state)
            if programme.optimum() is None:
                continue  # what is published contradicts whoever thinks that persons are only added
            for cell, difference, truth in self._targets(state, rule):
                low, high = self.range(programme, cell, difference)
                # A range without the truth in it comes from a wrong belief, and tells nothing.
                if high - low < rule.threshold - 1 - SLACK and low - SLACK <= truth <= high + SLACK:
                    return _Narrow(cell, difference, added, high - low)
        return None

    def _targets(self, state: _State, rule: Disclosure) -> Iterator[tuple[int, bool, int]]:
        """Yield the cells that must stay in doubt, whether in how they differ, and the truth."""
        for c, value in enumerate(state.values.tolist()):
            found = self.compared.get(c)
            if found is not None and found.anchor is not None and not state.hidden[c]:
                if _small(value - found.anchor, rule):
                    yield c, True, value - found.anchor
            elif state.hidden[c] and 0 < value < rule.threshold:
                yield c, False, value

    def programme(self, added: bool, state: _State) -> LinearProgramme:
        """Return everything that is published of both; `added`: for whoever takes it that persons were only added."""
        size = self.table.counts.size
        there = self._was_there()
        most = np.where(self.table.possible, np.inf, 0.0)
        low = np.concatenate([np.zeros(size), np.where(there & ~np.array(added), -np.inf, 0.0)])
        programme = LinearProgramme(low, np.concatenate([np.where(there, most, 0.0), most]))
        for summed, few, many in self.rows:
            programme.add_row(few, many, summed)
        for c in range(state.values.size):
            at = members(self.cells, c)
            ends = _claims(int(state.values[c]), int(state.anchors[c]), int(state.steps[c]))
            low_end, high_end = (0.0, math.inf) if state.hidden[c] else ends
            if c in state.fixed:
                told, off = state.fixed[c]
                low_end, high_end = max(told - off, 0), told + off
            programme.add_row(low_end, high_end, np.concatenate([at, at + size]))
        if not added:
            for s in np.flatnonzero(there & self.table.possible).tolist():
                programme.add_row(0.0, math.inf, [s, s + size])
        return programme

    def _was_there(self) -> Flags:
        """Return the base cells that the predecessor could have counted: those of its years."""
        if self.time not in self.table.dimensions:
            return np.full(self.table.counts.size, True)
        shape = [len(x) for x in self.table.dimensions.values()]
        axis = self.table.names.index(str(self.time))
        inside = np.array([x in self.old.years for x in self.table.dimensions[str(self.time)]])
        wide = inside.reshape([-1 if i == axis else 1 for i in range(len(shape))])
        return np.asarray(np.broadcast_to(wide, shape).ravel())

    def range(self, programme: LinearProgramme, cell: int, difference: bool) -> tuple[float, float]:
        """Return the least and most of how a cell differs, or of the cell itself."""
        size = self.table.counts.size
        at = members(self.cells, cell)
        costs = np.zeros(2 * size)
        costs[at + size] = 1.0
        if not difference:
            costs[at] = 1.0
        programme.set_costs(0, costs)
        least, most = programme.optimum(), programme.optimum(largest=True)
        return (math.nan if least is None else least.value, math.nan if most is None else most.value)
