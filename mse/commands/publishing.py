"""Commands from results to what may be said in public."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mse.commands.options import AS_JSON, LANGUAGES, OVERWRITE, PDF, in_language, say
from mse.words.said import said

if TYPE_CHECKING:
    from mse.publish.citing import Style


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--language", "languages", type=LANGUAGES, multiple=True, callback=in_language, help="Repeat for several."
)
@PDF
@click.option("--docx", is_flag=True, help="Write the short report for Word too (extra office).")
@click.option(
    "--take-away", type=click.Path(path_type=Path), help="New folder for every figure (SVG, PNG) and table (CSV, xlsx)."
)
def report(
    results: Path, languages: tuple[str, ...], pdf: bool | None, docx: bool, take_away: Path | None
) -> None:  # fmt: skip
    """Render the report of a RESULTS folder again, in the languages of its job unless others are named."""
    from mse.publish.registerpages import is_register, rewrite_pages
    from mse.publish.report.html import write_pages

    if (results / "survey.json").is_file():
        from mse.publish.surveypages import render_survey

        for page in render_survey(results, languages):
            click.echo(f"{page}")
        return
    if is_register(results):
        for page in rewrite_pages(results, languages):
            click.echo(f"{page}")
        return
    for page in write_pages(results, languages, pdf, docx):
        click.echo(f"{page}")
    if take_away is not None:
        from mse.publish.takeaway import take_away as write

        click.echo(f"{write(results, take_away, language=next(iter(languages), None))}")


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--style", type=click.Choice(["plain", "apa", "bibtex"]), default="plain", show_default=True, help="Form."
)
@click.option("--language", type=LANGUAGES, default=None, callback=in_language, help="That of the job when not given.")
def cite(results: Path, style: Style, language: str | None) -> None:
    """Print how a RESULTS folder is cited: who, when, what, the sentence with its verdict, method and version."""
    from mse.publish.citing import cite as citation

    click.echo(citation(results, style, language=language))


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the release; RESULTS-release when not given.")
@click.option(
    "--against", type=click.Path(path_type=Path), multiple=True,
    help="An earlier release on the same persons (last year's, with or without a stratum) to protect with; repeat.",
)  # fmt: skip
@click.option(
    "--after",
    type=click.Path(path_type=Path),
    help="The release that this one follows in a series, with those it followed beside it: all are protected together.",
)
@click.option("--number", type=click.IntRange(1), help="Of the release; one more than that of --after, else 1.")
@click.option("--date", help="Day of the release, as 2026-11-28; that of the report when not given.")
@OVERWRITE
def release(
    results: Path, out: Path | None, against: tuple[Path, ...], after: Path | None, number: int | None,
    date: str | None, overwrite: bool,
) -> None:  # fmt: skip
    """Write what anybody may have of a RESULTS folder: rounded, controlled, with its verdict."""
    from mse.publish.release.bundle import write_release

    made = write_release(results, out, overwrite=overwrite, against=against, after=after, number=number, date=date)
    click.echo(f"{made}")


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--audit", type=click.Path(path_type=Path), help="Results folder; the one beside it when not given.")
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of what is said.")
@AS_JSON
@click.pass_context
def verify(ctx: click.Context, release: Path, audit: Path | None, language: str, as_json: bool) -> None:
    """Derive every figure of a RELEASE again from the results folder it was made from."""
    from mse.publish.release.verification import verify_release
    from mse.words.catalogues import catalogue
    from mse.words.said import said

    found = verify_release(release, audit)
    if as_json:
        click.echo(json.dumps([m.as_record() for m in found], ensure_ascii=False, indent=2))
    else:
        say = catalogue(language)
        for mismatch in found:
            click.echo(say.said(mismatch.sentence()), err=True)
        click.echo(say.said(said("verify.disagree", count=len(found)) if found else said("verify.agree")))
    if found:
        ctx.exit(2)


@click.command()
@click.argument("questionnaire", required=False)
@click.argument("release", required=False, type=click.Path(path_type=Path))
@click.option(
    "--figures", type=click.Path(path_type=Path), multiple=True, help="A folder of mse figures --out beside it; repeat."
)
@click.option("--chain", type=click.Path(path_type=Path), help="A folder of mse chain --out beside it.")
@click.option("--year", help="Of which year; the last of the release when not given.")
@click.option(
    "--called", multiple=True,
    help="What the release calls something, as sex=gender, sex.female=women, suspects=accused; repeat.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Folder for CSV, workbooks and JSON.")
@OVERWRITE
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of what is said.")
@AS_JSON
def questionnaire(
    questionnaire: str | None, release: Path | None, figures: tuple[Path, ...], chain: Path | None, year: str | None,
    called: tuple[str, ...], out: Path | None, overwrite: bool, language: str, as_json: bool,
) -> None:  # fmt: skip
    """Fill a QUESTIONNAIRE, one that ships or a file of yours, from a RELEASE; name every gap, and what would fill it.

    Without any argument, list the questionnaires that ship. Cells stand as they were published; nothing is computed.
    """
    from mse.errors import InputError, Problem
    from mse.jobs.questionnairejob import questionnaire as make
    from mse.jobs.questionnairejob import questionnaires
    from mse.publish.questionnaires.questionnairefiles import questionnaire_json, write_questionnaire

    if questionnaire is None:
        for name in questionnaires():
            click.echo(name)
        return
    pairs = [x.partition("=") for x in called]
    problems = [
        Problem(said("questionnaire.pair"), said("questionnaire.pair_allowed"), said("do.correct"), value=text)
        for text, (name, _, other) in zip(called, pairs, strict=True) if not (name and other)
    ]  # fmt: skip
    if release is None:
        problems.append(Problem(said("questionnaire.release_missing"), said("allowed.folder_written_mse_release"),
                                said("do.add")))  # fmt: skip
    if problems or release is None:
        raise InputError(problems)
    names: dict[str, tuple[str, ...]] = {}
    for name, _, other in pairs:
        names[name] = (*names.get(name, ()), other)
    found = make(questionnaire, release, figures=figures, chain=chain, year=year, called=names)
    if out is not None:
        write_questionnaire(out, found, language=language, overwrite=overwrite)
    if as_json:
        click.echo(questionnaire_json(found), nl=False)
    else:
        for line in found.lines(language):
            say(line)
