"""Draws of N of every stratum under one fitted model: parametric bootstrap, or log-normal around the estimate."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mse.answers.distribution import Distribution
from mse.computing.parallel import Compute
from mse.estimators.stratified.opencells import StrataCells, certain
from mse.estimators.stratified.solve import COARSE, make_plan, solve
from mse.estimators.stratified.stratumfit import StrataFit, log_sd, sizes
from mse.kernels.arrays import Array, Integers
from mse.kernels.stratumcells import Seen, expected_counts
from mse.words.said import said

BATCH = 20
"""Replicates in one task."""


def bootstrap(cells: StrataCells, fit: StrataFit, replicates: int, *, seed: int, compute: Compute) -> Array:
    """Return N of every stratum on populations drawn from the fitted model and fitted again.

    A population of N̂ persons is drawn over all cells, hidden ones included (van der Heijden, Whittaker, Cruyff, Bakker
    & van der Vliet 2012); hidden persons are forgotten, and labels and lists are lost as often as they were in the
    table. In bounded cells the surplus over the expected members is put on top again. The total is that of the
    replicate; whom it has beyond the persons known in the table are placed in strata at random, by the replicate's own
    estimates of who is not known there. So parts add up, none is below what was observed, and a model that misses the
    size of a stratum does not move it.

    Parameters
    ----------
    cells : StrataCells
        The table.
    fit : StrataFit
        The model; every stratum has an estimate.
    replicates : int
        Populations to draw.
    seed : int
        Replicate b uses the seed ``[seed, b]``, whatever the number of workers.
    compute : Compute
        Workers and progress.

    Returns
    -------
    (replicates, S) float64
        Rows of NaN where the model has no estimate on what was drawn.
    """
    task = partial(
        _replicates, cells, fit.plan.terms, fit.solution.beta, fit.solution.eta, round(fit.total), seed
    )  # fmt: skip
    parts = [(first, min(first + BATCH, replicates)) for first in range(0, replicates, BATCH)]
    return np.concatenate([found for (found,) in compute.spread(said("stage.replicates"), task, parts, threads=True)])


def _replicates(
    cells: StrataCells,
    terms: tuple[int, ...],
    beta: Array,
    eta: Array,
    total: int,
    seed: int,
    part: tuple[int, int],
) -> tuple[Array]:
    """Return replicates ``part[0]`` to ``part[1]``, (replicates, S)."""
    which = range(*part)
    plan = make_plan(cells, terms)
    start = plan.split(beta)
    out = np.full((len(which), cells.n_strata), np.nan)
    for row, b in enumerate(which):
        rng = np.random.default_rng([seed, b])
        drawn = replace(cells, seen=draw_seen(cells.seen, eta, total, rng))
        solution = solve(drawn, plan, start, tolerance=COARSE)
        if solution.fine:
            estimates = sizes(drawn, solution)
            beyond = max(round(float(estimates.sum())) - int(cells.certain.sum()), 0)
            parts = np.maximum(estimates - certain(drawn.seen, cells.stratum, cells.n_strata), 0.0)
            share = parts / parts.sum() if parts.sum() > 0 else np.full(parts.size, 1.0 / parts.size)
            out[row] = cells.certain + rng.multinomial(beyond, share)
    return (out,)


def draw_seen(seen: Seen, eta: Array, total: int, rng: np.random.Generator) -> Seen:
    """Return what would be seen of a population of `total` persons drawn from the means exp(η).

    Parameters
    ----------
    seen : Seen
        What was seen of the real one.
    eta : (R,) float64
        Log means of all cells; −inf for empty ones.
    total : int
        Persons in the population.
    rng : Generator
        Source of randomness.
    """
    expected = expected_counts(seen, eta)
    means = np.exp(eta)
    # a cell keeps the share of its persons that was expected to be seen with all labels; the rest goes to its pools
    population = rng.multinomial(total, means / means.sum())
    is_open = seen.open > 0
    counts = np.where(is_open, population, 0).astype(np.float64)
    bounded = seen.bounds >= 0
    surplus = np.maximum(np.rint(np.where(bounded, seen.bounds - expected, 0.0)), 0.0)
    bounds = np.where(bounded, counts + surplus, -1.0)
    counts[bounded] = 0.0
    pools = np.zeros(seen.pool_counts.size)
    # what is left of a cell's expected count once the pools before this one have had their share
    rest = np.where(is_open, expected, 0.0)
    for c in range(pools.size):
        at = seen.pool_cells[seen.pool_starts[c] : seen.pool_starts[c + 1]]
        if seen.pool_counts[c] == 0:
            # only a list that is missing leaves an empty pool, and its cells are seen in no other way
            share = np.ones(at.size)
        else:
            part = seen.pool_counts[c] * means[at] / means[at].sum()
            share = np.clip(np.divide(part, rest[at], out=np.zeros(at.size), where=rest[at] > 0), 0.0, 1.0)
            rest[at] = np.maximum(rest[at] - part, 0.0)
        moved = rng.binomial(counts[at].astype(np.int64), share)
        pools[c] = moved.sum()
        counts[at] -= moved
    return seen._replace(counts=counts, bounds=bounds, pool_counts=pools)


def bootstrap_law(cells: StrataCells, parts: Integers) -> tuple[Distribution, Integers]:
    """Return the law of the total of bootstrap draws (D, S), smoothed, and the draws in step with it."""
    base = cells.certain.astype(np.float64)
    beyond = parts - base
    law = smooth_law(float(base.sum()), beyond.sum(axis=1))
    return law, aligned(law, base, beyond) if law.values.size > 1 else parts


def smooth_law(base: float, beyond: Array) -> Distribution:
    """Return the law of base + draws, (D,), without the bumps of few draws that look like modes.

    log n_0 is smoothed by a normal kernel and shrunk to its mean so that its variance stays what it was (Silverman &
    Young 1987, Biometrika 74:469).
    """
    from scipy.special import ndtr

    logs = np.log(np.maximum(beyond, 0.5))
    sd, quarters = float(logs.std()), np.quantile(logs, [0.25, 0.75])
    width = 0.9 * min(sd, float(quarters[1] - quarters[0]) / 1.34 or sd) * logs.size**-0.2
    if not width > 0:
        return Distribution(base + beyond[:1], np.ones(1))
    shrink = 1.0 / np.sqrt(1.0 + (width / sd) ** 2)
    centres, width = logs.mean() + shrink * (logs - logs.mean()), shrink * width
    grid = np.linspace(centres.min() - 6 * width, centres.max() + 6 * width, 2001)
    cdf = ndtr((grid[:, None] - centres[None, :]) / width).mean(axis=1)
    return Distribution(base + np.exp(grid), cdf, whole=False)


def truncated_poisson(means: Array, bounds: Array, rng: np.random.Generator) -> Integers:
    """Return Poisson draws that do not exceed their bounds; means (D, B), bounds (B,)."""
    from scipy.special import gammaincc
    from scipy.stats import poisson

    below = gammaincc(bounds + 1.0, means)
    # the quantile of a Poisson law cut off at the bound; where almost all of it lies beyond, the bound itself
    drawn = poisson.ppf(rng.random(means.shape) * below, means)
    return np.clip(np.where(below > 1e-300, drawn, np.inf), 0, bounds).astype(np.int64)


def lognormal(
    cells: StrataCells, fit: StrataFit, draws: int, rng: np.random.Generator
) -> tuple[Distribution, Integers]:
    """Return the log-normal law of the total, and draws of its parts.

    The total has exactly the law n + n_0 exp(log_sd·Z); the parts are those of `joint_parts`, aligned with it.

    Returns
    -------
    law : Distribution
        Of the total.
    parts : (draws, S) int64
        Their sums are draws from the law, to the rounding of persons.
    """
    base = cells.certain.astype(np.float64)
    beyond = np.maximum(fit.N - base, 0.0)
    whole, variance = float(beyond.sum()), float(fit.covariance.sum())
    law = Distribution.lognormal(int(base.sum()), whole, log_sd(whole, variance))
    return law, aligned(law, base, joint_parts(beyond, fit.covariance, draws, rng))


def joint_parts(beyond: Array, covariance: Array, draws: int, rng: np.random.Generator) -> Array:
    """Return jointly log-normal draws around `beyond` (S,) with this covariance (S, S), in persons: (draws, S)."""
    present = beyond > 0
    scale = np.log1p(covariance[np.ix_(present, present)] / np.outer(beyond[present], beyond[present]))
    values, vectors = np.linalg.eigh(scale)
    noise = rng.standard_normal((draws, values.size)) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    parts = np.zeros((draws, beyond.size))
    parts[:, present] = beyond[present] * np.exp(noise)
    return parts


def aligned(law: Distribution, base: Array, parts: Array) -> Integers:
    """Return draws of N by stratum whose totals follow a law: parts are scaled to the total of the same rank.

    Parameters
    ----------
    law : Distribution
        Of the total.
    base : (S,) float64
        Persons known in each stratum.
    parts : (D, S) float64
        Draws of whom there is beyond them.
    """
    totals = parts.sum(axis=1)
    rank = np.empty(totals.size)
    rank[np.argsort(totals, kind="stable")] = (np.arange(totals.size) + 0.5) / totals.size
    wanted = law.quantile(rank) - base.sum()
    factor = np.divide(wanted, totals, out=np.zeros(totals.size), where=totals > 0)
    return np.rint(base + parts * factor[:, None]).astype(np.int64)
