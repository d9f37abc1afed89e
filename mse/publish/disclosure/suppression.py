"""Which counts are left out: the small ones, and as few others as keep anybody from working them out.

A cell that must stay in doubt by some amount needs a witness: another table that agrees with everything published, in
which the cell is off by that amount. The least costly witness is a linear programme over changes of the table; what it
changes is left out too (Kelly, Golden & Assad 1992; the linear-programming heuristic of cell suppression). Afterwards
every count that was added is put back if all cells keep a witness without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.linearsolver import LinearProgramme
from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Array, Flags, Integers
from mse.publish.disclosure.attack import SLACK, Beside, members
from mse.publish.disclosure.counts import CountTable, Place, PublishedCells, joined
from mse.words.said import said

if TYPE_CHECKING:
    from mse.publish.disclosure.control import Disclosure

Ends = tuple[float, float]
"""Least and most persons that a count may be."""

MOST_TRIALS = 4_000
"""Witnesses that are sought in vain or not while counts are put back; more would take minutes on large tables."""
DIVES, FIXED = 5, 0.3
"""Dives for a witness in whole persons, and the share of the changes in parts of persons that a step of one fixes."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far off a cell must possibly be: by `amount` persons downward or upward; `whole` if halves do not count."""

    cell: int
    up: bool
    amount: int
    whole: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Suppression:
    """What is left out, and what may be said of it all the same; C published cells.

    Parameters
    ----------
    hidden : bool array, shape (C,)
        Cells that are left out.
    stated : bool array, shape (C,)
        Of the cells of `told`: those of which that much may be known, though their count is left out.
    """

    hidden: Flags
    stated: Flags


def suppress(
    table: CountTable,
    cells: PublishedCells,
    rule: Disclosure,
    known: Sequence[Place] = (),
    told: Mapping[Place, Ends] | None = None,
    beside: Beside | None = None,
) -> Suppression:
    """Return which published cells are left out, never those that are `known` from elsewhere.

    Parameters
    ----------
    table, cells, rule, known
        As in `mse.publish.disclosure.protecting.protect`.
    told : mapping of place to (float, float), optional
        What the estimate of a place would tell of its count, if it is published: no fewer and no more persons.
    beside : Beside, optional
        What earlier releases published. What they left out must stay in doubt as much as it was.

    Raises
    ------
    ModelError
        When small counts cannot be kept in doubt beside what is known.

    Notes
    -----
    Base cells that are not published themselves and hold a small count are kept in doubt in the same way.
    """
    from scipy.sparse import csr_array

    whole = _with_base(table, cells)
    ours, told_here = len(whole.places), set(known)
    sure = np.array([place in told_here for place in whole.places], dtype=bool)
    counts, possible = table.counts, table.possible
    if beside is not None:
        whole = joined(PublishedCells(whole.places, csr_array(whole.sums @ beside.split)), beside.cells)
        sure = np.concatenate([sure, beside.low == beside.high])
        counts, possible = beside.counts, beside.possible
    values, reach = np.asarray(whole.sums @ counts), (np.asarray(whole.sums @ possible.astype(np.int64)) > 0) & ~sure
    at = np.arange(values.size)
    published = at < len(cells.places)
    small = reach & (at < ours) & (values < rule.threshold) & ((values > 0) | (rule.zeros == "suppress"))
    doubts = {int(c): _small_doubts(int(c), int(values[c]), rule) for c in np.flatnonzero(small)}
    nobody = np.zeros(len(cells.places), dtype=bool)
    if beside is None and not doubts:
        return Suppression(nobody, nobody)
    if beside is None and not known and not told and _enough_alone(whole, small, values, doubts):
        return Suppression(small[: len(cells.places)], nobody)
    search = Search(counts, possible, whole, values, reach, small | ~published)
    if beside is not None:
        search.floor[ours:], search.cap[ours:] = beside.low, beside.high
        doubts |= _old_doubts(search, beside, ours, rule)
    if not doubts:
        return Suppression(nobody, nobody)
    waiting = [doubt for c in sorted(doubts, key=lambda c: (values[c], c)) for doubt in doubts[c]]
    witnesses = {doubt: search.enlarge(doubt) for doubt in waiting}
    while True:
        _doubt_added(search, published & ~small, rule, doubts, witnesses)
        _put_back(search, np.flatnonzero(search.hidden & published & ~small), doubts, witnesses)
        narrow = _narrow(search, doubts, witnesses)
        if not narrow:
            break
        # A witness in halves of persons is none for whole ones, and there may be no other.
        for doubt in narrow:
            strict = replace(doubt, whole=True)
            doubts[doubt.cell] = tuple(strict if d == doubt else d for d in doubts[doubt.cell])
            witnesses[strict] = search.enlarge(strict)
    hidden = search.hidden[: len(cells.places)].copy()
    ends = {c: told[place] for c, place in enumerate(cells.places) if told and hidden[c] and place in told}
    return Suppression(hidden, _stated(search, ends, small, rule, doubts, witnesses, nobody))


def _enough_alone(
    cells: PublishedCells, small: Flags, values: Integers, doubts: Mapping[int, tuple[Doubt, ...]]
) -> bool:  # fmt: skip
    """Return whether the small cells of one sum hide each other: the witness moves persons from one to another.

    Nothing has to be searched for then; of the thousands of groups of a survey a search would take minutes.
    """
    inside = np.diff(cells.sums.indptr)
    if cells.sums.shape[0] != cells.sums.shape[1] + 1 or (inside > 1).sum() != 1 or small[inside > 1].any():
        return False
    hidden = int(values[small].sum())
    return bool(small.sum() > 1) and all(
        hidden - values[c] >= doubt.amount for c, each in doubts.items() for doubt in each if doubt.up
    )


def _stated(
    search: Search, told: Mapping[int, Ends], small: Flags, rule: Disclosure, doubts: dict[int, tuple[Doubt, ...]],
    witnesses: dict[Doubt, Array], nobody: Flags,
) -> Flags:  # fmt: skip
    """Return the hidden cells whose ends may be known, the largest first: every doubt keeps a witness within them."""
    stated, trials = nobody.copy(), 0
    for c in sorted(told, key=lambda c: (-search.values[c], c)):
        (least, most), count = told[c], search.values[c]
        if small[c] or not least <= count <= most:
            continue
        before = search.floor[c], search.cap[c]
        search.floor[c], search.cap[c] = max(least, before[0]), min(most, before[1])
        own = _own_doubts(search, c, rule)
        fresh: dict[Doubt, Array] = {}
        lost = [
            d for cell, ds in doubts.items() if cell != c for d in ds
            if not search.floor[c] - SLACK <= count + witnesses[d][c] <= search.cap[c] + SLACK
        ]  # fmt: skip
        trials += len(lost) + len(own)
        for doubt in [*own, *lost] if trials <= MOST_TRIALS else []:
            change = search.witness(doubt, search.hidden)
            change = change if change is None or _is_whole(change) else search.whole_witness(doubt)
            if change is None:
                break
            fresh[doubt] = change
        if own and len(fresh) == len({*own, *lost}):
            stated[c], doubts[c] = True, own
            witnesses.update(fresh)
        else:
            search.floor[c], search.cap[c] = before
    return stated


def _own_doubts(search: Search, cell: int, rule: Disclosure) -> tuple[Doubt, ...]:
    """Return the doubts of a cell that is no small one: a range as wide as the threshold, wherever it lies."""
    count = int(search.values[cell])
    least = math.ceil(count * rule.percent / 100 - SLACK)
    down = max(search.most_down(cell, min(count, max(rule.threshold, least))), min(least, count))
    up = max(rule.threshold - down, least)
    return tuple(Doubt(cell, up_, amount) for up_, amount in ((False, down), (True, up)) if amount > 0)


def _old_doubts(search: Search, beside: Beside, first: int, rule: Disclosure) -> dict[int, tuple[Doubt, ...]]:
    """Return the doubts of what earlier releases left out, and of differences: no more than they alone leave open.

    Whether such a count was a small one is not told. One that may be must possibly be 0, others lie in a range as wide
    as the threshold.
    """
    found: dict[int, tuple[Doubt, ...]] = {}
    for i in np.flatnonzero(np.isinf(beside.high) | (beside.high - beside.low >= rule.threshold)):
        c = first + int(i)
        count = int(search.values[c])
        if beside.difference[i] and not (count < rule.threshold and (count > 0 or rule.zeros == "suppress")):
            continue  # so many persons may be told
        down = min(count, count if count < 2 * rule.threshold else rule.threshold, count - int(beside.least[i]))
        up = max(rule.threshold - (count if count < rule.threshold else down), 0)
        up = up if math.isinf(beside.most[i]) else min(up, int(beside.most[i]) - count)
        if amounts := tuple(Doubt(c, up_, x) for up_, x in ((False, down), (True, up)) if x > 0):
            found[c] = amounts
    return found


def _small_doubts(cell: int, count: int, rule: Disclosure) -> tuple[Doubt, ...]:
    """Return the doubts of a small count: down to 0, and up to the threshold or the percentage."""
    up = max(rule.threshold - count, math.ceil(count * rule.percent / 100 - SLACK))
    down = (Doubt(cell, False, count),) if count else ()
    return (*down, Doubt(cell, True, up))


def _with_base(table: CountTable, cells: PublishedCells) -> PublishedCells:
    """Return the published cells and, after them, the base cells that are not published."""
    from scipy.sparse import csr_array

    alone = np.diff(cells.sums.indptr) == 1
    shown = set(cells.sums.indices[cells.sums.indptr[:-1][alone]].tolist())
    rest = np.array([b for b in range(table.counts.size) if b not in shown], dtype=np.int64)
    if not rest.size:
        return cells
    levels = list(table.dimensions.values())
    where = np.array(np.unravel_index(rest, [len(x) for x in levels])).T
    places = tuple(tuple(x[i] for x, i in zip(levels, at, strict=True)) for at in where)
    ones = np.ones(rest.size, dtype=np.int64)
    extra = csr_array((ones, rest, np.arange(rest.size + 1)), shape=(rest.size, table.counts.size))
    return joined(cells, PublishedCells(places, extra))


def _is_whole(change: Array) -> bool:
    """Return whether a witness changes whole persons."""
    return bool(np.abs(change - np.rint(change)).max() <= SLACK)


class Search:
    """The programme over changes of a table, and which cells are hidden so far.

    Variables: a change y of every base cell, and per cell c the parts u, d ≥ 0 of its change, with Σ y − u + d = 0.
    Changes of cells that are not hidden cost the more, the larger the count. Bounds and costs alone change from one
    run to the next, so that each starts from the basis of the one before.
    """

    def __init__(
        self, counts: Integers, possible: Flags, cells: PublishedCells, values: Integers, reach: Flags, hidden: Flags
    ) -> None:
        self.places = cells.places
        self.values, self.reach, self.hidden = values.astype(np.float64), reach, hidden.copy()
        self.size, self.count = counts.size, values.size
        self.price = 1.0 + np.log1p(self.values)
        self.floor, self.cap = np.zeros(values.size), np.full(values.size, math.inf)
        self.least = -counts.astype(np.float64)
        self.most = np.where(possible, math.inf, 0.0)
        self.programme = LinearProgramme(self.least, self.most)
        self.programme.add_variables(np.zeros(2 * self.count), np.zeros(2 * self.count))
        for c in range(self.count):
            inside = members(cells, c)
            columns = [*inside, self.size + c, self.size + self.count + c]
            self.programme.add_row(0.0, 0.0, columns, np.concatenate([np.ones(inside.size), [-1.0, 1.0]]))

    def _solve(self, doubt: Doubt, open_: Flags, price: Array) -> Array | None:
        """Return the changes of the cells at the least cost, shape (C,); None when there are none."""
        low, high = self._ends(open_)
        at, against = (doubt.cell, self.count + doubt.cell)[:: 1 if doubt.up else -1]
        if high[at] < doubt.amount:
            return None
        low[at], high[against] = doubt.amount, 0.0
        return self._run(low, high, np.concatenate([price, price]), doubt.whole)

    def _ends(self, open_: Flags) -> tuple[Array, Array]:
        """Return the ends of u and d where these cells may change: no further than is known of a count in any case."""
        room = (self.cap - self.values, self.values - self.floor)
        high = np.concatenate([np.where(open_, x, 0.0) for x in room])
        return np.zeros(high.size), high

    def _run(self, low: Array, high: Array, price: Array, whole: bool = False) -> Array | None:
        self.programme.set_ends(self.size, low, high)
        self.programme.set_costs(self.size, price)
        self.programme.set_whole(whole, self.size)
        found = self.programme.optimum()
        if found is None:
            return None
        self.moved, parts = found.at[: self.size], found.at[self.size :]
        return parts[: self.count] - parts[self.count :]

    def enlarge(self, doubt: Doubt) -> Array:
        """Hide the cells that the cheapest witness of a doubt changes, and return it."""
        change = self._solve(doubt, self.reach, np.where(self.hidden, 0.0, self.price))
        if change is None:  # never where nothing is known: the whole table may shrink or grow in proportion
            place = names_of((x for x in self.places[doubt.cell] if x is not None), said("what.total"))
            raise ModelError(
                Problem(said("found.count_left_out_could"), said("allowed.counts_stay_doubt"),
                        said("do.publish_fewer_margins_use_2"), value=place)
            )  # fmt: skip
        self.hidden |= np.abs(change) > SLACK
        return change

    def witness(self, doubt: Doubt, hidden: Flags) -> Array | None:
        """Return a witness that changes hidden cells only; None when there is none."""
        return self._solve(doubt, hidden & self.reach, np.zeros(self.count))

    def whole_witness(self, doubt: Doubt) -> Array | None:
        """Return a witness in whole persons that changes hidden cells only; None when there is none.

        A dive finds one as a rule; where all have ended in nothing the integer programme, slower by a factor of a
        hundred on eight lists, has the last word.
        """
        for attempt in range(DIVES):
            change = self._dive(doubt, np.random.default_rng([doubt.cell, attempt]).random(self.size))
            if change is not None:
                return change
        return self.witness(replace(doubt, whole=True), self.hidden)

    def _dive(self, doubt: Doubt, price: Array) -> Array | None:
        """Fix those changes of base cells that are nearly whole, solve again, and so on until all are or none fits."""
        low, high = self.least.copy(), self.most.copy()
        self.programme.set_costs(0, price)
        while (change := self.witness(doubt, self.hidden)) is not None:
            off = np.abs(self.moved - np.rint(self.moved))
            parts = np.flatnonzero(off > SLACK)
            if not parts.size:
                break
            fixed = parts[np.argsort(off[parts])][: math.ceil(FIXED * parts.size)]
            low[fixed] = high[fixed] = np.rint(self.moved[fixed])
            self.programme.set_ends(0, low, high)
        self.programme.set_costs(0, np.zeros(self.size))
        self.programme.set_ends(0, self.least, self.most)
        return None if change is None else np.rint(change)

    def most_down(self, cell: int, limit: int) -> int:
        """Return by how much a hidden cell may be too large, whole persons up to a limit."""
        price = np.zeros(self.count)
        price[cell] = -1.0
        open_ = self.hidden & self.reach
        # Only the downward part of this cell may pay: its upward part is closed by a doubt of nothing.
        change = self._solve(Doubt(cell, False, 0), open_, price)
        assert change is not None
        return min(limit, math.floor(-float(change[cell]) + SLACK))


def _doubt_added(
    search: Search, eligible: Flags, rule: Disclosure, doubts: dict[int, tuple[Doubt, ...]],
    witnesses: dict[Doubt, Array],
) -> None:  # fmt: skip
    """Put every cell that was added in doubt, too: a range as wide as the threshold, wherever it lies."""
    while True:
        new = [int(c) for c in np.flatnonzero(search.hidden & eligible) if int(c) not in doubts]
        if not new:
            return
        for c in new:
            doubts[c] = _own_doubts(search, c, rule)
            for doubt in doubts[c]:
                witnesses[doubt] = search.enlarge(doubt)


def _put_back(
    search: Search, added: Integers, doubts: dict[int, tuple[Doubt, ...]], witnesses: dict[Doubt, Array]
) -> None:
    """Publish the cells after all without which every other cell keeps a witness, the largest first."""
    trials = 0
    for c in sorted(map(int, added), key=lambda c: (-search.values[c], c)):
        without = search.hidden.copy()
        without[c] = False
        fresh: dict[Doubt, Array] = {}
        lost = [d for cell, ds in doubts.items() if cell != c for d in ds if abs(witnesses[d][c]) > SLACK]
        trials += len(lost)
        if trials > MOST_TRIALS:
            return
        for doubt in lost:
            change = search.witness(doubt, without)
            if change is None:
                break
            fresh[doubt] = change
        else:
            search.hidden = without
            doubts.pop(c, None)
            witnesses.update(fresh)


def _narrow(search: Search, doubts: Mapping[int, tuple[Doubt, ...]], witnesses: dict[Doubt, Array]) -> list[Doubt]:
    """Return the doubts that have no witness in whole persons; the others get one, if need be that of another."""
    out = []
    found = [change for change in witnesses.values() if _is_whole(change)]
    for doubt in (d for ds in doubts.values() for d in ds if not _is_whole(witnesses[d])):
        sign = 1.0 if doubt.up else -1.0
        change = next((x for x in found if sign * x[doubt.cell] > doubt.amount - SLACK), None)
        if change is None and (change := search.whole_witness(doubt)) is not None:
            found.append(change)
        if change is None:
            out.append(doubt)
        else:
            witnesses[doubt] = change
    return out
