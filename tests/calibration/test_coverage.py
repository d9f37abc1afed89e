"""The stored calibration says what the docs say; the slow run repeats it on fresh tables."""

import json
from math import sqrt

import pytest

from tests.calibration.coverage import PROBS, STORED, coverage

RESULTS = json.loads(STORED.read_text())["results"]


def close_to_nominal(row):
    for prob in PROBS:
        chance = sqrt(prob * (1 - prob) / row["tables"])
        assert abs(row["covered"][str(prob)] - prob) < 3.5 * chance, (row["lists"], prob)
    expected = row["tables"] / 10
    chi_square = sum((count - expected) ** 2 / expected for count in row["deciles"])
    assert chi_square < 27.9  # 99.9 % point with 9 degrees of freedom


@pytest.mark.parametrize("row", RESULTS, ids=lambda row: f"{row['lists']} lists")
def test_stored_calibration_is_nominal(row):
    assert row["tables"] > 500
    close_to_nominal(row)


@pytest.mark.slow
def test_calibration_on_fresh_tables():
    close_to_nominal(coverage(3, 300, 77))


def test_stored_calibration_of_the_bootstrap_shows_what_selection_inside_is_worth():
    rows = json.loads(STORED.with_name("bootstrap.json").read_text())["results"]
    covered = {(row["method"], row["N"]): row["covered"] for row in rows}
    assert all(row["tables"] > 250 for row in rows)
    assert covered["bootstrap", 300] > 0.9 and covered["bootstrap", 2000] > 0.92
    assert covered["bootstrap", 300] > covered["loglinear", 300] + 0.05


@pytest.mark.slow
def test_bootstrap_calibration_on_fresh_tables():
    from tests.calibration.bootstrap import coverage as bootstrap_coverage

    assert bootstrap_coverage("bootstrap", 2000, 100, 5)["covered"] > 0.88
