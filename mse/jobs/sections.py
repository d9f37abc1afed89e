"""The sections of a job file, each a small checked record."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from mse.assess.rules import Thresholds
from mse.words.catalogues import languages_there_are

Counts = tuple[StrictInt, StrictInt]
Shares = tuple[StrictFloat, StrictFloat]


def _known_language(language: str) -> str:
    if language not in languages_there_are():
        raise ValueError(f"there are no messages in this language; allowed: {', '.join(languages_there_are())}")
    return language


Language = Annotated[str, AfterValidator(_known_language)]


class Section(BaseModel):
    """A section: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableSection(Section):
    """Which table: a public one by `name`, or a file by `path` (relative to the job file), and what to do to it."""

    name: str | None = None
    path: Path | None = None
    persons: StrictBool = False
    sum_duplicates: StrictBool = False
    lists: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    merge: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> TableSection:
        if (self.name is None) == (self.path is None):
            raise ValueError("no table, or two tables; allowed: either name, for a public table, or path, for a file")
        reading = {"persons": "--persons", "sum_duplicates": "--sum-duplicates", "lists": "--list",
                   "covariates": "--covariate"}  # fmt: skip
        given = [f"{key} (command line: {option})" for key, option in reading.items() if getattr(self, key)]
        if self.name is not None and given:
            said = f"{', '.join(given)} with the public table {self.name}, which says itself how it is read"
            raise ValueError(f"{said}; allowed: these with a file of your own")
        return self


class RegistersSection(Section):
    """The files of several suppliers: their contracts, and how registrations become a table of persons by stratum."""

    contracts: tuple[str, ...] = ()
    linkage: Literal["exact", "probabilistic"] = "exact"
    threshold: Annotated[StrictFloat, Field(gt=0, lt=1)] = 0.9
    draws: Annotated[StrictInt, Field(ge=0, le=1000)] = 20
    referrals: Literal["keep", "remove"] = "keep"
    strata: tuple[str, ...] = ()
    unit: Literal["person-year", "person"] = "person-year"
    rules: dict[str, Literal["majority", "first", "combined"]] = Field(default_factory=dict)
    backend: Literal["duckdb", "spark"] = "duckdb"


class MethodSection(BaseModel):
    """A method and its options; the options are checked by the method itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    method: str = "auto"

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name of the method."""
        extra = dict(self.model_extra or {})
        if isinstance(extra.get("sd"), Mapping):
            # TOML keys are text: a grid of prior standard deviations arrives as {"0.5" = 1, "1.0" = 2}.
            with suppress(TypeError, ValueError):
                extra["sd"] = {float(sd): weight for sd, weight in extra["sd"].items()}
        return extra


class RunSection(Section):
    """Seed of everything random, and probability of the intervals."""

    seed: Annotated[StrictInt, Field(ge=0)] = 0
    prob: Annotated[StrictFloat, Field(gt=0, lt=1)] = 0.95


class ComputeSection(Section):
    """Where replicates are computed: the address of a Dask scheduler; and a folder that keeps finished parts."""

    cluster: str | None = None
    resume: Path | None = None


class VerdictBase(Section):
    """Thresholds of the verdict that differ from the defaults (see ``mse.assess.rules.Thresholds``)."""

    @field_validator("*", check_fields=False)
    @classmethod
    def _in_order(cls, value: Any, info: ValidationInfo) -> Any:
        """Check that what asks for caution comes before what forbids."""
        if isinstance(value, tuple):
            caution, forbid = getattr(Thresholds(), info.field_name or "")
            fewest = caution > forbid
            if value != tuple(sorted(value, reverse=fewest)):
                words = "not above" if fewest else "not below"
                raise ValueError(
                    "the two thresholds are in the wrong order; allowed: the one that asks for caution, then the one "
                    f"that forbids, {words} it"
                )
        return value


_KINDS: Mapping[str, Any] = {
    "tuple[int, int]": Counts,
    "tuple[float, float]": Shares,
    "float": StrictFloat,
    "int": StrictInt,
}

if TYPE_CHECKING:

    class VerdictSection(VerdictBase):
        """The same with a key for every threshold."""

else:
    VerdictSection = create_model(
        "VerdictSection", __base__=VerdictBase, __doc__=VerdictBase.__doc__,
        **{f.name: (_KINDS[f.type] | None, None) for f in fields(Thresholds)},
    )  # fmt: skip


class AssessSection(Section):
    """Which checks of the answer are made (see ``mse.assess.assessment.AssessSpec``)."""

    parts: tuple[str, ...] | None = None
    above: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    odds_ratios: tuple[float, ...] = ()
    replicates: StrictInt | None = None


class RiskSection(Section):
    """A group at risk that an estimate is set against: ``where`` names at most one dimension of the strata."""

    name: str
    persons: Annotated[StrictFloat | StrictInt, Field(gt=0, le=1e11)]
    source: str | None = None
    where: dict[str, str] = Field(default_factory=dict)


class PublishSection(Section):
    """Disclosure control of what is published, and what stands beside the estimate (`mse.publish.disclosure`)."""

    threshold: Annotated[StrictInt, Field(ge=2, le=1_000_000)] = 10
    method: Literal["suppress", "controlled", "random"] = "suppress"
    base: Literal[3, 5] = 3
    zeros: Literal["publish", "suppress"] = "publish"
    percent: Annotated[StrictFloat, Field(ge=0, le=100)] = 0.0
    key: Path | None = None
    population: Path | None = None
    population_source: str | None = None
    at_risk: tuple[RiskSection, ...] = ()
    sdg: dict[Literal["sex", "age", "form"], str] = Field(default_factory=dict)
    chain: Path | None = None
    survey: Path | None = None

    def at(self, folder: Path) -> PublishSection:
        """Return the section with its paths taken from a folder."""
        paths = {name: getattr(self, name) for name in ("key", "population", "chain", "survey")}
        return self.model_copy(update={name: folder / path for name, path in paths.items() if path is not None})


class BreakMark(Section):
    """A break in the registration, marked in the trend figure: when, and what happened."""

    at: str
    text: str


class ReportTexts(Section):
    """What the report calls things in one language; ``breaks`` are texts in the order of those of the report."""

    title: str | None = None
    population: str | None = None
    territory: str | None = None
    publisher: str | None = None
    funding: str | None = None
    contact: str | None = None
    inclusion: str | None = None
    evidence: str | None = None
    names: dict[str, str] = Field(default_factory=dict)
    breaks: tuple[str, ...] = ()


class ReportBase(Section):
    """What the report calls the population, when and where it was counted, and in which languages it is written."""

    language: Language | None = None
    languages: tuple[Language, ...] = ()
    pdf: StrictBool = False
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
    names: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.language is not None and self.languages:
            raise ValueError("both language and languages; allowed: one of them")
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("a language is asked for twice; allowed: each once")
        for language in languages_there_are():
            texts = getattr(self, language)
            if texts is not None and texts.breaks and len(texts.breaks) != len(self.breaks):
                raise ValueError("the texts of breaks do not match; allowed: one for every break under [report]")
        return self


if TYPE_CHECKING:

    class ReportSection(ReportBase):
        """The same with a section of texts for every language that has a catalogue."""

else:
    ReportSection = create_model(
        "ReportSection", __base__=ReportBase, __doc__=ReportBase.__doc__,
        **{language: (ReportTexts | None, None) for language in languages_there_are()},
    )  # fmt: skip
