"""From raw counts to those that may be published: `protect` turns a `CountTable` into a `SafeTable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mse.publish.disclosure.control import Disclosure, SafeCell, SafeTable
from mse.publish.disclosure.roundedcounts import round_by_lot, round_controlled
from mse.publish.disclosure.suppression import suppress

if TYPE_CHECKING:
    from mse.publish.disclosure.attack import Beside
    from mse.publish.disclosure.counts import CountTable, Place


def protect(
    table: CountTable,
    rule: Disclosure | None = None,
    *,
    known: Sequence[Place] = (),
    pinned: Mapping[Place, int] | None = None,
    beside: Beside | None = None,
) -> SafeTable:
    """Return what of a table of counts may be published.

    Parameters
    ----------
    table : CountTable
        Raw counts, and which margins are published.
    rule : Disclosure, optional
        Thresholds and method; the defaults when not given.
    known : sequence of places
        Cells that are published elsewhere: leaving them out would hide nothing.
    pinned : mapping of place to int, optional
        Rounded counts that are published elsewhere already: another rounding would narrow them.
    beside : Beside, optional
        What earlier releases published of the same persons (`mse.publish.disclosure.against`).

    Returns
    -------
    SafeTable
        Every published cell. With ``"suppress"`` it has withstood `mse.publish.disclosure.attack.attack`.

    Raises
    ------
    ModelError
        When the table is too large for disclosure control, or cannot be protected beside what is known.
    """
    return protect_told(table, rule, known=known, pinned=pinned, beside=beside).table


@dataclass(frozen=True, slots=True)
class Protected:
    """A table that may be published, and the places of counts left out whose estimates may be published all the same.

    Parameters
    ----------
    table : SafeTable
        The counts.
    stated : frozenset of places
        What an estimate tells of these counts was part of what the table withstood.
    """

    table: SafeTable
    stated: frozenset[Place]


def protect_told(
    table: CountTable,
    rule: Disclosure | None = None,
    *,
    told: Mapping[Place, tuple[float, float]] | None = None,
    known: Sequence[Place] = (),
    pinned: Mapping[Place, int] | None = None,
    stood: Mapping[Place, int] | None = None,
    beside: Beside | None = None,
) -> Protected:
    """Return what of a table may be published, and of which counts that are left out the estimates may be.

    Parameters
    ----------
    table, rule, known, pinned, beside
        As in `protect`.
    told : mapping of place to (float, float), optional
        The fewest and most persons that a published estimate, with its interval and verdict, allows at a place.
    stood : mapping of place to int, optional
        Rounded counts of the release before that may stand as they stood (`mse.publish.disclosure.roundedvintages`).
    """
    rule = rule or Disclosure()
    cells = table.published()
    values = cells.values(table)
    possible = cells.reach(table)
    if rule.method == "suppress":
        found = suppress(table, cells, rule, known, told, beside)
        safe: Sequence[SafeCell] = [
            SafeCell(place, 0, "structural zero") if not can
            else SafeCell(place, None, "suppressed") if out
            else SafeCell(place, int(value), "published")
            for place, value, can, out in zip(cells.places, values, possible, found.hidden, strict=True)
        ]  # fmt: skip
        stated = frozenset(place for place, yes in zip(cells.places, found.stated, strict=True) if yes)
        return Protected(SafeTable(table.names, tuple(safe), rule.in_words()), stated)
    if rule.method == "controlled":
        rounded, off = round_controlled(table, cells, rule.base, pinned, stood)
    else:
        rounded, off = round_by_lot(table, cells, rule, pinned or {}, beside, stood or {}), rule.base - 1
    safe = [
        SafeCell(place, int(new), "rounded" if can else "structural zero")
        for place, new, can in zip(cells.places, rounded, possible, strict=True)
    ]
    return Protected(SafeTable(table.names, tuple(safe), rule.in_words(), off), frozenset())
