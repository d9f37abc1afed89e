"""Sections that say how far to believe the result and how it was made: verdict, sources, provenance, citation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mse.answers.estimates import LEVELS, Reason
from mse.publish.facts.entries import mapping
from mse.publish.facts.statements import Facts
from mse.publish.report.page import (
    Block,
    Heading,
    Listing,
    Material,
    Section,
    Sheet,
    cell,
    entries,
    paragraph,
    row,
    sheet,
)
from mse.publish.report.partsections import dimension
from mse.publish.wording.messages import SOURCE, Catalogue, Words
from mse.publish.wording.sentences import judgement_of, reason_sentence

_FILES: Mapping[str, tuple[str, ...]] = {
    "table": ("path",), "registers": ("contracts",), "publish": ("population", "chain", "survey"),
}  # fmt: skip
"""Settings that name files, by section."""

_INSIDE = {("publish", "seed"), ("publish", "secret")}
"""Settings that would undo what disclosure control did."""
OF_THE_COMPUTATION = frozenset({
    "models", "effective_models", "corrected_models", "corrected_weight", "unreliable_weight", "visited",
    "visited_error", "walks_rhat", "rhat_max", "ess_bulk_min", "ess_tail_min", "chains", "draws_per_chain",
    "divergent_share", "ebfmi_min", "max_depth_share", "starts", "ends", "starts_at_best", "steps", "refused", "df",
})  # fmt: skip
"""Diagnostics that tell how the answer was computed; others (a deviance, an overlap) would let guesses of counts be
checked, and stand on pages of public tables only."""


def verdict_section(m: Material) -> Section:
    """Return every rule of the verdict: those that spoke with their figures, and those that had nothing to say."""
    say, facts = m.say, m.facts
    verdict = facts.estimate.verdict
    blocks: list[Block] = [paragraph(f"{m.said.verdict}. {m.said.meaning}", m.said.judgement)]
    rows = [
        row(
            say.known("rule", reason.code),
            say(f"verdict.{judgement_of(reason.level)}.name"),
            cell(reason_sentence(reason, facts, m.said.rounded, say)),
            cell(_figures(reason, facts, say)),
            tone=judgement_of(reason.level),
        )
        for reason in (verdict.reasons if verdict else ())
    ]
    if rows:
        heads = [say(f"full.{part}") for part in ("rule", "level", "found", "figures")]
        blocks.append(sheet(say("full.table"), [*heads], rows))
    blocks += _parts(m)
    silent = silent_rules(facts, say)
    last = say("full.none") if verdict is None else say("full.silent_none")
    blocks.append(paragraph(say("full.silent", rules=say.listing(silent)) if silent else last))
    return Section("verdict", say("section.verdict"), tuple(blocks))


def _parts(m: Material) -> list[Block]:
    """Return how many parts of every breakdown got which verdict; nothing without parts."""
    say, verdict, strata = m.say, m.facts.estimate.verdict, m.results.headline.strata
    if verdict is None or not verdict.parts or strata is None:
        return []
    names = {dim: dimension(dim, m) for dim in strata.dimensions}
    time = names.get(m.facts.time or "", "").lower()
    counts: dict[str, list[int]] = {}
    for part in verdict.parts:
        others = [name for dim, name in names.items() if dim in part.levels and dim != m.facts.time]
        if len(part.levels) == 1:
            title = names[next(iter(part.levels))]
        elif len(part.levels) == 2 and len(others) == 1:
            title = say("part.crossed", dimension=others[0], time=time)
        else:
            title = say("part.single")
        counts.setdefault(title, [0, 0, 0])[LEVELS.index(part.level)] += 1
    rows = [row(title, *(say.number(n) for n in (sum(found), *found))) for title, found in counts.items()]
    levels = ("#" + say(f"verdict.{key}.name") for key in ("publish", "caution", "refuse"))
    heads = [say("part.dimension"), "#" + say("part.number"), *levels]
    return [paragraph(say("part.lead")), sheet(say("part.table"), [*heads], rows)]


def silent_rules(facts: Facts, say: Catalogue) -> list[str]:
    """Return the rules that were checked and found nothing."""
    verdict = facts.estimate.verdict
    if verdict is None:
        return []
    loud = {reason.code for reason in verdict.reasons}
    return [say.known("rule", code) for code in verdict.checked if code not in loud]


def _figures(reason: Reason, facts: Facts, say: Catalogue) -> str:
    """Return the figure of a rule with its thresholds; other numbers by name. To two digits where that is safer."""
    digits = 4 if facts.public else 2
    named = {
        name: say.figure(round(value, 4) if "_" in name else float(f"{value:.{digits}g}"))
        for name, value in reason.figures.items()
    }
    for kind, suffix in (("limit_from", "_from"), ("limit_below", "_below")):
        if {"figure", "caution" + suffix, "forbid" + suffix} == set(named):
            ends = {"caution": named["caution" + suffix], "forbid": named["forbid" + suffix]}
            return say(f"full.{kind}", figure=named["figure"], **ends)
    return "; ".join(say("full.figure", name=say.known("figure", name), value=value) for name, value in named.items())


def sources_section(m: Material) -> Section:
    """Return what the counts and the method are cited by; titles of publications are in the language of science."""
    say = m.say
    language = None if say.language == SOURCE else SOURCE
    counts = [Words(x.text, language, x.address) for x in m.facts.sources]
    method = [Words(x, language) for x in m.results.headline.citations]
    cited = entries(say("sources.table"), counts, say("sources.none"))
    cited += entries(say("sources.method"), method, say("sources.method_none"))
    return Section("sources", say("section.sources"), cited)


def provenance_section(m: Material) -> Section:
    """Return what went in, how it was computed, and how to cite it."""
    say, head, record = m.say, m.results.headline, m.results.record
    made = {
        say("provenance.name"): m.facts.name,
        say("provenance.method"): f"{say.known('method', head.method)} ({head.method})",
        say("provenance.prob"): say.level(m.facts.estimate.prob),
        say("provenance.seed"): record.seed,
        say("provenance.date"): m.facts.date and say.date(m.facts.date),
    }
    known = [(name, str(value)) for name, value in made.items() if value not in (None, "")]
    diagnostics = [
        (say.known("figure", name), say.figure(value)) for name, value in head.diagnostics.items()
        if m.facts.public or name in OF_THE_COMPUTATION
    ]  # fmt: skip
    blocks: list[Block] = [
        paragraph(say("provenance.rounding_coarse" if m.facts.coarse else "provenance.rounding"), "lead"),
        Heading(say("provenance.cite")),
        paragraph(citation(m)),
        _record(say("provenance.table"), known, say),
    ]
    if not m.facts.public:
        # To four digits they are functions of the small counts, by which a guess could be checked.
        diagnostics = []
        blocks.append(paragraph(say("provenance.diagnostics_inside")))
    for title, rows in (
        (say("provenance.options"), _flat(head.spec)),
        (say("provenance.diagnostics"), sorted(diagnostics)),
        (say("provenance.versions"), _flat(record.versions)),
    ):
        blocks += [_record(title, rows, say)] if rows else []
    if record.job.settings:
        blocks += [Heading(say("provenance.job")), Listing(_plain(shown_job(record.job.settings), indent=2))]
    return Section("provenance", say("section.provenance"), tuple(blocks), True)


def citation(m: Material) -> str:
    """Return how this report is cited: publisher, title, date, and engine."""
    say, facts = m.say, m.facts
    version = m.results.record.engine
    parts = [
        facts.publisher,
        facts.title,
        facts.date and say.date(facts.date),
        say("provenance.cite_engine", version=version) if version else None,
    ]
    return ". ".join(part.rstrip(". ") for part in parts if part) + "."


def shown_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a job as a page may show them: no seed of a lot, no secret, of files only their names."""
    shown = {key: value for key, value in job.items() if key not in ("compute", "secret")}
    for section, files in _FILES.items():
        settings = mapping(shown.get(section))
        told = {k: _without_folders(v) if k in files else v for k, v in settings.items() if (section, k) not in _INSIDE}
        if settings:
            shown[section] = told
    return shown


def _without_folders(value: object) -> object:
    """Return files by their names: where a folder lies is nobody's business."""
    if isinstance(value, list):
        return [_without_folders(item) for item in value]
    return re.split(r"[/\\]", value)[-1] if isinstance(value, str) else value


def _record(title: str, rows: list[tuple[str, str]], say: Catalogue) -> Sheet:
    heads = [say("provenance.item"), say("provenance.value")]
    return sheet(title, [*heads], [row(name, value) for name, value in rows])


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested entries under dotted names, sorted: the order does not depend on where they were read."""
    rows: list[tuple[str, str]] = []
    for key, value in sorted(tree.items(), key=lambda item: str(item[0])):
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value if isinstance(value, str) else _plain(value)))
    return rows


def _plain(value: object, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, sort_keys=True, ensure_ascii=False, default=str)
