"""Average over hierarchical models on lists and covariates, with blind and missing lists, labels and bounds.

Every term but the intercept has independent N(0, σ²) coefficients in orthonormal sum-to-zero coding, which is the unit
information prior at σ = 1 (Overstall & King 2014), and the intercept is flat. Models are searched, walked over and
corrected as those on lists alone (`mse.estimators.averages.searched`), all with the same prior probability: from main
effects the best neighbour is followed, then all neighbours of every model in the window are fitted until none is new
(Madigan & Raftery 1994). Each draw takes a model and coefficients, then the persons themselves: Poisson in hidden
cells, Poisson cut off at the bound in bounded ones, multinomial for missing labels: the augmentation of Overstall et
al. (2014), without a chain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Annotated

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import ModelWeights, Posterior, Says
from mse.answers.strata import StrataDraws
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.modelspace.correcting import ALONE, Importance, correct, effective_models
from mse.estimators.modelspace.modelfamilies import joined, make_space
from mse.estimators.modelspace.modelsearch import Effort
from mse.estimators.modelspace.pool import represent
from mse.estimators.modelspace.walking import explore
from mse.estimators.stratified.declared import Blind, Bounded, Missing, Unknown, declare
from mse.estimators.stratified.formulas import term_name
from mse.estimators.stratified.notes import assumptions, flags, notes_on_cells, plain
from mse.estimators.stratified.opencells import StrataCells, build_cells
from mse.estimators.stratified.stratasearch import join_candidates, require
from mse.estimators.stratified.stratumfit import fit_strata
from mse.estimators.stratified.stratummodels import Persons, StrataModels, draw_persons, strata_models
from mse.kernels.arrays import Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import WITHIN, Between, Draws, Order
from mse.tables.captures import CaptureTable
from mse.terms import Model, model_of
from mse.words.said import said

DRAWN = ALONE._replace(fewest=500, most=10_000)
"""Importance draws of the models."""
EFFORT = partial(Effort, most=20_000, starts=1, chunk=16, steps=4_000, segments=4)
"""How far models are searched: a fit takes a hundred times as long as without covariates."""
REPORTED = 1000

CITATIONS = (
    "Overstall & King (2014) conting: an R package for Bayesian analysis of complete and incomplete contingency "
    "tables. Journal of Statistical Software 58(7)",
    "Overstall, King, Bird, Hutchinson & Hay (2014) Incomplete contingency tables with censored cells with application "
    "to estimating the number of people who inject drugs in Scotland. Statistics in Medicine 33:1564-1579",
    "Madigan & Raftery (1994) Model selection and accounting for model uncertainty in graphical models using Occam's "
    "window. JASA 89:1535-1546",
    "Vehtari, Simpson, Gelman, Yao & Gabry (2024) Pareto smoothed importance sampling. JMLR 25(72)",
)
ASSUMPTIONS = (
    said("assumed.no_all_lists"),
    said("assumed.closed"),
    said("assumed.linked_lists"),
    said("assumed.differences_stratum"),
)


@dataclass(frozen=True, slots=True)
class StrataAverageSpec:
    """Options of the average with covariates.

    Parameters
    ----------
    sd : float
        Prior standard deviation σ of every coefficient but the intercept.
    max_order : int
        Most factors in a term.
    window : float
        Models with less than this share of the best one's weight are not followed further.
    draws : int
        Draws to store.
    blind, missing, bounded, unknown
        See `mse.estimators.stratified.declared`.
    """

    sd: Annotated[float, Between(0, 1000, above=True, below=True)] = 1.0
    max_order: Order = 2
    window: Annotated[float, WITHIN] = 1e-4
    draws: Draws = 10_000
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)
    bounded: Bounded = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


def estimate(table: CaptureTable, spec: StrataAverageSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Average over hierarchical models on lists and covariates.

    Parameters
    ----------
    table : CaptureTable
        With or without strata; lists that are blind or absent in some strata as declared in it or in `spec`.
    spec : StrataAverageSpec
        Options.
    seed : int
        Seed of everything random.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        With `strata`. Diagnostics: ``models`` (visited), ``visited`` and ``visited_error`` (the
        share of the probability that they hold, by random walks made afterwards, and its standard error),
        ``walks_rhat`` (along these walks), ``effective_models``, ``corrected_models``, ``sampled_weight`` (of models
        that a sample stands for), ``unreliable_weight`` (of models whose importance weights have a tail shape above
        0.7), ``boundary_weight`` (of visited models whose neighbours were not all fitted), ``few_lists``,
        ``bounded_persons``, ``unlabelled``.

    Raises
    ------
    ModelError
        When the lists that operate leave some stratum open even without interactions, or the model of main effects
        has no mode.
    InputError
        When persons are on a list where it is declared blind or missing.
    """
    compute = compute or Compute()
    table = declare(table, spec.blind, spec.missing)
    cells = build_cells(table, bounded=spec.bounded, unknown=spec.unknown)
    # a proper prior stands in for empty overlaps, but not for lists that were not there
    require(cells, fit_strata(cells, Model(len(cells.names), ())), ("not identifiable",))
    family = strata_models(cells, join_candidates(cells, spec.max_order))
    space = make_space(family, np.zeros(len(family.terms) + 1), spec.sd)
    if not np.isfinite(family.fit(np.zeros_like(space.facets[:1]), spec.sd)[0, 0]):
        raise ModelError(
            Problem(said("fault.no_mode"), said("allowed.table_overlap"), said("do.check_table"),
                    file=said("what.table", name=cells.table.name))
        )  # fmt: skip
    searched = explore(space, EFFORT(spec.window), seed, compute)
    standing = represent([searched], 1.0, seed)
    laplace, models = standing.pool, len(standing.pool.mask)
    wanted = np.maximum(np.ceil(3 * spec.draws * laplace.weight / laplace.total), 100).astype(np.int64)

    def persons(drawn: Iterator[tuple[int, Importance]]) -> list[Persons]:
        made = []
        for i, found in drawn:
            rng = np.random.default_rng([seed, 1, i])
            chosen = rng.choice(len(found.betas), size=int(wanted[i]), p=np.exp(found.log_weight))
            made.append(draw_persons(cells, family, laplace.mask[i], found.betas[chosen], rng))
        return made

    pool, correction, made = correct(laplace, models, persons, seed, compute, DRAWN)
    drawn = [one for chunk in made for one in chunk]
    weights = pool.weight / pool.total
    rng = np.random.default_rng([seed, 0])
    times = rng.multinomial(spec.draws, weights / weights.sum())
    # a model that correcting made much heavier may be asked for more than it has
    rows = [np.arange(n) if n <= w else rng.integers(w, size=n) for n, w in zip(times, wanted, strict=True)]
    draws = rng.permutation(np.concatenate([one.sizes[at] for one, at in zip(drawn, rows, strict=True)]))
    counted = sum(int(one.inside[at].sum()) for one, at in zip(drawn, rows, strict=True))
    values, counts = np.unique(draws.sum(axis=1), return_counts=True)
    law = Distribution.from_mass(values.astype(np.float64), counts.astype(np.float64))
    order = np.argsort(-weights[: standing.heavy], kind="stable")[:REPORTED]
    own = np.exp(searched.visited.values - searched.visited.values.max())
    observed = table.observed - int(cells.upper.sum())
    notes = notes_on_cells(cells, counted / spec.draws)
    if standing.sampled_weight > 0.02:
        notes = [*notes, said("note.spread_sampled", share=standing.sampled_weight)]
    says = Says(
        inside=(said("source.interactions_covariates"), said("source.strength"), said("source.chance")),
        outside=(said("source.all_lists"), said("source.linkage"), said("source.prior")),
        assumptions=(*ASSUMPTIONS, *assumptions(cells)),
        citations=CITATIONS,
        notes=tuple(notes),
        point_kind=said("kind.posterior_covariates"),
    )
    return Posterior.of(
        table, spec, law, says, method="average-strata", seed=seed, settled=plain(asdict(spec)),
        draws=draws.sum(axis=1), observed=observed,
        models=ModelWeights(
            tuple(_named(cells, family, pool.mask[i]) for i in order),
            weights[order], pool.log_evidence[order],
            np.array([drawn[i].sizes.sum(axis=1).mean() for i in order]),
            np.array([_log_sd(cells, drawn[i]) for i in order]),
            correction.pareto_k[order],
        ),
        interactions={
            term_name(int(term), cells.names): float(share / pool.total)
            for term, share in zip(family.terms, pool.inclusion, strict=True)
        },
        diagnostics={
            "models": float(len(searched.visited.masks)),
            "visited": standing.visited,
            "visited_error": standing.visited_error,
            "walks_rhat": searched.walks.rhat,
            "effective_models": effective_models(laplace, pool, standing.heavy),
            "corrected_models": float(models),
            "sampled_weight": standing.sampled_weight,
            "unreliable_weight": correction.unreliable(weights),
            "boundary_weight": float(own[~searched.visited.followed].sum() / own.sum()),
            "few_lists": float((cells.operating < 3).sum()),
            "bounded_persons": float(cells.upper.sum()),
            "unlabelled": float(cells.unlabelled),
        },
        strata=StrataDraws(
            cells.dimensions, draws, np.quantile(draws, 0.5, axis=0), cells.certain,
            np.full((cells.n_strata, cells.n_strata), math.nan), flags(cells, ("ok",) * cells.n_strata),
            unlabelled=cells.without_label,
        ),
    )  # fmt: skip


def _named(cells: StrataCells, family: StrataModels, mask: Integers) -> str:
    """Return the generators of a model as a formula writes them."""
    model = model_of(joined(mask), family.terms, len(cells.names))
    return " + ".join(term_name(generator, cells.names) for generator in model.generators)


def _log_sd(cells: StrataCells, drawn: Persons) -> float:
    """Return the standard deviation of the log of the unseen."""
    return float(np.log(np.maximum(drawn.sizes.sum(axis=1) - int(cells.certain.sum()), 1)).std())
