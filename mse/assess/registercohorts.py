"""One register cohort by cohort: a number of its own for every period, where persons come and go between periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mse.assess.registerverdict import judged_register
from mse.errors import ModelError, MseError, Problem, names_of
from mse.estimators.repeats.oneregister import RepeatsSpec, estimate
from mse.tables.repeats import RepeatCounts
from mse.words.catalogues import catalogue
from mse.words.said import as_said, said

if TYPE_CHECKING:
    import pandas as pd


def register_cohorts(
    table: RepeatCounts, cohort: str, spec: RepeatsSpec | None = None, *, seed: int = 0, prob: float = 0.95,
    language: str = "en",
) -> pd.DataFrame:  # fmt: skip
    """Estimate every cohort on its own: who was there in that period, whoever came before or left after.

    Rates, their spread and too many ones may differ from cohort to cohort. A person who is there in two periods is in
    two cohorts, so that the numbers are not to be added up.

    Parameters
    ----------
    table : RepeatCounts
        The register; a row's registrations are those within its period.
    cohort : str
        The covariate that holds the period.
    spec : RepeatsSpec, optional
        The average when not given.
    seed : int
        Of everything random.
    prob : float
        Probability of the intervals.
    language : str
        Of what is said of a cohort without an estimate.

    Returns
    -------
    DataFrame
        ``cohort``, ``observed``, ``N``, ``low``, ``high``, ``verdict``, ``reasons`` (codes), ``status``.

    Raises
    ------
    ModelError
        When there is no such covariate.
    """
    import pandas as pd

    if cohort not in table.covariates:
        allowed = names_of(table.covariates, said("allowed.none"))
        raise ModelError(Problem(said("found.no_such_covariate"), allowed, said("do.correct_name"), value=cohort))
    column = table.covariates[cohort]
    rows = []
    for level in np.unique(column):
        here = column == level
        observed = int(table.counts[here].sum())
        try:
            kept = {name: values[here] for name, values in table.covariates.items() if name != cohort}
            part = RepeatCounts(table.registrations[here], table.counts[here], kept, table.name)
            found = judged_register(estimate(part, spec or RepeatsSpec(), seed=seed), part)
        except MseError as error:
            why = catalogue(language).said(as_said(error.problems[0].found))
            rows.append([level.item(), observed, np.nan, np.nan, np.nan, "do not publish", "", why])
            continue
        low, high = found.distribution.quantile([(1 - prob) / 2, (1 + prob) / 2])
        assert found.verdict is not None
        codes = ", ".join(reason.code for reason in found.verdict.reasons)
        rows.append([level.item(), observed, found.point, float(low), float(high), found.verdict.level, codes, "ok"])
    heads = ["cohort", "observed", "N", "low", "high", "verdict", "reasons", "status"]
    return pd.DataFrame(rows, columns=heads)
