"""Do the intervals from one register cover? Populations of known size with one covariate that has two levels.

``even``: rates differ by the covariate alone. ``uneven``: they also follow a gamma law with squared coefficient of
variation 0.5, so that the Poisson is wrong and Chao's estimate a lower bound. Run
``python -m tests.calibration.repeats`` to repeat it and store the result.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np

from mse.errors import ModelError
from mse.estimators.repeats.oneregister import fit_repeats, size_of
from mse.tables.repeats import RepeatCounts

STORED = Path(__file__).with_name("repeats.json")
CASES = (
    ("even", 2000, "poisson"), ("even", 2000, "zelterman"), ("even", 2000, "chao"), ("even", 500, "poisson"),
    ("even", 500, "chao"), ("uneven", 2000, "negbin"), ("uneven", 2000, "poisson"), ("uneven", 2000, "chao"),
)  # fmt: skip
Z = 1.959963984540054


def simulate(size, world, rng):
    """Return the register of a population of `size` persons."""
    group = rng.random(size) < 0.4
    rate = np.where(group, 0.9, 0.4)
    if world == "uneven":
        rate = rate * rng.gamma(2.0, 0.5, size)
    times = rng.poisson(rate)
    codes = times * 2 + group
    cells, persons = np.unique(codes[times > 0], return_counts=True)
    return RepeatCounts.from_arrays(cells // 2, persons, covariates={"group": np.where(cells % 2, "b", "a")})


def coverage(world, size, family, repeats, seed):
    """Return bias, spread, and coverage of 95 % intervals over the registers that have an estimate."""
    rows = []
    for k in range(repeats):
        table = simulate(size, world, np.random.default_rng([seed, k]))
        try:
            fit, columns = fit_repeats(table, family, "group")
        except ModelError:
            continue
        found = size_of(fit, table, columns.matrix)
        factor = np.exp(Z * found.log_sd)
        inside = found.unseen / factor < size - found.observed < found.unseen * factor
        rows.append((found.size, found.se, abs(found.size - size) < Z * found.se, inside))
    n, se, normal, log_normal = np.array(rows, dtype=float).T
    return {
        "world": world, "N": size, "family": family, "repeats": repeats, "estimated": len(rows),
        "median": float(np.median(n).round(1)), "sd": float(n.std().round(1)),
        "median_se": float(np.median(se).round(1)),
        "normal": float(normal.mean()), "log-normal": float(log_normal.mean()),
    }  # fmt: skip


if __name__ == "__main__":
    results = [coverage(*case, 1000, 50 + i) for i, case in enumerate(CASES)]
    STORED.write_text(json.dumps({"date": date.today().isoformat(), "results": results}, indent=2) + "\n")
    print(STORED.read_text())
