"""The quality of the registers, and the checklist of GATHER filled from the record of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mse.answers.strata import ALL
from mse.publish.drawings.flowchart import flow_figure
from mse.publish.registrationquality import REGISTRATIONS, SafeFlow, column_quality, safe_flow, timeliness
from mse.publish.report.page import Block, Material, Row, Section, figure, paragraph, row, sheet
from mse.publish.wording.captions import interval_name
from mse.words.numerals import capital

CHECKS = ("sensitivity", "robustness", "checks")


def quality_section(m: Material) -> Section | None:
    """Return what was done with the registrations, step by step and by register, and how well columns are filled."""
    say = m.say
    flow, columns, times = safe_flow(m.results), column_quality(m.results), timeliness(m.results)
    if flow is None and not columns and not times:
        return None
    blocks: list[Block] = [paragraph(say("quality.lead"), "lead"), *(_flow(flow, m) if flow else [])]
    called = m.facts.names
    if columns:
        heads = [
            say("quality_column.list"),
            say("quality.column"),
            *("#" + say(f"quality_column.{x}") for x in ("filled", "valid")),
        ]
        rows = [row(called.get(x.list, x.list), x.column, _share(x.filled, m), _share(x.valid, m)) for x in columns]
        blocks.append(sheet(say("quality.columns"), [*heads], rows))
    if times:
        heads = [say("quality_column.list"), *("#" + say(f"quality_column.{x}") for x in ("median", "most", "late"))]
        rows = [
            row(called.get(x.list, x.list), _count(x.median, m), _count(x.most, m), _share(x.late, m)) for x in times
        ]
        blocks.append(sheet(say("quality.times"), [*heads], rows))
    if not m.facts.public:
        blocks.append(paragraph(say("quality.note"), "lead"))
    return Section("quality", say("section.quality"), tuple(blocks))


def _flow(flow: SafeFlow, m: Material) -> list[Block]:
    """Return the steps from delivery to persons; persons by list, and by number of lists, of a public table only."""
    say, public = m.say, m.facts.public
    told = []
    for step in flow.steps:
        lost = flow.lost.get((step, ALL))
        gone = "" if lost is None else f"− {say.number(lost)}"
        told.append((say.known("step", step), _count(flow.counts.get((step, ALL)), m), gone))
    rows = [step for step in flow.steps if step in REGISTRATIONS]
    ends = [flow.counts.get((step, ALL)) for step in (rows[0], rows[-1])] if rows else []
    words = [say.number(x) for x in ends if x is not None]
    finding = say("quality.finding", first=words[0], last=words[1]) if len(words) == 2 else ""
    persons = flow.counts.get(("persons", ALL))
    if persons is not None:
        key = "quality.persons" if finding else "quality.persons_alone"
        finding = f"{finding} {say(key, persons=say.number(persons))}".strip()
    heads = [say("quality.step"), *(f"#{m.facts.names.get(x, x)}" for x in flow.lists), "#" + say("quality.all")]
    cells = []
    for step, (name, count, _) in zip(flow.steps, told, strict=True):
        shown = public or step in rows
        cells.append(row(name, *(_count(flow.counts.get((step, x)), m) if shown else "" for x in flow.lists), count))
    finding = finding or say("quality.closed")
    drawn = figure(lambda width: flow_figure(told, finding, width), finding)
    return [*drawn, sheet(say("quality.table"), [*heads], cells)]


def _count(value: float | None, m: Material) -> str:
    """Return a number, or that it is not shown."""
    return m.say("strata.withheld") if value is None else m.say.number(value)


def _share(value: float | None, m: Material) -> str:
    """Return a share in whole percent, or that it is not shown."""
    return m.say("strata.withheld") if value is None else m.say.percentage(value, 0)


def gather_section(m: Material, sections: Sequence[Section]) -> Section:
    """Return the eighteen items of GATHER with what the record has, or that it has nothing."""
    say = m.say
    rows: list[Row] = []
    for i, said in enumerate(_gather(m, {section.key: section.title for section in sections}), 1):
        parts = [part.rstrip(".") for part in said if part]
        words = "; ".join(parts)
        # A name of a file or program keeps its small letter.
        first = words[:1] if "." in words.split(" ")[0] or words.startswith("mse") else capital(words)[:1]
        words = first + words[1:].rstrip(".") + "." if words else say("gather.missing")
        rows.append(row(f"{i}. {say(f'gather.i{i}')}", words))
    heads = [say("gather.item"), say("gather.here")]
    lead = paragraph(say("gather.lead"), "lead")
    return Section("gather", say("section.gather"), (lead, sheet(say("gather.table"), [*heads], rows)), True)


def _gather(m: Material, titles: Mapping[str, str]) -> list[list[str | None]]:
    """Return what there is for every item, in order."""
    say, facts, head = m.say, m.facts, m.results.headline
    estimate = facts.estimate

    def seen(*keys: str) -> str | None:
        found = [say("gather.quoted", section=titles[key]) for key in keys if key in titles]
        return say("gather.seen", sections=say.listing(found)) if found else None

    span = "period.span" if len(facts.period) > 1 else "period.one"
    period = say(span, start=facts.period[0], end=facts.period[-1]) if facts.period else say("gather.missing").lower()
    place = say.messages.get(f"territory.{facts.territory}", facts.territory)
    where = say("headline.where", territory=place) if place else ""
    indicator = say("gather.indicator", persons=facts.noun or say("headline.persons"), where=where, period=period)
    named = [f"{x.name} ({x.title})" if x.title else x.name for x in facts.lists]
    lists = say("gather.lists", count=say.count_word(len(named)), lists=say.listing(named))
    verdict = estimate.verdict
    spoken = (len(verdict.reasons), len(verdict.checked)) if verdict else (0, 0)
    spoke = {0: "gather.rules_none", 1: "gather.rules_one"}.get(spoken[0], "gather.rules")
    rules = say(spoke, spoke=say.count_word(spoken[0]), checked=say.number(spoken[1])) if verdict else None
    inside, outside = (
        say.listing([say.said(x) for x in part]) or say("gather.missing").lower().rstrip(".")
        for part in (head.inside, head.outside)
    )
    version = m.results.record.engine
    extracted = facts.extracted
    assumed = say.listing([say.said(x) for x in head.assumptions])
    return [
        [indicator, facts.population],
        [facts.texts.get("funding")],
        [_access(m), extracted and say("gather.extracted", date=say.date(extracted))],
        [facts.texts.get("inclusion"), _exclusions(m)],
        [lists, facts.publisher, seen("overlap", "quality", "sources")],
        [seen("quality"), *(str(note) for note in facts.notes)],
        [seen("indicators", "survey", "chain")],
        [None if facts.public else say("gather.closed"), _contact(m), seen("sources") if facts.public else None],
        [seen("meaning")],
        [seen("meaning", "provenance"), *head.citations],
        [seen("models", "intervals")],
        [rules, seen("verdict", *CHECKS)],
        [say("gather.interval", interval=interval_name(facts, say), inside=inside, outside=outside)],
        [version and say("gather.engine", version=version)],
        [say("gather.files")],
        [None if facts.observed is None  # every number is left out with that of the persons registered
         else say.range(m.said.rounded.low, m.said.rounded.high) + f" ({interval_name(facts, say)})"
         + (f", {say('key.not_cited')}" if m.said.judgement in ("refuse", "unjudged") else "")],
        [facts.texts.get("evidence"), seen("survey")],
        [say("gather.assumed", assumptions=assumed) if assumed else None, *(reason.text for reason in m.said.reasons)],
    ]  # fmt: skip


def _access(m: Material) -> str | None:
    """Return where the data came from."""
    say, record = m.say, m.results.record
    if m.facts.public and m.facts.name:
        return say("gather.public", name=m.facts.name)
    if record.job.contracts:
        return say("gather.registers", count=say.count_word(len(record.job.contracts)))
    name = record.table.file and record.table.file.name
    return say("gather.file", name=name) if name else None


def _exclusions(m: Material) -> str:
    """Return which lists were merged or left out."""
    say, job = m.say, m.results.record.job
    merged = ["+".join(names) for names in job.merged.values()]
    said = [say("gather.merged", lists=say.listing(merged))] if merged else []
    said += [say("gather.dropped", lists=say.listing(job.dropped))] if job.dropped else []
    return "; ".join(said) or say("gather.nothing_dropped")


def _contact(m: Material) -> str | None:
    contact = m.facts.texts.get("contact")
    return contact and m.say("gather.contact", contact=contact)
