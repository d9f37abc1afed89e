"""Counts along a chain as one table: which are left out so that no other gives a small one away.

The counts of a chain are bound to each other: a step that is within another holds no more persons, the rest of that one
is a count too, and steps may add up to another. What is left out is hidden from an attacker who knows all of this.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mse.computing.linearsolver import LinearProgramme
from mse.errors import ModelError, Problem
from mse.publish.disclosure.attack import SLACK
from mse.words.said import said

Ends = tuple[float, float]

MOST_STEPS = 40
MOST_TOGETHER = 12
"""Steps under one step up to which every set of them is tried for adding up."""


@dataclass(frozen=True, slots=True)
class ChainCount:
    """One step: its name, persons, the step that it is held against, and whether they are a part of that one."""

    name: str
    count: int
    of: str | None
    within: bool


def adding_up(steps: Sequence[ChainCount]) -> list[tuple[int, tuple[int, ...]]]:
    """Return every step with the steps that add up to it: of those under one step, and of that one with them."""
    found = []
    for parent in dict.fromkeys(step.of for step in steps if step.of is not None):
        under = [i for i, step in enumerate(steps) if step.of == parent]
        above = next(i for i, step in enumerate(steps) if step.name == parent)
        if len(under) > MOST_TOGETHER:
            groups = [tuple(under)]
        else:
            groups = [g for size in range(2, len(under) + 1) for g in combinations(under, size)]
        for group in groups:
            total = sum(steps[i].count for i in group)
            for whole in (above, *(i for i in under if i not in group)):
                if steps[whole].count == total and total > 0:
                    found.append((whole, group))
    return found


def ranges(
    steps: Sequence[ChainCount], hidden: Sequence[bool], slack: int = 0, shown: Sequence[int] | None = None
) -> tuple[list[Ends], list[Ends | None]]:
    """Return what an attacker works out of every step, and of the rest of the step that it is within.

    Parameters
    ----------
    steps : sequence of ChainCount
        Raw; of those that are left out only what they are within and what adds up is used.
    hidden : sequence of bool
        Which are left out.
    slack : int
        The most that a published count is off.
    shown : sequence of int, optional
        Published counts, where they are rounded.
    """
    n = len(steps)
    shown = [step.count for step in steps] if shown is None else shown
    counts, unknown = np.array(shown, dtype=np.float64), np.array(hidden, dtype=bool)
    programme = LinearProgramme(
        np.where(unknown, 0.0, np.maximum(counts - slack, 0.0)), np.where(unknown, math.inf, counts + slack)
    )
    at = {step.name: i for i, step in enumerate(steps)}
    rest = [(at[step.of], i) if step.within and step.of is not None else None for i, step in enumerate(steps)]
    for pair in rest:
        if pair is not None:
            programme.add_row(0.0, math.inf, pair, [1.0, -1.0])
    for whole, group in adding_up(steps):
        programme.add_row(0.0, 0.0, [whole, *group], [1.0] + [-1.0] * len(group))

    def ends(signs: Sequence[tuple[int, float]]) -> Ends:
        costs = np.zeros(n)
        for i, sign in signs:
            costs[i] = sign
        programme.set_costs(0, costs)
        found = [programme.optimum(largest=largest) for largest in (False, True)]
        low, high = (math.inf if end is None else end.value for end in found)
        return math.ceil(low - SLACK), high if math.isinf(high) else math.floor(high + SLACK)

    others = [None if pair is None else ends([(pair[0], 1.0), (pair[1], -1.0)]) for pair in rest]
    return [ends([(i, 1.0)]) for i in range(n)], others


def leave_out(
    steps: Sequence[ChainCount], threshold: int, zeros: bool, known: Collection[int] = (), out: Collection[str] = ()
) -> list[bool]:
    """Return which steps are left out: the small ones, and as many others as keep them in doubt.

    Parameters
    ----------
    steps : sequence of ChainCount
        Raw.
    threshold : int
        As in `mse.publish.disclosure.control.Disclosure`.
    zeros : bool
        Whether zeros are left out, too.
    known : collection of int
        Counts that are published elsewhere: a step with such a count is never left out.
    out : collection of str
        Steps that are left out in any case.

    Raises
    ------
    ModelError
        When a small count cannot be kept in doubt beside what is known.
    """
    if len(steps) > MOST_STEPS:
        raise ModelError(
            Problem(said("found.chain_steps_too_long", steps=len(steps)), said("allowed.most_3", most_steps=MOST_STEPS),
                    said("do.split_chain"))
        )  # fmt: skip

    def small(count: int) -> bool:
        return 0 < count < threshold or (count == 0 and zeros)

    def too_narrow(hidden: Sequence[bool]) -> int:
        found, rest = ranges(steps, hidden)
        some = [_narrow(found[i], small(step.count), threshold) for i, step in enumerate(steps) if hidden[i]]
        some += [
            _narrow(other, True, threshold) for step, other in zip(steps, rest, strict=True)
            if other is not None and 0 < at[str(step.of)] - step.count < threshold
        ]  # fmt: skip
        return sum(some)

    sure = [step.count in known for step in steps]
    at = {step.name: step.count for step in steps}
    hidden = [(small(step.count) and not sure[i]) or step.name in out for i, step in enumerate(steps)]
    while too_narrow(hidden):
        trials = {
            i: too_narrow([x or j == i for j, x in enumerate(hidden)])
            for i in range(len(steps)) if not hidden[i] and not sure[i]
        }  # fmt: skip
        if not trials:
            raise ModelError(
                Problem(said("found.small_count_chain_could"),
                        said("allowed.counts_stay_doubt"), said("do.leave_steps_out_chain"))
            )  # fmt: skip
        hidden[min(trials, key=lambda i: (trials[i], steps[i].count, i))] = True
    return hidden


def _narrow(found: Ends, small: bool, threshold: int) -> bool:
    low, high = found
    return high - low < threshold or (small and (low > 0 or high < threshold))
