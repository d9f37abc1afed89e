"""What is compared between registrations, as values: a comparison with its levels, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mse.intake.linkage.evidence import Codes, Records
from mse.kernels.arrays import Array, Flags, Integers

Levels = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison and its levels.

    Parameters
    ----------
    name : str
        What is compared.
    levels : tuple of str
        What each level means.
    domain : tuple of int
        The domain of every level.
    given, surname : tuple of bool
        Whether the given names, or the surnames, are equal on it; empty where that is not asked.
    kind : {"names", "birth", "part", "context"}
        How its probabilities are found.
    """

    name: str
    levels: tuple[str, ...]
    domain: tuple[int, ...]
    kind: str
    given: tuple[bool, ...] = ()
    surname: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is compared in these registers.

    Parameters
    ----------
    records : Records
        The registrations.
    comparisons : tuple of Comparison
        In the order of the columns that `mse.intake.linkage.comparing.levels_of_pairs` gives.
    full : int32 array, shape (R,)
        Codes of the full name; of the only name where there is one.
    common : int64 array, shape (R,)
        How many pseudonyms have it.
    shared : bool array, shape (R,)
        Whether somebody of another surname has the given name.
    weights : mapping of str to float64 array, shape (groups, 2)
        Weight of every label when it is equal, and when it is not; empty as long as they are not known, and every label
        is a comparison of its own.
    """

    records: Records
    comparisons: tuple[Comparison, ...]
    full: Codes
    common: Integers
    shared: Flags
    weights: Mapping[str, Array] = MappingProxyType({})


def are_equal(code: Codes, left: Integers, right: Integers) -> Flags:
    """Return whether both are known and equal."""
    return np.asarray((code[left] == code[right]) & (code[left] >= 0))


def equality(code: Codes, left: Integers, right: Integers) -> Levels:
    """Return 0 for equal, 1 for different, -1 where one is missing."""
    a, b = code[left], code[right]
    return np.where((a < 0) | (b < 0), -1, (a != b).astype(np.int16)).astype(np.int16)
