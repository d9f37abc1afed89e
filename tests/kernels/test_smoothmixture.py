"""Poisson laws mixed over a smooth density, and Student's t over places: each against the plain sum."""

import numpy as np
import pytest
from scipy import stats

from mse.answers.distribution import Distribution
from mse.kernels.lawdraws import whole_counts
from mse.kernels.smoothmixture import smooth_poisson_cdf, width_of
from mse.kernels.studentmixture import departed_cdf, mixed_student_cdf


def density(parts, step, low=-20.0, high=20.0):
    grid = np.arange(low, high, step)
    mass = sum(weight * stats.norm.pdf(grid, mean, sd) for weight, mean, sd in parts) * step
    kept = np.flatnonzero(mass > 1e-17)
    return grid[kept[0] : kept[-1] + 1], mass[kept[0] : kept[-1] + 1]


@pytest.mark.parametrize(
    "parts",
    [
        [(1.0, 1.0, 1.0)], [(1.0, 6.0, 0.5)], [(0.5, 3.0, 0.3), (0.5, 10.0, 0.4)], [(0.8, 11.0, 0.1), (0.2, 11.5, 0.2)],
        [(1.0, 13.0, 0.6)],
    ],
)  # fmt: skip
def test_the_cdf_is_that_of_every_mean(parts):
    grid, mass = density(parts, 0.01)
    law = Distribution.smooth_mixture(7, grid, mass)
    at = np.unique(np.linspace(0, len(law.values) - 1, 150).astype(int))
    fine, every = density(parts, 0.001)
    direct = stats.poisson.cdf(law.values[at, None] - 7, np.exp(fine)) @ every / every.sum()
    np.testing.assert_allclose(law.cdf[at], direct, atol=2e-6)
    assert np.all(np.diff(law.cdf) >= 0.0) and law.cdf[-1] == pytest.approx(1.0, abs=1e-9)


def test_width_is_the_standard_deviation_of_a_normal_law():
    _, mass = density([(1.0, 0.0, 0.3)], 0.005)
    assert width_of(mass) == pytest.approx(60.0, rel=1e-3)
    assert width_of(np.full(10, 0.1)) == 0.0


@pytest.mark.parametrize(
    ("parts", "step"),
    [([(1.0, 8.0, 0.02)], 0.01), ([(1.0, 18.4, 0.001)], 0.0001)],
    ids=["rough", "narrower than the noise"],
)
def test_what_is_not_smooth_is_summed_over_its_points(parts, step):
    grid, mass = density(parts, step)
    found, plain = Distribution.smooth_mixture(3, grid, mass), Distribution.poisson_mixture(3, grid, mass)
    np.testing.assert_array_equal(found.values, plain.values)
    np.testing.assert_allclose(found.cdf, plain.cdf, atol=1e-12)


@pytest.mark.parametrize("middle", [1.0, 6.5, 8.0, 12.0])
def test_a_rough_density_is_that_of_its_points_as_far_as_draws_tell(middle):
    """Ten thousand draws on a grid: exact where counts are few, and within what another draw of them changes beyond."""
    grid = np.arange(middle - 3.0, middle + 3.0, 0.0025)
    drawn = np.random.default_rng(1).normal(middle, 0.5, 10_000)
    mass = np.bincount(np.searchsorted(grid, drawn), minlength=len(grid)).astype(np.float64)
    found, plain = Distribution.sampled_mixture(5, grid, mass), Distribution.poisson_mixture(5, grid, mass)
    np.testing.assert_array_equal(found.values, plain.values)
    few = found.values <= 2005
    np.testing.assert_allclose(found.cdf[few], plain.cdf[few], atol=1e-12)
    np.testing.assert_allclose(found.cdf, plain.cdf, atol=1e-3)
    assert np.all(np.diff(found.cdf) >= 0.0)


def test_one_mean_is_a_poisson_law():
    law = Distribution.smooth_mixture(10, np.array([2.0]), np.array([1.0]))
    assert law.probability_below(17.0) == pytest.approx(stats.poisson.cdf(7, np.exp(2.0)), abs=1e-12)


def test_counts_that_begin_above_those_that_are_summed():
    grid, mass = density([(1.0, 12.0, 0.3)], 0.01)
    counts = np.rint(np.exp(np.linspace(11.0, 13.0, 20)))
    found = smooth_poisson_cdf(counts, grid[0], 0.01, mass / mass.sum(), 0.3)
    noisy = np.sqrt(0.09 + np.exp(-12.0))
    assert found == pytest.approx(stats.norm.cdf(np.log(counts), 12.0, noisy), abs=1e-4)


@pytest.mark.parametrize(("sd", "scale", "upper"), [(0.02, 0.1, 0.4), (0.5, 0.4, 0.37), (2.0, 0.2, 0.2)])
def test_departures_between_knots_that_thin_out(sd, scale, upper):
    places = np.sort(np.random.default_rng(1).normal(6.0, sd, 400))
    logs = np.log(np.arange(1.0, 1e5, 7.0))
    exact = mixed_student_cdf(logs, places, scale, upper)
    assert departed_cdf(logs, places, scale, upper, 12.0) == pytest.approx(exact, abs=1e-4)
    few = logs[::3000]
    assert departed_cdf(few, places, scale, upper, 12.0) == pytest.approx(exact[::3000], abs=1e-12)


@pytest.mark.parametrize(("start", "end"), [(0.0, 7.0), (0.0, 1000.0), (0.0, 2.5e5), (5000.0, 9000.0)])
def test_whole_counts_are_every_one_and_then_apart(start, end):
    found, last = whole_counts(start, end, 0.0025), min(end, max(start, 1000.0))
    steps = int(np.ceil(np.log(end / last) / 0.0025))
    coarse = np.rint(np.geomspace(last, end, steps + 1))
    told = np.unique(np.concatenate([np.arange(start, last + 1.0), coarse]))
    assert np.abs(found - told).max() <= 1.0 and (found[0], found[-1]) == (start, end)
    assert np.all(np.diff(found) > 0.0)


def test_few_quantiles_are_those_of_many():
    law = Distribution.smooth_mixture(7, *density([(1.0, 6.0, 0.5)], 0.01))
    shares = np.linspace(0.0, 1.0, 120)
    one_by_one = [float(law.quantile(float(q))) for q in shares]
    assert one_by_one == law.quantile(shares).tolist()
    assert one_by_one[30:60] == law.quantile(shares[30:60]).tolist()
