"""What shows that a file holds personal data: names of columns, and whether their values are what their role allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mse.errors import Problem
from mse.identifying.column_names import name_kind
from mse.identifying.identifying_dates import in_ascii, outside, read_dates
from mse.identifying.identifying_formats import MANY, format_kind
from mse.identifying.identifying_values import (
    BIRTHS,
    NOT_HASHES,
    is_full_hash,
    open_kind,
    record_kind,
    spells_text,
)
from mse.intake.contracts.clauses import Interval
from mse.intake.registers.plaintext import LONGEST
from mse.intake.registers.rowchecks import date_format
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.intake.contracts.clauses import ContractField
    from mse.intake.contracts.contract import Contract

_SOME = 0.05
"""Share of the values of a column that may be something else than what the column is for."""

_REJECTED = 0.2
"""The same where a value that does not belong is set aside with its row, and no other goes on."""

_LOOKED_AT = 2_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def personal_problems(
    header: Sequence[str], samples: Sequence[Sequence[str]], contract: Contract, path: Path
) -> list[Problem]:
    """Return which columns look personal, by their names and by samples of what is in them; never a value.

    Parameters
    ----------
    header : sequence of str
        Names of all columns of the file, also of those that are not read.
    samples : sequence of rows
        Some rows of the file, all cells.
    contract : Contract
        Its columns; those under ``personal`` are allowed.
    path : Path
        The file, for the messages.
    """
    problems = []
    fields = {field.name: field for field in contract.fields}
    span = Interval(first=contract.period.first, last=contract.extraction_date)
    for i, name in enumerate(header):
        if name in contract.personal:
            continue
        field = fields.get(name)
        unknown = contract.missing(field) if field else ("",)
        values = [value for row in samples if (value := row[i].strip()) not in unknown]
        if kind := personal_kind(name, values, field, span):
            found = said("guard.register", kind=kind)
            problems.append(Problem(found, _allowed(field), _REMEDY, file=str(path), column=name))
    return problems


_REMEDY = said("guard.register_remedy")
_DAYS, _CODES, _HASHES = said("guard.days"), said("guard.codes"), said("guard.hashes")
_ALLOWED = {
    "record": said("guard.records"), "key": _HASHES, "hash": _HASHES, "date": _DAYS, "entered": _DAYS,
    "stratum": _CODES, "referred_from": _CODES, "population": _CODES,
}  # fmt: skip
_OTHER = said("guard.other")


def _allowed(field: ContractField | None) -> Said:
    return _ALLOWED.get(field.role, _OTHER) if field else _OTHER


def personal_kind(name: str, values: Sequence[str], field: ContractField | None, span: Interval) -> Said | None:
    """Return what a column looks like that should not be there, None when it does not look personal.

    Parameters
    ----------
    name : str
        Of the column.
    values : sequence of str
        Some of its values, in the order of the rows, without missing ones.
    field : ContractField or None
        What the contract says about it.
    span : Interval
        From the first day of the registrations to that on which the file was drawn: full dates outside of it are taken
        to be dates of birth.
    """
    return _kind_by_name(name, field) or _kind_of(values, field, span)


def _kind_by_name(name: str, field: ContractField | None) -> Said | None:
    """Return what a name says; that of a pseudonym or of a label with a code list says nothing."""
    if field is not None and field.role not in ("ignored", "record"):
        return None
    return name_kind(name)


def _kind_of(values: Sequence[str], field: ContractField | None, span: Interval) -> Said | None:
    """Return what the values of a column look like, judged by its role."""
    role = field.role if field else "ignored"
    good = [value for value in values if not _CONTROL.search(value) and len(value) <= LONGEST]
    if role != "ignored" and len(good) > MANY * len(values):
        values = good  # the rows of the others are set aside
    values = [" ".join(in_ascii(value).split()) for value in values[:: max(1, len(values) // _LOOKED_AT)]]
    if not values:
        return None
    if field is None or role in ("ignored", "coarse"):
        return open_kind(_undeclared(values, field), span, of=len(values))
    if role in ("key", "hash"):
        return _key_kind(values, field, span)
    if role == "record":
        return record_kind(values, span)
    if role in ("date", "entered"):
        return _day_kind(values, field, span)
    return open_kind(_undeclared(values, field), span, of=len(values), some=_REJECTED if field.other is None else _SOME)


def _undeclared(values: Sequence[str], field: ContractField | None) -> list[str]:
    """Return the values that the contract does not list: what it lists is a closed list of codes."""
    if field is None:
        return list(values)
    known = {*field.mapping, *field.constraints.enum}
    cells = [part.strip() for value in values for part in value.split(field.separator)] if field.separator else values
    rest = [value for value in cells if value and value not in known]
    if field.classes or (field.type == "year" and field.role != "ignored"):
        rest = [value for value in rest if not _in_classes(value, field)]
    return rest


def _in_classes(value: str, field: ContractField) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    if field.type == "year":
        return 1800 <= number <= 2200 and not field.classes
    return any(
        (c.minimum is None or number >= c.minimum)
        and (c.maximum is None or number <= c.maximum)
        and abs(number) < 10_000
        for c in field.classes
    )


def _key_kind(values: Sequence[str], field: ContractField, span: Interval) -> Said | None:
    """Return what a column of pseudonyms looks like when it does not hold any."""
    own = field.constraints.pattern is not None
    pattern = re.compile(field.pattern or "")
    wrong = [value for value in values if not pattern.fullmatch(value if own else value.lower())]
    if len(wrong) > MANY * len(values):
        return format_kind(list(dict.fromkeys(values))) if own else NOT_HASHES
    if own:
        return record_kind(values, span)
    if kind := open_kind(wrong, span, of=len(values), some=_REJECTED):
        return kind
    hashes = [value.lower() for value in values if pattern.fullmatch(value.lower())]
    poor = sum(not is_full_hash(value) or spells_text(value) for value in hashes)
    return NOT_HASHES if poor > 0.2 * len(hashes) and poor > 1 else None


def _day_kind(values: Sequence[str], field: ContractField, span: Interval) -> Said | None:
    """Return what a column of dates looks like: dates of birth, or no dates at all."""
    declared = date_format(field)
    days: list[date] = []
    others: list[str] = []
    for value in values:
        day = declared.day(value) or next(iter(read_dates(value, span.last.year)), None)
        days += [day] if day else []
        others += [] if day or declared.fits(value) else [value]
    if kind := open_kind(others, span, of=len(values), some=_REJECTED):
        return kind
    if field.role == "entered" and outside(days, span) > _SOME:
        return BIRTHS
    # Registers deliver registrations from before the period too; people are born long before it.
    early = span.first - timedelta(days=3 * 366)
    return BIRTHS if days and sum(day < early for day in days) > MANY * len(values) else None
