"""Files as suppliers write them: several layouts of one list, every kind of file, codes that nobody mapped, drafts."""

from __future__ import annotations

import bz2
import gzip
import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

from mse.cli import main
from mse.errors import InputError
from mse.intake.contracts.contractfile import make_contract
from mse.intake.contracts.draft import new_contract
from mse.intake.pseudonyms.delivering import pseudonymise_file, pseudonymise_files
from mse.intake.quality.completeness import write_quality
from mse.intake.registers.delivered import read_registers
from tests.examples.registers import COLUMNS, CONTRACT, KEY, contract, hashed, row, write

Cells = Sequence[Mapping[str, str]]
ROWS = [row(i, date=f"2019-0{1 + i % 9}-11", sex="fm"[i % 2]) for i in range(1, 12)]
WIDE = {name: 34 if "hash" in name or name == "key" else 12 for name in COLUMNS}


def book(path: Path, rows: Cells, *, title: str = "Data") -> Path:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = title
    sheet.append(list(rows[0]))
    for one in rows:
        sheet.append([date.fromisoformat(x) if k in ("date", "entered") and x else x for k, x in one.items()])
    made.save(path)
    return path


def packed(path: Path, rows: Cells, pack: object, delimiter: str = ",") -> Path:
    write(path, rows, delimiter)
    path.write_bytes(pack(path.read_bytes()))  # type: ignore[operator]
    return path


def set_out(path: Path, rows: Cells, names: bool) -> Path:
    lines = ["".join(x.ljust(WIDE[k]) for k, x in one.items()) for one in rows]
    head = ["".join(k.ljust(WIDE[k]) for k in rows[0])] if names else []
    path.write_text("\n".join([*head, *lines]) + "\n")
    return path


def places() -> dict[str, list[int]]:
    found, at = {}, 1
    for name in COLUMNS:
        found[name] = [at, WIDE[name]]
        at += WIDE[name]
    return found


def registered(folder: Path, **changes: object) -> list[tuple[object, ...]]:
    with read_registers([contract(folder, **changes)], folder) as found:
        return found.connection.execute("SELECT row, key, date, form, sex FROM registrations ORDER BY ALL").fetchall()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    folder = tmp_path_factory.mktemp("plain")
    write(folder / "p.csv", ROWS)
    return registered(folder)


KINDS = {
    "p.tsv": (lambda path: write(path, ROWS, "\t"), {"delimiter": "\t"}),
    "p.csv.gz": (lambda path: packed(path, ROWS, gzip.compress), {}),
    "p.csv.bz2": (lambda path: packed(path, ROWS, bz2.compress, ";"), {"delimiter": ";"}),
    "p.xlsx": (lambda path: book(path, ROWS), {}),
    "q.xlsx": (lambda path: book(path, ROWS, title="Levering"), {"sheet": "Levering"}),
    "p.txt": (lambda path: set_out(path, ROWS, True), {"places": places()}),
    "q.txt": (lambda path: set_out(path, ROWS, False), {"places": places(), "header": False}),
    "p.parquet": (lambda path: pd.DataFrame(ROWS).to_parquet(path), {}),
    "parquet.dat": (lambda path: pd.DataFrame(ROWS).to_parquet(path), {}),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_same_registrations_in_every_kind_of_file(name, tmp_path, plain):
    make, changes = KINDS[name]
    make(tmp_path / name)
    found = registered(tmp_path, path=[name], **changes)
    assert [x[1:] for x in found] == [x[1:] for x in plain]
    assert found[0][0] == (1 if name == "q.txt" or "parquet" in name else 2)  # the line as an editor counts it


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "p.csv").write_bytes(gzip.compress(b"x" * 9000)[:40])
    with pytest.raises(InputError, match="packed file is damaged"):
        registered(tmp_path)
    book(tmp_path / "p.csv", ROWS)
    with pytest.raises(InputError, match=r"sheets Data with rows.*sheet ="):
        registered(tmp_path, sheet="Other")


# ---- layouts

LAYOUTS = """
[[layout]]
from = 2016-01-01
until = 2019-06-30
columns = { record = "Zaaknr", date = "Meldatum", sex = "Geslacht", age = "" }
codes = { sex = { V = "f", M = "m" } }
formats = { date = "%d-%m-%Y" }
delimiter = ";"
encoding = "cp1252"

[[layout]]
from = 2019-07-01
until = 2019-12-31
codes = { form = { SEX = "labour", LAB = "sexual" } }
"""


def old(one: Mapping[str, str]) -> dict[str, str]:
    year, month, day = one["date"].split("-")
    renamed = {"record": "Zaaknr", "date": "Meldatum", "sex": "Geslacht"}
    changed = {**one, "date": f"{day}-{month}-{year}", "sex": {"f": "V", "m": "M"}[one["sex"]]}
    return {renamed.get(k, k): x for k, x in changed.items() if k != "age"}


def test_one_list_in_several_layouts(tmp_path):
    early = [row(i, date="2019-03-04") for i in range(1, 4)]
    swapped = [row(i, date="2019-08-04", entered="2019-08-05") for i in range(4, 7)]
    late = [row(i, date="2020-08-04", entered="2020-08-05") for i in range(7, 10)]
    write(tmp_path / "p-1.csv", [old(x) for x in early], ";")
    write(tmp_path / "p-2.csv", [*swapped, *late])  # one file on both sides of a change of codes
    found = contract(tmp_path, CONTRACT + LAYOUTS, path=["p-*.csv"])
    with read_registers([found], tmp_path) as registers:
        read = registers.connection.execute(
            "SELECT year, form, sex, count(*) FROM registrations GROUP BY ALL ORDER BY ALL"
        )
        assert read.fetchall() == [("2019", "labour", "f", 3), ("2019", "sexual", "f", 3), ("2020", "sexual", "f", 3)]
        assert not registers.rejected
        assert json.dumps(found.to_datapackage(), default=str)


def test_a_layout_with_files_of_its_own(tmp_path):
    write(tmp_path / "p.csv", [row(1)])
    write(tmp_path / "q.csv", [old(row(2))], ";")
    text = CONTRACT + LAYOUTS.split("[[layout]]\nfrom = 2019-07")[0] + 'path = ["q.csv"]\n'
    with read_registers([contract(tmp_path, text)], tmp_path) as registers:
        assert [x.count for x in registers.counts][:2] == [2, 2]


@pytest.mark.parametrize(
    ("old_text", "new_text", "message"),
    [
        ("until = 2019-06-30", "until = 2015-06-30", "ends before it begins"),
        ("until = 2019-06-30", "until = 2019-07-30", "holds for days of layout 1 too"),
        ('record = "Zaaknr"', 'zaak = "Zaaknr"', "no such column"),
        ('V = "f"', 'V = "vrouw"', "a level that it does not have"),
        ('record = "Zaaknr"', 'record = ""', "required is not there in this layout"),
        ('sex = "Geslacht"', 'sex = "Meldatum"', "two columns have one name"),
        ('date = "%d-%m-%Y"', 'sex = "%d-%m-%Y"', "only dates have a format.*leave the format out"),
        ('date = "%d-%m-%Y"', 'date = "%d-%m"', "is no format of a date"),
    ],
)
def test_what_is_wrong_with_a_layout(old_text, new_text, message):
    assert old_text in LAYOUTS
    with pytest.raises(InputError, match=message):
        make_contract(tomllib.loads(CONTRACT + LAYOUTS.replace(old_text, new_text, 1)))


def test_codes_that_no_list_has_are_reported_and_rare_ones_are_not(tmp_path):
    odd = [row(i, form="ORG") for i in range(1, 6)] + [row(8, form="ONCE")]
    write(tmp_path / "p.csv", [*odd, row(7)])
    with read_registers([contract(tmp_path)], tmp_path, stop=False) as registers:
        (found,) = registers.unmapped
        assert (found.list, found.column, found.code, found.count) == ("P", "form", "ORG", 5)
        written = {x.name: x.read_text() for x in write_quality(registers, tmp_path / "q")}
    assert written["codes-P.csv"] == "column,code,rows\nform,ORG,5\n"


# ---- pseudonymise

WHO = """
[identity]
surname = "Achternaam"
given = "Voornaam"
birth_date = "Geboren"
birth_format = "%Y-%m-%d"
"""
OWN = [
    {"record": f"R{i}", "Achternaam": f"Jansen{'abcdefgh'[i]}", "Voornaam": "Anna", "Geboren": f"199{i}-02-0{i + 1}",
     "date": "2019-03-04", "entered": "2019-03-10", "form": "SEX", "sex": "f", "nationality": "NL", "age": "29",
     "referred_from": ""}
    for i in range(8)
]  # fmt: skip


def own_contract(folder: Path, **changes: object):
    return contract(folder, CONTRACT + WHO, **changes)


def test_pseudonymise_takes_what_is_read(tmp_path):
    write(tmp_path / "a.csv", OWN)
    packed(tmp_path / "b.csv.gz", OWN, gzip.compress)
    book(tmp_path / "c.xlsx", OWN)
    pd.DataFrame(OWN).to_parquet(tmp_path / "d.parquet")
    files = [tmp_path / name for name in ("a.csv", "b.csv.gz", "c.xlsx", "d.parquet")]
    done = pseudonymise_files(files, tmp_path / "out", KEY, contract=own_contract(tmp_path))
    assert [x.name for x in done] == ["a.csv", "b.csv.gz", "c.csv", "d.parquet"]
    assert {x.rows for x in done.values()} == {8} and all(x.stat().st_mode & 0o777 == 0o600 for x in done)
    frames = [pd.read_csv(x, dtype=str) for x in [*done][:3]] + [pd.read_parquet([*done][3])]
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame.fillna(""), frames[0].fillna(""), check_dtype=False)
    assert "Jansen" not in frames[0].to_csv()
    with read_registers([own_contract(tmp_path, path=["out/*"], max_rejects=1.0)], tmp_path) as registers:
        assert next(x.count for x in registers.counts) == 32


@pytest.mark.parametrize("number", ["50{:03}", "R{}"])
def test_a_row_of_totals_stops_nothing(number, tmp_path):
    own = [{**OWN[i % 8], "record": number.format(i)} for i in range(60)]
    write(tmp_path / "a.csv", [*own, {k: {"record": "Totaal", "sex": "60"}.get(k, "") for k in OWN[0]}])
    (done,) = pseudonymise_files([tmp_path / "a.csv"], tmp_path / "out", KEY, contract=own_contract(tmp_path)).values()
    assert done.rows == 61
    with read_registers([own_contract(tmp_path, path=["out/*"])], tmp_path) as registers:
        assert {x.reason for x in registers.rejected} >= {"missing", "unknown_code"}


def test_all_files_or_none(tmp_path):
    write(tmp_path / "a.csv", OWN)
    write(tmp_path / "b.csv", [{k: x for k, x in one.items() if k != "Geboren"} for one in OWN])
    with pytest.raises(InputError, match=r"b.csv.*Geboren"):
        pseudonymise_files(
            [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "out", KEY, contract=own_contract(tmp_path)
        )
    assert not (tmp_path / "out").exists()


def test_pseudonymise_by_layout_and_fixed_width(tmp_path):
    layout = (
        '\n[[layout]]\nfrom = 2016-01-01\nuntil = 2018-12-31\ncolumns = { Achternaam = "naam", sex = "geslacht" }\n'
        'formats = { Geboren = "%d.%m.%Y" }\n'
    )
    otherwise = [{**one, "Geboren": f"{date.fromisoformat(one['Geboren']):%d.%m.%Y}"} for one in OWN]
    write(
        tmp_path / "old.csv",
        [{{"Achternaam": "naam", "sex": "geslacht"}.get(k, k): x for k, x in one.items()} for one in otherwise],
    )
    write(tmp_path / "new.csv", OWN)
    found = contract(tmp_path, CONTRACT + WHO + layout)
    pseudonymise_files([tmp_path / "old.csv", tmp_path / "new.csv"], tmp_path / "out", KEY, contract=found)
    old_frame, new_frame = (pd.read_csv(tmp_path / "out" / name) for name in ("old.csv", "new.csv"))
    assert "geslacht" in old_frame and old_frame["key"].equals(new_frame["key"])
    names = list(OWN[0])
    (tmp_path / "f.txt").write_text("\n".join("".join(one[k].ljust(14) for k in names) for one in OWN))
    spread = own_contract(tmp_path, header=False, places={k: [1 + 14 * i, 14] for i, k in enumerate(names)})
    pseudonymise_file(tmp_path / "f.txt", tmp_path / "f.csv", KEY, contract=spread)
    assert pd.read_csv(tmp_path / "f.csv")["key"].equals(new_frame["key"])


def test_the_command_takes_several_files(tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, OWN)
    key = tmp_path / "key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    (tmp_path / "P.toml").write_text(CONTRACT + WHO)
    asked = ["pseudonymise", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--contract", str(tmp_path / "P.toml"),
             "--key-file", str(key), "--out", str(tmp_path / "out")]  # fmt: skip
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    assert sorted(x.name for x in (tmp_path / "out").iterdir()) == ["a.csv", "b.csv"]


# ---- drafts


@pytest.mark.parametrize(("codes", "told"), [(("Slachtoffer", "Verdachte"), True), (("victim", "suspect of"), True),
                                             (("Slachtoffer", "Getuige"), False), (("S", "V"), True),
                                             (("D", "S"), True), (("G", "V"), False)])  # fmt: skip
def test_a_draft_points_to_the_role_of_a_population(codes, told, tmp_path):
    write(tmp_path / "p.csv", [{**row(i), "Hoedanigheid": codes[i % 2]} for i in range(1, 20)])
    text = new_contract(tmp_path / "p.csv")
    assert ('role = "population"' in text) is told
    field = next(f for f in tomllib.loads(text)["fields"] if f["name"] == "Hoedanigheid")
    assert field["role"] == "stratum" and set(field["codes"]) == set(codes)


def test_two_letters_under_another_name_are_no_populations(tmp_path):
    cells = [{**row(i), "Status": "SV"[i % 2], "Geslacht": "MV"[i % 2], "Vorm": "DS"[i % 2]} for i in range(1, 20)]
    write(tmp_path / "p.csv", cells)
    assert "population" not in new_contract(tmp_path / "p.csv")


DUTCH = [
    {"Zaaknummer": f"Z{i:05}", "Pseudoniem": hashed(f"k{i}"), "Datum melding": f"{1 + i % 28:02}-0{1 + i % 9}-2021",
     "Geslacht": "VM"[i % 2], "Leeftijd bij melding": str(14 + i % 45), "Nationaliteit": ["NL", "PL", "RO"][i % 3],
     "Soort uitbuiting": ["SEX", "ARB"][i % 2], "Verwezen door": ["POL", ""][i % 2]}
    for i in range(200)
]  # fmt: skip


def test_a_draft_knows_months_in_words_and_years_of_two_digits(tmp_path):
    forms = ("{0} mrt 1990", "{0} maart 1990", "{0} December 1988", "{0}-Oct-88")
    born = [forms[i % 4].format(1 + i % 28) for i in range(80)]
    who = [{"Achternaam": f"Jansen{'abcdefgh'[i % 8]}", "Voornaam": "Anna", "Geboortedatum": day}
           for i, day in enumerate(born)]  # fmt: skip
    write(tmp_path / "p.csv", [{**row(i + 1), **one} for i, one in enumerate(who)])
    assert tomllib.loads(new_contract(tmp_path / "p.csv"))["identity"]["birth_format"] == ["%d %b %Y", "%d-%b-%y"]


def test_a_province_of_two_letters_is_no_placeholder(tmp_path):
    write(tmp_path / "p.csv", [{**row(i), "Provincie": ("NB", "ZH", "NH", "GE")[i % 4]} for i in range(1, 40)])
    text = new_contract(tmp_path / "p.csv")
    field = next(f for f in tomllib.loads(text)["fields"] if f["name"] == "Provincie")
    assert field["codes"]["NB"] == "NB" and '# CHECK: "NB" could mean "not known" too' in text
    write(tmp_path / "q.csv", [{**row(i), "Provincie": ("NB", "Zeeland", "Drenthe")[i % 3]} for i in range(1, 40)])
    field = next(f for f in tomllib.loads(new_contract(tmp_path / "q.csv"))["fields"] if f["name"] == "Provincie")
    assert field["codes"]["NB"] == ""


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_title_above_the_table_is_told_with_the_row_of_the_names(kind, tmp_path):
    grid = [["Meldingen 2021, politie"], [], *([*one] for one in [DUTCH[0], *(x.values() for x in DUTCH)])]
    path = tmp_path / f"p.{kind}"
    if kind == "xlsx":
        sheet = (made := openpyxl.Workbook()).active
        for line in grid:
            sheet.append(line)
        sheet.merge_cells("A1:E1")
        made.save(path)
    else:
        path.write_text("\n".join(";".join(line) for line in grid))
    with pytest.raises(
        InputError, match="names of its columns are in row 3.*delete the rows above the names"
    ) as caught:
        new_contract(path)
    assert "politie" not in str(caught.value)


def test_two_columns_of_one_name_are_told_by_their_places(tmp_path):
    lines = [";".join("Geslacht" if name == "Nationaliteit" else name for name in DUTCH[0])]
    (tmp_path / "p.csv").write_text("\n".join([*lines, *(";".join(one.values()) for one in DUTCH)]))
    with pytest.raises(InputError, match="columns 4, 6 have one name.*another name"):
        new_contract(tmp_path / "p.csv")


def test_a_draft_from_what_spreadsheets_leave(tmp_path):
    """UTF-16, columns without a name or anything in them, empty rows, and a row of totals at the end."""
    grid = [[*DUTCH[0], "", ""], *([*one.values(), "", ""] for one in DUTCH), *([[""] * 10] * 30)]
    grid.append(["Totaal", "", "", "", "200", *[""] * 5])
    (tmp_path / "p.txt").write_bytes("\r\n".join("\t".join(line) for line in grid).encode("utf-16"))
    draft = tomllib.loads(new_contract(tmp_path / "p.txt"))
    assert [f["name"] for f in draft["fields"]] == [*DUTCH[0]]
    assert draft["encoding"] == "utf-16" and draft["delimiter"] == "\t"


def test_dates_of_birth_in_several_forms_are_all_in_the_draft(tmp_path):
    forms = ("%d-%m-%Y", "%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y")
    born = [date(1990, 1 + i % 12, 13 + i % 15).strftime(forms[i % 4]) for i in range(80)]
    who = [
        {"Achternaam": f"Jansen{'abcdefgh'[i % 8]}", "Voornaam": "Anna", "Geboortedatum": day}
        for i, day in enumerate(born)
    ]
    write(tmp_path / "p.csv", [{**row(i + 1), **one} for i, one in enumerate(who)])
    draft = tomllib.loads(new_contract(tmp_path / "p.csv"))
    assert draft["identity"]["birth_format"] == ["%d-%m-%Y", "%Y-%m-%d", "%d/%m/%Y"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "csv.gz", "xlsx", "parquet", "txt"])
def test_a_draft_from_every_kind_of_file_with_dutch_names(kind, tmp_path):
    path = tmp_path / f"politie.{kind}"
    if kind in ("csv", "tsv"):
        write(path, DUTCH, {"csv": ";", "tsv": "\t"}[kind])
    elif kind == "csv.gz":
        packed(path, DUTCH, gzip.compress, ";")
    elif kind == "xlsx":
        book(path, DUTCH)
    elif kind == "parquet":
        pd.DataFrame(DUTCH).to_parquet(path)
    else:
        head = "".join(k.replace(" ", "_").ljust(34) for k in DUTCH[0])
        path.write_text("\n".join([head, *("".join(x.ljust(34) for x in one.values()) for one in DUTCH)]))
    draft = tomllib.loads(new_contract(path))
    roles = {f["name"].replace("_", " "): f["role"] for f in draft["fields"]}
    assert roles == {
        "Zaaknummer": "record", "Pseudoniem": "key", "Datum melding": "date", "Geslacht": "stratum",
        "Leeftijd bij melding": "stratum", "Nationaliteit": "stratum", "Soort uitbuiting": "stratum",
        "Verwezen door": "referred_from",
    }  # fmt: skip
    age = next(f for f in draft["fields"] if f["name"].startswith("Leeftijd"))
    assert (
        age["type"] == "integer" and [x["level"] for x in age["classes"]] == ["minor", "adult"] and "codes" not in age
    )
    assert draft["list"] == "politie" and ("places" in draft) == (kind == "txt")


def test_a_draft_knows_an_identity_by_its_dutch_names(tmp_path):
    rows = [{"Achternaam": "Jansen", "Roepnaam": "Anna", "Geb.datum": "01-02-1990", "Meldingsdatum": "2021-03-04"}] * 9
    draft = tomllib.loads(new_contract(book(tmp_path / "opvang.xlsx", rows)))
    assert draft["identity"]["surname"] == "Achternaam" and draft["identity"]["birth_date"] == "Geb.datum"


def test_a_draft_finds_the_sheet_the_name_and_the_day_of_entry(tmp_path):
    rows = [{"nr": f"Z{i}", "datum": f"2021-03-{1 + i:02}", "verwerkt datum": f"2021-04-{1 + i:02}", "naam": "Jansen",
             "voornaam": "Anna", "geboren": "1990-02-01", "geslacht": ["V", "onbekend", "X"][i % 3]}
            for i in range(12)]  # fmt: skip
    path = book(tmp_path / "opvang.xlsx", rows, title="Instroom")
    made = openpyxl.load_workbook(path)
    made.create_sheet("Toelichting", 0).append(["Uitdraai van het register"])
    made.save(path)
    draft = tomllib.loads(new_contract(path))
    assert draft["sheet"] == "Instroom" and draft["identity"]["surname"] == "naam"
    fields = {field["name"]: field for field in draft["fields"]}
    assert fields["datum"]["role"] == "date" and fields["verwerkt datum"]["role"] == "entered"
    assert fields["geslacht"]["codes"] == {"V": "V", "onbekend": "", "X": "X"}


def test_a_draft_of_a_workbook_with_two_tables_says_that_it_chose(tmp_path):
    path = book(tmp_path / "twee.xlsx", DUTCH[:20], title="2022")
    made = openpyxl.load_workbook(path)
    sheet = made.create_sheet("2023")
    for one in [list(DUTCH[0]), *(list(x.values()) for x in DUTCH[:40])]:
        sheet.append(one)
    made.save(path)
    assert 'sheet = "2023"  # the longest table of several sheets; CHECK' in new_contract(path)
