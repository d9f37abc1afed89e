"""Linkage held against the truth in the weather of the simulator: recall, precision, reliability, and N by year.

``python -m tests.calibration.linkage reliability 10`` links so many nations with and without Bloom filters;
``python -m tests.calibration.linkage coverage 20`` estimates N by year from them, with the estimator that is chosen by
default and, beside it, its law with the identifying assumption taken for granted, under perfect linkage, exact linkage
with and without lost links put back, and drawn linkages. Both store what they find, dated, in ``linkage.json``.

The nation is the national simulation of 2018 to 2021, all of whose registrations together have 8 % faulty identities:
4 % errors of typing, 1 % transliterations, 3 % without a date of birth; names collide, some have relatives, a tenth of
the referrals do not say who sent, particles wander, half a surname stands for two.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mse.answers.pooled import pool
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.estimators.automatic import choose
from mse.intake.contracts.together import check_contracts
from mse.intake.linkage.linkagereport import link_at
from mse.intake.linkage.pairmodel import SURE, train_model
from mse.intake.planning import IntakeSpec
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.registers.delivered import read_registers
from mse.intake.taking import take_in
from mse.methods import run_method
from mse.simulate.national import simulate, simulate_captures
from mse.simulate.section import national_spec
from mse.simulate.spec import SimulateSpec
from mse.simulate.weather import Weather
from mse.simulate.writing import write_registers
from mse.tables.captures import CaptureTable

STORED = Path(__file__).with_name("linkage.json")
THRESHOLD, KEY, DRAWS = IntakeSpec().threshold, b"key of a calibration, 32 bytes up", 3
WEATHER = Weather(
    births_missing=0.03, transliterations=0.01, particles=0.05, half_surnames=0.1, names=40, relatives=0.02,
    senders_named=0.9,
)  # fmt: skip


def stormy_spec() -> SimulateSpec:
    """Return the nation."""
    spec = national_spec(key_errors=0.04)
    registers = tuple(replace(x, registered=x.registered[2:6]) for x in spec.registers)
    return replace(spec, first_year=2018, last_year=2021, registers=registers, weather=WEATHER)


def pair_scores(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return precision and recall over pairs of registrations."""

    def pairs(*names: np.ndarray) -> float:
        size = pd.Series(1, index=range(len(names[0]))).groupby(list(names)).sum()
        return float((size * (size - 1) / 2).sum())

    both = pairs(found, truth)
    return both / max(pairs(found), 1.0), both / pairs(truth)


def linked(seed: int, *, clk: bool) -> dict[str, Any]:
    """Return how well one nation is linked, and its uncertain pairs by tenth: pairs, sum of probabilities, matches."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        nation = simulate(stormy_spec(), seed=seed)
        contracts = write_registers(home / "registers", nation, partial(disguise, key=KEY, clk=clk))
        with read_registers(check_contracts(contracts), home) as registers:
            start = time.perf_counter()
            model = train_model(registers.connection, registers.lists, registers.parts, registers.dimensions, seed=seed)
            seconds = time.perf_counter() - start
            rows = registers.connection.execute("SELECT list, source, row FROM linkage_records ORDER BY id").df()
        links = pd.read_csv(home / "registers" / "links.csv")
    rows["source"] = rows["source"].str.split("/").str[-1]
    truth = rows.merge(links, on=["list", "source", "row"], validate="1:1")["person"].to_numpy(dtype=np.int64)
    precision, recall = pair_scores(link_at(model, THRESHOLD), truth)
    exact = pair_scores(link_at(model, 1.0), truth)
    unsure = model.log_odds < SURE
    p, match = model.probability[unsure], (truth[model.left] == truth[model.right])[unsure]
    tenth = np.minimum((p * 10).astype(np.int64), 9)
    sums = [np.bincount(tenth, weights=w, minlength=10) for w in (np.ones(len(p)), p, match.astype(np.float64))]
    return {"seed": seed, "clk": clk, "registrations": model.records, "seconds": round(seconds, 2),
            "precision": round(precision, 4), "recall": round(recall, 4), "recall_exact": round(exact[1], 4),
            "tenths": [[round(float(x), 2) for x in part] for part in np.stack(sums, axis=1)]}  # fmt: skip


def reliability(nations: int) -> dict[str, Any]:
    """Return the rows of so many nations, and for each kind of linkage their means and the tenths of all together."""
    rows = [linked(seed, clk=clk) for clk in (False, True) for seed in range(1, nations + 1)]
    out: dict[str, Any] = {"nations": nations, "rows": [{k: v for k, v in r.items() if k != "tenths"} for r in rows]}
    for clk in (False, True):
        mine = [row for row in rows if row["clk"] is clk]
        sums = np.sum([row["tenths"] for row in mine], axis=0)
        out["clk" if clk else "hashes"] = {
            **{name: round(float(np.mean([row[name] for row in mine])), 4)
               for name in ("precision", "recall", "recall_exact")},
            "tenths": [{"pairs": int(n), "said": round(said / max(n, 1), 3), "true": round(true / max(n, 1), 3)}
                       for n, said, true in sums.tolist()],
        }  # fmt: skip
    return out


def estimated(table: CaptureTable, seed: int) -> Posterior:
    """Return the default estimate by year."""
    found = choose(table, {"by": ["year"]})
    options: dict[str, Any] = {"by": ["year"], **found.options}
    return run_method(table, found.method, seed=seed, compute=Compute(), **options)


def nation_by_year(seed: int) -> list[dict[str, Any]]:
    """Return for one nation, linkage and year the truth and the interval; the year 0 is all of them together."""
    spec = stormy_spec()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        contracts = write_registers(home / "registers", simulate(spec, seed=seed), partial(disguise, key=KEY))
        exact, drawn = (
            take_in(contracts, home, IntakeSpec(linkage=kind, draws=DRAWS, strata=("year",)), seed=seed)
            for kind in ("exact", "probabilistic")
        )
    perfect, truth = simulate_captures(spec, seed=seed, dims=("year",))
    answers = {"perfect": estimated(perfect, seed), "exact, nothing put back": estimated(exact.table, seed)}
    point = estimated(drawn.table, seed)
    answers["exact"] = pool([estimated(x, seed) for x in exact.draws], point=answers["exact, nothing put back"])
    answers["drawn"] = pool([estimated(x, seed) for x in drawn.draws], point=point)
    rows = []
    for linkage, answer in answers.items():
        assert answer.strata is not None
        low, high = np.quantile(answer.strata.draws, [0.025, 0.975], axis=0)
        held = [*zip(spec.years, truth, low, high, answer.strata.point, strict=True)]
        for name, law in ((linkage, answer.distribution), (f"{linkage}, identified", answer.identified)):
            if law is not None:
                a, middle, b = (float(law.quantile(q)) for q in (0.025, 0.5, 0.975))
                rows.append(_row(seed, name, 0, int(truth.sum()), middle, a, b))
        rows += [_row(seed, linkage, year, int(n), p, a, b) for year, n, a, b, p in held]
    return rows


def _row(seed: int, linkage: str, year: int, truth: int, point: float, low: float, high: float) -> dict[str, Any]:
    return {"seed": seed, "linkage": linkage, "year": year, "truth": truth, "point": round(float(point)),
            "low": round(float(low)), "high": round(float(high))}  # fmt: skip


def coverage(nations: int) -> dict[str, Any]:
    """Return the rows of so many nations and, by linkage, how many intervals hold the truth; stored after each."""
    rows: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for seed in range(1, nations + 1):
        rows += nation_by_year(seed)
        found = {"nations": seed, "draws": DRAWS, "linkages": summary(rows), "rows": rows}
        store("coverage", found)
    return found


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return by linkage the intervals, the share that holds the truth, their mean log width and log bias."""
    out = {}
    for linkage, whole in dict.fromkeys((row["linkage"], row["year"] == 0) for row in rows):
        mine = [row for row in rows if row["linkage"] == linkage and (row["year"] == 0) is whole]
        held = [row["low"] <= row["truth"] <= row["high"] for row in mine]
        out[f"{linkage}, {'all years' if whole else 'by year'}"] = {
            "intervals": len(mine), "covered": round(float(np.mean(held)), 3),
            "log_width": round(float(np.mean([np.log(row["high"] / row["low"]) for row in mine])), 3),
            "log_bias": round(float(np.mean([np.log(row["point"] / row["truth"]) for row in mine])), 3),
        }  # fmt: skip
    return out


def store(part: str, found: dict[str, Any]) -> None:
    """Store a part beside the others."""
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    stored[part] = {"date": datetime.now(UTC).date().isoformat(), **found}
    STORED.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run one part and store it."""
    part, nations = sys.argv[1], int(sys.argv[2])
    store(part, {"reliability": reliability, "coverage": coverage}[part](nations))


if __name__ == "__main__":
    main()
