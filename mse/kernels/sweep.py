"""Every hierarchical model of a table, fitted with a normal prior and weighed by its evidence."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.enumeration import count_models, facet_masks, split_walk
from mse.kernels.lanes import WIDE
from mse.kernels.neighbours import fit_neighbours
from mse.kernels.newton import cold_start, fit_loglinear
from mse.kernels.octets import fit_octet
from mse.kernels.streaming import Evidence, Stream, gather_models, merge
from mse.kernels.treelevels import Subtree, list_levels, list_terms, predict
from mse.kernels.workspaces import Octet, Target, new_octet, new_target

# models in a sub-tree at most: 195 tasks for the six-list family, each a fraction of a second
LARGEST_TASK = 100_000
# the dual saves elimination but costs transforms: what those weigh, in rows of a system
_DUAL_COST = 4
# factorisations after which eight models are given up
_MAX_FACTORS = 100
# with more models than this those without weight are fitted to ROUGH: log evidences within 6e-3, 1e-4 in mean
MANY, ROUGH = 100_000, 1e-6
# log of how much less than the best model found by climbing a model may weigh to be fitted to the end
_DEPTH = 12.0


def _partition(size: int, candidates: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the subsets that are in every model, and those that are in none."""
    free = set(range(size)).difference(candidates.tolist())
    always = [0, *(1 << j for j in range(size.bit_length() - 1))]
    return np.array(always, np.int64), np.array(sorted(free.difference(always)), np.int64)


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
    rough: float,
    floor: float,
) -> Stream:
    """Fit and weigh the models of one sub-tree, level by level and eight at a time.

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
    tolerance, rough : float
        Half the squared Newton decrement at which a fit is accepted, and that at which the fit of a model is with a log
        weight below `floor`.
    floor : float
        See there.

    Returns
    -------
    Stream
        For `merge`.
    """
    size = counts.shape[0]
    target = new_target(counts, cells, precision)
    always, never = _partition(size, candidates)
    subtree = list_levels(facets, count_models(facets, mask, following), mask, following, size)
    present = [i for i in range(candidates.shape[0]) if (mask >> i) & 1]
    terms = np.concatenate([always, candidates[present]])
    start = cold_start(target.counts, target.cells, terms, precision)
    fit = fit_loglinear(target.counts, target.cells, terms, precision, start, 100, tolerance)
    subtree.betas[0] = 0.0
    subtree.betas[0, terms] = fit.beta
    fits = np.empty((subtree.masks.shape[0], 3))
    work = new_octet(size)
    own = -1 << following
    factors, failures, worst = _fit_subtree(
        fits, work, target, subtree, candidates, always, never, log_prior_by_size, terms.shape[0], own, tolerance,
        rough, floor,
    )  # fmt: skip
    priors = log_prior_by_size[np.bitwise_count(subtree.masks)]
    return gather_models(subtree.masks, priors, fits, keep, not_converged=failures, factors=factors, worst=worst)


@compiled
def _fit_subtree(
    fits: NDArray[np.float64],
    work: Octet,
    target: Target,
    subtree: Subtree,
    candidates: NDArray[np.int64],
    always: NDArray[np.int64],
    never: NDArray[np.int64],
    log_prior_by_size: NDArray[np.float64],
    terms: int,
    own: int,
    tolerance: float,
    rough: float,
    floor: float,
) -> tuple[int, int, float]:
    """Fit the models of a sub-tree whose root has so many `terms` and is fitted already.

    Writes log evidence, mode of η_0 and its variance to the (m, 3) `fits`; `own` as in `predict`. Returns
    factorisations, fits that did not arrive, and the largest half squared decrement.
    """
    masks = subtree.masks
    betas = subtree.betas
    levels = subtree.levels
    beta = work.beta
    places = work.places
    log_evidence = work.log_evidence
    log_unseen = work.log_unseen
    variance = work.variance
    half_square = work.half_square
    size = betas.shape[1]
    eight = np.empty(WIDE, np.int64)
    rows = np.empty(16, np.int64)
    expected = np.empty(size, np.float32)
    failures = 0
    factors = 0
    worst = 0.0
    p = terms
    level = 0
    while levels[level, 2] > 0:
        dual = size - p + _DUAL_COST < p
        end = levels[level + 1, 0]
        for first in range(levels[level, 0], end, WIDE):
            for lane in range(WIDE):
                row = min(first + lane, end - 1)
                eight[lane] = masks[row]
                predict(subtree, row, level, own, rows, expected)
                for i in range(size):
                    beta[i, lane] = expected[i]
            order, common = list_terms(places, eight, candidates, never if dual else always, dual)
            factors += fit_octet(work, target, p, order, common, rough, _MAX_FACTORS)
            heavy = False
            for lane in range(WIDE):
                weight = log_evidence[0, lane] + log_prior_by_size[p - always.shape[0]]
                heavy = heavy or (weight > floor and half_square[0, lane] > tolerance)
            if heavy:
                factors += fit_octet(work, target, p, order, common, tolerance, _MAX_FACTORS)
            for lane in range(min(WIDE, end - first)):
                row = first + lane
                failures += not half_square[0, lane] <= rough
                worst = max(worst, half_square[0, lane])
                fits[row, 0] = log_evidence[0, lane]
                fits[row, 1] = log_unseen[0, lane]
                fits[row, 2] = variance[0, lane]
                for i in range(size):
                    betas[row, i] = beta[i, lane]
        level += 1
        p += 1
    return factors, failures, worst


def sweep_evidence(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    precision: float,
    log_prior_by_size: NDArray[np.float64],
    *,
    keep: int,
    tolerance: float = 1e-12,
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
        Half the squared Newton decrement at which a fit is accepted. A log evidence is then wrong by a few
        times its root at most (1e-6 at 1e-12), and usually by far less, since the last step overshoots. Of more than
        `MANY` models those with less than e^-12 of the weight of the best one that climbing finds are fitted to
        `ROUGH`.
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
    rough, floor = tolerance, -np.inf
    if int(count_models(facets, 0, 0).sum()) > MANY:
        rough = max(tolerance, ROUGH)
        floor = _climb(counts, cells, candidates, facets, precision, log_prior_by_size) - _DEPTH
    task = partial(
        _task, counts, cells, candidates, facets, precision, log_prior_by_size, keep, tolerance, rough, floor
    )
    return merge(list(run(task, roots)), keep, candidates.shape[0])


def _task(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    facets: NDArray[np.int64],
    precision: float,
    log_prior_by_size: NDArray[np.float64],
    keep: int,
    tolerance: float,
    rough: float,
    floor: float,
    root: tuple[int, int],
) -> Stream:
    """Fit one sub-tree: a plain function, so that it can be sent to a worker."""
    return sweep_subtree(
        counts, cells, candidates, facets, precision, log_prior_by_size, root[0], root[1], keep, tolerance, rough, floor
    )


def _climb(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    facets: NDArray[np.int64],
    precision: float,
    log_prior_by_size: NDArray[np.float64],
) -> float:
    """Return the log weight of the model at which climbing by one term at a time from main effects ends."""
    mask, best = 0, -np.inf
    while True:
        near = [i for i in range(len(candidates)) if _hierarchical(mask ^ (1 << i), facets)]
        changes = np.array([sum(1 << i for i in near)], np.int64)
        fits = fit_neighbours(counts, cells, candidates, precision, np.array([mask], np.int64), changes)
        weights = fits[:, 0] + log_prior_by_size[[(mask ^ (1 << i)).bit_count() for i in near]]
        weights = np.where(np.isfinite(weights), weights, -np.inf)
        if len(near) == 0 or not weights.max() > best:
            return best
        best, mask = float(weights.max()), mask ^ (1 << near[int(weights.argmax())])


def _hierarchical(mask: int, facets: NDArray[np.int64]) -> bool:
    """Return whether all that a term needs is in the model with it."""
    return all(mask & int(need) == int(need) for i, need in enumerate(facets) if mask >> i & 1)
