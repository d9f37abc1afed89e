"""The Dutch method on the public Dutch tables, and on simulated registers with covariates."""

import numpy as np
import pytest

import mse
from mse.errors import ModelError
from mse.estimators.stratified.dutch import DutchSpec, estimate
from mse.tables.captures import CaptureTable
from mse.words.said import said


def test_the_six_list_table_gives_what_bic_over_all_models_of_pairs_gives():
    """43,585, the figure that selection by BIC with ln(persons) is known to give on this table."""
    posterior = estimate(mse.load_table("netherlands-2010-2015-6"), DutchSpec(replicates=40), seed=1)
    assert posterior.point == pytest.approx(43_585, abs=1)
    assert posterior.method == "dutch-method"
    assert "conditional on the selected model" in str(posterior.point_kind)
    assert said("source.model") in posterior.outside


def test_the_merged_five_list_version():
    """I and O as one list: 46,331 on the long walk. The direct one is caught in a local minimum, at 121,522."""
    six, five = mse.load_table("netherlands-2010-2015-6"), mse.load_table("netherlands-2010-2015-5")
    merged = six.merge_lists({"IO": ["I", "O"]}).select(*five.lists)
    long = estimate(merged, DutchSpec(replicates=40), seed=1)
    assert long.point == pytest.approx(46_331, abs=1)
    direct = estimate(five, DutchSpec(replicates=40, walk="direct"), seed=1)
    assert direct.point == pytest.approx(121_522, abs=1)
    assert direct.diagnostics["bic"] > long.diagnostics["bic"]


@pytest.mark.slow
def test_lists_by_year_sex_age_nationality_and_form():
    """96 strata, 6,048 cells, known truth: the walk ends, parts add up, and the truth is in the interval."""
    from benchmarks.design import problem

    table = problem(seed=3)
    posterior = estimate(table, DutchSpec(replicates=200), seed=1)
    assert posterior.strata is not None
    assert tuple(posterior.strata.dimensions) == ("year", "sex", "age", "nationality", "form")
    np.testing.assert_array_equal(posterior.strata.draws.sum(axis=1), posterior.draws)
    frame = posterior.strata.to_pandas("year", "form", prob=0.95)
    assert len(frame) == 12
    low, high = posterior.quantile([0.0005, 0.9995])
    assert low < 12_000 < high


def test_two_lists_are_refused():
    table = CaptureTable.from_arrays("AB", [10, 12, 3])
    with pytest.raises(ModelError, match="three lists or more"):
        estimate(table, DutchSpec(), seed=0)
    with pytest.raises(ModelError, match="too few replicates"):
        DutchSpec(replicates=3)
