"""Dated events of persons or cases, read and held against the states that may follow each other."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mse.computing.inputfiles import read_input
from mse.errors import names_of
from mse.evidence.eventspec import ChainSpec
from mse.identifying.identifying_formats import format_kind
from mse.identifying.table_columns import table_kind
from mse.kernels.arrays import Array, Integers
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.tables.grids import Grid
from mse.words.said import said

ALL = "all"
SLOT = 1 / 64
"""Days between two moves of one person on one day: they follow each other in the order of the states."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Spells:
    """Stays of persons in states, times in days since each began; S stays of n persons.

    Parameters
    ----------
    states, cohorts : tuple of str
        Names.
    person, cohort, state, following : int64 array, shape (S,)
        Whose stay it is, of which cohort, in which state, and which state came after it; -1 where that was not seen.
    entered, begin, end : float64 array, shape (S,)
        When the state was entered, from when on the stay was under observation, and when it ended or was last seen.
    sizes : int64 array, shape (cohorts,)
        Persons.
    outside : int
        Persons whose history had ended before observation began: they tell nothing.
    first : int
        The year in which the first of them began.
    """

    states: tuple[str, ...]
    cohorts: tuple[str, ...]
    person: Integers
    cohort: Integers
    state: Integers
    following: Integers
    entered: Array
    begin: Array
    end: Array
    sizes: Integers
    outside: int
    first: int


def read_events(spec: ChainSpec) -> Spells:
    """Read events and return the stays in states that they tell of.

    Raises
    ------
    InputError
        With every problem of the file: missing columns, what says who somebody is, days that are none or after the last
        day of observation, unknown states, states that cannot follow, days out of order, rows that are there twice.
    """
    faults = Faults(str(spec.path), private=True)
    grid = _plain_grid(spec.path) or read_grid(spec.path, faults, "count")
    names = {"person": spec.person, "state": spec.state, "date": spec.date}
    if spec.cohort is not None and spec.cohort != "year":
        names["cohort"] = spec.cohort
    for name in names.values():
        if name not in grid.header:
            faults.add(said("figures.missing"), names_of(grid.header), said("do.name_column_job"), column=name)
    faults.raise_if_any()
    cells = {key: grid.columns[grid.header.index(name)] for key, name in names.items()}
    _guard(grid, cells, names, faults)
    faults.raise_if_any()
    days = _days(cells["date"], grid.rows, spec, faults)
    known = {name: i for i, name in enumerate(spec.states)}
    states = np.array([known.get(x, -1) for x in cells["state"]], dtype=np.int64)
    for k in np.flatnonzero(states < 0):
        faults.add(said("chain.state"), names_of(known), said("do.correct_add_under_steps"), row=grid.rows[k],
                   column=spec.state)  # fmt: skip
    codes: dict[str, int] = {}
    index = np.array([codes.setdefault(x, len(codes)) for x in cells["person"]], dtype=np.int64)
    for k in np.flatnonzero(index == codes.get("", -1)):
        faults.add(
            said("chain.nobody"), said("allowed.pseudonym"), said("do.fill"), row=grid.rows[k], column=spec.person
        )
    # Whoever has a row that cannot be read is not asked whether the others follow on each other.
    sound = (days >= 0) & (days <= spec.until.toordinal()) & (states >= 0) & (index != codes.get("", -1))
    order = np.lexsort((np.arange(index.size), states, days, index))
    order = order[~np.isin(index[order], index[~sound])]
    if spec.once:
        seen = np.stack([index[order], states[order]])
        _, first = np.unique(seen, axis=1, return_index=True)
        order = order[np.sort(first)]
    who, state, day = index[order], states[order], days[order]
    rows = np.array(grid.rows)[order]
    _follow(spec, who, state, day, rows, faults)
    cohorts, cohort = _cohorts(spec, cells, order, who, day, rows, faults)
    faults.raise_if_any()
    return _spells(spec, who, state, day, cohorts, cohort)


def _plain_grid(path: Path) -> Grid | None:
    """Return the cells of a plain file of commas fast; None where anything about it has to be looked at."""
    try:
        text = read_input(path).decode("utf-8")
    except (OSError, ValueError):
        return None
    text = text.replace("\r\n", "\n")
    lines = text.rstrip("\n").split("\n")
    odd = '"' in text or re.search(r"[\x00-\x08\x0b-\x1f;\t\ufeff]| ,|, | \n|\n ", text)
    if odd or len(lines) < 2:
        return None
    cells = [line.split(",") for line in lines]
    header = cells[0]
    if len(set(map(len, cells))) > 1 or not all(header) or len(set(header)) < len(header):
        return None
    return Grid(header, [list(x) for x in zip(*cells[1:], strict=True)], list(range(2, len(cells) + 1)), True, True)


def _guard(grid: Grid, cells: dict[str, list[str]], names: dict[str, str], faults: Faults) -> None:
    """Refuse columns that say who somebody is; a pseudonym is looked at for the form of a real key."""
    kind = format_kind(list(dict.fromkeys(cells["person"]))[:400])
    if kind is not None:
        faults.add(said("guard.table", kind=kind), said("guard.table_allowed"), said("guard.table_remedy"),
                   column=names["person"])  # fmt: skip
    for name, column in zip(grid.header, grid.columns, strict=True):
        if name in (names["person"], names["date"], names["state"]):
            continue  # states are those of the job
        labels = Counter(column)
        if (kind := table_kind(name, list(labels), list(labels.values()))) is not None:
            faults.add(said("guard.table", kind=kind), said("guard.table_allowed"), said("guard.table_remedy"),
                       column=name)  # fmt: skip


def _days(texts: Sequence[str], rows: list[int], spec: ChainSpec, faults: Faults) -> Integers:
    """Return days as numbers; every text that is none, or lies after the last day of observation, is a fault."""
    read: dict[str, int | None] = {}
    for text in dict.fromkeys(texts):
        try:
            read[text] = datetime.date.fromisoformat(text).toordinal() if _DAY.fullmatch(text) else None
        except ValueError:
            read[text] = None
    last = spec.until.toordinal()
    found = np.array([-1 if (day := read[text]) is None else day for text in texts], dtype=np.int64)
    for k in np.flatnonzero((found < 0) | (found > last)).tolist():
        if found[k] < 0:
            faults.add(
                said("chain.day"),
                said("allowed.n2020_12_31"),
                said("do.write_days_year_month"),
                row=rows[k],
                column=spec.date,
            )
        else:
            faults.add(said("chain.late"), said("allowed.most_9", until=spec.until), said("do.correct_day_until_job"),
                       row=rows[k],
                       column=spec.date)  # fmt: skip
    return found


def _follow(spec: ChainSpec, who: Integers, state: Integers, day: Integers, rows: Integers, faults: Faults) -> None:
    """Hold every state against the one before it, and every first one against the start."""
    names = spec.states
    at = {name: i for i, name in enumerate(names)}
    may = np.zeros((len(names), len(names)), dtype=bool)
    for name, after in spec.steps.items():
        may[at[name], [at[x] for x in after]] = True
    first = np.flatnonzero(np.diff(who, prepend=-1) != 0)
    for k in first[state[first] != at[spec.start]]:
        faults.add(said("chain.first"), names_of([spec.start]), said("do.add_row_which_person"),
                   row=int(rows[k]), column=spec.state)  # fmt: skip
    same = np.flatnonzero(who[1:] == who[:-1])
    bad = same[~may[state[same], state[same + 1]]]
    for k in bad:
        before, here = int(state[k]), int(state[k + 1])
        other = int(rows[k])
        if before == here:
            twice, once = said("chain.twice", row=str(other)), said("allowed.every_state_person_once")
            faults.add(twice, once, said("do.keep_one_say_once"), row=int(rows[k + 1]), column=spec.state)
            continue
        allowed = names_of(spec.steps.get(names[before], ()), said("allowed.nothing_exit"))
        if may[here, before]:
            faults.add(said("chain.order", state=names[here], before=names[before], row=str(other)), allowed,
                       said("do.correct_days"), row=int(rows[k + 1]), column=spec.date)  # fmt: skip
        else:
            cannot = said("chain.follow", state=names[here], before=names[before], row=str(other))
            remedy = said("do.correct_state_add_step")
            faults.add(cannot, allowed, remedy, row=int(rows[k + 1]), column=spec.state)


def _cohorts(
    spec: ChainSpec, cells: dict[str, list[str]], order: Integers, who: Integers, day: Integers, rows: Integers,
    faults: Faults,
) -> tuple[tuple[str, ...], Integers]:  # fmt: skip
    """Return the cohorts in order, and that of every row: of the first row of the person."""
    first = np.flatnonzero(np.diff(who, prepend=-1) != 0)
    if spec.cohort is None:
        return (ALL,), np.zeros(who.size, dtype=np.int64)
    if spec.cohort == "year":
        labels = np.array([str(datetime.date.fromordinal(int(x)).year) for x in day[first]], dtype=object)
    else:
        column = np.array(cells["cohort"], dtype=object)[order]
        labels = column[first]
        run = np.cumsum(np.diff(who, prepend=-1) != 0) - 1
        for k in np.flatnonzero((column != labels[run]) | (column == "")):
            faults.add(said("chain.cohort"), said("allowed.one_cohort_all_rows"), said("do.correct"), row=int(rows[k]),
                       column=spec.cohort)  # fmt: skip
    names, index = np.unique(labels.astype(str), return_inverse=True)
    run = np.cumsum(np.diff(who, prepend=-1) != 0) - 1
    return tuple(map(str, names)), index.astype(np.int64)[run]


def _spells(
    spec: ChainSpec, who: Integers, state: Integers, day: Integers, cohorts: tuple[str, ...], cohort: Integers
) -> Spells:
    """Return the stays of persons, those before observation began cut off."""
    is_first = np.diff(who, prepend=-1) != 0
    run = np.cumsum(is_first) - 1
    start = day[is_first][run]
    place = np.arange(who.size)
    fresh = is_first | (np.diff(day, prepend=0) != 0)
    slot = place - np.maximum.accumulate(np.where(fresh, place, 0))
    entered = (day - start) + slot * SLOT
    last = np.append(who[1:] != who[:-1], True)
    following = np.where(last, -1, np.append(state[1:], -1))
    end = np.where(last, spec.until.toordinal() - start + 0.99, np.append(entered[1:], 0.0))
    begin = entered.astype(np.float64)
    if spec.since is not None:
        late = spec.since.toordinal() - start - 0.5
        begin = np.maximum(begin, np.where(late > 0, late, -np.inf))
    exits = np.array([not spec.steps.get(name) for name in spec.states])
    kept = (end > begin) & ~(exits[state] & last & (begin > entered))
    outside = np.unique(who).size - np.unique(who[kept]).size
    alive = np.isin(who, who[kept])
    people = np.unique(np.stack([who, cohort])[:, alive], axis=1)
    sizes = np.bincount(people[1], minlength=len(cohorts))
    return Spells(spec.states, cohorts, who[kept], cohort[kept], state[kept], following[kept], entered[kept],
                  begin[kept], end[kept], sizes.astype(np.int64), int(outside),
                  datetime.date.fromordinal(int(day.min())).year)  # fmt: skip
