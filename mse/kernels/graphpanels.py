"""The posterior over decomposable graphs and unseen counts by quadrature: its cost does not grow with persons.

The log density of a graph is a smooth function of n0, however narrow its density. Unseen counts are taken in panels
of consecutive whole numbers, see `mse.kernels.panelcells`. A panel is halved until the density of every graph that
matters is no narrower than two ninths of half a panel, where the quadrature is good to 1e-10; a graph whose peak may
lie between two nodes is followed: the slope beside its highest node says how much higher it may be.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled, inlined
from mse.kernels.copying import copy_to
from mse.kernels.exponential import exponential
from mse.kernels.graphs import (
    CUT,
    MOMENTS,
    Floats,
    GraphPosterior,
    Graphs,
    Grid,
    Masks,
    fill_factors,
    fill_shared,
    log_gamma_step,
    mass_beyond,
)
from mse.kernels.lanes import LANES, Lanes, clip, load, spread, store
from mse.kernels.panelcells import NODES, Rule, cells_of, gauss_legendre, place

CURVED, STEEP = 20.0, 10.0  # second derivative at the highest node, on (-1, 1); first, where that is at an end
WHOLE = 128  # unseen counts below which each is taken by itself; panels no longer than this likewise
_PILOT = 256  # graphs of the first look

type Indices = NDArray[np.int32]
type Parts = NDArray[np.uint8]


class Problem(NamedTuple):
    """Counts and priors, with what of them does not depend on n0; see `mse.kernels.graphs.posterior_on`."""

    counts: Floats
    observed: float
    total_prior: float
    shape: float
    scale: float
    constants: Floats
    gaps: Floats
    parts: Parts  # (G, 2 K - 1) rows of factors that make up each graph
    sizes: Parts  # (G,) how many


class Panels(NamedTuple):
    """Panels of consecutive unseen counts, with the graphs that may matter in each.

    Attributes
    ----------
    firsts, lasts : (P,) int64
        Their counts.
    begins, ends : (P,) int64
        Where in `rows` the graphs of each are.
    rows : int32
        Graphs by index; what lies beyond the last end is left over.
    """

    firsts: Masks
    lasts: Masks
    begins: Masks
    ends: Masks
    rows: Indices


class Summed(NamedTuple):
    """Panels that are fine enough, in order, and what was summed over graphs.

    Attributes
    ----------
    firsts, lasts : (P,) int64
        The counts of each panel.
    density : (P, 16) float64
        At its nodes, relative to e^`top`.
    moments : (G, 4) float64
        Of every graph, likewise.
    top, dropped : float
        The highest log density met; a bound on what was left out, likewise.
    """

    firsts: Masks
    lasts: Masks
    density: Floats
    moments: Floats
    top: float
    dropped: float


def posterior_by_panels(
    counts: Floats, graphs: Graphs, delta: float, *,
    shape: float = 0.0, scale: float = math.inf, tolerance: float = 1e-9, limit: int = 10**8,
) -> GraphPosterior:  # fmt: skip
    """Compute the joint posterior of graph and unseen count; graphs are equally likely.

    Parameters
    ----------
    counts, delta, shape, scale
        See `mse.kernels.graphs.posterior_on`.
    tolerance : float
        The grid ends at twice the count beyond which less than this mass is left.
    limit : int
        Largest unseen count that is looked at.
    """
    n_cells, observed = counts.shape[0], float(counts[1:].sum())
    constants, gaps = np.empty(n_cells), np.empty(n_cells)
    fill_factors(counts, observed, float(delta), constants, gaps)
    parts, sizes = _parts_of(graphs.cliques, graphs.separators)
    summed = _sum(
        Problem(counts, observed, delta * n_cells, float(shape), float(scale), constants, gaps, parts, sizes), limit
    )
    grid, mass = cells_of(summed.firsts, summed.lasts, summed.density)
    whole = float(mass.sum())
    last = int(np.searchsorted(np.cumsum(mass), (1.0 - tolerance) * whole))
    end = min(limit, max(100, 2 * int(grid.unseen[min(last, len(mass) - 1)])))
    inside = grid.unseen - (grid.widths - 1.0) / 2.0 <= end
    grid, mass = Grid(grid.unseen[inside], grid.widths[inside]), mass[inside] / whole
    moments = summed.moments
    own = np.full((MOMENTS, len(moments)), np.nan)
    np.divide(moments.T, moments[:, 0], out=own, where=moments[:, 0] > 0.0)
    at_end, beyond, exponent = mass_beyond(grid, mass / grid.widths, observed)
    return GraphPosterior(
        grid, mass / mass.sum(), moments[:, 0] / moments[:, 0].sum(), own[1] + observed,
        np.sqrt(np.maximum(own[3] - own[2] ** 2, 0.0)),
        summed.top + math.log(whole / len(parts)), at_end, beyond, exponent, summed.dropped / whole,
    )  # fmt: skip


@compiled
def _parts_of(cliques: Masks, separators: Masks) -> tuple[Parts, Parts]:
    """Return the rows of `Panel.factors` of every graph, those of its cliques first, and how many there are."""
    graphs, lists = cliques.shape
    parts, sizes = np.zeros((graphs, 2 * lists - 1), np.uint8), np.zeros(graphs, np.uint8)
    for g in range(graphs):
        for k in range(lists):
            if cliques[g, k] > 0:
                parts[g, sizes[g]] = cliques[g, k]
                sizes[g] += 1
        for k in range(lists - 1):
            if separators[g, k] > 0:
                parts[g, sizes[g]] = separators[g, k] + (1 << lists)
                sizes[g] += 1
    return parts, sizes


def _sum(problem: Problem, limit: int) -> Summed:
    """Halve panels that hold 0 to `limit` until they are fine enough, and sum over graphs in each."""
    rule = gauss_legendre()
    everyone = np.arange(len(problem.parts), dtype=np.int32)
    firsts, lasts = _base(limit)
    begins, top = np.zeros_like(firsts), -math.inf
    if len(everyone) > _PILOT:
        few = everyone[:: len(everyone) // _PILOT].copy()  # of one layout with the rest
        top = float(_look(problem, rule, Panels(firsts, lasts, begins, begins + len(few), few), top)[1].max())
    panels = Panels(firsts, lasts, begins, begins + len(everyone), everyone)
    moments, dropped = np.zeros((len(everyone), MOMENTS)), 0.0
    done = []
    while len(panels.firsts) > 0:
        kept, highest, rough, rest = _look(problem, rule, panels, top)
        higher = max(top, float(highest.max()))
        numbers = kept.lasts - kept.firsts + 1
        dropped = dropped * math.exp(top - higher) + math.exp(top - higher) * float(rest @ numbers)
        moments *= math.exp(top - higher)
        top = higher
        coarse = (numbers > NODES) & (kept.ends > kept.begins) & ((rough > 1.0) | (numbers <= WHOLE))
        fine = Panels(kept.firsts[~coarse], kept.lasts[~coarse], kept.begins[~coarse], kept.ends[~coarse], kept.rows)
        done.append((fine.firsts, fine.lasts, _add(problem, rule, fine, top, moments), np.full(len(fine.firsts), top)))
        left, right, middle = kept.firsts[coarse], kept.lasts[coarse], (kept.firsts + kept.lasts)[coarse] // 2
        panels = Panels(
            np.append(left, middle + 1), np.append(middle, right), np.tile(kept.begins[coarse], 2),
            np.tile(kept.ends[coarse], 2), kept.rows,
        )  # fmt: skip
    firsts, lasts, density, tops = (np.concatenate(part) for part in zip(*done, strict=True))
    order = np.argsort(firsts)
    density = density[order] * np.exp(tops[order] - top)[:, None]
    return Summed(firsts[order], lasts[order], density, moments, top, dropped)


def _base(limit: int) -> tuple[Masks, Masks]:
    """Return panels of 16 counts to `WHOLE`, then each as long as all before it, to `limit`."""
    firsts = [*range(0, WHOLE, NODES)]
    while 2 * max(firsts[-1], WHOLE // 2) <= limit:
        firsts.append(2 * max(firsts[-1], WHOLE // 2))
    return np.array(firsts), np.array([*firsts[1:], limit + 1]) - 1


@compiled
def _fill(problem: Problem, unseen: Floats, shared: Floats, factors: Floats) -> None:
    """Write what all graphs share at the nodes, and the log factor of every subset, then with its sign changed."""
    fill_shared(problem.counts, problem.observed, unseen, problem.shape, problem.scale, shared)
    subsets = problem.gaps.shape[0]
    factors[:NODES] = 0.0
    for c in range(1, subsets):
        for j in range(NODES):
            total = unseen[j] + problem.observed + problem.total_prior
            value = problem.constants[c] + log_gamma_step(total, problem.gaps[c])
            factors[NODES * c + j] = value
            factors[NODES * (subsets + c) + j] = -value


@compiled
def _look(problem: Problem, rule: Rule, panels: Panels, top: float) -> tuple[Panels, Floats, Floats, Floats]:
    """Look at every panel.

    Returns
    -------
    kept : Panels
        With the graphs that matter beside a log density of `top`, or beside the highest of the panel.
    highest, rough : (P,) float64
        The highest log density at a node; how much too coarse the panel is for a graph that matters, 1 at the limit.
    rest : (P,) float64
        Bound on the density of all other graphs, relative to e^`top`, or where it is higher to e^`highest`.
    """
    number = panels.firsts.shape[0]
    highest, rough, rest = np.empty(number), np.zeros(number), np.zeros(number)
    begins, ends = np.empty_like(panels.begins), np.empty_like(panels.ends)
    most = 0
    for p in range(number):
        most = max(most, panels.ends[p] - panels.begins[p])
    heights, bounds, coarse = np.empty(most), np.empty(most), np.empty(most)
    unseen, weights, shared = np.empty(NODES), np.empty(NODES), np.empty(NODES)
    factors = np.empty(2 * problem.gaps.shape[0] * NODES)
    kept, n = np.empty(max(most, 1024), np.int32), 0
    for p in range(number):
        here = panels.rows[panels.begins[p] : panels.ends[p]]
        place(rule, panels.firsts[p], panels.lasts[p], unseen, weights)
        _fill(problem, unseen, shared, factors)
        _highest(factors, shared, problem, rule.nodes, here, top, heights, bounds, coarse)
        highest[p] = -np.inf
        for i in range(here.shape[0]):
            highest[p] = max(highest[p], heights[i])
        reference = max(top, highest[p])
        while n + here.shape[0] > kept.shape[0]:
            longer = np.empty(2 * kept.shape[0], np.int32)
            copy_to(longer, kept)
            kept = longer
        begins[p] = n
        for i in range(here.shape[0]):
            if bounds[i] >= reference - CUT:
                kept[n] = here[i]
                n += 1
                rough[p] = max(rough[p], coarse[i])
            else:
                rest[p] += math.exp(bounds[i] - reference)
        ends[p] = n
    return Panels(panels.firsts, panels.lasts, begins, ends, kept), highest, rough, rest


@inlined
def _log_density(
    factors: Floats, shared: Floats, parts: Parts, sizes: Parts, graph: int
) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Return the log density of one graph at the nodes."""
    a, b, c, d = load(shared, 0), load(shared, 1), load(shared, 2), load(shared, 3)
    for k in range(sizes[graph]):
        row = 4 * int(parts[graph, k])
        a = a + load(factors, row)
        b = b + load(factors, row + 1)
        c = c + load(factors, row + 2)
        d = d + load(factors, row + 3)
    return a, b, c, d


@compiled
def _highest(
    factors: Floats, shared: Floats, problem: Problem, nodes: Floats, rows: Indices, top: float, highest: Floats,
    bounds: Floats, rough: Floats,
) -> None:  # fmt: skip
    """Look at every graph of `rows` in one panel.

    Parameters
    ----------
    factors, shared
        As `_fill` writes them.
    nodes : (16,) float64
        On (-1, 1).
    top : float
        The highest log density elsewhere.
    highest, bounds : float64
        Overwritten: the highest log density at a node, and how high a peak between two nodes may be. Of a graph that
        cannot matter the bound is far above.
    rough : float64
        Overwritten: how much too coarse the panel is, 1 at the limit.
    """
    values, ends = np.empty(NODES), np.empty(2 * LANES)
    most, least = spread(np.inf), spread(-np.inf)
    for i in range(rows.shape[0]):
        a, b, c, d = _log_density(factors, shared, problem.parts, problem.sizes, rows[i])
        store(ends, 0, clip(clip(a, b, most), clip(c, d, most), most))
        store(ends, 1, clip(clip(a, least, b), least, clip(c, least, d)))
        high = max(max(ends[0], ends[1]), max(ends[2], ends[3]))
        low = min(min(ends[4], ends[5]), min(ends[6], ends[7]))
        highest[i] = high
        bounds[i] = high + 2.0 * (high - low)
        if bounds[i] < top - CUT:
            continue
        top = max(top, high)
        store(values, 0, a)
        store(values, 1, b)
        store(values, 2, c)
        store(values, 3, d)
        at = 0
        while values[at] < high:
            at += 1
        middle = min(max(at, 1), NODES - 2)
        before = (values[middle] - values[middle - 1]) / (nodes[middle] - nodes[middle - 1])
        after = (values[middle + 1] - values[middle]) / (nodes[middle + 1] - nodes[middle])
        change = max(high - values[max(at - 1, 0)], high - values[min(at + 1, NODES - 1)])
        bounds[i] = high + 2.0 * change
        rough[i] = 2.0 * abs(after - before) / (nodes[middle + 1] - nodes[middle - 1]) / CURVED
        if at != middle:
            rough[i] = max(rough[i], (before if at > middle else -after) / (STEEP + top - high))


@compiled
def _add(problem: Problem, rule: Rule, panels: Panels, top: float, moments: Floats) -> Floats:
    """Return exp(log density - top) at the nodes of every panel, (P, 16), and add every graph's part to its moments."""
    number = panels.firsts.shape[0]
    density, weighted = np.zeros((number, NODES)), np.empty(MOMENTS * NODES)
    unseen, weights, shared = np.empty(NODES), np.empty(NODES), np.empty(NODES)
    factors = np.empty(2 * problem.gaps.shape[0] * NODES)
    for p in range(number):
        place(rule, panels.firsts[p], panels.lasts[p], unseen, weights)
        _fill(problem, unseen, shared, factors)
        for j in range(NODES):
            log_unseen = math.log(max(unseen[j], 0.5))
            weighted[j] = weights[j]
            weighted[NODES + j] = weights[j] * unseen[j]
            weighted[2 * NODES + j] = weights[j] * log_unseen
            weighted[3 * NODES + j] = weights[j] * log_unseen * log_unseen
        here = panels.rows[panels.begins[p] : panels.ends[p]]
        _add_graphs(factors, shared, problem.parts, problem.sizes, here, top, weighted, density[p], moments)
    return density


@compiled
def _add_graphs(
    factors: Floats, shared: Floats, parts: Parts, sizes: Parts, rows: Indices, top: float, weighted: Floats,
    density: Floats, moments: Floats,
) -> None:  # fmt: skip
    """Add exp(log density - top) of every graph of `rows` to the density at the nodes and to its moments."""
    sums = np.empty(MOMENTS * LANES)
    above = spread(top)
    for i in range(rows.shape[0]):
        a, b, c, d = _log_density(factors, shared, parts, sizes, rows[i])
        a, b, c, d = exponential(a - above), exponential(b - above), exponential(c - above), exponential(d - above)
        store(density, 0, load(density, 0) + a)
        store(density, 1, load(density, 1) + b)
        store(density, 2, load(density, 2) + c)
        store(density, 3, load(density, 3) + d)
        for m in range(MOMENTS):
            w = 4 * m
            store(
                sums, m,
                a * load(weighted, w) + b * load(weighted, w + 1) + c * load(weighted, w + 2)
                + d * load(weighted, w + 3),
            )  # fmt: skip
            moments[rows[i], m] += (sums[w] + sums[w + 1]) + (sums[w + 2] + sums[w + 3])
