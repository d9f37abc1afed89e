"""The record of a run as JSON (``provenance.json``): the one place where it is written, and where it is read.

Format 2 says so under ``format``, and gives a history as ``{"on": [names], "count": n}``. A record without a number is
of the form before it, which named a history by its lists with ``+`` between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import combinations
from typing import Any

from mse.answers.earlierreleases import EarlierRelease, OldCell, OldTable, Vintage
from mse.answers.record import (
    BreakMark,
    InputFile,
    JobSettings,
    Overlap,
    Record,
    ReportSettings,
    ReportTexts,
    Source,
    TableRecord,
    TableWords,
)
from mse.answers.recordchecks import Damaged
from mse.answers.recordsections import Section, given_settings, period_of
from mse.computing.sealing import KEYED
from mse.tables.checks import MAX_LISTS
from mse.words.said import Said, from_record, said

FORMAT = 2
"""Number of the form that is written."""

NEEDED = ("title", "prob", "seed", "versions")
"""What no record is without."""


def record_json(record: Record) -> dict[str, Any]:
    """Return a record as plain values for JSON."""
    found = {
        "format": FORMAT,
        "title": record.title,
        "table": _table_json(record.table),
        "overlap": {
            "lists": list(record.overlap.lists),
            "histories": [
                {"on": list(record.overlap.members(history)), "count": count}
                for history, count in zip(record.overlap.histories, record.overlap.counts, strict=True)
            ],
        },
        "job": record.job.settings,
        "report": _report_json(record.report),
        "seed": record.seed,
        "prob": record.prob,
        "estimator": record.estimator,
        "diagnostics": record.diagnostics,
        "versions": record.versions,
        "against": [_earlier_json(entry) for entry in record.against],
        "vintage": None if record.vintage is None else _filled(asdict(record.vintage)),
        "files": record.files,
        "secret": record.secret,
        "secrets": {} if record.rounding is None else {"rounding": record.rounding},
    }
    return {name: value for name, value in found.items() if name in NEEDED or value not in (None, {}, [])}


def read_record_json(entries: Mapping[str, Any], name: str = "provenance.json") -> Record:
    """Return a record from the object that a file holds, of this form or of the one before.

    Parameters
    ----------
    entries : mapping
        Of the file.
    name : str
        The file, for what is said of its damage.

    Raises
    ------
    Damaged
        With the first entry that is missing or of another kind.
    """
    whole = Section(entries, name)
    form = whole.whole("format")
    if form is not None and not 2 <= form <= FORMAT:
        raise Damaged(said("damage.format", place=name, form=str(form)))
    for key in NEEDED:
        if key not in entries:
            raise Damaged(said("damage.lacks", place=name, key=repr(key)))
    prob, seed = whole.number("prob"), whole.whole("seed")
    if prob is None or not 0 < prob < 1:
        raise Damaged(said("damage.prob", place=name))
    if seed is None or seed < 0:
        raise Damaged(said("damage.seed", place=name))
    if not isinstance(entries["title"], str):
        raise Damaged(said("damage.text", place=name, key=repr("title")))
    overlap = whole.section("overlap")
    return Record(
        title=entries["title"],
        prob=prob,
        seed=seed,
        versions=whole.texts_by_name("versions"),
        table=table_record(whole.section("table")),
        overlap=_old_overlap(overlap) if form is None else _overlap(overlap),
        report=report_settings(whole.section("report").entries),
        job=job_settings(whole.section("job").entries),
        estimator=dict(whole.section("estimator").entries),
        diagnostics=dict(whole.section("diagnostics").entries),
        against=tuple(_earlier(entry) for entry in whole.sections("against")),
        vintage=_vintage(whole.section("vintage")) if "vintage" in entries else None,
        files=whole.texts_by_name("files"),
        secret=whole.text("secret"),
        rounding=whole.section("secrets").text("rounding"),
    )


# ---- table ------------------------------------------------------------------------------------------


def table_record(about: Section) -> TableRecord:
    """Return what a record says of its table; a data package says the same under the same names."""
    file = about.section("file")
    registers = about.texts_by_name("registers") if "registers" in about.entries else None
    words = {language: _table_words(part) for language, part in about.languages()}
    return TableRecord(
        **{x: about.text(x) for x in ("name", "digest", "title", "population", "territory", "publisher", "unit")},
        observed=about.whole("observed"),
        public=about.flag("public"),
        period=period_of(about, "period"),
        titles={x.needed("name"): x.text("title") or x.needed("name") for x in about.sections("lists")},
        sources=tuple(_source(x, about) for x in about.items("sources")),
        notes=tuple(_said(x, about) for x in about.items("notes")),
        counted=tuple(_said(x, about) for x in about.items("counted")) if "counted" in about.entries else None,
        file=InputFile(file.text("name"), file.text("sha256") or file.text("digest")) if file.entries else None,
        registers=registers,
        simulated=about.flag("simulated") if "simulated" in about.entries else None,
        summed_over=about.texts("summed_over"),
        columns_not_read=about.texts("columns_not_read"),
        read_as=_said(about.entries["read_as"], about) if "read_as" in about.entries else None,
        words=words,
    )


def _table_words(part: Section) -> TableWords:
    return TableWords(
        **{x: part.text(x) for x in ("title", "population", "territory")},
        lists=part.texts_by_name("lists"),
        notes=part.texts("notes"),
    )


def _source(entry: object, about: Section) -> Source:
    if isinstance(entry, str):
        return Source(entry)
    part = Section(entry, f"{about.place}.sources")
    return Source(part.needed("title"), part.text("path"))


def _said(entry: object, about: Section) -> Said:
    try:
        return from_record(entry)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Damaged(said("damage.note", place=about.place)) from None


def _table_json(table: TableRecord) -> dict[str, Any]:
    plain = ("name", "digest", "title", "observed", "population", "territory", "publisher", "unit", "simulated")
    found: dict[str, Any] = {name: getattr(table, name) for name in plain}
    found |= {
        "period": _period_json(table.period),
        "lists": [{"name": name, "title": title} for name, title in table.titles.items()],
        "sources": [_filled({"title": x.title, "path": x.address}) for x in table.sources],
        "notes": [note.as_record() for note in table.notes],
        "columns_not_read": list(table.columns_not_read),
        "summed_over": list(table.summed_over),
    }
    if table.read_as is not None:
        found["read_as"] = table.read_as.as_record()
    if table.file is not None:
        digest = table.file.digest
        called = "digest" if digest is not None and digest.startswith(KEYED) else "sha256"
        found["file"] = _filled({"name": table.file.name, called: digest})
    found |= {language: _filled(asdict(words)) for language, words in table.words.items()}
    kept = _filled(found) | {"public": table.public}
    kept |= {} if table.registers is None else {"registers": dict(table.registers)}
    return kept | ({} if table.counted is None else {"counted": [note.as_record() for note in table.counted]})


def _period_json(period: tuple[str, ...]) -> Any:
    return {"start": period[0], "end": period[-1]} if len(period) > 1 else "".join(period)


def _filled(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that hold anything."""
    return {name: value for name, value in entries.items() if value not in (None, "", {}, [], ())}


# ---- overlap ----------------------------------------------------------------------------------------


def _overlap(section: Section) -> Overlap:
    lists = _lists(section)
    found: dict[int, int] = {}
    for row in section.sections("histories"):
        names = row.texts("on")
        if not names or len(set(names)) < len(names) or not set(names) <= set(lists):
            raise Damaged(said("damage.history", place=section.place))
        history = sum(1 << lists.index(name) for name in names)
        found[history] = found.get(history, 0) + _count(row.entries.get("count"), section)
    return _sorted(lists, found)


def _old_overlap(section: Section) -> Overlap:
    """Return an overlap that names its histories ``"A+B"``; names of lists may have a ``+`` of their own."""
    lists, counts = _lists(section), section.section("counts").entries
    known: dict[str, int] = {}
    if counts:
        most = 1 + max(str(key).count("+") for key in counts)
        for size in range(1, min(most, len(lists)) + 1):
            for chosen in combinations(range(len(lists)), size):
                known.setdefault("+".join(lists[j] for j in chosen), sum(1 << j for j in chosen))
    found = {}
    for key, count in counts.items():
        names = [part.strip() for part in str(key).split("+")]
        if str(key) in known:
            history = known[str(key)]
        elif set(names) <= set(lists):  # in another order than that of the lists
            history = sum(1 << lists.index(name) for name in set(names))
        else:
            raise Damaged(said("damage.history", place=f"{section.place}.counts"))
        found[history] = _count(count, section)
    return _sorted(lists, found)


def _lists(section: Section) -> tuple[str, ...]:
    lists = section.texts("lists")
    if len(set(lists)) < len(lists) or len(lists) > MAX_LISTS:
        raise Damaged(said("damage.lists", place=f"{section.place}.lists", most=MAX_LISTS))
    return lists


def _count(value: object, section: Section) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53 or value != int(value):
        raise Damaged(said("damage.only_counts", place=section.place))
    return int(value)


def _sorted(lists: tuple[str, ...], found: Mapping[int, int]) -> Overlap:
    order = sorted(history for history, count in found.items() if count)
    return Overlap(lists, tuple(order), tuple(found[history] for history in order))


# ---- settings ---------------------------------------------------------------------------------------


def report_settings(settings: Mapping[str, Any]) -> ReportSettings:
    """Return what a job asks of its report, from its section ``[report]``."""
    report = Section(settings, "report")
    return ReportSettings(
        texts=_texts(report, names_only=True),
        languages=report.texts("languages") or report.texts("language"),
        pdf=report.flag("pdf"),
        period=period_of(report, "period"),
        date=report.text("date"),
        time=report.text("time"),
        extracted=report.text("extracted"),
        breaks=tuple(BreakMark(x.text("at") or "", x.text("text") or "") for x in report.sections("breaks")),
        words={language: _texts(part) for language, part in report.languages()},
    )


def _texts(part: Section, *, names_only: bool = False) -> ReportTexts:
    plain = {f.name: part.text(f.name) for f in fields(ReportTexts) if f.name not in ("names", "breaks")}
    breaks = () if names_only else part.texts("breaks")
    return ReportTexts(**plain, names=part.texts_by_name("names"), breaks=breaks)


def _report_json(report: ReportSettings) -> dict[str, Any]:
    found: dict[str, Any] = _filled(asdict(report.texts))
    found |= {
        "languages": list(report.languages), "pdf": report.pdf or None, "period": _period_json(report.period),
        "date": report.date, "time": report.time, "extracted": report.extracted,
        "breaks": [asdict(x) for x in report.breaks],
    }  # fmt: skip
    return _filled(found | {language: _filled(asdict(words)) for language, words in report.words.items()})


def job_settings(settings: Mapping[str, Any]) -> JobSettings:
    """Return the settings of a job as its record keeps them, from the job as plain values."""
    return given_settings(Section(settings, "job"))


# ---- earlier releases -------------------------------------------------------------------------------


def _earlier(entry: Section) -> EarlierRelease:
    tables = entry.section("tables")
    chain = {step: None if n is None else _count(n, tables) for step, n in tables.section("chain").entries.items()}
    return EarlierRelease(
        entry.needed("release"), entry.needed("title"), entry.needed("digest"), entry.texts("years"),
        _old_table(tables, "counts"), _old_table(tables, "lists"), chain, entry.whole("number") or 1,
        entry.text("date"), tuple(tuple(map(str, row)) for row in entry.items("series")), entry.text("after"),
    )  # fmt: skip


def _vintage(part: Section) -> Vintage:
    return Vintage(part.whole("number") or 1, part.text("date"), part.text("after"))


def _old_table(tables: Section, name: str) -> OldTable | None:
    if tables.entries.get(name) is None:
        return None
    part = tables.section(name)
    try:
        dims = tuple((str(dim), tuple(map(str, levels))) for dim, levels in part.items("dimensions"))
        cells = tuple(_old_cells(part.items("cells"), len(dims)))
    except (TypeError, ValueError, IndexError):
        raise Damaged(said("damage.table", place=part.place)) from None
    return OldTable(dims, cells, part.text("time"), part.texts("years"))


def _old_cells(cells: Sequence[Any], dims: int) -> Iterator[OldCell]:
    for *place, low, high, rounded in cells:
        if len(place) != dims or not all(x is None or isinstance(x, str) for x in place):
            raise ValueError("a cell of other dimensions")
        yield OldCell(tuple(place), float(low), math.inf if high is None else float(high),
                      None if rounded is None else int(rounded))  # fmt: skip


def _earlier_json(entry: EarlierRelease) -> dict[str, Any]:
    tables: dict[str, Any] = {
        name: None if table is None else _old_table_json(table)
        for name, table in (("counts", entry.counts), ("lists", entry.lists))
    }
    tables["chain"] = dict(entry.chain)
    return {"release": entry.release, "title": entry.title, "digest": entry.digest, "years": list(entry.years),
            "tables": _filled(tables), "number": entry.number,
            **_filled({"date": entry.date, "series": [list(row) for row in entry.series],
                       "after": entry.after})}  # fmt: skip


def _old_table_json(table: OldTable) -> dict[str, Any]:
    cells = [[*c.place, c.low, None if math.isinf(c.high) else c.high, c.rounded] for c in table.cells]
    return {"dimensions": [[name, list(levels)] for name, levels in table.dimensions], "cells": cells,
            "time": table.time, "years": list(table.years)}  # fmt: skip
