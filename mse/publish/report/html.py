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
    return filled("report.html", page=compose(results, language))


def filled(template: str, **values: object) -> str:
    """Return a page: a template among those that ship, filled in."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from mse.shipped import shipped_path

    folder = shipped_path("reports/templates", template).parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["themed"] = _themed
    return environment.get_template(template).render(**values)


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
    """Render the reports of a results folder again, into its folder ``public``, and return where they are.

    Parameters
    ----------
    folder : Path
        A results folder.
    asked : sequence of str
        Languages; those of the job when none is given.
    pdf : bool or None
        Whether PDF is written too; as the job says when None.

    Raises
    ------
    InputError
        When the results are damaged, or the folder cannot be written to.
    """
    results = read_results(folder)
    wanted = results.record.report.pdf if pdf is None else pdf
    with damage(RESULTS, folder):
        pages = _pages(results, asked or languages(results), wanted)
    with private_writing():
        written = write_public(folder, pages)
    with suppress(PermissionError):  # somebody else's folder, in which this user may write
        make_private(folder, but=PUBLIC)
    return written
