"""Commands from a table to an estimate."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mse.commands.completing import columns, jobs, method_options, methods, public_tables, tables
from mse.commands.fromspecs import SettingsCommand, option_of
from mse.commands.options import (
    AS_JSON,
    CLUSTER,
    LANGUAGES,
    OUT,
    OVERWRITE,
    PERSONS,
    PROB,
    RESUME,
    SEED,
    SUM,
    WORKERS,
    carry_out,
    in_language,
    print_answer,
    print_frame,
    read_any,
    read_table,
    reading_options,
    say,
    speak,
    table_source,
    tell,
    where_to,
    with_unread,
)
from mse.errors import InputError, MseError, Problem
from mse.words.catalogues import catalogue
from mse.words.said import Said, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mse.computing.parallel import Compute
    from mse.estimators.repeats.oneregister import Chosen
    from mse.methods import Table
    from mse.settings.specfields import Criterion


@click.command()
@click.argument("job", type=click.Path(path_type=Path), shell_complete=jobs)
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

    The folder is results/NAME unless --out says otherwise. What may be shown is in its folder public (report.html);
    the rest is the audit record: estimates.csv, posterior.nc, models.csv, provenance.json.
    """
    from mse.jobs.job import read_job

    settings = read_job(job)
    speak(settings.report.languages or settings.report.language)
    where = where_to(workers, cluster or settings.compute.cluster, resume or settings.compute.resume)
    carry_out(settings, out or Path("results") / job.stem, overwrite, where, as_json)


def _of_methods() -> list[click.Option]:
    from mse.estimators.methodspecs import spec_of

    named = {"sd": "average", "max_order": "average", "delta": "decomposable", "saturated": "decomposable",
             "model": "loglinear", "criterion": "loglinear"}  # fmt: skip
    options = [option_of(spec_of(method), name, default=None, show_default=False) for name, method in named.items()]
    for option, method in zip(options, named.values(), strict=True):
        option.help = f"{(option.help or '').rstrip('.')} ({method})."
    return options


@click.command(cls=SettingsCommand, settings=_of_methods)
@click.argument("names", nargs=-1, required=True, metavar="TABLE...", shell_complete=tables)
@click.option(
    "--method",
    default="auto",
    show_default=True,
    shell_complete=methods,
    help="Name of the method; see mse compare. auto chooses by the kind of table and says what and why.",
)
@click.option(
    "--set", "more", multiple=True, metavar="NAME=VALUE", shell_complete=method_options,
    help="Any other option of the method.",
)  # fmt: skip
@reading_options
@SEED
@PROB
@OUT
@OVERWRITE
@WORKERS
@CLUSTER
@RESUME
@click.option("--language", "languages", type=LANGUAGES, multiple=True, callback=in_language,
              help="Of what is said and of the page; repeat for several.")  # fmt: skip
@AS_JSON
def estimate(
    names: tuple[str, ...], method: str, reading: Mapping[str, Any], seed: int, prob: float, out: Path | None,
    overwrite: bool, workers: int | None, cluster: str | None, resume: Path | None, languages: tuple[str, ...],
    as_json: bool, more: tuple[str, ...], **options: Any,
) -> None:  # fmt: skip
    """Estimate from TABLE: a file of your own, or the name of a public table (see mse data).

    The file may be CSV, TSV, Excel, OpenDocument, Parquet, JSON, SPSS, Stata, SAS or MARK, packed or not. What was
    understood of it is said; what cannot be decided is asked with the option that decides it.

    With --out a results folder is written as mse run does. More than 16 lists are read for auto and shrinkage. Several
    tables give one row each, as CSV or with --json: the answer with its verdict, or why there is none.
    """
    from mse.jobs.job import make_job, read_options
    from mse.tables.captures import CaptureTable

    if len(names) > 1:
        if out is not None:
            raise InputError(
                Problem(said("found.results_folder_asked_several"), said("allowed.out_one_table"),
                        said("do.leave_out_out_keep"), value=str(out))
            )  # fmt: skip
        given = {name: value for name, value in options.items() if value is not None} | read_options(more)
        _many(names, method, reading, seed, prob, where_to(workers, cluster, resume), as_json, given, languages)
        return
    (table,) = names
    source = table_source(table, reading)
    given = {name: value for name, value in options.items() if value is not None} | read_options(more)
    job = make_job({"table": source, "estimate": {"method": method, **given}, "run": {"seed": seed, "prob": prob},
                    "report": {"languages": list(dict.fromkeys(languages))}})  # fmt: skip
    read = None if out else read_any(table, method, reading)
    if read is None or isinstance(read, CaptureTable):
        carry_out(job, out, overwrite, where_to(workers, cluster, resume), as_json, read)
        return
    from mse.methods import estimate as run_estimate

    if read.read_as is not None:
        tell(read.read_as)
    found = run_estimate(read, method, seed=seed, compute=where_to(workers, cluster, resume), **given)
    print_answer(found, prob, {}, as_json, next(iter(languages), "en"))


def _many(
    names: tuple[str, ...], method: str, reading: Mapping[str, Any], seed: int, prob: float, where: Compute,
    as_json: bool, options: dict[str, Any], languages: tuple[str, ...],
) -> None:  # fmt: skip
    """Print one row a table, as CSV or JSON; nothing but what is wrong where none of them has an answer."""
    from mse.manytables import estimate_many

    read: dict[str, Table | MseError] = {}
    understood: dict[Said, list[str]] = {}
    for name in names:
        try:
            found = read_any(name, method, reading)
            if found is not None and found.read_as is not None:
                understood.setdefault(found.read_as, []).append(name)
            read[name] = read_table(name, reading) if found is None else found
        except MseError as error:
            read[name] = error
    for what, (file, *more) in understood.items():
        tell(said("read.of_files", file=file, more=len(more), what=what) if more else said("read.of_file", file=file,
                                                                                           what=what))  # fmt: skip
    if all(isinstance(x, MseError) for x in read.values()):
        raise InputError([p for x in read.values() if isinstance(x, MseError) for p in x.problems])
    rows = estimate_many(read, method, seed=seed, prob=prob, compute=where, **options)
    if as_json:
        print_frame(rows, True)
    else:
        if languages:
            from mse.publish.wording.frametext import in_words_of

            rows = in_words_of(rows, languages[0])
            rows["status"] = [
                " ".join(x.in_words(languages[0]).split()) if isinstance(x, MseError) else status
                for x, status in zip(read.values(), rows["status"], strict=True)
            ]
        click.echo(rows.drop(columns="said").to_csv(index=False), nl=False)


def _of_ranking() -> list[click.Option]:
    from mse.estimators.single.selection import RankSpec

    return [option_of(RankSpec, name) for name in ("max_order", "criterion")]


@click.command(cls=SettingsCommand, settings=_of_ranking)
@click.argument("table", shell_complete=tables)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Models to show.")
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of what is said.")
@reading_options
@WORKERS
@AS_JSON
def models(
    table: str, max_order: int | None, criterion: Criterion, top: int, language: str, reading: Mapping[str, Any],
    workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Rank every hierarchical log-linear model of TABLE."""
    from mse.estimators.single.selection import rank_models

    captures = read_table(table, reading)
    summed, captures = list(captures.strata), captures.collapse() if captures.strata else captures
    ranked = rank_models(captures, max_order, criterion=criterion, compute=where_to(workers))
    print_frame(ranked.head(top), as_json, language)
    if summed and not as_json:
        say(catalogue(language).said(said("note.summed_over", names=summed)))


def _of_repeats() -> list[click.Option]:
    from mse.estimators.methodspecs import spec_of

    spec = spec_of("repeats")
    both = option_of(spec, "allowance", "--allowance/--no-allowance", default=True, show_default=True)
    return [*(option_of(spec, name) for name in ("family", "formula", "exposure")), both, option_of(spec, "interval")]


@click.command(cls=SettingsCommand, settings=_of_repeats)
@click.argument("table", shell_complete=tables)
@click.option(
    "--by",
    multiple=True,
    shell_complete=columns,
    help="Covariate whose levels get an estimate each; repeat for several.",
)
@click.option("--cohort", shell_complete=columns,
              help="Covariate with the period: an estimate of its own for each, with a verdict.")  # fmt: skip
@click.option("--registrations", default="registrations", show_default=True, help="Column: how often registered.")
@click.option("--count", default="count", show_default=True, help="Column: how many persons.")
@PERSONS
@SUM
@SEED
@PROB
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the page, CSV and JSON.")
@OVERWRITE
@click.option("--language", "languages", type=LANGUAGES, multiple=True, callback=in_language,
              help="Of the pages; repeat for several.")  # fmt: skip
@WORKERS
@AS_JSON
def repeats(
    table: str, family: Chosen, formula: str, exposure: str, allowance: bool, interval: str, by: tuple[str, ...],
    cohort: str | None, registrations: str, count: str, persons: bool, sum_duplicates: bool, seed: int, prob: float,
    out: Path | None, overwrite: bool, languages: tuple[str, ...], workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Estimate from repeat registrations in ONE register: TABLE has the columns registrations and count.

    The answer is an average over shapes of the rates, with departures learned where the size is known, and a verdict;
    --family names one family instead. Columns that no option names are not read, whatever stands in them. With --out a
    folder is written that may leave the house: a page, CSV and JSON, without counts of fewer than ten persons.
    """
    from mse.estimators.repeats.countfit import compare_families
    from mse.estimators.repeats.counttests import count_tests, ratio_plot
    from mse.estimators.repeats.oneregister import RepeatsSpec, subgroups
    from mse.jobs.job import make_job
    from mse.methods import estimate as run_estimate
    from mse.shipped import load_repeats, names_public, table_info
    from mse.tables.repeats import RepeatCounts, columns_named

    if names_public(table):
        reading = {"persons": persons, "sum_duplicates": sum_duplicates}
        make_job({"table": table_source(table, reading)})  # refuses what is for files only
        register = load_repeats(table)
    else:
        named = columns_named(table, f"{formula} {exposure} {' '.join(by)} {cohort or ''}", count)
        register = RepeatCounts.from_csv(
            table, registrations=registrations, count=count, covariates=named, persons=persons,
            sum_duplicates=sum_duplicates,
        )  # fmt: skip
    options: dict[str, Any] = {"family": family, "formula": formula, "exposure": exposure, "allowance": allowance,
                               "interval": interval}  # fmt: skip
    found = run_estimate(register, "repeats", seed=seed, compute=where_to(workers), **options)
    frames = {
        "families": compare_families(register, formula, exposure=exposure, prob=prob),
        "tests": count_tests(register, formula),
        "ratios": ratio_plot(register),
    }
    if by:
        frames["subgroups"] = subgroups(register, by, family, formula, exposure, prob=prob)
    if cohort is not None:
        from mse.assess.registercohorts import register_cohorts

        frames["cohorts"] = register_cohorts(register, cohort, RepeatsSpec(**options), seed=seed, prob=prob)
    from mse.publish.disclosure.smallclasses import one_number_only

    public = names_public(table)
    if out is not None:
        from mse.publish.registerpages import published_register, write_register

        info = table_info(table) if public else None
        shown = published_register(
            found, register, frames["families"], frames.get("subgroups"), prob=prob,
            title=None if info is None else info.title, titles=None if info is None else info.titles, public=public,
        )  # fmt: skip
        write_register(out, shown, languages or ("en", "nl"), overwrite=overwrite)
    coarse = not public and one_number_only(register)
    first = next(iter(languages), "en")
    print_answer(with_unread(found, register.unread), prob, frames, as_json, first, coarse)


def _of_pairs() -> list[click.Option]:
    from mse.estimators.methodspecs import spec_of

    return [option_of(spec_of("doubly-robust"), "pair")]


@click.command(cls=SettingsCommand, settings=_of_pairs)
@click.argument("table", shell_complete=tables)
@click.option("--list", "lists", multiple=True, required=True, shell_complete=columns,
              help="Column that is a list; repeat for each.")  # fmt: skip
@click.option("--covariate", "covariates", multiple=True, shell_complete=columns,
              help="Column that is a covariate; the others if not given.")  # fmt: skip
@SEED
@PROB
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of what is said.")
@WORKERS
@AS_JSON
def persons(
    table: str, lists: tuple[str, ...], covariates: tuple[str, ...], pair: tuple[str, str] | None, seed: int,
    prob: float, language: str, workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Estimate doubly robustly from TABLE with one row per person: 0/1 list columns and covariates."""
    from mse.estimators.doublyrobust.pairs import compare_pairs
    from mse.methods import estimate as run_estimate
    from mse.tables.persons import PersonTable

    people = PersonTable.from_csv(table, lists=lists, covariates=covariates or None)
    where = where_to(workers)
    found = run_estimate(people, "doubly-robust", seed=seed, compute=where, pair=pair)
    pairs = compare_pairs(people, seed=seed, prob=prob, compute=where)
    print_answer(found, prob, {"pairs": pairs.estimates}, as_json, language)


@click.command()
@click.argument("name", required=False, shell_complete=public_tables)
@click.option("--language", type=LANGUAGES, default="en", callback=in_language, help="Of titles and heads.")
@AS_JSON
def data(name: str | None, language: str, as_json: bool) -> None:
    """List the public tables that ship, or describe one by NAME."""
    from mse.shipped import list_tables, table_info

    infos = list_tables() if name is None else (table_info(name),)
    words = catalogue(language)
    if as_json:
        records = [asdict(info) for info in infos]
        click.echo(json.dumps(records if name is None else records[0], ensure_ascii=False, indent=2))
    elif name is None:
        for info in infos:
            size = words("data.lists", count=len(info.lists)) if info.lists else words("data.register")
            title = info.titles.get(language, info.title)
            say(f"{info.name:42} {size:>10} {words.number(info.observed):>7}  {title}")
    else:
        (info,) = infos
        observed = words("data.observed", count=words.number(info.observed))
        lines = [f"{info.name}: {info.titles.get(language, info.title)} ({observed})", info.description]
        titles = [f"  {x}: {info.list_titles.get(x, x)}" for x in info.lists]
        lines += [words("data.of_lists"), *titles] if titles else []
        lines += [words("data.notes"), *(f"  - {note}" for note in info.notes)]
        say("\n".join([*lines, words("data.sources"), *(f"  - {source}" for source in info.sources)]))
