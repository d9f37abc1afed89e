"""Counts of which those registered exactly once follow no rule: one-inflated, zero-one-truncated, and hurdle laws.

On a base law p_y of `mse.estimators.repeats.families`, with a share ω or π between 0 and 1:

* ``one-inflated``: the counts of those seen are 1 with probability ω, else p_y / (1 − p_0); p_0 stays (Godwin & Böhning
  2017, the one-inflated positive law);
* ``inflated-truncated``: 1 with probability ω, else p_y; then zeros are cut off, so that p_0 becomes (1 − ω) p_0;
* ``zero-one-truncated``: those registered once take no part and stand for nobody; the others follow
  p_y / (1 − p_0 − p_1) (Böhning & van der Heijden 2019);
* ``hurdle``: those seen are registered once with probability π, else p_y / (1 − p_0 − p_1); everybody stands for
  p_0 / (1 − p_0 − p_1) unseen;
* ``hurdle-truncated``: 1 with probability π, else p_y / (1 − p_1); then zeros are cut off, which have the probability
  (1 − π) p_0 / (1 − p_1).

Derivatives are taken by complex steps, exact to rounding: every function here is analytic in its parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Array

Numbers = npt.NDArray[Any]
Base = Literal["poisson", "geometric", "negbin"]
Kind = Literal["one-inflated", "inflated-truncated", "zero-one-truncated", "hurdle", "hurdle-truncated"]
KINDS: tuple[Kind, ...] = get_args(Kind)
STEP = 1e-30
"""Imaginary step of a derivative."""

STARTS = (-3.0, -0.5)
"""Logits of ω and π where the search begins."""

LOGITS = (-12.0, 12.0)
"""An inflation below the first is none."""


class Law(NamedTuple):
    """What kind, on which base."""

    kind: Kind
    base: Base

    @property
    def parameters(self) -> int:
        """How many there are beside β: log α, and the logit of ω or π."""
        return (self.base == "negbin") + (self.kind != "zero-one-truncated")


def law_of(family: str) -> Law | None:
    """Return the law that the name of a family stands for, ``"hurdle-geometric"``; None for the plain families."""
    for kind in KINDS:
        for base in get_args(Base):
            if family == f"{kind}-{base}":
                return Law(kind, base)
    return None


def _split(law: Law, others: Numbers) -> tuple[Any, Any]:
    """Return log α (none, or fixed at 1) and the logit."""
    alpha = others[0] if law.base == "negbin" else None
    return alpha, others[-1] if law.kind != "zero-one-truncated" else None


def _base(law: Law, eta: Numbers, log_alpha: Any) -> tuple[Numbers, Numbers, Any]:
    """Return P(0), P(1), and α (0 for a Poisson)."""
    rate = np.exp(eta)
    if law.base == "poisson":
        none = np.exp(-rate)
        return none, rate * none, 0.0
    alpha = 1.0 if log_alpha is None else np.exp(log_alpha)
    more = 1.0 + alpha * rate
    none = np.exp(-np.log(more) / alpha)
    return none, rate / more * none, alpha


def _log_law(law: Law, times: Array, eta: Numbers, alpha: Any) -> Numbers:
    """Return log p_y, without the y! that all laws share."""
    rate = np.exp(eta)
    if law.base == "poisson":
        return times * eta - rate
    steps = alpha * np.arange(times.max(initial=1.0))
    rising = np.cumsum(np.log(1.0 + steps))[times.astype(np.int64) - 1]
    return np.asarray(rising + times * eta - (times + 1.0 / alpha) * np.log(1.0 + alpha * rate))


def row_values(law: Law, times: Array, eta: Numbers, others: Numbers) -> Numbers:
    """Return the log likelihood of one person in each row, shape (R,), without y!."""
    log_alpha, logit = _split(law, others)
    none, one, alpha = _base(law, eta, log_alpha)
    log_y = _log_law(law, times, eta, alpha)
    once = times == 1.0
    if law.kind == "zero-one-truncated":
        return np.where(once, 0.0, log_y - np.log(1.0 - none - one))
    share = 1.0 / (1.0 + np.exp(-logit))
    if law.kind == "one-inflated":
        seen = 1.0 - none
        return np.asarray(
            np.where(once, np.log(share + (1.0 - share) * one / seen), np.log(1.0 - share) + log_y - np.log(seen))
        )
    if law.kind == "inflated-truncated":
        seen = 1.0 - (1.0 - share) * none
        found = np.where(once, np.log(share + (1.0 - share) * one), np.log(1.0 - share) + log_y)
        return np.asarray(found - np.log(seen))
    if law.kind == "hurdle":
        return np.asarray(np.where(once, np.log(share), np.log(1.0 - share) + log_y - np.log(1.0 - none - one)))
    seen = 1.0 - (1.0 - share) * none / (1.0 - one)
    found = np.where(once, np.log(share), np.log(1.0 - share) + log_y - np.log(1.0 - one))
    return np.asarray(found - np.log(seen))


def row_unseen(law: Law, times: Array, eta: Numbers, others: Numbers) -> Numbers:
    """Return how many unseen one person of each row stands for, shape (R,)."""
    log_alpha, logit = _split(law, others)
    none, one, _ = _base(law, eta, log_alpha)
    if law.kind == "one-inflated":
        return np.asarray(none / (1.0 - none))
    if law.kind == "zero-one-truncated":
        return np.where(times > 1.0, none / (1.0 - none - one), 0.0)
    if law.kind == "hurdle":
        return np.asarray(none / (1.0 - none - one))
    share = 1.0 / (1.0 + np.exp(-logit))
    missed = (1.0 - share) * none if law.kind == "inflated-truncated" else (1.0 - share) * none / (1.0 - one)
    return np.asarray(missed / (1.0 - missed))


def slopes(
    function: Callable[[Law, Array, Numbers, Numbers], Numbers], law: Law, times: Array, eta: Array, others: Array
) -> tuple[Array, Array]:
    """Return a function of each row, shape (R,), and its derivatives by η and the other parameters, (R, 1 + Q)."""
    value = function(law, times, eta.astype(np.complex128), others.astype(np.complex128)).real
    found = [function(law, times, eta + STEP * 1j, others.astype(np.complex128)).imag / STEP]
    for j in range(others.size):
        moved = others.astype(np.complex128)
        moved[j] += STEP * 1j
        found.append(function(law, times, eta.astype(np.complex128), moved).imag / STEP)
    return np.asarray(value), np.column_stack(found)


def law_probabilities(law: Law, eta: Array, others: Array, most: int) -> Array:
    """Return P(y) for y = 0 … `most` before zeros are cut off, shape (R, most + 1); not for ``zero-one-truncated``."""
    from scipy.special import gammaln

    missed = np.asarray(row_unseen(law, np.full(eta.size, 2.0), eta, others), dtype=np.float64)
    columns = [missed / (1.0 + missed)]
    for y in range(1, most + 1):
        logs = np.asarray(row_values(law, np.full(eta.size, float(y)), eta, others), dtype=np.float64)
        columns.append(np.exp(logs - float(gammaln(y + 1.0))) / (1.0 + missed))
    return np.column_stack(columns)


def fit_law(
    law: Law, times: Array, persons: Array, matrix: Array, offset: Array, start: Array | None
) -> tuple[Array, float, Array]:
    """Return β with the other parameters behind it, the log likelihood, and the information.

    Parameters
    ----------
    law : Law
        Which.
    times, persons : float64 array, shape (R,)
        Registrations, and persons.
    matrix, offset : float64 array, shapes (R, P), (R,)
        Design of η, and what is added to it.
    start : float64 array, shape (P + Q,), optional
        Where to begin.
    """
    from scipy.optimize import minimize

    width, total = matrix.shape[1], float(persons.sum())

    def negative(theta: Array) -> tuple[float, Array]:
        eta = np.clip(matrix @ theta[:width] + offset, -20.0, 12.0)
        value, by = slopes(row_values, law, times, eta, theta[width:])
        if not np.isfinite(value).all():
            return 1e300, np.zeros(theta.size)
        gradient = np.concatenate([matrix.T @ (persons * by[:, 0]), persons @ by[:, 1:]])
        return -float(persons @ value) / total, -gradient / total

    begins = [start] if start is not None else _begins(law, times, persons, matrix, offset)
    bounds = [(-20.0, 12.0)] * width + [(-9.0, 7.0)] * (law.base == "negbin")
    bounds += [LOGITS] * (law.kind != "zero-one-truncated")
    best = None
    for begin in begins:
        found = minimize(negative, begin, jac=True, method="L-BFGS-B", bounds=bounds,
                         options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9})  # fmt: skip
        if best is None or found.fun < best.fun - 1e-12:
            best = found
    assert best is not None
    theta = np.asarray(best.x, dtype=np.float64)
    information = np.empty((theta.size, theta.size))
    for j in range(theta.size):
        shift = np.zeros(theta.size)
        shift[j] = 1e-5
        information[j] = (negative(theta + shift)[1] - negative(theta - shift)[1]) / 2e-5 * total
    return theta, -float(best.fun) * total, 0.5 * (information + information.T)


def _begins(law: Law, times: Array, persons: Array, matrix: Array, offset: Array) -> list[Array]:
    """Return where the search begins: the rate of those registered twice or more, and several of the others."""
    more = times > 1.0
    mean = float(persons[more] @ times[more] / persons[more].sum())
    level = np.log(max(2.0 * (mean - 2.0), 1e-2))
    beta = np.linalg.lstsq(matrix, np.full(times.size, level) - offset, rcond=None)[0]
    out = []
    for logit in STARTS if law.kind != "zero-one-truncated" else (0.0,):
        for log_alpha in (-1.5, 0.5) if law.base == "negbin" else (0.0,):
            others = [log_alpha] * (law.base == "negbin") + [logit] * (law.kind != "zero-one-truncated")
            out.append(np.concatenate([beta, others]))
    return out
