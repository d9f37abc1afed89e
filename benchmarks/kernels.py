"""Time the fits of every hierarchical model: evidence and maximum likelihood, one core.

    python benchmarks/kernels.py [--repeats 7] [--out FILE.json] [--long]

CPU seconds, medians; the six-list family of 7,785,061 models only with `--long`, once. `accuracy` is the
largest difference of a log evidence from a fit with tolerance 1e-15, over 200 models drawn from those kept.
`start` is the first answer of a fresh process with an empty compile cache, imports included.
"""

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mse.kernels.likelihoods import sweep_likelihood
from mse.kernels.newton import cold_start, fit_loglinear
from mse.kernels.sweep import sweep_evidence
from mse.tables.captures import CaptureTable
from mse.terms import candidates

ROOT = Path(__file__).resolve().parents[1]
# name of the table, largest order of a term (None: all but the saturated), part of --long
PROBLEMS = (
    ("kosovo-1999-4", None, False),
    ("uk-2013-5", None, False),
    ("western-us-5", None, False),
    ("uk-2013-6", 2, False),
    ("uk-2013-6", None, True),
)
COLD = """
import time
import numpy as np
from mse.kernels.sweep import sweep_evidence
sweep_evidence(np.arange(8.0), np.ones(8), np.array([3, 5, 6]), 1.0, np.zeros(4), keep=9)
print(time.process_time())
"""


def median(task: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return statistics.median(times)


def start_up() -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        done = subprocess.run([sys.executable, "-c", COLD], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def accuracy(counts: np.ndarray, subsets: np.ndarray, found: object) -> float:
    n_lists = len(counts).bit_length() - 1
    cells, worst = np.ones(len(counts)), 0.0
    rows = np.random.default_rng(0).choice(len(found.masks), min(200, len(found.masks)), replace=False)
    for i in rows:
        inside = [int(s) for j, s in enumerate(subsets) if int(found.masks[i]) >> j & 1]
        terms = np.array([0, *(1 << j for j in range(n_lists)), *inside])
        fit = fit_loglinear(counts, cells, terms, 1.0, cold_start(counts, cells, terms, 1.0), 200, 1e-15)
        worst = max(worst, abs(fit.log_evidence - found.log_evidences[i]))
    return worst


def measure(name: str, largest: int | None, repeats: int) -> dict[str, object]:
    """Return the timings of one family of models."""
    table = CaptureTable.from_csv(ROOT / "data" / name / "table.csv", name=name)
    counts = np.asarray(table.dense().counts, dtype=float)
    subsets = candidates(table.n_lists, largest)
    cells, prior = np.ones(len(counts)), np.zeros(len(subsets) + 1)

    def evidence() -> object:
        return sweep_evidence(counts, cells, subsets, 1.0, prior, keep=10_000)

    # of the long one there is one run: it is compiled already
    found = evidence() if repeats > 1 else None
    kept = []
    seconds = median(lambda: kept.append(evidence()), repeats)
    found = kept[-1]
    row: dict[str, object] = {
        "problem": name,
        "terms": "pairs" if largest == 2 else "all but the saturated",
        "models": found.models,
        "evidence": seconds,
        "evidence_per_model": seconds / found.models,
        "accuracy": accuracy(counts, subsets, found),
        "not_converged": found.not_converged,
        "log_evidence": found.reference + math.log(found.total),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if repeats > 1:

        def likelihood() -> object:
            return sweep_likelihood(counts, cells, subsets, penalty=math.log(counts.sum()), keep=100)

        likelihood()
        row["likelihood"] = median(likelihood, repeats)
    return row


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--long", action="store_true", help="also all models of six lists: about half a minute")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "kernels.json")
    options = parser.parse_args()
    rows = []
    print(
        f"{'problem':<16}{'terms':<24}{'models':>10}{'evidence':>12}{'a model':>10}{'likelihood':>12}{'accuracy':>10}"
    )
    for name, largest, long in PROBLEMS:
        if long and not options.long:
            continue
        row = measure(name, largest, 1 if long else options.repeats)
        rows.append(row)
        likelihood = f"{1e3 * row['likelihood']:>9.2f} ms" if "likelihood" in row else f"{'':>12}"
        print(
            f"{row['problem']:<16}{row['terms']:<24}{row['models']:>10,}{1e3 * row['evidence']:>9.2f} ms"
            f"{1e6 * row['evidence_per_model']:>7.2f} µs{likelihood}{row['accuracy']:>10.1e}"
        )
    start = start_up()
    print(f"first answer of a fresh process, nothing compiled: {start:.1f} s; peak {rows[-1]['peak_mib']:.0f} MiB")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"machine": platform.machine(), "python": platform.python_version(), "start": start, "rows": rows}
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
