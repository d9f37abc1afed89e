"""The page: complete, well formed, self-contained, accessible, and the same bytes every time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from mse.answers.distribution import Distribution
from mse.answers.estimates import Verdict
from mse.answers.results import REPORT, Results, read_results, write_results
from mse.publish.drawings.axes import axis_ticks
from mse.publish.report.html import render_report, write_pages
from tests.examples.national import assessed, national, uk_assessed
from tests.examples.recorded import counts_of, entries_of, recorded, with_counts, with_entries
from tests.examples.results import chapman, many_lists, netherlands, uk

VOID = {"meta", "br", "hr", "img", "input", "link"}
SAMPLES = Path(__file__).parents[2] / "reports" / "sample"


def single_value() -> Results:
    """A law that is one point: nothing to draw."""
    head = replace(chapman().headline, distribution=Distribution(np.array([400.0]), np.array([1.0])), point=400.0)
    return Results(head, pd.DataFrame(), recorded({}))


EXAMPLES: dict[str, Callable[[], Results]] = {
    "uk": uk,
    "uk assessed": uk_assessed,
    "national": national,
    "netherlands": netherlands,
    "chapman": chapman,
    "three": lambda: many_lists(3, long=False),
    "eight": lambda: many_lists(8),
    "failing": lambda: many_lists(4, failing=True),
    "single value": single_value,
}


@cache
def page(name: str, language: str = "en") -> str:
    return render_report(EXAMPLES[name](), language)


class Reader(HTMLParser):
    """Collects tags, and fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def words(name: str, language: str = "en") -> str:
    return " ".join(" ".join(Reader(page(name, language)).text).split())


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_is_well_formed_and_its_references_meet(name: str) -> None:
    tags = Reader(page(name)).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {attrs[key] for _, attrs in tags for key in ("aria-labelledby", "for") if key in attrs}
    wanted |= {(attrs["href"] or "")[1:] for _, attrs in tags if (attrs.get("href") or "").startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", page(name)))
    assert wanted <= set(ids)


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_loads_and_runs_nothing(name: str) -> None:
    text = page(name)
    for tag, attrs in Reader(text).tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "srcset", "data", "poster", "xlink:href"} & set(attrs)
        assert not any(key.startswith("on") for key in attrs)
        if tag != "a" and "href" in attrs:
            assert str(attrs["href"]).startswith("#")
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert "default-src 'none'" in text


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_page_can_be_used_without_seeing_it(name: str, language: str) -> None:
    tags = Reader(page(name, language)).tags
    assert dict(tags)["html"]["lang"] == language
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    figures = sum(tag == "figure" for tag, _ in tags)
    drawings = [attrs for tag, attrs in tags if tag == "svg" and attrs.get("role") == "img"]
    assert 2 * figures == len(drawings) == 2 * sum(tag == "figcaption" for tag, _ in tags)
    assert sum("narrow" in str(attrs["class"]) for attrs in drawings) == figures
    assert all(len(attrs["aria-label"] or "") > 20 for attrs in drawings)
    assert all("scope" in attrs for tag, attrs in tags if tag == "th")
    assert sum(tag == "table" for tag, _ in tags) == sum(tag == "caption" for tag, _ in tags)
    assert all(attrs.get("aria-hidden") == "true" or attrs.get("role") == "img" for tag, attrs in tags if tag == "svg")


@pytest.mark.parametrize("name", ["uk assessed", "national", "eight"])
def test_rendering_twice_gives_the_same_bytes(name: str) -> None:
    assert render_report(EXAMPLES[name](), "en") == page(name)


def test_page_of_a_folder_that_was_written_is_the_same(tmp_path: Path) -> None:
    write_results(tmp_path / "run", uk(), render_report)
    assert (tmp_path / "run" / REPORT).read_text("utf-8") == page("uk")
    assert render_report(read_results(tmp_path / "run")) == page("uk")
    (tmp_path / "run" / REPORT).write_text("stale")
    assert [path.read_text("utf-8") for path in write_pages(tmp_path / "run")] == [page("uk")]


def test_figures_neither_obey_nor_change_settings_of_matplotlib() -> None:
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert render_report(uk()) == page("uk")
        assert dict(matplotlib.rcParams) == before


def test_parts_come_in_order_and_the_number_never_without_its_verdict() -> None:
    text = page("uk")
    parts = ["<h1", "verdict-badge", 'class="sentence"', 'class="keys first"'] + [
        f'<h2 id="section-{part}"'
        for part in (
            "intervals",
            "posterior",
            "overlap",
            "models",
            "interactions",
            "meaning",
            "verdict",
            "sources",
            "provenance",
        )
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "13,000" not in text[: places[1]]
    # A figure that is copied out of the page takes the verdict along.
    drawings = re.findall(r'<svg class="drawing [wn].*?</svg>', text, flags=re.DOTALL)
    assert ["Verdict: Publish with caution" in drawing for drawing in drawings] == [True] * 4 + [False] * 2


def test_refusal_shows_the_number_only_as_not_for_citation() -> None:
    text = words("netherlands")
    assert "Verdict: Do not publish" in text
    assert text.index("not for citation") < text.index("150,000")
    assert 'class="keys' not in page("netherlands")
    assert "Verdict: Do not publish – not for citation" in text


def test_everything_that_is_known_is_on_the_page() -> None:
    text = words("uk")
    for piece in (
        "United Kingdom 2013 Table uk-2013-5 20 November 2026",
        "Local authorities × Non-government organisations × Police forces or National Crime Agency",
        "Averaged over 6,893 models",
        "as if over 41.4 equally good ones",
        "Chance in who was registered.",
        "1.67 (caution from 1.25, do not publish from 3)",
        "Checked, and nothing found: number of lists",
        "Madigan & York (1997)",
        "https://doi.org/10.1111/rssa.12505",
        "Latent classes: the chains do not agree (R-hat 1.9)",
        "5 more are less probable than these.",
        "0.68.1",
        "These ten hold 55% of the weight",
        "1,169",
        "174 (15%)",
        "221 are on two or more",
        "2,523 of the 2,744 persons (92%)",
    ):
        assert piece in text, piece
    assert "1.234" not in text  # timings differ between runs and are not on the page
    assert "22,964" not in text and "8,785" not in text  # unrounded numbers are in the audit record only


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_overlap_of_a_table_that_is_not_public_never_appears(language: str) -> None:
    results = many_lists(8)
    counts = counts_of(results)
    marked = {name: 713_579 + 1_009 * i for i, name in enumerate(counts)}
    made = with_counts(results, marked).record
    lists = results.headline.lists
    tables = assessed(40e6, 7_654_321, lists)
    tables["fit"] = pd.DataFrame(
        [("conditional", name, 7_654_321, 8_765_432.0, 7_123_456, 9_123_456, 0.01) for name in counts],
        columns=["kind", "history", "observed", "expected", "low", "high", "p_value"],
    )
    hidden = Results(results.headline, results.comparison, made, tables)
    said = set(re.findall(r"\d+", re.sub(r"[.,]", "", " ".join(Reader(render_report(hidden, language)).text))))
    assert not {str(count) for count in marked.values()} & said
    assert not {"7654321", "8765432", "7123456", "9123456"} & said
    drawn = re.findall(r'<svg class="drawing [wn].*?</svg>', render_report(hidden, language), flags=re.DOTALL)
    assert not any('id="overlap-' in drawing for drawing in drawn)
    public = replace(made, table=replace(made.table, public=True))
    shown = Results(results.headline, results.comparison, public, tables)
    assert str(max(marked.values())) in re.sub(r"[.,]", "", " ".join(Reader(render_report(shown, language)).text))


def test_names_of_lists_cannot_break_the_page() -> None:
    text = page("eight")
    assert "<inspectorate>" not in text and "<many>" not in text
    assert "labour <inspectorate> & co $1$" in words("eight")


def test_addresses_become_links_only_on_the_web() -> None:
    results = uk()
    sources = [{"title": "A bad source", "path": "javascript:alert(1)"}]
    text = render_report(with_entries(results, table=entries_of(results)["table"] | {"sources": sources}))
    assert "A bad source" in text and "javascript:" not in text


def test_a_page_without_findings_says_what_was_checked() -> None:
    assert "None of the three rules that were checked found anything against it." in words("three")
    results = uk()
    full = replace(results.headline, verdict=Verdict("publish", (), ("lists",)))
    text = render_report(Results(full, results.comparison, results.record))
    assert "Checked, and nothing found: number of lists." in text


def test_missing_parts_are_said_to_be_missing() -> None:
    text = words("chapman")
    for piece in (
        "No models were weighed: the method takes for granted how the lists depend on each other.",
        "This method gives no probabilities",
        "its overlap counts never leave the office that holds them",
        "The results name no source for the counts.",
        "no rule was checked",
    ):
        assert piece in text, piece
    assert "there is no curve to draw" in words("single value")
    assert "No method gave a number on this table." in words("failing")


@pytest.mark.parametrize(
    ("ends", "log", "ticks"),
    [
        ((2_600, 35_000), True, [5_000, 10_000, 20_000]),
        ((2_600, 4_100), True, [3_000, 3_500, 4_000]),
        ((300, 590), False, [300, 350, 400, 450, 500, 550]),
        ((10, 12.5), False, [10, 11, 12]),
        ((5, 2e7), True, [10, 100, 1_000, 1e4, 1e5, 1e6, 1e7]),
    ],
)
def test_ticks_are_round(ends: tuple[float, float], log: bool, ticks: list[float]) -> None:
    assert axis_ticks(*ends, log) == pytest.approx(ticks)


@pytest.mark.parametrize("folder", sorted(SAMPLES.glob("*/")), ids=lambda folder: folder.name)
def test_samples_are_what_the_code_renders_today(folder: Path) -> None:
    """On a difference that is wanted: mse report reports/sample/<name>.

    Drawings are left out: their bytes change with the version of matplotlib.
    """
    pages = (render_report(read_results(folder)), (folder / REPORT).read_text("utf-8"))
    ours, stored = (re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL) for page in pages)
    assert ours == stored and pages[0].count("<svg") == pages[1].count("<svg") > 0
