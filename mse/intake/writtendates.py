"""Dates as suppliers write them, by a format of strptime: months may be words, Dutch or English, and years two digits.

``%b`` and ``%B`` are the same: a month as a word, whole or short, with or without a full stop. ``%y`` is the latest
year that ends so and is not after this one: 88 is 1988.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from mse.identifying.identifying_dates import whole_year

_MONTHS = (
    "january januari jan", "february februari feb", "march maart mrt mar", "april apr", "may mei", "june juni jun",
    "july juli jul", "august augustus aug", "september sept sep", "october oktober oct okt", "november nov",
    "december dec",
)  # fmt: skip
MONTHS = {word: f"{number:02}" for number, words in enumerate(_MONTHS, 1) for word in words.split()}
"""Number of a month by its name, in small letters."""

_WORD = r"[A-Za-z]{3,9}"
_SHAPES = {"Y": r"\d{4}", "y": r"\d{2}", "f": r"\d{1,6}", "z": r"[+-]\d{2}:?\d{2}"}


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A way to write dates.

    Parameters
    ----------
    pattern : str
        Of strptime, months as numbers.
    words : bool
        Whether months are words, which `plain` replaces.
    shape : str
        Regular expression of what has its form, months as numbers; year, month and day are groups called by their sign.
    """

    pattern: str
    words: bool
    shape: str

    def plain(self, text: str) -> str:
        """Return a text with its month as a number, the text itself where months are no words or it is none."""
        found = re.search(rf"({_WORD})\.?", text) if self.words else None
        number = MONTHS.get(found[1].lower()) if found else None
        return text[: found.start()] + number + text[found.end() :] if found and number else text

    def plain_sql(self, value: str) -> str:
        """Return the same of a value in SQL."""
        if not self.words:
            return value
        word = f"lower(regexp_extract({value}, '{_WORD}'))"
        whens = " ".join(f"WHEN '{name}' THEN '{number}'" for name, number in MONTHS.items())
        return f"regexp_replace({value}, '{_WORD}\\.?', coalesce(CASE {word} {whens} END, {word}))"

    def fits(self, text: str) -> re.Match[str] | None:
        """Return the parts of a text that has the form."""
        return re.fullmatch(self.shape, self.plain(text), re.ASCII)

    def day(self, text: str) -> date | None:
        """Return the day that a text means; None when it has another form, or there is no such day."""
        found = self.fits(text)
        if not found:
            return None
        try:
            day = datetime.strptime(self.plain(text), self.pattern).date()
            return day.replace(year=year_of(found)) if "y" in found.groupdict() else day
        except ValueError:
            return None


def year_of(found: re.Match[str]) -> int:
    """Return the year of a text that has the form of a date."""
    parts = found.groupdict()
    return int(parts["Y"]) if "Y" in parts else whole_year(parts["y"], date.today().year)


@lru_cache(256)
def written_date(pattern: str) -> WrittenDate:
    """Return the way to write dates that a format of strptime says."""
    words = bool(re.search("%[bB]", pattern))
    pattern = re.sub("%[bB]", "%m", pattern)
    pieces = re.split("%(.)", pattern)
    groups = (f"(?P<{x}>{_SHAPES.get(x, r'\d{1,2}')})" if i % 2 else re.escape(x) for i, x in enumerate(pieces))
    return WrittenDate(pattern, words, "".join(groups))
