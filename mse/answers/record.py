"""The record of a run: what went in, with which settings and versions, and what must never leave.

A results folder holds it as ``provenance.json`` (`mse.answers.recordform`). Everything else reads these attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from mse.answers.earlierreleases import EarlierRelease, Vintage
from mse.computing.sealing import keyed
from mse.kernels.arrays import Integers
from mse.settings.specchecks import Checked
from mse.words.said import Said

if TYPE_CHECKING:
    from mse.tables.captures import CaptureTable

Limit = float | tuple[float, float]
"""A threshold of the verdict, or the two that ask for caution and forbid."""


@dataclass(frozen=True, slots=True)
class Source:
    """A publication that counts come from, and where it can be found."""

    title: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a table was read from, and the digest of its content."""

    name: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class TableWords:
    """What a table says of itself in one language; `lists` are words for lists, by name."""

    title: str | None = None
    population: str | None = None
    territory: str | None = None
    lists: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableRecord:
    """The table that was estimated from.

    Parameters
    ----------
    name, digest, title : str or None
        Its name, the digest of its counts (keyed where it is not public), what it is.
    observed : int or None
        Persons on it.
    public : bool
        Whether the raw counts may be seen by anybody; False where nothing says so.
    population, territory, publisher, unit : str or None
        Whom it counts, where, who published it, and what one count is (``"persons"``, ``"person-year"``).
    period : tuple of str
        First and last year, one entry when they are the same.
    titles : mapping of str to str
        What each list is, by name.
    sources : tuple of Source
        Publications that the counts come from.
    notes, counted : tuple of Said, and the same or None
        What to know of it; the same with counts, for those inside. None in a record from before there were two.
    file : InputFile or None
        The file it was read from.
    registers : mapping of str to str, or None
        Digests of the files and contracts of suppliers; None of a table that was made elsewhere.
    simulated : bool or None
        Whether the registers are those of an invented nation.
    summed_over, columns_not_read : tuple of str
        Covariates whose levels were added up, and what was left of the file.
    read_as : Said or None
        What was understood of the file, in one line.
    words : mapping of str to TableWords
        The same in other languages.
    """

    name: str | None = None
    digest: str | None = None
    title: str | None = None
    observed: int | None = None
    public: bool = False
    population: str | None = None
    territory: str | None = None
    publisher: str | None = None
    unit: str | None = None
    period: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: tuple[Said, ...] = ()
    counted: tuple[Said, ...] | None = None
    file: InputFile | None = None
    registers: Mapping[str, str] | None = None
    simulated: bool | None = None
    summed_over: tuple[str, ...] = ()
    columns_not_read: tuple[str, ...] = ()
    read_as: Said | None = None
    words: Mapping[str, TableWords] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Who is on which lists, summed over all strata.

    Parameters
    ----------
    lists : tuple of str
        Their names, in order.
    histories : tuple of int, length (H,)
        Rising; bit j is set where list j is in the history. Those with nobody may be left out.
    counts : tuple of int, length (H,)
        Persons on exactly these lists.
    """

    lists: tuple[str, ...] = ()
    histories: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    def members(self, history: int) -> tuple[str, ...]:
        """Return the names of the lists in a history."""
        return tuple(name for j, name in enumerate(self.lists) if history >> j & 1)

    def cells(self) -> Integers:
        """Return the count of every history that can be seen, shape (2**K - 1,), as a `CaptureTable` has them."""
        import numpy as np

        found = np.zeros(2 ** len(self.lists) - 1, dtype=np.int64)
        found[np.array(self.histories, dtype=np.int64) - 1] = self.counts
        return found

    def on(self, name: str) -> int:
        """Return the persons on a list."""
        bit = 1 << self.lists.index(name)
        return sum(count for history, count in zip(self.histories, self.counts, strict=True) if history & bit)


def overlap_of(table: CaptureTable) -> Overlap:
    """Return the overlap of the lists of a table without strata."""
    found = {h: int(c) for h, c in enumerate(table.counts[0], 1) if c}
    return Overlap(tuple(table.lists), tuple(found), tuple(found.values()))


@dataclass(frozen=True, slots=True)
class BreakMark(Checked):
    """A break in the registration, marked in the trend figure.

    Parameters
    ----------
    at : str
        When.
    text : str
        What happened.
    """

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class ReportTexts(Checked):
    """What the report calls things in one language.

    Parameters
    ----------
    title, population, territory, publisher, funding, contact, inclusion, evidence
        The same text of [report] in this language.
    names : mapping of str to str
        Words for lists, dimensions and levels.
    breaks : tuple of str
        Texts in the order of the breaks of [report].
    """

    title: str | None = None
    population: str | None = None
    territory: str | None = None
    publisher: str | None = None
    funding: str | None = None
    contact: str | None = None
    inclusion: str | None = None
    evidence: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What a job asks of its report.

    Parameters
    ----------
    texts : ReportTexts
        Words of the report, for every language without its own.
    languages : tuple of str
        In which it is written, the first that of the terminal; empty where the job names none.
    pdf : bool
        Whether it is written as PDF, too.
    period : tuple of str
        First and last year, one entry when they are the same.
    date, time, extracted : str or None
        Of the report; the dimension of the strata that is time; the day on which the registers were drawn.
    breaks : tuple of BreakMark
        In the registration.
    words : mapping of str to ReportTexts
        Words by language.
    """

    texts: ReportTexts = field(default_factory=ReportTexts)
    languages: tuple[str, ...] = ()
    pdf: bool = False
    period: tuple[str, ...] = ()
    date: str | None = None
    time: str | None = None
    extracted: str | None = None
    breaks: tuple[BreakMark, ...] = ()
    words: Mapping[str, ReportTexts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A group at risk that a job sets an estimate against: its name, its size, and the stratum that is meant."""

    name: str | None
    persons: float | None
    where: Mapping[str, str]
    source: str | None = None


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """What a job asks of disclosure control and of the tables beside the estimate; None where it leaves the default."""

    threshold: int | None = None
    method: str | None = None
    base: int | None = None
    zeros: str | None = None
    percent: float | None = None
    at_risk: tuple[AtRisk, ...] = ()
    sdg: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobSettings:
    """The job that was carried out.

    Parameters
    ----------
    settings : mapping
        All of it, as its file has it: it is printed on the page and carried out again from here.
    publish : PublishSettings
        Its section ``[publish]``.
    limits : mapping of str to number or two
        Thresholds of the verdict that differ from the defaults.
    contracts : tuple of str
        Contracts of the registers.
    merged : mapping of str to tuple of str
        Lists that were taken together, by their new name.
    dropped : tuple of str
        Lists that were left out.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    publish: PublishSettings = field(default_factory=PublishSettings)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    contracts: tuple[str, ...] = ()
    merged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    def of_registers(self) -> Mapping[str, Any]:
        """Return the section ``[registers]`` as it was asked for; empty where there is none."""
        return next((x for name, x in self.settings.items() if name == "registers" and x), {})


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that is known of how a result was made.

    Parameters
    ----------
    title : str
        Of the result.
    prob : float
        Probability of its intervals.
    seed : int
        Of everything random.
    versions : mapping of str to str
        Of the engine, under ``"mse-engine"``, and of what it is built on.
    table, overlap, report, job
        What was estimated from; who is on which lists; what the report is to say; the settings of the run. The job is
        empty where a result was not made from one.
    estimator, diagnostics : mapping
        Options of the estimator as they were resolved, and its diagnostics: the posterior has them, too.
    against : tuple of EarlierRelease
        Earlier releases that the result is protected with.
    vintage : Vintage or None
        Which release of a series it is; None before it was released under a number.
    files : mapping of str to str
        Digests of the files beside the record in its folder.
    secret, rounding : str or None
        Keys of its digests, and of the lot by which counts are rounded. They never leave.
    """

    title: str
    prob: float
    seed: int
    versions: Mapping[str, str]
    table: TableRecord = field(default_factory=TableRecord)
    overlap: Overlap = field(default_factory=Overlap)
    report: ReportSettings = field(default_factory=ReportSettings)
    job: JobSettings = field(default_factory=JobSettings)
    estimator: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    against: tuple[EarlierRelease, ...] = ()
    vintage: Vintage | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    rounding: str | None = None

    @property
    def predecessor(self) -> EarlierRelease | None:
        """The release that this one follows in a series; None where it is the first, or was not released."""
        return self.series[-1] if self.series else None

    @property
    def series(self) -> tuple[EarlierRelease, ...]:
        """The releases that this one follows in a series, the first one first."""
        known, found = {x.digest: x for x in self.against}, []
        after = None if self.vintage is None else self.vintage.after
        while after is not None and after in known:
            found.append(known.pop(after))
            after = found[-1].after
        return tuple(reversed(found))

    @property
    def engine(self) -> str:
        """Version of the engine; empty where it is not known."""
        return self.versions.get("mse-engine", "")


def seal_record(record: Record) -> Record:
    """Return a record whose digests are keyed, with its secret; as it is where the table is public anyway."""
    table = record.table
    if table.public:
        return record
    secret = record.secret or token_hex(32)

    def under(digest: str | None) -> str | None:
        return None if digest is None else keyed(secret, digest)

    file = None if table.file is None else replace(table.file, digest=under(table.file.digest))
    # A contract says what was agreed, not who was registered: whether it changed can be seen from record to record.
    registers = None if table.registers is None else {
        name: digest if "contract" in name else keyed(secret, digest) for name, digest in table.registers.items()
    }  # fmt: skip
    about = replace(table, digest=under(table.digest), file=file, registers=registers)
    return replace(record, secret=secret, table=about)
