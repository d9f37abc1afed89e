"""Chances to be on lists, learned from covariates by cross-fitting: each person's from a fit without that person."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Protocol

import numpy as np

from mse.kernels.arrays import Array, Flags, Integers


class Learner(Protocol):
    """A classifier in the manner of scikit-learn; after `fit` it has ``classes_``."""

    def fit(self, features: Array, labels: Integers) -> object:
        """Learn from features, shape (R, F), and labels, shape (R,)."""
        ...

    def predict_proba(self, features: Array) -> Any:
        """Return probabilities, shape (R, C), columns in the order of ``classes_``."""
        ...


class Chances(NamedTuple):
    """Chances among the observed, by person; shapes (R,).

    Parameters
    ----------
    first, second, both : float64 array
        P(on the list | seen, covariates) for each list of a pair, and for both.
    clipped : float
        Share of persons whose chances were moved to the margin.
    """

    first: Array
    second: Array
    both: Array
    clipped: float


class RidgeLogistic:
    """Multinomial logistic regression with a ridge, by Newton steps; the default learner.

    With conditionally independent lists and logistic chances in the population, the chances among the observed are
    exactly of this form: log P(both)/P(first alone) is the log odds of the second list.

    Parameters
    ----------
    ridge : float
        Penalty ridge/2 · Σ b² on the coefficients of standardised features, the constants excepted.
    degree : int
        1 for the features as they are, 2 with their squares and products too.
    """

    def __init__(self, ridge: float = 1.0, degree: int = 1) -> None:
        self.ridge = ridge
        self.degree = degree
        self.classes_: Integers = np.zeros(0, dtype=np.int64)
        self._centre: Array = np.zeros(0)

    def __repr__(self) -> str:
        """As it is made."""
        return f"RidgeLogistic(ridge={self.ridge:g}, degree={self.degree})"

    def fit(self, features: Array, labels: Integers) -> RidgeLogistic:
        """Learn from features, shape (R, F), and labels, shape (R,)."""
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self._centre = np.asarray(features, dtype=np.float64).mean(axis=0)
        raw = self._expand(features)
        self._mean, self._scale = raw.mean(axis=0), raw.std(axis=0)
        self._scale = np.where(self._scale > 1e-12 * (1.0 + np.abs(self._mean)), self._scale, np.inf)
        x = self._design(features)
        rows, size, free = len(x), x.shape[1], len(self.classes_) - 1
        target = (codes[:, None] == np.arange(1, free + 1)).astype(np.float64)
        penalty = np.tile(np.r_[0.0, np.full(size - 1, self.ridge)], free)
        beta = np.zeros(free * size)
        value = self._objective(x, target, beta, penalty)
        for _ in range(60):
            chance = self._softmax(x, beta)[:, 1:]
            gradient = ((target - chance).T @ x).ravel() - penalty * beta
            information = np.zeros((free * size, free * size))
            for a in range(free):
                for b in range(a, free):
                    weight = chance[:, a] * ((a == b) - chance[:, b])
                    block = (x.T * weight) @ x
                    information[a * size : (a + 1) * size, b * size : (b + 1) * size] = block
                    information[b * size : (b + 1) * size, a * size : (a + 1) * size] = block.T
            information[np.diag_indices(free * size)] += penalty + 1e-9 * rows
            step = np.linalg.solve(information, gradient)
            for _ in range(30):
                reached = self._objective(x, target, beta + step, penalty)
                if reached >= value - 1e-12 * abs(value):
                    break
                step = 0.5 * step
            beta, value = beta + step, reached
            if np.abs(step).max() < 1e-8:
                break
        self._beta = beta
        return self

    def predict_proba(self, features: Array) -> Array:
        """Return probabilities, shape (R, C), columns in the order of ``classes_``."""
        return self._softmax(self._design(features), self._beta)

    def _expand(self, features: Array) -> Array:
        x = np.asarray(features, dtype=np.float64)
        if self.degree < 2 or not x.shape[1]:
            return x
        # Products of centred features are less like the features themselves.
        centred = x - self._centre
        products = [centred[:, i] * centred[:, j] for i in range(x.shape[1]) for j in range(i, x.shape[1])]
        return np.column_stack([x, *products])

    def _design(self, features: Array) -> Array:
        x = (self._expand(features) - self._mean) / self._scale
        return np.column_stack([np.ones(len(x)), x])

    def _softmax(self, x: Array, beta: Array) -> Array:
        eta = np.column_stack([np.zeros(len(x)), x @ beta.reshape(-1, x.shape[1]).T])
        eta -= eta.max(axis=1, keepdims=True)
        chance = np.exp(eta)
        return np.asarray(chance / chance.sum(axis=1, keepdims=True))

    def _objective(self, x: Array, target: Array, beta: Array, penalty: Array) -> float:
        chance = self._softmax(x, beta)
        own = np.where(target.any(axis=1), (chance[:, 1:] * target).sum(axis=1), chance[:, 0])
        return float(np.log(np.maximum(own, 1e-300)).sum() - 0.5 * penalty @ beta**2)


def fold_of(labels: Integers, folds: int, rng: np.random.Generator) -> Integers:
    """Return a fold for each person, at random and with every label spread evenly over the folds."""
    out = np.zeros(labels.size, dtype=np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        out[rows] = (np.arange(rows.size) + rng.integers(folds)) % folds
    return out


def _cross(features: Array, labels: Integers, learner: Learner, folds: Integers, n_labels: int) -> Array:
    """Return P(label), shape (R, n_labels), each person's from a fit to the other folds."""
    out = np.zeros((labels.size, n_labels))
    for fold in np.unique(folds):
        train, apply = folds != fold, folds == fold
        fitted = copy.deepcopy(learner)
        fitted.fit(features[train], labels[train])
        known = np.asarray(getattr(fitted, "classes_", np.unique(labels[train])), dtype=np.int64)
        out[np.ix_(apply, known)] = np.asarray(fitted.predict_proba(features[apply]), dtype=np.float64)
    return out


def chances(
    features: Array, first: Flags, second: Flags, learner: Learner, *,
    joint: bool, folds: int, margin: float, rng: np.random.Generator,
) -> Chances:  # fmt: skip
    """Cross-fit the chances of a pair of lists among the observed.

    Parameters
    ----------
    features : float64 array, shape (R, F)
        Covariates as numbers; without any the chances are shares of the table, and nothing is learned.
    first, second : bool array, shape (R,)
        Who is on the two lists.
    learner : Learner
        Copied before each fit.
    joint : bool
        One fit to the combinations of the two lists, whose chances agree with each other; else three fits to 0/1:
        on the first, on the second, on both.
    folds : int
        Parts; each is predicted from the others.
    margin : float
        Smallest chance to be on both.
    rng : Generator
        Makes the folds.
    """
    # 0 both, 1 first alone, 2 second alone, 3 neither (seen on other lists)
    cells = np.where(first, np.where(second, 0, 1), np.where(second, 2, 3)).astype(np.int64)
    if not features.shape[1]:
        share = np.bincount(cells, minlength=4) / cells.size
        table = np.tile(share, (cells.size, 1))
        q1, q2, q12 = table[:, 0] + table[:, 1], table[:, 0] + table[:, 2], table[:, 0]
        return Chances(q1, q2, q12, 0.0)
    parts = fold_of(cells, folds, rng)
    if joint:
        table = _cross(features, cells, learner, parts, 4)
        q12, q1, q2 = table[:, 0], table[:, 0] + table[:, 1], table[:, 0] + table[:, 2]
    else:
        q1, q2, q12 = (
            _cross(features, on.astype(np.int64), learner, parts, 2)[:, 1] for on in (first, second, first & second)
        )
    low = np.clip(q12, margin, 1.0)
    one, two = np.clip(q1, low, 1.0), np.clip(q2, low, 1.0)
    moved = (low != q12) | (np.abs(one - q1) > 1e-12) | (np.abs(two - q2) > 1e-12)
    return Chances(one, two, low, float(moved.mean()))
