"""Learn departures from populations of known size, and say how well that works on studies left out.

Parameters maximise a penalised log score of log(n_0 + ½) (`mse.assess.departures`). A study of m problems counts as √m
of them: the lists of one table err together. Few studies shrink what is learned: the slopes towards 0.

A method that is right in the middle needs no shift, `learn_tails`: how far the truth departs downwards and upwards, and
with what that grows. A shift that known sizes suggest would move every interval, and miss from above where the method
is right. Downwards the truth departs where being on one list keeps people off the next. Among the members of a list
that is hardly seen, so that known sizes tell of departures upwards and little of those downwards: `learn_even` takes
what it learned of the ones for the others too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mse.assess.departures import SCALE_FEATURES, DepartureModel

Array = npt.NDArray[np.float64]

SLOPE_SD = 0.3
"""Prior standard deviation of a slope, per standard deviation of its feature."""

SHIFT_SD = 1.0
"""Prior standard deviation of b, around 0."""

SCALE, LOG_SCALE_SD = 0.3, 0.5
"""Prior median of τ and prior standard deviation of its log."""

TAIL_SCALE, LOG_TAIL_SD = 0.2, 0.7
"""The same for τ below and above a middle of 0."""

STRETCH_SD = 0.5
"""Prior standard deviation of the change of log τ per unit of a scale feature."""

ALL_SCALES = tuple(range(len(SCALE_FEATURES)))


@dataclass(frozen=True, slots=True, eq=False)
class KnownAnswer:
    """What a method said of a population of known size.

    Parameters
    ----------
    study : str
        The study that the table comes from.
    observed, true : int
        Persons seen, and the size.
    unseen : float64 array, shape (POINTS,)
        Law of log(n_0 + ½), equally likely values.
    features : float64 array, shape (F,)
        From `mse.assess.departures.features`.
    about : float64 array, shape (S,)
        From `mse.assess.departures.scale_features`.
    """

    study: str
    observed: int
    true: int
    unseen: Array
    features: Array
    about: Array = field(default_factory=lambda: np.zeros(len(SCALE_FEATURES)))


def learn(answers: Sequence[KnownAnswer], slope_sd: float = SLOPE_SD) -> DepartureModel:
    """Return the law of departures that these known sizes show.

    Parameters
    ----------
    answers : sequence of KnownAnswer
        From several studies, by one method with one setting.
    slope_sd : float
        Prior standard deviation of a slope.
    """
    from scipy.optimize import minimize

    studies = sorted({a.study for a in answers})
    size = {s: sum(a.study == s for a in answers) for s in studies}
    weight = np.array([size[a.study] ** -0.5 for a in answers])
    raw = np.array([a.features for a in answers])
    centre = weight @ raw / weight.sum()
    spread = np.sqrt(np.maximum(weight @ (raw - centre) ** 2 / weight.sum(), 1e-12))
    design = np.column_stack([np.ones(len(answers)), (raw - centre) / spread])
    unseen = np.array([a.unseen for a in answers])
    truth = np.log(np.array([a.true - a.observed for a in answers]) + 0.5)
    precision = np.concatenate([[SHIFT_SD**-2], np.full(raw.shape[1], slope_sd**-2)])

    def lost(parameters: Array) -> tuple[float, Array]:
        """Return the penalised score and its gradient; the last parameter is log τ."""
        place, log_scale = parameters[:-1], float(parameters[-1])
        z = (truth[:, None] - unseen - (design @ place)[:, None]) * math.exp(-log_scale)
        log_density = -2.5 * np.log1p(z**2 / 4.0)
        peak = log_density.max(axis=1)
        share = np.exp(log_density - peak[:, None])
        total = share.sum(axis=1)
        share /= total[:, None]
        pull = 5.0 * z / (4.0 + z**2)  # minus the slope of the log density in z
        score = weight @ (peak + np.log(total) - log_scale)
        away = (log_scale - math.log(SCALE)) / LOG_SCALE_SD
        by_place = weight * (share * pull).sum(axis=1) * math.exp(-log_scale)
        by_scale = weight @ ((share * pull * z).sum(axis=1) - 1.0)
        value = -score + 0.5 * (precision @ place**2) + 0.5 * away**2
        return float(value), np.append(precision * place - by_place @ design, away / LOG_SCALE_SD - by_scale)

    start = np.zeros(design.shape[1] + 1)
    start[0], start[-1] = 0.5, math.log(SCALE)
    found = minimize(lost, start, jac=True, method="BFGS").x
    return DepartureModel(
        shift=float(found[0]), slopes=found[1:-1], scale=math.exp(float(found[-1])), upper=math.exp(float(found[-1])),
        centre=centre, spread=spread, low=raw.min(axis=0), high=raw.max(axis=0), problems=len(answers),
        studies=tuple(studies),
    )  # fmt: skip


def learn_tails(answers: Sequence[KnownAnswer], chosen: Sequence[int] = ALL_SCALES) -> DepartureModel:
    """Return the law of departures without a shift: middle 0, no slopes, a scale below and a scale above.

    Parameters
    ----------
    answers : sequence of KnownAnswer
        From several studies, by one method with one setting.
    chosen : sequence of int
        Scale features with which both scales may grow.
    """
    from scipy.optimize import minimize

    studies = sorted({a.study for a in answers})
    size = {s: sum(a.study == s for a in answers) for s in studies}
    weight = np.array([size[a.study] ** -0.5 for a in answers])
    raw = np.array([a.features for a in answers])
    about = np.array([a.about for a in answers])
    used = about[:, list(chosen)]
    away = np.log(np.array([a.true - a.observed for a in answers]) + 0.5)[:, None] - np.array(
        [a.unseen for a in answers]
    )
    above = away >= 0.0

    def lost(parameters: Array) -> tuple[float, Array]:
        """Return the penalised score and its gradient: both log scales, then how they grow."""
        log_scale = np.where(above, parameters[1], parameters[0]) + (used @ parameters[2:])[:, None]
        z = away * np.exp(-log_scale)
        log_density = -2.5 * np.log1p(z**2 / 4.0) - log_scale
        peak = log_density.max(axis=1)
        share = np.exp(log_density - peak[:, None])
        total = share.sum(axis=1)
        steep = share / total[:, None] * (5.0 * z**2 / (4.0 + z**2) - 1.0)
        by_scale = np.array([weight @ np.where(above, 0.0, steep).sum(axis=1),
                             weight @ np.where(above, steep, 0.0).sum(axis=1)])  # fmt: skip
        slope = np.concatenate([by_scale, (weight * steep.sum(axis=1)) @ used])
        off = np.concatenate([(parameters[:2] - math.log(TAIL_SCALE)) / LOG_TAIL_SD, parameters[2:] / STRETCH_SD])
        spread = np.concatenate([np.full(2, LOG_TAIL_SD), np.full(used.shape[1], STRETCH_SD)])
        return float(-(weight @ (peak + np.log(total))) + 0.5 * off @ off), off / spread - slope

    start = np.concatenate([np.full(2, math.log(TAIL_SCALE)), np.zeros(used.shape[1])])
    found = minimize(lost, start, jac=True, method="BFGS").x
    stretch = np.zeros(about.shape[1])
    stretch[list(chosen)] = found[2:]
    return DepartureModel(
        shift=0.0, slopes=np.zeros(raw.shape[1]), scale=math.exp(float(found[0])), upper=math.exp(float(found[1])),
        centre=raw.mean(axis=0), spread=np.ones(raw.shape[1]), low=raw.min(axis=0), high=raw.max(axis=0),
        problems=len(answers), studies=tuple(studies), stretch=stretch, nearest=about.min(axis=0),
        farthest=about.max(axis=0),
    )  # fmt: skip


def learn_even(answers: Sequence[KnownAnswer], chosen: Sequence[int] = ALL_SCALES) -> DepartureModel:
    """Return the law of `learn_tails` with a scale below that is no smaller than the one above; parameters as there."""
    model = learn_tails(answers, chosen)
    return replace(model, scale=max(model.scale, model.upper))


def learn_without_each(
    answers: Sequence[KnownAnswer], learner: Callable[[Sequence[KnownAnswer]], DepartureModel] = learn
) -> dict[str, DepartureModel]:
    """Return, for every study, what the other studies show to a learner."""
    studies = sorted({a.study for a in answers})
    return {study: learner([a for a in answers if a.study != study]) for study in studies}


def log_score(answer: KnownAnswer, middle: float, scale: float, upper: float) -> float:
    """Return the log density of the true log(n_0 + ½) when δ is `middle` + τ t_4, τ = `scale` below, `upper` above."""
    away = math.log(answer.true - answer.observed + 0.5) - answer.unseen - middle
    tau = np.where(away < 0.0, scale, upper)
    return float(np.log(np.mean(0.375 * (1.0 + (away / tau) ** 2 / 4.0) ** -2.5 / tau)))
