"""The report of a run: one self-contained HTML file, the same bytes whenever the same results are rendered.

``python -m mse.publish.report.html FOLDER ...`` renders the reports of results folders again, in place.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from mse.answers.results import Results, read_results
from mse.publish.facts.entries import mapping
from mse.publish.facts.partfacts import read_parts
from mse.publish.facts.statements import Facts, languages, read_facts
from mse.publish.release.outgoing import published_tables
from mse.publish.report.accountability import (
    provenance_section,
    silent_rules,
    sources_section,
    verdict_section,
    versions,
)
from mse.publish.report.answer import (
    interactions_section,
    meaning_section,
    methods_section,
    models_section,
    overlap_section,
    posterior_section,
)
from mse.publish.report.deliveries import gather_section, quality_section
from mse.publish.report.dependence import robustness_section, sensitivity_section
from mse.publish.report.keyfigures import key_figures
from mse.publish.report.knowntruth import checks_section
from mse.publish.report.otherfigures import chain_section, indicators_section, sdg_section, survey_section
from mse.publish.report.page import Material, Page, Section
from mse.publish.report.partsections import strata_section, trend_section
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.publish.wording.sentences import headline

BESIDE = ("indicators", "sdg", "survey", "chain")
"""Tables beside the estimate, of which only the published form is shown."""


def render_report(results: Results, language: str | None = None) -> str:
    """Return the report of a run as one HTML file that loads nothing from elsewhere.

    Parameters
    ----------
    results : Results
        Any entry of its provenance may be missing.
    language : str, optional
        Two letters; the first that the job asks for when not given.

    Raises
    ------
    InputError
        When there are no messages in that language.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from mse.shipped import shipped_path

    folder = shipped_path("reports/templates", "report.html").parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template("report.html").render(page=compose(results, language))


def compose(results: Results, language: str | None = None) -> Page:
    """Return everything that a report says, in order, whatever it is then written as."""
    say = read_catalogue(language or languages(results)[0])
    facts = read_facts(results, say)
    parts = read_parts(results, facts)
    said = headline(facts, say, parts)
    beside = [name for name in BESIDE if name in results.tables]
    m = Material(results, facts, said, say, published_tables(results) if beside else {})
    checked = say.count_word(len(silent_rules(facts, say)))
    beside_it = [survey_section(m), chain_section(m)]
    meaning = meaning_section(m)
    # So few persons that their number is left out: every number that is computed from them would tell it.
    found: list[Section | None] = (
        [*beside_it, meaning, verdict_section(m)]
        if facts.observed is None
        else [
            *((trend_section(m, parts), strata_section(m, parts)) if parts else ()),
            indicators_section(m),
            sdg_section(m),
            *beside_it,
            methods_section(m),
            posterior_section(m),
            overlap_section(m),
            models_section(m),
            interactions_section(m),
            meaning,
            sensitivity_section(m),
            robustness_section(m),
            checks_section(m),
            verdict_section(m),
        ]
    )
    found += [
        quality_section(m),
        sources_section(m),
    ]
    sections = [section for section in found if section is not None]
    sections += [gather_section(m, sections), provenance_section(m)]
    version = str(versions(results.provenance).get("mse-engine", ""))
    made = say("page.made", version=version) if version else say("page.made_plain")
    return Page(
        language=say.language,
        title=facts.title,
        subtitle=_subtitle(facts, say),
        said=said,
        none_found=say("verdict.reasons_none", checked=checked) if said.judgement == "publish" else "",
        keys=key_figures(m, parts),
        remarks=said.remarks,
        sections=tuple(sections),
        labels={
            "contents": say("page.contents"),
            "skip": say("page.skip"),
            "made": made,
            "reasons": say("verdict.reasons"),
            "stamp": say("verdict.stamp", verdict=said.verdict),
        },
        publisher=facts.publisher,
        day=_day(facts.date),
    )


def _day(text: str | None) -> date | None:
    """Return a day that is written as 2026-11-20; None for anything else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _subtitle(facts: Facts, say: Catalogue) -> tuple[str, ...]:
    span = "period.span" if len(facts.period) > 1 else "period.one"
    period = say(span, start=facts.period[0], end=facts.period[-1]) if facts.period else None
    table = f"{say('provenance.name')} {facts.name}" if facts.name and facts.name != facts.title else None
    day = say.date(facts.date) if facts.date else None
    return tuple(part for part in (facts.territory, period, table, day) if part)


def render_pages(results: Results) -> dict[str, str | bytes]:
    """Return the reports that the job asks for, by the name of their file: each language in HTML, and PDF if wanted.

    Raises
    ------
    InputError
        When there are no messages in a language, or PDF is asked for and its extra is not installed.
    """
    pdf = mapping(results.provenance.get("report")).get("pdf") is True
    return _pages(results, languages(results), pdf)


def _pages(results: Results, asked: Sequence[str], pdf: bool) -> dict[str, str | bytes]:
    """Return pages by name: the language that the job names first has the short one, whatever else is asked for."""
    pages: dict[str, str | bytes] = {}
    for language in asked:
        stem = "report" if language == languages(results)[0] else f"report.{language}"
        pages[f"{stem}.html"] = render_report(results, language)
        if pdf:
            from mse.publish.report.pdf import render_pdf

            pages[f"{stem}.pdf"] = render_pdf(results, language)
    return pages


def write_pages(folder: Path, asked: Sequence[str] = (), pdf: bool | None = None) -> tuple[Path, ...]:
    """Render the reports of a results folder again, in place, and return where they are.

    Parameters
    ----------
    folder : Path
        A results folder.
    asked : sequence of str
        Languages; those of the job when none is given.
    pdf : bool or None
        Whether PDF is written too; as the job says when None.
    """
    results = read_results(folder)
    wanted = mapping(results.provenance.get("report")).get("pdf") is True if pdf is None else pdf
    pages = _pages(results, asked or languages(results), wanted)
    for name, content in pages.items():
        data = content.encode("utf-8") if isinstance(content, str) else content
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".report-", delete=False) as file:
            file.write(data)
        os.replace(file.name, folder / name)
    return tuple(folder / name for name in pages)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(*write_pages(Path(name)), sep="\n")
