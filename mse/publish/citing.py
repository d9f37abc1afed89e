"""How a result is cited, with its interval and its verdict: in plain words, in the style of the APA, or as BibTeX."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args

from mse.answers.results import Results, read_results
from mse.errors import ModelError, Problem, names_of
from mse.publish.facts.statements import languages, read_facts
from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.sentences import headline
from mse.words.said import said

Style = Literal["plain", "apa", "bibtex"]
STYLES: tuple[Style, ...] = get_args(Style)


def cite(results: Results | str | Path, style: Style = "plain", *, language: str | None = None) -> str:
    """Return the line by which a result is cited: who, when, what, the sentence, the verdict, method and version.

    Parameters
    ----------
    results : Results, str or Path
        Of a job, or their folder.
    style : str
        ``"plain"``, ``"apa"`` or ``"bibtex"``.
    language : str, optional
        ``"en"`` or ``"nl"``; the first that the job asks for when not given.

    Raises
    ------
    ModelError
        When there is no such style.
    InputError
        When the folder is damaged, or there are no messages in that language.
    """
    if style not in STYLES:
        raise ModelError(
            Problem(said("found.no_such_style"), names_of(STYLES), said("do.choose_one_these"), value=str(style))
        )
    found = results if isinstance(results, Results) else read_results(results)
    say = read_catalogue(language or languages(found)[0])
    facts = read_facts(found, say)
    told = headline(facts, say)
    method = next((str(row.label) for row in facts.methods if row.headline), facts.estimate.method)
    year = facts.date[:4] if facts.date else say("cite.no_date")
    values = {
        "title": facts.title.rstrip("."),
        "year": year,
        "sentence": told.latest or told.sentence,
        "verdict": say("verdict.stamp", verdict=told.verdict),
        "method": method,
        "version": found.record.engine or say("cite.no_version"),
    }
    who = say("cite.who", publisher=facts.publisher, **values) if facts.publisher else say("cite.nobody", **values)
    if style != "bibtex":
        return say(f"cite.{style}", who=who, **values)
    fields = {
        "title": facts.title,
        "institution": facts.publisher or "",
        "year": year if year.isdigit() else "",
        "note": say("cite.note", **values),
    }
    key = re.sub(r"[^a-z0-9]+", "-", f"{facts.name} {year}".lower()).strip("-")
    lines = [f"  {name} = {{{_escaped(value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@techreport{{{key},", *lines, "}"])


def _escaped(text: str) -> str:
    """Return a text as BibTeX takes it."""
    return re.sub(r"([&%#_$])", r"\\\1", re.sub(r"[{}\\]", "", text))
