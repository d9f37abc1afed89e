"""Counts of registrations, and the quality of registers, as they may be published.

Registrations bound persons from above, and what was set aside adds up over steps and lists: the steps from delivery to
use are one table of counts that goes through disclosure control with its margins, and a list whose persons are left out
shows no registrations either. Of columns and entries only shares are told, in whole percent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.strata import ALL
from mse.errors import ModelError
from mse.publish.disclosure.control import Disclosure
from mse.publish.disclosure.counts import CountTable
from mse.publish.disclosure.protecting import protect
from mse.publish.facts.entries import number
from mse.publish.registered import disclosure_rule, is_public, list_counts, registered_counts

if TYPE_CHECKING:
    from mse.answers.results import Results

REGISTRATIONS = ("delivered", "valid", "distinct", "in period", "without referrals")
"""Steps that count registrations; those after them count persons."""

MOST_LISTS = 8
"""Lists whose persons are held against their registrations; with more, registrations are told in sum only."""


@dataclass(frozen=True, slots=True)
class SafeFlow:
    """The way from delivered registrations to persons, as it may be published.

    Parameters
    ----------
    steps, lists : tuple of str
        In order.
    counts : mapping of (str, str) to int or None
        By step and list, ``"all"`` for all lists together; None where the count is left out.
    lost : mapping of (str, str) to int or None
        Registrations that were left behind on the way to a step.
    """

    steps: tuple[str, ...]
    lists: tuple[str, ...]
    counts: Mapping[tuple[str, str], int | None]
    lost: Mapping[tuple[str, str], int | None]


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """How well a column of a list is filled; shares from 0 to 1 in whole percent, None where one is left out."""

    list: str
    column: str
    filled: float | None
    valid: float | None


@dataclass(frozen=True, slots=True)
class Timeliness:
    """How soon the registrations of a list were entered: days, and the share that took long; None where left out."""

    list: str
    median: float | None
    most: float | None
    late: float | None


def safe_flow(results: Results) -> SafeFlow | None:
    """Return the steps of a result as they may be published; None where it has none."""
    frame = results.tables.get("flow")
    if frame is None or not {"step", "list", "count"} <= set(frame.columns) or not len(frame):
        return None
    raw = {(str(x["step"]), str(x["list"])): int(x["count"]) for x in frame.to_dict("records")}
    public = is_public(results)
    steps = [x for x in dict.fromkeys(step for step, _ in raw) if public or not x.startswith("on ")]
    lists = tuple(x for x in dict.fromkeys(name for _, name in raw) if x != ALL)
    counts: dict[tuple[str, str], int | None] = {}
    lost: dict[tuple[str, str], int | None] = {}
    registrations = [step for step in steps if step in REGISTRATIONS]
    if public:
        counts.update(raw)
        for step in steps:
            counts.setdefault((step, ALL), sum(raw.get((step, x), 0) for x in lists))
        for name in (*lists, ALL):
            for before, step in zip(registrations, registrations[1:], strict=False):
                lost[step, name] = (counts.get((before, name)) or 0) - (counts.get((step, name)) or 0)
        return SafeFlow(tuple(steps), lists, counts, lost)
    shown = [x for x in lists if not _withheld(results, x, raw.get((registrations[-1], x), 0) if registrations else 0)]
    told, gone = _registrations(registrations, shown, raw, disclosure_rule(results))
    counts.update(told)
    lost.update(gone)
    if len(shown) < len(lists):  # a sum less what is shown would be what is not
        counts.update({(step, ALL): None for step in registrations})
        lost.update({(step, ALL): None for step in registrations})
    for step in steps:
        if step not in registrations:
            counts[step, ALL] = _persons(step, raw, results)
    if results.record.predecessor is not None:  # how many came since then is nobody's business
        counts, lost = (_in_steps(x, disclosure_rule(results).threshold) for x in (counts, lost))
    return SafeFlow(tuple(steps), lists, counts, lost)


def _in_steps(
    counts: Mapping[tuple[str, str], int | None], step: int
) -> dict[tuple[str, str], int | None]:  # fmt: skip
    """Return counts to the nearest multiple of the threshold: two vintages of one then differ by none or by many."""
    return {at: None if count is None else round(count / step) * step for at, count in counts.items()}


def _registrations(
    steps: Sequence[str], lists: Sequence[str], raw: Mapping[tuple[str, str], int], rule: Disclosure
) -> tuple[dict[tuple[str, str], int | None], dict[tuple[str, str], int | None]]:
    """Return registrations by step and list, and those lost on the way, as one protected table."""
    names = [*lists, ALL]
    nothing: dict[tuple[str, str], int | None] = {(step, name): None for step in steps for name in names}
    if not steps or not lists:
        return nothing, dict(nothing)
    left = np.array([[raw.get((step, x), 0) for step in steps] for x in lists], dtype=np.int64)
    fates = np.column_stack([left[:, :-1] - left[:, 1:], left[:, -1:]])
    if (fates < 0).any():
        return nothing, dict(nothing)
    # A registration ends at one step, or is used; who was left after a step are all that ended later.
    ends = [f"lost at {step}" for step in steps[1:]] + ["used"]
    groups = {step: tuple(ends[i:]) for i, step in enumerate(steps[:-1])}
    table = CountTable(
        {"list": tuple(lists), "fate": tuple(ends)}, fates.ravel(), np.ones(fates.size, dtype=bool),
        {"fate": groups}, (("fate",), ("list", "fate")),
    )  # fmt: skip
    try:
        safe = protect(table, rule)
    except ModelError:
        return nothing, dict(nothing)
    found = {cell.place: cell.count for cell in safe.cells}
    counts: dict[tuple[str, str], int | None] = {}
    lost: dict[tuple[str, str], int | None] = {}
    for name in names:
        at = None if name == ALL else name
        for step in steps:
            counts[step, name] = found[at, "used" if step == steps[-1] else step]
        for step in steps[1:]:
            lost[step, name] = found[at, f"lost at {step}"]
    return counts, lost


def _withheld(results: Results, name: str, used: int) -> bool:
    """Return whether the registrations of a list would tell of persons on it who are left out or rounded."""
    lists = results.headline.lists
    if len(lists) > MOST_LISTS:
        return True
    safe = list_counts(results)
    if safe is None:
        return False
    persons = {x: safe.at(**{x: "on"}).count for x in safe.dimensions}
    if name not in persons:  # its persons stand under another name
        return any(count is None for count in persons.values())
    count = persons[name]
    return count is None or (safe.deviation > 0 and used - safe.deviation < count + safe.deviation)


def _persons(step: str, raw: Mapping[tuple[str, str], int], results: Results) -> int | None:
    """Return persons after a step; None where they, or their difference from those registered, are few."""
    rule, found = disclosure_rule(results), raw.get((step, ALL))
    safe = registered_counts(results)
    if found is None or (safe is not None and safe.at().count is None) or _few(found, rule):
        return None
    years = raw.get(("person-years", ALL), found)
    if any(_small(abs(found - other), rule) for other in (years, results.headline.observed) if other != found):
        return None
    return found if rule.method == "suppress" else round(found / rule.base) * rule.base


def _small(count: float, rule: Disclosure) -> bool:
    """Return whether a count must not be told."""
    return 0 < count < rule.threshold or (count == 0 and rule.zeros == "suppress")


def _few(count: float, rule: Disclosure) -> bool:
    """Return whether something is about too few to be told in shares."""
    return count < rule.threshold


# ---- columns and entries ----------------------------------------------------------------------------


def column_quality(results: Results) -> tuple[ColumnQuality, ...]:
    """Return completeness and validity of every column of the registers as they may be published."""
    rows, rule, public = _rows(results), disclosure_rule(results), is_public(results)
    found: list[ColumnQuality] = []
    for name in dict.fromkeys(str(x["list"]) for x in rows):
        filled = {str(x["item"]): x for x in rows if x["list"] == name and x["measure"] == "completeness"}
        valid = {str(x["item"]): x for x in rows if x["list"] == name and x["measure"] == "validity"}
        empty = {item for item, x in filled.items() if not public and _hidden(x, rule)}
        faulty = {
            item for item in filled if item in empty or (item in valid and not public and _hidden(valid[item], rule))
        }
        if len(faulty) == 1:
            # What is set aside in all, less what the other columns show, would be what this one hides: one more.
            extra = next((item for item in reversed(filled) if item not in faulty), None)
            faulty |= {extra} if extra is not None else set()
        for item, row in filled.items():
            share = None if item in empty else _share(row, rule)
            found.append(
                ColumnQuality(
                    name, item, share, None if item in faulty or item not in valid else _share(valid[item], rule)
                )
            )
    return tuple(found)


def timeliness(results: Results) -> tuple[Timeliness, ...]:
    """Return how soon the registrations of every list were entered, as it may be published."""
    rows, rule, public = _rows(results), disclosure_rule(results), is_public(results)
    found = []
    for name in dict.fromkeys(str(x["list"]) for x in rows):
        own = [x for x in rows if x["list"] == name]
        late = next((x for x in own if x["measure"] == "late"), None)
        if late is None:
            continue
        days = {str(x["item"]): number(x["count"]) for x in own if x["measure"] == "days"}
        used = next((number(x["count"]) for x in own if x["measure"] == "rows" and x["item"] == "in period"), None)
        entries = number(late["of"]) or 0.0
        undated = used is not None and _small(used - entries, rule)
        few = not public and (_few(entries, rule) or undated)
        ends = [
            None if few or (value := days.get(x)) is None else round(value)
            for x in ("entry, median", "entry, nine in ten")
        ]
        share = None if few or (not public and _hidden(late, rule)) else _share(late, rule)
        found.append(Timeliness(name, ends[0], ends[1], share))
    return tuple(found)


def _rows(results: Results) -> list[dict[str, Any]]:
    frame = results.tables.get("quality")
    if frame is None or not {"list", "measure", "item", "count", "of"} <= set(frame.columns):
        return []
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _hidden(row: Mapping[str, Any], rule: Disclosure) -> bool:
    """Return whether a count, or what is left of its base, is small."""
    count, base = number(row["count"]), number(row["of"])
    if count is None or base is None:
        return False
    return _few(base, rule) or _small(count, rule) or _small(base - count, rule)


def _share(row: Mapping[str, Any], rule: Disclosure) -> float | None:
    """Return a share of published counts, in whole percent."""
    count, base = number(row["count"]), number(row["of"])
    if count is None or not base:
        return None
    if rule.method != "suppress":
        count, base = (round(x / rule.base) * rule.base for x in (count, base))
    share = min(count / base, 1.0) if base else math.nan
    # Neither all nor none is said of what is only nearly so.
    return 0.01 if 0 < share < 0.01 else 0.99 if 0.99 < share < 1 else round(share, 2)
