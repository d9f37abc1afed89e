"""The kernel of general designs against scipy's optimiser on the likelihood itself, and against its own algebra."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from mse.kernels.anydesign import CONVERGED, NO_MAXIMUM, SINGULAR, fit_design, functional_covariance, start_design
from mse.kernels.censoring import bounded
from mse.kernels.stratumcells import Rows, Seen, expected_counts


def rows_of(design):
    r, c = np.nonzero(design)
    return Rows(np.searchsorted(r, np.arange(len(design) + 1)).astype(np.int64), c.astype(np.int64), design[r, c])


def seen_of(counts, is_open=None, bounds=None, pools=()):
    counts = np.asarray(counts, dtype=float)
    starts = np.concatenate([[0], np.cumsum([len(p) for p, _ in pools])]).astype(np.int64)
    cells = np.array([g for p, _ in pools for g in p], dtype=np.int64)
    return Seen(
        np.ones(counts.size) if is_open is None else np.asarray(is_open, dtype=float),
        counts,
        np.full(counts.size, -1.0) if bounds is None else np.asarray(bounds, dtype=float),
        starts,
        cells,
        np.array([float(n) for _, n in pools]),
    )


def twin_log_likelihood(design, seen, beta):
    """The likelihood of the docstring, one cell at a time."""
    mu = np.exp(design @ beta)
    total = 0.0
    for g in range(len(mu)):
        if seen.open[g] == 0:
            continue
        if seen.bounds[g] >= 0:
            total += stats.poisson.logcdf(seen.bounds[g], mu[g])
        else:
            total += seen.counts[g] * math.log(mu[g]) - mu[g] - math.lgamma(seen.counts[g] + 1)
    for c, n in enumerate(seen.pool_counts):
        cells = seen.pool_cells[seen.pool_starts[c] : seen.pool_starts[c + 1]]
        total += n * math.log(mu[cells].sum()) - math.lgamma(n + 1)
    return total


def example(seed=3, columns=7):
    """A sum-to-zero and 0/1 mixture of columns on 48 cells, with counts."""
    rng = np.random.default_rng(seed)
    grid = np.array(list(itertools.product([0, 1], [0, 1], [0, 1], [0, 1], range(3))))
    design = np.stack(
        [np.ones(48), *grid[:, :4].T, grid[:, 4] == 1, np.where(grid[:, 4] == 2, 0.5, -1.0), grid[:, 0] * grid[:, 1]],
        axis=1,
    )[:, : columns + 1].astype(float)
    beta = np.concatenate([[2.5], rng.normal(0, 0.5, design.shape[1] - 1)])
    return design, rng.poisson(np.exp(design @ beta)).astype(float), rng


def fit(design, seen, precision=None, tolerance=1e-12):
    rows = rows_of(design)
    weight = np.zeros(design.shape[1]) if precision is None else precision
    return fit_design(rows, seen, weight, start_design(rows, seen, weight, 0.1), 100, tolerance)


def test_bounded_count_against_scipy_and_numerical_derivatives():
    for c, mu in itertools.product([0, 1, 7, 130], [0.01, 0.9, 5.0, 130.0, 900.0]):
        value, residual, weight, variance = bounded(float(c), math.log(mu))
        y = np.arange(c + 1)
        logs = stats.poisson.logpmf(y, mu)
        below = special.logsumexp(logs)  # scipy's own logcdf underflows at c = 0, mean 900
        assert value == pytest.approx(min(below, 0.0), rel=1e-9, abs=1e-12)
        mass = np.exp(logs - below)
        mean = mass @ y
        assert residual == pytest.approx(mean - mu, rel=1e-7, abs=1e-7)
        assert variance == pytest.approx(mass @ (y - mean) ** 2, rel=1e-5, abs=1e-6)
        assert weight == pytest.approx(mu - variance, rel=1e-9, abs=1e-9)


def test_a_bound_far_above_the_mean_says_nothing():
    assert bounded(100_000.0, 0.0) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("kind", ["plain", "hidden", "bounds", "pools", "overlapping pools", "prior"])
def test_the_maximum_is_that_of_a_general_optimiser(kind):
    """BFGS on the twin likelihood: same maximum, same curvature, for every kind of cell."""
    design, counts, rng = example()
    is_open, bounds, pools = np.ones(48), np.full(48, -1.0), []
    precision = np.zeros(design.shape[1])
    if kind in ("hidden", "bounds", "pools"):
        is_open[:5] = 0
        counts[:5] = 0
    if kind == "bounds":
        at = [10, 20, 30]
        bounds[at], counts[at] = counts[at] + 3, 0
    if kind == "pools":
        # a list that did not operate in a part of the table: the cells are known in pairs only
        for a in range(24, 36, 3):
            pools.append(([a, a + 12], counts[a] + counts[a + 12]))
            counts[[a, a + 12]] = 0
    if kind == "overlapping pools":
        # labels that are missing: beside the labelled persons stand others, in one of three cells
        for a in range(0, 48, 3):
            pools.append(([a, a + 1, a + 2], float(rng.poisson(4))))
    if kind == "prior":
        precision[1:] = 2.0
    seen = seen_of(counts, is_open, bounds, pools)
    got = fit(design, seen, precision)

    def minus(beta):
        return 0.5 * precision @ beta**2 - twin_log_likelihood(design, seen, beta)

    best = optimize.minimize(minus, got.beta + 0.05, method="BFGS", options={"gtol": 1e-6})
    assert got.status == CONVERGED
    assert minus(got.beta) <= best.fun + 1e-7
    np.testing.assert_allclose(got.beta, best.x, atol=2e-4)
    assert got.log_likelihood == pytest.approx(twin_log_likelihood(design, seen, got.beta), rel=1e-10)
    # curvature: second differences of the twin
    p, h = got.beta.size, 1e-3
    hessian = np.empty((p, p))
    unit = np.eye(p) * h
    for i, j in itertools.product(range(p), repeat=2):
        hessian[i, j] = sum(s * t * minus(got.beta + s * unit[i] + t * unit[j]) for s in (1, -1) for t in (1, -1)) / (
            4 * h * h
        )
    lower = np.tril(got.factor)
    np.testing.assert_allclose(lower @ lower.T, hessian, rtol=2e-3, atol=2e-3 * np.abs(hessian).max())
    assert got.log_determinant == pytest.approx(np.linalg.slogdet(lower @ lower.T)[1])


def test_the_score_is_zero_and_margins_are_reproduced():
    design, counts, _ = example()
    got = fit(design, seen_of(counts))
    np.testing.assert_allclose(design.T @ np.exp(got.eta), design.T @ counts, rtol=1e-8)


def test_the_e_step_keeps_persons():
    design, counts, _ = example()
    seen = seen_of(counts, pools=[([0, 1, 2], 10.0), ([2, 3], 5.0)])
    got = fit(design, seen)
    expected = expected_counts(seen, got.eta)
    assert expected.sum() == pytest.approx(counts.sum() + 15.0)
    assert np.all(expected >= counts)
    np.testing.assert_allclose(design.T @ np.exp(got.eta), design.T @ expected, rtol=1e-7)


def test_covariance_of_functionals_is_that_of_the_inverse():
    design, counts, rng = example()
    got = fit(design, seen_of(counts))
    directions = rng.normal(size=(4, design.shape[1]))
    lower = np.tril(got.factor)
    np.testing.assert_allclose(
        functional_covariance(got.factor, directions), directions @ np.linalg.inv(lower @ lower.T) @ directions.T
    )


def test_dependent_columns_and_runaway_coefficients_are_a_status():
    design, counts, _ = example()
    twice = np.concatenate([design, design[:, 1:2]], axis=1)
    assert fit(twice, seen_of(counts)).status == SINGULAR
    counts[design[:, 1] == 1] = 0
    assert fit(design, seen_of(counts)).status == NO_MAXIMUM


def test_order_of_cells_does_not_matter():
    design, counts, rng = example()
    order = rng.permutation(48)
    one, two = fit(design, seen_of(counts)), fit(design[order], seen_of(counts[order]))
    np.testing.assert_allclose(one.beta, two.beta, atol=1e-9)
    np.testing.assert_allclose(one.eta[order], two.eta, atol=1e-8)
