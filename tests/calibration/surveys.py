"""How often intervals of surveys hold the truth.

Run ``python -m tests.calibration.surveys`` to repeat it and store the result. Samples of clusters from a population of
2,000 clusters whose rates differ by sex: linearised, by jackknife replicates, calibrated to the known totals of sex by
raking and GREG, the difference of the sexes; and Fay–Herriot areas by themselves, few and many, alike and not. 95 %
intervals; the Monte Carlo error of a coverage of 500 runs is 1 point, that of areas below half a point.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mse.evidence.smallareas import fay_herriot
from mse.evidence.surveydesign import make_respondents
from mse.evidence.surveylaw import comparisons, rate_lines, survey_law

HERE = Path(__file__).parent
RUNS, RUNS_AREAS = 500, 500


def coverage(seed: int, runs: int) -> dict[str, float]:
    """Return the share of intervals that hold the truth, by kind."""
    rng = np.random.default_rng(seed)
    pull = rng.normal(0, 0.5, 2000)
    chance = {s: 1 / (1 + np.exp(2.0 - pull - 0.6 * (s == "f"))) for s in "fm"}
    truth = {s: float(p.mean()) for s, p in chance.items()}
    whole = (truth["f"] + truth["m"]) / 2
    totals = {"sex": {"f": 20_000.0, "m": 20_000.0}}
    held: dict[str, list[bool]] = {}
    for _ in range(runs):
        units = rng.choice(2000, 40, replace=False)
        unit = np.repeat(np.arange(40), 20)
        sex = rng.choice(["f", "m"], 800, p=[0.6, 0.4])
        p = np.where(sex == "f", chance["f"][units][unit], chance["m"][units][unit])
        data = make_respondents((rng.random(800) < p).astype(float), np.where(sex == "f", 40.0, 60.0), [0] * 800,
                                unit.tolist(), {"sex": sex.tolist()})  # fmt: skip
        weights = np.stack([data.weight * (unit != u) * 40 / 39 for u in range(40)], axis=1)
        jackknife = replace(data, replicates=weights, factors=np.full(40, 39 / 40))
        laws = {"linearised": survey_law(data), "jackknife": survey_law(jackknife),
                "raking": survey_law(data, totals), "greg": survey_law(data, totals, "greg"),
                "raking, jackknife": survey_law(jackknife, totals)}  # fmt: skip
        for kind, law in laws.items():
            line = rate_lines(law, 0.95)[-1]
            held.setdefault(kind, []).append(line.low <= whole <= line.high)
        found = comparisons(laws["linearised"], "sex", 0.95)[0]
        gap = truth["m"] - truth["f"]
        held.setdefault("difference", []).append(found.low <= gap <= found.high)
        held.setdefault("ratio", []).append(found.ratio_low <= truth["m"] / truth["f"] <= found.ratio_high)
    return {kind: round(float(np.mean(x)), 4) for kind, x in held.items()}


def small_areas(areas: int, spread: float, covariate: bool, runs: int, seed: int = 18) -> dict[str, object]:
    """Return the share of intervals of areas that hold the truth, and their width beside that of direct estimates."""
    rng = np.random.default_rng([seed, areas, int(1000 * spread), covariate])
    held, widths = [], []
    for _ in range(runs):
        x = rng.normal(size=areas)
        truth = 0.2 + 0.02 * x * covariate + rng.normal(0, spread, areas)
        variance = rng.uniform(0.0004, 0.004, areas)
        design = np.column_stack([np.ones(areas), *([x] if covariate else [])])
        found = fay_herriot(rng.normal(truth, np.sqrt(variance)), variance, design, 0.95)
        held.append(float(np.mean((found.low <= truth) & (truth <= found.high))))
        widths.append(float(np.mean((found.high - found.low) / (2 * 1.959964 * np.sqrt(variance)))))
    return {"areas": areas, "spread": spread, "covariate": covariate, "runs": runs,
            "covered": round(float(np.mean(held)), 4), "of_direct": round(float(np.mean(widths)), 3)}  # fmt: skip


if __name__ == "__main__":
    record = {"made": datetime.now(UTC).date().isoformat(), "runs": RUNS, "prob": 0.95, "covered": coverage(17, RUNS),
              "small_areas": [small_areas(m, spread, x, RUNS_AREAS) for m in (8, 15, 30, 100)
                              for spread in (0.0, 0.01, 0.03, 0.1) for x in (False, True)]}  # fmt: skip
    (HERE / "surveys.json").write_text(json.dumps(record, indent=2) + "\n")
