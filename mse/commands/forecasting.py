"""The command that says what a job will cost before it is run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mse.commands.completing import jobs
from mse.commands.options import AS_JSON, LANGUAGES, in_language, say


@click.command("plan")
@click.argument("job", metavar="JOB", shell_complete=jobs)
@click.option(
    "--tables",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Tables of this kind: 2,000 for 200 countries in 10 years.",
)
@click.option("--strata", type=click.IntRange(1), help="Strata, where they are not known before registers are read.")
@click.option("--workers", type=click.IntRange(1), help="Workers to tell the time for; as many as pay when not given.")
@click.option(
    "--language", type=LANGUAGES, default="en", show_default=True, callback=in_language, help="Language of the plan."
)
@AS_JSON
def plan(job: str, tables: int, strata: int | None, workers: int | None, language: str, as_json: bool) -> None:
    """Say what JOB will compute: stages, minutes, memory, and how many workers pay. Nothing is computed.

    JOB is a job file, or a table as mse estimate takes one. Costs are measured, and brought to this machine by a piece
    of work that is timed on it.
    """
    from mse.jobs.forecast import plan as planned

    found = planned(Path(job) if job.endswith(".toml") else job, tables=tables, strata=strata, workers=workers)
    if as_json:
        click.echo(json.dumps(found.as_record(), ensure_ascii=False, indent=2))
        return
    for line in found.in_words(language).splitlines():
        say(line)
