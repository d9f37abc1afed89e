"""A list that overlaps with nobody: whether its pseudonyms were made with another key, or it has other persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mse.errors import InputError, Problem
from mse.intake.quoting import identifier
from mse.words.said import said

if TYPE_CHECKING:
    import duckdb

ENOUGH = 20
"""Registrations with a part of the identity, on the list and on the others, from which no common value is a sign."""


def check_links(con: duckdb.DuckDBPyConnection, lists: Sequence[str], parts: Sequence[str]) -> tuple[str, ...]:
    """Return the lists of whose pseudonyms none is on another list.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    lists : sequence of str
        In their order.
    parts : sequence of str
        Hashed and coarse parts of the identity; hashes of the same key are equal for some of the people of any two
        populations: surnames, given names, initials.

    Raises
    ------
    InputError
        With every list that shares no value of any hashed part with the others, so that its key is another one.
    """
    shared = con.execute(
        "WITH several AS (SELECT key FROM registrations WHERE key IS NOT NULL GROUP BY key HAVING min(list) <> "
        "max(list)) SELECT DISTINCT list FROM registrations SEMI JOIN several USING (key)"
    ).fetchall()
    alone = [name for name in lists if (name,) not in shared]
    hashed = [part for part in parts if part.endswith("_hash")]
    problems = []
    for name in alone if hashed else ():
        counts = [_common(con, part, name) for part in hashed]
        if any(count is not None for count in counts) and not any(counts):
            problems.append(
                Problem(said("intake.other_key", list=name), said("intake.other_key_allowed"),
                        said("intake.other_key_remedy"), file=said("what.list_named", name=name))
            )  # fmt: skip
    if problems:
        raise InputError(problems)
    return tuple(alone)


def _common(con: duckdb.DuckDBPyConnection, column: str, name: str) -> int | None:
    """Return how many values of a column stand on a list and on another; None where there are too few to tell."""
    part = identifier(column)
    here, there, both = con.execute(
        f"WITH own AS (SELECT {part} AS value, count(*) AS n FROM registrations WHERE list = ? AND {part} IS NOT NULL "
        f"GROUP BY 1), rest AS (SELECT {part} AS value, count(*) AS n FROM registrations WHERE list <> ? AND {part} "
        "IS NOT NULL GROUP BY 1) SELECT (SELECT coalesce(sum(n), 0) FROM own), (SELECT coalesce(sum(n), 0) FROM rest), "
        "(SELECT count(*) FROM own JOIN rest USING (value))",
        [name, name],
    ).fetchall()[0]
    return int(both) if min(here, there) >= ENOUGH else None
