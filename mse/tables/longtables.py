"""One row for each registration, who and on which list, as one row for each person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from mse.identifying.identifying_values import CODES
from mse.identifying.table_columns import table_kind
from mse.tables.checks import MOST_LISTS, Faults
from mse.tables.codings import bits_of, count_like
from mse.tables.grids import Grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.tables.listcolumns import LIST_NAMES
from mse.tables.readspec import Reading
from mse.words.said import said

ID_NAMES = frozenset(
    "id ids person person_id personid persons_id persoon persoon_id persoonid pid key pseudonym pseudoniem pseudo_id "
    "case case_id caseid individual individual_id individu subject subject_id unit unit_id unique_id uid "
    "client client_id clientid cluster cluster_id entity entity_id match_id link_id victim_id slachtoffer_id "
    "who pers_id respondent patient patient_id animal animal_id volgnummer persoonsnummer dossiernummer".split()
)
_NUMBERS_PERSONS = re.compile(
    r"(?:persoon|person|client|cliënt|dossier|zaak|case|slachtoffer|victim|subject|patient|patiënt)s?_?"
    r"(?:nummer|number|nr|no|id|code|key)"
)
_OF_LISTS = frozenset("id name naam code nr".split())


def with_persons(grid: Grid, faults: Faults, reading: Reading) -> tuple[Grid, bool]:
    """Return the grid with one row for each person where it has one for each registration, and whether it had.

    The columns are those that are named, else those that are called as they usually are and hold what they should;
    other columns become covariates where they say the same in all rows of a person. Where two columns look like persons
    and lists but are not called so, `faults` receives the question.
    """
    if reading.id_column is not None or reading.list_column is not None:
        return _named(grid, faults, reading)
    if reading.lists is not None or count_like(grid.header, grid.columns) or reading.count in grid.header:
        return grid, False
    said_so = _saying(grid)
    if len(said_so) > 1:
        return grid, False
    ids = [i for i, cells in enumerate(grid.columns) if _like_ids(cells)]
    ids = [i for i in ids if not _called_list(grid.header[i])] if any(map(called_id, grid.header)) else ids
    lists = [i for i, cells in enumerate(grid.columns) if i not in ids and _like_lists(cells)]
    pairs = [(i, j) for i in ids for j in lists if _fits(grid.columns[i], grid.columns[j])]
    called = [(i, j) for i in ids for j in lists if called_id(grid.header[i]) and _called_list(grid.header[j])]
    known = [(i, j) for i, j in called if _fits(grid.columns[i], grid.columns[j], often=True)]
    if len(known) == 1 and (not said_so or _complete(grid, *known[0])):
        return _pivoted(grid, *known[0], faults, reading), True
    if said_so:
        return grid, False
    if pairs and not reading.persons:
        faults.private = True
        faults.add(said("ask.long"), said("ask.long_allowed"), said("ask.long_remedy"))
        faults.raise_if_any()
    return grid, False


def called_id(name: str) -> bool:
    """Return whether a column is called as one that says who somebody is: by a usual name, or by anybody's ``…_id``."""
    words = _words(name)
    whole = "_".join(words)
    usual = whole in ID_NAMES or _NUMBERS_PERSONS.fullmatch(whole) is not None
    return usual or (len(words) > 1 and words[-1] == "id" and words[0] not in LIST_NAMES)


def _called_list(name: str) -> bool:
    words = _words(name)
    return "_".join(words) in LIST_NAMES or (len(words) == 2 and words[0] in LIST_NAMES and words[1] in _OF_LISTS)


def _words(name: str) -> list[str]:
    return re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold().strip("_ ."))


def _named(grid: Grid, faults: Faults, reading: Reading) -> tuple[Grid, bool]:
    faults.private = True
    for given in (reading.id_column, reading.list_column):
        if given is None:
            faults.add(said("ask.long_half"), said("ask.long_allowed"), said("ask.long_remedy"))
        elif given not in grid.header:
            near = get_close_matches(given, grid.header, n=1)
            remedy = said("ask.did_you_mean", name=near[0]) if near else said("ask.correct_name")
            faults.add(said("ask.no_column"), said("ask.one_of", names=grid.header), remedy, column=given)
    faults.raise_if_any()
    i, j = grid.header.index(str(reading.id_column)), grid.header.index(str(reading.list_column))
    return _pivoted(grid, i, j, faults, reading), True


def _guard(grid: Grid, i: int, faults: Faults) -> None:
    """Refuse columns that say who somebody is; that of the persons may hold a code or number of its own for each."""
    add_identifying_faults(grid, faults, [x for x in range(len(grid.header)) if x != i])
    kind = table_kind("id" if called_id(grid.header[i]) else grid.header[i], grid.columns[i])
    if kind is not None and kind != CODES:
        faults.add(said("guard.table", kind=kind), said("guard.table_allowed"), said("guard.table_remedy"),
                   column=grid.header[i])  # fmt: skip


def _like_ids(cells: Sequence[str]) -> bool:
    """Return whether these may say who: many values, some of them several times, few rows each."""
    values = {*cells}
    return "" not in values and 2 < len(values) < len(cells) <= 6 * len(values)


def _like_lists(cells: Sequence[str]) -> bool:
    return "" not in {*cells} and 2 <= len({*cells}) <= MOST_LISTS and len({*cells}) < len(cells)


def _fits(ids: Sequence[str], lists: Sequence[str], often: bool = False) -> bool:
    """Return whether somebody is on several lists, and most persons on each no more than once, or however `often`."""
    pairs = {*zip(ids, lists, strict=True)}
    once = often or 10 * len(pairs) >= 9 * len(ids)
    return len(pairs) > len({*ids}) and once and 2 * len({*lists}) < len({*ids}) + 4


def _saying(grid: Grid) -> list[int]:
    """Return the columns that say yes or no, as a list or as a value beside who and where."""
    return [i for i, cells in enumerate(grid.columns) if bits_of(cells) is not None and len({*cells}) > 1]


def _complete(grid: Grid, i: int, j: int) -> bool:
    """Return whether everybody stands beside every list."""
    ids, lists = grid.columns[i], grid.columns[j]
    return len({*zip(ids, lists, strict=True)}) == len({*ids}) * len({*lists})


def _of_those_on(grid: Grid, i: int, j: int) -> Grid:
    """Return the rows of those who are on a list, where everybody stands beside every list and a column says who is."""
    value = [k for k in _saying(grid) if k not in (i, j)]
    if len(value) != 1 or not _complete(grid, i, j):
        return grid
    on = [k for k, bit in enumerate(bits_of(grid.columns[value[0]]) or ()) if bit]
    columns = [[cells[k] for k in on] for cells in grid.columns]
    kept = grid._replace(columns=columns, rows=[grid.rows[k] for k in on]).without(value)
    return kept.with_told(said("read.long_value", name=grid.header[value[0]]))


def _pivoted(grid: Grid, i: int, j: int, faults: Faults, reading: Reading) -> Grid:
    """Return one row for each person: lists as columns, and what is the same in all rows of everybody."""
    faults.private = True
    who, where = grid.header[i], grid.header[j]
    grid = _of_those_on(grid, i, j)
    i, j = grid.header.index(who), grid.header.index(where)
    _guard(grid, i, faults)
    for k, (who, where) in enumerate(zip(grid.columns[i], grid.columns[j], strict=True)):
        for at, cell in ((i, who), (j, where)):
            if not cell:
                faults.add(said("ask.long_empty"), said("ask.long_filled"), said("ask.long_complete"),
                           row=grid.rows[k], column=grid.header[at])  # fmt: skip
    names = [x for x in grid.levels.get(grid.header[j], ()) if x in grid.columns[j]]
    names = names or sorted({*grid.columns[j]} - {""})
    if len(names) > reading.most:
        faults.add(said("ask.long_many", count=len(names), name=grid.header[j]), said("ask.long_allowed"),
                   said("ask.long_remedy"))  # fmt: skip
        faults.raise_if_any()
    persons: dict[str, int] = {}
    first: dict[str, int] = {}
    for who, row in zip(grid.columns[i], grid.rows, strict=True):
        persons.setdefault(who, len(persons))
        first.setdefault(who, row)
    bits = [["0"] * len(persons) for _ in names]
    places = {name: p for p, name in enumerate(names)}
    for who, where in zip(grid.columns[i], grid.columns[j], strict=True):
        if where:
            bits[places[where]][persons[who]] = "1"
    header, columns, varies = list(names), bits, []
    beside = [x for x in range(len(grid.header)) if x not in (i, j)]
    ones = [x for x in beside if {*grid.columns[x]} == {"1"} and grid.header[x] not in reading.named]
    for at in (x for x in beside if x not in ones):  # a count of 1 for each registration says nothing
        per: dict[str, str] = {}
        pairs = zip(grid.columns[i], grid.columns[at], strict=True)
        same = all(per.setdefault(who, cell) == cell for who, cell in pairs)
        if same:
            header.append(grid.header[at])
            columns.append(list(per.values()))
        elif grid.header[at] in (reading.covariates or ()):
            faults.add(said("ask.long_varies"), said("ask.long_same"), said("ask.long_choose"), column=grid.header[at])
        else:
            varies.append(grid.header[at])
    faults.raise_if_any()
    told = said("read.long", who=grid.header[i], where=grid.header[j])
    more = [said("read.unread", names=[grid.header[x] for x in ones])] if ones else []
    more += [said("read.varies", names=varies)] if varies else []
    grid = grid._replace(header=header, columns=columns, rows=list(first.values()), sure=frozenset(names))
    return grid.with_told(told, *more)
