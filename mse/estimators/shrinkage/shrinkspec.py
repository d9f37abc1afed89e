"""Options of shrinkage, and the order of its largest term."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Annotated

from mse.estimators.registry import ALL_ORDERS as ALL_ORDERS
from mse.estimators.stratified.declared import Blind, Missing
from mse.estimators.visibilitylaw import VISIBILITY
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between, Check, Draws, Order
from mse.words.said import said

COMMON_SD, MANY_COMMON_SD = (0.03,), (0.0, 0.12)
"""Usual values of s_m: beside a Rasch model, and on lists so many that there is none to shrink towards."""


_SOME = Check(said("example.one_value"), lambda values: not values)
PairSds = Annotated[tuple[Annotated[float, Between(0.001, 10)], ...], _SOME]
Ratios = Annotated[tuple[Annotated[float, Between(0.01, 10)], ...], _SOME]
Scales = Annotated[tuple[Annotated[float, Between(0, 10)], ...], _SOME]


@dataclass(frozen=True, slots=True)
class ShrinkageSpec:
    """Options of shrinkage.

    Parameters
    ----------
    pair_sd, ratio, common_sd : tuple of float
        Values over which the scales are integrated, with equal weights: s₂, the standard deviation of pairs about their
        common part; r, by which it falls with every further list in a term (with r = ½ log odds ratios of every order
        have one standard deviation, 4 s₂); s_m, that of the common part; None
        takes `COMMON_SD`, or `MANY_COMMON_SD` on more than eight lists.
    visibility : tuple of float
        Values of τ, likewise: interactions are shrunk towards a Rasch model in which the log odds of persons to be on a
        list have this standard deviation; 0 is independence.
    main_sd : float
        Prior standard deviation of the list effects.
    max_order : int or None
        Largest number of lists in one term; None takes every order up to eight lists, and pairs for more.
    saturated : bool or None
        Whether the term of all lists, about which the data say nothing by themselves, is in the model too, with a prior
        of the same kind, so that the interval holds departures from the identifying assumption as large as the
        interactions that are seen; None puts it in on up to eight lists.
    draws : int
        Draws of N to store.
    strata : bool
        Estimate every stratum, with coefficients of its own and scales that all share.
    blind, missing
        See `mse.estimators.stratified.declared`; each of them asks for strata.
    """

    pair_sd: PairSds = (0.05, 0.1, 0.2, 0.4)
    ratio: Ratios = (0.25, 0.5)
    common_sd: Scales | None = None
    visibility: Scales = VISIBILITY
    main_sd: Annotated[float, Between(0.01, 100)] = 3.0
    max_order: Order | None = None
    saturated: bool | None = None
    draws: Draws = 10_000
    strata: bool = False
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    @property
    def by_stratum(self) -> bool:
        """Whether strata are estimated."""
        return self.strata or bool(self.blind or self.missing)


@cache
def usual_spec() -> ShrinkageSpec:
    """Return the usual options."""
    return ShrinkageSpec()


def common_values(spec: ShrinkageSpec, many: bool) -> tuple[float, ...]:
    """Return the values of s_m; `many` when there is no Rasch model to shrink towards."""
    if spec.common_sd is not None:
        return spec.common_sd
    return MANY_COMMON_SD if many else COMMON_SD


def largest_term(n_lists: int, spec: ShrinkageSpec, saturated: bool | None = None) -> int:
    """Return the number of lists in the largest term of the model; `saturated` stands in for that of the options."""
    asked = spec.saturated if saturated is None else saturated
    whole = n_lists <= ALL_ORDERS if asked is None else asked
    most = n_lists if whole else max(n_lists - 1, 1)
    if spec.max_order is not None:
        return min(spec.max_order, most)
    return most if n_lists <= ALL_ORDERS else 2
