"""Time the ranking of all hierarchical models by maximum likelihood, existence included.

    python benchmarks/ranking.py [--repeats 7] [--out FILE.json]

CPU seconds, medians over runs in one process with compiled kernels. `existence` is the part that tells which
models have an estimate; `programmes` counts the linear programmes that it took. `start` is the first ranking
of a fresh process, imports and loading of compiled code included.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from mse.computing.parallel import Compute
from mse.estimators.single.existence import check_models
from mse.estimators.single.recession import Programme
from mse.estimators.single.selection import rank_models
from mse.shipped import load_table
from mse.terms import all_masks, candidates

PROBLEMS = ("kosovo-1999-4", "uk-2013-5", "western-us-5", "new-orleans-5-n185")
START = """
import time
from mse.estimators.single.selection import rank_models
from mse.shipped import load_table
rank_models(load_table("kosovo-1999-4"))
print(time.process_time())
"""


def median(task: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a task, after one run that is not counted."""
    task()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        task()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def measure(name: str, repeats: int) -> dict[str, object]:
    """Return the figures of one table."""
    table = load_table(name)
    counts, cells = table.dense()
    subsets = candidates(table.n_lists)
    masks = all_masks(subsets)
    solved = 0
    rise = Programme.rise

    def counted(self: Programme, row: int) -> object:
        nonlocal solved
        solved += 1
        return rise(self, row)

    with patch.object(Programme, "rise", counted):
        check_models(counts, cells, masks, subsets)
    one = Compute(workers=1)
    return {
        "table": name,
        "models": int(masks.size),
        "ranking_s": median(lambda: rank_models(table, compute=one), repeats),
        "existence_s": median(lambda: check_models(counts, cells, masks, subsets), repeats),
        "programmes": solved,
    }


def start_up() -> float:
    """Return the CPU time of a fresh process that ranks 113 models."""
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Measure every problem, print a table, and write it when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = [measure(name, options.repeats) for name in PROBLEMS]
    print(f"{'table':22}{'models':>8}{'ranking':>12}{'existence':>12}{'programmes':>12}")
    for row in figures:
        print(
            f"{row['table']:22}{row['models']:>8,}{row['ranking_s']:>10.4f} s"
            f"{row['existence_s']:>10.4f} s{row['programmes']:>12}"
        )
    start = start_up()
    print(f"start: {start:.2f} s")
    if options.out:
        options.out.write_text(json.dumps({"ranking": figures, "start_s": start}, indent=2) + "\n")


if __name__ == "__main__":
    main()
