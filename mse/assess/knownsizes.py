"""Populations whose size is known: the members of one list, estimated from the other lists.

Whoever is on list A is a population of known size; the other lists saw part of it. Estimating it from them and
comparing is the internal consistency of Binette & Steorts (2022), and, over many tables, a leaderboard of methods
(``python -m benchmarks.known_sizes``) and the ground of the calibrated interval (`mse.assess.calibrated`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mse.assess.refits import Refit, refit_all, why_json
from mse.computing.parallel import Compute
from mse.kernels.arrays import Array, Flags, Integers
from mse.tables.captures import CaptureTable
from mse.tables.checks import membership
from mse.tables.histories import HistoryTable
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

FEWEST_LISTS = 3
"""Other lists that must be active among the members: with fewer, nothing but independence can be estimated."""

LEAST_MEMBERS = 5
"""Members of the list who make another list active."""

LEAST_OVERLAP = 5
"""Members who must be on two or more of the other lists."""

MOST_LISTS = 7
"""Lists of a table whose known sizes are part of the ordinary verdict: with more it takes seconds, not milliseconds."""


@dataclass(frozen=True, slots=True)
class KnownSize:
    """The members of one list as a population, and what the other lists saw of it.

    Parameters
    ----------
    list : str
        Name of the list.
    true : int
        Its members: the size to be found.
    seen : int
        Members who are on another list too.
    active : int
        Other lists with `LEAST_MEMBERS` of the members or more.
    overlap : int
        Members who are on two or more of the other lists.
    table : CaptureTable or None
        The members over the other lists that any of them is on; None when the problem is left out.
    why : Said or None
        Why this problem is left out; None where it is not.
    """

    list: str
    true: int
    seen: int
    active: int
    overlap: int
    table: CaptureTable | None
    why: Said | None

    @property
    def status(self) -> str:
        """``"ok"``, or why this problem is left out."""
        return "ok" if self.why is None else str(self.why)


def known_sizes(table: CaptureTable) -> tuple[KnownSize, ...]:
    """Return every list as a population of known size, in the order of the lists.

    Parameters
    ----------
    table : CaptureTable
        Covariates are summed over.

    Returns
    -------
    tuple of KnownSize, length K
        The one of list A is the table of A's members on the other lists; the members on A alone are those whom
        an estimate has to find. Its status says why a list is no such problem.
    """
    flat = table.collapse() if table.strata else table
    return tuple(_known_size(flat, j) for j in range(flat.n_lists))


class _Members(NamedTuple):
    """The members of one list as they stand on the other lists that any of them is on.

    Attributes
    ----------
    others : list of int
        Places of those lists, k of them.
    counts, observable : (2**k,) int64, (2**k,) bool
        Members by history over them, and whether there can be any.
    active, overlap, why
        As in `KnownSize`.
    """

    others: list[int]
    counts: Integers
    observable: Flags
    active: int
    overlap: int
    why: Said | None


def _members(table: CaptureTable, place: int) -> _Members:
    totals = table.overlaps()[place].tolist()
    others = tuple(j for j in range(table.n_lists) if j != place and totals[j] > 0)
    members, folded = _folded(table.n_lists, place, others)
    size = 2 ** len(others)
    counts = table.counts[0][members]
    inner = np.bincount(folded, counts, minlength=size).astype(np.int64)
    observable = np.bincount(folded, table.observable[0][members], minlength=size) > 0
    active = sum(totals[j] >= LEAST_MEMBERS for j in others)
    overlap = int(inner[np.bitwise_count(np.arange(size)) >= 2].sum())
    return _Members([*others], inner, observable, active, overlap, _left_out(bool(observable[0]), active, overlap))


@lru_cache(maxsize=256)
def _folded(n_lists: int, place: int, others: tuple[int, ...]) -> tuple[Integers, Integers]:
    """Return the histories with one list, as places in a table, and each of them over the other lists alone."""
    on = membership(n_lists)
    members = np.flatnonzero(on[:, place])
    return members, on[members][:, others].astype(np.int64) @ (1 << np.arange(len(others)))


def _known_size(table: CaptureTable, place: int) -> KnownSize:
    held, found = _members(table, place), None
    if held.why is None:
        name = f"{table.name}: members of {table.lists[place]}"
        names = [table.lists[j] for j in held.others]
        found = CaptureTable.from_arrays(names, held.counts[1:], observable=held.observable[1:], name=name)
    true, seen = int(held.counts.sum()), int(held.counts[1:].sum())
    return KnownSize(table.lists[place], true, seen, held.active, held.overlap, found, held.why)


def _left_out(alone: bool, active: int, overlap: int) -> Said | None:
    if not alone:
        return said("known.never_alone")
    if active < FEWEST_LISTS:
        return said("known.few_lists", lists=FEWEST_LISTS, members=LEAST_MEMBERS, found=active)
    if overlap < LEAST_OVERLAP:
        return said("known.small_overlap", overlap=LEAST_OVERLAP, found=overlap)
    return None


def consistency(table: CaptureTable, refit: Refit, *, prob: float, compute: Compute | None = None) -> pd.DataFrame:
    """Return every list estimated from the others, beside its true size.

    Parameters
    ----------
    table : CaptureTable
        Covariates are summed over.
    refit : callable
        The estimate: quantiles of N of a table (`mse.assess.refits`).
    prob : float
        Probability of the intervals.
    compute : Compute, optional
        Workers, progress, and the folder that keeps finished parts.

    Returns
    -------
    DataFrame
        One row per list: ``list``, ``true``, ``point``, ``low``, ``high`` (persons), ``log_bias`` (log of point over
        true), ``covered`` (whether the interval holds the true size; missing without an answer), ``status`` ("ok", or
        why there is no answer), ``said`` (the same as a code with values, JSON).

    References
    ----------
    Binette & Steorts (2022).
    """
    return _consistency(known_sizes(table), refit, prob, compute)


@dataclass(frozen=True, slots=True, eq=False)
class SizesFound:
    """How near the estimates of known sizes come, as far as a verdict reads it.

    Parameters
    ----------
    log_bias : float64 array, shape (L,)
        Log of the estimate over the true size, of every list that has an answer.
    covered : bool array, shape (L,)
        Whether its interval holds the true size.
    """

    log_bias: Array
    covered: Flags


def quick_consistency(table: CaptureTable | HistoryTable, prob: float = 0.95) -> SizesFound | None:
    """Return how near shrinkage comes to the known sizes of a table, for the ordinary verdict.

    Parameters
    ----------
    table : CaptureTable or HistoryTable
        Covariates are summed over.
    prob : float
        Probability of the intervals.

    Returns
    -------
    SizesFound or None
        In a millisecond or two a list; None where no list is a problem of its own, or where there are more than
        `MOST_LISTS` lists.
    """
    if not isinstance(table, CaptureTable) or not FEWEST_LISTS < table.n_lists <= MOST_LISTS:
        return None
    flat, found = table.collapse() if table.strata else table, []
    for place in range(flat.n_lists):
        held = _members(flat, place)
        if held.why is None:
            found.append((int(held.counts.sum()), _from_others(held, prob)))
    if not found:
        return None
    return SizesFound(
        np.array([math.log(point / true) for true, (_, point, _) in found]),
        np.array([low <= true <= high for true, (low, _, high) in found]),
    )


def _from_others(held: _Members, prob: float) -> Array:
    """Return low, point and high of the size of a list by shrinkage of the other lists."""
    from mse.estimators.shrinkage.shrinkage import quick_quantiles

    counts, cells = held.counts.astype(np.float64), held.observable.astype(np.float64)
    counts[0] = cells[0] = 0.0
    return quick_quantiles(counts, cells, [(1 - prob) / 2, 0.5, (1 + prob) / 2])


def sizes_found(frame: pd.DataFrame) -> SizesFound:
    """Return what a verdict reads of the rows of `consistency`."""
    tried = frame[frame["status"] == "ok"]
    return SizesFound(tried["log_bias"].to_numpy(dtype=np.float64), tried["covered"].to_numpy(dtype=bool))


def _consistency(problems: Sequence[KnownSize], refit: Refit, prob: float, compute: Compute | None) -> pd.DataFrame:
    import pandas as pd

    tables = [problem for k in problems if (problem := k.table if k.why is None else k.why) is not None]
    found = refit_all(said("stage.known_lists"), refit, tables, prob, compute)
    answered = [f.status == "ok" for f in found]
    return pd.DataFrame(
        {
            "list": [k.list for k in problems],
            "true": [k.true for k in problems],
            "point": [f.point for f in found],
            "low": [f.low for f in found],
            "high": [f.high for f in found],
            "log_bias": [math.log(f.point / k.true) for k, f in zip(problems, found, strict=True)],
            "covered": pd.array(
                [f.low <= k.true <= f.high if ok else None for k, f, ok in zip(problems, found, answered, strict=True)],
                dtype="boolean",
            ),
            "status": [f.status for f in found],
            "said": why_json(found),
        }
    )
