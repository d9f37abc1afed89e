"""Results of a walk over millions of models in bounded memory: the best in full, the rest as sums and bins.

Weights are exponentials of log prior + log evidence, relative to a reference that is moved only when a model
lies far above it. What a full heap pushes out goes to a grid over (mean, sd) of the log of the unseen; each
bin keeps its weight and two moments, so it can stand as one component of the posterior mixture with the
right mean and variance.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

# grid of dropped models: log unseen from −10 to 30 by a tenth, sd from 0.01 up by √2; edges catch all else
_LOWEST = -10.0
_WIDTH = 0.1
_ROWS = 400
_SMALLEST = 0.01
_COLUMNS = 24
# move the reference when a model lies this far above it: doubles hold the ratio without loss until then
_HEADROOM = 100.0


class Stream(NamedTuple):
    """What one walk has gathered so far; the arrays are written in place.

    Attributes
    ----------
    masks : (keep,) int64
        Kept models; slots from ``tally[0]`` on are unused.
    values : (keep, 4) float64
        Log weight, log evidence, log unseen (mode) and its variance of the kept models.
    heap : (keep,) int64
        Slots as a heap with the least model on top, once full.
    tally : (4,) int64
        Kept models, models met, models not converged, factorisations of four Hessians.
    sums : (4,) float64
        Reference, Σw, Σw², largest Newton decrement that was accepted.
    best : (1,) float64
        Largest log weight.
    by_byte : (8, 256) float64
        Σw over the models whose mask has a certain value in a certain byte; from them the inclusion of each
        candidate, at eight additions a model.
    bins : (rows, columns, 3) float64
        Dropped models: Σw, Σw·d, Σw·(d² + variance), with d the log unseen from the middle of its row.
    """

    masks: NDArray[np.int64]
    values: NDArray[np.float64]
    heap: NDArray[np.int64]
    tally: NDArray[np.int64]
    sums: NDArray[np.float64]
    best: NDArray[np.float64]
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


def new_stream(keep: int) -> Stream:
    """Return an empty stream that keeps at most `keep` ≥ 1 models."""
    sums = np.zeros(4)
    sums[0] = -np.inf
    return Stream(
        np.zeros(keep, np.int64),
        np.zeros((keep, 4)),
        np.zeros(keep, np.int64),
        np.zeros(4, np.int64),
        sums,
        np.full(1, -np.inf),
        np.zeros((8, 256)),
        np.zeros((_ROWS, _COLUMNS, 3)),
    )


@compiled
def _less(stream: Stream, a: int, b: int) -> bool:
    """Tell whether slot `a` ranks below slot `b`; ties go to the smaller mask."""
    x = stream.values[a, 0]
    y = stream.values[b, 0]
    return bool(x < y or (x == y and stream.masks[a] > stream.masks[b]))


@compiled
def _sift(stream: Stream, position: int) -> None:
    """Let the slot at `position` sink to its place in the heap."""
    heap = stream.heap
    size = heap.shape[0]
    slot = heap[position]
    while True:
        child = 2 * position + 1
        if child >= size:
            break
        if child + 1 < size and _less(stream, heap[child + 1], heap[child]):
            child += 1
        if not _less(stream, heap[child], slot):
            break
        heap[position] = heap[child]
        position = child
    heap[position] = slot


@compiled
def _bin(stream: Stream, log_weight: float, log_unseen: float, variance: float) -> None:
    """Add one dropped model to the grid."""
    weight = math.exp(log_weight - stream.sums[0])
    row = int(min(max((log_unseen - _LOWEST) / _WIDTH, 0.0), _ROWS - 1.0))
    steps = math.log(max(variance, _SMALLEST * _SMALLEST) / (_SMALLEST * _SMALLEST)) / math.log(2.0)
    column = int(min(steps, _COLUMNS - 1.0))
    shift = log_unseen - (_LOWEST + (row + 0.5) * _WIDTH)
    stream.bins[row, column, 0] += weight
    stream.bins[row, column, 1] += weight * shift
    stream.bins[row, column, 2] += weight * (shift * shift + variance)


@compiled
def _scale(x: NDArray[np.float64], factor: float) -> None:
    """Multiply in place."""
    for i in range(x.shape[0]):
        x[i] *= factor


@compiled
def _add_scaled(x: NDArray[np.float64], y: NDArray[np.float64], factor: float) -> None:
    """Add ``y · factor`` to `x` in place."""
    for i in range(x.shape[0]):
        x[i] += y[i] * factor


def _inclusion(stream: Stream, candidates: int) -> NDArray[np.float64]:
    """Return Σw over the models with each candidate."""
    values = np.arange(256)
    bits = (values[None, :] >> np.arange(8)[:, None]) & 1
    return (stream.by_byte @ bits.T).ravel()[:candidates]


@compiled
def _move_reference(stream: Stream, reference: float) -> None:
    """Express every sum relative to a new reference."""
    factor = math.exp(stream.sums[0] - reference)
    stream.sums[0] = reference
    stream.sums[1] *= factor
    stream.sums[2] *= factor * factor
    _scale(stream.by_byte.ravel(), factor)
    if stream.tally[1] > stream.tally[0]:
        _scale(stream.bins.ravel(), factor)


@compiled
def _keep(
    stream: Stream, mask: int, log_weight: float, log_evidence: float, log_unseen: float, variance: float
) -> None:
    """Keep the model if it is among the best so far; what it pushes out, or itself, goes to the grid."""
    keep = stream.masks.shape[0]
    kept = stream.tally[0]
    values = stream.values
    if kept < keep:
        slot = kept
        stream.heap[slot] = slot
        stream.tally[0] = kept + 1
    else:
        slot = stream.heap[0]
        worst = values[slot, 0]
        if log_weight < worst or (log_weight == worst and mask > stream.masks[slot]):
            _bin(stream, log_weight, log_unseen, variance)
            return
        _bin(stream, worst, values[slot, 2], values[slot, 3])
    stream.masks[slot] = mask
    values[slot, 0] = log_weight
    values[slot, 1] = log_evidence
    values[slot, 2] = log_unseen
    values[slot, 3] = variance
    if kept == keep:
        _sift(stream, 0)
    elif kept + 1 == keep:
        for position in range(keep // 2 - 1, -1, -1):
            _sift(stream, position)


@compiled
def add_models(
    stream: Stream, masks: NDArray[np.int64], log_priors: NDArray[np.float64], fits: NDArray[np.float64]
) -> None:
    """Add fitted models to the sums, and to the kept models or the grid.

    Parameters
    ----------
    stream : Stream
        Written in place.
    masks : (m,) int64
        Models over candidate indices.
    log_priors : (m,) float64
        Log prior of each.
    fits : (m, 3) float64
        Log evidence, mode of η_0 and its variance.
    """
    sums = stream.sums
    by_byte = stream.by_byte
    best = stream.best
    tally = stream.tally
    for i in range(masks.shape[0]):
        mask = masks[i]
        log_weight = fits[i, 0] + log_priors[i]
        tally[1] += 1
        if log_weight > best[0]:
            best[0] = log_weight
        if log_weight > sums[0] + _HEADROOM:
            _move_reference(stream, log_weight)
        weight = math.exp(log_weight - sums[0])
        sums[1] += weight
        sums[2] += weight * weight
        for byte in range(8):
            by_byte[byte, (mask >> (8 * byte)) & 255] += weight
        _keep(stream, mask, log_weight, fits[i, 0], fits[i, 1], fits[i, 2])


@compiled
def _absorb(total: Stream, part: Stream) -> None:
    """Add the stream of one task to that of all."""
    reference = max(total.sums[0], part.sums[0])
    if reference == -np.inf:
        return
    if reference > total.sums[0]:
        _move_reference(total, reference)
    factor = math.exp(part.sums[0] - reference)
    total.sums[1] += part.sums[1] * factor
    total.sums[2] += part.sums[2] * factor * factor
    total.sums[3] = max(total.sums[3], part.sums[3])
    total.best[0] = max(total.best[0], part.best[0])
    total.tally[1] += part.tally[1]
    for i in range(2, 4):
        total.tally[i] += part.tally[i]
    _add_scaled(total.by_byte.ravel(), part.by_byte.ravel(), factor)
    if part.tally[1] > part.tally[0]:
        _add_scaled(total.bins.ravel(), part.bins.ravel(), factor)
    for slot in range(part.tally[0]):
        values = part.values[slot]
        _keep(total, part.masks[slot], values[0], values[1], values[2], values[3])


def _components(stream: Stream) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weight, mean and variance of η_0 of every bin with dropped models."""
    if stream.tally[1] == stream.tally[0]:
        return np.empty(0), np.empty(0), np.empty(0)
    weights = stream.bins[:, :, 0].ravel()
    filled = weights > 0.0
    weights = weights[filled]
    shifts = stream.bins[:, :, 1].ravel()[filled] / weights
    seconds = stream.bins[:, :, 2].ravel()[filled] / weights
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
    total = parts[0]
    if len(parts) > 1:
        total = new_stream(min(keep, sum(part.masks.shape[0] for part in parts)))
        for part in parts:
            _absorb(total, part)
    _move_reference(total, float(total.best[0]))
    kept = int(total.tally[0])
    order = np.lexsort((total.masks[:kept], -total.values[:kept, 0]))
    values = total.values[:kept][order]
    weights, means, variances = _components(total)
    return Evidence(
        masks=total.masks[:kept][order],
        log_weights=values[:, 0].copy(),
        log_evidences=values[:, 1].copy(),
        log_unseens=values[:, 2].copy(),
        variances=values[:, 3].copy(),
        reference=float(total.best[0]),
        total=float(total.sums[1]),
        total_square=float(total.sums[2]),
        inclusion=_inclusion(total, candidates) / total.sums[1],
        dropped_weights=weights,
        dropped_means=means,
        dropped_variances=variances,
        models=int(total.tally[1]),
        not_converged=int(total.tally[2]),
        worst_decrement=float(total.sums[3]),
    )
