"""Registered counts before and after a measure: an interrupted series whose neighbouring periods may be alike.

A count of a period is Poisson with mean exp(a + b t + season + level w + slope u + e - sigma^2 / 2); w is the share of
the period after the date, u its mean time after it in years. The scatter e has standard deviation sigma, and
correlation rho^k between periods that are k apart: with rho = 0 a negative binomial's sister. For every sigma and rho
of a grid the law of the coefficients is normal around the mode (Laplace); the grid is weighed by its evidence, a
half-Cauchy prior of sigma and Beta(1, 1/2) of rho, so that a series too short to tell how alike its periods are gets
the wide interval that it deserves. Under a flat prior of rho, which was tried first, intervals were too narrow where
neighbours are very alike: series of this length tell rho too low, for which half of this prior lies above 3/4. For the
design: Wagner, Soumerai, Zhang & Ross-Degnan (2002, J Clin Pharm Ther 27:299-309); Bernal, Cummins & Gasparrini (2017,
Int J Epidemiol 46:348-355). For the model: Zeger (1988, Biometrika 75:621-629); for the Laplace approximation:
Rasmussen & Williams (2006, Gaussian Processes, algorithm 3.1).
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
_SPREADS = np.concatenate([[1e-3], np.geomspace(0.02, 2.0, 20)])
_PIECES = np.linspace(0.0, 1.0, 11)
_ALIKE = 1.0 - (1.0 - (_PIECES[1:] + _PIECES[:-1]) / 2) ** 2
"""Middles of ten pieces of what the correlation of neighbouring periods may be, equally likely beforehand: 0 to 1."""
_TELLING = 0.9
"""Probability of the correlations among which a series is asked to choose."""
_USUAL_SPREAD = 1.0
_PRIOR = {"trend": 1.0, "season": 1.0, "level": 2.0, "slope": 1.0}
"""Standard deviations of the coefficients beforehand, on the log; slopes a year."""
_ROUNDS = 60
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


class Alike(NamedTuple):
    """How alike neighbouring periods are: the correlation of their scatter, and how much hangs on it.

    `times_as_wide` is the standard deviation of the level, or of the slope if that says more, under the correlation
    that the series leaves possible and that makes it largest, over the smallest.
    """

    point: float
    low: float
    high: float
    times_as_wide: float


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
    alike : Alike
        How alike neighbouring periods are.
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
    alike: Alike
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
    season : bool
        Take out the season, a wave a year, where periods are shorter than a year and there are two years of them.
    placebo : bool
        Try other dates.
    """
    times = [x for x in map(read_period, periods) if x is not None]
    y = np.asarray(counts, dtype=float)
    design, sds = _design(times, date, season)
    law = _Law(design, times, y, sds)
    level, slope = (law.effect(design.shape[1] - i, prob) for i in (2, 1))
    after = np.zeros(design.shape[1])
    after[-2:] = design[-1, -2:]
    return Interruption(
        tuple(periods), np.asarray(counts, dtype=np.int64), np.exp(design @ law.middle),
        np.exp(design[:, :-2] @ law.middle[:-2]), level, slope, law.combined(after, prob), law.spread, law.alike(prob),
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


class _Modes(NamedTuple):
    """Modes for B pairs of spread and correlation: coefficients (B, C) and precisions (B, C, C), log evidence (B,)."""

    beta: Array
    precision: Array
    scatter: Array
    evidence: Array


def _modes(design: Array, apart: Array, y: Array, sds: Array, spreads: Array, correlations: Array) -> _Modes:
    """Return the modes of coefficients and scatter by Newton's method, all pairs of spread and correlation at once.

    `apart` says how many periods lie between two, shape (P, P); `spreads` and `correlations` have shape (B,).
    """
    known = np.isfinite(sds)
    ridge = np.diag(1.0 / sds**2)
    share = (spreads**2)[:, None]
    cov = share[..., None] * correlations[:, None, None] ** apart
    eta = np.repeat(np.log(y + 0.5)[None], len(spreads), axis=0)
    one, columns = np.eye(len(y)), np.broadcast_to(design, (len(spreads), *design.shape))
    for _ in range(_ROUNDS):
        mean = np.exp(np.clip(eta, -30.0, 30.0))
        root = np.sqrt(mean)
        working = eta + share / 2 + (y - mean) / mean
        inner = one + root[:, :, None] * cov * root[:, None, :]
        right = np.concatenate([columns, working[..., None]], axis=2) * root[..., None]
        left = np.linalg.solve(inner, right) * root[..., None]
        precision = np.einsum("pc,bpd->bcd", design, left[..., :-1]) + ridge
        beta = np.linalg.solve(precision, (left[..., -1] @ design)[..., None])[..., 0]
        force = left[..., -1] - np.einsum("bpc,bc->bp", left[..., :-1], beta)
        scatter = np.einsum("bpq,bq->bp", cov, force)
        step = beta @ design.T + scatter - share / 2 - eta
        eta = eta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    fit = (y * eta - np.exp(eta) - gammaln(y + 1.0)).sum(axis=1) - 0.5 * (scatter * force).sum(axis=1)
    fit -= 0.5 * ((beta[:, known] / sds[known]) ** 2).sum(axis=1)
    fit -= 0.5 * (np.linalg.slogdet(inner)[1] + np.linalg.slogdet(precision)[1])
    return _Modes(beta, precision, scatter, fit)


class _Law:
    """Coefficients of one series: a mixture of normal laws over the spread and the correlation of neighbours."""

    def __init__(self, design: Array, times: Sequence[Period], y: Array, sds: Array) -> None:
        start = np.array([x.start for x in times])
        apart = np.rint(np.abs(start[:, None] - start) / times[0].length)
        spreads, correlations = (x.ravel() for x in np.meshgrid(_SPREADS, _ALIKE, indexing="ij"))
        found = _modes(design, apart, y, sds, spreads, correlations)
        width = np.gradient(_SPREADS) / (1.0 + (_SPREADS / _USUAL_SPREAD) ** 2)
        fit = found.evidence + np.repeat(np.log(width), len(_ALIKE))
        self.beta, self.cov = found.beta, np.linalg.inv(found.precision)
        self.weight = np.exp(fit - logsumexp(fit))
        self.middle = self.weight @ self.beta
        self.spread = float(self.weight @ spreads)

    def alike(self, prob: float) -> Alike:
        """Return how alike neighbouring periods are, and how much the width of the effects hangs on it."""
        each = self.weight.reshape(len(_SPREADS), len(_ALIKE))
        ends = np.concatenate([[0.0], np.cumsum(each.sum(axis=0))])
        edges = 1.0 - (1.0 - _PIECES) ** 2
        low, middle, high = (float(np.interp(p, ends, edges)) for p in ((1 - prob) / 2, 0.5, (1 + prob) / 2))
        possible = (ends[1:] > (1 - _TELLING) / 2) & (ends[:-1] < (1 + _TELLING) / 2)
        own = (each / each.sum(axis=0))[:, possible]
        times = 1.0
        for column in (-2, -1):
            means, squares = (
                x.reshape(each.shape)[:, possible] for x in (self.beta[:, column], self.cov[:, column, column])
            )
            sds = np.sqrt((own * (squares + (means - (own * means).sum(axis=0)) ** 2)).sum(axis=0))
            times = max(times, float(sds.max() / sds.min()))
        return Alike(middle, low, high, times)

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
            law = _Law(design, own, y[side], sds)
            found.append(Placebo(periods[side[at]], law.effect(design.shape[1] - 2, prob)))
    return tuple(found)
