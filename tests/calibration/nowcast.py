"""How often intervals for what has not come in yet hold it: reporting triangles with a known rest.

    python -m tests.calibration.nowcast [REPETITIONS]

Registrations of a month are Poisson around a random walk of their log, delays geometric in months; in some worlds they
come in batches (a part of the registrations of a month stays behind together), and in one of them delays grew.
The file beside this holds what it printed.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np

from mse.intake.nowcast import LONGEST, draw_missing

STORED = Path(__file__).with_suffix(".json")
MONTHS, DRAWS = 48, 400
WORLDS = {
    "60 a month, half within the month": (60.0, 0.5, 0.05, 0.0, 0.0),
    "10 a month, half within the month": (10.0, 0.5, 0.05, 0.0, 0.0),
    "60 a month, slow": (60.0, 0.25, 0.05, 0.0, 0.0),
    "60 a month, in batches": (60.0, 0.5, 0.05, 0.3, 0.0),
    "10 a month, in batches": (10.0, 0.4, 0.1, 0.3, 0.0),
    "60 a month, delays that grow by half in four years": (60.0, 0.5, 0.05, 0.0, 0.5),
}
"""Registrations a month, share that comes in each month, step of the walk, batches (sd of the log odds), growth."""


def world(rng: np.random.Generator, level: float, share: float, step: float, batch: float, growth: float) -> tuple[
    np.ndarray, int
]:  # fmt: skip
    """Return a triangle as it is known at its end, and what has not come in of its last twelve months."""
    rates = level * np.exp(np.cumsum(rng.normal(0.0, step, MONTHS)))
    whole = np.zeros((MONTHS, LONGEST + 1))
    for t, rate in enumerate(rates):
        left = int(rng.poisson(rate))
        p = share / (1.0 + growth * t / MONTHS)
        for d in range(LONGEST + 1):
            odds = np.log(p / (1 - p)) + rng.normal(0.0, batch)
            came = left if d == LONGEST else int(rng.binomial(left, 1.0 / (1.0 + np.exp(-odds))))
            whole[t, d], left = came, left - came
    known = np.arange(MONTHS)[::-1][:, None] >= np.arange(LONGEST + 1)[None, :]
    return np.where(known, whole, 0.0), int(np.where(known, 0.0, whole)[-12:].sum())


def coverage(repetitions: int, seed: int = 15) -> list[dict[str, object]]:
    """Return for every world how often the intervals hold the rest, and how it compares to their middle."""
    rows = []
    for number, (name, about) in enumerate(WORLDS.items()):
        held, ratio = np.zeros((repetitions, 2)), np.zeros(repetitions)
        for i in range(repetitions):
            rng = np.random.default_rng([seed, number, i])
            triangle, rest = world(rng, *about)
            drawn = draw_missing(triangle, DRAWS, rng)[:, -12:].sum(axis=1)
            for k, prob in enumerate((0.95, 0.8)):
                low, high = np.quantile(drawn, [(1 - prob) / 2, (1 + prob) / 2], method="inverted_cdf")
                held[i, k] = low <= rest <= high
            ratio[i] = np.log((np.median(drawn) + 1.0) / (rest + 1.0))
        rows.append({
            "world": name, "repetitions": repetitions, "at_95": float(held[:, 0].mean()),
            "at_80": float(held[:, 1].mean()), "log_bias": round(float(ratio.mean()), 3),
        })  # fmt: skip
    return rows


if __name__ == "__main__":
    found = coverage(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    STORED.write_text(json.dumps({"date": f"{date.today()}", "worlds": found}, indent=1) + "\n", encoding="utf-8")
    for row in found:
        print(row)
