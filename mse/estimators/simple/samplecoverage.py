"""The sample-coverage estimators of Chao & Tsay: how much of each list the other lists already hold.

K lists with n_k persons, f_k of them on list k alone; M persons in all. Coverage Ĉ = 1 − (1/K) Σ f_k / n_k,
D = M − (1/K) Σ f_k. Then, with w_ij the number on list i and on none outside {i, j} plus the same for j, and
γ_ij(N) = N n_ij / (n_i n_j) − 1 the coefficient of covariation of two lists,

* N̂_0 = D / Ĉ, right when the lists are independent;
* N̂ solves N = N̂_0 + Σ_{i<j} w_ij γ_ij(N) / (K Ĉ), right for pairwise dependence when coverage is high;
* N̂_1 is two substitutions of that equation from N̂_0, more stable when coverage is low.

For three lists these are the formulas of Chao & Tsay (1998, eq. 14 ff.) and Chao, Tsay, Lin, Shau & Chao
(2001); the weights w_ij are their form for any number of lists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np

from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Draws, count

Version = Literal["n0", "n", "n1"]

LOW_COVERAGE = 0.55
"""Below this coverage Chao et al. (2001) advise against N̂, whose denominator may come close to zero."""


@dataclass(frozen=True, slots=True)
class CoverageSpec:
    """Options of the sample-coverage estimator.

    Parameters
    ----------
    version : str
        ``"n0"`` (independent lists), ``"n"`` (pairwise dependence, high coverage), ``"n1"`` (its one-step
        form for low coverage), or ``"auto"``: ``"n1"`` when the coverage is below 0.55, else ``"n"``.
    replicates : int
        Bootstrap replicates behind the standard error.
    draws : int
        Draws of N to store.
    """

    version: Literal["auto", "n0", "n", "n1"] = "auto"
    replicates: Annotated[int, count(50, 100_000)] = 1_000
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


class Coverage(NamedTuple):
    """Sample-coverage estimates of one table.

    Attributes
    ----------
    coverage : float
        Ĉ, the mean share of a list that is also on another list.
    overlap : float
        D, mean number of persons on the lists without one of them.
    n0, n, n1 : float
        The three estimates of N; NaN where they have no positive solution.
    """

    coverage: float
    overlap: float
    n0: float
    n: float
    n1: float

    def size(self, version: Version) -> float:
        """Return one of the three estimates by its name."""
        return {"n0": self.n0, "n": self.n, "n1": self.n1}[version]


def sample_coverage(
    counts: Array, n_lists: int, version: Literal["auto", "n0", "n", "n1"] = "auto"
) -> tuple[Coverage, Version]:
    """Return the sample-coverage estimates of a table, and which of them is meant.

    Parameters
    ----------
    counts : (2^K,) float64
        Persons by history; entry 0 is ignored.
    n_lists : int
        Number of lists K.
    version : str
        As in `CoverageSpec`.
    """
    histories = np.flatnonzero(counts)
    histories = histories[histories > 0]
    found = Coverage(*(float(values[0]) for values in _many(counts[None, histories], histories, n_lists)))
    if version != "auto":
        return found, version
    return found, "n1" if found.coverage < LOW_COVERAGE else "n"


def bootstrap_sizes(
    counts: Array, unseen: float, n_lists: int, version: Version, replicates: int, rng: np.random.Generator
) -> Array:
    """Resample the estimated population, unseen included, and estimate again.

    Parameters
    ----------
    counts : (2^K,) float64
        Persons by history.
    unseen : float
        Estimated persons on no list.
    n_lists : int
        Number of lists K.
    version : str
        Which of the three estimates.
    replicates : int
        Multinomial samples.
    rng : Generator
        Source of randomness.

    Returns
    -------
    (R,) float64
        Estimates of the replicates that have one; R is at most `replicates`.
    """
    histories = np.flatnonzero(counts)
    seen = counts[histories]
    size = seen.sum() + unseen
    drawn = rng.multinomial(round(size), np.append(seen, unseen) / size, size=replicates)[:, :-1]
    sizes = _many(drawn.astype(np.float64), histories, n_lists)[2 + ("n0", "n", "n1").index(version)]
    return sizes[np.isfinite(sizes)]


def _many(counts: Array, histories: Integers, n_lists: int) -> tuple[Array, Array, Array, Array, Array]:
    """Return Ĉ, D, N̂_0, N̂ and N̂_1 of (R, H) counts of these (H,) histories; each of shape (R,)."""
    on = (histories[:, None] >> np.arange(n_lists)) & 1 == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = counts @ on
        alone = counts @ (on & (on.sum(axis=1) == 1)[:, None])
        covered = 1.0 - (alone / sizes).mean(axis=1)
        overlap = counts.sum(axis=1) - alone.mean(axis=1)
        start = np.where(covered > 0.0, overlap / covered, math.nan)
        slope, offset = np.zeros_like(start), np.zeros_like(start)
        for i in range(n_lists):
            for j in range(i):
                outside = histories & ~np.int64((1 << i) | (1 << j))
                weight = counts @ ((outside == 0) * (on[:, i].astype(np.float64) + on[:, j]))
                slope += weight * (counts @ (on[:, i] & on[:, j])) / (sizes[:, i] * sizes[:, j])
                offset += weight
        slope /= n_lists * covered
        offset /= n_lists * covered
        fixed = (start - offset) / (1.0 - slope)
        first = start + slope * start - offset
        second = start + slope * first - offset
        solved = np.where((slope < 1.0) & (fixed > 0.0), fixed, math.nan)
        stepped = np.where(second > 0.0, second, math.nan)
    return covered, overlap, start, solved, stepped
