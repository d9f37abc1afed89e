"""Histories in words, ``Police & Care``, ``Police only`` or ``Politie, KMar en Zorg``, as a column for each list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mse.tables.checks import MOST_LISTS
from mse.tables.codings import HISTORY_NAMES, bits_of
from mse.tables.grids import Grid
from mse.tables.listcolumns import LIST_NAMES, lists_for
from mse.tables.readspec import Reading
from mse.words.said import said

_BETWEEN = ("&", "+", "∩", "×", " x ", "|", ";", "/", ",", "-", "_")
"""What stands between the names of lists in a history in words, the surest first."""
_SURE = 4
"""So many of them are taken for it whatever the column is called."""
_AND = re.compile(r",?\s+(?:and|en|et|und|plus|with|met)\s+", re.IGNORECASE)
"""Words that may stand there too, or inside the name of a list."""
_ALONE = re.compile(
    r"(?:only|just|solely|alleen|enkel|uitsluitend|slechts)\b[\s:]*(?=\S)"
    r"|(?<=\S)[\s,(]+(?:only|alone|alleen|uitsluitend)\)?$",
    re.IGNORECASE,
)
"""How a history of one list is worded: ``A only``, ``alleen A``."""
_NOBODY = frozenset(("none", "geen", "niemand", "nobody", "no list", "geen lijst", "unlisted", "niet geregistreerd"))
"""How the history of those on no list is worded."""
_CALLED = {*HISTORY_NAMES, *LIST_NAMES, "registers", "organisaties", "organisations", "combination", "combinatie",
           "overlap", "intersection", "pattern", "patroon", "set", "sets", "subset", "cell"}  # fmt: skip


def with_combinations(grid: Grid, reading: Reading) -> Grid:
    """Return the grid with a column of histories in words, if it has one and no lists beside it, as lists.

    ``A and B`` is two lists where both are named elsewhere without the other, and else the name of one.
    """
    if any(bits_of(cells) is not None and len({*cells}) > 1 for cells in grid.columns):
        return grid
    found = []
    for i, name in enumerate(grid.header):
        parts = None if name in reading.named else _histories(grid.columns[i], name.casefold() in _CALLED)
        if parts:
            found.append((i, parts))
    if len(found) != 1:
        return grid
    ((place, parts),) = found
    names = sorted({name for part in parts for name in part})
    bits = [["1" if name in part else "0" for part in parts] for name in names]
    return lists_for(grid, place, names, bits).with_told(said("read.combinations", name=grid.header[place]))


def _histories(cells: Sequence[str], called: bool) -> list[frozenset[str]] | None:
    """Return the lists that each cell names; None where cells name one thing each, or something else than lists.

    Where neither the mark nor the name of the column is sure, every list must have a row of its own.
    """
    for mark in (*_BETWEEN, None) if called else (*_BETWEEN[:-2], None):
        named = [_names_in(cell, mark) for cell in cells]
        if mark and max(map(len, named), default=0) < 2:
            continue
        parts = _apart(named, only_and=mark is None)
        known = {name for part in parts for name in part}
        alone = {name for part in parts if len(part) == 1 for name in part}
        sure = mark in _BETWEEN[:_SURE] or (bool(alone) if called else known <= alone)
        fine = max(map(len, parts), default=0) > 1 and 2 <= len(known) <= MOST_LISTS and "" not in known
        if fine and sure and not any(re.fullmatch(r"[\d.,]+", name) for name in known):
            return parts
    return None


def _names_in(cell: str, mark: str | None) -> list[str]:
    if cell.casefold() in _NOBODY:
        return []
    text = _ALONE.sub("", cell, count=1)
    return [x.strip() for x in text.split(mark)] if mark else [text]


def _apart(parts: Sequence[Sequence[str]], only_and: bool) -> list[frozenset[str]]:
    """Return the names with ``A and B`` taken apart where A and B are known; where one is, if only that joins lists."""
    known = {name for part in parts for name in part}
    split = {name: _AND.split(name) for name in known}
    plain = {name for name in known if len(split[name]) == 1}
    enough = plain.intersection if only_and else plain.issuperset
    return [frozenset(x for name in part for x in (split[name] if enough(split[name]) else [name])) for part in parts]
