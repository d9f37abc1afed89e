"""Slow plain versions of the kernels of log-linear models, written from the definitions.

A fit is Newton's method with a design matrix, NumPy's solver and step halving; models are found by trying
every set of terms; an evidence is an integral over a grid.
"""

import math
from itertools import chain, combinations, product

import numpy as np


def walsh_matrix(n_lists):
    size = 2**n_lists
    return np.array([[(-1.0) ** (theta & omega).bit_count() for theta in range(size)] for omega in range(size)])


def candidates(n_lists, largest=None):
    """Subsets with two members or more, without the full set unless `largest` says so: by size, then value."""
    subsets = [s for s in range(2**n_lists) if 2 <= s.bit_count() <= (largest or n_lists - 1)]
    return np.array(sorted(subsets, key=lambda s: (s.bit_count(), s)), dtype=np.int64)


def hierarchical_models(subsets):
    """Every set of candidates that holds all subsets, with two members or more, of what it holds; as masks."""
    subsets = [int(s) for s in subsets]
    found = []
    for chosen in chain.from_iterable(combinations(range(len(subsets)), k) for k in range(len(subsets) + 1)):
        members = {subsets[i] for i in chosen}
        if all(part in members for s in members for part in range(1, s) if part & ~s == 0 and part.bit_count() >= 2):
            found.append(sum(1 << i for i in chosen))
    return found


def all_masks(subsets):
    """Masks of every hierarchical model over these candidates, ascending: one candidate joins after the other."""
    index = {int(term): i for i, term in enumerate(subsets)}
    masks = np.zeros(1, dtype=np.int64)
    for term, i in index.items():
        lists = [j for j in range(term.bit_length()) if term >> j & 1]
        needed = np.int64(sum(1 << index[term & ~(1 << j)] for j in lists if len(lists) > 2))
        masks = np.concatenate([masks, masks[(masks & needed) == needed] | np.int64(1 << i)])
    return masks


def terms_of(mask, subsets, n_lists):
    inside = [int(s) for i, s in enumerate(subsets) if mask >> i & 1]
    return np.array([0, *(1 << j for j in range(n_lists)), *inside], dtype=np.int64)


def fit(counts, cells, terms, precision=0.0):
    """(β, log unseen, its variance, log likelihood, log evidence) of one model."""
    n_lists = len(counts).bit_length() - 1
    use = [c for c in range(1, len(counts)) if cells[c] > 0]
    everything = walsh_matrix(n_lists)[:, terms]
    x, y = everything[use], counts[use]
    penalty = np.full(len(terms), precision)
    penalty[0] = 0.0
    beta = np.zeros(len(terms))
    beta[0] = math.log(y.mean() + 0.5)

    def objective(b):
        return y @ (x @ b) - np.exp(x @ b).sum() - 0.5 * penalty @ b**2

    for _ in range(500):
        mu = np.exp(x @ beta)
        hessian = x.T @ (mu[:, None] * x) + np.diag(penalty)
        score = x.T @ (y - mu) - penalty * beta
        step = np.linalg.solve(hessian, score)
        share = 1.0
        while not objective(beta + share * step) >= objective(beta) - 1e-9 and share > 1e-9:
            share /= 2
        beta = beta + share * step
        if score @ step < 1e-18:
            break
    mu = np.exp(x @ beta)
    hessian = x.T @ (mu[:, None] * x) + np.diag(penalty)
    log_likelihood = y @ (x @ beta) - mu.sum() - sum(math.lgamma(v + 1) for v in y)
    unseen = everything[0]
    variance = unseen @ np.linalg.solve(hessian, unseen)
    log_evidence = math.nan
    if precision > 0:
        log_evidence = (
            log_likelihood
            - 0.5 * penalty @ beta**2
            + 0.5 * (len(terms) - 1) * math.log(precision)
            + 0.5 * math.log(2 * math.pi)
            - 0.5 * np.linalg.slogdet(hessian)[1]
        )
    return beta, unseen @ beta, variance, log_likelihood, log_evidence


def quadrature(counts, cells, terms, precision, points=61, width=7.0):
    """Log of the integral of likelihood × prior over a grid that spans `width` sds around the mode."""
    n_lists = len(counts).bit_length() - 1
    use = [c for c in range(1, len(counts)) if cells[c] > 0]
    x, y = walsh_matrix(n_lists)[np.ix_(use, terms)], counts[use]
    beta = fit(counts, cells, terms, precision)[0]
    mu = np.exp(x @ beta)
    ridge = precision * np.diag([0.0, *np.ones(len(terms) - 1)])
    scale = np.linalg.cholesky(np.linalg.inv(x.T @ (mu[:, None] * x) + ridge))
    axis = np.linspace(-width, width, points)
    z = np.array(list(product(axis, repeat=len(terms))))
    b = beta + z @ scale.T
    eta = b @ x.T
    log_density = eta @ y - np.exp(eta).sum(1) - sum(math.lgamma(v + 1) for v in y)
    log_density += (-0.5 * precision * b[:, 1:] ** 2 + 0.5 * math.log(precision / (2 * math.pi))).sum(1)
    top = log_density.max()
    volume = (axis[1] - axis[0]) ** len(terms) * np.prod(np.diag(scale))
    return top + math.log(np.exp(log_density - top).sum() * volume)


def extended_fit(counts, cells, terms):
    """Maximum likelihood after terms with an empty margin and their cells are deleted; and how many were."""
    cells = np.array(cells, dtype=float)
    empty = [
        t for t in terms if t and sum(counts[c] for c in range(1, len(counts)) if c & t == t and cells[c] > 0) == 0
    ]
    for t in empty:
        for c in range(len(counts)):
            if c & t == t:
                cells[c] = 0.0
    rest = np.array([t for t in terms if t not in empty], dtype=np.int64)
    return (*fit(counts, cells, rest), len(empty))


def permute(counts, order):
    """The same table with list j renamed order[j]."""
    result = np.zeros_like(counts)
    for cell, value in enumerate(counts):
        result[sum(1 << order[j] for j in range(len(order)) if cell >> j & 1)] = value
    return result
