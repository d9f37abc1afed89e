"""Assessment: closed forms and slow twins of every check, and that the whole of it is the same for any workers."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

import mse
from mse.answers.distribution import Distribution
from mse.assess.assessment import PARTS, AssessSpec, assess
from mse.assess.coverage import coverage
from mse.assess.fit import predicted_overlap
from mse.assess.refits import average_refit, refitted
from mse.assess.robustness import accumulation, robustness
from mse.assess.sensitivity import (
    ALL_LISTS,
    allowing_for,
    error_map,
    linkage_errors,
    prior_sensitivity,
    sensitivity,
    tipping,
    without_errors,
)
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.averages.averaging import AverageSpec, candidate_terms
from mse.estimators.averages.laplace import laplace_quantiles
from mse.estimators.averages.penalised import fit_penalised, walsh_design
from mse.kernels.batch import fit_models
from mse.methods import run_method

KOSOVO = mse.load_table("kosovo-1999-4")
REFIT = average_refit()


@pytest.fixture(scope="module")
def posterior():
    return run_method(KOSOVO, "average", seed=1, compute=Compute(1))


def test_quick_average_is_the_average_without_correction():
    slow = run_method(KOSOVO, "average", seed=1, compute=Compute(1), corrected=0.0)
    quick = laplace_quantiles(KOSOVO, [0.025, 0.5, 0.975])
    np.testing.assert_allclose(quick, slow.quantile([0.025, 0.5, 0.975]), rtol=0.003)


def test_quick_average_of_six_lists_is_over_pairs():
    table = mse.load_table("uk-2013-6")
    np.testing.assert_array_equal(
        laplace_quantiles(table, [0.5]), laplace_quantiles(table, [0.5], AverageSpec(max_order=2))
    )


def test_penalised_fit_is_that_of_the_kernel():
    dense, subsets = KOSOVO.dense(), candidate_terms(4, None)
    masks = np.array([0, 5, 63, 1023], dtype=np.int64)
    fast = fit_models(*dense, subsets, masks, 1.0)
    slow = []
    for mask in masks:
        terms = [0, 1, 2, 4, 8, *(int(t) for i, t in enumerate(subsets) if mask >> i & 1)]
        fit = fit_penalised(dense, np.array(terms), 1.0)
        slow.append([fit.log_evidence, math.log(fit.mean[0]), fit.log_sd**2])
    slow = np.array(slow)
    np.testing.assert_allclose(np.diff(fast[:, 0]), np.diff(slow[:, 0]), atol=1e-6)
    np.testing.assert_allclose(fast[:, 1:], slow[:, 1:], rtol=1e-6)


def test_an_offset_that_the_model_can_take_up_changes_nothing():
    dense = KOSOVO.dense()
    terms = np.array([0, 1, 2, 4, 8, 3])
    cells = np.arange(16)
    offset = np.where(cells & 3 == 3, math.log(3.0), 0.0)
    plain, shifted = (fit_penalised(dense, terms, 1e4, o) for o in (None, offset))
    np.testing.assert_allclose(plain.mean, shifted.mean, rtol=1e-6)


def test_all_lists_is_exact(posterior):
    curves = sensitivity(posterior, KOSOVO, prob=0.95, odds_ratios=(0.5, 1.0, 2.0))
    own = curves[curves["assumption"] == ALL_LISTS].set_index("odds_ratio")
    unseen = posterior.point - posterior.observed
    for xi in own.index:
        assert own.loc[xi, "point"] == pytest.approx(posterior.observed + unseen / xi)
    assert own.loc[1.0, "low"] == posterior.quantile(0.025)
    assert set(curves["assumption"]) == {ALL_LISTS, *map(":".join, itertools.combinations(KOSOVO.lists, 2))}


def test_a_pair_against_a_twin(posterior):
    """Every family of models without the pair's terms, fitted and weighed one by one; the median by bisection."""
    curves = sensitivity(posterior, KOSOVO, prob=0.95, odds_ratios=(3.0,))
    name = f"{KOSOVO.lists[0]}:{KOSOVO.lists[1]}"
    point = float(curves.loc[curves["assumption"] == name, "point"].iloc[0])
    families = set()
    for text in posterior.models.notation[:40]:
        model = mse.Model.parse(text, KOSOVO.lists)
        families.add(tuple(sorted(t for t in model.terms if t & 3 != 3 and t.bit_count() > 1)))
    offset = np.where(np.arange(16) & 3 == 3, math.log(3.0), 0.0)
    parts = []
    for terms in families:
        fit = fit_penalised(KOSOVO.dense(), np.array([0, 1, 2, 4, 8, *terms]), 1.0, offset)
        parts.append((fit.log_evidence, math.log(fit.mean[0]), fit.log_sd))
    evidence, mean, sd = np.array(parts).T
    weight = np.exp(evidence - evidence.max())
    low, high = mean.min() - 9, mean.max() + 9
    for _ in range(80):
        middle = (low + high) / 2
        above = weight @ ndtr((middle - mean) / sd) > 0.5 * weight.sum()
        low, high = (low, middle) if above else (middle, high)
    assert point == pytest.approx(KOSOVO.observed + math.exp(low), rel=1e-4)


def test_tipping():
    curves = pd.DataFrame(
        {
            "assumption": [ALL_LISTS] * 2 + ["A:B"] * 3,
            "odds_ratio": [1.0, 2.0, 0.5, 1.0, 2.0],
            "point": [1100.0, 600.0, 300.0, 900.0, 2500.0],
        }
    )
    found = tipping(curves, 100, [("above", 350.0), ("below", 1e6)])
    assert found["odds_ratio"].iloc[0] == pytest.approx(1000 / 250)
    low, high = math.log(200 / 250), math.log(800 / 250)
    assert math.log(found["odds_ratio"].iloc[2]) == pytest.approx(math.log(0.5) * (1 + low / (high - low)))
    assert math.isnan(found["odds_ratio"].iloc[3])


def test_allowing_for_departures_widens_a_lognormal_law_as_it_should(posterior):
    law = replace(posterior, distribution=Distribution.lognormal(posterior.observed, 1000.0, 0.3))
    wider = allowing_for(law, 0.4)
    exact = Distribution.lognormal(posterior.observed, 1000.0, 0.5)
    q = [0.025, 0.25, 0.5, 0.75, 0.975]
    np.testing.assert_allclose(wider.quantile(q), exact.quantile(q), rtol=0.002)


def test_prior_sensitivity(posterior):
    frame = prior_sensitivity(posterior, KOSOVO, prob=0.95).set_index(["setting", "value"])
    assert frame.loc[("sd of the interactions", "1.0"), "point"] == pytest.approx(posterior.point, rel=0.01)
    other = run_method(KOSOVO, "decomposable", seed=1, compute=Compute(1))
    again = prior_sensitivity(other, KOSOVO, prob=0.95).set_index(["setting", "value"])
    assert again.loc[("prior count per cell", "1 x 2^-K"), "point"] == pytest.approx(other.distribution.quantile(0.5))


def test_errors_of_linkage_forwards():
    """The map against what happens to persons one by one: who loses a registration, who is put together."""
    rng = np.random.default_rng(3)
    alpha, times = 0.3, 400
    size = KOSOVO.counts.shape[1]
    total = np.zeros(size)
    small = KOSOVO.counts[0] // 20
    for _ in range(times):
        for h in range(1, size + 1):
            on = [j for j in range(4) if h >> j & 1]
            n = small[h - 1]
            lost = rng.binomial(n, alpha) if len(on) > 1 else 0
            total[h - 1] += n - lost
            if len(on) > 1:
                for j, k in zip(on, rng.multinomial(lost, [1 / len(on)] * len(on)), strict=True):
                    total[(h ^ 1 << j) - 1] += k
                    total[(1 << j) - 1] += k
    table = replace(KOSOVO, counts=small[None, :])
    np.testing.assert_allclose(error_map(table, alpha, 0.0) @ small, total / times, atol=0.6)


def test_false_links_take_two_persons_for_one():
    out = error_map(KOSOVO, 0.0, 0.02)
    for h in range(1, 16):
        assert out[:, h - 1].sum() == pytest.approx(1.0 if h.bit_count() > 1 else 0.99)


def test_no_errors_of_linkage():
    assert without_errors(KOSOVO, 0.0, 0.0) == KOSOVO
    frame = linkage_errors(KOSOVO, REFIT, prob=0.95, errors=((0.0, 0.0), (0.05, 0.0), (0.0, 0.02)))
    points = frame["point"].to_numpy()
    assert points[1] < points[0] < points[2]  # missed links had inflated N, false ones deflated it


def test_robustness_against_direct_refits():
    frame = robustness(KOSOVO, REFIT, prob=0.95, unreferred=KOSOVO)
    assert frame["ratio"].iloc[0] == 1.0 and frame["ratio"].iloc[-1] == 1.0
    assert (frame["change"] == "without list").sum() == 4 and (frame["change"] == "merged").sum() == 6
    assert (frame["change"] == "cell +1").sum() == 15
    assert (frame["change"] == "cell -1").sum() == (KOSOVO.counts > 0).sum()
    row = frame[(frame["change"] == "without list") & (frame["what"] == KOSOVO.lists[2])].iloc[0]
    direct = refitted(REFIT, KOSOVO.leave_out(KOSOVO.lists[2]), 0.95)
    assert (row["point"], row["low"], row["high"]) == (direct.point, direct.low, direct.high)


def test_a_change_without_an_answer_says_why():
    def no_answer(table, q):
        raise ModelError(Problem("it does not work", "nothing", "nothing"))

    frame = robustness(KOSOVO, no_answer, prob=0.95, compute=Compute(1))
    assert set(frame["status"]) == {"it does not work"} and frame["point"].isna().all()


def test_accumulation_ends_at_the_table_and_repeats():
    first = accumulation(KOSOVO, REFIT, prob=0.95, seed=4, shares=(0.5, 1.0))
    again = accumulation(KOSOVO, REFIT, prob=0.95, seed=4, shares=(0.5, 1.0), compute=Compute(2))
    pd.testing.assert_frame_equal(first, again)
    assert first["point"].iloc[-1] == refitted(REFIT, KOSOVO, 0.95).point
    assert first["observed"].iloc[0] == pytest.approx(KOSOVO.observed / 2, rel=0.05)


def test_predicted_overlap_of_a_table_that_fits(posterior):
    frame = predicted_overlap(posterior, KOSOVO, prob=0.95, seed=1)
    marginal = frame[frame["kind"] == "marginal"].set_index("history")
    totals = dict(zip(KOSOVO.lists, KOSOVO.list_totals(), strict=True))
    assert {name: marginal.loc[name, "observed"] for name in KOSOVO.lists} == totals
    assert (frame["p_value"] > 1e-4).all()
    inside = (frame["observed"] >= frame["low"]) & (frame["observed"] <= frame["high"])
    assert inside.mean() > 0.85


def test_predicted_overlap_finds_what_independence_misses():
    posterior = run_method(KOSOVO, "average", seed=1, compute=Compute(1), max_order=1)
    frame = predicted_overlap(posterior, KOSOVO, prob=0.95, seed=1)
    assert (frame.loc[frame["kind"] == "conditional", "p_value"] < 0.001).any()


def test_design_is_the_walsh_functions():
    design = walsh_design(8, np.array([0, 3, 7]))
    assert design.tolist() == [[1, (-1) ** (h & 3).bit_count(), (-1) ** (h & 7).bit_count()] for h in range(8)]


def test_coverage_repeats_and_sees_what_data_cannot(posterior, tmp_path):
    kept = Compute(2, folder=tmp_path)
    frame = coverage(posterior, KOSOVO, REFIT, prob=0.95, seed=1, replicates=40, compute=kept)
    again = coverage(posterior, KOSOVO, REFIT, prob=0.95, seed=1, replicates=40, compute=Compute(1))
    pd.testing.assert_frame_equal(frame, again)
    assert any(tmp_path.iterdir())
    rows = frame.set_index("truth")
    assert rows.loc["fitted model", "covered"] > 0.7
    assert rows.loc["fitted model, twice the unseen", "log_bias"] < -0.2


def test_everything_at_once(posterior):
    tables = assess(posterior, KOSOVO, AssessSpec(replicates=10), prob=0.95, seed=1)
    assert {"tipping", *PARTS} >= set(tables) >= {"sensitivity", "tipping", "prior", "robustness", "fit", "coverage"}
    assert all(len(frame) for frame in tables.values())


def test_bad_options_are_said_at_once():
    with pytest.raises(ModelError) as error:
        AssessSpec(parts=("sensitivity", "magic"), above=(-1.0,), replicates=1)
    assert len(error.value.problems) == 3
