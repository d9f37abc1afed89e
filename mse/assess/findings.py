"""Findings on an answer, on how it was computed, and on what the assessment of it showed: one rule a function."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.estimates import Level, Reason
from mse.answers.posterior import Posterior
from mse.assess.knownsizes import SizesFound, sizes_found
from mse.assess.robustness import CELLS, WITHOUT_LIST, WITHOUT_REFERRALS
from mse.kernels.arrays import Array
from mse.words.said import from_json

if TYPE_CHECKING:
    import pandas as pd

    from mse.assess.rules import Thresholds
    from mse.words.said import Value

UNSETTLED = frozenset({"converged", "draws", "divergences", "energy"})
"""Rules whose refusal says that the computation has not settled, and nothing about the data."""

MATERIAL = 1.1
"""Factor by which the estimate of a known size must be off to count as a miss."""

Checked = tuple[str, Reason | None]
"""Code of a rule that could be applied, and what it found."""


def above(
    figure: float, limits: tuple[float, float], code: str, *,
    names: Mapping[str, Value] | None = None, more: Mapping[str, float] | None = None,
) -> Reason | None:  # fmt: skip
    """Return the reason when `figure` reaches the first (caution) or second (forbidding) limit.

    A figure that is no number counts as infinite: what could not be computed speaks for nothing.
    """
    return _beyond(math.inf if math.isnan(figure) else figure, limits, code, operator.ge, "from", names, more)


def below(
    figure: float, limits: tuple[float, float], code: str, *,
    names: Mapping[str, Value] | None = None, more: Mapping[str, float] | None = None,
) -> Reason | None:  # fmt: skip
    """Return the reason when `figure` is below the first (caution) or second (forbidding) limit.

    A figure that is no number counts as 0.
    """
    return _beyond(0.0 if math.isnan(figure) else figure, limits, code, operator.lt, "below", names, more)


def _beyond(
    figure: float, limits: tuple[float, float], code: str, passes: Callable[[float, float], bool], side: str,
    names: Mapping[str, Value] | None, more: Mapping[str, float] | None,
) -> Reason | None:  # fmt: skip
    """Return the reason when a figure passes a limit, with the names and other figures that its sentence tells."""
    caution, forbid = limits
    if not passes(figure, caution):
        return None
    level: Level = "do not publish" if passes(figure, forbid) else "publish with caution"
    figures = {"figure": figure, f"caution_{side}": caution, f"forbid_{side}": forbid, **(more or {})}
    return Reason(code, level, figures, dict(names or {}))


def doubtful(
    figure: float, limit: float, code: str, *, least: bool = False, more: Mapping[str, float] | None = None
) -> Reason | None:
    """Return the reason for caution when `figure` reaches a limit, or falls below it; no such rule forbids."""
    passed = figure >= limit if least else figure < limit
    name = "caution_below" if least else "caution_from"
    figures = {"figure": figure, name: limit, **(more or {})}
    return None if passed else Reason(code, "publish with caution", figures)


def lists_found(active: int, limits: Thresholds) -> Reason | None:
    """Hold the number of lists with anybody on them against its limits."""
    return below(active, limits.lists, "lists")


def observed_found(persons: int, limits: Thresholds) -> Reason | None:
    """Hold the number of persons observed against its limits."""
    return below(persons, limits.observed, "observed")


def below_observed_found(low: float, persons: int) -> Reason | None:
    """Hold the lower end of the interval against the persons observed."""
    return below(low, (persons, persons), "below_observed") if low < persons - 0.5 else None


def width_found(ratio: float, limits: Thresholds) -> Reason | None:
    """Hold the upper over the lower end of the interval against its limits."""
    return above(ratio, limits.width, "width")


def converged_found(rhat: float, limits: Thresholds) -> Reason | None:
    """Hold the largest R-hat against its limits; one that is no number is infinite."""
    rhat = rhat if math.isfinite(rhat) else math.inf
    return above(rhat, limits.converged, "converged")


def draws_found(effective: float, limits: Thresholds) -> Reason | None:
    """Hold the effective draws, where they are fewest, against their limits."""
    effective = 0.0 if math.isnan(effective) else effective
    return below(effective, limits.draws, "draws")


def computing(posterior: Posterior, limits: Thresholds) -> Iterator[Checked]:
    """Yield the rules on priors, chains and searches that the diagnostics of a posterior allow for."""
    yield from _priors(posterior.diagnostics, limits)
    yield from _chains(posterior.diagnostics, limits)
    yield from _searches(posterior, limits)
    yield from _links(posterior, limits)


def not_settled(posterior: Posterior, limits: Thresholds) -> Reason | None:
    """Return the gravest reason why the chains of an answer must not be used at all; None when they may be."""
    found = (reason for code, reason in computing(posterior, limits) if code in UNSETTLED)
    return next((reason for reason in found if reason is not None and reason.level == "do not publish"), None)


def _priors(found: Mapping[str, float], limits: Thresholds) -> Iterator[Checked]:
    if "prior_factor" in found:
        factor = found["prior_factor"]
        yield "prior", above(factor, limits.prior, "prior")
    if "alpha_prior_factor" in found:
        factor = found["alpha_prior_factor"]
        yield "class_prior", above(factor, limits.prior, "class_prior")
    if "prior_k" in found:
        yield "prior_checked", doubtful(found["prior_k"], limits.prior_k, "prior_checked")
    elif "alpha_prior_weights" in found:
        weights = found["alpha_prior_weights"]
        yield "prior_checked", doubtful(weights, limits.prior_weights, "prior_checked", least=True)


def _chains(found: Mapping[str, float], limits: Thresholds) -> Iterator[Checked]:
    if "rhat_max" in found:
        yield "converged", converged_found(found["rhat_max"], limits)
    if "ess_bulk_min" in found:
        # A minimum keeps what is no number only where it comes first.
        both = (found["ess_bulk_min"], found.get("ess_tail_min", math.inf))
        yield "draws", draws_found(math.nan if any(map(math.isnan, both)) else min(both), limits)
    if "divergent_share" in found:
        share = found["divergent_share"]
        yield "divergences", above(share, limits.divergences, "divergences")
    if "ebfmi_min" in found:
        energy = found["ebfmi_min"]
        yield "energy", below(energy, limits.energy, "energy")
    if "max_depth_share" in found:
        share = found["max_depth_share"]
        yield "depth", doubtful(share, limits.depth, "depth")
    if "last_class" in found:
        share = found["last_class"]
        yield "last_class", above(share, limits.last_class, "last_class")
    predicted = {name: found[name] for name in ("ppc_p", "ppc_p_pairs_min", "ppc_p_three") if name in found}
    if predicted:
        p = float(np.minimum(1.0, len(predicted) * np.min(list(predicted.values()))))
        more = predicted if len(predicted) > 1 else {}
        yield "predictive", below(p, limits.predictive, "predictive", more=more)
    if "loo_k_bad" in found:
        share = found["loo_k_bad"]
        yield "loo", above(share, limits.loo, "loo")


def _searches(posterior: Posterior, limits: Thresholds) -> Iterator[Checked]:
    found = posterior.diagnostics
    if "visited" in found:
        share = found["visited"]
        yield "visited", below(share, limits.visited, "visited")
    if "walks_rhat" in found:
        rhat = found["walks_rhat"]
        yield "walks", doubtful(rhat, limits.walks, "walks")


def _links(posterior: Posterior, limits: Thresholds) -> Iterator[Checked]:
    """Yield what the linkage behind a table found and missed, as far as its registers could tell."""
    found = posterior.diagnostics
    if "linkage_unknown" in found:
        yield "recall_unknown", Reason("recall_unknown", "publish with caution")
    if "linkage_recall" in found:
        recall, implied = found["linkage_recall"], found["linkage_implied"]
        low, high = (float(posterior.distribution.quantile(q)) for q in (0.025, 0.975))
        caution, forbid = limits.recall
        held = low <= implied <= high
        figures = {"figure": recall, "caution_below": caution, "forbid_below": forbid, "implied": implied}
        level: Level = "do not publish" if recall < forbid and not held else "publish with caution"
        quiet = recall >= (forbid if held else caution)
        yield "recall", None if quiet else Reason("recall", level, figures)


def assessing(
    tables: Mapping[str, pd.DataFrame], limits: Thresholds, known: SizesFound | None = None
) -> Iterator[Checked]:
    """Yield the rules on an assessment, as far as its tables are there; `known` where it has no known sizes itself."""
    if "robustness" in tables:
        yield from _robustness(tables["robustness"], limits)
    if "linkage_error" in tables:
        yield "linkage", _linkage(tables["linkage_error"], limits)
    known = sizes_found(tables["consistency"]) if "consistency" in tables else known
    if known is not None:
        yield "known_sizes", _known_sizes(known, limits)
        yield "known_bias", _known_bias(known, limits)
    if "fit" in tables:
        yield "fit", _fit(tables["fit"], limits)
    if "coverage" in tables:
        yield "coverage", _coverage(tables["coverage"], limits)


def _robustness(frame: pd.DataFrame, limits: Thresholds) -> Iterator[Checked]:
    for code, kinds, allowed in (
        ("left_out", (WITHOUT_LIST,), limits.left_out),
        ("one_person", CELLS, limits.one_person),
        ("referrals", (WITHOUT_REFERRALS,), limits.referrals),
    ):
        part = frame[frame["change"].isin(kinds) & np.isfinite(frame["ratio"])]
        if len(part):
            factors = np.exp(np.abs(np.log(part["ratio"].to_numpy(dtype=np.float64))))
            worst = int(factors.argmax())
            figure, what = float(factors[worst]), str(part["what"].iloc[worst])
            yield code, above(figure, allowed, code, names={"what": what})


def _linkage(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    points = frame["point"].to_numpy(dtype=np.float64)
    base = points[(frame["alpha"] == 0) & (frame["beta"] == 0)]
    if not len(base):
        return None
    factor = float(np.nanmax(np.exp(np.abs(np.log(points / base[0])))))
    return above(factor, limits.linkage, "linkage")


def _median(values: Array) -> float:
    ordered = sorted(values.tolist())
    return float(0.5 * (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]))


def _known_sizes(found: SizesFound, limits: Thresholds) -> Reason | None:
    if len(found.log_bias) < 2:
        return None
    # On large registers intervals are so narrow that a miss by a percent, of which nobody would speak, is a miss.
    each = zip(found.covered.tolist(), found.log_bias.tolist(), strict=True)
    missed = sum(not covered and abs(bias) >= math.log(MATERIAL) for covered, bias in each)
    tried = len(found.log_bias)
    share = missed / tried
    ratio = math.exp(_median(found.log_bias))
    more = {"tried": float(tried), "missed": float(missed), "ratio": ratio}
    return above(share, limits.known_sizes, "known_sizes", more=more)


def _known_bias(found: SizesFound, limits: Thresholds) -> Reason | None:
    """Hold the middle of the known sizes over what the other lists give, where every list comes out too low."""
    bias = found.log_bias
    if len(bias) < 2 or not (bias < 0.0).all():
        return None
    ratio = math.exp(_median(bias))
    return above(1.0 / ratio, limits.known_bias, "known_bias", more={"tried": float(len(bias)), "ratio": ratio})


def _fit(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    p_values = frame["p_value"].to_numpy(dtype=np.float64)
    p = float(min(1.0, p_values.min() * len(frame)))
    worst = frame.iloc[int(p_values.argmin())]
    what = from_json(worst.get("said")).get("history", (str(worst["history"]),))[0]
    return below(p, limits.fit, "fit", names={"what": what})


def _coverage(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    part = frame[frame["truth"] == "fitted model"]
    if not len(part) or not np.isfinite(part["covered"].iloc[0]):
        return None
    covered, prob = float(part["covered"].iloc[0]), float(part["prob"].iloc[0])
    short = prob - covered
    return above(short, limits.coverage, "coverage", more={"covered": covered, "claimed": prob})
