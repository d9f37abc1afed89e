"""Where a log-linear model on any design has no finite estimate, and what of it still has one.

The likelihood rises without end along y when Xy ≤ 0 on the open cells and Xy = 0 on those with persons in them. All
cells with Xy < 0 for some such y have fitted mean 0; what is left of the table (the *face*) has a unique fit up to
dependent columns (Fienberg & Rinaldo 2012, Annals of Statistics 40). The log mean of a hidden cell is estimable when
its row of X is a combination of the rows that are left.
"""

from __future__ import annotations

import numpy as np

from mse.computing.linearsolver import LinearProgramme
from mse.kernels.arrays import Array, Flags

_SMALL = 1e-8


def face(design: Array, occupied: Flags) -> Flags:
    """Return which cells keep a positive mean in the extended estimate, by one linear programme.

    Parameters
    ----------
    design : (R, p) float64
        Rows of the open cells.
    occupied : (R,) bool
        Whether somebody is known to be in the cell.

    Returns
    -------
    (R,) bool

    Notes
    -----
    Maximise Σz subject to z ≤ −Xy and 0 ≤ z ≤ 1 on the empty cells, Xy = 0 on the others. Directions add up and can
    be scaled, so that at the optimum z is 1 exactly where some direction lowers the cell.
    """
    keep = np.ones(design.shape[0], dtype=bool)
    empty = np.unique(design[~occupied], axis=0)
    if not empty.size:
        return keep
    m, p = empty.shape
    programme = LinearProgramme(np.repeat([-np.inf, 0.0], [p, m]), np.repeat([np.inf, 1.0], [p, m]), presolve=True)
    for i, row in enumerate(empty):
        inside = np.flatnonzero(row)
        programme.add_row(-np.inf, 0.0, np.append(inside, p + i), np.append(row[inside], 1.0))
    for row in np.unique(design[occupied], axis=0):
        inside = np.flatnonzero(row)
        programme.add_row(0.0, 0.0, inside, row[inside])
    programme.set_costs(p, np.ones(m))
    found = programme.optimum(largest=True)
    if found is not None and found.at.size:
        keep[~occupied] = design[~occupied] @ found.at[:p] > -0.5
    return keep


def independent(design: Array) -> Flags:
    """Return a largest set of linearly independent columns, the earliest ones: (p,) bool."""
    gram = _gram(design)
    rest, out = gram.copy(), np.zeros(design.shape[1], dtype=bool)
    for j in range(out.size):
        if rest[j, j] > _SMALL * max(gram[j, j], 1.0):
            out[j] = True
            rest -= np.outer(rest[:, j], rest[j]) / rest[j, j]
    return out


def estimable(design: Array, targets: Array) -> Flags:
    """Return which target rows are combinations of the rows of a design.

    Parameters
    ----------
    design : (R, p) float64
        Rows that are left.
    targets : (H, p) float64
        Rows of hidden cells.
    """
    values, vectors = np.linalg.eigh(_gram(design))
    loose = targets @ vectors[:, values <= _SMALL * max(float(values[-1]), 1.0)]
    answer: Flags = np.abs(loose).max(axis=1, initial=0.0) < 1e-5
    return answer


def _gram(design: Array) -> Array:
    """Return XᵀX over the distinct rows, whole numbers for a 0/1 design, (p, p)."""
    rows = np.unique(design, axis=0)
    gram: Array = rows.T @ rows
    return gram
