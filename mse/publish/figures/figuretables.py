"""Counts behind key figures, as they may be published: all cells that a run rests on, protected at once.

A figure is given nothing but these. Levels that no figure names are put together first, so that no count is left out
for the sake of one that nobody publishes; sources of the same persons are protected one beside the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from mse.answers.earlierreleases import OldCell, OldTable
from mse.kernels.arrays import Integers
from mse.publish.disclosure.against import protect_beside
from mse.publish.disclosure.control import Disclosure, SafeTable
from mse.publish.disclosure.counts import CountTable, Place
from mse.publish.disclosure.protecting import protect
from mse.publish.figures.figurespec import SourceSpec
from mse.publish.indicators.basis import spanned

Cell = tuple[tuple[str, tuple[str, ...]], ...]
"""Levels by dimension, dimensions in order; a dimension that is not there is summed over."""
Pieces = Mapping[str, tuple[tuple[str, ...], ...]]
"""Levels that are put together, by dimension."""

TIME = "\0time"
"""What the dimension that is time is called where sources are held against each other."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CountedSource:
    """A source with its raw counts, which stay inside.

    Parameters
    ----------
    spec : SourceSpec
        What the job says of it.
    dimensions : mapping of str to tuple of str
        Dimensions and levels.
    counts : int64 array, shape (S,)
        Persons; S runs through the levels in C order.
    files : frozenset of str
        What it was read from: two sources from one file count the same persons.
    safe : SafeTable or None
        The counts as a results folder publishes them already.
    """

    spec: SourceSpec
    dimensions: Mapping[str, tuple[str, ...]]
    counts: Integers
    files: frozenset[str] = frozenset()
    safe: SafeTable | None = None

    @property
    def periods(self) -> tuple[str, ...]:
        """Levels of the dimension that is time."""
        return self.dimensions.get(self.spec.time or "", ())


@dataclass(frozen=True, slots=True, eq=False)
class ShownSource:
    """A source as it may be published.

    Parameters
    ----------
    spec : SourceSpec
        What the job says of it.
    dimensions : mapping of str to tuple of str
        Dimensions and levels.
    counts : mapping of Cell to int or None
        Every cell that was asked for; None where it is left out.
    deviation : int
        The most that a count may be off, where counts are rounded.
    """

    spec: SourceSpec
    dimensions: Mapping[str, tuple[str, ...]]
    counts: Mapping[Cell, int | None]
    deviation: int

    @property
    def periods(self) -> tuple[str, ...]:
        """Levels of the dimension that is time."""
        return self.dimensions.get(self.spec.time or "", ())


def protect_sources(
    sources: Sequence[CountedSource],
    asked: Mapping[str, Sequence[Cell]],
    rule: Disclosure,
    against: Sequence[OldTable] = (),
) -> dict[str, ShownSource]:
    """Return sources as they may be published.

    Parameters
    ----------
    sources : sequence of CountedSource
        All of a run.
    asked : mapping of str to sequence of Cell
        The cells that figures rest on, by the name of the source.
    rule : Disclosure
        What is left out, or what is rounded to.
    against : sequence of OldTable
        Counts that were published before: of persons who are called as those of a source, or of whoever is registered,
        where a source of other persons agrees with none of them, and nothing follows.

    Raises
    ------
    ModelError
        When counts cannot be kept in doubt.
    """
    shown: dict[str, ShownSource] = {}
    for group in _same_persons(sources):
        before = [x for x in against if x.persons in ("", *map(_word, group))]
        pieces = _pieces(group, asked, before)
        old = [_in_pieces(x, pieces) for x in before]
        for source in sorted(group, key=lambda x: 0 if x.safe is not None else 1 if x.spec.public else 2):
            name = source.spec.name
            shown[name], told = _shown(source, asked.get(name, ()), pieces, rule, old, len(group) + len(before))
            old.append(told)
    return shown


def _same_persons(sources: Sequence[CountedSource]) -> list[list[CountedSource]]:
    """Return sources that count the same persons together: those that say so, and those from one file."""
    groups: list[list[CountedSource]] = []
    for source in sources:
        same = [g for g in groups if any(_word(x) == _word(source) or x.files & source.files for x in g)]
        groups = [g for g in groups if g not in same] + [[x for g in same for x in g] + [source]]
    return groups


def _word(source: CountedSource) -> str:
    return persons_word(source.spec.persons)


def persons_word(persons: str) -> str:
    """Return what persons are called, so that capitals and spaces make no other persons."""
    return " ".join(persons.casefold().split())


def _role(source: CountedSource, dim: str) -> str:
    return TIME if dim == source.spec.time else dim


def _pieces(
    group: Sequence[CountedSource], asked: Mapping[str, Sequence[Cell]], against: Sequence[OldTable]
) -> Pieces:  # fmt: skip
    """Return the levels of every dimension in the fewest pieces of which all that is asked for is made."""
    levels: dict[str, dict[str, None]] = {}
    sets: dict[str, list[frozenset[str]]] = {}
    for source in group:
        for dim, names in source.dimensions.items():
            role = _role(source, dim)
            levels.setdefault(role, {}).update(dict.fromkeys(names))
            whole = source.safe is not None or (source.spec.public and len(group) > 1)
            sets.setdefault(role, []).append(frozenset(names))
            sets[role] += [frozenset({name}) for name in names] if whole else []
        for cell in asked.get(source.spec.name, ()):
            for dim, names in cell:
                sets[_role(source, dim)].append(frozenset(names))
    for old in against:
        groups = {(dim, name): inside for dim, name, inside in old.groups}
        for i, (dim, names) in enumerate(old.dimensions):
            used = dict.fromkeys(cell.place[i] for cell in old.cells if cell.place[i] is not None)
            if dim not in old.open:
                used |= dict.fromkeys(names)
            sets.setdefault(TIME if dim == old.time else dim, []).extend(
                frozenset(groups.get((dim, str(name)), (str(name),))) for name in used
            )
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for role, known in levels.items():
        by_use: dict[tuple[bool, ...], list[str]] = {}
        for name in known:
            by_use.setdefault(tuple(name in x for x in sets[role]), []).append(name)
        found[role] = tuple(tuple(x) for x in by_use.values())
    return found


def _in_pieces(old: OldTable, pieces: Pieces) -> OldTable:
    """Return what was published before with its levels in the pieces of now; those that are no more stay."""
    parts = {(role, x): _label(part) for role, found in pieces.items() for part in found for x in part}

    def now(dim: str, names: Sequence[str]) -> tuple[str, ...]:
        role = TIME if dim == old.time else dim
        return tuple(dict.fromkeys(parts.get((role, x), x) for x in names))

    groups = ((dim, name, now(dim, inside)) for dim, name, inside in old.groups)
    return replace(old, dimensions=tuple((dim, now(dim, x)) for dim, x in old.dimensions), groups=tuple(groups))


def _label(levels: Sequence[str]) -> str:
    return " + ".join(levels)


def _shown(
    source: CountedSource,
    cells: Sequence[Cell],
    pieces: Pieces,
    rule: Disclosure,
    old: Sequence[OldTable],
    together: int,
) -> tuple[ShownSource, OldTable]:
    """Return a source as it may be published beside others, and what it tells those after it."""
    if source.safe is not None:
        names = source.safe.dimensions
        stated = {c.place: 0 if c.status == "structural zero" else c.count for c in source.safe.cells}
        counts: dict[Cell, int | None] = {}
        for cell in cells:
            one = dict(cell)
            place = tuple(one[dim][0] if dim in one else None for dim in names)
            counts[cell] = stated.get(place) if all(len(x) == 1 for x in one.values()) else None
        return ShownSource(source.spec, source.dimensions, counts, source.safe.deviation), _told(source, source.safe)
    used = [dim for dim in source.dimensions if any(dim == x for cell in cells for x, _ in cell)]
    if source.spec.public:
        used = list(source.dimensions) if together > 1 else used
    table, places = _table(source, used, cells, pieces)
    if source.spec.public:
        published = table.published()
        values = dict(zip(published.places, published.values(table).tolist(), strict=True))
        exact = tuple(OldCell(place, float(n), float(n), None) for place, n in values.items())
        told = OldTable(tuple(table.dimensions.items()), exact, *_when(source, used), _groups(table))
        return ShownSource(source.spec, source.dimensions, {c: values[p] for c, p in places.items()}, 0), told
    if old:
        safe = protect_beside(table, rule, old, *_when(source, used), told={}, known=(), pinned={}).table
    else:
        safe = protect(table, rule)
    found = {cell.place: 0 if cell.status == "structural zero" else cell.count for cell in safe.cells}
    shown = ShownSource(source.spec, source.dimensions, {c: found[p] for c, p in places.items()}, safe.deviation)
    return shown, _told(source, safe, used, _groups(table))


def _groups(table: CountTable) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return the levels of a table that stand together, as `OldTable` has them."""
    return tuple((dim, name, inside) for dim, found in table.groups.items() for name, inside in found.items())


def _table(
    source: CountedSource, used: Sequence[str], cells: Sequence[Cell], pieces: Pieces
) -> tuple[CountTable, dict[Cell, Place]]:
    """Return the raw counts in pieces, with the margins that are asked for, and where every cell stands in them."""
    own = {dim: [part for part in pieces[_role(source, dim)] if part[0] in source.dimensions[dim]] for dim in used}
    at = {dim: {x: i for i, part in enumerate(parts) for x in part} for dim, parts in own.items()}
    shape = tuple(len(own[dim]) for dim in used)
    counts = np.zeros(shape, dtype=np.int64)
    for n, row in zip(source.counts.tolist(), product(*source.dimensions.values()), strict=True):
        levels = dict(zip(source.dimensions, row, strict=True))
        counts[tuple(at[dim][levels[dim]] for dim in used)] += n
    groups: dict[str, dict[str, tuple[str, ...]]] = {}
    places: dict[Cell, Place] = {}
    margins: dict[tuple[str, ...], None] = {}
    for cell in cells:
        one = dict(cell)
        place: list[str | None] = []
        for dim in used:
            inside = [part for part in own[dim] if part[0] in one.get(dim, ())]
            name = _label([x for part in inside for x in part]) if inside else None
            if len(inside) > 1:
                groups.setdefault(dim, {})[str(name)] = tuple(_label(part) for part in inside)
            place.append(name)
        places[cell] = tuple(place)
        margins[tuple(dim for dim in used if dim in one)] = None
    if source.spec.public and not cells:
        margins[tuple(used)] = None
    dims = {dim: tuple(_label(part) for part in parts) for dim, parts in own.items()}
    flat = counts.ravel()
    everything = None if source.spec.public else tuple(margins)
    return CountTable(dims, flat, np.ones(flat.size, dtype=bool), groups, everything), places


def _when(source: CountedSource, used: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Return the dimension that is time, where it is used, and the years that the counts are about."""
    return source.spec.time if source.spec.time in used else None, years_of(source.periods, source.spec.period)


def years_of(periods: Sequence[str], period: str | None) -> tuple[str, ...]:
    """Return the periods that counts are about: those that stand apart, else the years that are named."""
    return tuple(periods) or tuple(spanned(re.findall(r"\d{4}", period or "")))


def _told(
    source: CountedSource, safe: SafeTable, used: Sequence[str] = (),
    groups: tuple[tuple[str, str, tuple[str, ...]], ...] = (),
) -> OldTable:  # fmt: skip
    """Return what a protected table tells those that are protected after it."""
    together = {(dim, name): parts for dim, name, parts in groups}
    inside: dict[str, dict[str, None]] = {dim: {} for dim in safe.dimensions}
    for c in safe.cells:
        for dim, name in zip(safe.dimensions, c.place, strict=True):
            if name is not None:
                inside[dim].update(dict.fromkeys(together.get((dim, name), (name,))))
    dims = tuple((dim, tuple(levels)) for dim, levels in inside.items())
    cells = []
    for cell in safe.cells:
        if cell.count is None:
            cells.append(OldCell(cell.place, 0.0, float("inf"), None))
        elif cell.status == "rounded":
            low, high = max(cell.count - safe.deviation, 0), cell.count + safe.deviation
            cells.append(OldCell(cell.place, float(low), float(high), cell.count))
        else:
            cells.append(OldCell(cell.place, float(cell.count), float(cell.count), None))
    return OldTable(dims, tuple(cells), *_when(source, used or safe.dimensions), groups)
