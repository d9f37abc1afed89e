"""Who is who: registrations of several lists put together to persons.

Exact linkage puts two registrations together when their pseudonyms are equal. A registration without a pseudonym stays
alone: it is a person on one list. What the probabilistic linkage adds are persons whose pseudonym differs because a
name or a date was written differently, and persons without one: see `mse.intake.linkage.pairmodel` for the
probabilities and `mse.intake.linkage.drawnlinkages` for linkages drawn from them.

A linkage is a table (record, person) of the database: `record` is the row id of a row of ``registrations``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mse.intake.quoting import array
from mse.kernels.arrays import Integers

if TYPE_CHECKING:
    import duckdb


TABLE = "linkage"
"""Name of the table (record, person)."""

COUNTED = "counted"
"""Name of the table (record, person) of the registrations that count."""


def link_exactly(con: duckdb.DuckDBPyConnection) -> None:
    """Write the linkage in which equal pseudonyms are one person, and a registration without one is alone.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {TABLE} AS WITH "
        "keyed AS (SELECT key, min(rowid) AS person FROM registrations WHERE key IS NOT NULL GROUP BY key), "
        "alone AS (SELECT list, source, row, min(rowid) AS person FROM registrations WHERE key IS NULL GROUP BY ALL) "
        "SELECT r.rowid AS record, k.person FROM registrations r JOIN keyed k USING (key) UNION ALL "
        "SELECT r.rowid AS record, a.person FROM registrations r JOIN alone a USING (list, source, row) "
        "WHERE r.key IS NULL"
    )


def write_linkage(con: duckdb.DuckDBPyConnection, persons: Integers) -> None:
    """Write a linkage that was made outside the database.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the tables ``registrations`` and ``linkage_records`` (id, list, source, row).
    persons : int64 array, shape (R,)
        Person of every registration, by id.
    """
    import pandas as pd

    con.register("linkage_persons", pd.DataFrame({"id": np.arange(len(persons)), "person": persons}))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT r.rowid AS record, p.person FROM registrations r "
        "JOIN linkage_records i USING (list, source, row) JOIN linkage_persons p ON p.id = i.id"
    )
    con.unregister("linkage_persons")


def count_registrations(con: duckdb.DuckDBPyConnection, lists: Sequence[str], *, remove_referrals: bool) -> int:
    """Write the table of the registrations that count, all or all but referrals, and return how many are referrals.

    A registration is a referral when another list sent the person and the person stands on that list. One that names a
    list on which the linkage does not find the person stays: it is the only trace of that person. A person who would
    vanish altogether (two lists that name each other) keeps the earliest registration.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the tables ``registrations`` and ``linkage``.
    lists : sequence of str
        Lists in the order in which they come first on one day; registrations of others do not count.
    remove_referrals : bool
        Leave referrals out; otherwise they are only counted.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE referrals AS WITH sent AS (SELECT l.person, l.record, r.referred_from AS sender "
        f"FROM registrations r JOIN {TABLE} l ON l.record = r.rowid WHERE r.referred_from IS NOT NULL AND "
        "r.referred_from <> r.list) SELECT s.person, s.record FROM sent s WHERE EXISTS (SELECT 1 FROM "
        f"{TABLE} l JOIN registrations r ON r.rowid = l.record WHERE l.person = s.person AND r.list = s.sender)"
    )
    if remove_referrals:
        first = f"coalesce(r.date, DATE '9999-12-31'), list_position({array(lists)}, r.list), r.source, r.row"
        con.execute(
            f"DELETE FROM referrals WHERE record IN (SELECT arg_min(f.record, ({first})) FROM referrals f "
            "JOIN registrations r ON r.rowid = f.record WHERE f.person NOT IN (SELECT person "
            f"FROM {TABLE} l WHERE NOT EXISTS (SELECT 1 FROM referrals g WHERE g.record = l.record)) GROUP BY f.person)"
        )
        rest = "AND NOT EXISTS (SELECT 1 FROM referrals f WHERE f.record = l.record)"
    else:
        rest = ""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {COUNTED} AS SELECT l.* FROM {TABLE} l JOIN registrations r "
        f"ON r.rowid = l.record WHERE list_contains({array(lists)}, r.list) {rest}"
    )
    query = (
        "SELECT count(DISTINCT (r.list, r.source, r.row)) FROM referrals f JOIN registrations r ON r.rowid = f.record"
    )
    return int(con.execute(query).fetchall()[0][0])


def components(records: int, left: Integers, right: Integers) -> Integers:
    """Return the connected component of every record, named by its smallest member, shape (R,).

    Parameters
    ----------
    records : int
        Number of records, R.
    left, right : int64 array, shape (P,)
        Pairs that are put together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(records, records))
    _, labels = connected_components(graph, directed=False)
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first[place], dtype=np.int64)
