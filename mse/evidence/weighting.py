"""Weights calibrated to known totals, by raking or a linear model, on the cells of the crossed margins.

Deville & Särndal (1992), JASA 87:376-382; Deville, Särndal & Sautory (1993), JASA 88:1013-1020.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mse.errors import InputError, Problem, names_of
from mse.evidence.chain import plain_number
from mse.evidence.surveydesign import Calibration, Respondents
from mse.kernels.arrays import Array, Integers
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

Totals = Mapping[str, Mapping[str, float]]
Bounds = tuple[float, float]
MOST_STEPS = 100
CLOSE = 1e-9
"""Margins agree when none is further from its total, as a share of the population."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Respondents by the cells of the crossed margins; C cells, p margins.

    Parameters
    ----------
    of : int64 array, shape (n,)
        Cell of every respondent.
    design : float64 array, shape (C, p)
        1 where a cell belongs to a margin.
    totals : float64 array, shape (p,)
        Known.
    names : tuple of (str, str)
        Variable and level of each margin.
    """

    of: Integers
    design: Array
    totals: Array
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What calibration did to the weights.

    Parameters
    ----------
    cells : Cells
        Respondents by cell.
    factor : float64 array, shape (C,)
        By which weights are multiplied, by cell.
    low, high : float
        The smallest and largest factor, after weights were brought to the size of the population.
    deff_before, deff_after : float
        Kish's design effect of the weights, 1 + the squared coefficient of variation.
    steps : int
        Until margins agreed.
    margins : DataFrame
        ``variable``, ``level``, ``n`` (respondents), ``before`` (brought to the size of the population),
        ``after``, ``total``.
    """

    cells: Cells
    factor: Array
    low: float
    high: float
    deff_before: float
    deff_after: float
    steps: int
    margins: pd.DataFrame


def variables_of(totals: Totals) -> tuple[str, ...]:
    """Return the columns that totals are about: two with a colon between them for a crossed margin."""
    return tuple(dict.fromkeys(x for name in totals for x in name.split(":")))


def read_totals(path: Path) -> dict[str, dict[str, float]]:
    """Read known totals: columns variable, level, total; ``sex:age`` and ``f:12-16`` for a crossed margin.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path))
    grid = read_grid(path, faults, "total")
    names = ("variable", "level", "total")
    for name in names:
        if name not in grid.header:
            faults.add(said("found.column_missing"), names_of(names), said("do.add_column_2", name=name), value=name)
    faults.raise_if_any()
    columns = dict(zip(grid.header, grid.columns, strict=True))
    found: dict[str, dict[str, float]] = {}
    for row, variable, level, text in zip(grid.rows, *(columns[x] for x in names), strict=True):
        value = plain_number(text)
        if value is None or not (value > 0 and math.isfinite(value)):
            faults.add(said("found.total_not_number"), said("allowed.number_above_0"), said("do.correct"), row=row,
                       column="total", value=text)  # fmt: skip
        if level in found.setdefault(variable, {}):
            faults.add(said("found.total_twice"), said("allowed.every_level_once"), said("do.keep_one_them"), row=row,
                       column="level", value=level)  # fmt: skip
        found[variable][level] = value or 1.0
    faults.raise_if_any()
    sums = {name: math.fsum(levels.values()) for name, levels in found.items()}
    if sums and max(sums.values()) - min(sums.values()) > 1e-6 * max(sums.values()):
        told = tuple(f"{name} {value:.15g}" for name, value in sums.items())
        faults.add(said("found.totals_differ", sums=told), said("allowed.totals_alike"), said("do.totals_alike"))
    faults.raise_if_any()
    return found


def cells_of(data: Respondents, totals: Totals) -> Cells:
    """Return respondents by the cells of the crossed margins.

    Raises
    ------
    InputError
        With every level that has a total and no respondents, or respondents and no total.
    """
    columns = {**data.groups, **data.others}
    labels = {
        name: [":".join(x) for x in zip(*(columns[part] for part in name.split(":")), strict=True)] for name in totals
    }
    problems = []
    for name, levels in totals.items():
        present = set(labels[name])
        problems += [
            Problem(said("found.total_of_nobody"), said("allowed.respondents_every_level"), said("do.merge_levels"),
                    column=name, value=x) for x in levels if x not in present
        ]  # fmt: skip
        problems += [
            Problem(said("found.level_no_total"), names_of(levels), said("do.add_total"), column=name, value=x)
            for x in sorted(present - set(levels))
        ]  # fmt: skip
    if problems:
        raise InputError(problems)
    crossed = list(zip(*labels.values(), strict=True))
    place = {cell: i for i, cell in enumerate(dict.fromkeys(crossed))}
    names = tuple((name, level) for name, levels in totals.items() for level in levels)
    column = {x: j for j, x in enumerate(names)}
    design = np.zeros((len(place), len(names)))
    for cell, i in place.items():
        for name, level in zip(totals, cell, strict=True):
            design[i, column[name, level]] = 1.0
    known = np.array([totals[name][level] for name, level in names])
    return Cells(np.array([place[x] for x in crossed], dtype=np.int64), design, known, names)


def calibration_factors(
    size: Array, cells: Cells, method: Calibration, bounds: Bounds | None
) -> tuple[Array, int] | None:
    """Return the factor of every cell and the steps it took; None where the totals cannot be met.

    Parameters
    ----------
    size : float64 array, shape (C,)
        Sum of the weights in every cell.
    cells : Cells
        Margins and totals.
    method : {"raking", "greg"}
        F(u) = exp(u), or 1 + u, cut off at the bounds.
    bounds : tuple of float or None
        Of the factor after weights were brought to the size of the population.

    Notes
    -----
    Newton's method for λ in Σ_c d_c F(x_c λ) x_c = T, with half steps where the margins would come to lie farther off.
    """
    whole = float(cells.totals.sum()) / len({name for name, _ in cells.names})
    scale = whole / size.sum()
    held = size * scale
    low, high = bounds if bounds is not None else (0.0 if method == "raking" else -math.inf, math.inf)

    def factor(u: Array) -> Array:
        raw = np.exp(np.clip(u, -50, 50)) if method == "raking" else 1 + u
        return np.clip(raw, low, high)

    def off(g: Array) -> Array:
        return cells.totals - cells.design.T @ (held * g)

    at = np.zeros(cells.totals.size)
    g = factor(cells.design @ at)
    gap = off(g)
    for step in range(MOST_STEPS):
        worst = float(np.abs(gap).max()) / whole
        if worst < CLOSE:
            return g * scale, step
        free = (g > low) & (g < high)
        slope = held * (g if method == "raking" else 1.0) * free
        hessian = cells.design.T @ (slope[:, None] * cells.design)
        move = np.linalg.lstsq(hessian, gap, rcond=1e-12)[0]
        for _ in range(30):
            then = factor(cells.design @ (at + move))
            next_gap = off(then)
            if float(np.abs(next_gap).sum()) < float(np.abs(gap).sum()):
                break
            move = move / 2
        else:
            return None
        at, g, gap = at + move, then, next_gap
    return None


def calibrate(data: Respondents, totals: Totals, method: Calibration, bounds: Bounds | None) -> Calibrated:
    """Return weights calibrated to known totals, with diagnostics.

    Raises
    ------
    InputError
        When the totals cannot be met.
    """
    import pandas as pd

    cells = cells_of(data, totals)
    size = np.bincount(cells.of, weights=data.weight, minlength=cells.design.shape[0])
    found = calibration_factors(size, cells, method, bounds)
    if found is None:
        raise InputError(
            Problem(said("found.totals_not_met"), said("allowed.totals_met"), said("do.totals_met"),
                    value=", ".join(totals))
        )  # fmt: skip
    factor, steps = found
    scale = cells.totals.sum() / len(totals) / size.sum()
    before, after = cells.design.T @ size * scale, cells.design.T @ (size * factor)
    people = (cells.design.T @ np.bincount(cells.of, minlength=size.size)).astype(int)
    margins = pd.DataFrame(
        [[*name, n, *x] for name, n, *x in zip(cells.names, people, before, after, cells.totals, strict=True)],
        columns=["variable", "level", "n", "before", "after", "total"],
    )
    g = factor / scale
    weight = data.weight * factor[cells.of]
    return Calibrated(cells, factor, float(g.min()), float(g.max()), kish(data.weight), kish(weight), steps, margins)


def calibrated_replicates(data: Respondents, found: Calibrated, method: Calibration, bounds: Bounds | None) -> Array:
    """Return the factor of every cell in every replicate, shape (C, R): each is calibrated by itself.

    Raises
    ------
    InputError
        When the totals cannot be met in some replicates.
    """
    assert data.replicates is not None
    sizes = cell_sums(found.cells.of, data.replicates, found.cells.design.shape[0])
    made = [calibration_factors(sizes[:, r], found.cells, method, bounds) for r in range(sizes.shape[1])]
    failed = sum(x is None for x in made)
    if failed:
        raise InputError(
            Problem(said("found.totals_not_met_replicates", failed=failed, replicates=len(made)),
                    said("allowed.totals_met"), said("do.totals_met"))
        )  # fmt: skip
    return np.column_stack([x[0] for x in made if x is not None])


def cell_sums(of: Integers, values: Array, size: int) -> Array:
    """Return sums of the rows of a matrix by cell, shape (size, columns)."""
    from scipy.sparse import csr_matrix

    n = of.size
    chosen = csr_matrix((np.ones(n), (of, np.arange(n))), shape=(size, n))
    return np.asarray(chosen @ values)


def kish(weight: Array) -> float:
    """Return the design effect of unequal weights, n Σw² / (Σw)²."""
    return float(weight.size * (weight**2).sum() / weight.sum() ** 2)
