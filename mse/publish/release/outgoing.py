"""What of a result may leave the house: every table after disclosure control, rounding and the verdict.

`published_tables` is the one way from the audit record to published numbers; a release is written by it and checked by
doing it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mse.answers.strata import ALL
from mse.assess.robustness import CELLS, OF_FEWER
from mse.publish.indicators.measures import VALUES, indicators
from mse.publish.indicators.sdg import sdg_table
from mse.publish.publishedchain import published_chain
from mse.publish.publishedparts import published_parts, published_verdict
from mse.publish.registered import (
    Registered,
    is_public,
    list_counts,
    one_number_only,
    registered,
    registered_counts,
    stated_values,
)
from mse.publish.standing import FAILED, OK, SUPPRESSED, UNJUDGED, WITHHELD
from mse.publish.wording.rounding import Rounded, round_point, rounded_values

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results

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
    parts = published_parts(results)
    stop = _stop(results)
    found: dict[str, pd.DataFrame] = {"indicators": _safe_indicators(indicators(results, parts), stop)}
    for name, safe in (("counts", registered_counts(results)), ("lists", list_counts(results))):
        if safe is not None:
            found[name] = safe.to_pandas(ALL)
    found["methods"] = _safe_methods(results, stop)
    made = sdg_table(results, parts) if "sdg" in results.tables else None
    if made is not None:
        found["sdg"] = _safe_sdg(made, stop)
    if "chain" in results.tables:
        found["chain"] = published_chain(results)
    if "survey" in results.tables:
        found["survey"] = _safe_survey(results.tables["survey"])
    for name in ASSESSMENTS:
        if name in results.tables and stop is None and not one_number_only(results):
            found[name] = _safe_assessment(results.tables[name], None if is_public(results) else registered(results))
    return found


def _stop(results: Results) -> str | None:
    """Return why no estimate may be published; None when it may."""
    verdict = published_verdict(results)
    if verdict is None:
        return UNJUDGED
    return WITHHELD if verdict.level == "do not publish" else None


# ---- tables -----------------------------------------------------------------------------------------


def _safe_indicators(frame: pd.DataFrame, stop: str | None) -> pd.DataFrame:
    """Return indicators that were made from published parts, rounded, with those left out that may not be stated."""
    dims = [c for c in frame.columns if c not in ("indicator", *VALUES)]
    shown: dict[tuple[str, ...], bool] = {}
    rows = []
    for row in frame.to_dict("records"):
        at = tuple(str(row[dim]) for dim in dims)
        if row["indicator"] == "registered":
            shown[at] = math.isfinite(row["point"])
            rows.append(row | {"status": OK if shown[at] else SUPPRESSED})
            continue
        status = str(row["status"])
        if status == OK and stop is not None:
            status = stop
        if status == OK and row["indicator"] in ("in view", "dark figure", "hidden for each seen"):
            status = OK if shown[at] else SUPPRESSED
        values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if status == OK and row["indicator"] == "estimated":
            values = Rounded(row["point"], row["low"], row["high"], 1.0)
        elif status == OK:
            values = rounded_values(row["point"], row["low"], row["high"], row["unit"])
        rows.append(row | {"point": values.point, "low": values.low, "high": values.high, "status": status})
    return _frame(rows, frame.columns)


def _safe_methods(results: Results, stop: str | None) -> pd.DataFrame:
    counts = None if is_public(results) else registered(results)
    count = results.headline.observed if counts is None else counts.total
    stop = SUPPRESSED if count is None else stop
    alone = one_number_only(results)
    rows = []
    for row in results.comparison.to_dict("records"):
        status = str(row["status"]) if row["status"] != OK or stop is None else stop
        if row["status"] != OK and not is_public(results):
            status = FAILED  # why it did may tell counts
        if status == OK and alone and not row["headline"]:
            status = SUPPRESSED
        values = [math.nan] * 3
        if status == OK:
            values = list(stated_values(counts, row["point"], row["low"], row["high"], count, alone)[:3])
        rows.append({"method": row["method"], "label": row["label"], "headline": bool(row["headline"]),
                     "point": values[0], "low": values[1], "high": values[2], "prob": row["prob"],
                     "kind": row["kind"], "status": status})  # fmt: skip
    return _frame(rows, ["method", "label", "headline", "point", "low", "high", "prob", "kind", "status"])


def _safe_sdg(frame: pd.DataFrame, stop: str | None) -> pd.DataFrame:
    """Return the table that was made from published parts, rounded, without estimates that may not be stated."""
    rows = []
    for row in frame.to_dict("records"):
        status = str(row["status"]) if row["status"] != OK or stop is None else stop
        new = row | {"status": status}
        names = ["undetected", "low", "high", "total", "per_100k", "per_100k_low", "per_100k_high"]
        if status == OK:
            part = Rounded(math.nan, math.nan, math.nan, 1.0)
            if math.isfinite(row["detected"]):
                part = rounded_values(row["undetected"], row["low"], row["high"], "persons")
            rate = rounded_values(row["per_100k"], row["per_100k_low"], row["per_100k_high"], "per 100,000")
            new |= dict(zip(names, [*part[:3], row["total"], *rate[:3]], strict=True))
        else:
            new |= dict.fromkeys(names, math.nan)
        rate_seen = row["detected_per_100k"]
        new["detected_per_100k"] = round_point(rate_seen * 1e6) / 1e6 if math.isfinite(rate_seen) else math.nan
        rows.append(new)
    return _frame(rows, frame.columns)


def _safe_survey(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in frame.to_dict("records"):
        persons = rounded_values(row["persons"], row["low"], row["high"], "persons")
        rate = rounded_values(row["rate"], row["rate_low"], row["rate_high"], "share")
        rows.append(row | {"persons": persons.point, "low": persons.low, "high": persons.high, "rate": rate.point,
                           "rate_low": rate.low, "rate_high": rate.high})  # fmt: skip
    return _frame(rows, frame.columns)


def _safe_assessment(frame: pd.DataFrame, counts: Registered | None) -> pd.DataFrame:
    """Return a table of the assessment with its estimates rounded, without observed counts and single cells.

    Without some of the lists there is no number where its interval starts below those who were registered, as published
    in `counts`: it would tell how many are on none of the lists that are left.
    """
    total = None if counts is None else counts.total
    rows = []
    for row in frame.to_dict("records"):
        if row.get("change") in CELLS:
            continue
        values = stated_values(counts, row["point"], row["low"], row["high"], total)
        if row.get("change") in OF_FEWER and total is not None:
            values = rounded_values(row["point"], row["low"], row["high"], "persons")
        if counts is not None and total is not None and values.low < total + counts.table.deviation:
            values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if "status" in row and row["status"] != OK and counts is not None:
            row["status"] = FAILED
        rows.append(row | {"point": values.point, "low": values.low, "high": values.high})
    return _frame(rows, [c for c in frame.columns if c not in ("observed", "ratio")])


def _frame(rows: Sequence[Mapping[Any, Any]], columns: Iterable[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))
