"""The estimator with covariates: one log-linear model on lists by strata, named by a formula or found by a search.

Main effects and interactions of lists and covariates, by stepwise BIC, with parametric bootstrap: the method of the
Dutch estimates of victims of human trafficking (van Dijk, Cruyff, van der Heijden & Kragten-Heerdink 2017; Cruyff, van
Dijk & van der Heijden 2017), here with existence checks, and labelled as conditional on the selected model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.answers.strata import StrataDraws
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.stratified.declared import Blind, Bounded, Missing, Unknown, declare
from mse.estimators.stratified.formulas import parse_formula
from mse.estimators.stratified.imputation import RUBIN, imputed
from mse.estimators.stratified.notes import assumptions, flags, notes_on_fit, plain
from mse.estimators.stratified.opencells import StrataCells, build_cells
from mse.estimators.stratified.stratasearch import Found, Walk, path_rows, require, search
from mse.estimators.stratified.stratumdraws import bootstrap, bootstrap_law, lognormal
from mse.estimators.stratified.stratumfit import StrataFit, fit_strata
from mse.kernels.arrays import Integers
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Criterion, Draws, Formula, Order, count
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

Interval = Literal["bootstrap", "lognormal", "imputation"]

CITATIONS = (
    "van der Heijden, Whittaker, Cruyff, Bakker & van der Vliet (2012) People born in the Middle East but residing in "
    "the Netherlands: invariant population size estimates and the role of active and passive covariates. Annals of "
    "Applied Statistics 6:831-852",
    "Cruyff, van Dijk & van der Heijden (2017) The challenge of counting victims of human trafficking: Not on the "
    "record: a multiple systems estimation of the numbers of human trafficking victims in the Netherlands in 2010-2015 "
    "by year, age, gender, and type of exploitation. Chance 30(3):41-49",
)
_MISSING_LIST = (
    "Zwane & van der Heijden (2007) Analysing capture-recapture data when some variables of heterogeneous catchability "
    "are not collected or asked in all registrations. Statistics in Medicine 26:1069-1089"
)
_BOUND = (
    "Overstall, King, Bird, Hutchinson & Hay (2014) Incomplete contingency tables with censored cells with application "
    "to estimating the number of people who inject drugs in Scotland. Statistics in Medicine 33:1564-1579"
)
ASSUMPTIONS = (
    said("assumed.closed"),
    said("assumed.linked"),
    said("assumed.alike_stratum"),
    said("assumed.no_all_lists"),
)


BootstrapReplicates = Annotated[int, count(40, 100_000)]


@dataclass(frozen=True, slots=True)
class CovariatesSpec:
    """Options of the estimator with covariates.

    Parameters
    ----------
    formula : str or None
        The model, ``"~ (A + B + C + year)^2 - A:B"``; None searches for one by `criterion`.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observed counts) or ``"aic"``.
    max_order : int
        Most factors in a term of the search; 2 for pairs.
    walk : str
        ``"direct"``, or ``"long"`` for the rule of Cruyff's software, whose steps may part from it; see `search`.
    interval : str
        ``"bootstrap"`` (parametric, conditional on the model), ``"lognormal"`` (delta method), or ``"imputation"``
        (missing labels are imputed, and the fits combined by Rubin's rule on log n_0).
    replicates : int
        Of the bootstrap.
    draws : int
        Draws to store with an interval other than the bootstrap.
    imputations : int
        Completed tables of ``interval="imputation"``.
    blind, missing, bounded, unknown
        See `mse.estimators.stratified.declared`.
    """

    formula: Formula | None = None
    criterion: Criterion = "bic"
    max_order: Order = 2
    walk: Walk = "direct"
    interval: Interval = "bootstrap"
    replicates: BootstrapReplicates = 1000
    draws: Draws = 10_000
    imputations: Annotated[int, count(2, 1000)] = 20
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)
    bounded: Bounded = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if self.interval == "imputation" and not self.unknown:
            found = said("found.nothing_said_missing_could")
            problem = Problem(found, said("allowed.level_means_not_known"), said("do.give_unknown"))
            yield ("unknown",), problem


def estimate(table: CaptureTable, spec: CovariatesSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N of every stratum, and their total, under one log-linear model with covariates.

    Parameters
    ----------
    table : CaptureTable
        With or without strata; lists that are blind or absent in some strata as declared in it or in `spec`.
    spec : CovariatesSpec
        Options.
    seed : int
        Seed of the draws; the same seed gives the same answer whatever the number of workers.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        Sampling distribution; `strata` holds the parts. The choice of the model is *not* inside. Diagnostics: ``aic``,
        ``bic``, ``deviance``, ``df``, ``se`` (delta method), ``parameters``, ``steps`` of the search, ``refused``
        neighbours without estimate, ``failed_replicates``, ``few_lists`` (strata with fewer than three lists).

    Raises
    ------
    ModelError
        When a term is unknown or constant, or a stratum has no estimate.
    InputError
        When persons are on a list where it is declared blind or missing.
    """
    compute = compute or Compute()
    table = declare(table, spec.blind, spec.missing)
    cells = build_cells(table, bounded=spec.bounded, unknown=spec.unknown)
    found: Found | None = None
    if spec.formula is None:
        found = search(
            cells, criterion=spec.criterion, max_order=spec.max_order, walk=spec.walk, compute=compute
        )  # fmt: skip
        fit = found.best
    else:
        fit = fit_strata(cells, parse_formula(spec.formula, cells.names, cells.sizes))
        require(cells, fit)
    failed = 0
    if spec.interval == "bootstrap":
        sample = bootstrap(cells, fit, spec.replicates, seed=seed, compute=compute)
        whole = np.isfinite(sample).all(axis=1)
        failed = int((~whole).sum())
        if failed > len(whole) // 2:
            raise ModelError(_failing(table, fit, failed, len(whole)))
        law, parts = bootstrap_law(cells, np.rint(sample[whole]).astype(np.int64))
    elif spec.interval == "imputation":
        fit, law, parts = imputed(cells, fit, spec.imputations, spec.draws, seed=seed, compute=compute)
    else:
        law, parts = lognormal(cells, fit, spec.draws, np.random.default_rng(seed))
    return _posterior(cells, spec, fit, found, law, parts, failed, seed)


def _posterior(
    cells: StrataCells,
    spec: CovariatesSpec,
    fit: StrataFit,
    found: Found | None,
    law: Distribution,
    parts: Integers,
    failed: int,
    seed: int,
) -> Posterior:
    """Return the answer with everything that has to be said beside it."""
    table = cells.table
    how = said("how.named") if found is None else said("how.selected", criterion=_CRITERIA[spec.criterion])
    labelled = (said("source.labels"),) if cells.unlabelled else ()
    diagnostics = {
        "aic": fit.aic,
        "bic": fit.bic,
        "bic_cells": fit.bic_cells,
        "deviance": fit.deviance,
        "df": float(fit.df),
        "parameters": float(fit.parameters),
        "se": fit.se,
        "infinite_terms": float(np.isneginf(fit.solution.beta).sum()),
        "failed_replicates": float(failed),
        "few_lists": float((cells.operating < 3).sum()),
        "bounded_persons": float(cells.upper.sum()),
        "unlabelled": float(cells.unlabelled),
    }
    if found is not None:
        diagnostics["steps"] = float(len(found.path) - 1)
        diagnostics["refused"] = float(sum(step.refused for step in found.path))
    citations = [*CITATIONS]
    citations += [_MISSING_LIST] if table.absent.any() else []
    citations += [_BOUND] if cells.upper.any() else []
    citations += [RUBIN] if spec.interval == "imputation" else []
    path = None if found is None else path_rows(found, cells.names)
    about = {"interval": _INTERVALS[spec.interval], "how": how}
    says = Says(
        inside=(said("source.sampling_model"), *labelled),
        outside=(said("source.model"), said("source.linkage"), said("source.departures_all")),
        assumptions=(*ASSUMPTIONS, *assumptions(cells)),
        citations=tuple(citations),
        notes=notes_on_fit(cells, fit, failed, len(parts)),
        point_kind=said("kind.covariates_named", **about) if found is None else said("kind.covariates_chosen", **about),
    )
    return Posterior.of(
        table,
        spec,
        law,
        says,
        method="covariates",
        kind="sampling distribution",
        seed=seed,
        settled={**plain(asdict(spec)), "formula": fit.formula, "selected": found is not None, "path": path},
        draws=parts.sum(axis=1),
        point=fit.total,
        observed=table.observed - int(cells.upper.sum()),
        diagnostics=diagnostics,
        strata=StrataDraws(
            cells.dimensions,
            parts,
            fit.N,
            cells.certain,
            fit.covariance,
            flags=flags(cells, fit.status),
            unlabelled=cells.without_label,
        ),
    )


_INTERVALS: Mapping[Interval, Said] = {
    "bootstrap": said("interval_kind.bootstrap"),
    "lognormal": said("interval_kind.delta"),
    "imputation": said("interval_kind.imputation"),
}
_CRITERIA: Mapping[Criterion, Said] = {
    "bic": said("criterion.bic"),
    "bic_cells": said("criterion.bic_observed"),
    "aic": said("criterion.aic"),
}


def _failing(table: CaptureTable, fit: StrataFit, failed: int, total: int) -> Problem:
    return Problem(
        said("fault.failing", failed=failed, count=total),
        said("allowed.most_half_them"),
        said("do.leave_out_terms_put"),
        file=said("what.table", name=table.name),
        value=fit.formula,
    )
