"""How many were never registered, from how often the others stand in one register: zero-truncated counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.normallaw import normal_law
from mse.estimators.repeats.countdraws import bootstrap_law
from mse.estimators.repeats.families import FAMILIES, PARTIAL, WORDS, CountFit, Family, fit_counts, unseen, used
from mse.settings.optionchecks import check_draws, check_least, check_types, raise_if_any
from mse.tables.covariates import Design, design
from mse.tables.repeats import RepeatCounts

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
Interval = Literal["log-normal", "normal", "parametric", "nonparametric"]

_LABELS: dict[Family, str] = {
    "poisson": "zero-truncated Poisson regression",
    "geometric": "zero-truncated geometric regression",
    "negbin": "zero-truncated negative binomial regression",
    "zelterman": "Zelterman's estimator",
    "chao": "Chao's lower bound",
    "chao-one-inflated": "one-inflated Chao estimator",
}
_HELD: dict[Family, str] = {
    "poisson": "persons with the same covariates are registered at the same rate: differences that the covariates "
    "do not show make the estimate too low",
    "geometric": "rates of persons with the same covariates follow an exponential law",
    "negbin": "rates of persons with the same covariates follow a gamma law",
    "zelterman": "persons registered never, once or twice follow one Poisson law given the covariates; those "
    "registered more often may differ. Remaining differences in rate inflate the estimate",
    "chao": "rates may differ between persons in any way: the estimate is then a lower bound",
    "chao-one-inflated": "persons registered never, twice or three times follow Poisson laws whose rates may differ; "
    "the number registered once takes no part: the estimate is then a lower bound",
}
_CITED: dict[Family, tuple[str, ...]] = {
    "poisson": (),
    "geometric": ("Niwitpong, Böhning, van der Heijden & Holling (2013) Capture-recapture estimation based upon the "
                  "geometric distribution allowing for heterogeneity. Metrika 76:495-519",),
    "negbin": ("Cruyff & van der Heijden (2008) Point and interval estimation of the population size using a "
               "zero-truncated negative binomial regression model. Biometrical Journal 50:1035-1050",),
    "zelterman": ("Zelterman (1988) Robust estimation in truncated discrete distributions. Journal of Statistical "
                  "Planning and Inference 18:225-237",
                  "Böhning & van der Heijden (2009) A covariate adjustment for zero-truncated approaches to "
                  "estimating the size of hidden and elusive populations. Annals of Applied Statistics 3:595-610"),
    "chao": ("Chao (1987) Estimating the population size for capture-recapture data with unequal catchability. "
             "Biometrics 43:783-791",
             "Böhning, Vidal-Diez, Lerdsuwansri, Viwatwongkasem & Arnold (2013) A generalization of Chao's estimator "
             "for covariate information. Biometrics 69:1033-1042"),
    "chao-one-inflated": ("Böhning, Kaskasamkul & van der Heijden (2019) A modification of Chao's lower bound "
                          "estimator in the case of one-inflation. Metrika 82:361-384",),
}  # fmt: skip
_ALWAYS = (
    "van der Heijden, Bustami, Cruyff, Engbersen & van Houwelingen (2003) Point and interval estimation of the "
    "population size using the truncated Poisson regression model. Statistical Modelling 3:305-322",
)


@dataclass(frozen=True, slots=True)
class RepeatsSpec:
    """Options of the estimators for one register.

    Parameters
    ----------
    family : str
        ``"poisson"``, ``"geometric"``, ``"negbin"``, ``"zelterman"``, ``"chao"`` or
        ``"chao-one-inflated"``; see `mse.estimators.repeats.families`.
    formula : str
        Covariates of the rate, ``"gender + age"``; ``"1"`` for none.
    interval : str
        ``"log-normal"`` on the unseen or ``"normal"`` on N, both with the delta method's variance;
        ``"parametric"`` bootstrap from the fitted counts (not for Zelterman and Chao, which leave other
        counts open), or ``"nonparametric"``, from the persons of the register: both draw how many are registered
        at all, and take the middle of the replicates.
    replicates : int
        Of the bootstrap.
    draws : int
        Draws of N to store.
    """

    family: Family = "poisson"
    formula: str = "1"
    interval: Interval = "log-normal"
    replicates: int = 1000
    draws: int = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_types(self)
        problems = []
        for what, value, allowed in (
            ("family", self.family, FAMILIES), ("interval", self.interval, get_args(Interval))
        ):  # fmt: skip
            if value not in allowed:
                problems.append(Problem(f"the {what} is unknown", ", ".join(allowed), "choose one", value=str(value)))
        if self.interval == "parametric" and self.family in PARTIAL:
            problems.append(
                Problem(
                    f"{self.family} has no law of the higher counts to draw from", "log-normal, normal, nonparametric",
                    "choose the nonparametric bootstrap", value="parametric",
                )
            )  # fmt: skip
        problems += check_least("replicates", self.replicates, 20, "take 1000") + check_draws(self.draws)
        raise_if_any(problems)


class Size(NamedTuple):
    """A population size with the two parts of its variance (van der Heijden et al. 2003, section 3).

    Parameters
    ----------
    observed : int
        Persons in the register.
    unseen : float
        Estimated number who are not.
    sampling, parameters : float
        Variance of N̂ because who is registered is chance, and because the rates are estimated (persons squared).
    """

    observed: int
    unseen: float
    sampling: float
    parameters: float

    @property
    def size(self) -> float:
        """N̂, persons."""
        return self.observed + self.unseen

    @property
    def se(self) -> float:
        """Standard error of N̂, persons."""
        return math.sqrt(self.sampling + self.parameters)

    @property
    def log_sd(self) -> float:
        """Standard deviation of log n̂_0 behind the log-normal interval."""
        return math.sqrt(math.log1p((self.se / self.unseen) ** 2)) if self.unseen > 0 else 0.0


def fit_repeats(table: RepeatCounts, family: Family = "poisson", formula: str = "1") -> tuple[CountFit, Design]:
    """Fit one family to a register.

    Raises
    ------
    ModelError
        When the formula does not suit the table, or there is no estimate; the message says which group it is.
    """
    source = f"table {table.name!r}"
    columns = design(table.covariates, len(table.counts), formula, source=source)
    fit = fit_counts(family, table.registrations, table.counts.astype(np.float64), columns.matrix)
    if fit.status != "fine":
        words = WORDS[fit.status]
        if family == "chao-one-inflated":
            words = words.replace("twice (or never once)", "three times (or never twice)")
        raise ModelError(
            Problem(
                f"{_LABELS[family]} gives no estimate: {words}{_lonely(table, formula)}",
                "a register in which every group of the formula has persons with one and with two registrations",
                "put levels together, leave a term out, or choose another family"
                if fit.status != "dispersion runs away"
                else "use the Chao or Zelterman estimator, or covariates that explain the differences in rate",
                file=source, value=f"{family}, formula {formula}",
            )
        )  # fmt: skip
    return fit, columns


def _lonely(table: RepeatCounts, formula: str) -> str:
    """Return which levels of the formula's covariates nobody with two registrations has."""
    found = []
    for name, column in table.covariates.items():
        if column.dtype.kind != "f" and name in formula:
            again = set(column[(table.registrations > 1)].tolist())
            found += [f"{name} = {level}" for level in np.unique(column).tolist() if level not in again]
    return f" ({'; '.join(found)})" if found else ""


def size_of(
    fit: CountFit, table: RepeatCounts, matrix: Array, rows: npt.NDArray[np.bool_] | None = None
) -> Size:  # fmt: skip
    """Return N̂ and its variance, for everybody or for the persons in some `rows` of the table."""
    persons = np.where(True if rows is None else rows, table.counts, 0).astype(np.float64)
    parts = unseen(fit, table.registrations, matrix)
    slope = matrix.T @ (persons * parts.gradient[:, 0])
    if parts.gradient.shape[1] > 1:
        slope = np.append(slope, persons @ parts.gradient[:, 1])
    return Size(
        int(persons.sum()), float(persons @ parts.each), float(persons @ parts.variance),
        float(slope @ fit.covariance @ slope),
    )  # fmt: skip


def subgroups(
    table: RepeatCounts, by: str | Sequence[str], family: Family = "poisson", formula: str = "1", *, prob: float = 0.95
) -> pd.DataFrame:
    """Return N̂ for every combination of levels of some covariates, from one fit to all; the parts add up.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    by : str or sequence of str
        Covariates; those of the formula, or others.
    family, formula
        As in `RepeatsSpec`.
    prob : float
        Probability of the log-normal intervals.

    Returns
    -------
    DataFrame
        The covariates, ``observed``, ``N``, ``se``, ``low``, ``high``.
    """
    import pandas as pd

    names = [by] if isinstance(by, str) else list(by)
    problems = [
        Problem("there is no such covariate", ", ".join(table.covariates) or "none", "correct the name", value=name)
        for name in names
        if name not in table.covariates
    ]
    if problems:
        raise ModelError(problems)
    fit, columns = fit_repeats(table, family, formula)
    labels = [tuple(table.covariates[name][k].item() for name in names) for k in range(len(table.counts))]
    out = []
    for label in sorted(set(labels)):
        found = size_of(fit, table, columns.matrix, np.array([x == label for x in labels]))
        law = Distribution.lognormal(found.observed, found.unseen, found.log_sd)
        low, high = law.quantile([(1 - prob) / 2, (1 + prob) / 2])
        out.append((*label, found.observed, found.size, found.se, float(low), float(high)))
    return pd.DataFrame(out, columns=[*names, "observed", "N", "se", "low", "high"])


def estimate(table: RepeatCounts, spec: RepeatsSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate the size of the population behind one register.

    Parameters
    ----------
    table : RepeatCounts
        How often persons were registered.
    spec : RepeatsSpec
        Family, covariates and interval.
    seed : int
        Seed of the bootstrap (one per replicate) and of the stored draws.
    compute : Compute, optional
        Workers of the bootstrap.

    Returns
    -------
    Posterior
        Sampling distribution of N̂. It has no verdict: the rules of `judge` are about lists.

    Raises
    ------
    ModelError
        When formula or family do not suit the table.

    References
    ----------
    van der Heijden et al. (2003) eqs 7-12: N̂ = Σ 1/(1 − p_i), its variance in two parts.
    """
    from mse.estimators.repeats.countfit import goodness_of_fit, heterogeneity, one_inflation

    fit, columns = fit_repeats(table, spec.family, spec.formula)
    found = size_of(fit, table, columns.matrix)
    extra: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    if spec.interval == "log-normal":
        law = Distribution.lognormal(found.observed, found.unseen, found.log_sd)
    elif spec.interval == "normal":
        law = normal_law(found.observed, found.size, found.se)
    else:
        law, lost = bootstrap_law(
            table, spec.interval, fit, columns.matrix, found.size, spec.replicates, seed, compute or Compute()
        )
        extra |= {"replicates": float(spec.replicates - lost), "replicates_lost": float(lost)}
        if lost:
            notes += (
                f"{lost:,} of {spec.replicates:,} bootstrap replicates had no estimate, probably a large one: "
                "the upper end of the interval is too low",
            )
    if spec.family not in PARTIAL:
        fitted = goodness_of_fit(table, fit, columns.matrix)
        extra |= {"chi_square": fitted.chi_square, "chi_square_df": float(fitted.df), "chi_square_p": fitted.p_value}
        if fitted.p_value < 0.05:
            notes += (f"the fitted frequencies do not match the observed ones: {fitted}",)
    other = heterogeneity(table, spec.formula)
    if other is not None:
        extra |= {"heterogeneity_z": other.z, "heterogeneity_p": other.p_value}
        if other.p_value < 0.05 and spec.family in ("poisson", "zelterman"):
            notes += (str(other),)
    ones = one_inflation(table)
    if ones is not None:
        extra |= {"one_inflation_z": ones.z, "one_inflation_p": ones.p_value, "ones_expected": ones.expected}
        if ones.p_value < 0.05 and spec.family != "chao-one-inflated":
            notes += (str(ones),)
    label, held = _LABELS[spec.family], _HELD[spec.family]
    if spec.family == "chao" and ones is not None and ones.p_value < 0.05:
        label, held = "Chao's estimate, no lower bound here", f"{held}, if not too many are registered once by mistake"
    parameters = float(fit.n_parameters)
    n_fit = float(table.counts[used(spec.family, table.registrations)].sum())
    bootstrap = spec.interval in ("parametric", "nonparametric")
    name = f"{spec.interval} bootstrap interval" if bootstrap else f"{spec.interval} interval"
    return Posterior(
        method=f"repeats-{spec.family}",
        kind="sampling distribution",
        table=table.name,
        table_digest=table.digest,
        lists=(),
        observed=table.observed,
        spec={**asdict(spec), "seed": seed},
        distribution=law,
        draws=law.draw(spec.draws, np.random.default_rng([seed, 0])),
        point=found.size,
        point_kind=f"{label}, {name}",
        inside=("who is registered and how often, if the model holds", "estimation of the rates"),
        outside=("the choice of family and covariates", "departures from the assumptions", "errors in recognising "
                 "persons in the register"),
        assumptions=(
            "the population is closed: nobody enters or leaves it during the period",
            "a registration changes neither the rate of later ones nor whether they are recognised",
            held,
        ),
        citations=(*_ALWAYS, *_CITED[spec.family]),
        diagnostics={
            "unseen": found.unseen, "se": found.se, "se_sampling": math.sqrt(found.sampling),
            "se_parameters": math.sqrt(found.parameters), "log_likelihood": fit.log_likelihood,
            "parameters": parameters, "aic": 2.0 * parameters - 2.0 * fit.log_likelihood,
            "bic": parameters * math.log(n_fit) - 2.0 * fit.log_likelihood,
            **{f"coefficient {n}": float(b) for n, b in zip(columns.names, fit.coefficients, strict=True)},
            **({} if fit.log_dispersion is None else {"dispersion": math.exp(fit.log_dispersion)}),
            **extra,
        },
        notes=notes,
    )  # fmt: skip
