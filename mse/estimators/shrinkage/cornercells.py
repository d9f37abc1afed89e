"""The cells that a sum over many lists is taken over, the prior in corner coding, and the mode over them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Array, Integers
from mse.kernels.keptcells import add_moments, grown, means, newton, penalty, subsets_of_cells, unions

ALWAYS = 3
"""Cells of at most so many lists are always in the sum."""

MOST_ROUNDS = 20
"""Times that cells are looked for at most."""

MOST_CELLS = 400_000
"""Cells of the sum at most."""

_STEPS, _LONGEST = 60, 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of the sum, and the persons in them; C cells, K lists, p = 1 + K + K(K−1)/2 coefficients.

    Parameters
    ----------
    n_lists : int
        K.
    histories : (C,) int64
        Bitmasks.
    counts : (C,) float64
        Persons.
    small, large : tuple of arrays
        Subsets of each cell of one and two lists, and of three and four; see `kernels.manylists`.
    places : (p, p) int32
        Unions of terms.
    totals : (p,) float64
        Persons on each term.
    """

    n_lists: int
    histories: Integers
    counts: Array
    small: tuple[Integers, npt.NDArray[np.int32]]
    large: tuple[Integers, npt.NDArray[np.int32]]
    places: npt.NDArray[np.int32]
    totals: Array


@dataclass(frozen=True, slots=True, eq=False)
class CornerPrior:
    """The prior of sum-to-zero coding on corner coefficients: precision and log normaliser, Jacobian included."""

    precision: Array
    log_normaliser: float


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """A minimum of F, with or without the intercept held: coefficients, F, Cholesky factor of H, H⁻¹e_α and log|H|."""

    gamma: Array
    value: float
    factor: Array
    tangent: Array
    log_determinant: float
    failed: bool

    @property
    def variance(self) -> float:
        """Variance of the intercept."""
        return float(self.tangent[0])


def corner_prior(n_lists: int, pair_sd: float, common_sd: float, main_sd: float) -> CornerPrior:
    """Return the prior on corner coefficients."""
    k = n_lists
    pairs = k * (k - 1) // 2
    p = 1 + k + pairs
    precision = np.zeros((p, p))
    lam = pair_sd**-2.0
    inflation = pairs * (common_sd / pair_sd) ** 2
    block = np.full((pairs, pairs), -(lam**2) * common_sd**2 / (1.0 + inflation))
    block[np.diag_indices(pairs)] += lam
    precision[1 + k :, 1 + k :] = block / 16.0
    for j in range(k):
        at = np.zeros(p)
        at[1 + j] = 0.5
        for i in range(k):
            if i != j:
                low, high = min(i, j), max(i, j)
                at[1 + k + high * (high - 1) // 2 + low] = 0.25
        used = np.flatnonzero(at)
        precision[np.ix_(used, used)] += np.outer(at[used], at[used]) / main_sd**2
    normaliser = k * math.log(main_sd) + pairs * math.log(pair_sd) + 0.5 * math.log1p(inflation)
    normaliser += 0.5 * (p - 1) * math.log(2.0 * math.pi) + k * math.log(2.0) + pairs * math.log(4.0)
    return CornerPrior(precision, normaliser)


def make_cells(n_lists: int, histories: Integers, counts: Array, more: Integers) -> Cells:
    """Return the cells of at most `ALWAYS` lists, the observed ones, and `more`."""
    every = np.unique(np.concatenate([_smallest(n_lists), histories, more]))
    persons = np.zeros(len(every))
    persons[np.searchsorted(every, histories)] = counts
    small, large = subsets_of_cells(every, n_lists, True), subsets_of_cells(every, n_lists, False)
    totals = np.zeros(1 + n_lists + n_lists * (n_lists - 1) // 2)
    add_moments(*small, persons, totals)
    totals[0] = persons.sum()
    return Cells(n_lists, every, persons, small, large, _places(n_lists), totals)


@lru_cache(maxsize=4)
def _smallest(n_lists: int) -> Integers:
    """Return the cells of at most `ALWAYS` lists."""
    every = [sum(1 << j for j in on) for t in range(1, ALWAYS + 1) for on in combinations(range(n_lists), t)]
    return np.array(every, dtype=np.int64)


@lru_cache(maxsize=4)
def _places(n_lists: int) -> npt.NDArray[np.int32]:
    """Return the unions of terms."""
    return unions(n_lists)


def settle_cells(cells: Cells, prior: CornerPrior, gamma: Array, least: float) -> tuple[Cells, Array]:
    """Return the cells whose mean is `least` or more under a prior, and the mode over them.

    Until the sum holds a cell, nothing keeps its mean from being too large: hence a fit after every step outwards.
    """
    for _ in range(MOST_ROUNDS):
        gamma = descend(cells, prior, gamma, False, 0.1).gamma
        before = len(cells.histories)
        heavy = cells.histories[means_of(cells, gamma) >= least]
        found = np.union1d(heavy, grown(heavy, gamma, cells.n_lists, least)[0])
        if len(found) > MOST_CELLS:
            break
        held = cells.counts > 0
        cells = make_cells(cells.n_lists, cells.histories[held], cells.counts[held], found)
        if len(cells.histories) <= 1.01 * before:
            break
    return cells, descend(cells, prior, gamma, False, 0.1).gamma


def means_of(cells: Cells, gamma: Array) -> Array:
    """Return the mean of every cell, (C,)."""
    mu = np.empty(len(cells.histories))
    means(*cells.small, gamma, mu)
    return mu


def left_out(cells: Cells, gamma: Array) -> float:
    """Return the expected persons in the cells that have one list more than one of the sum and are not in it."""
    around = np.setdiff1d(grown(cells.histories, gamma, cells.n_lists, 0.0)[0], cells.histories)
    small = subsets_of_cells(around, cells.n_lists, True)
    return float(means(*small, gamma, np.empty(len(around))))


def start_of(cells: Cells) -> Array:
    """Return coefficients to start from: independent lists, as many unseen as seen."""
    gamma = np.zeros(len(cells.totals))
    gamma[0] = math.log(cells.totals[0] + 1.0)
    share = (cells.totals[1 : 1 + cells.n_lists] + 0.5) / (2.0 * cells.totals[0] + 1.0)
    gamma[1 : 1 + cells.n_lists] = np.log(share / (1.0 - share))
    return gamma


def objective(cells: Cells, prior: CornerPrior, gamma: Array, mu: Array) -> float:
    """Return F, and write the means of the cells to `mu`."""
    total = float(means(*cells.small, gamma, mu))
    return total - float(cells.totals @ gamma) + float(penalty(prior.precision, gamma))


def descend(cells: Cells, prior: CornerPrior, start: Array, held: bool, tolerance: float) -> Mode:
    """Find the minimum of F by damped Newton steps, the intercept held or not."""
    gamma, mu, trial = start.copy(), np.empty(len(cells.histories)), np.empty(len(cells.histories))
    value = objective(cells, prior, gamma, mu)
    n_moments = int(cells.places.max()) + 1
    factor = np.zeros((len(gamma), len(gamma)))
    for _ in range(_STEPS):
        moments = np.zeros(n_moments)
        add_moments(*cells.small, mu, moments)
        add_moments(*cells.large, mu, moments)
        moments[0] = mu.sum()
        step, tangent, gain, log_determinant, astray = newton(
            moments, cells.places, prior.precision, cells.totals, gamma, held, factor
        )
        if astray:
            break
        if 0.5 * gain <= tolerance:
            return Mode(gamma, value - 0.5 * max(gain, 0.0), factor, tangent, log_determinant, False)
        share = min(1.0, _LONGEST / float(np.abs(step).max()))
        for _ in range(40):
            reached = objective(cells, prior, gamma + share * step, trial)
            if reached <= value - 1e-4 * gain * share + 1e-12 * abs(value):
                break
            share *= 0.5
        else:
            return Mode(gamma, value, factor, tangent, log_determinant, gain > 1e-6)
        gamma, value, mu, trial = gamma + share * step, reached, trial, mu
    return Mode(gamma, value, factor, np.full(len(gamma), np.nan), math.nan, True)
