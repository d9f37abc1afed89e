"""The site: pages say what the program says, every method has a page, and the build is strict and without dead ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import mse
from benchmarks import phrasebook, siteparts
from benchmarks.pages import DOCS, FIGURES, agree, commands, pages, run_page, steps, tidy
from benchmarks.readme import claim
from mse.cli import main
from mse.estimators.registry import METHODS

ROOT = Path(__file__).parents[1]
HEADINGS = ["The model", "A worked example", "How to read it", "When not to use it", "Citation"]
CATALOGUES = ("messages", "said", "quality", "changes")


@pytest.mark.parametrize("page", siteparts.pages())
def test_what_is_made_is_as_the_program_says(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert siteparts.made(page, text) == text, "run: python -m benchmarks.siteparts"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_page_with_all_its_parts(method: str) -> None:
    text = (DOCS / "method" / f"{method}.md").read_text(encoding="utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert "```output" in text
    assert set(siteparts.WHEN) == set(METHODS)


@pytest.mark.parametrize("page", pages())
def test_blocks_say_what_they_print(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast blocks are run again; slow ones are those whose output is stored, with the digest of what was run."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for step in steps(text):
        if step.kind == "sh":
            assert all(words[0] in main.commands for words in commands(step.code))
        if step.slow and step.kind != "figure":
            assert step.stored == step.digest, f"run: python -m benchmarks.pages {page} --slow"
    monkeypatch.setenv("COLUMNS", "80")
    for step, printed, _ in run_page(page, draws=False):
        assert agree(step.output or "", tidy(printed)), step.code


def test_the_claim_of_the_readme_is_that_of_the_boards() -> None:
    assert claim() in (ROOT / "README.md").read_text(encoding="utf-8"), "run: python -m benchmarks.readme claim"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_blocks_that_are_not_run_can_be_read(page: Path) -> None:
    """Sections of jobs are TOML, and commands in a transcript are ours."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```toml[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        tomllib.loads(block)
    for name in re.findall(r"^(?:\$ )?mse ([a-z]+)", text, re.MULTILINE):
        assert name in main.commands


def test_no_figure_is_left_over() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *DOCS.rglob("*.md")])
    assert [path.name for path in FIGURES.iterdir() if f"figures/{path.name}" not in texts] == []


@pytest.mark.parametrize("phrase", phrasebook.phrases(), ids=lambda phrase: phrase.key)
def test_the_phrase_book_holds_its_numbers(phrase: phrasebook.Phrase) -> None:
    """Ours are those stored, theirs within rounding or the error of their simulation."""
    stored = phrasebook.stored()[phrase.key]["ours"]
    for row, value in zip(phrase.rows, stored, strict=True):
        assert value == pytest.approx(row.theirs, rel=row.error), row.what
    if not phrase.slow:
        assert phrasebook.ours(phrase) == pytest.approx(stored, rel=1e-3)
    assert phrase.command.split()[1] in main.commands


def test_the_phrase_book_is_written() -> None:
    page = phrasebook.PAGE.read_text(encoding="utf-8")
    assert phrasebook.written(phrasebook.stored()) in page, "run: python -m benchmarks.phrasebook"


def sentences(language: str) -> dict[str, str]:
    """Return every entry of the catalogues of a language, by file and key."""

    def flat(found: dict[str, object], way: str) -> Iterator[tuple[str, str]]:
        for key, value in found.items():
            if isinstance(value, dict):
                yield from flat(value, f"{way}.{key}")
            elif isinstance(value, str):
                yield f"{way}.{key}", value

    known: dict[str, str] = {}
    for name in CATALOGUES:
        path = ROOT / "reports" / "templates" / f"{name}.{language}.toml"
        known |= dict(flat(tomllib.loads(path.read_text(encoding="utf-8")), name))
    return known


TERMS = tomllib.loads((ROOT / "benchmarks" / "glossary.toml").read_text(encoding="utf-8"))["term"]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["en"])
def test_a_term_of_the_glossary_is_the_one_of_the_catalogues(term: dict[str, str]) -> None:
    english, dutch = sentences("en"), sentences("nl")
    form = re.compile(term.get("en_form", rf"(?<![\w{{.])({term['en']})"), re.IGNORECASE)
    ours = re.compile(term.get("nl_form", re.escape(term["nl"])), re.IGNORECASE)
    used = [key for key, text in english.items() if form.search(text)]
    other = {key: dutch.get(key, "") for key in used if not ours.search(dutch.get(key, ""))}
    assert len(used) > len(other), "no message has the term in both languages"
    assert len(other) <= int(term.get("loose", 0)), other
    for word in term.get("avoid", ()):
        assert [key for key, text in dutch.items() if word in text.lower()] == []


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert [name for name in mse.__all__ if not re.search(rf"^::: [\w.]+\.{name}$", text, re.MULTILINE)] == []


class Page(HTMLParser):
    """Where a page of the site leads, what it loads, and the places in it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(found.get("href", ""))
        elif "src" in found:
            self.loads.append(found["src"])


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="the extra `docs` is not installed")
def test_the_site_is_built_strictly_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr[-3000:]
    built = {path.resolve(): Page() for path in tmp_path.rglob("*.html")}
    for path, page in built.items():
        page.feed(path.read_text(encoding="utf-8"))
    for path, page in built.items():
        assert [x for x in page.loads if urlsplit(x).netloc] == [], f"{path} loads from outside"
        for link in (*page.links, *page.loads):
            to = urlsplit(link)
            if to.scheme or to.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path}: {link}"
            if to.fragment and target in built:
                assert unquote(to.fragment) in built[target].places | {"__top"}, f"{path}: {link}"
