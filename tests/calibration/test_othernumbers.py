"""The stored coverage of key figures and chains is what their intervals promise."""

from __future__ import annotations

import json
from math import sqrt

from tests.calibration.othernumbers import HERE

STORED = json.loads((HERE / "othernumbers.json").read_text(encoding="utf-8"))


def test_intervals_of_key_figures_hold_the_truth() -> None:
    assert len(STORED["figures"]) == 9
    for row in STORED["figures"]:
        # Rounded outward, and Jeffreys' covers on average: a little more than promised, hardly ever less.
        assert row["coverage"] > 0.95 - 3 * sqrt(0.05 * 0.95 / row["runs"]) - 0.005, row


def test_probabilities_of_ranks_are_right_as_often_as_they_say() -> None:
    for row in STORED["ranks"]:
        error = sqrt(row["stated"] * (1 - row["stated"]) / row["runs"])
        assert abs(row["stated"] - row["right"]) < 4 * error + 0.02, row


def test_intervals_of_chains_hold_the_truth() -> None:
    for row in STORED["chains"]:
        assert row["coverage"] > 0.93 and row["worst"] > 0.9, row
