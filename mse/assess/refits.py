"""How a check estimates again: a function from a table to quantiles of N."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.computing.parallel import Compute, Stage
from mse.errors import MseError
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable
from mse.words.said import Said, as_said, from_json, to_json

if TYPE_CHECKING:
    from mse.estimators.averages.averaging import AverageSpec


Refit = Callable[[CaptureTable, Sequence[float]], Array]
"""Quantiles of N, persons, at the probabilities given."""


BATCH = 8
"""Tables in one task."""


@dataclass(frozen=True, slots=True)
class Refitted:
    """What came of estimating a changed table.

    Parameters
    ----------
    point, low, high : float
        Median and equal-tailed interval, persons; not a number when there is no answer.
    observed : int
        Persons in the changed table.
    why : Said or None
        Why there is no answer; None where there is one.
    """

    point: float
    low: float
    high: float
    observed: int
    why: Said | None = None

    @property
    def status(self) -> str:
        """``"ok"``, or why there is no answer."""
        return "ok" if self.why is None else str(self.why)


def average_refit(spec: AverageSpec | None = None) -> Refit:
    """Return the refit by the average over all models, by Laplace alone (`mse.estimators.averages.laplace`)."""
    from mse.estimators.averages.laplace import laplace_quantiles

    return partial(laplace_quantiles, spec=spec)


def shrinkage_quantiles(table: CaptureTable, q: Sequence[float]) -> Array:
    """Return quantiles of N, persons, by shrinkage with its usual options and without importance sampling."""
    from mse.estimators.shrinkage.shrinkage import law_of_log_n

    return law_of_log_n(table).quantile(q)


def refit_all(
    what: Stage, refit: Refit, tables: Sequence[CaptureTable | Said], prob: float, compute: Compute | None = None
) -> list[Refitted]:
    """Estimate many changed tables, in parallel, and going on where an interrupted run stopped.

    Parameters
    ----------
    what : Said or str
        What is being done, for the progress.
    refit : callable
        A function of a module, or a partial application of one.
    tables : sequence
        Changed tables; something said stands for a table that could not be made, and says why.
    prob : float
        Probability of the intervals.
    compute : Compute, optional
        Workers, progress, and the folder that keeps finished parts.
    """
    whole = [table for table in tables if not isinstance(table, Said)]
    tasks = [tuple(whole[first : first + BATCH]) for first in range(0, len(whole), BATCH)]
    found: list[Refitted] = []
    for numbers, status in (compute or Compute()).spread(what, partial(_batch, refit, prob), tasks, threads=True):
        for (point, low, high, observed), why in zip(numbers.tolist(), status, strict=True):
            found.append(Refitted(point, low, high, int(observed), _why(str(why))))
    nothing = float("nan")
    answers = iter(found)
    return [Refitted(nothing, nothing, nothing, 0, t) if isinstance(t, Said) else next(answers) for t in tables]


def _batch(refit: Refit, prob: float, tables: tuple[CaptureTable, ...]) -> tuple[Array, npt.NDArray[np.str_]]:
    """Return point, low, high, observed, and the status of each table."""
    rows = [refitted(refit, table, prob) for table in tables]
    numbers = np.array([[r.point, r.low, r.high, r.observed] for r in rows], dtype=np.float64)
    return numbers, np.array(why_json(rows))


def why_json(rows: Sequence[Refitted]) -> list[str]:
    """Return why each has no answer, as JSON for a cell of a table; empty where there is one."""
    return ["" if r.why is None else to_json([("status", r.why)]) for r in rows]


def _why(text: str) -> Said | None:
    return from_json(text)["status"][0] if text else None


def refitted(refit: Refit, table: CaptureTable, prob: float) -> Refitted:
    """Estimate `table` again; a table that has no answer is an answer too."""
    try:
        low, point, high = refit(table, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
    except MseError as error:
        nothing = float("nan")
        return Refitted(nothing, nothing, nothing, table.observed, as_said(error.problems[0].found))
    return Refitted(float(point), float(low), float(high), table.observed)
