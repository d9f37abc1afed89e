"""The one list of published parts: of the whole and of every margin, what is said of it in numbers and in words.

Counts have been through disclosure control. Everything else is made from what is published: the verdict on a part from
the count that is published, its interval beside that count, and where a count is left out nothing that would tell of it
but what the table withstood (`mse.publish.registered`). Pages, terminal, and releases read this list, so no two of them
can be played off against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.estimates import LEVELS, Level, PartVerdict, Reason, Verdict
from mse.answers.strata import shown_margins
from mse.assess.findings import observed_found
from mse.assess.parts import headline_dimension, unusable, worst
from mse.assess.robustness import OF_FEWER
from mse.publish.facts.entries import number
from mse.publish.facts.margins import margin_points
from mse.publish.indicators.basis import margins_of, read_basis
from mse.publish.indicators.partnumbers import Part, part_of
from mse.publish.registered import (
    Registered,
    is_public,
    one_number_only,
    registered,
    sparse_overlap,
    stated_values,
    verdict_limits,
)
from mse.publish.standing import (
    FAILED,
    NOT_JUDGED,
    OK,
    SUPPRESSED,
    TOO_FEW,
    UNJUDGED,
    WITHHELD,
    parts_by_levels,
    standing,
    whole_standing,
)
from mse.publish.wording.rounding import Rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mse.answers.results import Results
    from mse.answers.strata import StrataDraws
    from mse.assess.rules import Thresholds
    from mse.words.said import Said

HIDDEN_COUNT = "count_left_out"
"""Code of the finding on a part whose count is left out, but whose number may be stated."""
SPARSE = "sparse_overlap"
"""Code of the finding that an estimate would tell counts on lists that are left out (`sparse_overlap`)."""

_OF_COUNTS = ("observed", "below_observed")
"""Rules whose findings tell of the count."""

_OF_NUMBERS = ("disagreement", "width", "prior", "narrower")
"""Rules whose findings state other numbers than the headline, or its own more finely than it is published."""


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
    if one_number_only(results):
        reasons = [replace(x, figures={}, names={}) if x.code in _OF_NUMBERS else x for x in reasons]
    few = _few(found.total, limits)
    reasons += [] if few is None else [few]
    sparse = sparse_overlap(results)
    reasons += [Reason(SPARSE, "do not publish")] if sparse else []
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
    level = worst(reasons) if sparse or worst(verdict.reasons) == verdict.level else verdict.level
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
    if reason.code in ("pair_share", "no_overlap", "recall", "nested", "outside", "bound", "deviance"):
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


@dataclass(frozen=True, slots=True, eq=False)
class PublishedParts:
    """The list of published parts of a result.

    Parameters
    ----------
    parts : tuple of Part
        The whole, then every margin of `mse.answers.strata.shown_margins`, in the order of their levels. Numbers are
        rounded; a part that may not be stated has them all the same, and its `status` says why they are not shown.
    yearly : Part or None
        What one year holds on average; None where nothing is time.
    beside : Rounded or None
        The total if the identifying assumption held exactly, which stands beside an interval that allows departures
        from it; None where there is none, or the total may not be stated.
    dimensions : mapping of str to tuple of str
        Levels by dimension; nothing for a result without strata.
    time : str or None
        The dimension that is time.
    prob : float
        Probability of the intervals.
    stop : str or None
        Why no estimate may be published; None when it may.
    rule : Said or None
        By which counts were controlled; None where all of them may be seen.
    """

    parts: tuple[Part, ...]
    yearly: Part | None
    beside: Rounded | None
    dimensions: Mapping[str, tuple[str, ...]]
    time: str | None
    prob: float
    stop: str | None
    rule: Said | None

    @property
    def whole(self) -> Part:
        """The total."""
        return self.parts[0]

    def margin(self, *dims: str) -> list[Part]:
        """Return the parts of one margin, in the order of their levels."""
        return [part for part in self.parts if set(part.levels) == set(dims)]


def published_parts(results: Results) -> PublishedParts:
    """Return the whole and every published margin with counts, numbers and status as they are published."""
    basis = read_basis(results)
    found, alone = None if is_public(results) else registered(results), one_number_only(results)
    sparse = sparse_overlap(results)
    said, stop = published_verdict(results), _stop(results)
    judged = parts_by_levels(said)
    made = []
    for part in margins_of(results, basis):
        count = part.observed if found is None else found.table.at(**part.levels).count
        count = None if sparse and not part.levels else count  # and every number of the whole with it, on pages too
        size = stated_values(found, *part.size[:3], count, alone)
        own, status, verdict = part.judged, part.status, part.verdict
        if part.levels and found is not None:
            own = judged.get(frozenset(part.levels.items()))
            status, verdict = standing(own), NOT_JUDGED if own is None else own.level
            if own is None and count is None:
                status = SUPPRESSED
        elif found is not None:
            status = SUPPRESSED if count is None else whole_standing(said)
            verdict = NOT_JUDGED if said is None else said.level
        status = TOO_FEW if not part.possible else stop if status == OK and stop is not None else status
        made.append(
            part_of(part.levels, count, size, part.population, status=status, verdict=verdict, judged=own,
                    flag=part.flag, possible=part.possible, coarse=_coarse(found, part.levels, count), published=True)
        )  # fmt: skip
    strata, time = basis.strata, basis.time
    return PublishedParts(
        tuple(made), None if strata is None or time is None else _yearly(results, strata, time, made[0], found),
        _beside(results, made[0], found), {} if strata is None else strata.dimensions, time, basis.prob, stop,
        None if found is None else found.table.rule,
    )  # fmt: skip


def _beside(results: Results, whole: Part, found: Registered | None) -> Rounded | None:
    """Return the total under the identifying assumption itself; none where only one number may be stated."""
    held = results.headline.summary(results.record.prob).identified
    if held is None or whole.observed is None or not whole.stated or one_number_only(results):
        return None
    return stated_values(found, held.point, held.low, held.high, whole.observed)


def _coarse(found: Registered | None, levels: Mapping[str, str], count: int | None) -> bool:
    return found is not None and count is not None and found.table.at(**levels).status == "rounded"


def _stop(results: Results) -> str | None:
    """Return why no estimate may be published; None when it may."""
    verdict = published_verdict(results)
    if verdict is None:
        return UNJUDGED
    return WITHHELD if verdict.level == "do not publish" else None


def _yearly(
    results: Results, strata: StrataDraws, time: str, whole: Part, found: Registered | None
) -> Part:  # fmt: skip
    """Return the mean over the levels of time."""
    years = len(strata.dimensions[time])
    draws = strata.draws.sum(axis=1) / years
    prob = results.record.prob
    low, high = map(float, np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2]))
    point = float(margin_points(strata.margin(), results.headline.kind == "posterior")[0]) / years
    everybody = whole.observed if found is not None else int(strata.margin().observed[0])
    floor = None if everybody is None else math.floor(everybody / years)
    size = stated_values(found if floor is not None else None, point, low, high, floor)
    observed = None if everybody is None else round(everybody / years)
    return part_of({}, observed, size, None, status=whole.status, verdict=whole.verdict, coarse=whole.coarse,
                   published=True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PublishedMethod:
    """One method of the comparison as it is published.

    Parameters
    ----------
    method, label, kind : str
        Its name, what it is called, what its numbers are.
    headline : bool
        Whether this is the answer that was judged.
    size : Rounded or None
        Persons; None where the method gave no number. Without an interval its ends are not-a-number.
    prob : float
        Probability that the interval claims.
    status : str
        "ok", or why its number may not be stated.
    """

    method: str
    label: str
    kind: str
    headline: bool
    size: Rounded | None
    prob: float
    status: str


def published_methods(results: Results) -> tuple[PublishedMethod, ...]:
    """Return the methods side by side, in the order of the comparison."""
    public, stop = is_public(results), _stop(results)
    counts = None if public else registered(results)
    count = results.headline.observed if counts is None else counts.total
    stop, alone = SUPPRESSED if count is None or sparse_overlap(results) else stop, one_number_only(results)
    made = []
    for row in results.method_rows:
        size, status = None, str(row["status"])
        if status != OK:
            status = status if public else FAILED  # why it did may tell counts
        elif math.isfinite(row["point"]) and stop != SUPPRESSED:
            size = stated_values(counts, row["point"], row["low"], row["high"], count, alone)
        status = stop if status == OK and stop is not None else status
        if status == OK and alone and not row["headline"]:
            size, status, row = None, SUPPRESSED, {**row, "kind": ""}  # the kind names the model that was selected
        named = str(row["method"]), str(row["label"]), str(row["kind"]), bool(row["headline"])
        made.append(PublishedMethod(*named, size, float(row["prob"]), status))
    return tuple(made)


def assessed_values(found: Mapping[str, Any], *, public: bool, observed: int, floor: int | None) -> Rounded:
    """Return the estimate in a row of an assessment as it is published.

    Parameters
    ----------
    found : mapping
        ``point``, ``low``, ``high``; ``observed`` where the row has persons of its own, and ``change``.
    public : bool
        Whether the counts may be seen: rounding then stops at the persons of the row.
    observed : int
        Persons registered, for a row without its own.
    floor : int or None
        Where it stops otherwise: at what was registered, as published. Without some of the lists it does not stop, for
        the estimate may lie below (`telling`).
    """
    apart = found.get("change") in OF_FEWER
    own = number(found.get("observed"))
    least = (observed if own is None else int(own)) if public else None if apart else floor
    return stated_values(None, found["point"], found["low"], found["high"], least)


def telling(values: Rounded, *, public: bool, floor: int | None) -> bool:
    """Return whether an interval without some of the lists would tell how many are on none of the others."""
    return not public and floor is not None and not values.low >= floor


def published_record(results: Results) -> dict[str, Any]:
    """Return the published numbers of a result as plain values: what page, terminal and release show of it.

    ``parts`` (the whole first) and ``yearly_mean`` have ``levels``, ``registered``, ``estimated``, ``in_view``,
    ``dark_figure``, ``hidden_for_each_seen``, ``per_100k``, ``prob``, ``status``, ``standing`` ("published",
    "coarsened" where the count is rounded on purpose, "withheld") and ``verdict``; ``beside`` is the total if the
    identifying assumption held exactly, ``methods`` the comparison. A number that is withheld is null.
    """
    found = published_parts(results)
    return {
        "parts": [_part_record(part, found.prob) for part in found.parts if part.possible],
        "yearly_mean": None if found.yearly is None else _part_record(found.yearly, found.prob),
        "beside": _ends(found.beside, "ok"),
        "methods": [
            {"method": x.method, "label": x.label, "headline": x.headline, "estimated": _ends(x.size, x.status),
             "prob": x.prob, "status": x.status}
            for x in published_methods(results)
        ],
    }  # fmt: skip


def _part_record(part: Part, prob: float) -> dict[str, Any]:
    return {
        "levels": dict(part.levels), "registered": part.observed, "estimated": _ends(part.size, part.status),
        "in_view": _ends(part.view, part.followed), "dark_figure": _ends(part.hidden, part.followed),
        "hidden_for_each_seen": _ends(part.ratio, part.followed), "per_100k": _ends(part.rate, part.status),
        "prob": prob, "status": part.status, "standing": part.standing, "verdict": part.verdict,
    }  # fmt: skip


def _ends(values: Rounded | None, status: str) -> dict[str, float] | None:
    if status != OK or values is None or math.isnan(values.point):
        return None
    return {"point": values.point, "low": values.low, "high": values.high}
