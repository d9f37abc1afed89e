"""Whether a log-linear model has a maximum-likelihood estimate on a table, and whether it fixes N.

A term whose margin n*_θ = Σ_{ω⊇θ} n_ω is zero has the estimate −∞ in 0/1 coding: it goes, with every cell
that contains it, and the rest is fitted (the *extended* estimate; Fienberg & Rinaldo 2012, Annals of
Statistics 40; Chan, Silverman & Vincent 2021, JASA 116). Write A for the 0/1 design of the rest, rows cells
and columns terms.

* *Not identifiable*: the columns of A are linearly dependent.
* *No estimate*: some y has Ay ≥ 0, with Ay = 0 wherever somebody was counted but Ay ≠ 0. The likelihood then
  keeps rising along −y. By Gordan's alternative this is the same as optimum 0 of the programme "maximise s
  subject to Aᵀx = Aᵀn, x ≥ s" of those papers; the y that our programme returns is a certificate that other
  models share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from mse.terms import Model

if TYPE_CHECKING:
    import highspy

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_NONZERO = 1e-6


class Existence(IntEnum):
    """What is wrong with a model on a table; the codes are those of the R package MultipleSystemsEstimation.

    Attributes
    ----------
    FINE
        The extended estimate exists and is unique.
    NO_MLE
        The likelihood has no maximum. Remedy: drop interactions, merge lists, or use a method with a proper
        prior ("averaging"), whose answer then leans on that prior.
    NOT_IDENTIFIABLE
        The counts leave several values of N equally likely. Remedy: drop interactions.
    NO_MLE_NOT_IDENTIFIABLE
        Both.
    """

    FINE = 0
    NO_MLE = 1
    NOT_IDENTIFIABLE = 2
    NO_MLE_NOT_IDENTIFIABLE = 3

    @property
    def words(self) -> str:
        """Plain words for tables and messages."""
        return ("ok", "no MLE", "not identifiable", "no MLE, not identifiable")[self]


@dataclass(frozen=True, slots=True, eq=False)
class Extended:
    """What is left of a model to fit, once terms with a zero margin are at −∞.

    Parameters
    ----------
    finite : (p,) int64
        Terms that are estimated, the intercept first.
    infinite : tuple of int
        Terms at −∞ in 0/1 coding.
    cells : (2^K,) float64
        1 where a cell takes part in the fit; the others have fitted mean 0 or cannot be observed.
    """

    finite: Integers
    infinite: tuple[int, ...]
    cells: Array


def margins(counts: Array) -> Array:
    """Return n*_θ = Σ_{ω⊇θ} n_ω for every subset θ: shape (2^K,), index = bitmask."""
    sums = counts.astype(np.float64)
    k = counts.size.bit_length() - 1
    cube = sums.reshape((2,) * k)
    for axis in range(k):
        absent = (slice(None),) * axis + (0,)
        present = (slice(None),) * axis + (1,)
        cube[absent] += cube[present]
    return sums


def extended(counts: Array, cells: Array, terms: Sequence[int]) -> Extended:
    """Take the terms with a zero margin out of a model, and their cells out of the table.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As `CaptureTable.dense` gives them.
    terms : sequence of int
        All terms of a hierarchical model.

    Returns
    -------
    Extended
        A term that no observable cell contains is in neither group: there is nothing to estimate.
    """
    totals, reach = margins(counts * cells), margins(cells)
    finite = [t for t in terms if t == 0 or totals[t] > 0]
    kept = cells.copy()
    histories = np.arange(counts.size)
    for term in set(terms) - set(finite):
        kept[(histories & term) == term] = 0.0
    infinite = tuple(t for t in terms if t and totals[t] == 0 and reach[t] > 0)
    return Extended(np.array(finite, dtype=np.int64), infinite, kept)


def check_model(counts: Array, cells: Array, model: Model) -> Existence:
    """Check one model; `counts` and `cells` as `CaptureTable.dense` gives them."""
    subsets = np.array([t for t in model.terms if t.bit_count() > 1], dtype=np.int64)
    mask = np.array([(1 << subsets.size) - 1], dtype=np.int64)
    return Existence(int(check_models(counts, cells, mask, subsets)[0]))


def check_models(counts: Array, cells: Array, masks: Integers, subsets: Integers) -> npt.NDArray[np.int8]:
    """Check a family of models, most of them without a linear programme of their own.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As `CaptureTable.dense` gives them.
    masks : (m,) int64
        Models over `subsets`; all with the main effects.
    subsets : (c,) int64
        Candidate terms, as `mse.terms.candidates` gives them; c ≤ 62.

    Returns
    -------
    (m,) int8
        Values of `Existence`.

    Notes
    -----
    Larger models go first, and each programme settles others by these rules (M ⊂ M'; Z the zero-margin terms
    of M, which are the part of Z' in M).

    * M' exists and is identifiable ⇒ so does and is M. A positive solution for M' matches the margins of M;
      on the cells that only M has, a small positive amount can be put, because the full rank of M' lets their
      rows be cancelled on the other cells. So one programme on the largest model clears many tables.
    * M' exists and Z' = Z ⇒ M exists: the same cells and fewer constraints.
    * M does not exist with certificate y ⇒ neither does any model that estimates the terms of y, unless it
      deleted all the cells where Ay > 0 or holds a cell where Ay < 0.
    * M is not identifiable ⇒ neither is M': more columns, fewer rows.
    """
    totals = margins(counts * cells)
    empty = totals[subsets] == 0
    bits = np.int64(1) << np.arange(subsets.size, dtype=np.int64)
    zero = masks & np.int64(bits[empty].sum())
    finite = masks & np.int64(bits[~empty].sum())
    histories = np.arange(counts.size, dtype=np.int64)
    inside = (histories[:, None] & subsets[None, :]) == subsets[None, :]
    blockers = (inside & empty[None, :]) @ bits
    dead = np.array([j for j in range(counts.size.bit_length() - 1) if totals[1 << j] == 0], dtype=np.int64)
    seen = cells * (1.0 - ((histories[:, None] >> dead) & 1).any(axis=1))
    seen[0] = 0.0
    family = _Family(masks, finite, zero, blockers, subsets, seen)
    if seen.sum() == 2 ** (counts.size.bit_length() - 1 - dead.size) - 1:
        loose = _loose_complete(family)
    else:
        loose = _loose_by_rank(family, totals)
    missing = _without_estimate(family, counts, totals, loose)
    return (missing + 2 * loose).astype(np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """Models on one table: (m,) masks, estimated and −∞ terms; (2^K,) what blocks a cell, and is seen."""

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

    def estimated(self, row: int, n_terms: int) -> Flags:
        """Return which of the terms of `design` model `row` estimates."""
        chosen = np.ones(n_terms, dtype=bool)
        count = self.subsets.size
        chosen[n_terms - count :] = (self.finite[row] >> np.arange(count, dtype=np.int64)) & 1 == 1
        return chosen


def _loose_complete(family: _Family) -> Flags:
    """Find the unidentifiable models when every cell can be observed.

    Then the fitted cells and ∅ are closed downwards, and by Möbius inversion the only coefficients whose sums
    vanish on all those cells are multiples of (−1)^|φ|: dependent iff every fitted cell is also a term.
    """
    index = {int(term): i for i, term in enumerate(family.subsets)}
    everyone = np.arange(family.masks.size)
    loose = np.ones(family.masks.size, dtype=bool)
    for cell in np.flatnonzero(family.seen > 0):
        if int(cell).bit_count() > 1:
            fitted = family.holds(int(cell), everyone)
            if int(cell) in index:
                fitted &= (family.finite >> index[int(cell)]) & 1 == 0
            loose &= ~fitted
    return loose


def _loose_by_rank(family: _Family, totals: Array) -> Flags:
    """Find the unidentifiable models by rank, largest first; both answers carry over to other models."""
    rows, terms, design = family.design(totals)
    loose = np.zeros(family.masks.size, dtype=np.int8) - 1
    for row in np.argsort(np.bitwise_count(family.masks), kind="stable")[::-1]:
        if loose[row] >= 0:
            continue
        fitted = (family.masks[row] & family.blockers[rows]) == 0
        part = design[np.ix_(fitted, family.estimated(int(row), terms.size))]
        mask = family.masks[row]
        if np.linalg.matrix_rank(part) < part.shape[1]:
            loose[(family.masks & mask) == mask] = 1
        else:
            loose[(family.masks & ~mask) == 0] = 0
    answer: Flags = loose == 1
    return answer


def _without_estimate(family: _Family, counts: Array, totals: Array, loose: Flags) -> Flags:
    """Find the models whose likelihood has no maximum."""
    programme = _Programme(family, counts, totals)
    missing = np.zeros(family.masks.size, dtype=np.int8) - 1
    order = np.argsort(np.bitwise_count(family.masks), kind="stable")
    while order.size:
        row = int(order[-1])
        found = programme.solve(row)
        if found is None:
            settled = (family.masks[order] & ~family.masks[row]) == 0
            if loose[row]:
                settled &= family.zero[order] == family.zero[row]
            missing[order[settled]] = 0
        else:
            direction, change = found
            settled = (family.finite[order] & direction) == direction
            rising = np.zeros(order.size, dtype=bool)
            for cell in np.flatnonzero(change > _NONZERO):
                rising |= family.holds(int(programme.rows[cell]), order)
            for cell in np.flatnonzero(change < -_NONZERO):
                settled &= ~family.holds(int(programme.rows[cell]), order)
            missing[order[settled & rising]] = 1
            missing[row] = 1
        order = order[missing[order] < 0]
    answer: Flags = missing == 1
    return answer


class _Programme:
    """The linear programme of one table, changed in its bounds only and so warm-started between models.

    Variables y, one per term, and t = Ay, one per cell. Maximise Σt over the fitted cells without a count,
    subject to 0 ≤ t ≤ 1 there and t = 0 where somebody was counted; t is free on cells that are not fitted,
    and y is 0 for terms that are not in the model. The optimum is 0 or at least 1: a y can be scaled.
    """

    def __init__(self, family: _Family, counts: Array, totals: Array) -> None:
        self.family = family
        self.rows, self.terms, self.design = family.design(totals)
        self.empty = counts[self.rows] == 0
        self.highs: highspy.Highs | None = None

    def _load(self) -> highspy.Highs:
        """Hand the design to HiGHS, once."""
        import highspy

        if self.highs is None:
            solver = cast("Callable[[], highspy.Highs]", highspy.Highs)()
            solver.setOptionValue("output_flag", False)
            solver.setOptionValue("presolve", "off")
            solver.setOptionValue("solver", "simplex")
            solver.setOptionValue("threads", 1)
            for _ in range(self.terms.size + self.rows.size):
                solver.addVar(0.0, 0.0)
            for cell, line in enumerate(self.design):
                inside = np.flatnonzero(line)
                columns = np.append(inside, self.terms.size + cell).astype(np.int32)
                solver.addRow(0.0, 0.0, columns.size, columns, np.append(np.ones(inside.size), -1.0))
            solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
            self.highs = solver
        return self.highs

    def solve(self, row: int) -> tuple[np.int64, Array] | None:
        """Return the candidates in y as a mask, and Ay on the seen cells; None when there is no such y."""
        import highspy

        fitted = (self.family.masks[row] & self.family.blockers[self.rows]) == 0
        risky = fitted & self.empty
        if not risky.any():
            return None
        free = highspy.kHighsInf
        y_bound = np.where(self.family.estimated(row, self.terms.size), free, 0.0)
        low = np.concatenate([-y_bound, np.where(fitted, 0.0, -free)])
        high = np.concatenate([y_bound, np.where(fitted, risky, free)])
        cost = np.concatenate([np.zeros(y_bound.size), risky])
        columns = np.arange(cost.size, dtype=np.int32)
        solver = self._load()
        solver.changeColsBounds(columns.size, columns, low, high)
        solver.changeColsCost(columns.size, columns, cost)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            # cannot happen: y = 0 is feasible and the objective is bounded by the number of cells
            raise RuntimeError(f"the linear programme ended with {solver.getModelStatus()}")
        if solver.getInfo().objective_function_value < 0.5:
            return None
        y = np.asarray(solver.getSolution().col_value, dtype=np.float64)[: self.terms.size]
        used = np.abs(y[y.size - self.family.subsets.size :]) > _NONZERO
        bits = np.int64(1) << np.arange(used.size, dtype=np.int64)
        return np.int64(bits[used].sum()), self.design @ y
