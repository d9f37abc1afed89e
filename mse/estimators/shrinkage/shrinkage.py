"""Shrinkage in place of selection: one model with every term below the highest order, its interactions shrunk.

Sum-to-zero coding; the intercept is flat, so that p(N) ∝ 1/N; main effects are N(0, 3²); pairs β_jk ~ N(m, s₂²) about a
common part m ~ N(0, s_m²); a term of k lists is N(0, (s₂ r^(k−2))²). The scales (s₂, r, s_m) are integrated over a grid
and the law of N is the mixture over it, weighed by the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import Problem
from mse.estimators.shrinkage.scales import ScaleGrid, make_grid, priors_of, terms_upto
from mse.estimators.shrinkage.unseen import UnseenLaws, mixture, unseen_laws
from mse.settings.optionchecks import check_draws, check_order, check_types, raise_if_any
from mse.tables.captures import CaptureTable

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShrinkageSpec:
    """Options of shrinkage.

    Parameters
    ----------
    pair_sd, ratio, common_sd : tuple of float
        Values over which the scales are integrated, with equal weights: s₂, the standard deviation of pairs about their
        common part; r, by which it falls with every further list in a term; s_m, that of the common part.
    main_sd : float
        Prior standard deviation of the list effects.
    max_order : int or None
        Largest number of lists in one term; None takes every order but the highest.
    saturated : bool or None
        Whether the term of all lists, of which the data say nothing, is in the model too, with a prior of the same
        kind; None puts it in for two lists only, where it is the one pair.
    draws : int
        Draws of N to store.
    """

    pair_sd: tuple[float, ...] = (0.025, 0.0625, 0.125, 0.25, 0.5)
    ratio: tuple[float, ...] = (0.25, 0.5, 1.0)
    common_sd: tuple[float, ...] = (0.0, 0.17)
    main_sd: float = 3.0
    max_order: int | None = None
    saturated: bool | None = None
    draws: int = 10_000

    def __post_init__(self) -> None:
        """Check every option, and say all that is wrong at once."""
        check_types(self)
        problems = [
            Problem(f"`{name}` has no value, or one out of range", allowed, "give for example " + example,
                    value=str(tuple(values)))
            for name, values, least, allowed, example in (
                ("pair_sd", self.pair_sd, 1e-4, "numbers from 0.0001 to 100", "pair_sd=(0.1, 0.2, 0.4)"),
                ("ratio", self.ratio, 1e-4, "numbers from 0.0001 to 100", "ratio=(0.5, 1.0)"),
                ("common_sd", self.common_sd, 0.0, "numbers from 0 to 100", "common_sd=(0.0, 0.2)"),
            )
            if not values or not all(least <= x <= 100.0 for x in values)
        ]  # fmt: skip
        if not 1e-2 <= self.main_sd <= 1e3:
            problems.append(Problem("`main_sd` is out of range", "a number from 0.01 to 1000", "leave it at 3",
                                    value=str(self.main_sd)))  # fmt: skip
        raise_if_any([*problems, *check_order(self.max_order), *check_draws(self.draws)])


@dataclass(frozen=True, slots=True, eq=False)
class LogLaw:
    """The law of N of one table, without draws.

    Parameters
    ----------
    observed : int
        Persons on at least one list.
    log_means, mass : (X,) float64
        Log expected unseen, equally spaced, and the weight of each.
    grid : ScaleGrid
        The scales.
    weight : (G,) float64
        Posterior probability of each point of the grid.
    laws : UnseenLaws
        Under each point.
    """

    observed: int
    log_means: Array
    mass: Array
    grid: ScaleGrid
    weight: Array
    laws: UnseenLaws

    def quantile(self, q: float | Sequence[float]) -> Array:
        """Return sizes, persons, below which a share `q` of the probability lies, shape of `q`.

        The Poisson noise of n_0 about its mean is Wilson & Hilferty's normal below a mean of 10⁶, none above.
        """
        from scipy.special import ndtr

        wanted = np.atleast_1d(np.asarray(q, dtype=np.float64))
        kept = np.flatnonzero(self.mass > 1e-12 * self.mass.max())
        means, mass = np.exp(self.log_means[kept]), self.mass[kept] / self.mass[kept].sum()
        low = np.full(len(wanted), -1.0)
        high = np.full(len(wanted), means[-1] + 10.0 * math.sqrt(means[-1]) + 20.0)
        for _ in range(60):
            middle = 0.5 * (low + high)
            # P(Poisson(μ) ≤ n) = P(Gamma(n + 1) > μ), and the cube root of a gamma variate is nearly normal
            shape = np.maximum(middle, 0.0)[:, None] + 1.0
            z = 3.0 * np.sqrt(shape) * (np.cbrt(means[None, :] / shape) - 1.0 + 1.0 / (9.0 * shape))
            below = ndtr(-z) @ mass
            low, high = np.where(below < wanted, middle, low), np.where(below < wanted, high, middle)
        out = self.observed + np.maximum(high, 0.0)
        return out if np.ndim(q) else out[0]


def largest_term(n_lists: int, spec: ShrinkageSpec) -> int:
    """Return the number of lists in the largest term of the model."""
    saturated = n_lists == 2 if spec.saturated is None else spec.saturated
    most = n_lists if saturated else n_lists - 1
    return most if spec.max_order is None else min(spec.max_order, most)


def law_of_log_n(table: CaptureTable, spec: ShrinkageSpec | None = None) -> LogLaw:
    """Return the law of N of a table without strata, in milliseconds.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : ShrinkageSpec, optional
        Options.
    """
    spec = spec or ShrinkageSpec()
    dense = table.dense()
    largest = largest_term(table.n_lists, spec)
    grid = make_grid(spec.pair_sd, spec.ratio, spec.common_sd, largest)
    priors = priors_of(grid, terms_upto(table.n_lists, largest), spec.main_sd)
    laws = unseen_laws(dense.counts, dense.cells, np.full(len(dense.counts), -1.0), priors, grid)
    log_means, mass = mixture(laws, grid.log_prior)
    weight = laws.log_evidence + grid.log_prior
    weight = np.exp(weight - weight.max())
    return LogLaw(table.observed, log_means, mass, grid, weight / weight.sum(), laws)


def estimate(table: CaptureTable, spec: ShrinkageSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under one model with every term below the highest order, shrunk.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : ShrinkageSpec
        Options.
    seed : int
        Seed of the draws.
    compute : Compute, optional
        Not used: the whole takes milliseconds.
    """
    found = law_of_log_n(table, spec)
    law = Distribution.poisson_mixture(table.observed, found.log_means, found.mass)
    return Posterior(
        method="shrinkage",
        kind="posterior",
        table=table.name,
        table_digest=table.digest,
        lists=table.lists,
        observed=table.observed,
        spec={**asdict(spec), "seed": seed},
        distribution=law,
        draws=law.draw(spec.draws, np.random.default_rng([seed, 1])),
        point=float(law.quantile(0.5)),
        point_kind="posterior median, equal-tailed credible interval",
        inside=("how strong the interactions between lists are", "chance in who was registered"),
        outside=("an interaction among all lists at once, which no data can show",),
        assumptions=("there is no interaction among all lists at once (the identifying assumption)",),
        citations=(),
        diagnostics={"pair_sd": float(found.weight @ found.grid.pair_sd)},
    )
