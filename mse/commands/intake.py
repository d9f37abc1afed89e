"""Commands from the files of suppliers to a table, and a simulated nation to try them on."""

from __future__ import annotations

from pathlib import Path

import click

from mse.commands.options import OVERWRITE


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--seed", type=click.IntRange(0), help="Seed; that of the job when not given.")
@click.option("--plain", is_flag=True, help="Leave the invented names and birth dates readable.")
@OVERWRITE
def simulate(job: Path, out: Path, seed: int | None, plain: bool, overwrite: bool) -> None:
    """Write the simulated registers of JOB, for example models/national-simulated.toml, with their contracts.

    Beside the files of the suppliers stands the truth: truth.csv, links.csv, calibration.csv.
    """
    from mse.jobs import read_job
    from mse.jobsources import simulate_into
    from mse.progress import compute

    settings = read_job(job)
    if seed is not None:
        settings = settings.model_copy(update={"run": settings.run.model_copy(update={"seed": seed})})
    for path in simulate_into(out, settings, compute(None, None, None), plain=plain, overwrite=overwrite):
        click.echo(path)
