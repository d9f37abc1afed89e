"""Key figures as they leave: sentences, a page in every language, CSV and JSON, all from the same published numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.csvtext import csv_text
from mse.publish.figures.figuresentences import Speaker, period_of, sentence, sources_of
from mse.publish.figures.figuretables import years_of
from mse.publish.figures.figurevalues import KeyFigure, told_cells
from mse.publish.openfolders import as_json, pages, speaker_of, write_open
from mse.publish.report.html import page_template
from mse.publish.report.page import Answer, Cell, Column, PlainPage, Row, Section, Sheet, paragraph
from mse.publish.wording.messages import Words
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

CSV, JSON, PAGE = "key-figures.csv", "key-figures.json", "key-figures"
FORMAT = "mse-key-figures/2"
_TONES = {"publish": "publish", "publish with caution": "caution", "do not publish": "refuse"}


@dataclass(frozen=True, slots=True, eq=False)
class KeyFigures:
    """Key figures, all of which may leave the house.

    Parameters
    ----------
    title : str
        Of the job.
    figures : tuple of KeyFigure
        In the order in which they were asked for.
    rule : Said
        How counts were controlled.
    prob : float
        Probability of the intervals.
    speakers : mapping of str to Speaker
        Languages, the first is the job's.
    titles : mapping of str to str
        The title by language.
    pdf : bool
        Whether the job asks for the pages as PDF too.
    against : tuple of (str, str)
        Title and digest of the earlier releases and key figures that counts were protected with.
    """

    title: str
    figures: tuple[KeyFigure, ...]
    rule: Said
    prob: float
    speakers: Mapping[str, Speaker]
    titles: Mapping[str, str]
    pdf: bool = False
    against: tuple[tuple[str, str], ...] = ()

    def sentences(self, language: str | None = None) -> tuple[str, ...]:
        """Return a sentence for each figure, with its sources; in the first language when none is named.

        Raises
        ------
        InputError
            When the job has no texts in that language.
        """
        return tuple(sentence(figure, self.speaker(language)) for figure in self.figures)

    def speaker(self, language: str | None = None) -> Speaker:
        """Return who speaks a language.

        Raises
        ------
        InputError
            When the job does not ask for that language.
        """
        return speaker_of(self.speakers, language)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per figure, as `key-figures.csv` has them: numbers, verdict, sources, sentences."""
        import pandas as pd

        frame = pd.DataFrame(_records(self))
        return frame.astype({name: "Int64" for name in ("count", "base", "count_before", "base_before")})

    def as_record(self) -> dict[str, Any]:
        """Return what `key-figures.json` holds."""
        return {
            "format": FORMAT, "title": self.title, "prob": self.prob, "disclosure": str(self.rule),
            "held_against": [{"title": title, "digest": digest} for title, digest in self.against],
            "interval": str(said("keyfigure.chance", prob=self.prob)), "sources": _sources(self),
            "figures": _records(self, codes=True),
        }  # fmt: skip


def write_figures(
    folder: str | Path, found: KeyFigures, *, overwrite: bool = False, pdf: bool | None = None
) -> Path:  # fmt: skip
    """Write key figures into a folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        Where to.
    found : KeyFigures
        What `mse.figures` gave.
    overwrite : bool
        Replace a folder of key figures that exists.
    pdf : bool, optional
        Write the pages as PDF too; as the job says when not given.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, cannot be written, or PDF is asked for without its extra.
    """
    out = Path(folder)
    files: dict[str, str | bytes] = {CSV: csv_text(found.to_pandas()), JSON: json_text(found)}
    files |= pages(PAGE, found.speakers, lambda language: page(found, language))
    if found.pdf if pdf is None else pdf:
        from mse.publish.report.pdf import plain_pdf

        files |= pages(PAGE, found.speakers, lambda language: plain_pdf(_plain_page(found, language)), "pdf")
    write_open(out, files, JSON, overwrite=overwrite)
    return out


def json_text(found: KeyFigures) -> str:
    """Return key figures as JSON."""
    return as_json(found.as_record())


def _records(found: KeyFigures, codes: bool = False) -> list[dict[str, Any]]:
    """Return the figures as records of plain values: None, or nothing in CSV, where there is none."""
    rows = []
    for figure in found.figures:
        spec, source = figure.spec, figure.source
        told = [source] if source is not None else [x.spec for x in figure.estimates]
        row: dict[str, Any] = {
            "kind": spec.kind, "source": spec.source or "", "where": _chosen(spec.where), "of": _chosen(spec.of),
            "period": spec.when or "; ".join(dict.fromkeys([*([source.period or _span(figure)] if source else []),
                                                            *(x.period for x in figure.estimates)])),
            "against": spec.against or "", "level": figure.level, "point": _number(figure.value.point),
            "low": _number(figure.value.low), "high": _number(figure.value.high), "unit": figure.unit,
            "count": figure.count, "base": figure.base, "count_before": figure.count_before,
            "base_before": figure.base_before, "probability": _number(figure.probability),
            "status": figure.status, "verdict": figure.verdict,
            "reasons": [x.as_record() for x in figure.reasons] if codes else "; ".join(x.code for x in figure.reasons),
            "estimates": [
                {"name": x.spec.name, "period": x.period, "point": _number(x.size.point), "low": _number(x.size.low),
                 "high": _number(x.size.high), "status": x.status} for x in figure.estimates
            ] if codes else "; ".join(x.spec.name for x in figure.estimates),
            "publisher": "; ".join(x.publisher for x in told), "definition": "; ".join(x.definition for x in told),
        }  # fmt: skip
        texts = {language: sentence(figure, to) for language, to in found.speakers.items()}
        row |= {"cells": _cells(figure)} if codes else {}
        row |= {"sentence": texts} if codes else {f"sentence_{language}": text for language, text in texts.items()}
        rows.append(row)
    return rows


def _sources(found: KeyFigures) -> list[dict[str, Any]]:
    """Return whom the counts are of, over which periods, and how far they may be off: what a later page must know."""
    named = {x.source.name: x for x in found.figures if x.source is not None}
    return [
        {"name": name, "persons": x.source.persons, "time": x.source.time, "deviation": x.deviation,
         "periods": list(years_of(x.periods, x.source.period))} for name, x in named.items() if x.source is not None
    ]  # fmt: skip


def _cells(figure: KeyFigure) -> list[dict[str, Any]]:
    """Return the counts that a figure states, by their levels; those of a dimension that is not there are together."""
    return [{"levels": {dim: list(x) for dim, x in at}, "count": count} for at, count in told_cells(figure)]


def _span(figure: KeyFigure) -> str:
    return "" if not figure.periods else f"{figure.periods[0]}-{figure.periods[-1]}"


def _chosen(levels: Mapping[str, str | tuple[str, ...]]) -> str:
    return "; ".join(f"{dim} = {x if isinstance(x, str) else ' + '.join(x)}" for dim, x in levels.items())


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


# ---- the page ----------------------------------------------------------------------------------------------


def page(found: KeyFigures, language: str) -> str:
    """Return the page of a language: one HTML file that loads nothing, the same bytes for the same figures."""
    to = found.speaker(language)
    say = to.say
    return page_template("figures.html").render(
        language=language, title=found.titles[language], figures=_answers(found, to), notes=_notes(found, to),
        sheet=_sheet(found, to), labels={"numbers": say("keyfigures.numbers"), "notes": say("keyfigures.notes")},
    )  # fmt: skip


def _plain_page(found: KeyFigures, language: str) -> PlainPage:
    """Return what the page of a language says, for its PDF."""
    to = found.speaker(language)
    specs = [x.source or x.estimates[0].spec for x in found.figures]
    notes = tuple(map(paragraph, _notes(found, to)))
    sections = (Section("numbers", to.say("keyfigures.numbers"), (_sheet(found, to),)),
                Section("notes", to.say("keyfigures.notes"), notes))  # fmt: skip
    publisher = "; ".join(dict.fromkeys(to.text(x, "publisher") for x in specs))
    return PlainPage(language, found.titles[language], publisher, _answers(found, to), sections)


def _answers(found: KeyFigures, to: Speaker) -> tuple[Answer, ...]:
    return tuple(
        Answer(_first(sentence(x, to), sources_of(x, to)), tuple(sources_of(x, to)),
               to.say(f"keyfigures.{_TONES[x.verdict]}"), _TONES[x.verdict])
        for x in found.figures
    )  # fmt: skip


def _notes(found: KeyFigures, to: Speaker) -> list[str]:
    notes = [said("keyfigure.chance", prob=found.prob), found.rule]
    if found.against:
        notes.append(said("keyfigure.beside", titles=tuple(dict.fromkeys(title for title, _ in found.against))))
    return [to.say.said(x) for x in notes]


def _first(text: str, sources: Sequence[str]) -> str:
    """Return a sentence without its sources, which the page sets apart."""
    return text.removesuffix(" ".join(sources)).rstrip()


def _sheet(found: KeyFigures, to: Speaker) -> Sheet:
    """Return all numbers as a table."""
    say = to.say
    heads = [Column(say(f"keyfigures.{x}")) for x in ("figure", "period", "against")]
    heads += [Column(say(f"keyfigures.{x}"), numeric=True) for x in ("count", "base", "number", "interval")]
    rows = []
    for figure in found.figures:
        spec, value = figure.spec, figure.value
        name = to.text(spec, "label") or ", ".join(
            to.level(x) for levels in spec.where.values() for x in ([levels] if isinstance(levels, str) else levels)
        )
        persons = to.text(figure.source or figure.estimates[0].spec, "persons")
        write = {"share": say.share, "points": to.points, "change": to.change}.get(figure.unit)
        number = "–" if not math.isfinite(value.point) else (write or _plain(to, figure.unit))(value.point)
        ends = ""
        if math.isfinite(value.low) and math.isfinite(value.high):
            ends = say("format.range", low=(write or _plain(to, figure.unit))(value.low),
                       high=(write or _plain(to, figure.unit))(value.high))  # fmt: skip
        counts = ["" if x is None else say.number(x) for x in (figure.count, figure.base)]
        words = (period_of(figure, to), spec.against or "", *counts, number, ends)
        cells = [Cell(Words(name or persons), below=Words(persons if name else "")), *(Cell(Words(x)) for x in words)]
        rows.append(Row(tuple(cells)))
    return Sheet(say("keyfigures.table"), tuple(heads), tuple(rows))


def _plain(to: Speaker, unit: str) -> Any:
    digits = 0 if unit == "persons" else 2
    return lambda x: to.say.number(x, digits)
