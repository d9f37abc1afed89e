"""Stored runs of the multilevel model as the tables and sentences of the docs.

The figures are made by ``python -m tests.calibration.multilevel_seeds``, ``… multilevel_areas`` and
``… multilevel_measures``; the pages are written by ``python -m benchmarks.readme multilevel``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

STORED = Path(__file__).parents[1] / "tests" / "calibration"
PROBS = ("0.95", "0.80", "0.50")


def _stored(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((STORED / f"multilevel-{name}.json").read_text(encoding="utf-8"))
    return record


def _held(found: dict[str, float]) -> str:
    return " / ".join(f"{100 * found[p]:.0f}" for p in PROBS) + " %"


def seeds() -> str:
    """Return what the chains of ten tables of each size said."""
    lines = ["| table | seeds | draws | divergences | largest R̂ | fewest effective draws | median CPU s |",
             "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    dates = []
    for name, record in _stored("seeds").items():
        each = record["each"]
        dates.append(record["date"])
        fewest = min(min(row["ess_bulk_min"], row["ess_tail_min"]) for row in each)
        seconds = np.median([row["cpu_seconds"] for row in each])
        lines.append(
            f"| {name}, six lists | {len(each)} | {record['draws']:,.0f} | {record['divergences']:.0f} | "
            f"{record['rhat_largest']:.3f} | {fewest:,.0f} | {seconds:.0f} |"
        )
    return "\n".join([*lines, "", f"`python -m tests.calibration.multilevel_seeds`, {max(dates)}."])


def areas() -> str:
    """Return the coverage of areas with neighbours, and what a large country took."""
    small, large = _stored("areas"), _stored("areas-large")
    s, d = small["summary"], large["diagnostics"]
    draws = sum(4 * row["draws_per_chain"] for row in small["each"])
    registered = large["observed"] / large["truth"]
    fewest = min(d["ess_bulk_min"], d["ess_tail_min"])
    return (
        f"In {small['repeats']} made-up countries of {small['areas']} areas, every other one without anything in "
        f"common between neighbours, 95 / 80 / 50 % intervals of areas hold the truth {_held(s['areas'])} of the time, "
        f"of strata {_held(s['strata'])}; where neighbours are alike the error of log N of an area is "
        f"{s['log_error_rms']:.3f} with them and {s['log_error_rms_without_neighbours']:.3f} without (root mean "
        f"square). R̂ was {s['rhat_largest']:.3f} at most, {s['divergences']:.0f} of {draws:,.0f} draws diverged "
        f"(`{small['command']}`, {small['date']}). {large['what'].replace(' x ', ' × ')}, of whose persons "
        f"{registered:.0%} are registered: {large['cpu_seconds']} s of processor time for "
        f"{4 * d['draws_per_chain']:,.0f} draws, R̂ {d['rhat_max']:.3f}, {fewest:,.0f} effective draws at least and "
        f"{d['ess_bulk_total']:,.0f} in the total, {d['divergences']:.0f} divergences; 95 % intervals of areas hold "
        f"{large['areas_covered_95']:.0%} (`{large['command']}`, {large['date']})."
    )


def measures() -> str:
    """Return the coverage of the effect of a measure on N, and what is said of a placebo."""
    record = _stored("measures")
    true, none = record["measure"], record["placebo"]
    s, p = true["summary"], none["summary"]
    factor = math.exp(s["level_width_median"])
    return (
        f"**Held against the truth.** In {true['tables']} made-up tables of ten years and four lists, level and slope "
        f"drawn from their priors, persons who differ in visibility (τ = 0.5), two lists that break at the same date: "
        f"95 / 80 / 50 % intervals of the level hold it {_held(s['level'])} of the time, of the slope "
        f"{_held(s['slope'])}; the upper end of a level's 95 % interval is {factor:.1f} times the lower (median). The "
        f"error of the log level is {s['level_error_rms']:.2f} (root mean square; mean {s['level_error_mean']:+.2f}), "
        f"and {s['interval_without_nought']:.0%} of the 95 % intervals leave out no change. In {none['tables']} tables "
        f"in which nothing happened to N at the date that is declared, a placebo, intervals hold no change "
        f"{_held(p['level'])} of the time, and {p['interval_without_nought']:.0%} claim one at 95 % "
        f"(`{record['command']}`, {record['date']})."
    ).replace("-0.", "−0.")
