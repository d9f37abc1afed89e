"""Decomposable graphs over the lists, and the exact posterior over graphs and the unseen count.

A graph joins the pairs of lists that may depend on one another; it is decomposable (chordal) when every
cycle of four or more lists has a chord. Under a hyper-Dirichlet prior the probability of a table given
such a graph is a product over its cliques divided by one over its separators, and the unseen count n0
enters a factor only through one gamma function. So the factor of each of the 2^K subsets of lists is
worked out once for a stretch of n0, and a graph is a sum of a few such vectors.

Madigan, D. & York, J. C. (1997). Bayesian methods for estimation of the size of a closed population.
Biometrika 84(1), 19-31. Blair, J. R. S. & Peyton, B. (1993). An introduction to chordal graphs and clique
trees. In Graph Theory and Sparse Matrix Computation, 1-29.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

type Floats = NDArray[np.float64]
type Masks = NDArray[np.int64]

BLOCK = 512  # unseen counts per stretch: 64 subsets x 512 doubles stay in the second-level cache
CUT = 64.0  # a graph is skipped on a stretch where its density is below exp(-CUT) of the highest
MOMENTS = 4  # per graph: 1, n0, log n0 and its square
LARGEST = 7  # lists; their 2^21 graphs are tried in seconds, the 2^28 of eight lists are not

_LOG2E = 1.4426950408889634
_LN2_HIGH = 0.693145751953125
_LN2_LOW = 1.42860682030941723212e-6
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it rounds a double to an integer held in the low bits


class Graphs(NamedTuple):
    """Decomposable graphs on K lists, in increasing order of their edge mask; the complete one is last.

    `cliques` and `separators` are bitmasks of lists (bit j = list j), one row a graph, padded at the end
    with the empty set, whose factor is one. A separator that occurs twice is listed twice.
    """

    n_lists: int
    edges: Masks  # (G,) bit e = pair e of `edge_pairs` is joined
    cliques: Masks  # (G, K)
    separators: Masks  # (G, K - 1)


class Grid(NamedTuple):
    """Cells of consecutive unseen counts; the density is taken at the middle of each."""

    unseen: Floats  # (M,) middle of each cell, increasing whole numbers
    widths: Floats  # (M,) how many whole numbers the cell holds, odd


class GraphPosterior(NamedTuple):
    """Joint posterior of graph and unseen count on a grid."""

    grid: Grid  # (M,) cells
    mass: Floats  # (M,) posterior probability of each cell, summing to one
    weights: Floats  # (G,) posterior probability of each graph, summing to one
    means: Floats  # (G,) mean of N given the graph; nan where the weight is zero
    log_sds: Floats  # (G,) standard deviation of log n0 given the graph (n0 = 0 taken as 1/2); nan likewise
    log_evidence: float  # log p(data), counted over the grid
    end_density: float  # probability of the last whole number of the grid
    beyond_end: float  # mass after the grid relative to that on it, by power law; inf if it diverges
    tail_exponent: float  # local power of N at the end: density ~ N^-exponent; nan if it underflowed
    dropped: float  # upper bound on the probability of all that was skipped


# --- enumeration -----------------------------------------------------------------------------------


def edge_pairs(n_lists: int) -> Masks:
    """Return the pairs of lists in the order of the bits of an edge mask, shape (K (K - 1) / 2, 2)."""
    pairs = [(a, b) for a in range(n_lists) for b in range(a + 1, n_lists)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@compiled
def _enumerate(n_lists: int, pairs: Masks, edges: Masks, cliques: Masks, separators: Masks) -> int:
    """Try every edge mask by maximum cardinality search (Blair & Peyton 1993, section 4); count the finds."""
    neighbours = np.empty(n_lists, np.int64)
    n_earlier = np.empty(n_lists, np.int64)
    found = 0
    for mask in range(edges.shape[0]):
        for v in range(n_lists):
            neighbours[v] = n_earlier[v] = 0
        for e in range(pairs.shape[0]):
            if (mask >> e) & 1:
                neighbours[pairs[e, 0]] |= 1 << pairs[e, 1]
                neighbours[pairs[e, 1]] |= 1 << pairs[e, 0]
        visited = clique = size = n_cliques = 0
        chordal = True
        for _ in range(n_lists):
            vertex = -1
            for v in range(n_lists):
                if (visited >> v) & 1 == 0 and (vertex < 0 or n_earlier[v] > n_earlier[vertex]):
                    vertex = v
            earlier = neighbours[vertex] & visited
            for u in range(n_lists):  # the neighbours already visited must all be joined
                if (earlier >> u) & 1 and earlier & ~(neighbours[u] | (1 << u)) != 0:
                    chordal = False
            if not chordal:
                break
            if visited != 0 and n_earlier[vertex] <= size:  # no growth: the clique so far is maximal
                cliques[found, n_cliques] = clique
                separators[found, n_cliques] = earlier
                n_cliques += 1
            clique = earlier | (1 << vertex)
            size = n_earlier[vertex]
            visited |= 1 << vertex
            for u in range(n_lists):
                n_earlier[u] += (neighbours[vertex] >> u) & 1
        if chordal:
            cliques[found, n_cliques] = clique
            for k in range(n_cliques + 1, n_lists):  # what a failed search left behind
                cliques[found, k] = separators[found, k - 1] = 0
            edges[found] = mask
            found += 1
    return found


def decomposable_graphs(n_lists: int) -> Graphs:
    """Enumerate every decomposable graph: 2, 8, 61, 822, 18 154, 617 675 for K = 2 ... 7."""
    if not 2 <= n_lists <= LARGEST:
        raise ValueError(f"n_lists is {n_lists}; graphs are enumerated for 2 to {LARGEST} lists")
    pairs = edge_pairs(n_lists)
    n_masks = 1 << len(pairs)
    edges = np.empty(n_masks, np.int64)
    cliques = np.empty((n_masks, n_lists), np.int64)
    separators = np.empty((n_masks, n_lists - 1), np.int64)
    found = _enumerate(n_lists, pairs, edges, cliques, separators)
    return Graphs(n_lists, edges[:found].copy(), cliques[:found].copy(), separators[:found].copy())


def without_complete(graphs: Graphs) -> Graphs:
    """Leave out the complete graph, under which the data say nothing about N."""
    return Graphs(graphs.n_lists, graphs.edges[:-1], graphs.cliques[:-1], graphs.separators[:-1])


# --- factors ---------------------------------------------------------------------------------------


@compiled
def _stirling(x: float) -> float:
    """Return ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi)/2, good to 1e-14 for x >= 16."""
    y = 1.0 / (x * x)
    return (1.0 / 12.0 + y * (-1.0 / 360.0 + y * (1.0 / 1260.0 - y / 1680.0))) / x


@compiled
def log_gamma_step(z: float, d: float) -> float:
    """Return ln Gamma(z - d) - ln Gamma(z), without the cancellation of two large values."""
    y = z - d
    if y < 16.0 or z < 16.0:
        return math.lgamma(y) - math.lgamma(z)
    return (y - 0.5) * math.log1p(-d / z) - d * (math.log(z) - 1.0) + _stirling(y) - _stirling(z)


@compiled
def log_prior_total(total: float, shape: float, scale: float) -> float:
    """Return log p(N) for N Poisson with a mean that is Gamma(shape a, scale b): negative binomial.

    ln Gamma(N + a) - ln Gamma(N + 1) - N ln(1 + 1/b) - ln Gamma(a) - a ln(1 + b). The limits, not
    normalised: a = 0 with b infinite is Jeffreys' 1/N, a = 1 with b infinite is flat.
    """
    value = log_gamma_step(total + 1.0, 1.0 - shape)
    if math.isinf(scale):
        return value
    return value - total * math.log1p(1.0 / scale) - math.lgamma(shape) - shape * math.log1p(scale)


@compiled
def fill_shared(counts: Floats, observed: float, unseen: Floats, shape: float, scale: float, out: Floats) -> None:
    """Write the part of the log density that no graph changes: N! / (n0! prod n_omega!) and p(N)."""
    constant = 0.0
    for history in range(1, counts.shape[0]):
        constant += math.lgamma(counts[history] + 1.0)
    for j in range(unseen.shape[0]):
        total = observed + unseen[j]
        out[j] = log_prior_total(total, shape, scale) - log_gamma_step(total + 1.0, observed) - constant


@compiled
def fill_factors(counts: Floats, observed: float, delta: float, constants: Floats, gaps: Floats) -> None:
    """Write what the factor of each subset c of lists holds beside n0, by bitmask; the empty set has m = 1.

    log m(c | n0) = constant_c + ln Gamma(n0 + D_c0 + delta_c) - ln Gamma(N + T), where the arguments differ
    by the gap n + T - D_c0 - delta_c (Madigan & York 1997, section 3).
    """
    n_cells = counts.shape[0]
    total_prior = delta * n_cells
    margin = np.empty(n_cells)
    constants[0] = gaps[0] = 0.0
    for subset in range(1, n_cells):
        for cell in range(n_cells):
            margin[cell] = 0.0
        for history in range(1, n_cells):
            margin[history & subset] += counts[history]
        n_margin, rest = 1, subset
        while rest != 0:
            n_margin, rest = 2 * n_margin, rest & (rest - 1)
        prior = total_prior / n_margin
        value = math.lgamma(total_prior) - n_margin * math.lgamma(prior)
        for cell in range(1, n_cells):
            if cell & subset == cell:
                value += math.lgamma(margin[cell] + prior)
        constants[subset] = value
        gaps[subset] = observed + total_prior - margin[0] - prior


# --- the sum over graphs and unseen counts ---------------------------------------------------------


@compiled
def _add(out: Floats, row: Floats, sign: float) -> None:
    for j in range(BLOCK):
        out[j] += sign * row[j]


@compiled
def exponentials(values: Floats, top: float, powers: Floats, bits: Masks, out: Floats) -> None:
    """Write exp(values - top), to 1e-14; `bits` is `powers` seen as integers. Plain loops become SIMD."""
    for j in range(values.shape[0]):
        v = values[j] - top
        v = v if v > -708.0 else -708.0
        shifted = v * _LOG2E + _ROUND
        whole = shifted - _ROUND
        r = v - whole * _LN2_HIGH
        r = r - whole * _LN2_LOW
        p = 1.0 / 479001600.0
        p = p * r + 1.0 / 39916800.0
        p = p * r + 1.0 / 3628800.0
        p = p * r + 1.0 / 362880.0
        p = p * r + 1.0 / 40320.0
        p = p * r + 1.0 / 5040.0
        p = p * r + 1.0 / 720.0
        p = p * r + 1.0 / 120.0
        p = p * r + 1.0 / 24.0
        p = p * r + 1.0 / 6.0
        p = p * r + 0.5
        p = p * r + 1.0
        p = p * r + 1.0
        powers[j] = shifted
        out[j] = p
    for j in range(values.shape[0]):
        bits[j] = (bits[j] << 52) + (1023 << 52)
    for j in range(values.shape[0]):
        out[j] *= powers[j]


@compiled
def _dot(a: Floats, b: Floats) -> float:
    """Return the inner product, in four strands that the processor runs side by side."""
    s0 = s1 = s2 = s3 = 0.0
    for j in range(0, BLOCK, 4):
        s0 += a[j] * b[j]
        s1 += a[j + 1] * b[j + 1]
        s2 += a[j + 2] * b[j + 2]
        s3 += a[j + 3] * b[j + 3]
    return (s0 + s1) + (s2 + s3)


@compiled
def _rescale(sums: Floats, factor: float) -> None:
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            sums[i, j] *= factor


@compiled
def _sum_over_graphs(
    constants: Floats, gaps: Floats, total_prior: float, shared: Floats, total: Floats, weighted: Floats,
    cliques: Masks, separators: Masks, density: Floats, moments: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Add up exp(log density) over graphs and unseen counts, a stretch of the grid at a time.

    A graph is skipped on a stretch where its largest log density is CUT below the reference; what is
    skipped is bounded by that largest density times the width of the stretch.

    Parameters
    ----------
    constants, gaps : (2^K,), see `fill_factors`.
    shared, total : (B, BLOCK), the log density without the graph's factors, and N.
    weighted : (B, MOMENTS, BLOCK), the widths times 1, n0, log n0 and its square; zero past the grid's end.
    density, moments : (B, BLOCK), (G, MOMENTS), zeros to add to, relative to exp(reference).

    Returns
    -------
    reference, dropped
    """
    factors = np.zeros((constants.shape[0], BLOCK))
    values, powers, out = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    bits = powers.view(np.int64)
    top, dropped = -np.inf, 0.0
    for b in range(density.shape[0]):
        stretch = 0.0
        for j in range(BLOCK):
            stretch += weighted[b, 0, j]
            for c in range(1, constants.shape[0]):
                factors[c, j] = constants[c] + log_gamma_step(total[b, j] + total_prior, gaps[c])
        for g in range(cliques.shape[0]):
            for j in range(BLOCK):
                values[j] = shared[b, j]
            for k in range(cliques.shape[1]):
                if cliques[g, k] == 0:
                    break
                _add(values, factors[cliques[g, k]], 1.0)
                if k > 0 and separators[g, k - 1] != 0:
                    _add(values, factors[separators[g, k - 1]], -1.0)
            highest = values[0]
            for j in range(BLOCK):
                highest = max(highest, values[j])
            if highest < top - CUT:
                dropped += stretch * math.exp(highest - top)
                continue
            if highest > top + 20.0:  # a new reference; the first graph sets it
                factor = math.exp(top - highest)
                _rescale(density, factor)
                _rescale(moments, factor)
                dropped *= factor
                top = highest
            exponentials(values, top, powers, bits, out)
            _add(density[b], out, 1.0)
            for i in range(MOMENTS):
                moments[g, i] += _dot(out, weighted[b, i])
    return top, dropped


def posterior_on(
    counts: Floats, graphs: Graphs, delta: float, grid: Grid, *, shape: float = 0.0, scale: float = math.inf
) -> GraphPosterior:
    """Compute the joint posterior of graph and unseen count on a given grid; graphs are equally likely.

    Parameters
    ----------
    counts : (2^K,), the count of each history at its bitmask, at least one person; entry 0 is not read.
    delta : prior count in each of the 2^K cells, above zero.
    grid : at least two cells.
    shape, scale : the prior of N, see `log_prior_total`; the default is Jeffreys' 1/N.
    """
    observed, n_cells, n_points = float(counts[1:].sum()), counts.shape[0], grid.unseen.shape[0]
    constants, gaps = np.empty(n_cells), np.empty(n_cells)
    fill_factors(counts, observed, float(delta), constants, gaps)
    unseen, weighted = _weighted(grid.unseen.tobytes(), grid.widths.tobytes())
    shared = np.empty_like(unseen)
    fill_shared(counts, observed, unseen, float(shape), float(scale), shared)
    density, moments = np.zeros((unseen.shape[0] // BLOCK, BLOCK)), np.zeros((len(graphs.edges), MOMENTS))
    top, dropped = _sum_over_graphs(
        constants, gaps, float(delta) * n_cells, shared.reshape(-1, BLOCK),
        (unseen + observed).reshape(-1, BLOCK), weighted,
        graphs.cliques, graphs.separators, density, moments,
    )  # fmt: skip
    at_points = density.reshape(-1)[:n_points]
    mass = at_points * grid.widths
    whole = float(mass.sum())
    own = np.full((MOMENTS, moments.shape[0]), np.nan)
    np.divide(moments.T, moments[:, 0], out=own, where=moments[:, 0] > 0.0)
    end, beyond, exponent = mass_beyond(grid, at_points / whole, observed)
    return GraphPosterior(
        grid, mass / whole, moments[:, 0] / moments[:, 0].sum(), own[1] + observed,
        np.sqrt(np.maximum(own[3] - own[2] ** 2, 0.0)),
        top + math.log(whole / len(graphs.edges)), end, beyond, exponent, dropped / whole,
    )  # fmt: skip


@lru_cache(maxsize=4)
def _weighted(cells: bytes, sizes: bytes) -> tuple[Floats, Floats]:
    """Return the cells of a grid in whole blocks, and what their powers weigh: tables share the first grid."""
    unseen, widths = np.frombuffer(cells), np.frombuffer(sizes)
    padding = -unseen.shape[0] % BLOCK  # repeats the last cell with width zero
    unseen, widths = np.pad(unseen, (0, padding), mode="edge"), np.pad(widths, (0, padding))
    logs = np.log(np.maximum(unseen, 0.5))
    powers = np.stack([np.ones_like(unseen), unseen, logs, logs**2])
    return unseen, np.ascontiguousarray((widths * powers).reshape(MOMENTS, -1, BLOCK).swapaxes(0, 1))


def mass_beyond(grid: Grid, density: Floats, observed: float) -> tuple[float, float, float]:
    """Return the density at the end, the mass after it, and the power of N by which it falls there."""
    end, before = float(density[-1]), float(density[-2])
    if end == 0.0:
        return 0.0, 0.0, math.nan
    total, previous = observed + float(grid.unseen[-1]), observed + float(grid.unseen[-2])
    ratio = math.log(before / end) if before > 0.0 else -math.inf
    exponent = ratio / math.log(total / previous)
    if exponent <= 1.0:
        return end, math.inf, exponent
    edge = total + float(grid.widths[-1]) / 2.0
    return end, end * (total / edge) ** exponent * edge / (exponent - 1.0), exponent
