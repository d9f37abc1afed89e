"""What people wait for, as ratios to a loop of the same minute: wide enough not to flap, and cliffs are seen."""

import time
from collections.abc import Callable
from functools import partial

import pytest

import mse
from benchmarks.__main__ import ONE, huge, simulated, strata
from mse.computing.yardstick import FITS, fits_by_least_squares, yardstick

WORK: dict[str, tuple[Callable[[], object], float]] = {
    "one answer, K = 4": (partial(mse.estimate, simulated(4, 1)[0], seed=1, compute=ONE), 0.9),
    "one answer, K = 5": (partial(mse.estimate, simulated(5, 1)[0], seed=1, compute=ONE), 1.6),
    "an answer on many persons": (partial(mse.estimate, huge(), seed=1, compute=ONE), 0.7),
    "auto by 10 strata": (partial(mse.estimate, strata(10), by=["part"], seed=1, compute=ONE), 8.0),
    "decomposable by 10 strata": (partial(mse.estimate, strata(10), "decomposable", by=["part"], compute=ONE), 3.0),
    "ten tables": (partial(mse.estimate_many, simulated(4, 10), seed=1, compute=ONE), 8.0),
}
"""Work, and the most that it may take of two hundred fits by least squares; about three times what it takes."""


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize("name", list(WORK))
def test_nothing_falls_off_a_cliff(name):
    work, most = WORK[name]
    work()
    loop = partial(fits_by_least_squares, 200)
    pairs = [(cpu(work), cpu(loop)) for _ in range(3)]
    ratio = min(mine for mine, _ in pairs) / min(other for _, other in pairs)
    assert ratio < most


def test_the_yardstick_takes_time_in_proportion():
    assert 0.0 < yardstick() < 10.0 and FITS > 1


def test_time_is_flat_in_persons():
    small, large = simulated(4, 1)[0], huge()
    for table in (small, large):
        mse.estimate(table, seed=1, compute=ONE)
    ratios = [cpu(partial(mse.estimate, large, compute=ONE)) / cpu(partial(mse.estimate, small, compute=ONE))
              for _ in range(3)]  # fmt: skip
    assert min(ratios) < 4.0
