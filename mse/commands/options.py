"""Options and ways of printing that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mse.commands.completing import columns
from mse.commands.fromspecs import setting_option
from mse.jobs.asked import ComputeSpec, RunSpec, TableSpec
from mse.words.catalogues import catalogue, languages_there_are
from mse.words.said import Said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pandas import DataFrame

    from mse.answers.posterior import Posterior
    from mse.answers.results import Results
    from mse.computing.parallel import Compute
    from mse.jobs.job import Job
    from mse.tables.captures import CaptureTable
    from mse.tables.histories import HistoryTable

LANGUAGE = "mse.language"
"""Where a command leaves the language of its messages, in what its contexts share."""


def in_language(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Remember the language, or the first of several, in which a command was asked to speak."""
    speak(value)
    return value


def speak(languages: str | Sequence[str] | None) -> None:
    """Have errors that are told as codes said in a language, or in the first of several."""
    chosen = languages if isinstance(languages, str) else next(iter(languages or ()), None)
    if chosen is not None:
        click.get_current_context().meta[LANGUAGE] = chosen


def split_names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return names that were given one by one, or several with commas between them; a column may have a comma."""
    return tuple(name.strip() for given in value for name in given.split(",") if name.strip())


LANGUAGES = click.Choice(languages_there_are())
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON with documented keys instead of text.")
WORKERS = click.option("--workers", type=click.IntRange(1), help="Threads; every core when not given.")
CLUSTER = setting_option(ComputeSpec, "cluster")
RESUME = setting_option(ComputeSpec, "resume")
OUT = click.option("--out", type=click.Path(path_type=Path), help="Results folder.")
PDF = click.option("--pdf/--no-pdf", default=None, help="Write PDF too; as the job says when not given.")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace a results folder that exists.")
SEED = setting_option(RunSpec, "seed")
PROB = setting_option(RunSpec, "prob")
PERSONS = setting_option(TableSpec, "persons")
SUM = setting_option(TableSpec, "sum_duplicates")
COVARIATES = setting_option(TableSpec, "covariates", "--covariate", "--covariates", shell_complete=columns,
                            callback=split_names)  # fmt: skip
LISTS = setting_option(TableSpec, "lists", "--list", "--lists", shell_complete=columns, callback=split_names)
HOW_READ = {
    "lists": LISTS,
    "covariates": COVARIATES,
    "count": setting_option(TableSpec, "count", shell_complete=columns),
    "ignore": setting_option(TableSpec, "ignore", "--ignore", shell_complete=columns, callback=split_names),
    "persons": PERSONS,
    "sum_duplicates": SUM,
    "id_column": setting_option(TableSpec, "id_column", shell_complete=columns),
    "list_column": setting_option(TableSpec, "list_column", shell_complete=columns),
    "yes": setting_option(TableSpec, "yes"),
    "blank_is_no": setting_option(TableSpec, "blank_is_no"),
    "sheet": setting_option(TableSpec, "sheet"),
}
"""Options of commands that say how a table is to be read, by the setting that they are."""


def carry_out(
    job: Job, out: Path | None, overwrite: bool, where: Compute, as_json: bool, read: CaptureTable | None = None
) -> None:
    """Run a job, write its folder if there is to be one, and print the summary; `read` is its table, if it was read."""
    from mse.answers.results import REPORT, check_free, plain, summary_record, write_results
    from mse.computing.savefiles import work_folder
    from mse.jobs.compilingahead import compiling_ahead
    from mse.jobs.running import run_job
    from mse.jobs.sources import RECORDS
    from mse.publish.wording.sentences import terminal_summary

    if out is not None:
        check_free(out, overwrite)
    if out is None:
        with compiling_ahead():
            results: Results = run_job(job, where, told=tell, read=read)
    else:
        from mse.publish.report.html import render_pages

        with work_folder(out, "work-") as work:
            with compiling_ahead():
                results = run_job(job, where, workspace=work, told=tell)
            left = work / RECORDS
            write_results(out, results, render_pages, overwrite=overwrite, intake=left if left.is_dir() else None)
    if as_json:
        from mse.publish.publishedparts import published_record

        record = summary_record(results) | {"published": plain(published_record(results))}
        record |= {} if out is None else {"folder": str(out)}
        click.echo(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        click.echo(terminal_summary(results, None if out is None else str(out / REPORT)))


def spoken() -> str:
    """Return the language in which the command speaks."""
    context = click.get_current_context(silent=True)
    return "en" if context is None else str(context.meta.get(LANGUAGE, "en"))


def where_to(workers: int | None, cluster: str | None = None, folder: Path | None = None) -> Compute:
    """Return where a command computes, with progress in its language; parameters as in `Compute`."""
    from mse.computing.progress import compute

    return compute(workers, cluster, folder, spoken())


def tell(what: Said) -> None:
    """Say on standard error, in one line, what was understood of a table."""
    with suppress(OSError):
        click.echo(f"mse: {catalogue(spoken()).said(what)}", err=True)


def reading_options[F: Callable[..., Any]](command: F) -> F:
    """Give a command that reads a table the options that say how; it receives them as one mapping, ``reading``."""
    declared = [*HOW_READ.values()]

    @wraps(command)
    def reading_what_is_said(*args: Any, **given: Any) -> Any:
        reading = {name: given.pop(name) for name in HOW_READ}
        return command(*args, reading=reading, **given)

    found: Any = reading_what_is_said
    for option in reversed(declared):
        found = option(found)
    return cast(F, found)


def table_source(table: str, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table section of a job: a file if there is one of that name, else a public table."""
    from mse.shipped import names_public

    given = {name: value for name, value in reading.items() if value is not None}
    return {"name": table, **given} if names_public(table) else {"path": Path(table), **given}


def read_table(table: str, reading: Mapping[str, Any]) -> CaptureTable:
    """Read the table that a command names, and say what was understood of it."""
    from mse.jobs.job import load_job_table, make_job

    found, info = load_job_table(make_job({"table": table_source(table, reading)}))
    if info is None and found.read_as is not None:
        tell(found.read_as)
    return found


def with_unread(found: Posterior, unread: tuple[str, ...]) -> Posterior:
    """Return an answer with a note on the columns of its file that were not read."""
    from dataclasses import replace

    from mse.words.said import said

    return replace(found, notes=(*found.notes, said("note.unread", names=list(unread)))) if unread else found


def read_any(table: str, method: str, reading: Mapping[str, Any]) -> CaptureTable | HistoryTable | None:
    """Return the table in a file for a method that also takes more lists than a table with all cells can have.

    None for any other method, and for a public table: the job reads those.
    """
    from mse.jobs.asked import TableSpec
    from mse.methods import METHODS
    from mse.shipped import names_public
    from mse.shipped import read_table as read_from
    from mse.tables.captures import CaptureTable
    from mse.tables.histories import HistoryTable

    if method not in METHODS or HistoryTable.__name__ not in METHODS[method].also or names_public(table):
        return None
    given = {name: value for name, value in reading.items() if value is not None}
    found = read_from(Path(table), TableSpec(path=Path(table), **given).reading())
    assert isinstance(found, CaptureTable | HistoryTable)  # of lists, whatever the file is
    return found


def print_answer(
    found: Posterior, prob: float, frames: Mapping[str, DataFrame], as_json: bool, language: str = "en",
    coarse: bool = False,
) -> None:  # fmt: skip
    """Print an estimate that stands without a job: the number, what it needs, and the tables beside it."""
    from mse.answers.results import plain
    from mse.publish.wording.messages import read_catalogue
    from mse.publish.wording.plainanswer import answer_lines

    if as_json:
        summary = found.summary(prob)
        tables = {name: frame.to_dict("records") for name, frame in frames.items()}
        told = {"notes": [str(x) for x in found.notes], "notes_said": [x.as_record() for x in found.notes]}
        click.echo(
            json.dumps(
                plain({"estimate": summary.as_dict(), **told, **tables}),
                indent=2,
            )
        )
        return
    for line in answer_lines(found, prob, read_catalogue(language), coarse=coarse):
        say(line)
    for frame in frames.values():
        click.echo()
        print_frame(frame, False, language)


def print_frame(frame: DataFrame, as_json: bool, language: str = "en") -> None:
    """Print a data frame as aligned text, or as a JSON list of records."""
    if as_json:
        click.echo(frame.to_json(orient="records", double_precision=15, indent=2))
        return
    from mse.publish.wording.frametext import frame_text
    from mse.publish.wording.terminaltext import terminal_width

    click.echo(frame_text(frame, language, terminal_width()))


def say(text: str) -> None:
    """Print a text as wide as the terminal."""
    from mse.publish.wording.terminaltext import terminal_width, wrap_lines

    click.echo(wrap_lines(text, terminal_width()))
