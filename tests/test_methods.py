"""The one call: every method on every kind of table, one shape of answer, honest failures."""

import dataclasses
import functools

import numpy as np
import pytest

import mse
from mse.errors import ModelError, MseError
from mse.methods import METHODS, checks

OVERLAP = [name for name, method in METHODS.items() if method.reads == "CaptureTable"]
FLAT = [name for name in OVERLAP if not METHODS[name].strata]
SHORT = {
    "multilevel": {"draws": 200, "longest": 200},
    "latent-class": {"longest": 1_000, "chains": 2},
    "search-average": {"models": 2_000},
    "average-strata": {"window": 0.01},
    "bootstrap": {"replicates": 200},
}
"""Methods with chains, a search or resamples, cut short: what is tested here is the shape of the answer."""
QUICK = [method for method in OVERLAP if method != "multilevel"]
"""The multilevel model has tests of its own, and takes one table here."""
TABLES = ["hepatitis-taiwan-3", "kosovo-1999-4", "congenital-massachusetts-5", "artificial-3"]


@pytest.fixture(autouse=True, scope="module")
def each_check_once():
    """The verdict holds every answer against the same few methods; here each of them is computed once a table."""
    known, compute = {}, mse.methods.run_or_fail

    def remembered(table, request, seed, how):
        key = (table.digest, repr(request), seed)
        if key not in known:
            known[key] = compute(table, request, seed, how)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mse.methods, "run_or_fail", remembered)
        yield


def run(name, method):
    return mse.estimate(mse.load_table(name), method, seed=3, **SHORT.get(method, {}))


ran = functools.cache(run)


@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for name in TABLES for method in OVERLAP if method != "multilevel" or name == TABLES[0]],
)
def test_every_method_on_every_table(name, method):
    table = mse.load_table(name)
    try:
        posterior = ran(name, method)
    except MseError as error:
        assert error.problems[0].remedy
        return
    estimate = posterior.summary(0.9)
    assert estimate.method == posterior.method == ("shrinkage" if method == "auto" else method)
    assert estimate.observed == table.observed and estimate.prob == 0.9
    # Chapman sees two lists only, so it does not know of everybody who was observed.
    least = 0 if method == "chapman" else table.observed
    assert least <= estimate.low <= estimate.high
    assert estimate.kind and estimate.inside and estimate.outside and estimate.assumptions and estimate.citations
    assert estimate.verdict is not None and estimate.verdict.checked
    assert posterior.draws.ndim == 1 and posterior.draws.min() >= least
    assert posterior.quantile([0.05, 0.95]) == pytest.approx([estimate.low, estimate.high], rel=1e-9)
    assert posterior.table_digest == table.digest and posterior.spec["seed"] == 3
    assert str(estimate.verdict.level) in str(estimate)


@pytest.mark.parametrize("method", QUICK)
def test_the_same_seed_gives_the_same_answer(method):
    posterior, again = ran("kosovo-1999-4", method), run("kosovo-1999-4", method)
    assert np.array_equal(again.draws, posterior.draws) and again.summary(0.9) == posterior.summary(0.9)


@pytest.mark.parametrize("method", QUICK)
def test_draws_follow_the_quantiles(method):
    posterior = ran("kosovo-1999-4", method)
    for q in (0.1, 0.5, 0.9):
        share = np.mean(posterior.draws <= posterior.quantile(q))
        assert share == pytest.approx(q, abs=0.02)


@pytest.mark.parametrize("method", QUICK)
def test_saved_and_loaded_is_the_same(method, tmp_path):
    posterior = ran("kosovo-1999-4", method)
    posterior.save(tmp_path / "a.nc")
    loaded = mse.Posterior.load(tmp_path / "a.nc")
    for f in dataclasses.fields(mse.Posterior):
        ours, theirs = getattr(posterior, f.name), getattr(loaded, f.name)
        if f.name in ("distribution", "identified") and ours is not None:
            assert np.array_equal(ours.values, theirs.values) and np.array_equal(ours.cdf, theirs.cdf)
            assert ours.whole == theirs.whole
        elif f.name == "models":
            assert (ours is None) == (theirs is None)
            if ours is not None:
                assert ours.to_pandas().equals(theirs.to_pandas())
        elif f.name == "strata":
            assert (ours is None) == (theirs is None)
            assert ours is None or np.array_equal(ours.draws, theirs.draws)
        elif isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs)
        elif f.name in ("interactions", "diagnostics"):
            assert dict(ours) == dict(theirs)
        elif f.name != "spec":
            assert ours == theirs, f.name
    loaded.save(tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_arviz_opens_what_is_saved(tmp_path):
    import arviz as az
    import xarray as xr

    posterior = mse.estimate(mse.load_table("kosovo-1999-4"), seed=1)
    posterior.save(tmp_path / "p.nc")
    with xr.open_datatree(tmp_path / "p.nc", engine="h5netcdf") as tree:
        summary = az.summary(tree, ci_kind="eti", ci_prob=0.95, round_to="none")
    assert summary.loc["N", "mean"] == pytest.approx(posterior.draws.mean(), rel=1e-6)


def test_not_a_posterior(tmp_path):
    (tmp_path / "x.nc").write_text("hello")
    for path in ("x.nc", "missing.nc"):
        with pytest.raises(MseError, match="cannot be read as a posterior"):
            mse.Posterior.load(tmp_path / path)


def test_probability_out_of_range():
    posterior = mse.estimate(mse.load_table("kosovo-1999-4"), "chao")
    for prob in (0.0, 1.0, 95):
        with pytest.raises(MseError, match=r"0\.95"):
            posterior.summary(prob)


def test_unknown_method_and_option():
    table = mse.load_table("kosovo-1999-4")
    with pytest.raises(ModelError, match="did you mean 'average'"):
        mse.estimate(table, "averge")
    with pytest.raises(ModelError, match="did you mean 'max_order'"):
        mse.estimate(table, "average", maxorder=2)
    with pytest.raises(ModelError) as error:
        mse.compare(table, ["nonsense", "chao", "rubbish"])
    assert len(error.value.problems) == 2
    with pytest.raises(ModelError, match="wrong type"):
        mse.estimate(table, "average", sd="wide")


def test_compare_has_a_row_for_every_method_also_where_it_fails():
    rows = mse.compare(mse.CaptureTable.from_arrays(["A", "B"], [60, 50, 20]))
    assert list(rows["method"]) == [name for name in FLAT if name != "search-average" and not METHODS[name].only_named]
    failed = rows[rows["status"] != "ok"]
    assert "decomposable" in set(failed["method"]) and failed["point"].isna().all()
    good = rows[rows["status"] == "ok"]
    assert (good["low"] <= good["point"]).all() and (good["point"] <= good["high"]).all()


def test_compare_with_options():
    rows = mse.compare(mse.load_table("kosovo-1999-4"), ["average", ("loglinear", {"model": "[12,34]"})], prob=0.8)
    assert list(rows["prob"]) == [0.8, 0.8] and "[12,34]" in rows["label"][1]


def test_checks_allow_for_dependence():
    for name in ("hepatitis-taiwan-3", "uk-2013-6"):
        for request in checks(mse.load_table(name), "average"):
            assert METHODS[request if isinstance(request, str) else request[0]].basis != "assumed"
    assert checks(mse.CaptureTable.from_arrays(["A", "B"], [60, 50, 20]), "average") == []
    assert ("average", {"corrected": 0.5}) in checks(mse.load_table("uk-2013-5"), "chao")


def test_import_is_light():
    import subprocess
    import sys

    heavy = "{'numba', 'pandas', 'xarray', 'scipy', 'matplotlib', 'arviz', 'pymc', 'highspy', 'joblib', 'pydantic'}"
    code = f"import sys, mse, mse.cli; mse.CaptureTable; mse.estimate; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve():
    for name in mse.__all__:
        assert getattr(mse, name) is not None
    assert set(mse.__all__) <= set(dir(mse))
    with pytest.raises(AttributeError):
        getattr(mse, "nothing")  # noqa: B009


def test_each_method_says_which_table_it_reads():
    with pytest.raises(ModelError, match="reads a RepeatCounts.*average"):
        mse.estimate(mse.load_table("kosovo-1999-4"), "repeats")
    register = mse.load_repeats("irregular-immigrants-netherlands-repeat")
    with pytest.raises(ModelError, match="for this table: auto, repeats"):
        mse.estimate(register, "average")
    found = mse.estimate(register, "repeats", family="poisson", interval="normal", seed=1)
    assert found.point == pytest.approx(7080, abs=1) and found.verdict is not None
    assert found.verdict.level == "publish with caution" and found.verdict.reasons[0].code == "one_family"
