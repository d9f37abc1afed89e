import itertools
import math
from functools import partial

import numpy as np
import pytest
from scipy.special import gammaln

from mse.estimators.modelspace.correcting import importance
from mse.estimators.modelspace.modelfamilies import Peak
from mse.kernels.batch import fit_models, terms_of
from mse.kernels.importance import information_factor, log_targets, smooth_weights
from mse.kernels.mixture import add_normals, add_points
from mse.kernels.newton import CONVERGED, cold_start, fit_loglinear
from mse.shipped import load_table
from mse.terms import Model, candidates, mask_of


def fitted(table, notation, precision=1.0):
    counts, cells = table.dense()
    model = Model.parse(notation, table.lists)
    terms = np.array(model.terms, dtype=np.int64)
    fit = fit_loglinear(counts, cells, terms, precision, cold_start(counts, cells, terms, precision), 100, 1e-12)
    assert fit.status == CONVERGED
    return counts, cells, terms, fit


def sampled(counts, cells, terms, fit, size, seed, precision=1.0):
    factor = information_factor(cells, terms, precision, fit.beta)
    target = partial(log_targets, counts, cells, terms, precision)
    return importance(Peak(fit.beta, factor, np.ones(len(terms)), target), size, np.random.default_rng(seed))


def log_posterior(counts, cells, terms, beta, precision=1.0):
    """Plain twin of the target: Poisson log likelihood with constants plus normal log prior; beta is (..., p)."""
    cell = np.flatnonzero(cells)
    signs = np.array([[(-1.0) ** int(t & c).bit_count() for t in terms] for c in cell])
    eta = beta @ signs.T
    value = eta @ counts[cell] - np.exp(eta).sum(-1) - gammaln(counts[cell] + 1).sum()
    prior = -0.5 * precision * (beta[..., 1:] ** 2).sum(-1)
    return value + prior + 0.5 * (len(terms) - 1) * math.log(precision / (2 * math.pi))


@pytest.mark.parametrize("counts", [(7.0, 5.0, 3.0), (40.0, 2.0, 1.0), (12.0, 9.0, 0.0)])
def test_evidence_is_the_integral(counts):
    """Two lists, independence: three coefficients, integrated on a fine grid."""
    counts = np.array([0.0, *counts])
    cells = np.array([0.0, 1.0, 1.0, 1.0])
    terms = np.array([0, 1, 2], dtype=np.int64)
    fit = fit_loglinear(counts, cells, terms, 1.0, cold_start(counts, cells, terms, 1.0), 100, 1e-12)
    axes = [np.linspace(-7, 7, 141) + centre for centre in fit.beta]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = log_posterior(counts, cells, terms, grid)
    exact = np.log(np.exp(values - values.max()).sum()) + values.max() + 3 * math.log(axes[0][1] - axes[0][0])
    drawn = sampled(counts, cells, terms, fit, 20_000, 5)
    assert fit.log_evidence + drawn.correction == pytest.approx(exact, abs=0.02)
    # The law of log n_0 is right as well, not only the constant.
    weight = np.exp(values - values.max())
    mean = (weight * grid.sum(-1)).sum() / weight.sum()
    assert np.exp(drawn.log_weight) @ drawn.betas.sum(axis=1) == pytest.approx(mean, abs=0.03)


@pytest.mark.parametrize(
    ("name", "notation"),
    [("kosovo-1999-4", "[123,14,34]"), ("western-us-5", "[15,45,2,3]"), ("uk-2013-5", "[123,25,34]")],
)
def test_evidence_against_a_plain_sampler(name, notation):
    """Twin: importance sampling in NumPy with a plain multivariate t of few degrees of freedom and many draws."""
    counts, cells, terms, fit = fitted(load_table(name), notation)
    p, nu, size = len(terms), 12.0, 40_000
    cell = np.flatnonzero(cells)
    signs = np.array([[(-1.0) ** int(t & c).bit_count() for t in terms] for c in cell])
    hessian = signs.T @ (np.exp(signs @ fit.beta)[:, None] * signs) + np.diag([0.0, *[1.0] * (p - 1)])
    root = np.linalg.inv(np.linalg.cholesky(hessian)).T * 1.1
    rng = np.random.default_rng(11)
    t = rng.standard_normal((size, p)) * np.sqrt(nu / rng.chisquare(nu, size))[:, None]
    log_q = (
        gammaln((nu + p) / 2) - gammaln(nu / 2) - p / 2 * math.log(nu * math.pi)
        - (nu + p) / 2 * np.log1p((t**2).sum(1) / nu) - np.log(np.abs(np.linalg.det(root)))
    )  # fmt: skip
    log_w = log_posterior(counts, cells, terms, fit.beta + t @ root.T) - log_q
    exact = np.log(np.exp(log_w - log_w.max()).mean()) + log_w.max()
    drawn = sampled(counts, cells, terms, fit, 8_000, 3)
    assert drawn.pareto_k < 0.7
    assert drawn.effective > 0.2
    assert fit.log_evidence + drawn.correction == pytest.approx(exact, abs=0.05)


def test_smoothing_agrees_with_arviz():
    from arviz_stats.base import array_stats

    rng = np.random.default_rng(2)
    for scale in (0.3, 1.0, 2.0):
        raw = rng.normal(0.0, scale, 2000)
        ours = raw.copy()
        k = smooth_weights(ours)
        theirs, their_k = array_stats.psislw(-raw)  # arviz takes minus the log weights
        assert k == pytest.approx(float(their_k), abs=1e-6)
        ours -= np.log(np.exp(ours).sum())
        assert np.allclose(ours, np.asarray(theirs) - np.log(np.exp(theirs).sum()), atol=1e-5)


def test_terms_of_and_batch_fit():
    table = load_table("kosovo-1999-4")
    counts, cells = table.dense()
    subsets = candidates(4)
    notations = ("[123,14,34]", "[1,2,3,4]", "[12,34]")
    masks = np.array([mask_of(Model.parse(x, table.lists), subsets) for x in notations], dtype=np.int64)
    rows = fit_models(counts, cells, subsets, masks, 4.0)
    for notation, mask, row in zip(notations, masks, rows, strict=True):
        _, _, terms, fit = fitted(table, notation, 4.0)
        assert sorted(terms_of(int(mask), subsets, 4)) == sorted(terms)
        assert row == pytest.approx([fit.log_evidence, fit.log_unseen, fit.var_log_unseen], rel=1e-8)


def test_mixture_kernels_keep_mass_and_mean():
    mass = np.zeros(2001)
    start, step = 0.0, 0.005
    add_normals(mass, start, step, np.array([0.25, 0.75]), np.array([3.0, 6.0]), np.array([0.2, 0.0]))
    add_points(mass, start, step, np.array([0.5, 0.5]), np.array([1.2345, 99.0]))
    grid = start + step * np.arange(2001)
    assert mass.sum() == pytest.approx(2.0, abs=1e-12)
    assert mass[-1] == pytest.approx(0.5)
    inner = mass[:-1] @ grid[:-1]
    assert inner == pytest.approx(0.25 * 3.0 + 0.75 * 6.0 + 0.5 * 1.2345, abs=1e-6)


def test_same_numbers_same_answer():
    counts, cells, terms, fit = fitted(load_table("kosovo-1999-4"), "[12,34]")
    a, b = (sampled(counts, cells, terms, fit, 500, 9) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in itertools.zip_longest(a, b))
