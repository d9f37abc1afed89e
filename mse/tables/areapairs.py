"""Which areas border on each other: pairs of areas, from a file or as they are, held against the areas of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mse.errors import InputError, Problem, names_of
from mse.kernels.arrays import Integers
from mse.tables.checks import Faults
from mse.tables.reading import called, source_grid
from mse.words.said import said

MOST_NAMED = 20
"""So many areas are named in a message; of more their number is said."""


def read_neighbours(
    source: str | Path | Sequence[tuple[str, str]], areas: Sequence[str], islands: Sequence[str] = ()
) -> Integers:
    """Return the pairs of areas that border on each other, each pair once.

    Parameters
    ----------
    source : str, Path or sequence of (str, str)
        A file with two columns, one area in each, whatever they are called; or the pairs themselves. Every pair stands
        there once, or every pair both ways.
    areas : sequence of str
        All areas.
    islands : sequence of str
        Areas that have no neighbours.

    Returns
    -------
    int64 array, shape (P, 2)
        Places of the areas of each pair among all areas, the smaller one first, in ascending order.

    Raises
    ------
    InputError
        With every problem: areas that there are not, an area that borders on itself, a pair twice, pairs both ways
        beside pairs that are not, areas without neighbours that are not said to be islands, and islands that have some.
    """
    if isinstance(source, str | Path):
        faults = Faults(called(source))
        grid = source_grid(source, faults)
        if len(grid.header) != 2:
            faults.add(said("found.neighbour_columns", count=len(grid.header)), said("allowed.two_columns_areas"),
                       said("do.leave_two_columns"))  # fmt: skip
        faults.raise_if_any()
        header: Sequence[str | None] = grid.header
        rows, (ones, others) = grid.rows, grid.columns
    else:
        faults, header = Faults(said("what.pairs_of_areas")), (None, None)
        rows = list(range(1, len(source) + 1))
        ones, others = [one for one, _ in source], [other for _, other in source]
    place = {area: i for i, area in enumerate(areas)}
    named = len(areas) <= MOST_NAMED
    allowed = names_of(areas) if named else said("allowed.areas_of_table", areas=len(areas))
    seen: dict[tuple[int, int], int] = {}
    for row, one, other in zip(rows, ones, others, strict=True):
        for column, area in zip(header, (one, other), strict=True):
            if area not in place:
                faults.add(said("found.area_unknown"), allowed, said("do.correct_area"), row=row, column=column,
                           value=area)  # fmt: skip
        if one not in place or other not in place:
            continue
        pair = (place[one], place[other])
        if one == other:
            faults.add(said("found.area_own_neighbour"), said("allowed.two_different_areas"), said("do.delete_row"),
                       row=row, value=one)  # fmt: skip
        elif pair in seen:
            faults.add(said("found.neighbours_twice"), said("allowed.pair_once_or_both"), said("do.keep_one_row"),
                       detail=said("found.first_in_row", row=str(seen[pair])), row=row,
                       value=f"{one}, {other}")  # fmt: skip
        else:
            seen[pair] = row
    both = {pair for pair in seen if pair[::-1] in seen}
    if both:
        for pair in seen.keys() - both:
            faults.add(said("found.neighbours_one_way"), said("allowed.pair_once_or_both"), said("do.add_other_way"),
                       row=seen[pair], value=f"{areas[pair[0]]}, {areas[pair[1]]}")  # fmt: skip
    bordering = {i for pair in seen for i in pair}
    for i, area in enumerate(areas):
        if i not in bordering and area not in islands:
            faults.add(said("found.area_alone"), said("allowed.neighbours_or_island"),
                       said("do.add_neighbours_or_island"), value=area)  # fmt: skip
    problems = faults.problems()
    for area in islands:
        if area not in place:
            problems.append(Problem(said("found.area_unknown"), allowed, said("do.correct_area"), column="islands",
                                    value=area))  # fmt: skip
        elif place[area] in bordering:
            problems.append(Problem(said("found.island_has_neighbours"), said("allowed.area_without_neighbours"),
                                    said("do.delete_island_or_pairs"), column="islands", value=area))  # fmt: skip
    if problems:
        raise InputError(problems)
    return np.array(sorted({(min(pair), max(pair)) for pair in seen}), dtype=np.int64).reshape(-1, 2)
