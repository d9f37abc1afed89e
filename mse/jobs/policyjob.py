"""A job of a measure: registered counts by period, and what became of them at its date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mse.errors import InputError, Problem
from mse.evidence.interruption import LEAST, LEAST_TOGETHER, Period, interruption, read_date, read_period, sides
from mse.jobs.asked import RunSpec, checked_job
from mse.jobs.figurejob import FiguresPublish, disclosure_of, read_job_file, speakers_of
from mse.jobs.figuresources import figure_problems, open_source, with_lists
from mse.jobs.sections import ReportSpec
from mse.publish.figures.figurespec import Chosen, FigureSpec, SourceSpec
from mse.publish.figures.figuretables import CountedSource, protect_sources
from mse.publish.figures.figurevalues import cells_behind
from mse.publish.policy.measurespec import MeasureSpec, PolicyLimits
from mse.publish.policy.shownmeasure import ShownMeasure
from mse.settings.places import JobFile
from mse.settings.specchecks import Checked
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class PolicyJob(Checked):
    """The effect of a measure on registered counts: where the counts are from, and when the measure came.

    Parameters
    ----------
    source : SourceSpec
        Counts of persons by period, years, quarters or months.
    measure : MeasureSpec
        When, and what.
    title : str
        Of the page.
    where : mapping of str to str or list
        Of whom, by dimension of the source; everybody when not given.
    season : bool
        Take out the season where periods are shorter than a year.
    publish : FiguresPublish
        Disclosure control.
    verdict : PolicyLimits
        Of the verdict on the effect.
    run : RunSpec
        Probability of the intervals.
    report : ReportSpec
        Languages, and words for levels.
    file : JobFile
        Where the settings stand, for messages.
    """

    source: SourceSpec
    measure: MeasureSpec
    title: str | None = None
    where: Chosen = field(default_factory=dict)
    season: bool = True
    publish: FiguresPublish = FiguresPublish()
    verdict: PolicyLimits = PolicyLimits()
    run: RunSpec = RunSpec()
    report: ReportSpec = ReportSpec()
    file: JobFile = field(default_factory=JobFile, compare=False, repr=False, metadata={"key": False})

    def at(self, folder: Path) -> PolicyJob:
        """Return the job with the paths in it taken from a folder."""
        key = self.publish.key
        return replace(
            self, source=self.source.at(folder),
            publish=replace(self.publish, key=None if key is None else folder / key),
        )  # fmt: skip


def read_policy_job(path: str | Path) -> PolicyJob:
    """Read and check a job of a measure; a name under models/ that is not here is looked up among those that ship.

    Raises
    ------
    InputError
        With every problem: not TOML, unknown keys, wrong types, a date that is none.
    """
    raw, file, folder = read_job_file(path)
    return checked_job(PolicyJob, raw, file).at(folder)


def policy(job: PolicyJob | Mapping[str, Any] | str | Path) -> ShownMeasure:
    """Return what became of registered counts at the date of a measure, all of which may be published.

    Parameters
    ----------
    job : PolicyJob, mapping, or path
        The job; its settings; or the path of its file.

    Returns
    -------
    ShownMeasure
        With ``sentences(language)``, ``to_pandas()``, and what `mse.write_policy` writes.

    Raises
    ------
    InputError
        With every problem of the job and its counts: no dimension of time, periods that are none, of several lengths,
        or too few on a side of the date.
    ModelError
        When counts cannot be kept in doubt.
    """
    if isinstance(job, str | Path):
        job = read_policy_job(job)
    elif not isinstance(job, PolicyJob):
        job = checked_job(PolicyJob, job, None)
    source = open_source(job.source)
    periods = _periods(job, source)
    figures = [
        with_lists(FigureSpec("total", source=job.source.name, when=period, where=job.where), job.source)
        for period in periods
    ]
    problems = [
        job.file.put(replace(problem, column=key), (key,))
        for key, problem in figure_problems(figures[0], {job.source.name: source}, {job.source.name}, set())
    ]
    if problems:
        raise InputError(problems)
    cells = [cells_behind(x, job.source.time, source.dimensions)[0] for x in figures]
    rule = disclosure_of(job.publish)
    shown = protect_sources([source], {job.source.name: cells}, rule)[job.source.name].counts
    known = [(period, count) for period, cell in zip(periods, cells, strict=True) if (count := shown[cell]) is not None]
    date = read_date(job.measure.at)
    assert date is not None
    kept = tuple(x for x, _ in known)
    before, after = sides(kept, date)
    if min(before, after) < LEAST or before + after < LEAST_TOGETHER:
        found = said("policy.short", before=before, after=after)
        allowed = said("policy.short_allowed", least=LEAST, together=LEAST_TOGETHER)
        raise InputError(job.file.put(Problem(found, allowed, said("policy.short_remedy")), ("measure", "at")))
    made = interruption(
        kept, np.array([n for _, n in known], dtype=np.int64), date, prob=job.run.prob, season=job.season
    )
    speakers, titles = speakers_of(job.report, job.title, job.run.prob, "policypage.title")
    title = job.title or next(iter(titles.values()))
    left_out = tuple(x for x in _all(periods) if x not in kept)
    return ShownMeasure(title, job.measure, job.source, job.where, made, left_out, job.verdict, rule.in_words(),
                        speakers, titles, job.report.pdf)  # fmt: skip


def _periods(job: PolicyJob, source: CountedSource) -> tuple[str, ...]:
    """Return the periods of a source in order of time.

    Raises
    ------
    InputError
        With every one that is none, or of another length than most.
    """
    if not source.periods:
        raise InputError(job.file.put(
            Problem(said("figures.no_time"), said("figures.source_with_time"), said("do.add")), ("source", "time")
        ))  # fmt: skip
    read = {x: read_period(x) for x in source.periods}
    lengths = Counter(x.length for x in read.values() if x is not None)
    length = lengths.most_common(1)[0][0] if lengths else 1.0
    wrong = [name for name, x in read.items() if x is None or x.length != length]
    if wrong:
        raise InputError([
            job.file.put(Problem(said("policy.no_period"), said("policy.period_allowed"), said("do.correct"), value=x),
                         ("source", "time")) for x in wrong
        ])  # fmt: skip
    return tuple(sorted(read, key=lambda x: read[x] or Period(0.0, 0.0)))


def _all(periods: tuple[str, ...]) -> tuple[str, ...]:
    """Return the periods with those between them that have no row, where these are years."""
    if not all(x.isdigit() for x in periods):
        return periods
    return tuple(str(year) for year in range(int(periods[0]), int(periods[-1]) + 1))
