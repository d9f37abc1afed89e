"""The multilevel model of one table as arrays: which effects there are, which scale each has, and what was seen."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from mse.errors import ModelError, Problem, names_of
from mse.estimators.multilevel.areas import Areas, smooth_axes
from mse.estimators.multilevel.coordinates import Block, coordinates, starts_of
from mse.estimators.multilevel.fourbyfour import effects_of, four_by_four, persons_of_terms, with_scales
from mse.estimators.multilevel.priors import Priors
from mse.estimators.stratified.opencells import StrataCells
from mse.kernels.arrays import Array, Flags, Integers
from mse.kernels.multilevel_model import Multilevel
from mse.words.said import said

TIME_NAMES = ("year", "jaar", "time", "period", "quarter", "month")
MOST_CELLS = 2_000_000
MOST_FIXED = 6
"""A dimension of so many levels has effects of a fixed spread on sizes and lists: so few say little of a scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A table as the kernel takes it, and the names of its parameters.

    Parameters
    ----------
    model : Multilevel
        Data and priors.
    blocks : tuple of Block
        What the parameters are, in order.
    cells : StrataCells
        What it was made from.
    time : str or None
        The dimension with random walks.
    scale_names : tuple of str
        Of the scales, ``"size: form"``.
    pair_names : tuple of str
        ``"A:B"`` in the order of the pairs in the model.
    breaks : tuple of (str, str)
        Break and list of every change of list effects.
    areas : Areas or None
        The dimension whose levels have neighbours.
    """

    model: Multilevel
    blocks: tuple[Block, ...]
    cells: StrataCells
    time: str | None
    scale_names: tuple[str, ...]
    pair_names: tuple[str, ...]
    breaks: tuple[tuple[str, str], ...]
    areas: Areas | None = None

    @property
    def n_parameters(self) -> int:
        """Number of parameters that are sampled."""
        return int(self.model.starts[-1])


def build_design(
    cells: StrataCells,
    priors: Priors,
    time: str | None,
    breaks: Mapping[str, Sequence[str]],
    areas: Areas | None = None,
) -> Design:
    """Return the arrays of a table.

    Parameters
    ----------
    cells : StrataCells
        The table.
    priors : Priors
        Spreads of all effects.
    time : str or None
        The dimension that is time; None takes one of a usual name, if there is one.
    breaks : mapping of str to sequence of str
        Lists that work differently from a moment on.
    areas : Areas, optional
        The dimension whose levels have neighbours. It has no crossings and no walks of its own.

    Raises
    ------
    ModelError
        When a name is unknown, or there are too many cells.
    """
    k, s = cells.table.n_lists, cells.n_strata
    if s * 2**k > MOST_CELLS:
        raise ModelError(
            Problem(said("fault.many_cells", lists=k, strata=s, cells=s * 2**k),
                    said("allowed.most", most_cells=MOST_CELLS),
                    said("do.merge_lists_work_alike"))
        )  # fmt: skip
    time = find_time(cells, time)
    index = np.indices([len(x) for x in cells.dimensions.values()]).reshape(-1, s)
    p = priors
    apart = None if areas is None else areas.dimension
    kinds: list[tuple[str, list[_Block], float]] = [
        ("size", _blocks(cells, index, time, apart, "size", dimension=p.size_dimension, cross=p.size_cross,
                         walk=p.size_walk, walks=p.size_walk_dimension), p.size_rest),
        ("lists", _blocks(cells, index, time, apart, "lists", dimension=p.list_dimension, cross=p.list_cross,
                          walk=p.list_walk), p.list_rest),
        ("pairs", _blocks(cells, index, time, apart, "pairs", dimension=p.pair_dimension), p.pair_rest),
    ]  # fmt: skip
    names, spreads, designs, rests = list[str](), list[float](), [], []
    for kind, blocks, rest in kinds:
        columns, places, learned = _stacked(blocks, spreads, s)
        designs.append((columns, places))
        names += [f"{kind}: {name}" for name in [*learned, "rest"]]
        spreads.append(rest)
        rests.append(len(spreads) - 1)
    area, basis, variances = np.zeros(s, dtype=np.int64), np.zeros((0, 0)), np.zeros(0)
    if areas is not None:
        area = index[list(cells.dimensions).index(areas.dimension)]
        basis, variances = smooth_axes(len(cells.dimensions[areas.dimension]), areas.pairs)
        names.append(f"size: {areas.dimension}")
        spreads.append(p.size_area)
    (size, size_scale), (lists, list_scale), (pairs, pair_scale) = [
        (columns, np.where(places < 0, len(spreads), places)) for columns, places in designs
    ]
    changes, behind = break_columns(cells, time, index, breaks)
    pair_names = [f"{cells.table.lists[i]}:{cells.table.lists[j]}" for j in range(k) for i in range(j)]
    possible, is_open, counts = _cells(cells)
    limited = cells.seen.bounds >= 0
    known = _known(cells)
    parameters = coordinates(
        strata=s, lists=k, scales=len(spreads), breaks=len(changes), sizes=size_scale.size,
        list_effects=list_scale.size, pair_effects=pair_scale.size, areas=variances.size,
    )  # fmt: skip
    model = Multilevel(
        starts=starts_of(parameters), n_scales=len(spreads),
        possible=possible, open=is_open, counts=counts, possible_fours=four_by_four(possible, first=1.0),
        open_fours=four_by_four(is_open), known_fours=four_by_four(persons_of_terms(counts, k)),
        limited=(cells.stratum * 2**k + cells.history)[limited], bounds=cells.seen.bounds[limited],
        pool_starts=cells.seen.pool_starts,
        pool_cells=cells.stratum[cells.seen.pool_cells] * 2**k + cells.history[cells.seen.pool_cells],
        pool_counts=cells.seen.pool_counts,
        rotation=np.concatenate([np.full((k, 1), k**-0.5), contrasts(k)], axis=1),
        follow=_follow(size, size_scale == len(spreads), p.size, known),
        size=effects_of(size), lists=effects_of(lists), pairs=effects_of(pairs),
        size_scale=size_scale, list_scale=list_scale, pair_scale=pair_scale,
        rest_scale=np.array(rests),
        runs=np.zeros((0, 3), dtype=np.int64), information=np.zeros(0), scores=np.zeros(0),  # by `with_scales`
        breaks=behind, break_list=np.array([cells.table.lists.index(x) for _, x in changes], dtype=np.int64),
        spreads=np.array([*spreads, p.visibility, p.pair_global, *[1.0] * (len(pair_names) + (areas is not None))]),
        size_prior=np.array([math.log(3.0 * max(float(known.mean()), 0.5)), p.size]),
        list_prior=np.array([math.log(p.on_lists / (k - p.on_lists)), p.list_spread]),
        break_prior=p.break_spread, slab=p.slab,
        area=area, area_basis=basis, area_variances=variances, area_scale=len(spreads) - 1,
    )  # fmt: skip
    return Design(with_scales(model), parameters, cells, time, tuple(names), tuple(pair_names), tuple(changes), areas)


def find_time(cells: StrataCells, time: str | None) -> str | None:
    """Return the dimension that is time, None when there is none or it has a single level.

    Raises
    ------
    ModelError
        When the dimension is unknown, or its levels are numbers that do not increase.
    """
    if time is None:
        time = next((dim for dim in cells.dimensions if dim.lower() in TIME_NAMES), None)
    elif time not in cells.dimensions:
        allowed = names_of(cells.dimensions, said("allowed.none_table_has_no"))
        raise ModelError(Problem(said("fault.no_dimension", dimension=time), allowed, said("do.correct_name")))
    if time is None or len(cells.dimensions[time]) < 2:
        return None
    moments = moments_of(cells.dimensions[time])
    if not (np.diff(moments) > 0).all():
        raise ModelError(
            Problem(said("fault.time_order", dimension=time), said("allowed.levels_first_last"),
                    said("do.give_order_when_table"), value=", ".join(cells.dimensions[time]))
        )  # fmt: skip
    return time


def moments_of(levels: Sequence[str]) -> Array:
    """Return when each level begins, in years or, where levels are no years or months, in steps: shape (levels,)."""
    found = [re.fullmatch(r"(\d{4})(?:-(\d{2}))?", level.strip()) for level in levels]
    if all(found):
        return np.array([int(m[1]) + (int(m[2] or 1) - 1) / 12 for m in found if m])
    return np.arange(len(levels), dtype=np.float64)


def break_columns(
    cells: StrataCells, time: str | None, index: Integers, breaks: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[str, str]], Array]:
    """Return break and list of every change, and how far each stratum lies behind it: (S, E).

    A break at a level of the time dimension changes the lists from that level on; at a date, ``2018-05`` or
    ``2018-05-01``, a year counts by the part of it that lies behind the date.

    Raises
    ------
    ModelError
        With every break or list that does not fit.
    """
    changes: list[tuple[str, str]] = []
    columns: list[Array] = []
    problems = []
    for when, lists in breaks.items():
        unknown = [x for x in lists if x not in cells.table.lists]
        problems += [
            Problem(said("fault.break_list", when=when, list=x), names_of(cells.table.lists),
                    said("do.correct_name")) for x in unknown
        ]  # fmt: skip
        behind = None if time is None else _behind(cells.dimensions[time], when)
        if behind is None or time is None:
            levels = (
                said("allowed.dimension_time")
                if time is None
                else said("allowed.level_date_such_2018", time=repr(time))
            )
            problems.append(Problem(said("fault.break_nowhere"), levels, said("do.correct_break"), value=when))
            continue
        if np.ptp(behind) == 0.0:
            problems.append(
                Problem(said("fault.break_outside"),
                        said("allowed.moment_between", dimensions=str(cells.dimensions[time][0]),
                             dimensions_2=str(cells.dimensions[time][-1])),
                        said("do.correct_date_leave_break"), value=when)
            )  # fmt: skip
        at = index[list(cells.dimensions).index(time)]
        changes += [(when, x) for x in lists if x not in unknown]
        columns += [behind[at] for x in lists if x not in unknown]
    if problems:
        raise ModelError(problems)
    return changes, np.stack(columns, axis=1) if columns else np.zeros((cells.n_strata, 0))


def _behind(levels: Sequence[str], when: str) -> Array | None:
    """Return the part of every period that lies behind a moment; None when the moment cannot be placed."""
    if when in levels:
        return (np.arange(len(levels)) >= list(levels).index(when)).astype(np.float64)
    found = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", when)
    if not found or not all(re.fullmatch(r"\d{4}", level.strip()) for level in levels):
        return None
    try:
        moment = date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
    year = moment.year + (moment.timetuple().tm_yday - 1) / 365.0
    return np.array([min(max(int(level) + 1.0 - year, 0.0), 1.0) for level in levels])


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Effects that belong together: columns (S, c), their spread, and whether that is fixed or the prior of a scale."""

    name: str
    spread: float
    columns: Array
    learned: bool


def _blocks(
    cells: StrataCells,
    index: Integers,
    time: str | None,
    apart: str | None,
    kind: str,
    *,
    dimension: float,
    cross: float | None = None,
    walk: float | None = None,
    walks: float | None = None,
) -> list[_Block]:
    """Return the groups of effects of one kind of term; time is exchangeable where there is no walk.

    Of areas (`apart`) only lists have effects here, without a sum to zero, so that the design has no more entries than
    strata.
    """
    at = dict(zip(cells.dimensions, index, strict=True))
    level = {
        dim: contrasts(len(names))[at[dim]]
        for dim, names in cells.dimensions.items()
        if len(names) > 1 and dim != apart
    }
    others = [dim for dim in level if dim != time]
    many = {dim: kind == "pairs" or len(cells.dimensions[dim]) > MOST_FIXED for dim in level}
    out = []
    if time is not None and walk is not None:
        steps = _walk(moments_of(cells.dimensions[time]))[at[time]]
        out.append(_Block(time, walk, steps, True))
        if walks is not None:
            out += [_Block(f"{time} x {dim}", walks, _product(level[dim], steps), True) for dim in others]
    out += [_Block(dim, dimension, level[dim], many[dim]) for dim in (others if walk is not None else level)]
    if cross is not None and time is not None and len(others) > 1:
        crossed = [
            functools.reduce(_product, [level[dim] for dim in group])
            for size in range(2, len(others) + 1)
            for group in itertools.combinations(others, size)
        ]
        learned = kind != "size" or any(many[dim] for dim in others)
        out.append(_Block(" x ".join(others), cross, np.concatenate(crossed, axis=1), learned))
    if apart is not None and kind == "lists":
        out.append(_Block(apart, dimension, np.eye(len(cells.dimensions[apart]))[at[apart]], True))
    # as many columns as strata are what the rest is for
    return [block for block in out if block.columns.shape[1] < cells.n_strata - 1 or block.name == time]


def contrasts(levels: int) -> Array:
    """Return orthonormal contrasts (L, L − 1): with standard normal weights levels sum to 0, with variance 1 − 1/L."""
    helmert = np.tril(np.ones((levels, levels)), -1) - np.diag(np.arange(levels, dtype=np.float64))
    out: Array = -helmert.T[:, 1:] / np.linalg.norm(helmert[1:], axis=1)
    return out


def _walk(moments: Array) -> Array:
    """Return a random walk as columns: level of each moment by unit steps, on average zero; (T, T − 1)."""
    steps = np.sqrt(np.diff(moments))
    levels = np.tril(np.ones((moments.size, moments.size)), -1)[:, :-1] * steps
    out: Array = levels - levels.mean(axis=0)
    return out


def _product(a: Array, b: Array) -> Array:
    """Return the products of all pairs of columns."""
    out: Array = (a[:, :, None] * b[:, None, :]).reshape(a.shape[0], -1)
    return out


def _stacked(blocks: Sequence[_Block], spreads: list[float], n_strata: int) -> tuple[Array, Integers, list[str]]:
    """Return the columns of blocks, (S, P), the scale of each column, and the names of the scales.

    Scales are added to `spreads`; where the spread is fixed the columns bear it, and the place of the scale is −1.
    """
    matrices, places, names = [np.zeros((n_strata, 0))], [np.zeros(0, dtype=np.int64)], []
    for block in blocks:
        places.append(np.full(block.columns.shape[1], len(spreads) if block.learned else -1))
        matrices.append(block.columns if block.learned else block.spread * block.columns)
        if block.learned:
            names.append(block.name)
            spreads.append(block.spread)
    return np.concatenate(matrices, axis=1), np.concatenate(places), names


def _cells(cells: StrataCells) -> tuple[Array, Array, Array]:
    """Return possible, open and counts of every cell, each (S, 2**K)."""
    shape = (cells.n_strata, 2**cells.table.n_lists)
    at = (cells.stratum, cells.history)
    possible, is_open, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    possible[at] = 1.0
    is_open[at] = cells.seen.open
    counts[at] = cells.seen.counts
    return possible, is_open, counts


def _follow(size: Array, fixed: Flags, spread: float, known: Array) -> Array:
    """Return how mean and fixed effects of size follow the log shares seen: by weighted least squares; (1 + P, S)."""
    columns = np.column_stack([np.full(known.size, spread), size])
    chosen = np.concatenate([[True], fixed])
    weighted = columns[:, chosen].T * (known + 1.0)
    out = np.zeros((1 + fixed.size, known.size))
    out[chosen] = np.linalg.solve(weighted @ columns[:, chosen], weighted)
    return out


def _known(cells: StrataCells) -> Array:
    """Return about how many persons of open cells each stratum has: pools and bounds are shared out evenly; (S,)."""
    seen = cells.seen
    persons = seen.counts + np.where(seen.bounds > 0, seen.bounds / 2.0, 0.0)
    for c, count in enumerate(seen.pool_counts):
        members = seen.pool_cells[seen.pool_starts[c] : seen.pool_starts[c + 1]]
        persons[members] += count / members.size
    return np.bincount(cells.stratum, weights=persons, minlength=cells.n_strata)
