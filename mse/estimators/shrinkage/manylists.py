"""Shrinkage on more lists than all cells can be written down for: pairs only, over the cells that hold somebody.

The likelihood has a sum of e^η over all 2^K − 1 cells. Nearly all of them are empty in every likely model; the sum is
taken over all cells of at most three lists, all that were observed, and every larger one whose mean under the model is
not negligible, found by adding lists to cells that were kept, and again after a fit. What is left out is told: the
expected number of persons in the cells around those that were kept (``left_out``). Everything else is as for few
lists, exactly: the prior is that of sum-to-zero coding, carried over to corner coding, in which a cell meets few
coefficients, and in which log n_0 is the intercept, so that the nodes of its law hold it fixed:

    β_jk = b_jk / 4,   β_j = −a_j / 2 − Σ_k b_jk / 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mse.estimators.shrinkage.cornercells import (
    MOST_CELLS,
    Cells,
    CornerPrior,
    Mode,
    corner_prior,
    descend,
    left_out,
    make_cells,
    objective,
    settle_cells,
    start_of,
)
from mse.estimators.shrinkage.scales import ScaleGrid
from mse.estimators.shrinkage.unseen import (
    BATCHES,
    LIGHT,
    MANY_TERMS,
    PAIRS,
    PAIRS_IF_MANY,
    Checked,
    Effort,
    UnseenLaws,
    effective_share,
    integrated,
    weights,
)
from mse.kernels.arrays import Array, Integers
from mse.kernels.keptcells import moved

LEAST_MEANS = (1e-3, 1e-4, 1e-5)
"""Mean, persons, from which a larger cell is in the sum; smaller ones while too many persons are left out."""

LEFT_OUT = 1e-3
"""Share of the observed persons that may be expected in the cells around those of the sum."""

_PILOT = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class ManyLaws:
    """The laws of a table of many lists: cells of the sum, laws, modes at the points that matter, persons left out."""

    cells: Cells
    laws: UnseenLaws
    modes: Mapping[int, Mode]
    left_out: float


def laws_of_many(
    n_lists: int, histories: Integers, counts: Array, grid: ScaleGrid, main_sd: float, effort: Effort
) -> ManyLaws:
    """Return the law of the log unseen under every point of the grid that matters.

    Parameters
    ----------
    n_lists : int
        K.
    histories : (H,) int64
        Observed histories as bitmasks.
    counts : (H,) float64
        Persons.
    grid : ScaleGrid
        The points; r has no part in a model of pairs.
    main_sd : float
        Prior standard deviation of the list effects.
    effort : Effort
        How finely.
    """
    pilot = corner_prior(n_lists, _PILOT, _PILOT, main_sd)
    cells = make_cells(n_lists, histories, counts, np.zeros(0, dtype=np.int64))
    cells, start = settle_cells(cells, pilot, start_of(cells), LEAST_MEANS[0])
    scales = list(zip(grid.pair_sd.tolist(), grid.common_sd.tolist(), strict=True))
    priors = {x: corner_prior(n_lists, *x, main_sd) for x in dict.fromkeys(scales)}
    # the cells that matter are looked for again where the evidence is highest, and more of them while much is left out
    middle = sorted(set(grid.common_sd.tolist()))[len(set(grid.common_sd.tolist())) // 2]
    rough = _modes(cells, {x: prior for x, prior in priors.items() if x[1] == middle}, start, 1e-2)
    best = max(rough, key=lambda x: _evidence(priors[x], rough[x]))
    gamma = rough[best].gamma
    for least in LEAST_MEANS:
        cells, gamma = settle_cells(cells, priors[best], gamma, least)
        if left_out(cells, gamma) <= LEFT_OUT * float(counts.sum()) or len(cells.histories) > MOST_CELLS // 4:
            break
    modes = _modes(cells, priors, gamma, effort.tolerance)
    evidence = np.array([_evidence(priors[x], modes[x]) for x in scales])
    limit = (evidence + grid.log_prior).max() - effort.negligible
    kept = {g: modes[x] for g, x in enumerate(scales) if evidence[g] + grid.log_prior[g] >= limit}
    law_of = {x: rungs(cells, priors[x], modes[x], effort) for x in dict.fromkeys(scales[g] for g in kept)}
    empty = (np.zeros(0), np.zeros(0))
    pairs = [law_of[x] if g in kept else empty for g, x in enumerate(scales)]
    laws = UnseenLaws(
        evidence, np.array([modes[x].gamma[0] for x in scales]), np.array([modes[x].variance for x in scales]),
        np.concatenate([nodes for nodes, _ in pairs]), np.concatenate([density for _, density in pairs]),
        np.cumsum([len(nodes) for nodes, _ in pairs]), np.array([modes[x].failed for x in scales]),
    )  # fmt: skip
    best = max(modes, key=lambda x: _evidence(priors[x], modes[x]))
    (laws,) = integrated(laws, laws.log_density[None])
    return ManyLaws(cells, laws, kept, left_out(cells, modes[best].gamma))


def check_many(found: ManyLaws, grid: ScaleGrid, main_sd: float, seed: int, weight: Array | None = None) -> Checked:
    """Correct the laws by importance sampling at the mode of each point: one ratio for all its nodes.

    Parameters
    ----------
    found : ManyLaws
        The laws.
    grid, main_sd
        As in `laws_of_many`.
    seed : int
        Of the random numbers.
    weight : (G,) float64, optional
        Posterior probability of each point, where others than this table have a say in it.
    """
    from mse.kernels.importance import smooth_weights

    cells, laws = found.cells, found.laws
    weight = weights(laws, grid) if weight is None else weight
    log_ratio, pareto_k, worth = (np.full(len(grid), np.nan) for _ in range(3))
    shifts = np.zeros((BATCHES + 1, len(grid)))
    pairs = PAIRS if len(cells.totals) <= 2 * MANY_TERMS else PAIRS_IF_MANY
    normals = np.random.default_rng([seed, 3]).standard_normal((pairs, len(cells.totals)))
    mu = np.empty(len(cells.histories))
    for g, mode in found.modes.items():
        if weight[g] < LIGHT:
            continue
        prior = corner_prior(cells.n_lists, float(grid.pair_sd[g]), float(grid.common_sd[g]), main_sd)
        steps, half = moved(mode.factor, normals)
        lowest = objective(cells, prior, mode.gamma, mu)
        log_weight = np.concatenate([
            [lowest - objective(cells, prior, mode.gamma + sign * step, mu) + h
             for step, h in zip(steps, half, strict=True)]
            for sign in (1.0, -1.0)
        ])  # fmt: skip
        parts = (log_weight, *(log_weight[b::BATCHES] for b in range(BATCHES)))
        shifts[:, g] = [float(np.logaddexp.reduce(x)) - math.log(len(x)) for x in parts]
        worth[g] = effective_share(log_weight)
        pareto_k[g] = smooth_weights(log_weight)
        if not pareto_k[g] < 1.0:
            shifts[:, g] = 0.0  # weights without a mean say nothing: the formula stands, and counts as unreliable
        log_ratio[g] = shifts[0, g]
    full, *batches = integrated(laws, laws.log_density + np.repeat(shifts, laws.lengths, axis=1))
    return Checked(full, tuple(batches), log_ratio, pareto_k, worth)


def _modes(
    cells: Cells, priors: Mapping[tuple[float, float], CornerPrior], start: Array, tolerance: float
) -> dict[tuple[float, float], Mode]:
    """Return the mode under every prior, each looked for from the one before."""
    out = {}
    for x, prior in priors.items():
        out[x] = descend(cells, prior, start, False, tolerance)
        start = out[x].gamma
    return out


def _evidence(prior: CornerPrior, mode: Mode) -> float:
    """Return Laplace's log evidence."""
    if mode.failed:
        return -math.inf
    return -mode.value - 0.5 * mode.log_determinant - prior.log_normaliser + 0.5 * len(mode.gamma) * math.log(
        2.0 * math.pi
    )  # fmt: skip


def rungs(cells: Cells, prior: CornerPrior, mode: Mode, effort: Effort) -> tuple[Array, Array]:
    """Return nodes of the log unseen to both sides of the mode and their log density, as `kernels.shrunklaw.ladder`."""
    constant = 0.5 * (len(mode.gamma) - 1) * math.log(2.0 * math.pi) - prior.log_normaliser
    spacing = effort.spacing * math.sqrt(mode.variance)

    def log_density(at: Mode) -> float:
        return constant - at.value - 0.5 * at.log_determinant - 0.5 * math.log(at.variance)

    nodes, density = [mode.gamma[0]], [log_density(mode)]
    for sign in (-1.0, 1.0):
        here, before, reached = mode, None, density[0]
        while reached > max(density) - effort.depth and len(nodes) < 40:
            along = here.tangent / here.tangent[0]
            slope = along if before is None else 1.5 * along - 0.5 * before
            before = along
            here = descend(cells, prior, here.gamma + sign * spacing * slope, True, effort.tolerance)
            if here.failed:
                break
            reached = log_density(here)
            nodes.append(here.gamma[0])
            density.append(reached)
    order = np.argsort(nodes)
    return np.array(nodes)[order], np.array(density)[order]
