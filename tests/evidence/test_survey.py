"""Survey prevalence: linearised variance against plain formulas, a jackknife and a bootstrap; rates times population.

No figure of a book is used: the examples are small enough to be worked out by hand in the tests.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from mse.errors import InputError, ModelError
from mse.evidence.chain import proportion_interval
from mse.evidence.respondentfile import read_respondents
from mse.evidence.survey import COLUMNS, SurveyRate, read_rates, survey_persons
from mse.evidence.surveydesign import Respondents, SurveyDesign, make_respondents
from mse.evidence.surveylaw import prevalence, survey_law
from mse.evidence.surveyways import survey

Array = npt.NDArray[np.float64]
RATES = """group,rate,population,low,high,prob,n,deff,source
boys,0.015,520000,,,,3000,1.3,illustration
girls,0.026,500000,,,,3000,1.3,illustration
"""


def sample(seed: int, strata: int = 4, units: int = 8, size: int = 15) -> Respondents:
    """Return a stratified cluster sample in which units differ."""
    rng = np.random.default_rng(seed)
    n = strata * units * size
    stratum = np.repeat(np.arange(strata), units * size)
    unit = np.tile(np.repeat(np.arange(units), size), strata)
    pull = rng.normal(0, 0.7, size=(strata, units))[stratum, unit]
    outcome = (rng.random(n) < 1 / (1 + np.exp(1.5 - pull))).astype(float)
    sex = rng.choice(["f", "m"], n)
    return make_respondents(outcome, rng.uniform(0.5, 2.0, n), stratum.tolist(), unit.tolist(), {"sex": sex.tolist()})


def linearised_variance(data: Respondents, inside: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the rate among some respondents and its variance, as a group of the law."""
    law = survey_law(replace(data, groups={"inside": tuple(map(str, inside))}))
    g = law.groups.index(("True",))
    return float(law.rate[g]), float(law.cov[g, g])


# ---- variance ---------------------------------------------------------------------------------------


def test_a_simple_random_sample_gives_the_formula_of_the_book() -> None:
    """Variance p(1 - p)/(n - 1), Cochran (1977) equation 3.7 without the finite population, deff 1."""
    outcome = np.array([1.0] * 6 + [0.0] * 14)
    row = prevalence(make_respondents(outcome, np.ones(20), [0] * 20, list(range(20)))).iloc[0]
    assert row["rate"] == pytest.approx(0.3)
    assert row["se"] ** 2 == pytest.approx(0.3 * 0.7 / 19)
    assert row["deff"] == pytest.approx(1.0)
    half = stats.t.ppf(0.975, 19) * row["se"] / (0.3 * 0.7)
    assert row["low"] == pytest.approx(1 / (1 + math.exp(-(math.log(3 / 7) - half))))
    assert row["high"] == pytest.approx(1 / (1 + math.exp(-(math.log(3 / 7) + half))))


def test_clusters_by_hand() -> None:
    """Three clusters of two: totals of z are (2 - 2p)/6, (1 - 2p)/6, -2p/6 with p = 1/2, so 1/6, 0, -1/6.

    Variance 3/2 * (1/36 + 0 + 1/36) = 1/12, which is 1.67 times p(1 - p)/(n - 1) = 1/20.
    """
    data = make_respondents([1, 1, 1, 0, 0, 0], np.ones(6), [0] * 6, [0, 0, 1, 1, 2, 2])
    rate, variance = linearised_variance(data, np.ones(6, dtype=bool))
    assert (rate, variance) == (pytest.approx(0.5), pytest.approx(1 / 12))


def test_strata_by_hand() -> None:
    """Two strata that the rates differ between: the difference is no part of the variance.

    Stratum 1: outcomes 1, 1, 1, 0; stratum 2: 0, 0, 0, 1; weights 1. p = 1/2, z = ±1/16; within each stratum of four
    the squared deviations of z are 3 * (1/32)² + (3/32)² = 12/1024; times 4/3, twice: 1/32.
    """
    data = make_respondents([1, 1, 1, 0, 0, 0, 0, 1], np.ones(8), [1] * 4 + [2] * 4, list(range(8)))
    rate, variance = linearised_variance(data, np.ones(8, dtype=bool))
    assert (rate, variance) == (pytest.approx(0.5), pytest.approx(1 / 32))


def jackknife(data: Respondents, inside: npt.NDArray[np.bool_]) -> float:
    """Return the variance by leaving out one unit at a time, the weights of its stratum made up for: slow and plain."""
    stratum_of = dict(zip(data.psu.tolist(), data.stratum.tolist(), strict=True))
    whole = linearised_variance(data, inside)[0]
    variance = 0.0
    for unit, stratum in stratum_of.items():
        units = sum(s == stratum for s in stratum_of.values())
        weight = data.weight * inside
        weight = np.where(data.stratum == stratum, weight * units / (units - 1), weight) * (data.psu != unit)
        rate = float(weight @ np.nan_to_num(data.outcome) / weight.sum())
        variance += (units - 1) / units * (rate - whole) ** 2
    return variance


def bootstrap(data: Respondents, inside: npt.NDArray[np.bool_], times: int, rng: np.random.Generator) -> float:
    """Return the variance by drawing n_h - 1 of the n_h units of each stratum anew (Rao & Wu 1988)."""
    stratum_of = np.zeros(int(data.psu.max()) + 1, dtype=int)
    stratum_of[data.psu] = data.stratum
    rates = []
    for _ in range(times):
        factor = np.zeros(stratum_of.size)
        for stratum in np.unique(stratum_of):
            units = np.flatnonzero(stratum_of == stratum)
            drawn = rng.choice(units, units.size - 1)
            factor += np.bincount(drawn, minlength=stratum_of.size) * units.size / (units.size - 1)
        weight = data.weight * inside * factor[data.psu]
        rates.append(float(weight @ data.outcome / weight.sum()))
    return float(np.var(rates, ddof=1))


@pytest.mark.parametrize("seed", range(3))
def test_the_variance_is_that_of_a_jackknife_and_a_bootstrap(seed: int) -> None:
    """For a ratio the three differ in the second order only; the bootstrap has its own noise, sqrt(2/800) = 5%."""
    data = sample(seed)
    for inside in (np.ones(data.outcome.size, dtype=bool), np.array(data.groups["sex"]) == "f"):
        ours = linearised_variance(data, inside)[1]
        assert ours == pytest.approx(jackknife(data, inside), rel=0.03)
        assert ours == pytest.approx(bootstrap(data, inside, 800, np.random.default_rng(seed)), rel=0.2)


def test_a_mean_with_equal_weights_and_units_is_the_jackknife_exactly() -> None:
    data = sample(5)
    equal = Respondents(data.outcome, np.ones(data.outcome.size), data.psu, data.stratum)
    everybody = np.ones(data.outcome.size, dtype=bool)
    assert linearised_variance(equal, everybody)[1] == pytest.approx(jackknife(equal, everybody), rel=1e-10)


def test_a_group_keeps_the_design_of_the_whole_sample() -> None:
    """Units without anybody of the group count as zeros: leaving them out would make the variance too small."""
    outcome = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    inside = np.array([True, True, True, True, False, False])
    units = [0, 0, 1, 1, 2, 2]
    whole = linearised_variance(make_respondents(outcome, np.ones(6), [0] * 6, units), inside)[1]
    part = linearised_variance(make_respondents(outcome[:4], np.ones(4), [0] * 4, units[:4]), inside[:4])[1]
    assert whole == pytest.approx(part * 3 / 2 / 2)


def test_what_does_not_matter_changes_nothing() -> None:
    data = sample(7)
    once = prevalence(data)
    scaled = prevalence(Respondents(data.outcome, data.weight * 37.0, data.psu, data.stratum, data.groups))
    pd.testing.assert_frame_equal(once, scaled)
    order = np.random.default_rng(0).permutation(data.outcome.size)
    sex = tuple(np.array(data.groups["sex"])[order].tolist())
    mixed = Respondents(data.outcome[order], data.weight[order], data.psu[order], data.stratum[order], {"sex": sex})
    pd.testing.assert_frame_equal(once, prevalence(mixed))


def test_the_interval_covers() -> None:
    """300 samples of a population of clusters: 95% ± 4 standard errors (1.3 points)."""
    rng = np.random.default_rng(11)
    pull = rng.normal(0, 0.6, 2000)
    chance = 1 / (1 + np.exp(2.5 - pull))
    truth = float(chance.mean())
    covered = 0
    for _ in range(300):
        units = rng.choice(2000, 40, replace=False)
        unit = np.repeat(np.arange(40), 20)
        outcome = (rng.random(800) < chance[units][unit]).astype(float)
        row = prevalence(make_respondents(outcome, np.ones(800), [0] * 800, unit.tolist())).iloc[0]
        covered += row["low"] <= truth <= row["high"]
    assert 0.90 <= covered / 300 <= 1.0


def test_no_answer_and_no_cases() -> None:
    outcome = np.array([0.0] * 30 + [math.nan] * 10)
    row = prevalence(make_respondents(outcome, np.ones(40), [0] * 40, list(range(40)))).iloc[0]
    assert (row["rate"], row["n"]) == (0.0, 30)
    assert (row["low"], row["high"]) == pytest.approx(proportion_interval(0, 30, 0.95))
    few = prevalence(make_respondents([1.0] * 9, np.ones(9), [0] * 9, list(range(9)))).iloc[0]
    assert few["status"] == "too few data" and math.isnan(few["rate"])


# ---- files ------------------------------------------------------------------------------------------


def test_microdata_are_read(tmp_path: Path) -> None:
    path = tmp_path / "survey.csv"
    rows = [f"{i % 2},{1 + i % 3},s{i % 2},p{i % 6},{'f' if i < 30 else 'm'}" for i in range(60)]
    path.write_text("\n".join(["victim,weight,region,school,sex", *rows]))
    design = SurveyDesign("victim", "weight", "region", "school", ("sex",))
    frame = prevalence(read_respondents(path, design))
    assert frame["sex"].tolist() == ["f", "m"]
    assert frame["n"].tolist() == [30, 30]


def test_from_files_to_persons(tmp_path: Path) -> None:
    path, population = tmp_path / "survey.csv", tmp_path / "population.csv"
    path.write_text("\n".join(["victim,sex", *(f"{int(i % 10 == 0)},{'f' if i < 40 else 'm'}" for i in range(80))]))
    population.write_text("sex,population\nf,1000\nm,3000\n")
    design = SurveyDesign("victim", by=("sex",))
    assert survey(path, design).to_pandas()["rate"].tolist() == pytest.approx([0.1, 0.1, 0.1])
    assert survey(path, design, population).to_pandas()["persons"].tolist() == pytest.approx([100, 300, 400])
    everybody = survey(path, SurveyDesign("victim"), population).to_pandas()
    assert everybody["persons"].tolist() == pytest.approx([400])
    population.write_text("age,population\nf,1000\nm,3000\n")
    with pytest.raises(ModelError, match="does not know the grouping column"):
        survey(path, design, population)


def test_microdata_are_refused_with_every_problem_and_no_value(tmp_path: Path) -> None:
    path = tmp_path / "survey.csv"
    path.write_text("victim,weight,region\n1,2,a\nyes,-1,a\n0,2,\n")
    with pytest.raises(InputError) as caught:
        read_respondents(path, SurveyDesign("victim", "weight", "region"))
    said = str(caught.value)
    assert "3 problems" in said and "row 3" in said and "row 4" in said and "yes" not in said
    with pytest.raises(InputError, match="no column for the primary sampling unit"):
        read_respondents(path, SurveyDesign("victim", psu="school"))


def test_a_stratum_with_one_unit_is_refused() -> None:
    with pytest.raises(InputError, match="one primary sampling unit"):
        make_respondents([0, 1, 1], np.ones(3), [0, 0, 1], [0, 1, 0])


# ---- rates times population -------------------------------------------------------------------------


def test_the_worked_example(tmp_path: Path) -> None:
    """7,800 boys and 13,000 girls of 12 to 16 a year.

    The rates, 1.5% and 2.6%, are those of the prevalence study of 2016 that the Dutch National Rapporteur cites (2019).
    The populations, 520,000 and 500,000, are what these rates and numbers imply; respondents and design effect are an
    illustration, as the citation gives neither.
    """
    path = tmp_path / "rates.csv"
    path.write_text(RATES)
    frame = survey_persons(read_rates(path))
    assert frame.columns.tolist() == list(COLUMNS)
    assert frame["persons"].tolist() == pytest.approx([7800, 13000, 20800])
    boys = frame.iloc[0]
    sd = math.sqrt(0.015 * 0.985 * 1.3 / 3000)
    middle, half = math.log(0.015 / 0.985), 1.959964 * sd / (0.015 * 0.985)
    assert boys["low"] == pytest.approx(520_000 / (1 + math.exp(half - middle)), rel=1e-6)
    assert boys["high"] == pytest.approx(520_000 / (1 + math.exp(-half - middle)), rel=1e-6)
    both = frame.iloc[2]
    assert both["group"] == "all" and frame["low"][:2].sum() < both["low"] < both["persons"]


def test_a_rate_that_came_alone_has_no_interval() -> None:
    frame = survey_persons([SurveyRate("boys", 0.015, 520_000), SurveyRate("girls", 0.026, 500_000, n=4000)])
    assert frame["persons"].tolist() == pytest.approx([7800, 13000, 20800])
    assert math.isnan(frame["low"][0]) and not math.isnan(frame["low"][1]) and math.isnan(frame["low"][2])
    assert frame["interval"][0].startswith("none")


def test_a_published_interval_is_kept_or_carried_to_another_probability() -> None:
    given = SurveyRate("all girls", 0.026, 100_000, low=0.020, high=0.034, prob=0.95)
    same, wider = (survey_persons([given], prob).iloc[0] for prob in (0.95, 0.99))
    assert (same["rate_low"], same["rate_high"]) == (pytest.approx(0.020), pytest.approx(0.034))
    assert wider["rate_low"] < 0.020 and wider["rate_high"] > 0.034


def test_rates_of_nothing_and_of_everything() -> None:
    frame = survey_persons([SurveyRate("none", 0.0, 1000, n=200, deff=2.0)])
    assert frame["rate_high"][0] == pytest.approx(proportion_interval(0, 100, 0.95).high)
    published = SurveyRate("few", 0.001, 1000, low=0.0, high=0.004, prob=0.95)
    assert survey_persons([published])["high"][0] == pytest.approx(4.0)
    assert math.isnan(survey_persons([published], 0.9)["high"][0])


def test_a_population_without_a_group_is_refused(tmp_path: Path) -> None:
    path, population = tmp_path / "survey.csv", tmp_path / "population.csv"
    path.write_text("\n".join(["victim,sex", *(f"{i % 2},{'f' if i < 40 else 'm'}" for i in range(80))]))
    population.write_text("sex,population\nf,1000\n")
    with pytest.raises(ModelError, match="no figure"):
        survey(path, SurveyDesign("victim", by=("sex",)), population)


def test_rates_are_refused_with_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(
        "group,rate,population,low,high,prob\nboys,1.5,520000,,,\ngirls,0.02,-3,0.03,0.04,0.95\nx,0.1,9,0.05,,\n,a,9,,,\n"
    )
    with pytest.raises(InputError) as caught:
        read_rates(path)
    for said in ("rate is out of range", "population", "does not hold its rate", "one end", "not a number", "no name"):
        assert said in str(caught.value)
    path.write_text("who,rate\nboys,0.1\n")
    with pytest.raises(InputError, match="a column is missing"):
        read_rates(path)
    with pytest.raises(ModelError, match="a group is there twice"):
        survey_persons([SurveyRate("a", 0.1, 10), SurveyRate("a", 0.1, 10)])
    with pytest.raises(ModelError, match="probability"):
        survey_persons([SurveyRate("a", 0.1, 10)], 95)
