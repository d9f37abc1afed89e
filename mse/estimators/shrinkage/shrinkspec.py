"""Options of shrinkage, and the order of its largest term."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mse.errors import Problem
from mse.estimators.registry import ALL_ORDERS as ALL_ORDERS
from mse.estimators.stratified.declared import Wheres, check_declared
from mse.settings.optionchecks import check_draws, check_order, check_types, raise_if_any

COMMON_SD, MANY_COMMON_SD = (0.03,), (0.0, 0.12)
"""Usual values of s_m: beside a Rasch model, and on lists so many that there is none to shrink towards."""


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
        As in `CovariatesSpec`; each of them asks for strata.
    """

    pair_sd: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)
    ratio: tuple[float, ...] = (0.25, 0.5)
    common_sd: tuple[float, ...] | None = None
    visibility: tuple[float, ...] = (0.0, 0.4, 0.8, 1.2)
    main_sd: float = 3.0
    max_order: int | None = None
    saturated: bool | None = None
    draws: int = 10_000
    strata: bool = False
    blind: Mapping[str, Wheres] = field(default_factory=dict)
    missing: Mapping[str, Wheres] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every option, and say all that is wrong at once."""
        check_types(self)
        common = common_values(self, False)
        problems = [
            Problem(f"`{name}` has no value, or one out of range", allowed, "give for example " + example,
                    value=str(tuple(values)))
            for name, values, least, allowed, example in (
                ("pair_sd", self.pair_sd, 1e-3, "numbers from 0.001 to 10", "pair_sd=(0.1, 0.2, 0.4)"),
                ("ratio", self.ratio, 1e-2, "numbers from 0.01 to 10", "ratio=(0.5, 1.0)"),
                ("common_sd", common, 0.0, "numbers from 0 to 10", "common_sd=(0.0, 0.2)"),
                ("visibility", self.visibility, 0.0, "numbers from 0 to 10", "visibility=(0.0, 0.8)"),
            )
            if not values or not all(least <= x <= 10.0 for x in values)
        ]  # fmt: skip
        if not 1e-2 <= self.main_sd <= 1e2:
            problems.append(Problem("`main_sd` is out of range", "a number from 0.01 to 100", "leave it at 3",
                                    value=str(self.main_sd)))  # fmt: skip
        problems += check_declared(blind=self.blind, missing=self.missing)
        raise_if_any([*problems, *check_order(self.max_order), *check_draws(self.draws)])

    @property
    def by_stratum(self) -> bool:
        """Whether strata are estimated."""
        return self.strata or bool(self.blind or self.missing)


def common_values(spec: ShrinkageSpec, many: bool) -> tuple[float, ...]:
    """Return the values of s_m; `many` when there is no Rasch model to shrink towards."""
    if spec.common_sd is not None:
        return spec.common_sd
    return MANY_COMMON_SD if many else COMMON_SD


def largest_term(n_lists: int, spec: ShrinkageSpec) -> int:
    """Return the number of lists in the largest term of the model."""
    saturated = n_lists <= ALL_ORDERS if spec.saturated is None else spec.saturated
    most = n_lists if saturated else max(n_lists - 1, 1)
    if spec.max_order is not None:
        return min(spec.max_order, most)
    return most if n_lists <= ALL_ORDERS else 2
