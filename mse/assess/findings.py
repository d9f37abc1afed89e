"""Findings on how an answer was computed, and on what the assessment of it showed: one rule a function."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mse.estimates import Level, Reason
from mse.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd

    from mse.assess.verdict import Thresholds

Checked = tuple[str, Reason | None]
"""Code of a rule that could be applied, and what it found."""


def above(
    figure: float,
    limits: tuple[float, float],
    code: str,
    text: str,
    *,
    names: Mapping[str, str] | None = None,
    more: Mapping[str, float] | None = None,
) -> Reason | None:
    """Return the reason when `figure` reaches the first (caution) or second (forbidding) limit."""
    caution, forbid = limits
    if not figure >= caution:
        return None
    level: Level = "do not publish" if figure >= forbid else "publish with caution"
    figures = {"figure": figure, "caution_from": caution, "forbid_from": forbid, **(more or {})}
    return Reason(code, level, text, figures, dict(names or {}))


def below(
    figure: float,
    limits: tuple[float, float],
    code: str,
    text: str,
    *,
    names: Mapping[str, str] | None = None,
    more: Mapping[str, float] | None = None,
) -> Reason | None:
    """Return the reason when `figure` is below the first (caution) or second (forbidding) limit."""
    caution, forbid = limits
    if not figure < caution:
        return None
    level: Level = "do not publish" if figure < forbid else "publish with caution"
    figures = {"figure": figure, "caution_below": caution, "forbid_below": forbid, **(more or {})}
    return Reason(code, level, text, figures, dict(names or {}))


def computing(posterior: Posterior, limits: Thresholds) -> Iterator[Checked]:
    """Yield the rules on chains and searches that the diagnostics of a posterior allow for."""
    found = posterior.diagnostics
    if "rhat_max" in found:
        rhat = found["rhat_max"] if math.isfinite(found["rhat_max"]) else math.inf
        yield "converged", above(
            rhat, limits.converged, "converged",
            f"the chains do not agree: the largest R-hat is {rhat:.3f}; run longer, or choose a simpler model",
        )  # fmt: skip
    if "ess_bulk_min" in found:
        ess = min(found["ess_bulk_min"], found.get("ess_tail_min", math.inf))
        yield "draws", below(
            ess if math.isfinite(ess) else 0.0, limits.draws, "draws",
            f"the chains are worth only {ess:,.0f} independent draws where they are worst; run longer",
        )  # fmt: skip
    if "divergent_share" in found:
        share = found["divergent_share"]
        yield "divergences", above(
            share, limits.divergences, "divergences",
            f"{share:.2%} of the draws diverged: parts of the posterior may not have been reached",
        )  # fmt: skip
    if "ebfmi_min" in found:
        energy = found["ebfmi_min"]
        yield "energy", below(
            energy, limits.energy, "energy",
            f"the chains explore the posterior slowly: the smallest E-BFMI is {energy:.2f}",
        )  # fmt: skip
    if "ppc_p" in found:
        p = found["ppc_p"]
        two_sided = 2.0 * min(p, 1.0 - p)
        yield "predictive", below(
            two_sided, limits.predictive, "predictive",
            f"the model does not predict the overlap counts that were seen: posterior predictive p = {two_sided:.3f}",
        )  # fmt: skip
    if "loo_k_bad" in found:
        share = found["loo_k_bad"]
        yield "loo", above(
            share, limits.loo, "loo",
            f"{share:.0%} of the strata sway the model by themselves (Pareto k above 0.7 when they are left out)",
        )  # fmt: skip
    if "visited" in found:
        share = found["visited"]
        # What search-average has not visited is in its answer all the same: walks over models stand for it.
        allowed = (limits.visited[0], 0.0) if posterior.method == "search-average" else limits.visited
        yield "visited", below(
            share, allowed, "visited",
            f"the search has seen models with about {share:.0%} of the probability only; run it longer",
        )  # fmt: skip


def assessing(tables: Mapping[str, pd.DataFrame], limits: Thresholds) -> Iterator[Checked]:
    """Yield the rules on an assessment, as far as its tables are there."""
    if "robustness" in tables:
        yield from _robustness(tables["robustness"], limits)
    if "linkage_error" in tables:
        yield "linkage", _linkage(tables["linkage_error"], limits)
    if "consistency" in tables:
        yield "known_sizes", _known_sizes(tables["consistency"], limits)
    if "fit" in tables:
        yield "fit", _fit(tables["fit"], limits)
    if "coverage" in tables:
        yield "coverage", _coverage(tables["coverage"], limits)


def _robustness(frame: pd.DataFrame, limits: Thresholds) -> Iterator[Checked]:
    for code, start, allowed, text in (
        ("left_out", "without list", limits.left_out,
         "the estimate moves by a factor {figure:.2f} when the list {what} is left out"),
        ("one_person", "cell", limits.one_person,
         "the estimate moves by a factor {figure:.2f} when one person more or less is on {what}"),
        ("referrals", "without referrals", limits.referrals,
         "the estimate moves by a factor {figure:.2f} when persons sent from one list to another count once"),
    ):  # fmt: skip
        part = frame[frame["change"].str.startswith(start) & np.isfinite(frame["ratio"])]
        if len(part):
            factors = np.exp(np.abs(np.log(part["ratio"].to_numpy(dtype=np.float64))))
            worst = int(factors.argmax())
            figure, what = float(factors[worst]), str(part["what"].iloc[worst])
            yield code, above(figure, allowed, code, text.format(figure=figure, what=what), names={"what": what})


def _linkage(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    points = frame["point"].to_numpy(dtype=np.float64)
    base = points[(frame["alpha"] == 0) & (frame["beta"] == 0)]
    if not len(base):
        return None
    factor = float(np.nanmax(np.exp(np.abs(np.log(points / base[0])))))
    text = f"a few errors of linkage would move the estimate by a factor {factor:.2f}"
    return above(factor, limits.linkage, "linkage", text)


def _known_sizes(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    tried = frame[frame["status"] == "ok"]
    if len(tried) < 2:
        return None
    covered = tried["covered"].astype(bool)
    share = float(1.0 - covered.mean())
    bias = float(np.median(tried["log_bias"]))
    text = (
        f"of {len(tried)} lists whose size is known, {int((~covered).sum())} are outside the interval that the other "
        f"lists give; the middle estimate is {np.exp(bias):.2f} times the known size"
    )
    more = {"tried": float(len(tried)), "missed": float((~covered).sum()), "ratio": float(np.exp(bias))}
    return above(share, limits.known_sizes, "known_sizes", text, more=more)


def _fit(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    p_values = frame["p_value"].to_numpy(dtype=np.float64)
    p = float(min(1.0, p_values.min() * len(frame)))
    what = str(frame["history"].iloc[int(p_values.argmin())])
    text = f"the models do not predict how many are on {what}: p = {p:.3f} after allowing for {len(frame)} counts"
    return below(p, limits.fit, "fit", text, names={"what": what})


def _coverage(frame: pd.DataFrame, limits: Thresholds) -> Reason | None:
    part = frame[frame["truth"] == "fitted model"]
    if not len(part) or not np.isfinite(part["covered"].iloc[0]):
        return None
    covered, prob = float(part["covered"].iloc[0]), float(part["prob"].iloc[0])
    text = f"on tables simulated from the fitted model, intervals that claim {prob:.0%} hold the truth in {covered:.0%}"
    short = prob - covered
    return above(short, limits.coverage, "coverage", text, more={"covered": covered, "claimed": prob})
