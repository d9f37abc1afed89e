"""From linked registrations to an overlap table: who is counted, when, and under which labels.

A registration belongs to a person (`mse.intake.linkage.linking`). The **unit** that is counted is a person in a year,
or a person once over the whole period, in the first year. A unit is on a list when one of its registrations there
counts. A registration without a year belongs to the one year in which the person is known, else to a unit whose year is
missing.

What is taken where registrations of one unit say different things is decided for each dimension by a rule:

``majority``
    The label that most lists give; of those with equally many the one that the list named first gives, and of
    several by that list the level that comes first in the stated order.
``first``
    The level that comes first in the stated order, whoever gives it.
``combined``
    All the labels that occur, joined in the stated order ("labour + sexual"): a level of its own.

A missing label has no voice. A unit without any label has the level `NOT_KNOWN`: it is counted, and the methods that
take covariates are told of it (``unknown = {sex = "not known"}``). A list that is **blind** to a stratum, or
**missing** in it, cannot have seen a person there; where the rule would put such a person there all the same, the label
that the list itself recorded is taken, and `NOT_KNOWN` where it recorded none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from mse.errors import InputError, Problem, names_of
from mse.intake.quoting import array, identifier, literals
from mse.tables.captures import CaptureTable
from mse.words.said import said

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mse.tables.levels import Where

Unit = Literal["person-year", "person"]
Rule = Literal["majority", "first", "combined"]

NOT_KNOWN = "not known"
"""The level of a unit whose label is missing."""

YEAR = "year"

JOINT = " + "
"""What stands between the labels of a combined level."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Strata in which a list cannot see anybody, or did not operate or deliver.

    Parameters
    ----------
    list : str
        The list.
    where : mapping of str to str or sequence of str
        Levels by dimension; all of them in a dimension that is not named.
    kind : {"blind", "missing"}
        A structural zero, or histories that are known only up to this list.
    """

    list: str
    where: Where
    kind: Literal["blind", "missing"]

    def levels(self, dim: str) -> tuple[str, ...]:
        """Return the levels of a dimension that are meant."""
        asked = self.where[dim]
        return (asked,) if isinstance(asked, str) else tuple(asked)


@dataclass(frozen=True, slots=True)
class Layout:
    """What to count: lists, dimensions with their levels in the stated order, unit, rules.

    Parameters
    ----------
    lists : tuple of str
        Lists in bit order, which is also the order in which they are believed.
    levels : mapping of str to tuple of str
        Dimensions of the table and every level that a registration may have, in the stated order.
    unit : {"person-year", "person"}
        What is counted.
    rules : mapping of str to {"majority", "first", "combined"}
        What decides between several labels; ``majority`` where a dimension is not named.
    declared : tuple of Declared
        Blind and missing lists.
    name : str
        Name of the table.

    Raises
    ------
    InputError
        With every option that is not one, and every rule for a dimension that is not in the table.
    """

    lists: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    unit: Unit = "person-year"
    rules: Mapping[str, Rule] = field(default_factory=dict)
    declared: tuple[Declared, ...] = ()
    name: str = "registers"

    def __post_init__(self) -> None:
        """Check unit and rules."""
        problems = []
        if self.unit not in get_args(Unit):
            allowed = said("allowed.person_year_once_every")
            problems.append(
                Problem(said("found.unit_unknown"), allowed, said("do.choose_one_two"), value=str(self.unit))
            )
        for dim, rule in self.rules.items():
            if dim not in self.levels:
                found = said("found.rule_dimension_not_asked")
                allowed = names_of(self.levels, said("allowed.none_table_has_no_2"))
                problems.append(Problem(found, allowed, said("do.add_strata_leave_rule"), value=dim))
            if rule not in get_args(Rule):
                found = said("found.rule_unknown", dim=repr(dim))
                problems.append(Problem(found, names_of(get_args(Rule)), said("do.choose_one_these"), value=str(rule)))
        if YEAR in self.rules:
            found, allowed = said("found.year_takes_no_rule"), said("allowed.rules_other_dimensions")
            remedy = said("do.leave_out_person_year")
            problems.append(Problem(found, allowed, remedy, value=YEAR))
        if problems:
            raise InputError(problems)

    def rule(self, dim: str) -> Rule:
        """Return the rule of a dimension."""
        return "first" if dim == YEAR else self.rules.get(dim, "majority")

    def applicable(self) -> Iterator[tuple[Declared, dict[str, tuple[str, ...]]]]:
        """Yield what is declared of lists in terms of the dimensions and levels that the table has.

        A year says nothing of a person who is counted once for all years.
        """
        for declared in self.declared:
            if all(dim in self.levels and (dim != YEAR or self.unit == "person-year") for dim in declared.where):
                where = {dim: tuple(x for x in declared.levels(dim) if x in self.levels[dim]) for dim in declared.where}
                if all(where.values()):
                    yield declared, where


def make_units(con: duckdb.DuckDBPyConnection, linkage: str, layout: Layout) -> int:
    """Write the units of a linkage to the temporary table ``units``.

    It has one row per unit: person, period (place of the year, 0 where the unit is a person, -1 where the year is
    missing), history, and for every dimension i its label as text, ``label0`` …, NULL where it is missing.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    linkage : str
        Name of the table (record, person) with the registrations that count; `record` is a row id.
    layout : Layout
        What to count.

    Returns
    -------
    int
        Units whose label was put right because a list that they are on is blind, or missing, there.

    Raises
    ------
    InputError
        When a list has registrations where it is declared blind or missing.
    """
    _code_rows(con, linkage, layout)
    _check_declared(con, layout)
    spread = "".join(f", min(d{i}) AS low{i}, max(d{i}) AS high{i}" for i in range(len(layout.levels)))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE tally AS "
        f"SELECT person, period, bit_or(1::BIGINT << place) AS history{spread} FROM coded GROUP BY person, period"
    )
    labels = ""
    joins = ""
    for i, (dim, levels) in enumerate(layout.levels.items()):
        lowest = f"{array(levels)}[t.low{i}]"
        if layout.rule(dim) == "first":  # the smallest code
            labels += f", {lowest} AS label{i}"
            continue
        _settle(con, i, layout.rule(dim), levels)
        labels += f", coalesce(s{i}.label, {lowest}) AS label{i}"
        joins += f" LEFT JOIN settled{i} s{i} USING (person, period)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE units AS SELECT person, period, history{labels} FROM tally t{joins}")
    return _put_right(con, layout)


def count_cells(con: duckdb.DuckDBPyConnection, layout: Layout) -> pd.DataFrame:
    """Return the cells of the temporary table ``units``: history, label0 …, count."""
    labels = "".join(f", label{i}" for i in range(len(layout.levels)))
    query = f"SELECT history{labels}, count(*) AS count FROM units GROUP BY ALL ORDER BY ALL"
    return con.execute(query).df()


def to_tables(cells: Sequence[pd.DataFrame], layout: Layout) -> tuple[CaptureTable, ...]:
    """Return one overlap table for each frame of cells, all of the same lists and strata.

    Parameters
    ----------
    cells : sequence of DataFrame
        As from `count_cells`, one for each linkage.
    layout : Layout
        What was counted. Levels that nobody has are left out; `NOT_KNOWN` is the last level where a label is missing.

    Raises
    ------
    InputError
        When a table is none: a list that nobody is on, no overlap, too many cells.
    """
    strata = {
        dim: _levels_seen([frame[f"label{i}"] for frame in cells], levels, layout.rule(dim))
        for i, (dim, levels) in enumerate(layout.levels.items())
    }
    shape = tuple(map(len, strata.values()))
    tables = []
    for number, frame in enumerate(cells):
        row = np.zeros(len(frame), dtype=np.int64)
        for i, (dim, levels) in enumerate(strata.items()):
            place = {level: at for at, level in enumerate(levels)}
            codes = frame[f"label{i}"].fillna(NOT_KNOWN).map(place).to_numpy(dtype=np.int64)
            row = row * len(strata[dim]) + codes
        counts = np.zeros((math.prod(shape), 2 ** len(layout.lists) - 1), dtype=np.int64)
        np.add.at(counts, (row, frame["history"].to_numpy(dtype=np.int64) - 1), frame["count"].to_numpy(dtype=np.int64))
        name = layout.name if number == 0 else f"{layout.name}, linkage {number}"
        table = CaptureTable.from_arrays(layout.lists, counts, strata=strata, name=name)
        for declared, where in layout.applicable():
            seen = {dim: [x for x in levels if x in strata[dim]] for dim, levels in where.items()}
            if all(seen.values()):
                mark = table.blind if declared.kind == "blind" else table.without
                table = mark(declared.list, seen)
        tables.append(table)
    return tuple(tables)


def levels_of(con: duckdb.DuckDBPyConnection, dim: str, stated: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the labels of a column of ``registrations``: those stated first, the rest sorted (numbers as numbers).

    Raises
    ------
    InputError
        When the registrations have no such column.
    """
    columns = [row[0] for row in con.execute("DESCRIBE registrations").fetchall()]
    if dim not in columns:
        kept = names_of(x for x in columns if x not in ("list", "source", "row", "key", "date", "referred_from"))
        raise InputError(
            Problem(said("found.registrations_have_no_such"), kept, said("do.name_one_these_strata"), value=dim)
        )
    found = {row[0] for row in con.execute(f"SELECT DISTINCT {identifier(dim)} FROM registrations").fetchall()}
    found.discard(None)
    rest = found.difference(stated)
    numbers = all(x.lstrip("-").isdigit() for x in rest)
    return (*(x for x in stated if x in found), *sorted(rest, key=(lambda x: (int(x), x)) if numbers else None))


def _code_rows(con: duckdb.DuckDBPyConnection, linkage: str, layout: Layout) -> None:
    """Write the temporary table ``coded``: person, period, place of the list, and the place d0 … of every label."""
    codes = "".join(
        f", nullif(list_position({array(levels)}, r.{identifier(dim)}), 0)::SMALLINT AS d{i}"
        for i, (dim, levels) in enumerate(layout.levels.items())
    )
    years = array(levels_of(con, YEAR)) if layout.unit == "person-year" else ""
    period = f"coalesce(nullif(list_position({years}, r.{YEAR}), 0), -1)::SMALLINT" if years else "0::SMALLINT"
    place = f"(list_position({array(layout.lists)}, r.list) - 1)::TINYINT"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE coded AS SELECT l.person, {period} AS period, {place} AS place{codes} "
        f"FROM {linkage} l JOIN registrations r ON r.rowid = l.record"
    )
    if years and con.execute("SELECT 1 FROM coded WHERE period = -1 LIMIT 1").fetchall():
        con.execute(
            "UPDATE coded SET period = k.only_one FROM (SELECT person, min(period) AS only_one FROM coded "
            "WHERE period > 0 GROUP BY person HAVING min(period) = max(period)) k "
            "WHERE coded.person = k.person AND coded.period = -1"
        )
        for i, dim in enumerate(layout.levels):
            if dim == YEAR:
                con.execute(
                    f"UPDATE coded SET d{i} = nullif(list_position({array(layout.levels[dim])}, {years}[period]), 0) "
                    f"WHERE d{i} IS NULL AND period > 0"
                )


def _check_declared(con: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Raise when a list has registrations in a stratum where it is declared blind or missing."""
    problems = []
    for declared, where in layout.applicable():
        inside = " AND ".join(
            f"d{i} IN ({_places(levels, where[dim])})"
            for i, (dim, levels) in enumerate(layout.levels.items())
            if dim in where
        )
        place = layout.lists.index(declared.list)
        query = f"SELECT count(*) FROM coded WHERE place = {place} AND {inside or 'true'}"
        (rows,) = con.execute(query).fetchall()[0]
        if rows:
            inside_of = "; ".join(f"{dim} {', '.join(levels)}" for dim, levels in where.items()) or "everything"
            problems.append(
                Problem(
                    said(
                        "found.list_declared_has_registrations",
                        list=declared.list,
                        kind=declared.kind,
                        where=inside_of,
                        rows=rows,
                    ),
                    said("allowed.no_registrations_where_list"),
                    said("do.correct_contract_its_code"),
                    file=said("what.list_named", name=declared.list),
                )
            )
    if problems:
        raise InputError(problems)


def _settle(con: duckdb.DuckDBPyConnection, i: int, rule: Rule, levels: Sequence[str]) -> None:
    """Write ``settled<i>``, person, period and label, for the units whose labels differ in dimension i."""
    if rule == "combined":
        query = (
            f"SELECT person, period, string_agg({array(levels)}[d{i}], {literals([JOINT])} ORDER BY d{i}) AS label "
            f"FROM (SELECT DISTINCT person, period, d{i} FROM several) GROUP BY person, period"
        )
    else:
        query = (
            f"SELECT person, period, {array(levels)}[arg_min(d{i}, (-votes, believed, d{i}))] AS label FROM ("
            f"SELECT person, period, d{i}, count(DISTINCT place) AS votes, min(place) AS believed "
            f"FROM several GROUP BY person, period, d{i}) GROUP BY person, period"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE settled{i} AS WITH several AS (SELECT c.* FROM coded c JOIN tally t "
        f"USING (person, period) WHERE t.low{i} < t.high{i} AND c.d{i} IS NOT NULL) {query}"
    )


def _put_right(con: duckdb.DuckDBPyConnection, layout: Layout) -> int:
    """Relabel units that the rules put where one of their lists cannot have seen them; return how many there were.

    First the label that this list recorded itself is taken; what is then still impossible is missing.
    """
    dims, moved = list(layout.levels), 0
    for last in (False, True):
        for declared, where in layout.applicable():
            free = [dim for dim in where if dim != YEAR]
            if not free:
                continue
            i, place = dims.index(free[0]), layout.lists.index(declared.list)
            levels = layout.levels[free[0]]
            inside = " AND ".join(f"label{dims.index(dim)} IN ({literals(where[dim])})" for dim in where)
            wrong = f"history & {1 << place} > 0 AND {inside}"
            if not last:
                (found,) = con.execute(f"SELECT count(*) FROM units WHERE {wrong}").fetchall()[0]
                moved += found
            own = (
                f"(SELECT {array(levels)}[min(c.d{i})] FROM coded c WHERE c.person = units.person "
                f"AND c.period = units.period AND c.place = {place} "
                f"AND c.d{i} NOT IN ({_places(levels, where[free[0]])}))"
            )
            con.execute(f"UPDATE units SET label{i} = {'NULL' if last else own} WHERE {wrong}")
    return moved


def _levels_seen(columns: Sequence[pd.Series[str]], levels: Sequence[str], rule: Rule) -> tuple[str, ...]:
    """Return the levels that occur in any of the tables, combined ones behind the single ones, a missing label last."""
    seen = set(itertools.chain.from_iterable(column.dropna().unique() for column in columns))
    missing = any(column.isna().any() for column in columns) or NOT_KNOWN in seen
    single = [x for x in levels if x in seen and x != NOT_KNOWN]
    joint = []
    if rule == "combined":
        place = {level: at for at, level in enumerate(levels)}
        found = seen.difference(levels)
        joint = sorted(found, key=lambda text: (text.count(JOINT), [place[part] for part in text.split(JOINT)]))
    return (*single, *joint, *([NOT_KNOWN] if missing else []))


def _places(levels: Sequence[str], asked: Sequence[str]) -> str:
    """Return the codes of some levels, as a list in SQL."""
    return ", ".join(str(levels.index(level) + 1) for level in asked)
