"""The cone of directions along which the likelihoods of a family of models rise, by linear programming.

With A the 0/1 design of what a model fits, the cone holds the y with Ay ≥ 0, and Ay = 0 wherever somebody
was counted: moving the coefficients along −y loses nothing and gains on every cell where Ay > 0 (Fienberg &
Rinaldo 2012, section 3). One programme per table is kept and only its bounds change from model to model, so
that each starts from the basis of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mse.computing.linearsolver import LinearProgramme
from mse.kernels.arrays import Array, Flags, Integers

NONZERO = 1e-6
"""Entries of vertices of these small 0/1 programmes are ratios of small integers; less than this is 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Models on one table.

    Parameters
    ----------
    masks, finite, zero : (m,) int64
        Models over `subsets`; their terms that are estimated, and those whose margin is zero.
    blockers : (2^K,) int64
        Candidates with a zero margin inside each history: any of them in the model takes the cell away.
    subsets : (c,) int64
        Candidate terms.
    seen : (2^K,) float64
        1 where a cell can be observed and holds no list that nobody is on.
    """

    masks: Integers
    finite: Integers
    zero: Integers
    blockers: Integers
    subsets: Integers
    seen: Array

    def holds(self, cell: int, rows: Integers) -> Flags:
        """Return which of the models `rows` fit this cell."""
        held: Flags = (self.masks[rows] & self.blockers[cell]) == 0
        return held

    def design(self, totals: Array) -> tuple[Integers, Integers, Array]:
        """Return the seen cells, all terms (intercept and single lists first) and the 0/1 design."""
        rows = np.flatnonzero(self.seen > 0)
        k = self.seen.size.bit_length() - 1
        main = [0, *(1 << j for j in range(k) if totals[1 << j] > 0)]
        terms = np.concatenate([np.array(main, dtype=np.int64), self.subsets])
        return rows, terms, ((rows[:, None] & terms) == terms).astype(np.float64)

    def estimated(self, finite: np.int64, n_terms: int) -> Flags:
        """Return which of the terms of `design` a model with these candidates estimates."""
        chosen = np.ones(n_terms, dtype=bool)
        count = self.subsets.size
        chosen[n_terms - count :] = (finite >> np.arange(count, dtype=np.int64)) & 1 == 1
        return chosen


class Programme:
    """The linear programme of one table.

    Variables y, one per term, and t = Ay, one per cell: 0 ≤ t ≤ 1 on fitted cells without a count, t = 0
    where somebody was counted, t free on cells that are not fitted, y = 0 for terms that are not in the
    model. Because a y can be scaled, a maximum of Σt is 0 or at least 1.
    """

    def __init__(self, family: Family, counts: Array, totals: Array) -> None:
        self.family = family
        self.rows, self.terms, self.design = family.design(totals)
        self.empty = counts[self.rows] == 0
        self.loaded: LinearProgramme | None = None

    def _load(self) -> LinearProgramme:
        """Hand the design to HiGHS, once."""
        if self.loaded is None:
            nothing = np.zeros(self.terms.size + self.rows.size)
            self.loaded = LinearProgramme(nothing, nothing)
            for cell, line in enumerate(self.design):
                inside = np.flatnonzero(line)
                self.loaded.add_row(
                    0.0, 0.0, np.append(inside, self.terms.size + cell), np.append(np.ones(inside.size), -1.0)
                )
        return self.loaded

    def _risky(self, row: int) -> Flags:
        """Return which of the seen cells model `row` fits and nobody is in."""
        risky: Flags = self.empty & ((self.family.masks[row] & self.family.blockers[self.rows]) == 0)
        return risky

    def fixed(self, finite: np.int64) -> bool:
        """Return whether Ay = 0 on the cells with persons leaves y = 0 only, so that there is nothing to maximise."""
        design = self.design[~self.empty][:, self.family.estimated(finite, self.terms.size)]
        return bool(design.shape[0] >= design.shape[1] == np.linalg.matrix_rank(design))

    def _maximise(self, row: int, cost: Array, still: bool = False) -> Array:
        """Return y at the maximum of cost · (y, t) over the cone of model `row`; `still` holds y_∅ at 0."""
        fitted = (self.family.masks[row] & self.family.blockers[self.rows]) == 0
        y_bound = np.where(self.family.estimated(self.family.finite[row], self.terms.size), np.inf, 0.0)
        if still:
            y_bound[0] = 0.0
        programme = self._load()
        low = np.concatenate([-y_bound, np.where(fitted, 0.0, -np.inf)])
        programme.set_ends(0, low, np.concatenate([y_bound, np.where(fitted, self.empty, np.inf)]))
        programme.set_costs(0, cost)
        found = programme.optimum(largest=True)
        # y = 0 is feasible and every cost that is used here is bounded
        assert found is not None and found.at.size
        return found.at[: self.terms.size]

    def rise(self, row: int) -> tuple[np.int64, Array] | None:
        """Return the candidates in a y of model `row` as a mask, and its Ay on the seen cells.

        None when the cone holds no y with Ay ≠ 0: the likelihood has a maximum.
        """
        risky = self._risky(row)
        if not risky.any() or self.fixed(self.family.finite[row]):
            return None
        y = self._maximise(row, np.concatenate([np.zeros(self.terms.size), risky]))
        change: Array = self.design @ y
        if change[risky].sum() < 0.5:
            return None
        used = np.abs(y[y.size - self.family.subsets.size :]) > NONZERO
        bits = np.int64(1) << np.arange(used.size, dtype=np.int64)
        return np.int64(bits[used].sum()), change

    def intercept_range(self) -> tuple[float, float]:
        """Return the least and the largest y_∅ in the cone of the first model, which must be identifiable."""
        cost = np.zeros(self.terms.size + self.rows.size)
        cost[0] = 1.0
        return float(self._maximise(0, -cost)[0]), float(self._maximise(0, cost)[0])

    def vanishing(self, still: bool) -> frozenset[int]:
        """Return the cells where some y of the first model has Ay > 0; with `still`, some y with y_∅ = 0."""
        waiting = set(np.flatnonzero(self._risky(0)).tolist())
        found: set[int] = set()
        while waiting:
            cost = np.zeros(self.terms.size + self.rows.size)
            cost[self.terms.size + np.array(sorted(waiting))] = 1.0
            change = self.design @ self._maximise(0, cost, still)
            more = {cell for cell in waiting if change[cell] > NONZERO}
            if not more:
                break
            found |= more
            waiting -= more
        return frozenset(found)
