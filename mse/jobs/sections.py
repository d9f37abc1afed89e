"""The sections of a job that are its own; the others are the specs of what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mse.answers.record import BreakMark, ReportTexts
from mse.errors import Problem, names_of
from mse.estimators.methodspecs import read_options
from mse.intake.planning import IntakeSpec
from mse.publish.disclosure.control import DisclosureRules
from mse.settings.places import JobFile, Place
from mse.settings.specchecks import Checked, Placed
from mse.settings.specfields import Between, Check
from mse.words.catalogues import languages_there_are
from mse.words.said import Said, said


def _unknown_language(name: str) -> Said | None:
    return None if name in languages_there_are() else said("setting.unknown", name="language")


Language = Annotated[str, Check(names_of(languages_there_are()), _unknown_language)]


def _at(folder: Path, path: Path | None) -> Path | None:
    return None if path is None else folder / path


@dataclass(frozen=True, slots=True)
class RegistersSpec(IntakeSpec):
    """The files of several suppliers, and how registrations become a table of persons by stratum.

    Parameters
    ----------
    contracts : tuple of str
        Contracts of the suppliers, relative to the job file; left out with a section [simulate].
    """

    contracts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """A method and its options, which the spec of the method checks.

    Parameters
    ----------
    method : str
        Its name.
    options : mapping of str to object
        Those that are given.
    """

    method: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, settings: Mapping[str, Any], place: Place, file: JobFile) -> tuple[MethodChoice, list[Problem]]:
        """Read a section that holds a method with its options beside it."""
        method = settings.get("method", "auto")
        given = {name: value for name, value in settings.items() if name != "method"}
        spec, problems = read_options(str(method), given, place, file)
        # Keys of a grid of prior standard deviations, and paths, are text in TOML: the spec has them as they are meant.
        read = {
            name: getattr(spec, name)
            for name, value in given.items()
            if spec and (isinstance(value, Mapping) or isinstance(getattr(spec, name, None), Path))
        }
        return cls(str(method), {**given, **read}), problems

    def at(self, folder: Path) -> MethodChoice:
        """Return the method with the paths in its options taken from a folder."""
        return replace(self, options={x: folder / y if isinstance(y, Path) else y for x, y in self.options.items()})

    def as_settings(self) -> dict[str, Any]:
        """Return what `read` reads."""
        return {"method": self.method, **self.options}


@dataclass(frozen=True, slots=True)
class RiskSpec(Checked):
    """A group at risk that an estimate is set against.

    Parameters
    ----------
    name : str
        What it is called.
    persons : float
        How many they are.
    source : str
        Where the number is from.
    where : mapping of str to str
        A dimension of the strata, and its level, to which the group belongs; everybody when not given.
    """

    name: str
    persons: Annotated[float, Between(0, 1e11, above=True)]
    source: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AggregateSpec(Checked):
    """Counts of a supplier that delivers nobody's row: the population has no fewer persons anywhere than it counts.

    Parameters
    ----------
    name : str
        Of the supplier.
    path : Path
        A file with a column for every dimension (year, sex, …) and `count`, persons.
    role : {"bound", "list"}
        A bound of the estimate, or a list of its own margin, too: how many of its persons are on others is not known.
    count : str
        Column of the persons.
    source : str
        Where the counts are from.
    """

    name: str
    path: Path
    role: Literal["bound", "list"] = "bound"
    count: str = "count"
    source: str | None = None


@dataclass(frozen=True, slots=True)
class PublishSpec(DisclosureRules):
    """Disclosure control of what is published, and what stands beside the estimate.

    Parameters
    ----------
    key : Path
        Secret of the lot, the same every year; drawn by the system when not given.
    population : Path
        CSV file with the dimensions of the strata, and population.
    population_source : str
        Where the population is from.
    at_risk : tuple of RiskSpec
        Groups at risk that the estimate is set against.
    sdg : mapping of str to str
        The dimension of the strata that is the sex, the age or the form of the SDG indicator.
    chain : Path
        CSV file of rates along the chain: step, count, of, within.
    survey : Path
        CSV file of rates of surveys.
    """

    key: Path | None = None
    population: Path | None = None
    population_source: str | None = None
    at_risk: tuple[RiskSpec, ...] = ()
    sdg: Mapping[Literal["sex", "age", "form"], str] = field(default_factory=dict)
    chain: Path | None = None
    survey: Path | None = None

    def at(self, folder: Path) -> PublishSpec:
        """Return the section with its paths taken from a folder."""
        return replace(self, key=_at(folder, self.key), population=_at(folder, self.population),
                       chain=_at(folder, self.chain), survey=_at(folder, self.survey))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportBase(Checked):
    """What the report calls the population, when and where it was counted, and in which languages it is written.

    Parameters
    ----------
    language : str
        Of the page.
    languages : tuple of str
        Of the pages, the first is public/report.html.
    pdf : bool
        Write PDF too.
    title : str
        Of the report.
    population, period, territory
        Who is counted, when and where.
    publisher : str
        Who publishes.
    date : str
        Of the report.
    time : str
        The dimension that is time.
    funding, contact, inclusion, evidence
        Texts for the checklist of GATHER.
    extracted : str
        Date on which the registers were extracted.
    breaks : tuple of BreakMark
        Breaks in the registration, marked in the trend.
    names : mapping of str to str
        Words for lists, dimensions and levels.
    """

    language: Language | None = None
    languages: tuple[Language, ...] = ()
    pdf: bool = False
    title: str | None = None
    population: str | None = None
    period: str | None = None
    territory: str | None = None
    publisher: str | None = None
    date: str | None = None
    time: str | None = None
    funding: str | None = None
    contact: str | None = None
    inclusion: str | None = None
    evidence: str | None = None
    extracted: str | None = None
    breaks: tuple[BreakMark, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if self.language is not None and self.languages:
            yield (), Problem(said("found.both_language_languages"), said("allowed.one_them"), said("do.correct"))
        if len(set(self.languages)) < len(self.languages):
            yield (
                ("languages",),
                Problem(said("found.language_asked_twice"), said("allowed.each_once"), said("do.correct")),
            )
        for language in languages_there_are():
            texts = getattr(self, language)
            if texts is not None and texts.breaks and len(texts.breaks) != len(self.breaks):
                found = said("found.texts_breaks_do_not")
                yield (language, "breaks"), Problem(found, said("allowed.one_every_break_under"), said("do.correct"))


if TYPE_CHECKING:
    ReportSpec = ReportBase
else:
    # A section of texts for every language that has a catalogue.
    _TEXTS = Annotated[ReportTexts | None, "The same texts in this language."]
    ReportSpec = make_dataclass(
        "ReportSpec", [(language, _TEXTS, None) for language in languages_there_are()],
        bases=(ReportBase,), frozen=True, slots=True, namespace={"__doc__": ReportBase.__doc__}, module=__name__,
    )  # fmt: skip
