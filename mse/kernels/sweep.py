"""Every hierarchical model of a table, fitted with a normal prior and weighed by its evidence."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.enumeration import facet_masks, split_walk
from mse.kernels.loglinear import CONVERGED, cold_start, fit_loglinear
from mse.kernels.streaming import Evidence, Stream, add_model, merge, new_stream

# models in a sub-tree at most: 195 tasks for the six-list family, each a fraction of a second
LARGEST_TASK = 100_000


@compiled
def sweep_subtree(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    facets: NDArray[np.int64],
    precision: float,
    log_prior_by_size: NDArray[np.float64],
    mask: int,
    following: int,
    keep: int,
    tolerance: float,
) -> Stream:
    """Fit and weigh the models of one sub-tree.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`.
    candidates, facets : (c,) int64
        As in `facet_masks`.
    precision : float
        1/σ² of the prior on every coefficient but the intercept; positive.
    log_prior_by_size : (c + 1,) float64
        Log prior of a model with 0, 1, … c candidate terms.
    mask, following : int
        The sub-tree, as in `count_models`.
    keep : int
        Models to keep in full.
    tolerance : float
        Half the squared Newton decrement at which a fit is accepted.

    Returns
    -------
    Stream
        For `merge`.
    """
    size = candidates.shape[0]
    lists = 0
    while 1 << lists < counts.shape[0]:
        lists += 1
    stream = new_stream(keep)
    terms = np.zeros(1 + lists + size, np.int64)
    for j in range(lists):
        terms[1 + j] = 1 << j
    p = 1 + lists
    for i in range(size):
        if (mask >> i) & 1:
            terms[p] = candidates[i]
            p += 1
    root = p
    present = p - 1 - lists
    masks = np.empty(size + 1, np.int64)
    nexts = np.empty(size + 1, np.int64)
    betas = np.zeros((size + 1, terms.shape[0]))
    betas[0, :p] = cold_start(counts, cells, terms[:p], precision)
    masks[0] = mask
    nexts[0] = following
    depth = 0
    arrived = True
    while depth >= 0:
        p = root + depth
        if arrived:
            fit = fit_loglinear(counts, cells, terms[:p], precision, betas[depth, :p], 100, tolerance)
            betas[depth, :p] = fit.beta
            log_weight = fit.log_evidence + log_prior_by_size[present + depth]
            if fit.status != CONVERGED:
                stream.tally[2] += 1
            stream.sums[3] = max(stream.sums[3], 0.5 * fit.decrement**2)
            add_model(stream, masks[depth], log_weight, fit.log_evidence, fit.log_unseen, fit.var_log_unseen)
        here = masks[depth]
        i = nexts[depth]
        while i < size and facets[i] & ~here != 0:
            i += 1
        arrived = i < size
        if not arrived:
            depth -= 1
            continue
        nexts[depth] = i + 1
        betas[depth + 1, :p] = betas[depth, :p]
        betas[depth + 1, p] = 0.0
        terms[p] = candidates[i]
        depth += 1
        masks[depth] = here | (1 << i)
        nexts[depth] = i + 1
    return stream


def sweep_evidence(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    precision: float,
    log_prior_by_size: NDArray[np.float64],
    *,
    keep: int,
    tolerance: float = 1e-10,
    run: Callable[[Callable[[tuple[int, int]], Stream], list[tuple[int, int]]], Iterable[Stream]] = map,
) -> Evidence:
    """Fit every hierarchical model over `candidates` and weigh them by log prior + Laplace evidence.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        Persons by history, and 1 where a history can be observed; entry 0 is ignored in both.
    candidates : (c,) int64
        Terms with at least two members that models may have, by size then value; c ≤ 63.
    precision : float
        1/σ² of the prior N(0, σ²) on every coefficient but the intercept; positive.
    log_prior_by_size : (c + 1,) float64
        Log prior of a model with 0, 1, … c candidate terms.
    keep : int
        Models to return in full, the best by log weight; the others are in the sums and bins.
    tolerance : float
        Half the squared Newton decrement at which a fit is accepted.
    run : callable
        An ordered map of a function over tasks, such as `map` itself or one over threads (the kernels release
        the GIL). The answer does not depend on it.

    Returns
    -------
    Evidence
        See there.
    """
    facets = facet_masks(candidates)
    roots = [(int(mask), int(following)) for mask, following in split_walk(facets, LARGEST_TASK)]
    task = partial(
        _task, counts, cells, candidates, facets, precision, log_prior_by_size, keep, tolerance
    )
    return merge(list(run(task, roots)), candidates.shape[0])


def _task(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    facets: NDArray[np.int64],
    precision: float,
    log_prior_by_size: NDArray[np.float64],
    keep: int,
    tolerance: float,
    root: tuple[int, int],
) -> Stream:
    """Fit one sub-tree: a plain function, so that it can be sent to a worker."""
    return sweep_subtree(
        counts, cells, candidates, facets, precision, log_prior_by_size, root[0], root[1], keep, tolerance
    )
