"""The stored calibration of averages, latent classes and the multilevel model, as the tables of docs/methods.md.

The figures are made by ``python -m tests.calibration.sbc``, ``… latentclass``, ``… multilevel coverage 100`` and
``… multilevel_ranks``; the page is written by ``python -m benchmarks.readme calibration``.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

STORED = Path(__file__).resolve().parents[1] / "tests" / "calibration"
PROBS = ("0.5", "0.8", "0.95")
RANKED = {
    "average-3": "`average`, three lists",
    "average-3 Laplace": "`average` by Laplace alone, three lists",
    "average-3 sd grid": "`average`, σ = ½ or 2, three lists",
    "average-3 prior by size": '`average`, `model_prior = "size"`, three lists',
    "average-4": "`average`, four lists",
    "average-4 Laplace": "`average` by Laplace alone, four lists",
    "shrinkage-3": "`shrinkage`, three lists",
    "shrinkage-4": "`shrinkage`, four lists",
    "shrinkage-4 without the highest term": "… without the term of all lists",
    "shrinkage-4 Laplace": "`shrinkage` without sampling, four lists",
    "shrinkage-5 Laplace": "`shrinkage` without sampling, five lists",
    "decomposable-3 delta=1": "`decomposable`, three lists, δ = 1",
    "decomposable-3 delta=1/8": "`decomposable`, three lists, δ = 1/8",
    "decomposable-4 delta=1": "`decomposable`, four lists, δ = 1",
    "search-average-4": "`search-average`, four lists",
    "average-strata-3": "`average-strata`, three lists, two strata",
    "average-strata-3 blind": "… one list blind in one stratum",
    "average-strata-3 missing": "… one list missing in one stratum",
    "average-strata-3 bounded": "… one list's only-cells as upper bounds",
    "average-strata-3 labels": "… 30 % of the labels missing; N of one stratum",
}
"""Cases of ranks in the order of the page, and their names there."""
LATENT = {
    ("three lists",): "`latent-class`, three lists",
    ("five lists",): "`latent-class`, five lists",
    ("strata", "total"): "`latent-class` by stratum, three lists, labels and a list missing",
    ("strata", "stratum"): "… N of the stratum without that list",
}
"""Parts of the stored ranks of latent classes, and their names on the page."""

MULTILEVEL = {
    ("four lists, two years, two forms", "total"): "`multilevel`, four lists, two years x two forms",
    ("four lists, two years, two forms", "first stratum"): "… N of one stratum",
    ("four lists, two years, two forms", "common dependence"): "… the dependence of all pairs",
    ("a list blind, one missing, labels missing, a break", "total"): "`multilevel`, a list blind, one missing, "
    "labels missing, a break",
    ("a list blind, one missing, labels missing, a break", "first stratum"): "… N of one stratum",
    ("a list blind, one missing, labels missing, a break", "common dependence"): "… the dependence of all pairs",
}
"""Cases and quantities of the stored ranks of the multilevel model, and their names on the page."""


def markdown() -> str:
    """Return the stored results as two tables: ranks under the own prior, and years of simulated nations."""
    averages = json.loads((STORED / "sbc.json").read_text(encoding="utf-8"))
    classes = json.loads((STORED / "latentclass.json").read_text(encoding="utf-8"))
    heads = ("case", "tables", "p of the bands", "p of the tenths", *(f"{100 * float(p):.0f} % covers" for p in PROBS))
    levels = json.loads((STORED / "multilevel-ranks.json").read_text(encoding="utf-8"))
    lines = [*_head(heads), *_ranks(averages["ranks"], RANKED), *_classes(classes)]
    lines += _ranks({key: levels[key[0]][key[1]] for key in MULTILEVEL}, MULTILEVEL)
    heads = (
        "method",
        "years",
        *(f"{100 * float(p):.0f} % covers" for p in PROBS),
        "median of log error",
        "RMS of log error",
    )
    lines += ["", *_head(heads)]
    for method, found in averages["national"].items():
        errors = f"{found['median_log_error']:.3f} | {found['rms_log_error']:.3f}".replace("-", "−")
        lines.append(f"| `{method}` | {found['tables']} | {_covered(found)} | {errors} |")
    lines.append(_multilevel_years())
    last = max(x["date"] for section in averages.values() for x in section.values())
    return "\n".join([*lines, "", f"Written by `python -m benchmarks.readme calibration`; the last run is of {last}."])


NATIONS = {
    "multilevel": "as it ships", "multilevel-switched": "differences, no referral",
    "multilevel-varied": "each another one",
}  # fmt: skip
"""Stored coverage of the multilevel model over repeated nations, and the names of these."""


def nations() -> str:
    """Return the stored coverage of the multilevel model over repeated nations, under the prior before and now."""
    heads = ("nation", "prior", "registers", "50 / 80 / 95 % of the total", "of years", "mean log error", "RMS",
             "median log width")  # fmt: skip
    lines, dates = [f"| {' | '.join(heads)} |", "|---|---|---:|---|---|---:|---:|---:|"], []
    for name, shown in NATIONS.items():
        record = json.loads((STORED / f"{name}.json").read_text(encoding="utf-8"))
        dates.append(record["date"])
        for prior, part in (("before", record.get("before")), ("now", record)):
            if part is None:
                continue
            s = part["summary"]
            covers = [
                " / ".join(f"{100 * s[what][f'{float(p):.2f}']:.0f}" for p in PROBS) for what in ("total", "years")
            ]
            figures = [
                f"{s[what]:.2f}".replace("-", "−") if what in s else "–"
                for what in ("log_error_total_mean", "log_error_total_rms", "log_width_total_median")
            ]
            lines.append(f"| {' | '.join((shown, prior, str(part['repeats']), *covers, *figures))} |")
    last = f"Written by `python -m benchmarks.readme multilevel`; the last run is of {max(dates)}."
    return "\n".join([*lines, "", last])


def _head(heads: tuple[str, ...]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]


def _covered(found: Mapping[str, Any]) -> str:
    return " | ".join(f"{100 * found['covered'][p]:.1f} %" for p in PROBS)


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"


def _ranks(stored: Mapping[Any, Any], names: Mapping[Any, str]) -> Iterator[str]:
    for name, shown in names.items():
        found = stored[name]
        tests = " | ".join(_p(found[test]) for test in ("band_p", "chi_square_p"))
        yield f"| {shown} | {found['tables']:,} | {tests} | {_covered(found)} |"


def _classes(stored: Mapping[str, Any]) -> Iterator[str]:
    for (part, *inside), shown in LATENT.items():
        found = stored[part]["results"]
        for name in inside:
            found = found[name]
        p = float(chi2.sf(found["chi_square"], len(found["tenths"]) - 1))
        yield f"| {shown} | {found['tables']:,} | – | {_p(p)} | {_covered(found)} |"


def _multilevel_years() -> str:
    """Return the row of the multilevel model: smaller nations, all of whose years are estimated together."""
    record = json.loads((STORED / "multilevel.json").read_text(encoding="utf-8"))
    errors = np.array([x["log_error_total"] for x in record["each"]])
    years = sum(len(x["years"]) for x in record["each"])
    found = {"covered": {p: record["summary"]["years"][f"{float(p):.2f}"] for p in PROBS}}
    errors_shown = f"{np.median(errors):.3f} | {np.sqrt(np.mean(errors**2)):.3f}".replace("-", "−")
    return f"| `multilevel`, four years x two forms, four lists | {years} | {_covered(found)} | {errors_shown} |"
