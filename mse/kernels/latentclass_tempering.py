"""Parallel tempering of the latent class model: one round of one chain, from the prior to the posterior.

A chain is a ladder of replicas; that of rung r follows prior x likelihood^t_r with 1 = t_0 > t_1 > … > t_R = 0.
Neighbours exchange their states in alternating pairs without being drawn (Syed, Bouchard-Côté, Deligiannidis & Doucet
2022, JRSS B 84:321), which carries fresh draws of the prior to the posterior about once in
2 + 2 Σ r/(1 − r) rounds, r the rates of refusal.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.latentclass_density import Array, LatentTable, latent_work
from mse.kernels.latentclass_moves import (
    draw_prior,
    draw_unseen_mean,
    follow_gradient,
    reorder_sticks,
)
from mse.kernels.latentclass_predictive import predictive_misfit
from mse.kernels.latentclass_strata import StrataWork, density_of, draw_parts

LOOK = 4
"""Rounds from one look at how the counts fit to the next: neighbouring ones hardly differ, and each costs."""


class Ladder(NamedTuple):
    """Where the replicas are and how they move.

    Attributes
    ----------
    powers : (R,) float64
        t, falling from 1 to 0.
    steps, lengths : (R,) float64
        Leapfrog steps, and expected lengths of trajectories, in logits.
    moves : (R,) int64
        Trajectories in a round.
    """

    powers: Array
    steps: Array
    lengths: Array
    moves: NDArray[np.int64]


class TemperedDraws(NamedTuple):
    """What a stretch of sampling gave.

    Attributes
    ----------
    log_means : (T, M) float64
        Draws of log μ with n_0 ~ Poisson(μ): one after every trajectory of the coldest rung.
    unseen : (T, M, S) float64
        Shares of the strata in the unseen, at each of these draws; none without strata.
    labelled : (T, M, S) int64
        Persons of every stratum who have no label in the table, likewise.
    log_likelihoods : (T, R) float64
        Of the state of each rung at the end of each round.
    classes : (T,) float64
        Classes of the coldest rung that hold more than one person in a hundred.
    log_last : (T,) float64
        Log share of the population in the last piece of the stick, which truncation leaves.
    misfit : (T / 4, 2) float64
        Freeman–Tukey distance of the observed counts from the expected ones, and of counts drawn from the model, in
        every `LOOK`th round; none while steps are adapted.
    accepted : (R,) float64
        Mean acceptance of the trajectories of each rung.
    refused : (R - 1,) float64
        Mean probability that an exchange of rungs r and r + 1 is refused.
    fresh : int
        Times that a draw of the prior reached the posterior.
    """

    log_means: Array
    unseen: Array
    labelled: NDArray[np.int64]
    log_likelihoods: Array
    classes: Array
    log_last: Array
    misfit: Array
    accepted: Array
    refused: Array
    fresh: int


@compiled
def temper(
    rng: np.random.Generator,
    spare: np.random.Generator,
    table: LatentTable,
    parts: StrataWork | None,
    ladder: Ladder,
    states: Array,
    origins: NDArray[np.int64],
    rounds: int,
    adapt: float,
) -> TemperedDraws:
    """Sample `rounds` rounds of one ladder.

    Parameters
    ----------
    rng : Generator
        Advanced.
    spare : Generator
        Advanced; of what only looks at the chain.
    table : LatentTable
        What the posterior is of.
    parts : StrataWork or None
        Its strata, overwritten.
    ladder : Ladder
        Powers and steps; `steps` is overwritten while it is adapted.
    states : (R, D) float64
        State of each rung; overwritten.
    origins : (R,) int64
        1 where the state last saw the prior, 0 where it last saw the posterior; overwritten.
    rounds : int
        T; in each, every rung moves and one set of pairs tries to exchange.
    adapt : float
        0 to sample; above 0 the steps move towards 80 % acceptance, by at most this factor's logarithm a trajectory.
    """
    rungs, d = states.shape
    lists = table.on.shape[1]
    n_strata = (d + 1) // table.classes - lists - 1
    work = latent_work(lists, table.classes, n_strata)
    gradient, trial, speed, slope = np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    order = np.empty(table.classes, dtype=np.int64)
    log_means = np.empty((rounds, ladder.moves[0]))
    unseen = np.empty((rounds, ladder.moves[0], n_strata))
    labelled = np.empty((rounds, ladder.moves[0], n_strata), dtype=np.int64)
    log_likelihoods = np.empty((rounds, rungs))
    looks = (rounds + LOOK - 1) // LOOK if adapt == 0.0 else 0
    classes, log_last, misfit = np.zeros(rounds), np.empty(rounds), np.empty((looks, 2))
    accepted, refused, tried = np.zeros(rungs), np.zeros(rungs - 1), np.zeros(rungs - 1)
    place = np.arange(rungs)  # place[r] is the row of `states` that rung r has now
    fresh = 0
    for t in range(rounds):
        for r in range(rungs):
            x = states[place[r]]
            if ladder.powers[r] == 0.0:
                draw_prior(rng, table, x)
            reorder_sticks(rng, table, x, trial, work, order)
            now = density_of(table, parts, ladder.powers[r], x, gradient, work)
            for s in range(ladder.moves[r]):
                now, chance = follow_gradient(
                    rng, table, parts, ladder.powers[r], ladder.steps[r], ladder.lengths[r], x, now,
                    gradient, trial, speed, slope, work,
                )  # fmt: skip
                accepted[r] += chance / (rounds * ladder.moves[r])
                if adapt > 0.0:
                    ladder.steps[r] = min(ladder.steps[r] * math.exp(adapt * (chance - 0.8)), 2.0)
                if r == 0:
                    log_means[t, s] = draw_unseen_mean(rng, table, now)
                    draw_parts(rng, table, parts, x, slope, work, unseen[t, s], labelled[t, s])
            log_likelihoods[t, r] = now.log_likelihood
            if r == 0:
                now = density_of(table, parts, 1.0, x, slope, work)
                classes[t] = (work.weight > 0.01).sum()
                log_last[t] = now.log_last
                if t % LOOK == 0 and looks > 0:
                    misfit[t // LOOK] = predictive_misfit(rng, spare, table, parts, now, work)
        for r in range(t % 2, rungs - 1, 2):
            gain = (ladder.powers[r] - ladder.powers[r + 1]) * (log_likelihoods[t, r + 1] - log_likelihoods[t, r])
            chance = math.exp(min(gain, 0.0))
            refused[r] += 1.0 - chance
            tried[r] += 1.0
            if rng.random() < chance:
                place[r], place[r + 1] = place[r + 1], place[r]
        if origins[place[0]] == 1:
            fresh += 1
        origins[place[0]] = 0
        origins[place[rungs - 1]] = 1
    states[:] = states[place].copy()
    origins[:] = origins[place].copy()
    for r in range(rungs - 1):
        refused[r] /= max(tried[r], 1.0)
    return TemperedDraws(
        log_means, unseen, labelled, log_likelihoods, classes, log_last, misfit, accepted, refused, fresh
    )
