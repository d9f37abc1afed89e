"""The command line: one library call per command, in the order of the flow; no arithmetic."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pandas import DataFrame

    from mse.captures import CaptureTable
    from mse.estimators.countfamilies import Family
    from mse.estimators.options import Criterion
    from mse.jobs import Job
    from mse.parallel import Compute
    from mse.posterior import Posterior
    from mse.results import Results

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON with documented keys instead of text.")
WORKERS = click.option("--workers", type=click.IntRange(1), help="Threads; every core when not given.")
CLUSTER = click.option("--cluster", help="Address of a Dask scheduler for replicates, tcp://HOST:PORT.")
RESUME = click.option("--resume", type=click.Path(path_type=Path), help="Folder that keeps finished replicates.")
OUT = click.option("--out", type=click.Path(path_type=Path), help="Results folder.")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace a results folder that exists.")
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of everything random.")
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
PROB = click.option("--prob", type=SHARE, default=0.95, show_default=True, help="Probability of the intervals.")
PERSONS = click.option("--persons", is_flag=True, help="Each row of the file is one person; there is no count column.")
SUM = click.option("--sum-duplicates", is_flag=True, help="Add up rows with the same history.")
COVARIATES = click.option("--covariate", "covariates", multiple=True, help="Name of a column that is a covariate.")
PROBABILITIES = ("prob", "p_value")
MAX_ORDER = click.option("--max-order", type=click.IntRange(1), help="Most lists in one term; all orders if not given.")


class _Commands(click.Group):
    """Commands in the order of the flow; what a user can put right ends with status 2, an interrupt with 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands as they were defined."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end with the status that its outcome asks for."""
        from mse.errors import MseError

        try:
            return super().invoke(ctx)
        except MseError as error:
            click.echo(f"mse: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("mse: interrupted; no results were written", err=True)
            ctx.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mse-engine", prog_name="mse")
def main() -> None:
    """Estimate hidden populations from overlapping lists: a total, its interval, and a verdict on them."""


@main.command()
@click.argument("job", type=click.Path(path_type=Path))
@OUT
@OVERWRITE
@WORKERS
@CLUSTER
@RESUME
@AS_JSON
def run(
    job: Path, out: Path | None, overwrite: bool, workers: int | None, cluster: str | None, resume: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Carry out a job file, for example models/uk-2013.toml, and write its results folder.

    The folder is results/NAME unless --out says otherwise; it holds estimates.csv, posterior.nc, models.csv,
    provenance.json and report.html.
    """
    from mse.jobs import read_job
    from mse.progress import compute

    settings = read_job(job)
    where = compute(workers, cluster or settings.compute.cluster, resume or settings.compute.resume)
    _carry_out(settings, out or Path("results") / job.stem, overwrite, where, as_json)


@main.command()
@click.argument("table")
@click.option("--method", default="average", show_default=True, help="Name of the method; see mse compare.")
@click.option("--sd", type=float, help="Prior standard deviation of the interactions (average).")
@MAX_ORDER
@click.option("--delta", type=float, help="Prior count per cell (decomposable).")
@click.option("--saturated", is_flag=True, default=None, help="Let the saturated graph take part (decomposable).")
@click.option("--model", help="One model by name, for example '[12,3]' or 'A:B + C' (loglinear).")
@click.option("--criterion", help="bic, bic_cells or aic (loglinear).")
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="Any other option of the method.")
@PERSONS
@SUM
@COVARIATES
@SEED
@PROB
@OUT
@OVERWRITE
@WORKERS
@CLUSTER
@RESUME
@AS_JSON
def estimate(
    table: str, method: str, persons: bool, sum_duplicates: bool, covariates: tuple[str, ...], seed: int, prob: float,
    out: Path | None, overwrite: bool, workers: int | None, cluster: str | None, resume: Path | None, as_json: bool,
    more: tuple[str, ...], **options: Any,
) -> None:  # fmt: skip
    """Estimate from TABLE: a CSV file of your own, or the name of a public table (see mse data).

    With --out a results folder is written as mse run does.
    """
    from mse.jobs import make_job, read_options
    from mse.progress import compute

    source = _source(table, persons, sum_duplicates, covariates)
    given = {name: value for name, value in options.items() if value is not None} | read_options(more)
    job = make_job({"table": source, "estimate": {"method": method, **given}, "run": {"seed": seed, "prob": prob}})
    _carry_out(job, out, overwrite, compute(workers, cluster, resume), as_json)


@main.command()
@click.argument("table")
@click.option("--method", "methods", multiple=True, help="A method; repeat for several. All when not given.")
@PERSONS
@SUM
@COVARIATES
@SEED
@PROB
@WORKERS
@AS_JSON
def compare(
    table: str, methods: tuple[str, ...], persons: bool, sum_duplicates: bool, covariates: tuple[str, ...], seed: int,
    prob: float, workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Put methods side by side on TABLE."""
    from mse.estimation import compare as side_by_side
    from mse.progress import compute

    captures = _table(table, persons, sum_duplicates, covariates)
    rows = side_by_side(captures, methods or None, seed=seed, prob=prob, compute=compute(workers))
    _print_frame(rows.drop(columns=["kind", "interval_contains"]) if not as_json else rows, as_json)


@main.command()
@click.argument("table")
@MAX_ORDER
@click.option("--criterion", type=click.Choice(["bic", "bic_cells", "aic"]), default="bic", show_default=True)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Models to show.")
@PERSONS
@SUM
@COVARIATES
@WORKERS
@AS_JSON
def models(
    table: str, max_order: int | None, criterion: Criterion, top: int, persons: bool, sum_duplicates: bool,
    covariates: tuple[str, ...], workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Rank every hierarchical log-linear model of TABLE."""
    from mse.estimators.selection import rank_models
    from mse.progress import compute

    captures = _table(table, persons, sum_duplicates, covariates)
    captures = captures.collapse() if captures.strata else captures
    ranked = rank_models(captures, max_order, criterion=criterion, compute=compute(workers))
    _print_frame(ranked.head(top), as_json)


@main.command()
@click.argument("table")
@click.option("--family", default="poisson", show_default=True, help="poisson, geometric, negbin, zelterman or chao.")
@click.option("--formula", default="1", show_default=True, help="Covariates of the rate, for example 'gender + age'.")
@click.option("--interval", help="log-normal (default), normal, parametric or nonparametric.")
@click.option("--by", multiple=True, help="Covariate whose levels get an estimate each; repeat for several.")
@PERSONS
@SUM
@SEED
@PROB
@WORKERS
@AS_JSON
def repeats(
    table: str, family: Family, formula: str, interval: str | None, by: tuple[str, ...], persons: bool,
    sum_duplicates: bool, seed: int, prob: float, workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Estimate from repeat registrations in ONE register: TABLE has the columns registrations and count."""
    from mse.estimation import estimate as run_estimate
    from mse.estimators.repeatchecks import compare_families
    from mse.estimators.repeats import subgroups
    from mse.jobs import make_job
    from mse.progress import compute
    from mse.registrations import RepeatCounts
    from mse.shipped import load_repeats

    if _is_public(table):
        make_job({"table": _source(table, persons, sum_duplicates, ())})  # refuses what is for files only
        register = load_repeats(table)
    else:
        register = RepeatCounts.from_csv(table, persons=persons, sum_duplicates=sum_duplicates)
    options = {"family": family, "formula": formula} | ({} if interval is None else {"interval": interval})
    found = run_estimate(register, "repeats", seed=seed, compute=compute(workers), **options)
    frames = {"families": compare_families(register, formula, prob=prob)}
    if by:
        frames["subgroups"] = subgroups(register, by, family, formula, prob=prob)
    _print_answer(found, prob, frames, as_json)


@main.command()
@click.argument("table")
@click.option("--list", "lists", multiple=True, required=True, help="Column that is a list; repeat for each.")
@click.option("--covariate", "covariates", multiple=True, help="Column that is a covariate; the others if not given.")
@click.option("--pair", nargs=2, help="Two lists; the pair with the largest overlap if not given.")
@SEED
@PROB
@WORKERS
@AS_JSON
def persons(
    table: str, lists: tuple[str, ...], covariates: tuple[str, ...], pair: tuple[str, str] | None, seed: int,
    prob: float, workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Estimate doubly robustly from TABLE with one row per person: 0/1 list columns and covariates."""
    from mse.estimation import estimate as run_estimate
    from mse.estimators.personpairs import compare_pairs
    from mse.persons import PersonTable
    from mse.progress import compute

    people = PersonTable.from_csv(table, lists=lists, covariates=covariates or None)
    where = compute(workers)
    found = run_estimate(people, "doubly-robust", seed=seed, compute=where, pair=pair)
    pairs = compare_pairs(people, seed=seed, prob=prob, compute=where)
    _print_answer(found, prob, {"pairs": pairs.estimates}, as_json)


@main.command()
@click.argument("name", required=False)
@AS_JSON
def data(name: str | None, as_json: bool) -> None:
    """List the public tables that ship, or describe one by NAME."""
    from dataclasses import asdict

    from mse.shipped import list_tables, table_info

    infos = list_tables() if name is None else (table_info(name),)
    if as_json:
        records = [asdict(info) for info in infos]
        click.echo(json.dumps(records if name is None else records[0], ensure_ascii=False, indent=2))
    elif name is None:
        for info in infos:
            size = f"{len(info.lists)} lists" if info.lists else "1 register"
            click.echo(f"{info.name:42} {size:>10} {info.observed:>7,}  {info.title}")
    else:
        (info,) = infos
        titles = [f"  {x}: {info.list_titles.get(x, x)}" for x in info.lists]
        notes = [f"  - {note}" for note in info.notes]
        sources = [f"  - {source}" for source in info.sources]
        about = [f"{info.name}: {info.title} ({info.observed:,} observed)", info.description]
        click.echo("\n".join([*about, "Lists:", *titles, "Notes:", *notes, "Sources:", *sources]))


@main.command()
@click.argument("results", type=click.Path(path_type=Path))
def report(results: Path) -> None:
    """Render the report of a RESULTS folder again."""
    from mse.publish.report import render_report
    from mse.results import REPORT, read_results

    page = render_report(read_results(results))
    (results / REPORT).write_text(page, encoding="utf-8")
    click.echo(f"{results / REPORT}")


def _carry_out(job: Job, out: Path | None, overwrite: bool, where: Compute, as_json: bool) -> None:
    """Run a job, write its folder if there is to be one, and print the summary."""
    from mse.jobs import run_job
    from mse.publish.wording import terminal_summary
    from mse.results import REPORT, check_free, summary_record, write_results

    if out is not None:
        check_free(out, overwrite)
    results: Results = run_job(job, where)
    if out is not None:
        from mse.publish.report import render_report

        write_results(out, results, render_report, overwrite=overwrite)
    if as_json:
        record = summary_record(results) | ({} if out is None else {"folder": str(out)})
        click.echo(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        click.echo(terminal_summary(results, None if out is None else str(out / REPORT)))


def _source(table: str, persons: bool, sum_duplicates: bool, covariates: tuple[str, ...]) -> dict[str, Any]:
    """Return the table section of a job: a file if there is one of that name, else a public table."""
    reading = {"persons": persons, "sum_duplicates": sum_duplicates, "covariates": covariates}
    return {"name": table, **reading} if _is_public(table) else {"path": Path(table), **reading}


def _is_public(table: str) -> bool:
    """Return whether this is the name of a public table, and not a file."""
    from mse.shipped import shipped_names

    return table in shipped_names("data") and not os.path.isfile(table)


def _table(table: str, persons: bool, sum_duplicates: bool, covariates: tuple[str, ...]) -> CaptureTable:
    from mse.jobs import load_job_table, make_job

    return load_job_table(make_job({"table": _source(table, persons, sum_duplicates, covariates)}))[0]


def _print_answer(found: Posterior, prob: float, frames: Mapping[str, DataFrame], as_json: bool) -> None:
    """Print an estimate that stands without a job: the number, what it needs, and the tables beside it."""
    from mse.results import plain

    summary = found.summary(prob)
    if as_json:
        tables = {name: frame.to_dict("records") for name, frame in frames.items()}
        click.echo(json.dumps(plain({"estimate": summary.as_dict(), "notes": found.notes, **tables}), indent=2))
        return
    click.echo(str(summary))
    for note in (*found.notes, *(f"assumed: {x}" for x in summary.assumptions)):
        click.echo(f"  - {note}")
    for frame in frames.values():
        click.echo()
        _print_frame(frame, False)


def _print_frame(frame: DataFrame, as_json: bool) -> None:
    """Print a data frame as aligned text, or as a JSON list of records."""
    if as_json:
        click.echo(frame.to_json(orient="records", double_precision=15, indent=2))
    else:
        shown: dict[str, Callable[[float], str]] = {
            str(name): (lambda x: f"{x:.3g}") if name in PROBABILITIES else (lambda x: f"{x:,.1f}")
            for name in frame.select_dtypes(float)
        }
        click.echo(frame.to_string(index=False, max_colwidth=60, formatters=shown))


if __name__ == "__main__":
    sys.exit(main())
