"""What the sections of a national report say: years, parts, checks, quality and the checklist, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from mse.answers.strata import time_dimension
from mse.publish.facts.margins import margin_points
from mse.publish.facts.statements import read_facts
from mse.publish.report.html import compose
from mse.publish.report.page import Bullets, Drawing, Page, Paragraph, Sheet
from mse.publish.wording.messages import read_catalogue
from tests.examples.national import national, uk_assessed
from tests.examples.recorded import entries_of, with_entries

LANGUAGES = ("en", "nl")


@cache
def page(name: str, language: str) -> Page:
    return compose({"national": national, "uk": uk_assessed}[name](), language)


def blocks(found: Page, key: str) -> tuple[object, ...]:
    return next(section.blocks for section in found.sections if section.key == key)


def sheets(found: Page, key: str) -> list[Sheet]:
    return [block for block in blocks(found, key) if isinstance(block, Sheet)]


def texts(found: Page, key: str) -> str:
    words: list[str] = []
    for block in blocks(found, key):
        if isinstance(block, Paragraph):
            words.append(block.words.text)
        elif isinstance(block, Bullets):
            words += [item.text for item in block.items]
        elif isinstance(block, Drawing):
            words.append(block.finding)
        elif isinstance(block, Sheet):
            words += [cell.words.text + " " + cell.below.text for row in block.rows for cell in row.cells]
    return " ".join(words)


def digits(found: Page) -> list[str]:
    """Return every number of a page in order, without marks; years and words for small counts aside."""
    return [x for section in found.sections if section.key in ("trend", "indicators", "sdg", "survey")
            for sheet in sheets(found, section.key) for row in sheet.rows for cell in row.cells
            for x in re.findall(r"\d+", re.sub(r"[.,]", "", cell.words.text))]  # fmt: skip


def test_both_languages_have_the_same_sections_and_numbers() -> None:
    english, dutch = page("national", "en"), page("national", "nl")
    assert [x.key for x in english.sections] == [x.key for x in dutch.sections]
    assert [(x.key, [type(b) for b in x.blocks]) for x in english.sections] == [
        (x.key, [type(b) for b in x.blocks]) for x in dutch.sections
    ]
    assert digits(english) == digits(dutch) != []
    assert {x.title for x in english.sections} & {x.title for x in dutch.sections} <= {"SDG indicator 16.2.2"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_key_figures_are_of_a_year_the_mean_and_the_whole(language: str) -> None:
    groups = page("national", language).keys
    assert ["2020" in group.title for group in groups] == [True, True, True]
    assert ["2011" in group.title for group in groups] == [False, True, True]
    assert len({group.keys[1].value for group in groups}) == 3


@pytest.mark.parametrize(
    ("language", "words"), [("en", "May 2018: written consent"), ("nl", "mei 2018: schriftelijke")]
)
def test_trend_marks_breaks_and_the_truth(language: str, words: str) -> None:
    found = page("national", language)
    (drawing,) = [block for block in blocks(found, "trend") if isinstance(block, Drawing)]
    assert words in drawing.svg and words in texts(found, "trend")
    assert read_catalogue(language)("trend.truth") in drawing.svg
    assert [row.cells[0].words.text for row in sheets(found, "trend")[0].rows] == [str(y) for y in range(2011, 2021)]


@pytest.mark.parametrize(("language", "few"), [("en", "Not shown"), ("nl", "Niet getoond")])
def test_parts_whose_count_is_left_out_say_so_and_give_no_number(language: str, few: str) -> None:
    by_time = sheets(page("national", language), "strata")[1]
    first = [cell.words.text for cell in by_time.rows[0].cells]
    assert first[0] == "2011" and first[4] == few
    assert all(cell.words.text != few for row in by_time.rows[1:] for cell in row.cells)


def test_total_of_the_parts_is_the_headline() -> None:
    """Middles of parts do not add up: the row of the total is the headline, and a year is the median of its draws."""
    results = national()
    assert results.headline.strata is not None
    years = results.headline.strata.margin("year")
    parts = read_facts(results, read_catalogue("en")).published
    for part, middle in zip(parts.margin("year"), np.median(years.draws, axis=0), strict=True):
        assert abs(part.size.point - middle) <= part.size.unit / 2
    found = page("national", "en")
    assert sheets(found, "strata")[0].rows[-1].cells[2].words.text == found.keys[-1].keys[1].value
    assert margin_points(years, credible=False).sum() == pytest.approx(results.headline.strata.point.sum())


def test_small_counts_are_withheld_with_their_complements() -> None:
    """Six persons in one cell: it is not shown, and neither is what it could be worked out from."""
    results = national()
    parts = read_facts(results, read_catalogue("en")).published
    hidden = [tuple(part.levels.values()) for part in parts.margin("year", "form") if part.observed is None]
    assert ("2011", "criminal") in hidden and len(hidden) >= 4
    public = national(public=True)
    shown = read_facts(public, read_catalogue("en")).published
    assert all(part.observed is not None for part in shown.margin("year", "form"))


def test_a_claim_holds_on_the_side_where_its_curve_says() -> None:
    """N falls as the odds ratio of all lists rises, and rises with that of a pair that is set by hand."""
    said = texts(page("uk", "en"), "sensitivity")
    assert "All lists together: the estimate stays above 4,000 as long as the odds ratio is at most 1.73." in said
    assert "All lists together: the estimate stays below 90,000 as long as the odds ratio is at least 0.42." in said
    results = uk_assessed()
    pair = pd.DataFrame([("LA:NG", "above", 4_000.0, 0.5)], columns=["assumption", "claim", "value", "odds_ratio"])
    rising = pd.DataFrame([("LA:NG", x, 9e3 + 1e3 * x, 5e3, 2e4) for x in (0.25, 1.0, 4.0)],
                          columns=["assumption", "odds_ratio", "point", "low", "high"])  # fmt: skip
    tables = {**results.tables, "tipping": pair, "sensitivity": rising}
    found = compose(replace(results, tables=tables), "en")
    told = "the estimate stays above 4,000 as long as the odds ratio is at least 0.5."
    assert f"Local authorities × Non-government organisations: {told}" in texts(found, "sensitivity")


@pytest.mark.parametrize(("language", "words"), [("en", "is itself an assumption"), ("nl", "is zelf een aanname")])
def test_the_calibrated_interval_never_stands_without_its_assumption(language: str, words: str) -> None:
    assert words in texts(page("uk", language), "sensitivity")


def test_cells_and_counts_of_a_closed_table_are_not_in_its_checks() -> None:
    closed, public = page("national", "en"), page("uk", "en")
    assert "+1 person on" in texts(public, "robustness") and "+1 person on" not in texts(closed, "robustness")
    assert "A & B" in texts(public, "checks") and "A & B" not in texts(closed, "checks")
    assert len(sheets(public, "checks")[0].columns) > len(sheets(closed, "checks")[0].columns)
    assert "654" not in texts(closed, "quality") and "8,611 persons" in texts(closed, "quality")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["national", "uk"])
def test_checklist_has_eighteen_items_and_says_what_is_missing(name: str, language: str) -> None:
    (table,) = sheets(page(name, language), "gather")
    assert [row.cells[0].words.text.split(". ")[0] for row in table.rows] == [str(i) for i in range(1, 19)]
    missing = read_catalogue(language)("gather.missing")
    said = [row.cells[1].words.text for row in table.rows]
    assert said[1] == missing  # funding
    assert missing not in (said[0], said[4], said[8], said[11], said[12], said[15], said[17])


def test_job_texts_fill_the_checklist_in_their_language() -> None:
    results = national()
    report = dict(entries_of(results)["report"])
    report |= {"funding": "A ministry", "contact": "the office", "extracted": "2021-02-01"}
    report["nl"] = {**report["nl"], "funding": "Een ministerie"}
    made = with_entries(results, report=report)
    for language, funding, day in (
        ("en", "A ministry.", "1 February 2021"),
        ("nl", "Een ministerie.", "1 februari 2021"),
    ):
        found = compose(made, language)
        said = [row.cells[1].words.text for row in sheets(found, "gather")[0].rows]
        assert said[1] == funding and day in said[2] and "the office" in said[7]
        assert any(day in remark for remark in found.remarks)


def test_time_is_the_dimension_that_is_named_or_holds_years() -> None:
    years, forms = ("2019", "2020"), ("a", "b")
    assert time_dimension({"form": forms, "year": years}, None) == "year"
    assert time_dimension({"jaar": years, "form": forms}, None) == "jaar"
    assert time_dimension({"quarter": ("1", "2"), "year": years}, "quarter") == "quarter"
    assert time_dimension({"year": ("2019",), "form": forms}, None) is None
    assert time_dimension({}, None) is None


@pytest.mark.parametrize(("language", "words"), [("en", "whose label is missing"), ("nl", "een kenmerk ontbreekt")])
def test_counts_of_parts_say_when_they_leave_out_persons_without_a_label(language: str, words: str) -> None:
    results = national()
    assert words not in texts(page("national", language), "strata")
    headline = replace(results.headline, diagnostics={**results.headline.diagnostics, "unlabelled": 335.0})
    assert words in texts(compose(replace(results, headline=headline), language), "strata")
