"""The command from an answer to how far it may be believed."""

from __future__ import annotations

from pathlib import Path

import click

from mse.commands.options import CLUSTER, RESUME, WORKERS, print_frame, speak, where_to
from mse.words.catalogues import catalogue


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@WORKERS
@CLUSTER
@RESUME
def assess(results: Path, workers: int | None, cluster: str | None, resume: Path | None) -> None:
    """Check how far the answer in a RESULTS folder may be believed, and write the checks into it.

    The identifying assumption, the prior, errors of linkage, every list left out, every count one higher and lower,
    lists whose size is known, predicted overlap, coverage by simulation: tables/NAME.csv, and the report.
    """
    from mse.answers.results import INTAKE, REPORT, read_results, write_results
    from mse.jobs.running import assess_results
    from mse.publish.facts.statements import languages
    from mse.publish.report.html import render_pages
    from mse.publish.wording.sentences import terminal_summary

    answered = read_results(results)
    speak(languages(answered))
    found = assess_results(answered, where_to(workers, cluster, resume))
    left = results / INTAKE
    write_results(results, found, render_pages, overwrite=True, intake=left if left.is_dir() else None)
    language = languages(answered)[0]
    click.echo(terminal_summary(found, str(results / REPORT)))
    for name in ("tipping", "robustness", "consistency", "coverage"):
        if name in found.tables:
            click.echo(f"\n{catalogue(language)(f'column.{name}')}:")
            print_frame(found.tables[name], False, language)
