"""What each figure shows, in a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mse.publish.facts.statements import Facts, MethodRow
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.rounding import Rounded

if TYPE_CHECKING:
    from mse.answers.distribution import Hump


def interval_name(facts: Facts, say: Catalogue) -> str:
    """Return "95% credible interval" or "95% confidence interval"."""
    kind = "credible" if facts.credible else "confidence"
    return say(f"interval.{kind}", percent=say.level(facts.estimate.prob))


def number_words(row: MethodRow, say: Catalogue) -> tuple[str, str]:
    """Return estimate and interval of one method in words; empty for what is not there."""
    span = "" if row.low is None or row.high is None else say.range(row.low, row.high)
    return "" if row.point is None else say.number(row.point), span


def methods_finding(facts: Facts, say: Catalogue) -> str:
    """Return what the comparison of methods shows."""
    found = [(row, row.point) for row in facts.methods if row.point is not None]
    if not found:
        return say("intervals.finding_none")
    first = found[0][0]
    point, span = number_words(first, say)
    values = {"label": first.label.text, "point": point, "range": span or say("intervals.no_interval")}
    if len(found) == 1:
        return say("intervals.finding_told" if facts.coarse else "intervals.finding_one", **values)
    points = [point for _, point in found]
    least, most = say.number(min(points)), say.number(max(points))
    key = "intervals.finding" if first.headline else "intervals.finding_others"
    return say(key, **values, count=len(found), least=least, most=most)


def hump_words(humps: Sequence[Hump], rounded: Rounded, say: Catalogue, key: str = "posterior.hump") -> list[str]:
    """Return one phrase per hump: its weight and where it peaks, in the unit of the headline."""
    return [
        say(key, weight=say.percent(hump.weight), peak=say.number(to_unit(hump.peak, rounded.unit))) for hump in humps
    ]


def to_unit(size: float, unit: float) -> float:
    """Return a size in whole units of rounding."""
    return math.floor(size / unit + 0.5) * unit


def posterior_finding(facts: Facts, rounded: Rounded, say: Catalogue) -> str:
    """Return what the curve shows."""
    humps = facts.humps
    ends = {"low": say.number(rounded.low), "high": say.number(rounded.high)}
    values = {"interval": interval_name(facts, say)} | ends
    if len(humps) == 1:
        finding = say("posterior.finding_one", peak=say.number(to_unit(humps[0].peak, rounded.unit)), **values)
    else:
        words = say.listing(hump_words(humps, rounded, say))
        finding = say("posterior.finding_humps", count=say.count_word(len(humps)), humps=words, **values)
    return " ".join([finding, *small_humps(facts, rounded, say)])


def small_humps(facts: Facts, rounded: Rounded, say: Catalogue) -> list[str]:
    """Return the sentence on humps that are too light for the verdict, if there are any."""
    words = say.listing(hump_words(facts.small_humps, rounded, say, "posterior.mark")) if facts.small_humps else ""
    return [say("posterior.small_humps", humps=words)] if words else []


def overlap_finding(facts: Facts, say: Catalogue) -> str:
    """Return what the overlap of the lists shows."""
    observed = sum(history.count for history in facts.histories)
    several = [history for history in facts.histories if len(history.lists) > 1]
    if not several:
        return say("overlap.finding_none", observed=say.number(observed))
    multiple, most = sum(history.count for history in several), several[0]
    return say(
        "overlap.finding",
        single=say.number(observed - multiple),
        observed=say.number(observed),
        share=say.percent((observed - multiple) / observed),
        multiple=say.number(multiple),
        lists=say.listing([facts.lists[j].title or facts.lists[j].name for j in most.lists]),
        count=say.number(most.count),
    )


def titled(lists: str, titles: Mapping[str, str]) -> str:
    """Return lists, of which several stand "A:B", "A & B" or "A, B", by what they are called."""
    return "".join(titles.get(part, part) for part in re.split(r"(:| & |, )", lists))
