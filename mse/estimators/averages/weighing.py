"""From a sweep over all models to the law of N: weights, their correction by importance sampling, the mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import LOG_STEP
from mse.computing.convergence import RELIABLE
from mse.computing.parallel import Compute
from mse.kernels.streaming import Evidence
from mse.tables.captures import DenseCells

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_CORRECTED = 4_000
"""Models that are corrected at most; a wider spread of the weight is reported, not hidden."""

FEWEST_DRAWS, MOST_DRAWS, ALL_DRAWS = 250, 100_000, 200_000
"""Importance draws of a light model, of a heavy one, and their sum, which is shared out by weight."""

AGAIN = 4_000
"""Draws at least when a model is sampled a second time because its weights were too uneven."""

FINEST_GRID = 200_000
"""Points of the grid of log n_0 at most."""

CHUNK = 50
"""Models in one task."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Models with their Laplace weights; all weights are relative to the heaviest one's.

    Parameters
    ----------
    dense : DenseCells
        The table.
    subsets : (c,) int64
        Candidate terms that the bits of a mask stand for.
    sd : (m,) float64
        Prior standard deviation of each kept model.
    mask : (m,) int64
        The kept models, heaviest first.
    weight, log_evidence, mean, variance : (m,) float64
        Their weight, log evidence, and mode and variance of η_0 = log expected n_0.
    rest : (b, 3) float64
        Weight, mean and variance of η_0 of the bins that hold all lighter models.
    total, total_square : float
        Sum of the weights, and of their squares, over all models, kept or not.
    inclusion : (c,) float64
        Sum of the weights of the models that have each candidate.
    """

    dense: DenseCells
    subsets: Integers
    sd: Array
    mask: Integers
    weight: Array
    log_evidence: Array
    mean: Array
    variance: Array
    rest: Array
    total: float
    total_square: float
    inclusion: Array


class Correction(NamedTuple):
    """What importance sampling changed.

    Attributes
    ----------
    models : int
        The first so many models of the pool were corrected.
    log_ratio : (models,) float64
        ln(evidence) minus Laplace's.
    pareto_k : (models,) float64
        Shape of the tail of the importance weights.
    effective : float
        Independent draws that the sampled part of the mixture is worth.
    grid : (g,) float64
        Log expected n_0, equally spaced.
    mass : (g,) float64
        Posterior mass there over all models, unnormalised.
    """

    models: int
    log_ratio: Array
    pareto_k: Array
    effective: float
    grid: Array
    mass: Array


def gather(dense: DenseCells, subsets: Integers, sds: Sequence[float], sweeps: Sequence[Evidence]) -> Pool:
    """Put the sweeps under several prior standard deviations together, heaviest model first."""
    top = max(s.reference for s in sweeps)
    scale = [math.exp(s.reference - top) for s in sweeps]
    log_weight = np.concatenate([s.log_weights for s in sweeps]) - top
    order = np.argsort(-log_weight, kind="stable")
    bins = [np.stack([s.dropped_weights * f, s.dropped_means, s.dropped_variances], axis=1)
            for s, f in zip(sweeps, scale, strict=True)]  # fmt: skip
    return Pool(
        dense=dense,
        subsets=subsets,
        sd=np.repeat(sds, [len(s.masks) for s in sweeps])[order],
        mask=np.concatenate([s.masks for s in sweeps])[order],
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
    from mse.kernels.batch import fit_models

    fits = np.empty((len(pool.mask), 3))
    for sd in np.unique(pool.sd):
        at = pool.sd == sd
        fits[at] = fit_models(*pool.dense, pool.subsets, pool.mask[at], sd**-2)
    log_weight = fits[:, 0] + log_prior[np.bitwise_count(pool.mask)]
    order = np.argsort(-log_weight, kind="stable")
    weight = np.exp(log_weight[order] - log_weight.max())
    bits = (pool.mask[order, None] >> np.arange(len(pool.subsets))) & 1
    return replace(
        pool, sd=pool.sd[order], mask=pool.mask[order], weight=weight, log_evidence=fits[order, 0], mean=fits[order, 1],
        variance=fits[order, 2], total=float(weight.sum()), total_square=float((weight**2).sum()),
        inclusion=weight @ bits,
    )  # fmt: skip


def without_unidentified(pool: Pool) -> tuple[Pool, float]:
    """Return the pool without kept models that leave N unidentified, and the share of the weight they had.

    Only structural zeros bring them about, beside the saturated model: the direction of log n_0 is then not in the row
    space of the design over the observable cells.
    """
    counts, cells = pool.dense
    seen = np.flatnonzero(cells[1:]) + 1
    if len(seen) == len(counts) - 1:
        return pool, 0.0
    from mse.kernels.batch import terms_of

    lists = len(counts).bit_length() - 1
    keep = np.ones(len(pool.mask), dtype=bool)
    heavy = np.flatnonzero(pool.weight > 1e-9)
    for i in heavy:
        terms = terms_of(int(pool.mask[i]), pool.subsets, lists)
        design = 1.0 - 2.0 * (np.bitwise_count(seen[:, None] & terms) & 1)
        solution = np.linalg.lstsq(design.T, np.ones(len(terms)), rcond=None)[0]
        keep[i] = np.abs(design.T @ solution - 1.0).max() < 1e-8
    lost = pool.weight[~keep]
    bits = (pool.mask[~keep, None] >> np.arange(len(pool.subsets))) & 1
    kept = replace(
        pool, sd=pool.sd[keep], mask=pool.mask[keep], weight=pool.weight[keep], log_evidence=pool.log_evidence[keep],
        mean=pool.mean[keep], variance=pool.variance[keep], total=pool.total - float(lost.sum()),
        total_square=pool.total_square - float((lost**2).sum()), inclusion=pool.inclusion - lost @ bits,
    )  # fmt: skip
    return kept, float(lost.sum() / pool.total)


def correct(pool: Pool, share: float, seed: int, compute: Compute) -> tuple[Pool, Correction]:
    """Correct the heaviest models that hold `share` of the weight by importance sampling.

    Every model draws from a stream of random numbers of its own, so that the answer depends on the seed alone. Models
    that are not sampled get the average correction of those that are.

    Returns
    -------
    tuple of Pool and Correction
        The pool with corrected weights, log evidences, sums and inclusions (the same models in the same order),
        and the posterior mass over log expected n_0.
    """
    below = np.cumsum(pool.weight) < share * pool.total
    models = min(int(below.sum()) + 1, len(below), MOST_CORRECTED) if share > 0 else 0
    parts = np.concatenate([pool.rest, np.stack([pool.weight, pool.mean, pool.variance], axis=1)])
    grid = _grid(parts)
    mass = np.zeros(len(grid))
    log_ratio, pareto_k, worth = np.zeros(models), np.full(models, np.nan), np.ones(models)
    step = grid[1] - grid[0]
    lengths = np.clip(pool.weight[:models] / pool.total * ALL_DRAWS, FEWEST_DRAWS, MOST_DRAWS).astype(np.int64)

    def sample(start: int) -> Array:
        chunk = range(start, min(start + CHUNK, models))
        law = np.zeros(len(grid))
        for i in chunk:
            log_ratio[i], pareto_k[i], worth[i] = _sample(pool, i, int(lengths[i]), seed, (grid[0], step), law)
        return law

    for law in compute.map("correcting the heaviest models", sample, range(0, models, CHUNK)):
        mass += law
    from mse.kernels.mixture import add_normals

    before, after = pool.weight[:models], pool.weight[:models] * np.exp(log_ratio)
    # Laplace is low nearly everywhere: lighter models get the average gain, lest correcting tilt the weights.
    gain = float(after.sum() / before.sum()) if models else 1.0
    for w, mean, variance in (pool.rest.T, np.stack([pool.weight, pool.mean, pool.variance])[:, models:]):
        add_normals(mass, grid[0], step, gain * w, np.ascontiguousarray(mean), np.sqrt(variance))
    factor = np.full(len(pool.weight), gain)
    factor[:models] = np.exp(log_ratio)
    extra = after - gain * before
    bits = (pool.mask[:models, None] >> np.arange(len(pool.subsets))) & 1
    corrected = replace(
        pool,
        weight=pool.weight * factor,
        log_evidence=pool.log_evidence + np.log(factor),
        rest=pool.rest * [gain, 1.0, 1.0],
        total=gain * pool.total + float(extra.sum()),
        total_square=gain**2 * pool.total_square + float((after**2 - (gain * before) ** 2).sum()),
        inclusion=gain * pool.inclusion + extra @ bits,
    )
    effective = float(after.sum() ** 2 / (after**2 / worth).sum()) if models else math.inf
    return corrected, Correction(models, log_ratio, pareto_k, effective, grid, mass)


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


def _sample(
    pool: Pool, i: int, draws: int, seed: int, axis: tuple[float, float], mass: Array
) -> tuple[float, float, float]:
    """Sample model `i` and add its corrected law to `mass`, a grid with first point and step `axis`.

    Returns the log ratio to Laplace's evidence, the Pareto shape, and how many independent draws it is worth.
    """
    from mse.kernels.batch import terms_of
    from mse.kernels.importance import FREEDOM, sample_model
    from mse.kernels.mixture import add_normals, add_points
    from mse.kernels.newton import cold_start, fit_loglinear

    counts, cells = pool.dense
    terms = terms_of(int(pool.mask[i]), pool.subsets, len(counts).bit_length() - 1)
    precision = float(pool.sd[i]) ** -2
    mode = fit_loglinear(counts, cells, terms, precision, cold_start(counts, cells, terms, precision), 100, 1e-10).beta
    for attempt, size in enumerate((draws, min(max(4 * draws, AGAIN), MOST_DRAWS))):
        rng = np.random.default_rng([seed, 2, int(pool.mask[i]), round(pool.sd[i] * 1e6), attempt])
        drawn = sample_model(
            counts, cells, terms, precision, mode,
            rng.standard_normal((size, len(terms))), rng.random((size, len(terms))),
            np.sqrt(FREEDOM / rng.chisquare(FREEDOM, size)),
        )  # fmt: skip
        if drawn.pareto_k <= RELIABLE:
            break
    if not math.isfinite(drawn.correction):
        add_normals(mass, *axis, pool.weight[[i]], pool.mean[[i]], np.sqrt(pool.variance[[i]]))
        return 0.0, math.inf, 1.0
    weight = pool.weight[i] * math.exp(drawn.correction)
    add_points(mass, *axis, weight * np.exp(drawn.log_weight), drawn.log_unseen)
    return drawn.correction, drawn.pareto_k, max(1.0, drawn.effective * size)


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
    from mse.kernels.batch import fit_models

    medians = []
    with np.errstate(divide="ignore"):
        base = np.log(pool.weight)
    for widen in (1.0, 2.0):
        log_weight, mean = base.copy(), pool.mean.copy()
        variance = pool.variance.copy()
        if widen != 1.0:
            for sd in np.unique(pool.sd):
                at = pool.sd == sd
                fits = fit_models(*pool.dense, pool.subsets, pool.mask[at], (widen * sd) ** -2)
                log_weight[at] += fits[:, 0] - pool.log_evidence[at]
                mean[at], variance[at] = fits[:, 1], fits[:, 2]
        medians.append(observed + math.exp(_median(np.exp(log_weight - log_weight.max()), mean, np.sqrt(variance))))
    return max(medians) / min(medians)


def _median(weight: Array, mean: Array, sd: Array) -> float:
    """Return the median of a mixture of normals, by bisection."""
    from scipy.special import ndtr

    low, high = float((mean - 9 * sd).min()), float((mean + 9 * sd).max())
    while high - low > 1e-9 * (1 + abs(low)):
        middle = 0.5 * (low + high)
        below = float(weight @ ndtr((middle - mean) / sd)) < 0.5 * weight.sum()
        low, high = (middle, high) if below else (low, middle)
    return low
