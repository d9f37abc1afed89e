"""The log-linear estimator: one model, named or the best of all by an information criterion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.answers.referees import Referee, referee_of
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.normallaw import normal_law
from mse.estimators.single.existence import Existence
from mse.estimators.single.facefit import fit_on_face
from mse.estimators.single.fitted import LoglinearFit as LoglinearFit
from mse.estimators.single.fitted import fit_model as fit_model
from mse.estimators.single.selection import NESTED, Ranking, best_model, penalty, ranking, saturated_log_likelihood
from mse.estimators.single.selection import rank_models as rank_models
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Criterion, Draws, Order
from mse.tables.captures import CaptureTable
from mse.tables.overlapshape import nested_lists
from mse.terms import members
from mse.words.said import Said, said

NEAR_TIE = 2.0
"""Models this close to the best by the criterion are named beside it."""

CITATIONS = (
    "Fienberg (1972) The multiple recapture census for closed populations and incomplete 2^k contingency "
    "tables. Biometrika 59:591-603",
    "Rivest & Baillargeon (2007) Rcapture: loglinear models for capture-recapture in R. Journal of "
    "Statistical Software 19(5)",
    "Fienberg & Rinaldo (2012) Maximum likelihood estimation in log-linear models. Annals of Statistics 40:996-1023",
    "Chan, Silverman & Vincent (2021) Multiple systems estimation for sparse capture data: inferential "
    "challenges when there are nonoverlapping lists. JASA 116:1297-1306",
)

ASSUMPTIONS = (
    said("assumed.closed"),
    said("assumed.linked"),
    said("assumed.alike_model"),
    said("assumed.no_all_lists"),
)
INSIDE = (said("source.sampling_model"),)
OUTSIDE = (said("source.linkage"), said("source.departures_all"))
CRITERIA: Mapping[Criterion, Said] = {
    "bic": said("criterion.bic"),
    "bic_cells": said("criterion.bic_cells"),
    "aic": said("criterion.aic"),
}
NAMED = said("how.named")


@dataclass(frozen=True, slots=True)
class LoglinearSpec:
    """Options of the log-linear estimator.

    Parameters
    ----------
    model : str or None
        The model, ``"[12,3]"`` or by names; None chooses the best of all hierarchical ones by `criterion`.
    max_order : int or None
        Most lists in a term when the model is chosen; None for all.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observable cells) or ``"aic"``.
    interval : str
        ``"lognormal"`` on the unseen, or ``"wald"``: N plus or minus z standard errors, not below the persons observed.
    draws : int
        Draws of N to store.
    """

    model: str | None = None
    max_order: Order | None = None
    criterion: Criterion = "bic"
    interval: Literal["lognormal", "wald"] = "lognormal"
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


def estimate(table: CaptureTable, spec: LoglinearSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under one log-linear model, named or the best by an information criterion.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : LoglinearSpec
        Options.
    seed : int
        Seed of the stored draws; point and interval do not depend on it.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        Sampling distribution: n + n̂_0 exp(log_sd · Z), the log-normal interval at every probability. The
        choice of the model is *not* inside it. Diagnostics: ``criterion`` (the value), ``deviance``, ``df``,
        ``se``, ``infinite_terms``, and for a chosen model ``models``, ``unusable_models``, ``near_ties``,
        ``near_ties_low``, ``near_ties_high`` (N over the models within 2 of the best).

    Raises
    ------
    ModelError
        When no model, or not the named one, has a unique estimate; or as `rank_models` and `fit_model`.

    References
    ----------
    Fienberg (1972); Rivest & Baillargeon (2007); Chan, Silverman & Vincent (2021).
    """
    diagnostics: dict[str, float] = {}
    notes: tuple[Said, ...] = ()
    if spec.model is None:
        ranked = ranking(table, spec.max_order, spec.criterion, compute=compute)
        notation, diagnostics, notes = _choose(table, ranked, spec.criterion)
    else:
        notation = spec.model
    fit = fit_model(table, notation)
    on_face = fit_on_face(table, fit.model) if nested_lists(table, NESTED) else None
    if on_face is not None:
        inner, outer = nested_lists(table, NESTED)[0]
        notes = (*notes, said("note.face", inner=inner, outer=outer, count=on_face.cells))
        counts, cells = table.dense()
        saturated, p, rank = saturated_log_likelihood(counts, cells), fit.parameters, -2.0 * on_face.log_likelihood
        log_sd = math.sqrt(math.log1p((on_face.se / on_face.unseen) ** 2))
        deviance = max(2.0 * (saturated - on_face.log_likelihood), 0.0)
        fit = replace(fit, existence=Existence.FINE, N=on_face.N, unseen=on_face.unseen, se=on_face.se,
                      log_sd=log_sd, log_likelihood=on_face.log_likelihood, deviance=deviance,
                      aic=rank + 2.0 * p, bic=rank + penalty("bic", counts, cells) * p,
                      bic_cells=rank + penalty("bic_cells", counts, cells) * p)  # fmt: skip
    if fit.existence is not Existence.FINE:
        raise ModelError(_unusable(table, fit.model.notation, _status(fit)))
    if fit.infinite:
        terms = [":".join(table.lists[j] for j in members(t)) for t in fit.infinite]
        notes = (*notes, said("note.infinite", terms=terms))
    chosen = spec.model is None
    how = said("how.selected", criterion=CRITERIA[spec.criterion]) if chosen else NAMED
    if spec.interval == "wald":
        law, interval = normal_law(table.observed, fit.N, fit.se), said("interval_kind.wald")
    else:
        law = Distribution.lognormal(table.observed, fit.unseen, fit.log_sd)
        interval = said("interval_kind.lognormal")
    about = {"interval": interval, "model": fit.model.notation, "how": how}
    says = Says(
        inside=INSIDE,
        outside=(said("source.model"), *OUTSIDE),
        assumptions=ASSUMPTIONS,
        citations=CITATIONS,
        notes=(note_on_model(fit, table), *notes),
        point_kind=said("kind.model_chosen", **about) if chosen else said("kind.model_named", **about),
    )
    return Posterior.of(
        table,
        spec,
        law,
        says,
        method="loglinear",
        kind="sampling distribution",
        seed=seed,
        settled={"model": fit.model.notation, "selected": chosen},
        point=fit.N,
        diagnostics={
            **diagnostics,
            "criterion": float(getattr(fit, spec.criterion)),
            "deviance": fit.deviance,
            "df": float(fit.df),
            "se": fit.se,
            "infinite_terms": float(len(fit.infinite)),
        },
    )


def referee(table: CaptureTable, spec: LoglinearSpec, *, seed: int, compute: Compute, rough: bool) -> Referee:
    """Return what a verdict reads of `estimate`, without ranking what it does not ask for.

    Raises
    ------
    ModelError
        As `estimate`.
    """
    chosen = None
    if spec.model is None and not nested_lists(table, NESTED):
        chosen = best_model(table, spec.max_order, spec.criterion, compute)
    if chosen is None:
        return referee_of(estimate(table, spec, seed=seed, compute=compute))
    fit = fit_model(table, chosen)
    if fit.existence is not Existence.FINE:
        raise ModelError(_unusable(table, fit.model.notation, _status(fit)))
    return Referee(fit.N, *fit.interval(0.95), bayes=False)


def note_on_model(fit: LoglinearFit, table: CaptureTable) -> Said:
    """Return the model by its notation and by the names of the lists."""
    return said("note.model", model=fit.model.notation, named=fit.model.named(table.lists))


def _status(fit: LoglinearFit) -> Said:
    """Return why a model has no estimate, and where the number of unseen then goes."""
    status = fit.existence.said
    match fit.limit:
        case "settles":
            return said("existence.settles", status=status)
        case "falls to 0":
            return said("existence.falls", status=status)
        case "rises without bound":
            return said("existence.rises", status=status)
        case "open":
            return said("existence.open", status=status)
    return status


def _unusable(table: CaptureTable, notation: str | None, status: Said) -> Problem:
    """Return the problem of a model without a unique estimate, or of every model."""
    every = said("fault.no_form", status=status)
    return Problem(
        every if notation is None else said("fault.no_model", model=notation, status=status),
        said("allowed.model_whose_maximum_likelihood"),
        said("do.drop_interactions_merge_lists"),
        file=said("what.table", name=table.name),
    )


def _choose(
    table: CaptureTable, ranked: Ranking, criterion: Criterion
) -> tuple[str, dict[str, float], tuple[Said, ...]]:
    """Return the best model, figures about the ranking, and what should be said about near ties."""
    if not ranked.usable:
        raise ModelError(_unusable(table, None, said("existence.none_ok")))
    usable = {name: column[: ranked.usable] for name, column in ranked.columns.items()}
    values = usable[criterion]
    sizes = usable["N"][values <= values[0] + NEAR_TIE]
    figures = {
        "models": float(ranked.masks.size),
        "unusable_models": float(ranked.masks.size - ranked.usable),
        "near_ties": float(sizes.size),
        "near_ties_low": float(sizes.min()),
        "near_ties_high": float(sizes.max()),
    }
    notes = []
    if sizes.size > 1:
        ends = {"low": sizes.min(), "high": sizes.max()}
        notes.append(said("note.near_ties", count=sizes.size, tie=NEAR_TIE, **ends))
    other: Criterion = "bic_cells" if criterion == "bic" else "bic"
    rival = int(np.argmin(usable[other]))
    if rival:
        would = {"model": ranked.model(rival), "size": float(usable["N"][rival])}
        notes.append(said("note.rival", criterion=CRITERIA[other], **would))
    return ranked.model(0), figures, tuple(notes)
