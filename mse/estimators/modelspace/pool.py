"""From a search and its walks to the models that stand for all: the heaviest themselves, and a sample of the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mse.estimators.modelspace.modelfamilies import Family, held
from mse.estimators.modelspace.modelsearch import values_of
from mse.estimators.modelspace.walking import Searched
from mse.kernels.arrays import Array, Flags, Integers

MOST_HEAVY = 1_000
"""Models that stand for themselves at most."""

SAMPLED = 2_000
"""Models that would stand for all the others, if these had all the weight."""

FEWEST_SAMPLED = 100


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Models with their weights; all weights are relative to the heaviest one's.

    Parameters
    ----------
    family : Family
        What the models are of.
    sd : (m,) float64
        Prior standard deviation of each kept model.
    mask : (m, W) int64
        The kept models, heaviest first.
    weight, log_evidence, mean, variance : (m,) float64
        Their weight, log evidence, and mode and variance of log expected n_0.
    rest : (b, 3) float64
        Weight, mean and variance of log expected n_0 of the bins that hold all lighter models.
    total, total_square : float
        Sum of the weights, and of their squares, over all models, kept or not.
    inclusion : (c,) float64
        Sum of the weights of the models that have each candidate.
    """

    family: Family
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

    def only(self, chosen: Flags | slice) -> Pool:
        """Return the pool with these of the kept models; the sums stay."""
        return replace(
            self, sd=self.sd[chosen], mask=self.mask[chosen], weight=self.weight[chosen],
            log_evidence=self.log_evidence[chosen], mean=self.mean[chosen], variance=self.variance[chosen],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """Models that stand for all hierarchical models.

    Parameters
    ----------
    pool : Pool
        First the heaviest visited models with their own weights, heaviest first; then a systematic sample of all
        others along the mode of log n_0, each with the weight of those that it stands for. Sums and inclusions are
        over all models.
    heavy : int
        How many stand for themselves.
    sampled_weight : float
        Share of the probability that the sample stands for.
    visited, visited_error : float
        Share on visited models over all prior standard deviations, and its standard error.
    """

    pool: Pool
    heavy: int
    sampled_weight: float
    visited: float
    visited_error: float


class _Weighed(NamedTuple):
    """All known models: prior standard deviation, mask, fit, weight, and whether a search visited them."""

    sd: Array
    mask: Integers
    fits: Array
    weight: Array
    visited: Flags


def represent(found: Sequence[Searched], share: float, seed: int) -> Representation:
    """Choose the models that stand for all.

    Visited models have the weight of their evidence; all others together have what the walks' share implies, divided
    among those that were met by the time spent in each.

    Parameters
    ----------
    found : sequence of Searched
        One for each prior standard deviation.
    share : float
        The heaviest models are to hold this share of the weight; no more than `MOST_HEAVY` are taken. At 0 nothing
        will be sampled within models, and twenty times as many are taken.
    seed : int
        Of the sample.
    """
    top = max(float(s.visited.values.max()) for s in found)
    parts, squares, totals = [], 0.0, []
    for s in found:
        part, square = _weigh(s, top)
        parts.append(part)
        squares += square
        totals.append(part.weight.sum())
    known = _Weighed(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    total = float(sum(totals))
    order = np.lexsort((*known.mask.T, -np.where(known.visited, known.weight, -1.0)))
    most = min(MOST_HEAVY if share > 0 else 20 * MOST_HEAVY, int(known.visited.sum()))
    below = np.cumsum(known.weight[order[:most]]) < (share or 1.0) * total
    heavy = min(int(below.sum()) + 1, most)
    rest = order[heavy:]
    left = float(known.weight[rest].sum())
    chosen, weight = _sample(known, rest, left / total, np.random.default_rng([seed, 6]))
    every = np.concatenate([order[:heavy], chosen])
    family = found[0].space.family
    pool = Pool(
        family=family,
        sd=known.sd[every],
        mask=known.mask[every],
        weight=np.concatenate([known.weight[order[:heavy]], weight]),
        log_evidence=known.fits[every, 0],
        mean=known.fits[every, 1],
        variance=known.fits[every, 2],
        rest=np.empty((0, 3)),
        total=total,
        total_square=squares,
        inclusion=known.weight @ held(known.mask, len(family.terms)),
    )
    parted = np.array(totals) / total
    visited = float(parted @ [s.walks.share for s in found])
    error = math.sqrt(float(parted**2 @ [s.walks.error**2 for s in found]))
    return Representation(pool, heavy, left / total, visited, error)


def _weigh(searched: Searched, top: float) -> tuple[_Weighed, float]:
    """Return the known models of one search with weights relative to exp(`top`), and Σw² over all models."""
    space, visited, walks = searched
    own = np.exp(visited.values - top)
    square = float(own @ own)
    met = walks.times > 0
    if not met.any():
        count = len(own)
        return _Weighed(np.full(count, space.sd), visited.masks, visited.fits, own, np.ones(count, dtype=bool)), square
    masks, fits = walks.outside[met], walks.outside_fits[met]
    times = walks.times[met] / walks.times.sum()
    # with no time at all inside, the visited models have what one step would give them
    share = max(walks.share, 1.0 / (1.0 + float(walks.times.sum())))
    lost = float(own.sum()) * (1.0 - share) / share
    # over a class of models Σw² is Σw times the mean weight along a walk within it
    square += lost * float(times @ np.exp(values_of(space, masks, fits) - top))
    flags = np.arange(len(own) + len(masks)) < len(own)
    return _Weighed(
        np.full(len(flags), space.sd),
        np.concatenate([visited.masks, masks]),
        np.concatenate([visited.fits, fits]),
        np.concatenate([own, lost * times]),
        flags,
    ), square


def _sample(known: _Weighed, rest: Integers, share: float, rng: np.random.Generator) -> tuple[Integers, Array]:
    """Sample models of `rest` by weight, systematically along the mode of log n_0: which ones, and their weights."""
    rest = rest[known.weight[rest] > 0.0]
    if not len(rest):
        return rest, np.empty(0)
    number = max(FEWEST_SAMPLED, math.ceil(SAMPLED * share))
    if len(rest) <= number:
        return rest, known.weight[rest]
    rest = rest[np.argsort(known.fits[rest, 1], kind="stable")]
    reached = np.cumsum(known.weight[rest])
    steps = (np.arange(number) + rng.random()) * (reached[-1] / number)
    chosen, times = np.unique(np.searchsorted(reached, steps), return_counts=True)
    return rest[np.minimum(chosen, len(rest) - 1)], times * (reached[-1] / number)
