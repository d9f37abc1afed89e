"""Panels of consecutive unseen counts: nodes to take a density at, sums over the counts, and cells for its law.

A panel holds 16 nodes of Gauss and Legendre, or each of at most 16 counts. A sum over whole numbers is an integral less
f''/24 plus 7 f''''/5760 (Euler and Maclaurin at the middle of each), f the polynomial through the nodes; with more
than 128 counts to a panel, what is left out is below 1e-9.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mse.kernels.compiled import compiled
from mse.kernels.graphs import Floats, Grid, Masks

NODES = 16
CELLS, HEAVY, LIGHT = 800, 1e-6, 64  # cells of a panel that holds more than HEAVY of the mass, and of others


class Rule(NamedTuple):
    """Nodes on (-1, 1), and the weights there of an integral, of the jumps of f' and f''', and of interpolation."""

    nodes: Floats
    integral: Floats
    once: Floats
    thrice: Floats
    barycentric: Floats


@lru_cache(maxsize=1)
def gauss_legendre() -> Rule:
    """Return the rule of Gauss and Legendre."""
    legendre = np.polynomial.legendre
    nodes, weights = legendre.leggauss(NODES)
    series = (np.arange(NODES) + 0.5)[:, None] * weights * legendre.legvander(nodes, NODES - 1).T
    once, thrice = (
        np.asarray(np.diff(legendre.legval([-1.0, 1.0], legendre.legder(series, order)), axis=1)[:, 0], np.float64)
        for order in (1, 3)
    )
    signs = np.asarray((-1.0) ** np.arange(NODES), np.float64)
    return Rule(nodes, weights, once, thrice, signs * np.sqrt((1.0 - nodes**2) * weights))


@compiled
def place(rule: Rule, first: int, last: int, unseen: Floats, weights: Floats) -> None:
    """Write the nodes of a panel, and what a sum over its counts gives each: zero where counts are fewer than nodes."""
    number = last - first + 1
    half = 0.5 * number
    for j in range(NODES):
        if number <= NODES:
            unseen[j] = min(first + j, last)
            weights[j] = 1.0 if j < number else 0.0
        else:
            unseen[j] = first - 0.5 + half * (rule.nodes[j] + 1.0)
            weights[j] = (
                half * rule.integral[j] - rule.once[j] / (24.0 * half) + 7.0 * rule.thrice[j] / (5760.0 * half**3)
            )


def cells_of(firsts: Masks, lasts: Masks, density: Floats) -> tuple[Grid, Floats]:
    """Return cells of panels and their mass by the density at their nodes, (P, 16); few where there is little of it."""
    rule = gauss_legendre()
    unseen, weights = np.empty(NODES), np.empty(NODES)
    masses = np.empty(len(firsts))
    for p, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        place(rule, first, last, unseen, weights)
        masses[p] = weights @ density[p]
    numbers = lasts - firsts + 1
    wanted = np.where(masses > HEAVY * masses.sum(), CELLS, np.where(density.min(axis=1) > 0.0, LIGHT, 1))
    ends = np.cumsum(np.minimum(numbers, wanted))
    grid = Grid(np.empty(ends[-1]), np.empty(ends[-1]))
    mass = np.empty(ends[-1])
    _cut(rule, firsts, numbers, ends, density, masses, grid.unseen, grid.widths, mass)
    return grid, mass


@compiled
def _cut(
    rule: Rule, firsts: Masks, numbers: Masks, ends: Masks, density: Floats, masses: Floats, unseen: Floats,
    widths: Floats, mass: Floats,
) -> None:  # fmt: skip
    """Write the middle, the width and the mass of the cells of every panel, which end at `ends`."""
    begin = 0
    for p in range(firsts.shape[0]):
        cells = ends[p] - begin
        logs = np.log(density[p])
        total = 0.0
        for i in range(cells):
            low, high = i * numbers[p] // cells, (i + 1) * numbers[p] // cells
            c = begin + i
            widths[c] = high - low
            unseen[c] = firsts[p] + low + 0.5 * (widths[c] - 1.0)
            if cells == 1:
                mass[c] = masses[p]
            elif numbers[p] <= NODES:
                mass[c] = density[p, i]
            else:
                at = (2.0 * (unseen[c] - firsts[p]) + 1.0) / numbers[p] - 1.0
                mass[c] = widths[c] * math.exp(_interpolated(rule, logs, at))
            total += mass[c]
        if cells > 1 and numbers[p] > NODES:
            mass[begin : ends[p]] *= masses[p] / total
        begin = ends[p]


@compiled
def _interpolated(rule: Rule, values: Floats, at: float) -> float:
    """Return the polynomial through values at the nodes, by the barycentric formula (Berrut & Trefethen 2004)."""
    above, below = 0.0, 0.0
    for j in range(NODES):
        gap = at - rule.nodes[j]
        if gap == 0.0:
            node: float = values[j]
            return node
        above += rule.barycentric[j] / gap * values[j]
        below += rule.barycentric[j] / gap
    value: float = above / below
    return value
