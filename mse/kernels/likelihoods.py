"""Every hierarchical model of a table, fitted by (extended) maximum likelihood."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.enumeration import count_models, facet_masks, split_walk
from mse.kernels.newton import CONVERGED, cold_start, fit_loglinear

# models in a sub-tree at most; a task holds all of its models in memory
LARGEST_TASK = 100_000

type Run = Callable[[Callable[[tuple[int, int]], Likelihoods], list[tuple[int, int]]], Iterable[Likelihoods]]
"""An ordered map of a function over sub-trees, such as `map` itself."""


class Likelihoods(NamedTuple):
    """Maximum-likelihood fits, one entry per model.

    Attributes
    ----------
    masks : (m,) int64
        Models over candidate indices: in the order of the walk, or best first when only some were kept.
    log_unseens : (m,) float64
        η_0, the log of the expected unseen.
    variances : (m,) float64
        Variance of η_0; NaN where the information is singular.
    log_likelihoods : (m,) float64
        Poisson log likelihood with −ln n!; cells whose fitted mean is 0 by a term at −∞ contribute 0.
    infinite : (m,) int64
        Terms at −∞: their margin is 0, so they and the cells that contain them were deleted (extended MLE,
        Fienberg & Rinaldo 2012). They still count as parameters (Chan, Silverman & Vincent 2021).
    statuses : (m,) int64
        Status of the fit of what is left; see `mse.kernels.newton`.
    models : int
        Models met, kept or not.
    not_converged : int
        Models met whose status is not `CONVERGED`.
    """

    masks: NDArray[np.int64]
    log_unseens: NDArray[np.float64]
    variances: NDArray[np.float64]
    log_likelihoods: NDArray[np.float64]
    infinite: NDArray[np.int64]
    statuses: NDArray[np.int64]
    models: int
    not_converged: int


@compiled
def empty_margins(
    counts: NDArray[np.float64], cells: NDArray[np.float64], terms: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell for every term whether nobody is in a cell that contains it.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`.
    terms : (p,) int64
        Non-empty subsets as bitmasks.

    Returns
    -------
    (p,) bool
        True where ``Σ_{ω ⊇ θ} n_ω = 0`` over the active cells: the MLE of the term is −∞.
    """
    empty = np.ones(terms.shape[0], np.bool_)
    for i in range(terms.shape[0]):
        for cell in range(1, counts.shape[0]):
            if cell & terms[i] == terms[i] and cells[cell] > 0.0 and counts[cell] > 0.0:
                empty[i] = False
    return empty


@compiled
def likelihood_subtree(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    facets: NDArray[np.int64],
    mask: int,
    following: int,
    tolerance: float,
) -> Likelihoods:
    """Fit the models of one sub-tree by extended maximum likelihood.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As in `fit_loglinear`.
    candidates, facets : (c,) int64
        As in `facet_masks`.
    mask, following : int
        The sub-tree, as in `count_models`.
    tolerance : float
        As in `fit_loglinear`.

    Returns
    -------
    Likelihoods
        Every model of the sub-tree in the order of the walk.
    """
    size = candidates.shape[0]
    lists = 0
    while 1 << lists < counts.shape[0]:
        lists += 1
    models = int(count_models(facets, mask, following).sum())
    found = Likelihoods(
        np.empty(models, np.int64),
        np.empty(models),
        np.empty(models),
        np.empty(models),
        np.empty(models, np.int64),
        np.empty(models, np.int64),
        models,
        0,
    )
    everything = np.empty(lists + size, np.int64)
    for j in range(lists):
        everything[j] = 1 << j
    copy_to(everything[lists:], candidates)
    empty = empty_margins(counts, cells, everything)

    # by depth: the terms that are fitted, the cells that are left, the coefficients, the terms at −∞
    terms = np.zeros((size + 1, 1 + lists + size), np.int64)
    finite = np.zeros(size + 1, np.int64)
    active = np.empty((size + 1, counts.shape[0]))
    betas = np.zeros((size + 1, 1 + lists + size))
    infinite = np.zeros(size + 1, np.int64)
    warm = np.zeros(size + 1, np.bool_)
    masks = np.empty(size + 1, np.int64)
    nexts = np.empty(size + 1, np.int64)

    copy_to(active[0], cells)
    finite[0] = 1
    for i in range(lists + size):
        if i < lists or (mask >> (i - lists)) & 1:
            _enter(everything[i], empty[i], terms[0], finite, active[0], infinite, 0)
    masks[0] = mask
    nexts[0] = following
    depth = 0
    row = 0
    not_converged = 0
    arrived = True
    while depth >= 0:
        if arrived:
            p = finite[depth]
            model = terms[depth, :p]
            if warm[depth]:
                fit = fit_loglinear(counts, active[depth], model, 0.0, betas[depth, :p], 100, tolerance)
            if not warm[depth] or fit.status != CONVERGED:
                start = cold_start(counts, active[depth], model, 0.0)
                fit = fit_loglinear(counts, active[depth], model, 0.0, start, 100, tolerance)
            warm[depth] = fit.status == CONVERGED
            not_converged += fit.status != CONVERGED
            copy_to(betas[depth], fit.beta)
            found.masks[row] = masks[depth]
            found.log_unseens[row] = fit.log_unseen
            found.variances[row] = fit.var_log_unseen
            found.log_likelihoods[row] = fit.log_likelihood
            found.infinite[row] = infinite[depth]
            found.statuses[row] = fit.status
            row += 1
        here = masks[depth]
        i = nexts[depth]
        while i < size and facets[i] & ~here != 0:
            i += 1
        arrived = i < size
        if not arrived:
            depth -= 1
            continue
        nexts[depth] = i + 1
        p = finite[depth]
        depth += 1
        copy_to(terms[depth], terms[depth - 1, :p])
        copy_to(betas[depth], betas[depth - 1, :p])
        betas[depth, p] = 0.0
        copy_to(active[depth], active[depth - 1])
        finite[depth] = p
        infinite[depth] = infinite[depth - 1]
        warm[depth] = warm[depth - 1]
        _enter(candidates[i], empty[lists + i], terms[depth], finite, active[depth], infinite, depth)
        masks[depth] = here | (1 << i)
        nexts[depth] = i + 1
    return Likelihoods(
        found.masks,
        found.log_unseens,
        found.variances,
        found.log_likelihoods,
        found.infinite,
        found.statuses,
        models,
        not_converged,
    )


@compiled
def _enter(
    term: int,
    empty: bool,
    terms: NDArray[np.int64],
    finite: NDArray[np.int64],
    active: NDArray[np.float64],
    infinite: NDArray[np.int64],
    depth: int,
) -> None:
    """Put a term into the model at `depth`, or delete it and its cells when its margin is empty."""
    if not empty:
        terms[finite[depth]] = term
        finite[depth] += 1
        return
    infinite[depth] += 1
    for cell in range(active.shape[0]):
        if cell & term == term:
            active[cell] = 0.0


def sweep_likelihood(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    *,
    penalty: float,
    keep: int | None = None,
    tolerance: float = 1e-12,
    run: Run = map,
) -> Likelihoods:
    """Fit every hierarchical model over `candidates` by extended maximum likelihood.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        Persons by history, and 1 where a history can be observed; entry 0 is ignored in both.
    candidates : (c,) int64
        Terms with at least two members that models may have, by size then value; c ≤ 63.
    penalty : float
        Cost of a parameter when models are ranked by ``−2ℓ + penalty · p``: ln n for BIC, 2 for AIC. The p
        parameters are the intercept, the lists and all candidate terms, those at −∞ included.
    keep : int, optional
        Return only so many models, the converged ones with the smallest criterion first. None returns all
        of them in the order of the walk.
    tolerance : float
        As in `fit_loglinear`.
    run : callable
        An ordered map over tasks, as in `sweep_evidence`.

    Returns
    -------
    Likelihoods
        See there.
    """
    facets = facet_masks(candidates)
    roots = [(int(mask), int(following)) for mask, following in split_walk(facets, LARGEST_TASK)]
    task = partial(_task, counts, cells, candidates, facets, tolerance, penalty, keep)
    parts = list(run(task, roots))
    found = Likelihoods(
        np.concatenate([part.masks for part in parts]),
        np.concatenate([part.log_unseens for part in parts]),
        np.concatenate([part.variances for part in parts]),
        np.concatenate([part.log_likelihoods for part in parts]),
        np.concatenate([part.infinite for part in parts]),
        np.concatenate([part.statuses for part in parts]),
        sum(part.models for part in parts),
        sum(part.not_converged for part in parts),
    )
    return found if keep is None else best_of(found, penalty, keep)


def _task(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    candidates: NDArray[np.int64],
    facets: NDArray[np.int64],
    tolerance: float,
    penalty: float,
    keep: int | None,
    root: tuple[int, int],
) -> Likelihoods:
    """Fit one sub-tree and keep its best: a plain function, so that it can be sent to a worker."""
    found = likelihood_subtree(counts, cells, candidates, facets, root[0], root[1], tolerance)
    return found if keep is None else best_of(found, penalty, keep)


def best_of(found: Likelihoods, penalty: float, keep: int) -> Likelihoods:
    """Return the `keep` best converged models, best first; ties go to the smaller mask."""
    criterion = penalty * np.bitwise_count(found.masks) - 2.0 * found.log_likelihoods
    criterion[found.statuses != CONVERGED] = np.inf
    order = np.lexsort((found.masks, criterion))[:keep]
    order = order[np.isfinite(criterion[order])]
    return Likelihoods(
        found.masks[order],
        found.log_unseens[order],
        found.variances[order],
        found.log_likelihoods[order],
        found.infinite[order],
        found.statuses[order],
        found.models,
        found.not_converged,
    )
