"""Decomposable graphs by quadrature over n0: against sums over every integer, at any number of persons."""

import math
from pathlib import Path

import numpy as np
import pytest

from mse.estimators.averages.decomposable import geometric_grid, law_of
from mse.kernels.graphpanels import posterior_by_panels
from mse.kernels.graphs import Graphs, Grid, decomposable_graphs, posterior_on, without_complete
from mse.kernels.panelcells import gauss_legendre, place
from mse.tables.captures import CaptureTable
from tests.twins.graphs import every_integer

ROOT = Path(__file__).resolve().parents[2]


def counts_of(name):
    return np.append(0.0, CaptureTable.from_csv(ROOT / "data" / name / "table.csv").counts.sum(axis=0))


def independent(persons, chances):
    """Return expected counts of lists that are independent, rounded."""
    on = (np.arange(2 ** len(chances))[:, None] >> np.arange(len(chances))) & 1
    counts = np.rint(persons * np.where(on, chances, 1 - np.array(chances)).prod(axis=1))
    counts[0] = 0.0
    return counts


@pytest.mark.parametrize(
    ("name", "delta", "prior"),
    [("kosovo-1999-4", 1 / 16, {}), ("spina-bifida-3", 1 / 8, {}), ("western-us-5", 1 / 32, {}),
     ("hiv-rome-4", 0.5, {"shape": 4.0, "scale": 2500.0})],
)  # fmt: skip
def test_panels_equal_a_sum_over_every_integer(name, delta, prior):
    counts = counts_of(name)
    graphs = without_complete(decomposable_graphs(int(math.log2(len(counts)))))
    found = posterior_by_panels(counts, graphs, delta, limit=60_000, **prior)
    every = posterior_on(counts, graphs, delta, every_integer(0, 60_000), **prior)
    np.testing.assert_allclose(found.weights, every.weights, rtol=1e-8, atol=1e-12)
    assert found.log_evidence == pytest.approx(every.log_evidence, abs=1e-9)
    heavy = every.weights > 1e-9
    np.testing.assert_allclose(found.means[heavy], every.means[heavy], rtol=1e-8)
    np.testing.assert_allclose(found.log_sds[heavy], every.log_sds[heavy], rtol=1e-7)
    assert 0.0 <= found.dropped < 1e-15
    ends = found.grid.unseen + (found.grid.widths - 1) / 2
    reached = np.cumsum(every.mass)[ends.astype(int)]
    np.testing.assert_allclose(np.cumsum(found.mass), reached, atol=3e-6)


@pytest.mark.parametrize("persons", [1e4, 1e6, 1e8])
def test_cost_and_error_do_not_grow_with_persons(persons):
    counts = independent(persons, (0.2, 0.3, 0.25))
    graphs = without_complete(decomposable_graphs(3))
    found = posterior_by_panels(counts, graphs, 1 / 8, limit=10**8)
    assert found.mass.size < 12_000
    true = 0.8 * 0.7 * 0.75 * persons
    sd = math.sqrt(true) * 3
    width = max(1, 2 * (int(sd / 200) // 2) + 1)
    middles = np.arange(max(true - 30 * sd, 0) // 1 + width // 2, true + 60 * sd, width)
    around = posterior_on(counts, graphs, 1 / 8, Grid(middles, np.full(len(middles), float(width))))
    np.testing.assert_allclose(found.weights, around.weights, atol=1e-6)
    assert found.log_evidence == pytest.approx(around.log_evidence, abs=1e-5)
    levels = [0.025, 0.5, 0.975]
    gap = law_of(found, 0).quantile(levels) - law_of(around, 0).quantile(levels)
    assert np.abs(gap).max() < 0.02 * sd + 2


def test_a_narrow_peak_between_nodes_is_found():
    """Two graphs whose peaks are far apart and narrow: each weighs what its evidence alone says."""
    counts = independent(3e6, (0.3, 0.3, 0.3))
    counts[3] = round(1.005 * counts[3])
    graphs = without_complete(decomposable_graphs(3))
    found = posterior_by_panels(counts, graphs, 1 / 8)
    alone = np.array([
        posterior_by_panels(counts, Graphs(3, *(x[g : g + 1] for x in graphs[1:])), 1 / 8).log_evidence
        for g in range(len(graphs.edges))
    ])  # fmt: skip
    weights = np.exp(alone - alone.max())
    assert np.ptp(found.means) > 1000
    np.testing.assert_allclose(found.weights, weights / weights.sum(), rtol=1e-7, atol=1e-14)


@pytest.mark.parametrize(("first", "last"), [(5, 5), (16, 31), (128, 255), (4096, 8191), (10**7, 2 * 10**7 - 1)])
def test_the_rule_sums_whole_numbers(first, last):
    """Σ n^-3 over the counts of a panel, which falls like a tail of the posterior."""
    unseen, weights = np.empty(16), np.empty(16)
    place(gauss_legendre(), first, last, unseen, weights)
    exact = math.fsum(float(n) ** -3 for n in range(first, min(last, first + 300_000) + 1))
    if last - first > 300_000:
        exact = 0.5 * ((first - 0.5) ** -2.0 - (last + 0.5) ** -2.0)
    assert weights @ unseen**-3.0 == pytest.approx(exact, rel=1e-10)


def test_a_limit_ends_the_panels():
    counts = counts_of("western-us-5")
    graphs = without_complete(decomposable_graphs(5))
    found = posterior_by_panels(counts, graphs, 1 / 32, limit=5000)
    every = posterior_on(counts, graphs, 1 / 32, every_integer(0, 5000))
    assert found.grid.unseen[-1] + (found.grid.widths[-1] - 1) / 2 == 5000
    assert found.log_evidence == pytest.approx(every.log_evidence, abs=1e-9)
    assert found.beyond_end == pytest.approx(every.beyond_end, rel=0.01)


@pytest.mark.slow
def test_seven_lists():
    counts = counts_of("new-orleans-8-n185")
    counts = counts[:128] + counts[128:]
    counts[0] = 0.0
    graphs = without_complete(decomposable_graphs(7))
    found = posterior_by_panels(counts, graphs, 1 / 128)
    plain = posterior_on(counts, graphs, 1 / 128, geometric_grid(10**5, 100))
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(found.weights, plain.weights, atol=1e-7)
