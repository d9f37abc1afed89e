"""What a report consists of, in words and in order; one template writes it as HTML, another as PDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from mse.answers.results import Results
from mse.publish.drawings.axes import NARROW, WIDE
from mse.publish.facts.statements import Facts
from mse.publish.wording.messages import Catalogue, Words
from mse.publish.wording.sentences import Headline
from mse.words.numerals import as_sentence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the sections are made from.

    Parameters
    ----------
    results, facts, said
        The results, the facts in them, and the headline.
    say : Catalogue
        Language.
    safe : mapping of str to DataFrame
        Indicators and tables beside the estimate as they may be published (`mse.publish.release.outgoing`).
    """

    results: Results
    facts: Facts
    said: Headline
    say: Catalogue
    safe: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `tone` is ``""``, ``"lead"`` or ``"notice"``."""

    words: Words
    tone: str = ""
    kind: str = field(default="paragraph", init=False)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: str = field(default="heading", init=False)


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of entries."""

    items: tuple[Words, ...]
    kind: str = field(default="bullets", init=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand to the right, a bar is drawn from 0 to 1."""

    title: str
    numeric: bool = False
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its words, what stands small below them, a tag beside them, groups of names, or the share of a bar."""

    words: Words = field(default_factory=lambda: Words(""))
    below: Words = field(default_factory=lambda: Words(""))
    tag: str = ""
    groups: tuple[str, ...] = ()
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row, whose first cell is its heading; `tone` is ``""``, ``"main"`` or the judgement that colours it."""

    cells: tuple[Cell, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its caption; on a narrow screen the cells of a row stand below each other, each with its column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    kind: str = field(default="sheet", init=False)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as SVG for a sheet or screen, the same for a phone, and what it shows in words."""

    svg: str
    narrow: str
    finding: str
    kind: str = field(default="drawing", init=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """Text of a file, printed as it is."""

    text: str
    kind: str = field(default="listing", init=False)


Block = Paragraph | Heading | Bullets | Sheet | Drawing | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report under its own heading; `key` is its address in the page, a folded one opens on demand."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A key figure: what it is, the number, and what a reader must know of it."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Key figures that belong together, under what they are about (a year, a period)."""

    title: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report in one language.

    Parameters
    ----------
    language : str
        Two letters.
    title : str
        Of the report.
    subtitle : tuple of str
        Territory, period, table, date.
    said : Headline
        The verdict and the sentence, which come first.
    none_found : str
        What is said in place of reasons where there are none; empty where nobody judged.
    keys : tuple of Keys
        Empty where no number may be cited.
    remarks : tuple of str
        Registers, publisher, period: what a reader must not blur.
    sections : tuple of Section
        The rest, in order.
    labels : dict of str to str
        Words of the page itself (``contents``, ``skip``, ``made``, ``reasons``, ``stamp``).
    publisher : str or None
        Whose report it is.
    day : date or None
        Of the report.
    """

    language: str
    title: str
    subtitle: tuple[str, ...]
    said: Headline
    none_found: str
    keys: tuple[Keys, ...]
    remarks: tuple[str, ...]
    sections: tuple[Section, ...]
    labels: dict[str, str]
    publisher: str | None
    day: date | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence with its sources, its verdict in words, and the tone of that (``"publish"``, …)."""

    sentence: str
    sources: tuple[str, ...]
    verdict: str
    tone: str


@dataclass(frozen=True, slots=True)
class PlainPage:
    """A page of other numbers in one language: sentences with their verdicts first, then sections."""

    language: str
    title: str
    publisher: str
    answers: tuple[Answer, ...]
    sections: tuple[Section, ...]


def sheet(caption: str, columns: list[str | Column], rows: list[Row]) -> Sheet:
    """Return a table; a column given as text holds words, one that starts with ``#`` numbers."""
    heads = tuple(
        x if isinstance(x, Column) else Column(x.removeprefix("#"), numeric=x.startswith("#")) for x in columns
    )
    return Sheet(caption, heads, tuple(rows))


def row(*cells: str | Words | Cell, tone: str = "") -> Row:
    """Return a row from texts and cells."""
    return Row(tuple(cell(x) if not isinstance(x, Cell) else x for x in cells), tone)


def cell(words: str | Words, below: str | Words = "", tag: str = "") -> Cell:
    """Return a cell from texts."""
    return Cell(_words(words), _words(below), tag)


def paragraph(words: str | Words, tone: str = "") -> Paragraph:
    """Return a paragraph from a text."""
    return Paragraph(_words(words), tone)


def figure(draw: Callable[[float], str | None], finding: str) -> list[Block]:
    """Return a figure, drawn for both widths, or the words that say why there is none."""
    wide, narrow = draw(WIDE), draw(NARROW)
    return [Drawing(wide, narrow, finding) if wide and narrow else paragraph(finding)]


def bullets(items: list[str] | list[Words] | tuple[Words, ...]) -> Bullets:
    """Return a list, every entry as a sentence."""
    return Bullets(tuple(_sentence(_words(item)) for item in items))


def entries(title: str, items: list[Words] | tuple[Words, ...], otherwise: str) -> tuple[Block, ...]:
    """Return a heading with a list below it, or with what is said where the list is empty."""
    return (Heading(title), bullets(items) if items else paragraph(otherwise))


def called(lists: str, m: Material, between: str = " × ") -> str:
    """Return lists that are written "A:B" by what they are called."""
    return between.join(m.facts.names.get(name, name) for name in lists.split(":"))


def _words(text: str | Words) -> Words:
    return text if isinstance(text, Words) else Words(text)


def _sentence(words: Words) -> Words:
    """Return it with a capital and a full stop."""
    return Words(as_sentence(words.text), words.language, words.address)
