"""Every hierarchical log-linear model of a table, fitted, checked and ranked by an information criterion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.single.existence import Existence, check_models, margins
from mse.kernels.arrays import Array, Flags, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Criterion, Order, count
from mse.tables.captures import CaptureTable
from mse.tables.overlapshape import nested_lists
from mse.terms import MAX_CANDIDATES, MOST_MODELS, Model, candidates, count_models, model_of, notations
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.kernels.likelihoods import Likelihoods, Run


MOST_FACES = 200
"""Models without an estimate, the best by the criterion, that are fitted on the cells that can exist."""

NESTED = 10
"""Persons on a list that lies inside another one, from which that is taken for more than chance."""

MOST_HELD = 50_000
"""Models whose fits are kept for another ranking of the same table: 3 MB."""

FEW = 200
"""Models of a table of four lists at most, 12 KB."""

MOST_KEPT = 10_000
"""Models of a ranking, where nobody asks for more."""


@dataclass(frozen=True, slots=True)
class RankSpec:
    """Which models are ranked, and by what.

    Parameters
    ----------
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observable cells) or ``"aic"``.
    max_order : int or None
        Most lists in a term; None for all.
    keep : int
        When there are more models than this, only the best so many that have an estimate are returned.
    """

    criterion: Criterion = "bic"
    max_order: Order | None = None
    keep: Annotated[int, count(1, 10_000_000)] = MOST_KEPT

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


def penalty(criterion: Criterion, counts: Array, cells: Array) -> float:
    """Return the cost of one parameter: 2, ln n, or ln of the number of observable cells.

    BIC's sample size is a real fork: persons (Rcapture, MultipleSystemsEstimation) or cells (``BIC`` of a glm
    in R). On sparse tables the two choose models that disagree on N by a factor of two.
    """
    if criterion == "aic":
        return 2.0
    return math.log(counts.sum() if criterion == "bic" else cells.sum())


def saturated_log_likelihood(counts: Array, cells: Array) -> float:
    """Return the Poisson log likelihood with every observable cell at its own count; cells at 0 give 0."""
    seen = counts[(cells > 0) & (counts > 0)]
    return float(np.sum(seen * np.log(seen) - seen) - sum(math.lgamma(x + 1.0) for x in seen))


def observable_candidates(cells: Array, max_order: int | None) -> Integers:
    """Return the candidate terms that some observable cell contains; the others could not change any fit."""
    subsets = candidates(cells.size.bit_length() - 1, max_order)
    return subsets[margins(cells)[subsets] > 0]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The models of a table in the order of `rank_models`; m models, the `usable` first ones have an estimate.

    Parameters
    ----------
    table : CaptureTable
        Whose models they are.
    subsets : int64 array, shape (C,)
        Candidate terms.
    masks : int64 array, shape (m,)
        Models over `subsets`.
    columns : dict of str to array, shape (m,)
        Columns as in `rank_models`, but for ``model`` and ``p_value``.
    usable : int
        Models with an estimate.
    """

    table: CaptureTable
    subsets: Integers
    masks: Integers
    columns: dict[str, npt.NDArray[Any]]
    usable: int

    def model(self, row: int) -> str:
        """Return the notation of one model."""
        return notations(self.masks[row : row + 1], self.subsets, self.table.n_lists)[0]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per model, as `rank_models` does."""
        import pandas as pd
        from scipy.special import chdtrc

        named = {"model": notations(self.masks, self.subsets, self.table.n_lists)}
        frame = pd.DataFrame({**named, **self.columns})
        frame["p_value"] = chdtrc(frame["df"].where(frame["df"] > 0), frame["deviance"].clip(lower=0.0))
        return frame


def _on_faces(table: CaptureTable, names: list[str], columns: dict[str, npt.NDArray[Any]], values: Array) -> Flags:
    """Fill in N of the models without an estimate whose number of unseen settles, the best so many by `values`.

    Only where a list lies inside another one: elsewhere an empty cell is taken for one that could have held somebody.
    """
    from mse.estimators.single.facefit import FACE, fit_on_face

    found = np.zeros(values.size, dtype=bool)
    missing = np.flatnonzero(columns["existence"] == int(Existence.NO_MLE))
    for row in missing[np.argsort(values[missing], kind="stable")][:MOST_FACES]:
        fit = fit_on_face(table, Model.parse(names[row], table.lists))
        if fit is not None:
            columns["N"][row], columns["se"][row], columns["status"][row] = fit.N, fit.se, FACE
            found[row] = True
    return found


def _check_size(n_lists: int, subsets: Integers) -> int:
    """Return the number of models, at most so many; raise when there are too many to fit."""
    return _sized(n_lists, tuple(subsets.tolist()))


@lru_cache(maxsize=64)
def _sized(n_lists: int, terms: tuple[int, ...]) -> int:
    subsets = np.array(terms, dtype=np.int64)
    order = int(np.bitwise_count(subsets).max(initial=1))
    full = candidates(n_lists, order).size == subsets.size
    if subsets.size <= MAX_CANDIDATES:
        try:
            models = count_models(n_lists, order) if full or n_lists <= 6 else 2**subsets.size
        except ModelError:
            models = MOST_MODELS + 1
        if models <= MOST_MODELS:
            return models
    raise ModelError(
        Problem(
            said("fault.too_many_fits", lists=n_lists, order=order),
            said("allowed.most_models_six_lists_2", most_models=MOST_MODELS),
            said("do.set_max_order_2_2"),
        )
    )


@dataclass(frozen=True, slots=True)
class _Family:
    """Every model of a table as fitted, and which of them have an estimate (values of `Existence`)."""

    fits: Likelihoods
    codes: npt.NDArray[np.int8]
    usable: Flags


@lru_cache(maxsize=1)
def _held(counts: bytes, cells: bytes, subsets: bytes, existence: bool) -> list[_Family]:
    """Return where the fits of the last table are kept: it is ranked by one criterion after the other."""
    return []


_held_small = lru_cache(maxsize=256)(_held.__wrapped__)
"""The same for up to `FEW` models, of many tables: strata are ranked by one criterion after the other."""


def _family(
    table: CaptureTable, subsets: Integers, cost: float, existence: bool, most: int | None, run: Run
) -> _Family:
    """Fit every model, or the `most` best ones at this cost of a parameter, and see which have an estimate."""
    from mse.kernels.likelihoods import best_of, sweep_likelihood
    from mse.kernels.newton import CONVERGED

    counts, cells = table.dense()

    def judged(fits: Likelihoods) -> _Family:
        codes = check_models(counts, cells, fits.masks, subsets) if existence else fits.statuses.astype(np.int8)
        return _Family(fits, codes, (codes == Existence.FINE) & (fits.statuses == CONVERGED))

    # an error of √(2·tolerance)·sd in η_0: N to 1e-6 even where it is all but open
    sweep = partial(sweep_likelihood, counts, cells, subsets, tolerance=1e-15, run=run, penalty=cost)
    if _check_size(table.n_lists, subsets) > MOST_HELD:
        return judged(sweep(keep=most))
    keeping = _held_small if _check_size(table.n_lists, subsets) <= FEW else _held
    held = keeping(counts.tobytes(), cells.tobytes(), subsets.tobytes(), existence)
    if not held:
        held.append(judged(sweep()))
    return held[0] if most is None else judged(best_of(held[0].fits, cost, most))


def best_model(
    table: CaptureTable, max_order: int | None, criterion: Criterion, compute: Compute | None = None
) -> Model | None:
    """Return the model that `rank_models` puts first, without its table; None where no model has an estimate.

    Where a list lies inside another one (`nested_lists`), models without an estimate have no part in it.
    """
    counts, cells = table.dense()
    subsets = observable_candidates(cells, max_order)
    models, most = _check_size(table.n_lists, subsets), MOST_KEPT
    run = partial((compute or Compute()).map, f"ranking {models:,} models")
    cost = penalty(criterion, counts, cells)
    found = _family(table, subsets, cost, True, None if models <= most else most, run)
    if not found.usable.any():
        return None
    parameters = 1 + table.n_lists + np.bitwise_count(found.fits.masks).astype(np.int64)
    values = np.where(found.usable, -2.0 * found.fits.log_likelihoods + cost * parameters, np.inf).round(9)
    tied = np.flatnonzero(values == values.min())
    best = tied[np.lexsort((found.fits.masks[tied], parameters[tied]))[0]]
    return model_of(int(found.fits.masks[best]), subsets, table.n_lists)


def rank_models(
    table: CaptureTable,
    max_order: int | None = None,
    *,
    criterion: Criterion = "bic",
    existence: bool = True,
    keep: int = MOST_KEPT,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Fit every hierarchical log-linear model and rank them.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    max_order : int or None
        Most lists in a term; None for all but the saturated term.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observable cells) or ``"aic"``.
    existence : bool
        Whether linear programmes decide which estimates exist; otherwise the fit's own convergence does,
        which cannot tell a model that is not identifiable from one that has no estimate either.
    keep : int
        When there are more models than this, only the best so many that have an estimate are returned.
    compute : Compute, optional
        Workers and progress; the answer does not depend on it.

    Returns
    -------
    DataFrame
        One row per model: first those with a unique estimate by the criterion, the best first (ties: the
        fewer terms), then the others, also by the criterion. Columns

        * ``model``: generators, ``"[12,3]"``;
        * ``N``, ``se``: estimate and standard error, persons; ``se² = n̂_0 + n̂_0² Var(η̂_0)``; NaN where the
          status is not ``"ok"``;
        * ``deviance``, ``df``, ``aic``, ``bic``, ``bic_cells``: terms at −∞ count as parameters. Where there
          is no MLE they are the limits to which the likelihood rises; NaN where N is not identifiable;
        * ``p_value``: of the deviance on its degrees of freedom; NaN without any;
        * ``status``: ``"ok"``, ``"ok on the cells that can exist"`` (where a list lies inside another one and N settles
          although the likelihood has no maximum; see `mse.estimators.single.facefit`), ``"no MLE"``,
          ``"not identifiable"``, ``"no MLE, not identifiable"``, or ``"not converged"``;
        * ``n_infinite``: terms at −∞, whose margin is zero;
        * ``existence``: value of `Existence`.

    Raises
    ------
    ModelError
        When the table has strata, an option is out of range, or there are too many models.

    References
    ----------
    Fienberg (1972); Rivest & Baillargeon (2007); Chan, Silverman & Vincent (2021).
    """
    RankSpec(criterion, max_order, keep)
    return ranking(table, max_order, criterion, existence=existence, keep=keep, compute=compute).to_pandas()


def ranking(
    table: CaptureTable,
    max_order: int | None,
    criterion: Criterion,
    *,
    existence: bool = True,
    keep: int = MOST_KEPT,
    compute: Compute | None = None,
) -> Ranking:
    """Rank as `rank_models` does; its table is not written out.

    Raises
    ------
    ModelError
        When the table has strata or there are too many models.
    """
    counts, cells = table.dense()
    subsets = observable_candidates(cells, max_order)
    models = _check_size(table.n_lists, subsets)
    run = partial((compute or Compute()).map, f"ranking {models:,} models")
    family = _family(
        table, subsets, penalty(criterion, counts, cells), existence, None if models <= keep else keep, run
    )  # fmt: skip
    found, codes, usable = family.fits, family.codes, family.usable.copy()
    words = np.array([code.words for code in Existence], dtype=object)[codes]
    words[(codes == Existence.FINE) & ~usable] = "not converged"

    unseen = np.where(usable, np.exp(np.where(usable, found.log_unseens, 0.0)), np.nan)
    parameters = 1 + table.n_lists + np.bitwise_count(found.masks).astype(np.int64)
    log_likelihood = np.where(codes >= Existence.NOT_IDENTIFIABLE, np.nan, found.log_likelihoods)
    saturated = saturated_log_likelihood(counts, cells)
    columns: dict[str, npt.NDArray[Any]] = {
        "N": counts.sum() + unseen,
        "se": np.sqrt(unseen + unseen**2 * np.where(usable, found.variances, np.nan)),
        "deviance": np.maximum(2.0 * (saturated - log_likelihood), 0.0),
        "df": int(cells.sum()) - parameters,
        "aic": -2.0 * log_likelihood + 2.0 * parameters,
        "bic": -2.0 * log_likelihood + penalty("bic", counts, cells) * parameters,
        "bic_cells": -2.0 * log_likelihood + penalty("bic_cells", counts, cells) * parameters,
        "status": words,
        "n_infinite": found.infinite,
        "existence": codes.astype(np.int64),
    }
    if existence and nested_lists(table, NESTED):
        names = notations(found.masks, subsets, table.n_lists)
        usable |= _on_faces(table, names, columns, columns[criterion])
    # nothing but the order is lost by rounding: a tie to 1e-9 must not be broken by the last bits of a fit
    order = np.lexsort((found.masks, parameters, columns[criterion].round(9), ~usable))
    ordered = {name: column[order] for name, column in columns.items()}
    return Ranking(table, subsets, found.masks[order], ordered, int(usable.sum()))
