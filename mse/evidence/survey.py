"""Persons from survey rates and a population: a second line of evidence beside registers.

It stands in this room, not among the estimators: those return the law of the size of a population behind lists, with
what was registered inside it. A survey knows no lists; what it gives is a rate times a known population, like the
other rates that are published.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from mse.errors import ModelError, Problem, names_of
from mse.evidence.chain import check_prob, plain_number, proportion_interval
from mse.evidence.surveylaw import logit_interval
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "group",
    "rate",
    "population",
    "persons",
    "low",
    "high",
    "prob",
    "rate_low",
    "rate_high",
    "interval",
    "source",
)
"""Columns of the frame `survey`."""

ALL = "all"
"""Name of the row that sums the groups."""


@dataclass(frozen=True, slots=True)
class SurveyRate:
    """A published rate.

    Parameters
    ----------
    group : str
        Whose.
    rate : float
        Share of the group, 0 to 1.
    population : float
        Persons in the group.
    low, high, prob : float or None
        Its published interval and the probability of that.
    n, deff : float or None
        Number of respondents and design effect, where no interval was published.
    source : str
        Publication of the rate and of the population.
    """

    group: str
    rate: float
    population: float
    low: float | None = None
    high: float | None = None
    prob: float | None = None
    n: float | None = None
    deff: float | None = None
    source: str = ""


class _Law(NamedTuple):
    """A rate, its variance (None when nothing is known of it), and where the interval comes from."""

    rate: float
    variance: float | None
    low: float
    high: float
    interval: str


def survey_persons(rates: Sequence[SurveyRate], prob: float = 0.95) -> pd.DataFrame:
    """Return persons by group from rates and population, and their sum; the groups must not overlap.

    Parameters
    ----------
    rates : sequence of SurveyRate
        Published rates.
    prob : float
        Probability of the intervals.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, unrounded. ``interval`` says what the interval is made of: the published one (carried to
        `prob` on the logit scale where it had another probability), respondents and design effect, or nothing, and
        then there is none. The last row, ``"all"``, sums two or more groups.

    Raises
    ------
    ModelError
        With every rate, interval or population that is out of range.

    Notes
    -----
    With n respondents and design effect d the variance is rate(1 − rate)·d/n and the interval symmetric on the logit
    scale; at a rate of 0 or 1 Jeffreys' for n/d respondents. The population is taken as known. Variances of the groups
    add up in the sum: their samples are taken as independent.
    """
    import pandas as pd

    check_prob(prob)
    problems = [problem for rate in rates for problem in _problems(rate)]
    names = [rate.group for rate in rates]
    problems += [Problem(said("found.group_twice"), said("allowed.every_group_once"), said("do.rename_remove"),
                         value=name)
                 for name in dict.fromkeys(x for x in names if names.count(x) > 1 or x == ALL)]  # fmt: skip
    if problems:
        raise ModelError(problems)
    z = NormalDist().inv_cdf(0.5 + prob / 2)
    rows = []
    laws = [_law(rate, prob, z) for rate in rates]
    for given, law in zip(rates, laws, strict=True):
        rows.append(_row(given.group, law, given.population, prob, given.source))
    if len(rates) > 1:
        total = math.fsum(given.population for given in rates)
        shares = [given.population / total for given in rates]
        rate = math.fsum(w * law.rate for w, law in zip(shares, laws, strict=True))
        known = [law.variance for law in laws if law.variance is not None]
        low = high = math.nan
        kind = "none: a group has none"
        variance = None
        if len(known) == len(laws) and 0 < rate < 1:
            variance = math.fsum(w * w * v for w, v in zip(shares, known, strict=True))
            (low, high), kind = logit_interval(rate, variance, z), "sum of independent groups"
        rows.append(_row(ALL, _Law(rate, variance, low, high, kind), total, prob, "sum of the groups"))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_rates(path: Path) -> tuple[SurveyRate, ...]:
    """Read published rates from a CSV file.

    Columns ``group``, ``rate`` (0 to 1), ``population``; ``low``, ``high``, ``prob`` of a published interval or ``n``
    and ``deff``; ``source``. What is not known stays empty.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path))
    grid = read_grid(path, faults, "rate")
    numbers = ("rate", "population", "low", "high", "prob", "n", "deff")
    allowed = names_of(("group", *numbers, "source"))
    for name in ("group", "rate", "population"):
        if name not in grid.header:
            faults.add(said("found.column_missing"), allowed, said("do.add_column_2", name=name), value=name)
    for name in grid.header:
        if name not in ("group", *numbers, "source"):
            faults.add(said("found.column_unknown"), allowed, said("do.rename_remove"), value=name)
    faults.raise_if_any()
    columns = dict(zip(grid.header, grid.columns, strict=True))
    found = []
    for i, row in enumerate(grid.rows):
        values: dict[str, float | None] = {}
        for name in numbers:
            text = columns[name][i] if name in columns else ""
            values[name] = plain_number(text)
            if values[name] is None and (text or name in ("rate", "population")):
                faults.add(said("found.not_number"), said("allowed.number_decimal_point"), said("do.correct"), row=row,
                           column=name, value=text)  # fmt: skip
        rate, population = values.pop("rate") or 0.0, values.pop("population") or 1.0
        source = columns["source"][i] if "source" in columns else ""
        given = SurveyRate(columns["group"][i], rate, population, source=source, **values)
        for problem in _problems(given):
            faults.add(problem.found, problem.allowed, problem.remedy, row=row, column=problem.column,
                       value=problem.value)  # fmt: skip
        found.append(given)
    faults.raise_if_any()
    return tuple(found)


def _problems(rate: SurveyRate) -> list[Problem]:
    """Return what is wrong with a published rate."""
    found = []

    def wrong(bad: bool, column: str, kind: Said, allowed: Said, value: object) -> None:
        if bad:
            found.append(Problem(kind, allowed, said("do.correct"), column=column, value=str(value)))

    wrong(not rate.group, "group", said("found.group_has_no_name"), said("allowed.name"), rate.group)
    wrong(not 0 <= rate.rate <= 1, "rate", said("found.rate_out_range"), said("allowed.n0_1_0_015"), rate.rate)
    wrong(not (rate.population > 0 and math.isfinite(rate.population)), "population",
          said("found.population_out_range"), said("allowed.number_above_0"), rate.population)  # fmt: skip
    both = rate.low is not None and rate.high is not None
    wrong(
        (rate.low is None) != (rate.high is None),
        "low",
        said("found.interval_has_one_end"),
        said("allowed.both_ends_neither"),
        rate.low,
    )
    if both and rate.low is not None and rate.high is not None:
        inside = 0 <= rate.low <= rate.rate <= rate.high <= 1
        wrong(not inside, "low", said("found.interval_does_not_hold"), said("allowed.n0_low_rate_high"),
              f"{rate.low:g} to {rate.high:g}")  # fmt: skip
        wrong(rate.prob is None or not 0 < rate.prob < 1, "prob", said("found.probability_interval_missing_out"),
              said("allowed.number_between_0_1_2"), rate.prob)  # fmt: skip
    wrong(
        rate.n is not None and rate.n < 1,
        "n",
        said("found.number_respondents_out_range"),
        said("allowed.n1_more"),
        rate.n,
    )
    wrong(
        rate.deff is not None and rate.deff <= 0,
        "deff",
        said("found.design_effect_out_range"),
        said("allowed.above_0"),
        rate.deff,
    )
    wrong(
        rate.deff is not None and rate.n is None,
        "n",
        said("found.design_effect_without_respondents"),
        said("allowed.n_deff"),
        rate.n,
    )
    return found


def _law(given: SurveyRate, prob: float, z: float) -> _Law:
    """Return the rate with its interval at probability `prob`."""
    rate = given.rate
    inner = 0 < rate < 1
    if given.low is not None and given.high is not None and given.prob is not None:
        if not inner or given.low <= 0 or given.high >= 1:
            # No logit to carry it over on: it stays what was published, if that is what is asked for.
            same = math.isclose(prob, given.prob)
            ends = (given.low, given.high) if same else (math.nan, math.nan)
            return _Law(rate, None, *ends, "as published" if same else "none: published for another probability")
        old = NormalDist().inv_cdf(0.5 + given.prob / 2)
        middle = _logit(rate)
        steps = ((_logit(given.low) - middle) / old, (_logit(given.high) - middle) / old)
        low, high = (1 / (1 + math.exp(-(middle + z * step))) for step in steps)
        sd = (steps[1] - steps[0]) / 2 * rate * (1 - rate)
        return _Law(rate, sd * sd, low, high, "as published")
    if given.n is None:
        return _Law(rate, None, math.nan, math.nan, "none: no interval or respondents were published")
    effective = given.n / (given.deff or 1.0)
    if not inner:
        n = max(round(effective), 1)
        return _Law(rate, None, *proportion_interval(round(rate * n), n, prob), "respondents and design effect")
    variance = rate * (1 - rate) / effective
    return _Law(rate, variance, *logit_interval(rate, variance, z), "respondents and design effect")


def _row(group: str, law: _Law, population: float, prob: float, source: str) -> list[object]:
    persons = [x * population for x in (law.rate, law.low, law.high)]
    return [group, law.rate, population, *persons, prob, law.low, law.high, law.interval, source]


def _logit(rate: float) -> float:
    return math.log(rate / (1 - rate))
