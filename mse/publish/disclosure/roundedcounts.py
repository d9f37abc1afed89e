"""Rounded counts: controlled, so that rows and columns still add up, or by lot, without bias."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.computing.linearsolver import new_solver
from mse.publish.disclosure.attack import members, run_to_end
from mse.publish.disclosure.counts import CountTable, PublishedCells

if TYPE_CHECKING:
    import highspy

Integers = npt.NDArray[np.int64]

WIDEST = 6
"""Multiples of the base by which a rounded margin may have to give way before the attempt is given up."""


def round_controlled(table: CountTable, cells: PublishedCells, base: int) -> tuple[Integers, int]:
    """Return every published count as a multiple of `base`, so that all margins add up, and the most they may be off.

    Zero-restricted where that is possible: every count goes to one of the two multiples around it, and a multiple
    stays. In three and more dimensions there may be no such table; then counts may go one multiple further, and so
    on, with as little change in all as possible (Cox 1987; Kelly, Golden & Assad 1990).

    Parameters
    ----------
    table : CountTable
        Raw counts.
    cells : PublishedCells
        Its published cells.
    base : int
        What is rounded to.

    Returns
    -------
    rounded : int64 array, shape (C,)
    reach : int
        A count is off by no more: `base` - 1 where zero-restricted. It says nothing about these counts in particular.

    Notes
    -----
    Variables are the rounded base cells in multiples of `base`; a row per published cell holds its sum between the
    two multiples around its raw count. The objective is the sum over all published cells of what they are off,
    piecewise linear between the multiples.
    """
    values = cells.values(table)
    for further in range(WIDEST):
        solver = _rounding_programme(table, cells, values, base, further)
        if _solved(solver):
            rounded = np.rint(np.asarray(solver.getSolution().col_value)[: table.counts.size]).astype(np.int64)
            return np.asarray(cells.sums @ rounded, dtype=np.int64) * base, (1 + further) * base - 1
    raise RuntimeError("no controlled rounding was found")


def _rounding_programme(
    table: CountTable, cells: PublishedCells, values: Integers, base: int, further: int
) -> highspy.Highs:
    import highspy

    solver = new_solver()
    solver.setOptionValue("presolve", "on")
    solver.setOptionValue("solver", "choose")
    size = table.counts.size
    for can in table.possible:
        solver.addVar(0.0, float("inf") if can else 0.0)
    for j in range(size):
        solver.changeColIntegrality(j, highspy.HighsVarType.kInteger)
    for c, value in enumerate(values):
        inside = members(cells, c)
        down, rest = divmod(int(value), base)
        low, high = max(down - further, 0), down + (rest > 0) + further
        # Two variables: how far the multiple lies above the lower one (at most one step), and how far beyond both.
        solver.addVar(0.0, float(rest > 0))
        solver.addVar(0.0, float(2 * further))
        solver.addVar(0.0, float(2 * further))
        step = size + 3 * c
        solver.changeColCost(step, float(base - 2 * rest) if rest else 0.0)
        solver.changeColCost(step + 1, float(2 * base))
        solver.changeColCost(step + 2, float(2 * base))
        columns = np.concatenate([inside, [step, step + 1, step + 2]]).astype(np.int32)
        weights = np.concatenate([np.ones(inside.size), [-1.0, -1.0, 1.0]])
        solver.addRow(float(down), float(down), columns.size, columns, weights)
        solver.addRow(float(low), float(high), inside.size, inside, np.ones(inside.size))
    return solver


def _solved(solver: highspy.Highs) -> bool:
    import highspy

    status = run_to_end(solver)
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
        raise RuntimeError(f"the programme of rounding ended with {status}")
    return bool(status == highspy.HighsModelStatus.kOptimal)


def round_randomly(table: CountTable, cells: PublishedCells, base: int, seed: int) -> Integers:
    """Return every published count as one of the two multiples of `base` around it, by lot.

    The lot depends on seed, place and count alone: the same count at the same place is rounded the same way wherever
    and whenever it is published, so that asking again tells nothing. A count that lies r above a multiple goes up with
    probability r / base, so that the expected value is the count itself.

    Parameters
    ----------
    table, cells, base
        As in `round_controlled`.
    seed : int
        Of the lot.

    Returns
    -------
    int64 array, shape (C,)
    """
    values = cells.values(table)
    out = np.empty_like(values)
    for c, (place, value) in enumerate(zip(cells.places, values, strict=True)):
        named = sorted((dim, x) for dim, x in zip(table.dimensions, place, strict=True) if x is not None)
        text = json.dumps([seed, base, named, int(value)], ensure_ascii=True)
        lot = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
        down, rest = divmod(int(value), base)
        out[c] = base * (down + (lot < rest / base))
    return out
