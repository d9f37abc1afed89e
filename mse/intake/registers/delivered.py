"""Registers as their suppliers deliver them, read through DuckDB: good rows go on, bad rows are named and set aside."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self

from mse.computing.csvtext import SQL_DEFUSED, SQL_LOADED
from mse.errors import InputError, Problem, reason_of
from mse.intake.contracts.together import constant_dimensions
from mse.intake.contradictions import Contradiction, resolve_keys
from mse.intake.registers.filelayouts import Unmapped
from mse.intake.registers.loading import (
    Filled,
    Reading,
    Rejected,
    StepCount,
    create_tables,
    read_list,
)
from mse.intake.registers.rowchecks import NO_FAULT, REASONS, literal
from mse.words.catalogues import catalogue
from mse.words.said import Said, said

if TYPE_CHECKING:
    import duckdb

    from mse.intake.contracts.contract import Contract


@dataclass(frozen=True, slots=True, eq=False)
class Registers:
    """Registrations that passed every check, in a database of their own that goes away with `close`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the table ``registrations``: ``list, source`` (file), ``row`` (line in the file), ``key``, parts of the
        identity, ``date``, ``entered``, dimensions, ``referred_from``. Texts but for row and dates; NULL = not known. A
        registration with several labels under the rule ``both`` has one row for each.
    dimensions : tuple of str
        Dimensions of any list, ``year`` first.
    parts : tuple of str
        Columns with parts of the identity of any list, hashed or coarse.
    contracts : tuple of Contract
        In the order of the lists.
    counts : tuple of StepCount
        Rows after each of `STEPS`, by list.
    rejected : tuple of Rejected
        Rows that were set aside, by list, column and reason. A row with several faults counts under each.
    filled : tuple of Filled
        Completeness and validity of every column.
    digests : mapping of str to str
        SHA-256 of every file, by list and path as the contract gives it: ``"P/police.csv"``.
    workspace : Path
        Folder of the database; removed by `close`.
    contradictions : tuple of Contradiction
        Registrations whose pseudonym is that of others with another name or sex; their keys differ in the table.
    unmapped : tuple of Unmapped
        Codes that no code list has, by list and column.
    """

    connection: duckdb.DuckDBPyConnection
    dimensions: tuple[str, ...]
    parts: tuple[str, ...]
    contracts: tuple[Contract, ...]
    counts: tuple[StepCount, ...]
    rejected: tuple[Rejected, ...]
    filled: tuple[Filled, ...]
    digests: Mapping[str, str]
    workspace: Path
    contradictions: tuple[Contradiction, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the lists, in the order of the contracts."""
        return tuple(contract.list for contract in self.contracts)

    def close(self) -> None:
        """Close the database and remove everything that was written for it."""
        self.connection.close()
        shutil.rmtree(self.workspace, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def read_registers(
    contracts: Sequence[Contract],
    workspace: str | Path,
    *,
    rejects: str | Path | None = None,
    memory: str = "1GB",
    threads: int | None = None,
    stop: bool = True,
) -> Registers:
    """Read and check the files of all contracts.

    Parameters
    ----------
    contracts : sequence of Contract
        One per list; check them against each other first (`check_contracts`).
    workspace : str or Path
        A folder for what does not fit in memory; nothing stays there after `Registers.close`, or after an error.
    rejects : str or Path, optional
        CSV file to write: ``list, file, row, column, reason, words`` of every row set aside, and no value of any. It
        is written too when the run stops because there are too many.
    memory : str
        What DuckDB may use, for example ``"1GB"``; beyond it the workspace is used.
    threads : int, optional
        Of DuckDB; as many as there are cores when not given.
    stop : bool
        Whether a list with more bad rows than its contract allows is an error; a quality report goes on.

    Raises
    ------
    InputError
        With every problem of every list: files that are missing, not what the contract says, changed while read, or
        not pseudonymised; too many bad rows; no room in the workspace.
    """
    if not contracts:
        raise InputError(
            Problem(said("found.no_contracts"), said("allowed.least_one"), said("do.name_contracts_suppliers"))
        )
    with _room(workspace):
        home = Path(tempfile.mkdtemp(prefix="mse-registers-", dir=workspace))
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # where nobody closes, the end of the process does
    connection = None
    try:
        with _room(workspace):
            connection = _connect(home, memory, threads)
            registers = _read_all(connection, tuple(contracts), home, rejects, stop)
    except BaseException:
        if connection is not None:
            connection.close()
        shutil.rmtree(home, ignore_errors=True)
        raise
    return registers


def _connect(home: Path, memory: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory, "temp_directory": str(home / "spill"), "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }  # fmt: skip
    if threads is not None:
        settings["threads"] = threads
    try:
        connection = duckdb.connect(":memory:", config=settings)
    except duckdb.Error:
        raise InputError(
            Problem(said("found.duckdb_takes_neither_memory"), said("allowed.memory_such_1gb_threads"),
                    said("do.correct"), value=f"{memory}, {threads}")
        ) from None  # fmt: skip
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def _room(workspace: str | Path) -> Iterator[None]:
    """Turn faults of the machine into one message; what DuckDB says may quote cells and is not passed on."""
    import duckdb

    full = said("found.disk_full")
    try:
        yield
    except OSError as error:
        kind = (
            full if error.errno in (errno.ENOSPC, errno.EDQUOT) else said("found.cannot_be_used", why=reason_of(error))
        )
        raise InputError(_workspace_problem(workspace, kind)) from None
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        kind = full if "space" in str(error).casefold() else said("found.no_memory_or_room")
        raise InputError(_workspace_problem(workspace, kind)) from None


def _workspace_problem(workspace: str | Path, kind: Said) -> Problem:
    found, allowed = (
        said("found.workspace_registers_nothing_kept", kind=kind),
        said("allowed.folder_room_twice_files"),
    )
    return Problem(found, allowed, said("do.make_room_choose_another_2"), file=str(workspace))


def _read_all(
    connection: duckdb.DuckDBPyConnection,
    contracts: tuple[Contract, ...],
    home: Path,
    rejects: str | Path | None,
    stop: bool,
) -> Registers:
    parts = tuple(dict.fromkeys(name for contract in contracts for name in contract.parts))
    dimensions = tuple(dict.fromkeys(name for contract in contracts for name in contract.strata))
    create_tables(connection, parts, dimensions)
    readings: list[Reading] = []
    problems: list[Problem] = []
    for contract in contracts:
        try:
            readings.append(read_list(connection, contract, parts, dimensions, home))
        except InputError as error:
            problems += error.problems
        else:
            problems += _too_many(contract, readings[-1]) if stop else []
    if rejects is not None and len(readings) == len(contracts):
        _write_rejects(connection, Path(rejects))
    if problems:
        raise InputError(problems)
    connection.execute("DROP TABLE rejects")
    contradictions = resolve_keys(connection, constant_dimensions(contracts))
    return Registers(
        contradictions=contradictions,
        connection=connection,
        dimensions=dimensions,
        parts=parts,
        contracts=contracts,
        counts=tuple(count for reading in readings for count in reading.counts),
        rejected=tuple(row for reading in readings for row in reading.rejected),
        filled=tuple(row for reading in readings for row in reading.filled),
        unmapped=tuple(row for reading in readings for row in reading.unmapped),
        digests=MappingProxyType(
            {
                f"{contract.list}/{name}": digest
                for contract, reading in zip(contracts, readings, strict=True)
                for name, digest in reading.digests.items()
            }
        ),
        workspace=home,
    )


def _too_many(contract: Contract, reading: Reading) -> list[Problem]:
    """Return the problem of a list with more bad rows than its contract allows."""
    delivered = reading.counts[0].count
    if reading.unnamed > contract.max_rejects * delivered:
        found = said("found.rows_list_have_no", unnamed=reading.unnamed, delivered=delivered, list=repr(contract.list))
        remedy = said("do.ask_supplier_how_many")
        problem = Problem(found, said("allowed.most_max_rejects", max_rejects=contract.max_rejects), remedy)
        return [contract.file.put(problem, ("max_rejects",))]
    if reading.bad <= contract.max_rejects * delivered:
        return []
    faults = sorted((row for row in reading.rejected if row.reason not in NO_FAULT), key=lambda row: -row.count)
    most = tuple(
        said("found.rows_bad_so_in", count=row.count, reason=REASONS[row.reason], column=row.column) if row.column
        else said("found.rows_bad_so", count=row.count, reason=REASONS[row.reason]) for row in faults[:3]
    )  # fmt: skip
    found = said(
        "found.rows_list_bad",
        bad=reading.bad,
        delivered=delivered,
        list=repr(contract.list),
        share=reading.bad / delivered,
        most=most,
    )
    problem = Problem(
        found,
        said("allowed.most_max_rejects", max_rejects=contract.max_rejects),
        said("do.have_supplier_correct_them", list=contract.list),
    )
    return [contract.file.put(problem, ("max_rejects",))]


def _harmless(column: str) -> str:
    """Return the column as SQL, as `mse.computing.csvtext.defused` has it."""
    return f"regexp_replace({column}, {literal(SQL_LOADED)}, {literal(SQL_DEFUSED)}, 'g')"


def _write_rejects(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the rejects file in one step."""
    import duckdb

    fresh = path.with_name(f".{path.name}.part")
    spoken = [(code, catalogue("en").said(reason)) for code, reason in REASONS.items()]
    words = ", ".join(f"({literal(code)}, {literal(text)})" for code, text in spoken)
    try:
        connection.execute(
            f"COPY (SELECT {_harmless('list')} AS list, {_harmless('file')} AS file, row, "
            f'{_harmless("col")} AS "column", reason, words FROM rejects '
            f"JOIN (VALUES {words}) AS said(code, words) ON code = reason ORDER BY ALL) "
            f"TO {literal(str(fresh))} (FORMAT csv, HEADER)"
        )
        os.replace(fresh, path)
    except (OSError, duckdb.IOException):
        found, allowed = said("found.file_rejected_rows_cannot"), said("allowed.file_folder_room")
        raise InputError(Problem(found, allowed, said("do.choose_another_place"), file=str(path))) from None
    finally:
        if path.parent.is_dir():
            fresh.unlink(missing_ok=True)
