"""One register under negative binomial laws of every shape, with and without too many ones: each with its evidence.

A register does not tell how the rates are spread among those whom it never saw. The spread is therefore not chosen:
its squared coefficient of variation α runs over a grid from the Poisson (α near 0) past the geometric (α = 1) to
nearly the logarithmic series, under a normal prior on log α, and every point of the grid counts by its evidence, by
Laplace's method on β. Half of it is done twice: as it is, and with any number of those registered exactly once left
out of account (one-inflation, whose likelihood is the one truncated at one times a binomial; Böhning & van der Heijden
2019). η = xᵀβ is the log of the mean before truncation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mse.kernels.arrays import Array
from mse.kernels.shapedcounts import shaped_likelihood
from mse.tables.repeats import RepeatCounts

LOG_SHAPES = np.linspace(-4.0, 3.0, 15)
"""Grid of log α: at −4 the rates differ by 13 %, which no register tells from a Poisson; 3 is nearly its other end."""

SHAPE_MIDDLE, SHAPE_SD = 0.0, 0.7
"""Prior of log α: the geometric in the middle, two thirds of it between rates that differ by 70 % and by 140 %."""

INFLATED = 0.2
"""Prior probability of too many ones."""

FAINT = 7.0
"""Log evidence below the largest from which a point of the first grid counts for nothing: a thousandth."""

MANY_ROWS = 20_000
"""Rows from which every other point of the grid does: so many persons leave a narrow stretch, gone over again."""

MOST_STEPS = 60
LEAST_RATE, LARGEST_RATE = -14.0, 12.0


class Shaped(NamedTuple):
    """One law of a register.

    Parameters
    ----------
    log_alpha : float
        Log of the squared coefficient of variation of the rates.
    inflated : bool
        Whether those registered once tell nothing.
    coefficients : float64 array, shape (P,)
        β.
    log_evidence : float
        With its prior, up to a constant that all laws of the register share.
    log_unseen, log_sd : float
        Log of the unseen persons, and its standard deviation.
    """

    log_alpha: float
    inflated: bool
    coefficients: Array
    log_evidence: float
    log_unseen: float
    log_sd: float


def shaped_laws(
    table: RepeatCounts, matrix: Array, offset: Array | None = None, grid: Array = LOG_SHAPES
) -> list[Shaped]:
    """Return every law of the grid that the register has an estimate under; none where it has none.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    matrix : float64 array, shape (R, P)
        Design of η.
    offset : float64 array, shape (R,), optional
        Added to η: log of the time at risk.
    grid : float64 array, shape (G,)
        Log α, ascending and equally spaced. Where the evidence lies between few of its points it is gone over again
        there, more finely.
    """
    times, persons = table.registrations.astype(np.float64), table.counts.astype(np.float64)
    shift = np.zeros(times.size) if offset is None else offset
    out: list[Shaped] = []
    for low, chance in ((0, 1.0 - INFLATED), (1, INFLATED)):
        if times.max() < low + 2:
            continue
        first = grid[::2] if times.size > MANY_ROWS else grid
        found = _along(table, times, persons, matrix, shift, first, low)
        logs = np.array([law.log_evidence for law in found])
        near = [law for law, log in zip(found, logs, strict=True) if log > logs.max() - FAINT]
        step = float(first[1] - first[0])
        if 0 < len(near) <= len(first) // 2:
            ends = (max(near[0].log_alpha - step, float(grid[0])), min(near[-1].log_alpha + step, float(grid[-1])))
            found = _along(table, times, persons, matrix, shift, np.linspace(*ends, len(first)), low)
        out += [law._replace(log_evidence=law.log_evidence + math.log(chance)) for law in found]
    return out


def _along(
    table: RepeatCounts, times: Array, persons: Array, matrix: Array, shift: Array, grid: Array, low: int
) -> list[Shaped]:
    """Return the laws on an equally spaced grid, each with the evidence of its stretch."""
    used = times > low
    y, w, x = times[used], persons[used], np.ascontiguousarray(np.column_stack([matrix, shift])[used])
    mean = float(w @ y / w.sum())
    guess = math.log(max(2.0 * (mean - low - 1.0), 1e-3)) - float(w @ x[:, -1] / w.sum())
    beta = np.append(np.linalg.lstsq(x[:, :-1], np.full(y.size, guess), rcond=None)[0], 1.0)
    log_prior = -0.5 * ((grid - SHAPE_MIDDLE) / SHAPE_SD) ** 2 + math.log(float(grid[1] - grid[0]))
    out = []
    for log_alpha, prior in zip(grid, log_prior, strict=True):
        found = _climbed(y, w, x, beta, math.exp(log_alpha), low)
        if found is None:
            continue
        beta, value, information = found
        law = _law(table, matrix, shift, beta[:-1], float(log_alpha), low, information)
        if law is None:
            continue
        evidence = value - 0.5 * float(np.linalg.slogdet(information)[1]) + float(prior)
        if low == 1:
            evidence += _ones(times, persons, matrix @ beta[:-1] + shift, math.exp(log_alpha))
        out.append(law._replace(log_evidence=evidence))
    return out


def _climbed(y: Array, w: Array, x: Array, beta: Array, alpha: float, low: int) -> tuple[Array, float, Array] | None:
    """Return β, log likelihood and information at the maximum; None where there is none. The last β stays 1."""
    value, score, information = shaped_likelihood(y, w, x, beta, alpha, low)
    for _ in range(MOST_STEPS):
        try:
            move = np.linalg.solve(information[:-1, :-1], score[:-1])
            if not np.linalg.eigvalsh(information[:-1, :-1])[0] > 0.0:
                move = score[:-1] / np.abs(np.diag(information)[:-1]).max()
        except np.linalg.LinAlgError:
            return None
        move *= min(1.0, 2.0 / max(float(np.abs(move).max()), 1e-300))
        for _ in range(30):
            trial = beta.copy()
            trial[:-1] += move
            reached = shaped_likelihood(y, w, x, trial, alpha, low)
            if reached[0] >= value - 1e-10 * abs(value):
                break
            move = 0.5 * move
        else:
            break
        beta, (value, score, information) = trial, reached
        if float(np.abs(move).max()) < 1e-6:
            break
    else:
        return None
    top = information[:-1, :-1]
    return (beta, value, top) if np.isfinite(top).all() and np.linalg.eigvalsh(top)[0] > 0.0 else None


def _law(
    table: RepeatCounts, matrix: Array, shift: Array, beta: Array, log_alpha: float, low: int, information: Array
) -> Shaped | None:
    """Return the law with what it says of the unseen; None where nobody or everybody is."""
    eta = matrix @ beta + shift
    if eta.min() < LEAST_RATE or eta.max() > LARGEST_RATE:
        return None
    each, slope, variance = missed(eta, math.exp(log_alpha))
    unseen = float(table.counts @ each)
    if not unseen > 0.0:
        return None
    by_beta = matrix.T @ (table.counts * slope)
    spread = float(by_beta @ np.linalg.solve(information, by_beta)) + float(table.counts @ variance)
    log_sd = math.sqrt(math.log1p(spread / unseen**2))
    return Shaped(log_alpha, bool(low), beta, 0.0, math.log(unseen), log_sd)


def missed(eta: Array, alpha: float) -> tuple[Array, Array, Array]:
    """Return the unseen that one person of a row stands for, their slope by η, and their sampling variance."""
    rate = np.exp(eta)
    log_none = -np.log1p(alpha * rate) / alpha
    none, seen = np.exp(log_none), -np.expm1(log_none)
    return none / seen, -none * rate / (1.0 + alpha * rate) / seen**2, none / seen**2


def _ones(times: Array, persons: Array, eta: Array, alpha: float) -> float:
    """Return the log evidence of how many were registered exactly once, their surplus uniform."""
    from scipy.special import betaln, log_ndtr

    rate = np.exp(eta)
    log_none = -np.log1p(alpha * rate) / alpha
    share = float(persons @ (rate / (1.0 + alpha * rate) * np.exp(log_none) / -np.expm1(log_none)) / persons.sum())
    ones = float(persons[times == 1].sum())
    more = float(persons.sum()) - ones
    middle = (ones + 1.0) / (ones + more + 2.0)
    sd = math.sqrt(middle * (1.0 - middle) / (ones + more + 3.0))
    # the part of the Beta law above the share that the law itself gives, by its normal law
    tail = float(log_ndtr((middle - share) / sd))
    return float(betaln(ones + 1.0, more + 1.0)) + tail - math.log(max(1.0 - share, 1e-12))


def weights(laws: list[Shaped]) -> Array:
    """Return the probability of each law, shape (L,)."""
    logs = np.array([law.log_evidence for law in laws])
    share = np.exp(logs - logs.max())
    return np.asarray(share / share.sum())
