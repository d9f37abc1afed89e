"""Whether the values of a column can be of one person: what is harmless is recognised, and the rest is not let in.

A pattern for everything that identifies somebody cannot be written. What a register needs can be: codes of a closed
list, small numbers, days of the period, hashes, words of the trade, and numbers that a system gave out. A column that
holds something else is refused, and named by the form that its values have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from statistics import median

from mse.identifying.harmless_words import is_harmless, is_letter_code, tokens
from mse.identifying.identifying_dates import (
    Span,
    is_birthday,
    outside,
    read_dates,
    read_month,
    runs_on,
    spreadsheet_day,
)  # fmt: skip
from mse.identifying.identifying_formats import MANY, PLACES, POSTCODES, format_kind
from mse.words.said import Said, said

BIRTHS, BIRTHDAYS, BIRTH_MONTHS = said("personal.births"), said("personal.birthdays"), said("personal.birth_months")
NOT_HASHES = said("personal.not_hashes")
NAMES, INITIALS = said("personal.names"), said("personal.initials")
TEXT, ADDRESSES = said("personal.texts"), said("personal.addresses")
NUMBERS, CODES = said("personal.own_numbers"), said("personal.own_codes")

_SOME = 0.05
_NEAR, _FAR = 50.0, 5_000.0
"""Middle gaps between the numbers of records, of up to seven digits and of more, when they count."""

_SMALL = 2_100
"""Ages, years, numbers of municipalities and of countries are not greater."""

_HEX = re.compile(r"[0-9a-f]{16,128}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]0+)?")
_DECIMAL = re.compile(r"[-+]?\d*[.,]\d+(?:e[-+]?\d+)?%?", re.IGNORECASE)
_RANGE = re.compile(
    r"[<>=≤≥~]{0,2} ?\d{1,4} ?(?:-|–|/|\+|t/m|tot|to|en|and) ?\d{0,4} ?(?:jaar|years?|yrs?|jr|j|y)?"
    r"|[<>≤≥=]{1,2} ?\d{1,4}|\d{1,3} ?(?:jaar|years?|yrs?|jr|%|en ouder|and over|plus)",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"[0-2]?\d:[0-5]\d(?::[0-5]\d)?")
_WORDS = re.compile(
    r"['’‘]?[^\W\d_](?:[^\W\d_]|[ ,.'’`()/&|;+·\-\u0300-\u036f\u064b-\u065f\u093c-\u094f\u0e31-\u0e4e])*"
)
_DIGITS = re.compile(r"\d+")
_STREET = re.compile(
    r"(?:[^\W\d_].*[^\W\d_]\D*\d{1,5}\W{0,2}[a-z]{0,3}\d{0,3}|"
    r"\d{1,5}[a-z]?,?\s+[^\W\d_]{3,}.*)",
    re.IGNORECASE,
)
_TWO_WORDS = re.compile(r"[^\W\d_]{2,} +[^\W\d_]{2,}")
_PARTS = re.compile(r"[|;+&/]")
_YEAR = re.compile(r"19[89]\d|20[0-4]\d")
_TOKEN = re.compile(r"[0-9A-Za-z_-]{20,64}")


def is_full_hash(text: str) -> bool:
    """Tell whether a text in hexadecimal has letters and digits both, as a hash has."""
    return any(x.isdigit() for x in text) and any(x.isalpha() for x in text) and len(set(text)) > 5


def spells_text(text: str) -> bool:
    """Tell whether hexadecimal digits are those of readable text."""
    if len(text) % 2:
        return False
    return all(0x20 <= x < 0x7F for x in bytes.fromhex(text))


def open_kind(values: Sequence[str], span: Span, *, of: int, some: float = _SOME) -> Said | None:
    """Return what the values of a column are that no code list is declared for; None when all that is harmless.

    Parameters
    ----------
    values : sequence of str
        Those that the contract does not list, in the order of the rows.
    span : Interval
        Within which days are those of registrations.
    of : int
        Values of the column, those that the contract lists too.
    some : float
        Share of them that may be something else.
    """
    if not values or len(values) <= some * of:
        return format_kind(_distinct(values)) if values else None
    if kind := format_kind(_distinct(values)):
        return kind
    form = [form_of(value, span.last.year) for value in values]
    counts = Counter(form)
    for name, count in counts.most_common():
        here = [value for value, said in zip(values, form, strict=True) if said == name]
        if count > some * of and (kind := JUDGES[name](here, span)):
            return kind
    return None


def _distinct(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))[:400]


@lru_cache(2**15)
def form_of(value: str, now: int) -> str:
    """Return the form of a value, a key of `JUDGES`."""
    if _HEX.fullmatch(value) and is_full_hash(value.lower()):
        return "hash"
    if _NUMBER.fullmatch(value):
        return "number"
    if _RANGE.fullmatch(value) or _CLOCK.fullmatch(value):
        return "range"
    if read_month(value) is not None:
        return "month"
    if read_dates(value, now):
        return "date"
    if _DECIMAL.fullmatch(value):
        return "decimal"
    if _WORDS.fullmatch(value):
        return "words"
    return "code" if any(x.isalnum() for x in value) else "sign"


def closed(values: Sequence[str], most: int, times: float = 3) -> bool:
    """Tell whether values are a few that come back all the time."""
    different = len(set(values))
    return different <= most and different * times <= len(values)


# ---- judges -----------------------------------------------------------------------------------------


def _hashes(values: Sequence[str], span: Span) -> Said | None:
    plain = [value.lower().replace("-", "") for value in values]
    return TEXT if sum(map(spells_text, plain)) > MANY * len(plain) else None


def _numbers(values: Sequence[str], span: Span) -> Said | None:
    whole = [re.split("[.,]", value)[0] for value in values]
    numbers = [int(value) for value in whole]
    if kind := day_numbers(whole, span):
        return kind
    if _are_days(whole, span):
        return None
    long = [x for x in numbers if abs(x) > _SMALL]
    if len(long) <= _SOME * len(numbers) or closed(whole, 20):
        return None
    if max(map(abs, long)) < 10_000:
        # Days or amounts are mostly smaller: what has four digits and none smaller is a postcode.
        return POSTCODES if len(long) > MANY * len(numbers) else None
    if given_out(long, 5.0):
        return None
    return NUMBERS


def day_numbers(whole: Sequence[str], span: Span) -> Said | None:
    """Return what numbers are that can be read as days: written without signs, or counted by a spreadsheet."""
    several = len(set(whole)) > 4 or len(whole) < 5
    lengths = Counter(map(len, whole))
    for length in (5, 6, 8):
        here = [x for x in whole if len(x) == length]
        if not several or lengths[length] <= 0.8 * len(whole):
            continue
        if length == 5:
            days = [day for x in here if (day := spreadsheet_day(int(x)))]
            if len(days) == len(here) and len(set(here)) > 2 and not given_out([int(x) for x in here], 2.0):
                return BIRTHS if outside(days, span) > _SOME else None
            continue
        found = [read for x in here if (read := read_dates(x, span.last.year))]
        if len(found) >= 0.95 * len(here) and _early(found, span) > _SOME and not runs_on(here, span):
            return BIRTHS
    if lengths[4] > 0.95 * len(whole) and len(set(whole)) > 20 and all(_is_ddmm(x) for x in whole):
        return BIRTHDAYS
    return None


def _are_days(whole: Sequence[str], span: Span) -> bool:
    """Tell whether numbers are days of a span: year, month and day, or day, month and year."""
    found = [read_dates(x, span.last.year) if len(x) == 8 else () for x in whole]
    return all(found) and _early(found, span) <= _SOME


def _is_ddmm(text: str) -> bool:
    one, two = int(text[:2]), int(text[2:4])
    return 1 <= min(one, two) <= 12 and 1 <= max(one, two) <= 31


def _early(found: Sequence[Sequence[date]], span: Span) -> float:
    """Return the share of dates of which no reading lies in a span; where several do, the reading is not known."""
    first = span.first - timedelta(days=366) if span.first > date(2, 1, 2) else span.first
    return sum(not any(first <= day <= span.last for day in days) for days in found) / max(1, len(found))


def _dates(values: Sequence[str], span: Span) -> Said | None:
    found = [read_dates(value, span.last.year) for value in values]
    return BIRTHS if _early(found, span) > _SOME else None


def _months(values: Sequence[str], span: Span) -> Said | None:
    years = [year for value in values if (year := read_month(value)) is not None]
    early = sum(not span.first.year - 1 <= year <= span.last.year for year in years)
    return BIRTH_MONTHS if early > _SOME * len(years) else None


def _decimals(values: Sequence[str], span: Span) -> Said | None:
    numbers = [float(value.rstrip("%").replace(",", ".")) for value in values]
    fine = sum(len(re.split("[.,]", value)[-1].rstrip("%")) >= 3 for value in values)
    if all(-1 <= x <= 1 for x in numbers) or closed(values, 20):
        return None
    if fine > MANY * len(values):
        return PLACES if all(-180 <= x <= 180 for x in numbers) else NUMBERS
    return NUMBERS if sum(abs(x) > _SMALL for x in numbers) > _SOME * len(values) else None


def _words(values: Sequence[str], span: Span) -> Said | None:
    counts = Counter(values)
    strange = {value: n for value, n in counts.items() if not all(map(_is_label, _PARTS.split(value)))}
    total = sum(strange.values())
    if total <= max(0.1 * len(values), len(values) > 1):
        return _initials(values)
    if any(len(value) > 40 and len(tokens(value)) > 5 for value in strange):
        return TEXT
    if len(strange) <= 4 and len(values) >= 10 * len(strange):
        return None  # a label of the register's own
    if sum(n for value, n in strange.items() if is_birthday(value)) > MANY * total:
        return BIRTHDAYS
    lengths = [len(tokens(value)) for value in strange]
    return TEXT if sum(lengths) / len(lengths) > 4 else NAMES


def _is_label(value: str) -> bool:
    return is_harmless(value) or _is_short_code(value)


def _is_short_code(value: str) -> bool:
    return value.isascii() and len(re.sub(r"\W", "", value)) <= 3 and "." not in value


def _initials(values: Sequence[str]) -> Said | None:
    """Return what letters are that are no code of a country or a label."""
    short = [value for value in values if _is_short_code(value)]
    unknown = [value for value in short if not is_letter_code(value)]
    if len(unknown) <= 0.25 * len(values) or closed(short, 12):
        return None
    return INITIALS if len(set(unknown)) > 4 else None


def _codes(values: Sequence[str], span: Span) -> Said | None:
    if sum(map(_is_text, values)) > _SOME * len(values) and not closed(values, 8, 10):
        return TEXT
    if closed(values, 20, 5) and max(map(len, values)) <= 40:
        return CODES if max(sum(x.isdigit() for x in value) for value in values) > 7 else None
    if max(map(len, values)) <= 3 and len(values) < 20:
        return None
    if sum(len(value) > 6 and bool(_STREET.fullmatch(value)) and " " in value for value in values) > MANY * len(values):
        return BIRTHDAYS if sum(map(is_birthday, values)) > 0.9 * len(values) else ADDRESSES
    parts = _skeletons(values)
    few = len(parts) == 1 or (len(parts) <= 3 and len(parts) * 3 <= len(values))
    if few and all(len(x) <= 12 for x in parts) and all(_short_number(value) for value in values):
        return None
    if sum(map(is_birthday, values)) > 0.9 * len(values):
        return BIRTHDAYS
    return None if len(set(values)) >= 0.95 * len(values) and record_kind(values, span) is None else CODES


def _short_number(value: str) -> bool:
    return sum(map(len, _DIGITS.findall(value))) <= 4


def _is_text(value: str) -> bool:
    return len(tokens(value)) > 3 and len(value) > 20 and " " in value


def _signs(values: Sequence[str], span: Span) -> Said | None:
    return None if max(map(len, values)) <= 3 else CODES


def _no_kind(values: Sequence[str], span: Span) -> Said | None:
    # Of classes of an age few could be a day and a month.
    days = sum(map(is_birthday, values))
    return BIRTHDAYS if days > 0.95 * len(values) and not closed(values, 8) and len(set(values)) > 4 else None


JUDGES: dict[str, Callable[[Sequence[str], Span], Said | None]] = {
    "hash": _hashes, "number": _numbers, "range": _no_kind, "month": _months, "date": _dates, "decimal": _decimals,
    "words": _words, "code": _codes, "sign": _signs,
}  # fmt: skip


# ---- numbers that a system gave out -----------------------------------------------------------------


def _skeletons(values: Sequence[str]) -> Counter[str]:
    """Return what is left of values without their digits, and how often."""
    return Counter(_DIGITS.sub("0", value) for value in values)


def given_out(numbers: Sequence[int], gap: float) -> bool:
    """Tell whether numbers were given out one after the other: they rise, or lie close together, and few come twice."""
    different = sorted(set(numbers))
    if len(numbers) < 3 or len(different) < 2 or _rising(numbers):
        return True
    # The middle gap: numbers that begin with a year lie close together within each year.
    close = median(b - a for a, b in zip(different, different[1:], strict=False)) <= gap
    return close and len(different) >= 0.8 * len(numbers)


def _rising(numbers: Sequence[int]) -> bool:
    """Tell whether nearly every number is greater than the one before it, or the same."""
    steps = sum(a <= b for a, b in zip(numbers, numbers[1:], strict=False))
    return len(numbers) > 2 and steps >= 0.9 * (len(numbers) - 1) and 2 * len(set(numbers)) >= len(numbers)


def record_kind(values: Sequence[str], span: Span) -> Said | None:
    """Return what numbers of records are that no system gave out; None when they look as if one did.

    A system gives out hashes, long random tokens, or one of a few prefixes before a number that is short, or that
    counts. The digits of a person are spread over all the numbers there are.
    """
    if kind := format_kind(_distinct(values), postcodes=False):
        return kind
    rest = [value for value in values if not (_HEX.fullmatch(value) and is_full_hash(value.lower()))]
    if len(rest) <= _SOME * len(values):
        return _hashes(values, span)
    if _are_tokens(rest):
        return None
    bare = [value for value in rest if not _DIGITS.search(value)]
    if len(bare) > _SOME * len(values):
        return None if max(map(len, bare)) == 1 else _words(bare, span) or NAMES
    if kind := _dated(rest := [x for x in rest if _DIGITS.search(x)], span):  # a row of totals has a word there
        return kind
    parts = _skeletons(rest)
    if not _are_prefixes(parts, len(rest)):
        return CODES
    if any(map(_TWO_WORDS.search, parts)):
        return ADDRESSES
    joined = ["".join(_DIGITS.findall(value)) for value in rest]
    numbers = _without_year(joined)
    if _rising(numbers) or _rising([int(x) for x in joined]) or _are_days([x[:8] for x in joined], span):
        return None
    if len(set(rest)) > 4 and sum(map(is_birthday, rest)) > 0.95 * len(rest):
        return BIRTHDAYS
    if max(numbers) < 1_000 or len(numbers) < 4:
        return None if max(numbers) < 10**7 else _spread(numbers, _FAR)
    return _spread(numbers, _FAR if max(numbers) >= 10**7 else _NEAR)


def _without_year(joined: Sequence[str]) -> list[int]:
    """Return numbers without the year with which all of them begin, if they do."""
    dated = all(len(x) > 5 and _YEAR.match(x) for x in joined)
    return [int(x[4:] if dated else x) for x in joined]


def _spread(numbers: Sequence[int], gap: float) -> Said | None:
    return None if given_out(numbers, gap) else NUMBERS


def _are_tokens(values: Sequence[str]) -> bool:
    """Tell whether values are random tokens of one length: letters and digits in all their places."""
    good = [x for x in values if _TOKEN.fullmatch(x) and any(y.isdigit() for y in x) and any(y.isalpha() for y in x)]
    if len(good) < 0.95 * len(values) or len(set(map(len, good))) > 1:
        return False
    changes = [sum(a.isdigit() != b.isdigit() for a, b in zip(x, x[1:], strict=False)) for x in good]
    return sum(changes) / len(changes) > 4


def _are_prefixes(parts: Counter[str], total: int) -> bool:
    """Tell whether what stands around the digits is one of a few short texts."""
    most = [name for name, _ in parts.most_common(40)]
    if sum(parts[name] for name in most) < 0.95 * total:
        return False
    if len(parts) == 1:
        return len(most[0]) <= 24
    letters = max(sum(x.isalpha() for x in name) for name in most)
    if total <= 5 and letters <= 2:
        return True
    return (len(parts) <= 4 and len(parts) * 3 <= total and letters <= 12) or (letters <= 6 and len(parts) * 5 <= total)


def _dated(values: Sequence[str], span: Span) -> Said | None:
    """Return whether records hold dates outside the period: whole, in digits, or as days of a spreadsheet."""
    whole = [x for x in (read_dates(value, span.last.year) for value in values) if x]
    if len(whole) > 0.9 * len(values) and not runs_on(values, span):
        return BIRTHS if _early(whole, span) > _SOME else None
    groups = [_DIGITS.findall(value) for value in values]
    for place in range(min(map(len, groups))):
        here = [group[place] for group in groups]
        if len({len(x) for x in here}) == 1 and (kind := day_numbers(here, span)):
            return kind
    inside = [m[0] for value in values if (m := re.search(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", value))]
    found = [days for text in inside if (days := read_dates(text, span.last.year))]
    if len(found) > MANY * len(values) and _early(found, span) > MANY:
        return BIRTHS
    return None
