"""Everything that a report says, in order, whatever it is then written as."""

from __future__ import annotations

from datetime import date

from mse.answers.results import Results
from mse.publish.facts.statements import Facts, languages, read_facts
from mse.publish.release.outgoing import published_tables
from mse.publish.report.accountability import (
    provenance_section,
    silent_rules,
    sources_section,
    verdict_section,
)
from mse.publish.report.answer import (
    interactions_section,
    meaning_section,
    methods_section,
    models_section,
    overlap_section,
    posterior_section,
)
from mse.publish.report.deliveries import gather_section, quality_section
from mse.publish.report.dependence import robustness_section, sensitivity_section
from mse.publish.report.keyfigures import key_figures
from mse.publish.report.knowntruth import checks_section
from mse.publish.report.otherfigures import chain_section, indicators_section, sdg_section, survey_section
from mse.publish.report.page import Material, Page, Section
from mse.publish.report.partsections import strata_section, trend_section
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.publish.wording.sentences import headline

BESIDE = ("indicators", "sdg", "survey", "chain")
"""Tables beside the estimate, of which only the published form is shown."""


def compose(results: Results, language: str | None = None) -> Page:
    """Return everything that a report says, in order, whatever it is then written as."""
    say = read_catalogue(language or languages(results)[0])
    facts = read_facts(results, say)
    said, parts = headline(facts, say), facts.published
    beside = [name for name in BESIDE if name in results.tables]
    m = Material(results, facts, said, say, published_tables(results) if beside else {})
    checked = say.count_word(len(silent_rules(facts, say)))
    beside_it = [survey_section(m), chain_section(m)]
    meaning = meaning_section(m)
    # So few persons that their number is left out: every number that is computed from them would tell it.
    found: list[Section | None] = (
        [*beside_it, meaning, verdict_section(m)]
        if facts.observed is None
        else [
            trend_section(m, parts),
            strata_section(m, parts),
            indicators_section(m),
            sdg_section(m),
            *beside_it,
            methods_section(m),
            posterior_section(m),
            overlap_section(m),
            None if facts.coarse else models_section(m),
            None if facts.coarse else interactions_section(m),
            meaning,
            sensitivity_section(m),
            robustness_section(m),
            checks_section(m),
            verdict_section(m),
        ]
    )
    found += [
        quality_section(m),
        sources_section(m),
    ]
    sections = [section for section in found if section is not None]
    sections += [gather_section(m, sections), provenance_section(m)]
    version = results.record.engine
    made = say("page.made", version=version) if version else say("page.made_plain")
    return Page(
        language=say.language,
        title=facts.title,
        subtitle=_subtitle(facts, say),
        said=said,
        none_found=say("verdict.reasons_none", checked=checked) if said.judgement == "publish" else "",
        keys=key_figures(m, parts),
        remarks=(*said.remarks, *([said.chosen] if said.chosen else [])),
        sections=tuple(sections),
        labels={
            "contents": say("page.contents"),
            "skip": say("page.skip"),
            "unfold": say("page.unfold"),
            "made": made,
            "reasons": say("verdict.reasons"),
            "stamp": say("verdict.stamp", verdict=said.verdict),
        },
        publisher=facts.publisher,
        day=_day(facts.date),
    )


def _day(text: str | None) -> date | None:
    """Return a day that is written as 2026-11-20; None for anything else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _subtitle(facts: Facts, say: Catalogue) -> tuple[str, ...]:
    span = "period.span" if len(facts.period) > 1 else "period.one"
    period = say(span, start=facts.period[0], end=facts.period[-1]) if facts.period else None
    table = f"{say('provenance.name')} {facts.name}" if facts.name and facts.name != facts.title else None
    day = say.date(facts.date) if facts.date else None
    return tuple(part for part in (facts.territory, period, table, day) if part)
