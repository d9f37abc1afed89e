"""Time bootstrap intervals with the selection inside every resample, and what a Dask cluster adds.

    python -m benchmarks.bootstrap [--repeats 5] [--cluster] [--out FILE.json]

CPU seconds of this process for one BCa interval from 1,000 resamples, medians over runs with compiled kernels,
jackknife included. `profile` is one profile-likelihood interval. With ``--cluster`` a scheduler and two worker
processes are started on loopback; CPU is then that of the workers and of this process together, against the same
resamples in this process alone, and the wall-clock ratio is reported beside it.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mse.computing.parallel import Compute
from mse.estimators.single.bootstrap import BootstrapSpec
from mse.estimators.single.bootstrap import estimate as bootstrap
from mse.estimators.single.downhill import best_model
from mse.estimators.single.profile import profile_interval
from mse.estimators.single.stepwise import StepwiseSpec
from mse.estimators.single.stepwise import estimate as stepwise
from mse.shipped import load_table

STEPWISE = ("kosovo-1999-4", "western-us-5", "uk-2013-5", "uk-2013-6", "netherlands-2010-2015-6", "new-orleans-8-n185")
EVERY_MODEL = ("kosovo-1999-4", "western-us-5", "uk-2013-5", "uk-2013-6")
PROFILE = ("kosovo-1999-4", "uk-2013-5", "uk-2013-6")
ONE = Compute(workers=1)


def median(task: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a task, after one run that is not counted."""
    task()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        task()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def on_cluster() -> dict[str, float]:
    """Return CPU and wall-clock time of 1,000 resamples over all models on two workers and on none."""
    from distributed import Client

    dask = [sys.executable, "-m", "dask"]
    scheduler = subprocess.Popen(
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"], stderr=subprocess.PIPE, text=True
    )
    assert scheduler.stderr is not None
    address = next(m[1] for line in scheduler.stderr if (m := re.search(r"Scheduler at:\s+(tcp://\S+)", line)))
    threading.Thread(target=scheduler.stderr.read, daemon=True).start()
    command = [*dask, "worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
    workers = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    table = load_table("uk-2013-5")

    def run(compute: Compute, seed: int) -> object:
        return bootstrap(table, BootstrapSpec(), seed=seed, compute=compute)

    try:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)

            def cpu() -> float:
                ticks = os.sysconf("SC_CLK_TCK")
                used = sum(client.run(time.process_time).values()) + time.process_time()
                stat = Path(f"/proc/{scheduler.pid}/stat").read_text().rsplit(")", 1)[1].split()
                return float(used + (int(stat[11]) + int(stat[12])) / ticks)

            both = Compute(cluster=address)
            run(both, 1), run(both, 2), run(ONE, 1)
            pairs = []
            for seed in range(3, 8):
                begin, start = cpu(), time.perf_counter()
                run(both, seed)
                middle, between = cpu(), time.perf_counter()
                run(ONE, seed)
                pairs.append((middle - begin, cpu() - middle, between - start, time.perf_counter() - between))
            spread, alone, spread_wall, alone_wall = map(statistics.median, zip(*pairs, strict=True))
    finally:
        for process in (*workers, scheduler):
            process.terminate()
            process.wait()
    return {"cluster_cpu_s": spread, "alone_cpu_s": alone, "cluster_wall_s": spread_wall, "alone_wall_s": alone_wall}


def main() -> None:
    """Measure every problem, print a table, and write it when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {"stepwise_s": {}, "every_model_s": {}, "profile_s": {}}
    for name in STEPWISE:
        table = load_table(name)
        task = partial(stepwise, table, StepwiseSpec(), seed=1, compute=ONE)
        figures["stepwise_s"][name] = median(task, options.repeats)
    for name in EVERY_MODEL:
        table = load_table(name)
        task = partial(bootstrap, table, BootstrapSpec(), seed=1, compute=ONE)
        figures["every_model_s"][name] = median(task, options.repeats if table.n_lists < 6 else 1)
    for name in PROFILE:
        table = load_table(name)
        figures["profile_s"][name] = median(partial(profile_interval, table, best_model(table)), 20)
    if options.cluster:
        figures["dask"] = on_cluster()
    for what, rows in figures.items():
        for name, seconds in rows.items():
            print(f"{what:16}{name:26}{seconds:9.4f} s")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
