"""Small areas from direct estimates: the area-level model of Fay & Herriot (1979, JASA 74:269-277).

The variance between areas is not fixed at one estimate, which may be 0 and makes intervals too short: it is averaged
over, flat beforehand (Datta, Rao & Smith 2005, Biometrika 92:183-196; Morris & Tang 2011, Statistical Science
26:271-287).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtr

from mse.assess.rules import SurveyLimits
from mse.errors import names_of
from mse.evidence.chain import plain_number
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure, limits_note
from mse.evidence.surveyverdict import judge_survey
from mse.kernels.arrays import Array
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.words.said import said

_GRID, _HALVINGS = 200, 50
"""Variances between areas, and steps to a quantile."""


class AreaModels(NamedTuple):
    """The model for each of G variances between areas; m areas, p coefficients.

    Parameters
    ----------
    beta : float64 array, shape (G, p)
        Coefficients.
    weight : float64 array, shape (G, m)
        γ = A / (A + ψ), the weight of the direct estimate.
    estimate, variance : float64 array, shape (G, m)
        Best linear unbiased predictors, and what is not known of the areas beside them, g1 + g2.
    evidence : float64 array, shape (G,)
        Restricted log-likelihood, but for a constant.
    """

    beta: Array
    weight: Array
    estimate: Array
    variance: Array
    evidence: Array


def area_models(direct: Array, variance: Array, covariates: Array, between: Array) -> AreaModels:
    """Return the model for every variance between areas of a grid.

    Parameters
    ----------
    direct : float64 array, shape (m,)
        Direct estimates.
    variance : float64 array, shape (m,)
        Their sampling variances ψ, taken as known.
    covariates : float64 array, shape (m, p)
        With the constant; of full rank.
    between : float64 array, shape (G,)
        Variances A of the areas around the regression.

    Notes
    -----
    g1 = γψ, g2 = (1 − γ)² x'(X'V⁻¹X)⁻¹x. Restricted log-likelihood: −½ (log |V| + log |X'V⁻¹X| + r'V⁻¹r).
    """
    inverse = 1 / (between[:, None] + variance)
    crossed = np.einsum("gi,ij,ik->gjk", inverse, covariates, covariates)
    spread = np.linalg.inv(crossed)
    beta = np.einsum("gjk,gi,ik,i->gj", spread, inverse, covariates, direct, optimize=True)
    fitted = beta @ covariates.T
    gamma = between[:, None] * inverse
    g2 = (1 - gamma) ** 2 * np.einsum("ij,gjk,ik->gi", covariates, spread, covariates, optimize=True)
    fit = np.log(inverse).sum(axis=1) - np.linalg.slogdet(crossed)[1] - (inverse * (direct - fitted) ** 2).sum(axis=1)
    return AreaModels(beta, gamma, gamma * direct + (1 - gamma) * fitted, gamma * variance + g2, fit / 2)


@dataclass(frozen=True, slots=True, eq=False)
class FayHerriot:
    """Small areas, averaged over the variance between them; m areas.

    Parameters
    ----------
    between : float
        Median of the variance of the areas around the regression.
    estimate, low, high : float64 array, shape (m,)
        Mean of the law of every area, and the ends of its interval.
    weight : float64 array, shape (m,)
        Of the direct estimate.
    """

    between: float
    estimate: Array
    low: Array
    high: Array
    weight: Array


def fay_herriot(direct: Array, variance: Array, covariates: Array, prob: float) -> FayHerriot:
    """Return small areas with their intervals.

    Parameters
    ----------
    direct, variance, covariates
        As in `area_models`; three areas more than coefficients.
    prob : float
        Of the intervals.

    Notes
    -----
    The grid is even in v / (v + A), v the median sampling variance, weighed so that A is flat beforehand.
    """
    share = (np.arange(_GRID) + 0.5) / _GRID
    between = float(np.median(variance)) * (1 - share) / share
    found = area_models(direct, variance, covariates, between)
    fit = found.evidence - 2 * np.log(share)
    weight = np.exp(fit - logsumexp(fit))
    order = np.argsort(between)
    middle = float(between[order][np.searchsorted(np.cumsum(weight[order]), 0.5)])
    sds = np.sqrt(found.variance)
    low, high = (_quantile(found.estimate, sds, weight, p) for p in ((1 - prob) / 2, (1 + prob) / 2))
    return FayHerriot(middle, weight @ found.estimate, low, high, weight @ found.weight)


def _quantile(means: Array, sds: Array, weight: Array, p: float) -> Array:
    """Return a quantile of mixtures of normal laws, one each column, by halving."""
    low, high = (means - 12 * sds).min(axis=0), (means + 12 * sds).max(axis=0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = weight @ ndtr((middle - means) / sds) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """Direct estimates of areas, read from a file.

    Parameters
    ----------
    names : tuple of str, length m
        Areas.
    direct, variance, population : float64 array, shape (m,)
        Rate, its sampling variance, and persons (not a number where not given).
    covariates : float64 array, shape (m, p)
        The constant first.
    n : tuple of int or None, length m
        Answers, where they are given.
    """

    names: tuple[str, ...]
    direct: Array
    variance: Array
    population: Array
    covariates: Array
    n: tuple[int | None, ...]


def read_areas(path: Path) -> Areas:
    """Read direct estimates: columns ``area``, ``rate``, ``se``; ``population`` and ``n`` if known; others covariates.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path))
    grid = read_grid(path, faults, "rate")
    needed = ("area", "rate", "se")
    for name in needed:
        if name not in grid.header:
            faults.add(said("found.column_missing"), names_of(needed), said("do.add_column_2", name=name), value=name)
    faults.raise_if_any()
    columns = dict(zip(grid.header, grid.columns, strict=True))
    names = columns.pop("area")
    numbers: dict[str, Array] = {}
    for name, texts in columns.items():
        found = np.full(len(texts), math.nan)
        for i, (row, text) in enumerate(zip(grid.rows, texts, strict=True)):
            value = plain_number(text)
            least = {"rate": 0.0, "se": 1e-12, "population": 1e-12, "n": 1.0}.get(name, -math.inf)
            most = 1.0 if name in ("rate", "se") else math.inf
            if value is None or not least <= value <= most or not math.isfinite(value):
                allowed = said("allowed.n0_1_0_015") if name == "rate" else (
                    said("allowed.number_above_0") if math.isfinite(least) else said("allowed.number_decimal_point")
                )  # fmt: skip
                faults.add(said("found.not_number"), allowed, said("do.correct"), row=row, column=name, value=text)
            else:
                found[i] = value
        numbers[name] = found
    for row, name, again in zip(grid.rows, names, _again(names), strict=True):
        if again or not name:
            faults.add(said("found.area_twice") if name else said("found.cell_empty"), said("allowed.name"),
                       said("do.keep_one_them") if name else said("do.fill"), row=row, column="area",
                       value=name)  # fmt: skip
    faults.raise_if_any()
    design = np.column_stack([np.ones(len(names)), *(x for k, x in numbers.items() if k not in _OWN)])
    if len(names) < design.shape[1] + 3:
        faults.add(said("found.areas_too_few"), said("allowed.areas_more"), said("do.covariates_fewer"),
                   value=str(len(names)))  # fmt: skip
    elif np.linalg.matrix_rank(design) < design.shape[1]:
        faults.add(said("found.covariates_alike"), said("allowed.covariates_apart"), said("do.covariates_fewer"))
    faults.raise_if_any()
    counts = tuple(int(x) for x in numbers["n"]) if "n" in numbers else (None,) * len(names)
    persons = numbers.get("population", np.full(len(names), math.nan))
    return Areas(tuple(names), numbers["rate"], numbers["se"] ** 2, persons, design, counts)


def _logit_end(rate: float, end: float) -> float:
    """Return the end of an interval of a rate, moved as far on the logit scale as it is from the rate."""
    return 1 / (1 + math.exp((rate - end) / (rate * (1 - rate)) - math.log(rate / (1 - rate))))


_OWN = ("rate", "se", "population", "n")


def _again(names: Sequence[str]) -> list[bool]:
    return [name in names[:at] for at, name in enumerate(names)]


def answer_of_areas(path: Path, prob: float, limits: SurveyLimits) -> SurveyAnswer:
    """Return the rates of areas, each drawn to the regression as far as its own answers are few.

    Ends are as far from the rate on the logit scale as the law has them, so that they are rates, too.

    Raises
    ------
    MseError
        With every problem of the file.
    """
    areas = read_areas(path)
    fitted = fay_herriot(areas.direct, areas.variance, areas.covariates, prob)
    found = []
    for i, name in enumerate(areas.names):
        rate = float(fitted.estimate[i])
        inside = 0 < rate < 1
        low, high = (_logit_end(rate, float(x[i])) if inside else math.nan for x in (fitted.low, fitted.high))
        rate = rate if inside else math.nan
        judged = judge_survey(low, high, limits)
        size = float(areas.population[i])
        found.append(SurveyFigure((name,), rate, low, high, areas.n[i], None, math.nan, size, rate * size, low * size,
                                  high * size, *judged))  # fmt: skip
    note = said("surveynote.fay_herriot", between=f"{fitted.between:.3g}", least=float(fitted.weight.min()),
                most=float(fitted.weight.max()))  # fmt: skip
    return SurveyAnswer(("area",), tuple(found), prob, path.name, (note, limits_note(limits)), limits=limits)
