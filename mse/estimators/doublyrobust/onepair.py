"""Doubly robust size of a population from two lists and covariates of each person (Das, Kennedy & Jewell 2023).

Among the observed let q₁(x), q₂(x), q₁₂(x) be the chances to be on list 1, on list 2, on both, given covariates x. If
the two lists are independent given x, the chance that somebody with x is seen at all is γ(x) = q₁₂/(q₁q₂), and with ψ
the share of the population that is seen, 1/ψ = E[1/γ(X) | seen] and N = n/ψ. The influence function of 1/ψ,
uncentred, is

    φ = (1/γ) (Y₁/q₁ + Y₂/q₂ − Y₁Y₂/q₁₂),

and Var N̂ = n s² + n (1 − ψ)/ψ², s² the variance of φ: covariates and lists of the persons, and who of N was seen. With
more lists the same holds of any pair, everybody on any list counting as seen.

The bias is of the order of the error in q₁₂ times itself and times the errors in q₁ and q₂: a learner that is nearly
right is corrected, one that is wrong throughout is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Literal, NamedTuple

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.doublyrobust.crossfit import Chances, Learner, RidgeLogistic, chances
from mse.estimators.normallaw import normal_law
from mse.kernels.arrays import Array, Flags
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between, Check, Draws, Pair, count
from mse.tables.persons import PersonTable
from mse.words.said import Said, said

Variant = Literal["doubly robust", "plug-in", "targeted"]
Nuisance = Literal["joint", "separate"]
Interval = Literal["log-normal", "normal"]
MOST_SHIFT = 3.0
MOST_WEIGHT = 0.2
"""Share of the variance that one person may carry before a note says so."""


Fitting = Annotated[
    Learner,
    Check(said("example.learner"),
          lambda x: not (hasattr(x, "fit") and hasattr(x, "predict_proba"))),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DoublyRobustSpec:
    """Options of the doubly robust estimator.

    Parameters
    ----------
    pair : tuple of two str or None
        The lists that are independent given the covariates; None takes the pair with the largest overlap.
    variant : str
        ``"doubly robust"`` (1/ψ̂ is the mean of φ), ``"plug-in"`` (the mean of 1/γ̂: not robust, its interval takes the
        same variance and is too narrow), or ``"targeted"`` (a plug-in of chances moved until both agree, as in TMLE).
    learner : Learner or None
        Anything with ``fit`` and ``predict_proba`` in the manner of scikit-learn; copied before each fit. None takes
        `RidgeLogistic`.
    nuisance : str
        ``"joint"`` for one fit to the combinations of the two lists, ``"separate"`` for three fits to 0/1.
    folds : int
        Parts of the cross-fitting.
    splits : int
        Times the parts are drawn anew; the answer is the median, its variance that of the splits around it too.
    margin : float
        Smallest chance to be on both lists; how many persons it touches is reported.
    interval : str
        ``"normal"`` on N as published, or ``"log-normal"`` on the unseen.
    draws : int
        Draws of N to store.
    """

    pair: Pair | None = None
    variant: Variant = "doubly robust"
    learner: Fitting | None = field(default=None, compare=False)
    nuisance: Nuisance = "joint"
    folds: Annotated[int, count(2, 100)] = 5
    splits: Annotated[int, count(1, 1000)] = 1
    margin: Annotated[float, Between(0, 0.5, above=True, below=True)] = 0.005
    interval: Interval = "normal"
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


class PairSize(NamedTuple):
    """One pair of lists, one way to draw the folds.

    Parameters
    ----------
    inverse : float
        1/ψ̂: population over observed persons.
    influence : float64 array, shape (R,)
        φ of each person.
    clipped : float
        Share of persons whose chances were moved to the margin.
    """

    inverse: float
    influence: Array
    clipped: float

    @property
    def size(self) -> float:
        """N̂, persons."""
        return self.inverse * self.influence.size

    @property
    def se(self) -> float:
        """Standard error of N̂, persons."""
        n = self.influence.size
        # Above 1 the share that is seen makes no sense: then everybody is.
        missed = max(self.inverse - 1.0, 0.0) * max(self.inverse, 1.0)
        return math.sqrt(n * float(np.var(self.influence, ddof=1)) + n * missed)

    @property
    def heaviest(self) -> float:
        """Share of the spread of φ that one person carries: near 1 the standard error means little."""
        squares = (self.influence - self.influence.mean()) ** 2
        return float(squares.max() / squares.sum()) if squares.sum() > 0 else 0.0


def influence(first: Flags, second: Flags, q: Chances) -> Array:
    """Return φ of each person, shape (R,)."""
    one = np.where(first, q.second / q.both, 0.0)
    two = np.where(second, q.first / q.both, 0.0)
    return np.asarray(one + two - np.where(first & second, q.first * q.second / q.both**2, 0.0))


def targeted(first: Flags, second: Flags, q: Chances) -> Chances:
    """Return the chances moved until the plug-in solves the estimating equation: mean of φ = mean of 1/γ.

    The log odds of being on both lists are shifted by one ε for everybody, the other combinations shrinking or growing
    together, and ε is the root that is closest to 0. The usual fluctuation has ε times the influence function instead
    (TMLE); where the chance of both is small that function has the size of 1/q₁₂², and the fluctuation runs off.
    Returned as they are when there is no root with |ε| up to `MOST_SHIFT`.
    """

    def moved(epsilon: float) -> Chances:
        odds = q.both / np.maximum(1.0 - q.both, 1e-12) * math.exp(epsilon)
        both = odds / (1.0 + odds)
        shrink = (1.0 - both) / np.maximum(1.0 - q.both, 1e-12)
        return Chances(both + shrink * (q.first - q.both), both + shrink * (q.second - q.both), both, q.clipped)

    def equation(epsilon: float) -> float:
        at = moved(epsilon)
        return float(np.mean(influence(first, second, at)) - np.mean(at.first * at.second / at.both))

    from scipy.optimize import brentq

    start, step = equation(0.0), 0.02
    if abs(start) < 1e-12:
        return q
    ends = [0.0, 0.0]
    while step <= MOST_SHIFT:
        for side, sign in enumerate((1.0, -1.0)):
            reached = sign * step
            if equation(reached) * start < 0.0:
                return moved(float(brentq(equation, ends[side], reached, xtol=1e-12)))
            ends[side] = reached
        step *= 1.3
    return q


def estimate_pair(
    table: PersonTable, pair: tuple[int, int], spec: DoublyRobustSpec, seed: int, split: int = 0
) -> dict[Variant, PairSize]:
    """Return every variant for one pair of lists (places) and one way to draw the folds."""
    first, second = table.on[:, pair[0]], table.on[:, pair[1]]
    rng = np.random.default_rng([seed, 1, *pair, split])
    q = chances(
        table.features()[1], first, second, spec.learner if spec.learner is not None else RidgeLogistic(),
        joint=spec.nuisance == "joint", folds=spec.folds, margin=spec.margin, rng=rng,
    )  # fmt: skip
    phi = influence(first, second, q)
    moved = targeted(first, second, q)
    return {
        "doubly robust": PairSize(float(phi.mean()), phi, q.clipped),
        "plug-in": PairSize(float(np.mean(q.first * q.second / q.both)), phi, q.clipped),
        "targeted": PairSize(
            float(np.mean(moved.first * moved.second / moved.both)), influence(first, second, moved), q.clipped
        ),
    }


def _split(
    table: PersonTable, pair: tuple[int, int], spec: DoublyRobustSpec, seed: int, split: int
) -> tuple[float, float, float, float]:
    """Return N̂, its standard error, the clipped share and the heaviest person's share under one split."""
    found = estimate_pair(table, pair, spec, seed, split)[spec.variant]
    return found.size, found.se, found.clipped, found.heaviest


def estimate(table: PersonTable, spec: DoublyRobustSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N from one pair of lists, given the covariates of each person.

    Parameters
    ----------
    table : PersonTable
        One row per person.
    spec : DoublyRobustSpec
        Pair, learner, cross-fitting and interval.
    seed : int
        Seed of the folds (one per split) and of the stored draws.
    compute : Compute, optional
        Workers over splits.

    Returns
    -------
    Posterior
        Sampling distribution of N̂. It has no verdict: the rules of `judge` are about overlap tables.

    Raises
    ------
    ModelError
        When the pair is not in the table, or its overlap is too small to be split into the folds.

    References
    ----------
    Das, Kennedy & Jewell (2023) eqs 4-6 and section 4; Chernozhukov et al. (2018) section 3.4 for the median of splits.
    """
    pair, how = _pair(table, spec)
    names = (table.lists[pair[0]], table.lists[pair[1]])
    task = partial(_split, table, pair, spec, seed)
    found = np.array(list((compute or Compute()).map(said("stage.cross_fitting"), task, range(spec.splits))))
    size = float(np.median(found[:, 0]))
    se = math.sqrt(float(np.median(found[:, 1] ** 2 + (found[:, 0] - size) ** 2)))
    unseen, n = size - table.observed, table.observed
    notes = [said("note.pair", lists=names, count=overlap(table, pair), how=how)]
    if not table.covariates:
        notes.append(said("note.no_covariates"))
    clipped = float(found[:, 2].mean())
    if clipped > 0.01:
        notes.append(said("note.clipped", share=clipped, margin=spec.margin))
    heaviest = float(np.median(found[:, 3]))
    if heaviest > MOST_WEIGHT:
        notes.append(said("note.heaviest", share=heaviest))
    if unseen <= 0.0:
        notes.append(said("note.below_observed", count=n))
    if spec.variant == "plug-in":
        notes.append(said("note.plug_in"))
    if spec.interval == "normal" or unseen <= 0.0:
        law = normal_law(n, size, se)
    else:
        law = Distribution.lognormal(n, unseen, math.sqrt(math.log1p((se / unseen) ** 2)))
    normal = spec.interval == "normal" or unseen <= 0.0
    interval = said("interval_kind.normal") if normal else said("interval_kind.lognormal")
    split, once = (said("source.splitting"),), spec.splits <= 1
    says = Says(
        inside=(said("source.seen"), said("source.covariates"), *(() if once else split)),
        outside=(
            said("source.departures"),
            said("source.learner"),
            *(split if once else ()),
            said("source.linkage"),
        ),
        assumptions=(
            said("assumed.closed"),
            said("assumed.linked"),
            said("assumed.pair_independent", lists=names),
            said("assumed.both_lists"),
        ),
        citations=(
            "Das, Kennedy & Jewell (2023) Doubly robust capture-recapture methods for estimating population size. "
            "JASA 119:1309-1321 (arXiv:2104.14091)",
        ),
        notes=tuple(notes),
        point_kind=said("kind.pair", variant=_VARIANTS[spec.variant], lists=names, interval=interval),
    )
    learner = repr(spec.learner if spec.learner is not None else RidgeLogistic())
    return Posterior.of(
        table, spec, law, says, method="doubly-robust", kind="sampling distribution", seed=seed,
        settled={"pair": names, "learner": learner}, draws=np.random.default_rng([seed, 0]), point=size,
        diagnostics={"unseen": unseen, "se": se, "psi": n / size, "both": float(overlap(table, pair)),
                     "clipped": clipped, "heaviest": heaviest,
                     "split_low": float(found[:, 0].min()), "split_high": float(found[:, 0].max())},
    )  # fmt: skip


_VARIANTS: Mapping[Variant, Said] = {
    "doubly robust": said("how.doubly_robust"),
    "plug-in": said("how.plug_in"),
    "targeted": said("how.targeted"),
}


def _pair(table: PersonTable, spec: DoublyRobustSpec) -> tuple[tuple[int, int], Said]:
    """Return the pair as places and how it was chosen."""
    if spec.pair is None:
        pair, how = table.pairs()[0], said("how.largest") if len(table.lists) > 2 else said("how.only")
    else:
        unknown = [name for name in spec.pair if name not in table.lists]
        if unknown:
            raise ModelError(
                Problem(
                    said("fault.pair"), said("allowed.two_lists_out", lists=(*table.lists,)),
                    said("do.correct_pair_leave_out"), file=said("what.table", name=table.name),
                    value=", ".join(unknown),
                )
            )  # fmt: skip
        pair, how = (table.lists.index(spec.pair[0]), table.lists.index(spec.pair[1])), said("how.pair_named")
    least = least_overlap(spec)
    if overlap(table, pair) < least:
        raise ModelError(
            Problem(
                said("fault.pair_overlap", count=overlap(table, pair), lists=[table.lists[j] for j in pair]),
                said("allowed.least_folds", least=least, folds=spec.folds), said("do.choose_another_pair_fewer"),
                file=said("what.table", name=table.name),
            )
        )  # fmt: skip
    return pair, how


def least_overlap(spec: DoublyRobustSpec) -> int:
    """Return how many persons on both lists the cross-fitting takes."""
    return max(2 * spec.folds, 10)


def overlap(table: PersonTable, pair: tuple[int, int]) -> int:
    """Return how many persons are on both lists of a pair."""
    return int((table.on[:, pair[0]] & table.on[:, pair[1]]).sum())
