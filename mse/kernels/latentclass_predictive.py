"""How far the counts are from what a state of the latent class model expects, beside counts drawn from the model."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.latentclass_density import Array, LatentDensity, LatentTable, LatentWork
from mse.kernels.latentclass_persons import misfit_by_persons
from mse.kernels.latentclass_strata import StrataWork, dot


@compiled
def predictive_misfit(
    rng: np.random.Generator,
    spare: np.random.Generator,
    table: LatentTable,
    parts: StrataWork | None,
    now: LatentDensity,
    work: LatentWork,
) -> tuple[float, float]:
    """Return the misfit of the observed counts and that of counts drawn from the model, given the parameters.

    By every history, or where these are more than the persons by persons: the same law, at a cost that does not grow
    with 2^J. The distance is Freeman & Tukey's, Σ (√count − √expected)², over all histories, with strata over those of
    every stratum; both tables have n persons. Labels, and lists that are missing for persons without a label, are
    filled in. Those cells that hold somebody are not a fair choice where most are empty, so the others are told apart.

    Parameters
    ----------
    rng : Generator
        Advanced.
    spare : Generator
        Advanced by what is drawn for histories that hold nobody, or for persons: the chain does not depend on it.
    table : LatentTable
        The observed counts.
    parts : StrataWork or None
        Its strata, with `filled`.
    now : LatentDensity
        Of the state.
    work : LatentWork
        Of the state.
    """
    lists = table.on.shape[1]
    strata = 1 if parts is None else parts.share.shape[0]
    if strata * 2.0**lists > table.total:
        return misfit_by_persons(spare, table, parts, now, work)
    return misfit_by_histories(rng, spare, table, parts, now, work)


@compiled
def misfit_by_histories(
    rng: np.random.Generator,
    spare: np.random.Generator,
    table: LatentTable,
    parts: StrataWork | None,
    now: LatentDensity,
    work: LatentWork,
) -> tuple[float, float]:
    """Return the two misfits of `predictive_misfit`, with a count drawn for every history, which is as given there."""
    if parts is not None:
        return _misfit_of_cells(rng, table, now, work, parts)
    m, lists = table.on.shape
    product = _products(np.ones(lists, dtype=np.bool_), work)
    left = int(table.total)
    rest = 1.0
    observed = 0.0
    drawn = 0.0
    for c in range(m):
        total = 0.0
        history = 0
        for k in range(table.classes):
            share = work.weight[k]
            for j in range(lists):
                share *= work.caught[j, k] if table.on[c, j] else work.missed[j, k]
            total += share
        for j in range(lists):
            history |= int(table.on[c, j]) << j
        product[history] = 0.0
        chance = total / math.exp(now.log_seen)
        count = rng.binomial(left, min(max(chance / max(rest, 1e-300), 0.0), 1.0)) if left > 0 else 0
        left -= count
        rest -= chance
        expected = math.sqrt(table.total * chance)
        observed += (math.sqrt(table.counts[c]) - expected) ** 2
        drawn += (math.sqrt(float(count)) - expected) ** 2
    elsewhere = table.total * max(rest, 0.0)
    drawn += elsewhere
    for h in range(1, product.shape[0]):
        if left > 0:
            chance = product[h].sum() / math.exp(now.log_seen)
            count = spare.binomial(left, min(chance / max(rest, chance, 1e-300), 1.0))
            left -= count
            rest -= chance
            # (√count − √expected)² beyond the expected that is in already
            drawn += count - 2.0 * math.sqrt(count * table.total * chance)
    return observed + elsewhere, drawn


@compiled
def _products(operates: NDArray[np.bool_], work: LatentWork) -> Array:
    """Return π_k P(history | k) for every history of the lists that operate, (2**J, K*), 0 for others."""
    lists = operates.shape[0]
    out = np.zeros((2**lists, work.weight.shape[0]))
    out[0] = work.weight
    for j in range(lists):
        if operates[j]:
            for h in range(2**j):
                for k in range(out.shape[1]):
                    out[h + 2**j, k] = out[h, k] * work.caught[j, k]
                    out[h, k] *= work.missed[j, k]
    return out


@compiled
def _misfit_of_cells(
    rng: np.random.Generator, table: LatentTable, now: LatentDensity, work: LatentWork, parts: StrataWork
) -> tuple[float, float]:
    """Return the two misfits of `predictive_misfit` with strata."""
    chance = _every_cell(work, parts)
    counts = _completed(rng, table, parts, chance)
    left = int(table.total)
    rest = 1.0
    seen = math.exp(now.log_seen)
    observed = 0.0
    drawn = 0.0
    for s in range(chance.shape[0]):
        for h in range(1, chance.shape[1]):
            p = chance[s, h] / seen
            if p > 0.0:
                count = rng.binomial(left, min(p / max(rest, p), 1.0)) if left > 0 else 0
                left -= count
                rest -= p
                expected = math.sqrt(table.total * p)
                observed += (math.sqrt(counts[s, h]) - expected) ** 2
                drawn += (math.sqrt(float(count)) - expected) ** 2
    return observed, drawn


@compiled
def _every_cell(work: LatentWork, parts: StrataWork) -> Array:
    """Return the probability of every stratum and history of lists that operate there, (S, 2**J), 0 for others."""
    strata = parts.places
    chance = np.zeros((strata.silent.shape[0], 2 ** strata.operates.shape[1]))
    for o in range(parts.visible.shape[0]):
        product = _products(strata.operates[o], work)
        for s in range(chance.shape[0]):
            if strata.silent[s] == o:
                for h in range(1, chance.shape[1]):
                    chance[s, h] = dot(product[h], parts.share[s])
    return chance


@compiled
def _completed(rng: np.random.Generator, table: LatentTable, parts: StrataWork, chance: Array) -> Array:
    """Return the persons of every stratum and history, with what is not known of them drawn, (S, 2**J)."""
    strata = parts.places
    lists = table.on.shape[1]
    counts = np.zeros(chance.shape)
    for p in range(strata.row.shape[0]):
        r, s = strata.row[p], strata.stratum[p]
        on, known = 0, 0
        for j in range(lists):
            on |= int(table.on[r, j]) << j
            known |= int(strata.operates[r, j]) << j
        whole = True
        for j in range(lists):
            whole = whole and strata.operates[r, j] == strata.operates[strata.silent[s], j]
        if whole:
            counts[s, on] += parts.filled[p]
            continue
        left = parts.filled[p]
        rest = 0.0
        for h in range(1, chance.shape[1]):
            if h & known == on:
                rest += chance[s, h]
        for h in range(1, chance.shape[1]):
            if left > 0 and h & known == on and chance[s, h] > 0.0:
                count = rng.binomial(left, min(chance[s, h] / max(rest, chance[s, h]), 1.0))
                counts[s, h] += count
                left -= count
                rest -= chance[s, h]
    return counts
