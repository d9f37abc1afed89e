"""Do the chains of the multilevel model agree without divergences on every seed? Ten tables of 10 and of 100 strata.

Of 10 strata: the simulated nation by year, six lists, three of which break. Of 100: ten years by ten areas of a made-up
country, six lists. Every seed has a table of its own. ``python -m tests.calibration.multilevel_seeds`` stores what the
chains say in ``multilevel-seeds.json``.
"""

import json
import time
from datetime import date
from pathlib import Path

from mse.computing.parallel import Compute
from mse.estimators.multilevel.partialpooling import MultilevelSpec, estimate
from mse.simulate.national import simulate_captures
from mse.simulate.section import national_spec
from tests.calibration.multilevel import BREAKS
from tests.examples.areas import country

STORED = Path(__file__).with_name("multilevel-seeds.json")
SEEDS = range(1, 11)
KEPT = ("rhat_max", "ess_bulk_min", "ess_tail_min", "ess_bulk_total", "divergences", "draws_per_chain")


def nation(seed):
    """Ten years of the simulated nation."""
    return simulate_captures(national_spec(), seed=seed, dims=("year",))[0], {"breaks": BREAKS}


def areas(seed):
    """Ten years of ten areas, which have no neighbours here."""
    years = tuple(str(year) for year in range(2012, 2022))
    return country(seed, 7, 1, years, "ABCDEF", persons=60.0, seen=0.15)[0], {}


TABLES = {"10 strata": nation, "100 strata": areas}


def one(made, seed):
    table, spec = made(seed)
    begun = time.process_time()
    found = estimate(table, MultilevelSpec(**spec), seed=seed, compute=Compute(workers=2)).diagnostics
    seconds = time.process_time() - begun
    return {"seed": seed, **{name: round(found[name], 4) for name in KEPT}, "cpu_seconds": round(seconds)}


def main():
    each = {name: [] for name in TABLES}
    for seed in SEEDS:
        for name, made in TABLES.items():
            each[name].append(one(made, seed))
            print(name, each[name][-1], flush=True)
        record = {
            name: {
                "command": "python -m tests.calibration.multilevel_seeds", "date": date.today().isoformat(),
                "divergences": sum(row["divergences"] for row in rows),
                "draws": sum(4 * row["draws_per_chain"] for row in rows),
                "rhat_largest": max(row["rhat_max"] for row in rows), "each": rows,
            }
            for name, rows in each.items()
        }  # fmt: skip
        STORED.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
