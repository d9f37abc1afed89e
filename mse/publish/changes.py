"""What changed between two results, and why: data, definitions, method, priors, seed, software (GATHER, item 17)."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.record import Record
from mse.answers.recordchecks import RESULTS, damage
from mse.answers.results import POSTERIOR, PROVENANCE, Results, read_results
from mse.answers.strata import ALL
from mse.computing.sealing import KEYED
from mse.publish.facts.entries import mapping, number, text
from mse.publish.indicators.measures import VALUES, WITH_MORE_PLACES
from mse.publish.registered import is_public, list_counts, time_of
from mse.publish.release.outgoing import published_tables
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.shipped import shipped_path

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("data", "definitions", "method", "prior", "seed", "software", "publishing")
"""Kinds of causes, in the order in which they are told."""

PRIORS = {"sd", "model_prior", "delta", "saturated", "prior", "concentration", "shape", "rate", "scale"}
"""Settings of a method that are starting assumptions."""

_SPEC_KINDS = {"seed": "seed", "sampler": "software"}


@dataclass(frozen=True, slots=True)
class Cause:
    """One difference in what went into two results.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    what : str
        The setting or count, by the name that it has in the record.
    old, new : str
        What it was and what it is; empty for nothing, and both where it differs in a way that is not told.
    """

    kind: str
    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Two results side by side.

    Parameters
    ----------
    old, new : str
        Their titles.
    verdicts : tuple of str
        Old and new.
    causes : tuple of Cause
        Everything that differs in what went in, by kind.
    estimates : DataFrame
        Published indicators that both have: ``indicator``, the dimensions that both have, ``unit``, ``old``,
        ``old_low``, ``old_high``, ``new``, ``new_low``, ``new_high``, ``difference``, ``factor`` (new over old),
        ``status`` ("ok", or why a number is missing). Rounded like everything published. Sums over years are there
        only where both are over equally many.
    years : tuple of str, or None
        The years that old and new sum over, where these are not equally many; None where they are.
    time : str or None
        The dimension of both that is time, whose levels stand side by side.
    """

    old: str
    new: str
    verdicts: tuple[str, str]
    causes: tuple[Cause, ...]
    estimates: pd.DataFrame
    years: tuple[str, str] | None = None
    time: str | None = None


def is_results_folder(path: Path) -> bool:
    """Return whether a path is a results folder."""
    return os.path.isfile(path / POSTERIOR) and os.path.isfile(path / PROVENANCE)


def compare_results(old: str | Path, new: str | Path) -> Changes:
    """Compare two results folders.

    Parameters
    ----------
    old, new : str or Path
        Folders written by ``mse run``.

    Returns
    -------
    Changes

    Raises
    ------
    InputError
        When one of them cannot be read.
    """
    before, after = read_results(old), read_results(new)
    with damage(RESULTS, f"{old} or {new}"):
        found = sorted([*_data(before, after), *_settings(before, after)], key=lambda cause: KINDS.index(cause.kind))
        spans, time = (_span(before), _span(after)), time_of(before)
        unlike = len(spans[0]) != len(spans[1]) and bool(spans[0]) and bool(spans[1])
        time = time if time is not None and time == time_of(after) else None
        rows = _estimates(before, after)
        if unlike:
            # A sum over three years is never set against one over four.
            rows = rows[rows[time] != ALL].reset_index(drop=True) if time in rows.columns else rows.iloc[:0]
        return Changes(
            before.record.title, after.record.title,
            (_verdict(before), _verdict(after)), tuple(found), rows,
            (_years(spans[0]), _years(spans[1])) if unlike else None, time,
        )  # fmt: skip


def _span(results: Results) -> tuple[str, ...]:
    """Return the years that the total of a result is over; none when nothing says so."""
    strata, time = results.headline.strata, time_of(results)
    if strata is not None and time is not None and len(strata.dimensions[time]) > 1:
        return strata.dimensions[time]
    ends = _period(results)
    if len(ends) == 2 and all(re.fullmatch(r"\d{4}", end) for end in ends):
        return tuple(str(year) for year in range(int(ends[0]), int(ends[1]) + 1))
    return ends


def _years(span: tuple[str, ...]) -> str:
    return span[0] if len(span) == 1 else f"{span[0]}–{span[-1]}"


def _period(results: Results) -> tuple[str, ...]:
    """Return first and last year of a result, however it was written."""
    return results.record.report.period or results.record.table.period


def changes_text(changes: Changes, language: str = "en") -> str:
    """Return the comparison in plain words, one finding a line.

    Raises
    ------
    InputError
        When there are no messages in that language.
    """
    say = read_catalogue(language)
    path = shipped_path("reports/templates", f"changes.{language}.toml")
    words = tomllib.loads(path.read_text(encoding="utf-8"))
    lines = [words["head"].format(old=changes.old, new=changes.new)]
    rows = [row for row in changes.estimates.to_dict("records") if row["indicator"] in ("registered", "estimated")]
    lines += [_estimate_line(row, words, say) for row in rows if _whole(row, changes.estimates)]
    dims = [] if changes.time not in changes.estimates.columns else list(changes.estimates.columns)
    others = [dim for dim in dims[1 : dims.index("unit")] if dim != changes.time] if dims else []
    years = [row for row in rows if dims and row[changes.time] != ALL and all(row[dim] == ALL for dim in others)]
    if changes.years is not None:
        lines.append(words["years_differ"].format(old=changes.years[0], new=changes.years[1]))
        alike = list(dict.fromkeys(str(row[changes.time]) for row in years))
        lines.append(words["years_alike" if alike else "years_apart"].format(years=say.listing(alike)))
    for row in years:
        lines.append(f"  {row[changes.time]}: " + _estimate_line(row, words, say))
    told_on = [row for row in rows if row["indicator"] == "estimated" and _whole(row, changes.estimates)]
    told_on = told_on or [row for row in years if row["indicator"] == "estimated"]
    if told_on:
        lines.append(_answer(told_on[-1], changes, words))
    judged = [words["verdict"].get(level, level) for level in changes.verdicts]
    same = judged[0] == judged[1]
    lines.append(words["verdict_same" if same else "verdict_changed"].format(old=judged[0], new=judged[1]))
    for kind in KINDS:
        told = [cause for cause in changes.causes if cause.kind == kind]
        if told:
            lines.append(words["kind"][kind])
        for cause in told:
            form = "added" if cause.new else "removed" if cause.old else "differs"
            form = "changed" if cause.old and cause.new else form
            lines.append("  - " + words[form].format(what=cause.what, old=cause.old, new=cause.new))
    lines.append(words["closing"][_closing({cause.kind for cause in changes.causes})])
    return "\n".join(lines)


def _answer(row: Mapping[Any, Any], changes: Changes, words: Mapping[str, Any]) -> str:
    """Return in words whether the estimate moved, and whether by more than its intervals allow."""
    old, new = number(row["old"]), number(row["new"])
    where = "" if changes.time not in row or row[changes.time] == ALL else f"{row[changes.time]}: "
    if old is None or new is None:
        return where + str(words["answer"]["unknown"])
    moved = "same" if old == new else "up" if new > old else "down"
    ends = [number(row[name]) for name in ("old_low", "old_high", "new_low", "new_high")]
    said = str(words["answer"][moved])
    if moved != "same" and not any(end is None for end in ends):
        low, high, low_now, high_now = (float(end or 0.0) for end in ends)
        said += " " + str(words["answer"]["overlap" if low <= high_now and low_now <= high else "apart"])
    return where + said


def _closing(kinds: set[str]) -> str:
    """Return the name of what may be said of a difference, given the kinds of causes."""
    if not kinds:
        return "same"
    if "definitions" in kinds:
        return "incomparable"
    telling = kinds - {"seed", "software", "publishing"}
    if not telling:
        return "small"
    if telling == {"data"}:
        return "data"
    return "several" if "data" in telling else "method"


def _whole(row: Mapping[Any, Any], frame: pd.DataFrame) -> bool:
    """Return whether a row is summed over every dimension."""
    at = list(frame.columns)
    return all(str(row[dim]) == ALL for dim in at[1 : at.index("unit")])


def _estimate_line(row: Mapping[Any, Any], words: Mapping[str, Any], say: Catalogue) -> str:
    def said(which: str) -> str:
        value, low, high = (number(row[f"{which}{end}"]) for end in ("", "_low", "_high"))
        if value is None:
            return str(words["withheld"])
        ends = f" ({say.range(low, high)})" if low is not None and high is not None else ""
        return say.number(value) + ends

    line = str(words[row["indicator"]]).format(old=said("old"), new=said("new"))
    factor = number(row["factor"])
    return line if factor is None else line + words["factor"].format(factor=say.number(factor, 2))


def _verdict(results: Results) -> str:
    return "not judged" if results.headline.verdict is None else str(results.headline.verdict.level)


def _data(old: Results, new: Results) -> Iterator[Cause]:
    """Return what differs in the data: the table, its files and contracts, and the persons on each list."""
    tables = [results.record.table for results in (old, new)]
    # The same counts under another name, or in another file, are the same data.
    same = _same_table(old, new)
    if not same:
        yield from _difference("data", "table: name", *(table.name for table in tables))
    yield from _difference("data", "table: unit", *(table.unit for table in tables))
    if not same and all(is_public(results) for results in (old, new)):
        yield from _difference("data", "table: digest", *(table.digest for table in tables))
    elif not same and _content(old) != _content(new):
        yield Cause("data", "counts of the table", "", "")
    files = [None if same else table.file for table in tables]
    yield from _difference("data", "file", *(file and file.name for file in files))
    found = [{} if file is None else {"file": file.digest} for file in files]
    for place, table in enumerate(tables):
        found[place] |= table.registers or {}
    secrets = [results.record.secret for results in (old, new)]
    for name in dict.fromkeys([*found[0], *found[1]]):
        digests = [one.get(name) for one in found]
        # Under two secrets digests cannot be compared; and none is told, for a guess could be held against it.
        keyed = any(str(digest).startswith(KEYED) for digest in digests)
        if None in digests or (digests[0] != digests[1] and (not keyed or secrets[0] == secrets[1])):
            yield Cause("definitions" if "contract" in name else "data", f"content of {name}", "", "")
    counts = [_on_lists(results) for results in (old, new)]
    for name in dict.fromkeys([*counts[0], *counts[1]]):
        yield from _difference("data", f"persons on {name}", *(count.get(name) for count in counts))
    levels = [_dimensions(results) for results in (old, new)]
    for dim in dict.fromkeys([*levels[0], *levels[1]]):
        yield from _difference("data", f"levels of {dim}", *(level.get(dim) for level in levels))


def _content(results: Results) -> tuple[object, ...]:
    """Return the counts of a table, for a comparison that tells no more than whether they are the same."""
    overlap, strata = results.record.overlap, results.headline.strata
    parts = () if strata is None else (tuple(strata.dimensions.items()), tuple(map(int, strata.observed)))
    on = {overlap.members(history): count for history, count in zip(overlap.histories, overlap.counts, strict=True)}
    return (results.headline.observed, on, parts)


def _same_table(old: Results, new: Results) -> bool:
    """Return whether two results are sure to be about the same counts, by the digests of their tables.

    Under the secrets of two records digests cannot be compared, so what is not public is never sure to be the same.
    """
    digests = [results.record.table.digest for results in (old, new)]
    own = [results.headline.table_digest for results in (old, new)]
    return digests[0] is not None and digests[0] == digests[1] and own[0] == own[1]


def _on_lists(results: Results) -> dict[str, str]:
    """Return the persons on each list as they may be published."""
    overlap, safe = results.record.overlap, list_counts(results)
    if safe is None:
        return {}
    if is_public(results):
        return {name: f"{overlap.on(name):,}" for name in overlap.lists}
    found = {name: safe.at(**{name: "on"}).count for name in overlap.lists}
    return {name: "left out" if count is None else f"{count:,}" for name, count in found.items()}


def _dimensions(results: Results) -> dict[str, str]:
    strata = results.headline.strata
    return {} if strata is None else {dim: ", ".join(levels) for dim, levels in strata.dimensions.items()}


def _settings(old: Results, new: Results) -> Iterator[Cause]:
    """Return what differs in definitions, method, priors, seed, software and publishing."""
    both = (old, new)
    yield from _difference("definitions", "period", *(_years(x) if (x := _period(r)) else None for r in both))
    for (name, was), (_, now) in zip(*(_definitions(results.record) for results in both), strict=True):
        yield from _difference("definitions", name, _plain(was), _plain(now))
    yield from _difference("method", "method", *(results.headline.method for results in both))
    specs = [dict(_flat(results.headline.spec)) for results in both]
    for name in dict.fromkeys([*specs[0], *specs[1]]):
        kind = _SPEC_KINDS.get(name, "prior" if name.partition(".")[0] in PRIORS else "method")
        yield from _difference(kind, name, *(spec.get(name) for spec in specs))
    yield from _difference("method", "interval", *(results.record.prob for results in both))
    jobs = [results.record.job.settings for results in both]
    for section, kind in (("table", "data"), ("registers", "data"), ("verdict", "method"), ("publish", "publishing")):
        flat = [dict(_flat(mapping(job.get(section)))) for job in jobs]
        for name in dict.fromkeys([*flat[0], *flat[1]]):
            # How a table is read is no change where it is the same table.
            hidden = (section, name) in (("table", "name"), ("publish", "seed"), ("publish", "secret"))
            if not hidden and not (section == "table" and _same_table(old, new)):
                yield from _difference(kind, f"[{section}] {name}", *(_without_folder(said.get(name)) for said in flat))
    versions = [results.record.versions for results in both]
    for name in dict.fromkeys([*versions[0], *versions[1]]):
        yield from _difference("software", name, *(v.get(name) for v in versions))


def _definitions(record: Record) -> tuple[tuple[str, str | None], ...]:
    """Return what a result says it is about, of the report where that says it, else of the table."""
    texts, table = record.report.texts, record.table
    return (
        ("population", texts.population or table.population), ("territory", texts.territory or table.territory),
        ("publisher", texts.publisher or table.publisher), ("extracted", record.report.extracted),
        ("inclusion", texts.inclusion), ("time", record.report.time),
    )  # fmt: skip


def _plain(said: str | None) -> str | None:
    """Return a text without differences of spacing."""
    return " ".join((said or "").split()) or None


def _difference(kind: str, what: str, old: object, new: object) -> Iterator[Cause]:
    if old != new:
        yield Cause(kind, what, _said(old), _said(new))


def _said(value: object) -> str:
    if value is None:
        return ""
    return text(value) or json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _without_folder(value: object) -> object:
    """Return the name of a file for its path: where a folder lies is nobody's business."""
    return Path(value).name if isinstance(value, str) and ("/" in value or "\\" in value) else value


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _estimates(old: Results, new: Results) -> pd.DataFrame:
    """Return the published indicators that both results have, side by side."""
    import pandas as pd

    frames = [published_tables(results)["indicators"] for results in (old, new)]
    dims = [[c for c in frame.columns if c not in ("indicator", *VALUES)] for frame in frames]
    shared = [dim for dim in dims[0] if dim in dims[1]]
    sides = []
    for frame, own, name in zip(frames, dims, ("old", "new"), strict=True):
        alone = [dim for dim in own if dim not in shared]
        whole = (frame[alone] == ALL).all(axis=1)
        kept = frame[whole & ~frame["indicator"].isin(WITH_MORE_PLACES)]
        sides.append(
            kept[["indicator", *shared, "unit", "point", "low", "high", "status"]].rename(
                columns={"point": name, "low": f"{name}_low", "high": f"{name}_high", "status": f"{name}_status"}
            )
        )
    both = sides[0].merge(sides[1], on=["indicator", *shared, "unit"], how="inner", validate="one_to_one")
    both["difference"] = (both["new"] - both["old"]).round(9)
    both["factor"] = (both["new"] / both["old"].where(both["old"] > 0)).round(3)
    first = both.pop("old_status").astype(str)
    second = both.pop("new_status").astype(str)
    both["status"] = [a if a != "ok" else b for a, b in zip(first, second, strict=True)]
    return pd.DataFrame(both)
