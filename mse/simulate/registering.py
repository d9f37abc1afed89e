"""The registers of a simulated nation: one row per registration, as the supplier has it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Integers, Texts
from mse.simulate.dirt import dirty_identities
from mse.simulate.foulweather import fouled
from mse.simulate.identities import Identities, draw_identities
from mse.simulate.lists import Captures
from mse.simulate.spec import SimulateSpec
from mse.simulate.victims import Population

if TYPE_CHECKING:
    import pandas as pd


REPORT_LAG = 10.0
"""Days between coming into view and being registered, mean."""
REFERRAL_LAG = 14.0
"""Days between the registration of the sender and that of the receiver, mean."""
ENTRY_LAG = 7.0
"""Days between registration and entry into the register, mean."""
LABELS = ("sex", "age", "nationality", "region", "form")
SEVERAL = "|"
"""Between two forms of exploitation in one cell."""


def extraction_dates(spec: SimulateSpec) -> tuple[date, ...]:
    """Return the day on which each delivery was drawn from the registers: one, or two when some come late."""
    first = date(spec.last_year + 1, 1, 31)
    two = bool(spec.late) or spec.weather.entry_days is not None
    return (first, date(spec.last_year + 1, 7, 31)) if two else (first,)


def draw_registers(
    spec: SimulateSpec, population: Population, captures: Captures, seed: int
) -> dict[str, pd.DataFrame]:
    """Draw what stands in each register; see `mse.simulate.national.Simulated` for the columns."""
    seen = np.flatnonzero(captures.on.any(axis=1))
    persons, first, number = np.unique(population.person[seen], return_index=True, return_inverse=True)
    who = seen[first]
    identities = draw_identities(
        population.codes["nationality"][who].astype(np.int64), population.codes["sex"][who].astype(np.int64),
        population.birth_year[who].astype(np.int64), spec.nationalities, np.random.default_rng([seed, 5]),
        spec.weather, population.codes["region"][who].astype(np.int64), np.random.default_rng([seed, 11]),
    )  # fmt: skip
    days = _registration_days(population.day[seen], captures.sender[seen], np.random.default_rng([seed, 6]))
    out = {}
    for j, name in enumerate(spec.lists):
        rows = np.flatnonzero(captures.on[seen, j])
        victims = seen[rows]
        sender = captures.sender[victims, j].astype(np.int64)
        out[name] = _register(spec, population, identities, victims, number[rows], days[rows, j], sender, j, seed)
    return out


def _registration_days(day: npt.NDArray[np.int16], sender: npt.NDArray[np.int8], rng: np.random.Generator) -> Integers:
    """Return the day of the year of each registration, shape (V, K), after the sender's and within the year."""
    lag = rng.standard_exponential(sender.shape)
    own = np.minimum(day[:, None] + (lag * REPORT_LAG).astype(np.int64), 364)
    sent, receiver = np.nonzero(sender >= 0)
    later = own[sent, sender[sent, receiver]] + 1 + (lag[sent, receiver] * REFERRAL_LAG).astype(np.int64)
    own[sent, receiver] = np.minimum(later, 364)
    return own


def _register(
    spec: SimulateSpec, population: Population, identities: Identities, victims: Integers, number: Integers,
    day: Integers, sender: Integers, place: int, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Return one register: its victims, their number among the identities, the day of the year, who sent them."""
    import pandas as pd

    again, wrong, blank, entry = (np.random.default_rng([seed, stream, place]) for stream in (7, 8, 9, 10))
    chance = again.random(victims.size)
    # Half of the duplicates are made now, as new rows some days later; the other half are copies, made at the end.
    twice = np.flatnonzero(chance < spec.duplicates / 2)
    day = np.concatenate([day, np.minimum(day[twice] + again.integers(1, 60, twice.size), 364)])
    victims, number, sender = (np.concatenate([x, x[twice]]) for x in (victims, number, sender))
    copied = np.flatnonzero((chance >= spec.duplicates / 2) & (chance < spec.duplicates))
    n = victims.size

    year = population.codes["year"][victims].astype(np.int64)
    starts = np.array([date(y, 1, 1) for y in spec.years], dtype="datetime64[D]").astype(np.int64)
    registered = starts[year] + day
    deliveries = np.array(extraction_dates(spec), dtype="datetime64[D]").astype(np.int64)
    slow = spec.weather.entry_days
    came = registered + (entry.standard_exponential(n) * (ENTRY_LAG if slow is None else slow)).astype(np.int64)
    entered = np.minimum(came, deliveries[0 if slow is None else -1])
    late = (entry.random(n) < spec.late) & (year == len(spec.years) - 1)
    if late.any():
        entered[late] = entry.integers(deliveries[0] + 1, deliveries[-1] + 1, late.sum())
    late |= entered > deliveries[0]

    birth_dates = _written(identities.birth_date.astype(np.int64)[number])
    surname, given_name, birth_date = dirty_identities(
        identities.surname[number], identities.given_name[number], birth_dates,
        spec.key_errors, spec.name_variants, wrong,
    )  # fmt: skip
    foul = np.random.default_rng([seed, 12, place])
    surname, given_name, birth_date = fouled(surname, given_name, birth_date, spec.weather, foul)
    columns: dict[str, Texts] = {"surname": surname, "given_name": given_name, "birth_date": birth_date}
    for label in ("sex", "age", "nationality", "region", "form"):
        labels = _form_labels(spec, population, victims) if label == "form" else (
            np.array(spec.levels[label], dtype=object)[population.codes[label][victims]]
        )  # fmt: skip
        if label == "region":
            other = foul.integers(0, len(spec.levels[label]), n)
            moved = foul.random(n) < spec.weather.regions_wrong
            labels[moved] = np.array(spec.levels[label], dtype=object)[other[moved]]
        labels[blank.random(n) < spec.missing.get(label, 0.0)] = None
        columns[label] = labels
    columns |= {"date": _written(registered), "entered": _written(entered)}
    named = np.where(foul.random(n) < spec.weather.senders_named, sender, -1)
    columns["referred_from"] = np.array([*spec.lists, None], dtype=object)[named]
    by_entry = np.argsort(entered, kind="stable")
    order = by_entry[np.sort(np.concatenate([np.arange(n), np.argsort(by_entry)[copied]]))]
    texts = pd.StringDtype(na_value=np.nan)  # before pandas 3 "str" would write what is missing as a word
    frame = pd.DataFrame({name: pd.array(values[order], dtype=texts) for name, values in columns.items()})
    record = np.concatenate([[0], np.cumsum(order[1:] != order[:-1])]) + 1 if order.size else order
    frame.insert(0, "record", [f"{spec.lists[place]}-{x:07}" for x in record.tolist()])
    frame["delivery"] = 1 + late[order].astype(np.int64)
    frame["person"] = population.person[victims[order]]
    return frame


def _form_labels(spec: SimulateSpec, population: Population, victims: Integers) -> Texts:
    """Return the form of each victim as written down: two where there are two."""
    names = spec.levels["form"]
    both = np.array([[a if a == b else f"{a}{SEVERAL}{b}" for b in names] for a in names], dtype=object)
    return both[population.codes["form"][victims], population.also[victims]]


def _written(day: Integers) -> Texts:
    """Return days since 1970 as YYYY-MM-DD."""
    if not day.size:
        return np.empty(0, dtype=object)
    first = int(day.min())
    every = np.arange(first, int(day.max()) + 1).astype("datetime64[D]")
    return np.datetime_as_string(every).astype(object)[day - first]
