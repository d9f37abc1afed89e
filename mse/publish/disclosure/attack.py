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

from mse.computing.linearsolver import LinearProgramme, Optimum
from mse.kernels.arrays import Array, Flags, Integers
from mse.publish.disclosure.counts import CountTable, Place, PublishedCells

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from mse.publish.disclosure.control import SafeTable


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
        self.programme = LinearProgramme(np.zeros(self.size), np.where(possible, np.inf, 0.0))
        for c in range(len(cells.places)):
            self.programme.add_row(low[c], high[c], members(cells, c))

    def range(self, cell: int) -> tuple[float, float]:
        """Return the smallest and largest count of a published cell, whole persons."""
        costs = np.zeros(self.size)
        costs[members(self.cells, cell)] = 1.0
        self.programme.set_costs(0, costs)
        return float(np.ceil(self._optimum(False) - SLACK)), float(np.floor(self._optimum(True) + SLACK))

    def _optimum(self, largest: bool) -> float:
        """Return the optimum; with whole persons where the linear programme ends in parts of persons."""
        found = self._solved(largest)
        if self.whole and found.at.size and np.abs(found.at - np.rint(found.at)).max() >= SLACK:
            self.programme.set_whole(True)
            found = self._solved(largest)
            self.programme.set_whole(False)
        return found.value

    def _solved(self, largest: bool) -> Optimum:
        found = self.programme.optimum(largest=largest)
        if found is None:
            raise RuntimeError("no counts are as they were published")
        return found


def members(cells: PublishedCells, cell: int) -> npt.NDArray[np.int32]:
    """Return the base cells of a published one."""
    start, end = cells.sums.indptr[cell], cells.sums.indptr[cell + 1]
    return np.asarray(cells.sums.indices[start:end], dtype=np.int32)
