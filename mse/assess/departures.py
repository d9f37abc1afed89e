"""Departures from the identifying assumption: a law of the odds ratio ξ, and what it does to the law of N.

No data show whether there is an interaction among all lists at once. If its odds ratio is ξ, the unseen are n_0/ξ.
Populations of known size show how far off estimates are that take ξ = 1 (and what other dependence their models miss):
there δ = −log ξ = log(true n_0) − log(estimated n_0) is seen. δ is modelled as

    δ = b + zᵀc + τ t_4,

z the features of a table (`FEATURES`), standardised and kept within the range that was learned from; t_4 a Student t of
four degrees of freedom, because departures have outliers. τ may differ below and above the middle: where a method is
right in the middle, what is left are populations of which it sees too little, a long tail upwards. Both τ may grow with
features of their own (`SCALE_FEATURES`): more lists make an interval narrower, and those who avoid lists no easier to
see. b, c and what τ is are learned in `benchmarks.learning`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mse.answers.departing import POINTS as POINTS
from mse.answers.departing import departed as departed
from mse.answers.departing import log_unseen as log_unseen
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable

FEATURES = ("four lists or more", "log overlap", "log share in view")
"""What a departure may depend on, see `features`."""

SCALE_FEATURES = ("five lists or more", "log share in view")
"""What the size of a departure may depend on, see `scale_features`."""


def _none() -> Array:
    return np.zeros(len(SCALE_FEATURES))


@dataclass(frozen=True, slots=True, eq=False)
class DepartureModel:
    """The law of δ = −log ξ given the features of a table.

    Parameters
    ----------
    shift : float
        b, the middle of δ where every feature is at its centre.
    slopes : float64 array, shape (F,)
        c, per standard deviation of a feature.
    scale, upper : float
        τ below and above the middle.
    centre, spread, low, high : float64 array, shape (F,)
        Mean, standard deviation and range of each feature where this was learned.
    problems : int
        Populations of known size that it was learned from.
    studies : tuple of str
        The studies that they come from.
    stretch : float64 array, shape (S,)
        Change of the log of both scales per unit of a scale feature.
    nearest, farthest : float64 array, shape (S,)
        Range of each scale feature where this was learned.
    """

    shift: float
    slopes: Array
    scale: float
    upper: float
    centre: Array
    spread: Array
    low: Array
    high: Array
    problems: int
    studies: tuple[str, ...]
    stretch: Array = field(default_factory=_none)
    nearest: Array = field(default_factory=_none)
    farthest: Array = field(default_factory=_none)

    def at(self, features: Array, about: Array) -> tuple[float, float, float]:
        """Return middle, scale below and scale above it of δ for a table.

        Parameters
        ----------
        features : float64 array, shape (F,)
            From `features`.
        about : float64 array, shape (S,)
            From `scale_features`.
        """
        z = (np.clip(features, self.low, self.high) - self.centre) / self.spread
        more = math.exp(float(np.clip(about, self.nearest, self.farthest) @ self.stretch))
        return float(self.shift + z @ self.slopes), self.scale * more, self.upper * more


def features(table: CaptureTable | HistoryTable, unseen: Array) -> Array:
    """Return the features of a table and of what a method says of it.

    Parameters
    ----------
    table : CaptureTable or HistoryTable
        Without strata.
    unseen : float64 array, shape (POINTS,)
        From `log_unseen`, ascending.

    Returns
    -------
    float64 array, shape (F,)
        1 for four lists or more, else 0; log of the persons on two lists or more (plus 1); log of the observed over the
        median of N.
    """
    overlap = float(table.history_counts()[1:].sum())
    return np.array([float(table.n_lists >= 4), math.log1p(overlap), _in_view(table, unseen)])


def scale_features(table: CaptureTable | HistoryTable, unseen: Array) -> Array:
    """Return what the size of a departure may depend on: parameters as in `features`.

    Returns
    -------
    float64 array, shape (S,)
        1 for five lists or more, else 0; log of the observed over the median of N.
    """
    return np.array([float(table.n_lists >= 5), _in_view(table, unseen)])


def _in_view(table: CaptureTable | HistoryTable, unseen: Array) -> float:
    """Return the log of the observed over the median of N."""
    middle = 0.5 * float(unseen[(len(unseen) - 1) // 2] + unseen[len(unseen) // 2])
    return math.log(table.observed / (table.observed + math.exp(middle) - 0.5))
