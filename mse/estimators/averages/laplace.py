"""The average over models by Laplace alone: in milliseconds, for refits by the hundred.

log μ_0 given the data is a mixture of normals, one for each model (mode and variance of η_0, weight by Laplace's
evidence); its quantiles are found by bisection. Nothing is corrected by importance sampling and no Poisson noise is put
on top, so the upper end is a few percent too low on sparse tables: good for differences between tables, which is what
checks of robustness ask for, and not for a number to cite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mse.answers.referees import Referee
from mse.computing.parallel import Compute
from mse.estimators.averages.averaging import AverageSpec, laplace_pool
from mse.estimators.averages.weighing import corrected_law, corrected_mass
from mse.estimators.normallaw import mixture_quantiles
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable

WITHIN, WIDER, HIGHEST = 1.08, 1.3, 1e9
"""How far the median and the log width of Laplace's law may be from those of the corrected one, as factors (on the
public tables they are within 1.03 and 1.16); persons up to which its grid holds them."""

_SHARE = 0.9999
"""Weight of the models that make up the mixture; lighter ones are left out."""


def laplace_quantiles(table: CaptureTable, q: Sequence[float], spec: AverageSpec | None = None) -> Array:
    """Return quantiles of N, persons, averaged over every hierarchical model by Laplace.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    q : sequence of float, length Q
        Probabilities.
    spec : AverageSpec, optional
        Prior and order of the terms; six lists are averaged over models of pairs unless `spec` says otherwise.

    Returns
    -------
    (Q,) float64

    Raises
    ------
    ModelError
        As `averaging.estimate`.
    """
    return table.observed + np.exp(mixture_quantiles(*_components(table, spec), q))


def _components(table: CaptureTable, spec: AverageSpec | None) -> tuple[Array, Array, Array]:
    """Return weight, mean and standard deviation of log μ_0 under the models that make up the mixture."""
    spec = spec or AverageSpec()
    if table.n_lists > 5 and spec.max_order is None:
        spec = replace(spec, max_order=2)
    pool, _, _ = laplace_pool(table, spec, Compute(1))
    parts = np.concatenate([np.stack([pool.weight, pool.mean, pool.variance], axis=1), pool.rest])
    parts = parts[np.argsort(-parts[:, 0])]
    kept = parts[: int(np.searchsorted(np.cumsum(parts[:, 0]), _SHARE * parts[:, 0].sum())) + 1]
    return kept[:, 0] / kept[:, 0].sum(), kept[:, 1], np.sqrt(kept[:, 2])


def rough_draws(table: CaptureTable, spec: AverageSpec, draws: int, rng: np.random.Generator) -> Array:
    """Return draws of N by Laplace alone, persons, (draws,)."""
    weight, mean, sd = _components(table, spec)
    which = rng.choice(len(weight), size=draws, p=weight)
    means = np.exp(np.minimum(rng.normal(mean[which], sd[which]), math.log(HIGHEST)))
    return np.asarray(table.observed + rng.poisson(means), dtype=np.float64)


def settled_draws(table: CaptureTable, spec: AverageSpec, draws: int, seed: int) -> Array:
    """Return draws of N from the corrected law of one of several tables that are added up, persons, (draws,)."""
    one = Compute(workers=1)
    pool, _, _ = laplace_pool(table, spec, one)
    _, _, grid, mass = corrected_mass(pool, spec.corrected, seed, one, False)
    rng = np.random.default_rng([seed, 5])
    means = np.exp(np.interp(rng.random(draws), np.cumsum(mass) / mass.sum(), grid))
    return np.asarray(table.observed + rng.poisson(means), dtype=np.float64)


def referee(table: CaptureTable, spec: AverageSpec, *, seed: int, compute: Compute, rough: bool) -> Referee:
    """Return what a verdict reads of `averaging.estimate`; `rough` by Laplace alone.

    Raises
    ------
    ModelError
        As `averaging.estimate`.
    """
    if rough:
        weight, mean, sd = _components(table, spec)
        noisy = np.sqrt(sd**2 + np.exp(-mean))  # log n_0 about log μ_0
        unseen = np.exp(np.minimum(mixture_quantiles(weight, mean, noisy, [0.025, 0.5, 0.975]), 700.0))
        low, point, high = (float(x) for x in table.observed + unseen)
        return Referee(point, low, high, True, 0.0 if high < HIGHEST else 1.0, WITHIN, WIDER)
    pool, _, _ = laplace_pool(table, spec, compute)
    _, _, law = corrected_law(table.observed, pool, spec.corrected, seed, compute)
    low, point, high = (float(x) for x in law.quantile([0.025, 0.5, 0.975]))
    return Referee(point, low, high, True, law.beyond)
