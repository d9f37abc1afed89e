"""Populations of known size, simulated and in the table itself, and what they do to the verdict."""

import itertools

import numpy as np
import pytest

from benchmarks.scores import Score
from benchmarks.truthkinds import KINDS, fitted, membership, mixed, simulate_truth
from benchmarks.truths import FAILED, Held, hold, pages, run, summaries
from mse.assess.knownsizes import quick_consistency
from mse.assess.rules import Thresholds
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.methods import estimate
from mse.shipped import load_table
from mse.tables.captures import CaptureTable


@pytest.mark.parametrize("lists", [2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_a_truth_is_the_same_by_seed_and_holds_those_observed(kind, lists):
    truth = simulate_truth(kind, lists, seed=3)
    again = simulate_truth(kind, lists, seed=3)
    assert truth.table.digest == again.table.digest and truth.size == again.size
    assert truth.table.digest != simulate_truth(kind, lists, seed=4).table.digest
    assert truth.table.n_lists == lists
    assert truth.size >= truth.table.observed or kind == "linkage"
    assert (truth.table.list_totals() > 0).all()


def test_sizes_are_those_of_the_kind():
    sparse = [simulate_truth("sparse", 4, seed=s).table.observed for s in range(40)]
    assert 50 < min(sparse) and max(sparse) < 240
    huge = [simulate_truth("huge", 4, seed=s).size for s in range(10)]
    assert min(huge) >= 50_000 and max(huge) <= 200_000


def test_an_unknown_kind_or_a_single_list_is_refused():
    for kind, lists in (("ordinary", 4), ("pairs", 1)):
        with pytest.raises(ModelError, match="no populations of this kind"):
            simulate_truth(kind, lists, seed=0)


def test_fitting_margins_keeps_odds_ratios():
    rng = np.random.default_rng(5)
    odds, covers = np.exp(rng.normal(0, 1, 16)), np.array([0.05, 0.2, 0.3, 0.4])
    share = fitted(odds, covers)
    assert share @ membership(4) == pytest.approx(covers)
    for j, k in itertools.combinations(range(4), 2):
        cells = np.array([0, 1 << j, 1 << k, 1 << j | 1 << k])
        for rest in (r for r in range(16) if not r >> j & 1 and not r >> k & 1):
            a, b = (np.log(x[cells | rest]) @ np.array([1, -1, -1, 1]) for x in (odds, share))
            assert a == pytest.approx(b)


def test_a_mixture_covers_what_it_should_and_one_class_is_independent():
    covers = np.array([0.1, 0.3, 0.25])
    share = mixed(np.array([[1.0, -0.5, 0.0], [0.0, 0.0, 0.0]]), np.array([0.3, 0.7]), covers)
    assert share.sum() == pytest.approx(1.0) and share @ membership(3) == pytest.approx(covers)
    alone = mixed(np.zeros((1, 3)), np.ones(1), covers)
    assert alone[0] == pytest.approx(np.prod(1 - covers))


def test_kinds_depend_the_way_they_say():
    """Log odds ratio of the first two lists, on average over draws, and its sign."""

    def ratio(kind, pair=(0, 1)):
        found = []
        for seed in range(40):
            rng = np.random.default_rng([seed, 1])
            share = KINDS[kind].cells(rng, np.array([0.2, 0.25, 0.3]))
            on = membership(3)[:, pair].astype(bool)
            both, neither = share[on.all(axis=1)].sum(), share[~on.any(axis=1)].sum()
            first, second = (share[on[:, i] & ~on[:, 1 - i]].sum() for i in (0, 1))
            found.append(np.log(both * neither / first / second))
        return np.array(found)

    assert np.abs(ratio("independent")).max() < 1e-9
    assert ratio("positive pairs").min() > -1e-9
    assert ratio("heterogeneity").min() > 0.3
    assert ratio("shy of all").max() < 0.0
    assert ratio("referral").max() > 1.0
    assert np.median(ratio("strong heterogeneity")) > 1.5 * np.median(ratio("heterogeneity"))
    assert ratio("eager of all").min() > 0.0 > ratio("shy of all").max()
    assert ratio("frailty").min() > 0.0


def test_a_nested_list_lies_in_another_and_a_blind_one_sees_nobody_of_a_group():
    on = membership(4).astype(bool)
    for seed in range(20):
        rng = np.random.default_rng([seed, 2])
        covers = np.array([0.1, 0.2, 0.3, 0.25])
        share = KINDS["nested"].cells(rng, covers)
        totals = share @ on
        inside = max(share[on[:, i] & on[:, j]].sum() / totals[i] for i, j in itertools.permutations(range(4), 2))
        assert 0.79 < inside < 0.985 and share.sum() == pytest.approx(1.0)
        blind = KINDS["never by one"].cells(rng, covers)
        assert blind @ on == pytest.approx(covers)


def test_intervals_are_held_by_verdict_and_what_failed_counts_as_no_answer(tmp_path):
    held = run("chapman", {}, ["pairs"], {3: 6}, Compute(1, folder=tmp_path))
    assert len(list(tmp_path.glob("*.chunk"))) == 2
    rows = held["chapman"]
    assert [r.seed for r in rows] == list(range(6)) and "publish" not in {r.level for r in rows}
    found = summaries(rows)
    assert found["all"]["all"]["all"]["tables"] == 6 and found["publish"]["all"] == {}
    (texts,) = hold(("pairs", 2, (0,), "decomposable", {}))
    assert FAILED in str(texts[0])


def test_coverage_by_verdict_is_the_share_of_those_with_it():
    def row(level, low, high):
        inside = low <= 100 <= high
        return Held("pairs", 4, 0, level, (), Score(100, 90.0, low, high, (inside,) * 3, -0.1, 0.5, 0.1, 0.5))

    found = summaries([row("publish", 80, 120), row("publish", 80, 99), row("do not publish", 50, 99)])
    assert found["publish"]["kind"]["pairs"]["coverage"] == [0.5, 0.5, 0.5]
    assert found["publish"]["all"]["all"]["missed_above"] == 0.5
    assert found["all"]["kind and lists"]["pairs, 4"]["tables"] == 3


def test_figures_are_pages():
    rows = run("chapman", {}, ["pairs"], {3: 5}, Compute(1))["chapman"]
    text = pages({"chapman": {"command": "c", "date": "2026-01-01", "figures": summaries(rows)}})
    assert "| chapman | all | 5 |" in text and "| pairs | 5 |" in text


@pytest.mark.parametrize("method", ["average", "shrinkage"])
def test_a_table_whose_own_lists_come_out_too_low_is_not_published_without_a_word(method):
    """Four lists of drug users, each underestimated from the others, by a quarter in the middle."""
    answer = estimate(load_table("scotland-pwid-2006-4").collapse(), method, seed=1)
    codes = {reason.code: reason for reason in answer.verdict.reasons}
    assert answer.verdict.level != "publish"
    assert codes["known_bias"].figures["ratio"] < 0.82 and codes["known_bias"].figures["tried"] == 4
    assert {"known_sizes", "known_bias"} <= set(answer.verdict.checked)


def test_known_sizes_of_the_table_are_looked_at_where_there_are_any():
    assert quick_consistency(load_table("spina-bifida-3")) is None
    assert quick_consistency(load_table("colombia-recruitment-8")) is None
    few = CaptureTable.from_arrays(["A", "B", "C", "D"], np.array([9, 9, 1, 9, 1, 1, 0, 9, 1, 1, 0, 1, 0, 0, 0]))
    assert quick_consistency(few) is None
    assert "known_bias" not in estimate(few, "chapman", seed=1).verdict.checked


def test_few_persons_who_are_not_on_the_largest_list_ask_for_caution():
    """All that is known of those whom a list misses is how the others saw the few whom it missed."""
    counts = np.array([120, 6, 150, 3, 60, 2, 40, 1, 20, 1, 25, 0, 10, 0, 8])
    few = CaptureTable.from_arrays(["main", "a", "b", "c"], counts, name="few")
    more = np.where(np.arange(1, 16) % 2 == 0, 3 * counts, counts)
    for table, asked in ((few, True), (CaptureTable.from_arrays(few.lists, more, name="more"), False)):
        outside = table.observed - table.list_totals().max()
        assert (outside < Thresholds().outside) == asked
        found = estimate(table, seed=1, compute=Compute(workers=1)).verdict
        reasons = {reason.code: reason for reason in found.reasons}
        assert "outside" in found.checked and ("outside" in reasons) == asked


def test_what_the_rule_on_persons_outside_the_largest_list_says():
    counts = np.array([120, 6, 150, 3, 60, 2, 40, 1, 20, 1, 25, 0, 10, 0, 8])
    table = CaptureTable.from_arrays(["main", "a", "b", "c"], counts, name="few")
    verdict = estimate(table, seed=1, compute=Compute(workers=1)).verdict
    reason = next(r for r in verdict.reasons if r.code == "outside")
    assert reason.level == "publish with caution" and reason.names == {"what": "main"}
    assert reason.figures["figure"] == table.observed - table.list_totals()[0]
    assert "are not on main" in str(reason.said)
