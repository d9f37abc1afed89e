"""The sampling distribution of an estimate from one register: the delta method, or the bootstrap."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import Distribution
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.repeats.countlaws import log_missed, probabilities, unseen
from mse.estimators.repeats.families import CountFit, fit_counts
from mse.kernels.arrays import Array, Integers
from mse.tables.repeats import RepeatCounts
from mse.words.said import said

Resampling = Literal["parametric", "nonparametric"]
CHUNK_CELLS = 4_000_000
"""Cells of design matrices in one parallel task: below a second, starting processes takes longer than the work."""


def bootstrap_law(
    table: RepeatCounts,
    kind: Resampling,
    fit: CountFit,
    matrix: Array,
    size: float,
    replicates: int,
    seed: int,
    compute: Compute,
) -> tuple[Distribution, int]:
    """Return the law of the bootstrap replicates of N̂, and how many of them have no estimate.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    kind : str
        ``"parametric"``: the fitted population, groups of alike persons at their estimated sizes, is registered
        anew. ``"nonparametric"``: how many are registered is drawn from N̂ persons, and who they are from those of
        the register.
    fit, matrix : CountFit, float64 array of shape (R, P)
        From `fit_repeats`.
    size : float
        N̂.
    replicates, seed, compute
        Replicate r draws from ``default_rng([seed, 1, r])``, whatever the number of workers.

    Raises
    ------
    ModelError
        When fewer than 20 replicates have an estimate.
    """
    task = partial(_replicates, table, kind, fit, matrix, size, seed)
    size_of_chunk = max(20, min(1000, CHUNK_CELLS // matrix.size))
    chunks = [range(k, min(k + size_of_chunk, replicates)) for k in range(0, replicates, size_of_chunk)]
    sizes = np.concatenate([part for (part,) in compute.spread(said("stage.bootstrap"), task, chunks)])
    good = np.sort(sizes[np.isfinite(sizes)])
    lost = replicates - good.size
    if good.size < 20:
        raise ModelError(
            Problem(
                said("fault.replicates", lost=lost, count=replicates), said("allowed.least_20_one"),
                said("do.choose_log_normal_interval"), file=said("what.table", name=table.name),
            )
        )  # fmt: skip
    values, places = np.unique(good, return_inverse=True)
    law = Distribution.from_mass(values, np.bincount(places).astype(np.float64))
    return Distribution(law.values, law.cdf, whole=False), lost


def _replicates(
    table: RepeatCounts, kind: Resampling, fit: CountFit, matrix: Array, size: float, seed: int, which: range
) -> tuple[Array]:
    """Return N̂ of some bootstrap replicates, not a number where there is none."""
    patterns, place = np.unique(matrix, axis=0, return_inverse=True)
    place = place.reshape(-1)
    persons = np.bincount(place, weights=table.counts, minlength=len(patterns))
    parametric = kind == "parametric"
    expected, law = _population(fit, patterns @ fit.coefficients, persons) if parametric else (persons, matrix)
    out = np.full(len(which), np.nan)
    for k, replicate in enumerate(which):
        rng = np.random.default_rng([seed, 1, replicate])
        if parametric:
            group, times, counts = _draw_counts(expected, law, rng)
            x = patterns[group]
        else:
            whole = int(math.floor(size)) + int(rng.random() < size - math.floor(size))
            registered = rng.binomial(whole, table.observed / size)
            drawn = rng.multinomial(registered, table.counts / table.observed)
            x, times, counts = matrix[drawn > 0], table.registrations[drawn > 0], drawn[drawn > 0]
        if not times.size:
            continue
        again = fit_counts(fit.family, times, counts.astype(np.float64), x, fit, fixed=fit.fixed)
        if again.status == "fine":
            out[k] = counts.sum() + counts @ unseen(again, times, x).each
    return (out,)


def _population(fit: CountFit, eta: Array, persons: Array) -> tuple[Array, Array]:
    """Return the fitted size of each group of alike persons, (G,), and the law of their counts from 0, (G, Y)."""
    most = 40
    while (1.0 - (law := probabilities(fit, eta, most)).sum(axis=1)).max() > 1e-10 and most < 5000:
        most *= 2
    law = np.clip(law, 0.0, 1.0)
    return persons / -np.expm1(log_missed(fit, eta)), law / law.sum(axis=1, keepdims=True)


def _draw_counts(
    expected: Array, law: Array, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], Integers, Integers]:
    """Return group, registrations and persons of a register drawn from the fitted population."""
    whole = np.floor(expected).astype(np.int64)
    whole += rng.random(whole.size) < expected - whole
    drawn = rng.multinomial(whole, law)[:, 1:]
    row, column = np.nonzero(drawn)
    return row, column.astype(np.int64) + 1, drawn[row, column].astype(np.int64)
