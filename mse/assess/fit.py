"""Fit: overlap counts that the models predict, beside those that were seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.posterior import Posterior
from mse.kernels.arrays import Array, Flags, Integers
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import Said, said, to_json, verbatim

if TYPE_CHECKING:
    import pandas as pd


REPLICATES = 4_000
"""Predicted tables."""

_MODELS = 200
"""Heaviest models that predict."""


def predicted_overlap(posterior: Posterior, table: CaptureTable, *, prob: float, seed: int) -> pd.DataFrame:
    """Return the overlap counts that the heaviest models predict for a new sample of the same kind.

    A model is drawn by its weight, its coefficients from the normal around their mode, and the counts from their law:
    Poisson for the marginal counts (persons on each list, on each pair of lists, on 1, 2, … lists), and, for the single
    histories, given the number of persons observed (conditional).

    Parameters
    ----------
    posterior : Posterior
        An answer that names its models.
    table : CaptureTable
        What it came from, without strata.
    prob : float
        Probability of the predictive intervals.
    seed : int
        Of the replicates.

    Returns
    -------
    DataFrame
        ``kind`` ("marginal", "conditional"), ``history`` ("A", "A & B", "two lists"), ``observed``, ``expected``,
        ``low``, ``high`` (persons), ``p_value`` (two-sided, half of the ties counted). Empty for other methods.
    """
    import pandas as pd

    columns = ["kind", "history", "observed", "expected", "low", "high", "p_value", "said"]
    if posterior.models is None or posterior.strata is not None:
        return pd.DataFrame(columns=columns)
    means = _means(posterior, table, seed)
    rng = np.random.default_rng([seed, 7])
    seen = table.observable[0]
    free = rng.poisson(np.where(seen, means, 0.0))
    shares = np.where(seen, means, 0.0)
    fixed = rng.multinomial(table.observed, shares / shares.sum(axis=1, keepdims=True))
    counts = table.counts[0]
    rows: list[dict[str, Any]] = []

    def add(kind: str, name: Said, observed: int, drawn: Integers) -> None:
        below, ties = float((drawn < observed).mean()), float((drawn == observed).mean())
        low, high = np.quantile(drawn, [(1 - prob) / 2, (1 + prob) / 2])
        p = min(1.0, 2.0 * min(below + 0.5 * ties, 1.0 - below - 0.5 * ties))
        row = (kind, str(name), observed, float(drawn.mean()), low, high, p, to_json([("history", name)]))
        rows.append(dict(zip(columns, row, strict=True)))

    for name, part in _margins(table):
        add("marginal", name, int(counts[part].sum()), free[:, part].sum(axis=1))
    for h in np.flatnonzero(seen):
        add("conditional", verbatim(table.notation(int(h) + 1)), int(counts[h]), fixed[:, h])
    return pd.DataFrame(rows, columns=columns)


def _means(posterior: Posterior, table: CaptureTable, seed: int) -> Array:
    """Return expected counts of the observed cells, one row per replicate: (REPLICATES, 2**K - 1)."""
    from mse.estimators.averages.penalised import fit_penalised, walsh_design

    assert posterior.models is not None
    rng = np.random.default_rng([seed, 6])
    kept = posterior.models.notation[:_MODELS]
    weight = posterior.models.weight[: len(kept)]
    times = rng.multinomial(REPLICATES, weight / weight.sum())
    sd = posterior.spec.get("sd", 1.0)
    dense, base = table.dense(), [0, *(1 << j for j in range(table.n_lists))]
    parts = []
    for text, n in zip(kept, times, strict=True):
        if n:
            terms = sorted(t for t in Model.parse(text, table.lists).terms if t.bit_count() > 1)
            subsets = np.array(base + terms, dtype=np.int64)
            fit = fit_penalised(dense, subsets, sd if isinstance(sd, float) else 1.0)
            beta = rng.multivariate_normal(fit.beta, fit.covariance, size=int(n), method="cholesky")
            parts.append(np.exp(beta @ walsh_design(len(dense.counts), subsets)[1:].T))
    return np.concatenate(parts)


def _margins(table: CaptureTable) -> Iterator[tuple[Said, Flags]]:
    """Yield the name and the histories of every marginal count."""
    on = table.membership()
    for j, name in enumerate(table.lists):
        yield verbatim(name), on[:, j]
    for i, j in itertools.combinations(range(table.n_lists), 2):
        yield verbatim(f"{table.lists[i]} & {table.lists[j]}"), on[:, i] & on[:, j]
    for k in range(1, table.n_lists + 1):
        yield said("overlap_of.one") if k == 1 else said("overlap_of.lists", count=k), on.sum(axis=1) == k
