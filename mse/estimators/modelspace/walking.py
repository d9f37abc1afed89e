"""What a search has missed: Metropolis walks over models, made when it is done.

Walks (MC³, Madigan & York 1995) from starts far apart, made after the set of visited models is fixed, spend in it the
share of their time that is its share of the probability. Models of weight that a first set of walks finds outside are
added and searched around; a second, fresh set gives the estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from mse.computing.convergence import EFFECTIVE, RHAT, WARM_UP, time_inside
from mse.computing.parallel import Compute
from mse.estimators.modelspace.modelfamilies import Space
from mse.estimators.modelspace.modelsearch import (
    Effort,
    Visited,
    added,
    follow,
    search,
    starting_models,
    values_of,
)
from mse.kernels.arrays import Array, Integers
from mse.words.said import said

CHAINS = 4
"""Walks in a set."""

FITTED_A_STEP = 8
"""Models that a step may fit, those ahead of it with its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """What a set of walks says of the models that were visited before, and of the others.

    Parameters
    ----------
    share, error : float
        Share of the probability on the visited models, and its Monte Carlo standard error.
    rhat, effective : float
        Largest R-hat and smallest effective number of steps, over the log posterior and the mode of log n_0.
    outside : (m, W) int64
        Models met outside.
    outside_fits : (m, 3) float64
        As in `Visited`.
    times : (m,) int64
        Steps after the warm-up that were spent in each.
    """

    share: float
    error: float
    rhat: float
    effective: float
    outside: Integers
    outside_fits: Array
    times: Integers


class Searched(NamedTuple):
    """What a search under one prior standard deviation came to."""

    space: Space
    visited: Visited
    walks: Walks


def explore(space: Space, effort: Effort, seed: int, compute: Compute) -> Searched:
    """Search, estimate what was missed, add what weighs, and estimate again from fresh walks.

    Parameters as in `mse.estimators.modelspace.modelsearch.search`.
    """
    visited = search(space, effort, seed, compute)
    walks = walk(space, visited, effort, 0, seed, compute)
    values = values_of(space, walks.outside, walks.outside_fits)
    heavy = values >= visited.values.max() + math.log(effort.window)
    if heavy.any():
        visited = added(space, visited, walks.outside[heavy], walks.outside_fits[heavy])
        visited = follow(space, visited, effort, compute)
        walks = walk(space, visited, effort, 1, seed, compute)
    return Searched(space, visited, walks)


def walk(space: Space, visited: Visited, effort: Effort, stage: int, seed: int, compute: Compute) -> Walks:
    """Walk over models from starts far apart, until the walks agree or their length is used up.

    Parameters
    ----------
    space, visited
        The models, and those that were visited.
    effort : Effort
        How long the walks are.
    stage : int
        Number of the set of walks, so that each has random numbers of its own.
    seed : int
        Of the walks.
    compute : Compute
        Workers, progress, and a folder for finished parts.
    """
    stream = (seed, 5, stage, round(space.sd * 1e6))
    positions = starting_models(space, CHAINS, np.random.default_rng([seed, 4, *stream[2:]]))
    known, places = visited, np.empty((CHAINS, 0), dtype=np.int64)
    for segment in range(effort.segments):
        task = partial(_walk, space, known.masks, known.slots, known.values, effort.steps, (*stream, segment))
        tasks = list(enumerate(positions))
        found = list(compute.spread(said("stage.walking", number=stage + 1), task, tasks, threads=True))
        met, first = np.unique(np.concatenate([masks for _, masks, _ in found]), axis=0, return_index=True)
        known = added(space, known, met, np.concatenate([fits for _, _, fits in found])[first])
        for at, masks, _ in found:
            at[at < 0] = known.rows(masks)[-1 - at[at < 0]]
        places = np.concatenate([places, np.stack([at for at, _, _ in found])], axis=1)
        positions = known.masks[places[:, -1]]
        warm = places[:, int(WARM_UP * places.shape[1]) :]
        time = time_inside(warm < len(visited.masks), (known.values[warm], known.fits[warm, 1]))
        if time.rhat <= RHAT and time.effective >= EFFECTIVE:
            break
    new = slice(len(visited.masks), None)
    times = np.bincount(warm.ravel(), minlength=len(known.masks))
    return Walks(*time, known.masks[new], known.fits[new], times[new])


def _walk(
    space: Space,
    masks: Integers,
    slots: Integers,
    values: Array,
    steps: int,
    stream: tuple[int, ...],
    task: tuple[int, Integers],
) -> tuple[Integers, Integers, Array]:
    """Make one walk, `task` its number and its start: the place after each step, and the models fitted on the way.

    A place is a row of the known models, whose `masks`, `slots` and `values` are given, or −1 − i for the i-th of
    those that were fitted on the way.
    """
    from mse.kernels.modelstore import Store, new_store, row_of
    from mse.kernels.modelwalks import Walk, put

    number, start = task
    numbers = np.random.default_rng([*stream, number]).random((steps, 4))
    most = FITTED_A_STEP * steps + 1
    walk = Walk(
        space.facets, space.log_prior, Store(slots, masks), new_store(np.empty((most, masks.shape[1]), np.int64)),
        values, np.empty(most), np.empty((most, 3)), np.empty(steps + 1, dtype=np.int64), numbers,
    )  # fmt: skip
    walk.places[0] = row_of(walk.known, start)
    fitted = int(walk.places[0] < 0)
    if fitted:
        put(walk, 0, start, space.family.fit(start[None], space.sd)[0])
    fitted = space.family.finish(walk, fitted, space.sd)
    return walk.places[1:], walk.own.masks[:fitted].copy(), walk.own_fits[:fitted].copy()
