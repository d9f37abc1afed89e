"""One family of counts fitted to a register, and the size of the population under it."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import numpy as np

from mse.errors import ModelError, Problem
from mse.estimators.repeats.countlaws import unseen
from mse.estimators.repeats.families import WORDS, CountFit, Family, fit_counts
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
_BASES = {
    "poisson": said("family_base.poisson"),
    "geometric": said("family_base.geometric"),
    "negbin": said("family_base.negbin"),
}
for _base, _word in _BASES.items():
    LABELS |= {
        cast(Family, f"one-inflated-{_base}"): said("family.one_inflated", base=_word),
        cast(Family, f"inflated-truncated-{_base}"): said("family.inflated_truncated", base=_word),
        cast(Family, f"zero-one-truncated-{_base}"): said("family.zero_one_truncated", base=_word),
        cast(Family, f"hurdle-{_base}"): said("family.hurdle", base=_word),
        cast(Family, f"hurdle-truncated-{_base}"): said("family.hurdle_truncated", base=_word),
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


class RegisterDesign(NamedTuple):
    """What a formula and a time at risk make of the covariates of a register.

    Parameters
    ----------
    names : tuple of str, length P
        Columns.
    matrix : float64 array, shape (R, P)
        Design of the log of the rate.
    offset : float64 array, shape (R,), or None
        Log of the time at risk; its coefficient is 1.
    """

    names: tuple[str, ...]
    matrix: Array
    offset: Array | None

    @property
    def whole(self) -> Array:
        """The matrix with the offset as its last column, where there is one."""
        return self.matrix if self.offset is None else np.column_stack([self.matrix, self.offset])


def register_design(table: RepeatCounts, formula: str = "1", exposure: str = "") -> RegisterDesign:
    """Return the design of a register.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    formula : str
        Covariates of the rate.
    exposure : str
        Covariate that holds the time that a person was at risk of being registered; empty for none.

    Raises
    ------
    ModelError
        When the formula does not suit the table, or the time at risk is no number above 0.
    """
    source = said("what.table", name=table.name)
    columns = design(table.covariates, len(table.counts), formula, source=source)
    if not exposure:
        return RegisterDesign(columns.names, columns.matrix, None)
    given = table.covariates.get(exposure)
    numbers = given is not None and given.dtype.kind == "f"
    if given is None or not numbers or not (given.astype(np.float64) > 0.0).all():
        found = said("fault.exposure_missing") if given is None else said("fault.exposure")
        raise ModelError(Problem(found, said("allowed.exposure"), said("do.exposure"), file=source, column=exposure))
    return RegisterDesign(columns.names, columns.matrix, np.log(given.astype(np.float64)))


def fit_repeats(
    table: RepeatCounts, family: Family = "poisson", formula: str = "1", exposure: str = ""
) -> tuple[CountFit, Design]:
    """Fit one family to a register; a time at risk is the last column of the design, its coefficient 1.

    Raises
    ------
    ModelError
        When the formula does not suit the table, or there is no estimate; the message says which group it is.
    """
    source = said("what.table", name=table.name)
    made = register_design(table, formula, exposure)
    columns = Design((*made.names, *([f"log({exposure})"] if exposure else [])), made.whole)
    fit = fit_counts(family, table.registrations, table.counts.astype(np.float64), columns.matrix, fixed=bool(exposure))
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
    slope = np.append(slope, persons @ parts.gradient[:, 1:])
    return Size(
        int(persons.sum()), float(persons @ parts.each), float(persons @ parts.variance),
        float(slope @ fit.covariance @ slope),
    )  # fmt: skip
