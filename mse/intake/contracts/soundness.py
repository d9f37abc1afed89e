"""What makes the contract of one supplier sound."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING

from mse.errors import Problem
from mse.intake.contracts.clauses import ContractField, Identity
from mse.intake.contracts.layouts import layout_faults
from mse.settings.places import JobFile, Place
from mse.tables.checks import NOT_IN_LIST_NAMES, RESERVED

if TYPE_CHECKING:
    from mse.intake.contracts.contract import Contract

GAP = "FILL IN"
"""What `new_contract` writes where only a person knows the answer."""

MOST_COLUMNS = 60
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_TAKEN = {"list", "source", "row", "key", "date", "entered", "referred_from", *RESERVED}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WORDS = ("title", "publisher", "territory", "victim")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_DATES = ("date", "datetime")
_FORMATS = "default, or strptime such as %d-%m-%Y with year, month and day"


def contract_problems(contract: Contract) -> list[Problem]:
    """Return what is wrong with a contract beyond the types of its values, each with its place."""
    found = [
        *_text_faults(contract),
        *_head_faults(contract),
        *(fault for i, field in enumerate(contract.fields) for fault in _field_faults(field, ("fields", str(i)))),
        *_roles_faults(contract),
        *_dimension_faults(contract),
        *_sight_faults(contract),
        *layout_faults(contract),
    ]
    return [
        *(contract.file.put(problem, place) for place, problem in found),
        *gaps(contract.model_dump(), contract.file),
    ]


def gaps(settings: Mapping[str, object], file: JobFile) -> list[Problem]:
    """Return the texts at the top of a contract that are still to be filled in."""
    empty = {key: text for key in _WORDS if isinstance(text := settings.get(key), str) and text.strip() in ("", GAP)}
    return [
        file.put(Problem("this is not filled in", "words", "fill it in", column=key, value=text), (key,))
        for key, text in empty.items()
    ]


Fault = tuple[Place, Problem]


def _text_faults(contract: Contract) -> Iterator[Fault]:
    """Yield the places of texts with control characters, which no cell and no query can hold."""

    def search(value: object, place: Place) -> Iterator[Place]:
        if isinstance(value, dict):
            for key, inside in value.items():
                yield from search(key, (*place, key))
                yield from search(inside, (*place, key))
        elif isinstance(value, list):
            for i, inside in enumerate(value):
                yield from search(inside, (*place, str(i)))
        elif isinstance(value, str) and _CONTROL.search(value):
            yield place

    for place in search(contract.model_dump(mode="json"), ()):
        yield place, Problem("a text holds a control character", "letters, digits and signs", "delete it")


def _head_faults(contract: Contract) -> Iterator[Fault]:
    name = contract.list
    if not name.strip() or name != name.strip() or name.startswith("~") or set(name) & set(NOT_IN_LIST_NAMES):
        allowed = f"a text without any of {' '.join(NOT_IN_LIST_NAMES)}, and no ~ at its start"
        yield ("list",), Problem("this cannot be the name of a list", allowed, "rename the list", value=name)
    if not contract.path or any(not p.strip() or "\0" in p for p in contract.path):
        yield ("path",), Problem("no file is named", "paths of files", "name at least one")
    own = contract.identity
    here = [field.name for field in contract.fields]
    here += [] if own is None else [own.surname, own.given, own.birth_date]
    gone = [f.name for f in contract.fields if own is None and f.role != "ignored" and f.name not in contract.places]
    for name in [*(x for x in contract.places if x not in here), *(gone if contract.places else ())]:
        yield ("places",), Problem("the places of a file of fixed width are not those of its columns", ", ".join(here),
                                   "give first character and number of characters of every column",
                                   value=name)  # fmt: skip
    if contract.delimiter not in DELIMITERS:
        yield ("delimiter",), Problem("this separator is not known", ", ".join(DELIMITERS.values()), "choose one",
                                      value=contract.delimiter)  # fmt: skip
    try:
        "a".encode(contract.encoding).decode(contract.encoding)
    except (LookupError, ValueError):
        yield ("encoding",), Problem("this encoding is not known", "utf-8, utf-8-sig, cp1252, latin-1, utf-16, ...",
                                     "choose one", value=contract.encoding)  # fmt: skip
    period, drawn = contract.period, contract.extraction_date
    if period.first > period.last:
        yield ("period",), Problem("the period ends before it begins", "first on or before last", "correct one of them")
    if drawn < period.last:
        found = f"the files were drawn on {drawn}, before the period ends on {period.last}"
        yield (
            ("extraction_date",),
            Problem(found, "a day after the period", "end the period earlier, or correct the day"),
        )
    if drawn > date.today():
        yield ("extraction_date",), Problem("this day has not come yet", "the day on which the files were drawn",
                                            "correct it", value=str(drawn))  # fmt: skip
    names = [field.name for field in contract.fields]
    for name in contract.personal:
        if name not in names:
            yield ("personal",), Problem("there is no such column", ", ".join(names), "correct it", value=name)


def _field_faults(field: ContractField, place: Place) -> Iterator[Fault]:
    def fault(key: str, found: str, allowed: str, remedy: str, value: str | None = None) -> Fault:
        return (*place, key), Problem(found, allowed, remedy, column=field.name, value=value)

    if field.role in ("hash", "coarse", "stratum") and (
        not _NAME.fullmatch(field.target) or field.target in _TAKEN or field.target in ("bad", "several")
    ):
        allowed = f"small letters, digits and _, none of {', '.join(sorted(_TAKEN))}"
        yield fault("into", "this cannot be the name of a column of the registrations", allowed,
                    "give another name with into", field.target)  # fmt: skip
    if field.role in ("date", "entered") and field.type not in _DATES:
        yield fault("type", f"a column with the role {field.role} has this type", "date or datetime", "correct it",
                    field.type)  # fmt: skip
    if field.format != "default" and field.type not in _DATES:
        yield fault("format", "only dates have a format here", 'type = "date" or no format', "correct it", field.format)
    if field.type in _DATES and field.format != "default" and not _format_known(field.format):
        yield fault("format", "this is no format of a date", _FORMATS, "correct it", field.format)
    if field.constraints.pattern is not None and not _pattern_known(field.constraints.pattern):
        allowed = "a regular expression without (?=, (?< and references"
        yield fault("constraints", "this pattern cannot be used", allowed, "correct it", field.constraints.pattern)
    if field.role in ("key", "hash") and field.type != "string":
        yield fault("type", f"a column with the role {field.role} has this type", "string", "correct it", field.type)
    ways = [key for key in ("codes", "classes") if getattr(field, key)]
    ways += ["constraints.enum"] if field.role == "stratum" and field.constraints.enum else []
    if field.role == "stratum" and len(ways) != 1 and not (ways == [] and field.other is not None):
        yield fault("role", f"a stratum has {' and '.join(ways) or 'no code list'}",
                    "one of codes, classes, constraints.enum", "say which codes there are")  # fmt: skip
    if field.role == "referred_from" and not field.codes:
        yield fault("role", "it does not say which list a code stands for", "codes", 'add codes, with "" for nobody')
    if field.role not in ("stratum", "referred_from"):
        for key in ("codes", "other", "classes", "separator"):
            if getattr(field, key):
                yield fault(key, f"a column with the role {field.role} has {key}", "only a stratum has",
                            f"leave out {key}, or give the role stratum")  # fmt: skip
    if field.role == "referred_from" and (field.separator or field.classes):
        yield fault("role", "the list that sent a person has a separator or classes", "codes", "leave them out")
    if field.classes:
        yield from _class_faults(field, place)
    for code in (code for code in (*field.codes, *field.constraints.enum) if not code or code != code.strip()):
        allowed, remedy = "codes as cells are read: without space around", "correct it; missingValues are the unknown"
        yield fault("codes", "a code is empty, or has space around it", allowed, remedy, code)
    for level in {level for level in field.levels if level != level.strip() or not level.isprintable()}:
        yield fault("codes", "this cannot be the name of a level", "a text on one line", "rename it", level)


def _class_faults(field: ContractField, place: Place) -> Iterator[Fault]:
    far = sys.float_info.max
    ends = [(-far if c.minimum is None else c.minimum, far if c.maximum is None else c.maximum) for c in field.classes]
    where = (*place, "classes")
    if field.type not in ("integer", "number", "year"):
        yield where, Problem("classes of what is no number", "type integer, number or year", "correct the type",
                             column=field.name, value=field.type)  # fmt: skip
    if field.separator or field.other:
        yield where, Problem("classes beside a separator or other", "classes alone", "leave the other out",
                             column=field.name)  # fmt: skip
    if any(low > high for low, high in ends) or any(a[1] >= b[0] for a, b in combinations(sorted(ends), 2)):
        yield where, Problem("classes overlap, or end before they begin", "each number in at most one class",
                             "correct the ends; both are included", column=field.name)  # fmt: skip


def _pattern_known(pattern: str) -> bool:
    """Tell whether both Python and DuckDB take a regular expression."""
    import duckdb

    try:
        re.compile(pattern)
        with duckdb.connect(":memory:") as connection:
            connection.execute("SELECT regexp_full_match('', ?)", [pattern]).fetchall()
    except (re.error, RecursionError, OverflowError, duckdb.Error):
        return False
    return True


def _format_known(text: str) -> bool:
    """Tell whether a format of strptime has year, month and day, and nothing that only some systems know."""
    marks = re.findall(r"%(-?.)", text)
    known = {"Y", "y", "m", "d", "b", "B", "H", "M", "S", "f", "z"}
    year, month = {"Y", "y"} & set(marks), {"m", "b", "B"} & set(marks)
    return bool(set(marks) <= known and year and month and "d" in marks and len(marks) == len(set(marks)))


def _roles_faults(contract: Contract) -> Iterator[Fault]:
    names = [field.name for field in contract.fields]
    for name in dict.fromkeys(x for x in names if names.count(x) > 1):
        place = ("fields", str(len(names) - 1 - names[::-1].index(name)))
        yield place, Problem("a column is named twice", "each column once", "leave one out", value=name)
    fields = ("fields",)
    for role in ("record", "key", "date", "entered", "referred_from"):
        if (count := [field.role for field in contract.fields].count(role)) > 1:
            yield fields, Problem(f"{count} columns have the role {role}", "one", "give the others another role")
    if len(contract.fields) > MOST_COLUMNS:
        allowed = f"at most {MOST_COLUMNS}"
        yield fields, Problem(f"{len(contract.fields)} columns", allowed, "leave out those that are not needed")
    if not contract.with_role("date"):
        yield fields, Problem("no column has the role date", "one", "say which one holds the date of the registration")
    if not contract.with_role("key", "hash"):
        yield fields, Problem("no column says who the person is", "a column with the role key or hash",
                              "let the supplier make pseudonyms: mse pseudonymise")  # fmt: skip
    parts = [*contract.parts, *contract.strata]
    for name in dict.fromkeys(x for x in parts if parts.count(x) > 1):
        yield fields, Problem("two columns fill the same column of the registrations", "into: a name for each",
                              "rename one", value=name)  # fmt: skip
    yield from () if contract.identity is None else _identity_faults(contract.identity, names)


def _identity_faults(identity: Identity, names: Sequence[str]) -> Iterator[Fault]:
    for name in dict.fromkeys((identity.surname, identity.given, identity.birth_date)):
        if name in names:
            yield ("identity",), Problem("a column with the identity is one that is delivered",
                                         "columns of the supplier's own file", "leave it out of the fields",
                                         value=name)  # fmt: skip
    for text in identity.birth_format:
        if sorted(re.findall("%(.?)", text)) != ["Y", "d", "m"]:
            yield ("identity", "birth_format"), Problem("this is no format of a date of birth",
                                                        "%Y, %m and %d, each once, such as %d-%m-%Y", "correct it",
                                                        value=text)  # fmt: skip


def _dimension_faults(contract: Contract) -> Iterator[Fault]:
    several = {f.target for f in contract.with_role("stratum") if f.separator}
    filled = [f.target for f in contract.with_role("stratum")]
    several |= {name for name in filled if filled.count(name) > 1}
    for name, rule in contract.dimensions.items():
        place = ("dimensions", name)
        levels = {level for f in contract.with_role("stratum") if f.target == name for level in f.levels}
        if name not in filled:
            allowed = ", ".join(dict.fromkeys(filled)) or "none: no column is a stratum"
            yield place, Problem("a rule for a dimension that no column fills", allowed, "correct the name", value=name)
            continue
        if (rule.several is None and name in several) or (rule.several is not None and name not in several):
            found = "there can be only one label" if rule.several else "it does not say what to do with several labels"
            allowed = "several where a column has a separator, or several columns fill the dimension"
            yield place, Problem(found, allowed, "add it or leave it out", value=name)
        if rule.several == "priority" and (set(rule.order) != levels or len(set(rule.order)) < len(rule.order)):
            yield (*place, "order"), Problem("the order does not hold every level once", ", ".join(sorted(levels)),
                                             "name them all, the most important first")  # fmt: skip
        if (rule.several == "level") != bool(rule.level) or (rule.order and rule.several != "priority"):
            allowed = "order for priority, level for level, neither for the others"
            yield place, Problem("rule and settings do not fit", allowed, "add or leave out", value=rule.several)
    for name in several - set(contract.dimensions):
        yield ("fields",), Problem("no rule for several labels", "a section [dimensions.…] with several",
                                   "say which label counts when there are two", value=name)  # fmt: skip


def _sight_faults(contract: Contract) -> Iterator[Fault]:
    for i, blind in enumerate(contract.blind):
        if not blind.where:
            yield ("blind", str(i)), Problem("it does not say to what the list is blind", "where = { form = [...] }",
                                             "name dimensions and levels")  # fmt: skip
        yield from _where_faults(contract, blind.where, ("blind", str(i), "where"))
    for i, closed in enumerate(contract.closed):
        yield from _where_faults(contract, closed.where, ("closed", str(i), "where"))
        if closed.first > closed.last or closed.last < contract.period.first or closed.first > contract.period.last:
            yield ("closed", str(i)), Problem("these days are not an interval within the period",
                                              f"days from {contract.period.first} to {contract.period.last}",
                                              "correct first or last")  # fmt: skip


def _where_faults(contract: Contract, where: Mapping[str, Sequence[str]], place: Place) -> Iterator[Fault]:
    """Check dimensions only: a list knows no code for a level that it never sees."""
    for name, levels in where.items():
        if name not in contract.strata:
            yield place, Problem("there is no such dimension", ", ".join(contract.strata), "correct it", value=name)
        if not levels:
            yield place, Problem("no level is named", "at least one", "name the levels", value=name)
