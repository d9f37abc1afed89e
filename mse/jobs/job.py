"""An estimation job: a TOML file, or the same settings in memory, read and checked."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError, model_validator

from mse.computing.inputfiles import check_values, read_settings
from mse.errors import InputError, ModelError, MseError, Problem
from mse.jobs.sections import (
    AssessSection,
    ComputeSection,
    MethodSection,
    PublishSection,
    RegistersSection,
    ReportSection,
    RunSection,
    Section,
    TableSection,
    VerdictSection,
)
from mse.methods import make_spec
from mse.settings.places import JobFile, Place, option_place, plain_problem
from mse.shipped import TableInfo, load_table, shipped_names, shipped_path, table_info
from mse.tables.captures import CaptureTable


class Job(Section):
    """One study: data, estimator, comparison, seed, report settings."""

    title: str | None = None
    simulate: dict[str, Any] | None = None
    registers: RegistersSection | None = None
    table: TableSection | None = None
    estimate: MethodSection = MethodSection()
    compare: tuple[MethodSection, ...] | None = None
    run: RunSection = RunSection()
    compute: ComputeSection = ComputeSection()
    verdict: VerdictSection = VerdictSection()
    assess: AssessSection | None = None
    publish: PublishSection | None = None
    report: ReportSection = ReportSection()
    _file: JobFile = PrivateAttr(default_factory=JobFile)

    @model_validator(mode="after")
    def _one_source(self) -> Job:
        if (self.table is None) == (self.registers is None):
            raise ValueError(
                "no source of data, or two; allowed: either [table], for an overlap table, or [registers], for the "
                "files of suppliers"
            )
        if self.registers is not None and bool(self.registers.contracts) == (self.simulate is not None):
            raise ValueError(
                "registers without contracts, or simulated registers with; allowed: contracts under [registers], or a "
                "section [simulate], which writes its own"
            )
        if self.simulate is not None and self.registers is None:
            raise ValueError("simulated registers that are not read; allowed: [simulate] together with [registers]")
        return self

    @property
    def file(self) -> JobFile:
        """Where the settings stand, for messages."""
        return self._file

    def at(self, folder: Path) -> Job:
        """Return the job with the paths in it taken from a folder."""
        changes: dict[str, Any] = {}
        if self.table is not None and self.table.path is not None:
            changes["table"] = self.table.model_copy(update={"path": folder / self.table.path})
        if self.registers is not None:
            found = tuple(str(folder / path) for path in self.registers.contracts)
            changes["registers"] = self.registers.model_copy(update={"contracts": found})
        if self.publish is not None:
            changes["publish"] = self.publish.at(folder)
        return self.model_copy(update=changes)


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
        shipped = ", ".join(f"models/{name}" for name in shipped_names("models"))
        raise InputError(
            Problem(f"the job file cannot be read: {error.strerror or type(error).__name__}",
                    f"a TOML file, or one that ships: {shipped}", "check the path", file=str(path))
        ) from error  # fmt: skip
    except ValueError as error:
        raise InputError(
            Problem(f"the job file is not TOML: {error}", "TOML in UTF-8 (https://toml.io)", "correct it there",
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
    file = file or JobFile()
    problems = []
    try:
        check_values(settings)
    except ValueError as error:
        beyond = Problem(f"the settings cannot be used: {error}", "settings as TOML holds them", "correct them")
        raise InputError(file.put(beyond, ())) from None
    try:
        job = Job.model_validate(settings)
    except ValidationError as error:
        problems = [plain_problem(e, Job, file) for e in error.errors()]
    compared = settings.get("compare")
    sections: list[tuple[Place, Any]] = [(("estimate",), settings.get("estimate"))]
    sections += [(("compare", str(i)), x) for i, x in enumerate(compared if isinstance(compared, list | tuple) else ())]
    for place, section in sections:
        with suppress(ValidationError):  # said above
            chosen = MethodSection.model_validate({} if section is None else section)
            try:
                make_spec(chosen.method, chosen.options)
            except MseError as error:
                options = ["method", *chosen.options]
                problems += [file.put(p, option_place(p, place, options)) for p in error.problems]
    problems += _section_problems(settings, file)
    if settings.get("simulate") is not None:
        from mse.simulate.section import make_spec as make_nation

        try:
            make_nation(settings["simulate"], file)
        except MseError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    job._file = file
    return job


def _section_problems(settings: Mapping[str, Any], file: JobFile) -> list[Problem]:
    """Return what is wrong with what is asked of assessment and linkage, as far as their sections can be read."""
    from mse.assess.assessment import AssessSpec

    problems: list[Problem] = []
    with suppress(ValidationError):  # said above
        if settings.get("assess") is not None:
            asked = AssessSection.model_validate(settings["assess"]).model_dump(exclude_none=True)
            try:
                AssessSpec(**asked)
            except MseError as error:
                problems += [file.put(p, option_place(p, ("assess",), asked)) for p in error.problems]
    with suppress(ValidationError):
        if settings.get("registers") is not None:
            from mse.intake.taking import IntakeSpec

            section = RegistersSection.model_validate(settings["registers"])
            try:
                IntakeSpec(**section.model_dump(exclude={"contracts"}))
            except MseError as error:
                problems += [
                    file.put(p, option_place(p, ("registers",), section.model_fields_set)) for p in error.problems
                ]
    return problems


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
    allowed = ", ".join(dims) or "none: the method gives no estimate by stratum"

    def known(place: Place, dim: str, level: str | None = None) -> None:
        if dim not in dims:
            found = Problem(
                "the answer has no such dimension", allowed, "correct the name", column=".".join(place), value=dim
            )
            problems.append(job.file.put(found, place))
        elif level is not None and level not in dims[dim]:
            found = Problem(
                f"the dimension {dim!r} has no such level", ", ".join(dims[dim]), "correct the name",
                column=".".join(place), value=level,
            )  # fmt: skip
            problems.append(job.file.put(found, place))

    if job.publish is not None:
        for i, group in enumerate(job.publish.at_risk):
            place = ("publish", "at_risk", str(i), "where")
            if len(group.where) > 1:
                found = Problem("a group at risk is set against more than one dimension", "at most one", "choose one",
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
            [Problem("an option is not of the form NAME=VALUE", "for example replicates=200", "correct it", value=t)
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
            table = CaptureTable.from_csv(
                section.path, lists=section.lists or None, covariates=section.covariates or None,
                persons=section.persons, sum_duplicates=section.sum_duplicates, merge=section.merge, drop=section.drop,
            )  # fmt: skip
        except ModelError as error:  # about lists that are merged or dropped: faults of the file are InputErrors
            place = ("table", "drop" if section.drop else "merge")
            raise ModelError([job.file.put(p, place) for p in error.problems]) from error
        return table, info
    with job.file.blame(("table", "merge")):
        table = table.merge_lists(section.merge) if section.merge else table
    with job.file.blame(("table", "drop")):
        table = table.leave_out(*section.drop) if section.drop else table
    return table, info
