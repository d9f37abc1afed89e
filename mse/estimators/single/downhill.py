"""The best log-linear model without fitting them all: exact where it can be, downhill where it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.single.bestmodel import ASSUMPTIONS, CITATIONS, CRITERIA, INSIDE, OUTSIDE, note_on_model
from mse.estimators.single.fitted import fit_model
from mse.estimators.single.selection import observable_candidates, penalty
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Criterion, Draws, Order, count
from mse.tables.captures import CaptureTable
from mse.terms import MAX_CANDIDATES, Model, model_of
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


MOST_FITS = 2_000_000
"""Models that the exact search fits before it gives up (a minute)."""


@dataclass(frozen=True, slots=True)
class DownhillSpec:
    """Options of the downhill search.

    Parameters
    ----------
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observable cells) or ``"aic"``.
    max_order : int or None
        Most lists in a term; None for all, which is slow beyond seven lists.
    starts : int
        Searches: the first from the main effects, the others from random models.
    draws : int
        Draws of N to store.
    """

    criterion: Criterion = "bic"
    max_order: Order | None = 2
    starts: Annotated[int, count(1, 10_000)] = 10
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


def best_model(table: CaptureTable, criterion: Criterion = "bic", max_order: int | None = None) -> Model:
    """Return the best of all hierarchical models that have a unique estimate, by branch and bound.

    The same as the first row of `rank_models`, from a few hundred fits on five lists instead of 6,893 and a few
    thousand on six instead of 7,785,061.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    criterion, max_order
        As in `rank_models`.

    Raises
    ------
    ModelError
        When no model has an estimate, there are too many candidate terms, or the search does not end.
    """
    from mse.kernels.choosing import choose
    from mse.kernels.extended import shape_of

    DownhillSpec(criterion, max_order)
    counts, cells = table.dense()
    candidates = observable_candidates(cells, max_order)
    if candidates.size > MAX_CANDIDATES:
        raise ModelError(
            Problem(
                said("fault.many_candidates", lists=table.n_lists, count=candidates.size),
                said("allowed.most_exact_search", max_candidates=MAX_CANDIDATES),
                said("do.lower_max_order_search"),
                file=said("what.table", name=table.name),
            )
        )
    none = np.zeros(1, dtype=np.int64)
    cost = penalty(criterion, counts, cells)
    found = choose(shape_of(counts, cells), candidates, table.n_lists, cost, none, MOST_FITS)
    if found.mask < 0 or not found.complete:
        raise ModelError(
            Problem(
                said("fault.no_model_has") if found.mask < 0 else said("fault.no_end", most=MOST_FITS),
                said("allowed.table_overlap_candidates_can"),
                said("do.merge_drop_lists_lower"),
                file=said("what.table", name=table.name),
            )
        )
    return model_of(found.mask, candidates, table.n_lists)


def search_models(
    table: CaptureTable,
    criterion: Criterion = "bic",
    max_order: int | None = 2,
    *,
    starts: int = 10,
    seed: int = 0,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Go downhill from several models, one term in or out at a time, and list where that ends.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    criterion, max_order, starts
        As in `DownhillSpec`.
    seed : int
        Every start has a generator of its own.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    DataFrame
        One row per end, the best first: ``model``, ``N``, ``criterion`` (up to a constant of the table), ``starts``
        (how many came there), ``moves`` and ``fits`` of the first of them.

    Raises
    ------
    ModelError
        When an option is out of range or no model on the way had an estimate.
    """
    import pandas as pd

    spec = DownhillSpec(criterion, max_order, starts)
    counts, cells = table.dense()
    candidates = observable_candidates(cells, max_order)
    cost = penalty(criterion, counts, cells)

    def descend_from(start: int) -> tuple[str, float, float, int, int]:
        from mse.kernels.descent import descend, random_model
        from mse.kernels.extended import shape_of

        uniform = np.random.default_rng([seed, start]).random(candidates.size + 1)
        # the first start is the model of main effects
        uniform[-1] = uniform[-1] if start else 0.0
        inside = random_model(candidates, uniform)
        end = descend(shape_of(counts, cells), candidates, table.n_lists, cost, inside)
        model = Model(table.n_lists, tuple(int(term) for term in candidates[end.inside]))
        size = table.observed + float(np.exp(end.log_unseen))
        return model.notation, size, end.criterion, end.moves, end.fits

    ends = list((compute or Compute()).map(said("stage.searches", count=spec.starts), descend_from, range(spec.starts)))
    frame = pd.DataFrame(ends, columns=["model", "N", "criterion", "moves", "fits"])
    frame = frame[np.isfinite(frame["criterion"])]
    if frame.empty:
        raise ModelError(
            Problem(
                said("fault.no_model_tried"),
                said("allowed.lists_overlap_which_each"),
                said("do.merge_drop_lists"),
                file=said("what.table", name=table.name),
            )
        )
    frame.insert(3, "starts", frame.groupby("model")["model"].transform("size"))
    order = np.lexsort((frame["model"].astype(str), frame["criterion"]))
    best: pd.DataFrame = frame.iloc[order].drop_duplicates("model").reset_index(drop=True)
    return best


def estimate(table: CaptureTable, spec: DownhillSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under the best model that downhill searches find.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : DownhillSpec
        Options.
    seed : int
        Seed of the random starts and of the stored draws.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        Sampling distribution: the log-normal interval, conditional on the model. Diagnostics: ``starts``, ``ends``
        (distinct models), ``starts_at_best``, ``criterion``, ``deviance``, ``df``.
    """
    ends = search_models(table, spec.criterion, spec.max_order, starts=spec.starts, seed=seed, compute=compute)
    fit = fit_model(table, str(ends["model"].iloc[0]))
    law = Distribution.lognormal(table.observed, fit.unseen, fit.log_sd)
    same = int(ends["starts"].iloc[0])
    notes = [note_on_model(fit, table), said("note.searches", same=same, starts=spec.starts)]
    if len(ends) > 1:
        other = ends.iloc[1]
        notes.append(said("note.next_end", model=str(other["model"]), size=float(other["N"])))
    how = said("how.downhill", criterion=CRITERIA[spec.criterion])
    interval = said("interval_kind.lognormal")
    says = Says(
        inside=INSIDE,
        outside=(said("source.model"), *OUTSIDE),
        assumptions=ASSUMPTIONS,
        citations=CITATIONS,
        notes=tuple(notes),
        point_kind=said("kind.model_chosen", interval=interval, model=fit.model.notation, how=how),
    )
    return Posterior.of(
        table,
        spec,
        law,
        says,
        method="downhill",
        kind="sampling distribution",
        seed=seed,
        settled={"model": fit.model.notation},
        point=fit.N,
        diagnostics={
            "starts": float(spec.starts),
            "ends": float(len(ends)),
            "starts_at_best": float(same),
            "criterion": float(getattr(fit, spec.criterion)),
            "deviance": fit.deviance,
            "df": float(fit.df),
        },
    )
