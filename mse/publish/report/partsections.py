"""Sections on the parts of the total: its course over time, and its division over strata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mse.publish.drawings.trend import MOST_PANELS, trend_figure, trend_panels
from mse.publish.facts.margins import truth_of
from mse.publish.indicators.partnumbers import Part
from mse.publish.publishedparts import PublishedParts
from mse.publish.report.page import (
    Block,
    Cell,
    Heading,
    Material,
    Row,
    Section,
    bullets,
    cell,
    figure,
    paragraph,
    row,
    sheet,
)
from mse.publish.wording.messages import Catalogue, Words
from mse.publish.wording.partwords import judged_parts
from mse.words.numerals import capital

MOST_COLUMNS = 6
"""Columns of a table of one dimension by time."""


def trend_section(m: Material, parts: PublishedParts) -> Section | None:
    """Return the course of the total over time; None where nothing is time."""
    say, facts = m.say, m.facts
    if parts.time is None:
        return None
    years = parts.dimensions[parts.time]
    total = parts.margin(parts.time)
    truth = truth_of(m.results, parts.time, years)
    finding = trend_finding(years, total, facts.names, say)
    blocks: list[Block] = [paragraph(say("trend.lead", interval=say.level(parts.prob)), "lead")]
    if truth:
        blocks.append(paragraph(say("trend.simulated"), "notice"))
    blocks += figure(
        lambda width: trend_figure(years, total, truth, facts.breaks, m.said, finding, say, width), finding
    )
    if facts.breaks:
        blocks.append(paragraph(say("trend.breaks", breaks="; ".join(f"{b.label}: {b.text}" for b in facts.breaks))))
    heads = [dimension(parts.time, m), *_heads(m), *([f"#{say('trend.truth')}"] if truth else [])]
    rows = [_row([level(year, m)], part, m) for year, part in zip(years, total, strict=True)]
    if truth:
        rows = [replace(x, cells=(*x.cells, cell(say.number(n)))) for x, n in zip(rows, truth, strict=True)]
    blocks.append(sheet(say("trend.table"), [*heads], rows))
    blocks += _judgements(total, m)
    blocks += _notes(parts, m)
    return Section("trend", say("section.trend"), tuple(blocks))


def trend_finding(years: Sequence[str], total: Sequence[Part], names: Mapping[str, str], say: Catalogue) -> str:
    """Return what the course over time shows: first, last, highest and lowest year."""
    stated = [(year, part) for year, part in zip(years, total, strict=True) if part.stated]
    if not stated:
        return say("trend.finding_none")
    (first, start), (last, end) = stated[0], stated[-1]
    points = [part.size.point for _, part in stated]
    most, least = (
        say.listing([year for year, part in stated if part.size.point == size]) for size in (max(points), min(points))
    )
    values = {
        "first": first, "start": say.number(start.size.point), "last": last, "end": say.number(end.size.point),
        "range": say.range(end.size.low, end.size.high),
        "most": most, "highest": say.number(max(points)), "least": least, "lowest": say.number(min(points)),
    }  # fmt: skip
    rest = [named_level(year, names, say) for year, part in zip(years, total, strict=True) if not part.stated]
    without = [say("trend.finding_unstated", years=say.listing(rest))] if rest else []
    return " ".join([say("trend.finding", **values), *without])


def strata_section(m: Material, parts: PublishedParts) -> Section | None:
    """Return the total by every dimension other than time, and each of them over time; None without another."""
    say = m.say
    blocks: list[Block] = [paragraph(say("strata.lead"), "lead")]
    others = [dim for dim in parts.dimensions if dim != parts.time]
    if not others:
        return None
    for dim in others:
        name = dimension(dim, m)
        levels = parts.dimensions[dim]
        rows = [_row([level(x, m)], part, m) for x, part in zip(levels, parts.margin(dim), strict=True)]
        rows.append(_row([say("strata.total")], parts.whole, m, tone="main"))
        period = parts.dimensions[parts.time] if parts.time else m.facts.period
        when = (
            f" ({say('period.span' if len(period) > 1 else 'period.one', start=period[0], end=period[-1])})"
            if period
            else ""
        )
        blocks += [Heading(name), sheet(say("strata.table", dimension=name.lower()) + when, [name, *_heads(m)], rows)]
        blocks += [*_flags(levels, parts.margin(dim), m), *_judgements(parts.margin(dim), m)]
        blocks += _over_time(dim, parts, m) if parts.time else []
    blocks += _notes(parts, m)
    return Section("strata", say("section.strata"), tuple(blocks))


def _flags(levels: Sequence[str], found: Sequence[Part], m: Material) -> list[Block]:
    """Return what the method says of single parts before their numbers are used."""
    said = []
    for name, part in zip(levels, found, strict=True):
        remarks = [m.say.said(remark) for remark in part.flag]
        if remarks:
            said.append(m.say("strata.flag", name=level(name, m), remarks="; ".join(remarks)))
    return [bullets(said)] if said else []


def _judgements(found: Sequence[Part], m: Material) -> list[Block]:
    """Return which parts may not be cited on their own, and which only with caution, by the rule that says so."""
    said = judged_parts(found, m.facts.names, m.say)
    return [bullets(said)] if said else []


def _over_time(dim: str, parts: PublishedParts, m: Material) -> list[Block]:
    """Return figure and table of one dimension by time, when there are few enough levels for either."""
    assert parts.time is not None
    say = m.say
    years, levels = parts.dimensions[parts.time], parts.dimensions[dim]
    crossed = parts.margin(parts.time, dim)
    at = {(part.levels[parts.time], part.levels[dim]): part for part in crossed}
    blocks: list[Block] = []
    if 1 < len(levels) <= MOST_PANELS and len(years) > 1:
        groups = {level(x, m): [at[year, x] for year in years] for x in levels}
        told = []
        for name, group in groups.items():
            (early, late) = (say.number(part.size.point) if part.stated else _unstated(part, m).lower()
                             for part in (group[0], group[-1]))  # fmt: skip
            told.append(say("strata.panel", name=name, start=early, end=late))
        finding = say("strata.panels", first=years[0], last=years[-1], groups="; ".join(told))
        name = f"trend-{dim}"
        blocks += figure(
            lambda width: trend_panels(years, groups, m.facts.breaks, m.said, finding, name, say, width), finding
        )
    if len(levels) <= MOST_COLUMNS:
        heads = [dimension(parts.time, m), *(f"#{level(x, m)}" for x in levels)]
        rows = [row(level(year, m), *(_estimate(at[year, x], m) for x in levels)) for year in years]
        caption = say("strata.by_time", dimension=dimension(dim, m).lower(), time=dimension(parts.time, m).lower())
        blocks += [sheet(caption, [*heads], rows), *_judgements(crossed, m)]
    return blocks


def _heads(m: Material) -> list[str]:
    say = m.say
    keys = ("registered", "estimated", "interval", "share")
    return [f"#{say(f'strata.{key}')}" for key in keys]


def _row(names: list[str], part: Part, m: Material, tone: str = "") -> Row:
    """Return registered, estimate, interval and share in view of one part, or that it has no number to cite."""
    say = m.say
    observed = say("strata.withheld") if part.observed is None else say.number(part.observed)
    if not part.stated:
        return row(*names, observed, cell(_unstated(part, m)), "", "", tone=tone)
    share = "" if part.observed is None else say.share(part.view.point)
    point = cell(say.number(part.size.point), tag=_tag(part, m))
    return row(*names, observed, point, say.range(part.size.low, part.size.high), share, tone=tone)


def _estimate(part: Part, m: Material) -> Cell:
    say = m.say
    if not part.stated:
        return cell(_unstated(part, m))
    return cell(say.number(part.size.point), say.range(part.size.low, part.size.high), _tag(part, m))


def _unstated(part: Part, m: Material) -> str:
    return m.say(f"strata.{part.unstated}")


def _tag(part: Part, m: Material) -> str:
    return m.say("strata.caution") if part.doubtful else ""


def _notes(parts: PublishedParts, m: Material) -> list[Block]:
    """Return what the tables mean by their words: intervals, withheld counts, too few data, sums."""
    say = m.say
    few = m.facts.thresholds
    least = {"persons": say.number(few.observed[1]), "lists": say.count_word(few.lists[1])}
    said = [say("strata.note", percent=say.level(parts.prob), **least)]
    if m.results.headline.diagnostics.get("unlabelled", 0.0) > 0.0:
        said.append(say("strata.note_unlabelled"))
    if parts.rule is not None:
        said += [say("strata.note_withheld"), say.said(parts.rule)]
    return [paragraph(Words(" ".join(said)), "lead")]


def dimension(name: str, m: Material) -> str:
    """Return what a dimension is called, with a capital."""
    said = m.facts.names.get(name) or m.say.known("dimension", name)
    return capital(said)


def level(name: str, m: Material) -> str:
    """Return what a level is called."""
    return named_level(name, m.facts.names, m.say)


def named_level(name: str, names: Mapping[str, str], say: Catalogue) -> str:
    """Return what a level is called by these names, or by the catalogue."""
    return names.get(name) or say.known("level", name)
