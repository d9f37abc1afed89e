"""One list, several layouts: how its files were written before and after a change, as contracts of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.inputfiles import matching
from mse.errors import Problem, names_of
from mse.words.said import said

if TYPE_CHECKING:
    from mse.intake.contracts.contract import Contract
    from mse.intake.contracts.versions import Layout
    from mse.settings.places import Place


def contract_as(contract: Contract, layout: Layout) -> Contract:
    """Return the contract of files in a layout: columns under their names there, and codes as they were then."""
    fields = []
    for field in contract.fields:
        name = field.name
        changes: dict[str, Any] = {"name": layout.columns.get(name, name)}
        if field.role in ("hash", "coarse", "stratum"):
            changes["into"] = field.target
        if name in layout.codes:
            changes["codes"] = {**field.mapping, **layout.codes[name]}
            changes["constraints"] = replace(field.constraints, enum=())
        if name in layout.formats:
            changes["format"] = layout.formats[name]
        fields.append(replace(field, **changes))
    update: dict[str, Any] = {"fields": tuple(fields), "layout": ()}
    if layout.places or contract.places:
        placed = {**contract.places, **layout.places}
        update["places"] = {layout.columns.get(name, name): place for name, place in placed.items()}
    if contract.identity is not None:
        own = {
            key: layout.columns.get(x := getattr(contract.identity, key), x)
            for key in ("surname", "given", "birth_date")
        }
        births = (layout.formats[born],) if (born := contract.identity.birth_date) in layout.formats else None
        update["identity"] = replace(contract.identity, **own, birth_format=births or contract.identity.birth_format)
    given = {"delimiter": layout.delimiter, "encoding": layout.encoding, "sheet": layout.sheet, "header": layout.header,
             "missingValues": layout.missingValues}  # fmt: skip
    return replace(contract, **(update | {key: value for key, value in given.items() if value is not None}))


type Version = tuple[Contract, tuple[date, date] | None]
"""A contract by which a file may be written, and the days of its registrations; None for all others."""


def versions(contract: Contract, path: Path) -> list[Version]:
    """Return the contracts by which a file may be written, each with the days of its registrations.

    A layout with paths of its own is that of its files and of no others. None in place of days stands for all others:
    the contract as it is, for registrations of no layout.
    """
    own = [layout for layout in contract.layout if _is_of(contract, layout, path)]
    chosen = own or [layout for layout in contract.layout if layout.path is None]
    last = contract.period.last + timedelta(days=36_500)
    found: list[Version] = [(contract_as(contract, layout), (layout.first, layout.until or last)) for layout in chosen]
    return found if own else [*found, (contract, None)]


def _is_of(contract: Contract, layout: Layout, path: Path) -> bool:
    try:
        names = [name for pattern in layout.path or () for name in matching(pattern, contract.folder)]
    except OSError:
        return False
    return any(contract.folder / name == path for name in names)


def layout_faults(contract: Contract) -> Iterator[tuple[Place, Problem]]:
    """Yield what is wrong with the layouts of a contract."""
    fields = {field.name: field for field in contract.fields}
    own = contract.identity
    others = () if own is None else (own.surname, own.given, own.birth_date)
    known = names_of((*fields, *others))
    for i, layout in enumerate(contract.layout):
        place = ("layout", str(i))
        if layout.until is not None and layout.until < layout.first:
            yield (
                (*place, "until"),
                Problem(said("found.layout_ends_before_begins"), said("allowed.before_until"), said("do.correct_one")),
            )
        for key in ("columns", "codes", "formats", "places"):
            for name in (x for x in getattr(layout, key) if x not in fields and x not in others):
                yield (*place, key), Problem(said("found.no_such_column"), known, said("do.correct_name"), value=name)
        for name, pattern in layout.formats.items():
            yield from _format_faults(contract, name, pattern, (*place, "formats"))
        for name, codes in layout.codes.items():
            levels = {*fields[name].levels, ""} if name in fields else set(codes.values())
            for level in {*codes.values()} - levels:
                yield (*place, "codes"), Problem(said("found.code_leads_level_does", name=repr(name)),
                                                 names_of(sorted(levels - {""})),
                                                 said("do.correct_add_level_codes"),
                                                 value=level)  # fmt: skip
        names = [layout.columns.get(name, name) for name in fields]
        for name in (x for x in fields if layout.columns.get(x) == "" and fields[x].required):
            yield (*place, "columns"), Problem(said("found.column_required_not_layout"),
                                               said("allowed.columns_may_empty"),
                                               said("do.set_constraints_required_false"),
                                               value=name)  # fmt: skip
        for name in dict.fromkeys(x for x in names if x and names.count(x) > 1):
            yield (*place, "columns"), Problem(said("found.two_columns_have_one"), said("allowed.name_each"),
                                               said("do.correct"), value=name)  # fmt: skip
        for j, other in enumerate(contract.layout[:i]):
            if layout.path is None and other.path is None and _meet(layout, other):
                yield place, Problem(said("found.layout_holds_days_layout", j=j + 1),
                                     said("allowed.days_do_not_overlap"),
                                     said("do.end_one_before_other"))  # fmt: skip


def _format_faults(contract: Contract, name: str, pattern: str, place: Place) -> Iterator[tuple[Place, Problem]]:
    """Yield what is wrong with the format of a column in a layout; what is no column has been said."""
    own = contract.identity
    if own is not None and name == own.birth_date:
        if not is_birth_format(pattern):
            yield place, Problem(said("found.no_format_date_birth"), said("allowed.y_m_d_each"), said("do.correct"),
                                 column=name, value=pattern)  # fmt: skip
        return
    kinds = [field.type for field in contract.fields if field.name == name]
    kinds += ["string"] if own is not None and name in (own.surname, own.given) else []
    if kinds and kinds[0] not in DATES:
        yield place, Problem(said("found.only_dates_have_format"), said("allowed.type_date_no_format"),
                             said("do.leave_out_format"), column=name, value=pattern)  # fmt: skip
    elif kinds and pattern != "default" and not is_date_format(pattern):
        yield place, Problem(said("found.no_format_date"), said("allowed.default_strptime_such_d"), said("do.correct"),
                             column=name, value=pattern)  # fmt: skip


DATES = ("date", "datetime")
"""Types of which a format can be said."""


def is_date_format(text: str) -> bool:
    """Tell whether a format of strptime has year, month and day, and nothing that only some systems know."""
    marks = re.findall(r"%(-?.)", text)
    known = {"Y", "y", "m", "d", "b", "B", "H", "M", "S", "f", "z"}
    year, month = {"Y", "y"} & set(marks), {"m", "b", "B"} & set(marks)
    return bool(set(marks) <= known and year and month and "d" in marks and len(marks) == len(set(marks)))


def is_birth_format(text: str) -> bool:
    """Tell whether a format is of a date of birth: year, month, which may be a word, and day, each once."""
    marks = re.findall("%(.?)", text)
    return len(marks) == 3 and is_date_format(text)


def _meet(one: Layout, other: Layout) -> bool:
    far = date.max
    return one.first <= (other.until or far) and other.first <= (one.until or far)


def merged(contracts: Sequence[Contract]) -> Contract:
    """Return the first of several contracts of one file, with the codes of all of them, as what is declared in it."""
    first = contracts[0]
    fields = []
    for i, field in enumerate(first.fields):
        codes = {code: level for other in contracts for code, level in other.fields[i].mapping.items()}
        fields.append(replace(field, codes=codes) if len(contracts) > 1 and codes else field)
    return replace(first, fields=tuple(fields))
