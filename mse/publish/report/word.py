"""The short report for those who write in Word: verdict, sentence, key figures, figure, tables, and how it is cited."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mse.answers.results import Results
from mse.errors import InputError, Problem
from mse.publish.citing import cite
from mse.publish.drawings.axes import also_png
from mse.publish.facts.statements import languages
from mse.publish.report.composing import compose
from mse.publish.report.page import Drawing, Page, Sheet
from mse.publish.wording.messages import read_catalogue
from mse.words.said import said

if TYPE_CHECKING:
    from docx.document import Document

SECTIONS = ("trend", "strata", "intervals")
"""Parts of the page that are in it, where there are any."""

WIDTH = 16.0
"""Of a figure, centimetres."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The moment that the parts of the file carry: the same results give the same bytes."""


def render_docx(results: Results, language: str | None = None) -> bytes:
    """Return the short report of a run as a file of Word.

    Parameters
    ----------
    results : Results
        Of the run.
    language : str, optional
        Two letters; the first that the job asks for when not given.

    Raises
    ------
    InputError
        When there are no messages in that language, or the extra ``office`` is not installed.
    """
    try:
        from docx import Document as new_document
    except ImportError as error:
        raise InputError(
            Problem(said("found.extra_files_word_not"), said("allowed.python_docx"),
                    said("do.install_pip_install_mse_2"))
        ) from error  # fmt: skip
    language = language or languages(results)[0]
    with also_png() as pictures:
        page = compose(results, language)
    document = new_document()
    _begin(document, page)
    for section in page.sections:
        if section.key in SECTIONS:
            document.add_heading(section.title, 1)
            for block in section.blocks:
                if isinstance(block, Drawing):
                    _figure(document, pictures[block.svg], block.finding)
                elif isinstance(block, Sheet):
                    _table(document, block)
    document.add_heading(read_catalogue(language)("provenance.cite"), 1)
    document.add_paragraph(cite(results, "plain", language=language))
    return _bytes(document, page)


def _begin(document: Document, page: Page) -> None:
    """Write what comes first: title, verdict, the sentence, reasons and key figures."""
    document.add_heading(page.title, 0)
    document.add_paragraph(" · ".join(page.subtitle))
    document.add_paragraph().add_run(page.labels["stamp"]).bold = True
    for text in (page.said.sentence, page.said.latest, page.said.beside):
        if text:
            document.add_paragraph(text)
    for reason in page.said.reasons:
        document.add_paragraph(str(reason), style="List Bullet")
    for group in page.keys:
        document.add_heading(group.title, 2)
        table = document.add_table(rows=0, cols=3)
        for key in group.keys:
            for cell, text in zip(table.add_row().cells, (key.label, key.value, key.note), strict=True):
                cell.text = text
    for remark in page.remarks:
        document.add_paragraph(remark)


def _figure(document: Document, png: bytes, finding: str) -> None:
    from docx.shared import Cm

    document.add_picture(io.BytesIO(png), width=Cm(WIDTH))
    document.add_paragraph(finding, style="Caption")


def _table(document: Document, sheet: Sheet) -> None:
    document.add_paragraph(sheet.caption, style="Caption")
    table = document.add_table(rows=1, cols=len(sheet.columns))
    table.style = "Light Grid Accent 1"
    for cell, column in zip(table.rows[0].cells, sheet.columns, strict=True):
        cell.text = column.title
    for row in sheet.rows:
        for cell, found in zip(table.add_row().cells, row.cells, strict=False):
            share = "" if found.share is None else f"{found.share:.0%}"
            parts = (found.words.text or share, *found.groups, found.tag, found.below.text)
            cell.text = "\n".join(part for part in parts if part)


def _bytes(document: Any, page: Page) -> bytes:
    """Return the file, with nothing in it of who wrote it, when, or where."""
    known = document.core_properties
    known.title, known.author, known.language = page.title, page.publisher or "", page.language
    known.comments = known.last_modified_by = known.keywords = known.subject = ""
    day = page.day
    known.created = known.modified = datetime(*EPOCH) if day is None else datetime(day.year, day.month, day.day)
    written, again = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as parts, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as fresh:
        for name in sorted(parts.namelist()):
            fresh.writestr(zipfile.ZipInfo(name, EPOCH), parts.read(name), zipfile.ZIP_DEFLATED)
    return again.getvalue()
