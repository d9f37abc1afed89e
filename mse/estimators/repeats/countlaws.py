"""What a fit to one register says of everybody: how many it leaves unseen, and how often whom it expects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mse.estimators.repeats.families import PARTIAL, CountFit, Family
from mse.estimators.repeats.modified import law_of, law_probabilities, row_unseen
from mse.estimators.repeats.modified import slopes as slopes_of
from mse.kernels.arrays import Array, Integers


class Unseen(NamedTuple):
    """What each person in a row says about the unseen.

    Parameters
    ----------
    each : float64 array, shape (R,)
        Unseen persons that one person of the row stands for.
    gradient : float64 array, shape (R, Q)
        Its derivative by η and, for the negative binomial off its boundary, by log α.
    variance : float64 array, shape (R,)
        Sampling variance of N that one person of the row carries, parameters known.
    """

    each: Array
    gradient: Array
    variance: Array


def others_of(fit: CountFit) -> Array:
    """Return the parameters of a fit beside β, as `mse.estimators.repeats.modified` takes them."""
    return np.array([v for v in (fit.log_dispersion, fit.log_odds) if v is not None], dtype=np.float64)


def has_law(family: Family) -> bool:
    """Return whether a family says how often everybody is registered."""
    return family not in PARTIAL and not family.startswith("zero-one-truncated")


def unseen(fit: CountFit, times: Integers, matrix: Array) -> Unseen:
    """Return what each row says about the unseen under a fit; shapes as in `Unseen`."""
    eta = matrix @ fit.coefficients
    rate = np.exp(eta)
    if (law := law_of(fit.family)) is not None:
        each, gradient = slopes_of(row_unseen, law, times.astype(np.float64), eta, others_of(fit))
        return Unseen(each, gradient, each * (1.0 + each))
    if fit.family == "chao":
        each = np.where(times <= 2, 1.0 / (rate + 0.5 * rate**2), 0.0)
        return Unseen(each, (-(each**2) * rate * (1.0 + rate))[:, None], each * (1.0 + each))
    if fit.family == "chao-one-inflated":
        each = np.where((times == 2) | (times == 3), 1.0 / (rate**2 / 2.0 + rate**3 / 6.0), 0.0)
        return Unseen(each, (-(each**2) * rate**2 * (1.0 + 0.5 * rate))[:, None], each * (1.0 + each))
    log_p = log_missed(fit, eta)
    missed, seen = np.exp(log_p), -np.expm1(log_p)
    each = missed / seen
    if fit.family == "geometric":
        slopes = [-rate / (1.0 + rate)]
    elif fit.log_dispersion is None or np.isneginf(fit.log_dispersion):
        slopes = [-rate]
    else:
        alpha = np.exp(fit.log_dispersion)
        slopes = [-rate / (1.0 + alpha * rate), -log_p - rate / (1.0 + alpha * rate)]
    gradient = np.stack([missed * slope / seen**2 for slope in slopes], axis=1)
    return Unseen(each, gradient, missed / seen**2)


def log_missed(fit: CountFit, eta: Array) -> Array:
    """Return the log of the probability of no registration, shape of `eta`."""
    rate = np.exp(eta)
    if (law := law_of(fit.family)) is not None:
        each = np.asarray(row_unseen(law, np.full(eta.shape, 2.0), eta, others_of(fit)), dtype=np.float64)
        return np.asarray(np.log(each) - np.log1p(each))
    if fit.family == "geometric":
        return np.asarray(-np.log1p(rate))
    if fit.log_dispersion is None or np.isneginf(fit.log_dispersion):
        return -rate
    alpha = np.exp(fit.log_dispersion)
    return np.asarray(-np.log1p(alpha * rate) / alpha)


def probabilities(fit: CountFit, eta: Array, most: int) -> Array:
    """Return P(y) for y = 0 … `most` before truncation; shape (R, most + 1).

    For those of `PARTIAL` it is the Poisson of their rate, which they trust in their two classes only.
    """
    from scipy.stats import geom, nbinom, poisson

    if (law := law_of(fit.family)) is not None:
        return law_probabilities(law, eta, others_of(fit), most)
    y, rate = np.arange(most + 1.0), np.exp(eta)[:, None]
    if fit.family == "geometric":
        return np.asarray(geom.pmf(y + 1.0, 1.0 / (1.0 + rate)))
    if fit.log_dispersion is None or np.isneginf(fit.log_dispersion):
        return np.asarray(poisson.pmf(y, rate))
    alpha = np.exp(fit.log_dispersion)
    return np.asarray(nbinom.pmf(y, 1.0 / alpha, 1.0 / (1.0 + alpha * rate)))
