"""What indicators are made from: the published margins, with N and who was seen, and the population behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.strata import shown_margins, time_dimension
from mse.errors import InputError, Problem, names_of
from mse.publish.facts.margins import margin_points
from mse.publish.indicators.partnumbers import Levels, Part, part_of
from mse.publish.standing import NOT_JUDGED, TOO_FEW, parts_by_levels, standing, whole_standing
from mse.publish.wording.rounding import Rounded
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results
    from mse.answers.strata import StrataDraws
    from mse.tables.population import Population


@dataclass(frozen=True, slots=True)
class RiskGroup:
    """Persons at risk that an estimate is held against, with their number from elsewhere.

    Parameters
    ----------
    name : str
        For example "labour migrants in the exposed sectors".
    persons : float
        How many there are.
    where : mapping of str to str
        The stratum of the victims that is held against them: ``{"form": "labour"}``.
    source : str
        Where the number is from.
    """

    name: str
    persons: float
    where: Mapping[str, str]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """What indicators are made from, read from a result once."""

    strata: StrataDraws | None
    dims: tuple[str, ...]
    time: str | None
    prob: float
    period: str
    years: tuple[str, ...]
    registered: str
    estimated: str


def read_basis(results: Results) -> Basis:
    """Return dimensions, time, probability, period and definitions of a result."""
    headline, record = results.headline, results.record
    estimate = headline.summary(record.prob)
    table, report = record.table, record.report
    strata = headline.strata if headline.strata is not None and headline.strata.dimensions else None
    when = report.period or table.period
    source = [x for x in (report.texts.publisher or table.publisher, table.name) if x]
    extracted = report.extracted
    registered = f"persons on at least one of the lists {', '.join(headline.lists)}"
    registered += f" ({', '.join([*source, *([f'extracted {extracted}'] if extracted else [])])})" if source else ""
    estimated = f"persons registered or not; {estimate.kind}, method {estimate.method}"
    time = time_dimension(strata.dimensions if strata else {}, report.time)
    years = strata.dimensions[time] if strata is not None and time is not None else spanned(when)
    return Basis(
        strata, tuple(strata.dimensions) if strata else (), time, estimate.prob, "–".join(when), years, registered,
        estimated,
    )  # fmt: skip


def spanned(ends: Sequence[str]) -> tuple[str, ...]:
    """Return every year from the first to the last; nothing where these are no years."""
    if not ends or not all(x.isdigit() for x in (ends[0], ends[-1])):
        return ()
    return tuple(str(year) for year in range(int(ends[0]), int(ends[-1]) + 1))


def margins_of(results: Results, basis: Basis) -> list[Part]:
    """Return every margin that is published, unrounded, the total first; it is the headline itself."""
    headline, population = results.headline, read_population(results)
    judged = parts_by_levels(headline.verdict)
    whole = headline.summary(basis.prob)
    level = NOT_JUDGED if headline.verdict is None else headline.verdict.level
    size = Rounded(whole.point, whole.low, whole.high, 1.0)
    parts = [part_of({}, whole.observed, size, population_of({}, population), status=whole_standing(headline.verdict),
                     verdict=level)]  # fmt: skip
    if basis.strata is None:
        return parts
    for dims in shown_margins(basis.dims, basis.time)[1:]:
        margin = basis.strata.margin(*dims)
        sizes = margin_sizes(margin, basis.prob, headline.kind == "posterior")
        for i, chosen in enumerate(product(*margin.dimensions.values())):
            levels = dict(zip(margin.dimensions, chosen, strict=True))
            observed = int(margin.observed[i])
            possible = bool(observed or margin.draws[:, i].any())
            own = judged.get(frozenset(levels.items()))
            status, verdict = standing(own) if possible else TOO_FEW, NOT_JUDGED if own is None else own.level
            parts.append(
                part_of(levels, observed, sizes[i], population_of(levels, population), status=status, verdict=verdict,
                        judged=own, flag=margin.flags[i], possible=possible)
            )  # fmt: skip
    return parts


def margin_sizes(margin: StrataDraws, prob: float, credible: bool) -> list[Rounded]:
    """Return N of every part of a margin with its interval, unrounded."""
    low, high = np.quantile(margin.draws, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    ends = zip(margin_points(margin, credible), low, high, strict=True)
    return [Rounded(float(point), float(first), float(last), 1.0) for point, first, last in ends]


def population_of(levels: Levels, population: Population | None) -> float | None:
    """Return the population at the levels of its own dimensions; None where a level, or a single year, is not known."""
    if population is None:
        return None
    where = {dim: level for dim, level in levels.items() if dim in population.dimensions}
    if any(level not in population.dimensions[dim] for dim, level in where.items()):
        return None
    if any(len(x) > 1 and dim not in where and dim == "year" for dim, x in population.dimensions.items()):
        return None  # a population summed over years is nobody's
    return float(population.size(where))


def read_population(results: Results) -> Population | None:
    """Return the population that the result was given, with its source; None without one."""
    frame = results.tables.get("population")
    if frame is None:
        return None
    from mse.tables.population import Population

    sources = [str(x) for x in frame["source"].dropna().unique()] if "source" in frame.columns else []
    return Population.from_frame(frame.drop(columns="source", errors="ignore"), source="; ".join(sources))


def population_frame(population: Population) -> pd.DataFrame:
    """Return a population as the table ``population`` of the results: dimensions, ``population``, ``source``."""
    import pandas as pd

    levels = list(product(*population.dimensions.values()))
    frame = pd.DataFrame({dim: [row[i] for row in levels] for i, dim in enumerate(population.dimensions)},
                         index=range(len(levels)))  # fmt: skip
    return frame.assign(population=population.persons, source=population.source)


def risk_groups(results: Results, dims: Sequence[str]) -> tuple[RiskGroup, ...]:
    """Return the groups at risk that a job names under [[publish.at_risk]].

    Raises
    ------
    InputError
        With everything that is wrong with them: no persons, unknown dimensions, more than one dimension.
    """
    problems, found = [], []
    for i, group in enumerate(results.record.job.publish.at_risk, 1):
        where, persons = group.where, group.persons
        place = f"[[publish.at_risk]] {i}"
        if persons is None or persons <= 0:
            problems.append(Problem(said("found.group_risk_has_no"), said("allowed.number_persons_above_0"),
                                    said("do.add_persons"),
                                    column=place))  # fmt: skip
        allowed = names_of(dims, said("allowed.none_no_strata"))
        problems += [Problem(said("found.group_risk_names_unknown"), allowed, said("do.correct_name"), column=place,
                             value=dim) for dim in where if dim not in dims]  # fmt: skip
        if len(where) > 1:
            problems.append(Problem(said("found.group_risk_names_more"), said("allowed.one_dimension_none_all"),
                                    said("do.keep_one_crossings_two"), column=place))  # fmt: skip
        found.append(RiskGroup(group.name or place, persons or 1.0, where, group.source or ""))
    if problems:
        raise InputError(problems)
    return tuple(found)
