"""Columns of a file as lists: history strings taken apart, other codings as 0 and 1, lists merged and dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from mse.errors import ModelError, Problem, names_of
from mse.tables.checks import Faults
from mse.tables.codings import BIT, HISTORY_NAMES, bits_of, history_place, plain_history, split_histories
from mse.tables.grids import Grid
from mse.tables.readspec import Reading
from mse.words.said import Said, said

Bits = Sequence[int | None]

LIST_NAMES = frozenset(
    "list lists list_name listname list_id lijst lijsten lijstnaam source sources source_id bron bronnen register "
    "registry organisation organization organisatie org organisatienaam supplier leverancier agency agencies sample "
    "occasion capture database dataset system melder reporter instantie instelling institution site provider".split()
)
"""What a column is called that names lists."""


def with_histories(grid: Grid, faults: Faults, reading: Reading) -> Grid:
    """Return the grid with a column of histories, if it has one, as a column for every list.

    Histories are strings of 0 and 1, of which a spreadsheet may have taken the zeros at the start.
    """
    header, columns = grid.header, [_plain(cells) for cells in grid.columns]
    for i, name in enumerate(header):
        large = any(
            "E+" in cell.upper() and re.fullmatch(r"1[.,]\d*E\+\d+", cell, re.IGNORECASE) for cell in columns[i]
        )
        if large and (name.casefold() in HISTORY_NAMES or all(re.fullmatch(r"[01.,E+]+", x) for x in columns[i])):
            faults.add(said("ask.history_rounded"), said("ask.history_allowed"), said("ask.history_text"), column=name)
            faults.raise_if_any()
    place = history_place(header, columns)
    if place is None or header[place] in reading.named:
        return grid
    cells = columns[place]
    told = []
    width = max(map(len, cells))
    if min(map(len, cells)) < width:
        told.append(said("read.zeros", name=header[place], width=width))
        cells = [cell.zfill(width) for cell in cells]
    names, bits = split_histories(cells, header)
    told.append(said("read.history", name=header[place]))
    return lists_for(grid, place, names, bits).with_told(*told)


def _plain(cells: list[str]) -> list[str]:
    values = {*cells}
    return cells if values <= {"0", "1"} else [plain_history(cell) for cell in cells]


def lists_for(grid: Grid, place: int, names: Sequence[str], bits: Sequence[list[str]]) -> Grid:
    """Return the grid with these lists in the place of one column."""
    header = [*grid.header[:place], *names, *grid.header[place + 1 :]]
    cells = [*grid.columns[:place], *bits, *grid.columns[place + 1 :]]
    return grid._replace(header=header, columns=cells, sure=frozenset(names))


def list_bits(cells: Sequence[str]) -> list[int | None]:
    """Return who is on a list: 0, 1, or None for a cell that says neither."""
    return bits_of(cells) or [BIT.get(cell) for cell in cells]


def with_other_lists(
    names: tuple[str, ...],
    bits: Sequence[Bits],
    merge: Mapping[str, Sequence[str]],
    drop: Sequence[str],
    source: str | Said,
) -> tuple[tuple[str, ...], list[Bits]]:
    """Return the lists once some are merged (on it when on any) and some dropped, before anything is checked.

    Raises
    ------
    ModelError
        When a list is not there, or is merged twice.
    """
    members = [name for group in merge.values() for name in group]
    unknown = [name for name in dict.fromkeys([*members, *drop]) if name not in {*names, *merge}]
    gone = [name for name in dict.fromkeys(drop) if name in members]
    if unknown or gone or len(set(members)) < len(members) or not all(merge.values()):
        found = said("found.no_list", repr=[*map(repr, unknown or gone)])
        if not unknown and not gone:
            found = said("found.merge_names_list_twice")
        near = [x for name in unknown for x in get_close_matches(name, names, n=1)]
        remedy = said("do.did_you_mean_3", repr=[*map(repr, near)]) if near else said("do.correct_names")
        raise ModelError(Problem(found, names_of(names), remedy, file=source))
    kept: list[tuple[str, Bits]] = []
    for name, column in zip(names, bits, strict=True):
        group = next(((new, old) for new, old in merge.items() if name in old), None)
        if group is None:
            kept.append((name, column))
        elif name == next(x for x in names if x in group[1]):
            parts = [bits[names.index(x)] for x in group[1]]
            kept.append((group[0], [_any(row) for row in zip(*parts, strict=True)]))
    kept = [(name, column) for name, column in kept if name not in drop]
    return tuple(name for name, _ in kept), [column for _, column in kept]


def _any(row: Bits) -> int | None:
    """Return whether somebody is on any of several lists; None where a cell cannot be read and the others say no."""
    return 1 if 1 in row else None if None in row else 0
