"""Histories in words, ``Police & Care``, ``Police only`` or ``Politie, KMar en Zorg``, as a column for each list."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from mse.tables.checks import MOST_LISTS, Faults
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
_BOTH = re.compile(r"[&+∩×|;/,]")
_ALIKE, _SHORT = 0.85, 4
"""Names of more letters than `_SHORT` that are so alike may be one."""
_NOBODY = re.compile(
    r"(?:none|geen|niemand|nobody|neither|unseen|unlisted|unobserved|no (?:list|register|source)"
    r"|not (?:on|in|registered|listed|seen)|niet (?:op|in|geregistreerd)|(?:op|in) geen)\b.*",
    re.IGNORECASE,
)
"""How the history of those on no list is worded."""
_EVERY = re.compile(
    r"(?:all|alle|both|beide)(?: of)?(?: the| de)?(?: (?:two|three|four|five|six|twee|drie|vier|vijf|zes|[2-9]))?"
    r"(?: (?:lists|registers|sources|lijsten|bronnen|registraties))?",
    re.IGNORECASE,
)
"""How the history of those on every list is worded: ``all three``, ``alle registers``."""
_CALLED = {*HISTORY_NAMES, *LIST_NAMES, "registers", "organisaties", "organisations", "combination", "combinatie",
           "overlap", "intersection", "pattern", "patroon", "set", "sets", "subset", "cell"}  # fmt: skip


def with_combinations(grid: Grid, faults: Faults, reading: Reading) -> Grid:
    """Return the grid with a column of histories in words, if it has one and no lists beside it, as lists.

    ``A and B`` is two lists where both are named elsewhere without the other, and else the name of one. What never
    stands with another list may be a subtotal or a remark, and what is nearly called as another list may be that list:
    `faults` receives the question where lists are not named.
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
    doubtful = [] if reading.lists is not None else _doubtful(names, parts)
    if doubtful:
        faults.add(said("ask.worded", names=doubtful), said("ask.worded_allowed"), said("ask.worded_remedy"),
                   column=grid.header[place])  # fmt: skip
        faults.raise_if_any()
    bits = [["1" if name in part else "0" for part in parts] for name in names]
    return lists_for(grid, place, names, bits).with_told(said("read.combinations", name=grid.header[place]))


def _doubtful(names: Sequence[str], parts: Sequence[frozenset[str]]) -> list[str]:
    """Return the names that may be none of lists: with no other list anywhere, or nearly that of another list."""
    with_others = {name for part in parts if len(part) > 1 for name in part}
    lonely = [name for name in names if name not in with_others] if len(names) > 2 else []
    once = [name for name in names if sum(name in part for part in parts) == 1]
    alike = [x for x in once if get_close_matches(x, [name for name in names if name != x], n=1, cutoff=_ALIKE)]
    return sorted({*lonely, *(x for x in alike if len(x) > _SHORT)})


def _histories(cells: Sequence[str], called: bool) -> list[frozenset[str]] | None:
    """Return the lists that each cell names; None where cells name one thing each, or something else than lists.

    Where neither the mark nor the name of the column is sure, every list must have a row of its own.
    """
    whole = {_ALONE.sub("", cell, count=1) for cell in cells if _ALONE.search(cell) and not _BOTH.search(cell)}
    spelt: dict[str, str] = {}
    for mark in (*_BETWEEN, None) if called else (*_BETWEEN[:-2], None):
        named = [_names_in(cell, mark) for cell in cells]
        joined = any(_EVERY.fullmatch(cell) for cell in cells)
        if mark and max(map(len, named), default=0) < 2:
            continue
        some = _apart(named, whole, only_and=mark is None)
        some = [frozenset(spelt.setdefault(x.casefold(), x) for x in part) for part in some]
        known = {name for part in some for name in part}
        parts = [frozenset(known) if _EVERY.fullmatch(cell) else part for cell, part in zip(cells, some, strict=True)]
        alone = {name for part in parts if len(part) == 1 for name in part}
        sure = mark in _BETWEEN[:_SURE] or (bool(alone) if called or joined else known <= alone)
        fine = max(map(len, parts), default=0) > 1 and 2 <= len(known) <= MOST_LISTS and "" not in known
        if fine and sure and not any(re.fullmatch(r"[\d.,]+", name) for name in known):
            return parts
    return None


def _names_in(cell: str, mark: str | None) -> list[str]:
    if _NOBODY.fullmatch(cell) or _EVERY.fullmatch(cell):
        return []
    text = _ALONE.sub("", cell, count=1)
    return [x.strip() for x in text.split(mark)] if mark else [text]


def _apart(parts: Sequence[Sequence[str]], whole: Collection[str], only_and: bool) -> list[frozenset[str]]:
    """Return the names with ``A and B`` taken apart where A and B are known; where one is, if only that joins lists.

    What stands somewhere as the only list of a history (`whole`) is one name, whatever words it has.
    """
    split = {name: _split(name, whole) for part in parts for name in part}
    plain = {name.casefold() for name, pieces in split.items() if len(pieces) == 1}
    enough = plain.intersection if only_and else plain.issuperset
    return [
        frozenset(x for name in part for x in (split[name] if enough(map(str.casefold, split[name])) else [name]))
        for part in parts
    ]


def _split(name: str, whole: Collection[str]) -> list[str]:
    """Return what `_AND` joins, names of `whole` in one piece."""
    kept = sorted((x for x in whole if _AND.search(x)), key=len, reverse=True)
    for i, x in enumerate(kept):
        name = name.replace(x, f"\0{i}\0")
    return [re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], piece) for piece in _AND.split(name)]
