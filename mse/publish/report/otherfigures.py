"""Sections on figures beside the estimate: indicators, the table of SDG 16.2.2, surveys, and rates along the chain.

All of them are read from what may be published, never from the audit record.
"""

from __future__ import annotations

from collections.abc import Callable

from mse.answers.strata import ALL
from mse.publish.facts.entries import text
from mse.publish.report.dependence import Record, finite
from mse.publish.report.page import Block, Material, Row, Section, cell, paragraph, row, sheet
from mse.publish.report.partsections import dimension, level
from mse.publish.standing import missing


def _records(m: Material, name: str) -> list[Record]:
    """Return the published rows of a table that the results have."""
    if name not in m.results.tables or name not in m.safe:
        return []
    return [{str(k): v for k, v in found.items()} for found in m.safe[name].to_dict("records")]


def indicators_section(m: Material) -> Section | None:
    """Return the indicators of everybody: of the whole, and of the last year with its change."""
    say = m.say
    strata, time = m.results.headline.strata, m.facts.time
    dims = list(strata.dimensions) if strata else []
    times = (ALL, strata.dimensions[time][-1]) if strata and time else (ALL,)
    shown = [
        x for x in _records(m, "indicators") if all(str(x[dim]) in (times if dim == time else (ALL,)) for dim in dims)
    ]
    if not shown:
        return None
    rows = []
    for x in shown:
        name, unit = say.known("indicator", str(x["indicator"])), say.known("unit", str(x["unit"]))
        below = "" if unit.casefold() in name.casefold() else unit
        rows.append(row(cell(name, below), _period(str(x["period"]), m), *_numbers(x, m)))
    heads = [say("indicators.indicator"), say("indicators.period"), "#" + say("indicators.value")]
    table = sheet(say("indicators.table"), [*heads, "#" + say("intervals.interval")], rows)
    lead, rest = paragraph(say("indicators.lead"), "lead"), paragraph(say("indicators.rest"))
    return Section("indicators", say("section.indicators"), (lead, table, *([rest] if dims else [])))


def _period(period: str, m: Material) -> str:
    """Return a period; "2019 to 2020" in the words of the language."""
    ends = [level(part, m) for part in period.replace("-", " to ").replace("–", " to ").split(" to ")]
    return m.say("format.range", low=ends[0], high=ends[1]) if len(ends) == 2 else period


def _numbers(x: Record, m: Material) -> tuple[str, str]:
    """Return value and interval of an indicator in its unit, or why there is none."""
    say = m.say
    if not finite(x, "point"):
        return say(f"strata.{missing(str(x.get('status')))}"), ""
    write = _writer(str(x["unit"]), m)
    span = say.span(write(x["low"]), write(x["high"])) if finite(x, "low", "high") else ""
    return write(x["point"]), span


def _writer(unit: str, m: Material) -> Callable[[float], str]:
    """Return what writes a number of a unit; published numbers are rounded already."""
    say = m.say
    if unit in ("share", "probability"):
        return say.percent if unit == "probability" else say.share
    if unit == "persons":
        return say.number
    return lambda value: say.figure(float(f"{value:.4g}"))


def sdg_section(m: Material) -> Section | None:
    """Return the table of indicator 16.2.2 for the last year: detected and undetected, by sex, age and form."""
    say = m.say
    found = _records(m, "sdg")
    if not found:
        return None
    year = str(found[-1]["year"])
    shown = [x for x in found if str(x["year"]) == year]
    rated = any(finite(x, "per_100k") for x in shown)
    dims = [dim for dim in ("sex", "age", "form") if any(str(x[dim]) != ALL for x in shown)]
    rows = []
    for x in shown:
        places = [say("strata.everybody") if str(x[dim]) == ALL else level(str(x[dim]), m) for dim in dims]
        whole = all(str(x[dim]) == ALL for dim in dims)
        rows.append(row(*places, *_sdg_numbers(x, rated, m), tone="main" if whole else ""))
    keys = ("detected", "undetected", "interval", *(("per_100k",) if rated else ()))
    heads = [*(dimension(dim, m) for dim in dims), *("#" + say(f"sdg.{key}") for key in keys)]
    table = sheet(f"{say('sdg.table')}, {level(year, m)}", [*heads], rows)
    return Section("sdg", say("section.sdg"), (paragraph(say("sdg.lead"), "lead"), table))


def _sdg_numbers(x: Record, rated: bool, m: Material) -> list[str]:
    say = m.say
    detected = say.number(x["detected"]) if finite(x, "detected") else say("strata.withheld")
    hidden = _numbers({**x, "point": x["undetected"], "unit": "persons"}, m)
    rate = say.figure(float(f"{x['per_100k']:.4g}")) if finite(x, "per_100k") else ""
    return [detected, *hidden, *([rate] if rated else [])]


def survey_section(m: Material) -> Section | None:
    """Return survey prevalence as a second line of evidence, never mixed with the estimate from the registers."""
    say = m.say
    rows = []
    for x in _records(m, "survey"):
        persons = _numbers({**x, "point": x["persons"], "unit": "persons"}, m)
        name = say("strata.everybody") if x["group"] == ALL else say.known("group", str(x["group"]))
        rate = say.share(x["rate"], 2) if finite(x, "rate") else ""
        population = say.number(x["population"]) if finite(x, "population") else ""
        rows.append(row(cell(name, text(x.get("source")) or ""), rate, population, *persons))
    if not rows:
        return None
    heads = [
        say("survey.group"),
        *("#" + say(f"survey.{key}") for key in ("rate", "population", "persons", "interval")),
    ]
    table = sheet(say("survey.table"), [*heads], rows)
    return Section("survey", say("section.survey"), (paragraph(say("survey.lead"), "lead"), table))


def chain_section(m: Material) -> Section | None:
    """Return rates along the chain with intervals from their counts."""
    say = m.say
    found = _records(m, "chain")
    if not found:
        return None
    rows: list[Row] = []
    for x in found:
        rate = ["", ""]
        if finite(x, "rate", "low", "high"):
            ratio = x["kind"] == "ratio"
            value, low, high = (
                say.number(x[key], 2) if ratio else say.share(x[key]) for key in ("rate", "low", "high")
            )
            rate = [value, say.span(low, high)]
        count = say.number(x["count"]) if finite(x, "count") else say("strata.withheld")
        of = say.known("step", str(x["of"])) if text(x["of"]) else ""
        rows.append(row(say.known("step", str(x["step"])), count, of, *rate))
    heads = [say("chain.step"), "#" + say("chain.count"), say("chain.of"), "#" + say("chain.rate")]
    table = sheet(say("chain.table"), [*heads, "#" + say("intervals.interval")], rows)
    blocks: list[Block] = [paragraph(say("chain.lead"), "lead"), table]
    if any(x["kind"] == "ratio" for x in found):
        blocks.append(paragraph(say("chain.ratio"), "lead"))
    return Section("chain", say("section.chain"), tuple(blocks))
