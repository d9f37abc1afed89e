"""Calibration by simulation: the scheme and its tests of uniformity here, the stored runs behind the slow marker."""

import json

import numpy as np
import pytest
from scipy.stats import chi2

from benchmarks.calibration import markdown
from mse.estimators.averages.averaging import AverageSpec
from mse.estimators.averages.laplace import laplace_quantiles
from tests.calibration import ranks, sbc
from tests.calibration.stratified import stratified


def laplace_ranks(tables, seed, sd_assumed=1.0, n_lists=3):
    """Ranks of the expected number of unseen, in tenths, by the quantiles of the average by Laplace."""
    inner = np.arange(1, 10) / 10
    found, spec = [], AverageSpec(sd=sd_assumed)
    for rng in np.random.default_rng(seed).spawn(tables):
        table, mean = ranks.loglinear(n_lists, rng, expected=True)
        if table is not None:
            found.append(int((laplace_quantiles(table, inner, spec) < table.observed + mean).sum()))
    return np.bincount(found, minlength=10)


def chi_square_p(tenths):
    return float(chi2.sf(((tenths - tenths.mean()) ** 2 / tenths.mean()).sum(), 9))


@pytest.mark.parametrize("n_lists", [3, 4])
def test_the_average_by_laplace_is_calibrated_to_what_sixty_tables_show(n_lists):
    tenths = laplace_ranks(60, 2, n_lists=n_lists)
    assert tenths.sum() > 40
    assert chi_square_p(tenths) > 0.001


def test_a_wrong_posterior_is_found_out():
    """The same tables under a prior half as wide: intervals are too narrow, and the test says so."""
    right, wrong = (chi_square_p(laplace_ranks(150, 3, sd_assumed=sd)) for sd in (1.0, 0.3))
    assert wrong < 1e-4 < right


def test_bands_know_uniform_ranks_from_others():
    rng = np.random.default_rng(0)
    uniform = [ranks.band_p(rng.random(300), seed=i, repeats=500) for i in range(40)]
    assert 0.25 < np.mean(uniform) < 0.75
    assert np.mean(np.array(uniform) < 0.05) < 0.2
    assert ranks.band_p(rng.beta(1.4, 1.4, 500)) < 0.01
    assert ranks.band_p(rng.beta(0.75, 0.75, 500)) < 0.01
    assert ranks.band_p(rng.random(500) ** 1.2) < 0.05


def test_ranks_of_one_law_are_uniform_with_ties_too():
    rng = np.random.default_rng(1)
    coarse = [ranks.rank(rng.poisson(2, 99), rng.poisson(2), rng) for _ in range(1500)]
    assert 0 < min(coarse) and max(coarse) < 1
    assert ranks.band_p(coarse) > 0.01
    assert ranks.band_p([ranks.rank(rng.poisson(2, 99), rng.poisson(3), rng) for _ in range(1500)]) < 0.001


def test_the_persons_observed_say_nothing_under_either_prior():
    """Both identities of the scheme, by plain sums: p(n | anything else) ∝ 1/n."""
    from scipy.special import gammaln

    for n, seen in ((3, 0.2), (7, 0.9)):
        size = np.arange(n, 5000)
        log_terms = gammaln(size + 1) - gammaln(n + 1) - gammaln(size - n + 1)
        log_terms += n * np.log(seen) + (size - n) * np.log1p(-seen) - np.log(size)
        assert np.exp(log_terms).sum() == pytest.approx(1 / n, rel=1e-6)
        grid = np.linspace(-25.0, 12.0, 200_001)
        density = np.exp(n * grid - np.exp(grid) - gammaln(n + 1))
        assert np.trapezoid(density, grid) == pytest.approx(1 / n, rel=1e-6)


def test_hyper_dirichlet_draws_have_the_margins_of_the_law():
    """Every clique's cells are Dirichlet with delta·2^(K−|c|); lists that it parts are independent given others."""
    rng, delta = np.random.default_rng(4), 0.5
    graph = [frozenset({0, 1}), frozenset({1, 2}), frozenset({3})]
    drawn = np.array([ranks.hyper_dirichlet(4, delta, graph, rng) for _ in range(4000)])
    assert drawn.sum(axis=1) == pytest.approx(np.ones(4000))
    cells = np.arange(16)
    for clique in graph:
        mask = sum(1 << j for j in clique)
        prior = delta * 2 ** (4 - len(clique))
        both = drawn[:, (cells & mask) == mask].sum(axis=1)
        total, share = delta * 16, prior / (delta * 16)
        assert both.mean() == pytest.approx(share, abs=0.02)
        assert both.var() == pytest.approx(share * (1 - share) / (total + 1), rel=0.15)
    shaped = drawn.reshape(-1, 2, 2, 2, 2)  # list 3, 2, 1, 0
    alone = shaped.sum(axis=(2, 3, 4))
    np.testing.assert_allclose(shaped, alone[:, :, None, None, None] * shaped.sum(axis=1)[:, None], atol=1e-12)
    three = shaped.sum(axis=1)
    given = three.sum(axis=(1, 3))[:, None, :, None]
    expected = three.sum(axis=3, keepdims=True) * three.sum(axis=1, keepdims=True) / given
    np.testing.assert_allclose(three, expected, atol=1e-12)


def test_the_stored_runs_are_uniform():
    """Dated results of `python -m tests.calibration.sbc`: no estimator's ranks are told from uniform ones."""
    stored = json.loads(sbc.STORED.read_text())
    assert set(stored["ranks"]) == set(sbc.CASES)
    for name, found in stored["ranks"].items():
        assert found["date"] >= "2026"
        assert found["tables"] >= 100
        if "Laplace" not in name:
            assert found["band_p"] > 0.01, name
            assert found["chi_square_p"] > 0.005, name
            for prob, covered in found["covered"].items():
                error = np.sqrt(float(prob) * (1 - float(prob)) / found["tables"])
                assert covered == pytest.approx(float(prob), abs=3.5 * error)


def test_the_nation_was_repeated_for_every_method():
    """No model here holds on it; what its intervals cover is told (latent classes: 72 % of 95 %)."""
    stored = json.loads(sbc.STORED.read_text())["national"]
    assert set(stored) == set(sbc.NATIONAL)
    for name, found in stored.items():
        assert found["tables"] >= 25, name
        assert found["covered"]["0.95"] > 0.7, name
        assert abs(found["median_log_error"]) < 0.1, name


def test_the_page_shows_the_stored_figures():
    page = (sbc.STORED.parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
    assert f"<!-- begin: calibration -->\n{markdown()}\n<!-- end -->" in page


@pytest.mark.parametrize(
    "shape",
    [{"blind": (2,)}, {"missing": (2,)}, {"bounded": (2,)}, {"labels": True}],
    ids=lambda x: next(iter(x)),
)
def test_tables_with_a_covariate_are_what_they_say(shape):
    """Impossible cells are empty, a missing list is nowhere, bounds are not below the truth, labels are lost."""
    seen = 0
    for rng in np.random.default_rng(7).spawn(20):
        table, sizes = stratified(3, rng, **shape)
        if table is None:
            continue
        seen += 1
        on_the_last = table.counts[1, 3:]
        if "bounded" in shape:
            assert sizes.sum() >= table.observed - table.counts[:, 3].sum()
            assert table.observed <= 3 * 1500
            continue
        assert sizes.sum() >= table.observed
        assert ("?" in table.strata["sex"]) == ("labels" in shape)
        if "labels" in shape:
            assert 0.15 < table.counts[2].sum() / table.observed < 0.45
        else:
            assert on_the_last.sum() == 0 < table.counts[0, 3:].sum()
    assert seen >= 15


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in sbc.CASES if "Laplace" not in name])
def test_ranks_are_uniform(name, monkeypatch):
    monkeypatch.setattr(sbc.strata_average, "EFFORT", sbc.SHORT)
    found = sbc.repeated(name)
    assert found["tables"] >= 100
    assert found["band_p"] > 0.001
