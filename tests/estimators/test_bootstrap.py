"""Bootstrap intervals: SparseMSE and MultipleSystemsEstimation within Monte Carlo error, a plain twin, invariants."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.single import stepwise
from mse.estimators.single.bootstrap import BootstrapSpec, estimate
from mse.estimators.single.fitted import fit_model
from mse.estimators.single.resampling import Replicates, acceleration, law_of
from mse.estimators.single.selection import rank_models
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.words.said import said

OURS = 1000
GOLDEN = Path(__file__).parents[1] / "golden"
SPARSE = sorted(path.stem for path in (GOLDEN / "sparsemse").glob("*.json"))
PEER = json.loads(gzip.decompress((GOLDEN / "multiplesystemsestimation" / "results.json.gz").read_bytes()))


def nboot(call):
    return int(call.split("nboot=")[1].split(",")[0])


def reached(found, plain, levels, limits, size):
    """Where a peer's BCa limits lie among our resamples, where they should, and the Monte Carlo error of both.

    A limit at level q is the quantile g(q) of the resamples. On that scale the peer's limit has the error
    √(g(1 − g)/B), and z_0, which comes from the same B resamples, about 2φ(Φ⁻¹(g))·√(π/2)/√B. Below one in B a
    bootstrap has nothing to answer with: R then gives its smallest resample.
    """
    size = 1 / (1 / size + 1 / OURS)
    z0, rate = found.diagnostics["bias"], found.diagnostics["acceleration"]
    g = plain_bca_level(z0, rate, np.array(levels))
    got = np.array([plain.distribution.probability_below(x) for x in limits])
    held = np.clip(g, 1 / size, 1 - 1 / size)
    density = np.exp(-0.5 * ndtri(held) ** 2) / math.sqrt(2 * math.pi)
    return got, g, np.sqrt(held * (1 - held) / size) + 2 * density * math.sqrt(math.pi / 2 / size)


def plain_bca_level(z0, rate, levels):
    """The share of the resamples below the BCa limit, by the book (Efron 1987)."""
    z = z0 + ndtri(levels)
    return ndtr(z0 + z / (1 - rate * z))


@pytest.mark.parametrize("name", SPARSE)
def test_bca_of_sparsemse(name):
    """The acceleration to eight digits, the limits within Monte Carlo error.

    The acceleration is exact: it needs no resamples, and the stepwise selection repeated without one person of
    each history must give the same estimates as in R, those with a term at −∞ included. On the limits: R drew
    1,000 resamples (500, 200 and 100 of three tables), we as many.
    """
    record = json.loads((GOLDEN / "sparsemse" / f"{name}.json").read_text())["bootstrap"]
    table = load_table(name)
    spec = stepwise.StepwiseSpec(replicates=OURS)
    found = stepwise.estimate(table, spec, seed=11)
    assert found.point == pytest.approx(record["popest"], rel=1e-8)
    assert found.diagnostics["acceleration"] == pytest.approx(record["ahat"], rel=1e-7)
    levels = np.array([float(q) for q in record["BCaquantiles"]])
    limits = list(record["BCaquantiles"].values())
    plain = stepwise.estimate(table, stepwise.StepwiseSpec(replicates=OURS, interval="percentile"), seed=11)
    got, g, error = reached(found, plain, levels, limits, nboot(record["call"]))
    assert (np.abs(got - g) < 4 * error).all(), (levels, got, g, error)
    # the resamples themselves, without the BCa transform
    summary = record["boot_summary"]
    for q in (0.025, 0.25, 0.5, 0.75, 0.975):
        share = plain.distribution.probability_below(summary[f"{q:.1%}".replace(".0%", "%")])
        assert abs(share - q) < 4 * math.sqrt(q * (1 - q) * (1 / nboot(record["call"]) + 1 / OURS)) + 0.005


@pytest.mark.parametrize("name", ["artificial-3", "hepatitis-taiwan-3", "spina-bifida-3", "kosovo-1999-4", "uk-2013-4"])
def test_top_models_of_multiplesystemsestimation(name):
    """BIC repeated among the best 1, 2, 3, … models: ``estimate_population_bic(x, nboot=…)``, row by row."""
    record = next(r for r in PEER if r["dataset"] == name and "_bic(" in r["call"] and "BCaquantiles" in r)
    table = load_table(name)
    ranked = rank_models(table)["model"]
    levels = (0.025, 0.1, 0.9, 0.975)
    size = nboot(record["call"])
    for i in (0, 2, 10):
        if i >= len(record["BCaquantiles"]):
            break
        row = record["BCaquantiles"][i]
        assert row["row"] == ranked.iloc[i]
        found, plain = (
            estimate(table, BootstrapSpec(selection="top", top=i + 1, replicates=OURS, interval=interval), seed=3)
            for interval in ("bca", "percentile")
        )
        got, g, error = reached(found, plain, levels, [row[str(q)] for q in levels], size)
        assert (np.abs(got - g) < 4 * error).all(), (i, levels, got, g, error)


def test_every_model_is_chosen_from_on_every_resample():
    """The selection inside the resamples against the whole ranking of each, drawn from the same generators."""
    table = load_table("uk-2013-5")
    found = estimate(table, BootstrapSpec(replicates=20, interval="percentile"), seed=5)
    counts = table.counts[0]
    sizes = []
    for i in range(20):
        drawn = np.random.default_rng([5, i]).multinomial(table.observed, np.append(0, counts) / counts.sum())[1:]
        ranked = rank_models(CaptureTable.from_arrays(table.lists, drawn))
        sizes.append(ranked["N"].iloc[0])
    assert found.distribution.values == pytest.approx(np.sort(sizes), rel=1e-6)
    assert any("all hierarchical models, repeated" in text for text in map(str, found.inside))


def test_selection_is_inside_or_said_to_be_outside():
    table = load_table("kosovo-1999-4")
    widths = {}
    for selection in ("all", "top", "stepwise", "fixed"):
        found = estimate(table, BootstrapSpec(selection=selection, replicates=200), seed=1)
        low, high = found.quantile([0.025, 0.975])
        widths[selection] = math.log(high / low)
        inside = said("source.model") not in found.outside
        assert inside == (selection != "fixed")
        assert ("NOT inside" in str(found.point_kind)) == (selection == "fixed")
    assert widths["all"] > 2 * widths["fixed"]


def test_parametric_against_the_delta_method():
    """A population drawn from the model, the model kept: the spread of N̂ is its standard error."""
    table = load_table("kosovo-1999-4")
    fit = fit_model(table, "[123,14,34]")
    spec = BootstrapSpec(
        selection="fixed", resample="model", model="[123,14,34]", replicates=3000, interval="percentile"
    )
    found = estimate(table, spec, seed=2)
    low, high = found.quantile([0.1587, 0.8413])
    assert (high - low) / 2 == pytest.approx(fit.se, rel=0.08)
    assert found.quantile(0.5) == pytest.approx(fit.N, rel=0.02)
    assert "populations under" in str(found.point_kind)


def test_parametric_fills_an_empty_overlap():
    """What resampling histories cannot do, and says it cannot."""
    table = load_table("uk-2013-5")
    plain = estimate(table, BootstrapSpec(selection="stepwise", replicates=50), seed=1)
    drawn = estimate(table, BootstrapSpec(selection="stepwise", resample="model", replicates=50), seed=1)
    assert any("share nobody" in str(note) for note in plain.notes)
    assert not any("share nobody" in str(note) for note in drawn.notes)


def test_law_holds_the_bca_limits():
    rng = np.random.default_rng(8)
    sizes = 1000 + np.exp(rng.normal(6, 0.5, size=5000))
    jackknife, weights = rng.normal(1400, 3, size=30), rng.integers(1, 40, size=30).astype(float)
    found = Replicates(sizes, np.zeros(5000, dtype=np.int64), jackknife, weights, 0)
    law = law_of(found, 1380.0, "bca")
    away = np.average(jackknife, weights=weights) - jackknife
    rate = np.sum(weights * away**3) / (6 * np.sum(weights * away**2) ** 1.5)
    assert law.acceleration == pytest.approx(rate) == acceleration(jackknife, weights)
    levels = np.array([0.01, 0.025, 0.1, 0.5, 0.84, 0.975, 0.99])
    expected = np.quantile(sizes, plain_bca_level(ndtri(np.mean(sizes < 1380.0)), rate, levels), method="hazen")
    assert law.distribution.quantile(levels) == pytest.approx(expected, rel=1e-3)
    percentile = law_of(found, 1380.0, "percentile")
    assert percentile.distribution.quantile(levels) == pytest.approx(np.quantile(sizes, levels, method="hazen"))


def test_resamples_without_bound_lie_beyond_the_grid():
    sizes = np.append(np.linspace(100, 200, 95), [np.inf] * 5)
    found = Replicates(sizes, np.zeros(100, dtype=np.int64), np.array([150.0]), np.array([1.0]), 0)
    law = law_of(found, 150.0, "percentile")
    assert law.distribution.beyond == pytest.approx(0.055)
    assert np.isfinite(law.distribution.draw(50, np.random.default_rng(1))).all()


@pytest.mark.parametrize("workers", [1, 2, None])
def test_workers_change_nothing(workers, tmp_path):
    table = load_table("uk-2013-5")
    spec = BootstrapSpec(replicates=60)
    found = estimate(table, spec, seed=9, compute=Compute(workers=workers, folder=tmp_path))
    again = estimate(table, spec, seed=9, compute=Compute(workers=1))
    assert np.array_equal(found.distribution.values, again.distribution.values)
    assert np.array_equal(found.draws, again.draws)
    other = estimate(table, spec, seed=10, compute=Compute(workers=1))
    assert not np.array_equal(found.distribution.values, other.distribution.values)


def test_posterior_survives_its_file(tmp_path):
    found = estimate(load_table("artificial-3"), BootstrapSpec(replicates=100), seed=1)
    found.save(tmp_path / "p.nc")
    loaded = Posterior.load(tmp_path / "p.nc")
    assert loaded.quantile([0.025, 0.975]) == pytest.approx(found.quantile([0.025, 0.975]))
    assert loaded.inside == found.inside


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: BootstrapSpec(selection="some", resample="rows", interval="t", replicates=1, top=0),
        lambda: BootstrapSpec(model="[12,3]"),
        lambda: estimate(load_table("artificial-3"), BootstrapSpec(selection="fixed", model="[12,13,23]"), seed=1),
        lambda: estimate(load_table("new-orleans-8-n185"), BootstrapSpec(), seed=1),
    ],
)
def test_wrong_input(wrong):
    with pytest.raises(MseError) as caught:
        wrong()
    assert all(problem.allowed and problem.remedy for problem in caught.value.problems)


def test_all_faults_at_once():
    with pytest.raises(MseError) as caught:
        BootstrapSpec(selection="some", resample="rows", interval="t", replicates=1, top=0)
    assert len(caught.value.problems) == 5
