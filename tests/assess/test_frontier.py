"""The frontier of coverage and width: what its laws are, and that the page says what is stored."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.frontier import HIDDEN, NONE, RULES, SAME, SCALES, law_with, markdown, of_rules, of_scales
from benchmarks.learning import KnownAnswer
from mse.assess.calibrated import shipped_library
from mse.assess.departures import POINTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "truth.md"


def test_the_page_shows_what_is_stored():
    assert markdown() in PAGE.read_text(encoding="utf-8"), "run: python -m benchmarks.readme frontier"


def test_laws_widen_where_they_say_so():
    model = replace(next(x for x in shipped_library().learned if x.method == "shrinkage").everything, scale=0.16)
    unseen = np.sort(math.log(1000.0) + 0.1 * np.random.default_rng(1).standard_normal(POINTS))
    answer = KnownAnswer("s", 500, 1500, unseen, np.array([1.0, 5.0, -1.0]), np.array([0.0, -1.0]))
    ends = {name: law_with(answer, model, change).quantile([0.025, 0.5, 0.975]) for name, change in SCALES.items()}
    assert ends[NONE] == pytest.approx(500 + np.exp(np.quantile(unseen, [0.025, 0.5, 0.975])), rel=0.01)
    lows, middles, highs = (
        {name: np.log(x[i] - 500) - math.log(1000.0) for name, x in ends.items()} for i in range(3)
    )  # fmt: skip
    known = "below as known sizes have it"
    assert lows["… × 3"] < lows[SAME] < lows["… × 1½"] < lows[known] < lows[NONE] < 0
    assert highs[NONE] < highs["both × ½"] < highs[SAME] < highs["both × 2"]
    assert highs[known] == pytest.approx(highs[SAME], abs=0.05)
    assert -lows[SAME] == pytest.approx(highs[SAME], rel=0.05)
    assert middles[SAME] == pytest.approx(0.0, abs=0.02)


def row(kind, level, holds, **seen):
    scores = [{"covered": [holds] * 3, "log_width": 1.0 + i, "log_bias": 0.0} for i in range(len(SCALES))]
    looked_at = dict.fromkeys(("width", "view", "overlap", "pair_sd", "visibility"), 1.0)
    return {"kind": kind, "seed": 0, "level": level, "headline": holds, "scores": scores, **looked_at, **seen}


def test_rules_count_what_is_left_of_publish_and_what_of_that_holds():
    rows = [row("pairs", "publish", True), row("pairs", "publish", True, width=0.5),
            row("pairs", "do not publish", False), row(HIDDEN, "publish", False),
            row(HIDDEN, "publish", True, width=0.5)]  # fmt: skip
    now, *further = of_rules(rows, 1)
    assert (now["publish"], now["hold"]) == (round(2 / 3, 4), 1.0)
    assert (now["hidden"], now["hidden_publish"], now["hidden_hold"]) == (2, 2, 1)
    assert len(further) == sum(len(thresholds) for _, _, thresholds in RULES.values())
    narrow = next(x for x in further if x["rule"].endswith("at most") and x["at"] == 0.6)
    assert (narrow["publish"], narrow["hidden_publish"], narrow["hidden_hold"]) == (round(1 / 3, 4), 1, 1)
    wide = next(x for x in further if x["rule"].startswith("log width") and x["at"] == 0.7)
    assert (wide["hidden_publish"], wide["hidden_hold"]) == (1, 0)


def test_widths_are_compared_by_table():
    rows = [row("pairs", "publish", True), row(HIDDEN, "publish", False)]
    found = of_scales(rows, 1)
    assert found[NONE]["width_ratio"] == 1.0
    assert found[SAME]["width_ratio"] == 3.0 and found[SAME]["covered"] == 0.5
    assert found[SAME]["covered_without_hidden"] == 1.0 and found[SAME]["hidden"] == 0.0
