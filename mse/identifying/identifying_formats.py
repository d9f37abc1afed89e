"""Numbers and addresses that belong to one person, by what libraries know of how they are made."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from mse.identifying.identifying_dates import in_ascii, read_dates
from mse.words.said import Said, said

CITIZEN, PERSONAL_NUMBERS = said("personal.citizen_numbers"), said("personal.numbers")
PHONES, ACCOUNTS, MAILS = said("personal.phones"), said("personal.accounts"), said("personal.mails")
POSTCODES, PLACES, HANDLES = said("personal.postcodes"), said("personal.places"), said("personal.handles")
PAGES, COMPUTERS = said("personal.pages"), said("personal.computers")

_MAIL = re.compile(
    r"[^@\s<>]+\s?(?:@|\(at\)|\[at\]|\s+at\s+)\s?[^@\s<>]+(?:\.|\s?\(dot\)\s?|\s?\[dot\]\s?)[^\W\d_]{2,}", re.IGNORECASE
)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+|\S*[a-z0-9-]\.(?:com|nl|be|de|eu|org|net|me|info|io|co|fr|uk|ru|ro|pl)(?:/\S*)?",
                  re.IGNORECASE)  # fmt: skip
_HANDLE = re.compile(r"@[\w.]{2,}")
_MAC = re.compile(
    r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}", re.IGNORECASE
)
_PAIR = re.compile(
    r"\(?\s*[-+]?\d{1,3}[.,]\d{2,}\s*°?\s*[NSEWO]?\s*[,;/ ]\s*[-+]?\d{1,3}[.,]\d{2,}\s*°?\s*[NSEWO]?\s*\)?",
    re.IGNORECASE,
)
_DEGREES = re.compile(r".*\d{1,3}\s*°.*|POINT\s*\(.*\)", re.IGNORECASE)
_ZIP = re.compile(
    r"(?:NL[- ]?)?[1-9]\d{3}[ -]?[a-z]{2}|[a-z]{1,2}\d[a-z\d]?[ -]?\d[a-z]{2}|[a-z]\d[a-z][ -]?\d[a-z]\d"
    r"|(?:a|b|d|e|f|i|l|n|s|at|be|ch|de|dk|es|fr|it|lu|nl|pl|ro)[- ]\d{4,5}"
    r"|\d{2}-\d{3}|\d{5}-\d{3,4}|\d{3} \d{2}|[a-z]\d[\dw] ?(?=\d*[a-z])[a-z\d]{4}|\d{3}-\d{4}",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"NL\d{2}[A-Z]{4}\d{10}|GB\d{2}[A-Z]{4}\d{14}")
_PREFIX = re.compile(
    r"^(?:[^\W\d_]{2,8}|bsn|sofi|burgerservicenummer)[\s.:#-]*(?:nr|no|nummer)?[\s.:#-]*(?=\d)", re.IGNORECASE
)
_SIGNS = re.compile(r"[\s.\-–/_:]")

_MODULES = (
    "nl.bsn", "be.nn", "be.bis", "be.eid", "pl.pesel", "ro.cnp", "bg.egn", "bg.pnf", "hr.oib", "de.idnr", "fr.nir",
    "fr.nif", "es.dni", "es.nie", "es.nif", "it.codicefiscale", "pt.cc", "pt.nif", "gr.amka", "cz.rc", "si.emso",
    "dk.cpr", "se.personnummer", "no.fodselsnummer", "fi.hetu", "ee.ik", "lt.asmens", "lv.pvn", "ie.pps", "at.vnr",
    "ch.ssn", "gb.nhs", "tr.tckimlik", "cn.ric", "in_.aadhaar", "in_.pan", "br.cpf", "mx.curp", "ca.sin", "za.idnr",
    "il.idnr", "kr.rrn", "th.pin", "is_.kennitala", "ec.ci", "cl.rut", "cu.ni", "do.cedula", "mu.nid", "ua.rntrc",
    "ar.cuit",
)  # fmt: skip
"""Of which about a tenth of the numbers of the right length pass, or fewer."""

_SHORTEST, _LONGEST = 8, 20
MANY = 0.5
"""Share of the values from which a column is of a kind that chance makes in a tenth of all numbers."""


def format_kind(values: Sequence[str], *, postcodes: bool = True) -> Said | None:
    """Return what the values are by the way they are made; None when they are nothing that is known.

    Parameters
    ----------
    values : sequence of str
        Distinct values of one column.
    postcodes : bool
        Whether what has the form of a postcode is one: a record number such as 19-001 has it too.
    """
    plain = [in_ascii(value).strip() for value in values]

    def share(test: Callable[[str], object]) -> float:
        return sum(bool(test(value)) for value in plain) / max(1, len(plain))

    if share(_MAIL.search) > 0:
        return MAILS
    if share(_URL.fullmatch) > 0.05 or share(lambda value: "://" in value or "www." in value) > 0:
        return PAGES
    if share(_HANDLE.fullmatch) > 0.05:
        return HANDLES
    if share(_is_ip) > 0.05:
        return COMPUTERS
    if share(_MAC.fullmatch) > MANY and share(lambda value: _SIGNS.search(value)) > MANY:
        return COMPUTERS
    if share(_is_account) > 0.05 and (len(plain) < 5 or sum(map(_is_account, plain)) > 1):
        return ACCOUNTS
    if share(lambda value: _PAIR.fullmatch(value) or _DEGREES.fullmatch(value)) > 0.2:
        return PLACES
    if share(is_citizen_number) > (MANY if len(plain) >= 20 else 0.7):
        return CITIZEN
    if share(_is_phone) > 0.2:
        return PHONES
    if postcodes and share(_ZIP.fullmatch) > 0.8:
        return POSTCODES
    return PERSONAL_NUMBERS if _is_national(plain) else None


def is_citizen_number(text: str) -> bool:
    """Tell whether a text is a Dutch citizen service number (bsn), with whatever stands around it."""
    from stdnum.nl import bsn

    digits = _SIGNS.sub("", _PREFIX.sub("", in_ascii(text)))
    return bool(re.fullmatch(r"\d{8,9}", digits) and bsn.is_valid(digits))


def _is_ip(text: str) -> bool:
    head = text.partition("/")[0]
    if head.count(".") != 3 and head.count(":") < 2:
        return False
    if re.fullmatch(r"\d{1,2}:\d{2}:\d{2}", head):
        return False
    try:
        ipaddress.ip_address(head if ":" in head and head.count(".") == 0 else head.partition(":")[0])
    except ValueError:
        return False
    return True


def _is_account(text: str) -> bool:
    from stdnum import iban

    number = _SIGNS.sub("", text).upper().removeprefix("IBAN")
    if _ACCOUNT.fullmatch(number):
        return True
    return bool(re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", number)) and iban.is_valid(number, check_country=False)


@lru_cache(2**12)
def _is_phone(text: str) -> bool:
    import phonenumbers

    if not 8 <= sum(x.isdigit() for x in text) <= 17 or not re.fullmatch(
        r"(?:[a-z]{2,10}[.:]?\s*)?[+\d\s().\-/–]+", text, re.IGNORECASE
    ):
        return False
    if not text.isdigit() and read_dates(text, 2100):
        return False
    digits = re.sub(r"[^\d+]", "", re.sub(r"\(0\)", "", text))
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if not digits.startswith(("+", "0")):
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(digits, "NL"))
    except phonenumbers.NumberParseException:
        return False


def _is_national(values: Sequence[str]) -> bool:
    """Tell whether most of the values pass the check of one kind of personal number."""
    values = values[:200]
    bare = [_PREFIX.sub("", value) for value in values]
    long = [x for x in bare if _SHORTEST <= sum(map(str.isalnum, x)) <= _LONGEST and sum(map(str.isdigit, x)) > 5]
    if len(long) <= MANY * len(values):
        return False
    # With few values, most of them pass some check by chance.
    needed = (MANY if len(values) >= 20 else 0.8) * len(values)
    return any(_passes(_validator(name), long, needed) for name in _MODULES)


def _passes(valid: Callable[[str], bool], values: Sequence[str], needed: float) -> bool:
    good = 0
    for tried, value in enumerate(values, 1):
        good += valid(value)
        if tried == 12 and good < 4:
            return False
    return good > needed


@cache
def _validator(name: str) -> Callable[[str], bool]:
    module: Any = import_module(f"stdnum.{name}")

    def valid(text: str) -> bool:
        try:
            return bool(module.is_valid(text))
        except (LookupError, ValueError):  # a place or a date that the library does not know
            return False

    return valid
