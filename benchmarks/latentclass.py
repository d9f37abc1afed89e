"""Effective draws of N a CPU second under latent classes, one core.

    python -m benchmarks.latentclass [--rounds 2000] [--out benchmarks/results/latentclass.json]
    python -m benchmarks.latentclass --whole
    python -m benchmarks.latentclass --settle

With ``--whole`` it measures an estimate from beginning to end, tuning to chains that agree, where lists are many and
persons few. With ``--settle`` it asks instead which of the two humps of netherlands-2010-2015-5 is right, see
`benchmarks.latentmodes`; some five CPU minutes. Both store what they find with the calibration of the tests.

CPU seconds of tuning the ladder, of warming up and of sampling four chains; effective draws (the smaller of bulk and
tail, of log N) a second of sampling, and a second of everything, tuning and warming up included. A round moves every
rung once and the coldest three times. Compilation is not in it. LCMCR, one thread of C++ at 12 µs a sweep, gives about
180 a second on kosovo-1999-4 by the autocorrelation stored in tests/golden/lcmcr, burning in left out; on the tables
of the United Kingdom its chains do not agree, and it has no such number.
"""

import argparse
import json
import platform
import time
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.latentmodes import STORED, settle
from mse import Compute, load_table
from mse.computing.convergence import ess_bulk, ess_tail, rhat
from mse.estimators.latentclass.hiddenclasses import LatentClassSpec, latent_table
from mse.estimators.latentclass.tempered import WARMING, respaced, run_stretch, sample, tune_ladder

PROBLEMS = ("kosovo-1999-4", "uk-2013-5", "uk-2013-6", "diabetes-italy-4", "new-orleans-8-n185")
CHAINS = 4
WHOLE = (("new-orleans-8-n185", None), ("philippines-caloocan-2016-2017-11", "police"))
"""Tables of many lists and few persons, and the stratum that is taken."""


def measure(name: str, rounds: int) -> dict[str, object]:
    """Return the timings of one table."""
    table = latent_table(load_table(name), LatentClassSpec())
    start = time.process_time()
    powers, steps = tune_ladder(table, (1,))
    tuned = time.process_time()
    warm = [run_stretch(table, powers, steps, ((1, c, 0, WARMING), ())) for c in range(CHAINS)]
    powers, steps, nearest = respaced(powers, steps, np.mean([part[7] for part in warm], axis=0), table.total)
    warmed = time.process_time()
    starts = [(part[-2][nearest], part[-1][nearest]) for part in warm]
    parts = [run_stretch(table, powers, steps, ((1, c, 1, rounds), starts[c])) for c in range(CHAINS)]
    sampled = time.process_time()
    logs = np.log(np.stack([part[1] for part in parts]))
    effective = min(ess_bulk(logs), ess_tail(logs))
    return {
        "problem": name,
        "rungs": len(powers),
        "rounds": CHAINS * rounds,
        "tuning": tuned - start,
        "warming_up": warmed - tuned,
        "sampling": sampled - warmed,
        "rhat": rhat(logs),
        "ess_bulk": ess_bulk(logs),
        "ess_tail": ess_tail(logs),
        "fresh": sum(int(part[8][0]) for part in parts),
        "rounds_per_second": CHAINS * rounds / (sampled - warmed),
        "effective_per_second": effective / (sampled - warmed),
        "effective_per_second_of_everything": effective / (sampled - start),
    }


def whole(name: str, stratum: str | None) -> dict[str, object]:
    """Return CPU seconds of an estimate with the usual options, and what its chains say."""
    table, spec = load_table(name), LatentClassSpec()
    if stratum is not None:
        table = table.part({next(iter(table.strata)): stratum})
    data = latent_table(table, spec)
    start = time.process_time()
    found = sample(
        data, chains=CHAINS, effective=spec.effective, longest=spec.longest, seed=1, compute=Compute(workers=1)
    )
    return {
        "problem": name, "stratum": stratum, "lists": table.n_lists,
        "persons": table.observed, "histories": len(data.counts),
        "seconds": round(time.process_time() - start, 1), "rungs": len(found.powers),
        "draws_per_chain": found.sizes.shape[1], "rhat": round(found.rhat, 4), "ess_bulk": round(found.bulk),
        "ess_tail": round(found.tail), "quantiles": np.quantile(found.sizes, [0.025, 0.5, 0.975]).round().tolist(),
    }  # fmt: skip


def main() -> None:
    """Measure every problem, print a table, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--settle", action="store_true", help="which hump of netherlands-2010-2015-5 is right")
    parser.add_argument("--whole", action="store_true", help="whole estimates of sparse tables")
    options = parser.parse_args()
    if options.settle:
        settle()
        return
    measure("kosovo-1999-4", 50)  # compiles
    if options.whole:
        found = [whole(name, stratum) for name, stratum in WHOLE]
        stored = json.loads(STORED.read_text(encoding="utf-8"))
        stored["speed"] = {"date": date.today().isoformat(), "results": found}
        STORED.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        print(*found, sep="\n")
        return
    rows = [measure(name, options.rounds) for name in PROBLEMS]
    print(
        f"{'problem':<22}{'rungs':>6}{'rounds/s':>10}{'R-hat':>8}{'bulk':>8}{'tail':>8}{'ESS/s':>8}{'ESS/s, all':>12}"
    )
    for row in rows:
        print(
            f"{row['problem']:<22}{row['rungs']:>6}{row['rounds_per_second']:>10,.0f}{row['rhat']:>8.4f}"
            f"{row['ess_bulk']:>8,.0f}{row['ess_tail']:>8,.0f}{row['effective_per_second']:>8,.0f}"
            f"{row['effective_per_second_of_everything']:>12,.0f}"
        )
    if options.out is not None:
        figures = {"unit": "CPU seconds", "machine": platform.machine(), "chains": CHAINS, "rows": rows}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
