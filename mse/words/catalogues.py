"""Message catalogues: the words of one language for every code, and its way to write numbers.

A catalogue is the files ``messages``, ``said`` and ``faults`` of a language among the templates; English is one like
any other. Names in braces are filled in. After a colon stands how a value is written:

* a number: ``share``, ``level`` (of an interval), ``factor``, ``persons`` (three digits), ``number`` (whole), ``word``,
  ``.2f`` or ``.1%`` (so many decimals), ``g``; without any, two decimals at most;
* several values: ``comma`` or ``semicolon`` between them; "a, b and c" without any;
* a name: ``pair`` for "A:B" as "A and B", ``terms`` as "A × B", ``capital``, ``quoted``: forty characters at most.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

from mse.words import numerals
from mse.words.beside import folder_beside

FILES = ("messages", "said", "faults")
"""First parts of the names of the files that make up a catalogue."""

QUOTED = 40
"""Most characters of a text that somebody else wrote."""

_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DECIMALS = re.compile(r"\.(\d)([f%])")


@runtime_checkable
class Spoken(Protocol):
    """What has a code and values, of which a catalogue makes words."""

    @property
    def code(self) -> str:
        """Key of the words."""

    @property
    def values(self) -> tuple[tuple[str, object], ...]:
        """What is filled in, by name."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Messages in one language, and its way to write numbers.

    Parameters
    ----------
    language : str
        Two letters, for example ``"en"``.
    messages : mapping of str to str
        Templates by dotted key, for example ``"headline.sentence"``.
    """

    language: str
    messages: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a message with its names filled in."""
        return self.messages[key].format(**values)

    def said(self, what: Spoken) -> str:
        """Return the words for a code with its values."""
        return self.messages[what.code].format(**{name: in_words(value, self) for name, value in what.values})

    def known(self, section: str, name: str) -> str:
        """Return what the catalogue calls a name, or the name as it is with spaces for underscores."""
        return self.messages.get(f"{section}.{name}", name.replace("_", " "))

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with the language's separators."""
        if not math.isfinite(value):
            return self.messages["format.infinite"]
        return numerals.decimal(value, digits, self._locale)

    def figure(self, value: float) -> str:
        """Return a figure of the computation to four significant digits, whole when it is large."""
        return numerals.figure(value, self._locale) if math.isfinite(value) else self.messages["format.infinite"]

    def percent(self, share: float) -> str:
        """Return a share in whole percent; a probability between 99 and 100 percent keeps its decimals."""
        if share > 0 and round(100 * share) == 0:
            return self.messages["format.small_percent"]
        if share < 1 and round(100 * share) == 100:
            return self.messages["format.large_percent"]
        return self.percentage(share, 0)

    def percentage(self, share: float, digits: int) -> str:
        """Return a share in percent with so many decimals."""
        if not math.isfinite(share):
            return self.messages["format.infinite"]
        return numerals.percentage(share, digits, self._locale)

    def share(self, share: float, most: int = 1) -> str:
        """Return a share that is rounded already, in percent, with as many decimals as it has, `most` at most."""
        exact = (d for d in range(most) if math.isclose(100 * share, round(100 * share, d), abs_tol=1e-6))
        return self.percentage(share, next(exact, most))

    def change(self, log_ratio: float) -> str:
        """Return a log ratio as a change in percent, "+12%" or "−5%"."""
        share = round(100 * math.expm1(log_ratio))
        sign = "+" if share > 0 else ""
        text = self.percentage(share / 100, 0)
        return numerals.printed_as(text, sign + text)

    def level(self, prob: float) -> str:
        """Return the probability of an interval, "95%" or "99.5%"."""
        return self.percentage(prob, 0 if math.isclose(100 * prob, round(100 * prob)) else 1)

    def count_word(self, count: int) -> str:
        """Return a small count as a word."""
        return self.messages[f"format.{_COUNTS[count]}"] if 0 <= count < len(_COUNTS) else self.number(count)

    def listing(self, items: Sequence[str]) -> str:
        """Return "a, b and c"."""
        return numerals.listing(items, self._locale)

    def date(self, text: str) -> str:
        """Return a day written as 2026-11-20 in words; anything else as it is."""
        return numerals.date(text, self._locale)

    def month(self, year: int, month: int) -> str:
        """Return a month of a year in words."""
        return numerals.month(year, month, self._locale)

    def shortened(self, text: str, length: int) -> str:
        """Return the text cut to a length, with an ellipsis where something is missing."""
        return text if len(text) <= length else text[: length - 1].rstrip() + self.messages["format.ellipsis"]

    def range(self, low: float, high: float) -> str:
        """Return "9,000 to 22,000", or "9,000 or more" without an upper end."""
        if not math.isfinite(high):
            text = self("format.at_least", low=self.number(low))
            return numerals.printed_as("", text, low=self.number(low), high=self.number(high))
        return self.span(self.number(low), self.number(high))

    def span(self, low: str, high: str) -> str:
        """Return "9,000 to 22,000" of two numbers that are written already."""
        return numerals.printed_as("", self("format.range", low=low, high=high), low=low, high=high)

    @property
    def _locale(self) -> str:
        return self.messages["format.locale"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in a template, which says after a colon how it is written."""

    value: float
    say: Catalogue

    def __format__(self, how: str) -> str:
        """Return the number in words."""
        value, say = self.value, self.say
        decimals = _DECIMALS.fullmatch(how)
        if decimals:
            write = say.number if decimals[2] == "f" else say.percentage
            return write(value, int(decimals[1]))
        match how:
            case "share":
                return say.percent(value)
            case "level":
                return say.level(value)
            case "factor":
                return say.number(value, 1 if math.isfinite(value) else 0)
            case "persons":
                return say.number(numerals.round_point(value))
            case "number":
                return say.number(value)
            case "word":
                return say.count_word(round(value))
            case "g":
                return say.figure(value)
            case _:
                return say.figure(round(value, 2) if abs(value) >= 0.1 else value)


@dataclass(frozen=True, slots=True)
class Name:
    """A name or phrase in a template; lists that are given as ``A:B`` are "A and B" with ``:pair``."""

    text: str
    say: Catalogue

    def __format__(self, how: str) -> str:
        """Return the name."""
        match how:
            case "pair":
                return self.say.listing(self.text.split(":"))
            case "terms":
                return " × ".join(self.text.split(":"))
            case "capital":
                return numerals.capital(self.text)
            case "quoted":
                return repr(self.text if len(self.text) <= QUOTED else self.text[: QUOTED - 1] + "…")
            case _:
                return self.text


@dataclass(frozen=True, slots=True)
class Several:
    """Several values in a template, each of which may be a number, a name or a phrase."""

    items: tuple[object, ...]
    say: Catalogue

    def __format__(self, how: str) -> str:
        """Return them one after the other."""
        between = {"comma": ", ", "semicolon": "; "}.get(how)
        words = [format(item, "" if between or not how else how) for item in self.items]
        return self.say.listing(words) if between is None else between.join(words)


def in_words(value: object, say: Catalogue) -> object:
    """Return a value as a template takes it."""
    if isinstance(value, tuple | list):
        return Several(tuple(in_words(item, say) for item in value), say)
    if isinstance(value, Spoken):
        return Name(say.said(value), say)
    return Figure(value, say) if isinstance(value, int | float) else Name(str(value), say)


def languages_there_are() -> tuple[str, ...]:
    """Return the languages that have a catalogue."""
    found = folder_beside("reports/templates").glob(f"{FILES[0]}.*.toml")
    return tuple(sorted(path.name.split(".")[1] for path in found))


@lru_cache(maxsize=8)
def catalogue(language: str = "en") -> Catalogue:
    """Return the words of one language.

    Raises
    ------
    LookupError
        When there is no catalogue for it.
    """
    if language not in languages_there_are():
        raise LookupError(language)
    messages: dict[str, str] = {}
    for name in FILES:
        path = folder_beside("reports/templates") / f"{name}.{language}.toml"
        messages |= _flat(tomllib.loads(path.read_text(encoding="utf-8")))
    return Catalogue(language, messages)


def _flat(tree: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = str(value)
    return found
