"""Sentences about a result: rounding, the headline, findings of the figures, and the terminal summary.

Every sentence stands in a message catalogue, one file a language; here only names and numbers are filled in.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple

from mse.publish.facts import Facts, MethodRow, read_facts
from mse.publish.messages import Catalogue, read_catalogue

if TYPE_CHECKING:
    from mse.distribution import Hump
    from mse.estimates import Level, Reason, Verdict
    from mse.results import Results

TERMINAL_WIDTH, TERMINAL_LINES = 100, 24

Judgement = Literal["publish", "caution", "refuse", "unjudged"]


# ---- rounding ---------------------------------------------------------------------------------------


class Rounded(NamedTuple):
    """A point and its interval as they may be printed, and the unit that they were rounded to."""

    point: float
    low: float
    high: float
    unit: float


def rounding_unit(width: float) -> float:
    """Return the largest of 1, 5, 10, 50, ... that is at most a tenth of `width`; 1 below ten persons."""
    tenth = width / 10.0
    if not (math.isfinite(tenth) and tenth > 1.0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(tenth) + 1e-12)
    return max(power * step for step in (1.0, 5.0) if power * step <= tenth * (1.0 + 1e-12))


def round_interval(point: float, low: float, high: float, *, observed: int | None = None) -> Rounded:
    """Round an interval outward, and its point to the same unit.

    Parameters
    ----------
    point, low, high : float
        Persons, unrounded. An infinite `high` stays; the distance from `low` to `point` then gives the unit.
    observed : int or None
        Persons on at least one list. No total is smaller, so that rounding stops there.

    Returns
    -------
    Rounded
        Its unit is 1, 2 or 5 times a power of ten, at most a tenth of the width
        and of the point, at least one person.
    """
    # A unit of more than a tenth of the point would leave nothing of a point under a very long upper tail.
    unit = rounding_unit(min((high if math.isfinite(high) else point) - low, point))
    # A hair of tolerance: 9,000.0000001 is a product of floating point, not a reason to print 10,000.
    slack = 1e-9
    ends = (
        math.floor(low / unit + slack) * unit,
        math.ceil(high / unit - slack) * unit if math.isfinite(high) else high,
    )
    middle = math.floor(point / unit + 0.5) * unit
    floor = -math.inf if observed is None else float(observed)
    return Rounded(max(middle, floor), max(ends[0], floor), max(ends[1], floor), unit)


def round_point(point: float, digits: int = 3) -> float:
    """Return a number without an interval, to so many significant digits and never finer than a person."""
    if not math.isfinite(point) or point == 0:
        return point
    unit = max(1.0, 10.0 ** (math.floor(math.log10(abs(point))) - digits + 1))
    return math.floor(point / unit + 0.5) * unit


# ---- the headline -----------------------------------------------------------------------------------


def judgement(verdict: Verdict | None) -> Judgement:
    """Return the short name under which the catalogue speaks of a verdict."""
    return "unjudged" if verdict is None else judgement_of(verdict.level)


def judgement_of(level: Level) -> Judgement:
    """Return the short name of a level."""
    words: dict[str, Judgement] = {
        "publish": "publish", "publish with caution": "caution", "do not publish": "refuse",
    }  # fmt: skip
    return words[level]


@dataclass(frozen=True, slots=True)
class Headline:
    """What is said first: the verdict in words, and the sentence that never stands without it.

    Parameters
    ----------
    judgement : str
        ``"publish"``, ``"caution"``, ``"refuse"`` or ``"unjudged"``.
    verdict, meaning : str
        Its words.
    sentence : str
        To be cited, or the refusal in plain words.
    record : str or None
        The numbers, labelled as not for citation, where the sentence refuses.
    reasons : tuple of str
        Why, the gravest first.
    remarks : tuple of str
        Registers, publisher, period, population: what a reader must not blur.
    rounded : Rounded
        The numbers as printed.
    """

    judgement: Judgement
    verdict: str
    meaning: str
    sentence: str
    record: str | None
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]
    rounded: Rounded


def headline(facts: Facts, say: Catalogue) -> Headline:
    """Return the headline of a result in the words of a catalogue."""
    estimate = facts.estimate
    rounded = round_interval(estimate.point, estimate.low, estimate.high, observed=estimate.observed)
    judged = judgement(estimate.verdict)
    span = "span" if len(facts.period) > 1 else "one"
    when = {"start": facts.period[0], "end": facts.period[-1]} if facts.period else {}
    place = say.messages.get(f"territory.{facts.territory}", facts.territory)
    values = {
        "opening": say(f"period.opening_{span}", **when) if when else "",
        "tail": say(f"period.tail_{span}", **when) if when else "",
        "where": say("headline.where", territory=place) if place else "",
        "persons": facts.noun or say("headline.persons"),
        "observed": say.number(estimate.observed),
        "lists": say.count_word(len(facts.lists)),
        "point": say.number(rounded.point),
        "interval": interval_name(facts, say),
        "range": say.range(rounded.low, rounded.high),
    }
    cited = say("headline.bound" if estimate.method == "chao" else "headline.sentence", **values)
    sentence = say("headline.refusal", **values) if judged == "refuse" else cited
    record = say("headline.record", **values) if judged == "refuse" else None
    if judged == "unjudged":
        sentence, record = say("verdict.unjudged.meaning"), say("headline.unjudged_record", sentence=cited)
    verdict = estimate.verdict
    return Headline(
        judgement=judged,
        verdict=say(f"verdict.{judged}.name"),
        meaning=say(f"verdict.{judged}.meaning"),
        sentence=sentence,
        record=record,
        reasons=() if verdict is None else tuple(reason_sentence(r, facts, rounded, say) for r in verdict.reasons),
        remarks=tuple(_remarks(facts, say)),
        rounded=rounded,
    )


def reason_sentence(reason: Reason, facts: Facts, rounded: Rounded, say: Catalogue) -> str:
    """Return one finding of the assessment in the words of the catalogue, or its own where that has none."""
    figure = reason.figures.get("figure", 0.0)
    template = say.messages.get(f"reason.{reason.code}.{judgement_of(reason.level)}")
    template = template or say.messages.get(f"reason.{reason.code}.text")
    if template is None:
        return _sentence(reason.text)
    # A table without a second list on anybody has no largest pair; its sentence then names none.
    pair = largest_pair(facts)
    if "{pair}" in template and not pair:
        return _sentence(reason.text)
    return template.format(
        figure=say.figure(round(figure, 2)),
        factor=say.number(figure, 1) if math.isfinite(figure) else say.number(figure),
        share=say.percent(figure),
        lowest=say.number(round_point(reason.figures.get("lowest", math.nan))),
        highest=say.number(round_point(reason.figures.get("highest", math.nan))),
        limit=say.figure(reason.figures.get("caution_below", math.inf)),
        count=say.count_word(len(facts.humps)),
        humps=say.listing(hump_words(facts.humps, rounded, say)),
        pair=say.listing(pair),
    )


def largest_pair(facts: Facts) -> list[str]:
    """Return the two lists that share most persons; nothing where no lists overlap."""
    shared: dict[tuple[int, int], int] = {}
    for history in facts.histories:
        for pair in combinations(history.lists, 2):
            shared[pair] = shared.get(pair, 0) + history.count
    return [facts.lists[j].name for j in max(shared, key=shared.__getitem__)] if shared else []


def _sentence(text: str) -> str:
    """Return a phrase with a capital and a full stop."""
    return text[:1].upper() + _closed(text[1:]) + "."


def _remarks(facts: Facts, say: Catalogue) -> list[str]:
    registers = [say("headline.list", title=row.title, name=row.name) if row.title else row.name for row in facts.lists]
    said = [say("headline.registers", lists=_closed(say.listing(registers)))]
    if facts.population:
        said.append(say("headline.population", population=_closed(facts.population)))
    if facts.publisher:
        said.append(say("headline.publisher", publisher=_closed(facts.publisher)))
    if len(facts.period) > 1:
        said.append(say("period.whole", start=facts.period[0], end=facts.period[-1]))
    return said


def _closed(text: str) -> str:
    """Return the text without a full stop at its end, for a sentence that brings its own."""
    return text.rstrip(". ")


def interval_name(facts: Facts, say: Catalogue) -> str:
    """Return "95% credible interval" or "95% confidence interval"."""
    kind = "credible" if facts.credible else "confidence"
    return say(f"interval.{kind}", percent=say.level(facts.estimate.prob))


# ---- findings ---------------------------------------------------------------------------------------


def printed(row: MethodRow, facts: Facts) -> Rounded | None:
    """Return the numbers of one method as they are printed, without an interval as not-a-number ends."""
    if row.point is None:
        return None
    if row.low is None or row.high is None:
        return Rounded(round_point(row.point), math.nan, math.nan, 1.0)
    return round_interval(row.point, row.low, row.high, observed=facts.estimate.observed)


def method_numbers(row: MethodRow, facts: Facts, say: Catalogue) -> tuple[str, str]:
    """Return estimate and interval of one method in words; empty for what is not there."""
    numbers = printed(row, facts)
    if numbers is None:
        return "", ""
    return say.number(numbers.point), "" if math.isnan(numbers.low) else say.range(numbers.low, numbers.high)


def methods_finding(facts: Facts, say: Catalogue) -> str:
    """Return what the comparison of methods shows."""
    found = [(row, numbers.point) for row in facts.methods if (numbers := printed(row, facts))]
    if not found:
        return say("intervals.finding_none")
    first = found[0][0]
    point, span = method_numbers(first, facts, say)
    values = {"label": first.label, "point": point, "range": span or say("intervals.no_interval")}
    if len(found) == 1:
        return say("intervals.finding_one", **values)
    points = [point for _, point in found]
    least, most = say.number(min(points)), say.number(max(points))
    key = "intervals.finding" if first.headline else "intervals.finding_others"
    return say(key, **values, count=len(found), least=least, most=most)


def hump_words(humps: Sequence[Hump], rounded: Rounded, say: Catalogue, key: str = "posterior.hump") -> list[str]:
    """Return one phrase per hump: its weight and where it peaks, in the unit of the headline."""
    return [
        say(key, weight=say.percent(hump.weight), peak=say.number(_to_unit(hump.peak, rounded.unit))) for hump in humps
    ]


def _to_unit(size: float, unit: float) -> float:
    return math.floor(size / unit + 0.5) * unit


def posterior_finding(facts: Facts, rounded: Rounded, say: Catalogue) -> str:
    """Return what the curve shows."""
    humps = facts.humps
    ends = {"low": say.number(rounded.low), "high": say.number(rounded.high)}
    values = {"interval": interval_name(facts, say)} | ends
    if len(humps) == 1:
        finding = say("posterior.finding_one", peak=say.number(_to_unit(humps[0].peak, rounded.unit)), **values)
    else:
        words = say.listing(hump_words(humps, rounded, say))
        finding = say("posterior.finding_humps", count=say.count_word(len(humps)), humps=words, **values)
    return " ".join([finding, *_small_humps(facts, rounded, say)])


def _small_humps(facts: Facts, rounded: Rounded, say: Catalogue) -> list[str]:
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
        lists=say.listing([facts.lists[j].name for j in most.lists]),
        count=say.number(most.count),
    )


# ---- the terminal -----------------------------------------------------------------------------------


def terminal_summary(results: Results, report: str | None = None) -> str:
    """Return the summary that a command prints: at most 24 lines of plain text.

    Parameters
    ----------
    results : Results
        Of the run.
    report : str or None
        Where the page is.
    """
    facts = read_facts(results)
    say = read_catalogue(facts.language or "en")
    said = headline(facts, say)
    lines = [say.shortened(facts.title, TERMINAL_WIDTH), *_wrapped(said.sentence)[:4]]
    lines.append(say("terminal.verdict", verdict=said.verdict.upper()))
    codes = [reason.code for reason in facts.estimate.verdict.reasons] if facts.estimate.verdict else []
    tail = [line for sentence in _small_humps(facts, said.rounded, say) for line in _wrapped(sentence)]
    if len(facts.humps) > 1 and "humps" not in codes:
        humps = say.listing(hump_words(facts.humps, said.rounded, say, "posterior.mark"))
        tail = _wrapped(say("terminal.humps", humps=humps))[:2]
    closing = [say("terminal.report", path=report)] if report else []
    room = TERMINAL_LINES - len(lines) - len(tail) - len(closing)
    # The heads of the columns, the headline and one line more are always there.
    reasons = _reason_lines(said.reasons, max(1, room - min(len(facts.methods) + 1, 4)), say)
    table = _fitted(_method_lines(facts, said, say), room - len(reasons), say)
    return "\n".join([*lines, *reasons, *tail, *table, *closing])


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, TERMINAL_WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _reason_lines(reasons: Sequence[str], room: int, say: Catalogue) -> list[str]:
    """Return whole reasons as long as there is room; the last line says how many are missing."""
    blocks = [_wrapped("  - " + reason, "    ") for reason in reasons]
    kept = len(blocks)
    while kept and sum(map(len, blocks[:kept])) + (kept < len(blocks)) > room:
        kept -= 1
    missing = len(blocks) - kept
    lines = [line for block in blocks[:kept] for line in block]
    return [*lines, "  - " + say("terminal.more", count=missing)] if missing else lines


def _fitted(lines: list[str], room: int, say: Catalogue) -> list[str]:
    """Return as many lines as there is room for; the last one says how many are missing."""
    if len(lines) <= room:
        return lines
    return [*lines[: room - 1], "  " + say("terminal.more", count=len(lines) - room + 1)]


def _method_lines(facts: Facts, said: Headline, say: Catalogue) -> list[str]:
    """Return the comparison in aligned columns, the headline marked with a star."""
    not_cited = said.judgement in ("refuse", "unjudged")
    heads = [say("intervals.method"), say("intervals.point"), say("intervals.interval")]
    heads.append(f"({say('key.not_cited')})" if not_cited else "")
    rows = [["  " + heads[0], *heads[1:]]]
    for row in facts.methods:
        point, span = method_numbers(row, facts, say)
        label = ("* " if row.headline else "  ") + say.shortened(row.label, 40)
        failed = say("terminal.failed") + (f": {row.failure}" if row.failure else "")
        span = f"{say.level(row.prob)}: {span}" if span else say("intervals.no_interval")
        rows.append([label, point, span if row.failure is None else failed, ""])
    wide = [max(len(row[j]) for row in rows) for j in range(2)]
    lines = [f"{row[0]:<{wide[0]}}  {row[1]:>{wide[1]}}  {row[2]}  {row[3]}".rstrip() for row in rows]
    return [say.shortened(line, TERMINAL_WIDTH) for line in lines]
