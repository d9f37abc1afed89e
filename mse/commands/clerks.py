"""Commands around the linkage: a sample of pairs for clerks, and what their decisions say of the model."""

from __future__ import annotations

from pathlib import Path

import click

from mse.commands.fromspecs import setting_option
from mse.commands.options import LANGUAGES, in_language
from mse.jobs.asked import RunSpec

_LANGUAGE = click.option(
    "--language", type=LANGUAGES, default="en", callback=in_language, expose_value=False, help="Of what is refused."
)
_CONTRACTS = click.argument("contracts", type=click.Path(path_type=Path), nargs=-1, required=True)
_SEED = setting_option(RunSpec, "seed")


@click.group()
def linkage() -> None:
    """Have clerks decide on a sample of pairs, and hold the linkage against what they say."""


@linkage.command("sample")
@_CONTRACTS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write (CSV).")
@click.option("--pairs", type=click.IntRange(10, 100_000), default=200, show_default=True, help="Pairs to decide on.")
@_SEED
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@_LANGUAGE
def sample(contracts: tuple[Path, ...], out: Path, pairs: int, seed: int, overwrite: bool) -> None:
    """Write pairs of registrations of CONTRACTS to decide on: list, file, line and pseudonym of both, and no name.

    Suppliers look them up and write yes or no into the last column; `decisions` under [registers] of a job reads it.
    """
    from mse.intake.linkage.clerical import sample_for_clerks, trained, write_sample

    with trained(contracts, seed) as (registers, model):
        frame = sample_for_clerks(registers.connection, model, pairs, seed=seed)
    write_sample(frame, out, overwrite=overwrite)
    click.echo(f"{out}: {len(frame):,} pairs")


@linkage.command("check")
@_CONTRACTS
@click.option("--decisions", type=click.Path(path_type=Path), required=True, help="A sample, decided on.")
@_SEED
@_LANGUAGE
def check(contracts: tuple[Path, ...], decisions: Path, seed: int) -> None:
    """Print how often pairs are one person by what clerks say, and by what the model of pairs says of them."""
    from mse.intake.linkage.clerical import read_decisions, reliability, trained

    with trained(contracts, seed) as (registers, model):
        found = read_decisions(registers.connection, decisions)
        frame = reliability(model, found)
    click.echo(f"{len(found.pairs):,} decided, {found.open:,} open")
    for row in frame.itertuples(index=False):
        span = f"{row.least:.1f}-{row.most:.1f}"
        click.echo(f"  {span}  {row.pairs:5,} pairs  said {row.said:6.1%}  found {row.found:6.1%}")
