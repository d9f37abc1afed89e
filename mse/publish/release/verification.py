"""The check of a release: every figure in it derived again from the audit record."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mse.answers.recordchecks import RELEASE, RESULTS, damage
from mse.answers.results import Results, read_results
from mse.answers.strata import ALL
from mse.errors import InputError, Problem
from mse.publish.facts.entries import items, mapping
from mse.publish.indicators.measures import indicators
from mse.publish.release.bundle import FIGURES, PACKAGE, release_csv, release_json, release_record
from mse.publish.release.outgoing import published_tables
from mse.publish.release.publishedfigures import Figure
from mse.publish.release.releasefiles import digest_of, fault_of, is_plain, read_bytes
from mse.publish.release.vintagerows import with_vintages
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd


RECORDED = (
    "title",
    "release",
    "verdict",
    "estimate",
    "disclosure",
    "rounding",
    "earlier_releases",
    "digests",
    "versions",
)
"""Entries of the record of a release that are derived again."""


class Mismatch(NamedTuple):
    """Something in a release that the audit record does not bear out.

    Parameters
    ----------
    file : str
        Where it stands.
    name : str or Said
        The figure, or what else it is.
    published, derived : str or Said
        What the release says, and what the audit record gives.
    """

    file: str
    name: str | Said
    published: str | Said
    derived: str | Said

    def __str__(self) -> str:
        """Return it as a sentence in English."""
        return str(self.sentence())

    def sentence(self) -> Said:
        """Return it as a sentence."""
        return said("verify.mismatch", **self._asdict())

    def as_record(self) -> dict[str, str]:
        """Return what JSON holds of it."""
        return {name: str(value) for name, value in self._asdict().items()}


NOTHING = said("verify.nothing")


def verify_release(release: str | Path, audit: str | Path | None = None) -> tuple[Mismatch, ...]:
    """Derive every figure of a release again from the audit record, and return what does not agree.

    Parameters
    ----------
    release : str or Path
        Folder of a release.
    audit : str or Path, optional
        The results folder; the one whose name the release gives, beside it, when not given.

    Returns
    -------
    tuple of Mismatch
        Nothing when all is as it should be.

    Raises
    ------
    InputError
        When there is no release, or no audit record, or one of the two is damaged.

    Notes
    -----
    The audit record is held against itself, too: the unrounded indicators and the headline that it stores are computed
    again from its draws.
    """
    release = Path(release)
    missing = [name for name in (FIGURES, PACKAGE) if _is_absent(fault_of(release, name))]
    if missing:
        raise InputError(
            [Problem(said("found.release_lacks", name=str(name)), said("allowed.folder_written_mse_release"),
                     said("do.check_path"),
                     file=str(release)) for name in missing]
        )  # fmt: skip
    with damage(RELEASE, release):
        published, package = _read_json(release, FIGURES), _read_json(release, PACKAGE)
    audit = _audit_of(release, published) if audit is None else Path(audit)
    if not os.path.isdir(audit):
        raise InputError(
            Problem(said("found.audit_record_not"), said("allowed.results_folder_release_made"),
                    said("do.name_audit_results"), file=str(audit))
        )  # fmt: skip
    results = read_results(audit)
    with damage(RESULTS, audit):
        tables = with_vintages(results, published_tables(results))
        found = [*_own_mismatches(results)]
        derived = json.loads(release_json(release_record(results, tables, audit.absolute())))
    with damage(RELEASE, release):
        return (*found, *_release_mismatches(release, published, package, derived, tables))


def _release_mismatches(
    release: Path,
    published: Mapping[str, Any],
    package: Mapping[str, Any],
    derived: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
) -> Iterator[Mismatch]:
    """Return where a release differs from what is derived."""
    yield from _figure_mismatches(published, derived)
    for name in RECORDED:
        if published.get(name) != derived[name]:
            yield Mismatch(FIGURES, name, json.dumps(published.get(name)), json.dumps(derived[name]))
    for table, frame in tables.items():
        yield from _table_mismatches(release, f"{table}.csv", frame)
    known = {f"{table}.csv" for table in tables} | {FIGURES, PACKAGE}
    for path in sorted(release.iterdir()):
        if path.name not in known:
            yield Mismatch(path.name, said("verify.file"), said("verify.there"), NOTHING)
    for resource in map(mapping, items(package.get("resources"))):
        name = str(resource.get("path"))
        fault = fault_of(release, name)
        digest = digest_of(release, name) if fault is None else str(fault)
        if resource.get("hash") != digest:
            yield Mismatch(PACKAGE, said("verify.digest", name=name[:80]), str(resource.get("hash")), digest)


def _is_absent(fault: Said | None) -> bool:
    return fault is not None and fault.code == "found.no_such_file"


def _audit_of(release: Path, published: Mapping[str, Any]) -> Path:
    """Return the folder beside the release that it names; nowhere else is looked on the word of a release."""
    name = mapping(published.get("audit")).get("folder")
    if not is_plain(name):
        raise InputError(
            Problem(said("found.release_does_not_name"), said("allowed.name_folder_beside"),
                    said("do.name_results_folder_audit"), file=str(release / FIGURES), value=str(name))
        )  # fmt: skip
    return release.absolute().parent / str(name)


def _read_json(release: Path, name: str) -> Mapping[str, Any]:
    content, path = read_bytes(release, name), release / name
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(
            Problem(
                said("found.file_release_damaged"),
                said("allowed.json_mse_wrote"),
                said("do.get_release_again_2"),
                file=str(path),
            )
        )
    return found


def _figure_mismatches(published: Mapping[str, Any], derived: Mapping[str, Any]) -> Iterator[Mismatch]:
    """Return the figures that differ, are missing, or come from nowhere."""
    told = {str(mapping(x).get("name")): mapping(x) for x in items(published.get("figures"))}
    true = {str(x["name"]): x for x in derived["figures"]}
    for name, figure in true.items():
        if name not in told:
            yield Mismatch(FIGURES, name, NOTHING, str(figure["value"]))
            continue
        for part in Figure.__dataclass_fields__:
            if not _same(told[name].get(part), figure[part]):
                yield Mismatch(FIGURES, f"{name} ({part})", str(told[name].get(part)), str(figure[part]))
    for name in told:
        if name not in true:
            yield Mismatch(FIGURES, name, str(told[name].get("value")), NOTHING)


def _table_mismatches(release: Path, name: str, frame: pd.DataFrame) -> Iterator[Mismatch]:
    """Return the cells of a CSV file that differ from the derived table."""
    import csv
    import io

    fault = fault_of(release, name)
    if fault is not None:
        there = NOTHING if _is_absent(fault) else fault
        yield Mismatch(name, said("verify.file"), there, said("verify.rows", count=len(frame)))
        return
    try:
        told = list(csv.reader(io.StringIO(read_bytes(release, name).decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        yield Mismatch(name, said("verify.file"), said("verify.no_csv"), said("verify.rows", count=len(frame)))
        return
    true = list(csv.reader(io.StringIO(release_csv(frame), newline="")))
    if len(told) != len(true) or told[:1] != true[:1]:
        shape = [
            said("verify.shape", count=max(len(rows) - 1, 0), columns=", ".join(rows[0]) if rows else "")
            for rows in (told, true)
        ]
        yield Mismatch(name, said("verify.rows_and_columns"), *shape)
        return
    for number, (row, other) in enumerate(zip(told[1:], true[1:], strict=True), 2):
        place = ", ".join(
            x for x, kind in zip(other, frame.dtypes, strict=True) if kind.kind not in "iufb" and x != ALL
        )
        for column, a, b in zip(true[0], [*row, *[""] * (len(other) - len(row))], other, strict=False):
            if not _same(a, b):
                where = said("verify.cell", row=number, place=place[:80], column=column)
                yield Mismatch(name, where, a, b)


def _same(a: object, b: object) -> bool:
    """Return whether two entries are the same; numbers up to the last digits, which differ between machines."""
    try:
        return a == b or math.isclose(float(str(a)), float(str(b)), rel_tol=1e-9)
    except ValueError:
        return False


def _own_mismatches(results: Results) -> Iterator[Mismatch]:
    """Return where the audit record contradicts itself: its tables against its draws."""
    estimate = results.headline.summary(results.record.prob)
    rows = results.comparison[results.comparison["headline"].astype(bool)]
    for name in ("point", "low", "high"):
        stored = float(rows[name].iloc[0]) if len(rows) else math.nan
        if not _same(stored, getattr(estimate, name)):
            yield Mismatch("estimates.csv", said("verify.audit", name=name), str(stored), str(getattr(estimate, name)))
    if "indicators" in results.tables:
        stored_frame, true = results.tables["indicators"], indicators(results)
        if list(stored_frame.columns) != list(true.columns) or len(stored_frame) != len(true):
            shape = said("verify.audit", name=said("verify.rows_and_columns"))
            yield Mismatch("tables/indicators.csv", shape, str(stored_frame.shape), str(true.shape))
            return
        for i, (row, other) in enumerate(zip(stored_frame.to_dict("records"), true.to_dict("records"), strict=True), 2):
            for column in ("point", "low", "high"):
                if not (_same(row[column], other[column]) or (math.isnan(row[column]) and math.isnan(other[column]))):
                    cell = said("verify.cell", row=i, place=str(other["indicator"]), column=column)
                    where = said("verify.audit", name=cell)
                    yield Mismatch("tables/indicators.csv", where, str(row[column]), str(other[column]))
