"""Chains of the latent class model that agree: tempered, started from the prior, run until they mix or a limit.

The ladder is tuned by a pilot run so that neighbouring rungs refuse to exchange equally often; every chain then starts
anew from draws of the prior, and what warming up shows of the ladder, over all chains, corrects it. Stretches of
chains are the parts that `Compute.spread` keeps, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.convergence import EFFECTIVE, RHAT, ess_bulk, ess_tail, rhat
from mse.computing.parallel import Compute
from mse.kernels.arrays import Array, Integers
from mse.words.said import said

if TYPE_CHECKING:
    from mse.computing.chunks import Chunk
    from mse.kernels.latentclass_density import LatentTable
    from mse.kernels.latentclass_tempering import Ladder, TemperedDraws


FRESH = 20
"""Draws of the prior that have to have reached the posterior, over all chains and warming up included, before sampling
may stop: a hump that one in seven of them leads to is then missed with a probability of 0.05."""

PATIENCE = 8000
"""Rounds after which chains that agree may stop all the same: where the likelihood separates kinds of states sharply,
few draws of the prior get from one to the other, however well the chains mix and agree on the posterior."""

STRETCH = 1000
"""Rounds of the first stretches after warming up."""

WARMING, WARMING_OF_STRATA = 500, 1000
"""Rounds of each stretch in which a chain warms up; these are left out."""

WARM_UPS, WARM_UPS_OF_STRATA = 1, 2
"""How often the ladder is corrected by what warming up shows of it."""

LENGTH, COLD_MOVES = 1.0, 3
"""Length of a trajectory in logits, and trajectories of the coldest rung in a round."""

_REFUSED, _FRESH = 7, 8
_PILOT_RUNGS, _PILOT_ROUNDS, _FREEST = 14, (60, 100, 150, 250, 400), 0.1
_RUNGS_PER_BARRIER = 1.75
LARGEST_LOG_MEAN = math.log(1e15)


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What the chains drew after warming up.

    Parameters
    ----------
    log_means : float64 array, shape (C, T)
        Draws of log μ, n_0 ~ Poisson(μ).
    sizes : int64 array, shape (C, T)
        Draws of N.
    parts : int64 array, shape (C, T, S)
        The same by stratum; none without strata.
    log_likelihoods : float64 array, shape (C, rounds, R)
        Of every rung.
    classes, log_last : float64 array, shape (C, rounds)
        Classes with more than 1 % of the population; log share of the last piece of the stick.
    misfit : float64 array, shape (C, looks, 2)
        Freeman–Tukey distance of the observed and of drawn counts.
    powers, accepted, refused : float64 array, shape (R,), (R,), (R - 1,)
        The ladder; mean acceptance of its trajectories; mean refusal of exchanges.
    fresh : int
        Draws of the prior that reached the posterior, over all chains and with warming up.
    warmup : int
        Draws of each chain that were left out.
    rhats, bulks, tails : float64 array, shape (1 + S,)
        Of log N, and of log N of every stratum.
    """

    log_means: Array
    sizes: Integers
    parts: Integers
    log_likelihoods: Array
    classes: Array
    log_last: Array
    misfit: Array
    powers: Array
    accepted: Array
    refused: Array
    fresh: int
    warmup: int
    rhats: Array
    bulks: Array
    tails: Array

    @property
    def rhat(self) -> float:
        """The largest R-hat."""
        return float(self.rhats.max())

    @property
    def bulk(self) -> float:
        """The smallest effective size of the bulk."""
        return float(self.bulks.min())

    @property
    def tail(self) -> float:
        """The smallest effective size of the tails."""
        return float(self.tails.min())

    @property
    def agree(self) -> bool:
        """Whether the chains agree by the stated limits."""
        return self.rhat <= RHAT and min(self.bulk, self.tail) >= EFFECTIVE

    @property
    def log_evidences(self) -> Array:
        """Log probability of the histories given how many were seen, by chain, up to a constant; shape (C,).

        By stepping stones: Σ_r log E_{r+1}[likelihood^(t_r − t_{r+1})].
        """
        gains = (self.powers[:-1] - self.powers[1:]) * self.log_likelihoods[:, :, 1:]
        top = gains.max(axis=1, keepdims=True)
        logs: Array = (np.log(np.exp(gains - top).mean(axis=1)) + top[:, 0]).sum(axis=1)
        return logs


def sample(table: LatentTable, *, chains: int, effective: int, longest: int, seed: int, compute: Compute) -> Sampled:
    """Run the chains until they agree and hold enough, or until they are as long as they may get.

    Parameters
    ----------
    table : LatentTable
        What the posterior is of.
    chains : int
        C.
    effective : int
        Effective draws of log N that are wanted, in the bulk and in the tails.
    longest : int
        Rounds of a chain at most, warming up left out.
    seed : int
        With it every number is determined, whatever the number of workers.
    compute : Compute
        Where; with a folder, finished stretches are kept.
    """
    (pilot,) = compute.spread(said("stage.classes_tuning"), partial(tune_ladder, table), [(seed,)], threads=True)
    powers, steps = pilot
    states: list[Chunk] = [()] * chains
    kept: list[list[Chunk]] = [[] for _ in range(chains)]
    warm_ups, warming_rounds = (WARM_UPS, WARMING) if table.strata is None else (WARM_UPS_OF_STRATA, WARMING_OF_STRATA)
    stretch, done, fresh = 0, 0, 0
    while True:
        warming = stretch < warm_ups
        rounds = warming_rounds if warming else min(max(STRETCH, done), longest - done)
        tasks: list[tuple[int, ...]] = [(seed, chain, stretch, rounds) for chain in range(chains)]
        what = said("stage.classes_warming") if warming else said("stage.classes", first=done, last=done + rounds)
        run = partial(run_stretch, table, powers, steps)
        parts = list(
            compute.spread(what, run, [(task, state) for task, state in zip(tasks, states, strict=True)], threads=True)
        )
        states = [part[-2:] for part in parts]
        fresh += sum(int(part[_FRESH][0]) for part in parts)
        if warming:
            refused = np.mean([part[_REFUSED] for part in parts], axis=0)
            powers, steps, nearest = respaced(powers, steps, refused, table.total)
            states = [(rungs[nearest], origins[nearest]) for rungs, origins in states]
        else:
            done += rounds
            for chain, part in zip(kept, parts, strict=True):
                chain.append(part[:-2])
            found = _joined(kept, powers, fresh, warming_rounds * COLD_MOVES * warm_ups)
            enough = found.rhat <= RHAT and min(found.bulk, found.tail) >= max(effective, EFFECTIVE)
            if (enough and (fresh >= FRESH or done >= PATIENCE)) or done >= longest:
                return found
        stretch += 1


def tune_ladder(table: LatentTable, task: tuple[int]) -> Chunk:
    """Find powers between which exchanges are refused equally often, and leapfrog steps that are mostly accepted.

    Parameters
    ----------
    table : LatentTable
        What the posterior is of.
    task : tuple of int
        The seed.

    Returns
    -------
    tuple of float64 arrays, shape (R,)
        Powers and steps.
    """
    from mse.kernels.latentclass_strata import strata_work
    from mse.kernels.latentclass_tempering import temper

    rng, spare = np.random.default_rng([task[0], 0]), np.random.default_rng([task[0], 2])
    powers = np.append(np.geomspace(1.0, 0.5 / table.total, _PILOT_RUNGS - 1), 0.0)
    steps = np.minimum(3.0 / np.sqrt(np.maximum(powers * table.total, 1.0)), 0.8)
    states, origins = _from_prior(rng, table, len(powers))
    for stage, rounds in enumerate(_PILOT_ROUNDS):
        ladder = _ladder(powers, steps, cold_moves=1)
        adapt = _FREEST if stage < 2 else 0.3 * _FREEST
        found = temper(rng, spare, table, strata_work(table), ladder, states, origins, rounds, adapt)
        powers, steps, nearest = respaced(powers, ladder.steps, found.refused, table.total)
        states, origins = states[nearest], origins[nearest]
    return powers, steps


def respaced(powers: Array, steps: Array, refused: Array, total: float) -> tuple[Array, Array, Integers]:
    """Space the rungs of a ladder evenly over the barrier.

    Parameters
    ----------
    powers, steps : float64 array, shape (R,)
        The ladder.
    refused : float64 array, shape (R - 1,)
        Mean probability that an exchange of neighbours is refused. Their sum, the barrier between prior and
        posterior, hardly depends on the rungs.
    total : float
        Observed persons.

    Returns
    -------
    tuple of float64, float64 and int64 arrays, shape (R',)
        Powers, and steps, by interpolation on the log scale; R' is 1.75 times the barrier. And for each new rung the
        nearest old one.
    """
    barrier = np.append(0.0, np.cumsum(np.clip(refused, 0.01, 1.0)))
    rungs = max(4, 1 + math.ceil(_RUNGS_PER_BARRIER * barrier[-1]))
    logs = np.log(np.maximum(powers, 0.02 / total))
    new = np.interp(np.linspace(0.0, barrier[-1], rungs), barrier, logs)
    nearest = np.abs(new[:, None] - logs[None, :]).argmin(axis=1)
    spaced = np.exp(new)
    spaced[0], spaced[-1] = 1.0, 0.0
    return spaced, np.exp(np.interp(new[::-1], logs[::-1], np.log(steps[::-1])))[::-1].copy(), nearest


def run_stretch(table: LatentTable, powers: Array, steps: Array, task: tuple[tuple[int, ...], Chunk]) -> Chunk:
    """Run one stretch of one chain.

    Parameters
    ----------
    table : LatentTable
        What the posterior is of.
    powers, steps : float64 array, shape (R,)
        The ladder.
    task : tuple
        Seed, chain, stretch and rounds; and the states and origins where the last stretch ended, empty at the start.

    Returns
    -------
    tuple of arrays
        Log means (T,), sizes (T,), log likelihoods (rounds, R), classes and log last (rounds,), misfit (looks, 2),
        accepted (R,), refused (R - 1,), fresh (1,), sizes by stratum (T, S); at the end the states (R, D) and origins
        (R,).
    """
    from mse.kernels.latentclass_strata import strata_work
    from mse.kernels.latentclass_tempering import temper

    (seed, chain, stretch, rounds), before = task
    rng, spare = (np.random.default_rng([seed, use, chain, stretch]) for use in (1, 3))
    if before:
        states, origins = before[0].copy(), before[1].copy()
    else:
        states, origins = _from_prior(rng, table, len(powers))
    ladder = _ladder(powers, steps, COLD_MOVES)
    found = temper(rng, spare, table, strata_work(table), ladder, states, origins, rounds, 0.0)
    log_means = np.minimum(found.log_means.ravel(), LARGEST_LOG_MEAN)
    if table.strata is None:
        parts = np.empty((len(log_means), 0), dtype=np.int64)
        sizes = int(table.total) + rng.poisson(np.exp(log_means))
    else:
        parts = _parts(rng, table.counts, table.strata.stratum, log_means, found)
        sizes = parts.sum(axis=1)
    return (log_means, sizes, found.log_likelihoods, found.classes, found.log_last, found.misfit,
            found.accepted, found.refused, np.array([found.fresh]), parts, states, origins)  # fmt: skip


def _parts(
    rng: np.random.Generator, counts: Array, stratum: Integers, log_means: Array, found: TemperedDraws
) -> Integers:
    """Return N of every stratum, (T, S): who is known to be there, who has no label, and the unseen."""
    labelled = found.labelled.reshape(len(log_means), -1)
    known = np.bincount(stratum, weights=counts, minlength=labelled.shape[1]).astype(np.int64)
    unseen = rng.poisson(np.exp(log_means)[:, None] * found.unseen.reshape(labelled.shape))
    return known + labelled + unseen.astype(np.int64)


def _ladder(powers: Array, steps: Array, cold_moves: int) -> Ladder:
    from mse.kernels.latentclass_tempering import Ladder

    moves = np.ones(len(powers), dtype=np.int64)
    moves[0] = cold_moves
    return Ladder(powers.copy(), steps.copy(), np.full(len(powers), LENGTH), moves)


def _from_prior(rng: np.random.Generator, table: LatentTable, rungs: int) -> tuple[Array, Integers]:
    """Return draws of the prior for every rung, and that they are."""
    from mse.kernels.latentclass_moves import draw_prior

    strata = 0 if table.strata is None else len(table.strata.silent)
    states = np.empty((rungs, (table.on.shape[1] + 1 + strata) * table.classes - 1))
    for state in states:
        draw_prior(rng, table, state)
    return states, np.ones(rungs, dtype=np.int64)


def _joined(kept: Sequence[Sequence[Chunk]], powers: Array, fresh: int, warmup: int) -> Sampled:
    """Return the stretches of all chains as one."""
    whole = [[np.concatenate(parts) for parts in zip(*(part[:6] for part in chain), strict=True)] for chain in kept]
    log_means, sizes, log_likelihoods, classes, log_last, misfit = (
        np.stack(parts) for parts in zip(*whole, strict=True)
    )
    rounds = np.array([[part[2].shape[0] for part in chain] for chain in kept], dtype=np.float64)
    weights = rounds.ravel() / rounds.sum()
    parts = np.stack([np.concatenate([part[9] for part in chain]) for chain in kept])
    logs = [np.log(sizes), *np.log(np.maximum(np.moveaxis(parts, 2, 0), 1))]
    return Sampled(
        log_means, sizes, parts, log_likelihoods, classes, log_last, misfit, powers,
        accepted=weights @ np.stack([part[6] for chain in kept for part in chain]),
        refused=weights @ np.stack([part[7] for chain in kept for part in chain]),
        fresh=fresh,
        warmup=warmup,
        rhats=np.array(list(map(rhat, logs))),
        bulks=np.array(list(map(ess_bulk, logs))),
        tails=np.array(list(map(ess_tail, logs))),
    )  # fmt: skip
