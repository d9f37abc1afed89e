"""Populations of known size, their scores, and the interval calibrated on them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.known_populations import EVERYBODY, SETTINGS, answers, populations, study_of
from benchmarks.known_sizes import COMMAND, LEARNED, known_answers, left_out, library, markdown, standard_errors
from benchmarks.scores import crps, score, summarise
from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.assess.assessment import AssessSpec, assess
from mse.assess.calibrated import (
    STORED,
    TRANSFER,
    calibrated,
    calibrated_rows,
    read_library,
    shipped_library,
    write_library,
)
from mse.assess.departures import (
    FEATURES,
    POINTS,
    DepartureModel,
    departed,
    features,
    log_unseen,
)
from mse.assess.knownsizes import consistency, known_sizes
from mse.computing.parallel import Compute
from mse.errors import ModelError, MseError, Problem
from mse.kernels.studentmixture import mixed_student_cdf
from mse.methods import run_method
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.words.said import said

CALIBRATION = Path(__file__).parents[1] / "calibration" / "known-sizes.json"


# ---- problems ------------------------------------------------------------------------------------------------


def table_of(seed, n_lists=5, persons=400):
    """A random table with persons of unequal visibility."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 4, size=(persons, 1)) * rng.uniform(0.5, 1.5, n_lists)
    on = rng.random((persons, n_lists)) < chance
    on[0] = True
    counts = np.bincount(on @ (1 << np.arange(n_lists)), minlength=2**n_lists)[1:]
    return CaptureTable.from_arrays([f"L{j}" for j in range(n_lists)], counts, name=f"random {seed}")


def persons_of(table):
    """One set of lists per person: the slow plain form of a table."""
    histories = np.repeat(np.arange(1, 2**table.n_lists), table.counts.sum(axis=0))
    return [{x for j, x in enumerate(table.lists) if h >> j & 1} for h in histories.tolist()]


@pytest.mark.parametrize("seed", range(4))
def test_problems_are_those_of_the_persons_one_by_one(seed):
    table = table_of(seed)
    for known in known_sizes(table):
        members = [lists - {known.list} for lists in persons_of(table) if known.list in lists]
        others = [x for x in table.lists if x != known.list]
        assert known.true == len(members)
        assert known.seen == sum(bool(lists) for lists in members)
        assert known.overlap == sum(len(lists) >= 2 for lists in members)
        assert known.active == sum(sum(x in lists for lists in members) >= 5 for x in others)
        assert known.status == "ok"
        assert known.table.lists == tuple(x for x in others if any(x in lists for lists in members))
        inner = {h: int(n) for h, n in enumerate(known.table.counts[0], start=1)}
        for h, n in inner.items():
            names = {x for j, x in enumerate(known.table.lists) if h >> j & 1}
            assert n == sum(lists == names for lists in members)


def test_the_order_of_the_lists_does_not_matter():
    table = table_of(7)
    turned = table.select(*reversed(table.lists))
    here = {k.list: k for k in known_sizes(table)}
    for there in known_sizes(turned):
        assert there.table.select(*here[there.list].table.lists) == here[there.list].table
        assert (there.true, there.seen, there.overlap) == (
            here[there.list].true, here[there.list].seen, here[there.list].overlap)  # fmt: skip


def test_covariates_are_summed_over():
    table = load_table("scotland-pwid-2006-4")
    assert [k.true for k in known_sizes(table)] == table.list_totals().tolist()
    assert all(k.table == flat.table for k, flat in zip(known_sizes(table), known_sizes(table.collapse()), strict=True))


def test_a_list_that_is_no_problem_says_why():
    found = {k.list: k for k in known_sizes(load_table("netherlands-2010-2015-5"))}
    assert found["K"].status == "fewer than 3 other lists with 5 of its members (1)"
    assert found["K"].table is None
    few = {k.list: k.status for k in known_sizes(load_table("uk-2013-4"))}
    assert few["LA"] == "fewer than 5 of its members on two other lists (3)"
    table = table_of(3)
    alone = np.ones_like(table.observable)
    alone[0, 0] = False  # nobody can be on L0 alone
    counts = table.counts.copy()
    counts[0, 0] = 0
    blind = CaptureTable.from_arrays(table.lists, counts, observable=alone)
    assert [k.status for k in known_sizes(blind)][0] == "nobody can be on this list alone"
    assert all(k.table is not None for k in known_sizes(blind)[1:])


def test_structural_zeros_stay_structural_zeros():
    table = table_of(3)
    seen, counts = table.observable.copy(), table.counts.copy()
    both = 0b00011  # L0 and L1 and nobody else
    seen[0, both - 1], counts[0, both - 1] = False, 0
    inner = known_sizes(CaptureTable.from_arrays(table.lists, counts, observable=seen))[0].table
    assert not inner.observable[0, 0]  # L1 alone, among the members of L0
    assert inner.observable[0, 1:].all()


def test_the_public_tables_hold_92_problems_of_17_studies():
    found = populations()
    assert len(found) == 92
    counts = {study: sum(p.study == study for p in found) for study in {p.study for p in found}}
    assert counts == {
        "australia-2015-2017-4": 2, "casanare-colombia-6": 6, "colombia-recruitment-8": 8,
        "congenital-massachusetts-5": 5, "cottontail-6": 5, "diabetes-italy-4": 4, "hepatitis-taiwan-3": 1,
        "hiv-rome-4": 2, "kosovo-1999-4": 4, "lesbian-allegheny-4": 4, "netherlands-2010-2015-6": 6,
        "new-zealand": 12, "philippines-caloocan-2016-2017-11": 10, "philippines-manila-2016-2017-8": 6,
        "scotland-hcv-2009-4": 4, "scotland-pwid-2006-4": 4, "uk-2013-6": 9,
    }  # fmt: skip
    assert len({(p.members.digest, p.true) for p in found}) == 92  # no problem twice
    assert {(p.table, p.true) for p in found if p.list == EVERYBODY} == {
        ("cottontail-6", 135),
        ("hepatitis-taiwan-3", 545),
    }


def test_versions_of_a_table_are_one_study():
    assert study_of("uk-2013-4") == study_of("uk-2013-5") == "uk-2013-6"
    assert study_of("kosovo-1999-4") == "kosovo-1999-4"
    assert study_of("new-zealand-2018-4") == study_of("new-zealand-census-4") == "new-zealand"


# ---- internal consistency --------------------------------------------------------------------------------------


def doubled(table, levels):
    """A refit that says: twice those seen, give or take."""
    return np.array([table.observed * (1 + 2 * q) for q in levels])


def failing(table, levels):
    raise ModelError(Problem("no estimate", "another table", "none"))


def test_consistency_holds_every_list_against_its_size():
    table = load_table("netherlands-2010-2015-5")
    frame = consistency(table, doubled, prob=0.9)
    assert list(frame.columns) == ["list", "true", "point", "low", "high", "log_bias", "covered", "status", "said"]
    assert frame["list"].tolist() == list(table.lists)
    row = frame.set_index("list").loc["P"]
    assert (row.true, row.point, row.status) == (4812, 2 * 346, "ok")
    assert row.low == pytest.approx(1.1 * 346) and row.high == pytest.approx(2.9 * 346)
    assert row.log_bias == pytest.approx(math.log(2 * 346 / 4812))
    assert not row.covered
    other = frame.set_index("list").loc["K"]
    assert math.isnan(other.point) and other.status.startswith("fewer than 3") and other.isna().covered


def test_a_list_without_an_estimate_is_a_row():
    frame = consistency(load_table("kosovo-1999-4"), failing, prob=0.95)
    assert set(frame["status"]) == {"no estimate"} and frame["covered"].isna().all()


def test_consistency_does_not_depend_on_the_workers():
    table = table_of(5)
    alone, pair = (consistency(table, doubled, prob=0.95, compute=Compute(workers=w)) for w in (1, 2))
    assert alone.equals(pair)


# ---- scores --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [-2.0, 0.3, 4.0])
def test_crps_of_a_normal_law_is_the_closed_form(truth):
    """Gneiting & Raftery (2007), equation 21."""
    mean, sd = 1.0, 0.7
    z = (truth - mean) / sd
    closed = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi))
    quantiles = stats.norm.ppf((np.arange(4000) + 0.5) / 4000, mean, sd)
    assert crps(quantiles, truth) == pytest.approx(closed, rel=2e-3)


def test_crps_of_a_point_is_the_distance():
    assert crps(np.full(50, 2.0), 5.0) == pytest.approx(3.0)


def test_a_lognormal_law_is_scored_by_its_closed_forms():
    law = Distribution.lognormal(0, 1000.0, 0.4)
    found = score(law, 1000.0, 1500)
    z = 1.959963985
    assert found.log_width == pytest.approx(2 * z * 0.4, rel=1e-3)
    assert found.log_bias == pytest.approx(math.log(1000 / 1500))
    assert found.covered == (False, True, True)
    assert found.interval_score == pytest.approx(found.log_width)
    missed = score(law, 1000.0, 5000)
    beyond = math.log(5) - z * 0.4
    assert missed.covered == (False, False, False)
    assert missed.interval_score == pytest.approx(missed.log_width + 40 * beyond, rel=1e-3)
    both = summarise([found, missed])
    assert both.problems == 2 and both.coverage == (0.0, 0.5, 0.5)
    assert both.crps == pytest.approx((found.crps + missed.crps) / 2)
    assert both.rms == pytest.approx(math.sqrt((math.log(1.5) ** 2 + math.log(5) ** 2) / 2))


# ---- departures ------------------------------------------------------------------------------------------------


def test_student_with_four_degrees_of_freedom():
    x = np.linspace(-60, 60, 4001)
    assert np.allclose(mixed_student_cdf(x, np.array([0.0]), 1.0, 1.0), stats.t.cdf(x, 4), atol=1e-12)


def unseen_law(median=300.0, sd=0.3):
    return np.sort(np.log(median) + sd * stats.norm.ppf((np.arange(POINTS) + 0.5) / POINTS))


def test_no_departure_leaves_the_law_as_it_was():
    posterior = run_method(load_table("kosovo-1999-4"), "independence", seed=0, compute=Compute(workers=1))
    law = departed(log_unseen(posterior.distribution, posterior.observed), posterior.observed, 0.0, 1e-4, 1e-4)
    q = [0.025, 0.25, 0.5, 0.75, 0.975]
    assert np.allclose(law.quantile(q), posterior.distribution.quantile(q), rtol=2e-3)


@pytest.mark.parametrize("upper", [0.25, 0.6, 0.1])
def test_the_departed_law_is_that_of_draws(upper):
    unseen = unseen_law()
    law = departed(unseen, 500, 0.4, 0.25, upper)
    rng = np.random.default_rng(1)
    drawn = rng.standard_t(4, size=400_000)
    delta = 0.4 + np.where(drawn < 0, 0.25, upper) * drawn
    drawn = 500 + np.rint(np.exp(rng.choice(unseen, size=delta.size) + delta) - 0.5)
    for q in (0.025, 0.1, 0.5, 0.9, 0.975):
        assert float(law.quantile(q)) == pytest.approx(np.quantile(drawn, q), rel=0.01)
    assert law.beyond < 1e-5
    assert np.all(np.diff(law.cdf) >= 0) and law.values[0] == 500


def test_odds_ratio_and_shift_are_one_thing():
    """n_0(ξ) = n_0(1)/ξ: a shift by −log ξ multiplies the unseen by 1/ξ."""
    plain, shifted = (departed(unseen_law(), 500, m, 1e-3, 1e-3) for m in (0.0, math.log(2.0)))
    assert float(shifted.quantile(0.5)) - 500 == pytest.approx(2 * (float(plain.quantile(0.5)) - 500), rel=0.01)


def test_nobody_unseen_can_be_wrong():
    law = departed(np.full(POINTS, math.log(0.5)), 40, 0.5, 0.3, 0.3)
    assert law.quantile(0.025) == 40 and law.quantile(0.99) > 40


def test_features_are_those_of_the_page():
    table = load_table("uk-2013-5")
    posterior = run_method(table, "independence", seed=0, compute=Compute(workers=1))
    unseen = log_unseen(posterior.distribution, posterior.observed)
    four, overlap, share = features(table, unseen)
    many = sum(n for h, n in enumerate(table.counts[0], start=1) if h.bit_count() > 1)
    assert len(FEATURES) == 3 and four == 1.0
    assert overlap == pytest.approx(math.log(1 + many))
    assert share == pytest.approx(math.log(table.observed / posterior.point), abs=0.01)


def test_features_beyond_what_was_learned_from_count_as_the_nearest():
    none = np.zeros(2)
    model = DepartureModel(
        0.5, np.array([0.1, -0.2, 0.3]), 0.2, 0.3, np.zeros(3), np.ones(3), -np.ones(3), np.ones(3), 9, ("a",)
    )
    assert model.at(np.array([9.0, 9.0, 9.0]), none) == model.at(np.ones(3), none)
    assert model.at(np.ones(3), none)[0] == pytest.approx(0.5 + 0.1 - 0.2 + 0.3)


# ---- the calibrated interval ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kosovo():
    table = load_table("kosovo-1999-4")
    return table, run_method(table, "average", seed=3, compute=Compute(workers=1), draws=2000)


def test_a_calibrated_answer_says_so_everywhere(kosovo):
    table, posterior = kosovo
    answer = calibrated(posterior, table)
    estimate = answer.summary(0.95)
    assert estimate.method == "average, calibrated"
    assert estimate.kind == said("kind.calibrated") and "known size" in str(estimate)
    assert estimate.assumptions[0] == TRANSFER and any(str(TRANSFER) in str(note) for note in answer.notes)
    assert "odds" not in " ".join(map(str, estimate.outside)) and not any(
        "all lists at once" in x for x in map(str, estimate.outside)
    )
    assert not any("no interaction among all lists" in x for x in map(str, estimate.assumptions))
    assert any("known size" in x for x in map(str, estimate.inside))
    assert set(posterior.citations) < set(answer.citations)
    assert answer.verdict is None and answer.models is None
    assert answer.draws.shape == posterior.draws.shape and answer.draws.min() >= table.observed
    delta = [answer.diagnostics[f"departure_{x}"] for x in ("middle", "scale", "upper")]
    law = departed(log_unseen(posterior.distribution, table.observed), table.observed, *delta)
    assert np.array_equal(law.cdf, answer.distribution.cdf)
    assert np.array_equal(answer.draws, calibrated(posterior, table).draws)


def test_a_calibrated_interval_is_wider(kosovo):
    table, posterior = kosovo
    for prob in (0.8, 0.95):
        ordinary, wide = posterior.summary(prob), calibrated(posterior, table).summary(prob)
        assert wide.high / wide.low > ordinary.high / ordinary.low


def test_a_public_table_is_calibrated_without_its_own_study(kosovo):
    table, posterior = kosovo
    answer = calibrated(posterior, table)
    assert answer.diagnostics["departure_problems"] == 69
    assert "those of this study (kosovo-1999-4) were left out" in str(answer.notes[0])
    renamed = calibrated(posterior, replace(table, name="mine"))  # known by its counts, not by its name
    assert np.array_equal(renamed.distribution.cdf, answer.distribution.cdf)
    strange = replace(table, counts=table.counts + 1)
    other = run_method(strange, "average", seed=3, compute=Compute(workers=1))
    assert calibrated(other, strange).diagnostics["departure_problems"] == 73


def test_merged_versions_count_as_their_study():
    table = load_table("uk-2013-4")
    answer = calibrated(run_method(table, "decomposable", seed=1, compute=Compute(workers=1)), table)
    assert "(uk-2013-6) were left out" in str(answer.notes[0]) and answer.diagnostics["departure_problems"] == 64


def test_a_calibrated_answer_is_kept_in_a_file(kosovo, tmp_path):
    table, posterior = kosovo
    answer = calibrated(posterior, table)
    answer.save(tmp_path / "p.nc")
    again = Posterior.load(tmp_path / "p.nc")
    assert again.summary() == answer.summary()
    posterior.save(tmp_path / "o.nc")
    assert calibrated(Posterior.load(tmp_path / "o.nc"), table).summary() == answer.summary()


def test_what_was_not_learned_is_refused(kosovo):
    table, posterior = kosovo
    for method, options in (("average", {"sd": 3.0}), ("chao", {}), ("decomposable", {"delta": 1.0})):
        answer = run_method(table, method, seed=1, compute=Compute(workers=1), **options)
        with pytest.raises(ModelError, match="no departures were learned"):
            calibrated(answer, table)
    with pytest.raises(ModelError, match="another table"):
        calibrated(posterior, table_of(1))


def test_both_intervals_side_by_side(kosovo):
    table, posterior = kosovo
    frame = calibrated_rows(posterior, table, prob=0.95)
    assert list(frame.columns) == ["interval", "point", "low", "high", "prob", "assumption", "said"]
    assert frame["interval"].tolist() == ["ordinary", "calibrated"]
    assert frame["assumption"][1] == str(TRANSFER) and "identifying assumption" in frame["assumption"][0]
    assert (
        frame["low"][0] == posterior.summary().low and frame["high"][1] == calibrated(posterior, table).summary().high
    )


def test_the_assessment_holds_both(kosovo):
    table, posterior = kosovo
    spec = AssessSpec(parts=("consistency", "calibrated"))
    found = assess(posterior, table, spec, prob=0.95, seed=1, compute=Compute(workers=1))
    assert found["consistency"]["status"].tolist() == ["ok"] * 4
    assert found["calibrated"]["interval"].tolist() == ["ordinary", "calibrated"]
    chao = run_method(table, "chao", seed=1, compute=Compute(workers=1))
    assert set(assess(chao, table, spec, prob=0.95, seed=1, compute=Compute(workers=1))) == {"consistency"}


def test_a_library_reads_back_as_it_was_written(tmp_path):
    shipped = shipped_library()
    write_library(shipped, tmp_path / "x.json", {"command": COMMAND})
    again = read_library(tmp_path / "x.json")
    assert again.studies == shipped.studies and again.digest == shipped.digest
    for a, b in zip(again.learned, shipped.learned, strict=True):
        assert (a.method, a.setting, a.everything.shift) == (b.method, b.setting, b.everything.shift)
        assert np.array_equal(a.everything.slopes, b.everything.slopes) and a.without.keys() == b.without.keys()
    assert not list(tmp_path.glob("*.tmp"))


def test_what_ships_was_learned_from_these_populations_without_the_study():
    shipped = shipped_library()
    problems = populations()
    studies = {p.study for p in problems}
    assert set(shipped.studies.values()) == studies
    assert len(shipped.learned) == len(LEARNED)
    assert json.loads(STORED.read_text())["features"] == list(FEATURES)
    stored = json.loads(CALIBRATION.read_text())
    assert stored["digest"] == shipped.digest
    answered = {row["setting"]: row["problems"] for row in [*stored["results"], *stored["earlier"]]}
    for learned in shipped.learned:
        whole = learned.everything
        assert set(learned.without) == set(whole.studies) <= studies
        assert whole.problems in answered.values()
        for study, model in learned.without.items():
            assert study not in model.studies and set(model.studies) == set(whole.studies) - {study}
            assert whole.problems - 12 <= model.problems < whole.problems


# ---- the leaderboard --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def board():
    return json.loads(CALIBRATION.read_text())


@pytest.fixture(scope="module")
def stored(board):
    return {row["setting"]: row for row in board["results"]}


def test_ordinary_intervals_of_averages_cover_two_thirds_at_most(stored):
    for name in ("average, σ = 1", "decomposable, δ = 2^−K"):
        assert 0.4 <= stored[name]["coverage"][2] <= 0.7


def test_calibrated_intervals_cover_on_studies_left_out(stored):
    """The bar: 93 to 100 %, CRPS of log N at most 0.15, and better than a shift and a scale alone."""
    for name in (f"{x}, calibrated" for x in LEARNED if x in stored):
        assert 0.93 <= stored[name]["coverage"][2] <= 1.0 and stored[name]["crps"] <= 0.15
        assert stored[name]["standard_errors"]["covered_95"] < 0.06
    name = "average, σ = 1"
    assert stored[f"{name}, calibrated, nested choice"]["coverage"][2] >= 0.93
    assert stored[f"{name}, calibrated"]["crps"] < stored[f"{name}, shift and scale learned"]["crps"]
    assert stored[f"{name}, shift and scale learned"]["crps"] < stored[name]["crps"] - 0.02


def test_standard_errors_take_studies_as_drawn():
    """Two studies of equal size, one all right and one all wrong: the mean is a half, give or take a half."""
    problems = [replace(populations()[0], study=study) for study in "aabb"]
    law = Distribution.lognormal(0, 1000.0, 0.4)
    scores = [score(law, 1000.0, true) for true in (1000, 1000, 5000, 5000)]
    assert standard_errors(problems, scores)["covered_95"] == pytest.approx(0.5)
    assert standard_errors(problems[:2], scores[:2])["covered_95"] == 0.0


def test_the_table_of_the_docs_holds_every_setting(board, stored):
    text = markdown()
    rows = [*stored, *(row["setting"] for row in board["earlier"])]
    assert all(name in text for name in rows) and set(SETTINGS) <= set(rows)
    assert len(rows) == len(set(rows))


def test_cheap_methods_score_as_stored(stored):
    problems = populations()
    for name in ("independence", "Chao"):
        method, options = SETTINGS[name]
        found = []
        for p in problems:
            try:
                answer = run_method(p.members, method, seed=1, compute=Compute(workers=1), **options)
            except MseError:
                continue
            found.append(score(answer.distribution, answer.point, p.true))
        again = summarise(found)
        assert again.problems == stored[name]["problems"]
        assert again.crps == pytest.approx(stored[name]["crps"], rel=1e-6)
        assert list(again.coverage) == pytest.approx(stored[name]["coverage"])


@pytest.mark.slow
def test_the_whole_leaderboard_again(stored):
    """The settings of the last run on every problem, and learning again: same seed, same figures."""
    problems = populations()
    said = answers(problems, Compute(), [name for name in SETTINGS if name in stored])
    for name, given in said.items():
        scores = [score(a.law, a.point, p.true) for a, p in zip(given, problems, strict=True) if a.law is not None]
        assert summarise(scores).crps == pytest.approx(stored[name]["crps"], rel=1e-3), name
    made, shipped = library(problems, said), shipped_library()
    assert made.digest == shipped.digest
    for a, b in zip(made.learned, shipped.learned, strict=True):
        assert a.everything.shift == pytest.approx(b.everything.shift, abs=1e-3)
    for name, learner in LEARNED.items():
        if name in said:
            again = left_out(said[name], known_answers(problems, said[name], range(len(FEATURES))), learner)
            scores = [score(a.law, a.point, p.true) for a, p in zip(again, problems, strict=True) if a.law is not None]
            assert summarise(scores).crps == pytest.approx(stored[f"{name}, calibrated"]["crps"], rel=1e-3)
