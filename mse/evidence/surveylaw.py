"""Rates of all groups of a survey with their joint covariance: linearised, or from replicate weights.

Cochran (1977), Sampling Techniques, chapter 6; Wolter (2007), Introduction to Variance Estimation, chapters 3 to 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.assess.rules import usual_thresholds
from mse.evidence.chain import check_prob, proportion_interval
from mse.evidence.surveydesign import Calibration, Respondents
from mse.evidence.weighting import Bounds, Calibrated, Totals, calibrate, calibrated_replicates, cell_sums
from mse.kernels.arrays import Array, Flags, Integers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class SurveyLaw:
    """Rates of G groups, the last of which is everybody, and how they vary together.

    Parameters
    ----------
    dims : tuple of str
        Grouping columns.
    groups : tuple of tuple of str, length G
        Levels; of the last, none.
    rate : float64 array, shape (G,)
        Not a number where nobody answered.
    cov : float64 array, shape (G, G)
        Covariance of the rates; of everybody alone where no more was asked for, and so are `df`.
    n, cases : int64 array, shape (G,)
        Answers, and those that are 1.
    df : int64 array, shape (G,)
        Degrees of freedom.
    calibrated : Calibrated or None
        What calibration did.
    """

    dims: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    rate: Array
    cov: Array
    n: Integers
    cases: Integers
    df: Integers
    calibrated: Calibrated | None = None


def survey_law(
    data: Respondents,
    totals: Totals | None = None,
    calibration: Calibration = "raking",
    bounds: Bounds | None = None,
    whole_only: bool = False,
) -> SurveyLaw:
    """Return the rates of all crossed groups, and of everybody, with their joint covariance.

    Parameters
    ----------
    data : Respondents
        Microdata.
    totals : mapping, optional
        Known totals by variable and level, to which weights are calibrated.
    calibration : {"raking", "greg"}
        How.
    bounds : tuple of float, optional
        Of the factor by which a weight may change.
    whole_only : bool
        Give covariance and degrees of freedom of everybody alone, shapes (1, 1) and (1,): those of ten thousand groups
        are a matrix that nobody needs who models them.

    Raises
    ------
    InputError
        When the totals cannot be met.

    Notes
    -----
    Rate: Σwy / Σw over the answers of the group. Linearised: z = w(y − rate)/Σw in the group and 0 outside it, summed
    within units; covariance Σ_h (1 − f_h) n_h/(n_h − 1) Σ_i (z_hi − z̄_h)(z_hi − z̄_h)'. After calibration z is
    replaced by the residual of its regression on the margins (Deville & Särndal 1992), times the calibrated weight.
    Replicates: Σ_r c_r (rate_r − rate)(rate_r − rate)', every replicate calibrated by itself.
    """
    levels = [tuple(sorted(set(column))) for column in data.groups.values()]
    groups = tuple(product(*levels))
    code = np.zeros(data.outcome.size, dtype=np.int64)
    for column, names in zip(data.groups.values(), levels, strict=True):
        number = {name: i for i, name in enumerate(names)}
        code = code * len(names) + np.array([number[x] for x in column], dtype=np.int64)
    answered = ~np.isnan(data.outcome)
    calibrated = None if totals is None else calibrate(data, totals, calibration, bounds)
    weight = data.weight if calibrated is None else data.weight * calibrated.factor[calibrated.cells.of]
    size = len(groups)
    held = np.where(answered, weight, 0.0)
    y = np.where(answered, data.outcome, 0.0)
    base = _with_all(np.bincount(code, weights=held, minlength=size))
    count = _with_all(np.bincount(code, weights=held * y, minlength=size))
    with np.errstate(invalid="ignore"):
        rate = count / base
    of, held_base, held_rate = code, base, rate
    if whole_only:
        of, held_base, held_rate = np.zeros_like(code), base[[-1, -1]], rate[[-1, -1]]
    if data.replicates is not None:
        cov = _replicated(data, of, answered, y, held_rate.size - 1, held_rate, calibrated, calibration, bounds)
    else:
        cov = _linearised(data, of, answered, y, weight, held_base, held_rate, calibrated)
    degrees = _degrees(data, of, answered, held_rate.size - 1)
    if whole_only:
        cov, degrees = cov[1:, 1:], degrees[1:]
    n = _with_all(np.bincount(code[answered], minlength=size))
    cases = _with_all(np.bincount(code[answered & (y == 1)], minlength=size))
    return SurveyLaw(tuple(data.groups), (*groups, ()), rate, cov, n, cases,
                     degrees, calibrated)  # fmt: skip


def _with_all[T: np.generic](values: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return values by group with their sum behind them, along the first axis."""
    return np.concatenate([values, np.add.reduce(values, axis=0, keepdims=True)])


def _degrees(data: Respondents, code: Integers, answered: Flags, size: int) -> Integers:
    """Return units less strata of every group; with replicates alone, one fewer than there are."""
    units = len(set(data.psu.tolist()))
    if data.replicates is not None and units == data.psu.size:
        return np.full(size + 1, max(data.replicates.shape[1] - 1, 1), dtype=np.int64)
    inside, strata = (
        _with_all(np.bincount(np.unique(code[answered] * width + each[answered]) // width, minlength=size))
        for each, width in ((data.psu, int(data.psu.max()) + 1), (data.stratum, int(data.stratum.max()) + 1))
    )
    inside[-1], strata[-1] = (np.unique(each[answered]).size for each in (data.psu, data.stratum))
    return np.asarray(np.maximum(inside - strata, 1), dtype=np.int64)


def _linearised(
    data: Respondents, code: Integers, answered: Flags, y: Array, weight: Array, base: Array, rate: Array,
    calibrated: Calibrated | None,
) -> Array:  # fmt: skip
    """Return the covariance of the rates by linearisation, between units within strata.

    A unit has respondents of a few groups only, so that its sums are sparse: units by groups they would be a matrix of
    a thousand million numbers where a few thousand groups are asked for.
    """
    from scipy.sparse import csr_array, hstack

    size, units = rate.size - 1, int(data.psu.max()) + 1
    within = np.divide(y - rate[code], base[code], out=np.zeros(y.size), where=answered & (base[code] > 0))
    whole = np.where(answered, (y - rate[-1]) / base[-1], 0.0)

    def summed(weights: Array, rows: Integers, count: int) -> csr_array:
        """Return sums by row and group, everybody last; of equal places one."""
        groups = csr_array((weights * within, (rows, code)), shape=(count, size))
        everybody = np.bincount(rows, weights=weights * whole, minlength=count)
        return csr_array(hstack([groups, csr_array(everybody[:, None])]))

    totals = summed(weight, data.psu, units)
    stratum_of = data.strata_of_units()
    n = np.bincount(stratum_of).astype(float)
    drawn = np.zeros(n.size) if data.drawn is None else data.drawn
    factor = np.where(n > 1, (1 - drawn) * n / np.maximum(n - 1, 1), 0.0)
    of_unit = factor[stratum_of]
    strata = csr_array((np.ones(units), (stratum_of, np.arange(units))), shape=(n.size, units))
    scaled = totals * of_unit[:, None]
    cov, sums = (totals.T @ scaled).toarray(), (strata @ totals).toarray()
    at_first = np.diagonal(cov).copy()
    if calibrated is not None:
        # The residual of a unit is its sum less what the margins carry: the same products with that in its place.
        cells = calibrated.cells
        held = cells.design.shape[0]
        d = np.bincount(cells.of, weights=data.weight, minlength=held)
        hessian = cells.design.T @ (d[:, None] * cells.design)
        right = cells.design.T @ summed(data.weight, cells.of, held).toarray()
        fitted = cells.design @ np.linalg.lstsq(hessian, right, rcond=1e-12)[0]
        carried = csr_array((weight, (data.psu, cells.of)), shape=(units, held))
        both = (scaled.T @ carried) @ fitted
        cov += fitted.T @ ((carried.T @ (carried * of_unit[:, None])) @ fitted) - both - both.T
        sums -= (strata @ carried) @ fitted
    cov -= (sums * (factor / n)[:, None]).T @ sums
    none = np.diagonal(cov) <= 1e-13 * at_first  # the rounding of a difference of equal numbers
    cov[none], cov[:, none] = 0.0, 0.0
    return np.asarray(cov)


def _replicated(
    data: Respondents, code: Integers, answered: Flags, y: Array, size: int, rate: Array,
    calibrated: Calibrated | None, calibration: Calibration, bounds: Bounds | None,
) -> Array:  # fmt: skip
    """Return the covariance of the rates from replicate weights."""
    assert data.replicates is not None and data.factors is not None
    if calibrated is None:
        cell, held, factor = np.zeros(y.size, dtype=np.int64), 1, None
    else:
        cell, held = calibrated.cells.of, calibrated.cells.design.shape[0]
        factor = calibrated_replicates(data, calibrated, calibration, bounds)
    # Rows are summed once, by cell, group, and whether they are a case; everything else works on these.
    at = (cell * size + code) * 2 + (y == 1)
    sums = cell_sums(at[answered], data.replicates[answered], held * size * 2).reshape(held, size, 2, -1)
    if factor is not None:
        sums = sums * factor[:, None, None, :]
    both = _with_all(sums.sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = both[:, 1] / both.sum(axis=1)
    apart = np.nan_to_num((rates - rate[:, None]) * np.sqrt(data.factors))
    return np.asarray(apart @ apart.T)


class RateLine(NamedTuple):
    """The rate of a group with its interval."""

    rate: float
    se: float
    low: float
    high: float
    prob: float
    n: int
    deff: float
    df: int
    status: str


def rate_lines(law: SurveyLaw, prob: float) -> list[RateLine]:
    """Return the rate of every group, everybody last, with a design-based interval."""
    usual = _line(law, law.rate.size - 1, prob, 1.0).deff
    usual = usual if usual >= 1 else 1.0
    return [_line(law, g, prob, usual) for g in range(law.rate.size)]


def _line(law: SurveyLaw, g: int, prob: float, usual_deff: float) -> RateLine:
    from scipy.special import stdtrit

    n, nothing, df = int(law.n[g]), math.nan, int(law.df[g])
    if n < usual_thresholds().observed[1]:
        return RateLine(nothing, nothing, nothing, nothing, prob, n, nothing, 0, "too few data")
    rate, variance = float(law.rate[g]), float(law.cov[g, g])
    if not 0 < rate < 1 or variance <= 1e-24:
        effective = max(round(n / usual_deff), 1)
        low, high = proportion_interval(round(rate * effective), effective, prob)
        return RateLine(rate, 0.0, low, high, prob, n, nothing, df, "ok")
    low, high = logit_interval(rate, variance, float(stdtrit(df, 0.5 + prob / 2)))
    deff = variance / (rate * (1 - rate) / (n - 1))
    return RateLine(rate, math.sqrt(variance), low, high, prob, n, deff, df, "ok")


def prevalence(data: Respondents, prob: float = 0.95) -> pd.DataFrame:
    """Return the prevalence in every group, with a design-based interval.

    Parameters
    ----------
    data : Respondents
        Microdata.
    prob : float
        Probability of the intervals.

    Returns
    -------
    DataFrame
        The grouping columns; ``rate``, ``se``, ``low``, ``high``, ``prob``; ``n`` (answers), ``deff``, ``df``;
        ``status``: "ok", or "too few data" with fewer than ten answers, where there is no rate.

    Notes
    -----
    Variance: `survey_law`. Interval: logit(rate) ± t·se/(rate(1 − rate)), t with as many degrees of freedom as there
    are units less strata in the group; at a rate of 0 or 1, where there is no logit, Jeffreys' for the effective number
    of answers n/deff, deff of the whole sample. deff: the variance over rate(1 − rate)/(n − 1).
    """
    return prevalence_of(survey_law(data), prob)


def prevalence_of(law: SurveyLaw, prob: float = 0.95) -> pd.DataFrame:
    """Return the same from a law."""
    import pandas as pd

    check_prob(prob)
    rows = [[*levels, *line] for levels, line in zip(law.groups, rate_lines(law, prob), strict=True)]
    kept = rows[:-1] if law.dims else rows[-1:]
    return pd.DataFrame(kept, columns=[*law.dims, *RateLine._fields])


def logit_interval(rate: float, variance: float, quantile: float) -> tuple[float, float]:
    """Return the interval of a rate strictly between 0 and 1 that is symmetric on the logit scale."""
    half = quantile * math.sqrt(variance) / (rate * (1 - rate))
    middle = math.log(rate / (1 - rate))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


class Comparison(NamedTuple):
    """Two levels of a column, all else alike: the difference of their rates, and their ratio."""

    others: tuple[str, ...]
    level: str
    against: str
    difference: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    df: int
    places: tuple[int, int]


def comparisons(law: SurveyLaw, column: str, prob: float) -> tuple[Comparison, ...]:
    """Return every two levels of a column compared, within every combination of the others, from the joint covariance.

    Parameters
    ----------
    law : SurveyLaw
        Rates with their covariance: years or groups that share units are not taken as independent.
    column : str
        One of its dimensions.
    prob : float
        Probability of the intervals: of the difference symmetric, of the ratio on the log scale.
    """
    from scipy.special import stdtrit

    at = law.dims.index(column)
    rest = dict.fromkeys((*g[:at], *g[at + 1:]) for g in law.groups[:-1])  # fmt: skip
    place = {g: i for i, g in enumerate(law.groups[:-1])}
    levels: Sequence[str] = sorted({g[at] for g in law.groups[:-1]})
    found = []
    for others in rest:
        for first, second in combinations(levels, 2):
            i, j = (place[(*others[:at], x, *others[at:])] for x in (second, first))
            if min(law.n[i], law.n[j]) < usual_thresholds().observed[1]:
                continue
            p, q, df = float(law.rate[i]), float(law.rate[j]), int(min(law.df[i], law.df[j]))
            t = float(stdtrit(df, 0.5 + prob / 2))
            half = t * math.sqrt(max(law.cov[i, i] + law.cov[j, j] - 2 * law.cov[i, j], 0.0))
            ratio, ends = math.nan, (math.nan, math.nan)
            if p > 0 and q > 0:
                ratio = p / q
                variance = law.cov[i, i] / p**2 + law.cov[j, j] / q**2 - 2 * law.cov[i, j] / (p * q)
                factor = math.exp(t * math.sqrt(max(variance, 0.0)))
                ends = (ratio / factor, ratio * factor)
            found.append(Comparison(others, second, first, p - q, p - q - half, p - q + half, ratio, *ends, df, (i, j)))
    return tuple(found)
