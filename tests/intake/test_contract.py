"""Contracts: what they say, what is wrong with them, alone and together, and the draft from a sample."""

from __future__ import annotations

import json
import random
import tomllib
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from mse.cli import main
from mse.errors import InputError
from mse.intake.contracts.contract import Contract
from mse.intake.contracts.contractfile import make_contract, read_contract
from mse.intake.contracts.draft import new_contract
from mse.intake.contracts.together import check_contracts
from mse.settings.specreading import written
from tests.examples.registers import CONTRACT, contract, hashed, row, write

GOLDEN = Path(__file__).parents[1] / "golden" / "frictionless"


def changed(old: str, new: str, text: str = CONTRACT) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def problems(text: str) -> str:
    with pytest.raises(InputError) as caught:
        make_contract(tomllib.loads(text))
    return str(caught.value)


def test_roles_levels_and_files(tmp_path):
    (tmp_path / "p-2.csv").touch()
    (tmp_path / "p-1.csv").touch()
    found = contract(tmp_path, path=["p-*.csv", "p-1.csv"])
    assert found.strata == ("year", "form", "sex", "nationality", "age")
    assert found.levels("form") == ("sexual", "labour", "criminal")
    assert found.levels("nationality") == ("Dutch", "other")
    assert found.levels("age") == ("minor", "adult")
    assert found.levels("year")[0] == "2016" and len(found.levels("year")) == 10
    assert found.parts == ("surname_hash", "birth_year")
    assert [x.name for x in found.files()] == ["p-1.csv", "p-2.csv"]
    (key,) = found.with_role("key")
    assert not key.required and key.pattern == "[0-9a-f]{16,128}"


def test_every_problem_at_once_with_its_line(tmp_path):
    text = changed('role = "coarse"', 'role = "year_of_birth"', changed('type = "year"', 'typ = "year"'))
    text = changed("2026-02-01", '"yesterday"', text)
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_contract(tmp_path / "p.toml")
    said = caught.value.problems
    lines = (tmp_path / "p.toml").read_text().splitlines()
    assert {lines[p.row - 1] for p in said} == {
        'extraction_date = "yesterday"', 'role = "year_of_birth"', 'typ = "year"',
    }  # fmt: skip
    assert "did you mean 'type'" in str(caught.value)


def test_what_stands_deep_in_a_contract_is_told_with_its_own_place(tmp_path):
    text = changed('codes = { KMAR = "K", none = "" }', 'codes = { KMAR = 1, none = "" }')
    text = changed("minimum = 18", 'minimum = "18"', text)
    text = changed("max_rejects", "missingValues = [0]\nmax_rejects", text)
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_contract(tmp_path / "p.toml")
    lines = text.splitlines()
    places = {p.column: lines[p.row - 1].partition(" ")[0] for p in caught.value.problems}
    assert {column.split(".")[-1] for column in places} == {"KMAR", "minimum", "0"}
    assert {"codes", "classes", "missingValues"} == set(places.values())
    told = caught.value.in_words("nl")
    assert "(waarde '18'). Toegestaan: een getal" in told and "Allowed" not in told


def test_one_text_stands_for_a_list_of_one_and_from_for_the_first_day(tmp_path):
    settings = tomllib.loads(CONTRACT)
    layout = {"from": "2016-01-01", "until": date(2016, 12, 31), "path": "old.csv"}
    where = {"sex": "f"}
    found = make_contract({**settings, "path": "p.csv", "layout": [layout],
                           "blind": [{"where": where, "reason": "none are"}]})  # fmt: skip
    assert found.path == ("p.csv",) and found.layout[0].path == ("old.csv",) and found.blind[0].where == {"sex": ("f",)}
    assert (found.layout[0].first, found.layout[0].until) == (date(2016, 1, 1), date(2016, 12, 31))
    assert written(found)["layout"][0]["from"] == "2016-01-01"
    assert make_contract(written(found)) == found
    for key in ("from", "frm"):
        with pytest.raises(InputError) as caught:
            make_contract({**settings, "layout": [{**layout, "from": 3} if key == "from" else {"frm": "2016-01-01"}]})
        assert all("from" in str(p) for p in caught.value.problems)


def test_a_code_list_may_be_long():
    codes = "{ " + ", ".join(f'c{i} = "x"' for i in range(5_000)) + " }"
    contract = make_contract(tomllib.loads(changed('constraints = { enum = ["f", "m"] }', f"codes = {codes}")))
    assert max(len(field.codes or {}) for field in contract.fields) == 5_000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('list = "P"', 'list = "P*"', "name of a list"),
        ('path = ["p.csv"]', "path = []", "no file is named"),
        ('publisher = "National Police"', 'publisher = "FILL IN"', "not filled in"),
        ("max_rejects", 'delimiter = "x"\nmax_rejects', "separator"),
        ("max_rejects", 'encoding = "klingon"\nmax_rejects', "encoding"),
        ("max_rejects", 'encoding = "rot13"\nmax_rejects', "encoding"),
        ("max_rejects", 'personal = ["nobody"]\nmax_rejects', "no such column"),
        ("max_rejects = 1.0", "max_rejects = nan", "max_rejects"),
        ("first = 2016-01-01", "first = 2027-01-01", "ends before it begins"),
        ("2026-02-01", "2020-02-01", "before the period ends"),
        ("2026-02-01", "2926-02-01", "has not come yet"),
        ('victim = "Any', 'victim = "\\u0007Any', "control character"),
        ('name = "key"', 'name = "record"', "named twice"),
        ('role = "date"\ntype = "date"', 'role = "date"', "has this type"),
        ('role = "date"\ntype = "date"', 'role = "date"\ntype = "date"\nformat = "%d-%m"', "no format of a date"),
        ('role = "date"\ntype = "date"', 'role = "ignored"', "no column has the role date"),
        ('role = "hash"', 'role = "key"', "2 columns have the role key"),
        ('role = "hash"', 'role = "hash"\nconstraints = { pattern = "(" }', "pattern"),
        ('role = "hash"', 'role = "hash"\nconstraints = { pattern = "(?=a)" }', "pattern"),
        ('role = "hash"', 'role = "hash"\ninto = "Date of birth"', "column of the registrations"),
        ('role = "hash"', 'role = "hash"\ninto = "birth_year"', "fill the same column"),
        ('role = "hash"', 'role = "hash"\ncodes = { a = "b" }', "only a stratum"),
        ('constraints = { enum = ["f", "m"] }', "", "no code list"),
        ('enum = ["f", "m"]', 'enum = ["f", " m"]', "space around"),
        ('codes = { KMAR = "K", none = "" }', "", "which list a code"),
        ("minimum = 18", "minimum = 17", "classes overlap"),
        ("minimum = 18", "minimum = inf", "classes"),
        ('type = "integer"', 'type = "string"', "classes of what is no number"),
        ('several = "priority"', 'several = "first"', "do not fit"),
        ('["sexual", "labour", "criminal"]', '["sexual", "labour"]', "every level once"),
        ("[dimensions.form]", "[dimensions.shape]", "no column fills"),
        ('separator = "|"\n', "", "only one label"),
        ("[dimensions.form]", "[dimensions.form]\nconstant = true", "one level all life"),
        ('[dimensions.form]\nseveral = "priority"\norder = ["sexual", "labour", "criminal"]\n', "", "no rule"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(old, new, words):
    assert words in problems(changed(old, new))


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('[[blind]]\nwhere = { shape = ["x"] }\nreason = "r"', "no such dimension"),
        ('[[blind]]\nwhere = {}\nreason = "r"', "does not say to what"),
        ('[[closed]]\nfirst = 2010-01-01\nlast = 2010-02-01\nreason = "r"', "interval within the period"),
        ('[[closed]]\nfirst = 2020-01-01\nlast = 2019-02-01\nreason = "r"', "interval within the period"),
        ('[identity]\nsurname = "key"\ngiven = "g"\nbirth_date = "b"', "is one that is delivered"),
        ('[identity]\nsurname = "s"\ngiven = "g"\nbirth_date = "b"\nbirth_format = "%d-%m"', "date of birth"),
    ],
)
def test_sections_that_contradict_the_contract(section, words):
    assert words in problems(CONTRACT + section)


def test_a_file_that_is_no_contract(tmp_path):
    for name, content in {"a.toml": b"\xff\xfe", "b.toml": b"[[", "c.toml": b"", "d.toml": b"fields = 3"}.items():
        (tmp_path / name).write_bytes(content)
    for name in ("a.toml", "b.toml", "c.toml", "d.toml", "none.toml"):
        with pytest.raises(InputError, match=name):
            read_contract(tmp_path / name)


# ---- several suppliers ------------------------------------------------------------------------------

OTHER = CONTRACT.replace('list = "P"', 'list = "K"').replace("p.csv", "k.csv").replace('KMAR = "K"', 'POL = "P"')


def together(tmp_path: Path, *texts: str) -> str:
    paths = []
    for i, text in enumerate(texts):
        paths.append(tmp_path / f"{i}.toml")
        paths[-1].write_text(text)
    try:
        check_contracts(paths)
    except InputError as error:
        return str(error)
    return ""


def test_contracts_that_agree(tmp_path):
    assert together(tmp_path, CONTRACT, OTHER) == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('list = "K"', 'list = "p"', "same list name"),
        ("k.csv", "p.csv", "claims the same file"),
        ("last = 2025-12-31", "last = 2024-12-31", "says period '2016-01-01 to 2025-12-31'"),
        ('"Netherlands"', '"Belgium"', "says territory"),
        ('SEX = "sexual"', 'SEX = "Sexual"', "writes this level of form as 'sexual'"),
        ('NL = "Dutch"', 'NL = "other"', "maps this code of nationality to 'Dutch'"),
        ('enum = ["f", "m"]', 'enum = ["woman", "man"]', "no level of sex"),
        ('POL = "P"', 'POL = "Z"', "sent by a list for which there is no contract"),
        ('name = "surname_hash"\nrole = "hash"', 'name = "surname_hash"\nrole = "coarse"', "role hash"),
    ],
)
def test_contracts_that_contradict_each_other(tmp_path, old, new, words):
    other = changed(old, new, OTHER)
    other = other.replace('["sexual"', '["Sexual"') if "Sexual" in new else other
    assert words in together(tmp_path, CONTRACT, other)


def test_orders_rules_keys_and_own_codes(tmp_path):
    order = changed('["sexual", "labour", "criminal"]', '["labour", "sexual", "criminal"]', OTHER)
    assert "has another order" in together(tmp_path, CONTRACT, order)
    both = changed('several = "priority"\norder = ["sexual", "labour", "criminal"]', 'several = "both"', OTHER)
    assert "another rule" in together(tmp_path, CONTRACT, both)
    keyed = [changed("max_rejects", f'key_id = "{x}"\nmax_rejects', y) for x, y in (("1", CONTRACT), ("2", OTHER))]
    assert "same key" in together(tmp_path, *keyed)
    swapped = changed('SEX = "sexual", LAB = "labour"', 'LAB = "sexual", SEX = "labour"', OTHER)
    assert "maps this code of form" in together(tmp_path, CONTRACT, swapped)
    assert together(tmp_path, CONTRACT, swapped + "own_codes = true\n") == ""
    constant = ["\n[dimensions.sex]\nconstant = " + x for x in ("true", "false")]
    assert "says otherwise" in together(tmp_path, CONTRACT + constant[0], OTHER + constant[1])
    assert together(tmp_path, CONTRACT + constant[0], OTHER) == ""
    hashless = changed('name = "key"\nrole = "key"', 'name = "key"\nrole = "hash"\ninto = "other_hash"', OTHER)
    hashless = changed('name = "surname_hash"', 'name = "given_hash"', hashless)
    assert "no pseudonym in common" in together(tmp_path, CONTRACT, hashless)


def test_unsound_contracts_are_all_named_before_they_are_compared(tmp_path):
    said = together(tmp_path, changed("2026-02-01", '"x"'), changed('list = "K"', 'lists = "K"', OTHER))
    assert "0.toml" in said and "1.toml" in said and "same" not in said


# ---- Frictionless -----------------------------------------------------------------------------------


def golden_contract() -> Contract:
    text = changed('path = ["p.csv"]', 'path = ["faults.csv"]').replace('separator = "|"\n', "")
    text = text[: text.index("[dimensions.form]")]
    return make_contract(tomllib.loads(text), folder=GOLDEN)


def test_frictionless_descriptor_is_the_stored_one():
    """The stored descriptor was validated by frictionless 5.21.0, see the README beside it."""
    stored = json.loads((GOLDEN / "datapackage.json").read_text())
    assert golden_contract().to_datapackage() == stored


def test_a_contract_is_printed_as_a_data_package(tmp_path):
    path = tmp_path / "police.toml"
    path.write_text(CONTRACT, encoding="utf-8")
    ran = CliRunner().invoke(main, ["contract", "datapackage", str(path)])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == json.loads(json.dumps(read_contract(path).to_datapackage()))


# ---- the draft --------------------------------------------------------------------------------------

PERSONAL = ("Xanthippe", "Quackenbos", "Zyxwvut", "0612345678", "Heeft gebeld", "13-07-1987")


def raw_sample(path: Path, rows: int = 60) -> Path:
    random.seed(5)
    lines = ["Zaaknr;Achternaam;Voornaam;Geboortedatum;Datum melding;Geslacht;Vorm;Provincie;Opmerking;Contact"]
    for i in range(rows):
        name, given = random.choice(PERSONAL[1:3]), PERSONAL[0]
        form = random.choice(["Seksueel", "Arbeid", "Seksueel+Arbeid"])
        lines.append(
            f"Z{i};{name};{given};{PERSONAL[5]};{i % 28 + 1:02d}-0{i % 9 + 1}-2019;{'MV'[i % 2]};{form};"
            f"{random.choice(['Utrecht', 'Drenthe'])};{PERSONAL[4]} met {PERSONAL[3]};{name}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def filled_in(text: str) -> str:
    text = text.replace('extraction_date = "FILL IN"', "extraction_date = 2026-02-01")
    return text.replace('several = "FILL IN"', 'several = "first"').replace("FILL IN", "said")


def test_draft_of_a_raw_file(tmp_path):
    text = new_contract(raw_sample(tmp_path / "raw.csv"))
    for value in PERSONAL:
        assert value not in text
    with pytest.raises(InputError) as caught:
        make_contract(tomllib.loads(text))
    assert "extraction_date" in str(caught.value)
    found = make_contract(tomllib.loads(filled_in(text)))
    assert found.delimiter == ";" and found.identity is not None and found.identity.birth_format == ("%d-%m-%Y",)
    roles = {field.name: field.role for field in found.fields}
    assert roles["Datum melding"] == "date" and roles["Geslacht"] == "stratum" and roles["Zaaknr"] == "record"
    assert roles["Opmerking"] == roles["Contact"] == "ignored" and roles["birthdate_hash"] == "hash"
    assert found.levels("vorm") == ("Arbeid", "Seksueel")
    assert str(found.period.first) == "2019-01-01"


def test_draft_of_a_pseudonymised_file(tmp_path):
    sample = [row(i, sex="fm"[i % 2], form=("SEX", "LAB", "SEX|LAB")[i % 3], referred_from="KMAR") for i in range(60)]
    text = new_contract(write(tmp_path / "P 1.csv", sample))
    found = make_contract(tomllib.loads(filled_in(text)))
    roles = {field.name: field.role for field in found.fields}
    assert roles["key"] == "key" and roles["surname_hash"] == "hash" and roles["birth_year"] == "coarse"
    assert roles["date"] == "date" and roles["entered"] == "entered" and roles["referred_from"] == "referred_from"
    assert found.list == "P 1" and found.levels("sex") == ("f", "m")
    assert hashed("k1") not in text


def test_draft_leaves_rare_codes_out(tmp_path):
    sample = [row(i, nationality="Tuvaluan" if i == 3 else "NL") for i in range(60)]
    text = new_contract(write(tmp_path / "p.csv", sample))
    assert "Tuvaluan" not in text and "1 more codes are rare" in text


def test_draft_of_parquet_and_of_what_is_none(tmp_path):
    import duckdb

    write(tmp_path / "p.csv", [row(i) for i in range(40)])
    duckdb.sql(f"COPY (FROM '{tmp_path / 'p.csv'}') TO '{tmp_path / 'p.parquet'}'")
    found = make_contract(tomllib.loads(filled_in(new_contract(tmp_path / "p.parquet"))))
    assert found.path == ("p.parquet",) and found.with_role("date")[0].name == "date"
    (tmp_path / "one.csv").write_text("a\nb\n")
    (tmp_path / "people.csv").write_text("Jansen,0612345678\nJansen,0612345678\n")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and so on PAR1")
    for name in ("one.csv", "people.csv", "bad.parquet", "none.csv"):
        with pytest.raises(InputError) as caught:
            new_contract(tmp_path / name)
        assert "Jansen" not in str(caught.value)
