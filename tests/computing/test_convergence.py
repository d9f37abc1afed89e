"""R-hat and effective sizes are those of ArviZ."""

import math

import numpy as np
import pytest

from mse.computing.convergence import ess_bulk, ess_mean, ess_tail, rhat


def chains(count, length, phi, seed):
    rng = np.random.default_rng(seed)
    x, noise = np.zeros((count, length)), rng.normal(size=(count, length))
    for i in range(1, length):
        x[:, i] = phi * x[:, i - 1] + noise[:, i]
    return x


@pytest.mark.parametrize("shape", [(4, 1000), (4, 1001), (2, 50), (8, 400), (3, 5), (2, 7), (2, 11), (1, 300)])
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.95, 0.99, -0.7, -0.95])
@pytest.mark.parametrize("transform", [lambda x: x, np.exp, np.round], ids=["as they are", "skewed", "with ties"])
def test_equal_to_arviz(shape, phi, transform):
    stats = pytest.importorskip("arviz_stats.base").array_stats
    x = transform(chains(*shape, phi, seed=4))
    axes = {"chain_axis": 0, "draw_axis": 1}
    if shape[0] > 1:
        assert rhat(x) == pytest.approx(float(stats.rhat(x, method="rank", **axes)), rel=1e-9)
    assert ess_bulk(x) == pytest.approx(float(stats.ess(x, method="bulk", **axes)), rel=1e-9)
    assert ess_tail(x) == pytest.approx(float(stats.ess(x, method="tail", prob=(0.05, 0.95), **axes)), rel=1e-9)
    assert ess_mean(x) == pytest.approx(float(stats.ess(x, method="mean", **axes)), rel=1e-9)


def test_chains_that_stand_apart_are_told():
    x = chains(4, 500, 0.3, seed=1)
    assert rhat(x) < 1.01
    x[0] += 3.0
    assert rhat(x) > 1.3 and ess_bulk(x) < 30


def test_chains_of_other_spread_are_told():
    x = chains(4, 2000, 0.0, seed=1)
    x[0] *= 4.0
    assert rhat(x) > 1.1


@pytest.mark.parametrize("draws", [np.zeros((4, 3)), np.full((4, 100), np.nan), np.zeros(0)])
def test_too_few_or_broken_draws_give_no_number(draws):
    assert all(math.isnan(f(draws)) for f in (rhat, ess_bulk, ess_tail, ess_mean))


def test_chains_that_stand_still():
    x = np.ones((4, 100))
    assert rhat(x) == 1.0 and ess_bulk(x) == 400
    assert rhat(np.repeat([[0.0], [1.0]], 50, axis=1)) == math.inf
    assert math.isnan(rhat(x[:1]))
