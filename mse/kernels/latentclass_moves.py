"""Moves on one state of the latent class model: along the gradient, a new order of sticks, afresh from the prior."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.latentclass_density import Array, LatentDensity, LatentTable, LatentWork, latent_density
from mse.kernels.latentclass_strata import StrataWork, stratified_density

HIGHEST = 600.0
"""Logits are kept below this; beyond it a probability is 0 or 1 for every purpose."""

MOST_STEPS = 500
"""Leapfrog steps of a trajectory at most."""

JITTER = 0.3
"""Standard deviation of the log step: no trajectory has the period of its own orbit."""


@compiled
def draw_prior(rng: np.random.Generator, table: LatentTable, x: Array) -> None:
    """Write a draw from the prior to `x`, which is as in `latent_density` and, with strata, `stratified_density`."""
    lists = table.on.shape[1]
    classes = table.classes
    for i in range(lists * classes):
        u = rng.random()
        x[i] = math.log(max(u, 1e-300)) - math.log1p(-u)
    log_alpha = _log_gamma_draw(rng, table.shape) - math.log(table.rate)
    alpha = math.exp(log_alpha)
    for k in range(classes - 1):
        # With log(1 − V) = −E/α: V is near E/α when that is small, and 1 − V is exp(−E/α).
        t = rng.standard_exponential() / max(alpha, 1e-300)
        log_stick = math.log(-math.expm1(-t)) if t > 0.0 else -HIGHEST
        x[lists * classes + k] = min(max(log_stick + t, -HIGHEST), HIGHEST)
    for i in range((lists + 1) * classes - 1, x.shape[0]):
        x[i] = math.log(max(rng.standard_exponential(), 1e-300))


@compiled
def _log_gamma_draw(rng: np.random.Generator, shape: float) -> float:
    """Return the logarithm of a Gamma(shape, 1) draw, exact where a small shape underflows."""
    return math.log(rng.standard_gamma(shape + 1.0)) + math.log(max(rng.random(), 1e-300)) / shape


@compiled
def follow_gradient(
    rng: np.random.Generator,
    table: LatentTable,
    parts: StrataWork | None,
    power: float,
    step: float,
    length: float,
    x: Array,
    now: LatentDensity,
    gradient: Array,
    trial: Array,
    speed: Array,
    slope: Array,
    work: LatentWork,
) -> tuple[LatentDensity, float]:
    """Take one Hamiltonian trajectory (Neal 2011) and accept or refuse its end.

    Parameters
    ----------
    rng : Generator
        Advanced.
    table, parts, power
        As in `density_of`.
    step, length : float
        Leapfrog step before its jitter, and the expected length of the trajectory, in logits.
    x : (D,) float64
        State; overwritten when the end is accepted.
    now : LatentDensity
        Of x at entry.
    gradient : (D,) float64
        Of x at this power; overwritten with that of the state that is kept.
    trial, speed, slope : (D,) float64
        Workspace.
    work : LatentWork
        Workspace.

    Returns
    -------
    tuple of LatentDensity and float
        Of the state that is kept; and the probability of acceptance.
    """
    d = x.shape[0]
    epsilon = step * math.exp(JITTER * rng.standard_normal())
    # A uniform number of steps around the wanted length: fixed lengths can resonate.
    steps = 1 + min(int(2.0 * rng.random() * length / epsilon), MOST_STEPS - 1)
    energy = -power * now.log_likelihood - now.log_prior
    for i in range(d):
        v = rng.standard_normal()
        energy += 0.5 * v * v
        speed[i] = v + 0.5 * epsilon * gradient[i]
        trial[i] = x[i]
    then = now
    for s in range(steps):
        for i in range(d):
            trial[i] += epsilon * speed[i]
        if parts is None:
            then = latent_density(table, power, trial, slope, work)
        else:
            then = stratified_density(table, parts, power, trial, slope, work)
        if not math.isfinite(then.log_likelihood + then.log_prior):
            return now, 0.0
        part = epsilon if s < steps - 1 else 0.5 * epsilon
        for i in range(d):
            speed[i] += part * slope[i]
    end = -power * then.log_likelihood - then.log_prior
    for i in range(d):
        end += 0.5 * speed[i] * speed[i]
    if not math.isfinite(end):
        return now, 0.0
    chance = math.exp(min(energy - end, 0.0))
    if rng.random() >= chance:
        return now, chance
    x[:] = trial
    gradient[:] = slope
    return then, chance


@compiled
def reorder_sticks(
    rng: np.random.Generator, table: LatentTable, x: Array, trial: Array, work: LatentWork, order: NDArray[np.int64]
) -> bool:
    """Propose a size-biased order of the classes, and accept or refuse it.

    The likelihood knows no order. In the weights, the prior of an order is (b − log π_last)^−(a + K* − 1) times the
    probability of that order under sampling by size without replacement, up to a constant; the latter is proposed.

    Parameters
    ----------
    rng : Generator
        Advanced.
    table : LatentTable
        The model.
    x : (D,) float64
        State; overwritten when the order is accepted.
    trial : (D,) float64
        Workspace.
    work : LatentWork
        Workspace.
    order : (K*,) int64
        Overwritten.

    Returns
    -------
    bool
        Whether the order changed; the density of x, not its likelihood, is then another one.
    """
    lists = table.on.shape[1]
    classes = table.classes
    log_weight = work.weight
    rest = 0.0
    for k in range(classes - 1):
        z = x[lists * classes + k]
        lost = math.log1p(math.exp(-abs(z)))
        log_weight[k] = rest + min(z, 0.0) - lost
        rest -= max(z, 0.0) + lost
    log_weight[classes - 1] = rest

    # Sampling by size: the order of E_k / π_k.
    arrival = work.seen
    for k in range(classes):
        arrival[k] = math.log(rng.standard_exponential()) - log_weight[k]
        order[k] = k
    for k in range(1, classes):
        at = k
        while at > 0 and arrival[order[at - 1]] > arrival[order[at]]:
            order[at - 1], order[at] = order[at], order[at - 1]
            at -= 1
    last = log_weight[order[classes - 1]]
    pieces = table.shape + classes - 1.0
    if math.log(rng.random()) >= pieces * (math.log(table.rate - rest) - math.log(table.rate - last)):
        return False

    for j in range(lists):
        for k in range(classes):
            trial[j * classes + k] = x[j * classes + order[k]]
    # What is left above a piece, from the smallest up: log Σ exp, so that a stick's logit is a difference of two.
    above = last
    for k in range(classes - 2, -1, -1):
        own = log_weight[order[k]]
        trial[lists * classes + k] = min(max(own - above, -HIGHEST), HIGHEST)
        top = max(own, above)
        above = top + math.log1p(math.exp(min(own, above) - top))
    first = (lists + 1) * classes - 1
    for s in range((x.shape[0] - first) // classes):
        for k in range(classes):
            trial[first + s * classes + k] = x[first + s * classes + order[k]]
    x[:] = trial
    return True


@compiled
def draw_unseen_mean(rng: np.random.Generator, table: LatentTable, now: LatentDensity) -> float:
    """Return a draw of the log of the Poisson mean of n_0: log Gamma(n) + log p_0 − log(1 − p_0)."""
    return math.log(rng.standard_gamma(table.total)) + math.log(max(now.unseen, 1e-300)) - now.log_seen
