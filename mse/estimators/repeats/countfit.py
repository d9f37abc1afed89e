"""Does a count model fit one register: frequencies, heterogeneity, too many ones, families side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mse.errors import MseError
from mse.estimators.repeats.countlaws import log_missed, probabilities
from mse.estimators.repeats.families import FAMILIES, MODIFIED, PARTIAL, CountFit, Family
from mse.estimators.repeats.registersize import fit_repeats, size_of
from mse.kernels.arrays import Array
from mse.tables.repeats import RepeatCounts
from mse.words.said import Said, as_said, said, to_json

if TYPE_CHECKING:
    import pandas as pd


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
    from scipy.special import ndtr

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
    return OneInflation(int(f[0]), expected, z, float(ndtr(-z)), modified)


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
    eta, most = matrix @ fit.coefficients, int(table.registrations.max())
    seen = -np.expm1(log_missed(fit, eta))
    fitted = (table.counts / seen) @ probabilities(fit, eta, most)[:, 1:]
    return joined_frequencies(table, fitted, fit.n_parameters - fit.coefficients.size + 1, least=least)


def joined_frequencies(table: RepeatCounts, fitted: Array, parameters: int, *, least: float = 5.0) -> Frequencies:
    """Hold the frequencies of a register against fitted ones.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    fitted : float64 array, shape (Y,)
        Persons expected with 1, …, Y registrations; all others are expected above.
    parameters : int
        Of the law of the counts, as far as they take degrees of freedom.
    least : float
        Smallest fitted frequency of a class; the upper ones are joined until it is reached.
    """
    from scipy.special import chdtrc

    fitted = np.append(fitted, max(table.observed - fitted.sum(), 0.0))
    observed = table.frequencies().astype(np.float64)
    observed = np.append(observed[: len(fitted) - 1], observed[len(fitted) - 1 :].sum())
    last = len(fitted)
    while last > 1 and fitted[last - 1 :].sum() < least:
        last -= 1
    observed = np.append(observed[: last - 1], observed[last - 1 :].sum())
    fitted = np.append(fitted[: last - 1], fitted[last - 1 :].sum())
    chi_square = float(((observed - fitted) ** 2 / fitted).sum())
    some = observed > 0
    deviance = 2.0 * float(observed[some] @ np.log(observed[some] / fitted[some]))
    df = last - 1 - parameters
    p_value = float(chdtrc(df, chi_square)) if df > 0 else math.nan
    labels = (*(str(y) for y in range(1, last)), f"{last}+")
    return Frequencies(labels, observed, fitted, chi_square, deviance, df, p_value)


def heterogeneity(table: RepeatCounts, formula: str = "1", exposure: str = "") -> Heterogeneity | None:
    """Compare Chao's bound with the Poisson estimate; None when either does not exist."""
    from scipy.special import ndtr

    try:
        found = {family: fit_repeats(table, family, formula, exposure) for family in _PAIR}
    except MseError:
        return None
    low, high = (size_of(fit, table, columns.matrix) for fit, columns in found.values())
    spread = (high.sampling + high.parameters) - (low.sampling + low.parameters)
    if not spread > 0:
        return None
    z = (high.size - low.size) / math.sqrt(spread)
    return Heterogeneity(low.size, high.size, z, float(ndtr(-z)))


_PAIR: tuple[Family, Family] = ("poisson", "chao")


def not_fitted(error: MseError) -> dict[str, str]:
    """Return why there is no estimate, for a row of a table: in words, and as a code."""
    found = as_said(error.problems[0].found)
    return {"status": str(found), "said": to_json([("status", found)])}


def compare_families(
    table: RepeatCounts, formula: str = "1", families: Sequence[Family] | None = None, exposure: str = "", *,
    prob: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Put the families side by side on one register; all, the one-inflated only where there are too many ones.

    Returns
    -------
    DataFrame
        ``family``, ``N``, ``se``, ``low``, ``high`` (log-normal), ``log_likelihood``, ``aic`` (not a number for
        Zelterman and Chao, whose likelihood is of other data), ``chi_square``, ``df``, ``p_value``, ``status``,
        ``said`` (its words as a code with values, JSON).
    """
    import pandas as pd

    from mse.answers.distribution import Distribution

    if families is None:
        ones = one_inflation(table)
        inflated = ones is not None and ones.p_value < 0.05
        families = [family for family in FAMILIES if inflated or family != "chao-one-inflated"]
        families += [family for family in MODIFIED if inflated and family.startswith("one-inflated")]
    rows: list[dict[str, object]] = []
    for family in families:
        try:
            fit, columns = fit_repeats(table, family, formula, exposure)
        except MseError as error:
            rows.append({"family": family, **not_fitted(error)})
            continue
        found = size_of(fit, table, columns.matrix)
        law = Distribution.lognormal(found.observed, found.unseen, found.log_sd)
        low, high = law.quantile([(1 - prob) / 2, (1 + prob) / 2])
        row = {"family": family, "N": found.size, "se": found.se, "low": float(low), "high": float(high)}
        if family not in PARTIAL:
            fitted = goodness_of_fit(table, fit, columns.matrix)
            row |= {"log_likelihood": fit.log_likelihood, "aic": 2.0 * (fit.n_parameters - fit.log_likelihood),
                    "chi_square": fitted.chi_square, "df": fitted.df, "p_value": fitted.p_value}  # fmt: skip
        rows.append({**row, "status": "ok", "said": ""})
    names = ["family", "N", "se", "low", "high", "log_likelihood", "aic", "chi_square", "df", "p_value", "status",
             "said"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)
