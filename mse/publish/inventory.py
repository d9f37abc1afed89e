"""Everything that leaves the house, as rows: what it is, what it holds, and what was done to it before.

Pages, drawings, PDF, releases, their metadata and the modes of files: what is not listed here may not be written. A
test walks every artefact of a run, element by element, and fails on anything that no row lists; an attack has to know
all rows whose `holds` is a count or an estimate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Artefact = Literal[
    "results", "page", "section", "drawing", "pdf", "release", "table", "figures.json", "datapackage.json"
]

Holds = Literal[
    "structure", "words", "setting", "name", "count", "estimate", "drawn estimate", "verdict", "digest", "mode"
]
"""``structure`` says nothing of the data; ``name`` is one of the job (a list, a level, a file); ``digest`` is that of a
file that is itself published."""

PROTECTED = "disclosure control, with all margins of the result as one table"
ROUNDED = "rounded outward to a unit of at most a tenth of the interval's width; none where the verdict forbids it"
DRAWN = "drawn from printed numbers, coordinates to a hundredth of a point, numbered ids; never from the audit record"
TOLD = "sentences of the catalogue filled with published numbers"
GIVEN = "as the job or the engine has it"
SHARED = "whole percent of published counts; left out beside small ones"
OWN = "of a file of the release itself; none of a table, a posterior or a job that is not public"


@dataclass(frozen=True, slots=True)
class Leaving:
    """One thing that leaves the house.

    Parameters
    ----------
    artefact : str
        What it is part of.
    element : str
        The element itself: a tag with an attribute, a column, a key; ``<dimension>``, ``<list>`` and ``<library>``
        stand for names of the job or the engine.
    holds : str
        What it can tell.
    control : str
        What was done to it.
    """

    artefact: Artefact
    element: str
    holds: Holds
    control: str = GIVEN


def _rows(artefact: Artefact, holds: Holds, control: str, elements: str, before: str = "") -> tuple[Leaving, ...]:
    return tuple(Leaving(artefact, before + element, holds, control) for element in elements.split())


def _estimates(table: str, named: str = "", more: str = "") -> tuple[Leaving, ...]:
    """Return the rows of a table of points and intervals."""
    dot = f"{table}."
    return (
        *_rows("table", "estimate", ROUNDED, f"point low high {more}", dot),
        *_rows("table", "name", GIVEN, named, dot),
    )


_LEVELS = "<dimension>"
_SETTINGS = "prob unit definition status verdict period indicator".split()

FOLDER = (
    Leaving("results", "public", "mode", "0755; the folder around it 0700"),
    *_rows("results", "words", TOLD, "public/report.html public/report.<language>.html"),
    *_rows("results", "words", TOLD, "public/report.pdf public/report.<language>.pdf"),
    *_rows("results", "words", TOLD, "public/report.docx public/report.<language>.docx"),
)
"""What of a results folder may be shown; all else of it is the audit record, 0600 in folders of 0700."""

PAGE = (
    *_rows(
        "page", "structure", GIVEN, "html html@lang head meta meta@charset meta@content meta@http-equiv meta@name style"
    ),
    *_rows(
        "page", "structure", GIVEN, "body main main@id main@tabindex nav nav@aria-label header header@class footer div"
    ),
    *_rows("page", "structure", GIVEN, "div@aria-labelledby div@class div@role div@tabindex section section@class"),
    *_rows(
        "page",
        "structure",
        GIVEN,
        "section@aria-labelledby h2@id caption@id figcaption@id table table@class thead tbody",
    ),
    *_rows(
        "page",
        "structure",
        GIVEN,
        "tr td td@class th th@class th@scope ul ul@class li dl dt p@class pre@tabindex a@class",
    ),
    *_rows(
        "page",
        "structure",
        GIVEN,
        "span span@aria-hidden span@class span@lang figure figure@aria-labelledby details a a@rel",
    ),
    *_rows("page", "verdict", GIVEN, "tr@class"),
    *_rows(
        "page", "words", TOLD, "title h1 h2 h3 p dd strong caption figcaption summary td@data-column th@data-column"
    ),
    Leaving("page", "a@href", "words", "addresses inside the page, and of publications"),
    Leaving("page", "span@style", "estimate", "the width of a bar, the whole percent that stands beside it"),
    Leaving("page", "pre", "setting", "the job without seeds of lots, secrets, folders and addresses of computers"),
)
SECTIONS = (
    *_rows("section", "estimate", ROUNDED, "intervals sensitivity robustness checks trend strata indicators sdg"),
    *_rows(
        "section",
        "estimate",
        "steps of 5%; single percents, and sizes under one model, only of a public table",
        "models interactions",
    ),
    Leaving("section", "posterior", "drawn estimate", DRAWN),
    Leaving("section", "overlap", "count", PROTECTED + "; single histories only of a public table"),
    Leaving("section", "survey", "estimate", "published rates and populations of a survey, beside the lists"),
    Leaving("section", "chain", "count", "disclosure control of the chain"),
    Leaving("section", "quality", "count", f"{PROTECTED}, lists and steps; shares in {SHARED}"),
    Leaving("section", "verdict", "verdict", "two digits of the figure of a rule where the table is not public"),
    Leaving("section", "meaning", "words", "sentences of the method; notes with counts only of a public table"),
    Leaving("section", "sources", "words"),
    Leaving("section", "gather", "words", TOLD),
    Leaving("section", "provenance", "setting", "no digest; diagnostics only of a public table"),
)
"""Sections of a page, the same in HTML and PDF."""

DRAWINGS = (
    *_rows(
        "drawing", "structure", GIVEN, "svg svg@aria-hidden svg@class svg@fill svg@role svg@stroke svg@stroke-linecap"
    ),
    *_rows("drawing", "structure", GIVEN, "svg@stroke-width svg@viewbox clippath clippath@id path path@style"),
    *_rows("drawing", "structure", GIVEN, "path@clip-path circle circle@r circle@style circle@clip-path text@style"),
    *_rows("drawing", "structure", GIVEN, "rect rect@rx rect@style rect@clip-path"),
    *_rows("drawing", "words", TOLD, "svg@aria-label title text"),
    *_rows("drawing", "drawn estimate", DRAWN, "path@d circle@cx circle@cy text@x text@y text@transform"),
    *_rows("drawing", "drawn estimate", DRAWN, "rect@x rect@y rect@width rect@height"),
    *_rows(
        "drawing", "drawn estimate", DRAWN, "intervals posterior sensitivity robustness checks trend strata", "figure "
    ),
    Leaving("drawing", "figure quality", "count", "words in boxes of one size: " + PROTECTED),
    Leaving("drawing", "figure overlap", "count", "only of a public table"),
)
PDF = (
    *_rows("pdf", "words", TOLD, "/Title /Author dc:title dc:creator dc:description"),
    *_rows(
        "pdf",
        "setting",
        "the date of the report, never the clock's",
        "/CreationDate /ModDate xmp:CreateDate xmp:ModifyDate",
    ),
    *_rows(
        "pdf", "setting", GIVEN, "/Creator /Producer xmp:CreatorTool pdf:Producer dc:language dc:format pdf:PDFVersion"
    ),
    *_rows("pdf", "structure", GIVEN, "stEvt:when stEvt:softwareAgent stEvt:action xmpMM:RenditionClass xmpMM:History"),
    *_rows("pdf", "structure", GIVEN, "x:xmpmeta rdf:RDF rdf:Description rdf:Alt rdf:Bag rdf:Seq rdf:li xmpTPg:NPages"),
    *_rows(
        "pdf", "structure", GIVEN, "pdfaid:part pdfaid:conformance pdfuaid:part pdfaExtension:schemas pdfaSchema:schema"
    ),
    *_rows(
        "pdf", "structure", GIVEN, "pdfaSchema:prefix pdfaSchema:property pdfaSchema:namespaceURI pdfaProperty:name"
    ),
    *_rows("pdf", "structure", GIVEN, "pdfaProperty:category pdfaProperty:description pdfaProperty:valueType"),
    *_rows("pdf", "digest", "of the file itself", "xmpMM:DocumentID xmpMM:InstanceID stEvt:instanceID"),
)

RELEASE = (
    *_rows("release", "words", GIVEN, "datapackage.json figures.json"),
    *(Leaving("release", f"{name}.csv", "count", PROTECTED) for name in ("counts", "lists", "indicators", "sdg")),
    Leaving("release", "vintages.csv", "count", PROTECTED),
    *(Leaving("release", f"{name}.csv", "count", "disclosure control of the chain") for name in ("chain",)),
    *(Leaving("release", f"{name}.csv", "estimate", ROUNDED)
      for name in ("methods", "sensitivity", "prior", "linkage_error", "robustness", "calibrated", "survey")),
)  # fmt: skip
TABLES = (
    *_estimates("indicators", f"{_LEVELS} {' '.join(_SETTINGS)}"),
    *_rows("table", "name", GIVEN, f"{_LEVELS} status", "counts."),
    *_rows("table", "name", GIVEN, "<list> status", "lists."),
    *_rows("table", "count", PROTECTED, "counts.count lists.count sdg.detected"),
    *_estimates("methods", "method label headline prob kind status"),
    *_rows("table", "estimate", ROUNDED, "undetected low high total per_100k per_100k_low per_100k_high", "sdg."),
    Leaving("table", "sdg.detected_per_100k", "count", "of the published count"),
    *_rows("table", "name", GIVEN, "year sex age form prob status verdict", "sdg."),
    *_rows("table", "count", "disclosure control of the chain", "chain.count chain.base"),
    *_rows("table", "estimate", "of published counts", "chain.rate chain.low chain.high"),
    *_rows("table", "name", GIVEN, "step of kind status prob interval note", "chain."),
    *_rows("table", "estimate", ROUNDED, "persons low high rate rate_low rate_high", "survey."),
    *_rows("table", "setting", GIVEN, "group population prob interval source deff n label", "survey."),
    *_estimates("sensitivity", "assumption odds_ratio"),
    *_estimates("prior", "setting value"),
    *_estimates("linkage_error", "alpha beta"),
    *_estimates("robustness", "change what status"),
    *_estimates("calibrated", "interval prob"),
    *_rows(
        "table", "count", f"as published in each release: {PROTECTED}, {ROUNDED}", "OBS_VALUE LOWER UPPER", "vintages."
    ),
    *_rows("table", "name", GIVEN, "INDICATOR TIME_PERIOD OBS_STATUS ROUNDED RELEASE RELEASE_DATE", "vintages."),
)
_CODE_KEYS = (
    "earlier_releases.code earlier_releases.held_against[] earlier_releases.text estimate.said.kind.code"
    " estimate.said.inside[].code estimate.said.outside[].code estimate.said.assumptions[].code"
)
"""Codes of what is said, and which earlier releases a release was protected with."""

_SERIES_KEYS = "number date predecessor predecessor.release predecessor.number predecessor.date predecessor.digest"
"""Which release of a series it is, and which it follows."""

_SHARED_KEYS = (
    "verdict.level verdict.reasons[] verdict.reasons[].code verdict.reasons[].level verdict.reasons[].text "
    "verdict.account[] verdict.checked[] verdict.parts[] verdict.parts[].because[] verdict.parts[].level "
    "verdict.parts[].where.<dimension> verdict estimate.method estimate.kind estimate.interval_contains[] "
    "estimate.interval_leaves_out[] estimate.assumptions[] estimate.citations[] disclosure versions.<library>"
)
KEYS = (
    *_rows("figures.json", "words", TOLD, f"format title audit.folder {_SHARED_KEYS}"),
    *_rows("figures.json", "setting", GIVEN, _SERIES_KEYS, "release."),
    *_rows("datapackage.json", "setting", GIVEN, _SERIES_KEYS, "mse.release."),
    *_rows("figures.json", "setting", GIVEN, "method deviation lists_deviation fewest", "rounding."),
    *_rows("figures.json", "words", GIVEN, _CODE_KEYS),
    *_rows("datapackage.json", "words", GIVEN, _CODE_KEYS, "mse."),
    *_rows("figures.json", "digest", OWN, "digests.table digests.posterior digests.job"),
    *_rows("figures.json", "estimate", f"{ROUNDED}; counts: {PROTECTED}", "value low high", "figures[]."),
    *_rows("figures.json", "words", GIVEN, "name prob unit period definition verdict status", "figures[]."),
    *_rows("datapackage.json", "words", GIVEN, "$schema name title sources[].title sources[].path"),
    *_rows("datapackage.json", "words", TOLD, _SHARED_KEYS, "mse."),
    *_rows("datapackage.json", "setting", GIVEN, "mse.written_with.<library>"),
    *_rows("datapackage.json", "digest", OWN, "digests.table digests.posterior digests.job", "mse."),
    *_rows("datapackage.json", "structure", GIVEN, "name path title type format mediatype encoding", "resources[]."),
    *_rows("datapackage.json", "structure", GIVEN, "schema.fields[].name schema.fields[].type schema.missingValues[]",
           "resources[]."),
    *_rows("datapackage.json", "digest", OWN, "resources[].hash resources[].bytes"),
)  # fmt: skip

INVENTORY: tuple[Leaving, ...] = (*FOLDER, *PAGE, *SECTIONS, *DRAWINGS, *PDF, *RELEASE, *TABLES, *KEYS)
"""Everything that leaves the house."""


def unlisted(
    found: Iterable[tuple[str, str]], names: Mapping[str, Sequence[str]] | None = None
) -> tuple[tuple[str, str], ...]:
    """Return what no row of the inventory lists.

    Parameters
    ----------
    found : iterable of (str, str)
        Artefact and element, as they stand in what was written.
    names : mapping of str to sequence of str, optional
        The names that may stand for ``<dimension>``, ``<list>``, ``<library>`` and ``<language>``.
    """
    known: dict[str, list[re.Pattern[str]]] = {}
    for row in INVENTORY:
        known.setdefault(row.artefact, []).append(_pattern(row.element, names or {}))
    return tuple(
        (artefact, element) for artefact, element in sorted(set(found))
        if not any(pattern.fullmatch(element) for pattern in known.get(artefact, ()))
    )  # fmt: skip


def _pattern(element: str, names: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    """Return what matches an element, with the names that a placeholder stands for."""
    parts = re.split(r"<(\w+)>", element)
    said = [
        "|".join(map(re.escape, names.get(part, ()))) or r"(?!)" if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    ]
    return re.compile("".join(f"(?:{part})" if i % 2 else part for i, part in enumerate(said)))
