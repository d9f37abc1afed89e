"""Identities as bad days leave them: no date of birth, placeholders, other ears, particles and halves of surnames."""

from __future__ import annotations

import re

import numpy as np

from mse.kernels.arrays import Texts
from mse.simulate.weather import Weather

SURNAMELESS = ("Onbekend", "N.N.", "Unknown", "?")
"""What is written where no surname is known."""
DAY_UNKNOWN = "1900-01-01"

EARS = (
    ("ij", "y"), ("sch", "sh"), ("sh", "sch"), ("ou", "u"), ("oe", "u"), ("ö", "oe"), ("ü", "ue"), ("ä", "ae"),
    ("ş", "sh"), ("ç", "ch"), ("đ", "dj"), ("ć", "ch"), ("ł", "w"), ("kh", "ch"), ("aa", "a"), ("ee", "e"), ("ch", "g"),
    ("mm", "m"), ("ss", "s"), ("nn", "n"), ("ll", "l"), ("ph", "f"), ("w", "v"), ("v", "w"), ("c", "k"), ("k", "c"),
    ("y", "i"), ("z", "s"), ("j", "y"), ("dt", "t"), ("d", "t"), ("h", ""), ("e", "a"), ("o", "u"), ("i", "e"),
    ("a", "e"),
)  # fmt: skip
"""What one clerk hears and another one writes."""

PARTICLE = re.compile(r"^((?:[a-z']+ )+)(?=[A-Z])")


def fouled(
    surname: Texts, given_name: Texts, birth_date: Texts, weather: Weather, rng: np.random.Generator
) -> tuple[Texts, Texts, Texts]:
    """Return identities with what the weather does to them.

    Parameters
    ----------
    surname, given_name, birth_date : object array of str, shape (n,)
        As written down; dates as YYYY-MM-DD.
    weather : Weather
        How much of what.
    rng : Generator
        Random numbers; as many are drawn whatever is switched on.

    Returns
    -------
    tuple of object array
        The three; None for a date of birth that is missing.
    """
    surname, given_name, birth_date = surname.copy(), given_name.copy(), birth_date.copy()
    chance, how = rng.random((5, surname.size)), rng.random((2, surname.size))
    for i in np.flatnonzero(chance[0] < weather.half_surnames):
        surname[i] = half(surname[i], how[0, i])
    for i in np.flatnonzero(chance[1] < weather.particles):
        surname[i] = particle_elsewhere(surname[i], how[0, i])
    for i in np.flatnonzero(chance[2] < weather.transliterations):
        if how[1, i] < 0.6:
            surname[i] = heard(surname[i], how[0, i])
        else:
            given_name[i] = heard(given_name[i], how[0, i])
    for i in np.flatnonzero(chance[3] < weather.placeholders):
        if how[1, i] < 0.5:
            surname[i] = SURNAMELESS[int(how[0, i] * len(SURNAMELESS))]
        else:
            birth_date[i] = DAY_UNKNOWN
    birth_date[chance[4] < weather.births_missing] = None
    return surname, given_name, birth_date


def half(surname: str, how: float) -> str:
    """Return one of the two surnames of somebody who has two; the surname of anybody else as it is."""
    parts = surname.split("-")
    return parts[int(how * len(parts))]


def particle_elsewhere(surname: str, how: float) -> str:
    """Return a surname without its particles, or with them behind it: "Berg", or "Berg, van den"."""
    found = PARTICLE.match(surname)
    if found is None:
        return surname
    rest = surname[found.end() :]
    return rest if how < 0.5 else f"{rest}, {found[1].strip()}"


def heard(name: str, how: float) -> str:
    """Return a name as another clerk hears it: one sound in other letters, behind its first letter."""
    head, small = name[:1], name[1:]
    fits = [(old, new) for old, new in EARS if old in small]
    if not fits:
        return name
    old, new = fits[int(how * len(fits))]
    return head + small.replace(old, new, 1)
