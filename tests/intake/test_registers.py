"""Reading registers: every check against a plain twin, every kind of broken file, quality, and room that runs out."""

from __future__ import annotations

import csv
import json
import os
import re
import tempfile
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from mse.errors import InputError
from mse.intake.contracts.contract import Contract
from mse.intake.quality.completeness import COLUMNS as QUALITY_COLUMNS
from mse.intake.quality.completeness import earlier_quality, quality_table, read_quality, report_quality, write_quality
from mse.intake.quality.supplierpage import quality_page, read_words
from mse.intake.registers import deliveryfiles as registers_files
from mse.intake.registers import loading as registers_reading
from mse.intake.registers.delivered import Registers, read_registers
from mse.intake.registers.rowchecks import REASONS
from mse.intake.writtendates import MONTHS, written_date
from tests.examples.registers import COLUMNS, CONTRACT, contract, hashed, row, write
from tests.intake.test_contract import GOLDEN, OTHER, changed, golden_contract

EXAMPLES = Path(__file__).parents[1] / "golden"


def read(found: Contract, workspace: Path, **options: object) -> Registers:
    return read_registers([found], workspace, **options)  # type: ignore[arg-type]


def rows_of(registers: Registers, columns: str) -> list[tuple[object, ...]]:
    return registers.connection.execute(f"SELECT {columns} FROM registrations ORDER BY ALL").fetchall()


def reasons(path: Path) -> list[tuple[int, str, str]]:
    with path.open(newline="") as file:
        return [(int(r["row"]), r["column"], r["reason"]) for r in csv.DictReader(file)]


def refused(found: Contract, workspace: Path, **options: object) -> str:
    before = set(os.listdir(workspace))
    with pytest.raises(InputError) as caught:
        read(found, workspace, **options)
    assert set(os.listdir(workspace)) == before, "something was left behind"
    return str(caught.value)


FAULTY = [
    (row(1), []),
    (row(1), [("", "duplicate")]),
    (row(1, record="R1", sex="m"), [("record", "duplicate_record")]),
    (row(3, date="2019-02-31"), [("date", "impossible_date")]),
    (row(4, date="31-01-2019"), [("date", "date_format")]),
    (row(5, date=""), [("date", "missing")]),
    (row(6, date="2026-03-01", entered=""), [("date", "after_extraction")]),
    (row(7, date="2015-12-31"), [("date", "out_of_period")]),
    (row(8, birth_year="2020"), [("birth_year", "before_birth")]),
    (row(9, birth_year="1890"), [("birth_year", "too_old")]),
    (row(10, birth_year="1700"), [("birth_year", "out_of_range"), ("birth_year", "too_old")]),
    (row(11, birth_year="90"), [("birth_year", "not_a_number")]),
    (row(12, entered="2019-03-03"), [("entered", "entered_early")]),
    (row(13, form="XXX"), [("form", "unknown_code")]),
    (row(14, form="SEX|XXX", sex="q"), [("form", "unknown_code"), ("sex", "unknown_code")]),
    (row(15, key="Jan Jansen"), [("key", "not_a_pseudonym")]),
    (row(16, key="", surname_hash=""), []),
    (row(17, record=""), [("record", "missing")]),
    (row(18, age="130"), [("age", "out_of_range")]),
    (row(19, age="x"), [("age", "not_a_number")]),
    (row(20, referred_from="P"), [("referred_from", "unknown_code")]),
    (row(21, sex="f\x07"), [("", "control")]),
    (row(22, sex="f\nm"), [("", "control")]),
    (row(23, nationality="x" * 1001), [("", "too_long")]),
    (row(24, key=""), []),
    (row(25, key=hashed("k25").upper(), sex=" f ", nationality="\tRO", form="LAB| SEX"), []),
    (row(26, form="UNK", sex="", nationality="", age="", referred_from="KMAR", birth_year="", entered=""), []),
]  # fmt: skip


@pytest.fixture
def faulty(tmp_path):
    write(tmp_path / "p.csv", [cells for cells, _ in FAULTY])
    return contract(tmp_path)


def test_every_fault_has_its_row_column_and_reason(faulty, tmp_path):
    lines, expected = 2, []
    for cells, faults in FAULTY:
        expected += [(lines, column, code) for column, code in faults]
        lines += 1 + cells["sex"].count("\n")
    with read(faulty, tmp_path, rejects=tmp_path / "rejects.csv") as registers:
        assert reasons(tmp_path / "rejects.csv") == sorted(expected)
        good = [i for i, (_, faults) in enumerate(FAULTY) if not faults]
        kept = rows_of(registers, "row, key, form, sex, nationality, age, referred_from, birth_year, year")
        assert len(kept) == len(good)
        assert kept[0] == (2, hashed("k1"), "sexual", "f", "Dutch", "adult", None, "1990", "2019")
        assert kept[-2][1:5] == (hashed("k25"), "sexual", "f", "other")  # priority, trimmed, other, small letters
        assert kept[-1][2:] == (None, None, None, None, "K", None, "2019")
        counts = {count.step: count.count for count in registers.counts}
        n = len(FAULTY)
        wrong = [faults for _, faults in FAULTY if faults and faults[0][1] not in ("duplicate", "out_of_period")]
        assert counts == {
            "delivered": n, "valid": n - len(wrong), "distinct": n - len(wrong) - 1, "in period": len(good),
        }  # fmt: skip
        tally = Counter((column, code) for _, column, code in expected)
        assert {(x.column, x.reason): x.count for x in registers.rejected} == tally
        digest = registers_files.file_digest(tmp_path / "p.csv")
        assert dict(registers.digests) == {"P/p.csv": digest}
    assert {code for _, _, code in expected} | {
        "cells", "quotation", "encoding", "pattern", "closed", "blind", "other_population",
    } == set(REASONS)  # fmt: skip


def test_rejects_hold_no_value(faulty, tmp_path):
    with read(faulty, tmp_path, rejects=tmp_path / "rejects.csv"):
        text = (tmp_path / "rejects.csv").read_text()
    assert text.splitlines()[0] == "list,file,row,column,reason,words"
    for value in ("Jan Jansen", "2019-02-31", "XXX", hashed("k1"), "1700", "R1"):
        assert value not in text


def test_a_plain_twin_of_dates_and_codes(tmp_path):
    """The same checks in plain Python, on every day that can be written with small numbers."""
    months, numbers = ("0", "1", "02", "12", "13"), ("0", "9", "29", "30", "31", "32")
    days = [f"{y}-{m}-{d}" for y in ("2015", "2019", "2020") for m in months for d in numbers]
    cells = [row(i, date=day, birth_year="", entered="") for i, day in enumerate(days)]
    write(tmp_path / "p.csv", cells)

    def twin(text: str) -> str | None:
        year, month, day = map(int, text.split("-"))
        try:
            found = date(year, month, day)
        except ValueError:
            return "impossible_date"
        return None if date(2016, 1, 1) <= found <= date(2025, 12, 31) else "out_of_period"

    expected = [(i + 2, "date", said) for i, day in enumerate(days) if (said := twin(day))]
    with read(contract(tmp_path), tmp_path, rejects=tmp_path / "r.csv") as registers:
        assert reasons(tmp_path / "r.csv") == expected
        assert len(rows_of(registers, "row")) == len(days) - len(expected)


def test_faults_are_those_that_frictionless_finds(tmp_path):
    """`faults.csv` under `datapackage.json`: frictionless 5.21.0 and we name the same rows and columns."""
    theirs = {(r, column) for r, column, _ in json.loads((GOLDEN / "faults.json").read_text())}
    with read(golden_contract(), tmp_path, rejects=tmp_path / "r.csv"):
        ours = {(r, column) for r, column, _ in reasons(tmp_path / "r.csv")}
    assert ours == theirs and len(ours) == 15


@pytest.mark.parametrize("form", ["%d-%m-%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%y"])
def test_date_formats(tmp_path, form):
    write(tmp_path / "p.csv", [row(1, date=date(2019, 3, 4).strftime(form)), row(2, date="2019.03.04")])
    text = changed('role = "date"\ntype = "date"', f'role = "date"\ntype = "date"\nformat = "{form}"')
    with read(contract(tmp_path, text), tmp_path) as registers:
        assert rows_of(registers, "row, date") == [(2, date(2019, 3, 4))]


@pytest.mark.parametrize("name", sorted(MONTHS))
def test_months_in_words_are_read_alike_by_sql_and_by_hand(name, tmp_path):
    texts = [f"4 {name} 2019", f"04 {name.title()}. 2019", f"4-{name}-2019", f"4 {name}x 2019", "4 xyz 2019"]
    write(tmp_path / "p.csv", [row(i, date=text, entered="") for i, text in enumerate(texts)])
    text = changed('role = "date"\ntype = "date"', 'role = "date"\ntype = "date"\nformat = "%d %b %Y"')
    by_hand = [(i, day) for i, x in enumerate(texts, 2) if (day := written_date("%d %b %Y").day(x))]
    with read(contract(tmp_path, text, max_rejects=1.0), tmp_path) as registers:
        assert rows_of(registers, "row, date") == by_hand == [(2, by_hand[0][1]), (3, by_hand[0][1])]
    assert by_hand[0][1] == date(2019, int(MONTHS[name]), 4)


def test_a_title_above_the_table_is_told_with_the_row_of_the_names(tmp_path):
    path = write(tmp_path / "p.csv", [row(1), row(2)])
    path.write_text("Anna Jansen, 2019\n\n" + path.read_text())
    with pytest.raises(InputError, match="names of its columns are in row 3.*delete the rows above") as caught:
        read(contract(tmp_path), tmp_path).__enter__()
    assert "Anna" not in str(caught.value)


def test_blind_strata_and_closed_days_contradict_what_is_delivered(tmp_path):
    text = CONTRACT + (
        '[[blind]]\nwhere = { form = ["criminal"], sex = "m" }\nreason = "r"\n'
        '[[closed]]\nfirst = 2018-05-01\nlast = 2018-05-31\nreason = "r"\n'
        '[[closed]]\nfirst = 2020-01-01\nlast = 2020-12-31\nreason = "r"\nwhere = { sex = ["m"] }\n'
    )
    cells = [row(1, form="CRI"), row(2, form="CRI", sex="m"), row(3, date="2018-05-31", entered=""),
             row(4, date="2020-05-31", entered=""), row(5, date="2020-05-31", entered="", sex="m")]  # fmt: skip
    write(tmp_path / "p.csv", cells)
    with read(contract(tmp_path, text), tmp_path, rejects=tmp_path / "r.csv"):
        assert reasons(tmp_path / "r.csv") == [(3, "form", "blind"), (4, "date", "closed"), (6, "date", "closed")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('several = "first"', ["labour", "sexual", "criminal"]),
        ('several = "priority"\norder = ["criminal", "sexual", "labour"]', ["sexual", "sexual", "criminal"]),
        ('several = "both"', ["labour", "sexual", "sexual", "criminal"]),
        ('several = "level"\nlevel = "several"', ["several", "sexual", "criminal"]),
    ],
)
def test_rules_for_several_codes(tmp_path, rule, expected):
    text = CONTRACT[: CONTRACT.index("[dimensions.form]")] + f"[dimensions.form]\n{rule}\n"
    write(tmp_path / "p.csv", [row(1, form="LAB|SEX"), row(2, form="SEX|UNK|SEX"), row(3, form="CRI")])
    with read(contract(tmp_path, text), tmp_path) as registers:
        forms = registers.connection.execute("SELECT form FROM registrations ORDER BY row, form").fetchall()
        assert [form for (form,) in forms] == expected
        assert registers.counts[-1].count == 3


def test_two_columns_fill_one_dimension(tmp_path):
    old = 'name = "nationality"\nrole = "stratum"\ncodes = { NL = "Dutch" }\nother = "other"'
    new = 'name = "nationality"\nrole = "stratum"\ninto = "form"\ncodes = { NL = "labour", no = "" }'
    text = changed(old, new)
    write(tmp_path / "p.csv", [row(1, form="UNK"), row(2, nationality="no"), row(3, form="CRI")])
    with read(contract(tmp_path, text), tmp_path) as registers:
        assert [x[0] for x in rows_of(registers, "form, row")] == ["labour", "labour", "sexual"]


def test_lists_with_other_columns_and_a_year_of_their_own(tmp_path):
    other = OTHER.replace('name = "sex"', 'name = "sex"\ninto = "gender"')
    other = other.replace('name = "nationality"', 'name = "nationality"\ninto = "year"')
    other = other.replace('codes = { NL = "Dutch" }\nother = "other"', 'codes = { NL = "2019" }')
    write(tmp_path / "p.csv", [row(1)])
    write(tmp_path / "k.csv", [row(1, referred_from="POL")])
    with read_registers([contract(tmp_path), contract(tmp_path, other)], tmp_path) as registers:
        assert registers.lists == ("P", "K")
        assert registers.dimensions == ("year", "form", "sex", "nationality", "age", "gender")
        found = rows_of(registers, "list, sex, gender, year, referred_from")
        assert found == [("K", None, "f", "2019", "P"), ("P", "f", None, "2019", None)]


def test_several_files_of_one_list(tmp_path):
    write(tmp_path / "p-1.csv", [row(1), row(2)])
    write(tmp_path / "p-2.csv", [row(2), row(3, sex="q")])
    with read(contract(tmp_path, path="p-*.csv"), tmp_path, rejects=tmp_path / "r.csv") as registers:
        assert rows_of(registers, "source, row") == [("p-1.csv", 2), ("p-1.csv", 3)]
        assert sorted(registers.digests) == ["P/p-1.csv", "P/p-2.csv"]
        assert "P,p-2.csv,2,,duplicate" in (tmp_path / "r.csv").read_text()


def test_parquet_gives_what_csv_gives(tmp_path):
    write(tmp_path / "p.csv", [row(i, date=f"2019-03-{i % 28 + 1:02d}", sex="" if i % 5 else "f") for i in range(200)])
    source = f"SELECT * REPLACE (CAST(date AS DATE) AS date) FROM read_csv('{tmp_path / 'p.csv'}', all_varchar = true)"
    duckdb.sql(f"COPY ({source}) TO '{tmp_path / 'p.parquet'}'")
    columns = "key, date, form, sex, age, year"
    with read(contract(tmp_path), tmp_path) as one, read(contract(tmp_path, path="p.parquet"), tmp_path) as other:
        assert rows_of(one, columns) == rows_of(other, columns)
        assert rows_of(other, "row")[0] == (1,)


def test_too_many_bad_rows_stop_the_run(tmp_path):
    write(tmp_path / "p.csv", [row(i, sex="q" if i < 2 else "f") for i in range(20)])
    with read(contract(tmp_path, max_rejects=0.1), tmp_path) as registers:
        assert registers.counts[1].count == 18
    said = refused(contract(tmp_path, max_rejects=0.09), tmp_path)
    assert "2 of 20 rows of list 'P' are bad (10.0%)" in said and "column sex" in said
    with pytest.raises(InputError):
        read(contract(tmp_path, max_rejects=0.0), tmp_path, rejects=tmp_path / "r.csv")
    assert [r for r, _, _ in reasons(tmp_path / "r.csv")] == [2, 3], "the file that the message points to is complete"
    with read(contract(tmp_path, max_rejects=0.0), tmp_path, stop=False) as registers:
        assert registers.counts[1].count == 18


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", None, "no such file"),
        ("p.csv", b"", "empty"),
        ("p.csv", b"\xef\xbb\xbf\n\n", "empty"),
        ("p.csv", b"PK\x03\x04zip", "Excel"),
        ("p.csv", b"\xff\xfea\x00b\x00", "UTF-16"),
        ("p.csv", b"a,b\n1,2\n", "columns of the contract are not in the file"),
        ("p.csv", b"Jansen,0612345678\n", "columns of the contract are not in the file"),
        ("p.csv", ",".join(COLUMNS).encode() + b"\n", "no rows"),
        ("p.csv", ",".join([*COLUMNS, "sex"]).encode() + b"\n", "2 times"),
        ("p.csv", ",".join([*COLUMNS, "shoe"]).encode() + b"\n", "does not name: shoe"),
        ("p.csv", ";".join(COLUMNS).encode() + b"\n", "separator is probably another"),
        ("p.csv", ",".join(COLUMNS).encode() + b'\n"' + b"x" * 140_000, "too long"),
        ("p.parquet", b"PAR1 this is not PAR1", "no Parquet file that can be read"),
        ("p.parquet", b"a,b\n", "no Parquet file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    said = refused(contract(tmp_path, path=name), tmp_path)
    assert words in said and "Jansen" not in said and "0612345678" not in said


def test_all_lists_are_named_at_once(tmp_path):
    said = refused(contract(tmp_path, path=["a.csv", "b.csv", "c-*.csv"]), tmp_path)
    assert "a.csv" in said and "b.csv" in said
    with pytest.raises(InputError, match="no file fits"):
        read(contract(tmp_path, path="c-*.csv"), tmp_path)
    with pytest.raises(InputError, match="no contracts"):
        read_registers([], tmp_path)


@pytest.mark.parametrize("what", ["append", "same size and time", "gone"])
def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch, what):
    path = write(tmp_path / "p.csv", [row(i) for i in range(5)])
    whole = registers_reading.clean_csv

    def meanwhile(*arguments):
        cells = whole(*arguments)
        if what == "append":
            path.write_text(path.read_text() + "more\n")
        elif what == "gone":
            path.unlink()
        else:
            found = path.stat()
            path.write_text(path.read_text().replace("2019-03-04", "2019-03-05"))
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        return cells

    monkeypatch.setattr(registers_reading, "clean_csv", meanwhile)
    with pytest.raises(InputError, match="changed while it was read"):
        read(contract(tmp_path), tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_full_disk_leaves_nothing_and_the_next_run_goes_on(tmp_path, monkeypatch):
    write(tmp_path / "p.csv", [row(i) for i in range(5)])
    room = tmp_path / "room"
    room.mkdir()
    whole = tempfile.mkdtemp

    def full(**options):
        home = whole(**options)
        os.symlink("/dev/full", os.path.join(home, "clean.txt"))
        return home

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", full)
        said = refused(contract(tmp_path), room, rejects=tmp_path / "r.csv")
    assert "disk is full" in said and os.listdir(room) == [] and not (tmp_path / "r.csv").exists()
    with read(contract(tmp_path), room) as registers:
        assert registers.counts[-1].count == 5
    assert os.listdir(room) == []


def test_a_workspace_that_is_none(tmp_path):
    write(tmp_path / "p.csv", [row(1)])
    with pytest.raises(InputError, match="workspace"):
        read(contract(tmp_path), tmp_path / "nowhere")
    with pytest.raises(InputError, match="memory"):
        read(contract(tmp_path), tmp_path, memory="a lot")
    with pytest.raises(InputError, match="rejected rows"):
        read(contract(tmp_path), tmp_path, rejects=tmp_path / "nowhere" / "r.csv")
    assert sorted(os.listdir(tmp_path)) == ["p.csv"]


# ---- personal data ----------------------------------------------------------------------------------

ELEVEN = {
    f"{i:08d}": sum((9 - k) * int(d) for k, d in enumerate(f"{i:08d}")) % 11 for i in range(11_111_111, 11_111_200)
}
CITIZENS = tuple(f"{digits}{check}" for digits, check in ELEVEN.items() if check < 10)
SURNAMES = ("Jansen", "de Vries", "van den Berg", "Özdemir", "Nowak", "El Idrissi")


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("achternaam", ("x",), "a name"),
        ("firstName", ("x",), "a name"),
        ("Geboortedatum", ("x",), "a date of birth"),
        ("E-mail", ("x",), "an e-mail address"),
        ("BSN", ("x",), "a personal number"),
        ("Opmerkingen", ("x",), "free text"),
        ("extra", tuple(f"{a} {b}" for a in SURNAMES for b in SURNAMES), "names"),
        ("extra", ("someone@example.org",), "e-mail addresses"),
        ("extra", tuple(f"19{i:02d}-03-04" for i in range(50, 95)), "full dates of birth"),
        ("extra", tuple(f"{i}/3/1987" for i in range(1, 29)), "full dates of birth"),
        ("extra", tuple(f"06-123456{i:02d}" for i in range(40)), "telephone numbers"),
        ("extra", CITIZENS, "citizen service numbers"),
        ("extra", tuple(f"NL91ABNA04171643{i:02d}" for i in range(40)), "bank accounts"),
        ("extra", tuple(f"10{i} AB" for i in range(10, 60)), "full postcodes"),
        ("extra", ("She said that he had told her so in the car last night",), "free text"),
    ],
)  # fmt: skip
def test_columns_that_look_personal_are_refused(tmp_path, name, values, kind):
    text = changed('name = "sex"', f'name = "{name}"\nrole = "ignored"\n\n[[fields]]\nname = "sex"')
    cells = [row(i) | {name: values[i % len(values)]} for i in range(120)]
    write(tmp_path / "p.csv", cells)
    said = refused(contract(tmp_path, text), tmp_path)
    assert f"looks like {kind}" in said and name in said
    assert not any(value in said for value in values if len(value) > 1)
    with read(contract(tmp_path, text, personal=[name]), tmp_path) as registers:
        assert registers.counts[-1].count == 120
    source = f"SELECT * FROM read_csv('{tmp_path / 'p.csv'}', all_varchar = true)"
    duckdb.sql(f"COPY ({source}) TO '{tmp_path / 'p.parquet'}'")
    assert f"looks like {kind}" in refused(contract(tmp_path, text, path="p.parquet"), tmp_path)


def test_a_key_that_is_no_hash_is_refused(tmp_path):
    write(tmp_path / "p.csv", [row(i, key=f"Jansen {i}") for i in range(20)])
    said = refused(contract(tmp_path), tmp_path)
    assert "something else than keyed hashes" in said and "Jansen" not in said
    text = changed('role = "key"', 'role = "key"\nconstraints = { pattern = "[A-Z]{3}[0-9]{4}" }')
    write(tmp_path / "p.csv", [row(i, key=f"ABC{i:04d}") for i in range(20)])
    with read(contract(tmp_path, text), tmp_path) as registers:
        assert rows_of(registers, "key")[3] == ("ABC0003",)


@pytest.mark.parametrize(
    ("pattern", "values", "kind"),
    [("[0-9]{9}", "CITIZENS", "citizen service numbers"), (".+", "SURNAMES", "names"), (".+", "BIRTHS", "full dates")],
)
def test_a_pattern_of_ones_own_does_not_let_identities_through(tmp_path, pattern, values, kind):
    births = tuple(f"19{i:02d}-03-04" for i in range(50, 95))
    found = {"CITIZENS": CITIZENS, "SURNAMES": tuple(f"{a} {b}" for a in SURNAMES for b in SURNAMES), "BIRTHS": births}
    write(tmp_path / "p.csv", [row(i, key=found[values][i % len(found[values])]) for i in range(120)])
    text = changed('role = "key"', f'role = "key"\nconstraints = {{ pattern = "{pattern}" }}')
    said = refused(contract(tmp_path, text), tmp_path)
    assert f"looks like {kind}" in said and found[values][0] not in said


def test_codes_and_numbers_of_cases_are_not_personal(tmp_path):
    write(tmp_path / "p.csv", [row(i, record=f"{100_000_000 + 7 * i}") for i in range(300)])
    with read(contract(tmp_path), tmp_path) as registers:
        assert registers.counts[-1].count == 300


# ---- quality ----------------------------------------------------------------------------------------


def delivery(path: Path, n: int, bad: int = 0, empty: int = 0) -> Path:
    cells = [
        row(i, date=f"20{16 + i % 10}-0{i % 9 + 1}-11", entered=f"20{16 + i % 10}-0{i % 9 + 1}-{11 + i % 10}",
            birth_year="1980", sex="q" if i < bad else "f", nationality="" if i < empty else "NL",
            form="SEX|LAB" if i % 2 else "SEX")
        for i in range(n)
    ]  # fmt: skip
    return write(path, [*cells, cells[-1]])


def value(table: pd.DataFrame, measure: str, item: str, column: str = "share") -> float:
    found = table[(table["measure"] == measure) & (table["item"] == item)]
    assert len(found) == 1, (measure, item)
    return float(found[column].iloc[0])


@pytest.fixture
def two_deliveries(tmp_path):
    delivery(tmp_path / "old.csv", 200)
    delivery(tmp_path / "p.csv", 100, bad=10, empty=40)
    text = CONTRACT[: CONTRACT.index("[dimensions.form]")] + '[dimensions.form]\nseveral = "both"\n'
    return contract(tmp_path, text, max_rejects=0.01)


def test_quality_against_plain_counting(two_deliveries, tmp_path):
    before = earlier_quality(tmp_path / "old.csv", two_deliveries, tmp_path)
    with read(two_deliveries, tmp_path, stop=False) as registers:
        table = quality_table(registers, "P", before)
    assert tuple(table.columns) == QUALITY_COLUMNS
    assert value(table, "rows", "delivered", "count") == 101 and value(table, "rows", "valid", "count") == 91
    assert value(table, "completeness", "nationality") == pytest.approx(61 / 101)
    assert value(table, "completeness", "nationality", "change") == pytest.approx(61 / 101 - 1)
    assert value(table, "validity", "sex") == pytest.approx(91 / 101)
    assert value(table, "rejected", "unknown_code, sex", "count") == 10
    assert value(table, "rejected", "unknown_code, sex", "previous") == 0
    assert value(table, "duplicates", "same row", "count") == 1
    assert value(table, "days", "entry, median", "count") == pytest.approx(4.5, abs=0.6)
    assert value(table, "late", "more than 90 days", "count") == 0
    good = [i for i in range(10, 100)]
    assert value(table, "year", "2017", "count") == sum(i % 10 == 1 for i in good)
    assert value(table, "year", "2017", "change") == pytest.approx(9 / 20 - 1)
    assert value(table, "level", "form, labour", "count") == sum(i % 2 for i in good)
    assert value(table, "level", "form, labour", "of") == 90
    assert value(table, "level", "nationality, ", "count") == 30


def test_quality_files_are_read_again_and_the_same_every_time(two_deliveries, tmp_path):
    with read(two_deliveries, tmp_path, stop=False) as registers:
        first = write_quality(registers, tmp_path / "a")
        second = write_quality(registers, tmp_path / "b", language="en")
        table = quality_table(registers, "P")
    assert [x.name for x in first] == ["quality-P.csv", "quality-P.html", "codes-P.csv"]
    assert [x.read_bytes() for x in first] == [x.read_bytes() for x in second]
    pd.testing.assert_frame_equal(read_quality(first[0]), table)
    pd.testing.assert_frame_equal(earlier_quality(first[0], two_deliveries, tmp_path), table)
    for wrong in (first[1], tmp_path / "p.csv", tmp_path / "none.csv"):
        with pytest.raises(InputError, match="not the quality table"):
            read_quality(wrong)
    with pytest.raises(InputError, match="not the quality table"):
        earlier_quality(first[1], two_deliveries, tmp_path)
    with read(two_deliveries, tmp_path, stop=False) as registers, pytest.raises(InputError, match="cannot be written"):
        write_quality(registers, tmp_path / "p.csv" / "x")


def test_reports_for_suppliers_whose_rows_would_stop_a_run(tmp_path):
    delivery(tmp_path / "old.csv", 200)
    delivery(tmp_path / "p.csv", 100, bad=10)
    (tmp_path / "P.toml").write_text(changed("max_rejects = 1.0", "max_rejects = 0.0"))
    written = report_quality([tmp_path / "P.toml"], tmp_path / "q", previous={"P": tmp_path / "old.csv"}, language="nl")
    assert [x.name for x in written] == ["quality-P.csv", "quality-P.html", "codes-P.csv", "rejects-P.csv"]
    assert {x.stat().st_mode & 0o777 for x in written} == {0o600}  # they hold small counts
    assert sorted(os.listdir(tmp_path / "q")) == sorted(x.name for x in written)
    assert len(reasons(tmp_path / "q" / "rejects-P.csv")) == 11
    assert value(read_quality(written[0]), "rows", "delivered", "previous") == 201
    with pytest.raises(InputError, match="without a contract"):
        report_quality([tmp_path / "P.toml"], tmp_path / "q", previous={"K": tmp_path / "old.csv"})
    (tmp_path / "K.toml").write_text("list = 3")
    with pytest.raises(InputError, match="K.toml"):
        report_quality([tmp_path / "P.toml", tmp_path / "K.toml"], tmp_path / "q")
    with pytest.raises(InputError, match="cannot be written"):
        report_quality([tmp_path / "P.toml"], tmp_path / "p.csv")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", ["en", "nl"])
def test_quality_page(two_deliveries, tmp_path, language):
    before = earlier_quality(tmp_path / "old.csv", two_deliveries, tmp_path)
    with read(two_deliveries, tmp_path, stop=False) as registers:
        text = quality_page(quality_table(registers, "P", before), two_deliveries, registers.digests, language)
    page = Tags(text)
    assert ("html", {"lang": language}) in page.tags
    assert [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)][0] == "h1"
    assert sum(tag == "h1" for tag, _ in page.tags) == 1
    tables = sum(tag == "table" for tag, _ in page.tags)
    assert tables == sum(tag == "caption" for tag, _ in page.tags) == 11
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.tags if tag == "th")
    assert not any(name in ("src", "href") for _, attrs in page.tags for name in attrs), "it loads nothing"
    number = {"en": "9.9%", "nl": "9,9%"}[language]
    assert number in page.text and "{" not in page.text.split("}")[-1]
    for cell in (hashed("k1"), "R1,", "2017-02-11"):
        assert cell not in text


def test_both_languages_have_the_same_words():
    one, other = read_words("en").messages, read_words("nl").messages
    assert one.keys() == other.keys()
    fields = {key: set(re.findall(r"{(\w+)}", said)) for key, said in one.items()}
    assert fields == {key: set(re.findall(r"{(\w+)}", said)) for key, said in other.items()}
    codes = {key.removeprefix("reason.") for key in one if key.startswith("reason.")}
    assert codes == set(REASONS) - {"duplicate", "duplicate_record"}
    with pytest.raises(InputError, match="en, nl"):
        read_words("de")


@pytest.mark.slow
def test_more_than_fits_in_memory(tmp_path):
    """300,000 rows in 60 MB: the rest lies in the workspace, and goes away with it."""
    columns = ", ".join(
        f"substr(md5('{name}' || i), 1, 32) AS {name}" if name in ("key", "surname_hash") else f"'{cell}' AS {name}"
        for name, cell in row(1).items() if name != "record"
    )  # fmt: skip
    duckdb.sql(f"COPY (SELECT 'R' || i AS record, {columns} FROM range(300_000) t(i)) TO '{tmp_path / 'p.csv'}'")
    with read(contract(tmp_path), tmp_path, memory="60MB", threads=1) as registers:
        assert registers.counts[-1].count == 300_000
        assert registers.connection.execute("SELECT count(DISTINCT key) FROM registrations").fetchall() == [(300_000,)]
        spilled = sum(x.stat().st_size for x in (registers.workspace / "spill").glob("*"))
        assert spilled > 1_000_000
    assert sorted(os.listdir(tmp_path)) == ["p.csv"]
