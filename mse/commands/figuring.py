"""Commands for the other numbers of a rapporteur: key figures, the chain through time, the effect of a measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from mse.commands.options import AS_JSON, LANGUAGES, OVERWRITE, PDF, in_language, print_frame, say
from mse.words.said import said, to_json


def _of_a_job[F: Callable[..., Any]](command: F) -> F:
    """Add what the commands of these jobs take."""
    language = click.option(
        "--language", type=LANGUAGES, callback=in_language, help="Of the sentences; the first of the job."
    )
    for option in reversed((
        click.argument("job", type=click.Path(path_type=Path)),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for the page, CSV and JSON."),
        OVERWRITE,
        language,
        AS_JSON,
    )):  # fmt: skip
        command = option(command)
    return command


def _print(sentences: Sequence[str], record: str | None, *, apart: bool = False) -> None:
    """Print sentences, with an empty line between them where they stand `apart`, or the record in their place."""
    if record is not None:
        click.echo(record, nl=False)
        return
    for i, sentence in enumerate(sentences):
        click.echo("", nl=apart and i > 0)
        say(sentence)


@click.command()
@_of_a_job
@click.option(
    "--against", type=click.Path(path_type=Path), multiple=True,
    help="A release (mse release) or key figures (mse figures --out) on the same persons to protect with; repeat.",
)  # fmt: skip
@PDF
def figures(
    job: Path, out: Path | None, overwrite: bool, language: str | None, as_json: bool, against: tuple[Path, ...],
    pdf: bool | None,
) -> None:  # fmt: skip
    """Print the key figures of a JOB as sentences: totals, shares, changes, multiples, ranks, estimates beside them."""
    from mse.jobs.figurejob import figures as make
    from mse.publish.figures.figurefiles import json_text, write_figures

    _check_pdf(pdf, out)
    found = make(job, against=against)
    sentences = found.sentences(language)
    if out is not None:
        write_figures(out, found, overwrite=overwrite, pdf=pdf)
    _print(sentences, json_text(found) if as_json else None, apart=True)


@click.command()
@_of_a_job
@PDF
def chain(
    job: Path, out: Path | None, overwrite: bool, language: str | None, as_json: bool, pdf: bool | None
) -> None:  # fmt: skip
    """Print what becomes of persons or cases through time, from the dated events of a JOB; or rates, from counts.

    JOB is a job file of dated events (shares by state, medians, a flow diagram), or, where only counts exist, a CSV
    file with the columns step, count, of, within (rates along the chain).
    """
    _check_pdf(pdf, out)
    if job.suffix.casefold() == ".csv":
        _rates(job, out, as_json, language)
        return
    from mse.jobs.chainjob import chain as make
    from mse.publish.chainfiles import chain_json, write_chain

    found = make(job)
    sentences = found.sentences(language)
    if out is not None:
        write_chain(out, found, overwrite=overwrite, pdf=pdf)
    _print(sentences, chain_json(found) if as_json else None)


@click.command()
@_of_a_job
@PDF
def policy(
    job: Path, out: Path | None, overwrite: bool, language: str | None, as_json: bool, pdf: bool | None
) -> None:  # fmt: skip
    """Print what became of registered counts at the date of a measure, from a JOB: level, slope, other dates tried."""
    from mse.jobs.policyjob import policy as make
    from mse.publish.policy.measurepage import write_policy
    from mse.publish.policy.shownmeasure import policy_json

    _check_pdf(pdf, out)
    found = make(job)
    sentences = found.sentences(language)
    if out is not None:
        write_policy(out, found, overwrite=overwrite, pdf=pdf)
    _print(sentences, policy_json(found) if as_json else None)


def _check_pdf(pdf: bool | None, out: Path | None) -> None:
    """Raise InputError when PDF is asked for without a folder to write it to."""
    if pdf and out is None:
        from mse.errors import InputError, Problem

        raise InputError(Problem(said("found.pdf_no_folder"), said("allowed.pdf_in_folder"),
                                 said("do.give_out_folder"), value="--pdf"))  # fmt: skip


def _rates(file: Path, out: Path | None, as_json: bool, language: str | None) -> None:
    """Print the rates along a chain of counts, after disclosure control with its usual thresholds."""
    from mse.errors import InputError, Problem
    from mse.evidence.chain import not_within, read_chain
    from mse.publish.disclosure.control import Disclosure
    from mse.publish.publishedchain import chain_of_counts

    if out is not None:
        remedy = said("do.leave_out_away_name")
        raise InputError(Problem(said("found.folder_chain_counts"), said("allowed.job_dated_events_out"), remedy))
    frame = chain_of_counts(read_chain(file), Disclosure())
    if not as_json:
        kinds = zip(frame["step"], frame["of"], frame["kind"], strict=True)
        frame = frame.assign(said=[
            to_json([("note", not_within(step, of))]) if kind == "ratio" else "" for step, of, kind in kinds
        ])  # fmt: skip
    print_frame(frame, as_json, language or "en")
