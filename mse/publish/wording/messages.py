"""Message catalogues: the sentences of one language, and its way to write numbers."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mse.errors import InputError, Problem
from mse.publish.wording.rounding import round_point
from mse.shipped import shipped_names, shipped_path

SOURCE = "en"
"""Language of the words that methods and tables bring along."""

_NUMBER = re.compile(r"-?\d{1,3}(,\d{3})*(\.\d+)?")
"""A count or a decimal as methods write it; four digits without a comma are a year."""

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


@dataclass(frozen=True, slots=True)
class Words:
    """A text, its language where that is not the page's own, and an address of the web where it has one."""

    text: str
    language: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        """Return the text."""
        return self.text


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Messages in one language, and its way to write numbers.

    Parameters
    ----------
    language : str
        Two letters, for example ``"en"``.
    messages : mapping of str to str
        Templates by dotted key, for example ``"headline.sentence"``.
    phrases : mapping of str to str
        What methods and tables say in English, and how this language says it; names in braces stand for what varies,
        capital ones for what must be a phrase itself.
    """

    language: str
    messages: Mapping[str, str]
    phrases: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, key: str, **values: object) -> str:
        """Return a message with its names filled in."""
        return self.messages[key].format(**values)

    def known(self, section: str, name: str) -> str:
        """Return what the catalogue calls a name, or the name as it is with spaces for underscores."""
        return self.messages.get(f"{section}.{name}", name.replace("_", " "))

    def phrase(self, text: str) -> Words:
        """Return in this language what a method or a table says; in its own, and marked so, where that is not known."""
        if self.language == SOURCE or not text:
            return Words(text)
        said = self._said(text)
        return Words(text, SOURCE) if said is None else Words(said)

    def _said(self, text: str) -> str | None:
        if text in self.phrases:
            return self.phrases[text]
        for pattern, template in _patterns(self.language):
            found = pattern.fullmatch(text)
            if found and all(self._said(part) for name, part in found.groupdict().items() if name.isupper()):
                return template.format(**{name: self._part(part) for name, part in found.groupdict().items()})
        return None

    def _part(self, text: str) -> str:
        """Return a part of a phrase: a number in the language's writing, a phrase or several, or what it is."""
        if _NUMBER.fullmatch(text):
            digits = len(text.partition(".")[2])
            return self.number(float(text.replace(",", "")), digits)
        said = self._said(text)
        if said is not None:
            return said
        for mark in (", ", " and "):
            parts = text.split(mark)
            if len(parts) > 1:
                words = [self._part(part) for part in parts]
                return self.listing(words) if mark == " and " else self.messages["format.separator"].join(words)
        return text

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with the language's separators."""
        if not math.isfinite(value):
            return self.messages["format.infinite"]
        plain = f"{value:,.{digits}f}"
        marks = {",": self.messages["format.thousands"], ".": self.messages["format.decimal"]}
        return "".join(marks.get(mark, mark) for mark in plain)

    def figure(self, value: float) -> str:
        """Return a figure of the computation to four significant digits, whole when it is large."""
        if not math.isfinite(value) or abs(value) >= 1000 or value == round(value):
            return self.number(value)
        if abs(value) < 1e-4:
            return f"{value:.1e}".replace(".", self.messages["format.decimal"])
        plain = f"{value:.{3 - math.floor(math.log10(abs(value)))}f}".rstrip("0").rstrip(".")
        return plain.replace(".", self.messages["format.decimal"])

    def percent(self, share: float) -> str:
        """Return a share in whole percent; a probability between 99 and 100 percent keeps its decimals."""
        if share > 0 and round(100 * share) == 0:
            return self.messages["format.small_percent"]
        if share < 1 and round(100 * share) == 100:
            return self.messages["format.large_percent"]
        return self("format.percent", number=self.number(100 * share))

    def share(self, share: float) -> str:
        """Return a share that is rounded already, in percent, with a decimal where it has one."""
        exact = math.isclose(100 * share, round(100 * share), abs_tol=1e-6)
        return self("format.percent", number=self.number(100 * share, 0 if exact else 1))

    def change(self, log_ratio: float) -> str:
        """Return a log ratio as a change in percent, "+12%" or "−5%"."""
        share = round(100 * math.expm1(log_ratio))
        sign = "+" if share > 0 else "−" if share < 0 else ""
        return sign + self("format.percent", number=self.number(abs(share)))

    def level(self, prob: float) -> str:
        """Return the probability of an interval, "95%" or "99.5%"."""
        digits = 0 if math.isclose(100 * prob, round(100 * prob)) else 1
        return self("format.percent", number=self.number(100 * prob, digits))

    def count_word(self, count: int) -> str:
        """Return a small count as a word."""
        names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
        return self.messages[f"format.{names[count]}"] if 0 <= count < len(names) else self.number(count)

    def listing(self, items: Sequence[str]) -> str:
        """Return "a, b and c"."""
        if len(items) < 2:
            return "".join(items)
        most = self.messages["format.separator"].join(items[:-1])
        return self("format.and", most=most, last=items[-1])

    def date(self, text: str) -> str:
        """Return a day written as 2026-11-20 in words; anything else as it is."""
        found = _DAY.fullmatch(text)
        month = f"month.{int(found[2])}" if found else ""
        if found is None or month not in self.messages:
            return text
        return self("format.date", day=int(found[3]), month=self.messages[month], year=found[1])

    def shortened(self, text: str, length: int) -> str:
        """Return the text cut to a length, with an ellipsis where something is missing."""
        return text if len(text) <= length else text[: length - 1].rstrip() + self.messages["format.ellipsis"]

    def range(self, low: float, high: float) -> str:
        """Return "9,000 to 22,000", or "9,000 or more" without an upper end."""
        if not math.isfinite(high):
            return self("format.at_least", low=self.number(low))
        return self("format.range", low=self.number(low), high=self.number(high))


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in a template, which says after a colon how it is written: share, factor, persons, number or word."""

    value: float
    say: Catalogue

    def __format__(self, how: str) -> str:
        """Return the number in words; to four significant digits when nothing is said."""
        value, say = self.value, self.say
        match how:
            case "share":
                return say.percent(value)
            case "factor":
                return say.number(value, 1 if math.isfinite(value) else 0)
            case "persons":
                return say.number(round_point(value))
            case "number":
                return say.number(value)
            case "word":
                return say.count_word(round(value))
            case _:
                return say.figure(round(value, 2) if abs(value) >= 0.1 else value)


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a template; lists that are given as ``A:B`` are "A and B", or "A × B" with ``:terms``."""

    text: str
    say: Catalogue

    def __format__(self, how: str) -> str:
        """Return the name."""
        parts = self.text.split(":")
        return " × ".join(parts) if how == "terms" else self.say.listing(parts)


@lru_cache(maxsize=8)
def read_catalogue(language: str = "en") -> Catalogue:
    """Read the messages of one language.

    Raises
    ------
    InputError
        When there is no catalogue for it.
    """
    names = [name for name in shipped_names("reports/templates") if name.startswith("messages.")]
    if f"messages.{language}.toml" not in names:
        raise InputError(
            Problem("there are no messages in this language", ", ".join(name.split(".")[1] for name in names),
                    "choose one of them", value=language)
        )  # fmt: skip
    return Catalogue(language, _read(f"messages.{language}.toml"), _read(f"phrases.{language}.toml"))


@lru_cache(maxsize=8)
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the phrases in which something varies, as patterns with a named group for each name in braces."""
    phrases = {en: said for en, said in _read(f"phrases.{language}.toml").items() if "{" in en}
    found = []
    for text, said in phrases.items():
        parts = re.split(r"{(\w+)}", text)
        pattern = "".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
        found.append((re.compile(pattern), said))
    return tuple(found)


def _read(name: str) -> dict[str, str]:
    """Return a catalogue that ships, flat; nothing where there is none of that name."""
    if name not in shipped_names("reports/templates"):
        return {}
    tree = tomllib.loads(shipped_path("reports/templates", name).read_text(encoding="utf-8"))
    return dict(_flat(tree.get("phrase", tree)))


def _flat(tree: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, str(value)))
    return found
