"""What a search over models has to know of them: their terms, and how they are fitted.

A family is all hierarchical models over some candidate terms, and the table that they are fitted to: lists alone
(`mse.estimators.averages.listmodels`), or lists by covariates (`mse.estimators.stratified.stratummodels`). Search,
walks and correction see masks over the candidates (`mse.kernels.modelstore`) and the numbers that a family returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from mse.kernels.arrays import Array, Flags, Integers
from mse.kernels.enumeration import BITS, facet_words

if TYPE_CHECKING:
    from mse.kernels.modelwalks import Walk


class Peak(NamedTuple):
    """Where the posterior of one model is highest.

    Attributes
    ----------
    mode : (p,) float64
        Coefficients.
    factor : (p, p) float64
        Lower triangular L with L Lᵀ the Hessian of minus the log posterior at the mode; NaN when there is none.
    direction : (p,) float64
        Gradient of log expected n_0 in the coefficients.
    target : callable
        From coefficients (S, p) to log posterior densities (S,), up to a constant.
    """

    mode: Array
    factor: Array
    direction: Array
    target: Callable[[Array], Array]


class Family(Protocol):
    """All hierarchical models over some terms, and what they are fitted to; β_θ ~ N(0, σ²), the intercept flat."""

    @property
    def terms(self) -> Integers:
        """Candidate terms that the bits of a mask stand for, (c,), each after all those inside it."""

    def fit(self, masks: Integers, sd: float) -> Array:
        """Fit the models (m, W): Laplace log evidence, mode of log expected n_0 and its variance, (m, 3)."""

    def fit_near(self, models: Integers, flips: Integers, sd: float) -> Array:
        """Fit models (m, W) with one candidate of their row of `flips` changed at a time: as `fit`, in that order."""

    def finish(self, walk: Walk, fitted: int, sd: float) -> int:
        """Walk to the end, fitting what is met on the way; so many models are among its own, before and then."""

    def peak(self, mask: Integers, sd: float) -> Peak:
        """Return where the posterior of a model (W,) lies."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Models with their prior.

    Parameters
    ----------
    family : Family
        The models, and what they are fitted to.
    facets : (c, W) int64
        What must be in a model before each candidate (`mse.kernels.enumeration.facet_words`).
    log_prior : (c + 1,) float64
        Log prior of a model with 0, 1, … c candidate terms.
    sd : float
        Prior standard deviation of every coefficient.
    """

    family: Family
    facets: Integers
    log_prior: Array
    sd: float


def make_space(family: Family, log_prior: Array, sd: float) -> Space:
    """Return the space of all models of a family; parameters as in `Space`."""
    return Space(family, facet_words(family.terms), log_prior, sd)


def held(masks: Integers, terms: int) -> Flags:
    """Return which of the first so many candidates are in each model: masks (m, W), result (m, terms)."""
    at = np.arange(terms)
    out: Flags = (masks[:, at // BITS] >> (at % BITS)) & 1 == 1
    return out


def joined(mask: Integers) -> int:
    """Return a mask (W,) as one integer of any length."""
    return sum(int(word) << BITS * w for w, word in enumerate(mask))
