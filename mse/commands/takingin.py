"""Commands from the files of suppliers to a table, and a simulated nation to try them on."""

from __future__ import annotations

from pathlib import Path

import click

from mse.commands.completing import jobs
from mse.commands.fromspecs import setting_option
from mse.commands.options import LANGUAGES, OVERWRITE, in_language, spoken, where_to
from mse.jobs.asked import RunSpec
from mse.words.catalogues import catalogue
from mse.words.said import said


@click.group()
def contract() -> None:
    """Check or draft the data contract of a supplier: its files, their columns, what its list cannot see."""


@contract.command("check")
@click.argument("contracts", type=click.Path(path_type=Path), nargs=-1, required=True)
def check_contract(contracts: tuple[Path, ...]) -> None:
    """Check CONTRACTS, each on its own and then against each other."""
    from mse.intake.contracts.together import check_contracts
    from mse.intake.populations import definitions

    checked = check_contracts(contracts)
    for found in checked:
        click.echo(f"{found.list}: {found.title}, {len(found.fields)} columns, dimensions {', '.join(found.strata)}")
    for name, texts in definitions(checked):
        for lists, text in texts:
            click.echo(f"{name or 'counted'} ({', '.join(lists)}): {text}")


@contract.command("new")
@click.argument("sample", type=click.Path(path_type=Path))
def new_contract(sample: Path) -> None:
    """Print a first contract, with comments and gaps, from a SAMPLE of a supplier's file (CSV, Excel, Parquet, …)."""
    from mse.intake.contracts.draft import new_contract

    click.echo(new_contract(sample), nl=False)


@contract.command("datapackage")
@click.argument("contract_file", metavar="CONTRACT", type=click.Path(path_type=Path))
def print_datapackage(contract_file: Path) -> None:
    """Print CONTRACT as a Frictionless data package (JSON), for whoever checks files with other tools."""
    import json

    from mse.intake.contracts.contractfile import read_contract

    click.echo(json.dumps(read_contract(contract_file).to_datapackage(), indent=2, ensure_ascii=False))


@click.command()
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--contract", "contract_file", type=click.Path(path_type=Path), help="Contract with a section [identity]."
)
@click.option(
    "--columns", nargs=3, metavar="SURNAME GIVEN BIRTH", help="The columns with the identity, without a contract."
)
@click.option(
    "--birth-format", default="%Y-%m-%d", show_default=True, help="How dates of birth are written, with --columns."
)
@click.option("--key-file", type=click.Path(path_type=Path), help="File with the key; only its owner may read it.")
@click.option("--key-env", metavar="NAME", help="Environment variable with the key.")
@click.option("--clk", is_flag=True, help="Make Bloom filters too (name_clk, birth_clk); they reveal more than hashes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write and to deliver; the folder for several.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@click.option(
    "--language", type=LANGUAGES, default="en", callback=in_language, expose_value=False, help="Of what is refused."
)
def pseudonymise(
    files: tuple[Path, ...], contract_file: Path | None, columns: tuple[str, str, str] | None, birth_format: str,
    key_file: Path | None, key_env: str | None, clk: bool, out: Path, overwrite: bool,
) -> None:  # fmt: skip
    """Copy FILEs with keyed hashes in the place of names and dates of birth.

    They may be CSV, TSV, Excel, Parquet or of fixed width, packed or not; one writes a file, several a folder, all of
    them or none. The key comes from a file or an environment variable, never from the command line.
    """
    from mse.intake.contracts.clauses import Identity
    from mse.intake.contracts.contractfile import read_contract
    from mse.intake.pseudonyms.delivering import pseudonymise_file, pseudonymise_files
    from mse.intake.pseudonyms.keyedhash import read_key

    key = read_key(key_file, variable=key_env)
    found = read_contract(contract_file) if contract_file else None
    who = None
    if columns:
        surname, given, born = columns
        who = Identity(surname=surname, given=given, birth_date=born, birth_format=(birth_format,))
    if len(files) > 1 or out.is_dir():
        made = pseudonymise_files(files, out, key, contract=found, identity=who, clk=clk, overwrite=overwrite)
    else:
        made = {out: pseudonymise_file(files[0], out, key, contract=found, identity=who, clk=clk, overwrite=overwrite)}
    for target, done in made.items():
        click.echo(f'{target}: {done.rows:,} rows; key_id = "{done.key_id}"')
        for part, count in done.missing.items():
            click.echo(f"  {part}: missing in {count:,}")
        click.echo(f"  dates of birth that cannot be read: {done.unreadable:,}")
        for kind, count in done.placeholders.items():
            if count:
                click.echo(f"  {kind} stands for one that is not known, and has no hash: {count:,}")
        if any(name.endswith("_clk") for name in done.columns):
            words = catalogue(spoken())
            click.echo(f"  {words.said(said('intake.filters'))}")


@click.command()
@click.argument("contracts", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option(
    "--previous",
    "before",
    nargs=2,
    multiple=True,
    metavar="LIST FILE",
    help="Delivery before: its quality-LIST.csv or its file.",
)
@click.option("--language", type=LANGUAGES, default="en", show_default=True, callback=in_language, help="Of the pages.")
def quality(contracts: tuple[Path, ...], out: Path, before: tuple[tuple[str, str], ...], language: str) -> None:
    """Write for every supplier what is wrong with its delivery: a page, the same as CSV, and the rejected rows."""
    from mse.intake.quality.completeness import report_quality

    for path in report_quality(contracts, out, previous=dict(before), language=language):
        click.echo(path)


@click.command()
@click.argument("job", type=click.Path(path_type=Path), shell_complete=jobs)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@setting_option(RunSpec, "seed", default=None, show_default=False, help="Seed; that of the job when not given.")
@click.option("--plain", is_flag=True, help="Leave the invented names and birth dates readable.")
@OVERWRITE
def simulate(job: Path, out: Path, seed: int | None, plain: bool, overwrite: bool) -> None:
    """Write the simulated registers of JOB, for example models/national-simulated.toml, with their contracts.

    Beside the files of the suppliers stands the truth: truth.csv, links.csv, calibration.csv.
    """
    from dataclasses import replace

    from mse.jobs.job import read_job
    from mse.jobs.sources import simulate_into

    settings = read_job(job)
    if seed is not None:
        settings = replace(settings, run=replace(settings.run, seed=seed))
    for path in simulate_into(out, settings, where_to(None), plain=plain, overwrite=overwrite):
        click.echo(path)
