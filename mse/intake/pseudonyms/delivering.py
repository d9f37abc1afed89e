"""A supplier's own file in, the file to deliver out: columns with the identity replaced by pseudonyms."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.savefiles import work_folder
from mse.errors import InputError, Problem, names_of
from mse.intake.contracts.clauses import Interval
from mse.intake.contracts.layouts import versions
from mse.intake.pseudonyms.keyedhash import CLKS, PARTS, Hashing, Pseudonym, age_group, fingerprint
from mse.intake.pseudonyms.placeholders import KINDS, is_placeholder, january_stands_for_unknown, kind_of_day
from mse.intake.registers.deliveryfiles import check_kind, header_of, own_form, title_above, unchanged
from mse.intake.registers.guard import personal_kind
from mse.intake.registers.rowchecks import date_format
from mse.intake.registers.rowsources import Form, open_rows
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
    clk: bool = False,
    overwrite: bool = False,
) -> Disguised:
    """Write a copy of a file with pseudonyms in the place of the columns with the identity.

    Parameters
    ----------
    path : str or Path
        The supplier's own file: CSV, TSV, fixed width, a workbook or Parquet, packed or not.
    out : str or Path
        The file to deliver, Parquet where its name ends so, packed where it ends on ``.gz``, else CSV; written in one
        step, readable by its owner only.
    key : bytes
        As `mse.intake.pseudonyms.keyedhash.read_key` returns it.
    contract : Contract, optional
        Says which columns hold the identity (``[identity]``) and which are delivered: only those that it names and does
        not ignore. Its separator and encoding are used.
    identity : Identity, optional
        Columns with the identity, without a contract; all other columns are delivered.
    delimiter, encoding : str
        Of the file, without a contract.
    clk : bool
        Without a contract, make Bloom filters too; with one they are made where it has fields for them.
    overwrite : bool
        Replace `out`.

    Raises
    ------
    InputError
        With every problem: columns that are not there, rows that are none, columns that still look personal, dates of
        birth most of which are in none of the formats. Nothing is written then.
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
        contract = _version(contract, source)
        who = identity or contract.identity or who
    form = Form(delimiter, encoding) if contract is None else own_form(contract)
    check_kind(source, parquet=source.suffix == ".parquet", encoding=form.encoding)
    with work_folder(target, parents=False) as work:
        fresh = work / "fresh"
        with (
            unchanged(source),
            open(fresh, "w", encoding="utf-8", newline="", opener=_private) as file,
        ):
            done = _copy(source, form, csv.writer(file, delimiter=form.delimiter, lineterminator="\n"),
                         _Plan(who, key, contract, clk))  # fmt: skip
        os.replace(_packed(fresh, target.name, form.delimiter), target)
    return done


def pseudonymise_files(
    paths: Sequence[str | Path], folder: str | Path, key: bytes, *, contract: Contract | None = None,
    identity: Identity | None = None, delimiter: str = ",", encoding: str = "utf-8", clk: bool = False,
    overwrite: bool = False,
) -> dict[Path, Disguised]:  # fmt: skip
    """Write copies of several files into a folder, all of them or none; parameters as in `pseudonymise_file`.

    Files keep their names; what is no text or Parquet becomes ``NAME.csv``.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    home = Path(folder)
    targets = [home / _delivered_name(Path(path)) for path in paths]
    problems = [
        Problem(said("found.two_files_would_written"), said("allowed.files_names_their_own"), said("do.rename_one"),
                file=str(target))
        for target in dict.fromkeys(x for x in targets if targets.count(x) > 1)
    ]  # fmt: skip
    problems += [
        Problem(said("found.file_write_exists_already"), said("allowed.new_file"), said("do.choose_another_folder"),
                file=str(target))
        for target in targets if not overwrite and os.path.lexists(target)
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    done: dict[Path, Disguised] = {}
    with work_folder(home, "work-") as work:
        for path, target in zip(paths, targets, strict=True):
            try:
                done[target] = pseudonymise_file(path, work / target.name, key, contract=contract, identity=identity,
                                                 delimiter=delimiter, encoding=encoding, clk=clk)  # fmt: skip
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        home.mkdir(exist_ok=True)
        for target in targets:
            os.replace(work / target.name, target)
    return done


def _delivered_name(path: Path) -> str:
    kept = path.suffix in (".csv", ".tsv", ".txt", ".parquet") or path.name.endswith((".csv.gz", ".tsv.gz", ".txt.gz"))
    return path.name if kept else f"{path.stem}.csv"


def _packed(fresh: Path, name: str, delimiter: str) -> Path:
    """Return the file that was written in the form that the name of what is delivered asks for."""
    if name.endswith(".gz"):
        import gzip
        import shutil

        out = fresh.with_name("fresh.gz")
        with open(fresh, "rb") as plain, open(out, "wb", opener=_private) as file, gzip.open(file, "wb") as packed:
            shutil.copyfileobj(plain, packed)
        return out
    if name.endswith(".parquet"):
        import duckdb

        out = fresh.with_name("fresh.parquet")
        os.close(os.open(out, os.O_CREAT | os.O_WRONLY, 0o600))
        with duckdb.connect(":memory:") as connection:
            connection.read_csv(str(fresh), sep=delimiter, all_varchar=True, header=True).write_parquet(str(out))
        os.chmod(out, 0o600)
        return out
    return fresh


def _version(contract: Contract, source: Path) -> Contract:
    """Return the layout of a contract whose columns, those of the identity included, a supplier's own file has."""
    known = [version for version, _ in versions(contract, source)]
    check_kind(source, parquet=False, encoding=contract.encoding) if len(known) > 1 else None
    for version in known if len(known) > 1 else ():
        who, header = version.identity, header_of(source, own_form(version))
        made = [field.name for field in version.with_role("key", "hash", "coarse") if field.target in (*PARTS, *CLKS)]
        needed = [f.name for f in version.fields if f.role != "ignored" and f.name not in made and f.name]
        needed = [name for name in needed if who is None or name != who.age]
        needed += [] if who is None else [who.surname, who.given, who.birth_date]
        if {*needed} <= {*header}:
            return version
    return known[0] if len(known) == 1 else contract


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, flags, 0o600)


class _Plan:
    """Which columns go where, once the header is known."""

    def __init__(self, identity: Identity, key: bytes, contract: Contract | None, clk: bool = False) -> None:
        self.clk = clk
        self.identity, self.contract, self.key = identity, contract, key
        self.own = (identity.surname, identity.given, identity.birth_date)
        self.hashing = Hashing(key, identity.birth_format)

    def look_at_births(self, births: Iterable[str]) -> None:
        """Decide from all dates of birth whether the first of January is a day as any other."""
        unknown = january_stands_for_unknown(self.hashing.written_day(text)[0] for text in births)
        self.hashing = Hashing(self.key, self.identity.birth_format, january=not unknown)

    def columns(self, header: Sequence[str], faults: Faults) -> tuple[list[str], list[str]]:
        """Return the columns to write: those of the file, and those to make under the names of the contract."""
        if self.contract is None:
            kept, made = [name for name in header if name not in self.own], [*PARTS, *(CLKS if self.clk else ())]
        else:
            fields = [field for field in self.contract.fields if field.role != "ignored"]
            made = [
                field.target
                for field in fields
                if field.role in ("key", "hash", "coarse") and field.target in (*PARTS, *CLKS)
            ]
            kept = [f.name for f in fields if f.target not in made and f.name != self.identity.age and f.name]
        for name in (*self.own, *kept):
            if header.count(name) != 1:
                times = header.count(name)
                found = said("found.column_times_2", name=times) if times else said("found.column_not")
                faults.add(
                    found, said("allowed.each_column_once"), said("do.correct_name_separator"), row=1, column=name
                )
        for name in made if self.contract is None else ():
            if name in kept:
                faults.add(said("found.column_has_name_pseudonym"), said("allowed.other_names"), said("do.rename"),
                           row=1, column=name)  # fmt: skip
        return kept, made

    def names(self, kept: Sequence[str], made: Sequence[str]) -> list[str]:
        """Return the header of the file to deliver."""
        if self.contract is None:
            return [*kept, *made]
        targets = {field.target: field.name for field in self.contract.with_role("key", "hash", "coarse")}
        return [*kept, *(targets[part] for part in made), *([self.identity.age] if self.identity.age else [])]


def _copy(source: Path, form: Form, writer: Any, plan: _Plan) -> Disguised:
    faults = Faults(str(source), private=True)
    with open_rows(source, form, "strict") as text:
        rows = _rows(text, faults)
        _, header = next(rows, (1, []))
        header = [name.strip() for name in header]
        kept, made = plan.columns(header, faults)
        if faults and (title := title_above(source, form, [*plan.own, *kept])):
            raise InputError(title)
        faults.raise_if_any()
        born = header.index(plan.identity.birth_date)
        plan.look_at_births(row[born] for _, row in rows if len(row) == len(header))
    faults = Faults(str(source), private=True)
    with open_rows(source, form, "strict") as text:
        rows = _rows(text, faults)
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
    places, parts, width = [header.index(x) for x in kept], [(*PARTS, *CLKS).index(x) for x in made], len(header)
    filters = not set(CLKS).isdisjoint(made)
    day = _day_reader(plan.contract, header) if who.age else None
    hashing, good = plan.hashing, True
    count, dated, unreadable, missing, stands = 0, 0, 0, Counter[str](), Counter[str]()
    samples: list[list[str]] = []
    for line, row in rows:
        if len(row) != width:
            good = False
            faults.add(said("found.row_has_too_many"), said("allowed.cells_header", width=width), said("do.correct"),
                       row=line)  # fmt: skip
            continue
        pseudonym = hashing(row[family], row[given], row[born])
        dated += bool(row[born].strip())
        whole = (*pseudonym, *hashing.clks(row[family], row[given], row[born])) if filters else pseudonym
        cells = [row[i] for i in places] + [whole[i] for i in parts]
        if day is not None:
            birth = hashing.written_day(row[born])[0]
            cells.append(age_group("" if birth and kind_of_day(birth) else birth, day(row)))
        if good:
            writer.writerow(cells)
        if "" in pseudonym:
            missing.update(part for part, i in zip(made, parts, strict=True) if not whole[i])
            found = _placeholders(row[family], row[given], hashing.written_day(row[born])[0], pseudonym)
            stands.update(found)
            unreadable += bool(row[born].strip()) and not (pseudonym.birthdate_hash or {*found} & _DAYS)
        count += 1
        if count <= _SAMPLE or count % _SAMPLE == 0:
            samples.append(cells)
    if 2 * unreadable > dated:
        faults.add(said("found.most_births_unreadable", count=unreadable, of=dated), names_of(who.birth_format),
                   said("do.correct_birth_format"), column=who.birth_date)  # fmt: skip
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
    made_of = {part: missing[part] for part in made}
    return Disguised(count, made_of, unreadable, fingerprint(plan.key), (), {kind: stands[kind] for kind in KINDS})


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
    place, form = header.index(field.name), date_format(field)

    @lru_cache(2**16)
    def read(text: str) -> str:
        day = form.day(text.strip())
        return day.isoformat() if day else ""

    return lambda row: read(row[place])
