"""A log-linear model on the cells that can exist, where a list lies wholly inside another one.

Nobody is on the inner list without the outer. In a model with their interaction the likelihood then rises for ever,
while those cells go to 0, and the number of unseen settles: the maximum is on a face of the table (Fienberg & Rinaldo
2012, section 3), and there N is that of the remaining cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mse.errors import ModelError, Problem
from mse.estimators.single.existence import Existence, check_model, family_of, margins, unseen_limit
from mse.estimators.single.recession import Programme
from mse.kernels.arrays import Array
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import said

MOST_STEPS = 100
FACE = "ok on the cells that can exist"
"""Status of a model whose N is that of a face."""


class FaceFit(NamedTuple):
    """N on a face.

    Parameters
    ----------
    N, unseen, se : float
        Persons; ``se² = n̂_0 + n̂_0² Var(η̂_0)``.
    log_likelihood : float
        Poisson, with −ln n!; the supremum that the likelihood of the model rises to.
    cells : int
        Cells that can exist.
    """

    N: float
    unseen: float
    se: float
    log_likelihood: float
    cells: int


def fit_on_face(table: CaptureTable, model: Model) -> FaceFit | None:
    """Fit a model without an estimate on the cells that can exist; None where the number of unseen does not settle.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    model : Model
        Any.

    Raises
    ------
    ModelError
        When the steps do not converge.
    """
    counts, cells = table.dense()
    if check_model(counts, cells, model) is not Existence.NO_MLE or unseen_limit(counts, cells, model) != "settles":
        return None
    subsets = np.array([t for t in model.terms if t.bit_count() > 1], dtype=np.int64)
    mask = np.array([(1 << subsets.size) - 1], dtype=np.int64)
    family, totals = family_of(counts, cells, mask, subsets), margins(counts * cells)
    programme = Programme(family, counts, totals)
    gone = programme.vanishing(False)
    fitted = (family.masks[0] & family.blockers[programme.rows]) == 0
    kept = np.array([bool(fitted[i]) and i not in gone for i in range(programme.rows.size)])
    design = programme.design[kept][:, family.estimated(family.finite[0], programme.terms.size)]
    y = counts[programme.rows[kept]]
    unseen, variance, log_likelihood = _poisson(y, design, table.name)
    se = float(np.sqrt(unseen + unseen**2 * variance))
    return FaceFit(table.observed + unseen, unseen, se, log_likelihood, int(kept.sum()))


def _poisson(y: Array, design: Array, name: str) -> tuple[float, float, float]:
    """Return the mean of the cell of the constant alone, the variance of its log, and the log likelihood.

    Columns may be dependent on a face; what is asked for is not.
    """
    from scipy.special import gammaln

    u, s, _ = np.linalg.svd(design, full_matrices=False)
    basis = u[:, s > 1e-10 * s[0]]
    # η_0 = (1, 0, …, 0) β as a combination of the η of the cells
    weights = np.linalg.pinv(design.T) @ np.eye(design.shape[1])[0]
    b = basis.T @ np.log(y + 0.5)
    for _ in range(MOST_STEPS):
        mu = np.exp(basis @ b)
        information = (basis.T * mu) @ basis
        step = np.linalg.solve(information, basis.T @ (y - mu))
        b = b + step * min(1.0, 5.0 / max(np.abs(basis @ step).max(), 1e-300))
        if np.abs(step).max() < 1e-11:
            break
    else:
        raise ModelError(
            Problem(said("found.fit_cells_can_exist"), said("allowed.model_newtons_method_can"),
                    said("do.drop_interaction_report_table"), file=said("what.table", name=name))
        )  # fmt: skip
    eta = basis @ b
    along = basis.T @ weights
    variance = float(along @ np.linalg.solve((basis.T * np.exp(eta)) @ basis, along))
    value = float(y @ eta - np.exp(eta).sum() - gammaln(y + 1.0).sum())
    return float(np.exp(weights @ eta)), variance, value
