"""One model on one table by extended maximum likelihood, small enough to stand inside a resampling loop."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.newton import CONVERGED, Fit, cold_start, fit_loglinear

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# half the squared decrement at which an answer, and at which a fit on the way to one, is accepted
EXACT = 1e-14
ROUGH = 1e-9


class Shape(NamedTuple):
    """A table with what does not change from model to model.

    Attributes
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`; cells on a list that nobody is on are already taken out.
    totals : (2^K,) float64
        Margins n*_θ = Σ_{ω⊇θ} n_ω over the observable cells.
    main : (≤ K + 1,) int64
        The intercept and the lists that somebody is on.
    """

    counts: Array
    cells: Array
    totals: Array
    main: Integers


@compiled
def superset_sums(x: Array) -> None:
    """Replace ``x[θ]`` by Σ_{ω⊇θ} x[ω], in place: `x` is (2^K,) float64."""
    half = 1
    while half < x.shape[0]:
        for block in range(0, x.shape[0], 2 * half):
            for i in range(block, block + half):
                x[i] += x[i + half]
        half *= 2


@compiled
def shape_of(counts: Array, cells: Array) -> Shape:
    """Return what `fit_extended` needs of a table; arguments as in `fit_loglinear`."""
    size = counts.shape[0]
    totals = np.zeros(size)
    active = np.zeros(size)
    for cell in range(1, size):
        if cells[cell] > 0.0:
            totals[cell] = counts[cell]
            active[cell] = 1.0
    superset_sums(totals)
    main = np.zeros(64, np.int64)
    n_main = 1
    lists = 1
    while lists < size:
        if totals[lists] > 0.0:
            main[n_main] = lists
            n_main += 1
        else:
            for cell in range(size):
                if cell & lists:
                    active[cell] = 0.0
        lists *= 2
    return Shape(counts, active, totals, main[:n_main].copy())


@compiled
def fit_extended(shape: Shape, terms: Integers, tolerance: float, max_steps: int) -> Fit:
    """Fit main effects and `terms`; those with a zero margin go to −∞ and take their cells along.

    Parameters
    ----------
    shape : Shape
        The table.
    terms : (t,) int64
        The terms of two and more lists of a hierarchical model.
    tolerance, max_steps
        As in `fit_loglinear`.

    Returns
    -------
    Fit
        Of what is left (Fienberg & Rinaldo 2012). Status `CONVERGED` means that the estimate exists and is
        unique: along a direction of no maximum each Newton step moves a log mean by 1, and is never settled.
    """
    chosen = np.empty(shape.main.shape[0] + terms.shape[0], np.int64)
    p = shape.main.shape[0]
    chosen[:p] = shape.main
    active = shape.cells
    whole = True
    for i in range(terms.shape[0]):
        if shape.totals[terms[i]] > 0.0:
            chosen[p] = terms[i]
            p += 1
            continue
        if whole:
            active = shape.cells.copy()
            whole = False
        for cell in range(active.shape[0]):
            if cell & terms[i] == terms[i]:
                active[cell] = 0.0
    start = cold_start(shape.counts, active, chosen[:p], 0.0)
    return fit_loglinear(shape.counts, active, chosen[:p], 0.0, start, max_steps, tolerance)


@compiled
def independence(shape: Shape, observed: float) -> tuple[float, float]:
    """Return η_0 and its variance under independent lists, with its limit where no estimate exists.

    Parameters
    ----------
    shape : Shape
        The table.
    observed : float
        Persons.

    Returns
    -------
    log_unseen, variance : float
        ``inf`` and NaN when nobody is on two lists; ``-inf`` and NaN when one list holds everybody.
    """
    overlap = -observed
    for i in range(1, shape.main.shape[0]):
        total = shape.totals[shape.main[i]]
        if total == observed:
            return -np.inf, np.nan
        overlap += total
    if overlap <= 0.0:
        return np.inf, np.nan
    fit = fit_extended(shape, np.empty(0, np.int64), EXACT, 200)
    if fit.status != CONVERGED:
        return np.nan, np.nan
    return fit.log_unseen, fit.var_log_unseen


@compiled
def persons(shape: Shape) -> float:
    """Return the persons in observable cells."""
    return float(shape.totals[0])
