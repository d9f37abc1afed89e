"""What of a result may leave the house: every table after disclosure control, rounding and the verdict.

`published_tables` is the one way from the audit record to published numbers; a release is written by it and checked by
doing it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mse.answers.strata import ALL
from mse.publish.disclosure.control import Disclosure, SafeTable
from mse.publish.facts.entries import mapping, number
from mse.publish.indicators.measures import VALUES, indicators
from mse.publish.indicators.sdg import sdg_table
from mse.publish.registered import disclosure_rule, is_public, list_counts, registered_counts, time_of
from mse.publish.standing import UNJUDGED, WITHHELD
from mse.publish.wording.rounding import Rounded, round_interval, round_point

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results

SUPPRESSED = "suppressed"
"""Why a count has no value, and what rests on it; of estimates see `mse.publish.standing`."""

FAILED = "no number"
"""Status of a method that gave none, where its own words are not published."""

ASSESSMENTS = ("sensitivity", "prior", "linkage_error", "robustness", "calibrated")
"""Tables of point, low and high that are rounded and published with the estimate."""


def rounded_values(point: float, low: float, high: float, unit: str, observed: int | None = None) -> Rounded:
    """Return point and interval by the one rule of rounding, outward to at most a tenth of the width.

    Shares, ratios and rates are counted in millionths for it, where the rule stops at whole units.
    """
    if not math.isfinite(point):
        return Rounded(math.nan, math.nan, math.nan, 1.0)
    scale = 1.0 if unit == "persons" else 1e6
    if not (math.isfinite(low) and math.isfinite(high)):
        return Rounded(round_point(point * scale) / scale, math.nan, math.nan, 1.0)
    # A change may be negative, or near 0: moved up by a multiple of every unit, the width alone sets the unit.
    # No larger than it has to be: far from 0 small numbers lose their digits.
    offset = 10.0 ** (1 + math.ceil(math.log10(scale * max(-low, high, 1.0)))) if low < 0 else 0.0
    made = round_interval(*(x * scale + offset for x in (point, low, high)), observed=observed)
    middle, first, last = (_tidy((x - offset) / scale) for x in made[:3])
    return Rounded(middle, first, last, made.unit / scale)


def _tidy(value: float) -> float:
    return round(value, 9) + 0.0


def published_tables(results: Results) -> dict[str, pd.DataFrame]:
    """Return everything that is published of a result, by table: rounded, controlled and judged.

    Returns
    -------
    dict of str to DataFrame
        ``indicators`` always; ``counts`` (registered, by the margins that are published) with strata; ``lists``
        (persons on each list and each two); ``methods``; and ``sdg``, ``chain``, ``survey``, and those of
        `ASSESSMENTS` where the result has them. Figures that are left out say why in ``status``.
    """
    rule = disclosure_rule(results)
    counts = None if is_public(results) else registered_counts(results)
    stop = _stop(results)
    found: dict[str, pd.DataFrame] = {"indicators": _safe_indicators(indicators(results), counts, rule, results, stop)}
    for name, safe in (("counts", registered_counts(results)), ("lists", list_counts(results))):
        if safe is not None:
            found[name] = safe.to_pandas(ALL)
    found["methods"] = _safe_methods(results, stop)
    made = sdg_table(results) if "sdg" in results.tables else None
    if made is not None:
        found["sdg"] = _safe_sdg(made, counts, results, stop)
    if "chain" in results.tables:
        found["chain"] = _safe_chain(results.tables["chain"], rule)
    if "survey" in results.tables:
        found["survey"] = _safe_survey(results.tables["survey"])
    for name in ASSESSMENTS:
        if name in results.tables and stop is None:
            found[name] = _safe_assessment(results.tables[name], is_public(results))
    return found


def _stop(results: Results) -> str | None:
    """Return why no estimate may be published; None when it may."""
    verdict = results.headline.verdict
    if verdict is None:
        return UNJUDGED
    return WITHHELD if verdict.level == "do not publish" else None


# ---- tables -----------------------------------------------------------------------------------------


def _safe_count(
    count: int, levels: Mapping[str, str], safe: SafeTable | None, rule: Disclosure, public: bool
) -> int | None:
    """Return a registered count as it may be published; a total that stands alone is held against the rule itself."""
    if safe is not None:
        return safe.at(**levels).count
    small = 0 < count < rule.threshold or (count == 0 and rule.zeros == "suppress")
    return None if small and not public else count


def _safe_indicators(
    frame: pd.DataFrame, safe: SafeTable | None, rule: Disclosure, results: Results, stop: str | None
) -> pd.DataFrame:
    public = is_public(results)
    dims = [c for c in frame.columns if c not in ("indicator", *VALUES)]
    registered: dict[tuple[str, ...], int | None] = {}
    rows = []
    for row in frame.to_dict("records"):
        at = tuple(str(row[dim]) for dim in dims)
        levels = {dim: level for dim, level in zip(dims, at, strict=True) if level != ALL}
        if row["indicator"] == "registered":
            registered[at] = _safe_count(int(row["point"]), levels, safe, rule, public)
            seen = registered[at]
            rows.append(row | {"point": math.nan if seen is None else float(seen),
                               "status": SUPPRESSED if seen is None else "ok"})  # fmt: skip
            continue
        status = str(row["status"])
        if status == "ok" and stop is not None:
            status = stop
        if status == "ok" and row["indicator"] in ("in view", "dark figure", "hidden for each seen"):
            # Beside the estimate they would give the registered count away.
            status = SUPPRESSED if registered[at] is None else "ok"
        values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if status == "ok":
            floor = registered.get(at) if row["indicator"] == "estimated" else None
            values = rounded_values(row["point"], row["low"], row["high"], row["unit"], floor)
        rows.append(row | {"point": values.point, "low": values.low, "high": values.high, "status": status})
    return _frame(rows, frame.columns)


def _safe_methods(results: Results, stop: str | None) -> pd.DataFrame:
    rows = []
    for row in results.comparison.to_dict("records"):
        status = str(row["status"]) if row["status"] != "ok" or stop is None else stop
        if row["status"] != "ok" and not is_public(results):
            status = FAILED  # why it did may tell counts
        values = [math.nan] * 3
        if status == "ok":
            values = list(rounded_values(row["point"], row["low"], row["high"], "persons")[:3])
        rows.append({"method": row["method"], "label": row["label"], "headline": bool(row["headline"]),
                     "point": values[0], "low": values[1], "high": values[2], "prob": row["prob"],
                     "kind": row["kind"], "status": status})  # fmt: skip
    return _frame(rows, ["method", "label", "headline", "point", "low", "high", "prob", "kind", "status"])


def _safe_sdg(frame: pd.DataFrame, safe: SafeTable | None, results: Results, stop: str | None) -> pd.DataFrame:
    named = mapping(mapping(mapping(results.provenance.get("job")).get("publish")).get("sdg"))
    strata = results.headline.strata
    dims = set(strata.dimensions) if strata is not None else set()
    rule, public, time = disclosure_rule(results), is_public(results), time_of(results)
    rows = []
    for row in frame.to_dict("records"):
        levels = {str(named.get(want, want)): str(row[want]) for want in ("sex", "age", "form") if row[want] != ALL}
        levels |= {time: str(row["year"])} if time in dims and time is not None else {}
        seen = _safe_count(int(row["detected"]), levels, safe, rule, public)
        status = str(row["status"]) if row["status"] != "ok" or stop is None else stop
        new = row | {"detected": math.nan if seen is None else float(seen), "status": status}
        names = ["undetected", "low", "high", "total", "per_100k", "per_100k_low", "per_100k_high"]
        if status == "ok":
            part, raw = Rounded(math.nan, math.nan, math.nan, 1.0), int(row["detected"])
            if seen is not None:
                part = rounded_values(row["undetected"], row["low"], row["high"], "persons")
            total = rounded_values(row["total"], row["low"] + raw, row["high"] + raw, "persons", seen)
            rate = rounded_values(row["per_100k"], row["per_100k_low"], row["per_100k_high"], "per 100,000")
            new |= dict(zip(names, [*part[:3], total.point, *rate[:3]], strict=True))
        else:
            new |= dict.fromkeys(names, math.nan)
        known = seen is not None and math.isfinite(row["detected_per_100k"])
        new["detected_per_100k"] = round_point(row["detected_per_100k"] * 1e6) / 1e6 if known else math.nan
        rows.append(new)
    return _frame(rows, frame.columns)


def _safe_chain(frame: pd.DataFrame, rule: Disclosure) -> pd.DataFrame:
    """Return the chain without small counts and complements, and without what rests on them."""
    hidden: set[str] = set()
    rows = []
    for row in frame.to_dict("records"):
        count, base = int(row["count"]), number(row["base"])
        rest = None if base is None or row["kind"] != "share" else int(base) - count
        if 0 < count < rule.threshold or (rest is not None and 0 < rest < rule.threshold):
            hidden.add(str(row["step"]))
        out, lost = row["step"] in hidden, row["of"] in hidden
        status = SUPPRESSED if out or lost else "ok"
        values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if status == "ok" and base:
            values = rounded_values(row["rate"], row["low"], row["high"], "share")
        rows.append(row | {"count": math.nan if out else count, "base": math.nan if lost or base is None else base,
                           "rate": values.point, "low": values.low, "high": values.high, "status": status})  # fmt: skip
    return _frame(rows, [*frame.columns, "status"])


def _safe_survey(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in frame.to_dict("records"):
        persons = rounded_values(row["persons"], row["low"], row["high"], "persons")
        rate = rounded_values(row["rate"], row["rate_low"], row["rate_high"], "share")
        rows.append(row | {"persons": persons.point, "low": persons.low, "high": persons.high, "rate": rate.point,
                           "rate_low": rate.low, "rate_high": rate.high})  # fmt: skip
    return _frame(rows, frame.columns)


def _safe_assessment(frame: pd.DataFrame, public: bool) -> pd.DataFrame:
    """Return a table of the assessment with its estimates rounded, without observed counts and single cells."""
    rows = []
    for row in frame.to_dict("records"):
        if str(row.get("change", "")).startswith("cell"):
            continue
        values = rounded_values(row["point"], row["low"], row["high"], "persons")
        if "status" in row and row["status"] != "ok" and not public:
            row["status"] = FAILED
        rows.append(row | {"point": values.point, "low": values.low, "high": values.high})
    return _frame(rows, [c for c in frame.columns if c not in ("observed", "ratio")])


def _frame(rows: Sequence[Mapping[Any, Any]], columns: Iterable[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))
