"""The key figures: few numbers, each with its interval and the year that it is about."""

from __future__ import annotations

from mse.publish.facts.partfacts import Parts
from mse.publish.report.page import Key, Keys, Material
from mse.publish.report.partsections import level
from mse.publish.wording.captions import interval_name
from mse.publish.wording.rounding import Rounded, rounded_values


def key_figures(m: Material, parts: Parts | None) -> tuple[Keys, ...]:
    """Return the key figures: the last year and the mean of the years where there are several, then the whole.

    None are given where no number may be cited.
    """
    if m.said.judgement not in ("publish", "caution"):
        return ()
    facts, say = m.facts, m.say
    span = "period.span" if len(facts.period) > 1 else "period.one"
    when = say(span, start=facts.period[0], end=facts.period[-1]) if facts.period else ""
    groups = []
    if parts is not None and parts.time is not None:
        years = parts.strata.dimensions[parts.time]
        last = parts.margin(parts.time)[-1]
        if last.stated:
            groups.append(_group(say("key.year", year=level(years[-1], m)), last.observed, last.rounded, m))
        ends = {"first": level(years[0], m), "last": level(years[-1], m)}
        mean = parts.yearly_mean()
        groups.append(_group(say("key.mean", **ends), mean.observed, mean.rounded, m))
        when = say("key.whole", **ends)
    groups.append(_group(when, facts.observed, m.said.rounded, m))
    return tuple(groups)


def _group(title: str, observed: int | None, rounded: Rounded, m: Material) -> Keys:
    """Return registered, estimate, interval and share in view of one year or period."""
    facts, say = m.facts, m.say
    note = "key.interval_note" if facts.credible else "key.interval_note_confidence"
    keys = [
        Key(say("key.point"), say.number(rounded.point), say("key.point_note")),
        Key(
            interval_name(facts, say),
            say.range(rounded.low, rounded.high),
            say(note, percent=say.level(facts.estimate.prob)),
        ),
    ]
    if observed is not None:
        # From the published numbers, as the indicators have it: no two of them disagree.
        middle, least, most = (observed / max(size, 1.0) for size in (rounded.point, rounded.high, rounded.low))
        seen = rounded_values(middle, least, most, "share")
        ends = say("format.range", low=say.share(seen.low), high=say.share(seen.high))
        keys.insert(0, Key(say("key.observed"), say.number(observed), say("key.observed_note")))
        keys.append(Key(say("key.share"), say.share(seen.point), f"{ends}; {say('key.share_note')}"))
    return Keys(title, tuple(keys))
