"""The rules of the verdict: their order, and what each holds its figure against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated

from mse.estimators.registry import Basis as Basis
from mse.settings.specchecks import Placed, check_spec, setting_problem
from mse.settings.specfields import Between, settings_of
from mse.words.said import said

Limit = Annotated[float, Between(0)]
Limits = tuple[Limit, Limit]
Persons = tuple[Annotated[int, Between(0)], Annotated[int, Between(0)]]


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
    recall : tuple of float
        Share of the links between lists that the linkage finds, below which the interval has to hold what the others
        would make of the estimate.
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
    unverified : float
        Probability on models whose approximation sampling could not check, from which caution is asked.
    walks : float
        R-hat of the walks that estimate `visited`, from which caution is asked.
    parts : float
        Share of the parts of the headline breakdown that may not be cited on their own, from which caution is asked.
    nested : int
        Persons on a list that lies wholly inside another, from which caution is asked.
    outside : int
        Fewer persons than this who are not on the largest list, from which caution is asked.
    bound : float
        Chao's lower bound over the upper end of the 95 % interval, above which caution is asked.
    aggregate : tuple of float
        Probability that the lists alone give to fewer persons than a supplier without persons counted.
    deviance : float
        p-value of the deviance of a single model on its degrees of freedom, below which caution is asked.
    """

    lists: Persons = (4, 3)
    observed: Persons = (100, 10)
    hump_weight: Limit = 0.1
    hump_ratio: Limits = (1.25, 3.0)
    disagreement: Limits = (1.5, 2.5)
    prior: Limits = (1.15, 1.5)
    pair_share: Limits = (0.7, 0.9)
    width: Limits = (4.0, 12.5)
    grid_end: Limits = (0.001, 0.01)
    sampling: Limits = (0.05, 0.25)
    correction: Limits = (0.5, 0.95)
    monte_carlo: Limits = (0.05, 0.25)
    narrower: Limits = (2.0, 4.0)
    converged: Limits = (1.01, 1.05)
    draws: Limits = (400.0, 100.0)
    divergences: Limits = (0.001, 0.01)
    energy: Limits = (0.3, 0.2)
    predictive: Limits = (0.05, 0.001)
    fit: Limits = (0.05, 0.001)
    loo: Limits = (0.1, 0.5)
    visited: Limits = (0.9, 0.5)
    left_out: Limits = (1.5, 4.0)
    one_person: Limits = (1.2, 2.0)
    referrals: Limits = (1.25, 2.0)
    linkage: Limits = (1.5, 3.0)
    recall: Limits = (0.95, 0.85)
    known_sizes: Limits = (0.5, 0.9)
    known_bias: Limits = (1.2, 2.5)
    coverage: Limits = (0.1, 0.25)
    prior_k: Limit = 0.7
    prior_weights: Limit = 0.05
    depth: Limit = 0.1
    last_class: Limits = (0.02, 0.2)
    unverified: Limit = 0.25
    walks: Limit = 1.05
    parts: Limit = 0.5
    nested: Annotated[int, Between(0)] = 10
    outside: Annotated[int, Between(0)] = 20
    bound: Limit = 1.0
    aggregate: Limits = (0.5, 0.975)
    deviance: Limit = 0.05

    def __post_init__(self) -> None:
        """Check every threshold."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield the pairs in which what forbids comes before what asks for caution."""
        for name, setting in settings_of(Thresholds).items():
            usual, pair = setting.default, getattr(self, name)
            if isinstance(usual, tuple):
                fewest = usual[0] > usual[1]
                if tuple(pair) != tuple(sorted(pair, reverse=fewest)):
                    allowed = said("allowed.caution_above") if fewest else said("allowed.caution_below")
                    yield (name,), setting_problem(setting, said("setting.order", name=name), allowed, pair)


@dataclass(frozen=True, slots=True)
class SurveyLimits:
    """What the verdict on a figure of a survey holds it against: the first value asks for caution, the second forbids.

    Parameters
    ----------
    answers : tuple of int
        Fewer answers than this.
    cases : tuple of int
        Fewer respondents than this who answered yes, or who answered no.
    degrees : tuple of int
        Fewer units less strata than this, from which the variance is estimated.
    width : tuple of float
        Upper over lower end of the interval.
    """

    answers: Persons = (100, 30)
    cases: Persons = (20, 10)
    degrees: Persons = (8, 2)
    width: Limits = (4.0, 10.0)

    def __post_init__(self) -> None:
        """Check every threshold."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield the pairs in which what forbids comes before what asks for caution."""
        for name, setting in settings_of(SurveyLimits).items():
            pair = tuple(getattr(self, name))
            if pair != tuple(sorted(pair, reverse=name != "width")):
                allowed = said("allowed.caution_below") if name == "width" else said("allowed.caution_above")
                yield (name,), setting_problem(setting, said("setting.order", name=name), allowed, pair)


@cache
def usual_thresholds() -> Thresholds:
    """Return the thresholds of the class, checked once."""
    return Thresholds()


RULES = (
    "lists", "observed", "below_observed", "no_overlap", "nested", "outside", "pair_share", "identifying",
    "one_model", "dependence", "deviance", "bound", "aggregate", "humps", "disagreement", "narrower", "prior", "width",
    "grid_end", "sampling", "unverified", "correction", "monte_carlo", "class_prior", "prior_checked", "converged",
    "draws", "divergences", "energy", "depth", "last_class", "predictive", "loo", "visited", "walks", "parts",
    "left_out", "one_person", "referrals", "linkage", "recall", "recall_unknown", "known_sizes", "known_bias",
    "fit", "coverage",
)  # fmt: skip
"""Codes of the rules, in the order in which they are applied."""
