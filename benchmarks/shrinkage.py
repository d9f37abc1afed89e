"""Time shrinkage: the law of log N with its whole grid of scales, one core.

    python -m benchmarks.shrinkage [--repeats 7] [--out FILE.json] [--many FILE.csv ...]

CPU seconds, medians, after everything is compiled. `law` is `law_of_log_n`, without draws and without importance
sampling; `estimate` the whole answer. Strata are 160 tables of four lists that share the scales. `--many` takes files
of more lists than fit a table with all cells.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import mse
from mse.computing.parallel import Compute
from mse.estimators.shrinkage.manylists import laws_of_many
from mse.estimators.shrinkage.scales import make_grid
from mse.estimators.shrinkage.shrinkage import ShrinkageSpec, estimate, law_of_log_n
from mse.estimators.shrinkage.shrinkspec import common_values
from mse.estimators.shrinkage.unseen import QUICK
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable

ONE = Compute(workers=1)
TABLES = ("hepatitis-taiwan-3", "kosovo-1999-4", "uk-2013-5", "western-us-5", "uk-2013-6", "new-orleans-8-n185")
SLOW = 9
"""Lists from which the whole answer is timed once."""


def median(task: Callable[[], object], repeats: int) -> float:
    task()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return statistics.median(times)


def strata() -> CaptureTable:
    """Return 160 strata of four lists, about 60 persons each."""
    rng = np.random.default_rng(1)
    on = (np.arange(1, 16)[:, None] >> np.arange(4)) & 1
    share = np.where(on, 0.25, 0.75).prod(axis=1)
    counts = rng.poisson(90 * share, size=(160, 15))
    return CaptureTable.from_arrays("ABCD", counts, strata={"part": [str(i) for i in range(160)]})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--many", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    spec = ShrinkageSpec()
    found: dict[str, dict[str, float]] = {}
    for name in TABLES:
        table = mse.load_table(name)
        repeats = given.repeats if table.n_lists < SLOW else 1
        found[name] = {
            "law": median(lambda t=table: law_of_log_n(t, spec), repeats),
            "estimate": median(lambda t=table: estimate(t, spec, seed=1, compute=ONE), min(repeats, 3)),
        }
        print(name, found[name], flush=True)
    table = strata()
    found["160 strata"] = {
        "estimate": median(lambda: estimate(table, ShrinkageSpec(strata=True), seed=1, compute=ONE), 1)
    }
    print("160 strata", found["160 strata"], flush=True)
    grid = make_grid(spec.pair_sd, spec.ratio, common_values(spec, True), 2)
    for path in given.many:
        many = HistoryTable.from_csv(path)
        persons = many.counts.astype(np.float64)
        found[path.stem] = {
            "law": median(lambda m=many, p=persons: laws_of_many(m.n_lists, m.histories, p, grid, 3.0, QUICK), 3),
            "estimate": median(lambda m=many: estimate(m, spec, seed=1, compute=ONE), 1),
        }
        print(path.stem, found[path.stem], flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
