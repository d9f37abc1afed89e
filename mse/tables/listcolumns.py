"""Columns of a file as lists: history strings taken apart, words read as 0 and 1, lists merged and dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mse.errors import ModelError, Problem, names_of
from mse.tables.checks import Faults
from mse.tables.codings import BIT, bits_of, history_place, short_histories, split_histories
from mse.words.said import said

if TYPE_CHECKING:
    from mse.tables.grids import Grid

Bits = Sequence[int | None]


def with_histories(grid: Grid, faults: Faults, lists: Sequence[str] | None, covariates: Sequence[str] | None) -> Grid:
    """Return the grid with a column of history strings, if it has one, as a column for every list."""
    named = {*(lists or ()), *(covariates or ())}
    lost = short_histories(grid.header, grid.columns)
    if lost is not None and grid.header[lost] not in named:
        faults.add(
            said("found.history_strings_not_equally"), said("allowed.n0_1_every_list"),
            said("do.write_histories_zeros_their"), column=grid.header[lost],
        )  # fmt: skip
        faults.raise_if_any()
    place = history_place(grid.header, grid.columns)
    if place is None or grid.header[place] in named:
        return grid
    names, columns = split_histories(grid.columns[place], grid.header)
    header = [*grid.header[:place], *names, *grid.header[place + 1 :]]
    cells = [*grid.columns[:place], *columns, *grid.columns[place + 1 :]]
    return grid._replace(header=header, columns=cells)


def list_bits(cells: Sequence[str]) -> list[int | None]:
    """Return who is on a list: 0, 1, or None for a cell that says neither."""
    return bits_of(cells) or [BIT.get(cell) for cell in cells]


def with_other_lists(
    names: tuple[str, ...], bits: Sequence[Bits], merge: Mapping[str, Sequence[str]], drop: Sequence[str], source: str
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
        found = said("found.no_list", repr=" or ".join(map(repr, unknown or gone)))
        if not unknown and not gone:
            found = said("found.merge_names_list_twice")
        raise ModelError(Problem(found, names_of(names), said("do.correct_names"), file=source))
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
