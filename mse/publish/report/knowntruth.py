"""Sections on how the method does where the answer is known: lists as populations, overlap again, simulated tables."""

from __future__ import annotations

from mse.publish.drawings.intervalrows import Mark, Scale, rows_figure
from mse.publish.facts.entries import text
from mse.publish.report.dependence import Record, finite, records
from mse.publish.report.page import Block, Heading, Material, Section, figure, paragraph, row, sheet
from mse.publish.wording.messages import Words, words_of
from mse.publish.wording.rounding import round_interval, rounded_values
from mse.words.numerals import capital
from mse.words.said import from_json, verbatim

LOW_P = 0.05
MOST_FITS = 10


def checks_section(m: Material) -> Section | None:
    """Return every check of the method against something known; None where none was made."""
    blocks = [*_consistency(m), *_fit(m), *_coverage(m)]
    if not blocks:
        return None
    say = m.say
    return Section("checks", say("section.checks"), (paragraph(say("checks.lead"), "lead"), *blocks))


def _consistency(m: Material) -> list[Block]:
    """Return every list estimated from the others; of a table that is not public only whether it came out right."""
    say, facts = m.say, m.facts
    found = records(m, "consistency")
    answered = [x for x in found if finite(x, "true", "point", "low", "high")]
    if not answered:
        return []
    marks, rows, covered = [], [], 0
    for x in found:
        name = facts.names.get(str(x["list"]), str(x["list"]))
        true = [say.number(x["true"])] if facts.public else []
        if not finite(x, "true", "point", "low", "high"):
            why = _why(x, m) if facts.public else say("terminal.failed")
            rows.append(row(name, *true, why, *[""] * (3 if facts.public else 0)))
            continue
        point, low, high = (float(x[key] / x["true"]) for key in ("point", "low", "high"))
        inside = say("checks.yes" if low <= 1 <= high else "checks.no")
        covered += low <= 1 <= high
        if not facts.public:
            # No interval starts below those who are on another list, too: its ends would tell how many are not.
            rows.append(row(name, inside))
            continue
        point, low, high = _against(x, m)
        ends = say.span(_ratio(low, m), _ratio(high, m))
        marks.append(Mark(name, f"{_ratio(point, m)} ({ends})", point, low, high))
        rounded = round_interval(x["point"], x["low"], x["high"])
        cells = [say.number(rounded.point), say.range(rounded.low, rounded.high)]
        rows.append(row(name, *true, *cells, _ratio(point, m), inside))
    values = {"covered": say.count_word(covered), "count": say.count_word(len(answered))}
    finding = say("consistency.finding", **values)
    heads = [say("overlap.list")]
    shown: list[Block] = [paragraph(finding)]
    if facts.public:
        scale = Scale(say("consistency.axis"), 1.0, write=lambda x: _ratio(x, m))
        shown = figure(lambda width: rows_figure("consistency", marks, scale, m.said, finding, say, width), finding)
        heads += [f"#{say('consistency.true')}", f"#{say('intervals.point')}", f"#{say('intervals.interval')}"]
        heads.append(f"#{say('consistency.ratio')}")
    heads.append(say("consistency.covered"))
    table = sheet(say("consistency.table"), [*heads], rows)
    return [Heading(say("consistency.title")), paragraph(say("consistency.lead")), *shown, table]


def _against(x: Record, m: Material) -> tuple[float, float, float]:
    """Return estimate and interval as ratios to the true number, no finer than the interval is wide."""
    point, low, high = (float(x[key] / x["true"]) for key in ("point", "low", "high"))
    made = rounded_values(point, low, high, "ratio")
    return made.point, made.low, made.high


def _ratio(value: float, m: Material) -> str:
    return m.say.number(value, 2)


def _history(x: Record, m: Material) -> str:
    """Return which persons a predicted count is of."""
    told = from_json(x.get("said")).get("history")
    return m.say.said(told[0]) if told else str(x["history"])


def _why(x: Record, m: Material) -> Words:
    """Return why a list could not be estimated from the others."""
    told = from_json(x.get("said")).get("status") or tuple(map(verbatim, filter(None, [text(x.get("status"))])))
    return words_of(told[0], m.say) if told else Words(m.say("terminal.failed"))


def _fit(m: Material) -> list[Block]:
    """Return which overlaps the model predicts badly; the counts themselves only where the table is public."""
    say = m.say
    found = [x for x in records(m, "fit") if finite(x, "observed", "expected", "low", "high", "p_value")]
    if not found:
        return []
    poor = sorted((x for x in found if x["p_value"] < LOW_P), key=lambda x: float(x["p_value"]))
    values = {
        "poor": capital(say.count_word(len(poor))),
        "count": say.count_word(len(found)),
        "chance": say.number(LOW_P * len(found), 1),
    }
    blocks: list[Block] = [
        Heading(say("fit.title")),
        paragraph(say("fit.lead")),
        paragraph(say({0: "fit.finding_none", 1: "fit.finding_one"}.get(len(poor), "fit.finding"), **values)),
    ]
    shown = sorted(found, key=lambda x: float(x["p_value"]))[:MOST_FITS]
    if m.facts.public:
        rows = [
            row(_history(x, m), say.known("fit", str(x["kind"])), say.number(x["observed"]),
                say.number(x["expected"], 1), say.span(say.number(x["low"]), say.number(x["high"])),
                say.figure(round(x["p_value"], 3)))
            for x in shown
        ]  # fmt: skip
        heads = [say("overlap.list"), say("fit.kind"), "#" + say("fit.observed"), "#" + say("fit.expected")]
        heads += ["#" + say("intervals.interval"), "#" + say("fit.p_value")]
        blocks.append(sheet(say("fit.table"), [*heads], rows))
    return blocks


def _coverage(m: Material) -> list[Block]:
    say = m.say
    rows = [
        row(
            say.known("truth", str(x["truth"])),
            say.number(x["replicates"]),
            say.level(x["prob"]),
            say.percent(x["covered"]),
            say.change(x["log_bias"]),
        )
        for x in records(m, "coverage") if finite(x, "replicates", "prob", "covered", "log_bias")
    ]  # fmt: skip
    if not rows:
        return []
    heads = [say("coverage.truth"), "#" + say("coverage.replicates"), "#" + say("coverage.claimed")]
    heads += ["#" + say("coverage.covered"), "#" + say("coverage.bias")]
    table = sheet(say("coverage.table"), [*heads], rows)
    return [Heading(say("coverage.title")), paragraph(say("coverage.lead")), table]
