"""Models on lists and covariates weighed by their evidence, and persons drawn under them.

Coefficients are in orthonormal sum-to-zero coding: over the full product of lists and levels XᵀX is a multiple of the
identity, so that the unit information prior is N(0, 1) on each of them but the intercept (Overstall & King 2014).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.stratified.opencells import Array, Integers, StrataCells
from mse.estimators.stratified.stratasearch import changed, moves
from mse.estimators.stratified.stratumdraws import truncated_poisson
from mse.kernels.anydesign import CONVERGED, fit_design, objectives, start_design
from mse.kernels.importance import smooth_weights
from mse.kernels.stratumcells import Rows
from mse.terms import Model, members
from mse.words.said import said

DEGREES = 8.0
"""Degrees of freedom of the proposal."""
PROPOSALS = (4000, 500)
"""Samples of a model that is corrected: of one with a hundredth of the weight and more, and of a lighter one."""
MOST_MODELS = 20_000
"""Models that a visit fits at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """One visited model: its evidence and where its posterior lies."""

    model: Model
    columns: Integers
    log_evidence: float
    mode: Array
    factor: Array


@dataclass(frozen=True, slots=True, eq=False)
class Balanced:
    """Orthonormal columns of every term: (R, P), and the columns of each term."""

    matrix: Array
    place: Mapping[int, Integers]

    def columns(self, model: Model) -> Integers:
        """Return the columns of a model, the intercept first."""
        return np.concatenate([self.place[term] for term in model.terms])

    def rows(self, columns: Integers) -> Rows:
        """Return these columns as the kernel takes them."""
        part = np.ascontiguousarray(self.matrix[:, columns])
        r, p = part.shape
        starts = np.arange(0, r * p + 1, p, dtype=np.int64)
        return Rows(starts, np.tile(np.arange(p, dtype=np.int64), r), part.ravel())


def balanced(cells: StrataCells, terms: list[int]) -> Balanced:
    """Return the orthonormal design: over the full product table XᵀX is a multiple of the identity."""
    contrasts = [_helmert(size) for size in cells.sizes]
    blocks, place, at = [], {}, 0
    for term in terms:
        block = np.ones((cells.levels.shape[0], 1))
        for j in members(term):
            part = contrasts[j][cells.levels[:, j]]
            block = (block[:, :, None] * part[:, None, :]).reshape(block.shape[0], -1)
        blocks.append(block)
        place[term] = np.arange(at, at + block.shape[1], dtype=np.int64)
        at += block.shape[1]
    return Balanced(np.concatenate(blocks, axis=1), place)


def _helmert(size: int) -> Array:
    """Return contrasts of the levels with mean 0 and mean square 1, (size, size − 1)."""
    out = np.zeros((size, size - 1))
    for j in range(1, size):
        out[:j, j - 1], out[j, j - 1] = -1.0, float(j)
        out[:, j - 1] *= math.sqrt(size / (j * (j + 1.0)))
    return out


def weigh(cells: StrataCells, design: Balanced, sd: float, model: Model) -> Weighed | None:
    """Return the Laplace evidence of one model; None where Newton's method finds no mode."""
    columns = design.columns(model)
    rows, precision = design.rows(columns), np.full(columns.size, 1.0 / sd**2)
    precision[0] = 0.0
    start = start_design(rows, cells.seen, precision, 0.1)
    fit = fit_design(rows, cells.seen, precision, start, 100, 1e-12)
    if fit.status != CONVERGED:
        return None
    evidence = (
        fit.log_likelihood
        - 0.5 * float(precision @ fit.beta**2)
        - (columns.size - 1) * math.log(sd)
        - 0.5 * fit.log_determinant
    )
    return Weighed(model, columns, evidence, fit.beta, fit.factor)


def visit(
    cells: StrataCells,
    design: Balanced,
    sd: float,
    window: float,
    compute: Compute,
    known: Sequence[Weighed] = (),
) -> list[Weighed]:
    """Return every visited model, the heaviest first.

    Parameters
    ----------
    cells, design
        The table, and the columns of every candidate term.
    sd, window : float
        As in `StrataAverageSpec`.
    compute : Compute
        Workers and progress.
    known : sequence of Weighed
        Models that were visited before.

    Raises
    ------
    ModelError
        When the model of main effects has no mode.
    """
    allowed = [term for term in design.place if term.bit_count() > 1]
    task = partial(weigh, cells, design, sd)
    seen: dict[Model, Weighed | None] = {w.model: w for w in known}
    begin = Model(len(cells.names), ())
    best = max(known, key=lambda w: w.log_evidence) if known else task(begin)
    if best is None:
        raise ModelError(
            Problem(said("fault.no_mode"), said("allowed.table_overlap"), said("do.check_table"),
                    file=f"table {cells.table.name!r}")
        )  # fmt: skip
    seen[best.model] = best
    followed: set[Model] = set()
    climbing = not known
    while len(seen) < MOST_MODELS:
        if climbing:
            wave = [best.model]
        else:
            limit = best.log_evidence + math.log(window)
            wave = [m for m, w in seen.items() if m not in followed and w is not None and w.log_evidence >= limit]
        if not wave:
            break
        followed.update(wave)
        fresh = list(dict.fromkeys(changed(m, t) for m in wave for t in moves(m, allowed, True)))
        fresh = [m for m in fresh if m not in seen]
        for model, weighed in zip(fresh, compute.map("neighbouring models", task, fresh), strict=True):
            seen[model] = weighed
        top = max((w for w in seen.values() if w is not None), key=lambda w: w.log_evidence)
        climbing = climbing and top.log_evidence > best.log_evidence
        best = top
    found = [w for w in seen.values() if w is not None]
    return sorted(found, key=lambda w: -w.log_evidence)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """One model after importance sampling: log evidence, tail shape, coefficients and their weights."""

    log_evidence: float
    pareto_k: float
    betas: Array
    weights: Array


def correct(cells: StrataCells, design: Balanced, sd: float, seed: int, task: tuple[int, Weighed, float]) -> Corrected:
    """Sample one model with a Student t around its mode, weights Pareto-smoothed; `task` is number, model, weight."""
    number, weighed, share = task
    proposals = PROPOSALS[0] if share >= 0.01 else PROPOSALS[1]
    rng = np.random.default_rng([seed, 1, number])
    p = weighed.mode.size
    lower = np.tril(weighed.factor)
    z = rng.standard_normal((proposals, p))
    stretch = np.sqrt(DEGREES / rng.chisquare(DEGREES, proposals))
    betas = weighed.mode + np.linalg.solve(lower.T, (z * stretch[:, None]).T).T
    precision = np.full(p, 1.0 / sd**2)
    precision[0] = 0.0
    target = objectives(design.rows(weighed.columns), cells.seen, precision, np.ascontiguousarray(betas))
    distance = (z**2).sum(axis=1) * stretch**2
    # up to the constants that make a normal at the mode integrate to one, so that 0 is Laplace's evidence
    t_constant = math.lgamma((DEGREES + p) / 2) - math.lgamma(DEGREES / 2) - p / 2 * math.log(DEGREES / 2)
    proposal = t_constant - (DEGREES + p) / 2 * np.log1p(distance / DEGREES)
    at_mode = objectives(design.rows(weighed.columns), cells.seen, precision, weighed.mode[None, :])[0]
    log_weight = target - at_mode - proposal
    largest = float(log_weight.max())
    k = float(smooth_weights(log_weight))  # which takes the largest off
    weights = np.exp(log_weight)
    return Corrected(weighed.log_evidence + largest + math.log(weights.mean()), k, betas, weights / weights.sum())


def draw_persons(
    cells: StrataCells, design: Balanced, columns: Integers, betas: Array, rng: np.random.Generator
) -> tuple[Integers, Integers]:
    """Return N of every stratum, (D, S), and members in bounded cells, (D,), for each row of coefficients."""
    out, inside = np.tile(cells.certain, (len(betas), 1)), np.zeros(len(betas), dtype=np.int64)

    def add(at: Integers, persons: Integers) -> None:
        into = np.zeros((at.size, cells.n_strata), dtype=np.int64)
        into[np.arange(at.size), cells.stratum[at]] = 1
        out[:] += persons @ into

    hidden = np.flatnonzero(cells.hidden)
    add(hidden, rng.poisson(np.exp(betas @ design.matrix[np.ix_(hidden, columns)].T)))
    limited = np.flatnonzero(cells.seen.bounds >= 0)
    if limited.size:
        means = np.exp(betas @ design.matrix[np.ix_(limited, columns)].T)
        persons = truncated_poisson(means, cells.seen.bounds[limited], rng)
        add(limited, persons)
        inside = persons.sum(axis=1)
    for c, count in enumerate(cells.seen.pool_counts):
        at = cells.seen.pool_cells[cells.seen.pool_starts[c] : cells.seen.pool_starts[c + 1]]
        if count and (cells.stratum[at] != cells.stratum[at[0]]).any():
            means = np.exp(betas @ design.matrix[np.ix_(at, columns)].T)
            add(at, rng.multinomial(int(count), means / means.sum(axis=1, keepdims=True)))
    return out, inside


def shares(log_evidence: Array) -> Array:
    """Return the posterior probabilities of models with equal prior probability."""
    weights = np.exp(log_evidence - log_evidence.max())
    out: Array = weights / weights.sum()
    return out
