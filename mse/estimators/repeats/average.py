"""The average over shapes for one register, and the law of N that it gives: if a shape held, and with departures."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mse.answers.departing import POINTS
from mse.answers.distribution import LOG_STEP, Distribution
from mse.errors import ModelError, Problem
from mse.estimators.normallaw import mixture_quantiles
from mse.estimators.repeats.registersize import Size
from mse.estimators.repeats.shapes import Shaped, missed, shaped_laws, weights
from mse.kernels.arrays import Array, Flags
from mse.tables.repeats import RepeatCounts
from mse.words.said import said


class Averaged(NamedTuple):
    """What all shapes together say of one register.

    Parameters
    ----------
    laws : tuple of Shaped
        Every shape that has an estimate.
    weight : float64 array, shape (L,)
        Their probabilities.
    unseen : float64 array, shape (POINTS,)
        Equally likely values of log(n_0 + ½).
    """

    laws: tuple[Shaped, ...]
    weight: Array
    unseen: Array

    @property
    def inflated(self) -> float:
        """Probability of too many ones."""
        return float(self.weight[[law.inflated for law in self.laws]].sum())

    @property
    def log_alpha(self) -> tuple[float, float]:
        """Mean and standard deviation of log α."""
        values = np.array([law.log_alpha for law in self.laws])
        mean = float(self.weight @ values)
        return mean, math.sqrt(max(float(self.weight @ (values - mean) ** 2), 0.0))

    def between(self, low: float, high: float) -> float:
        """Return the probability that α lies between two values."""
        logs = np.array([law.log_alpha for law in self.laws])
        return float(self.weight[(logs >= math.log(low)) & (logs < math.log(high))].sum())

    def middle(self, inflated: bool) -> float | None:
        """Return the mean log of the unseen among the shapes with, or without, too many ones; None without any."""
        which = np.array([law.inflated == inflated for law in self.laws])
        share = float(self.weight[which].sum())
        if not share > 0.0:
            return None
        logs = np.array([law.log_unseen for law in self.laws])
        return float(self.weight[which] @ logs[which]) / share

    def part(
        self, table: RepeatCounts, rows: Flags, matrix: Array, offset: Array | None
    ) -> Size:  # fmt: skip
        """Return the size of the persons in some rows: its mean over the shapes, their disagreement in its variance."""
        persons = np.where(rows, table.counts, 0).astype(np.float64)
        unseen, sampling, variance = (np.zeros(len(self.laws)) for _ in range(3))
        whole = table.counts.astype(np.float64)
        for k, (law, weight) in enumerate(zip(self.laws, self.weight, strict=True)):
            if weight < 1e-6:
                continue
            eta = matrix @ law.coefficients + (0.0 if offset is None else offset)
            each, _, spread = missed(eta, math.exp(law.log_alpha))
            unseen[k], sampling[k] = persons @ each, persons @ spread
            # the share of a law's own variance that falls to these rows, as if the rates of all were off alike
            rest = max(math.expm1(law.log_sd**2) * (whole @ each) ** 2 - whole @ spread, 0.0)
            variance[k] = rest * (unseen[k] / (whole @ each)) ** 2
        mean = float(self.weight @ unseen)
        between = float(self.weight @ (unseen - mean) ** 2)
        return Size(int(persons.sum()), mean, float(self.weight @ sampling), float(self.weight @ variance) + between)

    def law(self, observed: int) -> Distribution:
        """Return the law of N if the counts of all, those never registered too, followed one of the shapes."""
        from scipy.special import ndtr

        mean = np.array([law.log_unseen for law in self.laws])
        sd = np.array([law.log_sd for law in self.laws])
        low, high = float((mean - 8.0 * sd).min()), float((mean + 8.0 * sd).max())
        logs = np.arange(max(low, math.log(0.05)), max(high, 0.0) + LOG_STEP, LOG_STEP)
        kept = self.weight > 1e-9
        cdf = self.weight[kept] @ ndtr((logs - mean[kept, None]) / sd[kept, None])
        return Distribution(observed + np.exp(logs), np.minimum(cdf / self.weight[kept].sum(), 1.0), whole=False)


def average_shapes(table: RepeatCounts, matrix: Array, offset: Array | None = None) -> Averaged:
    """Average over all shapes.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    matrix : float64 array, shape (R, P)
        Design of the log of the rate.
    offset : float64 array, shape (R,), optional
        Log of the time at risk.

    Raises
    ------
    ModelError
        When no shape has an estimate.
    """
    laws = shaped_laws(table, matrix, offset)
    if not laws:
        raise ModelError(
            Problem(
                said("fault.register", family=said("family.average"), status=said("fault.runs_away")),
                said("allowed.register_which_every_group"), said("do.put_levels_together_leave"),
                file=said("what.table", name=table.name),
            )
        )  # fmt: skip
    weight = weights(laws)
    kept = weight > 1e-9
    mean = np.array([law.log_unseen for law in laws])[kept]
    sd = np.array([law.log_sd for law in laws])[kept]
    logs = mixture_quantiles(weight[kept], mean, sd, (np.arange(POINTS) + 0.5) / POINTS)
    return Averaged(tuple(laws), weight, np.logaddexp(logs, math.log(0.5)))
