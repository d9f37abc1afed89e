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
from mse.kernels.elimination import LARGEST
from mse.kernels.shrinking import Counted, Shrinkage, descend
from mse.kernels.shrunklanes import MOST_NODES, climb_in_lanes, modes_in_lanes

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_NOTHING = 20.0
"""Log of how much less than the heaviest a point weighs that is left out, whatever else: 2e-9, for all of them 1e-7."""


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
    room = _make_room(p, seen.counts.shape[0])
    centre = mode.copy()
    value, log_determinant, variance, _along, failed = descend(
        seen, terms, prior, centre, True, tolerance, room.h, room.tangent, room.work
    )  # fmt: skip
    if failed:
        return Ladder(np.empty(0), np.empty(0), np.empty((0, p)), True)
    tangent = room.tangent / variance
    density = _log_density(p, prior, value, log_determinant, variance)
    return _climb(seen, terms, prior, centre, tangent, density, spacing * sd, depth, tolerance, room)


class Room(NamedTuple):
    """Scratch of a descent: (p, p), (p,) and (4, 2^K)."""

    h: Array
    tangent: Array
    work: Array


@compiled
def _make_room(p: int, size: int) -> Room:
    return Room(np.empty((p, p)), np.empty(p), np.empty((4, size)))


@compiled
def _log_density(p: int, prior: Shrinkage, value: float, log_determinant: float, variance: float) -> float:
    """Return log p(x, n) by Laplace's formula."""
    constant = 0.5 * (p - 1) * math.log(2.0 * math.pi) - prior.log_normaliser
    return constant - value - 0.5 * log_determinant - 0.5 * math.log(variance)


@compiled
def _climb(
    seen: Counted, terms: Integers, prior: Shrinkage, centre: Array, start: Array, central: float, step: float,
    depth: float, tolerance: float, room: Room,
) -> Ladder:  # fmt: skip
    """Follow the law to both sides of a node that is known: its β, the tangent of the path there, and log density."""
    p = terms.shape[0]
    tangent = np.empty(p)
    before = np.empty(p)
    beta = np.empty(p)
    half = MOST_NODES // 2
    nodes = np.empty(2 * half + 1)
    density = np.empty(2 * half + 1)
    modes = np.empty((2 * half + 1, p))
    nodes[half] = centre.sum()
    density[half] = central
    modes[half] = centre
    highest = central
    ends = np.array([half, half])
    failed = False
    for side in range(2):
        sign = 2.0 * side - 1.0
        beta[:] = centre
        tangent[:] = start
        for away in range(1, half + 1):
            at = half + int(sign) * away
            # two points' tangents: the path bends, and one or two factorisations are to do
            for i in range(p):
                slope = 1.5 * tangent[i] - 0.5 * before[i] if away > 1 else tangent[i]
                before[i] = tangent[i]
                beta[i] += sign * step * slope
            value, log_determinant, variance, _along, astray = descend(
                seen, terms, prior, beta, True, tolerance, room.h, room.tangent, room.work
            )  # fmt: skip
            failed = failed or astray
            if astray:
                break
            for i in range(p):
                tangent[i] = room.tangent[i] / variance
            nodes[at] = beta.sum()
            density[at] = _log_density(p, prior, value, log_determinant, variance)
            modes[at] = beta
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
    rungs : (G, M, p) float64
        Modes, as in `Ladder`.
    failed : (G,) bool
        As in `Ladder`.
    """

    log_evidence: Array
    mode: Array
    variance: Array
    length: Integers
    nodes: Array
    log_density: Array
    rungs: Array
    failed: NDArray[np.bool_]


def laws_on_grid(
    seen: Counted, offsets: Array, which: Integers, like: Integers, steps: Array, terms: Integers, first: int,
    last: int, precision: Array, common: Array, log_normaliser: Array, log_prior: Array, negligible: float,
    spacing: float, depth: float, tolerance: float,
) -> Laws:  # fmt: skip
    """Return the law of η_0 under every point of a grid: a prior, and a model that it shrinks towards.

    Parameters
    ----------
    seen, terms
        As in `fit_shrunk`; the offset of the table is not read.
    offsets : (T, 2^K) float64
        Offsets of the models that coefficients are shrunk towards.
    which : (G,) int64
        The offset of each point.
    like : (G,) int64
        An earlier point with the same prior and a neighbouring offset, from which the mode is looked for; −1 where
        there is none, and the point before is taken.
    steps : (G,) float64
        The step from that point in units of the one before it, by which modes are carried on.
    first, last : int
        As in `Shrinkage`.
    precision : (G, p) float64
        As in `Shrinkage`; neighbouring rows should be alike.
    common, log_normaliser, log_prior : (G,) float64
        As in `Shrinkage`, and the log of the weight of each point.
    negligible : float
        Points whose log weight times evidence is so far below the highest of the same offset get no law; nor do those
        `_NOTHING` below the highest of all.
    spacing, depth, tolerance : float
        As in `ladder`.

    Returns
    -------
    Laws
        See there.
    """
    # chosen here and not in compiled code: nearly nobody has so many terms that the other way is to be compiled too
    way = _in_lanes if terms.shape[0] <= LARGEST else _one_by_one
    return way(
        seen, offsets, which, like, steps, terms, first, last, precision, common, log_normaliser, log_prior,
        negligible, spacing, depth, tolerance,
    )  # fmt: skip


@compiled
def _one_by_one(
    seen: Counted, offsets: Array, which: Integers, like: Integers, steps: Array, terms: Integers, first: int,
    last: int, precision: Array, common: Array, log_normaliser: Array, log_prior: Array, negligible: float,
    spacing: float, depth: float, tolerance: float,
) -> Laws:  # fmt: skip
    """Do what `laws_on_grid` does, one point after the other."""
    start = _cold_start(seen, terms.shape[0])
    grid, p = precision.shape
    size = seen.counts.shape[0]
    evidence = np.empty(grid)
    mode = np.empty(grid)
    variance = np.empty(grid)
    central = np.empty(grid)
    modes = np.zeros((grid, p))
    tangents = np.empty((grid, p))
    length = np.zeros(grid, np.int64)
    nodes = np.zeros((grid, MOST_NODES + 1))
    density = np.zeros((grid, MOST_NODES + 1))
    rungs = np.empty((grid, MOST_NODES + 1, p))
    failed = np.zeros(grid, np.bool_)
    room = _make_room(p, size)
    for g in range(grid):
        prior = Shrinkage(precision[g], common[g], first, last, log_normaliser[g])
        shifted = Counted(seen.counts, seen.cells, seen.bounds, offsets[which[g]])
        near = like[g]
        if near >= 0 and not failed[near]:
            start[:] = modes[near]
            far = like[near]
            if far >= 0 and not failed[far]:
                for i in range(p):
                    start[i] += steps[g] * (modes[near, i] - modes[far, i])
        beta = modes[g]
        beta[:] = start
        value, log_determinant, variance[g], along, astray = descend(
            shifted, terms, prior, beta, False, tolerance, room.h, room.tangent, room.work
        )  # fmt: skip
        mode[g] = beta.sum()
        failed[g] = astray
        if astray:
            evidence[g] = math.nan
            continue
        evidence[g] = -value - 0.5 * log_determinant - prior.log_normaliser + 0.5 * p * math.log(2.0 * math.pi)
        central[g] = _log_density(p, prior, value + along, log_determinant, variance[g])
        tangents[g] = room.tangent / variance[g]
        start[:] = beta
    chosen = _matter(evidence, log_prior, which, failed, offsets.shape[0], negligible)
    for g in chosen:
        prior = Shrinkage(precision[g], common[g], first, last, log_normaliser[g])
        shifted = Counted(seen.counts, seen.cells, seen.bounds, offsets[which[g]])
        found = _climb(
            shifted, terms, prior, modes[g], tangents[g], central[g], spacing * math.sqrt(variance[g]), depth,
            tolerance, room,
        )  # fmt: skip
        length[g] = found.nodes.shape[0]
        nodes[g, : length[g]] = found.nodes
        density[g, : length[g]] = found.log_density
        rungs[g, : length[g]] = found.modes
        failed[g] = found.failed
    return Laws(evidence, mode, variance, length, nodes, density, rungs, failed)


@compiled
def _cold_start(seen: Counted, p: int) -> Array:
    """Return coefficients to start from: every cell alike."""
    total = 0.0
    cells = 0.0
    for cell in range(1, seen.counts.shape[0]):
        if seen.cells[cell] > 0.0:
            total += max(seen.counts[cell], seen.bounds[cell])
            cells += 1.0
    start = np.zeros(p)
    start[0] = math.log((total + 0.5) / max(cells, 1.0))
    return start


@compiled
def _matter(
    evidence: Array, log_prior: Array, which: Integers, failed: NDArray[np.bool_], offsets: int, negligible: float
) -> Integers:
    """Return the points that get a law; see `laws_on_grid`."""
    highest = np.full(offsets, -math.inf)
    for g in range(evidence.shape[0]):
        if not failed[g]:
            highest[which[g]] = max(highest[which[g]], evidence[g] + log_prior[g])
    least = highest.max() - max(negligible, _NOTHING)
    chosen = np.empty(evidence.shape[0], np.int64)
    n = 0
    for g in range(evidence.shape[0]):
        weight = evidence[g] + log_prior[g]
        if not failed[g] and weight >= highest[which[g]] - negligible and weight >= least:
            chosen[n] = g
            n += 1
    return chosen[:n]


def _in_lanes(
    seen: Counted, offsets: Array, which: Integers, like: Integers, steps: Array, terms: Integers, first: int,
    last: int, precision: Array, common: Array, log_normaliser: Array, log_prior: Array, negligible: float,
    spacing: float, depth: float, tolerance: float,
) -> Laws:  # fmt: skip
    """Do what `laws_on_grid` does, four points side by side; not compiled, which would compile its parts twice."""
    grid, p = precision.shape
    room = MOST_NODES + 1
    modes, tangents = np.zeros((grid, p)), np.zeros((grid, p))
    found = np.full((grid, 4), math.nan)
    failed = np.zeros(grid, np.bool_)
    modes_in_lanes(
        seen, terms, first, last, offsets, which, like, steps, precision, common, _cold_start(seen, p), tolerance,
        modes, tangents, found, failed,
    )  # fmt: skip
    weighed = _weigh(found, modes, log_normaliser, log_prior, which, failed, offsets.shape[0], negligible, spacing)
    nodes, density, rungs = np.zeros((grid, room)), np.zeros((grid, room)), np.empty((grid, room, p))
    length = np.zeros(grid, np.int64)
    climb_in_lanes(
        seen, terms, first, last, offsets, which, precision, common, weighed.constant, weighed.chosen, modes, tangents,
        weighed.central, weighed.step, depth, tolerance, nodes, density, rungs, length, failed,
    )  # fmt: skip
    return Laws(weighed.evidence, weighed.mode, weighed.variance, length, nodes, density, rungs, failed)


class _Weighed(NamedTuple):
    """What follows from the modes, (G,) each but the last: for `climb_in_lanes` and `Laws`."""

    constant: Array
    variance: Array
    evidence: Array
    central: Array
    mode: Array
    step: Array
    chosen: Integers


@compiled
def _weigh(
    found: Array, modes: Array, log_normaliser: Array, log_prior: Array, which: Integers, failed: NDArray[np.bool_],
    offsets: int, negligible: float, spacing: float,
) -> _Weighed:  # fmt: skip
    """Return the evidence of every point and where its law begins; `found` and `modes` are from `modes_in_lanes`."""
    grid, p = modes.shape
    # one number after the other: whole arrays would take several times as long to compile
    constant, variance, evidence = np.empty(grid), np.empty(grid), np.empty(grid)
    central, mode, step = np.empty(grid), np.empty(grid), np.empty(grid)
    for g in range(grid):
        constant[g] = 0.5 * (p - 1) * math.log(2.0 * math.pi) - log_normaliser[g]
        variance[g] = found[g, 2]
        evidence[g] = constant[g] + 0.5 * math.log(2.0 * math.pi) - found[g, 0] - 0.5 * found[g, 1]
        central[g] = constant[g] - found[g, 0] - found[g, 3] - 0.5 * found[g, 1] - 0.5 * math.log(variance[g])
        mode[g] = modes[g].sum()
        step[g] = spacing * math.sqrt(variance[g])
    chosen = _matter(evidence, log_prior, which, failed, offsets, negligible)
    return _Weighed(constant, variance, evidence, central, mode, step, chosen)
