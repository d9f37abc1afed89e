"""Does a count model fit one register: frequencies, nested models, heterogeneity, the ratio plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.errors import ModelError, MseError, Problem
from mse.estimators.repeats.families import FAMILIES, PARTIAL, CountFit, Family, log_missed, probabilities
from mse.estimators.repeats.registersize import fit_repeats, size_of
from mse.tables.repeats import RepeatCounts
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]


class Frequencies(NamedTuple):
    """Observed against fitted frequencies, and Pearson's test on them.

    Parameters
    ----------
    labels : tuple of str, length C
        ``"1"``, ``"2"``, …, the last one open: ``"4+"``.
    observed, fitted : float64 array, shape (C,)
        Persons.
    chi_square, deviance : float
        Pearson's and the likelihood-ratio statistic over the C classes.
    df : int
        C − 1 less one for the level of the rates and one for a dispersion.
    p_value : float
        Of `chi_square`. Not a number where df < 1. With covariates the law is only roughly a chi-square.
    """

    labels: tuple[str, ...]
    observed: Array
    fitted: Array
    chi_square: float
    deviance: float
    df: int
    p_value: float

    def __str__(self) -> str:
        """Return it as a phrase."""
        p = f"p = {self.p_value:.2g}" if self.p_value > 0 else "p below 1e-300"
        return f"chi-square {self.chi_square:.1f} on {self.df} df, {p}"


class Test(NamedTuple):
    """A statistic with its degrees of freedom and p-value."""

    statistic: float
    df: int
    p_value: float


class Heterogeneity(NamedTuple):
    """Chao's bound against the Poisson estimate, which agree when the covariates explain all differences in rate.

    Parameters
    ----------
    poisson, chao : float
        The two N̂, persons.
    z : float
        (Chao − Poisson) / √(Var Chao − Var Poisson): the Poisson estimate is efficient if it holds, so that the
        variance of the difference is the difference of the variances (Hausman 1978).
    p_value : float
        One-sided: of a Chao estimate that much larger.
    """

    poisson: float
    chao: float
    z: float
    p_value: float

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"Chao's lower bound of {self.chao:,.0f} exceeds the Poisson estimate of {self.poisson:,.0f} "
            f"(z = {self.z:.1f}, p = {self.p_value:.2g}): rates differ between persons with the same covariates"
        )


LEAST = 3.0
"""Persons in a class, from which its ratios take part in the search for too many ones."""


class OneInflation(NamedTuple):
    """Persons registered exactly once, against what those registered more often lead one to expect.

    Parameters
    ----------
    ones : int
        Persons registered once.
    expected : float
        How many there would be if the ratios (y + 1) f_{y+1} / f_y of the others went on in a line.
    z : float
        Log of their ratio in its standard errors.
    p_value : float
        One-sided: of that many ones or more.
    modified : float or None
        One-inflated Chao estimate, persons.
    """

    ones: int
    expected: float
    z: float
    p_value: float
    modified: float | None

    @property
    def said(self) -> Said:
        """The finding as a code and values."""
        about = {"ones": self.ones, "expected": self.expected, "z": self.z, "p": float(f"{self.p_value:.2g}")}
        if self.modified is None:
            return said("note.one_inflated", **about)
        return said("note.one_inflated_instead", **about, modified=self.modified)

    def __str__(self) -> str:
        """Return it as a sentence."""
        return str(self.said)


def one_inflation(table: RepeatCounts) -> OneInflation | None:
    """Tell whether too many were registered exactly once; None where fewer than two ratios of the others exist.

    The ratios r_y = (y + 1) f_{y+1} / f_y are level for one Poisson rate, rise in a line for gamma rates, and rise for
    any mixture of rates, so that r_1 lies on or below those that follow. A line with a slope of 0 or more through
    r_2, r_3, … (weights from the variance r² (1/f_y + 1/f_{y+1})) says what r_1 would be; a smaller
    one is from too many ones.

    References
    ----------
    Böhning & van der Heijden (2019) The identity of the zero-truncated, one-inflated likelihood and the
    zero-one-truncated likelihood for general count densities. Annals of Applied Statistics 13:1198-1211.
    """
    from scipy.stats import norm

    f = table.frequencies().astype(np.float64)
    y = np.array([k for k in range(2, len(f)) if f[k - 1] >= LEAST and f[k] >= LEAST])
    if y.size < 2 or f[0] == 0 or f[1] == 0:
        return None
    ratio = (y + 1.0) * f[y] / f[y - 1]
    weight = 1.0 / (ratio**2 * (1.0 / f[y - 1] + 1.0 / f[y]))
    design = np.column_stack([np.ones(y.size), y - 1.0])
    covariance = np.linalg.inv((design.T * weight) @ design)
    level, slope = covariance @ (design.T * weight) @ ratio
    variance = float(covariance[0, 0])
    if slope < 0.0:
        level, variance = float(weight @ ratio / weight.sum()), 1.0 / float(weight.sum())
    if not level > 0.0:
        return None
    expected = 2.0 * f[1] / float(level)
    z = math.log(f[0] / expected) / math.sqrt(1.0 / f[0] + 1.0 / f[1] + variance / float(level) ** 2)
    try:
        fit, columns = fit_repeats(table, "chao-one-inflated")
        modified = size_of(fit, table, columns.matrix).size
    except MseError:
        modified = None
    return OneInflation(int(f[0]), expected, z, float(norm.sf(z)), modified)


def goodness_of_fit(table: RepeatCounts, fit: CountFit, matrix: Array, *, least: float = 5.0) -> Frequencies:
    """Hold observed against fitted frequencies, classes joined from the top until each expects `least` persons.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    fit, matrix
        From `fit_repeats`.
    least : float
        Smallest fitted frequency of a class.
    """
    from scipy.stats import chi2

    eta, most = matrix @ fit.coefficients, int(table.registrations.max())
    seen = -np.expm1(log_missed(fit, eta))
    fitted = (table.counts / seen) @ probabilities(fit, eta, most)[:, 1:]
    fitted = np.append(fitted, max(table.observed - fitted.sum(), 0.0))
    observed = np.append(table.frequencies(), 0).astype(np.float64)
    last = len(fitted)
    while last > 1 and fitted[last - 1 :].sum() < least:
        last -= 1
    observed = np.append(observed[: last - 1], observed[last - 1 :].sum())
    fitted = np.append(fitted[: last - 1], fitted[last - 1 :].sum())
    chi_square = float(((observed - fitted) ** 2 / fitted).sum())
    some = observed > 0
    deviance = 2.0 * float(observed[some] @ np.log(observed[some] / fitted[some]))
    df = last - 2 - (fit.log_dispersion is not None)
    p_value = float(chi2.sf(chi_square, df)) if df > 0 else math.nan
    labels = (*(str(y) for y in range(1, last)), f"{last}+")
    return Frequencies(labels, observed, fitted, chi_square, deviance, df, p_value)


def likelihood_ratio(table: RepeatCounts, smaller: tuple[Family, str], larger: tuple[Family, str]) -> Test:
    """Test a model within a larger one, each given as family and formula.

    Poisson and geometric lie within the negative binomial: Poisson on the edge of its dispersion, where half of the
    law of the statistic stands at 0 (Self & Liang 1987); that is allowed for.

    Raises
    ------
    ModelError
        When the first is not a special case of the second, or one of them has no estimate.
    """
    from scipy.stats import chi2

    (first, x), (second, z) = (fit_repeats(table, *model) for model in (smaller, larger))
    nested = first.family == second.family or (second.family == "negbin" and first.family in ("poisson", "geometric"))
    both = np.linalg.matrix_rank(np.hstack([x.matrix, z.matrix]))
    if not nested or both > z.matrix.shape[1] or second.n_parameters <= first.n_parameters:
        raise ModelError(
            Problem(
                f"{smaller[0]} with {smaller[1]} is not a special case of {larger[0]} with {larger[1]}",
                "the same family with fewer terms, or poisson or geometric within negbin",
                "compare other models by their AIC (compare_families)", file=f"table {table.name!r}",
            )
        )  # fmt: skip
    statistic = max(0.0, 2.0 * (second.log_likelihood - first.log_likelihood))
    df = second.n_parameters - first.n_parameters
    p_value = float(chi2.sf(statistic, df))
    if first.family == "poisson" and second.family == "negbin":
        lower = float(chi2.sf(statistic, df - 1)) if df > 1 else float(statistic <= 0.0)
        p_value = 0.5 * p_value + 0.5 * lower
    return Test(statistic, df, p_value)


def overdispersion(table: RepeatCounts, formula: str = "1") -> Test:
    """Test the Poisson against gamma-distributed rates by the score at no dispersion (Gurmu 1991).

    The derivative of the truncated negative binomial log likelihood by α at 0 is ½[(y − λ)² − y + λ² p/(1 − p)];
    its variance is the expected information under the truncated Poisson, less what estimating β takes.
    """
    from scipy.stats import chi2

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
    return Test(statistic, 1, float(chi2.sf(statistic, 1)))


def heterogeneity(table: RepeatCounts, formula: str = "1") -> Heterogeneity | None:
    """Compare Chao's bound with the Poisson estimate; None when either does not exist."""
    from scipy.stats import norm

    try:
        found = {family: fit_repeats(table, family, formula) for family in _PAIR}
    except MseError:
        return None
    low, high = (size_of(fit, table, columns.matrix) for fit, columns in found.values())
    spread = (high.sampling + high.parameters) - (low.sampling + low.parameters)
    if not spread > 0:
        return None
    z = (high.size - low.size) / math.sqrt(spread)
    return Heterogeneity(low.size, high.size, z, float(norm.sf(z)))


_PAIR: tuple[Family, Family] = ("poisson", "chao")


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
        ``registrations`` y, ``ratio`` (y + 1) f_{y+1} / f_y, ``low`` and ``high`` at 95 % from √(1/f_y + 1/f_{y+1})
        on the log scale, and one column per family. Level for a Poisson, a line with slope for a negative binomial.

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
    columns = {"registrations": y, "ratio": ratio, "low": ratio * np.exp(-spread), "high": ratio * np.exp(spread)}
    for family in families:
        try:
            fit, _ = fit_repeats(table, family)
        except MseError:
            continue
        law = probabilities(fit, fit.coefficients[:1], len(f))[0]
        columns[family] = (y + 1) * law[y + 1] / law[y]
    return pd.DataFrame(columns)


def compare_families(
    table: RepeatCounts, formula: str = "1", families: Sequence[Family] | None = None, *, prob: float = 0.95
) -> pd.DataFrame:
    """Put the families side by side on one register; all, the one-inflated only where there are too many ones.

    Returns
    -------
    DataFrame
        ``family``, ``N``, ``se``, ``low``, ``high`` (log-normal), ``log_likelihood``, ``aic`` (not a number for
        Zelterman and Chao, whose likelihood is of other data), ``chi_square``, ``df``, ``p_value``, ``status``.
    """
    import pandas as pd

    from mse.answers.distribution import Distribution

    if families is None:
        ones = one_inflation(table)
        inflated = ones is not None and ones.p_value < 0.05
        families = [family for family in FAMILIES if inflated or family != "chao-one-inflated"]
    rows: list[dict[str, object]] = []
    for family in families:
        try:
            fit, columns = fit_repeats(table, family, formula)
        except MseError as error:
            rows.append({"family": family, "status": str(error.problems[0].found)})
            continue
        found = size_of(fit, table, columns.matrix)
        law = Distribution.lognormal(found.observed, found.unseen, found.log_sd)
        low, high = law.quantile([(1 - prob) / 2, (1 + prob) / 2])
        row = {"family": family, "N": found.size, "se": found.se, "low": float(low), "high": float(high)}
        if family not in PARTIAL:
            fitted = goodness_of_fit(table, fit, columns.matrix)
            row |= {"log_likelihood": fit.log_likelihood, "aic": 2.0 * (fit.n_parameters - fit.log_likelihood),
                    "chi_square": fitted.chi_square, "df": fitted.df, "p_value": fitted.p_value}  # fmt: skip
        rows.append({**row, "status": "ok"})
    names = ["family", "N", "se", "low", "high", "log_likelihood", "aic", "chi_square", "df", "p_value", "status"]
    return pd.DataFrame(rows, columns=names)
