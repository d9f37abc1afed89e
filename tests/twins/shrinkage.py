"""Shrinkage written from its definition: dense design, NumPy's solver, the common part as a covariance matrix."""

import math

import numpy as np

from tests.twins.loglinear import walsh_matrix


def terms_of(n_lists, largest):
    subsets = sorted(range(2**n_lists), key=lambda s: (s.bit_count(), s))
    return [s for s in subsets if s.bit_count() <= largest]


def covariance(terms, pair_sd, ratio, common_sd, main_sd):
    """Prior covariance of all coefficients but the intercept."""
    size = np.array([t.bit_count() for t in terms[1:]])
    sd = np.where(size == 1, main_sd, pair_sd * float(ratio) ** np.maximum(size - 2, 0))
    pairs = (size == 2).astype(float)
    return np.diag(sd**2) + common_sd**2 * np.outer(pairs, pairs)


def minus_log_posterior(counts, cells, design, inverse, beta):
    eta = design @ beta
    use = np.flatnonzero(cells > 0)
    return -float((counts[use] * eta[use] - np.exp(eta[use])).sum()) + 0.5 * float(beta[1:] @ inverse @ beta[1:])


def hessian(cells, design, inverse, beta):
    mu = np.where(cells > 0, np.exp(design @ beta), 0.0)
    h = design.T @ (mu[:, None] * design)
    h[1:, 1:] += inverse
    return h, mu


def minimum(counts, cells, design, inverse, held=None):
    """The mode, over all coefficients or over those that add up to `held`."""
    beta = np.zeros(design.shape[1])
    beta[0] = math.log(counts[cells > 0].mean() + 0.5)
    if held is not None:
        beta[0] += held - beta.sum()
    one = np.ones(len(beta))
    value = minus_log_posterior(counts, cells, design, inverse, beta)
    for _ in range(400):
        h, mu = hessian(cells, design, inverse, beta)
        slope = design.T @ np.where(cells > 0, counts - mu, 0.0)
        slope[1:] -= inverse @ beta[1:]
        step = np.linalg.solve(h, slope)
        if held is not None:
            toward = np.linalg.solve(h, one)
            step = step - toward * (step.sum() / toward.sum())
        share = min(1.0, 3.0 / max(np.abs(design @ step).max(), 1e-300))
        while share > 1e-9:
            reached = minus_log_posterior(counts, cells, design, inverse, beta + share * step)
            if reached <= value + 1e-13 * abs(value):
                break
            share /= 2
        beta, value = beta + share * step, reached
        if np.abs(step).max() < 1e-13:
            break
    return beta, value


def log_density(counts, cells, terms, scales, x=None):
    """Laplace's log p(x, n) without −Σ ln n!, at the mode of all coefficients when no x is given."""
    design = walsh_matrix(len(counts).bit_length() - 1)[:, terms]
    sigma = covariance(terms, *scales)
    inverse = np.linalg.inv(sigma)
    cells = np.where(np.arange(len(cells)) == 0, 0.0, cells)
    beta, value = minimum(counts, cells, design, inverse, x)
    h, _ = hessian(cells, design, inverse, beta)
    normaliser = 0.5 * np.linalg.slogdet(2.0 * math.pi * sigma)[1]
    along = float(np.ones(len(beta)) @ np.linalg.solve(h, np.ones(len(beta))))
    out = -value - 0.5 * np.linalg.slogdet(h)[1] - normaliser
    if x is None:
        return out + 0.5 * len(beta) * math.log(2.0 * math.pi), float(beta.sum()), along
    return out - 0.5 * math.log(along) + 0.5 * (len(beta) - 1) * math.log(2.0 * math.pi)
