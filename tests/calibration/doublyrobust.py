"""Does the doubly robust interval cover? Populations of known size, two lists independent given two covariates.

``logistic``: chances are logistic in the covariates, as the default learner has them. ``bent``: they also bend with the
square of the first, so that the default learner is wrong and the one of degree 2 is right. Run
``python -m tests.calibration.doublyrobust`` to repeat it and store the result.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np

from mse.estimators.doublyrobust.crossfit import RidgeLogistic
from mse.estimators.doublyrobust.onepair import DoublyRobustSpec, estimate_pair
from mse.tables.persons import PersonTable

STORED = Path(__file__).with_name("doublyrobust.json")
CASES = (("logistic", 1000, 1), ("logistic", 4000, 1), ("bent", 4000, 1), ("bent", 4000, 2))
VARIANTS = ("doubly robust", "plug-in", "targeted")
Z = 1.959963984540054


def simulate(size, world, rng):
    """Return the table of those seen out of `size` persons."""
    x = rng.normal(size=(size, 2))
    eta = np.column_stack([-0.6 + 0.8 * x[:, 0] + 0.4 * x[:, 1], -0.3 + 0.7 * x[:, 0] - 0.3 * x[:, 1]])
    if world == "bent":
        eta -= np.array([0.4, 0.3]) * (x[:, :1] ** 2 - 1.0)
    on = rng.random((size, 2)) < 1.0 / (1.0 + np.exp(-eta))
    seen = on.any(axis=1)
    return PersonTable.from_arrays(["A", "B"], on[seen], covariates={"x1": x[seen, 0], "x2": x[seen, 1]})


def coverage(world, size, degree, repeats, seed):
    """Return bias, spread, and coverage of 95 % intervals, by variant."""
    rows = []
    spec = DoublyRobustSpec(learner=RidgeLogistic(degree=degree))
    for k in range(repeats):
        table = simulate(size, world, np.random.default_rng([seed, k]))
        found = estimate_pair(table, (0, 1), spec, k)
        rows.append([(f.size, f.se, f.size - table.observed) for f in (found[v] for v in VARIANTS)])
    n, se, unseen = np.moveaxis(np.array(rows), 2, 0)
    factor = np.exp(Z * np.sqrt(np.log1p((se / np.maximum(unseen, 1e-9)) ** 2)))
    true = size - (n - unseen)
    return {
        "world": world, "N": size, "degree": degree, "repeats": repeats,
        "bias": dict(zip(VARIANTS, (n.mean(axis=0) - size).round(2).tolist(), strict=True)),
        "sd": dict(zip(VARIANTS, n.std(axis=0).round(2).tolist(), strict=True)),
        "mean_se": dict(zip(VARIANTS, se.mean(axis=0).round(2).tolist(), strict=True)),
        "normal": dict(zip(VARIANTS, (np.abs(n - size) < Z * se).mean(axis=0).tolist(), strict=True)),
        "log-normal": dict(
            zip(VARIANTS, ((unseen / factor < true) & (true < unseen * factor)).mean(axis=0).tolist(), strict=True)
        ),
    }  # fmt: skip


if __name__ == "__main__":
    results = [coverage(*case, 500, 71 + i) for i, case in enumerate(CASES)]
    STORED.write_text(json.dumps({"date": date.today().isoformat(), "results": results}, indent=2) + "\n")
    print(STORED.read_text())
