"""A given set of models, each fitted on its own from a cold start."""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.newton import cold_start, fit_loglinear

Array = NDArray[np.float64]


@compiled
def terms_of(mask: int, candidates: NDArray[np.int64], lists: int) -> NDArray[np.int64]:
    """Return intercept, single lists and the candidates in `mask`, shape (p,)."""
    terms = np.zeros(1 + lists + candidates.shape[0], np.int64)
    for j in range(lists):
        terms[1 + j] = 1 << j
    p = 1 + lists
    for i in range(candidates.shape[0]):
        if (mask >> i) & 1:
            terms[p] = candidates[i]
            p += 1
    return terms[:p]


@compiled
def fit_model(
    counts: Array, cells: Array, candidates: NDArray[np.int64], mask: int, precision: float, out: Array
) -> None:
    """Write log evidence, mode of η_0 and its variance of one model, (3,); arguments as in `fit_models`."""
    lists = 0
    while 1 << lists < counts.shape[0]:
        lists += 1
    terms = terms_of(mask, candidates, lists)
    fit = fit_loglinear(counts, cells, terms, precision, cold_start(counts, cells, terms, precision), 100, 1e-10)
    out[0] = fit.log_evidence
    out[1] = fit.log_unseen
    out[2] = fit.var_log_unseen


@compiled
def fit_models(
    counts: Array, cells: Array, candidates: NDArray[np.int64], masks: NDArray[np.int64], precision: float
) -> Array:
    """Fit the models in `masks` with a normal prior.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in ``fit_loglinear``.
    candidates : (c,) int64
        Terms that the bits of a mask stand for.
    masks : (m,) int64
        Models.
    precision : float
        1/σ² of the prior; positive.

    Returns
    -------
    (m, 3) float64
        Laplace log evidence, mode of η_0, its variance.
    """
    out = np.empty((masks.shape[0], 3))
    for m in range(masks.shape[0]):
        fit_model(counts, cells, candidates, masks[m], precision, out[m])
    return out
