"""Latent classes with strata: the stratum is one more variable that is independent of the lists within a class.

A person of class k is in stratum s with probability φ_ks, φ_k ~ Dirichlet(1, …, 1): the law that λ ~ Beta(1, 1) is for
a variable of two levels (Dunson & Xing 2009, JASA 104:1042). A place, a stratum s with a history ω, has probability
Σ_k π_k φ_ks Π_j λ_jk^{ω_j} (1 − λ_jk)^{1 − ω_j} over the lists j that operate in s; a person without a label has the
sum over the strata that may be his or hers. The unseen, p_0 = Σ_s Σ_k π_k φ_ks Π_j (1 − λ_jk), are summed out as
without strata. φ_ks = e^{g_ks} / Σ_t e^{g_kt} with independent g, the logarithms of Gamma(1) variables of log density
g − e^g: smooth on the whole line, and nothing is lost by their sum, which the likelihood does not see.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.latentclass_density import (
    Array,
    LatentDensity,
    LatentStrata,
    LatentTable,
    LatentWork,
    falling,
    latent_density,
    read_logits,
)


class StrataWork(NamedTuple):
    """The strata of a table, and workspace of one density with them; classes lie side by side.

    Attributes
    ----------
    places : LatentStrata
        Not written to.
    share : (S, K*) float64
        φ.
    product : (m, K*) float64
        π_k P(row | k).
    visible : (M, K*) float64
        P(on a list that operates | k), for the first rows.
    chance : (P,) float64
        Of each place, Σ_k π_k φ_ks P(row | k); the class and stratum summed out, nobody left out.
    weight : (P,) float64
        Persons of each place over its chance, those without a label by expectation.
    held : (m, K*) float64
        Expected persons of each row and class, the unseen with them.
    slope : (S, K*) float64
        Derivative of the log likelihood by φ.
    filled : (P,) int64
        Persons of each place with labels drawn for those without one.
    """

    places: LatentStrata
    share: Array
    product: Array
    visible: Array
    chance: Array
    weight: Array
    held: Array
    slope: Array
    filled: NDArray[np.int64]


def strata_work(table: LatentTable) -> StrataWork | None:
    """Return the strata of a table with an empty workspace; None for a table without strata.

    The kernels are compiled for either: with None nothing of what is here is in them.
    """
    places, classes = table.strata, table.classes
    if places is None:
        return None
    s, m, silent, p = len(places.silent), len(places.operates), int(places.silent.max()) + 1, len(places.row)
    return StrataWork(
        places, np.zeros((s, classes)), np.zeros((m, classes)), np.zeros((silent, classes)), np.zeros(p), np.zeros(p),
        np.zeros((m, classes)), np.zeros((s, classes)), np.zeros(p, dtype=np.int64),
    )  # fmt: skip


@compiled
def density_of(
    table: LatentTable, parts: StrataWork | None, power: float, x: Array, gradient: Array, work: LatentWork
) -> LatentDensity:
    """Evaluate the tempered log density and its gradient, with strata or without.

    Parameters
    ----------
    table : LatentTable
        Places, counts and prior.
    parts : StrataWork or None
        Its strata.
    power, x, gradient, work
        As in `latent_density` and `stratified_density`.
    """
    if parts is None:
        return latent_density(table, power, x, gradient, work)
    return stratified_density(table, parts, power, x, gradient, work)


@compiled
def stratified_density(
    table: LatentTable, parts: StrataWork, power: float, x: Array, gradient: Array, work: LatentWork
) -> LatentDensity:
    """Evaluate the tempered log density and its gradient with strata.

    Parameters
    ----------
    table : LatentTable
        Counts and prior.
    parts : StrataWork
        Places; overwritten like `work`.
    power : float
        What the likelihood is raised to: 0 is the prior, 1 the posterior.
    x : (D,) float64
        Logit λ and logit V as in `latent_density`, then g_ks at (J + 1 + s) K* − 1 + k; D = (J + 1 + S) K* − 1.
    gradient : (D,) float64
        Overwritten with that of power x log likelihood + log prior.
    work : LatentWork
        Overwritten; what both hold is that of x.

    Returns
    -------
    LatentDensity
        The likelihood without its power.
    """
    strata = parts.places
    falling(x, work.powers, work.scales, work.bits)
    log_prior, log_rest = read_logits(table, x, work)
    log_prior += _read_shares(x, work, parts)
    _multiply(table, work, parts)

    # The unseen of every stratum, and 1 − p_0 as a sum of positive terms.
    product, share = parts.product, parts.share
    unseen = 0.0
    visible = 0.0
    for s in range(share.shape[0]):
        o = strata.silent[s]
        for k in range(table.classes):
            unseen += product[o, k] * share[s, k]
            visible += work.weight[k] * parts.visible[o, k] * share[s, k]
    log_seen = math.log(visible)
    log_likelihood = -table.total * log_seen
    places = strata.row.shape[0]
    for p in range(places):
        parts.chance[p] = dot(product[strata.row[p]], share[strata.stratum[p]])
        parts.weight[p] = 0.0
        if table.counts[p] > 0.0:
            log_likelihood += table.counts[p] * math.log(parts.chance[p])
            parts.weight[p] = table.counts[p] / parts.chance[p]
    for c in range(strata.pool_counts.shape[0]):
        total = 0.0
        for e in range(strata.pool_starts[c], strata.pool_starts[c + 1]):
            total += parts.chance[strata.pool_places[e]]
        log_likelihood += strata.pool_counts[c] * math.log(total)
        for e in range(strata.pool_starts[c], strata.pool_starts[c + 1]):
            parts.weight[strata.pool_places[e]] += strata.pool_counts[c] / total

    _expect(table.total / visible, parts)
    _follow(table, power, log_rest, x, gradient, work, parts)
    return LatentDensity(log_likelihood, log_prior, unseen, log_seen, log_rest)


@compiled
def dot(a: Array, b: Array) -> float:
    """Return Σ a b in four sums, which do not wait for each other."""
    n = a.shape[0]
    whole = n // 4 * 4
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for k in range(0, whole, 4):
        s0 += a[k] * b[k]
        s1 += a[k + 1] * b[k + 1]
        s2 += a[k + 2] * b[k + 2]
        s3 += a[k + 3] * b[k + 3]
    for k in range(whole, n):
        s0 += a[k] * b[k]
    return (s0 + s1) + (s2 + s3)


@compiled
def _read_shares(x: Array, work: LatentWork, parts: StrataWork) -> float:
    """Write φ, given exp(−|g|) in `work.powers`; return the log prior of g, Σ g − e^g."""
    share = parts.share
    s, classes = share.shape
    first = x.shape[0] - s * classes
    total = work.share
    log_prior = 0.0
    for k in range(classes):
        total[k] = 0.0
    for t in range(s):
        at = first + t * classes
        for k in range(classes):
            e = work.powers[at + k]
            share[t, k] = 1.0 / e if x[at + k] >= 0.0 else e
            total[k] += share[t, k]
            log_prior += x[at + k]
    for k in range(classes):
        log_prior -= total[k]
        total[k] = 1.0 / total[k]
    for t in range(s):
        for k in range(classes):
            share[t, k] *= total[k]
    return log_prior


@compiled
def _multiply(table: LatentTable, work: LatentWork, parts: StrataWork) -> None:
    """Write π_k P(row | k), and for the rows of the unseen P(seen | k) as a sum of positive terms."""
    strata = parts.places
    m, lists = table.on.shape
    classes = table.classes
    through = work.share
    for r in range(m):
        row = parts.product[r]
        if r < parts.visible.shape[0]:
            for k in range(classes):
                through[k] = 1.0
                parts.visible[r, k] = 0.0
            for j in range(lists):
                if strata.operates[r, j]:
                    for k in range(classes):
                        parts.visible[r, k] += through[k] * work.caught[j, k]
                        through[k] *= work.missed[j, k]
        for k in range(classes):
            row[k] = work.weight[k]
        for j in range(lists):
            if strata.operates[r, j]:
                factor = work.caught[j] if table.on[r, j] else work.missed[j]
                for k in range(classes):
                    row[k] *= factor[k]


@compiled
def _expect(unseen_weight: float, parts: StrataWork) -> None:
    """Write the expected persons of every row and class, and the derivative by φ."""
    strata = parts.places
    parts.held[:] = 0.0
    parts.slope[:] = 0.0
    classes = parts.held.shape[1]
    for p in range(strata.row.shape[0]):
        _add(parts, strata.row[p], strata.stratum[p], parts.weight[p], classes)
    for s in range(strata.silent.shape[0]):
        _add(parts, strata.silent[s], s, unseen_weight, classes)
    for r in range(parts.held.shape[0]):
        for k in range(classes):
            parts.held[r, k] *= parts.product[r, k]


@compiled
def _add(parts: StrataWork, row: int, stratum: int, weight: float, classes: int) -> None:
    """Add a place to the sums of its row and stratum."""
    held, share = parts.held[row], parts.share[stratum]
    slope, product = parts.slope[stratum], parts.product[row]
    for k in range(classes):
        held[k] += weight * share[k]
        slope[k] += weight * product[k]


@compiled
def _follow(
    table: LatentTable,
    power: float,
    log_rest: float,
    x: Array,
    gradient: Array,
    work: LatentWork,
    parts: StrataWork,
) -> None:
    """Write the gradient from the expected persons."""
    operates = parts.places.operates
    m, lists = table.on.shape
    classes = table.classes
    seen, exposed = work.seen, work.share
    for k in range(classes):
        seen[k] = 0.0
    for r in range(m):
        for k in range(classes):
            seen[k] += parts.held[r, k]
    for j in range(lists):
        caught, missed, on_list = work.caught[j], work.missed[j], work.on_list[j]
        for k in range(classes):
            on_list[k] = 0.0
            exposed[k] = 0.0
        for r in range(m):
            if operates[r, j]:
                held = parts.held[r]
                if table.on[r, j]:
                    for k in range(classes):
                        on_list[k] += held[k]
                for k in range(classes):
                    exposed[k] += held[k]
        for k in range(classes):
            gradient[j * classes + k] = power * (on_list[k] - caught[k] * exposed[k]) + missed[k] - caught[k]
    alpha = (table.shape + classes - 1.0) / (table.rate - log_rest)
    above = seen[classes - 1]
    for k in range(classes - 2, -1, -1):
        v = work.stick[k]
        gradient[lists * classes + k] = power * (seen[k] - v * (seen[k] + above)) + 1.0 - v * (1.0 + alpha)
        above += seen[k]
    first = x.shape[0] - parts.share.size
    for s in range(parts.share.shape[0]):
        at = first + s * classes
        for k in range(classes):
            e = work.powers[at + k]
            e = 1.0 / e if x[at + k] >= 0.0 else e
            gradient[at + k] = power * parts.share[s, k] * (parts.slope[s, k] - seen[k]) + 1.0 - e


@compiled
def draw_parts(
    rng: np.random.Generator,
    table: LatentTable,
    parts: StrataWork | None,
    x: Array,
    gradient: Array,
    work: LatentWork,
    unseen: Array,
    labelled: NDArray[np.int64],
) -> None:
    """Say how the unseen are divided over strata at a state, and draw a label for everybody who has none.

    Parameters
    ----------
    rng : Generator
        Advanced.
    table : LatentTable
        Counts.
    parts : StrataWork or None
        Overwritten with what belongs to x, `filled` with the persons of every place; nothing is done without strata.
    x : (D,) float64
        State.
    gradient : (D,) float64
        Workspace.
    work : LatentWork
        Overwritten.
    unseen : (S,) float64
        Overwritten with the shares of the strata in the unseen.
    labelled : (S,) int64
        Overwritten with the persons of every stratum who have no label in the table.
    """
    if parts is None:
        return
    strata = parts.places
    now = stratified_density(table, parts, 1.0, x, gradient, work)
    for s in range(unseen.shape[0]):
        labelled[s] = 0
        unseen[s] = dot(parts.product[strata.silent[s]], parts.share[s]) / max(now.unseen, 1e-300)
    for p in range(strata.row.shape[0]):
        parts.filled[p] = int(table.counts[p])
    for c in range(strata.pool_counts.shape[0]):
        left = strata.pool_counts[c]
        rest = 0.0
        for e in range(strata.pool_starts[c], strata.pool_starts[c + 1]):
            rest += parts.chance[strata.pool_places[e]]
        for e in range(strata.pool_starts[c], strata.pool_starts[c + 1]):
            p = strata.pool_places[e]
            chance = parts.chance[p]
            last = e == strata.pool_starts[c + 1] - 1
            count = left if last else rng.binomial(left, min(max(chance / max(rest, 1e-300), 0.0), 1.0))
            left -= count
            rest -= chance
            parts.filled[p] += count
            labelled[strata.stratum[p]] += count
