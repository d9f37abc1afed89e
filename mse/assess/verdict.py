"""The verdict on an estimate: rules with stated thresholds, each with the figure that tripped it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mse.answers.estimates import LEVELS, PartVerdict, Reason, Verdict
from mse.answers.posterior import Posterior
from mse.assess.findings import (
    above,
    assessing,
    below_observed_found,
    computing,
    lists_found,
    observed_found,
    width_found,
)
from mse.assess.parts import headline_dimension, judge_parts, unusable, worst
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    import pandas as pd

Basis = Literal["models", "identified", "one model", "assumed"]
"""What an estimate rests on."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What each rule holds its figure against: the first value asks for caution, the second forbids.

    Parameters
    ----------
    lists : tuple of int
        Fewer active lists than this.
    observed : tuple of int
        Fewer observed persons than this.
    hump_weight : float
        A hump with less of the probability is not counted.
    hump_ratio : tuple of float
        Largest hump's position over the smallest's.
    disagreement : tuple of float
        Largest over smallest point among the methods that model dependence.
    prior : tuple of float
        Factor by which the median moves when the prior standard deviation is doubled.
    pair_share : tuple of float
        Share of all overlap, summed over pairs of lists, that a single pair carries.
    width : tuple of float
        Upper over lower end of the 95 % interval.
    grid_end : tuple of float
        Probability at the end of the grid of N, or beyond it.
    sampling : tuple of float
        Probability on models whose importance sampling failed (Pareto shape above 0.7).
    correction : tuple of float
        Share of the model weight whose Laplace approximation was not checked by sampling.
    monte_carlo : tuple of float
        Relative Monte Carlo error of the upper end of the 95 % interval.
    narrower : tuple of float
        Log width of the widest interval of an average over models, in those of the estimate's own.
    converged : tuple of float
        Largest R̂ of the chains.
    draws : tuple of float
        Fewer effective draws, in bulk or tails, than this.
    divergences : tuple of float
        Share of the draws that diverged.
    energy : tuple of float
        Smallest E-BFMI below this.
    predictive : tuple of float
        Posterior predictive p-value of all overlap counts together below this.
    fit : tuple of float
        p-value of the worst single overlap count, times their number, below this.
    loo : tuple of float
        Share of the strata whose Pareto k is above 0.7 when they are left out.
    visited : tuple of float
        Less of the probability than this on the models that a search has seen.
    left_out : tuple of float
        Factor by which the estimate moves when a list is left out.
    one_person : tuple of float
        Factor by which it moves when one count is one person higher or lower.
    referrals : tuple of float
        Factor by which it moves without registrations that are there because another list sent the person.
    linkage : tuple of float
        Factor by which it moves under a few errors of linkage.
    known_sizes : tuple of float
        Share of the lists whose known size is outside the interval that the other lists give, and a tenth off.
    known_bias : tuple of float
        Known sizes over what the other lists give, in the middle, where every list comes out too low.
    coverage : tuple of float
        How much less often than claimed the interval holds the truth on tables simulated from the fitted model.
    prior_k : float
        Pareto shape from which the influence of the prior, told by weights, counts as not told.
    prior_weights : float
        Effective share of the draws below which it does.
    depth : float
        Share of the trajectories of NUTS that were cut off at their greatest length, from which caution is asked.
    last_class : tuple of float
        Share of the population in the last latent class that there may be.
    walks : float
        R-hat of the walks that estimate `visited`, from which caution is asked.
    parts : float
        Share of the parts of the headline breakdown that may not be cited on their own, from which caution is asked.
    """

    lists: tuple[int, int] = (4, 3)
    observed: tuple[int, int] = (100, 10)
    hump_weight: float = 0.1
    hump_ratio: tuple[float, float] = (1.25, 3.0)
    disagreement: tuple[float, float] = (1.5, 2.5)
    prior: tuple[float, float] = (1.15, 1.5)
    pair_share: tuple[float, float] = (0.7, 0.9)
    width: tuple[float, float] = (3.0, 10.0)
    grid_end: tuple[float, float] = (0.001, 0.01)
    sampling: tuple[float, float] = (0.05, 0.25)
    correction: tuple[float, float] = (0.5, 0.95)
    monte_carlo: tuple[float, float] = (0.05, 0.25)
    narrower: tuple[float, float] = (2.0, 4.0)
    converged: tuple[float, float] = (1.01, 1.05)
    draws: tuple[float, float] = (400.0, 100.0)
    divergences: tuple[float, float] = (0.001, 0.01)
    energy: tuple[float, float] = (0.3, 0.2)
    predictive: tuple[float, float] = (0.05, 0.001)
    fit: tuple[float, float] = (0.05, 0.001)
    loo: tuple[float, float] = (0.1, 0.5)
    visited: tuple[float, float] = (0.9, 0.5)
    left_out: tuple[float, float] = (1.5, 4.0)
    one_person: tuple[float, float] = (1.2, 2.0)
    referrals: tuple[float, float] = (1.25, 2.0)
    linkage: tuple[float, float] = (1.5, 3.0)
    known_sizes: tuple[float, float] = (0.5, 0.9)
    known_bias: tuple[float, float] = (1.2, 2.5)
    coverage: tuple[float, float] = (0.1, 0.25)
    prior_k: float = 0.7
    prior_weights: float = 0.05
    depth: float = 0.1
    last_class: tuple[float, float] = (0.02, 0.2)
    walks: float = 1.05
    parts: float = 0.5


RULES = (
    "lists", "observed", "below_observed", "pair_share", "identifying", "one_model", "dependence", "humps",
    "disagreement", "narrower", "prior", "width", "grid_end", "sampling", "correction", "monte_carlo", "class_prior",
    "prior_checked", "converged", "draws", "divergences", "energy", "depth", "last_class", "predictive", "loo",
    "visited", "walks", "parts", "left_out", "one_person", "referrals", "linkage", "known_sizes", "known_bias", "fit",
    "coverage",
)  # fmt: skip
"""Codes of the rules, in the order in which they are applied."""


def judge(
    posterior: Posterior,
    table: CaptureTable,
    others: Mapping[str, Posterior] | None = None,
    basis: Basis = "models",
    thresholds: Thresholds | None = None,
    assessment: Mapping[str, pd.DataFrame] | None = None,
    time: str | None = None,
) -> Verdict:
    """Say how far `posterior` may be believed, and each of its parts.

    Parameters
    ----------
    posterior : Posterior
        The answer.
    table : CaptureTable
        The table that it came from, with its strata where the answer has any.
    others : mapping of str to Posterior, optional
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

    Returns
    -------
    Verdict
        The worst of the findings, gravest first, the codes of the rules that could be applied, and the verdicts on
        single strata and margins (`mse.assess.parts`).
    """
    limits = thresholds or Thresholds()
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
    others = {name: other for name, other in (others or {}).items() if _grid_end_mass(other) < limits.grid_end[1]}
    if others:
        checked |= {"disagreement", "narrower"}
        found += [_disagreement(posterior, others, limits), _narrower(posterior, others, limits)]
    if "unreliable_weight" in posterior.diagnostics:
        checked.add("sampling")
        found.append(_sampling(posterior, limits))
    if posterior.diagnostics.get("corrected_weight"):
        checked |= {"correction", "monte_carlo"}
        found += [_correction(posterior, limits), _monte_carlo(posterior, limits)]
    for code, reason in computing(posterior, limits):
        checked.add(code)
        found.append(reason)
    parts = judge_parts(posterior, table, limits, time)
    if posterior.strata is not None and parts:
        checked.add("parts")
        found.append(unusable(parts, headline_dimension(posterior.strata, time), limits))
    verdict = _verdict([r for r in found if r is not None], checked, parts)
    return verdict if assessment is None else with_assessment(verdict, assessment, limits)


def with_assessment(
    verdict: Verdict, assessment: Mapping[str, pd.DataFrame], thresholds: Thresholds | None = None
) -> Verdict:
    """Return a verdict with what an assessment found; findings of an earlier assessment are replaced.

    Parameters
    ----------
    verdict : Verdict
        On the answer itself.
    assessment : mapping of str to DataFrame
        What `mse.assess.assessment.assess` found.
    thresholds : Thresholds, optional
        Defaults are those of the class.
    """
    news = dict(assessing(assessment, thresholds or Thresholds()))
    kept = [reason for reason in verdict.reasons if reason.code not in news]
    return _verdict([*kept, *(r for r in news.values() if r is not None)], {*verdict.checked, *news}, verdict.parts)


def _verdict(reasons: Sequence[Reason], checked: Collection[str], parts: Sequence[PartVerdict]) -> Verdict:
    """Return the worst of the findings, gravest first; no part is better than the whole."""
    ordered = sorted(reasons, key=lambda r: -LEVELS.index(r.level))
    level = worst(ordered)
    held = (replace(part, level=max(level, worst(part.reasons), key=LEVELS.index)) for part in parts)
    return Verdict(level, tuple(ordered), tuple(rule for rule in RULES if rule in checked), tuple(held))


def _lists(table: CaptureTable, limits: Thresholds) -> Reason | None:
    return lists_found(int((table.list_totals() > 0).sum()), limits)


def _basis(basis: Basis) -> Reason | None:
    if basis == "identified":
        text = (
            "the interval takes for granted that what identifies the estimate holds exactly: where the truth is known, "
            "such intervals hold it less often than they say"
        )
        return Reason("identifying", "publish with caution", text)
    if basis == "one model":
        text = "the interval holds only if the one model that was chosen is right: the choice is not inside it"
        return Reason("one_model", "publish with caution", text)
    if basis == "assumed":
        text = "the method takes for granted how the lists depend on each other, and does not learn it from the data"
        return Reason("dependence", "publish with caution", text)
    return None


def _pair_share(table: CaptureTable, limits: Thresholds) -> Reason | None:
    overlaps = table.overlaps()
    rows, columns = np.triu_indices(table.n_lists, 1)
    pairs = overlaps[rows, columns]
    largest = int(pairs.argmax())
    share = float(pairs[largest] / pairs.sum())
    names = f"{table.lists[rows[largest]]} and {table.lists[columns[largest]]}"
    text = f"a single pair of lists, {names}, carries {share:.0%} of all overlap; the estimate stands or falls with it"
    return above(share, limits.pair_share, "pair_share", text) if table.n_lists > 2 else None


def _humps(posterior: Posterior, limits: Thresholds) -> Reason | None:
    humps = posterior.humps(limits.hump_weight)
    if len(humps) < 2:
        return None
    ratio = humps[-1].peak / humps[0].peak
    parts = " and ".join(f"near {h.peak:,.0f} ({h.weight:.0%})" for h in humps)
    text = f"the data support {len(humps)} different answers, {parts}; one interval over them hides that"
    return above(ratio, limits.hump_ratio, "humps", text)


def _disagreement(posterior: Posterior, others: Mapping[str, Posterior], limits: Thresholds) -> Reason | None:
    points = {posterior.method: posterior.point, **{name: other.point for name, other in others.items()}}
    low, high = min(points, key=points.__getitem__), max(points, key=points.__getitem__)
    ratio = points[high] / points[low]
    text = (
        f"methods that all allow for dependence differ by a factor {ratio:.1f}: "
        f"{points[low]:,.0f} ({low}) against {points[high]:,.0f} ({high})"
    )
    return above(
        ratio, limits.disagreement, "disagreement", text, more={"lowest": points[low], "highest": points[high]}
    )


def _width(posterior: Posterior, limits: Thresholds) -> Reason | None:
    low, high = posterior.distribution.quantile([0.025, 0.975])
    return width_found(float(high / low) if low > 0 else math.inf, limits)


def _narrower(posterior: Posterior, others: Mapping[str, Posterior], limits: Thresholds) -> Reason | None:
    averages = {name: _log_width(other) for name, other in others.items() if other.kind == "posterior"}
    own = _log_width(posterior)
    if not averages or not own > 0:
        return None
    widest = max(averages, key=averages.__getitem__)
    low, high = others[widest].distribution.quantile([0.025, 0.975])
    text = f"the 95% interval is too narrow beside the {widest}, which reaches from {low:,.0f} to {high:,.0f}"
    figures = {"lowest": float(low), "highest": float(high)}
    return above(averages[widest] / own, limits.narrower, "narrower", text, more=figures)


def _log_width(posterior: Posterior) -> float:
    low, high = posterior.distribution.quantile([0.025, 0.975])
    return float(np.log(high / low)) if low > 0 else math.inf


def _grid_end_mass(posterior: Posterior) -> float:
    return max(posterior.distribution.beyond, posterior.diagnostics.get("grid_end_mass", 0.0))


def _grid_end(posterior: Posterior, limits: Thresholds) -> Reason | None:
    mass = _grid_end_mass(posterior)
    text = f"{mass:.1%} of the probability lies at the end of the range of N that was computed, or beyond it"
    return above(mass, limits.grid_end, "grid_end", text)


def _sampling(posterior: Posterior, limits: Thresholds) -> Reason | None:
    share = posterior.diagnostics["unreliable_weight"]
    text = f"models with {share:.0%} of the probability could not be sampled reliably"
    return above(share, limits.sampling, "sampling", text)


def _correction(posterior: Posterior, limits: Thresholds) -> Reason | None:
    share = 1.0 - posterior.diagnostics["corrected_weight"]
    text = f"models with {share:.0%} of the probability were not checked by sampling; the weight is spread very thinly"
    return above(share, limits.correction, "correction", text)


def _monte_carlo(posterior: Posterior, limits: Thresholds) -> Reason | None:
    error = posterior.diagnostics.get("mc_error", 0.0)
    text = f"the upper end of the interval is known to {error:.0%} only: too few importance draws carry it"
    return above(error, limits.monte_carlo, "monte_carlo", text)
