"""The average over models with covariates: against exact averaging and its own algebra; conting: test_conting.py."""

import numpy as np
import pytest

import mse
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.estimators.averages.averaging import AverageSpec
from mse.estimators.averages.averaging import estimate as average
from mse.estimators.stratified.opencells import build_cells
from mse.estimators.stratified.strataaverage import StrataAverageSpec, estimate
from mse.estimators.stratified.stratasearch import join_candidates
from mse.estimators.stratified.stratummodels import strata_models
from mse.tables.captures import CaptureTable


def test_columns_are_orthonormal_over_the_whole_product():
    cells = build_cells(mse.load_table("spina-bifida-3-ethnicity"))
    family = strata_models(cells, join_candidates(cells, 3))
    gram = family.matrix.T @ family.matrix
    np.testing.assert_allclose(gram, len(family.matrix) * np.eye(len(gram)), atol=1e-9)


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
    assert any("C is missing in m" in str(note) for note in one.notes)
    assert any("missing label" in str(note) for note in one.notes)
    assert one.strata is not None
    assert one.strata.flags[1][0].code == "flag.two_lists"
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
