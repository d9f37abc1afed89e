"""Indicators of a result, unrounded, for the audit record: in view and hidden, per 100,000, change, SDG 16.2.2.

What of them may leave the house, and how it is rounded, is settled in `mse.publish.release.outgoing`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING

from mse.answers.estimates import LEVELS
from mse.answers.strata import ALL
from mse.publish.indicators.basis import (
    Basis,
    margins_of,
    read_basis,
    read_population,
    risk_groups,
)
from mse.publish.indicators.partnumbers import Levels, Part
from mse.publish.standing import NOT_APPLICABLE, NOT_JUDGED, SUPPRESSED, TOO_FEW

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results
    from mse.tables.population import Population

Standings = Mapping[frozenset[tuple[str, str]], tuple[str, str]]
"""Status and verdict by the levels of every published margin where somebody can be."""

VALUES = ("point", "low", "high", "prob", "unit", "period", "definition", "status", "verdict")
"""Columns of the frame `indicators` after ``indicator`` and the dimensions."""


CHANGE, CHANGE_RATIO, FALL, AT_RISK = "change", "change, ratio", "probability of a fall", "per 100,000 at risk"
WITH_MORE_PLACES = (CHANGE, CHANGE_RATIO, FALL, AT_RISK)
"""Indicators that have a period or a group of their own besides the dimensions."""


def indicators(results: Results, parts: Sequence[Part] | None = None) -> pd.DataFrame:
    """Return the indicators of a result.

    Parameters
    ----------
    results : Results
        With strata or without. Its table ``population`` (`population_frame`) is used where it is there, and so is
        ``at_risk`` under [publish] of its job.
    parts : sequence of Part, optional
        The whole and its margins, when not unrounded as the audit record has them: figures that follow from registered
        and estimated are made from these.

    Returns
    -------
    DataFrame
        ``indicator``, one column per dimension ("all" where summed over), ``point``, ``low``, ``high``, ``prob``,
        ``unit``, ``period``, ``definition``, ``status`` ("ok"; "too few data": then there is no number but the
        registered count; or why it may not be published), ``verdict`` (of the whole or the part; of a change, of the
        worse of its ends). Indicators: ``registered``, ``estimated``, ``in view`` (share), ``dark figure``,
        ``hidden for each seen`` (ratio), ``share of all``, ``per 100,000``, ``change`` (persons), ``change, ratio``,
        ``probability of a fall``. The margins are those of `mse.answers.strata.shown_margins`.

    Notes
    -----
    In view, dark figure, ratio and rate come with the parts (`mse.publish.indicators.partnumbers`). Shares of strata
    and changes have intervals of their own, from the joint draws.
    """
    import pandas as pd

    basis = read_basis(results)
    population = read_population(results)
    parts = [part for part in (margins_of(results, basis) if parts is None else parts) if part.possible]
    status = {frozenset(part.levels.items()): part.stands for part in parts}
    rows: list[list[object]] = []
    for part in parts:
        rows += _part_rows(part, basis)
        rows += _rate_rows(part, basis, population)
    rows += _share_rows(basis, status)
    rows += _change_rows(basis, status)
    rows += _risk_rows(results, parts, basis)
    return pd.DataFrame(rows, columns=["indicator", *basis.dims, *VALUES])


def _row(name: str, levels: Levels, basis: Basis, values: Sequence[float], unit: str, definition: str,
         stands: tuple[str, str] = ("ok", NOT_APPLICABLE), when: str | None = None) -> list[object]:  # fmt: skip
    numbers = [math.nan] * 3 if stands[0] == TOO_FEW else [float(x) for x in values[:3]]
    at = [levels.get(dim, ALL) for dim in basis.dims]
    stated = when or next((level for dim, level in levels.items() if dim == basis.time), basis.period)
    return [name, *at, *numbers, basis.prob, unit, stated, definition, *stands]


def _part_rows(part: Part, basis: Basis) -> list[list[object]]:
    n = math.nan if part.observed is None else part.observed
    seen = _row("registered", part.levels, basis, (n, math.nan, math.nan), "persons", basis.registered)
    followed = part.followed, part.verdict
    return [
        seen,
        _row("estimated", part.levels, basis, part.size, "persons", basis.estimated, part.stands),
        _row("in view", part.levels, basis, part.view, "share", "registered as a share of estimated", followed),
        _row("dark figure", part.levels, basis, part.hidden, "persons", "estimated less registered", followed),
        _row("hidden for each seen", part.levels, basis, part.ratio, "ratio", "dark figure for each registered person",
             followed),
    ]  # fmt: skip


def _rank(stands: tuple[str, str]) -> tuple[int, int]:
    """Return how much speaks against stating what two parts are compared by: the worse of the ends counts."""
    status, verdict = stands
    order = (NOT_APPLICABLE, *LEVELS, NOT_JUDGED)
    return {"ok": 0, TOO_FEW: 2, SUPPRESSED: 3}.get(status, 1), order.index(verdict)


def _rate_rows(part: Part, basis: Basis, population: Population | None) -> list[list[object]]:
    if population is None or part.rate is None:
        return []
    used = ", ".join(f"{dim} {level}" for dim, level in part.levels.items() if dim in population.dimensions)
    base = f"population of {used}" if used else "whole population"
    source = population.source or "source not stated"
    definition = f"estimated per 100,000 of the {base}: {part.population:,.0f} ({source})"
    return [_row("per 100,000", part.levels, basis, part.rate, "per 100,000", definition, part.stands)]


def _share_rows(basis: Basis, standings: Standings) -> list[list[object]]:
    """Return the composition: every level of a dimension as a share of all, over the whole time and by time."""
    rows: list[list[object]] = []
    if basis.strata is None:
        return rows
    for key, stands in standings.items():
        levels = dict(key)
        inner = {dim: level for dim, level in levels.items() if dim != basis.time}
        if len(inner) != 1:
            continue
        ((dim, level),) = inner.items()
        share = basis.strata.share(inner, {k: v for k, v in levels.items() if k == basis.time})
        values = (share.point, *share.interval(basis.prob))
        said = f"estimated in {dim} {level} as a share of all estimated"
        rows.append(_row("share of all", levels, basis, values, "share", said, stands))
    return rows


def _change_rows(basis: Basis, standings: Standings) -> list[list[object]]:
    """Return the change from each period to the next, in all and by level of every other dimension."""
    rows: list[list[object]] = []
    if basis.strata is None or basis.time is None:
        return rows
    others: list[Levels] = [{}]
    others += [{dim: level} for dim in basis.dims if dim != basis.time for level in basis.strata.dimensions[dim]]
    for where, (start, end) in product(others, pairwise(basis.strata.dimensions[basis.time])):
        ends = [standings.get(frozenset({basis.time: when, **where}.items())) for when in (start, end)]
        known = [x for x in ends if x is not None]
        if len(known) < 2:
            continue  # nobody can be there at one of the ends
        stands = max(known, key=_rank)
        change = basis.strata.change(basis.time, start, end, where)
        levels, when = {**where, basis.time: end}, f"{start} to {end}"
        for name, quantity, unit, said in (
            (CHANGE, change.difference, "persons", f"estimated in {end} less estimated in {start}"),
            (CHANGE_RATIO, change.ratio, "ratio", f"estimated in {end} over estimated in {start}"),
        ):
            values = (quantity.point, *quantity.interval(basis.prob))
            rows.append(_row(name, levels, basis, values, unit, said, stands, when))
        said = f"probability that fewer persons were victims in {end} than in {start}, given the data and the method"
        fell = (change.fell, math.nan, math.nan)
        rows.append(_row(FALL, levels, basis, fell, "probability", said, stands, when))
    return rows


def _risk_rows(results: Results, parts: Sequence[Part], basis: Basis) -> list[list[object]]:
    """Return rates for groups at risk: by time where there is time, else for the whole."""
    rows = []
    for group, part in product(risk_groups(results, basis.dims), parts):
        rest = {dim: level for dim, level in part.levels.items() if dim != basis.time}
        if rest != dict(group.where) or (basis.time is not None and basis.time not in part.levels):
            continue
        values = [x * 1e5 / group.persons for x in part.size[:3]]
        source = f" ({group.source})" if group.source else ""
        said = f"estimated per 100,000 {group.name}: {group.persons:,.0f}{source}"
        rows.append(_row(AT_RISK, part.levels, basis, values, "per 100,000", said, part.stands))
    return rows
