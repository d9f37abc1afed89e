"""Measures that may have changed N: a level and a slope of log size from a date on, and what can be told of them.

A level is x_s times a coefficient, x the part of the period behind the date, a slope the mean time behind it in years
times another, beside the random walk of sizes. Breaks of registration at the same date are in the model apart; how far
the two can be told apart is read off the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np

from mse.estimators.multilevel.effects import Design, break_columns, moments_of
from mse.estimators.multilevel.fourbyfour import effects_of, matrix_of, with_scales
from mse.estimators.multilevel.outputs import moments
from mse.estimators.multilevel.priors import Priors
from mse.estimators.stratified.opencells import StrataCells
from mse.kernels.arrays import Array
from mse.kernels.multilevel_model import BREAKS, SIZE
from mse.words.said import Said, said

TERMS = ("level", "slope")
EFFECTS = "size_effects"
"""The block of parameters to which those of measures are added, at its end."""


class Told(NamedTuple):
    """What the draws tell of a measure.

    Parameters
    ----------
    level, slope : float array, shape (D,)
        On log N; the slope a year.
    together : float or None
        Correlation of the level with the mean change of the lists that break at the same date; None without any.
    known : float
        Width of the interval of the level, were these changes known, as a share of what it is.
    """

    level: Array
    slope: Array
    together: float | None
    known: float


def with_measures(design: Design, measures: Sequence[str]) -> Design:
    """Return the model of a table with a level and a slope of log size for every measure.

    Raises
    ------
    ModelError
        When a date has no place in time, or lies outside the period.
    """
    if not measures:
        return design
    model, priors = design.model, Priors()
    spread = np.array([priors.measure_level, priors.measure_slope] * len(measures))
    added = np.column_stack([x for when in measures for x in measure_columns(design.cells, design.time, when)]) * spread
    before, count = model.size_scale.size, added.shape[1]
    size = np.column_stack([matrix_of(model.size, before), added])
    blocks = tuple(replace(x, shape=(x.count + count,)) if x.name == EFFECTS else x for x in design.blocks)
    moved = model.starts.copy()
    moved[SIZE + 1 :] += count
    return replace(
        design, blocks=blocks,
        model=with_scales(model._replace(
            starts=moved, size=effects_of(size),
            size_scale=np.concatenate([model.size_scale, np.full(count, model.n_scales, dtype=np.int64)]),
            follow=np.concatenate([model.follow, np.zeros((count, model.follow.shape[1]))]),
        )),
    )  # fmt: skip


def measure_columns(cells: StrataCells, time: str | None, when: str) -> tuple[Array, Array]:
    """Return how far each stratum lies behind a date, 0 to 1, and how long on average, in years: each (S,).

    Raises
    ------
    ModelError
        When the date has no place in time, or lies outside the period.
    """
    index = np.indices([len(x) for x in cells.dimensions.values()]).reshape(-1, cells.n_strata)
    _, behind = break_columns(cells, time, index, {when: cells.table.lists[:1]})
    assert time is not None  # without time no date has a place
    levels = cells.dimensions[time]
    starts = moments_of(levels)
    if when in levels:
        start = starts[list(levels).index(when)]
    else:
        moment = date.fromisoformat(f"{when}-01-01"[:10])
        start = moment.year + (moment.timetuple().tm_yday - 1) / 365.0
    length = float(np.diff(starts).min())
    within = np.clip(starts + length - start, 0.0, None) ** 2 / (2 * length)
    since = np.where(starts >= start - 1e-9, starts - start + length / 2, within)
    return behind[:, 0], since[moments(cells, time)]


def told(design: Design, measures: Sequence[str], x: Array) -> tuple[Told, ...]:
    """Return what draws of the parameters, x (D, P), tell of every measure."""
    model, priors = design.model, Priors()
    first = int(model.starts[SIZE]) + model.size_scale.size - len(TERMS) * len(measures)
    found = []
    for m, when in enumerate(measures):
        level = priors.measure_level * x[:, first + 2 * m]
        slope = priors.measure_slope * x[:, first + 2 * m + 1]
        same = [e for e, (at, _) in enumerate(design.breaks) if at == when]
        if not same:
            found.append(Told(level, slope, None, 1.0))
            continue
        changes = model.break_prior * x[:, [int(model.starts[BREAKS]) + e for e in same]]
        together = float(np.corrcoef(level, changes.mean(axis=1))[0, 1])
        centred = changes - changes.mean(axis=0)
        left = level - level.mean() - centred @ np.linalg.lstsq(centred, level - level.mean(), rcond=None)[0]
        found.append(Told(level, slope, together, float(left.std() / level.std())))
    return tuple(found)


def measure_notes(design: Design, measures: Sequence[str], x: Array, log_size: Array) -> list[Said]:
    """Say what every measure did to N, what cannot be told apart from it, and how other years changed.

    Parameters
    ----------
    design : Design
        With the terms of the measures.
    measures : sequence of str
        Their dates.
    x : float64 array, shape (D, P)
        Draws of the parameters.
    log_size : float64 array, shape (D, S)
        Log expected sizes under each.
    """
    out = []
    for when, found in zip(measures, told(design, measures, x), strict=True):
        for draws, slope in ((found.level, False), (found.slope, True)):
            low, middle, high = np.exp(np.quantile(draws, [0.025, 0.5, 0.975]))
            values = {"when": when, "low": low, "middle": middle, "high": high, "fell": float((draws < 0).mean())}
            out.append(said("note.measure_slope", **values) if slope else said("note.measure", **values))
        lists = tuple(name for at, name in design.breaks if at == when)
        apart = {"when": when, "together": found.together, "known": found.known}
        if found.together is None:
            out.append(said("note.measure_alone", when=when))
        elif len(lists) == design.cells.table.n_lists:
            prior = Priors().measure_level
            out.append(said("note.measure_all", learned=float(1 - found.level.std() / prior), **apart))
        else:
            out.append(said("note.measure_apart", lists=lists, **apart))
        out += _elsewhere(design, when, log_size)
    return out


def _elsewhere(design: Design, when: str, log_size: Array) -> list[Said]:
    """Say how often N changed as much across as long a span of other years as across the date; nothing without any."""
    cells, time = design.cells, design.time
    moment = moments(cells, time)
    total = np.stack(
        [np.logaddexp.reduce(log_size[:, moment == t], axis=1) for t in range(int(moment.max()) + 1)], axis=1
    )
    behind = np.array([measure_columns(cells, time, when)[0][moment == t][0] for t in range(total.shape[1])])
    if behind[0] > 0.0 or behind[-1] < 1.0:
        return []
    last, first = int(np.flatnonzero(behind <= 0.0).max()), int(np.flatnonzero(behind >= 1.0).min())
    span = first - last
    here = np.abs(total[:, first] - total[:, last])
    others = [np.abs(total[:, t + span] - total[:, t]) for t in range(total.shape[1] - span)
              if t + span <= last or t >= first]  # fmt: skip
    as_large = sum(float((x >= here).mean()) > 0.5 for x in others)
    return [said("note.measure_elsewhere", when=when, count=len(others), as_large=as_large)] if others else []
