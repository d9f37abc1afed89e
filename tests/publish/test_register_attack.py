"""Whoever knows the methods learns from the folder of one register no class of registrations that is left out.

The attacker goes through registers that agree with the counts that are told, estimates each, and keeps those of which
the folder would be the same to the letter: numbers, words, verdict and figures in the record.
"""

from itertools import product

import numpy as np
import pytest

import mse
from mse.computing.csvtext import csv_text
from mse.publish.disclosure.smallclasses import SMALL, one_number_only
from mse.publish.registerpages import published_register, register_page

REGISTERS = [
    {1: 160, 2: 31, 3: 9, 4: 2},
    {1: 90, 2: 21, 3: 6, 4: 3, 5: 1},
    {1: 5200, 2: 880, 3: 190, 4: 44, 5: 12, 6: 5, 7: 1},
    {1: 61, 2: 12, 3: 8, 4: 1, 6: 1},
]


def folder(counts):
    """Return all that leaves the house, and the counts that are told."""
    table = mse.RepeatCounts.from_arrays(list(counts), list(counts.values()), name="register")
    shown = published_register(mse.estimate(table, "repeats"), table, mse.compare_families(table))
    told = [(name, count) for name, count, _ in shown.frequencies]
    return (str(shown.as_record()), csv_text(shown.to_pandas()), register_page(shown, "nl")), told


def like(counts, told):
    """Return registers with the counts that are told and other counts in the class that joins those of few persons."""
    first = int(told[-1][0].rstrip("+"))
    kept = {k: n for k, n in counts.items() if k < first}
    tail = [counts.get(k, 0) for k in range(first, first + 5)]
    for moved in product((-2, -1, 0, 1, 2), (-2, -1, 0, 1, 2), (-1, 0, 1), (-1, 0, 1)):
        moves = (-sum(moved), *moved)
        other = [n + d for n, d in zip(tail, moves, strict=True)]
        if any(moves) and min(other) >= 0 and any(0 < n < SMALL for n in other):
            yield kept | {first + j: n for j, n in enumerate(other) if n}


@pytest.mark.parametrize("counts", REGISTERS, ids=lambda x: str(sum(x.values())))
def test_every_class_of_few_persons_stays_in_doubt(counts):
    made, told = folder(counts)
    assert told[-1][0].endswith("+") and told[-1][1] >= SMALL
    few = {k: {n} for k, n in counts.items() if k >= int(told[-1][0].rstrip("+")) and n < SMALL}
    others = list(like(counts, told))
    np.random.default_rng(1).shuffle(others)
    for other in others:
        if all(len(values) > 1 for values in few.values()):
            break
        if folder(other)[0] == made:
            for k, values in few.items():
                values.add(other.get(k, 0))
    assert {k: len(values) for k, values in few.items() if len(values) < 2} == {}


def test_one_number_is_told_and_no_figure_beside_it():
    table = mse.RepeatCounts.from_arrays([1, 2, 3, 4], [1270, 147, 25, 3], name="register")
    assert one_number_only(table)
    shown = published_register(mse.estimate(table, "repeats"), table, mse.compare_families(table))
    assert [r.kind for r in shown.rows] == ["headline"] and not shown.fitted
    assert all(not reason.figures for reason in shown.reasons) and shown.reasons
    assert shown.notes[-1].code == "register.one_number"
    assert shown.rows[0].point == 10_000


def test_public_counts_and_large_classes_keep_every_number():
    table = mse.RepeatCounts.from_arrays([1, 2, 3, 4], [1270, 147, 25, 13], name="register")
    few = mse.RepeatCounts.from_arrays([1, 2, 3, 4], [1270, 147, 25, 3], name="register")
    for register, public in ((table, False), (few, True)):
        found, families = mse.estimate(register, "repeats"), mse.compare_families(register)
        shown = published_register(found, register, families, public=public)
        assert {"headline", "held", "family"} == {r.kind for r in shown.rows} and shown.fitted
