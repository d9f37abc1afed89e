"""Tables, files of persons, registers with repeats: columns that say who somebody is are refused, others are not."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from mse.errors import InputError
from mse.evidence.respondentfile import read_respondents
from mse.evidence.surveydesign import SurveyDesign
from mse.identifying.table_columns import table_kind
from mse.shipped import shipped_names, shipped_path
from mse.tables.captures import CaptureTable
from mse.tables.persons import PersonTable
from mse.tables.repeats import RepeatCounts
from tests.examples.heldout import HELD_OUT
from tests.examples.identifying import HARMLESS, PERSONAL, Make

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
UNSEEN = {"foreign postcodes", "coordinates", "births of children", "births, young", "postcodes, far", "wallets"}
"""Kinds that a table without a contract cannot tell from measurements and days of registration."""


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def refused(kinds: dict[str, list[Make]], n: int, counted: bool) -> list[bool]:
    found = []
    for kind, variants in kinds.items():
        for i, make in enumerate(variants):
            r = random.Random(f"{kind} {i} {n}")
            values = [make(r) for _ in range(n)]
            persons = [r.choice((1, 1, 2)) for _ in values] if counted else None
            found.append(table_kind("x", values, persons) is not None)
    return found


@pytest.mark.parametrize("counted", [False, True])
def test_nearly_everything_that_can_be_told_is_refused(counted: bool) -> None:
    kinds = {kind: makes for kind, makes in (PERSONAL | HELD_OUT).items() if kind not in UNSEEN}
    found = refused(kinds, 12, counted) + refused(kinds, 40, counted)
    assert sum(found) / len(found) >= (0.88 if counted else 0.93)


@pytest.mark.parametrize("n", [12, 60, 500])
@pytest.mark.parametrize("counted", [False, True])
def test_nothing_harmless_is_refused(n: int, counted: bool) -> None:
    assert sum(refused(HARMLESS, n, counted)) == 0


def columns(path: Path) -> list[tuple[str, list[str], list[int] | None]]:
    """Return every column of a file but its count, with the persons of the rows."""
    header, *rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    at = next((i for i, name in enumerate(header) if name in ("count", "freq")), None)
    persons = None if at is None else [int(float(row[at])) for row in rows]
    return [(name, [row[i] for row in rows], persons) for i, name in enumerate(header) if i != at]


FILES = [next(shipped_path("data", name).glob("*.csv")) for name in shipped_names("data")]
FILES += sorted(SHARED.rglob("*.csv"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_false_alarm_on_a_table_there_is(path: Path) -> None:
    for name, cells, persons in columns(path):
        if not set(cells) <= {"0", "1"}:
            assert table_kind(name, cells, persons) is None, name
            assert table_kind(name, cells) is None, name


NAMES = ["Femke de Boer", "Ioana Popescu", "Blessing Okafor", "Piotr Nowak", "Linh Nguyen", "Olga Ivanova",
         "Ahmed Haddad", "Joy Adeyemi", "Sanne Visser", "Wei Zhang", "Ayşe Kaya", "José Ortega"]  # fmt: skip
BIRTHS = [f"{1961 + 3 * i}-0{1 + i % 9}-1{i % 10}" for i in range(12)]
MAILS = [f"{name.split()[0].lower()}@example.org" for name in NAMES]
NUMBERS = ["111222333", "123456782", "100000009", "100000022", "100000034", "100000046", "100000058", "100000071",
           "100000083", "100000095", "100000101", "100000113"]  # fmt: skip
BAD = {"names": NAMES, "births": BIRTHS, "mails": MAILS, "numbers": NUMBERS}
BITS = [["1", "0"], ["0", "1"], ["1", "1"]]


@pytest.mark.parametrize("what", BAD)
def test_files_are_refused_whole_and_no_value_is_said(what: str, tmp_path: Path) -> None:
    values = BAD[what]
    table = write(tmp_path / "t.csv", ["A", "B", "x", "count"],
                  [[*BITS[i % 3], value, "1"] for i, value in enumerate(values)])  # fmt: skip
    persons = write(tmp_path / "p.csv", ["A", "B", "x"], [[*BITS[i % 3], value] for i, value in enumerate(values)])
    repeats = write(tmp_path / "r.csv", ["registrations", "count", "x"],
                    [[str(1 + i % 2), "1", value] for i, value in enumerate(values)])  # fmt: skip
    survey = write(tmp_path / "s.csv", ["y", "x"], [[str(i % 2), value] for i, value in enumerate(values)])
    readers = {
        "table": lambda: CaptureTable.from_csv(table, covariates=("x",)),
        "rows": lambda: CaptureTable.from_csv(persons, persons=True, lists=("A", "B")),
        "persons": lambda: PersonTable.from_csv(persons, lists=("A", "B"), covariates=()),
        "repeats": lambda: RepeatCounts.from_csv(repeats, covariates=()),
        "survey": lambda: read_respondents(survey, SurveyDesign("y")),
    }
    for reader, read in readers.items():
        with pytest.raises(InputError, match="the column looks like") as caught:
            read()
        said, dutch = str(caught.value), caught.value.in_words("nl")
        assert "column 'x'" in said and "Do: remove the column" in said, reader
        assert not any(value in said or value in dutch for value in values), reader
        ours = next(x for x in caught.value.problems if "looks like" in str(x))
        assert "de kolom lijkt op" in ours.in_words("nl") and "Toegestaan: " in ours.in_words("nl")


def test_classes_codes_years_and_measurements_stay(tmp_path: Path) -> None:
    r = random.Random(3)
    fields = {
        "district": lambda: r.choice(["Alpha", "Bravo", "Charlie"]), "born": lambda: str(r.randrange(1950, 2005)),
        "income": lambda: str(r.randrange(9_000, 70_000)), "size": lambda: repr(r.lognormvariate(3, 1)),
        "age": lambda: str(r.randrange(15, 80)), "id": iter(map(str, range(1, 500))).__next__,
        "day": iter(f"2016-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(300)).__next__,
    }  # fmt: skip
    rows = [[*BITS[i % 3], *(make() for make in fields.values())] for i in range(120)]
    path = write(tmp_path / "p.csv", ["A", "B", *fields], rows)
    people = PersonTable.from_csv(path, lists=("A", "B"), covariates=("district", "born", "income", "size", "age"))
    assert people.observed == 120
    assert CaptureTable.from_csv(path, persons=True, lists=("A", "B")).observed == 120


def test_declared_levels_are_codes_unless_they_have_the_form_of_an_address() -> None:
    labels = [f"Wijk {name}" for name in ("Noordrand", "Zuidkaap", "Oosterzij", "Westkreek", "Middenmeer")]
    assert table_kind("wijk", labels) is not None and table_kind("wijk", labels, declared=labels) is None
    assert table_kind("x", MAILS, declared=MAILS) is not None
