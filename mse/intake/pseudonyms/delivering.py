"""A supplier's own file in, the file to deliver out: columns with the identity replaced by pseudonyms."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.savefiles import work_folder
from mse.errors import InputError, Problem
from mse.intake.contracts.clauses import Interval
from mse.intake.pseudonyms.keyedhash import PARTS, Hashing, Pseudonym, age_group, fingerprint
from mse.intake.pseudonyms.placeholders import KINDS, is_placeholder, january_stands_for_unknown, kind_of_day
from mse.intake.registers.deliveryfiles import check_kind, unchanged
from mse.intake.registers.guard import personal_kind
from mse.intake.registers.rowchecks import date_format
from mse.tables.checks import Faults
from mse.words.said import said

if TYPE_CHECKING:
    from mse.intake.contracts.clauses import Identity
    from mse.intake.contracts.contract import Contract

_SAMPLE = 2_000
_NO_PERIOD = date(2005, 1, 1)
"""First day of registrations without a contract."""


@dataclass(frozen=True, slots=True)
class Disguised:
    """What `pseudonymise_file` did.

    Parameters
    ----------
    rows : int
        Rows written.
    missing : mapping of str to int
        Rows without a value, by column of `mse.intake.pseudonyms.keyedhash.PARTS`.
    unreadable : int
        Rows with a date of birth that is in none of the formats, or that does not exist.
    key_id : str
        Fingerprint of the key, for the contract.
    columns : tuple of str
        Of the file that was written.
    placeholders : mapping of str to int
        Rows in which something stands for what is not known, by `mse.intake.pseudonyms.placeholders.KINDS`: it has no
        hash. Where the first of January comes far too often, it is one.
    """

    rows: int
    missing: Mapping[str, int]
    unreadable: int
    key_id: str
    columns: tuple[str, ...]
    placeholders: Mapping[str, int]


def pseudonymise_file(
    path: str | Path,
    out: str | Path,
    key: bytes,
    *,
    contract: Contract | None = None,
    identity: Identity | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8",
    overwrite: bool = False,
) -> Disguised:
    """Write a copy of a CSV file with pseudonyms in the place of the columns with the identity.

    Parameters
    ----------
    path : str or Path
        The supplier's own file.
    out : str or Path
        The file to deliver; written in one step, readable by its owner only.
    key : bytes
        As `mse.intake.pseudonyms.keyedhash.read_key` returns it.
    contract : Contract, optional
        Says which columns hold the identity (``[identity]``) and which are delivered: only those that it names and does
        not ignore. Its separator and encoding are used.
    identity : Identity, optional
        Columns with the identity, without a contract; all other columns are delivered.
    delimiter, encoding : str
        Of the file, without a contract.
    overwrite : bool
        Replace `out`.

    Raises
    ------
    InputError
        With every problem: columns that are not there, rows that are none, columns that still look personal. Nothing
        is written then.
    """
    source, target = Path(path), Path(out)
    who = identity or (contract.identity if contract else None)
    if who is None:
        raise InputError(Problem(said("found.not_said_which_columns"), said("allowed.surname_given_birth_date"),
                                 said("do.add_section_identity_contract")))  # fmt: skip
    same = os.path.exists(target) and os.path.exists(source) and target.samefile(source)
    if os.path.lexists(target) and (not overwrite or same):
        raise InputError(Problem(said("found.file_write_exists_already"), said("allowed.new_file"),
                                 said("do.choose_another_name"),
                                 file=str(target)))  # fmt: skip
    if contract is not None:
        delimiter, encoding = contract.delimiter, contract.encoding
    check_kind(source, parquet=False, encoding=encoding)
    with work_folder(target, parents=False) as work:
        fresh = work / "fresh"
        with (
            unchanged(source),
            open(fresh, "w", encoding="utf-8", newline="", opener=_private) as file,
        ):
            done = _copy(source, encoding, csv.writer(file, delimiter=delimiter, lineterminator="\n"),
                         delimiter, _Plan(who, key, contract))  # fmt: skip
        os.replace(fresh, target)
    return done


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, flags, 0o600)


class _Plan:
    """Which columns go where, once the header is known."""

    def __init__(self, identity: Identity, key: bytes, contract: Contract | None) -> None:
        self.identity, self.contract, self.key = identity, contract, key
        self.hashing = Hashing(key, identity.birth_format)

    def look_at_births(self, births: Iterable[str]) -> None:
        """Decide from all dates of birth whether the first of January is a day as any other."""
        unknown = january_stands_for_unknown(self.hashing.written_day(text)[0] for text in births)
        self.hashing = Hashing(self.key, self.identity.birth_format, january=not unknown)

    def columns(self, header: Sequence[str], faults: Faults) -> tuple[list[str], list[str]]:
        """Return the columns to write: those of the file, and those to make under the names of the contract."""
        own = (self.identity.surname, self.identity.given, self.identity.birth_date)
        if self.contract is None:
            kept, made = [name for name in header if name not in own], list(PARTS)
        else:
            fields = [field for field in self.contract.fields if field.role != "ignored"]
            made = [
                field.target for field in fields if field.role in ("key", "hash", "coarse") and field.target in PARTS
            ]
            kept = [f.name for f in fields if f.target not in made and f.name != self.identity.age]
        for name in (*own, *kept):
            if header.count(name) != 1:
                found = (
                    said("found.column_times_2", name=header.count(name))
                    if name in header
                    else said("found.column_not")
                )
                faults.add(
                    found, said("allowed.each_column_once"), said("do.correct_name_separator"), row=1, column=name
                )
        for name in made if self.contract is None else ():
            if name in kept:
                faults.add(
                    said("found.column_has_name_pseudonym"),
                    said("allowed.other_names"),
                    said("do.rename"),
                    row=1,
                    column=name,
                )
        return kept, made

    def names(self, kept: Sequence[str], made: Sequence[str]) -> list[str]:
        """Return the header of the file to deliver."""
        if self.contract is None:
            return [*kept, *made]
        targets = {field.target: field.name for field in self.contract.with_role("key", "hash", "coarse")}
        return [*kept, *(targets[part] for part in made), *([self.identity.age] if self.identity.age else [])]


def _copy(source: Path, encoding: str, writer: Any, delimiter: str, plan: _Plan) -> Disguised:
    faults = Faults(str(source), private=True)
    kind = "utf-8-sig" if encoding == "utf-8" else encoding
    with open(source, encoding=kind, newline="") as text:
        rows = _rows(csv.reader(text, delimiter=delimiter, strict=True), faults)
        _, header = next(rows, (1, []))
        header = [name.strip() for name in header]
        kept, made = plan.columns(header, faults)
        faults.raise_if_any()
        born = header.index(plan.identity.birth_date)
        plan.look_at_births(row[born] for _, row in rows if len(row) == len(header))
    faults = Faults(str(source), private=True)
    with open(source, encoding=kind, newline="") as text:
        rows = _rows(csv.reader(text, delimiter=delimiter, strict=True), faults)
        next(rows, None)
        names = plan.names(kept, made)
        writer.writerow(names)
        done = _copy_rows(rows, header, kept, made, writer, plan, faults)
    if not done.rows:
        faults.add(said("found.header_but_no_rows"), said("allowed.registrations"), said("do.check_step_made_file"))
    faults.raise_if_any()
    return replace(done, columns=tuple(names))


def _copy_rows(
    rows: Iterator[tuple[int, list[str]]], header: Sequence[str], kept: Sequence[str], made: Sequence[str], writer: Any,
    plan: _Plan, faults: Faults,
) -> Disguised:  # fmt: skip
    who, contract = plan.identity, plan.contract
    span = Interval(
        first=contract.period.first if contract else _NO_PERIOD,
        last=contract.extraction_date if contract else date.today(),
    )
    family, given, born = map(header.index, (who.surname, who.given, who.birth_date))
    places, parts, width = [header.index(x) for x in kept], [PARTS.index(x) for x in made], len(header)
    day = _day_reader(plan.contract, header) if who.age else None
    hashing, good = plan.hashing, True
    count, unreadable, missing, stands = 0, 0, Counter[str](), Counter[str]()
    samples: list[list[str]] = []
    for line, row in rows:
        if len(row) != width:
            good = False
            faults.add(
                said("found.row_has_too_many"), said("allowed.cells_header", width=width), said("do.correct"), row=line
            )
            continue
        pseudonym = hashing(row[family], row[given], row[born])
        cells = [row[i] for i in places] + [pseudonym[i] for i in parts]
        if day is not None:
            birth = hashing.written_day(row[born])[0]
            cells.append(age_group("" if birth and kind_of_day(birth) else birth, day(row)))
        if good:
            writer.writerow(cells)
        if "" in pseudonym:
            missing.update(part for part, i in zip(made, parts, strict=True) if not pseudonym[i])
            found = _placeholders(row[family], row[given], hashing.written_day(row[born])[0], pseudonym)
            stands.update(found)
            unreadable += bool(row[born].strip()) and not (pseudonym.birthdate_hash or {*found} & _DAYS)
        count += 1
        if count <= _SAMPLE or count % _SAMPLE == 0:
            samples.append(cells)
    fields = {field.name: field for field in plan.contract.fields} if plan.contract else {}
    for i, name in enumerate(kept):
        values = [value for cells in samples if (value := cells[i].strip())]
        kind = (
            None
            if plan.contract and name in plan.contract.personal
            else personal_kind(name, values, fields.get(name), span)
        )
        if kind:
            faults.add(said("guard.delivered", kind=kind), said("guard.delivered_allowed"),
                       said("guard.delivered_remedy"), column=name)  # fmt: skip
    return Disguised(
        count, {part: missing[part] for part in made}, unreadable, fingerprint(plan.key), (),
        {kind: stands[kind] for kind in KINDS},
    )  # fmt: skip


_DAYS = {"date of birth", "1 January", "beyond a life"}


def _placeholders(surname: str, given: str, day: str, made: Pseudonym) -> list[str]:
    """Return what stands for something that is not known in a row, of `KINDS`."""
    found = [kind for kind, text in (("surname", surname), ("given name", given)) if is_placeholder(text)]
    if day and not made.birthdate_hash:
        found.append(kind_of_day(day) or "1 January")
    return found


def _rows(reader: Any, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank with the line on which they start."""
    start = 1
    while True:
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    yield start, row
                start = reader.line_num + 1
            return
        except csv.Error:
            faults.add(said("found.quotation_mark_not_closed"),
                       said("allowed.pairs_quotation_marks"), said("do.correct_row"), row=start)  # fmt: skip
            start = reader.line_num + 1
        except UnicodeError:
            faults.add(
                said("found.file_not_text_encoding"), said("allowed.text"), said("do.give_encoding_file"), row=start
            )
            return


def _day_reader(contract: Contract | None, header: Sequence[str]) -> Any:
    """Return the function that gives the day of a registration in ISO; "" where there is none."""
    if contract is None:
        found, allowed = said("found.age_asked_but_not"), said("allowed.contract_column_role_date")
        raise InputError(Problem(found, allowed, said("do.give_contract")))
    (field,) = contract.with_role("date")
    place, (pattern, _) = header.index(field.name), date_format(field)

    @lru_cache(2**16)
    def read(text: str) -> str:
        try:
            return datetime.strptime(text.strip(), pattern).date().isoformat()
        except ValueError:
            return ""

    return lambda row: read(row[place])
