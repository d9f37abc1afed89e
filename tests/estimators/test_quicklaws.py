"""What makes shrinkage quick leaves its laws what they are: starts, points left out, four draws at once."""

import numpy as np
import pytest

import mse
from mse.estimators.shrinkage.scales import make_grid, priors_of, terms_upto
from mse.estimators.shrinkage.unseen import FINE, counted, towards_rasch, unseen_laws, weights
from mse.kernels.importance import tail_shape
from mse.kernels.rungs import HEAVY, sample_laws, sample_rung
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
    assert not laws.failed.any() and not laws.lengths.any()
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
    out = some.lengths == 0
    assert out[grid.visibility == 1.2].all() and every.lengths.all()
    assert weights(every, grid)[out].sum() < 1e-6
    assert some.log_density == pytest.approx(every.log_density[np.repeat(~out, every.lengths)], abs=1e-6)


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
    found = np.full((2, 6), np.nan)
    first = sample_rung(seen, priors.terms, prior, mode, normals, 0, 4, found)
    assert np.isnan(found[:, 4:]).all()
    failed = first or sample_rung(seen, priors.terms, prior, mode, normals, 4, 6, found)

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
    assert found.ravel() == pytest.approx(told, abs=1e-3)


def drawn(tries, settled=0.0, least=0.0):
    """Two laws of a small table, drawn around with so many draws at first and so many afterwards, of 64."""
    seen = counted(*mse.load_table("hepatitis-taiwan-3").dense())
    grid = make_grid((0.1, 0.3), (0.5,), (0.1,), 3, (0.4,))
    priors = priors_of(grid, terms_upto(3, 3), 3.0)
    laws = unseen_laws(seen, priors, grid, FINE)
    normals = np.random.default_rng(2).standard_normal((64, 8))
    found = sample_laws(
        seen, towards_rasch(seen, 0.4).offset[None], np.zeros(2, dtype=np.int64), priors.terms, priors.first,
        priors.last, priors.precision, priors.common, laws.rungs, laws.log_density, laws.ends, np.full(2, 9.0),
        np.full(2, 0.5), normals, np.array(tries), settled, 4, -np.inf, least,
    )  # fmt: skip
    return laws, grid, priors, seen, normals, found


def test_draws_that_are_there_are_not_made_again():
    """Sixteen draws that do not settle the laws are the first of thirty-two; a tail too long takes all there are."""
    once, again = drawn((32,))[-1], drawn((16, 32))[-1]
    for a, b in zip(once, again, strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(once.log_ratio, drawn((16, 32), settled=np.inf)[-1].log_ratio)
    for a, b in zip(drawn((64,))[-1], drawn((16, 32), least=2.0)[-1], strict=True):
        assert np.array_equal(a, b)


def test_ratios_are_means_of_what_draws_weigh():
    laws, grid, priors, seen, normals, found = drawn((32,))
    assert not found.failed.any() and (0.0 < found.worth).all() and (found.worth <= 1.0).all()
    shifted = towards_rasch(seen, 0.4)
    for g in range(len(grid)):
        _, density = laws.of(g)
        rows = np.arange(len(laws.nodes))[laws.ends[g] - len(density) : laws.ends[g]]
        log_weight = np.full((len(density), 2, 32), np.nan)
        for i, row in enumerate(rows):
            sample_rung(shifted, priors.terms, prior_at(priors, g), laws.rungs[row], normals, 0, 32, log_weight[i])
        near = density >= density.max() - 9.0
        weight = np.exp(log_weight.reshape(len(density), 64))
        parts = [weight.mean(axis=1), *(weight[:, b::4].mean(axis=1) for b in range(4))]
        assert found.log_ratio[:, rows][:, near] == pytest.approx(np.log(parts)[:, near], abs=1e-12)
        ends = np.flatnonzero(near)[[0, -1]]
        assert (found.log_ratio[:, rows[: ends[0]]] == found.log_ratio[:, rows[[ends[0]]]]).all()
        assert (found.log_ratio[:, rows[ends[1] + 1 :]] == found.log_ratio[:, rows[[ends[1]]]]).all()
        lifted = density + found.log_ratio[0, rows]
        heavy = near & (lifted > lifted.max() - HEAVY)
        together = (np.exp(density - lifted.max())[:, None] * weight)[heavy].sum(axis=0)
        assert found.worth[g] == pytest.approx(together.sum() ** 2 / (64 * (together**2).sum()), rel=1e-12)
        assert found.pareto_k[g] == pytest.approx(tail_shape(np.log(together)), abs=1e-9)
