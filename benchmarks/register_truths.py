"""Registers simulated from a known number of persons: how often intervals hold it, by kind of truth and by verdict.

    nice python -m benchmarks.register_truths [--repeats 60] [--seed 1] [--kinds poisson ...] [--write]

Every kind is drawn at several sizes and intensities: N from 500 to 5,000, 10 to 60 % of them registered. Held against
N are the default (average over shapes, with departures), the same if a shape held, and three families. Coverage is told
at 50, 80 and 95 %, over all and given the verdict of the default. With ``--write`` the figures go to
``tests/calibration/register-truths.json``.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.computing.provenance import versions
from mse.errors import MseError
from mse.methods import estimate
from mse.tables.repeats import RepeatCounts

Times = npt.NDArray[np.int64]
Rng = np.random.Generator

CALIBRATION = Path(__file__).resolve().parents[1] / "tests" / "calibration" / "register-truths.json"
PROBS = (0.5, 0.8, 0.95)
SETTINGS: Mapping[str, str] = {"average": "average", "poisson": "poisson", "geometric": "geometric", "chao": "chao"}
SEEN = (0.1, 0.6)
"""Range of the share that is registered."""


def scaled(rates: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """Return rates multiplied so that on average a share of the persons is registered."""
    low, high = -12.0, 12.0
    while high - low > 1e-6:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if -np.expm1(-rates * math.exp(middle)).mean() < share else (low, middle)
    return rates * math.exp(low)


def poisson(size: int, share: float, rng: Rng) -> Times:
    """Return counts of persons who are all alike."""
    return rng.poisson(scaled(np.ones(size), share))


def gamma(size: int, share: float, rng: Rng) -> Times:
    """Return counts with gamma rates, whose squared coefficient of variation is between a quarter and two."""
    alpha = float(np.exp(rng.uniform(math.log(0.25), math.log(2.0))))
    return rng.poisson(scaled(rng.gamma(1.0 / alpha, 1.0, size) + 1e-12, share))


def lognormal(size: int, share: float, rng: Rng) -> Times:
    """Return counts with log-normal rates, sd 0.5 to 1.2 of the log."""
    return rng.poisson(scaled(np.exp(rng.normal(0.0, rng.uniform(0.5, 1.2), size)), share))


def one_inflated(size: int, share: float, rng: Rng) -> Times:
    """Return gamma counts of which a part of the repeats was not recognised, or did not happen: they became ones."""
    times = gamma(size, share, rng)
    return np.where((times > 1) & (rng.random(size) < rng.uniform(0.2, 0.6)), 1, times)


def behaviour(size: int, share: float, rng: Rng) -> Times:
    """Return counts where the first registration halves the rate of later ones, or raises it by half."""
    rates = scaled(rng.gamma(2.0, 1.0, size), share)
    first = rng.exponential(1.0, size) / rates
    factor = 0.5 if rng.random() < 0.5 else 1.5
    return np.where(first < 1.0, 1 + rng.poisson(np.maximum(1.0 - first, 0.0) * rates * factor), 0)


def groups(size: int, share: float, rng: Rng) -> Times:
    """Return counts of three groups that no covariate shows, each five times or thrice as often registered."""
    level = rng.choice([0.2, 1.0, 3.0], size, p=rng.dirichlet([4.0, 4.0, 2.0]))
    return rng.poisson(scaled(level, share))


def open_population(size: int, share: float, rng: Rng) -> Times:
    """Return counts of persons who come and go: half stay all the time, the others for a uniform part of it."""
    stay = np.where(rng.random(size) < 0.5, 1.0, rng.random(size))
    return rng.poisson(scaled(stay * rng.gamma(2.0, 0.5, size) + 1e-12, share))


def never(size: int, share: float, rng: Rng) -> Times:
    """Return gamma counts of a population of which up to a tenth is never registered at all."""
    times = gamma(size, share, rng)
    return np.where(rng.random(size) < rng.uniform(0.0, 0.1), 0, times)


def lost_repeats(size: int, share: float, rng: Rng) -> Times:
    """Return counts of persons who are all alike, of which a fifth to two thirds of those with repeats became ones."""
    times = poisson(size, share, rng)
    return np.where((times > 1) & (rng.random(size) < rng.uniform(0.2, 0.7)), 1, times)


def regulars(size: int, share: float, rng: Rng) -> Times:
    """Return counts where a tenth to two fifths come four to ten times as often as the others, who are all alike."""
    often = rng.random(size) < rng.uniform(0.1, 0.4)
    return rng.poisson(scaled(np.where(often, rng.uniform(4.0, 10.0), 1.0), share))


KINDS: Mapping[str, Callable[[int, float, Rng], Times]] = {
    "poisson": poisson, "gamma": gamma, "lognormal": lognormal, "one-inflated": one_inflated, "behaviour": behaviour,
    "groups": groups, "open": open_population, "never": never,
    "lost repeats": lost_repeats, "regulars": regulars,
}  # fmt: skip


def drawn(kind: str, repeat: int, seed: int) -> tuple[RepeatCounts, int]:
    """Return a register and the true size."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), repeat])
    while True:
        size = int(np.exp(rng.uniform(math.log(500), math.log(5000))))
        times = KINDS[kind](size, float(rng.uniform(*SEEN)), rng)
        f = np.bincount(times)[1:]
        if f.size >= 2 and f[1:].sum() >= 3:
            return RepeatCounts.from_arrays(np.arange(1, f.size + 1), f, name=f"{kind} {repeat}"), size


def holds(law: Distribution, true: int) -> list[bool]:
    """Return whether the interval of each probability holds the truth."""
    ends = [law.quantile([(1 - p) / 2, (1 + p) / 2]) for p in PROBS]
    return [bool(low <= true <= high) for low, high in ends]


def answered(table: RepeatCounts, true: int) -> dict[str, object]:
    """Return what every setting says of one register."""
    row: dict[str, object] = {"n": table.observed, "true": true}
    for name, family in SETTINGS.items():
        try:
            found: Posterior = estimate(table, "repeats", family=family, seed=1)
        except MseError:
            row[name] = None
            continue
        row[name] = {"point": found.point, "holds": holds(found.distribution, true), "width": width(found.distribution)}
        if found.identified is not None:
            row["held"] = {"point": float(found.identified.quantile(0.5)), "holds": holds(found.identified, true),
                           "width": width(found.identified)}  # fmt: skip
        if name == "average":
            row["verdict"] = "" if found.verdict is None else found.verdict.level
            row["reasons"] = [] if found.verdict is None else [r.code for r in found.verdict.reasons]
    return row


def width(law: Distribution) -> float:
    """Return the log width of the 95 % interval."""
    low, high = law.quantile([0.025, 0.975])
    return math.log(float(high) / float(low))


def summary(rows: list[dict[str, object]], name: str) -> dict[str, object]:
    """Return coverage, bias and width of a setting over some registers."""
    kept = [(r["true"], r[name]) for r in rows if r.get(name)]
    if not kept:
        return {"registers": 0}
    cover = np.mean([x["holds"] for _, x in kept], axis=0)  # type: ignore[index, call-overload]
    off = np.array([math.log(x["point"] / true) for true, x in kept])  # type: ignore[index, operator]
    wide = np.median([x["width"] for _, x in kept])  # type: ignore[index, call-overload]
    return {"registers": len(kept), "coverage": [round(float(c), 3) for c in cover],
            "median_bias": round(float(np.median(off)), 3), "median_width": round(float(wide), 3)}  # fmt: skip


def main() -> None:
    """Simulate, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    every: list[dict[str, object]] = []
    stored: dict[str, object] = {}
    settings = ("average", "held", "poisson", "geometric", "chao")
    for kind in options.kinds:
        rows = [answered(*drawn(kind, r, options.seed)) for r in range(options.repeats)]
        every += rows
        stored[kind] = {name: summary(rows, name) for name in settings}
        print(kind, json.dumps(stored[kind]["average"]), json.dumps(stored[kind]["held"]), flush=True)  # type: ignore[index]
    whole = {name: summary(every, name) for name in settings}
    verdicts = {v: summary([r for r in every if r["verdict"] == v], "average")
                for v in ("publish", "publish with caution", "do not publish")}  # fmt: skip
    print("all", json.dumps(whole, indent=1))
    print("by verdict", json.dumps(verdicts, indent=1))
    if options.write:
        made = {"command": "python -m benchmarks.register_truths --write", "date": date.today().isoformat(),
                "repeats": options.repeats, "seed": options.seed, "versions": versions()}  # fmt: skip
        record = {"provenance": made, "probabilities": PROBS, "kinds": stored, "all": whole, "verdicts": verdicts}
        CALIBRATION.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
