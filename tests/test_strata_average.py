"""The average over models with covariates: against exact averaging, against conting, and its own algebra."""

import json
from pathlib import Path

import numpy as np
import pytest

import mse
from mse.captures import CaptureTable
from mse.errors import ModelError
from mse.estimators.averaging import AverageSpec
from mse.estimators.averaging import estimate as average
from mse.estimators.strata.average import StrataAverageSpec, estimate
from mse.estimators.strata.cells import build_cells
from mse.estimators.strata.search import join_candidates
from mse.estimators.strata.weigh import balanced
from mse.parallel import Compute
from mse.posterior import Posterior

RECORDS = json.loads((Path(__file__).parent / "golden" / "conting" / "bict.json").read_text())


def record(name, prior="UIP"):
    return next(r for r in RECORDS if r["dataset"] == name and f'prior="{prior}"' in r["call"])


def test_columns_are_orthonormal_over_the_whole_product():
    cells = build_cells(mse.load_table("spina-bifida-3-ethnicity"))
    design = balanced(cells, [0, 1, 2, 4, 8, *join_candidates(cells, 3)])
    gram = design.matrix.T @ design.matrix
    np.testing.assert_allclose(gram, len(design.matrix) * np.eye(len(gram)), atol=1e-9)


@pytest.mark.parametrize("name", ["kosovo-1999-4", "uk-2013-4"])
def test_without_strata_it_is_exact_averaging(name):
    """All hierarchical models of four lists are reached, and weights and quantiles are those of the exact average."""
    table = mse.load_table(name)
    exact = average(table, AverageSpec(), seed=1)
    walk = estimate(table, StrataAverageSpec(max_order=3, window=1e-6), seed=1)
    assert walk.models is not None and exact.models is not None
    ours = {
        frozenset(notation.split(" + ")): w
        for notation, w in zip(walk.models.notation, walk.models.weight, strict=True)
    }
    for notation, weight in list(zip(exact.models.notation, exact.models.weight, strict=True))[:5]:
        named = mse.Model.parse(notation, table.lists).named(table.lists)
        assert ours[frozenset(named.split(" + "))] == pytest.approx(weight, rel=0.05)
    for q in (0.1, 0.5, 0.9):
        assert walk.quantile(q) == pytest.approx(exact.quantile(q), rel=0.03)


def test_contings_table_with_covariates():
    """Spina bifida by ethnicity, UIP prior: the same models, N within Monte Carlo error, the tail a little longer.

    conting ran 10,000 steps from one start (effective sample of N below a few hundred), and 20 models; all are here.
    """
    there = record("spina-bifida-3-ethnicity")
    here = estimate(mse.load_table("spina-bifida-3-ethnicity"), StrataAverageSpec(), seed=1)
    assert here.quantile(0.5) == pytest.approx(there["quantiles"]["50%"], abs=6)
    assert here.quantile(0.1) == pytest.approx(there["quantiles"]["10%"], abs=6)
    assert here.quantile(0.9) == pytest.approx(there["quantiles"]["90%"], abs=12)
    for row in there["inter_probs"]:
        if ":" in row["term"]:
            assert here.interactions[row["term"]] == pytest.approx(row["prob"], abs=0.08)


def scotland(window):
    table = mse.load_table("scotland-pwid-2006-4")
    (bound,) = mse.table_info("scotland-pwid-2006-4").mse["censored"]
    (name,) = [x for x, on in bound["history"].items() if on]
    assert bound["strata"] == "all"
    return estimate(table, StrataAverageSpec(bounded={name: {}}, window=window), seed=1)


def monte_carlo_error(there, iterations=8000, complete_sd=150.0):
    """Standard error of the mean of conting's chain, at best.

    Its data augmentation draws N given β and β given N. Such a chain's autocorrelation is the share of information that
    is missing: with some 23,000 persons the complete table fixes log N to 1/√23,000 (sd 150 persons), while the
    posterior has sd 1,503; 8,000 steps are then worth 8,000·(1 − ρ)/(1 + ρ) ≈ 40 independent ones.
    """
    rho = 1.0 - (complete_sd / there["sd"]) ** 2
    return there["sd"] / np.sqrt(iterations * (1 - rho) / (1 + rho))


def test_the_censored_scottish_table():
    """People who inject drugs, only-cells of S4 as bounds: conting's mean 22,997 within its Monte Carlo error.

    The two differ below: 5 % of the weight here stands near 16,000, on models with S1:S2 + S2:S3 in place of S1:S3.
    That is right: importance sampling confirms their evidence to a hundredth, and the best of them has a twentieth of
    the weight of the best model. conting's chain adds or drops one term a step, visited 50 models, and had S1:S3 in
    every one of them; two terms have to be exchanged for one to get across.
    """
    there = record("scotland-pwid-2006-4 censored")
    here = scotland(window=0.01)
    error = monte_carlo_error(there)
    assert abs(here.draws.mean() - there["mean"]) < 2.5 * error
    assert abs(here.quantile(0.5) - there["quantiles"]["50%"]) < 2.5 * error
    assert here.models is not None
    assert set(here.models.notation[0].split(" + ")) == {
        t.strip() for t in there["top_models"][0]["model_formula"].removeprefix("~").split("+") if ":" in t
    }
    for row in there["inter_probs"]:
        if ":" in row["term"]:
            assert here.interactions[row["term"]] == pytest.approx(row["prob"], abs=0.13)
    assert here.observed == 5670 - 684
    assert any("upper bound" in note for note in here.notes)
    assert here.draws.min() >= here.observed
    assert here.strata is not None
    np.testing.assert_array_equal(here.strata.draws.sum(axis=1), here.draws)


@pytest.mark.slow
def test_the_censored_scottish_table_has_a_second_hump():
    here = scotland(window=1e-4)
    assert here.diagnostics["boundary_weight"] < 0.02
    assert 1 - here.interactions["S1:S3"] == pytest.approx(0.05, abs=0.03)
    low = here.draws < 18_500
    assert low.mean() == pytest.approx(0.045, abs=0.025)
    there = record("scotland-pwid-2006-4 censored")
    assert abs(here.draws[~low].mean() - there["mean"]) < 2.5 * monte_carlo_error(there)


def test_it_says_what_is_missing_and_is_the_same_for_any_number_of_workers(tmp_path):
    rng = np.random.default_rng(3)
    counts = rng.poisson(30, size=(3, 7))
    counts[1, [3, 4, 5, 6]] = 0
    counts[2] = rng.poisson(4, size=7)
    table = CaptureTable.from_arrays("ABC", counts, strata={"sex": ("f", "m", "?")}, name="small")
    spec = StrataAverageSpec(draws=400, missing={"C": {"sex": "m"}}, unknown={"sex": "?"})
    one = estimate(table, spec, seed=2, compute=Compute(workers=1))
    two = estimate(table, spec, seed=2, compute=Compute(workers=2))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert any("C is missing in m" in note for note in one.notes)
    assert any("missing label" in note for note in one.notes)
    assert one.strata is not None
    assert one.strata.flags[1].startswith("2 lists only")
    one.save(tmp_path / "p.nc")
    assert Posterior.load(tmp_path / "p.nc").strata is not None
    assert one.draws.min() >= table.observed


def test_wrong_options_are_named_at_once():
    with pytest.raises(ModelError) as caught:
        StrataAverageSpec(sd=0, max_order=0, window=2, draws=1)
    assert len(caught.value.problems) == 4


def test_a_stratum_without_any_list_is_refused():
    """With a prior there is always a number; here it would be the prior's alone."""
    table = CaptureTable.from_arrays("ABC", [[20] * 7, [0] * 7], strata={"year": ("1", "2")})
    missing = {name: {"year": "2"} for name in "ABC"}
    with pytest.raises(ModelError, match="not identifiable in 2"):
        estimate(table, StrataAverageSpec(missing=missing), seed=0)
