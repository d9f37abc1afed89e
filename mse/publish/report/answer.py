"""Sections on the estimate itself: other methods, the law of N, the lists, the models, what the interval holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mse.estimators.registry import METHODS
from mse.publish.drawings.overlap import overlap_figure
from mse.publish.drawings.sidebyside import interval_figure, posterior_figure
from mse.publish.facts.statements import MethodRow, ModelRow
from mse.publish.registered import list_counts
from mse.publish.report.page import (
    Block,
    Cell,
    Column,
    Drawing,
    Heading,
    Material,
    Row,
    Section,
    bullets,
    called,
    cell,
    entries,
    figure,
    paragraph,
    row,
    sheet,
)
from mse.publish.wording.captions import (
    interval_name,
    methods_finding,
    number_words,
    overlap_finding,
    posterior_finding,
)
from mse.publish.wording.messages import VERBATIM, Catalogue, Words, words_of
from mse.publish.wording.rounding import round_point
from mse.words.numerals import printed_as
from mse.words.said import Said

MOST_MODELS, MOST_INTERACTIONS = 10, 20
COARSE = 0.05
"""Step of weights and probabilities on the page of a table that is not public."""

FEW = 100
"""Settings up to here could be mistaken for a count of persons."""

MOST_LISTS = 8
"""Lists of a table that is not public whose totals are shown, after disclosure control over all pairs of them."""


def methods_section(m: Material) -> Section:
    """Return the comparison of methods."""
    facts, say = m.facts, m.say
    finding = methods_finding(facts, say)
    contained = any(found.contains for found in facts.methods)
    rows = [_method_row(found, contained, m) for found in facts.methods if found.point is not None]
    heads = [say("intervals.method"), "#" + say("intervals.point"), "#" + say("intervals.interval")]
    heads += [say("intervals.contains")] if contained else []
    table = [sheet(say("intervals.table"), [*heads], rows)] if rows else []
    why = [
        Words(
            say(
                "intervals.failed_why",
                label=found.label,
                why=found.failure if facts.public and str(found.failure or "") else unknown,
            )
        )
        for unknown in [say("intervals.failed_unknown")]
        for found in facts.methods
        if found.point is None
    ]
    failed: list[Block] = [Heading(say("intervals.failed")), bullets(why)] if why else []
    lead = paragraph(say("intervals.lead"), "lead")
    drawn = figure(lambda width: interval_figure(facts, m.said, finding, say, width), finding)
    return Section("intervals", say("section.intervals"), (lead, *drawn, *table, *failed))


def _method_row(found: MethodRow, contained: bool, m: Material) -> Row:
    say = m.say
    point, span = number_words(found, say)
    tag = f"{say('intervals.headline')}: {m.said.verdict.lower()}" if found.headline else ""
    interval = cell(span, say.level(found.prob)) if span else cell(say("intervals.no_interval"))
    cells: list[Cell | Words] = [cell(found.label, found.kind, tag), cell(point), interval]
    inside = [joined(found.contains, say)] if contained else []
    return row(*cells, *inside, tone="main" if found.headline else "")


def posterior_section(m: Material) -> Section | None:
    """Return the curve of N; none where its ends may only be told coarsely, for a curve can be measured."""
    facts, say = m.facts, m.say
    if facts.coarse:
        return None
    finding = posterior_finding(facts, m.said.rounded, say)
    law = m.results.headline.distribution
    key = "posterior.lead" if facts.credible else "posterior.lead_sampling"
    blocks = figure(lambda width: posterior_figure(law, facts, m.said, finding, say, width), finding)
    if isinstance(blocks[0], Drawing):
        blocks.insert(0, paragraph(say(key, interval=interval_name(facts, say)), "lead"))
    else:
        blocks = [paragraph(say("posterior.single"))]
    if len(facts.humps) > 1:
        blocks.append(paragraph(say("posterior.not_one")))
    title = say("section.posterior" if facts.credible else "section.sampling")
    return Section("posterior", title, tuple(blocks))


def overlap_section(m: Material) -> Section:
    """Return the lists, and who is on which where the table is public."""
    facts, say = m.facts, m.say
    known = bool(facts.histories)
    finding = overlap_finding(facts, say) if known else say("overlap.missing" if facts.public else "overlap.closed")
    blocks: list[Block] = [paragraph(say("overlap.lead"), "lead")] if known else []
    blocks += figure(lambda width: overlap_figure(facts, finding, say, width), finding)
    titled = any(found.title for found in facts.lists)
    closed = None if facts.public or len(facts.lists) > MOST_LISTS else list_counts(m.results)
    heads = [say("overlap.list"), *([say("overlap.title")] if titled else [])]
    heads += ["#" + say("overlap.total")] if known or closed else []
    heads += ["#" + say("overlap.shared")] if known else []
    rows = []
    for found in facts.lists:
        counts = []
        if closed is not None:
            total = closed.at(**{found.name: "on"}).count
            counts = [say("strata.withheld") if total is None else say.number(total)]
        if found.total is not None and found.shared is not None:
            share = say.percent(found.shared / found.total) if found.total else ""
            shared = say.number(found.shared)
            counts = [
                say.number(found.total),
                printed_as(shared, f"{shared} ({share})" if share else shared, share=share),
            ]
        rows.append(row(found.name, *([found.title or ""] if titled else []), *counts))
    blocks.append(sheet(say("overlap.table"), [*heads], rows))
    return Section("overlap", say("section.overlap"), tuple(blocks))


def models_section(m: Material) -> Section:
    """Return the heaviest models of an average."""
    facts, say = m.facts, m.say
    shown = [x for x in facts.models[:MOST_MODELS] if facts.public or x.weight >= COARSE] or [*facts.models[:1]]
    if not shown:
        return Section("models", say("section.models"), (paragraph(say(f"models.{_kind_of(m)}")),))
    blocks: list[Block] = [paragraph(say("models.lead", example=_groups(shown[0], m)[0]), "lead")]
    if facts.effective:
        effective = say.figure(round(facts.effective, 1 if facts.public else None))
        averaged = {"count": say.number(facts.averaged)} if facts.averaged else {}
        blocks.append(
            paragraph(say("models.averaged" if averaged else "models.effective", effective=effective, **averaged))
        )
    rows = [
        row(Cell(groups=_groups(found, m)), _probable(found.weight, m), *sizes)
        for found in shown
        for sizes in [[say.number(round_point(found.size))] if facts.public else []]
    ]
    caption = say("models.table" if len(rows) == MOST_MODELS else "models.table_few")
    # The size under one model is a ratio of counts, and gives a small one away.
    heads = [say("models.model"), "#" + say("models.weight"), *(["#" + say("models.size")] if facts.public else [])]
    weight = _probable(sum(found.weight for found in shown), m)
    rest = say("models.rest", count=say.count_word(len(rows)), weight=weight)
    cited = f"{rest} {say('models.citation')}" if facts.public else rest
    blocks += [sheet(caption, [*heads], rows), paragraph(cited)]
    return Section("models", say("section.models"), tuple(blocks))


def interactions_section(m: Material) -> Section:
    """Return how probable each interaction between lists is."""
    say = m.say
    found = sorted(m.results.headline.interactions.items(), key=lambda item: (-item[1], item[0]))
    if not found:
        return Section("interactions", say("section.interactions"), (paragraph(say("interactions.missing")),))
    rows = [row(called(x, m), _probable(p, m), Cell(share=_coarse(p, m))) for x, p in found[:MOST_INTERACTIONS]]
    heads = [Column(say("interactions.name")), Column(say("interactions.probability"), numeric=True)]
    table = sheet(say("interactions.table"), [*heads, Column("", bar=True)], rows)
    lighter = len(found) - len(rows)
    rest = [paragraph(say("interactions.rest", count=say.number(lighter)))] if lighter else []
    lead = paragraph(say("interactions.lead"), "lead")
    return Section("interactions", say("section.interactions"), (lead, table, *rest))


def meaning_section(m: Material) -> Section:
    """Return the method in plain words, what the interval holds, what it leaves out, and what has to be true."""
    say, head = m.say, m.results.headline
    told = [claim for claim in claims(m) if f"plain.{claim}" in say.messages]
    blocks: list[Block] = [paragraph(say(f"plain.{claim}")) for claim in told]
    for part, said in (("inside", head.inside), ("outside", head.outside), ("assumptions", head.assumptions)):
        words = [words_of(x, say) for x in said]
        blocks += entries(say(f"meaning.{part}"), words, say(f"meaning.{part}_none"))
    shown = [x for x in head.notes if m.facts.public or _without_counts(x, m)]
    if head.notes:
        blocks += entries(say("meaning.method_notes"), [words_of(x, say) for x in shown], say("meaning.notes_inside"))
    if shown and len(shown) < len(head.notes):
        blocks.append(paragraph(say("meaning.notes_inside")))
    if m.facts.notes:
        blocks += entries(say("meaning.table_notes"), m.facts.notes, "")
    return Section("meaning", say("section.meaning"), tuple(blocks))


def _coarse(share: float, m: Material) -> float:
    """Return a probability in whole percent; in twentieths where many of them would tell the table from others."""
    return round(share, 2) if m.facts.public else round(share / COARSE) * COARSE


def _probable(share: float, m: Material) -> str:
    """Return a probability in words, as `_coarse` has it."""
    say = m.say
    if m.facts.public:
        return say.percent(share)
    if share < COARSE or share > 1 - COARSE:
        return say("format.below" if share < COARSE else "format.above", share=say.percent(abs((share > 0.5) - COARSE)))
    return say.percent(_coarse(share, m))


def _without_counts(note: Said, m: Material) -> bool:
    """Return whether a note holds no number but settings of the method and the number of its models."""
    known = {float(x) for x in m.results.headline.spec.values() if isinstance(x, int) and x > FEW}
    known |= {x for x in (m.facts.averaged,) if x is not None}
    if note.code in ("note.face", "note.unregistered"):  # they tell where nobody is
        return False
    if note.code == "nowcast.year_of":  # estimated shares of what is not in yet: no counts
        return True
    return note.code != VERBATIM and all(x in known for x in _numbers(note))


def _numbers(value: object) -> Iterator[float]:
    """Return the numbers among the values of what is said."""
    if isinstance(value, Said):
        for _, inner in value.values:
            yield from _numbers(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield float(value)


def claims(m: Material) -> tuple[str, ...]:
    """Return what the page may say of how the answer was made, by key of the catalogue; each is from the record."""
    head = m.results.headline
    if not head.lists:
        return ("one_register",)
    kind, spec = _kind_of(m), head.spec
    said = ["lists", "independent" if kind == "assumed" else "dependent"]
    named = head.method == "loglinear" and spec.get("selected") is False
    said.append("named_model" if named else head.method)
    if kind != "assumed" and spec.get("max_order") == 2:
        said.append("pairs_only")
    if spec.get("departures"):
        said.append("departures")
    if "by" in spec:
        said.append("apart")
    return tuple(said)


def _kind_of(m: Material) -> str:
    """Return what an answer without listed models did about them: the key of what is said of it."""
    head = m.results.headline
    if "by" in head.spec:
        return "apart"
    basis = METHODS[head.method].basis if head.method in METHODS else "models"
    return {"assumed": "assumed", "one model": "missing"}.get(basis, "unlisted")


def joined(words: Sequence[Words], say: Catalogue) -> Words:
    """Return "a, b and c"; marked with a language when all of it is in that one."""
    languages = {x.language for x in words}
    return Words(say.listing([x.text for x in words]), languages.pop() if len(languages) == 1 else None)


def _groups(found: ModelRow, m: Material) -> tuple[str, ...]:
    """Return groups of lists that influence each other first, then the lists that stand alone."""
    return tuple(called(":".join(group), m) for group in sorted(found.generators, key=lambda group: -len(group)))
