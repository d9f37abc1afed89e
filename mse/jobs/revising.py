"""What moved an estimate between two results: data, linkage, model and prior, put in one after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mse.answers.posterior import Posterior
from mse.answers.results import Results
from mse.answers.strata import ALL
from mse.computing.parallel import Compute
from mse.computing.progress import if_watched
from mse.computing.savefiles import work_folder
from mse.computing.sealing import same_content
from mse.errors import MseError
from mse.jobs.job import Job, make_job
from mse.jobs.running import answer_of
from mse.jobs.sources import open_source
from mse.publish.changes import COMPLETING, LINKING, PRIORS, Changes, compare_results
from mse.publish.facts.margins import margin_points
from mse.publish.registered import time_of
from mse.publish.revisions import CAUSES, Estimates, Revision, read_side, revise
from mse.words.said import Said, said


def revision(old: str | Path, new: str | Path, compute: Compute | None = None, *, apart: bool = True) -> Revision:
    """Return two vintages year by year: registered and estimated then and now, and what moved them.

    Parameters
    ----------
    old, new : str or Path
        Releases, or results folders. Of two results folders in which several things changed the estimate is made again,
        from the data of `new`, with one thing of `old` replaced after the other.
    compute : Compute, optional
        Workers and progress.
    apart : bool
        Make the estimate again where that takes it; otherwise its causes are not told apart there.

    Raises
    ------
    InputError
        When one of them is neither, or damaged.
    """
    then, now = read_side(Path(old)), read_side(Path(new))
    if then.results is None or now.results is None:
        return revise(then, now)
    kinds = changed_kinds(compare_results(old, new))
    ends = [points(x.headline, time_of(x)) for x in (then.results, now.results)]
    if len(kinds) < 2:
        at = CAUSES.index(next(iter(kinds), "data"))
        steps = [ends[0]] * (at + 1) + [ends[1]] * (len(CAUSES) - at)
        return revise(then, now, steps, (said("revision.one_cause"),))
    if not apart:
        return revise(then, now)
    try:
        between = _between(then.results, now.results, compute or if_watched())
    except MseError:
        return revise(then, now, notes=(said("revision.steps_failed"),))
    if between is None:
        return revise(then, now, notes=(said("revision.steps_failed"),))
    told: tuple[Said, ...] = (said("revision.steps"),)
    return revise(then, now, [ends[0], *between, ends[1]], told)


def changed_kinds(changes: Changes) -> set[str]:
    """Return which of data, linkage, model and prior differ in what went into two results."""
    found = set()
    linked = {f"[registers] {name}" for name in LINKING}
    for cause in changes.causes:
        if cause.what in linked:
            found.add("linkage")
        elif cause.kind == "method" and cause.of != "interval" and not cause.what.startswith("[verdict]"):
            found.add("model")
        elif cause.kind in ("data", "prior"):
            found.add(cause.kind)
    return found


def points(headline: Posterior, time: str | None) -> Estimates:
    """Return the estimate of every year, and of all, by the year."""
    found = {ALL: headline.point}
    if headline.strata is not None and time is not None:
        part = headline.strata.margin(time)
        middle = margin_points(part, headline.kind == "posterior")
        found |= dict(zip(part.dimensions[time], map(float, middle), strict=True))
    return found


def _between(old: Results, new: Results, compute: Compute) -> list[Estimates] | None:
    """Return the points of every year with the data of `new`; with its linkage, too; and with its model.

    None where the data of `new` are not those of its results any more.
    """
    settings = [dict(x.record.job.settings) for x in (old, new)]
    if not all(settings):
        return None
    made = []
    for job in _mixed(*settings):
        with work_folder(Path(tempfile.gettempdir()) / "mse") as folder:
            source = open_source(job, folder, compute)
            flat = source.table.collapse() if source.table.strata else source.table
            same = same_content(new.record.secret, str(new.record.table.digest), flat.digest)
            if job.registers is None and not same:
                return None
            made.append(points(answer_of(job, source, compute), time_of(new)))
    return made


def _mixed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Job]:
    """Return the jobs in between: all of `old` but its data; with the linkage of `new`; with its model."""
    registers = dict(new.get("registers") or {})
    before = dict(old.get("registers") or {})
    completed = {name: x for name, x in registers.items() if name not in COMPLETING}
    completed |= {name: before[name] for name in COMPLETING if name in before}
    linked = {name: x for name, x in completed.items() if name not in LINKING}
    linked |= {name: before[name] for name in LINKING if name in before}
    theirs, ours = dict(old.get("estimate") or {}), dict(new.get("estimate") or {})
    model = {name: x for name, x in ours.items() if name not in PRIORS}
    model |= {name: theirs[name] for name in PRIORS if name in theirs and theirs.get("method") == ours.get("method")}
    kept = {name: x for name, x in new.items() if name not in ("estimate", "registers", "assess", "compare")}
    jobs = []
    for who, how in ((linked, theirs), (completed, theirs), (registers, model)):
        one = kept | ({"estimate": how} if how else {}) | ({"registers": who} if registers else {})
        jobs.append(make_job(one))
    return jobs
