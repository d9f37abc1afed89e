"""All of one maximum-likelihood fit in one call, for a table of which every cell can be observed."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.cholesky import factorise, solve_lower
from mse.kernels.compiled import compiled
from mse.kernels.newton import CONVERGED, Fit, cold_start, fit_loglinear
from mse.kernels.walsh import transform

Array = NDArray[np.float64]


class Single(NamedTuple):
    """A fit with what is reported of it.

    Attributes
    ----------
    plain : bool
        Whether the estimate exists and is unique: every cell can be observed, every list has somebody on it, some cell
        that is left is no term, and Newton's last step moved no log mean by 1 or more, so that means a step further are
        a positive table with these margins. Otherwise nothing else is to be read.
    finite : (p,) bool
        Terms with a margin above 0; the others are at −∞, and their cells are taken out (extended MLE).
    fit : Fit
        As `fit_loglinear` gives it for the finite terms.
    corner, corner_se : (p,) float64
        Coefficients in 0/1 coding, γ_φ = (−2)^|φ| Σ_{θ⊇φ} β_θ, and their standard errors; −∞ and NaN likewise.
    fitted : (2^K,) float64
        Means; 0 in cells that are taken out.
    saturated : float
        Poisson log likelihood with every cell at its own count.
    """

    plain: bool
    finite: NDArray[np.bool_]
    fit: Fit
    corner: Array
    corner_se: Array
    fitted: Array
    saturated: float


@compiled
def fit_single(counts: Array, cells: Array, terms: NDArray[np.int64]) -> Single:
    """Fit one model by extended maximum likelihood.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`.
    terms : (p,) int64
        All terms of a hierarchical model but the saturated one, the intercept first.
    """
    size = counts.shape[0]
    p = terms.shape[0]
    plain = True
    saturated = 0.0
    for cell in range(1, size):
        plain = plain and cells[cell] > 0.0
        if counts[cell] > 0.0:
            saturated += counts[cell] * math.log(counts[cell]) - counts[cell] - math.lgamma(counts[cell] + 1.0)
    kept = cells.copy()
    finite = np.ones(p, np.bool_)
    for i in range(1, p):
        margin = 0.0
        for cell in range(1, size):
            if cell & terms[i] == terms[i]:
                margin += counts[cell]
        if margin == 0.0:
            finite[i] = False
            plain = plain and terms[i] & (terms[i] - 1) != 0
            for cell in range(1, size):
                if cell & terms[i] == terms[i]:
                    kept[cell] = 0.0
    own = terms[finite]
    loose = True
    for cell in range(1, size):
        if kept[cell] > 0.0 and loose:
            loose = False
            for i in range(own.shape[0]):
                loose = loose or own[i] == cell
    fit = fit_loglinear(counts, kept, own, 0.0, cold_start(counts, kept, own, 0.0), 100, 1e-14)
    corner = np.full(p, -math.inf)
    corner_se = np.full(p, math.nan)
    fitted = fit.mu * kept
    plain = plain and not loose and fit.status == CONVERGED
    if plain:
        q = own.shape[0]
        moments = fitted.copy()
        moments[0] = 0.0
        transform(moments)
        h = np.empty((q, q))
        for i in range(q):
            for j in range(i + 1):
                h[i, j] = moments[own[i] ^ own[j]]
        plain = factorise(h, q, 1e-13) == 0
        row = np.empty(q)
        for i in range(p):
            if not finite[i]:
                continue
            scale = 1.0
            rest = terms[i]
            while rest:
                scale *= -2.0 if rest & 1 else 1.0
                rest >>= 1
            corner[i] = 0.0
            for j in range(q):
                row[j] = scale if own[j] & terms[i] == terms[i] else 0.0
                corner[i] += row[j] * fit.beta[j]
            solve_lower(h, q, row)
            square = 0.0
            for j in range(q):
                square += row[j] * row[j]
            corner_se[i] = math.sqrt(square)
    fitted[0] = fit.mu[0]
    return Single(plain, finite, fit, corner, corner_se, fitted, saturated)
