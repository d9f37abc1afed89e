"""Commands from results to what may be said in public."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
def report(results: Path) -> None:
    """Render the report of a RESULTS folder again."""
    from mse.publish.report import render_report
    from mse.results import REPORT, read_results

    page = render_report(read_results(results))
    (results / REPORT).write_text(page, encoding="utf-8")
    click.echo(f"{results / REPORT}")
