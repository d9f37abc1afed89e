"""Coverage by simulation: does the procedure cover at this sample size, in a world like the fitted model or near it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.posterior import Posterior
from mse.assess.refits import Refit, refit_all
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.kernels.arrays import Array, Integers
from mse.tables.captures import CaptureTable
from mse.words.said import Said, as_said, said

if TYPE_CHECKING:
    import pandas as pd


REPLICATES = 200
"""Simulated tables of each truth."""


def coverage(
    posterior: Posterior,
    table: CaptureTable,
    refit: Refit,
    *,
    prob: float,
    seed: int,
    replicates: int = REPLICATES,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Return how often the interval holds the truth when tables of this size come from known models.

    The truths are the heaviest model as fitted, the second heaviest, and two that no data can tell from the first: the
    same observed cells with half, and with twice, as many unseen (an odds ratio of all lists of 2 and of 1/2).

    Parameters
    ----------
    posterior : Posterior
        An answer that names its models.
    table : CaptureTable
        What it came from, without strata.
    refit : callable
        The procedure that is tried.
    prob : float
        Probability that its intervals claim.
    seed : int
        Replicate r of truth t uses the seed ``[seed, t, r]``.
    replicates : int
        Tables of each truth.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    DataFrame
        ``truth``, ``size`` (expected persons), ``replicates`` (that had an answer), ``prob``, ``covered`` (share),
        ``log_bias`` (median of ln N̂/N), ``log_width`` (median of ln high/low). Empty for other methods.
    """
    import pandas as pd

    rows = []
    for t, (name, mean) in enumerate(_truths(posterior, table)):
        drawn = [np.random.default_rng([seed, t, r]).poisson(mean) for r in range(replicates)]
        samples = [_sample(table, counts[1:]) for counts in drawn]
        answers = refit_all(said("stage.coverage", truth=said(f"truth.{name}")), refit, samples, prob, compute)
        pairs = [(float(counts.sum()), f) for counts, f in zip(drawn, answers, strict=True) if f.status == "ok"]
        found = np.array(
            [[f.low - 0.5 <= size <= f.high + 0.5, np.log(f.point / size), np.log(f.high / f.low)] for size, f in pairs]
        ).reshape(-1, 3)
        covered, bias, width = [found[:, 0].mean(), *np.median(found[:, 1:], axis=0)] if pairs else [np.nan] * 3
        rows.append([name, mean.sum(), len(pairs), prob, covered, bias, width])
    return pd.DataFrame(rows, columns=["truth", "size", "replicates", "prob", "covered", "log_bias", "log_width"])


def _sample(table: CaptureTable, counts: Integers) -> CaptureTable | Said:
    try:
        return replace(table, counts=counts[None, :])
    except MseError as error:
        return as_said(error.problems[0].found)


def _truths(posterior: Posterior, table: CaptureTable) -> Iterator[tuple[str, Array]]:
    """Yield names and expected counts of all 2**K cells."""
    from mse.estimators.averages.penalised import fit_penalised
    from mse.terms import Model

    if posterior.models is None or posterior.strata is not None:
        return
    dense, base = table.dense(), [0, *(1 << j for j in range(table.n_lists))]
    cells = np.concatenate([[1.0], dense.cells[1:]])
    means = []
    for text in posterior.models.notation[:2]:
        terms = sorted(t for t in Model.parse(text, table.lists).terms if t.bit_count() > 1)
        means.append(fit_penalised(dense, np.array(base + terms, dtype=np.int64), 1.0).mean * cells)
    names = ("fitted model", "second model")
    yield from zip(names, means, strict=False)
    for name, factor in (("fitted model, half the unseen", 0.5), ("fitted model, twice the unseen", 2.0)):
        yield name, np.concatenate([[factor * means[0][0]], means[0][1:]])
