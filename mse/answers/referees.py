"""What an answer is held against: of another method, what a verdict asks of it, and how nearly it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mse.answers.posterior import Posterior

ENDS = (0.025, 0.975)
"""Shares of the probability below the interval that is compared."""


@dataclass(frozen=True, slots=True)
class Referee:
    """The answer of another method, as far as a verdict reads it.

    Parameters
    ----------
    point, low, high : float
        Estimate and 95 % interval, persons.
    bayes : bool
        Whether the interval holds the uncertainty about the model: that of a posterior.
    beyond : float
        Probability beyond the end of its grid.
    within, wider : float
        Factors by which the estimate, and the logarithmic width of the interval, may be off; 1 where they are settled.
    """

    point: float
    low: float
    high: float
    bayes: bool
    beyond: float = 0.0
    within: float = 1.0
    wider: float = 1.0

    @property
    def log_width(self) -> float:
        """Log of the upper over the lower end."""
        return math.log(self.high / self.low) if self.low > 0 else math.inf


def referee_of(posterior: Posterior) -> Referee:
    """Return what a verdict reads of an answer."""
    low, high = posterior.distribution.quantile(ENDS)
    beyond = max(posterior.distribution.beyond, posterior.diagnostics.get("grid_end_mass", 0.0))
    return Referee(posterior.point, float(low), float(high), posterior.kind == "posterior", beyond)
