"""Two vintages in words: two sentences, the revision tables, a page in every language, and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mse.answers.strata import ALL
from mse.publish.openfolders import write_open
from mse.publish.report.html import page_template
from mse.publish.report.page import Column, Sheet, row, sheet
from mse.publish.revisions import CAUSES, CORRECTED, LATE, LINKED, Revision, Side, YearRevision
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.words.catalogues import languages_there_are
from mse.words.said import Said, said

PAGE, JSON = "revision", "revision.json"
FORMAT = "mse-revision/1"


def sentences(found: Revision, language: str = "en") -> tuple[str, str]:
    """Return two sentences on the last year that both have: registered, and estimated.

    Raises
    ------
    InputError
        When there are no messages in that language.
    """
    say = read_catalogue(language)
    both = [x for x in found.years if x.registered_then is not None and x.registered_now is not None]
    shown = [x for x in found.years if x.estimated_then.point is not None and x.estimated_now.point is not None]
    return (
        _registered(_last(both), say) if both else say.said(said("revision.no_registered")),
        _estimated(_last(shown), say) if shown else say.said(said("revision.no_estimated")),
    )


def revision_record(found: Revision) -> dict[str, Any]:
    """Return what `revision.json` holds."""
    sides = [{"title": x.title, "number": x.number, "date": x.date} for x in (found.then, found.now)]
    return {
        "format": FORMAT, "then": sides[0], "now": sides[1], "years": [asdict(x) for x in found.years],
        "notes": [x.as_record() for x in found.notes],
        "sentences": {language: list(sentences(found, language)) for language in languages_there_are()},
    }  # fmt: skip


def _last(years: Sequence[YearRevision]) -> YearRevision:
    return next((x for x in reversed(years) if x.year.isdigit()), years[-1])


def _registered(x: YearRevision, say: Catalogue) -> str:
    then, now = x.registered_then or 0, x.registered_now or 0
    about = {"year": x.year, "then": then, "now": now}
    if then == now:
        return say.said(said("revision.registered_same", **about))
    parts = tuple(_part(name, _signed(n, say)) for name, n in x.registered_by.items() if n)
    if not parts:
        return say.said(said("revision.registered", **about, change=_signed(now - then, say)))
    return say.said(said("revision.registered_by", **about, change=_signed(now - then, say), parts=parts))


def _estimated(x: YearRevision, say: Catalogue) -> str:
    old, new = x.estimated_then, x.estimated_now
    then, now = old.point or 0.0, new.point or 0.0
    ends = [say.range(y.low or 0.0, y.high if y.high is not None else math.inf) for y in (old, new)]
    about = {"year": x.year, "then": then, "now": now, "range_then": ends[0], "range_now": ends[1]}
    parts = tuple(_cause(name, _signed(n, say)) for name, n in x.estimated_by.items() if n)
    if not parts:
        return say.said(said("revision.estimated", **about))
    return say.said(said("revision.estimated_by", **about, parts=parts))


def _part(name: str, change: str) -> Said:
    """Return what so many persons did."""
    match name:
        case "late":
            return said("revision.by_late", change=change)
        case "linkage":
            return said("revision.by_linkage", change=change)
        case _:
            return said("revision.by_corrections", change=change)


def _cause(name: str, change: str) -> Said:
    """Return what moved the estimate by so much."""
    match name:
        case "data":
            return said("revision.of_data", change=change)
        case "linkage":
            return said("revision.of_linkage", change=change)
        case "model":
            return said("revision.of_model", change=change)
        case _:
            return said("revision.of_prior", change=change)


_HEADS = {
    "year": said("revision.year"), "then": said("revision.then"), "now": said("revision.now"),
    LATE: said("revision.late"), CORRECTED: said("revision.corrections"),
    "data": said("revision.cause_data"), "linkage": said("revision.cause_linkage"),
    "model": said("revision.cause_model"), "prior": said("revision.cause_prior"),
}  # fmt: skip
"""Heads of the columns; what linkage did to persons stands under another than what it did to the estimate."""


def _signed(value: float, say: Catalogue) -> str:
    return ("+" if value > 0 else "−" if value < 0 else "") + say.number(abs(value))


def _sheets(found: Revision, say: Catalogue) -> tuple[Sheet, Sheet]:
    """Return the revision tables: persons registered, and the estimate."""
    none = "–"
    seen, sized = [], []
    for x in found.years:
        year = say.said(said("revision.all_years")) if x.year == ALL else x.year
        counts = [none if n is None else say.number(n) for n in (x.registered_then, x.registered_now)]
        parts = [_signed(x.registered_by[k], say) or "0" if k in x.registered_by else none
                 for k in (LATE, CORRECTED, LINKED)]  # fmt: skip
        seen.append(row(year, *counts, *parts))
        sizes = [none if n.point is None else f"{say.number(n.point)} ({say.range(n.low or 0.0, n.high or math.inf)})"
                 for n in (x.estimated_then, x.estimated_now)]  # fmt: skip
        made = [_signed(x.estimated_by[k], say) if k in x.estimated_by else none for k in CAUSES]
        sized.append(row(year, *sizes, *made))
    head = {name: ("" if name == "year" else "#") + say.said(what) for name, what in _HEADS.items()}
    both: list[str | Column] = [head["year"], head["then"], head["now"]]
    first: list[str | Column] = [*both, head[LATE], head[CORRECTED], "#" + say.said(said("revision.linked"))]
    return (
        sheet(say.said(said("revision.table_registered")), first, seen),
        sheet(say.said(said("revision.table_estimated")), [*both, *(head[k] for k in CAUSES)], sized),
    )


def revision_page(found: Revision, language: str) -> str:
    """Return the page of a language: one HTML file that loads nothing."""
    say = read_catalogue(language)
    title = say.said(said("revision.title", then=_called(found.then, say), now=_called(found.now, say)))
    return page_template("revision.html").render(
        language=language, title=title, sentences=sentences(found, language), sheets=_sheets(found, say),
        notes=[say.said(x) for x in found.notes],
        labels={"sentences": say.said(said("revision.short")), "numbers": say.said(said("revision.numbers")),
                "notes": say.said(said("revision.notes"))},
    )  # fmt: skip


def _called(side: Side, say: Catalogue) -> str:
    day = say.date(side.date) if side.date else ""
    if not day:
        return say.said(said("revision.called_plain", number=side.number))
    return say.said(said("revision.called", number=side.number, day=day))


def revision_text(found: Revision, language: str) -> str:
    """Return the two sentences and the revision tables for a terminal."""
    say = read_catalogue(language)
    lines = [say.said(said("revision.title", then=_called(found.then, say), now=_called(found.now, say)))]
    lines += sentences(found, language)
    for table in _sheets(found, say):
        lines += ["", *lines_of(table)]
    return "\n".join([*lines, "", *(say.said(x) for x in found.notes)])


def lines_of(table: Sheet) -> list[str]:
    """Return a table as lines of text: its caption, its heads, its rows."""
    cells = [[x.title for x in table.columns], *([str(c.words) for c in x.cells] for x in table.rows)]
    wide = [max(len(line[i]) for line in cells) for i in range(len(table.columns))]
    return [table.caption, *(
        "  ".join(x.rjust(w) if i else x.ljust(w) for i, (x, w) in enumerate(zip(line, wide, strict=True))).rstrip()
        for line in cells
    )]  # fmt: skip


def write_revision(folder: str | Path, found: Revision, *, overwrite: bool = False, language: str = "en") -> Path:
    """Write a revision as a page in every language and as JSON, in one step.

    Parameters
    ----------
    folder : str or Path
        Where to.
    found : Revision
        What `mse.revision` gave.
    overwrite : bool
        Replace a folder of a revision that exists.
    language : str
        Of ``revision.html``; pages in others have their language in their name.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    out = Path(folder)
    files = {JSON: json.dumps(revision_record(found), ensure_ascii=False, indent=2, allow_nan=False) + "\n"}
    for name in languages_there_are():
        files[f"{PAGE}.html" if name == language else f"{PAGE}.{name}.html"] = revision_page(found, name)
    write_open(out, files, JSON, overwrite=overwrite)
    return out
