"""Kernels that replaced slower ones: each against the plain formula that it stands for."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaincc

import mse
from mse.estimators.shrinkage.scales import make_grid, priors_of, terms_upto
from mse.estimators.shrinkage.unseen import FINE, counted, towards_rasch, unseen_laws
from mse.kernels.importance import smooth_weights, tail_shape
from mse.kernels.lawgrid import noisy_quantiles
from mse.kernels.mixture import add_normals
from mse.kernels.poissonmixture import large_poisson_cdf, mixed_cdf, mixed_poisson, poisson_probability
from mse.kernels.shrinking import Shrinkage, fit_shrunk
from mse.kernels.shrunklaw import ladder


@pytest.mark.parametrize("bounded", [False, True])
def test_laws_side_by_side_are_the_laws_one_by_one(bounded):
    """Seven points, so that lanes are left over; with a cell known by an upper bound only, and one that is none."""
    counts, cells = mse.load_table("kosovo-1999-4").dense()
    bounds = np.full(16, -1.0)
    if bounded:
        bounds[5], cells[9] = 40.0, 0.0
    seen = counted(counts, cells, bounds)
    grid = make_grid((0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), (0.5,), (0.1,), 4, (0.4,))
    priors = priors_of(grid, terms_upto(4, 4), 3.0)
    laws = unseen_laws(seen, priors, grid, FINE._replace(negligible=np.inf, tolerance=1e-12))
    assert not laws.failed.any()
    shifted = towards_rasch(seen, 0.4)
    for g in range(len(grid)):
        prior = Shrinkage(
            priors.precision[g], priors.common[g], priors.first, priors.last, priors.log_normaliser[g]
        )  # fmt: skip
        mode, _, variance, _, failed = fit_shrunk(shifted, priors.terms, prior, np.zeros(16), 1e-16)
        alone = ladder(shifted, priors.terms, prior, mode, math.sqrt(variance), FINE.spacing, FINE.depth, 1e-12)
        assert not failed and not alone.failed
        assert laws.variance[g] == pytest.approx(variance, rel=1e-5)
        nodes, density = laws.of(g)
        n = min(len(alone.nodes), len(nodes))
        low, other = np.argmin(np.abs(alone.nodes - mode.sum())), np.argmin(np.abs(nodes - mode.sum()))
        first = min(low, other)
        a = slice(low - first, low - first + n - abs(low - other))
        b = slice(other - first, other - first + n - abs(low - other))
        assert nodes[b] == pytest.approx(alone.nodes[a], abs=1e-5)
        assert density[b] == pytest.approx(alone.log_density[a], abs=1e-5)
    assert laws.rungs.sum(axis=1) == pytest.approx(laws.nodes, abs=1e-9)


def test_more_terms_than_lanes_hold_go_the_other_way_to_the_same_laws(monkeypatch):
    seen = counted(*mse.load_table("kosovo-1999-4").dense())
    grid = make_grid((0.1, 0.3, 0.5), (0.5,), (0.1,), 4, (0.0, 0.4))
    priors = priors_of(grid, terms_upto(4, 4), 3.0)
    effort = FINE._replace(tolerance=1e-12)
    lanes = unseen_laws(seen, priors, grid, effort)
    monkeypatch.setattr("mse.kernels.shrunklaw.LARGEST", 0)
    other = unseen_laws(seen, priors, grid, effort)
    assert other.log_evidence == pytest.approx(lanes.log_evidence, abs=1e-6)
    assert other.mode == pytest.approx(lanes.mode, abs=1e-5)
    assert not other.failed.any() and not lanes.failed.any()


def test_poisson_probabilities():
    for mean in (0.02, 3.0, 15.9, 900.0, 4e4):
        for count in {0, 1, 15, 16, 17, int(mean), int(mean + 5 * math.sqrt(mean)), int(mean * 1.5)}:
            told = stats.poisson.pmf(count, mean)
            assert poisson_probability(count, mean) == pytest.approx(told, rel=1e-9, abs=1e-300)
    means, mass = np.exp(np.arange(-3.0, 8.0, 0.05)), np.full(220, 1 / 220)
    found = mixed_poisson(means, mass)
    told = (stats.poisson.pmf(np.arange(len(found))[:, None], means) * mass).sum(axis=1)
    assert found == pytest.approx(told, abs=1e-13)


def test_the_expansion_for_large_counts():
    for count in (20_000.0, 60_000.0, 400_000.0):
        means = count + np.linspace(-9, 9, 37) * math.sqrt(count)
        found = [large_poisson_cdf(count, mean) for mean in means]
        assert found == pytest.approx(gammaincc(count + 1.0, means), abs=1e-12)
    means, mass = np.exp(np.arange(11.0, 12.5, 0.0025)), np.full(600, 1 / 600)
    counts = np.rint(np.geomspace(5e4, 4e5, 50))
    told = (gammaincc(counts[:, None] + 1.0, means) * mass).sum(axis=1)
    assert mixed_cdf(counts, means, mass) == pytest.approx(told, abs=1e-11)


def test_quantiles_of_a_noisy_mixture():
    means, mass = np.geomspace(30.0, 4000.0, 60), np.full(60, 1 / 60)
    q = np.array([0.001, 0.025, 0.5, 0.975, 0.999])
    found = noisy_quantiles(q, means, mass)
    for wanted, size in zip(q, found, strict=True):
        shape = size + 1.0
        z = 3.0 * np.sqrt(shape) * (np.cbrt(means / shape) - 1.0 + 1.0 / (9.0 * shape))
        assert float(stats.norm.cdf(-z) @ mass) == pytest.approx(wanted, abs=1e-9)


def test_the_tail_alone_is_sorted():
    raw = np.random.default_rng(1).standard_t(3, 4001)
    assert tail_shape(raw) == pytest.approx(smooth_weights(raw.copy()), rel=1e-12)


def test_fine_cells_of_a_normal_component():
    mass = np.zeros(2000)
    add_normals(mass, -1.0, 0.002, np.array([0.7]), np.array([1.1]), np.array([0.2]))
    edges = -1.0 + 0.002 * (np.arange(2001) - 0.5)
    assert mass == pytest.approx(0.7 * np.diff(stats.norm.cdf(edges, 1.1, 0.2)), abs=1e-15)


@pytest.mark.parametrize("middle", [-1.4, -0.6, 2.8, 3.3])
def test_what_falls_off_the_grid_stands_in_its_end_cells(middle):
    mass = np.zeros(2000)
    add_normals(mass, -1.0, 0.002, np.array([0.7]), np.array([middle]), np.array([0.2]))
    edges = np.concatenate([[-np.inf], -1.0 + 0.002 * (np.arange(1, 2000) - 0.5), [np.inf]])
    assert mass == pytest.approx(0.7 * np.diff(stats.norm.cdf(edges, middle, 0.2)), abs=1e-13)
