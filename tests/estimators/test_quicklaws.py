"""What makes shrinkage quick leaves its laws what they are: starts, points left out, four draws at once."""

import numpy as np
import pytest

import mse
from mse.estimators.shrinkage.scales import make_grid, priors_of, terms_upto
from mse.estimators.shrinkage.unseen import FINE, counted, towards_rasch, unseen_laws, weights
from mse.kernels.rungs import sample_rung
from mse.kernels.shrinking import Shrinkage, fit_shrunk
from mse.tables.captures import CaptureTable

GRID = make_grid((0.05, 0.2), (0.25, 0.5), (0.03,), 4, (0.0, 0.4, 0.8, 1.2))


def prior_at(priors, g):
    return Shrinkage(priors.precision[g], priors.common[g], priors.first, priors.last, priors.log_normaliser[g])


def test_a_mode_is_the_same_wherever_it_is_looked_for_from():
    """Points start from their neighbours' modes, carried on; each alone starts from nothing."""
    table = mse.load_table("kosovo-1999-4")
    seen = counted(*table.dense())
    priors = priors_of(GRID, terms_upto(4, 4), 3.0)
    laws = unseen_laws(seen, priors, GRID, FINE._replace(negligible=-1.0, tolerance=1e-18))
    assert laws.failed == 0 and all(len(x) == 0 for x in laws.nodes)
    for g, tau in enumerate(GRID.visibility):
        alone = fit_shrunk(towards_rasch(seen, float(tau)), priors.terms, prior_at(priors, g), np.zeros(16), 1e-18)
        assert (laws.mode[g], laws.variance[g], laws.log_evidence[g]) == pytest.approx(alone[1:4], rel=1e-8)


def test_points_that_are_left_out_weigh_less_than_a_millionth():
    """Persons without differences, and weak interactions: a wide spread of visibility is out of the question."""
    on = (np.arange(1, 16)[:, None] >> np.arange(4)) & 1
    counts = np.rint(40_000 * np.where(on, 0.2, 0.8).prod(axis=1))
    seen = counted(*CaptureTable.from_arrays("ABCD", counts).dense())
    grid = make_grid((0.01, 0.02), (0.25, 0.5), (0.0,), 4, (0.0, 1.2))
    priors = priors_of(grid, terms_upto(4, 4), 3.0)
    some, every = (unseen_laws(seen, priors, grid, FINE._replace(negligible=x)) for x in (FINE.negligible, np.inf))
    out = np.array([len(x) == 0 for x in some.nodes])
    assert out[grid.visibility == 1.2].all() and all(len(x) for x in every.nodes)
    assert weights(every, grid)[out].sum() < 1e-6
    for a, b in zip(some.log_density, every.log_density, strict=True):
        assert len(a) == 0 or a == pytest.approx(b, abs=1e-6)


def test_four_draws_at_once_are_four_draws():
    """Weights of draws and of their mirror images by plain formulas, one cell known by an upper bound only."""
    table = mse.load_table("hepatitis-taiwan-3")
    counts, cells = table.dense()
    bounds = np.full(8, -1.0)
    bounds[5] = 30.0
    seen = counted(counts, cells, bounds)._replace(offset=towards_rasch(counted(counts, cells), 0.8).offset)
    priors = priors_of(make_grid((0.2,), (0.5,), (0.1,), 3), terms_upto(3, 3), 3.0)
    prior = prior_at(priors, 0)
    mode = fit_shrunk(seen, priors.terms, prior, np.zeros(8), 1e-12)[0]
    normals = np.random.default_rng(1).standard_normal((6, 8))
    found, failed = sample_rung(seen, priors.terms, prior, mode, normals)

    bits = np.array([[(int(t) & cell).bit_count() for t in priors.terms] for cell in range(8)])
    design = (-1.0) ** bits

    def minus_log(beta):
        eta = design @ beta + seen.offset
        value = 0.5 * (priors.precision[0] @ beta**2) - 0.5 * prior.common * beta[prior.first : prior.last].sum() ** 2
        for cell in range(1, 8):
            if cell == 5:
                k = np.arange(31)
                value -= np.logaddexp.reduce(k * eta[5] - np.cumsum(np.log(np.maximum(k, 1)))) - np.exp(eta[5])
            else:
                value -= counts[cell] * eta[cell] - np.exp(eta[cell])
        return value

    step = 1e-4
    eye = np.eye(8) * step
    hessian = np.array([
        [minus_log(mode + a + b) - minus_log(mode + a - b) - minus_log(mode - a + b) + minus_log(mode - a - b)
         for a in eye] for b in eye
    ]) / (4 * step**2)  # fmt: skip
    upper = np.linalg.cholesky(hessian).T
    along = np.linalg.solve(upper.T, np.ones(8))
    along /= np.linalg.norm(along)
    z = normals - np.outer(normals @ along, along)
    steps = np.linalg.solve(upper, z.T).T
    told = [minus_log(mode) - minus_log(mode + sign * s) + 0.5 * (x @ x)
            for sign in (1.0, -1.0) for s, x in zip(steps, z, strict=True)]  # fmt: skip
    assert not failed
    assert found == pytest.approx(told, abs=1e-3)
