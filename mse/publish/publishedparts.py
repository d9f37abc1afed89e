"""The one list of published parts: of the whole and of every margin, what is said of it in numbers and in words.

Counts have been through disclosure control. Everything else is made from what is published: the verdict on a part from
the count that is published, its interval beside that count, and where a count is left out nothing that would tell of it
but what the table withstood (`mse.publish.registered`). Pages, terminal, and releases read this list, so no two of them
can be played off against each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mse.answers.estimates import LEVELS, Level, PartVerdict, Reason, Verdict
from mse.answers.strata import shown_margins
from mse.assess.findings import observed_found
from mse.assess.parts import headline_dimension, unusable, worst
from mse.publish.indicators.basis import Part, margins_of, read_basis
from mse.publish.registered import is_public, one_number_only, registered, stated_values, verdict_limits
from mse.publish.standing import NOT_JUDGED, SUPPRESSED, parts_by_levels, standing, whole_standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mse.answers.results import Results
    from mse.assess.rules import Thresholds

HIDDEN_COUNT = "count_left_out"
"""Code of the finding on a part whose count is left out, but whose number may be stated."""

_OF_COUNTS = ("observed", "below_observed")
"""Rules whose findings tell of the count."""


def published_verdict(results: Results) -> Verdict | None:
    """Return the verdict of a result as it may be published; as it is where the table is public.

    Findings on how many persons were registered are made from the published counts, and parts that are no published
    margin have no verdict: it would tell of counts that nobody publishes.
    """
    verdict = results.headline.verdict
    if verdict is None or is_public(results):
        return verdict
    limits = verdict_limits(results)
    found = registered(results)
    strata = results.headline.strata
    dims = tuple(strata.dimensions) if strata is not None else ()
    time = read_basis(results).time
    shown = {frozenset(margin) for margin in shown_margins(dims, time)}
    reasons = [x for x in map(_without_counts, verdict.reasons) if x is not None]
    few = _few(found.total, limits)
    reasons += [] if few is None else [few]
    level = worst(reasons)
    parts = []
    for part in verdict.parts:
        if frozenset(part.levels) in shown:
            count = found.table.at(**part.levels).count
            place = tuple(part.levels.get(dim) for dim in dims)
            parts.append(_judged(part, count, place in found.stated, level, limits))
    if strata is not None and parts and "parts" in verdict.checked:
        many = unusable(parts, headline_dimension(strata, time), limits)
        reasons += [] if many is None else [many]
    reasons.sort(key=lambda reason: -LEVELS.index(reason.level))
    level = worst(reasons) if worst(verdict.reasons) == verdict.level else verdict.level
    held = tuple(replace(part, level=max(level, part.level, key=LEVELS.index)) for part in parts)
    return replace(verdict, level=level, reasons=tuple(reasons), parts=held)


def _few(total: int | None, limits: Thresholds) -> Reason | None:
    """Return the finding that few persons were registered, from their published number."""
    if total is not None:
        return observed_found(total, limits)
    return Reason("observed", "do not publish")


def _without_counts(reason: Reason) -> Reason | None:
    """Return a finding on the whole without figures that are counts or ratios of them; None where it is made anew."""
    if reason.code in ("observed", "parts"):
        return None
    if reason.code == "below_observed":
        return replace(reason, figures={})
    if reason.code in ("pair_share", "no_overlap", "nested", "bound", "deviance"):
        return replace(reason, figures={}, names={})
    return reason


def _judged(part: PartVerdict, count: int | None, stated: bool, whole: Level, limits: Thresholds) -> PartVerdict:
    """Return the verdict on a part from its published count; figures that tell of counts are left out."""
    kept = [reason for reason in part.reasons if reason.code not in _OF_COUNTS]
    figures = {name: value for name, value in part.figures.items() if name not in ("observed", "lists")}
    if count is not None:
        own = observed_found(count, limits)
        kept += [] if own is None else [own]
    elif stated:
        kept.append(Reason(HIDDEN_COUNT, "publish with caution"))
    else:
        kept, figures = [Reason(SUPPRESSED, "do not publish")], {}
    kept.sort(key=lambda reason: -LEVELS.index(reason.level))
    level = max(whole, worst(kept), key=LEVELS.index)
    return PartVerdict(part.levels, level, tuple(kept), figures)


def published_parts(results: Results) -> list[Part]:
    """Return the whole and every published margin with counts, numbers and status as they are published.

    Numbers are rounded; a part that may not be stated has them all the same, and its `status` says why they are not
    shown.
    """
    raw = margins_of(results, read_basis(results))
    public, coarse = is_public(results), one_number_only(results)
    found = None if public else registered(results)
    said = published_verdict(results)
    judged: Mapping[frozenset[tuple[str, str]], PartVerdict] = parts_by_levels(said)
    made = []
    for part in raw:
        count = part.observed if found is None else found.table.at(**part.levels).count
        numbers = stated_values(found, part.point, part.low, part.high, count, coarse)
        status, verdict = part.status, part.verdict
        if part.levels and not public:
            own = judged.get(frozenset(part.levels.items()))
            status, verdict = standing(own), NOT_JUDGED if own is None else own.level
            if own is None and count is None:
                status = SUPPRESSED
        elif not public:
            status = SUPPRESSED if count is None else whole_standing(said)
            verdict = NOT_JUDGED if said is None else said.level
        made.append(Part(part.levels, count, numbers.point, numbers.low, numbers.high, status, verdict))
    return made
