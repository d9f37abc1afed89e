"""The guard of registers on a corpus of its own, placeholders, contradictions, and weak keys."""

from __future__ import annotations

import random
import secrets
import shutil
from pathlib import Path

import pytest

from benchmarks.guard import ROLES, SPAN
from mse.errors import InputError
from mse.intake.contracts.clauses import ContractField, Identity
from mse.intake.contracts.contractfile import read_contract
from mse.intake.pseudonyms.delivering import pseudonymise_file
from mse.intake.pseudonyms.keychecks import weakness
from mse.intake.pseudonyms.keyedhash import Hashing, read_key
from mse.intake.pseudonyms.placeholders import is_placeholder, january_stands_for_unknown, kind_of_day
from mse.intake.registers.delivered import read_registers
from mse.intake.registers.guard import personal_kind
from mse.intake.taking import take_in
from tests.examples.heldout import HELD_OUT
from tests.examples.identifying import GIVEN_OUT, HARMLESS, PERSONAL
from tests.examples.registers import KEY, contract, row, write
from tests.intake.test_contract import CONTRACT, changed

CASE = Path(__file__).parents[1] / "examples" / "pseudonyms-collide"
ALL = PERSONAL | HELD_OUT


def share_refused(kinds, role: str, n: int) -> float:
    found = []
    for kind, variants in kinds.items():
        for i, make in enumerate(variants):
            r = random.Random(f"{kind} {i} {n}")
            found.append(personal_kind("x", [make(r) for _ in range(n)], ROLES[role], SPAN) is not None)
    return sum(found) / len(found)


@pytest.mark.parametrize("role", list(ROLES))
def test_nearly_everything_that_says_who_somebody_is_is_refused(role):
    assert len(ALL) >= 80
    assert share_refused(ALL, role, 40) >= 0.95


@pytest.mark.parametrize("role", ["not declared", "stratum with `other`"])
@pytest.mark.parametrize("n", [12, 60])
def test_hardly_anything_harmless_is_refused(role, n):
    assert share_refused(HARMLESS, role, n) <= 0.01


def test_numbers_that_a_system_gave_out_are_records():
    made = {kind: make(random.Random(kind), 60) for kind, make in GIVEN_OUT.items()}
    assert [k for k, values in made.items() if personal_kind("x", values, ROLES["record"], SPAN)] == []


@pytest.mark.parametrize(("values", "good"), [
    (["K000313", "K000314", "K000315"], True), (["K000310", "K000313"], True), (["310313", "310314"], True),
    (["K900313", "K870214", "K010315"], False), (["900313", "900314", "870214"], False), (["K000313"], False),
])  # fmt: skip
def test_record_numbers_of_a_small_delivery_run_on(values, good):
    assert (personal_kind("x", values, ROLES["record"], SPAN) is None) is good


def test_histories_are_no_identifiers():
    values = [f"{random.Random(i).randrange(1, 16):04b}" for i in range(80)]
    for role in ("not declared", "stratum", "stratum with `other`"):
        assert personal_kind("ch", values, ROLES[role], SPAN) is None


@pytest.mark.parametrize("kind", sorted(set(ALL) - {"wallets"}))
def test_files_are_refused_and_no_value_is_said(tmp_path, kind):
    r = random.Random(kind)
    values = [ALL[kind][0](r) for _ in range(60)]
    text = changed('name = "sex"', 'name = "extra"\nrole = "ignored"\n\n[[fields]]\nname = "sex"')
    write(tmp_path / "p.csv", [row(i) | {"extra": value} for i, value in enumerate(values)])
    found = contract(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_registers([found], tmp_path)
    said = str(caught.value).replace(str(tmp_path), "")
    assert "extra" in said and not any(len(value) > 4 and value in said for value in values)


def test_unkeyed_text_in_keys_is_refused():
    names = [f"achternaam{i:03d}".encode().hex() for i in range(40)]
    numbers = [f"{random.Random(i).randrange(10**17, 10**18)}" for i in range(40)]
    for values in (names, numbers):
        assert personal_kind("key", values, ContractField(name="key", role="key"), SPAN)


# ---- placeholders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "onbekend",
        "Unknown",
        "N.N.",
        "nomen nescio",
        "x",
        "XX",
        "anoniem",
        "Anonymous",
        "niet bekend",
        "-",
        "?",
        "test",
        "Doe",
        "baby",
        "Baby van",
        "неизвестно",
        "n.a.",
    ],
)
def test_names_that_are_none(text):
    assert is_placeholder(text)
    made = Hashing(KEY)(text, "Anna", "1990-02-03")
    assert made.key == made.surname_hash == made.surname_sound_hash == ""
    assert Hashing(KEY)("Berg", text, "1990-02-03").given_hash == ""


@pytest.mark.parametrize("text", ["Jansen", "Li", "O", "M.", "An", "Na", "Test-Jansen", "Noë", "李", "de la", ""])
def test_names_that_are_some(text):
    assert not is_placeholder(text)


def test_days_that_are_none():
    for day in ("1900-01-01", "9999-12-31", "1850-05-05", "2990-01-02"):
        assert kind_of_day(day) and Hashing(KEY)("Berg", "Anna", day)[-4:-1] == ("", "", "")
    assert kind_of_day("1990-01-01") is None and kind_of_day("2020-01-02", on="2019-05-05") == "beyond a life"
    few, many = ["1990-01-01"] * 3 + ["1990-05-05"], ["1990-01-01"] * 30 + ["1990-05-05"] * 300
    assert not january_stands_for_unknown(few) and january_stands_for_unknown(many)


def test_placeholders_are_counted(tmp_path):
    lines = ["id,surname,given,born,date"]
    lines += [f"{i},Berg,Anna,19{i + 50}-05-05,2019-03-04" for i in range(20)]
    lines += [f"{i},Berg,Anna,19{i}-01-01,2019-03-04" for i in range(20, 40)]
    lines += ["40,Onbekend,Onbekend,1900-01-01,2019-03-04", "41,X,Anna,9999-12-31,2019-03-04"]
    (tmp_path / "raw.csv").write_text("\n".join(lines))
    who = Identity(surname="surname", given="given", birth_date="born")
    done = pseudonymise_file(tmp_path / "raw.csv", tmp_path / "out.csv", KEY, identity=who)
    assert dict(done.placeholders) == {
        "surname": 2,
        "given name": 1,
        "date of birth": 2,
        "1 January": 20,
        "beyond a life": 0,
    }
    assert done.missing["key"] == 22 and done.missing["birth_year"] == 2 and done.unreadable == 0


# ---- equal keys -------------------------------------------------------------------------------------


def test_sisters_and_placeholders_are_not_put_together(tmp_path):
    for path in CASE.iterdir():
        shutil.copy(path, tmp_path)
    contracts = [tmp_path / f"{x}.contract.toml" for x in "ab"]
    for name, path in zip("ab", contracts, strict=True):
        pseudonymise_file(tmp_path / f"{name}.csv", tmp_path / f"{name}2.csv", KEY, contract=read_contract(path))
    taken = take_in(contracts, tmp_path, seed=1)
    counts = {(x.step, x.list): x.count for x in taken.flow.itertuples()}
    assert counts["persons", "all"] == 17 and counts["on 2 lists", "all"] == 2
    assert counts["equal pseudonym, other given names", "all"] == 3 and counts["without a pseudonym", "all"] == 6
    assert any(note.code.endswith("apart_names") for note in taken.notes)


def linked(tmp_path, persons, text: str = CONTRACT) -> list[tuple[str, ...]]:
    make = Hashing(KEY)
    rows = [row(i, key=make("Berg", given, "1990-02-03").key, sex=sex) for i, (given, sex) in enumerate(persons)]
    write(tmp_path / "p.csv", rows)
    with read_registers([contract(tmp_path, text)], tmp_path) as registers:
        return registers.connection.execute("SELECT key FROM registrations ORDER BY row").fetchall()


@pytest.mark.parametrize(
    ("persons", "different"),
    [
        ([("Maria", "f"), ("Maria Anna", "f"), ("Maria Anna Sophia", "f"), ("Maria A.", "f")], 1),
        ([("Maria Anna", "f"), ("Maria Sophia", "f"), ("Maria", "f")], 3),
        ([("Noor", "f"), ("Noor", "m"), ("Noor", "f")], 2),
        ([("Noor", "f"), ("Noor", ""), ("Noor", "f")], 1),
    ],
)
def test_what_contradicts_and_what_does_not(tmp_path, persons, different):
    assert len(set(linked(tmp_path, persons))) == different


def test_a_contract_says_what_is_one_all_life(tmp_path):
    persons = [("Noor", "f"), ("Noor", "m")]
    renamed = changed('name = "sex"', 'name = "sex"\ninto = "letter"')
    assert len({*linked(tmp_path, persons, renamed)}) == 1
    assert len({*linked(tmp_path, persons, renamed + "\n[dimensions.letter]\nconstant = true\n")}) == 2
    assert len({*linked(tmp_path, persons, CONTRACT + "\n[dimensions.sex]\nconstant = false\n")}) == 1


def test_rows_without_an_identity_count_until_there_are_too_many(tmp_path):
    write(tmp_path / "p.csv", [row(i, **({"key": "", "surname_hash": ""} if i < 3 else {})) for i in range(20)])
    with read_registers([contract(tmp_path)], tmp_path) as registers:
        assert registers.counts[-1].count == 20
    with pytest.raises(InputError, match="no pseudonym nor a part of one"):
        read_registers([contract(tmp_path, max_rejects=0.1)], tmp_path)


# ---- keys -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        b"abc123XY" * 5,
        bytes(range(40)),
        bytes(range(90, 40, -1)),
        b"0123456789abcdefghijklmnopqrstuv",
        b"correct horse battery staple again",
        b"Welkom Bij De Politie Van Nederland",
        b"1234567890" * 4,
        b"aaaaaaaaaaaaaaaaaaaaaaaaabcdefghijk",
        b"Geheim2024!Geheim2024!Geheim2024!",
        b"0000000000000000000000000000000000000000000000000000000000012345678a",
    ],
)
def test_weak_keys(tmp_path, key):
    path = tmp_path / "k"
    path.write_bytes(key)
    path.chmod(0o600)
    with pytest.raises(InputError, match="openssl rand") as caught:
        read_key(path)
    assert key.decode("latin-1")[:8] not in str(caught.value).replace(str(tmp_path), "")


def test_random_keys_are_good():
    for _ in range(300):
        for key in (secrets.token_hex(32), secrets.token_hex(16), secrets.token_urlsafe(32)):
            assert weakness(key.encode()) is None
        assert weakness(secrets.token_bytes(32)) is None


def test_a_contract_may_list_codes_of_a_column_that_is_not_read(tmp_path):
    codes = [f"team {x}" for x in ("Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India")]
    field = f'name = "extra"\nrole = "ignored"\nconstraints = {{ enum = {codes} }}\n\n[[fields]]\nname = "sex"'.replace(
        "'", '"'
    )
    write(tmp_path / "p.csv", [row(i) | {"extra": codes[i % 9]} for i in range(18)])
    with read_registers([contract(tmp_path, changed('name = "sex"', field))], tmp_path) as registers:
        assert registers.counts[-1].count == 18
