"""What a supplier is told about its delivery: completeness, validity, duplicates, timeliness, change."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mse.computing.csvtext import csv_text, read_csv
from mse.computing.filemodes import PRIVATE_FOLDER, private_writing
from mse.computing.inputfiles import read_input
from mse.computing.savefiles import fill_folder, machine_faults, work_folder
from mse.errors import InputError, Problem, names_of
from mse.intake.flow import WITHOUT_KEY, unlike
from mse.intake.quality.supplierpage import SHARES, quality_page
from mse.intake.registers.rowchecks import literal
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.intake.contracts.contract import Contract
    from mse.intake.registers.delivered import Registers

COLUMNS = ("list", "measure", "item", "count", "of", "share", "previous", "change")
"""Columns of the table, see `quality_table`."""

LATE = 90
"""Days after which an entry is called late, and length of the last stretch that is compared with those before."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table before it is compared with the delivery before."""

    measure: str
    item: str
    count: float
    of: float | None = None


def quality_table(registers: Registers, name: str, previous: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the quality of the delivery of one list.

    Parameters
    ----------
    registers : Registers
        As read; with ``stop=False`` also when too many rows are bad.
    name : str
        The list.
    previous : pandas.DataFrame, optional
        The table of the delivery before.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``measure`` and ``item`` say which; ``count`` of ``of`` is ``share``; ``previous`` is the
        same figure of the delivery before, and ``change`` its change: of a share as a difference, of anything else as
        a part of what it was.

        =============  =========================  =============================================
        measure        item                       count, of
        =============  =========================  =============================================
        rows           step                       rows left after it, rows delivered
        completeness   column                     rows with a value, readable rows
        validity       column                     values without a fault, rows with a value
        rejected       reason, column             rows set aside, rows delivered
        duplicates     same row, same record      rows set aside, rows delivered
        duplicates     equal pseudonym, ...       registrations that are kept apart, rows delivered
        duplicates     without a pseudonym        registrations, rows delivered
        days           what is measured           days
        late           more than 90 days          entries, entries with a date
        year           year                       registrations, registrations
        level          dimension, level           registrations, registrations
        =============  =========================  =============================================
    """
    import numpy as np
    import pandas as pd

    contract = next(contract for contract in registers.contracts if contract.list == name)
    found = [(x.measure, x.item, x.count, x.of) for x in _measures(registers, contract)]
    table = pd.DataFrame(found, columns=["measure", "item", "count", "of"])
    table = table.astype({"count": float, "of": float})
    table.insert(0, "list", name)
    table["share"] = table["count"] / table["of"].where(table["of"] > 0)
    shares = table["measure"].isin(SHARES)
    now = table["share"].where(shares, table["count"])
    table["previous"] = np.nan
    if previous is not None:
        before = previous.set_index(["measure", "item"])
        value = before["share"].where(before.index.get_level_values(0).isin(SHARES), before["count"])
        table["previous"] = value[~value.index.duplicated()].reindex(
            pd.MultiIndex.from_frame(table[["measure", "item"]])
        ).to_numpy()  # fmt: skip
        # A reason that did not occur then has no row there.
        table["previous"] = table["previous"].mask(table["measure"].eq("rejected") & table["previous"].isna(), 0.0)
    was = table["previous"]
    table["change"] = (now - was).where(shares, now / was.where(was > 0) - 1)
    return table[list(COLUMNS)]


def _measures(registers: Registers, contract: Contract) -> Iterator[Measure]:
    name = contract.list
    steps = {count.step: count.count for count in registers.counts if count.list == name}
    delivered = steps["delivered"]
    yield from (Measure("rows", step, count, delivered) for step, count in steps.items())
    for row in registers.filled:
        if row.list == name:
            yield Measure("completeness", row.column, row.filled, row.rows)
    for row in registers.filled:
        if row.list == name:
            yield Measure("validity", row.column, row.filled - row.faulty, row.filled)
    for rejected in registers.rejected:
        if rejected.list == name and rejected.reason not in ("duplicate", "duplicate_record"):
            item = f"{rejected.reason}, {rejected.column}" if rejected.column else rejected.reason
            yield Measure("rejected", item, rejected.count, delivered)
    again = {row.reason: row.count for row in registers.rejected if row.list == name}
    yield Measure("duplicates", "same row", again.get("duplicate", 0), delivered)
    if contract.with_role("record"):
        yield Measure("duplicates", "same record", again.get("duplicate_record", 0), delivered)
    for found in registers.contradictions:
        if found.list == name:
            yield Measure("duplicates", unlike(found), found.registrations, delivered)
    query = f"SELECT count(DISTINCT (source, row)) FROM registrations WHERE key IS NULL AND list = {literal(name)}"
    if contract.with_role("key") and (alone := registers.connection.execute(query).fetchall()[0][0]):
        yield Measure("duplicates", WITHOUT_KEY, alone, delivered)
    yield from _times(registers, contract)
    yield from _levels(registers, contract)


def _times(registers: Registers, contract: Contract) -> Iterator[Measure]:
    """Yield how long entries took, and how the last days before the file was drawn compare with those before."""
    here = f"FROM registrations WHERE list = {literal(contract.list)}"
    drawn = f"DATE '{contract.extraction_date}'"
    ((entries, middle, most, late),) = registers.connection.execute(
        "SELECT count(entered), quantile_cont(entered - date, 0.5), quantile_cont(entered - date, 0.9), "
        f"count(*) FILTER (entered - date > {LATE}) {here}"
    ).fetchall()
    if entries:
        yield Measure("days", "entry, median", middle)
        yield Measure("days", "entry, nine in ten", most)
        yield Measure("late", f"more than {LATE} days", late, entries)
    ((last, recent, year),) = registers.connection.execute(
        f"SELECT {drawn} - max(date), count(*) FILTER (date > end_ - {LATE}), "
        f"count(*) FILTER (date > end_ - {LATE + 365} AND date <= end_ - {LATE}) "
        f"FROM (SELECT date, least({drawn}, DATE '{contract.period.last}') AS end_ {here})"
    ).fetchall()
    if last is not None:
        yield Measure("days", "last registration to drawing", last)
        yield Measure("days", f"registrations in the last {LATE} days", recent)
        yield Measure("days", f"registrations in {LATE} days of the year before", year * LATE / 365)


def _levels(registers: Registers, contract: Contract) -> Iterator[Measure]:
    """Yield registrations by year and by level; one with several labels counts under each."""
    here = f"FROM registrations WHERE list = {literal(contract.list)}"
    ((total,),) = registers.connection.execute(f"SELECT count(DISTINCT (source, row)) {here}").fetchall()
    for dimension in contract.strata:
        rows = registers.connection.execute(
            f"SELECT {dimension}, count(DISTINCT (source, row)) {here} GROUP BY ALL"
        ).fetchall()
        counts = dict(rows)
        known = contract.levels(dimension)
        for level in (*known, *sorted(x for x in counts if x is not None and x not in known)):
            if dimension == "year":
                yield Measure("year", level, counts.get(level, 0), total)
            else:
                yield Measure("level", f"{dimension}, {level}", counts.get(level, 0), total)
        if None in counts:
            yield Measure("level", f"{dimension}, ", counts[None], total)


def read_quality(path: str | Path) -> pd.DataFrame:
    """Read the table of a delivery before.

    Raises
    ------
    InputError
        When the file is not one that `write_quality` wrote.
    """
    try:
        content = io.StringIO(read_input(path).decode("utf-8"), newline="")
        table = read_csv(content, dtype={"list": str, "measure": str, "item": str}, keep_default_na=False,
                            na_values={x: [""] for x in COLUMNS[3:]})  # fmt: skip
        if tuple(table.columns) == COLUMNS:
            return table.astype({x: float for x in COLUMNS[3:]})
    except (OSError, ValueError):
        pass
    raise InputError(
        Problem(said("found.not_quality_table_delivery"), said("allowed.csv_file_columns", columns=(*COLUMNS,)),
                said("do.give_file_mse_quality"), file=str(path))
    )  # fmt: skip


def earlier_quality(path: str | Path, contract: Contract, workspace: str | Path) -> pd.DataFrame:
    """Return the table of the delivery before, from its own table or from the file that was delivered then.

    Parameters
    ----------
    path : str or Path
        A table that `write_quality` wrote, or a file that the contract describes.
    contract : Contract
        Of the list.
    workspace : str or Path
        As for `mse.intake.registers.delivered.read_registers`.

    Raises
    ------
    InputError
        When it is neither.
    """
    from mse.intake.registers.delivered import read_registers

    try:
        return read_quality(path)
    except InputError as error:
        before = replace(contract, path=(str(Path(path).absolute()),))
        try:
            with read_registers([before], workspace, stop=False) as registers:
                table = quality_table(registers, contract.list)
        except InputError as other:
            raise InputError([*error.problems, *other.problems]) from None
    # The day on which that file was drawn is not known: what is measured from it is left out.
    return table[(table["measure"] != "days") | table["item"].str.startswith("entry")]


def write_quality(
    registers: Registers,
    folder: str | Path,
    *,
    previous: Mapping[str, pd.DataFrame] | None = None,
    language: str = "en",
) -> tuple[Path, ...]:
    """Write the quality report of every list for its supplier: ``quality-LIST.csv`` and ``quality-LIST.html``.

    Codes that no code list of its contract has stand in ``codes-LIST.csv``, where there are any in three rows or more.

    Parameters
    ----------
    registers : Registers
        As read with ``stop=False``.
    folder : str or Path
        Where to; made if missing.
    previous : mapping of str to pandas.DataFrame, optional
        Tables of the deliveries before, by list.
    language : {"en", "nl"}
        Of the pages.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    InputError
        When the folder cannot be written, or there are no words in that language.
    """
    import pandas as pd

    written = {}
    for contract in registers.contracts:
        table = quality_table(registers, contract.list, (previous or {}).get(contract.list))
        stem = f"quality-{_stem(contract)}"
        files = [name for name in registers.digests if name.startswith(f"{contract.list}/")]
        written[f"{stem}.csv"] = csv_text(table)
        written[f"{stem}.html"] = quality_page(table, contract, files, language)
        if codes := [(x.column, x.code, x.count) for x in registers.unmapped if x.list == contract.list]:
            unmapped = pd.DataFrame(codes, columns=["column", "code", "rows"])
            written[f"codes-{_stem(contract)}.csv"] = csv_text(unmapped)
    home = Path(folder)
    _make_home(home)
    with private_writing(), work_folder(home) as work:
        (work / "fresh").mkdir()
        for name, text in written.items():
            (work / "fresh" / name).write_text(text, encoding="utf-8")
        fill_folder(work / "fresh", home)
    return tuple(home / name for name in written)


def report_quality(
    contracts: Sequence[str | Path],
    folder: str | Path,
    *,
    previous: Mapping[str, str | Path] | None = None,
    language: str = "en",
    memory: str = "1GB",
) -> tuple[Path, ...]:
    """Read the files of some suppliers and write for each what it is told: its quality report and its rejected rows.

    Parameters
    ----------
    contracts : sequence of path
        Contracts of the suppliers.
    folder : str or Path
        Where to; made if missing. Beside the files of `write_quality` it receives ``rejects-LIST.csv``.
    previous : mapping of str to path, optional
        By list: the table or the file of the delivery before, see `earlier_quality`.
    language : {"en", "nl"}
        Of the pages.
    memory : str
        What DuckDB may use.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    InputError
        With every problem of the contracts; of the files of a list; when a list is named that has no contract.
    """
    from mse.intake.contracts.contractfile import read_contract
    from mse.intake.registers.delivered import read_registers

    found: list[Contract] = []
    problems: list[Problem] = []
    for path in contracts:
        try:
            found.append(read_contract(path))
        except InputError as error:
            problems += error.problems
    known, before = [contract.list for contract in found], previous or {}
    for name in (name for name in before if name not in known and not problems):
        wrong, allowed = said("found.delivery_before_named_list"), names_of(known)
        problems.append(Problem(wrong, allowed, said("do.correct_name"), value=name))
    if problems:
        raise InputError(problems)
    home = Path(folder)
    if os.path.lexists(home) and not os.path.isdir(home):
        found_there = said("found.reports_cannot_written_file")
        raise InputError(Problem(found_there, said("allowed.folder"), said("do.choose_another"), file=str(home)))
    written: list[Path] = []
    with private_writing(), work_folder(home) as work:
        fresh = work / "fresh"
        for contract in found:
            rejects = fresh / f"rejects-{_stem(contract)}.csv"
            fresh.mkdir(exist_ok=True)
            earlier = {}
            if contract.list in before:
                earlier[contract.list] = earlier_quality(before[contract.list], contract, work)
            with read_registers([contract], work, rejects=rejects, memory=memory, stop=False) as registers:
                written += [*write_quality(registers, fresh, previous=earlier, language=language), rejects]
        fill_folder(fresh, home)
    return tuple(home / path.name for path in written)


def _make_home(home: Path) -> None:
    """Make a folder for reports with small counts: its owner's alone, unless it was there before."""
    with machine_faults(home):
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)


def _stem(contract: Contract) -> str:
    """Return the name of a list as a part of a file name."""
    return re.sub(r"[^\w-]+", "_", contract.list)
