"""Every pair of lists given covariates: the doubly robust estimates side by side, and whether they agree."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np

from mse.answers.distribution import Distribution
from mse.computing.parallel import Compute
from mse.estimators.doublyrobust.onepair import (
    DoublyRobustSpec,
    PairSize,
    Variant,
    estimate_pair,
    least_overlap,
    overlap,
)
from mse.estimators.normallaw import normal_law
from mse.tables.persons import PersonTable
from mse.words.said import Said, said, to_json

if TYPE_CHECKING:
    import pandas as pd


class PairComparison(NamedTuple):
    """Every pair of lists side by side.

    Parameters
    ----------
    estimates : DataFrame
        ``list_1``, ``list_2``, ``both``, ``doubly robust``, ``plug-in``, ``targeted`` (N̂, persons), ``se`` (of the
        doubly robust one), ``low``, ``high``, ``status``, ``said`` (its words as a code, JSON).
    statistic, df, p_value : float, int, float
        Wald test that the doubly robust estimates of all pairs agree; they must if all lists are independent given the
        covariates. The estimates are of the same persons, whose influences give their covariances.
    """

    estimates: pd.DataFrame
    statistic: float
    df: int
    p_value: float


def compare_pairs(
    table: PersonTable, spec: DoublyRobustSpec | None = None, *, seed: int, prob: float = 0.95,
    compute: Compute | None = None,
) -> PairComparison:  # fmt: skip
    """Estimate N from every pair of lists, and test whether they agree.

    Parameters
    ----------
    table : PersonTable
        One row per person.
    spec : DoublyRobustSpec, optional
        Its pair, variant and splits take no part.
    seed, compute
        As in `estimate`.
    prob : float
        Probability of the log-normal or normal intervals.
    """
    import pandas as pd
    from scipy.special import chdtrc

    spec = spec or DoublyRobustSpec()
    pairs = table.pairs()
    task = partial(_one_pair, table, spec, seed)
    results = list((compute or Compute()).map(said("stage.pairs"), task, pairs))
    rows, influences = [], []
    for pair, result in zip(pairs, results, strict=True):
        row: dict[str, object] = {"list_1": table.lists[pair[0]], "list_2": table.lists[pair[1]]}
        row["both"] = overlap(table, pair)
        if isinstance(result, Said):
            rows.append({**row, **_status(result)})
            continue
        best = result["doubly robust"]
        unseen = best.size - table.observed
        if spec.interval == "log-normal" and unseen > 0:
            law = Distribution.lognormal(table.observed, unseen, math.sqrt(math.log1p((best.se / unseen) ** 2)))
        else:
            law = normal_law(table.observed, best.size, best.se)
        low, high = law.quantile([(1 - prob) / 2, (1 + prob) / 2])
        influences.append(best.influence)
        sizes: dict[str, object] = {str(variant): found.size for variant, found in result.items()}
        rows.append({**row, **sizes, "se": best.se, "low": float(low), "high": float(high)})
        rows[-1] |= {"status": "ok", "said": ""}
        if best.size < table.observed:
            lists = [table.lists[j] for j in pair]
            rows[-1] |= _status(said("fault.pair_below", lists=lists, size=best.size, observed=table.observed))
    names = ["list_1", "list_2", "both", *get_args(Variant), "se", "low", "high", "status", "said"]
    frame = pd.DataFrame(rows, columns=names)
    df = len(influences) - 1
    if df < 1:
        return PairComparison(frame, math.nan, 0, math.nan)
    apart = np.column_stack([phi - influences[0] for phi in influences[1:]])
    total = apart.sum(axis=0)
    statistic = float(total @ np.linalg.pinv(apart.T @ apart) @ total)
    return PairComparison(frame, statistic, df, float(chdtrc(df, statistic)))


def _status(why: Said) -> dict[str, str]:
    return {"status": str(why), "said": to_json([("status", why)])}


def _one_pair(
    table: PersonTable, spec: DoublyRobustSpec, seed: int, pair: tuple[int, int]
) -> dict[Variant, PairSize] | Said:
    """Return the estimates of one pair, or why there are none."""
    least = least_overlap(spec)
    if overlap(table, pair) < least:
        return said("fault.pair_overlap", count=overlap(table, pair), lists=[table.lists[j] for j in pair])
    return estimate_pair(table, pair, spec, seed)
