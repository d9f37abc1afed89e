"""The page of a measure, and its folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mse.evidence.interruption import read_date, read_period
from mse.publish.drawings.axes import NARROW, WIDE
from mse.publish.drawings.interrupted import interrupted_figure
from mse.publish.figures.figuresentences import Speaker
from mse.publish.openfolders import pages, write_open
from mse.publish.policy.shownmeasure import ShownMeasure, policy_csv, policy_json
from mse.publish.report.html import page_template
from mse.publish.report.page import Block, Cell, Column, Drawing, PlainPage, Row, Section, Sheet, paragraph
from mse.publish.wording.messages import Words
from mse.words.said import said

CSV, JSON, PAGE = "policy.csv", "policy.json", "policy"
_HEADS = {"flow": said("policy.figure"), "sentences": said("policy.words"), "numbers": said("policy.numbers"),
          "notes": said("policy.notes")}  # fmt: skip


def write_policy(
    folder: str | Path, found: ShownMeasure, *, overwrite: bool = False, pdf: bool | None = None
) -> Path:  # fmt: skip
    """Write the effect of a measure into a folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        Where to: a page in every language of the job, CSV and JSON.
    found : ShownMeasure
        What `mse.policy` gave.
    overwrite : bool
        Replace a folder of such an effect that exists.
    pdf : bool, optional
        Write the pages as PDF too; as the job says when not given.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, cannot be written, or PDF is asked for without its extra.
    """
    out = Path(folder)
    files: dict[str, str | bytes] = {CSV: policy_csv(found), JSON: policy_json(found)}
    files |= pages(PAGE, found.speakers, lambda language: policy_page(found, language))
    if found.pdf if pdf is None else pdf:
        from mse.publish.report.pdf import plain_pdf

        files |= pages(PAGE, found.speakers, lambda language: plain_pdf(_plain_page(found, language)), "pdf")
    write_open(out, files, JSON, overwrite=overwrite)
    return out


def policy_page(found: ShownMeasure, language: str) -> str:
    """Return the page of a language: one HTML file that loads nothing, the same bytes for the same numbers."""
    to = found.speaker(language)
    *sentences, source = found.sentences(language)
    return page_template("chain.html").render(
        language=language, title=found.titles[language], sentences=sentences, source=source,
        drawing=_drawing(found, to), sheets=[_sheet(found, to), *_placebos(found, to)], notes=_notes(found, to),
        labels={name: to.say.said(x) for name, x in _HEADS.items()},
    )  # fmt: skip


def _plain_page(found: ShownMeasure, language: str) -> PlainPage:
    """Return what the page of a language says, for its PDF."""
    to = found.speaker(language)
    *sentences, source = found.sentences(language)
    blocks: dict[str, tuple[Block, ...]] = {
        "flow": (_drawing(found, to),),
        "sentences": (*map(paragraph, sentences), paragraph(source, "lead")),
        "numbers": (_sheet(found, to), *_placebos(found, to)),
        "notes": tuple(map(paragraph, _notes(found, to))),
    }
    sections = tuple(Section(x, to.say.said(_HEADS[x]), inside) for x, inside in blocks.items())
    return PlainPage(language, found.titles[language], to.text(found.source, "publisher"), (), sections)


def _notes(found: ShownMeasure, to: Speaker) -> list[str]:
    notes = (said("policy.how", spread=found.found.spread), said("policy.assumed"), found.rule)
    return [to.say.said(x) for x in notes]


def _drawing(found: ShownMeasure, to: Speaker) -> Drawing:
    frame, date = found.to_pandas(), read_date(found.measure.at) or 0.0
    times = [x for x in map(read_period, found.found.periods) if x is not None]
    finding = found.sentences(to.say.language)[0]
    words = (said("policy.count"), said("policy.expected"), said("policy.without"))
    told = to.say.said(words[0]), to.say.said(words[1]), to.say.said(words[2])
    columns = [[int(x) for x in frame[name].dropna()] for name in ("count", "expected", "without")]
    places = [x.start + x.length / 2 for x in times]
    wide, narrow = (
        interrupted_figure(places, columns[0], columns[1], columns[2], date, told, to.say, finding, width)
        for width in (WIDE, NARROW)
    )
    return Drawing(wide, narrow, finding)


def _sheet(found: ShownMeasure, to: Speaker) -> Sheet:
    say = to.say
    heads = [Column(say.said(said("policy.period")))]
    heads += [Column(say.said(x), numeric=True)
              for x in (said("policy.count"), said("policy.expected"), said("policy.without"))]  # fmt: skip
    rows = [
        Row((Cell(Words(str(period))), *(Cell(Words("–" if x is pd.NA else say.number(x))) for x in numbers)))
        for period, *numbers in found.to_pandas().itertuples(index=False)
    ]
    return Sheet(say.said(said("policy.table")), tuple(heads), tuple(rows))


def _placebos(found: ShownMeasure, to: Speaker) -> list[Sheet]:
    """Return the changes at other dates as a table, where any could be tried and the effect is stated."""
    rows = []
    for x in found.found.placebos:
        value = found.change(x.level)
        if value.point == value.point:
            ends = to.say("format.range", low=to.change(value.low), high=to.change(value.high))
            rows.append(Row((Cell(Words(x.period)), Cell(Words(to.change(value.point))), Cell(Words(ends)))))
    heads = (said("policy.period"), said("policy.change"), said("policy.interval"))
    columns = tuple(Column(to.say.said(x), numeric=i > 0) for i, x in enumerate(heads))
    return [Sheet(to.say.said(said("policy.placebos")), columns, tuple(rows))] if rows else []
