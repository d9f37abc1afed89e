"""The law of the log expected unseen of one table under every point of the grid, and their mixture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mse.computing.convergence import RELIABLE
from mse.estimators.shrinkage.scales import Priors, ScaleGrid
from mse.kernels.arrays import Array, Flags, Integers

if TYPE_CHECKING:
    from mse.kernels.shrinking import Counted


class Effort(NamedTuple):
    """How finely a law is taken.

    Attributes
    ----------
    negligible : float
        Points whose log posterior weight is so far below the highest get no law of their own.
    spacing : float
        Distance of the nodes, in standard deviations.
    depth : float
        The nodes end where the log density is so far below its highest.
    tolerance : float
        What a fit may still miss, in log density.
    """

    negligible: float
    spacing: float
    depth: float
    tolerance: float


QUICK = Effort(8.0, 1.5, 11.0, 1e-4)
"""For answers by the thousand: quantiles of log n_0 are within 0.003 of those of the fine setting."""

QUICK_IF_MANY = Effort(5.0, 2.0, 8.0, 1e-3)
"""The same for a model of more than `MANY_TERMS` terms, whose law is nearly normal where it matters."""

FINE = Effort(14.0, 1.0, 16.0, 1e-8)
"""For an answer that is cited."""

MANY = Effort(10.0, 1.5, 12.0, 1e-4)
"""For an answer on many lists, where a step takes a hundredth of a second and the law is nearly normal."""

STEP, SHARE = 0.01, 0.1
"""Spacing of log n_0 in a mixture, and in standard deviations of its narrowest law."""

LIGHT = 1e-4
"""Points with less of the weight are not corrected by importance sampling."""

FAINT = 1e-6
"""Share of the probability below which a node is not sampled."""

PAIRS, PAIRS_IF_MANY, MANY_TERMS = 128, 32, 100
"""Draws at each node, each with its mirror image: of a model with up to `MANY_TERMS` terms, and of a larger one."""

SETTLED = 0.003
"""Standard error of the log density with which a quarter of the draws does, at the node where it is largest, the mean
over the points of the grid: what the draws get wrong of all of them alike takes nothing from the law."""

BATCHES = 4
"""Parts of the draws, from which the Monte Carlo error is told."""

WORTH = 0.5
"""Share of the draws that they should be worth where the Pareto shape of their weights is above `RELIABLE`."""

MORE = 4
"""Times as many draws where the first ones do not do: their shape is told from a few dozen of them."""


@dataclass(frozen=True, slots=True, eq=False)
class UnseenLaws:
    """The law of x = log expected unseen under every point of the grid.

    Parameters
    ----------
    log_evidence : (G,) float64
        Log marginal likelihood without −Σ ln n_ω!; minus infinity for points that have none.
    mode, variance : (G,) float64
        Of η_0, at the mode of all coefficients.
    nodes, log_density : (T,) float64
        Nodes and log p(x, n) there, one point after the other; none for points that do not matter.
    ends : (G,) int64
        Where those of each point end.
    failed : (G,) bool
        Points at which no mode was found, or a step found no way down.
    rungs : (T, p) float64
        Modes at the nodes, for `check_laws`; of a table of many lists there are none.
    """

    log_evidence: Array
    mode: Array
    variance: Array
    nodes: Array
    log_density: Array
    ends: Integers
    failed: Flags
    rungs: Array | None = None

    @property
    def lengths(self) -> Integers:
        """Number of nodes of every point, (G,)."""
        out = self.ends.copy()
        out[1:] -= self.ends[:-1]
        return out

    def of(self, g: int) -> tuple[Array, Array]:
        """Return nodes and log densities of one point."""
        here = slice(self.ends[g - 1] if g else 0, self.ends[g])
        return self.nodes[here], self.log_density[here]


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What importance sampling at the nodes came to.

    Parameters
    ----------
    laws : UnseenLaws
        Corrected.
    batches : tuple of UnseenLaws
        Corrected by a part of the draws each.
    log_ratio : (G,) float64
        Log of corrected over Laplace's evidence; not a number for points that were not sampled.
    pareto_k : (G,) float64
        Shape of the tail of the weights, all nodes of a point together; not a number likewise.
    worth : (G,) float64
        Effective share of the draws; not a number likewise.
    plain : UnseenLaws or None
        Not corrected, where that is kept.
    """

    laws: UnseenLaws
    batches: tuple[UnseenLaws, ...]
    log_ratio: Array
    pareto_k: Array
    worth: Array
    plain: UnseenLaws | None = None

    def on(self, chosen: Integers, points: int) -> Checked:
        """Return the same among `points` points, of which these, ascending, are the `chosen`."""
        if len(chosen) == points:
            return self

        def spread(values: Array, fill: float) -> Array:
            out = np.full(points, fill)
            out[chosen] = values
            return out

        lengths, failed = np.zeros(points, dtype=np.int64), np.zeros(points, dtype=bool)
        lengths[chosen], failed[chosen] = self.laws.lengths, self.laws.failed
        ends = np.cumsum(lengths)

        def widened(laws: UnseenLaws) -> UnseenLaws:
            return replace(
                laws, log_evidence=spread(laws.log_evidence, -math.inf), mode=spread(laws.mode, math.nan),
                variance=spread(laws.variance, math.nan), ends=ends, failed=failed,
            )  # fmt: skip

        batches = tuple(widened(x) for x in self.batches)
        ratio, shape, worth = (spread(x, math.nan) for x in (self.log_ratio, self.pareto_k, self.worth))
        return Checked(widened(self.laws), batches, ratio, shape, worth)


def counted(counts: Array, cells: Array, bounds: Array | None = None) -> Counted:
    """Return cells as the kernel takes them; `bounds` are −1 where a cell has none."""
    from mse.kernels.shrinking import Counted

    return Counted(
        counts, cells, np.full(len(counts), -1.0) if bounds is None else bounds, np.zeros(len(counts))
    )  # fmt: skip


def towards_rasch(seen: Counted, tau: float) -> Counted:
    """Return the table with the offsets of the Rasch model of this spread of visibility and of its own list totals."""
    if tau == 0.0:
        return seen
    return seen._replace(offset=rasch_offsets_of(seen, np.array([tau]))[0])


def unseen_laws(seen: Counted, priors: Priors, grid: ScaleGrid, effort: Effort | None = None) -> UnseenLaws:
    """Return the laws of one table by Laplace's formula at every node, each integrated to its evidence.

    Without an `effort` it is `QUICK`, or `QUICK_IF_MANY` where terms are many.
    """
    from mse.kernels.lawmixture import flat_laws
    from mse.kernels.shrunklaw import laws_on_grid

    effort = effort or (QUICK if len(priors.terms) <= MANY_TERMS else QUICK_IF_MANY)
    layers = _layers(grid)
    found = laws_on_grid(
        seen, rasch_offsets_of(seen, layers.taus), *layers[1:], priors.terms, priors.first, priors.last,
        priors.precision, priors.common, priors.log_normaliser, grid.log_prior, *effort,
    )  # fmt: skip
    flat = flat_laws(found.nodes, found.log_density, found.rungs, found.length, found.log_evidence)
    return UnseenLaws(
        flat.log_evidence, found.mode, found.variance, flat.nodes, flat.log_density, flat.ends, found.failed,
        flat.rungs,
    )  # fmt: skip


def rasch_offsets_of(seen: Counted, taus: Array) -> Array:
    """Return the offsets of the Rasch models of a table, (T, 2^K); of the last few tables they are kept."""
    return _rasch_offsets(*(x.tobytes() for x in (seen.counts, seen.cells, seen.bounds, taus)))


@lru_cache(maxsize=8)
def _rasch_offsets(counts: bytes, cells: bytes, bounds: bytes, taus: bytes) -> Array:
    from mse.kernels.raschrounds import rasch_offsets

    arrays = (np.frombuffer(x).copy() for x in (counts, cells, bounds))
    return rasch_offsets(counted(*arrays), np.frombuffer(taus).copy())


class _Layers(NamedTuple):
    """The visibilities of a grid, which of them each point has, and from where its mode is looked for."""

    taus: Array
    which: Integers
    like: Integers
    steps: Array


@lru_cache(maxsize=64)
def _layers(grid: ScaleGrid) -> _Layers:
    """Return for every point the one before it that differs in visibility alone, or −1, and the ratio of the steps.

    Modes move about as the variance of visibility does, so that two of them tell where the third is.
    """
    taus, which = np.unique(grid.visibility, return_inverse=True)
    like, steps = np.full(len(grid), -1, dtype=np.int64), np.zeros(len(grid))
    seen: dict[tuple[float, ...], int] = {}
    variance = (grid.visibility**2).tolist()
    for g, scales in enumerate(zip(*(x.tolist() for x in (grid.pair_sd, grid.ratio, grid.common_sd)), strict=True)):
        near = seen.get(scales, -1)
        if near >= 0 and (far := like[near]) >= 0:
            steps[g] = (variance[g] - variance[near]) / (variance[near] - variance[far])
        like[g], seen[scales] = near, g
    return _Layers(taus, which.astype(np.int64), like, steps)


def integrated(laws: UnseenLaws, densities: Array) -> tuple[UnseenLaws, ...]:
    """Return the laws with other log densities, (B, T), and the evidence that each of these integrates to."""
    from mse.kernels.lawmixture import integrals_of_laws

    evidence = integrals_of_laws(laws.nodes, densities, laws.ends, laws.log_evidence)
    return tuple(
        UnseenLaws(here, laws.mode, laws.variance, laws.nodes, density, laws.ends, laws.failed, laws.rungs)
        for here, density in zip(evidence, densities, strict=True)
    )


def weights(laws: UnseenLaws, grid: ScaleGrid) -> Array:
    """Return the posterior probability of every point of the grid, (G,)."""
    log_weight = laws.log_evidence + grid.log_prior
    out = np.exp(log_weight - log_weight.max())
    return np.asarray(out / out.sum())


def check_laws(
    seen: Counted, priors: Priors, grid: ScaleGrid, laws: UnseenLaws, seed: int, weight: Array | None = None
) -> Checked:
    """Correct the laws of the points that carry the weight by importance sampling at every node.

    At each node the other coefficients are drawn from the normal law of Laplace's formula; the mean weight says by how
    much the formula is off there. All nodes and points share their random numbers, so that ratios are smooth. Nodes
    with less than `FAINT` of all the probability are multiplied by what their neighbours are.

    Parameters
    ----------
    seen, priors, grid, laws
        The table, and what `unseen_laws` found.
    seed : int
        Of the random numbers.
    weight : (G,) float64, optional
        Posterior probability of each point, where others than this table have a say in it.
    """
    from mse.kernels.rungs import sample_laws

    assert laws.rungs is not None
    terms = len(priors.terms)
    pairs = PAIRS if terms <= MANY_TERMS else PAIRS_IF_MANY
    tries = (pairs // 4, pairs) if terms <= MANY_TERMS else (pairs,)
    weight = weights(laws, grid) if weight is None else weight
    drawn = (weight >= LIGHT) & (laws.lengths > 3) & ~laws.failed
    chosen, inside = np.flatnonzero(drawn), np.repeat(drawn, laws.lengths)
    layers, own = _layers(grid), weight[drawn]
    found = sample_laws(
        seen, rasch_offsets_of(seen, layers.taus), layers.which[chosen], priors.terms, priors.first, priors.last,
        priors.precision[chosen], priors.common[chosen], laws.rungs[inside], laws.log_density[inside],
        np.cumsum(laws.lengths[chosen]), np.log(own / FAINT), own, _normals(seed, MORE * pairs, terms), np.array(tries),
        SETTLED, BATCHES, RELIABLE, WORTH,
    )  # fmt: skip
    densities = np.tile(laws.log_density, (BATCHES + 1, 1))
    densities[:, inside] += found.log_ratio
    full, *batches = integrated(laws, densities)
    log_ratio, shape, worth = (np.full(len(grid), np.nan) for _ in range(3))
    shape[chosen], worth[chosen] = found.pareto_k, found.worth
    log_ratio[chosen] = np.where(found.failed, np.nan, (full.log_evidence - laws.log_evidence)[chosen])
    return Checked(full, tuple(batches), log_ratio, shape, worth, laws)


@lru_cache(maxsize=4)
def _normals(seed: int, draws: int, terms: int) -> Array:
    """Return the normal numbers of all tables with so many terms, (draws, terms)."""
    return np.random.default_rng([seed, 3]).standard_normal((draws, terms))


def effective_share(log_weight: Array) -> float:
    """Return the effective number of draws over their number, from log weights of any shape."""
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / (weight.size * (weight**2).sum()))


def mixture(laws: UnseenLaws, log_weight: Array, step: float = STEP, share: float = SHARE) -> tuple[Array, Array]:
    """Return an equally spaced grid of x and the mass there of the mixture of the laws.

    Parameters
    ----------
    laws : UnseenLaws
        Under each point.
    log_weight : (G,) float64
        Log of what each density p(x, n) is multiplied by.
    step : float
        Spacing of the grid at most.
    share : float
        The same, in the smallest standard deviation. As they are, step and share make a density that
        `Distribution.smooth_mixture` takes as smooth.
    """
    from mse.kernels.lawmixture import mixed_laws

    return mixed_laws(laws.nodes, laws.log_density, laws.ends, laws.variance, log_weight, step, share)
