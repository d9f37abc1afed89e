"""Tests of the law of repeat counts in one register, and its ratio plot: what to look at before a family is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mse.errors import ModelError, MseError, Problem
from mse.estimators.repeats.countfit import not_fitted
from mse.estimators.repeats.countlaws import probabilities
from mse.estimators.repeats.families import Family
from mse.estimators.repeats.registersize import fit_repeats
from mse.kernels.arrays import Array
from mse.tables.repeats import RepeatCounts
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


class Test(NamedTuple):
    """A statistic with its degrees of freedom and p-value."""

    statistic: float
    df: int
    p_value: float


def likelihood_ratio(table: RepeatCounts, smaller: tuple[Family, str], larger: tuple[Family, str]) -> Test:
    """Test a model within a larger one, each given as family and formula.

    Poisson and geometric lie within the negative binomial: Poisson on the edge of its dispersion, where half of the
    law of the statistic stands at 0 (Self & Liang 1987); that is allowed for.

    Raises
    ------
    ModelError
        When the first is not a special case of the second, or one of them has no estimate.
    """
    from scipy.special import chdtrc

    (first, x), (second, z) = (fit_repeats(table, *model) for model in (smaller, larger))
    nested = first.family == second.family or (second.family == "negbin" and first.family in _WITHIN_NEGBIN)
    both = np.linalg.matrix_rank(np.hstack([x.matrix, z.matrix]))
    if not nested or both > z.matrix.shape[1] or second.n_parameters <= first.n_parameters:
        raise ModelError(
            Problem(
                said("found.not_special_case", smaller=smaller[0], smaller_2=smaller[1], larger=larger[0],
                     larger_2=larger[1]),
                said("allowed.same_family_fewer_terms"),
                said("do.compare_other_models_their"), file=said("what.table", name=table.name),
            )
        )  # fmt: skip
    statistic = max(0.0, 2.0 * (second.log_likelihood - first.log_likelihood))
    df = second.n_parameters - first.n_parameters
    p_value = float(chdtrc(df, statistic))
    if first.family == "poisson" and second.family == "negbin":
        lower = float(chdtrc(df - 1, statistic)) if df > 1 else float(statistic <= 0.0)
        p_value = 0.5 * p_value + 0.5 * lower
    return Test(statistic, df, p_value)


def overdispersion(table: RepeatCounts, formula: str = "1") -> Test:
    """Test the Poisson against gamma-distributed rates by the score at no dispersion (Gurmu 1991).

    The derivative of the truncated negative binomial log likelihood by α at 0 is ½[(y − λ)² − y + λ² p/(1 − p)];
    its variance is the expected information under the truncated Poisson, less what estimating β takes.
    """
    from scipy.special import chdtrc

    fit, columns = fit_repeats(table, "poisson", formula)
    x, w = columns.matrix, table.counts.astype(np.float64)
    rate = np.exp(x @ fit.coefficients)
    odds = np.exp(-rate) / -np.expm1(-rate)

    def score(y: Array, lam: Array, o: Array) -> Array:
        return np.asarray(0.5 * ((y - lam) ** 2 - y + lam**2 * o))

    total = float(w @ score(table.registrations.astype(np.float64), rate, odds))
    most = int(rate.max() + 12.0 * math.sqrt(rate.max()) + 30.0)
    y = np.arange(1.0, most + 1.0)
    law = probabilities(fit, np.log(rate), most)[:, 1:] / (-np.expm1(-rate))[:, None]
    by_alpha = score(y, rate[:, None], odds[:, None])
    by_eta = y - rate[:, None] * (1.0 + odds[:, None])
    alpha_alpha = float(w @ (law * by_alpha**2).sum(axis=1))
    alpha_beta = x.T @ (w * (law * by_alpha * by_eta).sum(axis=1))
    beta_beta = (x.T * (w * (law * by_eta**2).sum(axis=1))) @ x
    variance = alpha_alpha - float(alpha_beta @ np.linalg.solve(beta_beta, alpha_beta))
    statistic = total**2 / variance
    return Test(statistic, 1, float(chdtrc(1, statistic)))


def count_tests(table: RepeatCounts, formula: str = "1") -> pd.DataFrame:
    """Return the tests that tell which family and which covariates the counts ask for.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    formula : str
        Covariates of the rate.

    Returns
    -------
    DataFrame
        ``test``, ``statistic``, ``df``, ``p_value``, ``status``, ``said`` (its words as a code, JSON): the score test
        of the Poisson against gamma-distributed rates; the likelihood ratio of Poisson and of geometric within the
        negative binomial; and, where there are covariates, that of a Poisson without them. Where a model has no
        estimate, `status` says why.
    """
    import pandas as pd

    asked: list[tuple[str, Callable[[], Test]]] = []
    asked.append(("poisson: overdispersion (score)", partial(overdispersion, table, formula)))
    larger: tuple[Family, str] = ("negbin", formula)
    for family in _WITHIN_NEGBIN:
        asked.append((f"{family} within negbin", partial(likelihood_ratio, table, (family, formula), larger)))
    if formula.strip() != "1":
        without = partial(likelihood_ratio, table, ("poisson", "1"), ("poisson", formula))
        asked.append(("poisson without covariates", without))
    rows: list[dict[str, object]] = []
    for name, test in asked:
        try:
            rows.append({"test": name, **test()._asdict(), "status": "ok", "said": ""})
        except MseError as error:
            rows.append({"test": name, **not_fitted(error)})
    return pd.DataFrame(rows, columns=["test", "statistic", "df", "p_value", "status", "said"])


_WITHIN_NEGBIN: tuple[Family, ...] = ("poisson", "geometric")


def ratio_plot(table: RepeatCounts, families: Sequence[Family] = ("poisson", "geometric")) -> pd.DataFrame:
    """Return the numbers of the ratio plot, which tell by eye what law the counts follow.

    Parameters
    ----------
    table : RepeatCounts
        The register; covariates take no part.
    families : sequence of str
        Families whose ratios under the fit without covariates are added, where that fit exists.

    Returns
    -------
    DataFrame
        ``registrations`` y, ``ratio`` (y + 1) f_{y+1} / f_y, ``ratio_low`` and ``ratio_high`` at 95 % from
        √(1/f_y + 1/f_{y+1}) on the log scale, and ``ratio_FAMILY`` for every family. Level for a Poisson, a line
        with slope for a negative binomial.

    References
    ----------
    Böhning, Baksh, Lerdsuwansri & Gallagher (2013) Use of the ratio plot in capture-recapture estimation. Journal of
    Computational and Graphical Statistics 22:135-155.
    """
    import pandas as pd

    f = table.frequencies().astype(np.float64)
    y = np.array([k for k in range(1, len(f)) if f[k - 1] > 0 and f[k] > 0], dtype=np.int64)
    ratio = (y + 1) * f[y] / f[y - 1]
    spread = 1.959963984540054 * np.sqrt(1.0 / f[y] + 1.0 / f[y - 1])
    ends = {"ratio_low": ratio * np.exp(-spread), "ratio_high": ratio * np.exp(spread)}
    columns = {"registrations": y, "ratio": ratio, **ends}
    for family in families:
        try:
            fit, _ = fit_repeats(table, family)
        except MseError:
            continue
        law = probabilities(fit, fit.coefficients[:1], len(f))[0]
        columns[f"ratio_{family}"] = (y + 1) * law[y + 1] / law[y]
    return pd.DataFrame(columns)
