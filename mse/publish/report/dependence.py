"""Sections on how far the estimate depends on what no data show, and on single lists and persons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mse.assess.robustness import CELLS, WITHOUT_LIST, WITHOUT_REFERRALS
from mse.assess.sensitivity import ALL_LISTS
from mse.publish.drawings.assessed import Line, curve_figure, log_ticks
from mse.publish.drawings.intervalrows import Mark, Scale, rows_figure
from mse.publish.publishedparts import assessed_values, telling
from mse.publish.registered import one_number_only
from mse.publish.report.page import (
    Block,
    Heading,
    Material,
    Row,
    Section,
    bullets,
    called,
    figure,
    paragraph,
    row,
    sheet,
)
from mse.publish.wording.messages import Catalogue
from mse.publish.wording.rounding import Rounded, round_interval

MOST_CELLS = 5

Record = dict[str, Any]


def records(m: Material, name: str) -> list[Record]:
    """Return the rows of a table of the results; none where it is absent, or would tell of counts that are left out."""
    frame = m.results.tables.get(name)
    if frame is None or one_number_only(m.results):
        return []
    return [{str(k): v for k, v in found.items()} for found in frame.to_dict("records")]


def finite(found: Record, *names: str) -> bool:
    """Tell whether all of these numbers of a row are there."""
    return all(isinstance(found.get(x), (int, float)) and math.isfinite(found[x]) for x in names)


def numbers(found: Record, m: Material) -> Rounded:
    """Return point and interval of a row as they are published."""
    facts = m.facts
    return assessed_values(found, public=facts.public, observed=facts.estimate.observed, floor=facts.floor)


def sensitivity_section(m: Material) -> Section | None:
    """Return how the estimate depends on the identifying assumption, the prior, and errors of linkage."""
    say = m.say
    blocks = [*_curves(m), *_tipping(m), *_prior(m), *_linkage(m), *_calibrated(m)]
    if not blocks:
        return None
    return Section("sensitivity", say("section.sensitivity"), (paragraph(say("sensitivity.lead"), "lead"), *blocks))


def _curves(m: Material) -> list[Block]:
    say = m.say
    found = [x for x in records(m, "sensitivity") if finite(x, "odds_ratio", "point", "low", "high")]
    names = list(dict.fromkeys(str(x["assumption"]) for x in found))
    if not names:
        return []
    lines = {name: _line(name, [x for x in found if x["assumption"] == name], m) for name in names}
    main = lines[ALL_LISTS] if ALL_LISTS in lines else lines[names[0]]
    others = sorted((x for x in lines.values() if x is not main), key=lambda x: max(x.point) / min(x.point))[::-1][:6]
    ends = {"low": say.number(round_interval(min(main.point), main.low[-1], main.high[0]).point)}
    ends["high"] = say.number(round_interval(max(main.point), main.low[-1], main.high[0]).point)
    finding = say("sensitivity.finding", first=_odds(main.at[0], say), last=_odds(main.at[-1], say), **ends)
    drawn = figure(
        lambda width: curve_figure("sensitivity", main, others, log_ticks(main.at, say), say("sensitivity.axis"), 1.0,
                                   m.said, finding, say, width), finding,
    )  # fmt: skip
    shown = [x for x in (0.25, 0.5, 1.0, 2.0, 4.0) if any(abs(at - x) < 1e-9 for at in main.at)]
    rows = []
    for name in names:
        at = {round(float(x["odds_ratio"]), 6): x for x in found if x["assumption"] == name}
        cells = [say.number(numbers(at[x], m).point) if x in at else "" for x in shown]
        rows.append(row(_assumption(name, m), *cells, tone="main" if name == ALL_LISTS else ""))
    heads = [say("sensitivity.assumption"), *(f"#{_odds(x, say)}" for x in shown)]
    return [*drawn, sheet(say("sensitivity.table"), [*heads], rows)]


def _line(name: str, found: Sequence[Record], m: Material) -> Line:
    rows = sorted(found, key=lambda x: float(x["odds_ratio"]))
    return _drawn(_assumption(name, m), [float(x["odds_ratio"]) for x in rows], [numbers(x, m) for x in rows])


def _drawn(name: str, at: Sequence[float], found: Sequence[Rounded]) -> Line:
    """Return a line of the numbers that are printed: what is drawn must not say more than they do."""
    return Line(name, at, [x.point for x in found], [x.low for x in found], [x.high for x in found])


def _assumption(name: str, m: Material) -> str:
    return m.say("sensitivity.all_lists") if name == ALL_LISTS else called(name, m)


def _odds(value: float, say: Catalogue) -> str:
    """Return an odds ratio: 1/4, 1, 4."""
    over = round(1 / value, 6)
    return f"1/{over:g}" if value < 1 and over == round(over) else say.figure(round(value, 4))


def _tipping(m: Material) -> list[Block]:
    """Return up to where what may be said of the estimate stays true: of all lists, and of the pairs that matter."""
    say = m.say
    curves = [x for x in records(m, "sensitivity") if finite(x, "odds_ratio", "point")]
    said: list[str] = []
    known, quiet = set(), dict[str, None]()
    for found in records(m, "tipping"):
        claim, name = str(found["claim"]), str(found["assumption"])
        about = {"assumption": _assumption(name, m), "value": say.number(_claimed(float(found["value"]), m))}
        if finite(found, "odds_ratio"):
            ends = sorted((x["odds_ratio"], x["point"]) for x in curves if x["assumption"] == name)
            rises = bool(ends) and ends[-1][1] > ends[0][1]
            side = "least" if rises == (claim == "above") else "most"
            said.append(say(f"tipping.{claim}_{side}", odds=say.figure(_turning(found["odds_ratio"], m)), **about))
            known.add(about["assumption"])
        quiet[about["assumption"]] = None
    if silent := [name for name in quiet if name not in known]:
        said.append(say("tipping.silent", assumptions=say.listing(silent)))
    return [Heading(say("tipping.title")), bullets(said)] if said else []


def _turning(odds: float, m: Material) -> float:
    """Return where a claim turns, to two decimals; coarser where nobody may work the counts out from it."""
    return round(odds, 2) if m.facts.public else float(f"{odds:.2g}")


def _claimed(value: float, m: Material) -> float:
    """Return a claimed number of persons; the ends of the interval as they are printed."""
    estimate, rounded = m.facts.estimate, m.said.rounded
    ends = ((estimate.low, rounded.low), (estimate.high, rounded.high))
    return next((end for raw, end in ends if math.isclose(raw, value, rel_tol=1e-6)), value)


def _interval_rows(found: Sequence[tuple[Sequence[str], Record]], m: Material) -> list[Row]:
    """Return rows of names, estimate and interval; what has no number says why."""
    say = m.say
    rows = []
    for names, record in found:
        if finite(record, "point", "low", "high"):
            numbers_ = numbers(record, m)
            rows.append(row(*names, say.number(numbers_.point), say.range(numbers_.low, numbers_.high)))
        else:
            rows.append(row(*names, say("terminal.failed"), ""))
    return rows


def _prior(m: Material) -> list[Block]:
    say = m.say
    found = [((say.known("setting", str(x["setting"])), _value(x["value"], say)), x) for x in records(m, "prior")]
    heads = [
        say("prior.setting"),
        "#" + say("prior.value"),
        "#" + say("intervals.point"),
        "#" + say("intervals.interval"),
    ]
    rows = _interval_rows(found, m)
    return (
        [Heading(say("prior.title")), paragraph(say("prior.lead")), sheet(say("prior.table"), [*heads], rows)]
        if rows
        else []
    )


def _value(value: object, say: Catalogue) -> str:
    try:
        return say.figure(float(str(value)))
    except ValueError:
        return say.known("setting", str(value))


def _linkage(m: Material) -> list[Block]:
    say = m.say
    found = [((_share(x["alpha"], say), _share(x["beta"], say)), x) for x in records(m, "linkage_error")]
    heads = [
        say("linkage.alpha"),
        "#" + say("linkage.beta"),
        "#" + say("intervals.point"),
        "#" + say("intervals.interval"),
    ]
    rows = _interval_rows(found, m)
    blocks: list[Block] = [Heading(say("linkage.title")), paragraph(say("linkage.lead"))]
    return [*blocks, sheet(say("linkage.table"), [*heads], rows)] if rows else []


def _share(value: float, say: Catalogue) -> str:
    return say.share(float(value), 2)


def _calibrated(m: Material) -> list[Block]:
    say = m.say
    found = records(m, "calibrated")
    if not found:
        return []
    named = [((say.known("calibrated", str(x["interval"])), _level(x, m)), x) for x in found]
    heads = [
        say("calibrated.interval"),
        "#" + say("provenance.prob"),
        "#" + say("intervals.point"),
        "#" + say("intervals.interval"),
    ]
    table = sheet(say("calibrated.table"), [*heads], _interval_rows(named, m))
    return [Heading(say("calibrated.title")), paragraph(say("calibrated.lead")), table]


def _level(found: Record, m: Material) -> str:
    return m.say.level(float(found["prob"]) if finite(found, "prob") else m.facts.estimate.prob)


def robustness_section(m: Material) -> Section | None:
    """Return what single lists, single persons and sub-samples do to the estimate."""
    say = m.say
    blocks = [*_changes(m), *_cells(m), *_accumulation(m)]
    if not blocks:
        return None
    return Section("robustness", say("section.robustness"), (paragraph(say("robustness.lead"), "lead"), *blocks))


def _changes(m: Material) -> list[Block]:
    say = m.say
    kinds = ("none", WITHOUT_LIST, "merged", WITHOUT_REFERRALS)
    all_of = [x for x in records(m, "robustness") if x["change"] in kinds]
    found = [x for x in all_of if finite(x, "point", "low", "high")]
    if not found:
        return []
    base = next((x for x in found if x["change"] == "none"), None)
    line = numbers(base, m).point if base else m.said.rounded.point
    marks, rows = [], []
    for x in all_of:
        what = x["what"] if isinstance(x["what"], str) else ""
        name = say(f"change.{str(x['change']).replace(' ', '_')}", what=called(what, m, " + "))
        if not finite(x, "point", "low", "high"):
            rows.append(row(name, say("terminal.failed"), "", ""))
            continue
        shown = numbers(x, m)
        if x is not base and telling(shown, public=m.facts.public, floor=m.facts.floor):
            rows.append(row(name, say("strata.withheld"), "", ""))
            continue
        words = (say.number(shown.point), say.range(shown.low, shown.high))
        rows.append(row(name, *words, say.number(shown.point / line, 2), tone="main" if x is base else ""))
        if x["change"] != "merged":
            marks.append(Mark(name, f"{words[0]} ({words[1]})", shown.point, shown.low, shown.high, x is base))
    points = [mark for mark in marks if not mark.main] or marks
    if not points:
        return []
    least, most = min(points, key=lambda x: x.point), max(points, key=lambda x: x.point)
    finding = say("robustness.finding", least=least.words.split(" (")[0], least_name=_inside(least.name),
                  most=most.words.split(" (")[0], most_name=_inside(most.name))  # fmt: skip
    scale = Scale(say("intervals.axis"), line)
    drawn = figure(lambda width: rows_figure("robustness", marks, scale, m.said, finding, say, width), finding)
    heads = [
        say("robustness.change"),
        "#" + say("intervals.point"),
        "#" + say("intervals.interval"),
        "#" + say("robustness.ratio"),
    ]
    return [*drawn, sheet(say("robustness.table"), [*heads], rows)]


def _inside(name: str) -> str:
    """Return a name inside a sentence: with a small letter at the start."""
    return name[:1].lower() + name[1:]


def _cells(m: Material) -> list[Block]:
    """Return which single person moves the estimate most; the cell itself only where the table is public."""
    say = m.say
    found = [x for x in records(m, "robustness") if x["change"] in CELLS and finite(x, "ratio")]
    if not found:
        return []
    worst = sorted(found, key=lambda x: -abs(math.log(x["ratio"])))
    most = say.percent(abs(worst[0]["ratio"] - 1))
    blocks: list[Block] = [paragraph(say("robustness.cells", most=most))]
    if m.facts.public:
        rows = [
            row(say("change.cell", change=str(x["change"]).split()[-1], what=x["what"]),
                say.number(numbers(x, m).point), say.number(x["ratio"], 3))
            for x in worst[:MOST_CELLS]
        ]  # fmt: skip
        heads = [say("robustness.change"), "#" + say("intervals.point"), "#" + say("robustness.ratio")]
        blocks.append(sheet(say("robustness.cells_table"), [*heads], rows))
    return blocks


def _accumulation(m: Material) -> list[Block]:
    say = m.say
    found = [x for x in records(m, "accumulation") if finite(x, "share", "point", "low", "high")]
    if len(found) < 2:
        return []
    found.sort(key=lambda x: float(x["share"]))
    line = _drawn("", [float(x["share"]) for x in found], [numbers({**x, "observed": 0}, m) for x in found])
    ticks = [(float(x["share"]), say.percent(float(x["share"]))) for x in found]
    first = {"share": say.percent(line.at[0]), "first": say.number(numbers({**found[0], "observed": 0}, m).point)}
    finding = say("accumulation.finding", **first, last=say.number(numbers(found[-1], m).point))
    drawn = figure(
        lambda width: curve_figure("accumulation", line, (), ticks, say("accumulation.axis"), None, m.said, finding,
                                   say, width), finding,
    )  # fmt: skip
    return [Heading(say("accumulation.title")), paragraph(say("accumulation.lead")), *drawn]
