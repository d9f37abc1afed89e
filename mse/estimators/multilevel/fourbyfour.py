"""Arrays as the kernel of the multilevel model takes them: strata four by four, and what tables say of each effect."""

from __future__ import annotations

import numpy as np

from mse.kernels.arrays import Array
from mse.kernels.lanes import LANES
from mse.kernels.multilevel_model import (
    AREA,
    BREAKS,
    LIST,
    LIST_MEAN,
    LIST_REST,
    PAIR,
    PAIR_MEAN,
    PAIR_REST,
    SIZE,
    SIZE_MEAN,
    SIZE_REST,
    Effects,
    Multilevel,
)
from mse.kernels.stratumcells import Rows

BROAD = 0.125
"""Columns with values in a larger share of the strata are broad."""
OWN_INFORMATION = 25.0
"""About what tables say of a pair's own log odds ratio: an error of 0.2."""


def four_by_four(columns: Array, first: float = 0.0) -> Array:
    """Return numbers of strata, (S, W), as (4 W ceil(S / 4),): four strata of the first column, of the second, ….

    Strata beyond the last have `first` in the first column and 0 in all others.
    """
    strata, width = columns.shape
    fours = -(-strata // LANES)
    padded = np.zeros((fours * LANES, width))
    padded[strata:, :1] = first
    padded[:strata] = columns
    return padded.reshape(fours, LANES, width).transpose(0, 2, 1).ravel()


def effects_of(matrix: Array) -> Effects:
    """Return a design, (S, P), as the kernel takes it."""
    broad = (matrix != 0).mean(axis=0) > BROAD
    rows, at = np.nonzero(np.where(broad, 0.0, matrix))
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))]).astype(np.int64)
    narrow = Rows(starts, at.astype(np.int64), matrix[rows, at])
    return Effects(np.flatnonzero(broad), four_by_four(matrix[:, broad]), narrow)


def matrix_of(design: Effects, columns: int) -> Array:
    """Return a design as a matrix, (S, P)."""
    rows = design.narrow
    out = np.zeros((rows.starts.size - 1, columns))
    out[np.repeat(np.arange(len(out)), np.diff(rows.starts)), rows.columns] = rows.values
    fours, broad = -(-len(out) // LANES), design.broad.size
    values = design.values.reshape(fours, broad, LANES).transpose(0, 2, 1).reshape(fours * LANES, broad)
    out[:, design.broad] = values[: len(out)]
    return out


def persons_of_terms(counts: Array, n_lists: int) -> Array:
    """Return the persons of each stratum: all, those on list j, those on both of (1,0), (2,0), …; (S, 1 + K + Q)."""
    on = (np.arange(counts.shape[1])[:, None] >> np.arange(n_lists)) & 1
    both = [on[:, i] * on[:, j] for j in range(n_lists) for i in range(j)]
    out: Array = counts @ np.column_stack([np.ones(len(on)), on, *both])
    return out


def with_scales(model: Multilevel, persons: Array) -> Multilevel:
    """Return the model with its runs of parameters of one scale, and about what tables say of every effect.

    Parameters
    ----------
    model : Multilevel
        With everything else.
    persons : float64 array, shape (S,)
        About how many are known in each stratum.
    """
    at, n = model.starts, model.n_scales
    k = model.rotation.shape[0]
    terms = persons_of_terms(model.counts, k)
    on, both = terms[:, 1 : 1 + k], terms[:, 1 + k :]
    several = model.counts @ (np.bitwise_count(np.arange(model.counts.shape[1])) > 1)
    # the first coordinate moves all lists together: only persons on several of them tell of it
    lists = on @ model.rotation**2
    lists[:, 0] = several / k
    rest = model.rest_scale
    places, information = np.full(at[-1], -1), np.zeros(at[-1])
    for block, scale, told in (
        (SIZE_MEAN, n, 0.0),
        (SIZE, model.size_scale, matrix_of(model.size, model.size_scale.size).T ** 2 @ persons),
        (SIZE_REST, rest[0], persons),
        (LIST_MEAN, n, 0.0),
        (LIST, np.repeat(model.list_scale, k), (matrix_of(model.lists, model.list_scale.size).T ** 2 @ lists).ravel()),
        (LIST_REST, rest[1], lists.ravel()),
        (BREAKS, n, 0.0),
        (PAIR, np.repeat(model.pair_scale, both.shape[1]),
         (matrix_of(model.pairs, model.pair_scale.size).T ** 2 @ both).ravel()),
        (PAIR_REST, rest[2], both.sum(axis=1)),
    ):  # fmt: skip
        places[at[block] : at[block + 1]] = scale
        information[at[block] : at[block + 1]] = told
    information[places == n] = 0.0
    information[at[PAIR_MEAN] : at[PAIR]] = OWN_INFORMATION
    if model.area_variances.size:
        by_area = np.bincount(model.area, weights=persons, minlength=model.area_variances.size)
        information[at[AREA] :] = model.area_basis**2 @ by_area
    ends = np.flatnonzero(np.diff(places)) + 1
    firsts, lasts = np.concatenate([[0], ends]), np.concatenate([ends, [at[-1]]])
    runs = np.stack([firsts, lasts, places[firsts]], axis=1)[places[firsts] >= 0]
    return model._replace(runs=runs, information=information, scores=np.zeros(at[-1]))
