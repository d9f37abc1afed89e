"""Whoever knows the methods to the letter learns no count that is left out from the numbers beside it.

The stored counts over many tables are in ``calibration/inverted-attack.json`` once the slow test has written them.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from mse.publish.publishedparts import published_methods, published_parts, published_verdict
from mse.publish.registered import one_number_only, sparse_overlap
from mse.publish.release.outgoing import published_tables
from mse.publish.report.html import compose, render_report
from mse.publish.wording.rounding import round_interval
from mse.tables.captures import CaptureTable
from tests.publish.inverting import LISTS, METHODS, chao, chapman, over_tables, pairs_model, released, small_table

STORED = Path(__file__).parents[1] / "calibration" / "inverted-attack.json"


def test_the_attacker_knows_the_methods() -> None:
    table = small_table(1)
    rows = released(table).comparison.set_index("method")
    counts = table.counts.astype(float)
    for name, made in (("chao", chao(counts)), ("chapman", chapman(counts)), ("loglinear", pairs_model(counts))):
        for column, value in zip(("point", "low", "high"), made, strict=True):
            assert value is None or value[0] == pytest.approx(rows.loc[name, column], rel=1e-5)


def test_one_number_stands_beside_lists_of_which_counts_are_left_out() -> None:
    results = released(small_table(1))
    assert one_number_only(results)
    tables = published_tables(results)
    methods, lists = tables["methods"].set_index("method"), tables["lists"]
    assert set(methods.index) == set(METHODS)
    assert methods.loc["chao", "status"] == "ok" and methods["point"].notna().sum() == 1
    assert set(methods["status"].drop("chao")) == {"suppressed"}
    assert lists["count"].notna().sum() == 1 and lists["count"].iloc[0] == results.headline.observed
    width = methods.loc["chao", "high"] - methods.loc["chao", "low"]
    assert methods.loc["chao", "point"] % (width / 8) < 1 or methods.loc["chao", "point"] % 50 == 0
    page = compose(results, "en")
    assert not {"posterior", "interactions", "models"} & {section.key for section in page.sections}
    assert "Chapman" not in str([section for section in page.sections if section.key == "intervals"])


def test_large_overlaps_keep_every_number() -> None:
    table = CaptureTable.from_arrays(LISTS, np.array([90, 80, 30, 70, 25, 20, 15]), name="large")
    results = released(table)
    assert not one_number_only(results)
    methods = published_tables(results)["methods"]
    assert methods["point"].notna().all() and published_tables(results)["lists"]["count"].notna().all()


def test_a_few_tables_withstand_the_attacker() -> None:
    tables, hidden, bad = over_tables(range(6))
    assert tables and hidden and not bad


@pytest.mark.parametrize("number", [2, 105, 118])
def test_no_estimate_stands_on_an_overlap_that_it_would_tell(number: int) -> None:
    """On 105, with 3 of 41 persons on two lists, whoever sees the estimate knows that there are one to three."""
    results = released(small_table(number))
    verdict = published_verdict(results)
    assert verdict is not None and verdict.level == "do not publish"
    assert "sparse_overlap" in {reason.code for reason in verdict.reasons}
    assert published_tables(results)["methods"]["point"].isna().all()
    for language, words in (("en", "two lists or more"), ("nl", "twee lijsten of meer")):
        assert words in str(compose(results, language))


def test_no_page_states_an_estimate_where_the_overlap_is_so_small_that_it_would_tell_it() -> None:
    """Not for the record either; the total registered is left out with it, as wherever a number is withheld."""
    results = released(small_table(105))
    value = results.headline.summary(results.record.prob)
    found = published_parts(results).whole
    assert sparse_overlap(results) and found.observed is None and not found.stated
    assert [method.size for method in published_methods(results)] == [None] * 3
    ends = (value.point, value.low, value.high)
    printed = {int(x) for coarse in (True, False) for x in round_interval(*ends, observed=41, coarse=coarse)[:3]}
    for language in ("en", "nl"):
        page = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", render_report(results, language), flags=re.DOTALL)
        shown = {int(re.sub(r"[.,]", "", x)) for x in re.findall(r"\b\d{1,3}(?:[.,]\d{3})+\b|\b\d+\b", page)}
        assert not (printed - {100}) & shown, language  # 100 is a threshold of the verdict


@pytest.mark.slow
def test_many_tables_withstand_the_attacker() -> None:
    """Counts what is stored; minutes of one core."""
    tables, hidden, bad = over_tables(range(200))
    record = {"date": date.today().isoformat(), "tried": 200, "tables": tables, "left_out": hidden,
              "below_the_promise": len(bad)}  # fmt: skip
    STORED.write_text(json.dumps(record, indent=2) + "\n")
    assert not bad
