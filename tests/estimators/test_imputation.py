"""Multiple imputation of missing labels: Rubin's rule by hand, persons kept, and agreement with the EM."""

import numpy as np
import pytest

from mse.errors import ModelError
from mse.estimators.stratified.formulas import parse_formula
from mse.estimators.stratified.imputation import complete, rubin
from mse.estimators.stratified.opencells import build_cells
from mse.estimators.stratified.stratumfit import fit_strata
from mse.estimators.stratified.withcovariates import CovariatesSpec, estimate
from mse.tables.captures import CaptureTable
from tests.estimators.test_covariates import drawn

DIMS = {"sex": ("f", "m"), "region": ("n", "s")}


def lost(share, seed=2, n=20_000):
    table = drawn(dims=DIMS, n=n)
    gone = np.random.default_rng(seed).binomial(table.counts, share).reshape(2, 2, -1)
    counts = np.concatenate([table.counts.reshape(2, 2, -1) - gone, gone.sum(axis=0, keepdims=True)])
    levels = {"sex": ("f", "m", "unknown"), "region": ("n", "s")}
    return table, CaptureTable.from_arrays("ABCD", counts.reshape(6, -1), strata=levels, name="lost")


def test_rubins_rule_by_hand():
    found = rubin(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, 0.8]))
    assert found.mean == pytest.approx(2.0)
    assert found.between == pytest.approx(1.0)
    assert found.variance == pytest.approx(0.6 + 4 / 3)
    assert found.df == pytest.approx(2 * (1 + 0.6 / (4 / 3)) ** 2)
    assert rubin(np.ones(3), np.ones(3)).df == np.inf


def test_completed_tables_hold_everybody_and_the_labels_that_were_known():
    _, wide = lost(0.3)
    cells = build_cells(wide, unknown={"sex": "unknown"})
    fit = fit_strata(cells, parse_formula("~ (A + B + C + D)*sex*region", cells.names, cells.sizes))
    full = complete(cells, fit, np.random.default_rng(0))
    assert full.certain.sum() == wide.observed
    assert full.unlabelled == 0
    assert np.all(full.seen.counts >= cells.seen.counts)


def test_a_missing_list_and_a_missing_label_at_once_keep_everybody():
    seen_by_all = [[50, 40, 12, 30, 9, 8, 3], [45, 30, 10, 20, 7, 8, 3], [4, 3, 1, 2, 0, 1, 0]]
    without_c = [[20, 12, 5, 0, 0, 0, 0], [22, 16, 6, 0, 0, 0, 0], [3, 2, 2, 0, 0, 0, 0]]
    counts = np.array([row for pair in zip(seen_by_all, without_c, strict=True) for row in pair])
    table = CaptureTable.from_arrays(
        "ABC", counts, strata={"sex": ("f", "m", "?"), "year": ("1", "2")}, name="both"
    ).without("C", {"year": "2"})
    cells = build_cells(table, unknown={"sex": "?"})
    fit = fit_strata(cells, parse_formula("~ (A + B + C)*sex + year", cells.names, cells.sizes))
    assert fit.status == ("ok",) * 4
    full = complete(cells, fit, np.random.default_rng(1))
    assert full.certain.sum() == table.observed
    assert cells.certain.sum() + cells.unlabelled == table.observed


def test_imputation_and_em_agree_and_both_find_the_full_table():
    table, wide = lost(0.25)
    formula = "~ (A + B + C + D)*sex*region"
    unknown = {"sex": "unknown"}
    em = estimate(wide, CovariatesSpec(formula=formula, interval="lognormal", unknown=unknown), seed=1)
    many = estimate(
        wide, CovariatesSpec(formula=formula, interval="imputation", imputations=15, unknown=unknown), seed=1
    )
    full = estimate(table, CovariatesSpec(formula=formula, interval="lognormal"), seed=1)
    assert em.strata is not None and many.strata is not None and full.strata is not None
    se = np.sqrt(np.diag(em.strata.covariance))
    np.testing.assert_array_less(np.abs(many.strata.point - em.strata.point), se)
    np.testing.assert_allclose(np.sqrt(np.diag(many.strata.covariance)), se, rtol=0.25)
    np.testing.assert_array_less(np.abs(em.strata.point - full.strata.point), 2 * se)
    # what is not known cannot make the answer sharper
    assert np.all(se > np.sqrt(np.diag(full.strata.covariance)) * 0.98)
    np.testing.assert_array_equal(many.strata.draws.sum(axis=1), many.draws)
    assert "multiple imputation" in str(many.point_kind)
    assert any("Rubin" in citation for citation in many.citations)


def test_imputation_without_anything_missing_is_refused():
    with pytest.raises(ModelError, match="nothing is said to be missing"):
        CovariatesSpec(interval="imputation")
