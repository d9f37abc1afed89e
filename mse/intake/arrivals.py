"""When registrations came: persons of a year by the day on which they first stood in the registers, and each list's.

Of two vintages it tells how many persons of a year came late; of one, by how much its last months are incomplete
(`mse.intake.nowcast`). Only counts are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mse.intake.linkage.linking import COUNTED
from mse.intake.quoting import array
from mse.intake.tabulate import NOT_KNOWN, YEAR, Unit

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

PERSONS, EXACT, ROWS = "persons", "persons by equal pseudonyms", "registrations"
"""What is counted: persons as linked, as equal pseudonyms alone would have them, and registrations of a list."""


def arrivals(con: duckdb.DuckDBPyConnection, lists: Sequence[str], unit: Unit) -> pd.DataFrame:
    """Return persons and registrations by the day on which they came.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds ``registrations`` and the table of those that count.
    lists : sequence of str
        Lists that count.
    unit : {"person-year", "person"}
        Who is counted.

    Returns
    -------
    DataFrame
        ``what``, ``list`` ("all" for persons), ``year``, ``month`` (of a registration: 2021-03; empty for persons and
        without a date), ``entered`` (the day, 2021-04-02, of persons the first; empty where not known), ``count``.
    """
    alone = "coalesce(r.key, concat_ws(' ', r.list, r.source, r.row))"
    year = f"coalesce(r.{YEAR}, '{NOT_KNOWN}')" if _has_years(con) else f"'{NOT_KNOWN}'"

    def persons(who: str) -> str:
        within = f"{year} AS year," if unit == "person-year" else ""
        group = "who, year" if unit == "person-year" else "who"
        first = f"min({year}) AS year," if unit == "person" else ""
        return (
            f"SELECT year, entered, count(*) AS count FROM (SELECT {who} AS who, {within} {first} "
            f"min(coalesce(r.entered, DATE '0001-01-01')) AS entered FROM {COUNTED} l "
            f"JOIN registrations r ON r.rowid = l.record GROUP BY {group}) GROUP BY ALL"
        )

    day = "CASE WHEN entered = DATE '0001-01-01' THEN '' ELSE strftime(entered, '%Y-%m-%d') END AS entered"
    query = " UNION ALL ".join(
        f"SELECT '{what}' AS what, 'all' AS list, year, '' AS month, {day}, count FROM ({persons(who)})"
        for what, who in ((PERSONS, "l.person"), (EXACT, alone))
    )
    query += (
        f" UNION ALL SELECT '{ROWS}', list, year, coalesce(month, ''), coalesce(strftime(entered, '%Y-%m-%d'), ''), "
        f"sum(rows)::BIGINT FROM (SELECT r.list, r.source, {year} AS year, strftime(r.date, '%Y-%m') AS month, "
        "r.entered, count(DISTINCT r.row) AS rows FROM registrations r "
        f"WHERE list_contains({array(lists)}, r.list) GROUP BY ALL) GROUP BY ALL"
    )
    return con.execute(f"SELECT * FROM ({query}) ORDER BY ALL").df()


def _has_years(con: duckdb.DuckDBPyConnection) -> bool:
    return YEAR in [row[0] for row in con.execute("DESCRIBE registrations").fetchall()]
