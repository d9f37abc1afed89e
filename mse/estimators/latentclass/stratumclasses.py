"""Latent classes with strata: from a table to the places where persons may be, and from draws to the parts of N."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mse.answers.strata import StrataDraws
from mse.errors import ModelError, Problem
from mse.estimators.stratified.notes import flags, stratum_named
from mse.estimators.stratified.opencells import StrataCells
from mse.kernels.arrays import Integers
from mse.words.said import said

if TYPE_CHECKING:
    from mse.kernels.latentclass_density import LatentTable


def stratified_table(cells: StrataCells, classes: int, shape: float, rate: float) -> LatentTable:
    """Return what the kernels take of a table with strata; one stratum in which every list operates is none.

    Parameters
    ----------
    cells : StrataCells
        Without bounded cells.
    classes : int
        K*.
    shape, rate : float
        Of the prior of α.

    Raises
    ------
    ModelError
        When histories cannot be observed although lists that see the stratum make them up, or no list operates in a
        stratum.
    """
    from mse.kernels.latentclass_density import LatentStrata, LatentTable
    from mse.kernels.latentclass_histories import lists_of_histories

    sees, operates = _lists(cells)
    # a place: history, lists that operate (as sums of bits), stratum
    counts: dict[tuple[int, int, int], int] = {}
    pools: list[tuple[list[tuple[int, int, int]], int]] = []
    for cell in np.flatnonzero(cells.seen.counts):
        s = int(cells.stratum[cell])
        counts[int(cells.history[cell]), int(operates[s]), s] = round(cells.seen.counts[cell])
    for c in np.flatnonzero(cells.seen.pool_counts):
        members = cells.seen.pool_cells[cells.seen.pool_starts[c] : cells.seen.pool_starts[c + 1]]
        places = []
        for s in np.unique(cells.stratum[members]):
            histories = cells.history[members[cells.stratum[members] == s]]
            on, ever = int(np.bitwise_and.reduce(histories)), int(np.bitwise_or.reduce(histories))
            # lists that some of these cells are on and others are not say nothing
            places.append((on, int(sees[s]) & ~(ever & ~on), int(s)))
        if len(places) == 1:
            counts[places[0]] = counts.get(places[0], 0) + round(cells.seen.pool_counts[c])
        else:
            pools.append((places, round(cells.seen.pool_counts[c])))
    found = sorted({*counts, *(place for places, _ in pools for place in places)})
    empty = [(0, int(x)) for x in dict.fromkeys(operates)]
    rows = {row: i for i, row in enumerate([*empty, *sorted({(on, lists) for on, lists, _ in found})])}
    index = {place: i for i, place in enumerate(found)}
    bits = np.arange(cells.table.n_lists)
    on, lists = (np.array(list(x))[:, None] >> bits & 1 == 1 for x in zip(*rows, strict=True))
    persons = np.array([counts.get(place, 0) for place in found], dtype=np.float64)
    if cells.n_strata == 1 and lists.all():
        histories = lists_of_histories(on[1:])
        return LatentTable(on[1:], persons, float(cells.persons), classes, shape, rate, histories)
    strata = LatentStrata(
        operates=lists,
        silent=np.array([rows[0, int(x)] for x in operates], dtype=np.int64),
        row=np.array([rows[on, lists] for on, lists, _ in found], dtype=np.int64),
        stratum=np.array([s for _, _, s in found], dtype=np.int64),
        pool_starts=np.cumsum([0, *(len(places) for places, _ in pools)], dtype=np.int64),
        pool_places=np.array([index[place] for places, _ in pools for place in places], dtype=np.int64),
        pool_counts=np.array([count for _, count in pools], dtype=np.int64),
    )
    return LatentTable(on, persons, float(cells.persons), classes, shape, rate, lists_of_histories(on), strata)


def _lists(cells: StrataCells) -> tuple[Integers, Integers]:
    """Return the lists that see each stratum, and those that operate in it too, as sums of bits: (S,) each."""
    sees, absent = np.zeros(cells.n_strata, dtype=np.int64), np.zeros(cells.n_strata, dtype=np.int64)
    np.bitwise_or.at(sees, cells.stratum, cells.history)
    np.bitwise_or.at(absent, cells.stratum[cells.hidden], cells.history[cells.hidden])
    operates = sees & ~absent
    possible = np.bincount(cells.stratum, minlength=cells.n_strata)
    source = f"table {cells.table.name!r}"
    problems = []
    for s, name in enumerate(cells.stratum_names()):
        where = stratum_named(name)
        if possible[s] != 2 ** int(sees[s]).bit_count():
            problems.append(
                Problem(said("fault.unobservable_in", where=where),
                        said("allowed.lists_blind_missing_whole"), said("do.use_log_linear_method"),
                        file=source)
            )  # fmt: skip
        elif operates[s] == 0:
            problems.append(
                Problem(said("fault.no_list_sees", where=where),
                        said("allowed.one_list_operates_every"),
                        said("do.leave_stratum_out_correct"), file=source)
            )  # fmt: skip
    if problems:
        raise ModelError(problems)
    return sees, operates


def parts_of(cells: StrataCells, draws: Integers, chains: int) -> StrataDraws:
    """Return the draws of N by stratum, (D, S), one chain after the other, with what has to be said of each."""
    s = cells.n_strata
    return StrataDraws(
        cells.dimensions, draws, np.quantile(draws, 0.5, axis=0), cells.certain, np.full((s, s), np.nan),
        flags(cells, ("ok",) * s), chains=chains, unlabelled=cells.without_label,
    )  # fmt: skip
