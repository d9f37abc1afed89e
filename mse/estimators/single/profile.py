"""Profile likelihood of N under one log-linear model (Cormack 1992).

Two points belong to it. The *multinomial* one maximises the likelihood of a population of N persons; the *Poisson*
one, n + exp(η̂_0), is that of the ordinary fit and lies a little above. The interval holds the N that the
multinomial likelihood does not reject: 2(ℓ(N̂) − ℓ(N)) ≤ χ²₁.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import InputError, ModelError, Problem
from mse.estimators.single.bestmodel import ASSUMPTIONS, CRITERIA, INSIDE, NAMED, OUTSIDE, note_on_model
from mse.estimators.single.bestmodel import CITATIONS as LOGLINEAR
from mse.estimators.single.downhill import best_model
from mse.estimators.single.existence import Existence, extended
from mse.estimators.single.fitted import LoglinearFit, fit_model
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Criterion, Draws, Order
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import Said, said

Point = Literal["multinomial", "poisson"]

NOBODY = 0.01
"""Expected unseen that count as none: the likelihood is cut off there, at N = n."""

# unseen beyond which nothing is looked for; signed root at which a law ends; its step in units of log_sd
_ENDLESS = 1e12
_REACH = 6.0
_STEP = 0.05

CITATIONS = (
    "Cormack (1992) Interval estimation for mark-recapture studies of closed populations. Biometrics 48:567-576",
    *LOGLINEAR,
)


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """Options of the profile-likelihood estimator.

    Parameters
    ----------
    model : str or None
        The model, ``"[12,3]"`` or by names; None takes the best of all by `criterion`.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observable cells) or ``"aic"``.
    max_order : int or None
        Most lists in a term when the model is chosen; None for all.
    point : str
        ``"multinomial"`` or ``"poisson"``: which of the two points is reported; the other is in the notes.
    draws : int
        Draws of N to store.
    """

    model: str | None = None
    criterion: Criterion = "bic"
    max_order: Order | None = None
    point: Point = "multinomial"
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class ProfileInterval:
    """A profile-likelihood interval.

    Parameters
    ----------
    model : Model
        The model.
    multinomial, poisson : float
        The two points, persons.
    low, high : float
        The interval, persons; `low` is n when nobody need be unseen, `high` infinite when no N is too large.
    prob : float
        Its probability.
    """

    model: Model
    multinomial: float
    poisson: float
    low: float
    high: float
    prob: float


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """The profile likelihood of one fit: its table, terms and coefficients, its peak, and how wide it is.

    `peak` is log n_0 of the multinomial point, `NOBODY` when the likelihood falls from there on; `top` is ℓ there.
    """

    counts: Array
    cells: Array
    terms: Integers
    start: Array
    log_sd: float
    peak: float = math.nan
    top: float = math.nan


_LOWEST, _HIGHEST = math.log(NOBODY), math.log(_ENDLESS)


def _curve(table: CaptureTable, fit: LoglinearFit) -> _Curve:
    """Prepare the profile of a fit and find its peak."""
    if fit.existence is not Existence.FINE:
        raise ModelError(
            Problem(
                said("fault.no_model", model=fit.model.notation, status=fit.existence.said),
                said("allowed.model_whose_maximum_likelihood"),
                said("do.drop_interactions_merge_lists_3"),
                file=said("what.table", name=table.name),
            )
        )
    counts, cells = table.dense()
    face = extended(counts, cells, fit.model.terms)
    start = fit.walsh[~np.isnan(fit.walsh)]
    curve = _Curve(counts, face.cells, face.finite, start, fit.log_sd)
    near = min(max(math.log(fit.unseen), _LOWEST), _HIGHEST)
    peak: float | None = _LOWEST
    if _along(curve, np.array([_LOWEST]))[1][0] > 0:
        slope = float(_along(curve, np.array([near]))[1][0])
        step = math.copysign(0.1 * min(fit.log_sd, 1.0), slope)
        peak = _root(lambda x: float(_along(curve, np.array([x]))[1][0]), near, step)
    peak = near if peak is None else peak
    return replace(curve, peak=peak, top=float(_along(curve, np.array([peak]))[0][0]))


def _along(curve: _Curve, log_unseens: Array) -> tuple[Array, Array]:
    """Return ℓ and ℓ' at several log n_0, each near the one before: shape (g,) both."""
    from mse.kernels.profiled import profile

    value, slope, _ = profile(curve.counts, curve.cells, curve.terms, curve.start, np.exp(log_unseens))
    return value, slope


def _cut(curve: _Curve, z: float, side: float) -> float | None:
    """Return log n_0 where the signed root of the likelihood ratio is z on one side; None where it never is."""
    level = curve.top - 0.5 * z * z
    guess = min(max(curve.peak + side * z * curve.log_sd, _LOWEST), _HIGHEST)
    excess = float(_along(curve, np.array([guess]))[0][0]) - level
    step = side * 0.2 * curve.log_sd * (1.0 if excess > 0 else -1.0)
    return _root(lambda x: float(_along(curve, np.array([x]))[0][0]) - level, guess, step)


def _root(function: Callable[[float], float], start: float, step: float) -> float | None:
    """Return a root, walking from `start` by growing steps until the sign changes; None when it never does."""
    from scipy.optimize import brentq

    here, positive = start, function(start) > 0
    while True:
        there = min(max(here + step, _LOWEST), _HIGHEST)
        if there == here:
            return None
        if (function(there) > 0) != positive:
            return float(brentq(function, min(here, there), max(here, there), xtol=1e-7))
        here = there
        step *= 1.6


def profile_interval(table: CaptureTable, model: Model | str, prob: float = 0.95) -> ProfileInterval:
    """Return the profile-likelihood interval of N under one model.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    model : Model or str
        As in `fit_model`.
    prob : float
        Probability of the interval.

    Raises
    ------
    InputError
        When `prob` is not strictly between 0 and 1.
    ModelError
        When the model has no unique estimate, or as `fit_model`.

    References
    ----------
    Cormack (1992).
    """
    if not 0.0 < prob < 1.0:
        wrong = said("found.probability_interval_out_range")
        raise InputError(Problem(wrong, said("allowed.number_between_0_1"), said("do.give_0_95"), value=str(prob)))
    fit = fit_model(table, model)
    curve = _curve(table, fit)
    z = NormalDist().inv_cdf(0.5 + prob / 2.0)
    low = None if curve.peak <= _LOWEST else _cut(curve, z, -1.0)
    high = _cut(curve, z, 1.0)
    return ProfileInterval(
        model=fit.model,
        multinomial=table.observed + (0.0 if curve.peak <= _LOWEST else math.exp(curve.peak)),
        poisson=fit.N,
        low=table.observed + (0.0 if low is None else math.exp(low)),
        high=math.inf if high is None else table.observed + math.exp(high),
        prob=prob,
    )


def profile_law(table: CaptureTable, fit: LoglinearFit) -> tuple[Distribution, float]:
    """Return the law of N whose quantiles are profile-likelihood limits, and the multinomial point.

    P(N ≤ x) = Φ(r(x)), r the signed root of the likelihood ratio: the interval with probability 1 − α then ends
    where the likelihood ratio is the χ²₁ quantile of 1 − α. What the likelihood leaves at N = n, nobody unseen, is
    a mass there; what it leaves at every large N lies beyond the grid.
    """
    from scipy.special import ndtr

    curve = _curve(table, fit)
    step = _STEP * min(max(curve.log_sd, 1e-3), 1.0)
    right = _walk(curve, step)
    left = _walk(curve, -step)[::-1]
    log_unseens = np.concatenate([left[:, 0], [curve.peak], right[:, 0]])
    roots = np.concatenate([-left[:, 1], [0.0], right[:, 1]])
    unseen = np.exp(log_unseens)
    unseen[log_unseens <= _LOWEST + 1e-12] = 0.0
    cdf = np.maximum.accumulate(ndtr(roots))
    if roots[-1] >= _REACH:
        cdf[-1] = 1.0
    point = table.observed + (0.0 if curve.peak <= _LOWEST else math.exp(curve.peak))
    return Distribution(table.observed + unseen, cdf, whole=False), point


def _walk(curve: _Curve, step: float) -> Array:
    """Return log n_0 and the root of the likelihood ratio, (g, 2), outward from the peak to `_REACH` or an end."""
    found = [np.empty((0, 2))]
    here = curve.peak
    while True:
        points: Array = here + step * np.arange(1.0, 61.0)
        points = points[(points > _LOWEST) & (points < _HIGHEST)]
        if points.size < 60:
            end = np.array([_LOWEST if step < 0 else _HIGHEST])
            points = points if here == end[0] else np.concatenate([points, end])
        if points.size == 0:
            break
        value, _ = _along(curve, points)
        roots = np.sqrt(np.maximum(2.0 * (curve.top - value), 0.0))
        found.append(np.column_stack([points, roots])[~np.isnan(roots)])
        here = float(points[-1])
        if roots[-1] >= _REACH or here in (_LOWEST, _HIGHEST):
            break
        step *= 1.5
    return np.concatenate(found)


def estimate(table: CaptureTable, spec: ProfileSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under one log-linear model with a profile-likelihood interval.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : ProfileSpec
        Options.
    seed : int
        Seed of the stored draws; point and interval do not depend on it.
    compute : Compute, optional
        Not used: this takes milliseconds.

    Returns
    -------
    Posterior
        Sampling distribution whose quantiles are profile limits (see `profile_law`). The choice of the model is
        *not* inside. Diagnostics: ``multinomial`` and ``poisson`` (the two points), ``criterion``, ``deviance``,
        ``df``.

    Raises
    ------
    ModelError
        As `best_model` and `profile_interval`.

    References
    ----------
    Cormack (1992); Rivest & Baillargeon (2007).
    """
    named = spec.model is not None
    model: Model | str = best_model(table, spec.criterion, spec.max_order) if spec.model is None else spec.model
    fit = fit_model(table, model)
    distribution, multinomial = profile_law(table, fit)
    how = NAMED if named else said("how.selected", criterion=CRITERIA[spec.criterion])
    other: Point = "poisson" if spec.point == "multinomial" else "multinomial"
    points = {"multinomial": multinomial, "poisson": fit.N}
    about = {"point": _POINTS[spec.point], "model": fit.model.notation, "how": how}
    says = Says(
        inside=INSIDE,
        outside=(said("source.model"), *OUTSIDE),
        assumptions=ASSUMPTIONS,
        citations=CITATIONS,
        notes=(note_on_model(fit, table), said("note.other_point", other=_POINTS[other], point=points[other])),
        point_kind=said("kind.profile_named", **about) if named else said("kind.profile_chosen", **about),
    )
    return Posterior.of(
        table,
        spec,
        distribution,
        says,
        method="profile",
        kind="sampling distribution",
        seed=seed,
        settled={"model": fit.model.notation, "selected": not named},
        point=points[spec.point],
        diagnostics={
            **points,
            "criterion": float(getattr(fit, spec.criterion)),
            "deviance": fit.deviance,
            "df": float(fit.df),
        },
    )


_POINTS: Mapping[Point, Said] = {"multinomial": said("how.multinomial"), "poisson": said("how.poisson")}
