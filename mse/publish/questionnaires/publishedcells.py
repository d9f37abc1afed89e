"""What a questionnaire may be filled from: the files of a release, of key figures and of a chain, and nothing else.

Every cell is taken as it was published: after disclosure control, rounded as it was, with its file and row. Nothing is
added up, subtracted or divided here, so that no number leaves that had not left.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mse.answers.recordchecks import RELEASE, Damaged, damage
from mse.answers.strata import ALL, time_dimension
from mse.computing.csvtext import restored
from mse.errors import InputError, Problem
from mse.publish.chainfiles import FORMAT as CHAIN
from mse.publish.chainfiles import JSON as CHAIN_FILE
from mse.publish.facts.entries import items, mapping, number
from mse.publish.figures.figurefiles import FORMAT as KEY_FIGURES
from mse.publish.figures.figurefiles import JSON as FIGURES_FILE
from mse.publish.release.bundle import FIGURES, PACKAGE
from mse.publish.release.outgoing import OF_PARTS
from mse.publish.release.releasefiles import digest_of, fault_of, read_bytes
from mse.publish.standing import OK, SUPPRESSED
from mse.publish.wording.messages import read_catalogue
from mse.words.catalogues import languages_there_are
from mse.words.said import Said, from_record, said

REGISTERED = ""
"""Whom the counts of a release are of: persons on at least one list."""
LIST = "list"
"""The dimension of counts by list."""
_SHOWN = (OK, "published", "rounded", "structural zero")
"""What the status of a count says that may be seen."""
_RATED = "count per 100,000"
RATES = (_RATED, "per 100,000")
NO_POPULATION = "no population"
"""Status of a rate whose count is there, and whose population is not."""


@dataclass(frozen=True, slots=True)
class PublishedCell:
    """One published number, or the reason why there is none.

    Parameters
    ----------
    value, low, high, prob : float or None
        As published.
    unit, period, definition, verdict : str
        What it is.
    status : str
        ``"ok"``, or why there is no value.
    rounded : bool
        Whether it stands as rounded.
    source : str
        Folder, file and row.
    deviation : int
        The most that it may be off, where it is rounded.
    """

    value: float | None
    low: float | None
    high: float | None
    prob: float | None
    unit: str
    period: str
    definition: str
    verdict: str
    status: str
    rounded: bool
    source: str
    deviation: int = 0


Levels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """Published numbers of one quantity of the same persons.

    Parameters
    ----------
    what : str
        The quantity, as a questionnaire calls it.
    persons : str
        Who is counted: `REGISTERED`, or a source, step or state.
    dims : mapping of str to tuple of str
        Levels by dimension, without time.
    periods : tuple of str
        The periods that stand apart; none where everything is of `whole`.
    whole : str
        The period of all of it.
    cells : mapping
        Cells by levels and period, `ALL` for the whole of it.
    """

    what: str
    persons: str
    dims: Mapping[str, tuple[str, ...]]
    periods: tuple[str, ...]
    whole: str
    cells: Mapping[tuple[Levels, str], PublishedCell]


@dataclass(frozen=True, slots=True)
class PublishedFolder:
    """What one folder holds that anybody may have.

    Parameters
    ----------
    name, title : str
        Of the folder, and of what it holds.
    tables : tuple of PublishedTable
        Its numbers.
    texts : mapping of str to (Said or str, str)
        What is said about it, with its place, by what a questionnaire calls that.
    disclosure : str
        How its counts were controlled.
    years : tuple of str
        Years that stand apart in it.
    """

    name: str
    title: str
    tables: tuple[PublishedTable, ...]
    texts: Mapping[str, tuple[Said | str, str]]
    disclosure: str
    years: tuple[str, ...]


def read_folders(release: str | Path, figures: Sequence[str | Path], chain: str | Path | None) -> list[PublishedFolder]:
    """Read a release and what stands beside it; all that is wrong is told at once.

    Raises
    ------
    InputError
        When a folder is not what it is given for, or is not as it was written.
    """
    problems: list[Problem] = []
    found: list[PublishedFolder] = []
    wanted = [(_release, release), *((_key_figures, x) for x in figures), *([(_chain, chain)] if chain else [])]
    for read, folder in wanted:
        try:
            found.append(read(Path(folder)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


# ---- a release ---------------------------------------------------------------------------------------------


def _release(folder: Path) -> PublishedFolder:
    names = (FIGURES, PACKAGE, "indicators.csv")
    if any(fault_of(folder, name) is not None for name in names):
        inside = (folder / "provenance.json").is_file()
        what = said("questionnaire.audit") if inside else said("questionnaire.no_release")
        remedy = said("questionnaire.audit_remedy") if inside else said("do.check_path")
        raise InputError(Problem(what, said("allowed.folder_written_mse_release"), remedy, file=str(folder)))
    with damage(RELEASE, folder):
        record, package = (json.loads(read_bytes(folder, name).decode("utf-8")) for name in (FIGURES, PACKAGE))
        files = {str(mapping(x)["path"]): str(mapping(x)["hash"]) for x in items(package["resources"])}
        for name, digest in files.items():
            if digest_of(folder, name) != digest:
                raise Damaged(said("questionnaire.changed", name=name))
        tables = {name.removesuffix(".csv"): _rows(folder, name) for name in files if name.endswith(".csv")}
        name = folder.absolute().name
        off = int(mapping(record.get("rounding")).get("deviation") or 0)
        shown = _Release(name, tables, off)
        return PublishedFolder(name, str(record["title"]), (*shown.numbers(),), _texts(record, shown),
                               str(record["disclosure"]), shown.years)  # fmt: skip


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    text = read_bytes(folder, name).decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    head = [restored(x) for x in rows[0]]
    return [dict(zip(head, map(restored, row), strict=True)) for row in rows[1:]]


def _texts(record: Mapping[str, Any], shown: _Release) -> dict[str, tuple[Said | str, str]]:
    """Return what a release says of itself, by what a questionnaire asks for."""
    estimate, place = mapping(record["estimate"]), f"{shown.name}/{FIGURES}"
    told = mapping(estimate["said"])
    inside, outside, assumed = (tuple(map(from_record, items(told[x]))) for x in ("inside", "outside", "assumptions"))
    method = said("questionnaire.method", method=str(estimate["method"]), kind=from_record(told["kind"]), inside=inside,
                  outside=outside, assumptions=assumed)  # fmt: skip
    for language in languages_there_are():
        read_catalogue(language).said(method)  # a code that nobody knows is damage, found while it is read
    meant = "; ".join(f"{x}: {shown.definitions[x]}" for x in ("registered", "estimated") if x in shown.definitions)
    found: dict[str, tuple[Said | str, str]] = {
        "method": (method, place), "definition": (meant, f"{shown.name}/indicators.csv"),
        "period": (shown.whole, f"{shown.name}/indicators.csv"), "disclosure": (str(record["disclosure"]), place),
    }  # fmt: skip
    if record["verdict"] is not None:
        verdict = mapping(record["verdict"])
        reasons = [str(x["text"]).rstrip(".") for x in verdict["reasons"]]
        found["verdict"] = (". ".join([str(verdict["level"]), *reasons]), place)
    return {what: x for what, x in found.items() if x[0]}


class _Release:
    """The tables of a release, with their dimensions and the time among them."""

    def __init__(self, name: str, tables: Mapping[str, list[dict[str, str]]], off: int) -> None:
        self.name, self.tables, self.off = name, tables, off
        parts = tables["indicators"]
        numbers = ("indicator", "point", "low", "high", "prob", "unit", "period", "definition", "status", "verdict")
        dims = [x for x in parts[0] if x not in numbers]
        levels = {dim: tuple(dict.fromkeys(x[dim] for x in parts if x[dim] != ALL)) for dim in dims}
        self.time = time_dimension(levels, None)
        self.years = levels[self.time] if self.time is not None else ()
        self.dims = {dim: x for dim, x in levels.items() if dim != self.time}
        self.definitions = {x["indicator"]: x["definition"] for x in reversed(parts)}
        self.whole = next(x["period"] for x in parts if all(x[dim] == ALL for dim in dims))

    def numbers(self) -> Iterable[PublishedTable]:
        """Yield every table of numbers: counts and estimates, rates of counts, counts by list, steps of the chain."""
        if "counts" in self.tables:
            yield self.table("count", "counts", self.dims, value="count", definition=self.definitions["registered"])
        else:
            yield self.table("count", "indicators", self.dims, only="registered")
        for what in OF_PARTS:
            yield self.table(what, "indicators", self.dims, only=what)
        if "sdg" in self.tables:
            rows = self.tables["sdg"]
            dims = {x: tuple(dict.fromkeys(row[x] for row in rows if row[x] != ALL)) for x in ("sex", "age", "form")}
            yield self.table(_RATED, "sdg", dims, value="detected_per_100k", unit="per 100,000",
                             definition=self.definitions["registered"])  # fmt: skip
        if "lists" in self.tables:
            yield self.lists(self.tables["lists"])
        for i, row in enumerate(self.tables.get("chain", ())):
            came = f"came to the step {row['step']} of the chain{f', from {row["of"]}' if row['of'] else ''}"
            cell = self.cell("chain", i, row, "count", "persons", came)
            yield PublishedTable("count", row["step"], {}, (), self.whole, {(frozenset(), ALL): cell})

    def table(
        self, what: str, name: str, dims: Mapping[str, tuple[str, ...]], *, value: str = "point", only: str = "",
        unit: str = "persons", definition: str = "",
    ) -> PublishedTable:  # fmt: skip
        """Return the numbers of one quantity."""
        cells = {}
        time = "year" if name == "sdg" else self.time
        for i, row in enumerate(self.tables[name]):
            if only and row["indicator"] != only:
                continue
            when = row[time] if time is not None and time in row and self.years else ALL
            at = frozenset((dim, row[dim]) for dim in dims if row[dim] != ALL)
            cells[at, when] = self.cell(name, i, row, value, unit, definition, when)
        return PublishedTable(what, REGISTERED, dims, self.years, self.whole, cells)

    def lists(self, rows: Sequence[Mapping[str, str]]) -> PublishedTable:
        """Return the persons on each list; who is on several counts on each."""
        names = [x for x in rows[0] if x not in ("count", "status")]
        cells = {}
        for i, row in enumerate(rows):
            on = [x for x in names if row[x] != ALL]
            if len(on) == 1 and row[on[0]] == "on":
                where = frozenset({(LIST, on[0])})
                cells[where, ALL] = self.cell("lists", i, row, "count", "persons", f"persons on the list {on[0]}")
        return PublishedTable("count", REGISTERED, {LIST: tuple(names)}, (), self.whole, cells)

    def cell(
        self, name: str, i: int, row: Mapping[str, str], value: str, unit: str, definition: str, when: str = ALL
    ) -> PublishedCell:
        """Return one cell as it stands; row 1 of a file holds its names."""
        found, status = _number(row[value]), row["status"]
        if found is None and status in _SHOWN:
            status = NO_POPULATION if row.get("detected") else SUPPRESSED
        elif found is not None and (status in _SHOWN or value not in ("point",)):
            status = OK
        interval = value == "point"
        low, high, prob = (_number(row[x]) if interval and status == OK else None for x in ("low", "high", "prob"))
        return PublishedCell(
            found if status == OK else None, low, high, prob, row.get("unit", unit),
            row.get("period") or (when if when != ALL else self.whole), row.get("definition", definition),
            row.get("verdict", "") if interval else "", status, row["status"] == "rounded",
            f"{self.name}/{name}.csv, row {i + 2}, {value}", self.off if row["status"] == "rounded" else 0,
        )  # fmt: skip


def _number(text: str) -> float | None:
    return float(text) if text else None


# ---- key figures and chains --------------------------------------------------------------------------------


def _record(folder: Path, name: str, form: str, missing: Problem) -> Mapping[str, Any]:
    """Return what a file of a folder holds, if it is of the form that is expected."""
    if fault_of(folder, name) is not None:
        raise InputError(missing)
    try:
        record = json.loads(read_bytes(folder, name).decode("utf-8"))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.get("format") != form:
        raise InputError(Problem(said("questionnaire.form", name=name, form=form), said("allowed.json_mse_wrote"),
                                 said("questionnaire.again"), file=str(folder / name)))  # fmt: skip
    return record


def _faulty(folder: Path, name: str) -> InputError:
    return InputError(Problem(said("questionnaire.damaged", name=name), said("allowed.json_mse_wrote"),
                              said("questionnaire.again"), file=str(folder / name)))  # fmt: skip


def _key_figures(folder: Path) -> PublishedFolder:
    """Return the totals among the key figures of a folder, a table for each source."""
    missing = Problem(said("questionnaire.no_figures_there"), said("questionnaire.figures_folder"),
                      said("do.check_path"), file=str(folder))  # fmt: skip
    record = _record(folder, FIGURES_FILE, KEY_FIGURES, missing)
    name = folder.absolute().name
    found: dict[str, dict[tuple[Levels, str], PublishedCell]] = {}
    try:
        off = {str(x["name"]): int(x["deviation"]) for x in map(mapping, items(record["sources"]))}
        for i, one in enumerate(map(mapping, items(record["figures"])), 1):
            if one["kind"] != "total":
                continue
            where = _levels(str(one["where"]))
            value = number(one["count"])
            status = OK if value is not None and one["status"] == OK else str(one["status"])
            status = SUPPRESSED if value is None and status == OK else status
            cell = PublishedCell(
                value if status == OK else None, None, None, None, "persons", str(one["period"]),
                "; ".join(x for x in (str(one["definition"]), str(one["publisher"])) if x), str(one["verdict"]),
                status, off[str(one["source"])] > 0, f"{name}/{FIGURES_FILE}, figure {i}, count",
                off[str(one["source"])],
            )  # fmt: skip
            found.setdefault(str(one["source"]), {}).setdefault((where, str(one["period"])), cell)
        disclosure, title = str(record["disclosure"]), str(record["title"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _faulty(folder, FIGURES_FILE) from None
    tables = [_counted("count", source, cells) for source, cells in found.items()]
    return PublishedFolder(name, title, tuple(tables), {}, disclosure, ())


def _counted(what: str, persons: str, cells: Mapping[tuple[Levels, str], PublishedCell]) -> PublishedTable:
    """Return a table with the dimensions and the periods that its cells have."""
    dims: dict[str, tuple[str, ...]] = {}
    for where, _ in cells:
        for dim, level in sorted(where):
            dims[dim] = tuple(dict.fromkeys((*dims.get(dim, ()), level)))
    periods = tuple(dict.fromkeys(when for _, when in cells if when != ALL))
    return PublishedTable(what, persons, dims, periods, periods[0] if len(periods) == 1 else "", cells)


def _levels(text: str) -> Levels:
    """Return the levels of a key figure; levels that were put together keep the name that both have there."""
    pairs = (x.partition(" = ") for x in text.split("; ") if x)
    return frozenset((dim, level) for dim, _, level in pairs)


def _chain(folder: Path) -> PublishedFolder:
    """Return how many began in each cohort, and the shares that had come to each state at the longest time."""
    missing = Problem(said("questionnaire.no_chain_there"), said("questionnaire.chain_folder"), said("do.check_path"),
                      file=str(folder))  # fmt: skip
    record = _record(folder, CHAIN_FILE, CHAIN, missing)
    name = folder.absolute().name
    began: dict[str, dict[tuple[Levels, str], PublishedCell]] = {}
    reached: dict[str, dict[tuple[Levels, str], PublishedCell]] = {}
    try:
        rows = [mapping(x) for x in items(record["chances"])]
        about = "; ".join(str(record[x]) for x in ("persons", "definition", "publisher") if record[x])
        later = {str(x["state"]) for x in rows if x["kind"] == "reached"}
        for i, one in enumerate(rows, 1):
            state, cohort, place = str(one["state"]), str(one["cohort"]), f"{name}/{CHAIN_FILE}, chance {i}"
            period = str(record["period"]) if cohort == ALL else cohort
            if one["kind"] == "inside" and state not in later:
                value = number(one["persons"])
                status = SUPPRESSED if value is None else OK
                began.setdefault(state, {})[frozenset(), cohort] = PublishedCell(
                    value, None, None, None, "persons", period, about, "", status, False, f"{place}, persons"
                )
            elif one["kind"] == "reached":
                told = one["status"] == OK
                share, low, high, prob = (number(one[x]) if told else None for x in ("share", "low", "high", "prob"))
                status = SUPPRESSED if share is None and told else str(one["status"])
                reached.setdefault(state, {})[frozenset(), cohort] = PublishedCell(
                    share, low, high, prob, "share", period, f"within {one['years']} years; {about}", "", status,
                    False, f"{place}, share",
                )  # fmt: skip
        title = str(record["title"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _faulty(folder, CHAIN_FILE) from None
    tables = [_counted("count", x, y) for x, y in began.items()] + [
        _counted("reached", x, y) for x, y in reached.items()
    ]
    return PublishedFolder(name, title, tuple(tables), {}, "", ())
