"""How people write lists and counts: TRUE/FALSE and yes/no cells, history strings, names of counts, doubtful lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from mse.words.said import Said, said

COUNT_NAMES = (
    "count", "counts", "n", "freq", "frequency", "frequencies", "aantal", "aantallen", "frequentie", "weight", "total",
    "number", "persons", "obs", "nb", "antal", "anzahl", "effectif", "cases", "people", "personen", "gewicht",
    "weights", "cell_count", "n_persons", "no_persons", "frequencia", "nombre", "totaal", "observed", "num",
    "cnt", "frec", "frecuencia", "fréquence", "effectifs", "häufigkeit", "value", "values", "y",
)  # fmt: skip
"""What a column of counts is called, the usual first; in any case of letters."""

_BY_PROGRAMS = ("len", "size")
"""What polars and pandas call it where nobody does; a covariate of persons may be called so too."""
_OF_PERSONS = frozenset(
    "of van de the person persoon personen mensen individuals victims slachtoffers betrokkenen clients cliënten no nr "
    "in totaal".split()
)
"""What may stand beside such a name: ``Aantal personen``, ``No. of persons``, ``Freq.``, ``# victims``."""

_SURE_COUNTS = frozenset(("counts", "freq", "frequency", "frequencies", "aantal", "aantallen", "frequentie"))

REGISTRATION_NAMES = (
    "registrations", "nbcap", "captures", "ncap", "registraties", "total_sub", "counts_per_person", "nreg",
)  # fmt: skip
"""What a column of registrations of one person is called."""
_OFTEN = frozenset(
    "registrations registraties captures times keer keren meldingen notifications sightings arrests aanhoudingen "
    "treatments contacts contacten encounters visits bezoeken".split()
)
_OFTEN_BESIDE = frozenset(
    "number no of aantal per the person persoon registered geregistreerd caught seen gezien how often hoe vaak".split()
)
"""What may stand beside such a name: ``aantal registraties``, ``times registered``, ``hoe vaak gezien``."""

HISTORY_NAMES = ("ch", "history", "histories", "hist", "capture_history", "capture history", "capt.hist", "caphist")
"""What a column of histories such as ``"0110"`` is called."""

BIT = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_CODINGS: tuple[Mapping[str, int], ...] = (
    {"false": 0, "true": 1}, {"f": 0, "t": 1}, {"no": 0, "yes": 1}, {"n": 0, "y": 1}, {"nee": 0, "ja": 1},
    {"n": 0, "j": 1}, {"onwaar": 0, "waar": 1}, {"un": 0, "obs": 1}, {"unobserved": 0, "observed": 1},
    {"absent": 0, "present": 1},
    {"not seen": 0, "seen": 1}, {"not registered": 0, "registered": 1}, {"niet": 0, "wel": 1}, {"nein": 0, "ja": 1},
    {"non": 0, "oui": 1}, {"off": 0, "on": 1}, {"-": 0, "+": 1}, {"afwezig": 0, "aanwezig": 1},
    {"-": 0, "x": 1}, {"–": 0, "x": 1}, {"o": 0, "x": 1}, {"0": 0, "x": 1}, {"✗": 0, "✓": 1}, {"✘": 0, "✔": 1},
    {"-": 0, "✓": 1}, {"-": 0, "✔": 1},
    {"onbekend": 0, "bekend": 1}, {"unknown": 0, "known": 1}, {"niet bekend": 0, "bekend": 1},
    {"not known": 0, "known": 1}, {"niet geregistreerd": 0, "geregistreerd": 1},
)  # fmt: skip
LOGICAL = 2
"""The first so many codings are what programs write for 0 and 1; the others are words, which a covariate has too."""

_NOT_A_LIST = frozenset(
    "sex gender male female males females man men woman women boy girl age ages minor minors adult adults underage "
    "exposure exposed treated treatment year month quarter week period season region province country nationality "
    "foreign native migrant urban rural ethnicity race class cohort stratum strata married employed agegroup agecat "
    "ageclass adulthood child children elderly young old victim suspect suspects dead alive deceased disabled pregnant "
    "foreigner foreigners citizen citizens dutch eu noneu wave smoker "
    "geslacht sekse vrouw vrouwen mannen meisje jongen leeftijd minderjarig minderjarige meerderjarig volwassen jaar "
    "maand periode regio provincie land nationaliteit herkomst stad platteland seizoen kind kinderen jong oud "
    "slachtoffer verdachte overleden zwanger buitenlands nederlands autochtoon allochtoon gehuwd leeftijdsgroep "
    "leeftijdsklasse".split()
)
_FILLERS = frozenset("is has code cat group dummy binary bin yn flag ind indicator m f v x of and the".split())

_SERIAL = re.compile(r"[0-9]+$|(?<![^\W\d_])[^\W\d_]$|(?<=[a-z])[A-Z]$")
"""What tells lists apart that are not named: a number, or a letter."""

_FEW = 10
"""Persons; of fewer it is no wonder that they are on two lists."""

SURE = 1e-3
"""Chance below which it is no accident that nobody is on a list alone."""
UNLIKE = 0.4
"""Who is on a list that draws from others is on only one of these less than so many times as often as the rest.

What persons are changes that by a factor of two or so, in public tables with covariates; drawing from others by more.
"""


def bits_of(cells: Sequence[str]) -> list[int | None] | None:
    """Return a column in which people say whether they are on a list as 0 and 1; None when it is no such column.

    0 and 1 are looked for first, then TRUE/FALSE, T/F, yes/no, y/n, ja/nee, j/n and waar/onwaar in any case of letters.
    Single cells that are something else are None, as long as most are as they should be.
    """
    found = [BIT.get(cell) for cell in cells]
    values = {cell.casefold() for cell in cells if cell}
    whole = [coding for coding in _CODINGS if values <= coding.keys()]  # n is no in more than one of them
    if _mostly(found, "0" in cells and not whole or all(x is not None for x in found)):
        return found
    for coding in whole or _CODINGS:
        said = [coding.get(cell.casefold()) for cell in cells]
        if _mostly(said, 0 in said):
            return said
    return None


def _mostly(bits: Sequence[int | None], zero: bool) -> bool:
    good = sum(bit is not None for bit in bits)
    return bool(bits) and zero and 2 * good > len(bits)


def coding_of(cells: Sequence[str]) -> int | None:
    """Return which coding a column is written in throughout: 0 for 0 and 1, else its number; None for none."""
    values = {cell.casefold() for cell in cells}
    if values and values <= BIT.keys():
        return 0
    return next((i for i, coding in enumerate(_CODINGS, 1) if values and values <= coding.keys()), None)


def read_as_lists(columns: Sequence[Sequence[str]]) -> set[int]:
    """Return the columns whose words say who is on a list.

    TRUE/FALSE and T/F are what programs write for 1 and 0. Words such as yes and no may as well be the levels of a
    covariate, so they are lists only where two columns or more have them and no column is written in another way.
    """
    codings = [coding_of(cells) for cells in columns]
    found = {i for i, coding in enumerate(codings) if coding is not None and 0 < coding <= LOGICAL}
    words = {i for i, coding in enumerate(codings) if coding is not None and coding > LOGICAL}
    plain = any(coding is not None and coding <= LOGICAL for coding in codings)
    return found | (words if len(words) > 1 and not plain else set())


def count_place(header: Sequence[str], columns: Sequence[Sequence[str]], count: str) -> int | None:
    """Return the place of the counts: the column of that name in any case of letters, else one that is called so.

    Only where the name is the usual one are others taken for it, and only one with other cells than 0 and 1, which
    would be a list; None when there is none, or more than one.
    """
    if count in header:
        return header.index(count)
    alike = [i for i, name in enumerate(header) if name.casefold() == count.casefold()]
    if len(alike) == 1 or count != COUNT_NAMES[0]:
        return alike[0] if len(alike) == 1 else None
    known = count_like(header, columns)
    return known[0] if len(known) == 1 else None


def count_like(header: Sequence[str], columns: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns that are called as counts usually are, those with the most usual names if there are any.

    A column of 0 and 1 that is called so may be a list, unless its name can be that of nothing else.
    """
    open_to = [i for i, name in enumerate(header) if coding_of(columns[i]) is None or name.casefold() in _SURE_COUNTS]
    for names in (COUNT_NAMES[:10], COUNT_NAMES[10:]):
        known = [i for i in open_to if header[i].casefold() in names]
        if known:
            return known
    return [i for i in open_to if _counts_persons(header[i]) or (header[i] in _BY_PROGRAMS and _grouped(i, columns))]


def _counts_persons(name: str) -> bool:
    """Return whether a name of several words is that of a count: one of the usual names, and what may stand beside."""
    words = re.findall(r"[^\W\d_]+|#", name.casefold())
    usual = [word for word in words if word in COUNT_NAMES or word == "#"]
    return bool(usual) and all(word in usual or word in _OF_PERSONS for word in words)


def _grouped(i: int, columns: Sequence[Sequence[str]]) -> bool:
    """Return whether rows are groups with column i as their size: no two alike in lists and what else they share."""
    others = [cells for j, cells in enumerate(columns) if j != i and len({*cells}) < len(cells)]
    rows = [*zip(*others, strict=True)]
    return any(coding_of(cells) is not None for cells in others) and len({*rows}) == len(rows)


def registrations_place(header: Sequence[str], registrations: str) -> int | None:
    """Return the place of the registrations: the column of that name, else one that is called so; None for none."""
    if registrations in header:
        return header.index(registrations)
    alike = [i for i, name in enumerate(header) if name.casefold() == registrations.casefold()]
    if not alike and registrations == REGISTRATION_NAMES[0]:
        alike = [i for i, name in enumerate(header) if name.casefold() in REGISTRATION_NAMES]
        alike = alike or [i for i, name in enumerate(header) if _says_how_often(name)]
    return alike[0] if len(alike) == 1 else None


def _says_how_often(name: str) -> bool:
    words = re.findall(r"[^\W\d_]+", name.casefold())
    asked = {*words} >= {"how", "often"} or {*words} >= {"hoe", "vaak"}
    return (asked or any(word in _OFTEN for word in words)) and all(word in _OFTEN | _OFTEN_BESIDE for word in words)


def history_place(header: Sequence[str], columns: Sequence[Sequence[str]]) -> int | None:
    """Return the place of a column of history strings, ``"0110"``; None when there is none.

    It has one of the names that are usual, or it is the only such column in a file without lists.
    """
    strings = [i for i, cells in enumerate(columns) if _histories(cells)]
    named = [i for i in strings if header[i].casefold() in HISTORY_NAMES]
    if len(named) == 1:
        return named[0]
    lists = any(bits_of(cells) is not None for i, cells in enumerate(columns) if i not in strings)
    return strings[0] if len(strings) == 1 and not lists else None


def plain_history(cell: str) -> str:
    """Return a history string as 0 and 1 alone: ``110.0``, ``0-1-1-0``, ``0 1 1 0`` and ``(0, 1, 1, 0)`` are too."""
    cell = cell[1:-1].replace(", ", ",") if cell[:1] in ("(", "[") and cell[-1:] in (")", "]") else cell
    if not cell or cell[0] not in "01" or not cell.strip("01.,-_ /;|").strip() == "":
        return cell
    text = re.sub(r"\.0+$", "", cell) if re.fullmatch(r"[01]+\.0+", cell) else cell
    return re.sub(r"[,\-_ /;|]", "", text) if re.fullmatch(r"[01]([,\-_ /;|][01])+", text) else text


def _histories(cells: Sequence[str]) -> bool:
    """Return whether these are strings of 0 and 1 of two places or more, of which zeros at the start may be lost."""
    if not cells or len(cells[0]) < 2 and {*cells} <= {"0", "1"} or any(cell.strip("01") or not cell for cell in cells):
        return False
    lengths = set(map(len, cells))
    short = [x for x in cells if len(x) < max(lengths)]
    return max(lengths) > 1 and all(x[0] == "1" or x == "0" for x in short)


def split_histories(cells: Sequence[str], taken: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return names and columns of the lists that history strings are about: ``list_1``, ``list_2`` and so on."""
    names = [f"list_{j + 1}" for j in range(len(cells[0]))]
    names = [f"{name}_" if name in taken else name for name in names]
    return names, [[cell[j] for cell in cells] for j in range(len(cells[0]))]


def questions(
    names: Sequence[str], bits: Sequence[Sequence[int | None]], numbers: Sequence[int | None]
) -> Iterator[tuple[str, Said]]:
    """Yield the columns that may be no lists although they look like them, and why: name and reason.

    Parameters
    ----------
    names : sequence of str, length K
        Columns that would be lists.
    bits : sequence of sequences, shape (K, R)
        Who is on what.
    numbers : sequence of int, length R
        Persons in each row.
    """
    if None in numbers or any(None in column for column in bits):
        return  # a fault of its own
    rows = [(n, *on) for n, *on in zip(numbers, *bits, strict=True) if n]
    columns = [tuple(row[j + 1] for row in rows) for j in range(len(names))]
    series = len({_SERIAL.sub("", name) for name in names}) == 1  # o01 to o18, A to D: no covariate is one of these
    for j, name in enumerate(names):
        same = next((other for i, other in enumerate(names) if i < j and columns[i] == columns[j]), None)
        against = next((other for i, other in enumerate(names) if i < j and _opposite(columns[i], columns[j])), None)
        if rows and all(columns[j]):
            yield name, said("doubt.everybody")
        elif same is not None and any(columns[j]):
            yield name, said("doubt.same", other=repr(same))
        elif against is not None:
            yield name, said("doubt.opposite", other=repr(against))
        elif called_otherwise(name):
            yield name, said("doubt.name")
        elif (both := _those_on_both(j, columns)) and sum(n for n, *on in rows if on[j]) >= _FEW:
            yield name, said("doubt.both", first=repr(names[both[0]]), second=repr(names[both[1]]))
        elif len(names) > 2 and not series and _never_alone(j, rows):
            yield name, said("doubt.alone")


def _those_on_both(j: int, columns: Sequence[Sequence[int | None]]) -> tuple[int, int] | None:
    """Return two other columns of which exactly those are on column j who are on both; None without such."""
    on = columns[j]
    pairs = combinations([i for i in range(len(columns)) if i != j], 2) if any(on) else ()
    return next(
        (
            (a, b) for a, b in pairs
            if all(x == (y and z) for x, y, z in zip(on, columns[a], columns[b], strict=True))
        ),
        None,
    )  # fmt: skip


def _opposite(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    return bool(one) and all(a is not None and b is not None and a + b == 1 for a, b in zip(one, other, strict=True))


def called_otherwise(name: str) -> bool:
    """Return whether every word of a name speaks of what persons are, not of who keeps a list of them."""
    words = [w for w in re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()) if w]
    telling = [w for w in words if w not in _FILLERS]
    return bool(telling) and all(w in _NOT_A_LIST for w in telling)


def _never_alone(j: int, rows: Sequence[tuple[int | None, ...]]) -> bool:
    """Return whether nobody is on column j alone although it is large, and no single other column explains it.

    Persons who are not on a list are on one of the others, because everybody is in the table. Those who are on it may
    be on no other; where the others leave out a share s of each other's persons, nobody among m is alone with a chance
    of (1 − s)^m. What persons are hardly matters for how many lists they are on; a list that draws its persons from
    others has those who are on several.
    """
    members = sum(row[0] or 0 for row in rows if row[j + 1] == 1)
    others = [i for i in range(1, len(rows[0])) if i != j + 1] if rows else []
    if not members or any(row[j + 1] == 1 and not any(row[i] for i in others) for row in rows):
        return False
    if any(all(row[i] for row in rows if row[j + 1] == 1) for i in others):
        return False  # it lies inside one other list, as part of a register does
    everybody = sum(row[0] or 0 for row in rows)
    alone, once = (
        sum(row[0] or 0 for row in rows if row[j + 1] == on and sum(bool(row[i]) for i in others) == 1) for on in (0, 1)
    )
    if once * (everybody - members) < UNLIKE * alone * members:
        return False
    return everybody > 0 and (1.0 - alone / everybody) ** members < SURE
