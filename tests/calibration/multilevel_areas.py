"""Do intervals of areas with neighbours hold the truth? Repeated made-up countries, whose persons are known one by one.

Every country has 5 by 5 areas on a grid, two areas apart and an island, three years and four lists; persons differ in
visibility. In every other country neighbours are alike (80 % of the variance of log sizes), in the rest not at all.
Each is estimated with the neighbours and, for the error, without them: by areas that borrow from all others alike.
``python -m tests.calibration.multilevel_areas 12`` stores as many in ``multilevel-areas.json``; ``… large`` the time of
342 areas, five years and six lists, in ``multilevel-areas-large.json``.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from mse.computing.parallel import Compute
from mse.estimators.multilevel.partialpooling import MultilevelSpec, estimate
from tests.calibration.multilevel import covered
from tests.examples.areas import country

STORED = Path(__file__).with_name("multilevel-areas.json")
LARGE = Path(__file__).with_name("multilevel-areas-large.json")
KEPT = ("rhat_max", "ess_bulk_min", "divergences", "draws_per_chain")


def one_country(seed):
    """Return ranks of the true sizes of areas and strata (share of draws below), errors, and what the chains say."""
    shared = 0.8 if seed % 2 else 0.0
    table, truth, pairs, alone = country(seed, 5, 5, persons=30.0, spread=0.8, shared=shared, seen=0.15)
    begun = time.process_time()
    found = estimate(table, MultilevelSpec(areas="area", neighbours=pairs, islands=alone, draws=2000, longest=2000),
                     seed=seed, compute=Compute(workers=1))  # fmt: skip
    seconds = time.process_time() - begun
    without = estimate(table, MultilevelSpec(draws=2000, longest=2000), seed=seed, compute=Compute(workers=1))
    areas = truth.sum(axis=0)

    def errors(posterior):
        drawn = posterior.strata.margin("area").draws
        off = np.log(np.median(drawn, axis=0) / areas)
        return off.round(4).tolist(), (drawn < areas).mean(axis=0).round(4).tolist()

    with_errors, ranks = errors(found)
    return {
        "seed": seed, "shared": shared, "areas": ranks, "errors": with_errors, "errors_without": errors(without)[0],
        "strata": (found.strata.draws < truth.ravel()).mean(axis=0).round(4).tolist(),
        "total": round(float((found.draws < truth.sum()).mean()), 4), "cpu_seconds": round(seconds, 1),
        **{name: round(float(found.diagnostics[name]), 4) for name in KEPT},
    }  # fmt: skip


def summary(each):
    """Return the shares covered, and errors of the areas with neighbours and without."""
    rms = lambda name, rows: round(float(np.sqrt(np.mean([np.square(row[name]) for row in rows]))), 4)  # noqa: E731
    smooth = [row for row in each if row["shared"]]
    return {
        **{what: {f"{p:.2f}": round(covered([row[what] for row in each], p), 3) for p in (0.5, 0.8, 0.95)}
           for what in ("areas", "strata", "total")},
        "log_error_rms": rms("errors", smooth),
        "log_error_rms_without_neighbours": rms("errors_without", smooth),
        "log_error_rms_none_shared": rms("errors", [row for row in each if not row["shared"]]),
        "log_error_rms_none_shared_without": rms("errors_without", [row for row in each if not row["shared"]]),
        "rhat_largest": max(row["rhat_max"] for row in each),
        "divergences": sum(row["divergences"] for row in each),
    }  # fmt: skip


def coverage(n):
    """Store repeats of the seeds 1 to `n`."""
    each = []
    for seed in range(1, n + 1):
        each.append(one_country(seed))
        record = {
            "what": "28 areas (5 x 5, two apart, an island), 3 years, four lists",
            "command": f"python -m tests.calibration.multilevel_areas {n}",
            "date": date.today().isoformat(), "repeats": len(each), "areas": len(each[0]["areas"]),
            "summary": summary(each) if len(each) > 1 else {}, "each": each,
        }  # fmt: skip
        STORED.write_text(json.dumps(record, indent=1) + "\n")
        print(seed, record["summary"], flush=True)


def large():
    """Store time, convergence and coverage of 341 areas in five years on six lists."""
    years = tuple(str(year) for year in range(2017, 2022))
    table, truth, pairs, alone = country(1, 26, 13, years, "ABCDEF", persons=25.0, seen=0.12, islands=2)
    begun, cpu = time.monotonic(), time.process_time()
    spec = MultilevelSpec(areas="area", neighbours=pairs, islands=alone, longest=8000)
    found = estimate(table, spec, seed=1, compute=Compute(workers=2))
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    areas = found.strata.margin("area").draws
    record = {
        "what": f"{len(table.strata['area'])} areas x 5 years, six lists",
        "command": "python -m tests.calibration.multilevel_areas large", "date": date.today().isoformat(),
        "cpu_seconds": round(cpu), "wall_seconds": round(seconds), "truth": int(truth.sum()),
        "observed": int(table.observed), "estimate": [round(float(x)) for x in found.quantile([0.025, 0.5, 0.975])],
        "areas_covered_95": round(covered((areas < truth.sum(axis=0)).mean(axis=0), 0.95), 3),
        "strata_covered_95": round(covered((found.strata.draws < truth.ravel()).mean(axis=0), 0.95), 3),
        "diagnostics": {name: round(float(x), 4) for name, x in found.diagnostics.items()},
        "notes": [str(note) for note in found.notes],
    }  # fmt: skip
    LARGE.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    large() if sys.argv[1] == "large" else coverage(int(sys.argv[1]))
