"""The law of the log unseen under one log-linear model with all its terms shrunk.

The unseen are e^x, x = η_0 = Σβ = 1ᵀβ. Their law is not taken as normal: for every x on a ladder of nodes F is
minimised under 1ᵀβ = x, and Laplace's formula sums out the rest (Tierney & Kadane 1986),

    log p(x, n) = −F(β_x) − ½ log|H_x| − ½ log 1ᵀH_x⁻¹1 − log normaliser of the prior + (p − 1)/2 · log 2π.

The path β_x is followed by its tangent H⁻¹1 / 1ᵀH⁻¹1, so that a node takes one or two factorisations.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.shrinking import Counted, Shrinkage, descend, fit_shrunk

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_NODES = 40
"""Nodes of one law at most."""


class Ladder(NamedTuple):
    """The law of x = η_0 at nodes.

    Attributes
    ----------
    nodes : (m,) float64
        Ascending.
    log_density : (m,) float64
        log p(x, n) of each, without −Σ ln n_ω!.
    modes : (m, p) float64
        β_x.
    failed : bool
        Whether a step found no way down.
    """

    nodes: Array
    log_density: Array
    modes: Array
    failed: bool


@compiled
def ladder(
    seen: Counted, terms: Integers, prior: Shrinkage, mode: Array, sd: float, spacing: float, depth: float,
    tolerance: float,
) -> Ladder:  # fmt: skip
    """Follow the law of x = η_0 from its mode to both sides.

    Parameters
    ----------
    seen, terms, prior
        As in `fit_shrunk`.
    mode : (p,) float64
        The mode of all coefficients.
    sd : float
        Standard deviation of η_0 there, by which nodes are spaced.
    spacing : float
        Distance of the nodes, in `sd`.
    depth : float
        Stop where the log density is so far below its highest.
    tolerance : float
        As in `fit_shrunk`.

    Returns
    -------
    Ladder
        See there.
    """
    p = terms.shape[0]
    h = np.empty((p, p))
    tangent = np.empty(p)
    before = np.empty(p)
    beta = np.empty(p)
    work = np.empty((4, seen.counts.shape[0]))
    half = MOST_NODES // 2
    nodes = np.empty(2 * half + 1)
    density = np.empty(2 * half + 1)
    modes = np.empty((2 * half + 1, p))
    constant = 0.5 * (p - 1) * math.log(2.0 * math.pi) - prior.log_normaliser
    step = spacing * sd
    highest = -math.inf
    ends = np.array([half, half])
    failed = False
    for side in range(2):
        sign = 2.0 * side - 1.0
        beta[:] = mode
        known = False
        for away in range(half + 1):
            at = half + int(sign) * away
            if away > 0:
                # two points' tangents: the path bends, and one or two factorisations are to do
                for i in range(p):
                    slope = 1.5 * tangent[i] - 0.5 * before[i] if known else tangent[i]
                    before[i] = tangent[i]
                    beta[i] += sign * step * slope
                known = True
            if away == 0 and side == 1:
                # the mode is known from the other side, all but its tangent
                value, log_determinant, variance, astray = descend(
                    seen, terms, prior, beta, True, math.inf, h, tangent, work
                )
            else:
                value, log_determinant, variance, astray = descend(
                    seen, terms, prior, beta, True, tolerance, h, tangent, work
                )
                nodes[at] = beta.sum()
                density[at] = constant - value - 0.5 * log_determinant - 0.5 * math.log(variance)
                modes[at] = beta
            failed = failed or astray
            if astray:
                break
            for i in range(p):
                tangent[i] /= variance
            ends[side] = at
            highest = max(highest, density[at])
            if density[at] < highest - depth:
                break
    low, high = ends[0], ends[1] + 1
    return Ladder(nodes[low:high].copy(), density[low:high].copy(), modes[low:high].copy(), failed)


class Laws(NamedTuple):
    """The law of x = η_0 under every prior of a grid; G priors, M nodes at most.

    Attributes
    ----------
    log_evidence : (G,) float64
        Laplace's, without −Σ ln n_ω!; NaN where Newton's method failed.
    mode, variance : (G,) float64
        η_0 at the mode of all coefficients, and its variance.
    length : (G,) int64
        Nodes; 0 where the evidence is so low that the law was left out.
    nodes, log_density : (G, M) float64
        As in `Ladder`.
    failed : (G,) bool
        As in `Ladder`.
    """

    log_evidence: Array
    mode: Array
    variance: Array
    length: Integers
    nodes: Array
    log_density: Array
    failed: NDArray[np.bool_]


@compiled
def laws_on_grid(
    seen: Counted, terms: Integers, first: int, last: int, precision: Array, common: Array, log_normaliser: Array,
    log_prior: Array, negligible: float, spacing: float, depth: float, tolerance: float,
) -> Laws:  # fmt: skip
    """Return the law of η_0 under every prior of a grid.

    Parameters
    ----------
    seen, terms
        As in `fit_shrunk`.
    first, last : int
        As in `Shrinkage`.
    precision : (G, p) float64
        As in `Shrinkage`; neighbouring rows should be alike, as each mode is looked for from the one before.
    common, log_normaliser, log_prior : (G,) float64
        As in `Shrinkage`, and the log of the weight of each prior.
    negligible : float
        Priors whose log weight times evidence is so far below the highest get no law.
    spacing, depth, tolerance : float
        As in `ladder`.

    Returns
    -------
    Laws
        See there.
    """
    grid, p = precision.shape
    evidence = np.empty(grid)
    mode = np.empty(grid)
    variance = np.empty(grid)
    modes = np.empty((grid, p))
    length = np.zeros(grid, np.int64)
    nodes = np.zeros((grid, MOST_NODES + 1))
    density = np.zeros((grid, MOST_NODES + 1))
    failed = np.zeros(grid, np.bool_)
    start = np.zeros(p)
    total = 0.0
    cells = 0.0
    for cell in range(1, seen.counts.shape[0]):
        if seen.cells[cell] > 0.0:
            total += max(seen.counts[cell], seen.bounds[cell])
            cells += 1.0
    start[0] = math.log((total + 0.5) / max(cells, 1.0))
    highest = -math.inf
    for g in range(grid):
        prior = Shrinkage(precision[g], common[g], first, last, log_normaliser[g])
        beta, mode[g], variance[g], evidence[g], astray = fit_shrunk(seen, terms, prior, start, tolerance)
        modes[g] = beta
        failed[g] = astray
        if astray:
            evidence[g] = math.nan
        else:
            start[:] = beta
            highest = max(highest, evidence[g] + log_prior[g])
    for g in range(grid):
        if not failed[g] and evidence[g] + log_prior[g] >= highest - negligible:
            prior = Shrinkage(precision[g], common[g], first, last, log_normaliser[g])
            found = ladder(seen, terms, prior, modes[g], math.sqrt(variance[g]), spacing, depth, tolerance)
            length[g] = found.nodes.shape[0]
            nodes[g, : length[g]] = found.nodes
            density[g, : length[g]] = found.log_density
            failed[g] = found.failed
    return Laws(evidence, mode, variance, length, nodes, density, failed)
