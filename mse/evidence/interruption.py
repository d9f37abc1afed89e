"""Registered counts before and after a measure: an interrupted series, by a negative binomial with its spread learned.

A count of a period has mean exp(a + b t + season + level w + slope u) and variance mean + sigma^2 mean^2; w is the
share of the period after the date, u its mean time after it in years. For every sigma of a grid the law of the
coefficients is normal around its mode (Laplace); the grid is weighed by its evidence and a half-Cauchy prior, so that
short series get the wider intervals that a spread learned from them deserves. For the design: Wagner, Soumerai, Zhang &
Ross-Degnan (2002, J Clin Pharm Ther 27:299-309); Bernal, Cummins & Gasparrini (2017, Int J Epidemiol 46:348-355).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp, ndtr

from mse.kernels.arrays import Array, Integers

LEAST, LEAST_TOGETHER = 3, 8
"""Periods on either side of a date, and together, below which nothing is fitted."""
_SPREADS = np.concatenate([[1e-4], np.geomspace(0.01, 2.0, 47)])
_USUAL_SPREAD = 0.2
_PRIOR = {"trend": 1.0, "season": 1.0, "level": 2.0, "slope": 1.0}
"""Standard deviations of the coefficients beforehand, on the log; slopes a year."""
_ROUNDS = 60
_SIMULATED = 499
_PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(\d{2})))?")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


class Period(NamedTuple):
    """When a period begins, in years, and how long it lasts."""

    start: float
    length: float


class Effect(NamedTuple):
    """A change on the log: middle, ends, and how many standard deviations it is from none."""

    point: float
    low: float
    high: float
    z: float


class Placebo(NamedTuple):
    """The level change at a date at which nothing was decided."""

    period: str
    level: Effect


@dataclass(frozen=True, slots=True, eq=False)
class Interruption:
    """What became of counts at a date.

    Parameters
    ----------
    periods : tuple of str
        Those with a count, in order.
    counts : int64 array, shape (P,)
        Registered in each.
    expected, without : float array, shape (P,)
        As fitted, and as the trend before would have had it.
    level, slope, last : Effect
        The change at once; the change of the trend a year; both together in the last period.
    spread : float
        Standard deviation of counts beyond chance, as a share of the mean.
    alike : float
        Correlation of neighbouring residuals.
    alike_p : float
        Probability of one as large by chance alone, from simulated series.
    placebos : tuple of Placebo
        Level changes at other dates, of periods before the date alone and of periods after it alone.
    prob : float
        Of the intervals.
    """

    periods: tuple[str, ...]
    counts: Integers
    expected: Array
    without: Array
    level: Effect
    slope: Effect
    last: Effect
    spread: float
    alike: float
    alike_p: float
    placebos: tuple[Placebo, ...]
    prob: float

    @property
    def placebo_share(self) -> float:
        """Share of placebo dates, with the date itself, whose change is as large in standard deviations."""
        larger = sum(abs(x.level.z) >= abs(self.level.z) for x in self.placebos)
        return (1 + larger) / (1 + len(self.placebos))


def read_period(text: str) -> Period | None:
    """Return when a period is: "2018", "2018-05" or "2018-Q2"; None where it is none."""
    found = _PERIOD.fullmatch(text)
    if found is None or (found[3] and not 1 <= int(found[3]) <= 12):
        return None
    year = float(found[1])
    if found[2]:
        return Period(year + (int(found[2]) - 1) / 4, 0.25)
    return Period(year + (int(found[3]) - 1) / 12, 1 / 12) if found[3] else Period(year, 1.0)


def read_date(text: str) -> float | None:
    """Return a date in years: "2018", "2018-05" or "2018-05-01"; None where it is none."""
    found = _DATE.fullmatch(text)
    month, day = (int(x) if found and x else 1 for x in (found[2], found[3])) if found else (0, 0)
    if found is None or not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    return float(found[1]) + (month - 1) / 12 + (day - 1) / 365.25


def interruption(
    periods: Sequence[str],
    counts: Integers,
    date: float,
    *,
    prob: float,
    seed: int,
    season: bool = True,
    placebo: bool = True,
) -> Interruption:
    """Return what became of counts at a date.

    Parameters
    ----------
    periods : sequence of str
        As `read_period` takes them, all of one length, in order; some may be missing.
    counts : int64 array, shape (P,)
        Registered in each.
    date : float
        In years, as `read_date` gives it.
    prob : float
        Of the intervals.
    seed : int
        Of the simulated series behind `Interruption.alike_p`.
    season : bool
        Take out the season, a wave a year, where periods are shorter than a year and there are two years of them.
    placebo : bool
        Try other dates.
    """
    times = [x for x in map(read_period, periods) if x is not None]
    y = np.asarray(counts, dtype=float)
    design, sds = _design(times, date, season)
    law = _Law(design, y, sds)
    level, slope = (law.effect(design.shape[1] - i, prob) for i in (2, 1))
    after = np.zeros(design.shape[1])
    after[-2:] = design[-1, -2:]
    expected = np.exp(design @ law.middle)
    alike, alike_p = _alikeness(design, y, sds, law.spread, times, seed)
    return Interruption(
        tuple(periods), np.asarray(counts, dtype=np.int64), expected,
        np.exp(design[:, :-2] @ law.middle[:-2]), level, slope, law.combined(after, prob), law.spread, alike, alike_p,
        _placebos(periods, times, y, date, prob, season) if placebo else (), prob,
    )  # fmt: skip


def sides(periods: Sequence[str], date: float) -> tuple[int, int]:
    """Return how many periods lie wholly before a date, and how many at least partly after it."""
    times = [x for x in map(read_period, periods) if x is not None]
    after = sum(x.start + x.length > date + 1e-9 for x in times)
    return len(times) - after, after


# ---- the law of the coefficients ---------------------------------------------------------------------------


def _design(times: Sequence[Period], date: float, season: bool) -> tuple[Array, Array]:
    """Return the columns (level and slope last), shape (P, C), and their standard deviations beforehand."""
    start, length = (np.array(x, dtype=float) for x in zip(*times, strict=True))
    middle, end = start + length / 2, start + length
    share = np.clip((end - date) / length, 0.0, 1.0)
    after = np.where(start >= date, middle - date, np.clip(end - date, 0.0, None) ** 2 / (2 * length))
    columns, sds = [np.ones(len(times)), middle - middle.mean()], [math.inf, _PRIOR["trend"]]
    if season and length[0] < 1 and end[-1] - start[0] >= 2:
        columns += [np.sin(2 * np.pi * middle), np.cos(2 * np.pi * middle)]
        sds += [_PRIOR["season"]] * 2
    columns += [share, after]
    return np.column_stack(columns), np.array([*sds, _PRIOR["level"], _PRIOR["slope"]])


def _modes(design: Array, y: Array, sds: Array, spreads: Array) -> tuple[Array, Array]:
    """Return the modes of the coefficients, shape (B, C), and their precisions, (B, C, C).

    `y` has shape (B, P), `spreads` (B,): iteratively reweighted least squares, a series each at once.
    """
    ridge = np.diag(1.0 / sds**2)
    extra = (spreads**2)[:, None]
    eta = np.log(y + 0.5)
    beta = np.linalg.lstsq(design, eta.T, rcond=None)[0].T
    precision = np.empty((len(y), len(sds), len(sds)))
    for _ in range(_ROUNDS):
        eta = np.clip(beta @ design.T, -30.0, 30.0)
        mean = np.exp(eta)
        weight = mean / (1.0 + extra * mean)
        precision = np.einsum("bp,pc,pd->bcd", weight, design, design) + ridge
        score = ((y - mean) / (1.0 + extra * mean)) @ design - beta @ ridge
        step = np.linalg.solve(precision, score[..., None])[..., 0]
        beta = beta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    return beta, precision


class _Law:
    """Coefficients of one series: a mixture of normal laws over the spread."""

    def __init__(self, design: Array, y: Array, sds: Array) -> None:
        many = np.repeat(y[None], len(_SPREADS), axis=0)
        self.beta, precision = _modes(design, many, sds, _SPREADS)
        size = 1.0 / _SPREADS[:, None] ** 2
        mean = np.exp(self.beta @ design.T)
        fit = (gammaln(y + size) - gammaln(size) - gammaln(y + 1.0)
               + size * np.log(size / (size + mean)) + y * np.log(mean / (size + mean))).sum(axis=1)  # fmt: skip
        known = np.isfinite(sds)
        fit -= 0.5 * ((self.beta[:, known] / sds[known]) ** 2).sum(axis=1) + 0.5 * np.linalg.slogdet(precision)[1]
        width = np.gradient(_SPREADS)
        fit += np.log(width / (1.0 + (_SPREADS / _USUAL_SPREAD) ** 2))
        self.weight = np.exp(fit - logsumexp(fit))
        self.cov = np.linalg.inv(precision)
        self.middle = self.weight @ self.beta
        self.spread = float(self.weight @ _SPREADS)

    def effect(self, column: int, prob: float) -> Effect:
        """Return one coefficient."""
        contrast = np.zeros(self.beta.shape[1])
        contrast[column] = 1.0
        return self.combined(contrast, prob)

    def combined(self, contrast: Array, prob: float) -> Effect:
        """Return a sum of coefficients."""
        means = self.beta @ contrast
        sds = np.sqrt(np.einsum("c,bcd,d->b", contrast, self.cov, contrast))

        def quantile(p: float) -> float:
            ends = float((means - 12 * sds).min()), float((means + 12 * sds).max())
            return float(brentq(lambda x: float(self.weight @ ndtr((x - means) / sds)) - p, *ends))

        middle = float(self.weight @ means)
        sd = math.sqrt(float(self.weight @ (sds**2 + (means - middle) ** 2)))
        return Effect(quantile(0.5), quantile((1 - prob) / 2), quantile((1 + prob) / 2), middle / sd)


# ---- what stands against it --------------------------------------------------------------------------------


def _alikeness(
    design: Array, y: Array, sds: Array, spread: float, times: Sequence[Period], seed: int
) -> tuple[float, float]:
    """Return the correlation of neighbouring residuals, and how often simulated series have one as large."""
    rng = np.random.default_rng(seed)
    one = np.array([spread])
    mean = np.exp(_modes(design, y[None], sds, one)[0] @ design.T)[0]
    size = 1.0 / spread**2
    drawn = rng.poisson(rng.gamma(size, mean / size, size=(_SIMULATED, len(y)))).astype(float)
    series = np.concatenate([y[None], drawn])
    beta, _ = _modes(design, series, sds, np.repeat(one, len(series)))
    fitted = np.exp(beta @ design.T)
    left = (series - fitted) / np.sqrt(fitted + spread**2 * fitted**2)
    next_to = np.array([math.isclose(b.start - a.start, a.length, abs_tol=1e-6)
                        for a, b in zip(times[:-1], times[1:], strict=True)])  # fmt: skip
    alike = (left[:, :-1] * left[:, 1:] * next_to).sum(axis=1) / (left**2).sum(axis=1)
    return float(alike[0]), float((1 + (alike[1:] >= alike[0]).sum()) / (1 + _SIMULATED))


def _placebos(
    periods: Sequence[str], times: Sequence[Period], y: Array, date: float, prob: float, season: bool
) -> tuple[Placebo, ...]:
    """Return level changes at dates within the periods before the date, and within those wholly after it."""
    found = []
    before = [i for i, x in enumerate(times) if x.start + x.length <= date + 1e-9]
    after = [i for i, x in enumerate(times) if x.start >= date - 1e-9]
    for side in (before, after):
        if len(side) < LEAST_TOGETHER:
            continue
        for at in range(LEAST, len(side) - LEAST + 1):
            own = [times[i] for i in side]
            design, sds = _design(own, times[side[at]].start, season)
            law = _Law(design, y[side], sds)
            found.append(Placebo(periods[side[at]], law.effect(design.shape[1] - 2, prob)))
    return tuple(found)
