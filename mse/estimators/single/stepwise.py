"""Stepwise selection of pairs by Poisson tails (Chan, Silverman & Vincent 2021), with the selection in the interval.

Start from the main effects. For every pair that is not in the model, the persons on both lists, whatever other
lists they are on, are Poisson with a mean that the current fit gives. The pair with the smallest tail
probability, min(P(X ≤ x), P(X ≥ x)), is added, as long as that is below the threshold; a pair with which no
unique estimate exists is passed over for the next. A pair that shares nobody goes to −∞ when it is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.single.bestmodel import ASSUMPTIONS, INSIDE, OUTSIDE, note_on_model
from mse.estimators.single.fitted import fit_model
from mse.estimators.single.resampling import (
    RESAMPLED,
    Resampling,
    Selection,
    chosen_models,
    figures,
    law_of,
    notes_on,
    resample,
)
from mse.estimators.single.selection import observable_candidates
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import WITHIN, Draws, Resamples
from mse.tables.captures import CaptureTable
from mse.terms import MAX_CANDIDATES, Model, members
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd


CITATIONS = (
    "Chan, Silverman & Vincent (2021) Multiple systems estimation for sparse capture data: inferential "
    "challenges when there are nonoverlapping lists. JASA 116:1297-1306",
    "Fienberg & Rinaldo (2012) Maximum likelihood estimation in log-linear models. Annals of Statistics 40:996-1023",
)
BOOTSTRAP = "Efron (1987) Better bootstrap confidence intervals. JASA 82:171-185"


@dataclass(frozen=True, slots=True)
class StepwiseSpec:
    """Options of the stepwise estimator.

    Parameters
    ----------
    threshold : float
        P-value below which a pair is added, between 0 and 1.
    interval : str
        ``"bca"`` or ``"percentile"``, from resamples of the observed persons with the stepwise selection repeated
        on each; or ``"lognormal"``, conditional on the model that was selected.
    replicates : int
        Resamples.
    draws : int
        Draws of N to store.
    """

    threshold: Annotated[float, WITHIN] = 0.02
    interval: Literal["bca", "percentile", "lognormal"] = "bca"
    replicates: Resamples = 1000
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


@dataclass(frozen=True, slots=True, eq=False)
class StepwisePath:
    """What the stepwise selection did.

    Parameters
    ----------
    model : Model
        Where it ended.
    lists : tuple of str
        Names of the lists.
    pairs : tuple of int
        The pairs that were added, in order, as bitmasks.
    log_tails : (s,) float64
        Log p-value of each when it was added.
    refused : tuple of int
        Pairs that were passed over because no unique estimate exists with them.
    log_unseen : float
        Log of the expected number of unseen under the model.
    """

    model: Model
    lists: tuple[str, ...]
    pairs: tuple[int, ...]
    log_tails: Array
    refused: tuple[int, ...]
    log_unseen: float

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per added pair: ``pair`` by name, ``p_value``."""
        import pandas as pd

        names = [":".join(self.lists[j] for j in members(pair)) for pair in self.pairs]
        return pd.DataFrame({"pair": names, "p_value": np.exp(self.log_tails)})


def stepwise_path(table: CaptureTable, threshold: float = 0.02) -> StepwisePath:
    """Select pairs step by step.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    threshold : float
        P-value below which a pair is added.

    Raises
    ------
    ModelError
        When the table has strata, or not even the model of main effects has an estimate.

    References
    ----------
    Chan, Silverman & Vincent (2021), section 4.
    """
    from mse.kernels.extended import shape_of
    from mse.kernels.poissontails import add_pairs

    StepwiseSpec(threshold)
    counts, cells = table.dense()
    pairs = observable_candidates(cells, 2)
    steps = add_pairs(shape_of(counts, cells), pairs, math.log(threshold))
    if not math.isfinite(steps.log_unseen):
        raise ModelError(
            Problem(
                said("fault.holds_everybody"),
                said("allowed.lists_which_each_misses"),
                said("do.drop_merge_lists"),
                file=said("what.table", name=table.name),
            )
        )
    added = tuple(int(pair) for pair in steps.pairs)
    refused = tuple(dict.fromkeys(int(pair) for pair in steps.refused if pair not in steps.pairs))
    model = Model(table.n_lists, added)
    return StepwisePath(model, table.lists, added, steps.log_tails, refused, steps.log_unseen)


def estimate(table: CaptureTable, spec: StepwiseSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under the pairs that stepwise selection finds.

    Parameters
    ----------
    table : CaptureTable
        Without strata; with resamples at most 11 lists.
    spec : StepwiseSpec
        Options.
    seed : int
        Seed of resamples and stored draws.
    compute : Compute, optional
        Workers, cluster, folder for finished parts, progress.

    Returns
    -------
    Posterior
        Sampling distribution; its quantiles are the limits of the interval. `models` holds the models by their
        share of the resamples and `interactions` the shares that hold each pair. Diagnostics: ``threshold``,
        ``pairs``, ``refused``, and with resamples those of `resampling.figures`.

    Raises
    ------
    ModelError
        As `stepwise_path`, or when too many lists are resampled.
    """
    counts, cells = table.dense()
    pairs = observable_candidates(cells, 2)
    if spec.interval != "lognormal":
        check_masks(table, pairs)
    path = stepwise_path(table, spec.threshold)
    fit = fit_model(table, path.model)
    steps = [
        said("note.pair_step", pair=str(pair), p=float(f"{p:.2g}"))
        for pair, p in path.to_pandas().itertuples(index=False)
    ]
    notes = [note_on_model(fit, table), said("note.pairs_added", steps=steps) if steps else said("note.no_pair")]
    if path.refused:
        names = [":".join(table.lists[j] for j in members(pair)) for pair in path.refused]
        notes.append(said("note.passed_over", terms=names))
    numbers = {"threshold": spec.threshold, "pairs": float(len(path.pairs)), "refused": float(len(path.refused))}
    models = None
    interactions: dict[str, float] = {}
    citations: tuple[str, ...] = CITATIONS
    about = {"model": path.model.notation, "how": said("how.stepwise")}
    if spec.interval == "lognormal":
        distribution = Distribution.lognormal(table.observed, fit.unseen, fit.log_sd)
        kind = said("kind.model_chosen", interval=said("interval_kind.lognormal"), **about)
        inside: tuple[Said, ...] = INSIDE
        left_out = said("source.model")
    else:
        nothing = np.empty(0, dtype=np.int64)
        selection = Selection("stepwise", table.n_lists, pairs, nothing, math.nan, spec.threshold)
        definition = Resampling(counts, cells, table.observed, counts / counts.sum(), selection, seed)
        found = resample(definition, spec.replicates, compute or Compute(), jackknife=spec.interval == "bca")
        law = law_of(found, fit.N, spec.interval)
        distribution = law.distribution
        models, interactions = chosen_models(found, table, pairs)
        notes += notes_on(found, table, "histories")
        numbers |= figures(found, law)
        about |= {"interval": RESAMPLED[spec.interval], "count": spec.replicates, "drawn": said("how.histories")}
        kind = said("kind.resampled", within=said("how.inside"), **about)
        inside = (said("source.sampling"), said("source.choice_pairs"))
        left_out = said("source.three_or_more")
        citations = (*CITATIONS, BOOTSTRAP)
    says = Says(inside, (left_out, *OUTSIDE), ASSUMPTIONS, citations, tuple(notes), kind)
    return Posterior.of(
        table, spec, distribution, says, method="stepwise", kind="sampling distribution", seed=seed,
        settled={"model": path.model.notation}, point=fit.N, models=models, interactions=interactions,
        diagnostics=numbers,
    )  # fmt: skip


def check_masks(table: CaptureTable, candidates: Integers) -> None:
    """Raise when there are more candidate terms than one model's mask holds."""
    if candidates.size > MAX_CANDIDATES:
        raise ModelError(
            Problem(
                said("fault.many_resampled", count=candidates.size),
                said("allowed.most_eleven_lists_pairs", max_candidates=MAX_CANDIDATES),
                said("do.merge_drop_lists_lower_2"),
                file=said("what.table", name=table.name),
            )
        )
