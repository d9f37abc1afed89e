"""Decomposable graphs: enumeration and posterior against the slow twin, against dga, and by invariants."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gammaln

from mse.estimators.averages.decomposable import (
    geometric_grid,
    law_of,
)
from mse.kernels import graphs as kernel
from mse.kernels.graphpanels import posterior_by_panels
from mse.kernels.graphs import Graphs, Grid, decomposable_graphs, posterior_on, without_complete
from mse.tables.captures import CaptureTable
from tests.twins import graphs as twin
from tests.twins.graphs import every_integer

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "dga" / "bma_cr.json").read_text())


def unseen_quantiles(found, probabilities):
    return law_of(found, 0).quantile(probabilities)


def jeffreys(total):
    return -np.log(total)


def negative_binomial(shape, scale):
    def log_prior(total):
        value = gammaln(total + shape) - gammaln(total + 1) - gammaln(shape)
        return value - total * np.log1p(1 / scale) - shape * np.log1p(scale)

    return log_prior


def random_counts(n_lists, seed, mean=8.0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean * rng.gamma(0.7, 1.0, 2**n_lists)).astype(float)
    counts[0], counts[1] = 0.0, 3.0
    return counts


def counts_of(name):
    collapsed = name.removesuffix("-ethnicity-collapsed")
    folder = f"{collapsed}-ethnicity" if collapsed != name else name
    table = CaptureTable.from_csv(ROOT / "data" / folder / "table.csv")
    return np.concatenate([[0.0], table.counts.sum(axis=0)])


# --- enumeration -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_lists", "number"), [(2, 2), (3, 8), (4, 61), (5, 822), (6, 18154)])
def test_number_of_graphs(n_lists, number):
    graphs = decomposable_graphs(n_lists)
    assert graphs.edges.size == number == np.unique(graphs.edges).size
    assert graphs.cliques[-1].tolist() == [2**n_lists - 1] + [0] * (n_lists - 1)  # complete, last
    assert without_complete(graphs).edges.size == number - 1


@pytest.mark.slow
def test_number_of_graphs_on_seven_lists():
    assert decomposable_graphs(7).edges.size == 617675


@pytest.mark.parametrize("n_lists", [1, 8])
def test_no_graphs_beyond_the_reach(n_lists):
    with pytest.raises(ValueError, match="2 to 7 lists"):
        decomposable_graphs(n_lists)


@pytest.mark.parametrize("n_lists", [2, 3, 4, 5])
def test_graphs_equal_twin(n_lists):
    graphs = decomposable_graphs(n_lists)
    plain = twin.all_graphs(n_lists)
    pairs = [frozenset(map(int, p)) for p in kernel.edge_pairs(n_lists)]
    assert len(plain) == graphs.edges.size
    for g, (edges, cliques, separators) in enumerate(plain):
        assert {p for e, p in enumerate(pairs) if graphs.edges[g] >> e & 1} == edges
        assert Counter(graphs.cliques[g][graphs.cliques[g] > 0].tolist()) == Counter(map(twin.bits, cliques))
        ours = Counter(graphs.separators[g].tolist())
        theirs = Counter(map(twin.bits, separators)) + Counter({0: n_lists - 1 - len(separators)})
        assert ours == theirs


@pytest.mark.parametrize("n_lists", [4, 5])
def test_twin_agrees_with_the_definition_of_chordal(n_lists):
    pairs = [frozenset(map(int, p)) for p in kernel.edge_pairs(n_lists)]
    for mask in range(2 ** len(pairs)):
        edges = {p for e, p in enumerate(pairs) if mask >> e & 1}
        assert twin.is_decomposable(n_lists, edges) != twin.has_chordless_cycle(n_lists, edges)


# --- posterior against the twin --------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("n_lists", "delta", "prior"),
    [
        (2, 0.25, None), (3, 1.0, None), (3, 0.125, (13.14, 55.17)), (3, 0.01, None),
        (4, 0.0625, None), (4, 1.0, (0.7, 900.0)),
    ],
)  # fmt: skip
def test_posterior_equals_twin(n_lists, delta, prior, seed):
    counts = random_counts(n_lists, seed)
    grid = Grid(np.array([0.0, 1.0, 2.0, 5.0, 12.0, 40.0, 300.0, 70000.0]), np.array([1.0, 1, 1, 3, 7, 9, 11, 501]))
    shape, scale = prior or (0.0, math.inf)
    ours = posterior_on(counts, decomposable_graphs(n_lists), delta, grid, shape=shape, scale=scale)
    mass, weights, means, evidence = twin.posterior(
        counts, n_lists, delta, grid.unseen, grid.widths, twin.all_graphs(n_lists),
        negative_binomial(*prior) if prior else jeffreys,
    )  # fmt: skip
    np.testing.assert_allclose(ours.mass, mass, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(ours.weights, weights, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(ours.means, means, rtol=1e-9)
    assert ours.log_evidence == pytest.approx(evidence, abs=1e-10)


def test_spread_of_log_unseen_is_that_of_one_graph():
    counts, delta = random_counts(3, 5), 0.125
    graphs = decomposable_graphs(3)
    grid = every_integer(0, 2000)
    found = posterior_on(counts, graphs, delta, grid)
    for g in range(8):
        alone = Graphs(3, *(x[g : g + 1] for x in graphs[1:]))
        mass = posterior_on(counts, alone, delta, grid).mass
        logs = np.log(np.maximum(grid.unseen, 0.5))
        assert found.log_sds[g] == pytest.approx(math.sqrt(mass @ (logs - mass @ logs) ** 2), rel=1e-9)
        assert found.means[g] == pytest.approx(counts.sum() + mass @ grid.unseen, rel=1e-11)


@pytest.mark.parametrize("z", [16.5, 100.0, 3e4, 1e7, 3e9])
def test_gamma_step_keeps_its_digits(z):
    for steps in (1, 7, 300):
        if steps < z:
            expected = -math.fsum(math.log(z - k) for k in range(1, steps + 1))
            assert kernel.log_gamma_step(z, float(steps)) == pytest.approx(expected, rel=1e-13, abs=1e-12)


def test_exponentials_equal_numpy():
    values = np.linspace(-760.0, 20.0, kernel.BLOCK)
    powers, out = np.empty(kernel.BLOCK), np.empty(kernel.BLOCK)
    kernel.exponentials(values, 3.0, powers, powers.view(np.int64), out)
    np.testing.assert_allclose(out, np.exp(values - 3.0), rtol=2e-13, atol=1e-307)


# --- dga -------------------------------------------------------------------------------------------


def _record_id(record):
    return f"{record['dataset']}-{record.get('delta_label', record['call'][:28])}"


@pytest.mark.parametrize("record", GOLDEN, ids=_record_id)
def test_dga(record):
    """dga 2.0.2: whole grids from 1, complete graph in, quantile = first N whose cumulative mass reaches it.

    Its negative binomial with a = 13.14, b = 55.17 is a Poisson count whose mean is Gamma(shape a, scale b).
    """
    counts = counts_of(record["dataset"])
    observed, n_lists = counts.sum(), int(math.log2(counts.size))
    delta = record.get("delta", 1.0 if "delta=1," in record["call"] else 0.5)
    last = int(record["Nmissing"].split(",")[1]) if "Nmissing" in record else 300
    shape, scale = (13.14, 55.17) if "negative-binomial" in record["call"] else (0.0, math.inf)
    graphs = decomposable_graphs(n_lists)
    found = posterior_on(counts, graphs, delta, every_integer(1, last), shape=shape, scale=scale)

    assert found.mass @ (found.grid.unseen + observed) == pytest.approx(record["mean"], rel=1e-11)
    for key, q in {"q025": 0.025, "q10": 0.1, "median": 0.5, "q90": 0.9, "q975": 0.975}.items():
        if key in record:
            assert unseen_quantiles(found, q) + observed == record[key]
    if "mode" in record:
        assert found.grid.unseen[found.mass.argmax()] + observed == record["mode"]
        assert found.mass[-1] == pytest.approx(record["mass_at_max"], rel=1e-8, abs=found.dropped + 1e-24)
    if "pN_first20" in record:
        np.testing.assert_allclose(found.mass[:20], record["pN_first20"], rtol=1e-11)
        np.testing.assert_allclose(np.sort(found.weights), np.sort(record["model_weights"]), rtol=1e-11)

    names = record.get("lists") or [f"L{j + 1}" for j in range(n_lists)]
    by_cliques = {tuple(sorted(row[row > 0])): g for g, row in enumerate(graphs.cliques)}
    for model in record.get("top_models", record.get("top", [])):
        weight = float(model["weight"]) if not isinstance(model["weight"], str) else 0.0
        if weight > 1e-14:  # below that, most of what the graph has was skipped as negligible
            generators = model["model"].split(" S:")[0].removeprefix("C:{").removesuffix("}").split("}{")
            g = by_cliques[tuple(sorted(twin.bits(map(names.index, c.split(","))) for c in generators))]
            assert found.weights[g] == pytest.approx(weight, rel=1e-9)
            assert found.means[g] == pytest.approx(model.get("cond_mean_N", found.means[g]), rel=1e-10)


# --- invariants ------------------------------------------------------------------------------------


def test_relabelling_lists_changes_nothing():
    counts, order = random_counts(5, 3), [3, 0, 4, 1, 2]  # new list i is the old list order[i]
    moved = np.zeros_like(counts)
    for history in range(32):
        moved[sum(1 << i for i, j in enumerate(order) if history >> j & 1)] = counts[history]
    graphs, grid = decomposable_graphs(5), geometric_grid(10**5, 200)
    a, b = posterior_on(counts, graphs, 1 / 32, grid), posterior_on(moved, graphs, 1 / 32, grid)
    np.testing.assert_allclose(a.mass, b.mass, rtol=1e-9, atol=1e-20)
    np.testing.assert_allclose(np.sort(a.weights), np.sort(b.weights), rtol=1e-9, atol=1e-18)
    assert a.log_evidence == pytest.approx(b.log_evidence, abs=1e-10)


def test_weights_and_mass_sum_to_one_and_agree():
    counts, graphs = random_counts(5, 8), decomposable_graphs(5)
    found = posterior_on(counts, graphs, 1 / 32, geometric_grid(10**6, 300))
    assert found.mass.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    known = found.weights > 0
    mean = found.mass @ (found.grid.unseen + counts.sum())
    assert found.weights[known] @ found.means[known] == pytest.approx(mean, rel=1e-9)
    assert 0.0 <= found.dropped < 1e-15


def test_complete_graph_alone_is_the_dirichlet_multinomial():
    counts, delta = random_counts(4, 6), 0.3
    graphs = decomposable_graphs(4)
    complete = Graphs(4, *(x[-1:] for x in graphs[1:]))
    grid = every_integer(0, 5000)
    found = posterior_on(counts, complete, delta, grid)
    total = counts.sum() + grid.unseen
    log_mass = gammaln(grid.unseen + delta) - gammaln(grid.unseen + 1) + gammaln(total) - gammaln(total + 16 * delta)
    expected = np.exp(log_mass - log_mass.max())
    np.testing.assert_allclose(found.mass, expected / expected.sum(), rtol=1e-10)
    assert found.weights.tolist() == [1.0]


def test_a_list_apart_is_a_table_without_it_and_double_delta():
    """Marginals of the hyper-Dirichlet agree: dropping a list doubles the prior count of each cell."""
    counts, delta = random_counts(4, 9), 0.0625
    apart = Graphs(4, np.array([0]), np.array([[0b0111, 0b1000, 0, 0]]), np.zeros((1, 3), np.int64))
    whole = Graphs(3, np.array([7]), np.array([[0b111, 0, 0]]), np.zeros((1, 2), np.int64))
    without = counts[:8] + counts[8:]
    only, without[0] = without[0], 0.0  # persons on the dropped list alone are unseen now
    grid = every_integer(0, 400)
    four = np.log(posterior_on(counts, apart, delta, grid).mass)
    three = np.log(posterior_on(without, whole, 2 * delta, Grid(grid.unseen + only, grid.widths)).mass)
    alone = np.array([twin.log_factor(counts, 4, delta, (3,), n0) for n0 in grid.unseen])
    apart_only = gammaln(grid.unseen + only + 1) - gammaln(grid.unseen + 1)
    difference = four - three - alone - apart_only
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)


def test_what_is_skipped_is_less_than_its_bound():
    """A graph alone is never skipped near its own top, so its weight can be had without the cut."""
    counts = counts_of("new-orleans-5-n185")
    graphs, grid = decomposable_graphs(5), every_integer(0, 4000)
    found = posterior_on(counts, graphs, 0.5, grid)
    parts = [Graphs(5, *(x[g : g + 1] for x in graphs[1:])) for g in range(0, 822, 41)]
    for part in parts:
        alone = posterior_on(counts, part, 0.5, grid)
        g = int(np.flatnonzero(graphs.edges == part.edges[0])[0])
        weight = math.exp(alone.log_evidence - math.log(822) - found.log_evidence)
        assert abs(found.weights[g] - weight) <= found.dropped + 1e-9 * weight


# --- grids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("last", "resolution"), [(10, 5), (999, 50), (10**6, 50), (10**7, 1000)])
def test_cells_tile_the_whole_numbers(last, resolution):
    grid = geometric_grid(last, resolution)
    lower, upper = grid.unseen - (grid.widths - 1) / 2, grid.unseen + (grid.widths - 1) / 2
    assert lower[0] == 0 and upper[-1] >= last
    np.testing.assert_array_equal(lower[1:], upper[:-1] + 1)
    assert np.all(grid.widths[grid.unseen < 2 * resolution] == 1)
    assert np.all(grid.widths <= 1 + grid.unseen / resolution)


@pytest.mark.parametrize("name", ["uk-2013-5", "kosovo-1999-4", "western-us-5", "hiv-rome-4", "spina-bifida-3"])
def test_adaptive_grid_agrees_with_every_integer(name):
    counts = counts_of(name)
    n_lists = int(math.log2(counts.size))
    graphs = without_complete(decomposable_graphs(n_lists))
    fine = posterior_on(counts, graphs, 1 / counts.size, every_integer(0, 100_000))
    found = posterior_by_panels(counts, graphs, 1 / counts.size)
    probabilities = [0.01, 0.025, 0.1, 0.5, 0.9, 0.975, 0.99]
    a, b = unseen_quantiles(found, probabilities), unseen_quantiles(fine, probabilities)
    assert np.all(np.abs(a - b) <= 1 + a / 1000)
    np.testing.assert_allclose(found.weights, fine.weights, atol=5e-6)
    assert found.mass.size < 15_000 and found.beyond_end < 1e-6


def test_adaptive_grid_follows_a_narrow_posterior():
    """Three independent lists of half of four million: n0 is known to a few parts in a thousand."""
    counts = np.full(8, 500_000.0)
    counts[0] = 0.0
    found = posterior_by_panels(counts, without_complete(decomposable_graphs(3)), 0.125)
    assert 1 / np.square(found.mass).sum() > 100
    low, middle, high = unseen_quantiles(found, [0.025, 0.5, 0.975])
    assert middle == pytest.approx(500_000, rel=2e-3)
    assert 0.001 < (high - low) / middle < 0.02


def test_mass_beyond_a_grid_is_reported():
    counts = counts_of("western-us-5")
    graphs = without_complete(decomposable_graphs(5))
    long = posterior_on(counts, graphs, 1 / 32, geometric_grid(10**9, 1000))
    for last in (20_000, 100_000):
        found = posterior_on(counts, graphs, 1 / 32, every_integer(0, last))
        truth = long.mass[long.grid.unseen > last].sum()
        assert found.beyond_end == pytest.approx(truth, rel=0.5)
        assert found.end_density == pytest.approx(found.mass[-1], rel=1e-12)
        assert found.tail_exponent > 1.0


def test_a_tail_that_never_ends_is_infinite():
    """A flat prior on N and a complete graph with almost no prior count: nothing holds N down."""
    counts, graphs = random_counts(3, 4), decomposable_graphs(3)
    complete = Graphs(3, *(x[-1:] for x in graphs[1:]))
    found = posterior_on(counts, complete, 1e-6, geometric_grid(10**6, 100), shape=1.0)
    assert found.beyond_end == math.inf and found.tail_exponent < 1.0


def test_quantiles_within_a_wide_cell():
    found = posterior_on(random_counts(3, 1), decomposable_graphs(3), 0.125, geometric_grid(1000, 20))
    found = found._replace(mass=np.where(np.arange(found.mass.size) == found.mass.size - 1, 1.0, 0.0))
    middle, width = found.grid.unseen[-1], found.grid.widths[-1]
    assert width > 20
    low, centre, high = unseen_quantiles(found, [1e-9, 0.5, 1.0])
    assert (low, centre, high) == (middle - (width - 1) / 2, middle, middle + (width - 1) / 2)
