"""Measure what `mse plan` counts with, and write it to mse/jobs/costs.json.

    python -m benchmarks.costs [NAME ...] [--write]

CPU seconds of one process, medians, after everything is compiled: every method on simulated tables of three, four and
five lists, what a verdict adds to it, one refit of an assessment, a million rows of registers, and the start of a
command. They stand beside the seconds that `mse.computing.yardstick` took in the same minutes, so that a plan can allow
for the machine that it is made on.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.__main__ import ONE, simulated
from mse.assess.refits import average_refit
from mse.computing.provenance import __version__
from mse.computing.yardstick import yardstick
from mse.errors import MseError
from mse.estimators.registry import METHODS
from mse.methods import _referees, _verdict, checks, run_method
from mse.tables.captures import CaptureTable

OUT = Path(__file__).resolve().parents[1] / "mse" / "jobs" / "costs.json"
LONG = {"multilevel": 1, "latent-class": 1, "bootstrap": 2, "profile": 2, "search-average": 2}
"""Methods that take seconds: of how few sizes of table they are measured."""

START = 1.5
"""CPU seconds until a command is loaded (`python -m benchmarks.account`)."""

REGISTERS = 20.0
"""CPU seconds of a million rows of registers to a table by exact linkage (`python -m benchmarks.intake`)."""


def timed(work: Callable[[], object], times: int) -> float:
    """Return the median CPU seconds of some runs."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return statistics.median(found)


def method_costs(name: str) -> dict[str, float]:
    """Return CPU seconds of a method by the number of lists; of one stratum where it estimates strata."""
    row = METHODS[name]
    out: dict[str, float] = {}
    for lists in (3, 4, 5)[: LONG.get(name, 3)]:
        table = simulated(lists, 1)[0]
        if row.strata:
            counts = table.counts.repeat(4, axis=0)
            table = CaptureTable.from_arrays(table.lists, counts, strata={"part": list("abcd")})
        options = {"departures": True} if name == "shrinkage" else {}
        try:
            work = partial(run_method, table, name, seed=1, compute=ONE, **options)
            if name not in LONG:
                work()
            seconds = timed(work, 1 if name in LONG else 3)
        except MseError:
            continue
        out[str(lists)] = round(seconds / table.n_strata, 5)
        print(name, lists, out[str(lists)], flush=True)
    return out


def verdict_costs() -> dict[str, float]:
    """Return what the verdict on an answer adds, by the number of lists."""
    out = {}
    for lists in (3, 4, 5):
        table = simulated(lists, 1)[0]
        found = run_method(table, "shrinkage", seed=1, compute=ONE, departures=True)

        def judge(found: object = found, table: CaptureTable = table) -> object:
            return _verdict(found, table, _referees(found, table, checks(table, "shrinkage"), 1, ONE))  # type: ignore[arg-type]

        judge()
        out[str(lists)] = round(timed(judge, 3), 5)
    return out


def refit_costs() -> dict[str, float]:
    """Return one refit of an assessment, by the number of lists."""
    out, refit = {}, average_refit()
    for lists in (3, 4, 5):
        table = simulated(lists, 1)[0]
        refit(table, [0.5])
        out[str(lists)] = round(timed(lambda table=table: refit(table, [0.5]), 5), 5)
    return out


def main() -> None:
    """Measure, print, and write with ``--write``, part by part: what was interrupted keeps what it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="methods; or verdict, refit; everything otherwise")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {"methods": {}}
    found |= {
        "command": "python -m benchmarks.costs --write", "version": __version__, "million_rows": REGISTERS,
        "start": START,
    }  # fmt: skip
    methods = [x for x, row in METHODS.items() if row.reads == "CaptureTable" and x != "auto"]
    names = given.names or ["verdict", "refit", *methods]
    scale = [yardstick() for _ in range(3)][1:]
    for name in names:
        if name in ("verdict", "refit"):
            found[name] = verdict_costs() if name == "verdict" else refit_costs()
        else:
            found["methods"][name] = method_costs(name)
        scale.append(yardstick())
        if "verdict" in names:
            found["yardstick"] = round(statistics.median(scale), 5)
            found["mebibytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        text = json.dumps(found, indent=1) + "\n"
        if given.write:
            OUT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
