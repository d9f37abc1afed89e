"""One log-linear model by (extended) maximum likelihood, and the estimator that chooses it.

n_ω ~ Poisson(exp η_ω) over the observable cells, η the sum of the model's terms; the unseen are n̂_0 = exp(η̂_0),
with se² = n̂_0 + n̂_0² Var(η̂_0) (Cormack & Jupp 1991; Rivest & Baillargeon 2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.captures import CaptureTable
from mse.distribution import Distribution
from mse.errors import ModelError, Problem
from mse.estimators.existence import Existence, check_model, extended
from mse.estimators.selection import Criterion, check_criterion, check_order, penalty
from mse.estimators.selection import rank_models as rank_models
from mse.estimators.selection import saturated_log_likelihood
from mse.parallel import Compute
from mse.posterior import Posterior
from mse.terms import Model, members

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]

NEAR_TIE = 2.0
"""Models this close to the best by the criterion are named beside it."""

CITATIONS = (
    "Fienberg (1972) The multiple recapture census for closed populations and incomplete 2^k contingency "
    "tables. Biometrika 59:591-603",
    "Rivest & Baillargeon (2007) Rcapture: loglinear models for capture-recapture in R. Journal of "
    "Statistical Software 19(5)",
    "Fienberg & Rinaldo (2012) Maximum likelihood estimation in log-linear models. Annals of Statistics "
    "40:996-1023",
    "Chan, Silverman & Vincent (2021) Multiple systems estimation for sparse capture data: inferential "
    "challenges when there are nonoverlapping lists. JASA 116:1297-1306",
)

ASSUMPTIONS = (
    "the population is closed: nobody enters or leaves it during the period",
    "records of one person are linked without error",
    "within the interactions of the model all members of the population have the same chances to be listed",
    "there is no interaction among all lists together",
)


@dataclass(frozen=True, slots=True, eq=False)
class LoglinearFit:
    """One fitted log-linear model.

    Parameters
    ----------
    model : Model
        What was fitted.
    lists : tuple of str
        Names of the lists.
    observed : int
        Persons on at least one list, n.
    existence : Existence
        Whether the estimate exists and is unique; if not, N and what follows from it are NaN.
    infinite : tuple of int
        Terms at −∞ in 0/1 coding, because nobody is on all their lists together.
    N, unseen, se : float
        n + n̂_0, n̂_0, and the standard error of both, persons.
    log_sd : float
        √ln(1 + se²/n̂_0²), the standard deviation of log n_0 in the log-normal interval.
    log_likelihood, deviance : float
        Poisson, with −ln n!; against the saturated model.
    parameters, df : int
        Terms with the intercept, those at −∞ included; observable cells less parameters.
    aic, bic, bic_cells : float
        Penalties 2, ln n and ln of the number of observable cells.
    fitted : (2^K,) float64
        Fitted means by history; index 0 is n̂_0.
    terms : tuple of int
        Terms as bitmasks, the intercept first, in the order of the coefficients.
    walsh : (p,) float64
        Coefficients in sum-to-zero coding of what is fitted; NaN for terms at −∞.
    corner, corner_se : (p,) float64
        Coefficients in 0/1 coding, as R's glm prints them, and their standard errors; −inf and NaN for terms
        at −∞. The intercept is log n̂_0.
    """

    model: Model
    lists: tuple[str, ...]
    observed: int
    existence: Existence
    infinite: tuple[int, ...]
    N: float
    unseen: float
    se: float
    log_sd: float
    log_likelihood: float
    deviance: float
    parameters: int
    df: int
    aic: float
    bic: float
    bic_cells: float
    fitted: Array
    terms: tuple[int, ...]
    walsh: Array
    corner: Array
    corner_se: Array

    def interval(self, prob: float) -> tuple[float, float]:
        """Return the log-normal interval n + n̂_0 exp(∓z·log_sd), conditional on the model.

        Parameters
        ----------
        prob : float
            Probability of the interval, for example 0.95.
        """
        z = NormalDist().inv_cdf(0.5 + prob / 2.0)
        factor = math.exp(z * self.log_sd)
        return self.observed + self.unseen / factor, self.observed + self.unseen * factor

    def coefficients(self) -> pd.DataFrame:
        """Return one row per term: name, 0/1-coded coefficient and standard error, sum-to-zero coefficient."""
        import pandas as pd

        names = [":".join(self.lists[j] for j in members(t)) or "(Intercept)" for t in self.terms]
        columns = {"term": names, "corner": self.corner, "corner_se": self.corner_se, "walsh": self.walsh}
        return pd.DataFrame(columns)


def fit_model(table: CaptureTable, model: Model | str) -> LoglinearFit:
    """Fit one hierarchical model by extended maximum likelihood.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    model : Model or str
        For example ``"[12,3]"`` or ``"A:B + C"``; see `Model.parse`.

    Returns
    -------
    LoglinearFit
        With `existence` other than `FINE`, everything that is estimated is NaN.

    Raises
    ------
    ModelError
        When the model does not fit the lists, is saturated, or the table has strata.
    """
    from mse.kernels.loglinear import CONVERGED, cold_start, fit_loglinear

    if isinstance(model, str):
        model = Model.parse(model, table.lists)
    _check_model(table, model)
    counts, cells = table.dense()
    face = extended(counts, cells, model.terms)
    state = check_model(counts, cells, model)
    terms = tuple(t for t in model.terms if t in face.infinite or t in set(face.finite.tolist()))
    place = [terms.index(t) for t in face.finite.tolist()]
    walsh, corner, corner_se = (np.full(len(terms), np.nan) for _ in range(3))
    fitted = np.full(counts.size, np.nan)
    unseen = se = log_likelihood = math.nan
    if state is Existence.FINE:
        start = cold_start(counts, face.cells, face.finite, 0.0)
        fit = fit_loglinear(counts, face.cells, face.finite, 0.0, start, 100, 1e-14)
        if fit.status != CONVERGED and fit.decrement > 1e-5:
            raise ModelError(
                Problem(
                    "the fit did not converge although its estimate exists",
                    "a model whose likelihood Newton's method can climb",
                    "drop an interaction, and report the table to the authors",
                    value=model.notation,
                )
            )
        unseen, log_likelihood = math.exp(fit.log_unseen), fit.log_likelihood
        se = math.sqrt(unseen + unseen**2 * fit.var_log_unseen)
        deleted = (cells > 0) & (face.cells == 0)
        fitted = np.where(deleted, 0.0, fit.mu)
        fitted[0] = unseen
        walsh[place] = fit.beta
        corner[place], corner_se[place] = _corner(
            face.finite, fit.beta, np.where(face.cells > 0, fit.mu, 0.0)
        )
        corner[[terms.index(t) for t in face.infinite]] = -math.inf
    p = len(terms)
    return LoglinearFit(
        model=model,
        lists=table.lists,
        observed=table.observed,
        existence=state,
        infinite=face.infinite,
        N=table.observed + unseen,
        unseen=unseen,
        se=se,
        log_sd=math.sqrt(math.log1p((se / unseen) ** 2)),
        log_likelihood=log_likelihood,
        deviance=max(2.0 * (saturated_log_likelihood(counts, cells) - log_likelihood), 0.0),
        parameters=p,
        df=int(cells.sum()) - p,
        aic=-2.0 * log_likelihood + 2.0 * p,
        bic=-2.0 * log_likelihood + penalty("bic", counts, cells) * p,
        bic_cells=-2.0 * log_likelihood + penalty("bic_cells", counts, cells) * p,
        fitted=_frozen(fitted),
        terms=terms,
        walsh=_frozen(walsh),
        corner=_frozen(corner),
        corner_se=_frozen(corner_se),
    )


def _frozen(values: Array) -> Array:
    """Return the array made read-only."""
    values.setflags(write=False)
    return values


def _corner(terms: npt.NDArray[np.int64], beta: Array, mu: Array) -> tuple[Array, Array]:
    """Return 0/1-coded coefficients and standard errors: γ_φ = (−2)^|φ| Σ_{θ⊇φ} β_θ, linear in β."""
    moments = np.array(
        [np.sum(mu * (1.0 - 2.0 * (np.bitwise_count(np.arange(mu.size) & t) % 2))) for t in range(mu.size)]
    )
    covariance = np.linalg.inv(moments[terms[:, None] ^ terms[None, :]])
    holds = (terms[None, :] & terms[:, None]) == terms[:, None]
    change = np.where(holds, (-2.0) ** np.bitwise_count(terms)[:, None].astype(np.float64), 0.0)
    return change @ beta, np.sqrt(np.einsum("ij,jk,ik->i", change, covariance, change))


def _check_model(table: CaptureTable, model: Model) -> None:
    """Raise when the model cannot be fitted to this table."""
    problems = []
    if model.n_lists != table.n_lists:
        problems.append(
            Problem(
                f"the model is on {model.n_lists} lists and the table has {table.n_lists}",
                f"a model on the lists {', '.join(table.lists)}",
                "write the model for this table",
                value=model.notation,
            )
        )
    elif model.saturated:
        problems.append(
            Problem(
                "the saturated model leaves the number of unseen open: every N fits the table equally well",
                "a model without the interaction of all lists together",
                f"choose for example the model of all pairs, or {Model(model.n_lists, ()).notation}",
                value=model.notation,
            )
        )
    if problems:
        raise ModelError(problems)


@dataclass(frozen=True, slots=True)
class LoglinearSpec:
    """Options of the log-linear estimator.

    Parameters
    ----------
    model : str or None
        The model, ``"[12,3]"`` or by names; None chooses the best by `criterion` among all hierarchical models.
    max_order : int or None
        Most lists in a term when the model is chosen; None for all.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the number of observable cells) or ``"aic"``.
    draws : int
        Draws of N to store.
    """

    model: str | None = None
    max_order: int | None = None
    criterion: Criterion = "bic"
    draws: int = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        problems = check_criterion(self.criterion) + check_order(self.max_order)
        if self.draws < 4:
            problems.append(Problem("too few draws", "4 or more", "leave it at 10000", value=str(self.draws)))
        if problems:
            raise ModelError(problems)


def estimate(
    table: CaptureTable, spec: LoglinearSpec, *, seed: int, compute: Compute | None = None
) -> Posterior:
    """Estimate N under one log-linear model, named or the best by an information criterion.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    spec : LoglinearSpec
        Options.
    seed : int
        Seed of the stored draws; point and interval do not depend on it.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        Sampling distribution: n + n̂_0 exp(log_sd · Z), the log-normal interval at every probability. The choice
        of the model is *not* inside it. Diagnostics: ``criterion`` (the value), ``deviance``, ``df``, ``se``,
        ``infinite_terms``, and for a chosen model ``models``, ``unusable_models``, ``near_ties``,
        ``near_ties_low``, ``near_ties_high`` (N over the models within 2 of the best).

    Raises
    ------
    ModelError
        When no model, or not the named one, has a unique estimate; or as `rank_models` and `fit_model`.

    References
    ----------
    Fienberg (1972); Rivest & Baillargeon (2007); Chan, Silverman & Vincent (2021).
    """
    diagnostics: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    if spec.model is None:
        ranked = rank_models(table, spec.max_order, criterion=spec.criterion, compute=compute)
        notation, diagnostics, notes = _choose(table, ranked, spec.criterion)
    else:
        notation = spec.model
    fit = fit_model(table, notation)
    if fit.existence is not Existence.FINE:
        raise ModelError(_unusable(table, fit.model.notation, fit.existence.words))
    if fit.infinite:
        pairs = ", ".join(":".join(table.lists[j] for j in members(t)) for t in fit.infinite)
        notes = (*notes, f"nobody is on these lists together, so the term is at minus infinity: {pairs}")
    chosen = spec.model is None
    how = f"selected by {_CRITERIA[spec.criterion]}" if chosen else "named by the user"
    distribution = Distribution.lognormal(table.observed, fit.unseen, fit.log_sd)
    return Posterior(
        method="loglinear",
        kind="sampling distribution",
        table=table.name,
        table_digest=table.digest,
        lists=table.lists,
        observed=table.observed,
        spec={**asdict(spec), "model": fit.model.notation, "selected": chosen, "seed": seed},
        distribution=distribution,
        draws=distribution.draw(spec.draws, np.random.default_rng(seed)),
        point=fit.N,
        point_kind=(
            f"maximum likelihood, log-normal interval, conditional on the model {fit.model.notation} ({how})"
            + ("; the selection is NOT inside the interval" if chosen else "")
        ),
        inside=("sampling of the counts under the one model",),
        outside=(
            "the choice of the model",
            "linkage error",
            "departures from the assumptions, above all an interaction among all lists",
        ),
        assumptions=ASSUMPTIONS,
        citations=CITATIONS,
        diagnostics={
            **diagnostics,
            "criterion": float(getattr(fit, spec.criterion)),
            "deviance": fit.deviance,
            "df": float(fit.df),
            "se": fit.se,
            "infinite_terms": float(len(fit.infinite)),
        },
        notes=(f"model {fit.model.notation}: {fit.model.named(table.lists)}", *notes),
    )


_CRITERIA: Mapping[str, str] = {
    "bic": "BIC with penalty ln(persons)",
    "bic_cells": "BIC with penalty ln(cells)",
    "aic": "AIC",
}


def _unusable(table: CaptureTable, notation: str, status: str) -> Problem:
    """Return the problem of a model without a unique estimate."""
    return Problem(
        f"on this table the model {notation} gives no estimate of N: {status}",
        "a model whose maximum-likelihood estimate exists and is unique",
        "drop interactions, merge lists, or use the method 'averaging', which has a proper prior",
        file=f"table {table.name!r}",
    )


def _choose(
    table: CaptureTable, ranked: pd.DataFrame, criterion: Criterion
) -> tuple[str, dict[str, float], tuple[str, ...]]:
    """Return the best model, figures about the ranking, and what should be said about near ties."""
    usable = ranked[ranked["status"] == "ok"]
    if usable.empty:
        raise ModelError(_unusable(table, "in any form", "every status is other than ok"))
    values = usable[criterion].to_numpy(dtype=np.float64)
    sizes = usable["N"].to_numpy(dtype=np.float64)[values <= values[0] + NEAR_TIE]
    figures = {
        "models": float(len(ranked)),
        "unusable_models": float(len(ranked) - len(usable)),
        "near_ties": float(sizes.size),
        "near_ties_low": float(sizes.min()),
        "near_ties_high": float(sizes.max()),
    }
    notes = []
    if sizes.size > 1:
        notes.append(
            f"{sizes.size} models lie within {NEAR_TIE:g} of the best; their estimates run from "
            f"{sizes.min():,.0f} to {sizes.max():,.0f}"
        )
    other: Criterion = "bic_cells" if criterion == "bic" else "bic"
    rival = usable.iloc[int(np.argmin(usable[other].to_numpy(dtype=np.float64)))]
    if rival["model"] != usable["model"].iloc[0]:
        notes.append(f"{_CRITERIA[other]} would choose {rival['model']}, N = {float(rival['N']):,.0f}")
    return str(usable["model"].iloc[0]), figures, tuple(notes)
