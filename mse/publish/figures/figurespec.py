"""What a file of key figures says: sources of counts, estimates beside them, and the sentences that are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from mse.errors import Problem, names_of
from mse.settings.specchecks import Checked, Placed, setting_problem
from mse.settings.specfields import Between, Check, Prob, settings_of
from mse.words.catalogues import languages_there_are
from mse.words.said import Said, said

Kind = Literal["total", "share", "share change", "change", "multiple", "rank", "in view", "estimate"]
Levels = str | tuple[str, ...]
Chosen = Mapping[str, Levels]
"""Levels by dimension; several of one dimension are taken together."""
Count = Annotated[int, Between(0, 10**9)]
Limits = tuple[Annotated[float, Between(0)], Annotated[float, Between(0)]]
Persons = tuple[Annotated[int, Between(0)], Annotated[int, Between(0)]]


def _unknown_language(name: str) -> Said | None:
    return None if name in languages_there_are() else said("setting.unknown", name="language")


Language = Annotated[str, Check(", ".join(languages_there_are()), _unknown_language)]


@dataclass(frozen=True, slots=True)
class SourceTexts(Checked):
    """What the sentences call a source, or an estimate, in another language.

    Parameters
    ----------
    persons, publisher, definition, period
        The same text in this language.
    """

    persons: str | None = None
    publisher: str | None = None
    definition: str | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True)
class BreakTexts(Checked):
    """What a break is called in another language.

    Parameters
    ----------
    text : str
        The same text in this language.
    """

    text: str | None = None


@dataclass(frozen=True, slots=True)
class Break(Checked):
    """A break in how a source counts: no change across it is stated without a word of warning.

    Parameters
    ----------
    at : str
        The first period after it.
    text : str
        What happened.
    texts : mapping of str to BreakTexts
        The same text in other languages, by language.
    """

    at: str
    text: str
    texts: Mapping[Language, BreakTexts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceSpec(Checked):
    """Counts of persons: from a file, from rows in the job itself, from registers, or from a results folder.

    Parameters
    ----------
    name : str
        What the figures call it.
    persons : str
        Who is counted, in words: "registered victims". Sources that say the same here count the same persons, and are
        protected together.
    publisher : str
        Who publishes the counts.
    definition : str
        What makes somebody count.
    path : Path
        CSV file: a column for every dimension, and ``count``; or
    counts : tuple of mapping
        the same as rows in the job; or
    contracts : tuple of str
        contracts of suppliers, whose registers are linked by key; or
    results : Path
        a results folder.
    by : tuple of str
        Dimensions that the registers are counted by.
    unit : {"person-year", "person"}
        Whether who is registered in several years counts in each of them.
    time : str
        The dimension that is time.
    period : str
        When, of a source without a dimension of time.
    extracted : str
        Date of extraction.
    public : bool
        The counts are public as they are: nothing is left out.
    breaks : tuple of Break
        Breaks in how it counts.
    texts : mapping of str to SourceTexts
        The same texts in other languages, by language.
    """

    name: str
    persons: str
    publisher: str
    definition: str
    path: Path | None = None
    counts: tuple[Mapping[str, str | Count], ...] = ()
    contracts: tuple[str, ...] = ()
    results: Path | None = None
    by: tuple[str, ...] = ()
    unit: Literal["person-year", "person"] = "person-year"
    time: str | None = None
    period: str | None = None
    extracted: str | None = None
    public: bool = False
    breaks: tuple[Break, ...] = ()
    texts: Mapping[Language, SourceTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        given = [name for name in ("path", "counts", "contracts", "results") if getattr(self, name)]
        if len(given) != 1:
            allowed = said("allowed.one_path_counts_contracts")
            yield (), Problem(said("figures.source"), allowed, said("do.correct"), value=", ".join(given) or self.name)
        if self.by and not self.contracts:
            yield (
                ("by",),
                Problem(
                    said("figures.by"), said("allowed.contracts_only"), said("do.leave_out_2"), value=", ".join(self.by)
                ),
            )
        if self.time is None and self.period is None and not self.results:
            yield (), Problem(said("figures.when"), said("allowed.time_dimension_time_period"), said("do.add_one_them"),
                              value=self.name)  # fmt: skip

    def at(self, folder: Path) -> SourceSpec:
        """Return the source with its paths taken from a folder."""
        path, results = (None if x is None else folder / x for x in (self.path, self.results))
        contracts = tuple(str(folder / x) for x in self.contracts)
        return replace(self, path=path, results=results, contracts=contracts)


@dataclass(frozen=True, slots=True)
class EstimateSpec(Checked):
    """An estimate that a figure may name: from a results folder, from a file of survey rates, or published elsewhere.

    Parameters
    ----------
    name : str
        What the figures call it.
    persons : str
        Who is estimated, in words: "victims".
    publisher, definition : str
        Who publishes it, and what makes somebody count.
    period : str
        The period that it is about; of a results folder that of the part.
    results : Path
        A results folder; or
    rates : Path
        a CSV file of survey rates and populations; or
    point, low, high : float
        a published estimate, printed as it is given.
    prob : float
        Probability of a published interval, where it is known.
    where : mapping of str to str
        The part of the results that is meant.
    group : str
        The group of the rates that is meant.
    yearly : bool
        Whether it is a number a year.
    texts : mapping of str to SourceTexts
        The same texts in other languages, by language.
    """

    name: str
    persons: str
    publisher: str
    definition: str
    period: str | None = None
    results: Path | None = None
    rates: Path | None = None
    point: Annotated[float, Between(0)] | None = None
    low: Annotated[float, Between(0)] | None = None
    high: Annotated[float, Between(0)] | None = None
    prob: Prob | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    yearly: bool = False
    texts: Mapping[Language, SourceTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        given = [name for name in ("results", "rates", "point") if getattr(self, name) is not None]
        if len(given) != 1:
            yield (), Problem(said("figures.estimate"), said("allowed.one_results_rates_point"), said("do.correct"),
                              value=", ".join(given) or self.name)  # fmt: skip
        if self.period is None and self.results is None:
            yield (
                ("period",),
                Problem(said("figures.period"), said("allowed.example_2018_2019"), said("do.add"), value=self.name),
            )
        ends = [x for x in (self.low, self.point, self.high) if x is not None]
        if (self.low is None) != (self.high is None) or ends != sorted(ends):
            yield ("low",), Problem(said("figures.ends"), said("allowed.low_point_high_order"), said("do.correct_them"),
                                    value=", ".join(f"{x:g}" for x in ends))  # fmt: skip


@dataclass(frozen=True, slots=True)
class FigureTexts(Checked):
    """What a sentence says in another language.

    Parameters
    ----------
    label, says
        The same text in this language.
    """

    label: str | None = None
    says: str | None = None


@dataclass(frozen=True, slots=True)
class FigureSpec(Checked):
    """A sentence that is wanted.

    Parameters
    ----------
    kind : str
        Of what kind: a total; a share, alone or against another period; the change of a total, as a share or as a
        multiple; the most frequent level; registered persons in view of an estimate; an estimate.
    source : str
        The source of the counts.
    where : mapping of str to str or sequence of str
        Who is meant, levels by dimension.
    of : mapping of str to str or sequence of str
        Whom a share is of, or what a multiple is a multiple of; everybody when not given.
    within : str
        A dimension: a share is stated within each of its levels.
    when : str
        The period; every one that the source has when it is ``"each"``.
    against : str
        The period that it is compared with.
    dimension : str
        Whose levels are ranked.
    place : int
        Which of them is stated: 1 for the most frequent.
    estimate : tuple of str
        Estimates.
    fraction : bool
        State a share as "one in three" where its interval holds such a fraction.
    label : str
        What the persons who are meant are called: "victims of labour exploitation".
    says : str
        What is said of a share of them: "were victims of labour exploitation".
    texts : mapping of str to FigureTexts
        The same texts in other languages, by language.
    """

    kind: Kind
    source: str | None = None
    where: Chosen = field(default_factory=dict)
    of: Chosen = field(default_factory=dict)
    within: str | None = None
    when: str | None = None
    against: str | None = None
    dimension: str | None = None
    place: Annotated[int, Between(1, 20)] = 1
    estimate: tuple[str, ...] = ()
    fraction: bool = False
    label: str | None = None
    says: str | None = None
    texts: Mapping[Language, FigureTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what a kind needs and does not have."""
        needs = {"estimate": ("estimate",), "in view": ("source", "estimate"), "rank": ("source", "dimension"),
                 "change": ("source", "against"), "share change": ("source", "where", "against"),
                 "share": ("source", "where")}.get(self.kind, ("source",))  # fmt: skip
        for name in needs:
            if not getattr(self, name):
                yield (
                    (name,),
                    Problem(said("figures.needs", kind=self.kind), names_of([name]), said("do.add"), value=self.kind),
                )
        if self.kind == "multiple" and bool(self.against) == bool(self.of):
            yield (), Problem(said("figures.multiple"), said("allowed.against_another_period_other"),
                              said("do.give_one_them"), value=self.kind)  # fmt: skip
        if self.within is not None and self.kind not in ("share", "share change"):
            yield (("within",), Problem(said("figures.within"), names_of(("share", "share change")),
                                        said("do.leave_out_2"), value=self.kind))  # fmt: skip
        if self.within is not None and self.within in {*self.where, *self.of}:
            yield (("within",), Problem(said("figures.within_twice"), said("allowed.every_name_once"),
                                        said("do.leave_out_2"), value=self.within))  # fmt: skip
        if self.when == "each" and self.against is not None:
            yield (
                ("against",),
                Problem(said("figures.each"), said("allowed.one_period"), said("do.name_period"), value=self.against),
            )


@dataclass(frozen=True, slots=True)
class FigureLimits(Checked):
    """What the verdict on a figure holds it against: the first value asks for caution, the second forbids.

    Parameters
    ----------
    few : tuple of int
        Fewer persons than this behind a share, a change or a multiple.
    wide_share : tuple of float
        Width of the interval of a share, or of a difference of shares.
    wide_change : tuple of float
        Upper over lower end of the interval of a multiple, or of what a change leaves.
    rank : tuple of float
        Probability of a rank below this.
    """

    few: Persons = (50, 10)
    wide_share: Limits = (0.2, 0.5)
    wide_change: Limits = (2.0, 5.0)
    rank: Limits = (0.9, 0.5)

    def together(self) -> Placed:
        """Yield the pairs in which what forbids comes before what asks for caution."""
        for name, setting in settings_of(FigureLimits).items():
            pair = tuple(getattr(self, name))
            if pair != tuple(sorted(pair, reverse=name in ("few", "rank"))):
                yield (
                    (name,),
                    setting_problem(
                        setting, said("setting.order", name=name), said("allowed.caution_then_forbids"), pair
                    ),
                )
