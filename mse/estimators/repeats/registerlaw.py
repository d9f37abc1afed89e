"""How far off the average over shapes has been where the size is known: the law of departures for one register.

What one register cannot show is learned where the size is known (`python -m benchmarks.known_registers`), in two parts:

* some are never registered, whatever their rate is said to be: h for every one of the others, h by a Lomax law of
  shape 2, most often next to none and now and then many. Where nearly everybody is in view this is most of what may
  be missed;
* what the rates say of the others is off by δ, τ t_4 on the log of n_0, with one τ below and one above 0.

A register that is itself one of those learned from is answered by what the other studies teach.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mse.answers.departing import POINTS, departed
from mse.answers.distribution import Distribution
from mse.kernels.arrays import Array, Integers
from mse.tables.repeats import RepeatCounts

STORED = Path(__file__).with_name("departures.json")


HIDDEN_POINTS = 40
"""Quantiles that stand for the law of h."""


@dataclass(frozen=True, slots=True)
class RegisterLaw:
    """The law of departures.

    Parameters
    ----------
    scale, upper : float
        τ below and above 0.
    hidden : float
        Scale and mean of h: the never registered per one of the others.
    problems : int
        Known sizes that it was learned from.
    studies : int
        Studies that they come from.
    """

    scale: float
    upper: float
    hidden: float
    problems: int
    studies: int

    def law(self, unseen: Array, observed: int) -> Distribution:
        """Return the law of N with departures.

        Parameters
        ----------
        unseen : float64 array, shape (POINTS,)
            Equally likely values of log(n_0 + ½) if the law of the counts held.
        observed : int
            Persons in the register.
        """
        places = np.sort(with_hidden(unseen, observed, self.hidden).ravel())
        middles = (np.arange(POINTS) + 0.5) / POINTS * places.size
        return departed(places[middles.astype(np.intp)], observed, 0.0, self.scale, self.upper)


def with_hidden(unseen: Array, observed: int, mean: float) -> Array:
    """Return equally likely log(n_0 + ½) with the never registered among n_0, a row for each of HIDDEN_POINTS h."""
    h = mean * ((1.0 - (np.arange(HIDDEN_POINTS) + 0.5) / HIDDEN_POINTS) ** -0.5 - 1.0)
    everybody = np.logaddexp(unseen, math.log(observed))
    return np.asarray(np.logaddexp(unseen, np.log(h)[:, None] + everybody))


class Library(NamedTuple):
    """What was learned: from everything, and without each study; and which register is of which study."""

    everything: RegisterLaw
    without: Mapping[str, RegisterLaw]
    studies: Mapping[str, str]

    def for_register(self, table: RepeatCounts) -> tuple[RegisterLaw, str | None]:
        """Return the law for a register, and the study that was left out of it."""
        study = self.studies.get(frequency_digest(table.frequencies()))
        return (self.everything, None) if study is None else (self.without[study], study)


def frequency_digest(frequencies: Integers) -> str:
    """Return the SHA-256 of f_1, f_2, …, in hexadecimal."""
    return hashlib.sha256(frequencies.astype("<i8").tobytes()).hexdigest()


@cache
def library() -> Library:
    """Return what ships with the package."""
    return read(json.loads(STORED.read_text(encoding="utf-8")))


def read(stored: Mapping[str, Any]) -> Library:
    """Return a library from its plain values."""
    return Library(
        RegisterLaw(**stored["everything"]),
        {study: RegisterLaw(**law) for study, law in stored["without"].items()},
        {digest: study for study, digests in stored["studies"].items() for digest in digests},
    )
