"""Numbers, lists and dates as a language writes them (Babel, from the Unicode CLDR)."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from babel import Locale

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Number(NamedTuple):
    """A number with the digits that are printed of it, and no more.

    Parameters
    ----------
    value : int or float
        Rounded as it is printed; a share is a fraction.
    pattern : str
        How a spreadsheet writes it so, ``"#,##0"`` or ``"0.0%"``.
    part : str
        What it is of a text with several: ``"low"``, ``"high"``, ``"share"``; else empty.
    """

    value: float
    pattern: str
    part: str = ""


class Printed(str):
    """Numbers as they are printed, with their values; joined to other words it is a plain text.

    Parameters
    ----------
    text : str
        As it is printed.
    numbers : tuple of Number
        The numbers that stand in it.
    rest : str
        What it says beside them: "unbounded".
    """

    numbers: tuple[Number, ...]
    rest: str

    def __new__(cls, text: str, numbers: tuple[Number, ...] = (), rest: str = "") -> Printed:
        """Return a text with the numbers that it prints."""
        made = super().__new__(cls, text)
        made.numbers, made.rest = numbers, rest
        return made


def printed_as(text: str, whole: str, **parts: str) -> str:
    """Return `whole` with the numbers of `text` and, under the names they have, of parts; plain without a number."""
    numbers = [*(text.numbers if isinstance(text, Printed) else ())]
    rest = [] if isinstance(text, Printed) else [str(text)]
    for name, part in parts.items():
        if isinstance(part, Printed):
            numbers += [number._replace(part=name) for number in part.numbers]
        else:
            rest.append(part)
    return Printed(whole, tuple(numbers), " ".join(filter(None, rest))) if numbers else whole


def capital(text: str) -> str:
    """Return a text with a capital; "Eén" and not "Één", as Dutch writes it."""
    return "Eé" + text[2:] if text.startswith("éé") else text[:1].upper() + text[1:]


def as_sentence(text: str) -> str:
    """Return a phrase with a capital and a full stop, unless it ends a sentence already."""
    return capital(text) if text.endswith((".", "!", "?")) else f"{capital(text)}."


@lru_cache(maxsize=8)
def _locale(name: str) -> Locale:
    from babel import Locale

    return Locale.parse(name)


@lru_cache(maxsize=64)
def _pattern(name: str, percent: bool, digits: int) -> str:
    """Return the language's pattern of a number, "#,##0", or of a percentage, with so many decimals."""
    locale = _locale(name)
    whole: str = (locale.percent_formats if percent else locale.decimal_formats)[None].pattern
    start, _, rest = whole.partition(".")
    tail = rest.lstrip("#0") if rest else ""
    end = start.rindex("0") + 1
    return start[:end] + ("." + "0" * digits if digits else "") + start[end:] + tail


def decimal(value: float, digits: int, locale: str) -> str:
    """Return a number with the separators of a language and a true minus sign; it has to be finite."""
    from babel.numbers import format_decimal

    exact = Decimal(f"{value:.{digits}f}")
    text = str(format_decimal(exact, _pattern(locale, False, digits), locale=_locale(locale))).replace("-", "−")
    return Printed(text, (Number(float(exact) if digits else int(exact), _sheet_pattern("#,##0", digits)),))


def percentage(share: float, digits: int, locale: str) -> str:
    """Return a share as a percentage with a true minus sign; it has to be finite."""
    from babel.numbers import format_percent

    exact = Decimal(f"{100 * share:.{digits}f}") / 100
    text = str(format_percent(exact, _pattern(locale, True, digits), locale=_locale(locale))).replace("-", "−")
    return Printed(text, (Number(float(exact), _sheet_pattern("0", digits) + "%"),))


def _sheet_pattern(whole: str, digits: int) -> str:
    return whole + ("." + "0" * digits if digits else "")


def figure(value: float, locale: str) -> str:
    """Return a figure of a computation to four significant digits, whole when it is large; it has to be finite."""
    from babel.numbers import get_decimal_symbol

    if abs(value) >= 1000 or value == round(value):
        return decimal(value, 0, locale)
    if abs(value) < 1e-4:
        text = f"{value:.1e}"
        return Printed(text.replace(".", get_decimal_symbol(_locale(locale))), (Number(float(text), "0.0E+00"),))
    digits = 3 - math.floor(math.log10(abs(value)))
    plain = f"{value:.{digits}f}".rstrip("0")
    return decimal(value, len(plain.partition(".")[2]), locale)


def listing(items: Sequence[str], locale: str) -> str:
    """Return "a, b and c"."""
    from babel.lists import format_list

    return str(format_list(list(items), locale=_locale(locale))) if len(items) > 1 else "".join(items)


def date(text: str, locale: str) -> str:
    """Return a day written as 2026-11-20 in words; anything else as it is."""
    from babel.dates import format_date

    if not _DAY.fullmatch(text):
        return text
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return text
    return str(format_date(day, "long", locale=_locale(locale)))


def month(year: int, number: int, locale: str) -> str:
    """Return a month of a year in words, "May 2018"."""
    from babel.dates import format_skeleton

    return str(format_skeleton("yMMMM", datetime.date(year, number, 1), locale=_locale(locale)))


def round_point(point: float, digits: int = 3) -> float:
    """Return a number without an interval, to so many significant digits and never finer than a person."""
    if not math.isfinite(point) or point == 0:
        return point
    unit = max(1.0, 10.0 ** (math.floor(math.log10(abs(point))) - digits + 1))
    return math.floor(point / unit + 0.5) * unit
