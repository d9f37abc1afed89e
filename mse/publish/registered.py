"""Registered persons as they may be published: one table of counts a result, whatever page or file shows parts of it.

Two tables that were protected apart could be played off against each other, so there is one, with every margin that
anything publishes; and what the estimates of parts tell of their counts is part of what it withstands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.earlierreleases import OldTable
from mse.answers.strata import shown_margins, time_dimension
from mse.assess.rules import Thresholds
from mse.errors import ModelError
from mse.publish.disclosure.against import protect_beside
from mse.publish.disclosure.control import Disclosure, SafeTable
from mse.publish.disclosure.counts import KNOWN, LABEL, MISSING, CountTable, Place
from mse.publish.disclosure.protecting import Protected, protect_told
from mse.publish.disclosure.releaseattack import alike
from mse.publish.disclosure.roundedvintages import rounded_over
from mse.publish.disclosure.vintages import hold_over
from mse.publish.wording.rounding import Rounded, round_interval, rounded_values
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    from mse.answers.results import Results
    from mse.answers.strata import StrataDraws

INVERTIBLE = 3
"""Lists up to which whoever knows the methods can work out a table from what they gave."""

SPARSE_TIMES = 3
"""Thresholds of persons on two lists or more, below which no estimate stands beside counts that are left out."""

_OF_THIS_PROCESS = token_hex(32)
"""Key of the lot for results that were never written: the same as long as they are in memory."""


def is_public(results: Results) -> bool:
    """Return whether the raw counts of a result's table are public already; False where nothing says so."""
    return results.record.table.public


def disclosure_rule(results: Results) -> Disclosure:
    """Return the rules of disclosure control that the job asks for under [publish]; the defaults otherwise."""
    publish = results.record.job.publish
    asked = {f.name: getattr(publish, f.name) for f in fields(Disclosure) if f.name != "secret"}
    options: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return Disclosure(**options, secret=results.record.rounding or _OF_THIS_PROCESS)


def time_of(results: Results) -> str | None:
    """Return the dimension of the strata that is time; None where none is."""
    strata = results.headline.strata
    return time_dimension(strata.dimensions if strata else {}, results.record.report.time)


@dataclass(frozen=True, slots=True)
class Registered:
    """Registered persons as they may be published.

    Parameters
    ----------
    table : SafeTable
        By stratum, over `shown_margins`; of a result without strata the total alone. The total is everybody.
    stated : frozenset of places
        Counts that are left out, but whose estimates may be published.
    """

    table: SafeTable
    stated: frozenset[Place]

    @property
    def total(self) -> int | None:
        """Everybody who was registered, as it may be published."""
        return self.table.at().count


def registered(results: Results) -> Registered:
    """Return the registered persons of a result as they may be published, whether its table is public or not."""
    from mse.publish.indicators.basis import read_basis

    headline, rule = results.headline, disclosure_rule(results)
    basis = read_basis(results)
    strata = basis.strata
    told: Mapping[Place, tuple[float, float]] = {}
    if strata is None:
        table = CountTable({}, np.array([headline.observed]), np.array([True]))
    else:
        table = _counts(strata, headline.observed, time_of(results))
        told = _told(results, len(table.names) - len(basis.dims))
    held, old = _earlier(results, table, "counts", rule)
    kept = _protected(
        tuple(table.dimensions.items()), table.counts.tobytes(), table.possible.tobytes(), table.margins, rule,
        tuple(sorted(told.items(), key=str)), _known_total(table, headline.observed, rule), (), old,
        (basis.time, basis.years), held,
    )  # fmt: skip
    return Registered(*_without_label(kept, len(basis.dims)))


def _counts(strata: StrataDraws, everybody: int, time: str | None) -> CountTable:
    """Return the raw counts by stratum; those who belong to none, for want of a label, in a dimension of their own."""
    margins = shown_margins(tuple(strata.dimensions), time)
    table = CountTable.from_strata(strata, margins=margins)
    missing = everybody - int(table.counts.sum())
    if missing <= 0:
        return table
    counts, possible = np.zeros((table.counts.size, 2), dtype=np.int64), np.zeros((table.counts.size, 2), dtype=bool)
    counts[:, 0], possible[:, 0] = table.counts, table.possible
    counts[0, 1], possible[0, 1] = missing, True
    dims = {**strata.dimensions, LABEL: (KNOWN, MISSING)}
    return CountTable(dims, counts.ravel(), possible.ravel(), {}, ((), *((*margin, LABEL) for margin in margins)))


def _without_label(kept: Protected, dims: int) -> tuple[SafeTable, frozenset[Place]]:
    """Return a protected table without the dimension of missing labels, which only its total has in it."""
    if len(kept.table.dimensions) == dims:
        return kept.table, kept.stated
    cells = [cell for cell in kept.table.cells if cell.place[-1] == KNOWN and any(cell.place[:-1])]
    total = [cell for cell in kept.table.cells if not any(cell.place)]
    plain = tuple(type(cell)(cell.place[:-1], cell.count, cell.status) for cell in [*total, *cells])
    table = SafeTable(kept.table.dimensions[:-1], plain, kept.table.rule, kept.table.deviation)
    return table, frozenset(place[:-1] for place in kept.stated)


def _told(results: Results, labels: int) -> Mapping[Place, tuple[float, float]]:
    """Return what the estimates of parts would tell of their counts, were they published.

    Nobody states a number of a part with fewer persons than the verdict asks for, and no interval starts below the
    persons who were registered.
    """
    from mse.publish.indicators.basis import margins_of, read_basis

    basis = read_basis(results)
    least = float(verdict_limits(results).observed[1])
    ends = {}
    for part in margins_of(results, basis)[1:]:
        if part.stated:
            shown = rounded_values(*part.size[:3], "persons")
            place = tuple(part.levels.get(dim) for dim in basis.dims)
            ends[(*place, *([KNOWN] * labels))] = (least, shown.low)
    return ends


def verdict_limits(results: Results) -> Thresholds:
    """Return the thresholds of the verdict that the job asks for."""
    given: Mapping[str, Any] = results.record.job.limits
    return Thresholds(**{f.name: given[f.name] for f in fields(Thresholds) if f.name in given})


def _known_total(table: CountTable, everybody: int, rule: Disclosure) -> tuple[Place, ...]:
    """Return the place of the total where it is not a small count: every page states it, so it is never left out."""
    return ((None,) * len(table.names),) if everybody >= rule.threshold else ()


def registered_counts(results: Results) -> SafeTable | None:
    """Return the registered persons by stratum, over `shown_margins`; None where the result has no strata."""
    strata = results.headline.strata
    return None if strata is None or not strata.dimensions else registered(results).table


def list_counts(results: Results) -> SafeTable | None:
    """Return the persons on each list, and on each two, as they may be published; None without an overlap on record.

    Every list is a dimension with the levels ``on`` and ``off``.
    """
    lists = results.record.overlap.lists
    if not lists:
        return None
    counts = results.record.overlap.cells()
    from mse.publish.indicators.basis import read_basis

    table = CountTable.from_lists(CaptureTable.from_arrays(lists, counts))
    rule, basis = disclosure_rule(results), read_basis(results)
    whole: Place = (None,) * len(lists)
    total = registered(results).total
    same = int(counts.sum()) == results.headline.observed
    pinned = ((whole, total),) if same and total is not None and rule.method != "suppress" else ()
    known = (whole,) if same and total is not None and counts.sum() >= rule.threshold else ()
    held, old = _earlier(results, table, "lists", rule)
    shown = ((whole, (total, _off(results))),) if held and same and total is not None else ()
    safe = _protected(
        tuple(table.dimensions.items()), table.counts.tobytes(), table.possible.tobytes(), table.margins, rule, (),
        known, pinned, old, (None, basis.years), held, shown,
    ).table  # fmt: skip
    few = len(lists) <= INVERTIBLE and any(cell.status == "suppressed" for cell in safe.cells)
    return _total_alone(safe) if few else safe


def _total_alone(safe: SafeTable) -> SafeTable:
    """Return a table of which only the total, and what cannot be, is left."""
    cells = [
        replace(cell, count=None, status="suppressed") if any(cell.place) and cell.status == "published" else cell
        for cell in safe.cells
    ]
    return replace(safe, cells=tuple(cells))


def one_number_only(results: Results) -> bool:
    """Return whether no estimate but the headline may be stated, for together they would tell counts that are left out.

    Of `INVERTIBLE` lists at most all tables that agree with what is published can be gone through: two methods, or one
    and the counts of lists, leave a single one of them.
    """
    if is_public(results) or len(results.headline.lists) > INVERTIBLE:
        return False
    safe = list_counts(results)
    return safe is not None and any(cell.status == "suppressed" for cell in safe.cells)


def sparse_overlap(results: Results) -> bool:
    """Return whether even the headline would tell counts on lists that are left out, for it rests on few persons.

    So few are on two lists or more that its size tells how many. The bound is `SPARSE_TIMES` the threshold: to be below
    it leaves every count a range as wide as is promised.
    """
    if not one_number_only(results):
        return False
    overlap = results.record.overlap
    several = CaptureTable.from_arrays(overlap.lists, overlap.cells()).history_counts()[1:].sum()
    return bool(several < SPARSE_TIMES * disclosure_rule(results).threshold)


@lru_cache(maxsize=16)
def _protected(
    dimensions: tuple[tuple[str, tuple[str, ...]], ...], counts: bytes, possible: bytes,
    margins: tuple[tuple[str, ...], ...] | None, rule: Disclosure, told: tuple[tuple[Place, tuple[float, float]], ...],
    known: tuple[Place, ...], pinned: tuple[tuple[Place, int], ...], old: tuple[OldTable, ...],
    when: tuple[str | None, tuple[str, ...]], held: tuple[OldTable, ...] = (),
    shown: tuple[tuple[Place, tuple[int, int]], ...] = (),
) -> Protected:  # fmt: skip
    """Return a protected table; kept, because a page and its files ask for the same one again and again."""
    made: Mapping[str, tuple[str, ...]] = dict(dimensions)
    raw = CountTable(made, np.frombuffer(counts, np.int64), np.frombuffer(possible, bool), margins=margins)
    alone = partial(_alone, raw, rule, dict(told), known, dict(pinned), old, when)
    if held and rule.method != "suppress":
        return rounded_over(raw, held, rule, *when, alone)
    found = alone({})
    if not held:
        return found
    safe = hold_over(raw, found.table, held, rule, *when, dict(shown))
    return replace(found, table=safe, stated=found.stated - {c.place for c in safe.cells if c.count is not None})


def _alone(
    raw: CountTable, rule: Disclosure, told: Mapping[Place, tuple[float, float]], known: tuple[Place, ...],
    pinned: Mapping[Place, int], old: tuple[OldTable, ...], when: tuple[str | None, tuple[str, ...]],
    stood: Mapping[Place, int],
) -> Protected:  # fmt: skip
    """Return a protected table beside what is known of other persons, but for how it was before."""
    if old:
        return protect_beside(raw, rule, old, *when, told=told, known=known, pinned=pinned, stood=stood)
    try:
        return protect_told(raw, rule, told=told, known=known, pinned=pinned, stood=stood)
    except ModelError:
        if not known or rule.method != "suppress":
            raise
        return protect_told(raw, rule, told=told)


def _earlier(
    results: Results, table: CountTable, name: str, rule: Disclosure
) -> tuple[tuple[OldTable, ...], tuple[OldTable, ...]]:
    """Return a table of the releases that this one follows in a series, and of those on the same persons.

    One of a series with other dimensions is both.
    """
    series = {entry.digest for entry in results.record.series}
    held = [x for x in (getattr(entry, name) for entry in results.record.series) if x is not None]
    old = [
        x for x, digest in ((getattr(entry, name), entry.digest) for entry in results.record.against)
        if x is not None and not (digest in series and alike(table, x))
    ]  # fmt: skip
    return tuple(held), tuple(old)


def _off(results: Results) -> int:
    """Return by how much the total may be off, as it is published."""
    found = registered(results).table
    return found.deviation if found.at().status == "rounded" else 0


def stated_values(
    counts: Registered | None, point: float, low: float, high: float, count: int | None, coarse: bool = False
) -> Rounded:  # fmt: skip
    """Return point and interval of persons as they are published beside a count.

    Where the count is published they do not go below it, and where it is rounded not below what it may be: how close
    an interval comes to the persons registered must not tell more of them. `coarse` is `one_number_only`.
    """
    floor = None if count is None else count + (counts.table.deviation if counts is not None else 0)
    if math.isfinite(point) and math.isfinite(low) and high == math.inf:
        return round_interval(point, low, high, observed=floor, coarse=coarse)
    return rounded_values(point, low, high, "persons", floor, coarse)
