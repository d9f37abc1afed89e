"""What a page shows, to take away: every figure as SVG and PNG, every table as CSV and together in one workbook.

Nothing is in it that the page does not show: it is made from the composed page, after disclosure control and rounding.
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
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

STANDALONE = '<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" '
"""Beginning of a figure that stands by itself, outside a page."""

NAME_LENGTH = 31
"""Most characters of the name of a sheet in a workbook."""


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
        frames = {name: _frame(table) for name, table in _named(page, Sheet)}
        for name, frame in frames.items():
            write_csv(frame, fresh / "tables" / f"{name}.csv")
        _workbook(fresh / "tables.xlsx", frames)
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


def _frame(table: Sheet) -> pd.DataFrame:
    """Return a table of a page as it reads, a text to a cell; what stands small below one is a column of its own."""
    import pandas as pd

    rows = []
    for row in table.rows:
        cells: dict[str, str] = {}
        for column, cell in zip(table.columns, row.cells, strict=False):
            cells[column.title] = _text(cell)
            if cell.below.text:
                cells[f"{column.title} (2)"] = cell.below.text
        rows.append(cells)
    titles = [name for column in table.columns for name in (column.title, f"{column.title} (2)")]
    known = [name for name in dict.fromkeys(titles) if any(name in cells for cells in rows)]
    return pd.DataFrame(rows, columns=known).fillna("")


def _text(cell: Cell) -> str:
    share = "" if cell.share is None else f"{cell.share:.0%}"
    return " ".join(part for part in (cell.words.text or share, *cell.groups, cell.tag) if part)


def _workbook(path: Path, frames: dict[str, pd.DataFrame]) -> None:
    """Write the tables as sheets of one workbook; a text that a spreadsheet would take for a formula is none."""
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
    for name, frame in frames.items():
        sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", "-", name)[:NAME_LENGTH])
        for row in [list(frame.columns), *frame.to_numpy().tolist()]:
            sheet.append([defused(str(value)) for value in row])
        for cell in sheet[1]:
            cell.font = styles.Font(bold=True)
    if not frames:
        book.create_sheet("-")
    book.save(path)
