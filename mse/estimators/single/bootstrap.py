"""The bootstrap with the choice of the model repeated on every resample, or conditional on one model.

Silverman, Chan & Vincent (2024) repeat the selection by BIC among the models that did best on the table itself,
which they must, for want of speed. Here it is repeated among *all* hierarchical models, by branch and bound; the
retained list (``"top"``), pairs by Poisson tails (``"stepwise"``) and one model (``"fixed"``) are options.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np

from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.single.bestmodel import ASSUMPTIONS, CRITERIA, NAMED, OUTSIDE, note_on_model
from mse.estimators.single.bestmodel import CITATIONS as LOGLINEAR
from mse.estimators.single.downhill import best_model
from mse.estimators.single.existence import Existence
from mse.estimators.single.fitted import LoglinearFit, fit_model
from mse.estimators.single.resampling import (
    RESAMPLED,
    Interval,
    Resample,
    Resampling,
    Selection,
    chosen_models,
    figures,
    law_of,
    notes_on,
    resample,
)
from mse.estimators.single.selection import observable_candidates, penalty, rank_models
from mse.estimators.single.stepwise import BOOTSTRAP, check_masks, stepwise_path
from mse.kernels.arrays import Array
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import WITHIN, Criterion, Draws, Order, Resamples, count
from mse.tables.captures import CaptureTable
from mse.terms import Model, mask_of
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

Choice = Literal["all", "top", "stepwise", "fixed"]

CITATIONS = (
    "Silverman, Chan & Vincent (2024) Bootstrapping multiple systems estimates to account for model selection. "
    "Statistics and Computing 34:44",
    BOOTSTRAP,
    *LOGLINEAR,
)


@dataclass(frozen=True, slots=True)
class BootstrapSpec:
    """Options of the bootstrap.

    Parameters
    ----------
    selection : str
        What is repeated on every resample: ``"all"``, the best of all hierarchical models by `criterion`;
        ``"top"``, the best of the `top` models that did best on the table; ``"stepwise"``, pairs by Poisson tails;
        ``"fixed"``, nothing: the interval is conditional on `model`.
    model : str or None
        With ``"fixed"``, the model; None takes the best one by `criterion`.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observable cells) or ``"aic"``.
    max_order : int or None
        Most lists in a term; None for all.
    top : int
        Models that are retained with ``"top"``.
    threshold : float
        P-value below which a pair is added with ``"stepwise"``.
    resample : str
        ``"histories"``, the observed persons drawn again with replacement; or ``"model"``, a population of the
        estimated size drawn from the model that was chosen on the table (parametric).
    interval : str
        ``"bca"`` or ``"percentile"``.
    replicates : int
        Resamples.
    draws : int
        Draws of N to store.
    """

    selection: Choice = "all"
    model: str | None = None
    criterion: Criterion = "bic"
    max_order: Order | None = None
    top: Annotated[int, count(1, 100_000)] = 60
    threshold: Annotated[float, WITHIN] = 0.02
    resample: Resample = "histories"
    interval: Interval = "bca"
    replicates: Resamples = 1000
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if self.model is not None and self.selection != "fixed":
            wrong = said("found.model_named_but_selection", selection=repr(self.selection))
            yield (
                ("model",),
                Problem(wrong, said("allowed.selection_fixed"), said("do.name_no_model_fix"), value=self.model),
            )


class _Chosen(NamedTuple):
    """What was chosen on the table, how to repeat it, and the words for both."""

    model: Model
    selection: Selection
    how: Said
    repeated: Said | None
    omitted: tuple[Said, ...]


def estimate(table: CaptureTable, spec: BootstrapSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N with a bootstrap interval.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : BootstrapSpec
        Options.
    seed : int
        Seed of resamples and stored draws.
    compute : Compute, optional
        Workers, cluster, folder for finished parts, progress.

    Returns
    -------
    Posterior
        Sampling distribution; its quantiles are the limits of the interval. `inside` says whether the selection is
        in it. `models` holds the models by their share of the resamples. Diagnostics: those of
        `resampling.figures`, ``criterion``, ``deviance``, ``df``.

    Raises
    ------
    ModelError
        When no model, or not the named one, has an estimate, or there are too many candidate terms.

    References
    ----------
    Efron (1987); Silverman, Chan & Vincent (2024).
    """
    compute = compute or Compute()
    counts, cells = table.dense()
    chosen = _choose(table, spec, compute)
    fit = fit_model(table, chosen.model)
    if fit.existence is not Existence.FINE:
        raise ModelError(
            Problem(
                said("fault.no_model", model=fit.model.notation, status=fit.existence.said),
                said("allowed.model_whose_maximum_likelihood"),
                said("do.drop_interactions_merge_lists_2"),
                file=said("what.table", name=table.name),
            )
        )
    if spec.resample == "histories":
        persons, shares = table.observed, counts / counts.sum()
    else:
        persons, shares = round(fit.N), _fitted_shares(fit)
    definition = Resampling(counts, cells, persons, shares, chosen.selection, seed)
    found = resample(definition, spec.replicates, compute, jackknife=spec.interval == "bca")
    if not np.isfinite(found.sizes).any():
        raise ModelError(
            Problem(
                said("fault.no_resample"),
                said("allowed.model_choice_models_estimates"),
                said("do.select_among_all_models"),
                file=said("what.table", name=table.name),
            )
        )
    law = law_of(found, fit.N, spec.interval)
    models, interactions = chosen_models(found, table, chosen.selection.candidates)
    notation = fit.model.notation
    drawn = said("how.histories") if spec.resample == "histories" else said("how.populations", model=notation)
    within = said("how.outside") if chosen.repeated is None else said("how.inside")
    says = Says(
        inside=(said("source.sampling"), *(() if chosen.repeated is None else (chosen.repeated,))),
        outside=(*chosen.omitted, *OUTSIDE),
        assumptions=ASSUMPTIONS,
        citations=CITATIONS,
        notes=(note_on_model(fit, table), *notes_on(found, table, spec.resample)),
        point_kind=said(
            "kind.resampled",
            model=notation,
            how=chosen.how,
            interval=RESAMPLED[spec.interval],
            count=spec.replicates,
            drawn=drawn,
            within=within,
        ),  # fmt: skip
    )
    return Posterior.of(
        table,
        spec,
        law.distribution,
        says,
        method="bootstrap",
        kind="sampling distribution",
        seed=seed,
        settled={"model": notation},
        point=fit.N,
        models=models,
        interactions=interactions,
        diagnostics={
            **figures(found, law),
            "criterion": float(getattr(fit, spec.criterion)),
            "deviance": fit.deviance,
            "df": float(fit.df),
        },
    )


def _choose(table: CaptureTable, spec: BootstrapSpec, compute: Compute) -> _Chosen:
    """Choose a model on the table itself, and say how that is repeated."""
    counts, cells = table.dense()
    order = 2 if spec.selection == "stepwise" else spec.max_order
    candidates = observable_candidates(cells, order)
    cost = penalty(spec.criterion, counts, cells)
    by_criterion = said("how.selected", criterion=CRITERIA[spec.criterion])
    if spec.selection == "fixed":
        named = spec.model is not None
        model = Model.parse(spec.model, table.lists) if spec.model is not None else None
        model = best_model(table, spec.criterion, spec.max_order) if model is None else model
        terms = np.array([t for t in model.terms if t.bit_count() > 1], dtype=np.int64)
        check_masks(table, terms)
        only = np.array([(1 << terms.size) - 1], dtype=np.int64)
        selection = Selection("among", table.n_lists, terms, only, cost, math.nan)
        return _Chosen(model, selection, NAMED if named else by_criterion, None, (said("source.model"),))
    check_masks(table, candidates)
    if spec.selection == "stepwise":
        model = stepwise_path(table, spec.threshold).model
        nothing = np.empty(0, dtype=np.int64)
        selection = Selection("stepwise", table.n_lists, candidates, nothing, math.nan, spec.threshold)
        repeated, omitted = said("source.choice_pairs"), (said("source.three_or_more"),)
        return _Chosen(model, selection, said("how.stepwise"), repeated, omitted)
    order = spec.max_order
    left = () if order is None else (said("source.more_than", order=order),)
    if spec.selection == "all":
        model = best_model(table, spec.criterion, spec.max_order)
        start = np.array([0, mask_of(model, candidates)], dtype=np.int64)
        selection = Selection("search", table.n_lists, candidates, start, cost, math.nan)
        repeated = said("source.choice_all") if order is None else said("source.choice_order", order=order)
        return _Chosen(model, selection, by_criterion, repeated, left)
    ranked = retained_models(table, spec.criterion, spec.max_order, spec.top, compute)
    models = [Model.parse(str(name), table.lists) for name in ranked["model"]]
    masks = np.array([mask_of(model, candidates) for model in models], dtype=np.int64)
    selection = Selection("among", table.n_lists, candidates, masks, cost, math.nan)
    repeated = said("source.choice_retained", count=len(models))
    return _Chosen(models[0], selection, by_criterion, repeated, (*left, said("source.not_retained")))


def retained_models(
    table: CaptureTable, criterion: Criterion, max_order: int | None, top: int, compute: Compute
) -> pd.DataFrame:
    """Return the best `top` models of a table that have an estimate, columns as in `rank_models`.

    Raises
    ------
    ModelError
        When none has, or as `rank_models`.
    """
    ranked = rank_models(table, max_order, criterion=criterion, compute=compute)
    usable = ranked[ranked["status"] == "ok"].head(top)
    if usable.empty:
        raise ModelError(
            Problem(
                said("fault.no_model_at_all"),
                said("allowed.lists_overlap_which_each"),
                said("do.merge_drop_lists"),
                file=said("what.table", name=table.name),
            )
        )
    return usable


def _fitted_shares(fit: LoglinearFit) -> Array:
    """Return the probability of each history under a fitted model, that of not being seen first: (2^K,)."""
    means = np.where(np.isfinite(fit.fitted), fit.fitted, 0.0)
    shares: Array = means / means.sum()
    return shares
