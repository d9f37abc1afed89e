"""One register: published estimates, closed forms, a twin that maximises the likelihood term by term, invariants."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import optimize, stats

from mse.answers.posterior import Posterior
from mse.cli import main
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.estimators.repeats.countfit import (
    compare_families,
    goodness_of_fit,
    heterogeneity,
)
from mse.estimators.repeats.countlaws import probabilities
from mse.estimators.repeats.counttests import count_tests, likelihood_ratio, overdispersion, ratio_plot
from mse.estimators.repeats.families import FAMILIES, PARTIAL, dispersed_likelihood, fit_counts, row_likelihood
from mse.estimators.repeats.oneregister import RepeatsSpec, estimate, fit_repeats, size_of, subgroups
from mse.shipped import load_repeats
from mse.tables.repeats import RepeatCounts

PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "golden" / "singlercapture" / "netherlandsimmigrant.json").read_text()
)
DUTCH = load_repeats("irregular-immigrants-netherlands-repeat")
Z = 1.959963984540054


def by_gender():
    """The Dutch register by gender, as far as the published figures fix it.

    The counts by gender are not shipped, but the Poisson estimate depends on a group only through its persons (398 and
    1,482, published) and its registrations. Of all ways to divide the 2,185 registrations one alone gives the published
    N = 7,319: 441 for women. Likewise one alone of all divisions of those registered once (1,645) and twice (183) gives
    Zelterman's 9,970 and leaves the other women a possible number of registrations: 366 and 24. How the eight other
    women spread over 3 ... 6 does not matter to either estimator; their 27 registrations do. The published intervals
    are then a check that nothing was fitted to.
    """
    women, all_ = np.array([366, 24, 5, 3, 0, 0]), DUTCH.frequencies()
    assert (women.sum(), women @ np.arange(1, 7)) == (398, 441)
    both = np.concatenate([women, all_ - women])
    gender = ["f"] * 6 + ["m"] * 6
    return RepeatCounts.from_arrays(np.tile(np.arange(1, 7), 2), both, covariates={"gender": gender})


@pytest.mark.parametrize("row", PUBLISHED["results"], ids=lambda r: f"{r['model']}-{r['formula']}")
def test_published_estimates(row):
    """Point and normal interval as printed, to the person."""
    table = by_gender() if row["formula"] == "gender" else DUTCH
    spec = RepeatsSpec(family=row["model"], formula=row["formula"], interval="normal")
    found = estimate(table, spec, seed=1).summary(0.95)
    assert round(found.point) == row["N"]
    assert [round(found.low), round(found.high)] == row["normal"]


def test_the_division_by_gender_is_the_only_one():
    def size(n, registrations):
        rate = optimize.brentq(lambda x: x / -math.expm1(-x) - registrations / n, 1e-9, 5.0)
        return n / -math.expm1(-rate)

    fits = [s for s in range(399, 700) if round(size(398, s) + size(1482, 2185 - s)) == 7319]
    assert fits == [441]
    found = []
    for f1 in range(200, 398):
        for f2 in range(1, min(398 - f1, 182) + 1):
            n = 398 / -math.expm1(-2 * f2 / f1) + 1482 / -math.expm1(-2 * (183 - f2) / (1645 - f1))
            rest, registrations = 398 - f1 - f2, 441 - f1 - 2 * f2
            if round(n) == 9970 and 3 * rest <= registrations <= 6 * rest:
                found.append((f1, f2))
    assert found == [(366, 24)]


def test_log_normal_interval_as_printed():
    """The README's interval of the full model, whose covariates are not shipped: N̂ and its standard error suffice."""
    from mse.answers.distribution import Distribution

    full = PUBLISHED["full_model"]
    unseen = full["N"] - full["observed"]
    law = Distribution.lognormal(full["observed"], unseen, math.sqrt(math.log1p((full["se"] / unseen) ** 2)))
    assert law.quantile([0.025, 0.975]) == pytest.approx(full["log_normal"], rel=1e-5)


def test_closed_forms_without_covariates():
    f, n, total = DUTCH.frequencies(), DUTCH.observed, DUTCH.total
    rate = 2.0 * f[1] / f[0]
    closed = {
        "geometric": n * total / (total - n),
        "zelterman": n / -math.expm1(-rate),
        "chao": n + f[0] ** 2 / (2.0 * f[1]),
    }
    for family, size in closed.items():
        fit, columns = fit_repeats(DUTCH, family)
        assert size_of(fit, DUTCH, columns.matrix).size == pytest.approx(size, rel=1e-10)


def test_chao_variance_is_the_classical_one():
    """With no covariates both parts together are eq. 8 of Chao (1987): f2 (r^4/4 + r^3 + r^2/2), r = f1/f2."""
    f1, f2 = DUTCH.frequencies()[:2]
    r = f1 / f2
    fit, columns = fit_repeats(DUTCH, "chao")
    found = size_of(fit, DUTCH, columns.matrix)
    assert found.se**2 == pytest.approx(f2 * (r**4 / 4 + r**3 + r**2 / 2), rel=1e-9)


def population(size, rng, dispersion=0.0, shift=0.0):
    """Return a register of a population with two covariates and gamma-distributed rates."""
    age, form = rng.normal(size=size), rng.choice(["a", "b", "c"], size)
    rate = np.exp(-0.4 + shift + 0.4 * age + np.where(form == "b", 0.5, 0.0))
    if dispersion:
        rate = rate * rng.gamma(1.0 / dispersion, dispersion, size)
    times = rng.poisson(rate)
    seen = times > 0
    return RepeatCounts.from_arrays(times[seen], covariates={"age": age[seen], "form": form[seen]})


def twin(table, family, formula):
    """Maximise the log of the truncated probabilities without derivatives; return the parameters, the value, N̂."""
    from mse.tables.covariates import design

    x = design(table.covariates, len(table.counts), formula, source="t").matrix
    size = x.shape[1]

    def log_pmf(y, rate, extra):
        if family == "poisson":
            return stats.poisson.logpmf(y, rate)
        alpha = 1.0 if family == "geometric" else math.exp(extra)
        return stats.nbinom.logpmf(y, 1.0 / alpha, 1.0 / (1.0 + alpha * rate))

    def negative(theta):
        rate = np.exp(x @ theta[:size])
        seen = 1.0 - np.exp(log_pmf(0, rate, theta[-1]))
        return -float(table.counts @ (log_pmf(table.registrations, rate, theta[-1]) - np.log(seen)))

    start = np.zeros(size + (family == "negbin"))
    best = optimize.minimize(negative, start, method="Nelder-Mead",
                             options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000})  # fmt: skip
    missed = np.exp(log_pmf(0, np.exp(x @ best.x[:size]), best.x[-1]))
    return best.x, -best.fun, float((table.counts / (1.0 - missed)).sum())


SMALL = RepeatCounts.from_arrays(
    [1, 2, 3, 4, 5, 8, 1, 2, 3, 4, 6],
    [220, 90, 40, 14, 9, 3, 150, 40, 12, 6, 1],
    covariates={"group": ["a"] * 6 + ["b"] * 5},
)


@pytest.mark.parametrize("family", ["poisson", "geometric", "negbin"])
@pytest.mark.parametrize("formula", ["1", "group"])
def test_twin(family, formula):
    theta, value, size = twin(SMALL, family, formula)
    fit, columns = fit_repeats(SMALL, family, formula)
    assert fit.log_likelihood == pytest.approx(value, abs=1e-6)
    assert fit.log_likelihood >= value - 1e-9
    assert fit.coefficients == pytest.approx(theta[: columns.matrix.shape[1]], abs=2e-4)
    assert size_of(fit, SMALL, columns.matrix).size == pytest.approx(size, rel=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_derivatives_and_probabilities(family):
    """First and second derivatives against differences; probabilities against the likelihood."""
    y = PARTIAL[family] + np.array([0.0, 1.0]) if family in PARTIAL else np.array([1.0, 2.0, 3.0, 7.0])
    eta, h, theta = np.linspace(-2.0, 0.8, y.size), 1e-5, 0.3
    up, down = (row_likelihood(family, y, eta + s, theta) for s in (h, -h))
    value, first, second = row_likelihood(family, y, eta, theta)
    assert first == pytest.approx((up[0] - down[0]) / (2 * h), abs=1e-8)
    if family != "negbin":
        assert second == pytest.approx((up[1] - down[1]) / (2 * h), abs=1e-8)
        log_dispersion = None
    else:
        high, low = (row_likelihood(family, y, eta, theta + s)[0] for s in (h, -h))
        assert dispersed_likelihood(y, eta, theta)[2] == pytest.approx((high - low) / (2 * h), abs=1e-8)
        log_dispersion = theta
    fit = fit_counts("poisson", DUTCH.registrations, DUTCH.counts.astype(float), np.ones((6, 1)))
    law = probabilities(fit._replace(family=family, log_dispersion=log_dispersion), eta, 60)
    assert law.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    if family not in PARTIAL:
        own = law[np.arange(y.size), y.astype(int)] / (1.0 - law[:, 0])
        assert np.log(own) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_variance_of_parameters_is_the_delta_method(family):
    """The gradient of N̂ by refitting: the answer moves with one more person as its influence says."""
    fit, columns = fit_repeats(SMALL, family, "group")
    found = size_of(fit, SMALL, columns.matrix)
    total = np.zeros(fit.n_parameters)
    theta = np.append(fit.coefficients, [] if fit.log_dispersion is None else [fit.log_dispersion])
    for j in range(theta.size):
        sizes = []
        for step in (1e-5, -1e-5):
            moved = theta.copy()
            moved[j] += step
            beta, extra = (moved[:-1], float(moved[-1])) if fit.log_dispersion is not None else (moved, None)
            sizes.append(size_of(fit._replace(coefficients=beta, log_dispersion=extra), SMALL, columns.matrix).size)
        total[j] = (sizes[0] - sizes[1]) / 2e-5
    assert found.parameters == pytest.approx(total @ fit.covariance @ total, rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_aggregated_rows_persons_and_order_give_the_same(family):
    """Rows of persons instead of counts, in another order, with another reference level, change nothing."""
    rows = np.repeat(np.arange(len(SMALL.counts)), SMALL.counts)
    rows = np.random.default_rng(1).permutation(rows)
    other = {"a": "z", "b": "b"}
    persons = RepeatCounts.from_arrays(
        SMALL.registrations[rows], covariates={"group": [other[x] for x in SMALL.covariates["group"][rows]]}
    )
    spec = RepeatsSpec(family=family, formula="group")
    one, two = estimate(SMALL, spec, seed=1), estimate(persons, spec, seed=1)
    assert two.point == pytest.approx(one.point, rel=1e-6)
    assert two.summary(0.9).high == pytest.approx(one.summary(0.9).high, rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_doubling_the_register_doubles_the_population(family):
    double = RepeatCounts.from_arrays(SMALL.registrations, 2 * SMALL.counts, covariates=dict(SMALL.covariates))
    spec = RepeatsSpec(family=family, formula="group")
    one, two = estimate(SMALL, spec, seed=1), estimate(double, spec, seed=1)
    assert two.point == pytest.approx(2.0 * one.point, rel=1e-6)
    assert two.diagnostics["se"] == pytest.approx(math.sqrt(2.0) * one.diagnostics["se"], rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_subgroups_add_up(family):
    whole = estimate(SMALL, RepeatsSpec(family=family, formula="group"), seed=1)
    parts = subgroups(SMALL, "group", family, "group")
    assert parts["N"].sum() == pytest.approx(whole.point)
    assert parts["observed"].tolist() == [376, 209]
    assert (parts["low"] > parts["observed"]).all() and (parts["high"] > parts["N"]).all()
    if family in ("poisson", "geometric", "zelterman", "chao"):
        alone = RepeatCounts.from_arrays(SMALL.registrations[:6], SMALL.counts[:6])
        assert parts["N"][0] == pytest.approx(estimate(alone, RepeatsSpec(family=family), seed=1).point, rel=1e-7)


def test_likelihood_ratio():
    found = likelihood_ratio(SMALL, ("poisson", "1"), ("poisson", "group"))
    small, large = (fit_repeats(SMALL, "poisson", x)[0].log_likelihood for x in ("1", "group"))
    assert (found.statistic, found.df) == (pytest.approx(2 * (large - small)), 1)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1))
    edge = likelihood_ratio(SMALL, ("poisson", "group"), ("negbin", "group"))
    assert edge.p_value == pytest.approx(0.5 * stats.chi2.sf(edge.statistic, 1))
    assert likelihood_ratio(SMALL, ("geometric", "1"), ("negbin", "group")).df == 2
    for smaller, larger in (
        (("negbin", "1"), ("poisson", "1")), (("poisson", "group"), ("poisson", "1")),
        (("poisson", "1"), ("geometric", "1")),
    ):  # fmt: skip
        with pytest.raises(ModelError, match="not a special case"):
            likelihood_ratio(SMALL, smaller, larger)


def test_goodness_of_fit_of_the_dutch_register():
    """Frequencies under one Poisson rate by hand, the last class open."""
    fit, columns = fit_repeats(DUTCH, "poisson")
    found = goodness_of_fit(DUTCH, fit, columns.matrix)
    rate = math.exp(fit.coefficients[0])
    law = stats.poisson(rate)
    expected = [1880 * law.pmf(y) / law.sf(0) for y in (1, 2)]
    expected.append(1880 - sum(expected))
    observed = np.array([1645, 183, 52])
    assert found.labels == ("1", "2", "3+") and found.observed.tolist() == observed.tolist()
    assert found.fitted == pytest.approx(expected)
    assert found.chi_square == pytest.approx(((observed - expected) ** 2 / expected).sum())
    assert (found.df, found.p_value < 1e-8) == (1, True)


def test_score_of_overdispersion_is_the_slope_of_the_likelihood():
    """The numerator by differences of the negative binomial likelihood at a dispersion near 0."""
    fit, columns = fit_repeats(SMALL, "poisson", "group")
    eta, y, w = columns.matrix @ fit.coefficients, SMALL.registrations.astype(float), SMALL.counts

    def value(alpha):
        return float(w @ row_likelihood("negbin", y, eta, math.log(alpha))[0])

    slope = (value(2e-5) - value(1e-5)) / 1e-5
    rate = np.exp(eta)
    by_hand = 0.5 * ((y - rate) ** 2 - y + rate**2 / np.expm1(rate))
    assert w @ by_hand == pytest.approx(slope, rel=1e-3)
    assert overdispersion(SMALL, "group").p_value < 0.01
    assert overdispersion(DUTCH).statistic == pytest.approx(105.997, abs=0.001)


def test_heterogeneity_of_the_dutch_register():
    found = heterogeneity(DUTCH)
    assert (found.poisson, found.chao) == (pytest.approx(7079.93, abs=0.01), pytest.approx(9273.51, abs=0.01))
    spread = 662.59**2 - 365.75**2
    assert found.z == pytest.approx((9273.51 - 7079.93) / math.sqrt(spread), rel=1e-4)
    assert any("rates differ" in str(note) for note in estimate(DUTCH, RepeatsSpec(family="poisson"), seed=1).notes)


def test_the_tests_that_are_printed_beside_an_estimate():
    found = count_tests(SMALL, "group").set_index("test")
    assert found.loc["poisson: overdispersion (score)", "p_value"] == overdispersion(SMALL, "group").p_value
    assert found.loc["poisson without covariates", "df"] == 1
    dutch = count_tests(DUTCH).set_index("test")
    assert len(dutch) == 3 and "logarithmic series" in dutch.loc["poisson within negbin", "status"]
    printed = CliRunner().invoke(main, ["repeats", "irregular-immigrants-netherlands-repeat", "--json"])
    answer = json.loads(printed.stdout)
    assert answer["tests"][0]["statistic"] == pytest.approx(105.997, abs=0.001)
    assert [row["registrations"] for row in answer["ratios"]] == [1, 2, 3, 4, 5]


def test_ratio_plot():
    found = ratio_plot(DUTCH)
    assert found["registrations"].tolist() == [1, 2, 3, 4, 5]
    assert found["ratio"][0] == pytest.approx(2 * 183 / 1645)
    assert found["ratio_poisson"].tolist() == pytest.approx([math.exp(fit_repeats(DUTCH)[0].coefficients[0])] * 5)
    slope = np.diff(found["ratio_geometric"])
    assert slope == pytest.approx(slope[0])
    assert ((found["ratio_low"] < found["ratio"]) & (found["ratio"] < found["ratio_high"])).all()


def test_negative_binomial_runs_off_on_the_dutch_register():
    with pytest.raises(ModelError, match="logarithmic series"):
        estimate(DUTCH, RepeatsSpec(family="negbin"), seed=1)
    table = compare_families(DUTCH).set_index("family")
    assert "logarithmic series" in table.loc["negbin", "status"]
    assert table.loc[["poisson", "geometric", "zelterman", "chao"], "status"].eq("ok").all()


def test_negative_binomial_on_its_edge_is_the_poisson():
    """Counts less dispersed than a Poisson: the dispersion ends at 0 and the answer is the Poisson one."""
    table = RepeatCounts.from_arrays([1, 2, 3], [100, 80, 4])
    fit, columns = fit_repeats(table, "negbin")
    poisson, _ = fit_repeats(table, "poisson")
    assert fit.log_dispersion == -math.inf and fit.n_parameters == 2
    assert fit.coefficients == pytest.approx(poisson.coefficients)
    assert estimate(table, RepeatsSpec(family="negbin"), seed=1).diagnostics["dispersion"] == 0.0


def test_a_group_without_repeats_is_named():
    table = RepeatCounts.from_arrays([1, 2, 1], [50, 9, 20], covariates={"nation": ["x", "x", "y"]})
    for family in ("poisson", "zelterman", "chao", "geometric"):
        with pytest.raises(ModelError, match="nation = y"):
            estimate(table, RepeatsSpec(family=family, formula="nation"), seed=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"family": "ztpoisson"}, "the family is unknown"),
        ({"interval": "wald"}, "the interval is unknown"),
        ({"family": "chao", "interval": "parametric"}, "no law of the higher counts"),
        ({"replicates": 1}, "too few replicates"),
        ({"draws": 1}, "too few draws"),
        ({"family": "x", "draws": 0}, "2 problems"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises(ModelError, match=said):
        RepeatsSpec(**options)


@pytest.mark.parametrize("interval", ["parametric", "nonparametric"])
def test_bootstrap_agrees_with_the_delta_method(interval):
    spec = RepeatsSpec(family="poisson", interval=interval, replicates=400)
    found = estimate(DUTCH, spec, seed=3)
    assert found.diagnostics["replicates"] == 400
    low, high = found.quantile([0.025, 0.975])
    delta = estimate(DUTCH, RepeatsSpec(family="poisson"), seed=3).quantile([0.025, 0.975])
    # The register is more dispersed than a Poisson, and persons drawn from it know that: hence the wider one.
    assert (high - low) / (delta[1] - delta[0]) == pytest.approx(1.0 if interval == "parametric" else 1.15, abs=0.15)


def test_bootstrap_does_not_depend_on_the_workers(monkeypatch):
    spec = RepeatsSpec(family="poisson", interval="parametric", formula="group", replicates=60)
    monkeypatch.setattr("mse.estimators.repeats.countdraws.CHUNK_CELLS", 1)
    one, two = (estimate(SMALL, spec, seed=5, compute=Compute(workers=n)) for n in (1, 2))
    assert one.distribution.values.tolist() == two.distribution.values.tolist()
    assert one.draws.tolist() == two.draws.tolist()
    assert estimate(SMALL, spec, seed=6).distribution.values.tolist() != one.distribution.values.tolist()


def test_draws_save_and_read_back(tmp_path):
    found = estimate(DUTCH, RepeatsSpec(family="chao"), seed=2)
    assert np.median(found.draws) == pytest.approx(found.point, rel=0.01)
    assert found.inside and found.outside and "lower bound" in str(found.assumptions[-1])
    found.save(tmp_path / "posterior.nc")
    again = Posterior.load(tmp_path / "posterior.nc")
    assert again.summary() == found.summary() and again.spec["family"] == "chao"


def test_simulated_truth_with_covariates():
    """N = 6,000 with two covariates: each family that allows for what is there lies within three standard errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = population(6000, np.random.default_rng(11))
        for family in ("poisson", "zelterman", "chao", "negbin"):
            found = estimate(table, RepeatsSpec(family=family, formula="age + form"), seed=1)
            assert abs(found.point - 6000) < 3.0 * found.diagnostics["se"]
        mixed = population(6000, np.random.default_rng(12), dispersion=0.5)
        found = estimate(mixed, RepeatsSpec(family="negbin", formula="age + form"), seed=1)
        assert abs(found.point - 6000) < 3.0 * found.diagnostics["se"]
        assert 0.2 < found.diagnostics["dispersion"] < 1.2
        too_low = estimate(mixed, RepeatsSpec(family="poisson", formula="age + form"), seed=1)
        assert too_low.summary().high < 6000 and heterogeneity(mixed, "age + form").p_value < 1e-3


@pytest.mark.slow
def test_coverage():
    """Repeats a part of tests/calibration/repeats.py and holds it against the stored result."""
    from tests.calibration.repeats import CASES, STORED, coverage

    stored = json.loads(STORED.read_text())["results"]
    for case, whole in zip(CASES, stored, strict=True):
        part = coverage(*case, 150, 900)
        for kind in ("normal", "log-normal"):
            assert abs(part[kind] - whole[kind]) < 4.0 * math.sqrt(0.06 / 150)
