"""How much of the law of N of netherlands-2010-2015-5 is in each of its two humps, near 50,000 and near 140,000.

R's LCMCR, which drops draws with more than 20 n unseen, gives 48,505 and 51,096. Here the same posterior is drawn by
two samplers that have only its density in common, and by the kind of sampler that LCMCR is:

- tempered chains, the engine's own, from two seeds;
- chains without a ladder, half of them started in each hump, long enough to change humps many times;
- plain Gibbs sampling of persons and classes with n_0 cut off at 20 n, started in either hump and at random.

The states to start from are particles carried from the prior to the posterior (sequential Monte Carlo, Del Moral,
Doucet & Jasra 2006, JRSS B 68:411). Of the weights of the humps they say little: their evidences differ sixfold.
"""

import json
import math
import time
from datetime import date
from pathlib import Path

import numpy as np
from numba import njit

from mse import Compute, load_table
from mse.estimators.latentclass.hiddenclasses import LatentClassSpec, latent_table
from mse.estimators.latentclass.tempered import sample
from mse.kernels.latentclass_density import latent_density, latent_work
from mse.kernels.latentclass_moves import draw_prior, follow_gradient, reorder_sticks
from tests.twins.latentclass import gibbs

NAME = "netherlands-2010-2015-5"
STORED = Path(__file__).parents[1] / "tests" / "calibration" / "latentclass.json"
VALLEY, CUT = 80_000, 20
SEEDS, ROUNDS = (1, 2), 24_000
RUNS, PARTICLES, KEPT, MOVES = 3, 1500, 0.9, 2
"""Runs and particles; the effective share of them that a step towards the posterior leaves; trajectories a step."""
CHAINS, TRAJECTORIES, EVERY = 64, 20_000, 10
"""Chains without a ladder, half from each hump; their trajectories; how often the order of classes is drawn anew."""
BELOW, ABOVE = 60_000, 100_000
"""A chain has changed humps when it is beyond the one after it was beyond the other."""
SWEEPS = 40_000


@njit(nogil=True)
def move(rng, table, power, step, states, logs, odds, moves):
    """Move every particle under prior x likelihood^power; write log likelihoods and log p_0 / (1 − p_0)."""
    d = states.shape[1]
    work = latent_work(table.on.shape[1], table.classes, 0)
    gradient, trial, speed, slope = np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    order = np.empty(table.classes, np.int64)
    accepted = 0.0
    for i in range(states.shape[0]):
        x = states[i]
        reorder_sticks(rng, table, x, trial, work, order)
        now = latent_density(table, power, x, gradient, work)
        for _ in range(moves):
            now, chance = follow_gradient(
                rng, table, None, power, step, 1.0, x, now, gradient, trial, speed, slope, work
            )  # fmt: skip
            accepted += chance
        logs[i] = now.log_likelihood
        odds[i] = math.log(max(now.unseen, 1e-300)) - now.log_seen
    return accepted / (states.shape[0] * moves)


def next_power(power, logs):
    """Return the largest power up to 1 after which the weights of the particles are worth `KEPT` of them."""

    def worth(other):
        weights = np.exp((other - power) * (logs - logs.max()))
        return weights.sum() ** 2 / np.square(weights).sum() / len(logs)

    if worth(1.0) > KEPT:
        return 1.0
    low, high = power, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if worth(middle) > KEPT else (low, middle)
    return low


def particles(table, count, seed):
    """Return draws of N, the log evidence, states, and the step, of one run of particles."""
    rng = np.random.default_rng(seed)
    states = np.empty((count, (table.on.shape[1] + 1) * table.classes - 1))
    for state in states:
        draw_prior(rng, table, state)
    logs, odds = np.empty(count), np.empty(count)
    power, step, evidence = 0.0, 0.8, 0.0
    move(rng, table, power, step, states, logs, odds, 1)
    while power < 1.0:
        power, before = next_power(power, logs), power
        gains = (power - before) * logs
        weights = np.exp(gains - gains.max())
        evidence += gains.max() + math.log(weights.mean())
        chosen = np.searchsorted(np.cumsum(weights / weights.sum()), (rng.random() + np.arange(count)) / count)
        states = states[np.minimum(chosen, count - 1)].copy()
        step = min(step * math.exp(move(rng, table, power, step, states, logs, odds, MOVES) - 0.8), 0.8)
    move(rng, table, 1.0, step, states, logs, odds, 5)
    means = rng.standard_gamma(table.total, count) * np.exp(odds)
    return table.total + rng.poisson(np.minimum(means, 1e15)), evidence, states, step


@njit(nogil=True)
def stay(rng, table, step, x, sizes):
    """Follow one chain at the posterior; write a draw of N after every trajectory."""
    d = x.shape[0]
    work = latent_work(table.on.shape[1], table.classes, 0)
    gradient, trial, speed, slope = np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    order = np.empty(table.classes, np.int64)
    now = latent_density(table, 1.0, x, gradient, work)
    for t in range(sizes.shape[0]):
        if t % EVERY == 0:
            reorder_sticks(rng, table, x, trial, work, order)
            now = latent_density(table, 1.0, x, gradient, work)
        now, _ = follow_gradient(rng, table, None, 1.0, step, 1.0, x, now, gradient, trial, speed, slope, work)
        odds = math.exp(math.log(max(now.unseen, 1e-300)) - now.log_seen)
        sizes[t] = table.total + rng.poisson(min(rng.standard_gamma(table.total) * odds, 1e15))


def without_ladder(table, step, states):
    """Return how much of the law is in the lower hump by chains that have to find their way between them."""
    begun = time.process_time()
    sizes = np.empty((CHAINS, TRAJECTORIES))
    for c, rng in enumerate(np.random.default_rng(5).spawn(CHAINS)):
        held = states["low" if c % 2 == 0 else "high"]
        stay(rng, table, step, held[c // 2 % len(held)].copy(), sizes[c])
    moves = {1: 0, -1: 0}
    spent = {"low": 0, "high": 0}
    for chain in sizes:
        at = np.where(chain < BELOW, -1, np.where(chain > ABOVE, 1, 0))
        # in the valley a chain belongs to the hump it came from
        at = at[np.maximum.accumulate(np.where(at != 0, np.arange(at.size), 0))]
        for sign in moves:
            moves[sign] += int((np.diff(at) == 2 * sign).sum())
        spent["low"] += int((at < 0).sum())
        spent["high"] += int((at > 0).sum())
    up, down = moves[1] / max(spent["low"], 1), moves[-1] / max(spent["high"], 1)
    low = (sizes < VALLEY).mean(axis=1)
    return {
        "chains": CHAINS, "trajectories": TRAJECTORIES, "seconds": round(time.process_time() - begun),
        "ups": moves[1], "downs": moves[-1], "low": float(low.mean()),
        "error": float(low.std(ddof=1) / math.sqrt(CHAINS)), "low_from_low": float(low[::2].mean()),
        "low_from_high": float(low[1::2].mean()), "low_by_rates": down / max(up + down, 1e-300),
        **law(sizes.ravel(), table.total),
    }  # fmt: skip


def law(sizes, observed):
    """Return quantiles of N, and of N given that at most `CUT` times the observed are unseen."""
    kept = sizes[sizes - observed <= CUT * observed]
    levels = (0.025, 0.5, 0.975)
    return {
        "quantiles": np.quantile(sizes, levels).tolist(),
        "cut": np.quantile(kept, levels).tolist(),
        "beyond": 1.0 - kept.size / sizes.size,
    }


def by_tempering(table, seed):
    """Return what tempered chains give, and the share of each chain in the lower hump."""
    start = time.process_time()
    found = sample(table, chains=4, effective=10**6, longest=ROUNDS, seed=seed, compute=Compute(workers=1))
    return {
        "seed": seed, "seconds": round(time.process_time() - start), "rhat": found.rhat, "ess_bulk": found.bulk,
        "ess_tail": found.tail, "fresh": found.fresh, "log_evidence": found.log_evidences.tolist(),
        "low": (found.sizes < VALLEY).mean(axis=1).tolist(), **law(found.sizes, table.total),
    }  # fmt: skip


def by_gibbs(table, states):
    """Return medians of tenths of plain Gibbs runs from each hump and from random visibility, and hump changes."""
    lists, classes = table.on.shape[1], table.classes
    rows = []
    for start in ("low", "high", "random"):
        at = None
        if start != "random":
            x = states[start]
            caught = 1.0 / (1.0 + np.exp(-x[: lists * classes].reshape(lists, classes).T))
            stick = np.append(1.0 / (1.0 + np.exp(-x[lists * classes :])), 1.0)
            weights = stick * np.append(1.0, np.cumprod(1.0 - stick[:-1]))
            at = caught, weights / weights.sum()
        begun = time.process_time()
        drawn = gibbs(
            table.on, table.counts.astype(int), classes, SWEEPS, np.random.default_rng(3), start=at,
            most=CUT * table.total,
        )  # fmt: skip
        medians = [float(np.median(part)) for part in np.split(drawn, 10)]
        changes = int(np.abs(np.diff(np.array(medians) < VALLEY)).sum())
        rows.append({"start": start, "sweeps": SWEEPS, "seconds": round(time.process_time() - begun),
                     "medians": medians, "crossings": changes})  # fmt: skip
    return rows


def settle():
    """Run all three, print what they give, and store it."""
    table = latent_table(load_table(NAME), LatentClassSpec())
    particles(table, 10, 0)  # compiles
    starts, states = [], {"low": [], "high": []}
    for seed in range(1, RUNS + 1):
        sizes, evidence, ends, step = particles(table, PARTICLES, seed)
        low = sizes < VALLEY
        states["low"] += list(ends[low])
        states["high"] += list(ends[~low][: int(low.sum()) + 1])
        starts.append({"seed": seed, "low": float(low.mean()), "log_evidence": evidence})
        print(starts[-1], flush=True)
    record = {"table": NAME, "valley": VALLEY, "starts": starts}
    for name, run in (
        ("without_ladder", lambda: without_ladder(table, step, states)),
        ("tempered", lambda: [by_tempering(table, seed) for seed in SEEDS]),
        ("gibbs", lambda: by_gibbs(table, {hump: held[0] for hump, held in states.items()})),
    ):
        record[name] = run()
        print(name, record[name], flush=True)
    stored = json.loads(STORED.read_text())
    stored["netherlands"] = {"date": date.today().isoformat(), "results": record}
    STORED.write_text(json.dumps(stored, indent=2) + "\n")
