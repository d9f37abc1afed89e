"""Do intervals of a measure's effect on N hold the truth, and what is said of a date at which nothing happened?

Every table has ten years and four lists, about 1,000 persons a year of whom about half are seen; N walks, persons
differ in visibility, and at the date of the measure two lists break as well. With a measure its level and its slope are
drawn from their priors; without, they are nought, and the measure is declared all the same: a placebo.
``python -m tests.calibration.multilevel_measures 48`` stores as many tables of each in ``multilevel-measures.json``.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from mse.computing.parallel import Compute
from mse.estimators.multilevel.nuts import sample
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of
from mse.estimators.multilevel.priors import Priors
from mse.estimators.multilevel.sizemeasures import measure_columns, told
from mse.estimators.stratified.opencells import build_cells
from mse.tables.captures import CaptureTable
from tests.calibration.multilevel import covered

STORED = Path(__file__).with_name("multilevel-measures.json")
YEARS = tuple(str(year) for year in range(2012, 2022))
LISTS, WHEN, BROKEN = "PROZ", "2018-05", ("R", "O")
PERSONS, WALK, VISIBILITY, BREAK = 1000.0, 0.08, 0.5, 0.5
DRAWS = 500
"""Of each of four chains."""


def table_of(seed, effect):
    """Return a table, and the true level and slope of its measure."""
    rng = np.random.default_rng([seed, effect])
    blank = CaptureTable.from_arrays(LISTS, np.ones((len(YEARS), 15), dtype=int), strata={"year": YEARS})
    behind, since = measure_columns(build_cells(blank), "year", WHEN)
    level, slope = rng.normal(0.0, [Priors().measure_level, Priors().measure_slope]) * effect
    walk = np.cumsum(rng.normal(0.0, WALK, len(YEARS)))
    sizes = rng.poisson(PERSONS * np.exp(walk + level * behind + slope * since))
    odds = np.log(0.2 / 0.8) + rng.normal(0.0, 0.4, 4)
    change = np.array([rng.normal(0.0, BREAK) if name in BROKEN else 0.0 for name in LISTS])
    counts = np.zeros((len(YEARS), 16), dtype=int)
    for y, size in enumerate(sizes):
        known = odds + change * behind[y] + rng.normal(0.0, VISIBILITY, (size, 1))
        on = rng.random(known.shape) < 1.0 / (1.0 + np.exp(-known))
        counts[y] = np.bincount(on @ (1 << np.arange(4)), minlength=16)
    return CaptureTable.from_arrays(LISTS, counts[:, 1:], strata={"year": YEARS}), float(level), float(slope)


def one(seed, effect):
    """Return the shares of draws below the true level and slope, and what the interval of the level says."""
    table, level, slope = table_of(seed, effect)
    begun = time.process_time()
    design = design_of(table, MultilevelSpec(breaks={WHEN: BROKEN}, measures=(WHEN,)))
    chains = next(iter(sample(design, chains=4, draws=DRAWS, longest=DRAWS, accept=0.9, engine="kernel", seed=seed,
                              compute=Compute(workers=1))))  # fmt: skip
    found = told(design, (WHEN,), chains.x.reshape(-1, design.n_parameters))[0]
    low, high = np.quantile(found.level, [0.025, 0.975])
    return {
        "seed": seed, "level_true": round(level, 4), "slope_true": round(slope, 4),
        "level": round(float((found.level < level).mean()), 4), "slope": round(float((found.slope < slope).mean()), 4),
        "point": round(float(np.median(found.level)), 4), "width": round(float(high - low), 4),
        "fell": round(float((found.level < 0.0).mean()), 4), "together": round(found.together, 3),
        "known": round(found.known, 3), "observed": int(table.observed), "divergences": int(chains.diverging.sum()),
        "cpu_seconds": round(time.process_time() - begun, 1),
    }  # fmt: skip


def summary(each):
    """Return shares covered, the width, the error, and how often a change is claimed."""
    fell = np.array([row["fell"] for row in each])
    off = np.array([row["point"] - row["level_true"] for row in each])
    return {
        **{what: {f"{p:.2f}": round(covered([row[what] for row in each], p), 3) for p in (0.5, 0.8, 0.95)}
           for what in ("level", "slope")},
        "level_width_median": round(float(np.median([row["width"] for row in each])), 3),
        "level_error_mean": round(float(off.mean()), 3), "level_error_rms": round(float(np.sqrt((off**2).mean())), 3),
        "interval_without_nought": round(float(((fell < 0.025) | (fell > 0.975)).mean()), 3),
        "known_smallest": min(row["known"] for row in each),
        "divergences": sum(row["divergences"] for row in each),
    }  # fmt: skip


def main(n):
    each = {"measure": [], "placebo": []}
    for seed in range(1, n + 1):
        for name, effect in (("measure", 1), ("placebo", 0)):
            each[name].append(one(seed, effect))
        record = {
            "what": "10 years, four lists, two of which break at the date of the measure",
            "command": f"python -m tests.calibration.multilevel_measures {n}", "date": date.today().isoformat(),
            **{name: {"tables": len(rows), "summary": summary(rows), "each": rows} for name, rows in each.items()},
        }  # fmt: skip
        STORED.write_text(json.dumps(record, indent=1) + "\n")
        print(seed, record["measure"]["summary"], record["placebo"]["summary"], flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
