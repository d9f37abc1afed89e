"""The default for one register: its twin, known sizes left out in turn, invariants, families, verdict and page."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, special, stats

import mse
from mse.assess.registerverdict import RULES, judge_register
from mse.errors import ModelError
from mse.estimators.repeats.average import average_shapes
from mse.estimators.repeats.families import MODIFIED
from mse.estimators.repeats.modified import KINDS, law_of, law_probabilities, row_unseen, row_values, slopes
from mse.estimators.repeats.oneregister import RepeatsSpec, estimate, subgroups
from mse.estimators.repeats.registerlaw import frequency_digest, library
from mse.estimators.repeats.registersize import fit_repeats, size_of
from mse.estimators.repeats.shapes import shaped_laws, weights
from mse.kernels.shapedcounts import shaped_likelihood
from mse.publish.registerpages import published_register, read_register, register_page, write_register
from mse.shipped import load_repeats
from mse.tables.repeats import RepeatCounts
from mse.words.catalogues import catalogue

CALIBRATION = Path(__file__).parents[1] / "calibration"
DUTCH = load_repeats("irregular-immigrants-netherlands-repeat")


def register(*counts: int, **covariates: list[object]) -> RepeatCounts:
    """Return a register of f_1, f_2, …"""
    return RepeatCounts.from_arrays(np.arange(1, len(counts) + 1), counts, covariates=covariates)


# ---- the likelihood and the average ---------------------------------------------------------------


@pytest.mark.parametrize("low", [0, 1])
@pytest.mark.parametrize("alpha", [1e-6, 0.3, 1.0, 4.0])
def test_the_kernel_is_scipys_negative_binomial(low: int, alpha: float) -> None:
    times, persons = np.array([2.0, 3.0, 5.0, 9.0]), np.array([7.0, 4.0, 2.0, 1.0])
    matrix = np.column_stack([np.ones(4), [0.3, -0.2, 0.5, 1.0]])
    beta = np.array([-0.4, 0.3])
    rate = np.exp(matrix @ beta)
    law = stats.nbinom(1.0 / alpha, 1.0 / (1.0 + alpha * rate))
    logs = law.logpmf(times) + special.gammaln(times + 1.0) - np.log(law.sf(low))
    value, score, information = shaped_likelihood(times, persons, matrix, beta, alpha, low)
    assert value == pytest.approx(float(persons @ logs), rel=1e-6)
    steps = 1e-5 * np.eye(2)
    sides = [[shaped_likelihood(times, persons, matrix, beta + s * d, alpha, low) for s in (1, -1)] for d in steps]
    assert score == pytest.approx([(a[0] - b[0]) / 2e-5 for a, b in sides], rel=1e-6)
    assert information == pytest.approx(np.array([(b[1] - a[1]) / 2e-5 for a, b in sides]), rel=1e-5)


def test_a_twin_that_integrates_the_rate_gives_the_same_weights() -> None:
    """Evidence of each shape by quadrature over η in the place of Laplace; shapes without too many ones."""
    table = register(142, 81, 49, 7, 3, 1)
    laws = [law for law in shaped_laws(table, np.ones((6, 1))) if not law.inflated]
    times, persons = table.registrations.astype(float), table.counts.astype(float)

    def evidence(alpha: float) -> float:
        def log_like(eta: float) -> float:
            law = stats.nbinom(1.0 / alpha, 1.0 / (1.0 + alpha * math.exp(eta)))
            return float(persons @ (law.logpmf(times) - np.log(law.sf(0))))

        top = max(log_like(x) for x in np.linspace(-2, 1, 61))
        return top + math.log(integrate.quad(lambda x: math.exp(log_like(x) - top), -4, 2, limit=200)[0])

    logs = np.array([evidence(math.exp(law.log_alpha)) - 0.5 * (law.log_alpha / 0.7) ** 2 for law in laws])
    twin = np.exp(logs - logs.max())
    assert weights(laws) == pytest.approx(twin / twin.sum(), abs=0.01)


def test_known_sizes_left_out_in_turn_are_held() -> None:
    """The default holds at least 90 % of the stored board, every family alone far fewer."""
    board = json.loads((CALIBRATION / "known-registers.json").read_text(encoding="utf-8"))
    cover = {row["setting"]: row["coverage"][2] for row in board["results"]}
    assert board["problems"] >= 18
    assert cover["average, with departures"] >= 0.9
    assert all(cover[family] <= 0.8 for family in ("poisson", "geometric", "chao", "zelterman"))
    crps = {row["setting"]: row["crps"] for row in board["results"]}
    assert crps["average, with departures"] == min(crps.values())


@pytest.mark.parametrize(
    ("counts", "true"),
    [((142, 81, 49, 7, 3, 1), 420), ((1317, 239, 42, 14, 4, 4, 1), 9461), ((66, 15, 1, 1), 520),
     ((8, 12, 16, 21, 12, 31), 122), ((1, 3, 2, 3, 3, 4, 2), 21)],
)  # fmt: skip
def test_a_register_of_known_size_is_answered_without_its_own_study(counts: tuple[int, ...], true: int) -> None:
    table = register(*counts)
    _, study = library().for_register(table)
    found = estimate(table, RepeatsSpec(), seed=1)
    low, high = found.quantile([0.025, 0.975])
    assert study is not None and low <= true <= high
    assert any(note.code == "note.register_departures_without" for note in found.notes)


def test_the_simulated_truths_are_held_and_stored_with_a_date() -> None:
    stored = json.loads((CALIBRATION / "register-truths.json").read_text(encoding="utf-8"))
    assert stored["provenance"]["date"] and stored["verdicts"]["publish"]["coverage"][2] >= 0.95
    kinds = {kind: row["average"]["coverage"][2] for kind, row in stored["kinds"].items()}
    unseen = {"behaviour": 0.75, "regulars": 0.85, "lost repeats": 0.0}
    assert min(value for kind, value in kinds.items() if kind not in unseen) >= 0.9
    assert all(kinds[kind] >= least for kind, least in unseen.items()), "what one register cannot show"


def test_rows_in_another_order_or_person_by_person_give_the_same() -> None:
    whole = estimate(register(80, 30, 12, 5, 2), RepeatsSpec(), seed=1)
    times = np.repeat([5, 4, 3, 2, 1], [2, 5, 12, 30, 80])
    apart = estimate(RepeatCounts.from_arrays(times), RepeatsSpec(), seed=1)
    assert apart.point == whole.point
    assert apart.distribution.quantile(0.9) == whole.distribution.quantile(0.9)


def test_the_interval_with_departures_is_wider_and_both_are_told() -> None:
    found = estimate(DUTCH, RepeatsSpec(), seed=1)
    assert found.identified is not None
    low, high = found.quantile([0.025, 0.975])
    first, last = found.identified.quantile([0.025, 0.975])
    assert low < first < last < high and found.observed <= low
    alone = estimate(DUTCH, RepeatsSpec(allowance=False), seed=1)
    assert alone.identified is None and alone.quantile(0.975) == pytest.approx(float(last))


def test_alike_persons_and_different_ones_are_told_apart_with_enough_of_them() -> None:
    rng = np.random.default_rng(4)
    for alpha, rates in ((0.0, np.ones(60_000)), (1.0, rng.gamma(1.0, 1.0, 60_000))):
        f = np.bincount(rng.poisson(1.5 * rates))[1:]
        found = average_shapes(register(*f), np.ones((f.size, 1)))
        mean, sd = found.log_alpha
        assert (mean < -2.5) if alpha == 0.0 else (abs(mean) < 0.15 and sd < 0.15)


def test_time_at_risk_is_an_offset() -> None:
    rng = np.random.default_rng(2)
    risk = rng.choice([0.25, 0.5, 1.0], 40_000)
    times = rng.poisson(0.8 * risk)
    seen = times > 0
    table = RepeatCounts.from_arrays(times[seen], covariates={"risk": risk[seen]})
    for family in ("poisson", "chao", "one-inflated-poisson", "negbin"):
        fit, columns = fit_repeats(table, family, exposure="risk")
        assert size_of(fit, table, columns.matrix).size == pytest.approx(40_000, rel=0.05)
        assert fit.coefficients[-1] == 1.0 and columns.names[-1] == "log(risk)"
    # another unit of time is another intercept and the same number
    months = RepeatCounts.from_arrays(times[seen], covariates={"risk": 12.0 * risk[seen]})
    one, two = (estimate(t, RepeatsSpec(exposure="risk"), seed=1) for t in (table, months))
    assert one.point == pytest.approx(two.point, rel=1e-3)


@pytest.mark.parametrize("exposure", ["when", "sex", "zero"])
def test_a_time_at_risk_that_is_none_is_refused(exposure: str) -> None:
    table = register(30, 10, 4, sex=["f", "m", "f"], zero=[1.0, 0.0, 2.0])
    with pytest.raises(ModelError, match="time at risk") as error:
        estimate(table, RepeatsSpec(exposure=exposure), seed=1)
    assert "geregistreerd" in error.value.in_words("nl")


def test_nobody_registered_often_enough_is_refused() -> None:
    table = RepeatCounts.from_arrays([1, 2, 1], [50, 30, 40], covariates={"g": ["a", "a", "b"]})
    with pytest.raises(ModelError, match="average over shapes"):
        estimate(table, RepeatsSpec(formula="g"), seed=1)
    with pytest.raises(ModelError, match="interval of its own"):
        RepeatsSpec(interval="normal")


def test_groups_add_up_to_the_whole() -> None:
    table = RepeatCounts.from_arrays([1, 2, 3, 1, 2, 3, 4], [300, 60, 12, 80, 9, 3, 1],
                                     covariates={"sex": ["m"] * 3 + ["f"] * 4})  # fmt: skip
    parts = subgroups(table, "sex", formula="sex")
    held = average_shapes(table, fit_repeats(table, "poisson", "sex")[1].matrix)
    mean = float(held.weight @ np.exp([law.log_unseen for law in held.laws])) + table.observed
    assert parts["N"].sum() == pytest.approx(mean, rel=1e-3)


# ---- ones that follow no rule ---------------------------------------------------------------------


@pytest.mark.parametrize("family", MODIFIED)
def test_laws_sum_to_one_and_their_slopes_are_right(family: str) -> None:
    law = law_of(family)
    assert law is not None
    others = np.array([-0.3, -0.7])[2 - law.parameters :] if law.parameters else np.zeros(0)
    eta, times = np.array([-0.5, 0.4]), np.array([2.0, 3.0])
    if law.kind != "zero-one-truncated":
        assert law_probabilities(law, eta, others, 150).sum(axis=1) == pytest.approx([1.0, 1.0], abs=1e-6)
    for function in (row_values, row_unseen):
        value, by = slopes(function, law, times, eta, others)
        assert value == pytest.approx(function(law, times, eta, others))
        ends = [function(law, times, eta + h, others) for h in (1e-6, -1e-6)]
        assert by[:, 0] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_without_covariates_one_inflation_is_truncation_at_one() -> None:
    """Böhning & van der Heijden (2019): the same rates, and the same N where zeros are cut off an inflated law."""
    table = register(541, 169, 95, 37, 21, 23, 6, 8)
    for base in ("poisson", "geometric", "negbin"):
        fits = {kind: fit_repeats(table, f"{kind}-{base}") for kind in KINDS}
        sizes = {kind: size_of(fit, table, x.matrix).size for kind, (fit, x) in fits.items()}
        assert sizes["inflated-truncated"] == pytest.approx(sizes["zero-one-truncated"], rel=1e-4)
        assert sizes["hurdle-truncated"] == pytest.approx(sizes["zero-one-truncated"], rel=1e-4)
        levels = {kind: math.exp(fit.coefficients[0]) for kind, (fit, _) in fits.items()}
        assert levels["hurdle"] == pytest.approx(levels["zero-one-truncated"], rel=1e-4)
        likes = [fits[kind][0].log_likelihood for kind in ("one-inflated", "inflated-truncated", "hurdle")]
        assert likes == pytest.approx([likes[0]] * 3, abs=1e-4)


def test_too_many_ones_are_seen_through() -> None:
    rng = np.random.default_rng(1)
    times = rng.poisson(1.0, 20_000)
    more = rng.random(20_000) < 0.4
    times = np.where((times > 1) & more, 1, times)
    f = np.bincount(times)[1:]
    found = estimate(register(*f), RepeatsSpec(family="one-inflated-poisson"), seed=1)
    assert found.point == pytest.approx(20_000, rel=0.08)
    bound = estimate(register(*f), RepeatsSpec(family="chao-one-inflated"), seed=1)
    assert bound.point < 20_000
    plain = estimate(register(*f), RepeatsSpec(family="poisson"), seed=1).point
    assert plain > 22_000
    boot = estimate(
        register(*f), RepeatsSpec(family="one-inflated-poisson", interval="parametric", replicates=60), seed=1
    )
    assert boot.diagnostics["replicates"] >= 55


# ---- verdict and page -----------------------------------------------------------------------------


def test_the_verdict_speaks_and_says_what_it_looked_at() -> None:
    found = mse.estimate(DUTCH)
    assert found.verdict is not None and found.verdict.level == "publish with caution"
    assert set(found.verdict.checked) <= set(RULES) and "width" in [r.code for r in found.verdict.reasons]
    few = mse.estimate(register(6, 2, 1))
    assert few.verdict is not None and few.verdict.level == "do not publish"
    one = mse.estimate(DUTCH, "repeats", family="poisson")
    assert one.verdict is not None and "one_family" in [r.code for r in one.verdict.reasons]
    bound = mse.estimate(DUTCH, "repeats", family="chao")
    assert bound.verdict is not None and "register_bound" in [r.code for r in bound.verdict.reasons]


def test_an_answer_that_nothing_speaks_against_may_be_published() -> None:
    rng = np.random.default_rng(5)
    f = np.bincount(rng.poisson(1.6 * rng.gamma(1.5, 1 / 1.5, 6000)))[1:]
    verdict = judge_register(estimate(register(*f), RepeatsSpec(), seed=1), register(*f))
    assert verdict.level == "publish" and verdict.reasons == ()


def test_every_finding_has_words_in_both_languages() -> None:
    for language in ("en", "nl"):
        words = catalogue(language).messages
        for code in RULES:
            assert f"reason.{code}.text" in words and f"rule.{code}" in words


def test_the_folder_holds_no_small_count_and_reads_back(tmp_path: Path) -> None:
    table = RepeatCounts.from_arrays([1, 2, 3, 1, 2, 4, 1], [300, 61, 13, 83, 11, 3, 4],
                                     covariates={"sex": ["m"] * 3 + ["f"] * 3 + ["x"]})  # fmt: skip
    found = mse.estimate(table)
    shown = published_register(found, table, mse.compare_families(table), subgroups(table, "sex"))
    write_register(tmp_path / "one", shown)
    again = read_register(tmp_path / "one")
    assert again.rows == shown.rows and again.reasons == shown.reasons
    assert [x[0] for x in shown.frequencies] == ["1", "2", "3+"] and shown.frequencies[-1][1] == 16
    groups = {row.name: row.observed for row in shown.rows if row.kind == "group"}
    assert groups["sex = x"] is None and sum(v is None for v in groups.values()) == 2
    for language, word in (("en", "registered"), ("nl", "geregistreerd")):
        page = register_page(again, language)
        assert page == register_page(shown, language) and word in page
        assert "://" not in page.replace("http://www.w3", "")
    with pytest.raises(mse.MseError):
        read_register(tmp_path)


def test_an_answer_on_very_few_is_not_shown_at_all() -> None:
    table = register(5, 2, 1)
    shown = published_register(mse.estimate(table), table, mse.compare_families(table))
    assert all(row.point is None for row in shown.rows) and shown.frequencies == ()
    assert all(not reason.figures for reason in shown.reasons if reason.code in ("observed", "repeated"))


def test_the_digest_is_of_the_frequencies_alone() -> None:
    table = RepeatCounts.from_arrays([2, 1, 1], [4, 6, 7], covariates={"g": ["a", "a", "b"]})
    assert frequency_digest(table.frequencies()) == frequency_digest(register(13, 4).frequencies())
    assert replace(library().everything).studies >= 13


def test_an_answer_that_takes_too_many_ones_for_granted_asks_for_caution() -> None:
    """Regulars among persons who are alike look as if too many were registered once."""
    rng = np.random.default_rng(3)
    rates = np.where(rng.random(12_000) < 0.2, 3.2, 0.4)
    table = RepeatCounts.from_arrays(np.arange(1, 30), np.bincount(rng.poisson(rates), minlength=30)[1:30])
    found = estimate(table, RepeatsSpec(), seed=1)
    assert found.diagnostics["weight_one_inflated"] > 0.9
    verdict = judge_register(found, table)
    assert verdict.level == "publish with caution" and "ones_taken" in [x.code for x in verdict.reasons]
