"""The stored calibration of intervals with covariates is nominal; the slow run repeats a part of it."""

import json
from math import sqrt

import pytest

from tests.calibration.covariates import STORED, coverage

RESULTS = json.loads(STORED.read_text())["results"]


def close_to_nominal(row):
    chance = sqrt(0.95 * 0.05 / row["tables"])
    assert abs(row["total"] - 0.95) < 3.5 * chance + 0.005, row
    assert abs(row["strata"] - 0.95) < 3.5 * chance + 0.005, row
    assert row["median"] == pytest.approx(row["N"], rel=0.02)


@pytest.mark.parametrize("row", RESULTS, ids=lambda row: f"{row['case']}, {row['interval']}")
def test_stored_calibration_is_nominal(row):
    assert row["tables"] >= 400
    close_to_nominal(row)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["missing", "labels", "bounded"])
def test_calibration_on_fresh_tables(case):
    close_to_nominal(coverage(case, "lognormal", 200, 12))
