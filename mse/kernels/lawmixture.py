"""Mixtures of laws that are known at nodes of their own, all laws of a table in one call (`mse.kernels.lawgrid`)."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.lawgrid import FEWEST_NODES, add_law, log_integral

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_POINTS = 200_000
"""Points of a grid at most."""


@compiled
def mixed_laws(
    nodes: Array, log_density: Array, ends: Integers, variance: Array, log_weight: Array, step: float, share: float
) -> tuple[Array, Array]:
    """Return an equally spaced grid and the mass there of the mixture of laws.

    Parameters
    ----------
    nodes, log_density : (T,) float64
        Nodes of all laws, one after the other, and the log density there.
    ends : (G,) int64
        Where each law ends; one of fewer than `FEWEST_NODES` nodes is left out.
    variance : (G,) float64
        Of each law.
    log_weight : (G,) float64
        Log of what its density is multiplied by; minus infinity leaves it out.
    step : float
        Spacing of the grid at most.
    share : float
        The same, in the smallest standard deviation.
    """
    low = np.inf
    high = -np.inf
    narrow = np.inf
    top = -np.inf
    start = 0
    for g in range(ends.shape[0]):
        if ends[g] - start >= FEWEST_NODES and log_weight[g] > -np.inf:
            low = min(low, nodes[start])
            high = max(high, nodes[ends[g] - 1])
            narrow = min(narrow, variance[g])
            top = max(top, log_density[start : ends[g]].max() + log_weight[g])
        start = ends[g]
    step = max(min(step, share * math.sqrt(narrow)), (high - low) / MOST_POINTS)
    x = low + step * np.arange(int((high - low) / step) + 2).astype(np.float64)
    mass = np.zeros(x.shape[0])
    start = 0
    for g in range(ends.shape[0]):
        if ends[g] - start >= FEWEST_NODES and log_weight[g] > -np.inf:
            add_law(mass, low, step, nodes[start : ends[g]], log_density[start : ends[g]], log_weight[g] - top)
        start = ends[g]
    return x, mass


@compiled
def mixed_quantile(
    q: float, nodes: Array, log_density: Array, ends: Integers, variance: Array, log_weight: Array, step: float,
    share: float,
) -> float:  # fmt: skip
    """Return the point below which a share q of a mixture of laws lies; other arguments as in `mixed_laws`."""
    x, mass = mixed_laws(nodes, log_density, ends, variance, log_weight, step, share)
    wanted = q * mass.sum()
    below = 0.0
    before = 0.0
    for i in range(x.shape[0]):
        # half of the mass of a point lies before it
        here = below + 0.5 * mass[i]
        if here >= wanted:
            return float(x[0] if i == 0 else x[i] - (x[i] - x[i - 1]) * (here - wanted) / (here - before))
        below += mass[i]
        before = here
    return float(x[x.shape[0] - 1])


@compiled
def integrals_of_laws(nodes: Array, log_densities: Array, ends: Integers, others: Array) -> Array:
    """Return `log_integral` of the laws under each of B log densities, (B, T), and `others`, (G,), of too few nodes.

    The result is (B, G); other arrays are as in `mixed_laws`.
    """
    out = np.empty((log_densities.shape[0], ends.shape[0]))
    for b in range(log_densities.shape[0]):
        start = 0
        for g in range(ends.shape[0]):
            out[b, g] = others[g]
            if ends[g] - start >= FEWEST_NODES:
                out[b, g] = log_integral(nodes[start : ends[g]], log_densities[b, start : ends[g]])
            start = ends[g]
    return out


class Flat(NamedTuple):
    """Laws of G points, one after the other; T nodes in all.

    Attributes
    ----------
    nodes, log_density : (T,) float64
        As in `shrunklaw.Laws`.
    rungs : (T, p) float64
        Likewise.
    ends : (G,) int64
        Where each law ends.
    log_evidence : (G,) float64
        What the densities integrate to; Laplace's of points with too few nodes, minus infinity of those that failed.
    """

    nodes: Array
    log_density: Array
    rungs: Array
    ends: Integers
    log_evidence: Array


@compiled
def flat_laws(nodes: Array, log_density: Array, rungs: Array, length: Integers, log_evidence: Array) -> Flat:
    """Return laws without the room between them, and their evidence; arguments as in `shrunklaw.Laws`."""
    grid, p = length.shape[0], rungs.shape[2]
    total = length.sum()
    found = Flat(np.empty(total), np.empty(total), np.empty((total, p)), np.empty(grid, np.int64), np.empty(grid))
    start = 0
    for g in range(grid):
        m = length[g]
        copy_to(found.nodes[start:], nodes[g, :m])
        copy_to(found.log_density[start:], log_density[g, :m])
        for i in range(m):
            copy_to(found.rungs[start + i], rungs[g, i])
        start += m
        found.ends[g] = start
        here = -math.inf if math.isnan(log_evidence[g]) else log_evidence[g]
        found.log_evidence[g] = log_integral(nodes[g, :m], log_density[g, :m]) if m >= FEWEST_NODES else here
    return found
