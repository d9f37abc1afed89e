"""Options of the estimators for one register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mse.errors import Problem
from mse.estimators.repeats.countlaws import has_law
from mse.estimators.repeats.families import Family
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Draws, Formula, Resamples
from mse.words.said import said

Chosen = Literal["average"] | Family
Interval = Literal["log-normal", "normal", "parametric", "nonparametric"]


@dataclass(frozen=True, slots=True)
class RepeatsSpec:
    """Options of the estimators for one register.

    Parameters
    ----------
    family : str
        ``"average"``, over shapes of the rates with and without too many ones, or one family:
        ``"poisson"``, ``"geometric"``, ``"negbin"``, ``"zelterman"``, ``"chao"`` or
        ``"chao-one-inflated"``; see `mse.estimators.repeats.families`. Where ones follow no rule, before the name of
        the first three: ``"one-inflated-"``, ``"inflated-truncated-"``, ``"zero-one-truncated-"``, ``"hurdle-"`` or
        ``"hurdle-truncated-"``; see `mse.estimators.repeats.modified`.
    formula : str
        Covariates of the rate, ``"gender + age"``; ``"1"`` for none.
    exposure : str
        Covariate with the time that a person was at risk of being registered; empty for none.
    allowance : bool
        Make the interval of the average allow for departures learned from registers of known size.
    interval : str
        Of one family: ``"log-normal"`` on the unseen or ``"normal"`` on N, both with the delta method's variance;
        ``"parametric"`` bootstrap from the fitted counts (not for Zelterman and Chao, which leave other
        counts open), or ``"nonparametric"``, from the persons of the register: both draw how many are registered
        at all, and take the middle of the replicates.
    replicates : int
        Of the bootstrap.
    draws : int
        Draws of N to store.
    """

    family: Chosen = "average"
    formula: Formula = "1"
    exposure: str = ""
    allowance: bool = True
    interval: Interval = "log-normal"
    replicates: Resamples = 1000
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if self.family == "average" and self.interval != "log-normal":
            yield (
                ("interval",),
                Problem(said("fault.average_interval"), said("allowed.average_interval"), said("do.average_interval"),
                        value=self.interval),
            )  # fmt: skip
        if self.interval == "parametric" and self.family != "average" and not has_law(self.family):
            found = Problem(
                said("found.has_no_law_higher", family=self.family), said("allowed.log_normal_normal_nonparametric"),
                said("do.choose_nonparametric_bootstrap"), value="parametric",
            )  # fmt: skip
            yield ("interval",), found
