"""The page of a run: one self-contained HTML file, the same bytes whenever the same results are rendered.

``python -m mse.publish.report FOLDER ...`` renders the page of results folders again, in place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mse.estimates import Reason
from mse.publish.facts import Facts, ModelRow, read_facts
from mse.publish.figures import interval_figure, overlap_figure, posterior_figure
from mse.publish.messages import Catalogue, read_catalogue
from mse.publish.wording import (
    Headline,
    headline,
    interval_name,
    judgement_of,
    method_numbers,
    methods_finding,
    overlap_finding,
    posterior_finding,
    reason_sentence,
    round_point,
)
from mse.results import REPORT, Results, read_results

MOST_MODELS, MOST_INTERACTIONS = 10, 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure and what it shows in words; without a drawing the words say why there is none."""

    svg: str | None
    finding: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a table with a bar: its name, its share from 0 to 1, and further cells."""

    name: str
    share: float
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """One rule that spoke: its name, the verdict that it asks for, its finding and its figures."""

    rule: str
    tone: str
    level: str
    finding: str
    figures: str


def render_report(results: Results) -> str:
    """Return the page of a run as one HTML file that loads nothing from elsewhere.

    Parameters
    ----------
    results : Results
        Any entry of its provenance may be missing.

    Raises
    ------
    InputError
        When there are no messages in the language that the job asks for.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from mse.shipped import shipped_path

    facts = read_facts(results)
    say = read_catalogue(facts.language or "en")
    said = headline(facts, say)
    folder = shipped_path("reports/templates", "report.html").parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    interactions = sorted(results.headline.interactions.items(), key=lambda item: (-item[1], item[0]))
    return environment.get_template("report.html").render(
        say=say,
        facts=facts,
        said=said,
        posterior=results.headline,
        interval=interval_name(facts, say),
        share=_share_in_view(facts, said, say),
        pictures=_pictures(results, facts, said, say),
        methods=[(row, *method_numbers(row, facts, say)) for row in facts.methods],
        models=[_model_bar(row, say) for row in facts.models[:MOST_MODELS]],
        models_weight=say.percent(sum(row.weight for row in facts.models[:MOST_MODELS])),
        interactions=[Bar(_joined(name.split(":")), value) for name, value in interactions[:MOST_INTERACTIONS]],
        lighter=interactions[MOST_INTERACTIONS:],
        spoken=_spoken(facts, said, say),
        silent=_silent(facts, say),
        record=_record(results, facts, say),
        job=_job(results.provenance.get("job")),
        version=str(_versions(results).get("mse-engine", "")),
    )


def render_folder(folder: Path) -> Path:
    """Render the page of a results folder again, in place, and return where it is."""
    page = folder / REPORT
    page.write_text(render_report(read_results(folder)), encoding="utf-8")
    return page


# ---- parts ------------------------------------------------------------------------------------------


def _pictures(results: Results, facts: Facts, said: Headline, say: Catalogue) -> dict[str, Picture]:
    methods, curve = methods_finding(facts, say), posterior_finding(facts, said.rounded, say)
    drawn = posterior_figure(results.headline.distribution, facts, said, curve, say)
    overlap = overlap_finding(facts, say) if facts.histories else say("overlap.missing")
    return {
        "intervals": Picture(interval_figure(facts, said, methods, say), methods),
        "posterior": Picture(drawn, curve if drawn else say("posterior.single")),
        "overlap": Picture(overlap_figure(facts, overlap, say), overlap),
    }


def _share_in_view(facts: Facts, said: Headline, say: Catalogue) -> tuple[str, str]:
    """Return the observed as a share of the estimate, and of the ends of its interval."""
    shares = [facts.estimate.observed / max(size, 1.0) for size in said.rounded[:3]]
    low, high = say.percent(shares[2]), say.percent(shares[1])
    return say.percent(shares[0]), say("format.range", low=low, high=high)


def _joined(lists: Sequence[str]) -> str:
    return " × ".join(lists)


def _model_bar(row: ModelRow, say: Catalogue) -> Bar:
    """Return one model: groups of lists that influence each other first, then the lists that stand alone."""
    groups = tuple(_joined(group) for group in sorted(row.generators, key=lambda group: -len(group)))
    return Bar(say.number(round_point(row.size)), row.weight, groups)


def _spoken(facts: Facts, said: Headline, say: Catalogue) -> list[Spoken]:
    verdict = facts.estimate.verdict
    return [
        Spoken(
            say.known("rule", reason.code),
            judgement_of(reason.level),
            say(f"verdict.{judgement_of(reason.level)}.name"),
            reason_sentence(reason, facts, said.rounded, say),
            _figures(reason, say),
        )
        for reason in (verdict.reasons if verdict else ())
    ]


def _figures(reason: Reason, say: Catalogue) -> str:
    """Return the figure of a rule with its thresholds; other numbers by name."""
    named = {name: say.figure(round(value, 4)) for name, value in reason.figures.items()}
    for kind, suffix in (("limit_from", "_from"), ("limit_below", "_below")):
        if {"figure", "caution" + suffix, "forbid" + suffix} == set(named):
            ends = {"caution": named["caution" + suffix], "forbid": named["forbid" + suffix]}
            return say(f"full.{kind}", figure=named["figure"], **ends)
    return "; ".join(say("full.figure", name=name.replace("_", " "), value=value) for name, value in named.items())


def _silent(facts: Facts, say: Catalogue) -> list[str]:
    """Return the rules that were checked and found nothing."""
    verdict = facts.estimate.verdict
    if verdict is None:
        return []
    loud = {reason.code for reason in verdict.reasons}
    return [say.known("rule", code) for code in verdict.checked if code not in loud]


def _versions(results: Results) -> Mapping[str, object]:
    versions = results.provenance.get("versions")
    return versions if isinstance(versions, Mapping) else {}


def _record(results: Results, facts: Facts, say: Catalogue) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what went in and how it was computed, as titled lists of entries and values."""
    headline_, provenance = results.headline, results.provenance
    made = {
        say("provenance.name"): facts.name,
        say("provenance.digest"): headline_.table_digest,
        say("provenance.method"): headline_.method,
        say("provenance.prob"): say.level(facts.estimate.prob),
        say("provenance.seed"): provenance.get("seed", headline_.spec.get("seed")),
        say("provenance.date"): facts.date,
    }
    diagnostics = [(name.replace("_", " "), say.figure(value)) for name, value in headline_.diagnostics.items()]
    parts = [
        (
            say("provenance.table"),
            [(name, str(value)) for name, value in made.items() if value not in (None, "")],
        ),
        (say("provenance.options"), _flat(headline_.spec)),
        (say("provenance.diagnostics"), sorted(diagnostics)),
        (say("provenance.versions"), _flat(_versions(results))),
    ]
    return [(title, rows) for title, rows in parts if rows]


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


def _job(job: object) -> str | None:
    return _plain(job, indent=2) if isinstance(job, Mapping) and job else None


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(render_folder(Path(name)))
