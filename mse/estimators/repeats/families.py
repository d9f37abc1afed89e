"""Zero-truncated counts: their likelihoods, fits by Newton steps, and how many persons a fit leaves unseen.

Rows are indexed by i, with y_i registrations, w_i persons and the linear predictor η_i = x_iᵀβ; λ_i = exp(η_i) is the
mean of the count before truncation and p_i the probability of no registration:

* ``poisson``: p = exp(−λ) (van der Heijden et al. 2003);
* ``geometric``: p = 1 / (1 + λ), a Poisson whose rate is exponential among alike persons;
* ``negbin``: p = (1 + αλ)^(−1/α), a Poisson whose rate is gamma with squared coefficient of variation α;
* ``zelterman``: λ from those registered once or twice alone, as a logistic regression of twice against once with
  odds λ/2, and p = exp(−λ) for everybody (Böhning & van der Heijden 2009);
* ``chao``: the same λ; the persons registered once or twice stand for 1 / (λ + λ²/2) unseen each, those registered
  more often for none (Böhning, Vidal-Diez, Lerdsuwansri, Viwatwongkasem & Arnold 2013);
* ``chao-one-inflated``: the same from those registered twice or three times, with odds λ/3 and 1 / (λ²/2 + λ³/6)
  unseen each; without covariates 2 f_2³ / (9 f_3²). Too many ones leave it alone (Böhning, Kaskasamkul & van
  der Heijden 2019).

The others are Horvitz–Thompson: everybody seen stands for p / (1 − p) unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from mse.estimators.repeats.modified import fit_law, law_of
from mse.kernels.arrays import Array, Flags, Integers
from mse.words.said import Said, said

Plain = Literal["poisson", "geometric", "negbin", "zelterman", "chao", "chao-one-inflated"]
Modified = Literal[
    "one-inflated-poisson", "one-inflated-geometric", "one-inflated-negbin",
    "inflated-truncated-poisson", "inflated-truncated-geometric", "inflated-truncated-negbin",
    "zero-one-truncated-poisson", "zero-one-truncated-geometric", "zero-one-truncated-negbin",
    "hurdle-poisson", "hurdle-geometric", "hurdle-negbin",
    "hurdle-truncated-poisson", "hurdle-truncated-geometric", "hurdle-truncated-negbin",
]  # fmt: skip
Family = Plain | Modified
FAMILIES: tuple[Family, ...] = get_args(Plain)
"""Those that are put side by side."""

MODIFIED: tuple[Family, ...] = get_args(Modified)
"""Those of `mse.estimators.repeats.modified`, where counts of one follow no rule."""

PARTIAL: Mapping[Family, int] = {"zelterman": 1, "chao": 1, "chao-one-inflated": 2}
"""Families whose likelihood looks at two classes alone, and the lower one of these."""
Status = Literal["fine", "runs away", "dispersion runs away", "no convergence"]
WORDS: dict[Status, Said] = {
    "runs away": said("fault.runs_away"),
    "dispersion runs away": said("fault.dispersion"),
    "no convergence": said("fault.no_convergence"),
}
MOST_STEPS = 100
LOG_DISPERSION = (-12.0, 7.0)
"""Log α outside of this is the Poisson limit below, the logarithmic series above."""
DISPERSIONS = (-2.0, 0.5, 3.0)
"""Log α where the search begins."""
LOG_RATE = (-16.0, 12.0)


class CountFit(NamedTuple):
    """One fit by maximum likelihood.

    Parameters
    ----------
    family : str
        Which.
    coefficients : float64 array, shape (P,)
        β.
    log_dispersion : float or None
        log α of the negative binomial; −inf where the estimate is on its boundary, the Poisson.
    covariance : float64 array, shape (P,) * 2, or with one more for log α
        Inverse of the observed information.
    log_likelihood : float
        Of the truncated counts; of one class against the next for those of `PARTIAL`.
    status : str
        ``"fine"`` or why there is no estimate, see `WORDS`.
    steps : int
        Newton steps.
    fixed : bool
        The last coefficient is that of an offset: 1, without variance.
    log_odds : float or None
        Logit of the share of ones that follow no rule, or of ones altogether, in those of `MODIFIED`.
    """

    family: Family
    coefficients: Array
    log_dispersion: float | None
    covariance: Array
    log_likelihood: float
    status: Status
    steps: int
    fixed: bool = False
    log_odds: float | None = None

    @property
    def n_parameters(self) -> int:
        """How many were estimated; a dispersion on its boundary counts, an offset does not."""
        others = (self.log_dispersion is not None) + (self.log_odds is not None)
        return self.coefficients.size + others - self.fixed


def used(family: Family, times: Integers) -> Flags:
    """Return the rows that the likelihood looks at: two classes for those of `PARTIAL`, else all."""
    low = PARTIAL.get(family)
    return np.ones(times.shape, dtype=bool) if low is None else (times == low) | (times == low + 1)


def row_likelihood(family: Family, times: Array, eta: Array, log_alpha: float) -> tuple[Array, Array, Array]:
    """Return the log likelihood per person, and its first and second derivatives by η; shapes (R,).

    For the negative binomial the second derivative is left at 0: see `dispersed_likelihood`.
    """
    from scipy.special import expit, gammaln

    rate = np.exp(eta)
    if family in PARTIAL:
        low = PARTIAL[family]
        odds_log = eta - np.log(low + 1.0)
        more, share = times - low, expit(odds_log)
        return more * odds_log - np.logaddexp(0.0, odds_log), more - share, -share * (1.0 - share)
    if family == "geometric":
        value = (times - 1.0) * eta - times * np.log1p(rate)
        share = rate / (1.0 + rate)
        return value, times - 1.0 - times * share, -times * share * (1.0 - share)
    if family == "poisson":
        seen = -np.expm1(-rate)
        odds = rate * np.exp(-rate) / seen
        value = times * eta - rate - gammaln(times + 1.0) - np.log(seen)
        return value, times - rate - odds, -rate - odds * (1.0 - rate - odds)
    value, first, _ = dispersed_likelihood(times, eta, log_alpha)
    return value, first, np.zeros(times.shape)


def dispersed_likelihood(times: Array, eta: Array, log_alpha: float) -> tuple[Array, Array, Array]:
    """Return the negative binomial log likelihood per person, and its derivatives by η and log α; shapes (R,)."""
    from scipy.special import gammaln

    rate, alpha = np.exp(eta), np.exp(log_alpha)
    more = 1.0 + alpha * rate
    spread = np.log1p(alpha * rate) / alpha
    odds = np.exp(-spread) / -np.expm1(-spread)
    # Γ(y + 1/α) α^y / Γ(1/α) is the product of 1 + αj over j < y, and so are its logarithm's derivatives sums.
    steps = alpha * np.arange(times.max(initial=1.0))
    place = times.astype(np.int64) - 1
    rising, by_steps = np.cumsum(np.log1p(steps))[place], np.cumsum(steps / (1.0 + steps))[place]
    value = rising + times * eta - (alpha * times + 1.0) * spread - gammaln(times + 1.0) - np.log(-np.expm1(-spread))
    # d spread / d log α = rate / more − spread
    shift = rate / more - spread
    by_alpha = by_steps - times * alpha * (spread + shift) - shift - odds * shift
    return value, (times - rate) / more - odds * rate / more, by_alpha


def fit_counts(
    family: Family, times: Integers, persons: Array, matrix: Array, start: CountFit | None = None,
    *, fixed: bool = False,
) -> CountFit:  # fmt: skip
    """Fit one family by maximum likelihood.

    Parameters
    ----------
    family : str
        Which.
    times : int64 array, shape (R,)
        Registrations, 1 or more.
    persons : float64 array, shape (R,)
        Persons in each row.
    matrix : float64 array, shape (R, P)
        Design of η.
    start : CountFit, optional
        A fit to similar data, where the steps begin.
    fixed : bool
        The last column of the design is an offset: its coefficient is 1, without variance.
    """
    if fixed:
        begun = None if start is None else start._replace(coefficients=start.coefficients[:-1])
        return _with_offset(_fit(family, times, persons, matrix[:, :-1], matrix[:, -1], begun), matrix)
    return _fit(family, times, persons, matrix, np.zeros(len(matrix)), start)


def _with_offset(fit: CountFit, matrix: Array) -> CountFit:
    """Return a fit with the coefficient 1 of the offset, which has no variance, behind its own."""
    place = fit.coefficients.size
    covariance = np.insert(np.insert(fit.covariance, place, 0.0, axis=0), place, 0.0, axis=1)
    eta = matrix @ np.append(fit.coefficients, 1.0)
    finite = fit.status != "fine" or (eta.min() > LOG_RATE[0] and eta.max() < LOG_RATE[1])
    status: Status = fit.status if finite else "runs away"
    return fit._replace(coefficients=np.append(fit.coefficients, 1.0), covariance=covariance, status=status, fixed=True)


def _fit(
    family: Family, times: Integers, persons: Array, matrix: Array, offset: Array, start: CountFit | None
) -> CountFit:
    """Fit one family, `offset` added to η."""
    if family in MODIFIED:
        return _fit_modified(family, times.astype(np.float64), persons, matrix, offset, start)
    rows = used(family, times) & (persons > 0)
    y, w, x, shift = times[rows].astype(np.float64), persons[rows], matrix[rows], offset[rows]
    low = PARTIAL.get(family, 1)
    if not rows.any() or y.max() < low + 1.0 or (family in PARTIAL and y.min() > low):
        return _nothing(family, matrix.shape[1], "runs away")
    if start is None:
        mean = float(w @ y / w.sum())
        guess = np.log(max((low + 1.0) * (mean - low), 1e-3) if family != "geometric" else mean - 1.0)
        beta = np.linalg.lstsq(x, guess - shift, rcond=None)[0]
    else:
        beta = start.coefficients.copy()
    if family == "negbin":
        known = None if start is None else start.log_dispersion
        return _fit_dispersed(
            y, w, x, shift, beta, DISPERSIONS if known is None or not np.isfinite(known) else (known,)
        )
    steps = 0
    while steps < MOST_STEPS:
        steps += 1
        terms, first, second = row_likelihood(family, y, np.clip(x @ beta + shift, -30.0, 30.0), 0.0)
        value = float(w @ terms)
        score, information = x.T @ (w * first), -(x.T * (w * second)) @ x
        move = _solve(information, score)
        if move is None:
            return _nothing(family, beta.size, "runs away")
        beta, value, moved = _climb(family, y, w, x, shift, beta, move, value)
        if not moved or np.abs(move).max() < 1e-10:
            break
    else:
        return _nothing(family, beta.size, "no convergence")
    return _finish(family, x, beta, None, np.linalg.inv(information), value, steps)


def _fit_modified(
    family: Family, times: Array, persons: Array, matrix: Array, offset: Array, start: CountFit | None
) -> CountFit:
    """Fit a law whose ones follow no rule; what lies on an edge of its range has no variance."""
    from scipy.special import gammaln

    law = law_of(family)
    assert law is not None
    kept = persons > 0
    y, w, x, shift = times[kept], persons[kept], matrix[kept], offset[kept]
    width, dispersed = matrix.shape[1], law.base == "negbin"
    if y.max(initial=0.0) < 3.0:
        return _nothing(family, width, "runs away")
    begin = None
    if start is not None:
        others = (start.log_dispersion, start.log_odds)
        begin = np.concatenate([start.coefficients, [v for v in others if v is not None]])
    theta, value, information = fit_law(law, y, w, x, shift, begin)
    log_alpha = float(theta[width]) if dispersed else None
    if log_alpha is not None and log_alpha > LOG_DISPERSION[1] - 0.5:
        return _nothing(family, width, "dispersion runs away")
    logit = float(theta[-1]) if law.kind != "zero-one-truncated" else None
    free = np.ones(theta.size, dtype=bool)
    free[width : width + dispersed] = log_alpha is not None and log_alpha > -8.0
    free[width + dispersed :] = logit is not None and abs(logit) < 11.0
    covariance = np.zeros_like(information)
    try:
        covariance[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
    except np.linalg.LinAlgError:
        return _nothing(family, width, "runs away")
    if not (np.diag(covariance)[free] > 0.0).all():
        return _nothing(family, width, "runs away")
    value -= float(w @ gammaln(y + 1.0))
    fit = _finish(family, x, theta[:width], log_alpha, covariance, value, 0)
    return fit._replace(log_odds=logit)


def _climb(
    family: Family, y: Array, w: Array, x: Array, shift: Array, beta: Array, move: Array, value: float
) -> tuple[Array, float, bool]:
    """Return β after a step, halved until the likelihood does not fall."""
    for _ in range(30):
        trial = beta + move
        reached = float(w @ row_likelihood(family, y, np.clip(x @ trial + shift, -30.0, 30.0), 0.0)[0])
        if reached >= value - 1e-12 * abs(value):
            return trial, reached, True
        move = 0.5 * move
    return beta, value, False


def _fit_dispersed(y: Array, w: Array, x: Array, offset: Array, start: Array, dispersions: Sequence[float]) -> CountFit:
    """Fit β and log α together, from each of some log α; the information by central differences of the score."""
    from scipy.optimize import minimize

    size = x.shape[1]

    def negative(theta: Array) -> tuple[float, Array]:
        eta, log_alpha = np.clip(x @ theta[:size] + offset, -40.0, 30.0), float(theta[size])
        value, by_eta, by_alpha = dispersed_likelihood(y, eta, log_alpha)
        return -float(w @ value), -np.append(x.T @ (w * by_eta), w @ by_alpha)

    def per_person(theta: Array) -> tuple[float, Array]:
        value, gradient = negative(theta)
        return value / scale, gradient / scale

    scale, best = float(w.sum()), None
    for log_alpha in dispersions:
        first = np.append(start, log_alpha)
        found = minimize(
            per_person, first, jac=True, method="L-BFGS-B",
            bounds=[(-40.0, 30.0)] * size + [LOG_DISPERSION], options={"maxiter": 300, "ftol": 1e-11, "gtol": 1e-6},
        )  # fmt: skip
        if best is None or found.fun < best.fun - 1e-12:
            best = found
    assert best is not None
    theta, steps = np.asarray(best.x, dtype=np.float64), int(best.nit)
    if theta[size] > LOG_DISPERSION[1] - 0.5:
        return _nothing("negbin", size, "dispersion runs away")
    if theta[size] < LOG_DISPERSION[0] + 3.0:
        poisson = _fit("poisson", y.astype(np.int64), w, x, offset, None)
        return poisson._replace(family="negbin", log_dispersion=-np.inf)
    for _ in range(20):
        value, gradient = negative(theta)
        move = _solve(_differences(negative, theta), -gradient)
        if move is None or np.abs(move).max() < 1e-9:
            break
        trial = theta + move * min(1.0, 1.0 / np.abs(move).max())
        if not negative(trial)[0] <= value:
            break
        theta, steps = trial, steps + 1
    if theta[size] > LOG_DISPERSION[1] - 0.5:
        return _nothing("negbin", size, "dispersion runs away")
    information = _differences(negative, theta)
    if _solve(information, theta) is None:
        return _nothing("negbin", size, "dispersion runs away")
    value = -negative(theta)[0]
    return _finish("negbin", x, theta[:size], float(theta[size]), np.linalg.inv(information), value, steps)


def _differences(function: Callable[[Array], tuple[float, Array]], theta: Array, step: float = 1e-5) -> Array:
    """Return the matrix of second derivatives from the gradient."""
    columns = []
    for j in range(theta.size):
        shift = np.zeros(theta.size)
        shift[j] = step
        columns.append((function(theta + shift)[1] - function(theta - shift)[1]) / (2.0 * step))
    matrix = np.array(columns)
    return np.asarray(0.5 * (matrix + matrix.T))


def _solve(information: Array, score: Array) -> Array | None:
    """Return the Newton step, or None when the information is not positive definite."""
    try:
        scale = np.sqrt(np.diag(information))
        if not (scale > 0).all():
            return None
        lower = np.linalg.cholesky(information / np.outer(scale, scale))
    except (np.linalg.LinAlgError, FloatingPointError):
        return None
    if np.diag(lower).min() < 1e-9:
        return None
    step = np.linalg.solve(information / np.outer(scale, scale), score / scale) / scale
    return np.asarray(step) if np.isfinite(step).all() else None


def _finish(
    family: Family, x: Array, beta: Array, log_dispersion: float | None, covariance: Array, value: float, steps: int
) -> CountFit:
    eta = x @ beta
    finite = eta.min() > LOG_RATE[0] and eta.max() < LOG_RATE[1] and bool(np.isfinite(covariance).all())
    return CountFit(family, beta, log_dispersion, covariance, value, "fine" if finite else "runs away", steps)


def _nothing(family: Family, size: int, status: Status) -> CountFit:
    nan = np.full(size, np.nan)
    dispersion = np.nan if family.endswith("negbin") else None
    return CountFit(family, nan, dispersion, np.full((size, size), np.nan), np.nan, status, 0)
