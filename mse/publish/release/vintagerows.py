"""The table of vintages: what a release and those before it published by year, a row a number and a release.

Its columns are those of SDMX: TIME_PERIOD, OBS_VALUE, OBS_STATUS (A as it is, E estimated, Q left out, M none), and,
for the vintage, RELEASE (number) and RELEASE_DATE. A release takes over the rows of its predecessor as they were
published, so that the last one of a series holds all of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mse.answers.strata import ALL
from mse.publish.indicators.measures import VALUES
from mse.publish.registered import time_of

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results

VINTAGES = "vintages"
COLUMNS = (
    "INDICATOR", "TIME_PERIOD", "OBS_VALUE", "LOWER", "UPPER", "OBS_STATUS", "ROUNDED", "RELEASE", "RELEASE_DATE",
)  # fmt: skip
SERIES = ("registered", "estimated")
"""Indicators of which a series of releases is kept."""


def with_vintages(results: Results, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the published tables with that of the vintages behind them."""
    import pandas as pd

    before = results.record.predecessor
    rows = [list(row) for row in before.series] if before is not None else []
    rows += own_rows(results, tables)
    return {**tables, VINTAGES: pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")}


def own_rows(results: Results, tables: dict[str, pd.DataFrame]) -> list[list[str]]:
    """Return what a result publishes of every year, and of all of them together, as rows of the table."""
    frame, time = tables["indicators"], time_of(results)
    vintage = results.record.vintage
    number = "1" if vintage is None else str(vintage.number)
    day = (results.record.report.date if vintage is None else vintage.date) or ""
    rounded = _rounded(tables, time)
    dims = [c for c in frame.columns if c not in ("indicator", *VALUES)]
    rows = []
    for row in frame.to_dict("records"):
        others = [dim for dim in dims if dim != time]
        if row["indicator"] not in SERIES or any(row[dim] != ALL for dim in others):
            continue
        level = str(row[time]) if time in dims else ALL
        when = level if level != ALL else _span(str(row["period"]))
        status = ("A" if row["indicator"] == "registered" else "E") if math.isfinite(row["point"]) else (
            "M" if row["status"] == "too few data" else "Q")  # fmt: skip
        numbers = [_number(row[name]) for name in ("point", "low", "high")]
        held = "1" if row["indicator"] == "registered" and level in rounded else "0"
        rows.append([str(row["indicator"]), when, *numbers, status, held, number, day])
    return rows


def _span(period: str) -> str:
    """Return a period as SDMX writes a span of time."""
    return period.replace("–", "/").replace(" to ", "/") or ALL


def _rounded(tables: dict[str, pd.DataFrame], time: str | None) -> set[str]:
    """Return the years whose count stands as it stood, or is told in steps."""
    frame = tables.get("counts")
    if frame is None:
        return set()
    dims = [c for c in frame.columns if c not in ("count", "status")]
    whole = frame[(frame[[dim for dim in dims if dim != time]] == ALL).all(axis=1) & (frame["status"] == "rounded")]
    return set(whole[time].astype(str)) if time in dims else {ALL} if len(whole) else set()


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
