"""Who the registered persons are on paper: synthetic names and dates of birth, no two persons the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Flags, Integers, Texts
from mse.simulate.names import FEMALE, MALE, SURNAMES, read_names
from mse.simulate.weather import Weather


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
    nationality: Integers, male: Integers, birth_year: Integers, groups: tuple[str, ...], rng: np.random.Generator,
    weather: Weather | None = None, home: Integers | None = None, kin: np.random.Generator | None = None,
) -> Identities:  # fmt: skip
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
    weather : Weather, optional
        How many names there are, how many have two surnames, how many have relatives among the others.
    home : int64 array, shape (M,), optional
        Where a person lives: relatives live in one place.
    kin : Generator, optional
        Random numbers of the relatives.

    Returns
    -------
    Identities
        No two persons share surname, given name and date of birth.
    """
    n, weather = nationality.size, weather or Weather()
    surnames, given_names = _all_names(SURNAMES), _all_names(FEMALE, MALE)
    family, second, given = (np.zeros(n, dtype=np.int64) for _ in range(3))
    for place, group in enumerate(groups):
        of_group = nationality == place
        pool = _pool(SURNAMES, group, surnames)[: weather.names]
        family[of_group], second[of_group] = (_common_first(pool, of_group.sum(), rng) for _ in range(2))
        for sex, table in enumerate((FEMALE, MALE)):
            both = of_group & (male == sex)
            given[both] = _common_first(_pool(table, group, given_names)[: weather.names], both.sum(), rng)
    alone = (rng.random(n) >= weather.double_surnames) | (family == second)
    second[alone] = len(surnames)
    days = (birth_year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    offset = rng.integers(0, 365, n)
    if weather.relatives and kin is not None and home is not None:
        who, of, twin = _relatives(np.stack([nationality, home, birth_year]), weather.relatives, kin)
        family[who], second[who] = family[of], second[of]
        offset[who[twin]] = offset[of[twin]]
    names = (family * (len(surnames) + 1) + second) * len(given_names) + given
    first, last = (int(days.min()), int(days.max())) if n else (0, 0)
    names = names * (last - first + 365) - first
    while (again := _repeated(names + days + offset)).any():
        offset[again] = (offset[again] + rng.integers(1, 365, again.sum())) % 365
    family_names = np.array(surnames, dtype=object)[family]
    double = np.flatnonzero(second < len(surnames))
    family_names[double] += np.array([f"-{name}" for name in surnames], dtype=object)[second[double]]
    return Identities(family_names, np.array(given_names, dtype=object)[given], (days + offset).astype("datetime64[D]"))


def _relatives(place: Integers, share: float, rng: np.random.Generator) -> tuple[Integers, Integers, Flags]:
    """Return who is a relative of whom, and which of them are twins.

    Parameters
    ----------
    place : int64 array, shape (3, M)
        Group, home and year of birth of everybody.
    share : float
        Part who is a relative of an earlier one.
    rng : Generator
        Random numbers.
    """
    order = np.lexsort((rng.random(place.shape[1]), *place[::-1]))
    one, next_one = order[:-1], order[1:]
    together = (place[:2, one] == place[:2, next_one]).all(axis=0)
    chosen = together & (rng.random(one.size) < share)
    chosen[1:] &= ~chosen[:-1]  # nobody passes on a name that came from somebody else
    who, of = next_one[chosen], one[chosen]
    return who, of, (place[2, who] == place[2, of]) & (rng.random(who.size) < 0.5)


def _repeated(number: Integers) -> Flags:
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
