"""Several populations in one set of registers, victims and suspects: linked once, each counted by its own lists.

A contract says with `counts` which population its register counts, and with `victim` how that is defined. Persons are
linked over all registers; a table holds one population, the one that is asked for, and is never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mse.errors import InputError, Problem
from mse.intake.linkage.linking import COUNTED, count_registrations
from mse.intake.planning import IntakeSpec, plan_table
from mse.intake.tabulate import count_cells, make_units, to_tables
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

if TYPE_CHECKING:
    import duckdb

    from mse.intake.contracts.contract import Contract
    from mse.intake.linkage.recalls import LinkageQuality

ASKED = "asked_units"
"""Temporary table of the units of the population that is asked for: person, period."""


@dataclass(frozen=True, slots=True, eq=False)
class OtherPopulation:
    """A population of the same registers beside the one that is asked for.

    Parameters
    ----------
    name : str
        As contracts have it under `counts`.
    lists : tuple of str
        Registers that count it.
    registered : int
        Units on these lists.
    both : int
        Of these, the units that are registered in the population asked for as well.
    table : CaptureTable or None
        Of its lists and the same strata; None where they make no overlap table.
    """

    name: str
    lists: tuple[str, ...]
    registered: int
    both: int
    table: CaptureTable | None


def by_population(contracts: Sequence[Contract]) -> dict[str, list[Contract]]:
    """Return the contracts of each population, "" for those that do not say which they count."""
    found: dict[str, list[Contract]] = {}
    for contract in contracts:
        found.setdefault((contract.counts or "").strip(), []).append(contract)
    return found


def asked_for(contracts: Sequence[Contract], counts: str | None) -> tuple[list[Contract], list[str]]:
    """Return the contracts of the population that is asked for, and the names of the others.

    Raises
    ------
    InputError
        When registers count several populations and it is not said which is asked for, or no register counts it.
    """
    found = by_population(contracts)
    if counts is None and len(found) == 1:
        return list(contracts), []
    named = [said("population.lists", name=name or "?", lists=[c.list for c in some]) for name, some in found.items()]
    if "" in found and len(found) > 1:
        raise InputError(Problem(said("population.unsaid", lists=[c.list for c in found[""]]),
                                 said("population.each"), said("population.say")))  # fmt: skip
    if counts is None or counts not in found:
        what = said("population.several", names=named) if counts is None else said("population.none", name=counts)
        raise InputError(Problem(what, said("population.one_of", names=[*found]), said("population.choose")))
    return found[counts], [name for name in found if name != counts]


def definitions(contracts: Sequence[Contract]) -> list[tuple[str, list[tuple[tuple[str, ...], str]]]]:
    """Return by population its definitions, each with the lists that have it: more than one where they differ."""
    out = []
    for name, some in by_population(contracts).items():
        texts: dict[str, list[str]] = {}
        for contract in some:
            texts.setdefault(" ".join(contract.victim.split()), []).append(contract.list)
        out.append((name, [(tuple(lists), text) for text, lists in texts.items()]))
    return out


def keep_asked(con: duckdb.DuckDBPyConnection) -> None:
    """Remember the units of the population that is asked for, which `make_units` has just written."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {ASKED} AS SELECT person, period FROM units")


def count_other(
    con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], name: str, spec: IntakeSpec
) -> OtherPopulation:
    """Count another population of registers that were linked, and who of it is in the one asked for; see `keep_asked`.

    The tables ``counted`` and ``units`` hold this population afterwards.
    """
    layout, _ = plan_table(con, contracts, replace(spec, name=f"{spec.name}, {name}"))
    count_registrations(con, layout.lists, remove_referrals=spec.referrals == "remove")
    make_units(con, COUNTED, layout)
    try:
        table = to_tables([count_cells(con, layout)], layout)[0]
    except InputError:
        table = None
    query = f"SELECT count(*), count(*) FILTER ((person, period) IN (SELECT (person, period) FROM {ASKED})) FROM units"
    ((registered, both),) = con.execute(query).fetchall()
    return OtherPopulation(name, layout.lists, int(registered), int(both), table)


def quality_of(quality: LinkageQuality, lists: Sequence[str], chosen: Sequence[str]) -> LinkageQuality:
    """Return what is known of the linkage for some of its lists."""
    places = [lists.index(name) for name in chosen]
    return replace(quality, lost=quality.lost[places], beyond=quality.beyond[places], seen=quality.seen[places])


def notes_of(others: Sequence[OtherPopulation], asked: str) -> list[Said]:
    """Return what is to be said of a table of one population of several."""
    return [said("population.apart", asked=asked, name=x.name, lists=list(x.lists)) for x in others]
