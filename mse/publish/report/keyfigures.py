"""The key figures: few numbers, each with its interval and the year that it is about."""

from __future__ import annotations

from mse.publish.indicators.partnumbers import Part
from mse.publish.publishedparts import PublishedParts
from mse.publish.report.page import Key, Keys, Material
from mse.publish.report.partsections import level
from mse.publish.wording.captions import interval_name


def key_figures(m: Material, parts: PublishedParts) -> tuple[Keys, ...]:
    """Return the key figures: the last year and the mean of the years where there are several, then the whole.

    None are given where no number may be cited.
    """
    if m.said.judgement not in ("publish", "caution"):
        return ()
    facts, say = m.facts, m.say
    span = "period.span" if len(facts.period) > 1 else "period.one"
    when = say(span, start=facts.period[0], end=facts.period[-1]) if facts.period else ""
    groups = []
    if parts.time is not None and parts.yearly is not None:
        years = parts.dimensions[parts.time]
        last = parts.margin(parts.time)[-1]
        if last.stated:
            groups.append(_group(say("key.year", year=level(years[-1], m)), last, m))
        ends = {"first": level(years[0], m), "last": level(years[-1], m)}
        groups.append(_group(say("key.mean", **ends), parts.yearly, m))
        when = say("key.whole", **ends)
    groups.append(_group(when, parts.whole, m))
    return tuple(groups)


def _group(title: str, part: Part, m: Material) -> Keys:
    """Return registered, estimate, interval and share in view of one year or period."""
    facts, say = m.facts, m.say
    note = "key.interval_note" if facts.credible else "key.interval_note_confidence"
    keys = [
        Key(say("key.point"), say.number(part.size.point), say("key.point_note")),
        Key(
            interval_name(facts, say),
            say.range(part.size.low, part.size.high),
            say(note, percent=say.level(facts.estimate.prob)),
        ),
    ]
    if part.observed is not None:
        ends = say("format.range", low=say.share(part.view.low), high=say.share(part.view.high))
        keys.insert(0, Key(say("key.observed"), say.number(part.observed), say("key.observed_note")))
        keys.append(Key(say("key.share"), say.share(part.view.point), f"{ends}; {say('key.share_note')}"))
    return Keys(title, tuple(keys))
