"""Vintages of one table of rounded counts: roundings of one number, one after another, must not narrow it down.

A count that was rounded anew in every release would be known from all its roundings together. One that is still less
than the base from what the release before told is therefore told as it was, and moves only where sums must add up or
something would be known. All releases of the series together are then attacked as one system: every difference below
the base keeps as many possible values as the base has, or counts around it are rounded anew until it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mse.publish.disclosure.releaseattack import Series, Told, series_of
from mse.publish.disclosure.roundedcounts import lot, named_place
from mse.publish.disclosure.vintages import refused

if TYPE_CHECKING:
    from mse.answers.earlierreleases import OldTable
    from mse.publish.disclosure.control import Disclosure, SafeTable
    from mse.publish.disclosure.counts import CountTable, Place
    from mse.publish.disclosure.protecting import Protected


ATTEMPTS = 20
"""Roundings that are tried before it is given up."""


def rounded_over(
    table: CountTable, before: Sequence[OldTable], rule: Disclosure, time: str | None, years: tuple[str, ...],
    alone: Callable[[Mapping[Place, int]], Protected],
) -> Protected:  # fmt: skip
    """Return a rounded table of which, with the earlier releases of its series, no small difference is known.

    Parameters
    ----------
    table : CountTable
        Raw counts as they are now.
    before : sequence of OldTable
        The same table as the releases of the series published it, the first one first.
    rule : Disclosure
        Of a method that rounds.
    time, years : str or None, tuple of str
        The dimension of `table` that is time, and the years that it is about.
    alone : callable
        Rounds the table, given rounded counts that it keeps to where it can.

    Raises
    ------
    ModelError
        When a difference, or a count that was left out, cannot be kept in doubt.
    """
    cells = table.published()
    values = dict(zip(cells.places, cells.values(table).tolist(), strict=True))
    told = standing(table, before[-1], rule, time, years)
    for again in range(1, ATTEMPTS + 1):
        found = alone(told)
        near = narrowed(table, found.table, before, rule, time, years)
        if not near:
            return found
        told |= {x: lot(values[x], named_place(table, x), rule.base, rule.secret, again) for x in near}
    raise refused(min(near, key=str))


def standing(
    table: CountTable, before: OldTable, rule: Disclosure, time: str | None, years: tuple[str, ...]
) -> dict[Place, int]:
    """Return the rounded counts that a release told and that may stand: less than the base from what is counted now.

    Parameters
    ----------
    table : CountTable
        Raw counts as they are now.
    before : OldTable
        The same table as the last release of the series published it.
    rule : Disclosure
        Its base.
    time, years : str or None, tuple of str
        The dimension of `table` that is time, and the years that it is about.
    """
    cells = table.published()
    values = cells.values(table)
    (earlier,) = series_of(table, cells, [before], time, years, steps=False)
    return {
        cells.places[c]: found.anchor
        for c, found in earlier.compared.items()
        if found.anchor is not None and found.anchor % rule.base == 0 and abs(found.anchor - values[c]) < rule.base
    }


def narrowed(
    table: CountTable, safe: SafeTable, before: Sequence[OldTable], rule: Disclosure, time: str | None,
    years: tuple[str, ...],
) -> frozenset[Place]:  # fmt: skip
    """Return where rounded counts, with the earlier releases of the series, tell too much.

    Parameters
    ----------
    table, rule, time, years
        As in `standing`.
    safe : SafeTable
        What is to be published of it.
    before : sequence of OldTable
        The same table as the releases of the series published it, the first one first.

    Returns
    -------
    frozenset of places
        Where a difference is in less doubt than promised, and what has persons in common with it; none otherwise.
    """
    cells = table.published()
    values = cells.values(table)
    left_out = any(math.isinf(cell.high) for old in before for cell in old.cells)
    rule = rule if left_out else replace(rule, threshold=rule.base)
    told = {c: (cell.count or 0, safe.deviation) for c, cell in enumerate(safe.cells) if cell.status == "rounded"}
    size = values.size
    state = Told(values, np.zeros(size, bool), np.ones(size, np.int64), np.zeros(size, np.int64), told)
    joint = Series(table, cells, series_of(table, cells, before, time, years, steps=False), rule)
    near = np.zeros(size, dtype=bool)
    for added in (True, False):
        programme = joint.programme(added, state)
        if programme.optimum() is None:
            continue  # what is published contradicts whoever believes this
        for target in joint.targets(added, state):
            if target.narrow(*joint.range(programme, target)):
                persons = np.zeros(table.counts.size)
                persons[np.asarray(target.at) % table.counts.size] = 1.0
                near |= np.asarray(cells.sums @ persons).ravel() > 0
    return frozenset(place for place, yes in zip(cells.places, near, strict=True) if yes)
