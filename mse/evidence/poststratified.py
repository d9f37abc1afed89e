"""Small groups of a survey by multilevel regression and poststratification, on cells, with nutpie's NUTS.

Gelman & Little (1997), Survey Methodology 23:127-135; Park, Gelman & Bafumi (2004), Political Analysis 12:375-385.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations
from typing import Any

import numpy as np

from mse.assess.rules import SurveyLimits, usual_thresholds
from mse.computing.convergence import ess_bulk, rhat
from mse.errors import InputError, Problem
from mse.estimators.multilevel.targets import check_installed
from mse.evidence.survey import ALL
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure, limits_note, population_sizes
from mse.evidence.surveydesign import Respondents, SurveyDesign
from mse.evidence.surveylaw import SurveyLaw, survey_law
from mse.evidence.surveyverdict import judge_survey, worse
from mse.evidence.weighting import Totals, kish
from mse.kernels.arrays import Array, Integers
from mse.kernels.pooledcells import pooled_log_density
from mse.tables.population import Population
from mse.words.said import Said, said

CHAINS, WARMUP, DEEPEST = 4, 600, 8
MOST_SHOWN = 400
"""With more crossed groups than this, the levels of every column are shown and not their crossing."""
BLOCK = 200
TELLING = 50.0
"""Information on the effect of a level, in answers times p(1 − p), from which on the effect itself is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class PooledCells:
    """Cells of a multilevel logistic regression; C cells, K batches of effects.

    Parameters
    ----------
    yes, both : float64 array, shape (C,)
        Effective numbers of answers that are yes, and of all.
    batches : tuple of int64 array, each of shape (C,)
        Level of every cell, by batch: every column, and every two of them crossed.
    middle : float
        Logit of the rate of everybody, around which the prior of the constant lies.
    """

    yes: Array
    both: Array
    batches: tuple[Integers, ...]
    middle: float

    def sizes(self) -> list[int]:
        """Return the number of levels of every batch."""
        return [int(batch.max()) + 1 for batch in self.batches]

    def told(self) -> list[tuple[int, slice]]:
        """Return the place of the log scale, and those of the effects, of batches whose levels have many answers.

        There the effects are known and their scale follows: with standardised ones a chain would have to go along the
        bend on which scale times effect is alike. Where few answered it is the other way round.
        """
        rate = 1 / (1 + math.exp(-self.middle))
        found, start = [], 1 + len(self.batches)
        for j, size in enumerate(self.sizes()):
            if rate * (1 - rate) * float(self.both.sum()) / size >= TELLING:
                found.append((1 + j, slice(start, start + size)))
            start += size
        return found

    def at(self, x: Array) -> Array:
        """Return the logits of all cells at parameters: the constant, log scales, then standardised effects."""
        k = len(self.batches)
        eta = np.full(self.both.size, x[0])
        start = 1 + k
        for j, (batch, size) in enumerate(zip(self.batches, self.sizes(), strict=True)):
            eta += math.exp(x[1 + j]) * x[start: start + size][batch]  # fmt: skip
            start += size
        return eta


def pooled_cells(groups: tuple[tuple[str, ...], ...], yes: Array, both: Array) -> PooledCells:
    """Return the cells with their batches: a batch of one level, or of as many as there are cells, twice, is none."""
    columns = list(zip(*groups, strict=True))
    names: list[list[tuple[str, ...]]] = [[(x,) for x in column] for column in columns]
    names += [list(zip(a, b, strict=True)) for a, b in combinations(columns, 2)]
    batches = []
    for of in names:
        number = {x: i for i, x in enumerate(dict.fromkeys(of))}
        if len(number) > 1:
            batches.append(np.array([number[x] for x in of], dtype=np.int64))
    rate = min(max(float(yes.sum() / both.sum()), 1e-4), 1 - 1e-4)
    return PooledCells(yes, both, tuple(batches), math.log(rate / (1 - rate)))


def pooled_density(cells: PooledCells) -> Any:
    """Return the log density and its gradient as nutpie takes them, of the cells in which somebody answered."""
    asked = np.flatnonzero(cells.both > 0)
    yes, both = cells.yes[asked], cells.both[asked]
    starts = 1 + len(cells.batches) + np.cumsum([0, *cells.sizes()])
    places = np.array([batch[asked] + at for batch, at in zip(cells.batches, starts[:-1], strict=True)]).T
    places = np.ascontiguousarray(places.reshape(asked.size, len(cells.batches)), dtype=np.int64)

    def density(x: Array) -> tuple[float, Array]:
        slope = np.empty_like(x)
        return pooled_log_density(x, yes, both, places, cells.middle, slope), slope

    return density


def drawn_density(cells: PooledCells) -> Any:
    """Return the same over what is drawn: of `PooledCells.told` the effects themselves, of others standardised ones.

    In place of the constant stands the constant with the mean of these effects, which the answers tell.
    """
    density, told = pooled_density(cells), cells.told()

    def moved(x: Array) -> tuple[float, Array]:
        z = standardised(x, told)
        value, slope = density(z)
        for scale, effects in told:
            size = effects.stop - effects.start
            slope[scale] -= float(slope[effects] @ z[effects]) + size
            slope[effects] = slope[effects] * math.exp(-x[scale]) - slope[0] / size
            value -= x[scale] * size
        return value, slope

    return moved


def standardised(x: Array, told: Sequence[tuple[int, slice]]) -> Array:
    """Return the parameters of `PooledCells.at` at what is drawn, shape (..., P)."""
    z = x.copy()
    for scale, effects in told:
        z[..., 0] -= x[..., effects].mean(axis=-1)
        z[..., effects] *= np.exp(-x[..., scale, None])
    return z


def draw_pooled(cells: PooledCells, draws: int, seed: int) -> Array:
    """Return draws of the parameters, shape (chains, draws, parameters).

    Raises
    ------
    ModelError
        When nutpie is not installed.
    """
    check_installed("nutpie")
    size = 1 + len(cells.batches) + sum(cells.sizes())
    density = drawn_density(cells)
    # Not at 0, where the slope of an effect of which nobody was asked is 0 too: no chain starts from there.
    start = np.random.default_rng(seed).normal(0.0, 0.1, size)
    start[0], start[1: 1 + len(cells.batches)] = cells.middle, -1.0  # fmt: skip
    compiled = import_module("nutpie.compiled_pyfunc").from_pyfunc(
        size, lambda: density, lambda *_: lambda x: {"x": x}, [np.dtype(np.float64)], [(size,)], ["x"],
        make_initial_point_fn=lambda _: start,
    )  # fmt: skip
    tree = import_module("nutpie").sample(
        compiled, draws=draws, tune=WARMUP, chains=CHAINS, cores=1, seed=seed, save_warmup=False, progress_bar=False,
        target_accept=0.9, maxdepth=DEEPEST,
    )  # fmt: skip
    return standardised(np.asarray(tree["posterior"]["x"].to_numpy(), dtype=np.float64), cells.told())


def benchmarked(logits: Array, shares: Array, totals: Array) -> Array:
    """Return the rates of cells, moved alike on the logit scale in every draw so that they make that draw's total.

    Parameters
    ----------
    logits : float64 array, shape (D, C)
        By draw.
    shares : float64 array, shape (C,)
        Of the population.
    totals : float64 array, shape (D,)
        Rate of everybody, by draw.
    """
    move = np.zeros(logits.shape[0])
    for _ in range(60):
        rates = 1 / (1 + np.exp(-(logits + move[:, None])))
        gap = totals - rates @ shares
        if float(np.abs(gap).max()) < 1e-12:
            break
        move += np.clip(gap / np.maximum((rates * (1 - rates)) @ shares, 1e-12), -2, 2)
    return np.asarray(1 / (1 + np.exp(-(logits + move[:, None]))))


def answer_of_pooled(
    data: Respondents, design: SurveyDesign, totals: Totals | None, people: Population | None, prob: float,
    limits: SurveyLimits, source: str, draws: int, seed: int,
) -> SurveyAnswer:  # fmt: skip
    """Return rates and persons of crossed groups by multilevel regression and poststratification.

    Raises
    ------
    MseError
        When there are no groups or no population, or the extra is not installed.

    Notes
    -----
    A cell counts n/d answers, d the design effect of the whole sample, of which the weighted share is yes. Rates of
    cells are benchmarked in every draw: the draws of the total have the order that the model gives them and the law of
    the direct estimate.
    """
    if people is None or not data.groups:
        raise InputError(
            Problem(said("found.survey_way_needs"), said("allowed.mrp_needs"), said("do.way_give"), value="mrp")
        )
    law = survey_law(data, totals, design.calibration, design.bounds, whole_only=True)
    sizes = population_sizes(law, people)
    rate, variance = float(law.rate[-1]), float(law.cov[-1, -1])
    deff = variance / (rate * (1 - rate) / max(int(law.n[-1]) - 1, 1)) if 0 < rate < 1 else kish(data.weight)
    both = law.n[:-1] / max(deff, 1.0)
    cells = pooled_cells(law.groups[:-1], both * np.nan_to_num(law.rate[:-1]), both)
    found = draw_pooled(cells, draws, seed)
    flat = found.reshape(-1, found.shape[2])
    shares = sizes[:-1] / sizes[-1]
    names, chosen = _wanted(law)
    logits = np.stack([cells.at(x) for x in flat]).astype(np.float32)
    own = np.concatenate([(1 / (1 + np.exp(-part))) @ shares for part in np.array_split(logits, _parts(len(flat)))])
    wanted = _total_draws(rate, variance, own)
    made = []
    for rows in np.array_split(np.arange(len(flat)), _parts(len(flat))):
        rates = benchmarked(logits[rows].astype(np.float64), shares, wanted[rows])
        made.append((rates * sizes[:-1]) @ chosen)
    persons = np.concatenate(made)
    held = sizes[:-1] @ chosen
    watched = persons.reshape(CHAINS, draws, -1)
    worst = max(float(rhat(watched[:, :, k])) for k in range(watched.shape[2]))
    fewest = min(float(ess_bulk(watched[:, :, k])) for k in range(watched.shape[2]))
    settled: tuple[Said, ...] = ()
    limit = usual_thresholds()
    if worst > limit.converged[0] or fewest < limit.draws[0]:
        settled = (said("surveyreason.unsettled"),)
    forbidden = worst > limit.converged[1] or fewest < limit.draws[1]
    tail = (1 - prob) / 2
    figures = []
    for j, levels in enumerate(names):
        low, high = (float(x) for x in np.quantile(persons[:, j], [tail, 1 - tail]))
        point, size = float(np.median(persons[:, j])), float(held[j])
        judged = judge_survey(low / size, high / size, limits)
        level = worse(judged.level, "do not publish" if forbidden else "publish with caution") if settled else (
            judged.level
        )  # fmt: skip
        told = ALL not in levels or len(law.dims) == 1  # answers of margins would tell those of small groups
        n, cases = (int(x[:-1][chosen[:, j] > 0].sum()) if told else None for x in (law.n, law.cases))
        figures.append(SurveyFigure(levels, point / size, low / size, high / size, n, cases, math.nan, size, point,
                                    low, high, level, settled + judged.reasons))  # fmt: skip
    note = said("surveynote.mrp", dims=list(law.dims), cells=len(shares), rhat=worst, ess=fewest)
    return SurveyAnswer(law.dims, tuple(figures), prob, source, (note, limits_note(limits)),
                        calibrated=law.calibrated, limits=limits)  # fmt: skip


def _parts(draws: int) -> int:
    return max(draws // BLOCK, 1)


def _wanted(law: SurveyLaw) -> tuple[list[tuple[str, ...]], Array]:
    """Return what is shown: levels of every column, the crossed groups unless there are too many, and everybody."""
    groups = law.groups[:-1]
    names, columns = [], []
    for levels in (*_margins(law), *(groups if len(groups) <= MOST_SHOWN and len(law.dims) > 1 else ())):
        names.append(levels)
        columns.append([all(x in (y, ALL) for x, y in zip(levels, g, strict=True)) for g in groups])
    names.append(())
    columns.append([True] * len(groups))
    return names, np.array(columns, dtype=np.float64).T


def _margins(law: SurveyLaw) -> Iterator[tuple[str, ...]]:
    for d in range(len(law.dims)):
        for level in dict.fromkeys(g[d] for g in law.groups[:-1]):
            yield tuple(level if i == d else ALL for i in range(len(law.dims)))


def _total_draws(rate: float, variance: float, own: Array) -> Array:
    """Return draws of the total from the direct estimate's logit-normal law, in the order of the model's own."""
    from scipy.special import ndtri

    if not 0 < rate < 1 or variance <= 0:
        return own
    order = np.empty(own.size)
    order[np.argsort(own)] = (np.arange(own.size) + 0.5) / own.size
    logit = math.log(rate / (1 - rate)) + ndtri(order) * math.sqrt(variance) / (rate * (1 - rate))
    return np.asarray(1 / (1 + np.exp(-logit)))
