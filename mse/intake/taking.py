"""From the contracts of the suppliers to the overlap table in one call: read, check, link, tabulate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.parallel import Progress, silent
from mse.errors import InputError, Problem
from mse.intake.arrivals import arrivals
from mse.intake.contracts.together import check_contracts
from mse.intake.contradictions import GIVEN_NAMES
from mse.intake.flow import delivered_counts, linked_counts, to_frame, unlike_counts
from mse.intake.linkage.keycheck import check_links
from mse.intake.linkage.linking import COUNTED, count_registrations, link_exactly, write_linkage
from mse.intake.planning import IntakeSpec as IntakeSpec
from mse.intake.planning import plan_table
from mse.intake.populations import (
    OtherPopulation,
    asked_for,
    by_population,
    count_other,
    keep_asked,
    notes_of,
    quality_of,
)
from mse.intake.registers.delivered import Registers, read_registers
from mse.intake.tabulate import NOT_KNOWN, Layout, count_cells, make_units, to_tables
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mse.intake.linkage.linkagereport import LinkageReport
    from mse.intake.linkage.pairmodel import PairModel
    from mse.intake.linkage.recalls import LinkageQuality
    from mse.intake.nowcast import Nowcast

LOOKED_AT = 200_000
"""Registrations up to which exact linkage is held against a model of pairs."""
LEAST_LOST = 0.005
"""Share of a list that is lost from which exact linkage draws tables with those links put back."""


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
    quality : LinkageQuality or None
        What the linkage, exact or not, finds and misses; None where the registers have too few parts of an identity to
        tell, or are too large to look (`LOOKED_AT`).
    digests : mapping of str to str
        SHA-256 of every file that was read.
    notes : tuple of str
        What one should know of the table.
    told : tuple of str
        The same without a count of it: what a page may say.
    others : tuple of OtherPopulation
        Populations of the same registers beside the one that is counted.
    arrived : DataFrame or None
        When they came, see `mse.intake.arrivals`.
    expected : Nowcast or None
        What has not come in yet, where that was asked for and can be told; the drawn tables hold it.
    mended : bool
        Whether the drawn tables differ by their linkage, or have lost links put back.
    """

    table: CaptureTable
    draws: tuple[CaptureTable, ...]
    unreferred: CaptureTable | None
    unknown: Mapping[str, str]
    flow: pd.DataFrame
    linkage: LinkageReport | None
    quality: LinkageQuality | None
    digests: Mapping[str, str]
    notes: tuple[Said, ...]
    told: tuple[Said, ...]
    others: tuple[OtherPopulation, ...] = ()
    arrived: pd.DataFrame | None = None
    expected: Nowcast | None = None
    mended: bool = False


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
    progress(said("stage.reading"), 0, 1)
    with read_registers(checked, workspace, rejects=rejects, memory=memory, threads=threads) as registers:
        progress(said("stage.reading"), 1, 1)
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
    con, every = registers.connection, registers.lists
    chosen, beside = asked_for(registers.contracts, spec.counts)
    lists = tuple(contract.list for contract in chosen)
    with _room(registers.workspace):
        layout, notes = plan_table(con, chosen, spec)
        strange = check_links(con, every, registers.parts)
        remove = spec.referrals == "remove"
        model = _model(registers, spec, seed, progress)
        report, quality, draws = None, None, []
        if model is not None:
            from mse.intake.linkage.drawnlinkages import drawn_from
            from mse.intake.linkage.linkagereport import link_at, make_report
            from mse.intake.linkage.recalls import linkage_quality

            exact = spec.linkage == "exact"
            person = link_at(model, 1.0 if exact else spec.threshold)
            quality = quality_of(linkage_quality(model, person, every), every, lists)
            if not exact:
                assert model.learned is not None
                report = make_report(model, model.learned.plan.records.place.astype(np.int64), spec.threshold)
                for number, persons in enumerate(drawn_from(model, spec.draws, seed=seed)):
                    progress(said("stage.linkage_draws"), number, spec.draws)
                    write_linkage(con, persons)
                    count_registrations(con, lists, remove_referrals=remove)
                    make_units(con, COUNTED, layout)
                    draws.append(count_cells(con, layout))
                progress(said("stage.linkage_draws"), spec.draws, spec.draws)
                write_linkage(con, person)
        if spec.linkage == "exact":
            link_exactly(con)
        query = "SELECT count(DISTINCT (list, source, row)) FROM registrations WHERE key IS NULL"
        (keyless,) = con.execute(query).fetchall()[0]
        referrals = count_registrations(con, lists, remove_referrals=remove)
        moved = make_units(con, COUNTED, layout)
        tables = to_tables([count_cells(con, layout), *draws], layout)
        arrived = arrivals(con, lists, spec.unit)
        expected = _expected(arrived, lists, spec, seed)
        mended = _mended(tables, quality, spec, seed)
        drawn = _completed(mended, tables[0], expected, spec, seed)
        steps = [(row.step, row.list, row.count) for row in registers.counts]
        told_rows = [*unlike_counts(con, lists, registers.contradictions), *linked_counts(con, layout, removed=remove)]
        flow = to_frame([*delivered_counts(steps), *told_rows])
        keep_asked(con)
        unreferred = _unreferred(con, layout) if referrals and not remove else None
        kinds = by_population(registers.contracts)
        others = tuple(count_other(con, kinds[name], name, spec) for name in beside)
    notes += [said("intake.no_links", list=name) for name in strange]
    notes += notes_of(others, spec.counts or "")
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
        if kind == GIVEN_NAMES:
            notes.append(said("intake.apart_names", count=count))
            told.append(said("intake.some_apart_names"))
        else:
            notes.append(said("intake.apart_level", count=count, name=kind))
            told.append(said("intake.some_apart_level", name=kind))
    if moved:
        notes.append(said("intake.moved", count=moved))
        told.append(said("intake.some_moved"))
    unknown = {dim: NOT_KNOWN for dim, levels in tables[0].strata.items() if NOT_KNOWN in levels}
    return Intake(
        tables[0], drawn, unreferred, MappingProxyType(unknown), flow, report, quality, registers.digests,
        tuple(notes), tuple(told), others, arrived, expected, bool(mended),
    )  # fmt: skip


def _model(registers: Registers, spec: IntakeSpec, seed: int, progress: Progress) -> PairModel | None:
    """Return the model of pairs; for exact linkage only where there is enough to tell, and not too much."""
    from mse.intake.linkage.pairmodel import train_model

    con = registers.connection
    if spec.linkage == "exact":
        (rows,) = con.execute("SELECT count(*) FROM registrations").fetchall()[0]
        if rows > LOOKED_AT:
            return None
        try:
            return train_model(con, registers.lists, registers.parts, registers.dimensions, seed=seed)
        except InputError:
            return None
    model = train_model(con, registers.lists, registers.parts, registers.dimensions, seed=seed, progress=progress)
    if spec.decisions is None:
        return model
    from mse.intake.linkage.clerical import read_decisions
    from mse.intake.linkage.pairmodel import decided

    return decided(model, read_decisions(con, spec.decisions).pairs)


def _mended(
    tables: Sequence[CaptureTable], quality: LinkageQuality | None, spec: IntakeSpec, seed: int
) -> tuple[CaptureTable, ...]:
    """Return the drawn tables with the links put back that no linkage of these registers can find.

    Of exact linkage they are made from its table, with all that it lost; none where that is next to nothing.
    """
    from mse.intake.lostlinks import draw_lost, mend

    if quality is None:
        return tuple(tables[1:])
    exact = spec.linkage == "exact"
    if exact and quality.lost.max() < LEAST_LOST:
        return ()
    found = [tables[0]] * spec.draws if exact else list(tables[1:])
    share = quality.lost if exact else quality.beyond
    rng = np.random.default_rng([seed, 4])
    mended = [mend(table, draw_lost(share, quality.seen, rng), rng) for table in found]
    return tuple(replace(table, name=f"{tables[0].name}, linkage {number}") for number, table in enumerate(mended, 1))


def _expected(arrived: pd.DataFrame, lists: tuple[str, ...], spec: IntakeSpec, seed: int) -> Nowcast | None:
    """Return what has not come in yet; None where that was not asked for, or no list says when it entered anything."""
    if not spec.nowcast:
        return None
    from mse.intake.nowcast import nowcast

    return nowcast(arrived, lists, max(spec.draws, 200), seed=seed)


def _completed(
    drawn: tuple[CaptureTable, ...], table: CaptureTable, expected: Nowcast | None, spec: IntakeSpec, seed: int
) -> tuple[CaptureTable, ...]:
    """Return the drawn tables with what has not come in yet; of one table as many as are to be drawn."""
    if expected is None or not expected.missing:
        return drawn
    from mse.intake.nowcast import complete

    rng = np.random.default_rng([seed, 16])
    # the draws of what is missing are spread over the tables
    step = max(max(spec.draws, 200) // max(spec.draws, 1), 1)
    return tuple(
        replace(complete(one, expected, i * step, rng), name=f"{table.name}, completed {i + 1}")
        for i, one in enumerate(drawn or [table] * spec.draws)
    )


def _unreferred(con: duckdb.DuckDBPyConnection, layout: Layout) -> CaptureTable | None:
    """Return the table without referrals, or None when it is no overlap table any more.

    Units of persons whom nobody sent stay as `make_units` has just written them; those of the others are made again.
    """
    import pandas as pd

    con.execute("CREATE OR REPLACE TEMP TABLE sent_persons AS SELECT DISTINCT person FROM referrals")
    con.execute("DELETE FROM units WHERE person IN (SELECT person FROM sent_persons)")
    others = count_cells(con, layout)
    count_registrations(con, layout.lists, remove_referrals=True)
    con.execute(f"DELETE FROM {COUNTED} WHERE person NOT IN (SELECT person FROM sent_persons)")
    make_units(con, COUNTED, layout)
    try:
        return to_tables([pd.concat([others, count_cells(con, layout)], ignore_index=True)], layout)[0]
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
