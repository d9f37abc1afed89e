"""The Rasch model that interactions are shrunk towards, and what departures do to an answer by shrinkage."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from benchmarks.truthkinds import membership, simulate_truth
from mse.assess.calibrated import calibrated, is_learned
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.shrinkage.scales import make_grid
from mse.estimators.shrinkage.shrinkage import law_of_log_n
from mse.estimators.shrinkage.shrinkspec import ShrinkageSpec, largest_term
from mse.estimators.shrinkage.unseen import counted, towards_rasch
from mse.kernels.visibility import rasch_offset
from mse.methods import run_method
from mse.shipped import load_table
from mse.tables.captures import CaptureTable

ONE = Compute(workers=1)


def plain_cells(tau, b):
    """Cell probabilities of the Rasch model, each by quadrature."""
    out = []
    for on in membership(len(b)):

        def density(z, on=on):
            p = 1.0 / (1.0 + np.exp(-(b + tau * z)))
            return float(np.prod(np.where(on, p, 1.0 - p)) * stats.norm.pdf(z))

        out.append(integrate.quad(density, -9, 9)[0])
    return np.array(out)


@pytest.mark.parametrize("tau", [0.3, 0.8, 1.5])
def test_offsets_are_what_visibility_does_beyond_main_effects(tau):
    b = np.array([-1.0, -2.0, 0.2, -0.5])
    share = plain_cells(tau, b)
    covers = share @ membership(4)
    offset = rasch_offset(tau, covers)
    assert offset[0] == 0.0
    assert np.log(share) - np.log(share[0]) == pytest.approx(membership(4) @ b + offset, abs=2e-4)


def test_no_spread_is_no_offset_and_order_of_lists_does_not_matter():
    assert rasch_offset(1e-9, np.array([0.1, 0.3, 0.2])) == pytest.approx(
        [math.log(1.0)] * 8, abs=1e-6
    )  # fmt: skip
    one, other = rasch_offset(0.9, np.array([0.1, 0.3])), rasch_offset(0.9, np.array([0.3, 0.1]))
    assert one == pytest.approx(other)
    assert one[1] == one[2]


def test_offsets_of_a_table_follow_its_own_covers():
    """On the expected counts of a Rasch model the main effects with its offsets give its N back."""
    size, tau, b = 50_000, 0.9, np.array([-1.5, -2.0, -1.2, -0.8])
    counts = np.concatenate([[0.0], size * plain_cells(tau, b)[1:]])
    seen = counted(counts, (np.arange(16) > 0).astype(float))
    assert towards_rasch(seen, 0.0) is seen
    offset = towards_rasch(seen, tau).offset
    assert offset == pytest.approx(rasch_offset(tau, plain_cells(tau, b) @ membership(4)), abs=5e-3)


def test_a_population_of_persons_who_differ_is_not_taken_for_one_of_equals():
    towards = {"rasch": ShrinkageSpec(), "independence": ShrinkageSpec(visibility=(0.0,))}
    errors = {name: [] for name in towards}
    for seed in range(8):
        truth = simulate_truth("sparse heterogeneity", 4, seed=seed)
        for name, spec in towards.items():
            errors[name].append(math.log(float(law_of_log_n(truth.table, spec).quantile(0.5)) / truth.size))
    assert np.median(errors["independence"]) < np.median(errors["rasch"]) - 0.05 < 0.1


def test_the_term_of_all_lists_is_in_by_default_and_widens():
    assert [largest_term(k, ShrinkageSpec()) for k in (2, 3, 5, 8, 9)] == [2, 3, 5, 8, 2]
    assert largest_term(5, ShrinkageSpec(saturated=False)) == 4
    table = load_table("scotland-hcv-2009-4")
    with_it, without = (law_of_log_n(table, ShrinkageSpec(saturated=x)) for x in (True, False))
    width = [float(np.log(law.quantile(0.975) / law.quantile(0.025))) for law in (with_it, without)]
    assert width[0] > 1.2 * width[1]


def test_the_grid_has_every_visibility_with_every_scale():
    grid = make_grid((0.1, 0.2), (0.5,), (0.03,), 4, (0.8, 0.0))
    assert len(grid) == 4 and np.exp(grid.log_prior).sum() == pytest.approx(1.0)
    assert grid.visibility.tolist() == [0.0, 0.0, 0.8, 0.8]
    with pytest.raises(MseError, match="visibility"):
        ShrinkageSpec(visibility=())


def test_shrinkage_with_departures_is_wider_and_hardly_moved():
    table = load_table("casanare-colombia-6").collapse()
    plain = run_method(table, "shrinkage", seed=1, compute=ONE)
    assert is_learned(plain)
    wide = calibrated(plain, table)
    assert wide.diagnostics["departure_middle"] == 0.0
    assert 0 < wide.diagnostics["departure_scale"] == wide.diagnostics["departure_upper"] < 1
    low, middle, high = plain.quantile([0.025, 0.5, 0.975])
    wider = wide.distribution.quantile([0.025, 0.5, 0.975])
    assert wider[0] < low and wider[2] > high and abs(math.log(wider[1] / middle)) < 0.05
    assert "casanare-colombia-6" in str(wide.notes[0])


def test_lists_in_another_order_give_the_same_law():
    table = load_table("kosovo-1999-4")
    counts = np.zeros(16, dtype=np.int64)
    for h, n in enumerate(table.counts[0], start=1):
        counts[sum(1 << (3 - j) for j in range(4) if h >> j & 1)] = n
    turned = CaptureTable.from_arrays(table.lists[::-1], counts[1:])
    a, b = (law_of_log_n(x).quantile([0.1, 0.5, 0.9]) for x in (table, turned))
    assert a == pytest.approx(b, rel=1e-3)
