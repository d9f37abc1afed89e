"""The verdict on an estimate: rules with stated thresholds, each with the figure that tripped it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.estimates import LEVELS, PartVerdict, Reason, Verdict
from mse.answers.posterior import Posterior
from mse.answers.referees import Referee, referee_of
from mse.assess.findings import (
    above,
    assessing,
    below_observed_found,
    computing,
    doubtful,
    lists_found,
    observed_found,
    width_found,
)
from mse.assess.knownsizes import SizesFound
from mse.assess.parts import headline_dimension, judge_parts, unusable, worst
from mse.assess.rules import RULES, Basis, Thresholds, usual_thresholds
from mse.assess.tablefindings import table_findings
from mse.kernels.arrays import Integers
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


def judge(
    posterior: Posterior,
    table: CaptureTable | HistoryTable,
    others: Mapping[str, Posterior | Referee] | None = None,
    basis: Basis = "models",
    thresholds: Thresholds | None = None,
    assessment: Mapping[str, pd.DataFrame] | None = None,
    time: str | None = None,
    known: SizesFound | None = None,
) -> Verdict:
    """Say how far `posterior` may be believed, and each of its parts.

    Parameters
    ----------
    posterior : Posterior
        The answer.
    table : CaptureTable or HistoryTable
        The table that it came from, with its strata where the answer has any.
    others : mapping of str to Posterior or Referee, optional
        Answers of other methods that leave the dependence between lists to the data, by name. Without them the rules
        on disagreement and on narrower intervals are not among those checked.
    basis : str
        What the estimate rests on: ``"models"``, with departures from the identifying assumption inside the interval;
        ``"identified"``, many models, with that assumption taken for granted; ``"one model"``; or ``"assumed"``
        dependence. Only the first can be published without caution.
    thresholds : Thresholds, optional
        Defaults are those of the class.
    assessment : mapping of str to DataFrame, optional
        What `mse.assess.assessment.assess` found; rules on it are applied where its tables are.
    time : str, optional
        The dimension of the strata that is time; found by its name or levels when not given.
    known : SizesFound, optional
        How near estimates come to the known sizes of the table, where the assessment does not tell.

    Returns
    -------
    Verdict
        The worst of the findings, gravest first, the codes of the rules that could be applied, and the verdicts on
        single strata and margins (`mse.assess.parts`).
    """
    limits = thresholds or usual_thresholds()
    found: list[Reason | None] = [
        _lists(table, limits),
        observed_found(table.observed, limits),
        below_observed_found(float(posterior.distribution.quantile(0.025)), posterior.observed),
        _pair_share(table, limits),
        _basis(basis),
        _humps(posterior, limits),
        _width(posterior, limits),
        _grid_end(posterior, limits),
    ]
    checked = {
        "lists",
        "observed",
        "below_observed",
        "pair_share",
        "identifying",
        "one_model",
        "dependence",
        "humps",
        "width",
        "grid_end",
    }
    for code, reason in table_findings(posterior, table, limits):
        checked.add(code)
        found.append(reason)
    referees = {name: referee_of(x) if isinstance(x, Posterior) else x for name, x in (others or {}).items()}
    referees = {name: x for name, x in referees.items() if x.beyond < limits.grid_end[1]}
    if referees:
        checked |= {"disagreement", "narrower"}
        found += [_disagreement(posterior, referees, limits), _narrower(posterior, referees, limits)]
    if "unreliable_weight" in posterior.diagnostics:
        checked.add("sampling")
        found.append(_sampling(posterior, limits))
    if "unverified_weight" in posterior.diagnostics:
        checked.add("unverified")
        found.append(doubtful(posterior.diagnostics["unverified_weight"], limits.unverified, "unverified"))
    if posterior.diagnostics.get("corrected_weight"):
        checked |= {"correction", "monte_carlo"}
        found += [_correction(posterior, limits), _monte_carlo(posterior, limits)]
    for code, reason in computing(posterior, limits):
        checked.add(code)
        found.append(reason)
    parts = judge_parts(posterior, table, limits, time) if isinstance(table, CaptureTable) else ()
    if posterior.strata is not None and parts:
        checked.add("parts")
        found.append(unusable(parts, headline_dimension(posterior.strata, time), limits))
    verdict = _verdict([r for r in found if r is not None], checked, parts)
    nothing = assessment is None and known is None
    return verdict if nothing else with_assessment(verdict, assessment or {}, limits, known)


def with_assessment(
    verdict: Verdict, assessment: Mapping[str, pd.DataFrame], thresholds: Thresholds | None = None,
    known: SizesFound | None = None,
) -> Verdict:  # fmt: skip
    """Return a verdict with what an assessment found; findings of an earlier assessment are replaced.

    Parameters
    ----------
    verdict : Verdict
        On the answer itself.
    assessment : mapping of str to DataFrame
        What `mse.assess.assessment.assess` found.
    thresholds : Thresholds, optional
        Defaults are those of the class.
    known : SizesFound, optional
        As in `judge`.
    """
    news = dict(assessing(assessment, thresholds or usual_thresholds(), known))
    kept = [reason for reason in verdict.reasons if reason.code not in news]
    return _verdict([*kept, *(r for r in news.values() if r is not None)], {*verdict.checked, *news}, verdict.parts)


def _verdict(reasons: Sequence[Reason], checked: Collection[str], parts: Sequence[PartVerdict]) -> Verdict:
    """Return the worst of the findings, gravest first; no part is better than the whole."""
    ordered = sorted(reasons, key=lambda r: -LEVELS.index(r.level))
    level = worst(ordered)
    held = (replace(part, level=max(level, worst(part.reasons), key=LEVELS.index)) for part in parts)
    return Verdict(level, tuple(ordered), tuple(rule for rule in RULES if rule in checked), tuple(held))


def _lists(table: CaptureTable | HistoryTable, limits: Thresholds) -> Reason | None:
    return lists_found(int((table.list_totals() > 0).sum()), limits)


def _basis(basis: Basis) -> Reason | None:
    if basis == "identified":
        return Reason("identifying", "publish with caution")
    if basis == "one model":
        return Reason("one_model", "publish with caution")
    if basis == "assumed":
        return Reason("dependence", "publish with caution")
    return None


@cache
def _pairs(n_lists: int) -> tuple[Integers, ...]:
    return np.triu_indices(n_lists, 1)


def _pair_share(table: CaptureTable | HistoryTable, limits: Thresholds) -> Reason | None:
    overlaps = table.overlaps()
    rows, columns = _pairs(table.n_lists)
    pairs = overlaps[rows, columns]
    largest = int(pairs.argmax())
    share = float(pairs[largest] / pairs.sum())
    pair = f"{table.lists[rows[largest]]}:{table.lists[columns[largest]]}"
    return above(share, limits.pair_share, "pair_share", names={"pair": pair}) if table.n_lists > 2 else None


def _humps(posterior: Posterior, limits: Thresholds) -> Reason | None:
    humps = posterior.humps(limits.hump_weight)
    if len(humps) < 2:
        return None
    ratio = humps[-1].peak / humps[0].peak
    told = tuple(said("finding.hump", peak=h.peak, weight=h.weight) for h in humps)
    return above(ratio, limits.hump_ratio, "humps", names={"count": len(humps), "humps": told})


def _disagreement(posterior: Posterior, others: Mapping[str, Referee], limits: Thresholds) -> Reason | None:
    points = [posterior.point, *(other.point for other in others.values())]
    low, high = min(points), max(points)
    return above(high / low, limits.disagreement, "disagreement", more={"lowest": low, "highest": high})


def _width(posterior: Posterior, limits: Thresholds) -> Reason | None:
    low, high = posterior.distribution.quantile([0.025, 0.975])
    return width_found(float(high / low) if low > 0 else math.inf, limits)


def _narrower(posterior: Posterior, others: Mapping[str, Referee], limits: Thresholds) -> Reason | None:
    averages = [other for other in others.values() if other.bayes]
    own = referee_of(posterior).log_width
    if not averages or not own > 0:
        return None
    widest = max(averages, key=lambda other: other.log_width)
    figures = {"lowest": widest.low, "highest": widest.high}
    return above(widest.log_width / own, limits.narrower, "narrower", more=figures)


def _grid_end_mass(posterior: Posterior) -> float:
    return max(posterior.distribution.beyond, posterior.diagnostics.get("grid_end_mass", 0.0))


def _grid_end(posterior: Posterior, limits: Thresholds) -> Reason | None:
    mass = _grid_end_mass(posterior)
    return above(mass, limits.grid_end, "grid_end")


def _sampling(posterior: Posterior, limits: Thresholds) -> Reason | None:
    share = posterior.diagnostics["unreliable_weight"]
    return above(share, limits.sampling, "sampling")


def _correction(posterior: Posterior, limits: Thresholds) -> Reason | None:
    share = 1.0 - posterior.diagnostics["corrected_weight"]
    return above(share, limits.correction, "correction")


def _monte_carlo(posterior: Posterior, limits: Thresholds) -> Reason | None:
    error = posterior.diagnostics.get("mc_error", 0.0)
    return above(error, limits.monte_carlo, "monte_carlo")
