"""The law of departures, as learned from populations of known size."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.known_verdicts import wilson
from benchmarks.learning import (
    LOG_SCALE_SD,
    LOG_TAIL_SD,
    SCALE,
    SHIFT_SD,
    SLOPE_SD,
    STRETCH_SD,
    TAIL_SCALE,
    KnownAnswer,
    learn,
    learn_even,
    learn_tails,
    learn_without_each,
    log_score,
)
from mse.assess.departures import POINTS, SCALE_FEATURES, features, scale_features
from mse.shipped import load_table


def invented(seed, studies=12, each=6, shift=0.4, slope=0.3, scale=0.25, sd=0.2):
    """Known sizes whose departures follow the model exactly."""
    rng = np.random.default_rng(seed)
    out = []
    for study, _ in itertools.product(range(studies), range(each)):
        x = rng.normal(size=2)
        size = rng.uniform(300, 3000)
        unseen = np.sort(np.log(size) + sd * rng.standard_normal(POINTS))
        true = math.exp(rng.choice(unseen) + shift + slope * x[0] + scale * rng.standard_t(4))
        out.append(KnownAnswer(f"study {study}", 500, 500 + round(true), unseen, x))
    return out


def test_learning_finds_what_was_put_in():
    model = learn(invented(3, studies=60, each=8), slope_sd=1.0)
    assert model.shift == pytest.approx(0.4, abs=0.05)
    assert model.slopes * [1, 1] / model.spread == pytest.approx([0.3, 0.0], abs=0.05)
    assert model.scale == pytest.approx(0.25, rel=0.2)
    assert model.problems == 480 and len(model.studies) == 60


def objective(answers, model, slope_sd=SLOPE_SD):
    """The penalised score of a model, from the definitions."""
    size = {a.study: sum(b.study == a.study for b in answers) for a in answers}
    total = sum(log_score(a, *model.at(a.features, a.about)) / math.sqrt(size[a.study]) for a in answers)
    total += stats.norm.logpdf(model.shift, 0, SHIFT_SD) + stats.norm.logpdf(model.slopes, 0, slope_sd).sum()
    return total + stats.norm.logpdf(math.log(model.scale), math.log(SCALE), LOG_SCALE_SD)


def test_no_model_near_by_has_a_better_penalised_score():
    answers = invented(4, studies=6, each=3)
    model = learn(answers)
    best = objective(answers, model)
    for step in (0.02, -0.02):
        assert objective(answers, replace(model, shift=model.shift + step)) < best
        scale = model.scale * math.exp(step)
        assert objective(answers, replace(model, scale=scale, upper=scale)) < best
        for i in range(2):
            assert objective(answers, replace(model, slopes=model.slopes + step * np.eye(2)[i])) < best


def test_the_log_score_is_the_density_of_the_mixture():
    a = invented(5, studies=1, each=1)[0]
    z = math.log(a.true - a.observed + 0.5) - a.unseen
    assert log_score(a, 0.3, 0.4, 0.4) == pytest.approx(math.log(np.mean(stats.t.pdf(z, 4, 0.3, 0.4))))
    sides = [stats.t.pdf(z, 4, 0.3, tau) for tau in (0.4, 0.7)]
    assert log_score(a, 0.3, 0.4, 0.7) == pytest.approx(math.log(np.mean(np.where(z < 0.3, *sides))))


def tailed(seed, below, above, studies=60, each=8):
    """Known sizes that depart upwards further than downwards, around nothing."""
    rng = np.random.default_rng(seed)
    out = []
    for study, _ in itertools.product(range(studies), range(each)):
        unseen = np.sort(np.log(rng.uniform(300, 3000)) + 0.2 * rng.standard_normal(POINTS))
        z = rng.standard_t(4)
        true = math.exp(rng.choice(unseen) + (below if z < 0 else above) * z)
        out.append(KnownAnswer(f"study {study}", 500, 500 + round(true), unseen, rng.normal(size=2)))
    return out


def test_tails_are_found_and_nothing_is_moved():
    model = learn_tails(tailed(8, 0.1, 0.5))
    assert model.shift == 0 and not model.slopes.any()
    assert model.scale == pytest.approx(0.1, rel=0.4) and model.upper == pytest.approx(0.5, rel=0.2)


def test_departures_downwards_are_taken_to_be_no_smaller():
    model = learn_even(tailed(8, 0.1, 0.5))
    assert model.scale == model.upper == learn_tails(tailed(8, 0.1, 0.5)).upper
    assert learn_even(tailed(9, 0.5, 0.1)).scale == learn_tails(tailed(9, 0.5, 0.1)).scale


def test_what_departures_grow_with_is_found_and_only_what_is_asked_for():
    few, many = tailed(11, 0.1, 0.2), tailed(12, 0.2, 0.4)
    answers = [replace(a, about=np.array([five, 0.0])) for five, part in ((0.0, few), (1.0, many)) for a in part]
    model = learn_tails(answers)
    assert model.stretch == pytest.approx([math.log(2), 0.0], abs=0.2)
    at = [model.at(answers[0].features, np.array([five, 0.0])) for five in (0.0, 1.0, 7.0)]
    assert at[1][2] / at[0][2] == pytest.approx(math.exp(model.stretch[0])) and at[1] == at[2]
    assert not learn_tails(answers, chosen=()).stretch.any()


def test_scale_features_are_those_of_the_page():
    table = load_table("uk-2013-5")
    unseen = np.full(POINTS, math.log(1000.0))
    five, share = scale_features(table, unseen)
    assert len(SCALE_FEATURES) == 2 and five == 1.0 and share == features(table, unseen)[2]
    assert scale_features(load_table("uk-2013-4"), unseen)[0] == 0.0


def test_a_share_has_the_interval_of_wilson():
    for hits, tries in ((13, 16), (16, 16), (0, 5)):
        found = stats.binomtest(hits, tries).proportion_ci(method="wilson")
        assert wilson(hits, tries) == pytest.approx((found.low, found.high), abs=1e-9)


def test_no_tails_near_by_have_a_better_penalised_score():
    answers = tailed(9, 0.2, 0.4, studies=7, each=3)
    rng = np.random.default_rng(10)
    answers = [replace(a, about=np.array([float(rng.random() < 0.5), rng.normal(-1, 0.5)])) for a in answers]
    model = learn_tails(answers)

    def worth(m):
        size = {a.study: sum(b.study == a.study for b in answers) for a in answers}
        total = sum(log_score(a, *m.at(a.features, a.about)) / math.sqrt(size[a.study]) for a in answers)
        logs = np.log([m.scale, m.upper])
        total += stats.norm.logpdf(m.stretch, 0, STRETCH_SD).sum()
        return total + stats.norm.logpdf(logs, math.log(TAIL_SCALE), LOG_TAIL_SD).sum()

    for step in (0.02, -0.02):
        for i in range(2):
            assert worth(replace(model, stretch=model.stretch + step * np.eye(2)[i])) < worth(model)
        for name in ("scale", "upper"):
            assert worth(replace(model, **{name: getattr(model, name) * math.exp(step)})) < worth(model)


def test_a_study_left_out_has_no_say():
    answers = invented(6, studies=5, each=4)
    models = learn_without_each(answers)
    lied = [replace(a, true=a.true * 50) if a.study == "study 2" else a for a in answers]
    other = learn_without_each(lied)
    assert models["study 2"].shift == other["study 2"].shift
    assert models["study 2"].scale == other["study 2"].scale
    assert "study 2" not in models["study 2"].studies and models["study 2"].problems == 16
    assert models["study 1"].shift != other["study 1"].shift
