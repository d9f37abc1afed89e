"""Existence on general designs, against the linear programmes of the log-linear estimator and against brute force."""

import numpy as np
import pytest

import mse
from mse.estimators.single.existence import Existence
from mse.estimators.single.fitted import fit_model
from mse.estimators.stratified.faces import estimable, face, independent
from mse.estimators.stratified.formulas import parse_formula
from mse.estimators.stratified.opencells import build_cells
from mse.estimators.stratified.stratumfit import fit_strata
from mse.tables.captures import CaptureTable
from mse.terms import Model, candidates, model_of
from tests.twins.loglinear import all_masks


@pytest.mark.parametrize("name", ["artificial-3", "kosovo-1999-4", "western-us-5", "new-orleans-5-n185", "uk-2013-5"])
def test_status_and_n_are_those_of_the_log_linear_estimator(name):
    """Every model of three and four lists, a sample of those of five: same existence, same N where there is one.

    Where nobody is on any of a model's pairs the two say the same in other words: the log-linear estimator fits the
    extended estimate, and so does this one.
    """
    table = mse.load_table(name)
    subsets = candidates(table.n_lists)
    masks = all_masks(subsets)
    if masks.size > 120:
        masks = masks[np.random.default_rng(1).choice(masks.size, 60, replace=False)]
    cells = build_cells(table)
    kinds = set()
    for mask in masks:
        model = model_of(int(mask), subsets, table.n_lists)
        old, new = fit_model(table, model), fit_strata(cells, model)
        kinds.add(old.existence)
        if old.existence is Existence.FINE:
            assert new.status == ("ok",), model
            assert new.total == pytest.approx(old.N, rel=1e-6), model
            assert new.se == pytest.approx(old.se, rel=1e-5), model
            assert new.bic == pytest.approx(old.bic), model
        elif old.existence is Existence.NO_MLE and old.limit == "settles":
            # the likelihood has no maximum, and yet every way up leads to one N: here that is an estimate
            assert new.total == pytest.approx(old.limit_N, rel=1e-4), model
        else:
            assert new.status[0] in ("no MLE", "not identifiable"), model
    assert Existence.FINE in kinds or name == "artificial-3"


def test_the_face_is_that_of_brute_force():
    """Against Newton's method left to run: cells whose mean falls without end are those that the programme finds."""
    from tests.kernels.test_design import fit, seen_of

    rng = np.random.default_rng(4)
    found = 0
    for _ in range(40):
        design = np.concatenate([np.ones((14, 1)), rng.integers(0, 2, size=(14, 4))], axis=1).astype(float)
        design = design[:, independent(design)]
        counts = rng.poisson(0.7, 14).astype(float)
        if not counts.any():
            continue
        keep = face(design, counts > 0)
        found += not keep.all()
        mu = np.exp(fit(design, seen_of(counts), tolerance=0.0).eta)
        assert np.all(mu[~keep] < 1e-4)
        assert np.all(mu[keep] > 1e-4)
    assert found > 5


def test_independent_columns_and_estimable_rows():
    design = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0]], dtype=float)
    np.testing.assert_array_equal(independent(design), [True, True, False, False])
    targets = np.array([[2, 1, 1, 0], [1, 0, 0, 0], [1, 0, 1, 1]], dtype=float)
    np.testing.assert_array_equal(estimable(design, targets), [True, False, False])


def test_a_stratum_without_overlap_is_told_from_one_that_is_open():
    """Own pair terms in a stratum where two lists operate leave it open; where no overlap was seen there is no MLE."""
    counts = np.array([[50, 40, 12, 30, 9, 8, 3], [20, 15, 0, 9, 0, 0, 0]])
    table = CaptureTable.from_arrays("ABC", counts, strata={"form": ("x", "y")})
    cells = build_cells(table)
    apart = fit_strata(cells, parse_formula("~ (A + B + C)*form", cells.names, cells.sizes))
    assert apart.status[0] == "ok"
    assert apart.status[1] == "no MLE"
    counts[1] = [20, 15, 4, 0, 0, 0, 0]
    blind = CaptureTable.from_arrays("ABC", counts, strata={"form": ("x", "y")}).blind("C", {"form": "y"})
    cells = build_cells(blind)
    two = fit_strata(cells, parse_formula("~ (A + B + C)*form", cells.names, cells.sizes))
    assert two.status == ("ok", "ok")  # Lincoln-Petersen
    assert two.N[1] == pytest.approx(24 * 19 / 4)
    three = fit_strata(cells, parse_formula("~ (A + B + C)*form + A*B*form", cells.names, cells.sizes))
    assert three.status == ("ok", "not identifiable")
    assert np.isnan(three.N[1]) and np.isfinite(three.N[0])


def test_models_are_values_over_lists_and_covariates():
    assert parse_formula("~ A*x", ("A", "B", "x"), (2, 2, 3)) == Model(3, (0b101,))
