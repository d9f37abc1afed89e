"""What a page shows, taken away: figures, tables, a workbook and a file of Word, with nothing that the page has not."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from docx import Document
from openpyxl import load_workbook

import mse
from mse.errors import InputError
from mse.publish.report.composing import compose
from mse.publish.report.page import Cell, Sheet
from mse.publish.report.word import render_docx
from mse.words.catalogues import catalogue
from mse.words.numerals import Number, Printed
from tests.publish.attacker import result
from tests.publish.test_areas_published import areas

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


NUMBER = re.compile(r"(−?)(\d[\d.,]*(?:e-\d+)?)([ \u00a0]?%)?")
PLAIN = re.compile(r"\d+(\.\d+)?(e-\d+)?")


def near(value: float) -> float:
    """Return a number without what floating point adds to it."""
    return float(f"{value:.12g}")


def printed(text: str, language: str) -> list[float]:
    """Return the numbers of a text as a reader of the page takes them."""
    found = []
    for sign, digits, percent in NUMBER.findall(text):
        plain = digits.replace(",", "") if language == "en" else digits.replace(".", "").replace(",", ".")
        found.append(near(float(plain) * (0.01 if percent else 1.0)) * (-1 if sign else 1))
    return found


def sheets(found: mse.Results, language: str) -> dict[str, Sheet]:
    """Return the tables of a page under the names that their files have."""
    tables: dict[str, Sheet] = {}
    for section in compose(found, language).sections:
        for at, block in enumerate((x for x in section.blocks if isinstance(x, Sheet)), 1):
            tables[section.key if at == 1 else f"{section.key}-{at}"] = block
    return tables


def numbers_of(cell: Cell, language: str) -> list[float]:
    """Return the numbers of a cell; settings stand as in a job file, whatever the language."""
    found = []
    for text in (cell.words.text, cell.below.text):
        if isinstance(text, Printed):
            found += printed(text, language)
        elif PLAIN.fullmatch(text):
            found.append(near(float(text)))
    return found


@pytest.mark.parametrize("public", [True, False])
def test_tables_taken_away_hold_the_numbers_of_the_page_and_no_digit_more(
    results: mse.Results, tmp_path: Path, public: bool
) -> None:
    found = results if public else result(areas(), languages=["en", "nl"])
    taken = {}
    for language in ("en", "nl"):
        folder = mse.take_away(found, tmp_path / language, language=language)
        books = pd.read_excel(folder / "tables.xlsx", sheet_name=None, engine="openpyxl")
        taken[language] = {}
        seen = 0
        for name, sheet in sheets(found, language).items():
            frame = pd.read_csv(folder / "tables" / f"{name}.csv")
            book = books[name[:31]]
            assert list(frame.columns) == list(book.columns)
            numeric = frame.select_dtypes("number")
            assert list(numeric.columns) == list(book.select_dtypes("number").columns)
            pd.testing.assert_frame_equal(numeric, book[numeric.columns], check_dtype=False)
            taken[language][name] = sorted(map(repr, numeric.to_numpy().tolist()))
            for at, row in enumerate(sheet.rows):
                # Every number of the file is one that the page prints, and every cell of numbers is there.
                have = Counter(near(x) for x in numeric.iloc[at] if x == x)
                told = Counter(x for cell in row.cells for x in numbers_of(cell, language))
                assert have <= told, (name, row)
                texts = [x.words.text for x, column in zip(row.cells, sheet.columns, strict=False) if column.numeric]
                wanted = Counter(x for text in texts if isinstance(text, Printed) for x in printed(text, language))
                assert wanted <= have, (name, row)
                seen += sum(wanted.values())
        assert seen > 20
    assert taken["en"] == taken["nl"]


def test_a_cell_that_is_held_back_has_no_number_and_says_so(tmp_path: Path) -> None:
    found = result(areas(), languages=["en", "nl"])
    for language, mark in (("en", "not shown"), ("nl", "niet getoond")):
        folder = mse.take_away(found, tmp_path / language, language=language)
        held = 0
        for name, sheet in sheets(found, language).items():
            frame = pd.read_csv(folder / "tables" / f"{name}.csv")
            for at, row in enumerate(sheet.rows):
                for cell, column in zip(row.cells, sheet.columns, strict=False):
                    remark = f"{column.title} ({catalogue(language)('takeaway.remark')})"
                    if cell.words.text == mark and remark in frame:
                        assert frame[remark][at] == mark
                        assert frame[column.title].isna()[at] if column.title in frame else True
                        held += 1
        assert held > 0


def test_a_workbook_shows_a_number_as_the_page_prints_it(results: mse.Results, tmp_path: Path) -> None:
    folder = mse.take_away(results, tmp_path / "taken", language="nl")
    sheet = load_workbook(folder / "tables.xlsx")["overlap"]
    assert [cell.number_format for cell in sheet[2]][2:] == ["#,##0", "#,##0", "0%"]
    assert [type(cell.value) for cell in sheet[2]][2:] == [int, int, float]


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_printed_number_has_the_value_that_is_printed(language: str) -> None:
    say = catalogue(language)
    for value, digits in ((17000.4, 0), (0.125, 2), (2.675, 2), (-3.25, 1), (-0.2, 0)):
        text = say.number(value, digits)
        assert isinstance(text, Printed) and [text.numbers[0].value] == printed(text, language)
    for value in (0.00001234, 0.4567, 12345.6, 12.0):
        text = say.figure(value)
        assert isinstance(text, Printed)
        assert text.numbers[0].value == float(text.replace(".", "" if language == "nl" else ".").replace(
            ",", "." if language == "nl" else ""))  # fmt: skip
    assert say.percent(0.1234).numbers == (Number(0.12, "0%"),)  # type: ignore[attr-defined]
    assert not isinstance(say.percent(0.001), Printed)
    assert not isinstance(f"{say.number(5)}", Printed) and not isinstance(say.number(5) + " x", Printed)
    ends = say.range(9000.0, 22000.0)
    assert isinstance(ends, Printed) and [(x.value, x.part) for x in ends.numbers] == [(9000, "low"), (22000, "high")]
    open_end = say.range(9000.0, float("inf"))
    assert isinstance(open_end, Printed) and [x.part for x in open_end.numbers] == ["low"]
    assert open_end.rest == say("format.infinite")
    assert say.change(-0.05).numbers[0].value == -0.05  # type: ignore[attr-defined]


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
