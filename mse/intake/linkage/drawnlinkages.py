"""Linkages drawn at random from what the pairs say, so that the uncertainty of the linkage reaches the answer.

Match probabilities belong to pairs, and pairs contradict each other: A may be B, and B may be C, while A cannot be C.
To draw each pair for itself and join what hangs together would put all three together in such a case, and make long
chains in a large register. What is drawn is therefore a **partition** of the registrations into persons, which is
transitive:

1. Pairs with a probability of `CERTAIN` or more are links in every draw. Registrations joined by them are one *node*.
2. Between two nodes stands the mean log odds of their pairs of registrations, a pair that was not compared (or was
   forgotten, as improbable) counting as `ABSENT`. Only nodes that a chain of pairs of `POSSIBLE` or more connects can
   be one person.
3. Within such a component a partition z has the probability

       P(z) ∝ exp Σ_{persons c} (|c| - 1) · mean of the log odds over the pairs of nodes within c.

   For two nodes this is the match probability itself. For three or more the product of the odds over *all* pairs would
   count the same evidence again and again, as n nodes of one person give n(n - 1)/2 pairs and only n - 1 independent
   comparisons; the exponent is the composite log likelihood scaled to that number (as Pauli, Racugno & Ventura 2011,
   Statistica Sinica 21, 149, calibrate one), and still lets one impossible pair forbid a person.
4. Components of at most `LISTED` nodes are drawn exactly, from all their partitions; larger ones by Gibbs sampling,
   node by node, from the partition that the most probable pairs give.

The parameters of the model of pairs are drawn anew for every linkage (`mse.intake.linkage.pairmodel.redraw`); pairs
that no block contains are in none of the draws, and `mse.intake.linkage.recalls` says how many there may be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from mse.intake.linkage.linking import components
from mse.intake.linkage.pairmodel import PairModel, redraw
from mse.kernels.arrays import Array, Flags, Integers

CERTAIN, POSSIBLE = 0.999, 0.01
"""Match probabilities from which a pair is a link in every draw, and from which it connects nodes in any."""

ABSENT = math.log(1e-4)
"""Log odds of a pair that was not compared, or was forgotten."""

LISTED = 7
"""Nodes of a component whose partitions are all listed (877 of them)."""

BURN_IN, THIN = 50, 20
"""Gibbs sweeps over a larger component before the first draw, and from one draw to the next."""


class Component(NamedTuple):
    """Nodes that may be the same persons.

    Parameters
    ----------
    nodes : int64 array, shape (n,)
        Their smallest registrations, increasing.
    log_odds : float64 array, shape (n, n)
        Between them; symmetric, zero on the diagonal.
    """

    nodes: Integers
    log_odds: Array


def drawn_from(model: PairModel, draws: int, *, seed: int) -> Iterator[Integers]:
    """Yield linkages of a model, each under parameters of its own: the person of every registration, shape (R,).

    Parameters
    ----------
    model : PairModel
        As trained.
    draws : int
        Linkages to draw.
    seed : int
        Of parameters and linkages.
    """
    for number, log_odds in enumerate(redraw(model, draws, seed=seed)):
        yield from draw_linkages(model.records, model.left, model.right, log_odds, 1, seed=(seed, 3, number))


def draw_linkages(
    records: int, left: Integers, right: Integers, log_odds: Array, draws: int, *, seed: int | Sequence[int]
) -> Iterator[Integers]:
    """Yield linkages: the person of every registration, named by a registration, each of shape (R,).

    Parameters
    ----------
    records : int
        Registrations, R.
    left, right : int64 array, shape (P,)
        Pairs, `left` < `right`.
    log_odds : float64 array, shape (P,)
        Natural log of the odds that they are one person.
    draws : int
        Linkages to draw.
    seed : int or sequence of int
        Every component has a stream of its own: what happens in one does not change another.
    """
    seeds = (seed,) if isinstance(seed, int) else tuple(seed)
    certain = log_odds >= math.log(CERTAIN / (1.0 - CERTAIN))
    node = components(records, left[certain], right[certain])
    a, b, mean, label = _possible_pairs(node, left, right, log_odds)
    alone = np.bincount(label, minlength=len(node))[label] == 1  # the only pair of its component: two nodes
    pair = np.maximum(a[alone], b[alone])
    joined = _uniform(pair, draws, seeds) < 1.0 / (1.0 + np.exp(-mean[alone]))
    where, drawn = [pair], [np.where(joined, np.minimum(a[alone], b[alone]), pair)]
    for part in _components(a[~alone], b[~alone], mean[~alone], label[~alone]):
        rng = np.random.default_rng([*seeds, int(part.nodes[0])])
        where.append(part.nodes)
        drawn.append(part.nodes[draw_partitions(part.log_odds, draws, rng)])
    places, persons = np.concatenate(where), np.concatenate(drawn, axis=1)
    for d in range(draws):
        name = np.arange(records)
        name[places] = persons[d]
        yield name[node]


def draw_partitions(log_odds: Array, draws: int, rng: np.random.Generator) -> Integers:
    """Return partitions of n nodes: the place of the first node of each one's person, shape (draws, n).

    Parameters
    ----------
    log_odds : float64 array, shape (n, n)
        Between the nodes.
    draws : int
        Partitions to draw.
    rng : Generator
        Source of randomness.
    """
    n = len(log_odds)
    if n <= LISTED:
        partitions, weights = listed_partitions(n), partition_weights(log_odds)
        probability = np.exp(weights - weights.max())
        return partitions[rng.choice(len(partitions), draws, p=probability / probability.sum())]
    best = components(n, *np.nonzero(np.triu(log_odds > 0, 1)))
    return _gibbs(log_odds, best, draws, rng)


def partition_weights(log_odds: Array) -> Array:
    """Return the log weight of every partition in `listed_partitions`, shape (B,)."""
    n = len(log_odds)
    same = _together(n)  # (B, n, n)
    size = same.sum(axis=2)  # persons' sizes, seen from each node
    sums = (same * log_odds).sum(axis=2)  # a node's log odds within its person
    # (|c| - 1) * mean over |c|(|c| - 1)/2 pairs = 2/|c| * their sum, and each pair is met from both its ends
    return np.asarray((sums / size).sum(axis=1))


@cache
def listed_partitions(n: int) -> Integers:
    """Return all partitions of n nodes, each node named by the first of its person: shape (Bell number, n)."""
    found = [[0]]
    for node in range(1, n):
        found = [[*partition, first] for partition in found for first in [*sorted(set(partition)), node]]
    out = np.array(found, dtype=np.int64)
    out.flags.writeable = False
    return out


@cache
def _together(n: int) -> Flags:
    """Return which nodes are one person in every partition, shape (B, n, n)."""
    partitions = listed_partitions(n)
    return np.asarray(partitions[:, :, None] == partitions[:, None, :])


def _uniform(node: Integers, draws: int, seeds: Sequence[int]) -> Array:
    """Return a uniform random number for every draw and node that depends on nothing but them, shape (draws, n)."""
    key = np.random.default_rng(list(seeds)).integers(0, 2**63, draws, dtype=np.uint64)
    x = node.astype(np.uint64)[None, :] * np.uint64(0x9E3779B97F4A7C15) + key[:, None]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64 (Steele, Lea & Flood 2014)
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((x ^ (x >> np.uint64(31))) >> np.uint64(11), dtype=np.float64) / 2.0**53


def _possible_pairs(
    node: Integers, left: Integers, right: Integers, log_odds: Array
) -> tuple[Integers, Integers, Array, Integers]:
    """Return the pairs of nodes within components that uncertain pairs connect, their log odds and component."""
    a, b = node[left], node[right]
    between = a != b
    a, b, odds = np.minimum(a, b)[between], np.maximum(a, b)[between], log_odds[between]
    size = np.bincount(node, minlength=len(node))
    pair, first, place = np.unique(a * len(node) + b, return_index=True, return_inverse=True)
    a, b = a[first], b[first]
    compared = np.bincount(place, minlength=len(pair))
    total = np.bincount(place, weights=odds, minlength=len(pair))
    every = size[a] * size[b]
    mean = (total + ABSENT * (every - compared)) / every
    possible = mean >= math.log(POSSIBLE / (1.0 - POSSIBLE))
    label = components(len(node), a[possible], b[possible])
    inside = label[a] == label[b]
    return a[inside], b[inside], mean[inside], label[a[inside]]


def _components(a: Integers, b: Integers, mean: Array, label: Integers) -> Iterator[Component]:
    """Yield the sets of three nodes or more that uncertain pairs connect."""
    order = np.argsort(label, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if len(rows):
            nodes = np.unique(np.concatenate([a[rows], b[rows]]))
            matrix = np.full((len(nodes), len(nodes)), ABSENT)
            i, j = np.searchsorted(nodes, a[rows]), np.searchsorted(nodes, b[rows])
            matrix[i, j] = matrix[j, i] = mean[rows]
            np.fill_diagonal(matrix, 0.0)
            yield Component(nodes, matrix)


def _gibbs(log_odds: Array, persons: Integers, draws: int, rng: np.random.Generator) -> Integers:
    """Return partitions from a chain that puts one node after the other to a person given all the others.

    Parameters
    ----------
    log_odds : float64 array, shape (n, n)
        Between the nodes.
    persons : int64 array, shape (n,)
        Where the chain starts: names from 0 to n - 1. Changed.
    draws : int
        Partitions to keep.
    rng : Generator
        Source of randomness.

    Returns
    -------
    int64 array, shape (draws, n)
        Each node named by the first of its person.
    """
    n = len(persons)
    size = np.bincount(persons, minlength=n)
    within = np.bincount(persons, weights=(log_odds * (persons[:, None] == persons)).sum(axis=1) / 2.0, minlength=n)
    kept = np.empty((draws, n), dtype=np.int64)
    for sweep in range(BURN_IN + draws * THIN):
        uniform = rng.random(n)
        for node, u in zip(rng.permutation(n), uniform, strict=True):
            own = np.bincount(persons, weights=log_odds[node], minlength=n)  # to the members of each
            old = persons[node]
            size[old] -= 1
            within[old] -= own[old]
            names = np.flatnonzero(size)
            some = size[names]
            # (|c| - 1) * mean of the log odds is 2/|c| * their sum; what the node adds to it
            gain = 2.0 / (some + 1) * (within[names] + own[names]) - 2.0 / some * within[names]
            free = int(np.argmin(size))  # a name that nobody has: the node can be a person of its own
            names, gain = np.append(names, free), np.append(gain, 0.0)
            cumulative = np.cumsum(np.exp(gain - gain.max()))
            new = names[min(int(np.searchsorted(cumulative, u * cumulative[-1])), len(names) - 1)]
            persons[node] = new
            size[new] += 1
            within[new] = within[new] + own[new] if new != free else 0.0
        if sweep >= BURN_IN and (sweep - BURN_IN) % THIN == THIN - 1:
            _, first, place = np.unique(persons, return_index=True, return_inverse=True)
            kept[(sweep - BURN_IN) // THIN] = first[place]
    return kept
