"""How many were never registered, from how often the others stand in one register: zero-truncated counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem, names_of
from mse.estimators.normallaw import normal_law
from mse.estimators.repeats.average import average_shapes
from mse.estimators.repeats.countdraws import bootstrap_law
from mse.estimators.repeats.countfit import goodness_of_fit, heterogeneity, one_inflation
from mse.estimators.repeats.countlaws import has_law
from mse.estimators.repeats.families import MODIFIED, Family, used
from mse.estimators.repeats.registeraverage import estimate_average
from mse.estimators.repeats.registersize import LABELS, register_design
from mse.estimators.repeats.registersize import fit_repeats as fit_repeats
from mse.estimators.repeats.registersize import size_of as size_of
from mse.estimators.repeats.registerspec import Chosen as Chosen
from mse.estimators.repeats.registerspec import Interval as Interval
from mse.estimators.repeats.registerspec import RepeatsSpec as RepeatsSpec
from mse.tables.repeats import RepeatCounts
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd


_HELD: dict[Family, Said] = {
    "poisson": said("assumed.poisson"),
    "geometric": said("assumed.geometric"),
    "negbin": said("assumed.negbin"),
    "zelterman": said("assumed.zelterman"),
    "chao": said("assumed.chao"),
    "chao-one-inflated": said("assumed.chao_one_inflated"),
}
_MODIFIED_HELD = said("assumed.modified")
_INTERVALS: dict[Interval, Said] = {
    "log-normal": said("interval_kind.lognormal"),
    "normal": said("interval_kind.normal"),
    "parametric": said("interval_kind.parametric"),
    "nonparametric": said("interval_kind.nonparametric"),
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
_MODIFIED_CITED = (
    "Godwin & Böhning (2017) Estimation of the population size by using the one-inflated positive Poisson model. "
    "Journal of the Royal Statistical Society C 66:425-448",
    "Böhning & van der Heijden (2019) The identity of the zero-truncated, one-inflated likelihood and the "
    "zero-one-truncated likelihood for general count densities. Annals of Applied Statistics 13:1198-1211",
)
_ALWAYS = (
    "van der Heijden, Bustami, Cruyff, Engbersen & van Houwelingen (2003) Point and interval estimation of the "
    "population size using the truncated Poisson regression model. Statistical Modelling 3:305-322",
)


def subgroups(
    table: RepeatCounts, by: str | Sequence[str], family: Chosen = "average", formula: str = "1", exposure: str = "",
    *, prob: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Return N̂ for every combination of levels of some covariates, from one fit to all; the parts add up.

    Parameters
    ----------
    table : RepeatCounts
        The register.
    by : str or sequence of str
        Covariates; those of the formula, or others.
    family, formula, exposure
        As in `RepeatsSpec`. The intervals of the average are those if a shape held.
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
        Problem(
            said("found.no_such_covariate"),
            names_of(table.covariates, said("allowed.none")),
            said("do.correct_name"),
            value=name,
        )
        for name in names
        if name not in table.covariates
    ]
    if problems:
        raise ModelError(problems)
    labels = [tuple(table.covariates[name][k].item() for name in names) for k in range(len(table.counts))]
    groups = {label: np.array([x == label for x in labels]) for label in sorted(set(labels))}
    if family == "average":
        columns = register_design(table, formula, exposure)
        averaged = average_shapes(table, columns.matrix, columns.offset)
        sizes = [averaged.part(table, rows, columns.matrix, columns.offset) for rows in groups.values()]
    else:
        fit, made = fit_repeats(table, family, formula, exposure)
        sizes = [size_of(fit, table, made.matrix, rows) for rows in groups.values()]
    out = []
    for label, found in zip(groups, sizes, strict=True):
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
        The average over shapes, or the sampling distribution of N̂ under one family; `mse.assess.registerverdict`
        judges it.

    Raises
    ------
    ModelError
        When formula or family do not suit the table.

    References
    ----------
    van der Heijden et al. (2003) eqs 7-12: N̂ = Σ 1/(1 − p_i), its variance in two parts.
    """
    if spec.family == "average":
        return estimate_average(table, spec, seed=seed)
    fit, columns = fit_repeats(table, spec.family, spec.formula, spec.exposure)
    found = size_of(fit, table, columns.matrix)
    extra: dict[str, float] = {}
    notes: list[Said] = []
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
            notes.append(said("note.replicates_large", lost=lost, count=spec.replicates))
    if has_law(spec.family):
        fitted = goodness_of_fit(table, fit, columns.matrix)
        extra |= {"chi_square": fitted.chi_square, "chi_square_df": float(fitted.df), "chi_square_p": fitted.p_value}
        if fitted.p_value < 0.05:
            p = float(f"{fitted.p_value:.2g}")
            notes.append(said("note.misfit", chi_square=fitted.chi_square, df=fitted.df, p=p))
    other = heterogeneity(table, spec.formula, spec.exposure)
    if other is not None:
        extra |= {"heterogeneity_z": other.z, "heterogeneity_p": other.p_value}
        if other.p_value < 0.05 and spec.family in ("poisson", "zelterman"):
            sizes = {"chao": other.chao, "poisson": other.poisson}
            notes.append(said("note.heterogeneity", z=other.z, p=float(f"{other.p_value:.2g}"), **sizes))
    ones = one_inflation(table)
    if ones is not None:
        extra |= {"one_inflation_z": ones.z, "one_inflation_p": ones.p_value, "ones_expected": ones.expected}
        if ones.p_value < 0.05 and spec.family not in ("chao-one-inflated", *MODIFIED):
            notes.append(ones.said)
    label, held = LABELS[spec.family], _HELD.get(spec.family, _MODIFIED_HELD)
    if spec.family == "chao" and ones is not None and ones.p_value < 0.05:
        label, held = said("family.chao_unbounded"), said("assumed.chao_unless")
    parameters = float(fit.n_parameters)
    n_fit = float(table.counts[used(spec.family, table.registrations)].sum())
    says = Says(
        inside=(said("source.registering"), said("source.rates")),
        outside=(said("source.family"), said("source.departures"), said("source.recognition")),
        assumptions=(said("assumed.closed"), said("assumed.repeat"), held),
        citations=(*_ALWAYS, *_CITED.get(spec.family, _MODIFIED_CITED)),
        notes=tuple(notes),
        point_kind=said("kind.repeats", family=label, interval=_INTERVALS[spec.interval]),
    )
    return Posterior.of(
        table, spec, law, says, method=f"repeats-{spec.family}", kind="sampling distribution", seed=seed,
        draws=np.random.default_rng([seed, 0]), point=found.size,
        diagnostics={
            "unseen": found.unseen, "se": found.se, "se_sampling": math.sqrt(found.sampling),
            "se_parameters": math.sqrt(found.parameters), "log_likelihood": fit.log_likelihood,
            "parameters": parameters, "aic": 2.0 * parameters - 2.0 * fit.log_likelihood,
            "bic": parameters * math.log(n_fit) - 2.0 * fit.log_likelihood,
            **{f"coefficient {n}": float(b) for n, b in zip(columns.names, fit.coefficients, strict=True)},
            **({} if fit.log_dispersion is None else {"dispersion": math.exp(fit.log_dispersion)}),
            **({} if fit.log_odds is None else {"share_of_ones": 1.0 / (1.0 + math.exp(-fit.log_odds))}),
            **extra,
        },
    )  # fmt: skip
