"""Broken files of every kind: one error that says what is wrong, nothing left behind, and never a personal value."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import tomllib
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mse.errors import InputError
from mse.intake.contracts.clauses import Identity
from mse.intake.contracts.contractfile import make_contract, read_contract
from mse.intake.contracts.draft import new_contract
from mse.intake.contracts.together import check_contracts
from mse.intake.pseudonyms.delivering import pseudonymise_file
from mse.intake.quality.completeness import write_quality
from mse.intake.registers.delivered import read_registers
from tests.examples.registers import COLUMNS, CONTRACT, KEY, contract, hashed, row

MARKS = ("Quackenbos", "Xanthippe", "1987-07-13", "quackenbos@example.org", hashed("Quackenbos"))
"""Values of a person: none may stand in anything that is said or written about a file."""

RELAXED = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def good(delimiter: str = ",", rows: int = 12) -> bytes:
    """Return a sound file about the person of the marks, with an ignored column about her."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow([*COLUMNS, "office"])
    for i in range(rows):
        cells = row(i, key=MARKS[4] if i == 1 else hashed(str(i)), record=f"{MARKS[0]}{i}" if i == 2 else f"R{i}")
        writer.writerow([*cells.values(), MARKS[1] if i == 3 else "Utrecht"])
    return out.getvalue().encode()


def with_office(text: str = CONTRACT) -> str:
    return text.replace('name = "sex"', 'name = "office"\nrole = "ignored"\n\n[[fields]]\nname = "sex"', 1)


NOISE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([
        b'"', b'""', b"\x00", b"\x1f", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\n", b"\r", b"\r\n", b",", b";",
        b"x" * 2000, b"x" * 140_000, ",".join(COLUMNS).encode() + b"\n", "é".encode("cp1252"), "é".encode(), b"\t",
        "\u2028".encode(), b'"Quackenbos', b"Xanthippe,Quackenbos,1987-07-13\n", b"quackenbos@example.org,", b"sep=;\n",
        b"\x1a", b"2019-02-31", "\ud800".encode("utf-8", "surrogatepass"), "٣".encode(), b"1e999", b"-0", b"9" * 30,
    ]),
)  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Return a file that was good once: pieces put in, cut out, repeated, or in another encoding; or never was one."""
    data = good(draw(st.sampled_from(",,,;\t|")))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 200)))
        match draw(st.integers(0, 5)):
            case 0 | 1:
                data = data[:at] + draw(NOISE) + data[at:]
            case 2:
                data = data[:at] + data[to:]
            case 3:
                data = data[:at]
            case 4:
                data = data + data[at:to]
            case 5:
                data = data[:at] + draw(NOISE) + data[to:]
    return draw(st.sampled_from([
        data, data, data, data.decode("utf-8", "replace").encode("utf-16"), data.replace(b"\n", b"\r"), data[::-1],
        b"\xef\xbb\xbf" + data, draw(st.binary(max_size=300)),
    ]))  # fmt: skip


def said_and_written(folder: Path, act: object) -> str:
    """Carry out and return the error, with the text of every file that was made; nothing hidden may be left."""
    before = set(os.listdir(folder))
    said = ""
    try:
        act()  # type: ignore[operator]
    except InputError as error:
        said = str(error)
        assert error.problems
        fresh = set(os.listdir(folder)) - before
        assert fresh <= {"rejects.csv"}, fresh
    for name in set(os.listdir(folder)) - before:
        assert not name.startswith((".", "mse-")), name
        for path in [folder / name] if (folder / name).is_file() else (folder / name).iterdir():
            said += path.read_text(encoding="utf-8")
    return said


def assert_no_person(text: str) -> None:
    for mark in MARKS:
        assert mark not in text, mark


@given(broken(), st.sampled_from([0.0, 0.3, 1.0]))
@example(good(), 0.0)
@example(b"", 0.0)
@example(good().replace(b"R4", b'"R4'), 1.0)
@example(b",".join(x.encode() for x in [*COLUMNS, "office"]) + b"\na,b\n", 1.0)
@RELAXED
def test_broken_registers(data: bytes, threshold: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p.csv").write_bytes(data)
        found = contract(folder, with_office(), max_rejects=threshold)

        def act() -> None:
            with read_registers([found], folder, rejects=folder / "rejects.csv", threads=1) as registers:
                write_quality(registers, folder / "quality")

        assert_no_person(said_and_written(folder, act))
        with (folder / "rejects.csv").open(newline="") if (folder / "rejects.csv").exists() else io.StringIO() as file:
            lines = data.count(b"\n") + data.count(b"\r") + 2
            assert all(1 < int(r["row"]) <= lines for r in csv.DictReader(file))


@given(broken())
@RELAXED
def test_a_good_register_beside_a_broken_one(data: bytes) -> None:
    """Good rows are neither lost nor changed by what stands in the file around them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        header, *rows = good().splitlines(keepends=True)
        noise = data.translate(None, b'"\r\x00').replace(b"x" * 2000, b"")
        (folder / "p.csv").write_bytes(header + b"".join(rows) + b"".join(x + b"\n" for x in noise.split(b"\n")))
        anything = [*COLUMNS, "office"]
        with read_registers([contract(folder, with_office(), personal=anything)], folder, threads=1) as registers:
            kept = registers.connection.execute(
                f"SELECT row FROM registrations WHERE row <= {len(rows) + 1} ORDER BY row"
            ).fetchall()
        assert [r for (r,) in kept] == [*range(2, len(rows) + 2)]


@given(st.binary(max_size=400), st.integers(0, 400), st.booleans())
@RELAXED
def test_parquet_that_is_none(noise: bytes, at: int, whole: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "p.parquet"
        (folder / "p.csv").write_bytes(good())
        duckdb.sql(f"COPY (SELECT * FROM read_csv('{folder / 'p.csv'}', all_varchar = true)) TO '{path}'")
        data = path.read_bytes()
        at = at * len(data) // 400
        path.write_bytes(b"PAR1" + noise + b"PAR1" if whole else data[:at] + noise + data[at + len(noise) :])
        found = contract(folder, with_office(), path="p.parquet")

        def act() -> None:
            with read_registers([found], folder, rejects=folder / "rejects.csv", threads=1) as registers:
                write_quality(registers, folder / "quality")

        assert_no_person(said_and_written(folder, act))


@given(broken(), st.sampled_from(["utf-8", "cp1252", "utf-16"]))
@RELAXED
def test_broken_files_of_a_supplier(data: bytes, encoding: str) -> None:
    who = Identity(surname="record", given="sex", birth_date="date")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw.csv").write_bytes(data)
        options = {"identity": who, "encoding": encoding}
        said = said_and_written(
            folder, lambda: pseudonymise_file(folder / "raw.csv", folder / "out.csv", KEY, **options)
        )
        for mark in MARKS[:1] if (folder / "out.csv").exists() else MARKS:
            assert mark not in said


@given(broken())
@RELAXED
def test_drafts_of_broken_samples(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw.csv").write_bytes(data)
        try:
            text = new_contract(folder / "raw.csv")
        except InputError as error:
            text = str(error)
        else:
            tomllib.loads(text)
        assert_no_person(text)
        assert os.listdir(folder) == ["raw.csv"]


SCALARS = st.one_of(
    st.text(max_size=12), st.integers(-(10**20), 10**20), st.floats(), st.booleans(), st.dates(),
    st.sampled_from(["date", "stratum", "key", "'; DROP TABLE registrations; --", "\x00", "a" * 300, "%Y", "|"]),
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=8), x, max_size=3))


def places(settings_: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the way to every setting of a contract."""
    inside = (
        settings_.items()
        if isinstance(settings_, dict)
        else enumerate(settings_)
        if isinstance(settings_, list)
        else ()
    )
    return [at] * bool(at) + [place for key, value in inside for place in places(value, (*at, key))]


PLACES = places(tomllib.loads(CONTRACT))


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_broken_contracts(changes: list[tuple[tuple[object, ...], object]]) -> None:
    """A contract with any settings is refused, or reads a good file without a traceback."""
    raw = tomllib.loads(CONTRACT)
    for place, value in changes:
        target = raw
        try:
            for key in place[:-1]:
                target = target[key]
            target[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p.csv").write_bytes(good())
        try:
            found = make_contract(raw, folder=folder)
        except InputError as error:
            assert error.problems
            return

        def act() -> None:
            with read_registers([found], folder, rejects=folder / "rejects.csv", threads=1) as registers:
                write_quality(registers, folder / "quality")

        found.to_datapackage()
        said_and_written(folder, act)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda x: x.encode("utf-8", "surrogatepass"))),
       st.integers(0, len(CONTRACT)), st.integers(0, 40))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_contracts_that_are_no_toml(noise: bytes, at: int, cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "p.toml"
        path.write_bytes(CONTRACT[:at].encode() + noise + CONTRACT[at + cut :].encode())
        for check in (lambda: read_contract(path), lambda: check_contracts([path, path])):
            try:
                check()
            except InputError as error:
                assert "p.toml" in str(error)
