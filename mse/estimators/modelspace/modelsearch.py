"""A search through hierarchical models that are too many to list.

The search is mode-oriented (Dobra & Massam 2010, Statistical Methodology 7:240): from starts far apart it climbs to
local modes, then fits all neighbours of every model in a window below the best, heaviest models first. What it missed
is estimated, not assumed: see `mse.estimators.modelspace.walking`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from mse.computing.parallel import Compute, silent
from mse.estimators.modelspace.modelfamilies import Space, held
from mse.kernels.arrays import Array, Flags, Integers
from mse.words.said import said

WAVE = 4096
"""Models whose neighbours are fitted in one wave."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How far to search.

    Parameters
    ----------
    window : float
        Neighbours of models with less than this share of the best one's weight are not fitted.
    most : int
        Models to fit, about; when they are fewer than the window has, it is the heaviest that are followed.
    starts : int
        Models from which the search climbs: main effects only, all terms, and random ones.
    chunk : int
        Neighbours in one task, about.
    steps, segments : int
        Steps of a walk before the walks are compared, and how often as many are added at most until they agree.
    """

    window: float
    most: int
    starts: int = 8
    chunk: int = 512
    steps: int = 20_000
    segments: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class Visited:
    """Models that have been fitted, in the order in which they came.

    Parameters
    ----------
    masks : (v, W) int64
        The models.
    slots : (s,) int64
        Where they are found again (`mse.kernels.modelstore.Store`).
    fits : (v, 3) float64
        Laplace log evidence, mode of log expected n_0 and its variance.
    values : (v,) float64
        Log prior + log evidence; −∞ for a model without a maximum.
    followed : (v,) bool
        Whether all neighbours have been fitted as well.
    """

    masks: Integers
    slots: Integers
    fits: Array
    values: Array
    followed: Flags

    def rows(self, masks: Integers) -> Integers:
        """Return the row of each model, (m,); −1 for those that were not visited."""
        from mse.kernels.modelstore import Store, rows_of

        return rows_of(Store(self.slots, self.masks), masks)


def nothing(space: Space) -> Visited:
    """Return no models."""
    masks = np.empty((0, space.facets.shape[1]), np.int64)
    return Visited(masks, np.full(16, -1, np.int64), np.empty((0, 3)), np.empty(0), np.empty(0, bool))


def added(space: Space, visited: Visited, masks: Integers, fits: Array) -> Visited:
    """Return the visited models, and after them others, which are distinct and not among them."""
    from mse.kernels.modelstore import index_models

    every = np.concatenate([visited.masks, masks])
    values = values_of(space, masks, fits)
    return Visited(
        every,
        index_models(visited.slots, every, len(visited.masks)).slots,
        np.concatenate([visited.fits, fits]),
        np.concatenate([visited.values, values]),
        np.concatenate([visited.followed, np.zeros(len(masks), dtype=bool)]),
    )


def values_of(space: Space, masks: Integers, fits: Array) -> Array:
    """Return log prior + log evidence of fitted models, (m,)."""
    values = fits[:, 0] + space.log_prior[np.bitwise_count(masks).sum(axis=1)]
    return np.where(np.isnan(values), -np.inf, values)


def search(space: Space, effort: Effort, seed: int, compute: Compute) -> Visited:
    """Fit the models near the best ones.

    Parameters
    ----------
    space : Space
        Models and table.
    effort : Effort
        How far.
    seed : int
        Of the random models among those from which the search starts.
    compute : Compute
        Workers, progress, and a folder for finished parts.
    """
    starts = starting_models(space, effort.starts, np.random.default_rng([seed, 3, round(space.sd * 1e6)]))
    starts = np.unique(starts, axis=0)
    visited = added(space, nothing(space), starts, space.family.fit(starts, space.sd))
    quiet = replace(compute, progress=silent)
    climbers = list(range(len(starts)))
    while climbers:
        visited = _followed(space, visited, np.array(climbers), effort, quiet)
        best = {_best_near(space, visited, row) for row in climbers}
        climbers = sorted(row for row in best if not visited.followed[row])
    return follow(space, visited, effort, compute)


def follow(space: Space, visited: Visited, effort: Effort, compute: Compute) -> Visited:
    """Fit neighbours of the models in the window, the heaviest first; parameters as in `search`."""
    quiet, what, most = replace(compute, progress=silent), said("stage.searching"), effort.most
    compute.progress(what, 0, most)
    while len(visited.masks) < most:
        compute.progress(what, max(1, min(len(visited.masks), most - 1)), most)
        limit = visited.values.max() + math.log(effort.window)
        open_now = np.flatnonzero(~visited.followed & (visited.values >= limit))
        if not len(open_now):
            break
        if len(open_now) > WAVE:
            open_now = np.sort(open_now[np.argpartition(-visited.values[open_now], WAVE)[:WAVE]])
        visited = _followed(space, visited, open_now, effort, quiet)
    compute.progress(what, most, most)
    return visited


def starting_models(space: Space, number: int, rng: np.random.Generator) -> Integers:
    """Return models far apart, (number, W): main effects only, all terms, and random ones."""
    from mse.kernels.modelstore import covers, flip

    c, words = space.facets.shape
    found = np.zeros((number, words), np.int64)
    for k, mask in enumerate(found[1:]):
        wanted = np.ones(c, dtype=bool) if k == 0 else rng.random(c) < rng.random()
        for i in np.flatnonzero(wanted).tolist():
            if covers(mask, space.facets[i]):
                flip(mask, i)
    return found


def _best_near(space: Space, visited: Visited, row: int) -> int:
    """Return the row of the heaviest of a model and its neighbours, all of which were visited."""
    from mse.kernels.modelstore import changes, flip

    mask, c = visited.masks[row], len(space.facets)
    which = np.flatnonzero(held(changes(space.facets, mask)[None], c)[0])
    near = np.tile(mask, (len(which) + 1, 1))
    for child, i in zip(near, which.tolist(), strict=False):
        flip(child, i)
    rows = visited.rows(near)
    return int(rows[np.argmax(visited.values[rows])])


def _followed(space: Space, visited: Visited, rows: Integers, effort: Effort, compute: Compute) -> Visited:
    """Fit all neighbours of the visited models in these rows."""
    from mse.kernels.modelstore import Store, fresh_neighbours

    parents, followed = visited.masks[rows], visited.followed.copy()
    followed[rows] = True
    visited = replace(visited, followed=followed)
    flips, children = fresh_neighbours(space.facets, Store(visited.slots, visited.masks), parents)
    if not len(children):
        return visited
    with_some = flips.any(axis=1)
    parents, flips = parents[with_some], flips[with_some]
    reached = np.cumsum(np.bitwise_count(flips).sum(axis=1))
    ends = np.searchsorted(reached, np.arange(effort.chunk, len(children), effort.chunk)) + 1
    tasks = [(parents[a:b], flips[a:b]) for a, b in pairwise(np.unique([0, *ends, len(parents)]).tolist())]
    task = partial(_near, space)
    found = compute.spread(said("stage.neighbours"), task, tasks, threads=True)
    return added(space, visited, children, np.concatenate([fits for (fits,) in found]))


def _near(space: Space, task: tuple[Integers, Integers]) -> tuple[Array]:
    """Fit the neighbours in one task: models, and for each which candidates to change."""
    return (space.family.fit_near(*task, space.sd),)
