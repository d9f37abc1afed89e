"""The grid of scales of shrinkage, and the prior that each point of it gives to the coefficients.

Main effects are N(0, main_sd²); pairs β_jk ~ N(m, s₂²) with m ~ N(0, s_m²) common to all; a term of k lists is
N(0, (s₂ r^(k−2))²). In sum-to-zero coding the log odds ratio of a pair is 4 β_jk, so that s₂ = 0.125 lets it vary by
0.5 about its mean.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mse.kernels.arrays import Array, Integers


@dataclass(frozen=True, slots=True, eq=False)
class ScaleGrid:
    """The points over which the scales are integrated; G of them, each a prior for p coefficients.

    Parameters
    ----------
    pair_sd, ratio, common_sd : (G,) float64
        s₂, r and s_m.
    visibility : (G,) float64
        τ, the standard deviation of persons' visibility in the Rasch model that coefficients are shrunk towards.
    log_prior : (G,) float64
        Log of the prior weight of each point; the weights add up to one.
    """

    pair_sd: Array
    ratio: Array
    common_sd: Array
    visibility: Array
    log_prior: Array

    def __len__(self) -> int:
        """Return the number of points, G."""
        return len(self.log_prior)

    def take(self, chosen: Integers) -> ScaleGrid:
        """Return some of the points."""
        return ScaleGrid(self.pair_sd[chosen], self.ratio[chosen], self.common_sd[chosen], self.visibility[chosen],
                         self.log_prior[chosen])  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Priors:
    """What a grid says about the coefficients of one set of terms, as the kernel takes it; see `kernels.shrinking`.

    Parameters
    ----------
    terms : (p,) int64
        Subsets as bitmasks: the intercept, the single lists, the pairs, …
    first, last : int
        Where the pairs begin and end.
    precision : (G, p) float64
        By point and term.
    common, log_normaliser : (G,) float64
        By point.
    """

    terms: Integers
    first: int
    last: int
    precision: Array
    common: Array
    log_normaliser: Array

    def take(self, chosen: Integers) -> Priors:
        """Return the priors at some of the points."""
        return replace(self, precision=np.ascontiguousarray(self.precision[chosen]), common=self.common[chosen],
                       log_normaliser=self.log_normaliser[chosen])  # fmt: skip


@lru_cache(maxsize=64)
def make_grid(
    pair_sd: tuple[float, ...], ratio: tuple[float, ...], common_sd: tuple[float, ...], largest: int,
    visibility: tuple[float, ...] = (0.0,),
) -> ScaleGrid:  # fmt: skip
    """Return the product of the scales with equal prior weights, neighbours alike, one visibility after the other.

    Parameters
    ----------
    pair_sd, ratio, common_sd : tuple of float
        Values of s₂, r and s_m.
    largest : int
        Most lists in a term; scales that no term has are left out.
    visibility : tuple of float
        Values of τ.
    """
    ratios = ratio if largest > 2 else (1.0,)
    commons = common_sd if largest > 1 else (0.0,)
    pairs = pair_sd if largest > 1 else (1.0,)
    points = []
    for i, s in enumerate(sorted(pairs)):
        inner = list(itertools.product(sorted(ratios), sorted(commons)))
        points += [(s, r, m) for r, m in (inner[::-1] if i % 2 else inner)]
    columns = np.tile(np.array(points, dtype=np.float64).T, len(visibility))
    seen = np.repeat(np.array(sorted(visibility), dtype=np.float64), len(points))
    return ScaleGrid(columns[0], columns[1], columns[2], seen, np.full(len(seen), -math.log(len(seen))))


@lru_cache(maxsize=64)
def terms_upto(n_lists: int, largest: int) -> Integers:
    """Return all terms of at most `largest` lists by size, then by value: (p,)."""
    chosen = [0]
    for size in range(1, largest + 1):
        chosen += sorted(sum(1 << j for j in lists) for lists in itertools.combinations(range(n_lists), size))
    return np.array(chosen, dtype=np.int64)


@lru_cache(maxsize=32)
def usual_priors(grid: ScaleGrid, n_lists: int, largest: int, main_sd: float) -> Priors:
    """Return `priors_of` all terms of at most `largest` lists, kept for the next table of as many lists."""
    return priors_of(grid, terms_upto(n_lists, largest), main_sd)


def priors_of(grid: ScaleGrid, terms: Integers, main_sd: float) -> Priors:
    """Return the prior of the coefficients of `terms` at every point of a grid."""
    size = np.bitwise_count(terms).astype(np.int64)
    first, last = (int(np.searchsorted(size, k)) for k in (2, 3))
    order = np.maximum(size - 2, 0)
    sd = np.where(size[None, :] == 1, main_sd, grid.pair_sd[:, None] * grid.ratio[:, None] ** order[None, :])
    precision = np.where(size[None, :] == 0, 0.0, sd**-2.0)
    inflation = (last - first) * (grid.common_sd / grid.pair_sd) ** 2
    common = grid.pair_sd**-4.0 * grid.common_sd**2 / (1.0 + inflation)
    normaliser = np.log(sd[:, 1:]).sum(axis=1) + 0.5 * np.log1p(inflation)
    normaliser += 0.5 * (len(terms) - 1) * math.log(2.0 * math.pi)
    return Priors(terms, first, last, np.ascontiguousarray(precision), common, normaliser)
