"""Slow plain versions of the latent class model: its density, the exact law of N on tiny tables, a Gibbs sampler.

With strata a table is a list of observations: who is on what (a tuple of 0 and 1), the strata that it may be, persons;
and `operates`, (S, J), the lists that operate in each stratum.
"""

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


def log_density_of_strata(observations, operates, classes, shape, rate, x):
    """Return log likelihood and log prior with strata, by the definitions; the prior without its constant."""
    strata, lists = operates.shape
    plain = (lists + 1) * classes - 1
    _, prior = log_density(np.zeros((0, lists), dtype=bool), [], classes, shape, rate, x[:plain])
    g = x[plain:].reshape(strata, classes)
    share = np.exp(g) / np.exp(g).sum(axis=0)
    caught = 1.0 / (1.0 + np.exp(-x[: lists * classes].reshape(lists, classes)))
    stick = 1.0 / (1.0 + np.exp(-x[lists * classes : plain]))
    weight = np.append(stick, 1.0) * np.append(1.0, np.cumprod(1.0 - stick))

    def chance(row, stratum):
        """0 where the row has somebody on a list that does not operate."""
        total = 0.0
        for k in range(classes):
            term = weight[k] * share[stratum, k]
            for j in range(lists):
                if operates[stratum, j]:
                    term *= caught[j, k] if row[j] else 1.0 - caught[j, k]
                elif row[j]:
                    term = 0.0
            total += term
        return total

    seen = sum(
        chance(row, s)
        for s in range(strata)
        for row in product(*((0, 1) if here else (0,) for here in operates[s]))
        if any(row)
    )
    likelihood = sum(n * math.log(sum(chance(row, s) for s in where) / seen) for row, where, n in observations)
    return likelihood, prior + (g - np.exp(g)).sum()


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


def exact_law(on, counts, largest, shape=0.25, rate=0.25, stratum=None):
    """Return P(N = n … largest | N <= largest, table) for two classes, every allocation of persons summed over.

    With `stratum`, 0 or 1 for each cell, also the expected unseen of stratum 0 given N: those of class k, u_k, are in
    stratum 0 with probability (1 + m_k0) / (2 + m_k), m_k the observed of the class and m_k0 those in stratum 0. How
    labels of the unseen fall has no influence on the law of N.
    """
    counts = np.asarray(counts)
    n, lists = int(counts.sum()), on.shape[1]
    moments = log_stick_moments(largest, shape, rate)
    splits = np.array(list(product(*(range(c + 1) for c in counts))))
    ways = (gammaln(counts + 1.0) - gammaln(splits + 1.0) - gammaln(counts - splits + 1.0)).sum(axis=1)
    first, second = splits.sum(axis=1), (counts - splits).sum(axis=1)
    on_first, on_second = splits @ on, (counts - splits) @ on
    labels, at_first, at_second = 0.0, 0.0, 0.0
    if stratum is not None:
        first_0, second_0 = (part[:, np.asarray(stratum) == 0].sum(axis=1) for part in (splits, counts - splits))
        labels = betaln(1.0 + first_0, 1.0 + first - first_0) + betaln(1.0 + second_0, 1.0 + second - second_0)
        at_first, at_second = (1.0 + first_0) / (2.0 + first), (1.0 + second_0) / (2.0 + second)
    logs, expected = [], []
    for unseen in range(largest - n + 1):
        here = np.arange(unseen + 1)[:, None]
        there = unseen - here
        size = n + unseen
        term = -math.log(size) + gammaln(size + 1.0) - gammaln(here + 1.0) - gammaln(there + 1.0) + ways
        term = term + moments[first + here, second + there]
        for j in range(lists):
            term = term + betaln(1.0 + on_first[:, j], 1.0 + first + here - on_first[:, j])
            term = term + betaln(1.0 + on_second[:, j], 1.0 + second + there - on_second[:, j])
        term = term + labels
        logs.append(logsumexp(term))
        expected.append((np.exp(term - logs[-1]) * (here * at_first + there * at_second)).sum())
    sizes, mass = np.arange(n, largest + 1), np.exp(np.array(logs) - logsumexp(logs))
    return (sizes, mass) if stratum is None else (sizes, mass, np.array(expected))


def gibbs(on, counts, classes, sweeps, rng, shape=0.25, rate=0.25, start=None, most=math.inf):
    """Return draws of N by the sampler of Manrique-Vallier (2016), every person's class and the unseen drawn.

    `start` holds λ, (K, J), and π to start from; with `most`, n_0 is drawn given that it is at most that many.
    """
    lists, n = on.shape[1], int(counts.sum())
    rows = np.vstack([np.zeros(lists, dtype=bool), on])
    caught = rng.random((classes, lists))
    weights = np.full(classes, 1.0 / classes)
    if start is not None:
        caught, weights = start
    alpha, sizes, unseen = 1.0, np.empty(sweeps), 0
    for sweep in range(sweeps):
        chance = weights * np.where(rows[:, None, :], caught, 1.0 - caught).prod(axis=2)
        total = chance.sum(axis=1)
        tries = rng.negative_binomial(n, 1.0 - total[0], 1 if most == math.inf else 200)
        unseen = next((x for x in tries if x <= most), unseen)
        held = rng.multinomial(np.concatenate([[unseen], counts]), chance / total[:, None])
        members = held.sum(axis=0)
        caught_of = held.T @ rows
        caught = rng.beta(1.0 + caught_of, 1.0 + members[:, None] - caught_of)
        weights, alpha = _weights(members, alpha, shape, rate, rng)
        sizes[sweep] = n + unseen
    return sizes


def gibbs_of_strata(observations, operates, classes, sweeps, rng, shape=0.25, rate=0.25):
    """Return draws of N by stratum, (sweeps, S), every person's class and stratum and the unseen drawn."""
    strata, lists = operates.shape
    n = sum(count for _, _, count in observations)
    caught, share = rng.random((classes, lists)), rng.dirichlet(np.ones(strata), classes)
    weights, alpha, sizes = np.full(classes, 1.0 / classes), 1.0, np.empty((sweeps, strata))
    nobody = ((0,) * lists, range(strata), 0)

    def chances(row, where):
        """Return the probability of a record for every stratum and class, (S, K)."""
        out = np.zeros((strata, classes))
        for s in where:
            if not any(row[j] and not operates[s, j] for j in range(lists)):
                here = operates[s]
                out[s] = weights * share[:, s] * np.where(row, caught, 1.0 - caught)[:, here].prod(axis=1)
        return out

    for sweep in range(sweeps):
        unseen = rng.negative_binomial(n, 1.0 - chances(*nobody[:2]).sum())
        on, off = np.zeros((classes, lists)), np.zeros((classes, lists))
        held = np.zeros((strata, classes))
        for row, where, count in [*observations, (*nobody[:2], unseen)]:
            p = chances(row, where)
            parts = rng.multinomial(count, (p / p.sum()).ravel()).reshape(strata, classes)
            held += parts
            for j in range(lists):
                here = parts[operates[:, j]].sum(axis=0)
                if row[j]:
                    on[:, j] += here
                else:
                    off[:, j] += here
        caught = rng.beta(1.0 + on, 1.0 + off)
        share = np.array([rng.dirichlet(1.0 + held[:, k]) for k in range(classes)])
        weights, alpha = _weights(held.sum(axis=0), alpha, shape, rate, rng)
        sizes[sweep] = held.sum(axis=1)
    return sizes


def _weights(members, alpha, shape, rate, rng):
    """Return π and α given the members of each class and the α before."""
    above = members.sum() - np.cumsum(members)
    # Sticks by their logarithms: cut off at 1 - 1e-15, small α would never come back.
    taken, left = (
        np.log(rng.gamma(a + 1.0)) + np.log(rng.random(len(members) - 1)) / a
        for a in (1.0 + members[:-1], alpha + above[:-1])
    )
    both = np.logaddexp(taken, left)
    rest = np.append(0.0, np.cumsum(left - both))
    weights = np.exp(rest + np.append(taken - both, 0.0))
    return weights / weights.sum(), rng.gamma(shape + len(members) - 1.0) / (rate - rest[-1])
