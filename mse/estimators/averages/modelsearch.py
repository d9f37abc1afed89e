"""A search through hierarchical models that are too many to list, and an estimate of what it has not seen.

The search is mode-oriented (Dobra & Massam 2010, Statistical Methodology 7:240): from starts far apart it climbs to
local modes, then fits all neighbours of every model in a window below the best, heaviest models first. What it missed
is estimated, not assumed: Metropolis walks over models (MC³, Madigan & York 1995), made after the set of visited models
is fixed and from starts far apart, spend in it the share of their time that is its share of the probability. Models of
weight that a first set of walks finds outside are added and searched around; a second, fresh set gives the estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mse.computing.convergence import WARM_UP, time_inside
from mse.computing.parallel import Compute, silent
from mse.kernels.enumeration import facet_masks
from mse.tables.captures import DenseCells

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WAVE = 4096
"""Models whose neighbours are fitted in one wave."""

CHUNK = 512
"""Neighbours in one task, about."""

STARTS = 8
"""Models from which the search climbs."""

CHAINS = 4
"""Walks in a set."""

STEPS = 20_000
"""Steps of a walk before the walks are compared."""

SEGMENTS = 8
"""So many times the walks are made longer at most, until they agree."""

AGREED, ENOUGH = 1.01, 400.0
"""Largest R-hat and smallest effective number of steps at which walks are long enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """What models are over, and what they are fitted to.

    Parameters
    ----------
    dense : DenseCells
        The table.
    candidates, facets : (c,) int64
        Terms, and what must be in a model before each (`mse.kernels.enumeration.facet_masks`).
    log_prior : (c + 1,) float64
        Log prior of a model with 0, 1, … c candidate terms.
    sd : float
        Prior standard deviation of every coefficient.
    """

    dense: DenseCells
    candidates: Integers
    facets: Integers
    log_prior: Array
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class Visited:
    """Models that have been fitted.

    Parameters
    ----------
    masks : (v,) int64
        Ascending.
    fits : (v, 3) float64
        Laplace log evidence, mode of η_0 and its variance.
    values : (v,) float64
        Log prior + log evidence.
    followed : (v,) bool
        Whether all neighbours have been fitted as well.
    """

    masks: Integers
    fits: Array
    values: Array
    followed: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """What a set of walks says of the models that were visited before, and of the others.

    Parameters
    ----------
    share, error : float
        Share of the probability on the visited models, and its Monte Carlo standard error.
    rhat, effective : float
        Largest R-hat and smallest effective number of steps, over the log posterior and the mode of log n_0.
    outside : (m,) int64
        Models met outside, ascending.
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


def make_space(dense: DenseCells, candidates: Integers, log_prior: Array, sd: float) -> Space:
    """Return the space of all hierarchical models over these terms; parameters as in `Space`."""
    return Space(dense, candidates, facet_masks(candidates), log_prior, sd)


def search(space: Space, window: float, most: int, seed: int, compute: Compute) -> Visited:
    """Fit the models near the best ones.

    Parameters
    ----------
    space : Space
        Models and table.
    window : float
        Neighbours of models with less than this share of the best one's weight are not fitted.
    most : int
        Models to fit, about; when they are fewer than the window has, it is the heaviest that are followed.
    seed : int
        Of the random models among those from which the search starts.
    compute : Compute
        Workers, progress, and a folder for finished parts.
    """
    starts = starting_models(space, STARTS, np.random.default_rng([seed, 3, round(space.sd * 1e6)]))
    visited = _joined(space, _nothing(), starts, _fit(space, starts))
    quiet = replace(compute, progress=silent)
    climbers = set(starts.tolist())
    while climbers:
        at = np.searchsorted(visited.masks, np.array(sorted(climbers), dtype=np.int64))
        before = visited.masks[at]
        visited = _followed(space, visited, at, quiet)
        climbers = {
            best for mask in before.tolist() if (best := _best_near(space, visited, mask)) != mask
        } - set(visited.masks[visited.followed].tolist())  # fmt: skip
    return follow(space, visited, window, most, compute)


def follow(space: Space, visited: Visited, window: float, most: int, compute: Compute) -> Visited:
    """Fit neighbours of the models in the window, the heaviest first; parameters as in `search`."""
    quiet, what = replace(compute, progress=silent), "searching hierarchical models"
    compute.progress(what, 0, most)
    while len(visited.masks) < most:
        compute.progress(what, max(1, min(len(visited.masks), most - 1)), most)
        open_now = np.flatnonzero(~visited.followed & (visited.values >= visited.values.max() + math.log(window)))
        if not len(open_now):
            break
        if len(open_now) > WAVE:
            open_now = np.sort(open_now[np.argpartition(-visited.values[open_now], WAVE)[:WAVE]])
        visited = _followed(space, visited, open_now, quiet)
    compute.progress(what, most, most)
    return visited


def walk(space: Space, visited: Visited, stage: int, seed: int, compute: Compute) -> Walks:
    """Walk over models from starts far apart, until the walks agree or their length is used up.

    Parameters
    ----------
    space, visited
        The models, and those that were visited.
    stage : int
        Number of the set of walks, so that each has random numbers of its own.
    seed : int
        Of the walks.
    compute : Compute
        Workers, progress, and a folder for finished parts.
    """
    positions = starting_models(space, CHAINS, np.random.default_rng([seed, 4, stage, round(space.sd * 1e6)]))
    known, inside = visited, np.ones(len(visited.masks), dtype=bool)
    places = np.empty((CHAINS, 0), dtype=np.int64)
    for segment in range(SEGMENTS):
        task = partial(_walk, space, known.masks, known.values, (seed, 5, stage, round(space.sd * 1e6), segment))
        tasks = list(enumerate(positions.tolist()))
        found = list(compute.spread(f"walking over models, set {stage + 1}", task, tasks, threads=True))
        masks = np.concatenate([chunk[1] for chunk in found])
        met, first = np.unique(masks, return_index=True)
        grown = _joined(space, known, met, np.concatenate([chunk[2] for chunk in found])[first])
        kept = np.searchsorted(grown.masks, known.masks)
        now = np.zeros(len(grown.masks), dtype=bool)
        now[kept] = inside
        steps = np.stack([np.searchsorted(grown.masks, chunk[0]) for chunk in found])
        places = np.concatenate([kept[places], steps], axis=1)
        known, inside, positions = grown, now, grown.masks[steps[:, -1]]
        warm = places[:, int(WARM_UP * places.shape[1]) :]
        time = time_inside(inside[warm], (known.values[warm], known.fits[warm, 1]))
        if time.rhat <= AGREED and time.effective >= ENOUGH:
            break
    times = np.bincount(warm.ravel(), minlength=len(known.masks))
    return Walks(
        *time,
        known.masks[~inside], known.fits[~inside], times[~inside],
    )  # fmt: skip


def add(space: Space, visited: Visited, walks: Walks, window: float) -> Visited:
    """Return the visited models with those of the window that walks have found outside."""
    outside = _joined(space, _nothing(), walks.outside, walks.outside_fits)
    heavy = outside.values >= visited.values.max() + math.log(window)
    return _joined(space, visited, outside.masks[heavy], outside.fits[heavy])


def starting_models(space: Space, number: int, rng: np.random.Generator) -> Integers:
    """Return models far apart: main effects only, all terms, and random ones, shape (number,) or fewer."""
    found = [0, (1 << len(space.candidates)) - 1]
    while len(found) < number:
        mask = 0
        for i, wanted in enumerate(rng.random(len(space.candidates)) < rng.random()):
            if wanted and int(space.facets[i]) & ~mask == 0:
                mask |= 1 << i
        found.append(mask)
    return np.array(found, dtype=np.int64)


def _walk(space: Space, known: Integers, values: Array, stream: tuple[int, ...], task: tuple[int, int]) -> tuple[
    Integers, Integers, Array
]:  # fmt: skip
    """Make one walk, `task` its number and its start: the model after each step, and those fitted on the way."""
    from mse.kernels.modelwalks import walk_models

    number, start = task
    numbers = np.random.default_rng([*stream, number]).random((STEPS, 4))
    found = walk_models(
        *space.dense, space.candidates, space.facets, space.log_prior, space.sd**-2, known, values, start, numbers
    )
    outside = found.places < 0
    masks = np.empty(STEPS, dtype=np.int64)
    masks[~outside] = known[found.places[~outside]]
    masks[outside] = found.masks[-1 - found.places[outside]]
    return masks, found.masks, found.fits


def _nothing() -> Visited:
    """Return no models."""
    return Visited(np.empty(0, np.int64), np.empty((0, 3)), np.empty(0), np.empty(0, bool))


def _fit(space: Space, masks: Integers) -> Array:
    """Fit models one by one, (m, 3)."""
    from mse.kernels.batch import fit_models

    return fit_models(*space.dense, space.candidates, masks, space.sd**-2)


def _joined(space: Space, visited: Visited, masks: Integers, fits: Array) -> Visited:
    """Return the visited models with others, which are not among them, in order."""
    masks, first = np.unique(masks, return_index=True)
    fits = fits[first]
    values = fits[:, 0] + space.log_prior[np.bitwise_count(masks)]
    at = np.searchsorted(visited.masks, masks)
    return Visited(
        np.insert(visited.masks, at, masks),
        np.insert(visited.fits, at, fits, axis=0),
        np.insert(visited.values, at, np.where(np.isnan(values), -np.inf, values)),
        np.insert(visited.followed, at, False),
    )


def _changes(space: Space, masks: Integers) -> Flags:
    """Return which candidates may come or go one at a time, so that the model stays hierarchical, (m, c)."""
    bits = np.int64(1) << np.arange(len(space.candidates), dtype=np.int64)
    present = (masks[:, None] & bits) != 0
    addable = (space.facets & ~masks[:, None]) == 0
    needed = np.zeros(len(masks), dtype=np.int64)
    for i, facets in enumerate(space.facets):
        needed |= np.where(present[:, i], facets, 0)
    out: Flags = np.where(present, (needed[:, None] & bits) == 0, addable)
    return out


def _best_near(space: Space, visited: Visited, mask: int) -> int:
    """Return the heaviest of a model and its neighbours, all of which were visited."""
    bits = np.int64(1) << np.flatnonzero(_changes(space, np.array([mask]))[0])
    near = np.append(mask ^ bits, mask)
    return int(near[np.argmax(visited.values[np.searchsorted(visited.masks, near)])])


def _followed(space: Space, visited: Visited, at: Integers, compute: Compute) -> Visited:
    """Fit all neighbours of the visited models in rows `at`, ascending."""
    parents = visited.masks[at]
    changes = _changes(space, parents)
    bits = np.int64(1) << np.arange(len(space.candidates), dtype=np.int64)
    children = (parents[:, None] ^ bits)[changes]
    fresh, first = np.unique(children, return_index=True)
    place = np.searchsorted(visited.masks, fresh)
    is_new = visited.masks[np.minimum(place, len(visited.masks) - 1)] != fresh
    wanted = np.zeros(len(children), dtype=bool)
    wanted[first[is_new]] = True
    changes[changes] = wanted
    rows = np.flatnonzero(changes.any(axis=1))
    followed = visited.followed.copy()
    followed[at] = True
    visited = replace(visited, followed=followed)
    if not len(rows):
        return visited
    parents, changes = parents[rows], changes[rows]
    flips = (changes * bits).sum(axis=1)
    ends = np.searchsorted(np.cumsum(changes.sum(axis=1)), np.arange(CHUNK, int(changes.sum()), CHUNK)) + 1
    cuts = np.unique([0, *np.minimum(ends, len(parents)), len(parents)])
    tasks = [(parents[a:b], flips[a:b]) for a, b in pairwise(cuts.tolist())]
    task = partial(_near, space)
    fits = np.concatenate([chunk[0] for chunk in compute.spread("neighbouring models", task, tasks, threads=True)])
    return _joined(space, visited, (parents[:, None] ^ bits)[changes], fits)


def _near(space: Space, task: tuple[Integers, Integers]) -> tuple[Array]:
    """Fit the neighbours in one task: models, and for each which candidates to change."""
    from mse.kernels.neighbours import fit_neighbours

    return (fit_neighbours(*space.dense, space.candidates, space.sd**-2, *task),)
