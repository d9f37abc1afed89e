"""An estimation job: a TOML file, or the same settings in memory, read and checked."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mse.assess.assessment import AssessSpec
from mse.assess.rules import Thresholds
from mse.computing.inputfiles import read_settings
from mse.errors import InputError, ModelError, Problem, names_of, reason_of
from mse.jobs.asked import ComputeSpec, RunSpec, TableSpec, checked_job
from mse.jobs.sections import AggregateSpec, MethodChoice, PublishSpec, RegistersSpec, ReportSpec
from mse.settings.places import JobFile, Place
from mse.settings.specchecks import Checked, Placed
from mse.settings.specreading import written
from mse.shipped import TableInfo, load_table, shipped_jobs, shipped_names, shipped_path, table_info
from mse.simulate.spec import SimulateSpec
from mse.tables.captures import CaptureTable
from mse.words.cards import card
from mse.words.catalogues import catalogue
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class Job(Checked):
    """One study: data, estimator, comparison, seed, report settings.

    Parameters
    ----------
    title : str
        Of the study.
    simulate : SimulateSpec
        A simulated nation that writes the registers.
    registers : RegistersSpec
        The files of suppliers; or
    table : TableSpec
        an overlap table.
    aggregate : tuple of AggregateSpec
        Suppliers of counts without persons, which the answer does not lie below.
    estimate : MethodChoice
        The method of the answer.
    compare : tuple of MethodChoice
        Methods beside it; the usual ones when not given.
    run : RunSpec
        Seed and probability.
    compute : ComputeSpec
        Where replicates are computed.
    verdict : Thresholds
        Of the verdict.
    assess : AssessSpec
        Checks of the answer; none when there is no such section, all when it is empty.
    publish : PublishSpec
        Disclosure control, and what stands beside the estimate.
    report : ReportSpec
        What the report calls things.
    file : JobFile
        Where the settings stand, for messages.
    """

    title: str | None = None
    simulate: SimulateSpec | None = None
    registers: RegistersSpec | None = None
    table: TableSpec | None = None
    aggregate: tuple[AggregateSpec, ...] = ()
    estimate: MethodChoice = MethodChoice()
    compare: tuple[MethodChoice, ...] | None = None
    run: RunSpec = RunSpec()
    compute: ComputeSpec = ComputeSpec()
    verdict: Thresholds = Thresholds()
    assess: AssessSpec | None = None
    publish: PublishSpec | None = None
    report: ReportSpec = ReportSpec()
    file: JobFile = field(default_factory=JobFile, compare=False, repr=False, metadata={"key": False})

    def __repr__(self) -> str:
        """One line: title, source and method."""
        return f"<Job {self.title!r}: {self._source()}; {self.estimate.method}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what would be estimated, from what, beside what."""
        say = catalogue()
        beside = () if self.compare is None else tuple(x.method for x in self.compare)
        rows = [(say("card.source"), self._source()), (say("intervals.method"), self.estimate.method)]
        rows += [(say("card.beside"), ", ".join(beside))] if beside else []
        rows += [(say("card.seed"), str(self.run.seed)), (say("intervals.interval"), f"{self.run.prob:.0%}")]
        return card(self.title or self._source(), rows)

    def _source(self) -> str:
        """Return where the data are from: the public table, the file, or the contracts."""
        if self.table is not None:
            return str(self.table.name or self.table.path)
        if self.simulate is not None or self.registers is None:
            return "[simulate]"
        return ", ".join(Path(path).name for path in self.registers.contracts)

    def together(self) -> Placed:
        """Yield what is wrong with the source of the data."""
        if (self.table is None) == (self.registers is None):
            allowed = said("allowed.either_table_overlap_table")
            yield (), Problem(said("found.no_source_data_two"), allowed, said("do.correct"))
        if self.registers is not None and bool(self.registers.contracts) == (self.simulate is not None):
            found = said("found.registers_without_contracts_simulated")
            allowed = said("allowed.contracts_under_registers_section")
            yield (), Problem(found, allowed, said("do.correct"))
        if self.simulate is not None and self.registers is None:
            found = said("found.simulated_registers_not_read")
            yield (), Problem(found, said("allowed.simulate_together_registers"), said("do.correct"))

    def at(self, folder: Path) -> Job:
        """Return the job with the paths in it taken from a folder."""
        beside = None if self.compare is None else tuple(x.at(folder) for x in self.compare)
        changes: dict[str, Any] = {"estimate": self.estimate.at(folder), "compare": beside}
        if self.table is not None and self.table.path is not None:
            changes["table"] = replace(self.table, path=folder / self.table.path)
        if self.registers is not None:
            found = tuple(str(folder / path) for path in self.registers.contracts)
            decided = self.registers.decisions
            changes["registers"] = replace(
                self.registers, contracts=found, decisions=None if decided is None else folder / decided
            )
        if self.aggregate:
            changes["aggregate"] = tuple(replace(x, path=folder / x.path) for x in self.aggregate)
        if self.publish is not None:
            changes["publish"] = self.publish.at(folder)
        return replace(self, **changes)

    def as_record(self) -> dict[str, Any]:
        """Return the settings as they are stored; of the thresholds those that are not the usual ones."""
        usual, own = written(Thresholds()), written(self.verdict)
        return {**written(self), "verdict": {name: own[name] for name in own if own[name] != usual[name]}}


def read_job(path: str | Path) -> Job:
    """Read and check a job file; a name under models/ that is not here is looked up among those that ship.

    Raises
    ------
    InputError
        With every problem: not TOML, unknown keys, wrong types, unknown methods and options.
    """
    path = Path(path)
    if not os.path.exists(path) and path.name in shipped_names("models"):
        path = shipped_path("models", path.name)
    try:
        text, raw = read_settings(path)
    except OSError as error:
        shipped = ", ".join(f"models/{name}" for name in shipped_jobs())
        raise InputError(
            Problem(said("found.job_file_cannot_read", error=reason_of(error)),
                    said("allowed.toml_file_one_ships", shipped=shipped), said("do.check_path"), file=str(path))
        ) from error  # fmt: skip
    except ValueError as error:
        raise InputError(
            Problem(said("found.job_file_not_toml", error=reason_of(error)), said("allowed.toml_utf_8_https"),
                    said("do.correct_2"),
                    file=str(path))
        ) from error  # fmt: skip
    job = make_job(raw, JobFile.of(str(path), text))
    return job.at(path.parent)


def make_job(settings: Mapping[str, Any], file: JobFile | None = None) -> Job:
    """Check the settings of a job, and the options of its methods.

    Raises
    ------
    InputError
        With every problem: unknown keys, wrong types, unknown methods and options.
    """
    return checked_job(Job, settings, file)


def dimension_problems(job: Job, dims: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Return every name of a dimension or level under [publish] that the answer of a job will not have.

    Parameters
    ----------
    job : Job
        The settings.
    dims : mapping of str to sequence of str
        Dimensions of the answer and their levels.
    """
    problems: list[Problem] = []
    allowed = names_of(dims, said("allowed.none_method_gives_no"))

    def known(place: Place, dim: str, level: str | None = None) -> None:
        if dim not in dims:
            found = Problem(
                said("found.answer_has_no_such"), allowed, said("do.correct_name"), column=".".join(place), value=dim
            )
            problems.append(job.file.put(found, place))
        elif level is not None and level not in dims[dim]:
            found = Problem(
                said("found.dimension_has_no_such", dim=repr(dim)), names_of(dims[dim]), said("do.correct_name"),
                column=".".join(place), value=level,
            )  # fmt: skip
            problems.append(job.file.put(found, place))

    if job.publish is not None:
        for i, group in enumerate(job.publish.at_risk):
            place = ("publish", "at_risk", str(i), "where")
            if len(group.where) > 1:
                found = Problem(said("found.group_risk_set_against"), said("allowed.most_one"), said("do.choose_one"),
                                column=".".join(place), value=", ".join(group.where))  # fmt: skip
                problems.append(job.file.put(found, place))
            for dim, level in group.where.items():
                known(place, dim, level)
        for of, dim in job.publish.sdg.items():
            known(("publish", "sdg", of), dim)
    return problems


def read_options(texts: Sequence[str]) -> dict[str, Any]:
    """Return the options of a method from ``NAME=VALUE`` texts; a value is read as in a job file, else as text.

    Raises
    ------
    InputError
        With every text that is not of that form.
    """
    wrong = [t for t in texts if not t.partition("=")[0].strip().isidentifier() or "=" not in t]
    if wrong:
        raise InputError(
            [Problem(said("found.option_not_form_name"), said("allowed.example_replicates_200"), said("do.correct"),
                     value=t)
             for t in wrong]
        )  # fmt: skip
    options = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        try:
            options[name] = tomllib.loads(f"x = {value}")["x"]
        except (tomllib.TOMLDecodeError, RecursionError):
            options[name] = value
    return options


def load_job_table(job: Job) -> tuple[CaptureTable, TableInfo | None]:
    """Load the table of a job, merge and drop lists as it says, and return what is known about it if it is public."""
    section = job.table
    assert section is not None
    info = None
    if section.name is not None:
        with job.file.blame(("table", "name")):
            table, info = load_table(section.name), table_info(section.name)
    else:
        assert section.path is not None
        try:
            table = CaptureTable.read(section.path, section.reading())
        except ModelError as error:  # about lists that are merged or dropped: faults of the file are InputErrors
            place = ("table", "drop" if section.drop else "merge")
            raise ModelError([job.file.put(p, place) for p in error.problems]) from error
        return table, info
    with job.file.blame(("table", "merge")):
        table = table.merge_lists(section.merge) if section.merge else table
    with job.file.blame(("table", "drop")):
        table = table.leave_out(*section.drop) if section.drop else table
    return table, info
