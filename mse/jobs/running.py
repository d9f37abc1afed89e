"""A job carried out: from its table to results that can be written and shown."""

from __future__ import annotations

import hmac
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from mse.answers.aggregates import bounded
from mse.answers.laterframes import Rows
from mse.answers.posterior import Posterior
from mse.answers.record import Record, overlap_of
from mse.answers.recordchecks import RESULTS, damage_problem
from mse.answers.recordform import job_settings, report_settings, table_record
from mse.answers.recordsections import Section
from mse.answers.results import Results
from mse.assess.headlines import if_identified
from mse.assess.verdict import with_assessment
from mse.computing.parallel import Compute
from mse.computing.progress import if_watched
from mse.computing.provenance import versions
from mse.computing.savefiles import work_folder
from mse.computing.sealing import same_content
from mse.errors import InputError, Problem, names_of
from mse.estimators.automatic import choose
from mse.jobs.aggregated import aggregates_table, read_aggregates
from mse.jobs.job import Job, dimension_problems, make_job
from mse.jobs.otherpopulations import populations_table
from mse.jobs.sections import PublishSpec
from mse.jobs.sources import JobSource, open_source
from mse.methods import (
    AVERAGED,
    METHODS,
    Outcome,
    Request,
    by_stratum,
    checks,
    comparison_rows,
    judged,
    label_of,
    run_method,
    run_or_fail,
)
from mse.publish.auditrecord import read_files, record_tables
from mse.settings.specreading import written
from mse.tables.captures import CaptureTable
from mse.tables.cells import with_summed
from mse.words.catalogues import languages_there_are
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd


def run_job(
    job: Job, compute: Compute | None = None, *, workspace: Path | None = None,
    told: Callable[[Said], object] | None = None, read: CaptureTable | None = None,
) -> Results:  # fmt: skip
    """Carry out a job: read, estimate, compare, judge, assess; no results are written.

    Parameters
    ----------
    job : Job
        The settings.
    compute : Compute, optional
        Workers, progress, and the folder that keeps finished parts.
    workspace : Path, optional
        Where registers are read; a temporary folder when not given. What they leave stands in its folder ``intake``.
    told : callable, optional
        Is told what was understood of a file, as soon as it is read.
    read : CaptureTable, optional
        The table in the file that the job names, where it has been read already.

    Raises
    ------
    MseError
        When the data or the headline method do not work; another method that fails is a row that says so.
    """
    compute = compute or if_watched()
    if workspace is None:
        with work_folder(Path(tempfile.gettempdir()) / "mse") as folder:
            return run_job(job, compute, workspace=folder, told=told, read=read)
    _raise_if_any(_file_problems(job, None))
    source = open_source(job, workspace, compute, read)
    _raise_if_any(
        _file_problems(job, source.table)
        + dimension_problems(job, _answered(job, source))
        + _time_problems(job, source)
    )
    read_aggregates(job, source.table)  # before anything is computed that they go with
    table = source.table.collapse() if source.table.strata else source.table
    method, options, why = _settled(job, source)
    read_as = source.table.read_as
    if read_as is not None and source.info is None:
        read_as = with_summed(read_as, summed_over(source.table, method, options))
        if told is not None:
            told(read_as)
    headline = replace(_headline(job, source, method, options, compute), chosen=why)
    aggregates = read_aggregates(job, source.table)
    headline = bounded(headline, aggregates)
    summed = summed_over(source.table, method, options)
    by = options.get("by", ())
    asked: list[Request] = (
        beside_answer(table, method, by) if job.compare is None else [(c.method, c.options) for c in job.compare]
    )
    others = [
        run_or_fail(source.table, r, job.run.seed, compute) for r in asked if r not in (method, (method, options))
    ]
    tables = {**source.tables, **aggregates_table(aggregates)}
    tables |= populations_table(job, headline, source.others, method, options, compute)
    if job.assess is not None:
        tables |= run_assessment(job, headline, source, compute)
    headline = judged(headline, source.table, others, job.verdict, tables, job.report.time)
    tables |= _parts_table(headline)
    beside = if_identified(headline)
    held = [] if beside is None else [Outcome(method, *beside)]
    first = Outcome(method, label_of(method, _shown(method, options)), headline)
    rows = comparison_rows(table, [first, *held, *others], job.run.prob)
    marked = [{"method": x["method"], "label": x["label"], "headline": i == 0, **x} for i, x in enumerate(rows)]
    asked_for = job.publish or PublishSpec()
    record = _record(job, table, source, headline.spec, headline.diagnostics)
    about = replace(record.table, summed_over=tuple(summed), columns_not_read=tuple(source.table.unread),
                    read_as=read_as)  # fmt: skip
    rounding = None if asked_for.method == "suppress" else _rounding_secret(asked_for.key)
    record = replace(record, table=about, rounding=rounding)
    results = Results(headline, Rows(marked), record, tables)
    recorded = record_tables(
        results, source.table, population=asked_for.population, population_source=asked_for.population_source or "",
        chain_file=asked_for.chain, survey_file=asked_for.survey,
    )  # fmt: skip
    return replace(results, tables=recorded.after(tables))


def _file_problems(job: Job, table: CaptureTable | None) -> list[Problem]:
    """Return what is wrong with the files under [publish], before anything is computed that they go with."""
    asked = job.publish or PublishSpec()
    return read_files(
        table, job.run.prob, population=asked.population, population_source=asked.population_source or "",
        chain_file=asked.chain, survey_file=asked.survey,
    )[1]  # fmt: skip


def _answered(job: Job, source: JobSource) -> dict[str, tuple[str, ...]]:
    """Return the dimensions and levels that the answer of a job will have."""
    method, options, _ = _settled(job, source)
    summed = summed_over(source.table, method, options)
    unknown = options.get("unknown") or {}
    if "by" not in options and not by_stratum(method, options):
        return {}
    return {
        dim: tuple(level for level in levels if level != unknown.get(dim))
        for dim, levels in source.table.strata.items() if dim not in summed
    }  # fmt: skip


def _time_problems(job: Job, source: JobSource) -> list[Problem]:
    """Return what is wrong with the dimension of time: one of the table, which an answer may sum over."""
    time = job.report.time
    if time is None or time in source.table.strata:
        return []
    allowed = names_of(source.table.strata, said("allowed.none_table_has_no_2"))
    found = Problem(said("found.table_has_no_such"), allowed, said("do.correct_name"), column="report.time", value=time)
    return [job.file.put(found, ("report", "time"))]


def _raise_if_any(problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(list(problems))


def assess_results(results: Results, compute: Compute | None = None, *, workspace: Path | None = None) -> Results:
    """Make every check of a job that was carried out, and return its results with them and the verdict that follows.

    Parameters
    ----------
    results : Results
        What ``run_job`` found; the data are read again from where the job says.
    compute, workspace
        As in `run_job`.

    Raises
    ------
    InputError
        When the data are not there, or are not those of the results.
    """
    compute = compute or if_watched()
    if workspace is None:
        with work_folder(Path(tempfile.gettempdir()) / "mse") as folder:
            return assess_results(results, compute, workspace=folder)
    record = results.record
    if not record.job.settings or record.table.name is None or record.table.digest is None:
        raise InputError(damage_problem(RESULTS, said("damage.no_job"), "provenance.json"))
    job = make_job(record.job.settings)
    source = open_source(job, workspace, compute)
    flat = source.table.collapse() if source.table.strata else source.table
    if not same_content(record.secret, record.table.digest, flat.digest):
        raise InputError(
            Problem(said("found.data_have_changed_since"), said("allowed.data_results_about"),
                    said("do.run_job_again"), file=record.table.name)
        )  # fmt: skip
    known = replace(results.headline, table_digest=flat.digest)  # what was read has it keyed where it is not public
    tables = {**results.tables, **run_assessment(job, known, source, compute)}
    verdict = results.headline.verdict
    if verdict is not None:
        verdict = with_assessment(verdict, tables, job.verdict)
    headline = replace(results.headline, verdict=verdict)
    return replace(results, headline=headline, tables={**tables, **_parts_table(headline)})


def _rounding_secret(key: Path | None) -> str:
    """Return the key of the lot by which counts are rounded: made from a key file, else by the system.

    With one key file the same count at the same place is rounded alike year after year.
    """
    if key is None:
        return token_hex(32)
    from mse.intake.pseudonyms.keyedhash import read_key

    return hmac.digest(read_key(key), b"rounding of published counts", "sha256").hex()


def _parts_table(headline: Posterior) -> dict[str, pd.DataFrame]:
    """Return the verdicts on single parts as the table ``strata_verdict``; nothing for an answer without strata."""
    from mse.assess.parts import parts_frame

    if headline.strata is None or headline.verdict is None or not headline.verdict.parts:
        return {}
    return {"strata_verdict": parts_frame(headline.verdict.parts, tuple(headline.strata.dimensions))}


def run_assessment(job: Job, headline: Posterior, source: JobSource, compute: Compute) -> Mapping[str, pd.DataFrame]:
    """Make the checks that the job asks for; every check when it has no such section."""
    from mse.assess.assessment import assess

    return assess(
        headline, source.table, job.assess, prob=job.run.prob, seed=job.run.seed,
        unreferred=source.unreferred, compute=compute,
    )  # fmt: skip


def answer_of(job: Job, source: JobSource, compute: Compute) -> Posterior:
    """Return the estimate of a job from its data, without other methods, verdict or checks."""
    method, options, _ = _settled(job, source)
    return bounded(_headline(job, source, method, options, compute), read_aggregates(job, source.table))


def _headline(job: Job, source: JobSource, method: str, options: Mapping[str, Any], compute: Compute) -> Posterior:
    """Estimate, over every drawn linkage if there are any."""
    apart = by_stratum(method, options) or "by" in options

    def one(whole: CaptureTable, where: Compute) -> Posterior:
        return run_method(whole if apart else whole.collapse(), method, seed=job.run.seed, compute=where, **options)

    with job.file.blame(("estimate", "model"), ("estimate", "method"), ("estimate",)):
        headline = one(source.table, compute)
        if source.draws:
            from mse.answers.pooled import pool

            drawn = [
                one(table, compute.within(said("stage.drawn_linkage", number=i, count=len(source.draws))))
                for i, table in enumerate(source.draws, 1)
            ]
            pooled = pool(drawn, point=headline, sources=source.drawn_for)
            headline = replace(pooled, diagnostics={**pooled.diagnostics, **_links(source, headline.point)})
        else:
            headline = replace(headline, diagnostics={**headline.diagnostics, **_links(source, headline.point)})
    summed = summed_over(source.table, method, options)
    if summed:
        names = list(summed)
        why = said("note.summed_none", names=names)
        if "by" in options:
            why = said("note.summed_by", names=names)
        elif METHODS[method].asked:
            why = said("note.summed_strata", names=names)
        headline = replace(headline, notes=(*headline.notes, why))
    headline = replace(headline, notes=(*headline.notes, *source.expected))
    if source.table.unread:
        left = said("note.unread", names=list(source.table.unread))
        headline = replace(headline, notes=(*headline.notes, left))
    return headline


def _links(source: JobSource, point: float) -> dict[str, float]:
    """Return what the linkage found and missed, and what the rest would make of the estimate from what it found."""
    found = {f"linkage_{name}": value for name, value in source.links.items()}
    if "recall" in source.links:
        found["linkage_implied"] = point * source.links["recall"] / max(source.links["precision"], 1e-3)
    return found


def summed_over(table: CaptureTable, method: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the covariates of a table over which a method with these options adds up."""
    if by_stratum(method, options):
        return ()
    by = options.get("by", ())
    return tuple(dim for dim in table.strata if dim not in by)


def _settled(job: Job, source: JobSource) -> tuple[str, dict[str, Any], Said | None]:
    """Return method and options of the headline, and why they were chosen where the job names none."""
    method, options, why = job.estimate.method, job.estimate.options, None
    if method == "auto":
        found = choose(source.table, options)
        method, options, why = found.method, dict(found.options), found.why
    return method, _with_unknown(method, options, source), why


def _with_unknown(method: str, options: Mapping[str, Any], source: JobSource) -> dict[str, Any]:
    """Return the options, with the level of missing labels where the method takes it and the job does not say."""
    takes = by_stratum(method, options) and bool(source.unknown)
    return {"unknown": dict(source.unknown), **options} if takes else dict(options)


def _shown(method: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that belong in the name of a headline: an average is what it is whatever its prior."""
    averaged = METHODS[method].basis in AVERAGED
    return {name: value for name, value in options.items() if name in ("by", "departures") or not averaged}


def beside_answer(table: CaptureTable, method: str, by: Sequence[str]) -> list[Request]:
    """Return the methods that stand beside an answer by `method` where a job names none."""
    plain = [_apart(name, by) for name in reversed(list(METHODS)) if METHODS[name].beside]
    return [*checks(table, method, by), *plain]


def _apart(method: str, by: Sequence[str]) -> Request:
    return (method, {"by": list(by)}) if by else method


def _record(
    job: Job, table: CaptureTable, source: JobSource, spec: Mapping[str, object], diagnostics: Mapping[str, float]
) -> Record:
    """Return the record of inputs, settings and versions that is stored with the results."""
    info = source.info
    said: dict[str, Any] = {"name": table.name, "digest": table.digest, "observed": table.observed}
    titles: Mapping[str, str] = {}
    if info is not None:
        sources = [{"title": x} | ({"path": info.addresses[x]} if x in info.addresses else {}) for x in info.sources]
        said |= {"public": True, "title": info.title, "sources": sources, "notes": list(info.notes)}
        kept = ("population", "territory", "period", "publisher", *languages_there_are())
        said |= {k: info.mse[k] for k in kept if k in info.mse}
        titles = info.list_titles
    said |= source.record
    said["lists"] = [{"name": name, "title": titles.get(name, name)} for name in table.lists]
    about, report = table_record(Section(said, "table")), report_settings(written(job.report))
    about = replace(about, publisher=report.texts.publisher or about.publisher)
    return Record(
        title=job.title or about.title or table.name,
        prob=job.run.prob,
        seed=job.run.seed,
        versions=versions(),
        table=about,
        overlap=overlap_of(table),
        report=report,
        job=job_settings(job.as_record()),
        estimator=dict(spec),
        diagnostics=dict(diagnostics),
    )
