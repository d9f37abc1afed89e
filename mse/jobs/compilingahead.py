"""A first run compiles in two processes: this one what it comes to, another what the methods beside the answer need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mse.kernels.cache import compiled_before


@contextmanager
def compiling_ahead() -> Iterator[None]:
    """Let a second process compile ahead where no kernels were kept yet and there is a second core.

    Both find each other's kernels in the one store, and no kernel is compiled by both. The other ends with the work.
    """
    if compiled_before() or (os.cpu_count() or 1) < 2:
        yield
        return
    other = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield
    finally:
        other.terminate()
        other.wait()


def main() -> None:
    """Estimate from a small table by the methods beside an answer, the last first: this process begins with that."""
    import numpy as np

    from mse.computing.parallel import Compute
    from mse.jobs.running import beside_answer
    from mse.methods import run_or_fail
    from mse.tables.captures import CaptureTable

    on = np.arange(1, 16)[:, None] >> np.arange(4) & 1
    counts = np.rint(600 * np.where(on, 0.3, 0.7).prod(axis=1)).astype(np.int64)
    table = CaptureTable.from_arrays("ABCD", counts)
    for request in reversed(beside_answer(table, "shrinkage", ())):
        run_or_fail(table, request, 0, Compute(workers=1))


if __name__ == "__main__":
    main()
