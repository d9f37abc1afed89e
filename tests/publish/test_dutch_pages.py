"""No English is left on a Dutch page of the jobs and tables that ship, nor in the summary of the terminal."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

import mse
from mse.answers.results import Results
from mse.jobs.job import make_job, read_job
from mse.jobs.running import run_job
from mse.publish.report.html import render_report
from mse.publish.wording.sentences import terminal_summary
from mse.shipped import list_tables, shipped_jobs, shipped_path
from tests.examples.national import national

ENGLISH = re.compile(
    r"\b(the|and|with|from|which|that|are|were|by|not|there|lists|list|persons|models|between|their|this|have|has|been"
    r"|than|each|every|would|these|those|under|other|only|without|of the|interval of|maximum|likelihood)\b",
    re.IGNORECASE,
)
"""Words that no Dutch sentence has."""


class Text(HTMLParser):
    """The text of a page in its own language: not what is marked as another one, nor code, styles and records."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.open, self.skipped = list[str](), list[tuple[str, bool]](), 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note whether what is inside counts."""
        given = dict(attrs)
        other = given.get("lang") not in (None, "nl") or tag in ("style", "script", "pre", "code", "title")
        other = other or given.get("id") == "provenance"
        if tag not in ("meta", "link", "br", "hr", "img", "input", "path", "circle", "line", "rect", "use"):
            self.open.append((tag, other))
            self.skipped += other

    def handle_endtag(self, tag: str) -> None:
        """Forget it again."""
        while self.open:
            name, other = self.open.pop()
            self.skipped -= other
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        """Keep text that counts."""
        if not self.skipped:
            self.text.append(" ".join(data.split()))


def english(results: Results) -> list[str]:
    """Return every text of the Dutch page, and line of the terminal, in which English words stand."""
    # Names of publications and of the guidelines are in the language of science.
    cited = (*results.headline.citations, "Guidelines for Accurate and Transparent Health Estimates Reporting")
    found = []
    for text in (*Text(render_report(results, "nl")).text, *terminal_summary(results).splitlines()):
        own = text
        for name in cited:
            own = own.replace(name.rstrip("."), "")
        if ENGLISH.search(own):
            found.append(text)
    return found


def job(table: str, method: str, **more: Any) -> Results:
    options = more.pop("options", {})
    if "compare" in more:
        more["compare"] = [{"method": x} if isinstance(x, str) else x for x in more["compare"]]
    return run_job(make_job({
        "table": {"name": table}, "estimate": {"method": method, **options}, "report": {"languages": ["nl"]}, **more,
    }))  # fmt: skip


@pytest.mark.parametrize("name", shipped_jobs())
def test_every_shipped_job_brings_its_dutch_words(name: str) -> None:
    report = read_job(shipped_path("models", name)).report
    own = getattr(report, "nl")  # noqa: B009
    assert own is not None and own.title and own.population and own.territory


def test_every_shipped_table_brings_its_dutch_notes() -> None:
    for info in list_tables():
        own = info.mse["nl"]
        assert isinstance(own, dict) and len(own.get("notes", ())) == len(info.notes), info.name


def test_no_english_on_the_page_of_a_job_with_every_check() -> None:
    found = job(
        "kosovo-1999-4", "average", assess={"replicates": 10},
        compare=["decomposable", "loglinear", {"method": "loglinear", "criterion": "bic_cells"}, "independence",
                 "chapman", "chao", "sample-coverage", "downhill"],
    )  # fmt: skip
    assert english(found) == []


def test_no_english_where_methods_give_no_answer() -> None:
    found = job("artificial-3", "chao", options={"bias_corrected": True}, compare=[
        "loglinear", "decomposable", "dutch-method", "independence", "stepwise", "profile",
        {"method": "loglinear", "model": "[12,3]"}, {"method": "loglinear", "model": "[12,13,23]"},
        {"method": "bootstrap", "selection": "fixed", "model": "[12,3]"}, {"method": "profile", "model": "[12,3]"},
    ])  # fmt: skip
    assert any(status != "ok" for status in found.comparison["status"])
    assert english(found) == []


def test_no_english_on_the_pages_of_the_examples() -> None:
    assert english(national()) == []


def test_every_number_of_a_computation_has_words() -> None:
    from mse.words.catalogues import catalogue, languages_there_are

    found = {
        *job("kosovo-1999-4", "average", compare=[]).headline.diagnostics,
        *(name for table in ("uk-2013-5", "taxicab-edinburgh-repeat") for name in mse.estimate(table).diagnostics),
    }
    for language in languages_there_are():
        assert {f"figure.{name}" for name in found} <= set(catalogue(language).messages)
