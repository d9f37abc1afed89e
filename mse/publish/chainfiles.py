"""A chain through time as it leaves: sentences, a flow diagram, a page in every language, CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.csvtext import csv_text
from mse.errors import InputError
from mse.evidence.eventfile import ALL
from mse.publish.coarsechain import CoarseChain, CoarseChance, CoarseStay
from mse.publish.drawings.axes import NARROW, WIDE
from mse.publish.drawings.chainflow import FlowMove, chain_figure, share_width
from mse.publish.figures.figuresentences import Speaker
from mse.publish.figures.figurespec import Language, SourceTexts
from mse.publish.openfolders import as_json, pages, speaker_of, write_open
from mse.publish.report.html import page_template
from mse.publish.report.page import Block, Cell, Column, Drawing, PlainPage, Row, Section, Sheet, paragraph
from mse.publish.wording.messages import Words
from mse.publish.wording.rounding import Rounded
from mse.settings.specchecks import check_spec
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

CSV, STAYS, JSON, PAGE = "chain.csv", "stays.csv", "chain.json", "chain"
FORMAT = "mse-chain/1"


@dataclass(frozen=True, slots=True)
class ChainAbout:
    """Who a chain is about, and who publishes it.

    Parameters
    ----------
    persons : str
        Who is followed, in words: "suspects of human trafficking".
    publisher, definition : str
        Who publishes it, and what makes somebody count.
    texts : mapping of str to SourceTexts
        The same texts in other languages, by language.
    """

    persons: str = "persons"
    publisher: str = ""
    definition: str = ""
    texts: Mapping[Language, SourceTexts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every setting."""
        check_spec(self, InputError)


@dataclass(frozen=True, slots=True, eq=False)
class PublishedTimeChain:
    """A chain through time, all of which may leave the house.

    Parameters
    ----------
    title : str
        Of the job.
    about : ChainAbout
        Who it is about.
    chain : CoarseChain
        The numbers.
    period : str
        When events were seen.
    speakers : mapping of str to Speaker
        Languages, the first is the job's.
    titles : mapping of str to str
        The title by language.
    pdf : bool
        Whether the job asks for the pages as PDF too.
    """

    title: str
    about: ChainAbout
    chain: CoarseChain
    period: str
    speakers: Mapping[str, Speaker]
    titles: Mapping[str, str]
    pdf: bool = False

    def to_pandas(self) -> pd.DataFrame:
        """Return a row per probability: cohort, state, from, kind, years, persons, share, low, high, unit, status."""
        import pandas as pd

        rows = [
            [x.cohort, x.state, x.origin, x.kind, x.years, x.persons, x.share, x.low, x.high, x.unit,
             self.chain.prob, x.bound or "ok"] for x in self.chain.chances
        ]  # fmt: skip
        columns = [
            "cohort",
            "state",
            "from",
            "kind",
            "years",
            "persons",
            "share",
            "low",
            "high",
            "unit",
            "prob",
            "status",
        ]
        return pd.DataFrame(rows, columns=columns).astype({"persons": "Int64"})

    def stays(self) -> pd.DataFrame:
        """Return one row per state: median of the days that stays in it last, and its interval."""
        import pandas as pd

        rows = [[x.state, x.median, x.low, x.high, self.chain.prob] for x in self.chain.stays]
        return pd.DataFrame(rows, columns=["state", "median", "low", "high", "prob"])

    def sentences(self, language: str | None = None) -> tuple[str, ...]:
        """Return what became of all who began, one sentence per state, then how long stays last.

        Raises
        ------
        InputError
            When the job does not ask for that language.
        """
        to = self.speaker(language)
        everybody = [x for x in self.chain.chances if x.cohort == ALL and x.kind == "reached" and x.bound != "withheld"]
        states = dict.fromkeys(x.state for x in everybody)
        found = [to.say.said(_reached([x for x in everybody if x.state == s], self, to)) for s in states]
        found += [to.say.said(_lasts(x, self, to)) for x in self.chain.stays if not math.isnan(x.median)]
        return (*found, self.source(to))

    def source(self, to: Speaker) -> str:
        """Return publisher, period and definition."""
        texts = {name: to.text(self.about, name) for name in ("publisher", "definition")}
        return to.say.said(said("keyfigure.source", period=self.period, extracted="", **texts))

    def speaker(self, language: str | None = None) -> Speaker:
        """Return who speaks a language.

        Raises
        ------
        InputError
            When the job does not ask for that language.
        """
        return speaker_of(self.speakers, language)

    def as_record(self) -> dict[str, Any]:
        """Return what `chain.json` holds."""

        def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
            rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
            return [{str(k): None if v in (math.inf, -math.inf) else v for k, v in x.items()} for x in rows]

        return {
            "format": FORMAT, "title": self.title, "persons": self.about.persons, "publisher": self.about.publisher,
            "definition": self.about.definition, "period": self.period, "prob": self.chain.prob,
            "told_apart_from": self.chain.threshold, "chances": plain(self.to_pandas()), "stays": plain(self.stays()),
            "sentences": {language: list(self.sentences(language)) for language in self.speakers},
        }  # fmt: skip


def _reached(chances: Sequence[CoarseChance], found: PublishedTimeChain, to: Speaker) -> Said:
    """Return how many came to a state, at every time."""
    each = []
    for x in chances:
        share, years = to.say.share(x.share), _years(x.years, to)
        if x.bound == "below":
            each.append(said("chainflow.below", share=share, years=years))
        elif x.bound == "above":
            each.append(said("chainflow.above", share=share, years=years))
        else:
            interval = to.interval(Rounded(x.share, x.low, x.high, 0.0))
            each.append(said("chainflow.within", share=share, years=years, interval=interval))
    n = chances[0].persons
    count = "" if n is None else f"{to.say.number(n)} "
    persons = to.text(found.about, "persons")
    return said("chainflow.reached", count=count, persons=persons, state=to.level(chances[0].state), each=tuple(each))


def _lasts(x: CoarseStay, found: PublishedTimeChain, to: Speaker) -> Said:
    values = {"state": to.level(x.state), "persons": to.text(found.about, "persons")}
    if not math.isfinite(x.median):
        return said("chainflow.open", **values)
    ends = to.say.range(x.low, x.high)
    interval = said("keyfigure.interval", level=to.say.level(to.prob), ends=ends)
    return said("chainflow.lasts", days=to.say.number(x.median), interval=interval, **values)


def _years(years: float, to: Speaker) -> Said:
    text = to.say.figure(years)
    return said("chainflow.year", years=text) if years == 1 else said("chainflow.years", years=text)


def write_chain(
    folder: str | Path, found: PublishedTimeChain, *, overwrite: bool = False, pdf: bool | None = None
) -> Path:  # fmt: skip
    """Write a chain into a folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        Where to.
    found : PublishedTimeChain
        What `mse.chain` gave.
    overwrite : bool
        Replace a folder of a chain that exists.
    pdf : bool, optional
        Write the pages as PDF too; as the job says when not given.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, cannot be written, or PDF is asked for without its extra.
    """
    out = Path(folder)
    files: dict[str, str | bytes] = {
        CSV: csv_text(found.to_pandas()),
        STAYS: csv_text(found.stays()),
        JSON: chain_json(found),
    }
    files |= pages(PAGE, found.speakers, lambda language: chain_page(found, language))
    if found.pdf if pdf is None else pdf:
        from mse.publish.report.pdf import plain_pdf

        files |= pages(PAGE, found.speakers, lambda language: plain_pdf(_plain_page(found, language)), "pdf")
    write_open(out, files, JSON, overwrite=overwrite)
    return out


def chain_json(found: PublishedTimeChain) -> str:
    """Return a chain as JSON."""
    return as_json(found.as_record())


def chain_page(found: PublishedTimeChain, language: str) -> str:
    """Return the page of a language: one HTML file that loads nothing, the same bytes for the same numbers."""
    to = found.speaker(language)
    *sentences, source = found.sentences(language)
    return page_template("chain.html").render(
        language=language, title=found.titles[language], sentences=sentences, source=source,
        drawing=_drawing(found, to), sheets=_sheets(found, to), notes=_notes(found, to),
        labels={x: to.say(f"timechain.{x}") for x in ("flow", "numbers", "sentences", "notes")},
    )  # fmt: skip


def _plain_page(found: PublishedTimeChain, language: str) -> PlainPage:
    """Return what the page of a language says, for its PDF."""
    to = found.speaker(language)
    *sentences, source = found.sentences(language)
    blocks: dict[str, tuple[Block, ...]] = {
        "flow": (_drawing(found, to),),
        "sentences": (*map(paragraph, sentences), paragraph(source, "lead")),
        "numbers": tuple(_sheets(found, to)),
        "notes": tuple(map(paragraph, _notes(found, to))),
    }
    sections = tuple(Section(x, to.say(f"timechain.{x}"), inside) for x, inside in blocks.items())
    return PlainPage(language, found.titles[language], to.text(found.about, "publisher"), (), sections)


def _notes(found: PublishedTimeChain, to: Speaker) -> list[str]:
    notes = [said("chainflow.how"), said("chainflow.assumed")]
    if found.chain.threshold > 1:
        notes.append(said("chainflow.coarse", threshold=found.chain.threshold))
    return [to.say.said(x) for x in notes]


def _drawing(found: PublishedTimeChain, to: Speaker) -> Drawing:
    chances = found.chain.chances
    last = max(x.years for x in chances)
    ever = {x.state: x for x in chances if x.cohort == ALL and x.kind == "reached" and x.years == last}
    told = {s: _share(ever[s], to) if s in ever else to.say.share(1.0) for s in found.chain.states}
    moves = [
        FlowMove(x.origin, x.state, 0.0 if x.bound == "below" else share_width(x.share), _share(x, to))
        for x in chances if x.kind == "moved"
    ]  # fmt: skip
    finding = to.say.said(
        said("chainflow.finding", persons=to.text(found.about, "persons"), years=_years(last, to),
             each=tuple(f"{to.level(s)} {told[s]}" for s in found.chain.states[1:]))
    )  # fmt: skip
    names = {s: to.level(s) for s in found.chain.states}
    wide, narrow = (chain_figure(found.chain.states, names, told, moves, finding, width) for width in (WIDE, NARROW))
    return Drawing(wide, narrow, finding)


def _share(x: CoarseChance, to: Speaker) -> str:
    if x.bound == "withheld" or math.isnan(x.share):
        return "–"
    share = to.say.share(x.share)
    return to.say("format.below", share=share) if x.bound == "below" else (
        to.say("format.above", share=share) if x.bound == "above" else share
    )  # fmt: skip


def _sheets(found: PublishedTimeChain, to: Speaker) -> list[Sheet]:
    """Return first entries and occupation by cohort and time, and the stays, as tables."""
    say, sheets = to.say, []
    for kind in ("reached", "inside"):
        heads = [
            Column(say("timechain.state")),
            Column(say("timechain.cohort")),
            Column(say("timechain.persons"), numeric=True),
        ]
        years = sorted({x.years for x in found.chain.chances})
        heads += [Column(say.said(_years(y, to)), numeric=True) for y in years]
        rows = []
        at = {(x.cohort, x.state, x.years): x for x in found.chain.chances if x.kind == kind}
        for state in found.chain.states:
            for cohort in dict.fromkeys(x.cohort for x in found.chain.chances):
                here = [at[cohort, state, y] for y in years if (cohort, state, y) in at]
                if not here:
                    continue
                n = here[0].persons
                whose = say("timechain.all") if cohort == ALL else to.level(cohort)
                persons = "–" if n is None else say.number(n)
                cells = [Cell(Words(to.level(state))), Cell(Words(whose)), Cell(Words(persons))]
                for x in here:
                    ends = say("format.range", low=say.share(x.low), high=say.share(x.high)) if x.low == x.low else ""
                    cells.append(Cell(Words(_share(x, to)), below=Words(ends)))
                rows.append(Row(tuple(cells), "main" if cohort == ALL else ""))
        sheets.append(Sheet(say(f"timechain.{kind}"), tuple(heads), tuple(rows)))
    heads = [
        Column(say("timechain.state")),
        *(Column(say(f"timechain.{x}"), numeric=True) for x in ("median", "interval")),
    ]
    rows = []
    for stay in found.chain.stays:
        known = not math.isnan(stay.median)
        ends = say.range(stay.low, stay.high) if known and math.isfinite(stay.low) else ""
        rows.append(Row((Cell(Words(to.level(stay.state))), Cell(Words(say.number(stay.median) if known else "–")),
                         Cell(Words(ends)))))  # fmt: skip
    return [*sheets, Sheet(say("timechain.stays"), tuple(heads), tuple(rows))]
