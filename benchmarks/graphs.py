"""Time the decomposable graphs: enumeration, a fixed grid of 20,000 unseen counts, the adaptive grid.

    python benchmarks/graphs.py [--repeats 7] [--out FILE.json]

CPU seconds, medians. `start` is the first answer of a fresh process with an empty compile cache, the import
included. `twin` is the slow plain version of the tests on the same problem, from a few of its points.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mse.kernels.graphpanels import posterior_by_panels
from mse.kernels.graphs import Grid, decomposable_graphs, posterior_on
from mse.tables.captures import CaptureTable

ROOT = Path(__file__).resolve().parents[1]
PROBLEMS = ("spina-bifida-3", "kosovo-1999-4", "uk-2013-5", "uk-2013-6", "netherlands-2010-2015-6")
POINTS = 20_000
COLD = """
import time
import numpy as np
from mse.kernels.graphs import Grid, decomposable_graphs, posterior_on
grid = Grid(np.arange(9.0), np.ones(9))
posterior_on(np.arange(8.0), decomposable_graphs(3), 0.125, grid)
print(time.process_time())
"""


def median(task: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a task, after one run that is not counted."""
    task()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return statistics.median(times)


def start_up() -> float:
    """Return the CPU time of a fresh process that has to compile everything."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        done = subprocess.run([sys.executable, "-c", COLD], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def twin_seconds(counts: np.ndarray, n_lists: int, points: int) -> float:
    """Return what the twin would take on the whole grid, from its time on a few points."""
    sys.path.insert(0, str(ROOT))
    from tests.twins.loglinear import graphs

    graphs, few = graphs.all_graphs(n_lists), 3
    unseen = np.linspace(1, points, few).round()
    start = time.process_time()
    graphs.posterior(counts, n_lists, 2.0**-n_lists, unseen, np.ones(few), graphs, lambda n: -np.log(n))
    return (time.process_time() - start) / few * points


def measure(name: str, repeats: int) -> dict[str, object]:
    """Return the timings of one table, saturated graph included."""
    table = CaptureTable.from_csv(ROOT / "data" / name / "table.csv", name=name)
    counts, n_lists = table.dense().counts, table.n_lists
    graphs, delta, grid = decomposable_graphs(n_lists), 2.0**-n_lists, Grid(np.arange(1.0, POINTS + 1), np.ones(POINTS))
    found = posterior_by_panels(counts, graphs, delta)
    return {
        "problem": name,
        "lists": n_lists,
        "graphs": len(graphs.edges),
        "enumerate": median(lambda: decomposable_graphs(n_lists), repeats),
        "fixed_grid": median(lambda: posterior_on(counts, graphs, delta, grid), repeats),
        "adaptive": median(lambda: posterior_by_panels(counts, graphs, delta), repeats),
        "cells": found.mass.size,
        "end": float(found.grid.unseen[-1]),
        "beyond_end": found.beyond_end,
        "dropped": found.dropped,
        "twin_fixed_grid": twin_seconds(counts, n_lists, POINTS) if n_lists <= 4 else None,
    }


def main() -> None:
    """Measure every problem, print a table, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    starts = [start_up() for _ in range(3)]
    print(f"start: {statistics.median(starts):.2f} s CPU, median of {len(starts)}")
    rows = [measure(name, options.repeats) for name in PROBLEMS]
    print(f"{'problem':<26}{'graphs':>8}{'enumerate':>11}{f'{POINTS:,}':>10}{'adaptive':>10}{'cells':>8}{'twin':>9}")
    for row in rows:
        twin = "" if row["twin_fixed_grid"] is None else f"{row['twin_fixed_grid']:,.0f}"
        print(
            f"{row['problem']:<26}{row['graphs']:>8}{row['enumerate']:>11.5f}{row['fixed_grid']:>10.4f}"
            f"{row['adaptive']:>10.4f}{row['cells']:>8}{twin:>9}"
        )
    if options.out is not None:
        figures = {
            "unit": "CPU seconds",
            "points": POINTS,
            "repeats": options.repeats,
            "start": starts,
            "rows": rows,
        }
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
