"""Shrinkage in place of selection: one model with every term, its interactions shrunk towards a Rasch model.

Sum-to-zero coding; the intercept is flat, so that p(N) ∝ 1/N; main effects are N(0, 3²). Interactions are departures
from a Rasch model in which persons differ by τ in their log odds to be on a list, for persons differ, and a table that
cannot tell how much should not be taken as if they did not. Pairs are β_jk ~ N(m, s₂²) about it, m ~ N(0, s_m²) common
to all; a term of k lists is N(0, (s₂ r^(k−2))²), and the term of all lists, which no data show, has the scale that the
others let expect. The scales (τ, s₂, r, s_m) are integrated over a grid, and the law of N is the mixture over it,
weighed by the evidence. Under each point the law of the log unseen is Laplace's at every node of a ladder, corrected by
importance sampling (`mse.kernels.shrinking`).

Models that leave terms out bias N by what is left out, and a wide prior leaves out every weak term (Occam's factor).
Here nothing is left out, and how strong interactions are is learned from the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.answers.saying import Says
from mse.answers.strata import StrataDraws
from mse.computing.convergence import RELIABLE
from mse.computing.parallel import Compute
from mse.estimators.shrinkage.accounts import CITATIONS, INSIDE, assumptions, flags_of, notes, outside
from mse.estimators.shrinkage.scales import ScaleGrid, make_grid, usual_priors
from mse.estimators.shrinkage.sharedscales import (
    Part,
    Together,
    draw_parts,
    fit_together,
    laws_of_part,
    part_of_many,
    parts_of,
)
from mse.estimators.shrinkage.shrinkspec import ShrinkageSpec, common_values, largest_term, usual_spec
from mse.estimators.shrinkage.unseen import (
    WORTH,
    Effort,
    UnseenLaws,
    counted,
    mixture,
    unseen_laws,
    weights,
)
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable

COARSE = 0.02, 0.25
"""Spacing of log n_0 where quantiles are all that is asked, and in standard deviations of the narrowest law."""

WIDEST = 40.0
"""Log of the largest number of unseen that is counted with."""


@dataclass(frozen=True, slots=True, eq=False)
class LogLaw:
    """The law of N of one table, without draws.

    Parameters
    ----------
    observed : int
        Persons on at least one list.
    grid : ScaleGrid
        The scales.
    laws : UnseenLaws
        Law of the log expected unseen under each point of the grid.
    weight : (G,) float64
        Posterior probability of each point.
    log_means, mass : (X,) float64
        Log expected unseen, equally spaced, and the weight of each in the mixture.
    """

    observed: int
    grid: ScaleGrid
    laws: UnseenLaws
    weight: Array
    log_means: Array
    mass: Array

    def quantile(self, q: float | Sequence[float]) -> Array:
        """Return sizes, persons, below which a share `q` of the probability lies, shape of `q`.

        The Poisson noise of n_0 about its mean is taken by Wilson & Hilferty's normal law of a cube root.
        """
        out = _noisy_quantiles(self.observed, self.log_means, self.mass, np.atleast_1d(q))
        return out if np.ndim(q) else np.asarray(out[0])


def law_of_log_n(table: CaptureTable, spec: ShrinkageSpec | None = None, effort: Effort | None = None) -> LogLaw:
    """Return the law of N of a table, in milliseconds and without anything random.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : ShrinkageSpec, optional
        Options; those on strata are not read.
    effort : Effort, optional
        How finely the law is taken; quickly when not given.

    Returns
    -------
    LogLaw
        Not corrected by importance sampling. Another prior over the grid needs no other fit:
        ``mixture(law.laws, log_prior)``.
    """
    return law_of_cells(*table.dense(), spec, effort)


def quick_quantiles(counts: Array, cells: Array, q: Sequence[float]) -> Array:
    """Return quantiles of `law_of_cells` under the usual options, and nothing else."""
    laws, grid = _laws_of_cells(counts, cells, usual_spec(), None)
    return _noisy_quantiles(float(counts.sum()), *mixture(laws, grid.log_prior, *COARSE), q)


def _noisy_quantiles(observed: float, log_means: Array, mass: Array, q: Sequence[float] | Array) -> Array:
    from mse.kernels.lawgrid import quantiles_of_sizes

    return quantiles_of_sizes(observed, log_means, mass, np.array(q, dtype=np.float64))


def law_of_cells(
    counts: Array, cells: Array, spec: ShrinkageSpec | None = None, effort: Effort | None = None
) -> LogLaw:  # fmt: skip
    """Return the same from the persons of all histories, and 1 where a history can be observed: (2^K,) float64 each."""
    laws, grid = _laws_of_cells(counts, cells, spec or usual_spec(), effort)
    return LogLaw(int(counts.sum()), grid, laws, weights(laws, grid), *mixture(laws, grid.log_prior, *COARSE))


def _laws_of_cells(
    counts: Array, cells: Array, spec: ShrinkageSpec, effort: Effort | None, saturated: bool | None = None
) -> tuple[UnseenLaws, ScaleGrid]:
    n_lists = len(counts).bit_length() - 1
    largest = largest_term(n_lists, spec, saturated)
    grid = make_grid(spec.pair_sd, spec.ratio, common_values(spec, False), largest, spec.visibility)
    priors = usual_priors(grid, n_lists, largest, spec.main_sd)
    return unseen_laws(counted(counts, cells), priors, grid, effort), grid


def identified_law(table: CaptureTable, spec: ShrinkageSpec) -> Distribution:
    """Return the law of N if there were no interaction among all lists, quickly: it stands beside an answer.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : ShrinkageSpec
        Options of the answer; those on strata are not read.
    """
    counts, cells = table.dense()
    laws, grid = _laws_of_cells(counts, cells, spec, None, saturated=False)
    return _law_of_n(table.observed, *mixture(laws, grid.log_prior))


def _law_of_n(observed: int, log_means: Array, mass: Array) -> Distribution:
    inside = log_means <= WIDEST
    return Distribution.smooth_mixture(observed, log_means[inside], mass[inside])


def estimate(
    table: CaptureTable | HistoryTable, spec: ShrinkageSpec, *, seed: int, compute: Compute | None = None
) -> Posterior:
    """Estimate N under one model with every term below the highest order, its interactions shrunk.

    Parameters
    ----------
    table : CaptureTable or HistoryTable
        Two lists or more, any number; with `spec.by_stratum` every stratum gets coefficients of its own and all share
        the scales.
    spec : ShrinkageSpec
        Options.
    seed : int
        Seed of the importance samples and of the draws; the answer does not depend on the number of workers.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        Diagnostics: ``points`` and ``effective_points`` of the grid; ``pair_sd``, ``ratio``, ``common_sd``,
        ``visibility`` (posterior means of the scales); ``grid_edge`` (probability on the largest and smallest s₂);
        ``corrected_weight``, ``correction_largest``, ``unreliable_weight`` (of points where the weights have a tail
        shape above 0.7 and are worth less than half of the draws;
        ``unverified_weight`` on seven lists and more) and ``mc_error`` of the importance sampling;
        ``prior_factor``; ``left_out`` (many lists: expected persons in cells that were left out of the sum);
        ``few_lists`` (strata with fewer than three lists).

    Raises
    ------
    ModelError
        When the table has strata and `spec` does not ask for them, or persons are in a stratum with a single list.
    """
    return _estimate(table, spec, seed, compute or Compute())


def estimate_undrawn(
    table: CaptureTable | HistoryTable, spec: ShrinkageSpec, *, seed: int, compute: Compute | None = None
) -> Posterior:
    """Estimate what departures are put into: of a table without strata there are no draws yet."""
    return _estimate(table, spec, seed, compute or Compute(), drawn=False)


def _estimate(
    table: CaptureTable | HistoryTable, spec: ShrinkageSpec, seed: int, compute: Compute, drawn: bool = True
) -> Posterior:
    if isinstance(table, HistoryTable):
        parts: tuple[Part, ...] = (part_of_many(table, spec),)
    else:
        if spec.by_stratum:
            from mse.estimators.stratified.declared import declare

            table = declare(table, spec.blind, spec.missing)
        else:
            table.dense()  # which refuses a table with strata
        parts = parts_of(table, spec)
    grid = _grid_of(parts, spec)
    found = fit_together(parts, grid, spec.main_sd, seed, compute)
    if isinstance(table, CaptureTable) and spec.by_stratum and table.strata:
        draws = draw_parts(parts, found, spec.draws, np.random.default_rng([seed, 1]))
        totals = draws.sum(axis=1)
        values, times = np.unique(totals, return_counts=True)
        law = Distribution.from_mass(values.astype(np.float64), times.astype(np.float64))
        size = len(parts)
        strata = StrataDraws(
            dict(table.strata), draws, np.quantile(draws, 0.5, axis=0), np.array([part.observed for part in parts]),
            np.full((size, size), math.nan), flags_of(parts),
        )  # fmt: skip
    else:
        law = _law_of_n(table.observed, *mixture(found.laws_of(0), found.log_prior(grid)))
        totals = law.draw(spec.draws, np.random.default_rng([seed, 1])) if drawn else np.zeros(0, dtype=np.int64)
        strata = None
    says = Says(
        inside=INSIDE,
        outside=outside(parts),
        assumptions=assumptions(parts),
        citations=CITATIONS,
        notes=notes(parts, found.left_out),
    )
    return Posterior.of(
        table,
        spec,
        law,
        says,
        method="shrinkage",
        seed=seed,
        draws=totals,
        diagnostics={
            **_scales(grid, found),
            **_sampling(parts, found, grid, law, spec.draws),
            **_prior_factor(parts, spec, found, grid),
            **({"left_out": found.left_out} if any(part.many for part in parts) else {}),
            "few_lists": float(sum(len(part.lists) < 3 for part in parts)),
        },
        strata=strata,
    )


def _grid_of(parts: Sequence[Part], spec: ShrinkageSpec, factor: float = 1.0) -> ScaleGrid:
    """Return the scales to be integrated over, standard deviations of coefficients times `factor`.

    On lists so many that the sum runs over some cells only there is no Rasch model to shrink towards, and what makes
    all pairs positive together is their common part alone.
    """
    many = any(part.many for part in parts)
    common = common_values(spec, many)
    return make_grid(
        tuple(factor * x for x in spec.pair_sd), spec.ratio, tuple(factor * x for x in common),
        max(part.largest for part in parts), (0.0,) if many else spec.visibility,
    )  # fmt: skip


def _scales(grid: ScaleGrid, found: Together) -> dict[str, float]:
    """Return what was learned about the scales."""
    edge = (grid.pair_sd == grid.pair_sd.max()) | (grid.pair_sd == grid.pair_sd.min())
    return {
        "points": float(len(grid)),
        "effective_points": float(1.0 / (found.weight**2).sum()),
        "pair_sd": float(found.weight @ grid.pair_sd),
        "ratio": float(found.weight @ grid.ratio),
        "common_sd": float(found.weight @ grid.common_sd),
        "visibility": float(found.weight @ grid.visibility),
        "grid_edge": float(found.weight[edge].sum()) if len(set(grid.pair_sd)) > 2 else 0.0,
    }


def _quantile(q: float, laws: UnseenLaws, log_prior: Array) -> float:
    """Return the log mean below which a share q of the mixture of laws lies."""
    from mse.kernels.lawmixture import mixed_quantile

    return mixed_quantile(q, laws.nodes, laws.log_density, laws.ends, laws.variance, log_prior, *COARSE)


def _sampling(
    parts: Sequence[Part], found: Together, grid: ScaleGrid, law: Distribution, draws: int
) -> dict[str, float]:
    """Return what importance sampling says about the formula, the worst of all strata."""
    checked = [x for x in found.checked if x is not None]
    if not checked:
        return {}
    sampled = np.array([x.pareto_k == x.pareto_k for x in checked])
    bad = np.array([(x.pareto_k > RELIABLE) & (x.worth < WORTH) for x in checked])
    largest = max(float(np.fmax.reduce(np.abs(x.log_ratio), initial=0.0)) for x in checked)
    if len(parts) == 1:
        prior = found.log_prior(grid)
        ends = [math.log(parts[0].observed + math.exp(_quantile(0.975, x, prior))) for x in checked[0].batches]
        mean = sum(ends) / len(ends)
        error = math.sqrt(sum((x - mean) ** 2 for x in ends) / (len(ends) - 1) / len(ends))
    else:
        spread = math.sqrt(0.025 * 0.975 / draws)
        low, high = law.quantile([0.975 - spread, min(0.975 + spread, 0.9999)])
        error = float((high - low) / (high + low))
    return {
        "corrected_weight": float((sampled * found.weight).sum(axis=1).min()),
        "correction_largest": largest,
        # Where no sampling succeeds, however good the formula, that says nothing against it.
        "unreliable_weight" if all(part.verifiable for part in parts) else "unverified_weight": float(
            (bad * found.weight).sum(axis=1).max()
        ),
        "mc_error": error,
    }


def _prior_factor(parts: Sequence[Part], spec: ShrinkageSpec, found: Together, grid: ScaleGrid) -> dict[str, float]:
    """Return the factor by which the median moves when all prior standard deviations are doubled; of one table only."""
    if len(parts) != 1 or not parts[0].observed or parts[0].many:
        return {}
    part, checked, wide = parts[0], found.checked[0], _grid_of(parts, spec, 2.0)
    assert checked is not None and checked.plain is not None
    laws = laws_of_part(part, wide, 2.0 * spec.main_sd)
    medians = (_quantile(0.5, checked.plain, grid.log_prior), _quantile(0.5, laws, wide.log_prior))
    sizes = [part.observed + math.exp(x) for x in medians]
    return {"prior_factor": max(sizes) / min(sizes)}
