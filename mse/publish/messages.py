"""Message catalogues: the sentences of one language, and its way to write numbers."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mse.errors import InputError, Problem
from mse.shipped import shipped_names, shipped_path


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

    def known(self, section: str, name: str) -> str:
        """Return what the catalogue calls a name, or the name as it is with spaces for underscores."""
        return self.messages.get(f"{section}.{name}", name.replace("_", " "))

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

    def shortened(self, text: str, length: int) -> str:
        """Return the text cut to a length, with an ellipsis where something is missing."""
        return text if len(text) <= length else text[: length - 1].rstrip() + self.messages["format.ellipsis"]

    def range(self, low: float, high: float) -> str:
        """Return "9,000 to 22,000", or "9,000 or more" without an upper end."""
        if not math.isfinite(high):
            return self("format.at_least", low=self.number(low))
        return self("format.range", low=self.number(low), high=self.number(high))


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
    path = shipped_path("reports/templates", f"messages.{language}.toml")
    return Catalogue(language, dict(_flat(tomllib.loads(path.read_text(encoding="utf-8")))))


def _flat(tree: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, str(value)))
    return found
