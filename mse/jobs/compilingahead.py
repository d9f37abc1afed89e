"""A first run compiles in several processes: its own what it comes to, others what methods beside the answer need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mse.kernels.cache import compiled_before

OTHERS = 2
"""More would wait for each other: the answer itself takes two fifths of all that is compiled, in one process."""


@contextmanager
def compiling_ahead() -> Iterator[None]:
    """Let other processes compile ahead where no kernels were kept yet, each on a core of its own.

    All find each other's kernels in the one store, and no kernel is compiled twice. The others end with the work.
    """
    number = 0 if compiled_before() else min((os.cpu_count() or 1) - 1, OTHERS)
    nothing = subprocess.DEVNULL
    others = [
        subprocess.Popen([sys.executable, "-m", __name__, str(i)], stdin=nothing, stdout=nothing, stderr=nothing)
        for i in range(number)
    ]
    try:
        yield
    finally:
        for other in others:
            other.terminate()
        for other in others:
            other.wait()


def main(number: int) -> None:
    """Estimate from a small table by the methods beside an answer, from the last on, or from the middle on."""
    import numpy as np

    from mse.computing.parallel import Compute
    from mse.jobs.running import beside_answer
    from mse.methods import run_or_fail
    from mse.tables.captures import CaptureTable

    on = np.arange(1, 16)[:, None] >> np.arange(4) & 1
    counts = np.rint(600 * np.where(on, 0.3, 0.7).prod(axis=1)).astype(np.int64)
    table = CaptureTable.from_arrays("ABCD", counts)
    requests = beside_answer(table, "shrinkage", ())[::-1]
    middle = number * (len(requests) // 2 + 1)
    for request in requests[middle:] + requests[:middle]:
        run_or_fail(table, request, 0, Compute(workers=1))


if __name__ == "__main__":
    main(int(sys.argv[1]))
