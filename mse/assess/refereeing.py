"""The answers of other methods that a verdict asks for, no more exactly than it has to know them.

The rules on disagreement and on narrower intervals ask which answer is lowest, highest and widest. A method that has a
rough answer, known to a factor, is asked for the exact one only where another exact answer could change what the rules
find or say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mse.answers.posterior import Posterior
from mse.answers.referees import Referee, referee_of
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    from mse.assess.rules import Thresholds


DRAWS = 4000
"""Of each stratum, for a rough sum."""

SETTLED = 20_000
"""Of each stratum, for a sum that is relied on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A method that is asked.

    Parameters
    ----------
    rough : Referee
        Its answer as known so far.
    exact : callable
        Its exact answer.
    """

    rough: Referee
    exact: Callable[[], Referee]


class Home(Protocol):
    """The module of a method that is asked."""

    referee: Callable[..., Referee]
    settled_draws: Callable[..., Array]


def added_roughly(parts: Sequence[CaptureTable], spec: object, home: Home, seed: int) -> Referee:
    """Return what a verdict reads of the sum of separate answers: exact for a method without a law of its own models.

    Parameters
    ----------
    parts : sequence of CaptureTable
        The strata.
    spec : dataclass
        Options of the method.
    home : module
        With ``referee``, and with ``rough_draws`` where the answer is a posterior.
    seed : int
        Of the draws.

    Raises
    ------
    ModelError
        When a stratum has no answer.
    """
    draw = getattr(home, "rough_draws", None)
    if draw is None:
        one = Compute(workers=1)
        total = sum(home.referee(part, spec, seed=seed, compute=one, rough=False).point for part in parts)
        return Referee(total, total, total, bayes=False)
    rng = np.random.default_rng([seed, 4])
    totals = np.sum([draw(part, spec, DRAWS, rng) for part in parts], axis=0)
    low, point, high = (float(x) for x in np.quantile(totals, [0.025, 0.5, 0.975]))
    return Referee(point, low, high, bayes=True, within=1.08, wider=1.3)


def added_exactly(parts: Sequence[CaptureTable], spec: object, home: Home, seed: int) -> Referee:
    """Return what a verdict reads of the sum of separate posteriors; parameters as in `added_roughly`.

    Raises
    ------
    ModelError
        When a stratum has no answer.
    """
    seeds = np.random.default_rng([seed, 6]).integers(2**31, size=len(parts)).tolist()
    totals = np.zeros(SETTLED)
    for part, own in zip(parts, seeds, strict=True):
        totals += home.settled_draws(part, spec, SETTLED, own)
    low, point, high = (float(x) for x in np.quantile(totals, [0.025, 0.5, 0.975]))
    return Referee(point, low, high, bayes=True)


def settled(posterior: Posterior, asked: Mapping[str, Asked], limits: Thresholds) -> dict[str, Referee]:
    """Return the answers, exact wherever the rules depend on them.

    Parameters
    ----------
    posterior : Posterior
        The answer that they are held against.
    asked : mapping of str to Asked
        By name.
    limits : Thresholds
        Of the verdict.
    """
    own = referee_of(posterior)
    known = {name: x.rough for name, x in asked.items()}
    while (name := _open(own, known, limits)) is not None:
        try:
            known[name] = asked[name].exact()
        except MseError:
            del known[name]
    return {name: x for name, x in known.items() if math.isfinite(x.point)}


def _open(own: Referee, known: Mapping[str, Referee], limits: Thresholds) -> str | None:
    """Return the first whose exact answer may matter: what it turns out to be may settle the others."""
    rough = ((name, x) for name, x in known.items() if not _is_exact(x))
    return next((name for name, x in rough if _matters(x, own, known, limits)), None)


def _is_exact(x: Referee) -> bool:
    return x.within == 1.0 and x.wider == 1.0


def _matters(x: Referee, own: Referee, known: Mapping[str, Referee], limits: Thresholds) -> bool:
    """Return whether the rules may find or say something else when the exact answer takes the place of a rough one."""
    everyone = [own, *(y for y in known.values() if math.isfinite(y.point))]
    if not math.isfinite(x.point) or x.beyond >= _NEARLY * limits.grid_end[1]:
        return True
    least, most = (min(y.point / y.within for y in everyone), max(y.point * y.within for y in everyone))
    if most / least >= limits.disagreement[0]:
        lowest, highest = (min(y.point * y.within for y in everyone), max(y.point / y.within for y in everyone))
        if x.point / x.within <= lowest or x.point * x.within >= highest:
            return True
    return x.bayes and own.log_width > 0.0 and not x.wider * x.log_width < limits.narrower[0] * own.log_width


_NEARLY = 0.1
"""Share of the limit on probability beyond the grid at which a rough answer is not relied on."""
