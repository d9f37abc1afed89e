"""Existence and identifiability: golden codes, the plain linear programme as twin, invariants."""

import csv
import gzip
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mse.errors import ModelError
from mse.estimators.single.existence import Existence, check_model, check_models, extended, margins
from mse.estimators.single.fitted import fit_model
from mse.estimators.single.selection import rank_models
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.terms import Model, candidates, model_of
from tests.twins.loglinear import all_masks

GOLDEN = Path(__file__).parents[1] / "golden"
CHECKED = (
    "artificial-3", "diabetes-italy-4", "hepatitis-taiwan-3", "kosovo-1999-4",
    "new-orleans-5-n185", "spina-bifida-3", "uk-2013-4", "uk-2013-5",
)  # fmt: skip


def rows(path):
    path = path if path.exists() else path.with_name(path.name + ".gz")
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
        return list(csv.DictReader(file))


def by_hand(counts, cells, model):
    """Twin: rank, and the programme of the papers, maximise s subject to Aᵀx = Aᵀn, x ≥ s."""
    totals, reach = np.zeros(counts.size), np.zeros(counts.size)
    for t, w in itertools.product(range(counts.size), repeat=2):
        if w & t == t:
            totals[t] += counts[w] * cells[w]
            reach[t] += cells[w]
    gone = [t for t in model.terms if t and totals[t] == 0]
    terms = [t for t in model.terms if t not in gone]
    fitted = [w for w in range(1, counts.size) if cells[w] and not any(w & t == t for t in gone)]
    a = np.array([[float(w & t == t) for t in terms] for w in fitted])
    n = counts[fitted]
    code = 2 * int(np.linalg.matrix_rank(a) < a.shape[1])
    programme = linprog(
        np.append(np.zeros(len(fitted)), -1.0),
        A_ub=np.hstack([-np.eye(len(fitted)), np.ones((len(fitted), 1))]),
        b_ub=np.zeros(len(fitted)),
        A_eq=np.hstack([a.T, np.zeros((len(terms), 1))]),
        b_eq=a.T @ n,
        bounds=[(None, None)] * len(fitted) + [(None, 1.0)],
    )
    assert programme.status == 0
    return code + int(-programme.fun < 1e-7)


@pytest.mark.parametrize("name", CHECKED)
def test_codes_of_multiplesystemsestimation(name):
    """2,411 codes of the package's own check, all equal; at five lists it looked at pairs only."""
    table = load_table(name)
    counts, cells = table.dense()
    subsets = candidates(table.n_lists)
    masks = all_masks(subsets)
    codes = check_models(counts, cells, masks, subsets)
    ours = {model_of(m, subsets, table.n_lists): c for m, c in zip(masks, codes, strict=True)}
    golden = rows(GOLDEN / "multiplesystemsestimation" / f"{name}.existence.csv")
    assert len(golden) in (8, 113, 1024)
    for row in golden:
        model = Model.parse(row["model"], table.lists)
        assert model.notation == row["model"]
        assert ours[model] == int(row["check_extended_MLE"]), row["model"]


@pytest.mark.parametrize("path", sorted((GOLDEN / "sparsemse").glob("*.json")), ids=lambda p: p.stem)
def test_codes_of_sparsemse(path):
    """The model of all pairs, every model of one pair, and which models of pairs fail."""
    golden = json.loads(path.read_text())
    table = load_table(path.stem)
    counts, cells = table.dense()
    k = table.n_lists
    pairs = [(1 << a) | (1 << b) for a, b in itertools.combinations(range(k), 2)]
    assert check_model(counts, cells, Model(k, tuple(pairs))) == golden["checkident"]["ierr"]
    assert len(golden["checkident"].get("pairs") or []) in (0, len(pairs))
    for one in golden["checkident"].get("pairs") or []:
        term = sum(1 << (j - 1) for j in one["mX"])
        assert check_model(counts, cells, Model(k, (term,))) == one["ierr"]
    if k <= 6 and "result" in golden.get("checkallmodels", {}):
        found = golden["checkallmodels"]["result"]
        subsets = candidates(k, 2, saturated=True)
        codes = check_models(counts, cells, all_masks(subsets), subsets)
        # SparseMSE reports the model of all pairs apart from the others
        assert np.count_nonzero(codes[:-1]) == (found["n_failing"] if found else 0)


def test_artificial_3_fails_in_each_way():
    """40, 30, 20 alone, 6 on A and B, no other overlap: the example of Chan, Silverman & Vincent (2021)."""
    counts, cells = load_table("artificial-3").dense()
    lists = ("A", "B", "C")
    words = {m: check_model(counts, cells, Model.parse(m, lists)).words for m in ("[13,23]", "[12,3]", "[12,13,23]")}
    assert words == {"[13,23]": "ok", "[12,3]": "no MLE", "[12,13,23]": "not identifiable"}
    face = extended(counts, cells, Model.parse("[13,23]", lists).terms)
    assert face.finite.tolist() == [0, 1, 2, 4]
    assert face.infinite == (5, 6)
    assert np.flatnonzero(face.cells).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["uk-2013-5", "western-us-5", "new-orleans-5-n186", "netherlands-2010-2015-5"])
def test_shared_certificates_change_nothing(name):
    """A family sorted out together gives what each model gives alone."""
    counts, cells = load_table(name).dense()
    subsets = candidates(5)
    masks = all_masks(subsets)
    together = check_models(counts, cells, masks, subsets)
    assert set(np.unique(together)) > {0, 1}
    chosen = np.random.default_rng(1).choice(masks.size, 150, replace=False)
    for i in chosen:
        assert check_model(counts, cells, model_of(masks[i], subsets, 5)) == together[i]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_model_on_random_sparse_tables_as_by_hand(data):
    k = data.draw(st.integers(2, 4))
    size = 2**k
    counts = np.array(
        [0, *data.draw(st.lists(st.sampled_from([0, 0, 1, 3]), min_size=size - 1, max_size=size - 1))], float
    )
    cells = np.ones(size)
    cells[0] = 0.0
    if data.draw(st.booleans()):  # some cells cannot be observed
        closed = data.draw(st.lists(st.integers(1, size - 1), max_size=3))
        cells[closed], counts[closed] = 0.0, 0.0
    if not counts.any():
        return
    subsets = candidates(k)
    masks = all_masks(subsets)
    codes = check_models(counts, cells, masks, subsets)
    chosen = data.draw(st.lists(st.integers(0, masks.size - 1), min_size=1, max_size=6, unique=True))
    for i in chosen:
        assert codes[i] == by_hand(counts, cells, model_of(masks[i], subsets, k))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 0, 2, 5]), min_size=15, max_size=15), st.permutations(range(4)))
def test_relabelling_lists_moves_the_codes(values, order):
    counts = np.array([0, *values], float)
    cells = np.ones(16)
    cells[0] = 0.0
    moved = np.zeros(16)
    for w in range(16):
        moved[sum(1 << order.index(j) for j in range(4) if w >> j & 1)] = counts[w]
    if not counts.any():
        return
    subsets = candidates(4)
    masks = all_masks(subsets)
    here = {model_of(m, subsets, 4): c for m, c in zip(masks, check_models(counts, cells, masks, subsets), strict=True)}
    there = {model_of(m, subsets, 4): c for m, c in zip(masks, check_models(moved, cells, masks, subsets), strict=True)}
    assert all(there[model.relabelled(order)] == code for model, code in here.items())


def test_a_full_table_has_every_estimate():
    rng = np.random.default_rng(5)
    counts = rng.integers(1, 50, 32).astype(float)
    cells = np.ones(32)
    cells[0] = 0.0
    subsets = candidates(5)
    assert not check_models(counts, cells, all_masks(subsets), subsets).any()
    assert check_model(counts, cells, Model(5, (31,))) is Existence.NOT_IDENTIFIABLE


def test_margins_are_sums_over_supersets():
    counts = np.random.default_rng(2).integers(0, 9, 16).astype(float)
    for t, total in enumerate(margins(counts)):
        assert total == sum(counts[w] for w in range(16) if w & t == t)
    assert margins(counts)[0] == counts.sum()


def test_a_pair_that_cannot_be_seen_is_not_a_term():
    """Nobody can be on A and B: the interaction A:B is neither estimated nor at minus infinity."""
    counts = np.array([0, 40, 30, 0, 20, 5, 7, 0.0])
    cells = np.array([0, 1, 1, 0, 1, 1, 1, 0.0])
    face = extended(counts, cells, Model(3, (3,)).terms)
    assert face.finite.tolist() == [0, 1, 2, 4] and face.infinite == ()
    assert check_model(counts, cells, Model(3, (3,))) is Existence.FINE


@pytest.mark.parametrize("n_lists", [12, 16])
def test_many_lists_take_no_longer_than_their_cells(n_lists):
    """4^K moments and a linear programme on 2^K rows took minutes; independence needs neither."""
    rng = np.random.default_rng(3)
    on = rng.random((2000, n_lists)) < rng.uniform(0.05, 0.2, n_lists)
    counts = np.bincount(on @ (1 << np.arange(n_lists)), minlength=2**n_lists)[1:]
    table = CaptureTable.from_arrays([f"L{j}" for j in range(n_lists)], counts)
    fit_model(CaptureTable.from_arrays("ABC", [5, 5, 3, 5, 3, 3, 1]), "[1,2,3]")  # compiles
    start = time.process_time()
    fit = fit_model(table, Model(n_lists, ()))
    ranked = rank_models(table, max_order=1)
    assert time.process_time() - start < 5.0
    assert fit.N == pytest.approx(2000, rel=0.05) and ranked["N"][0] == pytest.approx(fit.N, rel=1e-9)


def test_corner_coefficients_by_the_plain_sum():
    """The information from the transform is that of the sums over the cells, term by term."""
    table = load_table("kosovo-1999-4")
    fit = fit_model(table, "[123,14,34]")
    design = np.array([[float(cell & t == t) for t in fit.terms] for cell in range(1, 16)])
    information = design.T @ (fit.fitted[1:, None] * design)
    assert fit.corner_se == pytest.approx(np.sqrt(np.diag(np.linalg.inv(information))), rel=1e-6)


def test_a_model_with_too_many_interactions_is_refused():
    counts = np.ones(2**12 - 1, dtype=int)
    table = CaptureTable.from_arrays([f"L{j}" for j in range(12)], counts)
    pairs = tuple(1 << i | 1 << j for i in range(12) for j in range(i))
    with pytest.raises(ModelError, match="too many interactions"):
        fit_model(table, Model(12, pairs))
