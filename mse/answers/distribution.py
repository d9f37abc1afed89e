"""The distribution of a population size: quantiles from the whole of it, draws, and its humps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mse.computing.normal import normal_grid
from mse.kernels.arrays import Array, Integers

LOG_STEP = 0.0025
"""Spacing of the grid of log unseen counts: a quarter of a percent of n_0."""

LARGEST_SUMMED = 50_000.0
"""Largest mean of a Poisson law whose probabilities are added up one by one; beyond, its cdf is cheaper."""

FEWEST_POINTS, LEAST_WIDTH = 20, 6.0
"""Points of a density that is taken as smooth, and its width in steps (`mse.kernels.smoothmixture.width_of`)."""

FEW, MANY = 8, 100
"""Up to so many probabilities are looked up one by one, and from so many on in a compiled loop."""


@dataclass(frozen=True, slots=True)
class Hump:
    """One mode of a distribution: where it peaks, where it ends, and how much of the whole it holds.

    The outermost ends are those of the central 99.8 %; the weights count the tails beyond them in.
    """

    peak: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """The law of N on a grid that is exact for small n_0 and a quarter of a percent fine beyond.

    Parameters
    ----------
    values : float64 array, shape (G,)
        Increasing population sizes, in persons.
    cdf : float64 array, shape (G,)
        P(N <= value); linear between grid points.
    whole : bool
        N is a whole number of persons: a quantile is the smallest one at which the probability is reached.
    """

    values: Array
    cdf: Array
    whole: bool = True

    def __post_init__(self) -> None:
        """Copy the arrays in and make them read-only."""
        for name in ("values", "cdf"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    @classmethod
    def from_mass(cls, values: Array, mass: Array) -> Distribution:
        """Build the law from masses at grid points (unnormalised; mass at a point counts as "<= point")."""
        return cls(values, np.cumsum(mass) / mass.sum())

    @classmethod
    def lognormal(cls, observed: int, unseen: float, log_sd: float) -> Distribution:
        """Return the law of observed + unseen * exp(log_sd * Z), Z standard normal.

        Parameters
        ----------
        observed : int
            Persons on at least one list.
        unseen : float
            Estimated number of persons on no list (> 0 for a proper law).
        log_sd : float
            Standard deviation of log n_0; ``sqrt(log(1 + se**2 / n_0**2))`` gives the usual log-normal interval.
        """
        if not (unseen > 0 and log_sd > 0):
            return cls(np.array([observed + max(unseen, 0.0)]), np.array([1.0]), whole=False)
        z, below = normal_grid()
        return cls(observed + unseen * np.exp(log_sd * z), below, whole=False)

    @classmethod
    def poisson_mixture(cls, observed: int, log_means: Array, mass: Array) -> Distribution:
        """Return the law of observed + Poisson(exp(log_means)) mixed over `mass`.

        Parameters
        ----------
        observed : int
            Persons on at least one list.
        log_means : float64 array, shape (G,)
            Log expected unseen counts, equally spaced.
        mass : float64 array, shape (G,)
            Their weights, unnormalised.
        """
        from mse.kernels.poissonmixture import mixed_cdf, mixed_poisson

        present = np.flatnonzero(mass > mass.sum() * 1e-15)
        log_means, mass = log_means[present], mass[present] / mass[present].sum()
        means = np.exp(log_means)
        step = float(log_means[1] - log_means[0]) if len(log_means) > 1 else LOG_STEP
        unseen = _unseen_grid(means[0], means[-1], min(step, LOG_STEP))
        near = int(np.searchsorted(means, LARGEST_SUMMED, side="right"))
        cdf = np.zeros(len(unseen))
        if near:
            upto = np.cumsum(mixed_poisson(means[:near], mass[:near]))
            cdf += upto[np.minimum(unseen, len(upto) - 1.0).astype(np.int64)]
        means, mass = means[near:], mass[near:]
        if len(means):
            cdf += mixed_cdf(unseen, means, mass)
        return cls(observed + unseen, np.minimum(np.maximum.accumulate(cdf), 1.0))

    @classmethod
    def smooth_mixture(cls, observed: int, log_means: Array, mass: Array) -> Distribution:
        """Return `poisson_mixture` of a density that the points are close enough for, as an integral and in less time.

        Parameters
        ----------
        observed, log_means, mass
            As in `poisson_mixture`, which this is where the density is rougher than `LEAST_WIDTH`, or so narrow that
            too many counts would be added up one by one.
        """
        from mse.kernels.smoothmixture import MOST_SUMMED, smooth_poisson_cdf, summed_up_to, width_of

        log_means, mass = _present(log_means, mass)
        width = width_of(mass) if len(mass) >= FEWEST_POINTS else 0.0
        step = float(log_means[1] - log_means[0]) if len(mass) > 1 else LOG_STEP
        if width < LEAST_WIDTH or summed_up_to(width * step) > MOST_SUMMED:
            return cls.poisson_mixture(observed, log_means, mass)
        unseen = _unseen_grid(math.exp(log_means[0]), math.exp(log_means[-1]), min(step, LOG_STEP))
        return cls(observed + unseen, smooth_poisson_cdf(unseen, float(log_means[0]), step, mass, width * step))

    @classmethod
    def sampled_mixture(cls, observed: int, log_means: Array, mass: Array) -> Distribution:
        """Return `poisson_mixture` of a density that random draws have made rough, as far as they tell, in less time.

        Parameters
        ----------
        observed, log_means, mass
            As in `poisson_mixture`.
        """
        from mse.kernels.smoothmixture import sampled_poisson_cdf

        log_means, mass = _present(log_means, mass)
        step = float(log_means[1] - log_means[0]) if len(mass) > 1 else LOG_STEP
        unseen = _unseen_grid(math.exp(log_means[0]), math.exp(log_means[-1]), min(step, LOG_STEP))
        return cls(observed + unseen, sampled_poisson_cdf(unseen, float(log_means[0]), step, mass))

    @property
    def beyond(self) -> float:
        """Probability beyond the last grid point."""
        return float(max(0.0, 1.0 - self.cdf[-1]))

    def quantile(self, q: float | Sequence[float] | Array) -> Array:
        """Return the sizes below which a share `q` of the probability lies, shape of `q`."""
        wanted = np.asarray(q, dtype=np.float64)
        if wanted.size >= MANY:
            from mse.kernels.lawdraws import many_quantiles

            return many_quantiles(self.values, self.cdf, wanted.ravel(), self.whole).reshape(wanted.shape)
        if wanted.size <= FEW:
            return np.array([self._one(q) for q in wanted.ravel().tolist()]).reshape(wanted.shape)
        # The first grid point that reaches q, so that a stretch without probability is stepped over.
        at = np.minimum(self.cdf.searchsorted(wanted), len(self.cdf) - 1)
        before = np.maximum(at - 1, 0)
        below, start = self.cdf[before], self.values[before]
        gap, share = self.cdf[at] - below, np.ones(wanted.shape)
        np.divide(wanted - below, gap, out=share, where=gap > 0.0)
        size = start + np.minimum(np.maximum(share, 0.0), 1.0) * (self.values[at] - start)
        # A hair is taken off first: a cumulative sum that reaches q up to rounding has reached it.
        return np.asarray(np.ceil(size - 1e-9) if self.whole else size)

    def _one(self, q: float) -> float:
        """Return one quantile: what `quantile` does with arrays takes ten times as long for a single number."""
        at = min(int(self.cdf.searchsorted(q)), len(self.cdf) - 1)
        before = max(at - 1, 0)
        below, start = float(self.cdf[before]), float(self.values[before])
        gap = float(self.cdf[at]) - below
        share = min(max((q - below) / gap, 0.0), 1.0) if gap > 0.0 else 1.0
        size = start + share * (float(self.values[at]) - start)
        return float(math.ceil(size - 1e-9)) if self.whole else size

    def probability_below(self, size: float) -> float:
        """Return P(N <= size)."""
        return float(np.interp(size, self.values, self.cdf, left=0.0))

    def __repr__(self) -> str:
        """One line: middle and ends."""
        low, middle, high = self.quantile((0.025, 0.5, 0.975))
        return f"<Distribution of N: {middle:,.0f} (95%: {low:,.0f} to {high:,.0f})>"

    def mean(self) -> float:
        """Return the mean of the part of the law that the grid covers."""
        mass = np.diff(self.cdf, prepend=0.0)
        return float(self.values @ mass / mass.sum())

    def draw(self, size: int, rng: np.random.Generator) -> Integers:
        """Return `size` independent draws of N, whole persons, shape (size,)."""
        return np.rint(self.quantile(rng.random(size))).astype(np.int64)

    def density(self, points: int = 400, tail: float = 0.001) -> tuple[Array, Array]:
        """Return sizes, equally spaced in log N, and the density of log N there; for figures and humps."""
        low, high = self.quantile([tail, 1 - tail])
        if not high > low:
            return np.array([low]), np.array([1.0])
        # No kernel: a page draws the law of an answer that was stored, and would load numba for it.
        edges = np.exp(np.linspace(math.log(low), math.log(high), points + 1))
        upto = np.interp(edges, self.values, self.cdf)
        mass = upto[1:] - upto[:-1]
        # A light Gaussian smoothing, a hundredth of the range: whole numbers must not look like humps.
        sd = max(1.0, points / 100)
        reach = int(4 * sd)
        window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
        padded = np.concatenate([mass[:reach][::-1], mass, mass[-reach:][::-1]])
        smooth = np.convolve(padded, window / window.sum(), mode="valid")
        return np.sqrt(edges[1:] * edges[:-1]), smooth / math.log(edges[1] / edges[0])

    def humps(self, least_weight: float = 0.05, deepest: float = 0.9) -> tuple[Hump, ...]:
        """Return the modes of the density of log N that hold real weight, from small to large N.

        Parameters
        ----------
        least_weight : float
            A hump with less of the probability than this joins its neighbour.
        deepest : float
            Two peaks are one hump when the valley between them is above this share of the lower peak.
        """
        sizes, density = self.density()
        inner = (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])
        peaks = [0] if len(density) < 3 or density[0] > density[1] else []
        peaks += [int(i) + 1 for i in np.flatnonzero(inner)]
        if len(density) > 2 and density[-1] > density[-2]:
            peaks.append(len(density) - 1)
        while True:
            valleys = [a + int(np.argmin(density[a : b + 1])) for a, b in zip(peaks, peaks[1:], strict=False)]
            ends = [float(sizes[0]), *(float(x) for x in sizes[valleys]), float(sizes[-1])]
            # Humps tile the whole range, so their weights add up to one; both outer ones keep their tails.
            below = [0.0, *(self.probability_below(e) for e in ends[1:-1]), 1.0]
            weights = np.diff(below)
            shallow = [
                (density[v] / min(density[a], density[b]), i)
                for i, (v, a, b) in enumerate(zip(valleys, peaks, peaks[1:], strict=False))
            ]
            if shallow and max(shallow)[0] > deepest:
                at = max(shallow)[1]
                peaks.pop(at if density[peaks[at]] < density[peaks[at + 1]] else at + 1)
            elif len(peaks) > 1 and weights.min() < least_weight:
                peaks.pop(int(weights.argmin()))
            else:
                return tuple(
                    Hump(float(sizes[p]), lo, hi, float(w))
                    for p, lo, hi, w in zip(peaks, ends, ends[1:], weights, strict=False)
                )


def frozen[T: np.generic](given: npt.ArrayLike, kind: type[T]) -> npt.NDArray[T]:
    """Return an array that nobody can write to: a copy, unless it is one that nobody can."""
    array = np.asarray(given)
    if array.dtype == kind and not array.flags.writeable and array.base is None:
        return array
    out = np.array(array, dtype=kind)
    out.setflags(write=False)
    return out


def _present(log_means: Array, mass: Array) -> tuple[Array, Array]:
    """Return the points between those without weight, and what share of it each has."""
    present = np.flatnonzero(mass > mass.max() * 1e-15)
    here = slice(present[0], present[-1] + 1)
    return log_means[here], mass[here] / mass[here].sum()


def _unseen_grid(smallest: float, largest: float, step: float) -> Array:
    """Return whole unseen counts: every integer up to 1,000, then `step` apart on the log scale."""
    from mse.kernels.lawdraws import whole_counts

    start = max(0.0, math.floor(smallest - 10.0 * math.sqrt(smallest) - 10.0))
    return whole_counts(start, math.ceil(largest + 10.0 * math.sqrt(largest) + 10.0), step)
