"""The law of the effects of areas with neighbours, slowly, from its definition: a covariance matrix, area by area."""

import math

import numpy as np


def components(count, pairs):
    """Return the sets of areas that hang together, by walking from each."""
    left, found = set(range(count)), []
    while left:
        group, edge = set(), {min(left)}
        while edge:
            group |= edge
            edge = {b for a, b in [*pairs, *[pair[::-1] for pair in pairs]] if a in edge} - group
        found.append(sorted(group))
        left -= group
    return found


def smooth_covariance(count, pairs):
    """Return the covariance of the scaled smooth part, (A, A): of each component apart; nought for islands."""
    pairs = [tuple(map(int, pair)) for pair in pairs]
    out = np.zeros((count, count))
    for group in components(count, pairs):
        if len(group) == 1:
            continue
        laplacian = np.zeros((len(group), len(group)))
        for a, b in pairs:
            if a in group:
                i, j = group.index(a), group.index(b)
                laplacian[i, i] += 1.0
                laplacian[j, j] += 1.0
                laplacian[i, j] -= 1.0
                laplacian[j, i] -= 1.0
        # the inverse among effects that sum to nought: that of L + J/n, less J/n
        inverse = np.linalg.inv(laplacian + 1.0 / len(group)) - 1.0 / len(group)
        typical = math.exp(sum(math.log(v) for v in np.diag(inverse)) / len(group))
        out[np.ix_(group, group)] = inverse / typical
    return out


def effects_log_density(effects, scale, shared, count, pairs):
    """Return the log density of effects, (A,), of scale σ of which neighbours have the share ρ in common."""
    covariance = shared * smooth_covariance(count, pairs)
    for i in range(count):
        alone = all(i not in map(int, pair) for pair in pairs)
        covariance[i, i] += 1.0 if alone else 1.0 - shared
    covariance *= scale**2
    _, logdet = np.linalg.slogdet(covariance)
    effects = np.asarray(effects)
    return -0.5 * (effects @ np.linalg.solve(covariance, effects) + logdet + count * math.log(2.0 * math.pi))
