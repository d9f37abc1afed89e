"""Slow plain versions of the latent class model: its density, the exact law of N on tiny tables, a Gibbs sampler."""

import math
from itertools import product

import numpy as np
from scipy.special import betaln, gammaln, logsumexp


def log_density(on, counts, classes, shape, rate, x):
    """Return log likelihood and log prior of the logits, by the definitions; the prior without its constant."""
    lists = on.shape[1]
    logistic = [1.0 / (1.0 + math.exp(-z)) for z in x]
    caught = [[logistic[j * classes + k] for k in range(classes)] for j in range(lists)]
    sticks = logistic[lists * classes :]
    weights, rest, log_rest = [], 1.0, 0.0
    for v in sticks:
        weights.append(rest * v)
        rest *= 1.0 - v
        log_rest += math.log1p(-v)
    weights.append(rest)

    def chance(row):
        return sum(
            w * math.prod(caught[j][k] if row[j] else 1.0 - caught[j][k] for j in range(lists))
            for k, w in enumerate(weights)
        )

    seen = sum(chance(row) for row in product((0, 1), repeat=lists) if any(row))
    likelihood = sum(n * math.log(chance(row) / seen) for row, n in zip(on, counts, strict=True))
    prior = sum(math.log(p) + math.log1p(-p) for p in logistic)  # the Jacobian; λ is uniform
    prior -= (
        log_rest  # ∫ α^(K−1) Π (1 − V)^(α − 1) dGamma(α; a, b) = Π 1/(1 − V) x constant / (b − log_rest)^(a + K − 1)
    )
    prior -= (shape + classes - 1.0) * math.log(rate - log_rest)
    return likelihood, prior


def log_stick_moments(most, shape, rate):
    """Return log E[V^s (1 − V)^t] for s + t up to `most`, V the only stick of two classes, shape (most + 1, most + 1).

    With u = −log(1 − V), u has density a b^a / (b + u)^(a + 1); the trapezoid in log u converges geometrically.
    """
    logs = np.arange(-40.0, 200.0, 0.1)
    u = np.exp(logs)
    base = math.log(shape) + shape * math.log(rate) - (shape + 1.0) * np.log(rate + u) + logs + math.log(0.1)
    log_v = np.log(-np.expm1(-u))
    out = np.full((most + 1, most + 1), -np.inf)
    for s in range(most + 1):
        t = np.arange(most + 1 - s)
        out[s, : most + 1 - s] = logsumexp(base + s * log_v - t[:, None] * u, axis=1)
    return out


def exact_law(on, counts, largest, shape=0.25, rate=0.25):
    """Return P(N = n … largest | N <= largest, table) for two classes, every allocation of persons summed over."""
    counts = np.asarray(counts)
    n, lists = int(counts.sum()), on.shape[1]
    moments = log_stick_moments(largest, shape, rate)
    splits = np.array(list(product(*(range(c + 1) for c in counts))))
    ways = (gammaln(counts + 1.0) - gammaln(splits + 1.0) - gammaln(counts - splits + 1.0)).sum(axis=1)
    first, second = splits.sum(axis=1), (counts - splits).sum(axis=1)
    on_first, on_second = splits @ on, (counts - splits) @ on
    logs = []
    for unseen in range(largest - n + 1):
        here = np.arange(unseen + 1)[:, None]
        there = unseen - here
        size = n + unseen
        term = -math.log(size) + gammaln(size + 1.0) - gammaln(here + 1.0) - gammaln(there + 1.0) + ways
        term = term + moments[first + here, second + there]
        for j in range(lists):
            term = term + betaln(1.0 + on_first[:, j], 1.0 + first + here - on_first[:, j])
            term = term + betaln(1.0 + on_second[:, j], 1.0 + second + there - on_second[:, j])
        logs.append(logsumexp(term))
    return np.arange(n, largest + 1), np.exp(np.array(logs) - logsumexp(logs))


def gibbs(on, counts, classes, sweeps, rng, shape=0.25, rate=0.25):
    """Return draws of N by the sampler of Manrique-Vallier (2016), every person's class and the unseen drawn."""
    lists, n = on.shape[1], int(counts.sum())
    rows = np.vstack([np.zeros(lists, dtype=bool), on])
    caught = rng.random((classes, lists))
    weights = np.full(classes, 1.0 / classes)
    alpha, sizes = 1.0, np.empty(sweeps)
    for sweep in range(sweeps):
        chance = weights * np.where(rows[:, None, :], caught, 1.0 - caught).prod(axis=2)
        total = chance.sum(axis=1)
        unseen = rng.negative_binomial(n, 1.0 - total[0])
        held = rng.multinomial(np.concatenate([[unseen], counts]), chance / total[:, None])
        members = held.sum(axis=0)
        caught_of = held.T @ rows
        caught = rng.beta(1.0 + caught_of, 1.0 + members[:, None] - caught_of)
        above = members.sum() - np.cumsum(members)
        # Sticks by their logarithms: cut off at 1 - 1e-15, small α would never come back.
        taken, left = (
            np.log(rng.gamma(a + 1.0)) + np.log(rng.random(classes - 1)) / a
            for a in (1.0 + members[:-1], alpha + above[:-1])
        )
        both = np.logaddexp(taken, left)
        rest = np.append(0.0, np.cumsum(left - both))
        weights = np.exp(rest + np.append(taken - both, 0.0))
        weights /= weights.sum()
        alpha = rng.gamma(shape + classes - 1.0) / (rate - rest[-1])
        sizes[sweep] = n + unseen
    return sizes
