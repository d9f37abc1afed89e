"""Strata that share the scales: each has its own coefficients, and the evidence of a scale is the product of theirs.

A list that is blind to a stratum, or missing in it, says nothing there, and the coefficients of one stratum say nothing
of another: either way the stratum is the table of its other lists. (Where coefficients are shared, as in
`average-strata`, the two differ.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.shrinkage.manylists import LEFT_OUT, ManyLaws, check_many, laws_of_many
from mse.estimators.shrinkage.scales import Priors, ScaleGrid, usual_priors
from mse.estimators.shrinkage.shrinkspec import ALL_ORDERS, ShrinkageSpec, largest_term
from mse.estimators.shrinkage.unseen import (
    FINE,
    MANY,
    MANY_TERMS,
    Checked,
    Effort,
    UnseenLaws,
    check_laws,
    counted,
    unseen_laws,
)
from mse.kernels.arrays import Array, Integers
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable
from mse.words.said import said

if TYPE_CHECKING:
    from mse.kernels.shrinking import Counted


FEWEST_LISTS = 2
"""Lists that must operate in a stratum where somebody was seen."""

MOST_TERMS, MOST_DENSE = 800, 16
"""Coefficients, and lists, of a model whose sum is taken over all cells."""

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
        Lists that see the stratum and delivered; k of them.
    histories, persons : (H,) int64, (H,) float64
        Observed histories over these lists, ascending, and the persons in each.
    cells : (2**k,) float64 or None
        1 where a history can be observed, as in `DenseCells`; None where all of them can.
    largest : int
        Number of lists in the largest term of the model.
    """

    name: str
    lists: tuple[str, ...]
    histories: Integers
    persons: Array
    cells: Array | None
    largest: int

    @property
    def observed(self) -> int:
        """Persons on at least one of the lists."""
        return int(self.persons.sum())

    @property
    def many(self) -> bool:
        """Whether the sum over cells is taken over those that matter: many lists, pairs at most."""
        return len(self.lists) > ALL_ORDERS and self.largest == 2 and self.cells is None

    @property
    def verifiable(self) -> bool:
        """Whether importance sampling can tell that the formula is right: with hundreds of terms none succeeds."""
        terms = sum(math.comb(len(self.lists), k) for k in range(self.largest + 1))
        return not self.many and terms <= MANY_TERMS

    def seen(self) -> Counted:
        """Return all cells as the kernel takes them."""
        size = 2 ** len(self.lists)
        counts, cells = np.zeros(size), np.ones(size) if self.cells is None else self.cells.copy()
        counts[self.histories] = self.persons
        cells[0] = 0.0
        return counted(counts, cells)


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
    left_out : float
        Expected persons in cells that were left out of the sum, where lists are many.
    """

    log_evidence: Array
    weight: Array
    checked: tuple[Checked | None, ...]
    left_out: float

    def laws_of(self, s: int) -> UnseenLaws:
        """Return the corrected laws of a stratum in which somebody was seen."""
        checked = self.checked[s]
        assert checked is not None
        return checked.laws

    def log_prior(self, grid: ScaleGrid) -> Array:
        """Return the log prior of the points of the grid that have any weight, minus infinity for the others."""
        return np.where(self.weight > 0.0, grid.log_prior, -np.inf)


def parts_of(table: CaptureTable, spec: ShrinkageSpec) -> tuple[Part, ...]:
    """Return every stratum over the lists that operate in it.

    Raises
    ------
    ModelError
        With every stratum in which somebody was seen and fewer than two lists operate, or terms are too many.
    """
    names = tuple(", ".join(levels) for levels in itertools.product(*table.strata.values()))
    on = table.membership()
    parts, problems = [], []
    for s, name in enumerate(names):
        seen = table.observable[s]
        kept = [j for j in range(table.n_lists) if not table.absent[s, j] and bool((seen & on[:, j]).any())]
        bits = on[:, kept].astype(np.int64) @ (1 << np.arange(len(kept), dtype=np.int64))
        counts, cells = np.zeros(2 ** len(kept)), np.zeros(2 ** len(kept))
        np.add.at(counts, bits, table.counts[s])
        np.maximum.at(cells, bits, seen.astype(np.float64))
        histories = np.flatnonzero(counts)
        whole = None if bool(cells[1:].all()) else cells
        lists = tuple(table.lists[j] for j in kept)
        part = Part(name, lists, histories, counts[histories], whole, largest_term(len(kept), spec))
        problems += _problems(part, table.name)
        parts.append(part)
    if problems:
        raise ModelError(problems)
    return tuple(parts)


def part_of_many(table: HistoryTable, spec: ShrinkageSpec) -> Part:
    """Return a table of many lists as its one part.

    Raises
    ------
    ModelError
        When the terms are too many.
    """
    part = Part(
        "", table.lists, table.histories, table.counts.astype(np.float64), None, largest_term(len(table.lists), spec)
    )
    if problems := _problems(part, table.name):
        raise ModelError(problems)
    return part


def _problems(part: Part, table: str) -> list[Problem]:
    """Return what keeps a part from being estimated."""
    k, where = len(part.lists), f"table {table!r}"
    if part.observed and k < FEWEST_LISTS:
        return [
            Problem(said("fault.operates", where=part.name or said("where.table"), persons=part.observed, lists=k),
                    said("allowed.two_lists_more_every"),
                    said("do.put_together_another_stratum"),
                    file=where)
        ]  # fmt: skip
    terms = sum(math.comb(k, size) for size in range(part.largest + 1))
    if not part.many and (terms > MOST_TERMS or k > MOST_DENSE):
        return [
            Problem(said("fault.many_coefficients", lists=k, order=part.largest, count=terms),
                    said("allowed.most_them_lists_pairs", most_terms=MOST_TERMS, most_dense=MOST_DENSE),
                    said("do.set_max_order_2"), file=where)
        ]  # fmt: skip
    return []


def fit_together(
    parts: Sequence[Part], grid: ScaleGrid, main_sd: float, seed: int, compute: Compute, effort: Effort = FINE
) -> Together:
    """Fit every stratum at every point of the grid, weigh the points by all strata, and check what carries the weight.

    Parameters
    ----------
    parts : sequence of Part, length S
        The strata.
    grid : ScaleGrid
        The scales that they share.
    main_sd : float
        Prior standard deviation of the list effects.
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
        return [laws_of_part(parts[s], grid, main_sd, rough).log_evidence for s in chunk]

    if len(held) > 1:
        evidence = np.sum(
            [x for found in compute.map(said("stage.shared_scales"), screen, chunks) for x in found], axis=0
        )
        log_weight = evidence + grid.log_prior
        chosen = np.flatnonzero(log_weight >= log_weight.max() - effort.negligible)
        effort = effort._replace(negligible=np.inf)
    else:
        chosen = np.arange(len(grid))
    inner, shared = grid if len(chosen) == len(grid) else grid.take(chosen), None
    if len(held) > 1:
        shared = np.exp(log_weight[chosen] - log_weight[chosen].max())
        shared /= shared.sum()

    def fit(chunk: list[int]) -> list[tuple[Checked, float]]:
        return [_checked(parts[s], inner, main_sd, seed, effort, shared) for s in chunk]

    both = [
        x for part in compute.map(said("stage.laws") if len(held) > 1 else said("stage.law"), fit, chunks) for x in part
    ]
    found = [checked for checked, _ in both]
    total = np.sum([x.laws.log_evidence for x in found], axis=0) if found else np.zeros(len(inner))
    log_weight = total + inner.log_prior
    weight = np.exp(log_weight - log_weight.max())
    for checked in found:
        weight[checked.laws.lengths <= 3] = 0.0
    spread = np.full(len(grid), -np.inf)
    spread[chosen] = total
    full = np.zeros(len(grid))
    full[chosen] = weight / weight.sum()
    by_part: list[Checked | None] = [None] * len(parts)
    for s, checked in zip(held, found, strict=True):
        by_part[s] = checked.on(chosen, len(grid))
    return Together(spread, full, tuple(by_part), sum(left for _, left in both))


def laws_of_part(part: Part, grid: ScaleGrid, main_sd: float, effort: Effort | None = None) -> UnseenLaws:
    """Return the laws of one stratum, not corrected; quickly without an `effort`."""
    if (found := _many(part, grid, main_sd, effort or MANY)) is not None:
        return found.laws
    return unseen_laws(part.seen(), _priors(part, grid, main_sd), grid, effort)


def _many(part: Part, grid: ScaleGrid, main_sd: float, effort: Effort) -> ManyLaws | None:
    """Return the laws over the cells that matter; None where all cells are to be summed, and can be."""
    if not part.many:
        return None
    found = laws_of_many(len(part.lists), part.histories, part.persons, grid, main_sd, effort)
    whole = len(part.lists) <= MOST_DENSE and found.left_out > LEFT_OUT * part.observed
    return None if whole else found


def _checked(
    part: Part, grid: ScaleGrid, main_sd: float, seed: int, effort: Effort, weight: Array | None
) -> tuple[Checked, float]:
    """Return the corrected laws of one stratum, and the expected persons in cells that were left out."""
    if (found := _many(part, grid, main_sd, MANY)) is not None:
        return check_many(found, grid, main_sd, seed, weight), found.left_out
    seen, priors = part.seen(), _priors(part, grid, main_sd)
    return check_laws(seen, priors, grid, unseen_laws(seen, priors, grid, effort), seed, weight), 0.0


def _priors(part: Part, grid: ScaleGrid, main_sd: float) -> Priors:
    return usual_priors(grid, len(part.lists), part.largest, main_sd)


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

    nodes, density = laws.of(g)
    x = np.linspace(nodes[0], nodes[-1], 60 * len(nodes))
    mass = np.zeros(len(x))
    add_law(mass, x[0], x[1] - x[0], nodes, density, -float(density.max()))
    below = np.concatenate([[0.0], np.cumsum(0.5 * (mass[1:] + mass[:-1]))])
    return np.interp(rng.random(draws), below / below[-1], x)
