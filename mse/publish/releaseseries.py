"""A series of releases: what each of them stated of every year, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mse.errors import InputError, Problem
from mse.publish.oldrelease import read_old_release
from mse.publish.openfolders import write_open
from mse.publish.release.vintagerows import COLUMNS
from mse.publish.report.html import page_template
from mse.publish.report.page import Column, Row, Sheet, row, sheet
from mse.publish.revisionfiles import lines_of
from mse.publish.revisions import Number, as_number, is_release
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.words.catalogues import languages_there_are
from mse.words.said import said

PAGE, JSON = "series", "series.json"
FORMAT = "mse-series/1"


@dataclass(frozen=True, slots=True)
class Stated:
    """What one release stated: its number and day, numbers by indicator and year, and the years that were held."""

    number: int
    date: str
    numbers: Mapping[tuple[str, str], Number]
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class Series:
    """Releases in the order of their numbers, and the title of the last."""

    title: str
    releases: tuple[Stated, ...]

    @property
    def years(self) -> tuple[str, ...]:
        """Years of which any of them states anything, in order."""
        found = {year for x in self.releases for _, year in x.numbers}
        return tuple(sorted(found, key=lambda x: (not x.isdigit(), x)))


def read_series(folders: Sequence[str | Path]) -> Series:
    """Read a series from some of its releases; each holds what those before it stated.

    Parameters
    ----------
    folders : sequence of str or Path
        Releases, in any order.

    Raises
    ------
    InputError
        With every folder that is no release, or from before releases held a table of vintages.
    """
    paths = [Path(x) for x in folders]
    problems = [
        Problem(said("series.no_release"), said("series.release"), said("series.remedy"), file=str(x))
        for x in paths if not is_release(x)
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    found = sorted(((read_old_release(x), x) for x in paths), key=lambda one: one[0].number)
    problems = [
        Problem(said("series.no_vintages"), said("series.release"), said("series.again"), file=str(path))
        for x, path in found if not x.series
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    rows: dict[int, dict[tuple[str, str], tuple[str, ...]]] = {}
    for release, _ in found:
        for one in release.series:
            rows.setdefault(int(one[_AT["RELEASE"]]), {})[one[0], one[1]] = one
    made = []
    for number, stated in sorted(rows.items()):
        numbers = {at: Number(*(as_number(x) for x in one[2:5])) for at, one in stated.items()}
        held = frozenset(year for (_, year), x in stated.items() if x[_AT["ROUNDED"]] == "1")
        made.append(Stated(number, next(iter(stated.values()))[_AT["RELEASE_DATE"]], numbers, held))
    return Series(found[-1][0].title, tuple(made))


_AT = {name: i for i, name in enumerate(COLUMNS)}


def series_record(found: Series) -> dict[str, Any]:
    """Return what `series.json` holds."""
    return {
        "format": FORMAT, "title": found.title,
        "releases": [
            {"number": x.number, "date": x.date,
             "years": [{"year": year, "registered": _point(x, "registered", year), "held": year in x.held,
                        "estimated": _point(x, "estimated", year),
                        "low": x.numbers.get(("estimated", year), Number()).low,
                        "high": x.numbers.get(("estimated", year), Number()).high} for year in found.years]}
            for x in found.releases
        ],
        "sentences": {language: series_sentence(found, read_catalogue(language)) for language in languages_there_are()},
    }  # fmt: skip


def _point(x: Stated, what: str, year: str) -> float | None:
    return x.numbers.get((what, year), Number()).point


def series_sentence(found: Series, say: Catalogue) -> str:
    """Return in a sentence what the last release states of the last year that the first one states, too; or nothing."""
    first, last = found.releases[0], found.releases[-1]
    for year in reversed([x for x in found.years if x.isdigit()] or found.years):
        then, now = _point(first, "registered", year), _point(last, "registered", year)
        if then is not None and now is not None:
            about = {"number": last.number, "year": year, "registered": now, "first": then}
            return say.said(said("revision.series_sentence", **about))
    return ""


def series_sheets(found: Series, say: Catalogue) -> tuple[Sheet, Sheet]:
    """Return the tables: years down, releases across."""
    heads: list[str | Column] = [say.said(said("revision.year"))]
    for x in found.releases:
        day = say.date(x.date) if x.date else ""
        dated, plain = said("revision.called", number=x.number, day=day), said("revision.called_plain", number=x.number)
        heads.append("#" + say.said(dated if day else plain))
    tables: list[list[Row]] = [[], []]
    none = say.said(said("revision.series_none"))
    for year in found.years:
        named = year if year != "all" else say.said(said("revision.all_years"))
        counts, sizes = [], []
        for x in found.releases:
            count, size = _point(x, "registered", year), x.numbers.get(("estimated", year), Number())
            counts.append(none if count is None else ("~" if year in x.held else "") + say.number(count))
            ends = "" if size.low is None or size.high is None else f" ({say.range(size.low, size.high)})"
            sizes.append(none if size.point is None else say.number(size.point) + ends)
        tables[0].append(row(named, *counts))
        tables[1].append(row(named, *sizes))
    return (
        sheet(say.said(said("revision.series_registered")), heads, tables[0]),
        sheet(say.said(said("revision.series_estimated")), heads, tables[1]),
    )


def series_text(found: Series, language: str = "en") -> str:
    """Return the series for a terminal."""
    say = read_catalogue(language)
    lines = [say.said(said("revision.series_title", title=found.title)), series_sentence(found, say)]
    for table in series_sheets(found, say):
        lines += ["", *lines_of(table)]
    return "\n".join([*lines, "", say.said(said("revision.series_held"))])


def write_series(folder: str | Path, found: Series, *, overwrite: bool = False, language: str = "en") -> Path:
    """Write a series as a page in every language and as JSON, in one step.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    out = Path(folder)
    files = {JSON: json.dumps(series_record(found), ensure_ascii=False, indent=2, allow_nan=False) + "\n"}
    for name in languages_there_are():
        say = read_catalogue(name)
        text = page_template("revision.html").render(
            language=name, title=say.said(said("revision.series_title", title=found.title)),
            sentences=[x for x in (series_sentence(found, say),) if x], sheets=series_sheets(found, say),
            notes=[say.said(said("revision.series_held"))],
            labels={"sentences": say.said(said("revision.short")), "numbers": say.said(said("revision.numbers")),
                    "notes": say.said(said("revision.notes"))},
        )  # fmt: skip
        files[f"{PAGE}.html" if name == language else f"{PAGE}.{name}.html"] = text
    write_open(out, files, JSON, overwrite=overwrite)
    return out
