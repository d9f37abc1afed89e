"""Commands for results that follow each other: two vintages side by side, and a series of releases."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mse.commands.options import AS_JSON, LANGUAGES, OVERWRITE, in_language, say


def compare_vintages(
    old: Path, new: Path, language: str, out: Path | None, overwrite: bool, apart: bool, workers: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Print what changed between two vintages, and write its page where asked."""
    from mse.answers.results import plain
    from mse.computing.progress import compute
    from mse.jobs.revising import revision
    from mse.publish.changes import changes_text, compare_results, is_results_folder
    from mse.publish.revisionfiles import revision_record, revision_text, write_revision

    found = revision(old, new, compute(workers), apart=apart)
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
