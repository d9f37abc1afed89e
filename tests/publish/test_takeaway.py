"""What a page shows, taken away: figures, tables, a workbook and a file of Word, with nothing that the page has not."""

from __future__ import annotations

import io
import zipfile

import pandas as pd
import pytest
from docx import Document
from openpyxl import load_workbook

import mse
from mse.errors import InputError
from mse.publish.report.word import render_docx

JOB = """
title = "Spina bifida"
[table]
name = "spina-bifida-3"
[estimate]
method = "decomposable"
[report]
publisher = "A rapporteur"
date = "2026-11-28"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> mse.Results:
    path = tmp_path_factory.mktemp("job") / "job.toml"
    path.write_text(JOB)
    return mse.run_job(mse.read_job(path))


def test_every_figure_and_table_can_be_taken_away(results: mse.Results, tmp_path) -> None:
    folder = mse.take_away(results, tmp_path / "taken")
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert {"intervals.svg", "intervals.png", "posterior.svg", "posterior.png"} <= figures
    tables = {path.stem for path in (folder / "tables").iterdir()}
    assert "intervals" in tables and set(load_workbook(folder / "tables.xlsx").sheetnames) == {x[:31] for x in tables}
    rows = pd.read_csv(folder / "tables" / "intervals.csv")
    assert len(rows) > 1 and rows.columns[0] == "Method"
    with pytest.raises(InputError, match="exists already"):
        mse.take_away(results, folder)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_file_of_word_has_verdict_sentence_and_citation(results: mse.Results, language: str) -> None:
    content = render_docx(results, language)
    assert content == render_docx(results, language)
    document = Document(io.BytesIO(content))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert mse.cite(results, language=language) in text
    assert ("Oordeel" if language == "nl" else "Verdict") in text
    assert document.paragraphs[-2].text == {"en": "How to cite", "nl": "Zo aan te halen"}[language]
    assert document.tables and document.inline_shapes
    assert {info.date_time for info in zipfile.ZipFile(io.BytesIO(content)).infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert document.core_properties.author == (results.record.report.texts.publisher or "")
