"""A method applied to each stratum on its own: parts are those of the parts, and add up."""

import numpy as np
import pytest

import mse
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.methods import run_method
from mse.tables.captures import CaptureTable
from mse.tables.levels import vague_levels

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


@pytest.mark.parametrize("vague", ["not known", "onbekend", "sexual + labour"])
@pytest.mark.parametrize("method", ["independence", "chao"])
def test_persons_whose_label_is_vague_are_carried_along(vague, method):
    counts = np.zeros((2, 3, 7), dtype=np.int64)
    counts[:, :2] = [30, 20, 9, 25, 8, 7, 3]
    counts[0, 2, [0, 1, 3]] = [6, 4, 2]
    forms = ["sexual", "labour", vague]
    table = CaptureTable.from_arrays(["A", "B", "C"], counts, strata={"year": ["1", "2"], "form": forms})
    found = run_method(table, method, seed=1, compute=Compute(1), by=["year", "form"])
    assert found.observed == table.observed and found.strata is not None
    known = np.array([True, True, False] * 2)
    share = found.strata.point[known].sum() / found.strata.observed[known].sum()
    assert found.strata.point[2] == pytest.approx(12 * share) and found.strata.observed[2] == 12
    assert found.strata.point[5] == 0 and any(note.code == "note.carried" for note in found.notes)
    assert [flag.code for flag in found.strata.flags[2]] == ["flag.no_estimate", "flag.carried"]


def test_which_levels_are_vague():
    levels = ["sexual", "labour", "sexual + labour", "Not known", "onbekend", "several", "other", "criminal"]
    assert vague_levels(levels) == {"sexual + labour", "Not known", "onbekend", "several"}
    assert vague_levels(["north", "north west", "2019", "2020"]) == set()
