"""Who the registered persons are on paper: synthetic names and dates of birth, no two persons the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mse.simulate.names import FEMALE, MALE, SURNAMES, read_names

Texts = npt.NDArray[np.object_]
Integers = npt.NDArray[np.int64]

DOUBLE_SURNAMES = 0.04
"""Part of the persons with two surnames joined by a hyphen."""


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """One row per person.

    Parameters
    ----------
    surname, given_name : object array of str, shape (M,)
        As on the passport.
    birth_date : datetime64[D] array, shape (M,)
        Day.
    """

    surname: Texts
    given_name: Texts
    birth_date: npt.NDArray[np.datetime64]


def draw_identities(
    nationality: Integers, male: Integers, birth_year: Integers, groups: tuple[str, ...], rng: np.random.Generator
) -> Identities:
    """Draw names and a day of birth for every person.

    Parameters
    ----------
    nationality : int64 array, shape (M,)
        Place in `groups`; a group without names of its own takes those of all.
    male : int64 array, shape (M,)
        1 for a man, 0 for a woman.
    birth_year : int64 array, shape (M,)
        Calendar year.
    groups : tuple of str
        Nationality groups.
    rng : Generator
        Random numbers.

    Returns
    -------
    Identities
        No two persons share surname, given name and date of birth.
    """
    n = nationality.size
    surnames, given_names = _all_names(SURNAMES), _all_names(FEMALE, MALE)
    family, second, given = (np.zeros(n, dtype=np.int64) for _ in range(3))
    for place, group in enumerate(groups):
        of_group = nationality == place
        pool = _pool(SURNAMES, group, surnames)
        family[of_group], second[of_group] = (_common_first(pool, of_group.sum(), rng) for _ in range(2))
        for sex, table in enumerate((FEMALE, MALE)):
            both = of_group & (male == sex)
            given[both] = _common_first(_pool(table, group, given_names), both.sum(), rng)
    alone = (rng.random(n) >= DOUBLE_SURNAMES) | (family == second)
    second[alone] = len(surnames)
    days = (birth_year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    offset = rng.integers(0, 365, n)
    names = (family * (len(surnames) + 1) + second) * len(given_names) + given
    first, last = (int(days.min()), int(days.max())) if n else (0, 0)
    names = names * (last - first + 365) - first
    while (again := _repeated(names + days + offset)).any():
        offset[again] = (offset[again] + rng.integers(1, 365, again.sum())) % 365
    family_names = np.array(surnames, dtype=object)[family]
    double = np.flatnonzero(~alone)
    family_names[double] += np.array([f"-{name}" for name in surnames], dtype=object)[second[double]]
    return Identities(family_names, np.array(given_names, dtype=object)[given], (days + offset).astype("datetime64[D]"))


def _repeated(number: Integers) -> npt.NDArray[np.bool_]:
    """Return who has the number of somebody earlier."""
    same = np.ones(number.size, dtype=bool)
    same[np.unique(number, return_index=True)[1]] = False
    return same


@cache
def _names(text: str) -> tuple[str, ...]:
    return read_names(text)


def _all_names(*tables: Mapping[str, str]) -> tuple[str, ...]:
    """Return every name once."""
    return tuple(dict.fromkeys(name for table in tables for text in table.values() for name in _names(text)))


def _pool(table: Mapping[str, str], group: str, names: tuple[str, ...]) -> Integers:
    """Return the places in `names` of the names of a group."""
    place = {name: i for i, name in enumerate(names)}
    own = _names(table[group]) if group in table else _all_names(table)
    return np.array([place[name] for name in own], dtype=np.int64)


def _common_first(pool: Integers, n: int, rng: np.random.Generator) -> Integers:
    """Draw from a pool in which the first names are the most common ones."""
    weight = 1 / (np.arange(pool.size) + 8.0)
    return pool[np.searchsorted(np.cumsum(weight / weight.sum())[:-1], rng.random(n))]
