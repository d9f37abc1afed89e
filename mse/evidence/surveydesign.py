"""Prevalence from a sample survey with weights, strata and clusters: linearised variance and logit intervals.

Cochran (1977), Sampling Techniques, chapter 6; Wolter (2007), Introduction to Variance Estimation, chapter 6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.assess.rules import Thresholds
from mse.errors import InputError, Problem, names_of
from mse.evidence.chain import check_prob, plain_number, proportion_interval
from mse.kernels.arrays import Array, Flags, Integers
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.words.said import Said, said, verbatim

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SurveyDesign:
    """Which columns of microdata say what.

    Parameters
    ----------
    outcome : str
        Column with 0 or 1. Empty for whoever did not answer, who then counts for the design but not for the rate.
    weight : str or None
        Column of weights above 0. How many persons the respondent stands for, up to a factor; all alike when None.
    stratum : str or None
        Column of strata of the sample. One when None.
    psu : str or None
        Column of primary sampling units. Schools, municipalities, numbered within strata; every respondent when None.
    by : tuple of str
        Column whose levels get a rate each, crossed where there are several.
    """

    outcome: str
    weight: str | None = None
    stratum: str | None = None
    psu: str | None = None
    by: tuple[str, ...] = ()

    def columns(self) -> tuple[tuple[Said, str], ...]:
        """Return what the named columns are, and their names."""
        roles = (
            (said("what.outcome"), self.outcome), (said("what.weight"), self.weight),
            (said("what.stratum"), self.stratum), (said("what.psu"), self.psu),
        )  # fmt: skip
        return (*((role, name) for role, name in roles if name is not None), *((verbatim(x), x) for x in self.by))


@dataclass(frozen=True, slots=True, eq=False)
class Respondents:
    """Microdata of a survey, checked; n respondents.

    Parameters
    ----------
    outcome : float64 array, shape (n,)
        0 or 1; not a number for no answer.
    weight : float64 array, shape (n,)
        Above 0.
    psu, stratum : int64 array, shape (n,)
        Primary sampling unit, numbered over all strata from 0; stratum of each respondent, from 0.
    groups : mapping of str to tuple of str, each of length n
        Level by grouping column.
    """

    outcome: Array
    weight: Array
    psu: Integers
    stratum: Integers
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the arrays, and check that every stratum holds two primary sampling units.

        Raises
        ------
        InputError
            Otherwise: nothing is known about the variance within such a stratum.
        """
        for name in ("outcome", "weight", "psu", "stratum"):
            array = np.array(getattr(self, name))
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "groups", MappingProxyType(dict(self.groups)))
        stratum_of = np.zeros(int(self.psu.max()) + 1, dtype=np.int64)
        stratum_of[self.psu] = self.stratum
        lonely = int((np.bincount(stratum_of) == 1).sum())
        if lonely:
            raise InputError(
                Problem(said("found.strata_sample_hold_one", lonely=lonely), said("allowed.two_more_each"),
                        said("do.put_such_stratum_together"))
            )  # fmt: skip


def read_respondents(path: Path, design: SurveyDesign) -> Respondents:
    """Read microdata from a CSV file with one row per respondent; no value of a row is ever quoted.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path), private=True)
    grid = read_grid(path, faults, design.outcome)
    for role, name in design.columns():
        if name not in grid.header:
            faults.add(said("found.no_column_2", role=role), names_of(grid.header), said("do.correct_name"), value=name)
    faults.raise_if_any()
    own = (design.outcome, design.weight, design.stratum, design.psu)  # units of a sample may be named
    add_identifying_faults(grid, faults, [i for i, name in enumerate(grid.header) if name not in own])
    columns = dict(zip(grid.header, grid.columns, strict=True))
    outcome, weight = [], []
    for row, text in zip(grid.rows, columns[design.outcome], strict=True):
        if text not in ("0", "1", ""):
            faults.add(said("found.not_outcome"), said("allowed.n0_1_empty_no"), said("do.correct"), row=row,
                       column=design.outcome, value=text)  # fmt: skip
        outcome.append(float(text) if text in ("0", "1") else math.nan)
    for row, text in zip(grid.rows, columns[design.weight] if design.weight else ["1"] * len(outcome), strict=True):
        value = plain_number(text)
        if value is None or value <= 0:
            faults.add(said("found.not_weight"), said("allowed.number_above_0"), said("do.correct_leave_out_who"),
                       row=row, column=design.weight, value=text)  # fmt: skip
        weight.append(value or 1.0)
    for name in [x for x in (design.stratum, design.psu, *design.by) if x]:
        for row, text in zip(grid.rows, columns[name], strict=True):
            if not text:
                faults.add(said("found.cell_empty"), said("allowed.name_number"), said("do.fill"), row=row, column=name)
    faults.raise_if_any()
    n = len(outcome)
    strata = columns[design.stratum] if design.stratum else [""] * n
    units = columns[design.psu] if design.psu else [str(i) for i in range(n)]
    groups = {name: tuple(columns[name]) for name in design.by}
    return make_respondents(outcome, weight, strata, units, groups)


def make_respondents(
    outcome: npt.ArrayLike,
    weight: npt.ArrayLike,
    stratum: Sequence[object],
    psu: Sequence[object],
    groups: Mapping[str, Sequence[object]] | None = None,
) -> Respondents:
    """Build microdata from columns of one length; the same name of a unit in two strata is two units."""
    strata = {name: i for i, name in enumerate(dict.fromkeys(stratum))}
    units = {name: i for i, name in enumerate(dict.fromkeys(zip(stratum, psu, strict=True)))}
    return Respondents(
        np.asarray(outcome, dtype=np.float64),
        np.asarray(weight, dtype=np.float64),
        np.array([units[pair] for pair in zip(stratum, psu, strict=True)], dtype=np.int64),
        np.array([strata[name] for name in stratum], dtype=np.int64),
        {dim: tuple(map(str, levels)) for dim, levels in (groups or {}).items()},
    )


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
    Rate: Σwy / Σw over the answers of the group. Variance: that of Σz with z = w(y − rate)/Σw in the group and 0
    outside it, between units within strata, Σ_h n_h/(n_h − 1) Σ_i (z_hi − z̄_h)²; units are taken as drawn with
    replacement, which is conservative. Interval: logit(rate) ± t·se/(rate(1 − rate)), t with as many degrees of
    freedom as there are units less strata in the group; at a rate of 0 or 1, where there is no logit, Jeffreys' for
    the effective number of answers n/deff, deff of the whole sample. deff: the variance over rate(1 − rate)/(n − 1).
    """
    import pandas as pd

    check_prob(prob)
    levels = [tuple(sorted(set(column))) for column in data.groups.values()]
    answered = ~np.isnan(data.outcome)
    usual = _estimate(data, answered, prob, 1.0).deff
    rows = []
    for chosen in product(*levels):
        inside = answered.copy()
        for column, level in zip(data.groups.values(), chosen, strict=True):
            inside &= np.array(column) == level
        rows.append([*chosen, *_estimate(data, inside, prob, usual if usual >= 1 else 1.0)])
    return pd.DataFrame(rows, columns=[*data.groups, *_Estimate._fields])


class _Estimate(NamedTuple):
    """A row of `prevalence` without its group."""

    rate: float
    se: float
    low: float
    high: float
    prob: float
    n: int
    deff: float
    df: int
    status: str


def linearised_variance(data: Respondents, inside: Flags) -> tuple[float, float]:
    """Return the rate among some respondents and its variance, by linearisation."""
    weight = np.where(inside, data.weight, 0.0)
    rate = float(weight @ np.where(inside, data.outcome, 0.0) / weight.sum())
    z = weight * (np.where(inside, data.outcome, rate) - rate) / weight.sum()
    totals = np.bincount(data.psu, weights=z)
    stratum_of = np.zeros(totals.size, dtype=np.int64)
    stratum_of[data.psu] = data.stratum
    units = np.bincount(stratum_of)
    centred = totals - (np.bincount(stratum_of, weights=totals) / units)[stratum_of]
    return rate, float(np.sum((units / (units - 1.0))[stratum_of] * centred**2))


def logit_interval(rate: float, variance: float, quantile: float) -> tuple[float, float]:
    """Return the interval of a rate strictly between 0 and 1 that is symmetric on the logit scale."""
    half = quantile * math.sqrt(variance) / (rate * (1 - rate))
    middle = math.log(rate / (1 - rate))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def _estimate(data: Respondents, inside: Flags, prob: float, usual_deff: float) -> _Estimate:
    from scipy.special import stdtrit

    n, nothing = int(inside.sum()), math.nan
    if n < Thresholds().observed[1]:
        return _Estimate(nothing, nothing, nothing, nothing, prob, n, nothing, 0, "too few data")
    rate, variance = linearised_variance(data, inside)
    df = max(len(set(data.psu[inside].tolist())) - len(set(data.stratum[inside].tolist())), 1)
    if not 0 < rate < 1 or variance <= 0:
        effective = max(round(n / usual_deff), 1)
        low, high = proportion_interval(round(rate * effective), effective, prob)
        return _Estimate(rate, 0.0, low, high, prob, n, nothing, df, "ok")
    low, high = logit_interval(rate, variance, float(stdtrit(df, 0.5 + prob / 2)))
    return _Estimate(rate, math.sqrt(variance), low, high, prob, n, variance / (rate * (1 - rate) / (n - 1)), df, "ok")
