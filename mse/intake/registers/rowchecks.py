"""The checks of rows as SQL: from the text cells of a register to typed columns and the reasons to reject a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mse.intake.writtendates import WrittenDate, written_date
from mse.words.said import said

if TYPE_CHECKING:
    from mse.intake.contracts.clauses import ContractField
    from mse.intake.contracts.contract import Contract

REASONS = {
    "cells": said("rejected.cells"),
    "quotation": said("rejected.quotation"),
    "encoding": said("rejected.encoding"),
    "control": said("rejected.control"),
    "too_long": said("rejected.too_long"),
    "missing": said("rejected.missing"),
    "not_a_pseudonym": said("rejected.not_a_pseudonym"),
    "date_format": said("rejected.date_format"),
    "impossible_date": said("rejected.impossible_date"),
    "after_extraction": said("rejected.after_extraction"),
    "before_birth": said("rejected.before_birth"),
    "too_old": said("rejected.too_old"),
    "entered_early": said("rejected.entered_early"),
    "unknown_code": said("rejected.unknown_code"),
    "not_a_number": said("rejected.not_a_number"),
    "out_of_range": said("rejected.out_of_range"),
    "pattern": said("rejected.pattern"),
    "closed": said("rejected.closed"),
    "blind": said("rejected.blind"),
    "duplicate_record": said("rejected.duplicate_record"),
    "duplicate": said("rejected.duplicate"),
    "out_of_period": said("rejected.out_of_period"),
    "other_population": said("rejected.other_population"),
}
"""Reason of a rejected row by its code; no reason ever holds a value."""

NO_FAULT = ("duplicate", "out_of_period", "other_population")
"""Rows that are set aside without being wrong: they do not count towards the threshold."""

_OLDEST = 120
_CODED = ("stratum", "referred_from", "population")
"""Roles of columns that hold codes."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a row.

    Parameters
    ----------
    code : str
        Reason, a key of `REASONS`.
    column : str
        Column of the file that it is about.
    condition : str
        SQL that is true where the row fails.
    """

    code: str
    column: str
    condition: str


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def reading(contract: Contract) -> tuple[ContractField, ...]:
    """Return the columns that are read, in the order in which they are written to the clean file."""
    return tuple(field for field in contract.fields if field.role != "ignored")


def checked_query(contract: Contract, source: str, number: int, iso: Sequence[str] = ()) -> str:
    """Return the query that checks one file.

    Parameters
    ----------
    contract : Contract
        What to check.
    source : str
        SQL of a relation with the line ``row`` and text cells ``c0``, ``c1``, ... in the order of `reading`, without
        space around them; NULL where they are empty.
    number : int
        Of the file, for the column ``file``.
    iso : sequence of str
        Columns whose dates are in ISO whatever the contract says: those of typed files.

    Returns
    -------
    str
        SELECT of ``file, row, record, key, parts..., date, entered, dimensions..., referred_from, filled, bad,
        digest, elsewhere, outside``: ``filled`` has a bit for every column with a value, ``bad`` the numbers of the
        checks that fail, by commas; ``elsewhere`` is true where the row counts another population (nothing of it is
        checked then), and ``outside`` where it does or the date is not in the period. A dimension is a text, or a list
        of texts where all labels are kept.
    """
    fields = reading(contract)
    cells = ", ".join(f"{_value(contract, field, i)} AS v{i}" for i, field in enumerate(fields))
    inner = f"SELECT row, {cells} FROM {source}"
    typed = ", ".join(f"{sql} AS {name}" for name, sql in _typed(contract, iso))
    middle = f"SELECT *, {typed} FROM ({inner})"
    middle = f"SELECT *, {', '.join(f'{sql} AS {name}' for name, sql in _labels(contract))} FROM ({middle})"
    faults = ", ".join(
        f"CASE WHEN {check.condition} THEN '{i}' END" for i, check in enumerate(checks(contract, iso))
    )  # fmt: skip
    filled = " + ".join(f"CASE WHEN v{i} IS NULL THEN 0 ELSE {1 << i} END" for i in range(len(fields)))
    columns = dict(_columns(contract))
    named = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    other = _elsewhere(contract)
    return (
        f"SELECT {number} AS file, row, {named}, CAST({filled} AS BIGINT) AS filled, "
        f"CASE WHEN {other} THEN '' ELSE concat_ws(',', {faults}) END AS bad, "
        f"hash({', '.join(columns.values())}, {other}) AS digest, {other} AS elsewhere, "
        f"{other} OR coalesce(NOT ({_in_period(contract)}), false) AS outside FROM ({middle})"
    )


def unmapped_query(contract: Contract, source: str) -> str | None:
    """Return the query for the codes in three rows or more that the code lists do not have; None where all are taken.

    It gives the place of the column (`reading`), the code and its rows.
    """
    parts = []
    for i, field in enumerate(reading(contract)):
        if field.role in _CODED and field.mapping and field.other is None:
            cell = f"string_split(v, {literal(field.separator)})" if field.separator else "[v]"
            known = ", ".join(map(literal, field.mapping))
            parts.append(
                f"SELECT {i} AS place, code, count(*) AS rows FROM (SELECT trim(unnest({cell})) AS code FROM "
                f"(SELECT {_value(contract, field, i)} AS v FROM {source}) WHERE v IS NOT NULL) "
                f"WHERE code <> '' AND code NOT IN ({known}) GROUP BY code HAVING count(*) > 2"
            )
    return " UNION ALL ".join(parts) + " ORDER BY place, rows DESC, code" if parts else None


def checks(contract: Contract, iso: Sequence[str] = ()) -> list[Check]:
    """Return every check of a row, in the order of the columns."""
    found: list[Check] = []
    for i, field in enumerate(reading(contract)):
        found += [Check(code, field.name, condition) for code, condition in _field_checks(contract, field, i, iso)]
    found += [Check(code, column, condition) for code, column, condition in _row_checks(contract)]
    return found


def without_identity(contract: Contract) -> str:
    """Return the condition that neither the pseudonym nor any hashed part of one is there."""
    return " AND ".join(f"{field.target} IS NULL" for field in reading(contract) if field.role in ("key", "hash"))


def columns_of(contract: Contract) -> tuple[str, ...]:
    """Return the names of the columns of `checked_query` between ``row`` and ``filled``."""
    return tuple(name for name, _ in _columns(contract))


# ---- cells to values --------------------------------------------------------------------------------


def _value(contract: Contract, field: ContractField, i: int) -> str:
    """Return the cell, NULL where it means unknown."""
    lower = field.role in ("key", "hash") and field.constraints.pattern is None
    text = f"lower(c{i})" if lower else f"c{i}"
    words = dict.fromkeys(word.strip().lower() if lower else word.strip() for word in contract.missing(field))
    unknown = [literal(word) for word in words if word]
    return f"CASE WHEN {text} IN ({', '.join(unknown)}) THEN NULL ELSE {text} END" if unknown else text


def _typed(contract: Contract, iso: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a typed value ``t<i>`` for every column that has a type to be parsed."""
    for i, field in enumerate(reading(contract)):
        if field.type in ("date", "datetime"):
            form = date_format(field, iso)
            text = form.plain_sql(f"v{i}")
            parsed = f"TRY_CAST(try_strptime({text}, {literal(form.pattern)}) AS DATE)"
            yield f"t{i}", f"CASE WHEN regexp_full_match({text}, {literal(form.shape)}) THEN {parsed} END"
        elif field.type in ("integer", "number", "year"):
            yield (
                f"t{i}",
                f"CASE WHEN regexp_full_match(v{i}, {literal(_NUMBERS[field.type])}) THEN TRY_CAST(v{i} AS DOUBLE) END",
            )
        else:
            yield f"t{i}", "NULL"


_NUMBERS = {"integer": r"[+-]?\d{1,15}", "number": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", "year": r"\d{4}"}


def date_format(field: ContractField, iso: Sequence[str] = ()) -> WrittenDate:
    """Return how the dates of a column are written."""
    usual = "%Y-%m-%dT%H:%M:%S" if field.type == "datetime" else "%Y-%m-%d"
    if field.name in iso:
        return written_date("%Y-%m-%d")
    return written_date(usual if field.format == "default" else field.format)


def _labels(contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield ``l<i>``, the label of a stratum or sender, NULL for an unknown code; a list where a cell has several.

    A label is "" where the code means missing, and NULL too where the cell is empty.
    """
    for i, field in enumerate(reading(contract)):
        if field.classes:
            whens = " ".join(
                f"WHEN {_within(f't{i}', c.minimum, c.maximum)} THEN {literal(c.level)}" for c in field.classes
            )
            yield f"l{i}", f"CASE {whens} END"
        elif field.role in _CODED and field.separator:
            cell = f"string_split(v{i}, {literal(field.separator)})"
            trimmed = f"list_filter(list_transform({cell}, lambda x: trim(x)), lambda x: x <> '')"
            found = f"list_transform({trimmed}, lambda x: {_level(field, 'x')})"
            yield f"l{i}", f"CASE WHEN v{i} IS NULL THEN [] ELSE {found} END"
        elif field.role in _CODED:
            yield f"l{i}", f"CASE WHEN v{i} IS NOT NULL THEN {_level(field, f'v{i}')} END"
    yield "none", "NULL"


_LISTED = 100
"""Codes up to which they are compared one by one, which is faster than a map."""


def _level(field: ContractField, code: str) -> str:
    """Return the level of a code as SQL, NULL where it is unknown."""
    codes, other = field.mapping, "NULL" if field.other is None else literal(field.other)
    if not codes:
        return other
    if len(codes) <= _LISTED:
        whens = " ".join(f"WHEN {literal(one)} THEN {literal(level)}" for one, level in codes.items())
        return f"CASE {code} {whens} ELSE {other} END"
    keys, values = (", ".join(map(literal, x)) for x in (codes, codes.values()))
    return f"coalesce(MAP([{keys}], [{values}])[{code}], {other})"


def _within(value: str, low: float | None, high: float | None) -> str:
    parts = [f"{value} >= {low!r}" if low is not None else "", f"{value} <= {high!r}" if high is not None else ""]
    return " AND ".join(part for part in parts if part) or f"{value} IS NOT NULL"


def _dimension(contract: Contract, name: str) -> str:
    """Return the label of a dimension, or a list of labels where all of them are kept."""
    own = [(i, f) for i, f in enumerate(reading(contract)) if f.role == "stratum" and f.target == name]
    rule = contract.dimensions.get(name)
    if len(own) == 1 and not own[0][1].separator:
        label = f"nullif(l{own[0][0]}, '')"
        return f"list_filter([{label}], lambda x: x IS NOT NULL)" if _keeps_all(contract, name) else label
    lists = [f"l{i}" if f.separator else f"[l{i}]" for i, f in own]
    known = f"list_filter(list_concat({', '.join(lists)}), lambda x: x IS NOT NULL AND x <> '')"
    if len(lists) == 1:
        known = f"list_filter({lists[0]}, lambda x: x IS NOT NULL AND x <> '')"
    if rule is None or rule.several in (None, "first"):
        return f"{known}[1]"
    if rule.several == "priority":
        order = ", ".join(map(literal, rule.order))
        return f"list_filter([{order}], lambda y: list_contains({known}, y))[1]"
    distinct = f"list_sort(list_distinct({known}))"
    if rule.several == "level":
        assert rule.level is not None
        return f"CASE WHEN len({distinct}) > 1 THEN {literal(rule.level)} ELSE {distinct}[1] END"
    return distinct


def _keeps_all(contract: Contract, name: str) -> bool:
    """Tell whether a registration can have several labels in a dimension."""
    rule = contract.dimensions.get(name)
    return rule is not None and rule.several == "both"


def _columns(contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield name and SQL of the columns that a checked row has."""
    fields = list(enumerate(reading(contract)))
    roles = {field.role: i for i, field in fields}
    for role in ("record", "key"):
        yield role, f"v{roles[role]}" if role in roles else "CAST(NULL AS VARCHAR)"
    for i, field in fields:
        if field.role in ("hash", "coarse"):
            yield field.target, f"v{i}"
    for role in ("date", "entered"):
        yield role, f"t{roles[role]}" if role in roles else "CAST(NULL AS DATE)"
    for name in contract.strata:
        own = any(field.role == "stratum" and field.target == name for _, field in fields)
        yield name, _dimension(contract, name) if own else f"CAST(year(t{roles['date']}) AS VARCHAR)"
    yield (
        "referred_from",
        f"nullif(l{roles['referred_from']}, '')" if "referred_from" in roles else "CAST(NULL AS VARCHAR)",
    )


# ---- checks -----------------------------------------------------------------------------------------


def _field_checks(contract: Contract, field: ContractField, i: int, iso: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield code and condition of the checks of one column; a missing value fails only where it is required."""
    value, typed, limits = f"v{i}", f"t{i}", field.constraints
    if field.required:
        yield "missing", f"{value} IS NULL"
    if field.type in ("date", "datetime"):
        form = date_format(field, iso)
        fits = f"regexp_full_match({form.plain_sql(value)}, {literal(form.shape)})"
        # what a date could be made of has the shape of one
        yield "date_format", f"CASE WHEN {typed} IS NULL THEN NOT {fits} END"
        yield "impossible_date", f"CASE WHEN {typed} IS NULL THEN {fits} END"
        yield "after_extraction", f"{typed} > DATE '{contract.extraction_date}'"
    if field.type in ("integer", "number", "year"):
        yield "not_a_number", f"{value} IS NOT NULL AND {typed} IS NULL"
        low, high = limits.minimum, limits.maximum
        if field.type == "year":
            low = 1800.0 if low is None else low
            high = float(contract.extraction_date.year) if high is None else high
        if low is not None or high is not None:
            yield "out_of_range", f"NOT ({_within(typed, low, high)})"
    if field.classes:
        yield "out_of_range", f"{typed} IS NOT NULL AND l{i} IS NULL"
    elif field.role in _CODED and field.separator:
        yield "unknown_code", f"len(list_filter(l{i}, lambda x: x IS NULL)) > 0"
    elif field.role in _CODED:
        yield "unknown_code", f"{value} IS NOT NULL AND l{i} IS NULL"
    elif limits.enum:
        yield "unknown_code", f"{value} NOT IN ({', '.join(map(literal, limits.enum))})"
    elif field.type == "boolean":
        yield "unknown_code", f"{value} NOT IN ('true', 'True', 'TRUE', '1', 'false', 'False', 'FALSE', '0')"
    if field.pattern is not None:
        code = "not_a_pseudonym" if field.role in ("key", "hash") else "pattern"
        yield code, f"NOT regexp_full_match({value}, {literal(field.pattern)})"
    lengths = [f"length({value}) < {limits.minLength}"] if limits.minLength is not None else []
    lengths += [f"length({value}) > {limits.maxLength}"] if limits.maxLength is not None else []
    if lengths:
        yield "pattern", " OR ".join(lengths)


def _row_checks(contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Yield code, column and condition of the checks that take several columns."""
    fields = list(enumerate(reading(contract)))
    day, column = next((f"t{i}", field.name) for i, field in fields if field.role == "date")
    for i, field in fields:
        if field.role == "coarse" and field.type == "year":
            yield "before_birth", field.name, f"year({day}) < t{i}"
            yield "too_old", field.name, f"year({day}) - t{i} > {_OLDEST}"
        if field.role == "entered":
            yield "entered_early", field.name, f"t{i} < {day}"
    for closed in contract.closed:
        within = f"{day} BETWEEN DATE '{closed.first}' AND DATE '{closed.last}'"
        yield "closed", column, " AND ".join([within, *_in_strata(contract, closed.where)])
    for blind in contract.blind:
        first = next((f.name for _, f in fields if f.target in blind.where and f.role == "stratum"), column)
        yield "blind", first, " AND ".join([_in_period(contract), *_in_strata(contract, blind.where)])


def _elsewhere(contract: Contract) -> str:
    """Return the condition that a row counts another population than its contract."""
    found = [i for i, field in enumerate(reading(contract)) if field.role == "population"]
    own = literal(contract.counts or "")
    return " OR ".join(f"coalesce(nullif(l{i}, '') <> {own}, false)" for i in found) or "false"


def _in_period(contract: Contract) -> str:
    day = next(f"t{i}" for i, field in enumerate(reading(contract)) if field.role == "date")
    return f"{day} BETWEEN DATE '{contract.period.first}' AND DATE '{contract.period.last}'"


def _in_strata(contract: Contract, where: Mapping[str, tuple[str, ...]]) -> list[str]:
    sql = dict(_columns(contract))
    return [
        f"list_has_any({sql[name] if _keeps_all(contract, name) else f'[{sql[name]}]'}, "
        f"[{', '.join(map(literal, levels))}])"
        for name, levels in where.items()
    ]
