"""What of a result may leave the house: every table after disclosure control, rounding and the verdict.

`published_tables` is the one way from the audit record to published numbers; a release is written by it and checked by
doing it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mse.answers.strata import ALL
from mse.assess.robustness import CELLS
from mse.publish.disclosure.control import SafeCell
from mse.publish.indicators.measures import indicators
from mse.publish.indicators.sdg import sdg_table
from mse.publish.publishedchain import published_chain
from mse.publish.publishedparts import assessed_values, published_methods, published_parts, telling
from mse.publish.registered import (
    is_public,
    list_counts,
    one_number_only,
    registered,
    registered_counts,
)
from mse.publish.standing import FAILED, OK, SUPPRESSED
from mse.publish.wording.rounding import Rounded, rounded_values

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results
    from mse.publish.disclosure.control import SafeTable
    from mse.publish.publishedparts import PublishedParts

OF_PARTS = ("estimated", "in view", "dark figure", "hidden for each seen", "per 100,000")
"""Indicators that are numbers of a published part."""

ASSESSMENTS = ("sensitivity", "prior", "linkage_error", "robustness", "calibrated")
"""Tables of point, low and high that are rounded and published with the estimate."""


def published_tables(results: Results) -> dict[str, pd.DataFrame]:
    """Return everything that is published of a result, by table: rounded, controlled and judged.

    Returns
    -------
    dict of str to DataFrame
        ``indicators`` always; ``counts`` (registered, by the margins that are published) with strata; ``lists``
        (persons on each list and each two); ``methods``; and ``sdg``, ``chain``, ``survey``, and those of
        `ASSESSMENTS` where the result has them. Figures that are left out say why in ``status``.
    """
    published = published_parts(results)
    parts, stop = published.parts, published.stop
    found: dict[str, pd.DataFrame] = {"indicators": _safe_indicators(indicators(results, parts), stop)}
    for name, safe in (("counts", _counts(results, published)), ("lists", list_counts(results))):
        if safe is not None:
            found[name] = safe.to_pandas(ALL)
    found["methods"] = _methods(results)
    made = sdg_table(results, parts) if "sdg" in results.tables else None
    if made is not None:
        found["sdg"] = _safe_sdg(made)
    if "chain" in results.tables:
        found["chain"] = published_chain(results)
    if "survey" in results.tables:
        found["survey"] = _safe_survey(results.tables["survey"])
    for name in ASSESSMENTS:
        if name in results.tables and stop is None and not one_number_only(results):
            found[name] = _safe_assessment(results, name)
    return found


def _counts(results: Results, published: PublishedParts) -> SafeTable | None:
    """Return the registered persons by stratum as the published parts have them; None where there are no strata."""
    safe = registered_counts(results)
    if safe is None or not is_public(results):
        return safe
    # Of a public table every page and table states all of them.
    seen = {frozenset(part.levels.items()): part.observed for part in published.parts}
    cells = []
    for cell in safe.cells:
        at = frozenset((dim, level) for dim, level in zip(safe.dimensions, cell.place, strict=True) if level)
        cells.append(cell if cell.status == "structural zero" else SafeCell(cell.place, seen[at], "published"))
    return replace(safe, cells=tuple(cells), deviation=0)


# ---- tables -----------------------------------------------------------------------------------------


def _safe_indicators(frame: pd.DataFrame, stop: str | None) -> pd.DataFrame:
    """Return indicators that were made from published parts, with those left out that may not be stated.

    Numbers of parts are rounded as they come; shares of strata, changes and rates at risk are rounded here.
    """
    rows = []
    for row in frame.to_dict("records"):
        if row["indicator"] == "registered":
            rows.append(row | {"status": OK if math.isfinite(row["point"]) else SUPPRESSED})
            continue
        status = str(row["status"])
        if status == OK and stop is not None:
            status = stop
        values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if status == OK and row["indicator"] in OF_PARTS:
            values = Rounded(row["point"], row["low"], row["high"], 1.0)
        elif status == OK:
            values = rounded_values(row["point"], row["low"], row["high"], row["unit"])
        rows.append(row | {"point": values.point, "low": values.low, "high": values.high, "status": status})
    return _frame(rows, frame.columns)


def _methods(results: Results) -> pd.DataFrame:
    rows = []
    for x in published_methods(results):
        size = x.size if x.size is not None and x.status == OK else (math.nan,) * 3
        rows.append({"method": x.method, "label": x.label, "headline": x.headline,
                     "point": size[0], "low": size[1], "high": size[2], "prob": x.prob,
                     "kind": x.kind, "status": x.status})  # fmt: skip
    return _frame(rows, ["method", "label", "headline", "point", "low", "high", "prob", "kind", "status"])


def _safe_sdg(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table that was made from published parts, without estimates that may not be stated."""
    names = ["undetected", "low", "high", "total", "per_100k", "per_100k_low", "per_100k_high"]
    blank = dict.fromkeys(names, math.nan)
    rows = [row if row["status"] == OK else row | blank for row in frame.to_dict("records")]
    return _frame(rows, frame.columns)


def _safe_survey(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in frame.to_dict("records"):
        persons = rounded_values(row["persons"], row["low"], row["high"], "persons")
        rate = rounded_values(row["rate"], row["rate_low"], row["rate_high"], "share")
        rows.append(row | {"persons": persons.point, "low": persons.low, "high": persons.high, "rate": rate.point,
                           "rate_low": rate.low, "rate_high": rate.high})  # fmt: skip
    return _frame(rows, frame.columns)


def _safe_assessment(results: Results, name: str) -> pd.DataFrame:
    """Return a table of the assessment with its estimates rounded, without observed counts and single cells.

    Without some of the lists there is no number where its interval starts below those who were registered, as
    published: it would tell how many are on none of the lists that are left.
    """
    frame, public = results.tables[name], is_public(results)
    counts = None if public else registered(results)
    floor = None if counts is None or counts.total is None else counts.total + counts.table.deviation
    rows = []
    for row in frame.to_dict("records"):
        if row.get("change") in CELLS:
            continue
        values = assessed_values({str(k): v for k, v in row.items()}, public=public,
                                 observed=results.headline.observed, floor=floor)  # fmt: skip
        if telling(values, public=public, floor=floor):
            values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if "status" in row and row["status"] != OK and not public:
            row["status"] = FAILED
        rows.append(row | {"point": values.point, "low": values.low, "high": values.high})
    return _frame(rows, [c for c in frame.columns if c not in ("observed", "ratio")])


def _frame(rows: Sequence[Mapping[Any, Any]], columns: Iterable[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))
