"""What key figures are made from: counts of a file, of rows in a job, of registers or of results; and estimates."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

import numpy as np

from mse.errors import InputError, Problem, names_of, reason_of
from mse.publish.figures.figureestimates import ShownEstimate, from_rates, from_results, published_elsewhere
from mse.publish.figures.figurespec import Chosen, EstimateSpec, FigureSpec, SourceSpec
from mse.publish.figures.figuretables import CountedSource
from mse.publish.figures.figurevalues import cells_behind
from mse.tables.checks import MAX_COUNT, Faults
from mse.tables.codings import count_place
from mse.tables.files import read_grid
from mse.tables.grids import Grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.words.said import Said, said

COUNT = "count"
MOST_CELLS = 200_000
LIST = "list"
"""What `where` calls being on a list of the registers."""


def open_source(spec: SourceSpec) -> CountedSource:
    """Return the counts of a source.

    Raises
    ------
    InputError
        With every problem of its files.
    """
    if spec.contracts:
        return _of_registers(spec)
    if spec.results is not None:
        return _of_results(spec)
    if spec.path is not None:
        faults = Faults(str(spec.path))
        grid = read_grid(spec.path, faults, COUNT)
        return _counted(spec, grid, faults, frozenset({str(spec.path.resolve())}))
    faults = Faults(said("what.source", name=spec.name))
    header = list(dict.fromkeys(key for row in spec.counts for key in row))
    for i, row in enumerate(spec.counts, 1):
        if set(row) != set(header):
            faults.add(said("figures.row"), names_of(header), said("do.correct_row"), row=i, value=", ".join(row))
    faults.raise_if_any()
    columns = [[str(row[name]) for row in spec.counts] for name in header]
    return _counted(spec, Grid(header, columns, list(range(1, len(spec.counts) + 1)), True, True), faults, frozenset())


def _counted(spec: SourceSpec, grid: Grid, faults: Faults, files: frozenset[str]) -> CountedSource:
    """Return the counts of text cells; combinations of levels that are absent count nobody."""
    place = count_place(grid.header, grid.columns, COUNT)
    if place is None:
        faults.add(said("figures.missing"), names_of([COUNT]), said("do.add_the_column"), value=", ".join(grid.header))
    faults.raise_if_any()
    assert place is not None
    dims = [i for i in range(len(grid.header)) if i != place]
    persons = [int(x) if x.isdecimal() and x.isascii() else 0 for x in grid.columns[place]]
    if not spec.public:
        add_identifying_faults(grid, faults, dims, persons)
    seen: dict[tuple[str, ...], int] = {}
    for k, row in enumerate(grid.rows):
        text = grid.columns[place][k]
        if not (text.isdecimal() and text.isascii()) or int(text) > MAX_COUNT:
            faults.add(said("figures.count"), said("figures.count_allowed"), said("figures.count_remedy"), row=row,
                       column=grid.header[place], value=text)  # fmt: skip
        at = tuple(grid.columns[i][k] for i in dims)
        for i, level in zip(dims, at, strict=True):
            if not level:
                faults.add(said("figures.level"), said("figures.level_allowed"), said("do.fill_it_in"), row=row,
                           column=grid.header[i])  # fmt: skip
        if at in seen:
            faults.add(said("figures.twice"), said("figures.once"), said("do.keep_one_first_row", row=str(seen[at])),
                       row=row, value=", ".join(at))  # fmt: skip
        seen.setdefault(at, row)
    names = [grid.header[i] for i in dims]
    if spec.time is not None and spec.time not in names:
        faults.add(said("figures.unknown_dimension"), names_of(names), said("figures.correct"), column="time",
                   value=spec.time)  # fmt: skip
    levels = {grid.header[i]: tuple(dict.fromkeys(grid.columns[i])) for i in dims}
    if spec.time in levels:
        levels[str(spec.time)] = tuple(sorted(levels[str(spec.time)]))
    if (size := math.prod(map(len, levels.values()))) > MOST_CELLS:
        faults.add(said("figures.combinations", size=size), said("figures.at_most", most=MOST_CELLS),
                   said("do.leave_out_columns"))  # fmt: skip
    faults.raise_if_any()
    counts = np.zeros([len(x) for x in levels.values()], dtype=np.int64)
    index = {dim: {x: j for j, x in enumerate(names)} for dim, names in levels.items()}
    for k in range(len(grid.rows)):
        counts[tuple(index[grid.header[i]][grid.columns[i][k]] for i in dims)] += persons[k]
    return CountedSource(spec, levels, counts.ravel(), files)


def _of_results(spec: SourceSpec) -> CountedSource:
    """Return the registered persons of a results folder as they are published: they are protected there."""
    from mse.answers.results import read_results
    from mse.publish.registered import is_public, registered, time_of

    assert spec.results is not None
    results = read_results(spec.results)
    strata = results.headline.strata
    dims = {} if strata is None else {dim: tuple(levels) for dim, levels in strata.dimensions.items()}
    time = spec.time if spec.time in dims else time_of(results)
    about = replace(spec, time=time, period=spec.period or str(results.record.report.period or "") or "–")
    if is_public(results):
        counts = np.array([results.headline.observed]) if strata is None else np.asarray(strata.observed)
        return CountedSource(replace(about, public=True), dims, counts.astype(np.int64).ravel())
    safe = registered(results).table
    return CountedSource(about, dims, np.zeros(math.prod(map(len, dims.values())), dtype=np.int64), safe=safe)


def _of_registers(spec: SourceSpec) -> CountedSource:
    """Return the persons of linked registers by the dimensions that are asked for, and by being on each list."""
    from mse.computing.inputfiles import matching
    from mse.intake.planning import IntakeSpec
    from mse.intake.taking import take_in

    contracts: list[str] = []
    for pattern in spec.contracts:
        try:
            contracts += matching(pattern) or [pattern]
        except OSError as error:
            why = said("figures.contracts_not_found", why=reason_of(error))
            allowed, remedy = said("figures.files_or_pattern"), said("do.correct_path")
            raise InputError(Problem(why, allowed, remedy, value=pattern)) from None
    with tempfile.TemporaryDirectory() as work:
        taken = take_in(list(dict.fromkeys(contracts)), work, IntakeSpec(strata=spec.by, unit=spec.unit), seed=0)
    table = taken.table
    dims = {dim: tuple(levels) for dim, levels in table.strata.items()}
    dims |= {f"{LIST} {name}": (name, f"not {name}") for name in table.lists}
    k = table.n_lists
    shape = (table.n_strata, *([2] * k))
    counts = np.zeros(shape, dtype=np.int64)
    for history in range(1, 2**k):
        counts[(slice(None), *(0 if history >> j & 1 else 1 for j in range(k)))] = table.counts[:, history - 1]
    files = frozenset(str(Path(x).resolve()) for x in contracts)
    return CountedSource(spec, dims, counts.ravel(), files)


def with_lists(spec: FigureSpec, source: SourceSpec | None) -> FigureSpec:
    """Return a figure whose choice of a list is one of a dimension that says who is on it."""
    if source is None or not source.contracts:
        return spec

    def named(chosen: Chosen) -> Chosen:
        lists = chosen.get(LIST, ())
        rest = {dim: x for dim, x in chosen.items() if dim != LIST}
        return rest | {f"{LIST} {name}": name for name in _several(lists)}

    return replace(spec, where=named(spec.where), of=named(spec.of))


def open_estimate(spec: EstimateSpec, prob: float) -> ShownEstimate:
    """Return an estimate as it may be published.

    Raises
    ------
    InputError
        When its folder or file cannot be used, or has no such part.
    """
    if spec.results is not None:
        from mse.answers.results import read_results

        return from_results(spec, read_results(spec.results))
    if spec.rates is not None:
        from mse.evidence.survey import read_rates, survey_persons

        return from_rates(spec, survey_persons(read_rates(spec.rates), prob))
    return published_elsewhere(spec)


# ---- figures against their sources -------------------------------------------------------------------------


def figure_problems(
    spec: FigureSpec, sources: Mapping[str, CountedSource], named: Set[str], estimates: Set[str]
) -> Iterator[tuple[str, Problem]]:
    """Yield what a figure names that is not there, and what does not fit together, by the key that is wrong."""
    for name in spec.estimate:
        if name not in estimates:
            yield "estimate", _unknown(said("figures.unknown_estimate"), estimates, name)
    if spec.kind == "in view" and len(spec.estimate) > 1:
        named_here = ", ".join(spec.estimate)
        yield "estimate", Problem(said("figures.one_estimate"), said("figures.just_one_estimate"), said("do.keep_one"),
                                  value=named_here)  # fmt: skip
    if spec.source is None:
        return
    if spec.source not in named:
        yield "source", _unknown(said("figures.unknown_source"), named, spec.source)
    source = sources.get(spec.source)
    if source is None:
        return  # it could not be read, which is told already
    faulty = False
    for key, problem in _name_problems(spec, source):
        faulty = True
        yield key, problem
    if not faulty:
        yield from _part_problems(spec, source)


def _name_problems(spec: FigureSpec, source: CountedSource) -> Iterator[tuple[str, Problem]]:
    dims = source.dimensions
    for key, chosen in (("where", spec.where), ("of", spec.of)):
        for dim, levels in chosen.items():
            if dim not in dims or dim == source.spec.time:
                others = [x for x in dims if x != source.spec.time]
                yield key, _unknown(said("figures.unknown_dimension"), others, dim)
                continue
            for level in _several(levels):
                if level not in dims[dim]:
                    yield key, _unknown(said("figures.unknown_level"), dims[dim], level)
    if spec.dimension is not None and (spec.dimension not in dims or spec.dimension == source.spec.time):
        yield "dimension", _unknown(said("figures.unknown_dimension"), list(dims), spec.dimension)
    if spec.within is not None and (spec.within not in dims or spec.within == source.spec.time):
        others = [x for x in dims if x != source.spec.time]
        yield "within", _unknown(said("figures.unknown_dimension"), others, spec.within)
    for key, when in (("when", spec.when), ("against", spec.against)):
        if when is None or (key == "when" and when == "each" and source.periods):
            continue
        if source.spec.time is None:
            yield key, Problem(said("figures.no_time"), said("figures.source_with_time"),
                               said("do.leave_out_or_name_dimension"), value=when)  # fmt: skip
        elif when not in source.periods:
            yield key, _unknown(said("figures.unknown_level"), source.periods, when)
    if spec.against is not None and spec.when is None and source.spec.time is not None:
        found = said("figures.needs", kind=spec.kind)
        yield "when", Problem(found, names_of(["when"]), said("do.add"), value=spec.kind)


def _part_problems(spec: FigureSpec, source: CountedSource) -> Iterator[tuple[str, Problem]]:
    """Yield shares of those who are not part of a whole, multiples of a part, and crossings that are not published."""
    both = [dim for dim in spec.where if dim in spec.of]
    if spec.kind in ("share", "share change"):
        for dim in both:
            if not set(_several(spec.where[dim])) <= set(_several(spec.of[dim])):
                yield "where", Problem(said("figures.wider"), names_of(_several(spec.of[dim])),
                                       said("do.correct_where_or_of"),
                                       value=", ".join(_several(spec.where[dim])))  # fmt: skip
    if (
        spec.kind == "multiple"
        and spec.of
        and not any(not set(_several(spec.where[dim])) & set(_several(spec.of[dim])) for dim in both)
    ):
        yield "of", Problem(said("figures.overlap"), said("figures.overlap_allowed"), said("do.use_kind_share"),
                            value=_chosen(spec.of))  # fmt: skip
    if source.safe is not None:
        places = {tuple(x is not None for x in cell.place) for cell in source.safe.cells}
        for cell in cells_behind(spec, source.spec.time, source.dimensions):
            at = dict(cell)
            if tuple(dim in at for dim in source.safe.dimensions) not in places or any(len(x) > 1 for x in at.values()):
                yield "where", Problem(said("figures.margin"), said("figures.levels_of_release"),
                                       said("do.ask_fewer_dimensions"), value=", ".join(at))  # fmt: skip
                break


def _several(levels: str | tuple[str, ...]) -> tuple[str, ...]:
    return (levels,) if isinstance(levels, str) else tuple(levels)


def _chosen(chosen: Chosen) -> str:
    return "; ".join(f"{dim} = {', '.join(_several(x))}" for dim, x in chosen.items())


def _unknown(found: Said, allowed: Sequence[str] | Set[str], value: str) -> Problem:
    from difflib import get_close_matches

    near = get_close_matches(value, list(allowed), n=1)
    remedy = said("do.did_you_mean", near=repr(near[0])) if near else said("figures.correct")
    return Problem(found, names_of(list(allowed)[:30]), remedy, value=value)
