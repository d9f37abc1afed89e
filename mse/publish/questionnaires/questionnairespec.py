"""What a file of a questionnaire says: dimensions with their levels, persons who are counted, and tables of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Literal

from mse.errors import Problem, names_of
from mse.publish.figures.figurespec import Language
from mse.settings.specchecks import Checked, Placed
from mse.words.said import Said, said

What = Literal[
    "count", "count per 100,000", "estimated", "dark figure", "in view", "per 100,000", "reached",
    "method", "definition", "period", "disclosure", "verdict",
]  # fmt: skip
OF_PERSONS = ("count", "reached")
"""What is asked of persons whom the questionnaire names; all else is of the persons of the estimate."""
TEXTS = ("method", "definition", "period", "disclosure", "verdict")
MOST_FIGURES = 5_000
"""Figures of one questionnaire, every level counted."""


@dataclass(frozen=True, slots=True)
class AskedTexts(Checked):
    """What a questionnaire calls something in another language.

    Parameters
    ----------
    title, label, by, after, note
        The same text in this language.
    """

    title: str | None = None
    label: str | None = None
    by: str | None = None
    after: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AskedLevel(Checked):
    """A level of a dimension, as the questionnaire has it.

    Parameters
    ----------
    name : str
        What the tables call it.
    label : str
        What is printed.
    called : tuple of str
        What registers may call it; capitals do not matter.
    texts : mapping of str to AskedTexts
        The label in other languages, by language.
    """

    name: str
    label: str
    called: tuple[str, ...] = ()
    texts: Mapping[Language, AskedTexts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskedDimension(Checked):
    """A dimension that the questionnaire breaks figures down by.

    Parameters
    ----------
    name : str
        What the tables call it.
    label : str
        What is printed.
    called : tuple of str
        What releases may call it; capitals do not matter.
    level : tuple of AskedLevel
        Its levels, in order.
    texts : mapping of str to AskedTexts
        The label in other languages, by language.
    """

    name: str
    label: str
    called: tuple[str, ...] = ()
    level: tuple[AskedLevel, ...] = ()
    texts: Mapping[Language, AskedTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        yield from _once("level", [x.name for x in self.level])
        if not self.level:
            yield ("level",), Problem(said("questionnaire.no_levels"), said("questionnaire.levels"), said("do.add"))


@dataclass(frozen=True, slots=True)
class AskedPersons(Checked):
    """Persons whom a questionnaire counts.

    Parameters
    ----------
    name : str
        What the tables call them.
    label : str
        What is printed.
    registered : bool
        They are the registered persons of a release.
    called : tuple of str
        What sources of key figures, steps and states of a chain may call them; capitals do not matter.
    texts : mapping of str to AskedTexts
        The label in other languages, by language.
    """

    name: str
    label: str
    registered: bool = False
    called: tuple[str, ...] = ()
    texts: Mapping[Language, AskedTexts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskedFigure(Checked):
    """A figure that a questionnaire asks for, whole and broken down.

    Parameters
    ----------
    name : str
        Its number in the questionnaire.
    label : str
        What is printed.
    what : str
        The quantity: a count of persons, an estimate, a share that was reached, or a text about the release.
    persons : str
        Who is counted; of counts and of shares that were reached.
    where : mapping of str to str
        Levels of all of its figures.
    by : tuple of tuple of str
        Dimensions that it is broken down by, one list for each breakdown; an empty list is the whole.
    note : str
        What one should know beside it.
    texts : mapping of str to AskedTexts
        Label and note in other languages, by language.
    """

    name: str
    label: str
    what: What = "count"
    persons: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    by: tuple[tuple[str, ...], ...] = ((),)
    note: str | None = None
    texts: Mapping[Language, AskedTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if (self.what in OF_PERSONS) != (self.persons is not None):
            found, allowed = said("questionnaire.whose", what=self.what), said("questionnaire.whose_allowed")
            yield ("persons",), Problem(found, allowed, said("do.correct"), value=self.persons or "")
        if self.what in TEXTS and (self.where or any(self.by)):
            yield ("by",), Problem(said("questionnaire.text_by", what=self.what), said("allowed.none"),
                                   said("do.leave_out_2"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskedTable(Checked):
    """A table of a questionnaire.

    Parameters
    ----------
    name : str
        Short, for a sheet: "A".
    title : str
        What is printed above it.
    figure : tuple of AskedFigure
        What it asks, in order.
    texts : mapping of str to AskedTexts
        The title in other languages, by language.
    """

    name: str
    title: str
    figure: tuple[AskedFigure, ...] = ()
    texts: Mapping[Language, AskedTexts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionnaireSpec(Checked):
    """A questionnaire: who asks, and what.

    Parameters
    ----------
    title : str
        Of the questionnaire.
    by : str
        Who asks.
    after : str
        The publication that its figures follow, with its date.
    address : str
        Where that publication can be found.
    note : str
        What one should know before sending it.
    dimension : tuple of AskedDimension
        What figures are broken down by.
    persons : tuple of AskedPersons
        Who is counted.
    table : tuple of AskedTable
        The tables, in order.
    texts : mapping of str to AskedTexts
        The same texts in other languages, by language.
    """

    title: str
    by: str = ""
    after: str = ""
    address: str = ""
    note: str = ""
    dimension: tuple[AskedDimension, ...] = ()
    persons: tuple[AskedPersons, ...] = ()
    table: tuple[AskedTable, ...] = ()
    texts: Mapping[Language, AskedTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if not any(table.figure for table in self.table):
            yield (), Problem(said("questionnaire.no_figures"), said("questionnaire.figures"), said("do.add_one"))
        known = {x.name: x for x in self.dimension}
        yield from _once("dimension", [x.name for x in self.dimension])
        yield from _once("persons", [x.name for x in self.persons], also=known)
        yield from _once("table", [x.name for x in self.table])
        size = 0
        for i, table in enumerate(self.table):
            yield from (((("table", str(i), *at)), x) for at, x in _once("figure", [x.name for x in table.figure]))
            for j, figure in enumerate(table.figure):
                place = ("table", str(i), "figure", str(j))
                yield from self._figure_faults(figure, known, place)
                size += sum(prod(len(known[x].level) for x in dims if x in known) for dims in figure.by)
        if size > MOST_FIGURES:
            yield ("table",), Problem(said("questionnaire.many", size=size), said("figures.at_most", most=MOST_FIGURES),
                                      said("questionnaire.fewer"))  # fmt: skip

    def _figure_faults(
        self, figure: AskedFigure, known: Mapping[str, AskedDimension], place: tuple[str, ...]
    ) -> Placed:
        people = [x.name for x in self.persons]
        if figure.persons is not None and figure.persons not in people:
            yield (*place, "persons"), _unknown(said("questionnaire.unknown_persons"), figure.persons, people)
        for dim, level in figure.where.items():
            if dim not in known:
                yield (*place, "where", dim), _unknown(said("questionnaire.unknown_dimension"), dim, known)
            elif level not in (names := [x.name for x in known[dim].level]):
                yield (*place, "where", dim), _unknown(said("figures.unknown_level"), level, names)
        for dims in figure.by:
            for k, dim in enumerate(dims):
                if dim not in known:
                    yield (*place, "by"), _unknown(said("questionnaire.unknown_dimension"), dim, known)
                elif dim in figure.where or dim in dims[:k]:
                    yield (*place, "by"), Problem(said("figures.name_twice"), said("allowed.every_name_once"),
                                                  said("do.correct"), value=dim)  # fmt: skip


def places_of(figure: AskedFigure, known: Mapping[str, AskedDimension]) -> tuple[dict[str, str], ...]:
    """Return the levels of every figure that one entry asks for, by dimension, in order."""
    found = []
    for dims in figure.by:
        for chosen in product(*([x.name for x in known[dim].level] for dim in dims)):
            found.append({**figure.where, **dict(zip(dims, chosen, strict=True))})
    return tuple(found)


def text_of(asked: object, name: str, language: str) -> str:
    """Return a text of a questionnaire in a language; as the file has it where that language has none."""
    own = getattr(asked, "texts", {}).get(language)
    return str((getattr(own, name, None) if own is not None else None) or getattr(asked, name) or "")


def _once(key: str, names: Sequence[str], also: Mapping[str, object] | None = None) -> Placed:
    for i, name in enumerate(names):
        if name in names[:i] or name in (also or ()):
            yield (key, str(i), "name"), Problem(said("figures.name_twice"), said("allowed.every_name_once"),
                                                 said("do.rename_one"), value=name)  # fmt: skip


def _unknown(found: Said, value: str, known: Sequence[str] | Mapping[str, object]) -> Problem:
    return Problem(found, names_of(known, said("allowed.none")), said("figures.correct"), value=value)
