"""By which layouts of its contract a file is read, and which of its codes no layout has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mse.intake.contracts.clauses import Interval
from mse.intake.contracts.layouts import Version, versions
from mse.intake.registers.deliveryfiles import has_columns
from mse.intake.registers.guard import personal_kind
from mse.intake.registers.rowchecks import reading, unmapped_query

if TYPE_CHECKING:
    import duckdb

    from mse.intake.contracts.contract import Contract

_LONGEST_CODE = 40


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code that no code list of the contract has, and in how many rows it stands; rare ones are not named."""

    list: str
    column: str
    code: str
    count: int


def fitting_versions(contract: Contract, path: Path, header_by: Callable[[Contract], Sequence[str]]) -> list[Version]:
    """Return the versions of a contract whose columns a file has, all under the same names; the contract if none fits.

    What makes them differ then are codes, which follow the day of each registration.
    """
    known = versions(contract, path)
    if len(known) == 1:
        return known
    fitting = [version for version in known if has_columns(header_by(version[0]), version[0])]
    if not fitting:
        return [(contract, None)]
    names = [field.name for field in fitting[0][0].fields]
    return [version for version in fitting if [field.name for field in version[0].fields] == names]


def unmapped_codes(
    connection: duckdb.DuckDBPyConnection, contract: Contract, declared: Contract, source: str, number: int
) -> list[Unmapped]:
    """Return the codes of a file that no code list has, in three rows or more, as far as they are codes."""
    query = unmapped_query(declared, source)
    if (
        query is None
        or not connection.execute(f"SELECT count(*) FROM checked WHERE file = {number} AND bad <> ''").fetchall()[0][0]
    ):
        return []
    names = {i: field.name for i, field in enumerate(reading(contract))}
    found = connection.execute(query).fetchall()
    span = Interval(first=contract.period.first, last=contract.extraction_date)
    return [
        Unmapped(contract.list, names[i], code, int(n)) for i, code, n in found
        if len(code) <= _LONGEST_CODE and personal_kind("code", [code] * 5, None, span) is None
    ]  # fmt: skip


def added_up(unmapped: Sequence[Unmapped]) -> list[Unmapped]:
    """Return each code once, with its rows in all files."""
    found: dict[tuple[str, str, str], int] = {}
    for x in unmapped:
        found[x.list, x.column, x.code] = found.get((x.list, x.column, x.code), 0) + x.count
    return [Unmapped(*key, count) for key, count in found.items()]
