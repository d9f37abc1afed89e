"""The latent class model with classes, and the unseen, summed out: its log density, gradient and law of N.

Manrique-Vallier (2016, Biometrics 72:1246). A person belongs to class k with probability π_k and is then on list j
with probability λ_jk, independently over lists; π is stick-breaking with K* pieces, λ ~ Beta(1, 1),
α ~ Gamma(a, b), p(N) ∝ 1/N. Three things can be summed out in closed form, and are:

- the class of every person: p_ω = Σ_k π_k Π_j λ_jk^{ω_j} (1 − λ_jk)^{1 − ω_j};
- the unseen: Σ_{n_0} p(N) N! / (n_0! Π n_ω!) p_0^{n_0} Π p_ω^{n_ω} ∝ Π_ω {p_ω / (1 − p_0)}^{n_ω}, a probability given
  that a person is seen, at most one: with a proper prior of π and λ the posterior is proper on every table;
- α: with t = −Σ_{k<K*} log(1 − V_k), the pieces have density Γ(a + K* − 1) b^a / {Γ(a) (b + t)^{a + K* − 1}}
  Π 1/(1 − V_k).

What is left is a smooth function of logit λ and logit V, on which a sampler can follow the gradient. Given these,
n_0 is negative binomial: Poisson with a mean of Gamma(n) p_0 / (1 − p_0).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled, inlined
from mse.kernels.latentclass_histories import HistoryLists, add_far_histories, add_histories, odds_of_lists

Array = NDArray[np.float64]


class LatentStrata(NamedTuple):
    """Where the persons of a table with strata may be; a row is a history together with the lists that operate.

    Attributes
    ----------
    operates : (m, J) bool
        Lists that operate in each row of `LatentTable.on`; the others say nothing there. The first M rows are the
        empty history, once for every set of operating lists.
    silent : (S,) int64
        Of each stratum, the one of these M rows that its unseen have.
    row, stratum : (P,) int64
        The places where somebody is or may be.
    pool_starts : (C + 1,) int64
        Entries of `pool_places` that make up each pool: places, in several strata, of persons without a label.
    pool_places : (E,) int64
        Those places.
    pool_counts : (C,) int64
        Persons in each pool.
    """

    operates: NDArray[np.bool_]
    silent: NDArray[np.int64]
    row: NDArray[np.int64]
    stratum: NDArray[np.int64]
    pool_starts: NDArray[np.int64]
    pool_places: NDArray[np.int64]
    pool_counts: NDArray[np.int64]


class LatentTable(NamedTuple):
    """What the density is of.

    Attributes
    ----------
    on : (m, J) bool
        Who is on what, for the histories that hold somebody; with strata, for the rows of `LatentStrata`.
    counts : (m,) float64
        Their persons; with strata (P,), the persons of each place whose stratum is known.
    total : float
        All persons, n, without labels or with them.
    classes : int
        K*, two or more.
    shape, rate : float
        a and b of the prior of α.
    histories : HistoryLists
        The lists that each row of `on` is on.
    strata : LatentStrata or None
        None for a table without strata.
    """

    on: NDArray[np.bool_]
    counts: Array
    total: float
    classes: int
    shape: float
    rate: float
    histories: HistoryLists
    strata: LatentStrata | None = None


class LatentWork(NamedTuple):
    """Workspace of one density; classes lie side by side.

    Attributes
    ----------
    caught, missed : (J, K*) float64
        λ and 1 − λ.
    weight : (K*,) float64
        π.
    stick : (K* − 1,) float64
        V.
    powers : (D,) float64
        exp(−|x|).
    scales : (D,) float64
        Powers of two, and the same memory as whole numbers in `bits`.
    bits : (D,) int64
        See `scales`.
    share, seen : (K*,) float64
        π_k P(ω | k); the expected persons of each class, the unseen with them.
    on_list : (J, K*) float64
        Those of them that are on a list.
    odds : (J, K*) float64
        λ / (1 − λ).
    nowhere : (K*,) float64
        π_k P(on no list | k).
    """

    caught: Array
    missed: Array
    weight: Array
    stick: Array
    powers: Array
    scales: Array
    bits: NDArray[np.int64]
    share: Array
    seen: Array
    on_list: Array
    odds: Array
    nowhere: Array


class LatentDensity(NamedTuple):
    """The density at one point.

    Attributes
    ----------
    log_likelihood, log_prior : float
        Up to a constant; the prior is that of the logits.
    unseen : float
        p_0.
    log_seen : float
        log(1 − p_0), exact where p_0 is near one.
    log_last : float
        log π_K*, of the piece that truncation leaves.
    """

    log_likelihood: float
    log_prior: float
    unseen: float
    log_seen: float
    log_last: float


@compiled
def latent_work(lists: int, classes: int, strata: int) -> LatentWork:
    """Return an empty workspace."""
    scales = np.zeros((lists + 1 + strata) * classes - 1)
    return LatentWork(
        np.zeros((lists, classes)), np.zeros((lists, classes)), np.zeros(classes), np.zeros(classes - 1),
        np.zeros(scales.shape[0]), scales, scales.view(np.int64), np.zeros(classes), np.zeros(classes),
        np.zeros((lists, classes)), np.zeros((lists, classes)), np.zeros(classes),
    )  # fmt: skip


@compiled
def falling(x: Array, powers: Array, scales: Array, bits: NDArray[np.int64]) -> None:
    """Write exp(−|x|) to `powers`, to 1e-15 of its value; |x| is cut off at 700.

    In three loops without a conversion of types, each of which the processor takes four numbers at a time through.
    """
    for i in range(x.shape[0]):
        y = -min(abs(x[i]), 700.0)
        # 1.5 · 2^52 added: the nearest whole number is in the last bits, and the rest of the sum is it as a float.
        shifted = y * 1.4426950408889634 + 6755399441055744.0
        whole = shifted - 6755399441055744.0
        r = y - whole * 6.93147180369123816490e-01 - whole * 1.90821492927058770002e-10
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
        powers[i] = p
        scales[i] = shifted
    for i in range(x.shape[0]):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(x.shape[0]):
        powers[i] *= scales[i]


@inlined
def read_logits(table: LatentTable, x: Array, work: LatentWork) -> tuple[float, float]:
    """Turn logits into λ, 1 − λ, V and π, given their exp(−|x|) in `work.powers`.

    Parameters
    ----------
    table : LatentTable
        Prior.
    x : (D,) float64
        As in `latent_density`.
    work : LatentWork
        `caught`, `missed`, `stick` and `weight` are overwritten.

    Returns
    -------
    tuple of float
        Log prior of these logits, and log π_K*.
    """
    caught, missed, weight, stick, powers = work.caught, work.missed, work.weight, work.stick, work.powers
    classes = table.classes
    lists = table.on.shape[1]

    # λ, 1 − λ and log Π λ(1 − λ), the prior on the logit scale: −Σ|x| − 2 Σ log(1 + e^−|x|), one logarithm a list.
    log_prior = 0.0
    for j in range(lists):
        at = j * classes
        for k in range(classes):
            e = powers[at + k]
            d = 1.0 / (1.0 + e)
            caught[j, k] = d if x[at + k] >= 0.0 else e * d
            missed[j, k] = e * d if x[at + k] >= 0.0 else d
        scale = 1.0
        far = 0.0
        for k in range(classes):
            scale *= max(caught[j, k], missed[j, k])
            far += abs(x[at + k])
        log_prior += 2.0 * math.log(scale) - far

    # Sticks: log V each (the Jacobian V(1 − V) meets 1/(1 − V)), and −(a + K* − 1) log(b − log π_K*).
    rest = 1.0
    log_rest = 0.0
    scale = 1.0
    for k in range(classes - 1):
        z = x[lists * classes + k]
        e = powers[lists * classes + k]
        d = 1.0 / (1.0 + e)
        stick[k] = d if z >= 0.0 else e * d
        weight[k] = rest * stick[k]
        rest *= e * d if z >= 0.0 else d
        log_rest -= max(z, 0.0)
        log_prior += min(z, 0.0)
        scale *= d
    weight[classes - 1] = rest
    log_rest += math.log(scale)
    log_prior += math.log(scale)
    pieces = table.shape + classes - 1.0
    log_prior -= pieces * math.log(table.rate - log_rest)
    return log_prior, log_rest


@compiled
def latent_density(table: LatentTable, power: float, x: Array, gradient: Array, work: LatentWork) -> LatentDensity:
    """Evaluate the tempered log density and its gradient.

    Parameters
    ----------
    table : LatentTable
        Histories, counts and prior.
    power : float
        What the likelihood is raised to: 0 is the prior, 1 the posterior.
    x : (D,) float64
        Logit λ at j K* + k, then logit V at J K* + k; D = (J + 1) K* − 1.
    gradient : (D,) float64
        Overwritten with that of power x log likelihood + log prior.
    work : LatentWork
        Overwritten; `weight`, `caught` and `missed` are those of x.

    Returns
    -------
    LatentDensity
        The likelihood without its power.
    """
    caught, missed, weight, stick, share, seen, on_list = (
        work.caught, work.missed, work.weight, work.stick, work.share, work.seen, work.on_list,
    )  # fmt: skip
    classes = table.classes
    lists = table.on.shape[1]
    falling(x, work.powers, work.scales, work.bits)
    log_prior, log_rest = read_logits(table, x, work)

    # The unseen, and 1 − p_0 as a sum of positive terms: a difference from one would lose what is rarely seen.
    unseen = 0.0
    visible = 0.0
    for k in range(classes):
        through = 1.0
        caught_by = 0.0
        for j in range(lists):
            caught_by += through * caught[j, k]
            through *= missed[j, k]
        share[k] = weight[k] * through
        unseen += share[k]
        visible += weight[k] * caught_by
    log_seen = math.log(visible)
    log_likelihood = -table.total * log_seen
    factor = table.total / visible
    for k in range(classes):
        seen[k] = factor * share[k]
    for j in range(lists):
        for k in range(classes):
            on_list[j, k] = 0.0

    if odds_of_lists(x, work.weight, caught, missed, work.odds, work.nowhere):
        log_likelihood += add_histories(
            table.histories, table.counts, work.nowhere, work.odds, share, seen, on_list
        )  # fmt: skip
    else:
        log_likelihood += add_far_histories(table.on, table.counts, weight, caught, missed, share, seen, on_list)

    for j in range(lists):
        for k in range(classes):
            gradient[j * classes + k] = power * (on_list[j, k] - caught[j, k] * seen[k]) + missed[j, k] - caught[j, k]
    alpha = (table.shape + classes - 1.0) / (table.rate - log_rest)
    above = seen[classes - 1]
    for k in range(classes - 2, -1, -1):
        v = stick[k]
        gradient[lists * classes + k] = power * (seen[k] - v * (seen[k] + above)) + 1.0 - v * (1.0 + alpha)
        above += seen[k]
    return LatentDensity(log_likelihood, log_prior, unseen, log_seen, log_rest)
