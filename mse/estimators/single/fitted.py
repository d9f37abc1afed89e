"""One hierarchical log-linear model by (extended) maximum likelihood.

n_ω ~ Poisson(exp η_ω) over the observable cells, η the sum of the model's terms. The unseen are
n̂_0 = exp(η̂_0), with se² = n̂_0 + n̂_0² Var(η̂_0) (Cormack & Jupp 1991; Rivest & Baillargeon 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from mse.errors import ModelError, Problem
from mse.estimators.single.existence import Existence, Limit, check_model, extended, unseen_limit
from mse.estimators.single.selection import penalty, saturated_log_likelihood
from mse.kernels.arrays import Array, Integers
from mse.tables.captures import CaptureTable
from mse.terms import MAX_CANDIDATES, Model, members
from mse.words.cards import card
from mse.words.catalogues import catalogue
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


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
    limit : str or None
        Where the number of unseen goes along the rise of a likelihood that has no maximum: ``"settles"``,
        ``"falls to 0"``, ``"rises without bound"`` or ``"open"``; None for every other existence.
    limit_N : float
        N at the end of that rise (n, infinity, a value where it settles, NaN where it is open); N itself when
        the estimate exists. A limit has no standard error: report it, if at all, as what it is.
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
    limit: Limit | None
    limit_N: float
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

    def __repr__(self) -> str:
        """One line: the model, N, and how it fits."""
        fit = f"deviance {self.deviance:.1f} on {self.df} df, BIC {self.bic:.1f}"
        return f"<LoglinearFit {self.model}: N {self.N:,.0f}, {fit}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: N with its interval, how it fits, and the coefficients."""
        say = catalogue()
        size = (f"{say.number(self.N)} ({say.range(*self.interval(0.95))})" if math.isfinite(self.N)
                else say("card.no_estimate"))  # fmt: skip
        rows = [(say("key.observed"), say.number(self.observed)), ("N", size),
                (say("card.deviance"), say("card.on_df", deviance=say.number(self.deviance, 1), df=self.df)),
                ("AIC", say.number(self.aic, 1)), ("BIC", say.number(self.bic, 1))]  # fmt: skip
        frame = self.coefficients().to_html(index=False, border=0, float_format="{:.3f}".format)
        return card(str(self.model), rows) + frame

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
        """Return one row per term: name, 0/1 coefficient, its standard error, sum-to-zero coefficient."""
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
    from mse.kernels.newton import CONVERGED, cold_start, fit_loglinear

    if isinstance(model, str):
        model = _parsed(model, table.lists)
    _check_model(table, model)
    counts, cells = table.dense()
    if (plain := _plain_fit(table, model, counts, cells)) is not None:
        return plain
    face = extended(counts, cells, model.terms)
    state = check_model(counts, cells, model)
    terms = tuple(t for t in model.terms if t in face.infinite or t in set(face.finite.tolist()))
    place = [terms.index(t) for t in face.finite.tolist()]
    walsh, corner, corner_se = (np.full(len(terms), np.nan) for _ in range(3))
    fitted = np.full(counts.size, np.nan)
    unseen = se = log_likelihood = math.nan
    limit: Limit | None = None
    limit_n = math.nan
    if state in (Existence.FINE, Existence.NO_MLE):
        start = cold_start(counts, face.cells, face.finite, 0.0)
        fit = fit_loglinear(counts, face.cells, face.finite, 0.0, start, 100, 1e-14)
        limit_n = table.observed + math.exp(fit.log_unseen)
    if state is Existence.NO_MLE:
        limit = unseen_limit(counts, cells, model)
        ends = {"falls to 0": float(table.observed), "rises without bound": math.inf, "settles": limit_n}
        limit_n = ends.get(limit, math.nan)
    if state is Existence.FINE:
        if fit.status != CONVERGED and fit.decrement > 1e-5:
            raise ModelError(
                Problem(
                    said("fault.not_converged"),
                    said("allowed.model_whose_likelihood_newtons"),
                    said("do.drop_interaction_report_table"),
                    value=model.notation,
                )
            )
        unseen, log_likelihood = math.exp(fit.log_unseen), fit.log_likelihood
        se = math.sqrt(unseen + unseen**2 * fit.var_log_unseen)
        deleted = (cells > 0) & (face.cells == 0)
        fitted = np.where(deleted, 0.0, fit.mu)
        fitted[0] = unseen
        walsh[place] = fit.beta
        corner[place], corner_se[place] = _corner(face.finite, fit.beta, np.where(face.cells > 0, fit.mu, 0.0))
        corner[[terms.index(t) for t in face.infinite]] = -math.inf
    p = len(terms)
    return LoglinearFit(
        model=model,
        lists=table.lists,
        observed=table.observed,
        existence=state,
        limit=limit,
        limit_N=limit_n,
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


@lru_cache(maxsize=256)
def _parsed(model: str, lists: tuple[str, ...]) -> Model:
    return Model.parse(model, lists)


@lru_cache(maxsize=256)
def _terms(model: Model) -> tuple[tuple[int, ...], Integers]:
    """Return all terms of a model, as numbers and as an array."""
    return model.terms, np.array(model.terms, dtype=np.int64)


def _plain_fit(table: CaptureTable, model: Model, counts: Array, cells: Array) -> LoglinearFit | None:
    """Return the fit of a model whose estimate is seen to exist; None where that has to be looked into."""
    from mse.kernels.singlefit import fit_single

    terms, array = _terms(model)
    found = fit_single(counts, cells, array)
    if not found.plain:
        return None
    fit, p = found.fit, len(terms)
    unseen, log_likelihood, observed = math.exp(fit.log_unseen), fit.log_likelihood, table.observed
    se = math.sqrt(unseen + unseen**2 * fit.var_log_unseen)
    walsh = np.full(p, math.nan)
    walsh[found.finite] = fit.beta
    return LoglinearFit(
        model=model, lists=table.lists, observed=observed, existence=Existence.FINE, limit=None,
        limit_N=observed + unseen, infinite=tuple(t for t, in_it in zip(terms, found.finite, strict=True) if not in_it),
        N=observed + unseen, unseen=unseen, se=se,
        log_sd=math.sqrt(math.log1p((se / unseen) ** 2)), log_likelihood=log_likelihood,
        deviance=max(2.0 * (found.saturated - log_likelihood), 0.0), parameters=p, df=counts.size - 1 - p,
        aic=-2.0 * log_likelihood + 2.0 * p, bic=-2.0 * log_likelihood + math.log(observed) * p,
        bic_cells=-2.0 * log_likelihood + math.log(counts.size - 1) * p, fitted=_frozen(found.fitted), terms=terms,
        walsh=_frozen(walsh), corner=_frozen(found.corner), corner_se=_frozen(found.corner_se),
    )  # fmt: skip


def _frozen(values: Array) -> Array:
    """Return the array made read-only."""
    values.setflags(write=False)
    return values


def _corner(terms: Integers, beta: Array, mu: Array) -> tuple[Array, Array]:
    """Return 0/1-coded coefficients and standard errors: γ_φ = (−2)^|φ| Σ_{θ⊇φ} β_θ, linear in β."""
    from mse.kernels.walsh import transform

    moments = mu.copy()
    transform(moments)
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
                said("fault.other_lists", model_lists=model.n_lists, lists=table.n_lists),
                said("allowed.model_lists", lists=(*table.lists,)),
                said("do.write_model_table"),
                value=model.notation,
            )
        )
    elif sum(t.bit_count() > 1 for t in _terms(model)[0]) > MAX_CANDIDATES:
        problems.append(
            Problem(
                said("fault.many_interactions"),
                said("allowed.up_interactions", max_candidates=MAX_CANDIDATES),
                said("do.drop_interactions_merge_lists_3"),
                value=model.notation,
            )
        )
    elif model.saturated:
        problems.append(
            Problem(
                said("fault.saturated"),
                said("allowed.model_without_interaction_all"),
                said("do.choose_example_model_all", notation=Model(model.n_lists, ()).notation),
                value=model.notation,
            )
        )
    if problems:
        raise ModelError(problems)
