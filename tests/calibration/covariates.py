"""Do the intervals with covariates cover, stratum by stratum? Populations of 2,300, four strata, the right model.

``plain``; ``missing``: list D did not deliver for one stratum; ``labels``: the sex of a quarter of the persons is
not known; ``bounded``: 150 people too many on D alone. Run ``python -m tests.calibration.covariates`` to repeat it and
store the result.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np

from mse.computing.parallel import Compute
from mse.estimators.stratified.withcovariates import CovariatesSpec, estimate
from mse.tables.captures import CaptureTable

STORED = Path(__file__).with_name("covariates.json")
SIZES = np.array([400, 900, 300, 700])
FORMULA = "~ A*sex + C*region + A*B + sex*region"
ON = (np.arange(16)[:, None] >> np.arange(4)) & 1
CASES = tuple(
    (case, interval)
    for case in ("plain", "missing", "labels", "bounded")
    for interval in ("lognormal", "bootstrap", "imputation")
    if interval != "imputation" or case == "labels"
)


def simulate(case, rng):
    """Return the table of one population, and what has to be declared about it."""
    counts = np.empty((4, 16), dtype=int)
    for s, size in enumerate(SIZES):
        sex, region = divmod(s, 2)
        eta = ON @ np.array([-1.0 + 0.4 * sex, -1.3, -1.2 + 0.5 * region, -1.6]) + 0.6 * ON[:, 0] * ON[:, 1]
        counts[s] = rng.multinomial(size, np.exp(eta) / np.exp(eta).sum())
    dims, seen, declared = {"sex": ("f", "m"), "region": ("n", "s")}, counts[:, 1:].copy(), {}
    if case == "missing":
        for h in range(8, 16):
            counts[3, h & 7] += counts[3, h]
            counts[3, h] = 0
        seen, declared = counts[:, 1:], {"missing": {"D": {"sex": "m", "region": "s"}}}
    if case == "labels":
        lost = rng.binomial(seen, 0.25).reshape(2, 2, 15)
        seen = np.concatenate([seen.reshape(2, 2, 15) - lost, lost.sum(axis=0, keepdims=True)]).reshape(6, 15)
        dims, declared = {"sex": ("f", "m", "?"), "region": ("n", "s")}, {"unknown": {"sex": "?"}}
    if case == "bounded":
        seen[:, 7] += 150
        declared = {"bounded": {"D": {}}}
    return CaptureTable.from_arrays("ABCD", seen, strata=dims), declared


def coverage(case, interval, tables, seed):
    """Return how often 95 % intervals of the total and of the strata hold the truth, and the median of N."""
    total, strata, points = 0, np.zeros(4), []
    for i in range(tables):
        table, declared = simulate(case, np.random.default_rng([seed, i]))
        spec = CovariatesSpec(formula=FORMULA, interval=interval, replicates=200, draws=2000, **declared)
        posterior = estimate(table, spec, seed=i, compute=Compute(workers=1))
        low, high = posterior.quantile([0.025, 0.975])
        frame = posterior.strata.to_pandas(prob=0.95)
        total += low <= SIZES.sum() <= high
        strata += ((frame.low <= SIZES) & (frame.high >= SIZES)).to_numpy()
        points.append(posterior.point)
    return {
        "case": case, "interval": interval, "tables": tables, "N": int(SIZES.sum()),
        "median": round(float(np.median(points)), 1), "total": total / tables, "strata": float(strata.mean() / tables),
    }  # fmt: skip


if __name__ == "__main__":
    results = [coverage(*case, 400, 90) for case in CASES]
    STORED.write_text(json.dumps({"date": date.today().isoformat(), "results": results}, indent=2) + "\n")
    print(STORED.read_text())
