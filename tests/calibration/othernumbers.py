"""How often intervals of key figures and of chains through time hold the truth.

Run ``python -m tests.calibration.othernumbers`` to repeat it and store the result.

Key figures: shares of binomial counts, changes and multiples of two Poisson counts, differences of two shares, the most
frequent of four forms. Chains: reported, investigated or dismissed, convicted or acquitted, with constant rates, late
entry, and censoring at a last day. 95 % intervals; the Monte Carlo error of a coverage of 2,000 runs is 0.5 points.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mse.evidence.occupation import chance, probabilities
from mse.publish.figures.figurespec import FigureLimits, FigureSpec, SourceSpec
from mse.publish.figures.figuretables import ShownSource
from mse.publish.figures.figurevalues import key_figure, rank_probability

HERE = Path(__file__).parent
RUNS = 2_000
RATES = {(0, 1): 1 / 200, (0, 2): 1 / 700, (1, 3): 1 / 250, (1, 4): 1 / 500}
"""Moves per day: reported to investigated or dismissed, investigated to convicted or acquitted."""
TIMES = np.array([182.0, 365.0, 730.0])


def truth(times: np.ndarray) -> np.ndarray:
    """Return the true occupation probabilities, shape (times, 5)."""
    from scipy.linalg import expm

    rates = np.zeros((5, 5))
    for (h, j), rate in RATES.items():
        rates[h, j] = rate
        rates[h, h] -= rate
    return np.array([expm(rates * t)[0] for t in times])


def stays(rng: np.random.Generator, n: int, late: float) -> tuple[np.ndarray, ...]:
    """Return stays of n persons under observation, a share of whom entered late."""
    found: list[tuple[int, int, float, float]] = []
    seen = 0
    while seen < n:
        last = float(rng.uniform(200, 1500))
        entry = float(rng.uniform(0, 300)) if rng.random() < late else 0.0
        t, state, own = 0.0, 0, []
        while any(h == state for h, _ in RATES):
            out = [(j, rng.exponential(1 / rate)) for (h, j), rate in RATES.items() if h == state]
            after, gap = min(out, key=lambda x: x[1])
            end = t + gap
            if min(end, last) > max(t, entry):
                own.append((state, after if end <= last else -1, max(t, entry), min(end, last)))
            if end > last:
                break
            t, state = end, after
        if own:
            seen += 1
            found += own
    return tuple(np.array(x) for x in zip(*found, strict=True))


def chains() -> list[dict[str, object]]:
    """Return the coverage of occupation probabilities by number of persons and share of late entries."""
    rows = []
    true = truth(TIMES)
    for n, late in ((50, 0.0), (200, 0.0), (50, 0.4), (200, 0.4)):
        rng = np.random.default_rng([17, n, int(10 * late)])
        held, runs = np.zeros_like(true), RUNS // 4
        for _ in range(runs):
            state, after, begin, end = stays(rng, n, late)
            share, variance = probabilities(state, after, begin, end, 5, TIMES)
            for t in range(TIMES.size):
                for j in range(5):
                    law = chance(share[t, j], variance[t, j], n, 0.95)
                    held[t, j] += law.low <= true[t, j] <= law.high
        rows.append({"persons": n, "late": late, "runs": runs, "coverage": round(float(held.mean() / runs), 4),
                     "worst": round(float(held.min() / runs), 4)})  # fmt: skip
    return rows


def figures() -> list[dict[str, object]]:
    """Return the coverage of the intervals of key figures as printed, rounding outward included."""
    rng = np.random.default_rng(18)
    source = SourceSpec("r", "victims", "p", "d", counts=({"count": 1},), time="year")
    dims = {"year": ("1", "2"), "form": ("a", "b")}
    kinds = {
        "share": FigureSpec("share", "r", {"form": "a"}, when="2"),
        "share change": FigureSpec("share change", "r", {"form": "a"}, when="2", against="1"),
        "change": FigureSpec("change", "r", {"form": "a"}, when="2", against="1"),
    }
    wide = FigureLimits(few=(0, 0), wide_share=(2, 2), wide_change=(1e9, 1e9))
    rows = []
    for size in (30, 100, 500):
        for kind, spec in kinds.items():
            held = 0
            for _ in range(RUNS):
                p, q = rng.uniform(0.05, 0.95, 2)
                m = int(size * rng.uniform(0.7, 1.4))
                if kind == "change":
                    x, y = rng.poisson(p * size), rng.poisson(q * size)
                    true = p / q - 1
                else:
                    x, y = rng.binomial(size, p), rng.binomial(m, q)
                    true = p if kind == "share" else p - q
                year = (
                    (("form", ("a",)), ("year", ("2",))),
                    (("year", ("2",)),),
                    (("form", ("a",)), ("year", ("1",))),
                    (("year", ("1",)),),
                )
                shown = ShownSource(source, dims, dict(zip(year, (int(x), size, int(y), m), strict=True)), 0)
                value = key_figure(spec, shown, (), wide, 0.95).value
                held += (value.low <= true <= value.high) if math.isfinite(value.low) else y == 0
            rows.append({"kind": kind, "size": size, "runs": RUNS, "coverage": round(float(held) / RUNS, 4)})
    return rows


def ranks() -> list[dict[str, object]]:
    """Return how often the most frequent is so in truth, by the probability that was stated."""
    rng = np.random.default_rng(19)
    stated, right = [], []
    for _ in range(2 * RUNS):
        rates = rng.gamma(3, 20, 4)
        counts = rng.poisson(rates)
        top = int(counts.argmax())
        stated.append(rank_probability(int(counts[top]), [int(x) for i, x in enumerate(counts) if i != top]))
        right.append(int(rates.argmax()) == top)
    found = []
    said, held = np.array(stated), np.array(right)
    for low, high in ((0.3, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
        here = (said >= low) & (said < high)
        found.append({"from": low, "stated": round(float(said[here].mean()), 3),
                      "right": round(float(held[here].mean()), 3), "runs": int(here.sum())})  # fmt: skip
    return found


def main() -> None:
    """Run everything and store it with its date."""
    found = {"date": datetime.now(UTC).date().isoformat(), "figures": figures(), "ranks": ranks(), "chains": chains()}
    (HERE / "othernumbers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
