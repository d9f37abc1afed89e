"""From Laplace's evidence to the evidence: models that carry the weight are sampled, and their weights corrected."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mse.computing.convergence import RELIABLE
from mse.computing.parallel import Compute
from mse.estimators.modelspace.modelfamilies import Peak, held
from mse.estimators.modelspace.pool import Pool
from mse.kernels.arrays import Array
from mse.words.said import said

MOST_CORRECTED = 4_000
"""Models that are corrected at most; a wider spread of the weight is reported, not hidden."""

AGAIN = 4_000
"""Draws at least when a model is sampled a second time because its weights were too uneven."""

CHUNK = 50
"""Models in one task."""


class Effort(NamedTuple):
    """How much is drawn.

    Attributes
    ----------
    draws : int
        Importance draws, which are shared out by weight.
    fewest, most : int
        Of a model.
    apart : bool
        Every model has a stream of random numbers of its own; else those of a task share one, in less time.
    """

    draws: int
    fewest: int
    most: int
    apart: bool


ALONE = Effort(200_000, 250, 100_000, True)
"""For a table of its own."""


class Importance(NamedTuple):
    """Weighted draws from the posterior of one model.

    Attributes
    ----------
    betas : (S, p) float64
        Coefficients; the mode alone when there is no Hessian to draw with.
    log_weight : (S,) float64
        Smoothed log weights, normalised: their exponentials add up to one.
    correction : float
        ln(evidence) minus Laplace's; NaN when Laplace has none.
    effective : float
        Effective share of the draws, (Σw)² / (S Σw²), after smoothing.
    pareto_k : float
        Shape of the tail of the raw weights; above 0.7 the correction is not to be trusted.
    """

    betas: Array
    log_weight: Array
    correction: float
    effective: float
    pareto_k: float


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
    gain : float
        Average ratio of evidence to Laplace's, which models that were not sampled get.
    """

    models: int
    log_ratio: Array
    pareto_k: Array
    effective: float
    gain: float

    def first(self, models: int) -> Correction:
        """Return what concerns the first so many models of the pool."""
        models = min(models, self.models)
        return self._replace(models=models, log_ratio=self.log_ratio[:models], pareto_k=self.pareto_k[:models])

    def unreliable(self, weight: Array) -> float:
        """Return the share of the weight (m,) on sampled models whose correction is not to be trusted."""
        return float(weight[: self.models][~(self.pareto_k <= RELIABLE)].sum())


def importance(peak: Peak, size: int, rng: np.random.Generator) -> Importance:
    """Draw from the posterior of one model by importance sampling (`mse.kernels.importance`)."""
    from mse.kernels.importance import FREEDOM, first_axis, probe_points, propose, side_scales, smooth_weights

    mode, factor, _, target = peak
    p = len(mode)
    betas, sides = rng.standard_normal((size, p)), rng.random((size, p))
    stretch = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, size))
    if not np.isfinite(factor[-1, -1]):
        return Importance(np.tile(mode, (size, 1)), np.full(size, -math.log(size)), math.nan, 0.0, math.inf)
    top = float(target(mode[None])[0])
    reflector = first_axis(factor, peak.direction)
    scale = side_scales(top - target(probe_points(mode, factor, reflector)))
    log_proposal = propose(mode, factor, reflector, scale, betas, sides, stretch)
    log_weight = target(betas) - top - log_proposal
    largest = float(log_weight.max())
    shape = float(smooth_weights(log_weight))  # which takes the largest off
    weight = np.exp(log_weight)
    total = float(weight.sum())
    correction = largest + math.log(total / size) - 0.5 * p * math.log(2.0 * math.pi)
    effective = total**2 / (size * float(weight @ weight))
    return Importance(betas, log_weight - math.log(total), correction, effective, shape)


def to_correct(pool: Pool, share: float) -> int:
    """Return how many of the heaviest models hold `share` of the weight; at most `MOST_CORRECTED`."""
    below = np.cumsum(pool.weight) < share * pool.total
    return min(int(below.sum()) + 1, len(below), MOST_CORRECTED) if share > 0 else 0


def correct[T](
    pool: Pool,
    models: int,
    use: Callable[[Iterator[tuple[int, Importance]]], T],
    seed: int,
    compute: Compute,
    effort: Effort = ALONE,
) -> tuple[Pool, Correction, list[T]]:
    """Correct the heaviest models by importance sampling.

    The answer depends on the seed alone. Models that are not sampled get the average correction of those that are.

    Parameters
    ----------
    pool : Pool
        Laplace's weights.
    models : int
        So many from the first on.
    use : callable
        Makes of the draws of some models, numbered as in the pool, what is needed of them; a correction of NaN means
        that Laplace's law has to do.
    seed : int
        Of the draws.
    compute : Compute
        Workers and progress.
    effort : Effort
        How much is drawn.

    Returns
    -------
    tuple of Pool, Correction and list
        The pool with corrected weights, log evidences, sums and inclusions (the same models in the same order), and
        what `use` made.
    """
    log_ratio, pareto_k, worth = np.zeros(models), np.full(models, np.nan), np.ones(models)
    sizes = np.clip(pool.weight[:models] / pool.total * effort.draws, effort.fewest, effort.most).astype(np.int64)

    def drawn(start: int) -> Iterator[tuple[int, Importance]]:
        together = None if effort.apart else np.random.default_rng([seed, 2, start])
        for i in range(start, min(start + CHUNK, models)):
            found = _sample(pool, i, int(sizes[i]), effort, seed, together)
            if math.isfinite(found.correction):
                log_ratio[i], worth[i] = found.correction, max(1.0, found.effective * len(found.betas))
            pareto_k[i] = found.pareto_k
            yield i, found

    tasks = range(0, models, CHUNK)
    made = list(compute.map(said("stage.correcting"), lambda start: use(drawn(start)), tasks))
    before, after = pool.weight[:models], pool.weight[:models] * np.exp(log_ratio)
    # Laplace is low nearly everywhere: lighter models get the average gain, lest correcting tilt the weights.
    gain = float(after.sum() / before.sum()) if models else 1.0
    factor = np.full(len(pool.weight), gain)
    factor[:models] = np.exp(log_ratio)
    extra = after - gain * before
    corrected = replace(
        pool,
        weight=pool.weight * factor,
        log_evidence=pool.log_evidence + np.log(factor),
        rest=pool.rest * [gain, 1.0, 1.0],
        total=gain * pool.total + float(extra.sum()),
        total_square=gain**2 * pool.total_square + float((after**2 - (gain * before) ** 2).sum()),
        inclusion=gain * pool.inclusion + extra @ held(pool.mask[:models], len(pool.inclusion)),
    )
    effective = float(after.sum() ** 2 / (after**2 / worth).sum()) if models else math.inf
    return corrected, Correction(models, log_ratio, pareto_k, effective, gain), made


def effective_models(laplace: Pool, corrected: Pool, heavy: int) -> float:
    """Return (Σw)² / Σw² over all models, of which those from `heavy` on stand for others beside themselves."""
    gain = corrected.total / laplace.total
    own = corrected.weight[:heavy] ** 2 - (gain * laplace.weight[:heavy]) ** 2
    return corrected.total**2 / (gain**2 * laplace.total_square + float(own.sum()))


def _sample(
    pool: Pool, i: int, draws: int, effort: Effort, seed: int, together: np.random.Generator | None
) -> Importance:
    """Sample model `i`, a second time with more draws when the weights of the first are too uneven."""
    peak = pool.family.peak(pool.mask[i], float(pool.sd[i]))
    for attempt, size in enumerate((draws, min(max(4 * draws, AGAIN), effort.most))):
        stream = together
        if stream is None:
            own = [seed, 2, *pool.mask[i].tolist(), round(pool.sd[i] * 1e6), attempt]
            stream = np.random.default_rng(own)
        found = importance(peak, size, stream)
        if found.pareto_k <= RELIABLE:
            break
    return found
