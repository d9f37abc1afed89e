"""Why last year's number moved: two vintages year by year, registered and estimated, then and now, and what did it.

Vintages are releases or results folders. Numbers are those that each published. What moved them is told where both are
results folders: of the persons registered, those who came late (entered after the older one was drawn), what linkage
made, and corrections (with new codes); of the estimate, data, linkage, model and prior, each put in after the other
(`mse.jobs.revising`). How many persons did it is rounded to the threshold of disclosure control.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.results import Results, read_results
from mse.answers.strata import ALL
from mse.publish.changes import LINKING, is_results_folder
from mse.publish.indicators.measures import VALUES
from mse.publish.oldrelease import FIGURES, read_old_release
from mse.publish.registered import disclosure_rule, is_public, time_of
from mse.publish.release.outgoing import published_tables
from mse.publish.release.vintagerows import with_vintages
from mse.publish.wording.rounding import rounding_unit
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

LATE, LINKED, CORRECTED = "late", "linkage", "corrections"
"""What moves the persons registered."""
CAUSES = ("data", "linkage", "model", "prior")
"""What moves the estimate."""

Estimates = Mapping[str, float]
"""Points of an estimate by year."""


@dataclass(frozen=True, slots=True)
class Number:
    """An estimate as it was published: point, low, high; None where it was not."""

    point: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class YearRevision:
    """One year, then and now.

    Parameters
    ----------
    year : str
        The year; ``"all"`` for all years together where both are over the same.
    registered_then, registered_now : int or None
        As published; None where left out, or not there.
    estimated_then, estimated_now : Number
        As published.
    registered_by : mapping of str to int
        What moved the persons registered: ``late``, ``linkage``, ``corrections``, to the nearest threshold; empty where
        nothing tells.
    estimated_by : mapping of str to float
        What moved the estimate: ``data``, ``linkage``, ``model``, ``prior``; empty where nothing tells them apart.
    """

    year: str
    registered_then: int | None
    registered_now: int | None
    estimated_then: Number
    estimated_now: Number
    registered_by: Mapping[str, int] = field(default_factory=dict)
    estimated_by: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """One vintage: its title, number, day, and its published series; results where its audit record is at hand."""

    title: str
    number: int
    date: str
    series: Mapping[tuple[str, str], Number]
    results: Results | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """Two vintages side by side.

    Parameters
    ----------
    then, now : Side
        The vintages.
    years : tuple of YearRevision
        Years that either has, in order.
    notes : tuple of Said
        What is known of the causes, and what is not.
    """

    then: Side
    now: Side
    years: tuple[YearRevision, ...]
    notes: tuple[Said, ...]


def read_side(path: Path) -> Side:
    """Return a vintage from a results folder or a release.

    Raises
    ------
    InputError
        When it is neither, or damaged.
    """
    if is_results_folder(path):
        results = read_results(path)
        tables = with_vintages(results, published_tables(results))
        rows: Sequence[Sequence[Any]] = tables["vintages"].to_numpy().tolist()
        vintage = results.record.vintage
        number = 1 if vintage is None else vintage.number
        day = (results.record.report.date if vintage is None else vintage.date) or ""
        return Side(results.record.title, number, day, _series(rows, number), results)
    found = read_old_release(path)
    series = _series(found.series, found.number) or _of_indicators(path)
    return Side(found.title, found.number, found.date or "", series)


def is_release(path: Path) -> bool:
    """Return whether a path is the folder of a release."""
    return (path / FIGURES).is_file()


def _series(rows: Sequence[Sequence[Any]], number: int) -> dict[tuple[str, str], Number]:
    return {
        (str(x[0]), str(x[1])): Number(*(as_number(v) for v in x[2:5])) for x in rows if str(x[7]) == str(number)
    }  # fmt: skip


def _of_indicators(path: Path) -> dict[tuple[str, str], Number]:
    """Return the series of a release from before there was a table of vintages."""
    import pandas as pd

    frame = pd.read_csv(path / "indicators.csv", dtype=str, keep_default_na=False)
    dims = [c for c in frame.columns if c not in ("indicator", *VALUES)]
    time = next((dim for dim in dims if frame[dim].str.fullmatch(r"all|\d{4}").all()), None)
    rows = frame[(frame[[dim for dim in dims if dim != time]] == ALL).all(axis=1)]
    return {
        (str(x["indicator"]), str(x[time]) if time is not None else ALL): Number(
            as_number(x["point"]), as_number(x["low"]), as_number(x["high"])
        ) for x in rows.to_dict("records") if x["indicator"] in ("registered", "estimated")
    }  # fmt: skip


def as_number(text: object) -> float | None:
    """Return the number that a cell holds; None where it holds none."""
    try:
        found = float(str(text))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def revise(then: Side, now: Side, steps: Sequence[Estimates] | None = None, notes: Sequence[Said] = ()) -> Revision:
    """Return two vintages side by side.

    Parameters
    ----------
    then, now : Side
        The vintages.
    steps : sequence of five mappings, optional
        Points by year: then; with the data of now; with its linkage, too; with its model; and now.
    notes : sequence of Said
        What is known of that already.
    """
    keys = dict.fromkeys([*then.series, *now.series])
    years = sorted({year for _, year in keys}, key=lambda x: (not x.isdigit(), x))
    both = {year for year in years if year.isdigit()} | (
        {x for x in years if not x.isdigit() and all(("registered", x) in s.series for s in (then, now))}
    )
    moved, more = _moved(then.results, now.results)
    made = []
    for year in years:
        if year not in both:
            continue
        was, has = then.series.get(("registered", year)), now.series.get(("registered", year))
        old, new = (s.series.get(("estimated", year), Number()) for s in (then, now))
        comparable = was is not None and has is not None
        by = _estimate_causes(steps, year, old, new) if comparable and steps is not None else {}
        made.append(YearRevision(
            year, _whole(was), _whole(has), old, new, moved.get(year, {}) if comparable else {}, by,
        ))  # fmt: skip
    return Revision(then, now, tuple(made), (*notes, *more))


def _whole(value: Number | None) -> int | None:
    return None if value is None or value.point is None else round(value.point)


def _estimate_causes(steps: Sequence[Estimates], year: str, old: Number, new: Number) -> dict[str, float]:
    """Return what each cause made of the estimate of a year, rounded as its interval is; empty where it is not told."""
    if old.point is None or new.point is None or not all(year in x for x in steps):
        return {}
    width = max((x.high or 0.0) - (x.low or 0.0) for x in (old, new))
    unit = rounding_unit(width)
    made = {
        cause: round((after[year] - before[year]) / unit) * unit
        for cause, before, after in zip(CAUSES, steps, steps[1:], strict=False)
    }
    # The parts add up to what the two published numbers differ by: what rounding leaves goes to the largest.
    largest = max(made, key=lambda x: abs(made[x]))
    made[largest] += (new.point - old.point) - sum(made.values())
    return made


def _moved(then: Results | None, now: Results | None) -> tuple[dict[str, dict[str, int]], tuple[Said, ...]]:
    """Return by year what moved the persons registered, to the nearest threshold, and what is to be known of it."""
    old, new = (None if x is None else x.tables.get("arrivals") for x in (then, now))
    if then is None or now is None or old is None or new is None:
        return {}, (said("revision.not_told"),)
    cut = then.record.report.extracted or str(old["entered"].dropna().astype(str).max())
    step = 1 if is_public(now) else disclosure_rule(now).threshold
    linkages = [x.record.job.of_registers() for x in (then, now)]
    relinked = any(linkages[0].get(name) != linkages[1].get(name) for name in LINKING)
    made = {}
    time = time_of(now)
    for year in [str(x) for x in new["year"].unique()]:
        before, after = _persons(old, year), _persons(new, year)
        late = after - _persons(new, year, until=cut)
        linked = (after - _exact(new, year)) - (before - _exact(old, year)) if relinked else 0
        parts = {LATE: late, LINKED: linked, CORRECTED: after - before - late - linked}
        made[year if time is not None else ALL] = {name: round(x / step) * step for name, x in parts.items()}
    notes = (said("revision.cut", day=cut), said("revision.rounded", threshold=step))
    return made, notes[: 1 + (step > 1)]


def _persons(frame: pd.DataFrame, year: str, *, until: str | None = None) -> int:
    rows = frame[(frame["what"] == "persons") & (frame["year"].astype(str) == year)]
    day = rows["entered"].fillna("").astype(str)
    return int(rows.loc[day <= until if until is not None else day == day, "count"].sum())


def _exact(frame: pd.DataFrame, year: str) -> int:
    rows = frame[(frame["what"] == "persons by equal pseudonyms") & (frame["year"].astype(str) == year)]
    return int(rows["count"].sum())
