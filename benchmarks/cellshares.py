"""Probabilities of the 2^K cells of a population whose lists depend on each other in a known way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

NODES = 81
"""Values of a person's visibility that stand for the normal law."""


def membership(lists: int) -> npt.NDArray[np.int64]:
    """Return which lists each cell is on, shape (2^K, K), 0 or 1."""
    return (np.arange(2**lists)[:, None] >> np.arange(lists)) & 1


def fitted(odds: Array, covers: Array) -> Array:
    """Return cell probabilities with the odds ratios of `odds`, shape (2^K,), and these covers, shape (K,)."""
    on = membership(len(covers)).astype(bool)
    share = odds / odds.sum()
    for _ in range(500):
        for j, cover in enumerate(covers):
            inside = share[on[:, j]].sum()
            share = np.where(on[:, j], share * cover / inside, share * (1.0 - cover) / (1.0 - inside))
        if np.abs(share @ on - covers).max() < 1e-10:
            break
    return share


def mixed(effects: Array, weights: Array, covers: Array) -> Array:
    """Return cell probabilities when lists are independent given a class, and classes differ in log odds.

    Parameters
    ----------
    effects : float64 array, shape (C, K)
        Log odds of a class on a list, added to the list's own.
    weights : float64 array, shape (C,)
        Shares of the classes.
    covers : float64 array, shape (K,)
        What the lists cover of all classes together.
    """
    lists = len(covers)
    low, high = np.full(lists, -40.0), np.full(lists, 40.0)
    for _ in range(80):
        middle = (low + high) / 2.0
        small = weights @ logistic(effects + middle) < covers
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    on = membership(lists)
    p = logistic(effects + (low + high) / 2.0)[:, None, :]
    share: Array = weights @ np.where(on[None], p, 1.0 - p).prod(axis=2)
    return share


def logistic(x: Array) -> Array:
    """Return the inverse of the log odds."""
    return 1.0 / (1.0 + np.exp(-x))


def pair_odds(rng: np.random.Generator, lists: int, sd: float, *, positive: bool = False) -> Array:
    """Return the odds of every cell when each pair of lists has a log odds ratio N(0, sd²), or its absolute value."""
    on = membership(lists)
    log_odds = np.zeros(2**lists)
    for j in range(lists):
        for k in range(j):
            ratio = rng.normal(0.0, sd)
            log_odds += (abs(ratio) if positive else ratio) * on[:, j] * on[:, k]
    return np.exp(log_odds)


def visible(sd: float, covers: Array) -> Array:
    """Return cell probabilities when the log odds of persons, of every list alike, are normal with this sd."""
    nodes = np.linspace(-4.5, 4.5, NODES)
    weights = np.exp(-0.5 * nodes**2)
    return mixed(np.repeat(sd * nodes[:, None], len(covers), axis=1), weights / weights.sum(), covers)


def referred(rng: np.random.Generator, share: Array, on: npt.NDArray[np.bool_]) -> Array:
    """Return cell probabilities after one list, at random, has sent 20 to 60 % of its persons to another."""
    source, target = rng.choice(on.shape[1], 2, replace=False)
    leaving = np.flatnonzero(on[:, source] & ~on[:, target])
    sent = rng.uniform(0.2, 0.6) * share[leaving]
    share = share.copy()
    share[leaving] -= sent
    share[leaving | (1 << int(target))] += sent
    return share
