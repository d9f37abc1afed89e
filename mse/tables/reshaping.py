"""Other forms of an overlap table: fewer lists, fewer strata, a data frame, a dataset.

These functions are the methods of `CaptureTable`. A name that the table does not have raises ModelError;
a result that is no overlap table any more (one list left, no overlap left) raises InputError.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Flags, Integers
from mse.tables.levels import Where
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class Overlap(Protocol):
    """What these functions read of a table; `CaptureTable` describes each of them."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def lists(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def counts(self) -> Integers: ...  # noqa: D102
    @property
    def strata(self) -> Mapping[str, tuple[str, ...]]: ...  # noqa: D102
    @property
    def observable(self) -> Flags: ...  # noqa: D102
    @property
    def absent(self) -> Flags: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def n_lists(self) -> int: ...  # noqa: D102
    @property
    def n_strata(self) -> int: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    def membership(self) -> Flags: ...  # noqa: D102
    def notation(self, history: int) -> str: ...  # noqa: D102


def rename[T: Overlap](table: T, names: Mapping[str, str]) -> T:
    """Return the table with other names for lists, ``{old: new}``."""
    _places(table, list(names))
    return replace(table, lists=tuple(names.get(x, x) for x in table.lists))


def select[T: Overlap](table: T, *lists: str) -> T:
    """Return the table of these lists alone, in this order; persons on none of them vanish."""
    return _gather(table, lists, [[j] for j in _places(table, lists)])


def leave_out[T: Overlap](table: T, *lists: str) -> T:
    """Return the table without these lists; persons who were on no other vanish."""
    gone = _places(table, lists)
    return select(table, *(x for j, x in enumerate(table.lists) if j not in gone))


def merge_lists[T: Overlap](table: T, groups: Mapping[str, Sequence[str]]) -> T:
    """Return the table with lists put together, ``{"PFNCA": ["PF", "NCA"]}``: on it when on any of them.

    The new list stands where its first member stood, and is absent only where all its members are.
    """
    _places(table, [name for group in groups.values() for name in group])
    members = [_places(table, group) for group in groups.values()]
    flat = [j for group in members for j in group]
    if len(set(flat)) < len(flat) or not all(members):
        found = said("found.merge_names_list_twice")
        raise _misfit(table, found, said("allowed.each_list_most_one"), said("do.correct_groups"))
    kept = [(min(group), name, group) for name, group in zip(groups, members, strict=True)]
    kept += [(j, x, [j]) for j, x in enumerate(table.lists) if j not in flat]
    kept.sort()
    return _gather(table, [name for _, name, _ in kept], [group for _, _, group in kept])


def collapse[T: Overlap](table: T, *dims: str) -> T:
    """Return the table summed over these dimensions of the strata, or over all when none is named.

    A cell of the sum is observable when it was in any of the strata, and a list is absent only when it was
    in all of them: summing over strata that a list cannot see hides that it could not.
    """
    _known_dims(table, dims)
    if not table.strata:
        return table
    axes = tuple(i for i, dim in enumerate(table.strata) if dim in dims or not dims)
    shape = _shape(table)
    counts = table.counts.reshape(*shape, -1).sum(axis=axes)
    observable = table.observable.reshape(*shape, -1).any(axis=axes)
    absent = table.absent.reshape(*shape, -1).all(axis=axes)
    strata = {dim: levels for i, (dim, levels) in enumerate(table.strata.items()) if i not in axes}
    n_cells = table.counts.shape[1]
    return replace(
        table,
        counts=counts.reshape(-1, n_cells),
        observable=observable.reshape(-1, n_cells),
        absent=absent.reshape(-1, table.n_lists),
        strata=strata,
    )


def part[T: Overlap](table: T, where: Where) -> T:
    """Return a part of the strata, ``{"year": "2019", "sex": ["f", "m"]}``.

    A single level removes its dimension; several keep it, in the order given. Lists that nobody of that
    part is on are left out.
    """
    picked = _pick(table, where)
    rows = np.arange(table.n_strata).reshape(_shape(table))[np.ix_(*picked.values())].ravel()
    counts, on = table.counts[rows], table.membership()
    lists = [j for j in range(table.n_lists) if counts[:, on[:, j]].any()]
    counts, observable = _fold(on, counts, table.observable[rows], [[j] for j in lists])
    return replace(
        table,
        lists=tuple(table.lists[j] for j in lists),
        counts=counts,
        strata={
            dim: tuple(levels[i] for i in picked[dim])
            for dim, levels in table.strata.items()
            if not isinstance(where.get(dim), str)
        },
        observable=observable,
        absent=table.absent[np.ix_(rows, lists)],
    )


def blind[T: Overlap](table: T, name: str, where: Where) -> T:
    """Return the table in which a list cannot see these strata: its cells there are structural zeros."""
    observable = table.observable.copy()
    on = table.membership()[:, _places(table, [name])[0]]
    observable[np.ix_(_mask(table, where), on)] = False
    return replace(table, observable=observable)


def without[T: Overlap](table: T, name: str, where: Where) -> T:
    """Return the table in which a list did not operate, or did not deliver, in these strata."""
    absent = table.absent.copy()
    absent[_mask(table, where), _places(table, [name])[0]] = True
    return replace(table, absent=absent)


def to_pandas(table: Overlap, *, zeros: bool = True) -> pd.DataFrame:
    """Return one row per stratum and history: list columns 0/1, strata as ordered categories, count.

    Parameters
    ----------
    table : Overlap
        The table.
    zeros : bool
        Keep empty cells. Cells that are unobservable, or on a list that was absent, are never rows.
    """
    import pandas as pd

    on = table.membership()
    keep = table.observable & ~(table.absent @ on.T) & (table.counts >= (0 if zeros else 1))
    rows, histories = np.nonzero(keep)
    data: dict[str, object] = {x: on[histories, j].astype(np.int64) for j, x in enumerate(table.lists)}
    index = np.unravel_index(rows, _shape(table)) if table.strata else ()
    for (dim, levels), codes in zip(table.strata.items(), index, strict=True):
        data[dim] = pd.Categorical.from_codes(codes, categories=pd.Index(levels), ordered=True)
    return pd.DataFrame(data | {"count": table.counts[rows, histories]})


def to_xarray(table: Overlap) -> xr.Dataset:
    """Return a dataset over the strata's dimensions, ``history`` (in words) and ``list``.

    Variables are count, observable, absent, and on_list (history x list, who is on what).
    """
    import xarray as xr

    dims, shape = tuple(table.strata), _shape(table)
    coords: dict[str, list[str]] = {dim: list(levels) for dim, levels in table.strata.items()}
    coords["history"] = [table.notation(h) for h in range(1, 2**table.n_lists)]
    coords["list"] = list(table.lists)
    return xr.Dataset(
        {
            "count": ((*dims, "history"), table.counts.reshape(*shape, -1)),
            "observable": ((*dims, "history"), table.observable.reshape(*shape, -1)),
            "absent": ((*dims, "list"), table.absent.reshape(*shape, -1)),
            "on_list": (("history", "list"), table.membership()),
        },
        coords=coords,
        attrs={"name": table.name, "digest": table.digest},
    )


def drop[T: Overlap](table: T, *lists: str) -> T:
    """Use `leave_out`: in pandas this name removes rows or columns of a file, not a list with its overlap."""
    _renamed("drop", "leave_out")
    return leave_out(table, *lists)


def merge[T: Overlap](table: T, groups: Mapping[str, Sequence[str]]) -> T:
    """Use `merge_lists`: in pandas this name joins two tables."""
    _renamed("merge", "merge_lists")
    return merge_lists(table, groups)


def at[T: Overlap](table: T, where: Where) -> T:
    """Use `part`, as of a verdict: in pandas this name reads one cell."""
    _renamed("at", "part")
    return part(table, where)


def _renamed(old: str, new: str) -> None:
    warnings.warn(f"CaptureTable.{old} goes in the next release; use {new}", FutureWarning, stacklevel=3)


def _gather[T: Overlap](table: T, names: Sequence[str], groups: Sequence[Sequence[int]]) -> T:
    """Make each new list the union of some old ones; it is absent only where all of them are."""
    counts, observable = _fold(table.membership(), table.counts, table.observable, groups)
    absent = np.zeros((table.n_strata, len(groups)), dtype=bool)
    for j, group in enumerate(groups):
        absent[:, j] = table.absent[:, list(group)].all(axis=1)
    return replace(table, lists=tuple(names), counts=counts, observable=observable, absent=absent)


def _fold(on: Flags, counts: Integers, observable: Flags, groups: Sequence[Sequence[int]]) -> tuple[Integers, Flags]:
    """Return counts and observable cells of new lists: observable when any cell that falls into it is."""
    target = np.zeros(on.shape[0], dtype=np.int64)
    for j, group in enumerate(groups):
        target |= on[:, list(group)].any(axis=1).astype(np.int64) << j
    new: Integers = np.zeros((2 ** len(groups), counts.shape[0]), dtype=np.int64)
    seen: Flags = np.zeros(new.shape, dtype=np.bool_)
    np.add.at(new, target, counts.T)
    np.logical_or.at(seen, target, observable.T)
    return new[1:].T, seen[1:].T


def _shape(table: Overlap) -> tuple[int, ...]:
    return tuple(len(levels) for levels in table.strata.values())


def _pick(table: Overlap, where: Where) -> dict[str, list[int]]:
    """Return the places of the levels asked for, all of them in a dimension that is not named."""
    _known_dims(table, tuple(where))
    out = {}
    for dim, levels in table.strata.items():
        asked = where.get(dim, levels)
        asked = [asked] if isinstance(asked, str) else list(asked)
        for level in asked:
            if level not in levels:
                raise _misfit(table, said("found.has_no_level_2", dim=repr(dim), level=repr(level)), names_of(levels))
        out[dim] = [levels.index(level) for level in asked]
    return out


def _mask(table: Overlap, where: Where) -> Flags:
    out = np.zeros(_shape(table), dtype=np.bool_)
    out[np.ix_(*_pick(table, where).values())] = True
    return out.ravel()


def _places(table: Overlap, names: Sequence[str]) -> list[int]:
    unknown = [name for name in dict.fromkeys(names) if name not in table.lists]
    if unknown:
        raise _misfit(table, said("found.no_list", repr=[*map(repr, unknown)]), names_of(table.lists))
    return [table.lists.index(name) for name in names]


def _known_dims(table: Overlap, dims: Sequence[str]) -> None:
    for dim in dims:
        if dim not in table.strata:
            allowed = names_of(table.strata, said("allowed.none_table_has_no"))
            raise _misfit(table, said("found.no_covariate", dim=repr(dim)), allowed)


def _misfit(table: Overlap, found: Said, allowed: Said, remedy: Said | None = None) -> ModelError:
    return ModelError(
        Problem(found, allowed, remedy or said("do.correct_name"), file=said("what.table", name=table.name))
    )
