"""An estimation job: a TOML file, or the same settings in memory, carried out to a results folder."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mse.captures import CaptureTable
from mse.errors import InputError, MseError, Problem
from mse.estimation import (
    METHODS,
    Outcome,
    Request,
    checks,
    comparison,
    judged,
    label_of,
    make_spec,
    run_method,
    run_or_fail,
)
from mse.jobfiles import JobFile, Place, option_place, plain_problem
from mse.parallel import Compute
from mse.provenance import file_digest, versions
from mse.results import Results
from mse.shipped import TableInfo, load_table, shipped_names, shipped_path, table_info

Counts = tuple[StrictInt, StrictInt]
Shares = tuple[StrictFloat, StrictFloat]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableSection(_Section):
    """Which table: a public one by `name`, or a file by `path` (relative to the job file), and what to do to it."""

    name: str | None = None
    path: Path | None = None
    persons: StrictBool = False
    sum_duplicates: StrictBool = False
    covariates: tuple[str, ...] = ()
    merge: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> TableSection:
        if (self.name is None) == (self.path is None):
            raise ValueError("no table, or two tables; allowed: either name, for a public table, or path, for a file")
        reading = {"persons": "--persons", "sum_duplicates": "--sum-duplicates", "covariates": "--covariate"}
        given = [f"{key} (command line: {option})" for key, option in reading.items() if getattr(self, key)]
        if self.name is not None and given:
            said = f"{', '.join(given)} with the public table {self.name}, which says itself how it is read"
            raise ValueError(f"{said}; allowed: these with a file of your own")
        return self


class MethodSection(BaseModel):
    """A method and its options; the options are checked by the method itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    method: str = "average"

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name of the method."""
        extra = dict(self.model_extra or {})
        if isinstance(extra.get("sd"), Mapping):
            # TOML keys are text: a grid of prior standard deviations arrives as {"0.5" = 1, "1.0" = 2}.
            with suppress(TypeError, ValueError):
                extra["sd"] = {float(sd): weight for sd, weight in extra["sd"].items()}
        return extra


class RunSection(_Section):
    """Seed of everything random, and probability of the intervals."""

    seed: Annotated[StrictInt, Field(ge=0)] = 0
    prob: Annotated[StrictFloat, Field(gt=0, lt=1)] = 0.95


class ComputeSection(_Section):
    """Where replicates are computed: the address of a Dask scheduler; and a folder that keeps finished parts."""

    cluster: str | None = None
    resume: Path | None = None


class VerdictSection(_Section):
    """Thresholds of the verdict that differ from the defaults (see ``mse.assess.verdict.Thresholds``)."""

    lists: Counts | None = None
    observed: Counts | None = None
    hump_weight: StrictFloat | None = None
    hump_ratio: Shares | None = None
    disagreement: Shares | None = None
    prior: Shares | None = None
    pair_share: Shares | None = None
    width: Shares | None = None
    grid_end: Shares | None = None
    sampling: Shares | None = None
    correction: Shares | None = None
    monte_carlo: Shares | None = None
    narrower: Shares | None = None

    @field_validator("*")
    @classmethod
    def _in_order(cls, value: Any, info: ValidationInfo) -> Any:
        """Check that what asks for caution comes before what forbids."""
        if isinstance(value, tuple):
            fewest = info.field_name in ("lists", "observed")
            if value != tuple(sorted(value, reverse=fewest)):
                words = "not above" if fewest else "not below"
                raise ValueError(
                    "the two thresholds are in the wrong order; allowed: the one that asks for caution, then the one "
                    f"that forbids, {words} it"
                )
        return value


class ReportSection(_Section):
    """What the report calls the population, and when and where it was counted."""

    population: str | None = None
    period: str | None = None
    territory: str | None = None
    publisher: str | None = None
    date: str | None = None
    language: Literal["en"] = "en"


class Job(_Section):
    """One study: data, estimator, comparison, seed, report settings."""

    title: str | None = None
    table: TableSection
    estimate: MethodSection = MethodSection()
    compare: tuple[MethodSection, ...] | None = None
    run: RunSection = RunSection()
    compute: ComputeSection = ComputeSection()
    verdict: VerdictSection = VerdictSection()
    report: ReportSection = ReportSection()
    _file: JobFile = PrivateAttr(default_factory=JobFile)

    @property
    def file(self) -> JobFile:
        """Where the settings stand, for messages."""
        return self._file


def read_job(path: Path) -> Job:
    """Read and check a job file; a name under models/ that is not here is looked up among those that ship.

    Raises
    ------
    InputError
        With every problem: not TOML, unknown keys, wrong types, unknown methods and options.
    """
    if not os.path.exists(path) and path.name in shipped_names("models"):
        path = shipped_path("models", path.name)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        shipped = ", ".join(f"models/{name}" for name in shipped_names("models"))
        raise InputError(
            Problem("the job file cannot be read", f"a TOML file, or one that ships: {shipped}", "check the path",
                    file=str(path))
        ) from error  # fmt: skip
    try:
        text = content.decode("utf-8-sig")
        raw = tomllib.loads(text)
    except ValueError as error:
        raise InputError(
            Problem(f"the job file is not TOML: {error}", "TOML in UTF-8 (https://toml.io)", "correct it there",
                    file=str(path))
        ) from error  # fmt: skip
    job = make_job(raw, JobFile.of(str(path), text))
    source = job.table.path
    if source is not None and not source.is_absolute():
        job = job.model_copy(update={"table": job.table.model_copy(update={"path": path.parent / source})})
    return job


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
    if problems:
        raise InputError(problems)
    job._file = file
    return job


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
        except tomllib.TOMLDecodeError:
            options[name] = value
    return options


def load_job_table(job: Job) -> tuple[CaptureTable, TableInfo | None]:
    """Load the table of a job, merge and drop lists as it says, and return what is known about it if it is public."""
    section = job.table
    info = None
    if section.name is not None:
        with job.file.blame(("table", "name")):
            table, info = load_table(section.name), table_info(section.name)
    else:
        assert section.path is not None
        table = CaptureTable.from_csv(section.path, covariates=section.covariates or None, persons=section.persons,
                                      sum_duplicates=section.sum_duplicates)  # fmt: skip
    with job.file.blame(("table", "merge")):
        table = table.merge(section.merge) if section.merge else table
    with job.file.blame(("table", "drop")):
        table = table.drop(*section.drop) if section.drop else table
    return table, info


def run_job(job: Job, compute: Compute | None = None) -> Results:
    """Carry out a job: estimate, compare, judge; nothing is written.

    Raises
    ------
    MseError
        When the table or the headline method does not work; another method that fails is a row that says so.
    """
    from mse.assess.verdict import Thresholds

    compute = compute or Compute()
    whole, info = load_job_table(job)
    table = whole.collapse() if whole.strata else whole
    seed, prob = job.run.seed, job.run.prob
    method, options = job.estimate.method, job.estimate.options
    strata = METHODS[method].strata
    with job.file.blame(("estimate", "model"), ("estimate", "method"), ("estimate",)):
        headline = run_method(whole if strata else table, method, seed=seed, compute=compute, **options)
    if whole.strata and not strata:
        summed = f"summed over the covariates {', '.join(whole.strata)}: this method takes none"
        headline = replace(headline, notes=(*headline.notes, summed))
    asked: list[Request] = (
        [*checks(table, method), "sample-coverage", "chao", "independence"]
        if job.compare is None
        else [(c.method, c.options) for c in job.compare]
    )
    others = [run_or_fail(whole, r, seed, compute) for r in asked if r not in (method, (method, options))]
    given = job.verdict.model_dump(exclude_none=True)
    headline = judged(headline, table, others, Thresholds(**given))
    rows = comparison(
        table,
        [Outcome(method, label_of(method, {} if METHODS[method].basis == "models" else options), headline), *others],
        prob,
    )
    rows.insert(2, "headline", [True] + [False] * len(others))
    return Results(headline, rows, _provenance(job, table, info, headline.spec, headline.diagnostics))


def _provenance(
    job: Job, table: CaptureTable, info: TableInfo | None, spec: Mapping[str, object], diagnostics: Mapping[str, float]
) -> dict[str, Any]:
    """Return the record of inputs, settings and versions that is stored with the results."""
    about: dict[str, Any] = {
        "name": table.name,
        "digest": table.digest,
        "observed": table.observed,
        "public": info is not None,
    }
    titles: Mapping[str, str] = {}
    if info is not None:
        sources = [{"title": x} | ({"path": info.addresses[x]} if x in info.addresses else {}) for x in info.sources]
        about |= {"title": info.title, "sources": sources, "notes": list(info.notes)}
        about |= {k: info.mse[k] for k in ("population", "territory", "period", "publisher") if k in info.mse}
        titles = info.list_titles
    elif job.table.path is not None:
        about["file"] = {"name": job.table.path.name, "sha256": file_digest(job.table.path)}
    about["lists"] = [{"name": name, "title": titles.get(name, name)} for name in table.lists]
    report = job.report.model_dump(exclude_none=True)
    about |= {k: report[k] for k in ("publisher",) if k in report}
    counts = {
        "+".join(x for j, x in enumerate(table.lists) if (h + 1) >> j & 1): int(c)
        for h, c in enumerate(table.counts[0]) if c
    }  # fmt: skip
    return {
        "title": job.title or about.get("title") or table.name,
        "table": about,
        "overlap": {"lists": list(table.lists), "counts": counts},
        "job": job.model_dump(mode="json", exclude_none=True),
        "report": report,
        "seed": job.run.seed,
        "prob": job.run.prob,
        "estimator": dict(spec),
        "diagnostics": dict(diagnostics),
        "versions": versions(),
    }
