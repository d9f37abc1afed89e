"""Verdicts on single strata and margins: rules at their limits, who reads them, nothing withheld slips out."""

import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import mse
from mse.answers.distribution import Distribution
from mse.answers.estimates import PartVerdict, Reason, Verdict
from mse.answers.posterior import Posterior
from mse.answers.results import summary_record, write_results
from mse.answers.storedgroups import Group
from mse.answers.strata import StrataDraws, time_dimension
from mse.answers.worstof import worst_diagnostic
from mse.assess.parts import because, headline_dimension, judge_parts, parts_frame, unusable, worst
from mse.assess.rules import Thresholds
from mse.assess.verdict import judge, with_assessment
from mse.computing.convergence import ess_bulk, ess_tail, rhat
from mse.jobs.job import read_job
from mse.jobs.running import run_job
from mse.methods import judged
from mse.publish.indicators.measures import indicators
from mse.publish.release.bundle import release_record, write_release
from mse.publish.release.outgoing import published_tables
from mse.publish.release.publishedfigures import published_figures
from mse.publish.release.verification import verify_release
from mse.publish.report.html import compose
from mse.publish.standing import NOT_JUDGED, SUPPRESSED, TOO_FEW, UNJUDGED, WITHHELD, standing
from mse.publish.wording.sentences import terminal_summary
from mse.tables.captures import CaptureTable
from mse.words.said import said
from tests.assess.test_verdict import posterior
from tests.examples.national import FORMS, YEARS
from tests.examples.national import national as made_up
from tests.publish.test_report_sections import sheets, texts

LIMITS = Thresholds()


@cache
def national():
    """Return the made-up result, made once."""
    return made_up()


@cache
def whole_page(language):
    """Return its page."""
    return compose(national(), language)


DIMS = {"year": ("2019", "2020", "2021"), "form": ("a", "b")}


def answer(sds=(0.05,) * 6, observed=(200,) * 6, unseen=300, flags=((),) * 6, chains=0, apart=0.0):
    """Return an answer by three years and two forms; `apart` moves the first half of the draws of the last stratum."""
    rng = np.random.default_rng(5)
    noise = np.exp(rng.normal(0.0, 1.0, (4000, 6)) * np.array(sds))
    noise[:2000, 5] *= np.exp(apart)
    draws = np.array(observed) + rng.poisson(unseen * noise)
    law_values, counts = np.unique(draws.sum(axis=1), return_counts=True)
    strata = StrataDraws(
        DIMS, draws, np.median(draws, axis=0), np.array(observed), np.full((6, 6), np.nan), flags, chains
    )
    law = Distribution.from_mass(law_values.astype(float), counts.astype(float))
    return replace(
        posterior(), observed=int(sum(observed)), distribution=law, draws=draws.sum(axis=1), strata=strata,
        point=float(np.median(draws.sum(axis=1))),
    )  # fmt: skip


def table(lists=4, where=None):
    """Return a table with somebody on every history, but for the strata `where`, where two lists alone have."""
    counts = np.full((6, 2**lists - 1), 20)
    for s in where or ():
        counts[s] = 0
        counts[s, :3] = 20
    return CaptureTable.from_arrays([*"ABCDEFGH"[:lists]], counts, strata=DIMS, name="t")


def part(found, **levels):
    (one,) = [x for x in found if x.levels == levels]
    return one


def codes(found, **levels):
    return {r.code: r.level for r in part(found, **levels).reasons}


def test_every_published_margin_and_every_stratum_is_judged_once():
    found = judge_parts(answer(), table(), LIMITS)
    assert [len(x.levels) for x in found] == [1] * 5 + [2] * 6
    assert all(x.level == "publish" and x.reasons == () for x in found)
    assert set(part(found, year="2019").figures) == {"observed", "lists", "width"}
    draws = answer().strata.margin("form").draws[:, 1]
    low, high = np.quantile(draws, [0.025, 0.975])
    assert part(found, form="b").figures == {"observed": 600.0, "lists": 4.0, "width": high / low}


@pytest.mark.parametrize(
    ("persons", "expected"), [(99, "publish with caution"), (10, "publish with caution"), (9, "do not publish")]
)
def test_few_persons(persons, expected):
    found = judge_parts(answer(observed=(200,) * 5 + (persons,)), table(), LIMITS)
    assert codes(found, year="2021", form="b")["observed"] == expected
    assert "observed" not in codes(found, year="2021")


def test_lists_with_anybody_on_them_count_inside_the_part():
    found = judge_parts(answer(), table(where=(4, 5)), LIMITS)
    assert codes(found, year="2021", form="a") == {"lists": "do not publish"} == codes(found, year="2021")
    assert codes(found, form="a") == {}
    three = judge_parts(answer(), table(3), LIMITS)
    assert codes(three, year="2019") == {"lists": "publish with caution"}


def test_a_dimension_that_the_table_lacks_says_nothing_about_lists():
    summed = judge_parts(answer(), table(where=(5,)).collapse("form"), LIMITS)
    assert part(summed, year="2021", form="b").figures["lists"] == 4.0
    assert part(judge_parts(answer(), table().collapse(), LIMITS), form="b").figures["lists"] == 4.0


@pytest.mark.parametrize(("sd", "expected"), [(0.3, None), (0.6, "publish with caution"), (1.4, "do not publish")])
def test_wide_intervals(sd, expected):
    found = judge_parts(answer(sds=(0.05,) * 5 + (sd,)), table(), LIMITS)
    assert codes(found, year="2021", form="b").get("width") == expected
    assert "width" not in codes(found, year="2019")


def test_an_interval_below_the_observed():
    low = answer()
    draws = low.strata.draws.copy()
    draws[:, 0] = 150
    strata = replace(low.strata, draws=draws)
    found = judge_parts(replace(low, strata=strata, draws=draws.sum(axis=1)), table(), LIMITS)
    assert codes(found, year="2019", form="a")["below_observed"] == "do not publish"
    assert part(found, year="2019", form="a").figures["width"] == 1.0


def test_chains_of_a_part_that_do_not_agree():
    """R-hat is of log N of the part itself: a form that moves is seen in its year, but a year without it is fine."""
    found = judge_parts(answer(chains=4, apart=0.4), table(), LIMITS)
    assert codes(found, year="2021", form="b")["converged"] == "do not publish"
    assert codes(found, year="2021", form="b")["draws"] == "do not publish"
    assert "converged" not in codes(found, year="2020") and "converged" in codes(found, year="2021")
    logs = np.log(answer(chains=4, apart=0.4).strata.margin("form").draws[:, 0]).reshape(4, -1)
    figures = part(found, form="a").figures
    assert (figures["rhat"], figures["ess_bulk"], figures["ess_tail"]) == (rhat(logs), ess_bulk(logs), ess_tail(logs))
    # Independent draws have no chains to hold against each other.
    assert "rhat" not in part(judge_parts(answer(apart=0.4), table(), LIMITS), form="b").figures


def test_a_stratum_without_an_estimate_takes_its_margins_with_it():
    flags = ((),) * 5 + ((said("flag.no_estimate"), said("flag.two_lists")),)
    found = judge_parts(answer(flags=flags), table(), LIMITS)
    bad = [x.levels for x in found if "no_estimate" in {r.code for r in x.reasons}]
    assert bad == [{"year": "2021"}, {"form": "b"}, {"year": "2021", "form": "b"}]


def test_where_nobody_can_be_nothing_is_judged():
    empty = answer()
    draws, observed = empty.strata.draws.copy(), empty.strata.observed.copy()
    draws[:, 5], observed[5] = 0, 0
    strata = replace(empty.strata, draws=draws, observed=observed)
    found = judge_parts(replace(empty, strata=strata, draws=draws.sum(axis=1)), table(), LIMITS)
    assert len(found) == 10 and not [x for x in found if x.levels == {"year": "2021", "form": "b"}]


def test_thresholds_are_those_of_the_whole():
    strict = Thresholds(width=(1.01, 1.02), observed=(1000, 500))
    found = judge_parts(answer(), table(), strict)
    assert codes(found, year="2019") == {"observed": "do not publish", "width": "do not publish"}


# ---- the verdict on the whole -------------------------------------------------------------------------


def test_no_part_is_better_than_the_whole():
    whole = judge(replace(answer(), diagnostics={"prior_factor": 1.2}), table())
    assert whole.level == "publish with caution" and "parts" in whole.checked
    assert {x.level for x in whole.parts} == {"publish with caution"}
    assert all(x.reasons == () and because(x) == ["whole"] for x in whole.parts)
    # What an assessment adds to the whole holds for its parts too, and goes when it goes.
    covers = pd.DataFrame({"truth": ["fitted model"], "covered": [0.3], "prob": [0.95]})
    assert {x.level for x in with_assessment(whole, {"coverage": covers}).parts} == {"do not publish"}
    covers["covered"] = 0.95
    assert {x.level for x in with_assessment(whole, {"coverage": covers}).parts} == {"publish with caution"}


@pytest.mark.parametrize(("wide", "expected"), [(1, False), (2, True), (3, True)])
def test_a_headline_breakdown_that_is_largely_unusable_asks_for_caution(wide, expected):
    spread = answer(sds=tuple(0.9 if year < wide else 0.05 for year in range(3) for _ in range(2)))
    narrow = Thresholds(width=(2.0, 3.0))
    own = judge_parts(spread, table(), narrow)
    assert sum(worst(x.reasons) == "do not publish" for x in own if set(x.levels) == {"year"}) == wide
    found = {r.code: r for r in judge(spread, table(), thresholds=narrow).reasons}
    assert ("parts" in found) == expected
    if expected:
        assert found["parts"].level == "publish with caution" and found["parts"].names == {"dimension": "year"}
        assert found["parts"].figures["bad"] == wide and found["parts"].figures["caution_from"] == 0.5
    assert unusable(own, "year", Thresholds(parts=1.01)) is None


def test_the_headline_breakdown_is_time_or_the_first_dimension():
    strata = answer().strata
    assert headline_dimension(strata) == "year" == time_dimension(strata.dimensions, None)
    assert headline_dimension(strata, "form") == "form"
    assert headline_dimension(replace(strata, dimensions={"sex": ("f", "m", "x"), "form": ("a", "b")})) == "sex"


def test_verdicts_of_parts_survive_the_file(tmp_path):
    whole = replace(answer(chains=4, apart=0.4), verdict=None)
    whole = judged(whole, table(), [])
    whole.save(tmp_path / "posterior.nc")
    read = Posterior.load(tmp_path / "posterior.nc")
    assert read.verdict == whole.verdict and read.strata.chains == 4
    assert read.verdict.part(year="2021").reasons and read.verdict.part(year="1900") is None


def test_as_a_table():
    found = judge_parts(answer(observed=(200,) * 5 + (9,)), table(), LIMITS)
    frame = parts_frame(found, tuple(DIMS))
    assert list(frame.columns) == ["year", "form", "observed", "lists", "width", "rhat", "ess_bulk", "ess_tail",
                                   "verdict", "because"]  # fmt: skip
    row = frame[(frame["year"] == "2021") & (frame["form"] == "b")].iloc[0]
    assert row["observed"] == 9 and row["verdict"] == "do not publish" and "observed" in row["because"]
    assert len(frame[(frame["year"] == "all") & (frame["form"] == "a")]) == 1


def test_an_estimate_by_year_is_judged_by_year():
    found = mse.estimate(table(), "decomposable", by=["year"], seed=1)
    assert [x.levels for x in found.verdict.parts] == [{"year": x} for x in DIMS["year"]]
    assert "parts" in found.verdict.checked


# ---- what is published --------------------------------------------------------------------------------


def spoiled(code="width", level="do not publish", year="2018", **figures):
    """Return the national result with a finding on one year; everything in that year has it too."""
    results = national()
    verdict = results.headline.verdict
    finding = Reason(code, level, {"figure": 6.8, "caution_from": 3.0, "forbid_from": 6.0, **figures})
    parts = tuple(
        PartVerdict(x.levels, level, (*x.reasons, finding), x.figures) if x.levels == {"year": year} else x
        for x in verdict.parts
    )
    return replace(results, headline=replace(results.headline, verdict=replace(verdict, parts=parts)))


@pytest.mark.parametrize(
    ("level", "reasons", "expected"),
    [
        ("publish", (), "ok"),
        ("publish with caution", ("width",), "ok"),
        ("do not publish", (), WITHHELD),
        ("do not publish", ("width", "converged"), f"{WITHHELD} (width, converged)"),
        ("do not publish", ("width", "observed"), TOO_FEW),
        ("do not publish", ("lists",), TOO_FEW),
    ],
)
def test_standing(level, reasons, expected):
    assert standing(PartVerdict({}, level, tuple(Reason(code, level) for code in reasons), {})) == expected
    assert standing(None) == UNJUDGED


def test_a_year_that_must_not_be_cited_has_no_number_anywhere_in_the_release():
    results = spoiled()
    tables = published_tables(results)
    frame = tables["indicators"]
    year = frame[(frame["year"] == "2018") & (frame["form"] == "all")].set_index("indicator")
    assert year.loc["registered", "point"] > 0 and year.loc["registered", "status"] == "ok"
    rest = year.drop("registered")
    assert rest["point"].isna().all() and set(rest["status"]) == {f"{WITHHELD} (width)"}
    assert set(rest["verdict"]) == {"do not publish"}
    # A change has two ends.
    after = frame[(frame["year"] == "2019") & (frame["form"] == "all")].set_index("indicator")
    assert np.isnan(after.loc["change", "point"]) and after.loc["estimated", "status"] == "ok"
    assert after.loc["change", "verdict"] == "do not publish"
    sdg = tables["sdg"]
    row = sdg[(sdg["year"] == "2018") & (sdg["form"] == "all")].iloc[0]
    assert np.isnan(row["undetected"]) and np.isnan(row["total"]) and row["detected"] > 0
    assert row["status"] == f"{WITHHELD} (width)" and row["verdict"] == "do not publish"
    said = published_figures(results, tables)
    one = next(x for x in said if x.name.startswith("indicators: estimated, year 2018") and "form" not in x.name)
    assert one.value is None and one.verdict == "do not publish" and one.status.startswith(WITHHELD)
    # The audit record keeps the number.
    raw = indicators(results)
    assert (
        raw[(raw["year"] == "2018") & (raw["indicator"] == "estimated") & (raw["form"] == "all")]["point"].notna().all()
    )


def test_parts_that_nobody_judged_are_not_published():
    results = national()
    bare = replace(results.headline, verdict=Verdict("publish", (), ()))
    frame = published_tables(replace(results, headline=bare))["indicators"]
    parts = frame[(frame["indicator"] == "estimated") & (frame["year"] != "all")]
    assert set(parts["status"]) <= {UNJUDGED, SUPPRESSED} and parts["point"].isna().all()
    assert set(parts["verdict"]) == {NOT_JUDGED}
    assert frame[(frame["indicator"] == "estimated")].iloc[0]["status"] == "ok"


def test_the_record_of_a_release_names_rules_and_no_counts(tmp_path):
    results = spoiled("lists", figure=2.0)
    (tmp_path / "posterior.nc").write_bytes(b"")
    parts = release_record(results, published_tables(results), tmp_path)["verdict"]["parts"]
    one = next(x for x in parts if x["where"] == {"year": "2018"})
    assert one == {"where": {"year": "2018"}, "level": "do not publish", "because": [TOO_FEW]}


@pytest.mark.parametrize(
    ("language", "cell", "words"),
    [
        ("en", "Not to be cited", "Not to be cited on their own (width of the interval): 2018 (6.8)."),
        ("nl", "Niet om aan te halen", "Op zichzelf niet om aan te halen (breedte van het interval): 2018 (6,8)."),
    ],
)
def test_the_page_shows_no_number_of_it_and_says_why(language, cell, words):
    whole = whole_page(language)
    number = sheets(whole, "trend")[0].rows[YEARS.index("2018")].cells[2].words.text
    found = compose(spoiled(), language)
    row = sheets(found, "trend")[0].rows[YEARS.index("2018")]
    assert [x.words.text for x in row.cells[2:5]] == [cell, "", ""] and number != cell
    assert words in texts(found, "trend") and "2018" in texts(found, "trend")
    assert sheets(found, "verdict")[-1].rows[0].cells[-1].words.text == "1"


@pytest.mark.parametrize(("language", "tag"), [("en", "with caution"), ("nl", "met voorbehoud")])
def test_a_doubtful_part_keeps_its_number_and_is_marked(language, tag):
    found = compose(spoiled(level="publish with caution"), language)
    row = sheets(found, "trend")[0].rows[YEARS.index("2018")]
    assert row.cells[2].tag == tag and row.cells[3].words.text
    assert "2018 (6" in texts(found, "trend")
    assert not any(x.cells[2].tag for i, x in enumerate(sheets(found, "trend")[0].rows) if i != YEARS.index("2018"))


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_last_year_is_no_headline_when_it_must_not_be_cited(language):
    found = compose(spoiled(year="2020"), language)
    assert found.said.latest is None and len(found.keys) == len(whole_page(language).keys) - 1


def test_a_refused_whole_shows_no_number_of_its_parts():
    results = national()
    verdict = results.headline.verdict
    parts = tuple(replace(x, level="do not publish") for x in verdict.parts)
    bad = replace(verdict, level="do not publish", parts=parts)
    found = compose(replace(results, headline=replace(results.headline, verdict=bad)), "en")
    for section in ("trend", "strata"):
        for sheet in sheets(found, section):
            cells = {
                x.words.text
                for row in sheet.rows
                for x in row.cells[2 if sheet.columns[1].title == "Registered" else 1 : 3]
            }
            assert cells <= {"Not to be cited", "Too few data", "Not shown"}, (section, sheet.caption, cells)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Not to be cited on their own, by year (1 of 10): 2018 (width of the interval 6.8)."),
        ("nl", "Op zichzelf niet om aan te halen, naar jaar (1 van de 10): 2018 (breedte van het interval 6,8)."),
    ],
)
def test_the_terminal_says_it_in_one_line(language, words):
    results = spoiled()
    report = replace(results.record.report, languages=(language,))
    results = replace(results, record=replace(results.record, report=report))
    said = terminal_summary(results)
    assert words in said.replace("\n", " ")
    line = next(x for x in said.splitlines() if x.split()[:1] == ["2018"])
    assert len(line.split()) > 2 and not any(mark in line for mark in (" to ", " tot "))


def test_json_holds_every_part():
    record = summary_record(spoiled())["estimate"]["verdict"]["parts"]
    one = next(x for x in record if x["levels"] == {"year": "2018"})
    assert one["level"] == "do not publish" and one["reasons"][0]["code"] == "width"
    assert len(record) == len(YEARS) + len(FORMS) + len(YEARS) * len(FORMS)


# ---- from a job to a release --------------------------------------------------------------------------


def test_a_job_writes_the_verdicts_and_its_release_keeps_to_them(tmp_path):
    rows = [
        (*(h >> j & 1 for j in range(4)), year, 6 if year == "2020" else 40 if h.bit_count() == 1 else 12)
        for year in DIMS["year"]
        for h in range(1, 16)
    ]
    pd.DataFrame(rows, columns=[*"ABCD", "year", "count"]).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "job.toml").write_text(
        '[table]\npath = "t.csv"\n[estimate]\nmethod = "decomposable"\nby = ["year"]\ndraws = 2000\n'
        "[[compare]]\nmethod = 'chao'\n[verdict]\nobserved = [200, 100]\nwidth = [50.0, 60.0]\nparts = 0.3\n"
        "known_sizes = [2.0, 3.0]\n"
    )
    results = run_job(read_job(tmp_path / "job.toml"))
    frame = results.tables["strata_verdict"]
    assert frame["verdict"].tolist() == ["publish with caution", "do not publish", "publish with caution"]
    assert frame["observed"].tolist() == [292, 90, 292] and frame["because"].tolist() == ["whole", "observed", "whole"]
    assert {r.code for r in results.headline.verdict.reasons} == {"identifying", "bound", "parts", "known_bias"}
    write_results(tmp_path / "out", results, lambda _: "")
    again = pd.read_csv(tmp_path / "out" / "tables" / "strata_verdict.csv", dtype={"year": str})
    pd.testing.assert_frame_equal(again, frame, check_dtype=False)
    release = write_release(tmp_path / "out")
    published = pd.read_csv(release / "indicators.csv").set_index(["indicator", "year"])
    assert published.loc[("estimated", "2020"), "status"] == TOO_FEW
    assert published.loc[("estimated", "2019"), "point"] > 292 and np.isnan(published.loc[("change", "2021"), "point"])
    assert verify_release(release) == ()


def test_of_several_values_of_a_diagnostic_the_worst_counts():
    for name in ("ess_bulk_min", "ebfmi_min", "ppc_p_three", "visited", "corrected_weight", "alpha_prior_weights"):
        assert worst_diagnostic(name) is min
    for name in ("rhat_max", "divergent_share", "loo_k_bad", "max_depth_share", "prior_factor", "prior_k", "last_class",
                 "alpha_prior_factor", "walks_rhat", "visited_error", "unreliable_weight", "mc_error"):  # fmt: skip
        assert worst_diagnostic(name) is max
    assert worst_diagnostic("models") is None


def test_chains_stay_with_the_draws():
    strata = answer(chains=4).strata
    assert strata.margin("year").chains == 4 == pickle.loads(pickle.dumps(strata)).chains
    drawn, rest = strata.stored(4)
    group = Group({name: x for name, (_, x) in rest.variables.items()}, rest.attrs)
    assert StrataDraws.from_stored(drawn["N_stratum"][1], group, list(DIMS)).chains == 4
