"""A job of a chain through time: events read, estimated, and made fit to be published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from mse.evidence.eventfile import read_events
from mse.evidence.eventspec import ChainSpec
from mse.evidence.occupation import TimeChain, time_chain
from mse.jobs.asked import RunSpec, checked_job
from mse.jobs.figurejob import read_job_file, speakers_of
from mse.jobs.sections import ReportSpec
from mse.publish.chainfiles import ChainAbout, PublishedTimeChain
from mse.publish.coarsechain import coarse_chain
from mse.settings.places import JobFile
from mse.settings.specchecks import Checked
from mse.settings.specfields import Between


@dataclass(frozen=True, slots=True)
class ChainPublish(Checked):
    """Disclosure control of a chain.

    Parameters
    ----------
    threshold : int
        Persons that nothing which is published may tell apart.
    public : bool
        The events are public as they are: nothing is hidden.
    """

    threshold: Annotated[int, Between(2, 1_000_000)] = 10
    public: bool = False


@dataclass(frozen=True, slots=True)
class ChainJob(Checked):
    """A chain through time: what happened to persons or cases, and when.

    Parameters
    ----------
    chain : ChainSpec
        Events and states.
    title : str
        Of the page.
    about : ChainAbout
        Who it is about, and who publishes it.
    publish : ChainPublish
        Disclosure control.
    run : RunSpec
        Probability of the intervals.
    report : ReportSpec
        Languages, and words for states and cohorts.
    file : JobFile
        Where the settings stand, for messages.
    """

    chain: ChainSpec
    title: str | None = None
    about: ChainAbout = ChainAbout()
    publish: ChainPublish = ChainPublish()
    run: RunSpec = RunSpec()
    report: ReportSpec = ReportSpec()
    file: JobFile = field(default_factory=JobFile, compare=False, repr=False, metadata={"key": False})


def read_chain_job(path: str | Path) -> ChainJob:
    """Read and check a job of a chain; a name under models/ that is not here is looked up among those that ship.

    Raises
    ------
    InputError
        With every problem: not TOML, unknown keys, wrong types, states that nothing leads to.
    """
    raw, file, folder = read_job_file(path)
    job = make_chain_job(raw, file)
    return replace(job, chain=replace(job.chain, path=folder / job.chain.path))


def make_chain_job(settings: Mapping[str, Any], file: JobFile | None = None) -> ChainJob:
    """Check the settings of a job of a chain.

    Raises
    ------
    InputError
        With every problem.
    """
    return checked_job(ChainJob, settings, file)


def chain(job: ChainJob | Mapping[str, Any] | str | Path) -> PublishedTimeChain:
    """Return a chain through time as it may be published.

    Parameters
    ----------
    job : ChainJob, mapping, or path
        The job; its settings; or the path of its file.

    Returns
    -------
    PublishedTimeChain
        With ``to_pandas()``, ``stays()``, ``sentences(language)``, and what `mse.write_chain` writes.

    Raises
    ------
    InputError
        With every problem of the job and its events.
    """
    job = _job(job)
    found = estimated(job)
    speakers, titles = speakers_of(job.report, job.title, job.run.prob, "timechain.title")
    period = f"{found.first}–{job.chain.until.year}"
    coarse = coarse_chain(found, job.publish.threshold, job.publish.public)
    title = job.title or next(iter(titles.values()))
    return PublishedTimeChain(title, job.about, coarse, period, speakers, titles, job.report.pdf)


def estimated(job: ChainJob | Mapping[str, Any] | str | Path) -> TimeChain:
    """Return a chain through time unrounded, which stays inside.

    Raises
    ------
    InputError
        With every problem of the job and its events.
    """
    job = _job(job)
    return time_chain(read_events(job.chain), job.chain.within, job.run.prob)


def _job(job: ChainJob | Mapping[str, Any] | str | Path) -> ChainJob:
    if isinstance(job, ChainJob):
        return job
    return read_chain_job(job) if isinstance(job, str | Path) else make_chain_job(job)
