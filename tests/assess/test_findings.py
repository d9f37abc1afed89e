"""Rules on chains, searches and assessments: each at its limits, and nothing where there is nothing to judge."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mse.assess.findings import assessing, computing
from mse.assess.rules import RULES, Thresholds
from tests.assess.test_verdict import posterior

LIMITS = Thresholds()


def one(code, **diagnostics):
    found = dict(computing(replace(posterior(), diagnostics=diagnostics), LIMITS))
    return found[code]


@pytest.mark.parametrize(
    ("code", "name", "good", "doubtful", "bad"),
    [
        ("converged", "rhat_max", 1.005, 1.02, 1.2),
        ("converged", "rhat_max", 1.0, 1.049, float("nan")),
        ("draws", "ess_bulk_min", 900.0, 300.0, 20.0),
        ("draws", "ess_bulk_min", 400.0, 101.0, float("nan")),
        ("divergences", "divergent_share", 0.0, 0.005, 0.1),
        ("energy", "ebfmi_min", 0.9, 0.25, 0.1),
        ("energy", "ebfmi_min", 0.3, 0.299, float("nan")),
        ("predictive", "ppc_p", 0.4, 0.02, 0.0001),
        ("predictive", "ppc_p", 0.99, 0.049, float("nan")),
        ("loo", "loo_k_bad", 0.0, 0.2, 0.7),
        ("visited", "visited", 0.99, 0.8, 0.2),
        ("prior", "prior_factor", 1.0, 1.2, float("nan")),
        ("class_prior", "alpha_prior_factor", 1.1, 1.2, 1.6),
        ("last_class", "last_class", 0.01, 0.05, 0.3),
    ],
)
def test_diagnostics(code, name, good, doubtful, bad):
    assert one(code, **{name: good}) is None
    assert one(code, **{name: doubtful}).level == "publish with caution"
    assert one(code, **{name: bad}).level == "do not publish"


@pytest.mark.parametrize(
    ("code", "name", "good", "doubtful"),
    [
        ("prior_checked", "prior_k", 0.5, 0.9),
        ("prior_checked", "prior_k", -0.1, float("nan")),
        ("prior_checked", "alpha_prior_weights", 0.4, 0.01),
        ("depth", "max_depth_share", 0.0, 1.0),
        ("walks", "walks_rhat", 1.01, 1.2),
        ("walks", "walks_rhat", 1.049, float("nan")),
    ],
)
def test_diagnostics_that_only_ask_for_caution(code, name, good, doubtful):
    assert one(code, **{name: good}) is None
    assert one(code, **{name: doubtful}).level == "publish with caution"


@pytest.mark.parametrize(("bulk", "tail"), [(5000.0, 50.0), (50.0, 5000.0), (5000.0, np.nan), (np.nan, 5000.0)])
def test_the_worst_of_bulk_and_tail_counts(bulk, tail):
    assert one("draws", ess_bulk_min=bulk, ess_tail_min=tail).level == "do not publish"


def test_three_predictive_checks_are_judged_together():
    """The smallest of three p-values is held three times as high: each alone would trip one time in twenty."""
    fine = {"ppc_p": 0.5, "ppc_p_pairs_min": 0.9, "ppc_p_three": 0.8}
    assert one("predictive", **fine) is None
    assert one("predictive", **{**fine, "ppc_p_three": 0.02}) is None
    found = one("predictive", **{**fine, "ppc_p_pairs_min": 0.01})
    assert found.level == "publish with caution" and found.figures["figure"] == pytest.approx(0.03)
    assert found.figures["ppc_p_pairs_min"] == 0.01
    assert one("predictive", **{**fine, "ppc_p_three": 0.0}).level == "do not publish"


def robust(**ratios):
    rows = [("none", "", 1.0), *((change.replace("_", " "), what, r) for change, (what, r) in ratios.items())]
    return pd.DataFrame(rows, columns=["change", "what", "ratio"])


@pytest.mark.parametrize(
    ("code", "change", "good", "doubtful", "bad"),
    [
        ("left_out", "without_list", 1.2, 0.5, 5.0),
        ("one_person", "cell_+1", 1.1, 0.7, 3.0),
        ("one_person", "cell_-1", 0.95, 1.3, 0.4),
        ("referrals", "without_referrals", 1.0, 1.5, 2.5),
    ],
)
def test_robustness(code, change, good, doubtful, bad):
    expected = {good: None, doubtful: "publish with caution", bad: "do not publish"}
    for ratio, level in expected.items():
        found = dict(assessing({"robustness": robust(**{change: ("A & B", ratio)})}, LIMITS))
        assert (found[code].level if found[code] else None) == level
        if found[code]:
            assert found[code].names == {"what": "A & B"} and found[code].figures["figure"] >= 1


def test_changes_without_an_answer_are_not_judged():
    frame = robust(without_list=("A", np.nan))
    assert list(assessing({"robustness": frame}, LIMITS)) == []


def test_linkage_known_sizes_fit_and_coverage():
    linkage = pd.DataFrame({"alpha": [0.0, 0.05], "beta": [0.0, 0.0], "point": [100.0, 170.0]})
    sizes = pd.DataFrame({"status": "ok", "covered": [True, False, False, False], "log_bias": [-0.1, -0.5, -0.7, -0.9]})
    fit = pd.DataFrame({"history": ["A", "A & B"], "p_value": [0.5, 0.0001]})
    covers = pd.DataFrame({"truth": ["fitted model"], "covered": [0.6], "prob": [0.95]})
    found = dict(assessing({"linkage_error": linkage, "consistency": sizes, "fit": fit, "coverage": covers}, LIMITS))
    assert {code: reason.level for code, reason in found.items()} == {
        "linkage": "publish with caution",
        "known_sizes": "publish with caution",
        "known_bias": "publish with caution",
        "fit": "do not publish",
        "coverage": "do not publish",
    }
    assert found["fit"].names == {"what": "A & B"}
    assert found["known_sizes"].figures["missed"] == 3
    assert found["known_bias"].figures["tried"] == 4
    assert found["known_bias"].figures["ratio"] == pytest.approx(np.exp(-0.6))
    assert set(found) < set(RULES)


def test_a_known_size_that_is_missed_by_a_percent_is_not_missed():
    """On registers of millions every interval is narrow, and none holds the size to the last person."""
    sizes = pd.DataFrame({"status": "ok", "covered": [False] * 4, "log_bias": [0.01, -0.02, 0.03, -0.01]})
    found = dict(assessing({"consistency": sizes}, LIMITS))
    assert found == {"known_sizes": None, "known_bias": None}


def test_known_sizes_on_both_sides_are_no_bias():
    sizes = pd.DataFrame({"status": "ok", "covered": [True] * 4, "log_bias": [0.01, -0.5, -0.6, -0.7]})
    assert dict(assessing({"consistency": sizes}, LIMITS))["known_bias"] is None


def test_nothing_to_judge():
    short = pd.DataFrame({"status": ["too few"], "covered": [False], "log_bias": [np.nan]})
    assert dict(assessing({"consistency": short}, LIMITS)) == {"known_sizes": None, "known_bias": None}
    assert list(assessing({}, LIMITS)) == []
