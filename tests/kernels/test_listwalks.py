"""Walks that fit ahead go where one goes that fits what it needs; sweeps spare what carries no weight."""

import math
from pathlib import Path

import numpy as np
import pytest

from mse.kernels import sweep as sweeps
from mse.kernels.batch import fit_models
from mse.kernels.enumeration import facet_masks
from mse.kernels.listwalks import walk_over_lists
from mse.kernels.modelstore import new_store
from mse.kernels.modelwalks import Walk, put
from mse.kernels.sweep import sweep_evidence
from mse.tables.captures import CaptureTable
from mse.terms import candidates

ROOT = Path(__file__).resolve().parents[2]


def dense_of(name):
    return CaptureTable.from_csv(ROOT / "data" / name / "table.csv").dense()


def plain_walk(counts, cells, terms, facets, numbers):
    """Return the models of a Metropolis walk, by definition."""
    known = {}

    def value(mask):
        if mask not in known:
            known[mask] = fit_models(counts, cells, terms, np.array([mask]), 1.0)[0, 0]
        return known[mask]

    here, path = 0, [0]
    for kind, first, second, chance in numbers:
        i, j = int(first * len(terms)), int(second * len(terms))
        proposed = here ^ (1 << i)
        swaps = kind < 0.5
        if swaps:
            proposed ^= 1 << j
        valid = not swaps or (here >> i & 1) != (here >> j & 1)
        valid = valid and all(proposed & int(f) == int(f) for k, f in enumerate(facets) if proposed >> k & 1)
        if valid and math.log(chance) < value(proposed) - value(here):
            here = proposed
        path.append(here)
    return path


@pytest.mark.parametrize(("name", "order"), [("uk-2013-5", 2), ("kosovo-1999-4", 3)])
def test_a_walk_that_fits_ahead_goes_the_same_way(name, order):
    counts, cells = dense_of(name)
    terms = candidates(len(counts).bit_length() - 1, order)
    facets = facet_masks(terms)
    steps = 300
    numbers = np.random.default_rng(4).random((steps, 4))
    most = 8 * steps + 1
    walk = Walk(
        facets[:, None], np.zeros(len(terms) + 1), new_store(np.full((1, 1), -1)),
        new_store(np.empty((most, 1), np.int64)), np.zeros(1), np.empty(most), np.empty((most, 3)),
        np.empty(steps + 1, np.int64), numbers,
    )  # fmt: skip
    walk.places[0] = -1
    put(walk, 0, np.zeros(1, np.int64), fit_models(counts, cells, terms, np.zeros(1, np.int64), 1.0)[0])
    fitted = walk_over_lists(walk, 1, counts, cells, terms, 1.0)
    masks = walk.own.masks[:fitted, 0]
    assert len(np.unique(masks)) == fitted <= most
    np.testing.assert_allclose(walk.own_fits[:fitted], fit_models(counts, cells, terms, masks, 1.0), atol=1e-4)
    assert masks[-1 - walk.places].tolist() == plain_walk(counts, cells, terms, facets, numbers)


def test_models_without_weight_are_fitted_roughly(monkeypatch):
    counts, cells = (np.asarray(x, float) for x in dense_of("uk-2013-5"))
    terms = candidates(5)
    prior = np.zeros(len(terms) + 1)
    exact = sweep_evidence(counts, cells, terms, 1.0, prior, keep=10_000)
    monkeypatch.setattr(sweeps, "MANY", 1000)
    rough = sweep_evidence(counts, cells, terms, 1.0, prior, keep=10_000)
    assert exact.worst_decrement <= 1e-12 < rough.worst_decrement <= sweeps.ROUGH
    order, same = np.argsort(exact.masks), np.argsort(rough.masks)
    gap = np.abs(exact.log_weights[order] - rough.log_weights[same])
    heavy = exact.log_weights[order] > exact.reference - 11.0
    assert 100 < heavy.sum() < len(heavy)
    assert gap[heavy].max() < 1e-6 and gap.max() < 6e-3 and gap.mean() < 5e-4
    assert math.log(rough.total) == pytest.approx(math.log(exact.total), abs=1e-8)
    np.testing.assert_allclose(rough.inclusion, exact.inclusion, atol=1e-8)
