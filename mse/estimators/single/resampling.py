"""Tables drawn again and again, a model selected on each, and the law of N that comes of it.

*Histories*: the observed persons are drawn again with replacement, which is multinomial resampling of the
history counts. An overlap that is empty in the table is empty in every resample. *Model*: a population of the
estimated size is drawn from the fitted model, and those on no list are then left out.

BCa limits (Efron 1987): with G the law of the resampled N̂, z_0 = Φ⁻¹(G(N̂)) and the acceleration a, the limit at
q is G⁻¹(Φ(z_0 + (z_0 + z_q)/(1 − a(z_0 + z_q)))). Read the other way round this is a law of N, of which every
quantile is a BCa limit: P(N ≤ G⁻¹(g)) = Φ(w/(1 + a·w) − z_0), w = Φ⁻¹(g) − z_0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import ModelWeights
from mse.computing.parallel import Compute
from mse.kernels.arrays import Array, Integers
from mse.tables.captures import CaptureTable
from mse.terms import members, notations
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.computing.chunks import Chunk

Resample = Literal["histories", "model"]
Interval = Literal["bca", "percentile"]
RESAMPLED: Mapping[str, Said] = {"bca": said("interval_kind.bca"), "percentile": said("interval_kind.percentile")}

MOST_FITS = 200_000
"""Models that the search for the best one fits on one resample before it gives up (a few seconds)."""

TASK = 0.2
"""Seconds of work that a task should be worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """How a model is chosen on a table.

    Parameters
    ----------
    kind : str
        ``"stepwise"`` (pairs by Poisson tails), ``"search"`` (the best of all by a criterion) or ``"among"``
        (the best of some).
    lists : int
        K.
    candidates : (c,) int64
        Terms that models may have.
    models : (m,) int64
        Masks over the candidates: those to choose from, or for ``"search"`` where to begin.
    penalty : float
        Cost of a parameter.
    threshold : float
        P-value below which a pair is added.
    """

    kind: Literal["stepwise", "search", "among"]
    lists: int
    candidates: Integers
    models: Integers
    penalty: float
    threshold: float

    def run(self, tables: Array, cells: Array) -> tuple[Array, Integers, int]:
        """Choose and fit on every table.

        Parameters
        ----------
        tables : (r, 2^K) float64
            Counts by history.
        cells : (2^K,) float64
            As `CaptureTable.dense` gives them.

        Returns
        -------
        log_unseens : (r,) float64
            η̂_0; NaN where no model has an estimate, ±inf where the main effects have that limit.
        masks : (r,) int64
            The models; −1 where there is none.
        incomplete : int
            Searches that were cut off.
        """
        if self.kind == "stepwise":
            from mse.kernels.poissontails import replicate_stepwise

            log_unseens, masks = replicate_stepwise(tables, cells, self.candidates, math.log(self.threshold))
            return log_unseens, masks, 0
        from mse.kernels.choosing import replicate_choice

        limit = MOST_FITS if self.kind == "search" else 0
        return replicate_choice(tables, cells, self.candidates, self.lists, self.penalty, self.models, limit)

    def per_task(self) -> int:
        """Return how many tables make a task of about `TASK` seconds."""
        seconds = {
            "stepwise": 5e-5 * max(1, self.lists - 2),
            "search": 5e-5 * 9.0 ** (self.lists - 3),
            "among": 5e-6 * 2.0 ** (self.lists - 4) * max(1, self.models.size),
        }[self.kind]
        return min(max(1, round(TASK / seconds)), 5000)


@dataclass(frozen=True, slots=True, eq=False)
class Resampling:
    """Everything that a worker needs to draw tables and select on them.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        The table, as `CaptureTable.dense` gives it.
    persons : int
        Persons drawn.
    shares : (2^K,) float64
        Probability of each history; entry 0, of not being seen, is 0 when histories are drawn.
    selection : Selection
        What is done with each table.
    seed : int
        Every resample has a generator of its own: ``default_rng([seed, i])``.
    """

    counts: Array
    cells: Array
    persons: int
    shares: Array
    selection: Selection
    seed: int


class Replicates(NamedTuple):
    """What came of resampling.

    Attributes
    ----------
    sizes : (r,) float64
        N̂ of every resample: NaN where there is none, infinite where it has no bound.
    masks : (r,) int64
        The models; −1 where there is none.
    jackknife : (h,) float64
        N̂ without one person of each distinct history.
    weights : (h,) float64
        Persons with that history.
    incomplete : int
        Searches that were cut off.
    """

    sizes: Array
    masks: Integers
    jackknife: Array
    weights: Array
    incomplete: int


def resample(definition: Resampling, replicates: int, compute: Compute, *, jackknife: bool) -> Replicates:
    """Draw and select `replicates` times, and without each distinct history in turn.

    Parameters
    ----------
    definition : Resampling
        What to draw and what to do with it.
    replicates : int
        Resamples.
    compute : Compute
        Where; the answer does not depend on it.
    jackknife : bool
        Whether to select without each history too, for the acceleration of BCa.
    """
    size = definition.selection.per_task()
    histories = int(np.count_nonzero(definition.counts)) if jackknife else 0
    tasks = [("draw", first, min(first + size, replicates)) for first in range(0, replicates, size)]
    tasks += [("leave out", first, min(first + size, histories)) for first in range(0, histories, size)]
    parts = list(
        compute.spread(said("stage.resamples", count=replicates), partial(select_on, definition), tasks, threads=True)
    )
    drawn = [part for part, task in zip(parts, tasks, strict=True) if task[0] == "draw"]
    left = [part for part, task in zip(parts, tasks, strict=True) if task[0] == "leave out"]
    return Replicates(
        sizes=np.concatenate([part[0] for part in drawn]),
        masks=np.concatenate([part[1] for part in drawn]),
        jackknife=np.concatenate([np.empty(0), *(part[0] for part in left)]),
        weights=definition.counts[definition.counts > 0][:histories],
        incomplete=sum(int(part[2][0]) for part in parts),
    )


def select_on(definition: Resampling, task: tuple[str, int, int]) -> Chunk:
    """Draw or leave out, and select: N̂ (r,), models (r,), and the number of searches cut off (1,)."""
    what, first, last = task
    if what == "draw":
        tables = np.empty((last - first, definition.counts.size))
        for row, i in enumerate(range(first, last)):
            rng = np.random.default_rng([definition.seed, i])
            tables[row] = rng.multinomial(definition.persons, definition.shares)
        tables[:, 0] = 0.0
    else:
        filled = np.flatnonzero(definition.counts)[first:last]
        tables = np.repeat(definition.counts[None, :], filled.size, axis=0)
        tables[np.arange(filled.size), filled] -= 1.0
    log_unseens, masks, incomplete = definition.selection.run(tables, definition.cells)
    with np.errstate(over="ignore"):
        sizes = tables.sum(axis=1) + np.exp(log_unseens)
    return sizes, masks, np.array([incomplete])


def acceleration(jackknife: Array, weights: Array) -> float:
    """Return a = Σ w d³ / 6 (Σ w d²)^1.5, d the mean less the estimate without one person of each history.

    Parameters
    ----------
    jackknife, weights : (h,) float64
        As in `Replicates`. Histories without a finite estimate are left out.
    """
    kept = np.isfinite(jackknife)
    values, weights = jackknife[kept], weights[kept]
    if values.size == 0:
        return 0.0
    away = np.average(values, weights=weights) - values
    spread = float(weights @ away**2)
    return float(weights @ away**3) / (6.0 * spread**1.5) if spread > 0 else 0.0


class Law(NamedTuple):
    """The law of N from resamples.

    Attributes
    ----------
    distribution : Distribution
        Its quantiles are the limits of the interval; resamples without a bound lie beyond its grid.
    bias : float
        z_0; 0 for percentiles.
    acceleration : float
        a; 0 for percentiles.
    """

    distribution: Distribution
    bias: float
    acceleration: float


def law_of(found: Replicates, point: float, interval: Interval) -> Law:
    """Return the law whose quantiles are the BCa or percentile limits.

    Parameters
    ----------
    found : Replicates
        With one finite size or more.
    point : float
        N̂ of the table itself.
    interval : str
        ``"bca"`` or ``"percentile"``.
    """
    from scipy.special import ndtr, ndtri

    sizes = np.sort(found.sizes[~np.isnan(found.sizes)])
    values = sizes[np.isfinite(sizes)]
    reached = (np.arange(values.size) + 0.5) / sizes.size
    bias = rate = 0.0
    cdf = reached.copy()
    if interval == "bca":
        tie = 1e-9 * point
        below = (np.sum(sizes < point - tie) + np.sum(sizes <= point + tie)) / (2.0 * sizes.size)
        bias = float(ndtri(np.clip(below, 0.5 / sizes.size, 1.0 - 0.5 / sizes.size)))
        rate = acceleration(found.jackknife, found.weights)
        w = ndtri(reached) - bias
        room = 1.0 + rate * w
        # beyond the pole of the transform nothing is left on that side
        cdf = np.where(room > 0.0, ndtr(w / np.where(room > 0.0, room, 1.0) - bias), np.where(w < 0.0, 0.0, 1.0))
    if values.size == sizes.size:
        cdf[-1] = 1.0
    return Law(Distribution(values, cdf, whole=False), bias, rate)


def chosen_models(
    found: Replicates, table: CaptureTable, candidates: Integers
) -> tuple[ModelWeights, dict[str, float]]:
    """Return the models by their share of the resamples, and the share that holds each interaction."""
    kept = (found.masks >= 0) & np.isfinite(found.sizes)
    masks, place, count = np.unique(found.masks[kept], return_inverse=True, return_counts=True)
    log_unseens = np.log(np.maximum(found.sizes[kept] - table.observed, 1e-300))
    order = np.lexsort((masks, -count))
    groups = [np.flatnonzero(place == i) for i in order]
    nothing = np.full(order.size, np.nan)
    weights = ModelWeights(
        notation=tuple(notations(masks[order], candidates, table.n_lists)) if order.size else (),
        weight=count[order] / found.masks.size,
        log_evidence=nothing,
        size=np.array([np.median(found.sizes[kept][rows]) for rows in groups], dtype=np.float64),
        log_sd=np.array([np.std(log_unseens[rows]) for rows in groups], dtype=np.float64),
        pareto_k=nothing,
    )
    inside = (found.masks[kept][:, None] >> np.arange(candidates.size)) & 1
    shares = inside.sum(axis=0) / found.masks.size
    names = [":".join(table.lists[j] for j in members(int(term))) for term in candidates]
    return weights, {name: float(share) for name, share in zip(names, shares, strict=True) if share > 0}


def notes_on(found: Replicates, table: CaptureTable, how: Resample) -> tuple[Said, ...]:
    """Return what must be said beside an interval from these resamples."""
    notes = []
    count = found.sizes.size
    failed, unbounded = int(np.isnan(found.sizes).sum()), int(np.isinf(found.sizes).sum())
    if failed:
        notes.append(said("note.resamples_failed", failed=failed, count=count))
    if unbounded:
        share = 1 - unbounded / count
        notes.append(said("note.resamples_unbounded", unbounded=unbounded, count=count, share=share))
    if found.incomplete:
        notes.append(said("note.searches_cut", count=found.incomplete, most=MOST_FITS))
    upper = np.triu_indices(table.n_lists, 1)
    empty = int((table.overlaps()[upper] == 0).sum())
    if empty and how == "histories":
        notes.append(said("note.empty_pairs", count=empty))
    return tuple(notes)


def figures(found: Replicates, law: Law) -> Mapping[str, float]:
    """Return the diagnostics of a bootstrap."""
    values = {
        "replicates": float(found.sizes.size),
        "failed_replicates": float(np.isnan(found.sizes).sum()),
        "unbounded_replicates": float(np.isinf(found.sizes).sum()),
        "incomplete_searches": float(found.incomplete),
        "models": float(np.unique(found.masks[found.masks >= 0]).size),
        "bias": law.bias,
        "acceleration": law.acceleration,
    }
    return values
