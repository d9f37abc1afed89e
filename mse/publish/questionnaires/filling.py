"""A questionnaire filled: every figure with its published cell, or why there is none and what would fill it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mse.answers.strata import ALL
from mse.errors import InputError, Problem, names_of
from mse.publish.questionnaires.publishedcells import (
    NO_POPULATION,
    RATES,
    REGISTERED,
    PublishedCell,
    PublishedFolder,
    PublishedTable,
)
from mse.publish.questionnaires.questionnairespec import (
    OF_PERSONS,
    TEXTS,
    AskedDimension,
    AskedFigure,
    AskedLevel,
    AskedPersons,
    AskedTable,
    QuestionnaireSpec,
    places_of,
    text_of,
)
from mse.publish.standing import OK, TOO_FEW, UNJUDGED, missing
from mse.words.said import Said, said

Called = Mapping[str, Sequence[str]]
"""What a dimension, a level ("sex.female") or persons are called besides, by their name in the questionnaire."""


class Gap(NamedTuple):
    """Why a figure is not there, and what would fill it; `rank` is how near it came."""

    rank: int
    code: str
    why: Said
    fill: Said


@dataclass(frozen=True, slots=True)
class FilledFigure:
    """A figure of a questionnaire.

    Parameters
    ----------
    table : AskedTable
        Where it stands.
    asked : AskedFigure
        What is asked.
    levels : mapping of str to str
        Of whom, by dimension.
    cell : PublishedCell or None
        The published number that it is.
    text : Said, str or None
        The published text that it is.
    source : str
        Folder, file and row; empty for a gap.
    gap : Gap or None
        Why it is not there.
    folder : int
        Which of the folders it is from; 0 is the release.
    """

    table: AskedTable
    asked: AskedFigure
    levels: Mapping[str, str]
    cell: PublishedCell | None = None
    text: Said | str | None = None
    source: str = ""
    gap: Gap | None = None
    folder: int = 0


def called_besides(spec: QuestionnaireSpec, called: Called) -> QuestionnaireSpec:
    """Return the questionnaire with more names that releases may use.

    Raises
    ------
    InputError
        With every name that the questionnaire does not have.
    """
    known = {x.name: x for x in spec.dimension}
    levels = {f"{x.name}.{y.name}" for x in spec.dimension for y in x.level}
    people = {x.name for x in spec.persons}
    unknown = [x for x in called if x not in known and x not in levels and x not in people]
    if unknown:
        allowed = names_of([*known, *people, *sorted(levels)])
        raise InputError([Problem(said("questionnaire.unknown_name"), allowed, said("figures.correct"), value=x)
                          for x in unknown])  # fmt: skip

    def more[X: (AskedDimension, AskedLevel, AskedPersons)](asked: X, name: str) -> X:
        return replace(asked, called=(*asked.called, *called.get(name, ())))

    dims = tuple(
        replace(more(x, x.name), level=tuple(more(y, f"{x.name}.{y.name}") for y in x.level)) for x in spec.dimension
    )
    return replace(spec, dimension=dims, persons=tuple(more(x, x.name) for x in spec.persons))


def fill(spec: QuestionnaireSpec, folders: Sequence[PublishedFolder], year: str | None) -> tuple[FilledFigure, ...]:
    """Return every figure of a questionnaire, in its order.

    Parameters
    ----------
    spec : QuestionnaireSpec
        What is asked.
    folders : sequence of PublishedFolder
        The release first; where several hold a figure, the first counts.
    year : str or None
        Of which year; None for the whole period of the release.
    """
    known = {x.name: x for x in spec.dimension}
    people = {x.name: x for x in spec.persons}
    tables = [(number, table) for number, folder in enumerate(folders) for table in folder.tables]
    texts = folders[0].texts
    found = []
    for table in spec.table:
        for asked in table.figure:
            for levels in places_of(asked, known):
                if asked.what in TEXTS:
                    found.append(_text(table, asked, texts))
                    continue
                who = people[asked.persons] if asked.what in OF_PERSONS and asked.persons is not None else None
                sought = [(number, x) for number, x in tables if x.what == asked.what and is_of(x, who)]
                got = [(number, _look(x, levels, known, year)) for number, x in sought]
                cells = [(number, x) for number, x in got if isinstance(x, PublishedCell)]
                if cells:
                    number, cell = cells[0]
                    found.append(FilledFigure(table, asked, levels, cell, source=cell.source, folder=number))
                    continue
                gaps = [x for _, x in got if isinstance(x, Gap)] or [_absent(asked, who)]
                found.append(FilledFigure(table, asked, levels, gap=min(gaps, key=lambda x: x.rank)))
    return tuple(found)


def _text(table: AskedTable, asked: AskedFigure, texts: Mapping[str, tuple[Said | str, str]]) -> FilledFigure:
    if asked.what not in texts:
        return FilledFigure(table, asked, {}, gap=Gap(9, "text", said("gap.text"), said("gapfill.text")))
    text, source = texts[asked.what]
    return FilledFigure(table, asked, {}, text=text, source=source)


def is_of(table: PublishedTable, who: AskedPersons | None) -> bool:
    """Return whether a table counts the persons who are asked for."""
    if who is None:
        return True
    if table.persons == REGISTERED:
        return who.registered
    return table.persons.casefold() in {x.casefold() for x in (who.name, *who.called)}


def _absent(asked: AskedFigure, who: AskedPersons | None) -> Gap:
    """Return why nothing of a kind is there at all."""
    if asked.what == "reached":
        return Gap(9, "chain", said("gap.chain"), said("gapfill.chain"))
    if who is not None:
        return Gap(9, "persons", said("gap.persons"), said("gapfill.persons"))
    if asked.what in RATES:
        return Gap(9, "population", said("gap.population"), said("gapfill.population"))
    return Gap(9, "estimate", said("gap.estimate", what=asked.what), said("gapfill.estimate"))


def _look(
    table: PublishedTable, levels: Mapping[str, str], known: Mapping[str, AskedDimension], year: str | None
) -> PublishedCell | Gap:
    """Return the cell of a table, or why it has none."""
    where = set()
    for dim, level in levels.items():
        asked = known[dim]
        own = own_names(asked, table.dims)
        if not own:
            return Gap(8, "dimension", said("gap.dimension", name=dim), said("gapfill.dimension", name=dim))
        wanted = next(x for x in asked.level if x.name == level)
        there = own_names(wanted, table.dims[own[0]])
        if not there:
            return Gap(7, "level", said("gap.level", name=dim, levels=table.dims[own[0]]),
                       said("gapfill.level", name=dim))  # fmt: skip
        if len(there) > 1:
            return Gap(6, "several", said("gap.several", name=level, levels=tuple(there)), said("gapfill.several"))
        where.add((own[0], there[0]))
    when = ALL
    if year is not None and table.periods:
        if year not in table.periods:
            return _no_period(table, year, tuple(table.periods))
        when = year
    elif year is not None and table.whole not in ("", year):
        return _no_period(table, year, (table.whole,))
    elif year is None and table.periods and (frozenset(where), ALL) not in table.cells:
        if len(table.periods) > 1:
            return Gap(5, "period", said("gap.whole", periods=table.periods), said("gapfill.year"))
        when = table.periods[0]
    cell = table.cells.get((frozenset(where), when))
    if (cell is None and table.what in RATES) or (cell is not None and cell.status == NO_POPULATION):
        return Gap(4, "population", said("gap.population"), said("gapfill.population"))
    if cell is None:
        return Gap(4, "crossing", said("gap.crossing", names=tuple(levels)), said("gapfill.crossing"))
    if cell.status == OK and cell.value is not None:
        return cell
    if cell.status == TOO_FEW:
        return Gap(2, "few", said("gap.few"), said("gapfill.few"))
    if missing(cell.status) == "not_cited" or cell.status == UNJUDGED:
        return Gap(1, "withheld", said("gap.withheld"), said("gapfill.withheld"))
    return Gap(0, "suppressed", said("gap.suppressed"), said("gapfill.suppressed"))


def _no_period(table: PublishedTable, year: str, periods: tuple[str, ...]) -> Gap:
    fill = said("gapfill.cohort", year=year) if table.what == "reached" else said("gapfill.period", year=year)
    return Gap(5, "period", said("gap.period", year=year, periods=periods), fill)


def own_names(asked: AskedDimension | AskedLevel, names: Iterable[str]) -> list[str]:
    """Return what a release calls a dimension or a level: its own name first, then the others it may have."""
    order = [x.casefold() for x in (asked.name, *asked.called)]
    found = [x for x in names if x.casefold() in order]
    if isinstance(asked, AskedDimension):
        return sorted(found, key=lambda x: order.index(x.casefold()))
    return found


def gaps_of(figures: Iterable[FilledFigure]) -> Iterator[tuple[Gap, tuple[FilledFigure, ...]]]:
    """Yield every reason why figures are not there, with these figures, in the order of the questionnaire."""
    together: dict[tuple[Said, Said], list[FilledFigure]] = {}
    for figure in figures:
        if figure.gap is not None:
            together.setdefault((figure.gap.why, figure.gap.fill), []).append(figure)
    for found in together.values():
        assert found[0].gap is not None
        yield found[0].gap, tuple(found)


def name_of(figure: FilledFigure, spec: QuestionnaireSpec, language: str) -> str:
    """Return what a figure is called: its number, its label and its levels."""
    known = {x.name: x for x in spec.dimension}
    levels = [
        text_of(next(y for y in known[dim].level if y.name == level), "label", language)
        for dim, level in figure.levels.items()
    ]
    return ", ".join([f"{figure.asked.name} {text_of(figure.asked, 'label', language)}", *levels])
