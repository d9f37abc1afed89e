"""What is asked of the registers, in terms of what their contracts say: lists, levels, blind and missing strata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from mse.errors import InputError, Problem
from mse.intake.tabulate import YEAR, Declared, Layout, Rule, Unit, levels_of
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between, Check, count
from mse.words.said import Said, said

if TYPE_CHECKING:
    import duckdb

    from mse.intake.contracts.contract import Contract


def _twice(columns: Sequence[str]) -> bool:
    return len(set(columns)) < len(columns)


@dataclass(frozen=True, slots=True)
class IntakeSpec:
    """How registers become a table: the keys of ``[registers]`` in a job file.

    Parameters
    ----------
    linkage : {"exact", "probabilistic"}
        Equal pseudonyms only, or also registrations that are probably one person.
    threshold : float
        Match probability from which two registrations are one person.
    draws : int
        Linkages to draw, so that what links leave open is in the interval; 0 for none.
    decisions : Path
        What clerks decided on a sample of pairs (`mse linkage sample`), relative to the job file.
    referrals : {"keep", "remove"}
        What to do with registrations of persons whom another list sent.
    nowcast : bool
        Complete the last years, in the drawn tables, by what has not come in yet; contracts name the day of entry.
    counts : str
        Population that is counted, as contracts name theirs, where registers count several; these are linked too.
    strata : tuple of str
        Dimensions of the table.
    unit : {"person-year", "person"}
        Who is counted in every year counts once in each, or once in all.
    rules : mapping of str to {"majority", "first", "combined"}
        What decides between several labels of a unit, by dimension; see `mse.intake.tabulate`.
    name : str
        Name of the table.

    Raises
    ------
    InputError
        With every option that is not one.
    """

    linkage: Literal["exact", "probabilistic"] = "exact"
    threshold: Annotated[float, Between(0.5, 1, below=True)] = 0.9
    draws: Annotated[int, count(0, 1000)] = 20
    decisions: Path | None = None
    referrals: Literal["keep", "remove"] = "keep"
    nowcast: bool = False
    counts: str | None = None
    strata: Annotated[tuple[str, ...], Check(said("example.strata"), _twice)] = ()
    unit: Unit = "person-year"
    rules: Mapping[str, Rule] = field(default_factory=dict)
    name: str = field(default="registers", metadata={"key": False})

    def __post_init__(self) -> None:
        """Check every option."""
        check_spec(self, InputError)
        object.__setattr__(self, "rules", MappingProxyType(dict(self.rules)))

    def together(self) -> Placed:
        """Yield what completing the last years lacks."""
        if self.nowcast and YEAR not in self.strata:
            found = Problem(said("nowcast.year"), said("nowcast.year_allowed"), said("nowcast.year_remedy"))
            yield ("strata",), found
        if self.nowcast and self.draws < 2:
            found = Problem(said("nowcast.draws"), said("nowcast.draws_allowed"), said("nowcast.draws_remedy"))
            yield ("draws",), found


def plan_table(
    con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], spec: IntakeSpec
) -> tuple[Layout, list[Said]]:
    """Return what to count, and what cannot be said in a table of these strata.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    contracts : sequence of Contract
        In the order of the lists.
    spec : IntakeSpec
        What is asked for.

    Raises
    ------
    InputError
        With every stratum that is no column of the registrations, and every rule that does not fit.
    """
    problems: list[Problem] = []
    levels = {}
    for dim in spec.strata:
        stated = dict.fromkeys(level for contract in contracts for level in contract.levels(dim))
        try:
            levels[dim] = levels_of(con, dim, tuple(stated))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    rules: dict[str, Rule] = {
        dim: "combined"
        for dim in levels
        for contract in contracts
        if dim in contract.dimensions and contract.dimensions[dim].several == "both"
    }
    declared = [Declared(c.list, dict(blind.where), "blind") for c in contracts for blind in c.blind]
    notes: list[Said] = []
    years = levels.get(YEAR) or levels_of(con, YEAR)
    declared += _missing(contracts, [year for year in years if year.isdigit()], notes)
    layout = Layout(
        tuple(contract.list for contract in contracts),
        levels,
        spec.unit,
        {**rules, **spec.rules},
        tuple(declared),
        spec.name,
    )
    shown = {id(x) for x, _ in layout.applicable()}
    for one in declared:
        if id(one) not in shown:
            where = [f"{dim} {', '.join(one.levels(dim))}" for dim in one.where]
            absent = [dim for dim in one.where if dim not in levels or (dim == YEAR and spec.unit == "person")]
            if absent:
                about = {"list": one.list, "where": where, "absent": absent}
                blind, gone = said("intake.blind_not_shown", **about), said("intake.missing_not_shown", **about)
                notes.append(blind if one.kind == "blind" else gone)
    return layout, notes


def _missing(contracts: Sequence[Contract], years: Sequence[str], notes: list[Said]) -> Iterator[Declared]:
    """Yield the years in which a list did not operate or deliver at all, and note those in which it did in part."""
    first, last = min(c.period.first for c in contracts), max(c.period.last for c in contracts)
    for contract in contracts:
        closed = [(x.first, x.last, x.where) for x in contract.closed]
        before, after = contract.period.first - timedelta(1), contract.period.last + timedelta(1)
        closed += [(first, before, {}), (after, last, {})]
        for where in dict.fromkeys(tuple(sorted((k, tuple(v)) for k, v in w.items())) for _, _, w in closed):
            spans = [(a, b) for a, b, w in closed if tuple(sorted((k, tuple(v)) for k, v in w.items())) in ((), where)]
            whole: list[str] = []
            part: list[str] = []
            for year in years:
                start, end = max(first, date(int(year), 1, 1)), min(last, date(int(year), 12, 31))
                shut = _days(spans, start, end)
                if shut:
                    (whole if shut > (end - start).days else part).append(year)
            if part:
                places = [f"{dim} {', '.join(v)}" for dim, v in where]
                about = {"list": contract.list, "years": part}
                within = said("intake.part_only_in", **about, where=places)
                notes.append(within if places else said("intake.part_only", **about))
            if whole:
                yield Declared(contract.list, {YEAR: tuple(whole), **dict(where)}, "missing")


def _days(spans: Sequence[tuple[date, date]], start: date, end: date) -> int:
    """Return the days from start to end that lie in any of the spans."""
    days: set[date] = set()
    for a, b in spans:
        low, high = max(a, start), min(b, end)
        days |= {low + timedelta(i) for i in range(max(0, (high - low).days + 1))}
    return len(days)
