"""A job of key figures: read, checked against its sources, and made."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mse.computing.inputfiles import read_settings
from mse.errors import InputError, MseError, Problem, reason_of
from mse.intake.pseudonyms.keyedhash import read_key
from mse.jobs.asked import RunSpec, checked_job
from mse.jobs.figuresources import figure_problems, open_estimate, open_source, with_lists
from mse.jobs.sections import ReportSpec
from mse.publish.disclosure.control import Disclosure, DisclosureRules
from mse.publish.figures.figurefiles import KeyFigures
from mse.publish.figures.figuresentences import Speaker
from mse.publish.figures.figurespec import EstimateSpec, FigureLimits, FigureSpec, SourceSpec
from mse.publish.figures.figuretables import Cell, CountedSource, protect_sources
from mse.publish.figures.figurevalues import cells_behind, key_figure
from mse.publish.figures.oldfigures import Published, read_published
from mse.publish.wording.messages import read_catalogue
from mse.settings.places import JobFile
from mse.settings.specchecks import Checked, Placed
from mse.shipped import Kind, shipped_names, shipped_path
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class FiguresPublish(DisclosureRules):
    """Disclosure control of key figures.

    Parameters
    ----------
    key : Path
        Secret of the lot, the same every year; needed where counts are rounded by lot.
    """

    key: Path | None = None

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if self.method == "random" and self.key is None:
            found = Problem(said("figures.key"), said("figures.key_allowed"), said("figures.key_remedy"))
            yield ("key",), found


@dataclass(frozen=True, slots=True)
class FiguresJob(Checked):
    """Key figures: where the counts are from, and which sentences are wanted.

    Parameters
    ----------
    title : str
        Of the page.
    source : tuple of SourceSpec
        Counts of persons.
    estimate : tuple of EstimateSpec
        Estimates that figures name.
    figure : tuple of FigureSpec
        The sentences, in their order.
    publish : FiguresPublish
        Disclosure control.
    verdict : FigureLimits
        Of the verdict on a figure.
    run : RunSpec
        Probability of the intervals.
    report : ReportSpec
        Languages, and words for dimensions and levels.
    file : JobFile
        Where the settings stand, for messages.
    """

    title: str | None = None
    source: tuple[SourceSpec, ...] = ()
    estimate: tuple[EstimateSpec, ...] = ()
    figure: tuple[FigureSpec, ...] = ()
    publish: FiguresPublish = FiguresPublish()
    verdict: FigureLimits = FigureLimits()
    run: RunSpec = RunSpec()
    report: ReportSpec = ReportSpec()
    file: JobFile = field(default_factory=JobFile, compare=False, repr=False, metadata={"key": False})

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if not self.figure:
            yield (), Problem(said("figures.no_figures"), said("allowed.figure"), said("do.add_one"))
        for kind in ("source", "estimate"):
            names = [x.name for x in getattr(self, kind)]
            for i, name in enumerate(names):
                if name in names[:i]:
                    yield (kind, str(i), "name"), Problem(said("figures.name_twice"), said("allowed.every_name_once"),
                                                          said("do.rename_one"),
                                                          value=name)  # fmt: skip

    def at(self, folder: Path) -> FiguresJob:
        """Return the job with the paths in it taken from a folder."""

        def there(path: Path | None) -> Path | None:
            return None if path is None else folder / path

        sources = tuple(x.at(folder) for x in self.source)
        estimates = tuple(replace(x, results=there(x.results), rates=there(x.rates)) for x in self.estimate)
        publish = replace(self.publish, key=there(self.publish.key))
        return replace(self, source=sources, estimate=estimates, publish=publish)


def read_figures(path: str | Path) -> FiguresJob:
    """Read and check a file of key figures; a name under models/ that is not here is looked up among those that ship.

    Raises
    ------
    InputError
        With every problem: not TOML, unknown keys, wrong types, what a kind of figure lacks.
    """
    raw, file, folder = read_job_file(path)
    return make_figures(raw, file).at(folder)


def read_job_file(path: str | Path, kind: Kind = "models") -> tuple[dict[str, Any], JobFile, Path]:
    """Return what a job file says, where it says it, and its folder; one that is not here may be one that ships.

    Raises
    ------
    InputError
        When it cannot be read or is not TOML.
    """
    path = Path(path)
    if not os.path.exists(path) and path.name in shipped_names(kind):
        path = shipped_path(kind, path.name)
    try:
        text, raw = read_settings(path)
    except OSError as error:
        raise InputError(
            Problem(said("found.job_file_cannot_read", error=reason_of(error)),
                    said("allowed.toml_file"),
                    said("do.check_path"), file=str(path))
        ) from error  # fmt: skip
    except ValueError as error:
        raise InputError(
            Problem(said("found.job_file_not_toml", error=reason_of(error)), said("allowed.toml_utf_8_https"),
                    said("do.correct_2"),
                    file=str(path))
        ) from error  # fmt: skip
    return raw, JobFile.of(str(path), text), path.parent


def make_figures(settings: Mapping[str, Any], file: JobFile | None = None) -> FiguresJob:
    """Check the settings of a job of key figures.

    Raises
    ------
    InputError
        With every problem.
    """
    return checked_job(FiguresJob, settings, file)


def figures(
    job: FiguresJob | Mapping[str, Any] | str | Path, *, against: Sequence[str | Path] = ()
) -> KeyFigures:  # fmt: skip
    """Return key figures, all of which may be published.

    Parameters
    ----------
    job : FiguresJob, mapping, or path
        The job; its settings; or the path of its file.
    against : sequence of path
        Earlier releases (`mse release`) and key figures (`mse figures --out`) on the same persons: counts are left
        out, too, where one of these and the figures together would tell of few persons.

    Returns
    -------
    KeyFigures
        With ``sentences(language)``, ``to_pandas()``, and what `mse.write_figures` writes.

    Raises
    ------
    InputError
        With every problem of the job, of all its sources and of what was published before.
    ModelError
        When counts cannot be kept in doubt.
    """
    if isinstance(job, str | Path):
        job = read_figures(job)
    elif not isinstance(job, FiguresJob):
        job = make_figures(job)
    by_name = {source.name: source for source in job.source}
    job = replace(job, figure=tuple(with_lists(spec, by_name.get(spec.source or "")) for spec in job.figure))
    sources, estimates, earlier = _open(job, against)
    wanted = [one for spec in job.figure for one in _each(spec, sources)]
    asked: dict[str, list[Cell]] = {}
    for spec in wanted:
        if spec.source is not None:
            source = sources[spec.source]
            asked.setdefault(spec.source, []).extend(cells_behind(spec, source.spec.time, source.dimensions))
    rule = disclosure_of(job.publish)
    cells = {x: list(dict.fromkeys(y)) for x, y in asked.items()}
    shown = protect_sources(list(sources.values()), cells, rule, [table for x in earlier for table in x.tables])
    found = tuple(
        key_figure(spec, shown[spec.source] if spec.source is not None else None,
                   [estimates[name] for name in spec.estimate], job.verdict, job.run.prob)
        for spec in wanted
    )  # fmt: skip
    speakers, titles = speakers_of(job.report, job.title, job.run.prob, "keyfigures.title")
    title = job.title or next(iter(titles.values()))
    beside = tuple((x.title, x.digest) for x in earlier)
    return KeyFigures(title, found, rule.in_words(), job.run.prob, speakers, titles, job.report.pdf, beside)


def _open(
    job: FiguresJob, against: Sequence[str | Path]
) -> tuple[dict[str, CountedSource], dict[str, Any], list[Published]]:
    """Read all that a job names and what was published before, and check its figures; all problems at once."""
    problems: list[Problem] = []
    sources: dict[str, CountedSource] = {}
    estimates: dict[str, Any] = {}
    earlier: list[Published] = []
    for folder in against:
        try:
            earlier.append(read_published(Path(folder)))
        except MseError as error:
            problems += error.problems
    for i, source in enumerate(job.source):
        try:
            sources[source.name] = open_source(source)
        except MseError as error:
            problems += [p if p.file else job.file.put(p, ("source", str(i))) for p in error.problems]
    for i, estimate in enumerate(job.estimate):
        try:
            estimates[estimate.name] = open_estimate(estimate, job.run.prob)
        except MseError as error:
            problems += [p if p.file else job.file.put(p, ("estimate", str(i))) for p in error.problems]
    for i, spec in enumerate(job.figure):
        names = {x.name for x in job.source}, {x.name for x in job.estimate}
        for key, problem in figure_problems(spec, sources, *names):
            place = ("figure", str(i), key)
            problems.append(job.file.put(replace(problem, column=".".join(place)), place))
    if problems:
        raise InputError(problems)
    return sources, estimates, earlier


def _each(spec: FigureSpec, sources: Mapping[str, CountedSource]) -> list[FigureSpec]:
    """Return a figure for every period, and for every level that it is stated within, where that is asked for."""
    if spec.source is None:
        return [spec]
    source = sources[spec.source]
    levels = () if spec.within is None else source.dimensions[spec.within]
    inside = [replace(spec, of={**spec.of, str(spec.within): x}, within=None) for x in levels] or [spec]
    if spec.when != "each":
        return inside
    return [replace(one, when=period) for period in source.periods for one in inside]


def disclosure_of(publish: FiguresPublish) -> Disclosure:
    """Return the rule of disclosure control that a job asks for, with the secret of its lot."""
    options = {f.name: getattr(publish, f.name) for f in fields(DisclosureRules)}
    if publish.key is None:
        return Disclosure(**options)
    secret = hmac.digest(read_key(publish.key), b"rounding of key figures", "sha256").hex()
    return Disclosure(**options, secret=secret)


def speakers_of(
    report: ReportSpec, given: str | None, prob: float, usual: str
) -> tuple[dict[str, Speaker], dict[str, str]]:
    """Return the languages of a job with what things are called in them, and its titles."""
    asked: Sequence[str] = report.languages or (report.language or "en",)
    speakers, titles = {}, {}
    for language in asked:
        own = getattr(report, language, None)
        say = read_catalogue(language)
        names = {**report.names, **(own.names if own is not None else {})}
        speakers[language] = Speaker(say, names, prob)
        title = own.title if own is not None and own.title else report.title or given
        titles[language] = title or say(usual)
    return speakers, titles
