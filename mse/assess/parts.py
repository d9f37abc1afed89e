"""Verdicts on parts of the total: every margin that is published, and every single stratum, by rules of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.estimates import LEVELS, Level, PartVerdict, Reason
from mse.answers.posterior import Posterior
from mse.answers.strata import ALL, StrataDraws, shown_margins, time_dimension
from mse.assess.findings import (
    below_observed_found,
    converged_found,
    draws_found,
    lists_found,
    observed_found,
    width_found,
)
from mse.computing.convergence import ess_bulk, ess_tail, rhat
from mse.kernels.arrays import Flags
from mse.tables.captures import CaptureTable
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.assess.rules import Thresholds

NO_ESTIMATE = said("flag.no_estimate")
"""Flag of a stratum for which the method gives no number."""


def judge_parts(
    posterior: Posterior, table: CaptureTable, limits: Thresholds, time: str | None = None
) -> tuple[PartVerdict, ...]:
    """Judge every part of an answer by what is its own.

    The rules are those of the whole as far as a part has what they look at: `lists`, `observed`, `below_observed`,
    `width`, and, where the draws are those of chains, `converged` and `draws` of log N of the part. A part with a
    stratum that the method gives no estimate of must not be published either (`no_estimate`).

    Parameters
    ----------
    posterior : Posterior
        The answer.
    table : CaptureTable
        What it came from, with its strata.
    limits : Thresholds
        Those of the whole.
    time : str, optional
        The dimension that is time; found by its name or levels when not given.

    Returns
    -------
    tuple of PartVerdict
        The margins that are published (`mse.answers.strata.shown_margins`, but for the total), then the single strata;
        parts where nobody can be are left out. Empty for an answer without strata.
    """
    strata = posterior.strata
    if strata is None or not strata.dimensions:
        return ()
    dims = tuple(strata.dimensions)
    wanted = dict.fromkeys([*shown_margins(dims, time_dimension(strata.dimensions, time))[1:], dims])
    on = (table.counts @ table.membership().astype(np.int64)) > 0
    found = []
    for chosen in wanted:
        margin = strata.margin(*chosen)
        for i, levels in enumerate(itertools.product(*margin.dimensions.values())):
            if margin.observed[i] or margin.draws[:, i].any():
                where = dict(zip(margin.dimensions, levels, strict=True))
                found.append(_judge(margin, i, where, _active(table, on, where), limits))
    return tuple(found)


def _active(table: CaptureTable, on: Flags, where: Mapping[str, str]) -> int:
    """Return the lists with anybody on them at some levels; dimensions that the table lacks say nothing."""
    inside = np.ones(len(on), dtype=bool)
    index = np.indices([len(x) for x in table.strata.values()]).reshape(len(table.strata), len(on))
    for (dim, levels), at in zip(table.strata.items(), index, strict=True):
        if dim in where:
            inside &= at == (levels.index(where[dim]) if where[dim] in levels else -1)
    return int(on[inside].any(axis=0).sum())


def _judge(margin: StrataDraws, i: int, where: dict[str, str], active: int, limits: Thresholds) -> PartVerdict:
    draws, persons = margin.draws[:, i], int(margin.observed[i])
    low, high = map(float, np.quantile(draws, [0.025, 0.975]))
    width = high / low if low > 0 else math.inf
    figures = {"observed": float(persons), "lists": float(active), "width": width}
    found = [
        observed_found(persons, limits),
        lists_found(active, limits),
        below_observed_found(low, persons),
        width_found(width, limits),
    ]
    if margin.chains > 1 and len(draws) % margin.chains == 0:
        logs = np.log(np.maximum(draws, 1)).reshape(margin.chains, -1)
        figures |= {"rhat": rhat(logs), "ess_bulk": ess_bulk(logs), "ess_tail": ess_tail(logs)}
        found.append(converged_found(figures["rhat"], limits))
        found.append(draws_found(min(figures["ess_bulk"], figures["ess_tail"]), limits))
    if NO_ESTIMATE in margin.flags[i]:
        found.append(Reason("no_estimate", "do not publish"))
    reasons = sorted((r for r in found if r is not None), key=lambda r: -LEVELS.index(r.level))
    return PartVerdict(where, worst(reasons), tuple(reasons), figures)


def worst(reasons: Sequence[Reason]) -> Level:
    """Return the gravest level among some reasons; "publish" without any."""
    return max((reason.level for reason in reasons), key=LEVELS.index, default="publish")


def headline_dimension(strata: StrataDraws, time: str | None = None) -> str:
    """Return the dimension by which the answer is told first: time, else the first one."""
    return time_dimension(strata.dimensions, time) or next(iter(strata.dimensions))


def unusable(parts: Sequence[PartVerdict], dim: str, limits: Thresholds) -> Reason | None:
    """Return the reason for caution when many parts of a breakdown may not be cited on their own.

    Parameters
    ----------
    parts : sequence of PartVerdict
        As `judge_parts` gives them.
    dim : str
        The breakdown.
    limits : Thresholds
        Its `parts`.
    """
    levels = [worst(part.reasons) for part in parts if set(part.levels) == {dim}]
    bad = levels.count("do not publish")
    share = bad / len(levels) if len(levels) > 1 else 0.0
    if share < limits.parts:
        return None
    figures = {"figure": share, "caution_from": limits.parts, "bad": float(bad), "parts": float(len(levels))}
    return Reason("parts", "publish with caution", figures, {"dimension": dim})


def because(part: PartVerdict) -> list[str]:
    """Return the codes of a part's own findings, and "whole" where the verdict on the whole is the worse one."""
    return [*(reason.code for reason in part.reasons), *(["whole"] if part.level != worst(part.reasons) else [])]


def parts_frame(parts: Sequence[PartVerdict], dims: Sequence[str]) -> pd.DataFrame:
    """Return one row per part.

    Parameters
    ----------
    parts : sequence of PartVerdict
        As `judge_parts` gives them.
    dims : sequence of str
        Dimensions of the strata.

    Returns
    -------
    DataFrame
        A column per dimension ("all" where summed over); ``observed`` (persons), ``lists``, ``width``, ``rhat``,
        ``ess_bulk``, ``ess_tail`` (not a number without chains); ``verdict``; ``because``, as `because` gives it.
    """
    import pandas as pd

    figures = ("observed", "lists", "width", "rhat", "ess_bulk", "ess_tail")
    rows = [
        [
            *(part.levels.get(dim, ALL) for dim in dims),
            *(part.figures.get(name, math.nan) for name in figures),
            part.level,
            "; ".join(because(part)),
        ]
        for part in parts
    ]
    frame = pd.DataFrame(rows, columns=[*dims, *figures, "verdict", "because"])
    return frame.astype({"observed": int, "lists": int})
