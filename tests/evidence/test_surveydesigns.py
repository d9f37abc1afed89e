"""Designs of surveys: replicate weights, finite population, calibration, comparisons, small areas, verdicts, pages."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from scipy.optimize import minimize_scalar

from mse.assess.rules import SurveyLimits
from mse.cli import main
from mse.errors import InputError
from mse.evidence.poststratified import benchmarked, drawn_density, pooled_cells, pooled_density, standardised
from mse.evidence.respondentfile import read_respondents
from mse.evidence.smallareas import area_models, fay_herriot
from mse.evidence.surveyanswer import source_unit
from mse.evidence.surveydesign import Respondents, SurveyDesign, make_respondents
from mse.evidence.surveylaw import comparisons, survey_law
from mse.evidence.surveyverdict import judge_survey
from mse.evidence.surveyways import SurveyLists, SurveyModel, survey
from mse.evidence.weighting import calibrate, read_totals
from mse.publish.publishedsurvey import SurveyAbout, publish_survey
from mse.publish.surveypages import read_survey, render_survey, survey_text, write_survey
from tests.calibration.surveys import small_areas

Array = npt.NDArray[np.float64]
TOTALS = {"sex": {"f": 5200.0, "m": 4800.0}, "age": {"a": 3000.0, "b": 4000.0, "c": 3000.0}}


def sample(seed: int, strata: int = 4, units: int = 6, size: int = 12) -> Respondents:
    """Return a stratified cluster sample with sex and age, of which sex is a grouping column."""
    rng = np.random.default_rng(seed)
    n = strata * units * size
    stratum = np.repeat(np.arange(strata), units * size)
    unit = np.tile(np.repeat(np.arange(units), size), strata)
    pull = rng.normal(0, 0.7, size=(strata, units))[stratum, unit]
    outcome = (rng.random(n) < 1 / (1 + np.exp(1.0 - pull))).astype(float)
    groups = {"sex": rng.choice(["f", "m"], n).tolist()}
    age = tuple(rng.choice(["a", "b", "c"], n).tolist())
    return make_respondents(outcome, rng.uniform(5, 20, n), stratum.tolist(), unit.tolist(), groups,
                            others={"age": age})  # fmt: skip


def left_out(data: Respondents) -> tuple[Array, Array]:
    """Return the weights and factors of JKn, one unit at a time."""
    stratum_of = data.strata_of_units()
    weights, factors = [], []
    for unit, stratum in enumerate(stratum_of):
        n = int((stratum_of == stratum).sum())
        kept = np.where(data.stratum == stratum, n / (n - 1), 1.0) * (data.psu != unit)
        weights.append(data.weight * kept)
        factors.append((n - 1) / n)
    return np.array(weights).T, np.array(factors)


# ---- replicate weights, against loops ---------------------------------------------------------------


def test_replicates_are_the_loop_over_them() -> None:
    data = sample(1)
    weights, factors = left_out(data)
    law = survey_law(replace(data, replicates=weights, factors=factors))
    sex = np.array(data.groups["sex"])
    rates = []
    for w in (data.weight, *weights.T):
        inside = [sex == "f", sex == "m", np.ones(sex.size, dtype=bool)]
        rates.append([float((w * data.outcome)[x].sum() / w[x].sum()) for x in inside])
    apart = np.array(rates[1:]) - rates[0]
    twin = sum(c * np.outer(a, a) for c, a in zip(factors, apart, strict=True))
    assert law.rate == pytest.approx(rates[0])
    assert law.cov == pytest.approx(twin)
    assert np.diag(law.cov) == pytest.approx(np.diag(survey_law(data).cov), rel=0.05)


@pytest.mark.parametrize(("method", "factor"), [("brr", 1 / 8), ("fay", 1 / (8 * 0.49)), ("jk1", 7 / 8),
                                                ("bootstrap", 1 / 8)])  # fmt: skip
def test_every_replication_has_its_factor(tmp_path: Path, method: str, factor: float) -> None:
    path = tmp_path / "s.csv"
    head = ["y", "w", *(f"r{i}" for i in range(8, 0, -1))]
    rng = np.random.default_rng(0)
    rows = [f"{i % 2},2,{','.join(f'{x:g}' for x in rng.integers(0, 5, 8))}" for i in range(40)]
    path.write_text("\n".join([",".join(head), *rows]))
    design = SurveyDesign("y", "w", replicates="r", replication=method, rho=0.3)  # type: ignore[arg-type]
    data = read_respondents(path, design)
    assert data.factors == pytest.approx(np.full(8, factor))
    assert data.replicates is not None and data.replicates[0, 0] == float(rows[0].split(",")[-1])


def test_jkn_takes_its_factors_from_strata_or_a_file(tmp_path: Path) -> None:
    data = sample(2, strata=2, units=3, size=4)
    weights, factors = left_out(data)
    path, other = tmp_path / "s.csv", tmp_path / "factors.csv"
    head = ["y", "w", "st", "unit", *(f"rep{i + 1}" for i in range(6))]
    rows = [[*map(str, (int(y), w, f"s{s}", f"u{u}")), *map(str, reps)] for y, w, s, u, reps in
            zip(data.outcome, data.weight, data.stratum, data.psu, weights, strict=True)]  # fmt: skip
    path.write_text("\n".join([",".join(head), *map(",".join, rows)]))
    design = SurveyDesign("y", "w", "st", "unit", replicates="rep", replication="jkn")
    assert read_respondents(path, design).factors == pytest.approx(factors)
    other.write_text("replicate,factor\n" + "\n".join(f"{i + 1},0.{i + 1}" for i in range(6)))
    given = read_respondents(path, replace(design, stratum=None, psu=None, factors=other))
    assert given.factors == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    other.write_text("replicate,factor\n1,0.5\n")
    with pytest.raises(InputError, match="1 factors for 6 columns"):
        read_respondents(path, replace(design, factors=other))


def test_replicate_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("y,w,r1,r2\n1,1,2,\n0,1,-1,3\n")
    with pytest.raises(InputError, match="2 problems"):
        read_respondents(path, SurveyDesign("y", "w", replicates="r", replication="brr"))
    path.write_text("y,w\n1,1\n0,1\n")
    with pytest.raises(InputError, match="no two columns of replicate weights"):
        read_respondents(path, SurveyDesign("y", "w", replicates="r", replication="brr"))


def test_the_finite_population_makes_the_variance_smaller(tmp_path: Path) -> None:
    data = sample(3)
    whole = survey_law(data).cov
    assert survey_law(replace(data, drawn=np.full(4, 0.25))).cov == pytest.approx(0.75 * whole)
    assert survey_law(replace(data, drawn=np.ones(4))).cov == pytest.approx(0 * whole)
    path = tmp_path / "s.csv"
    path.write_text("y,st,n\n" + "1,a,8\n0,a,8\n1,b,0.5\n0,b,0.5\n")
    drawn = read_respondents(path, SurveyDesign("y", stratum="st", fpc="n")).drawn
    assert drawn == pytest.approx([0.25, 0.5])
    path.write_text("y,st,n\n1,a,8\n0,a,9\n")
    with pytest.raises(InputError, match="finite population of a stratum"):
        read_respondents(path, SurveyDesign("y", stratum="st", fpc="n"))


# ---- calibration ------------------------------------------------------------------------------------


def test_raking_is_iterative_proportional_fitting() -> None:
    data = sample(4)
    found = calibrate(data, TOTALS, "raking", None)
    labels = {"sex": np.array(data.groups["sex"]), "age": np.array(data.others["age"])}
    weight = data.weight.copy()
    for _ in range(200):
        for name, levels in TOTALS.items():
            for level, total in levels.items():
                inside = labels[name] == level
                weight[inside] *= total / weight[inside].sum()
    assert data.weight * found.factor[found.cells.of] == pytest.approx(weight, rel=1e-7)
    assert found.margins["after"].tolist() == pytest.approx(found.margins["total"].tolist())


def test_greg_is_the_regression_estimator() -> None:
    data = sample(5)
    found = calibrate(data, TOTALS, "greg", None)
    design = found.cells.design[found.cells.of]
    beta = np.linalg.lstsq(design * np.sqrt(data.weight)[:, None], data.outcome * np.sqrt(data.weight), rcond=None)[0]
    total = found.cells.totals @ beta + data.weight @ (data.outcome - design @ beta)
    assert (data.weight * found.factor[found.cells.of]) @ data.outcome == pytest.approx(total)


def test_bounds_hold_and_totals_too() -> None:
    data = sample(6)
    free = calibrate(data, TOTALS, "greg", None)
    bounds = (0.98 * free.low + 0.02, 0.9 * free.high + 0.1)
    for method in ("greg", "raking"):
        found = calibrate(data, TOTALS, method, bounds)  # type: ignore[arg-type]
        assert bounds[0] - 1e-9 <= found.low and found.high <= bounds[1] + 1e-9
        assert found.margins["after"].tolist() == pytest.approx(found.margins["total"].tolist())
    with pytest.raises(InputError, match="no weights meet the known totals"):
        calibrate(data, TOTALS, "raking", (0.9999, 1.0001))


def test_calibrated_variance_is_that_of_calibrated_replicates() -> None:
    """A group that is a margin: its share is known, so that what is left is smaller than without."""
    data = sample(7)
    weights, factors = left_out(data)
    linear = survey_law(data, TOTALS, "greg").cov
    jackknife = survey_law(replace(data, replicates=weights, factors=factors), TOTALS, "greg").cov
    assert np.diag(linear) == pytest.approx(np.diag(jackknife), rel=0.12)


def test_totals_that_cannot_be_met_are_one_error(tmp_path: Path) -> None:
    path = tmp_path / "totals.csv"
    path.write_text("variable,level,total\nsex,f,10\nsex,m,20\nage,a,5\nage,b,5\nsex,f,x\n")
    with pytest.raises(InputError, match="2 problems"):
        read_totals(path)
    path.write_text("variable,level,total\nsex,f,10\nsex,m,20\nage,a,5\nage,b,5\n")
    with pytest.raises(InputError, match="different populations"):
        read_totals(path)
    with pytest.raises(InputError, match="2 problems"):
        calibrate(sample(1), {"age": {"a": 1.0, "b": 2.0, "d": 4.0}}, "raking", None)


# ---- comparisons ------------------------------------------------------------------------------------


def test_comparisons_use_the_joint_covariance() -> None:
    """In clusters that both groups share, the difference varies less than two independent rates."""
    rng = np.random.default_rng(8)
    unit = np.repeat(np.arange(40), 20)
    pull = rng.normal(0, 1.5, 40)[unit]
    outcome = (rng.random(800) < 1 / (1 + np.exp(0.5 - pull))).astype(float)
    sex = np.tile(["f", "m"], 400).tolist()
    law = survey_law(make_respondents(outcome, np.ones(800), [0] * 800, unit.tolist(), {"sex": sex}))
    (found,) = comparisons(law, "sex", 0.95)
    half = (found.high - found.low) / 2
    alone = math.sqrt(law.cov[0, 0] + law.cov[1, 1])
    joint = math.sqrt(law.cov[0, 0] + law.cov[1, 1] - 2 * law.cov[0, 1])
    assert joint < 0.7 * alone and half == pytest.approx(joint * 2.0227, rel=1e-3)
    assert found.ratio == pytest.approx(law.rate[1] / law.rate[0]) and found.ratio_low < found.ratio < found.ratio_high


# ---- small areas ------------------------------------------------------------------------------------


def _milk() -> tuple[np.ndarray, np.ndarray]:
    table = np.loadtxt(Path(__file__).parents[1] / "golden" / "sae" / "milk.csv", delimiter=",", skiprows=1)
    return table, np.column_stack([np.ones(43), *(table[:, 5] == x for x in (2, 3, 4))]).astype(float)


def test_area_models_give_the_published_results_of_milk() -> None:
    """Arora & Lahiri's (1997) milk, major areas as covariates: REML of R's sae, as its manual and others print it.

    The most likely variance of our grid is REML's; there, g1 + g2 with Datta and Lahiri's 2 g3 is its squared error.
    """
    table, design = _milk()
    direct, variance = table[:, 2], table[:, 3] ** 2

    def loss(between: float) -> float:
        return float(-area_models(direct, variance, design, np.array([between])).evidence[0])

    between = minimize_scalar(loss, bounds=(1e-6, 0.5), method="bounded", options={"xatol": 1e-12}).x
    found = area_models(direct, variance, design, np.array([between]))
    assert found.beta[0] == pytest.approx([0.9681890, 0.1327801, 0.2269462, -0.2413011], abs=1e-6)
    assert found.estimate[0] == pytest.approx(table[:, 6], abs=1e-6)
    inverse = 1 / (between + variance)
    g3 = variance**2 * inverse**3 * 2 / (inverse**2).sum()
    assert found.variance[0] + 2 * g3 == pytest.approx(table[:, 7], abs=1e-7)


def test_areas_are_averaged_over_the_variance_between_them() -> None:
    """A twin: draws of the variance from its density on a fine grid, then of every area; the law of milk."""
    table, design = _milk()
    direct, variance = table[:, 2], table[:, 3] ** 2
    found = fay_herriot(direct, variance, design, 0.95)
    grid = np.linspace(1e-6, 1.0, 8_000)
    models = area_models(direct, variance, design, grid)
    chance = np.exp(models.evidence - models.evidence.max())
    rng = np.random.default_rng(4)
    at = rng.choice(grid.size, 40_000, p=chance / chance.sum())
    draws = models.estimate[at] + np.sqrt(models.variance[at]) * rng.normal(size=(at.size, 43))
    width = found.high - found.low
    assert np.abs(draws.mean(axis=0) - found.estimate).max() < 0.01 * width.max()
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    assert np.abs((low - found.low) / width).max() < 0.02 and np.abs((high - found.high) / width).max() < 0.02
    assert found.weight == pytest.approx(models.weight[at].mean(axis=0), abs=0.01)


def test_without_spread_areas_fall_on_the_regression() -> None:
    found = fay_herriot(np.full(10, 0.3), np.full(10, 0.01), np.ones((10, 1)), 0.95)
    assert found.estimate == pytest.approx(np.full(10, 0.3)) and (found.weight < 0.5).all()
    assert (found.high - found.low < 2 * 1.96 * 0.1).all() and (found.high - found.low > 0.1).all()


def test_stored_coverage_of_small_areas_is_nominal_or_more() -> None:
    stored = json.loads((Path(__file__).parents[1] / "calibration" / "surveys.json").read_text("utf-8"))
    rows = stored["small_areas"]
    assert len(rows) == 32 and all(x["runs"] == 500 and x["covered"] > 0.93 and x["of_direct"] < 1.05 for x in rows)
    again = small_areas(30, 0.03, False, 60, seed=1)
    assert float(str(again["covered"])) > 0.93


def test_the_pooled_density_has_its_gradient_and_its_twin() -> None:
    rng = np.random.default_rng(9)
    groups = tuple((f"r{i}", s) for i in range(5) for s in "fm")
    both = rng.uniform(0, 40, 10)
    cells = pooled_cells(groups, both * 0.2, both)
    assert cells.sizes() == [5, 2, 10]
    x = rng.normal(0, 0.5, 1 + 3 + 17)
    value, slope = pooled_density(cells)(x)
    twin = -((x[0] - cells.middle) ** 2) / 12.5
    for k in range(3):
        twin += x[1 + k] - math.exp(x[1 + k]) ** 2 / 2
    twin -= sum(z * z for z in x[4:]) / 2
    for c, logit in enumerate(cells.at(x)):
        p = 1 / (1 + math.exp(-logit))
        twin += cells.yes[c] * math.log(p) + (both[c] - cells.yes[c]) * math.log(1 - p)
    assert value == pytest.approx(twin)
    for j in range(x.size):
        step = np.zeros(x.size)
        step[j] = 1e-5
        rise = (pooled_density(cells)(x + step)[0] - pooled_density(cells)(x - step)[0]) / 2e-5
        assert slope[j] == pytest.approx(rise, abs=1e-4)


def test_everybody_alone_has_the_variance_that_stands_beside_the_groups() -> None:
    data = sample(12)
    weights, factors = left_out(data)
    for one in (data, replace(data, replicates=weights, factors=factors)):
        for totals in (None, TOTALS):
            law, whole = survey_law(one, totals), survey_law(one, totals, whole_only=True)
            assert whole.cov.shape == (1, 1) and whole.cov[0, 0] == pytest.approx(law.cov[-1, -1], rel=1e-12)
            assert whole.df.tolist() == law.df[-1:].tolist() and whole.groups == law.groups
            assert np.array_equal(whole.rate, law.rate) and np.array_equal(whole.n, law.n)


def test_pairs_of_levels_of_which_nobody_was_asked_do_not_stop_the_model(tmp_path: Path) -> None:
    pytest.importorskip("nutpie", reason="the extra bayes is not installed")
    rng = np.random.default_rng(13)
    rows = [f"{int(rng.random() < 0.3)},{s},r{r}" for r in range(4) for s in "fm" if (r, s) != (0, "f")
            for _ in range(60)]  # fmt: skip
    path, people = tmp_path / "s.csv", tmp_path / "people.csv"
    path.write_text("\n".join(["y,sex,region", *rows]))
    people.write_text("\n".join(["sex,region,population", *(f"{s},r{r},1000" for r in range(4) for s in "fm")]))
    found = survey(path, SurveyDesign("y", by=("region", "sex")), people, model=SurveyModel("mrp", draws=200))
    by = {x.levels: x for x in found.figures}
    assert by["r0", "f"].n == 0 and 0.1 < by["r0", "f"].rate < 0.6
    assert by["r0", "f"].high - by["r0", "f"].low > by["r1", "f"].high - by["r1", "f"].low


def test_stored_times_of_full_size_are_within_what_is_asked() -> None:
    stored = json.loads((Path(__file__).parents[2] / "benchmarks" / "evidencetimes.json").read_text("utf-8"))
    assert len(stored["rows"]) == 6
    for row in stored["rows"]:
        assert row["seconds"] <= row["target"], row["what"]
    assert stored["rows"][-1]["rhat"] < 1.01 and stored["rows"][-1]["ess"] > 400


def test_what_is_drawn_is_the_same_law_in_other_coordinates() -> None:
    """The slope by differences, and the density up to the determinant, which is that of scales alone."""
    rng = np.random.default_rng(1)
    both = rng.uniform(250, 500, 12)
    cells = pooled_cells(tuple(itertools.product("abcd", "xyz")), both * 0.1, both)
    told = cells.told()
    assert told == [(1, slice(4, 8)), (2, slice(8, 11))], "columns, and not their crossing, of which fewer answered"
    density, plain = drawn_density(cells), pooled_density(cells)
    x = rng.normal(0, 0.4, 1 + len(cells.batches) + sum(cells.sizes()))
    value, slope = density(x)
    steps = 1e-6 * np.eye(x.size)
    assert slope == pytest.approx([(density(x + h)[0] - density(x - h)[0]) / 2e-6 for h in steps], abs=1e-4)
    scales = sum(x[scale] * (effects.stop - effects.start) for scale, effects in told)
    assert value == pytest.approx(plain(standardised(x, told))[0] - scales)


def test_benchmarked_rates_make_the_total() -> None:
    rng = np.random.default_rng(10)
    shares = rng.dirichlet(np.ones(30))
    totals = rng.uniform(0.05, 0.2, 50)
    made = benchmarked(rng.normal(-2, 1, (50, 30)), shares, totals)
    assert made @ shares == pytest.approx(totals)


# ---- verdict, rounding, pages -----------------------------------------------------------------------


def test_the_verdict_forbids_what_is_too_few_or_too_wide() -> None:
    limits = SurveyLimits()
    assert judge_survey(6, 19_314, limits).level == "do not publish"
    assert judge_survey(5, 22, limits).level == "publish with caution"
    assert judge_survey(0.1, 0.2, limits, n=29, cases=15).level == "do not publish"
    assert judge_survey(0.1, 0.2, limits, n=500, cases=9).level == "do not publish"
    assert judge_survey(0.1, 0.2, limits, n=500, cases=495).level == "do not publish"
    assert judge_survey(0.1, 0.2, limits, n=500, cases=60, df=5).level == "publish with caution"
    assert judge_survey(math.nan, math.nan, limits).level == "publish with caution"
    assert judge_survey(0.1, 0.2, limits, n=500, cases=60, df=40) == ("publish", ())


def test_a_published_number_stays_what_it_was(tmp_path: Path) -> None:
    assert source_unit(0.015, 7800) == 100 and source_unit(0.02, 10_400) == 1000
    assert source_unit(0.0153846, 8000) is None
    path = tmp_path / "rates.csv"
    path.write_text("group,rate,population,n,deff\nboys,0.015,520000,3000,1.3\ngirls,0.026,500000,3000,1.3\n"
                    "few,0.01,100000,25,1\n")  # fmt: skip
    shown = publish_survey(survey(path), SurveyAbout())
    assert [x.persons[:3] for x in shown.rates[:2]] == [(7800, 5500, 11000), (13000, 10000, 17000)]
    assert math.isnan(shown.rates[2].persons.point) and shown.rates[2].level == "do not publish"
    assert "not stated" in survey_text(shown) and "7.800" in survey_text(shown, "nl")


def files(folder: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(11)
    path, people = folder / "s.csv", folder / "population.csv"
    rows = []
    for i in range(900):
        sex, region = "fm"[i % 2], "r1" if i < 12 else f"r{2 + i % 3}"
        y = int(rng.random() < 0.25)
        known = "" if not y else str(int(rng.random() < 0.4))
        mode = "web" if i % 3 else "face"
        rows.append(f"{y},{sex},{region},{mode},{known},{rng.poisson(150)},{rng.binomial(60, 0.2)}")
    path.write_text("\n".join(["y,sex,region,mode,known,contacts,hidden", *rows]))
    cells = [f"{s},{r},{10_000}" for s in "fm" for r in ("r1", "r2", "r3", "r4")]
    people.write_text("\n".join(["sex,region,population", *cells]))
    return path, people


def test_small_counts_of_respondents_cannot_be_worked_out(tmp_path: Path) -> None:
    path, people = files(tmp_path)
    shown = publish_survey(survey(path, SurveyDesign("y", by=("region", "sex")), people), SurveyAbout())
    by = {x.levels: x for x in shown.rates}
    assert by["r1", "f"].n is None and by["r1", "f"].level == "do not publish"
    assert by["r1", "m"].n is None  # the two together are 12, of which anything may be either's
    assert by[()].persons.point > 0


def regions(path: Path, answers: dict[str, tuple[int, int]]) -> Path:
    """Write microdata of regions: answers, and those that are yes."""
    rows = [f"{int(i < yes)},{name}" for name, (n, yes) in answers.items() for i in range(n)]
    path.write_text("\n".join(["y,region", *rows]))
    return path


def test_an_area_without_a_number_is_in_no_file_and_cannot_be_worked_out(tmp_path: Path) -> None:
    answers = {"north": (400, 80), "east": (300, 60), "south": (200, 30), "west": (100, 4)}
    path, people = regions(tmp_path / "s.csv", answers), tmp_path / "people.csv"
    people.write_text("region,population\n" + "".join(f"{x},{n * 10}\n" for x, (n, _) in answers.items()))
    design = SurveyDesign("y", by=("region",), compare="region")
    for given in (people, None):
        shown = publish_survey(survey(path, design, given), SurveyAbout())
        rates = {x.levels: x for x in shown.rates}
        hidden = [x.levels[0] for x in shown.rates if x.levels and math.isnan(x.rate.point)]
        assert set(hidden) == {"west", "south"}, "a total less all others is the one that is left"
        assert [r.code for r in rates["west",].reasons] == ["surveyreason.cases"]
        assert [r.code for r in rates["south",].reasons] == ["surveyreason.beside"]
        assert all(math.isnan(x.persons.point) and math.isnan(x.deff) for x in shown.rates if x.levels[:1] == ("west",))
        out = write_survey(tmp_path / "out", shown, overwrite=True)
        record = json.loads((out / "survey.json").read_text())
        for row in record["rates"]:
            if row["levels"] and row["levels"][0] in hidden:
                assert {x for name in ("rate", "persons") for x in row[name].values()} | {row["deff"]} == {None}
                assert not any("factor" in json.dumps(x) for x in row["reasons"])
        for name in ("survey.csv", "survey-differences.csv"):
            for line in (out / name).read_text().splitlines()[1:]:
                if any(x in line.split(",") for x in hidden):
                    assert line.endswith("do not publish") or ",do not publish,surveyreason." in line
        for page, words in (("survey.html", "could be worked out"), ("survey.nl.html", "af te leiden")):
            text = (out / page).read_text().partition("<main")[2]
            assert words in text and not re.search(r">(4|15)%", text)
        # what is left for the two together holds nobody and everybody of either
        whole, told = rates[()], [rates[x,] for x in ("north", "east")]
        left = whole.rate.point * 1000 - sum(x.rate.point * (x.n or 0) for x in told)
        assert left >= 10


def test_a_wide_interval_says_no_number_of_it() -> None:
    judged = judge_survey(0.01, 0.0573, SurveyLimits(), n=500, cases=60, df=40)
    assert [dict(x.values)["factor"] for x in judged.reasons] == [4.0]
    assert judge_survey(0.001, 0.5, SurveyLimits(), n=50, cases=2, df=1).reasons[0].code == "surveyreason.cases"
    assert len(judge_survey(0.001, 0.5, SurveyLimits(), n=50, cases=2, df=1).reasons) == 1


def test_weights_before_calibration_do_not_tell_small_counts(tmp_path: Path) -> None:
    path, totals = regions(tmp_path / "s.csv", {"a": (300, 60), "b": (200, 50), "c": (6, 2)}), tmp_path / "totals.csv"
    totals.write_text("variable,level,total\nregion,a,3000\nregion,b,2100\nregion,c,60\n")
    shown = publish_survey(survey(path, SurveyDesign("y", totals=totals)), SurveyAbout())
    assert [math.isnan(x.before) for x in shown.margins] == [False, True, True]


def test_a_page_in_both_languages_is_rendered_again(tmp_path: Path) -> None:
    path, people = files(tmp_path)
    design = SurveyDesign("y", by=("sex",), compare="sex", known="known")
    lists = SurveyLists(registered=5000, acquaintances="contacts", acquainted="hidden")
    shown = publish_survey(survey(path, design, people, lists=lists), SurveyAbout("A survey", "office", "2020", "x"))
    assert [x.level for x in shown.lines] == ["publish", "publish with caution", "publish with caution"]
    assert shown.lines[1].size.point == pytest.approx(5000 / 0.4, rel=0.2)
    out = write_survey(tmp_path / "out", shown)
    names = {"survey.csv", "survey-differences.csv", "survey.json", "survey.html", "survey.nl.html"}
    assert {x.name for x in out.iterdir()} == names
    before = (out / "survey.nl.html").read_text()
    assert "Aandeel" in before and "assumed" not in before
    again = read_survey(out).as_record()
    assert json.dumps(again) == json.dumps(shown.as_record())
    assert out / "survey.nl.html" in render_survey(out)
    assert (out / "survey.nl.html").read_text() == before
    (out / "survey.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        read_survey(out)


def test_the_mode_is_taken_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    path = tmp_path / "s.csv"
    mode = rng.integers(2, size=4000)
    y = rng.random(4000) < 1 / (1 + np.exp(2.0 - 1.0 * mode))
    path.write_text("y,mode\n" + "\n".join(f"{int(a)},{'web' if b else 'face'}" for a, b in zip(y, mode, strict=True)))
    found = survey(path, SurveyDesign("y", mode="mode", reference="face"))
    (whole,) = found.figures
    assert whole.rate == pytest.approx(float(y[mode == 0].mean())) and whole.low < 1 / (1 + math.exp(2.0)) < whole.high
    assert found.notes[0].code == "surveynote.mode"
    with pytest.raises(InputError, match="no level of the mode"):
        survey(path, SurveyDesign("y", mode="mode", reference="phone"))


def test_the_command_writes_nothing_where_something_is_wrong(tmp_path: Path) -> None:
    path, people = files(tmp_path)
    run = CliRunner()
    out = str(tmp_path / "out")
    call = ["survey", str(path), "--outcome", "y"]
    told = run.invoke(main, [*call, "--by", "sex", "--population", str(people), "--json"])
    assert told.exit_code == 0 and json.loads(told.stdout)["rates"][-1]["levels"] == []
    totals = tmp_path / "totals.csv"
    totals.write_text("variable,level,total\nsex,f,500\nsex,m,500\n")
    calibrated = [*call, "--totals", str(totals), "--bounds"]
    assert run.invoke(main, [*calibrated, "0.1", "10"]).exit_code == 0
    told = run.invoke(main, [*calibrated, "2", "3"])
    assert told.exit_code == 2 or "do not hold 1" in str(told.exception)
    for wrong in (["--compare", "region"], ["--bounds", "0.5", "3"], ["--mode", "mode"], ["--method", "mrp"],
                  ["--replicates", "rep"], ["--registered", "10"], ["--acquaintances", "contacts"]):  # fmt: skip
        told = run.invoke(main, [*call, "--out", out, *wrong])
        assert told.exit_code == 2 or isinstance(told.exception, InputError), wrong
        assert not (tmp_path / "out").exists()
