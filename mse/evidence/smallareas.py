"""Small areas from direct estimates: the area-level model of Fay & Herriot (1979, JASA 74:269-277), by REML.

Prasad & Rao (1990), JASA 85:163-171; Datta & Lahiri (2000), Statistica Sinica 10:613-627.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from mse.assess.rules import SurveyLimits
from mse.errors import names_of
from mse.evidence.chain import plain_number
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure, limits_note
from mse.evidence.surveylaw import logit_interval
from mse.evidence.surveyverdict import judge_survey
from mse.kernels.arrays import Array
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.words.said import said

MOST_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class FayHerriot:
    """A fitted model; m areas, p coefficients.

    Parameters
    ----------
    between : float
        Variance of the areas around the regression, σ_u².
    beta : float64 array, shape (p,)
        Coefficients.
    estimate : float64 array, shape (m,)
        Empirical best linear unbiased predictors.
    weight : float64 array, shape (m,)
        γ = σ_u² / (σ_u² + ψ), the weight of the direct estimate.
    mse : float64 array, shape (m,)
        Mean squared error g1 + g2 + 2 g3.
    """

    between: float
    beta: Array
    estimate: Array
    weight: Array
    mse: Array


def fay_herriot(direct: Array, variance: Array, covariates: Array) -> FayHerriot:
    """Return small area estimates by REML with the mean squared error of Datta and Lahiri.

    Parameters
    ----------
    direct : float64 array, shape (m,)
        Direct estimates.
    variance : float64 array, shape (m,)
        Their sampling variances ψ, taken as known.
    covariates : float64 array, shape (m, p)
        With the constant; of full rank.

    Notes
    -----
    Fisher scoring for σ_u² with P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹: score −½tr P + ½y'PPy, information ½tr PP, cut off at 0.
    MSE: g1 = γψ, g2 = (1 − γ)² x'(X'V⁻¹X)⁻¹x, g3 = ψ²(σ_u² + ψ)⁻³ · 2/Σ(σ_u² + ψ)⁻², doubled: the bias of g1 is −g3.
    """
    between = float(np.median(variance))
    for _ in range(MOST_STEPS):
        inverse = 1 / (between + variance)
        weighted = inverse[:, None] * covariates
        projection = np.diag(inverse) - weighted @ np.linalg.solve(covariates.T @ weighted, weighted.T)
        residual = projection @ direct
        score = (residual @ residual - np.trace(projection)) / 2
        information = float((projection * projection.T).sum()) / 2
        following = max(between + score / information, 0.0)
        if abs(following - between) <= 1e-12 * (between + float(variance.min())):
            between = following
            break
        between = following
    inverse = 1 / (between + variance)
    weighted = inverse[:, None] * covariates
    spread = np.linalg.inv(covariates.T @ weighted)
    beta = spread @ weighted.T @ direct
    gamma = between * inverse
    fitted = covariates @ beta
    g1 = gamma * variance
    g2 = (1 - gamma) ** 2 * np.einsum("ij,jk,ik->i", covariates, spread, covariates)
    g3 = variance**2 * inverse**3 * 2 / float((inverse**2).sum())
    return FayHerriot(between, beta, gamma * direct + (1 - gamma) * fitted, gamma, g1 + g2 + 2 * g3)


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


_OWN = ("rate", "se", "population", "n")


def _again(names: Sequence[str]) -> list[bool]:
    return [name in names[:at] for at, name in enumerate(names)]


def answer_of_areas(path: Path, prob: float, limits: SurveyLimits) -> SurveyAnswer:
    """Return the rates of areas, each drawn to the regression as far as its own answers are few.

    Raises
    ------
    MseError
        With every problem of the file.
    """
    areas = read_areas(path)
    fitted = fay_herriot(areas.direct, areas.variance, areas.covariates)
    z = NormalDist().inv_cdf(0.5 + prob / 2)
    found = []
    for i, name in enumerate(areas.names):
        rate, mse = float(fitted.estimate[i]), float(fitted.mse[i])
        inside = 0 < rate < 1
        low, high = logit_interval(rate, mse, z) if inside else (math.nan, math.nan)
        rate = rate if inside else math.nan
        judged = judge_survey(low, high, limits)
        size = float(areas.population[i])
        found.append(SurveyFigure((name,), rate, low, high, areas.n[i], None, math.nan, size, rate * size, low * size,
                                  high * size, *judged))  # fmt: skip
    note = said("surveynote.fay_herriot", between=f"{fitted.between:.3g}", least=float(fitted.weight.min()),
                most=float(fitted.weight.max()))  # fmt: skip
    return SurveyAnswer(("area",), tuple(found), prob, path.name, (note, limits_note(limits)), limits=limits)
