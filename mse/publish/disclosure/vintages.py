"""Vintages of one table of counts: what a count was before, and is now, must not tell of a few persons.

Whoever has the releases of a series may subtract any two. Between them registrations came late, were corrected, or were
put together in another way; the difference of two counts is a count of such persons, and is protected like any other. A
count that differs by fewer than the threshold from what an earlier release published stands as it stood; others that
would tell such a difference in sums are told in whole steps of the threshold from there; what was left out stays left
out. Everything together, old and new, is attacked by linear programmes: an attacker who takes it that persons are only
ever added (late registrations), and one who does not, are left with at least as many possible values as the threshold
has, of what is published now, of what was left out then, and of how any two releases differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mse.errors import ModelError, Problem
from mse.publish.disclosure.attack import SLACK
from mse.publish.disclosure.counts import CountTable, Place
from mse.publish.disclosure.releaseattack import Series, Target, Told, is_small, series_of, stepped
from mse.words.said import said

if TYPE_CHECKING:
    from mse.answers.earlierreleases import OldTable
    from mse.publish.disclosure.control import Disclosure, SafeTable


MOST_STEPS = 16
"""Thresholds that a step may have before it is given up."""
TRIED = 40
"""Counts of which is tried what larger steps would leave in doubt."""


def hold_over(
    table: CountTable, safe: SafeTable, before: Sequence[OldTable], rule: Disclosure, time: str | None,
    years: tuple[str, ...], shown: Mapping[Place, tuple[int, int]] | None = None,
) -> SafeTable:  # fmt: skip
    """Return a protected table of which no difference from earlier releases tells of fewer persons than the threshold.

    Parameters
    ----------
    table : CountTable
        Raw counts as they are now.
    safe : SafeTable
        What of them may be published, were there no earlier release.
    before : sequence of OldTable
        The same table as the releases of the series published it, the first one first.
    rule : Disclosure
        Thresholds, of a method that leaves counts out (`mse.publish.disclosure.roundedvintages` is for rounded ones).
    time, years : str or None, tuple of str
        The dimension of `table` that is time, and the years that it is about.
    shown : mapping of place to (int, int), optional
        Counts that another table publishes already, as they are to stand here, too, and the most that each may be off.

    Raises
    ------
    ModelError
        When a difference, or a count that was left out, cannot be kept in doubt.
    """
    cells = table.published()
    values = cells.values(table)
    series = series_of(table, cells, before, time, years, steps=True)
    steps = np.ones(values.size, dtype=np.int64)
    anchors = np.zeros(values.size, dtype=np.int64)
    hidden = np.array([cell.status == "suppressed" for cell in safe.cells])
    for c, place in enumerate(cells.places):
        known = [x.compared[c] for x in series if c in x.compared]
        # The total is never left out for what it was.
        hidden[c] |= any(place) and any(x.anchor is None and x.old.high > x.old.low for x in known)
        told = [x.anchor for x in known if x.anchor is not None]
        if told and not hidden[c]:
            anchors[c] = told[-1]
            if any(is_small(int(values[c]) - x, rule) for x in told):
                steps[c] = rule.threshold
    fixed = dict(shown or {})
    at_fixed = {cells.places.index(place): ends for place, ends in fixed.items()}
    for c, (_, off) in at_fixed.items():
        steps[c], hidden[c] = off + 1, False
    joint = Series(table, cells, series, rule)
    if joint.programme(added=False, state=None).optimum() is None:
        joint = Series(table, cells, series_of(table, cells, before, time, years, steps=False), rule)
        if joint.programme(added=False, state=None).optimum() is None:
            raise refused(())  # they contradict each other whatever happened in between
    state = Told(values, hidden, steps, anchors, at_fixed)
    while _widened(joint, state, rule):
        pass  # what is told in larger steps may make beliefs possible that were not
    told_now = [stepped(int(v), int(a), int(s)) for v, a, s in zip(values, anchors, steps, strict=True)]
    made = tuple(
        cell if cell.status == "structural zero"
        else replace(cell, count=None, status="suppressed") if out
        else replace(cell, count=fixed.get(cell.place, (number, 0))[0], status="rounded" if step > 1 else "published")
        for cell, out, step, number in zip(safe.cells, hidden, steps, told_now, strict=True)
    )  # fmt: skip
    widest = int(steps[~hidden].max(initial=1))
    words = said("disclosure.vintages", rule=safe.rule, threshold=rule.threshold, most=rule.threshold - 1)
    return replace(safe, cells=made, rule=words, deviation=widest - 1)


def _widened(joint: Series, state: Told, rule: Disclosure) -> bool:
    """Tell counts in larger steps until every target is in doubt; return whether any had to be.

    What is in doubt stays in doubt: the values that a larger step leaves possible hold those of the smaller one.
    """
    changed = False
    for added in (True, False):
        programme = joint.programme(added, state)
        if programme.optimum() is None:
            continue  # what is published contradicts whoever believes this
        for target in joint.targets(added, state):
            while target.narrow(*joint.range(programme, target)):
                _widen(joint, target, added, state, rule)
                programme, changed = joint.programme(added, state), True
    return changed


def _widen(joint: Series, target: Target, added: bool, state: Told, rule: Disclosure) -> None:
    """Tell one more count in larger steps: the one that leaves most in doubt, of these the smallest.

    Raises
    ------
    ModelError
        When all counts are told in the largest steps already.
    """
    free = [
        c for c in range(state.values.size)
        if not state.hidden[c] and c not in state.fixed and state.steps[c] < MOST_STEPS * rule.threshold
    ]  # fmt: skip
    if not free:
        raise refused(target.place)
    order = sorted(free, key=lambda c: (int(state.steps[c]), int(state.values[c]), c))[:TRIED]
    low, high = joint.range(joint.programme(added, state), target)
    best, widest = order[0], high - low
    for c in order:
        before = int(state.steps[c])
        state.steps[c] = _larger(before, rule)
        low, high = joint.range(joint.programme(added, state), target)
        state.steps[c] = before
        if high - low > widest + SLACK:
            best, widest = c, high - low
        if widest >= target.least - SLACK:
            break
    state.steps[best] = _larger(int(state.steps[best]), rule)


def refused(place: Place) -> ModelError:
    """Return the error that a difference at a place cannot be kept in doubt."""
    where = ", ".join(str(x) for x in place if x is not None)
    return ModelError(
        Problem(said("release.difference"), said("release.difference_allowed"), said("release.difference_remedy"),
                value=where or None)
    )  # fmt: skip


def _larger(step: int, rule: Disclosure) -> int:
    return rule.threshold if step == 1 else 2 * step
