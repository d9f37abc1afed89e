"""What is written where a name or a date of birth is not known: it stands for many persons, and gets no hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from mse.intake.pseudonyms.canonical import words

KINDS = ("surname", "given name", "date of birth", "1 January", "beyond a life")
"""What can be a placeholder, as it is counted."""

OLDEST = 120
"""Years of a life, at most."""

_NAMES = frozenset(
    """
    onbekend onbekende unknown unbekannt inconnu inconnue desconocido desconocida sconosciuto nieznany nieznana
    necunoscut bilinmiyor неизвестно неизвестный неизвестная невідомо مجهول 不明 未知 불명 anoniem anonieme anonym
    anonyme anonymous anonymus anonimo anonima anonim nietbekend nogonbekend notknown notavailable notprovided
    nomennescio nn nnb nnn nb nvt nietvantoepassing geen geennaam geenvoornaam geenachternaam none noname
    nonamegiven null missing ntb nietingevuld leeg empty test tester testen testpersoon testnaam testclient
    dummy fake fictief voorbeeld example doe baby babyvan naamloos nameless jandoe janedoe johndoe weigert
    refused geweigerd vertrouwelijk confidential geheim xnaam nnman nnvrouw onbekendeman onbekendevrouw
    ongeboren unborn alias voornaam achternaam surname firstname lastname
    """.split()
)
_DAYS = frozenset(
    "1900-01-01 1901-01-01 1899-12-30 1899-12-31 1904-01-01 1911-11-11 1922-02-02 1800-01-01 1753-01-01"
    " 0001-01-01 1111-11-11 9999-12-31 9999-09-09 2999-12-31 2099-12-31 2222-02-22".split()
)
_LEAST, _SHARE = 10, 0.02
"""From how many dates, and from which share of them, the first of January stands for a day that is not known."""


def is_placeholder(text: str) -> bool:
    """Tell whether a name stands for one that is not known: "onbekend", "N.N.", "xx", "?", "anonymous", "baby"."""
    found = words(text)
    if not found:
        return bool(text.strip())
    joined = "".join(found)
    # "Xx", "X.", "zzz": one letter again and again; a single other letter may be an initial.
    same = joined.isascii() and len(set(joined)) == 1 and (joined[0] in "x" or len(joined) > 2)
    return (
        same
        or (joined == "na" and not text.strip().isalpha())
        or joined in _NAMES
        or (found[0] in ("baby", "onbekend", "unknown", "nn") and len(found) <= 3)
    )


def kind_of_day(day: str, on: str = "") -> str | None:
    """Return why a date of birth is none, a key of `KINDS`, or None when it can be one.

    Parameters
    ----------
    day : str
        In ISO.
    on : str
        The day of the registration in ISO; today where it is not known.
    """
    if day in _DAYS:
        return "date of birth"
    until = int(on[:4]) if on else date.today().year
    late = day > (on or date.today().isoformat())
    return "beyond a life" if late or int(day[:4]) < until - OLDEST else None


def january_stands_for_unknown(days: Iterable[str]) -> bool:
    """Tell whether there are so many births on the first of January that it stands for a day that is not known.

    Parameters
    ----------
    days : iterable of str
        Dates of birth in ISO; those that are none are left out.

    Notes
    -----
    One in 365 is born on that day. From ten on, and from one in fifty, it is written where only the year is known.
    """
    counts = Counter(day[5:] == "01-01" for day in days if day and kind_of_day(day) is None)
    return counts[True] >= _LEAST and counts[True] >= _SHARE * counts.total()
