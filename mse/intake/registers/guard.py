"""What shows that a file holds personal data: names of columns, and samples of what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mse.errors import Problem

if TYPE_CHECKING:
    from mse.intake.contracts.clauses import ContractField
    from mse.intake.contracts.contract import Contract

_NAMES = {
    "a name": r"(sur|last|first|given|family|middle|maiden|full|victim_?|person_?|voor|achter|familie|roep|geslachts"
    r"|meisjes|tussen)_?(name|names|naam|namen|voegsels?)|names?|naam|namen|voorletters?|initials?"
    r"|naam_?(slachtoffer|client|persoon)",
    "a date of birth": r"date_?of_?birth|birth_?(date|day)|dob|geboorte_?(datum|dag)|geb_?dat(um)?",
    "an e-mail address": r"e?_?mail(_?adres(s)?)?",
    "a telephone number": r"(tele)?_?(phone|foon|fax)(_?(number|nummer|nr))?|mobiel|mobile|gsm|tel(_?nr)?",
    "a personal number": r"bsn|burger_?service_?nummer|sofi(_?nummer)?|ssn|social_?security(_?number)?|v_?nummer"
    r"|(national|personal)_?(id|number)|passport(_?(number|no))?|paspoort(_?nummer)?|document_?(number|nummer)"
    r"|iban|rekening_?nummer|kenteken",
    "an address": r"address|adres|street|straat(naam)?|house_?number|huis_?nummer|post_?code|zip(_?code)?|woonadres",
    "free text": r"remarks?|opmerking(en)?|toelichting|notes?|notitie(s)?|comments?|commentaar|free_?text|vrije_?tekst"
    r"|omschrijving|narrative|verhaal|bijzonderheden",
}
_BY_NAME = {what: re.compile(pattern) for what, pattern in _NAMES.items()}

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(\+|00)\d{9,14}|0[1-9]\d{8}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z]{4}\d{10}|[A-Z]{2}\d{18,26}")
_POSTCODE = re.compile(r"[1-9]\d{3} ?[A-Z]{2}")
_WORDS = re.compile(r"[^\W\d_]+([ ,.'’-]+[^\W\d_]+)*[.]?")
_ISO = re.compile(r"(\d{4})[-/.]?([01]\d)[-/.]?([0-3]\d)([ T].*)?")
_DAY_FIRST = re.compile(r"([0-3]?\d)[-/. ]([01]?\d)[-/. ](\d{4})([ T].*)?")

_SOME, _MANY = 0.05, 0.5
"""Shares of the values of a column from which they are taken to be of a kind."""

_ELEVEN = (9, 8, 7, 6, 5, 4, 3, 2, -1)


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
    for i, name in enumerate(header):
        if name in contract.personal:
            continue
        field = fields.get(name)
        unknown = contract.missing(field) if field else ("",)
        values = [value for row in samples if (value := row[i].strip()) not in unknown]
        if kind := personal_kind(name, values, field, contract.period.first):
            found = f"the column looks like {kind}: the file does not seem to be pseudonymised"
            remedy = (
                "let the supplier run mse pseudonymise, or leave the column out; where it may be delivered, name it "
                "under personal in the contract"
            )
            problems.append(Problem(found, "keyed hashes and codes only", remedy, file=str(path), column=name))
    return problems


def personal_kind(name: str, values: Sequence[str], field: ContractField | None, start: date) -> str | None:
    """Return what a column looks like that should not be there, None when it does not look personal.

    Parameters
    ----------
    name : str
        Of the column.
    values : sequence of str
        Some of its values, without missing ones.
    field : ContractField or None
        What the contract says about it.
    start : date
        First day of the registrations: full dates long before it are taken to be dates of birth.
    """
    return _kind_by_name(name, field) or _kind_of(values, field, start)


def _kind_by_name(name: str, field: ContractField | None) -> str | None:
    """Return what a name says; that of a pseudonym or of a label with a code list says nothing."""
    if field is not None and field.role not in ("ignored", "record"):
        return None
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    words = re.sub(r"[\W_]+", "_", words).strip("_").casefold()
    return next((what for what, pattern in _BY_NAME.items() if pattern.fullmatch(words)), None)


def _kind_of(values: Sequence[str], field: ContractField | None, start: date) -> str | None:
    """Return what the values of a column look like."""
    if not values:
        return None
    if any(_MAIL.search(value) for value in values):
        return "e-mail addresses"

    def share(test: Callable[[str], object]) -> float:
        return sum(bool(test(value)) for value in values) / len(values)

    role = field.role if field else "ignored"
    if role in ("key", "hash") and field is not None and field.pattern is not None:
        pattern, own = re.compile(field.pattern), field.constraints.pattern is not None
        if share(lambda value: not pattern.fullmatch(value if own else value.lower())) > _MANY:
            return "something else than keyed hashes"
        if not own:
            return None
    if role in ("stratum", "referred_from"):
        return None  # a value that is not a code is rejected, and no other goes on
    if share(_is_long) > _SOME / 5:
        return "free text"
    if role not in ("date", "entered") and share(lambda value: _is_birth(value, start)) > _SOME:
        return "full dates of birth"
    if share(_is_citizen_number) > _MANY:
        return "citizen service numbers"
    if share(lambda value: _PHONE.fullmatch(re.sub(r"[\s().-]", "", value))) > _MANY / 5:
        return "telephone numbers"
    if share(lambda value: _IBAN.fullmatch(value.replace(" ", ""))) > _SOME:
        return "bank accounts"
    if share(_POSTCODE.fullmatch) > _MANY:
        return "full postcodes"
    if (
        role in ("ignored", "coarse", "record", "key", "hash")
        and len(set(values)) > max(20, len(values) // 10)
        and share(_is_name) > _MANY
    ):
        return "names"
    return None


def _is_long(value: str) -> bool:
    """Tell whether a value is a sentence."""
    return len(value) > 40 and len(value.split()) > 5


def _is_name(value: str) -> bool:
    """Tell whether a value is one or more words in letters, the first of them or all with a capital."""
    return (
        len(value) > 2 and bool(_WORDS.fullmatch(value)) and any(x.isupper() for x in value[:1] + value.split()[-1][:1])
    )


def _is_birth(value: str, start: date) -> bool:
    """Tell whether a value is a full date more than ten years before the period."""
    if found := _ISO.fullmatch(value):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    elif found := _DAY_FIRST.fullmatch(value):
        day, month, year = int(found[1]), int(found[2]), int(found[3])
        if month > 12 >= day:
            day, month = month, day
    else:
        return False
    return 1900 <= year < start.year - 10 and 1 <= month <= 12 and 1 <= day <= 31


def _is_citizen_number(value: str) -> bool:
    """Tell whether a value passes the test of eleven of the Dutch citizen service number (bsn)."""
    digits = re.sub(r"[\s.]", "", value)
    if not re.fullmatch(r"\d{8,9}", digits) or not int(digits):
        return False
    return sum(weight * int(digit) for weight, digit in zip(_ELEVEN, digits.zfill(9), strict=True)) % 11 == 0
