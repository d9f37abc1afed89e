"""What an answer takes beside its compiled loops: ``python -m benchmarks.overhead [--write]``.

Every compiled kernel that Python calls is timed where it is called, in CPU seconds of the process; the rest of
`mse.estimate` is the overhead: tables checked, arrays made, random numbers, words, verdict. What a call of a kernel
itself takes, some microseconds for its arguments, is the kernel's. The table is that of four lists, answered again and
again; ``--write`` fills the table of docs/speed.md. Each number stands as a ratio to the reference loop too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import mse
from benchmarks.__main__ import ONE, load, reference, timed
from benchmarks.speedpage import put

RUNS, AT_ONCE = 9, 20
"""Rounds, of which the median is told, and answers in each."""


class Spent:
    """CPU seconds by kernel."""

    def __init__(self) -> None:
        self.by_name: dict[str, float] = {}

    def watched(self, name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """Return a kernel that notes how long it takes."""

        def run(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return kernel(*args, **options)
            finally:
                self.by_name[name] = self.by_name.get(name, 0.0) + time.process_time() - start

        return run

    def watch(self) -> None:
        """Watch every kernel wherever a module of ours has it; all must have been compiled."""
        from numba.core.dispatcher import Dispatcher

        for module in [x for name, x in sys.modules.items() if name.startswith("mse.")]:
            for name, value in list(vars(module).items()):
                if isinstance(value, Dispatcher):
                    setattr(module, name, self.watched(value.py_func.__name__, value))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    table, spent, rounds = load("kosovo-1999-4"), Spent(), []

    def answer() -> None:
        for _ in range(AT_ONCE):
            mse.estimate(table, seed=1, compute=ONE)

    answer()
    spent.watch()
    for _ in range(RUNS):
        spent.by_name.clear()
        before = timed(reference)
        whole = timed(answer) / AT_ONCE
        base = 0.5 * (before + timed(reference))
        rounds.append((whole, sum(spent.by_name.values()) / AT_ONCE, base, dict(spent.by_name)))
    middle = sorted(rounds, key=lambda x: (x[0] - x[1]) / x[2])[RUNS // 2]
    heavy = sorted(middle[3].items(), key=lambda item: -item[1])[:5]
    base = statistics.median(x[2] for x in rounds)
    parts = [
        ("the whole", middle[0]), ("kernels", middle[1]),
        *((f"of these `{name}`", seconds / AT_ONCE) for name, seconds in heavy), ("overhead", middle[0] - middle[1]),
    ]  # fmt: skip
    rows = [f"| {name} | {1e3 * x:.2f} | {x / middle[2]:.3f} |" for name, x in parts]
    told = "\n".join(["| mse.estimate, K = 4 | CPU ms | over reference |", "|---|---:|---:|", *rows])
    print(told, f"\nreference {base:.4f} s")
    if given.write:
        put("overhead", told)


if __name__ == "__main__":
    main()
