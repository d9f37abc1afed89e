"""Coordinates of the multilevel model and its designs four by four: what they stand for, whatever makes chains move."""

import numpy as np
import pytest

from mse.estimators.multilevel.fourbyfour import effects_of, four_by_four, matrix_of
from mse.estimators.multilevel.information import TYPICAL, left_over
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of
from mse.kernels.multilevel_model import (
    AREA,
    PAIR,
    PAIR_MEAN,
    SIZE_MEAN,
    effect_scales,
    horseshoe,
    narrowings,
    parameters_of,
    positive_values,
    unfold,
)
from mse.tables.captures import CaptureTable


def test_coordinates_stand_for_standard_normal_units():
    """What `parameters_of` makes of units is turned back into them, whatever the scales."""
    counts = np.random.default_rng(1).integers(0, 40, (3, 2, 7))
    strata = {"year": ("2017", "2018", "2019"), "form": ("x", "y")}
    table = CaptureTable.from_arrays("ABC", counts, strata=strata, name="six")
    design = design_of(table, MultilevelSpec(breaks={"2018-07": ["A"]}))
    model = design.model
    at = model.starts
    units = np.random.default_rng(4).normal(0.0, 1.5, design.n_parameters)
    x = parameters_of(model, units)
    found, room = x.copy(), np.empty((2, x.size))
    scales = effect_scales(model, positive_values(model, x))
    unfold(model, at[SIZE_MEAN], at[AREA], scales, x, room[0], found, room[1])
    own = narrowings(horseshoe(model, positive_values(model, x)), model.information[at[PAIR_MEAN] : at[PAIR]])
    found[at[PAIR_MEAN] : at[PAIR]] *= own
    np.testing.assert_allclose(found, units, atol=1e-12)
    assert model.scores.any()
    assert np.abs(x - units)[at[SIZE_MEAN] :].max() > 0.1


def test_what_is_left_of_one_effect_is_that_of_all_together():
    """With others at a typical scale, the mean of one is that of the joint normal law, whatever its own scale is."""
    rng = np.random.default_rng(6)
    root = rng.normal(size=(5, 3, 4))
    curvature, slopes = 9.0 * root @ root.transpose(0, 2, 1), rng.normal(0.0, 5.0, (5, 3))
    information, scores = left_over(curvature, slopes)
    for scale in (0.02, 0.3, 4.0):
        for i in range(3):
            precision = np.full(3, TYPICAL**-2)
            precision[i] = scale**-2
            together = np.linalg.inv(curvature + np.diag(precision))
            alone = 1.0 / (information[:, i] + scale**-2)
            np.testing.assert_allclose(alone, together[:, i, i], rtol=1e-9)
            np.testing.assert_allclose(alone * scores[:, i], np.einsum("sj,sj->s", together[:, i], slopes), rtol=1e-9)


@pytest.mark.parametrize("strata", [1, 4, 7])
def test_a_design_four_by_four_is_the_design(strata):
    matrix = np.random.default_rng(strata).normal(size=(strata, 9))
    matrix[:, 5:8] = np.eye(strata, 3)
    if strata > 4:
        matrix[1:, 8] = 0.0  # an eighth of the strata or more is broad
    np.testing.assert_array_equal(matrix_of(effects_of(matrix), 9), matrix)
    fours = four_by_four(matrix, first=2.0)
    assert fours.size == 9 * 4 * -(-strata // 4)
    assert fours.sum() == pytest.approx(matrix.sum() + 2.0 * (-strata % 4))
