"""What publishing adds to the audit record of a run: indicators, SDG table, chain and survey, and what they rest on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mse.answers.laterframes import LaterFrames
from mse.errors import InputError, MseError, Problem, names_of
from mse.publish.indicators.basis import population_frame, read_basis, risk_groups
from mse.tables.levels import vague_levels
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results
    from mse.tables.captures import CaptureTable
    from mse.tables.population import Population


def record_tables(
    results: Results,
    table: CaptureTable,
    *,
    population: Path | None = None,
    population_source: str = "",
    chain_file: Path | None = None,
    survey_file: Path | None = None,
) -> LaterFrames:
    """Return the tables of a run that publishing needs, unrounded, for its results folder.

    Parameters
    ----------
    results : Results
        Of the run; ``at_risk`` and ``sdg`` under [publish] of the job in its record are read.
    table : CaptureTable
        What was estimated from, with its strata.
    population : Path, optional
        CSV: dimensions as in the table, and ``population``.
    population_source : str
        Where it is from, for citation; the name of the file when not given.
    chain_file, survey_file : Path, optional
        As `mse.evidence.chain.read_chain` and `mse.evidence.survey.read_rates` read them.

    Returns
    -------
    mapping of str to DataFrame
        ``indicators`` always; ``population``, ``sdg`` (with strata), ``chain`` and ``survey``.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    prob = read_basis(results).prob
    found, problems = read_files(
        table, prob, population=population, population_source=population_source, chain_file=chain_file,
        survey_file=survey_file,
    )  # fmt: skip
    try:
        risk_groups(results, read_basis(results).dims)
    except MseError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    whole = replace(results, tables={**results.tables, **found})
    if results.headline.strata is not None:
        from mse.publish.indicators.sdg import sdg_table

        sdg = sdg_table(whole)
        found |= {} if sdg is None else {"sdg": sdg}
    return LaterFrames(found, {"indicators": partial(_indicators, whole)})


def _indicators(results: Results) -> pd.DataFrame:
    from mse.publish.indicators.measures import indicators

    return indicators(results)


def read_files(
    table: CaptureTable | None,
    prob: float,
    *,
    population: Path | None = None,
    population_source: str = "",
    chain_file: Path | None = None,
    survey_file: Path | None = None,
) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Return what the files under [publish] hold, and everything that is wrong with them.

    Parameters
    ----------
    table : CaptureTable or None
        What they must fit; None before it has been read.
    prob : float
        Probability of the intervals.
    population, population_source, chain_file, survey_file
        As in `record_tables`.
    """
    from mse.tables.population import Population

    found: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    if population is not None:
        try:
            people = Population.from_csv(population, source=population_source)
            problems += [] if table is None else _unknown_levels(people, table, population)
            found["population"] = population_frame(people)
        except MseError as error:
            problems += error.problems
    if chain_file is not None:
        from mse.evidence.chain import chain, read_chain

        try:
            found["chain"] = chain(read_chain(chain_file), prob)
        except MseError as error:
            problems += [replace(p, file=p.file if p.file not in (None, said("what.chain")) else str(chain_file))
                         for p in error.problems]  # fmt: skip
    if survey_file is not None:
        from mse.evidence.survey import read_rates, survey_persons

        try:
            found["survey"] = survey_persons(read_rates(survey_file), prob)
        except MseError as error:
            problems += [replace(p, file=p.file or str(survey_file)) for p in error.problems]
    return found, problems


def _unknown_levels(people: Population, table: CaptureTable, file: Path) -> list[Problem]:
    """Return the dimensions and levels on which population and table do not meet."""
    problems = []
    for dim, levels in people.dimensions.items():
        known = table.strata.get(dim)
        if known is None:
            problems.append(
                Problem(said("found.population_has_dimension_table"), names_of(table.strata, said("allowed.none")),
                        said("do.rename_table_sum_over"), file=str(file), column=dim)
            )  # fmt: skip
            continue
        problems += [
            Problem(said("found.population_lacks_level_table"), names_of(levels), said("do.add_its_rows_named"),
                    file=str(file), column=dim, value=level)
            for level in known if level not in levels and level not in vague_levels(known)
        ]  # fmt: skip
    return problems
