"""One family of counts fitted to a register, and the size of the population under it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mse.errors import ModelError, Problem
from mse.estimators.repeats.families import WORDS, CountFit, Family, fit_counts, unseen
from mse.kernels.arrays import Array, Flags
from mse.tables.covariates import Design, design
from mse.tables.repeats import RepeatCounts
from mse.words.said import Said, said

LABELS: dict[Family, Said] = {
    "poisson": said("family.poisson"),
    "geometric": said("family.geometric"),
    "negbin": said("family.negbin"),
    "zelterman": said("family.zelterman"),
    "chao": said("family.chao"),
    "chao-one-inflated": said("family.chao_one_inflated"),
}


class Size(NamedTuple):
    """A population size with the two parts of its variance (van der Heijden et al. 2003, section 3).

    Parameters
    ----------
    observed : int
        Persons in the register.
    unseen : float
        Estimated number who are not.
    sampling, parameters : float
        Variance of N̂ because who is registered is chance, and because the rates are estimated (persons squared).
    """

    observed: int
    unseen: float
    sampling: float
    parameters: float

    @property
    def size(self) -> float:
        """N̂, persons."""
        return self.observed + self.unseen

    @property
    def se(self) -> float:
        """Standard error of N̂, persons."""
        return math.sqrt(self.sampling + self.parameters)

    @property
    def log_sd(self) -> float:
        """Standard deviation of log n̂_0 behind the log-normal interval."""
        return math.sqrt(math.log1p((self.se / self.unseen) ** 2)) if self.unseen > 0 else 0.0


def fit_repeats(table: RepeatCounts, family: Family = "poisson", formula: str = "1") -> tuple[CountFit, Design]:
    """Fit one family to a register.

    Raises
    ------
    ModelError
        When the formula does not suit the table, or there is no estimate; the message says which group it is.
    """
    source = f"table {table.name!r}"
    columns = design(table.covariates, len(table.counts), formula, source=source)
    fit = fit_counts(family, table.registrations, table.counts.astype(np.float64), columns.matrix)
    if fit.status != "fine":
        status = WORDS[fit.status]
        if family == "chao-one-inflated" and fit.status == "runs away":
            status = said("fault.runs_away_thrice")
        why, lonely = {"family": LABELS[family], "status": status}, _lonely(table, formula)
        raise ModelError(
            Problem(
                said("fault.register_levels", levels=lonely, **why) if lonely else said("fault.register", **why),
                said("allowed.register_which_every_group"),
                said("do.put_levels_together_leave")
                if fit.status != "dispersion runs away"
                else said("do.use_chao_zelterman_estimator"),
                file=source, value=said("what.family_formula", family=LABELS[family], formula=formula),
            )
        )  # fmt: skip
    return fit, columns


def _lonely(table: RepeatCounts, formula: str) -> list[str]:
    """Return which levels of the formula's covariates nobody with two registrations has."""
    found = []
    for name, column in table.covariates.items():
        if column.dtype.kind != "f" and name in formula:
            again = set(column[(table.registrations > 1)].tolist())
            found += [f"{name} = {level}" for level in np.unique(column).tolist() if level not in again]
    return found


def size_of(
    fit: CountFit, table: RepeatCounts, matrix: Array, rows: Flags | None = None
) -> Size:  # fmt: skip
    """Return N̂ and its variance, for everybody or for the persons in some `rows` of the table."""
    persons = np.where(True if rows is None else rows, table.counts, 0).astype(np.float64)
    parts = unseen(fit, table.registrations, matrix)
    slope = matrix.T @ (persons * parts.gradient[:, 0])
    if parts.gradient.shape[1] > 1:
        slope = np.append(slope, persons @ parts.gradient[:, 1])
    return Size(
        int(persons.sum()), float(persons @ parts.each), float(persons @ parts.variance),
        float(slope @ fit.covariance @ slope),
    )  # fmt: skip
