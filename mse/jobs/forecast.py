"""What a job will compute, and how long that takes: stages, minutes, memory, and how many workers pay.

Costs are measured (``python -m benchmarks.costs``, stored in ``costs.json``): seconds of every method by the number of
lists, what a verdict adds, and a refit of an assessment. They are brought to the machine at hand by work that is timed
on both (`mse.computing.yardstick`). Beyond the numbers of lists that were measured they grow by the factor of
the last list, and the plan says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.assess.assessment import AssessSpec
from mse.assess.knownsizes import FEWEST_LISTS
from mse.assess.refits import BATCH as REFITS
from mse.assess.robustness import SHARES, SUBSAMPLES
from mse.computing.inputfiles import matching
from mse.computing.yardstick import yardstick
from mse.errors import InputError, Problem
from mse.estimators.automatic import choose
from mse.estimators.methodspecs import by_stratum, make_spec, named
from mse.estimators.naming import label_of
from mse.estimators.registry import METHODS
from mse.estimators.separate import DRAWS
from mse.estimators.sharingout import BATCH as PARTS
from mse.estimators.sharingout import FEWEST
from mse.jobs.job import Job, load_job_table, read_job
from mse.jobs.sections import MethodChoice
from mse.manytables import BATCH
from mse.methods import checks
from mse.shipped import read_table
from mse.tables.captures import CaptureTable
from mse.tables.checks import MAX_LISTS
from mse.words.catalogues import catalogue
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

STORED = Path(__file__).with_name("costs.json")
"""What was measured."""

BYTES = 80.0
"""Of a row of a register, about."""

PAYS = 0.05
"""Share of the time that a further worker must save to pay."""

MOST_WORKERS = 512
"""Workers that are looked at."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One piece of work of a job.

    Parameters
    ----------
    what : Said
        What is done.
    times : int
        How often.
    seconds : float
        In all, on one core of this machine.
    tasks : int
        Parts that workers can share; 1 for what one process does alone.
    measured : bool
        Whether its cost was measured for so many lists; otherwise it is carried on from fewer.
    """

    what: Said
    times: int
    seconds: float
    tasks: int = 1
    measured: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be computed.

    Parameters
    ----------
    stages : tuple of Stage
        In their order.
    lists, strata, tables : int
        Lists of the table, its strata, and tables of this kind.
    mebibytes : float
        Memory of one process.
    workers : int or None
        Workers that were asked about; as many as pay when not given.
    speed : float
        Speed of this machine over that on which the costs were measured.
    """

    stages: tuple[Stage, ...]
    lists: int
    strata: int
    tables: int
    mebibytes: float
    workers: int | None
    speed: float

    @property
    def seconds(self) -> float:
        """Seconds of computing in all, on one core, of what was measured."""
        return sum(stage.seconds for stage in self.stages if math.isfinite(stage.seconds))

    @property
    def paying(self) -> int:
        """Most workers of which each saves `PAYS` of the time or more."""
        best = 1
        for workers in range(2, MOST_WORKERS + 1):
            if self.lasts(workers) < (1.0 - PAYS) * self.lasts(best):
                best = workers
            elif workers > 2 * best + 8:
                break
        return best

    def lasts(self, workers: int) -> float:
        """Return the seconds that pass with so many workers."""
        known = (s for s in self.stages if math.isfinite(s.seconds))
        return sum(s.seconds * math.ceil(s.tasks / min(workers, s.tasks)) / s.tasks for s in known)

    def as_record(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        workers = self.workers or self.paying
        return {
            "lists": self.lists, "strata": self.strata, "tables": self.tables,
            "computing_seconds": self.seconds, "workers": workers, "seconds": self.lasts(workers),
            "workers_that_pay": self.paying, "mebibytes_each": self.mebibytes, "speed": self.speed,
            "stages": [
                {"what": str(s.what), "said": s.what.as_record(), "times": s.times,
                 "seconds": s.seconds if math.isfinite(s.seconds) else None,
                 "tasks": s.tasks, "measured": s.measured} for s in self.stages
            ],
        }  # fmt: skip

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per stage: ``what``, ``times``, ``seconds``, ``tasks``, ``measured``."""
        import pandas as pd

        rows = [(str(s.what), s.times, s.seconds, s.tasks, s.measured) for s in self.stages]
        return pd.DataFrame(rows, columns=["what", "times", "seconds", "tasks", "measured"])

    def in_words(self, language: str = "en") -> str:
        """Return the plan as lines of text."""
        say, workers = catalogue(language), self.workers or self.paying
        lines = [
            say.said(said("plan.stage", what=s.what, times=s.times, time=_time(s.seconds), tasks=s.tasks))
            + ("" if s.measured else say.said(said("plan.carried_on")))
            for s in self.stages
        ]
        whole = said("plan.whole", computing=_time(self.seconds), time=_time(self.lasts(workers)), workers=workers,
                     paying=self.paying, memory=round(self.mebibytes), lists=self.lists, strata=self.strata,
                     tables=self.tables)  # fmt: skip
        return "\n".join([*lines, say.said(whole)])

    def __str__(self) -> str:
        """Return the plan in English."""
        return self.in_words()


def plan(
    source: Job | str | Path | CaptureTable | Any,
    method: str | object = "auto",
    *,
    tables: int = 1,
    strata: int | None = None,
    workers: int | None = None,
    speed: float | None = None,
    **options: Any,
) -> Plan:
    """Say what an estimate or a job will compute, how long that takes, and how many workers pay; nothing is computed.

    Parameters
    ----------
    source : Job, path of a job file, or table
        A job as `mse.read_job` reads it; or what `mse.estimate` would be given.
    method, **options
        As in `mse.estimate`, where the source is a table.
    tables : int
        Tables of this kind, for `mse.estimate_many`: 2,000 for 200 countries in 10 years.
    strata : int, optional
        Strata, where they are not known before registers are read.
    workers : int, optional
        Workers to tell the time for; as many as pay when not given.
    speed : float, optional
        Speed of the machine; timed when not given.

    Raises
    ------
    MseError
        When the job or the table cannot be read, or a method or an option is unknown.
    """
    wrong = [(name, x) for name, x in (("tables", tables), ("strata", strata), ("workers", workers))
             if x is not None and (type(x) is not int or x < 1)]  # fmt: skip
    if wrong:
        raise InputError([Problem(said("found.plan_number", name=name), said("allowed.whole_from_one"),
                                  said("do.plan_number"), value=str(x)) for name, x in wrong])  # fmt: skip
    measured = costs()
    factor = speed or measured["yardstick"] / min(yardstick() for _ in range(3))
    if isinstance(source, Job) or (isinstance(source, str | Path) and Path(source).suffix == ".toml"):
        job = source if isinstance(source, Job) else read_job(source)
        table, stages, times = _of_source(job)
        cells = strata or _strata(table, job.estimate)
        stages += _answers(table, job.estimate, 1 + times, cells)
        stages += _beside(table, job, cells)
        if job.assess is not None:
            stages.append(_assessment(table, job.assess))
    else:
        name, given = named(method, options)
        make_spec(name, given)
        read, choice = read_table(source), MethodChoice(name, given)
        if not isinstance(read, CaptureTable):
            raise InputError(Problem(said("found.plan_no_lists", kind=type(read).__name__),
                                     said("allowed.plan_table"), said("do.plan_table")))  # fmt: skip
        table = read
        cells = strata or _strata(table, choice)
        stages = [*_answers(table, choice, 1, cells), _verdict(table, cells)]
    mebibytes = measured["mebibytes"] + 3 * 8 * DRAWS * (cells if cells > 1 else 1) / 2**20
    spread = [_at(stage, tables, factor) for stage in [_start(), *stages]]
    return Plan(tuple(spread), table.n_lists, cells, tables, mebibytes, workers, factor)


@cache
def costs() -> Mapping[str, Any]:
    """Return what was measured."""
    stored: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return stored


def cost_at(by_lists: Mapping[str, float], lists: int) -> tuple[float, bool]:
    """Return seconds at a number of lists, and whether they were measured; else the last growth is carried on."""
    known = sorted(int(k) for k in by_lists)
    if not known:
        return math.nan, False
    if lists in known or lists < known[0]:
        return by_lists[str(max(lists, known[0]))], lists in known
    last = by_lists[str(known[-1])]
    growth = max(last / by_lists[str(known[-2])], 1.5) if len(known) > 1 else 4.0
    return last * growth ** (lists - known[-1]), False


def _at(stage: Stage, tables: int, speed: float) -> Stage:
    """Return a stage of one table as one of many, which are shared out in batches, on a machine of such a speed."""
    tasks = stage.tasks if tables == 1 else math.ceil(tables / BATCH)
    once = stage.what.code == "plan.start"
    return Stage(stage.what, stage.times * (1 if once else tables), stage.seconds * (1 if once else tables) / speed,
                 1 if once else tasks, stage.measured)  # fmt: skip


def _start() -> Stage:
    return Stage(said("plan.start"), 1, costs()["start"])


def _strata(table: CaptureTable, choice: MethodChoice) -> int:
    """Return the strata that a method estimates."""
    if (by := choice.options.get("by")) is not None:
        return math.prod(len(table.strata[dim]) for dim in by if dim in table.strata)
    return table.n_strata if by_stratum(choice.method, choice.options) else 1


def _of_source(job: Job) -> tuple[CaptureTable, list[Stage], int]:
    """Return the table of a job, or one with its lists; how it is come by; and how many linkages are drawn."""
    if job.registers is None:
        return load_job_table(job)[0], [], 0
    names, persons = _registers(job)
    lists = names[:MAX_LISTS] if len(names) > 1 else ["A", "B"]
    table = CaptureTable.from_arrays(lists, np.ones(2 ** len(lists) - 1, dtype=np.int64))
    seconds = costs()["million_rows"] * persons / 1e6
    return table, [Stage(said("plan.registers", rows=round(persons)), 1, seconds)], job.registers.draws


def _registers(job: Job) -> tuple[list[str], float]:
    """Return the lists that registers make, and about how many rows they have."""
    from mse.intake.contracts.contractfile import read_contract
    from mse.jobs.sources import expanded

    assert job.registers is not None
    if (nation := job.simulate) is not None:
        years = nation.last_year - nation.first_year + 1
        return [register.name for register in nation.registers], nation.victims * years
    contracts = [read_contract(path) for path in expanded(job.registers.contracts)]
    patterns = [str(contract.folder / x) for contract in contracts for x in contract.path]
    files = {Path(found) for pattern in patterns for found in matching(pattern)}
    return [contract.list for contract in contracts], sum(file.stat().st_size for file in files) / BYTES


def _answers(table: CaptureTable, choice: MethodChoice, times: int, strata: int) -> list[Stage]:
    """Return the headline: the method, as often as linkages are drawn, over strata."""
    method, options = choice.method, dict(choice.options)
    if method == "auto":
        found = choose(table, options)
        method, options = found.method, dict(found.options)
    seconds, measured = cost_at(costs()["methods"].get(method, {}), table.n_lists)
    apart = "by" in options and not METHODS[method].together and strata >= FEWEST
    what = said("plan.estimate", method=label_of(method, options), strata=strata)
    return [Stage(what, times * strata, seconds * times * strata, math.ceil(strata / PARTS) if apart else 1, measured)]


def _verdict(table: CaptureTable, strata: int) -> Stage:
    seconds, measured = cost_at(costs()["verdict"], table.n_lists)
    return Stage(said("plan.verdict"), strata, seconds * strata, 1, measured)


def _beside(table: CaptureTable, job: Job, strata: int) -> list[Stage]:
    """Return the methods beside the headline of a job."""
    by = list(job.estimate.options.get("by", ()))
    requests: list[tuple[str, Mapping[str, Any]]] = []
    if job.compare is not None:
        requests = [(c.method, c.options) for c in job.compare]
    else:
        usual = checks(table, job.estimate.method, by)
        requests = [(r, {}) if isinstance(r, str) else r for r in usual]
        requests += [(name, {}) for name, row in METHODS.items() if row.beside]
    stages = []
    for method, options in requests:
        seconds, measured = cost_at(costs()["methods"].get(method, {}), table.n_lists)
        parts = strata if "by" in options else 1
        tasks = math.ceil(parts / PARTS) if parts >= FEWEST else 1
        what = said("plan.beside", method=label_of(method, options))
        stages.append(Stage(what, parts, seconds * parts, tasks, measured))
    return stages


def _assessment(table: CaptureTable, spec: AssessSpec) -> Stage:
    """Return the checks of an answer, nearly all of which estimate changed tables again."""
    lists, cells = table.n_lists, 2**table.n_lists - 1
    refits = {
        "robustness": 1 + 2 * cells + (lists + math.comb(lists, 2) if lists > FEWEST_LISTS else 0),
        "accumulation": 1 + SUBSAMPLES * (len(SHARES) - 1),
        "consistency": lists,
        "coverage": 4 * spec.replicates,
        "linkage_error": 9,
    }
    times = sum(count for part, count in refits.items() if part in spec.parts)
    seconds, measured = cost_at(costs()["refit"], lists)
    return Stage(said("plan.assess", parts=len(spec.parts)), times, seconds * times, max(1, times // REFITS), measured)


def _time(seconds: float) -> Said:
    """Return a duration as people say it."""
    if not math.isfinite(seconds):
        return said("plan.unknown")
    if seconds < 60:
        return said("plan.seconds", count=float(f"{seconds:.2g}"))
    return said("plan.minutes", count=float(f"{seconds / 60:.2g}"))
