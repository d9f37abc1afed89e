"""Levels of a covariate that are the sum of the others: they count nobody anew, and go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from mse.tables.checks import Faults
from mse.tables.countcolumns import rough_counts
from mse.tables.grids import Grid
from mse.words.said import said

_CALLED = re.compile(
    r"(?:grand )?tota(?:l|al)s?\b.*|(?:all|alle|allen|both|beide)(?: .*)?|sum|som|overall|everybody|iedereen|t|tot\.?",
    re.IGNORECASE,
)
"""How such a level is called; ``t`` may be one that is not."""
_SURELY = re.compile(r"(?:grand )?tota(?:l|al)s?\b.*|all(?:e|en)? .*|overall", re.IGNORECASE)

_NO_ACCIDENT = 3
"""In so many cells it is no accident that a level is the sum of the others, whatever it is called."""
_RANGE = re.compile(r"([0-9]{1,4})(?: *(?:-|–|to|tot|t/m) *([0-9]{1,4}))?(?: (?:years?|jaar))?", re.IGNORECASE)


def without_total_levels(
    grid: Grid, faults: Faults, lists: Sequence[int], covariates: Sequence[int], number: int | None
) -> Grid:
    """Return the grid without rows of a level that adds up the other levels of its covariate, cell by cell.

    Of two levels one is the sum of the other only if it is called so, and so is one with persons in few cells. A level
    that is called a total and is none is a fault, and so is a class that holds another, ``0-29`` beside ``0-17``: they
    would count persons twice.
    """
    for at in covariates:
        counts = rough_counts(grid, number)
        if counts is None:
            return grid
        beside = [i for i in (*lists, *covariates) if i != at]
        cells: dict[str, Counter[tuple[str, ...]]] = {}
        everything: Counter[tuple[str, ...]] = Counter()
        for k, n in enumerate(counts):
            key = tuple(grid.columns[i][k] for i in beside)
            cells.setdefault(grid.columns[at][k], Counter())[key] += n
            everything[key] += n
        for level, own in cells.items():
            called = bool(_CALLED.fullmatch(level))
            if len(cells) < 2 or not (called or (len(cells) > 2 and len(+own) >= _NO_ACCIDENT)):
                continue
            sums = own.total() > 0 and +own == +(everything - own)
            if sums:
                kept = [k for k, cell in enumerate(grid.columns[at]) if cell != level]
                columns = [[cells[k] for k in kept] for cells in grid.columns]
                grid = grid._replace(columns=columns, rows=[grid.rows[k] for k in kept])
                grid = grid.with_told(said("read.total_level", level=level, name=grid.header[at]))
                break
            if _SURELY.fullmatch(level):
                remedy = said("do.leave_out_total_level")
                faults.add(said("found.total_level"), said("allowed.level_of_its_own"), remedy, column=grid.header[at],
                           value=level)  # fmt: skip
        wide = _holding_another({*grid.columns[at]})
        if wide is not None:
            faults.add(said("found.level_holds", other=wide[1]), said("allowed.level_of_its_own"),
                       said("do.leave_out_total_level"), column=grid.header[at], value=wide[0])  # fmt: skip
    return grid


def _holding_another(levels: Collection[str]) -> tuple[str, str] | None:
    """Return a class of numbers that holds another level, and which; None where there is none."""
    found = {level: _RANGE.fullmatch(level) for level in sorted(levels)}
    ends = {level: (int(x[1]), int(x[2] or x[1])) for level, x in found.items() if x}
    inside = (
        (one, other)
        for one, (low, high) in ends.items()
        for other, (first, last) in ends.items()
        if one != other and low <= first and last <= high
    )
    return next(inside, None)
