"""What has not come in yet: the reporting triangle, its draws, and what they make of a table and an answer."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from mse.answers.pooled import LINKAGE, pool
from mse.errors import InputError
from mse.intake.nowcast import Nowcast, complete, draw_missing, nowcast
from mse.intake.planning import IntakeSpec
from mse.methods import estimate
from mse.tables.captures import CaptureTable
from mse.words.catalogues import catalogue
from mse.words.said import said
from tests.calibration.nowcast import WORLDS, world


def test_intervals_hold_what_comes_later() -> None:
    """Of 24 worlds like those of the calibration; the stored one has 200 of each."""
    held = 0
    for i in range(24):
        rng = np.random.default_rng([2026, i])
        triangle, rest = world(rng, *WORLDS["60 a month, half within the month"])
        drawn = draw_missing(triangle, 60, rng)[:, -12:].sum(axis=1)
        held += np.quantile(drawn, 0.025) <= rest <= np.quantile(drawn, 0.975)
    assert held >= 20


def test_without_delays_nothing_is_missing() -> None:
    triangle = np.zeros((24, 25))
    triangle[:, 0] = 40
    assert not draw_missing(triangle, 10, np.random.default_rng(1)).any()


def arrived(until: date) -> tuple[pd.DataFrame, int]:
    """Return arrivals of list A, half within a month, as known on a day, and what comes after it; B is never late."""
    rng = np.random.default_rng(7)
    rows, later = [], 0
    for month in pd.period_range("2019-01", "2021-12", freq="M"):
        for name, share in (("A", 0.5), ("B", 1.0)):
            for _ in range(int(rng.poisson(50))):
                entered = (month + int(rng.geometric(share)) - 1).to_timestamp() + pd.Timedelta(days=20)
                if entered.date() > until:
                    later += 1
                else:
                    rows.append((name, str(month.year), str(month), entered.strftime("%Y-%m-%d"), 1))
    frame = pd.DataFrame(rows, columns=["list", "year", "month", "entered", "count"])
    return frame.assign(what="registrations"), later


def test_a_list_that_is_late_is_completed_and_another_one_is_not() -> None:
    frame, later = arrived(date(2021, 12, 31))
    found = nowcast(frame, ["A", "B"], 200, seed=1, until=date(2021, 12, 31))
    assert found is not None and {name for name, _ in found.missing} == {"A"}
    row = found.to_pandas().set_index("year").loc["2021"]
    assert row["low"] <= later <= row["high"] and row["high"] > row["low"]
    assert row["so_far"] == int(frame[(frame["list"] == "A") & (frame["year"] == "2021")]["count"].sum())


def test_a_table_is_completed_on_the_list_and_year_alone() -> None:
    counts = np.array([[30, 20, 10, 25, 8, 6, 4], [30, 20, 10, 25, 8, 6, 4]])
    table = CaptureTable.from_arrays(("A", "B", "C"), counts, strata={"year": ("2020", "2021")})
    found = Nowcast({("A", "2021"): np.array([20, 20])}, {("A", "2021"): 52}, date(2022, 1, 31))
    full = complete(table, found, 0, np.random.default_rng(1))
    assert np.array_equal(full.counts[0], counts[0])
    on = [h - 1 for h in range(1, 8) if h & 1]
    assert full.counts[1, on].sum() == counts[1, on].sum() + 20
    assert counts[1].sum() < full.counts[1].sum() < counts[1].sum() + 20 and (full.counts >= 0).all()


def test_pooled_answers_say_that_this_is_inside() -> None:
    table = CaptureTable.from_arrays(("A", "B", "C"), np.array([30, 20, 10, 25, 8, 6, 4]))
    one = estimate(table, "independence", seed=1)
    late = pool([one, one], point=one, sources=(said("source.nowcast"),))
    assert said("source.nowcast") in late.inside and LINKAGE not in late.inside
    assert said("source.linkage_model") not in late.outside


def test_what_it_needs_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        IntakeSpec(nowcast=True, draws=1)
    assert len(caught.value.problems) == 2
    dutch = [catalogue("nl").said(problem.found) for problem in caught.value.problems]
    assert all("laatste jaren" in words for words in dutch)
