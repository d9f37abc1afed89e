"""Full dates in whatever way people write them: what gives away a date of birth."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Protocol

SPREADSHEET = date(1899, 12, 30)
"""Day 0 of spreadsheets."""

_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?"
_SEP = r"\s*[-/.,_ ]\s*"
_YEAR_FIRST = re.compile(rf"(\d{{4}}){_SEP}(\d{{1,2}}){_SEP}(\d{{1,2}})\.?{_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}}){_SEP}(\d{{1,2}}){_SEP}(\d{{4}}|['’]?\d{{2}}){_TIME}")
_EIGHT, _SIX = re.compile(r"\d{8}(?:\d{4}|\d{6})?"), re.compile(r"\d{6}")
_SIGNS = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]?")
# A day, a word and a year are a date in every language.
_DAY_WORD = re.compile(
    rf"(?:[^\W\d_]+\.?,?\s+)?(\d{{1,2}})(?:e|de|ste|st|nd|rd|th|\.|º)?[-\s./]*(?:de\s+|of\s+)?([^\W\d_]{{3,12}})\.?[-\s,./]*(?:de\s+)?"
    rf"(\d{{4}}|['’]?\d{{2}}){_TIME}"
)
_WORD_DAY = re.compile(rf"([^\W\d_]{{3,12}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){_TIME}")
_YEAR_WORD = re.compile(r"(\d{4})[-\s./]+([^\W\d_]{3,12})\.?[-\s./]+(\d{1,2})")
_ROMAN = re.compile(rf"(\d{{1,2}}){_SEP}([IVX]{{1,4}}){_SEP}(\d{{4}}|\d{{2}})")
_ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_MONTH = re.compile(r"(\d{4})[-/. ](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[-/. ](\d{4})")
_WORD_MONTH = re.compile(r"[^\W\d_]{3,12}\.?[-\s]+(\d{4})")
_BIRTHDAY = re.compile(
    r"([0-3]?\d)[-/. ]([0-3]?\d)\.?|([0-3]?\d)\.?\s+[^\W\d_]{3,12}\.?|[^\W\d_]{3,12}\.?\s+([0-3]?\d)"
)


class Span(Protocol):
    """First and last day of registrations."""

    @property
    def first(self) -> date:
        """The first day."""

    @property
    def last(self) -> date:
        """The last day."""


def outside(days: Sequence[date], span: Span) -> float:
    """Return the share of days more than a year before the first of a span, or after its last."""
    first = span.first - timedelta(days=366) if span.first > date(2, 1, 2) else span.first
    return sum(not first <= day <= span.last for day in days) / max(1, len(days))


def in_ascii(text: str) -> str:
    """Return a text with the digits of all scripts as 0 to 9, and without marks that are not seen."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(x)) if x.isdecimal() else x for x in text if unicodedata.category(x) != "Cf")


def read_dates(text: str, now: int) -> tuple[date, ...]:
    """Return the days that a whole text can stand for; a year of two digits is one up to `now`."""
    return _read(in_ascii(text).strip(), now)


@lru_cache(2**14)
def _read(text: str, now: int) -> tuple[date, ...]:
    return tuple(dict.fromkeys(day for numbers in _numbers(text, now) if (day := _day(*numbers))))


def _numbers(text: str, now: int) -> Iterator[tuple[int, int, int]]:
    """Yield year, month and day as they may be meant, without looking whether there is such a day."""
    if found := _YEAR_FIRST.fullmatch(text) or _SIGNS.fullmatch(text):
        year, month, day = map(int, found.groups())
        yield from ((year, month, day), (year, day, month))
    elif found := _YEAR_LAST.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), whole_year(found[3], now)
        yield from ((year, second, first), (year, first, second))
        if len(found[3]) == 2:
            yield whole_year(found[1], now), second, int(found[3])
    elif _EIGHT.fullmatch(text):
        yield int(text[:4]), int(text[4:6]), int(text[6:8])
        yield from ((int(text[4:8]), int(text[2:4]), int(text[:2])), (int(text[4:8]), int(text[:2]), int(text[2:4])))
    elif _SIX.fullmatch(text):
        a, b, c = text[:2], text[2:4], text[4:]
        first, last = whole_year(a, now), whole_year(c, now)
        yield from ((last, int(b), int(a)), (first, int(b), int(c)), (last, int(a), int(b)))
    elif found := _ROMAN.fullmatch(text):
        if found[2] in _ROMANS:
            yield whole_year(found[3], now), _ROMANS.index(found[2]) + 1, int(found[1])
    elif found := _DAY_WORD.fullmatch(text):
        yield whole_year(found[3], now), 6, int(found[1])
    elif found := _WORD_DAY.fullmatch(text):
        yield int(found[3]), 6, int(found[2])
    elif found := _YEAR_WORD.fullmatch(text):
        yield int(found[1]), 6, int(found[3])


def whole_year(text: str, now: int) -> int:
    """Return a year of four digits, or of two: the latest one that is not after `now`."""
    digits = text.lstrip("'’")
    if len(digits) == 4:
        return int(digits)
    year = now - now % 100 + int(digits)
    return year if year <= now else year - 100


def _day(year: int, month: int, day: int) -> date | None:
    if not 1850 <= year <= 2150:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        # The 31st of a month that was written as a word, of which only the word is known.
        return date(year, month, 28) if month == 6 and day == 31 else None


def read_month(text: str) -> int | None:
    """Return the year of a month, such as 2019-03, 03/2019, "mei 2019"; None for anything else."""
    text = in_ascii(text).strip()
    if found := _MONTH.fullmatch(text):
        return int(found[1] or found[4])
    return int(found[1]) if (found := _WORD_MONTH.fullmatch(text)) else None


def runs_on(numbers: Sequence[str], span: Span) -> bool:
    """Tell whether numbers of six digits are a running number: what stands first hardly changes, as it does in days.

    Where all can be read with the year first, few years are no proof (a register of children has few), few months are.
    Of fewer than five numbers, as in a late delivery, all have the first four digits in common.
    """
    different = set(numbers)
    if len(different) < 2 or not all(map(_SIX.fullmatch, numbers)):
        return False
    if len(different) < 5:
        return len({x[:4] for x in numbers}) == 1
    century = span.last.year // 100 * 100
    by_year = sum(bool(read_dates(f"{century + int(x[:2])}{x[2:]}", span.last.year)) for x in numbers)
    begins = 4 if by_year >= 0.95 * len(numbers) else 2
    return len({x[:begins] for x in numbers}) <= 2


def is_birthday(text: str) -> bool:
    """Tell whether a text is a day and a month without a year."""
    found = _BIRTHDAY.fullmatch(in_ascii(text).strip())
    if not found:
        return False
    one, two = found[1], found[2]
    if one is None:
        return 1 <= int(found[3] or found[4]) <= 31
    return 1 <= min(int(one), int(two)) <= 12 and 1 <= max(int(one), int(two)) <= 31


def spreadsheet_day(number: float) -> date | None:
    """Return the day that a spreadsheet means by a number, for days since 1900."""
    return SPREADSHEET + timedelta(days=int(number)) if 367 <= number < 60_000 else None
