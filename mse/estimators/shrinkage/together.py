"""Strata that share the scales: each has its own coefficients, and the evidence of a scale is the product of theirs.

A list that is blind to a stratum, or missing in it, says nothing there, and the coefficients of one stratum say nothing
of another: either way the stratum is the table of its other lists. (Where coefficients are shared, as in
`average-strata`, the two differ.)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.shrinkage.scales import Priors, ScaleGrid, priors_of, terms_upto
from mse.estimators.shrinkage.unseen import FINE, Checked, Effort, UnseenLaws, check_laws, counted, unseen_laws
from mse.tables.captures import CaptureTable
from mse.words.said import said

if TYPE_CHECKING:
    from mse.kernels.shrinking import Counted

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FEWEST_LISTS = 2
"""Lists that must operate in a stratum where somebody was seen."""

CHUNK = 8
"""Strata in one task."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One stratum over the lists that operate in it.

    Parameters
    ----------
    name : str
        Its levels, ``"2019, f"``; empty for a table without strata.
    lists : tuple of str
        Lists that see the stratum and delivered.
    counts, cells : (2**k,) float64
        As in `DenseCells`, over these lists.
    observed : int
        Persons on at least one of them.
    """

    name: str
    lists: tuple[str, ...]
    counts: Array
    cells: Array
    observed: int


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """The laws of all strata under a shared grid; strata in which nobody was seen have none.

    Parameters
    ----------
    log_evidence : (G,) float64
        Summed over strata.
    weight : (G,) float64
        Posterior probability of each point of the grid.
    checked : tuple of Checked or None
        By stratum.
    """

    log_evidence: Array
    weight: Array
    checked: tuple[Checked | None, ...]

    def laws_of(self, s: int) -> UnseenLaws:
        """Return the corrected laws of a stratum in which somebody was seen."""
        checked = self.checked[s]
        assert checked is not None
        return checked.laws

    def log_prior(self, grid: ScaleGrid) -> Array:
        """Return the log prior of the points of the grid that have any weight, minus infinity for the others."""
        return np.where(self.weight > 0.0, grid.log_prior, -np.inf)


def parts_of(table: CaptureTable) -> tuple[Part, ...]:
    """Return every stratum over the lists that operate in it.

    Raises
    ------
    ModelError
        With every stratum in which somebody was seen and fewer than two lists operate.
    """
    names = _names(table)
    on = table.membership()
    parts, problems = [], []
    for s, name in enumerate(names):
        seen = table.observable[s]
        kept = [j for j in range(table.n_lists) if not table.absent[s, j] and bool((seen & on[:, j]).any())]
        bits = on[:, kept].astype(np.int64) @ (1 << np.arange(len(kept), dtype=np.int64))
        counts, cells = np.zeros(2 ** len(kept)), np.zeros(2 ** len(kept))
        np.add.at(counts, bits, table.counts[s])
        np.maximum.at(cells, bits, seen.astype(np.float64))
        cells[0] = 0.0
        part = Part(name, tuple(table.lists[j] for j in kept), counts, cells, int(counts[1:].sum()))
        if part.observed and len(kept) < FEWEST_LISTS:
            problems.append(
                Problem(said("fault.operates", where=name or said("where.table"), persons=part.observed,
                             lists=len(kept)),
                        "two lists or more in every stratum",
                        "put it together with another stratum, or use `multilevel`, which borrows from other strata",
                        file=f"table {table.name!r}")
            )  # fmt: skip
        parts.append(part)
    if problems:
        raise ModelError(problems)
    return tuple(parts)


def fit_together(parts: Sequence[Part], grid: ScaleGrid, priors: Sequence[Priors], seed: int, compute: Compute,
                 effort: Effort = FINE) -> Together:  # fmt: skip
    """Fit every stratum at every point of the grid, weigh the points by all strata, and check what carries the weight.

    Parameters
    ----------
    parts : sequence of Part, length S
        The strata.
    grid : ScaleGrid
        The scales that they share.
    priors : sequence of Priors, length S
        What each point says about the coefficients of each.
    seed : int
        Of the importance samples.
    compute : Compute
        Workers.
    effort : Effort
        How finely the laws are taken.
    """
    held = [s for s, part in enumerate(parts) if part.observed]
    chunks = [held[i : i + CHUNK] for i in range(0, len(held), CHUNK)]

    def screen(chunk: list[int]) -> list[Array]:
        # no point is worth a law of its own before all strata have been heard
        rough = effort._replace(negligible=-1.0)
        return [unseen_laws(_seen(parts[s]), priors[s], grid, rough).log_evidence for s in chunk]

    if len(held) > 1:
        evidence = np.sum([x for found in compute.map("scales", screen, chunks) for x in found], axis=0)
        log_weight = evidence + grid.log_prior
        chosen = np.flatnonzero(log_weight >= log_weight.max() - effort.negligible)
        effort = effort._replace(negligible=np.inf)
    else:
        chosen = np.arange(len(grid))
    inner, shared = grid.take(chosen), None
    if len(held) > 1:
        shared = np.exp(log_weight[chosen] - log_weight[chosen].max())
        shared /= shared.sum()

    def fit(chunk: list[int]) -> list[Checked]:
        out = []
        for s in chunk:
            seen, prior = _seen(parts[s]), priors[s].take(chosen)
            laws = unseen_laws(seen, prior, inner, effort)
            out.append(check_laws(seen, prior, inner, laws, seed, effort, shared))
        return out

    found = [x for part in compute.map("strata", fit, chunks) for x in part]
    total = np.sum([x.laws.log_evidence for x in found], axis=0) if found else np.zeros(len(inner))
    log_weight = total + inner.log_prior
    weight = np.exp(log_weight - log_weight.max())
    for checked in found:
        weight[[len(nodes) <= 3 for nodes in checked.laws.nodes]] = 0.0
    spread = np.full(len(grid), -np.inf)
    spread[chosen] = total
    full = np.zeros(len(grid))
    full[chosen] = weight / weight.sum()
    by_part: list[Checked | None] = [None] * len(parts)
    for s, checked in zip(held, found, strict=True):
        by_part[s] = checked.on(chosen, len(grid))
    return Together(spread, full, tuple(by_part))


def prior_of_part(part: Part, grid: ScaleGrid, largest: int, main_sd: float, cache: dict[int, Priors]) -> Priors:
    """Return the prior of a stratum's coefficients; strata of equally many lists share it."""
    k = len(part.lists)
    if k not in cache:
        cache[k] = priors_of(grid, terms_upto(k, largest), main_sd)
    return cache[k]


def draw_parts(parts: Sequence[Part], found: Together, draws: int, rng: np.random.Generator) -> Integers:
    """Return draws of N of every stratum, (D, S): first a point of the grid for all, then each stratum under it."""
    times = rng.multinomial(draws, found.weight)
    point = np.repeat(np.arange(len(times)), times)
    out = np.zeros((draws, len(parts)), dtype=np.int64)
    for s, (part, checked) in enumerate(zip(parts, found.checked, strict=True)):
        out[:, s] = part.observed
        if checked is None:
            continue
        for g in np.flatnonzero(times):
            at = point == g
            out[at, s] += rng.poisson(np.exp(np.minimum(draw_log_mean(checked.laws, int(g), int(times[g]), rng), 40.0)))
    return np.asarray(rng.permutation(out), dtype=np.int64)


def draw_log_mean(laws: UnseenLaws, g: int, draws: int, rng: np.random.Generator) -> Array:
    """Return draws of x = log expected unseen under one point of the grid, (draws,)."""
    from mse.kernels.lawgrid import add_law

    nodes, density = laws.nodes[g], laws.log_density[g]
    x = np.linspace(nodes[0], nodes[-1], 60 * len(nodes))
    mass = np.zeros(len(x))
    add_law(mass, x[0], x[1] - x[0], nodes, density, -float(density.max()))
    below = np.concatenate([[0.0], np.cumsum(0.5 * (mass[1:] + mass[:-1]))])
    return np.interp(rng.random(draws), below / below[-1], x)


def _seen(part: Part) -> Counted:
    return counted(part.counts, part.cells)


def _names(table: CaptureTable) -> tuple[str, ...]:
    """Return a name for every stratum, ``"2019, f"``."""
    return tuple(", ".join(levels) for levels in itertools.product(*table.strata.values()))
