"""Indicators and rates: unrounded against the draws, and what of them is published."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from mse.answers.results import Results
from mse.errors import InputError, ModelError
from mse.evidence.chain import (
    Step,
    chain,
    proportion_interval,
    ratio_interval,
    read_chain,
)
from mse.publish.auditrecord import record_tables
from mse.publish.indicators.basis import population_frame, risk_groups
from mse.publish.indicators.measures import indicators
from mse.publish.indicators.sdg import sdg_table
from mse.publish.registered import is_public, list_counts, registered_counts
from mse.publish.release.outgoing import published_tables
from mse.publish.release.publishedfigures import published_figures
from mse.publish.standing import SUPPRESSED, TOO_FEW, WITHHELD
from mse.publish.wording.rounding import rounded_values
from mse.tables.population import Population
from tests.examples.parts import DIMENSIONS, capture, national
from tests.examples.results import uk

PEOPLE = Population.from_frame(
    pd.DataFrame(
        [
            {"year": year, "sex": sex, "age": age, "population": 1e6 * (5 if age == "adult" else 2) + int(year)}
            for year, sex, age in itertools.product(("2018", "2019", "2020"), ("f", "m"), ("minor", "adult"))
        ]
    ),
    source="a statistical office",
)


def found(frame: pd.DataFrame, indicator: str, **at: str) -> pd.Series:
    """Return the one row of an indicator at some levels, summed over the other dimensions."""
    rows = frame[frame["indicator"] == indicator]
    for dim in [d for d in DIMENSIONS if d in frame.columns]:
        rows = rows[rows[dim] == at.get(dim, "all")]
    assert len(rows) == 1
    return rows.iloc[0]


# ---- indicators ------------------------------------------------------------------------------------


def test_without_strata_everything_follows_from_the_headline() -> None:
    results = uk()
    frame = indicators(results)
    whole = results.headline.summary(0.95)
    assert frame["indicator"].tolist() == ["registered", "estimated", "in view", "dark figure", "hidden for each seen"]
    assert found(frame, "estimated")[["point", "low", "high"]].tolist() == [whole.point, whole.low, whole.high]
    assert found(frame, "in view")["low"] == whole.observed / whole.high
    assert found(frame, "dark figure")["high"] == whole.high - whole.observed
    assert found(frame, "hidden for each seen")["point"] == pytest.approx(whole.point / whole.observed - 1)
    assert set(frame["period"]) == {"2013"} and set(frame["prob"]) == {0.95}
    assert all(frame["definition"].str.len() > 10) and set(frame["unit"]) == {"persons", "share", "ratio"}


def test_strata_agree_with_the_draws() -> None:
    results = national()
    strata = results.headline.strata
    assert strata is not None
    frame = indicators(results)
    draws = strata.draws.reshape(-1, *map(len, DIMENSIONS.values()))
    women = draws[:, 1, :, 0].sum(axis=(1, 2))
    row = found(frame, "estimated", year="2019", sex="f")
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(women, [0.025, 0.975])))
    assert row["period"] == "2019"
    share = found(frame, "share of all", year="2019", sex="f")
    assert share["point"] == pytest.approx(np.median(women / draws[:, 1].sum(axis=(1, 2, 3))))
    change = found(frame, "change", year="2020", sex="f")
    later = draws[:, 2, :, 0].sum(axis=(1, 2))
    assert change["low"] == pytest.approx(np.quantile(later - women, 0.025))
    assert change["period"] == "2019 to 2020"
    assert found(frame, "probability of a fall", year="2020", sex="f")["point"] == pytest.approx(np.mean(later < women))
    assert found(frame, "registered")["point"] == results.headline.observed
    for dim in DIMENSIONS:
        rows = frame[(frame["indicator"] == "registered") & (frame[dim] != "all")]
        alone = rows[(rows[[d for d in DIMENSIONS if d != dim]] == "all").all(axis=1)]
        assert alone["point"].sum() == results.headline.observed


def test_too_few_data_give_no_number() -> None:
    """Fewer than ten registered, or fewer than three lists with anybody on them."""
    table = capture()
    frame = indicators(national())
    seen = frame[frame["indicator"] == "registered"].set_index(list(DIMENSIONS))["point"]
    for row in frame[frame["indicator"] == "estimated"].to_dict("records"):
        at = tuple(row[dim] for dim in DIMENSIONS)
        inside = [
            all(level in ("all", own) for level, own in zip(at, levels, strict=True))
            for levels in itertools.product(*DIMENSIONS.values())
        ]
        lists = int((table.counts[np.array(inside)].sum(axis=0) @ table.membership() > 0).sum())
        few = seen[at] < 10 or lists < 3
        assert (row["status"] == TOO_FEW) == few == math.isnan(row["point"])
    assert (frame["status"] == TOO_FEW).any()


def test_where_nobody_can_be_there_is_no_row() -> None:
    frame = indicators(national())
    assert not ((frame["form"] == "criminal") & (frame["age"] == "adult")).any()


def test_rates_per_100_000() -> None:
    frame = indicators(national(population=population_frame(PEOPLE)))
    row, size = found(frame, "per 100,000", year="2019", sex="f"), 7e6 + 2 * 2019
    assert row["point"] == pytest.approx(found(frame, "estimated", year="2019", sex="f")["point"] * 1e5 / size)
    assert "a statistical office" in row["definition"] and "year 2019" in row["definition"]
    by_form = found(frame, "per 100,000", year="2019", form="labour")
    assert by_form["high"] == pytest.approx(
        found(frame, "estimated", year="2019", form="labour")["high"] * 1e5 / (14e6 + 4 * 2019)
    )
    # The population of three years together is nobody's.
    assert not ((frame["indicator"] == "per 100,000") & (frame["year"] == "all")).any()


def test_groups_at_risk() -> None:
    group = {"name": "labour migrants", "persons": 400_000, "where": {"form": "labour"}, "source": "a study"}
    frame = indicators(national(publish={"at_risk": [group]}))
    row = found(frame, "per 100,000 at risk", year="2019", form="labour")
    assert row["point"] == pytest.approx(found(frame, "estimated", year="2019", form="labour")["point"] / 4)
    assert "400,000" in row["definition"] and "a study" in row["definition"]
    wrong = {
        "at_risk": [{"name": "x", "where": {"shape": "round"}}, {"persons": 5, "where": {"sex": "f", "age": "minor"}}]
    }
    with pytest.raises(InputError, match="3 problems"):
        risk_groups(national(publish=wrong), tuple(DIMENSIONS))


def test_sdg_16_2_2() -> None:
    results = national(population=population_frame(PEOPLE))
    frame, plain = sdg_table(results), indicators(results)
    assert frame is not None
    assert (frame[["sex", "age", "form"]] != "all").sum(axis=1).max() == 1
    row = frame[(frame["year"] == "2019") & (frame["sex"] == "f")].iloc[0]
    assert row["detected"] == found(plain, "registered", year="2019", sex="f")["point"]
    assert row["undetected"] == found(plain, "dark figure", year="2019", sex="f")["point"]
    assert row["per_100k"] == pytest.approx(found(plain, "per 100,000", year="2019", sex="f")["point"])
    assert sdg_table(uk()) is None


def test_population_survives_the_results_folder(tmp_path: Path) -> None:
    population_frame(PEOPLE).to_csv(tmp_path / "population.csv", index=False)
    straight, read = population_frame(PEOPLE), pd.read_csv(tmp_path / "population.csv")
    pd.testing.assert_frame_equal(indicators(national(population=straight)), indicators(national(population=read)))


# ---- what is published ------------------------------------------------------------------------------


def test_rounding_is_outward_to_a_tenth_of_the_width_at_most() -> None:
    assert rounded_values(23186, 10455, 37280, "persons")[:3] == (23000, 10000, 38000)
    assert rounded_values(0.1183, 0.0736, 0.2625, "share")[:3] == (0.12, 0.07, 0.27)
    assert rounded_values(-38.2, -412.0, 333.0, "persons")[:3] == (-50, -450, 350)


@example(-1e-05, 100000.0, "persons")
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.sampled_from(["persons", "share", "ratio", "per 100,000"]))
def test_rounding_never_narrows(low: float, width: float, unit: str) -> None:
    high = low + width
    made = rounded_values((low + high) / 2, low, high, unit)
    hair = 1e-6 + 2e-9 * made.unit  # what `round_interval` takes for floating point
    assert made.low <= low + hair and made.high >= high - hair
    if width > 20:
        assert made.high - made.low <= 1.3 * width


def test_nothing_small_and_nothing_exact_is_published() -> None:
    results = national(population=population_frame(PEOPLE))
    frame, raw = published_tables(results)["indicators"], indicators(results)
    safe = registered_counts(results)
    assert safe is not None and not is_public(results)
    seen = frame["indicator"] == "registered"
    assert frame.loc[seen, "point"].isna().any()
    assert not ((raw["point"] < 10) & seen & frame["point"].notna() & (raw["point"] > 0)).any()
    hidden = frame[seen & frame["point"].isna()]
    assert set(hidden["status"]) == {SUPPRESSED}
    # What would give a count away beside the estimate goes with it.
    for row in hidden.to_dict("records"):
        at = {dim: row[dim] for dim in DIMENSIONS if row[dim] != "all"}
        assert found(frame, "dark figure", **at)["status"] in (SUPPRESSED, TOO_FEW)
        assert found(frame, "in view", **at)["status"] in (SUPPRESSED, TOO_FEW)
    ok = frame[(frame["status"] == "ok") & ~seen & (frame["unit"] == "persons")]
    assert not np.isin(ok["point"], raw.loc[ok.index, "point"]).all()


def test_no_estimate_is_published_against_the_verdict() -> None:
    tables = published_tables(national("do not publish", population=population_frame(PEOPLE), sdg=pd.DataFrame()))
    frame = tables["indicators"]
    others = frame[frame["indicator"] != "registered"]
    assert set(others["status"]) <= {WITHHELD, TOO_FEW, SUPPRESSED} and others["point"].isna().all()
    assert found(frame, "registered")["status"] == "ok"
    assert tables["methods"]["point"].isna().all()
    assert tables["sdg"]["undetected"].isna().all() and tables["sdg"]["detected"].notna().any()
    assert set(published_tables(replace_verdict(national()))["methods"]["status"]) >= {"withheld: not judged"}


def replace_verdict(results: Results) -> Results:
    return replace(results, headline=replace(results.headline, verdict=None))


def test_figures_are_named_once_each_and_say_what_they_are() -> None:
    steps = chain([Step("registered", 984), Step("reported", 400, "registered")])
    results = national(
        population=population_frame(PEOPLE), sdg=pd.DataFrame(), chain=steps, publish={"threshold": 5},
        robustness=pd.DataFrame({"change": ["without list", "cell +1"], "what": ["P", "P+K"], "observed": [900, 1000],
                                 "point": [1800.0, 1900.0], "low": [1500.0, 1500.0], "high": [2222.0, 2300.0],
                                 "ratio": [0.9, 1.0]}),
    )  # fmt: skip
    figures = published_figures(results)
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names)
    assert "indicators: estimated, year 2019, sex f" in names
    assert "robustness: change without list, what P" in names and not any("cell" in name for name in names)
    for figure in figures:
        assert figure.unit and figure.definition and figure.verdict and figure.status
        assert (figure.value is None) == (figure.status not in ("ok", "structural zero"))
        assert figure.low is None or figure.high is None or figure.low <= figure.high
    counted = [figure for figure in figures if figure.name.startswith(("counts", "lists", "chain"))]
    assert counted and {figure.verdict for figure in counted} == {"not applicable"}


def test_lists_are_published_by_one_and_by_two() -> None:
    results = national()
    safe = list_counts(results)
    assert safe is not None
    assert {sum(x is not None for x in cell.place) for cell in safe.cells} == {0, 1, 2}
    assert safe.at().count == results.headline.observed


# ---- rates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "base"), [(0, 20), (3, 20), (20, 20), (400, 984)])
def test_intervals_of_a_proportion(count: int, base: int) -> None:
    """Against scipy's own intervals, and Jeffreys' against the quantiles of its beta."""
    ours = {m: proportion_interval(count, base, 0.95, m) for m in ("wilson", "exact", "jeffreys")}  # type: ignore[arg-type]
    book = stats.binomtest(count, base)
    for method in ("wilson", "exact"):
        assert ours[method] == pytest.approx(tuple(book.proportion_ci(0.95, method)), abs=1e-9)
    law = stats.beta(count + 0.5, base - count + 0.5)
    assert ours["jeffreys"].low == (0 if count == 0 else pytest.approx(law.ppf(0.025)))
    assert ours["jeffreys"].high == (1 if count == base else pytest.approx(law.ppf(0.975)))


def test_jeffreys_covers_on_average_what_it_claims() -> None:
    """Exactly, by summing the binomial over a grid of proportions: 95% within half a point at n = 30."""
    p = np.linspace(0.02, 0.98, 400)
    ends = [proportion_interval(x, 30, 0.95) for x in range(31)]
    mass = stats.binom.pmf(np.arange(31)[:, None], 30, p)
    covered = sum(mass[x] * ((ends[x].low <= p) & (p <= ends[x].high)) for x in range(31))
    assert covered.mean() == pytest.approx(0.95, abs=0.005)


def test_a_ratio_of_counts() -> None:
    low, high = ratio_interval(150, 100, 0.95)
    assert low < 1.5 < high
    # By simulation of the two Poisson counts at the true ratio 1.5.
    rng = np.random.default_rng(1)
    pairs = rng.poisson([150, 100], size=(2000, 2))
    covered = sum(a <= 1.5 <= b for a, b in (ratio_interval(int(x), int(y), 0.95) for x, y in pairs))
    assert covered / 2000 == pytest.approx(0.95, abs=0.02)
    assert ratio_interval(5, 0, 0.95).high == math.inf


def test_a_chain(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_text(
        "step,count,of,within\nregistered,984,,\nreported,400,registered,yes\nprosecuted,150,reported,no\n"
        "convicted,90,prosecuted,yes\n"
    )
    frame = chain(read_chain(path))
    assert frame["rate"].tolist()[1:] == pytest.approx([400 / 984, 150 / 400, 90 / 150])
    assert frame["kind"].tolist() == ["", "share", "ratio", "share"]
    assert "not a part of reported" in frame["note"][2] and frame["note"][1] == ""
    assert (frame["low"][1], frame["high"][1]) == pytest.approx(tuple(proportion_interval(400, 984, 0.95)))
    path.write_text("step,count\nregistered,984\nreported,400\nconvicted,90\n")
    assert chain(read_chain(path))["of"].tolist()[1:] == ["registered", "reported"]


def test_chains_are_refused_with_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_text("step,count,of,within\n,many,,perhaps\n")
    with pytest.raises(InputError, match="3 problems"):
        read_chain(path)
    path.write_text("step,number\nregistered,3\n")
    with pytest.raises(InputError, match="2 problems"):
        read_chain(path)
    with pytest.raises(ModelError, match="3 problems"):
        chain([Step("a", 10), Step("a", 5, "a"), Step("b", 20, "a"), Step("c", 1, "d")])
    assert math.isnan(chain([Step("a", 0), Step("b", 0, "a")])["rate"][1])


def test_small_counts_of_a_chain_and_their_complements_are_left_out() -> None:
    frame = chain([Step("registered", 984), Step("reported", 980, "registered"), Step("convicted", 7, "reported"),
                   Step("appealed", 3, "convicted")])  # fmt: skip
    safe = published_tables(national(chain=frame))["chain"]
    assert safe["count"].isna().tolist() == [False, True, True, True]
    assert safe["rate"].isna().all() and safe["base"].isna().tolist() == [True, False, True, True]


# ---- the record of a run -----------------------------------------------------------------------------


def test_everything_a_job_asks_for_is_recorded(tmp_path: Path) -> None:
    people, steps, rates = (tmp_path / f"{name}.csv" for name in ("population", "chain", "survey"))
    population_frame(PEOPLE).drop(columns="source").to_csv(people, index=False)
    steps.write_text("step,count\nregistered,984\nreported,400\n")
    rates.write_text("group,rate,population,n\nboys,0.015,520000,3000\n")
    made = record_tables(
        national(), capture(), population=people, population_source="a statistical office", chain_file=steps,
        survey_file=rates,
    )  # fmt: skip
    assert set(made) == {"population", "indicators", "sdg", "chain", "survey"}
    straight = national(population=population_frame(PEOPLE))
    pd.testing.assert_frame_equal(made["indicators"], indicators(straight))
    assert set(record_tables(uk(), capture().collapse())) == {"indicators"}


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    people, steps, rates = (tmp_path / f"{name}.csv" for name in ("population", "chain", "survey"))
    people.write_text("sex,shape,population\nf,round,5\n")
    steps.write_text("step,count\nregistered,3\nreported,400\n")
    rates.write_text("group,rate,population\nboys,1.5,520000\n")
    results = national(publish={"at_risk": [{"name": "nobody", "persons": 0}]})
    with pytest.raises(InputError) as caught:
        record_tables(results, capture(), population=people, chain_file=steps, survey_file=rates)
    said = str(caught.value)
    for part in ("5 problems", "shape", "lacks a level", "chain.csv", "survey.csv", "at_risk"):
        assert part in said
