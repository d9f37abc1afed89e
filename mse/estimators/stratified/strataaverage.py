"""Average over hierarchical models on lists and covariates, with blind and missing lists, labels and bounds.

Every term but the intercept has independent N(0, σ²) coefficients in orthonormal sum-to-zero coding, which is the unit
information prior at σ = 1 (Overstall & King 2014), and the intercept is flat. Models are visited by their evidence
(Laplace): from main effects the best neighbour is followed, then all neighbours of every model in the window are
fitted until none is new (Madigan & Raftery 1994). The heaviest are corrected by importance sampling with a Student t
around the mode. Each draw takes a model and coefficients, then the persons themselves: Poisson in hidden cells, Poisson
cut off at the bound in bounded ones, multinomial for missing labels: the augmentation of Overstall et al. (2014),
without a chain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import ModelWeights, Posterior, Says
from mse.answers.strata import StrataDraws
from mse.computing.convergence import RELIABLE
from mse.computing.parallel import Compute
from mse.errors import Problem
from mse.estimators.stratified.declared import Wheres, check_declared, declare
from mse.estimators.stratified.formulas import term_name
from mse.estimators.stratified.notes import assumptions, flags, notes_on_cells, plain
from mse.estimators.stratified.opencells import build_cells
from mse.estimators.stratified.stratasearch import join_candidates, require
from mse.estimators.stratified.strataweights import balanced, correct, draw_persons, shares, visit
from mse.estimators.stratified.stratumfit import fit_strata
from mse.estimators.stratified.visited import walk
from mse.settings.optionchecks import check_draws, check_types, raise_if_any
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import said

CORRECTED = 0.999
"""Share of the weight whose models are corrected by importance sampling."""
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
        As in `CovariatesSpec`.
    """

    sd: float = 1.0
    max_order: int = 2
    window: float = 1e-4
    draws: int = 10_000
    blind: Mapping[str, Wheres] = field(default_factory=dict)
    missing: Mapping[str, Wheres] = field(default_factory=dict)
    bounded: Mapping[str, Wheres] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_types(self)
        problems = check_draws(self.draws)
        problems += check_declared(
            blind=self.blind, missing=self.missing, bounded=self.bounded, unknown=self.unknown
        )  # fmt: skip
        for name, value, good, allowed in (
            ("sd", self.sd, self.sd > 0, "a number above 0; 1 is the unit-information prior"),
            ("max_order", self.max_order, self.max_order >= 1, "1 (main effects), 2 (pairs), …"),
            ("window", self.window, 0 < self.window < 1, "a share between 0 and 1, such as 1e-4"),
        ):
            if not good:
                problems.append(Problem(f"`{name}` is out of range", allowed, "correct it", value=str(value)))
        raise_if_any(problems)


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
        ``walks_rhat`` (of the log posterior along these walks), ``effective_models``, ``corrected_models``,
        ``unreliable_weight`` (of models whose importance weights have a tail shape above 0.7), ``boundary_weight`` (of
        visited models whose neighbours were not all fitted), ``few_lists``, ``bounded_persons``, ``unlabelled``.

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
    singles = [1 << j for j in range(len(cells.names))]
    design = balanced(cells, [0, *singles, *join_candidates(cells, spec.max_order)])
    found = visit(cells, design, spec.sd, spec.window, compute)
    walks = walk(cells, design, spec.sd, spec.window, found, (seed, 2), compute)
    if walks.outside:
        found = visit(cells, design, spec.sd, spec.window, compute, [*found, *walks.outside])
        walks = walk(cells, design, spec.sd, spec.window, found, (seed, 3), compute)
    laplace = shares(np.array([w.log_evidence for w in found]))
    heavy = int(np.searchsorted(np.cumsum(laplace), CORRECTED)) + 1
    task = partial(correct, cells, design, spec.sd, seed)
    sampled = list(
        compute.map("importance sampling", task, [(i, w, float(laplace[i])) for i, w in enumerate(found[:heavy])])
    )
    shift = float(np.average([c.log_evidence - w.log_evidence for c, w in zip(sampled, found, strict=False)],
                             weights=laplace[: len(sampled)]))  # fmt: skip
    evidence = np.array([c.log_evidence for c in sampled] + [w.log_evidence + shift for w in found[heavy:]])
    weights = shares(evidence)
    rng = np.random.default_rng([seed, 0])
    # models that were not corrected hold a thousandth of the weight at most; they are not drawn from
    times = rng.multinomial(spec.draws, weights[:heavy] / weights[:heavy].sum())
    counted = 0
    parts, sizes, spreads = [], np.full(len(found), np.nan), np.full(len(found), np.nan)
    for i, (weighed, sample) in enumerate(zip(found, sampled, strict=False)):
        chosen = rng.choice(sample.weights.size, size=max(int(times[i]), 100), p=sample.weights)
        drawn, inside = draw_persons(cells, design, weighed.columns, sample.betas[chosen], rng)
        unseen = np.maximum(drawn.sum(axis=1) - int(cells.certain.sum()), 1)
        sizes[i], spreads[i] = drawn.sum(axis=1).mean(), np.log(unseen).std()
        parts.append(drawn[: times[i]])
        counted += int(inside[: times[i]].sum())
    draws = rng.permutation(np.concatenate(parts))
    values, counts = np.unique(draws.sum(axis=1), return_counts=True)
    law = Distribution.from_mass(values.astype(np.float64), counts.astype(np.float64))
    shapes = np.array([c.pareto_k for c in sampled])
    limit = math.log(spec.window) + max(w.log_evidence for w in found)
    order = np.argsort(-weights, kind="stable")[:REPORTED]
    held = [set(w.model.terms) for w in found]
    pairs = {
        term_name(term, cells.names): float(sum(w for w, terms in zip(weights, held, strict=True) if term in terms))
        for term in design.place
        if term.bit_count() > 1
    }
    observed = table.observed - int(cells.upper.sum())
    says = Says(
        inside=(said("source.interactions_covariates"), said("source.strength"), said("source.chance")),
        outside=(said("source.all_lists"), said("source.linkage"), said("source.prior")),
        assumptions=(*ASSUMPTIONS, *assumptions(cells)),
        citations=CITATIONS,
        notes=tuple(notes_on_cells(cells, counted / spec.draws)),
        point_kind=said("kind.posterior_covariates"),
    )
    return Posterior.of(
        table, spec, law, says, method="average-strata", seed=seed, settled=plain(asdict(spec)),
        draws=draws.sum(axis=1), observed=observed,
        models=ModelWeights(
            tuple(" + ".join(term_name(g, cells.names) for g in found[i].model.generators) for i in order),
            weights[order], evidence[order], sizes[order], spreads[order],
            np.array([shapes[i] if i < heavy else math.nan for i in order]),
        ),
        interactions=pairs,
        diagnostics={
            "models": float(len(found)),
            "visited": walks.share,
            "visited_error": walks.error,
            "walks_rhat": walks.rhat,
            "effective_models": float(1.0 / (weights**2).sum()),
            "corrected_models": float(heavy),
            "unreliable_weight": float(weights[:heavy][~(shapes <= RELIABLE)].sum()),
            "boundary_weight": float(weights[[w.log_evidence < limit for w in found]].sum()),
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
