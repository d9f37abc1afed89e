"""One log-linear model with a normal prior and a known offset: mode, curvature, evidence.

n_ω ~ Poisson(exp(η_ω + o_ω)), η = Σ β_θ χ_θ with χ_θ(ω) = (−1)^{|θ∩ω|}, β_θ ~ N(0, σ²) but for the intercept, which is
flat. The offset o fixes what the model is not allowed to learn, for example an odds ratio between two lists (Gerritse,
van der Heijden & Bakker 2015). Plain numpy: for tens of models, not for all of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mse.kernels.arrays import Array, Integers
from mse.tables.captures import DenseCells

_STEPS = 100


class PenalisedFit(NamedTuple):
    """The mode of one model.

    Attributes
    ----------
    beta : (p,) float64
        Coefficients, intercept first.
    covariance : (p, p) float64
        Inverse of the curvature there.
    mean : (2**K,) float64
        Expected persons of every cell; entry 0 is the expected number of unseen.
    log_evidence : float
        By Laplace, up to a constant that all models of one table share.
    log_sd : float
        Standard deviation of the log expected number of unseen.
    """

    beta: Array
    covariance: Array
    mean: Array
    log_evidence: float
    log_sd: float


def walsh_design(n_cells: int, terms: Integers) -> Array:
    """Return χ_θ(ω) for all 2**K cells ω and the terms θ, shape (2**K, p)."""
    shared = np.bitwise_count(np.arange(n_cells)[:, None] & terms[None, :])
    return np.asarray(1.0 - 2.0 * (shared & 1), dtype=np.float64)


def fit_penalised(dense: DenseCells, terms: Integers, sd: float, offset: Array | None = None) -> PenalisedFit:
    """Fit one model by Newton's method with halved steps.

    Parameters
    ----------
    dense : DenseCells
        Counts and observable cells, length 2**K.
    terms : (p,) int64
        Terms of the model as sets of lists; the intercept, 0, first.
    sd : float
        Prior standard deviation σ.
    offset : (2**K,) float64, optional
        o_ω, entry 0 for the unseen; zero when not given.
    """
    counts, cells = dense
    design = walsh_design(len(counts), terms)
    known = np.zeros(len(counts)) if offset is None else offset
    seen = cells > 0
    x, y, o = design[seen], counts[seen], known[seen]
    precision = np.full(len(terms), sd**-2)
    precision[0] = 0.0
    beta = np.linalg.lstsq(x, np.log(y + 0.5) - o, rcond=None)[0]

    def objective(b: Array) -> float:
        eta = x @ b + o
        return float(y @ eta - np.exp(np.minimum(eta, 700.0)).sum() - 0.5 * precision @ b**2)

    value = objective(beta)
    for _ in range(_STEPS):
        mu = np.exp(x @ beta + o)
        hessian = x.T @ (mu[:, None] * x) + np.diag(precision)
        gradient = x.T @ (y - mu) - precision * beta
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while objective(beta + length * step) < value and length > 1e-10:
            length *= 0.5
        beta = beta + length * step
        value = objective(beta)
        if float(gradient @ step) < 1e-12 * (1.0 + abs(value)):
            break
    mean = np.exp(design @ beta + known)
    hessian = x.T @ (mean[seen][:, None] * x) + np.diag(precision)
    covariance = np.linalg.inv(hessian)
    _, log_determinant = np.linalg.slogdet(hessian)
    evidence = value - (len(terms) - 1) * math.log(sd) - 0.5 * float(log_determinant)
    return PenalisedFit(beta, covariance, mean, evidence, math.sqrt(float(design[0] @ covariance @ design[0])))
