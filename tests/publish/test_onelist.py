"""Every published number is made once: page, terminal, JSON, release and indicator tables show the same of a part."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import pytest

from mse.answers.distribution import Distribution
from mse.answers.results import Results, plain
from mse.publish.facts.statements import read_facts
from mse.publish.indicators.basis import population_frame
from mse.publish.indicators.measures import indicators
from mse.publish.indicators.partnumbers import Part
from mse.publish.indicators.sdg import sdg_table
from mse.publish.publishedparts import PublishedParts, published_methods, published_parts, published_record
from mse.publish.registered import stated_values
from mse.publish.release.bundle import release_csv
from mse.publish.release.outgoing import published_tables
from mse.publish.release.publishedfigures import published_figures
from mse.publish.report.composing import compose as compose_page
from mse.publish.report.page import Page, Sheet
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.publish.wording.rounding import round_interval
from mse.publish.wording.sentences import terminal_summary
from mse.tables.population import Population
from tests.examples.national import national as national_by_year
from tests.examples.parts import DIMENSIONS, national

CASES = {
    "suppressed": ("publish", False, {}),
    "caution": ("publish with caution", False, {}),
    "rounded": ("publish", False, {"method": "controlled", "base": 3}),
    "public": ("publish", True, {}),
    "refused": ("do not publish", False, {}),
}
LANGUAGES = ("en", "nl")


@cache
def run(case: str) -> Results:
    """Return a result by year, form, sex and age, with a population by year and sex."""
    level, public, publish = CASES[case]
    results = national(level, public=public, publish=publish)
    results = replace(results, record=replace(results.record, rounding="key" if publish else None))
    at = itertools.product(DIMENSIONS["year"], DIMENSIONS["sex"])
    people = [{"year": year, "sex": sex, "population": 900_017 + 1000 * i} for i, (year, sex) in enumerate(at)]
    population = Population.from_frame(pd.DataFrame(people), source="a census")
    results = replace(results, tables={"population": population_frame(population)})
    sdg = sdg_table(results)
    assert sdg is not None
    return replace(results, tables={**results.tables, "indicators": indicators(results), "sdg": sdg})


@cache
def listed(case: str) -> PublishedParts:
    return published_parts(run(case))


@cache
def compose(case: str, language: str) -> Page:
    return compose_page(run(case), language)


@cache
def released(case: str) -> dict[str, list[dict[str, str]]]:
    """Return the tables of a release as somebody reads them from their files."""
    return {
        name: list(csv.DictReader(io.StringIO(release_csv(frame), newline="")))
        for name, frame in published_tables(run(case)).items()
    }


@cache
def record(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(plain(published_record(run(case))), allow_nan=False))
    return found


def at(row: dict[str, str]) -> dict[str, str]:
    return {dim: row[dim] for dim in DIMENSIONS if row.get(dim, "all") != "all"}


def told(part: dict[str, Any], name: str) -> tuple[float | None, ...]:
    """Return point and ends of a number of a part in JSON; nothing where it is withheld."""
    values = part[name]
    return (None, None, None) if values is None else (values["point"], values["low"], values["high"])


def ends(row: dict[str, str], *names: str) -> tuple[float | None, ...]:
    """Return numbers of a row of a release."""
    return tuple(float(row[name]) if row[name] else None for name in names)


def possible(case: str) -> list[Part]:
    return [part for part in listed(case).parts if part.possible]


@pytest.mark.parametrize("case", CASES)
def test_json_has_the_parts_of_the_list(case: str) -> None:
    for part, found in zip(possible(case), record(case)["parts"], strict=True):
        assert found["levels"] == part.levels and found["registered"] == part.observed
        assert (found["status"], found["standing"], found["verdict"]) == (part.status, part.standing, part.verdict)
        shown = tuple(part.size[:3]) if part.stated else (None, None, None)
        assert told(found, "estimated") == shown
        assert told(found, "in_view") == (tuple(part.view[:3]) if part.followed == "ok" else (None, None, None))
    standings = {part.standing for part in possible(case)}
    assert standings == {"refused": {"withheld"}, "rounded": {"coarsened", "withheld"}}.get(
        case, {"published", "withheld"}
    )


@pytest.mark.parametrize("case", CASES)
def test_indicators_and_counts_of_a_release_are_those_of_json(case: str) -> None:
    rows = {(row["indicator"], *at(row).items()): row for row in released(case)["indicators"]}
    counts = {tuple(at(row).items()): row["count"] for row in released(case)["counts"]}
    names = {
        "estimated": "estimated", "in view": "in_view", "dark figure": "dark_figure",
        "hidden for each seen": "hidden_for_each_seen", "per 100,000": "per_100k",
    }  # fmt: skip
    for part in record(case)["parts"]:
        place = tuple(part["levels"].items())
        seen = "" if part["registered"] is None else str(part["registered"])
        assert counts[place] == seen == rows["registered", *place]["point"]
        for indicator, name in names.items():
            row = rows.get((indicator, *place))
            if row is None:  # no population of one year, or at these levels
                assert indicator == "per 100,000" and part[name] is None
                continue
            assert ends(row, "point", "low", "high") == told(part, name), (indicator, place)
            assert (row["status"] == "ok") is (part[name] is not None)
            assert row["verdict"] == part["verdict"]
        assert rows["estimated", *place]["status"] == part["status"]


@pytest.mark.parametrize("case", CASES)
def test_the_table_of_the_goals_is_that_of_json(case: str) -> None:
    parts = {tuple(part["levels"].items()): part for part in record(case)["parts"]}
    rows = released(case)["sdg"]
    assert rows
    for row in rows:
        part = parts["year", row["year"]] if not at(row) else parts[tuple(at(row).items())]
        hidden = told(part, "dark_figure")
        assert ends(row, "undetected", "low", "high") == hidden and row["status"] == part["status"]
        assert ends(row, "total")[0] == told(part, "estimated")[0]
        assert ends(row, "per_100k", "per_100k_low", "per_100k_high") == told(part, "per_100k")
        assert row["detected"] == ("" if part["registered"] is None else str(part["registered"]))


@pytest.mark.parametrize("case", CASES)
def test_figures_of_a_release_are_its_tables(case: str) -> None:
    found = {figure.name: figure for figure in published_figures(run(case))}
    for part in record(case)["parts"]:
        place = ["estimated", *(f"{dim} {level}" for dim, level in part["levels"].items())]
        figure = found[f"indicators: {', '.join(place)}"]
        assert (figure.value, figure.low, figure.high) == told(part, "estimated")
        assert figure.verdict == part["verdict"] and figure.status == part["status"]


def sheets(page: Page, section: str) -> list[Sheet]:
    return [block for x in page.sections if x.key == section for block in x.blocks if isinstance(block, Sheet)]


def written(part: dict[str, Any], say: Catalogue) -> list[str]:
    """Return what a page has to say of a part, from its numbers in JSON."""
    seen = say("strata.withheld") if part["registered"] is None else say.number(part["registered"])
    if part["estimated"] is None:
        return [seen]
    point, low, high = told(part, "estimated")
    assert point is not None and low is not None and high is not None
    view = told(part, "in_view")[0]
    return [seen, say.number(point), say.range(low, high), "" if view is None else say.share(view)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_page_says_what_json_says(case: str, language: str) -> None:
    page, say = compose(case, language), read_catalogue(language)
    parts = {frozenset(part["levels"].items()): part for part in record(case)["parts"]}
    (trend,) = sheets(page, "trend")
    tables = {"year": trend, **dict(zip(("form", "sex", "age"), sheets(page, "strata")[::2], strict=True))}
    for dim, table in tables.items():
        for name, row in zip(DIMENSIONS[dim], table.rows, strict=False):
            words = [cell.words.text for cell in row.cells[1:]]
            expected = written(parts[frozenset({(dim, name)})], say)
            assert words[: len(expected)] == expected, (dim, name)
            assert len(expected) > 1 or words[1] and not re.search(r"\d", "".join(words[1:]))
        if dim != "year":
            assert [cell.words.text for cell in table.rows[-1].cells[1:]][: len(written(parts[frozenset()], say))] == (
                written(parts[frozenset()], say)
            )
    for dim, table in zip(("form", "sex", "age"), sheets(page, "strata")[1::2], strict=True):
        for year, row in zip(DIMENSIONS["year"], table.rows, strict=True):
            for name, found in zip(DIMENSIONS[dim], row.cells[1:], strict=True):
                part = parts.get(frozenset({("year", year), (dim, name)}))
                expected = [] if part is None else written(part, say)[1:3]
                assert not expected or [found.words.text, found.below.text] == expected, (year, name)
                assert expected or not re.search(r"\d", found.words.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_key_figures_are_those_of_json(case: str, language: str) -> None:
    page, say = compose(case, language), read_catalogue(language)
    if case == "refused":
        assert page.keys == ()
        return
    parts = {frozenset(part["levels"].items()): part for part in record(case)["parts"]}
    shown = [parts[frozenset({("year", "2020")})], record(case)["yearly_mean"], parts[frozenset()]]
    for group, part in zip(page.keys, shown, strict=True):
        assert [key.value for key in group.keys] == written(part, say)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_terminal_says_what_json_says(case: str, language: str) -> None:
    results = run(case)
    report = replace(results.record.report, languages=(language,))
    results = replace(results, record=replace(results.record, report=report))
    say, lines = read_catalogue(language), terminal_summary(results).splitlines()
    for part in record(case)["parts"]:
        if set(part["levels"]) != {"year"}:
            continue
        (line,) = [line for line in lines if line.split()[:1] == [part["levels"]["year"]]]
        for words in written(part, say)[:3]:
            assert words in line
        assert part["estimated"] is not None or len(re.findall(r"\d+", line)) == 2
    if case != "refused":
        latest = next(part for part in record(case)["parts"] if part["levels"] == {"year": "2020"})
        said = " ".join(" ".join(lines).split())
        for words in written(latest, say)[:3]:
            assert words in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_methods_are_the_same_everywhere(case: str, language: str) -> None:
    say = read_catalogue(language)
    made = published_methods(run(case))
    for method, row, found in zip(made, released(case)["methods"], record(case)["methods"], strict=True):
        assert ends(row, "point", "low", "high") == told(found, "estimated")
        assert row["status"] == found["status"] == method.status and row["method"] == found["method"]
    (table,) = sheets(compose(case, language), "intervals")
    told_on = [method for method in made if method.size is not None]
    for method, line in zip(told_on, table.rows, strict=True):
        assert method.size is not None
        words = [say.number(method.size.point), say.range(method.size.low, method.size.high)]
        assert [cell.words.text for cell in line.cells[1:3]] == words
        if method.headline:
            assert tuple(method.size) == tuple(listed(case).whole.size)


def test_a_bound_without_an_upper_end_keeps_its_lower_one() -> None:
    """A page says "400 or more"; a release has the same point and lower end, and no upper one."""
    size = stated_values(None, 504.0, 402.0, math.inf, 300)
    assert tuple(size) == (500.0, 400.0, math.inf, 10.0)
    assert tuple(size) == tuple(round_interval(504.0, 402.0, math.inf, observed=300))
    assert release_csv(pd.DataFrame({"low": [size.low], "high": [size.high]})) == "low,high\n400,\n"


def test_the_command_prints_the_list(tmp_path: Any) -> None:
    from click.testing import CliRunner

    from mse.cli import main

    ran = CliRunner().invoke(main, ["estimate", "korea-palembang-3", "--method", "independence", "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    (whole,) = found["published"]["parts"]
    assert whole["levels"] == {} and whole["registered"] == found["estimate"]["observed"]
    assert found["published"]["yearly_mean"] is None and found["published"]["methods"][0]["headline"] is True
    assert whole["estimated"] is None or whole["estimated"]["low"] <= found["estimate"]["low"]


@pytest.mark.parametrize("public", [False, True])
def test_assessments_of_a_release_are_those_of_the_page(public: bool) -> None:
    """A table without one list, the odds ratios of the assumption: the numbers of one are the numbers of the other."""
    results, say = national_by_year(public), read_catalogue("en")
    page, tables = compose_page(results, "en"), published_tables(results)
    rows = [row for row in tables["robustness"].to_dict("records") if not row["change"].startswith("cell")]
    assert len(rows) > 3
    shown = [[cell.words.text for cell in row.cells] for row in sheets(page, "robustness")[0].rows]
    for row in rows:
        words = ["not shown", ""] if math.isnan(row["point"]) else [
            say.number(row["point"]), say.range(row["low"], row["high"])
        ]  # fmt: skip
        (line,) = [x for x in shown if x[0] == _change(row, results, say)]
        assert line[1:3] == words, row
    curve = {(x["assumption"], x["odds_ratio"]): x["point"] for x in tables["sensitivity"].to_dict("records")}
    table = sheets(page, "sensitivity")[0]
    first = next(row for row in table.rows if row.tone == "main")
    at_one = next(i for i, column in enumerate(table.columns) if column.title == "1")
    assert first.cells[at_one].words.text == say.number(curve["all lists", 1.0])


def _change(row: dict[Any, Any], results: Results, say: Catalogue) -> str:
    what, names = row["what"] if isinstance(row["what"], str) else "", read_facts(results, say).names
    return say(f"change.{row['change'].replace(' ', '_')}", what=" + ".join(names.get(x, x) for x in what.split(":")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_interval_beside_the_headline_is_that_of_json(language: str) -> None:
    results = run("suppressed")
    answer = replace(results.headline, identified=Distribution.lognormal(results.headline.observed, 700.0, 0.2))
    results, say = replace(results, headline=answer), read_catalogue(language)
    found = published_record(results)["beside"]
    said = compose_page(results, language).said.beside
    assert said is not None and say.number(found["point"]) in said and say.range(found["low"], found["high"]) in said
    assert published_record(run("refused"))["beside"] is None
