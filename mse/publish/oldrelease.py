"""What an earlier release published, read from its files: a new one is protected together with it.

It becomes a part of the audit record of the new results, so that their pages, their release and its check agree.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mse.answers.earlierreleases import EarlierRelease, OldCell, OldTable
from mse.answers.strata import ALL, time_dimension
from mse.computing.provenance import file_digest
from mse.errors import InputError, Problem
from mse.publish.facts.entries import mapping
from mse.publish.indicators.basis import spanned
from mse.words.said import said

FIGURES = "figures.json"
_FEW = 10
"""Persons below which no number of a part was stated, unless the release says otherwise."""


def read_old_release(folder: Path) -> EarlierRelease:
    """Return what a release tells of registered persons, for the record of a result.

    Parameters
    ----------
    folder : Path
        A folder that `mse.publish.release.bundle.write_release` wrote.

    Returns
    -------
    EarlierRelease
        Named by its folder, with the digest of its figures.

    Raises
    ------
    InputError
        With every file that is missing or damaged.
    """
    indicators, counts, lists, steps = (folder / f"{name}.csv" for name in ("indicators", "counts", "lists", "chain"))
    missing = [path.name for path in (folder / FIGURES, indicators) if not path.is_file()]
    if missing:
        raise InputError(
            [Problem(said("found.earlier_release_lacks", name=str(name)), said("allowed.folder_written_mse_release"),
                     said("do.check_path"),
                     file=str(folder)) for name in missing]
        )  # fmt: skip
    try:
        record = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
        parts = _rows(indicators)
        years = _years(parts)
        table = _table(_rows(counts), record, years, parts) if counts.is_file() else _total(parts, record, years)
        years = years or table.years  # nothing says when, but for the years that stand in it
        return EarlierRelease(
            folder.absolute().name, str(record["title"]), f"sha256:{file_digest(folder / FIGURES)}", years,
            table,
            _table(_rows(lists), record, years, []) if lists.is_file() else None,
            {row["step"]: int(row["count"]) if row["count"] else None for row in _rows(steps)}
            if steps.is_file() else {},
            *_vintage(folder, record),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        raise InputError(
            Problem(said("found.file_earlier_release_damaged"), said("allowed.files_mse_release_wrote"),
                    said("do.get_release_again"), file=str(folder))
        ) from error  # fmt: skip


def read_series(folder: Path) -> tuple[EarlierRelease, ...]:
    """Return a release and those that it followed, the first one first; each stands beside the one that followed it.

    Raises
    ------
    InputError
        When one of them cannot be read, is not there, or is not the one that was followed.
    """
    found = [read_old_release(folder)]
    while found[0].after is not None:
        about = mapping(json.loads((folder / FIGURES).read_text(encoding="utf-8"))["release"])
        folder = folder.absolute().with_name(str(mapping(about["predecessor"])["release"]))
        before = read_old_release(folder) if (folder / FIGURES).is_file() else None
        if before is None or before.digest != found[0].after:
            of = {"release": found[0].release, "number": found[0].number}
            gone, other = said("release.earlier_missing", **of), said("release.earlier_other", **of)
            remedy = said("release.earlier_remedy")
            raise InputError(
                Problem(gone if before is None else other, said("release.earlier_allowed"), remedy, file=str(folder))
            )
        found.insert(0, before)
    return tuple(found)


def _vintage(
    folder: Path, record: Mapping[str, Any]
) -> tuple[int, str | None, tuple[tuple[str, ...], ...], str | None]:
    """Return number, day, table of vintages, and which was followed; 1 and none where it is from before these."""
    about = mapping(record.get("release"))
    day, path = about.get("date"), folder / "vintages.csv"
    series = tuple(tuple(map(str, row.values())) for row in _rows(path)) if path.is_file() else ()
    followed = mapping(about["predecessor"])["digest"] if about.get("predecessor") else None
    return int(about.get("number", 1)), None if day is None else str(day), series, followed


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _years(parts: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Return the years that a release is about, from the period of its total."""
    total = next(row for row in parts if row["indicator"] == "registered")
    return spanned(re.findall(r"\d{4}", total["period"]))


def _table(
    rows: Sequence[Mapping[str, str]], record: Mapping[str, Any], years: tuple[str, ...],
    parts: Sequence[Mapping[str, str]],
) -> OldTable:  # fmt: skip
    """Return a table of counts, with what the estimates beside it tell of those that were left out."""
    dims = [name for name in rows[0] if name not in ("count", "status")]
    levels = {dim: tuple(dict.fromkeys(row[dim] for row in rows if row[dim] != ALL)) for dim in dims}
    off = _deviation(rows, record, "lists_deviation" if "list" in dims else "deviation")
    few = _few(record)
    stated = {
        tuple(row.get(dim, ALL) for dim in dims): float(row["low"]) for row in parts
        if row["indicator"] == "estimated" and row["status"] == "ok" and row["low"]
    }  # fmt: skip
    cells = []
    for row in rows:
        at = tuple(row[dim] for dim in dims)
        place = tuple(None if x == ALL else x for x in at)
        count = int(row["count"]) if row["count"] else None
        if count is None:
            cells.append(OldCell(place, few if at in stated else 0.0, stated.get(at, math.inf), None))
        elif row["status"] == "rounded":
            cells.append(OldCell(place, float(max(count - off, 0)), float(count + off), count))
        else:
            cells.append(OldCell(place, float(count), float(count), None))
    time = time_dimension(levels, None)
    return OldTable(tuple(levels.items()), tuple(cells), time, levels[time] if time is not None else years)


def _total(parts: Sequence[Mapping[str, str]], record: Mapping[str, Any], years: tuple[str, ...]) -> OldTable:
    """Return the total of a release without strata."""
    row = next(row for row in parts if row["indicator"] == "registered")
    off = int(mapping(record.get("rounding")).get("deviation", 0))
    count = int(float(row["point"])) if row["point"] else None
    ends = (0.0, math.inf) if count is None else (float(max(count - off, 0)), float(count + off))
    return OldTable((), (OldCell((), *ends, count if off else None),), None, years)


def _deviation(rows: Sequence[Mapping[str, str]], record: Mapping[str, Any], name: str) -> int:
    """Return by how much a rounded count may be off, from the record, else from what all counts are multiples of."""
    rounding = mapping(record.get("rounding"))
    stated = rounding.get(name, rounding.get("deviation"))
    if stated is not None:
        return int(stated)
    divisor = math.gcd(*(int(row["count"]) for row in rows if row["status"] == "rounded"), 0)
    return (5 if divisor % 5 == 0 else 3) - 1 if divisor else 0


def _few(record: Mapping[str, Any]) -> float:
    """Return below how many persons no number of a part was stated."""
    return float(mapping(record.get("rounding")).get("fewest", _FEW))
