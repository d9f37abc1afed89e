"""Victims of a simulated nation, one row per person and year of victimhood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Array, Integers
from mse.simulate.spec import SimulateSpec

Codes = npt.NDArray[np.int16]

MINOR_AGES = np.arange(8, 18)
MINOR_WEIGHTS = np.array([1, 1, 2, 2, 3, 4, 6, 10, 14, 16]) / 59
ADULT_AGES = np.arange(18, 66)
ADULT_WEIGHTS = np.exp(-0.07 * (ADULT_AGES - 18)) / np.exp(-0.07 * (ADULT_AGES - 18)).sum()
RETURN_LAGS = np.array([0.6, 0.25, 0.15])
"""How long until a victim who returns does so: one, two or three years later."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Victims; V rows, one per person and year, in the order of the years.

    Parameters
    ----------
    person : int64 array, shape (V,)
        Number of the person, from 0; a person who returns has several rows.
    codes : dict of str to int16 array, shape (V,)
        Level of every dimension (year, form, sex, age, nationality, region), by position in ``spec.levels``.
    also : int16 array, shape (V,)
        Position of a second form; equal to the first where there is none.
    birth_year : int16 array, shape (V,)
        Age counts in calendar years: a minor in a year is somebody who turns at most 17 in it.
    day : int16 array, shape (V,)
        Day of the year, from 0, on which the victim comes into view, if at all.
    visibility : float32 array, shape (V,)
        Latent, standard normal, the same in all the years of a person.
    """

    person: Integers
    codes: dict[str, Codes]
    also: Codes
    birth_year: Codes
    day: Codes
    visibility: npt.NDArray[np.float32]


def stratum_shares(spec: SimulateSpec) -> Array:
    """Return how the victims of a year spread: shape (years, forms, 2, 2, nationalities, regions), each year sums to 1.

    Age is minor and adult, sex female and male, as in ``spec.levels``.
    """
    since = np.arange(len(spec.years)) - (len(spec.years) - 1) / 2
    form = np.array([f.share for f in spec.forms]) * np.exp(np.outer(since, [f.trend for f in spec.forms]))
    form /= form.sum(axis=1, keepdims=True)
    sex = np.array([[f.female, 1 - f.female] for f in spec.forms])
    age = np.array([[f.minor, 1 - f.minor] for f in spec.forms])
    nation = np.array([[f.nationality[x] for x in spec.nationalities] for f in spec.forms], dtype=float)
    nation /= nation.sum(axis=1, keepdims=True)
    region = np.array(list(spec.regions.values()), dtype=float)
    out: Array = np.einsum("yf,fs,fa,fn,r->yfsanr", form, sex, age, nation, region / region.sum())
    return out


def expected_victims(spec: SimulateSpec) -> Array:
    """Return the expected victims of each year, shape (years,): a log-linear trend around the mean of the spec."""
    since = np.arange(len(spec.years)) - (len(spec.years) - 1) / 2
    growth = np.exp(spec.trend * since)
    out: Array = spec.victims * spec.scale * growth / growth.mean()
    return out


def draw_population(spec: SimulateSpec, seed: int) -> Population:
    """Draw the victims of all years.

    Those of a year are new ones, Poisson in every stratum, and those who return from earlier years; the new ones
    are so many that the expected total is that of the spec.
    """
    rng, again = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    shares, expected = stratum_shares(spec), expected_victims(spec)
    years = len(spec.years)
    coming: list[list[_Rows]] = [[] for _ in range(years)]
    blocks: list[_Rows] = []
    persons = 0
    for year in range(years):
        back = sum(spec.returns * lag * expected[year - 1 - i] for i, lag in enumerate(RETURN_LAGS) if i < year)
        fresh = _new_victims(spec, year, shares[year] * max(expected[year] - back, 0.0), persons, rng)
        persons += fresh.person.size
        block = _Rows(*(np.concatenate(parts) for parts in zip(fresh, *coming[year], strict=True)))
        blocks.append(block)
        who = np.flatnonzero(again.random(block.person.size) < spec.returns)
        wait = again.choice(RETURN_LAGS.size, who.size, p=RETURN_LAGS) + 1
        for lag in range(1, min(RETURN_LAGS.size, years - 1 - year) + 1):
            coming[year + lag].append(_Rows(*(part[who[wait == lag]] for part in block)))
    person, traits, visibility = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    form, also, sex, nationality, region, born = traits.T
    year_code = np.repeat(np.arange(years), [block.person.size for block in blocks]).astype(np.int16)
    adult = (np.array(spec.years, dtype=np.int16)[year_code] - born >= 18).astype(np.int16)
    codes = {"year": year_code, "form": form, "sex": sex, "age": adult, "nationality": nationality, "region": region}
    day = rng.integers(0, 365, person.size, dtype=np.int16)
    return Population(person, codes, also, born, day, visibility)


class _Rows(NamedTuple):
    """Victims on the way; traits are form, second form, sex, nationality, region, birth year."""

    person: Integers
    traits: Codes
    visibility: npt.NDArray[np.float32]


def _new_victims(spec: SimulateSpec, year: int, mean: Array, first: int, rng: np.random.Generator) -> _Rows:
    """Draw victims who were none before; `mean` is their expected number by stratum, `first` the next person."""
    cell = np.repeat(np.arange(mean.size), rng.poisson(mean.ravel()))
    form, sex, age, nationality, region = np.unravel_index(cell, mean.shape)
    # One uniform number each, whatever the options: a mechanism that is switched off leaves all the others alone.
    how_old, second = rng.random(cell.size), rng.random(cell.size)
    minors = MINOR_AGES[np.searchsorted(np.cumsum(MINOR_WEIGHTS)[:-1], how_old)]
    adults = ADULT_AGES[np.searchsorted(np.cumsum(ADULT_WEIGHTS)[:-1], how_old)]
    born = spec.years[year] - np.where(age == 0, minors, adults)
    cumulated = np.cumsum(_second_forms(spec), axis=1)
    also = (second[:, None] >= cumulated[form, :-1]).sum(axis=1)
    traits = np.stack([form, also, sex, nationality, region, born], axis=1).astype(np.int16)
    return _Rows(np.arange(first, first + cell.size), traits, rng.standard_normal(cell.size, dtype=np.float32))


def _second_forms(spec: SimulateSpec) -> Array:
    """Return the probability of every second form given the first, shape (forms, forms); the first itself for none."""
    names = spec.levels["form"]
    out = np.zeros((len(names), len(names)))
    for i, form in enumerate(spec.forms):
        for other, share in form.also.items():
            out[i, names.index(other)] = share if spec.two_forms else 0.0
        out[i, i] = 1 - out[i].sum()
    return out
