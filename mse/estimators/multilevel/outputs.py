"""From parameters to persons: draws of N of every stratum, and replicated overlaps to hold the model against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mse.estimators.multilevel.effects import Design
from mse.estimators.stratified.opencells import StrataCells
from mse.estimators.stratified.stratumdraws import truncated_poisson
from mse.kernels.arrays import Array, Integers
from mse.kernels.multilevel_cells import cell_means

BATCH = 100
"""Draws that are turned into persons at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Persons:
    """What the draws of the parameters imply; D draws, S strata, T moments, K lists, Q pairs, C = 2**K cells.

    Parameters
    ----------
    N : int64 array, shape (D, S)
        Persons in every stratum.
    members : int64 array, shape (D,)
        Persons of bounded cells who belong to the population.
    log_size : float64 array, shape (D, S)
        Log expected sizes.
    lists : float64 array, shape (D, K)
        List effects (log-odds given no other list), average over strata.
    pairs : float64 array, shape (D, Q)
        Log odds ratios, average over strata.
    observed, expected : float64 arrays, shape (D, T, C)
        Persons in open cells by moment, with pools and bounds filled in by the draw; and their expectation.
    """

    N: Integers
    members: Integers
    log_size: Array
    lists: Array
    pairs: Array
    observed: Array
    expected: Array


def draw_persons(design: Design, x: Array, rng: np.random.Generator) -> Persons:
    """Return the persons under every draw of the parameters, x (D, P).

    Unseen persons are Poisson around their mean, those of a bounded cell Poisson cut off at the bound, and those of a
    pool (a label or a list is missing) multinomial.
    """
    k = design.cells.table.n_lists
    batches = [_batch(design, x[first : first + BATCH], rng) for first in range(0, len(x), BATCH)]
    N, members, log_size, terms, observed, expected = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return Persons(N, members, log_size, terms[:, :k], terms[:, k:], observed, expected)


def _batch(design: Design, x: Array, rng: np.random.Generator) -> tuple[Integers, Integers, Array, Array, Array, Array]:
    cells, model = design.cells, design.model
    s, c = model.possible.shape
    d, k = len(x), cells.table.n_lists
    log_size, means, terms = np.empty((d, s)), np.empty((d, s, c)), np.empty((d, s, k * (k + 1) // 2))
    cell_means(model, np.ascontiguousarray(x), log_size, means, terms)
    hidden = rng.poisson((means * (model.possible * (1.0 - model.open))).sum(axis=2))
    flat = means.reshape(d, s * c)
    filled = np.broadcast_to(model.counts.reshape(-1), (d, s * c)).copy()
    limited = truncated_poisson(flat[:, model.limited], model.bounds, rng)
    filled[:, model.limited] = limited
    N = cells.certain + hidden + _by_stratum(limited, model.limited // c, s)
    for p, count in enumerate(model.pool_counts):
        at = model.pool_cells[model.pool_starts[p] : model.pool_starts[p + 1]]
        if count:
            shares = flat[:, at] / flat[:, at].sum(axis=1, keepdims=True)
            placed = rng.multinomial(int(count), shares)
            filled[:, at] += placed
            if np.ptp(at // c):
                N += _by_stratum(placed, at // c, s)
    moment = moments(cells, design.time)
    into = np.zeros((int(moment.max()) + 1, s))
    into[moment, np.arange(s)] = 1.0
    observed = np.einsum("ts,dsc->dtc", into, filled.reshape(d, s, c) * model.open)
    expected = np.einsum("ts,dsc->dtc", into, means * model.open)
    return N, limited.sum(axis=1), log_size, terms.mean(axis=1), observed, expected


def moments(cells: StrataCells, time: str | None) -> Integers:
    """Return the place in time of every stratum, 0 without time: shape (S,)."""
    index = np.indices([len(x) for x in cells.dimensions.values()]).reshape(-1, cells.n_strata)
    out = index[list(cells.dimensions).index(time)] if time is not None else np.zeros(cells.n_strata)
    return np.asarray(out, dtype=np.int64)


def _by_stratum(persons: Integers, stratum: Integers, n_strata: int) -> Integers:
    into = np.zeros((stratum.size, n_strata), dtype=np.int64)
    into[np.arange(stratum.size), stratum] = 1
    out: Integers = persons.astype(np.int64) @ into
    return out
