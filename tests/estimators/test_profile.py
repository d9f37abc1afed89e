"""Profile-likelihood intervals: Rcapture's, a plain twin, invariants."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mse.errors import MseError
from mse.estimators.single.fitted import fit_model
from mse.estimators.single.profile import ProfileSpec, estimate, profile_interval, profile_law
from mse.kernels.profiled import digamma
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import said

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "rcapture").glob("*.json"))


def table_named(name):
    if name == "spina-bifida-3-ethnicity-collapsed":
        return load_table("spina-bifida-3-ethnicity").collapse()
    return load_table(name)


def records(path):
    """Models of lists that Rcapture profiled to the end: label, model or None for main effects, probability."""
    for record in json.loads(path.read_text())["closedpCI.t"]:
        name, *level = record["label"].split(" ")
        if record["profileCI"] and record["profileCI"]["infoCI"] == 0 and (name == "Mt" or name[0] == "["):
            yield name, 0.9 if level == ["90%"] else 0.95, record


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_intervals_of_rcapture(path):
    """Both points and both limits of every model, ``closedpCI.t(X, dfreq=TRUE, mX=…, alpha=…)``.

    They agree to 2e-5. What is left is R's: its digits are those of Stirling's formula without the term 1/(12 N),
    which moves the root of ℓ' by (1/(12 n_0²) − 1/(12 N²)) se², 0.0062 persons on artificial-3, where we differ by
    0.0062; ours is ln Γ to its digits. The Poisson point is that of the ordinary fit (1e-6).
    """
    table = table_named(path.stem)
    met = 0
    for name, prob, record in records(path):
        model = Model(table.n_lists, ()) if name == "Mt" else name
        found = profile_interval(table, model, prob)
        golden = record["profileCI"]
        assert found.multinomial == pytest.approx(golden["abundance"], rel=2e-5)
        assert found.poisson == pytest.approx(record["fit"]["abundance"], rel=1e-6)
        assert found.low == pytest.approx(golden["infCL"], rel=2e-5)
        assert found.high == pytest.approx(golden["supCL"], rel=2e-5)
        law, point = profile_law(table, fit_model(table, model))
        assert point == pytest.approx(found.multinomial, rel=1e-9)
        limits = law.quantile([(1 - prob) / 2, (1 + prob) / 2])
        assert limits == pytest.approx([found.low, found.high], rel=5e-4)
        met += 1
    assert met > 0


def plain_profile(table, model, unseen):
    """ℓ(N) by SciPy: the complete table, a 0/1 design, and a general optimiser."""
    from scipy.optimize import minimize
    from scipy.special import gammaln

    counts, _ = table.dense()
    counts[0] = unseen
    cells = np.arange(counts.size)
    terms = np.array(model.terms)
    design = ((cells[:, None] & terms) == terms).astype(float)

    def loss(beta):
        mean = np.exp(design @ beta)
        return mean.sum() - counts @ (design @ beta), design.T @ (mean - counts)

    start = np.zeros(terms.size)
    start[0] = math.log(counts.mean())
    best = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    eta = design @ best.x
    shares = np.exp(eta) / np.exp(eta).sum()
    return gammaln(counts.sum() + 1) - gammaln(unseen + 1) + counts @ np.log(shares)


def test_against_the_definition():
    table = load_table("hepatitis-taiwan-3")
    model = Model.parse("[12,23]", table.lists)
    found = profile_interval(table, model)
    top = plain_profile(table, model, found.multinomial - table.observed)
    for limit in (found.low, found.high):
        drop = top - plain_profile(table, model, limit - table.observed)
        assert 2 * drop == pytest.approx(1.959964**2, rel=1e-4)
    for near in (0.98, 1.02):
        assert plain_profile(table, model, near * (found.multinomial - table.observed)) < top


def test_doubling_the_counts_narrows_the_interval():
    table = load_table("kosovo-1999-4")
    four = CaptureTable.from_arrays(table.lists, 4 * table.counts[0])
    narrow, wide = profile_interval(four, "[123,14,34]"), profile_interval(table, "[123,14,34]")
    assert narrow.poisson == pytest.approx(4 * wide.poisson, rel=1e-8)
    assert (narrow.high - narrow.low) / 4 == pytest.approx((wide.high - wide.low) / 2, rel=0.1)


def test_order_of_the_lists():
    table = load_table("uk-2013-5")
    order = (4, 2, 0, 1, 3)
    moved = table.select(*(table.lists[j] for j in order))
    model = Model.parse("[123,25,34]", table.lists)
    first, second = profile_interval(table, model), profile_interval(moved, model.relabelled(order))
    assert (second.low, second.high) == pytest.approx((first.low, first.high), rel=1e-6)


def test_nobody_need_be_unseen():
    """Everybody but two on both lists: n̂_0 is below 1, and the lower limit is n itself."""
    table = CaptureTable.from_arrays(["A", "B", "C"], [1, 1, 30, 0, 20, 20, 100])
    found = profile_interval(table, Model(3, ()))
    assert found.low == table.observed
    assert found.high < table.observed + 5
    law, _ = profile_law(table, fit_model(table, Model(3, ())))
    assert law.values[0] == table.observed and law.cdf[0] > 0.025


def test_a_term_at_minus_infinity():
    table = load_table("new-orleans-5-n185")
    counts, _ = table.dense()
    empty = next(
        1 << a | 1 << b
        for a in range(5)
        for b in range(a)
        if not counts[[h for h in range(32) if h >> a & h >> b & 1]].any()
    )
    found = profile_interval(table, Model(5, (empty,)))
    assert found.low < found.multinomial < found.poisson < found.high


def test_estimate():
    table = load_table("uk-2013-5")
    found = estimate(table, ProfileSpec(), seed=1)
    assert found.spec["model"] == "[123,25,34]" and found.spec["selected"]
    assert "NOT inside" in str(found.point_kind) and said("source.model") in found.outside
    assert found.point == found.diagnostics["multinomial"] < found.diagnostics["poisson"]
    assert estimate(table, ProfileSpec(point="poisson"), seed=1).point == found.diagnostics["poisson"]
    named = estimate(table, ProfileSpec(model="LA:NG + GO"), seed=1)
    assert "named by the user" in str(named.point_kind)
    assert (np.diff(named.distribution.values) > 0).all() and (np.diff(named.distribution.cdf) >= 0).all()


def test_digamma():
    from scipy.special import psi

    for x in (0.01, 0.5, 1.0, 3.7, 10.0, 1e4, 1e9):
        assert digamma(x) == pytest.approx(psi(x), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ProfileSpec(point="bayes", criterion="x"),
        lambda: profile_interval(load_table("artificial-3"), "[12,13,23]"),
        lambda: profile_interval(load_table("artificial-3"), "[1,2,3]", 1.0),
    ],
)
def test_wrong_input(wrong):
    with pytest.raises(MseError) as caught:
        wrong()
    assert all(problem.allowed and problem.remedy for problem in caught.value.problems)
