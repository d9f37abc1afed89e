"""What goes wrong when an identity is written down: other spellings, and errors that change it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from mse.kernels.arrays import Texts

Identity = tuple[str, str, str]
"""Surname, given name, date of birth as YYYY-MM-DD."""

LETTERS = "abcdefghijklmnoprstuvwyz"
UNLIKE = str.maketrans({"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss", "ø": "o", "æ": "ae"})
"""Letters that decomposition leaves alone."""


def spelled_otherwise(surname: str, given_name: str, how: float) -> tuple[str, str]:
    """Return the same name in another spelling, which differs in capitals, accents, hyphens and blanks only.

    Parameters
    ----------
    surname, given_name : str
        As on the passport.
    how : float
        Uniform random number that chooses.
    """
    ways: list[Callable[[str], str]] = [str.upper, str.lower, without_accents, _with_blanks, str.title]
    spellings = [(way(surname), way(given_name)) for way in ways]
    other = [spelling for spelling in spellings if spelling != (surname, given_name)]
    return other[int(how * len(other))]


def without_accents(name: str) -> str:
    """Return a name in plain letters."""
    decomposed = unicodedata.normalize("NFKD", name.translate(UNLIKE))
    return "".join(x for x in decomposed if not unicodedata.combining(x))


def _with_blanks(name: str) -> str:
    """Return a name with a blank for every hyphen."""
    return name.replace("-", " ")


def wrong_identity(identity: Identity, rng: np.random.Generator) -> Identity:
    """Return an identity with one error that normalisation does not undo.

    In 45 of 100 cases it is a typing error in the surname, in 20 in the given name, in 20 in the date of birth; in 10
    the given name is an initial, and in 5 surname and given name have changed places.
    """
    surname, given_name, birth_date = identity
    kind = rng.random()
    if kind < 0.45:
        return mistyped(surname, rng), given_name, birth_date
    if kind < 0.65:
        first, *others = re.split("(?=[ -])", given_name)
        return surname, "".join([mistyped(first, rng), *others]), birth_date
    if kind < 0.85:
        return surname, given_name, wrong_date(birth_date, rng)
    if kind < 0.95:
        return surname, f"{given_name[0]}.", birth_date
    return given_name, surname, birth_date


def mistyped(name: str, rng: np.random.Generator) -> str:
    """Return a name with one letter of its last word wrong, missing, doubled by another, or exchanged with the next."""
    head, blank, word = name.rpartition(" ")
    places = [i for i, x in enumerate(word) if x.isalpha()]
    place = places[int(rng.integers(len(places)))]
    before, letter, after = word[:place], word[place], word[place + 1 :]
    plain = without_accents(letter).lower()
    others = LETTERS.replace(plain[:1], "")
    other = others[int(rng.integers(len(others)))]
    kind = int(rng.integers(4))
    if kind == 0 and len(places) > 3:
        wrong = before + after
    elif kind == 1:
        wrong = f"{before}{letter}{other}{after}"
    elif kind == 2 and after[:1].isalpha() and without_accents(after[0]).lower() != plain:
        wrong = before + (after[0].upper() if letter.isupper() else after[0]) + letter.lower() + after[1:]
    else:
        wrong = before + (other.upper() if letter.isupper() else other) + after
    return f"{head}{blank}{wrong}"


def wrong_date(birth_date: str, rng: np.random.Generator) -> str:
    """Return a date of birth with day and month exchanged, or a day, a month or a year off."""
    born = date.fromisoformat(birth_date)
    kind = int(rng.integers(4))
    if kind == 0 and born.day <= 12 and born.day != born.month:
        return born.replace(month=born.day, day=born.month).isoformat()
    if kind == 1:
        return (born + timedelta(days=int(rng.choice([-10, -1, 1, 10])))).isoformat()
    if kind == 2:
        return born.replace(month=born.month % 12 + 1, day=min(born.day, 28)).isoformat()
    return born.replace(year=born.year + int(rng.choice([-10, -1, 1])), day=min(born.day, 28)).isoformat()


def dirty_identities(
    surname: Texts, given_name: Texts, birth_date: Texts, errors: float, variants: float, rng: np.random.Generator
) -> tuple[Texts, Texts, Texts]:
    """Return identities as they are written down, some of them in another spelling, some of them wrong.

    Parameters
    ----------
    surname, given_name, birth_date : object array of str, shape (n,)
        As on the passport; dates as YYYY-MM-DD.
    errors, variants : float
        Part that is wrong, and part that is spelled otherwise.
    rng : Generator
        Random numbers.
    """
    surname, given_name, birth_date = surname.copy(), given_name.copy(), birth_date.copy()
    spelling, how, wrong = (rng.random(surname.size) for _ in range(3))
    for i in np.flatnonzero(wrong < errors):
        true = (surname[i], given_name[i], birth_date[i])
        surname[i], given_name[i], birth_date[i] = wrong_identity(true, rng)
    for i in np.flatnonzero(spelling < variants):
        surname[i], given_name[i] = spelled_otherwise(surname[i], given_name[i], how[i])
    return surname, given_name, birth_date
