"""N of every stratum under one log-linear model on lists and covariates, with its covariance.

N_s = persons known in s + E(members of its bounded cells) + its share of the unlabelled + Σ μ over its hidden cells.
Variances are by the delta method around the maximum, with the variance of the hidden counts themselves added, as
se² = n̂_0 + n̂_0² Var(η̂_0) does without strata (Rivest & Baillargeon 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mse.estimators.stratified.formulas import column_labels, formula_of
from mse.estimators.stratified.opencells import StrataCells
from mse.estimators.stratified.solve import Plan, Solution, Start, make_plan, solve
from mse.kernels.anydesign import functional_covariance
from mse.kernels.arrays import Array, Flags
from mse.kernels.censoring import bounded
from mse.kernels.stratumcells import expected_counts
from mse.terms import Model

if TYPE_CHECKING:
    import pandas as pd

Status = str


@dataclass(frozen=True, slots=True, eq=False)
class StrataFit:
    """One fitted model; S strata, R cells, p columns.

    Parameters
    ----------
    model : Model
        What was fitted, on lists and covariates.
    formula : str
        Every term of it.
    plan, solution : Plan, Solution
        Its columns and coefficients.
    status : tuple of str, length S
        ``"ok"``; ``"nobody observed"`` where the extended estimate of everything hidden is 0; ``"no MLE"`` where
        the number of unseen runs off along a likelihood without maximum; ``"not identifiable"``.
    N, unseen : (S,) float64
        Size of each stratum, and the part of it that is in hidden cells; NaN unless the status allows an estimate.
    covariance : (S, S) float64
        Of N, persons squared.
    log_likelihood, deviance : float
        Poisson, with −ln n!; against the saturated model (NaN where persons lack labels).
    parameters, df : int
        Columns, those at −∞ included; observed counts less parameters.
    aic, bic, bic_cells : float
        Penalties 2, ln n (persons) and ln of the number of observed counts.
    """

    model: Model
    formula: str
    plan: Plan
    solution: Solution
    status: tuple[Status, ...]
    N: Array
    unseen: Array
    covariance: Array
    log_likelihood: float
    deviance: float
    parameters: int
    df: int
    aic: float
    bic: float
    bic_cells: float

    @property
    def total(self) -> float:
        """N of all strata together, persons; NaN when one of them has no estimate."""
        return float(self.N.sum())

    @property
    def se(self) -> float:
        """Standard error of `total`, persons."""
        return math.sqrt(float(self.covariance.sum()))

    def coefficients(self, cells: StrataCells) -> pd.DataFrame:
        """Return one row per column: term, 0/1 coefficient and its standard error."""
        import pandas as pd

        se = np.full(self.solution.beta.size, np.nan)
        q = int(self.solution.estimated.sum())
        if q:
            se[self.solution.estimated] = np.sqrt(np.diag(functional_covariance(self.solution.fit.factor, np.eye(q))))
        names = column_labels(self.plan.terms, self.plan.columns, cells.names, cells.level_names)
        return pd.DataFrame({"term": names, "coefficient": self.solution.beta, "se": se})


def fit_strata(cells: StrataCells, model: Model, *, start: Start | None = None, plan: Plan | None = None) -> StrataFit:
    """Fit one model and carry it to N of every stratum.

    Parameters
    ----------
    cells : StrataCells
        The table.
    model : Model
        On lists and covariates, as `parse_formula` gives it.
    start : mapping of int to array, optional
        Coefficients by term to start from.
    plan : Plan, optional
        The columns of `model`, where they are at hand.

    Returns
    -------
    StrataFit
        With strata that have no estimate as NaN and their `status`.
    """
    plan = make_plan(cells, model.terms) if plan is None else plan
    solution = solve(cells, plan, start)
    n, unseen, status = _sizes(cells, solution)
    value, p = solution.fit.log_likelihood, solution.parameters
    return StrataFit(
        model=model,
        formula=formula_of(model, cells.names),
        plan=plan,
        solution=solution,
        status=status,
        N=n,
        unseen=unseen,
        covariance=_covariance(cells, plan, solution, unseen),
        log_likelihood=value,
        deviance=math.nan if cells.unlabelled else max(2.0 * (_saturated(cells) - value), 0.0),
        parameters=p,
        df=cells.observations - p,
        aic=-2.0 * value + 2.0 * p,
        bic=-2.0 * value + math.log(cells.persons) * p,
        bic_cells=-2.0 * value + math.log(cells.observations) * p,
    )


def sizes(cells: StrataCells, solution: Solution) -> Array:
    """Return N of every stratum, (S,); NaN where there is no estimate."""
    return _sizes(cells, solution)[0]


def log_sd(unseen: float, variance: float) -> float:
    """Return √ln(1 + se²/n_0²), the standard deviation of log n_0 in a log-normal interval; 0 without unseen."""
    return math.sqrt(math.log1p(variance / unseen**2)) if unseen > 0 and variance > 0 else 0.0


def _sizes(cells: StrataCells, solution: Solution) -> tuple[Array, Array, tuple[Status, ...]]:
    """Return N, the unseen, and the status of every stratum."""
    hidden, s = cells.hidden, cells.n_strata
    mu = np.exp(solution.eta)
    unseen = np.bincount(cells.stratum[hidden], weights=mu[hidden], minlength=s)
    members = np.bincount(cells.stratum, weights=expected_counts(cells.seen, solution.eta), minlength=s)
    lost = np.bincount(cells.stratum[hidden & ~solution.identified], minlength=s) > 0
    status = tuple(
        "not identifiable" if gone else "no MLE" if math.isnan(n) else "nobody observed" if n == 0.0 else "ok"
        for n, gone in zip(unseen, lost, strict=True)
    )
    return members + unseen, unseen, status


def _covariance(cells: StrataCells, plan: Plan, solution: Solution, unseen: Array) -> Array:
    """Return the covariance of N by the delta method, (S, S)."""
    s, q = cells.n_strata, int(solution.estimated.sum())
    place = np.append(np.where(solution.estimated, np.cumsum(solution.estimated) - 1, -1), -1)
    gradient = np.zeros((s, q + 1))  # the last column gathers what is not fitted
    own = np.zeros((s, s))

    def add(cell: np.int64, stratum: np.int64, weight: float) -> None:
        gradient[stratum, place[plan.entries[cell]]] += weight

    for g in _places(cells.hidden & np.isfinite(solution.eta)):
        add(g, cells.stratum[g], math.exp(solution.eta[g]))
    for g in _places((cells.seen.bounds >= 0) & np.isfinite(solution.eta)):
        spread = bounded(cells.seen.bounds[g], solution.eta[g])[3]
        add(g, cells.stratum[g], spread)
        own[cells.stratum[g], cells.stratum[g]] += spread
    for c, persons in enumerate(cells.seen.pool_counts):
        at = cells.seen.pool_cells[cells.seen.pool_starts[c] : cells.seen.pool_starts[c + 1]]
        if persons == 0 or np.unique(cells.stratum[at]).size == 1:
            continue
        share = np.exp(solution.eta[at]) / np.exp(solution.eta[at]).sum()
        for g, p in zip(at, share, strict=True):
            for h, r in zip(at, share, strict=True):
                weight = persons * p * (float(g == h) - r)
                own[cells.stratum[g], cells.stratum[h]] += weight
                add(h, cells.stratum[g], weight)
    spread_of_fit = functional_covariance(solution.fit.factor, np.ascontiguousarray(gradient[:, :q]))
    return np.asarray(spread_of_fit + own + np.diag(unseen))


def _places(chosen: Flags) -> list[np.int64]:
    return [np.int64(g) for g in np.flatnonzero(chosen)]


def _saturated(cells: StrataCells) -> float:
    """Return the log likelihood with every observed count at its own mean; a bound gives 0."""
    seen = cells.seen
    single: Flags = (seen.open > 0) & (seen.counts > 0)
    counts = np.concatenate([seen.counts[single], seen.pool_counts[seen.pool_counts > 0]])
    return float(np.sum(counts * np.log(counts) - counts) - sum(math.lgamma(x + 1.0) for x in counts))
