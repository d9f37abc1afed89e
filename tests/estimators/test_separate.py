"""A method applied to each stratum on its own: parts are those of the parts, and add up."""

import numpy as np
import pytest

import mse
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.tables.captures import CaptureTable

TABLE = mse.load_table("scotland-pwid-2006-4")


def test_parts_are_those_of_the_parts():
    whole = mse.estimate(TABLE, "decomposable", by=["Gender"], seed=3)
    assert whole.observed == TABLE.observed and whole.table_digest == TABLE.digest
    others = [dim for dim in TABLE.strata if dim != "Gender"]
    for index, level in enumerate(TABLE.strata["Gender"]):
        part = mse.estimate(TABLE.collapse(*others).part({"Gender": level}), "decomposable", seed=0)
        assert whole.strata.point[index] == part.point
        low, high = np.quantile(whole.strata.draws[:, index], [0.025, 0.975])
        np.testing.assert_allclose([low, high], part.quantile([0.025, 0.975]), rtol=0.03)


def test_parts_add_up_and_the_total_is_narrower_than_the_sum_of_the_ends():
    whole = mse.estimate(TABLE, "decomposable", by=["Region", "Gender"], seed=3)
    assert (whole.strata.draws.sum(axis=1) == whole.draws).all()
    estimate = whole.summary(0.95)
    parts = whole.strata.to_pandas(prob=0.95)
    assert parts["low"].sum() < estimate.low < estimate.point < estimate.high < parts["high"].sum()
    assert whole.verdict is not None and "disagreement" in whole.verdict.checked


def test_the_order_of_the_names_does_not_matter_nor_do_the_workers():
    one = mse.estimate(TABLE, "decomposable", by=["Region", "Gender"], seed=3, compute=Compute(1))
    other = mse.estimate(TABLE, "decomposable", by=["Gender", "Region"], seed=3, compute=Compute(2))
    np.testing.assert_array_equal(one.draws, other.draws)


def test_a_maximum_likelihood_total_is_the_sum_of_the_parts():
    whole = mse.estimate(TABLE, "loglinear", by=["Gender"], seed=3)
    assert whole.point == pytest.approx(whole.strata.point.sum())


@pytest.mark.parametrize("by", [["Planet"], ["Gender", "Gender"], [], "Gender", [3]])
def test_bad_names(by):
    with pytest.raises(ModelError, match="by|covariate"):
        mse.estimate(TABLE, "decomposable", by=by)


def test_every_stratum_without_an_estimate_is_named():
    counts = np.zeros((3, 7), dtype=np.int64)
    counts[0] = [30, 20, 9, 25, 8, 7, 3]
    counts[1, [0, 1, 3]] = 5
    counts[2, [0, 1, 3]] = 4
    table = CaptureTable.from_arrays(["A", "B", "C"], counts, strata={"year": ["1", "2", "3"]})
    with pytest.raises(ModelError) as error:
        mse.estimate(table, "decomposable", by=["year"])
    said = str(error.value)
    assert "year 2" in said and "year 3" in said and "year 1" not in said and "pools strata" in said


def test_methods_with_covariates_take_no_by():
    with pytest.raises(ModelError, match="option is unknown"):
        mse.estimate(TABLE, "covariates", by=["Gender"])
