"""Suppliers without persons: counts by year and sex that nobody can link, as bounds of an answer.

Nobody's row is there, so that nothing says who of them is on other lists: an aggregate shows no overlap and no
dependence. What it is sure of is that the population has no fewer persons anywhere than it counts. A law of
N is conditioned on that: of a posterior the draws stay in which every such sum reaches its count; where next to none
does, or the numbers are no posterior, they are raised to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.kernels.arrays import Array, Flags, Integers
from mse.words.said import said

if TYPE_CHECKING:
    from mse.answers.strata import StrataDraws


ENOUGH = 0.05
"""Share of the draws that must agree with the counts for the law to be conditioned on them."""
CONFLICT = "aggregate_conflict"
"""Name of the diagnostic: share of the probability on fewer persons than somebody counted."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Counts of persons by some dimensions, of whom nobody's row is there.

    Parameters
    ----------
    name : str
        Of the supplier.
    dimensions : mapping of str to tuple of str
        What it is counted by, and the levels.
    counts : float64 array, shape (A,)
        Persons, in C order of the levels.
    role : {"bound", "list"}
        A bound of the population, or a list of its own margin as well: so many are registered there, whoever they are.
    source : str
        Where the counts are from.
    """

    name: str
    dimensions: Mapping[str, tuple[str, ...]]
    counts: Array
    role: Literal["bound", "list"] = "bound"
    source: str = ""

    def over(self, dims: Mapping[str, Sequence[str]]) -> list[tuple[dict[str, str], float]]:
        """Return the counts by those dimensions that an answer has; levels that it has not are summed in no count."""
        shape = [len(x) for x in self.dimensions.values()]
        cube = self.counts.reshape(shape)
        kept = [dim for dim in self.dimensions if dim in dims]
        cube = cube.sum(axis=tuple(i for i, dim in enumerate(self.dimensions) if dim not in kept))
        levels = [self.dimensions[dim] for dim in kept]
        found = []
        for index, at in zip(np.ndindex(*cube.shape), product(*levels), strict=True):
            where = dict(zip(kept, at, strict=True))
            if all(level in dims[dim] for dim, level in where.items()):
                found.append((where, float(cube[index])))
        return found


def bounded(posterior: Posterior, aggregates: Sequence[Aggregate]) -> Posterior:
    """Return an answer that lies nowhere below what suppliers without persons count.

    Parameters
    ----------
    posterior : Posterior
        The answer from the lists.
    aggregates : sequence of Aggregate
        Their counts; the largest decides where several count the same.

    Returns
    -------
    Posterior
        With the law, draws and strata above every count, and the diagnostic ``aggregate_conflict``.
    """
    if not aggregates:
        return posterior
    strata = posterior.strata
    sums, least = _sums(posterior, aggregates)
    agree = (sums >= least).all(axis=1)
    share = float(agree.mean())
    conditioned = posterior.kind == "posterior" and share >= ENOUGH
    if conditioned:
        rows = np.flatnonzero(agree)
        rows = rows[np.arange(len(agree)) * rows.size // len(agree)]
        draws, parts = posterior.draws[rows], None if strata is None else _taken(strata, rows)
        law = posterior.distribution if share == 1.0 else _law(posterior, draws, least, strata is None)
    else:
        draws, parts, law = _raised(posterior, aggregates)
    point = float(law.quantile(0.5)) if posterior.kind == "posterior" else max(posterior.point, _total(aggregates))
    names = [x.name for x in aggregates]
    notes = [said("note.aggregate", names=names)]
    listed = [x.name for x in aggregates if x.role == "list"]
    notes += [said("note.aggregate_list", names=listed)] if listed else []
    notes += [] if conditioned else [said("note.aggregate_raised", names=names)]
    return replace(
        posterior, distribution=law, draws=draws, point=point if share < 1.0 or not conditioned else posterior.point,
        strata=parts, notes=(*posterior.notes, *notes),
        assumptions=(*posterior.assumptions, said("assumed.aggregate", names=names)),
        diagnostics={**posterior.diagnostics, CONFLICT: 1.0 - share},
    )  # fmt: skip


def _dims(strata: StrataDraws | None) -> Mapping[str, tuple[str, ...]]:
    return {} if strata is None else strata.dimensions


def _sums(posterior: Posterior, aggregates: Sequence[Aggregate]) -> tuple[Integers, Array]:
    """Return the persons of every draw where somebody counted, (D, A), and how many were counted, (A,)."""
    columns, least = [], []
    for aggregate in aggregates:
        for where, count in aggregate.over(_dims(posterior.strata)):
            columns.append(_part(posterior, where))
            least.append(count)
        columns.append(posterior.draws)
        least.append(_total([aggregate]))
    return np.stack(columns, axis=1), np.array(least)


def _part(posterior: Posterior, where: Mapping[str, str]) -> Integers:
    strata = posterior.strata
    if strata is None or not where:
        return np.asarray(posterior.draws)
    return np.asarray(strata.draws[:, _inside(strata, where)].sum(axis=1))


def _inside(strata: StrataDraws, where: Mapping[str, str]) -> Flags:
    """Return which strata belong to some levels."""
    at = product(*strata.dimensions.values())
    names = list(strata.dimensions)
    return np.array([all(place[names.index(dim)] == level for dim, level in where.items()) for place in at])


def _total(aggregates: Sequence[Aggregate]) -> float:
    return max(float(x.counts.sum()) for x in aggregates)


def _taken(strata: StrataDraws, rows: Integers) -> StrataDraws:
    draws = strata.draws[rows]
    return replace(strata, draws=draws, point=np.maximum(strata.point, np.median(draws, axis=0)), chains=0)


def _law(posterior: Posterior, draws: Integers, least: Array, alone: bool) -> Distribution:
    """Return the law given the counts: cut off at the total, and of strata that of the draws that are left."""
    if not alone:
        return Distribution.from_mass(*(x.astype(float) for x in np.unique(draws, return_counts=True)))
    law = posterior.distribution
    start = np.nextafter(least.max(), -np.inf)
    below = law.probability_below(start)
    grid = np.unique(np.concatenate([[start], law.values[law.values >= least.max()]]))
    cdf = (np.interp(grid, law.values, law.cdf, left=0.0) - below) / max(1.0 - below, 1e-12)
    return Distribution(grid, np.clip(np.maximum.accumulate(cdf), 0.0, 1.0), law.whole)


def _raised(posterior: Posterior, aggregates: Sequence[Aggregate]) -> tuple[Integers, StrataDraws | None, Distribution]:
    """Return draws, strata and law raised to what was counted, stratum by stratum."""
    strata, total = posterior.strata, _total(aggregates)
    if strata is None:
        draws = np.maximum(posterior.draws, int(np.ceil(total)))
        law = posterior.distribution
        values = np.maximum(law.values, total)
        last = np.searchsorted(values, values, side="right") - 1
        places = np.unique(last)
        return draws, None, Distribution(values[places], law.cdf[places], law.whole)
    cells, points = strata.draws.astype(np.float64), strata.point.copy()
    for aggregate in aggregates:
        for where, count in [*aggregate.over(strata.dimensions), ({}, _total([aggregate]))]:
            inside = _inside(strata, where)
            for array in (cells, points[None, :]):
                part = array[:, inside]
                sums = part.sum(axis=1)
                factor = np.where(sums < count, count / np.maximum(sums, 1e-9), 1.0)
                array[:, inside] = part * factor[:, None]
    whole = np.ceil(cells - 1e-9).astype(np.int64)
    draws = whole.sum(axis=1)
    law = Distribution.from_mass(*(x.astype(float) for x in np.unique(draws, return_counts=True)))
    return draws, replace(strata, draws=whole, point=points), law
