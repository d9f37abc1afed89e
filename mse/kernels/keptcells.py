"""Models of pairs on many lists over a list of cells: corner coding, where a cell meets few coefficients.

η_ω = α + Σ_{j∈ω} a_j + Σ_{j<k∈ω} b_jk, so that α is the log of the expected unseen. With μ = e^η the Hessian entry of
two terms is the sum of μ over the cells that hold their union, a set of four lists at most: such sums, ``moments``, are
made once for all subsets of at most four lists, by going through the subsets of every cell.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.rowwise import factorise_rows, solve_rows, solve_rows_back

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32]


@compiled
def subset_index(i: int, j: int, k: int, l: int, size: int, n_lists: int) -> int:  # noqa: E741
    """Return the place of a subset of `size` lists i < j < k < l among all of at most four: by size, then members."""
    n = n_lists
    if size == 0:
        return 0
    if size == 1:
        return 1 + i
    base = 1 + n
    if size == 2:
        return base + j * (j - 1) // 2 + i
    base += n * (n - 1) // 2
    if size == 3:
        return base + k * (k - 1) * (k - 2) // 6 + j * (j - 1) // 2 + i
    base += n * (n - 1) * (n - 2) // 6
    return base + l * (l - 1) * (l - 2) * (l - 3) // 24 + k * (k - 1) * (k - 2) // 6 + j * (j - 1) // 2 + i


@compiled
def subsets_of_cells(cells: Integers, n_lists: int, small: bool) -> tuple[Integers, Indices]:
    """Return the subsets of one and two lists (`small`), or of three and four, of every cell.

    Parameters
    ----------
    cells : (C,) int64
        Histories as bitmasks.
    n_lists : int
        K.
    small : bool
        Which sizes.

    Returns
    -------
    starts : (C + 1,) int64
        Entries ``starts[c]`` to ``starts[c + 1]`` are those of cell c.
    subsets : (E,) int32
        Their places, as `subset_index` gives them.
    """
    starts = np.zeros(cells.shape[0] + 1, np.int64)
    for c in range(cells.shape[0]):
        t = 0
        for j in range(n_lists):
            t += (cells[c] >> j) & 1
        more = t * (t + 1) // 2 if small else t * (t - 1) * (t - 2) // 6 + t * (t - 1) * (t - 2) * (t - 3) // 24
        starts[c + 1] = starts[c] + more
    out = np.empty(starts[-1], np.int32)
    on = np.empty(n_lists, np.int64)
    for c in range(cells.shape[0]):
        t = 0
        for j in range(n_lists):
            if (cells[c] >> j) & 1:
                on[t] = j
                t += 1
        at = starts[c]
        for w in range(t):
            if small:
                out[at] = subset_index(on[w], 0, 0, 0, 1, n_lists)
                at += 1
                for x in range(w):
                    out[at] = subset_index(on[x], on[w], 0, 0, 2, n_lists)
                    at += 1
            else:
                for x in range(w):
                    for y in range(x):
                        out[at] = subset_index(on[y], on[x], on[w], 0, 3, n_lists)
                        at += 1
                        for z in range(y):
                            out[at] = subset_index(on[z], on[y], on[x], on[w], 4, n_lists)
                            at += 1
    return starts, out


@compiled
def unions(n_lists: int) -> Indices:
    """Return the place of the union of any two of the intercept, the lists and the pairs: (p, p) int32."""
    p = 1 + n_lists + n_lists * (n_lists - 1) // 2
    members = np.zeros(p, np.int64)
    for j in range(n_lists):
        members[1 + j] = 1 << j
        for i in range(j):
            members[subset_index(i, j, 0, 0, 2, n_lists)] = (1 << i) | (1 << j)
    out = np.empty((p, p), np.int32)
    on = np.zeros(4, np.int64)
    for f in range(p):
        for g in range(f, p):
            both = members[f] | members[g]
            t = 0
            for j in range(n_lists):
                if (both >> j) & 1:
                    on[t] = j
                    t += 1
            out[f, g] = subset_index(on[0], on[1], on[2], on[3], t, n_lists)
            out[g, f] = out[f, g]
    return out


@compiled
def means(starts: Integers, subsets: Indices, gamma: Array, mu: Array) -> float:
    """Write e^η of every cell to `mu`, (C,), and return their sum; `gamma` is (p,), by `subset_index`."""
    total = 0.0
    for c in range(mu.shape[0]):
        eta = gamma[0]
        for e in range(starts[c], starts[c + 1]):
            eta += gamma[subsets[e]]
        mu[c] = math.exp(min(eta, 700.0))
        total += mu[c]
    return total


@compiled
def add_moments(starts: Integers, subsets: Indices, mu: Array, moments: Array) -> None:
    """Add the mean of every cell to the moment of each of its subsets."""
    for c in range(mu.shape[0]):
        m = mu[c]
        for e in range(starts[c], starts[c + 1]):
            moments[subsets[e]] += m


@compiled
def newton(
    moments: Array, places: Indices, precision: Array, totals: Array, gamma: Array, held: bool, factor: Array
) -> tuple[Array, Array, float, float, int]:
    """Take one Newton step: Hessian from moments and prior, its factor, and what follows.

    Parameters
    ----------
    moments : (M,) float64
        Sums of means, by `subset_index`.
    places : (p, p) int32
        From `unions`.
    precision : (p, p) float64
        Of the prior.
    totals, gamma : (p,) float64
        Persons on each term, and the coefficients.
    held : bool
        Whether the first coefficient is to stay.
    factor : (p, p) float64
        Receives U with H = UᵀU in its upper triangle.

    Returns
    -------
    step, tangent, gain, log_determinant, failed
        The step and H⁻¹e_0, (p,); slope times step; log|H|; the row at which the factor failed, or 0.
    """
    p = gamma.shape[0]
    step = np.empty(p)
    tangent = np.zeros(p)
    for f in range(p):
        pull = 0.0
        for g in range(p):
            pull += precision[f, g] * gamma[g]
        for g in range(f, p):
            factor[f, g] = moments[places[f, g]] + precision[f, g]
        step[f] = totals[f] - moments[f] - pull
    slope = step.copy()
    tangent[0] = 1.0
    failed = factorise_rows(factor, p)
    if failed != 0:
        return step, tangent, math.nan, math.nan, failed
    log_determinant = 0.0
    for f in range(p):
        log_determinant += 2.0 * math.log(factor[f, f])
    solve_rows(factor, p, step)
    solve_rows_back(factor, p, step)
    solve_rows(factor, p, tangent)
    solve_rows_back(factor, p, tangent)
    if held:
        share = step[0] / tangent[0]
        for f in range(p):
            step[f] -= share * tangent[f]
    gain = 0.0
    for f in range(p):
        gain += slope[f] * step[f]
    return step, tangent, gain, log_determinant, 0


@compiled
def penalty(precision: Array, gamma: Array) -> float:
    """Return ½ γᵀΛγ."""
    total = 0.0
    for f in range(gamma.shape[0]):
        row = precision[f]
        pull = 0.0
        for g in range(gamma.shape[0]):
            pull += row[g] * gamma[g]
        total += gamma[f] * pull
    return 0.5 * total


@compiled
def moved(factor: Array, normals: Array) -> tuple[Array, Array]:
    """Return U⁻¹z of normal vectors without their part along U⁻ᵀe_0, and half the square of each: (S, p), (S,)."""
    s, p = normals.shape
    along = np.zeros(p)
    along[0] = 1.0
    solve_rows(factor, p, along)
    along /= math.sqrt((along * along).sum())
    out = np.empty((s, p))
    half = np.empty(s)
    for d in range(s):
        part = (along * normals[d]).sum()
        z = normals[d] - part * along
        half[d] = 0.5 * (z * z).sum()
        solve_rows_back(factor, p, z)
        out[d] = z
    return out, half


@compiled
def grown(cells: Integers, gamma: Array, n_lists: int, least: float) -> tuple[Integers, float]:
    """Return the cells of one list more whose mean is `least` or more, with repeats; and the sum of the lighter ones.

    Parameters
    ----------
    cells : (C,) int64
        Cells to add a list to.
    gamma : (p,) float64
        Coefficients.
    n_lists : int
        K.
    least : float
        Smallest mean, persons.
    """
    out = np.empty(1024, np.int64)
    found = 0
    lighter = 0.0
    for c in range(cells.shape[0]):
        here = cells[c]
        eta = gamma[0]
        for j in range(n_lists):
            if (here >> j) & 1:
                eta += gamma[1 + j]
                for i in range(j):
                    if (here >> i) & 1:
                        eta += gamma[1 + n_lists + j * (j - 1) // 2 + i]
        for j in range(n_lists):
            if (here >> j) & 1:
                continue
            more = eta + gamma[1 + j]
            for i in range(n_lists):
                if (here >> i) & 1:
                    low = min(i, j)
                    high = max(i, j)
                    more += gamma[1 + n_lists + high * (high - 1) // 2 + low]
            mean = math.exp(min(more, 700.0))
            if mean >= least:
                if found == out.shape[0]:
                    larger = np.empty(2 * found, np.int64)
                    larger[:found] = out
                    out = larger
                out[found] = here | (1 << j)
                found += 1
            else:
                lighter += mean
    return out[:found].copy(), lighter
