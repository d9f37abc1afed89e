"""How often do bootstrap intervals with the selection inside hold the truth?

Four lists with two pairs that depend on each other, a known N, multinomial tables. Run
``python -m tests.calibration.bootstrap`` to repeat it and store the result.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np

from mse import CaptureTable
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.methods import run_method

STORED = Path(__file__).with_name("bootstrap.json")
METHODS = {
    "stepwise": {"replicates": 500},
    "bootstrap": {"replicates": 500},
    "profile": {},
    "loglinear": {},
}


def simulate(size, rng):
    """Return one table: chances 0.25 to 0.4 a list, log odds ratio 1 between A and B and -0.7 between C and D."""
    on = np.array([[h >> j & 1 for j in range(4)] for h in range(16)])
    eta = on @ np.log(np.array([0.25, 0.3, 0.35, 0.4]) / np.array([0.75, 0.7, 0.65, 0.6]))
    eta = eta + 1.0 * on[:, 0] * on[:, 1] - 0.7 * on[:, 2] * on[:, 3]
    share = np.exp(eta)
    return CaptureTable.from_arrays("ABCD", rng.multinomial(size, share / share.sum())[1:])


def coverage(method, size, repeats, seed):
    """Return how often the 95 % interval holds the truth, and its median width relative to N."""
    held, widths = [], []
    for rng in np.random.default_rng(seed).spawn(repeats):
        try:
            found = run_method(simulate(size, rng), method, seed=1, compute=Compute(), **METHODS[method]).summary(0.95)
        except MseError:
            continue
        held.append(found.low <= size <= found.high)
        widths.append((found.high - found.low) / size)
    return {"method": method, "N": size, "tables": len(held), "covered": float(np.mean(held)),
            "median_width": float(np.median(widths))}  # fmt: skip


if __name__ == "__main__":
    rows = [coverage(method, size, 300, 61) for method in METHODS for size in (300, 2000)]
    STORED.write_text(json.dumps({"date": date.today().isoformat(), "results": rows}, indent=2) + "\n")
    print(STORED.read_text())
