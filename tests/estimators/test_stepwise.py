"""Stepwise selection and the search for the best model: SparseMSE to its digits, a plain twin, the whole ranking."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.single import downhill as search
from mse.estimators.single import stepwise
from mse.estimators.single.existence import margins
from mse.estimators.single.fitted import fit_model
from mse.estimators.single.selection import rank_models
from mse.kernels.poissontails import log_tail
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.terms import Model, members
from mse.words.said import said

GOLDEN = Path(__file__).parents[1] / "golden" / "sparsemse"
TABLES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def resampled(table, seed):
    """A table drawn from the observed persons; None where it can no longer be a table."""
    counts = np.random.default_rng(seed).multinomial(table.observed, table.counts[0] / table.observed)
    try:
        return CaptureTable.from_arrays(table.lists, counts)
    except MseError:
        return None


def plain_stepwise(table, threshold=0.02):
    """The definition, with SciPy's Poisson law and a linear programme for every candidate."""
    from scipy.stats import poisson

    counts, _ = table.dense()
    totals, inside, refused = margins(counts), [], set()
    while True:
        fit = fit_model(table, Model(table.n_lists, tuple(inside)))
        fitted = fit.fitted.copy()
        fitted[0] = 0.0
        expected = margins(fitted)
        tails = []
        for a, b in itertools.combinations(range(table.n_lists), 2):
            pair = 1 << a | 1 << b
            if pair not in inside:
                x, mean = totals[pair], expected[pair]
                tails.append((min(poisson.logcdf(x, mean), poisson.logsf(x - 1, mean)), pair))
        for tail, pair in sorted(tails):
            if tail >= math.log(threshold):
                return fit, inside, refused
            if fit_model(table, Model(table.n_lists, (*inside, pair))).existence == 0:
                inside.append(pair)
                break
            refused.add(pair)
        else:
            return fit, inside, refused


@pytest.mark.parametrize("name", TABLES)
def test_path_of_sparsemse(name):
    """Pairs in the order of their entry, and N. R's glm stops at a relative change of 1e-8, hence 1e-8 in N.

    The test statistic is the smaller of both tails with the count itself in each: other readings of "one-sided"
    (the upper tail alone; twice the tail) miss NG:GP of the UK tables, whose overlap is too small.
    """
    record = golden(name)["stepwise"]
    table = load_table(name)
    path = stepwise.stepwise_path(table)
    pairs = [i for i in record["fit"]["coefficients"] if ":" in i]
    assert len(pairs) == len(path.pairs)
    if name != "congenital-massachusetts-5":  # its lists have other names here
        assert path.to_pandas()["pair"].tolist() == pairs
    point = record["estimate"]["point est."]
    assert table.observed + math.exp(path.log_unseen) == pytest.approx(point, rel=1e-8)
    lognormal = stepwise.estimate(table, stepwise.StepwiseSpec(interval="lognormal"), seed=1)
    assert lognormal.point == pytest.approx(point, rel=1e-8)
    assert "NOT inside" in str(lognormal.point_kind) and said("source.model") in lognormal.outside


def test_path_against_the_definition():
    """The compiled path, with Newton's method as its test of existence, against the plain twin on 66 resamples.

    They have empty overlaps (terms at −∞) and pairs that no estimate allows; both kinds must occur.
    """
    infinite = refusals = 0
    for name, tries in (
        ("new-orleans-5-n185", 30),
        ("western-us-5", 20),
        ("new-orleans-8-n185", 8),
        ("uk-2013-5", 8),
    ):
        table = load_table(name)
        for seed in range(tries):
            drawn = resampled(table, [7, seed])
            if drawn is None:
                continue
            fit, pairs, refused = plain_stepwise(drawn)
            path = stepwise.stepwise_path(drawn)
            assert list(path.pairs) == pairs
            assert set(path.refused) == refused - set(pairs)
            assert drawn.observed + math.exp(path.log_unseen) == pytest.approx(fit.N, rel=1e-7)
            infinite += bool(fit.infinite)
            refusals += bool(refused)
    assert infinite > 0 and refusals > 0


def test_tails():
    from scipy.stats import poisson

    for x, mean in itertools.product((0, 1, 5, 40, 700), (1e-3, 0.7, 5.0, 41.0, 699.5, 2000.0)):
        expected = min(poisson.logcdf(x, mean), poisson.logsf(x - 1, mean))
        if math.isfinite(expected):
            assert log_tail(float(x), mean) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert log_tail(0.0, 0.0) == 0.0
    # SciPy's survival function is 0 from here on: the tails are still told apart
    assert log_tail(4000.0, 10.0) < log_tail(3000.0, 10.0) < -5000


def test_path_does_not_depend_on_the_order_of_lists():
    table = load_table("uk-2013-5")
    order = (3, 0, 4, 2, 1)
    moved = table.select(*(table.lists[j] for j in order))
    path, other = stepwise.stepwise_path(table), stepwise.stepwise_path(moved)
    names = [sorted(table.lists[j] for j in members(pair)) for pair in path.pairs]
    assert names == [sorted(moved.lists[j] for j in members(pair)) for pair in other.pairs]
    assert other.log_unseen == pytest.approx(path.log_unseen, abs=1e-9)


def test_interval_knows_of_the_selection():
    table = load_table("uk-2013-5")
    with_it = stepwise.estimate(table, stepwise.StepwiseSpec(replicates=300), seed=4)
    without = stepwise.estimate(table, stepwise.StepwiseSpec(interval="lognormal"), seed=4)
    assert any("repeated on every resample" in text for text in map(str, with_it.inside))
    wide, narrow = np.diff(with_it.quantile([0.025, 0.975])), np.diff(without.quantile([0.025, 0.975]))
    assert wide > 1.2 * narrow
    assert with_it.diagnostics["replicates"] == 300
    assert 0.9 < with_it.interactions["LA:NG"] <= 1.0


@pytest.mark.parametrize("criterion", ["bic", "bic_cells", "aic"])
@pytest.mark.parametrize("name", ["artificial-3", "kosovo-1999-4", "uk-2013-5", "new-orleans-5-n185", "western-us-5"])
def test_best_model_is_the_first_of_all(name, criterion):
    table = load_table(name)
    ranked = rank_models(table, criterion=criterion)
    assert search.best_model(table, criterion).notation == ranked["model"].iloc[0]
    pairs = rank_models(table, 2, criterion=criterion)
    assert search.best_model(table, criterion, 2).notation == pairs["model"].iloc[0]


def test_best_model_on_resamples():
    """Branch and bound against the whole ranking with its linear programmes, where zeros are many."""
    for name in ("uk-2013-5", "new-orleans-5-n185", "western-us-5"):
        for seed in range(2):
            drawn = resampled(load_table(name), [3, seed])
            if drawn is not None:
                assert search.best_model(drawn).notation == rank_models(drawn)["model"].iloc[0]


def test_best_of_six_lists():
    """Of 7,785,061 models; the best of pairs alone has a BIC of 310.4 (N = 116,667)."""
    table = load_table("netherlands-2010-2015-6")
    fit = fit_model(table, search.best_model(table))
    assert fit.model.notation == "[346,16,25,45]"
    assert fit.N == pytest.approx(143_603.02, rel=1e-6)
    pairs = fit_model(table, search.best_model(table, max_order=2))
    assert pairs.N == pytest.approx(116_667.02, rel=1e-6)
    assert fit.bic < pairs.bic - 18


def test_downhill_finds_the_best():
    table = load_table("uk-2013-5")
    ends = search.search_models(table, max_order=None, starts=8, seed=2)
    assert ends["model"].iloc[0] == "[123,25,34]"
    assert ends["starts"].sum() == 8
    again = search.search_models(table, max_order=None, starts=8, seed=2, compute=Compute(workers=1))
    assert again.equals(ends)


def test_downhill_on_eight_lists():
    table = load_table("new-orleans-8-n185")
    found = search.estimate(table, search.DownhillSpec(starts=4), seed=1)
    assert found.point == pytest.approx(1183.6923, rel=1e-6)
    assert "NOT inside" in str(found.point_kind)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: stepwise.StepwiseSpec(threshold=0.0, replicates=3),
        lambda: stepwise.StepwiseSpec(interval="wald"),
        lambda: search.DownhillSpec(criterion="hq", starts=0),
        lambda: stepwise.stepwise_path(load_table("uk-2013-5"), 2.0),
    ],
)
def test_wrong_options(wrong):
    with pytest.raises(MseError) as caught:
        wrong()
    assert all(problem.allowed and problem.remedy for problem in caught.value.problems)


def test_too_many_lists_to_resample():
    counts = np.zeros(2**12 - 1, dtype=np.int64)
    counts[[(1 << j) - 1 for j in range(12)]] = 20
    counts[[(1 << j | 1 << (j + 1) % 12) - 1 for j in range(12)]] = 5
    table = CaptureTable.from_arrays([f"L{j}" for j in range(12)], counts)
    with pytest.raises(MseError, match="too many to resample"):
        stepwise.estimate(table, stepwise.StepwiseSpec(), seed=1)
