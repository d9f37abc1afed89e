"""What a page shows, to take away: every figure as SVG and PNG, every table as CSV and together in one workbook.

Nothing is in it that the page does not show: it is made from the composed page, after disclosure control and rounding,
and a number has the digits that are printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.results import Results, read_results
from mse.computing.csvtext import defused, write_csv
from mse.computing.filemodes import make_open
from mse.computing.savefiles import replace_folder, work_folder
from mse.errors import InputError, Problem
from mse.publish.drawings.axes import also_png
from mse.publish.facts.statements import languages
from mse.publish.report.composing import compose
from mse.publish.report.page import Cell, Drawing, Page, Sheet
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.words.numerals import Number, Printed
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

STANDALONE = '<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" '
"""Beginning of a figure that stands by itself, outside a page."""

NAME_LENGTH = 31
"""Most characters of the name of a sheet in a workbook."""

PARTS = {
    "": "", "low": "takeaway.low", "high": "takeaway.high", "share": "takeaway.share", "level": "takeaway.level",
}  # fmt: skip
"""What a number is of its cell, in the order of the columns, and the words for it."""

WHOLE = re.compile(r"0|[1-9]\d{0,14}")

type Value = Number | str | None
"""A cell of a table that is taken away."""

type Columns = list[tuple[str, list[Value]]]
"""Columns of such a table with their titles."""


def take_away(results: Results | str | Path, folder: str | Path, *, language: str | None = None) -> Path:
    """Write figures and tables of a report into a new folder, and return where it is.

    Parameters
    ----------
    results : Results, str or Path
        Of a job, or their folder.
    folder : str or Path
        Where to: ``figures/NAME.svg`` and ``.png``, ``tables/NAME.csv``, ``tables.xlsx`` with a sheet for each table.
    language : str, optional
        ``"en"`` or ``"nl"``; the first that the job asks for when not given.

    Raises
    ------
    InputError
        When the results are damaged, the folder exists already, or it cannot be written.
    """
    place = Path(folder)
    if place.exists():
        raise InputError(
            Problem(
                said("found.folder_exists_already"),
                said("allowed.new_folder"),
                said("do.name_another_one_remove"),
                file=str(place),
            )
        )
    found = results if isinstance(results, Results) else read_results(results)
    with also_png() as pictures:
        page = compose(found, language or languages(found)[0])
    with work_folder(place) as work:
        fresh = work / "fresh"
        (fresh / "figures").mkdir(parents=True)
        for name, drawn in _named(page, Drawing):
            (fresh / "figures" / f"{name}.svg").write_text(standalone(drawn.svg), encoding="utf-8", newline="\n")
            (fresh / "figures" / f"{name}.png").write_bytes(pictures[drawn.svg])
        (fresh / "tables").mkdir()
        say = read_catalogue(page.language)
        tables = {name: _columns(table, say) for name, table in _named(page, Sheet)}
        for name, columns in tables.items():
            write_csv(_frame(columns), fresh / "tables" / f"{name}.csv")
        _workbook(fresh / "tables.xlsx", tables)
        make_open(fresh)
        replace_folder(fresh, place, work)
    return place


def standalone(svg: str) -> str:
    """Return a figure of a page as a file of its own."""
    return svg.replace("<svg ", STANDALONE, 1) + "\n"


def _named[T: (Drawing, Sheet)](page: Page, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Yield the blocks of a kind with the name of their section, numbered from the second on."""
    for section in page.sections:
        found = [block for block in section.blocks if isinstance(block, kind)]
        for place, block in enumerate(found, 1):
            yield section.key if place == 1 else f"{section.key}-{place}", block


def _columns(table: Sheet, say: Catalogue) -> Columns:
    """Return the columns of a table of a page with their titles: numbers as numbers, an interval as its two ends.

    Words beside numbers, and why there is no number, stand in a column of their own; a bar is left out, for the
    number that it draws stands beside it.
    """
    found: Columns = []
    for at, column in enumerate(table.columns):
        if column.bar:
            continue
        cells = [row.cells[at] if at < len(row.cells) else Cell() for row in table.rows]
        numbers = [_numbers(cell) for cell in cells]
        parts = [part for part in PARTS if any(part in known for known in numbers)]
        for part in parts:
            title = f"{column.title} ({say(PARTS[part])})" if part else column.title
            found.append((title, [known.get(part) for known in numbers]))
        words = [_words(cell) for cell in cells]
        if not parts:
            found.append((column.title, _labels(words)))
        elif any(words):
            found.append((f"{column.title} ({say('takeaway.remark')})", [*words]))
        below = ["" if isinstance(cell.below.text, Printed) else cell.below.text for cell in cells]
        if any(below):
            found.append((f"{column.title} (2)", [*below]))
    return found


def _numbers(cell: Cell) -> dict[str, Number]:
    """Return the numbers of a cell by what they are of it."""
    words, below = (x.numbers if isinstance(x, Printed) else () for x in (cell.words.text, cell.below.text))
    return {x.part: x for x in words} | {x.part or "level": x for x in below}


def _words(cell: Cell) -> str:
    """Return what a cell says beside its numbers."""
    said = [x.rest if isinstance(x, Printed) else x for x in (cell.words.text,)]
    said += [cell.below.text.rest] if isinstance(cell.below.text, Printed) else []
    return " ".join(part for part in (*said, *cell.groups, cell.tag) if part)


def _labels(words: list[str]) -> list[Value]:
    """Return labels as they are; years, and others that are whole numbers in every row, as numbers."""
    whole = all(WHOLE.fullmatch(text) for text in words)
    return [Number(int(text), "0") if whole else text for text in words]


def _frame(columns: Columns) -> pd.DataFrame:
    """Return columns as plain values, whole numbers without decimals; None where there is nothing."""
    import pandas as pd

    frame = pd.DataFrame([[_plain(x) for x in values] for _, values in columns], dtype=object).T
    frame.columns = pd.Index([title for title, _ in columns])
    return frame


def _plain(value: Value) -> float | str | None:
    """Return a value as a file has it; None where there is nothing."""
    return value.value if isinstance(value, Number) else value or None


def _workbook(path: Path, tables: dict[str, Columns]) -> None:
    """Write the tables as sheets of one workbook, in which numbers read as the page prints them."""
    try:
        workbooks: Any = import_module("openpyxl")
        styles: Any = import_module("openpyxl.styles")
    except ImportError as error:
        raise InputError(
            Problem(said("found.extra_workbooks_not_installed"), said("allowed.openpyxl"),
                    said("do.install_pip_install_mse_2"))
        ) from error  # fmt: skip

    book = workbooks.Workbook()
    book.remove(book.active)
    for name, columns in tables.items():
        sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", "-", name)[:NAME_LENGTH])
        for at, (title, values) in enumerate(columns, 1):
            sheet.cell(1, at, defused(title)).font = styles.Font(bold=True)
            for line, value in enumerate(values, 2):
                plain = _plain(value)
                cell = sheet.cell(line, at, defused(plain) if isinstance(plain, str) else plain)
                if isinstance(value, Number):
                    cell.number_format = value.pattern
    if not tables:
        book.create_sheet("-")
    book.save(path)
