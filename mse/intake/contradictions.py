"""Equal pseudonyms of different persons: full given names, or what is one all life, that contradict each other.

The first 32 digits of a key are of surname, first given name and date of birth. Eight digits follow for each given name
after the first, so that "Thị Lan" and "Thị Mai" of one surname and one day are not put together, while "Maria" and
"Maria Anna" are: what is missing contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mse.intake.quoting import identifier

if TYPE_CHECKING:
    import duckdb

GIVEN_NAMES = "given names"

_OURS = "regexp_full_match(key, '[0-9a-f]{32}([0-9a-f]{8}){1,4}')"
_MAP = "resolved_keys"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """How often equal pseudonyms stand beside something that differs, and were kept apart.

    Parameters
    ----------
    kind : str
        What differs: ``"given names"``, or a dimension.
    list : str
        The list.
    registrations : int
        Registrations of the list with such a pseudonym.
    """

    kind: str
    list: str
    registrations: int


def resolve_keys(con: duckdb.DuckDBPyConnection, constant: Sequence[str]) -> tuple[Contradiction, ...]:
    """Give registrations one key where nothing contradicts that they are one person, and different keys where it does.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``; its column ``key`` is changed.
    constant : sequence of str
        Dimensions of which a person has one level all life.

    Returns
    -------
    tuple of Contradiction
        By kind and list; empty when there are none.
    """
    rows = con.execute(
        f"SELECT base, list(DISTINCT more) FROM (SELECT CASE WHEN {_OURS} THEN left(key, 32) ELSE key END AS base, "
        f"CASE WHEN {_OURS} THEN substr(key, 33) ELSE '' END AS more FROM registrations WHERE left(key, 32) IN "
        f"(SELECT left(key, 32) FROM registrations WHERE length(key) > 32 AND {_OURS})) "
        "GROUP BY base HAVING count(DISTINCT more) > 1"
    ).fetchall()
    found: list[Contradiction] = []
    mapping: dict[str, str] = {}
    apart: dict[str, str] = {}
    for base, more in rows:
        mapping |= {base + name: base + into for name, into in _into(more).items()}
        if len(_longest(more)) > 1:
            apart |= {base + name: "" for name in more}
    found += _counted(con, GIVEN_NAMES, apart)
    _rename(con, mapping)
    for name in constant:
        column = identifier(name)
        keys = con.execute(
            f"SELECT key FROM registrations WHERE key IS NOT NULL GROUP BY key HAVING min({column}) <> max({column})"
        ).fetchall()
        both = {str(key): "" for (key,) in keys}
        found += _counted(con, name, both)
        _table(con, both)
        con.execute(
            f"UPDATE registrations SET key = registrations.key || '/' || {column} FROM {_MAP} m "
            f"WHERE m.key = registrations.key AND {column} IS NOT NULL"
        )
    con.execute(f"DROP TABLE IF EXISTS {_MAP}")
    return tuple(found)


def _longest(more: Sequence[str]) -> list[str]:
    """Return the names that are not the beginning of others: as many as there must be persons."""
    return [name for name in more if not any(other != name and other.startswith(name) for other in more)]


def _into(more: Sequence[str]) -> dict[str, str]:
    """Return which of the longest names each belongs to; one that could belong to several stays what it is."""
    longest = _longest(more)
    chosen = {name: [other for other in longest if other.startswith(name)] for name in more}
    return {name: others[0] if len(others) == 1 else name for name, others in chosen.items()}


def _table(con: duckdb.DuckDBPyConnection, mapping: Mapping[str, str]) -> None:
    import pandas as pd

    frame = pd.DataFrame({"key": list(mapping), "into": list(mapping.values())}, dtype=object)
    con.register("resolved_frame", frame)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_MAP} AS "
        'SELECT key::VARCHAR AS key, "into"::VARCHAR AS target FROM resolved_frame'
    )
    con.unregister("resolved_frame")


def _rename(con: duckdb.DuckDBPyConnection, mapping: Mapping[str, str]) -> None:
    _table(con, mapping)
    con.execute(f"UPDATE registrations SET key = m.target FROM {_MAP} m WHERE m.key = registrations.key")


def _counted(con: duckdb.DuckDBPyConnection, kind: str, keys: Mapping[str, str]) -> list[Contradiction]:
    if not keys:
        return []
    _table(con, keys)
    rows = con.execute(
        f"SELECT list, count(DISTINCT (source, row)) FROM registrations JOIN {_MAP} USING (key) "
        "GROUP BY list ORDER BY list"
    ).fetchall()
    return [Contradiction(kind, str(name), int(count)) for name, count in rows]
