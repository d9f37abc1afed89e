"""Estimates that a key figure may name, as they may be published: of results, of survey rates, from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mse.answers.estimates import Level
from mse.errors import InputError, Problem, names_of
from mse.publish.figures.figurespec import EstimateSpec
from mse.publish.standing import OK
from mse.publish.wording.rounding import Rounded, rounded_values
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results


@dataclass(frozen=True, slots=True, eq=False)
class ShownEstimate:
    """An estimate as it may be published.

    Parameters
    ----------
    spec : EstimateSpec
        What the job says of it.
    size : Rounded
        Persons with an interval; not-a-number for what there is none of.
    prob : float or None
        Probability of the interval, where it is known.
    period : str
        What it is about.
    status : str
        "ok", or why there is no number.
    verdict : str
        On it.
    reasons : tuple of Said
        Why.
    """

    spec: EstimateSpec
    size: Rounded
    prob: float | None
    period: str
    status: str = OK
    verdict: Level = "publish"
    reasons: tuple[Said, ...] = ()


def published_elsewhere(spec: EstimateSpec) -> ShownEstimate:
    """Return an estimate that somebody else published: its numbers as they are, for they are that publisher's."""
    assert spec.point is not None
    low, high = (math.nan if x is None else x for x in (spec.low, spec.high))
    return ShownEstimate(spec, Rounded(spec.point, low, high, 1.0), spec.prob, str(spec.period))


def from_rates(spec: EstimateSpec, frame: pd.DataFrame) -> ShownEstimate:
    """Return persons of a group from survey rates; a point that the rate gives stays as round as rate and population.

    Raises
    ------
    InputError
        When there is no such group.
    """
    rows = {str(row["group"]): row for row in frame.to_dict("records")}
    row = rows.get(spec.group or "all") or (next(iter(rows.values())) if len(rows) == 1 and not spec.group else None)
    if row is None:
        raise InputError(
            Problem(said("figures.group"), names_of(rows), said("do.correct_group_leave_out"),
                    column="group", value=str(spec.group))
        )  # fmt: skip
    point = float(row["persons"])
    size = rounded_values(point, float(row["low"]), float(row["high"]), "persons")
    exact = math.isclose(point, round(point, -2), rel_tol=1e-9) and math.isfinite(size.low)
    size = size._replace(point=round(point, -2)) if exact else size
    return ShownEstimate(spec, size, float(row["prob"]), str(spec.period))


def from_results(spec: EstimateSpec, results: Results) -> ShownEstimate:
    """Return the published number of a part of a results folder, and its verdict.

    Raises
    ------
    InputError
        When no part with these levels is published.
    """
    from mse.publish.publishedparts import published_parts

    found = published_parts(results)
    wanted: Mapping[str, str] = spec.where
    part = next((x for x in found.parts if dict(x.levels) == dict(wanted)), None)
    if part is None:
        levels = ([f"{d} = {x}" for d, x in y.levels.items()] for y in found.parts[:12])
        allowed = names_of(" & ".join(x) or "-" for x in levels)
        raise InputError(
            Problem(said("figures.part"), allowed, said("do.correct_where_2"), column="where",
                    value=", ".join(f"{d} = {x}" for d, x in wanted.items()))
        )  # fmt: skip
    period = spec.period or wanted.get(found.time or "") or str(results.record.report.period or "")
    status = part.status if found.stop is None or not part.stated else found.stop
    level: Level = "do not publish" if status != OK else "publish"
    reasons: tuple[Said, ...] = ()
    if status != OK:
        reasons = (said("keyfigure.why_estimate"),)
    elif part.verdict == "publish with caution":
        level, reasons = "publish with caution", (said("keyfigure.estimate_caution"),)
    return ShownEstimate(spec, part.size, found.prob, period, status, level, reasons)
