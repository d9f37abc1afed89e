"""A survey as it leaves: text for the terminal, a page in every language, CSV and JSON, all from published numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mse.answers.estimates import JUDGEMENTS, LEVELS, Level
from mse.computing.csvtext import csv_text
from mse.errors import InputError, Problem
from mse.evidence.survey import ALL
from mse.publish.drawings.axes import NARROW, WIDE
from mse.publish.drawings.intervalrows import Mark, Scale, rows_figure
from mse.publish.openfolders import write_open
from mse.publish.publishedsurvey import NONE, PublishedSurvey, ShownRate, survey_of_record
from mse.publish.report.html import page_template
from mse.publish.report.page import Cell, Column, Drawing, Row, Sheet
from mse.publish.wording.messages import Catalogue, Words, read_catalogue
from mse.publish.wording.rounding import Rounded
from mse.publish.wording.sentences import Headline
from mse.publish.wording.terminaltext import table_lines, terminal_width, wrap_lines
from mse.words.catalogues import languages_there_are
from mse.words.numerals import capital
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

CSV, DIFFERENCES, JSON, PAGE = "survey.csv", "survey-differences.csv", "survey.json", "survey"


def write_survey(
    folder: str | Path, found: PublishedSurvey, languages: Sequence[str] = (), *, overwrite: bool = False
) -> Path:  # fmt: skip
    """Write a survey into a folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        Where to.
    found : PublishedSurvey
        What `mse.publish.publishedsurvey.publish_survey` gave.
    languages : sequence of str
        Of the pages, the first has the short name; all that there are when none is given.
    overwrite : bool
        Replace a folder of a survey that exists.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    out = Path(folder)
    files = {CSV: csv_text(rates_frame(found)), JSON: survey_json(found)}
    if found.comparisons:
        files[DIFFERENCES] = csv_text(comparisons_frame(found))
    for number, language in enumerate(_order(languages)):
        files[f"{PAGE}.html" if number == 0 else f"{PAGE}.{language}.html"] = survey_page(found, language)
    write_open(out, files, JSON, overwrite=overwrite)
    return out


def _order(languages: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*languages, *languages_there_are()]))


def read_survey(folder: str | Path) -> PublishedSurvey:
    """Read the survey that a folder holds.

    Raises
    ------
    InputError
        When it is damaged.
    """
    path = Path(folder) / JSON
    try:
        return survey_of_record(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            Problem(said("found.survey_damaged"), said("allowed.survey_as_written"), said("do.survey_again"),
                    file=str(path))
        ) from None  # fmt: skip


def render_survey(folder: str | Path, languages: Sequence[str] = ()) -> tuple[Path, ...]:
    """Render the pages of a survey again, and return where they are.

    Raises
    ------
    InputError
        When the folder is damaged, or cannot be written.
    """
    out, found = Path(folder), read_survey(folder)
    order = _order(languages)
    write_survey(out, found, languages, overwrite=True)
    return tuple(out / (f"{PAGE}.html" if i == 0 else f"{PAGE}.{language}.html") for i, language in enumerate(order))


def survey_json(found: PublishedSurvey) -> str:
    """Return a survey as JSON."""
    return json.dumps(found.as_record(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def rates_frame(found: PublishedSurvey) -> pd.DataFrame:
    """Return one row per group, as ``survey.csv`` has them."""
    import pandas as pd

    rows = [
        [*_levels(x, found), x.rate.point, x.rate.low, x.rate.high, x.n, x.deff, x.population, x.persons.point,
         x.persons.low, x.persons.high, found.prob, x.level, "; ".join(r.code for r in x.reasons)] for x in found.rates
    ]  # fmt: skip
    names = ["rate", "rate_low", "rate_high", "n", "deff", "population", "persons", "low", "high", "prob", "verdict"]
    return pd.DataFrame(rows, columns=[*found.dims, *names, "reasons"]).astype({"n": "Int64"})


def comparisons_frame(found: PublishedSurvey) -> pd.DataFrame:
    """Return one row per two groups, as ``survey-differences.csv`` has them."""
    import pandas as pd

    others = [x for x in found.dims if x != found.compared]
    rows = [[*x.others, x.level, x.against, *x.difference[:3], *x.ratio[:3], found.prob, x.verdict]
            for x in found.comparisons]  # fmt: skip
    names = ["level", "against", "difference", "low", "high", "ratio", "ratio_low", "ratio_high", "prob", "verdict"]
    return pd.DataFrame(rows, columns=[*others, *names])


def _levels(x: ShownRate, found: PublishedSurvey) -> tuple[str, ...]:
    return x.levels or (ALL,) * len(found.dims)


# ---- words -------------------------------------------------------------------------------------------------


def _whose(x: ShownRate, say: Catalogue) -> str:
    return ", ".join(y for y in x.levels if y != ALL) or say("surveypage.all")


def _ends(value: Rounded, say: Catalogue, unit: str) -> str:
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return "–"
    return say("format.range", low=_written(value.low, say, unit), high=_written(value.high, say, unit))


def _written(value: float, say: Catalogue, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit == "share":
        return say.share(value, 3)
    if unit == "points":
        sign = "+" if value > 0 else "−" if value < 0 else ""
        return sign + say.share(abs(value), 3).removesuffix("%")
    return say.number(value) if unit == "persons" else say.figure(value)


def _verdict(level: str, say: Catalogue) -> str:
    tone = next(y for x, y in JUDGEMENTS.items() if x == level)
    return say(f"keyfigures.{tone}")


def _reasons(reasons: Sequence[Said], say: Catalogue) -> str:
    return "; ".join(say.said(x) for x in reasons)


def survey_text(found: PublishedSurvey, language: str = "en") -> str:
    """Return a survey as text for the terminal: rates, groups compared, whole populations, then how it was made."""
    say, width = read_catalogue(language), terminal_width()
    blocks = []
    for sheet in survey_sheets(found, say):
        heads = [x.title for x in sheet.columns]
        rows = [[str(x.words) for x in row.cells] for row in sheet.rows]
        blocks.append(table_lines(heads, rows, [not x.numeric for x in sheet.columns], width))
    told = [f"  - {_whose(x, say)}: {_reasons(x.reasons, say)}" for x in found.rates if x.reasons]
    told += [f"  - {say.said(x.kind)}: {_reasons((*x.reasons, x.assumed), say)}" for x in found.lines]
    told += [f"  - {x}" for x in _notes(found, say)]
    return "\n".join(["\n\n".join(blocks), *(wrap_lines(x, width, "    ") for x in told)])


def _notes(found: PublishedSurvey, say: Catalogue) -> list[str]:
    about = found.about
    texts = [say.said(said("surveynote.interval", prob=found.prob)), *(say.said(x) for x in found.notes)]
    if about.publisher or about.period or about.definition:
        texts.append(say.said(said("keyfigure.source", period=about.period, extracted="", publisher=about.publisher,
                                   definition=about.definition)))  # fmt: skip
    return [*texts, say.said(said("surveynote.source", source=found.source))] if found.source else texts


def survey_sheets(found: PublishedSurvey, say: Catalogue) -> list[Sheet]:
    """Return the tables that are not empty: rates, groups compared, whole populations, margins of calibration."""
    persons = any(math.isfinite(x.population) for x in found.rates)
    keys = ["rate", "interval", "answers", "deff", *(["population", "persons", "persons_interval"] if persons else [])]
    heads = [Column(say("surveypage.group")), *(Column(say(f"surveypage.{x}"), numeric=True) for x in keys),
             Column(say("surveypage.verdict"))]  # fmt: skip
    rows = []
    for x in found.rates:
        texts = [_written(x.rate.point, say, "share"), _ends(x.rate, say, "share"),
                 "–" if x.n is None else say.number(x.n), _written(x.deff, say, "factor")]  # fmt: skip
        if persons:
            texts += [_written(x.population, say, "persons"), _written(x.persons.point, say, "persons"),
                      _ends(x.persons, say, "persons")]  # fmt: skip
        cells = (*map(_cell, [_whose(x, say), *texts]),
                 Cell(Words(_verdict(x.level, say)), below=Words(_reasons(x.reasons, say))))  # fmt: skip
        rows.append(Row(cells, "" if x.levels else "main"))
    sheets = [Sheet(say("surveypage.rates"), tuple(heads), tuple(rows))]
    if found.comparisons:
        sheets.append(_compared(found, say))
    if found.lines:
        numbers = [Column(say(f"surveypage.{x}"), numeric=True) for x in ("persons", "persons_interval")]
        heads = [Column(say("surveypage.line")), *numbers, Column(say("surveypage.verdict"))]
        lines = [
            Row((_cell(say.said(x.kind)), _cell(_written(x.size.point, say, "persons")),
                 _cell(_ends(x.size, say, "persons")), _cell(_verdict(x.level, say)))) for x in found.lines
        ]  # fmt: skip
        sheets.append(Sheet(say("surveypage.lines"), tuple(heads), tuple(lines)))
    if found.margins:
        heads = [Column(say("surveypage.variable")), Column(say("surveypage.level")),
                 *(Column(say(f"surveypage.{x}"), numeric=True) for x in ("before", "after"))]  # fmt: skip
        margins = [
            Row((_cell(x.variable), _cell(x.level), _cell(_written(x.before, say, "persons")),
                 _cell(_written(x.after, say, "persons")))) for x in found.margins
        ]  # fmt: skip
        sheets.append(Sheet(say("surveypage.margins"), tuple(heads), tuple(margins)))
    return sheets


def _compared(found: PublishedSurvey, say: Catalogue) -> Sheet:
    others = [x for x in found.dims if x != found.compared]
    heads = [
        *(Column(x) for x in others), Column(str(found.compared)), Column(say("surveypage.against")),
        *(Column(say(f"surveypage.{x}"), numeric=True) for x in ("difference", "interval", "ratio", "ratio_interval")),
        Column(say("surveypage.verdict")),
    ]  # fmt: skip
    rows = [
        Row(tuple(map(_cell, [
            *x.others, x.level, x.against, _written(x.difference.point, say, "points"),
            _ends(x.difference, say, "points"), _written(x.ratio.point, say, "ratio"), _ends(x.ratio, say, "ratio"),
            _verdict(x.verdict, say),
        ]))) for x in found.comparisons
    ]  # fmt: skip
    return Sheet(say("surveypage.differences"), tuple(heads), tuple(rows))


def _cell(text: str) -> Cell:
    return Cell(Words(text))


def survey_page(found: PublishedSurvey, language: str) -> str:
    """Return the page of a language: one HTML file that loads nothing, the same bytes for the same numbers."""
    say = read_catalogue(language)
    return page_template("survey.html").render(
        language=language, title=found.about.title or say("surveypage.title"), sentences=_sentences(found, say),
        drawings=_drawings(found, say), sheets=survey_sheets(found, say), notes=_notes(found, say),
        assumed=[f"{say.said(x.kind)}: {_reasons((*x.reasons, x.assumed), say)}" for x in found.lines],
        labels={x: say(f"surveypage.{x}") for x in ("sentences", "figure", "numbers", "notes")},
    )  # fmt: skip


def _sentences(found: PublishedSurvey, say: Catalogue) -> list[str]:
    """Return the rate, and the persons, of every group in words."""
    made = []
    for x in found.rates:
        whose = _whose(x, say)
        if x.level == "do not publish":
            made.append(say.said(said("surveysentence.none", whose=whose, reasons=x.reasons)))
            continue
        share, ends = _written(x.rate.point, say, "share"), _ends(x.rate, say, "share")
        level = say.level(found.prob)
        if math.isfinite(x.persons.point):
            values = {"persons": _written(x.persons.point, say, "persons"), "range": _ends(x.persons, say, "persons")}
            made.append(say.said(said("surveysentence.persons", whose=whose, share=share, level=level, **values)))
        else:
            made.append(say.said(said("surveysentence.rate", whose=whose, share=share, level=level, range=ends)))
        if x.reasons:
            made[-1] += " " + say.said(said("surveysentence.caution", reasons=x.reasons))
    return [*map(capital, made)]


def _drawings(found: PublishedSurvey, say: Catalogue) -> list[Drawing]:
    """Return the rates as a figure, and whole populations side by side where there are several."""
    made = []
    rates = [
        Mark(_whose(x, say), f"{_written(x.rate.point, say, 'share')} ({_ends(x.rate, say, 'share')})", x.rate.point,
             _end(x.rate.low), _end(x.rate.high), main=not x.levels)
        for x in found.rates if math.isfinite(x.rate.point) and x.rate.point > 0
    ]  # fmt: skip
    if rates:
        scale = Scale(say("surveypage.rate"), None, write=lambda x: say.share(x, 3))
        made.append(_drawn("rates", rates, scale, say("surveypage.rates"), say,
                           [x.level for x in found.rates if math.isfinite(x.rate.point)]))  # fmt: skip
    lines = [
        Mark(say.said(x.kind), f"{_written(x.size.point, say, 'persons')} ({_ends(x.size, say, 'persons')})",
             x.size.point, _end(x.size.low), _end(x.size.high))
        for x in found.lines if math.isfinite(x.size.point)
    ]  # fmt: skip
    if len(lines) > 1:
        made.append(_drawn("lines", lines, Scale(say("surveypage.persons"), None), say("surveypage.lines"), say,
                           [x.level for x in found.lines if math.isfinite(x.size.point)]))  # fmt: skip
    return made


def _drawn(
    name: str, marks: Sequence[Mark], scale: Scale, finding: str, say: Catalogue, levels: Sequence[Level]
) -> Drawing:  # fmt: skip
    """Return a figure that carries the gravest verdict on what it shows."""
    tone = JUDGEMENTS[max(levels, key=LEVELS.index)]
    name_of, meaning = say(f"verdict.{tone}.name"), say(f"verdict.{tone}.meaning")
    stamped = Headline(tone, name_of, meaning, "", None, None, None, None, (), (), (), (), NONE)
    wide, narrow = (rows_figure(name, marks, scale, stamped, finding, say, width) for width in (WIDE, NARROW))
    return Drawing(wide, narrow, finding)


def _end(value: float) -> float | None:
    return value if math.isfinite(value) else None
