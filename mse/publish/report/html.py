"""The report of a run: one self-contained HTML file, the same bytes whenever the same results are rendered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mse.answers.recordchecks import RESULTS, damage
from mse.answers.results import PUBLIC, Results, read_results, write_public
from mse.computing.filemodes import make_private, private_writing
from mse.publish.facts.statements import languages
from mse.publish.report.composing import compose as compose

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


def render_report(results: Results, language: str | None = None) -> str:
    """Return the report of a run as one HTML file that loads nothing from elsewhere.

    Parameters
    ----------
    results : Results
        Of the run.
    language : str, optional
        Two letters; the first that the job asks for when not given.

    Raises
    ------
    InputError
        When there are no messages in that language.
    """
    return page_template("report.html").render(page=compose(results, language))


def page_template(name: str) -> Template:
    """Return one of the templates of pages, with what all of them are written with."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from mse.shipped import shipped_path

    environment = Environment(
        loader=FileSystemLoader(shipped_path("reports/templates", name).parent), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["themed"] = _themed
    return environment.get_template(name)


def _themed(svg: str) -> Markup:
    """Return a drawing whose colours the page may exchange, as it does on a dark screen."""
    from markupsafe import Markup

    return Markup(re.sub(r"#([0-9a-f]{6})\b", r"var(--c-\1, #\1)", svg))


def render_pages(results: Results) -> dict[str, str | bytes]:
    """Return the reports that the job asks for, by the name of their file: each language in HTML, and PDF if wanted.

    Raises
    ------
    InputError
        When there are no messages in a language, or PDF is asked for and its extra is not installed.
    """
    return _pages(results, languages(results), results.record.report.pdf)


def _pages(results: Results, asked: Sequence[str], pdf: bool, docx: bool = False) -> dict[str, str | bytes]:
    """Return pages by name: the language that the job names first has the short one, whatever else is asked for."""
    pages: dict[str, str | bytes] = {}
    for language in asked:
        stem = "report" if language == languages(results)[0] else f"report.{language}"
        pages[f"{stem}.html"] = render_report(results, language)
        if pdf:
            from mse.publish.report.pdf import render_pdf

            pages[f"{stem}.pdf"] = render_pdf(results, language)
        if docx:
            from mse.publish.report.word import render_docx

            pages[f"{stem}.docx"] = render_docx(results, language)
    return pages


def write_pages(
    folder: Path, asked: Sequence[str] = (), pdf: bool | None = None, docx: bool = False
) -> tuple[Path, ...]:  # fmt: skip
    """Render the reports of a results folder again, into its folder ``public``, and return where they are.

    Parameters
    ----------
    folder : Path
        A results folder.
    asked : sequence of str
        Languages; those of the job when none is given.
    pdf : bool or None
        Whether PDF is written too; as the job says when None.
    docx : bool
        Whether the short report for Word is written too.

    Raises
    ------
    InputError
        When the results are damaged, or the folder cannot be written to.
    """
    results = read_results(folder)
    wanted = results.record.report.pdf if pdf is None else pdf
    with damage(RESULTS, folder):
        pages = _pages(results, asked or languages(results), wanted, docx)
    with private_writing():
        written = write_public(folder, pages)
    with suppress(PermissionError):  # somebody else's folder, in which this user may write
        make_private(folder, but=PUBLIC)
    return written
