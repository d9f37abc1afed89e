"""The verdict on an answer from one register: rules with stated thresholds, as for tables of lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from mse.answers.estimates import LEVELS, Reason, Verdict
from mse.answers.posterior import Posterior
from mse.assess.findings import above, below, below_observed_found, doubtful
from mse.assess.parts import worst
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between
from mse.tables.repeats import RepeatCounts

Limits = tuple[Annotated[float, Between(0)], Annotated[float, Between(0)]]

BOUNDS = ("chao", "chao-one-inflated")
"""Families whose number is a lower bound where their assumption holds."""


@dataclass(frozen=True, slots=True)
class RegisterThresholds:
    """What each rule holds its figure against: the first value asks for caution, the second forbids.

    Parameters
    ----------
    observed : tuple of float
        Fewer persons than this.
    repeated : tuple of float
        Fewer persons who were registered twice or more.
    in_view : tuple of float
        Smaller share of the population in the register.
    width : tuple of float
        Upper over lower end of the 95 % interval.
    inflation : tuple of float
        Factor between the answers with and without too many ones, where neither can be ruled out.
    inflation_doubt : float
        Probability that the less likely of these two must have.
    ones_taken : float
        Probability of too many ones from which on caution is asked: a few who are registered far more often than the
        others look the same, and are many more.
    register_fit : float
        p-value of the frequencies under the answer, below which caution is asked.
    """

    observed: Limits = (100.0, 10.0)
    repeated: Limits = (30.0, 5.0)
    in_view: Limits = (0.2, 0.05)
    width: Limits = (4.0, 10.0)
    inflation: Limits = (2.0, 6.0)
    inflation_doubt: Annotated[float, Between(0, 1)] = 0.05
    ones_taken: Annotated[float, Between(0, 1)] = 0.9
    register_fit: Annotated[float, Between(0, 1)] = 0.01

    def __post_init__(self) -> None:
        """Check every threshold."""
        check_spec(self)


RULES = ("observed", "repeated", "below_observed", "in_view", "width", "inflation", "ones_taken", "one_family",
         "register_bound", "register_fit")  # fmt: skip
"""Codes of the rules, in the order in which they are applied."""


def judge_register(posterior: Posterior, table: RepeatCounts, thresholds: RegisterThresholds | None = None) -> Verdict:
    """Say how far an answer from one register may be believed.

    Only the average over shapes with departures inside can be published without caution: one family takes for granted
    how the rates of those never registered are spread.
    """
    limits = thresholds or RegisterThresholds()
    low, middle, high = posterior.distribution.quantile([0.025, 0.5, 0.975])
    found = posterior.diagnostics
    repeated = float(table.counts[table.registrations > 1].sum())
    reasons: list[Reason | None] = [
        below(table.observed, limits.observed, "observed"),
        below(repeated, limits.repeated, "repeated"),
        below_observed_found(float(low), table.observed),
        below(table.observed / float(middle), limits.in_view, "in_view"),
        above(float(high / low) if low > 0 else np.inf, limits.width, "width"),
    ]
    checked = {"observed", "repeated", "below_observed", "in_view", "width", "one_family", "register_bound"}
    family = str(posterior.spec.get("family"))
    if family in BOUNDS:
        reasons.append(Reason("register_bound", "publish with caution"))
    elif posterior.identified is None:
        reasons.append(Reason("one_family", "publish with caution"))
    if "weight_one_inflated" in found:
        checked.add("ones_taken")
        if found["weight_one_inflated"] >= limits.ones_taken:
            reasons.append(Reason("ones_taken", "publish with caution"))
    if "inflation_factor" in found:
        checked.add("inflation")
        doubt = min(found["weight_one_inflated"], 1.0 - found["weight_one_inflated"])
        if doubt >= limits.inflation_doubt:
            sizes = {"plain": found["size_plain"], "inflated": found["size_one_inflated"]}
            reasons.append(above(found["inflation_factor"], limits.inflation, "inflation", more=sizes))
    p_value = found.get("chi_square_p", np.nan)
    if np.isfinite(p_value):
        checked.add("register_fit")
        reasons.append(doubtful(p_value, limits.register_fit, "register_fit", least=True))
    ordered = sorted((r for r in reasons if r is not None), key=lambda r: -LEVELS.index(r.level))
    return Verdict(worst(ordered), tuple(ordered), tuple(rule for rule in RULES if rule in checked), ())


def judged_register(
    posterior: Posterior, table: RepeatCounts, thresholds: RegisterThresholds | None = None
) -> Posterior:
    """Return the answer with its verdict."""
    return replace(posterior, verdict=judge_register(posterior, table, thresholds))
