"""Independence, Chapman, Chao and sample coverage: published values, Rcapture, twins, invariants."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mse.errors import ModelError
from mse.estimators.simple.classical import (
    ChaoSpec,
    ChapmanSpec,
    CoverageSpec,
    IndependenceSpec,
    chapman_pairs,
    estimate,
)
from mse.estimators.single.bestmodel import fit_model
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.words.said import said

RCAPTURE = Path(__file__).parents[1] / "golden" / "rcapture"
EVERY = (IndependenceSpec(), ChapmanSpec(), ChaoSpec(), ChaoSpec("by list", True), CoverageSpec())


def golden(name):
    return json.loads((RCAPTURE / f"{name}.json").read_text())


def made(counts, lists=None):
    k = (len(counts) + 1).bit_length() - 1
    return CaptureTable.from_arrays(lists or [f"L{j + 1}" for j in range(k)], counts)


def row(results, name):
    return next(r for r in results["closedp.t"]["table"] if r["model"] == name)


def test_coverage_of_the_hepatitis_table():
    """Chao, Tsay, Lin, Shau & Chao (2001): Ĉ = 0.513, D = 208.667, N̂_0 = 407, N̂ = 971, N̂_1 = 508.

    They print a standard error of 40 for N̂_1. Resampling the estimated population gives 48 for the whole of
    the estimator, whichever N̂ is that population, and resampling the 271 alone gives 43. We keep the larger
    figure, which belongs to the estimator as defined.
    """
    answer = estimate(load_table("hepatitis-taiwan-3"), CoverageSpec(replicates=4000), seed=1)
    found = answer.diagnostics
    assert found["coverage"] == pytest.approx(0.513, abs=0.0005)
    assert found["D"] == pytest.approx(208.667, abs=0.0005)
    assert [round(found[v]) for v in ("n0", "n", "n1")] == [407, 971, 508]
    assert answer.point == found["n1"] and answer.spec["version"] == "n1"
    assert found["se"] == pytest.approx(48.4, rel=0.08)


def test_coverage_of_the_four_diabetes_lists():
    """The same paper's example of four lists: 2,609 with a standard error of 82."""
    answer = estimate(load_table("diabetes-italy-4"), CoverageSpec(replicates=4000), seed=1)
    assert round(answer.point) == 2609 and answer.spec["version"] == "n"
    assert answer.diagnostics["se"] == pytest.approx(82, rel=0.08)


def test_coverage_formula_of_three_lists():
    """Twin: the printed formulas of three lists, term by term."""
    z = {h: float(c) for h, c in enumerate(load_table("hepatitis-taiwan-3").dense().counts)}
    n = [sum(c for h, c in z.items() if h >> j & 1) for j in range(3)]
    cover = 1 - (z[1] / n[0] + z[2] / n[1] + z[4] / n[2]) / 3
    start = (sum(z.values()) - (z[1] + z[2] + z[4]) / 3) / cover
    pairs = [
        (z[1] + z[3] + z[2] + z[3], (z[3] + z[7]) / (n[0] * n[1])),
        (z[1] + z[5] + z[4] + z[5], (z[5] + z[7]) / (n[0] * n[2])),
        (z[2] + z[6] + z[4] + z[6], (z[6] + z[7]) / (n[1] * n[2])),
    ]
    both = z[3] + z[5] + z[6] + 3 * z[7]
    solved = both / (3 * cover) / (1 - sum(w * q for w, q in pairs) / (3 * cover))
    once = start + sum(w * (start * q - 1) for w, q in pairs) / (3 * cover)
    twice = start + sum(w * (once * q - 1) for w, q in pairs) / (3 * cover)
    for version, value in (("n0", start), ("n", solved), ("n1", twice)):
        answer = estimate(load_table("hepatitis-taiwan-3"), CoverageSpec(version, 50), seed=1)
        assert answer.point == pytest.approx(value, rel=1e-12)


def test_two_lists_by_coverage_are_petersen():
    table = made([30, 20, 10])
    for version in ("n0", "n1"):
        assert estimate(table, CoverageSpec(version, 50), seed=1).point == pytest.approx(120.0)


def test_chapman_by_hand():
    table = load_table("hepatitis-taiwan-3")
    answer = estimate(table, ChapmanSpec(("P", "Q")), seed=1)
    assert answer.point == pytest.approx(136 * 123 / 50 - 1)
    variance = 136 * 123 * (135 - 49) * (122 - 49) / (50**2 * 51)
    assert answer.diagnostics["se"] == pytest.approx(math.sqrt(variance))
    assert any("largest overlap" in str(note) for note in estimate(table, ChapmanSpec(), seed=1).notes)
    pairs = chapman_pairs(table)
    assert pairs["both"].tolist() == [49, 46, 45]
    assert pairs["N"].iloc[0] == answer.point
    turned = estimate(table, ChapmanSpec(["Q", "P"]), seed=1)
    assert turned.point == answer.point and turned.spec["pair"] == ("P", "Q")


def test_chapman_below_the_registered_is_refused():
    with pytest.raises(ModelError, match="gives 803, fewer than the 2,069 persons who were registered"):
        estimate(load_table("diabetes-italy-4"), ChapmanSpec(("hospital", "reagent_strips")), seed=1)


@pytest.mark.parametrize("name", ["hepatitis-taiwan-3", "congenital-massachusetts-5"])
def test_chao_is_rcaptures_lower_bound_where_it_drops_no_parameter(name):
    """Rcapture's "Mh Chao (LB)" is n + (K−1)/K f_1²/(2 f_2); elsewhere it sets negative parameters to 0."""
    theirs = row(golden(name), "Mh Chao (LB)")
    answer = estimate(load_table(name), ChaoSpec("finite"), seed=1)
    assert answer.point == pytest.approx(theirs["abundance"], rel=1e-8)
    assert answer.diagnostics["se"] == pytest.approx(theirs["stderr"], rel=1e-5)


@pytest.mark.parametrize("path", sorted(RCAPTURE.glob("*.json")), ids=lambda p: p.stem)
def test_chao_bias_corrected_is_rcaptures_closedp_bc(path):
    theirs = golden(path.stem)
    name = path.stem.removesuffix("-collapsed")
    table = load_table(name)
    table = table.collapse() if table.strata else table
    value = next(b["results"] for b in theirs["closedp.bc"] if b["m"] == "Mh")
    answer = estimate(table, ChaoSpec("finite", bias_corrected=True), seed=1)
    assert answer.point == pytest.approx(value["abundance"], rel=1e-9)
    assert answer.diagnostics["se"] == pytest.approx(value["stderr"], rel=0.06)  # another variance formula


def test_chao_variance_is_the_published_one():
    f1, f2 = 187.0, 56.0
    r = f1 / f2
    answer = estimate(load_table("hepatitis-taiwan-3"), ChaoSpec("classical"), seed=1)
    assert answer.point == pytest.approx(271 + f1**2 / (2 * f2))
    assert answer.diagnostics["se"] ** 2 == pytest.approx(f2 * (r**4 / 4 + r**3 + r**2 / 2))


def test_chao_by_list_is_exact_under_independence():
    """Expected counts of independent lists with chances 1/2, 1/3, 1/5 and N = 3000 give 3000 back."""
    chances = (1 / 2, 1 / 3, 1 / 5)
    counts = [round(3000 * math.prod(p if w >> j & 1 else 1 - p for j, p in enumerate(chances))) for w in range(1, 8)]
    assert estimate(made(counts), ChaoSpec("by list"), seed=1).point == pytest.approx(3000)
    assert estimate(made(counts), CoverageSpec("n0", 50), seed=1).point == pytest.approx(3000)
    assert estimate(made(counts), IndependenceSpec(), seed=1).point == pytest.approx(3000)


@pytest.mark.parametrize("name", ["hepatitis-taiwan-3", "kosovo-1999-4", "uk-2013-5"])
def test_independence_is_the_main_effects_model(name):
    table = load_table(name)
    answer = estimate(table, IndependenceSpec(), seed=1)
    theirs = row(golden(name), "Mt")
    assert answer.point == pytest.approx(theirs["abundance"], rel=1e-6)
    assert answer.diagnostics["se"] == pytest.approx(theirs["stderr"], rel=1e-4)
    fit = fit_model(table, "[" + ",".join(str(j + 1) for j in range(table.n_lists)) + "]")
    assert answer.summary(0.9).low == pytest.approx(fit.interval(0.9)[0], rel=1e-6)


@pytest.mark.parametrize("spec", EVERY, ids=lambda s: type(s).__name__)
@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(5, 60), min_size=7, max_size=7), order=st.permutations(range(3)))
def test_relabelling_lists_leaves_n_alone(spec, counts, order):
    moved = np.zeros(7, dtype=int)
    for w in range(1, 8):
        moved[sum(1 << order.index(j) for j in range(3) if w >> j & 1) - 1] = counts[w - 1]
    names = ["A", "B", "C"]
    here, there = made(counts, names), made(moved, [names[j] for j in order])
    overlaps = chapman_pairs(here)["both"]
    if isinstance(spec, ChapmanSpec) and overlaps.iloc[0] == overlaps.iloc[1]:
        return  # two largest overlaps: the first by position is taken
    try:
        value = estimate(here, spec, seed=1).point
    except ModelError:
        with pytest.raises(ModelError):
            estimate(there, spec, seed=1)
        return
    assert estimate(there, spec, seed=1).point == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("spec", EVERY, ids=lambda s: type(s).__name__)
def test_each_says_what_it_is_and_follows_its_seed(spec):
    table = load_table("kosovo-1999-4")
    answer = estimate(table, spec, seed=7)
    summary = answer.summary(0.95)
    assert summary.low < summary.point < summary.high
    assert answer.kind == "sampling distribution" and "log-normal" in str(summary.kind)
    assert summary.inside and said("source.linkage") in summary.outside and summary.citations
    assert answer.spec["seed"] == 7 and answer.draws.size == 10_000
    again, other = estimate(table, spec, seed=7), estimate(table, spec, seed=8)
    assert np.array_equal(answer.draws, again.draws)
    assert not np.array_equal(answer.draws, other.draws)


def test_low_coverage_that_has_no_solution_is_told():
    """Strong dependence at a coverage of 0.48: the line through N̂_0 never meets N."""
    table = made([52, 58, 4, 15, 2, 19, 17])
    assert math.isnan(estimate(table, CoverageSpec("n1", 50), seed=1).diagnostics["n"])
    with pytest.raises(ModelError, match="version n1 or n0"):
        estimate(table, CoverageSpec("n", 50), seed=1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ChapmanSpec(("A", "A")), "two different lists"),
        (lambda: ChapmanSpec("AB"), "option pair has a wrong type"),
        (lambda: ChaoSpec("new"), "'classical'"),
        (lambda: CoverageSpec("n2", 3, 1), "3 problems"),
        (lambda: IndependenceSpec(0), "draws"),
        (
            lambda: estimate(load_table("kosovo-1999-4"), ChapmanSpec(("EXH", "X")), seed=1),
            "EXH, ABA, OSCE, HRW",
        ),
        (lambda: estimate(made([9, 9, 0, 9, 0, 0, 2]), ChaoSpec(), seed=1), "bias_corrected"),
        (lambda: estimate(load_table("spina-bifida-3-ethnicity"), ChaoSpec(), seed=1), "strata"),
        (
            lambda: estimate(
                CaptureTable.from_arrays(list("ABC"), [9, 9, 0, 9, 3, 3, 2], observable=[1, 1, 0, 1, 1, 1, 1]),
                ChapmanSpec(),
                seed=1,
            ),
            "cannot be observed",
        ),
    ],
)
def test_bad_input_is_told(call, said):
    with pytest.raises(ModelError, match=said):
        call()
