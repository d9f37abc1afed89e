"""The quality of the registers, and the checklist of GATHER filled from the record of the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mse.answers.strata import ALL
from mse.publish.drawings.flowchart import flow_figure
from mse.publish.facts.entries import items, mapping, text
from mse.publish.report.accountability import versions
from mse.publish.report.dependence import Record, records
from mse.publish.report.page import Block, Column, Drawing, Material, Row, Section, paragraph, row, sheet
from mse.publish.wording.captions import interval_name

SMALL_COUNT = 10
REGISTRATIONS = ("delivered", "valid", "distinct", "in period", "without referrals")
"""Steps that count registrations; those after them count persons."""

CHECKS = ("sensitivity", "robustness", "checks")


def quality_section(m: Material) -> Section | None:
    """Return what was done with the registrations, step by step and by register, and what was found about them."""
    say = m.say
    flow, found = records(m, "flow"), records(m, "quality")
    if not flow and not found:
        return None
    blocks: list[Block] = [paragraph(say("quality.lead"), "lead"), *(_flow(flow, m) if flow else [])]
    if found:
        columns = [Column(say.known("quality_column", name), numeric=_numeric(name, found)) for name in found[0]]
        rows = [row(*(_shown(value, m) for value in x.values())) for x in found]
        blocks.append(sheet(say("quality.findings"), [*columns], rows, wide=True))
    return Section("quality", say("section.quality"), tuple(blocks))


def _flow(flow: Sequence[Record], m: Material) -> list[Block]:
    """Return the steps from delivery to persons; persons by list, and by number of lists, of a public table only."""
    say = m.say
    public = m.facts.public
    steps = [x for x in dict.fromkeys(str(x["step"]) for x in flow) if public or not x.startswith("on ")]
    lists = [x for x in dict.fromkeys(str(x["list"]) for x in flow) if x != ALL]
    counts = {(str(x["step"]), str(x["list"])): int(x["count"]) for x in flow}
    sums = {step: counts.get((step, ALL), sum(counts.get((step, x), 0) for x in lists)) for step in steps}
    told, before = [], ""
    for step in steps:
        lost = f"− {_count(sums[before] - sums[step], m)}" if {before, step} <= set(REGISTRATIONS) else ""
        told.append((say.known("step", step), _count(sums[step], m), lost))
        before = step
    rows = [step for step in steps if step in REGISTRATIONS]
    ends = {"first": _count(sums[rows[0]], m), "last": _count(sums[rows[-1]], m)} if rows else {}
    finding = say("quality.finding", **ends) if ends else ""
    if "persons" in sums:
        finding = f"{finding} {say('quality.persons', persons=_count(sums['persons'], m))}".strip()
    heads = [say("quality.step"), *(f"#{m.facts.names.get(x, x)}" for x in lists), "#" + say("quality.all")]
    cells = []
    for step, (name, count, _) in zip(steps, told, strict=True):
        shown = public or step in rows
        cells.append(row(name, *(_count(counts.get((step, x)), m) if shown else "" for x in lists), count))
    drawn = Drawing(flow_figure(told, finding), finding)
    return [drawn, sheet(say("quality.table"), [*heads], cells, wide=len(lists) > 3)]


def _count(value: object, m: Material) -> str:
    """Return a count of registrations; a small one only where the table is public."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        return ""
    small = 0 < value < SMALL_COUNT and not m.facts.public
    return m.say("quality.few", count=SMALL_COUNT) if small else m.say.number(value)


def _numeric(name: str, found: Sequence[Record]) -> bool:
    return all(isinstance(x[name], (int, float)) for x in found)


def _shown(value: object, m: Material) -> str:
    if isinstance(value, bool):
        return m.say("checks.yes" if value else "checks.no")
    if isinstance(value, float) and not value.is_integer():
        return "" if math.isnan(value) else m.say.figure(value)
    return _count(value, m) if isinstance(value, (int, float)) else m.say.phrase(str(value)).text


def gather_section(m: Material, sections: Sequence[Section]) -> Section:
    """Return the eighteen items of GATHER with what the record has, or that it has nothing."""
    say = m.say
    rows: list[Row] = []
    for i, said in enumerate(_gather(m, {section.key: section.title for section in sections}), 1):
        parts = [part.rstrip(".") for part in said if part]
        words = "; ".join(parts)
        # A name of a file or program keeps its small letter.
        first = words[:1] if "." in words.split(" ")[0] or words.startswith("mse") else words[:1].upper()
        words = first + words[1:].rstrip(".") + "." if words else say("gather.missing")
        rows.append(row(f"{i}. {say(f'gather.i{i}')}", words))
    heads = [say("gather.item"), say("gather.here")]
    lead = paragraph(say("gather.lead"), "lead")
    return Section("gather", say("section.gather"), (lead, sheet(say("gather.table"), [*heads], rows)))


def _gather(m: Material, titles: Mapping[str, str]) -> list[list[str | None]]:
    """Return what there is for every item, in order."""
    say, facts, head, provenance = m.say, m.facts, m.results.headline, m.results.provenance
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
    rules = say("gather.rules", spoke=say.number(spoken[0]), checked=say.number(spoken[1])) if verdict else None
    inside, outside = (
        say.listing([say.phrase(x).text for x in part]) or say("gather.missing").lower().rstrip(".")
        for part in (head.inside, head.outside)
    )
    version = text(versions(provenance).get("mse-engine"))
    extracted = facts.texts.get("extracted")
    assumed = say.listing([say.phrase(x).text for x in head.assumptions])
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
        [say.range(m.said.rounded.low, m.said.rounded.high) + f" ({interval_name(facts, say)})"
         + (f", {say('key.not_cited')}" if m.said.judgement in ("refuse", "unjudged") else "")],
        [facts.texts.get("evidence"), seen("survey")],
        [say("gather.assumed", assumptions=assumed) if assumed else None, *(reason.text for reason in m.said.reasons)],
    ]  # fmt: skip


def _access(m: Material) -> str | None:
    """Return where the data came from."""
    say, table = m.say, mapping(m.results.provenance.get("table"))
    file = mapping(table.get("file"))
    if m.facts.public and m.facts.name:
        return say("gather.public", name=m.facts.name)
    contracts = items(mapping(mapping(m.results.provenance.get("job")).get("registers")).get("contracts"))
    if contracts:
        return say("gather.registers", count=say.count_word(len(contracts)))
    name = text(file.get("name"))
    return say("gather.file", name=name) if name else None


def _exclusions(m: Material) -> str:
    """Return which lists were merged or left out."""
    say, table = m.say, mapping(mapping(m.results.provenance.get("job")).get("table"))
    merged = ["+".join(map(str, items(names))) for names in mapping(table.get("merge")).values()]
    dropped = [str(x) for x in items(table.get("drop"))]
    said = [say("gather.merged", lists=say.listing(merged))] if merged else []
    said += [say("gather.dropped", lists=say.listing(dropped))] if dropped else []
    return "; ".join(said) or say("gather.nothing_dropped")


def _contact(m: Material) -> str | None:
    contact = m.facts.texts.get("contact")
    return contact and m.say("gather.contact", contact=contact)
