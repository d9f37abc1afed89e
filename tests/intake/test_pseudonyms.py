"""Pseudonyms: the rules for names and dates, the hash against a plain one, keys, and files."""

from __future__ import annotations

import csv
import hashlib
import hmac
import os
import tomllib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mse.errors import InputError
from mse.intake.contracts.clauses import Identity
from mse.intake.contracts.contractfile import make_contract
from mse.intake.contracts.draft import new_contract
from mse.intake.pseudonyms.canonical import birth_date, given_name, sound, surname
from mse.intake.pseudonyms.delivering import pseudonymise_file
from mse.intake.pseudonyms.keyedhash import PARTS, Hashing, age_group, disguise, fingerprint, read_key
from mse.intake.registers.delivered import read_registers
from tests.examples.registers import KEY
from tests.intake.test_contract import PERSONAL, filled_in, raw_sample

WHO = Identity(surname="surname", given="given", birth_date="born")

# ---- rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Jansen", "JANSEN", " jansen ", "Jansen."), "jansen"),
        (("van den Berg", "Van Den BERG", "Berg, van den", "v.d. Berg", "v/d Berg", "Berg"), "berg"),
        (("El Idrissi", "el-Idrissi", "Idrissi"), "idrissi"),
        (("'t Hooft", "’t Hooft", "Hooft"), "hooft"),
        (("in 't Veld", "Veld"), "veld"),
        (("d'Ancona", "D’Ancona"), "ancona"),
        (("de la Cruz", "Cruz"), "cruz"),
        (("Jansen-de Vries", "Jansen de Vries", "Jansen - De Vries"), "jansenvries"),
        (("O'Brien", "O’Brien"), "obrien"),
        (("Özdemir", "O\u0308zdemir", "Ozdemir"), "ozdemir"),
        (("Yıldız", "Yildiz", "YILDIZ"), "yildiz"),
        (("Øster", "Oster"), "oster"),
        (("Straße", "Strasse", "STRASSE"), "strasse"),
        (("Ĳsselstein", "IJsselstein", "ijsselstein"), "ijsselstein"),
        (("Łukasik", "Lukasik"), "lukasik"),
        (("Þórsson", "Thorsson"), "thorsson"),
        (("Æbelø", "Aebelo"), "aebelo"),
        (("De", "de"), "de"),
        (("Van", "van"), "van"),
        (("Иванов", "ИВАНОВ"), "иванов"),
        (("", " ", "-", "12", "?"), ""),
    ],
)
def test_surnames_that_are_the_same(texts, expected):
    assert {surname(text) for text in texts} == {expected}


def test_surnames_that_stay_apart():
    names = ("Vandenberg", "Berg", "Bergh", "Benali", "Ali", "Müller", "Mueller", "Dijk", "Dyk")
    assert len({surname(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Maria", "MARIA", "Maria Anna", "Maria-Anna", "María"), "maria"),
        (("M.A.", "M. A.", "m"), "m"),
        (("Jean-Pierre", "Jean Pierre"), "jean"),
        (("", "-", "?"), ""),
    ],
)
def test_given_names(texts, expected):
    assert {given_name(text) for text in texts} == {expected}


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("1990-02-03", ["%Y-%m-%d"], ("1990-02-03", "1990")),
        ("03-02-1990", ["%Y-%m-%d", "%d-%m-%Y"], ("1990-02-03", "1990")),
        (" 3/2/1990 ", ["%d/%m/%Y"], ("1990-02-03", "1990")),
        ("19900203", ["%Y%m%d"], ("1990-02-03", "1990")),
        ("00-00-1990", ["%d-%m-%Y"], ("", "1990")),
        ("01-00-1990", ["%d-%m-%Y"], ("", "1990")),
        ("31-02-1990", ["%d-%m-%Y"], ("", "")),
        ("00-00-0000", ["%d-%m-%Y"], ("", "")),
        ("1990", ["%d-%m-%Y"], ("", "")),
        ("3 mrt 1990", ["%d %b %Y"], ("1990-03-03", "1990")),
        ("3 mrt. 1990", ["%d %B %Y"], ("1990-03-03", "1990")),
        ("3 maart 1990", ["%d %b %Y"], ("1990-03-03", "1990")),
        ("12 March 1988", ["%d %b %Y"], ("1988-03-12", "1988")),
        ("12-Mar-88", ["%d-%b-%y"], ("1988-03-12", "1988")),
        ("1 mei 05", ["%d %b %y"], ("2005-05-01", "2005")),
        ("0 OKT 1990", ["%d %b %Y"], ("", "1990")),
        ("3 foo 1990", ["%d %b %Y"], ("", "")),
        ("3 mrt 1990", ["%d %m %Y"], ("", "")),
        ("٠٣-٠٢-١٩٩٠", ["%d-%m-%Y"], ("", "")),
        ("", ["%d-%m-%Y"], ("", "")),
    ],
)
def test_dates_of_birth(text, formats, expected):
    assert birth_date(text, formats) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Jansen", "Janssen", "Jannsen"), "jnsn"),
        (("Dijk", "Dyk", "Dyck", "Deyk"), "dk"),
        (("Schmidt", "Smit", "Smid", "Schmitt"), "smt"),
        (("Meijer", "Meyer", "Maier", "Meier"), "mr"),
        (("Kuiper", "Kuijper", "Cuyper"), "kpr"),
        (("Vries", "Fries"), "frs"),
        (("Visser", "Fisser"), "fsr"),
        (("Bosch", "Bos"), "bs"),
        (("Bergh", "Berg"), "brg"),
        (("Hendriks", "Hendrikx", "Hendricks"), "hndrks"),
        (("Mohammed", "Muhammad", "Mohamed"), "mmt"),
        (("Thijssen", "Tijsen"), "tsn"),
        (("Ivanov", "Ivanow"), "Afnf"),
        (("Claes", "Klaas"), "kls"),
        (("Yusuf", "Jusuf"), "jsf"),
    ],
)  # fmt: skip
def test_surnames_that_sound_alike(names, expected):
    assert {sound(surname(name)) for name in names} == {expected}


@given(st.text(max_size=40), st.text(st.characters(max_codepoint=0x17F), max_size=40))
@settings(max_examples=300, deadline=None)
def test_rules_hold_for_any_text(text, latin):
    name = surname(text)
    assert surname(name) == name and (name == "" or name.isalpha())
    assert surname(f"  {text}.") == name and surname(f"van der {text}x") == surname(f"{text}x")
    assert surname(latin.upper()) == surname(latin)
    assert len(sound(name)) <= 8 or not name.isascii()
    assert given_name(text + " second") == (given_name(text) or "second")
    day, year = birth_date(text, ["%d-%m-%Y"])
    assert not day or date.fromisoformat(day).year == int(year)


# ---- hashes -----------------------------------------------------------------------------------------


def plain(part: str, value: str, key: bytes = KEY) -> str:
    """The twin: HMAC as the standard library writes it, from the description in the module."""
    return hmac.new(key, f"mse-pseudonym/1\x1f{part}\x1f{value}".encode(), hashlib.sha256).hexdigest()[:32]


def test_hashes_against_the_plain_one():
    made = Hashing(KEY, ["%d-%m-%Y"])("van der Meijer", "Anna Maria", "03-02-1990")
    assert made._asdict() == {
        "key": plain("identity", "meijer\x1fanna\x1f1990-02-03")
        + plain("further", "meijer\x1fanna\x1f1990-02-03\x1fmaria")[:8],
        "surname_hash": plain("surname", "meijer"),
        "surname_sound_hash": plain("surname_sound", "mr"),
        "given_hash": plain("given", "anna"),
        "initial_hash": plain("initial", "a"),
        "birthdate_hash": plain("birthdate", "1990-02-03"),
        "birth_year": "1990",
        "birth_either_hash": plain("birth_either", "1990-02-03"),
        "names_hash": plain("names", "anna\x1fmeijer"),
    }
    assert made._fields == PARTS
    # RFC 4231, test case 2: the function is the one of the standard.
    assert hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex().startswith("5bdcc146bf60754e")


def test_parts_are_not_comparable_across_fields_or_keys():
    make = Hashing(KEY)
    one, other = make("Anna", "Anna", "1990-02-03"), Hashing(KEY[::-1])("Anna", "Anna", "1990-02-03")
    both = [x for made in (one, other) for part, x in made._asdict().items() if part != "birth_year"]
    assert len({*both}) == 2 * (len(PARTS) - 1)
    assert make("A", "B", "1990-02-03").key != make("AB", "", "1990-02-03").key


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (("de Jong", "Sanne", "1990-02-03"), ("Sanne", "de Jong", "1990-03-02"), True),
        (("van den Berg", "Anna Maria", "1990-02-03"), ("Anna Maria", "Berg, van den", "1990-02-03"), True),
        (("Jansen-de Vries", "Anna", "1990-12-11"), ("Jansen", "Anna", "1990-11-12"), True),
        (("De", "Anna", "1990-02-03"), ("Anna", "De", "1990-02-03"), True),
        (("Jong", "Sanne", "1990-02-03"), ("Jong", "Susan", "1991-03-02"), False),
        (("Anna", "Bakker", "1990-02-03"), ("Annabakker", "", "1990-02-30"), False),
    ],
)
def test_names_and_days_in_either_order(one, other, alike):
    first, second = Hashing(KEY)(*one), Hashing(KEY)(*other)
    assert (first.names_hash == second.names_hash) is alike
    assert (first.birth_either_hash == second.birth_either_hash) is alike
    assert first.key != second.key  # they are evidence, and make nobody one person


def test_what_is_not_known_has_no_part_in_either_order():
    for identity in (
        ("Onbekend", "Anna", "1900-01-01"),
        ("", "Anna", "?"),
        ("Berg", "N.N.", ""),
        ("Berg", "", "1990-00-00"),
    ):
        made = Hashing(KEY)(*identity)
        assert made.names_hash == made.birth_either_hash == ""


@pytest.mark.parametrize("identity", [("", "Anna", "1990-02-03"), ("Berg", "", "1990-02-03"), ("Berg", "Anna", "?")])
def test_a_part_that_is_missing_leaves_no_key(identity):
    made = Hashing(KEY)(*identity)
    assert made.key == ""
    assert (made.surname_hash == "") == (identity[0] == "") and (made.birthdate_hash == "") == (identity[2] == "?")


def test_disguise_is_what_hashing_says():
    frame = pd.DataFrame(
        {
            "record": [1, 2, 3], "surname": ["Berg", None, "van den Berg"], "given_name": ["Anna", "Anna", "anna"],
            "birth_date": pd.to_datetime(["2001-03-05", "1990-01-01", "2001-03-05"]),
            "date": ["2019-03-04", "2019-03-04", "2019-03-05"],
        },
        index=[7, 8, 9],
    )  # fmt: skip
    made = disguise(frame, KEY, age_on="date")
    assert list(made.columns) == ["record", "date", *PARTS, "age"] and list(made.index) == [7, 8, 9]
    expected = Hashing(KEY)("Berg", "Anna", "2001-03-05")
    assert tuple(made.loc[7, list(PARTS)]) == expected == tuple(made.loc[9, list(PARTS)])
    assert made.loc[8, ["key", "surname_hash"]].isna().all() and made.loc[8, "birth_year"] == "1990"
    assert made["age"].tolist() == ["minor", "adult", "adult"]
    with pytest.raises(InputError, match="no column"):
        disguise(frame.drop(columns="surname"), KEY)


def test_ages():
    days = [("2001-03-05", "2019-03-04", "minor"), ("2001-03-05", "2019-03-05", "adult"),
            ("2000-02-29", "2018-02-28", "minor"), ("2000-02-29", "2018-03-01", "adult"), ("", "2019-01-01", ""),
            ("2020-01-01", "2019-01-01", "")]  # fmt: skip
    assert [age_group(born, day) for born, day, _ in days] == [said for *_, said in days]


# ---- keys -------------------------------------------------------------------------------------------


def key_file(folder: Path, content: bytes = KEY + b"\n", mode: int = 0o600) -> Path:
    path = folder / "mse.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_key_from_a_file_or_the_environment(tmp_path, monkeypatch):
    assert read_key(key_file(tmp_path)) == KEY
    monkeypatch.setenv("SOME_KEY", KEY.decode())
    assert read_key(variable="SOME_KEY") == KEY
    assert len(fingerprint(KEY)) == 8 and fingerprint(KEY) != fingerprint(KEY[::-1])


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
@pytest.mark.parametrize(("mode", "who"), [(0o644, "anybody"), (0o604, "anybody"), (0o640, "group"), (0o660, "group")])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode, who):
    with pytest.raises(InputError) as caught:
        read_key(key_file(tmp_path, mode=mode))
    said = str(caught.value)
    assert who in said and "chmod 600" in said and "find the person" in said and KEY.decode() not in said


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "no key"), (b"\n", "no key"), (b"Xq7", "too short"), (b"a" * 64, "too simple")]
)
def test_a_key_that_is_none(tmp_path, monkeypatch, content, words):
    with pytest.raises(InputError) as caught:
        read_key(key_file(tmp_path, content))
    said = str(caught.value).replace(str(tmp_path), "")
    assert words in said and "Xq7" not in said
    monkeypatch.setenv("SOME_KEY", content.decode())
    with pytest.raises(InputError, match=words):
        read_key(variable="SOME_KEY")


def test_no_key_at_all(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    nowhere = tmp_path / "x"
    for options in (
        {"variable": "NO_KEY"},
        {},
        {"file": nowhere, "variable": "X"},
        {"file": nowhere},
        {"file": tmp_path},
    ):
        with pytest.raises(InputError):
            read_key(**options)


# ---- files ------------------------------------------------------------------------------------------

RAW = "id,surname,given,born,date,sex\n1,van den Berg,Anna,1990-02-03,2019-03-04,f\n2,,Béa,1990-02-31,2019-03-05,\n"


def raw(folder: Path, text: str = RAW) -> Path:
    path = folder / "raw.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_without_a_contract(tmp_path):
    done = pseudonymise_file(raw(tmp_path), tmp_path / "out.csv", KEY, identity=WHO)
    assert done.rows == 2 and done.unreadable == 1 and done.key_id == fingerprint(KEY)
    assert done.missing == {
        "key": 1, "surname_hash": 1, "surname_sound_hash": 1, "given_hash": 0, "initial_hash": 0, "birthdate_hash": 1,
        "birth_year": 1, "birth_either_hash": 1, "names_hash": 1,
    }  # fmt: skip
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "date", "sex", *PARTS] == list(done.columns)
    assert tuple(rows[0][x] for x in PARTS) == Hashing(KEY)("Berg", "Anna", "1990-02-03")
    assert os.stat(tmp_path / "out.csv").st_mode & 0o077 == 0
    text = (tmp_path / "out.csv").read_text()
    assert "Berg" not in text and "Anna" not in text and "1990-02-03" not in text


def test_dates_of_birth_in_another_format_than_is_said_are_refused(tmp_path):
    text = "surname,given,born\n" + "".join(f"Jansen,Anna,{i}-12-1990\n" for i in range(10, 16))
    with pytest.raises(InputError, match=r"most dates of birth cannot be read: 6 of 6.*%Y-%m-%d") as caught:
        pseudonymise_file(raw(tmp_path, text), tmp_path / "out.csv", KEY, identity=WHO)
    assert "1990" not in str(caught.value) and not (tmp_path / "out.csv").exists()


def test_a_file_from_the_draft_of_its_contract_to_the_registrations(tmp_path):
    """The whole way at a supplier: draft, gaps filled in, pseudonyms, delivery, reading."""
    text = filled_in(new_contract(raw_sample(tmp_path / "raw.csv")))
    (tmp_path / "delivery").mkdir()
    found = make_contract(tomllib.loads(text) | {"list": "R"}, folder=tmp_path / "delivery")
    done = pseudonymise_file(tmp_path / "raw.csv", tmp_path / "delivery" / "raw.csv", KEY, contract=found)
    assert done.rows == 60 and "Opmerking" not in done.columns and "Contact" not in done.columns
    delivered = (tmp_path / "delivery" / "raw.csv").read_text()
    assert not any(value in delivered for value in PERSONAL)
    with read_registers([found], tmp_path) as registers:
        assert registers.counts[-1].count == 60
        born = registers.connection.execute("SELECT DISTINCT birth_year FROM registrations").fetchall()
        assert born == [("1987",)]


def test_age_on_the_day_of_the_registration(tmp_path):
    draft = filled_in(new_contract(raw_sample(tmp_path / "raw.csv")))
    field = '[[fields]]\nname = "age"\nrole = "stratum"\nconstraints = { enum = ["minor", "adult"] }\n\n'
    text = draft.replace("[identity]", field + "[identity]") + 'age = "age"\n'
    found = make_contract(tomllib.loads(text))
    lines = ["Zaaknr;Achternaam;Voornaam;Geboortedatum;Datum melding;Geslacht;Vorm;Provincie;Opmerking;Contact",
             "1;A;B;05-03-2001;04-03-2019;M;Arbeid;Drenthe;;", "2;A;B;05-03-2001;05-03-2019;M;Arbeid;Drenthe;;",
             "3;A;B;05-03-2001;?;M;Arbeid;Drenthe;;"]  # fmt: skip
    (tmp_path / "few.csv").write_text("\n".join(lines))
    pseudonymise_file(tmp_path / "few.csv", tmp_path / "out.csv", KEY, contract=found)
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [r["age"] for r in csv.DictReader(file, delimiter=";")] == ["minor", "adult", ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RAW.replace("surname", "name"), "column is not there"),
        (RAW.replace("id,", "born,"), "2 times"),
        (RAW.replace("id,", "key,"), "name of a pseudonym"),
        (RAW + "3,x\n", "too few cells"),
        (RAW + '3,"x"y,z\n', "quotation mark"),
        (RAW.replace("sex", "email"), "looks like an e-mail address"),
        (RAW.replace(",f\n", ",anna@example.org\n"), "looks like e-mail addresses"),
        (RAW.splitlines()[0] + "\n", "no rows"),
        ("", "empty"),
    ],
)
def test_files_that_cannot_become_pseudonyms(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        pseudonymise_file(raw(tmp_path, text), tmp_path / "out.csv", KEY, identity=WHO)
    said = str(caught.value)
    assert words in said and "Berg" not in said and "Anna" not in said and "example.org" not in said
    assert os.listdir(tmp_path) == ["raw.csv"]


def test_bytes_of_another_encoding(tmp_path):
    path = tmp_path / "raw.csv"
    path.write_bytes(RAW.encode("cp1252"))
    with pytest.raises(InputError, match="not text in this encoding"):
        pseudonymise_file(path, tmp_path / "out.csv", KEY, identity=WHO)
    done = pseudonymise_file(path, tmp_path / "out.csv", KEY, identity=WHO, encoding="cp1252")
    assert done.missing["given_hash"] == 0


def test_what_exists_is_kept(tmp_path):
    path, out = raw(tmp_path), tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        pseudonymise_file(path, out, KEY, identity=WHO)
    with pytest.raises(InputError, match="exists already"):
        pseudonymise_file(path, path, KEY, identity=WHO, overwrite=True)
    with pytest.raises(InputError, match="cannot be written"):
        pseudonymise_file(path, tmp_path / "none" / "out.csv", KEY, identity=WHO)
    with pytest.raises(InputError, match="not said which columns"):
        pseudonymise_file(path, tmp_path / "new.csv", KEY)
    assert out.read_text() == "mine" and path.read_text() == RAW
    pseudonymise_file(path, out, KEY, identity=WHO, overwrite=True)
    assert out.read_text() != "mine" and sorted(os.listdir(tmp_path)) == ["out.csv", "raw.csv"]


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    import mse.intake.pseudonyms.delivering as module

    path, out = raw(tmp_path), tmp_path / "out.csv"
    out.write_text("mine")

    class Full:
        def __init__(self, *arguments, **options):
            pass

        def writerow(self, row):
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.csv, "writer", Full)
        with pytest.raises(InputError, match="the disk is full"):
            pseudonymise_file(path, out, KEY, identity=WHO, overwrite=True)
    assert out.read_text() == "mine" and sorted(os.listdir(tmp_path)) == ["out.csv", "raw.csv"]


def test_the_first_day_of_a_year_is_a_day():
    assert birth_date(date(1990, 1, 1).isoformat(), ["%Y-%m-%d"]) == ("1990-01-01", "1990")


def test_bloom_filters_are_similar_where_names_and_dates_are() -> None:
    """Keyed, as long as a hash may be, alike for alike names; exchanged names are alike, other keys are not."""
    from mse.intake.pseudonyms.bloomfilters import Filters

    def dice(a: str, b: str) -> float:
        one, other = int(a, 16), int(b, 16)
        return 2 * (one & other).bit_count() / (one.bit_count() + other.bit_count())

    make, other = Filters(b"k" * 32), Filters(b"o" * 32)
    name, day = make.names("kowalska", "katarzyna"), make.birth("1990-02-03")
    assert len(name) == len(day) == 128
    assert dice(name, make.names("kowaslka", "katarzyna")) > 0.75
    assert dice(name, make.names("katarzyna", "kowalska")) == 1.0
    assert dice(name, make.names("dejong", "sanne")) < 0.55
    assert dice(day, make.birth("1990-03-02")) > 0.6 > dice(day, make.birth("1974-11-28"))
    assert 100 < int(name, 16).bit_count() < 300 and 90 < int(day, 16).bit_count() < 250
    assert dice(name, other.names("kowalska", "katarzyna")) < 0.55
    assert make.names("", "") == make.birth("") == ""


def test_bloom_filters_are_made_where_they_are_asked_for(tmp_path: Path) -> None:
    from mse.intake.contracts.clauses import Identity
    from mse.intake.pseudonyms.delivering import pseudonymise_file

    source = tmp_path / "own.csv"
    source.write_text("surname,given_name,birth_date,date\nde Jong,Anna,1990-02-03,2024-05-01\nBos,,,2024-05-02\n")
    who = Identity(surname="surname", given="given_name", birth_date="birth_date")
    done = pseudonymise_file(source, tmp_path / "out.csv", b"k" * 32, identity=who, clk=True)
    assert done.columns[-2:] == ("name_clk", "birth_clk") and done.missing["birth_clk"] == 1
    assert "name_clk" not in pseudonymise_file(source, tmp_path / "two.csv", b"k" * 32, identity=who).columns
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines[1].split(",")[-1]) == 128 and lines[2].endswith(",")
