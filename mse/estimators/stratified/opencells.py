"""The cells behind a table of lists by strata: which are open, bounded, pooled, hidden or impossible.

A list that is *blind* to a stratum cannot hold anybody of it: its cells there are structural zeros and do not
exist. A list that is *missing* in a stratum did not operate or deliver: the cells exist, but persons are known only up
to it, and those who would have been on no other list are unseen. A person whose label is *missing* is in one of several
strata. A *bounded* cell holds at most the persons that were counted (over-coverage). Zwane & van der Heijden (2007);
van der Heijden, Whittaker, Cruyff, Bakker & van der Vliet (2012); Overstall, King, Bird, Hutchinson & Hay (2014).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mse.errors import ModelError, Problem, names_of
from mse.estimators.stratified.declared import Wheres, bounded_cells
from mse.kernels.arrays import Array, Flags, Integers
from mse.kernels.stratumcells import Seen
from mse.tables.captures import CaptureTable
from mse.words.said import said


@dataclass(frozen=True, slots=True, eq=False)
class StrataCells:
    """Every possible cell of a table, seen or hidden; R cells, F factors, S strata.

    Parameters
    ----------
    table : CaptureTable
        What the cells were made from.
    names, sizes : tuple, length F
        Factors: lists first, then the dimensions of the strata, with their numbers of levels.
    level_names : mapping of int to tuple of str
        Levels of each covariate by its place among the factors, the reference (most frequent) first.
    dimensions : mapping of str to tuple of str
        Dimensions of the S strata and their levels in the order of the table, missing labels left out.
    levels : (R, F) int64
        Level of each factor in each cell, 0 the reference.
    stratum, history : (R,) int64
        Where each cell stands.
    seen : Seen
        What is known of the cells, as the kernel takes it.
    certain : (S,) int64
        Persons known to be members of the population and of that stratum.
    upper : (S,) int64
        Persons in bounded cells, some of whom may not belong to the population.
    unlabelled : int
        Persons whose stratum is known in part only.
    without_label : int64 array
        Those persons by what is known of them, as `StrataDraws.unlabelled` holds them.
    operating : (S,) int64
        Lists that could see the stratum and delivered.
    observations : int
        Observed counts that the likelihood is made of.
    """

    table: CaptureTable
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    level_names: Mapping[int, tuple[str, ...]]
    dimensions: Mapping[str, tuple[str, ...]]
    levels: Integers
    stratum: Integers
    history: Integers
    seen: Seen
    certain: Integers
    upper: Integers
    unlabelled: int
    without_label: Integers
    operating: Integers
    observations: int

    @property
    def hidden(self) -> Flags:
        """Cells whose persons are on no list that operated: shape (R,)."""
        out: Flags = self.seen.open == 0.0
        return out

    @property
    def persons(self) -> int:
        """Persons on at least one list, those of bounded cells included: the sample size of BIC."""
        return self.table.observed

    @property
    def n_strata(self) -> int:
        """Number of strata, S."""
        return int(self.certain.size)

    def stratum_names(self) -> tuple[str, ...]:
        """Return a name for every stratum, ``"2019, f"``; one empty name without dimensions."""
        return tuple(", ".join(levels) for levels in itertools.product(*self.dimensions.values()))


def without_label(pools: Sequence[tuple[Integers, int]], places: Integers, shape: Sequence[int]) -> Integers:
    """Return the persons with a missing label by what is known of them, as `StrataDraws.unlabelled` holds them.

    Parameters
    ----------
    pools : sequence of tuple
        Strata that such persons may belong to, and how many there are.
    places : (S, D) int64
        Level of every dimension by stratum.
    shape : sequence of int, length D
        Levels of the dimensions.
    """
    out = np.zeros([size + 1 for size in shape], dtype=np.int64)
    for strata, count in pools:
        found = [np.unique(places[strata, d]) for d in range(len(shape))]
        at = tuple(int(x[0]) if x.size == 1 else size for x, size in zip(found, shape, strict=True))
        if any(i == size for i, size in zip(at, shape, strict=True)):  # else they are certain
            out[at] += count
    return out.ravel()


def build_cells(
    table: CaptureTable, *, bounded: Mapping[str, Wheres] | None = None, unknown: Mapping[str, str] | None = None
) -> StrataCells:
    """Return the cells of a table.

    Parameters
    ----------
    table : CaptureTable
        With or without strata; blind and missing lists as declared in it.
    bounded : mapping of str to where, optional
        Lists whose only-cell (persons on that list and no other) is an upper bound, and in which strata;
        ``{"S4": {}}`` for all.
    unknown : mapping of str to str, optional
        The level of a dimension that means "not known", by dimension: ``{"sex": "unknown"}``.

    Raises
    ------
    ModelError
        When a name is unknown, nothing is left of a dimension, or a bounded cell cannot be told from others.
    """
    bounded, unknown = bounded or {}, unknown or {}
    _check_unknown(table, unknown)
    k = table.n_lists
    real = {dim: tuple(x for x in levels if x != unknown.get(dim)) for dim, levels in table.strata.items()}
    shape = tuple(len(levels) for levels in real.values())
    full = tuple(len(levels) for levels in table.strata.values())
    n_strata = int(np.prod(shape, dtype=np.int64))
    # row of the table behind each stratum, and the places of its levels
    places = np.array(list(itertools.product(*[range(size) for size in shape])), dtype=np.int64).reshape(n_strata, -1)
    own = [[table.strata[dim].index(x) for x in levels] for dim, levels in real.items()]
    source = np.zeros(n_strata, dtype=np.int64)
    for d, size in enumerate(full):
        source = source * size + np.array(own[d], dtype=np.int64)[places[:, d]]

    histories = np.arange(2**k, dtype=np.int64)
    on = (histories[:, None] >> np.arange(k)) & 1 == 1
    possible = np.ones((n_strata, 2**k), dtype=bool)
    possible[:, 1:] = table.observable[source]
    absent = table.absent[source] @ (1 << np.arange(k, dtype=np.int64))
    # what is recorded of a history where some lists are missing
    recorded = histories[None, :] & ~absent[:, None]
    is_open = possible & (recorded != 0)
    rows, cells = np.nonzero(possible)
    index = np.full(possible.shape, -1, dtype=np.int64)
    index[rows, cells] = np.arange(rows.size)

    counts, bounds = np.zeros(rows.size), np.full(rows.size, -1.0)
    upper = np.zeros(n_strata, dtype=np.int64)
    pools: list[tuple[Integers, int]] = []
    observations = 0
    limits = bounded_cells(table, bounded)
    problems = []
    for s in range(n_strata):
        row, here = source[s], np.flatnonzero(is_open[s])
        for history in np.unique(recorded[s, here]):
            observations += 1
            members = index[s, here[recorded[s, here] == history]]
            count = int(table.counts[row, history - 1])
            if limits[row, history - 1]:
                if members.size > 1:
                    problems.append(_bounded_and_missing(table, history))
                    continue
                bounds[members[0]] = count
                upper[s] += count
            elif members.size == 1:
                counts[members[0]] = count
            else:
                pools.append((members, count))
    labelled = len(pools)
    pools += _unlabelled(table, unknown, own, shape, index, is_open, absent, problems)
    if problems:
        raise ModelError(problems)
    levels, level_names = _levels(table, real, places, rows, on[cells], counts, pools)
    seen = Seen(
        is_open[rows, cells].astype(np.float64),
        counts,
        bounds,
        np.concatenate([[0], np.cumsum([len(m) for m, _ in pools])]).astype(np.int64),
        np.concatenate([np.zeros(0, dtype=np.int64), *[m for m, _ in pools]]),
        np.array([float(count) for _, count in pools]),
    )
    blind = ~np.stack([possible[:, on[:, j]].any(axis=1) for j in range(k)], axis=1)
    return StrataCells(
        table=table,
        names=(*table.lists, *real),
        sizes=(*(2 for _ in range(k)), *shape),
        level_names=level_names,
        dimensions=real,
        levels=levels,
        stratum=rows.astype(np.int64),
        history=cells.astype(np.int64),
        seen=seen,
        certain=certain(seen, rows, n_strata),
        upper=upper,
        unlabelled=sum(count for _, count in pools[labelled:]),
        without_label=without_label([(rows[m], count) for m, count in pools[labelled:]], places, shape),
        operating=(~blind & ~table.absent[source]).sum(axis=1).astype(np.int64),
        observations=observations + len(pools) - labelled,
    )


def certain(seen: Seen, stratum: Integers, n_strata: int) -> Integers:
    """Return the persons known to be in each stratum: those of open cells, and of pools within one stratum; (S,)."""
    persons = np.bincount(stratum, weights=seen.counts, minlength=n_strata)
    for c, count in enumerate(seen.pool_counts):
        within = stratum[seen.pool_cells[seen.pool_starts[c] : seen.pool_starts[c + 1]]]
        if (within == within[0]).all():
            persons[within[0]] += count
    return np.rint(persons).astype(np.int64)


def _check_unknown(table: CaptureTable, unknown: Mapping[str, str]) -> None:
    """Raise when a missing label is not a level of the table, or the only one."""
    problems = []
    for dim, level in unknown.items():
        levels = table.strata.get(dim)
        if levels is None:
            allowed = names_of(table.strata, said("allowed.none_table_has_no"))
            problems.append(Problem(said("fault.no_covariate", name=dim), allowed, said("do.correct_name")))
        elif level not in levels:
            found = said("fault.no_unknown", dimension=dim, level=level)
            problems.append(Problem(found, names_of(levels), said("do.correct_level_leave_out")))
        elif len(levels) == 1:
            found = said("fault.all_unknown", dimension=dim)
            problems.append(Problem(found, said("allowed.somebody_known_label"), said("do.sum_over_collapse")))
    if problems:
        raise ModelError(problems)


def _bounded_and_missing(table: CaptureTable, history: int) -> Problem:
    return Problem(
        said("fault.bounded_missing", cell=table.notation(int(history))),
        said("allowed.bounded_cells_only_where"),
        said("do.leave_stratum_out_do"),
    )


def _unlabelled(
    table: CaptureTable,
    unknown: Mapping[str, str],
    own: Sequence[Sequence[int]],
    shape: tuple[int, ...],
    index: Integers,
    is_open: Flags,
    absent: Integers,
    problems: list[Problem],
) -> list[tuple[Integers, int]]:
    """Return the pools of persons whose label is missing in one dimension or more: cells and persons.

    Of a stratum with missing lists, `absent` (S,), those cells are in it that would have been recorded like that.
    """
    pools: list[tuple[Integers, int]] = []
    if not unknown:
        return pools
    dims = list(table.strata)
    full = tuple(len(levels) for levels in table.strata.values())
    grid = np.arange(index.shape[0]).reshape(shape)
    histories = np.arange(index.shape[1], dtype=np.int64)
    for row, places in enumerate(itertools.product(*[range(size) for size in full])):
        missing = [table.strata[dim][at] == unknown.get(dim) for dim, at in zip(dims, places, strict=True)]
        if not any(missing) or not table.counts[row].any():
            continue
        chosen = [
            np.arange(size) if gone else np.array([group.index(at)])
            for gone, size, group, at in zip(missing, shape, own, places, strict=True)
        ]
        strata = grid[np.ix_(*chosen)].ravel()
        gone = absent[strata] | (table.absent[row] @ (1 << np.arange(table.n_lists)))
        possible = is_open[strata]
        recorded = (histories[None, :] & ~gone[:, None])[possible]
        order = np.argsort(recorded, kind="stable")
        ordered, cells = recorded[order], index[strata][possible][order]
        for history in np.flatnonzero(table.counts[row]) + 1:
            members = cells[slice(*np.searchsorted(ordered, [history, history + 1]))]
            if members.size:
                pools.append((members, int(table.counts[row, history - 1])))
            else:
                problems.append(
                    Problem(
                        said("fault.unlabelled", cell=table.notation(int(history))),
                        said("allowed.persons_strata_their_lists"),
                        said("do.correct_counts_what_declared"),
                        file=said("what.table", name=table.name),
                    )
                )
    return pools


def _levels(
    table: CaptureTable,
    real: Mapping[str, tuple[str, ...]],
    places: Integers,
    rows: Integers,
    on: Flags,
    counts: Array,
    pools: Sequence[tuple[Integers, int]],
) -> tuple[Integers, dict[int, tuple[str, ...]]]:
    """Return the level of each factor in each cell, the most frequent level of a covariate as 0, and their names."""
    weight = counts.copy()
    for members, count in pools:
        weight[members] += count / members.size
    columns, names = [on.astype(np.int64)], {}
    for d, (_, levels) in enumerate(real.items()):
        at = places[rows, d]
        reference = int(np.argmax(np.bincount(at, weights=weight, minlength=len(levels))))
        order = [reference, *(i for i in range(len(levels)) if i != reference)]
        columns.append(np.argsort(order)[at][:, None])
        names[table.n_lists + d] = tuple(levels[i] for i in order)
    return np.concatenate(columns, axis=1), names
