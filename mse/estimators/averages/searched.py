"""Model averaging where the models are too many to list: searched for, and what the search missed estimated.

Weights are those of `mse.estimators.averages.averaging`: Laplace's evidence with β_θ ~ N(0, σ²) and a flat intercept,
corrected by importance sampling. The heaviest models are found by a mode-oriented search (Dobra & Massam 2010); fresh
Metropolis walks over models (Madigan & York 1995) tell which share of the probability they hold, and stand for the rest
of it: the law of N is a mixture of the visited models, exactly weighed, and of the models that the walks met outside,
weighed by the time that was spent there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Annotated

import numpy as np

from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.averages import averaging
from mse.estimators.averages.averaging import AverageSpec, Corrected, Grid, ModelPrior, PriorSd
from mse.estimators.averages.listmodels import ListModels
from mse.estimators.averages.weighing import corrected_law, prior_factor, without_unidentified
from mse.estimators.modelspace.correcting import effective_models
from mse.estimators.modelspace.modelfamilies import make_space
from mse.estimators.modelspace.modelsearch import Effort
from mse.estimators.modelspace.pool import FEWEST_SAMPLED, SAMPLED, Representation, represent
from mse.estimators.modelspace.walking import Searched, explore
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import WITHIN, Draws, Order, count
from mse.tables.captures import CaptureTable
from mse.terms import MAX_CANDIDATES, candidates, term_of
from mse.words.said import Said, said

FEWEST_MODELS = 1_000
"""Least number of models to which a search may be limited."""

CITATIONS = (
    "Dobra & Massam (2010) The mode oriented stochastic search (MOSS) algorithm for log-linear models with conjugate "
    "priors. Statistical Methodology 7:240-253",
    "Madigan & York (1995) Bayesian graphical models for discrete data. International Statistical Review 63:215-232",
    *averaging.CITATIONS,
)


@dataclass(frozen=True, slots=True)
class SearchAverageSpec:
    """Options of the average over models that are searched for.

    Parameters
    ----------
    sd, model_prior, corrected, draws
        As in `AverageSpec`.
    max_order : int or None
        Largest number of lists in one term; None takes every order but the saturated term, which fits up to six lists.
    models : int
        Models that the search fits, about; the heaviest are followed first.
    window : float
        Models with less than this share of the best one's weight are not followed.
    """

    sd: PriorSd | Grid = 1.0
    max_order: Order | None = 2
    model_prior: ModelPrior = "uniform"
    corrected: Corrected = 0.99
    draws: Draws = 10_000
    models: Annotated[int, count(FEWEST_MODELS, 10_000_000)] = 200_000
    window: Annotated[float, WITHIN] = 1e-6

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    @property
    def exact(self) -> AverageSpec:
        """The same prior as options of the exact average."""
        return AverageSpec(self.sd, self.max_order, self.model_prior, self.corrected, self.draws)


def estimate(table: CaptureTable, spec: SearchAverageSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Average the unseen over hierarchical log-linear models that are searched for.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : SearchAverageSpec
        Options.
    seed : int
        Of the search, the walks, the importance samples and the draws; the answer does not depend on the number of
        workers.
    compute : Compute, optional
        Workers, progress, and a folder for finished parts, with which an interrupted search goes on.

    Returns
    -------
    Posterior
        As from the exact average. Further diagnostics: ``visited`` and ``visited_error``, the share of the probability
        that the models of the search hold, as estimated by walks made after it, and its standard error;
        ``rhat_max`` and ``ess_bulk_min`` of these walks (log posterior, mode of log n_0); ``models``, how many were
        visited; ``mc_error`` with the error of the walks in it.

    Raises
    ------
    ModelError
        When the table has strata, or there are more than 62 candidate terms.
    """
    compute = compute or Compute()
    subsets = check_terms(table.n_lists, spec.max_order)
    log_prior = log_prior_by_size(subsets, table.n_lists, spec)
    grid = spec.exact.grid
    family, effort = ListModels(table.dense(), subsets), Effort(spec.window, spec.models)
    found = [
        explore(make_space(family, log_prior + math.log(prior), sd), effort, seed, compute)
        for sd, prior in grid.items()
    ]
    standing = represent(found, spec.corrected, seed)
    laplace, unidentified = without_unidentified(family, standing.pool)
    heavy = min(standing.heavy, len(laplace.mask))
    pool, correction, law = corrected_law(table.observed, laplace, 1.0 if spec.corrected > 0 else 0.0, seed, compute)
    weight = pool.weight / pool.total
    models = sum(len(s.visited.masks) for s in found)
    says = Says(
        inside=averaging.INSIDE,
        outside=averaging.OUTSIDE,
        assumptions=(*averaging.restriction(table.n_lists, spec.max_order), *averaging.ASSUMPTIONS),
        citations=CITATIONS,
        notes=_notes(models, standing, spec, unidentified),
    )
    return Posterior.of(
        table,
        spec,
        law,
        says,
        method="search-average",
        seed=seed,
        settled={"sd": grid if len(grid) > 1 else next(iter(grid))},
        draws=np.random.default_rng([seed, 1]),
        models=averaging.heaviest(table, pool.only(slice(heavy)), correction.first(heavy), weight[:heavy]),
        interactions=averaging.interactions(table, pool),
        diagnostics={
            "models": float(models),
            "visited": standing.visited,
            "visited_error": standing.visited_error,
            "rhat_max": max(s.walks.rhat for s in found),
            "ess_bulk_min": min(s.walks.effective for s in found),
            "effective_models": effective_models(laplace, pool, heavy),
            "corrected_models": float(correction.models),
            "corrected_weight": float(weight[: correction.models].sum()),
            "sampled_weight": standing.sampled_weight,
            "correction_mean": float(correction.log_ratio @ weight[: correction.models]),
            "correction_largest": float(np.abs(correction.log_ratio).max(initial=0.0)),
            "unreliable_weight": correction.unreliable(weight),
            "unidentified_weight": unidentified,
            "mc_error": averaging.mc_error(law, _worth(standing, found, correction.effective)),
            "prior_factor": prior_factor(table.observed, laplace),
        },
    )


def check_terms(n_lists: int, max_order: int | None) -> Integers:
    """Return the candidate terms.

    Raises
    ------
    ModelError
        When there are more than fit one mask.
    """
    largest = n_lists - 1 if max_order is None else min(max_order, n_lists - 1)
    terms = sum(comb(n_lists, order) for order in range(2, largest + 1))
    if terms <= MAX_CANDIDATES:
        return candidates(n_lists, max_order)
    remedy = said("do.set_max_order_2") if comb(n_lists, 2) <= MAX_CANDIDATES else (
        said("do.merge_lists_work_alike_3")
    )  # fmt: skip
    allowed = said("allowed.most_six_lists_any", max_candidates=MAX_CANDIDATES)
    raise ModelError(Problem(said("fault.many_terms", lists=n_lists, count=terms, order=largest), allowed, remedy))


def log_prior_by_size(subsets: Integers, n_lists: int, spec: SearchAverageSpec) -> Array:
    """Return the log prior of one model with 0, 1, … c candidate terms, up to a constant."""
    if spec.model_prior == "uniform":
        return np.zeros(len(subsets) + 1)
    largest = max((int(s).bit_count() for s in subsets), default=2)
    if largest == 2:
        of_size = np.array([float(comb(len(subsets), i)) for i in range(len(subsets) + 1)])
    elif n_lists <= 6:
        return averaging.log_prior_by_size(subsets, "size")
    else:
        of_size = _three_way_models(n_lists)
    with np.errstate(divide="ignore"):
        return np.where(of_size > 0, -np.log(np.maximum(of_size, 1.0)), -np.inf)


@lru_cache(maxsize=4)
def _three_way_models(n_lists: int) -> Array:
    """Return how many models with terms of two and three lists there are, by their number of terms.

    On a graph with t triangles every set of these may be in the model.
    """
    pairs = {term_of(pair): i for i, pair in enumerate(combinations(range(n_lists), 2))}
    graphs = np.arange(1 << len(pairs), dtype=np.int64)
    triangles = np.zeros(len(graphs), dtype=np.int64)
    for three in combinations(range(n_lists), 3):
        edges = sum(1 << pairs[term_of(pair)] for pair in combinations(three, 2))
        triangles += (graphs & edges) == edges
    most = comb(n_lists, 3)
    counts = np.zeros((len(pairs) + 1, most + 1), dtype=np.int64)
    np.add.at(counts, (np.bitwise_count(graphs), triangles), 1)
    out = np.zeros(len(pairs) + most + 1)
    for edges, t in np.argwhere(counts).tolist():
        for chosen in range(t + 1):
            out[edges + chosen] += float(counts[edges, t]) * comb(t, chosen)
    return out


def _worth(standing: Representation, found: list[Searched], effective: float) -> float:
    """Return the independent draws that the law of N is worth: those within models, of models, and of the walks."""
    sampled = max(FEWEST_SAMPLED, SAMPLED * standing.sampled_weight)
    walked = min(s.walks.effective for s in found)
    return 1.0 / (1.0 / effective + standing.sampled_weight**2 / sampled + (1.0 - standing.visited) ** 2 / walked)


def _notes(models: int, standing: Representation, spec: SearchAverageSpec, unidentified: float) -> tuple[Said, ...]:
    """Say what was averaged over, and how much of it was seen."""
    seen = {"count": models, "share": standing.visited, "error": standing.visited_error}
    every = spec.max_order is None
    notes = [said("note.searched_all", **seen) if every else said("note.searched_order", **seen, order=spec.max_order)]
    if standing.sampled_weight > 0.02:
        notes.append(said("note.spread_sampled", share=standing.sampled_weight))
    if unidentified > 0.0:
        notes.append(said("note.unidentified", share=unidentified))
    return tuple(notes)
