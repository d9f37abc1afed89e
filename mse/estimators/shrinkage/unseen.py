"""The law of the log expected unseen of one table under every point of the grid, and their mixture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import LOG_STEP
from mse.estimators.shrinkage.scales import Priors, ScaleGrid

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NEGLIGIBLE = 8.0
"""Points whose log posterior weight is so far below the highest get no law of their own."""
SPACING, DEPTH, TOLERANCE = 1.5, 11.0, 1e-4
"""Distance of the nodes in standard deviations, log density at which they end, and what a fit may still miss.

Quantiles of log n_0 move by 0.003 at most when all four are made much finer.
"""


@dataclass(frozen=True, slots=True, eq=False)
class UnseenLaws:
    """The law of x = log expected unseen under every point of the grid.

    Parameters
    ----------
    log_evidence : (G,) float64
        Log marginal likelihood without −Σ ln n_ω!; minus infinity for points that have none.
    mode, variance : (G,) float64
        Of η_0, at the mode of all coefficients.
    nodes, log_density : tuple of G arrays
        Nodes and log p(x, n) there; empty for points that do not matter.
    failed : int
        Points at which no mode was found.
    """

    log_evidence: Array
    mode: Array
    variance: Array
    nodes: tuple[Array, ...]
    log_density: tuple[Array, ...]
    failed: int


def unseen_laws(
    counts: Array, cells: Array, bounds: Array, priors: Priors, grid: ScaleGrid, negligible: float = NEGLIGIBLE
) -> UnseenLaws:
    """Return the laws of one table, each integrated to its evidence.

    Parameters
    ----------
    counts, cells, bounds : (2**K,) float64
        As in `kernels.shrinking.Counted`.
    priors : Priors
        Terms and their priors.
    grid : ScaleGrid
        The points, with their weights.
    negligible : float
        See `NEGLIGIBLE`.
    """
    from mse.kernels.shrinking import Counted, laws_on_grid

    found = laws_on_grid(
        Counted(counts, cells, bounds), priors.terms, priors.first, priors.last, priors.precision, priors.common,
        priors.log_normaliser, grid.log_prior, negligible, SPACING, DEPTH, TOLERANCE,
    )  # fmt: skip
    nodes = tuple(found.nodes[g, :m].copy() for g, m in enumerate(found.length))
    density = tuple(found.log_density[g, :m].copy() for g, m in enumerate(found.length))
    evidence = np.where(np.isnan(found.log_evidence), -math.inf, found.log_evidence)
    for g, m in enumerate(found.length):
        if m > 3:
            x = np.linspace(nodes[g][0], nodes[g][-1], 20 * m)
            evidence[g] = _log_sum(_between(nodes[g], density[g], x)) + math.log(x[1] - x[0])
    return UnseenLaws(evidence, found.mode, found.variance, nodes, density, int(found.failed.sum()))


def mixture(laws: UnseenLaws, log_weight: Array) -> tuple[Array, Array]:
    """Return an equally spaced grid of x and the mass there of the mixture of the laws.

    Parameters
    ----------
    laws : UnseenLaws
        Under each point.
    log_weight : (G,) float64
        Log of what each density p(x, n) is multiplied by.
    """
    used = [g for g, at in enumerate(laws.nodes) if len(at) > 3]
    low, high = min(laws.nodes[g][0] for g in used), max(laws.nodes[g][-1] for g in used)
    narrow = 0.25 * math.sqrt(min(float(laws.variance[g]) for g in used))
    step = max(min(LOG_STEP, narrow), (high - low) / 200_000)
    x = low + step * np.arange(int((high - low) / step) + 2, dtype=np.float64)
    mass = np.zeros(len(x))
    top = max(float(laws.log_density[g].max() + log_weight[g]) for g in used)
    for g in used:
        inside = slice(*np.searchsorted(x, [laws.nodes[g][0], laws.nodes[g][-1]]))
        mass[inside] += np.exp(_between(laws.nodes[g], laws.log_density[g], x[inside]) + log_weight[g] - top)
    return x, mass


def _between(nodes: Array, log_density: Array, x: Array) -> Array:
    """Return the log density between its nodes, by a cubic spline."""
    from scipy.interpolate import CubicSpline

    out: Array = CubicSpline(nodes, log_density)(x)
    return out


def _log_sum(x: Array) -> float:
    """Return log Σ exp x."""
    top = float(x.max())
    return top + math.log(float(np.exp(x - top).sum()))
