"""Sentences about a result: the verdict, the headline, and the terminal summary.

Every sentence stands in a message catalogue, one file a language; here only names and numbers are filled in.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from mse.answers.estimates import JUDGEMENTS
from mse.answers.strata import EMPTY
from mse.publish.facts.margins import truth_of
from mse.publish.facts.statements import Facts, languages, read_facts
from mse.publish.registered import is_public
from mse.publish.wording.captions import hump_words, interval_name, number_words, small_humps, titled
from mse.publish.wording.messages import VERBATIM, Catalogue, Words, read_catalogue, words_of
from mse.publish.wording.partwords import judged_part, judged_parts
from mse.publish.wording.rounding import Rounded
from mse.publish.wording.terminaltext import cut_apart, terminal_width
from mse.words.numerals import capital
from mse.words.said import said, verbatim

if TYPE_CHECKING:
    from mse.answers.estimates import Level, Reason, Verdict
    from mse.answers.results import Results
    from mse.publish.publishedparts import PublishedParts

TERMINAL_WIDTH, TERMINAL_LINES = 100, 24
MOST_PART_LINES = 3
LABEL = 44
"""Characters that the name of a method always has in the comparison on the terminal."""

Judgement = Literal["publish", "caution", "refuse", "unjudged"]


def judgement(verdict: Verdict | None) -> Judgement:
    """Return the short name under which the catalogue speaks of a verdict."""
    return "unjudged" if verdict is None else judgement_of(verdict.level)


def judgement_of(level: Level) -> Judgement:
    """Return the short name of a level."""
    return JUDGEMENTS[level]


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
    latest : str or None
        The same of the last year alone, where the result has years.
    beside : str or None
        Which interval is cited, what it would be if the identifying assumption held exactly, and why the two differ.
    chosen : str or None
        Which method was chosen and why, where none was named.
    record : str or None
        The numbers, labelled as not for citation, where the sentence refuses.
    reasons : tuple of Words
        Why, the gravest first.
    account : tuple of str
        What was tried and what to change, where the computation did not settle.
    parts : tuple of str
        Which years are not to be cited on their own, or only with caution.
    remarks : tuple of str
        Registers, publisher, period, population: what a reader must not blur.
    rounded : Rounded
        The numbers as printed.
    """

    judgement: Judgement
    verdict: str
    meaning: str
    sentence: str
    latest: str | None
    beside: str | None
    chosen: str | None
    record: str | None
    reasons: tuple[Words, ...]
    account: tuple[str, ...]
    parts: tuple[str, ...]
    remarks: tuple[str, ...]
    rounded: Rounded


def headline(facts: Facts, say: Catalogue) -> Headline:
    """Return the headline of a result in the words of a catalogue; where it has years, of the last one too."""
    estimate, parts = facts.estimate, facts.published
    rounded = facts.published.whole.size
    judged = judgement(estimate.verdict)
    span = "span" if len(facts.period) > 1 else "one"
    when = {"start": facts.period[0], "end": facts.period[-1]} if facts.period else {}
    place = say.messages.get(f"territory.{facts.territory}", facts.territory)
    values = {
        "opening": say(f"period.opening_{span if when else 'none'}", **when),
        "tail": say(f"period.tail_{span}", **when) if when else "",
        "where": say("headline.where", territory=place) if place else "",
        "persons": facts.noun or say("headline.persons"),
        "observed": registered_words(facts, say),
        "lists": say.count_word(len(facts.lists)),
        "point": say.number(rounded.point),
        "interval": interval_name(facts, say),
        "range": say.range(rounded.low, rounded.high),
    }
    if facts.bound is not None:
        cited = say("headline.bound", condition=say(f"headline.bound_{facts.bound}"), **values)
    else:
        cited = say("headline.sentence", **values)
    refusal = "headline.refusal_computed" if facts.unsettled else "headline.refusal"
    sentence = say(refusal, **values) if judged == "refuse" else cited
    record = say("headline.record", **values) if judged == "refuse" and facts.observed is not None else None
    if judged == "unjudged":
        sentence = say("verdict.unjudged.meaning")
        record = None if facts.observed is None else say("headline.unjudged_record", sentence=cited)
    verdict = estimate.verdict
    latest = None if judged in ("refuse", "unjudged") else _latest(values, parts, say)
    return Headline(
        judgement=judged,
        verdict=say(f"verdict.{judged}.name"),
        meaning=say("verdict.refuse.computed" if facts.unsettled else f"verdict.{judged}.meaning"),
        sentence=sentence,
        latest=latest,
        beside=_beside(facts, say, latest is not None) if judged in ("publish", "caution") else None,
        chosen=None if estimate.chosen is None else _sentence(words_of(estimate.chosen, say).text),
        record=record,
        reasons=() if verdict is None else tuple(reason_sentence(r, facts, rounded, say) for r in verdict.reasons),
        account=facts.account,
        parts=tuple(judged_parts(parts.margin(parts.time), facts.names, say)) if parts.time and latest else (),
        remarks=tuple(_remarks(facts, parts, say)),
        rounded=rounded,
    )


def _beside(facts: Facts, say: Catalogue, years: bool) -> str | None:
    """Return the sentence on the interval if the identifying assumption held exactly; None where there is none.

    Beside the sentence on one year it names the total, for that is what it is about.
    """
    numbers = facts.published.beside
    if numbers is None:
        return None
    ends = {"point": say.number(numbers.point), "range": say.range(numbers.low, numbers.high)}
    if years:
        whole = facts.published.whole.size
        ends |= {"whole": say.number(whole.point), "whole_range": say.range(whole.low, whole.high)}
        return say("headline.beside_years", **ends)
    return say("headline.beside_two" if len(facts.lists) == 2 else "headline.beside", **ends)


def registered_words(facts: Facts, say: Catalogue) -> str:
    """Return how many were registered, or that it is not shown."""
    return say("strata.withheld") if facts.observed is None else say.number(facts.observed)


def _latest(values: Mapping[str, str], parts: PublishedParts, say: Catalogue) -> str | None:
    """Return the sentence on the last year; None where nothing is time or that year has no number to cite."""
    if parts.time is None:
        return None
    last = parts.margin(parts.time)[-1]
    if not last.stated or last.observed is None:
        return None
    numbers = {"observed": say.number(last.observed), "point": say.number(last.size.point)}
    numbers["range"] = say.range(last.size.low, last.size.high)
    told = say("headline.year", **{**values, **numbers, "year": last.levels[parts.time]})
    if last.verdict == "publish with caution" and parts.whole.verdict == "publish":
        return say("headline.year_caution", sentence=told, year=last.levels[parts.time])
    return told


def reason_sentence(reason: Reason, facts: Facts, rounded: Rounded, say: Catalogue) -> Words:
    """Return one finding of the assessment in the words of the catalogue, or those it was saved with."""
    finding = reason.said
    values: dict[str, object] = dict(finding.values)
    if pair := largest_pair(facts):
        values.setdefault("pair", ":".join(pair))
    titles = {row.name: row.title for row in facts.lists if row.title}
    lists = {key: of for key in ("pair", "what", "inner", "outer") if isinstance(of := values.get(key), str)}
    values |= {key: titled(of, titles) for key, of in lists.items()}
    if facts.humps:
        # In the unit of the headline, and counted as the page counts them.
        values |= {"count": len(facts.humps), "humps": tuple(hump_words(facts.humps, rounded, say))}
    if "dimension" in reason.names:
        values["dimension"] = dimension_name(str(reason.names["dimension"]), facts.names, say)
    try:
        found = words_of(said(finding.code, **values), say)
    except KeyError:  # an older record lacks some names
        finding = verbatim(reason.told)
        found = words_of(finding, say)
    return Words(_sentence(found.text), found.language) if finding.code == VERBATIM else found


def dimension_name(name: str, names: Mapping[str, str], say: Catalogue) -> str:
    """Return what a dimension is called: by the job, else by the catalogue."""
    return names.get(name) or say.known("dimension", name)


def largest_pair(facts: Facts) -> list[str]:
    """Return the two lists that share most persons; nothing where no lists overlap."""
    shared: dict[tuple[int, int], int] = {}
    for history in facts.histories:
        for pair in combinations(history.lists, 2):
            shared[pair] = shared.get(pair, 0) + history.count
    return [facts.lists[j].title or facts.lists[j].name for j in max(shared, key=shared.__getitem__)] if shared else []


def _sentence(text: str) -> str:
    """Return a phrase with a capital and a full stop."""
    return _closed(capital(text)) + "."


def _remarks(facts: Facts, parts: PublishedParts, say: Catalogue) -> list[str]:
    registers = [say("headline.list", title=row.title, name=row.name) if row.title else row.name for row in facts.lists]
    said = [say("headline.registers", lists=_closed(say.listing(registers)))]
    if facts.population:
        said.append(say("headline.population", population=_closed(facts.population)))
    if facts.publisher:
        said.append(say("headline.publisher", publisher=_closed(facts.publisher)))
    if extracted := facts.extracted:
        said.append(say("headline.extracted", date=say.date(extracted)))
    if parts.time is not None:
        said.append(say("headline.years_person" if facts.unit == "person-year" else "headline.years"))
    elif len(facts.period) > 1:
        said.append(say("period.whole", start=facts.period[0], end=facts.period[-1]))
    return said


def _closed(text: str) -> str:
    """Return the text without a full stop at its end, for a sentence that brings its own."""
    return text.rstrip(". ")


# ---- the terminal -----------------------------------------------------------------------------------


def terminal_summary(results: Results, report: str | None = None) -> str:
    """Return the summary that a command prints: at most 24 lines of plain text, and one for every year if it has them.

    Parameters
    ----------
    results : Results
        Of the run.
    report : str or None
        Where the page is.
    """
    say = read_catalogue(languages(results)[0])
    facts = read_facts(results, say)
    parts = facts.published
    said = headline(facts, say)
    lines = [*_wrapped(say.shortened(facts.title, TERMINAL_WIDTH)), *_wrapped(said.latest or said.sentence)[:4]]
    lines.append(say("terminal.verdict", verdict=said.verdict.upper()))
    lines += _wrapped(said.beside) if said.beside else []
    lines += _wrapped(say("terminal.coarse")) if facts.coarse else []
    codes = [reason.code for reason in facts.estimate.verdict.reasons] if facts.estimate.verdict else []
    tail = [line for sentence in small_humps(facts, said.rounded, say) for line in _wrapped(sentence)]
    if len(facts.humps) > 1 and "humps" not in codes:
        humps = say.listing(hump_words(facts.humps, said.rounded, say, "posterior.mark"))
        tail = _wrapped(say("terminal.humps", humps=humps))[:2]
    if said.judgement in ("publish", "caution"):
        tail += [line for dim in parts.dimensions for line in _part_lines(dim, parts, facts, say)]
    tail += [line for sentence in said.account for line in _wrapped(sentence)]
    tail += [line for sentence in _reading_lines(results, say) for line in _wrapped(sentence)]
    tail += _wrapped(said.chosen) if said.chosen else []
    closing = [say("terminal.report", path=report)] if report else []
    room = TERMINAL_LINES - len(lines) - len(tail) - len(closing)
    # The heads of the columns, the headline and one line more are always there.
    reasons = _reason_lines(
        [reason.text for reason in said.reasons], max(1, room - min(len(facts.methods) + 1, 4)), say
    )
    years = [] if parts.time is None else _year_lines(results, parts, say)
    table = _fitted(_method_lines(facts, said, say), max(4, room - len(reasons) - len(years)), say)
    return "\n".join([*lines, *reasons, *tail, *years, *table, *closing])


def _reading_lines(results: Results, say: Catalogue) -> list[str]:
    """Return what was added up and what was left out when the table was read, where that is anything."""
    table = results.record.table
    told = []
    for key, names in (("summed_over", table.summed_over), ("columns_not_read", table.columns_not_read)):
        told += [say(f"terminal.{key}", names=say.listing(names))] if names else []
    empty = [] if results.headline.strata is None else [
        name for name, flag in zip(results.headline.strata.names(), results.headline.strata.flags, strict=True)
        if EMPTY in flag
    ]  # fmt: skip
    if not empty:
        return told
    # Where nobody is, is a count like any other.
    return [
        *told,
        say("terminal.left_out", names=say.listing(empty)) if is_public(results) else say("terminal.left_out_some"),
    ]


def _part_lines(dim: str, parts: PublishedParts, facts: Facts, say: Catalogue) -> list[str]:
    """Return which parts of one breakdown are not to be cited on their own, or only with caution, and why."""
    found = parts.margin(dim)
    bad, doubtful = [], []
    for part in found:
        if part.stated:
            doubtful += [judged_part(part, part.doubtful[0], facts.names, say, rule=True)] if part.doubtful else []
        elif part.against:
            bad.append(judged_part(part, part.against[0], facts.names, say, rule=True))
        else:
            name = facts.names.get(part.levels[dim]) or say.known("level", part.levels[dim])
            bad.append(f"{name} ({say('strata.too_few').lower()})")
    lines = []
    for key, named in (("terminal.parts", bad), ("terminal.doubtful", doubtful)):
        if named:
            values = {"dimension": dimension_name(dim, facts.names, say), "bad": len(named), "count": len(found)}
            lines += _as_many_as_fit(named, partial(say, key, **values), say)
    return lines


def _as_many_as_fit(named: list[str], sentence: Callable[..., str], say: Catalogue) -> list[str]:
    """Return the lines of a sentence on several parts; of those that do not fit it says how many there are."""
    for shown in range(len(named), 0, -1):
        more = [] if shown == len(named) else [say("terminal.more_parts", count=say.count_word(len(named) - shown))]
        lines = _wrapped(sentence(named=say.listing([*named[:shown], *more])))
        if len(lines) <= MOST_PART_LINES:
            break
    return lines


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, _width(), subsequent_indent=indent, break_on_hyphens=False)


def _width() -> int:
    """Return the characters of a line: those of the terminal, but no more than are read with ease."""
    return min(terminal_width() or TERMINAL_WIDTH, TERMINAL_WIDTH)


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


def _year_lines(results: Results, parts: PublishedParts, say: Catalogue) -> list[str]:
    """Return registered, estimate and interval of every year in aligned columns; the truth too where it is known."""
    assert parts.time is not None
    years = parts.dimensions[parts.time]
    truth = truth_of(results, parts.time, years)
    heads = ["", *(say(f"strata.{key}") for key in ("registered", "estimated", "interval"))]
    rows = [[*heads, say("trend.truth")] if truth else heads]
    for i, (year, part) in enumerate(zip(years, parts.margin(parts.time), strict=True)):
        seen = say("strata.withheld") if part.observed is None else say.number(part.observed)
        numbers = [say.number(part.size.point), say.range(part.size.low, part.size.high)]
        why = "key.not_cited" if part.unstated == "not_cited" else f"strata.{part.unstated}"
        numbers = numbers if part.stated else [say(why), ""]
        cells = [year, seen, *numbers]
        rows.append([*cells, say.number(truth[i])] if truth else cells)
    wide = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    return ["  " + "  ".join(f"{x:>{w}}" for x, w in zip(row, wide, strict=True)).rstrip() for row in rows]


def _method_lines(facts: Facts, said: Headline, say: Catalogue) -> list[str]:
    """Return the comparison in aligned columns, the headline marked with a star."""
    not_cited = said.judgement in ("refuse", "unjudged")
    first = say("intervals.method") + (f" ({say('key.not_cited')})" if not_cited else "")
    rows = [["  " + first, say("intervals.point"), say("intervals.interval")]]
    labels = [row.label.text for row in facts.methods]
    for row, name in zip(facts.methods, labels, strict=True):
        point, span = number_words(row, say)
        failed = say("terminal.failed") + (f": {row.failure}" if row.failure and row.failure.text else "")
        span = f"{say.level(row.prob)}: {span}" if span else say("intervals.no_interval")
        rows.append([("* " if row.headline else "  ") + name, point, span if row.failure is None else failed])
    ends = [len(row[2]) for row, method in zip(rows[1:], facts.methods, strict=True) if method.failure is None]
    room = max(LABEL, _width() - 6 - max(len(row[1]) for row in rows) - max(ends, default=0))
    for cells, name in zip(rows[1:], cut_apart(labels, room, say.messages["format.ellipsis"]), strict=True):
        cells[0] = cells[0][:2] + name
    wide = [max(len(row[j]) for row in rows) for j in range(2)]
    lines = [f"{row[0]:<{wide[0]}}  {row[1]:>{wide[1]}}  {row[2]}".rstrip() for row in rows]
    longest = max(TERMINAL_WIDTH, *(len(x) + 40 for x in labels)) if labels else TERMINAL_WIDTH
    return [part for line in lines for part in _wrapped(say.shortened(line, longest), "      ")]
