"""What earlier key figures published, read from their file: this year's page is protected together with last year's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mse.answers.earlierreleases import OldCell, OldTable
from mse.computing.provenance import file_digest
from mse.errors import InputError, Problem
from mse.publish.figures.figurefiles import FORMAT, JSON
from mse.publish.figures.figuretables import persons_word
from mse.publish.oldrelease import read_old_release
from mse.words.said import said

Levels = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Published:
    """What a folder tells of counts of persons.

    Parameters
    ----------
    title, digest : str
        Of the folder, and of the file that holds its figures.
    tables : tuple of OldTable
        Its counts, a table for each source.
    """

    title: str
    digest: str
    tables: tuple[OldTable, ...]


def read_published(folder: Path) -> Published:
    """Return what a release, or key figures, tell of counts of persons.

    Raises
    ------
    InputError
        When the folder is neither, or a file in it is missing or damaged.
    """
    if (folder / JSON).is_file():
        return _old_figures(folder)
    release = read_old_release(folder)
    return Published(release.title, release.digest, () if release.counts is None else (release.counts,))


def _old_figures(folder: Path) -> Published:
    path = folder / JSON
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError(record["format"])
        tables = [_table(source, record["figures"]) for source in record["sources"]]
        return Published(str(record["title"]), f"sha256:{file_digest(path)}", tuple(tables))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            Problem(said("questionnaire.damaged", name=JSON), said("allowed.json_mse_wrote"),
                    said("questionnaire.again"), file=str(path))
        ) from error  # fmt: skip


def _table(source: Mapping[str, Any], figures: list[Mapping[str, Any]]) -> OldTable:
    """Return the counts of one source; a count that stands in one figure is no secret of another."""
    time, periods = source["time"], tuple(map(str, source["periods"]))
    counts: dict[Levels, int | None] = {}
    for figure in figures:
        if figure["source"] != source["name"]:
            continue
        for cell in figure["cells"]:
            at = tuple(sorted((str(dim), tuple(map(str, x))) for dim, x in cell["levels"].items()))
            count = None if cell["count"] is None else int(cell["count"])
            counts[at] = count if counts.get(at) is None else counts[at]
    levels: dict[str, dict[str, None]] = {} if time is None else {str(time): dict.fromkeys(periods)}
    groups: dict[tuple[str, str], tuple[str, ...]] = {}
    for at in counts:
        for dim, inside in at:
            levels.setdefault(dim, {}).update(dict.fromkeys(inside))
            if len(inside) > 1:
                groups[dim, " + ".join(inside)] = inside
    off = int(source["deviation"])
    cells = []
    for at, count in counts.items():
        where = {dim: " + ".join(inside) for dim, inside in at}
        ends = (0.0, math.inf) if count is None else (float(max(count - off, 0)), float(count + off))
        cells.append(OldCell(tuple(where.get(dim) for dim in levels), *ends, count if off else None))
    return OldTable(
        tuple((dim, tuple(x)) for dim, x in levels.items()), tuple(cells), None if time is None else str(time), periods,
        tuple((dim, name, inside) for (dim, name), inside in groups.items()),
        tuple(dim for dim in levels if dim != time), persons_word(str(source["persons"])),
    )  # fmt: skip
