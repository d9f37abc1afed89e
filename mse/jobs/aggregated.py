"""Suppliers without persons in a job: their counts read, checked against the answer, and kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.aggregates import Aggregate
from mse.errors import InputError, MseError, Problem
from mse.jobs.job import Job
from mse.tables.population import Population
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.tables.captures import CaptureTable


def read_aggregates(job: Job, table: CaptureTable | None = None) -> tuple[Aggregate, ...]:
    """Read the counts of the suppliers without persons.

    Parameters
    ----------
    job : Job
        The settings.
    table : CaptureTable, optional
        The table; every level of a dimension that it has must be one of its own.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    found: list[Aggregate] = []
    problems: list[Problem] = []
    for number, spec in enumerate(job.aggregate):
        place = ("aggregate", str(number))
        try:
            counted = Population.from_csv(spec.path, count=spec.count, source=spec.source or "")
        except MseError as error:
            problems += error.problems
            continue
        dims = {} if table is None else table.strata
        if table is not None and dims and not set(counted.dimensions) & set(dims):
            allowed, remedy = said("aggregate.one_of", names=list(dims)), said("aggregate.dimension_remedy")
            problem = Problem(said("aggregate.no_dimension"), allowed, remedy,
                              file=str(spec.path), value=", ".join(counted.dimensions))  # fmt: skip
            problems.append(job.file.put(problem, place))
        for dim, levels in counted.dimensions.items():
            for level in levels if dim in dims else ():
                if level not in dims[dim]:
                    allowed, remedy = said("aggregate.one_of", names=list(dims[dim])), said("aggregate.level_remedy")
                    problem = Problem(said("aggregate.level"), allowed, remedy,
                                      file=str(spec.path), column=dim, value=level)  # fmt: skip
                    problems.append(problem)
        if not np.equal(counted.persons, np.rint(counted.persons)).all():
            allowed, remedy = said("aggregate.whole_allowed"), said("aggregate.level_remedy")
            problems.append(Problem(said("aggregate.whole"), allowed, remedy, file=str(spec.path), column=spec.count))
        found.append(
            Aggregate(
                spec.name, counted.dimensions, np.asarray(counted.persons, np.float64), spec.role, spec.source or ""
            )
        )
    if problems:
        raise InputError(problems)
    return tuple(found)


def aggregates_table(aggregates: Sequence[Aggregate]) -> dict[str, pd.DataFrame]:
    """Return the counts as the table ``aggregates`` of the audit record; nothing where there are none."""
    if not aggregates:
        return {}
    import pandas as pd

    rows = []
    for one in aggregates:
        for at, count in zip(np.ndindex(*(len(x) for x in one.dimensions.values())), one.counts, strict=True):
            levels = {dim: names[i] for (dim, names), i in zip(one.dimensions.items(), at, strict=True)}
            rows.append({"name": one.name, "role": one.role, **levels, "count": int(count), "source": one.source})
    return {"aggregates": pd.DataFrame(rows)}
