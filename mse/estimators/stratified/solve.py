"""The coefficients of one log-linear model on lists and covariates, by (extended) maximum likelihood.

A margin of zero persons is fitted as 0 and its cells are left out. Where Newton's method still finds no maximum, a
linear programme finds the other cells that go to 0; see `mse.estimators.stratified.faces`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mse.estimators.stratified.faces import estimable, face, independent
from mse.estimators.stratified.formulas import Columns, dense, kernel_rows, stack_columns, term_columns
from mse.estimators.stratified.opencells import StrataCells
from mse.kernels.anydesign import CONVERGED, DesignFit, fit_design, start_design
from mse.kernels.arrays import Array, Flags, Integers
from mse.kernels.stratumcells import Seen

Start = Mapping[int, Array]
"""Coefficients by term: (columns of the term,)."""

TOLERANCE = 1e-14
"""Of a fit that is reported: half the squared Newton decrement."""
COARSE = 1e-9
"""Of fits that are only compared with each other."""
MAX_STEPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The columns of a model on the cells of a table; the counts play no part.

    Parameters
    ----------
    terms : tuple of int
        Bitmasks of factors, the intercept first.
    columns : tuple of Columns
        Their columns.
    entries : (R, T) int64
        For each cell and term the column that is 1; −1 for none.
    first : (T+1,) int64
        Column at which each term begins, and the number of columns p.
    """

    terms: tuple[int, ...]
    columns: tuple[Columns, ...]
    entries: Integers
    first: Integers

    def split(self, beta: Array) -> dict[int, Array]:
        """Return coefficients (p,) by term, with 0 for those that are not finite."""
        finite = np.where(np.isfinite(beta), beta, 0.0)
        return dict(zip(self.terms, np.split(finite, self.first[1:-1]), strict=True))


def make_plan(cells: StrataCells, terms: tuple[int, ...], store: dict[int, Columns] | None = None) -> Plan:
    """Return the columns of a model; `store` keeps those of each term from one model to the next."""
    store = {} if store is None else store
    for term in terms:
        if term not in store:
            store[term] = term_columns(term, cells.levels, cells.sizes)
    columns = tuple(store[term] for term in terms)
    return Plan(terms, columns, *stack_columns(columns))


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The coefficients of a model, and where they are not finite or not unique.

    Parameters
    ----------
    beta : (p,) float64
        Coefficients; −inf where nobody is in the margin, NaN where a column has no open cell or depends on others.
    estimated : (p,) bool
        Columns that were fitted.
    fit : DesignFit
        Of the fitted columns on the cells that are left.
    eta : (R,) float64
        Log means of all cells: −inf where the extended estimate is 0, NaN where it is not estimable.
    parameters : int
        Columns that some open cell has, those at −∞ included.
    identified : (R,) bool
        False where no table of counts would fix the mean of the cell.
    """

    beta: Array
    estimated: Flags
    fit: DesignFit
    eta: Array
    parameters: int
    identified: Flags

    @property
    def fine(self) -> bool:
        """Whether every hidden mean is estimable."""
        return not bool(np.isnan(self.eta).any())


def solve(cells: StrataCells, plan: Plan, start: Start | None = None, *, tolerance: float = TOLERANCE) -> Solution:
    """Fit one hierarchical model.

    Parameters
    ----------
    cells : StrataCells
        The table.
    plan : Plan
        The model.
    start : mapping of int to array, optional
        Coefficients to start from; terms that are not in it start at 0.
    tolerance : float
        As in `fit_design`.
    """
    entries, p = plan.entries, int(plan.first[-1])
    is_open, occupied = cells.seen.open > 0, cells.seen.counts > 0
    occupied[_filled(cells.seen).pool_cells] = True
    reach = _tally(entries[is_open], p)
    zero = (reach > 0) & (_tally(entries[occupied], p) == 0)
    dead = np.append(zero, False)[entries].any(axis=1)
    used = is_open & ~dead
    keep = _tally(entries[used], p) > 0
    first = None
    if start is not None:
        first = np.concatenate(
            [start.get(t, np.zeros(len(c.levels))) for t, c in zip(plan.terms, plan.columns, strict=True)]
        )
    fit = _newton(cells.seen, entries, used, keep, first, tolerance)
    if fit.status != CONVERGED and first is not None:
        fit = _newton(cells.seen, entries, used, keep, None, tolerance)
    plain = fit.status == CONVERGED
    if not plain:
        design = _matrix(entries[used])
        used[np.flatnonzero(used)[~face(design, occupied[used])]] = False
        keep = np.zeros(p, dtype=bool)
        columns = np.flatnonzero(_tally(entries[used], p) > 0)
        keep[columns[independent(_matrix(entries[used], p)[:, columns])]] = True
        fit = _newton(cells.seen, entries, used, keep, None, tolerance)
    beta = np.full(p, np.nan)
    beta[zero] = -math.inf
    beta[keep] = fit.beta
    eta = np.append(np.where(keep, beta, 0.0), 0.0)[entries].sum(axis=1)
    eta[is_open & ~used] = -math.inf
    eta[dead] = -math.inf
    identified = np.ones(eta.size, dtype=bool)
    loose = np.flatnonzero(cells.hidden & ~dead)
    if loose.size and not (plain and keep[~zero].all()):
        targets = _matrix(entries[loose], p)
        settled = estimable(_matrix(entries[used], p), targets) & (fit.status == CONVERGED)
        identified[loose] = estimable(_matrix(entries[is_open], p), targets)
        eta[loose[~settled]] = math.nan
    return Solution(beta, keep, fit, eta, int((reach > 0).sum()), identified)


def _tally(entries: Integers, p: int) -> Integers:
    """Return in how many of these cells each column is 1, (p,)."""
    return np.bincount(entries.ravel() + 1, minlength=p + 1)[1:]


def _matrix(entries: Integers, p: int | None = None) -> Array:
    """Return the 0/1 rows of these cells as a plain matrix."""
    size = int(entries.max(initial=0)) + 1 if p is None else p
    return dense(kernel_rows(entries, np.ones(size, dtype=bool)), size)


def _filled(seen: Seen) -> Seen:
    """Return what is known without the pools that nobody is in."""
    if not seen.pool_counts.size or seen.pool_counts.min() > 0:
        return seen
    full, sizes = seen.pool_counts > 0, np.diff(seen.pool_starts)
    starts = np.concatenate([[0], np.cumsum(sizes[full])])
    return seen._replace(
        pool_starts=starts, pool_cells=seen.pool_cells[np.repeat(full, sizes)], pool_counts=seen.pool_counts[full]
    )


def _newton(
    seen: Seen, entries: Integers, used: Flags, keep: Flags, start: Array | None, tolerance: float
) -> DesignFit:
    """Fit the columns `keep` on the cells `used`."""
    place, seen = np.cumsum(used) - 1, _filled(seen)
    part = Seen(
        seen.open[used], seen.counts[used], seen.bounds[used],
        seen.pool_starts, place[seen.pool_cells], seen.pool_counts,
    )  # fmt: skip
    rows = kernel_rows(entries[used], keep)
    precision = np.zeros(int(keep.sum()))
    first = start_design(rows, part, precision, 0.1) if start is None else start[keep]
    return fit_design(rows, part, precision, first, MAX_STEPS, tolerance)
