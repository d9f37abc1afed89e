"""Kernels of log-linear models against their plain twins, Rcapture's fits, and what must not change."""

import csv
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mse.kernels.enumeration import count_models, facet_masks, split_walk
from mse.kernels.likelihoods import sweep_likelihood
from mse.kernels.newton import CONVERGED, NO_MAXIMUM, SINGULAR, cold_start, fit_loglinear
from mse.kernels.streaming import merge
from mse.kernels.sweep import sweep_evidence, sweep_subtree
from mse.kernels.treelevels import list_levels
from mse.kernels.walsh import transform, transform_lanes
from mse.tables.captures import CaptureTable
from tests.twins import loglinear

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parents[1] / "golden" / "rcapture"


def table(name):
    cells = CaptureTable.from_csv(ROOT / "data" / name / "table.csv", name=name).dense()
    return np.asarray(cells.counts, dtype=float)


def random_table(n_lists, seed):
    """Counts of dependent lists with some empty cells; on odd seeds also a structural zero."""
    rng = np.random.default_rng(seed)
    beta = rng.normal(0, 0.4, 2**n_lists)
    beta[0] = 1.5
    counts = rng.poisson(np.exp(loglinear.walsh_matrix(n_lists) @ beta)).astype(float)
    counts[0] = 0
    cells = np.ones(2**n_lists)
    if seed % 2:
        cells[-2] = 0.0
    return counts, cells


def list_models(facets, mask=0, following=0):
    return list_levels(facets, count_models(facets, mask, following), mask, following, 1).masks


def fit(counts, cells, terms, precision=0.0, tolerance=1e-14):
    return fit_loglinear(counts, cells, terms, precision, cold_start(counts, cells, terms, precision), 100, tolerance)


def sweep(counts, cells, subsets, precision=1.0, prior=None, **options):
    prior = np.zeros(len(subsets) + 1) if prior is None else prior
    return sweep_evidence(counts, cells, subsets, precision, prior, **({"keep": 10_000} | options))


@pytest.mark.parametrize("n_lists", range(9))
def test_transforms_multiply_by_the_walsh_matrix(n_lists):
    x = np.random.default_rng(n_lists).normal(size=(2**n_lists, 8))
    expected = loglinear.walsh_matrix(n_lists) @ x
    single = x[:, 0].copy()
    transform(single)
    assert_allclose(single, expected[:, 0], atol=1e-12)
    four, eight = x[:, :4].ravel().copy(), x.copy()
    transform_lanes(four, 2**n_lists)
    assert_allclose(four.reshape(-1, 4), expected[:, :4], atol=1e-12)
    transform_lanes(eight, 2**n_lists)
    assert_allclose(eight, expected, atol=1e-12)


@pytest.mark.parametrize("precision", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(("n_lists", "seed"), [(3, 0), (3, 1), (4, 2), (4, 3)])
def test_fit_equals_its_twin(n_lists, seed, precision):
    counts, cells = random_table(n_lists, seed)
    counts[1:] += 1.0 * (precision == 0.0)
    counts *= cells
    for terms in (
        loglinear.terms_of(0, [], n_lists),
        loglinear.terms_of(5, loglinear.candidates(n_lists), n_lists),
    ):
        found = fit(counts, cells, terms, precision)
        beta, log_unseen, variance, log_likelihood, log_evidence = loglinear.fit(counts, cells, terms, precision)
        assert found.status == CONVERGED
        assert_allclose(found.beta, beta, atol=1e-7)
        assert_allclose(found.log_unseen, log_unseen, atol=1e-7)
        assert_allclose(found.var_log_unseen, variance, rtol=1e-6)
        assert_allclose(found.log_likelihood, log_likelihood, atol=1e-8)
        assert_allclose(found.log_evidence, log_evidence, atol=1e-6)
        assert_allclose(found.mu[0], math.exp(log_unseen), rtol=1e-6)


def test_fit_tells_what_is_wrong():
    counts, cells = np.array([0.0, 9, 7, 0, 8, 3, 2, 0]), np.ones(8)
    assert fit(counts, cells, np.array([0, 1, 2, 4, 3])).status == NO_MAXIMUM
    assert fit(counts, cells, np.array([0, 1, 2, 4, 3]), 1.0).status == CONVERGED
    cells[[3, 7]] = 0.0
    assert fit(counts, cells, np.array([0, 1, 2, 4, 3])).status == SINGULAR
    assert fit(counts, cells, np.array([0, 1, 2, 4])).status == CONVERGED


@pytest.mark.parametrize(("n_lists", "models"), [(2, 1), (3, 8), (4, 113), (5, 6893), (6, 7785061)])
def test_number_of_models(n_lists, models):
    facets = facet_masks(loglinear.candidates(n_lists))
    by_size = count_models(facets, 0, 0)
    assert by_size.sum() == models
    if n_lists < 6:
        masks = list_models(facets)
        assert len(set(masks.tolist())) == models
        assert_array_equal(np.bincount(np.bitwise_count(masks), minlength=len(by_size)), by_size)


@pytest.mark.parametrize("n_lists", [2, 3, 4])
def test_models_are_the_hierarchical_ones(n_lists):
    subsets = loglinear.candidates(n_lists)
    assert sorted(list_models(facet_masks(subsets))) == sorted(loglinear.hierarchical_models(subsets))


def test_a_term_without_its_facets_is_in_no_model():
    facets = facet_masks(np.array([3, 5, 7]))
    assert sorted(list_models(facets)) == [0, 1, 2, 3]


@pytest.mark.parametrize("largest", [1, 7, 500, 10**6])
def test_split_covers_every_model_once(largest):
    facets = facet_masks(loglinear.candidates(5))
    parts = [list_models(facets, int(mask), int(following)) for mask, following in split_walk(facets, largest)]
    assert max(map(len, parts)) <= largest
    assert_array_equal(np.sort(np.concatenate(parts)), np.sort(list_models(facets)))


@pytest.mark.parametrize("precision", [0.25, 1.0, 4.0])
@pytest.mark.parametrize(("n_lists", "seed"), [(2, 4), (3, 0), (3, 1), (4, 2), (4, 3)])
def test_sweep_equals_its_twin(n_lists, seed, precision):
    counts, cells = random_table(n_lists, seed)
    subsets = loglinear.candidates(n_lists)
    found = sweep(counts, cells, subsets, precision)
    assert found.not_converged == 0
    assert sorted(found.masks) == sorted(loglinear.hierarchical_models(subsets))
    for i in range(0, len(found.masks), 1 if n_lists < 4 else 9):
        terms = loglinear.terms_of(int(found.masks[i]), subsets, n_lists)
        _, log_unseen, variance, _, log_evidence = loglinear.fit(counts * cells, cells, terms, precision)
        assert_allclose(found.log_evidences[i], log_evidence, atol=2e-6)
        assert_allclose(found.log_unseens[i], log_unseen, atol=1e-6)
        assert_allclose(found.variances[i], variance, rtol=1e-5)


@pytest.mark.parametrize("name", ["uk-2013-5", "western-us-5", "congenital-massachusetts-5"])
def test_five_lists_sample_equals_its_twin(name):
    counts, cells, subsets = table(name), np.ones(32), loglinear.candidates(5)
    found = sweep(counts, cells, subsets)
    for i in np.random.default_rng(1).choice(6893, 40, replace=False):
        _, log_unseen, variance, _, log_evidence = loglinear.fit(
            counts, cells, loglinear.terms_of(int(found.masks[i]), subsets, 5), 1.0
        )
        assert_allclose(found.log_evidences[i], log_evidence, atol=5e-6)
        assert_allclose(found.log_unseens[i], log_unseen, atol=1e-5)
        assert_allclose(found.variances[i], variance, rtol=1e-4)


def test_six_lists_primal_and_dual_equal_single_fits():
    """Sub-trees whose roots have few and many terms: on either side of the change to the dual."""
    counts, cells, subsets = table("uk-2013-6"), np.ones(64), loglinear.candidates(6)
    facets = facet_masks(subsets)
    prior = np.zeros(len(subsets) + 1)
    sizes = set()
    for mask, following in split_walk(facets, 20_000)[[0, 200, -1]]:
        models = count_models(facets, int(mask), int(following)).sum()
        place = int(mask), int(following)
        part = sweep_subtree(counts, cells, subsets, facets, 1.0, prior, *place, 20_000, 1e-12, 1e-12, -np.inf)
        assert (len(part.masks), part.models, part.not_converged) == (models, models, 0)
        for i in np.random.default_rng(2).choice(models, 60, replace=False):
            terms = loglinear.terms_of(int(part.masks[i]), subsets, 6)
            sizes.add(len(terms))
            single = fit(counts, cells, terms, 1.0)
            assert_allclose(part.values[i, 1], single.log_evidence, atol=5e-6)
            assert_allclose(part.values[i, 2], single.log_unseen, atol=1e-5)
            assert_allclose(part.values[i, 3], single.var_log_unseen, rtol=1e-4)
    assert min(sizes) < 28 and max(sizes) > 40


@pytest.mark.parametrize("seed", [10, 11, 12])
def test_evidence_is_the_integral_but_for_laplace(seed):
    rng = np.random.default_rng(seed)
    counts = np.zeros(4)
    counts[1:] = rng.poisson(60, 3)
    found = sweep(counts, np.ones(4), np.empty(0, dtype=np.int64))
    assert len(found.masks) == 1
    integral = loglinear.quadrature(counts, np.ones(4), np.array([0, 1, 2]), 1.0)
    # Laplace's relative error is of the order 1 / counts
    assert abs(found.log_evidences[0] - integral) < 0.02


def test_laplace_error_falls_with_the_counts():
    errors = []
    for scale in (10, 100, 1000):
        counts, terms = np.array([0.0, 5, 4, 2]) * scale, np.array([0, 1, 2])
        errors.append(
            abs(fit(counts, np.ones(4), terms, 1.0).log_evidence - loglinear.quadrature(counts, np.ones(4), terms, 1.0))
        )
    assert errors[0] > 5 * errors[1] > 25 * errors[2]


def test_relabelling_lists_permutes_models_and_leaves_the_rest():
    counts, order, subsets = table("kosovo-1999-4"), [2, 0, 3, 1], loglinear.candidates(4)
    before = sweep(counts, np.ones(16), subsets)
    after = sweep(loglinear.permute(counts, order), np.ones(16), subsets)
    assert_allclose(after.log_weights, before.log_weights, atol=5e-6)
    assert_allclose(after.log_unseens, before.log_unseens, atol=1e-5)
    new = [int(np.flatnonzero(subsets == sum(1 << order[j] for j in range(4) if s >> j & 1))[0]) for s in subsets]
    renamed = [sum(1 << new[i] for i in range(len(subsets)) if int(m) >> i & 1) for m in before.masks]
    assert renamed == after.masks.tolist()


def test_prior_by_size_is_added():
    counts, subsets = table("kosovo-1999-4"), loglinear.candidates(4)
    prior = np.random.default_rng(0).normal(size=len(subsets) + 1)
    found = sweep(counts, np.ones(16), subsets, prior=prior)
    assert_allclose(found.log_weights - found.log_evidences, prior[np.bitwise_count(found.masks)], atol=1e-12)


def test_sums_and_bins_hold_what_is_not_kept():
    counts, cells, subsets = table("uk-2013-5"), np.ones(32), loglinear.candidates(5)
    full, short = sweep(counts, cells, subsets), sweep(counts, cells, subsets, keep=50)
    weights = np.exp(full.log_weights - full.reference)
    assert len(full.dropped_weights) == 0
    assert_allclose(full.total, weights.sum())
    assert_allclose(full.total_square, (weights**2).sum())
    for i in range(len(subsets)):
        assert_allclose(full.inclusion[i], weights[full.masks >> i & 1 == 1].sum() / full.total, atol=1e-12)
    assert_array_equal(short.masks, full.masks[:50])
    assert_array_equal(short.log_weights, full.log_weights[:50])
    assert_allclose(short.total, full.total)
    assert_allclose(short.inclusion, full.inclusion)
    rest, means, variances = weights[50:], full.log_unseens[50:], full.variances[50:]
    assert_allclose(short.dropped_weights.sum(), rest.sum())
    first = short.dropped_weights @ short.dropped_means
    assert_allclose(first, rest @ means)
    assert_allclose(
        short.dropped_weights @ (short.dropped_variances + short.dropped_means**2), rest @ (variances + means**2)
    )
    # as mixtures the two differ by a total variation of 0.2 %, the price of bins a tenth by √2 wide
    grid = np.linspace(6, 13, 400)

    def mixture(w, m, v):
        return (w / np.sqrt(v) * np.exp(-0.5 * (grid[:, None] - m) ** 2 / v)).sum(1)

    exact = mixture(rest, means, variances)
    binned = mixture(short.dropped_weights, short.dropped_means, short.dropped_variances)
    assert 0.5 * abs(exact - binned).sum() < 3e-3 * exact.sum()


def test_threads_and_order_of_work_change_no_bit(monkeypatch):
    monkeypatch.setattr("mse.kernels.sweep.LARGEST_TASK", 300)
    counts, cells, subsets = table("new-orleans-5-n185"), np.ones(32), loglinear.candidates(5)
    alone = sweep(counts, cells, subsets, keep=100)
    with ThreadPoolExecutor(2) as pool:
        together = sweep(counts, cells, subsets, keep=100, run=pool.map)
    for one, two in zip(alone, together, strict=True):
        assert_array_equal(one, two)
    monkeypatch.setattr("mse.kernels.sweep.LARGEST_TASK", 10**6)
    whole = sweep(counts, cells, subsets, keep=100)
    assert_array_equal(whole.masks, alone.masks)
    assert_allclose(whole.total, alone.total, rtol=1e-6)


def test_merge_does_not_depend_on_where_the_tree_was_cut():
    counts, cells, subsets = table("kosovo-1999-4"), np.ones(16), loglinear.candidates(4)
    facets, prior = facet_masks(subsets), np.zeros(len(subsets) + 1)
    found = []
    for largest in (3, 20, 200):
        parts = [
            sweep_subtree(counts, cells, subsets, facets, 1.0, prior, int(m), int(f), 20, 1e-14, 1e-14, -np.inf)
            for m, f in split_walk(facets, largest)
        ]
        found.append(merge(parts, 20, len(subsets)))
    for other in found[1:]:
        assert_array_equal(other.masks, found[0].masks)
        assert_allclose(other.inclusion, found[0].inclusion, atol=1e-6)
        assert_allclose(other.dropped_weights.sum(), found[0].dropped_weights.sum(), rtol=1e-6)


@pytest.mark.parametrize("seed", [20, 21, 22, 23])
def test_likelihood_sweep_equals_its_twin(seed):
    counts, cells = random_table(3, seed)
    counts = (counts + 2) * cells
    # nobody is on both of the first two lists: a term at −∞ wherever that pair is in the model
    counts[[3, 7]] = 0
    subsets = loglinear.candidates(3)
    found = sweep_likelihood(counts, cells, subsets, penalty=2.0)
    assert sorted(found.masks) == sorted(loglinear.hierarchical_models(subsets))
    for i, mask in enumerate(found.masks):
        assert found.infinite[i] >= (int(mask) & 1)
        if found.statuses[i] != CONVERGED:
            continue
        terms = loglinear.terms_of(int(mask), subsets, 3)
        _, log_unseen, variance, log_likelihood, _, infinite = loglinear.extended_fit(counts, cells, terms)
        assert found.infinite[i] == infinite
        assert_allclose(found.log_likelihoods[i], log_likelihood, atol=1e-7)
        assert_allclose(found.log_unseens[i], log_unseen, atol=1e-5)
        assert_allclose(found.variances[i], variance, rtol=1e-4)
    assert (found.statuses == CONVERGED).sum() >= 3


def test_best_likelihoods_come_first():
    counts, cells, subsets = table("uk-2013-5"), np.ones(32), loglinear.candidates(5, 2)
    penalty = math.log(counts.sum())
    every = sweep_likelihood(counts, cells, subsets, penalty=penalty)
    best = sweep_likelihood(counts, cells, subsets, penalty=penalty, keep=20)
    criterion = penalty * np.bitwise_count(every.masks) - 2 * every.log_likelihoods
    criterion[every.statuses != CONVERGED] = np.inf
    assert_array_equal(best.masks, every.masks[np.argsort(criterion)[:20]])
    assert best.models == 1024
    # Chan, Silverman & Vincent (2021): the model with the smallest BIC
    assert_allclose(counts.sum() + math.exp(best.log_unseens[0]), 22_991, atol=1)


@pytest.mark.parametrize("name", ["kosovo-1999-4", "diabetes-italy-4", "spina-bifida-3", "hepatitis-taiwan-3"])
def test_every_model_equals_rcapture(name):
    counts = table(name)
    n_lists = len(counts).bit_length() - 1
    subsets = loglinear.candidates(n_lists)
    found = sweep_likelihood(counts, np.ones(len(counts)), subsets, penalty=2.0)
    row_of = {int(mask): i for i, mask in enumerate(found.masks)}
    with open(GOLDEN / f"{name}.models.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.masks)
    compared = 0
    for row in rows:
        generators = [sum(1 << (int(digit) - 1) for digit in g) for g in row["model"].strip("[]").split(",")]
        inside = [i for i, s in enumerate(subsets) if any(int(s) & ~g == 0 for g in generators)]
        i = row_of[sum(1 << j for j in inside)]
        if row["infoFit"] != "0" or found.infinite[i]:
            continue
        compared += 1
        unseen = math.exp(found.log_unseens[i])
        assert_allclose(counts.sum() + unseen, float(row["abundance"]), rtol=1e-6)
        error = math.sqrt(unseen + unseen**2 * found.variances[i])
        assert_allclose(error, float(row["stderr"]), rtol=1e-4)
    assert compared >= 0.7 * len(rows)
