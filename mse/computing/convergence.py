"""How well chains of a sampler have mixed: rank-normalised split R-hat and effective sample sizes.

Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021, Bayesian Analysis 16:667). Plain NumPy, for samplers that watch
themselves while they run: the same numbers as ArviZ gives, without its import.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Array, Flags

RHAT, EFFECTIVE = 1.01, 400
"""Chains have settled when R-hat is at most the first, and the effective sizes of bulk and tail at least the second."""
RELIABLE = 0.7
"""Largest Pareto shape at which importance sampling is trusted (Vehtari, Simpson, Gelman, Yao & Gabry 2024)."""
WARM_UP = 0.2
"""Share of a walk that is left out at its beginning."""
TAIL = 0.05
"""The tails are told by the effective sizes of the 5 % and the 95 % quantile."""


def rhat(draws: npt.ArrayLike) -> float:
    """Return the rank-normalised split R-hat, the larger of that of the bulk and that of the folded draws.

    Parameters
    ----------
    draws : array_like, shape (chains, draws)
        One scalar quantity; two chains or more of four draws or more.

    Returns
    -------
    float
        Near 1 when the chains agree; not a number with fewer chains or draws, or with draws that are not finite; 1
        when all draws are equal, infinite when each half chain stands still and they differ.
    """
    x = _checked(draws, chains=2)
    if x is None:
        return math.nan
    halves = _split(x)
    return max(_plain_rhat(_normal_scores(halves)), _plain_rhat(_normal_scores(np.abs(halves - np.median(halves)))))


def ess_bulk(draws: npt.ArrayLike) -> float:
    """Return the effective number of independent draws for the middle of the law, from rank-normalised draws.

    Parameters
    ----------
    draws : array_like, shape (chains, draws)
        One scalar quantity; four draws a chain or more.

    Returns
    -------
    float
        At most draws x log10(draws); not a number with fewer draws, or with draws that are not finite.
    """
    x = _checked(draws, chains=1)
    return math.nan if x is None else _effective(_normal_scores(_split(x)))


def ess_tail(draws: npt.ArrayLike) -> float:
    """Return the effective number of draws for the 5 % or the 95 % quantile, whichever is smaller.

    Parameters and result as in `ess_bulk`.
    """
    x = _checked(draws, chains=1)
    if x is None:
        return math.nan
    return min(_effective(_split((x <= cut).astype(np.float64))) for cut in np.quantile(x, [TAIL, 1.0 - TAIL]))


def ess_mean(draws: npt.ArrayLike) -> float:
    """Return the effective number of draws for the mean, from the draws as they are.

    Parameters and result as in `ess_bulk`.
    """
    x = _checked(draws, chains=1)
    return math.nan if x is None else _effective(_split(x))


class Time(NamedTuple):
    """What walks say of a set of states; see `time_inside`.

    Attributes
    ----------
    share, error : float
        Share of the probability inside, and its Monte Carlo standard error.
    rhat, effective : float
        Largest R-hat and smallest effective number of steps of what is watched.
    """

    share: float
    error: float
    rhat: float
    effective: float


def time_inside(inside: Flags, watched: Sequence[Array]) -> Time:
    """Return the share of their time that walks spend inside a set, with its Monte Carlo error.

    Parameters
    ----------
    inside : (chains, steps) bool
        Whether each step is in the set.
    watched : sequence of (chains, steps) float64
        What tells whether the walks agree, such as the log posterior.
    """
    worst, effective = max(rhat(x) for x in watched), min(ess_bulk(x) for x in watched)
    worth = effective if inside.all() or not inside.any() else ess_mean(inside)
    share = float(inside.mean())
    smoothed = (share * worth + 0.5) / (worth + 1.0)  # never all or nothing
    return Time(share, math.sqrt(smoothed * (1.0 - smoothed) / worth), worst, effective)


def _checked(draws: npt.ArrayLike, chains: int) -> Array | None:
    """Return the draws as (chains, draws); None when they are too few or not all finite."""
    x = np.atleast_2d(np.asarray(draws, dtype=np.float64))
    return x if x.ndim == 2 and x.shape[0] >= chains and x.shape[1] >= 4 and bool(np.isfinite(x).all()) else None


def _split(x: Array) -> Array:
    """Return each chain as two: its first and its last half, shape (2 x chains, draws // 2)."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _normal_scores(x: Array) -> Array:
    """Return Φ⁻¹((r - 3/8) / (S + 1/4)) of the ranks r among all S draws, ties sharing their mean rank."""
    from scipy.special import ndtri

    _, place, ties = np.unique(x, return_inverse=True, return_counts=True)
    ranks = np.cumsum(ties) - 0.5 * (ties - 1.0)
    scores: Array = ndtri((ranks - 0.375) / (x.size + 0.25))
    return scores[place].reshape(x.shape)


def _plain_rhat(x: Array) -> float:
    """Return R-hat from the variances between and within chains."""
    within = float(x.var(axis=1, ddof=1).mean())
    between = float(x.mean(axis=1).var(ddof=1))
    if within <= 0.0:
        return 1.0 if between <= 0.0 else math.inf
    return math.sqrt((x.shape[1] - 1.0) / x.shape[1] + between / within)


def _effective(x: Array) -> float:
    """Return the effective size of all chains together, by Geyer's initial monotone sequence of correlations."""
    chains, n = x.shape
    if np.ptp(x) < np.finfo(np.float64).resolution:
        return float(x.size)
    covariance = _autocovariance(x).mean(axis=0)
    within = covariance[0] * n / (n - 1.0)
    total = covariance[0] + (x.mean(axis=1).var(ddof=1) if chains > 1 else 0.0)
    rho = 1.0 - (within - covariance) / total
    rho[0] = 1.0
    # Sums of neighbouring pairs, kept while they are positive, then made to fall.
    last = max((n - 3) // 2, 0)
    pairs = rho[: 2 * last + 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs[1:] <= 0.0)
    kept = int(negative[0]) + 1 if len(negative) else last
    falling = np.minimum.accumulate(pairs[:kept])
    # The first correlation after the last pair is added once, which steadies antithetic chains.
    following = float(rho[2 * kept])
    tau = -1.0 + 2.0 * float(falling.sum()) + (max(following, 0.0) if len(negative) else following)
    return float(x.size / max(tau, 1.0 / math.log10(x.size)))


def _autocovariance(x: Array) -> Array:
    """Return the autocovariance of each row at every lag, by the fast Fourier transform, shape of `x`."""
    n = x.shape[1]
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(x - x.mean(axis=1, keepdims=True), size, axis=1)
    covariance: Array = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=1)[:, :n] / n
    return covariance
