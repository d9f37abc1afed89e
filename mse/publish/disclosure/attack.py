"""The attack: what somebody who knows everything published can work out about what was left out.

Everything published is a system of linear equations over the base cells; what is left out of it lies between the
minimum and the maximum of a linear programme (Fischetti & Salazar 2001, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.computing.linearsolver import new_solver
from mse.publish.disclosure.counts import CountTable, Place, PublishedCells

if TYPE_CHECKING:
    import highspy
    from scipy.sparse import csr_array

    from mse.publish.disclosure.control import SafeTable

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

SLACK = 1e-6
"""Counts are whole: a bound that is off by less than this is the solver's rounding."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attacker works out, one entry per cell that was left out or rounded.

    Parameters
    ----------
    places : tuple of tuple
        The cells.
    low, high : tuple of float
        The smallest and largest count that agree with everything published; `high` may be infinite.
    """

    places: tuple[Place, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def attack(
    table: CountTable,
    safe: SafeTable,
    *,
    whole: bool = True,
    told: Mapping[Place, tuple[float, float]] | None = None,
    beside: Beside | None = None,
) -> Attack:
    """Bound every cell that was left out or rounded, from what is published alone.

    The attacker knows the published counts, that persons are not negative, where nobody can be, that the sums add up,
    and of rounded counts how far they may be off. Of `table` only the shape and the structural zeros are used.

    Parameters
    ----------
    table : CountTable
        Its dimensions, groups, margins and structural zeros.
    safe : SafeTable
        What is published.
    whole : bool
        The attacker knows, too, that persons are whole: an integer programme wherever the linear one ends in parts of
        persons. Otherwise the bounds of the linear ones, rounded inward to whole persons.
    told : mapping of place to (float, float), optional
        Least and most persons at a published place, as words and the ends of intervals tell.
    beside : Beside, optional
        What earlier releases published of the same persons: their sums come after the cells of the table.
    """
    cells = table.published()
    shown = np.array([0 if cell.count is None else cell.count for cell in safe.cells], dtype=np.float64)
    hidden = np.array([cell.status == "suppressed" for cell in safe.cells])
    rounded = np.array([cell.status == "rounded" for cell in safe.cells])
    reach = float(safe.deviation)
    low = np.where(hidden, 0.0, np.where(rounded, np.maximum(shown - reach, 0.0), shown))
    high = np.where(hidden, np.inf, np.where(rounded, shown + reach, shown))
    for c, place in enumerate(cells.places):
        least, most = (told or {}).get(place, (0.0, np.inf))
        low[c], high[c] = max(low[c], least), min(high[c], most)
    possible = table.possible
    if beside is not None:
        from scipy.sparse import csr_array, vstack

        sums = csr_array(vstack([cells.sums @ beside.split, beside.cells.sums]))
        cells, possible = PublishedCells((*cells.places, *beside.cells.places), sums), beside.possible
        low, high = np.concatenate([low, beside.low]), np.concatenate([high, beside.high])
        hidden = np.concatenate([hidden, beside.low < beside.high])
        rounded = np.concatenate([rounded, np.zeros(beside.low.size, dtype=bool)])
    programme = Bounds(possible, cells, low, high, whole)
    targets = np.flatnonzero(hidden | rounded)
    ends = [programme.range(int(c)) for c in targets]
    return Attack(tuple(cells.places[c] for c in targets), tuple(e[0] for e in ends), tuple(e[1] for e in ends))


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What earlier releases published of the same persons; C sums over J base cells, which split the S of a table.

    Parameters
    ----------
    cells : PublishedCells
        The sums, over the J base cells.
    low, high : float array, shape (C,)
        Persons: equal where the sum itself was published, 0 and infinity where it was left out.
    split : sparse int64 array, shape (S, J)
        1 where a base cell is a part of one of the table.
    counts : int64 array, shape (J,)
        Persons that agree with all of it; true ones where the table tells them, else one way that it may be.
    possible : bool array, shape (J,)
        False where nobody could have been seen.
    least, most : float array, shape (C,)
        What could be worked out from the sums alone.
    difference : bool array, shape (C,)
        Sums that nobody published: by so many persons two counts differ.
    """

    cells: PublishedCells
    low: Array
    high: Array
    split: csr_array
    counts: Integers
    possible: Flags
    least: Array
    most: Array
    difference: Flags


class Bounds:
    """The programme of the attack: a variable per base cell, a row per published cell, between its known ends."""

    def __init__(self, possible: Flags, cells: PublishedCells, low: Array, high: Array, whole: bool) -> None:
        self.cells, self.whole, self.size = cells, whole, possible.size
        self.highs = new_solver()
        add_variables(self.highs, np.zeros(self.size), np.where(possible, np.inf, 0.0))
        add_rows(self.highs, cells, low, high)
        self.used = np.zeros(0, dtype=np.int32)

    def range(self, cell: int) -> tuple[float, float]:
        """Return the smallest and largest count of a published cell, whole persons."""
        import highspy

        self.highs.changeColsCost(self.used.size, self.used, np.zeros(self.used.size))
        self.used = members(self.cells, cell)
        self.highs.changeColsCost(self.used.size, self.used, np.ones(self.used.size))
        low = self._optimum(highspy.ObjSense.kMinimize)
        return float(np.ceil(low - SLACK)), float(np.floor(self._optimum(highspy.ObjSense.kMaximize) + SLACK))

    def _optimum(self, sense: highspy.ObjSense) -> float:
        """Return the optimum; with whole persons where the linear programme ends in parts of persons."""
        import highspy

        solver = self.highs
        solver.changeObjectiveSense(sense)
        optimum, counts = _outcome(solver)
        if not self.whole or np.isinf(optimum) or np.abs(counts - np.rint(counts)).max() < SLACK:
            return optimum
        for kind in (highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous):
            for j in range(self.size):
                solver.changeColIntegrality(j, kind)
            if kind == highspy.HighsVarType.kInteger:
                optimum, _ = _outcome(solver)
        return optimum


def _outcome(solver: highspy.Highs) -> tuple[float, Array]:
    """Run; return the optimum, infinite where there is none, and the variables there."""
    import highspy

    status = run_to_end(solver)
    if status in (highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return np.inf, np.zeros(0)
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"the programme of the attack ended with {status}")
    return float(solver.getObjectiveValue()), np.asarray(solver.getSolution().col_value, dtype=np.float64)


def members(cells: PublishedCells, cell: int) -> npt.NDArray[np.int32]:
    """Return the base cells of a published one."""
    start, end = cells.sums.indptr[cell], cells.sums.indptr[cell + 1]
    return np.asarray(cells.sums.indices[start:end], dtype=np.int32)


def run_to_end(solver: highspy.Highs) -> highspy.HighsModelStatus:
    """Run and return how it ended; from scratch once more where the last basis led nowhere."""
    import highspy

    solver.run()
    if solver.getModelStatus() in (highspy.HighsModelStatus.kUnknown, highspy.HighsModelStatus.kSolveError):
        solver.clearSolver()
        solver.run()
    return solver.getModelStatus()


def add_variables(solver: highspy.Highs, low: Array, high: Array) -> None:
    """Add one variable per pair of bounds."""
    for a, b in zip(low, high, strict=True):
        solver.addVar(float(a), float(b))


def add_rows(solver: highspy.Highs, cells: PublishedCells, low: Array, high: Array) -> None:
    """Add one row per published cell: the sum of its base cells, between two ends."""
    for c in range(len(cells.places)):
        inside = members(cells, c)
        solver.addRow(float(low[c]), float(high[c]), inside.size, inside, np.ones(inside.size))
