"""Results of a walk over millions of models in bounded memory: the best in full, the rest as sums and bins.

Weights are exponentials of log prior + log evidence, relative to the largest. What is not kept goes to a grid over
(mean, sd) of the log of the unseen; each bin keeps its weight and two moments, so it can stand as one component of the
posterior mixture with the right mean and variance.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# grid of dropped models: log unseen from −10 to 30 by a tenth, sd from 0.01 up by √2; edges catch all else
_LOWEST = -10.0
_WIDTH = 0.1
_ROWS = 400
_SMALLEST = 0.01
_COLUMNS = 24


class Stream(NamedTuple):
    """What the walk over one sub-tree has gathered.

    Attributes
    ----------
    masks : (k,) int64
        Kept models.
    values : (k, 4) float64
        Log weight, log evidence, log unseen (mode) and its variance of the kept models.
    models, not_converged, factors : int
        Models met, those whose fit did not arrive, and factorisations.
    reference : float
        Largest log weight, to which the sums are relative.
    total, total_square, worst : float
        Σw, Σw², largest half squared Newton decrement.
    by_byte : (8, 256) float64
        Σw over the models whose mask has a certain value in a certain byte; from them the inclusion of each
        candidate, at eight additions a model.
    bins : (rows · columns, 3) float64
        Dropped models: Σw, Σw·d, Σw·(d² + variance), with d the log unseen from the middle of its row.
    """

    masks: NDArray[np.int64]
    values: NDArray[np.float64]
    models: int
    not_converged: int
    factors: int
    reference: float
    total: float
    total_square: float
    worst: float
    by_byte: NDArray[np.float64]
    bins: NDArray[np.float64]


class Evidence(NamedTuple):
    """All hierarchical models of a table, weighed.

    Weights are relative: ``w = exp(log weight − reference)``, the best model has 1.

    Attributes
    ----------
    masks : (k,) int64
        Kept models over candidate indices, best first.
    log_weights : (k,) float64
        Log prior + log evidence.
    log_evidences : (k,) float64
        Laplace log evidence.
    log_unseens : (k,) float64
        Mode of η_0, the log of the expected unseen.
    variances : (k,) float64
        Variance of η_0 at the mode.
    reference : float
        Largest log weight.
    total : float
        Σw over all models, kept or not: ``reference + ln(total)`` is the log of the summed weight.
    total_square : float
        Σw²; ``total² / total_square`` is the effective number of models.
    inclusion : (c,) float64
        Σw over the models with the candidate, divided by `total`: posterior inclusion probabilities.
    dropped_weights, dropped_means, dropped_variances : (b,) float64
        The models that are not kept, gathered in bins: Σw, mean of η_0, and its variance within the bin (mean
        of the variances plus variance of the modes).
    models : int
        Models met.
    not_converged : int
        Models whose fit ran out of steps; their weights are in the sums as they came out.
    worst_decrement : float
        Largest half squared Newton decrement among the accepted fits.
    """

    masks: NDArray[np.int64]
    log_weights: NDArray[np.float64]
    log_evidences: NDArray[np.float64]
    log_unseens: NDArray[np.float64]
    variances: NDArray[np.float64]
    reference: float
    total: float
    total_square: float
    inclusion: NDArray[np.float64]
    dropped_weights: NDArray[np.float64]
    dropped_means: NDArray[np.float64]
    dropped_variances: NDArray[np.float64]
    models: int
    not_converged: int
    worst_decrement: float


def gather_models(
    masks: NDArray[np.int64],
    log_priors: NDArray[np.float64],
    fits: NDArray[np.float64],
    keep: int,
    *,
    not_converged: int,
    factors: int,
    worst: float,
) -> Stream:
    """Return the best of fitted models, and all of them in sums and bins.

    Parameters
    ----------
    masks : (m,) int64
        Models over candidate indices.
    log_priors : (m,) float64
        Log prior of each.
    fits : (m, 3) float64
        Log evidence, mode of η_0 and its variance; a model whose log evidence is not a number weighs nothing.
    keep : int
        Models to keep at most.
    not_converged, factors, worst
        As in `Stream`.
    """
    values = np.column_stack([fits[:, 0] + log_priors, fits])
    log_weights = _ranked(values)
    reference = float(log_weights.max())
    weights = _weights(log_weights, reference)
    by_byte = np.stack([np.bincount((masks >> 8 * byte) & 255, weights, 256) for byte in range(8)])
    best = _best(log_weights, masks, keep)
    return Stream(
        masks[best], values[best], len(masks), not_converged, factors, reference, float(weights.sum()),
        float(np.square(weights).sum()), worst, by_byte, _binned(values[~best], reference),
    )  # fmt: skip


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log weights, least where there is none."""
    return np.where(np.isnan(values[:, 0]), -np.inf, values[:, 0])


def _weights(log_weights: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """Return weights relative to a reference; nothing when that is none."""
    return np.exp(log_weights - reference) if reference > -np.inf else np.zeros(len(log_weights))


def _best(log_weights: NDArray[np.float64], masks: NDArray[np.int64], keep: int) -> NDArray[np.bool_]:
    """Tell which models are among the best so many; among equals the smaller masks are."""
    least = np.partition(log_weights, -keep)[-keep] if len(masks) > keep else -np.inf
    chosen = log_weights > least
    equal = np.flatnonzero(log_weights == least)
    chosen[equal[np.argsort(masks[equal])[: keep - int(chosen.sum())]]] = True
    return chosen


def _binned(values: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """Return the grid of dropped models, given as in `Stream`; weights relative to the reference."""
    if len(values) == 0:
        return np.zeros((_ROWS * _COLUMNS, 3))
    weights = _weights(_ranked(values), reference)
    values = values[weights > 0.0]
    weights = weights[weights > 0.0]
    rows = np.clip((values[:, 2] - _LOWEST) / _WIDTH, 0, _ROWS - 1).astype(np.int64)
    steps = np.log2(np.maximum(values[:, 3] / _SMALLEST**2, 1.0))
    places = rows * _COLUMNS + np.minimum(steps, _COLUMNS - 1).astype(np.int64)
    shifts = values[:, 2] - (_LOWEST + (rows + 0.5) * _WIDTH)
    moments = weights, weights * shifts, weights * (shifts * shifts + values[:, 3])
    return np.stack([np.bincount(places, moment, _ROWS * _COLUMNS) for moment in moments], axis=1)


def _inclusion(by_byte: NDArray[np.float64], candidates: int) -> NDArray[np.float64]:
    """Return Σw over the models with each candidate."""
    values = np.arange(256)
    bits = (values[None, :] >> np.arange(8)[:, None]) & 1
    return (by_byte @ bits.T).ravel()[:candidates]


def _components(bins: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weight, mean and variance of η_0 of every bin with dropped models."""
    filled = bins[:, 0] > 0.0
    weights = bins[filled, 0]
    shifts = bins[filled, 1] / weights
    seconds = bins[filled, 2] / weights
    middles = np.repeat(_LOWEST + (np.arange(_ROWS) + 0.5) * _WIDTH, _COLUMNS)[filled]
    return weights, middles + shifts, seconds - shifts * shifts


def merge(parts: Sequence[Stream], keep: int, candidates: int) -> Evidence:
    """Return the results of all sub-trees as one.

    Parameters
    ----------
    parts : sequence of Stream
        One per sub-tree, in the order of `split_walk`: sums are added in this order whatever the number of
        workers that made them.
    keep : int
        Models to keep in full; each sub-tree must have kept as many, or all it has.
    candidates : int
        Number of candidate terms.

    Returns
    -------
    Evidence
        Kept models best first; everything relative to the best.
    """
    masks = np.concatenate([part.masks for part in parts])
    log_weights = np.concatenate([_ranked(part.values) for part in parts])
    reference = float(log_weights.max())
    best = _best(log_weights, masks, keep)
    masks = masks[best]
    kept: list[NDArray[np.float64]] = []
    bins = np.zeros((_ROWS * _COLUMNS, 3))
    by_byte = np.zeros((8, 256))
    total = total_square = 0.0
    first = 0
    for part in parts:
        chosen = best[first : first + len(part.masks)]
        first += len(part.masks)
        kept.append(part.values[chosen])
        factor = float(_weights(np.array([part.reference]), reference)[0])
        total += part.total * factor
        total_square += part.total_square * factor * factor
        by_byte += part.by_byte * factor
        bins += part.bins * factor + _binned(part.values[~chosen], reference)
    values = np.concatenate(kept)
    order = np.lexsort((masks, -values[:, 0]))
    values = values[order]
    weights, means, variances = _components(bins)
    return Evidence(
        masks=masks[order],
        log_weights=values[:, 0].copy(),
        log_evidences=values[:, 1].copy(),
        log_unseens=values[:, 2].copy(),
        variances=values[:, 3].copy(),
        reference=reference,
        total=total,
        total_square=total_square,
        inclusion=_inclusion(by_byte, candidates) / total,
        dropped_weights=weights,
        dropped_means=means,
        dropped_variances=variances,
        models=sum(part.models for part in parts),
        not_converged=sum(part.not_converged for part in parts),
        worst_decrement=max(part.worst for part in parts),
    )
