"""Commands that put side by side: methods on one table, two vintages, and a series of releases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mse.commands.completing import methods, tables
from mse.commands.options import (
    AS_JSON,
    LANGUAGES,
    OVERWRITE,
    PROB,
    SEED,
    WORKERS,
    carry_out,
    in_language,
    print_frame,
    read_table,
    reading_options,
    say,
    table_source,
    where_to,
)
from mse.errors import InputError, Problem
from mse.words.catalogues import catalogue, languages_there_are
from mse.words.said import said

if TYPE_CHECKING:
    from mse.computing.parallel import Compute


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TABLE | OLD NEW", shell_complete=tables)
@click.option(
    "--method",
    "methods",
    multiple=True,
    shell_complete=methods,
    help="A method; repeat for several. All when not given.",
)
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of what is said.")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="New folder: results whose page has the methods side by side, or the revision as a page and JSON.",
)  # fmt: skip
@OVERWRITE
@click.option("--apart/--together", default=True, help="Estimate again where data and method changed, to tell apart.")
@reading_options
@SEED
@PROB
@WORKERS
@AS_JSON
def compare(
    what: tuple[str, ...], methods: tuple[str, ...], language: str, out: Path | None, overwrite: bool, apart: bool,
    reading: Mapping[str, Any], seed: int, prob: float, workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Put methods side by side on TABLE, or say what changed between OLD and NEW (results or releases), and why."""
    from mse.publish.changes import is_results_folder
    from mse.publish.revisions import is_release

    if len(what) == 2 and all(is_results_folder(Path(x)) or is_release(Path(x)) for x in what):
        _compare_vintages(Path(what[0]), Path(what[1]), language, out, overwrite, apart, workers, as_json)
        return
    if len(what) != 1:
        raise InputError(
            Problem(said("found.neither_one_table_nor"), said("allowed.table_two_folders_mse"),
                    said("do.check_paths"), value=" ".join(what))
        )  # fmt: skip
    from mse.methods import compare as side_by_side
    from mse.methods import usual_methods

    captures = read_table(what[0], reading)
    if out is not None:
        _write_comparison(what[0], methods or usual_methods(captures), reading, seed, prob, language, out, overwrite,
                          where_to(workers), as_json)  # fmt: skip
        return
    rows = side_by_side(captures, methods or None, seed=seed, prob=prob, compute=where_to(workers))
    if as_json:
        print_frame(rows, True)
        return
    aside = ["kind", "interval_contains", "summed_over"] + ["fit"] * (not rows["fit"].any())
    print_frame(rows.drop(columns=aside), False, language)
    for names in sorted({x for x in rows["summed_over"] if x}):
        say(catalogue(language).said(said("note.summed_over", names=names.split(", "))))


def _write_comparison(
    table: str, methods: Sequence[str], reading: Mapping[str, Any], seed: int, prob: float, language: str, out: Path,
    overwrite: bool, where: Compute, as_json: bool,
) -> None:  # fmt: skip
    """Write a results folder whose answer is that of the first method, and whose page has the others beside it."""
    from mse.jobs.job import make_job

    first, *others = methods
    report = {"languages": [language, *(x for x in languages_there_are() if x != language)]}
    job = make_job({"table": table_source(table, reading), "estimate": {"method": first}, "report": report,
                    "compare": [{"method": x} for x in others], "run": {"seed": seed, "prob": prob}})  # fmt: skip
    carry_out(job, out, overwrite, where, as_json)


def _compare_vintages(
    old: Path, new: Path, language: str, out: Path | None, overwrite: bool, apart: bool, workers: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Print what changed between two vintages, and write its page where asked."""
    from mse.answers.results import plain
    from mse.jobs.revising import revision
    from mse.publish.changes import compare_results, is_results_folder
    from mse.publish.changestext import changes_text
    from mse.publish.revisionfiles import revision_record, revision_text, write_revision

    found = revision(old, new, where_to(workers), apart=apart)
    if out is not None:
        write_revision(out, found, overwrite=overwrite, language=language)
    changes = compare_results(old, new) if is_results_folder(old) and is_results_folder(new) else None
    text = "" if changes is None else changes_text(changes, language)
    if not as_json:
        say("\n\n".join([x for x in (text, revision_text(found, language)) if x]))
        return
    record: dict[str, Any] = {"revision": revision_record(found)}
    if changes is not None:
        causes, sides = [asdict(cause) for cause in changes.causes], changes.estimates.to_dict("records")
        record |= {"verdicts": changes.verdicts, "causes": causes, "estimates": sides, "years": changes.years,
                   "text": text}  # fmt: skip
    click.echo(json.dumps(plain(record), ensure_ascii=False, indent=2, allow_nan=False))


@click.command()
@click.argument("releases", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="New folder for the page in every language, and JSON.")
@OVERWRITE
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of what is said.")
@AS_JSON
def series(releases: tuple[Path, ...], out: Path | None, overwrite: bool, language: str, as_json: bool) -> None:
    """Print year by year what every one of some RELEASES stated; the last of a series holds those before it."""
    from mse.publish.releaseseries import read_series, series_record, series_text, write_series

    found = read_series(releases)
    if out is not None:
        write_series(out, found, overwrite=overwrite, language=language)
    if as_json:
        click.echo(json.dumps(series_record(found), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        say(series_text(found, language))
