"""The cells of a table of lists by covariates: their design, what is known of each, and the E step."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.censoring import bounded
from mse.kernels.compiled import compiled


class Rows(NamedTuple):
    """A design by its non-zero entries.

    Attributes
    ----------
    starts : (R+1,) int64
        Entries ``starts[g]`` to ``starts[g+1]`` are those of cell g.
    columns : (E,) int64
        Column of each entry, ascending within a row.
    values : (E,) float64
        Value of each entry.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]


class Seen(NamedTuple):
    """What is known of each cell.

    Attributes
    ----------
    open : (R,) float64
        1 where the cell takes part in the likelihood, bounded cells included; 0 where it is hidden or impossible.
    counts : (R,) float64
        Persons who are known to be in the cell; 0 in hidden and bounded ones.
    bounds : (R,) float64
        Largest possible count of a bounded cell; −1 for all others.
    pool_starts : (C+1,) int64
        Entries of `pool_cells` that make up each pool.
    pool_cells : (M,) int64
        Cells of the pools.
    pool_counts : (C,) float64
        Persons in each pool.
    """

    open: NDArray[np.float64]
    counts: NDArray[np.float64]
    bounds: NDArray[np.float64]
    pool_starts: NDArray[np.int64]
    pool_cells: NDArray[np.int64]
    pool_counts: NDArray[np.float64]


@compiled
def log_means(rows: Rows, beta: NDArray[np.float64], eta: NDArray[np.float64]) -> None:
    """Write Xβ into `eta`, (R,)."""
    for g in range(eta.shape[0]):
        total = 0.0
        for e in range(rows.starts[g], rows.starts[g + 1]):
            total += rows.values[e] * beta[rows.columns[e]]
        eta[g] = total


@compiled
def expected_counts(seen: Seen, eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return E(count | what is known) of every open cell, (R,): the E step; 0 where a cell is not open."""
    out = np.zeros(eta.shape[0])
    for g in range(eta.shape[0]):
        if seen.open[g] > 0.0:
            if seen.bounds[g] >= 0.0:
                out[g] = math.exp(eta[g]) + bounded(seen.bounds[g], eta[g])[1]
            else:
                out[g] = seen.counts[g]
    for c in range(seen.pool_counts.shape[0]):
        total = 0.0
        for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
            total += math.exp(eta[seen.pool_cells[m]])
        for m in range(seen.pool_starts[c], seen.pool_starts[c + 1]):
            g = seen.pool_cells[m]
            out[g] += seen.pool_counts[c] * math.exp(eta[g]) / total
    return out
