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
import numpy.typing as npt

from mse.computing.linearsolver import new_solver
from mse.errors import ModelError, Problem
from mse.publish.disclosure.attack import SLACK, add_variables, members, run_to_end
from mse.publish.disclosure.counts import CountTable, Place, PublishedCells

if TYPE_CHECKING:
    from mse.publish.disclosure.control import Disclosure

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


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


def suppress(table: CountTable, cells: PublishedCells, rule: Disclosure, known: Sequence[Place] = ()) -> Flags:
    """Return which published cells are left out, shape (C,); never those that are `known` from elsewhere.

    Raises
    ------
    ModelError
        When small counts cannot be kept in doubt beside what is known.

    Notes
    -----
    Base cells that are not published themselves and hold a small count are kept in doubt in the same way.
    """
    whole = _with_base(table, cells)
    told = np.array([place in set(known) for place in whole.places])
    values, reach = whole.values(table), whole.reach(table) & ~told
    published = np.arange(values.size) < len(cells.places)
    small = reach & (values < rule.threshold) & ((values > 0) | (rule.zeros == "suppress"))
    search = Search(table, whole, values, reach, small | ~published)
    doubts = {int(c): _small_doubts(int(c), int(values[c]), rule) for c in np.flatnonzero(small)}
    if not doubts:
        return np.zeros(len(cells.places), dtype=bool)
    waiting = [doubt for c in sorted(doubts, key=lambda c: (values[c], c)) for doubt in doubts[c]]
    witnesses = {doubt: search.enlarge(doubt) for doubt in waiting}
    while True:
        _doubt_added(search, published & ~small, rule, doubts, witnesses)
        _put_back(search, np.flatnonzero(search.hidden & published & ~small), doubts, witnesses)
        narrow = _narrow(search, doubts, witnesses)
        if not narrow:
            return search.hidden[: len(cells.places)].copy()
        # A witness in halves of persons is none for whole ones, and there may be no other.
        for doubt in narrow:
            strict = replace(doubt, whole=True)
            doubts[doubt.cell] = tuple(strict if d == doubt else d for d in doubts[doubt.cell])
            witnesses[strict] = search.enlarge(strict)


def _small_doubts(cell: int, count: int, rule: Disclosure) -> tuple[Doubt, ...]:
    """Return the doubts of a small count: down to 0, and up to the threshold or the percentage."""
    up = max(rule.threshold - count, math.ceil(count * rule.percent / 100 - SLACK))
    down = (Doubt(cell, False, count),) if count else ()
    return (*down, Doubt(cell, True, up))


def _with_base(table: CountTable, cells: PublishedCells) -> PublishedCells:
    """Return the published cells and, after them, the base cells that are not published."""
    from scipy.sparse import csr_array, vstack

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
    return PublishedCells((*cells.places, *places), csr_array(vstack([cells.sums, extra])))


def _is_whole(change: Array) -> bool:
    """Return whether a witness changes whole persons."""
    return bool(np.abs(change - np.rint(change)).max() <= SLACK)


class Search:
    """The programme over changes of a table, and which cells are hidden so far.

    Variables: a change y of every base cell, and per cell c the parts u, d ≥ 0 of its change, with Σ y − u + d = 0.
    Changes of cells that are not hidden cost the more, the larger the count. Bounds and costs alone change from one
    run to the next, so that each starts from the basis of the one before.
    """

    def __init__(self, table: CountTable, cells: PublishedCells, values: Integers, reach: Flags, hidden: Flags) -> None:
        self.values, self.reach, self.hidden = values.astype(np.float64), reach, hidden.copy()
        self.size, self.count = table.counts.size, values.size
        self.price = 1.0 + np.log1p(self.values)
        self.highs, self.whole = new_solver(), False
        self.base = np.arange(self.size, dtype=np.int32)
        self.least = -table.counts.astype(np.float64)
        self.most = np.where(table.possible, math.inf, 0.0)
        add_variables(self.highs, self.least, self.most)
        for _ in range(2 * self.count):
            self.highs.addVar(0.0, 0.0)
        for c in range(self.count):
            inside = members(cells, c)
            columns = np.concatenate([inside, [self.size + c, self.size + self.count + c]]).astype(np.int32)
            weights = np.concatenate([np.ones(inside.size), [-1.0, 1.0]])
            self.highs.addRow(0.0, 0.0, columns.size, columns, weights)
        self.columns = np.arange(self.size, self.size + 2 * self.count, dtype=np.int32)

    def _solve(self, doubt: Doubt, open_: Flags, price: Array) -> Array | None:
        """Return the changes of the cells at the least cost, shape (C,); None when there are none."""
        low, high = self._ends(open_)
        at, against = (doubt.cell, self.count + doubt.cell)[:: 1 if doubt.up else -1]
        low[at], high[against] = doubt.amount, 0.0
        high[at] = max(high[at], doubt.amount)
        return self._run(low, high, np.concatenate([price, price]), doubt.whole)

    def _ends(self, open_: Flags) -> tuple[Array, Array]:
        """Return the ends of u and d where these cells may change."""
        high = np.concatenate([np.where(open_, math.inf, 0.0), np.where(open_, self.values, 0.0)])
        return np.zeros(high.size), high

    def _run(self, low: Array, high: Array, price: Array, whole: bool = False) -> Array | None:
        import highspy

        self.highs.changeColsBounds(self.columns.size, self.columns, low, high)
        self.highs.changeColsCost(self.columns.size, self.columns, price)
        self._only_whole(whole)
        status = run_to_end(self.highs)
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"the programme of suppression ended with {status}")
        parts = np.asarray(self.highs.getSolution().col_value, dtype=np.float64)[self.size :]
        return parts[: self.count] - parts[self.count :]

    def _only_whole(self, whole: bool) -> None:
        """Ask for whole changes, or allow any."""
        import highspy

        if whole != self.whole:
            kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
            for j in range(self.size):
                self.highs.changeColIntegrality(j, kind)
            self.whole = whole

    def enlarge(self, doubt: Doubt) -> Array:
        """Hide the cells that the cheapest witness of a doubt changes, and return it."""
        change = self._solve(doubt, self.reach, np.where(self.hidden, 0.0, self.price))
        if change is None:  # never where nothing is known: the whole table may shrink or grow in proportion
            raise ModelError(
                Problem("a small count could be worked out from what is known elsewhere", "counts that stay in doubt",
                        "publish fewer margins, or a smaller threshold or percentage")
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
        self.highs.changeColsCost(self.size, self.base, price)
        while (change := self.witness(doubt, self.hidden)) is not None:
            moved = np.asarray(self.highs.getSolution().col_value, dtype=np.float64)[: self.size]
            off = np.abs(moved - np.rint(moved))
            parts = np.flatnonzero(off > SLACK)
            if not parts.size:
                break
            for j in parts[np.argsort(off[parts])][: math.ceil(FIXED * parts.size)]:
                self.highs.changeColBounds(int(j), *[float(np.rint(moved[j]))] * 2)
        self.highs.changeColsCost(self.size, self.base, np.zeros(self.size))
        self.highs.changeColsBounds(self.size, self.base, self.least, self.most)
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
            count = int(search.values[c])
            least = math.ceil(count * rule.percent / 100 - SLACK)
            down = max(search.most_down(c, min(count, max(rule.threshold, least))), min(least, count))
            up = max(rule.threshold - down, least)
            doubts[c] = tuple(Doubt(c, up_, amount) for up_, amount in ((False, down), (True, up)) if amount > 0)
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
