"""One register into the database: its files, the rows that are good, and the rows that are set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mse.errors import InputError, Problem
from mse.intake.contracts.layouts import Version, merged
from mse.intake.registers.deliveryfiles import check_header, check_kind, form_of, header_of, unchanged
from mse.intake.registers.filelayouts import Unmapped, added_up, fitting_versions, unmapped_codes
from mse.intake.registers.guard import personal_problems
from mse.intake.registers.plaintext import SEPARATOR, clean_csv
from mse.intake.registers.rowchecks import (
    checked_query,
    checks,
    columns_of,
    literal,
    reading,
    without_identity,
)
from mse.intake.registers.rowsources import head_of, is_packed
from mse.words.said import said

if TYPE_CHECKING:
    import duckdb

    from mse.intake.contracts.contract import Contract

STEPS = ("delivered", "valid", "distinct", "in period")
"""What is counted of every list: rows in its files; without a fault; each once; within the period."""

_SAMPLE = 5_000
_FIRST = "NOT EXISTS (FROM aside WHERE aside.file = checked.file AND aside.row = checked.row)"


@dataclass(frozen=True, slots=True)
class StepCount:
    """How many rows of a list were left after a step."""

    step: str
    list: str
    count: int


@dataclass(frozen=True, slots=True)
class Filled:
    """In how many of the readable rows of a list a column has a value, and in how many a fault."""

    list: str
    column: str
    rows: int
    filled: int
    faulty: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """How many rows of a list were set aside for a reason, a key of `mse.intake.registers.rowchecks.REASONS`."""

    list: str
    column: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in the files of one list.

    Parameters
    ----------
    counts : tuple of StepCount
        After each of `STEPS`.
    rejected : tuple of Rejected
        By column and reason.
    filled : tuple of Filled
        By column.
    bad : int
        Rows with a fault.
    digests : dict of str to str
        SHA-256 of every file by its name.
    unnamed : int
        Good rows without a pseudonym or any hashed part of one: each is a person of its own.
    unmapped : tuple of Unmapped
        Codes that no code list has.
    """

    counts: tuple[StepCount, ...]
    rejected: tuple[Rejected, ...]
    filled: tuple[Filled, ...]
    bad: int
    digests: dict[str, str]
    unnamed: int
    unmapped: tuple[Unmapped, ...] = ()


def create_tables(connection: duckdb.DuckDBPyConnection, parts: Sequence[str], dimensions: Sequence[str]) -> None:
    """Create the tables ``registrations`` and ``rejects``, empty."""
    texts = "".join(f", {name} VARCHAR" for name in parts)
    labels = "".join(f", {name} VARCHAR" for name in dimensions)
    connection.execute(
        f"CREATE TABLE registrations (list VARCHAR, source VARCHAR, row BIGINT, key VARCHAR{texts}, date DATE, "
        f"entered DATE{labels}, referred_from VARCHAR)"
    )
    connection.execute("CREATE TABLE rejects (list VARCHAR, file VARCHAR, row BIGINT, col VARCHAR, reason VARCHAR)")


def read_list(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    parts: Sequence[str],
    dimensions: Sequence[str],
    home: Path,
) -> Reading:
    """Read the files of one list into ``registrations`` and ``rejects``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the tables of `create_tables`.
    contract : Contract
        Of the list.
    parts, dimensions : sequence of str
        As given to `create_tables`.
    home : Path
        A folder for files that are written in between.

    Raises
    ------
    InputError
        With every problem of its files.
    """
    files = contract.files()
    if not files:
        problem = Problem(said("found.no_file_fits_path"), said("allowed.path_files_supplier"), said("do.check"),
                          value=", ".join(contract.path))  # fmt: skip
        raise InputError(contract.file.put(problem, ("path",)))
    connection.execute("CREATE TEMP TABLE broken (file INTEGER, row BIGINT, code VARCHAR)")
    try:
        digests, delivered, unmapped = _load(connection, contract, files, home)
        if not delivered:
            raise InputError(Problem(said("found.header_but_no_rows"), said("allowed.registrations"),
                                     said("do.ask_supplier_file_again"), file=str(files[0])))  # fmt: skip
        _set_aside(connection, contract)
        names = [_name(contract, path) for path in files]
        _insert(connection, contract, names, parts, dimensions)
        return replace(_reading(connection, contract, names, delivered, digests), unmapped=tuple(unmapped))
    finally:
        for table in ("broken", "checked", "aside"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")


def _name(contract: Contract, path: Path) -> str:
    return path.relative_to(contract.folder).as_posix() if path.is_relative_to(contract.folder) else path.as_posix()


def _load(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[Path], home: Path
) -> tuple[dict[str, str], int, list[Unmapped]]:
    """Load the files into the table ``checked``; return digests, the number of rows delivered, and unknown codes."""
    import duckdb

    digests, delivered = {}, 0
    unmapped: list[Unmapped] = []
    problems: list[Problem] = []
    for number, path in enumerate(files):
        try:
            with unchanged(path) as digest:
                load = _load_parquet if path.suffix == ".parquet" or _is_parquet(path) else _load_rows
                rows, codes = load(connection, contract, path, number, home)
                delivered += rows
                unmapped += codes
            digests[_name(contract, path)] = digest
        except InputError as error:
            problems += error.problems
        except (duckdb.DataError, duckdb.InvalidInputException):  # their words may quote cells
            problems.append(Problem(said("found.rows_file_cannot_read"), said("allowed.csv_parquet_file"),
                                    said("do.ask_supplier_file_again"), file=str(path)))  # fmt: skip
    if problems:
        raise InputError(problems)
    return digests, delivered, added_up(unmapped)


def _is_parquet(path: Path) -> bool:
    return not is_packed(path) and head_of(path, 4) == b"PAR1"


def _load_rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, number: int, home: Path
) -> tuple[int, list[Unmapped]]:
    check_kind(path, parquet=False, encoding=contract.encoding)
    clean, broken = home / "clean.txt", home / "broken.txt"
    fitting = fitting_versions(contract, path, lambda version: header_of(path, form_of(version)))
    try:
        cells = clean_csv(path, fitting[0][0], clean, broken)
        declared = merged([version for version, _ in fitting])
        if problems := personal_problems(cells.header, cells.samples, declared, path):
            raise InputError(problems)
        columns = {"row": "BIGINT"} | {f"c{i}": "VARCHAR" for i in cells.places}
        source = _plain_text(clean, columns)
        _check(connection, fitting, source, number)
        connection.execute(
            f"INSERT INTO broken SELECT {number}, * FROM {_plain_text(broken, {'row': 'BIGINT', 'code': 'VARCHAR'})}"
        )
        return cells.delivered, unmapped_codes(connection, contract, declared, source, number)
    finally:
        clean.unlink(missing_ok=True)
        broken.unlink(missing_ok=True)


def _plain_text(path: Path, columns: dict[str, str]) -> str:
    """Return the relation of a file that `clean_csv` wrote."""
    return (
        f"read_csv({literal(str(path))}, delim={literal(SEPARATOR)}, quote='', escape='', header=false, "
        f"auto_detect=false, new_line='\\n', columns={columns})"
    )


def _load_parquet(
    connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, number: int, home: Path
) -> tuple[int, list[Unmapped]]:
    import duckdb

    check_kind(path, parquet=True)
    source = f"read_parquet({literal(str(path))}, file_row_number=true)"
    try:
        kinds = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        kinds.pop("file_row_number")
        fitting = fitting_versions(contract, path, lambda version: list(kinds))
        version, declared = fitting[0][0], merged([version for version, _ in fitting])
        check_header(list(kinds), path, version)
        text = {name: _as_text(name, kind) for name, kind in kinds.items()}
        sample = (
            f"SELECT {', '.join(text.values())} FROM {source} USING SAMPLE reservoir({_SAMPLE} ROWS) REPEATABLE (1)"
        )
        samples = [tuple(map(_cell, row)) for row in connection.execute(sample).fetchall()]
        if problems := personal_problems(list(kinds), samples, declared, path):
            raise InputError(problems)
        cells = ", ".join(
            f"{text[field.name] if field.name else 'CAST(NULL AS VARCHAR)'} AS c{i}"
            for i, field in enumerate(reading(version))
        )
        iso = [name for name, kind in kinds.items() if _is_day(kind)]
        plain = f"(SELECT file_row_number + 1 AS row, {cells} FROM {source})"
        _check(connection, fitting, plain, number, iso)
        codes = unmapped_codes(connection, contract, declared, plain, number)
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        raise InputError(
            Problem(said("found.no_parquet_file_can_2"), said("allowed.parquet_file"),
                    said("do.ask_supplier_file_again"), file=str(path))
        ) from None  # fmt: skip
    return int(rows), codes


def _is_day(kind: str) -> bool:
    return kind == "DATE" or kind.startswith("TIMESTAMP")


def _as_text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    text = f"CAST(CAST({column} AS DATE) AS VARCHAR)" if _is_day(kind) else f"CAST({column} AS VARCHAR)"
    return f"nullif(trim({text}, ' \t\u00a0'), '')"


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _check(
    connection: duckdb.DuckDBPyConnection, fitting: Sequence[Version], source: str, number: int, iso: Sequence[str] = ()
) -> None:
    """Check the rows of a file into the table ``checked``, each by the version of its day; the last takes the rest."""
    for k, (version, days) in enumerate(fitting):
        query = checked_query(version, source, number, iso)
        conditions = []
        if days is not None and k + 1 < len(fitting):
            conditions.append(f"date BETWEEN DATE '{days[0]}' AND DATE '{days[1]}'")
        if k:
            conditions.append(f"row NOT IN (SELECT row FROM checked WHERE file = {number})")
        query = f"SELECT * FROM ({query}) WHERE {' AND '.join(conditions)}" if conditions else query
        tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE table_name = 'checked'").fetchall()
        connection.execute(f"INSERT INTO checked {query}" if tables else f"CREATE TEMP TABLE checked AS {query}")


def _set_aside(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Name the good rows that are there again in the table ``aside``: ``file, row, code, outside``."""
    columns = ", ".join(columns_of(contract))
    again = "SELECT {0} FROM checked WHERE bad = '' GROUP BY {0} HAVING count(*) > 1"
    order = "row_number() OVER (PARTITION BY {} ORDER BY file, row) AS time"
    connection.execute(
        "CREATE TEMP TABLE aside AS SELECT file, row, 'duplicate' AS code, outside FROM ("
        f"SELECT file, row, outside, {order.format(columns)} FROM checked "
        f"WHERE bad = '' AND digest IN ({again.format('digest')})) WHERE time > 1"
    )
    if any(field.constraints.unique for field in contract.with_role("record")):
        connection.execute(
            "INSERT INTO aside SELECT file, row, 'duplicate_record', outside FROM ("
            f"SELECT file, row, outside, {order.format('record')} FROM checked "
            f"WHERE bad = '' AND {_FIRST} AND record IN ({again.format('record')})) WHERE time > 1"
        )


def _insert(
    connection: duckdb.DuckDBPyConnection, contract: Contract, names: Sequence[str], parts: Sequence[str],
    dimensions: Sequence[str],
) -> None:  # fmt: skip
    """Write the good rows to ``registrations`` and every fault to ``rejects``."""
    query = f"(SELECT * FROM checked WHERE bad = '' AND NOT outside AND {_FIRST})"
    both = [name for name in contract.strata if (rule := contract.dimensions.get(name)) and rule.several == "both"]
    for name in both:
        query = (
            f"(SELECT * REPLACE (unnest(CASE WHEN len({name}) = 0 THEN [NULL] ELSE {name} END) AS {name}) FROM {query})"
        )
    source = f"list_extract([{', '.join(map(literal, names))}], file + 1)"
    own = [*contract.parts, *contract.strata]
    columns = [
        literal(contract.list), source, "row", "key", *(name if name in own else "NULL" for name in parts), "date",
        "entered", *(name if name in own else "NULL" for name in dimensions), "referred_from",
    ]  # fmt: skip
    connection.execute(f"INSERT INTO registrations SELECT {', '.join(columns)} FROM {query}")
    known = checks(contract)
    table = ", ".join(f"({i}, {literal(c.column)}, {literal(c.code)})" for i, c in enumerate(known))
    (day,) = (field.name for field in contract.with_role("date"))
    record = next((field.name for field in contract.with_role("record")), "")
    fault = "CAST(unnest(string_split(bad, ',')) AS INTEGER) AS fault"
    connection.execute(
        f"INSERT INTO rejects SELECT {literal(contract.list)}, {source}, row, col, code FROM ("
        f"SELECT file, row, col, code FROM (SELECT file, row, {fault} FROM checked WHERE bad <> '') "
        f"JOIN (VALUES {table}) AS known(number, col, code) ON number = fault "
        "UNION ALL SELECT file, row, NULL, code FROM broken "
        f"UNION ALL SELECT file, row, CASE WHEN code <> 'duplicate' THEN {literal(record)} END, code FROM aside "
        f"UNION ALL SELECT file, row, CASE WHEN NOT elsewhere THEN {literal(day)} END, "
        "CASE WHEN elsewhere THEN 'other_population' ELSE 'out_of_period' END FROM checked "
        f"WHERE bad = '' AND outside AND {_FIRST})"
    )


def _reading(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    names: Sequence[str],
    delivered: int,
    digests: dict[str, str],
) -> Reading:
    name = contract.list
    fields = reading(contract)
    bits = ", ".join(f"count(*) FILTER (filled & {1 << i} <> 0)" for i in range(len(fields)))
    ((readable, good, inside, *filled),) = connection.execute(
        f"SELECT count(*), count(*) FILTER (bad = ''), count(*) FILTER (bad = '' AND NOT outside), {bits} FROM checked"
    ).fetchall()
    again = {
        code: (count, within)
        for code, count, within in connection.execute(
            "SELECT code, count(*), count(*) FILTER (NOT outside) FROM aside GROUP BY code"
        ).fetchall()
    }
    other, other_inside = again.get("duplicate_record", (0, 0))
    same, same_inside = again.get("duplicate", (0, 0))
    rejected = connection.execute(
        f"SELECT list, coalesce(col, ''), reason, count(*) FROM rejects WHERE list = {literal(name)} GROUP BY ALL "
        "ORDER BY ALL"
    ).fetchall()
    faulty = dict(connection.execute(
        f"SELECT col, count(DISTINCT (file, row)) FROM rejects WHERE list = {literal(name)} AND reason NOT IN "
        "('missing', 'duplicate', 'out_of_period', 'other_population', 'duplicate_record') GROUP BY col"
    ).fetchall())  # fmt: skip
    steps = (delivered, good - other, good - other - same, inside - other_inside - same_inside)
    ((unnamed,),) = connection.execute(
        f"SELECT count(*) FROM checked WHERE bad = '' AND {without_identity(contract)}"
    ).fetchall()
    return Reading(
        unnamed=unnamed,
        counts=tuple(StepCount(step, name, int(n)) for step, n in zip(STEPS, steps, strict=True)),
        rejected=tuple(Rejected(*row) for row in rejected),
        filled=tuple(
            Filled(name, f.name, readable, n, faulty.get(f.name, 0)) for f, n in zip(fields, filled, strict=True)
        ),
        bad=delivered - good + other,
        digests=digests,
    )
