"""What a table says of the effects of the multilevel model, by a fit without those of single strata.

Of a stratum it says something of log size, of the coordinates of its lists and of what its pairs have in common, and of
these together: where the share seen is hardly known, the size is not. So the slopes and curvatures of the log
likelihood of a stratum are taken together, and what they say of one effect is what is left when the others are free
within a typical scale. Effects of many strata at once have the sums of these.
"""

from __future__ import annotations

import numpy as np

from mse.estimators.multilevel.fourbyfour import matrix_of
from mse.estimators.multilevel.targets import density_of
from mse.kernels.arrays import Array
from mse.kernels.multilevel_cells import cell_means
from mse.kernels.multilevel_model import (
    AREA,
    LIST,
    LIST_REST,
    PAIR,
    PAIR_MEAN,
    PAIR_REST,
    SIZE,
    SIZE_MEAN,
    SIZE_REST,
    Multilevel,
    effect_scales,
    positive_values,
)

FITTING = 200
"""Steps of L-BFGS."""
TYPICAL = 0.15
"""A scale as most are; tables say hardly more of an effect where another, as free as that, does the same."""
STEP = 1e-4
"""Of an effect, for its curvature."""


def with_information(model: Multilevel) -> Multilevel:
    """Return the model with `Multilevel.information` and `Multilevel.scores`; both only make chains move."""
    at, k = model.starts, model.rotation.shape[0]
    rests = [np.arange(at[SIZE_REST], at[SIZE_REST + 1])[:, None],
             np.arange(at[LIST_REST], at[LIST_REST + 1]).reshape(-1, k),
             np.arange(at[PAIR_REST], at[PAIR_REST + 1])[:, None]]  # fmt: skip
    slopes, curvature = _by_stratum(model, np.concatenate(rests, axis=1))
    alone, pulled = left_over(curvature, slopes)
    information, scores = np.zeros(at[-1]), np.zeros(at[-1])
    for entries, places in zip(rests, (slice(0, 1), slice(1, 1 + k), slice(1 + k, 2 + k)), strict=True):
        information[entries], scores[entries] = alone[:, places], pulled[:, places]
    # of many strata at once tables say what the effects of each, free within a typical scale, leave
    shared = np.linalg.inv(np.eye(curvature.shape[1]) + TYPICAL**2 * curvature) @ curvature
    size, lists, pairs = (matrix_of(design, scale.size) for design, scale in (
        (model.size, model.size_scale), (model.lists, model.list_scale), (model.pairs, model.pair_scale)))  # fmt: skip
    information[at[SIZE] : at[SIZE_REST]] = _of_columns(size, shared)[:, 0]
    information[at[LIST] : at[LIST_REST]] = _of_columns(lists, shared)[:, 1 : 1 + k].ravel()
    on = (np.arange(model.counts.shape[1])[:, None] >> np.arange(k)) & 1
    both = model.counts @ np.stack([on[:, i] * on[:, j] for j in range(k) for i in range(j)], axis=1)
    information[at[PAIR] : at[PAIR_REST]] = (pairs.T**2 @ both).ravel()
    for first, last, place in model.runs:
        if place == model.n_scales:
            information[first:last] = 0.0
    information[at[PAIR_MEAN] : at[PAIR]] = model.information[at[PAIR_MEAN] : at[PAIR]]
    if model.area_variances.size:
        together = np.zeros((model.area_variances.size, *curvature.shape[1:]))
        np.add.at(together, model.area, shared)
        information[at[AREA] :] = model.area_basis**2 @ left_over(together)[0][:, 0]
    return model._replace(information=information, scores=scores)


def left_over(curvature: Array, slopes: Array | None = None) -> tuple[Array, Array]:
    """Return what is said of each of E effects where the others are free within a typical scale.

    Parameters
    ----------
    curvature : float64 array, shape (S, E, E)
        Of minus the log likelihood.
    slopes : float64 array, shape (S, E), optional
        Of the log likelihood, where all effects are nought; nought when not given.

    Returns
    -------
    information, scores : float64 arrays, shape (S, E)
        Curvature and slope in each effect, the others at what they then are likely to be.
    """
    free = curvature + TYPICAL**-2 * np.eye(curvature.shape[1])
    inverse = np.linalg.inv(free)
    information = np.maximum(1.0 / np.diagonal(inverse, axis1=1, axis2=2) - TYPICAL**-2, 0.0)
    if slopes is None:
        return information, np.zeros_like(information)
    likely = np.einsum("sij,sj->si", inverse, slopes)
    # the mean of an effect is score / (information + 1 / scale²)
    return information, likely * (information + TYPICAL**-2)


def _of_columns(matrix: Array, curvature: Array) -> Array:
    """Return what is said of an effect along each column of a design, (S, P): (P, E)."""
    entries = curvature.shape[1]
    together = (matrix.T**2 @ curvature.reshape(len(curvature), -1)).reshape(-1, entries, entries)
    return left_over(together)[0]


def _by_stratum(model: Multilevel, rests: Array) -> tuple[Array, Array]:
    """Return slopes (S, E) and curvatures (S, E, E) of the log likelihood in the effects of strata, all of them nought.

    `rests` says where these stand among the parameters, (S, E).
    """
    from scipy.optimize import minimize

    at = model.starts
    nought = np.zeros(at[-1])
    model = model._replace(information=nought, scores=nought)
    held = np.concatenate([np.arange(at[SIZE_MEAN]), rests.ravel()])

    def downhill(x: Array) -> tuple[float, Array]:
        value, gradient = density_of(model, x)
        gradient[held] = 0.0
        return (-value, -gradient) if np.isfinite(value) else (1e12, np.zeros_like(x))

    x = minimize(downhill, nought, jac=True, method="L-BFGS-B", options={"maxiter": FITTING}).x
    plain = model._replace(follow=np.zeros_like(model.follow))
    x[at[SIZE_MEAN] : at[SIZE_REST]] -= model.follow @ _log_seen(model, x)
    scales = effect_scales(model, positive_values(model, x))[model.rest_scale]
    scales = np.concatenate([scales[:1], np.full(rests.shape[1] - 2, scales[1]), scales[2:]])
    slopes = density_of(plain, x)[1][rests] / scales
    curvature = np.empty((*rests.shape, rests.shape[1]))
    for e in range(rests.shape[1]):
        moved = x.copy()
        moved[rests[:, e]] = STEP / scales[e]
        slope = density_of(plain, moved)[1][rests]
        slope[:, e] += STEP / scales[e]
        curvature[:, :, e] = (slopes - slope / scales) / STEP
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.transpose(0, 2, 1)))
    return slopes, np.einsum("sij,sj,skj->sik", vectors, np.maximum(values, 0.0), vectors)


def _log_seen(model: Multilevel, x: Array) -> Array:
    """Return the log share of every stratum that is seen, (S,); 0 where no list works."""
    s, c = model.possible.shape
    k = model.rotation.shape[0]
    means = np.empty((1, s, c))
    cell_means(model, x[None], np.empty((1, s)), means, np.empty((1, s, k * (k + 1) // 2)))
    seen = (means[0] * model.open).sum(axis=1)
    out: Array = np.log(np.where(seen > 0.0, seen / means[0].sum(axis=1), 1.0))
    return out
