"""Arrays as the kernel of the multilevel model takes them: strata four by four, and parameters that share a scale."""

from __future__ import annotations

import numpy as np

from mse.kernels.arrays import Array
from mse.kernels.lanes import LANES
from mse.kernels.multilevel_model import (
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


def with_scales(model: Multilevel) -> Multilevel:
    """Return the model with its runs of parameters of one scale; about what is known of them is said elsewhere."""
    at, n = model.starts, model.n_scales
    k, q = model.rotation.shape[0], at[PAIR] - at[PAIR_MEAN]
    rest = model.rest_scale
    places = np.full(at[-1], -1)
    for block, scale in (
        (SIZE_MEAN, n), (SIZE, model.size_scale), (SIZE_REST, rest[0]), (LIST_MEAN, n),
        (LIST, np.repeat(model.list_scale, k)), (LIST_REST, rest[1]), (BREAKS, n),
        (PAIR, np.repeat(model.pair_scale, q)), (PAIR_REST, rest[2]),
    ):  # fmt: skip
        places[at[block] : at[block + 1]] = scale
    ends = np.flatnonzero(np.diff(places)) + 1
    firsts, lasts = np.concatenate([[0], ends]), np.concatenate([ends, [at[-1]]])
    runs = np.stack([firsts, lasts, places[firsts]], axis=1)[places[firsts] >= 0]
    information = np.zeros(at[-1])
    information[at[PAIR_MEAN] : at[PAIR]] = OWN_INFORMATION
    return model._replace(runs=runs, information=information, scores=np.zeros(at[-1]))
