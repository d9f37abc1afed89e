"""From weighed models to the law of N without strata: the sweeps' models put together, corrected, and their mixture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mse.answers.distribution import LOG_STEP, Distribution
from mse.computing.parallel import Compute
from mse.estimators.averages.listmodels import ListModels
from mse.estimators.modelspace.correcting import Correction, Effort, Importance, correct, to_correct
from mse.estimators.modelspace.modelfamilies import held
from mse.estimators.modelspace.pool import Pool
from mse.estimators.normallaw import mixture_quantiles
from mse.kernels.arrays import Array
from mse.kernels.streaming import Evidence

IN_PARTS = tuple(Effort(draws, 100, 10_000, False) for draws in (5_000, 20_000))
"""Importance draws of one table among several that are added up, first and where they are not `ENOUGH`: errors of the
parts average out."""

ENOUGH = 0.04
"""Standard error of the log of the unseen, at the upper end of the interval of such a table, with which no more draws
are made: that of the sum is far smaller."""

FINEST_GRID = 200_000
"""Points of the grid of log n_0 at most."""


def gather(family: ListModels, sds: Sequence[float], sweeps: Sequence[Evidence]) -> Pool:
    """Put the sweeps under several prior standard deviations together, heaviest model first."""
    top = max(s.reference for s in sweeps)
    scale = [math.exp(s.reference - top) for s in sweeps]
    log_weight = np.concatenate([s.log_weights for s in sweeps]) - top
    order = np.argsort(-log_weight, kind="stable")
    bins = [np.stack([s.dropped_weights * f, s.dropped_means, s.dropped_variances], axis=1)
            for s, f in zip(sweeps, scale, strict=True)]  # fmt: skip
    return Pool(
        family=family,
        sd=np.repeat(sds, [len(s.masks) for s in sweeps])[order],
        mask=np.concatenate([s.masks for s in sweeps])[order, None],
        weight=np.exp(log_weight[order]),
        log_evidence=np.concatenate([s.log_evidences for s in sweeps])[order],
        mean=np.concatenate([s.log_unseens for s in sweeps])[order],
        variance=np.concatenate([s.variances for s in sweeps])[order],
        rest=np.concatenate(bins),
        total=sum(s.total * f for s, f in zip(sweeps, scale, strict=True)),
        total_square=sum(s.total_square * f**2 for s, f in zip(sweeps, scale, strict=True)),
        inclusion=np.sum([s.inclusion * s.total * f for s, f in zip(sweeps, scale, strict=True)], axis=0),
    )


def refitted(pool: Pool, log_prior: Array) -> Pool:
    """Return the pool with every kept model fitted on its own from a cold start, weights and sums made anew.

    For tables with very large counts, where a fit that starts from its parent's may not arrive.

    Parameters
    ----------
    pool : Pool
        All models are kept in it.
    log_prior : (c + 1,) float64
        Log prior of a model with 0, 1, … c interactions.
    """
    fits = _fitted(pool, 1.0)
    log_weight = fits[:, 0] + log_prior[np.bitwise_count(pool.mask).sum(axis=1)]
    order = np.argsort(-log_weight, kind="stable")
    weight = np.exp(log_weight[order] - log_weight.max())
    return replace(
        pool, sd=pool.sd[order], mask=pool.mask[order], weight=weight, log_evidence=fits[order, 0], mean=fits[order, 1],
        variance=fits[order, 2], total=float(weight.sum()), total_square=float((weight**2).sum()),
        inclusion=weight @ held(pool.mask[order], len(pool.inclusion)),
    )  # fmt: skip


def without_unidentified(family: ListModels, pool: Pool) -> tuple[Pool, float]:
    """Return the pool without kept models that leave N unidentified, and the share of the weight they had.

    Only structural zeros bring them about, beside the saturated model: the direction of log n_0 is then not in the row
    space of the design over the observable cells.
    """
    counts, cells = family.dense
    seen = np.flatnonzero(cells[1:]) + 1
    if len(seen) == len(counts) - 1:
        return pool, 0.0
    keep = np.ones(len(pool.mask), dtype=bool)
    heavy = np.flatnonzero(pool.weight > 1e-9)
    for i in heavy:
        terms = family.terms_of(pool.mask[i])
        design = 1.0 - 2.0 * (np.bitwise_count(seen[:, None] & terms) & 1)
        solution = np.linalg.lstsq(design.T, np.ones(len(terms)), rcond=None)[0]
        keep[i] = np.abs(design.T @ solution - 1.0).max() < 1e-8
    lost = pool.weight[~keep]
    kept = replace(
        pool.only(keep), total=pool.total - float(lost.sum()), total_square=pool.total_square - float((lost**2).sum()),
        inclusion=pool.inclusion - lost @ held(pool.mask[~keep], len(pool.inclusion)),
    )  # fmt: skip
    return kept, float(lost.sum() / pool.total)


def corrected_law(
    observed: int, pool: Pool, share: float, seed: int, compute: Compute, alone: bool = True
) -> tuple[Pool, Correction, Distribution]:
    """Correct the heaviest models that hold `share` of the weight, and return the law of N over all models.

    Parameters
    ----------
    observed : int
        Persons on at least one list.
    pool : Pool
        Laplace's weights.
    share : float
        At 0 nothing is corrected.
    seed : int
        Of the importance samples.
    compute : Compute
        Workers and progress.
    alone : bool
        The table is not one of several that are added up, for which fewer draws do.
    """
    corrected, correction, grid, mass = corrected_mass(pool, share, seed, compute, alone)
    mixed = Distribution.poisson_mixture if alone else Distribution.sampled_mixture
    return corrected, correction, mixed(observed, grid, mass)


def corrected_mass(
    pool: Pool, share: float, seed: int, compute: Compute, alone: bool = True
) -> tuple[Pool, Correction, Array, Array]:
    """Return the corrected pool, what was changed, and the grid of log expected n_0 with the posterior mass on it.

    The mass is over all models, unnormalised; parameters as in `corrected_law`.
    """
    from mse.kernels.mixture import add_normals, add_points

    parts = np.concatenate([pool.rest, np.stack([pool.weight, pool.mean, pool.variance], axis=1)])
    grid = _grid(parts)
    first, step = grid[0], grid[1] - grid[0]

    def law(drawn: Iterator[tuple[int, Importance]]) -> Array:
        mass = np.zeros(len(grid))
        for i, found in drawn:
            if math.isfinite(found.correction):
                weight = pool.weight[i] * np.exp(found.correction + found.log_weight)
                add_points(mass, first, step, weight, found.betas.sum(axis=1))
            else:
                add_normals(mass, first, step, pool.weight[[i]], pool.mean[[i]], np.sqrt(pool.variance[[i]]))
        return mass

    models = to_correct(pool, share)
    if alone:
        corrected, correction, laws = correct(pool, models, law, seed, compute)
    else:
        for effort in IN_PARTS:
            corrected, correction, laws = correct(pool, models, law, seed, compute, effort)
            if not laws or _upper_error(grid, np.sum(laws, axis=0), correction.effective) < ENOUGH:
                break
    mass = np.sum(laws, axis=0) if laws else np.zeros(len(grid))
    lighter = corrected.only(slice(models, None))
    for weight, mean, variance in (corrected.rest.T, (lighter.weight, lighter.mean, lighter.variance)):
        add_normals(mass, first, step, np.ascontiguousarray(weight), np.ascontiguousarray(mean), np.sqrt(variance))
    return corrected, correction, grid, mass


def _upper_error(grid: Array, mass: Array, effective: float) -> float:
    """Return the standard error of the upper end of the 95 % interval of log expected n_0, of so many draws."""
    spread = math.sqrt(0.025 * 0.975 / effective)
    low, high = np.interp([0.975 - spread, min(0.975 + spread, 0.9999)], np.cumsum(mass) / mass.sum(), grid)
    return float(0.5 * (high - low))


def _grid(parts: Array) -> Array:
    """Return the grid of log expected n_0 that holds every component (weight, mean, variance) but a 1e-12th part."""
    order = np.argsort(-parts[:, 0])
    heavy = order[np.cumsum(parts[order, 0]) <= parts[:, 0].sum() * (1 - 1e-12)]
    chosen = parts[heavy if len(heavy) else order[:1]]
    reach = 9.0 * np.sqrt(chosen[:, 2])
    # e^-10 unseen is nobody; e^40 is more than any count that is accepted allows for.
    low, high = max(float((chosen[:, 1] - reach).min()), -10.0), min(float((chosen[:, 1] + reach).max()), 40.0)
    narrow = 0.25 * math.sqrt(float(chosen[chosen[:, 0] > 1e-4 * chosen[:, 0].max(), 2].min()))
    step = max(min(LOG_STEP, narrow), (high - low) / FINEST_GRID, 1e-9)
    points = np.arange(int((max(high, low) - low) / step) + 2, dtype=np.float64)
    return low + step * points


def prior_factor(observed: int, pool: Pool) -> float:
    """Return the factor by which the median of N moves when the prior standard deviation is doubled.

    Both medians are Laplace's over the kept models, so that only the prior differs.

    Parameters
    ----------
    observed : int
        Persons on at least one list.
    pool : Pool
        Uncorrected models.
    """
    medians = []
    with np.errstate(divide="ignore"):
        base = np.log(pool.weight)
    for widen in (1.0, 2.0):
        log_weight, mean, variance = base.copy(), pool.mean, pool.variance
        if widen != 1.0:
            fits = _fitted(pool, widen)
            log_weight += fits[:, 0] - pool.log_evidence
            mean, variance = fits[:, 1], fits[:, 2]
        weight = np.exp(log_weight - log_weight.max())
        medians.append(observed + math.exp(mixture_quantiles(weight, mean, np.sqrt(variance), [0.5])[0]))
    return max(medians) / min(medians)


def _fitted(pool: Pool, widen: float) -> Array:
    """Fit every kept model on its own, its prior standard deviation `widen` times as large: (m, 3)."""
    fits = np.empty((len(pool.mask), 3))
    for sd in np.unique(pool.sd):
        at = pool.sd == sd
        fits[at] = pool.family.fit(pool.mask[at], float(widen * sd))
    return fits
