"""Where a warm command goes, phase by phase: ``python -m benchmarks.account [--write]``.

A process of its own takes the steps of ``mse estimate uk-2013-5`` one after the other and tells the CPU seconds of
each; ``--write`` fills the table of docs/speed.md.
"""

import argparse
import json
import subprocess
import sys

from benchmarks.speedpage import put

RUNS = 1
"""Processes; the least CPU seconds of each phase are told."""

STEPS = """
import json, time
def step(name, since=[time.process_time()]):
    now = time.process_time()
    found.append((name, now - since[0]))
    since[0] = now
found = [("the interpreter", time.process_time())]
import numpy; step("import: NumPy")
import numba; step("import: numba")
import mse.cli; step("import: the command line")
from mse.jobs.running import run_job
from mse.jobs.job import make_job
step("import: jobs, methods, reports")
from mse.publish.wording.sentences import terminal_summary
job = make_job({"table": {"name": "uk-2013-5"}, "run": {"seed": 1}})
step("the job read and checked")
import mse
table = mse.load_table("uk-2013-5"); step("the table read")
one = mse.Compute(workers=1)
mse.estimate(table, seed=1, compute=one); step("the answer with its verdict, kernels loaded")
mse.estimate(table, seed=1, compute=one); step("the same once everything is loaded")
results = run_job(job, mse.Compute(workers=1)); step("the job: the answer again, methods beside it, what is recorded")
text = terminal_summary(results, None); step("words for the terminal")
print(json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    runs = []
    for _ in range(RUNS):
        done = subprocess.run([sys.executable, "-c", STEPS], check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    best = [(name, min(run[i][1] for run in runs)) for i, (name, _) in enumerate(runs[0])]
    lines = ["| phase | CPU s |", "|---|---:|", *(f"| {name} | {seconds:.2f} |" for name, seconds in best)]
    print("\n".join(lines))
    if given.write:
        put("account", "\n".join(lines))


if __name__ == "__main__":
    main()
