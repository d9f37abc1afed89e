"""The effect of how an answer was given, taken out by a weighted logistic model: rates as if all answered one way."""

from __future__ import annotations

import math

import numpy as np

from mse.errors import InputError, Problem
from mse.evidence.surveydesign import Respondents, SurveyDesign
from mse.evidence.surveylaw import SurveyLaw, survey_law
from mse.evidence.weighting import Totals, calibrated_replicates, cell_sums
from mse.kernels.arrays import Array, Flags, Integers
from mse.words.said import Said, said

MOST_STEPS = 50
FEWEST = 10


def mode_law(data: Respondents, design: SurveyDesign, totals: Totals | None) -> tuple[SurveyLaw, Said]:
    """Return the law of rates standardised to one mode, and what is said of it.

    Parameters
    ----------
    data : Respondents
        With the mode among the other columns.
    design : SurveyDesign
        Names the mode and its reference.
    totals : mapping or None
        Known totals for calibration.

    Raises
    ------
    InputError
        When answers in a mode are too few, or all alike.

    Notes
    -----
    logit P(y = 1) = group + mode, by weighted maximum likelihood on cells of group and mode; the rate of a group is
    that which the model gives it in the reference mode. Variance: the whole is fitted again under every replicate
    weight, or with every unit left out.
    """
    direct = survey_law(data, totals, design.calibration, design.bounds)
    levels = (str(design.reference), *sorted(set(data.others[str(design.mode)]) - {str(design.reference)}))
    number = {x: i for i, x in enumerate(levels)}
    mode = np.array([number[x] for x in data.others[str(design.mode)]], dtype=np.int64)
    place = {g: i for i, g in enumerate(direct.groups[:-1])}
    columns = list(zip(*data.groups.values(), strict=True)) if data.groups else [()] * mode.size
    code = np.array([place[tuple(x)] for x in columns], dtype=np.int64)
    answered = ~np.isnan(data.outcome)
    _check(data, mode, answered, levels, str(design.mode))
    size, modes = len(place), len(levels)
    at = (code * modes + mode) * 2 + (np.nan_to_num(data.outcome) == 1)
    weight = data.weight
    if direct.calibrated is not None:
        weight = weight * direct.calibrated.factor[direct.calibrated.cells.of]
    weights, factors, how = _replicates(data, design, direct, weight)
    sums = cell_sums(at[answered], np.column_stack([weight, weights])[answered], size * modes * 2)
    shape = (size, modes, 2)
    fits = [_fit(sums[:, r].reshape(shape)) for r in range(sums.shape[1])]
    made = np.stack([_standardised(fit, sums[:, r].reshape(shape)) for r, fit in enumerate(fits)], axis=1)
    apart = (made[:, 1:] - made[:, :1]) * np.sqrt(factors)
    law = SurveyLaw(direct.dims, direct.groups, made[:, 0], apart @ apart.T, direct.n, direct.cases, direct.df,
                    direct.calibrated)  # fmt: skip
    effect = np.stack([fit[size:] for fit in fits], axis=1)
    se = np.sqrt((((effect[:, 1:] - effect[:, :1]) ** 2) * factors).sum(axis=1))
    told = tuple(
        said("surveyhow.effect", level=levels[m + 1], ratio=math.exp(effect[m, 0]),
             low=math.exp(effect[m, 0] - 1.96 * se[m]), high=math.exp(effect[m, 0] + 1.96 * se[m]))
        for m in range(modes - 1)
    )  # fmt: skip
    return law, said("surveynote.mode", reference=str(design.reference), how=how, effects=told)


def _check(data: Respondents, mode: Integers, answered: Flags, levels: tuple[str, ...], name: str) -> None:
    problems = []
    for m, level in enumerate(levels):
        y = data.outcome[(mode == m) & answered]
        if y.size < FEWEST or y.min() == y.max():
            problems.append(Problem(said("found.mode_without_spread"), said("allowed.mode_spread"),
                                    said("do.mode_merge"), column=name, value=level))  # fmt: skip
    if problems:
        raise InputError(problems)


def _replicates(data: Respondents, design: SurveyDesign, direct: SurveyLaw, weight: Array) -> tuple[Array, Array, Said]:
    """Return replicate weights and their factors: those of the file, or with every unit left out."""
    if data.replicates is not None and data.factors is not None:
        weights = data.replicates
        if direct.calibrated is not None:
            factor = calibrated_replicates(data, direct.calibrated, design.calibration, design.bounds)
            weights = weights * factor[direct.calibrated.cells.of]
        return weights, data.factors, said("surveyhow.replicates")
    stratum_of = data.strata_of_units()
    n = np.bincount(stratum_of)
    units = _jackknife_groups(data, stratum_of)
    drawn = np.zeros(n.size) if data.drawn is None else data.drawn
    weights = np.empty((weight.size, len(units)))
    factors = np.empty(len(units))
    for r, (stratum, out, groups) in enumerate(units):
        kept = np.where(data.stratum == stratum, groups / max(groups - 1, 1), 1.0)
        weights[:, r] = weight * kept * ~np.isin(data.psu, out)
        factors[r] = (1 - drawn[stratum]) * (groups - 1) / groups
    return weights, factors, said("surveyhow.jackknife")


MOST_UNITS = 200
"""Units of a stratum are left out one by one, or, where there are more, in as many random groups (Wolter 2007, 4.2)."""


def _jackknife_groups(data: Respondents, stratum_of: Integers) -> list[tuple[int, Integers, int]]:
    found = []
    rng = np.random.default_rng(0)
    for stratum in range(int(stratum_of.max()) + 1):
        units = rng.permutation(np.flatnonzero(stratum_of == stratum))
        if units.size > 1:
            parts = np.array_split(units, min(units.size, MOST_UNITS))
            found += [(stratum, part, len(parts)) for part in parts]
    return found


def _fit(held: Array) -> Array:
    """Return coefficients of groups, then of modes but the first, from weights by group, mode and outcome."""
    size, modes, _ = held.shape
    yes, both = held[:, :, 1], held.sum(axis=2)
    scale = both.sum()
    at = np.zeros(size + modes - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.clip(yes.sum(axis=1) / both.sum(axis=1), 1e-4, 1 - 1e-4)
    at[:size] = np.nan_to_num(np.log(rates / (1 - rates)))
    for _ in range(MOST_STEPS):
        shift = np.concatenate([[0.0], at[size:]])
        p = 1 / (1 + np.exp(-np.clip(at[:size, None] + shift, -30, 30)))
        gap, slope = yes - both * p, both * p * (1 - p)
        score = np.concatenate([gap.sum(axis=1), gap.sum(axis=0)[1:]]) / scale
        hessian = np.zeros((at.size, at.size))
        hessian[:size, :size] = np.diag(slope.sum(axis=1))
        hessian[:size, size:] = slope[:, 1:]
        hessian[size:, :size] = slope[:, 1:].T
        hessian[size:, size:] = np.diag(slope.sum(axis=0)[1:])
        move = np.linalg.lstsq(hessian / scale + 1e-12 * np.eye(at.size), score, rcond=None)[0]
        at = at + np.clip(move, -2, 2)
        if float(np.abs(score).max()) < 1e-12:
            break
    return at


def _standardised(at: Array, held: Array) -> Array:
    """Return the rates of all groups in the reference mode, and of everybody by the weights of the groups."""
    size = held.shape[0]
    rates = 1 / (1 + np.exp(-np.clip(at[:size], -30, 30)))
    both = held.sum(axis=(1, 2))
    whole = float(both @ rates / both.sum())
    return np.append(np.where(both > 0, rates, math.nan), whole)
