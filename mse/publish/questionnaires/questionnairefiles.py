"""A filled questionnaire as it leaves: CSV, a workbook and JSON, with every gap by name."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.csvtext import csv_text, defused
from mse.errors import InputError, Problem
from mse.publish.openfolders import as_json, write_open
from mse.publish.questionnaires.filling import FilledFigure, gaps_of, name_of
from mse.publish.questionnaires.publishedcells import PublishedFolder
from mse.publish.questionnaires.questionnairespec import QuestionnaireSpec, text_of
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.words.catalogues import languages_there_are
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

NAME, JSON = "questionnaire", "questionnaire.json"
FORMAT = "mse-questionnaire/1"
NONE, CONFIDENTIAL = ":", "c"
"""What stands in the place of a number that is not there, and of one that is confidential, as Eurostat marks them."""
_HEADS: Mapping[str, Said] = {
    "value": said("questionnaire.value"), "low": said("questionnaire.low"), "high": said("questionnaire.high"),
    "prob": said("questionnaire.prob"), "unit": said("questionnaire.unit"), "period": said("questionnaire.period"),
    "mark": said("questionnaire.mark"), "verdict": said("questionnaire.verdict"),
    "source": said("questionnaire.source"), "definition": said("questionnaire.definition"),
    "missing": said("questionnaire.missing"), "fill": said("questionnaire.fill"), "note": said("questionnaire.note"),
}  # fmt: skip
"""Columns behind those that name a figure, with what a sheet calls them."""
_UNITS: Mapping[str, Said] = {
    "persons": said("questionnaire.persons"), "share": said("questionnaire.share"),
    "per 100,000": said("questionnaire.per_100k"),
}  # fmt: skip
_EPOCH = datetime(1980, 1, 1)
"""The time in a workbook: the same bytes for the same figures."""
_CORE, _MODIFIED = "docProps/core.xml", re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
"""Where openpyxl writes the time at which it saved, whatever it was told."""
_SHEET_NAME = 31


@dataclass(frozen=True, slots=True, eq=False)
class Questionnaire:
    """A questionnaire, filled from what is published; all of it may leave the house.

    Parameters
    ----------
    spec : QuestionnaireSpec
        What is asked.
    figures : tuple of FilledFigure
        Every figure, filled or not, in its order.
    folders : tuple of PublishedFolder
        What it was filled from, the release first.
    year : str or None
        Of which year.
    """

    spec: QuestionnaireSpec
    figures: tuple[FilledFigure, ...]
    folders: tuple[PublishedFolder, ...]
    year: str | None

    @property
    def gaps(self) -> tuple[FilledFigure, ...]:
        """The figures that are not in what was given."""
        return tuple(x for x in self.figures if x.gap is not None)

    def to_pandas(self, language: str = "en") -> pd.DataFrame:
        """Return a row per figure, as the CSV has them.

        Columns: ``table``, ``figure``, ``label``, a column per dimension of the questionnaire, ``value`` (a number or
        a text), ``low``, ``high``, ``prob``, ``unit``, ``period``, ``mark`` (":" not there, "c" confidential, "r"
        rounded), ``verdict``, ``source``, ``definition``, ``missing``, ``fill``, ``note``.
        """
        import pandas as pd

        say = read_catalogue(language)
        dims = [x.name for x in self.spec.dimension]
        rows = []
        for x in self.figures:
            row: dict[str, object] = {"table": x.table.name, "figure": x.asked.name,
                                      "label": text_of(x.asked, "label", language)}  # fmt: skip
            row |= {dim: self._level(dim, x.levels[dim], language) if dim in x.levels else "" for dim in dims}
            rows.append(row | _told(x, say, language))
        return pd.DataFrame(rows, columns=["table", "figure", "label", *dims, *_HEADS])

    def _level(self, dim: str, level: str, language: str) -> str:
        asked = next(x for x in self.spec.dimension if x.name == dim)
        return text_of(next(x for x in asked.level if x.name == level), "label", language)

    def as_record(self) -> dict[str, Any]:
        """Return what `questionnaire.json` holds."""
        spec = self.spec
        return {
            "format": FORMAT, "title": spec.title, "by": spec.by, "after": spec.after, "address": spec.address,
            "year": self.year, "filled": len(self.figures) - len(self.gaps), "figures_asked": len(self.figures),
            "from": [{"folder": x.name, "title": x.title, "disclosure": x.disclosure} for x in self.folders],
            "figures": [_entry(x) for x in self.figures],
        }  # fmt: skip

    def lines(self, language: str = "en") -> tuple[str, ...]:
        """Return it as text: what is filled, table by table, then every gap with what would fill it."""
        say, spec = read_catalogue(language), self.spec
        filled = len(self.figures) - len(self.gaps)
        found = [
            say.said(said("questionnaire.title", title=text_of(spec, "title", language), filled=filled,
                          of=len(self.figures), year=self.year or _text(self.folders[0].texts["period"][0], say))),
        ]  # fmt: skip
        for table in spec.table:
            here = [x for x in self.figures if x.table is table and x.gap is None]
            if here:
                found += ["", f"{table.name}. {text_of(table, 'title', language)}"]
                found += [f"  {name_of(x, spec, language)}: {_value(x, say)} [{x.source}]" for x in here]
        for gap, figures in gaps_of(self.figures):
            names = tuple(name_of(x, spec, language) for x in figures[:3])
            more = said("questionnaire.more", count=len(figures) - 3) if len(figures) > 3 else said("questionnaire.end")
            found += ["", say.said(said("questionnaire.gap", count=len(figures), names=names, more=more, why=gap.why,
                                        fill=gap.fill))]  # fmt: skip
        return tuple(found)


def write_questionnaire(
    folder: str | Path, found: Questionnaire, *, language: str = "en", overwrite: bool = False
) -> Path:
    """Write a filled questionnaire into a folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        Where to: a CSV file and a workbook in every language, and JSON.
    found : Questionnaire
        What `mse.questionnaire` gave.
    language : str
        Of the files with the plain name.
    overwrite : bool
        Replace a folder of a questionnaire that exists.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written, or openpyxl is not installed.
    """
    out = Path(folder)
    files: dict[str, str | bytes] = {JSON: questionnaire_json(found)}
    for x in (language, *(x for x in languages_there_are() if x != language)):
        name = NAME if x == language else f"{NAME}.{x}"
        files |= {f"{name}.csv": csv_text(found.to_pandas(x)), f"{name}.xlsx": workbook(found, x)}
    write_open(out, files, JSON, overwrite=overwrite)
    return out


def questionnaire_json(found: Questionnaire) -> str:
    """Return a filled questionnaire as JSON."""
    return as_json(found.as_record())


def _entry(x: FilledFigure) -> dict[str, Any]:
    cell, gap = x.cell, x.gap
    return {
        "table": x.table.name, "figure": x.asked.name, "what": x.asked.what, "persons": x.asked.persons,
        "levels": dict(x.levels), "value": cell.value if cell else None, "text": _texts(x.text),
        "low": cell.low if cell else None, "high": cell.high if cell else None, "prob": cell.prob if cell else None,
        "unit": cell.unit if cell else "", "period": cell.period if cell else "",
        "definition": cell.definition if cell else "", "verdict": cell.verdict if cell else "",
        "rounded": bool(cell and cell.rounded), "source": x.source,
        "gap": None if gap is None else
        {"code": gap.code, "why": gap.why.as_record(), "fill": gap.fill.as_record(),
         "text": {x: [read_catalogue(x).said(y) for y in (gap.why, gap.fill)] for x in languages_there_are()}},
    }  # fmt: skip


def _text(text: Said | str | None, say: Catalogue) -> str:
    return say.said(text) if isinstance(text, Said) else text or ""


def _texts(text: Said | str | None) -> dict[str, str] | None:
    return None if text is None else {x: _text(text, read_catalogue(x)) for x in languages_there_are()}


def _told(x: FilledFigure, say: Catalogue, language: str) -> dict[str, object]:
    """Return the columns behind those that name a figure."""
    row: dict[str, object] = dict.fromkeys(_HEADS, "")
    row["note"] = text_of(x.asked, "note", language)
    if x.gap is not None:
        mark = CONFIDENTIAL if x.gap.code in ("suppressed", "together", "withheld") else NONE
        return row | {"mark": mark, "missing": say.said(x.gap.why), "fill": say.said(x.gap.fill)}
    row["source"] = x.source
    if x.cell is None:
        return row | {"value": _text(x.text, say)}
    cell = x.cell
    row |= {name: _plain(getattr(cell, name)) for name in ("value", "low", "high", "prob")}
    unit = say.said(_UNITS[cell.unit]) if cell.unit in _UNITS else cell.unit
    return row | {"unit": unit, "period": cell.period, "mark": "r" if cell.rounded else "", "verdict": cell.verdict,
                  "definition": cell.definition}  # fmt: skip


def _plain(value: float | None) -> object:
    if value is None:
        return ""
    return int(value) if float(value).is_integer() else value


def _value(x: FilledFigure, say: Catalogue) -> str:
    if x.cell is None or x.cell.value is None:
        return _text(x.text, say)
    cell, value = x.cell, x.cell.value
    write = say.share if cell.unit == "share" else _digits(say)
    ends = "" if cell.low is None or cell.high is None else f" ({write(cell.low)}–{write(cell.high)})"
    return f"{write(value)}{ends}; {cell.period}"


def _digits(say: Catalogue) -> Any:
    return lambda x: say.number(x) if float(x).is_integer() else say.figure(x)


# ---- the workbook ------------------------------------------------------------------------------------------


def workbook(found: Questionnaire, language: str) -> bytes:
    """Return the workbook: a sheet about it, one for each table, and one of the gaps.

    Raises
    ------
    InputError
        When openpyxl is not installed.
    """
    try:
        workbooks: Any = import_module("openpyxl")
        styles: Any = import_module("openpyxl.styles")
    except ImportError as error:
        raise InputError(
            Problem(said("found.extra_workbooks_not_installed"), said("allowed.openpyxl"),
                    said("do.install_pip_install_mse_2"))
        ) from error  # fmt: skip
    say, frame = read_catalogue(language), found.to_pandas(language)
    book = workbooks.Workbook()
    book.properties.creator, book.properties.created = "mse", _EPOCH
    book.remove(book.active)
    names = [say.said(said("questionnaire.about")), *(x.name for x in found.spec.table),
             say.said(said("questionnaire.gaps"))]  # fmt: skip
    sheets: list[list[list[object]]] = [_about(found, say, language)]
    labels = {x.name: text_of(x, "label", language) for x in found.spec.dimension}
    heads = labels | {name: say.said(x) for name, x in _HEADS.items()}
    heads |= {"figure": say.said(said("questionnaire.figure")), "label": say.said(said("questionnaire.asked"))}
    for table in found.spec.table:
        part = frame[frame["table"] == table.name].drop(columns="table")
        part = part.loc[:, [c for c in part if c not in labels or part[c].ne("").any()]]
        title: list[object] = [text_of(table, "title", language)]
        sheets.append([title, [heads[str(c)] for c in part], *part.to_numpy(dtype=object).tolist()])
    sheets.append(_gap_rows(found, say, language))
    for name, rows in zip(names, sheets, strict=True):
        sheet = book.create_sheet(_sheet_name(name, book.sheetnames))
        for row in rows:
            sheet.append([defused(x) if isinstance(x, str) else x for x in row])
        for cell in sheet[1]:
            cell.font = styles.Font(bold=True)
        for i, width in enumerate((10, 46, *[16] * 20)):
            sheet.column_dimensions[chr(ord("A") + i)].width = width
    made = io.BytesIO()
    book.save(made)
    return _timeless(made.getvalue())


def _about(found: Questionnaire, say: Catalogue, language: str) -> list[list[object]]:
    """Return the sheet that says what this is, what it was filled from, and how its marks are read."""
    spec, filled = found.spec, len(found.figures) - len(found.gaps)
    rows: list[list[object]] = [[text_of(spec, "title", language)]]
    rows += [[say.said(head), text] for head, text in (
        (said("questionnaire.by"), text_of(spec, "by", language)),
        (said("questionnaire.after"), text_of(spec, "after", language)),
        (said("questionnaire.address"), spec.address), (said("questionnaire.note"), text_of(spec, "note", language)),
        (said("questionnaire.year"), found.year or "–"),
        (said("questionnaire.filled"), f"{filled} / {len(found.figures)}"),
    ) if text]  # fmt: skip
    for folder in found.folders:
        rows.append([say.said(said("questionnaire.from")), f"{folder.name}: {folder.title}"])
        if folder.disclosure:
            rows.append([say.said(said("questionnaire.disclosure")), folder.disclosure])
    return [*rows, [say.said(said("questionnaire.marks")), say.said(said("questionnaire.marks_mean"))]]


def _gap_rows(found: Questionnaire, say: Catalogue, language: str) -> list[list[object]]:
    wanted = (said("questionnaire.figure"), said("questionnaire.asked"), _HEADS["missing"], _HEADS["fill"])
    heads: list[object] = [say.said(x) for x in wanted]
    rows: list[list[object]] = [
        [x.asked.name, name_of(x, found.spec, language), say.said(gap.why), say.said(gap.fill)]
        for gap, figures in gaps_of(found.figures) for x in figures
    ]  # fmt: skip
    return [heads, *rows]


def _sheet_name(name: str, taken: list[str]) -> str:
    """Return a name that a workbook takes and does not have yet."""
    plain = "".join("-" if x in "[]:*?/\\" else x for x in name)[:_SHEET_NAME].strip("'") or "-"
    return (
        plain if plain.casefold() not in {x.casefold() for x in taken} else f"{plain[: _SHEET_NAME - 4]} ({len(taken)})"
    )


def _timeless(content: bytes) -> bytes:
    """Return a workbook whose files all bear the same time."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = _MODIFIED.sub(rb"\g<1>1980-01-01T00:00:00Z", old.read(name)) if name == _CORE else old.read(name)
            new.writestr(zipfile.ZipInfo(name, _EPOCH.timetuple()[:6]), part, zipfile.ZIP_DEFLATED)
    return made.getvalue()
