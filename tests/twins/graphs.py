"""Slow plain versions of mse.kernels.graphs, written from the definitions.

Graphs: a graph is decomposable when its vertices can be taken away one by one, each with neighbours that are
all joined; cliques are found by trying every subset; separators come from a heaviest spanning tree of the
cliques. Posterior: Madigan & York (1997, section 3) term by term, with scipy's gammaln.
"""

from itertools import combinations

import numpy as np
from scipy.special import gammaln, logsumexp

from mse.kernels.graphs import Grid


def _joined(vertices, edges):
    return all(frozenset(pair) in edges for pair in combinations(sorted(vertices), 2))


def is_decomposable(n_lists, edges):
    left = set(range(n_lists))
    while left:
        for v in left:
            if _joined({u for u in left if frozenset((u, v)) in edges}, edges):
                left.remove(v)
                break
        else:
            return False
    return True


def has_chordless_cycle(n_lists, edges):
    """The definition itself: some four or more vertices induce one cycle and nothing else."""
    for size in range(4, n_lists + 1):
        for vertices in combinations(range(n_lists), size):
            inside = [e for e in edges if e <= set(vertices)]
            if len(inside) != size or any(sum(v in e for e in inside) != 2 for v in vertices):
                continue
            reached, before = {vertices[0]}, 0
            while len(reached) > before:
                before = len(reached)
                reached |= {v for e in inside if e & reached for v in e}
            if len(reached) == size:
                return True
    return False


def cliques_of(n_lists, edges):
    complete = [
        frozenset(c) for size in range(1, n_lists + 1) for c in combinations(range(n_lists), size) if _joined(c, edges)
    ]
    return [c for c in complete if not any(c < other for other in complete)]


def separators_of(cliques):
    """Intersections along a heaviest spanning tree of the cliques (Kruskal); empty ones count."""
    tree_of = list(range(len(cliques)))
    found = []
    pairs = sorted(combinations(range(len(cliques)), 2), key=lambda p: -len(cliques[p[0]] & cliques[p[1]]))
    for a, b in pairs:
        if tree_of[a] != tree_of[b]:
            found.append(cliques[a] & cliques[b])
            old = tree_of[b]
            tree_of = [tree_of[a] if t == old else t for t in tree_of]
    return found


def all_graphs(n_lists):
    """Every decomposable graph as (edges, cliques, separators), in the order of the edge mask."""
    pairs = [frozenset(p) for p in combinations(range(n_lists), 2)]
    found = []
    for mask in range(2 ** len(pairs)):
        edges = {p for i, p in enumerate(pairs) if mask >> i & 1}
        if is_decomposable(n_lists, edges):
            cliques = cliques_of(n_lists, edges)
            found.append((edges, cliques, separators_of(cliques)))
    return found


def bits(lists):
    return sum(1 << j for j in lists)


def log_factor(counts, n_lists, delta, lists, unseen):
    """log m(c | n0) as printed: every marginal cell, and the total with its own gamma functions."""
    mask = bits(lists)
    whole = {0: float(unseen)} | {h: float(counts[h]) for h in range(1, 2**n_lists)}
    margin = {}
    for history, count in whole.items():
        margin[history & mask] = margin.get(history & mask, 0.0) + count
    prior = delta * 2 ** (n_lists - len(lists))
    total, people = delta * 2**n_lists, sum(whole.values())
    value = gammaln(total) - gammaln(people + total)
    return value + sum(gammaln(m + prior) - gammaln(prior) for m in margin.values())


def posterior(counts, n_lists, delta, unseen, widths, graphs, log_prior):
    """Mass over the grid, graph weights, mean of N per graph and log evidence; graphs are equally likely."""
    log_joint = np.empty((len(graphs), len(unseen)))
    observed = sum(counts[1:])
    for j, n0 in enumerate(unseen):
        shared = gammaln(observed + n0 + 1) - gammaln(n0 + 1) - gammaln(np.asarray(counts[1:]) + 1.0).sum()
        shared += log_prior(observed + n0) - np.log(len(graphs)) + np.log(widths[j])
        for g, (_, cliques, separators) in enumerate(graphs):
            log_joint[g, j] = (
                shared
                + sum(log_factor(counts, n_lists, delta, c, n0) for c in cliques)
                - sum(log_factor(counts, n_lists, delta, s, n0) for s in separators)
            )
    evidence = logsumexp(log_joint)
    joint = np.exp(log_joint - evidence)
    weights = joint.sum(axis=1)
    return joint.sum(axis=0), weights, joint @ (observed + np.asarray(unseen)) / weights, evidence


def every_integer(first: int, last: int) -> Grid:
    """Return the grid of all whole unseen counts from `first` to `last`."""
    unseen = np.arange(first, last + 1, dtype=np.float64)
    return Grid(unseen, np.ones_like(unseen))
