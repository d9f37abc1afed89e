"""Sensitivity to what no data can show: the identifying assumption, the prior, and errors of linkage.

**All lists at once.** Models leave out the interaction among all lists. If its odds ratio is ξ and not 1, the unseen
are n_0(ξ) = n_0(1)/ξ: exactly so under the saturated model, and for every model when ξ is the odds ratio by which the
unseen cell departs from it (Aleshin-Guendel, Sadinle & Wakefield 2024).

**A pair of lists.** The odds ratio ξ of two lists is fixed, an offset in every cell that is on both, in place of what
the data say of the pair; the models that carry the weight are fitted again without the pair's own terms and weighed
by their evidence (Gerritse, van der Heijden & Bakker 2015).

**Linkage.** If a share α of the links was missed and a share β of the persons on one list was put together by
mistake, the expected counts are a linear map of the true ones (Ding & Fienberg 1994); the map is undone, and the
table that would have been seen without errors is estimated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import LOG_STEP, Distribution
from mse.answers.posterior import Posterior
from mse.assess.refits import Refit, refit_all
from mse.computing.parallel import Compute
from mse.estimators.normallaw import mixture_quantiles
from mse.estimators.registry import row_of
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


ODDS_RATIOS = (0.25, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Odds ratios at which the curves are computed."""

ALL_LISTS = "all lists"
"""Name of the assumption that there is no interaction among all lists at once."""

LOG_ODDS_SDS = (0.25, 0.5, 1.0)
"""Standard deviations of the log odds ratio of all lists, for intervals that allow for it."""

LINKAGE_ERRORS = ((0.0, 0.0), (0.02, 0.0), (0.05, 0.0), (0.1, 0.0), (0.0, 0.01), (0.0, 0.02), (0.05, 0.01))
"""Shares of missed links and of false links."""

_MODELS = 40
"""Heaviest models that a curve for a pair of lists is averaged over."""


def sensitivity(
    posterior: Posterior,
    table: CaptureTable,
    *,
    prob: float,
    odds_ratios: Sequence[float] = ODDS_RATIOS,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Return N as a function of the odds ratio that the estimate takes for granted.

    Parameters
    ----------
    posterior : Posterior
        The answer, for the interaction among all lists; its heaviest models carry the curves for pairs.
    table : CaptureTable
        What it came from; covariates are summed over for the pairs.
    prob : float
        Probability of the intervals.
    odds_ratios : sequence of float
        Positive; 1 is the assumption itself.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    DataFrame
        ``assumption`` ("all lists", or a pair "A:B"), ``odds_ratio``, ``point``, ``low``, ``high`` (persons).
        Pairs are there for posteriors that name their models.
    """
    import pandas as pd

    ends = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
    low, point, high = np.asarray(posterior.quantile(ends), dtype=np.float64) - posterior.observed
    point = posterior.point - posterior.observed
    rows: list[dict[str, Any]] = [
        {"assumption": ALL_LISTS, "odds_ratio": xi, **dict(zip(("point", "low", "high"), values, strict=True))}
        for xi in odds_ratios
        for values in [[posterior.observed + unseen / xi for unseen in (point, low, high)]]
    ]
    masks = _heavy_models(posterior)
    if masks:
        flat = table.collapse() if table.strata else table
        pairs = list(itertools.combinations(range(flat.n_lists), 2))
        for part in (compute or Compute()).map(
            said("stage.odds_ratios"), lambda pair: _pair_curve(flat, masks, pair, odds_ratios, ends), pairs
        ):
            rows += part
    return pd.DataFrame(rows)


def _heavy_models(posterior: Posterior) -> list[frozenset[int]]:
    """Return the terms of the heaviest models of an average; none when the method has no models, or other lists."""
    from mse.terms import Model

    if posterior.models is None or posterior.strata is not None:
        return []
    kept = posterior.models.notation[:_MODELS]
    return [frozenset(Model.parse(text, posterior.lists).terms) for text in kept]


def _pair_curve(
    table: CaptureTable, models: Sequence[frozenset[int]], pair: tuple[int, int], odds_ratios: Sequence[float],
    ends: Sequence[float],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the rows of one pair."""
    from mse.estimators.averages.penalised import fit_penalised

    both = 1 << pair[0] | 1 << pair[1]
    dense, base = table.dense(), [0, *(1 << j for j in range(table.n_lists))]
    without = dict.fromkeys(frozenset(t for t in model if t & both != both) for model in models)
    families = [np.array(base + sorted(t for t in model if t.bit_count() > 1), dtype=np.int64) for model in without]
    on_both = np.arange(len(dense.counts)) & both == both
    rows = []
    for xi in odds_ratios:
        offset = np.where(on_both, math.log(xi), 0.0)
        fits = [fit_penalised(dense, terms, 1.0, offset) for terms in families]
        evidence = np.array([fit.log_evidence for fit in fits])
        weight = np.exp(evidence - evidence.max())
        parts = np.array([[math.log(fit.mean[0]), fit.log_sd] for fit in fits])
        low, point, high = table.observed + np.exp(mixture_quantiles(weight, parts[:, 0], parts[:, 1], ends))
        name = ":".join(table.lists[j] for j in pair)
        rows.append({"assumption": name, "odds_ratio": xi, "point": point, "low": low, "high": high})
    return rows


def tipping(curves: pd.DataFrame, observed: int, claims: Sequence[tuple[str, float]]) -> pd.DataFrame:
    """Return the odds ratio at which the point reaches a claimed value.

    Parameters
    ----------
    curves : DataFrame
        What `sensitivity` returned.
    observed : int
        Persons on at least one list.
    claims : sequence of (str, float)
        ``("above", 4000)``: the estimate stays above; ``("below", 20000)``: it stays below.

    Returns
    -------
    DataFrame
        ``assumption``, ``claim``, ``value``, ``odds_ratio``: the claim holds up to there; not a number when it holds
        (or fails) over the whole range that was computed.
    """
    import pandas as pd

    rows = []
    for assumption, part in curves.groupby("assumption", sort=False):
        log_xi = np.log(part["odds_ratio"].to_numpy())
        gap = np.log(np.maximum(part["point"].to_numpy() - observed, 1e-9))
        for claim, value in claims:
            found = math.nan
            if value > observed:
                distance = gap - math.log(value - observed)
                if assumption == ALL_LISTS:
                    found = math.exp(float((distance + log_xi)[0]))  # n_0(1) over the claimed unseen: exact
                else:
                    turns = np.flatnonzero(np.diff(np.sign(distance)) != 0)
                    if len(turns):
                        i = int(turns[np.argmin(np.abs(log_xi[turns]))])
                        share = distance[i] / (distance[i] - distance[i + 1])
                        found = math.exp(float(log_xi[i] + share * (log_xi[i + 1] - log_xi[i])))
            rows.append({"assumption": assumption, "claim": claim, "value": value, "odds_ratio": found})
    return pd.DataFrame(rows)


def allowing_for(posterior: Posterior, log_odds_sd: float) -> Distribution:
    """Return the law of N when the log odds ratio of all lists is N(0, `log_odds_sd`²) instead of 0.

    n_0 is multiplied by exp(−log ξ): the law of log n_0 is smoothed by a normal. Nobody unseen stays nobody.
    """
    from scipy.special import ndtr

    law, n = posterior.distribution, posterior.observed
    mass = np.diff(law.cdf, prepend=0.0)
    unseen = np.maximum(law.values - n, 0.0)
    none = float(mass[unseen < 0.5].sum())
    kept = unseen >= 0.5
    logs, weight = np.log(unseen[kept]), mass[kept]
    if not len(logs):
        return law
    low, high = float(logs[0]) - 7 * log_odds_sd, float(logs[-1]) + 7 * log_odds_sd
    step = max(LOG_STEP, (high - low) / 8000)
    edges = np.arange(low, high + step, step)
    # The masses are put on the grid first: the kernel is wider than its cells.
    binned = np.bincount(np.minimum(((logs - low) / step).astype(np.int64), len(edges) - 1), weight, len(edges))
    reach = int(7 * log_odds_sd / step) + 1
    window = np.diff(ndtr((np.arange(-reach - 0.5, reach + 1.0)) * step / log_odds_sd))
    smooth = np.convolve(binned, window / window.sum(), mode="same")
    cdf = none + np.cumsum(smooth) * (1.0 - none) / max(float(smooth.sum()), 1e-300)
    values = np.concatenate([[float(n)], n + np.exp(edges)])
    return Distribution(values, np.minimum(np.concatenate([[none], cdf]), 1.0), whole=False)


def prior_sensitivity(posterior: Posterior, table: CaptureTable, *, prob: float) -> pd.DataFrame:
    """Return N under other priors.

    Returns
    -------
    DataFrame
        ``setting``, ``value``, ``point``, ``low``, ``high``: prior standard deviation of the interactions and prior
        over models for the average (refits by Laplace), prior count for decomposable graphs, and the standard deviation
        of the log odds ratio of all lists ("log odds ratio of all lists, sd").
    """
    import pandas as pd

    from mse.assess.refits import average_refit
    from mse.estimators.averages.averaging import AverageSpec

    ends = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    rows: list[dict[str, Any]] = []

    def add(setting: str, value: object, quantiles: npt.ArrayLike) -> None:
        point, low, high = np.asarray(quantiles, dtype=np.float64)
        rows.append({"setting": setting, "value": str(value), "point": point, "low": low, "high": high})

    for tau in LOG_ODDS_SDS:
        add("log odds ratio of all lists, sd", tau, allowing_for(posterior, tau).quantile(ends))
    varied = row.prior if (row := row_of(posterior.method)) is not None else None
    if varied == "models":
        order = cast("int | None", posterior.spec.get("max_order"))
        for sd in (0.5, 1.0, 2.0):
            add("sd of the interactions", sd, average_refit(AverageSpec(sd=sd, max_order=order))(table, ends))
        for prior in ("uniform", "size"):
            refit = average_refit(AverageSpec(model_prior=cast(Any, prior), max_order=order))
            add("prior over models", prior, refit(table, ends))
    elif varied == "graphs":
        from mse.estimators.averages.decomposable import DecomposableSpec, estimate

        for factor in (0.25, 1.0, 4.0):
            spec = DecomposableSpec(delta=factor * 2.0**-table.n_lists)
            add("prior count per cell", f"{factor:g} x 2^-K", estimate(table, spec, seed=0).distribution.quantile(ends))
    return pd.DataFrame(rows)


def linkage_errors(
    table: CaptureTable,
    refit: Refit,
    *,
    prob: float,
    errors: Sequence[tuple[float, float]] = LINKAGE_ERRORS,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Return N if some links were missed, or false.

    Returns
    -------
    DataFrame
        ``alpha`` (share of links missed), ``beta`` (share of persons on one list falsely put together with a person of
        another list), ``point``, ``low``, ``high``, ``status``.
    """
    import pandas as pd

    tables = [without_errors(table, alpha, beta) for alpha, beta in errors]
    found = refit_all(said("stage.linkage_errors"), refit, tables, prob, compute)
    return pd.DataFrame(
        [
            {"alpha": alpha, "beta": beta, "point": f.point, "low": f.low, "high": f.high, "status": f.status}
            for (alpha, beta), f in zip(errors, found, strict=True)
        ]
    )


def without_errors(table: CaptureTable, alpha: float, beta: float) -> CaptureTable:
    """Return the table that would have been seen with every link found and none false, in whole persons.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    alpha : float
        Probability that one registration of a person on several lists was not linked to the others.
    beta : float
        Probability that a person on a single list was put together with a person who is only on another list.
    """
    counts = table.counts[0].astype(np.float64)
    moved = np.linalg.solve(error_map(table, alpha, beta), counts)
    whole = np.rint(np.maximum(moved, 0.0)).astype(np.int64)
    return CaptureTable.from_arrays(
        table.lists, whole, observable=table.observable, absent=table.absent, name=table.name
    )


def error_map(table: CaptureTable, alpha: float, beta: float) -> Array:
    """Return the matrix from true to expected linked counts, shape (2**K - 1, 2**K - 1), to first order.

    A missed link takes one registration, each with the same chance, away from a person on two or more lists: the rest
    stays one person, the registration becomes another. A false link takes a person on list A only and one on list B
    only, B by its share of such persons, and makes one person on both.
    """
    size = table.counts.shape[1]
    out = np.zeros((size, size))
    single = {j: float(table.counts[0, (1 << j) - 1]) for j in range(table.n_lists)}
    for h in range(1, size + 1):
        on = [j for j in range(table.n_lists) if h >> j & 1]
        if len(on) > 1:
            out[h - 1, h - 1] += 1.0 - alpha
            for j in on:
                out[(h ^ 1 << j) - 1, h - 1] += alpha / len(on)
                out[(1 << j) - 1, h - 1] += alpha / len(on)
            continue
        others = {i: n for i, n in single.items() if not h >> i & 1}
        total = sum(others.values())
        out[h - 1, h - 1] += 1.0 - (beta if total else 0.0)
        for i, n in others.items():
            if total:
                # Two persons make one: each of them brings half of it.
                out[(h | 1 << i) - 1, h - 1] += 0.5 * beta * n / total
    return out
