"""Whether a column of a table is of one person each: what stands in it, and how many persons share a label.

A register is held against its contract; a table has none. What many persons share says of none of them who they are,
so labels are judged by how many persons each has, numbers and days by whether they are those of a birth or a document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from mse.identifying.column_names import name_kind
from mse.identifying.identifying_dates import in_ascii, read_dates, read_month, spreadsheet_day
from mse.identifying.identifying_formats import MANY, PAGES, PLACES, format_kind
from mse.identifying.identifying_values import JUDGES, NUMBERS, TEXT, day_numbers, form_of, given_out
from mse.words.said import Said

_NOW = 2100
_YEARS = 12
"""Registrations of one table lie within so many years; births do not."""

_SHARED = 3.0
"""Persons that a label has on average, from which a few labels are those of a class."""

_MANY, _COUNTED, _ONE_BY_ONE = 8, 10.0, 50.0
"""From so many labels on, the same where rows are counts, and where each row is one person."""

_LABELS = 40
"""Labels from which a column of persons does not hold classes, however often each comes back."""

_FEW = 4
_SHORT = 20
"""Characters of a label: under a name such as `note` longer ones are text."""
_SOME = 0.05
_MISSING = frozenset(("", "na", "nan", "n/a", "null", "none", "<na>", "#n/a"))
_ALONE = ("words", "code", "range", "month")
"""Forms of values that are judged where every label is one of few persons."""

_PLACE = re.compile(r"(?:49|5[0-3])[.,]\d{4,7}|\d{5,6},\d{6}")
"""Latitudes around here, and the two coordinates of a national grid."""


class _Days(NamedTuple):
    first: date
    last: date


def table_kind(
    name: str, cells: Sequence[str], persons: Sequence[int] | None = None, declared: Sequence[str] = ()
) -> Said | None:
    """Return what a column of a table holds that says who somebody is; None when it holds nothing of the kind.

    Parameters
    ----------
    name : str
        Of the column.
    cells : sequence of str
        All cells of the column; empty ones are looked past.
    persons : sequence of int, optional
        How many persons each row stands for; one each when not given.
    declared : sequence of str
        Levels that were declared: a closed list of codes, of which only the form is judged.
    """
    numbers = [1] * len(cells) if persons is None else persons
    known = set(declared)
    rows = [
        (text, n) for cell, n in zip(cells, numbers, strict=True)
        if (text := " ".join(in_ascii(cell).split())).casefold() not in _MISSING
    ]  # fmt: skip
    values = [text for text, _ in rows]
    labels = list(dict.fromkeys(values))
    if not labels:
        return None
    kind = name_kind(name) if len(labels) > max(1, min(_FEW, len(values) / 2)) else None
    if kind is not None and (kind != TEXT or any(len(label) > _SHORT for label in labels)):
        return kind
    alone = _alone(labels, sum(n for _, n in rows), persons is None)
    kind = format_kind(labels[:400])
    if kind is not None and (alone or kind != PAGES):  # a label may have an address in it
        return kind
    if known.issuperset(labels):
        return None
    forms = [form_of(value, _NOW) for value in values]
    for form, count in Counter(forms).most_common():
        here = [value for value, its in zip(values, forms, strict=True) if its == form]
        if count > _SOME * len(values) and (kind := _judged(form, here, alone)):
            return kind
    return None


def _alone(labels: Sequence[str], persons: int, one_each: bool) -> bool:
    """Tell whether the labels of a column have too few persons each to be classes."""
    shared = _SHARED
    if len(labels) > _MANY:
        shared = _ONE_BY_ONE if one_each else _COUNTED
    return len(labels) > _FEW and (persons < shared * len(labels) or (one_each and len(labels) > _LABELS))


def _judged(form: str, values: Sequence[str], alone: bool) -> Said | None:
    if form == "date":
        return JUDGES[form](values, _around([day for value in values for day in read_dates(value, _NOW)[:1]]))
    if form == "number":
        return _numbers(values)
    if form == "decimal":
        fine = sum(bool(_PLACE.fullmatch(value)) for value in values)
        return PLACES if fine > 0.9 * len(values) and len(set(values)) > MANY * len(values) else None
    if form in _ALONE and alone:
        days = [date(year, 1, 1) for value in values if (year := read_month(value)) is not None]
        return JUDGES[form](values, _around(days))
    return None


def _around(days: Sequence[date]) -> _Days:
    """Return the years that registrations on some days lie in: the last ones."""
    last = max(days, default=date(_NOW, 1, 1))
    return _Days(last - timedelta(days=366 * _YEARS), last)


def _numbers(values: Sequence[str]) -> Said | None:
    """Return what numbers are that are no measurement: births, written without signs or counted, or documents."""
    whole = [re.split("[.,]", value)[0] for value in values]
    whole = [x[:8] if len(x) in (12, 14) and read_dates(x, _NOW) else x for x in whole]
    eights = [day for x in whole if len(x) == 8 for day in read_dates(x, _NOW)[:1]]
    sixes = [day for x in whole if len(x) == 6 for day in read_dates(x, date.today().year)[:1]]
    fives = [day for x in whole if len(x) == 5 and (day := spreadsheet_day(int(x)))]
    round_ones = sum(x.endswith("0") for x in whole)
    measured = any(len(x) == 5 for x in whole) and (round_ones > 0.3 * len(whole) or _beyond(fives))
    if not measured and (kind := day_numbers(whole, _around(eights or sixes or fives))):
        return kind
    if eights and len(eights) == len(whole):
        return None
    long = [int(x) for x in whole if len(x.lstrip("+-")) >= 7]
    amounts = sum(x.endswith("000") for x in whole) > 0.3 * len(whole)
    own = len(long) > MANY * len(whole) and len(set(long)) > 0.8 * len(long) and not amounts
    return NUMBERS if own and not given_out(long, 5.0) else None


def _beyond(days: Sequence[date]) -> bool:
    """Tell whether numbers that could be days of a spreadsheet cannot be births of persons who live."""
    return not days or any(not 1915 <= day.year <= date.today().year for day in days)
