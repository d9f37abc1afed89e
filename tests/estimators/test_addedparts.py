"""Tables that are added up: fewer draws for each, the same sum; and the law of departures between its knots."""

import numpy as np
import pytest

from mse import MseError, estimate
from mse.answers.departing import departed
from mse.computing.parallel import Compute
from mse.estimators.averages import averaging
from mse.estimators.averages.averaging import AverageSpec
from mse.estimators.averages.decomposable import geometric_grid
from mse.kernels.studentmixture import mixed_student_cdf
from mse.tables.captures import CaptureTable
from tests.twins.graphs import every_integer

ONE = Compute(workers=1)


def strata(number: int) -> CaptureTable:
    """Return strata of three lists, some 100 persons each."""
    counts = np.random.default_rng(3).poisson([40, 35, 12, 30, 11, 9, 4], size=(number, 7))
    return CaptureTable.from_arrays("ABC", counts, strata={"part": [str(i) for i in range(number)]})


def test_a_part_of_a_sum_has_the_law_of_a_table_of_its_own():
    table = strata(1).collapse()
    alone = averaging.estimate(table, AverageSpec(), seed=1, compute=ONE)
    part = averaging.estimate_part(table, AverageSpec(), seed=1, compute=ONE)
    ends = (0.025, 0.5, 0.975)
    assert part.distribution.quantile(ends) == pytest.approx(alone.distribution.quantile(ends), rel=0.02)
    assert alone.models is not None and part.models is None


def test_a_sum_is_held_against_sums_and_lists_no_models():
    found = estimate(strata(3), "average", by=["part"], seed=1, compute=ONE)
    assert found.models is None and {"disagreement", "narrower"} <= set(found.verdict.checked)
    again = estimate(strata(3), "average", by=["part"], seed=1, compute=Compute(workers=2))
    assert np.array_equal(found.draws, again.draws) and found.verdict == again.verdict


@pytest.mark.parametrize(("sd", "scale", "upper"), [(0.02, 0.1, 0.4), (0.3, 0.2, 0.2), (1.0, 0.3, 0.1)])
def test_departures_between_knots_are_those_at_every_count(sd, scale, upper):
    unseen = np.sort(np.random.default_rng(1).normal(6.0, sd, 400))
    law = departed(unseen, 500, 0.1, scale, upper)
    exact = mixed_student_cdf(np.log(law.values - 500 + 1.0) - 0.1, unseen, scale, upper)
    assert np.abs(law.cdf - exact).max() < 1e-4


def test_shorter_grids_are_the_beginning_of_longer_ones():
    for last in (7, 99, 100, 12_345):
        grid = geometric_grid(last, 50)
        ends = grid.unseen + (grid.widths - 1) / 2
        assert ends[-1] >= last > (ends[-2] if len(ends) > 1 else -1)
        assert np.array_equal(np.cumsum(grid.widths) - 1, ends)
    assert np.array_equal(geometric_grid(30, 50).unseen, every_integer(0, 30).unseen)


def test_strata_shared_out_over_processes_have_the_same_sum(tmp_path):
    table = strata(44)
    alone = estimate(table, "average", by=["part"], corrected=0.0, seed=1, compute=ONE)
    both = estimate(table, "average", by=["part"], corrected=0.0, seed=1, compute=Compute(workers=2))
    kept = Compute(workers=1, folder=tmp_path)
    first, again = (estimate(table, "average", by=["part"], corrected=0.0, seed=1, compute=kept) for _ in range(2))
    for found in (both, first, again):
        assert np.array_equal(alone.draws, found.draws) and alone.verdict == found.verdict
        assert alone.diagnostics == found.diagnostics and alone.assumptions == found.assumptions
    assert len(list(tmp_path.glob("*.chunk"))) == 5


def test_a_stratum_without_an_answer_is_named_when_work_is_shared():
    counts = np.tile([40, 35, 12, 30, 11, 9, 4], (45, 1))
    counts[7] = [40, 35, 0, 30, 0, 0, 0]
    table = CaptureTable.from_arrays("ABC", counts, strata={"part": [str(i) for i in range(45)]})
    with pytest.raises(MseError, match="part 7"):
        estimate(table, "loglinear", by=["part"], compute=Compute(workers=2))
