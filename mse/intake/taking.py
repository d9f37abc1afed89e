"""From the contracts of the suppliers to the overlap table in one call: read, check, link, tabulate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mse.computing.parallel import Progress, silent
from mse.errors import InputError, Problem
from mse.intake.contracts.together import check_contracts
from mse.intake.flow import delivered_counts, linked_counts, to_frame, unlike_counts
from mse.intake.linkage.linking import COUNTED, count_registrations, link_exactly, write_linkage
from mse.intake.planning import IntakeSpec as IntakeSpec
from mse.intake.planning import plan_table
from mse.intake.quoting import array
from mse.intake.registers.delivered import Registers, read_registers
from mse.intake.tabulate import NOT_KNOWN, Layout, count_cells, make_units, to_tables
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mse.intake.linkage.linkagereport import LinkageReport


@dataclass(frozen=True, slots=True, eq=False)
class Intake:
    """The overlap table and how it came about.

    Parameters
    ----------
    table : CaptureTable
        Of the linkage that is reported, with the blind and missing lists of the contracts.
    draws : tuple of CaptureTable
        Tables of drawn linkages, of the same lists and strata; empty for exact linkage.
    unreferred : CaptureTable or None
        The table of the same linkage without registrations that are referrals; None when there are none, when they are
        left out of `table` already, or when nothing of use is left without them.
    unknown : mapping of str to str
        Dimensions with persons whose label is missing, and the level that stands for it: what the methods with
        covariates take as ``unknown``.
    flow : DataFrame
        step, list, count; see `mse.intake.flow`.
    linkage : LinkageReport or None
        Of the probabilistic linkage.
    digests : mapping of str to str
        SHA-256 of every file that was read.
    notes : tuple of str
        What one should know of the table.
    told : tuple of str
        The same without a count of it: what a page may say.
    """

    table: CaptureTable
    draws: tuple[CaptureTable, ...]
    unreferred: CaptureTable | None
    unknown: Mapping[str, str]
    flow: pd.DataFrame
    linkage: LinkageReport | None
    digests: Mapping[str, str]
    notes: tuple[Said, ...]
    told: tuple[Said, ...]


def take_in(
    contracts: Sequence[str | Path],
    workspace: str | Path,
    spec: IntakeSpec | None = None,
    *,
    seed: int,
    rejects: str | Path | None = None,
    memory: str = "1GB",
    threads: int | None = None,
    progress: Progress = silent,
) -> Intake:
    """Read and check the registers of some suppliers, link them, and count who is on which lists.

    Parameters
    ----------
    contracts : sequence of path
        Contracts of the suppliers; the order of the lists, and the order in which they are believed.
    workspace : str or Path
        A folder for what does not fit in memory; nothing stays there.
    spec : IntakeSpec, optional
        How to link and what to count.
    seed : int
        Of the probabilistic linkage and its draws.
    rejects : str or Path, optional
        CSV file for the rows that are set aside.
    memory, threads
        What DuckDB may use.
    progress : callable
        Receives what is being done, and how far it is.

    Raises
    ------
    InputError
        With every problem of the contracts or the files; when the strata are no columns; when the result is no
        overlap table; when a library is missing; when there is no room.
    """
    checked = check_contracts(contracts)
    progress("reading registers", 0, 1)
    with read_registers(checked, workspace, rejects=rejects, memory=memory, threads=threads) as registers:
        progress("reading registers", 1, 1)
        return take_in_registers(registers, spec or IntakeSpec(), seed=seed, progress=progress)


def take_in_registers(registers: Registers, spec: IntakeSpec, *, seed: int, progress: Progress = silent) -> Intake:
    """Link registers that were read, and count who is on which lists.

    Parameters
    ----------
    registers : Registers
        As read.
    spec, seed, progress
        As in `take_in`.

    Raises
    ------
    InputError
        As `take_in`.
    """
    con, lists = registers.connection, registers.lists
    with _room(registers.workspace):
        layout, notes = plan_table(con, registers.contracts, spec)
        remove = spec.referrals == "remove"
        report, draws = None, []
        if spec.linkage == "exact":
            link_exactly(con)
        else:
            import numpy as np

            from mse.intake.linkage.drawnlinkages import draw_linkages
            from mse.intake.linkage.linkagereport import link_at, make_report
            from mse.intake.linkage.pairmodel import train_model

            model = train_model(con, lists, registers.parts, seed=seed, backend=spec.backend, progress=progress)
            query = f"SELECT list_position({array(lists)}, list) - 1 AS place FROM linkage_records ORDER BY id"
            report = make_report(
                model, np.asarray(con.execute(query).fetchnumpy()["place"], dtype=np.int64), spec.threshold
            )
            drawn = draw_linkages(model.records, model.left, model.right, model.log_odds, spec.draws, seed=seed)
            for number, persons in enumerate(drawn):
                progress("linkage draws", number, spec.draws)
                write_linkage(con, persons)
                count_registrations(con, lists, remove_referrals=remove)
                make_units(con, COUNTED, layout)
                draws.append(count_cells(con, layout))
            progress("linkage draws", spec.draws, spec.draws)
            write_linkage(con, link_at(model, spec.threshold))
        query = "SELECT count(DISTINCT (list, source, row)) FROM registrations WHERE key IS NULL"
        (keyless,) = con.execute(query).fetchall()[0]
        referrals = count_registrations(con, lists, remove_referrals=remove)
        moved = make_units(con, COUNTED, layout)
        tables = to_tables([count_cells(con, layout), *draws], layout)
        steps = [(row.step, row.list, row.count) for row in registers.counts]
        told_rows = [*unlike_counts(con, lists, registers.contradictions), *linked_counts(con, layout, removed=remove)]
        flow = to_frame([*delivered_counts(steps), *told_rows])
        unreferred = _unreferred(con, layout) if referrals and not remove else None
    told = list(notes)
    if referrals:
        left, both = said("intake.referrals_left", count=referrals), said("intake.referrals_both", count=referrals)
        notes.append(left if remove else both)
        told.append(said("intake.some_referrals_left") if remove else said("intake.some_referrals_both"))
    if keyless:
        alone, linked = said("intake.keyless_alone", count=keyless), said("intake.keyless_linked", count=keyless)
        notes.append(alone if report is None else linked)
        told.append(said("intake.some_keyless_alone") if report is None else said("intake.some_keyless_linked"))
    for kind in dict.fromkeys(found.kind for found in registers.contradictions):
        count = sum(found.registrations for found in registers.contradictions if found.kind == kind)
        names, sex = said("intake.apart_names", count=count), said("intake.apart_sex", count=count)
        notes.append(names if kind == "given names" else sex)
        told.append(said("intake.some_apart_names") if kind == "given names" else said("intake.some_apart_sex"))
    if moved:
        notes.append(said("intake.moved", count=moved))
        told.append(said("intake.some_moved"))
    unknown = {dim: NOT_KNOWN for dim, levels in tables[0].strata.items() if NOT_KNOWN in levels}
    return Intake(
        tables[0], tables[1:], unreferred, MappingProxyType(unknown), flow, report, registers.digests, tuple(notes),
        tuple(told),
    )  # fmt: skip


def _unreferred(con: duckdb.DuckDBPyConnection, layout: Layout) -> CaptureTable | None:
    """Return the table without referrals, or None when it is no overlap table any more."""
    count_registrations(con, layout.lists, remove_referrals=True)
    make_units(con, COUNTED, layout)
    try:
        return to_tables([count_cells(con, layout)], layout)[0]
    except InputError:
        return None


@contextmanager
def _room(workspace: Path) -> Iterator[None]:
    """Turn faults of the machine into one message; what DuckDB says may quote cells and is not passed on."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        found = said("found.not_enough_memory_room")
        remedy = said("do.give_more_memory_make")
        place = str(workspace.parent)
        raise InputError(
            Problem(found, said("allowed.room_twice_files"), remedy, file=place)
        ) from error.with_traceback(None)
