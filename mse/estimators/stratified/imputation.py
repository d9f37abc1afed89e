"""Missing labels by multiple imputation: tables completed under the model, and Rubin's rule on log n_0.

Each imputation draws coefficients from their law around the maximum, gives every person with a missing label a stratum
by the probabilities that these imply, and fits the model to the completed table. With Q_m = log n̂_0 and U_m its
variance, the combined estimate is the mean of Q_m with variance T = Ū + (1 + 1/M) B, on ν = (M − 1)(1 + Ū / ((1 + 1/M)
B))² degrees of freedom (Rubin 1987; on log n_0 because that is where the sampling law is near normal).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from mse.answers.distribution import Distribution
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.stratified.opencells import StrataCells, certain
from mse.estimators.stratified.stratumdraws import aligned, joint_parts
from mse.estimators.stratified.stratumfit import StrataFit, fit_strata, log_sd
from mse.kernels.arrays import Array, Integers
from mse.words.said import said

RUBIN = "Rubin (1987) Multiple Imputation for Nonresponse in Surveys. Wiley"


class Combined(NamedTuple):
    """Estimates of M completed tables, combined.

    Parameters
    ----------
    mean, variance : float
        Of the quantity: Q̄ and T.
    df : float
        Degrees of freedom; infinite when the imputations agree.
    between : float
        Variance between imputations, B.
    """

    mean: float
    variance: float
    df: float
    between: float


def rubin(estimates: Array, variances: Array) -> Combined:
    """Combine the estimates (M,) of completed tables and their variances (M,) by Rubin's rule."""
    m = estimates.size
    within, between = float(variances.mean()), float(estimates.var(ddof=1))
    extra = (1.0 + 1.0 / m) * between
    df = (m - 1) * (1.0 + within / extra) ** 2 if extra > 0 else math.inf
    return Combined(float(estimates.mean()), within + extra, df, between)


def complete(cells: StrataCells, fit: StrataFit, rng: np.random.Generator) -> StrataCells:
    """Return the table with every missing label drawn, under coefficients drawn from their law.

    Parameters
    ----------
    cells : StrataCells
        With persons whose label is missing.
    fit : StrataFit
        The model fitted to it.
    rng : Generator
        Source of randomness.
    """
    solution = fit.solution
    lower = np.tril(solution.fit.factor)
    shift = np.linalg.solve(lower.T, rng.standard_normal(lower.shape[0]))
    moved = np.where(solution.estimated, solution.beta, 0.0)
    moved[solution.estimated] += shift
    eta = np.where(np.isfinite(solution.eta), np.append(moved, 0.0)[fit.plan.entries].sum(axis=1), -math.inf)
    seen, stratum = cells.seen, cells.stratum
    counts, pools = seen.counts.copy(), []
    for c, persons in enumerate(seen.pool_counts):
        at = seen.pool_cells[seen.pool_starts[c] : seen.pool_starts[c + 1]]
        within = np.unique(stratum[at])
        if within.size == 1:
            pools.append((at, persons))
            continue
        share = np.array([np.exp(eta[at[stratum[at] == s]]).sum() for s in within])
        for s, placed in zip(within, rng.multinomial(int(persons), share / share.sum()), strict=True):
            own = at[stratum[at] == s]
            if own.size == 1:
                counts[own[0]] += placed
            elif placed:
                pools.append((own, float(placed)))
    full = seen._replace(
        counts=counts,
        pool_starts=np.concatenate([[0], np.cumsum([len(at) for at, _ in pools])]).astype(np.int64),
        pool_cells=np.concatenate([np.zeros(0, dtype=np.int64), *[at for at, _ in pools]]),
        pool_counts=np.array([float(persons) for _, persons in pools]),
    )
    return replace(cells, seen=full, certain=certain(full, stratum, cells.n_strata), unlabelled=0)


def imputed(
    cells: StrataCells, fit: StrataFit, imputations: int, draws: int, *, seed: int, compute: Compute
) -> tuple[StrataFit, Distribution, Integers]:
    """Return the fit with sizes combined over completed tables, the law of the total, and draws of its parts.

    Parameters
    ----------
    cells, fit
        The table with missing labels, and the model fitted to it.
    imputations, draws : int
        Completed tables; draws to return.
    seed : int
        Imputation m uses the seed ``[seed, 2, m]``.
    compute : Compute
        Workers and progress.

    Raises
    ------
    ModelError
        When the model has no estimate on a completed table.
    """
    fits = list(compute.map(said("stage.imputations"), partial(_fitted, cells, fit, seed), range(imputations)))
    if any(not other.solution.fine for other in fits):
        raise ModelError(
            Problem(
                said("fault.completed"), said("allowed.model_can_fitted_every"),
                said("do.leave_out_terms_use"), value=fit.formula,
            )
        )  # fmt: skip
    known = float(cells.certain.sum()) + cells.unlabelled
    beyond = np.array([other.total - known for other in fits])
    spread = np.array([log_sd(n, float(other.covariance.sum())) ** 2 for n, other in zip(beyond, fits, strict=True)])
    total = rubin(np.log(beyond), spread)
    law = _law(known, total)
    sizes = np.array([other.N for other in fits])
    rng = np.random.default_rng([seed, 3])
    base = cells.certain.astype(np.float64)
    per_fit = -(-draws // imputations)
    parts = [
        joint_parts(np.maximum(n - base, 0.0), other.covariance, per_fit, rng)
        for n, other in zip(sizes, fits, strict=True)
    ]
    within = np.mean([other.covariance for other in fits], axis=0)
    between = np.cov(sizes.T, ddof=1).reshape(within.shape)
    whole = known + math.exp(total.mean)
    scale = (whole - base.sum()) / float((sizes.mean(axis=0) - base).sum())
    combined = replace(
        fit,
        N=base + (sizes.mean(axis=0) - base) * scale,
        unseen=np.mean([other.unseen for other in fits], axis=0),
        covariance=np.asarray(within + (1.0 + 1.0 / imputations) * between),
    )
    chosen = rng.permutation(np.concatenate(parts))[:draws]
    return combined, law, aligned(law, base, chosen)


def _fitted(cells: StrataCells, fit: StrataFit, seed: int, m: int) -> StrataFit:
    """Return the model fitted to imputation m."""
    full = complete(cells, fit, np.random.default_rng([seed, 2, m]))
    return fit_strata(full, fit.model, start=fit.plan.split(fit.solution.beta), plan=fit.plan)


def _law(known: float, total: Combined) -> Distribution:
    """Return the law of known + exp(Q̄ + √T t_ν)."""
    from scipy.special import ndtr, stdtrit

    z = np.linspace(-9.0, 9.0, 7201)
    places = z if math.isinf(total.df) else stdtrit(total.df, ndtr(np.clip(z, -8.0, 8.0)))
    places = np.maximum.accumulate(places)
    values = known + np.exp(total.mean + math.sqrt(total.variance) * places)
    kept = np.append(np.diff(values) > 0, True)
    return Distribution(values[kept], ndtr(z)[kept], whole=False)
