"""The report as PDF: the page that the HTML shows, set by Typst; the same bytes whenever it is rendered."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.errors import InputError, Problem
from mse.words.said import said

if TYPE_CHECKING:
    from mse.answers.results import Results
    from mse.publish.report.page import PlainPage

_LONG_AGO = date(2000, 1, 1)


def render_pdf(results: Results, language: str | None = None) -> bytes:
    """Return the report of a run as PDF, tagged and with its fonts inside.

    Parameters
    ----------
    results : Results
        Of the run.
    language : str, optional
        Two letters; the first that the job asks for when not given.

    Raises
    ------
    InputError
        When Typst is not installed, or there are no messages in that language.
    """
    _typst()
    from mse.publish.report.composing import compose

    page = compose(results, language)
    return _set("report.typ", asdict(page) | {"author": page.publisher or "mse", "day": None}, page.day or _LONG_AGO)


def plain_pdf(page: PlainPage) -> bytes:
    """Return a page of other numbers as PDF, as accessible and archival as the report.

    Raises
    ------
    InputError
        When Typst is not installed.
    """
    return _set("plain.typ", asdict(page) | {"author": page.publisher or "mse"}, _LONG_AGO)


def _typst() -> Any:
    try:
        import typst
    except ImportError as error:
        raise InputError(
            Problem(said("found.pdf_asked_typst_which"), said("allowed.extra_pdf"),
                    said("do.install_mse_engine_pdf"))
        ) from error  # fmt: skip
    return typst


def _set(template: str, content: dict[str, Any], day: date) -> bytes:
    """Return what a template makes of a page."""
    from mse.shipped import shipped_path

    for section in content["sections"]:
        for block in section["blocks"]:
            if block["kind"] == "drawing":
                block["svg"] = _alone(block["svg"])
    inputs = {"page": json.dumps(content, ensure_ascii=False, sort_keys=True)}
    # The clock must not show in the file: the date is the report's own.
    moment = datetime.combine(day, datetime.min.time(), UTC)
    # PDF/A-2a and PDF/UA-1: to be archived, and with the structure that readers of the screen need.
    made: bytes = _typst().compile(
        str(shipped_path("reports/templates", template)), format="pdf", sys_inputs=inputs,
        font_paths=[str(fonts())], ignore_system_fonts=True, pdf_standards=["a-2a", "ua-1"],
        timestamp=int(moment.timestamp()),
    )  # fmt: skip
    return made


def fonts() -> Path:
    """Return the folder of the DejaVu fonts, which ship with Matplotlib under a free licence."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _alone(svg: str) -> str:
    """Return a drawing of a page as an image of its own, with the font that the PDF carries."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="DejaVu Sans" ', 1)
