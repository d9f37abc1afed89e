"""Where the table of a job comes from: a file or a public table, the files of suppliers, or a simulated nation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.pooled import LINKAGE
from mse.computing.filemodes import private_writing
from mse.computing.inputfiles import matching
from mse.computing.parallel import Compute
from mse.computing.provenance import file_digest
from mse.errors import InputError, Problem, reason_of
from mse.jobs.job import Job, load_job_table
from mse.shipped import TableInfo
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

    from mse.intake.populations import OtherPopulation
    from mse.intake.taking import Intake

RECORDS, REJECTS, QUALITY, SIMULATED = "intake", "rejects.csv", "quality", "registers"
"""In the workspace: what reading leaves; in it the rejected rows, the reports to suppliers, and simulated files."""


TOLD = 0.005
"""Share of a list's registrations that are missing from which a note tells of it."""


@dataclass(frozen=True, slots=True, eq=False)
class JobSource:
    """The data of a job.

    Parameters
    ----------
    table : CaptureTable
        What is estimated from.
    info : TableInfo or None
        What is known about a public table.
    draws : tuple of CaptureTable
        The table under other linkages of the registrations, each as likely as the others; empty when links are certain.
    others : tuple of OtherPopulation
        Populations of the same registers beside the one that is counted.
    unknown : mapping of str to str
        Level that stands for a missing label, by dimension.
    unreferred : CaptureTable or None
        The table without registrations that are there only because another list sent the person.
    tables : mapping of str to DataFrame
        What goes with the results: ``flow``, ``quality``, ``linkage``, ``truth``.
    drawn_for : tuple of Said
        Sources of uncertainty that `draws` hold.
    expected : tuple of Said
        What of the last years has not come in yet and is completed in `draws`; nothing where they are not.
    links : mapping of str to float
        Of registers, ``recall`` and ``precision`` of the linkage; ``unknown`` where nothing can tell them.
    record : mapping
        What goes into the record of the run: digests, counts, contracts.
    """

    table: CaptureTable
    info: TableInfo | None = None
    draws: tuple[CaptureTable, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    others: tuple[OtherPopulation, ...] = ()
    unreferred: CaptureTable | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, float] = field(default_factory=dict)
    expected: tuple[Said, ...] = ()
    drawn_for: tuple[Said, ...] = (LINKAGE,)


def open_source(job: Job, workspace: Path, compute: Compute, read: CaptureTable | None = None) -> JobSource:
    """Read the data of a job.

    Parameters
    ----------
    job : Job
        The settings.
    workspace : Path
        A folder for what reading registers needs and leaves.
    compute : Compute
        Progress.
    read : CaptureTable, optional
        The table in the file that the job names, where it has been read already.

    Raises
    ------
    InputError
        With every problem of the files.
    """
    if job.registers is None:
        table, info = load_job_table(job) if read is None else (read, None)
        file = None if job.table is None else job.table.path
        record = {} if file is None else {"file": {"name": file.name, "sha256": file_digest(file)}}
        return JobSource(table, info, record=record)
    contracts = expanded(job.registers.contracts)
    truth = None
    if job.simulate is not None:
        contracts = simulate_into(workspace / RECORDS / SIMULATED, job, compute)
        truth = workspace / RECORDS / SIMULATED / "truth.csv"
    with private_writing():
        return _registered(job, contracts, truth, workspace, compute)


def _registered(job: Job, contracts: list[str], truth: Path | None, workspace: Path, compute: Compute) -> JobSource:
    """Return the data that the files of suppliers give, and leave in the workspace what reading them leaves."""
    from mse.intake.flow import flow_diagram

    taken, quality = _take_in(contracts, workspace, job, compute)
    tables = {"flow": taken.flow, "quality": quality}
    (workspace / RECORDS / "flow.svg").write_text(flow_diagram(taken.flow), encoding="utf-8")
    if taken.linkage is not None:
        tables["thresholds"] = taken.linkage.thresholds
        (workspace / RECORDS / "linkage.svg").write_text(taken.linkage.chart, encoding="utf-8")
        (workspace / RECORDS / "linkage.json").write_text(taken.linkage.settings, encoding="utf-8")
    if taken.arrived is not None:
        tables["arrivals"] = taken.arrived
    expected: tuple[Said, ...] = ()
    if taken.expected is not None:
        tables["nowcast"] = taken.expected.to_pandas(job.run.prob)
        expected = _told_of(tables["nowcast"], taken.expected.until.isoformat())
    links = {"unknown": 1.0}
    if taken.quality is not None:
        tables["linkage"] = taken.quality.lists
        links = {"recall": taken.quality.recall, "precision": taken.quality.precision}
    if truth is not None:
        tables["truth"] = _truth(truth, list(taken.table.strata))
    return JobSource(
        taken.table,
        draws=taken.draws,
        unknown=taken.unknown,
        unreferred=taken.unreferred,
        tables=tables,
        # Counts in words are for those inside; a page reads the notes.
        record={
            "registers": dict(taken.digests),
            "simulated": job.simulate is not None,
            "notes": [note.as_record() for note in taken.told],
            "counted": [note.as_record() for note in taken.notes],
        },
        links=links,
        others=taken.others,
        expected=expected,
        drawn_for=_drawn_for(taken),
    )


def _drawn_for(taken: Intake) -> tuple[Said, ...]:
    """Return what the drawn tables differ by: the linkage, what has not come in yet, or both."""
    linked = taken.linkage is not None or taken.expected is None or taken.mended
    late = taken.expected is not None and bool(taken.expected.missing)
    return (*([LINKAGE] if linked else []), *([said("source.nowcast")] if late else []))


def _told_of(frame: pd.DataFrame, until: str) -> tuple[Said, ...]:
    """Return in shares, which tell of no few persons, what has not come in yet, by year; small ones together."""
    found = []
    for year in sorted(frame["year"].unique()):
        rows = frame[frame["year"] == year]
        parts = tuple(
            said("nowcast.list", list=x["list"], share=x["share"], low=x["low"] / max(x["so_far"] + x["low"], 1),
                 high=x["high"] / max(x["so_far"] + x["high"], 1))
            for x in rows.to_dict("records") if x["share"] >= TOLD
        )  # fmt: skip
        if parts:
            found.append(said("nowcast.year_of", year=year, until=until, parts=parts))
    return (said("nowcast.done"), *found)


def simulate_into(
    folder: Path, job: Job, compute: Compute, *, plain: bool = False, overwrite: bool = True
) -> list[str]:
    """Write the simulated nation of a job and return its contracts.

    Parameters
    ----------
    folder : Path
        Where to.
    job : Job
        With a section ``[simulate]``; its seed is used.
    compute : Compute
        Progress.
    plain : bool
        Leave the invented identities readable; otherwise they are pseudonymised, as suppliers do it.
    overwrite : bool
        Replace a folder that was written earlier.
    """
    from mse.intake.pseudonyms.keyedhash import disguise
    from mse.simulate.national import simulate
    from mse.simulate.writing import write_registers

    compute.progress(said("stage.simulating"), 0, 1)
    assert job.simulate is not None
    nation = simulate(job.simulate, seed=job.run.seed)
    # Nobody is protected by this key: the persons are invented. It makes the files what suppliers deliver.
    key = hashlib.sha256(f"simulated registers, seed {job.run.seed}".encode()).digest()
    hidden = None if plain else partial(disguise, key=key)
    other = None if plain else partial(disguise, key=hashlib.sha256(key).digest())
    paths = write_registers(folder, nation, hidden, overwrite=overwrite, other=other)
    compute.progress(said("stage.simulating"), 1, 1)
    return [str(path) for path in paths]


def expanded(patterns: Sequence[str]) -> list[str]:
    """Return the contracts that are meant, ``*`` and ``?`` filled in; a name without them stays as it is."""
    found = []
    for pattern in patterns:
        try:
            found += matching(pattern) or [pattern]
        except OSError as error:
            fault = said("found.contracts_cannot_found", error=reason_of(error))
            allowed = said("allowed.files_pattern_such_contracts")
            raise InputError(Problem(fault, allowed, said("do.correct_path"), value=pattern)) from None
    return list(dict.fromkeys(found))


def _take_in(contracts: Sequence[str], workspace: Path, job: Job, compute: Compute) -> tuple[Intake, pd.DataFrame]:
    """Return the table with how it came about, and the quality of the registers.

    The rejected rows and a quality report for each supplier are left in the workspace.
    """
    import pandas as pd

    from mse.intake.contracts.together import check_contracts
    from mse.intake.quality.completeness import quality_table, write_quality
    from mse.intake.registers.delivered import read_registers
    from mse.intake.taking import take_in_registers

    assert job.registers is not None
    records = workspace / RECORDS
    records.mkdir(parents=True, exist_ok=True)
    checked = check_contracts(contracts)
    compute.progress(said("stage.reading"), 0, 1)
    with read_registers(checked, workspace, rejects=records / REJECTS) as registers:
        compute.progress(said("stage.reading"), 1, 1)
        language = (*job.report.languages, job.report.language or "en")[0]
        write_quality(registers, records / QUALITY, language=language)
        quality = pd.concat(
            [quality_table(registers, name).assign(list=name) for name in registers.lists], ignore_index=True
        )
        taken = take_in_registers(registers, job.registers, seed=job.run.seed, progress=compute.progress)
    return taken, quality


def _truth(path: Path, dims: list[str]) -> pd.DataFrame:
    """Return the true number of persons by the strata of the table."""
    import pandas as pd

    from mse.computing.csvtext import read_csv

    whole = read_csv(path, dtype=dict.fromkeys(dims, str))
    if not dims:
        return pd.DataFrame({"truth": [int(whole["truth"].sum())]})
    return whole.groupby(dims, sort=False, as_index=False).agg({"truth": "sum"})
