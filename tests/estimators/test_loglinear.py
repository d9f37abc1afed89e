"""Log-linear fits and their ranking: Rcapture, MultipleSystemsEstimation and SparseMSE to their digits."""

import csv
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mse.errors import ModelError
from mse.estimators.single.bestmodel import LoglinearSpec, estimate, fit_model, rank_models
from mse.estimators.single.existence import Existence
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.terms import Model, count_models

GOLDEN = Path(__file__).parents[1] / "golden"
RCAPTURE = sorted((GOLDEN / "rcapture").glob("*.models.csv*"))


def rows(path):
    path = path if path.exists() else path.with_name(path.name + ".gz")
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
        return list(csv.DictReader(file))


def table_named(name):
    if name == "spina-bifida-3-ethnicity-collapsed":
        return load_table("spina-bifida-3-ethnicity").collapse()
    return load_table(name)


def made(counts, lists=None):
    k = (len(counts) + 1).bit_length() - 1
    return CaptureTable.from_arrays(lists or [f"L{j + 1}" for j in range(k)], counts)


def number(text):
    return math.nan if text in ("", "NA") else float(text)


@pytest.mark.parametrize("path", RCAPTURE, ids=lambda p: p.name.split(".")[0])
def test_every_model_of_rcapture(path):
    """N, deviance, df, AIC and BIC of all models that Rcapture calls clean, and of most that it does not.

    Where an estimate exists (19,786 models of ten tables, 10,723 of them with flag 0) we agree whatever the
    flag says. R's glm stops when the deviance changes by less than 1e-8; terms at −∞ then stand at about
    −23, which moves N by up to 3e-7 (flag 0) or 2e-6 and the deviance by 6e-9. Rcapture counts such terms as
    parameters, and so do we. Its standard errors are off by up to 1e-4, because glm leaves the weights of the
    step before the last in its covariance (the same steps in NumPy give its digits: 21.55294480 for
    hepatitis [1,2,3], where the weights at the fit give 21.55309165); ours are those at the fit.

    On 1,001 models no estimate exists, 287 of them without a flag. Rcapture prints where glm stopped. What
    that means is told by the directions in which the likelihood rises: on 570 the unseen fall to 0, so that
    N = n with a standard error near 0 is an artefact; on 73 they rise without bound (N of 1e5 to 1e13); on 2
    they are open. On 356 they settle although other coefficients run off: there Rcapture's N is the right
    limit, and ours agrees (`LoglinearFit.limit_N`). Like MultipleSystemsEstimation we rank none of them. The
    limits of deviance, AIC and BIC agree on all. Where N is not identifiable (263) no number means anything.
    """
    table = table_named(path.name.split(".")[0])
    ranked = rank_models(table, keep=10_000).set_index("model")
    golden = rows(path)
    assert len(ranked) == len(golden) == count_models(table.n_lists)
    for row in golden:
        ours = ranked.loc[row["model"]]
        flag, status = row["infoFit"], ours["status"]
        assert ours["df"] == int(row["df"])
        if "not identifiable" in status:
            assert math.isnan(ours["bic"]) and math.isnan(ours["N"])
            continue
        assert ours["deviance"] == pytest.approx(number(row["deviance"]), rel=1e-6, abs=2e-8)
        assert ours["aic"] == pytest.approx(number(row["AIC"]), rel=1e-8)
        assert ours["bic"] == pytest.approx(number(row["BIC"]), rel=1e-8)
        if status == "no MLE":
            assert math.isnan(ours["N"])
            continue
        assert status == "ok"
        assert ours["N"] == pytest.approx(number(row["abundance"]), rel=1e-6 if flag == "0" else 3e-6)
        assert ours["se"] == pytest.approx(number(row["stderr"]), rel=1e-4)


@pytest.mark.parametrize(
    "name",
    [p.name.split(".")[0] for p in sorted((GOLDEN / "multiplesystemsestimation").glob("*.bic_results.csv*"))],
)
def test_bic_of_multiplesystemsestimation(name):
    """All models that it ranks, in its order; at five lists those with terms of up to three lists."""
    golden = rows(GOLDEN / "multiplesystemsestimation" / f"{name}.bic_results.csv")
    table = load_table(name)
    order = 3 if table.n_lists == 5 else None
    ranked = rank_models(table, order)
    usable = ranked[ranked["status"] == "ok"]
    assert len(usable) == len(golden)
    by_model = usable.set_index("model")
    for row in golden:
        assert by_model.loc[row["model"], "bic"] == pytest.approx(float(row["BIC"]), rel=1e-8)
        assert by_model.loc[row["model"], "N"] == pytest.approx(float(row["abundance"]), rel=3e-6)
    theirs = np.array([float(row["BIC"]) for row in golden])
    np.testing.assert_allclose(usable["bic"].to_numpy(), theirs, rtol=1e-8)
    assert usable["model"].iloc[0] == golden[0]["model"]


def test_rcapture_where_there_is_no_estimate():
    """The direction of the rise explains each number of Rcapture: n, something huge, or the settled limit."""
    met = {"settles": 0, "falls to 0": 0, "rises without bound": 0}
    for name, order in (("uk-2013-5", 4), ("new-orleans-5-n185", 4), ("congenital-massachusetts-5", 3)):
        table = load_table(name)
        path = GOLDEN / "rcapture" / f"{name}.models.csv"
        golden = {row["model"]: number(row["abundance"]) for row in rows(path)}
        ranked = rank_models(table, order)
        for model in ranked[ranked["status"] == "no MLE"]["model"].iloc[::9]:
            fit = fit_model(table, model)
            assert math.isnan(fit.N) and fit.limit in met
            met[fit.limit] += 1
            if fit.limit == "rises without bound":
                assert golden[model] > 1e5 and fit.limit_N == math.inf
            else:
                assert fit.limit_N == pytest.approx(golden[model], rel=1e-6)
    assert min(met.values()) >= 5


@pytest.mark.parametrize("path", sorted((GOLDEN / "sparsemse").glob("*.json")), ids=lambda p: p.stem)
def test_fits_of_sparsemse(path):
    """Coefficients as R's glm prints them; SparseMSE counts terms at −∞ in AIC but does not print them."""
    golden = json.loads(path.read_text())
    names = list(golden["main"]["fit"]["coefficients"])[1:]
    table = load_table(path.stem)
    table = table.rename(dict(zip(table.lists, names, strict=True)))
    pairs = " + ".join(f"{a}:{b}" for i, a in enumerate(table.lists) for b in table.lists[i + 1 :])
    compared = 0
    for key, model in (("main", " + ".join(table.lists)), ("stepwise", None), ("fixed_all_pairs", pairs)):
        theirs = golden.get(key, {}).get("fit")
        if theirs is None:
            continue
        coefficients = theirs["coefficients"]
        if model is None:
            gone = [p for p in (theirs["emptyoverlaps"] or {})]
            model = " + ".join([c for c in coefficients if c != "(Intercept)"] + gone)
        fit = fit_model(table, model)
        ours = fit.coefficients().set_index("term")["corner"]
        finite = ours[np.isfinite(ours)]
        assert set(finite.index) == set(coefficients)
        for term, value in coefficients.items():
            assert finite[term] == pytest.approx(value, abs=2e-5)
        assert fit.deviance == pytest.approx(theirs["deviance"], rel=1e-8, abs=1e-7)
        assert fit.aic == pytest.approx(theirs["aic"], rel=1e-8)
        point = golden[key]["estimate"]["point est."]
        assert fit.N == pytest.approx(point, rel=1e-6)
        assert fit.unseen == pytest.approx(math.exp(finite["(Intercept)"]), rel=1e-9)
        compared += 1
    assert compared >= 2


def test_standard_errors_from_the_information_matrix():
    """Twin: the 0/1-coded Poisson information inverted, at the fitted means."""
    table = load_table("kosovo-1999-4")
    fit = fit_model(table, "[123,14,34]")
    cells = np.arange(1, 16)
    a = np.array([[float(w & t == t) for t in fit.terms] for w in cells])
    covariance = np.linalg.inv(a.T @ (fit.fitted[1:, None] * a))
    np.testing.assert_allclose(fit.corner_se, np.sqrt(np.diag(covariance)), rtol=1e-9)
    np.testing.assert_allclose(a @ fit.corner, np.log(fit.fitted[1:]), atol=1e-12)
    assert fit.se == pytest.approx(math.sqrt(fit.unseen + fit.unseen**2 * covariance[0, 0]), rel=1e-9)
    # the likelihood equations: fitted margins of all terms equal the observed ones
    np.testing.assert_allclose(a.T @ fit.fitted[1:], a.T @ table.dense().counts[1:], rtol=1e-10)
    signs = np.array([[(-1.0) ** (w & t).bit_count() for t in fit.terms] for w in cells])
    np.testing.assert_allclose(signs @ fit.walsh, np.log(fit.fitted[1:]), atol=1e-12)


def test_one_fit_agrees_with_the_ranking():
    table = load_table("uk-2013-5")
    ranked = rank_models(table)
    for at in (0, 3, 400, 5000):
        row = ranked.iloc[at]
        fit = fit_model(table, row["model"])
        for column in ("N", "se", "deviance", "aic", "bic", "bic_cells", "df"):
            assert getattr(fit, column) == pytest.approx(row[column], rel=1e-7, abs=1e-8)
        assert len(fit.infinite) == row["n_infinite"] and fit.existence == row["existence"]


def test_ranking_order_and_streaming():
    table = load_table("uk-2013-5")
    ranked = rank_models(table)
    usable = (ranked["status"] == "ok").to_numpy()
    assert usable.sum() == 6519 and usable[:6519].all()
    assert np.diff(ranked["bic"].iloc[:6519]).min() > -2e-9  # ties are broken by size, not by the last bits
    assert ranked["model"].is_unique
    best = rank_models(table, keep=50)
    assert best["model"].tolist() == ranked["model"].iloc[:50].tolist()
    for criterion in ("aic", "bic_cells"):
        other = rank_models(table, criterion=criterion)
        assert np.diff(other[criterion].iloc[:6519]).min() > -2e-9
        assert set(other["model"]) == set(ranked["model"])
    own = rank_models(table, existence=False)
    same = (own.set_index("model")["status"] == "ok") == (ranked.set_index("model")["status"] == "ok")
    assert same.all()


@pytest.mark.parametrize(("name", "order"), [("kosovo-1999-4", None), ("uk-2013-6", 2)])
def test_two_rankings_of_a_table_share_their_fits(monkeypatch, name, order):
    """By persons and by cells: all models are fitted once, and each ranking is what it is alone."""
    from mse.estimators.single import selection
    from mse.kernels import likelihoods

    table, sweep, swept = load_table(name), likelihoods.sweep_likelihood, []
    monkeypatch.setattr(likelihoods, "sweep_likelihood", lambda *a, **b: swept.append(1) or sweep(*a, **b))
    selection._held.cache_clear()
    selection._held_small.cache_clear()
    shared = [rank_models(table, order, criterion=x) for x in ("bic", "bic_cells")]
    assert len(swept) == 1
    for frame, criterion in zip(shared, ("bic", "bic_cells"), strict=True):
        selection._held.cache_clear()
        selection._held_small.cache_clear()
        assert frame.equals(rank_models(table, order, criterion=criterion))


def test_pairs_only_fork_of_bic():
    """UK five lists, pairs: 22,991 with penalty ln(persons) against 11,175 with penalty ln(cells)."""
    table = load_table("uk-2013-5")
    assert rank_models(table, 2)["N"].iloc[0] == pytest.approx(22991.33, abs=0.01)
    assert rank_models(table, 2, criterion="bic_cells")["N"].iloc[0] == pytest.approx(11175, abs=1)


def test_fork_of_bic_on_six_dutch_lists():
    """Pairs on the Dutch table: 116,667 with penalty ln(persons), 43,585 with penalty ln(cells)."""
    table = load_table("netherlands-2010-2015-6")
    by_persons = rank_models(table, 2, keep=3).iloc[0]
    by_cells = rank_models(table, 2, criterion="bic_cells", keep=3).iloc[0]
    assert (round(by_persons["N"]), round(by_cells["N"])) == (116667, 43585)


def test_artificial_3_without_an_estimate():
    """Three of its models have no estimate, where Rcapture prints N = 1e13; one does not fix N."""
    ranked = rank_models(load_table("artificial-3")).set_index("model")
    assert ranked["status"].value_counts().to_dict() == {"ok": 4, "no MLE": 3, "not identifiable": 1}
    assert ranked.index[:4].tolist() == ["[1,2,3]", "[13,23]", "[13,2]", "[23,1]"]
    assert ranked.loc["[13,23]", "n_infinite"] == 2
    fit = fit_model(load_table("artificial-3"), "[12,3]")
    assert fit.existence is Existence.NO_MLE and math.isnan(fit.N)
    with pytest.raises(ModelError, match="no MLE"):
        estimate(load_table("artificial-3"), LoglinearSpec(model="[12,3]"), seed=1)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=15, max_size=15), st.permutations(range(4)))
def test_relabelling_lists_leaves_n_alone(counts, order):
    table = made(counts)
    moved = np.zeros(15, dtype=int)
    for w in range(1, 16):
        moved[sum(1 << order.index(j) for j in range(4) if w >> j & 1) - 1] = counts[w - 1]
    other = rank_models(made(moved)).set_index("model")
    for row in rank_models(table).itertuples():
        there = other.loc[Model.parse(row.model, table.lists).relabelled(order).notation]
        assert there["N"] == pytest.approx(row.N, rel=1e-6)
        assert there["se"] == pytest.approx(row.se, rel=1e-5)


def test_doubling_counts_doubles_the_unseen():
    table = load_table("kosovo-1999-4")
    once, twice = rank_models(table), rank_models(made(2 * table.counts[0], table.lists)).set_index("model")
    for row in once.itertuples():
        assert twice.loc[row.model, "N"] == pytest.approx(2 * row.N, rel=1e-8)
        assert twice.loc[row.model, "deviance"] == pytest.approx(2 * row.deviance, rel=1e-8, abs=1e-8)


def test_independence_of_two_lists_is_petersen():
    fit = fit_model(made([30, 20, 10]), "[1,2]")
    assert fit.N == pytest.approx(40 * 30 / 10)
    assert fit.deviance == pytest.approx(0, abs=1e-9) and fit.df == 0
    assert rank_models(made([30, 20, 10]))["model"].tolist() == ["[1,2]"]


def test_a_cell_that_cannot_be_seen_is_left_out():
    """With A&B unobservable the interaction of A and B is no candidate, and the cell no part of df."""
    counts = [40, 30, 0, 20, 5, 7, 2]
    closed = CaptureTable.from_arrays(["A", "B", "C"], counts, observable=[1, 1, 0, 1, 1, 1, 1])
    ranked = rank_models(closed)
    assert len(ranked) == 8 and ranked.set_index("model").loc["[1,2,3]", "df"] == 2
    both = CaptureTable.from_arrays(["A", "B", "C"], [*counts[:6], 0], observable=[1, 1, 0, 1, 1, 1, 0])
    assert set(rank_models(both)["model"]) == {"[1,2,3]", "[13,2]", "[23,1]", "[13,23]"}
    assert fit_model(both, "[12,3]").N == pytest.approx(fit_model(both, "[1,2,3]").N)


def test_estimate_says_what_it_is():
    table = load_table("kosovo-1999-4")
    answer = estimate(table, LoglinearSpec(), seed=3)
    fit = fit_model(table, "[123,14,34]")
    assert answer.point == fit.N and answer.kind == "sampling distribution"
    assert "NOT inside" in str(answer.point_kind) and "[123,14,34]" in str(answer.point_kind)
    summary = answer.summary(0.95)
    assert (summary.low, summary.high) == pytest.approx(fit.interval(0.95), rel=1e-6)
    factor = math.exp(1.959963984540054 * math.sqrt(math.log(1 + fit.se**2 / fit.unseen**2)))
    assert summary.high == pytest.approx(fit.observed + fit.unseen * factor, rel=1e-5)
    assert answer.diagnostics["near_ties"] == 3
    assert (answer.diagnostics["near_ties_low"], answer.diagnostics["near_ties_high"]) == pytest.approx(
        (10356.519, 18393.306), abs=0.01
    )
    assert any("[123,134]" in str(note) for note in answer.notes)
    assert np.array_equal(answer.draws, estimate(table, LoglinearSpec(), seed=3).draws)
    assert not np.array_equal(answer.draws, estimate(table, LoglinearSpec(), seed=4).draws)
    named = estimate(table, LoglinearSpec(model="EXH:ABA + HRW"), seed=3)
    assert "named by the user" in str(named.point_kind) and "NOT inside" not in str(named.point_kind)
    assert named.spec["model"] == "[12,3,4]"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: rank_models(t, criterion="bix"), "'bic'"),
        (lambda t: rank_models(t, 0), "max_order"),
        (lambda t: rank_models(t, keep=0), "keep"),
        (lambda t: fit_model(t, "[1234]"), "saturated"),
        (lambda t: fit_model(t, "[125]"), "no list '5'"),
        (lambda t: fit_model(t, Model(3, (3,))), "on 3 lists"),
        (lambda t: LoglinearSpec(criterion="x", max_order=0, draws=1), "3 problems"),
        (lambda t: rank_models(load_table("new-orleans-8-n185")), "max_order=2"),
        (lambda t: rank_models(load_table("new-orleans-8-n185"), 2), "merge or drop lists"),
        (lambda t: rank_models(load_table("spina-bifida-3-ethnicity")), "strata"),
    ],
)
def test_bad_input_is_told(call, said):
    with pytest.raises(ModelError, match=said):
        call(load_table("kosovo-1999-4"))


def test_six_lists_by_pairs_keep_the_best():
    table = load_table("netherlands-2010-2015-6")
    ranked = rank_models(table, 2, keep=100)
    assert len(ranked) == 100 and (ranked["status"] == "ok").all()
    assert np.diff(ranked["bic"]).min() > -2e-9
    assert fit_model(table, ranked["model"].iloc[0]).bic == pytest.approx(ranked["bic"].iloc[0], rel=1e-9)


@pytest.mark.slow
def test_all_models_of_six_lists():
    """7,785,061 models streamed; the best must be among those that single fits confirm."""
    table = load_table("netherlands-2010-2015-6")
    ranked = rank_models(table, keep=1000)
    assert len(ranked) == 1000 and (ranked["existence"] == 0).all()
    assert fit_model(table, ranked["model"].iloc[0]).bic == pytest.approx(ranked["bic"].iloc[0], rel=1e-9)


def test_wald_interval_is_the_normal_one_and_stops_at_the_observed():
    from mse.estimators.single.bestmodel import LoglinearSpec, estimate, fit_model
    from mse.shipped import load_table

    table = load_table("kosovo-1999-4")
    fit = fit_model(table, "[123,14,34]")
    found = estimate(table, LoglinearSpec(model="[123,14,34]", interval="wald"), seed=1).summary(0.95)
    assert [found.low, found.high] == pytest.approx([fit.N - 1.959964 * fit.se, fit.N + 1.959964 * fit.se], rel=1e-5)
    assert "Wald" in str(found.kind)
    sparse = load_table("western-us-5")
    wide = estimate(sparse, LoglinearSpec(model="[12,13,14,15,23,24,25,34,35,45]", interval="wald"), seed=1)
    assert wide.quantile(0.001) >= sparse.observed
    with pytest.raises(ModelError, match="'lognormal' or 'wald'"):
        LoglinearSpec(interval="profile")
