import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mse.answers.distribution import LOG_STEP, Distribution


def normal_mixture(parts, step=LOG_STEP):
    grid = np.arange(-2.0, 14.0, step)
    mass = sum(w * stats.norm.pdf(grid, mean, sd) for w, mean, sd in parts)
    return grid, mass


def test_poisson_mixture_against_direct_sum():
    """P(N <= x) is the Poisson cdf summed over the mixture, term by term."""
    grid, mass = normal_mixture([(1.0, 3.0, 0.3)], step=0.02)
    law = Distribution.poisson_mixture(100, grid, mass)
    for size in (105, 118, 120, 135, 160):
        direct = np.sum(mass * stats.poisson.cdf(size - 100, np.exp(grid))) / mass.sum()
        assert law.probability_below(size) == pytest.approx(direct, abs=1e-12)


@pytest.mark.parametrize("middle", [-3.0, 2.0, 7.0, 10.8, 12.0])
def test_poisson_mixture_on_both_sides_of_where_laws_are_summed(middle):
    """Means up to `LARGEST_SUMMED` and those beyond: the whole cdf, as the Poisson cdf of every mean gives it."""
    grid = np.linspace(middle - 0.6, middle + 0.6, 61)
    mass = np.exp(-0.5 * ((grid - middle) / 0.2) ** 2)
    law = Distribution.poisson_mixture(7, grid, mass)
    at = np.unique(np.linspace(0, len(law.values) - 1, 200).astype(int))
    direct = stats.poisson.cdf(law.values[at, None] - 7, np.exp(grid)) @ mass / mass.sum()
    np.testing.assert_allclose(law.cdf[at], direct, atol=1e-12)


def test_poisson_mixture_for_large_counts():
    grid, mass = normal_mixture([(0.5, 9.0, 0.1), (0.5, 11.0, 0.2)])
    law = Distribution.poisson_mixture(2744, grid, mass)
    rng = np.random.default_rng(1)
    which = rng.random(400_000) < 0.5
    unseen = rng.poisson(np.exp(np.where(which, rng.normal(9, 0.1, 400_000), rng.normal(11, 0.2, 400_000))))
    for q in (0.025, 0.25, 0.75, 0.975):
        assert law.probability_below(2744 + np.quantile(unseen, q)) == pytest.approx(q, abs=0.003)
    assert law.mean() == pytest.approx(2744 + unseen.mean(), rel=0.005)


def test_nobody_unseen():
    law = Distribution.poisson_mixture(50, np.array([-9.0, -8.9]), np.array([1.0, 1.0]))
    assert law.quantile(0.5) == pytest.approx(50, abs=0.5)
    assert law.probability_below(50) > 0.999


def test_lognormal_quantiles_are_the_closed_form():
    law = Distribution.lognormal(1000, 400.0, 0.3)
    for q in (0.001, 0.025, 0.5, 0.9, 0.975):
        assert law.quantile(q) == pytest.approx(1000 + 400 * np.exp(0.3 * stats.norm.ppf(q)), rel=1e-6)


def test_lognormal_without_spread_is_a_point():
    law = Distribution.lognormal(10, 0.0, 0.5)
    assert law.quantile([0.1, 0.9]).tolist() == [10.0, 10.0]
    assert len(law.humps()) == 1


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 0.5), st.floats(4.0, 10.0), st.integers(0, 10_000))
def test_invariants(sd, mean, observed):
    grid, mass = normal_mixture([(1.0, mean, sd)], step=0.01)
    law = Distribution.poisson_mixture(observed, grid, mass)
    assert np.all(np.diff(law.values) > 0) and np.all(np.diff(law.cdf) >= 0)
    assert law.values[0] >= observed and law.beyond < 1e-9
    q = law.quantile([0.025, 0.5, 0.975])
    assert q[0] <= q[1] <= q[2]
    assert len(law.humps()) == 1 and law.humps()[0].weight == pytest.approx(1.0)


def test_humps_hold_their_weight():
    grid, mass = normal_mixture([(0.3, 9.0, 0.1), (0.7, 10.0, 0.1)])
    humps = Distribution.poisson_mixture(2744, grid, mass).humps()
    assert [h.weight for h in humps] == pytest.approx([0.3, 0.7], abs=0.01)
    assert humps[0].peak == pytest.approx(2744 + np.exp(9.0), rel=0.02)
    assert humps[1].peak == pytest.approx(2744 + np.exp(10.0), rel=0.02)
    assert humps[0].high == humps[1].low


def test_light_hump_joins_its_neighbour():
    grid, mass = normal_mixture([(0.02, 7.0, 0.1), (0.98, 10.0, 0.1)])
    assert len(Distribution.poisson_mixture(0, grid, mass).humps(least_weight=0.05)) == 1


def test_draws_follow_the_law():
    grid, mass = normal_mixture([(0.4, 6.0, 0.2), (0.6, 8.0, 0.3)])
    law = Distribution.poisson_mixture(500, grid, mass)
    draws = law.draw(20_000, np.random.default_rng(3))
    assert draws.dtype == np.int64 and draws.min() >= 500
    for q in (0.1, 0.5, 0.9):
        assert law.probability_below(np.quantile(draws, q)) == pytest.approx(q, abs=4 * np.sqrt(q * (1 - q) / 20_000))


def test_density_integrates_to_one():
    grid, mass = normal_mixture([(1.0, 8.0, 0.3)])
    sizes, density = Distribution.poisson_mixture(500, grid, mass).density()
    assert np.trapezoid(density, np.log(sizes)) == pytest.approx(1.0, abs=0.02)


def test_arrays_are_read_only():
    law = Distribution.lognormal(10, 5.0, 0.5)
    with pytest.raises(ValueError, match="read-only"):
        law.values[0] = 1.0
