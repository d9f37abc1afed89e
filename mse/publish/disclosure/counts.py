"""Raw tables of counts by crossed dimensions, and which of their margins are published. They stay inside."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Flags, Integers
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

    from mse.answers.strata import StrataDraws
    from mse.tables.captures import CaptureTable

Place = tuple[str | None, ...]
"""Level or group by dimension; None where it is summed over."""

LABEL, KNOWN, MISSING = "whether all labels are known", "known", "missing"
"""A dimension beside the strata where some persons belong to none, and its levels."""
NOT_KNOWN = "not known"
"""Level of persons whose label is missing."""

MOST_CELLS = 20_000
"""More published cells than this are refused: disclosure control would not end in reasonable time."""


@dataclass(frozen=True, slots=True, eq=False)
class PublishedCells:
    """The cells that are published, and which base cells each of them sums; C cells, S base cells.

    Parameters
    ----------
    places : tuple of tuple, length C
        Where each stands.
    sums : sparse int64 array, shape (C, S)
        1 where a base cell is part of the published one.
    """

    places: tuple[Place, ...]
    sums: csr_array

    def values(self, table: CountTable) -> Integers:
        """Return the raw counts of the published cells, shape (C,)."""
        return np.asarray(self.sums @ table.counts, dtype=np.int64)

    def reach(self, table: CountTable) -> Flags:
        """Return which of them could hold anybody, shape (C,): False for structural zeros."""
        return np.asarray(self.sums @ table.possible.astype(np.int64)) > 0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CountTable:
    """Counts of persons by crossed dimensions, raw. The S base cells run through the levels in C order.

    Parameters
    ----------
    dimensions : mapping of str to tuple of str
        Dimensions and their levels.
    counts : int64 array, shape (S,)
        Persons.
    possible : bool array, shape (S,)
        False where nobody could have been seen (structural zero).
    groups : mapping of str to mapping of str to tuple of str
        Groups of levels that are published beside the levels, by dimension: ``{"form": {"sexual": ("domestic",
        "cross-border")}}``. Groups may lie in one another.
    margins : tuple of tuple of str, or None
        Crossings of dimensions that are published; None for all of them, from the total to the full crossing.

    Raises
    ------
    ModelError
        When shapes do not fit, counts are negative or stand in a structural zero, or a name is unknown.
    """

    dimensions: Mapping[str, tuple[str, ...]]
    counts: Integers
    possible: Flags
    groups: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    margins: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        """Copy the arrays in, make them read-only, and check everything."""
        dims = {str(dim): tuple(map(str, levels)) for dim, levels in self.dimensions.items()}
        size = math.prod(map(len, dims.values()))
        counts, possible = np.array(self.counts, dtype=np.int64), np.array(self.possible, dtype=bool)
        problems = [
            Problem(said("found.table_counts_has_shape", name=str(name), shape=str(array.shape)),
                    said("allowed.values", size=size), said("do.give_one_per_cell"))
            for name, array in (("counts", counts), ("possible", possible)) if array.shape != (size,)
        ]  # fmt: skip
        if not problems and ((counts < 0).any() or (counts[~possible] > 0).any()):
            problems.append(Problem(said("found.count_negative_persons_stand"),
                                    said("allowed.counts_0_0_structural"), said("do.correct_counts")))  # fmt: skip
        for dim, groups in self.groups.items():
            unknown = [x for levels in groups.values() for x in levels if x not in dims.get(dim, ())]
            taken = [name for name in groups if name in dims.get(dim, ())]
            problems += [Problem(said("found.group_holds_level_not", dim=repr(dim)),
                                 names_of(dims.get(dim, ()), said("allowed.no_such_dimension")),
                                 said("do.correct_name"), value=x)
                         for x in unknown]  # fmt: skip
            problems += [Problem(said("found.group_has_name_level", dim=repr(dim)), said("allowed.name_its_own"),
                                 said("do.rename"),
                                 value=x) for x in taken]  # fmt: skip
        problems += [
            Problem(said("found.margin_names_dimension_not"), names_of(dims), said("do.correct_name"), value=x)
            for margin in self.margins or () for x in margin if x not in dims
        ]  # fmt: skip
        if problems:
            raise ModelError(problems)
        for array in (counts, possible):
            array.setflags(write=False)
        object.__setattr__(self, "dimensions", MappingProxyType(dims))
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "possible", possible)

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions."""
        return tuple(self.dimensions)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        dims: Sequence[str],
        *,
        count: str = "count",
        groups: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
        margins: Sequence[Sequence[str]] | None = None,
    ) -> CountTable:
        """Build from a frame with one row per combination of levels; combinations that are absent count 0.

        Parameters
        ----------
        frame : DataFrame
            Columns `dims` and `count`; rows of one combination are added up.
        dims : sequence of str
            Dimensions; their levels are those in the frame, in order of appearance.
        count : str
            Column of the counts.
        groups, margins
            As in the class.
        """
        levels = {dim: tuple(dict.fromkeys(frame[dim].astype(str))) for dim in dims}
        counts = np.zeros([len(x) for x in levels.values()], dtype=np.int64)
        at = tuple(np.array([levels[dim].index(x) for x in frame[dim].astype(str)], dtype=np.int64) for dim in dims)
        np.add.at(counts, at, frame[count].to_numpy(dtype=np.int64))
        flat = counts.ravel()
        return cls(levels, flat, np.ones(flat.size, dtype=bool), groups or {}, _margins(margins))

    @classmethod
    def from_strata(cls, strata: StrataDraws, *, margins: Sequence[Sequence[str]] | None = None) -> CountTable:
        """Return the persons registered by stratum of a result; where no draw holds anybody, nobody can be.

        Persons with a missing label stand under a level of their own, so that margins hold everybody and add up.
        """
        possible = (strata.observed > 0) | (strata.draws > 0).any(axis=0)
        if strata.unlabelled is None:
            return cls(strata.dimensions, strata.observed, possible, {}, _margins(margins))
        shape = [len(levels) + 1 for levels in strata.dimensions.values()]
        known = tuple(slice(0, size - 1) for size in shape)
        counts, may = strata.unlabelled.reshape(shape).copy(), np.ones(shape, dtype=bool)
        counts[known] = strata.observed.reshape([size - 1 for size in shape])
        may[known] = possible.reshape([size - 1 for size in shape])
        dims = dict(strata.dimensions)
        for axis, (dim, levels) in enumerate(strata.dimensions.items()):
            last = [slice(None)] * len(shape)
            last[axis] = slice(len(levels), None)
            if counts[tuple(last)].any():
                name = NOT_KNOWN
                while name in levels:
                    name += "_"
                dims[dim] = (*levels, name)
            else:
                last[axis] = slice(0, len(levels))
                counts, may = counts[tuple(last)], may[tuple(last)]
        return cls(dims, counts.ravel(), may.ravel(), {}, _margins(margins))

    @classmethod
    def from_lists(cls, table: CaptureTable, *, pairs: bool = True) -> CountTable:
        """Return the overlap of the lists as a table whose published margins are the lists, one by one and by two.

        Every list is a dimension with the levels ``on`` and ``off``; who is on none of them was never counted.
        Published are the total, the persons on each list and, with `pairs`, on each two; never a full history.
        """
        k = table.n_lists
        shape = (2,) * k
        counts, possible = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        for history in range(1, 2**k):
            at = tuple(0 if history >> j & 1 else 1 for j in range(k))
            counts[at] = table.counts[:, history - 1].sum()
            possible[at] = table.observable[:, history - 1].any()
        margins: list[tuple[str, ...]] = [(), *((name,) for name in table.lists)]
        margins += list(itertools.combinations(table.lists, 2)) if pairs else []
        dims = {name: ("on", "off") for name in table.lists}
        return cls(dims, counts.ravel(), possible.ravel(), {}, tuple(margins))

    def published(self) -> PublishedCells:
        """Return every cell that is published: of each margin, the product of its levels and groups.

        Raises
        ------
        ModelError
            When there are more than `MOST_CELLS`.
        """
        from scipy.sparse import csr_array

        dims = list(self.dimensions)
        margins = self.margins
        if margins is None:
            margins = tuple(c for r in range(len(dims) + 1) for c in itertools.combinations(dims, r))
        nodes: dict[str, dict[str, tuple[str, ...]]] = {
            dim: {level: (level,) for level in levels}
            | {name: tuple(x) for name, x in self.groups.get(dim, {}).items()}
            for dim, levels in self.dimensions.items()
        }
        size = sum(math.prod(len(nodes[dim]) for dim in set(margin)) for margin in set(map(frozenset, margins)))
        if size > MOST_CELLS:
            raise ModelError(
                Problem(said("found.published_cells_too_many", size=size), said("allowed.most", most_cells=MOST_CELLS),
                        said("do.publish_fewer_crossings_margins"))
            )  # fmt: skip
        place_of = np.arange(self.counts.size).reshape([len(x) for x in self.dimensions.values()])
        rows: dict[Place, Integers] = {}
        for margin in dict.fromkeys(frozenset(m) for m in margins):
            for chosen in itertools.product(*([*nodes[dim]] if dim in margin else [None] for dim in dims)):
                index = np.ix_(*(
                    range(len(self.dimensions[dim])) if node is None
                    else [self.dimensions[dim].index(x) for x in nodes[dim][node]]
                    for dim, node in zip(dims, chosen, strict=True)
                ))  # fmt: skip
                rows[chosen] = place_of[index].ravel()
        lengths = [row.size for row in rows.values()]
        columns = np.concatenate([*rows.values(), np.zeros(0, dtype=np.int64)])
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shape = (len(rows), self.counts.size)
        return PublishedCells(
            tuple(rows), csr_array((np.ones(columns.size, dtype=np.int64), columns, ends), shape=shape)
        )


def joined(cells: PublishedCells, more: PublishedCells) -> PublishedCells:
    """Return cells with others behind them."""
    from scipy.sparse import csr_array, vstack

    return PublishedCells((*cells.places, *more.places), csr_array(vstack([cells.sums, more.sums])))


def _margins(given: Sequence[Sequence[str]] | None) -> tuple[tuple[str, ...], ...] | None:
    return None if given is None else tuple(tuple(margin) for margin in given)
