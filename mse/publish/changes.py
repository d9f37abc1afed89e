"""What changed between two results, and why: data, definitions, method, priors, seed, software (GATHER, item 17)."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.record import Record
from mse.answers.recordchecks import RESULTS, damage
from mse.answers.results import POSTERIOR, PROVENANCE, Results, read_results
from mse.answers.strata import ALL
from mse.computing.sealing import KEYED
from mse.publish.facts.entries import mapping, text
from mse.publish.indicators.measures import VALUES, WITH_MORE_PLACES
from mse.publish.registered import is_public, list_counts, time_of
from mse.publish.release.outgoing import published_tables

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("data", "definitions", "method", "prior", "seed", "software", "publishing")
"""Kinds of causes, in the order in which they are told."""

PRIORS = {"sd", "model_prior", "delta", "saturated", "prior", "concentration", "shape", "rate", "scale"}
"""Settings of a method that are starting assumptions."""

LINKING = ("linkage", "threshold", "decisions", "referrals", "draws")
"""Settings of [registers] that say who is who."""

COMPLETING = ("nowcast",)
"""Settings of [registers] that add what has not come in yet."""

Digest = str | None

_SPEC_KINDS = {"seed": "seed", "sampler": "software"}


@dataclass(frozen=True, slots=True)
class Cause:
    """One difference in what went into two results.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    what : str
        The setting, list, file or dimension, by the name that it has in the record.
    old, new : str
        What it was and what it is; empty for nothing, and both where it differs in a way that is not told.
    of : str
        What of it differs, as the catalogues call it: ``counts`` of the table, ``content`` of a file, ``persons`` on a
        list, ``levels`` of a dimension, a definition by its name; ``setting`` for what has a name of its own.
    """

    kind: str
    what: str
    old: str
    new: str
    of: str = "setting"


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


def _verdict(results: Results) -> str:
    return "not judged" if results.headline.verdict is None else str(results.headline.verdict.level)


def _data(old: Results, new: Results) -> Iterator[Cause]:
    """Return what differs in the data: the table, its files and contracts, and the persons on each list."""
    tables = [results.record.table for results in (old, new)]
    # The same counts under another name, or in another file, are the same data.
    same = _same_table(old, new)
    if not same:
        yield from _difference("data", "name", *(table.name for table in tables), of="table")
    yield from _difference("data", "unit", *(table.unit for table in tables), of="unit")
    if not same and all(is_public(results) for results in (old, new)):
        yield from _difference("data", "digest", *(table.digest for table in tables), of="digest")
    elif not same and _content(old) != _content(new):
        yield Cause("data", "table", "", "", "counts")
    files = [None if same else table.file for table in tables]
    yield from _difference("data", "file", *(file and file.name for file in files), of="file")
    found: list[dict[str, Digest]] = [{} if file is None else {"file": file.digest} for file in files]
    for place, table in enumerate(tables):
        found[place] |= table.registers or {}
    found = _without_folders(*found)
    secrets = [results.record.secret for results in (old, new)]
    for name in dict.fromkeys([*found[0], *found[1]]):
        digests = [one.get(name) for one in found]
        # Under two secrets digests cannot be compared; and none is told, for a guess could be held against it.
        keyed = any(str(digest).startswith(KEYED) for digest in digests)
        if None in digests or (digests[0] != digests[1] and (not keyed or secrets[0] == secrets[1])):
            yield Cause("data", name, "", "", "content")
    counts = [_on_lists(results) for results in (old, new)]
    for name in dict.fromkeys([*counts[0], *counts[1]]):
        yield from _difference("data", name, *(count.get(name) for count in counts), of="persons")
    levels = [_dimensions(results) for results in (old, new)]
    for dim in dict.fromkeys([*levels[0], *levels[1]]):
        yield from _difference("data", dim, *(level.get(dim) for level in levels), of="levels")


def _without_folders(old: Mapping[str, Digest], new: Mapping[str, Digest]) -> list[dict[str, Digest]]:
    """Return the files of both by list and name, without folders, where no two files of a list have one name."""

    def short(path: str) -> str:
        first, slash, rest = path.partition("/")
        return f"{first}{slash}{rest.rpartition('/')[2]}"

    twice = {x for files in (old, new) for x, times in Counter(map(short, files)).items() if times > 1}
    return [{name if short(name) in twice else short(name): x for name, x in files.items()} for files in (old, new)]


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
        return {name: str(overlap.on(name)) for name in overlap.lists}
    found = {name: safe.at(**{name: "on"}).count for name in overlap.lists}
    return {name: "–" if count is None else str(count) for name, count in found.items()}


def _dimensions(results: Results) -> dict[str, str]:
    strata = results.headline.strata
    return {} if strata is None else {dim: ", ".join(levels) for dim, levels in strata.dimensions.items()}


def _settings(old: Results, new: Results) -> Iterator[Cause]:
    """Return what differs in definitions, method, priors, seed, software and publishing."""
    both = (old, new)
    yield from _difference(
        "definitions", "period", *(_years(x) if (x := _period(r)) else None for r in both), of="period"
    )
    for (name, was), (_, now) in zip(*(_definitions(results.record) for results in both), strict=True):
        yield from _difference("definitions", name, _plain(was), _plain(now), of=name)
    yield from _difference("method", "method", *(results.headline.method for results in both), of="method")
    specs = [dict(_flat(results.headline.spec)) for results in both]
    for name in dict.fromkeys([*specs[0], *specs[1]]):
        kind = _SPEC_KINDS.get(name, "prior" if name.partition(".")[0] in PRIORS else "method")
        yield from _difference(kind, name, *(spec.get(name) for spec in specs))
    yield from _difference("method", "interval", *(results.record.prob for results in both), of="interval")
    jobs = [results.record.job.settings for results in both]
    for section, kind in (("table", "data"), ("registers", "data"), ("verdict", "method"), ("publish", "publishing")):
        flat = [dict(_flat(mapping(job.get(section)))) for job in jobs]
        for name in dict.fromkeys([*flat[0], *flat[1]]):
            # How a table is read is no change where it is the same table.
            hidden = (section, name) in (("table", "name"), ("publish", "seed"), ("publish", "secret"))
            if not hidden and not (section == "table" and _same_table(old, new)):
                how = "method" if section == "registers" and name in (*LINKING, *COMPLETING) else kind
                yield from _difference(how, f"[{section}] {name}", *(_without_folder(said.get(name)) for said in flat))
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


def _difference(kind: str, what: str, old: object, new: object, *, of: str = "setting") -> Iterator[Cause]:
    if old != new:
        yield Cause(kind, what, _said(old), _said(new), of)


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
