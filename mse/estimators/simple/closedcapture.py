"""The classical models of closed populations for lists: Mh and Mth with their laws of heterogeneity, and Mb.

Log-linear as in Rivest & Baillargeon (2007): the log of the expected count of a history with k lists on it is

    β_0 + Σ_j β_j ω_j + τ h(k),    all β_j alike for Mh, and no τ for M0 and Mt,

with h(k) = k²/2 (Darroch: the log odds are normal), 2^k − 1 (Poisson) or log 3.5 − log(3.5 + k) (Gamma). h(0) = 0, so
that n̂_0 = exp(β_0). Mb takes lists in their order as occasions: u_i, first seen on list i, fall off geometrically,
and what is seen later says nothing of the unseen; Mbh leaves the first list out of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Draws
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

Rates = Literal["darroch", "poisson", "gamma", "none"]
CITATIONS = (
    "Otis, Burnham, White & Anderson (1978) Statistical inference from capture data on closed animal populations. "
    "Wildlife Monographs 62:3-135",
    "Rivest & Baillargeon (2007) Applications and extensions of Chao's moment estimator for the size of a closed "
    "population. Biometrics 63:999-1006",
)
_LAWS: dict[Rates, Said] = {
    "darroch": said("closed_law.darroch"),
    "poisson": said("closed_law.poisson"),
    "gamma": said("closed_law.gamma"),
    "none": said("closed_law.none"),
}


@dataclass(frozen=True, slots=True)
class MhSpec:
    """Options of Mh: all lists alike, persons different.

    Parameters
    ----------
    rates : str
        How persons differ: ``"darroch"``, ``"poisson"``, ``"gamma"``, or ``"none"``, which is M0.
    draws : int
        Draws of N to store.
    """

    rates: Rates = "darroch"
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class MthSpec:
    """Options of Mth: lists differ, and persons do.

    Parameters
    ----------
    rates : str
        How persons differ: ``"darroch"``, ``"poisson"``, ``"gamma"``, or ``"none"``, which is Mt.
    draws : int
        Draws of N to store.
    """

    rates: Rates = "darroch"
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class MbSpec:
    """Options of Mb: being seen changes the chance to be seen again.

    Parameters
    ----------
    first_apart : bool
        The first list sees persons with a chance of its own, which is Mbh.
    draws : int
        Draws of N to store.
    """

    first_apart: bool = False
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


class Closed(NamedTuple):
    """A fit: the unseen and their standard error, deviance and degrees of freedom over the histories."""

    unseen: float
    se: float
    deviance: float
    df: int


def estimate(
    table: CaptureTable, spec: MhSpec | MthSpec | MbSpec, *, seed: int, compute: Compute | None = None
) -> Posterior:
    """Estimate N by a classical model of a closed population; `spec` says which.

    Parameters
    ----------
    table : CaptureTable
        Without unobservable cells. For Mb the order of the lists is that of the occasions.
    spec : MhSpec, MthSpec or MbSpec
        Which model.
    seed : int
        Of the stored draws.
    compute : Compute, optional
        Not needed; taken so that all estimators are called alike.

    Returns
    -------
    Posterior
        Observed + n̂_0 exp(s Z): the log-normal interval, conditional on the model.

    Raises
    ------
    ModelError
        When the table does not suit the model, or it has no estimate.
    """
    counts, cells = table.dense()
    if cells.sum() < counts.size - 1:
        raise ModelError(
            Problem(said("fault.unobservable_cells"), said("allowed.table_where_every_combination"),
                    said("do.use_method_loglinear_average"), file=said("what.table", name=table.name))
        )  # fmt: skip
    if isinstance(spec, MbSpec):
        found, name = removal(counts.astype(np.float64), table.n_lists, spec.first_apart), "mb"
        kind = said("kind.mbh") if spec.first_apart else said("kind.mb")
        held: tuple[Said, ...] = (said("assumed.occasions"), said("assumed.alike_unseen"))
    else:
        name = "mth" if isinstance(spec, MthSpec) else "mh"
        found = heterogeneous(counts.astype(np.float64), table.n_lists, spec.rates, lists_differ=name == "mth")
        law = _LAWS[spec.rates]
        kind = said("kind.mth", law=law) if name == "mth" else said("kind.mh", law=law)
        held = (said("assumed.unchanged"), said("assumed.closed_law", law=law))
        held = held if name == "mth" else (*held, said("assumed.lists_same"))
    log_sd = math.sqrt(math.log1p((found.se / found.unseen) ** 2))
    says = Says(
        inside=(said("source.sampling_model"),), outside=(said("source.model"), said("source.linkage")),
        assumptions=(said("assumed.closed"), said("assumed.linked"), *held), citations=CITATIONS, notes=(),
        point_kind=kind,
    )  # fmt: skip
    return Posterior.of(
        table, spec, Distribution.lognormal(table.observed, found.unseen, log_sd), says, method=name,
        kind="sampling distribution", seed=seed, point=table.observed + found.unseen,
        diagnostics={"unseen": found.unseen, "se": found.se, "deviance": found.deviance, "df": float(found.df)},
    )  # fmt: skip


def heterogeneous(counts: Array, n_lists: int, rates: Rates, *, lists_differ: bool) -> Closed:
    """Fit M0, Mt, Mh or Mth to the counts of all histories, shape (2^K,); the first is not seen."""
    codes = np.arange(counts.size)
    on = ((codes[:, None] >> np.arange(n_lists)) & 1).astype(np.float64)
    k = on.sum(axis=1)
    columns = [np.ones(counts.size), *(on.T if lists_differ else [k])]
    if rates == "darroch":
        columns.append(k**2 / 2.0)
    elif rates == "poisson":
        columns.append(2.0**k - 1.0)
    elif rates == "gamma":
        columns.append(math.log(3.5) - np.log(3.5 + k))
    matrix = np.column_stack(columns)[1:]
    if matrix.shape[1] > counts.size - 2 and rates != "none":
        raise _nothing(said("fault.closed_few_lists"))
    beta, covariance, deviance = _fitted(counts[1:], matrix)
    unseen = math.exp(float(beta[0]))
    se = math.sqrt(unseen + unseen**2 * float(covariance[0, 0]))
    return Closed(unseen, se, deviance, len(matrix) - matrix.shape[1])


def removal(counts: Array, n_lists: int, first_apart: bool) -> Closed:
    """Fit Mb or Mbh to the counts of all histories, shape (2^K,): first seen on list i, geometrically fewer."""
    codes = np.arange(1, counts.size)
    first = np.log2(codes & -codes).astype(np.int64)
    fresh = np.bincount(first, weights=counts[1:], minlength=n_lists)
    begin = 1 if first_apart else 0
    if n_lists - begin < 2:
        raise _nothing(said("fault.closed_few_lists"))
    place = np.arange(n_lists - begin, dtype=np.float64)
    beta, covariance, _ = _fitted(fresh[begin:], np.column_stack([np.ones(place.size), place]))
    less = math.exp(float(beta[1]))
    if not less < 1.0:
        raise _nothing(said("fault.closed_rising"))
    unseen = math.exp(float(beta[0])) * less**place.size / (1.0 - less)
    slope = unseen * np.array([1.0, place.size + less / (1.0 - less)])
    se = math.sqrt(unseen + float(slope @ covariance @ slope))
    return Closed(unseen, se, _removal_deviance(counts, first, beta, begin, n_lists),
                  counts.size - 1 - 3 - begin)  # fmt: skip


def _removal_deviance(
    counts: Array, first: Integers, beta: Array, begin: int, n_lists: int
) -> float:  # fmt: skip
    """Return the deviance over all histories; who was seen is seen again with one chance on every later list."""
    codes = np.arange(1, counts.size)
    again = np.bitwise_count(codes).astype(np.float64) - 1.0
    later = n_lists - 1.0 - first
    seen = counts[1:]
    c = float(seen @ again) / max(float(seen @ later), 1e-300)
    fresh = np.exp(beta[0] + beta[1] * (first - begin))
    if begin:
        fresh = np.where(first == 0, float(seen[first == 0].sum()), fresh)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = fresh * c**again * (1.0 - c) ** (later - again)
        some = seen > 0
        return 2.0 * float(seen[some] @ np.log(seen[some] / expected[some]) - seen.sum() + expected.sum())


def _fitted(counts: Array, matrix: Array) -> tuple[Array, Array, float]:
    """Return coefficients, their covariance and the deviance of a Poisson log-linear model, by Newton steps."""
    start = np.log(np.maximum(counts, 0.5))
    beta = np.linalg.lstsq(matrix * np.sqrt(counts + 0.5)[:, None], start * np.sqrt(counts + 0.5), rcond=None)[0]
    value = -np.inf
    for _ in range(100):
        eta = np.clip(matrix @ beta, -40.0, 40.0)
        mean = np.exp(eta)
        information = (matrix.T * mean) @ matrix
        try:
            move = np.linalg.solve(information, matrix.T @ (counts - mean))
        except np.linalg.LinAlgError:
            raise _nothing(said("fault.closed_no_estimate")) from None
        for _ in range(40):
            eta = matrix @ (beta + move)
            reached = float(counts @ eta - np.exp(np.minimum(eta, 60.0)).sum())
            if reached >= value - 1e-12 * abs(value):
                break
            move = 0.5 * move
        beta, value = beta + move, reached
        if np.abs(move).max() < 1e-10:
            break
    covariance = np.linalg.inv(information)
    if not (np.isfinite(beta).all() and abs(float(beta[0])) < 30.0 and (np.diag(covariance) > 0).all()):
        raise _nothing(said("fault.closed_no_estimate"))
    some = counts > 0
    mean = np.exp(matrix @ beta)
    deviance = 2.0 * (float(counts[some] @ np.log(counts[some] / mean[some])) - float((counts - mean).sum()))
    return beta, covariance, deviance


def _nothing(why: Said) -> ModelError:
    return ModelError(Problem(why, said("allowed.closed_capture"), said("do.closed_capture")))
