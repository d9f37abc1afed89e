"""How a name and a date of birth are written before they are hashed, so that the same person gets the same hash.

The rules, in this order:

1. **Letters.** Capitals become small; ``ß æ œ ø ð þ ł đ ħ ı ŋ`` become ``ss ae oe o d th l d h i ng``; the rest is
   decomposed (Unicode NFKD) and loses its accents: ``é`` is ``e``, ``ü`` is ``u``, the ligature ``ĳ`` is ``ij``.
   Letters of other scripts than Latin stay as they are and are not transliterated.
2. **Words.** Hyphens, apostrophes, full stops, commas, digits and spaces separate words and then go: "Jansen-de Vries"
   and "Jansen de Vries" are the same.
3. **Particles** of a surname ("van", "van der", "'t", "von", "el", "al", ...: `PARTICLES`) go wherever they stand, so
   that "van den Berg", "Berg, van den" and "Berg" are the same; when nothing else is left they stay: "De" is "de". A
   particle that is written as one word with the name is part of it: "Vanden Berg" is "vandenberg".
4. **Given name**: the first word. "Maria Anna", "Maria-Anna" and "MARIA" are "maria"; "M.A." is "m". The **initial** is
   its first letter. Given names after the first are no part of the hash, and follow it in digits of their own.
5. **Date of birth**: to ISO, "1990-02-03", by the formats that the supplier names (`mse.intake.writtendates`). A day or
   month of 0 (not known) leaves only the year; a day that does not exist leaves nothing.
6. **Sound** of a surname: `sound`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from itertools import takewhile

from mse.intake.writtendates import written_date, year_of

PARTICLES = frozenset(
    "a aan af al am auf bij bin bint d da das de del della den der des di do dos du e el het ibn in l la las le les lo"
    " los met of onder op over s t te ten ter the toe tot uijt uit und v van vd vda vdr ver vom von voor y zu zum"
    " zur".split()
)
"""Words that are left out of a surname."""

_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "þ": "th", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "ŋ": "ng"}
)


def words(text: str) -> list[str]:
    """Return the words of a name in small letters without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)).casefold()
    if not plain.isascii():
        plain = "".join(x for x in plain if not unicodedata.category(x).startswith("M"))
    return "".join(x if x.isalpha() else " " for x in plain).split()


def surname(text: str) -> str:
    """Return a surname as it is hashed; empty when there is no letter in it."""
    found = words(text)
    return "".join([word for word in found if word not in PARTICLES] or found)


def first_word(text: str) -> str:
    """Return the first word of a name that is no particle, the first one where all are; empty without a letter."""
    found = words(text)
    return next((word for word in found if word not in PARTICLES), "".join(found[:1]))


def given_name(text: str) -> str:
    """Return the first given name as it is hashed; empty when there is no letter in it."""
    return next(iter(words(text)), "")


MOST = 4
"""Given names after the first that are looked at."""


def later_names(text: str) -> tuple[str, ...]:
    """Return the given names after the first, up to the first that is only a letter, as they are hashed."""
    return tuple(takewhile(lambda word: len(word) > 1 or not word.isascii(), words(text)[1 : MOST + 1]))


# What is replaced, in this order; a vowel that is not at the start is dropped at the end.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("e?ij|[ae][iy]", "y"),
        ("^y(?=[aeou])", "j"),
        ("tsj|tch|tsch|tj|cz", "s"),
        ("sch(?=[mnlrwt]|$)|[sz]h|sj|sz|zs", "s"),
        ("ph|v|w$", "f"),
        ("c?kx", "ks"),
        ("ck|cq|qu?|kh", "k"),
        ("c(?=[eiy])|z|tz", "s"),
        ("[cg]h", "g"),
        ("c", "k"),
        ("x", "ks"),
        ("dt|th", "t"),
        ("dj", "j"),
        ("d$", "t"),
        ("b$", "p"),
        ("(?<=.)h", ""),
        (r"(.)\1+", r"\1"),
        ("^[aeiouy]+", "A"),
        ("[aeiouy]", ""),
    )
)
_LONGEST = 8


def sound(name: str) -> str:
    """Return how a surname sounds, after Dutch ears: its consonants in classes, and whether it starts with a vowel.

    Parameters
    ----------
    name : str
        As `surname` returns it.

    Returns
    -------
    str
        At most eight signs. ``ij``, ``ei`` and ``y`` count as one vowel, ``v`` as ``f``, ``z`` as ``s``, ``c`` and
        ``q`` as ``k`` or ``s``, ``ch`` and ``gh`` as ``g``, ``dt``, ``th`` and a last ``d`` as ``t``, ``sj`` and a last
        ``sch`` as ``s``; double letters count once, and vowels and ``h`` only at the start: Jansen and Janssen are
        ``jnsn``; Dijk and Dyck ``dk``; Schmidt, Smid and Smit ``smt``; Mohammed and Muhamed ``mmt``. A name in another
        script sounds as it is written.
    """
    if not name.isascii():
        return name
    code = name
    for pattern, heard in _SOUNDS:
        code = pattern.sub(heard, code)
    return code[:_LONGEST]


def birth_date(text: str, formats: Sequence[str]) -> tuple[str, str]:
    """Return a date of birth in ISO and its year; empty where they are not known.

    Parameters
    ----------
    text : str
        As the supplier writes it.
    formats : sequence of str
        As `mse.intake.writtendates` reads them, tried in this order.
    """
    for pattern in formats:
        if found := written_date(pattern).fits(text.strip()):
            year, month, day = year_of(found), int(found["m"]), int(found["d"])
            try:
                return date(year, month, day).isoformat(), str(year)
            except ValueError:
                return "", f"{year}" if 0 in (month, day) and year else ""
    return "", ""
