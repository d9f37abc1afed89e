"""Exact model averaging: every hierarchical log-linear model, weighed by its evidence.

The evidence of each model is Laplace's with β_θ ~ N(0, σ²) and a flat intercept (Overstall & King 2014); for the
models that carry the weight it is then corrected by importance sampling, and so is their law of log n_0. Nothing is
sampled from the space of models: the mixture is the sum over all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import ModelWeights, Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.averages.listmodels import ListModels
from mse.estimators.averages.weighing import corrected_law, gather, prior_factor, refitted, without_unidentified
from mse.estimators.modelspace.correcting import Correction
from mse.estimators.modelspace.modelfamilies import joined
from mse.estimators.modelspace.pool import Pool
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between, Check, Draws, Order
from mse.tables.captures import CaptureTable
from mse.terms import MOST_MODELS, count_models, members, model_of
from mse.terms import candidates as candidate_terms
from mse.words.said import Said, said

KEPT = 20_000
"""Models that are kept in full; the others enter the sums and the binned part of the mixture."""

REPORTED = 1_000
"""Models that the posterior lists."""

INSIDE = (said("source.interactions"), said("source.strength"), said("source.chance"))
OUTSIDE = (said("source.all_lists"), said("source.linkage"), said("source.prior"), said("source.truth"))
ASSUMPTIONS = (
    said("assumed.no_all_lists"),
    said("assumed.closed"),
    said("assumed.linked_belong"),
    said("assumed.differences"),
)
CITATIONS = (
    "Overstall & King (2014) conting: an R package for Bayesian analysis of complete and incomplete contingency "
    "tables. Journal of Statistical Software 58(7)",
    "Madigan & York (1997) Bayesian methods for estimation of the size of a closed population. Biometrika 84:19-31",
    "Geweke (1989) Bayesian inference in econometric models using Monte Carlo integration. Econometrica 57:1317-1339",
    "Vehtari, Simpson, Gelman, Yao & Gabry (2024) Pareto smoothed importance sampling. JMLR 25(72)",
)


PriorSd = Annotated[float, Between(0, 1000, above=True, below=True)]
Grid = Annotated[
    Mapping[PriorSd, Annotated[float, Between(0, math.inf, above=True, below=True)]],
    Check(said("example.sd_grid"), lambda grid: not grid),
]
ModelPrior = Literal["uniform", "size"]
Corrected = Annotated[float, Between(0, 1, below=True)]


@dataclass(frozen=True, slots=True)
class AverageSpec:
    """Options of exact model averaging.

    Parameters
    ----------
    sd : float or mapping of float to float
        Prior standard deviation of every interaction and list effect (sum-to-zero coding), or a grid of values with
        prior weights. 1 is the unit-information choice.
    max_order : int or None
        Largest number of lists in one term; None takes every order but the saturated term.
    model_prior : str
        ``"uniform"`` over models, or ``"size"``: uniform over the number of interactions, then over models of it.
    corrected : float
        Share of the model weight that is corrected by importance sampling.
    draws : int
        Draws of N to store.
    """

    sd: PriorSd | Grid = 1.0
    max_order: Order | None = None
    model_prior: ModelPrior = "uniform"
    corrected: Corrected = 0.99
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    @property
    def grid(self) -> dict[float, float]:
        """Prior standard deviations with normalised prior weights."""
        if isinstance(self.sd, Mapping):
            total = sum(self.sd.values())
            return {float(sd): float(weight) / total if total > 0 else 0.0 for sd, weight in self.sd.items()}
        return {float(self.sd): 1.0}


def estimate(table: CaptureTable, spec: AverageSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Average the unseen over every hierarchical log-linear model.

    Parameters
    ----------
    table : CaptureTable
        Without strata, at least 2 lists (3 for any interaction).
    spec : AverageSpec
        Options.
    seed : int
        Seed of the importance samples and of the draws; the answer does not depend on the number of workers.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        With weights of the heaviest models, inclusion probabilities of every interaction, and diagnostics:
        ``models``, ``effective_models``, ``corrected_weight``, ``correction_mean``, ``correction_largest``,
        ``unreliable_weight`` (Pareto shape above 0.7), ``binned_weight``, ``prior_factor``.

    Raises
    ------
    ModelError
        When the table has strata or too many models to enumerate, with what can be done instead.

    References
    ----------
    Overstall & King (2014); Madigan & York (1997).
    """
    return _estimate(table, spec, seed, compute or Compute())


def estimate_beside(table: CaptureTable, spec: AverageSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate what only stands beside an answer: without the list of models, without ``prior_factor``."""
    return _estimate(table, spec, seed, compute or Compute(), beside=True)


def estimate_part(table: CaptureTable, spec: AverageSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate one of several tables that are added up: with fewer importance draws, and without the list of models."""
    return _estimate(table, spec, seed, compute or Compute(), alone=False)


def _estimate(
    table: CaptureTable, spec: AverageSpec, seed: int, compute: Compute, alone: bool = True, beside: bool = False
) -> Posterior:
    """Estimate from a table of its own, from one of several that are added up, or beside an answer."""
    models = check_size(table.n_lists, spec.max_order)
    laplace, astray, unidentified = laplace_pool(table, spec, compute)
    pool, correction, law = corrected_law(table.observed, laplace, spec.corrected, seed, compute, alone)
    weight = pool.weight / pool.total
    heavy = weight[: correction.models]
    says = Says(
        inside=INSIDE if models > 1 else INSIDE[1:],
        outside=OUTSIDE if models > 1 else (INSIDE[0], *OUTSIDE),
        assumptions=(*restriction(table.n_lists, spec.max_order), *ASSUMPTIONS),
        citations=CITATIONS,
        notes=_notes(models, table.n_lists, spec, float(heavy.sum()), unidentified, astray),
    )
    return Posterior.of(
        table,
        spec,
        law,
        says,
        method="average",
        seed=seed,
        settled={"sd": spec.grid if len(spec.grid) > 1 else next(iter(spec.grid))},
        draws=np.random.default_rng([seed, 1]),
        models=heaviest(table, pool, correction, weight) if alone and not beside else None,
        interactions=interactions(table, pool) if alone and not beside else {},
        diagnostics={
            "models": float(models),
            "effective_models": pool.total**2 / pool.total_square,
            "corrected_models": float(correction.models),
            "corrected_weight": float(heavy.sum()),
            "correction_mean": float(correction.log_ratio @ heavy / heavy.sum()) if len(heavy) else 0.0,
            "correction_largest": float(np.abs(correction.log_ratio).max(initial=0.0)),
            "unreliable_weight": correction.unreliable(weight),
            "binned_weight": float(pool.rest[:, 0].sum() / pool.total),
            "not_converged": float(astray),
            "unidentified_weight": unidentified,
            "mc_error": mc_error(law, correction.effective),
            **({} if beside else {"prior_factor": prior_factor(table.observed, laplace)}),
        },
    )


def laplace_pool(table: CaptureTable, spec: AverageSpec, compute: Compute) -> tuple[Pool, int, float]:
    """Weigh every model by Laplace: the pool, the models that did not converge, the weight of the unidentified."""
    from mse.kernels.sweep import sweep_evidence

    dense = table.dense()
    models = check_size(table.n_lists, spec.max_order)
    subsets = candidate_terms(table.n_lists, spec.max_order)
    log_prior = log_prior_by_size(subsets, spec.model_prior)
    run = partial(compute.map, f"fitting {models:,} models")
    sweeps = [
        sweep_evidence(dense.counts, dense.cells, subsets, sd**-2, log_prior + math.log(prior),
                       keep=min(KEPT, models), run=run)
        for sd, prior in spec.grid.items()
    ]  # fmt: skip
    family = ListModels(dense, subsets)
    pool = gather(family, tuple(spec.grid), sweeps)
    astray = sum(sweep.not_converged for sweep in sweeps)
    if astray and models <= KEPT:
        pool, astray = refitted(pool, log_prior), 0
    pool, unidentified = without_unidentified(family, pool)
    return pool, astray, unidentified


def check_size(n_lists: int, max_order: int | None) -> int:
    """Return the number of models to enumerate.

    Raises
    ------
    ModelError
        When there are too many of them, with what can be done instead.
    """
    largest = n_lists - 1 if max_order is None else min(max_order, n_lists - 1)
    models = None if n_lists > 6 and largest > 2 else count_models(n_lists, max_order)
    if models is not None and models <= MOST_MODELS:
        return models
    remedy = said("do.set_max_order_2_4") if n_lists == 7 else (
        said("do.merge_lists_work_alike_2")
    )  # fmt: skip
    too_many = said("fault.too_many_models", lists=n_lists, order=largest)
    raise ModelError(
        Problem(too_many if models is None else said("fault.many_models", lists=n_lists, order=largest, count=models),
                said("allowed.most_models_six_lists", most_models=MOST_MODELS), remedy)
    )  # fmt: skip


def log_prior_by_size(subsets: Integers, model_prior: str) -> Array:
    """Return the log prior of one model with 0, 1, … c interactions, shape (c + 1,)."""
    return _prior_by_size(tuple(subsets.tolist()), model_prior)


@lru_cache(maxsize=64)
def _prior_by_size(terms: tuple[int, ...], model_prior: str) -> Array:
    from mse.kernels.enumeration import count_models as count_by_size
    from mse.kernels.enumeration import facet_masks

    of_size = count_by_size(facet_masks(np.array(terms, dtype=np.int64)), 0, 0).astype(np.float64)
    if model_prior == "uniform":
        return np.full(len(of_size), -math.log(of_size.sum()))
    with np.errstate(divide="ignore"):
        return np.where(of_size > 0, -np.log(np.maximum(of_size, 1.0) * (of_size > 0).sum()), -np.inf)


def heaviest(table: CaptureTable, pool: Pool, correction: Correction, weight: Array) -> ModelWeights:
    """Return the heaviest models as they are reported."""
    order = np.argsort(-weight, kind="stable")[:REPORTED]
    shape = np.full(len(weight), np.nan)
    shape[: correction.models] = correction.pareto_k
    return ModelWeights(
        notation=tuple(model_of(joined(mask), pool.family.terms, table.n_lists).notation for mask in pool.mask[order]),
        weight=weight[order],
        log_evidence=pool.log_evidence[order],
        size=table.observed + np.exp(pool.mean[order]),
        log_sd=np.sqrt(pool.variance[order]),
        pareto_k=shape[order],
    )


def interactions(table: CaptureTable, pool: Pool) -> dict[str, float]:
    """Return the probability of every term of two lists and more, the likeliest first."""
    found = {
        ":".join(table.lists[j] for j in members(int(term))): float(share / pool.total)
        for term, share in zip(pool.family.terms, pool.inclusion, strict=True)
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def restriction(n_lists: int, max_order: int | None) -> tuple[Said, ...]:
    """Return what a limit on the order of terms assumes beyond the identifying assumption."""
    if max_order is None or max_order >= n_lists - 1:
        return ()
    if max_order == 1:
        return (said("assumed.independent"),)
    return (said("assumed.no_more_than", order=max_order),)


def mc_error(law: Distribution, effective: float) -> float:
    """Return the relative Monte Carlo error of the upper end of the 95 % interval, one standard error."""
    spread = math.sqrt(0.025 * 0.975 / effective)
    low, high = law.quantile([0.975 - spread, min(0.975 + spread, 0.9999)])
    return float((high - low) / (high + low))


def _notes(
    models: int, n_lists: int, spec: AverageSpec, corrected: float, unidentified: float, astray: int
) -> tuple[Said, ...]:
    """Say what was averaged over."""
    largest = n_lists - 1 if spec.max_order is None else min(spec.max_order, n_lists - 1)
    every = spec.max_order is None
    notes = [
        said("note.averaged_all", count=models) if every else said("note.averaged_order", count=models, order=largest)
    ]
    if 0.0 < corrected < spec.corrected - 0.02:
        notes.append(said("note.spread_corrected", share=corrected))
    if unidentified > 0.0:
        notes.append(said("note.unidentified", share=unidentified))
    if astray:
        notes.append(said("note.astray", count=astray))
    return tuple(notes)
