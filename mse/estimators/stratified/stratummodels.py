"""Log-linear models on lists and covariates, as `mse.estimators.modelspace` takes them, and persons drawn under them.

Coefficients are in orthonormal sum-to-zero coding: over the full product of lists and levels XᵀX is a multiple of the
identity, so that the unit information prior is N(0, 1) on each of them but the intercept (Overstall & King 2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mse.estimators.modelspace.modelfamilies import Peak, held
from mse.estimators.stratified.opencells import StrataCells
from mse.estimators.stratified.stratumdraws import truncated_poisson
from mse.kernels.anydesign import CONVERGED, DesignFit, fit_design, functional_covariance, objectives, start_design
from mse.kernels.arrays import Array, Integers
from mse.kernels.stratumcells import Rows, Seen
from mse.terms import members

if TYPE_CHECKING:
    from mse.kernels.modelwalks import Walk


@dataclass(frozen=True, slots=True, eq=False)
class StrataModels:
    """A family of models (`mse.estimators.modelspace.modelfamilies.Family`).

    Parameters
    ----------
    seen : Seen
        What is known of the R cells.
    matrix : (R, P) float64
        Orthonormal columns of the intercept, the factors and the candidate terms.
    term_at : (P,) int64
        The candidate that each column belongs to; −1 for those that every model has.
    terms : (c,) int64
        Candidate terms.
    """

    seen: Seen
    matrix: Array
    term_at: Integers
    terms: Integers

    def columns(self, mask: Integers) -> Integers:
        """Return the columns of a model, the intercept first."""
        return np.flatnonzero(np.append(held(mask[None], len(self.terms))[0], True)[self.term_at])

    def fit(self, masks: Integers, sd: float) -> Array:
        """Fit models one by one, (m, 3); a model in which Newton's method finds no mode has evidence −∞."""
        return np.array([self._evidence(self._fit(mask, sd), mask, sd) for mask in masks]).reshape(-1, 3)

    def fit_near(self, models: Integers, flips: Integers, sd: float) -> Array:
        """Fit neighbours from the coefficients of the model that they are next to, (n, 3)."""
        from mse.kernels.modelstore import flip

        out = []
        for model, changes in zip(models, flips, strict=True):
            start = np.zeros(self.matrix.shape[1])
            parent = self._fit(model, sd)
            start[self.columns(model)] = parent.beta
            for i in np.flatnonzero(held(changes[None], len(self.terms))[0]).tolist():
                child = model.copy()
                flip(child, i)
                fit = self._fit(child, sd, start if parent.status == CONVERGED else None)
                out.append(self._evidence(fit, child, sd))
        return np.array(out).reshape(-1, 3)

    def finish(self, walk: Walk, fitted: int, sd: float) -> int:
        """Walk to the end, from one model that has to be fitted to the next."""
        from mse.kernels.modelwalks import put, walk_on

        step = 0
        while True:
            step, wanted = walk_on(walk, step)
            if step == len(walk.numbers):
                return fitted
            put(walk, fitted, wanted, self.fit(wanted[None], sd)[0])
            fitted += 1

    def peak(self, mask: Integers, sd: float) -> Peak:
        """Fit one model and return where its posterior lies."""
        fit, columns = self._fit(mask, sd), self.columns(mask)
        factor = fit.factor if fit.status == CONVERGED else np.full_like(fit.factor, np.nan)
        target = partial(objectives, self._rows(columns), self.seen, _precision(columns.size, sd))
        return Peak(fit.beta, factor, self._unseen(fit, columns)[1], target)

    def log_means(self, mask: Integers, betas: Array, cells: Integers) -> Array:
        """Return the log means of some cells under coefficients (D, p): (D, len(cells))."""
        return np.asarray(betas @ self.matrix[np.ix_(cells, self.columns(mask))].T)

    def _rows(self, columns: Integers) -> Rows:
        """Return these columns as the kernel takes them."""
        part = np.ascontiguousarray(self.matrix[:, columns])
        r, p = part.shape
        starts = np.arange(0, r * p + 1, p, dtype=np.int64)
        return Rows(starts, np.tile(np.arange(p, dtype=np.int64), r), part.ravel())

    def _fit(self, mask: Integers, sd: float, start: Array | None = None) -> DesignFit:
        """Fit one model, from these coefficients of all columns if they are given and lead to a mode."""
        columns = self.columns(mask)
        rows, precision = self._rows(columns), _precision(columns.size, sd)
        if start is not None:
            fit = fit_design(rows, self.seen, precision, start[columns], 100, 1e-12)
            if fit.status == CONVERGED:
                return fit
        return fit_design(rows, self.seen, precision, start_design(rows, self.seen, precision, 0.1), 100, 1e-12)

    def _evidence(self, fit: DesignFit, mask: Integers, sd: float) -> tuple[float, float, float]:
        """Return Laplace log evidence, mode of the log of all persons in hidden cells, and its variance."""
        if fit.status != CONVERGED:
            return -math.inf, math.nan, math.nan
        columns = self.columns(mask)
        penalty = 0.5 * float(_precision(columns.size, sd) @ fit.beta**2)
        log_unseen, direction = self._unseen(fit, columns)
        variance = float(functional_covariance(fit.factor, direction[None])[0, 0])
        prior = penalty + (columns.size - 1) * math.log(sd)
        return fit.log_likelihood - prior - 0.5 * fit.log_determinant, log_unseen, variance

    def _unseen(self, fit: DesignFit, columns: Integers) -> tuple[float, Array]:
        """Return the log of the expected persons in hidden cells, and its gradient (p,)."""
        hidden = self.seen.open == 0.0
        means = np.exp(fit.eta[hidden])
        total = float(means.sum())
        return math.log(total), means @ self.matrix[np.ix_(hidden, columns)] / total


def _precision(size: int, sd: float) -> Array:
    """Return 1/σ² of every coefficient, 0 for the intercept, (size,)."""
    precision = np.full(size, sd**-2)
    precision[0] = 0.0
    return precision


def strata_models(cells: StrataCells, candidates: list[int]) -> StrataModels:
    """Return all models on the factors of a table with these candidates, each after all those inside it."""
    contrasts = [_helmert(size) for size in cells.sizes]
    blocks, term_at = [], []
    always = [0, *(1 << j for j in range(len(cells.names)))]
    for place, term in enumerate([*always, *candidates], -len(always)):
        block = np.ones((cells.levels.shape[0], 1))
        for j in members(term):
            part = contrasts[j][cells.levels[:, j]]
            block = (block[:, :, None] * part[:, None, :]).reshape(block.shape[0], -1)
        blocks.append(block)
        term_at += [max(place, -1)] * block.shape[1]
    matrix = np.concatenate(blocks, axis=1)
    return StrataModels(cells.seen, matrix, np.array(term_at), np.array(candidates, dtype=np.int64))


def _helmert(size: int) -> Array:
    """Return contrasts of the levels with mean 0 and mean square 1, (size, size − 1)."""
    out = np.zeros((size, size - 1))
    for j in range(1, size):
        out[:j, j - 1], out[j, j - 1] = -1.0, float(j)
        out[:, j - 1] *= math.sqrt(size / (j * (j + 1.0)))
    return out


class Persons(NamedTuple):
    """Persons drawn under one model.

    Attributes
    ----------
    sizes : (D, S) int64
        N of every stratum.
    inside : (D,) int64
        Members of the population in bounded cells.
    """

    sizes: Integers
    inside: Integers


def draw_persons(
    cells: StrataCells, family: StrataModels, mask: Integers, betas: Array, rng: np.random.Generator
) -> Persons:
    """Draw persons under a model for each row of coefficients, (D, p)."""
    out, inside = np.tile(cells.certain, (len(betas), 1)), np.zeros(len(betas), dtype=np.int64)

    def add(at: Integers, persons: Integers) -> None:
        into = np.zeros((at.size, cells.n_strata), dtype=np.int64)
        into[np.arange(at.size), cells.stratum[at]] = 1
        out[:] += persons @ into

    hidden = np.flatnonzero(cells.hidden)
    add(hidden, rng.poisson(np.exp(family.log_means(mask, betas, hidden))))
    limited = np.flatnonzero(cells.seen.bounds >= 0)
    if limited.size:
        means = np.exp(family.log_means(mask, betas, limited))
        persons = truncated_poisson(means, cells.seen.bounds[limited], rng)
        add(limited, persons)
        inside = persons.sum(axis=1)
    for c, count in enumerate(cells.seen.pool_counts):
        at = cells.seen.pool_cells[cells.seen.pool_starts[c] : cells.seen.pool_starts[c + 1]]
        if count and (cells.stratum[at] != cells.stratum[at[0]]).any():
            means = np.exp(family.log_means(mask, betas, at))
            add(at, rng.multinomial(int(count), means / means.sum(axis=1, keepdims=True)))
    return Persons(out, inside)
