"""Tables in which links that a linkage must have lost are put back at random.

A registration on list j that could not be linked stands in the table as a person on list j alone, and the rest of that
person's registrations as somebody else. How many there are is known but for chance (`mse.intake.linkage.recalls`, rows
without an identity), which ones is not. A table is drawn by giving as many of the persons on list j alone back to
persons without list j: with history h in the proportion in which those on list j that were linked are on h as well.

What is assumed: whether a registration can be linked has nothing to do with who else has registered the person.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable

WORTH = 2.0
"""Persons of its own that a stratum needs before its histories weigh as much as those of all strata together."""


def mend(table: CaptureTable, lost: Array, rng: np.random.Generator) -> CaptureTable:
    """Return a table with lost links put back.

    Parameters
    ----------
    table : CaptureTable
        Of a linkage.
    lost : float64 array, shape (K,)
        Share of each list that was not linked though it should have been.
    rng : Generator
        Source of randomness.
    """
    counts = table.counts.copy()
    histories = np.arange(1, counts.shape[1] + 1)
    for j in rng.permutation(table.n_lists):
        bit, share = 1 << int(j), min(float(lost[j]), 0.9)
        if share <= 0.0:
            continue
        on, without = histories[(histories & bit) > 0], histories[(histories & bit) == 0]
        both = counts[:, (without | bit) - 1]
        whole = both.sum(axis=0) / max(float(counts[:, on - 1].sum()), 1.0)
        totals = counts[:, on - 1].sum(axis=1)
        for s in np.flatnonzero(totals):
            chance = (both[s] + WORTH * whole) / (totals[s] + WORTH) / (1.0 - share)
            chance = np.where(table.observable[s, (without | bit) - 1], chance, 0.0)
            chance = chance / max(float(chance.sum()), 1.0)
            alone = int(counts[s, bit - 1])
            # Those who were not linked and are on other lists too, by history; the last one is on none
            faulty = int(rng.binomial(int(totals[s]), share))
            drawn = rng.multinomial(faulty, np.append(chance, max(1.0 - float(chance.sum()), 0.0)))[:-1]
            for h, number in zip(without, drawn, strict=True):
                number = min(int(number), alone, int(counts[s, h - 1]))
                counts[s, bit - 1] -= number
                counts[s, h - 1] -= number
                counts[s, (h | bit) - 1] += number
                alone -= number
    return replace(table, counts=counts)


def draw_lost(share: Array, seen: Array, rng: np.random.Generator) -> Array:
    """Return shares of the lists that were not linked, drawn from what as many matches as were seen leave open."""
    known = np.maximum(seen, 1.0)
    drawn = rng.beta(share * known + 0.25, (1.0 - share) * known + 0.25)
    return np.asarray(np.where(share > 0.0, drawn, 0.0))
