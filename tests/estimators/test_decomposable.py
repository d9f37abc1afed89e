"""The estimator over decomposable graphs: what it returns, refuses and warns of."""

import math
from pathlib import Path

import numpy as np
import pytest

from mse.answers.posterior import Posterior
from mse.errors import ModelError
from mse.estimators.averages.decomposable import DecomposableSpec, estimate
from mse.tables.captures import CaptureTable

ROOT = Path(__file__).resolve().parents[2]


def table_of(name):
    return CaptureTable.from_csv(ROOT / "data" / name / "table.csv", name=name)


@pytest.fixture(scope="module")
def uk():
    return estimate(table_of("uk-2013-5"), DecomposableSpec(), seed=1)


def test_uk_equals_dga_with_its_complete_graph_out(uk):
    """At delta = 2^-5 dga's complete graph weighs nothing, so its figures hold without it as well."""
    answer = uk.summary(0.95)
    assert (answer.low, answer.point, answer.high) == pytest.approx((10387, 22990, 33510), abs=1.0)
    assert uk.models.notation[0] == "[123,25,34]"
    assert uk.models.weight[0] == pytest.approx(0.4434331298804, rel=1e-6)
    assert uk.models.size[0] == pytest.approx(25132.6390618254, rel=1e-6)
    assert uk.models.weight.sum() > 0.9999
    assert uk.notes == ()


def test_edges_are_sums_of_weights(uk):
    heavy = sum(w for m, w in zip(uk.models.notation, uk.models.weight, strict=True) if "12" in m)
    assert uk.interactions["LA:NG"] == pytest.approx(heavy, abs=1e-4)
    assert len(uk.interactions) == 10
    assert list(uk.interactions.values()) == sorted(uk.interactions.values(), reverse=True)


def test_draws_follow_the_law_and_the_seed(uk):
    assert uk.draws.min() >= uk.observed
    again = estimate(table_of("uk-2013-5"), DecomposableSpec(), seed=1)
    other = estimate(table_of("uk-2013-5"), DecomposableSpec(), seed=2)
    np.testing.assert_array_equal(uk.draws, again.draws)
    assert not np.array_equal(uk.draws, other.draws)
    for q in (0.1, 0.5, 0.9):  # five standard errors of a share of 10,000 draws
        share = np.mean(uk.draws <= uk.quantile(q))
        assert abs(share - q) < 5 * math.sqrt(q * (1 - q) / 10_000)


def test_evidence_and_weights_tell_the_same(uk):
    flat = uk.models.log_evidence - np.log(uk.models.weight)
    expected = uk.diagnostics["log_evidence"] + math.log(821)
    np.testing.assert_allclose(flat, expected, rtol=1e-12)


def test_saved_and_read_again(uk, tmp_path):
    uk.save(tmp_path / "posterior.nc")
    back = Posterior.load(tmp_path / "posterior.nc")
    assert back.point == uk.point and back.spec["delta"] == 2**-5
    np.testing.assert_array_equal(back.draws, uk.draws)


def test_six_lists():
    found = estimate(table_of("uk-2013-6"), DecomposableSpec(draws=100), seed=3)
    assert found.diagnostics["graphs"] == 18153
    assert found.diagnostics["dropped"] < 1e-15
    assert len(found.interactions) == 15


def test_large_delta_is_said_to_drive_n():
    table = table_of("uk-2013-5")
    out = estimate(table, DecomposableSpec(delta=1.0), seed=1)
    assert any("prior drives N" in str(note) for note in out.notes)
    assert out.diagnostics["median_at_usual_delta"] == pytest.approx(22990, abs=1)
    kept = estimate(table, DecomposableSpec(delta=1.0, saturated=True), seed=1)
    assert any("complete graph holds over 99%" in str(note) for note in kept.notes)
    assert kept.point < 1.05 * table.observed
    calm = estimate(table_of("spina-bifida-3"), DecomposableSpec(delta=0.5), seed=1)
    assert calm.notes == ()


def test_a_tail_beyond_the_grid_is_said():
    found = estimate(table_of("western-us-5"), DecomposableSpec(limit=5000), seed=1)
    assert found.diagnostics["grid_end_mass"] > 1e-4
    assert any("where the grid ends" in str(note) for note in found.notes)


def test_informative_prior_moves_n_towards_it():
    table = table_of("spina-bifida-3")
    plain = estimate(table, DecomposableSpec(), seed=1)
    pulled = estimate(table, DecomposableSpec(prior=(400.0, 2.5)), seed=1)
    assert plain.point < pulled.point < 1000.0


def test_two_and_eight_lists_are_refused():
    two = CaptureTable.from_arrays(["a", "b"], [5, 6, 7])
    with pytest.raises(ModelError, match="2 lists.*3 to 7"):
        estimate(two, DecomposableSpec(), seed=1)
    with pytest.raises(ModelError, match="8 lists.*merge"):
        estimate(table_of("new-orleans-8-n185"), DecomposableSpec(), seed=1)


def test_blind_lists_and_strata_are_refused():
    observable = np.array([True] * 6 + [False])
    blind = CaptureTable.from_arrays(["a", "b", "c"], [5, 6, 7, 8, 9, 3, 0], observable=observable)
    with pytest.raises(ModelError, match="cannot be observed"):
        estimate(blind, DecomposableSpec(), seed=1)
    with pytest.raises(ModelError, match="strata"):
        estimate(table_of("spina-bifida-3-ethnicity"), DecomposableSpec(), seed=1)


def test_all_faulty_options_are_named_at_once():
    with pytest.raises(ModelError, match="5 problems") as caught:
        DecomposableSpec(delta=-1.0, prior=(0.0, 1.0), tolerance=0.0, limit=10, draws=0)
    assert "delta" in str(caught.value) and "`prior`" in str(caught.value)
    with pytest.raises(ModelError, match="the prior is unknown"):
        DecomposableSpec(prior="flat")
