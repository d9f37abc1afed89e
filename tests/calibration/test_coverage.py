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
