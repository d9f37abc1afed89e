"""Rounded counts: controlled, so that rows and columns still add up, or by lot, without bias."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.linearsolver import LinearProgramme, Optimum
from mse.errors import ModelError, Problem
from mse.kernels.arrays import Integers
from mse.publish.disclosure.attack import members
from mse.publish.disclosure.counts import CountTable, Place, PublishedCells
from mse.words.said import said

if TYPE_CHECKING:
    from mse.publish.disclosure.attack import Beside
    from mse.publish.disclosure.control import Disclosure


WIDEST = 6
"""Multiples of the base by which a rounded margin may have to give way before the attempt is given up."""
DRAWN_AGAIN, WHOLE = 200, 64
"""Lots that are drawn before it is given up; base cells up to which the attacker asks for whole persons, too."""


def round_controlled(
    table: CountTable, cells: PublishedCells, base: int, pinned: Mapping[Place, int] | None = None,
    stood: Mapping[Place, int] | None = None,
) -> tuple[Integers, int]:  # fmt: skip
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
    pinned : mapping of place to int, optional
        Places whose rounded count is published elsewhere already.
    stood : mapping of place to int, optional
        Multiples of `base` that an earlier release told, less than `base` from the counts: these are rounded as if
        they were those, and move only where sums must.

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
    for place, number in (stood or {}).items():
        values[cells.places.index(place)] = number
    for further in range(WIDEST):
        found = _rounded(table, cells, values, base, further, pinned or {})
        if found is not None:
            rounded = np.rint(found.at[: table.counts.size]).astype(np.int64)
            return np.asarray(cells.sums @ rounded, dtype=np.int64) * base, (1 + further) * base - 1
    raise ModelError(
        Problem(said("found.no_rounding_adds_up"), said("allowed.rounded_counts_add_up"),
                said("do.publish_fewer_margins_use"))
    )  # fmt: skip


def _rounded(
    table: CountTable, cells: PublishedCells, values: Integers, base: int, further: int, pinned: Mapping[Place, int]
) -> Optimum | None:
    size = table.counts.size
    programme = LinearProgramme(np.zeros(size), np.where(table.possible, np.inf, 0.0), whole=True, presolve=True)
    costs = np.zeros(size + 3 * values.size)
    for c, value in enumerate(values):
        inside = members(cells, c)
        down, rest = divmod(int(value), base)
        low, high = max(down - further, 0), down + (rest > 0) + further
        if cells.places[c] in pinned:
            low = high = pinned[cells.places[c]] // base
        # How far the multiple lies above the lower one (at most one step), and how far beyond both.
        programme.add_variables(np.zeros(3), [rest > 0, 2 * further, 2 * further])
        step = size + 3 * c
        costs[step : step + 3] = base - 2 * rest if rest else 0.0, 2 * base, 2 * base
        weights = np.concatenate([np.ones(inside.size), [-1.0, -1.0, 1.0]])
        programme.add_row(down, down, [*inside, step, step + 1, step + 2], weights)
        programme.add_row(low, high, inside)
    programme.set_costs(0, costs)
    return programme.optimum()


def named_place(table: CountTable, place: Place) -> list[list[str]]:
    """Return a place by the names of its dimensions, the same in every table that has it."""
    return sorted([dim, x] for dim, x in zip(table.dimensions, place, strict=True) if x is not None)


def lot(value: int, named: list[list[str]], base: int, secret: str, again: int = 0) -> int:
    """Return one of the two multiples of `base` around a count, by a keyed lot; another one for every `again`."""
    text = json.dumps([base, named, value, *([again] if again else [])], ensure_ascii=True)
    drawn = int.from_bytes(hmac.digest(secret.encode(), text.encode(), "sha256")[:8]) / 2**64
    down, rest = divmod(value, base)
    return base * (down + (drawn < rest / base))


def round_by_lot(
    table: CountTable, cells: PublishedCells, rule: Disclosure, pinned: Mapping[Place, int], beside: Beside | None,
    stood: Mapping[Place, int],
) -> Integers:  # fmt: skip
    """Return counts rounded by lot, of which no count can be worked out from the others.

    Sums that need not add up tell something when they miss by much: the lot of such counts is drawn again, with what
    they are parts of and what they consist of, until at least `base` counts are possible at every place. What `stood`
    in an earlier release, and may stand, is not drawn before it has to be.

    Raises
    ------
    ModelError
        When there is no such rounding beside what is pinned.
    """
    from mse.publish.disclosure.attack import attack
    from mse.publish.disclosure.control import SafeCell, SafeTable

    values, possible = cells.values(table), cells.reach(table)
    free = np.array([place not in pinned for place in cells.places])
    named = [named_place(table, place) for place in cells.places]
    sums = cells.sums.astype(np.float64)
    again = np.zeros(values.size, dtype=np.int64)
    for _ in range(DRAWN_AGAIN):
        drawn = [
            pinned[place]
            if place in pinned
            else stood[place]
            if place in stood and not n
            else lot(int(value), at, rule.base, rule.secret, int(n))
            for place, value, at, n in zip(cells.places, values, named, again, strict=True)
        ]
        safe = SafeTable(table.names, tuple(
            SafeCell(place, x, "rounded" if can else "structural zero")
            for place, x, can in zip(cells.places, drawn, possible, strict=True)
        ), rule.in_words(), rule.base - 1)  # fmt: skip
        found = attack(table, safe, whole=table.counts.size <= WHOLE, beside=beside)
        narrow = {place for place, low, high in zip(found.places, found.low, found.high, strict=True)
                  if high - low < rule.base - 1}  # fmt: skip
        if not narrow:
            return np.array(drawn, dtype=np.int64)
        at = np.array([place in narrow for place in cells.places])
        near = np.asarray((sums @ sums[at].T).sum(axis=1)).ravel() > 0 if at.any() else np.ones(values.size, dtype=bool)
        again[near & free] += 1
    raise ModelError(
        Problem(said("found.no_rounding_lot_leaves"), said("allowed.counts_stay_doubt_beside"),
                said("do.publish_fewer_margins_use"))
    )  # fmt: skip
