"""The release bundle: what anybody may have of a result.

A release is a folder with one CSV file per published table, ``datapackage.json`` (Frictionless) and ``figures.json``
with every published figure. It holds rounded and controlled numbers only: unrounded ones, draws and raw overlap counts
stay in the results folder, the audit record, from which `mse.publish.release.verification` derives every figure again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date as calendar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.earlierreleases import EarlierRelease, Vintage
from mse.answers.record import Record
from mse.answers.recordchecks import RESULTS, damage
from mse.answers.results import POSTERIOR, PUBLIC, Results, plain, read_results, write_record
from mse.computing.csvtext import csv_text
from mse.computing.filemodes import make_open
from mse.computing.provenance import file_digest, versions
from mse.computing.savefiles import replace_folder, work_folder
from mse.errors import InputError, Problem
from mse.publish.facts.statements import languages, read_facts
from mse.publish.oldrelease import read_old_release, read_series
from mse.publish.publishedparts import published_verdict
from mse.publish.registered import disclosure_rule, is_public, list_counts, registered, verdict_limits
from mse.publish.release.outgoing import published_tables
from mse.publish.release.publishedfigures import published_figures
from mse.publish.release.vintagerows import with_vintages
from mse.publish.standing import told
from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.sentences import headline as headline_of
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

FIGURES, PACKAGE = "figures.json", "datapackage.json"
FORMAT = "mse-release/1"
_GUESSABLE = "withheld: what is not public could be guessed back from a digest of it"


def write_release(
    folder: str | Path, out: str | Path | None = None, *, overwrite: bool = False,
    against: Sequence[str | Path] = (), after: str | Path | None = None, number: int | None = None,
    date: str | None = None,
) -> Path:  # fmt: skip
    """Write the release of a results folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        A results folder, the audit record.
    out : str or Path, optional
        Where to; beside the results folder, with ``-release`` after its name, when not given.
    overwrite : bool
        Replace a release that exists.
    against : sequence of Path
        Earlier releases on the same persons, or some of them: of last year, with or without a stratum. What is
        published now is protected together with them. They become a part of the audit record, whose pages are rendered
        again: what those show must not undo it.
    after : Path, optional
        The release that this one follows in a series: its numbers and these may be subtracted, and are protected so,
        together with those that it followed itself, which stand beside it (`mse.publish.disclosure.vintages`).
    number : int, optional
        Of the release in its series; one more than that of its predecessor, else 1.
    date : str, optional
        Day of the release (2026-11-28); that of the report when not given.

    Returns
    -------
    Path
        The folder of the release.

    Raises
    ------
    InputError
        When the results or an earlier release cannot be read, or `out` exists and is no release or may not be
        replaced.
    ModelError
        When a count cannot be kept in doubt beside what was published before.
    """
    results = read_results(folder)
    folder = Path(folder)
    first = results.record
    if against:
        results = _with_earlier(results, [read_old_release(Path(old)) for old in against])
    if after is not None or number is not None or date is not None:
        results = _numbered(results, None if after is None else Path(after), number, date)
    place = folder.absolute()
    out = place.with_name(f"{place.name}-release") if out is None else Path(out)
    _check_free(out, overwrite)
    with damage(RESULTS, folder):
        tables = with_vintages(results, published_tables(results))
        record = release_record(results, tables, place)
    if results.record is not first:
        _keep_earlier(folder, results)
    with work_folder(out) as work:
        fresh = work / out.name
        fresh.mkdir()
        for table, frame in tables.items():
            (fresh / f"{table}.csv").write_text(release_csv(frame), encoding="utf-8")
        (fresh / FIGURES).write_text(release_json(record), encoding="utf-8")
        (fresh / PACKAGE).write_text(release_json(_package(results, tables, fresh, record)), encoding="utf-8")
        make_open(fresh)
        replace_folder(fresh, out, work)
    return out


def _with_earlier(results: Results, earlier: Sequence[EarlierRelease]) -> Results:
    """Return the results with earlier releases in their record, after those that are there, each once."""
    entries = {x.digest: x for x in [*results.record.against, *earlier]}
    return replace(results, record=replace(results.record, against=tuple(entries.values())))


def _numbered(results: Results, after: Path | None, number: int | None, date: str | None) -> Results:
    """Return the results as a release of a series, with the one that it follows in their record.

    Raises
    ------
    InputError
        When the number is not above that of the predecessor, or the day is none.
    """
    series = () if after is None else read_series(after)
    before = series[-1] if series else None
    kept = results.record.vintage
    last = 0 if before is None else before.number
    number = last + 1 if number is None else number
    problems = []
    if number <= last:
        problems.append(Problem(said("release.number"), said("release.number_above", number=last),
                                said("release.number_remedy"), file=str(after), value=str(number)))  # fmt: skip
    day = date or (kept.date if kept is not None else None) or results.record.report.date
    if date is not None and not _is_day(date):
        problems.append(Problem(said("release.day"), said("release.day_form"), said("release.day_remedy"), value=date))
    if problems:
        raise InputError(problems)
    found = _with_earlier(results, series) if series else results
    vintage = Vintage(number, day, None if before is None else before.digest)
    return replace(found, record=replace(found.record, vintage=vintage))


def _is_day(text: str) -> bool:
    try:
        calendar.fromisoformat(text)
    except ValueError:
        return False
    return True


def _deviations(results: Results) -> tuple[int, int]:
    """Return the most that a rounded count of a release may be off: of the strata, and of the lists."""
    if is_public(results):
        return 0, 0
    counts, lists = registered(results).table, list_counts(results)
    return counts.deviation, lists.deviation if lists else 0


def _release_of(record: Record) -> dict[str, Any]:
    """Return which release of a series this is: number, day, and the one that it follows."""
    vintage, before = record.vintage, record.predecessor
    return {
        "number": 1 if vintage is None else vintage.number,
        "date": record.report.date if vintage is None else vintage.date,
        "predecessor": None if before is None else
        {"release": before.release, "number": before.number, "date": before.date, "digest": before.digest},
    }  # fmt: skip


def _keep_earlier(folder: Path, results: Results) -> None:
    """Write the earlier releases into the audit record, and render its pages again."""
    from mse.publish.report.html import write_pages

    if not write_record(folder, results.record):
        return
    pages = sorted(x.name for x in (folder / PUBLIC).glob("report*.*"))
    asked = {x.split(".")[1] for x in pages if x.count(".") == 2} | set(languages(results)[: bool(pages)])
    if asked:
        write_pages(folder, sorted(asked), any(x.endswith(".pdf") for x in pages))


def release_record(results: Results, tables: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, Any]:
    """Return the content of ``figures.json``."""
    headline, about = results.headline, results.record
    verdict = published_verdict(results)
    public = is_public(results)
    estimate = headline.summary(about.prob)
    job = json.dumps(about.job.settings or None, sort_keys=True, ensure_ascii=True)
    say = read_catalogue("en")
    rule, (off, of_lists) = disclosure_rule(results), _deviations(results)
    told_first = headline_of(read_facts(results, say), say)
    words = estimate.as_dict()
    reasons = [
        {"code": reason.code, "level": reason.level, "text": words_of.text}
        for reason, words_of in zip(verdict.reasons if verdict else (), told_first.reasons, strict=True)
    ]
    return {
        "format": FORMAT,
        "title": about.title,
        "release": _release_of(about),
        "audit": {"folder": folder.name},
        "verdict": None if verdict is None else {
            "level": verdict.level,
            "reasons": reasons,
            "account": list(told_first.account),
            "checked": list(verdict.checked),
            "parts": [
                {"where": dict(part.levels), "level": part.level, "because": told(part)}
                for part in verdict.parts
            ],  # figures stay inside: they tell counts
        },
        "estimate": {
            "method": estimate.method, "kind": words["kind"], "interval_contains": words["inside"],
            "interval_leaves_out": words["outside"], "assumptions": words["assumptions"],
            "citations": words["citations"], "said": words["said"],
        },
        "disclosure": str(rule.in_words()),
        "rounding": {
            "method": rule.method, "deviation": off, "lists_deviation": of_lists,
            "fewest": verdict_limits(results).observed[1],
        },
        "earlier_releases": _earlier(results),
        "digests": {
            "table": headline.table_digest if public else _GUESSABLE,
            "posterior": f"sha256:{file_digest(folder / POSTERIOR)}" if public else _GUESSABLE,
            "job": f"sha256:{hashlib.sha256(job.encode()).hexdigest()}" if public else _GUESSABLE,
        },
        "versions": dict(about.versions),
        "figures": [asdict(figure) for figure in published_figures(results, tables)],
    }  # fmt: skip


def _earlier(results: Results) -> dict[str, Any]:
    """Return what this release was protected together with, in words and by the digests of those releases."""
    found = results.record.against
    if is_public(results):
        words = "the table is public: no earlier release can tell more of it"
    elif found:
        words = "protected together with these earlier releases on the same persons, and with no other"
    else:
        words = (
            "protected by itself: whoever has an earlier release on the same persons (of last year, with or without a "
            "stratum) may work out counts from both; see mse release --against"
        )
    releases = [{"release": x.release, "title": x.title, "digest": x.digest} for x in found]
    return {"held_against": releases, "code": "together" if found else "alone", "text": words}


def _package(
    results: Results, tables: Mapping[str, pd.DataFrame], folder: Path, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of ``datapackage.json``."""
    cited = results.record.table.sources
    sources = [{"title": x.title} | ({"path": x.address} if x.address else {}) for x in cited]
    resources = [
        {"name": f"table-{name.replace('_', '-')}", "type": "table", "title": _TITLES.get(name, name)}
        | _file(folder / f"{name}.csv", "csv", "text/csv")
        | {"schema": {"fields": [{"name": str(c), "type": _type(frame[c])} for c in frame], "missingValues": [""]}}
        for name, frame in tables.items()
    ]  # fmt: skip
    figures = {"name": "figures", "type": "json", "title": "Every published figure"}
    resources.append(figures | _file(folder / FIGURES, "json", "application/json"))
    title = results.record.title
    name = "".join(x if x.isalnum() else "-" for x in title.casefold()).strip("-")
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "-".join(filter(None, name.encode("ascii", "ignore").decode().split("-"))) or "release",
        "title": title,
        **({"sources": sources} if sources else {}),
        "resources": resources,
        "mse": {name: record[name] for name in _DESCRIBED} | {"written_with": versions()},
    }


def _file(path: Path, form: str, mediatype: str) -> dict[str, object]:
    """Return what Frictionless wants to know of a file."""
    size, digest = path.stat().st_size, f"sha256:{file_digest(path)}"
    return {
        "path": path.name,
        "format": form,
        "mediatype": mediatype,
        "encoding": "utf-8",
        "bytes": size,
        "hash": digest,
    }


_DESCRIBED = ("release", "verdict", "estimate", "disclosure", "earlier_releases", "digests", "versions")
"""What of the record stands in the data package, too."""

_TITLES = {
    "indicators": "Indicators: in view and hidden, rates, shares, change",
    "counts": "Registered persons after disclosure control",
    "lists": "Persons on each list and each two lists, after disclosure control",
    "methods": "The estimate beside other methods",
    "sdg": "SDG 16.2.2: victims per 100,000, detected and undetected",
    "chain": "Rates along the chain",
    "survey": "Survey prevalence",
    "sensitivity": "The estimate under departures from the identifying assumption",
    "prior": "The estimate under other priors",
    "linkage_error": "The estimate under errors of linkage",
    "robustness": "The estimate without one list, and with lists taken together",
    "calibrated": "The ordinary and the calibrated interval",
    "vintages": "What this release and those before it published by year",
}


def _type(column: pd.Series[Any]) -> str:
    """Return the type of Frictionless for a column."""
    if column.dtype.kind == "b":
        return "boolean"
    return "number" if column.dtype.kind in "iuf" else "string"


def release_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV: whole numbers without a fraction, nothing where there is no number."""
    return csv_text(frame.map(_cell))


def _cell(value: object) -> str:
    import pandas as pd

    if isinstance(value, bool) or type(value).__name__ == "bool":
        return str(value).casefold()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def release_json(record: Mapping[str, Any]) -> str:
    """Return a record as JSON; numbers that do not exist are null."""
    return json.dumps(plain(record), indent=2, ensure_ascii=False) + "\n"


def _check_free(out: Path, overwrite: bool) -> None:
    """Raise InputError when a release cannot be written there."""
    place = str(out)
    home = next((p for p in out.absolute().parents if p.exists()), Path("/"))
    if out.is_symlink() or not home.is_dir() or not os.access(home, os.W_OK):
        raise InputError(
            Problem(said("found.release_cannot_written"), said("allowed.place_folder_you_may"),
                    said("do.choose_another_folder_out"), file=place)
        )  # fmt: skip
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    ours = out.is_dir() and (out / FIGURES).is_file() and (out / PACKAGE).is_file()
    if not ours:
        raise InputError(
            Problem(said("found.folder_holds_files_no"), said("allowed.new_folder_release_replace"),
                    said("do.choose_another_folder_out"), file=place)
        )  # fmt: skip
    if not overwrite:
        raise InputError(
            Problem(said("found.release_exists_already"), said("allowed.new_folder_leave_replace"),
                    said("do.add_overwrite_choose_another"), file=place)
        )  # fmt: skip
